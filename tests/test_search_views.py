"""What a search prints in a pipe; ``test_cli`` looks at a terminal."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from modelhub.alternatives import Alternative, Alternatives
from modelhub.artifacts import Artifact, ArtifactKey
from modelhub.facets import FacetCount
from modelhub.facts import ModelFacts, Score
from modelhub.output import Output
from modelhub.search_views import view_alternatives, view_search, view_versions
from modelhub.searching import FoundModel, SearchResult

KEY = ArtifactKey.parse("pos_tiny_en_4.0.0_3.0_1657118162458")

Print = Callable[..., tuple[str, str]]


@pytest.fixture
def shown(capsys: pytest.CaptureFixture[str]) -> Print:
    """``shown(view, value, is_quiet=…, **options)``: what a view writes to standard output and to standard error."""

    def show(view: Callable[..., None], value: Any, *, is_quiet: bool = False, **options: Any) -> tuple[str, str]:
        view(Output(is_quiet=is_quiet), value, **options)
        captured = capsys.readouterr()
        return captured.out, captured.err

    return show


def found(*, is_compatible: bool = True, engine: str = "", **facts: Any) -> FoundModel:
    size_bytes = facts.pop("size_bytes", None)
    artifact = Artifact(key=KEY, size_bytes=size_bytes, engine=engine)
    return FoundModel(artifact=artifact, facts=ModelFacts(**facts), versions=2, is_compatible=is_compatible)


@pytest.mark.parametrize(
    ("model", "cells"),
    [
        (
            found(tasks=("A", "B"), date="2022-06-23", size_bytes=1_500, best_score=Score(metric="f1", value=0.91)),
            ["pos_tiny:en", "A, B", "1.5 kB", "0.910", "4.0.0", "2022-06-23", "2", ""],
        ),
        (found(best_score=Score(metric="bleu", value=20)), ["pos_tiny:en", "", "", "", "4.0.0", "2022-07-06", "2", ""]),
        (
            found(is_compatible=False, deprecated=True, recommended=True),
            ["pos_tiny:en", "", "", "", "4.0.0", "2022-07-06", "2", "incompatible, deprecated, recommended"],
        ),
    ],
)
def test_a_found_model_is_a_row(shown: Print, model: FoundModel, cells: list[str]) -> None:
    result = SearchResult(models=(model,), total=1)

    assert shown(view_search, result) == ("\t".join(cells) + "\n", "")
    assert shown(view_search, result, is_quiet=True) == ("pos_tiny:en\n", "")


def test_what_this_hub_has_not_is_not_called_incompatible(shown: Print) -> None:
    model = found(is_compatible=False)
    absent = replace(model, artifact=replace(model.artifact, is_listed=False))

    assert shown(view_search, SearchResult(models=(absent,), total=1))[0].endswith("\tnot on this hub\n")


def test_a_build_is_a_row_and_its_key_the_answer(shown: Print) -> None:
    result = SearchResult(models=(found(size_bytes=1_500, engine="onnx"), found(is_compatible=False)), total=9)
    out, err = shown(view_versions, result)

    assert out.splitlines() == [
        "pos_tiny:en@4.0.0\t3.0\t2022-07-06\t1.5 kB\t\tonnx\t",
        "pos_tiny:en@4.0.0\t3.0\t2022-07-06\t\t\t\tincompatible",
    ]
    assert err == "1 of 9 models; --limit 0 shows all.\n"
    assert shown(view_versions, result, is_quiet=True) == (f"{KEY}\n" * 2, "")


@pytest.mark.parametrize(
    ("result", "said"),
    [
        (SearchResult(models=(found(),), total=1, corrected="tiny"), "found with: tiny\n"),
        (SearchResult(models=(found(),), total=1, is_partial=True), "No model has all of these words"),
        (SearchResult(models=(found(),), total=9_999), "1 of 9,999 models; --limit 0 shows all.\n"),
        (
            SearchResult(models=(found(),), total=1_000, is_total_exact=False),
            "1 of more than 1,000 models; --limit 0 shows all.\n",
        ),
        (SearchResult(models=(), total=0), "No model found."),
    ],
)
def test_what_deserves_a_word_is_said_beside(shown: Print, result: SearchResult, said: str) -> None:
    assert said in shown(view_search, result)[1]
    assert shown(view_search, result, is_quiet=True)[1] == ""


def test_facets_take_the_place_of_the_models(shown: Print) -> None:
    facets = {"task": [FacetCount("A B", 12), FacetCount("C", 1)], "year": [FacetCount("2022", 13)]}
    out, err = shown(view_search, SearchResult(models=(found(),), total=1, facets=facets))

    assert out == "task\tA B\t12\ntask\tC\t1\nyear\t2022\t13\n"
    assert err.startswith("1 model; the options")


# Alternatives


def alternatives(*advantages: tuple[str, ...], total: int | None = None, **facts: Any) -> Alternatives:
    others = tuple(Alternative(model=found(**facts), advantages=each, shared_labels=1) for each in advantages)
    like = found(labels=("A", "B"), date="2022-06-23", size_bytes=2_000, engine="onnx")
    return Alternatives(model=like, others=others, total=len(others) if total is None else total)


def test_alternatives_stand_below_the_model_with_what_they_have_over_it(shown: Print) -> None:
    out, err = shown(view_alternatives, alternatives(("smaller", "newer"), labels=("A", "C", "D"), recommended=True))

    assert out.splitlines() == [
        "pos_tiny:en\t2.0 kB\t\t2\tonnx\t2022-06-23\tthis one\t",
        "pos_tiny:en\t\t\t1 of 3\t\t\tsmaller, newer\trecommended",
    ]
    assert err == ""


def test_only_the_alternatives_are_the_answer(shown: Print) -> None:
    assert shown(view_alternatives, alternatives(("newer",), ("open",)), is_quiet=True) == ("pos_tiny:en\n" * 2, "")


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (alternatives(), "No model of this task and language has anything over it.\n"),
        (alternatives(("newer",), total=7), "1 of 7 models; --limit 0 shows all.\n"),
    ],
)
def test_how_many_there_are_is_said_beside(shown: Print, value: Alternatives, said: str) -> None:
    assert shown(view_alternatives, value)[1] == said
