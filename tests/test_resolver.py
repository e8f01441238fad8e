from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelhub.artifacts import Artifact, ArtifactKey
from modelhub.errors import AmbiguousError, IncompatibleError, NotFoundError
from modelhub.references import Reference
from modelhub.resolver import Resolution, Runtime, choose, resolve
from modelhub.versions import Version

EARLY, LATE = 1_600_000_000_000, 1_700_000_000_000


def artifact(
    lib: str = "4.0.0", spark: str = "3.0", millis: int = EARLY, *, name: str = "m", language: str = "en", **fields: Any
) -> Artifact:
    return Artifact(key=ArtifactKey(name, language, lib, spark, str(millis)), **fields)


def runtime(sparknlp: str = "", spark: str = "", **preferences: str) -> Runtime:
    return Runtime(
        sparknlp=Version(sparknlp) if sparknlp else None, spark=Version(spark) if spark else None, **preferences
    )


def chosen(candidates: Sequence[Artifact], sparknlp: str = "", spark: str = "", **preferences: str) -> Artifact:
    return choose(candidates, runtime(sparknlp, spark, **preferences)).artifact


def reasons(resolution: Resolution) -> list[str]:
    return [verdict.reason for verdict in resolution.verdicts]


# The cases that Spark NLP's own tests hold (facts/sparknlp-hub.md)

SPARK_24_LATER = [artifact("3.1.3", "3.0", EARLY), artifact("3.1.1", "2.4", LATE)]
TWO_SPARKS = [artifact("3.1.3", "3.0"), artifact("3.4.0", "3.2")]
FOUR_BUILDS = [artifact("2.2.0", "2.4"), artifact("2.4.0", "2.4"), artifact("2.6.0", "2.4"), artifact("2.4.5", "3.0")]
SAME_TIME = [artifact("3.3.0", "2.4"), artifact("3.3.0", "3.0")]


@pytest.mark.parametrize(
    ("candidates", "sparknlp", "spark", "picked"),
    [
        (SPARK_24_LATER, "3.3.2", "3.0.2", "3.1.3/3.0"),
        (SPARK_24_LATER, "3.1.1", "2.4.5", "3.1.1/2.4"),
        (TWO_SPARKS, "3.3.2", "3.0.1", "3.1.3/3.0"),
        (TWO_SPARKS, "3.3.2", "3.1.0", "3.1.3/3.0"),
        (TWO_SPARKS, "3.4.0", "3.2.0", "3.4.0/3.2"),
        (FOUR_BUILDS, "2.4.5", "2.4", "2.4.0/2.4"),
        (FOUR_BUILDS, "2.4.5", "3.0", "2.4.5/3.0"),
        (SAME_TIME, "3.3.0", "2.4", "3.3.0/2.4"),
        (SAME_TIME, "3.3.0", "3.0", "3.3.0/3.0"),
    ],
)
def test_the_cases_of_spark_nlps_own_tests(
    candidates: Sequence[Artifact], sparknlp: str, spark: str, picked: str
) -> None:
    taken = chosen(candidates, sparknlp, spark)

    assert f"{taken.lib_version}/{taken.spark_version}" == picked


# The order from 3.3 on (facts/sparknlp-jar.md)


@pytest.mark.parametrize(
    ("candidates", "expected"),
    [
        pytest.param([artifact("4.4.0", "3.0"), artifact("3.4.0", "3.2")], 1, id="spark before library"),
        pytest.param([artifact("4.0.0", millis=LATE), artifact("4.2.0")], 1, id="library before time"),
        pytest.param([artifact(millis=EARLY), artifact(millis=LATE)], 1, id="time among equals"),
        pytest.param([artifact("4.2.10", millis=LATE), artifact("4.2.2")], 1, id="4.2.10 is below 4.2.2"),
        pytest.param([artifact("4.4.10"), artifact("4.4.4")], 1, id="4.4.10 is below 4.4.4"),
        pytest.param([artifact("4.4.1", millis=LATE), artifact("4.4.10")], 0, id="4.4.1 equals 4.4.10: time, first"),
        pytest.param([artifact("4.4.1"), artifact("4.4.10", millis=LATE)], 1, id="4.4.1 equals 4.4.10: time, second"),
        pytest.param([artifact(), artifact(), artifact()], 0, id="of equal lines the first of the file"),
        pytest.param([artifact("4.4.10"), artifact("4.4.1")], 0, id="of equal numbers the first of the file"),
        pytest.param(
            [artifact("4.2.0", millis=EARLY + 5), artifact("4.2.0"), artifact("4.2.0", millis=LATE)], 2, id="three"
        ),
    ],
)
def test_from_3_3_on_spark_then_library_then_time_decide(candidates: Sequence[Artifact], expected: int) -> None:
    for sparknlp in ("3.3.0", "3.4.4", "5.5.3", "7.0.0"):
        if all(item.lib_version.is_compatible(Version(sparknlp)) for item in candidates):
            assert chosen(candidates, sparknlp, "3.5.1") is candidates[expected]
    assert chosen(candidates) is candidates[expected]


