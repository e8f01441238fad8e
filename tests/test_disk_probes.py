from __future__ import annotations

import os
import time
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import pytest

from modelhub.disk_probes import bytes_below, look_at_folder, write_rate
from modelhub.errors import StorageError


def without_locks(path: Path, subject: str, *, wait_s: float) -> AbstractContextManager[None]:
    """Holding a file exclusively on a file system that has no such thing: granted to everybody."""
    return nullcontext()


def test_a_folder_that_can_be_written_is_left_as_it_was(tmp_path: Path) -> None:
    state = look_at_folder(tmp_path, hint="")

    assert (state.place, state.is_there, state.has_exclusion) == (tmp_path, True, True)
    assert state.free_bytes > 0
    assert state.device == tmp_path.stat().st_dev
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_can_be_made_is_not_made(tmp_path: Path) -> None:
    state = look_at_folder(tmp_path / "a" / "b", hint="")

    assert (state.place, state.is_there) == (tmp_path, False)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("where", [".", "below"])
def test_a_file_is_no_folder(tmp_path: Path, where: str) -> None:
    file = tmp_path / "file"
    file.touch()

    with pytest.raises(StorageError, match="file") as caught:
        look_at_folder(file / where, hint="Choose another.")

    assert caught.value.hint == "Choose another."


def test_a_link_to_nowhere_is_no_folder(tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "nowhere")

    with pytest.raises(StorageError, match="link is no folder"):
        look_at_folder(link, hint="")


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_may_only_be_read(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)

    with pytest.raises(StorageError, match="cannot be written: Permission denied"):
        look_at_folder(tmp_path, hint="")


@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="a place where even root cannot write")
def test_a_place_where_nobody_can_write() -> None:
    with pytest.raises(StorageError, match="cannot be written"):
        look_at_folder(Path("/proc/self/modelhub"), hint="")


def test_a_file_system_without_locks_is_recognised(tmp_path: Path) -> None:
    assert not look_at_folder(tmp_path, hint="", hold=without_locks).has_exclusion


def test_the_rate_of_writing_is_measured_and_nothing_is_left(tmp_path: Path) -> None:
    rate = write_rate(tmp_path, seconds=0.2, max_bytes=1 << 20)

    assert rate > 0
    assert list(tmp_path.iterdir()) == []


def test_no_more_is_written_than_is_allowed(tmp_path: Path) -> None:
    started_s = time.perf_counter()

    write_rate(tmp_path, seconds=5, max_bytes=1 << 20)

    assert time.perf_counter() - started_s < 3


def test_something_is_written_even_where_there_is_no_time_for_it(tmp_path: Path) -> None:
    assert write_rate(tmp_path, seconds=0, max_bytes=1) > 0


def test_the_rate_of_a_folder_that_is_not_there_cannot_be_measured(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="cannot be written"):
        write_rate(tmp_path / "nowhere")


def test_the_bytes_below_a_folder_are_those_of_all_files(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "one").write_bytes(b"1" * 10)
    (tmp_path / "a" / "b" / "two").write_bytes(b"2" * 5)
    (tmp_path / "dangling").symlink_to("nowhere")

    assert bytes_below(tmp_path) - (tmp_path / "dangling").lstat().st_size == 15
    assert bytes_below(tmp_path / "nowhere") == 0
