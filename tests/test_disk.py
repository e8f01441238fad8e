from __future__ import annotations

import errno
import os

import pytest

from modelhub.disk import disk_errors
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
