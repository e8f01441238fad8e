from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from modelhub.artifacts import ArtifactKey
from modelhub.documents import Document, Listing, Source
from modelhub.errors import UsageError
from modelhub.facts import ModelFacts
from modelhub.recording import record
from modelhub.registry import Registry
from modelhub.resolver import Runtime
from modelhub.searching import SearchQuery, SearchResult, search
from modelhub.versions import Version

SNAPSHOT = Source(uri="package:snapshot", kind="snapshot")
OLD_RUNTIME = Runtime(sparknlp=Version("3.0.0"), spark=Version("3.0.1"))


def document(
    name: str, language: str = "en", lib: str = "4.0.0", *, spark: str = "3.0", is_ready: bool = True, **facts: Any
) -> Document:
    key = ArtifactKey(name, language, lib, spark, "1656000000000")
    return Document(
        path=str(key),
        digest=b"1",
        key=key,
        repository="public/models",
        facts=ModelFacts(**facts),
        listing=Listing(is_ready=is_ready),
    )


MODELS = [
    document(
        "pos_tiny",
        title="Part of speech, tiny",
        tasks=("Part of Speech Tagging",),
        annotator="PerceptronModel",
        engine="onnx",
        product="Spark NLP",
        size_bytes=1_000,
        date="2022-06-23",
        labels=("NOUN", "VERB"),
    ),
    document(
        "ner_hats",
        title="Hats of all kinds",
        tasks=("Named Entity Recognition",),
        tags=("felt", "straw"),
        annotator="BertForTokenClassification",
        engine="tensorflow",
        product="Healthcare NLP",
        size_bytes=500_000,
        date="2021-02-03",
        labels=("HAT", "CAP"),
        supported=True,
    ),
    document("ner_hats", "de", title="H\u00fcte", tasks=("Named Entity Recognition",), date="2023-01-01"),
    document(
        "ner_caps",
        title="Caps, formerly hats",
        tasks=("Named Entity Recognition", "Token Classification"),
        date="2020-05-05",
        deprecated=True,
    ),
    document("embed_2048", title="Embeddings", tasks=("Embeddings",), recommended=True, date="2020-01-01"),
]


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Registry]:
    """An empty registry, open for writing."""
    path = tmp_path / "registry.sqlite"
    Registry.create(path, kept=tmp_path / "kept.sqlite", stamp="").close()
    with Registry.open(path, is_writable=True) as registry:
        yield registry


@pytest.fixture
def models(registry: Registry) -> Iterator[Registry]:
    """A registry with ``MODELS``, open for reading, as a search has it."""
    record(registry, SNAPSHOT, MODELS)
    with Registry.open(registry.path) as reader:
        yield reader


def results_of(registry: Registry, text: str = "", *, runtime: Runtime | None = None, **filters: Any) -> SearchResult:
    return search(registry, SearchQuery(text=text, **filters), runtime or Runtime())


def references(registry: Registry, text: str = "", **filters: Any) -> list[str]:
    return [model.artifact.reference for model in results_of(registry, text, **filters).models]


# Words


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("tiny", ["pos_tiny:en"]),
        ("TINY", ["pos_tiny:en"]),
        ("pos_tiny", ["pos_tiny:en"]),
        ("tin", ["pos_tiny:en"]),
        ("felt", ["ner_hats:en"]),
        ("straw felt", ["ner_hats:en"]),
        ("straw tiny", []),
        ("noun", ["pos_tiny:en"]),
        ("hute", ["ner_hats:de"]),
        ("H\u00fcte", ["ner_hats:de"]),
        ("Hu\u0308te", ["ner_hats:de"]),
        ("2048", ["embed_2048:en"]),
        ("Bert-For", []),
        ("bertfortoken", ["ner_hats:en"]),
        ("healthcare", ["ner_hats:en"]),
    ],
)
def test_all_words_must_occur_whole_or_as_a_beginning(models: Registry, text: str, expected: Sequence[str]) -> None:
    assert references(models, text) == expected


def test_a_word_in_the_name_says_more_than_one_in_the_title(models: Registry) -> None:
    found = references(models, "hats")

    assert set(found[:2]) == {"ner_hats:en", "ner_hats:de"}
    assert found[2:] == ["ner_caps:en"]


def test_a_model_of_that_very_name_comes_first(registry: Registry) -> None:
    better = document("pos_hats", recommended=True, tags=("pos",))
    record(registry, SNAPSHOT, [better, document("pos", deprecated=True)])

    assert references(registry, "POS") == ["pos:en", "pos_hats:en"]


