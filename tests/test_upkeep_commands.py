"""The commands that keep a cache in order, from their words to what they print: prune, import, and what rm takes."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hub_server import SAVED_MODEL, HubFolder, make_zip

from modelhub.amounts import bytes_text

OLD, NEW = "tiny_pos_en_4.0.0_3.0_1657118162458", "tiny_pos_en_4.2.0_3.0_1667118162458"
GERMAN = "tiny_ner_de_4.0.0_3.0_1657118162458"
SIZE_BYTES = sum(map(len, SAVED_MODEL.values()))
SIZE = bytes_text(SIZE_BYTES)

Run = Callable[..., Any]


@pytest.fixture
def cache(hub_folder: HubFolder, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The cache of the settings; the hub has three models."""
    for key in (OLD, NEW, GERMAN):
        hub_folder.add(key, annotator="PerceptronModel")
    monkeypatch.setenv("MODELHUB_HUB", hub_folder.uri)
    return tmp_path / "cache_pretrained"


def on_terminal(*words: object, answer: str) -> tuple[int, str]:
    """Exit status of a command, and all that a terminal would have shown."""
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "modelhub", *map(str, words)]
    environment = os.environ | {"TERM": "dumb", "COLUMNS": "200"}
    process = subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, env=environment)
    os.close(theirs)
    os.write(ours, answer.encode())
    shown = b""
    try:
        while piece := os.read(ours, 65536):
            shown += piece
    except OSError:  # Linux says EIO where the last process has closed the terminal
        pass
    os.close(ours)
    return process.wait(30), shown.decode()


def put(cache: Path, *keys: str, days: float = 0) -> Path:
    """Entries as Spark NLP leaves them, last used some days ago."""
    then = time.time() - days * 86_400
    for key in keys:
        for name, content in SAVED_MODEL.items():
            (cache / key / name).parent.mkdir(parents=True, exist_ok=True)
            (cache / key / name).write_bytes(content)
        for path in (*(cache / key).rglob("*"), cache / key):
            os.utime(path, (then, then))
    return cache / keys[-1]


def put_part(cache: Path, key: str, size_bytes: int = 100_000) -> Path:
    part = cache / ".modelhub" / "partials" / f"{key}.part"
    part.parent.mkdir(parents=True, exist_ok=True)
    part.write_bytes(b"p" * size_bytes)
    return part


def entries_in(cache: Path) -> list[str]:
    return sorted(path.name for path in cache.iterdir() if path.name != ".modelhub")


# prune


def test_prune_without_a_criterion_tells_the_options(invoke: Run, cache: Path) -> None:
    finished = invoke("prune", "--yes")

    assert finished.status == 2
    assert "--superseded, --partial, --older-than 90d, --keep-bytes 50G" in finished.err


@pytest.mark.parametrize(
    ("option", "value"),
    [("--older-than", "soon"), ("--older-than", "90"), ("--older-than", "-1d"), ("--keep-bytes", "much")],
)
def test_prune_refuses_what_is_no_age_and_no_size(invoke: Run, cache: Path, option: str, value: str) -> None:
    finished = invoke("prune", option, value)

    assert finished.status == 2
    assert value in finished.err


@pytest.mark.parametrize(
    ("age", "gone"), [("100d", []), ("99.5d", []), ("98d", [OLD]), ("2400h", []), ("14w", [OLD]), ("0.2Y", [OLD])]
)
def test_prune_reads_ages(invoke: Run, cache: Path, age: str, gone: list[str]) -> None:
    put(cache, OLD, days=99)
    finished = invoke("prune", "--older-than", age, "--dry-run", "-q")

    assert finished.out.split() == gone


def test_prune_says_what_would_go_and_does_nothing(invoke: Run, cache: Path) -> None:
    put(cache, OLD, NEW)
    put_part(cache, GERMAN)
    finished = invoke("prune", "--superseded", "--partial", "--dry-run")

    rows = [line.split("\t")[:3] for line in finished.out.splitlines()]
    assert sorted(rows) == [
        [GERMAN, "100.0 kB", "interrupted download"],
        [OLD, SIZE, f"superseded by {NEW}"],
    ]
    assert "would remove 2 keys, 101.1 kB" in finished.err
    assert entries_in(cache) == [OLD, NEW]


