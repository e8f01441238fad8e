"""Bringing an artifact into the cache: from the first hub that has it, unpacked while it arrives, checked, whole."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from modelhub.arriving import MEMORY_BYTES
from modelhub.artifacts import Artifact, without_secrets
from modelhub.bounds import Bounds
from modelhub.cache import Cache, Entry, Manifest
from modelhub.catalogue import Catalogue
from modelhub.config import Config
from modelhub.disk import FULL, free_bytes
from modelhub.errors import (
    ArchiveError,
    IntegrityError,
    ModelHubError,
    NetworkError,
    NotAllowedError,
    NotFoundError,
    ReplacedError,
    StoppedError,
    StorageError,
)
from modelhub.locations import allowed, artifact_uris
from modelhub.objects import Member
from modelhub.part_files import delete_part, disk_bytes
from modelhub.progress import Progress, ProgressCallback
from modelhub.quick_dataclasses import dataclass
from modelhub.results import PulledModel
from modelhub.saved_models import read_saved_model
from modelhub.storage import Look, Source
from modelhub.transfer import Download, Expected
from modelhub.unpack import unpack_stream
from modelhub.unpack_members import read_directory, unpack_members

if TYPE_CHECKING:
    from concurrent.futures import Executor

# Makes an entry of what fills a staging folder, and tells where it is.
_Put = Callable[[Callable[[Path], Manifest]], Path]

_TRIES = 3  # with an object that is replaced while it is read
_THREADS = min(4, os.cpu_count() or 1)  # that inflate; the link is rarely faster than two of them
_FILE_BYTES = 4096  # what a file takes beside its content, about


class Installer:
    """Downloads, unpacks and checks.

    Args:
        config: Says which hubs there are.
        cache: Where entries appear.
        catalogue: Its storage opens objects.
        on_progress: Called while it goes on.
        on_note: Called with each sentence that deserves to be said.

    Attributes:
        at_once: How many models are brought at once: they share the memory for what arrives.
        bounds: On what an archive may unpack to.
    """

    def __init__(
        self,
        config: Config,
        cache: Cache,
        catalogue: Catalogue,
        *,
        on_progress: ProgressCallback | None = None,
        on_note: Callable[[str], None] | None = None,
    ) -> None:
        self._config = config
        self.bounds = Bounds(max_unpacked_bytes=config.max_unpacked, max_ratio=config.max_ratio)
        self._cache = cache
        self.at_once = 1
        self._is_stopped = False
        self._storage = catalogue.storage  # made now: several threads might make several
        self._on_progress = on_progress
        self._note = on_note or (lambda sentence: None)

    def tell(self, phase: str, subject: str, done_bytes: int = 0, total_bytes: int | None = None) -> None:
        """Say how far a pull is, if anybody listens."""
        if self._on_progress:
            self._on_progress(Progress(phase=phase, subject=subject, done_bytes=done_bytes, total_bytes=total_bytes))

    @contextmanager
    def crew(self, jobs: int, name: str) -> Iterator[Executor]:
        """Threads that bring something at once; an interrupt ends their work: nobody waits for bytes any longer.

        Args:
            jobs: How many, at most.
            name: What they are called.
        """
        from concurrent.futures import ThreadPoolExecutor  # 10 ms that one model need not pay

        self.at_once = jobs
        try:
            with ThreadPoolExecutor(jobs, thread_name_prefix=name) as threads:
                try:
                    yield threads
                except BaseException:
                    threads.shutdown(wait=False, cancel_futures=True)
                    self._stop()
                    raise
        finally:
            self.at_once = 1
            if self._is_stopped:
                self._go_on()

    def _stop(self) -> None:
        """Let all that is being brought, or waited for, fail."""
        self._is_stopped = True
        self._cache.stop_waiting()
        self._storage.close()

    def _go_on(self) -> None:
        """Let things be brought again after a stop."""
        self._is_stopped = False
        self._cache.stop_waiting(is_stopped=False)
        self._storage.reopen()

    def _means(self, artifact: Artifact) -> _Means:
        return _Means(
            cache=self._cache,
            bounds=self.bounds,
            memory_bytes=MEMORY_BYTES // self.at_once,
            tell=partial(self.tell, subject=str(artifact.key)),
            note=self._note,
            check_wanted=self._check_wanted,
        )

    def _check_wanted(self, size_bytes: int) -> None:
        """Called whenever something was unpacked: what lies on this machine waits for no bytes that could fail."""
        if self._is_stopped:
            raise StoppedError("The download was stopped.")

    def install(self, artifact: Artifact, *, is_replacing: bool = False) -> PulledModel:
        """Bring an artifact from the first hub that has it; what one hub has given the next need not give again.

        Args:
            artifact: Which one.
            is_replacing: Whether a broken entry of its key is exchanged.

        Raises:
            ModelHubError: Any of its kinds; the first hub's where none has it.
        """
        return self._install(artifact, partial(self._cache.install, artifact.key, is_replacing=is_replacing))

    def renew(self, artifact: Artifact, entry: Entry) -> PulledModel:
        """Do the same with an entry that is there, whatever its state: it is exchanged in one step.

        Raises:
            ModelHubError: As :meth:`install`; the entry is then as it was.
        """

        def put(filling: Callable[[Path], Manifest]) -> Path:
            self._cache.mend(entry, filling)
            return entry.path

        return self._install(artifact, put)

    def _install(self, artifact: Artifact, put: _Put) -> PulledModel:
        failure: ModelHubError | None = None
        for uri in artifact_uris(artifact, self._config):
            try:
                return self._install_from(replace(artifact, uri=uri), put)
            except (NetworkError, NotFoundError, NotAllowedError) as exc:  # S3 refuses what it does not have, too
                failure = failure or exc
        raise failure or NotFoundError(f"No hub is configured for {artifact.key}.")

    def _install_from(self, artifact: Artifact, put: _Put) -> PulledModel:
        for tries_left in reversed(range(_TRIES)):
            source = self._storage.open(allowed(artifact.uri, self._config))
            filling = _Filling(artifact, source, self._means(artifact))
            try:
                path = put(filling)
            except ReplacedError:
                if not tries_left:
                    raise
                continue
            with suppress(StorageError):  # whoever asks for the entry next deletes it
                delete_part(self._cache.part_path(artifact.key))
            self.tell("installed", str(artifact.key))
            return PulledModel(
                artifact=artifact,
                path=path,
                downloaded_bytes=filling.fetched_bytes,
                is_cached=not filling.is_done,
            )
        raise AssertionError


@dataclass(frozen=True, kw_only=True)
class _Means:
    """What an installer gives for one artifact.

    Attributes:
        cache: Where the entry appears.
        bounds: On what the archive may unpack to.
        memory_bytes: How much of what arrives may be in memory at once.
        tell: Called with each phase, and with the bytes so far and in all.
        note: Called with each sentence that deserves to be said.
        check_wanted: Called whenever something was unpacked; raises where nobody wants it any more.
    """

    cache: Cache
    bounds: Bounds
    memory_bytes: int
    tell: Callable[..., None]
    note: Callable[[str], None]
    check_wanted: Callable[[int], None]


class _Filling:
    """Fills a staging folder with one artifact: brings it, unpacks it, and checks everything that can be checked."""

    def __init__(self, artifact: Artifact, source: Source, means: _Means) -> None:
        self.fetched_bytes = 0
        self.is_done = False
        self._artifact = artifact
        self._source = source
        self._means = means
        self._cache = means.cache
        self._part = Path()
        self._done_bytes = 0
        self._recorded = means.cache.digest(artifact.key)

    def __call__(self, staging: Path) -> Manifest:
        artifact = self._artifact
        self._part = self._cache.part_path(artifact.key)  # not before: who is alone with the key has one place for it
        expected = Expected(
            size_bytes=artifact.size_bytes if artifact.size_exact else None,
            md5=artifact.checksum,
            sha256=self._recorded,
        )
        self._means.tell("opening")
        try:
            look = self._source.look(wants_all=not self._part.exists(), on_bytes=self._tell_bytes)
            with Download(look, expected, self._tell_bytes, memory_bytes=self._means.memory_bytes) as download:
                members = self._unpack(look, download, staging)
                self._means.tell("checking")
                read_saved_model(staging)
                download.finish()
                self._check_recorded(download)
                self._means.check_wanted(0)
        except (IntegrityError, ReplacedError) as exc:  # going on with what has arrived would end the same way
            delete_part(self._part)
            if isinstance(exc, ArchiveError):
                raise self._explained(exc) from exc
            raise
        self.fetched_bytes, self.is_done = download.fetched_bytes, True
        return Manifest(
            key=str(artifact.key),
            s3_uri=artifact.s3_uri,
            sha256=download.sha256,
            zip_bytes=download.size_bytes,
            files=members,
        )

    def _unpack(self, look: Look, download: Download, staging: Path) -> tuple[Member, ...]:
        if not look.has_ranges:
            self._check_room(staging, look.stat.size_bytes or 0)
            return unpack_stream(download.in_order(self._part), staging, bounds=self._means.bounds)
        directory = read_directory(look)
        # Before the room is asked for: a bomb has none.
        self._means.bounds.check(directory.unpacked_bytes, archive_bytes=look.size_bytes)
        unpacked_bytes = directory.unpacked_bytes + _FILE_BYTES * len(directory.members)
        if self._check_room(staging, unpacked_bytes, zip_bytes=0 if look.local else look.size_bytes):
            content = download.by_position(self._part)
            members = unpack_members(
                content,
                directory,
                staging,
                threads=_THREADS,
                bounds=self._means.bounds,
                on_unpacked=self._means.check_wanted,
                on_stop=content.stop,
            )
            content.stop_reading()
            return members
        self._means.note(
            f"The disk has no room for {self._artifact.key} and its zip: an interrupted download will begin anew."
        )
        return unpack_stream(download.in_order(self._part), staging, bounds=self._means.bounds)

    def _check_room(self, staging: Path, unpacked_bytes: int, *, zip_bytes: int = 0) -> bool:
        """Whether the disk has room for the zip beside its folder.

        Raises:
            StorageError: It has not even room for the folder.
        """
        room_bytes = free_bytes(staging) + disk_bytes(self._part)
        if room_bytes < unpacked_bytes:
            raise StorageError(
                f"{self._artifact.key} needs {unpacked_bytes:,} bytes in {self._cache.root}, "
                f"whose disk has {room_bytes:,} free.",
                hint=FULL,
            )
        return room_bytes >= unpacked_bytes + zip_bytes

    def _check_recorded(self, download: Download) -> None:
        if self._recorded and self._recorded != download.sha256:
            key = self._artifact.key
            raise IntegrityError(
                f"{without_secrets(self._artifact.uri)} is not the zip that was installed here before: "
                f"its SHA-256 is {download.sha256}, not {self._recorded}.",
                hint=f"If it was meant to be replaced, remove {self._cache.root}/.modelhub/digests/{key}.",
            )

    def _explained(self, exc: ArchiveError) -> ArchiveError:
        hint = exc.hint or "Pull again; if it stays so, tell those who run the hub."
        return ArchiveError(f"{without_secrets(self._artifact.uri)}: {exc.message}", hint=hint)

    def _tell_bytes(self, done_bytes: int, total_bytes: int | None) -> None:
        self._done_bytes = max(self._done_bytes, done_bytes)  # of a block in parts only the look tells
        self._means.tell("downloading", done_bytes=self._done_bytes, total_bytes=total_bytes)