def test_a_whole_word_comes_before_a_beginning(registry: Registry) -> None:
    record(registry, SNAPSHOT, [document("a_hatstand"), document("b_hat")])

    assert references(registry, "hat") == ["b_hat:en", "a_hatstand:en"]


@pytest.mark.parametrize(
    "text",
    [
        '"',
        '"hats',
        "NOT hats",
        "hats OR",
        "hats AND NEAR(",
        "*",
        "hats*",
        "^hats",
        "title:hats",
        "{hats}",
        "-hats",
        "\U0001f3a9",
        "hats \U0001f3a9",
        "\0",
        "hats\0",
        "'; DROP TABLE models; --",
        "%",
        "_",
        "\ud800",
        "a" * 10_000,
    ],
)
def test_any_text_is_taken_as_words(models: Registry, text: str) -> None:
    results_of(models, text)

    assert results_of(models, "tiny").total == 1


def test_a_text_that_the_locale_could_not_read_is_refused(models: Registry) -> None:
    with pytest.raises(UsageError, match="is no text"):
        results_of(models, "hats\udcff")


@pytest.mark.parametrize("text", ["!", '"', "\U0001f3a9", "_"])
def test_a_text_without_words_finds_nothing(models: Registry, text: str) -> None:
    assert results_of(models, text).total == 0


@pytest.mark.parametrize("text", ["", "  "])
def test_without_text_the_recommended_come_first_and_the_deprecated_last(models: Registry, text: str) -> None:
    assert references(models, text) == ["embed_2048:en", "ner_hats:en", "ner_hats:de", "pos_tiny:en", "ner_caps:en"]


# Filters


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({"language": "de"}, {"ner_hats:de"}),
        ({"language": "xx"}, set()),
        ({"annotator": "perceptronmodel"}, {"pos_tiny:en"}),
        ({"annotator": "Perceptron"}, set()),
        ({"product": "healthcare"}, {"ner_hats:en"}),
        ({"product": "Spark NLP"}, {"pos_tiny:en"}),
        ({"engine": "ONNX"}, {"pos_tiny:en"}),
        ({"label": "noun"}, {"pos_tiny:en"}),
        ({"label": "NOU"}, set()),
        ({"max_size_bytes": 1_000}, {"pos_tiny:en"}),
        ({"max_size_bytes": 999}, set()),
        ({"max_size_bytes": 0}, set()),
        ({"since": "2022"}, {"pos_tiny:en", "ner_hats:de"}),
        ({"since": "2022-07"}, {"ner_hats:de"}),
        ({"since": "2022-06-23"}, {"pos_tiny:en", "ner_hats:de"}),
        ({"task": "Token Classification"}, {"ner_caps:en"}),
        ({"text": "hats", "language": "en", "label": "HAT"}, {"ner_hats:en"}),
        ({"text": "hats", "engine": "onnx"}, set()),
    ],
)
def test_filters_restrict(models: Registry, filters: dict[str, Any], expected: set[str]) -> None:
    result = results_of(models, **filters)

    assert {model.artifact.reference for model in result.models} == expected
    assert result.total == len(expected)


@pytest.mark.parametrize(
    ("task", "task_found"),
    [
        ("named entity recognition", "ner_hats:en"),
        ("Named", "ner_hats:en"),
        ("ner", "ner_hats:en"),
        ("entity", "ner_hats:en"),
        (" EMBEDDINGS ", "embed_2048:en"),
        ("post", "pos_tiny:en"),
        ("speech", "pos_tiny:en"),
    ],
)
def test_a_task_is_named_by_its_beginning_its_initials_or_a_part(models: Registry, task: str, task_found: str) -> None:
    assert references(models, task=task)[0] == task_found


def test_an_unknown_task_names_the_known_ones(models: Registry) -> None:
    with pytest.raises(UsageError, match="No task is called 'knitting'") as caught:
        results_of(models, task="knitting")

    assert "Embeddings, Named Entity Recognition" in caught.value.hint


@pytest.mark.parametrize("since", ["yesterday", "22", "2022-1", "2022-01-01x", "2022/01/01"])
def test_what_is_no_date_is_refused(models: Registry, since: str) -> None:
    with pytest.raises(UsageError, match="is not a date"):
        results_of(models, since=since)


