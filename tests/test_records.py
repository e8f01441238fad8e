from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from modelhub.artifacts import ArtifactKey
from modelhub.entries import Manifest
from modelhub.objects import Member
from modelhub.records import Records

KEY = ArtifactKey.parse("tiny_pos_en_4.0.0_3.0_1657118162458")
OLD = Manifest(key=str(KEY), s3_uri="s3://b/r/k.zip", sha256="01d", zip_bytes=1, files=())
NEW = Manifest(
    key=str(KEY), s3_uri="s3://b/r/k.zip", sha256="2e3", zip_bytes=2, files=(Member(path="f", size_bytes=3, crc32=4),)
)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "staging").mkdir()
    (tmp_path / "staging" / "f").write_bytes(b"new")
    return tmp_path


@pytest.fixture
def records(root: Path) -> Records:
    return Records(root, root / ".modelhub")


def take_name(root: Path) -> None:
    (root / "staging").rename(root / str(KEY))


def install_old(root: Path, records: Records) -> None:
    (root / "old").mkdir()
    records.announce(OLD, root / "old")
    (root / "old").rename(root / str(KEY))
    records.settle(KEY, root / "scratch")


def test_what_is_announced_counts_from_the_moment_in_which_its_folder_has_the_name(
    root: Path, records: Records
) -> None:
    records.announce(NEW, root / "staging")
    before = records.manifest(KEY)
    take_name(root)

    assert before is None
    assert records.manifest(KEY) == NEW
    assert records.is_unsettled(KEY)


def test_until_then_the_one_of_the_folder_that_is_there_counts(root: Path, records: Records) -> None:
    install_old(root, records)
    records.announce(NEW, root / "staging")
    before = records.manifest(KEY)
    (root / str(KEY)).rename(root / "aside")
    take_name(root)

    assert (before, records.manifest(KEY)) == (OLD, NEW)


def test_what_is_settled_stays_and_its_first_digest_too(root: Path, records: Records) -> None:
    install_old(root, records)
    records.announce(NEW, root / "staging")
    (root / str(KEY)).rename(root / "aside")
    take_name(root)
    records.settle(KEY, root / "scratch")
    os.utime(root / str(KEY), (1, 1))

    assert (records.manifest(KEY), records.digest(KEY)) == (NEW, "01d")
    assert not records.is_unsettled(KEY)
    assert not (root / "scratch").exists()


def test_what_was_announced_and_did_not_happen_is_forgotten(root: Path, records: Records) -> None:
    install_old(root, records)
    records.announce(NEW, root / "staging")
    records.settle(KEY, root / "scratch")
    (root / str(KEY)).rename(root / "aside")
    take_name(root)

    assert records.manifest(KEY) == OLD
    assert not records.is_unsettled(KEY)


def test_a_folder_that_somebody_else_put_there_is_not_taken_for_ours(root: Path, records: Records) -> None:
    records.announce(NEW, root / "staging")
    (root / str(KEY)).mkdir()

    assert records.manifest(KEY) is None


@pytest.mark.parametrize("text", ["", "{", "[]", '{"folder": 1}', '{"key": "x"}'])
def test_what_was_announced_halfway_counts_as_nothing(root: Path, records: Records, text: str) -> None:
    announced, _ = records.announce(NEW, root / "staging")
    take_name(root)
    announced.write_text(text)

    assert records.manifest(KEY) is None
    records.settle(KEY, root / "scratch")
    assert not announced.exists()


def test_what_cannot_be_read_is_not_forgotten(root: Path, records: Records) -> None:
    announced, _ = records.announce(NEW, root / "staging")
    take_name(root)
    announced.rename(root / "aside")
    announced.mkdir()

    with pytest.raises(IsADirectoryError):
        records.settle(KEY, root / "scratch")
    assert records.manifest(KEY) is None
    announced.rmdir()
    (root / "aside").rename(announced)
    records.settle(KEY, root / "scratch")
    assert records.manifest(KEY) == NEW


def test_it_is_told_what_has_to_be_on_the_disk_before_the_rename(root: Path, records: Records) -> None:
    paths = records.announce(NEW, root / "staging")

    assert json.loads(paths[0].read_text())["sha256"] == "2e3"
    assert paths[1] == paths[0].parent


def test_what_is_forgotten_leaves_the_digest(root: Path, records: Records) -> None:
    install_old(root, records)
    records.forget(KEY)

    assert (records.manifest(KEY), records.digest(KEY)) == (None, "01d")
