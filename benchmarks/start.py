"""How long a user waits: ``--help``, a search, the first start, and reading a folder of cards.

    python benchmarks/start.py [../shared/corpus/hub-2024-09.tar.xz]

Each command is a whole process, run in turn with its peer after one warm-up; medians and ratios are printed. Reading
cards is compared with what python-frontmatter takes to merely load them.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

_CORPUS = Path(__file__).parents[2] / "shared" / "corpus" / "hub-2024-09.tar.xz"
_MODELHUB = [sys.executable, "-m", "modelhub"]
_LOAD_FRONT_MATTER = """
import sys, frontmatter, pathlib
for path in pathlib.Path(sys.argv[1]).rglob("*.md"):
    frontmatter.loads(path.read_text(encoding="utf-8"))
"""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cards", nargs="?", type=Path, default=_CORPUS, help="archive of cards")
    parser.add_argument("--runs", type=int, default=9)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "MODELHUB_HOME": f"{folder}/home", "MODELHUB_CACHE": f"{folder}/cache"}
        nothing = [sys.executable, "-c", "pass"]
        _run([*_MODELHUB, "search", "pos"], environment)
        print(f"{'':34}{'median':>10}{'peer':>10}{'ratio':>8}")
        _compare("modelhub --help : python -c pass", [*_MODELHUB, "--help"], nothing, environment, arguments.runs)
        search = [*_MODELHUB, "search", "pos", "--lang", "en"]
        _compare("modelhub search : python -c pass", search, nothing, environment, arguments.runs)
        first = _median(lambda: _first_start(environment), 3)
        print(f"{'first start, with the snapshot':34}{first:9.3f}s")
        if arguments.cards.is_file():
            _compare_reading(arguments.cards, Path(folder), environment)
        else:
            print(f"{arguments.cards} is not there: reading cards is left out.")


def _compare_reading(archive: Path, folder: Path, environment: dict[str, str]) -> None:
    with tarfile.open(archive) as cards:
        cards.extractall(folder / "cards", filter="data")
    update = [*_MODELHUB, "update", "--cards", str(folder / "cards"), "--json"]
    load = [sys.executable, "-c", _LOAD_FRONT_MATTER, str(folder / "cards")]

    def update_anew() -> float:
        shutil.rmtree(environment["MODELHUB_HOME"])
        _run([*_MODELHUB, "search", "pos"], environment)
        return _run(update, environment)

    update_anew()
    ours, theirs = [], []
    for _ in range(3):
        theirs.append(_run(load, environment))
        ours.append(update_anew())
    _print("update --cards : python-frontmatter", statistics.median(ours), statistics.median(theirs))
    again = _median(lambda: _run(update, environment), 3)
    print(f"{'update --cards, nothing changed':34}{again:9.3f}s")


def _first_start(environment: dict[str, str]) -> float:
    shutil.rmtree(environment["MODELHUB_HOME"], ignore_errors=True)
    return _run([*_MODELHUB, "search", "pos"], environment)


def _compare(title: str, ours: list[str], peer: list[str], environment: dict[str, str], runs: int) -> None:
    _run(ours, environment)
    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(runs):
        times[0].append(_run(ours, environment))
        times[1].append(_run(peer, environment))
    _print(title, statistics.median(times[0]), statistics.median(times[1]))


def _print(title: str, ours_s: float, peer_s: float) -> None:
    print(f"{title:34}{ours_s:9.3f}s{peer_s:9.3f}s{ours_s / peer_s:8.2f}")


def _median(measure: Callable[[], float], runs: int) -> float:
    return statistics.median(measure() for _ in range(runs))


def _run(command: list[str], environment: dict[str, str]) -> float:
    """Wall seconds of a process."""
    started_s = time.perf_counter()
    subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.perf_counter() - started_s


if __name__ == "__main__":
    main()
