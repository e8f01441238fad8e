import pytest

from modelhub.decoding import find_lost, repair


def damaged(text: str) -> str:
    """A text as it looks after its UTF-8 was read as Windows-1252."""
    return "".join(bytes([byte]).decode("cp1252", "replace").replace("\ufffd", chr(byte)) for byte in text.encode())


@pytest.mark.parametrize(
    "text", ["naïve", "München", "a—b", "“quoted”", "🚀 up", "Привет", "日本語", "Ελλάδα", "Ñandú àla"]
)
def test_damaged_text_becomes_what_it_was(text):
    repaired = repair(damaged(text))

    assert repaired.text == text
    assert repaired.places >= 1


@pytest.mark.parametrize(
    "text",
    ["plain", "naïve", "Spaß“", "(„Fuß“)", "MAÇÃ”", "São Paulo", "«É»", "voilà»", "Привет", "日本語 🚀", "íð æð", "Â"],
)
def test_sound_text_is_left_alone(text):
    assert repair(text).text == text
    assert repair(text).places == 0


def test_signs_that_make_no_utf8_are_kept():
    assert repair("ðŸŸ, â€ and Ã").text == "ðŸŸ, â€ and Ã"


def test_surrogates_and_overlong_forms_are_not_decoded():
    assert repair("í\u00a0€ and à€€").places == 0


def test_the_first_place_and_the_number_of_places_are_told():
    repaired = repair(f"fine, {damaged('ü')} and {damaged('🚀')}")

    assert (repaired.places, repaired.first) == (2, 6)


def test_lost_signs_are_found():
    assert find_lost("ab\ufffdc") == 2
    assert find_lost("abc") == -1
