"""What a folder allows: whether it can be written, how fast, how much fits, and whether waiting for others works."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from typing import Protocol

from modelhub.disk import disk_errors
from modelhub.errors import StorageError, WaitTimeoutError
from modelhub.exclusion import exclusively
from modelhub.quick_dataclasses import dataclass

_CHUNK_BYTES = 4 << 20
_MAX_SHARE = 4  # of what is free, a trial takes no more than this part
_PREFIX = ".modelhub-doctor-"


class Hold(Protocol):
    """See :func:`modelhub.exclusion.exclusively`."""

    def __call__(self, path: Path, subject: str, *, wait_s: float) -> AbstractContextManager[object]:
        """Hold an exclusion for as long as the block takes."""
        ...


@dataclass(frozen=True, kw_only=True)
class FolderState:
    """A folder that can be written, or made.

    Attributes:
        place: The folder itself, or where it is to be made the nearest one that is there.
        device: Number of the file system.
        has_exclusion: Whether of two processes that want one file exclusively the second is told so.
    """

    place: Path
    is_there: bool
    device: int
    free_bytes: int
    has_exclusion: bool


def look_at_folder(folder: Path, *, hint: str, hold: Hold = exclusively) -> FolderState:
    """Try out a folder, leaving nothing behind.

    Args:
        folder: It, or something above it, is there.
        hint: What to do when it cannot be written.
        hold: Holds a file exclusively; see :mod:`modelhub.exclusion`.

    Raises:
        StorageError: It cannot be written or made, or is no folder.
    """
    with disk_errors(f"{folder} cannot be written", hint=hint):
        place = _nearest(folder)
        if not place.is_dir():
            raise StorageError(f"{place} is no folder.", hint=hint)
        with tempfile.TemporaryDirectory(prefix=_PREFIX, dir=place) as trial:
            Path(trial, "file").write_bytes(b"written")
            return FolderState(
                place=place,
                is_there=place == folder,
                device=place.stat().st_dev,
                free_bytes=shutil.disk_usage(place).free,
                has_exclusion=_excludes(hold, Path(trial, "wait")),
            )


def write_rate(place: Path, *, seconds: float = 1.0, max_bytes: int = 64 << 20) -> float:
    """Bytes per second that reach the disk, leaving nothing behind.

    Raises:
        StorageError: It cannot be written.
    """
    content = os.urandom(_CHUNK_BYTES)  # a file system that packs shall not look faster than it is
    with (
        disk_errors(f"{place} cannot be written"),
        tempfile.TemporaryFile(prefix=_PREFIX, dir=place, buffering=0) as file,
    ):
        limit = min(max_bytes, shutil.disk_usage(place).free // _MAX_SHARE)
        started_s = time.perf_counter()
        done = 0
        while not done or (done < limit and time.perf_counter() - started_s < seconds):
            done += file.write(content[: max(1, limit - done)])
            os.fsync(file.fileno())
        return done / (time.perf_counter() - started_s)


def bytes_below(folder: Path) -> int:
    """Bytes of all files below a folder; 0 where there is none. Files that go away meanwhile do not count."""
    total = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            with suppress(OSError):
                total += Path(parent, name).lstat().st_size
    return total


def _nearest(folder: Path) -> Path:
    """The folder, or the nearest thing above it that is there."""
    return next(place for place in (folder, *folder.parents) if place.exists() or place.is_symlink())


def _excludes(hold: Hold, path: Path) -> bool:
    """Whether a second claim on a file is refused while there is a first; some network disks grant both."""
    try:
        with hold(path, "", wait_s=0), hold(path, "", wait_s=0):
            return False
    except WaitTimeoutError:
        return True
