"""Ends or fails a command at every system call that writes, renames, deletes or flushes, and looks at what is left.

    python -m faults.crash_points [small pipeline resume …] [--share 0.1] [--seed 1]

After each the entry has to be whole or absent (of a repair: as it was, or whole), the same command has to succeed the
next time, and nothing may be left over then. After an error, other than after a kill, nothing may be left over at once
but what the next pull goes on with.
"""

from __future__ import annotations

import argparse
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from faults.scenarios import PROJECT, SCENARIOS, Scene, playing
from faults.strace import DELETIONS, HANGS, Call, calls_in, hit_in, traced, why_not
from hub_server import again_bytes
from model_files import files_of

ERRORS = ("ENOSPC", "EIO", "EROFS", "EDQUOT", "EACCES")
# A disk that fails stays so. Not for opening, which would fail for all that Python reads; nor for writing, and so for
# telling what happened; nor for deleting, by which Python tries whether a folder for temporary files can be used.
_LASTING = ("pwrite64", "mkdir", "rename", "fsync", "fallocate", "ftruncate", "unlinkat")


@dataclass(frozen=True, kw_only=True, order=True)
class Point:
    """Where a command is hit, and how: by ``KILL`` or by the name of an error."""

    call: str
    ordinal: int
    how: str
    is_lasting: bool = False

    @property
    def injected(self) -> str:
        """The same in the words of strace."""
        kind = "signal" if self.how == "KILL" else "error"
        return f"{self.call}:{kind}={self.how}:when={self.ordinal}{'+' if self.is_lasting else ''}"


@dataclass
class Figures:
    """What came of the points of one scenario.

    Attributes:
        counts: How often what was found under the name of the entry.
        complaints: What should not be, a sentence each.
        again_bytes: Bytes fetched that had been fetched before, for each point.
        spent_s: Seconds.
    """

    scenario: str
    counts: Counter[str] = field(default_factory=Counter)
    complaints: list[str] = field(default_factory=list)
    again_bytes: list[int] = field(default_factory=list)
    spent_s: float = 0.0

    def __str__(self) -> str:
        """One line for people."""
        counts = self.counts
        tried = counts["kills"] + counts["errors"]
        found = ", ".join(f"{counts[what]} {what}" for what in ("whole", "absent", "as before", "broken"))
        return (
            f"{self.scenario:9} {tried:5} points ({counts['kills']} kills, {counts['errors']} errors; "
            f"{counts['missed']} more missed): {found}, {len(self.complaints)} complaints; fetched twice: "
            f"{sum(self.again_bytes):,} bytes, {max(self.again_bytes, default=0):,} at most; {self.spent_s:.0f} s"
        )


def points_of(scene: Scene) -> list[Point]:
    """All points at which a command can be hit: it is run once, and does what it should."""
    scene.reset()
    log = scene.work / "calls.log"
    finished = traced(scene.command(), log, environment=scene.environment)
    assert finished.returncode == 0, finished.stderr
    assert files_of(scene.entry) == scene.scenario.after
    calls = list(calls_in(log, scene.cache))
    at = dict.fromkeys((call.name, call.ordinal) for call in calls)
    return [
        *(Point(call=name, ordinal=ordinal, how="KILL") for name, ordinal in at),
        *(Point(call=name, ordinal=ordinal, how=error) for error in ERRORS for name, ordinal in at),
        *(
            Point(call=name, ordinal=ordinal, how=error, is_lasting=True)
            for error in ERRORS
            for name, ordinal in at
            if name in _LASTING
        ),
    ]


def try_points(scene: Scene, points: Iterable[Point], *, until_s: float = float("inf")) -> Figures:
    """Try points one after another.

    Args:
        scene: Where.
        points: Which.
        until_s: When to leave it at that, by the monotonic clock.
    """
    figures = Figures(scenario=scene.scenario.name)
    begun_s = time.monotonic()
    for point in points:
        if time.monotonic() > until_s:
            break
        _try(scene, point, figures)
    figures.spent_s = time.monotonic() - begun_s
    return figures