@pytest.mark.parametrize(
    ("candidates", "expected"),
    [
        pytest.param([artifact("3.1.0", "3.0", EARLY), artifact("2.7.0", "2.4", LATE)], 1, id="time alone"),
        pytest.param([artifact("2.7.0", "2.4", LATE), artifact("3.1.0", "3.0", EARLY)], 0, id="time alone, other file"),
        pytest.param([artifact("3.1.0"), artifact("2.7.0"), artifact("3.0.0")], 2, id="of equal times the later line"),
    ],
)
def test_before_3_3_the_time_alone_decides(candidates: Sequence[Artifact], expected: int) -> None:
    assert chosen(candidates, "3.2.1", "3.1.2") is candidates[expected]


def test_the_generations_part_at_3_3() -> None:
    candidates = [artifact("3.1.0", "3.0", EARLY), artifact("2.7.0", "2.4", LATE)]

    assert chosen(candidates, "3.2.3", "3.1.2") is candidates[1]
    assert chosen(candidates, "3.3.0", "3.1.2") is candidates[0]


@pytest.mark.parametrize(
    ("candidates", "expected"),
    [
        pytest.param([artifact("1.0.0", "2"), artifact("3.0.0", "2.0", LATE)], 0, id="2 before 2.0"),
        pytest.param([artifact("1.0.0", "2.0"), artifact("3.0.0", "2", LATE)], 0, id="2.0 before 2"),
        pytest.param([artifact("1.0.0", "3.1"), artifact("3.0.0", "3.10", LATE)], 0, id="3.1 before 3.10"),
        pytest.param(
            [artifact("1.0.0", "2"), artifact("3.0.0", "2.0"), artifact("2.0.0", "2")], 0, id="a run that only descends"
        ),
        pytest.param(
            [artifact("1.0.0", "2.0"), artifact("3.0.0", "2.0"), artifact("2.0.0", "2")], 1, id="one is inserted first"
        ),
        pytest.param(
            [artifact("2.0.0", "2.0"), artifact("3.0.0", "2.0"), artifact("2.0.0", "2"), artifact("4.0.0", "2.0")],
            3,
            id="one is inserted last",
        ),
    ],
)
def test_spark_versions_of_one_number_are_sorted_as_the_jvm_does(candidates: Sequence[Artifact], expected: int) -> None:
    assert chosen(candidates, "5.5.3", "3.10.1") is candidates[expected]


# Compatibility


@pytest.mark.parametrize(
    ("lib", "spark", "sparknlp", "running_spark"),
    [
        ("4.0.0", "3.0", "4.0.0", "3.0"),
        ("3.3", "3.0", "3.3.2", "3.0.1"),
        ("4.0.0", "3.0", "5.5.3", "3.5.0-amzn-1"),
        ("4.0.0", "3.5.0", "5.5.3", "3.5.0-amzn-1"),
        ("2.4.0", "2.4", "2.5.0", "2.3.4"),
        ("2.4.0", "2.4.4", "2.5.0", "2.3"),
        ("9.9.9", "3.0", "", "3.0.1"),
        ("4.0.0", "9.9", "5.5.3", ""),
    ],
)
def test_what_suits_the_runtime_is_taken(lib: str, spark: str, sparknlp: str, running_spark: str) -> None:
    only = artifact(lib, spark)

    assert chosen([only], sparknlp, running_spark) is only


