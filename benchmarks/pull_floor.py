"""The derived floor of ``pull.py``: how long a model takes when nothing is in the way but this machine and the link.

It is derived from rates that are measured beside the runs, each at its best, warm, on one core:

- ``start_s``: a Python that does nothing;
- ``receive``: ``curl`` from the unlimited link to nowhere, the server on the same machine;
- ``inflate``: weights inflated in memory by isal, the fastest library that works on a stream (by zlib where isal is not
  installed: a higher floor, so the table names the library);
- ``write``: to a file that is allocated already.

Three things bound a pull from below, and overlap at best, so the slowest of them counts::

    link     size of the zip / rate of the link; paced, that of 16 connections together
    inflate  size of the largest member / inflate: one member cannot be inflated in parallel
    work     (zip / receive + unpacked / inflate + unpacked / write) / cores

    floor    start_s + lag + max(link, inflate, work)

``lag`` is what a link with a round trip adds: one round trip to connect, then one for each turn of slow start until
what 16 connections bring in a round trip is more than can be inflated in it.
"""

from __future__ import annotations

import importlib
import os
import statistics
import subprocess
import sys
import time
import zipfile
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from pull_archives import weights
from pull_links import PACE_BYTES_PER_S, ROUND_TRIP_S, find_tool

_CONNECTIONS = 16  # more gain nothing: 16 paced ones bring more than a core inflates
_FIRST_WINDOW_BYTES = 10 * 1448  # of each connection (RFC 6928); doubles every round trip
_SAMPLE_BYTES = 32 << 20
_RECEIVED_BYTES = 256 << 20
_TRIES = 15


@dataclass(frozen=True, kw_only=True)
class Machine:
    """What this machine does at its best.

    Attributes:
        inflate_library: ``isal``, or ``zlib`` where that is not installed.
    """

    cores: int
    start_s: float
    receive_bytes_per_s: float
    inflate_bytes_per_s: float
    write_bytes_per_s: float
    inflate_library: str

    @classmethod
    def measured(cls, hub_uri: str, hub: Path) -> Machine:
        """Measure it.

        Args:
            hub_uri: The unlimited link.
            hub: The folder that is served there.
        """
        sample = list(weights("sample", _SAMPLE_BYTES))
        with (hub / "received").open("wb") as file:
            file.truncate(_RECEIVED_BYTES)
        receive = [find_tool("curl"), "-sSf", "-o", os.devnull, f"{hub_uri}/received"]
        return cls(
            cores=os.cpu_count() or 1,
            start_s=statistics.median(_times(lambda: subprocess.run([sys.executable, "-c", "pass"], check=True))),
            receive_bytes_per_s=_RECEIVED_BYTES / min(_times(lambda: subprocess.run(receive, check=True))),
            inflate_bytes_per_s=_SAMPLE_BYTES / _inflate_s(sample),
            write_bytes_per_s=_SAMPLE_BYTES / _write_s(sample, hub / "written"),
            inflate_library=_inflate_library().__name__.rpartition(".")[2].removesuffix("_zlib"),
        )

    def floor_s(self, archive: Path, link: str) -> float:
        """How long the download of an archive and its unpacking take at least, from start to end of the process."""
        with zipfile.ZipFile(archive) as source:
            sizes_bytes = [member.file_size for member in source.infolist()]
        zip_bytes, unpacked_bytes = archive.stat().st_size, sum(sizes_bytes)
        paced = _CONNECTIONS * PACE_BYTES_PER_S if link == "b" else self.receive_bytes_per_s
        link_s = zip_bytes / min(paced, self.receive_bytes_per_s)
        inflate_s = max(sizes_bytes) / self.inflate_bytes_per_s
        work_s = zip_bytes / self.receive_bytes_per_s + unpacked_bytes / self.inflate_bytes_per_s
        work_s = (work_s + unpacked_bytes / self.write_bytes_per_s) / self.cores
        lag_s = _lag_s(zip_bytes, self.inflate_bytes_per_s) if link == "c" else 0.0
        return self.start_s + lag_s + max(link_s, inflate_s, work_s)

    def __str__(self) -> str:
        rates = (self.receive_bytes_per_s, self.inflate_bytes_per_s, self.write_bytes_per_s)
        receive, inflate, write = (f"{rate / 1e6:,.0f} MB/s" for rate in rates)
        inflate = f"{inflate} ({self.inflate_library})"
        return f"{self.cores} cores; start {self.start_s:.3f} s, receive {receive}, inflate {inflate}, write {write}"


def _lag_s(zip_bytes: int, rate_bytes_per_s: float) -> float:
    """How much longer slow start takes for the first bytes than their inflation, which it delays."""
    arrived_bytes, window_bytes, now_s = 0, _CONNECTIONS * _FIRST_WINDOW_BYTES, ROUND_TRIP_S
    while arrived_bytes < zip_bytes and window_bytes < rate_bytes_per_s * ROUND_TRIP_S:
        arrived_bytes += window_bytes
        window_bytes *= 2
        now_s += ROUND_TRIP_S
    return now_s - min(arrived_bytes, zip_bytes) / rate_bytes_per_s


def _inflate_library() -> ModuleType:
    """The fastest library that inflates a stream which this Python has."""
    try:
        return importlib.import_module("isal.isal_zlib")
    except ImportError:
        return zlib


def _inflate_s(sample: Sequence[bytes]) -> float:
    deflater, library = zlib.compressobj(), _inflate_library()
    packed = [deflater.compress(piece) for piece in sample] + [deflater.flush()]

    def inflate() -> None:
        inflater = library.decompressobj()
        for piece in packed:
            inflater.decompress(piece)

    return min(_times(inflate))


def _write_s(sample: Sequence[bytes], path: Path) -> float:
    with path.open("wb", buffering=0) as file:
        file.writelines(sample)  # allocates

        def write() -> None:
            file.seek(0)
            file.writelines(sample)

        taken_s = min(_times(write))
    path.unlink()
    return taken_s


def _times(action: Callable[[], object]) -> list[float]:
    """Seconds of each of several runs."""
    taken_s = []
    for _ in range(_TRIES):
        started_s = time.perf_counter()
        action()
        taken_s.append(time.perf_counter() - started_s)
    return taken_s
