"""Entries of the cache: what was installed as one, and whether that is what lies there."""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from modelhub.artifacts import ArtifactKey
from modelhub.errors import ArchiveError, IntegrityError
from modelhub.members import Member
from modelhub.saved_models import read_saved_model

_READ_BYTES = 1 << 20
_FINDERS = ".DS_Store"  # macOS puts one wherever somebody looks


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """What was installed as an entry.

    Attributes:
        s3_uri: Canonical URI of the zip.
        sha256: Hex digest of the zip.
        zip_bytes: Size of the zip.
        files: Every file of the entry.
    """

    key: str
    s3_uri: str
    sha256: str
    zip_bytes: int
    files: tuple[Member, ...]

    @property
    def size_bytes(self) -> int:
        """Bytes of all files."""
        return sum(file.size_bytes for file in self.files)

    def to_dict(self) -> dict[str, Any]:
        """The manifest as JSON values."""
        return {"schema": 1, **asdict(self), "files": [asdict(file) for file in self.files]}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Manifest:
        """Inverse of :meth:`to_dict`."""
        return cls(
            key=data["key"],
            s3_uri=data["s3_uri"],
            sha256=data["sha256"],
            zip_bytes=data["zip_bytes"],
            files=tuple(Member(**file) for file in data["files"]),
        )


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One unpacked model of a cache, and its state.

    Attributes:
        state: ``good``, ``partial`` (an interrupted unpack), or ``altered`` (files differ from the manifest).
        problems: What is wrong, a sentence each.
        has_manifest: Whether we installed it; Spark NLP's own entries have none.
    """

    key: ArtifactKey
    path: Path
    size_bytes: int
    state: str
    problems: tuple[str, ...] = ()
    has_manifest: bool = False

    @property
    def is_good(self) -> bool:
        """Whether nothing is wrong with it, as far as was looked."""
        return self.state == "good"

    def damage(self) -> IntegrityError:
        """What to say of an entry that is not good, and how to mend it."""
        hint = f"modelhub pull {self.key} brings it anew."
        if self.state == "altered":
            hint = f"If nobody meant to change it: modelhub rm {self.key}, then modelhub pull {self.key}"
        return IntegrityError(f"{self.path} is {self.state}: {' '.join(self.problems)}", hint=hint)

    def to_dict(self) -> dict[str, Any]:
        """The entry as it stands in JSON answers."""
        return {
            "key": str(self.key),
            "name": self.key.name,
            "language": self.key.language,
            "path": str(self.path),
            "size_bytes": self.size_bytes,
            "state": self.state,
            "problems": list(self.problems),
            "installed_by": "modelhub" if self.has_manifest else "other",
        }


def examine(key: ArtifactKey, path: Path, manifest: Manifest | None, *, is_deep: bool = False) -> Entry:
    """Find out the state of a folder.

    Args:
        key: What it is called.
        path: The folder.
        manifest: What was installed there, if we know.
        is_deep: Whether every byte is read and its CRC-32 compared, not only names and sizes.
    """
    sizes = _sizes_in(path)
    problems = [f"{leftover.name} beside it is left from an interrupted unpack." for leftover in zips_beside(path)]
    try:
        read_saved_model(path)
    except ArchiveError as exc:
        problems.append(exc.message)
    state = "partial" if problems else "good"
    if manifest:
        differences = [*_differences(path, manifest, is_deep), *_additions(sizes, manifest)]
        problems += differences
        state = "altered" if differences else state
    return Entry(
        key=key,
        path=path,
        size_bytes=sum(sizes.values()),
        state=state,
        problems=tuple(problems),
        has_manifest=manifest is not None,
    )


def zips_beside(path: Path) -> list[Path]:
    """What Spark NLP leaves beside a folder when its unpacking is interrupted: the zip, and its check sums."""
    candidates = (path.with_name(f"{path.name}.zip"), path.with_name(f".{path.name}.zip.crc"))
    return [candidate for candidate in candidates if candidate.is_file()]


def _sizes_in(folder: Path) -> dict[str, int]:
    """The size of every file by its path below the folder; somebody else may be removing them meanwhile."""
    sizes: dict[str, int] = {}
    for parent, _, names in os.walk(folder):
        for name in names:
            path = Path(parent, name)
            with suppress(OSError):
                sizes[path.relative_to(folder).as_posix()] = path.stat().st_size
    return sizes


def _differences(folder: Path, manifest: Manifest, is_deep: bool) -> Iterator[str]:
    for file in manifest.files:
        path = folder / file.path
        try:
            size_bytes = path.stat().st_size
            if size_bytes != file.size_bytes:
                yield f"{file.path} has {size_bytes:,} bytes, not {file.size_bytes:,}."
            elif is_deep and _crc32_of(path) != file.crc32:
                yield f"{file.path} has other content than was installed."
        except FileNotFoundError:
            yield f"{file.path} is missing."
        except OSError as exc:
            yield f"{file.path} cannot be read: {exc.strerror or exc}."


def _additions(names: Mapping[str, int], manifest: Manifest) -> Iterator[str]:
    installed = {file.path for file in manifest.files}
    for name in sorted(names.keys() - installed):
        folder, slash, file_name = name.rpartition("/")
        # Hadoop keeps the check sums of NAME in .NAME.crc, and writes them also where a model is only used.
        summed = file_name[1:].removesuffix(".crc") if file_name.startswith(".") and file_name.endswith(".crc") else ""
        if file_name != _FINDERS and f"{folder}{slash}{summed}" not in installed:
            yield f"{name} was added."


def _crc32_of(path: Path) -> int:
    crc = 0
    with path.open("rb") as file:
        while chunk := file.read(_READ_BYTES):
            crc = zlib.crc32(chunk, crc)
    return crc
