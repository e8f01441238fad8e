"""Models of some megabytes, made for a test, and what lies in a folder afterwards."""

from __future__ import annotations

import io
import random
import zipfile
from collections.abc import Mapping
from pathlib import Path

from hub_server import SAVED_MODEL

METADATA = "metadata/part-00000"


def make_model(size_bytes: int, seed: int = 1) -> dict[str, bytes]:
    """A saved annotator whose weights cannot be compressed: four parts of five in one file, the rest in four."""
    chance = random.Random(seed)
    part = size_bytes // 20
    small = {f"storage/part-{number:05}": chance.randbytes(part) for number in range(4)}
    return SAVED_MODEL | small | {"weights": chance.randbytes(size_bytes - 4 * part)}


def pack(members: Mapping[str, bytes]) -> bytes:
    """The zip of a model, about as long as its weights; every second member is stored as it is."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", compresslevel=1) as archive:
        for number, (name, content) in enumerate(members.items()):
            archive.writestr(name, content, (zipfile.ZIP_DEFLATED, zipfile.ZIP_STORED)[number % 2])
    return packed.getvalue()


def files_of(folder: Path) -> dict[str, bytes]:
    """All files below a folder."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
