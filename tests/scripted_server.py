"""A server that answers as a test says, byte by byte: for what no decent server would send."""

from __future__ import annotations

import socketserver
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http import HTTPStatus


@dataclass(frozen=True)
class Asked:
    """A request: its path, and its headers with names in lower case."""

    path: str
    headers: dict[str, str]

    @property
    def span(self) -> range | None:
        """The bytes that are asked for, ``None`` for a suffix or for all of them."""
        first, _, last = self.headers.get("range", "").removeprefix("bytes=").partition("-")
        return range(int(first), int(last) + 1) if first else None


Script = Callable[[Asked], "bytes | Iterable[bytes]"]


def reply(status: int, body: bytes = b"", *lines: str, length: int | None = None) -> bytes:
    """An answer with a length, which need not be that of its body."""
    head = [
        f"HTTP/1.1 {status} {HTTPStatus(status).phrase}",
        f"Content-Length: {len(body) if length is None else length}",
    ]
    return "\r\n".join([*head, "Connection: close", *lines, "", ""]).encode("latin-1") + body


def part_of(content: bytes, asked: Asked, *lines: str) -> bytes:
    """What a decent server would answer."""
    span = asked.span
    if span is None and "range" not in asked.headers:
        return reply(200, content, *lines)
    if span is None:
        length = int(asked.headers["range"].rpartition("-")[2])
        span = range(max(0, len(content) - length), len(content))
    span = range(span.start, min(span.stop, len(content)))
    shown = f"Content-Range: bytes {span.start}-{span.stop - 1}/{len(content)}"
    return reply(206, content[span.start : span.stop], shown, *lines)


def from_afar(content: bytes, asked: Asked, *lines: str) -> Iterator[bytes]:
    """The same after so long that the server counts as a far one."""
    time.sleep(0.05)
    yield part_of(content, asked, *lines)


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    request_queue_size = 128
    asked: list[Asked]
    script: Script

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that goes away is no news."""


class _Answer(socketserver.StreamRequestHandler):
    server: _Server

    def handle(self) -> None:
        first = self.rfile.readline().decode("latin-1").split()
        headers = {}
        while line := self.rfile.readline().decode("latin-1").strip():
            name, _, value = line.partition(": ")
            headers[name.lower()] = value
        if not first:
            return
        asked = Asked(first[1], headers)
        self.server.asked.append(asked)
        answer = self.server.script(asked)
        with suppress(OSError):
            for piece in [answer] if isinstance(answer, bytes) else answer:
                self.wfile.write(piece)


@contextmanager
def scripted(script: Script) -> Iterator[tuple[str, list[Asked]]]:
    """A server for the time of the block: its origin, and what it is asked for."""
    with _Server(("127.0.0.1", 0), _Answer) as server:
        server.asked, server.script = [], script
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}", server.asked
        finally:
            server.shutdown()
