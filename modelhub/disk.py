"""What the operating system says about files and folders, as our errors."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from modelhub.errors import StorageError

ELSEWHERE = "Choose a folder that you may write to, on a disk that is well, with MODELHUB_CACHE (or --cache)."
FULL = (
    "Free some space (modelhub prune --partial deletes interrupted downloads, modelhub rm a model), "
    "or choose a cache on another disk with MODELHUB_CACHE."
)
_TOO_LONG = "Choose a cache with a shorter path, or on a file system that takes longer names, with MODELHUB_CACHE."
_HINTS = {
    errno.ENOSPC: FULL,
    errno.EDQUOT: FULL,
    errno.ENAMETOOLONG: _TOO_LONG,
}


@contextmanager
def disk_errors(failure: str, *, hint: str = ELSEWHERE) -> Iterator[None]:
    """Turn what the operating system refuses into an error of ours.

    Args:
        failure: The beginning of the sentence, such as ``Cannot write /models/x``; the reason follows it.
        hint: What to do, unless the reason has an advice of its own (a full disk, a path that is too long).

    Raises:
        StorageError: The operating system refused. A broken pipe passes as it is: it is no disk, but our reader gone.
    """
    try:
        yield
    except BrokenPipeError:
        raise
    except UnicodeEncodeError as exc:
        raise StorageError(f"{failure}: the file system cannot hold such a name.", hint=hint) from exc
    except OSError as exc:
        reason = exc.strerror or str(exc) or type(exc).__name__
        where = f" ({exc.filename})" if exc.filename and str(exc.filename) not in failure else ""
        raise StorageError(f"{failure}: {reason}{where}.", hint=_HINTS.get(exc.errno or 0, hint)) from exc


def open_regular(path: Path, flags: int = 0) -> int:
    """Open a regular file for reading. A FIFO would keep us waiting for somebody to write to it, for ever.

    Args:
        path: The file.
        flags: More of those of ``os.open``.

    Raises:
        OSError: It cannot be opened, or is something else.
    """
    file = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_NONBLOCK", 0) | flags)
    mode = os.fstat(file).st_mode
    if stat.S_ISREG(mode):
        return file
    os.close(file)
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    raise OSError(errno.EINVAL, "it is no regular file", str(path))


def preallocate(file_descriptor: int, size_bytes: int) -> None:
    """Give a file its size and its place on the disk before it is written: ten times faster, and a full disk shows now.

    Raises:
        OSError: There is no room.
    """
    try:
        if size_bytes and hasattr(os, "posix_fallocate"):
            os.posix_fallocate(file_descriptor, 0, size_bytes)
            return
    except OSError as exc:
        if exc.errno not in (errno.EOPNOTSUPP, errno.EINVAL, errno.ENOSYS):  # some file systems cannot
            raise
    os.ftruncate(file_descriptor, size_bytes)


def free_bytes(folder: Path) -> int:
    """How much may still be written below a folder, which need not be there yet.

    Raises:
        OSError: The file system does not tell.
    """
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    if hasattr(os, "statvfs"):
        status = os.statvfs(folder)
        return status.f_bavail * status.f_frsize
    import shutil  # says the same everywhere, but a pull need not pay its 3 ms

    return shutil.disk_usage(folder).free
