"""Hubs and caches for the tests of verify and repair: a model that is installed, and what may befall it."""

from __future__ import annotations

import os
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from hub_server import HubFolder
from model_files import make_model, pack

from modelhub.hub import Hub
from modelhub.progress import Progress

KEY = "tiny_pos_en_4.0.0_3.0_1657118162458"
MIB = 1 << 20
FILES = make_model(MIB)
WEIGHTS, PART, METADATA = "weights", "storage/part-00002", "metadata/part-00000"


class Workshop:
    """Opens hubs with one cache, hears what they say, and closes them in the end."""

    def __init__(self, cache: Path) -> None:
        self.cache = cache
        self.notes: list[str] = []
        self.moments: list[Progress] = []
        self.opened: list[Hub] = []

    def __call__(self, **settings: Any) -> Hub:
        settings = {"timeout": 0.5, "cache": self.cache, **settings}
        self.opened.append(Hub(on_note=self.notes.append, on_progress=self.moments.append, **settings))
        return self.opened[-1]

    def put(self, files: Mapping[str, bytes] = FILES, key: str = KEY) -> Path:
        """An entry as Spark NLP leaves it: without a manifest of ours."""
        return put_files(self.cache / key, files)


def put_files(folder: Path, files: Mapping[str, bytes]) -> Path:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return folder


def publish(hub_folder: HubFolder, files: Mapping[str, bytes] = FILES, key: str = KEY) -> bytes:
    """Put the zip of a model into a hub."""
    content = pack(files)
    hub_folder.add(key, content)
    return content


def rot(path: Path) -> None:
    """Change a bit as a disk does: nobody has written to the file."""
    times = path.stat()
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))


def change(path: Path) -> None:
    """Write other content of the same size, an hour after the installation."""
    written_ns = path.stat().st_mtime_ns
    path.write_bytes(path.read_bytes()[::-1])
    os.utime(path, ns=(written_ns, written_ns + 3600 * 10**9))


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def sums_of(content: bytes) -> bytes:
    """What Hadoop writes beside a file."""
    chunks = (content[start : start + 512] for start in range(0, len(content), 512))
    return b"crc\0\0\0\2\0" + b"".join(zlib.crc32(chunk).to_bytes(4, "big") for chunk in chunks)


Damage = Callable[[Path], object]
