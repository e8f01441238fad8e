from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from registries import document, make_registry

from modelhub.registry import Registry
from modelhub.search_words import corrected, match_all, match_any, plain_text, words_of


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Registry]:
    models = [document("straw_felt_hats", title="Embeddings of sombreros"), document("pos_tiny", title="Tiny")]
    with Registry.open(make_registry(tmp_path / "registry.sqlite", models)) as registry:
        yield registry


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("hats", "hats"),
        ("  straw   hats ", "straw hats"),
        ("ner_dl:en", "ner_dl en"),
        ("ner_dl:en@2.4.3", "ner_dl en"),
        ("ner_dl@2.4.3", "ner_dl"),
        ("ner_dl:", "ner_dl"),
        ("ner_dl_en_2.4.3_2.4_1584624950746", "ner_dl en"),
        ("ner_dl_en_2.4.3_2.4_1584624950746.zip", "ner_dl en"),
        ("ner_dl__2.4.3_2.4_1584624950746", "ner_dl"),
        ("felt ner_dl:en hats", "felt ner_dl en hats"),
        ("ada@hats", "ada@hats"),
        ("", ""),
    ],
)
def test_a_reference_or_a_key_reads_as_its_name_and_language(text: str, plain: str) -> None:
    assert plain_text(text) == plain


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("straw hats", ["straw", "hats"]),
        ("ner_hats-2 \U0001f3a9 4L", ["ner", "hats", "2", "4L"]),
        ("Hu\u0308te", ["H\u00fcte"]),
        ('"; DROP', ["DROP"]),
        ("_ ! *", []),
    ],
)
def test_words_are_letters_and_digits(text: str, words: list[str]) -> None:
    assert words_of(text) == words


def test_all_words_are_asked_for_whole_or_as_a_beginning_and_in_their_order() -> None:
    assert match_all(["straw"]) == '("straw" OR "straw" *)'
    assert match_all(["straw", "hat"]) == '("straw hat") OR (("straw" OR "straw" *) AND ("hat" OR "hat" *))'


def test_any_of_the_words_is_asked_for() -> None:
    assert match_any(["straw", "hat"]) == '("straw" OR "straw" *) OR ("hat" OR "hat" *)'


@pytest.mark.parametrize(
    ("text", "better"),
    [
        ("stray", "straw"),
        ("STRWA", "straw"),
        ("embedings", "embeddings"),
        ("embdings", "embeddings"),
        ("sombreors felt", "sombreros felt"),
        ("strax felt hats", "straw felt hats"),
    ],
)
def test_a_long_word_that_nobody_has_is_corrected(registry: Registry, text: str, better: str) -> None:
    assert corrected(registry, text) == better


@pytest.mark.parametrize(
    "text",
    [
        "felt hats",  # nothing is wrong
        "hatz",  # too short to tell
        "tinny xyzzyx",  # nothing is like the second word
        "strxy",  # two letters of five
        "embdigs",  # three letters
        "sombrxyzs",  # three letters of nine
        "",
    ],
)
def test_what_is_right_or_too_far_away_is_not_corrected(registry: Registry, text: str) -> None:
    assert corrected(registry, text) == ""


@pytest.mark.parametrize(
    ("letters", "is_corrected"), [("abcd", False), ("abcde", True), ("abcdefg", True), ("abcdefgh", True)]
)
def test_one_wrong_letter_is_mended_from_five_letters_on(tmp_path: Path, letters: str, is_corrected: bool) -> None:
    with Registry.open(make_registry(tmp_path / "registry.sqlite", [document(letters)])) as registry:
        assert corrected(registry, f"{letters[:-1]}z") == (letters if is_corrected else "")


@pytest.mark.parametrize(("letters", "is_corrected"), [("abcdefg", False), ("abcdefgh", True)])
def test_two_wrong_letters_are_mended_from_eight_letters_on(tmp_path: Path, letters: str, is_corrected: bool) -> None:
    with Registry.open(make_registry(tmp_path / "registry.sqlite", [document(letters)])) as registry:
        assert corrected(registry, f"{letters[:-2]}zz") == (letters if is_corrected else "")
