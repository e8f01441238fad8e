"""The CRC-32 of files, several at once, and whether they agree with the sums that Hadoop left beside them.

Hadoop writes ``.NAME.crc`` beside ``NAME``: ``crc`` and a NUL, how many bytes each sum covers, and a CRC-32 for so many
bytes each, all big-endian.
"""

from __future__ import annotations

import os
import struct
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from modelhub.deflate import crc32_of
from modelhub.disk import open_regular
from modelhub.quick_dataclasses import dataclass

_READ_BYTES = 1 << 20
_THREADS = min(4, os.cpu_count() or 1)  # a disk that is faster than four of them is rare
_HEADER = struct.Struct(">4si")
_MAGIC = b"crc\0"
_MAX_CHUNK_BYTES = 1 << 16
# Who verifies uses nothing: when a file was last read is how ``prune`` tells what is in use.
_UNNOTICED = getattr(os, "O_NOATIME", 0)


@dataclass(frozen=True, kw_only=True)
class FileSum:
    """What is in a file.

    Attributes:
        crc32: Its CRC-32; ``None`` where it cannot be read.
        is_as_summed: Whether Hadoop's sums beside it agree; ``None`` where there are none.
        error: Why it cannot be read.
    """

    crc32: int | None
    is_as_summed: bool | None = None
    error: str = ""


def sum_files(paths: Iterable[Path], on_bytes: Callable[[int], None] = lambda size_bytes: None) -> dict[Path, FileSum]:
    """Read files, several at once.

    Args:
        paths: Which.
        on_bytes: Called with how many bytes were just read: by any thread, and perhaps by two at once.
    """
    every = list(paths)
    if len(every) < 2 or _THREADS < 2:
        return {path: sum_file(path, on_bytes) for path in every}
    from concurrent.futures import ThreadPoolExecutor  # 10 ms that only a deep look need pay

    stopping = threading.Event()

    def count(size_bytes: int) -> None:
        if stopping.is_set():
            raise _StoppedError
        on_bytes(size_bytes)

    # The largest first, so that no thread is left alone with it at the end.
    every.sort(key=_size_of, reverse=True)
    with ThreadPoolExecutor(_THREADS, thread_name_prefix="verify") as threads:
        try:
            return dict(zip(every, threads.map(lambda path: sum_file(path, count), every), strict=True))
        except BaseException:  # an interrupt: nobody wants to wait until a file of some GB is read to its end
            stopping.set()
            threads.shutdown(wait=False, cancel_futures=True)
            raise


def sum_file(path: Path, on_bytes: Callable[[int], None] = lambda size_bytes: None) -> FileSum:
    """Read one file."""
    sums = _HadoopSums.beside(path)
    crc = 0
    try:
        for piece in _pieces(path):
            crc = crc32_of(piece, crc)
            if sums:
                sums.take(piece)
            on_bytes(len(piece))
    except OSError as exc:
        return FileSum(crc32=None, error=exc.strerror or str(exc))
    return FileSum(crc32=crc, is_as_summed=sums.is_met() if sums else None)


def hadoop_sums_of(path: str) -> str:
    """Where Hadoop keeps the sums of a file."""
    folder, slash, name = path.rpartition("/")
    return f"{folder}{slash}.{name}.crc"


def summed_by_hadoop(path: str) -> str:
    """The file whose sums are in a file; "" where its name is not one of sums."""
    folder, slash, name = path.rpartition("/")
    is_sums = name.startswith(".") and name.endswith(".crc")
    return f"{folder}{slash}{name[1:].removesuffix('.crc')}" if is_sums else ""


def by_path_below(folder: Path, paths: Iterable[str], sums: Mapping[Path, FileSum]) -> dict[str, FileSum]:
    """The sums of files, where they were read, by their paths below a folder."""
    found = ((path, sums.get(folder / path)) for path in paths)
    return {path: file_sum for path, file_sum in found if file_sum}


class _StoppedError(Exception):
    """Nobody wants to know it any more."""


class _HadoopSums:
    """Compares the bytes of a file with sums of so many bytes each."""

    def __init__(self, chunk_bytes: int, sums: bytes) -> None:
        self._chunk_bytes = chunk_bytes
        self._sums = memoryview(sums)
        self._rest = b""
        self._is_met = True

    @classmethod
    def beside(cls, path: Path) -> _HadoopSums | None:
        """The sums that lie beside a file, if there are any that can be read."""
        try:
            data = path.with_name(f".{path.name}.crc").read_bytes()
            magic, chunk_bytes = _HEADER.unpack_from(data)
        except (OSError, struct.error):
            return None
        if magic != _MAGIC or not 0 < chunk_bytes <= _MAX_CHUNK_BYTES:
            return None
        return cls(chunk_bytes, data[_HEADER.size :])

    def take(self, piece: memoryview) -> None:
        """Compare the next bytes."""
        view = memoryview(self._rest + bytes(piece)) if self._rest else piece
        whole = len(view) // self._chunk_bytes
        for start in range(0, whole * self._chunk_bytes, self._chunk_bytes):
            self._compare(view[start : start + self._chunk_bytes])
        self._rest = bytes(view[whole * self._chunk_bytes :])

    def is_met(self) -> bool:
        """Whether all sums agree, and there is one for every byte."""
        if self._rest:
            self._compare(memoryview(self._rest))
        return self._is_met and not self._sums

    def _compare(self, chunk: memoryview) -> None:
        expected, self._sums = self._sums[:4], self._sums[4:]
        self._is_met = self._is_met and crc32_of(chunk, 0).to_bytes(4, "big") == expected


def _pieces(path: Path) -> Iterator[memoryview]:
    with os.fdopen(_descriptor(path), "rb", buffering=0) as file:
        buffer = memoryview(bytearray(_READ_BYTES))
        while size_bytes := file.readinto(buffer):
            yield buffer[:size_bytes]


def _descriptor(path: Path) -> int:
    if _UNNOTICED:
        with suppress(PermissionError):  # only the owner may
            return open_regular(path, _UNNOTICED)
    return open_regular(path)


def _size_of(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
