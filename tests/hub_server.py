"""A hub for tests: a folder of real zips, and a real HTTP server that serves it with faults.

The server answers below ``/`` with the files of its folder. Path segments in front ask for faults and may be
combined, as in ``/no-ranges/slow/public/models/KEY.zip``; an argument stands in the next segment.

Answers that are no file:

=====================  ====================================================================
``403`` (4xx, 5xx)     this status, always
``503-then-200``       503 for the first request of a path, then the file
``429-then-200/S``     429 with ``Retry-After`` until S seconds after the first request of a path
``max-connections/N``  503 ``SlowDown``, as S3 says it, while N others are being answered
``login-page``         200 with a page of HTML, as the portal of a hotel has it
``redirect``           302 with a cookie to what follows: a path, or ``http://host/path``
``circle``             302 to itself
``silent``             no answer at all
=====================  ====================================================================

Bodies that do not come as they should:

=====================  ====================================================================
``slow``               a pause before every 4 KiB of the body
``paced/K``            K KiB a second, all connections together
``drop-at/N``          the connection is closed after N bytes of the body
``reset-at/N``         the connection is reset after N bytes of the body
``stall-at/N``         nothing comes after N bytes of the body
``gone-after/N``       every connection is closed once N bytes of the path were sent in all
=====================  ====================================================================

Servers that know less than they should:

=====================  ====================================================================
``no-ranges``          ``Range`` is ignored
``no-suffix``          ``Range`` is ignored where it is one of a suffix
``wrong-suffix``       a suffix of N bytes is taken for the first N + 1 bytes
``wrong-range``        other bytes than those asked for, and ``Content-Range`` says so
``no-content-range``   206 without ``Content-Range``
``no-length``          no ``Content-Length``: the end of the connection ends the body
``chunked``            no ``Content-Length``: chunked transfer encoding
``no-keep-alive``      every connection is closed after its answer
``no-etag``            only ``Last-Modified``
``weak-etag``          an ETag that no ``If-Match`` can match
``no-if-match``        ``If-Match`` is ignored
``replaced-at/N``      once N bytes of the path were sent in all, what lies in ``KEY.zip.next``
``gzip``               ``Content-Encoding: gzip`` for who accepts it
=====================  ====================================================================

Which requests the faults *behind* it befall:

=====================  ====================================================================
``nth/N``              the Nth request of a path
``first-time``         the first request for each end of a range
=====================  ====================================================================

``HEAD`` is answered with 501, as some servers do.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import math
import re
import select
import socket
import ssl
import struct
import threading
import time
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import unquote

from modelhub.artifacts import ArtifactKey

FAULT = re.compile(
    "[45][0-9][0-9]|503-then-200|login-page|redirect|circle|silent|slow|no-(ranges|suffix|length|keep-alive|etag|if-match)"
    "|no-content-range|wrong-(suffix|range)|chunked|weak-etag|gzip|first-time"
)
FAULT_WITH_NUMBER = re.compile("429-then-200|max-connections|paced|(drop|reset|stall|replaced)-at|gone-after|nth")
CUTS = {"drop-at", "reset-at", "stall-at"}
PIECE_BYTES = 16 << 10
SLOW_PIECE_BYTES = 4096
SLOW_DOWN = b"<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>"
LOGIN_PAGE = b"<!DOCTYPE html><html><body>Please log in to the network of this hotel.</body></html>"
SAVED_MODEL = {
    "metadata/part-00000": b'{"class": "com.johnsnowlabs.nlp.annotators.Tiny", "uid": "TINY_1", "paramMap": {}}\n',
    "metadata/_SUCCESS": b"",
    "weights": b"w" * 999,
}


@dataclass
class Request:
    """What was asked for, and what was answered.

    Attributes:
        headers: By the names that the client wrote.
        asked_s: On the clock of ``time.monotonic``.
        ended_s: Just before the last piece went out: the client may ask again before this thread runs again.
        status: 0 where there was no answer.
        first: Where in the object the body began.
        sent_bytes: Of the body.
    """

    method: str
    path: str
    headers: Mapping[str, str]
    asked_s: float
    ended_s: float = math.inf
    status: int = 0
    first: int = 0
    sent_bytes: int = 0

    @property
    def last_asked(self) -> str:
        """The end of the range that was asked for: a retry may begin where the first attempt broke off."""
        return self.headers.get("Range", "").rpartition("-")[2]

    @property
    def body(self) -> range:
        """The bytes of the object that were sent."""
        return range(self.first, self.first + self.sent_bytes)


class Server(ThreadingHTTPServer):
    """Serves a folder on loopback, and remembers what it was asked for and what it sent.

    Args:
        folder: What is served.
        host: An address of this machine.
        tls: Encrypts, where it is given.
    """

    request_queue_size = 128

    def __init__(self, folder: Path, host: str = "127.0.0.1", tls: ssl.SSLContext | None = None) -> None:
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        super().__init__((host, 0), Answer)
        if tls:  # each connection shakes hands in its own thread
            self.socket = tls.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)
        self.folder = folder
        self.origin = f"{'https' if tls else 'http'}://{f'[{host}]' if ':' in host else host}:{self.server_port}"
        self.requests: list[Request] = []
        self.closing = threading.Event()
        self.writing = threading.Lock()
        self.paced_until_s = 0.0

    def uri(self, *faults: str | int) -> str:
        """URI of the hub, with faults if any are named."""
        return "/".join([self.origin, *map(str, faults)])

    def asked(self, ending: str = "") -> list[str]:
        """Methods of the requests so far whose path ends so."""
        return [request.method for request in self.requests if request.path.endswith(ending)]

    def sent_bytes(self, path: str = "") -> int:
        """Bytes of bodies that were sent so far, of one path if it is named."""
        return sum(request.sent_bytes for request in list(self.requests) if path in ("", request.path))

    def bodies(self) -> list[range]:
        """Which bytes of an object were sent, one range for each answer that held any."""
        return [request.body for request in list(self.requests) if request.status in (200, 206) and request.body]

    def peak(self) -> int:
        """The largest number of requests that were being answered at once."""
        spans = [(request.asked_s, request.ended_s) for request in self.requests]
        return max((sum(asked <= moment < ended for asked, ended in spans) for moment, _ in spans), default=0)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away is no news."""