@pytest.mark.parametrize(
    ("lib", "spark", "sparknlp", "running_spark", "reason"),
    [
        ("4.0.1", "3.0", "4.0.0", "3.0.1", "needs Spark NLP 4.0.1 or later, here is 4.0.0"),
        ("4.0.0", "3.2", "4.0.0", "3.1.2", "needs Spark 3.2 or later, here is 3.1.2"),
        ("4.0.0", "3.5.1", "4.0.0", "3.5.0-amzn-1", "needs Spark 3.5.1 or later, here is 3.5.0-amzn-1"),
        ("2.4.0", "2.4.5", "2.5.0", "2.3.4", "needs Spark 2.4.5 or later, here is 2.3.4"),
        ("3.3.0", "3.0", "3.3", "3.0.1", "3.3.0 is more exact than 3.3, the version of Spark NLP here"),
        ("4.0.0", "3.0", "5.5.3", "3", "3.0 is more exact than 3, the version of Spark here"),
        ("3.5.0.2", "3.0", "5.5.3", "3.5.1", "3.5.0.2 is more exact than 5.5.3, the version of Spark NLP here"),
        ("3.5.0.2", "3.0", "5.5.3.1", "3.5.1", "3.5.0.2 is more exact than 5.5.3"),
    ],
)
def test_what_does_not_suit_is_refused_with_the_reason(
    lib: str, spark: str, sparknlp: str, running_spark: str, reason: str
) -> None:
    with pytest.raises(IncompatibleError) as caught:
        choose([artifact(lib, spark)], runtime(sparknlp, running_spark))

    assert reason in caught.value.message
    assert caught.value.alternatives[0].startswith(f"m_en_{lib}_{spark}_{EARLY}: ")


def test_four_components_never_pass_from_3_3_on() -> None:
    candidates = [artifact("3.5.0.2"), artifact("3.0.0")]

    for sparknlp in ("3.4.4", "5.5.3", "5.5.3.1", "7.0.0"):
        assert chosen(candidates, sparknlp, "3.5.1") is candidates[1]


def test_what_is_not_ready_or_not_listed_is_passed_over() -> None:
    candidates = [
        artifact("4.2.0", is_ready=False),
        artifact("4.1.0", is_listed=False),
        artifact("4.0.0"),
    ]

    resolution = choose(candidates, Runtime())

    assert resolution.artifact is candidates[2]
    assert reasons(resolution) == [
        "not ready to use (readyToUse is false)",
        "not in the hub's metadata.json, which is all that Spark NLP looks at",
        "taken",
    ]


def test_an_incompatible_model_names_every_build_and_what_it_needs() -> None:
    candidates = [artifact("5.0.0", "3.4"), artifact("4.4.0", "3.0")]

    with pytest.raises(IncompatibleError, match="m:en has 2 builds, none of them for Spark NLP 4.0.0 on") as caught:
        choose(candidates, runtime("4.0.0", "3.0"))

    assert caught.value.alternatives == (
        f"m_en_5.0.0_3.4_{EARLY}: needs Spark NLP 5.0.0 or later, here is 4.0.0",
        f"m_en_4.4.0_3.0_{EARLY}: needs Spark NLP 4.4.0 or later, here is 4.0.0",
    )
    assert f"m_en_4.4.0_3.0_{EARLY} suits Spark NLP 4.4.0 and Spark 3.0 or later" in caught.value.hint


def test_a_newer_runtime_is_no_advice_for_what_is_not_ready() -> None:
    with pytest.raises(IncompatibleError, match="not ready") as caught:
        choose([artifact("4.0.0", is_ready=False)], runtime("5.5.3", "3.5.1"))

    assert "Spark NLP 4.0.0" not in caught.value.hint
    assert "modelhub update" in caught.value.hint


# Spark's version as vendors write it


@pytest.mark.parametrize(
    ("sparknlp", "spark", "is_suitable"),
    [
        ("5.5.3", "3.3.2.3.3.7190.0-91", False),
        ("4.0.0", "3.3.2.3.3.7190.0-91", False),
        ("", "3.3.2.3.3.7190.0-91", False),
        ("3.4.4", "3.3.2.3.3.7190.0-91", True),
        ("3.2.1", "3.3.2.3.3.7190.0-91", True),
        ("3.4.4", "3.3.2", False),
    ],
)
def test_from_4_0_on_three_numbers_of_sparks_version_count(sparknlp: str, spark: str, is_suitable: bool) -> None:
    candidates = [artifact("3.0.0", "3.3.2.3")]

    if is_suitable:
        assert chosen(candidates, sparknlp, spark) is candidates[0]
    else:
        with pytest.raises(IncompatibleError):
            chosen(candidates, sparknlp, spark)


