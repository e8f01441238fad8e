from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from modelhub.artifacts import ArtifactKey
from modelhub.leftovers import DOWNLOAD, STAGING, ZIP, changed_s, dead_staging, keys_with_leftovers, leftovers_of

KEY = ArtifactKey.parse("tiny_pos_en_4.0.0_3.0_1657118162458")
LONGER = ArtifactKey.parse(f"my.{KEY}")


@pytest.fixture(scope="module")
def dead() -> int:
    """The id of a process that is no more."""
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
        return process.pid


def write(path: Path, content: bytes = b"x") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def found(root: Path, key: ArtifactKey = KEY) -> dict[str, str]:
    left = leftovers_of(key, entry=root / str(key), part=root / "p" / f"{key}.part", staging=root / "s")
    return {leftover.path.relative_to(root).as_posix(): leftover.kind for leftover in left}


def test_where_nothing_was_nothing_is_left(tmp_path: Path) -> None:
    assert found(tmp_path / "none") == {}
    assert keys_with_leftovers(root=tmp_path / "a", partials=tmp_path / "b", staging=tmp_path / "c") == set()


def test_every_kind_is_found_under_its_key(tmp_path: Path, dead: int) -> None:
    names = [f"p/{KEY}.part", f"p/{KEY}.journal", f"{KEY}.zip", f".{KEY}.zip.crc", f"s/{KEY}.{dead}.0a1b2c3d/weights"]
    for name in names:
        write(tmp_path / name)

    assert found(tmp_path) == {
        f"p/{KEY}.part": DOWNLOAD,
        f"p/{KEY}.journal": DOWNLOAD,
        f"s/{KEY}.{dead}.0a1b2c3d": STAGING,
        f"{KEY}.zip": ZIP,
        f".{KEY}.zip.crc": ZIP,
    }
    assert keys_with_leftovers(root=tmp_path, partials=tmp_path / "p", staging=tmp_path / "s") == {KEY}
    assert found(tmp_path, LONGER) == {}


@pytest.mark.parametrize("name", ["p/{}.part", "p/{}.journal", "{}.zip", ".{}.zip.crc", "s/{}.7.0a1b2c3d/weights"])
def test_one_trace_is_enough_to_find_the_key(tmp_path: Path, name: str) -> None:
    write(tmp_path / name.format(LONGER))

    assert keys_with_leftovers(root=tmp_path, partials=tmp_path / "p", staging=tmp_path / "s") == {LONGER}


@pytest.mark.parametrize(
    "name", ["notes.zip", "p/notes.part", f"p/{KEY}.txt", "s/notes", f"s/{KEY}.x.0a1b2c3d", "_.zip"]
)
def test_what_bears_no_key_is_left_alone(tmp_path: Path, name: str) -> None:
    write(tmp_path / name)

    assert keys_with_leftovers(root=tmp_path, partials=tmp_path / "p", staging=tmp_path / "s") == set()


def test_staging_is_left_over_when_its_process_is_gone(tmp_path: Path, dead: int) -> None:
    for process in (dead, os.getpid(), os.getppid()):
        (tmp_path / f"{KEY}.{process}.0a1b2c3d").mkdir()

    gone = {path.name.split(".")[-2] for path in dead_staging(tmp_path, KEY)}

    assert gone == {str(dead), str(os.getpid())}


def test_sizes_are_those_of_the_disk_and_links_lead_nowhere(tmp_path: Path, dead: int) -> None:
    elsewhere = write(tmp_path / "elsewhere" / "large", b"x" * 100_000).parent
    write(tmp_path / "s" / f"{KEY}.{dead}.0a1b2c3d" / "deep" / "weights", b"x" * 5000)
    (tmp_path / "s" / f"{KEY}.{dead}.ffffffff").symlink_to(elsewhere)
    part = write(tmp_path / "p" / f"{KEY}.part", b"")
    os.truncate(part, 1 << 30)  # not a byte of it has arrived

    left = leftovers_of(KEY, entry=tmp_path / str(KEY), part=part, staging=tmp_path / "s")

    assert [leftover.size_bytes for leftover in left] == [0, 5000, 0]


def test_the_newest_file_tells_when_a_folder_was_changed(tmp_path: Path) -> None:
    for number, name in enumerate(("a", "b/c", "b/d")):
        os.utime(write(tmp_path / "top" / name), (1000, 1000 + number))
    for folder in (tmp_path / "top" / "b", tmp_path / "top"):
        os.utime(folder, (5000, 500))

    assert changed_s(tmp_path / "top") == 1002
    assert changed_s(tmp_path / "none") == 0