def covered_bytes(spans: Iterable[range]) -> int:
    """How many bytes lie in at least one of the spans."""
    covered = end = 0
    for span in sorted(spans, key=lambda span: span.start):
        covered += max(0, span.stop - max(span.start, end))
        end = max(end, span.stop)
    return covered


def again_bytes(earlier: Sequence[range], later: Sequence[range]) -> int:
    """How many of the bytes sent later had been sent before, be it earlier or later."""
    return sum(map(len, later)) + covered_bytes(earlier) - covered_bytes([*earlier, *later])


def split_faults(path: str) -> tuple[list[tuple[str, str]], str]:
    """The faults in front of a path, each with its argument, and the rest of it."""
    faults, rest = [], path.partition("?")[0].lstrip("/")
    while "redirect" not in dict(faults):
        name, _, behind = rest.partition("/")
        argument = ""
        if FAULT_WITH_NUMBER.fullmatch(name):
            argument, _, behind = behind.partition("/")
        elif not FAULT.fullmatch(name):
            break
        faults.append((name, argument))
        rest = behind
    return faults, rest


class Answer(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: Server

    def log_message(self, *args: Any) -> None: ...

    def do_GET(self) -> None:
        self.asked = Request(self.command, self.path, dict(self.headers), time.monotonic())
        with self.server.writing:
            self.before = [request for request in self.server.requests if request.path == self.path]
            self.others = sum(request.ended_s == math.inf for request in self.server.requests)
            self.server.requests.append(self.asked)
        try:
            self._answer(self._read_faults())
        finally:
            self._end()

    def _end(self) -> None:
        self.asked.ended_s = min(self.asked.ended_s, time.monotonic())

    def _read_faults(self) -> str:
        """Take the faults off the front of the path, and keep those that befall this request."""
        faults, rest = split_faults(self.path)
        self.faults: dict[str, str] = {}
        is_befallen = True
        for name, argument in faults:
            if name == "nth":
                is_befallen &= len(self.before) + 1 == int(argument)
            elif name == "first-time":
                is_befallen &= all(ask.last_asked != self.asked.last_asked for ask in self.before)
            elif is_befallen:
                self.faults[name] = argument
        return rest

    def _answer(self, path: str) -> None:
        quiet_s = float(self.faults.get("429-then-200", 0)) - self._since_first_s()
        if "silent" in self.faults:
            self._stall()
        elif self._is_gone():
            self.close_connection = True
        elif "redirect" in self.faults:
            place = path if "://" in path else f"/{path}"
            self._send(302, b"", Location=place, Set_Cookie="session=5ec4e7; Path=/")
        elif "circle" in self.faults:
            self._send(302, b"", Location=self.path)
        elif status := next((int(name) for name in self.faults if name.isdigit()), 0):
            self._send(status, b"no")
        elif "503-then-200" in self.faults and not self.before:
            self._send(503, b"busy", Retry_After="0")
        elif quiet_s > 0:
            self._send(429, b"later", Retry_After=str(math.ceil(quiet_s)))
        elif self.others >= float(self.faults.get("max-connections", "inf")):
            self._send(503, SLOW_DOWN, Content_Type="application/xml")
        elif "login-page" in self.faults:
            self._send(200, LOGIN_PAGE, Content_Type="text/html")
        elif (file := self._current(self.server.folder / unquote(path))).is_file():
            self._send_file(file)
        else:
            self._send(404, b"not here")

    def _since_first_s(self) -> float:
        """Seconds since the path was asked for first."""
        return self.asked.asked_s - self.before[0].asked_s if self.before else 0.0

    def _is_gone(self) -> bool:
        return self.server.sent_bytes(self.path) >= float(self.faults.get("gone-after", "inf"))

    def _current(self, file: Path) -> Path:
        """The file, or the one that has replaced it."""
        is_replaced = self.server.sent_bytes(self.path) >= float(self.faults.get("replaced-at", "inf"))
        return file.with_name(f"{file.name}.next") if is_replaced else file

    def _send_file(self, file: Path) -> None:
        status, asks = file.stat(), self.headers
        etag, modified = f'"{status.st_mtime_ns:x}"', formatdate(status.st_mtime, usegmt=True)
        etag = f"W/{etag}" if "weak-etag" in self.faults else etag
        known = {"Last_Modified": modified} | ({} if "no-etag" in self.faults else {"ETag": etag})
        span = self._span(status.st_size) if asks["If-Range"] in (None, etag, modified) else None
        if asks["If-None-Match"] == etag or (not asks["If-None-Match"] and asks["If-Modified-Since"] == modified):
            self._send(304, b"", **known)
        elif not self._is_matched(known.get("ETag", "W/")):
            self._send(412, b"replaced")
        elif "gzip" in self.faults and "gzip" in (asks["Accept-Encoding"] or ""):
            self._send(200, gzip.compress(file.read_bytes()), Content_Encoding="gzip", **known)
        elif span is None:
            with file.open("rb") as source:
                self._send_part(200, source, range(status.st_size), **known)
        elif not span:
            self._send(416, b"", Content_Range=f"bytes */{status.st_size}", **known)
        else:
            if "no-content-range" not in self.faults:
                known["Content_Range"] = f"bytes {span.start}-{span.stop - 1}/{status.st_size}"
            with file.open("rb") as source:
                self._send_part(206, source, span, **known)

    def _is_matched(self, etag: str) -> bool:
        """Whether what ``If-Match`` asks for holds; a weak ETag matches nothing."""
        wanted = self.headers["If-Match"]
        return "no-if-match" in self.faults or wanted in (None, "*") or (wanted == etag and etag[:2] != "W/")

    def _span(self, size_bytes: int) -> range | None:
        """The bytes that are asked for, ``None`` for all of them."""
        asked = re.fullmatch(r"bytes=(\d*)-(\d*)", self.headers["Range"] or "")
        if not asked or "no-ranges" in self.faults:
            return None
        first, last = (int(text) if text else None for text in asked.groups())
        if first is None:
            if "no-suffix" in self.faults:
                return None
            length = last or 0
            first, last = (0, length) if "wrong-suffix" in self.faults else (max(0, size_bytes - length), None)
        shift = 1 if "wrong-range" in self.faults else 0
        return range(first + shift, size_bytes if last is None else min(last + 1 + shift, size_bytes))

    def _send(self, status: int, body: bytes, **headers: str) -> None:
        self._send_part(status, io.BytesIO(body), range(len(body)), **headers)

    def _send_part(self, status: int, source: BinaryIO, span: range, **headers: str) -> None:
        """Send an answer with part of a file."""
        if self.faults.keys() & {"no-length", "no-keep-alive"}:
            headers["Connection"] = "close"
        if "chunked" in self.faults and status != 304:
            headers["Transfer_Encoding"] = "chunked"
        elif "no-length" not in self.faults and status != 304:
            headers["Content_Length"] = str(len(span))
        self.asked.status, self.asked.first = status, span.start
        if not span:
            self._end()
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        if status != 304:
            self._send_body(source, span)

    def _send_body(self, source: BinaryIO, span: range) -> None:
        limit = min([len(span), *(int(self.faults[name]) for name in CUTS & self.faults.keys())])
        source.seek(span.start)
        while self.asked.sent_bytes < limit and not self._is_gone():
            size = SLOW_PIECE_BYTES if "slow" in self.faults else PIECE_BYTES
            piece = source.read(min(size, limit - self.asked.sent_bytes))
            self._wait_turn(len(piece))
            if self.asked.sent_bytes + len(piece) == len(span):
                self._end()
            self._write(piece)
            self.asked.sent_bytes += len(piece)
        if self.asked.sent_bytes == len(span):
            self._write(b"")
        else:
            self._break_off()

    def _wait_turn(self, size_bytes: int) -> None:
        """Wait as long as a slow link would take."""
        if "slow" in self.faults:
            self.server.closing.wait(0.02)
        if "paced" in self.faults:
            with self.server.writing:
                begun_s = max(time.monotonic(), self.server.paced_until_s)
                self.server.paced_until_s = begun_s + size_bytes / 1024 / int(self.faults["paced"])
            self.server.closing.wait(self.server.paced_until_s - time.monotonic())

    def _break_off(self) -> None:
        self.close_connection = True
        if "stall-at" in self.faults:
            self._stall()
        if "reset-at" in self.faults:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            socket.close(self.connection.detach())

    def _stall(self) -> None:
        """Wait until the client gives up, or the server closes."""
        self.close_connection = True
        while not self.server.closing.is_set() and not select.select([self.connection], [], [], 0.05)[0]:
            pass

    def _write(self, piece: bytes) -> None:
        self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece) if "chunked" in self.faults else piece)


