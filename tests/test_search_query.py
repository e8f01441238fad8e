from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from registries import document, make_registry

from modelhub.errors import UsageError
from modelhub.registry import Registry
from modelhub.resolver import Runtime
from modelhub.search_index import Selection
from modelhub.search_query import SearchQuery, checked, selection_of
from modelhub.searchable import facet_token
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
        ("language", "german", "de"),
        ("language", "Engl", "en"),
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
        ("language", "klingon", "en"),
        ("language", "ge", "en"),
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


def selection(registry: Registry, runtime: Runtime | None = None, hidden: Sequence[int] = (), **filters: Any) -> Any:
    runtime = runtime or Runtime()
    return selection_of(checked(SearchQuery(**filters), registry, runtime), registry, runtime, hidden)


def test_words_select_nothing(registry: Registry) -> None:
    assert selection(registry, text="hats", limit=3, sort="f1") == Selection()


@pytest.mark.parametrize(
    ("filters", "facet"),
    [
        ({"language": "de"}, ("language", "de")),
        ({"task": "ner"}, ("task", "Named Entity Recognition")),
        ({"annotator": "perceptron"}, ("annotator", "PerceptronModel")),
        ({"product": "healthcare"}, ("product", "Healthcare NLP")),
        ({"engine": "ONNX"}, ("engine", "onnx")),
        ({"is_open": True}, ("license", "Open Source")),
    ],
)
def test_one_value_is_a_word_of_the_full_text_search(
    registry: Registry, filters: dict[str, Any], facet: tuple[str, str]
) -> None:
    chosen = selection(registry, **filters)

    assert replace(chosen, passing="", passing_values=()) == Selection(facets=(facet_token(*facet),))
    assert chosen.passing_values == (() if "language" in filters else (facet[1],))


def test_what_must_hold_for_one_artifact_is_asked_of_each(registry: Registry) -> None:
    chosen = selection(registry, engine="onnx", task="ner", language="de", max_size_bytes=0, since="2022", label="HAT")

    assert len(chosen.facets) == 3
    assert len(chosen.conditions) == 2
    assert chosen.values == (0, "2022", "Named Entity Recognition", "onnx", "HAT")


def test_lists_that_do_not_count_are_left_out(registry: Registry) -> None:
    chosen = selection(registry, hidden=[2, 3])

    assert (len(chosen.conditions), chosen.values) == (1, (2, 3))


def test_what_suits_a_runtime_is_asked_of_each_artifact(registry: Registry) -> None:
    runtime = Runtime(sparknlp=Version("3.0.0"))

    (condition,) = selection(registry, runtime, is_compatible=True).conditions
    suits = registry.connection.execute("SELECT suits('3.0.0', '3.0'), suits('3.1.0', '3.0')").fetchone()

    assert "suits(" in condition
    assert suits == (1, 0)


@pytest.mark.parametrize("sort", ["name", "", "m.id; DROP"])
def test_models_are_sorted_only_by_what_there_is(registry: Registry, sort: str) -> None:
    with pytest.raises(UsageError, match="are not sorted by") as raised:
        check(registry, sort=sort)

    assert "size" in raised.value.hint


@pytest.mark.parametrize("field", ["task", "language", "annotator", "product", "engine", "label"])
def test_what_is_blank_means_nothing(registry: Registry, field: str) -> None:
    with pytest.raises(UsageError, match=f"The {field} is blank"):
        check(registry, **{field: " "})


def test_no_number_of_models_is_negative(registry: Registry) -> None:
    with pytest.raises(UsageError, match="-1 is not a number of models") as raised:
        check(registry, limit=-1)

    assert "0 for all" in raised.value.hint
