from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from modelhub.disk import disk_errors, free_bytes, preallocate
from modelhub.errors import ArchiveError, StorageError


def fail(number: int, *names: str) -> OSError:
    return OSError(number, os.strerror(number), *names)


@pytest.mark.parametrize(
    ("problem", "message"),
    [
        (fail(errno.EACCES), "Cannot write /a: Permission denied."),
        (fail(errno.EACCES, "/a"), "Cannot write /a: Permission denied."),
        (fail(errno.EACCES, "/b"), "Cannot write /a: Permission denied (/b)."),
        (OSError("what libraries say"), "Cannot write /a: what libraries say."),
        (OSError(), "Cannot write /a: OSError."),
        (UnicodeEncodeError("utf-8", "x", 0, 1, "no"), "Cannot write /a: the file system cannot hold such a name."),
    ],
)
def test_what_the_operating_system_refuses_is_told_in_a_sentence(problem: Exception, message: str) -> None:
    with pytest.raises(StorageError) as caught, disk_errors("Cannot write /a"):
        raise problem

    assert caught.value.message == message
    assert caught.value.__cause__ is problem
    assert "MODELHUB_CACHE" in caught.value.hint


@pytest.mark.parametrize(
    ("number", "advice"),
    [
        (errno.ENOSPC, "modelhub rm"),
        (errno.EDQUOT, "modelhub rm"),
        (errno.ENAMETOOLONG, "shorter path"),
        (errno.EIO, "of the caller"),
    ],
)
def test_a_reason_with_an_advice_of_its_own_overrules_the_callers(number: int, advice: str) -> None:
    with pytest.raises(StorageError) as caught, disk_errors("Cannot write", hint="That of the caller."):
        raise fail(number)

    assert advice in caught.value.hint


@pytest.mark.parametrize("problem", [BrokenPipeError(32, "Broken pipe"), ArchiveError("ours"), KeyError("a bug")])
def test_what_is_no_failure_of_a_disk_passes(problem: Exception) -> None:
    with pytest.raises(type(problem)) as caught, disk_errors("Cannot write"):
        raise problem

    assert caught.value is problem


@pytest.mark.parametrize("size_bytes", [0, 1, 100_000])
def test_a_file_has_its_size_and_its_place_before_it_is_written(tmp_path: Path, size_bytes: int) -> None:
    path = tmp_path / "x"
    with path.open("wb") as file:
        preallocate(file.fileno(), size_bytes)

    assert path.read_bytes() == bytes(size_bytes)
    assert 512 * path.stat().st_blocks >= size_bytes


def test_a_file_without_room_is_refused_at_once(tmp_path: Path) -> None:
    with (tmp_path / "x").open("wb") as file, pytest.raises(OSError, match="large|space"):
        preallocate(file.fileno(), 1 << 62)


def test_what_cannot_be_set_apart_is_refused_as_it_is() -> None:
    reading, writing = os.pipe()
    with pytest.raises(OSError, match="Illegal seek"):
        preallocate(writing, 10)
    for number in (reading, writing):
        os.close(number)


def test_a_folder_that_is_not_there_yet_has_the_room_of_the_one_above(tmp_path: Path) -> None:
    status = os.statvfs(tmp_path)
    free = free_bytes(tmp_path / "not" / "yet")

    assert abs(free - status.f_bavail * status.f_frsize) < 1 << 30
    assert free_bytes(tmp_path) > 0
