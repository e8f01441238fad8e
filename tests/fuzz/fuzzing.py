"""What all targets share: a way to make inputs, and a way to run them for a time.

A target is a module with ``make(chance)``, one input made with the help of chance, and ``check(data)``, which raises
where a promise is broken and else tells whether the input was accepted. No input depends on anything but the seed, so
that the same seed and count find the same again. Why not atheris: it has no wheels for Python 3.10 and macOS; why not
hypothesis: it makes some hundreds of inputs in the time in which this makes ten thousands, and bytes need no shrinking.
"""

from __future__ import annotations

import random
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

MAX_S = 2.0  # for one input, all of which are small: whoever writes one must not decide how long we think
_INTERESTING = (0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFE, 0xFFFFFFFF)


class Target(Protocol):
    """What is fuzzed."""

    def make(self, chance: random.Random) -> bytes:
        """One input."""

    def check(self, data: bytes) -> bool:
        """Whether the input was accepted; raises where a promise is broken."""


@dataclass(frozen=True, kw_only=True)
class Finding:
    """An input that breaks a promise.

    Attributes:
        number: Which input of its run it was.
        trace: What was raised.
    """

    number: int
    data: bytes
    trace: str


@dataclass(frozen=True, kw_only=True)
class Run:
    """What came of a run.

    Attributes:
        tried: How many inputs.
        accepted: How many of them were taken for good ones.
        finding: The first that breaks a promise.
    """

    tried: int
    accepted: int
    finding: Finding | None


def fuzz(target: Target, *, seed: str, is_over: Callable[[int], bool]) -> Run:
    """Try inputs until it is over, or until one breaks a promise.

    Args:
        target: What is fuzzed.
        seed: Of the chance.
        is_over: Told how many were tried, says whether that is enough.
    """
    accepted = tried = 0
    while not is_over(tried):
        data = target.make(random.Random(f"{seed}/{tried}"))
        tried += 1
        try:
            accepted += check(target, data)
        except Exception:
            finding = Finding(number=tried, data=data, trace=traceback.format_exc())
            return Run(tried=tried, accepted=accepted, finding=finding)
    return Run(tried=tried, accepted=accepted, finding=None)


def check(target: Target, data: bytes, max_s: float = MAX_S) -> bool:
    """Try one input; raises where it breaks a promise of the target, or takes too long."""
    begun_s = time.process_time()
    is_accepted = target.check(data)
    spent_s = time.process_time() - begun_s
    assert spent_s < max_s, f"{spent_s:.1f} s for {len(data):,} bytes"
    return is_accepted


def mutated(chance: random.Random, seeds: Sequence[bytes], words: Sequence[bytes] = ()) -> bytes:
    """One of the seeds with some things changed: bits, bytes, stretches, numbers, words of the format."""
    data = bytearray(chance.choice(seeds))
    for _ in range(chance.choice((1, 1, 2, 4, 16))):
        _change(data, chance, seeds, words)
    return bytes(data)


def _change(data: bytearray, chance: random.Random, seeds: Sequence[bytes], words: Sequence[bytes]) -> None:
    start = chance.randrange(len(data) + 1)
    end = min(len(data), start + chance.choice((1, 2, 4, 8, 64, 1024)))
    kind = chance.randrange(8)
    if kind == 0 and start < len(data):
        data[start] ^= 1 << chance.randrange(8)
    elif kind == 1:
        data[start:end] = chance.randbytes(end - start)
    elif kind == 2:
        del data[start:end]
    elif kind == 3:
        data[start:start] = data[start:end] * chance.choice((1, 1, 2, 100))
    elif kind == 4:
        size = chance.choice((1, 2, 4, 8))
        data[start : start + size] = (chance.choice(_INTERESTING) & (1 << 8 * size) - 1).to_bytes(size, "little")
    elif kind == 5 and words:
        data[start:end] = chance.choice(words)
    elif kind == 6 and words:
        data[start:start] = chance.choice(words)
    else:
        other = chance.choice(seeds)
        cut = chance.randrange(len(other) + 1)
        data[start:end] = other[cut : cut + chance.choice((4, 64, 1024))]
