from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from modelhub.shared_folders import make_folder


@pytest.fixture(autouse=True)
def umask() -> Iterator[None]:
    before = os.umask(0o022)
    yield
    os.umask(before)


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize("mode", [0o755, 0o775, 0o777, 0o1777, 0o700])
def test_our_folders_are_as_open_as_the_cache_and_no_less_than_the_umask_says(tmp_path: Path, mode: int) -> None:
    root = tmp_path / "cache"
    root.mkdir()
    root.chmod(mode)
    make_folder(root / ".modelhub" / "waits", root=root)

    assert {mode_of(root / name) for name in (".modelhub", ".modelhub/waits")} == {mode | 0o755}


def test_a_cache_that_is_not_there_is_made_as_the_umask_says(tmp_path: Path) -> None:
    root = tmp_path / "deep" / "cache"
    make_folder(root / ".modelhub", root=root)

    assert {mode_of(path) for path in (root.parent, root, root / ".modelhub")} == {0o755}


def test_a_folder_that_is_there_stays_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    tmp_path.chmod(0o777)
    make_folder(tmp_path / "there", root=tmp_path)

    assert mode_of(tmp_path / "there") == 0o755


def test_a_file_in_its_place_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(FileExistsError):
        make_folder(tmp_path / "file", root=tmp_path)
    with pytest.raises(OSError, match="irectory|exists"):
        make_folder(tmp_path / "file" / "below", root=tmp_path)
