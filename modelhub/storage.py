"""Where objects are read: ``https:``, ``s3:`` and ``file:`` hubs. With what it imports, the only network code.

An object is a :class:`Source`: looked at once, then read in ranges, at an offset, or whole. A document
(``metadata.json``) is read whole, and only if it changed.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Protocol
from urllib.parse import urlsplit

from modelhub.arriving import LocalZip, Memory
from modelhub.artifacts import without_secrets
from modelhub.disk import disk_errors, open_regular
from modelhub.errors import NotAllowedError, NotFoundError, UsageError
from modelhub.network import Network
from modelhub.objects import BytesCallback, ObjectStat, Text
from modelhub.quick_dataclasses import dataclass
from modelhub.ranges import Missing, Span
from modelhub.scopes import check_encrypted
from modelhub.signing import Signer

if TYPE_CHECKING:
    from modelhub.asking import Address, Policy
    from modelhub.connections import Connections
    from modelhub.fetching import Sink
    from modelhub.opening import Opening
    from modelhub.texts import TextReader


class Source(Protocol):
    """One object, to be read; its ``uri`` is for people and holds no credentials."""

    uri: str

    def look(self, *, wants_all: bool = False, on_bytes: BytesCallback | None = None) -> Look:
        """Look at the object; asked once.

        Args:
            wants_all: Whether all of it is wanted; more of its beginning may then be asked for at once, for ``fetch``.
            on_bytes: Called with the number of bytes that have come so far and in all, where that takes long.

        Raises:
            ModelHubError: It cannot be read.
        """
        ...

    def read_at(self, offset: int, length: int) -> bytes:
        """The bytes from ``offset`` on, fewer than ``length`` only at the end of the object.

        Raises:
            ModelHubError: They cannot be read.
        """
        ...

    def fetch(self, missing: Missing | None, sink: Sink) -> Callable[[], None]:
        """Begin to bring bytes into a sink; what is returned stops it.

        The first call goes on with what the look has asked for besides both ends.

        Args:
            missing: Which bytes; ``None`` for all in one piece.
            sink: Where to.
        """
        ...


@dataclass(frozen=True, kw_only=True)
class Look:
    """An object as its source found it.

    Attributes:
        source: Whose object it is.
        stat: Its size and its ETag.
        has_ranges: Whether it can be read by position.
        head: Its first bytes.
        tail: Its last ones; "" where they did not come along.
        local: The object itself where it lies on this machine.
        on_close: Ends what is still on its way.
    """

    source: Source
    stat: ObjectStat
    has_ranges: bool
    head: bytes = b""
    tail: bytes = b""
    local: LocalZip | None = None
    on_close: Callable[[], None] = lambda: None

    @property
    def uri(self) -> str:
        """The object, for messages."""
        return self.source.uri

    @property
    def size_bytes(self) -> int:
        """Size of an object that can be read by position."""
        assert self.stat.size_bytes is not None
        return self.stat.size_bytes

    def read_at(self, offset: int, length: int) -> bytes:
        """Bytes by position; those at the beginning and at the end are here already.

        Raises:
            ModelHubError: They cannot be read.
        """
        end = min(offset + length, self.size_bytes)
        tail_start = self.size_bytes - len(self.tail)
        if end <= len(self.head):
            return self.head[offset:end]
        if offset >= tail_start:
            return self.tail[offset - tail_start : end - tail_start]
        return self.source.read_at(offset, length)

    def close(self) -> None:
        """Close the object where it lies on this machine, and end what is on its way; once more does no harm."""
        self.on_close()
        if self.local:
            self.local.close()


class Storage:
    """Opens objects and reads documents by URI.

    Args:
        network: How hubs are reached.
        signer: Knows who may read what.
    """

    def __init__(self, network: Network | None = None, signer: Signer | None = None) -> None:
        self._network = network or Network()
        self.signer = signer or Signer(allow_http=self._network.allow_http)
        self._connections: Connections | None = None
        self._texts: TextReader | None = None
        self._starting = threading.Lock()

    def open(self, uri: str) -> Source:
        """The object at a URI; nothing is asked yet.

        Raises:
            UsageError: No kind of URI that can be read.
            NotAllowedError: ``http:`` to another machine, or credentials that cannot be had.
        """
        if self._is_file(uri):
            return _FileSource(uri)
        return self._http_source(self.signer.address(uri))

    def read_text(self, uri: str, *, validator: str = "", is_patient: bool = True) -> Text | None:
        """A document, or ``None`` where it is as it was when ``validator`` was given.

        Args:
            uri: The document.
            validator: Of the :class:`~modelhub.objects.Text` that is there already.
            is_patient: Whether a failure is tried again; else one short attempt, for what can also be done without.

        Raises:
            UsageError: No kind of URI that can be read.
            NotFoundError: There is no such document.
            NotAllowedError: The hub refuses it.
            NetworkError: The hub cannot be reached.
        """
        if self._is_file(uri):
            return _read_file_text(uri, validator)
        if self._texts is None:
            from modelhub.texts import TextReader  # brings requests: 100 ms that a pull of what is listed need not pay

            network = self._network
            self._texts = TextReader(
                timeout_s=network.timeout_s,
                backoff_s=network.backoff_s,
                ca_bundle=network.ca_bundle,
                check_url=self._check_encrypted,
            )
        return self._texts.read(self.signer.address(uri), validator=validator, is_patient=is_patient)

    def close(self) -> None:
        """Close all connections."""
        if self._connections:
            self._connections.close()
        if self._texts:
            self._texts.close()

    def reopen(self) -> None:
        """Let new connections be made after all were closed."""
        self._connections = None

    def _http_source(self, address: Address) -> Source:
        from modelhub.asking import Policy
        from modelhub.connections import Connections  # bring libcurl: 25 ms

        network = self._network
        with self._starting:
            if self._connections is None:
                self._connections = Connections(network)
        policy = Policy(
            max_connections=network.connections, backoff_s=network.backoff_s, check_url=self._check_encrypted
        )
        return _HttpSource(address, self._connections, policy)

    def _is_file(self, uri: str) -> bool:
        try:
            parts = urlsplit(uri)
        except ValueError as exc:
            raise UsageError(f"{uri!r} is not a URI: {exc}.") from exc
        if parts.scheme == "file":
            return True
        if parts.scheme not in ("http", "https", "s3"):
            raise UsageError(f"{uri!r} cannot be read.", hint="A hub is an https:, s3: or file: URI, or a folder.")
        self._check_encrypted(uri)
        return False

    def _check_encrypted(self, uri: str) -> None:
        parts = urlsplit(uri)
        if parts.scheme not in ("http", "https", "s3"):
            raise NotAllowedError(
                f"{without_secrets(uri)} is no address that a hub may lead to.", hint="Tell those who run the hub."
            )
        check_encrypted(uri, allow_http=self._network.allow_http)


class _FileSource:
    """An object of a hub that is a folder."""

    def __init__(self, uri: str) -> None:
        self.uri = uri
        self._path = path_of_file_uri(uri)

    def look(self, *, wants_all: bool = False, on_bytes: BytesCallback | None = None) -> Look:
        with _file_errors(self.uri):
            status = self._path.stat()
            local = LocalZip(self._path, self.uri)
        stat = ObjectStat(size_bytes=local.size_bytes, etag=f"{status.st_size}-{status.st_mtime_ns}")
        return Look(source=self, stat=stat, has_ranges=True, local=local)

    def read_at(self, offset: int, length: int) -> bytes:
        with _file_errors(self.uri), self._path.open("rb") as file:
            file.seek(offset)
            return file.read(length)

    def fetch(self, missing: Missing | None, sink: Sink) -> Callable[[], None]:
        raise NotImplementedError("what lies in a folder is read there")


class _HttpSource:
    """An object of a hub that speaks HTTP."""

    def __init__(self, address: Address, connections: Connections, policy: Policy) -> None:
        self.uri = address.uri
        self._address = address
        self._connections = connections
        self._policy = policy
        self._look: Look | None = None
        self._opening: Opening | None = None

    def look(self, *, wants_all: bool = False, on_bytes: BytesCallback | None = None) -> Look:
        from modelhub.opening import Opening

        if self._look is None:
            opening = self._opening = Opening(self._address, self._policy, wants_all=wants_all, on_bytes=on_bytes)
            self._connections.run(opening)
            opening.wait()
            self._look = Look(
                source=self,
                stat=opening.stat,
                has_ranges=opening.has_ranges,
                head=opening.head,
                tail=opening.tail,
                on_close=lambda: self._connections.stop(opening),
            )
        return self._look

    def read_at(self, offset: int, length: int) -> bytes:
        look = self.look()
        span = Span(offset, min(offset + length, look.size_bytes) if look.has_ranges else offset + length)
        memory = Memory(span)
        stop = self._begin(Missing([span]) if look.has_ranges else None, memory)
        try:
            return memory.wait()
        finally:
            stop()

    def fetch(self, missing: Missing | None, sink: Sink) -> Callable[[], None]:
        return self._begin(missing, sink, self._opening)

    def _begin(self, missing: Missing | None, sink: Sink, opening: Opening | None = None) -> Callable[[], None]:
        from modelhub.fetching import Fetch

        fetch = Fetch(self._address, self.look().stat, missing, sink, self._policy, opening=opening)
        self._connections.run(fetch)
        return lambda: self._connections.stop(fetch)


def path_of_file_uri(uri: str) -> Path:
    """The path that a ``file:`` URI names."""
    from urllib.request import url2pathname  # 15 ms that only a hub in a folder pays

    return Path(url2pathname(urlsplit(uri).path))


def _read_file_text(uri: str, validator: str) -> Text | None:
    path = path_of_file_uri(uri)
    with _file_errors(uri):
        status = path.stat()
        now = f"{status.st_size}-{status.st_mtime_ns}"
        if now == validator:
            return None
        with os.fdopen(open_regular(path), encoding="utf-8", errors="replace") as file:
            return Text(content=file.read(), validator=now)


@contextmanager
def _file_errors(uri: str) -> Iterator[None]:
    with disk_errors(f"{uri} cannot be read", hint="Check its permissions."):
        try:
            yield
        except FileNotFoundError as exc:
            raise NotFoundError(f"{uri} does not exist.", hint="Check MODELHUB_HUB, or the path of the zip.") from exc
