"""What interrupted programs left in a cache: downloads, staging, and the zips that Spark NLP unpacks there."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from modelhub.artifacts import ArtifactKey
from modelhub.entries import zips_beside
from modelhub.errors import UsageError
from modelhub.part_files import disk_bytes
from modelhub.quick_dataclasses import dataclass

DOWNLOAD = "interrupted download"
STAGING = "staging of a process that is gone"
ZIP = "zip that Spark NLP left"

_PART, _JOURNAL = ".part", ".journal"  # see modelhub.partials
_STAGED = re.compile(r"(?P<key>.+)\.(?P<process>[0-9]{1,9})\.[0-9a-f]{8}")
_ZIP_NAME = re.compile(r"(?P<key>[^.].*)\.zip|\.(?P<summed>.+)\.zip\.crc")


@dataclass(frozen=True, kw_only=True)
class Leftover:
    """One file or folder that nobody needs any more, unless a download is gone on with.

    Attributes:
        kind: :data:`DOWNLOAD`, :data:`STAGING` or :data:`ZIP`.
        size_bytes: What it takes of the disk.
        changed_s: When something was last written there, in seconds since 1970.
    """

    kind: str
    path: Path
    size_bytes: int
    changed_s: float


def leftovers_of(key: ArtifactKey, *, entry: Path, part: Path, staging: Path) -> list[Leftover]:
    """What is left of a key.

    Args:
        key: The key.
        entry: Where its entry is, or would be.
        part: Where its zip is on its way.
        staging: The folder in which entries are built.
    """
    found = [
        *((DOWNLOAD, path) for path in (part, part.with_suffix(_JOURNAL)) if path.is_file()),
        *((STAGING, path) for path in dead_staging(staging, key)),
        *((ZIP, path) for path in zips_beside(entry)),
    ]
    return [
        Leftover(kind=kind, path=path, size_bytes=_disk_bytes_below(path), changed_s=changed_s(path))
        for kind, path in found
    ]


def keys_with_leftovers(*, root: Path, partials: Path, staging: Path) -> set[ArtifactKey]:
    """Every key of which something may be left."""
    staged = (match["key"] for name in _names_in(staging) if (match := _STAGED.fullmatch(name)))
    parts = (path.stem for path in map(Path, _names_in(partials)) if path.suffix in (_PART, _JOURNAL))
    zips = (match["key"] or match["summed"] for name in _names_in(root) if (match := _ZIP_NAME.fullmatch(name)))
    return set(_keys_among((*staged, *parts, *zips)))


def dead_staging(staging: Path, key: ArtifactKey) -> list[Path]:
    """The folders in which processes that are gone were building an entry."""
    matches = ((name, _STAGED.fullmatch(name)) for name in _names_in(staging))
    return [
        staging / name
        for name, match in matches
        if match and match["key"] == str(key) and not _is_another_alive(int(match["process"]))
    ]


def delete(path: Path) -> None:
    """Delete a file, or a folder with all that is below it.

    Raises:
        OSError: It cannot be deleted, or not all of it.
    """
    if path.is_dir() and not path.is_symlink():  # what a link leads to is not ours
        import shutil  # 3 ms that a pull without leftovers need not pay

        shutil.rmtree(path)
    else:
        path.unlink()


def sweep(path: Path) -> None:
    """Do the same, if it can be done: what another user left may have to stay, and nothing may be there."""
    with suppress(OSError):
        delete(path)


def changed_s(path: Path) -> float:
    """When something was last written to a file, or below a folder; 0 where nothing is."""
    times = [0.0]
    for below in _walk(path):
        with suppress(OSError):
            times.append(below.lstat().st_mtime)
    return max(times)


def _disk_bytes_below(path: Path) -> int:
    return sum(disk_bytes(below) for below in _walk(path) if not below.is_dir())


def _walk(path: Path) -> Iterator[Path]:
    yield path
    if path.is_symlink():  # what it leads to is not ours
        return
    for parent, folders, names in os.walk(path):
        for name in (*folders, *names):
            yield Path(parent, name)


def _names_in(folder: Path) -> list[str]:
    try:
        return sorted(path.name for path in folder.iterdir())
    except OSError:
        return []


def _keys_among(texts: Iterable[str]) -> Iterator[ArtifactKey]:
    for text in texts:
        with suppress(UsageError):
            yield ArtifactKey.parse(text)


def _is_another_alive(process_id: int) -> bool:
    """Whether another process of this host has that id; on Windows nobody can ask without ending it."""
    if process_id == os.getpid() or os.name == "nt":
        return False
    try:
        os.kill(process_id, 0)
    except OSError as exc:
        return exc.errno != errno.ESRCH  # somebody else's processes may not be signalled, but they are there
    return True
