"""What programs may rely on: the JSON envelope of every command, on success and on failure, and its required keys."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import pytest
from hub_server import HubFolder

from modelhub.cli import cli

KEY = "tiny_pos_en_4.0.0_3.0_1657118162458"
TAGGER = "bert_pos_4L_weight_decay"
ARTIFACT = {
    "key": str,
    "name": str,
    "language": str,
    "lib_version": str,
    "spark_version": str,
    "built_ms": int,
    "repository": str,
    "uri": str,
    "s3_uri": str,
    "size_bytes": (int, type(None)),
    "size_exact": bool,
    "engine": str,
    "annotator": str,
}
SECTIONS = {"hub", "disk", "cache", "versions", "registry", "settings"}
ENTRY = {"key": str, "path": str, "size_bytes": int, "state": str}
UPDATE = {"added": int, "changed": int, "removed": int, "unchanged": int, "total": int, "diagnostics": list}
UPDATE |= {"added_keys": list, "changed_keys": list, "removed_keys": list, "sources": list}
FINDING = {"section": str, "name": str, "state": str, "text": str, "hint": str, "figures": dict}
DIAGNOSTIC = {"source": str, "line": int, "field": str, "code": str, "message": str}

Run = Callable[..., Any]


@pytest.fixture
def hub(hub_folder: HubFolder, home: Path, monkeypatch: pytest.MonkeyPatch) -> HubFolder:
    """A hub in a folder, configured, with one tiny model."""
    hub_folder.add(KEY)
    monkeypatch.setenv("MODELHUB_HUB", hub_folder.uri)
    return hub_folder


def check(data: dict[str, Any], required: dict[str, Any]) -> None:
    """Every required key is there and of its type."""
    assert {
        name: type(data.get(name, check)) for name in required if not isinstance(data.get(name, check), required[name])
    } == {}


def answer(run: Run, *words: object, status: str = "success", exit_status: int = 0) -> dict[str, Any]:
    """The data of a command's envelope, which is checked."""
    finished = run(*words, "--json")
    envelope = finished.json

    assert set(envelope) == {"schema", "command", "status", "data", "errors"}
    assert (envelope["schema"], envelope["command"]) == (1, words[0])
    assert (envelope["status"], finished.status) == (status, exit_status)
    assert bool(envelope["errors"]) == (status != "success")
    return envelope["data"]


# Success


def test_search(invoke: Run, home: Path) -> None:
    data = answer(invoke, "search", "pos", "--lang", "en", "--limit", 2)

    check(data, {"models": list, "total": int, "total_exact": bool, "corrected": str, "partial": bool})
    assert len(data["models"]) == 2 < data["total"]
    for model in data["models"]:
        check(model, {"artifact": dict, "versions": int, "compatible": bool, "facts": dict})
        check(model["artifact"], ARTIFACT)


def test_search_with_facets(invoke: Run, home: Path) -> None:
    facets = answer(invoke, "search", "pos", "--facets")["facets"]

    check(
        facets, dict.fromkeys(("task", "language", "product", "annotator", "engine", "license", "year", "size"), list)
    )
    check(facets["task"][0], {"value": str, "models": int})


def test_search_for_what_is_like_a_model(invoke: Run, home: Path) -> None:
    data = answer(invoke, "search", "--like", TAGGER, "--limit", 1)

    check(data, {"like": dict, "models": list, "total": int})
    check(data["models"][0], {"artifact": dict, "versions": int, "advantages": list, "shared_labels": int})
    check(data["models"][0]["artifact"], ARTIFACT)


def test_completion(invoke: Run) -> None:
    check(answer(invoke, "completion", "bash"), {"shell": str, "script": str})


def test_a_search_that_finds_nothing_is_a_success(invoke: Run, home: Path) -> None:
    data = answer(invoke, "search", "xqzzzzk")

    assert (data["models"], data["total"]) == ([], 0)


@pytest.mark.parametrize("options", [[], ["--card"], ["--code", "python"]])
def test_show(invoke: Run, home: Path, options: list[str]) -> None:
    data = answer(invoke, "show", TAGGER, *options)

    check(data, {"artifact": dict, "facts": dict, "versions": list, "path": (str, type(None)), "problem": str})
    check(data, {"verdict": (dict, type(None))})
    check(data["artifact"], ARTIFACT)
    assert [option.lstrip("-") in data for option in options[:1]] == [True] * len(options[:1])


def test_compare(invoke: Run, home: Path) -> None:
    data = answer(invoke, "compare", TAGGER, "en", "ner_jsl")

    check(data, {"models": list, "fields": list, "labels": list})
    for model in data["models"]:
        check(model, {"artifact": dict, "facts": dict, "versions": list, "languages": list, "replaced_by": str})
        check(model["artifact"], ARTIFACT)
    for field in (*data["fields"], *data["labels"]):
        check(field, {"name": str, "values": list, "differs": bool})
        assert len(field["values"]) == 2
    check(data["labels"][0]["values"][0], {"predicted": bool, "score": (float, type(None))})