def test_prune_removes_what_it_says(invoke: Run, cache: Path) -> None:
    put(cache, OLD, NEW)
    finished = invoke("prune", "--superseded", "--yes")

    assert finished.status == 0
    assert f"removed 1 key, {SIZE}" in finished.err
    assert entries_in(cache) == [NEW]


def test_prune_asks_for_the_runtime_that_is_configured(invoke: Run, cache: Path) -> None:
    put(cache, OLD, NEW)
    invoke("prune", "--superseded", "--yes", "--sparknlp", "4.1.0", "--spark", "3.3.0")

    assert entries_in(cache) == [OLD]


def test_prune_keeps_so_much(invoke: Run, cache: Path) -> None:
    put(cache, OLD, days=2)
    put(cache, GERMAN, days=1)

    assert invoke("prune", "--keep-bytes", "1.5K", "--yes", "-q").out.split() == [OLD]
    assert entries_in(cache) == [GERMAN]


def test_prune_says_what_stays_and_that_a_bound_is_not_kept(invoke: Run, cache: Path, tmp_path: Path) -> None:
    put(cache, OLD, days=99)
    (tmp_path / "modelhub.lock").write_text(json.dumps([{"key": OLD}]), encoding="utf-8")
    finished = invoke(
        "prune", "--older-than", "1d", "--keep-bytes", "1B", "--lock", tmp_path / "modelhub.lock", "--yes"
    )

    assert f"{OLD} stays, though last used 99 days ago: a lockfile names it." in finished.err
    assert f"What is left has {SIZE}: no more of it may go." in finished.err
    assert "Nothing is to be removed." in finished.err
    assert (finished.status, finished.out, entries_in(cache)) == (0, "", [OLD])


def test_prune_refuses_a_lockfile_that_is_not_there(invoke: Run, cache: Path) -> None:
    put(cache, OLD, days=99)
    finished = invoke("prune", "--older-than", "1d", "--lock", "/none.lock", "--yes")

    assert (finished.status, entries_in(cache)) == (4, [OLD])


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_prune_needs_yes_where_nobody_can_be_asked(modelhub: Run, cache: Path, options: list[str]) -> None:
    put(cache, OLD, NEW)
    finished = modelhub("prune", "--superseded", *options)

    assert finished.status == 2
    assert "--yes" in finished.err
    assert entries_in(cache) == [OLD, NEW]


def test_prune_needs_no_yes_for_nothing(invoke: Run, cache: Path) -> None:
    assert invoke("prune", "--partial").status == 0


@pytest.mark.parametrize(("answer", "status", "left"), [("n\n", 1, [OLD, NEW]), ("y\n", 0, [NEW])])
def test_prune_shows_the_plan_once_and_asks_on_a_terminal(
    cache: Path, answer: str, status: int, left: list[str]
) -> None:
    put(cache, OLD, NEW)
    finished, shown = on_terminal("prune", "--superseded", answer=answer)

    assert finished == status
    assert shown.count("superseded by") == 1
    assert shown.index("superseded by") < shown.index(f"Remove {SIZE}?")
    assert entries_in(cache) == left


def test_prune_tells_what_could_not_be_removed(invoke: Run, cache: Path) -> None:
    put(cache, OLD, GERMAN, days=99)
    (cache / ".modelhub" / "waits" / f"{OLD}.lock").mkdir(parents=True)
    finished = invoke("prune", "--older-than", "1d", "--yes", "--json")

    (error,) = finished.json["errors"]
    assert (finished.status, finished.json["status"], error["reference"]) == (3, "partial", OLD)
    assert [item["key"] for item in finished.json["data"]["plan"]["items"]] == [GERMAN]


# What counts as a use


def test_pull_path_and_code_that_loads_note_a_use(invoke: Run, cache: Path) -> None:
    invoke("update")
    invoke("pull", OLD)
    record = cache / ".modelhub" / "uses" / OLD
    assert not record.exists()

    for words in (["pull", OLD], ["path", OLD], ["show", OLD, "--code", "python", "--load"]):
        assert invoke(*words).status == 0
        assert record.exists(), words
        record.unlink()
    invoke("show", OLD)
    invoke("list")
    invoke("verify")
    assert not record.exists()


