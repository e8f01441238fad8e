"""Commands that are interrupted in ``tests/faults``: what each finds and leaves, and what may be seen meanwhile."""

from __future__ import annotations

import io
import json
import os
import random
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path

from hub_server import SAVED_MODEL, HubFolder, Server
from mending import cut, put_files, rot
from model_files import files_of, pack
from serving import serving

from modelhub.__main__ import main
from modelhub.artifacts import ArtifactKey
from modelhub.cache import Cache

PROJECT = Path(__file__).parents[2]
KEY = "harried_pos_en_4.0.0_3.0_1657118162458"
FINISHED = "partials/", "staging/", ".next.json", ".zip"  # nothing of that is left when a command has ended well

Files = Mapping[str, bytes]


def _random(size_bytes: int, seed: int) -> bytes:
    return random.Random(seed).randbytes(size_bytes)


def _metadata(class_name: str, uid: str, **params: object) -> bytes:
    return json.dumps({"class": class_name, "uid": uid, "paramMap": params}).encode() + b"\n"


def _small() -> Files:
    """An annotator of 25 files, as taggers have them."""
    return SAVED_MODEL | {f"fields/features/part-{part:05}": _random(12_000, part) for part in range(22)}


def _pipeline() -> Files:
    """A pipeline whose first stage has weights that are written by a thread of their own, past the page cache."""
    uids = ["NER_0", "POS_1", "LEMMA_2"]
    files = {"stages/0_NER_0/weights": _random(4_500_000, 1)}
    files |= {"metadata/part-00000": _metadata("org.apache.spark.ml.PipelineModel", "P", stageUids=uids)}
    for index, uid in enumerate(uids):
        folder = f"stages/{index}_{uid}"
        files |= {f"{folder}/metadata/part-00000": _metadata("com.johnsnowlabs.nlp.annotators.Tiny", uid)}
        files |= {f"{folder}/fields/rules/part-{part:05}": _random(9000, part) for part in range(4)}
    return files


SMALL, PIPELINE, WEIGHTY = _small(), _pipeline(), SAVED_MODEL | {"weights": _random(1_500_000, 3)}


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """A command, and what may be found under the name of the entry at any moment.

    Attributes:
        words: The command; ``{zip}`` is that of the model.
        model: What the hub has.
        prepare: Leaves what the command finds.
        before: The entry as it finds it.
        after: The entry as it leaves it.
        is_absent_between: Whether nothing may bear the name for a moment.
        again: The commands that are to succeed after an interruption, one after the other.
    """

    name: str
    words: tuple[str, ...] = ("pull", KEY)
    model: Files = field(repr=False)
    prepare: Callable[[Scene], None] = lambda scene: None
    before: Files = field(default_factory=dict, repr=False)
    after: Files = field(repr=False)
    is_absent_between: bool = False
    again: tuple[tuple[str, ...], ...] = (("pull", KEY),)

    def allows(self, files: Files) -> bool:
        """Whether that may be found under the name of the entry."""
        return files in (self.before, self.after) or (self.is_absent_between and not files)


