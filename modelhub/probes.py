"""What the network does when it is asked: names, connections, tunnels through a proxy, certificates.

The one module that opens sockets by itself. Nothing is downloaded here: that is for ``storage``, and what ``doctor``
says of a hub in the end is what ``storage`` finds. These probes tell on which step of the way it fails, and why.
"""

from __future__ import annotations

import base64
import re
import socket
import ssl
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from modelhub.certificates import issuer_of
from modelhub.errors import NetworkError
from modelhub.proxies import Proxy
from modelhub.quick_dataclasses import dataclass

_LOOKUP_TIMEOUT_S = 5.0
_CONNECT_TIMEOUT_S = 3.0
_MAX_ADDRESSES_TRIED = 3
_MAX_ANSWER_BYTES = 64 << 10
_STATUS_LINE = re.compile(rb"HTTP/1\.[01] (\d{3})([^\r\n]*)")
_EXPIRED, _NOT_YET_VALID = 10, 9  # of OpenSSL
_OTHER_NAME = {62, 64}

Result = TypeVar("Result")


@dataclass(frozen=True, kw_only=True)
class Lookup:
    """The addresses of a host, in the order in which the system wants them tried."""

    addresses: tuple[str, ...]
    ms: float


@dataclass(frozen=True, kw_only=True)
class Connection:
    """An open connection, to be closed by whoever asked for it; use as a context manager.

    Attributes:
        address: Where it leads, with the port.
        failed: The addresses that were tried before, and why each of them failed.
        ms: How long the address that answered took.
    """

    socket: socket.socket
    address: str
    failed: tuple[str, ...]
    ms: float

    def __enter__(self) -> Connection:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()


@dataclass(frozen=True, kw_only=True)
class Handshake:
    """An encrypted connection that came to be.

    Attributes:
        version: Such as ``TLSv1.3``.
        issuer: Who issued the certificate.
    """

    version: str
    issuer: str
    ms: float


def within(timeout_s: float, call: Callable[[], Result], *, what: str) -> Result:
    """The result of a call that may hang where no time-out can be set, such as looking up a name.

    One that comes too late goes on by itself and nobody waits for it.

    Raises:
        NetworkError: It took too long.
        Exception: What the call raises.
    """
    results: list[Result] = []
    failures: list[BaseException] = []

    def run() -> None:
        try:
            results.append(call())
        except BaseException as exc:  # noqa: BLE001 (raised again in the thread that waits)
            failures.append(exc)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(timeout_s)
    if failures:
        raise failures[0]
    if not results:
        raise NetworkError(f"{what} did not answer within {timeout_s:g} s.", hint="Check the network, or a firewall.")
    return results[0]


def look_up(host: str, port: int, *, timeout_s: float = _LOOKUP_TIMEOUT_S) -> Lookup:
    """The addresses of a host.

    Raises:
        NetworkError: It has none, or nobody answers.
    """
    started_s = time.perf_counter()
    try:
        found = within(
            timeout_s,
            lambda: socket.getaddrinfo(host, port, type=socket.SOCK_STREAM),
            what=f"The name server that was asked for {host}",
        )
    except (socket.gaierror, UnicodeError) as exc:
        reason = exc.strerror if isinstance(exc, socket.gaierror) else "it is no name of a host"
        raise NetworkError(
            f"{host} has no address: {reason}.",
            hint="Check its spelling and the name server of this machine; behind a proxy set HTTPS_PROXY.",
        ) from exc
    return Lookup(addresses=tuple(dict.fromkeys(str(entry[4][0]) for entry in found)), ms=_ms_since(started_s))


def connect(lookup: Lookup, port: int, *, timeout_s: float = _CONNECT_TIMEOUT_S) -> Connection:
    """A connection to the first address that takes one.

    Raises:
        NetworkError: None does.
    """
    failed: list[str] = []
    for address in _mixed(lookup.addresses)[:_MAX_ADDRESSES_TRIED]:
        shown = f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
        started_s = time.perf_counter()
        try:
            opened = socket.create_connection((address, port), timeout=timeout_s)
        except OSError as exc:
            failed.append(f"{shown} {_reason(exc)}")
            continue
        return Connection(socket=opened, address=shown, failed=tuple(failed), ms=_ms_since(started_s))
    raise NetworkError(
        f"No connection: {'; '.join(failed)}.",
        hint="Check the port, and whether a firewall lets only a proxy through (HTTPS_PROXY).",
    )


