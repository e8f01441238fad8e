"""A first look at an object: its size, its ETag, whether it can be read in ranges, its first and its last bytes."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import replace

from modelhub.arriving import WAIT_S
from modelhub.asking import Address, Answer, Ask, Asking, Policy, WrongAnswerError
from modelhub.connections import Failure
from modelhub.objects import BytesCallback, ObjectStat
from modelhub.ranges import BLOCK_BYTES, Span

# A block each, so that they need not be asked for again. The tail holds the table of contents of most archives.
HEAD_BYTES = TAIL_BYTES = BLOCK_BYTES
# An answer that takes so long comes from afar. From nearer what is asked for later arrives while files are made.
_FAR_S = 0.020
_MAX_BLOCKS = (6 << 20) // BLOCK_BYTES  # an interruption costs them all, and must cost less than 8 MiB


class Opening(Asking):
    """Looks at an object, with two requests at once.

    No HEAD: a URL that is signed for GET is not valid for it, and some servers know nothing else. A suffix range may be
    refused or answered wrongly; then only the last bytes are missing.

    Where all of the object is wanted and the server is far, a block behind the head is asked for over each further
    connection as soon as an answer shows that there is one: to open them only when both ends are here would take as
    many round trips again. Nobody waits for them here: who then fetches the object takes them over. Up to then such a
    block is asked for once, and left out where it does not come well.

    Args:
        address: The object.
        policy: How it is asked for.
        wants_all: Whether all of the object is wanted.
        on_bytes: Called with the number of bytes that have come so far and in all, where blocks behind the head are
            asked for: over a slow link they take long.

    Attributes:
        stat: What the answer says of the object.
        has_ranges: Whether ranges are answered.
        head: The first bytes.
        tail: The last ones, or none.
    """

    retries_unreached = 3  # who has no network wants to know it soon

    def __init__(
        self,
        address: Address,
        policy: Policy,
        *,
        wants_all: bool = False,
        on_bytes: BytesCallback | None = None,
    ) -> None:
        super().__init__(address, policy)
        self.stat = ObjectStat(size_bytes=None)
        self.has_ranges = False
        self.head = b""
        self.tail = b""
        self._head_ask = Ask(range_text=str(Span(0, HEAD_BYTES)))
        self._tail_ask = Ask(range_text=f"bytes=-{TAIL_BYTES}")
        self._todo = [self._head_ask, self._tail_ask]
        self._open_ends = len(self._todo)
        self._asked_s = 0.0
        self._on_bytes = on_bytes or (lambda done, total: None)
        self._come_bytes = 0
        self._is_telling = False
        self._max_blocks = min(_MAX_BLOCKS, policy.max_connections - len(self._todo)) if wants_all else 0
        self._tail_stat: ObjectStat | None = None
        self._ahead: list[Answer] = []
        self._error: BaseException | None = None
        self._done = threading.Event()

    def wait(self) -> None:
        """Wait until it is known.

        Raises:
            ModelHubError: The object cannot be read.
        """
        while not self._done.wait(WAIT_S):
            pass
        if self._error:
            raise self._error

    def fail(self, error: BaseException) -> None:
        """It cannot be read; once it is known this ends what is still on its way."""
        if not self._done.is_set():
            self._error = self._as_ours(error)
        self._finish()

    def next_ask(self) -> Ask | None:
        """The head, then the tail, then the blocks."""
        self._asked_s = self._asked_s or time.monotonic()
        return self._todo.pop(0) if self._todo else None

    def next_exchange(self, active: int, now: float) -> Answer | None:
        """See :class:`~modelhub.connections.Job`."""
        answer = super().next_exchange(active, now)
        if answer and answer.ask.span:
            self._ahead.append(answer)
        return answer

    def hand_over(self) -> list[tuple[Answer, bytes]]:
        """The answers with the blocks behind the head, and what has come of each; nothing more is done with them here.

        To be called on the connections' thread.
        """
        is_given_up, self.is_finished = self.is_finished, True  # if it was, then what was on its way has been dropped
        answers, self._ahead = self._ahead, []
        return [(answer, _data_of(answer)) for answer in answers if answer.is_over or not is_given_up]

    def check_head(self, answer: Answer) -> None:
        """See what an answer says of the object."""
        stat, found = answer.stat(), answer.content_range
        span = found.span if answer.status == 206 and found else None
        size_bytes = stat.size_bytes or 0
        if answer.ask is self._tail_ask:
            if span != Span(max(0, size_bytes - TAIL_BYTES), size_bytes):
                raise _EnoughError
            self._tail_stat = stat
        elif answer.ask.span:
            if span != answer.ask.span:
                raise _EnoughError
        else:
            self.has_ranges = span == Span(0, min(HEAD_BYTES, size_bytes))
            # What is no proper range tells no size either.
            self.stat = stat if self.has_ranges or answer.status == 200 else replace(stat, size_bytes=None)
            if not self.has_ranges:
                raise _EnoughError
            if time.monotonic() - self._asked_s > _FAR_S:
                self._ask_ahead(size_bytes)
        answer.writer = _Buffer(self._note)

    def _note(self, come_bytes: int) -> None:
        self._come_bytes += come_bytes
        if self._is_telling:
            size_bytes = self.stat.size_bytes or 0
            self._on_bytes(min(self._come_bytes, size_bytes), size_bytes)  # an end may have to come again

    def _ask_ahead(self, size_bytes: int) -> None:
        end = min(size_bytes - TAIL_BYTES, HEAD_BYTES + self._max_blocks * BLOCK_BYTES)
        self._max_blocks = 0  # the head may have to be asked for again
        if end > HEAD_BYTES:
            self._is_telling = True
            self._on_bytes(0, size_bytes)
        for start in range(HEAD_BYTES, end, BLOCK_BYTES):
            span = Span(start, start + BLOCK_BYTES)
            self._todo.append(Ask(range_text=str(span), span=span))

    def conclude(self, answer: Answer, failure: Failure | None) -> None:
        """Take what came; only the head is asked for again."""
        data = _data_of(answer)
        if answer.ask is self._tail_ask:
            self.tail = data
            self._close_end()
        elif answer.ask.span:
            if len(data) < answer.ask.span.size_bytes:
                self._ahead.remove(answer)
            self._check_finished()
        elif isinstance(answer.error, _EnoughError):
            self._finish()
        elif isinstance(answer.error, WrongAnswerError):
            self._retry(answer.ask, self._network_error("sent more than it said"))
        elif answer.error:
            self.fail(answer.error)
        elif failure:
            self._not_answered(answer.ask, failure)
        elif answer.status == 416 and answer.stat().size_bytes == 0:
            # A range behind the end of an object, which an empty one always is, tells how long the object is.
            self.stat, self.has_ranges = answer.stat(), True
            self._finish()
        elif not 200 <= answer.status < 300:
            self._not_given(answer.ask, answer)
        else:
            self._take_head(answer.ask, data)

    def _take_head(self, ask: Ask, data: bytes) -> None:
        size_bytes = self.stat.size_bytes or 0
        if len(data) < min(size_bytes, HEAD_BYTES):
            self._retry(ask, self._network_error("broke off before its end"))
            return
        self.head = data
        if size_bytes <= HEAD_BYTES:
            self._finish()
        else:
            self._close_end()

    def _close_end(self) -> None:
        self._open_ends -= 1
        if not self._open_ends:
            self._know()
            self._check_finished()

    def _finish(self) -> None:
        self._know()
        self.is_finished = True

    def _know(self) -> None:
        if self._tail_stat != self.stat or len(self.tail) < min(self.stat.size_bytes or 0, TAIL_BYTES):
            self.tail = b""
        self._done.set()

    def _check_finished(self) -> None:
        if self._done.is_set() and not self._todo and all(answer.is_over for answer in self._ahead):
            self.is_finished = True  # only ever set: ``stop`` may have set it, on another thread


def _data_of(answer: Answer) -> bytes:
    return bytes(answer.writer.data) if isinstance(answer.writer, _Buffer) else b""


class _EnoughError(Exception):
    """All that is wanted of an answer is known."""


class _Buffer:
    """Takes the bytes of an answer into memory."""

    def __init__(self, on_bytes: Callable[[int], None]) -> None:
        self.data = bytearray()
        self.kept_end = 0
        self._on_bytes = on_bytes

    def write(self, data: bytes) -> bool:
        self.data += data
        self._on_bytes(len(data))
        return True
