"""Mending entries of the cache: only what is bad is brought, by ranges, and the folder is exchanged in one step.

The mended folder is built in staging from links to the files that are right, and from the members of the zip that are
not. Files that somebody added, or meant to change, are never thrown away unless the entry was named.
"""

from __future__ import annotations

import errno
import os
import shutil
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

from modelhub.cache import Cache, Entry, Manifest
from modelhub.cached_models import CachedModels
from modelhub.disk import FULL, free_bytes
from modelhub.entries import Tree, additions, read_tree, zips_beside
from modelhub.entry_states import ALTERED, FOREIGN, LEFTOVER, PARTIAL, Verdict, repair_command
from modelhub.errors import ArchiveError, IntegrityError, ModelHubError, StorageError, UsageError
from modelhub.file_sums import FileSum, by_path_below, hadoop_sums_of, sum_files
from modelhub.hub_copies import HubCopies, HubCopy
from modelhub.installing import Installer
from modelhub.leftovers import changed_s
from modelhub.quick_dataclasses import dataclass
from modelhub.ranged_zips import RangedZip
from modelhub.references import Reference
from modelhub.saved_models import read_saved_model
from modelhub.unpack_members import unpack_members
from modelhub.verifying import Verified, Verifier, is_right, key_of

_SETTLED_S = 600.0
_THREADS = 4  # each brings and unpacks a member
# File systems without hard links, a file that has too many, one that is somebody else's.
_NO_LINK = (errno.EPERM, errno.EACCES, errno.EOPNOTSUPP, errno.ENOTSUP, errno.ENOSYS, errno.EMLINK, errno.EXDEV)


@dataclass(frozen=True, kw_only=True)
class Repaired:
    """What became of an entry, or would.

    Attributes:
        verified: The entry as it is now.
        fetched_bytes: How much was brought; of a plan, about how much would be.
        mended: The files that were brought anew.
        lost: Files that somebody had added, and that are gone now.
        is_renewed: Whether all of it was brought anew.
        is_touched: Whether anything was done.
        error: Why it is as it was.
    """

    verified: Verified
    fetched_bytes: int = 0
    mended: tuple[str, ...] = ()
    lost: tuple[str, ...] = ()
    is_renewed: bool = False
    is_touched: bool = True
    error: ModelHubError | None = None

    def to_dict(self) -> dict[str, Any]:
        """The entry as it stands in JSON answers."""
        repair = {
            "fetched_bytes": self.fetched_bytes,
            "mended": list(self.mended),
            "lost": list(self.lost),
            "renewed": self.is_renewed,
        }
        return {**self.verified.to_dict(), "repair": repair}


