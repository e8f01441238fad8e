"""Documents that are read whole, and only if they changed: ``metadata.json``. The only module that uses requests.

Off the hot path: importing requests takes longer than a small model's whole pull, and many documents come compressed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import urljoin

import requests
from requests.adapters import HTTPAdapter
from requests.exceptions import ChunkedEncodingError, InvalidURL, ProxyError, SSLError, Timeout
from urllib3.exceptions import HTTPError
from urllib3.util import Retry

from modelhub.asking import PASSING, Address, may_ask_netrc
from modelhub.errors import ModelHubError, NetworkError
from modelhub.objects import Text
from modelhub.refusals import explain_refusal
from modelhub.scopes import check_still_encrypted

_CONNECT_TIMEOUT_S = 10.0
_IMPATIENT_TIMEOUTS_S = (3.0, 10.0)
_RETRIES = 3
_MAX_BYTES = 512 << 20  # the list of the public hub has some 20 MB
_MAX_ERROR_BYTES = 64 << 10
_PIECE_BYTES = 64 << 10


class TextReader:
    """Reads documents over HTTP.

    Args:
        timeout_s: Seconds without a byte after which a connection counts as lost.
        backoff_s: Pause before the second retry of a request; each further one is twice as long.
        ca_bundle: File of the authorities that are trusted; ``None`` for those of requests.
        check_url: Raises where a redirect leads to what may not be asked.
    """

    def __init__(
        self, *, timeout_s: float, backoff_s: float, ca_bundle: Path | None, check_url: Callable[[str], None]
    ) -> None:
        self._timeout_s = timeout_s
        self._backoff_s = backoff_s
        # requests would let its own variable win over a session's setting, but not over a request's.
        self._verify: str | bool = str(ca_bundle) if ca_bundle else True
        self._check_url = check_url
        self._sessions: dict[tuple[int, bool], requests.Session] = {}

    def read(self, address: Address, *, validator: str, is_patient: bool) -> Text | None:
        """A document, or ``None`` where it is as it was when ``validator`` was given.

        Args:
            address: The document.
            validator: Of the :class:`~modelhub.objects.Text` that is there already.
            is_patient: Whether a failure is tried again; else one short attempt, for what can also be done without.

        Raises:
            NotFoundError: There is no such document.
            NotAllowedError: The hub refuses it.
            NetworkError: The hub cannot be reached.
        """
        timeouts = min(_CONNECT_TIMEOUT_S, self._timeout_s), self._timeout_s
        if not is_patient:
            timeouts = min(timeouts[0], _IMPATIENT_TIMEOUTS_S[0]), min(timeouts[1], _IMPATIENT_TIMEOUTS_S[1])
        headers = {"Accept-Encoding": "gzip"}
        kind, _, value = validator.partition(" ")
        if value:
            headers["If-None-Match" if kind == "etag" else "If-Modified-Since"] = value
        has_netrc = not address.is_signed and may_ask_netrc(address.uri, address.url())
        session = self._session(_RETRIES if is_patient else 0, has_netrc=has_netrc)
        with _request_errors(address.uri):
            for _ in range(_RETRIES if is_patient else 0):
                with suppress(ChunkedEncodingError):  # urllib3 tries again only what fails before the body
                    return self._text(session, address, headers, timeouts)
            return self._text(session, address, headers, timeouts)

    def close(self) -> None:
        """Close all connections."""
        for session in self._sessions.values():
            session.close()

    def _text(
        self, session: requests.Session, address: Address, headers: dict[str, str], timeouts: tuple[float, float]
    ) -> Text | None:
        url = address.url()
        with session.get(url, headers=headers, timeout=timeouts, verify=self._verify, stream=True) as answer:
            if answer.status_code == 304:
                return None
            if answer.status_code >= 300:  # S3 answers 301 without saying where to
                body = _read(answer, _MAX_ERROR_BYTES)
                if address.changed_after(answer.status_code, answer.headers, body, url=url):
                    return self._text(session, address, headers, timeouts)
                raise _refusal(answer, address, body)
            etag, modified = answer.headers.get("ETag"), answer.headers.get("Last-Modified")
            now = f"etag {etag}" if etag else f"modified {modified}" if modified else ""
            content = _read(answer, _MAX_BYTES + 1)
            if len(content) > _MAX_BYTES:
                raise NetworkError(
                    f"{address.uri} has more than {_MAX_BYTES:,} bytes, which no list of artifacts has.",
                    hint="Check MODELHUB_HUB.",
                    uri=address.uri,
                )
            return Text(content=content.decode("utf-8", errors="replace"), validator=now)

    def _session(self, retries: int, *, has_netrc: bool) -> requests.Session:
        """The session whose requests are tried again so often, and may show what ``~/.netrc`` holds."""
        if (retries, has_netrc) not in self._sessions:
            retry = Retry(
                total=retries, backoff_factor=self._backoff_s, status_forcelist=PASSING, raise_on_status=False
            )
            session = requests.Session() if has_netrc else _SessionWithoutNetrc()
            session.hooks["response"].append(self._check_redirect)
            for scheme in ("https://", "http://"):
                session.mount(scheme, HTTPAdapter(max_retries=retry))
            self._sessions[retries, has_netrc] = session
        return self._sessions[retries, has_netrc]

    def _check_redirect(self, answer: requests.Response, **_: object) -> None:
        """A redirect must not lead to where we would not have gone at once."""
        if not answer.is_redirect:
            return
        try:
            target = urljoin(answer.url, answer.headers["Location"])
            check_still_encrypted(answer.url, target)
            self._check_url(target)
        except ModelHubError:
            answer.close()
            raise
        except ValueError as exc:
            answer.close()
            raise InvalidURL(f"it is redirected to what is no URL ({exc})") from exc


class _SessionWithoutNetrc(requests.Session):
    """For what is signed, and must show nothing else, and for what anybody may read."""

    def __init__(self) -> None:
        super().__init__()
        self.auth = lambda request: request  # else requests looks for some

    def rebuild_auth(self, prepared_request: requests.PreparedRequest, response: requests.Response) -> None:
        """Show nothing after a redirect either."""


def _read(answer: requests.Response, limit_bytes: int) -> bytes:
    """The beginning of a body, or all of it; a packed one is unpacked no further, for it may be a bomb."""
    content = bytearray()
    for piece in answer.iter_content(_PIECE_BYTES):
        content += piece
        if len(content) >= limit_bytes:
            break
    return bytes(content[:limit_bytes])


def _refusal(answer: requests.Response, address: Address, body: bytes) -> Exception:
    status = answer.status_code
    if status in PASSING:
        return NetworkError(
            f"{address.uri} answered HTTP {status}.", hint="Try again later.", uri=address.uri, status=status
        )
    return explain_refusal(address.uri, status, body, answer.headers, is_signed=address.is_signed)


@contextmanager
def _request_errors(uri: str) -> Iterator[None]:
    """The one door through which failures of requests leave as ours."""
    try:
        yield
    except requests.exceptions.RequestException as exc:
        happened, hint = _explain(exc)
        raise NetworkError(f"{uri} {happened}.", hint=hint, uri=uri) from exc


def _explain(exc: requests.RequestException) -> tuple[str, str]:
    """What happened, and what to do about it."""
    cause = _cause(exc)
    if isinstance(exc, SSLError):
        return (
            f"has a certificate that is not trusted ({cause})",
            "Behind a company's proxy set --ca-bundle (or REQUESTS_CA_BUNDLE) to its CA file.",
        )
    if isinstance(exc, ProxyError):
        return f"cannot be reached: the proxy fails ({cause})", "Check HTTPS_PROXY, HTTP_PROXY and NO_PROXY."
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
    # What is no failure of a connection is what our caller was handling when it asked us.
    while isinstance(inner := exc.__cause__ or exc.__context__, (OSError, HTTPError)):
        exc = inner
    return exc
