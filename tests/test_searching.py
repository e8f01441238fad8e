from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from registries import MODELS, SNAPSHOT, document

from modelhub.artifacts import Artifact
from modelhub.documents import Source
from modelhub.errors import UsageError
from modelhub.facts import Score
from modelhub.recording import record
from modelhub.registry import Registry
from modelhub.resolver import Runtime
from modelhub.search_query import SearchQuery
from modelhub.searching import SearchResult, search
from modelhub.versions import Version

OLD_RUNTIME = Runtime(sparknlp=Version("3.0.0"), spark=Version("3.0.1"))


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
        ("noun", ["pos_tiny:en"]),
        ("hute", ["ner_hats:de"]),
        ("H\u00fcte", ["ner_hats:de"]),
        ("Hu\u0308te", ["ner_hats:de"]),
        ("2048", ["embed_2048:en"]),
        ("bertfortoken", ["ner_hats:en"]),
        ("token classification", ["ner_hats:en", "ner_caps:en"]),
        ("german", ["ner_hats:de"]),
        ("tiny english", ["pos_tiny:en"]),
        ('"of speech"', ["pos_tiny:en"]),
        ("noun verb", ["pos_tiny:en"]),
        ("ner_hats:de", ["ner_hats:de"]),
        ("pos_tiny:en@4.0.0", ["pos_tiny:en"]),
        ("pos_tiny_en_4.0.0_3.0_1656000000000", ["pos_tiny:en"]),
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


def test_words_in_their_order_come_first(registry: Registry) -> None:
    record(
        registry,
        SNAPSHOT,
        [
            document("opus_mt_de_en", title="German to English"),
            document("opus_mt_en_de", title="English to German"),
            *(document(f"hats_{number}", title="Hats") for number in range(20)),  # so that the words are rare
        ],
    )

    assert references(registry, "english to german") == ["opus_mt_en_de:en", "opus_mt_de_en:en"]
    assert references(registry, "german to english") == ["opus_mt_de_en:en", "opus_mt_en_de:en"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("straw tiny", {"ner_hats:en", "pos_tiny:en"}),
        ("Bert-For tiny", {"ner_hats:en"}),
        ("xyzzyx tiny", {"pos_tiny:en"}),
    ],
)
def test_where_no_model_has_all_words_those_that_have_some_are_found(
    models: Registry, text: str, expected: set[str]
) -> None:
    result = results_of(models, text)

    assert {model.artifact.reference for model in result} == expected
    assert (result.total, result.is_partial, result.corrected) == (len(expected), True, "")


def test_what_has_all_words_is_not_partial(models: Registry) -> None:
    assert not results_of(models, "straw felt").is_partial
    assert not results_of(models, "xyzzyx").is_partial
    assert not results_of(models, "xyzzyx plugh").is_partial


def test_filters_hold_for_what_has_some_words_too(models: Registry) -> None:
    assert references(models, "straw tiny", engine="onnx") == ["pos_tiny:en"]


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
def test_without_text_the_best_come_first_and_the_deprecated_last(models: Registry, text: str) -> None:
    assert references(models, text) == ["ner_hats:en", "embed_2048:en", "pos_tiny:en", "ner_hats:de", "ner_caps:en"]


# Names


def test_a_name_in_any_case_an_nlu_reference_and_a_name_of_hugging_face_come_first(registry: Registry) -> None:
    record(
        registry,
        SNAPSHOT,
        [
            document("en_hat_ada", title="en hat ada", recommended=True, tags=("en", "hat", "ada")),
            document("x", nlu=("en.hat",), title="x"),
            document("y", origin="Ada/Hat", title="y"),
        ],
    )

    assert references(registry, "EN_HAT_ADA")[0] == "en_hat_ada:en"
    assert references(registry, "en.hat")[0] == "x:en"
    assert references(registry, "ada/hat")[0] == "y:en"


def test_a_name_with_its_language_comes_before_those_in_others(registry: Registry) -> None:
    record(registry, SNAPSHOT, [document("lemma"), document("lemma", "fr", tags=("en",)), document("lemma", "de")])

    assert references(registry, "lemma fr")[0] == "lemma:fr"
    assert references(registry, "lemma:de")[0] == "lemma:de"


def test_what_a_filter_excludes_is_not_found_by_its_name_either(models: Registry) -> None:
    assert references(models, "pos_tiny", engine="onnx") == ["pos_tiny:en"]
    assert references(models, "pos_tiny", engine="tensorflow") == []
    assert references(models, "pos_tiny", language="de") == []


