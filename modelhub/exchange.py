"""Two folders exchange their names, in one step where the operating system can."""

from __future__ import annotations

import errno
import os
import sys
from contextlib import suppress
from pathlib import Path

_AT_FDCWD = -100
_RENAME_EXCHANGE = 2
# A kernel, a file system (NFS, FUSE, some overlays) or a sandbox that cannot.
_UNSUPPORTED = (errno.ENOSYS, errno.EINVAL, errno.EOPNOTSUPP, errno.ENOTSUP, errno.EPERM)


def exchange(new: Path, old: Path, *, aside: Path) -> None:
    """Give each of two folders the name of the other.

    Whoever looks at any moment finds either of them under the name ``old``; only where the operating system knows no
    exchange is there a moment in which nothing bears it.

    Args:
        new: The one folder.
        old: The other one, which people look at.
        aside: A name on the same disk that is free: where ``old`` waits if two steps are needed.

    Raises:
        OSError: They keep their names.
    """
    if not _has_exchanged(new, old):
        exchange_in_steps(new, old, aside=aside)


def exchange_in_steps(new: Path, old: Path, *, aside: Path) -> None:
    """Do the same with plain renames: the old one aside, and back if the new one does not move."""
    old.rename(aside)
    try:
        new.rename(old)
    except BaseException:
        with suppress(OSError):
            aside.rename(old)
        raise
    aside.rename(new)


def _has_exchanged(new: Path, old: Path) -> bool:
    """Exchange in one step; false where nothing on this machine can."""
    if not sys.platform.startswith("linux"):
        return False
    import ctypes  # 10 ms that only a repair need pay

    rename = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)  # glibc has it from 2.28 on
    if rename is None:
        return False
    names = (_AT_FDCWD, os.fsencode(new), _AT_FDCWD, os.fsencode(old))
    if rename(*names, _RENAME_EXCHANGE) == 0:
        return True
    number = ctypes.get_errno()
    if number in _UNSUPPORTED:
        return False
    raise OSError(number, os.strerror(number), str(new), None, str(old))