class HubFolder:
    """A hub in a folder: ``{repository}/{key}.zip`` and ``{repository}/metadata.json``."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.uri = folder.as_uri()

    def add(
        self,
        key: str,
        content: bytes | None = None,
        *,
        repository: str = "public/models",
        is_listed: bool = True,
        **line: Any,
    ) -> Path:
        """Publish a zip, and list it; further names are fields of its line (``checksum``, ``readyToUse``, …)."""
        path = self.folder / repository / f"{key}.zip"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(make_zip() if content is None else content)
        metadata = path.with_name("metadata.json")
        with metadata.open("a", encoding="utf-8") as file:
            if is_listed:
                file.write(json.dumps(self.line(key, path.read_bytes()) | line) + "\n")
        return path

    @staticmethod
    def line(key: str, content: bytes) -> dict[str, Any]:
        """The line of ``metadata.json`` for a zip."""
        parsed = ArtifactKey.parse(key)
        built = datetime(1970, 1, 1, tzinfo=timezone.utc) + timedelta(milliseconds=parsed.built_ms)
        return {
            "name": parsed.name,
            "language": parsed.language,
            "libVersion": {"parts": [int(part) for part in parsed.lib_version.split(".")]},
            "sparkVersion": {"parts": [int(part) for part in parsed.spark_version.split(".")]},
            "readyToUse": True,
            "time": built.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "isZipped": True,
            "category": "ml",
            "checksum": hashlib.md5(content).hexdigest().upper(),
        }


def make_zip(members: Mapping[str, bytes] | None = None) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in (SAVED_MODEL if members is None else members).items():
            archive.writestr(name, content)
    return packed.getvalue()