def test_of_a_common_word_the_best_are_found_however_many_there_are(registry: Registry) -> None:
    many = [document(f"a_hat_{number}", title="Hat", date="2022-01-01") for number in range(400)]
    old, supported = document("hat", title="Hat", date="1999-01-01"), document("hat_x", title="Hat", supported=True)
    record(registry, SNAPSHOT, [*many, old, supported])

    result = results_of(registry, "hat", limit=5)

    assert [model.artifact.name for model in result.models[:2]] == ["hat", "hat_x"]
    assert (result.total, result.is_total_exact, len(result)) == (402, True, 5)
    every = results_of(registry, "hat", limit=0)
    assert (len(every), every.total, every.models[0].artifact.name) == (402, 402, "hat")
    assert len({model.artifact.name for model in every}) == 402


def test_of_a_common_word_the_plain_model_is_found_though_others_rank_higher(registry: Registry) -> None:
    newer = [document(f"bert_ner_{number}", supported=True, date="2023-01-01") for number in range(500)]
    record(registry, SNAPSHOT, [*newer, document("ner_dl", title="Entities", date="2019-01-01")])

    assert references(registry, "ner", limit=2)[0] == "ner_dl:en"


def test_where_very_many_match_common_words_they_are_not_counted_to_the_end(registry: Registry) -> None:
    many = [document(f"hat_{number}", title="Straw") for number in range(10_001)]
    record(registry, SNAPSHOT, many)

    result = results_of(registry, "straw hat", limit=2)

    assert (result.total, result.is_total_exact) == (1_000, False)
    assert results_of(registry, "straw hat", limit=2, since="2023").total == 0


def test_a_common_word_alone_is_counted_however_many_models_have_it(registry: Registry) -> None:
    many = [document(f"hat_{number}", title="Straw felt03") for number in range(9_900)]
    german = [document(f"hut_{number}", "de", title="Straw felt 03") for number in range(200)]
    record(registry, SNAPSHOT, [*many, *german])

    result = results_of(registry, "straw", limit=2)

    assert (result.total, result.is_total_exact) == (10_100, True)
    assert results_of(registry, "straw", limit=2, language="de").total == 200
    assert results_of(registry, "felt03", limit=2).total == 10_100  # those that have its parts besides the word


# Filters


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({"language": "de"}, {"ner_hats:de"}),
        ({"annotator": "perceptronmodel"}, {"pos_tiny:en"}),
        ({"annotator": "Perceptron"}, {"pos_tiny:en"}),
        ({"product": "healthcare"}, {"ner_hats:en"}),
        ({"product": "Spark NLP"}, {"pos_tiny:en"}),
        ({"engine": "ONNX"}, {"pos_tiny:en"}),
        ({"label": "noun"}, {"pos_tiny:en"}),
        ({"language": "german"}, {"ner_hats:de"}),
        ({"is_open": True, "engine": "onnx"}, set()),
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

    assert "Named Entity Recognition" in caught.value.hint


