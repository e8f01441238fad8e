"""S3 for tests, on loopback: it believes no signature that botocore would not have made, and answers as S3 does.

Buckets are the folders of its folder. An object below one of the ``public`` prefixes is read without credentials, and
with credentials not at all: they have no business there. For every other object the URL must be signed (SigV4) for this
host, this path, GET and the bucket's region, by one of the ``keys``, and be neither expired nor from the future.
"""

from __future__ import annotations

import hashlib
import re
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from botocore.auth import S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hub_server import HubFolder

ID, SECRET = "AKIAEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCY="
MAX_SKEW_S = 900
MAX_LIFETIME_S = 7 * 24 * 3600
TIME_FORM = "%Y-%m-%dT%H:%M:%SZ"


@dataclass(frozen=True, kw_only=True)
class Key:
    """What belongs to an access key, and the beginnings of ``bucket/key`` that it may read."""

    secret: str
    token: str = ""
    readable: tuple[str, ...] = ("",)


@dataclass(frozen=True, kw_only=True)
class S3Request:
    """What was asked for."""

    method: str
    path: str
    headers: Mapping[str, str]


class S3Server(ThreadingHTTPServer):
    """Serves buckets on loopback, and remembers what it was asked for and which errors it answered.

    Attributes:
        keys: By their access key id.
        public: Beginnings of ``bucket/key`` that anybody may read.
        is_listable: Whether it says 404 of what does not exist; else 403, as S3 where listing is forbidden.
        regions: Of buckets that are not in ``us-east-1``.
        says_region: How it answers a signature for another region: 400 or 301.
        ahead_s: How far its clock is ahead of ours.
        expired_tokens: Session tokens whose time is over.
        delay_s: How long it waits before each answer.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__(("127.0.0.1", 0), _Answer)
        self.folder = folder
        self.keys: dict[str, Key] = {}
        self.public: set[str] = set()
        self.is_listable = False
        self.regions: dict[str, str] = {}
        self.says_region = 400
        self.ahead_s = 0.0
        self.expired_tokens: set[str] = set()
        self.delay_s = 0.0
        self.requests: list[S3Request] = []
        self.refusals: list[str] = []
        self.closing = threading.Event()

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def bucket(self, name: str) -> HubFolder:
        """A bucket to publish zips in."""
        (self.folder / name).mkdir(parents=True, exist_ok=True)
        return HubFolder(self.folder / name)

    def put(self, name: str, content: bytes) -> str:
        """Put an object at ``bucket/key``; its ``s3:`` URI."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return f"s3://{name}"

    def now_s(self) -> float:
        return time.time() + self.ahead_s

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away is no news."""


class _RefusalError(Exception):
    def __init__(self, status: int, code: str, message: str = "", **elements: str) -> None:
        super().__init__(code)
        self.status, self.code, self.message, self.elements = status, code, message, elements


class _Answer(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: S3Server

    def log_message(self, *args: Any) -> None: ...

    def date_time_string(self, timestamp: float | None = None) -> str:
        return formatdate(self.server.now_s(), usegmt=True)

    def do_GET(self) -> None:
        self.server.requests.append(S3Request(method=self.command, path=self.path, headers=dict(self.headers)))
        name = unquote(urlsplit(self.path).path).lstrip("/")
        self.server.closing.wait(self.server.delay_s)
        try:
            self._check_rights(name)
            self._send_object(name)
        except _RefusalError as refusal:
            self.server.refusals.append(refusal.code)
            self._send_refusal(refusal)

    def do_HEAD(self) -> None:
        self.do_GET()

    def _check_rights(self, name: str) -> None:
        query = dict(parse_qsl(urlsplit(self.path).query, keep_blank_values=True))
        has_credentials = "Authorization" in self.headers or any(part.startswith("X-Amz-") for part in query)
        if name.startswith(tuple(self.server.public)):
            if has_credentials:
                raise _RefusalError(400, "InvalidRequest", "Credentials have no business here")
        elif not has_credentials:
            raise _RefusalError(403, "AccessDenied", "Access Denied")
        elif "Authorization" in self.headers or "X-Amz-Signature" not in query:
            raise _RefusalError(400, "InvalidRequest", "One signature is wanted, in the URL")
        else:
            self._check_signature(name, query)

    def _check_signature(self, name: str, query: Mapping[str, str]) -> None:
        access_key, date, region, service, _ = query["X-Amz-Credential"].split("/")
        key = self.server.keys.get(access_key)
        if key is None:
            raise _RefusalError(
                403, "InvalidAccessKeyId", "It does not exist in our records.", AWSAccessKeyId=access_key
            )
        self._check_region(name.partition("/")[0], region)
        self._check_time(query)
        string_to_sign, signature = self._sign(access_key, key, region, query)
        is_for_s3 = (date, service) == (query["X-Amz-Date"][:8], "s3") and query["X-Amz-SignedHeaders"] == "host"
        if signature != query["X-Amz-Signature"] or not is_for_s3:
            what = {"StringToSign": string_to_sign, "SignatureProvided": query["X-Amz-Signature"]}
            raise _RefusalError(403, "SignatureDoesNotMatch", "Check your key.", AWSAccessKeyId=access_key, **what)
        token = query.get("X-Amz-Security-Token", "")
        if token in self.server.expired_tokens:
            raise _RefusalError(400, "ExpiredToken", "The provided token has expired.", Token_0=token)
        if token != key.token:
            raise _RefusalError(400, "InvalidToken", "The provided token is malformed.", Token_0=token)
        if not name.startswith(key.readable):
            denied = f"User: arn:aws:iam::1:user/{access_key} is not authorized to perform: s3:GetObject on it"
            raise _RefusalError(403, "AccessDenied", denied)

    def _check_region(self, bucket: str, region: str) -> None:
        right = self.server.regions.get(bucket, "us-east-1")
        if region == right:
            return
        if self.server.says_region == 301:
            where = {"Bucket": bucket, "Endpoint": f"{bucket}.s3.{right}.amazonaws.com"}
            raise _RefusalError(301, "PermanentRedirect", "Address it there.", **where)
        raise _RefusalError(400, "AuthorizationQueryParametersError", f"expecting '{right}'", Region=right)

    def _check_time(self, query: Mapping[str, str]) -> None:
        signed_s = datetime.strptime(query["X-Amz-Date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=timezone.utc).timestamp()
        lifetime_s, now_s = int(query["X-Amz-Expires"]), self.server.now_s()
        if not 0 < lifetime_s <= MAX_LIFETIME_S:
            raise _RefusalError(400, "AuthorizationQueryParametersError", "X-Amz-Expires must be less than a week")
        if signed_s > now_s + MAX_SKEW_S:
            times = {"RequestTime": query["X-Amz-Date"], "ServerTime": _time_text(now_s)}
            raise _RefusalError(403, "RequestTimeTooSkewed", "The difference is too large.", **times)
        if now_s >= signed_s + lifetime_s:
            times = {"Expires": _time_text(signed_s + lifetime_s), "ServerTime": _time_text(now_s)}
            raise _RefusalError(
                403, "AccessDenied", "Request has expired", **{"X-Amz-Expires": str(lifetime_s)}, **times
            )

    def _sign(self, access_key: str, key: Key, region: str, query: Mapping[str, str]) -> tuple[str, str]:
        """What botocore would sign of this very request, and its signature."""
        parts = urlsplit(self.path)
        kept = "&".join(item for item in parts.query.split("&") if not item.startswith("X-Amz-Signature="))
        request = AWSRequest(method=self.command, url=f"http://{self.headers['Host']}{parts.path}?{kept}")
        request.context["timestamp"] = query["X-Amz-Date"]
        auth = S3SigV4QueryAuth(Credentials(access_key, key.secret), "s3", region)
        string_to_sign = auth.string_to_sign(request, auth.canonical_request(request))
        return string_to_sign, auth.signature(string_to_sign, request)

    def _send_object(self, name: str) -> None:
        bucket, _, key = name.partition("/")
        if not (self.server.folder / bucket).is_dir():
            raise _RefusalError(404, "NoSuchBucket", "The specified bucket does not exist")
        path = self.server.folder / name
        if not key or not path.is_file():
            if self.server.is_listable:
                raise _RefusalError(404, "NoSuchKey", "The specified key does not exist.", Key=key)
            raise _RefusalError(403, "AccessDenied", "Access Denied")
        content = path.read_bytes()
        etag = f'"{hashlib.md5(content).hexdigest()}"'
        known = {"ETag": etag, "Last-Modified": formatdate(path.stat().st_mtime, usegmt=True)}
        if self.headers["If-Match"] not in (None, etag):
            raise _RefusalError(412, "PreconditionFailed", "At least one of the pre-conditions did not hold")
        if self.headers["If-None-Match"] == etag:
            self._send(304, b"", known)
            return
        wanted = re.fullmatch(r"bytes=(\d*)-(\d*)", self.headers["Range"] or "")
        if not wanted:
            self._send(200, content, known)
            return
        first, last = wanted.groups()
        start = int(first) if first else max(0, len(content) - int(last))
        end = min(int(last) + 1 if first and last else len(content), len(content))
        if start >= end:
            raise _RefusalError(416, "InvalidRange", "The requested range is not satisfiable")
        self._send(206, content[start:end], known | {"Content-Range": f"bytes {start}-{end - 1}/{len(content)}"})

    def _send_refusal(self, refusal: _RefusalError) -> None:
        elements = (
            {"Code": refusal.code, "Message": refusal.message} | refusal.elements | {"RequestId": "4442587FB7D0A2F9"}
        )
        xml = "".join(
            f"<{name.replace('_', '-')}>{_escaped(text)}</{name.replace('_', '-')}>" for name, text in elements.items()
        )
        headers = {"Content-Type": "application/xml"}
        if refusal.status == 301:
            bucket = refusal.elements["Bucket"]
            headers["x-amz-bucket-region"] = self.server.regions.get(bucket, "us-east-1")
        body = f'<?xml version="1.0" encoding="UTF-8"?>\n<Error>{xml}</Error>'.encode()
        self._send(refusal.status, body, headers)

    def _send(self, status: int, body: bytes, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if status != 304:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD" and status != 304:
            self.wfile.write(body)


def _time_text(time_s: float) -> str:
    return datetime.fromtimestamp(time_s, timezone.utc).strftime(TIME_FORM)


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;")