def test_all_filters_must_hold_for_one_artifact(registry: Registry) -> None:
    record(registry, SNAPSHOT, [document("m", lib="4.0.0", engine="onnx"), document("m", lib="4.1.0", size_bytes=5)])

    assert references(registry, engine="onnx", max_size_bytes=10) == []


# Which artifact is shown


def test_the_artifact_is_the_one_that_the_runtime_gets(registry: Registry) -> None:
    record(registry, SNAPSHOT, [document("m", lib="2.7.0", spark="2.4"), document("m", lib="4.1.0"), document("n")])

    (m,) = results_of(registry, "m", runtime=OLD_RUNTIME).models
    (newest,) = results_of(registry, "m").models
    (n,) = results_of(registry, "n", runtime=OLD_RUNTIME).models

    assert (str(m.artifact.lib_version), m.versions, m.is_compatible) == ("2.7.0", 2, True)
    assert (str(newest.artifact.lib_version), newest.is_compatible) == ("4.1.0", True)
    assert (str(n.artifact.lib_version), n.is_compatible) == ("4.0.0", False)


def test_only_what_the_runtime_can_use_is_compatible(registry: Registry) -> None:
    record(
        registry,
        SNAPSHOT,
        [
            document("old", lib="2.7.0"),
            document("new", lib="4.1.0"),
            document("both", lib="2.7.0"),
            document("both", lib="4.1.0"),
            document("unready", lib="2.7.0", is_ready=False),
        ],
    )

    result = results_of(registry, runtime=OLD_RUNTIME, is_compatible=True)

    assert {model.artifact.name for model in result.models} == {"old", "both"}
    assert result.total == 2
    assert all(model.is_compatible for model in result.models)


def test_what_is_not_ready_is_shown_as_not_compatible(registry: Registry) -> None:
    record(registry, SNAPSHOT, [document("m", is_ready=False)])

    (model,) = results_of(registry, "m").models

    assert not model.is_compatible


def test_the_artifact_shown_is_one_that_passes_the_filters(registry: Registry) -> None:
    record(
        registry,
        SNAPSHOT,
        [
            document("m", lib="4.0.0", engine="onnx", size_bytes=10),
            document("m", lib="4.1.0", engine="tensorflow"),
            document("m", lib="4.2.0", engine="openvino", size_bytes=900),
        ],
    )

    by_engine = results_of(registry, engine="OpenVINO").models[0]
    by_size = results_of(registry, max_size_bytes=100).models[0]

    assert (by_engine.artifact.engine, by_engine.versions) == ("openvino", 3)
    assert (by_size.artifact.size_bytes, by_size.facts.engine) == (10, "onnx")


def test_a_found_model_is_plain_json(models: Registry) -> None:
    (model,) = results_of(models, "tiny").models

    shown = model.to_dict()

    assert shown["artifact"] == model.artifact.to_dict()
    assert (shown["versions"], shown["compatible"]) == (1, True)
    assert shown["facts"]["labels"] == ["NOUN", "VERB"]


# How many


def test_a_limit_cuts_the_models_and_not_their_number(registry: Registry) -> None:
    record(registry, SNAPSHOT, [document(f"m{number}") for number in range(40)])

    few, usual, every = (results_of(registry, **options) for options in ({"limit": 3}, {}, {"limit": 0}))

    assert [len(result.models) for result in (few, usual, every)] == [3, 25, 40]
    assert {result.total for result in (few, usual, every)} == {40}


# Mistakes


@pytest.mark.parametrize(
    ("text", "corrected", "expected"),
    [
        ("tinny", "tiny", ["pos_tiny:en"]),
        ("strw felt", "straw felt", ["ner_hats:en"]),
        ("Embedings", "embeddings", ["embed_2048:en"]),
        ("xyzzyx", "", []),
        ("tinny xyzzyx", "", []),
    ],
)
def test_a_word_that_nobody_has_is_corrected(
    models: Registry, text: str, corrected: str, expected: Sequence[str]
) -> None:
    result = results_of(models, text)

    assert result.corrected == corrected
    assert [model.artifact.reference for model in result.models] == expected
    assert result.total == len(expected)


def test_words_that_exist_are_not_corrected(models: Registry) -> None:
    assert results_of(models, "tiny").corrected == ""
    assert results_of(models, "tiny straw").corrected == ""
    assert results_of(models, "tiny", language="de") == SearchResult(models=(), total=0)


def test_a_correction_that_finds_nothing_is_not_said(models: Registry) -> None:
    assert results_of(models, "tinny", language="de") == SearchResult(models=(), total=0)
