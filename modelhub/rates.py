"""How fast an object comes, over one connection and over many: by the same engine that a pull has."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import closing
from typing import Protocol

from modelhub.errors import NetworkError
from modelhub.ranges import Missing, Span
from modelhub.storage import Storage


class Measure(Protocol):
    """Measures the rate at which an object comes."""

    def __call__(self, uri: str, connections: int, seconds: float, max_bytes: int) -> float:
        """Bytes per second.

        Args:
            uri: The object; it may be read several times.
            connections: How many are used at once.
            seconds: The longest it may take, apart from the first look at the object.
            max_bytes: The most that is read.

        Raises:
            ModelHubError: Nothing came.
        """
        ...


class Rates:
    """Measures with a storage of its own for each number of connections.

    Args:
        new_storage: Makes one that uses at most so many connections.
    """

    def __init__(self, new_storage: Callable[[int], Storage]) -> None:
        self._new_storage = new_storage

    def __call__(self, uri: str, connections: int, seconds: float, max_bytes: int) -> float:
        """See :class:`Measure`."""
        with closing(self._new_storage(connections)) as storage:
            source = storage.open(uri)
            look = source.look()
            counter = _Counter(max_bytes, time.perf_counter() + seconds)
            while counter.is_going_on:
                counter.begin_round()
                missing = Missing([Span(0, look.size_bytes)]) if look.has_ranges else None
                source.fetch(missing, counter)
                counter.wait()
            return counter.rate()


class _Counter:
    """Takes the bytes of an object, round after round, and keeps nothing but their number and the time.

    A sink of :class:`~modelhub.fetching.Fetch`, called on the connections' thread.

    Args:
        max_bytes: How many are enough.
        until_s: When it is too late for more.
    """

    def __init__(self, max_bytes: int, until_s: float) -> None:
        self._max_bytes = max_bytes
        self._until_s = until_s
        self._done_bytes = 0
        self._started_s = self._ended_s = time.perf_counter()
        self._round_over = threading.Event()
        self._error: BaseException | None = None

    @property
    def is_going_on(self) -> bool:
        """Whether there is time, and something left to read."""
        return not self._error and self._done_bytes < self._max_bytes and time.perf_counter() < self._until_s

    def begin_round(self) -> None:
        """The object is going to be read from its beginning."""
        self._round_over.clear()

    def wait(self) -> None:
        """Wait for the end of the round, or of all."""
        self._round_over.wait(max(0.0, self._until_s - time.perf_counter()))

    def rate(self) -> float:
        """Bytes per second.

        Raises:
            ModelHubError: Nothing came.
        """
        if not self._done_bytes:
            raise self._error or NetworkError("Not one byte came while the rate was measured.")
        return self._done_bytes / max(self._ended_s - self._started_s, 1e-6)

    def count(self, size_bytes: int) -> None:
        """So much more has come."""
        self._done_bytes += size_bytes
        self._ended_s = time.perf_counter()
        if not self.is_going_on:
            self._round_over.set()

    def writer(self, span: Span) -> _SpanCounter:
        """Somebody who takes the bytes of a span."""
        return _SpanCounter(span, self.count)

    def horizon(self) -> None:
        """All is wanted."""

    def has_room(self) -> bool:
        """There is always room."""
        return True

    def finish(self, error: BaseException | None) -> None:
        """The round has come to its end."""
        self._error = error or (None if self._done_bytes else NetworkError("The object is empty."))
        self._round_over.set()


class _SpanCounter:
    """Counts the bytes of one span."""

    def __init__(self, span: Span, count: Callable[[int], None]) -> None:
        self.kept_end = span.start
        self._count = count

    def write(self, data: bytes) -> bool:
        self.kept_end += len(data)
        self._count(len(data))
        return True