def _try(scene: Scene, point: Point, figures: Figures) -> None:
    scene.reset()
    log = scene.work / "calls.log"
    finished = traced(scene.command(), log, environment=scene.environment, injected=point.injected)
    hit = hit_in(log, scene.cache)
    if point.how == "KILL" and finished.returncode not in (0, -signal.SIGKILL, 128 + signal.SIGKILL):
        figures.complaints.append(f"{point.injected}: ends with {finished.returncode}: {finished.stderr}")
    if finished.returncode == HANGS:
        figures.complaints.append(f"{scene.scenario.name}: {point.injected} ({hit and hit.text}): hangs")
        return
    if point.how != "KILL" and hit is None:  # another thread was first, or Python opened another file before
        figures.counts["missed"] += 1
        return
    figures.counts["kills" if point.how == "KILL" else "errors"] += 1
    figures.counts[_found(scene)] += 1
    complaints = list(_complaints(scene, point, hit, finished))
    earlier = scene.server.bodies()
    again = scene.run_again()
    figures.again_bytes.append(again_bytes(earlier, scene.server.bodies()[len(earlier) :]))
    said = [*complaints, *([f"then {again}"] if again else [])]
    figures.complaints += [f"{scene.scenario.name}: {point.injected} ({hit and hit.text}): {text}" for text in said]


def _found(scene: Scene) -> str:
    files, scenario = files_of(scene.entry), scene.scenario
    if not scenario.allows(files):
        return "broken"
    if files == scenario.model:
        return "whole"
    return "as before" if files else "absent"


def _complaints(
    scene: Scene, point: Point, hit: Call | None, finished: subprocess.CompletedProcess[str]
) -> Iterable[str]:
    files, scenario = files_of(scene.entry), scene.scenario
    if not scenario.allows(files):
        yield f"the entry is broken: {scene.complaint(scenario.after)}"
    elif files == scenario.model and (wrong := scene.complaint(files)):
        yield f"the entry is whole, but {wrong}"
    if point.how == "KILL" or hit is None:
        return
    if finished.returncode not in (0, 10):
        yield f"ends with {finished.returncode}: {finished.stderr}"
    if finished.returncode == 10 and "hint:" not in finished.stderr:
        yield f"no hint: {finished.stderr}"
    if finished.returncode == 0 and files != scenario.after:
        yield "ends well, but it has not done its work"
    kinds = ("staging/",) if files == scenario.model else ("staging/", ".next.json")
    if not point.is_lasting and point.call not in DELETIONS and (left := scene.untidiness(*kinds)):
        yield f"left over: {left}"


def sample(points: Sequence[Point], share: float, seed: int) -> list[Point]:
    """Some of the points, spread over all of them."""
    if share >= 1:
        return list(points)
    return random.Random(seed).sample(points, max(1, round(share * len(points))))


def build_home(work: Path) -> Path:
    """A home with a registry in it."""
    home = work / "home"
    words = [sys.executable, "-m", "modelhub", "search", "pos", "--limit", "1", "--home", str(home)]
    subprocess.run(words, cwd=PROJECT, capture_output=True, check=True)
    return home


def play_all(names: Sequence[str], figures_of: Callable[[Scene], Any]) -> None:
    """Play scenarios, all where none is named, and print their figures; ends with 1 where there is any complaint."""
    if reason := why_not():
        sys.exit(reason)
    complaints: list[str] = []
    with tempfile.TemporaryDirectory(prefix="modelhub-faults-") as folder:
        home = build_home(Path(folder))
        for name in names or SCENARIOS:
            work = Path(folder, name)
            work.mkdir()
            with playing(work, home, name) as scene:
                figures = figures_of(scene)
            print(figures, flush=True)
            complaints += figures.complaints
    print(*complaints, sep="\n")
    sys.exit(bool(complaints))


def main() -> None:
    """Try all points, or a share of them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scenarios", nargs="*", metavar="scenario", default=[], help=", ".join(SCENARIOS))
    parser.add_argument("--share", type=float, default=1.0, help="of all points; default: 1")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    play_all(options.scenarios, lambda scene: try_points(scene, sample(points_of(scene), options.share, options.seed)))


if __name__ == "__main__":
    main()
