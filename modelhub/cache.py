"""The cache that Spark NLP reads: ``{cache}/{key}/``, and nothing partial ever bears that name.

Spark NLP looks for nothing but a folder's existence (``S3ResourceDownloader.scala``), so a folder appears whole, by one
rename, and nothing of ours lies in it. Ours is beside, in ``{cache}/.modelhub/``: ``staging/`` (folders being built),
``manifests/`` (files of each entry), ``digests/`` (SHA-256 of each zip ever installed), ``waits/`` (mutual exclusion).
"""

from __future__ import annotations

import errno
import json
import os
import re
import shutil
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from pathlib import Path

from modelhub.artifacts import ArtifactKey
from modelhub.disk import disk_errors
from modelhub.entries import Entry, Manifest, examine, zips_beside
from modelhub.errors import IntegrityError, UsageError, WaitTimeoutError

__all__ = ["Cache", "Entry", "Manifest"]

_OURS = ".modelhub"


class Cache:
    """One cache folder that is written, and further ones that are only looked up.

    Args:
        root: The folder; it is made when the first entry is installed.
        readonly: More folders of the same layout.
        wait_s: How long to wait for another process that installs the same entry.
        on_wait: Called with a sentence when such a wait begins.
    """

    def __init__(
        self,
        root: Path,
        *,
        readonly: Sequence[Path] = (),
        wait_s: float = 3600.0,
        on_wait: Callable[[str], None] | None = None,
    ) -> None:
        self.root = root
        self._roots = (root, *readonly)
        self._wait_s = wait_s
        self._on_wait = on_wait or (lambda sentence: None)
        self._ours = root / _OURS

    def find(self, key: ArtifactKey) -> Path | None:
        """The folder of an entry, or ``None``; the cache that is written comes first. Nobody looks into it."""
        return next((path for root in self._roots if _is_folder(path := root / str(key))), None)

    def state_of(self, key: ArtifactKey) -> Entry | None:
        """The entry that :meth:`find` finds, with its state as far as names and sizes tell it, or ``None``."""
        path = self.find(key)
        return self._examined(key, path) if path else None

    def install(self, key: ArtifactKey, fill: Callable[[Path], Manifest], *, is_replacing: bool = False) -> Path:
        """Make an entry appear, whole; one that is there and good stays as it is.

        Args:
            key: The entry.
            fill: Given an empty staging folder, puts all files there and returns their manifest; raises when anything
                is off, and then nothing is installed.
            is_replacing: Whether one that is there and not good gives way.

        Raises:
            IntegrityError: One that is not good is there, or another program made it meanwhile.
            WaitTimeoutError: Another process installs the same entry for too long.
            StorageError: The disk is full, or the folder cannot be written.
            Exception: What ``fill`` raises.
        """
        target = self.root / str(key)
        with self._disk_errors(), self._exclusively(key):
            self._sweep_staging(key)
            there = self._entry_at(key, target)
            if there and (there.is_good or not is_replacing):
                _check_whole(there)
                return target
            staging = self._staging_path(key)
            staging.mkdir(parents=True)
            try:
                self._write_record(fill(staging))
                self._move_in(key, staging, is_replacing=is_replacing)
            finally:
                shutil.rmtree(staging, ignore_errors=True)
            return target

    def folders(self) -> list[tuple[ArtifactKey, Path]]:
        """Every key that is there, and the folder that :meth:`find` finds for it.

        A folder that bears no key is not ours to judge.
        """
        found: dict[ArtifactKey, Path] = {}
        for root in self._roots:
            for key, path in _folders_of(root):
                found.setdefault(key, path)
        return list(found.items())

    def entries(self) -> list[Entry]:
        """Every entry of every cache with its size and state (as :meth:`state_of` tells it), by path."""
        entries = [self._examined(key, path) for root in self._roots for key, path in _folders_of(root)]
        # Somebody else may have removed one while we were looking at it.
        return sorted((entry for entry in entries if _is_folder(entry.path)), key=lambda entry: str(entry.path))

    def verify(self, entry: Entry, *, is_deep: bool = False) -> Entry:
        """The entry as it is now.

        Args:
            entry: One of :meth:`entries`.
            is_deep: Whether every byte is read and its CRC-32 compared, not only names and sizes.
        """
        return self._examined(entry.key, entry.path, is_deep=is_deep)

    def is_writable(self, entry: Entry) -> bool:
        """Whether an entry lies in the cache that is written, not in one that is only looked up."""
        return entry.path.parent == self.root

    def remove(self, entry: Entry) -> None:
        """Delete an entry, a zip that lies beside it, and its manifest. Its digest is kept.

        Raises:
            UsageError: The entry lies in a cache that is only looked up.
            WaitTimeoutError: Another process is busy with it for too long.
            StorageError: It cannot be deleted.
        """
        if not self.is_writable(entry):
            raise UsageError(f"{entry.path} lies in a read-only cache.", hint="Remove it where that cache is managed.")
        with self._disk_errors(), self._exclusively(entry.key):
            # Out of sight in one step: an interrupted removal must not leave half a model under its name.
            doomed = self._staging_path(entry.key)
            doomed.parent.mkdir(parents=True, exist_ok=True)
            entry.path.rename(doomed)
            _delete(doomed)
            for leftover in (self._manifest_path(entry.key), *zips_beside(entry.path)):
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

    def _examined(self, key: ArtifactKey, path: Path, *, is_deep: bool = False) -> Entry:
        manifest = self.manifest(key) if path.parent == self.root else None
        return examine(key, path, manifest, is_deep=is_deep)

    def _entry_at(self, key: ArtifactKey, path: Path) -> Entry | None:
        return self._examined(key, path) if _is_folder(path) else None

    def _move_in(self, key: ArtifactKey, staging: Path, *, is_replacing: bool) -> None:
        """Give a staged folder its final name, unless somebody without our exclusion (Spark NLP) was first."""
        target = self.root / str(key)
        there = self._entry_at(key, target)
        gives_way = is_replacing and there is not None and not there.is_good
        with _set_aside(target, self._staging_path(key)) if gives_way else nullcontext():
            if not _has_moved(staging, target):
                _check_whole(self._examined(key, target))
                return
        for leftover in zips_beside(target):
            leftover.unlink(missing_ok=True)

    def _staging_path(self, key: ArtifactKey) -> Path:
        return self._ours / "staging" / f"{key}.{os.getpid()}.{uuid.uuid4().hex[:8]}"

    def _sweep_staging(self, key: ArtifactKey) -> None:
        """Delete what a killed process left: nobody is at it, as we have the exclusion of this entry."""
        ours = re.compile(rf"{re.escape(str(key))}\.([0-9]{{1,9}})\.[0-9a-f]{{8}}")
        with suppress(FileNotFoundError):
            for path in list((self._ours / "staging").iterdir()):
                match = ours.fullmatch(path.name)
                if match and not _is_another_alive(int(match[1])):
                    _delete(path)

    def _manifest_path(self, key: ArtifactKey) -> Path:
        return self._ours / "manifests" / f"{key}.json"

    def _digest_path(self, key: ArtifactKey) -> Path:
        return self._ours / "digests" / str(key)

    def _write_record(self, manifest: Manifest) -> None:
        """Manifest and digest are there before the entry is: one without an entry harms nothing."""
        key = ArtifactKey.parse(manifest.key)
        _write_text(self._manifest_path(key), json.dumps(manifest.to_dict(), indent=1))
        if not self.digest(key):
            _write_text(self._digest_path(key), f"sha256:{manifest.sha256}\n")

    def _disk_errors(self) -> AbstractContextManager[None]:
        return disk_errors(f"The cache {self.root} cannot be written")

    @contextmanager
    def _exclusively(self, key: ArtifactKey) -> Iterator[None]:
        from filelock import FileLock, Timeout  # only a pull or rm needs it

        path = self._ours / "waits" / f"{key}.lock"
        path.parent.mkdir(parents=True, exist_ok=True)
        exclusion = FileLock(path)
        try:
            holder = exclusion.acquire(timeout=0)
        except Timeout:
            self._on_wait(f"Waiting for another process that is busy with {key} (at most {self._wait_s:g} s).")
            try:
                holder = exclusion.acquire(timeout=self._wait_s)
            except Timeout as exc:
                raise WaitTimeoutError(
                    f"Another process has been busy with {key} for {self._wait_s:g} s.",
                    hint="Wait for it, or raise MODELHUB_WAIT.",
                ) from exc
        with holder:
            yield


