from __future__ import annotations

import os
import re
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from model_files import files_of

from modelhub.demo import build_demo_hub
from modelhub.hub import Hub
from modelhub.packaged import DEMO, packaged_folder
from modelhub.saved_models import read_saved_model
from modelhub.spark import INSTALL

ARCHIVES = sorted(DEMO.glob("*.zip"))
CARDS = list(packaged_folder().glob("2*.md"))
BERT = "com.johnsnowlabs.nlp.annotators.classifier.dl.BertForTokenClassification"
PIPELINE = "org.apache.spark.ml.PipelineModel"


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


def test_every_model_can_be_pulled_and_is_as_spark_nlp_saved_it(home: Path, demo_hub: str) -> None:
    with Hub(hub=demo_hub) as hub:
        update = hub.update()
        paths = [hub.pull(archive.stem).path for archive in ARCHIVES]
        states = [entry.state for entry in hub.verify(is_deep=True)]

    assert len(paths) == len(update.changes.added) + len(update.changes.changed) == 5
    assert states == ["good"] * 5
    for path, archive in zip(paths, ARCHIVES, strict=True):
        with zipfile.ZipFile(archive) as zipped:
            assert files_of(path) == {name: zipped.read(name) for name in zipped.namelist()}
        assert path.name == archive.stem
        assert len(list(path.rglob("bert_classification_onnx"))) == 1
        assert read_saved_model(path).class_name == (PIPELINE if "pipeline" in path.name else BERT)


def test_the_models_are_small_and_those_of_the_cards() -> None:
    cards = {re.search(r"public/models/(\S+)\.zip", page.read_text(encoding="utf-8"))[1] for page in CARDS}

    assert sum(archive.stat().st_size for archive in ARCHIVES) <= 300_000
    assert {archive.stem for archive in ARCHIVES} == {*cards, "demo_pos_pipeline_en_4.0.0_3.0_1657118162458"}


@pytest.mark.slow
@pytest.mark.usefixtures("unmeasured")
def test_without_spark_nlp_loading_says_what_to_install(
    home: Path, invoke: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shadow = tmp_path / "shadow"
    shadow.mkdir()
    (shadow / "pyspark.py").write_text("raise ModuleNotFoundError(\"No module named 'pyspark'\")")
    monkeypatch.setenv("PYTHONPATH", str(shadow))

    finished = invoke("demo", "--load", "--json")

    assert finished.status == 5
    assert [error["code"] for error in finished.json["errors"]] == ["incompatible"]
    assert finished.json["errors"][0]["hint"].startswith(INSTALL)


def test_the_advice_installs_what_the_extra_does() -> None:
    text = (Path(__file__).parents[1] / "pyproject.toml").read_text(encoding="utf-8")
    extra = re.findall(r'"(.+)"', text.partition("\nspark = [")[2].partition("]")[0])

    assert sorted(re.findall("'(.+?)'", INSTALL)) == sorted(extra)
