"""A sample of all points at which a command can be killed or fail (``make faults`` tries every one)."""

from __future__ import annotations

from pathlib import Path

import pytest
from faults.crash_points import points_of, sample, try_points
from faults.power_loss import cut_power
from faults.scenarios import SCENARIOS, playing
from faults.strace import why_not

pytestmark = pytest.mark.skipif(bool(why_not()), reason=why_not())

POINTS = {"small": 8}
ERRORS_AND_KILLS = 3


@pytest.fixture
def work(tmp_path: Path, unmeasured: None) -> Path:
    (tmp_path / "work").mkdir()
    return tmp_path / "work"


@pytest.mark.parametrize("name", SCENARIOS)
def test_at_any_moment_the_entry_is_whole_or_absent_and_the_next_command_succeeds(
    work: Path, home: Path, name: str
) -> None:
    with playing(work, home, name) as scene:
        points = points_of(scene)
        wanted = POINTS.get(name, ERRORS_AND_KILLS)
        figures = try_points(scene, sample(points, wanted / len(points), seed=len(points)))

    assert figures.complaints == [], figures
    assert figures.counts["broken"] == 0
    assert figures.counts["kills"] + figures.counts["errors"] > wanted // 2


@pytest.mark.parametrize("name", ["small", "resume", "replace", "repair", "remove"])
def test_a_loss_of_power_at_any_moment_leaves_the_entry_whole_or_absent(work: Path, home: Path, name: str) -> None:
    with playing(work, home, name) as scene:
        figures = cut_power(scene, every=400)

    assert figures.complaints == [], figures
    assert figures.counts["broken"] == 0
    assert figures.calls > 40


def test_a_removal_that_the_disk_refuses_leaves_the_entry_as_it_was(work: Path, home: Path) -> None:
    with playing(work, home, "remove") as scene:
        refused = [point for point in points_of(scene) if (point.call, point.ordinal) == ("fsync", 1)]
        figures = try_points(scene, [point for point in refused if point.how == "EIO"])

    assert figures.complaints == []
    assert figures.counts["whole"] == figures.counts["errors"] == 2