def open_tunnel(connection: Connection, host: str, port: int, proxy: Proxy) -> None:
    """Have a proxy, to which there is a connection, connect to a host.

    Raises:
        NetworkError: The proxy refuses, or does not speak HTTP.
    """
    target = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    asked = f"CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n"
    if proxy.credentials:
        asked += f"Proxy-Authorization: Basic {base64.b64encode(proxy.credentials.encode()).decode()}\r\n"
    try:
        connection.socket.sendall(f"{asked}\r\n".encode())
        answer = _read_head(connection.socket)
    except OSError as exc:
        reason = _reason(exc)
        raise NetworkError(f"The proxy breaks off: {reason}.", hint="Check HTTPS_PROXY and NO_PROXY.") from exc
    match = _STATUS_LINE.match(answer)
    if not match:
        raise NetworkError("The proxy does not answer in HTTP.", hint="Check the port in HTTPS_PROXY.")
    if match[1] != b"200":
        status = (match[1] + match[2]).decode("latin-1").strip()
        hint = "Check HTTPS_PROXY and NO_PROXY, or ask those who run the proxy."
        if match[1] == b"407":
            hint = "Set HTTPS_PROXY=http://user:password@host:port, with user and password of the proxy."
        raise NetworkError(f"The proxy refuses to connect to {host}: {status}.", hint=hint)


def shake_hands(dial: Callable[[], Connection], host: str, *, ca_bundle: Path | None = None) -> Handshake:
    """Make a connection encrypted, and look at the certificate of the host.

    Args:
        dial: Opens a connection to the host; called again where the certificate is not trusted, to see who issued it.
        host: What the certificate must be for.
        ca_bundle: File of the authorities that are trusted; ``None`` for those of the system.

    Raises:
        NetworkError: There is no encryption, or the certificate is not trusted.
    """
    context = _context(ca_bundle)
    try:
        with dial() as plain:
            started_s = time.perf_counter()
            with context.wrap_socket(plain.socket, server_hostname=host) as encrypted:
                ms = _ms_since(started_s)
                certificate = encrypted.getpeercert(binary_form=True) or b""
                return Handshake(version=encrypted.version() or "", issuer=issuer_of(certificate), ms=ms)
    except ssl.SSLCertVerificationError as exc:
        raise _untrusted(exc, host, _issuer(dial, host)) from exc
    except ssl.SSLError as exc:
        reason = (exc.reason or str(exc)).lower().replace("_", " ")
        raise NetworkError(
            f"{host} does not encrypt: {reason}.", hint="Check the port, or whether it is http:."
        ) from exc
    except OSError as exc:
        reason = _reason(exc)
        raise NetworkError(
            f"{host} breaks off when encryption begins: {reason}.",
            hint="A firewall may be in between; a proxy may help.",
        ) from exc


def _context(ca_bundle: Path | None) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=str(ca_bundle) if ca_bundle else None)
    except OSError as exc:
        raise NetworkError(
            f"The file of trusted authorities {ca_bundle} cannot be used: {exc.strerror or exc}.",
            hint="Check --ca-bundle, REQUESTS_CA_BUNDLE or SSL_CERT_FILE: it must be a PEM file.",
        ) from exc
    # As libcurl has it: Python 3.13 alone is stricter, and refuses authorities of companies that a pull goes by.
    context.verify_flags = ssl.VERIFY_X509_TRUSTED_FIRST | ssl.VERIFY_X509_PARTIAL_CHAIN
    return context


def _untrusted(exc: ssl.SSLCertVerificationError, host: str, issuer: str) -> NetworkError:
    hint = "Behind a company's proxy set --ca-bundle (or REQUESTS_CA_BUNDLE) to the file of its authority."
    if exc.verify_code in _OTHER_NAME:
        hint = "Name the hub by the host that its certificate is for."
    elif exc.verify_code in (_EXPIRED, _NOT_YET_VALID):
        hint = "Check the clock of this machine; if it is right, tell those who run the hub."
    by = f" (issued by {issuer})" if issuer else ""
    return NetworkError(f"The certificate of {host} is not trusted: {exc.verify_message}{by}.", hint=hint)


def _issuer(dial: Callable[[], Connection], host: str) -> str:
    """Who issued a certificate that is not trusted; nothing is sent over such a connection."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with (
        suppress(OSError, NetworkError),
        dial() as plain,
        context.wrap_socket(plain.socket, server_hostname=host) as encrypted,
    ):
        return issuer_of(encrypted.getpeercert(binary_form=True) or b"")
    return ""


def _read_head(connection: socket.socket) -> bytes:
    """The head of an answer, and not one byte of what follows: that is for whoever uses the tunnel."""
    head = b""
    while not head.endswith(b"\r\n\r\n") and len(head) < _MAX_ANSWER_BYTES and (piece := connection.recv(1)):
        head += piece
    return head


def _mixed(addresses: tuple[str, ...]) -> list[str]:
    """The addresses with the first of either family in front: where one family is dead the other is soon tried."""
    families = {":" in address: address for address in reversed(addresses)}
    return list(dict.fromkeys([addresses[0], *families.values(), *addresses]))


def _reason(exc: OSError) -> str:
    if isinstance(exc, TimeoutError):
        return "did not answer in time"
    return (exc.strerror or str(exc) or type(exc).__name__).lower()


def _ms_since(started_s: float) -> float:
    return (time.perf_counter() - started_s) * 1000
