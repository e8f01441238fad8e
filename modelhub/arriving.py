"""Where the bytes of a zip arrive: a part file that is read while it grows, or a window that slides through memory.

Both are sinks of a :class:`~modelhub.fetching.Fetch`, which calls them on the connections' thread; whoever reads waits
in a thread of its own.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol

from modelhub.disk import disk_errors, open_regular
from modelhub.errors import NetworkError, StoppedError
from modelhub.partials import BlockWriter, PartFile
from modelhub.ranges import BLOCK_BYTES, Span

MEMORY_BYTES = 48 << 20  # for what arrives, of all models together
# Who waits looks again so often: glibc before 2.41 may lose a wake-up (its bug 25847), and on some systems an interrupt
# arrives only between two waits.
WAIT_S = 0.5
_LOCAL_PIECE_BYTES = 1 << 20
# More than any block or piece. Of what is larger than all that it has freed so far (128 KiB at first) glibc takes each
# from the system anew, and every page is cleared again.
_REUSED_BYTES = 16 << 20


class Content(Protocol):
    """The bytes of a zip by position."""

    size_bytes: int

    def read_at(self, offset: int, length: int) -> bytes:
        """Bytes from there on, fewer only at the end; waits until they have arrived."""
        ...

    def in_order(self) -> Iterator[bytes]:
        """All bytes from the first to the last, as they arrive."""
        ...

    def stop_reading(self) -> None:
        """Nobody will call ``read_at`` or ``stream`` any more."""
        ...

    def stop(self) -> None:
        """Let nobody wait any longer."""
        ...


class LocalZip:
    """A zip that lies in a folder of this machine: all of it has arrived.

    Args:
        path: Of the zip.
        uri: For messages.

    Raises:
        StorageError: It cannot be read.
    """

    def __init__(self, path: Path, uri: str) -> None:
        self._failure = f"{uri} cannot be read"
        with disk_errors(self._failure, hint="Check its permissions."):
            self._file = open_regular(path)
            self.size_bytes = self.arrived_bytes = os.fstat(self._file).st_size

    def read_at(self, offset: int, length: int) -> bytes:
        """Bytes from there on, fewer only at the end.

        Raises:
            StorageError: The disk fails.
        """
        with disk_errors(self._failure, hint="Check its permissions."):
            return os.pread(self._file, length, offset)

    def in_order(self) -> Iterator[bytes]:
        """All bytes from the first to the last.

        Raises:
            StorageError: The disk fails.
        """
        offset = 0
        while piece := self.read_at(offset, _LOCAL_PIECE_BYTES):
            offset += len(piece)
            yield piece

    def stop_reading(self) -> None:
        """All is here anyway."""

    def stop(self) -> None:
        """Nobody waits here."""

    def close(self) -> None:
        """Close the file; once more does no harm."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1