@pytest.mark.parametrize("options", [[], ["--explain"]])
def test_resolve(invoke: Run, home: Path, options: list[str]) -> None:
    data = answer(invoke, "resolve", TAGGER, "en", "--no-update", *options)

    check(data, {"artifact": dict, "runtime": str, "candidates": list, "notes": list})
    check(data["artifact"], ARTIFACT)
    check(data["candidates"][0], {"artifact": dict, "taken": bool, "reason": str})


def test_guide(invoke: Run, home: Path) -> None:
    titles = answer(invoke, "guide")["guides"]
    guide = answer(invoke, "guide", titles[0])["guide"]

    check(guide, {"task": str, "introduction": str, "how_to_choose": str, "recommended": list, "diagnostics": list})
    check(guide["recommended"][0], {"reference": str, "sub_task": str, "problem": str})


def test_lint(invoke: Run, tmp_path: Path, make_card: Callable[..., str]) -> None:
    (tmp_path / "bad.md").write_text(make_card(name="other"), encoding="utf-8")
    data = answer(invoke, "lint", tmp_path, exit_status=11)

    check(data, {"problems": list, "counts": dict, "checked": int, "left_out": int})
    for problem in data["problems"]:
        check(problem, DIAGNOSTIC | {"severity": str, "fix": str})
    check(answer(invoke, "lint", "--rules")["rules"][0], {"code": str, "severity": str, "finds": str, "fix": str})


def test_auth(invoke: Run, hub: HubFolder) -> None:
    access = {"repository": str, "uri": str, "origin": str, "signed": bool, "licensed": bool, "state": str}

    for repository in answer(invoke, "auth", "--offline")["repositories"]:
        check(repository, {**access, "message": str, "hint": str})


def test_doctor(invoke: Run, hub: HubFolder) -> None:
    findings = answer(invoke, "doctor", "--no-speed", "--spark", "3.5.9", "--sparknlp", "5.5.3")["findings"]

    for finding in findings:
        check(finding, FINDING)
    assert {finding["section"] for finding in findings} == SECTIONS


def test_a_doctor_who_finds_something_still_tells_all(invoke: Run, hub: HubFolder) -> None:
    data = answer(invoke, "doctor", "--no-speed", "--cache", "/dev/null", status="partial", exit_status=10)

    assert {finding["section"] for finding in data["findings"]} == SECTIONS


def test_the_cache(invoke: Run, hub: HubFolder, tmp_path: Path) -> None:
    plan = answer(invoke, "pull", "tiny_pos", "--dry-run")
    first = answer(invoke, "pull", "tiny_pos", "en")
    second = answer(invoke, "pull", "tiny_pos", "en")

    for data, is_cached, has_bytes in ((plan, False, False), (first, False, True), (second, True, False)):
        (model,) = data["models"]
        check(model, {"artifact": dict, "path": str, "downloaded_bytes": int, "cached": bool})
        check(model, {"verdict": (dict, type(None)), "saved_class": str})
        check(model["artifact"], ARTIFACT)
        assert (model["path"], model["cached"]) == (str(tmp_path / "cache_pretrained" / KEY), is_cached)
        assert bool(model["downloaded_bytes"]) == has_bytes

    assert answer(invoke, "path", "tiny_pos")["path"] == first["models"][0]["path"]
    for words in (["list"], ["verify"], ["rm", "tiny_pos", "--dry-run"], ["rm", "tiny_pos", "--yes"]):
        data = answer(invoke, *words)
        (entry,) = data["entries"]
        check(entry, ENTRY)
        assert (entry["key"], entry["state"]) == (KEY, "good")
        assert words[0] != "rm" or data["removed"] == ("--yes" in words)
    assert answer(invoke, "list")["entries"] == []


def test_a_verdict(invoke: Run, hub: HubFolder) -> None:
    old = "tiny_old_en_2.7.0_2.4_1607118162458"
    hub.add(old)
    runtime = ["--sparknlp", "5.5.3", "--spark", "3.5.1"]
    (model,) = answer(invoke, "pull", "tiny_old", *runtime)["models"]
    shown = answer(invoke, "show", "tiny_old", *runtime)
    refused = invoke("pull", "tiny_old", *runtime, "--strict", "--json")

    for verdict in (model["verdict"], shown["verdict"]):
        check(verdict, {"state": str, "concerns": list})
        check(verdict["concerns"][0], {"code": str, "state": str, "text": str, "hint": str, "source": str})
    assert (refused.status, refused.json["errors"][0]["code"]) == (5, "incompatible")


