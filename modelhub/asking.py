"""Asking a hub for objects: retries, redirects and refusals, and how many connections are good for a server.

What :mod:`modelhub.opening` and :mod:`modelhub.fetching` share.
"""

from __future__ import annotations

import heapq
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Protocol
from urllib.parse import urljoin

from modelhub.connections import Exchange, Failure
from modelhub.errors import ModelHubError, NetworkError, NotAllowedError, ReplacedError
from modelhub.objects import ObjectStat
from modelhub.quick_dataclasses import dataclass
from modelhub.ranges import ContentRange, Span, delay_s, parse_content_range, retry_after_s
from modelhub.scopes import AWS, check_still_encrypted, place_of

PASSING = (429, 500, 502, 503, 504)
HINT_AGAIN = "Run the same command again: it goes on where it was."
_REDIRECTS = (301, 302, 303, 307, 308)
_MAX_REDIRECTS = 5
_RETRIES = 5
_MAX_DIGITS = 18  # of a size: Python makes no number of 5,000


class Address(Protocol):
    """Where an object is asked for; see :mod:`modelhub.signing`."""

    uri: str

    @property
    def is_signed(self) -> bool:
        """Whether credentials are shown."""
        ...

    def url(self) -> str:
        """What to ask for now."""
        ...

    def changed_after(self, status: int, headers: Mapping[str, str], body: bytes, *, url: str) -> bool:
        """Whether another ``url()`` is worth a try after this one was refused."""
        ...


@dataclass(frozen=True, kw_only=True)
class Policy:
    """How objects are asked for.

    Attributes:
        max_connections: At most so many at once for one object.
        backoff_s: Pause before the first retry; the following ones are longer.
        check_url: Raises where a redirect leads to what may not be asked.
    """

    max_connections: int
    backoff_s: float
    check_url: Callable[[str], None]


class Writer(Protocol):
    """Takes the bytes of one span in order."""

    kept_end: int

    def write(self, data: bytes) -> bool:
        """Take bytes; false, and nothing is taken, where there is no room at the moment."""
        ...


@dataclass(kw_only=True)
class Ask:
    """What is to be asked for: a span, or the object from its first byte to wherever it ends.

    Attributes:
        attempts: How often it has failed.
        redirects: How often it was sent elsewhere.
        place: Where it was asked for last, if a redirect had led there; else "".
        is_renewed: Whether it went back to the hub because such a place refused it.
    """

    range_text: str
    span: Span | None = None
    attempts: int = 0
    redirects: int = 0
    place: str = ""
    is_renewed: bool = False


