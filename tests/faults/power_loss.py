"""Cuts the power after every system call of a real command, in a model of the disk, and looks at what is left.

    python -m faults.power_loss [small pipeline resume …] [--every 1]

The calls are recorded with ``strace``. After each, what was not flushed is lost in several ways (see ``disk_model``);
then the entry has to be whole or absent, or as it was before; and after the command had said that it is done, whole.
Of one state in so many a folder is made, in which the next command has to succeed.
"""

from __future__ import annotations

import argparse
import json
import shutil
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from faults.crash_points import play_all
from faults.disk_model import Disk, Tree, losses
from faults.recording import Replay, load
from faults.scenarios import KEY, SCENARIOS, Scene
from faults.strace import traced

_SHOWN_BYTES = 8 << 20


@dataclass
class Figures:
    """What came of the losses of one scenario.

    Attributes:
        calls: How many system calls were replayed.
        counts: How often what was found under the name of the entry.
        gone_on: From how many states the next command was tried.
        complaints: What should not be, a sentence each.
    """

    scenario: str
    calls: int = 0
    gone_on: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    complaints: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        """One line for people."""
        found = ", ".join(f"{self.counts[what]} {what}" for what in ("whole", "absent", "as before", "broken"))
        return (
            f"{self.scenario:9} {self.calls:5} calls, {sum(self.counts.values()):6} losses of power: {found}; "
            f"{self.gone_on} gone on from, {len(self.complaints)} complaints"
        )


def cut_power(scene: Scene, *, every: int) -> Figures:
    """Record the command, and cut the power after each of its calls.

    Args:
        scene: Where.
        every: In one state of so many the next command is tried.
    """
    scene.reset()
    figures = Figures(scenario=scene.scenario.name)
    disk = Disk()
    disk.folder(PurePosixPath(scene.work))
    if scene.cache.exists():
        load(disk, scene.cache)
    log = scene.work / "calls.log"
    finished = traced(scene.command(), log, environment=scene.environment, shown_bytes=_SHOWN_BYTES)
    assert finished.returncode == 0, finished.stderr
    cache = PurePosixPath(scene.cache)
    for call in Replay(disk, log).steps():
        if scene.cache.name not in call:
            continue
        figures.calls += 1
        for loss in losses(cache):
            tree = loss.tree(disk, cache)
            where = f"{scene.scenario.name}: {loss.title} after {call[:300]}"
            _judge(scene, tree, figures, where)
            if sum(figures.counts.values()) % every == 0:
                _go_on(scene, tree, figures, where)
    for loss in losses(cache):
        if _files(loss.tree(disk, cache)) != scene.scenario.after:
            figures.complaints.append(f"{scene.scenario.name}: {loss.title} after the end, and the entry is not there")
    return figures


def _judge(scene: Scene, tree: Tree, figures: Figures, where: str) -> None:
    files, scenario = _files(tree), scene.scenario
    if not scenario.allows(files):
        figures.counts["broken"] += 1
        figures.complaints.append(f"{where}: broken")
    elif files == scenario.model:
        figures.counts["whole"] += 1
        if not _has_manifest(tree):
            figures.complaints.append(f"{where}: the entry is whole, but has no manifest")
    else:
        figures.counts["as before" if files else "absent"] += 1


def _files(tree: Tree) -> Mapping[str, bytes]:
    """The files of the entry; a folder without any counts as one that is empty."""
    below = {path.relative_to(KEY).as_posix(): content for path, content in tree.items() if path.parts[:1] == (KEY,)}
    return {path: content for path, content in below.items() if content is not None}


def _has_manifest(tree: Tree) -> bool:
    folder = PurePosixPath(".modelhub", "manifests")
    found = [tree.get(folder / name) for name in (f"{KEY}.json", f"{KEY}.next.json")]
    return any(content and json.loads(content)["key"] == KEY for content in found)


def _go_on(scene: Scene, tree: Tree, figures: Figures, where: str) -> None:
    scene.reset()
    _make_folder(scene.cache, tree)
    if _files(tree) == scene.scenario.model:
        _mark(scene)
    figures.gone_on += 1
    if wrong := scene.run_again():
        figures.complaints.append(f"{where}: then {wrong}")


def _make_folder(folder: Path, tree: Tree) -> None:
    if folder.exists():
        shutil.rmtree(folder)
    for path, content in tree.items():
        if content is None:
            (folder / path).mkdir(parents=True, exist_ok=True)
        else:
            (folder / path).write_bytes(content)


def _mark(scene: Scene) -> None:
    """The manifest to come tells its folder by what a copy of that does not have: see ``modelhub.records``."""
    path = scene.ours / "manifests" / f"{KEY}.next.json"
    if path.exists():
        status = scene.entry.stat()
        announced = json.loads(path.read_text()) | {"folder": [status.st_ino, int(status.st_mtime)]}
        path.write_text(json.dumps(announced))


def main() -> None:
    """Cut the power everywhere."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scenarios", nargs="*", metavar="scenario", default=[], help=", ".join(SCENARIOS))
    parser.add_argument("--every", type=int, default=20, help="how many states to one that is pulled into; default: 20")
    options = parser.parse_args()
    play_all(options.scenarios, lambda scene: cut_power(scene, every=options.every))


if __name__ == "__main__":
    main()
