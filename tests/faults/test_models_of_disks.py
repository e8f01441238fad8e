"""The model of a disk forgets what it should, so that its verdicts mean something."""

from __future__ import annotations

from pathlib import PurePosixPath

import pytest
from faults.disk_model import Disk, File, Folder, Tree, flushing, losses

CACHE = PurePosixPath("/cache")
STAGED, ENTRY = CACHE / "staged", CACHE / "entry"
NOTHING, NAMES, ENTRIES, OTHERS, DELETIONS, HALF = range(6)


@pytest.fixture
def disk() -> Disk:
    """A folder with one file of four bytes, of which nothing was flushed."""
    disk = Disk()
    disk.folder(CACHE)
    disk.create(STAGED, Folder())
    disk.create(STAGED / "file", File())
    file = disk.find(STAGED / "file")
    assert isinstance(file, File)
    file.write(b"data", 0)
    return disk


def left(disk: Disk, rule: int) -> Tree:
    tree = losses(CACHE)[rule].tree(disk, CACHE)
    return {path: content for path, content in tree.items() if path != PurePosixPath(".")}


def flush(disk: Disk, *paths: PurePosixPath) -> None:
    for path in paths:
        node = disk.find(path)
        assert node
        flushing(node)()


def test_what_was_not_flushed_is_lost(disk: Disk) -> None:
    assert left(disk, NOTHING) == {}
    assert left(disk, NAMES) == {PurePosixPath("staged"): None, PurePosixPath("staged/file"): b""}
    assert left(disk, HALF)[PurePosixPath("staged/file")] == b"da\0\0"


def test_a_file_is_found_only_where_its_folder_was_flushed_too(disk: Disk) -> None:
    flush(disk, STAGED / "file", CACHE)
    before = left(disk, NOTHING)
    flush(disk, STAGED)

    assert before == {PurePosixPath("staged"): None}
    assert left(disk, NOTHING) == {PurePosixPath("staged"): None, PurePosixPath("staged/file"): b"data"}


def test_what_is_written_after_a_flush_is_lost(disk: Disk) -> None:
    flush(disk, STAGED / "file", STAGED, CACHE)
    file = disk.find(STAGED / "file")
    assert isinstance(file, File)
    file.write(b"DATA", 2)

    assert left(disk, NOTHING)[PurePosixPath("staged/file")] == b"data"


def test_a_rename_is_undone_where_nobody_flushed_it_and_may_survive_all_the_same(disk: Disk) -> None:
    flush(disk, CACHE)
    disk.rename(STAGED, ENTRY)

    assert set(left(disk, NOTHING)) == {PurePosixPath("staged")}
    assert set(left(disk, ENTRIES)) == {PurePosixPath("entry")}
    assert set(left(disk, DELETIONS)) == {PurePosixPath("staged")}


def test_a_deletion_may_be_all_that_survives(disk: Disk) -> None:
    flush(disk, STAGED / "file", STAGED, CACHE)
    disk.create(STAGED / "other", File())
    disk.remove(STAGED / "file")

    assert set(left(disk, DELETIONS)) == {PurePosixPath("staged")}
    assert set(left(disk, NOTHING)) == {PurePosixPath("staged"), PurePosixPath("staged/file")}
    assert set(left(disk, OTHERS)) == {PurePosixPath("staged"), PurePosixPath("staged/other")}