class ArrivingZip:
    """A zip that arrives in a part file: whoever reads what has not come yet waits for it.

    What has just arrived is read from memory, as it was written past the page cache, until both have had it: who
    unpacks, and the digest. No more is asked for than they can take, unless one of them waits: memory would not hold
    it.

    Args:
        part: Where it arrives.
        on_bytes: Called with the number of bytes that are there, those of earlier downloads included.
        memory_bytes: How much of what has arrived is kept in memory, about.
    """

    def __init__(self, part: PartFile, on_bytes: Callable[[int], None], *, memory_bytes: int = MEMORY_BYTES) -> None:
        self.size_bytes = part.size_bytes
        self.arrived_bytes = part.resumed_bytes
        bytes(_REUSED_BYTES)  # made and freed; no page of it is touched but the first
        self._part = part
        self._on_bytes = on_bytes
        self._max_blocks = max(1, memory_bytes // BLOCK_BYTES)
        self._ahead_bytes = memory_bytes // 2
        self._blocks: dict[int, bytes] = {}
        self._streamed: set[int] = set()
        self._digested_end = 0
        self._read_bytes = self._digested_bytes = part.resumed_bytes
        self._waiting = 0
        self._awaited: list[Span] = []
        self._is_read = False
        self._is_over = False
        self._change = threading.Condition()
        self._error: BaseException | None = None

    def read_at(self, offset: int, length: int) -> bytes:
        """Bytes from there on, fewer only at the end; waits until they have arrived.

        Raises:
            ModelHubError: They will not come.
        """
        end = min(offset + length, self.size_bytes)
        if not self._part.has(offset, end):
            with self._change:
                self._waiting += 1
                try:
                    self._wait_for(offset, end)
                finally:
                    self._waiting -= 1
        self._read_bytes += end - offset
        return self._bytes_at(offset, end)

    def stream(self, start: int, end: int) -> Iterator[bytes]:
        """The bytes from ``start`` up to ``end``, fewer only at the end of the zip: by blocks, not copied if whole.

        Raises:
            ModelHubError: They will not come.
        """
        end = min(end, self.size_bytes)
        while start < end:
            piece = self.read_at(start, min(BLOCK_BYTES - start % BLOCK_BYTES, end - start))
            if not piece:  # somebody has cut the part
                return
            yield piece
            if len(piece) == BLOCK_BYTES:  # else another thread may want the rest
                self._streamed.add(start)
                self._let_go(start)
            start += len(piece)

    def in_order(self) -> Iterator[bytes]:
        """All bytes from the first to the last, as they arrive.

        Raises:
            ModelHubError: They will not come.
        """
        for offset in range(0, self.size_bytes, BLOCK_BYTES):
            end = min(offset + BLOCK_BYTES, self.size_bytes)
            if not self._part.has(offset, end):
                with self._change:
                    self._wait_for(offset, end)
            self._digested_bytes += end - offset
            yield self._bytes_at(offset, end)
            self._digested_end = end
            self._let_go(offset)

    def put(self, offset: int, data: bytes) -> None:
        """Take the whole blocks among bytes that have come along with the first look."""
        first = -(-offset // BLOCK_BYTES) * BLOCK_BYTES
        for start in range(first, offset + len(data), BLOCK_BYTES):
            end = min(start + BLOCK_BYTES, self.size_bytes)
            if end <= offset + len(data) and not self._part.has(start, end):
                self._part.writer(Span(start, end), self._keep).write(data[start - offset : end - offset])

    def stop_reading(self) -> None:
        """Nobody but the digest needs what is still to come."""
        self._is_read = True

    def stop(self) -> None:
        """Let nobody wait any longer, and the memory go: something may still point here."""
        self.finish(StoppedError("The download was stopped."))
        with self._change:
            self._blocks.clear()

    def finish(self, error: BaseException | None) -> None:
        """No more will come."""
        with self._change:
            self._error = self._error or error
            self._is_over = True
            self._change.notify_all()

    def horizon(self) -> int | None:
        """How far may be asked: everywhere, or nowhere as long as the readers are behind."""
        is_behind = self.arrived_bytes - min(self._read_bytes, self._digested_bytes) > self._ahead_bytes
        return 0 if is_behind and not self._waiting and not self._is_read else None

    def has_room(self) -> bool:
        """The disk has."""
        return True

    def writer(self, span: Span) -> BlockWriter:
        """Somebody who writes a span into the part."""
        return self._part.writer(span, self._advance)

    def _wait_for(self, offset: int, end: int) -> None:
        awaited = Span(offset, end)
        self._awaited.append(awaited)
        try:
            while not self._part.has(offset, end):
                if self._error:
                    raise self._error
                if self._is_over:
                    raise NetworkError(
                        f"The download ended without the bytes from {offset:,} to {end:,}.",
                        hint="Run the same command again: it goes on where it was.",
                    )
                self._change.wait(WAIT_S)
        finally:
            self._awaited.remove(awaited)

    def _bytes_at(self, offset: int, end: int) -> bytes:
        pieces = []
        for start in range(offset // BLOCK_BYTES * BLOCK_BYTES, end, BLOCK_BYTES):
            block = self._blocks.get(start)
            if block is None:  # it is older than what memory holds
                return self._part.read_at(offset, end - offset)
            is_whole = start >= offset and start + len(block) <= end
            pieces.append(block if is_whole else block[max(0, offset - start) : end - start])
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def _let_go(self, start: int) -> None:
        """Forget a block that both have had: other blocks come into its memory, which is warm."""
        if start < self._digested_end and start in self._streamed:
            with self._change:
                self._blocks.pop(start, None)

    def _keep(self, start: int, pieces: list[bytes]) -> None:
        self._blocks[start] = block = b"".join(pieces)
        while len(self._blocks) > self._max_blocks:
            del self._blocks[next(iter(self._blocks))]
        self.arrived_bytes += len(block)

    def _advance(self, start: int, pieces: list[bytes]) -> None:
        with self._change:
            self._keep(start, pieces)
            # Most blocks are ahead of all readers: to wake these for each would cost more than to receive it.
            if any(span.start < start + BLOCK_BYTES and start < span.end for span in self._awaited):
                self._change.notify_all()
        self._on_bytes(self.arrived_bytes)


class Window:
    """A zip that passes through memory in order, a bounded part of it at a time.

    Args:
        limit_bytes: How far ahead of the reader bytes may arrive.
        start: The first byte that is wanted.
    """

    def __init__(self, limit_bytes: int = MEMORY_BYTES, *, start: int = 0) -> None:
        self._limit_bytes = limit_bytes
        self._pieces: dict[int, bytes] = {}
        self._position = start
        self._change = threading.Condition()
        self._is_over = False
        self._error: BaseException | None = None

    def chunks(self) -> Iterator[bytes]:
        """All bytes in order.

        Raises:
            ModelHubError: They will not come.
        """
        while piece := self._next():
            yield piece

    def stop(self) -> None:
        """Let nobody wait any longer, and the memory go: something may still point here."""
        self.finish(StoppedError("The download was stopped."))
        with self._change:
            self._pieces.clear()

    def finish(self, error: BaseException | None) -> None:
        """No more will come."""
        with self._change:
            self._error = self._error or error
            self._is_over = True
            self._change.notify_all()

    def horizon(self) -> int:
        """Nothing from there on has room yet."""
        return self._position + self._limit_bytes

    def has_room(self) -> bool:
        """Whether the reader is near enough for a connection that had to wait to go on."""
        with self._change:
            return len(self._pieces) < 2 or max(self._pieces) < self._position + self._limit_bytes // 2

    def writer(self, span: Span) -> _SpanWriter:
        """Somebody who puts a span into the window."""
        return _SpanWriter(self.put, span)

    def put(self, offset: int, data: bytes) -> bool:
        """Take bytes, unless they are too far ahead of the reader; after the end they are for nobody."""
        with self._change:
            if self._is_over:
                return True
            if offset + len(data) > self.horizon() and self._pieces:
                return False
            self._pieces[offset] = data
            self._change.notify_all()
            return True

    def _next(self) -> bytes:
        with self._change:
            while self._position not in self._pieces and not self._is_over:
                self._change.wait(WAIT_S)
            piece = self._pieces.pop(self._position, b"")
            if not piece and self._error:
                raise self._error
            self._position += len(piece)
            return piece


class _SpanWriter:
    """Gives the bytes of a span, with their places, to whoever keeps them."""

    def __init__(self, put: Callable[[int, bytes], bool], span: Span) -> None:
        self.kept_end = span.start
        self._put = put

    def write(self, data: bytes) -> bool:
        """Pass bytes on; false, and nothing is taken, where there is no room."""
        if not self._put(self.kept_end, data):
            return False
        self.kept_end += len(data)
        return True


class Memory:
    """A few bytes of an object, kept in memory.

    Args:
        span: Which.
    """

    def __init__(self, span: Span) -> None:
        self._span = span
        self._pieces: dict[int, bytes] = {}
        self._has_bytes = 0
        self._done = threading.Event()
        self._error: BaseException | None = None

    def wait(self) -> bytes:
        """The bytes, once they are here.

        Raises:
            ModelHubError: They will not come.
        """
        while not self._done.wait(WAIT_S):
            pass
        if self._error:
            raise self._error
        return b"".join(self._pieces[offset] for offset in sorted(self._pieces))

    def finish(self, error: BaseException | None) -> None:
        """No more will come."""
        self._error = self._error or error
        self._done.set()

    def horizon(self) -> None:
        """There is room for all."""

    def has_room(self) -> bool:
        """There is."""
        return True

    def writer(self, span: Span) -> _SpanWriter:
        """Somebody who takes a span, or the whole object, of which he keeps what is wanted."""
        return _SpanWriter(self.put, span)

    def put(self, offset: int, data: bytes) -> bool:
        """Take bytes from anywhere in the object."""
        wanted = data[max(0, self._span.start - offset) : max(0, self._span.end - offset)]
        if wanted:
            self._pieces[max(offset, self._span.start)] = wanted
            self._has_bytes += len(wanted)
            if self._has_bytes >= self._span.size_bytes:
                self._done.set()
        return True