class Repairer:
    """Mends entries.

    Args:
        cached: Tell which entries are meant.
        verifier: Tells what is wrong with them.
        installer: Brings what has to be brought whole.
        on_note: Called with each sentence that deserves to be said.
        jobs: How many at once.
    """

    def __init__(
        self,
        cached: CachedModels,
        verifier: Verifier,
        installer: Installer,
        *,
        on_note: Callable[[str], None],
        jobs: int = 1,
    ) -> None:
        self._cached = cached
        self._verifier = verifier
        self._cache = verifier.cache
        self._copies = verifier.copies
        self._installer = installer
        self._note = on_note
        self._jobs = jobs

    def verify(
        self, references: Sequence[str | Reference | Path], *, is_deep: bool = False, asks_hub: bool = True
    ) -> list[Verified]:
        """Look at entries, and at folders (given as paths); at all entries where none is named.

        Raises:
            NotFoundError: There is no such entry, or folder.
        """
        paths = [path for path in references if isinstance(path, Path)]
        texts = [reference for reference in references if not isinstance(reference, Path)]
        named = [text if isinstance(text, Reference) else Reference.parse(text) for text in texts]
        entries = self._cached.entries_of(named) if named or not paths else []
        folders = [(key_of(path), path) for path in paths]
        places = [*((entry.key, entry.path) for entry in entries), *folders]
        return self._verifier.verify(places, is_deep=is_deep, asks_hub=asks_hub)

    def repair(
        self,
        references: Sequence[str | Reference | Path],
        *,
        is_dry_run: bool = False,
        is_deep: bool = False,
        asks_hub: bool = True,
    ) -> list[Repaired]:
        """Mend those that are not good.

        Args:
            references: Entries; who names them agrees that what was added to them is lost.
            is_dry_run: Whether it is only said what would be done.
            is_deep: Whether every byte of every entry is read, not only of those that a first look finds fault with.
            asks_hub: Whether a deep look asks what the hubs have now.

        Raises:
            NotFoundError: There is no such entry.
        """
        found = self.verify(references, is_deep=is_deep, asks_hub=asks_hub)
        if is_dry_run:
            outcomes = [self._outcome(self._plan, verified, bool(references)) for verified in found]
        else:
            outcomes = self._repair_all(found, is_named=bool(references))
        for outcome in outcomes:
            if outcome.error and len(outcomes) > 1:
                outcome.error.subject = outcome.verified.label
        return outcomes

    def _repair_all(self, found: Sequence[Verified], *, is_named: bool) -> list[Repaired]:
        bad = [verified for verified in found if not verified.is_good]
        if min(self._jobs, len(bad)) < 2:
            return [self._outcome(self._repair, verified, is_named) for verified in found]
        with self._installer.crew(self._jobs, "repair") as threads:
            futures = [threads.submit(self._outcome, self._repair, verified, is_named) for verified in found]
            return [future.result() for future in futures]

    def _outcome(self, step: Callable[[Verified, bool], Repaired], verified: Verified, is_named: bool) -> Repaired:
        if verified.is_good:
            return Repaired(verified=verified, is_touched=False)
        try:
            self._check_mendable(verified, is_named)
            return step(verified, is_named)
        except ModelHubError as exc:
            return Repaired(verified=verified, is_touched=False, error=exc)

    def _check_mendable(self, verified: Verified, is_named: bool) -> None:
        if not verified.key or verified.path.parent != self._cache.root:
            where = "a read-only cache" if verified.is_ours else "no cache of ours"
            raise UsageError(
                f"{verified.path} lies in {where}.", hint="Mend it where it is managed, or pull the model."
            )
        if verified.state == FOREIGN or (verified.state == ALTERED and not is_named):
            raise verified.damage()
        if verified.state == PARTIAL and not is_named and _is_at_work(verified.path):
            raise IntegrityError(
                f"{verified.path} was written to just now: another program may be unpacking it.",
                hint=f"{repair_command(verified.key, is_deep=verified.is_deep)} mends it all the same.",
            )

    def _plan(self, verified: Verified, is_named: bool) -> Repaired:
        if verified.state == LEFTOVER:
            return Repaired(verified=verified)
        mending = self._mending(verified, is_named)
        try:
            needs = mending.inspect()
        except _AnewError as exc:
            size_bytes = exc.copy.look.stat.size_bytes or 0
            return Repaired(verified=verified, fetched_bytes=size_bytes, is_renewed=True)
        with needs.copy or nullcontext():
            return Repaired(verified=verified, fetched_bytes=needs.packed_bytes, mended=needs.bad, lost=needs.lost)

    def _repair(self, verified: Verified, is_named: bool) -> Repaired:
        entry = _entry_of(verified)
        if verified.state == LEFTOVER:
            self._cache.remove_leftovers(entry.key)
            return Repaired(verified=self._as_now(verified))
        mending = self._mending(verified, is_named)
        try:
            self._cache.mend(entry, mending)
        except _AnewError as exc:
            self._note(f"{entry.path}: {exc} It is brought whole.")
            pulled = self._installer.renew(exc.copy.artifact, entry)
            return Repaired(verified=self._as_now(verified), fetched_bytes=pulled.downloaded_bytes, is_renewed=True)
        self._installer.tell("installed", str(entry.key))
        return Repaired(
            verified=self._as_now(verified),
            fetched_bytes=mending.fetched_bytes,
            mended=mending.mended,
            lost=mending.lost,
        )

    def _mending(self, verified: Verified, is_named: bool) -> _Mending:
        return _Mending(_entry_of(verified), self._cache, self._copies, self._installer, is_named=is_named)

    def _as_now(self, verified: Verified) -> Verified:
        """The entry after its repair, which has read every byte of it."""
        entry = self._cache.verify(_entry_of(verified))
        verdict = Verdict(state=entry.state, problems=entry.problems)
        return replace(verified, verdict=verdict, size_bytes=entry.size_bytes, has_manifest=entry.has_manifest)


