"""The cache that Spark NLP reads: ``{cache}/{key}/``, and nothing partial ever bears that name.

Spark NLP looks for nothing but a folder's existence (``S3ResourceDownloader.scala``), so a folder appears whole, by one
rename, and nothing of ours lies in it. Ours is beside, in ``{cache}/.modelhub/``: ``staging/`` (folders being built),
``partials/`` (zips on their way), ``manifests/`` (files of each entry), ``digests/`` (SHA-256 of each zip ever
installed), ``uses/`` (when each entry was last asked for), ``waits/`` (mutual exclusion).

A loss of power finds it the same way: all of a folder is on the disk before the rename, and the rename before we say
so, or delete what was there before.
"""

from __future__ import annotations

import errno
import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from pathlib import Path

from modelhub.artifacts import ArtifactKey
from modelhub.disk import disk_errors
from modelhub.entries import Entry, Manifest, examine, zips_beside
from modelhub.errors import IntegrityError, StorageError, UsageError, WaitTimeoutError
from modelhub.exchange import exchange
from modelhub.exclusion import exclusively
from modelhub.file_sums import FileSum
from modelhub.flushing import below, flush
from modelhub.leftovers import (
    STAGING,
    Leftover,
    changed_s,
    dead_staging,
    delete,
    keys_with_leftovers,
    leftovers_of,
    sweep,
)
from modelhub.part_files import delete_part, is_writable
from modelhub.records import Records
from modelhub.shared_folders import make_folder
from modelhub.uses import last_use_s, note_use

__all__ = ["Cache", "Entry", "Manifest"]

