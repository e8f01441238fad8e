"""Where objects are read: ``https:`` and ``file:`` hubs. The only network code of the package.

An object is a :class:`Source`: it can be looked at, streamed, and read at an offset. A document (``metadata.json``) is
read whole, and only if it changed. All failures of requests and of the file system leave here as our errors.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol
from urllib.parse import urljoin, urlsplit

from modelhub.config import is_on_loopback
from modelhub.disk import disk_errors
from modelhub.errors import ModelHubError, NetworkError, NotAllowedError, NotFoundError, UsageError

if TYPE_CHECKING:
    import requests

CHUNK_BYTES = 1 << 20
_HTTP_CHUNK_BYTES = 64 << 10  # a slow link shall show that it moves
_CONNECT_TIMEOUT_S = 10.0
_IMPATIENT_TIMEOUTS_S = (3.0, 10.0)
_RETRIES = 3
_BACKOFF_S = 0.2
_PASSING = (429, 500, 502, 503, 504)
_RANGE_STATUSES = (206, 416)


@dataclass(frozen=True, kw_only=True)
class ObjectStat:
    """What is known of an object before it is read.

    Attributes:
        size_bytes: ``None`` where the server does not say.
        etag: Changes when the object is replaced; "" where there is none.
    """

    size_bytes: int | None
    etag: str = ""


class Stream:
    """All bytes of an object on their way; iterate over it, and close it where that may end early.

    Args:
        chunks: The bytes in order, in pieces of at most ``CHUNK_BYTES``.
        stat: What is known of the object that is being read.
        close: Gives up what the stream holds open.
    """

    def __init__(self, chunks: Iterator[bytes], stat: ObjectStat, close: Callable[[], None]) -> None:
        self._chunks = chunks
        self.size_bytes = stat.size_bytes
        self.etag = stat.etag
        self.close = close

    def __iter__(self) -> Iterator[bytes]:
        return self._chunks

    def __enter__(self) -> Stream:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Source(Protocol):
    """One object, to be read; its ``uri`` is for people and holds no credentials."""

    uri: str

    def stat(self) -> ObjectStat:
        """Look at the object without reading it."""
        ...

    def stream(self) -> Stream:
        """Begin to read the object."""
        ...

    def read_at(self, offset: int, length: int) -> bytes:
        """The bytes from ``offset`` on, fewer than ``length`` only at the end of the object."""
        ...


@dataclass(frozen=True, kw_only=True)
class Text:
    """A document that was read, and what to send next time to get it only if it changed."""

    content: str
    validator: str


class Storage:
    """Opens objects and reads documents by URI.

    Args:
        timeout_s: Seconds without a byte after which a connection counts as lost.
        allow_http: Whether ``http:`` is taken from other hosts than this machine.
        backoff_s: Pause before the second retry of a request; each further one is twice as long.
    """

    def __init__(self, *, timeout_s: float, allow_http: bool = False, backoff_s: float = _BACKOFF_S) -> None:
        self._timeout_s = timeout_s
        self._allow_http = allow_http
        self._backoff_s = backoff_s
        self._sessions: dict[int, requests.Session] = {}

    def open(self, uri: str) -> Source:
        """The object at a URI; nothing is asked yet.

        Raises:
            UsageError: No kind of URI that can be read.
            NotAllowedError: ``http:`` to another machine.
        """
        if self._is_file(uri):
            return _FileSource(uri)
        return _HttpSource(uri, self._session(_RETRIES), self._timeouts())

    def read_text(self, uri: str, *, validator: str = "", is_patient: bool = True) -> Text | None:
        """A document, or ``None`` where it is as it was when ``validator`` was given.

        Args:
            uri: The document.
            validator: Of the :class:`Text` that is there already.
            is_patient: Whether a failure is tried again; else one short attempt, for what can also be done without.

        Raises:
            UsageError: No kind of URI that can be read.
            NotFoundError: There is no such document.
            NotAllowedError: The hub refuses it.
            NetworkError: The hub cannot be reached.
        """
        if self._is_file(uri):
            return _read_file_text(uri, validator)
        timeouts = self._timeouts()
        if not is_patient:
            timeouts = (min(timeouts[0], _IMPATIENT_TIMEOUTS_S[0]), min(timeouts[1], _IMPATIENT_TIMEOUTS_S[1]))
        return _read_http_text(uri, validator, self._session(_RETRIES if is_patient else 0), timeouts)

    def close(self) -> None:
        """Close all connections."""
        for session in self._sessions.values():
            session.close()

    def _is_file(self, uri: str) -> bool:
        try:
            parts = urlsplit(uri)
        except ValueError as exc:
            raise UsageError(f"{uri!r} is not a URI: {exc}.") from exc
        if parts.scheme == "file":
            return True
        if parts.scheme not in ("http", "https"):
            raise UsageError(f"{uri!r} cannot be read.", hint="A hub is an https: or file: URI, or a folder.")
        self._check_encrypted(uri)
        return False

    def _check_encrypted(self, uri: str) -> None:
        parts = urlsplit(uri)
        if parts.scheme == "http" and not (self._allow_http or is_on_loopback(parts.hostname)):
            raise NotAllowedError(
                f"{without_secrets(uri)} is not encrypted, and {parts.hostname} is another machine.",
                hint="Use https:, or set allow_http (MODELHUB_ALLOW_HTTP=1) for a network that you trust.",
            )

    def _check_redirect(self, answer: requests.Response, **_: object) -> None:
        """A redirect must not lead to where we would not have gone at once."""
        if answer.is_redirect:
            self._check_encrypted(urljoin(answer.url, answer.headers["Location"]))

    def _timeouts(self) -> tuple[float, float]:
        return min(_CONNECT_TIMEOUT_S, self._timeout_s), self._timeout_s

    def _session(self, retries: int) -> requests.Session:
        """The session whose requests are tried again so often."""
        if retries not in self._sessions:
            import requests  # 100 ms that a file hub or a cached pull need not pay
            from requests.adapters import HTTPAdapter
            from urllib3.util import Retry

            retry = Retry(
                total=retries, backoff_factor=self._backoff_s, status_forcelist=_PASSING, raise_on_status=False
            )
            session = requests.Session()
            session.hooks["response"].append(self._check_redirect)
            session.headers["Accept-Encoding"] = "identity"
            for scheme in ("https://", "http://"):
                session.mount(scheme, HTTPAdapter(max_retries=retry))
            self._sessions[retries] = session
        return self._sessions[retries]


class _FileSource:
    """An object of a hub that is a folder."""

    def __init__(self, uri: str) -> None:
        self.uri = uri
        self._path = path_of_file_uri(uri)

    def stat(self) -> ObjectStat:
        with _file_errors(self.uri):
            status = self._path.stat()
        return ObjectStat(size_bytes=status.st_size, etag=f"{status.st_size}-{status.st_mtime_ns}")

    def stream(self) -> Stream:
        chunks = self._chunks()
        return Stream(chunks, self.stat(), close=chunks.close)

    def _chunks(self) -> Generator[bytes, None, None]:
        with _file_errors(self.uri), self._path.open("rb") as file:
            while chunk := file.read(CHUNK_BYTES):
                yield chunk

    def read_at(self, offset: int, length: int) -> bytes:
        with _file_errors(self.uri), self._path.open("rb") as file:
            file.seek(offset)
            return file.read(length)


class _HttpSource:
    """An object of a hub that speaks HTTP, read anonymously."""

    def __init__(self, uri: str, session: requests.Session, timeouts: tuple[float, float]) -> None:
        self.uri = without_secrets(uri)
        self._address = uri
        self._session = session
        self._timeouts = timeouts

    def stat(self) -> ObjectStat:
        # No HEAD: signed URLs are for GET alone, and some servers know nothing else.
        with self._answer({"Range": "bytes=0-0"}) as answer:
            return _stat_of(answer)

    def stream(self) -> Stream:
        answer = self._answer()
        return Stream(self._chunks(answer), _stat_of(answer), close=answer.close)

    def _chunks(self, answer: requests.Response) -> Iterator[bytes]:
        with _request_errors(self.uri), answer:
            yield from answer.iter_content(_HTTP_CHUNK_BYTES)

    def read_at(self, offset: int, length: int) -> bytes:
        headers = {"Range": f"bytes={offset}-{offset + length - 1}"}
        with _request_errors(self.uri), self._answer(headers) as answer:
            if answer.status_code == 206:
                return answer.content
            if answer.status_code == 416:
                return b""
            # A server without ranges sends everything; what lies before and behind is thrown away.
            wanted, position = bytearray(), 0
            for chunk in answer.iter_content(CHUNK_BYTES):
                wanted += chunk[max(0, offset - position) : max(0, offset + length - position)]
                position += len(chunk)
                if position >= offset + length:
                    break
            return bytes(wanted)

    def _answer(self, headers: dict[str, str] | None = None) -> requests.Response:
        """The beginning of an answer, to be read and closed."""
        with _request_errors(self.uri):
            answer = self._session.get(self._address, headers=headers, stream=True, timeout=self._timeouts)
        try:
            _check_status(answer, self.uri)
        except ModelHubError:
            answer.close()
            raise
        answer.raw.enforce_content_length = True  # urllib3 1 takes half a body for a whole one
        return answer


def without_secrets(uri: str) -> str:
    """The URI as it may be shown: no password, no signed query string."""
    parts = urlsplit(uri)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment="").geturl()


def path_of_file_uri(uri: str) -> Path:
    """The path that a ``file:`` URI names."""
    from urllib.request import url2pathname  # 15 ms that only a hub in a folder pays

    return Path(url2pathname(urlsplit(uri).path))


def _read_file_text(uri: str, validator: str) -> Text | None:
    path = path_of_file_uri(uri)
    with _file_errors(uri):
        status = path.stat()
        now = f"{status.st_size}-{status.st_mtime_ns}"
        return (
            None
            if now == validator
            else Text(content=path.read_text(encoding="utf-8", errors="replace"), validator=now)
        )


def _read_http_text(uri: str, validator: str, session: requests.Session, timeouts: tuple[float, float]) -> Text | None:
    headers = {"Accept-Encoding": "gzip"}
    kind, _, value = validator.partition(" ")
    if value:
        headers["If-None-Match" if kind == "etag" else "If-Modified-Since"] = value
    shown = without_secrets(uri)
    with _request_errors(shown), session.get(uri, headers=headers, timeout=timeouts) as answer:
        if answer.status_code == 304:
            return None
        _check_status(answer, shown)
        etag, modified = answer.headers.get("ETag"), answer.headers.get("Last-Modified")
        now = f"etag {etag}" if etag else f"modified {modified}" if modified else ""
        return Text(content=answer.content.decode("utf-8", errors="replace"), validator=now)


def _stat_of(answer: requests.Response) -> ObjectStat:
    length = answer.headers.get("Content-Length", "")
    if answer.status_code in _RANGE_STATUSES:
        length = answer.headers.get("Content-Range", "").rpartition("/")[2]
    is_encoded = answer.headers.get("Content-Encoding", "identity") != "identity"
    return ObjectStat(
        size_bytes=int(length) if length.isdecimal() and not is_encoded else None,
        etag=answer.headers.get("ETag", ""),
    )


def _check_status(answer: requests.Response, uri: str) -> None:
    status = answer.status_code
    # A range behind the end of an object, which an empty one always is, tells how long the object is.
    if status < 400 or (status == 416 and "Content-Range" in answer.headers):
        return
    if status in (404, 410):
        raise NotFoundError(f"{uri} does not exist (HTTP {status}).", hint="modelhub update brings the newest list.")
    if status in (401, 403):
        raise NotAllowedError(
            f"{uri} is refused (HTTP {status}): it is licensed, or it does not exist (S3 does not tell them apart).",
            hint="Open models lie in public/models; licensed ones need the credentials of your licence.",
        )
    raise NetworkError(
        f"{uri} answered HTTP {status} {answer.reason}.", hint="Try again later.", uri=uri, status=status
    )


@contextmanager
def _request_errors(uri: str) -> Iterator[None]:
    """The one door through which failures of requests leave as ours."""
    import requests

    try:
        yield
    except requests.exceptions.RequestException as exc:
        happened, hint = _explain(exc)
        raise NetworkError(f"{uri} {happened}.", hint=hint, uri=uri) from exc


def _explain(exc: requests.RequestException) -> tuple[str, str]:
    """What happened, and what to do about it."""
    from requests.exceptions import ChunkedEncodingError, ProxyError, SSLError, Timeout

    cause = _cause(exc)
    if isinstance(exc, SSLError):
        return (
            f"has a certificate that is not trusted ({cause})",
            "Behind a company's proxy set REQUESTS_CA_BUNDLE to its CA file.",
        )
    if isinstance(exc, ProxyError):
        return f"cannot be reached: the proxy fails ({cause})", "Check HTTPS_PROXY and NO_PROXY."
    # Behind a retry, and in the middle of a body, requests calls a time-out a ConnectionError.
    if isinstance(exc, Timeout) or isinstance(cause, TimeoutError):
        return "did not answer in time", "Try again, or raise MODELHUB_TIMEOUT."
    if isinstance(exc, ChunkedEncodingError):
        return f"broke off before its end ({cause})", "Run the same command again."
    return (
        f"cannot be read: {str(cause) or type(cause).__name__}",
        "Check the network; with MODELHUB_OFFLINE=1 only the cache is used.",
    )


def _cause(exc: BaseException) -> BaseException:
    """The innermost reason, without those that urllib3 and requests wrap around it."""
    from urllib3.exceptions import HTTPError

    # What is no failure of a connection is what our caller was handling when it asked us.
    while isinstance(inner := exc.__cause__ or exc.__context__, (OSError, HTTPError)):
        exc = inner
    return exc


@contextmanager
def _file_errors(uri: str) -> Iterator[None]:
    with disk_errors(f"{uri} cannot be read", hint="Check its permissions."):
        try:
            yield
        except FileNotFoundError as exc:
            raise NotFoundError(f"{uri} does not exist.", hint="Check MODELHUB_HUB, or the path of the zip.") from exc
