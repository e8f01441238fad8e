"""Proxies as the environment names them, read as libcurl reads them: it is what goes through them."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import field
from urllib.parse import unquote, urlsplit

from modelhub.errors import NetworkError
from modelhub.quick_dataclasses import dataclass

_DEFAULT_PORT = 1080
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*://", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class Proxy:
    """An HTTP proxy.

    Attributes:
        credentials: ``user:password``, or ""; never to be shown.
    """

    host: str
    port: int
    credentials: str = field(default="", repr=False)

    @classmethod
    def parse(cls, uri: str) -> Proxy:
        """Read the URI of a proxy.

        Raises:
            NetworkError: It is none.
        """
        try:
            parts = urlsplit(uri if "://" in uri else f"http://{uri}")
            port = parts.port or _DEFAULT_PORT
        except ValueError as exc:
            raise NetworkError(f"The proxy {shown_proxy(uri)} is no URI.", hint="Write http://host:port.") from exc
        if not parts.hostname:
            raise NetworkError(f"The proxy {shown_proxy(uri)} names no host.", hint="Write http://host:port.")
        user, password = unquote(parts.username or ""), unquote(parts.password or "")
        return cls(host=parts.hostname, port=port, credentials=f"{user}:{password}" if user else "")


def is_http_proxy(uri: str) -> bool:
    """Whether a proxy is one that is asked in HTTP: neither ``https:`` nor ``socks5:``."""
    return uri.partition("://")[0].lower() == "http" if "://" in uri else True


def shown_proxy(uri: str) -> str:
    """A proxy as it may be shown: without user and password, even where an odd sign in them makes it no URI."""
    scheme = match[0] if (match := _SCHEME.match(uri)) else ""
    return f"{scheme}{uri.removeprefix(scheme).rpartition('@')[2]}"


def is_exempt(host: str, no_proxy: str) -> bool:
    """Whether a host is reached without a proxy.

    Args:
        host: Its name or address.
        no_proxy: Names (those below them are meant, too), addresses and networks, separated by commas or blanks; ``*``
            for all hosts.
    """
    if no_proxy.strip() == "*":
        return True
    entries = [entry.strip("[]") for entry in re.split(r"[,\s]+", no_proxy) if entry]
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        name = host.lower().rstrip(".")
        return any(f".{name}".endswith(f".{entry.lower().strip('.')}") for entry in entries if entry.strip("."))
    return any(_holds(entry, address) for entry in entries)


def _holds(entry: str, address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    try:
        return address in ipaddress.ip_network(entry, strict=False)
    except ValueError:  # the name of a host
        return False