class Asking(ABC):
    """What opening and fetching share. A job of :class:`~modelhub.connections.Connections`.

    Args:
        address: The object.
        policy: How it is asked for.

    Attributes:
        is_finished: Whether nothing more is to be asked.
        is_signed: Whether credentials are shown, so that no others may be.
    """

    retries_unreached = _RETRIES

    def __init__(self, address: Address, policy: Policy) -> None:
        self.is_finished = False
        self.is_signed = address.is_signed
        self._address = address
        self._policy = policy
        self._etag = ""
        self._redirected = ""
        self._waiting: list[tuple[float, int, Ask]] = []
        self._allowed = float(policy.max_connections)
        self._asked = 0

    @abstractmethod
    def fail(self, error: BaseException) -> None:
        """What is asked for cannot be had."""

    @abstractmethod
    def check_head(self, answer: Answer) -> None:
        """Look at the head of a 2xx answer and say who takes its body; raises to be spared it."""

    @abstractmethod
    def conclude(self, answer: Answer, failure: Failure | None) -> None:
        """Judge an answer that has come to its end, or to none."""

    @abstractmethod
    def next_ask(self) -> Ask | None:
        """What to ask for next, if it may be asked for now."""

    def next_exchange(self, active: int, now: float) -> Answer | None:
        """See :class:`~modelhub.connections.Job`."""
        room = max(1, int(self._allowed)) - active
        ask = None
        if room > 0 and self._waiting and self._waiting[0][0] <= now:
            ask = heapq.heappop(self._waiting)[2]
        elif room > len(self._waiting):  # what has failed keeps its place: a server in trouble is not asked for more
            ask = self.next_ask()
        if not ask:
            return None
        ask.place = self._redirected
        return Answer(self, ask, ask.place or self._address.url(), self._etag)

    def has_room(self) -> bool:
        """Whether a connection that had to wait may go on."""
        return True

    def has_netrc_at(self, url: str) -> bool:
        """Whether ``~/.netrc`` may be asked for this place."""
        return not self.is_signed and may_ask_netrc(self._address.uri, url)

    def _succeeded(self) -> None:
        self._allowed = min(self._policy.max_connections, self._allowed + 1 / self._allowed)

    def _ask_later(self, ask: Ask, pause_s: float = 0.0) -> None:
        self._asked += 1
        heapq.heappush(self._waiting, (time.monotonic() + pause_s, self._asked, ask))

    def _retry(self, ask: Ask, error: NetworkError, *, asked_s: float = 0.0, retries: int = _RETRIES) -> None:
        """Ask again after a pause, a bounded number of times; then it is a failure."""
        from random import random  # most requests are answered

        ask.attempts += 1
        if ask.attempts > retries:
            self.fail(error)
        else:
            self._ask_later(ask, delay_s(ask.attempts, self._policy.backoff_s, random(), asked_s=asked_s))

    def _slow_down(self) -> None:
        self._allowed = max(1.0, self._allowed / 2)

    def _not_answered(self, ask: Ask, failure: Failure) -> None:
        """Something went wrong below HTTP."""
        error = _unreachable(self._address.uri, failure)
        if failure.kind in ("untrusted", "proxy"):
            self.fail(error)
            return
        if failure.kind == "unreached":
            self._slow_down()
            self._retry(ask, error, retries=self.retries_unreached)
        else:
            self._retry(ask, error)

    def _not_given(self, ask: Ask, exchange: Exchange) -> None:
        """An answer that is neither a success nor a range that cannot be satisfied."""
        status, headers, body = exchange.status, exchange.answer_headers, bytes(exchange.error_body)
        uri = self._address.uri
        if status in PASSING:
            if status in (429, 503):
                self._slow_down()
            error = NetworkError(f"{uri} answered HTTP {status}.", hint="Try again later.", uri=uri, status=status)
            self._retry(ask, error, asked_s=retry_after_s(headers))
        elif not ask.place and self._address.changed_after(status, headers, body, url=exchange.url):
            self._ask_later(ask)
        elif status in _REDIRECTS and headers.get("location"):
            self._follow(ask, exchange.url, headers["location"])
        elif status == 407:  # of a plain request; a tunnel that is refused is no answer at all
            self.fail(_unreachable(uri, Failure(kind="proxy", text="HTTP 407: it asks for a user and a password")))
        elif status == 412:
            self.fail(replaced(uri))
        elif ask.place and not ask.is_renewed and status in (401, 403):  # a redirect with a signature that has expired
            ask.is_renewed = True
            if ask.place == self._redirected:  # else another answer has led elsewhere meanwhile
                self._redirected = ""
            self._ask_later(ask)
        else:
            from modelhub.refusals import explain_refusal

            self.fail(explain_refusal(uri, status, body, headers, is_signed=self._address.is_signed))

    def _follow(self, ask: Ask, url: str, location: str) -> None:
        ask.redirects += 1
        if ask.redirects > _MAX_REDIRECTS:
            self.fail(self._network_error("is redirected again and again", hint="Check MODELHUB_HUB."))
            return
        try:
            self._redirected = urljoin(url, location)
            check_still_encrypted(url, self._redirected)
            self._policy.check_url(self._redirected)
            self._ask_later(ask)
        except NotAllowedError as exc:
            self.fail(exc)
        except ValueError:  # a host that is none
            self.fail(self._network_error("is redirected to what is no URL", hint="Check MODELHUB_HUB."))

    def _as_ours(self, error: BaseException) -> ModelHubError:
        """The error as it may leave; what Python says may quote an answer, or a signature, and stays behind it."""
        if isinstance(error, ModelHubError):
            return error
        ours = self._network_error(f"cannot be read ({type(error).__name__})")
        ours.__cause__ = error
        return ours

    def _network_error(self, happened: str, *, hint: str = HINT_AGAIN) -> NetworkError:
        return NetworkError(f"{self._address.uri} {happened}.", hint=hint, uri=self._address.uri)