@dataclass(frozen=True, kw_only=True)
class _Needs:
    """What a folder needs to be whole.

    Attributes:
        manifest: What belongs there.
        tree: What lies there.
        bad: The paths that have to be brought.
        sums: Paths of Hadoop's sums that may stay beside the others.
        lost: The paths that nobody can give back.
        copy: Where to bring them from; ``None`` where nothing has to be brought.
    """

    manifest: Manifest
    tree: Tree
    bad: tuple[str, ...]
    sums: tuple[str, ...]
    lost: tuple[str, ...]
    copy: HubCopy | None

    @property
    def packed_bytes(self) -> int:
        """How much has to be brought."""
        directory = self.copy.directory if self.copy else None
        return directory.only(self.bad).packed_bytes if directory and self.bad else 0

    @property
    def kept(self) -> list[str]:
        """The paths of the files that are right."""
        bad = set(self.bad)
        return [file.path for file in self.manifest.files if file.path not in bad]


class _AnewError(Exception):
    """What the hub has is another object than the one that was installed, or cannot be read in parts."""

    def __init__(self, reason: str, copy: HubCopy) -> None:
        super().__init__(reason)
        self.copy = copy
        copy.look.close()


class _Mending:
    """Fills a staging folder with one entry, mended."""

    def __init__(self, entry: Entry, cache: Cache, copies: HubCopies, installer: Installer, *, is_named: bool) -> None:
        self.fetched_bytes = 0
        self.mended: tuple[str, ...] = ()
        self.lost: tuple[str, ...] = ()
        self._entry = entry
        self._cache = cache
        self._copies = copies
        self._is_named = is_named
        self._bounds = installer.bounds
        self._tell = installer.tell

    def inspect(self) -> _Needs:
        """Read every byte of the entry, and see what it needs.

        Raises:
            _AnewError: All of it.
            IntegrityError: Files would be lost, and nobody has named the entry.
            ModelHubError: No hub can be asked.
        """
        entry = self._entry
        installed = self._cache.manifest_at(entry.key, entry.path)
        tree = read_tree(entry.path)
        sums = self._sums(tree)
        copy = None if installed else self._copies.find(entry.key, None)
        manifest = installed or _manifest_of(entry, copy)
        bad = tuple(file.path for file in manifest.files if not is_right(file, tree, sums))
        if installed and bad:
            copy = self._copies.find(entry.key, installed)
            _check_same(copy, installed)
        elif copy and not any(file.size_bytes for file in manifest.files if file.path not in set(bad)):
            raise _AnewError("Nothing that lies there is as it should be.", copy)
        lost = self._lost(tree, manifest, copy)
        known = _Needs(manifest=manifest, tree=tree, bad=bad, sums=(), lost=lost, copy=copy)
        return replace(known, sums=tuple(_sums_to_keep(known, sums)))

    def __call__(self, staging: Path) -> Manifest:
        """Build the mended folder, and check that it is whole."""
        needs = self.inspect()
        with needs.copy or nullcontext():
            if needs.bad and needs.copy:
                self._bring(needs, needs.copy, staging)
        _link_all([*needs.kept, *needs.sums], self._entry.path, staging)
        self._check(needs.manifest, staging)
        self.mended, self.lost = needs.bad, needs.lost
        return needs.manifest

    def _sums(self, tree: Tree) -> dict[str, FileSum]:
        folder, done_bytes = self._entry.path, 0

        def count(size_bytes: int) -> None:
            nonlocal done_bytes  # two threads at once may lose a step, which only the bar shows
            done_bytes += size_bytes
            self._tell("verifying", str(self._entry.key), done_bytes, tree.size_bytes)

        return by_path_below(folder, tree.sizes, sum_files((folder / path for path in tree.sizes), count))

    def _lost(self, tree: Tree, manifest: Manifest, copy: HubCopy | None) -> tuple[str, ...]:
        lost = tuple(difference.path for difference in additions(tree, manifest.files))
        if lost and not self._is_named:
            with copy or nullcontext():
                raise _would_lose(self._entry, lost)
        return lost

    def _bring(self, needs: _Needs, copy: HubCopy, staging: Path) -> None:
        directory = copy.directory
        assert directory is not None
        wanted = directory.only(needs.bad)
        room_bytes = free_bytes(staging)
        if room_bytes < wanted.unpacked_bytes:
            raise StorageError(
                f"Mending {self._entry.key} needs {wanted.unpacked_bytes:,} bytes in {self._cache.root}, "
                f"whose disk has {room_bytes:,} free.",
                hint=FULL,
            )
        total_bytes = wanted.packed_bytes
        key = str(self._entry.key)
        archive = RangedZip(copy.look, lambda done_bytes: self._tell("downloading", key, done_bytes, total_bytes))
        unpack_members(archive, wanted, staging, threads=_THREADS, bounds=self._bounds, on_stop=archive.stop)
        self.fetched_bytes = archive.fetched_bytes

    def _check(self, manifest: Manifest, staging: Path) -> None:
        """See that a saved model was built, with all of its files at their sizes."""
        read_saved_model(staging)
        sizes = read_tree(staging).sizes
        for file in manifest.files:
            if sizes.get(file.path) != file.size_bytes:  # somebody wrote to it while we were at it
                raise ArchiveError(f"{file.path} of {self._entry.key} changed while it was mended.", hint="Try again.")