def _folders_of(root: Path) -> Iterator[tuple[ArtifactKey, Path]]:
    try:
        paths = sorted(root.iterdir())
    except OSError:
        return
    for path in paths:
        with suppress(UsageError):
            key = ArtifactKey.parse(path.name)
            if _is_folder(path) and str(key) == path.name:
                yield key, path


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:  # a name that is too long, or no permission to look
        return False


def _check_whole(entry: Entry) -> None:
    if not entry.is_good:
        raise IntegrityError(
            f"{entry.path} is not whole: another program is writing it, or left it half. {entry.problems[0]}",
            hint=f"modelhub verify {entry.key} tells whether it is whole later; if not, pull it again.",
        )


@contextmanager
def _set_aside(target: Path, aside: Path) -> Iterator[None]:
    """Take a folder out of the way: for good, or until what follows fails."""
    try:
        target.rename(aside)
        yield
    except BaseException:
        with suppress(OSError):
            aside.rename(target)
        raise
    with suppress(OSError):  # the next pull sweeps it
        _delete(aside)


def _has_moved(staging: Path, target: Path) -> bool:
    """Rename a folder; false where another one has that name already."""
    try:
        staging.rename(target)
    except OSError as exc:
        if exc.errno in (errno.ENOTEMPTY, errno.EEXIST) and target.is_dir():
            return False
        raise
    return True


def _delete(path: Path) -> None:
    if path.is_symlink():  # what it leads to is not ours
        path.unlink()
    else:
        shutil.rmtree(path)


def _is_another_alive(process_id: int) -> bool:
    """Whether another process of this host has that id; on Windows nobody can ask without ending it."""
    if process_id == os.getpid() or os.name == "nt":
        return False
    try:
        os.kill(process_id, 0)
    except OSError as exc:
        return exc.errno != errno.ESRCH  # somebody else's processes may not be signalled, but they are there
    return True


def _write_text(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f"{path.name}.{os.getpid()}.{uuid.uuid4().hex[:8]}")
    try:
        temporary.write_text(text, encoding="utf-8")
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
