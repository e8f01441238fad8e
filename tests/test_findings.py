from __future__ import annotations

import pytest

from modelhub.errors import (
    IncompatibleError,
    IntegrityError,
    ModelHubError,
    NetworkError,
    StorageError,
    WaitTimeoutError,
)
from modelhub.findings import Finding, problems_of, status_of_problems


def test_a_failed_check_is_a_problem_with_the_words_of_its_error() -> None:
    finding = Finding.of_error("hub", "dns", NetworkError("x has no address.", hint="Check it."), ms=1.5)

    assert (finding.state, finding.text, finding.hint) == ("problem", "x has no address", "Check it.")
    assert finding.figures == {"ms": 1.5}


def test_a_problem_as_an_error_says_where_it_was_found() -> None:
    error = Finding.of_error("hub", "dns", NetworkError("x has no address.", hint="Check it.")).to_error()

    assert (type(error), error.message, error.hint) == (NetworkError, "hub, dns: x has no address.", "Check it.")


def test_only_problems_are_errors() -> None:
    findings = [Finding(section="disk", name="home", state=state, text=state) for state in ("ok", "warning", "unknown")]
    problem = Finding(section="disk", name="cache", state="problem", text="full", error=StorageError)

    assert [error.message for error in problems_of([*findings, problem])] == ["disk, cache: full."]


def test_a_finding_as_json_keeps_its_figures_apart() -> None:
    finding = Finding(section="disk", name="home", text="fine", figures={"free_bytes": 5})

    assert finding.to_dict() == {
        "section": "disk",
        "name": "home",
        "state": "ok",
        "text": "fine",
        "hint": "",
        "figures": {"free_bytes": 5},
    }


@pytest.mark.parametrize(
    ("kinds", "status"),
    [
        ([], 0),
        ([NetworkError], 7),
        ([NetworkError, NetworkError], 7),
        ([StorageError, WaitTimeoutError], 10),
        ([IntegrityError], 6),
        ([IncompatibleError], 5),
        ([NetworkError, IntegrityError], 1),
        ([ModelHubError], 1),
    ],
)
def test_the_status_is_that_of_the_kind_or_where_there_are_several_that_of_other_failures(
    kinds: list[type[ModelHubError]], status: int
) -> None:
    assert status_of_problems([kind("It failed.") for kind in kinds]) == status
