"""What ``pull.py`` found: a table for each link and model, and which goals are reached."""

from __future__ import annotations

import resource
import statistics
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from pull_subjects import OURS, PEER_TITLES

CACHED = "cached"
RSS_BYTES = 1 if sys.platform == "darwin" else 1024  # unit of ru_maxrss
_MIB = 1 << 20
# How many times faster than a peer, and at most how many times the derived floor.
_FASTER = {
    ("a", "L"): {"sparknlp": 2.4, "aria2c": 2.4, "bsdtar": 1.3},
    ("b", "L"): {"sparknlp": 8.0, "aria2c": 2.2},
    ("b", "M"): {"sparknlp": 6.0, "aria2c": 1.5},
    ("c", "L"): {"sparknlp": 3.3, "aria2c": 2.0},
}
_OF_FLOOR = {("a", "L"): 1.9, ("b", "L"): 2.0, ("c", "L"): 2.2}
_SMALL_S = 0.150
_CACHED_S = 0.120
_PEAK_BYTES = 120 * _MIB


@dataclass(frozen=True, kw_only=True)
class Run:
    """One process, children included.

    Attributes:
        processor_s: User and system time.
        peak_bytes: Resident memory of the largest process among them.
    """

    wall_s: float
    processor_s: float
    peak_bytes: int


@dataclass(frozen=True, kw_only=True)
class Result:
    """The runs of one subject."""

    name: str
    title: str
    runs: Sequence[Run]

    @property
    def wall_s(self) -> float:
        """The median."""
        return statistics.median(run.wall_s for run in self.runs)

    @property
    def processor_s(self) -> float:
        """The median."""
        return statistics.median(run.processor_s for run in self.runs)

    @property
    def peak_bytes(self) -> int:
        """The largest."""
        return max(run.peak_bytes for run in self.runs)

    def to_dict(self) -> dict[str, Any]:
        """The result as it stands in the JSON."""
        runs = [[run.wall_s, run.processor_s, run.peak_bytes] for run in self.runs]
        medians = {"wall_s": self.wall_s, "processor_s": self.processor_s, "peak_bytes": self.peak_bytes}
        return {"subject": self.name, "title": self.title, **medians, "runs": runs}


@dataclass(frozen=True, kw_only=True)
class Table:
    """What was measured with one model over one link.

    Attributes:
        link: Its letter.
        model: Its letter.
        heading: Both in words.
        floor_s: The derived floor.
        cached_requests: How many requests all pulls of the cached model sent; ``None`` where none was tried.
    """

    link: str
    model: str
    heading: str
    results: Sequence[Result]
    floor_s: float
    cached_requests: int | None = None

    def find(self, name: str) -> Result | None:
        """The result of a subject, if it has one."""
        return next((result for result in self.results if result.name == name), None)

    def ratio(self, name: str) -> float | None:
        """How many times as long as ours a peer takes."""
        peer, our = self.find(name), self.find(OURS)
        return peer.wall_s / our.wall_s if peer and our and name in PEER_TITLES else None

    def to_dict(self) -> dict[str, Any]:
        """The table as it stands in the JSON."""
        results = [result.to_dict() | {"ratio": self.ratio(result.name)} for result in self.results]
        named = {"link": self.link, "model": self.model, "heading": self.heading}
        return {**named, "floor_s": self.floor_s, "cached_requests": self.cached_requests, "results": results}


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """A goal and what became of it; ``reached`` is ``None`` where it was not measured."""

    goal: str
    wanted: str
    measured: str
    reached: bool | None


