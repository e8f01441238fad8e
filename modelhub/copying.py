"""Copying a saved model that lies in a folder, with the strictness that an archive meets."""

from __future__ import annotations

import stat
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path

from modelhub.deflate import crc32_of
from modelhub.disk import FULL, disk_errors, free_bytes
from modelhub.errors import ArchiveError, StorageError
from modelhub.members import MAX_MEMBERS, MemberTree, too_many_members
from modelhub.objects import Member
from modelhub.zipformat import checked_path, shown

_READ_BYTES = 1 << 20
_FILE_BYTES = 4096  # what a file takes beside its content, about
JUNK = (".DS_Store", "__MACOSX")  # macOS puts them wherever somebody looks, and into archives


def copy_folder(
    source: Path, target: Path, on_copied: Callable[[int], None], *, max_files: int = MAX_MEMBERS
) -> tuple[Member, ...]:
    """Copy all files of a folder, and return them with the CRC-32 of what was copied.

    Files are read and written: a link would let a change of the one change the other.

    Args:
        source: The folder.
        target: An existing, empty folder. After an error it holds what came before the error.
        on_copied: Called with the number of bytes just copied.
        max_files: Bound on files and folders.

    Raises:
        ArchiveError: It holds what no saved model does: links, special files, names that lead elsewhere.
        StorageError: A file cannot be read or written.
    """
    with disk_errors(f"{source} cannot be read", hint="Check its permissions."):
        found = {path: path.lstat() for path in islice(_below(source), max_files + 1)}
    if len(found) > max_files:
        raise too_many_members(max_files)
    check_room(target, sum(status.st_size for status in found.values()), len(found))
    tree = MemberTree(target)
    members = []
    for path, status in found.items():
        name = path.relative_to(source).as_posix()
        if not stat.S_ISDIR(status.st_mode) and not stat.S_ISREG(status.st_mode):
            raise ArchiveError(
                f"{shown(name)} in it is a link or a special file.",
                hint="Copy the folder with cp -rL first, if you trust what the links lead to.",
            )
        copy = tree.claim(checked_path(name), is_folder=stat.S_ISDIR(status.st_mode))
        if copy:
            with disk_errors(f"{path} cannot be copied"):
                members.append(_copy_file(path, copy, name, on_copied))
    return tuple(members)


def check_room(folder: Path, size_bytes: int, files: int) -> None:
    """Look whether a disk has room for files.

    Raises:
        StorageError: It has not.
    """
    with disk_errors(f"{folder} cannot be looked at"):
        room_bytes = free_bytes(folder)
    if room_bytes < size_bytes + _FILE_BYTES * files:
        raise StorageError(
            f"The model needs {size_bytes:,} bytes on the disk of {folder}, which has {room_bytes:,} free.", hint=FULL
        )


def only_folder(folder: Path) -> Path | None:
    """The one folder that a folder holds, if it holds nothing else."""
    inside = [path for path in folder.iterdir() if path.name not in JUNK]
    return inside[0] if len(inside) == 1 and inside[0].is_dir() else None


def _below(folder: Path) -> Iterator[Path]:
    """All files and folders below a folder, in a fixed order.

    Raises:
        OSError: One of them cannot be read.
    """
    for path in sorted(folder.iterdir()):
        if path.name not in JUNK:
            yield path
            if path.is_dir() and not path.is_symlink():
                yield from _below(path)


def _copy_file(source: Path, copy: Path, path: str, on_copied: Callable[[int], None]) -> Member:
    crc, size_bytes = 0, 0
    with source.open("rb") as reader, copy.open("xb") as writer:
        while chunk := reader.read(_READ_BYTES):
            writer.write(chunk)
            crc = crc32_of(chunk, crc)
            size_bytes += len(chunk)
            on_copied(len(chunk))
    return Member(path=path, size_bytes=size_bytes, crc32=crc)