class Scene:
    """A folder in which a command runs again and again, each time from the same beginning.

    Args:
        work: An empty folder.
        server: The hub; its folder gets the model.
        home: With a registry in it, so that nothing has to be built.
        scenario: What is played.
    """

    def __init__(self, work: Path, server: Server, home: Path, scenario: Scenario) -> None:
        self.work = work
        self.server = server
        self.scenario = scenario
        self.cache = work / "cache_pretrained"
        self.entry = self.cache / KEY
        self.ours = self.cache / ".modelhub"
        self.zip = HubFolder(server.folder).add(KEY, pack(scenario.model))
        kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
        own = {"HOME": str(work), "MODELHUB_HOME": str(home), "MODELHUB_CONNECTIONS": "2", "MODELHUB_TIMEOUT": "5"}
        self.environment = kept | own | {"PYTHONDONTWRITEBYTECODE": "1", "PYTHONHASHSEED": "0"}
        self._beginning = work / "beginning"
        scenario.prepare(self)
        self._beginning.mkdir()
        if self.cache.exists():
            self.cache.rename(self._beginning / self.cache.name)

    def reset(self) -> None:
        """Go back to the beginning."""
        if self.cache.exists():
            shutil.rmtree(self.cache)
        if (self._beginning / self.cache.name).exists():
            shutil.copytree(self._beginning / self.cache.name, self.cache, symlinks=True)
        self.server.requests.clear()

    def command(self, *words: str, faults: tuple[str | int, ...] = ()) -> list[str]:
        """The words of a process that runs a command of modelhub."""
        words = tuple(word.format(zip=self.zip) for word in words or self.scenario.words)
        hub = [] if words[0] in ("rm", "import") else ["--hub", self.server.uri(*faults)]
        return [sys.executable, "-m", "modelhub", *words, *hub]

    def run(self, *words: str, faults: tuple[str | int, ...] = ()) -> subprocess.CompletedProcess[str]:
        """Run a command to its end."""
        command = self.command(*words, faults=faults)
        return subprocess.run(
            command, env=self.environment, cwd=PROJECT, capture_output=True, text=True, check=False, timeout=120
        )

    def run_again(self) -> str:
        """Run the commands that have to succeed now; what is wrong with what they leave, "" where nothing is."""
        for words in self.scenario.again:
            status, said = self._invoke(*words)
            if status:
                return f"the next {words[0]} ends with {status}: {said}"
        return self.complaint(self.scenario.model) or self.untidiness(*FINISHED)

    def _invoke(self, *words: str) -> tuple[int, str]:
        """Run a command in this process, five times faster; its exit status, and what it said."""
        said = io.StringIO()
        own = ["--cache", str(self.cache), "--home", self.environment["MODELHUB_HOME"]]
        on_sigterm = signal.getsignal(signal.SIGTERM)
        try:
            with redirect_stdout(said), redirect_stderr(said):
                main([*self.command(*words)[3:], *own])
        except SystemExit as ended:
            return int(ended.code or 0), said.getvalue()
        finally:
            signal.signal(signal.SIGTERM, on_sigterm)
        return 0, said.getvalue()

    def complaint(self, expected: Files) -> str:
        """What is wrong with the entry, by its bytes and by our own deep look; "" where it is as expected, and good."""
        found = files_of(self.entry)
        if found != expected:
            odd = sorted(name for name in found.keys() | expected.keys() if found.get(name) != expected.get(name))
            return f"{', '.join(odd)} is not as it should be"
        cache = Cache(self.cache)
        entry = cache.state_of(ArtifactKey.parse(KEY))
        if not expected or entry is None:
            return ""
        verified = cache.verify(entry, is_deep=True)
        if not verified.is_whole:
            return f"{verified.state}: {' '.join(verified.problems)}"
        return "" if verified.has_manifest else "it has no manifest"

    def untidiness(self, *kinds: str) -> str:
        """What of ours is left over of some kinds."""
        ours = [path for path in self.ours.rglob("*") if path.parent != self.ours]
        left = [path.relative_to(self.cache).as_posix() for path in (*ours, *self.cache.glob("*"))]
        return ", ".join(name for name in left if any(kind in name for kind in kinds))


def _install(scene: Scene) -> None:
    finished = scene.run("pull", KEY)
    assert finished.returncode == 0, finished.stderr


def _interrupt(scene: Scene) -> None:
    finished = scene.run("pull", KEY, "--timeout", "0.3", faults=("gone-after", 700_000))
    assert finished.returncode == 7, finished.stderr
    assert scene.untidiness(".part")


_HALF = {name: SMALL[name] for name in list(SMALL)[2:9]}
_ROTTEN = "fields/features/part-00003", "fields/features/part-00007"


def _leave_half(scene: Scene) -> None:
    """As Spark NLP does when it is interrupted."""
    put_files(scene.entry, _HALF)
    shutil.copy(scene.zip, scene.cache)


def _spoil(scene: Scene) -> None:
    _install(scene)
    rot(scene.entry / _ROTTEN[0])
    cut(scene.entry / _ROTTEN[1])


def _spoiled() -> Files:
    first, second = (SMALL[name] for name in _ROTTEN)
    changed = bytearray(first)
    changed[len(changed) // 2] ^= 1
    return SMALL | {_ROTTEN[0]: bytes(changed), _ROTTEN[1]: second[:-1]}


_REPAIR = ("verify", "--repair", "--deep", KEY)
SCENARIOS = {
    scenario.name: scenario
    for scenario in (
        Scenario(name="small", model=SMALL, after=SMALL),
        Scenario(name="pipeline", model=PIPELINE, after=PIPELINE),
        Scenario(name="resume", model=WEIGHTY, after=WEIGHTY, prepare=_interrupt),
        Scenario(name="replace", model=SMALL, before=_HALF, after=SMALL, prepare=_leave_half, is_absent_between=True),
        Scenario(
            name="repair",
            words=_REPAIR,
            model=SMALL,
            before=_spoiled(),
            after=SMALL,
            prepare=_spoil,
            again=(_REPAIR, ("pull", KEY)),
        ),
        Scenario(name="import", words=("import", "{zip}"), model=SMALL, after=SMALL),
        Scenario(name="remove", words=("rm", "--yes", KEY), model=SMALL, before=SMALL, after={}, prepare=_install),
    )
}


@contextmanager
def playing(work: Path, home: Path, name: str) -> Iterator[Scene]:
    """A scenario, ready to be played.

    Args:
        work: An empty folder.
        home: With a registry in it.
        name: Which one.
    """
    hub = work / "hub"
    hub.mkdir()
    with serving(Server(hub)) as server:
        yield Scene(work, server, home, SCENARIOS[name])
