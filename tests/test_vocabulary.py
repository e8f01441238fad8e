from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rapidfuzz.distance import OSA
from registries import document, make_registry

from modelhub.registry import Registry
from modelhub.vocabulary import Vocabulary

MODELS = (
    document("straw_felt_hats", title="Embeddings of sombreros"),
    document("straw_hut_2048", title="Hat, hatter, hatters"),
    document("hat"),
)


@pytest.fixture
def vocabulary(tmp_path: Path) -> Iterator[Vocabulary]:
    with (
        Registry.open(make_registry(tmp_path / "registry.sqlite", MODELS), is_writable=True) as registry,
        registry.transaction(),
    ):
        yield Vocabulary(registry)


@pytest.mark.parametrize(("word", "models"), [("straw", 2), ("hat", 2), ("en", 3), ("2048", 1), ("str", 0)])
def test_a_word_counts_once_for_each_model(vocabulary: Vocabulary, word: str, models: int) -> None:
    assert vocabulary.count(word) == models


def test_longer_words_come_with_those_of_most_models_first(vocabulary: Vocabulary) -> None:
    assert vocabulary.beginning_with("hat", 9) == ["hats", "hatter", "hatters"]
    assert vocabulary.beginning_with("s", 2) == ["straw", "sombreros"]
    assert vocabulary.beginning_with("sombreros", 9) == []
    assert vocabulary.count_beginning_with("hat") == 5


@pytest.mark.parametrize(
    ("word", "near"),
    [
        ("stray", ["straw"]),
        ("strwa", ["straw"]),
        ("strraw", ["straw"]),
        ("sraw", ["straw"]),
        ("hatt", ["hat", "hats"]),
        ("hxt", ["hat", "hut"]),
        ("hat", ["hats", "hut"]),
        ("ne", ["en"]),
        ("2047", []),
        ("x", []),
        ("embdings", []),
        ("s" * 50, []),
    ],
)
def test_words_that_are_one_error_apart_are_near(vocabulary: Vocabulary, word: str, near: list[str]) -> None:
    assert vocabulary.near(word, 9) == near


LETTERS = st.text("ab1", min_size=1, max_size=6)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sets(LETTERS), LETTERS)
def test_every_word_that_is_one_error_apart_is_found(vocabulary: Vocabulary, words: set[str], typed: str) -> None:
    near = {
        word
        for word in words
        if OSA.distance(word, typed) == 1 and (len(word) < len(typed) or not (word.isdigit() or len(word) == 1))
    }
    vocabulary.add(dict.fromkeys(words, 1))
    try:
        found = vocabulary.near(typed, 999)
    finally:
        vocabulary.add(dict.fromkeys(words, -1))
    assert set(found) == (set() if typed.isdigit() or len(typed) == 1 else near)


def test_only_so_many_near_words_are_told(vocabulary: Vocabulary) -> None:
    assert vocabulary.near("hxt", 1) == ["hat"]


@pytest.mark.parametrize(
    ("word", "found"),
    [
        ("embdings", ["embeddings"]),
        ("sombreorz", ["sombreros"]),
        ("xombreorz", []),
        ("sombxxxxs", []),
        ("stxxw", []),
        ("sombrer0", ["sombreros"]),
        ("20480000", []),
    ],
)
def test_a_long_word_may_have_two_errors_after_its_first_letter(
    vocabulary: Vocabulary, word: str, found: list[str]
) -> None:
    assert vocabulary.less_near(word) == found


def test_counts_go_up_and_down_and_words_with_them(vocabulary: Vocabulary) -> None:
    vocabulary.add({"hat": 2, "bowler": 1, "straw": -2, "felt": 0})

    assert [vocabulary.count(word) for word in ("hat", "bowler", "straw", "felt")] == [4, 1, 0, 1]
    assert vocabulary.near("bowlre", 9) == ["bowler"]
    assert vocabulary.near("stray", 9) == []
    vocabulary.add({"bowler": -1})
    assert vocabulary.near("bowlre", 9) == []


def test_words_that_nobody_types_are_not_kept(vocabulary: Vocabulary) -> None:
    vocabulary.add({"a" * 40: 1, "b" * 41: 1})

    assert (vocabulary.count("a" * 40), vocabulary.count("b" * 41)) == (1, 0)