def print_table(table: Table) -> None:
    """Print it, ours first."""
    print(f"\n{table.heading}")
    print(f"{'':30}{'median':>9}{'min – max':>19}{'to ours':>9}{'processor':>11}{'peak':>10}")
    for result in table.results:
        walls = [run.wall_s for run in result.runs]
        span, ratio = f"{_time(min(walls))} – {_time(max(walls))}", table.ratio(result.name)
        shown = f"{ratio:.2f}" if ratio else ""
        peak = f"{result.peak_bytes / _MIB:.0f} MiB"
        print(f"{result.title:30}{_time(result.wall_s):>9}{span:>19}{shown:>9}{result.processor_s:>9.2f} s{peak:>10}")
    our = table.find(OURS)
    above = f"; modelhub pull takes {our.wall_s / table.floor_s:.2f} times as long" if our else ""
    print(f"derived floor {_time(table.floor_s)}{above}")
    if table.cached_requests is not None:
        print(f"requests for what was cached: {table.cached_requests}")


def print_own_peak() -> None:
    """Say below which peak a table tells nothing: memory of a process is counted from before it began its program."""
    own_bytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * RSS_BYTES
    print(f"\npeaks of {own_bytes / _MIB:.0f} MiB and less are the benchmark's own")


def print_verdicts(verdicts: Iterable[Verdict]) -> None:
    """Print the goals, reached and missed."""
    print(f"\n{'goal':54}{'wanted':>12}{'measured':>12}")
    words = {True: "reached", False: "MISSED", None: "not measured"}
    for verdict in verdicts:
        print(f"{verdict.goal:54}{verdict.wanted:>12}{verdict.measured:>12}  {words[verdict.reached]}")


def judge(tables: Sequence[Table]) -> list[Verdict]:
    """Hold what was measured against the goals."""
    found = {(table.link, table.model): table for table in tables}
    verdicts = []
    for (link, model), peers in _FASTER.items():
        table = found.get((link, model))
        for peer, times in peers.items():
            goal = f"({link}) {model}: times faster than {PEER_TITLES[peer]}"
            verdicts.append(_at_least(goal, times, table.ratio(peer) if table else None))
        if (link, model) in _OF_FLOOR:
            our = table.find(OURS) if table else None
            times_floor = our.wall_s / table.floor_s if table and our else None
            verdicts.append(_at_most(f"({link}) {model}: times the derived floor", _OF_FLOOR[link, model], times_floor))
    return verdicts + list(_judge_absolutes(tables))


def _judge_absolutes(tables: Sequence[Table]) -> Iterator[Verdict]:
    ours = {(table.link, table.model): our for table in tables if (our := table.find(OURS))}
    small = ours.get(("a", "S"))
    yield _at_most("(a) S: milliseconds", _SMALL_S * 1000, small.wall_s * 1000 if small else None)
    peak_bytes = max((our.peak_bytes for our in ours.values()), default=None)
    yield _at_most("peak memory anywhere, MiB", _PEAK_BYTES / _MIB, peak_bytes / _MIB if peak_bytes else None)
    for table in tables:
        plain, our = table.find("requests"), table.find(OURS)
        if table.model == "L" and plain and our:
            goal = f"({table.link}) L: processor time, of requests and zipfile's"
            yield _at_most(goal, 1.0, our.processor_s / plain.processor_s)
    cached = [result.wall_s for table in tables if (result := table.find(CACHED))]
    yield _at_most("cached: milliseconds", _CACHED_S * 1000, max(cached) * 1000 if cached else None)
    requests = [table.cached_requests for table in tables if table.cached_requests is not None]
    yield _at_most("cached: requests sent", 0, sum(requests) if requests else None)


def _at_least(goal: str, wanted: float, measured: float | None) -> Verdict:
    return _verdict(goal, f"≥ {wanted:g}", measured, is_reached=measured is not None and measured >= wanted)


def _at_most(goal: str, wanted: float, measured: float | None) -> Verdict:
    return _verdict(goal, f"≤ {wanted:g}", measured, is_reached=measured is not None and measured <= wanted)


def _verdict(goal: str, wanted: str, measured: float | None, *, is_reached: bool) -> Verdict:
    if measured is None:
        return Verdict(goal=goal, wanted=wanted, measured="–", reached=None)
    shown = f"{measured:.1f}" if measured >= 20 or measured == 0 else f"{measured:.2f}"
    return Verdict(goal=goal, wanted=wanted, measured=shown, reached=is_reached)


def _time(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.2f} s"
