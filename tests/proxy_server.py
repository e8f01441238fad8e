"""A proxy for tests, with a user and a password, as a company has it.

It asks nobody for addresses: whatever host is asked for lies on loopback. So what comes from a host that has no address
(``hub.example``) can have come through the proxy only.
"""

from __future__ import annotations

import base64
import socket
import socketserver
import ssl
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import BinaryIO
from urllib.parse import quote, urlsplit

USER = "ada"
PASSWORD = "5ec4e7&b3ef:0"
AUTHORIZATION = f"Basic {base64.b64encode(f'{USER}:{PASSWORD}'.encode()).decode()}"
REFUSAL = (
    b"HTTP/1.1 407 Proxy Authentication Required\r\n"
    b'Proxy-Authenticate: Basic realm="Company"\r\nContent-Length: 0\r\n\r\n'
)
PIECE_BYTES = 64 << 10


@dataclass(frozen=True)
class Head:
    """First line and headers, with their names in lower case."""

    line: str
    headers: dict[str, str]

    def __bytes__(self) -> bytes:
        lines = [self.line, *(f"{name}: {value}" for name, value in self.headers.items()), "", ""]
        return "\r\n".join(lines).encode("latin-1")


class Proxy(socketserver.ThreadingTCPServer):
    """Passes on what those ask for who know the password.

    Args:
        tls: Encrypts the way to the proxy itself, where it is given.

    Attributes:
        asked: ``METHOD TARGET`` of what it passed on; of an encrypted request it sees host and port alone.
        refused: How many requests it did not pass on.
        passed_bytes: What servers sent through it.
    """

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        super().__init__(("127.0.0.1", 0), _Exchange)
        self._scheme = "https" if tls else "http"
        if tls:  # each connection shakes hands in its own thread
            self.socket = tls.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)
        self.asked: list[str] = []
        self.refused = 0
        self.passed_bytes = 0
        self.counting = threading.Lock()
        self.closing = threading.Event()

    def uri(self, password: str = PASSWORD) -> str:
        """What to put into ``HTTPS_PROXY``."""
        return f"{self._scheme}://{USER}:{quote(password, safe='')}@127.0.0.1:{self.server_address[1]}"

    def handle_error(self, request: object, client_address: object) -> None:
        """Either end may go away."""


class _Exchange(socketserver.StreamRequestHandler):
    """One connection of a client: refusals, then one tunnel or one plain request."""

    server: Proxy

    def handle(self) -> None:
        while head := _read_head(self.rfile):
            if head.headers.pop("proxy-authorization", "") == AUTHORIZATION:
                self._pass_on(head)
                break
            self.server.refused += 1
            self.wfile.write(REFUSAL)  # the client may come back with a password on the same connection

    def _pass_on(self, head: Head) -> None:
        method, target, version = head.line.split(" ")
        self.server.asked.append(f"{method} {target}")
        parts = urlsplit(f"//{target}" if method == "CONNECT" else target)
        with socket.create_connection(("127.0.0.1", parts.port or 80)) as far, far.makefile("rb") as answer:
            if method == "CONNECT":
                self.wfile.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
                threading.Thread(target=self._send_on, args=(far,), daemon=True).start()
            else:
                line = f"{method} {parts._replace(scheme='', netloc='').geturl()} {version}"
                far.sendall(bytes(Head(line, head.headers | {"connection": "close"})))
                answered = _read_head(answer)
                self.wfile.write(bytes(Head(answered.line, answered.headers | {"connection": "close"})))
            _copy(answer, self._write)
            with suppress(OSError):
                self.connection.shutdown(
                    socket.SHUT_RDWR
                )  # the other thread reads no longer, and the file can be closed

    def _send_on(self, far: socket.socket) -> None:
        _copy(self.rfile, far.sendall)
        with suppress(OSError):
            far.shutdown(socket.SHUT_WR)

    def _write(self, piece: bytes) -> None:
        with self.server.counting:
            self.server.passed_bytes += len(piece)
        self.wfile.write(piece)


def _read_head(stream: BinaryIO) -> Head | None:
    """The next head, ``None`` where the other end has closed."""
    line = stream.readline().decode("latin-1").rstrip()
    headers = {}
    while field := stream.readline().decode("latin-1").rstrip():
        name, _, value = field.partition(": ")
        headers[name.lower()] = value
    return Head(line, headers) if line else None


def _copy(source: BinaryIO, write: Callable[[bytes], object]) -> None:
    """Copy until either end has closed."""
    with suppress(OSError, ValueError):  # a file that the other thread has closed is a ValueError
        while piece := source.read1(PIECE_BYTES):
            write(piece)
