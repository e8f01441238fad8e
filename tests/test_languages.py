from __future__ import annotations

import pytest

from modelhub.languages import language_codes, language_names


@pytest.mark.parametrize(
    ("code", "names"),
    [
        ("es", ("Spanish", "Castilian")),
        ("xx", ("Multilingual",)),
        ("hsb", ("Upper Sorbian",)),
        ("zz", ()),
        ("", ()),
    ],
)
def test_a_code_has_english_names(code: str, names: tuple[str, ...]) -> None:
    assert language_names(code) == names


@pytest.mark.parametrize(
    ("name", "codes"),
    [
        ("spanish", ["es"]),
        (" FARSI ", ["fa"]),
        ("Upper Sorbian", ["hsb"]),
        ("Norwegian", ["no", "nb", "nn"]),
        ("vietnamese", ["vi", "vn"]),
        ("hindi", ["hi", "qhe"]),
        ("engl", ["en"]),
        ("eng", []),
        ("fon", ["fon"]),
        ("klingon", []),
        ("", []),
    ],
)
def test_a_name_means_languages_that_are_called_or_begin_so(name: str, codes: list[str]) -> None:
    assert language_codes(name) == codes