def test_where_spark_nlp_fails_at_four_numbers_it_is_said() -> None:
    candidates = [artifact("3.0.0", "3.1.1.3"), artifact("3.0.0", "3.0")]

    notes = choose(candidates, runtime("3.4.4", "3.1.1.3.1.7270.0-253")).notes

    assert notes == ("Spark NLP 3.4.4 itself fails here: it cannot compare Spark 3.1.1.3.",)


def test_four_numbers_alone_are_no_trouble() -> None:
    candidates = [artifact("3.0.0", "3.1.1.3"), artifact("3.0.1", "3.1.1.3")]

    resolution = choose(candidates, runtime("3.4.4", "3.1.1.3.1.7270.0-253"))

    assert (resolution.artifact, resolution.notes) == (candidates[1], ())


# Class and engine, from 7.0 on: read from its sources, not run against its jar, which cannot be had

ENGINES = [
    artifact("4.0.0", engine="", annotator="B"),
    artifact("4.1.0", engine="openvino", annotator="B"),
    artifact("4.2.0", engine="tensorflow", annotator="B"),
    artifact("4.3.0", engine="onnx", annotator="B"),
    artifact("4.4.0", engine="llamacpp", annotator="B"),
]


@pytest.mark.parametrize(
    ("preferences", "offered", "expected"),
    [
        ({}, [0, 1, 2, 3, 4], 4),
        ({"annotator": "B"}, [0, 1, 2, 3, 4], 3),
        ({"annotator": "B"}, [0, 1, 2, 4], 2),
        ({"annotator": "B"}, [0, 1, 4], 1),
        ({"annotator": "B"}, [0, 4], 0),
        ({"annotator": "B"}, [4], 4),
        ({"annotator": "B", "engine": "openvino"}, [0, 1, 2, 3, 4], 1),
        ({"annotator": "B", "engine": "llamacpp"}, [0, 1, 2, 3, 4], 4),
        ({"annotator": "B", "engine": "openvino"}, [0, 2, 3, 4], 3),
        ({"annotator": "B", "engine": "openvino"}, [0, 2, 4], 2),
        ({"engine": "tensorflow"}, [0, 1, 2, 3, 4], 2),
        ({"annotator": "C"}, [2, 3, 4], 3),
    ],
)
def test_from_7_0_on_the_preferred_engine_comes_first(
    preferences: dict[str, str], offered: Sequence[int], expected: int
) -> None:
    candidates = [ENGINES[index] for index in offered]

    assert chosen(candidates, "7.0.0", "3.5.1", **preferences) is ENGINES[expected]
    assert chosen(candidates, **preferences) is ENGINES[expected]


def test_before_7_0_neither_class_nor_engine_is_looked_at() -> None:
    candidates = [artifact("4.0.0", engine="onnx", annotator="B"), artifact("4.4.0", engine="openvino", annotator="A")]

    assert chosen(candidates, "5.5.3", "3.5.1", annotator="B", engine="onnx") is candidates[1]


def test_the_class_is_looked_at_before_the_engine() -> None:
    candidates = [
        artifact("4.0.0", engine="tensorflow", annotator="BertEmbeddings"),
        artifact("4.1.0", engine="onnx", annotator="BertForQuestionAnswering"),
        artifact("4.2.0", engine="", annotator=""),
    ]

    resolution = choose(candidates, runtime("7.0.0", "3.5.1", annotator="BertEmbeddings"))

    assert resolution.artifact is candidates[0]
    assert reasons(resolution)[1] == "of class BertForQuestionAnswering, not BertEmbeddings"


def test_a_class_that_nobody_has_excludes_nobody() -> None:
    candidates = [artifact("4.0.0", annotator="A"), artifact("4.1.0", annotator="B")]

    assert chosen(candidates, "7.0.0", "3.5.1", annotator="C") is candidates[1]


def test_of_one_engine_the_usual_order_decides() -> None:
    candidates = [artifact("4.1.0", engine="onnx"), artifact("4.2.0", engine="onnx"), artifact("4.3.0", engine="")]

    assert chosen(candidates, "7.0.0", "3.5.1", engine="onnx") is candidates[1]


# Which model: language and repository