def test_verify_that_finds_damage(invoke: Run, hub: HubFolder, tmp_path: Path) -> None:
    answer(invoke, "pull", "tiny_pos")
    (tmp_path / "cache_pretrained" / KEY / "metadata" / "part-00000").unlink()
    (entry,) = answer(invoke, "verify", status="partial", exit_status=6)["entries"]
    (error,) = invoke("verify", "--json").json["errors"]

    assert entry["state"] == "altered"
    assert entry["problems"]
    assert error["code"] == "integrity"
    assert f"modelhub verify --repair {KEY}" in error["hint"]


def test_prune(invoke: Run, hub: HubFolder, tmp_path: Path) -> None:
    answer(invoke, "pull", KEY)
    (tmp_path / "modelhub.lock").write_text(json.dumps({"models": [{"key": KEY}]}), encoding="utf-8")
    kept = answer(invoke, "prune", "--keep-bytes", "1B", "--older-than", "0h", "--lock", tmp_path / "modelhub.lock")[
        "plan"
    ]
    planned = answer(invoke, "prune", "--keep-bytes", "1B", "--dry-run")
    done = answer(invoke, "prune", "--keep-bytes", "1B", "--yes")

    assert (planned["removed"], done["removed"], planned["plan"]) == (False, True, done["plan"])
    check(done["plan"], {"items": list, "kept": list, "freed_bytes": int, "cache_bytes": int})
    item = {"key": str, "path": str, "size_bytes": int, "state": str, "what": str, "reasons": list, "last_used": str}
    check(done["plan"]["items"][0], item)
    check(kept["kept"][0], item | {"obstacle": str})
    assert done["plan"]["freed_bytes"] == done["plan"]["items"][0]["size_bytes"]


def test_import(invoke: Run, hub: HubFolder, tmp_path: Path) -> None:
    path = hub.folder / "public/models" / f"{KEY}.zip"

    for is_cached in (False, True):
        (model,) = answer(invoke, "import", path)["models"]
        check(model, {"artifact": dict, "path": str, "downloaded_bytes": int, "cached": bool})
        check(model["artifact"], ARTIFACT)
        assert (model["path"], model["cached"]) == (str(tmp_path / "cache_pretrained" / KEY), is_cached)


def test_update(invoke: Run, hub: HubFolder, tmp_path: Path, make_card: Callable[..., str]) -> None:
    (tmp_path / "cards").mkdir()
    (tmp_path / "cards" / "bad.md").write_text("nothing\n", encoding="utf-8")
    (tmp_path / "cards" / "good.md").write_text(make_card(key="x_pos_en_4.0.0_3.0_1657118162458"), encoding="utf-8")

    for words, added in (([], 1), (["public/models"], 0), (["--cards", tmp_path / "cards"], 1), (["--dry-run"], 0)):
        data = answer(invoke, "update", *words)
        check(data, UPDATE)
        assert data["added"] == added == len(data["added_keys"])
        assert data["unchanged"] == data["total"] - added
        for diagnostic in data["diagnostics"]:
            check(diagnostic, DIAGNOSTIC)
        assert bool(data["diagnostics"]) == ("--cards" in words)


# Failure


@pytest.mark.parametrize(
    ("words", "code", "exit_status"),
    [
        (["search", "--since", "soon"], "usage", 2),
        (["search", "--like", "none_such"], "not_found", 4),
        (["search", "--like", TAGGER, "words"], "usage", 2),
        (["completion", "tcsh"], "usage", 2),
        (["show", "two words"], "usage", 2),
        (["show", "none_such"], "not_found", 4),
        (["show", "asr_exp_w2v2t_vp_s878_gpu"], "ambiguous", 4),
        (["compare", TAGGER], "usage", 2),
        (["compare", TAGGER, "none_such"], "not_found", 4),
        (["guide", "cooking"], "not_found", 4),
        (["lint", "/none"], "not_found", 4),
        (["lint", "--ignore", "nonsense"], "usage", 2),
        (["resolve", TAGGER, "--no-update", "--sparknlp", "3.0.0"], "incompatible", 5),
        (["path", TAGGER], "not_found", 4),
        (["pull", TAGGER, "--offline"], "offline", 9),
        (["pull", f"https://elsewhere.example/{KEY}.zip"], "not_allowed", 8),
        (["verify", TAGGER], "not_found", 4),
        (["rm", TAGGER, "--yes"], "not_found", 4),
        (["prune"], "usage", 2),
        (["prune", "--partial", "--lock", "/none.lock"], "not_found", 4),
        (["import", "/none.zip"], "not_found", 4),
        (["import", "/"], "usage", 2),
        (["update", "--offline"], "offline", 9),
        (["update", "--cards", "/none"], "not_found", 4),
    ],
)
def test_a_failure_has_an_envelope_too(invoke: Run, home: Path, words: list[str], code: str, exit_status: int) -> None:
    finished = invoke(*words, "--json")
    envelope = finished.json
    (error,) = envelope["errors"]

    assert (finished.status, envelope["status"], envelope["data"]) == (exit_status, "error", {})
    assert (envelope["schema"], envelope["command"]) == (1, words[0])
    assert error["code"] == code
    assert error["message"]
    assert isinstance(error["hint"], str)


