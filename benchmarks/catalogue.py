"""How fast is the catalogue? Reading cards, updates that find nothing new, searches, and what it takes on the disk.

    python benchmarks/catalogue.py [../shared/corpus/hub-2024-09.tar.xz] [--sizes 50000,1000000] [--json FILE]

Every figure is the median of several runs in turn with its peer, and the ratio of the two is what counts: a peer is
python-frontmatter merely loading the same cards, or an empty Python process. Catalogues of 50,000 and 1,000,000
artifacts are made by ``generated_catalogue.py``; ``--keep FOLDER`` keeps them for the next run (a million takes ten
minutes and 2 GB). Queries are those of ``known_items.py``, and some common words; they are asked of one open registry,
three times each, of which the fastest counts.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from generated_catalogue import generate, metadata_line
from known_items import CORPUS, KnownItemQuery, build_registry, found_by_us, models_of, queries_of, rank_of, summary

from modelhub.catalogue import registry_stamp
from modelhub.registry import Registry
from modelhub.resolver import Runtime
from modelhub.search_query import SearchQuery
from modelhub.searching import search

_MODELHUB = [sys.executable, "-m", "modelhub"]
_NOTHING = [sys.executable, "-c", "pass"]
_LOAD_FRONT_MATTER = """
import pathlib, sys, frontmatter
for path in pathlib.Path(sys.argv[1]).rglob("*.md"):
    frontmatter.loads(path.read_text(encoding="utf-8"))
"""
# As the command line does it, garbage is looked for seldom (``modelhub.__main__``).
_READ_CARDS = """
import gc, pathlib, sys, tempfile
gc.set_threshold(100_000)
from modelhub.documents import Source
from modelhub.ingest import read_cards
from modelhub.recording import record
from modelhub.registry import Registry
with tempfile.TemporaryDirectory() as folder:
    home = pathlib.Path(folder)
    with Registry.create(home / "registry.sqlite", kept=home / "kept.sqlite", stamp="") as registry:
        record(registry, Source(uri="cards", kind="cards"), read_cards(pathlib.Path(sys.argv[1])))
"""
_UPDATE_TWICE = """
import statistics, sys, time
from modelhub import Hub
with Hub(home=sys.argv[1], hub=sys.argv[2]) as hub:
    hub.update()
    times = []
    for _ in range(5):
        started_s = time.perf_counter()
        hub.update()
        times.append(time.perf_counter() - started_s)
