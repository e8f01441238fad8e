"""System calls of a process, seen and failed by ``strace``: what kills it, or fails, is the kernel and no code of ours.

``strace -e inject`` counts the calls of each name in each thread by themselves, so a point is a name and a number: the
first thread that makes its Nth call of that name is hit.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

# All that change what lies on a disk, or wait until it lies there. A machine need not have them all.
_OPENS = ("open", "openat", "creat")
_WRITES = ("write", "pwrite64", "writev", "pwritev", "pwritev2", "sendfile", "copy_file_range", "splice")
_SHAPES = ("ftruncate", "truncate", "fallocate", "chmod", "fchmod", "fchmodat", "utimensat", "futimesat")
_NAMES = (
    *("mkdir", "mkdirat", "rename", "renameat", "renameat2", "link", "linkat", "symlink", "symlinkat"),
    *("unlink", "unlinkat", "rmdir"),
)
_FLUSHES = ("fsync", "fdatasync", "sync", "syncfs", "sync_file_range")
CALLS = (*_OPENS, *_WRITES, *_SHAPES, *_NAMES, *_FLUSHES)
DELETIONS = ("unlink", "unlinkat", "rmdir")

HANGS = -1000  # exit status of what had to be ended
_PATIENCE_S = 60.0

_LINE = re.compile(r"(?P<thread>\d+) +(?P<name>\w+)\((?P<rest>.*)")


@dataclass(frozen=True, kw_only=True)
class Call:
    """One system call on what is watched.

    Attributes:
        ordinal: The how many-eth of its name in its thread.
        text: As strace shows it.
    """

    name: str
    ordinal: int
    text: str


@cache
def why_not() -> str:
    """Why no process can be traced here; "" where one can."""
    if not shutil.which("strace"):
        return "strace is not installed"
    words = ["strace", "-f", "--seccomp-bpf", "-qq", "-e", "trace=none", "true"]
    tried = subprocess.run(words, capture_output=True, text=True, check=False)
    return f"strace cannot trace here: {tried.stderr.strip()}" if tried.returncode or tried.stderr else ""


def traced(
    command: Sequence[object],
    log: Path,
    *,
    environment: Mapping[str, str],
    injected: str = "",
    shown_bytes: int = 32,
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end, and have its calls written down.

    Args:
        command: The words.
        log: Where they are written down.
        environment: All variables that it gets.
        injected: What befalls it, such as ``write:error=EIO:when=3``.
        shown_bytes: How much is shown of what is written.

    Returns:
        What became of it; the exit status is :data:`HANGS` where it did not come to an end.
    """
    words = ["strace", "-f", "--seccomp-bpf", "-qq", "-y", "-s", str(shown_bytes), "-o", str(log)]
    words += ["-xx"] if shown_bytes > 1000 else []
    words += ["-e", f"trace={','.join(f'?{name}' for name in CALLS)}", "-e", "signal=none"]
    words += ["-e", f"inject={injected}"] if injected else []
    process = subprocess.Popen(
        [*words, *map(str, command)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
        start_new_session=True,
    )
    try:
        out, err = process.communicate(timeout=_PATIENCE_S)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)  # what it traces would go on
        out, err = process.communicate()
        return subprocess.CompletedProcess(process.args, HANGS, out, err)
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)


def calls_in(log: Path, watched: Path) -> Iterator[Call]:
    """The calls that change something below a folder, in the order in which they began."""
    counts: Counter[tuple[str, str]] = Counter()
    for line in log.read_text(encoding="utf-8").splitlines():
        found = _LINE.match(line)
        if not found:
            continue
        name, rest = found["name"], found["rest"]
        counts[found["thread"], name] += 1
        if f"{watched}" in rest and (name not in _OPENS or re.search(r"O_(WRONLY|RDWR|CREAT|TRUNC)", rest)):
            yield Call(name=name, ordinal=counts[found["thread"], name], text=f"{name}({rest}")


def hit_in(log: Path, watched: Path) -> Call | None:
    """The call that an error was injected into, if it was one on what is watched."""
    begun: dict[str, str] = {}
    for line in log.read_text(encoding="utf-8").splitlines():
        thread, _, text = line.partition(" ")
        text = text.strip()
        if text.startswith("<... "):  # told in two pieces, as another thread made a call meanwhile
            text = begun.get(thread, "") + text
        else:
            begun[thread] = text
        if "(INJECTED)" in text and f"{watched}" in text:
            return Call(name=text.partition("(")[0], ordinal=0, text=text)
    return None
