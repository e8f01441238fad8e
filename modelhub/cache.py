"""The cache that Spark NLP reads: ``{cache}/{key}/``, and nothing partial ever bears that name.

Spark NLP looks for nothing but a folder's existence (``S3ResourceDownloader.scala``), so a folder appears whole, by one
rename, and nothing of ours lies in it. Ours is beside, in ``{cache}/.modelhub/``: ``staging/`` (folders being built),
``manifests/`` (files of each entry), ``digests/`` (SHA-256 of each zip ever installed), ``waits/`` (mutual exclusion).
"""

from __future__ import annotations

import errno
import json
import os
import shutil
import uuid
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from modelhub.artifacts import ArtifactKey
from modelhub.errors import ArchiveError, ModelHubError, StorageError, UsageError, WaitTimeoutError
from modelhub.members import Member
from modelhub.saved_models import read_saved_model

_OURS = ".modelhub"
_READ_BYTES = 1 << 20


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
        state: ``good``, ``partial`` (an interrupted unpack), ``altered`` (files differ from the manifest), or
            ``unchecked`` where nobody looked.
        problems: What is wrong, a sentence each.
        has_manifest: Whether we installed it; Spark NLP's own entries have none.
    """

    key: ArtifactKey
    path: Path
    size_bytes: int
    state: str = "unchecked"
    problems: tuple[str, ...] = ()
    has_manifest: bool = False

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


class Cache:
    """One cache folder that is written, and further ones that are only looked up.

    Args:
        root: The folder; it is made when the first entry is installed.
        readonly: More folders of the same layout.
        wait_s: How long to wait for another process that installs the same entry.
    """

    def __init__(self, root: Path, *, readonly: Sequence[Path] = (), wait_s: float = 3600.0) -> None:
        self.root = root
        self._readonly = tuple(readonly)
        self._wait_s = wait_s
        self._ours = root / _OURS

    def find(self, key: ArtifactKey) -> Path | None:
        """The folder of an entry, or ``None``."""
        for root in (self.root, *self._readonly):
            path = root / str(key)
            if path.is_dir():
                return path
        return None

    def install(self, key: ArtifactKey, fill: Callable[[Path], Manifest]) -> Path:
        """Make an entry appear, whole.

        Args:
            key: The entry.
            fill: Given an empty staging folder, puts all files there and returns their manifest; raises when anything
                is off, and then nothing is installed.

        Raises:
            WaitTimeoutError: Another process installs the same entry for too long.
            StorageError: The disk is full, or the folder cannot be written.
        """
        with _disk_errors(self.root), self._exclusively(key):
            target = self.root / str(key)
            if target.is_dir():
                return target
            staging = self._ours / "staging" / f"{key}.{os.getpid()}.{uuid.uuid4().hex[:8]}"
            staging.mkdir(parents=True)
            try:
                manifest = fill(staging)
                self._write_record(manifest)
                _rename_folder(staging, target)
            finally:
                shutil.rmtree(staging, ignore_errors=True)
            return target

    def folders(self) -> list[tuple[ArtifactKey, Path]]:
        """Key and path of every entry; a folder that bears no key is not ours to judge."""
        return [pair for root in (self.root, *self._readonly) for pair in _folders_of(root)]

    def entries(self) -> list[Entry]:
        """Every entry with its size, by name."""
        return sorted(
            (
                Entry(key=key, path=path, size_bytes=_size_of(path), has_manifest=self._is_ours(key, path))
                for key, path in self.folders()
            ),
            key=lambda entry: str(entry.path),
        )

    def verify(self, entry: Entry, *, is_deep: bool = False) -> Entry:
        """The entry with its state found out.

        Args:
            entry: One of :meth:`entries`.
            is_deep: Whether every byte is read and its CRC-32 compared, not only names and sizes.
        """
        manifest = self.manifest(entry.key) if entry.path.parent == self.root else None
        problems = _leftovers(entry.path)
        state = "partial" if problems else "good"
        try:
            read_saved_model(entry.path)
        except ArchiveError as exc:
            state = "partial"
            problems.append(exc.message)
        if manifest and (differences := list(_differences(entry.path, manifest, is_deep))):
            state = "altered"
            problems += differences
        return Entry(
            key=entry.key,
            path=entry.path,
            size_bytes=entry.size_bytes,
            state=state,
            problems=tuple(problems),
            has_manifest=manifest is not None,
        )

    def remove(self, entry: Entry) -> None:
        """Delete an entry, a zip that lies beside it, and its manifest. Its digest is kept.

        Raises:
            UsageError: The entry lies in a cache that is only looked up.
            StorageError: It cannot be deleted.
        """
        if entry.path.parent != self.root:
            raise UsageError(f"{entry.path} lies in a read-only cache.", hint="Remove it where that cache is managed.")
        with _disk_errors(self.root), self._exclusively(entry.key):
            # Out of sight in one step: an interrupted removal must not leave half a model under its name.
            doomed = self._ours / "staging" / f"{entry.key}.removed.{uuid.uuid4().hex[:8]}"
            doomed.parent.mkdir(parents=True, exist_ok=True)
            entry.path.rename(doomed)
            if doomed.is_symlink():  # what it leads to is not ours
                doomed.unlink()
            else:
                shutil.rmtree(doomed)
            for leftover in (self._manifest_path(entry.key), *_zips_beside(entry.path)):
                leftover.unlink(missing_ok=True)

    def manifest(self, key: ArtifactKey) -> Manifest | None:
        """The manifest of an entry that we installed."""
        try:
            return Manifest.from_dict(json.loads(self._manifest_path(key).read_text(encoding="utf-8")))
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def digest(self, key: ArtifactKey) -> str:
        """The SHA-256 of the zip as it was first installed here; "" where it never was."""
        try:
            return self._digest_path(key).read_text(encoding="ascii").strip().removeprefix("sha256:")
        except (OSError, ValueError):
            return ""

    def _is_ours(self, key: ArtifactKey, path: Path) -> bool:
        return path.parent == self.root and self._manifest_path(key).is_file()

    def _manifest_path(self, key: ArtifactKey) -> Path:
        return self._ours / "manifests" / f"{key}.json"

    def _digest_path(self, key: ArtifactKey) -> Path:
        return self._ours / "digests" / str(key)

    def _write_record(self, manifest: Manifest) -> None:
        """Manifest and digest are there before the entry is: one without an entry harms nothing."""
        key = ArtifactKey.parse(manifest.key)
        _write_text(self._manifest_path(key), json.dumps(manifest.to_dict(), indent=1))
        _write_text(self._digest_path(key), f"sha256:{manifest.sha256}\n")

    @contextmanager
    def _exclusively(self, key: ArtifactKey) -> Iterator[None]:
        from filelock import FileLock, Timeout  # only a pull or rm needs it

        path = self._ours / "waits" / f"{key}.lock"
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with FileLock(path, timeout=self._wait_s):
                yield
        except Timeout as exc:
            raise WaitTimeoutError(
                f"Another process has been busy with {key} for {self._wait_s:g} s.",
                hint="Wait for it, or raise MODELHUB_WAIT.",
            ) from exc


def _folders_of(root: Path) -> Iterator[tuple[ArtifactKey, Path]]:
    try:
        names = sorted(item.name for item in os.scandir(root) if item.is_dir())
    except OSError:
        return
    for name in names:
        with suppress(UsageError):
            yield ArtifactKey.parse(name), root / name


def _rename_folder(staging: Path, target: Path) -> None:
    try:
        staging.rename(target)
    except OSError as exc:
        # Somebody without our exclusion (Spark NLP, another host) was first: theirs stays, ours goes.
        if exc.errno not in (errno.ENOTEMPTY, errno.EEXIST) or not target.is_dir():
            raise


def _leftovers(path: Path) -> list[str]:
    return [f"{zip_path.name} beside it is left from an interrupted unpack." for zip_path in _zips_beside(path)]


def _zips_beside(path: Path) -> list[Path]:
    candidates = (path.with_name(f"{path.name}.zip"), path.with_name(f".{path.name}.zip.crc"))
    return [candidate for candidate in candidates if candidate.is_file()]


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


def _crc32_of(path: Path) -> int:
    crc = 0
    with path.open("rb") as file:
        while chunk := file.read(_READ_BYTES):
            crc = zlib.crc32(chunk, crc)
    return crc


def _size_of(folder: Path) -> int:
    size_bytes = 0
    for path in folder.rglob("*"):
        with suppress(OSError):  # somebody else may be removing the entry
            size_bytes += path.stat().st_size if path.is_file() else 0
    return size_bytes


def _write_text(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f"{path.name}.{os.getpid()}.{uuid.uuid4().hex[:8]}")
    try:
        temporary.write_text(text, encoding="utf-8")
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def _disk_errors(root: Path) -> Iterator[None]:
    try:
        yield
    except ModelHubError:
        raise
    except OSError as exc:
        reason = exc.strerror or str(exc)
        hint = "Set MODELHUB_CACHE (or --cache) to a folder that you may write to."
        if exc.errno in (errno.ENOSPC, errno.EDQUOT):
            hint = "Free some space (modelhub list shows what is there), or set MODELHUB_CACHE to another disk."
        raise StorageError(
            f"The cache {root} cannot be written: {reason} ({exc.filename or root}).", hint=hint
        ) from exc
