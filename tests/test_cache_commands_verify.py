"""``modelhub verify`` as people type it: words, options, exit status, what is printed where."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hub_server import HubFolder, Server
from mending import FILES, KEY, METADATA, PART, WEIGHTS, change, cut, publish, put_files, rot
from model_files import files_of, make_model, pack

Run = Callable[..., Any]
OTHER_KEY = "tiny_ner_de_4.0.0_3.0_1657118162458"


@pytest.fixture
def pulled(invoke: Run, home: Path, hub_folder: HubFolder, server: Server, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An entry that we installed from the hub of the settings."""
    publish(hub_folder)
    monkeypatch.setenv("MODELHUB_HUB", server.uri())
    monkeypatch.setenv("MODELHUB_TIMEOUT", "0.5")
    path = Path(invoke("pull", "-q", KEY).out.strip())
    server.requests.clear()
    return path


def test_what_is_whole_has_status_0(invoke: Run, pulled: Path, server: Server) -> None:
    for options in ([], ["--deep"], ["--repair"], ["--deep", "--repair"]):
        assert invoke("verify", *options).status == 0
    assert invoke("verify", "--deep").out == f"{KEY}\tgood\n"


def test_without_the_hub_no_network_is_asked(invoke: Run, pulled: Path, server: Server) -> None:
    assert invoke("verify", "--deep", "--no-hub").status == invoke("verify").status == 0
    assert server.requests == []


def test_damage_is_mended(invoke: Run, pulled: Path) -> None:
    rot(pulled / PART)
    found = invoke("verify", "--deep")
    mended = invoke("verify", "--deep", "--repair")

    assert (found.status, found.out) == (6, f"{KEY}\trotten\n")
    assert f"hint: modelhub verify --deep --repair {KEY} mends it." in found.err
    assert mended.status == 0
    assert mended.out.startswith(f"{KEY}\t{PART} brought (")
    assert mended.err.splitlines()[-1].startswith("1 mended with ")
    assert files_of(pulled) == FILES


def test_what_a_deep_look_finds_is_mended_by_the_command_that_it_names(invoke: Run, pulled: Path) -> None:
    change(pulled / PART)
    hint = next(line for line in invoke("verify", "--deep").err.splitlines() if line.startswith("hint: "))
    mended = invoke(*hint.partition(": modelhub ")[2].split())

    assert (mended.status, files_of(pulled)) == (0, FILES)


def test_a_dry_run_changes_nothing(invoke: Run, pulled: Path) -> None:
    cut(pulled / WEIGHTS)
    planned = invoke("verify", "--repair", "--dry-run", KEY)

    assert (planned.status, planned.out.split("\t")[0]) == (0, KEY)
    assert "would be mended" in planned.err
    assert (pulled / WEIGHTS).stat().st_size < len(FILES[WEIGHTS])


def test_what_somebody_changed_needs_its_name(invoke: Run, pulled: Path) -> None:
    put_files(pulled, {"notes.txt": b"mine"})
    unnamed = invoke("verify", "--repair")
    named = invoke("verify", "--repair", "tiny_pos", "en")

    assert unnamed.status == 6
    assert f"hint: If nobody meant to change it: modelhub verify --repair {KEY}" in unnamed.err
    assert named.status == 0
    assert "thrown away, for somebody had added it: notes.txt" in named.err


def test_some_that_could_not_be_mended_have_the_status_of_some(
    invoke: Run, pulled: Path, hub_folder: HubFolder
) -> None:
    publish(hub_folder, key=OTHER_KEY)
    other = Path(invoke("pull", "-q", OTHER_KEY).out.strip())
    (hub_folder.folder / "public/models" / f"{OTHER_KEY}.zip").unlink()
    for path in (pulled, other):
        rot(path / PART)

    some = invoke("verify", "--deep", "--repair")
    assert some.status == 3
    assert f"error: {OTHER_KEY}: " in some.err
    assert invoke("verify", "--deep", "--repair").status == 4


def test_offline_has_the_status_of_offline(invoke: Run, pulled: Path) -> None:
    cut(pulled / WEIGHTS)

    finished = invoke("verify", "--repair", KEY, "--offline")

    assert finished.status == 9
    assert f"hint: Online, modelhub verify --repair {KEY} mends it." in finished.err


def test_a_repair_answers_in_json(invoke: Run, pulled: Path) -> None:
    cut(pulled / WEIGHTS)
    (pulled / METADATA).unlink()

    envelope = invoke("verify", "--repair", KEY, "--json").json
    (entry,) = envelope["data"]["entries"]

    assert (envelope["status"], envelope["data"]["repaired"]) == ("success", True)
    assert (entry["key"], entry["state"], entry["superseded_by"]) == (KEY, "good", None)
    assert set(entry["repair"]["mended"]) == {METADATA, WEIGHTS}
    assert entry["repair"]["fetched_bytes"] > len(FILES[WEIGHTS])
    assert (entry["repair"]["lost"], entry["repair"]["renewed"]) == ([], False)


def test_a_repair_that_fails_answers_in_json_with_what_it_found(invoke: Run, pulled: Path) -> None:
    cut(pulled / WEIGHTS)

    envelope = invoke("verify", "--repair", "--json").json
    (entry,), (error,) = envelope["data"]["entries"], envelope["errors"]

    assert (envelope["status"], entry["state"], error["code"]) == ("partial", "altered", "integrity")
    assert "reference" not in error


def test_a_folder_elsewhere_is_verified_and_not_mended(invoke: Run, home: Path, tmp_path: Path) -> None:
    whole = put_files(tmp_path / "mine", FILES)
    broken = put_files(tmp_path / "half", {"fields/a/part-00000": b"x"})

    assert invoke("verify", whole).out == f"{whole}\tgood\n"
    assert invoke("verify", broken).status == 6
    assert invoke("verify", broken, "--repair").status == 2
    assert invoke("verify", tmp_path / "none").status == 4


def test_the_state_of_what_spark_nlp_left(invoke: Run, pulled: Path) -> None:
    cache = pulled.parent
    put_files(cache / OTHER_KEY, make_model(1000))
    (cache / f"{OTHER_KEY}.zip").write_bytes(pack(make_model(1000)))

    finished = invoke("verify", "--offline")

    assert finished.status == 0
    assert finished.out == f"{OTHER_KEY}\tleftover\n{KEY}\tgood\n"
    assert invoke("verify", "--repair", "--offline").status == 0
    assert not (cache / f"{OTHER_KEY}.zip").exists()


def test_a_deep_look_says_what_it_reads(invoke: Run, pulled: Path) -> None:
    assert f"verifying {KEY} (1.0 MB)" in invoke("verify", "--deep").err
    assert "verifying" not in invoke("verify", "--deep", "-q").err