print(statistics.median(times))
"""
_COMMON_WORDS = ("bert", "ner", "english", "model", "en", "bert base uncased", "question answering english", "wav2vec2")
_USUAL_EMPTY_PROCESS_S = 0.011


@dataclass(frozen=True, kw_only=True)
class Figure:
    """One row of the table.

    Attributes:
        value: Seconds, or bytes.
        peer: What it is compared with, in the same unit; 0 for none.
        goal: Bound on the ratio to the peer, or on the value itself where there is none.
    """

    name: str
    value: float
    unit: str
    peer_name: str = ""
    peer: float = 0.0
    goal: float

    @property
    def ratio(self) -> float:
        """What the goal bounds."""
        return self.value / self.peer if self.peer else self.value

    def row(self) -> str:
        """The figure as a row of Markdown."""
        verdict = "met" if self.ratio <= self.goal else "MISSED"
        if self.peer:
            compared = f"{self.peer_name} {_shown(self.peer, self.unit)} | {self.ratio:.2f} | ≤ {self.goal:.2f}"
        else:
            compared = f" | | ≤ {_shown(self.goal, self.unit)}"
        return f"| {self.name} | {_shown(self.value, self.unit)} | {compared} | {verdict} |"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cards", nargs="?", type=Path, default=CORPUS, help="archive of cards")
    parser.add_argument("--sizes", default="50000,1000000", help="numbers of artifacts to generate")
    parser.add_argument("--queries", type=int, default=100, help="of each kind")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--keep", type=Path, help="folder for the generated registries")
    parser.add_argument("--json", type=Path, help="file for the figures")
    arguments = parser.parse_args()
    sizes = [int(size) for size in arguments.sizes.split(",") if size]
    print("| what | measured | peer | ratio | goal | |\n|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        figures = [
            *_cards(arguments.cards, Path(folder), arguments.runs),
            *_metadata(Path(folder)),
            *(f for size in sizes for f in _catalogue(size, arguments.keep or Path(folder), arguments)),
        ]
    print(f"\nLoad of the machine at the end: {', '.join(f'{load:.2f}' for load in os.getloadavg())}.")
    if arguments.json:
        rows = [{**asdict(figure), "ratio": figure.ratio} for figure in figures]
        arguments.json.write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")


# Reading


def _cards(archive: Path, folder: Path, runs: int) -> list[Figure]:
    if not archive.is_file():
        print(f"{archive} is not there: reading cards is left out.")
        return []
    with tarfile.open(archive) as cards:
        cards.extractall(folder / "cards", filter="data")
    place = str(folder / "cards")
    figures = []
    for cores, goal in ((1, 3.0), (2, 1.7)):
        ours, theirs = _in_turn(
            lambda cores=cores: _run([sys.executable, "-c", _READ_CARDS, place], cores=cores),
            lambda: _run([sys.executable, "-c", _LOAD_FRONT_MATTER, place], cores=1),
            runs=min(runs, 3),
        )
        name = f"reading all cards, {cores} core{'s' if cores > 1 else ''}"
        figures.append(_told(name=name, value=ours, peer_name="python-frontmatter", peer=theirs, goal=goal, unit="s"))
    environment = _environment(folder / "home")
    update = [*_MODELHUB, "update", "--cards", place]
    _run(update, environment)
    again = statistics.median(_run(update, environment) for _ in range(runs))
    # One second where python-frontmatter takes 1.6.
    name = "update --cards, nothing changed"
    figures.append(_told(name=name, value=again, peer_name="python-frontmatter", peer=theirs, goal=1 / 1.6, unit="s"))
    return figures


def _metadata(folder: Path) -> list[Figure]:
    """An update from a hub whose list is as it was."""
    lists = folder / "hub" / "public" / "models"
    lists.mkdir(parents=True)
    public = (item for item in generate(13_865) if item.repository == "public/models")
    (lists / "metadata.json").write_text("".join(f"{metadata_line(item)}\n" for item in public), encoding="utf-8")
    (folder / "metadata-home").mkdir()
    command = [sys.executable, "-c", _UPDATE_TWICE, str(folder / "metadata-home"), (folder / "hub").as_uri()]
    finished = subprocess.run(command, check=True, capture_output=True, text=True)
    empty = statistics.median(_run(_NOTHING) for _ in range(9))
    return [
        _told(
            name="update, metadata.json unchanged",
            value=float(finished.stdout),
            peer_name="python -c pass",
            peer=empty,
            goal=0.050 / _USUAL_EMPTY_PROCESS_S,
            unit="ms",
        )
    ]


# Searching


def _catalogue(size: int, place: Path, arguments: argparse.Namespace) -> list[Figure]:
    home = place / f"home-{size}"
    registry = home / "registry.sqlite"
    if not _is_current(registry):
        home.mkdir(parents=True, exist_ok=True)
        registry.unlink(missing_ok=True)
        build_registry(registry, generate(size), registry_stamp())
    name = f"{size:,} artifacts"
    figures = [
        _told(name=f"{name}: registry, per artifact", value=registry.stat().st_size / size, goal=3_000, unit="B")
    ]
    environment = _environment(home)
    for what, goal_s, command, extra in _PROCESSES:
        ours, empty = _in_turn(
            lambda command=command, extra=extra: _run(command, environment | extra),
            lambda: _run(_NOTHING),
            runs=3 * arguments.runs,
        )
        goal = goal_s / _USUAL_EMPTY_PROCESS_S
        figures.append(
            _told(name=f"{name}: {what}", value=ours, peer_name="python -c pass", peer=empty, goal=goal, unit="ms")
        )
    models = models_of(generate(13_865))
    queries = queries_of(models, arguments.queries)
    times_s, ranks = _asked(registry, queries)
    empty = statistics.median(_run(_NOTHING) for _ in range(9))
    bound_s = 0.005 if size <= 50_000 else 0.030
    goal = bound_s / _USUAL_EMPTY_PROCESS_S
    for share in (50, 95):
        value = statistics.quantiles(times_s, n=100)[share - 1]
        figures.append(
            _told(
                name=f"{name}: query, p{share}",
                value=value,
                peer_name="python -c pass",
                peer=empty,
                goal=goal,
                unit="ms",
            )
        )
    for kind, found in ranks.items():
        told = summary(found)
        print(f"|   of these: {kind} | success at 5: {told['success_at_5']:.1%}, MRR {told['mrr']:.3f} | | | | |")
    return figures


_PROCESSES: Sequence[tuple[str, float, list[str], Mapping[str, str]]] = (
    ("modelhub search bert", 0.100, [*_MODELHUB, "search", "bert"], {}),
    ("modelhub search with a typing error", 0.100, [*_MODELHUB, "search", "bert_bse_uncased"], {}),
    (
        "completion of a name",
        0.150,
        _MODELHUB,
        {"_MODELHUB_COMPLETE": "bash_complete", "COMP_WORDS": "modelhub show bert_pos", "COMP_CWORD": "2"},
    ),
)


def _is_current(path: Path) -> bool:
    if not path.is_file():
        return False
    with Registry.open(path) as registry:
        return registry.stamp == registry_stamp()


def _asked(path: Path, queries: Sequence[KnownItemQuery]) -> tuple[list[float], dict[str, list[int]]]:
    """Seconds of each query, and the ranks of what was meant, by kind."""
    times_s: list[float] = []
    ranks: dict[str, list[int]] = {}
    with Registry.open(path) as registry:
        for query in queries:
            times_s.append(_query_s(registry, query.text))
            ranks.setdefault(query.kind, []).append(rank_of(query, found_by_us(registry, query.text, 10)))
        times_s += [_query_s(registry, word) for word in _COMMON_WORDS for _ in range(len(queries) // 100)]
    return times_s, ranks


def _query_s(registry: Registry, text: str) -> float:
    times_s = []
    for _ in range(3):
        started_s = time.perf_counter()
        search(registry, SearchQuery(text=text), Runtime())
        times_s.append(time.perf_counter() - started_s)
    return min(times_s)


# Measuring


def _told(**values: Any) -> Figure:
    """A figure, printed as soon as it is known."""
    figure = Figure(**values)
    print(figure.row(), flush=True)
    return figure


def _shown(value: float, unit: str) -> str:
    return {"s": f"{value:.2f} s", "ms": f"{1000 * value:.1f} ms", "B": f"{value:,.0f} B"}[unit]


def _in_turn(ours: Callable[[], float], theirs: Callable[[], float], *, runs: int) -> tuple[float, float]:
    """Medians of two measurements that are made in turn, after one of each that does not count."""
    ours(), theirs()
    pairs = [(ours(), theirs()) for _ in range(runs)]
    return statistics.median(pair[0] for pair in pairs), statistics.median(pair[1] for pair in pairs)


def _environment(home: Path) -> dict[str, str]:
    home.mkdir(parents=True, exist_ok=True)
    settings = {"MODELHUB_HOME": str(home), "MODELHUB_CACHE": str(home / "cache")}
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("MODELHUB_")}
    return inherited | settings


def _run(command: Sequence[str], environment: Mapping[str, str] | None = None, *, cores: int = 0) -> float:
    """Wall seconds of a process, on so many cores; 0 for all."""
    pinned = ["taskset", "--cpu-list", ",".join(map(str, range(cores)))] if cores and shutil.which("taskset") else []
    started_s = time.perf_counter()
    subprocess.run([*pinned, *command], env=environment, check=True, capture_output=True)
    return time.perf_counter() - started_s


if __name__ == "__main__":
    main()
