"""What ``doctor`` says of engines and of models that will not load."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from hub_server import HubFolder

from modelhub import Hub
from modelhub.findings import Finding

BERT = "tiny_bert_en_4.0.0_3.0_1657118162458"
OLD = "tiny_old_en_2.7.0_2.4_1607118162458"
GOOD = "tiny_pos_en_5.5.0_3.0_1657118162458"


def look(hub_folder: HubFolder, *keys: str, **settings: str) -> tuple[Finding, Finding]:
    """The findings for engines and for loading, once these models are pulled."""
    with Hub(hub=hub_folder.uri, **settings) as hub:
        hub.update()
        hub.pull_all(keys)
        found = {(finding.section, finding.name): finding for finding in hub.doctor(is_measured=False)}
    return found["versions", "engines"], found["cache", "loading"]


@pytest.fixture
def published(home: Path, hub_folder: HubFolder) -> HubFolder:
    hub_folder.add(BERT, annotator="BertEmbeddings")
    hub_folder.add(OLD, annotator="PerceptronModel")
    hub_folder.add(GOOD, annotator="PerceptronModel")
    return hub_folder


@pytest.fixture
def jars(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where Spark has its jars; Spark NLP 5.5.3 seems to be installed."""
    (tmp_path / "site" / "spark_nlp-5.5.3.dist-info").mkdir(parents=True)
    (tmp_path / "spark" / "jars").mkdir(parents=True)
    monkeypatch.syspath_prepend(tmp_path / "site")
    monkeypatch.setenv("SPARK_HOME", str(tmp_path / "spark"))
    return tmp_path / "spark" / "jars"


def test_without_spark_nlp_nothing_is_judged(published: HubFolder) -> None:
    engines, loading = look(published, OLD)

    assert (engines.state, loading.state) == ("skipped", "skipped")


def test_models_that_have_something_against_them_are_told(published: HubFolder) -> None:
    _, loading = look(published, OLD, GOOD, sparknlp="5.5.3", spark="3.5.1")

    assert loading.state == "warning"
    assert loading.text.startswith(f"may not load: {OLD}: It was saved with Spark NLP 2.7.0")
    assert loading.figures["judged"] == 2
    assert list(loading.figures["against"]) == [OLD]
    assert "try it" in loading.hint


def test_the_gravest_comes_first(published: HubFolder, jars: Path) -> None:
    (jars / "spark-nlp_2.12-5.5.3.jar").touch()
    (jars / "onnxruntime-1.19.2.jar").touch()
    engines, loading = look(published, OLD, BERT, spark="3.5.1")

    assert engines.text == "the jars of Spark NLP bring ONNX"
    assert loading.text.startswith(f"will not load: {BERT}: Its weights are TensorFlow's")
    assert loading.text.endswith("(1 more have something against them)")


def test_where_nothing_speaks_against_them_all_is_well(published: HubFolder) -> None:
    _, loading = look(published, GOOD, sparknlp="5.5.3", spark="3.5.1")

    assert (loading.state, loading.text) == ("ok", "nothing speaks against loading the 1 that are known")


@pytest.mark.parametrize(
    ("names", "state", "text"),
    [
        ([], "skipped", "not known"),
        (["spark-nlp_2.12-5.5.3.jar"], "ok", "the jars of Spark NLP bring no engine"),
        (["spark-nlp-assembly-5.5.3.jar"], "ok", "bring ONNX, OpenVINO, TensorFlow, llama.cpp"),
    ],
)
def test_engines(published: HubFolder, jars: Path, names: list[str], state: str, text: str) -> None:
    for name in names:
        (jars / name).touch()
    engines, _ = look(published)

    assert engines.state == state
    assert text in engines.text


def test_a_registry_that_cannot_be_read_is_told_once(published: HubFolder, home: Path, tmp_path: Path) -> None:
    look(published, GOOD, sparknlp="5.5.3")
    with closing(sqlite3.connect(home / "registry.sqlite")) as connection:
        connection.execute("DROP TABLE artifacts")
    with Hub(hub=published.uri, sparknlp="5.5.3") as hub:
        found = {(finding.section, finding.name): finding for finding in hub.doctor(is_measured=False)}

    assert found["registry", "artifacts"].state == "problem"
    assert found["cache", "loading"].state == "skipped"


def test_a_registry_that_is_not_there_is_not_built(hub_folder: HubFolder, tmp_path: Path) -> None:
    (tmp_path / "cache" / GOOD).mkdir(parents=True)
    with Hub(hub=hub_folder.uri, home=tmp_path / "home", cache=tmp_path / "cache", sparknlp="5.5.3") as hub:
        found = {(finding.section, finding.name): finding for finding in hub.doctor(is_measured=False)}

    assert found["cache", "loading"].state == "skipped"
    assert not (tmp_path / "home").exists()
