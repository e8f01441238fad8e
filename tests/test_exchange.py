from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from model_files import files_of

from modelhub.exchange import exchange, exchange_in_steps

OLD, NEW = {"file": b"old"}, {"file": b"new", "more/file": b"new"}

Exchange = Callable[..., None]


def put(folder: Path, files: dict[str, bytes]) -> Path:
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    """The new one, and the old one."""
    return put(tmp_path / "new", NEW), put(tmp_path / "old", OLD)


@pytest.fixture(params=[exchange, exchange_in_steps], ids=["one step", "two steps"])
def swap(request: pytest.FixtureRequest) -> Exchange:
    return request.param


def test_each_has_the_name_of_the_other(swap: Exchange, folders: tuple[Path, Path], tmp_path: Path) -> None:
    new, old = folders

    swap(new, old, aside=tmp_path / "aside")

    assert (files_of(old), files_of(new)) == (NEW, OLD)
    assert not (tmp_path / "aside").exists()


def test_a_symbolic_link_is_exchanged_itself(swap: Exchange, folders: tuple[Path, Path], tmp_path: Path) -> None:
    new, old = folders
    link = tmp_path / "link"
    link.symlink_to(old)

    swap(new, link, aside=tmp_path / "aside")

    assert (files_of(link), link.is_symlink()) == (NEW, False)
    assert (files_of(old), new.is_symlink()) == (OLD, True)


@pytest.mark.parametrize("absent", ["new", "old"])
def test_where_one_is_missing_the_other_keeps_its_name(
    swap: Exchange, folders: tuple[Path, Path], tmp_path: Path, absent: str
) -> None:
    new, old = folders
    (tmp_path / absent).rename(tmp_path / "elsewhere")

    with pytest.raises(FileNotFoundError):
        swap(new, old, aside=tmp_path / "aside")

    there = {path.name: files_of(path) for path in (new, old) if path.exists()}
    assert there == ({"old": OLD} if absent == "new" else {"new": NEW})
    assert not (tmp_path / "aside").exists()


def test_a_folder_and_one_inside_it_keep_their_names(folders: tuple[Path, Path], tmp_path: Path) -> None:
    new, _ = folders

    with pytest.raises(OSError, match="Invalid argument"):
        exchange(new, new / "more", aside=tmp_path / "aside")
    assert files_of(new) == NEW
    assert not (tmp_path / "aside").exists()


def test_an_exchange_across_disks_is_no_exchange(folders: tuple[Path, Path], tmp_path: Path) -> None:
    other = Path("/dev/shm")
    if not other.is_dir() or other.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("there is only one file system")
    new = put(other / f"exchange-{os.getpid()}", NEW)
    try:
        with pytest.raises(OSError, match="cross-device"):
            exchange(new, folders[1], aside=tmp_path / "aside")
    finally:
        subprocess.run(["rm", "-r", str(new)], check=True)

    assert files_of(folders[1]) == OLD


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux exchanges in one step")
def test_nobody_ever_sees_the_name_without_a_folder(folders: tuple[Path, Path], tmp_path: Path) -> None:
    new, old = folders
    misses, done = [], threading.Event()

    def watch() -> None:
        while not done.is_set():
            if not (old / "file").exists():
                misses.append(old)

    watcher = threading.Thread(target=watch)
    watcher.start()
    for _ in range(300):
        exchange(new, old, aside=tmp_path / "aside")
    done.set()
    watcher.join()

    assert misses == []
