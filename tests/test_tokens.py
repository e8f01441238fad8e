from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelhub.tokens import is_near, parts, tokens

WORDS = st.text("abc", max_size=6)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("straw hats", ["straw", "hats"]),
        ("ner_hats-2 \U0001f3a9 4L", ["ner", "hats", "2", "4l"]),
        ("Hu\u0308te", ["hute"]),
        ("H\u00fcte", ["hute"]),
        ("STRASSE stra\u00dfe", ["strasse", "strasse"]),
        ("\u0421\u043b\u043e\u0432\u043e", ["\u0441\u043b\u043e\u0432\u043e"]),
        ("\u4e2d\u6587", ["\u4e2d\u6587"]),
        ('"; DROP', ["drop"]),
        ("_ ! *", []),
        ("", []),
    ],
)
def test_words_are_letters_and_digits_without_case_and_accents(text: str, words: list[str]) -> None:
    assert tokens(text) == words


@pytest.mark.parametrize(
    ("text", "split"),
    [
        ("BertForTokenClassification", ["bert", "for", "token", "classification"]),
        ("PubMedBERT", ["pub", "med", "bert"]),
        ("NERTagger", ["ner", "tagger"]),
        ("conll03", ["conll", "03"]),
        ("4L", ["4", "l"]),
        ("wav2vec2", ["wav", "2", "vec", "2"]),
        ("\u00dcberBert", ["u", "ber", "bert"]),
        ("bert_base Large 300", []),
        ("XLNET", []),
    ],
)
def test_words_have_parts_where_case_changes_or_digits_begin(text: str, split: list[str]) -> None:
    assert parts(text) == split


@pytest.mark.parametrize(
    ("word", "other", "expected"),
    [
        ("bert", "bert", True),
        ("bert", "brt", True),
        ("bert", "berrt", True),
        ("bert", "bart", True),
        ("bert", "bret", True),
        ("bert", "ebrt", True),
        ("bert", "betr", True),
        ("bert", "ber", True),
        ("bert", "xbert", True),
        ("bert", "berts", True),
        ("bert", "treb", False),
        ("bert", "be", False),
        ("bert", "bretx", False),
        ("bert", "ebtr", False),
        ("abc", "bca", False),
        ("", "a", True),
        ("", "ab", False),
    ],
)
def test_words_are_near_if_one_error_makes_one_of_the_other(word: str, other: str, expected: bool) -> None:
    assert is_near(word, other) is expected


@given(WORDS, WORDS)
def test_nearness_is_the_distance_of_one(word: str, other: str) -> None:
    from rapidfuzz.distance import OSA

    assert is_near(word, other) == (OSA.distance(word, other) <= 1)