class Answer(Exchange):
    """The exchange of an :class:`Asking`, which judges it.

    Attributes:
        ask: What was asked for.
        writer: Who takes the body.
        skip_bytes: How much of the body's beginning is there already.
        is_over: Whether it has come to its end, and was judged.
    """

    job: Asking

    def __init__(self, job: Asking, ask: Ask, url: str, etag: str) -> None:
        headers = [f"Range: {ask.range_text}"] if ask.range_text else []
        # A weak ETag never matches (RFC 9110, 13.1.1), and a date is none; both are compared when the answer comes.
        if etag.startswith('"'):
            headers.append(f"If-Match: {etag}")
        super().__init__(url, headers, has_netrc=job.has_netrc_at(url))
        self.job = job
        self.ask = ask
        self.writer: Writer | None = None
        self.skip_bytes = 0
        self.is_over = False
        self._left_bytes = 1 << 62

    @property
    def content_range(self) -> ContentRange | None:
        """What it says that it holds."""
        return parse_content_range(self.answer_headers.get("content-range", ""))

    def stat(self) -> ObjectStat:
        """What it says of the whole object."""
        headers, found = self.answer_headers, self.content_range
        length = headers.get("content-length", "")
        size_bytes = int(length) if length.isdecimal() and len(length) <= _MAX_DIGITS else None
        if self.status in (206, 416):
            size_bytes = found.total_bytes if found else None
        is_encoded = headers.get("content-encoding", "identity") != "identity"
        modified = headers.get("last-modified", "")
        return ObjectStat(
            size_bytes=None if is_encoded else size_bytes,
            etag=headers.get("etag", "") or modified,
            modified=modified,
        )

    def on_head(self) -> None:
        """See :class:`~modelhub.connections.Exchange`."""
        self.job.check_head(self)
        found = self.content_range
        if self.status == 206 and found and found.span:
            self._left_bytes = found.span.size_bytes

    def on_body(self, data: bytes) -> bool:
        """See :class:`~modelhub.connections.Exchange`."""
        assert self.writer is not None
        if len(data) > self._left_bytes:
            raise WrongAnswerError
        known_bytes = min(self.skip_bytes, len(data))
        is_taken = known_bytes == len(data) or self.writer.write(data[known_bytes:])
        if is_taken:
            self.skip_bytes -= known_bytes
            self._left_bytes -= len(data)
        return is_taken

    def on_end(self, failure: Failure | None) -> None:
        """See :class:`~modelhub.connections.Exchange`."""
        if not self.job.is_finished:
            self.is_over = True
            self.job.conclude(self, failure)


def may_ask_netrc(uri: str, url: str) -> bool:
    """Whether ``~/.netrc`` is meant for an object that is asked for without a signature.

    It is for hubs that ask for a password: S3 never does, but a ``default`` entry would be shown to it, too.

    Args:
        uri: The object.
        url: Where it is asked for.
    """
    return not (place_of(uri).bucket or url.startswith(f"{AWS}/"))


class WrongAnswerError(Exception):
    """An answer that holds something else than was asked for, or than it says."""


def replaced(uri: str) -> ReplacedError:
    """The error for an object that was exchanged for another one while it was read."""
    return ReplacedError(f"{uri} was replaced while it was read.", hint="Run the same command again.", uri=uri)


def _unreachable(uri: str, failure: Failure) -> NetworkError:
    happened, hint = {
        "untrusted": (
            f"has a certificate that is not trusted ({failure.text})",
            "Behind a company's proxy set --ca-bundle (or REQUESTS_CA_BUNDLE) to its CA file.",
        ),
        "proxy": (
            f"cannot be reached: the proxy fails ({failure.text})",
            "Check HTTPS_PROXY, HTTP_PROXY and NO_PROXY.",
        ),
        "timeout": ("did not answer in time", "Try again, or raise MODELHUB_TIMEOUT."),
        "broken off": (f"broke off before its end ({failure.text})", HINT_AGAIN),
    }.get(
        failure.kind,
        (f"cannot be read: {failure.text}", "Check the network; with MODELHUB_OFFLINE=1 only the cache is used."),
    )
    return NetworkError(f"{uri} {happened}.", hint=hint, uri=uri)
