"""Whether a hub is reached, step by step: name, connection, certificate, list, rate.

The first step that fails is the last: what comes behind it would fail for the same reason.
"""

from __future__ import annotations

import ipaddress
import time
from collections.abc import Callable, Iterator
from email.utils import parsedate_to_datetime
from functools import cached_property, partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from modelhub import probes
from modelhub.amounts import ago_text, bytes_text
from modelhub.artifacts import join_uri, without_secrets
from modelhub.documents import Document
from modelhub.errors import ModelHubError, NetworkError, NotFoundError, UsageError
from modelhub.findings import OK, PROBLEM, SKIPPED, WARNING, Finding
from modelhub.ingest import check_is_list, read_metadata
from modelhub.objects import ObjectStat
from modelhub.proxies import Proxy, is_exempt, is_http_proxy, shown_proxy
from modelhub.quick_dataclasses import dataclass
from modelhub.rates import Measure
from modelhub.storage import Source, Storage, path_of_file_uri

MEASURE_S = 2.0
MEASURE_BYTES = 32 << 20
_ANSWER_TIMEOUT_S = 10.0
_WORTH_MEASURING_BYTES = 4 << 20
_LEAST_BYTES = 256 << 10
_HEAD_BYTES = 64 << 10
_MAX_ARTIFACTS_ASKED = 4
_SHOWN_ADDRESSES = 2
_PORTS = {"https": 443, "http": 80}


@dataclass(frozen=True, kw_only=True)
class Route:
    """How the network is reached, the same for what is checked here as for a pull.

    Attributes:
        ca_bundle: File of the authorities that are trusted; ``None`` for those of the system.
        proxy_of: The proxy for a URI, "" for none, and the hosts that need none.
        connections: How many a pull uses at once.
        measure: Measures the rate at which an object comes; ``None`` where rates are not wanted.
    """

    ca_bundle: Path | None
    proxy_of: Callable[[str], tuple[str, str]]
    connections: int
    measure: Measure | None


