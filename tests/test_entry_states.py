from __future__ import annotations

import pytest

from modelhub.entry_states import (
    ADDED,
    ALTERED,
    CONTENT,
    FOREIGN,
    GOOD,
    LEFTOVER,
    PARTIAL,
    ROTTEN,
    SIZE,
    Difference,
    Sight,
    Verdict,
    damage_error,
    judge,
)

ROT = Difference(path="a", kind=CONTENT, text="a has other content.", is_later=False)
CHANGE = Difference(path="b", kind=SIZE, text="b has 1 bytes, not 2.")
ADDITION = Difference(path="c", kind=ADDED, text="c was added.")
ZIP = ("key.zip",)
BESIDE = "key.zip beside it is left from an interrupted unpack."


@pytest.mark.parametrize(
    ("sight", "state", "problems"),
    [
        (Sight(is_listed=True), GOOD, ()),
        (Sight(is_listed=False), GOOD, ()),
        (Sight(is_listed=True, differences=(CHANGE,)), ALTERED, (CHANGE.text,)),
        (Sight(is_listed=True, differences=(ADDITION,)), ALTERED, (ADDITION.text,)),
        (Sight(is_listed=True, differences=(ROT,)), ROTTEN, (ROT.text,)),
        (Sight(is_listed=True, differences=(ROT, CHANGE)), ALTERED, (ROT.text, CHANGE.text)),
        (Sight(is_listed=False, differences=(ROT,)), ROTTEN, (ROT.text,)),
        (Sight(is_listed=False, gaps=("x is missing.",)), PARTIAL, ("x is missing.",)),
        (Sight(is_listed=False, gaps=("x is missing.",), begins_model=False), FOREIGN, ("x is missing.",)),
        (Sight(is_listed=False, gaps=("x.",), begins_model=False, zips=ZIP), PARTIAL, (BESIDE, "x.")),
        (Sight(is_listed=False, zips=ZIP), LEFTOVER, (BESIDE,)),
        (Sight(is_listed=False, zips=ZIP, zip_gaps=("y is missing.",)), PARTIAL, (BESIDE, "y is missing.")),
        (
            Sight(is_listed=False, zips=ZIP, zip_gaps=None),
            PARTIAL,
            (BESIDE, "That zip is broken, so nobody can tell what is missing."),
        ),
        (Sight(is_listed=True, zips=ZIP, zip_gaps=None), LEFTOVER, (BESIDE,)),
        (Sight(is_listed=True, zips=ZIP, zip_gaps=("y is missing.",)), LEFTOVER, (BESIDE,)),
    ],
)
def test_what_was_seen_tells_the_state(sight: Sight, state: str, problems: tuple[str, ...]) -> None:
    assert judge(sight) == Verdict(state=state, problems=problems)


def test_a_gap_that_is_seen_twice_is_told_once() -> None:
    sight = Sight(is_listed=False, gaps=("x is missing.",), zips=ZIP, zip_gaps=("x is missing.",))

    assert judge(sight).problems == (BESIDE, "x is missing.")


@pytest.mark.parametrize(
    ("state", "hint"),
    [
        (PARTIAL, "modelhub verify --repair KEY mends it."),
        (ROTTEN, "modelhub verify --repair KEY mends it."),
        (ALTERED, "If nobody meant to change it: modelhub verify --repair KEY"),
        (FOREIGN, "If nobody needs what is in it: modelhub rm KEY, then modelhub pull KEY"),
    ],
)
def test_damage_says_what_to_type(state: str, hint: str) -> None:
    error = damage_error("/cache/KEY", "KEY", Verdict(state=state, problems=("x is missing.",)))

    assert (error.message, error.hint) == (f"/cache/KEY is {state}: x is missing.", hint)
    deep = damage_error("/cache/KEY", "KEY", Verdict(state=state), is_deep=True)
    assert deep.hint == hint.replace("--repair", "--deep --repair")
    assert damage_error("/else", "", Verdict(state=state)).hint == ""


def test_of_many_problems_some_are_told() -> None:
    problems = tuple(f"{number}." for number in range(1_010))

    assert damage_error("/p", "KEY", Verdict(state=PARTIAL, problems=problems)).message.endswith("7. And 1,002 more.")