@pytest.mark.parametrize(
    ("languages", "asked", "expected"),
    [
        (["de", "en"], None, 1),
        (["de"], None, 0),
        ([""], None, 0),
        (["de", "en"], "de", 0),
        (["de", ""], "de", 0),
        (["", "en"], "de", 0),
        (["", "en"], "", 0),
        (["en", ""], "", 1),
        (["de", ""], None, 1),
    ],
)
def test_the_language_is_the_one_asked_for_else_english_else_the_only_one(
    languages: Sequence[str], asked: str | None, expected: int
) -> None:
    candidates = [artifact(language=language, millis=LATE - place) for place, language in enumerate(languages)]

    assert resolve(Reference(name="m", language=asked), candidates, Runtime()).artifact is candidates[expected]


def test_an_absent_language_competes_with_the_one_that_was_asked_for() -> None:
    candidates = [artifact("4.0.0"), artifact("4.1.0", language="")]

    assert resolve(Reference(name="m", language="en"), candidates, Runtime()).artifact is candidates[1]


def test_several_languages_without_english_are_ambiguous() -> None:
    candidates = [artifact(language="fr"), artifact(language="de"), artifact("4.1.0", language="de")]

    with pytest.raises(AmbiguousError, match="in several languages: m:fr, m:de") as caught:
        resolve(Reference(name="m"), candidates, Runtime())

    assert caught.value.nearest == ("m:fr", "m:de")
    assert "m:fr" in caught.value.hint


def test_a_language_that_is_not_there_names_those_that_are() -> None:
    with pytest.raises(NotFoundError, match="m does not exist in language 'it'") as caught:
        resolve(Reference(name="m", language="it"), [artifact(language="fr"), artifact(language="de")], Runtime())

    assert caught.value.nearest == ("m:fr", "m:de")
    assert not isinstance(caught.value, AmbiguousError)


def test_a_long_list_of_languages_is_cut() -> None:
    candidates = [artifact(language=f"{first}{second}") for first in "abcd" for second in "xyz"]

    with pytest.raises(AmbiguousError, match=r"m:ax, .*, m:cy and 4 more\."):
        resolve(Reference(name="m"), candidates, Runtime())


@pytest.mark.parametrize(
    ("repositories", "asked", "expected"),
    [
        (["clinical/models", "public/models"], "", 1),
        (["clinical/models"], "", 0),
        (["clinical/models", "public/models"], "clinical/models", 0),
        (["@ada", "@bob"], "@bob", 1),
    ],
)
def test_the_repository_is_the_one_asked_for_else_the_public_one_else_the_only_one(
    repositories: Sequence[str], asked: str, expected: int
) -> None:
    candidates = [artifact(repository=repository) for repository in repositories]

    assert resolve(Reference(name="m", repository=asked), candidates, Runtime()).artifact is candidates[expected]


def test_a_repository_that_was_not_asked_for_is_named() -> None:
    licensed, public = [artifact(repository="clinical/models")], [artifact()]

    assert resolve(Reference(name="m"), licensed, Runtime()).notes == ("m is in clinical/models.",)
    assert resolve(Reference(name="m", repository="clinical/models"), licensed, Runtime()).notes == ()
    assert resolve(Reference(name="m"), public, Runtime()).notes == ()


def test_the_language_tells_repositories_apart() -> None:
    candidates = [artifact(language="de"), artifact(language="en", repository="clinical/models")]

    assert resolve(Reference(name="m", language="en"), candidates, Runtime()).artifact is candidates[1]
    assert resolve(Reference(name="m", language="de"), candidates, Runtime()).artifact is candidates[0]


def test_several_repositories_without_the_public_one_are_ambiguous() -> None:
    with pytest.raises(AmbiguousError, match="in several repositories") as caught:
        resolve(Reference(name="m"), [artifact(repository="@ada"), artifact(repository="clinical/models")], Runtime())

    assert caught.value.nearest == ("@ada/m:en", "clinical/models/m:en")


def test_a_repository_that_lacks_the_model_names_those_that_have_it() -> None:
    with pytest.raises(NotFoundError, match="m is not in legal/models") as caught:
        resolve(Reference(name="m", repository="legal/models"), [artifact(repository="@ada")], Runtime())

    assert caught.value.nearest == ("@ada/m:en",)


def test_no_candidates_are_no_model() -> None:
    with pytest.raises(NotFoundError, match="No model is called m"):
        resolve(Reference(name="m"), [], Runtime())