@pytest.mark.parametrize(
    ("words", "command"),
    [
        (["show"], "show"),
        (["pull"], "pull"),
        (["search", "--limit", "many"], "search"),
        (["list", "--nonsense"], "list"),
        (["nonsense"], ""),
    ],
)
def test_words_that_click_refuses_have_an_envelope_too(invoke: Run, words: list[str], command: str) -> None:
    finished = invoke(*words, "--json")
    envelope = finished.json

    assert finished.status == 2
    assert (envelope["schema"], envelope["command"], envelope["status"], envelope["data"]) == (1, command, "error", {})
    assert [error["code"] for error in envelope["errors"]] == ["usage"]


def test_a_setting_that_makes_no_sense_has_an_envelope_too(
    invoke: Run, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MODELHUB_OFFLINE", "maybe")
    finished = invoke("list", "--json")

    assert (finished.status, finished.json["errors"][0]["code"]) == (2, "usage")
    assert "MODELHUB_OFFLINE" in finished.json["errors"][0]["message"]


def test_the_nearest_names_and_the_alternatives_are_data(
    invoke: Run, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MODELHUB_OFFLINE", "1")
    typo = invoke("show", "bert_pos_4L_weight_dcay", "--json").json["errors"][0]
    old = invoke("resolve", TAGGER, "--no-update", "--sparknlp", "3.0.0", "--json").json["errors"][0]

    several = [invoke(name, "ar.pos", "--json").json["errors"][0] for name in ("show", "pull")]

    assert typo["nearest"][0] == TAGGER
    assert len(old["alternatives"]) == 1
    assert [error["nearest"] for error in several] == [["pos_padt:ar", "pos_ud_padt:ar"]] * 2
    assert several[0]["alternatives"] == ["modelhub show pos_padt:ar", "modelhub show pos_ud_padt:ar"]
    assert several[1]["alternatives"] == ["modelhub pull pos_padt:ar", "modelhub pull pos_ud_padt:ar"]
    assert several[0]["hint"].startswith("modelhub compare pos_padt:ar pos_ud_padt:ar")


def test_some_of_several_is_a_partial_success(invoke: Run, hub: HubFolder) -> None:
    data = answer(invoke, "pull", "tiny_pos", "none_such", status="partial", exit_status=3)

    assert [model["artifact"]["key"] for model in data["models"]] == [KEY]


def test_all_of_several_that_fail_are_an_error(invoke: Run, hub: HubFolder) -> None:
    finished = invoke("pull", "none_such", "none_either", "--json")

    assert (finished.status, finished.json["status"], len(finished.json["errors"])) == (4, "error", 2)


@pytest.mark.parametrize(
    ("words", "references"),
    [
        (["pull", "tiny_pos", "none_such"], ["none_such"]),
        (["pull", "none_such:en", "none_either"], ["none_such:en", "none_either"]),
        (["pull", "none_such"], [None]),
        (["update", "public/models", "none/models"], ["none/models"]),
        (["update", "none/models"], [None]),
    ],
)
def test_an_error_of_several_says_which_reference(
    invoke: Run, hub: HubFolder, words: list[str], references: list[str | None]
) -> None:
    errors = invoke(*words, "--json").json["errors"]

    assert [error.get("reference") for error in errors] == references


def test_some_of_several_updates_are_a_partial_success(invoke: Run, hub: HubFolder) -> None:
    data = answer(invoke, "update", "public/models", "none/models", status="partial", exit_status=3)

    assert data["added_keys"] == [KEY]


def test_a_fault_of_ours_has_an_envelope_too(invoke: Run) -> None:
    @cli.command("crash")
    @click.option("--json", "is_json", is_flag=True)
    def crash(is_json: bool) -> None:
        raise ZeroDivisionError

    finished = invoke("crash", "--json")
    del cli.commands["crash"]

    assert (finished.status, finished.json["status"], finished.json["errors"][0]["code"]) == (1, "error", "error")


# Where it is printed


def test_standard_output_holds_one_object_and_nothing_else(modelhub: Run, hub: HubFolder) -> None:
    finished = modelhub("pull", "tiny_pos", "--json")

    assert json.loads(finished.out)["status"] == "success"
    assert finished.out.endswith("}\n")
    assert finished.err == ""


def test_every_command_is_in_this_file() -> None:
    here = Path(__file__).read_text(encoding="utf-8")
    elsewhere = {"demo"}

    assert [name for name in cli.commands if f'"{name}"' not in here and name not in elsewhere] == []