@pytest.mark.parametrize("filters", [{"since": "2022-13"}, {"language": "klingon"}, {"is_compatible": True}])
def test_a_filter_that_makes_no_sense_is_refused(models: Registry, filters: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        results_of(models, "hats", **filters)


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


def test_of_versions_that_do_not_suit_the_newest_is_shown(registry: Registry) -> None:
    record(registry, SNAPSHOT, [document("m", lib="4.0.0"), document("m", lib="4.1.0")])

    (m,) = results_of(registry, "m", runtime=OLD_RUNTIME).models

    assert (str(m.artifact.lib_version), m.is_compatible) == ("4.1.0", False)


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


def test_the_artifact_shown_is_one_that_the_hub_in_use_lists(registry: Registry) -> None:
    record(registry, SNAPSHOT, [document("m", lib="2.7.0"), document("m", lib="4.1.0"), document("n", lib="4.1.0")])

    def mark(artifacts: Sequence[Artifact]) -> list[Artifact]:
        return [replace(item, is_listed=item.key.lib_version == "2.7.0") for item in artifacts]

    m, n = search(registry, SearchQuery(), Runtime(), in_use=mark)

    assert (str(m.artifact.lib_version), m.versions, m.is_compatible) == ("2.7.0", 2, True)
    assert (str(n.artifact.lib_version), n.is_compatible) == ("4.1.0", False)
    assert not n.artifact.is_listed


def test_a_model_of_which_no_build_is_listed_is_told_from_one_that_does_not_suit(models: Registry) -> None:
    def hide(artifacts: Sequence[Artifact]) -> list[Artifact]:
        return [replace(item, is_listed=False) for item in artifacts]

    unlisted = search(models, SearchQuery(), Runtime(), in_use=hide)

    assert {(model.is_compatible, model.artifact.is_listed) for model in unlisted} == {(False, False)}


def test_what_only_a_hidden_list_names_is_not_found(registry: Registry) -> None:
    hub_list = Source(
        uri="https://other.example/public/models/metadata.json", kind="metadata", repository="public/models"
    )
    record(registry, SNAPSHOT, [document("pos_tiny")])
    record(registry, hub_list, [document("pos_tiny"), document("pos_foreign")])
    (number, _, _) = registry.lists()[0]

    every = search(registry, SearchQuery(text="pos"), Runtime())
    seen = search(registry, SearchQuery(text="pos"), Runtime(), hidden=[number])

    assert {model.artifact.name for model in every} == {"pos_tiny", "pos_foreign"}
    assert ([model.artifact.name for model in seen], seen.total) == (["pos_tiny"], 1)


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


def test_a_result_is_a_row_of_models(models: Registry) -> None:
    result = results_of(models, "hats")

    assert len(result) == len(result.models) == 3
    assert list(result) == list(result.models)
    assert not results_of(models, "xyzzyx")


# Mistakes


@pytest.mark.parametrize(
    ("text", "corrected", "expected"),
    [
        ("tinny", "tiny", ["pos_tiny:en"]),
        ("stray felt", "straw felt", ["ner_hats:en"]),
        ("Embedings", "embeddings", ["embed_2048:en"]),
        ("strw", "straw", ["ner_hats:en"]),
        ("ner_hast", "ner hats", ["ner_hats:en", "ner_hats:de", "ner_caps:en"]),
        ("nerhats", "ner hats", ["ner_hats:en", "ner_hats:de"]),
        ("ner_xats", "ner hats", ["ner_hats:en", "ner_hats:de", "ner_caps:en"]),
        ("xyzzyx", "", []),
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
    assert results_of(models, "tinny xyzzyx").corrected == ""
    assert results_of(models, "tiny", language="de") == SearchResult(models=(), total=0)


def test_a_correction_that_finds_nothing_is_not_said(models: Registry) -> None:
    assert results_of(models, "tinny", language="de") == SearchResult(models=(), total=0)


# Sorting


def test_models_are_sorted_as_asked_with_unknown_values_last(registry: Registry) -> None:
    record(
        registry,
        SNAPSHOT,
        [
            document("hat_a", size_bytes=30, date="2022-01-01", best_score=Score(metric="f1", value=0.7)),
            document("hat_b", size_bytes=10, date="2020-01-01", recommended=True),
            document("hat_c", date="2021-01-01", best_score=Score(metric="f1", value=0.9)),
            document("cap", size_bytes=1),
        ],
    )

    def names(sort: str, **filters: Any) -> list[str]:
        return [model.artifact.name for model in results_of(registry, "hat", sort=sort, **filters)]

    assert names("relevance")[0] == "hat_b"
    assert names("size") == ["hat_b", "hat_a", "hat_c"]
    assert names("date") == ["hat_a", "hat_c", "hat_b"]
    assert names("f1") == ["hat_c", "hat_a", "hat_b"]
    assert names("f1", limit=1) == ["hat_c"]
    assert results_of(registry, "hat", sort="f1", limit=1).total == 3
    assert [model.artifact.name for model in results_of(registry, sort="size")] == ["cap", "hat_b", "hat_a", "hat_c"]


# Versions


def test_every_version_may_be_an_answer_of_its_own(registry: Registry) -> None:
    record(registry, SNAPSHOT, [document("m", lib="2.7.0"), document("m", lib="4.1.0", title="New"), document("n")])

    result = results_of(registry, runtime=OLD_RUNTIME, has_all_versions=True)

    shown = [(model.artifact.name, model.artifact.key.lib_version, model.is_compatible) for model in result]
    assert sorted(shown) == [("m", "2.7.0", True), ("m", "4.1.0", False), ("n", "4.0.0", False)]
    assert {model.versions for model in result if model.artifact.name == "m"} == {2}
    assert [model.facts.title for model in result if model.artifact.key.lib_version == "4.1.0"] == ["New"]
    assert result.total == 2


def test_versions_that_a_filter_excludes_are_left_out(registry: Registry) -> None:
    record(registry, SNAPSHOT, [document("m", lib="4.0.0", engine="onnx"), document("m", lib="4.1.0", engine="x")])

    assert len(results_of(registry, engine="onnx", has_all_versions=True)) == 1


# Facets


def test_facets_count_all_models_that_match(models: Registry) -> None:
    result = results_of(models, "hats", has_facets=True, limit=1)

    assert result.facets is not None
    assert [(count.value, count.models) for count in result.facets["task"]] == [
        ("Named Entity Recognition", 3),
        ("Token Classification", 1),
    ]
    assert len(result) == 1
    assert result.to_dict()["facets"]["language"] == [{"value": "en", "models": 2}, {"value": "de", "models": 1}]


def test_without_being_asked_for_facets_are_not_counted(models: Registry) -> None:
    assert results_of(models, "hats").facets is None
    assert "facets" not in results_of(models, "hats").to_dict()
    assert results_of(models, "xyzzyx", has_facets=True).to_dict()["facets"]["task"] == []


def test_a_result_is_plain_json(models: Registry) -> None:
    result = results_of(models, "tinny")

    (model,) = result.models
    assert result.to_dict() == {
        "models": [model.to_dict()],
        "total": 1,
        "total_exact": True,
        "corrected": "tiny",
        "partial": False,
    }


def test_what_has_no_card_has_the_day_of_its_build(registry: Registry) -> None:
    listed = document("hat_listed", annotator="HatModel")
    of_both = [document("hat_both", title="Hats", date="2019-01-01"), document("hat_both", lib="4.1.0")]
    record(registry, SNAPSHOT, [document("hat_old", date="2020-01-01"), listed, *of_both])

    def names(**filters: Any) -> list[str]:
        return [model.artifact.name for model in search(registry, SearchQuery(**filters), Runtime())]

    assert names(since="2022-06-23") == ["hat_both", "hat_listed"]
    assert names(since="2022-06-24") == []
    assert names(sort="date") == ["hat_both", "hat_listed", "hat_old"] == names()
    assert names(text="hats") == ["hat_both"]
    years = search(registry, SearchQuery(has_facets=True), Runtime()).facets or {}
    assert [(count.value, count.models) for count in years["year"]] == [("2022", 2), ("2020", 1), ("2019", 1)]


@pytest.mark.parametrize(
    "filters",
    [
        {"since": "2022"},
        {"task": "Hats", "is_open": True},
        {"task": "Hats"},
        {"annotator": "HatModel"},
        {"product": "Hat NLP"},
        {"is_open": True},
        {"is_compatible": True},
    ],
)
def test_filters_hold_for_the_artifact_that_is_shown(registry: Registry, filters: dict[str, Any]) -> None:
    facts = {"tasks": ("Hats",), "annotator": "HatModel", "product": "Hat NLP", "license": "Open Source"}
    passing = document("m", lib="4.0.0", date="2022-01-01", **facts)
    others = [
        document("m", lib="3.0.0", spark="3.2", date="2020-01-01", tasks=("Caps",)),
        document("m", lib="4.2.0", date="2021-01-01", license="Licensed"),
    ]
    record(registry, SNAPSHOT, [passing, *others])
    runtime = Runtime(sparknlp=Version("4.0.0"), spark=Version("3.0.0"))

    one = search(registry, SearchQuery(**filters), runtime)
    every = search(registry, SearchQuery(has_all_versions=True, **filters), runtime)

    assert [(str(model.artifact.lib_version), model.versions) for model in one] == [("4.0.0", 3)]
    assert [str(model.artifact.lib_version) for model in every] == ["4.0.0"]


def test_a_reference_with_a_repository_finds_the_model_there(registry: Registry) -> None:
    of_ada = replace(document("hats"), path="of Ada", repository="@ada")
    record(registry, SNAPSHOT, [document("hats", supported=True), of_ada])

    found = [search(registry, SearchQuery(text=text), Runtime()).models[0] for text in ("@ada/hats", "@bob/hats:en")]

    assert [model.artifact.repository for model in found] == ["@ada", "public/models"]
