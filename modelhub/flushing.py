"""What was written goes to the disk, where a loss of power finds it.

A system writes later, and in an order of its own: a rename may have reached the disk when the files that it made
visible have not. So everything below a new name is flushed before the rename, and the folders that hold the name after.

Each file by itself costs the disk a moment of its own; several threads let the system take many in one step. Beyond
some hundreds of files one call for the whole file system (``syncfs``) is far cheaper, but it waits for whatever others
have written, too, and only of the file systems named here do we know that it leaves nothing out and hides no failure.
"""

from __future__ import annotations

import errno
import os
import sys
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from queue import Empty, SimpleQueue

_THREADS = 8
_EACH = 256  # so many files are flushed one by one
_WHOLE_FROM = (5, 8)  # older kernels do not say that syncfs failed
_WHOLE_ON = {0xEF53, 0x58465342, 0x9123683E, 0xF2F52010}  # ext2 to ext4, XFS, Btrfs, F2FS: their numbers in statfs(2)
_UNSUPPORTED = (errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS)  # some file systems, above all for folders


def below(folder: Path) -> list[Path]:
    """A folder, and all files and folders below it."""
    found = [folder]
    for parent, folders, names in os.walk(folder):
        found += (Path(parent, name) for name in (*folders, *names))
    return found


def flush(paths: Sequence[Path]) -> None:
    """Have the disk take the content of files, and the names that folders hold; return when it has.

    Raises:
        OSError: It has not: a write that seemed to succeed has failed, or one of them cannot be opened.
    """
    if len(paths) > _EACH and _has_flushed_file_system(paths[0]):
        return
    _Flushing(paths).run()
    if paths:
        _empty_drive(paths[-1])


class _Flushing:
    """Flushes paths by several threads."""

    def __init__(self, paths: Sequence[Path]) -> None:
        self._left: SimpleQueue[Path] = SimpleQueue()
        for path in paths:
            self._left.put(path)
        self._threads = min(_THREADS, len(paths))
        self._ended = threading.Semaphore(0)
        self._failure: BaseException | None = None

    def run(self) -> None:
        """Flush them all.

        Raises:
            OSError: The first failure.
        """
        for _ in range(self._threads - 1):
            threading.Thread(target=self._flush_some, name="flush", daemon=True).start()
        self._flush_some()
        for _ in range(self._threads):  # not by join(): see modelhub.unpack_members
            self._ended.acquire()
        if self._failure:
            raise self._failure

    def _flush_some(self) -> None:
        try:
            for path in self._rest():
                _flush_one(path)
        except BaseException as exc:
            self._failure = exc
        finally:
            self._ended.release()

    def _rest(self) -> Iterator[Path]:
        while not self._failure:
            try:
                yield self._left.get_nowait()
            except Empty:
                return


if sys.platform == "win32":

    def _flush_one(path: Path) -> None:
        if path.is_dir():  # Windows opens no folders, and keeps names by itself
            return
        file = os.open(path, os.O_RDWR | os.O_BINARY)
        try:
            os.fsync(file)
        finally:
            os.close(file)

else:

    def _flush_one(path: Path) -> None:
        file = os.open(path, os.O_RDONLY)
        try:
            os.fsync(file)
        except OSError as exc:
            if exc.errno not in _UNSUPPORTED:
                raise OSError(exc.errno, exc.strerror, str(path)) from exc
        finally:
            os.close(file)


def _empty_drive(path: Path) -> None:
    """On macOS a flush ends in the memory of the drive; one such call empties that, for whatever file."""
    if sys.platform == "darwin":
        import fcntl

        file = os.open(path, os.O_RDONLY)
        try:
            fcntl.fcntl(file, fcntl.F_FULLFSYNC)
        except OSError as exc:
            if exc.errno not in (*_UNSUPPORTED, errno.ENOTTY):  # a disk in the network, for one
                raise
        finally:
            os.close(file)


def _has_flushed_file_system(path: Path) -> bool:
    """Flush all of a file system in one call; false where that cannot be relied upon."""
    if not sys.platform.startswith("linux") or _kernel() < _WHOLE_FROM:
        return False
    import ctypes  # 2 ms that only many files need pay

    library = ctypes.CDLL(None, use_errno=True)
    status = (ctypes.c_long * 64)()  # more than any struct statfs takes; its first number tells the file system
    file = os.open(path, os.O_RDONLY)
    try:
        if library.fstatfs(file, status) or status[0] not in _WHOLE_ON:
            return False
        if library.syncfs(file):
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number), str(path))
        return True
    finally:
        os.close(file)


def _kernel() -> tuple[int, ...]:
    numbers = os.uname().release.split("-")[0].split(".")[:2]
    return tuple(int(number) for number in numbers if number.isdecimal())
