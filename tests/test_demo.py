from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from modelhub.demo import build_demo_hub
from modelhub.hub import Hub


@pytest.mark.usefixtures("unmeasured")
def test_the_demo_does_the_main_job_without_a_network(
    start: Callable[..., Any], invoke: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable in ("HTTPS_PROXY", "HTTP_PROXY"):
        monkeypatch.setenv(variable, "http://127.0.0.1:9")
    with start("demo", env=os.environ | {"TMPDIR": str(tmp_path)}) as process:
        finished = invoke("demo", "--json")
        text, _ = process.communicate(timeout=60)
    steps = finished.json["data"]["steps"]

    assert (process.returncode, finished.status, finished.err) == (0, 0, "")
    assert [line for line in text.splitlines() if line.startswith("$ ")] == [f"$ {step['command']}" for step in steps]
    assert text.rstrip().endswith(".show(truncate=False)")
    assert 'BertForTokenClassification.load("' in text
    assert [(step["command"].split()[1], step["exit_status"]) for step in steps] == [
        (name, 0) for name in ["search", "show", "resolve", "update", "pull", "pull", "pull", "verify", "list", "show"]
    ]
    assert [model["cached"] for step in steps[4:7] for model in step["output"]["models"]] == [False, True, False]
    assert {entry["state"] for entry in steps[7]["output"]["entries"]} == {"good"}
    assert "BertForTokenClassification.load(" in steps[-1]["output"]["code"]
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def demo_hub(tmp_path: Path) -> str:
    build_demo_hub(tmp_path / "hub")
    return (tmp_path / "hub").as_uri()


def test_every_stand_in_can_be_pulled_and_says_what_it_is(home: Path, demo_hub: str) -> None:
    with Hub(hub=demo_hub) as hub:
        update = hub.update()
        keys = [path.stem for path in (Path(demo_hub.removeprefix("file://")) / "public" / "models").glob("*.zip")]
        paths = [hub.pull(key).path for key in keys]
        states = [entry.state for entry in hub.verify(is_deep=True)]

    assert len(paths) == len(update.changes.added) + len(update.changes.changed) == 5
    assert states == ["good"] * 5
    for path in paths:
        weights = next(path.rglob("bert_classification_tensorflow"))
        assert weights.read_bytes().startswith(b"A stand-in of modelhub demo")
