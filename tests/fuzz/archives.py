"""Zip archives, mutated and generated: never another error than ours, nothing outside, and what zipfile reads."""

from __future__ import annotations

import contextlib
import random
import shutil
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from fuzz.fuzzing import mutated
from hostile_archives import ATTACKS, TEXT, Raw, archive, endless, zip64_archive
from hub_server import make_zip
from model_files import make_model, pack

from modelhub.bounds import Bounds
from modelhub.errors import ArchiveError, ModelHubError, StorageError
from modelhub.unpack import unpack_stream
from modelhub.unpack_members import read_directory, unpack_members
from modelhub.zipformat import checked_path

SEEDS = [
    make_zip(),
    pack(make_model(2000)),
    zip64_archive(),
    archive(Raw("a/b"), endless("c"), Raw("d/", b"")),
    *(attack.make() for attack in ATTACKS.values() if not attack.is_slow and "300 MB" not in attack.words),
]
SEEDS = [seed for seed in SEEDS if seed and len(seed) < 10_000]
WORDS = [
    b"PK\1\2",
    b"PK\3\4",
    b"PK\5\6",
    b"PK\6\6",
    b"PK\6\7",
    b"PK\7\x08",
    b"../",
    b"\1\0\x10\0",
    b"\xff" * 4,
    b"\0" * 4,
]
NAMES = [
    *(f"{name}{n}" for n in range(9) for name in ("a", "b/c")),
    "a",
    "a/b",
    "a/",
    "./a",
    "../a",
    "/a",
    "A",
    "a\\b",
    "C:a",
    "nul",
    "é",
    "",
    ".",
    "a\0",
    "n" * 300,
    "d/" * 101,
    "metadata/part-0",
]
NUMBERS = [0, 1, 5, 8, 31, 0x7FFF, 0xFFFF, 0xFFFFFFFF]
IN_MEMORY = Path("/dev/shm")  # where there is one: most of the time goes into making and deleting folders
BOUNDS = Bounds(max_unpacked_bytes=64 << 20)


def make(chance: random.Random) -> bytes:
    """A mutated archive, or one that is generated with some fields that lie."""
    if chance.random() < 0.5:
        return mutated(chance, SEEDS, WORDS)
    members = [_member(chance) for _ in range(chance.randrange(4))]
    end = {name: chance.choice(NUMBERS) & 0xFFFF for name in ("disk", "here", "count") if chance.random() < 0.03}
    behind = b"behind" if chance.random() < 0.05 else b""
    data = archive(*members, tail=behind, gap=b"gap" if chance.random() < 0.05 else b"", **end)
    return mutated(chance, [data], WORDS) if chance.random() < 0.3 else data


def _member(chance: random.Random) -> Raw:
    if chance.random() < 0.1:
        return endless(chance.choice(NAMES))
    lies: list[dict[str, Any]] = [{}, {}]
    for lie in lies:
        if chance.random() < 0.05:
            lie[chance.choice(("crc", "packed_bytes", "size", "flags", "method"))] = chance.choice(NUMBERS)
    for lie in lies:
        for name in ("flags", "method"):
            if name in lie:
                lie[name] &= 0xFFFF
    return Raw(
        chance.choice(NAMES),
        chance.choice((b"", TEXT, bytes(5000))),
        method=chance.choice((0, 8, 8)),
        flags=chance.choice((0, 8, 1 << 11, 1 << 11 | 8)),
        attributes=chance.choice((0, 0, 0o100644 << 16, 0o120777 << 16)),
        local=lies[0],
        central=lies[1],
        copies_in_directory=chance.choice((1, 1, 1, 1, 1, 1, 1, 1, 0, 2)),
    )


def check(data: bytes) -> bool:
    """Unpack on both ways, and compare them with each other and with zipfile."""
    root = Path(tempfile.mkdtemp(prefix="fuzz-", dir=IN_MEMORY if IN_MEMORY.is_dir() else None))
    try:
        streamed = _files_of(root / "streamed", lambda folder: _stream(data, folder))
        by_members = _files_of(root / "members", lambda folder: _by_members(data, folder))
        assert {path.name for path in root.iterdir()} == {"streamed", "members"}
        assert streamed == by_members
        if streamed is not None:
            (root / "zip").write_bytes(data)  # in memory zipfile takes what lies before the beginning for the beginning
            with contextlib.suppress(NotImplementedError):  # a version of the format that it has not heard of
                assert streamed == _by_zipfile(root / "zip")
    finally:
        shutil.rmtree(root)
    return streamed is not None


def _stream(data: bytes, folder: Path) -> None:
    size = (1, 7, 1000, 1 << 20)[len(data) % 4]
    unpack_stream((data[at : at + size] for at in range(0, len(data), size)), folder, bounds=BOUNDS)


def _by_members(data: bytes, folder: Path) -> None:
    zipped = _InMemory(data)
    unpack_members(zipped, read_directory(zipped), folder, threads=1, bounds=BOUNDS)


class _InMemory:
    """An archive that can be read at any offset."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.size_bytes = len(data)

    def read_at(self, offset: int, length: int) -> bytes:
        assert offset >= 0 and length >= 0
        return self.data[offset : offset + length]


def _files_of(folder: Path, unpack: Callable[[Path], None]) -> dict[str, bytes] | None:
    """What is unpacked there; ``None`` where it is refused."""
    folder.mkdir()
    try:
        unpack(folder)
    except ModelHubError as exc:
        assert isinstance(exc, (ArchiveError, StorageError)), exc
        assert exc.message.isprintable() and exc.message.endswith("."), exc.message
        return None
    assert not any(path.is_symlink() for path in folder.rglob("*"))
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def _by_zipfile(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as archive:
        return {
            checked_path(line.orig_filename): archive.read(line) for line in archive.infolist() if not line.is_dir()
        }