class HubCheck:
    """One hub under examination.

    Args:
        hub: Its URI.
        list_uri: Where it has the list of the first configured repository.
        storage: Reads it, as a pull would.
        route: How the network is reached.
        look_up: Finds the addresses of a host.
    """

    def __init__(
        self,
        hub: str,
        list_uri: str,
        storage: Storage,
        route: Route,
        *,
        look_up: Callable[[str, int], probes.Lookup] = probes.look_up,
    ) -> None:
        self._hub = hub
        self._list_uri = list_uri
        self._storage = storage
        self._route = route
        self._ask_name_server = look_up
        self._parts = urlsplit(list_uri)
        self._scheme = self._parts.scheme
        self._host = self._parts.hostname or ""

    def findings(self) -> Iterator[Finding]:
        """One finding for each step, until one fails."""
        for name, step in self._steps():
            try:
                finding = step()
            except ModelHubError as exc:
                finding = Finding.of_error("hub", name, exc, hub=without_secrets(self._hub))
            yield finding
            if finding.state == PROBLEM:
                return

    def _steps(self) -> Iterator[tuple[str, Callable[[], Finding]]]:
        yield "address", self._tell_address
        if self._scheme in _PORTS and is_http_proxy(self._proxy_uri):
            yield "dns", self._look_up
            yield "connection", self._connect
            if self._scheme == "https":
                yield "tls", self._shake_hands
        yield "list", self._read_list
        if self._route.measure and self._scheme != "file":
            yield "rate", self._measure

    def _found(self, name: str, text: str, *, state: str = OK, hint: str = "", **figures: Any) -> Finding:
        figures = {"hub": without_secrets(self._hub), **figures}
        return Finding(section="hub", name=name, state=state, text=text, hint=hint, figures=figures)

    # The steps

    def _tell_address(self) -> Finding:
        uri = without_secrets(self._hub)
        if self._scheme == "file":
            path = path_of_file_uri(self._hub)
            if not path.is_dir():
                raise NotFoundError(f"{uri} is no folder.", hint="Check MODELHUB_HUB, and whether its disk is mounted.")
            return self._found("address", uri)
        via = f" through the proxy {shown_proxy(self._proxy_uri)}" if self._proxy_uri else ""
        return self._found("address", f"{uri}{via}", proxy=shown_proxy(self._proxy_uri))

    def _look_up(self) -> Finding:
        lookup = self._lookup
        figures: dict[str, Any] = {
            "host": self._near_host,
            "addresses": list(lookup.addresses),
            "ms": round(lookup.ms, 1),
        }
        if _is_address(self._near_host):
            return self._found("dns", f"{self._near_host} is an address", **figures)
        shown = ", ".join(lookup.addresses[:_SHOWN_ADDRESSES])
        more = len(lookup.addresses) - _SHOWN_ADDRESSES
        others = f" and {more} more" if more > 0 else ""
        return self._found("dns", f"{self._near_host} is {shown}{others} ({lookup.ms:.0f} ms)", **figures)

    def _connect(self) -> Finding:
        with self._near_connection() as connection:
            self._open_tunnel(connection)
        figures: dict[str, Any] = {
            "address": connection.address,
            "failed": list(connection.failed),
            "ms": round(connection.ms, 1),
        }
        to = f"the proxy {connection.address}" if self._proxy else connection.address
        text = f"to {to} in {connection.ms:.0f} ms"
        if not connection.failed:
            return self._found("connection", text, **figures)
        hint = "Every new connection may lose time with that one; no network or name server should offer it."
        return self._found("connection", f"{text}, but {connection.failed[0]}", state=WARNING, hint=hint, **figures)

    def _shake_hands(self) -> Finding:
        handshake = probes.shake_hands(self._dial, self._host, ca_bundle=self._route.ca_bundle)
        text = f"{handshake.version} in {handshake.ms:.0f} ms, certificate by {handshake.issuer or 'somebody unnamed'}"
        return self._found(
            "tls", text, version=handshake.version, issuer=handshake.issuer, ms=round(handshake.ms, 1), trusted=True
        )

    def _read_list(self) -> Finding:
        _ = self._list  # what is imported for it shall not count
        started_s = time.perf_counter()
        stat = self._list_stat
        ms = (time.perf_counter() - started_s) * 1000
        uri = without_secrets(self._list_uri)
        check_is_list(self._head_of_list, source=uri)
        size = bytes_text(stat.size_bytes) or "size not known"
        age_s = self._age_s(stat)
        changed = "" if age_s is None else f", changed {ago_text(age_s)}"
        return self._found(
            "list",
            f"{uri.removeprefix(f'{without_secrets(self._hub)}/')}: {size}{changed} ({ms:.0f} ms)",
            uri=uri,
            size_bytes=stat.size_bytes,
            age_s=None if age_s is None else round(age_s),
            ms=round(ms, 1),
        )

    def _rate(self, uri: str, connections: int) -> float:
        assert self._route.measure
        measure = partial(self._route.measure, uri, connections, MEASURE_S, MEASURE_BYTES)
        return probes.within(MEASURE_S + _ANSWER_TIMEOUT_S, measure, what=self._host or "The hub")

    def _measure(self) -> Finding:
        uri, size_bytes = self._object_to_measure()
        if size_bytes is not None and size_bytes < _LEAST_BYTES:
            text = f"not measured: the largest object that was found has {bytes_text(size_bytes)}"
            return self._found("rate", text, state=SKIPPED)
        try:
            one, many = (self._rate(uri, connections) for connections in (1, self._route.connections))
        except ModelHubError as exc:  # the list came, so the hub works
            return self._found("rate", exc.message.rstrip("."), state=WARNING, hint=exc.hint, uri=without_secrets(uri))
        text = f"{bytes_text(one)}/s over one connection, {bytes_text(many)}/s over {self._route.connections}"
        return self._found(
            "rate",
            text,
            one_connection_bytes_per_s=round(one),
            rate_bytes_per_s=round(many),
            connections=self._route.connections,
            uri=without_secrets(uri),
        )

    # What the steps share

    @cached_property
    def _proxy_uri(self) -> str:
        if self._scheme not in _PORTS:
            return ""
        proxy, no_proxy = self._route.proxy_of(self._list_uri)
        return "" if is_exempt(self._host, no_proxy) else proxy

    @cached_property
    def _proxy(self) -> Proxy | None:
        return Proxy.parse(self._proxy_uri) if self._proxy_uri else None

    @property
    def _port(self) -> int:
        try:
            return self._parts.port or _PORTS[self._scheme]
        except ValueError as exc:
            raise UsageError(
                f"{without_secrets(self._hub)} is not a URI: {exc}.", hint="Correct MODELHUB_HUB."
            ) from exc

    @property
    def _near_host(self) -> str:
        """Whom we connect to ourselves: the proxy, which then knows the hub, or the hub."""
        return self._proxy.host if self._proxy else self._host

    @property
    def _near_port(self) -> int:
        return self._proxy.port if self._proxy else self._port

    @cached_property
    def _lookup(self) -> probes.Lookup:
        return self._ask_name_server(self._near_host, self._near_port)

    def _near_connection(self) -> probes.Connection:
        return probes.connect(self._lookup, self._near_port)

    def _open_tunnel(self, connection: probes.Connection) -> None:
        if self._proxy and self._scheme == "https":
            probes.open_tunnel(connection, self._host, self._port, self._proxy)

    def _dial(self) -> probes.Connection:
        """A connection to the hub, through the proxy where there is one."""
        connection = self._near_connection()
        try:
            self._open_tunnel(connection)
        except ModelHubError:
            connection.socket.close()
            raise
        return connection

    @cached_property
    def _list(self) -> Source:
        return self._storage.open(self._list_uri)

    @cached_property
    def _list_stat(self) -> ObjectStat:
        return self._stat_in_time(self._list_uri)

    def _stat_in_time(self, uri: str) -> ObjectStat:
        return probes.within(_ANSWER_TIMEOUT_S, partial(_stat, self._storage.open(uri)), what=self._host or "The hub")

    def _age_s(self, stat: ObjectStat) -> float | None:
        """Seconds since the list was changed, as the server or the folder tells it."""
        try:
            if self._scheme == "file":
                changed_s = path_of_file_uri(self._list_uri).stat().st_mtime
            else:
                changed_s = parsedate_to_datetime(stat.modified).timestamp()
        except (OSError, ValueError):
            return None
        return max(0.0, time.time() - changed_s)

    @cached_property
    def _head_of_list(self) -> str:
        """The first lines of the list, each of them whole."""
        read = partial(self._list.read_at, 0, _HEAD_BYTES)
        head = probes.within(_ANSWER_TIMEOUT_S, read, what=self._host or "The hub")
        lines, newline, _ = head.rpartition(b"\n")
        return (lines if newline and len(head) == _HEAD_BYTES else head).decode(errors="replace")

    def _object_to_measure(self) -> tuple[str, int | None]:
        """An object that is worth measuring: the list, or where that is short the largest of some artifacts in it."""
        sizes = {self._list_uri: self._list_stat.size_bytes}
        for uri in self._some_artifacts():
            if any(size is None or size >= _WORTH_MEASURING_BYTES for size in sizes.values()):
                break
            try:
                sizes[uri] = self._stat_in_time(uri).size_bytes
            except NetworkError:  # nor will the others come
                break
            except ModelHubError:  # a list may name what is not there
                continue
        return max(sizes.items(), key=lambda item: item[1] or 0)

    def _some_artifacts(self) -> list[str]:
        documents = read_metadata(self._head_of_list, "", source="")
        keys = [document.key for document in documents if isinstance(document, Document) and document.key]
        folder = self._list_uri.rpartition("/")[0]
        return [join_uri(folder, f"{key}.zip") for key in keys[:_MAX_ARTIFACTS_ASKED]]


def _stat(source: Source) -> ObjectStat:
    look = source.look()
    look.close()
    return look.stat


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
