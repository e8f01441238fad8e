"""What four programs do with archives that are broken or meant to harm, as a table in Markdown.

    python benchmarks/attacks.py

``modelhub pull``, ``unzip``, ``python -m zipfile`` and ``bsdtar`` (Debian: ``unzip libarchive-tools``) get each archive
of ``tests/hostile_archives.py``. As root all of them run as nobody, in mounts of their own where only one throwaway
folder can be written (nobody must be able to run this Python: not one below /root); else as whoever runs this. None
may write a file larger than 256 MiB, or compute for a minute.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import stat
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

PROJECT = Path(__file__).parents[1]
sys.path[:0] = [str(PROJECT), str(PROJECT / "tests")]

from hostile_archives import ABSOLUTE, ATTACKS, GOOD, archive  # noqa: E402 (they are not installed)
from hub_server import HubFolder, Server  # noqa: E402
from serving import serving  # noqa: E402

from modelhub import __version__  # noqa: E402

SCRATCH = Path(ABSOLUTE).parent  # so that an absolute path, too, leads where it is seen and does no harm
KEY = "attack_pos_en_4.0.0_3.0_1657118162458"
NOBODY = "65534"
LIMITS = ["prlimit", f"--fsize={256 << 20}", "--cpu=60", "--core=0"]
ONLY_SCRATCH = 'mount --bind "$0" "$0" && mount -o remount,ro,bind / && exec "$@"'
WORDS_SHOWN = 70
TOO_DEEP = 500


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What a program did with an archive.

    Attributes:
        status: Of its exit.
        words: What it said, in one line.
        traces: What it left that is more than plain files in its folder.
        files: How many plain files it left there.
    """

    status: int
    words: str
    traces: tuple[str, ...]
    files: int

    def __str__(self) -> str:
        traces = "".join(f"**{trace}**; " for trace in self.traces)
        left = "1 file" if self.files == 1 else f"{self.files} files"
        if not self.status:
            return f"{traces}0: {left}"
        words = f": {self.words}" if self.words else ""
        return f"{traces}{self.status}{words}" + (f" ({left} left)" if self.files else "")


def main() -> None:
    """Make the archives, run the programs, print the table."""
    if SCRATCH.exists():
        sys.exit(f"{SCRATCH} is in the way: remove it.")
    SCRATCH.mkdir()
    if subprocess.run([*jail(), sys.executable, "-c", ""], capture_output=True).returncode:
        SCRATCH.rmdir()
        sys.exit(f"Nobody cannot run {sys.executable}, or there is no unshare, setpriv or mount.")
    try:
        (SCRATCH / "home").mkdir()
        hub = HubFolder(SCRATCH / "hub")
        give_away(SCRATCH, SCRATCH / "home")
        with serving(Server(hub.folder)) as server:
            print_table(hub, server.uri())
    finally:
        delete(SCRATCH)


def print_table(hub: HubFolder, uri: str) -> None:
    """One row for each archive, then how often each program ended how.

    A number is the exit status, what stands in bold was seen in the folder or beside it.
    """
    first = run_modelhub(hub, archive(*GOOD), uri)  # builds the registry
    if first.status:
        sys.exit(f"A good archive is not pulled: {first.words}")
    print("Versions:", ", ".join(versions()), end=".\n\n")
    ends: dict[str, Counter[str]] = {name: Counter() for name in ("modelhub", *commands(Path()))}
    print("|", " | ".join(["archive", *ends]), "|")
    print("|---" * (1 + len(ends)) + "|")
    for name, attack in ATTACKS.items():
        content = attack.make()
        outcomes = {"modelhub": run_modelhub(hub, content, uri)}
        for program, command in commands(SCRATCH / "case" / "attack.zip").items():
            outcomes[program] = run(command, content)
        for program, outcome in outcomes.items():
            ends[program][end_of(outcome)] += 1
        print("|", " | ".join([name, *map(cell, outcomes.values())]), "|", flush=True)
    print()
    for program, counts in ends.items():
        print(f"- {program}:", ", ".join(f"{number} {end}" for end, number in counts.most_common()))


def versions() -> Iterator[str]:
    """Of the programs."""
    yield f"modelhub {__version__}"
    yield f"zipfile of Python {platform.python_version()}"
    for command in (["unzip", "-v"], ["bsdtar", "--version"]):
        if shutil.which(command[0]):
            yield " ".join(subprocess.run(command, capture_output=True, text=True).stdout.split()[:2])


def commands(path: Path) -> dict[str, list[str]]:
    """How each program unpacks an archive into the folder ``out`` beside it."""
    folder = str(path.parent / "out")
    found = {
        "unzip": ["unzip", "-o", "-q", str(path), "-d", folder],
        "zipfile": [sys.executable, "-m", "zipfile", "-e", str(path), folder],
        "bsdtar": ["bsdtar", "-xf", str(path), "-C", folder],
    }
    return {name: command for name, command in found.items() if shutil.which(command[0])}