# Keys and pinned versions


def test_a_key_is_taken_whatever_the_runtime() -> None:
    candidates = [artifact("4.0.0"), artifact("9.0.0", "9.9", is_ready=False)]
    reference = Reference(name="m", language="en", key=candidates[1].key)

    resolution = resolve(reference, candidates, runtime("4.0.0", "3.0"))

    assert resolution.artifact is candidates[1]
    assert reasons(resolution) == ["asked for by its key"]


def test_a_key_is_found_in_whichever_repository_has_it() -> None:
    candidates = [artifact("4.0.0"), artifact("4.1.0", repository="clinical/models")]
    reference = Reference(name="m", language="en", key=candidates[1].key)

    assert resolve(reference, candidates, Runtime()).artifact is candidates[1]


def test_an_unknown_key_names_the_known_ones() -> None:
    known = artifact("4.0.0")
    reference = Reference(name="m", language="en", key=artifact("4.1.0").key)

    with pytest.raises(NotFoundError, match=f"m_en_4.1.0_3.0_{EARLY} is not known") as caught:
        resolve(reference, [known], Runtime())

    assert caught.value.nearest == (str(known.key),)


def test_a_pinned_version_is_the_only_one_looked_at() -> None:
    candidates = [artifact("4.0.0", millis=EARLY), artifact("4.0.0", millis=LATE), artifact("4.1.0")]
    reference = Reference.parse("m:en@4.0.0")

    assert resolve(reference, candidates, Runtime()).artifact is candidates[1]


def test_a_pinned_version_must_suit_the_runtime_too() -> None:
    with pytest.raises(IncompatibleError, match=r"needs Spark NLP 4.1.0 or later"):
        resolve(Reference.parse("m:en@4.1.0"), [artifact("4.0.0"), artifact("4.1.0")], runtime("4.0.0", "3.0"))


def test_a_version_that_was_never_built_names_those_that_were() -> None:
    with pytest.raises(NotFoundError, match="not built for library version 4.2.0") as caught:
        resolve(Reference.parse("m:en@4.2.0"), [artifact("4.0.0"), artifact("4.1.0")], Runtime())

    assert caught.value.nearest == ("m:en@4.0.0", "m:en@4.1.0")


# Why


def test_every_candidate_has_its_reason() -> None:
    candidates = [
        artifact("4.2.0", "3.0", EARLY),
        artifact("4.2.0", "3.0", LATE),
        artifact("4.1.0", "3.0", LATE),
        artifact("4.2.0", "2.4", LATE),
        artifact("6.0.0", "3.0", LATE),
        artifact("4.2.0", "3.0", LATE, checksum="the same key once more"),
    ]

    resolution = choose(candidates, runtime("5.5.3", "3.5.1"))

    assert [verdict.artifact for verdict in resolution.verdicts] == candidates
    assert [verdict.is_taken for verdict in resolution.verdicts] == [False, True, False, False, False, False]
    assert reasons(resolution) == [
        "built earlier",
        "taken: first in Spark NLP's order",
        "for Spark NLP 4.1.0; 4.2.0 comes before it",
        "for Spark 2.4; 3.0 comes before it",
        "needs Spark NLP 6.0.0 or later, here is 5.5.3",
        "equal, but later in metadata.json",
    ]


def test_before_3_3_the_reason_is_the_time() -> None:
    resolution = choose([artifact("3.1.0", millis=EARLY), artifact("2.7.0", millis=LATE)], runtime("3.2.1", "3.1.2"))

    assert reasons(resolution)[0] == "built earlier (before Spark NLP 3.3 the time alone decides)"


@pytest.mark.parametrize(
    ("engines", "reason"),
    [(("", "onnx"), "engine not known; onnx is preferred"), (("openvino", ""), "")],
)
def test_another_engine_is_the_reason(engines: tuple[str, str], reason: str) -> None:
    candidates = [artifact("4.2.0", engine=engines[0]), artifact("4.0.0", engine=engines[1])]

    resolution = choose(candidates, runtime("7.0.0", "3.5.1", engine="onnx"))

    not_taken = [verdict.reason for verdict in resolution.verdicts if not verdict.is_taken]
    assert not_taken == [reason or "engine not known; openvino is preferred"]