_OURS = ".modelhub"
_ABANDONED_S = 3600.0  # where nobody can tell who is at work: what has not been written to for so long is left over


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
        self._records = Records(root, self._ours)
        self._is_waiting_wanted = True
        self._has_exclusion = True  # until the file system says that it has none

    def stop_waiting(self, *, is_stopped: bool = True) -> None:
        """Let those who wait for other processes give up, in whatever thread, or wait again."""
        self._is_waiting_wanted = not is_stopped

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
            there = self._entry_at(key, target)
            if there and (there.is_whole or not is_replacing):
                _check_whole(there)
                return target
            with self._building(key) as staging:
                manifest = fill(staging)
                self._announce(manifest, staging)
                self._move_in(manifest, staging, target, is_replacing=is_replacing)
            return target

    def mend(self, entry: Entry, fill: Callable[[Path], Manifest]) -> None:
        """Exchange an entry for one that is built from it, in one step: whoever looks finds the one or the other.

        Args:
            entry: One that lies in the cache that is written.
            fill: As in :meth:`install`; called when nobody else is busy with the entry.

        Raises:
            WaitTimeoutError: Another process is busy with it for too long.
            StorageError: The disk is full, or the folder cannot be written.
            Exception: What ``fill`` raises.
        """
        with self._disk_errors(), self._exclusively(entry.key):
            with self._building(entry.key) as staging:
                self._announce(fill(staging), staging)
                exchange(staging, entry.path, aside=self._staging_path(entry.key))
                flush([self.root, staging.parent])
            for leftover in zips_beside(entry.path):
                leftover.unlink(missing_ok=True)

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

    def verify(self, entry: Entry, *, is_deep: bool = False, sums: Mapping[Path, FileSum] | None = None) -> Entry:
        """The entry as it is now.

        Args:
            entry: One of :meth:`entries`.
            is_deep: Whether every byte is read and its CRC-32 compared, not only names and sizes.
            sums: Of its files, where they have been read already.
        """
        return self._examined(entry.key, entry.path, is_deep=is_deep, sums=sums)

    def is_writable(self, entry: Entry) -> bool:
        """Whether an entry lies in the cache that is written, not in one that is only looked up."""
        return entry.path.parent == self.root

    def held_keys(self) -> list[ArtifactKey]:
        """Every key of which the cache that is written holds anything, be it only leftovers."""
        keys = {key for key, _ in _folders_of(self.root)}
        keys |= keys_with_leftovers(root=self.root, partials=self._ours / "partials", staging=self._ours / "staging")
        return sorted(key for key in keys if _is_folder(self.root / str(key)) or self.leftovers(key))

    def leftovers(self, key: ArtifactKey) -> list[Leftover]:
        """What interrupted programs left of a key in the cache that is written."""
        part, staging = self._shared_part_path(key), self._ours / "staging"
        found = leftovers_of(key, entry=self.root / str(key), part=part, staging=staging)
        return [leftover for leftover in found if leftover.kind != STAGING or self._is_abandoned(leftover.path)]

    def note_use(self, key: ArtifactKey) -> None:
        """Note that somebody was given the path of an entry, unless a cache that is only looked up has it.

        Whoever installed it may have died when it was there, but not everything was cleaned up: that is done now.
        """
        if _is_folder(self.root / str(key)):
            with suppress(OSError):  # as with the note itself
                make_folder(self._use_path(key).parent, root=self.root)
            note_use(self._use_path(key))
            if self._is_untidy(key):
                with suppress(OSError, StorageError):  # WaitTimeoutError is one: somebody is at work on it
                    self._clean_up(key)

    def last_use_s(self, entry: Entry) -> float:
        """When an entry was last used, in seconds since 1970; see :mod:`modelhub.uses`."""
        return last_use_s(entry.path, (self._records.manifest_path(entry.key), self._use_path(entry.key)))

    def is_busy(self, key: ArtifactKey) -> bool:
        """Whether another process is at work on a key."""
        path = self._wait_path(key)
        try:
            with exclusively(path, str(key), wait_s=0) if path.exists() else nullcontext():
                return False
        except WaitTimeoutError:
            return True
        except OSError:  # not ours to open; whoever removes will be told
            return False

    def remove(self, entry: Entry, *, check: Callable[[], None] = lambda: None) -> None:
        """Delete an entry and all that belongs to it: zips, manifest, leftovers, record of use. Its digest is kept.

        Args:
            entry: One of :meth:`entries`, or what stands for a key of which there are only leftovers.
            check: Called when nobody else is busy with it any more; raises if it is to stay.

        Raises:
            UsageError: The entry lies in a cache that is only looked up.
            WaitTimeoutError: Another process is busy with it for too long.
            StorageError: It cannot be deleted.
            Exception: What ``check`` raises.
        """
        if not self.is_writable(entry):
            raise UsageError(f"{entry.path} lies in a read-only cache.", hint="Remove it where that cache is managed.")
        with self._disk_errors(), self._exclusively(entry.key):
            check()
            # Out of sight in one step: an interrupted removal must not leave half a model under its name.
            if _is_folder(entry.path) or not self.leftovers(entry.key):
                doomed = self._staging_path(entry.key)
                with _set_aside(entry.path, doomed):
                    flush([self.root, doomed.parent])
                if doomed.exists():
                    delete(doomed)  # raises what keeps it there
            self._records.forget(entry.key)
            self._use_path(entry.key).unlink(missing_ok=True)
            self._delete_leftovers(entry.key)

    def remove_leftovers(self, key: ArtifactKey, *, check: Callable[[], None] = lambda: None) -> None:
        """Delete what interrupted programs left of a key; an entry stays as it is.

        Raises:
            WaitTimeoutError: Another process is busy with it for too long.
            StorageError: It cannot be deleted.
            Exception: What ``check`` raises, which is called as in :meth:`remove`.
        """
        with self._disk_errors(), self._exclusively(key):
            check()
            self._delete_leftovers(key)

    def manifest(self, key: ArtifactKey) -> Manifest | None:
        """The manifest of an entry that we installed."""
        return self._records.manifest(key)

    def part_path(self, key: ArtifactKey) -> Path:
        """Where the zip of an entry is on its way; see :mod:`modelhub.partials`.

        Where nobody can tell who else brings it, and where that of another user lies, each thread has one of its own,
        which nobody will go on with.
        """
        shared = self._shared_part_path(key)
        return shared if self._has_exclusion and is_writable(shared) else self._own_folder(key) / "zip.part"

    def leftover_folders(self) -> list[Path]:
        """Where pulls that go on, and those that were interrupted, have what they got so far."""
        return [self._ours / "staging", self._ours / "partials"]

    def digest(self, key: ArtifactKey) -> str:
        """The SHA-256 of the zip as it was first installed here; "" where it never was."""
        return self._records.digest(key)

    def holds(self, key: ArtifactKey, path: Path) -> bool:
        """Whether a path is that of an entry of one of the caches."""
        return path.name == str(key) and path.parent in self._roots

    def manifest_at(self, key: ArtifactKey, path: Path) -> Manifest | None:
        """The manifest of an entry that we installed, if that is the one which lies at a path."""
        return self.manifest(key) if path.parent == self.root else None

    def _examined(
        self, key: ArtifactKey, path: Path, *, is_deep: bool = False, sums: Mapping[Path, FileSum] | None = None
    ) -> Entry:
        return examine(key, path, self.manifest_at(key, path), is_deep=is_deep, sums=sums)

    def _entry_at(self, key: ArtifactKey, path: Path) -> Entry | None:
        return self._examined(key, path) if _is_folder(path) else None

    def _move_in(self, manifest: Manifest, staging: Path, target: Path, *, is_replacing: bool) -> None:
        """Give a staged folder its final name, unless somebody without our exclusion (Spark NLP) was first."""
        key = ArtifactKey.parse(manifest.key)
        there = self._entry_at(key, target)
        gives_way = is_replacing and there is not None and not there.is_whole
        with _set_aside(target, self._staging_path(key)) if gives_way else nullcontext():
            if not _has_moved(staging, target):
                _check_whole(examine(key, target, manifest))
                return
            flush([self.root, staging.parent])
        for leftover in zips_beside(target):
            leftover.unlink(missing_ok=True)

    @contextmanager
    def _building(self, key: ArtifactKey) -> Iterator[Path]:
        """A new folder to build an entry in; in the end it is gone, and the records fit what bears the name."""
        for path in self._dead_staging(key):
            sweep(path)
        staging = self._staging_path(key)
        staging.mkdir()
        try:
            yield staging
        except BaseException:
            with suppress(OSError):  # the next one settles it
                self._settle(key)
            raise
        else:
            self._settle(key)
        finally:
            sweep(staging)
            sweep(self._own_folder(key))

    def _announce(self, manifest: Manifest, staging: Path) -> None:
        """Have all on the disk that the new name of a folder will lead to."""
        key = ArtifactKey.parse(manifest.key)
        flush([*below(staging), *self._records.announce(manifest, staging, own=self._own_if_needed(key))])

    def _settle(self, key: ArtifactKey) -> None:
        scratch = self._staging_path(key)
        try:
            self._records.settle(key, scratch, own=self._own_if_needed(key))
        except BaseException:
            sweep(scratch)
            raise

    def _staging_path(self, key: ArtifactKey) -> Path:
        return self._ours / "staging" / f"{key}.{os.getpid()}.{os.urandom(4).hex()}"

    def _own_if_needed(self, key: ArtifactKey) -> Path | None:
        return None if self._has_exclusion else self._own_folder(key)

    def _own_folder(self, key: ArtifactKey) -> Path:
        """A folder for what is no entry yet, of this thread alone."""
        return self._ours / "staging" / f"{key}.{os.getpid()}.{threading.get_ident() & 0xFFFFFFFF:08x}"

    def _dead_staging(self, key: ArtifactKey) -> list[Path]:
        return [path for path in dead_staging(self._ours / "staging", key) if self._is_abandoned(path)]

    def _is_abandoned(self, staging: Path) -> bool:
        """Whether nobody is at work in it, whose process is gone: as we have the exclusion, or by its age."""
        return self._has_exclusion or time.time() - changed_s(staging) > _ABANDONED_S

    def _is_untidy(self, key: ArtifactKey) -> bool:
        is_unsettled = self._records.is_unsettled(key)
        return is_unsettled or self._shared_part_path(key).exists() or bool(self._dead_staging(key))

    def _clean_up(self, key: ArtifactKey) -> None:
        with exclusively(self._wait_path(key), str(key), wait_s=0) as is_kept:
            if not is_kept:  # somebody may be at work on it all the same
                return
            self._settle(key)
            entry = self._entry_at(key, self.root / str(key))
            if entry and entry.is_whole:  # else a download may still be gone on with
                self._delete_leftovers(key)

    def _delete_leftovers(self, key: ArtifactKey) -> None:
        for path in self._dead_staging(key):
            delete(path)
        for leftover in zips_beside(self.root / str(key)):
            leftover.unlink(missing_ok=True)
        delete_part(self._shared_part_path(key))

    def _shared_part_path(self, key: ArtifactKey) -> Path:
        return self._ours / "partials" / f"{key}.part"

    def _use_path(self, key: ArtifactKey) -> Path:
        return self._ours / "uses" / str(key)

    def _wait_path(self, key: ArtifactKey) -> Path:
        return self._ours / "waits" / f"{key}.lock"

    def _disk_errors(self) -> AbstractContextManager[None]:
        return disk_errors(f"The cache {self.root} cannot be written")

    @contextmanager
    def _exclusively(self, key: ArtifactKey) -> Iterator[None]:
        """Be the only one at work on a key, if the file system keeps that; then its records fit what bears the name."""
        for name in ("waits", "staging", "partials"):
            make_folder(self._ours / name, root=self.root)
        with exclusively(
            self._wait_path(key),
            str(key),
            wait_s=self._wait_s,
            on_wait=self._on_wait,
            is_wanted=lambda: self._is_waiting_wanted,
        ) as is_kept:
            self._has_exclusion = is_kept
            if is_kept:
                self._settle(key)
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
    if not entry.is_whole:
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
        if _is_folder(target):  # if not, this is all that there is
            sweep(aside)
        raise
    sweep(aside)


def _has_moved(staging: Path, target: Path) -> bool:
    """Rename a folder; false where another one has that name already."""
    try:
        staging.rename(target)
    except OSError as exc:
        if exc.errno in (errno.ENOTEMPTY, errno.EEXIST) and target.is_dir():
            return False
        raise
    return True
