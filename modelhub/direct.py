"""Large files written past the page cache, where the system can.

What is unpacked once and read by another program later gains nothing from the page cache, but pays for it: a page is
taken, copied to and written back, and on machines that give idle memory away each page is slow to touch. Written
directly the same bytes cost a third of the processor's time, and what is written is on the disk.
"""

from __future__ import annotations

import errno
import io
import mmap
import os
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from queue import SimpleQueue
from typing import Protocol

from modelhub.disk import preallocate

_DIRECT = getattr(os, "O_DIRECT", 0)
_BUFFER_BYTES = 1 << 20  # a multiple of any disk's sector; larger ones are no faster
_SECTOR_BYTES = 4096
_PROBED_BYTES = 16 << 20
_MIN_BYTES_PER_S = 150e6
_MAX_SLOW_TIMES = 3  # once may be others' doing
_BUFFERS = 4
_DIRECT_FROM_BYTES = 4 << 20
_UNSUPPORTED = (errno.EINVAL, errno.EOPNOTSUPP, errno.ENOSYS)


class OrderedFile(Protocol):
    """A new file that is written from its beginning to its end."""

    def write(self, data: bytes | memoryview) -> None:
        """Take the next bytes.

        Raises:
            OSError: The disk fails, or is full.
        """
        ...

    def finish(self) -> None:
        """Write what was kept back.

        Raises:
            OSError: The disk fails, or is full.
        """
        ...

    def close(self) -> None:
        """Close it; once more does no harm."""
        ...


class DirectFile:
    """A new file of a size that is known, written from its beginning to its end by a thread of its own.

    Args:
        path: It must not exist.
        size_bytes: Its size; the space is taken at once.

    Raises:
        FileExistsError: It exists.
        OSError: It cannot be made, or there is no room for it.
    """

    def __init__(self, path: Path, size_bytes: int) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o666)
        try:
            preallocate(self._file, size_bytes)
        except BaseException:
            os.close(self._file)
            raise
        self._is_direct = _set_direct(self._file)
        # Anonymous memory begins with a page, as direct writing needs it.
        self._free: SimpleQueue[memoryview] = SimpleQueue()
        for _ in range(_BUFFERS):
            self._free.put(memoryview(mmap.mmap(-1, _BUFFER_BYTES)))
        self._full: SimpleQueue[memoryview | None] = SimpleQueue()
        self._error: BaseException | None = None
        self._buffer = self._free.get()
        self._filled_bytes = 0
        self._is_written = threading.Event()
        try:
            threading.Thread(target=self._write_buffers, name="direct", daemon=True).start()
        except BaseException:  # whoever gets no file cannot close it
            os.close(self._file)
            raise

    def write(self, data: bytes | memoryview) -> None:
        """Take the next bytes.

        Raises:
            OSError: The disk fails, or is full.
        """
        rest = memoryview(data)
        while rest:
            taken = min(len(rest), _BUFFER_BYTES - self._filled_bytes)
            self._buffer[self._filled_bytes : self._filled_bytes + taken] = rest[:taken]
            self._filled_bytes += taken
            rest = rest[taken:]
            if self._filled_bytes == _BUFFER_BYTES:
                self._hand_over()

    def finish(self) -> None:
        """Wait until all is written.

        Raises:
            OSError: The disk fails, or is full.
        """
        self._hand_over()
        self._end()
        self._raise_error()

    def close(self) -> None:
        """Close the file; once more does no harm."""
        self._end()
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def _hand_over(self) -> None:
        self._raise_error()
        self._full.put(self._buffer[: self._filled_bytes])
        self._buffer, self._filled_bytes = self._free.get(), 0

    def _end(self) -> None:
        self._full.put(None)
        self._is_written.wait()

    def _raise_error(self) -> None:
        if self._error:
            raise self._error

    # On the thread.

    def _write_buffers(self) -> None:
        try:
            while (buffer := self._full.get()) is not None:
                try:
                    if not self._error:
                        self._write_buffer(buffer)
                except BaseException as exc:  # whoever writes raises it, and waits for a buffer until then
                    self._error = exc
                finally:
                    self._free.put(memoryview(buffer.obj))
        finally:
            self._is_written.set()

    def _write_buffer(self, buffer: memoryview) -> None:
        if len(buffer) % _SECTOR_BYTES:  # the end of the file, which fills no sector
            self._stop_direct()
        rest = buffer
        while rest:
            try:
                written = os.write(self._file, rest)
            except OSError as exc:
                if exc.errno not in _UNSUPPORTED or not self._is_direct:
                    raise
                written = 0  # some file systems say only now that they cannot
            if written % _SECTOR_BYTES or not written:
                self._stop_direct()
            rest = rest[written:]

    def _stop_direct(self) -> None:
        if self._is_direct:
            self._is_direct = False
            _clear_direct(self._file)


