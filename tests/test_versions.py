from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelhub.errors import UsageError
from modelhub.versions import Version

PARTS = st.lists(st.integers(0, 999), min_size=1, max_size=4)


def dotted(parts: list[int]) -> Version:
    return Version(".".join(map(str, parts)))


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("5.5.3", (5, 5, 3)),
        ("3", (3,)),
        ("2.4", (2, 4)),
        ("3.5.04.2", (3, 5, 4, 2)),
        ("3.5.0-amzn-1", (3, 5, 0)),
        ("6.0.1rc2", (6, 0, 1)),
        ("v4.2.0", (4, 2, 0)),
        (" 4.2.0 ", (4, 2, 0)),
    ],
)
def test_a_version_is_read_as_its_leading_numbers(text: str, parts: tuple[int, ...]) -> None:
    assert Version.parse(text).parts == parts


@pytest.mark.parametrize("text", ["", "latest", "v", ".5", "-1", "1234567890", "1.2.1234567890", "9" * 5000, "٣.١"])
def test_a_text_without_a_leading_number_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="not a version") as caught:
        Version.parse(text)

    assert "5.5.3" in caught.value.hint


def test_a_version_keeps_its_text_without_blanks() -> None:
    assert str(Version.parse(" 3.5.0-amzn-1\n")) == "3.5.0-amzn-1"


def test_a_version_that_was_never_parsed_and_has_no_number_is_zero() -> None:
    version = Version("none")

    assert (version.parts, version.number) == ((), 0.0)


@pytest.mark.parametrize(
    ("lower", "higher"),
    [
        ("4.2.10", "4.2.2"),
        ("4.2.0", "4.2.10"),
        ("4.4.10", "4.4.4"),
        ("3.4.4", "4.0.0"),
        ("2.4", "3.0"),
        ("3", "3.1"),
        ("3.14.0", "3.2.0"),
    ],
)
def test_numbers_are_compared_as_decimals(lower: str, higher: str) -> None:
    assert Version(lower).number < Version(higher).number


@pytest.mark.parametrize(
    ("one", "other"),
    [("4.4.1", "4.4.10"), ("2", "2.0"), ("3.1", "3.10"), ("3.0", "3.0.0"), ("4.2.2.7", "4.2.2")],
)
def test_different_versions_may_have_one_number(one: str, other: str) -> None:
    assert Version(one).number == Version(other).number


def test_the_number_has_the_precision_of_the_jvm() -> None:
    # As 32-bit floats these two are one number; as doubles they are not.
    assert Version("16777216.0").number == Version("16777217.0").number


@pytest.mark.parametrize(
    ("found", "running", "is_compatible"),
    [
        ("3.1.3", "3.3.2", True),
        ("3.3", "3.3.2", True),
        ("3", "3.3.2", True),
        ("3.3.2", "3.3.2", True),
        ("3.3.0", "3.3", False),
        ("3.3.3", "3.3.2", False),
        ("3.4", "3.3.2", False),
        ("4", "3.3.2", False),
        ("2.4.10", "3.0.0", True),
        ("4.2.10", "4.2.2", False),
        ("4.2.2", "4.2.10", True),
    ],
)
def test_compatible_means_no_more_specific_and_not_greater(found: str, running: str, is_compatible: bool) -> None:
    assert Version(found).is_compatible(Version(running)) is is_compatible


@given(PARTS)
def test_every_version_is_compatible_with_itself_and_with_a_more_specific_one(parts: list[int]) -> None:
    version = dotted(parts)

    assert version.is_compatible(version)
    assert version.is_compatible(dotted([*parts, 0]))
    assert not dotted([*parts, 0]).is_compatible(version)


@given(PARTS, PARTS, PARTS)
def test_compatible_is_transitive(first: list[int], second: list[int], third: list[int]) -> None:
    one, two, three = dotted(first), dotted(second), dotted(third)

    if one.is_compatible(two) and two.is_compatible(three):
        assert one.is_compatible(three)
