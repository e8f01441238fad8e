"""Sixteen processes pull, verify and remove two hundred models for minutes, while some are killed and the server fails.

    python -m faults.soak [--minutes 10] [--processes 16] [--models 200] [--seed 1]

In the end everything that is in the cache is verified ``--deep`` by a command of its own, compared byte by byte with
what the hub has, and pulled once more.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from faults.crash_points import build_home
from faults.scenarios import PROJECT
from hub_server import SAVED_MODEL, HubFolder, Server
from model_files import files_of, pack
from serving import serving

_FAULTS: Sequence[tuple[str | int, ...]] = (
    (),
    (),
    ("503-then-200",),
    ("429-then-200", 1),
    ("first-time", "drop-at", 1000),
    ("first-time", "reset-at", 5000),
    ("max-connections", 8),
    ("no-ranges",),
    ("no-etag",),
    ("weak-etag",),
    ("paced", 500),
    ("gone-after", 50_000),
    ("login-page",),
    ("404",),
)
_KILLS = (signal.SIGKILL, signal.SIGKILL, signal.SIGTERM, signal.SIGINT)
_KILLED_SHARE = 0.3
_EXPECTED = {0, 3, 4, 6, 7, 10, 130, 143, -signal.SIGTERM, -signal.SIGINT, -signal.SIGKILL}


@dataclass
class Figures:
    """What happened."""

    commands: Counter[str] = field(default_factory=Counter)
    ends: Counter[int] = field(default_factory=Counter)
    complaints: list[str] = field(default_factory=list)
    kills: int = 0
    entries: int = 0


@dataclass(kw_only=True)
class _Running:
    process: subprocess.Popen[str]
    words: Sequence[str]
    log: Path
    killed_at_s: float


class Soak:
    """A hub, a cache, and the processes that are at work on it.

    Args:
        work: An empty folder.
        models: How many the hub has.
        seed: Of all that is left to chance but for the order in which the system runs processes.
    """

    def __init__(self, work: Path, server: Server, *, models: int, seed: int) -> None:
        self.cache = work / "cache"
        self.figures = Figures()
        self._work = work
        self._server = server
        self._chance = random.Random(seed)
        self._files = {
            f"soaked_pos_{_letters(number)}_4.0.0_3.0_1657118162458": self._make_files() for number in range(models)
        }
        hub = HubFolder(server.folder)
        for key, files in self._files.items():
            hub.add(key, pack(files))
        self._environment = {"PATH": os.environ["PATH"], "HOME": str(work), "MODELHUB_HOME": str(build_home(work))}
        self._environment |= {"MODELHUB_CACHE": str(self.cache), "MODELHUB_TIMEOUT": "1", "MODELHUB_WAIT": "5"}
        self._environment |= {"MODELHUB_CONNECTIONS": "2"}
        self._started = 0

    def run(self, *, processes: int, until_s: float) -> None:
        """Keep so many processes at work until a moment of the monotonic clock, then let the last ones end."""
        running: list[_Running] = []
        while running or time.monotonic() < until_s:
            while len(running) < processes and time.monotonic() < until_s:
                running.append(self._start())
            for one in running:
                if time.monotonic() > one.killed_at_s and one.process.poll() is None:
                    one.process.send_signal(self._chance.choice(_KILLS))
                    one.killed_at_s = float("inf")
                    self.figures.kills += 1
            ended = [one for one in running if one.process.poll() is not None]
            running = [one for one in running if one not in ended]
            for one in ended:
                self._note_end(one)
            self._forget_requests()
            time.sleep(0.01)

    def check(self) -> None:
        """See that all is well in the end: what is there is whole, and what is not there can be had."""
        for key, files in self._files.items():
            folder = self.cache / key
            if folder.exists():
                self.figures.entries += 1
                if files_of(folder) != files:
                    self.figures.complaints.append(f"{key} is broken")
        self._expect("verify", "--deep")
        self._expect("pull", "-q", *self._files)
        self._expect("verify", "--deep")
        for key, files in self._files.items():
            if files_of(self.cache / key) != files:
                self.figures.complaints.append(f"{key} is broken after the last pull")
        self._expect("prune", "--partial", "--yes")
        staged = list((self.cache / ".modelhub" / "staging").iterdir())
        self.figures.complaints += [f"{path.name} is left over" for path in staged]

    def _start(self) -> _Running:
        words = self._words()
        self.figures.commands[words[0]] += 1
        self._started += 1
        log = self._work / f"{self._started}.log"
        with log.open("w") as said:
            process = subprocess.Popen(
                [sys.executable, "-m", "modelhub", *words],
                cwd=PROJECT,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
                text=True,
            )
        is_killed = self._chance.random() < _KILLED_SHARE
        killed_at_s = time.monotonic() + self._chance.uniform(0.1, 3) if is_killed else float("inf")
        return _Running(process=process, words=words, log=log, killed_at_s=killed_at_s)

    def _words(self) -> list[str]:
        chance = self._chance
        keys = list(self._files)
        # Some are wanted by many.
        wanted = [keys[min(int(chance.expovariate(0.03)), len(keys) - 1)] for _ in range(chance.choice((1, 1, 1, 4)))]
        command = chance.choices(("pull", "verify", "rm", "prune"), (80, 8, 10, 2))[0]
        if command == "pull":
            return ["pull", "-q", *wanted, "--hub", self._server.uri(*chance.choice(_FAULTS))]
        if command == "rm":
            return ["rm", "--yes", wanted[0]]
        if command == "prune":
            return ["prune", "--partial", "--yes"]
        return ["verify", *chance.choice(([], ["--repair"])), wanted[0], "--hub", self._server.uri()]

    def _note_end(self, one: _Running) -> None:
        status, said = one.process.returncode, one.log.read_text(errors="replace")
        self.figures.ends[status] += 1
        is_starting = said.rstrip().endswith("KeyboardInterrupt")  # Python itself was interrupted, not we
        if (status not in _EXPECTED or "Traceback" in said) and not is_starting:
            self.figures.complaints.append(f"{' '.join(one.words)} ends with {status}: {said[-2000:]}")
        one.log.unlink()

    def _forget_requests(self) -> None:
        """A server that fails the first time has to meet with a first time again and again."""
        with self._server.writing:
            self._server.requests[:] = [ask for ask in self._server.requests if ask.ended_s == float("inf")]

    def _expect(self, *words: str) -> None:
        command = [sys.executable, "-m", "modelhub", *words]
        command += [] if words[0] == "prune" else ["--hub", self._server.uri()]
        done = subprocess.run(command, cwd=PROJECT, env=self._environment, capture_output=True, text=True, check=False)
        if done.returncode:
            said = f"{done.stdout[-2000:]}\n{done.stderr[-2000:]}"
            self.figures.complaints.append(f"{' '.join(words[:2])} ends with {done.returncode}: {said}")

    def _make_files(self) -> dict[str, bytes]:
        chance = self._chance
        parts = {f"fields/part-{part:05}": chance.randbytes(chance.randrange(20_000)) for part in range(4)}
        return SAVED_MODEL | parts | {"weights": chance.randbytes(chance.randrange(300_000))}


def _letters(number: int) -> str:
    """A language for each number."""
    return "".join(chr(ord("a") + number // 26**place % 26) for place in range(3))


@contextmanager
def soaking(*, models: int, seed: int) -> Iterator[Soak]:
    """A soak in a folder of its own."""
    with tempfile.TemporaryDirectory(prefix="modelhub-soak-") as folder:
        hub = Path(folder, "hub")
        hub.mkdir()
        with serving(Server(hub)) as server:
            yield Soak(Path(folder), server, models=models, seed=seed)


def main() -> None:
    """Soak, print the figures, and end with 1 where anything was not as it should be."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--processes", type=int, default=16)
    parser.add_argument("--models", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with soaking(models=options.models, seed=options.seed) as soak:
        soak.run(processes=options.processes, until_s=time.monotonic() + 60 * options.minutes)
        soak.check()
    figures = soak.figures
    commands = ", ".join(f"{count} {command}" for command, count in figures.commands.most_common())
    ends = ", ".join(f"{count} with {status}" for status, count in figures.ends.most_common())
    print(f"{sum(figures.commands.values())} commands ({commands}), {figures.kills} killed; ended: {ends}")
    print(f"{figures.entries} entries in the end, {len(figures.complaints)} complaints")
    print(*figures.complaints, sep="\n")
    sys.exit(bool(figures.complaints))


if __name__ == "__main__":
    main()