def new_file(path: Path, size_bytes: int | None) -> OrderedFile:
    """A new file to be written in order: directly where it is large and of a size that is known.

    Raises:
        FileExistsError: It exists.
        OSError: It cannot be made, or there is no room for it.
    """
    if size_bytes and size_bytes >= _DIRECT_FROM_BYTES:
        return DirectFile(path, size_bytes)
    return _PlainFile(path)


class _PlainFile:
    """A new file that is written through the page cache, without a buffer of our own."""

    def __init__(self, path: Path) -> None:
        self._file = io.FileIO(path, "xb")

    def write(self, data: bytes | memoryview) -> None:
        rest = memoryview(data)
        while rest:  # the system may take less than it is given
            rest = rest[self._file.write(rest) :]

    def finish(self) -> None:
        """Nothing is kept back."""

    def close(self) -> None:
        self._file.close()


class DirectBlocks:
    """Writes blocks anywhere into a file past the page cache, as long as that works and is fast.

    A disk that is slower than a link had better be written to by way of the page cache, which takes what it can.

    Args:
        path: The file; it exists, has its size, and nobody else writes to it meanwhile.
        block_bytes: Size of the largest block, a multiple of 4096.
    """

    def __init__(self, path: Path, block_bytes: int) -> None:
        self._buffer = memoryview(mmap.mmap(-1, block_bytes))
        self._spent_s = 0.0
        self._written_bytes = 0
        self._slow_times = 0
        try:
            self._file = os.open(path, os.O_WRONLY | _DIRECT) if _DIRECT else -1
        except OSError:  # the file system cannot
            self._file = -1

    def write(self, offset: int, pieces: Sequence[bytes]) -> bool:
        """Write a block; false where it has to be written otherwise."""
        if self._file < 0:
            return False
        end = 0
        for piece in pieces:
            self._buffer[end : end + len(piece)] = piece
            end += len(piece)
        if end % _SECTOR_BYTES:  # the end of a file is none of a sector
            return False
        begun_s = time.monotonic()
        try:
            is_written = os.pwrite(self._file, self._buffer[:end], offset) == end
        except OSError:  # what is really wrong shows when it is written otherwise
            is_written = False
        self._note_speed(end, time.monotonic() - begun_s)
        if self._slow_times == _MAX_SLOW_TIMES or not is_written:
            self.close()
        return is_written

    def _note_speed(self, written_bytes: int, spent_s: float) -> None:
        self._written_bytes += written_bytes
        self._spent_s += spent_s
        if self._written_bytes >= _PROBED_BYTES:
            self._slow_times += self._written_bytes < _MIN_BYTES_PER_S * self._spent_s
            self._written_bytes, self._spent_s = 0, 0.0

    def close(self) -> None:
        """Close the file; once more does no harm."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1


def _set_direct(file: int) -> bool:
    if not _DIRECT:
        return False
    import fcntl  # where O_DIRECT is, there it is

    try:
        fcntl.fcntl(file, fcntl.F_SETFL, fcntl.fcntl(file, fcntl.F_GETFL) | _DIRECT)
    except OSError as exc:
        if exc.errno not in _UNSUPPORTED:
            raise
        return False
    return True


def _clear_direct(file: int) -> None:
    import fcntl

    with suppress(OSError):
        fcntl.fcntl(file, fcntl.F_SETFL, fcntl.fcntl(file, fcntl.F_GETFL) & ~_DIRECT)
