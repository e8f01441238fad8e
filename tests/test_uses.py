from __future__ import annotations

import os
from pathlib import Path

import pytest

from modelhub.uses import last_use_s, note_use

LONG_AGO_S, LATER_S = 1_600_000_000, 1_650_000_000


@pytest.fixture
def entry(tmp_path: Path) -> Path:
    """A saved model that nobody has touched for long."""
    folder = tmp_path / "entry"
    paths = [folder / name for name in ("metadata/part-00000", "fields/a/part-00000", "stages/0_X/metadata/part-00000")]
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    for path in (*paths, folder):
        os.utime(path, (LONG_AGO_S, LONG_AGO_S))
    return folder


def test_what_nobody_has_touched_was_last_used_when_it_was_made(entry: Path) -> None:
    assert last_use_s(entry, []) == LONG_AGO_S


def test_reading_a_file_is_a_use(entry: Path) -> None:
    os.utime(entry / "fields/a/part-00000", (LATER_S, LONG_AGO_S))

    assert last_use_s(entry, []) == LATER_S


@pytest.mark.parametrize("name", ["metadata/part-00000", "stages/0_X/metadata/part-00000"])
def test_reading_metadata_is_none_for_our_own_commands_do_so(entry: Path, name: str) -> None:
    os.utime(entry / name, (LATER_S, LONG_AGO_S))

    assert last_use_s(entry, []) == LONG_AGO_S


def test_what_is_written_inside_a_file_is_no_use(entry: Path) -> None:
    os.utime(entry / "fields/a/part-00000", (LONG_AGO_S, LATER_S))

    assert last_use_s(entry, []) == LONG_AGO_S


def test_the_latest_record_counts(entry: Path, tmp_path: Path) -> None:
    records = [tmp_path / "missing", tmp_path / "manifest"]
    records[1].touch()
    os.utime(records[1], (LONG_AGO_S, LATER_S))

    assert last_use_s(entry, records) == LATER_S
    assert last_use_s(tmp_path / "none", records[:1]) == 0


def test_a_use_is_noted_again_and_again(tmp_path: Path) -> None:
    record = tmp_path / "uses" / "key"
    note_use(record)
    os.utime(record, (LONG_AGO_S, LONG_AGO_S))
    note_use(record)

    assert record.stat().st_mtime > LATER_S


def test_a_use_that_cannot_be_noted_holds_nobody_up(tmp_path: Path) -> None:
    (tmp_path / "uses").touch()

    note_use(tmp_path / "uses" / "key")

    assert (tmp_path / "uses").is_file()