def run_modelhub(hub: HubFolder, content: bytes, uri: str) -> Outcome:
    """Pull an archive over HTTP."""
    hub.add(KEY, content, is_listed=False)
    folders = ["--cache", str(SCRATCH / "case" / "out"), "--home", str(SCRATCH / "home")]
    words = ["pull", KEY, "--json", "--no-update", "--hub", uri, *folders]
    return run([sys.executable, "-m", "modelhub", *words], content)


def run(command: Sequence[str], content: bytes) -> Outcome:
    """Run a program in a folder of its own, and look at what it leaves, there and beside it."""
    case = SCRATCH / "case"
    out = case / "out"
    out.mkdir(parents=True)
    (case / "attack.zip").write_bytes(content)
    give_away(case, out)
    environment = os.environ | {"PYTHONPATH": str(PROJECT), "HOME": str(SCRATCH / "home"), "LC_ALL": "C.UTF-8"}
    try:
        finished = subprocess.run(
            [*jail(), *LIMITS, *command], cwd=out, env=environment, capture_output=True, stdin=subprocess.DEVNULL
        )
        found = below(out)
        return Outcome(
            status=finished.returncode,
            words=words_of(finished.stdout.decode(errors="replace"), finished.stderr.decode(errors="replace")),
            traces=tuple(dict.fromkeys(traces_of(found))),
            files=sum(1 for kind, *_, name in found if kind == "f" and ".modelhub" not in name),
        )
    finally:
        delete(case, Path(ABSOLUTE))


def below(folder: Path) -> list[tuple[str, int, int, str]]:
    """Kind, permissions, depth and name of all that lies in a folder, however deep."""
    command = ["find", str(folder), "-mindepth", "1", "-printf", r"%y %m %d %P\0"]
    lines = subprocess.run(command, capture_output=True, check=True).stdout.decode(errors="surrogateescape").split("\0")
    fields = (line.split(" ", 3) for line in lines if line)
    return [(kind, int(mode, 8), int(depth), name) for kind, mode, depth, name in fields]


def delete(*paths: Path) -> None:
    """Delete all of it; Python's own way gives up a thousand folders down."""
    subprocess.run(["rm", "-rf", "--", *map(str, paths)], check=True)


def jail() -> list[str]:
    """The words in front of a command that let it write only below ``SCRATCH``, and as nobody."""
    if os.geteuid():
        return []
    nobody = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", "--no-new-privs"]
    return ["unshare", "--mount", "sh", "-c", ONLY_SCRATCH, str(SCRATCH), *nobody]


def give_away(*folders: Path) -> None:
    """Let nobody write there."""
    if not os.geteuid():
        for folder in folders:
            os.chown(folder, int(NOBODY), int(NOBODY))


def traces_of(found: Sequence[tuple[str, int, int, str]]) -> Iterator[str]:
    """What lies outside of the folder, and what in it is no plain file."""
    allowed = {"case", "home", "hub"}, {"attack.zip", "out"}
    for folder, names in zip((SCRATCH, SCRATCH / "case"), allowed, strict=True):
        if {path.name for path in folder.iterdir()} - names:
            yield "writes outside of its folder"
    for kind, mode, depth, name in found:
        if kind not in "fd":
            yield "makes a link" if kind == "l" else "makes a special file"
        if mode & (stat.S_ISUID | stat.S_ISGID):
            yield "makes a setuid file"
        if not name.isprintable():
            yield "makes a name with control characters"
        if depth > TOO_DEEP:
            yield "makes folders too deep to be deleted by Python"


def words_of(output: str, errors: str) -> str:
    """The error in what was printed: the first of ours, the last line of a traceback, else the first line."""
    if output.startswith("{"):
        found = json.loads(output)["errors"]
        return shortened(found[0]["message"].rpartition(".zip: ")[2], 2 * WORDS_SHOWN) if found else ""
    lines = [line for line in (errors or output).splitlines() if line.strip()]
    if not lines:
        return ""
    line = lines[-1] if lines[0].startswith("Traceback") else lines[0]
    return shortened(line, WORDS_SHOWN)


def shortened(text: str, characters: int) -> str:
    """A text in one line, without our own folder."""
    text = " ".join(text.replace(str(SCRATCH / "case"), "").split())
    return text if len(text) <= characters else f"{text[:characters]}…"


def end_of(outcome: Outcome) -> str:
    """The kind of an outcome, to be counted."""
    if "writes outside of its folder" in outcome.traces:
        return "wrote outside of the folder"
    if outcome.traces:
        return "made links, special files, names or folders that do harm"
    if not outcome.status:
        return "unpacked as if all were well"
    return "failed with files left behind" if outcome.files else "refused with nothing left"


def cell(outcome: Outcome) -> str:
    """An outcome as it may stand in a table."""
    text = "".join(sign if sign.isprintable() else "?" for sign in str(outcome))
    return text.replace("|", "\\|").replace("<", "&lt;")


if __name__ == "__main__":
    main()
