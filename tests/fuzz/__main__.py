"""Fuzz for a time: ``python -m fuzz [TARGET…] [--seconds 60] [--seed WORD]``, in the folder ``tests``.

Each target gets its share of the seconds, and its count is printed. An input that breaks a promise is written to
``fuzz-TARGET.bin``; ``python -m fuzz TARGET --input FILE`` tries it again.
"""

from __future__ import annotations

import argparse
import signal
import sys
import time
from functools import partial
from pathlib import Path

from fuzz import archives, cards, http_headers, metadata_lines, references
from fuzz.fuzzing import Target, check, fuzz

TARGETS: dict[str, Target] = {
    "archives": archives,
    "cards": cards,
    "metadata_lines": metadata_lines,
    "references": references,
    "http_headers": http_headers,
}


def main() -> None:
    """Read the options and run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=", ".join(TARGETS))
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", default="0")
    parser.add_argument("--input", type=Path)
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # the gate ends it where another step has failed
    names = arguments.targets or list(TARGETS)
    if arguments.input:
        print("accepted" if check(TARGETS[names[0]], arguments.input.read_bytes()) else "refused")
        return
    sys.exit(max(run(name, arguments.seconds / len(names), arguments.seed) for name in names))


def run(name: str, seconds: float, seed: str) -> int:
    """Fuzz one target for so long; 1 where something was found."""
    end_s = time.monotonic() + seconds
    done = fuzz(TARGETS[name], seed=seed, is_over=partial(_is_over, end_s))
    print(f"{name}: {done.tried:,} inputs tried, {done.accepted:,} of them accepted", flush=True)
    if not done.finding:
        return 0
    path = Path(f"fuzz-{name}.bin")
    path.write_bytes(done.finding.data)
    print(f"Input {done.finding.number:,} of seed {seed} breaks a promise; it is in {path}.\n{done.finding.trace}")
    return 1


def _is_over(end_s: float, tried: int) -> bool:
    return time.monotonic() >= end_s


if __name__ == "__main__":
    main()
