"""A hub for tests: a folder of real zips, and a real HTTP server that serves it with faults.

The server answers below ``/`` with the files of its folder. Path segments in front ask for faults and may be
combined, as in ``/no-ranges/slow/public/models/KEY.zip``; an argument stands in the next segment:

====================  ====================================================================
``403`` (4xx, 5xx)    this status, always
``503-then-200``      503 for the first request of a path, then the file
``redirect``          302 to what follows: a path, or ``http://host/path``
``silent``            no answer at all
``slow``              a pause before every 4 KiB of the body
``drop-at/N``         the connection is closed after N bytes of the body
``stall-at/N``        nothing comes after N bytes of the body
``no-ranges``         ``Range`` is ignored
``no-length``         no ``Content-Length``: the end of the connection ends the body
``chunked``           no ``Content-Length``: chunked transfer encoding
``no-etag``           only ``Last-Modified``
``gzip``              ``Content-Encoding: gzip`` for who accepts it
====================  ====================================================================

``HEAD`` is answered with 501, as some servers do.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import re
import threading
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from modelhub.artifacts import ArtifactKey

FAULTS = {"503-then-200": 0, "redirect": 0, "silent": 0, "slow": 0, "drop-at": 1, "stall-at": 1, "no-ranges": 0}
FAULTS |= {"no-length": 0, "chunked": 0, "no-etag": 0, "gzip": 0} | {str(status): 0 for status in range(400, 600)}
PIECE_BYTES = 4096
SAVED_MODEL = {
    "metadata/part-00000": b'{"class": "com.johnsnowlabs.nlp.annotators.Tiny", "uid": "TINY_1", "paramMap": {}}\n',
    "metadata/_SUCCESS": b"",
    "weights": b"w" * 999,
}


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    headers: Mapping[str, str]


class Server(ThreadingHTTPServer):
    """Serves a folder on loopback, and remembers what it was asked for."""

    def __init__(self, folder: Path) -> None:
        super().__init__(("127.0.0.1", 0), _Answer)
        self.folder = folder
        self.requests: list[Request] = []
        self.closing = threading.Event()

    def uri(self, *faults: str | int) -> str:
        """URI of the hub, with faults if any are named."""
        return "/".join([f"http://127.0.0.1:{self.server_port}", *map(str, faults)])

    def asked(self, ending: str = "") -> list[str]:
        """Methods of the requests so far whose path ends so."""
        return [request.method for request in self.requests if request.path.endswith(ending)]

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away is no news."""


class _Answer(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: Server

    def log_message(self, *args: Any) -> None: ...

    def do_GET(self) -> None:
        self.server.requests.append(Request(self.command, self.path, dict(self.headers)))
        path = self._read_faults()
        if "silent" in self.faults:
            self.server.closing.wait()
        elif "redirect" in self.faults:
            self._send(302, b"", Location=path if "://" in path else f"/{path}")
        elif status := next((int(name) for name in self.faults if name.isdigit()), 0):
            self._send(status, b"no")
        elif "503-then-200" in self.faults and [ask.path for ask in self.server.requests].count(self.path) == 1:
            self._send(503, b"busy", Retry_After="0")
        elif (file := self.server.folder / unquote(path)).is_file():
            self._send_file(file)
        else:
            self._send(404, b"not here")

    def _read_faults(self) -> str:
        """Take the faults off the front of the path."""
        rest = self.path.partition("?")[0].lstrip("/")
        self.faults: dict[str, str] = {}
        while (name := rest.partition("/")[0]) in FAULTS and "redirect" not in self.faults:
            rest = rest.partition("/")[2]
            argument, _, behind = rest.partition("/")
            self.faults[name], rest = (argument, behind) if FAULTS[name] else ("", rest)
        return rest

    def _send_file(self, file: Path) -> None:
        body, asks = file.read_bytes(), self.headers
        etag, modified = f'"{file.stat().st_mtime_ns:x}"', formatdate(file.stat().st_mtime, usegmt=True)
        known = {"Last_Modified": modified} | ({} if "no-etag" in self.faults else {"ETag": etag})
        wanted = re.fullmatch(r"bytes=(\d*)-(\d*)", asks["Range"] or "")
        if asks["If-None-Match"] == etag or (not asks["If-None-Match"] and asks["If-Modified-Since"] == modified):
            self._send(304, b"", **known)
        elif "gzip" in self.faults and "gzip" in (asks["Accept-Encoding"] or ""):
            self._send(200, gzip.compress(body), Content_Encoding="gzip", **known)
        elif not wanted or "no-ranges" in self.faults or asks["If-Range"] not in (None, etag, modified):
            self._send(200, body, **known)
        else:
            first, last = wanted.groups()
            start = int(first) if first else max(0, len(body) - int(last))
            end = min(int(last) + 1 if first and last else len(body), len(body))
            span = f"{start}-{end - 1}" if start < end else "*"
            self._send(206 if start < end else 416, body[start:end], Content_Range=f"bytes {span}/{len(body)}", **known)

    def _send(self, status: int, body: bytes, **headers: str) -> None:
        if "no-length" in self.faults:
            headers["Connection"] = "close"
        elif "chunked" in self.faults and status != 304:
            headers["Transfer_Encoding"] = "chunked"
        elif status != 304:
            headers["Content_Length"] = str(len(body))
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        if status != 304:
            self._send_body(body)

    def _send_body(self, body: bytes) -> None:
        limit = min(len(body), int(self.faults.get("drop-at") or self.faults.get("stall-at") or len(body)))
        for start in range(0, limit, PIECE_BYTES):
            self.server.closing.wait(0.02 if "slow" in self.faults else 0)
            self._write(body[start : min(start + PIECE_BYTES, limit)])
        if "stall-at" in self.faults:
            self.server.closing.wait()
        if limit < len(body):
            self.close_connection = True
        else:
            self._write(b"")

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
