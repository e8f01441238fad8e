"""Mutual exclusion of processes by a file: one holds it, the others wait, and whoever dies holds it no longer.

The operating system keeps the exclusion (``flock``, on Windows ``locking``), so that it ends with its process, however
that ends. It does not tell who holds it: the holder says so in a note beside the file. The package ``filelock`` does
the same, but costs 40 ms of imports, a quarter of what a small model's whole pull may take.
"""

from __future__ import annotations

import errno
import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from modelhub.errors import StoppedError, WaitTimeoutError

_POLL_S = 0.05
_TAKEN = (errno.EACCES, errno.EAGAIN, errno.EDEADLK)
# Some file systems (NFS without its daemon, some FUSE) have no exclusion; NFS, none by a file that one may only read.
_UNSUPPORTED = (errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL, errno.EBADF)


@contextmanager
def exclusively(
    path: Path,
    subject: str,
    *,
    wait_s: float,
    on_wait: Callable[[str], None] = lambda sentence: None,
    is_wanted: Callable[[], bool] = lambda: True,
) -> Iterator[bool]:
    """Hold an exclusion for as long as the block takes.

    The block is told whether the operating system keeps it. On file systems that cannot, others may be at the same
    work: each had better do it in a folder of its own, and leave the others' alone.

    Args:
        path: Its file; the folder is made.
        subject: What one is busy with, for messages.
        wait_s: How long to wait for another process.
        on_wait: Called with a sentence when such a wait begins.
        is_wanted: Asked again and again while one waits: an interrupt reaches only the main thread.

    Raises:
        WaitTimeoutError: Another process holds it for longer.
        StoppedError: It is wanted no more.
        OSError: The file cannot be made.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    file = _open(path)
    try:
        is_taken = _take(file)
        if is_taken is False:
            on_wait(f"Waiting for {_holder(path)}, busy with {subject}; at most {wait_s:g} s.")
            is_taken = _wait(file, path, subject, wait_s, is_wanted)
        note = _note_of(path)
        with suppress(OSError):  # only a message is poorer without it
            note.write_text(json.dumps({"process": os.getpid(), "host": _host(), "since": time.time()}))
        try:
            yield is_taken is True
        finally:
            with suppress(OSError):
                note.unlink()
    finally:
        os.close(file)  # which ends the exclusion, too


def _wait(file: int, path: Path, subject: str, wait_s: float, is_wanted: Callable[[], bool]) -> bool | None:
    end = time.monotonic() + wait_s
    while (is_taken := _take(file)) is False:
        if not is_wanted():
            raise StoppedError(f"Nobody waits for {subject} any longer.")
        if time.monotonic() >= end:
            holder = _holder(path)
            raise WaitTimeoutError(
                f"{holder[0].upper()}{holder[1:]} kept us waiting for {wait_s:g} s: it is busy with {subject}.",
                hint="Wait for it, or raise MODELHUB_WAIT.",
            )
        time.sleep(min(_POLL_S, max(0.0, end - time.monotonic())))
    return is_taken


def _open(path: Path) -> int:
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    except PermissionError:
        if not path.exists():
            raise
        return os.open(path, os.O_RDONLY)  # another user's, who keeps others from writing: this is enough to exclude


def _holder(path: Path) -> str:
    try:
        note = json.loads(_note_of(path).read_text())
        age_s = max(0.0, time.time() - note["since"])
        return f"process {note['process']:d} on {note['host']} (for {age_s:.0f} s)"
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return "another process"


def _host() -> str:
    return os.uname().nodename if hasattr(os, "uname") else "this host"


def _note_of(path: Path) -> Path:
    return path.with_name(f"{path.name}.holder")


if sys.platform == "win32":
    import msvcrt

    def _take(file: int) -> bool | None:
        try:
            msvcrt.locking(file, msvcrt.LK_NBLCK, 1)
        except OSError as exc:
            if exc.errno in _TAKEN:
                return False
            raise
        return True

else:
    import fcntl

    def _take(file: int) -> bool | None:
        """Whether we have the exclusion now; ``None`` where the file system has none to give."""
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as exc:
            if exc.errno in _TAKEN:
                return False
            if exc.errno not in _UNSUPPORTED:
                raise
            return None
        return True
