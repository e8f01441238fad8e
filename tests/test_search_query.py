from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from registries import document, make_registry

from modelhub.errors import UsageError
from modelhub.registry import Registry
from modelhub.resolver import Runtime
from modelhub.search_query import SearchQuery, artifact_filters, checked
from modelhub.versions import Version


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Registry]:
    with Registry.open(make_registry(tmp_path / "registry.sqlite")) as registry:
        yield registry


def check(registry: Registry, *, runtime: Runtime | None = None, **filters: Any) -> SearchQuery:
    return checked(SearchQuery(**filters), registry, runtime or Runtime())


def test_a_query_without_filters_stays_as_it_is(registry: Registry) -> None:
    assert check(registry, text="straw hats", limit=3) == SearchQuery(text="straw hats", limit=3)


@pytest.mark.parametrize(
    ("name", "typed", "meant"),
    [
        ("task", "named entity recognition", "Named Entity Recognition"),
        ("task", "ner", "Named Entity Recognition"),
        ("task", "speech", "Part of Speech Tagging"),
        ("language", " DE ", "de"),
        ("annotator", "perceptronmodel", "PerceptronModel"),
        ("annotator", "BertFor", "BertForTokenClassification"),
        ("product", "spark nlp", "Spark NLP"),
        ("product", "healthcare", "Healthcare NLP"),
        ("engine", "ONNX", "onnx"),
    ],
)
def test_a_filter_is_spelled_as_the_registry_has_it(registry: Registry, name: str, typed: str, meant: str) -> None:
    assert getattr(check(registry, **{name: typed}), name) == meant


@pytest.mark.parametrize(
    ("name", "typed", "known"),
    [
        ("task", "knitting", "Named Entity Recognition"),
        ("language", "english", "en"),
        ("language", "e", "en"),
        ("annotator", "ForToken", "BertForTokenClassification"),
        ("product", "foo", "Healthcare NLP"),
        ("engine", "foo", "tensorflow"),
        ("engine", "onn", "onnx"),
    ],
)
def test_what_nothing_is_called_is_refused_with_what_there_is(
    registry: Registry, name: str, typed: str, known: str
) -> None:
    with pytest.raises(UsageError, match=f"No {name} is called '{typed}'") as raised:
        check(registry, **{name: typed})

    assert known in raised.value.hint


def test_of_several_that_could_be_meant_the_most_frequent_is(tmp_path: Path) -> None:
    models = [document(f"m{number}", annotator="NerDLModel") for number in range(2)]
    models.append(document("other", annotator="NerDLApproach"))
    with Registry.open(make_registry(tmp_path / "registry.sqlite", models)) as registry:
        assert check(registry, annotator="NerDL").annotator == "NerDLModel"
        assert check(registry, annotator="nerdlapproach").annotator == "NerDLApproach"


def test_of_many_known_values_the_first_are_named(tmp_path: Path) -> None:
    models = [document(f"m{number}", annotator=f"Class{number}") for number in range(20)]
    with (
        Registry.open(make_registry(tmp_path / "registry.sqlite", models)) as registry,
        pytest.raises(UsageError) as raised,
    ):
        check(registry, annotator="Steam")

    assert raised.value.hint.endswith(" and 8 more.")


def test_an_engine_that_no_model_is_known_to_have_is_no_mistake(registry: Registry) -> None:
    assert check(registry, engine="OpenVINO").engine == "openvino"


@pytest.mark.parametrize("since", ["2023", "2023-01", "2023-12", "2023-06-30", "2023-10-31"])
def test_a_year_a_month_or_a_day_is_a_date(registry: Registry, since: str) -> None:
    assert check(registry, since=since).since == since


@pytest.mark.parametrize(
    "since", ["yesterday", "22", "2022-1", "2022-13", "2022-00", "2022-01-32", "2022-01-00", "2022-01-01x", "2022/01"]
)
def test_what_is_no_date_is_refused(registry: Registry, since: str) -> None:
    with pytest.raises(UsageError, match="is not a date"):
        check(registry, since=since)


def test_compatible_needs_something_to_be_compatible_with(registry: Registry) -> None:
    with pytest.raises(UsageError, match="no Spark NLP here") as raised:
        check(registry, is_compatible=True)

    assert "--sparknlp" in raised.value.hint
    for runtime in (Runtime(sparknlp=Version("5.5.3")), Runtime(spark=Version("3.5.1"))):
        assert check(registry, runtime=runtime, is_compatible=True).is_compatible


def test_conditions_are_made_only_of_filters_that_were_given() -> None:
    assert artifact_filters(SearchQuery(text="hats", language="en", label="HAT")) == ([], [])
    assert artifact_filters(SearchQuery(engine="onnx", max_size_bytes=0, since="2022")) == (
        ["a.engine = ?", "a.size_bytes <= ?", "a.date >= ?"],
        ["onnx", 0, "2022"],
    )