def _check_same(copy: HubCopy, manifest: Manifest) -> None:
    if copy.directory is None:
        raise _AnewError(f"{copy.uri} cannot be read in parts.", copy)
    if not copy.is_what_was_installed(manifest):
        raise _AnewError(f"{copy.uri} was replaced since it was installed.", copy)


def _manifest_of(entry: Entry, copy: HubCopy | None) -> Manifest:
    """The manifest of an entry that somebody else unpacked; its zip as a whole has nobody seen."""
    assert copy is not None
    if copy.directory is None:
        raise _AnewError(f"{copy.uri} cannot be read in parts.", copy)
    return Manifest(
        key=str(entry.key),
        s3_uri=copy.artifact.s3_uri,
        sha256="",
        zip_bytes=copy.look.size_bytes,
        files=copy.directory.files,
    )


def _sums_to_keep(needs: _Needs, sums: dict[str, FileSum]) -> Iterable[str]:
    """Where Hadoop's sums of files that are right lie; sums that disagree would only keep the model from loading."""
    listed = {file.path for file in needs.manifest.files}
    for path in needs.kept:
        beside = hadoop_sums_of(path)
        if beside in needs.tree.sizes and beside not in listed and sums[path].is_as_summed:
            yield beside


def _would_lose(entry: Entry, lost: Sequence[str]) -> IntegrityError:
    named = ", ".join(lost[:8]) + (f" and {len(lost) - 8:,} more" if len(lost) > 8 else "")
    return IntegrityError(
        f"{entry.path} is not mended, for that would throw away what no hub can give back: {named}.",
        hint=f"If nobody needs it: modelhub verify --repair {entry.key}",
    )


def _is_at_work(path: Path) -> bool:
    """Whether Spark NLP, which tells nobody, may be unpacking: it deletes its zip when it is done."""
    return bool(zips_beside(path)) and time.time() - changed_s(path) < _SETTLED_S


def _entry_of(verified: Verified) -> Entry:
    assert verified.key is not None
    return Entry(
        key=verified.key,
        path=verified.path,
        size_bytes=verified.size_bytes,
        state=verified.state,
        problems=verified.problems,
        has_manifest=verified.has_manifest,
    )


def _link_all(paths: Sequence[str], source: Path, target: Path) -> None:
    """Make files appear in another folder: the same ones where the file system can do that, else copies."""
    can_link = True
    for folder in {(target / path).parent for path in paths}:
        folder.mkdir(parents=True, exist_ok=True)
    for path in paths:
        can_link = can_link and not (source / path).is_symlink() and _has_linked(source / path, target / path)
        if not can_link:
            shutil.copy2(source / path, target / path)


def _has_linked(source: Path, target: Path) -> bool:
    try:
        os.link(source, target)
    except OSError as exc:
        if exc.errno in _NO_LINK:
            return False
        raise
    return True