def test_of_what_a_readonly_cache_holds_no_use_is_noted(
    invoke: Run, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shared = put(tmp_path / "shared", OLD).parent
    monkeypatch.setenv("MODELHUB_CACHE_READONLY", str(shared))

    assert invoke("path", OLD).out.strip() == str(shared / OLD)
    assert not cache.exists()
    assert entries_in(shared) == [OLD]


# rm


def test_rm_takes_all_that_belongs_to_an_entry_and_keeps_its_digest(invoke: Run, cache: Path) -> None:
    invoke("pull", OLD)
    invoke("path", OLD)
    put_part(cache, OLD)
    (cache / f"{OLD}.zip").write_bytes(b"PK")
    (cache / ".modelhub" / "staging" / f"{OLD}.999999999.0a1b2c3d").mkdir(parents=True)
    finished = invoke("rm", OLD, "--yes", "--json")

    (entry,) = finished.json["data"]["entries"]
    left = [path for path in cache.rglob("*") if path.is_file() and path.parent.name != "waits"]
    assert entry["size_bytes"] > 100_000 + SIZE_BYTES
    assert left == [cache / ".modelhub" / "digests" / OLD]
    assert list((cache / ".modelhub" / "staging").iterdir()) == []


@pytest.mark.parametrize("reference", [OLD, "tiny_pos", "tiny_pos:en@4.0.0"])
def test_rm_takes_a_download_of_which_there_is_no_folder(invoke: Run, cache: Path, reference: str) -> None:
    part = put_part(cache, OLD)
    dry = invoke("rm", reference, "--dry-run", "--json")
    (entry,) = dry.json["data"]["entries"]

    assert (entry["key"], entry["state"], entry["size_bytes"]) == (OLD, "partial", 100_000)
    assert entry["problems"] == ["There is nothing of it but: interrupted download."]
    assert part.exists()
    assert invoke("rm", reference, "--yes").status == 0
    assert not part.exists()
    assert invoke("rm", reference, "--yes").status == 4


def test_rm_leaves_downloads_of_other_models(invoke: Run, cache: Path) -> None:
    put(cache, OLD)
    part = put_part(cache, GERMAN)
    invoke("rm", "tiny_pos", "--yes")

    assert part.exists()


# import


def test_import_prints_the_folder(invoke: Run, cache: Path, hub_folder: HubFolder) -> None:
    path = hub_folder.folder / "public/models" / f"{OLD}.zip"
    first = invoke("import", path)
    second = invoke("import", path)

    assert (first.status, first.out) == (second.status, second.out) == (0, f"{cache / OLD}\n")
    assert "already in the cache" in second.err
    assert "already" not in first.err
    assert invoke("verify", "--deep").status == 0


def test_import_takes_several_and_tells_which_failed(invoke: Run, cache: Path, tmp_path: Path) -> None:
    for name in (OLD, "mine"):
        (tmp_path / f"{name}.zip").write_bytes(make_zip())
    (tmp_path / f"{NEW}.zip").write_bytes(make_zip({"readme": b"x"}))
    finished = invoke("import", *sorted(tmp_path.glob("*.zip")), "--json")

    assert finished.status == 3
    assert [model["artifact"]["key"] for model in finished.json["data"]["models"]] == [OLD]
    assert [(error["code"], error["reference"]) for error in finished.json["errors"]] == [
        ("usage", str(tmp_path / "mine.zip")),
        ("archive", str(tmp_path / f"{NEW}.zip")),
    ]


def test_import_takes_a_reference_for_one_path_only(invoke: Run, cache: Path, tmp_path: Path) -> None:
    (tmp_path / "mine.zip").write_bytes(make_zip())
    invoke("update")

    assert invoke("import", tmp_path / "mine.zip", tmp_path / "mine.zip", "--as", "tiny_ner:de").status == 2
    one = invoke("import", tmp_path / "mine.zip", "--as", "tiny_ner:de")
    assert (one.status, one.out) == (0, f"{cache / GERMAN}\n")


@pytest.mark.parametrize(
    ("members", "status"), [({"readme": b"x"}, 6), ({"../x": b"x"}, 6), ({**SAVED_MODEL, "C:x": b"x"}, 6)]
)
def test_import_installs_nothing_that_is_no_model(
    invoke: Run, cache: Path, tmp_path: Path, members: dict[str, bytes], status: int
) -> None:
    (tmp_path / f"{OLD}.zip").write_bytes(make_zip(members))

    assert invoke("import", tmp_path / f"{OLD}.zip").status == status
    assert entries_in(cache) == []
