"""The table is what Spark NLP 5.5.3 was seen to do; tests/sparknlp/test_paths.py runs it."""

from __future__ import annotations

import pytest

from modelhub.spark_paths import readable_name, unreadable_sign

UNREADABLE = ["a b", "tab\tin", "100%", "5%2", "a:b", "a,b", "[b]", "{b}", 'a"b', "a\\b", "a|b", "a^b", "a`b", "<b>"]
UNREADABLE += ["a*b", "a?b"]
READABLE = ["plain", "a%20b", "a#b", "a+b", "a&b", "a=b", "a@b", "a~b", "a'b", "(b)", "a;b", "a!b", "a$b", "a__b-1.0"]
LETTERS = ["é", "日本"]


@pytest.mark.parametrize("name", UNREADABLE)
def test_signs_that_spark_nlp_cannot_read(name: str) -> None:
    sign = unreadable_sign(f"/models/{name}/key", is_utf8=True)

    assert sign
    assert sign in name


@pytest.mark.parametrize("name", READABLE)
def test_signs_that_it_can_read(name: str) -> None:
    assert unreadable_sign(f"/models/{name}/key", is_utf8=False) == ""


@pytest.mark.parametrize("name", LETTERS)
def test_letters_outside_of_ascii_need_a_locale_that_knows_them(name: str) -> None:
    assert unreadable_sign(f"/models/{name}/key", is_utf8=True) == ""
    assert unreadable_sign(f"/models/{name}/key", is_utf8=False) == name[0]


def test_a_byte_that_is_no_letter_is_never_read() -> None:
    assert unreadable_sign("/models/\udcff/key", is_utf8=True) == "\udcff"


@pytest.mark.parametrize("name", UNREADABLE + LETTERS)
def test_a_readable_name_is_readable_everywhere(name: str) -> None:
    assert unreadable_sign(readable_name(name), is_utf8=False) == ""
    assert len(readable_name(name)) == len(name)


@pytest.mark.parametrize("name", READABLE)
def test_a_name_that_is_readable_stays(name: str) -> None:
    assert readable_name(name) == name
