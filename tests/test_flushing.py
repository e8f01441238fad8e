from __future__ import annotations

import errno
import os
import sys
import tempfile
from pathlib import Path

import pytest
from faults.strace import calls_in, traced, why_not

from modelhub.flushing import below, flush

FLUSH = "import sys; from pathlib import Path; from modelhub.flushing import *; flush(below(Path(sys.argv[1])))"
traceable = pytest.mark.skipif(bool(why_not()), reason=why_not())


def make_tree(folder: Path, files: int) -> Path:
    (folder / "deep" / "empty").mkdir(parents=True)
    for number in range(files):
        (folder / "deep" / f"{number}").write_bytes(b"x")
    return folder


def flushes_of(tree: Path, log: Path) -> list[str]:
    """What a process flushes below a folder: the calls, and the paths that they name."""
    words = [sys.executable, "-c", FLUSH, tree]
    finished = traced(words, log, environment=dict(os.environ))
    assert finished.returncode == 0, finished.stderr
    return [call.text for call in calls_in(log, tree) if "sync" in call.name]


def test_below_a_folder_is_all_that_a_new_name_of_it_leads_to(tmp_path: Path) -> None:
    tree = make_tree(tmp_path / "tree", 2)

    found = {path.relative_to(tmp_path).as_posix() for path in below(tree)}

    assert found == {"tree", "tree/deep", "tree/deep/empty", "tree/deep/0", "tree/deep/1"}


@traceable
def test_every_file_and_every_folder_is_flushed(tmp_path: Path, unmeasured: None) -> None:
    tree = make_tree(tmp_path / "tree", 40)

    calls = flushes_of(tree, tmp_path / "log")

    assert all(call.startswith("fsync(") for call in calls)
    assert all(sum(f"{path}>" in call for call in calls) == 1 for path in below(tree))


@traceable
@pytest.mark.skipif(sys.platform != "linux", reason="syncfs is a call of Linux")
def test_many_files_are_flushed_in_one_call_or_each(tmp_path: Path, unmeasured: None) -> None:
    tree = make_tree(tmp_path / "tree", 300)

    calls = flushes_of(tree, tmp_path / "log")

    assert len(calls) in (1, len(below(tree)))  # by the file system that this runs on
    assert calls[0].startswith("syncfs(" if len(calls) == 1 else "fsync(")


def test_a_file_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError) as raised:
        flush([tmp_path, tmp_path / "none", tmp_path])

    assert raised.value.filename == str(tmp_path / "none")


def test_nothing_is_flushed_in_no_time() -> None:
    flush([])


@traceable
@pytest.mark.parametrize("files", [3, 300])
@pytest.mark.parametrize("error", ["EIO", "ENOSPC"])
def test_what_the_disk_does_not_take_is_an_error(tmp_path: Path, unmeasured: None, files: int, error: str) -> None:
    tree = make_tree(tmp_path / "tree", files)
    words = [sys.executable, "-c", FLUSH, tree]
    finished = traced(
        words, tmp_path / "log", environment=dict(os.environ), injected=f"fsync,syncfs:error={error}:when=1+"
    )

    assert finished.returncode == 1
    assert f"[Errno {getattr(errno, error)}]" in finished.stderr
    assert str(tree) in finished.stderr


@traceable
@pytest.mark.parametrize("error", ["EINVAL", "EOPNOTSUPP"])
def test_a_file_system_that_flushes_no_folders_is_none_to_fail_on(tmp_path: Path, unmeasured: None, error: str) -> None:
    tree = make_tree(tmp_path / "tree", 3)
    words = [sys.executable, "-c", FLUSH, tree]
    finished = traced(words, tmp_path / "log", environment=dict(os.environ), injected=f"fsync:error={error}")

    assert finished.returncode == 0, finished.stderr


@pytest.mark.parametrize("where", ["/tmp", "/dev/shm"])
def test_many_files_are_flushed_on_any_file_system(where: str) -> None:
    if not os.access(where, os.W_OK):
        pytest.skip(f"there is no {where} to write to")
    with tempfile.TemporaryDirectory(dir=where) as folder:
        flush(below(make_tree(Path(folder, "tree"), 300)))


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="there is no /proc")
def test_what_no_disk_holds_is_none_to_fail_on() -> None:
    flush([Path("/proc/self/status")])
