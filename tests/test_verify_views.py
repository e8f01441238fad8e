from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from modelhub.artifacts import ArtifactKey
from modelhub.entry_states import Verdict
from modelhub.errors import IntegrityError
from modelhub.output import Output
from modelhub.repairing import Repaired
from modelhub.verify_views import view_repair, view_verify
from modelhub.verifying import Verified

KEY, NEWER_KEY = "tiny_pos_en_4.0.0_3.0_1657118162458", "tiny_pos_en_4.2.0_3.2_1667118162458"
Print = Callable[..., tuple[str, str]]


@pytest.fixture
def shown(capsys: pytest.CaptureFixture[str]) -> Print:
    """``shown(view, results, is_quiet=…, **options)``: what a view prints, and what it says besides."""

    def show(view: Callable[..., None], results: Sequence[Any], *, is_quiet: bool = False, **options: Any) -> Any:
        capsys.readouterr()
        view(Output(is_quiet=is_quiet), results, **options)
        return capsys.readouterr()

    return show


def verified(key: str = KEY, state: str = "good", **fields: Any) -> Verified:
    verdict = Verdict(state=state)
    return Verified(key=ArtifactKey.parse(key), path=Path("/cache", key), size_bytes=1500, verdict=verdict, **fields)


# What was found


def test_an_entry_is_a_row_and_quietly_only_a_broken_one(shown: Print) -> None:
    found = [verified(), verified(NEWER_KEY, "altered")]

    assert shown(view_verify, found) == (f"{KEY}\tgood\n{NEWER_KEY}\taltered\n", "1 good, 1 broken\n")
    assert shown(view_verify, found, is_quiet=True) == (f"{NEWER_KEY}\n", "")


def test_a_folder_elsewhere_is_named_by_its_path(shown: Print) -> None:
    found = [verified(is_ours=False), replace(verified(), key=None, path=Path("/models/mine"))]

    assert shown(view_verify, found).out == f"/cache/{KEY}\tgood\n/models/mine\tgood\n"


def test_a_zip_that_is_left_over_is_no_damage(shown: Print) -> None:
    found = [verified(state="leftover")]

    assert shown(view_verify, found) == (
        f"{KEY}\tleftover\n",
        "0 good, 0 broken, 1 with a zip left beside (modelhub verify --repair deletes it)\n",
    )
    assert shown(view_verify, found, is_quiet=True) == ("", "")


def test_what_is_superseded_says_by_what(shown: Print) -> None:
    found = [verified(superseded_by=ArtifactKey.parse(NEWER_KEY))]

    assert shown(view_verify, found) == (
        f"{KEY}\tgood, superseded by {NEWER_KEY}\n",
        "1 good, 0 broken, 1 superseded (modelhub prune --superseded)\n",
    )


@pytest.mark.parametrize(
    ("hub", "note"),
    [
        ("same", ""),
        ("replaced", f"The hub now has another zip under {KEY} than the one that lies here.\n"),
        ("gone", f"The hub has no {KEY} any more.\n"),
    ],
)
def test_what_the_hub_has_now_is_said(shown: Print, hub: str, note: str) -> None:
    assert shown(view_verify, [verified(hub=hub)]).err == f"{note}1 good, 0 broken\n"


# What was mended


def test_what_was_mended_says_how(shown: Print) -> None:
    repaired = [
        Repaired(verified=verified(), is_touched=False),
        Repaired(verified=verified(NEWER_KEY), mended=("weights", "metadata/part-00000"), fetched_bytes=2_000_000),
        Repaired(verified=verified("a_en_1.0.0_3.0_1657118162458"), is_renewed=True, fetched_bytes=3_000_000),
        Repaired(verified=verified("b_en_1.0.0_3.0_1657118162458"), lost=("notes.txt",)),
    ]

    out, err = shown(view_repair, repaired, is_dry_run=False)

    assert out.splitlines() == [
        f"{NEWER_KEY}\tweights, metadata/part-00000 brought (2.0 MB)",
        "a_en_1.0.0_3.0_1657118162458\tall of it brought anew (3.0 MB)",
        "b_en_1.0.0_3.0_1657118162458\tput in order, nothing brought",
    ]
    assert err.splitlines() == [
        "thrown away, for somebody had added it: notes.txt",
        "3 mended with 5.0 MB downloaded, 1 good before",
    ]
    assert shown(view_repair, repaired, is_dry_run=False, is_quiet=True).out.splitlines()[0] == NEWER_KEY


def test_what_could_not_be_mended_is_told_as_an_error_only(shown: Print) -> None:
    repaired = [Repaired(verified=verified(state="rotten"), is_touched=False, error=IntegrityError("no"))]

    assert shown(view_repair, repaired, is_dry_run=False) == ("", "0 mended with 0 B downloaded, 0 good before\n")


def test_a_plan_speaks_of_what_would_be(shown: Print) -> None:
    many = tuple(f"storage/part-{number:05}" for number in range(10))
    repaired = [Repaired(verified=verified(state="altered"), mended=many, fetched_bytes=1000, lost=("a",))]

    out, err = shown(view_repair, repaired, is_dry_run=True)

    assert out.endswith("storage/part-00007 and 2 more to bring (1.0 kB)\n")
    assert err.splitlines() == [
        "would be thrown away, for somebody had added it: a",
        "1 would be mended with 1.0 kB downloaded, 0 good before",
    ]
