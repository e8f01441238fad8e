"""Work for all processors: items go to other processes in batches, results come back in order."""

from __future__ import annotations

import multiprocessing
import os
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from typing import Generic, TypeVar

_BATCH_ITEMS = 256
_MAX_PROCESSES = 8

T = TypeVar("T")
R = TypeVar("R")


class Batches(Generic[T, R]):
    """Calls a function for every item, in batches, by several processes where there is enough to do.

    Args:
        read: The function; it, the items and the results must be picklable.
    """

    def __init__(self, read: Callable[[T], R]) -> None:
        self._read = read
        self._batch: list[T] = []
        self._pending: deque[Future[list[R]]] = deque()
        self._executor: ProcessPoolExecutor | None = None
        self._processes = min(_processors(), _MAX_PROCESSES)

    def take(self, item: T) -> Iterator[R]:
        """Take an item; results of earlier items that are ready come back, in order."""
        self._batch.append(item)
        if len(self._batch) < _BATCH_ITEMS:
            return
        batch, self._batch = self._batch, []
        if self._executor is None:
            if not _can_fork(self._processes):
                yield from map(self._read, batch)
                return
            self._executor = ProcessPoolExecutor(self._processes, mp_context=multiprocessing.get_context("fork"))
        self._pending.append(self._executor.submit(_read_batch, self._read, batch))
        # A window of batches: memory stays bounded, and nobody waits for work.
        while len(self._pending) > 2 * self._processes:
            yield from self._pending.popleft().result()

    def rest(self) -> Iterator[R]:
        """The results of all items that have not come back yet."""
        while self._pending:
            yield from self._pending.popleft().result()
        yield from map(self._read, self._batch)
        self._batch = []

    def __enter__(self) -> Batches[T, R]:
        return self

    def __exit__(self, *exc: object) -> None:
        if self._executor:
            self._executor.shutdown(wait=True, cancel_futures=True)


def _processors() -> int:
    """The processors that this process may use; a container, or ``taskset``, may give it fewer than there are."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _can_fork(processes: int) -> bool:
    """Whether forking is of use and safe.

    Only a fork leaves the caller's script alone (spawning runs it again where its author forgot the usual guard), and
    only a process of one thread on Linux forks without surprises.
    """
    return processes > 1 and sys.platform == "linux" and threading.active_count() == 1


def _read_batch(read: Callable[[T], R], batch: list[T]) -> list[R]:
    return [read(item) for item in batch]
