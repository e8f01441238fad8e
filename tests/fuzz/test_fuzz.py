"""A short run of every target, so that none is out of order when it is wanted; ``make fuzz`` runs them for longer."""

from __future__ import annotations

import random
import time
from types import SimpleNamespace

import pytest
from fuzz.__main__ import TARGETS
from fuzz.fuzzing import check, fuzz

COUNTS = {"archives": 200, "cards": 30, "metadata_lines": 300, "references": 300, "http_headers": 300}


@pytest.mark.parametrize("name", TARGETS)
def test_no_input_breaks_a_promise(name: str) -> None:
    done = fuzz(TARGETS[name], seed="short", is_over=lambda tried: tried == COUNTS[name])

    assert done.finding is None, done.finding and done.finding.trace
    assert done.tried == COUNTS[name]
    assert 0 < done.accepted < done.tried


@pytest.mark.parametrize("name", TARGETS)
def test_the_same_seed_makes_the_same_inputs(name: str) -> None:
    once, again = ([TARGETS[name].make(random.Random(f"7/{number}")) for number in range(20)] for _ in range(2))

    assert once == again
    assert len(set(once)) > 10


def test_an_input_that_breaks_a_promise_is_kept() -> None:
    def refuse_nines(data: bytes) -> bool:
        assert b"9" not in data, "nines are not for me"
        return True

    target = SimpleNamespace(make=lambda chance: b"%d" % chance.randrange(10**6), check=refuse_nines)
    done = fuzz(target, seed="0", is_over=lambda tried: tried == 1000)

    assert done.finding is not None
    assert b"9" in done.finding.data
    assert "nines are not for me" in done.finding.trace
    assert done.accepted == done.tried - 1 == done.finding.number - 1


def test_an_input_that_keeps_us_busy_is_a_finding() -> None:
    def waste(data: bytes) -> bool:
        end_s = time.process_time() + 0.02
        while time.process_time() < end_s:
            sum(range(1000))
        return True

    with pytest.raises(AssertionError, match=r"0\.0 s for 1 bytes"):
        check(SimpleNamespace(make=lambda chance: b"", check=waste), b"x", max_s=0.01)