def test_an_order_that_surprises_is_said() -> None:
    resolution = choose([artifact("4.2.10"), artifact("4.2.2")], runtime("5.5.3", "3.5.1"))

    (note,) = resolution.notes
    assert "reads 4.2.10 as a decimal number, not above 4.2.2" in note
    assert f"m_en_4.2.10_3.0_{EARLY} is the higher version" in note


@pytest.mark.parametrize(
    "candidates",
    [
        [artifact("4.2.9"), artifact("4.2.2")],
        [artifact("4.2.2"), artifact("4.2.2", millis=LATE)],
        [artifact("4.2.10", "2.4"), artifact("4.2.2", "3.0")],
    ],
)
def test_an_order_that_does_not_surprise_is_not_said(candidates: Sequence[Artifact]) -> None:
    assert choose(candidates, runtime("5.5.3", "3.5.1")).notes == ()


def test_before_3_3_no_order_surprises() -> None:
    assert choose([artifact("3.0.1", millis=LATE), artifact("3.1.0")], runtime("3.2.1", "3.1.2")).notes == ()


@pytest.mark.parametrize(
    ("subject", "text"),
    [
        (runtime("5.5.3", "3.5.1"), "Spark NLP 5.5.3 on Spark 3.5.1"),
        (runtime("5.5.3"), "Spark NLP 5.5.3"),
        (runtime(spark="3.5.1"), "Spark 3.5.1"),
        (runtime(), "any Spark NLP"),
    ],
)
def test_a_runtime_reads_as_words(subject: Runtime, text: str) -> None:
    assert str(subject) == text


# Properties

BUILDS = st.tuples(
    st.sampled_from(["2.4", "3.0", "3.2"]),
    st.tuples(st.integers(2, 6), st.integers(0, 5), st.integers(0, 12)),
    st.integers(0, 3),
)


def artifact_of(build: tuple[str, tuple[int, ...], int]) -> Artifact:
    spark, lib, seconds = build
    return artifact(".".join(map(str, lib)), spark, EARLY + seconds)


def place(candidate: Artifact) -> tuple[str, float, int]:
    return candidate.key.spark_version, candidate.lib_version.number, candidate.built_ms


CANDIDATES = st.lists(BUILDS.map(artifact_of), min_size=1, max_size=40, unique_by=place)
RUNTIMES = st.builds(
    runtime, st.sampled_from(["3.4.4", "4.2.10", "5.5.3", "7.0.0"]), st.sampled_from(["2.4.8", "3.1.2", "3.5.1"])
)


def outcome(candidates: Sequence[Artifact], subject: Runtime) -> Artifact | None:
    try:
        return choose(candidates, subject).artifact
    except IncompatibleError:
        return None


@given(CANDIDATES, RUNTIMES, st.randoms(use_true_random=False))
def test_the_order_of_different_candidates_does_not_matter(
    candidates: list[Artifact], subject: Runtime, random: Any
) -> None:
    shuffled = random.sample(candidates, len(candidates))

    assert outcome(shuffled, subject) == outcome(candidates, subject)


@given(CANDIDATES, RUNTIMES)
def test_what_is_taken_is_compatible_and_nothing_compatible_comes_after_it(
    candidates: list[Artifact], subject: Runtime
) -> None:
    assert subject.sparknlp
    assert subject.spark
    suitable = [
        item
        for item in candidates
        if item.lib_version.is_compatible(subject.sparknlp) and item.spark_version.is_compatible(subject.spark)
    ]

    assert outcome(candidates, subject) == max(suitable, key=place, default=None)


@given(CANDIDATES, RUNTIMES, st.data())
def test_what_was_not_taken_can_go_without_changing_the_choice(
    candidates: list[Artifact], subject: Runtime, data: st.DataObject
) -> None:
    taken = outcome(candidates, subject)
    others = [item for item in candidates if item is not taken]
    gone = data.draw(st.sampled_from(others)) if len(others) > 1 else None

    assert outcome([item for item in candidates if item is not gone], subject) == taken


def test_before_3_3_the_reason_of_a_tie_tells_of_lines_that_are_there_twice() -> None:
    resolution = choose([artifact("3.1.0", millis=LATE), artifact("2.7.0", millis=LATE)], runtime("3.2.1", "3.1.2"))

    assert reasons(resolution) == [
        "listed earlier, at the same time (of a build that is listed twice the first line counts here)",
        "taken: first in Spark NLP's order",
    ]
