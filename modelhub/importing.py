"""Bringing a model into the cache that somebody fetched by hand: a zip, or the folder that was unpacked from one.

It is checked like a download. A zip is compared with what the list says of it, and with what was installed before; of a
folder, and of a zip that was packed anew (its model lies one level too deep), only the content can be looked at.
"""

from __future__ import annotations

import os
import re
import shutil
import uuid
from collections.abc import Callable, Sequence
from contextlib import suppress
from os.path import commonprefix
from pathlib import Path

from modelhub.artifacts import Artifact, ArtifactKey
from modelhub.bounds import Bounds
from modelhub.cache import Cache, Manifest
from modelhub.candidates import Candidates
from modelhub.copying import JUNK, check_room, copy_folder, only_folder
from modelhub.disk import disk_errors
from modelhub.errors import ArchiveError, IntegrityError, NotFoundError, UsageError
from modelhub.objects import Member
from modelhub.part_files import delete_part
from modelhub.progress import Progress, ProgressCallback
from modelhub.references import Reference
from modelhub.resolver import Runtime
from modelhub.results import PulledModel
from modelhub.saved_models import read_saved_model
from modelhub.storage import Storage
from modelhub.transfer import Download, Expected
from modelhub.unpack_members import Directory, read_directory, unpack_members
from modelhub.zipformat import checked_path

_THREADS = min(4, os.cpu_count() or 1)
_COPY_MARK = re.compile(r"(?:[ _-]*\(\d+\)|[ _-]+copy(?:[ _-]?\d+)?)$", re.IGNORECASE)  # of browsers and desktops
_VERSIONS = re.compile(r"(?:_[0-9][0-9.]*)+$")
_ANEW = "Fetch it anew, or let us do so: modelhub pull"
_KEY_FORM = "A key looks like name_language_libVersion_sparkVersion_millis."
_KEYS_SHOWN = 3
_BOUNDS = Bounds()


class Importer:
    """Brings zips and folders of this machine into the cache.

    Args:
        cache: Where entries appear.
        candidates: Know what a reference means, and what the list says of an artifact.
        runtime: What a reference is resolved for.
        bounds: On what a zip may unpack to.
        on_progress: Called while it goes on.
        on_note: Called with each sentence that deserves to be said.
    """

    def __init__(
        self,
        cache: Cache,
        candidates: Candidates,
        runtime: Runtime,
        *,
        bounds: Bounds = _BOUNDS,
        on_progress: ProgressCallback | None,
        on_note: Callable[[str], None],
    ) -> None:
        self._bounds = bounds
        self._cache = cache
        self._candidates = candidates
        self._runtime = runtime
        self._on_progress = on_progress or (lambda progress: None)
        self._note = on_note

    def import_model(self, path: Path, named: Reference | None = None) -> PulledModel:
        """Install what lies at a path, unless a good entry is there; a broken one gives way.

        Args:
            path: A zip or a folder; it stays as it is.
            named: Which artifact it is.

        Raises:
            NotFoundError: Nothing lies there, or no artifact is called so.
            UsageError: Nobody says which artifact it is, or name and reference disagree.
            ArchiveError: It is no zip, or a hostile one, or holds no saved model.
            IntegrityError: It is not the zip that the list, or an earlier installation, tells of.
            StorageError: It cannot be read, or the cache cannot be written.
        """
        if not path.exists():
            raise NotFoundError(f"There is no {path}.", hint="Name a zip, or the folder of a model.")
        artifact = self._artifact(path, named)
        entry = self._cache.state_of(artifact.key)
        if entry and entry.is_whole:
            self._tell("cached", artifact)
            return PulledModel(artifact=artifact, path=entry.path, downloaded_bytes=0, is_cached=True)
        if entry and self._cache.is_writable(entry):
            self._note(f"{entry.path} is {entry.state}: {entry.problems[0]} What is imported takes its place.")
        recorded = self._cache.digest(artifact.key)
        filling = _Filling(path, artifact, recorded, bounds=self._bounds, tell=self._tell, note=self._note)
        self._tell("importing", artifact)
        installed = self._cache.install(artifact.key, filling, is_replacing=True)
        delete_part(self._cache.part_path(artifact.key))
        self._tell("installed", artifact)
        return PulledModel(artifact=artifact, path=installed, downloaded_bytes=0, is_cached=not filling.is_done)

    def _artifact(self, path: Path, named: Reference | None) -> Artifact:
        """Which artifact it is: by the name of the zip or folder, of the one folder in it, or by what was said."""
        names = [_stem(path)]
        if not named and not _key_in(names[0]):
            names += _names_inside(path)
        key = next(filter(None, map(_key_in, names)), None)
        reference = named or (Reference(name=key.name, language=key.language, key=key) if key else None)
        if not reference:
            raise self._nameless(path, names)
        resolution = self._candidates.resolve(reference, self._runtime)
        for note in resolution.notes:
            self._note(note)
        wanted = resolution.artifact.key
        if key and key != wanted:
            meant = f"not {wanted}" if str(named) == str(wanted) else f"but {named} is {wanted}"
            raise UsageError(
                f"{path} is called {key}, {meant}.",
                hint="Leave --as out; or rename it, if you are sure that it is the other one.",
            )
        return resolution.artifact

    def _nameless(self, path: Path, names: Sequence[str]) -> UsageError:
        keys = next(filter(None, map(self._nearest_keys, names)), [])
        hint = f"Say which it is: --as {' or --as '.join(keys)}." if keys else f"Say which it is with --as. {_KEY_FORM}"
        return UsageError(f"{path} does not bear the key of an artifact as its name.", hint=hint)

    def _nearest_keys(self, name: str) -> list[str]:
        """The keys of artifacts whose names are most like the name of a file."""
        name = _COPY_MARK.sub("", name)
        if key := _key_in(name):
            return [str(key)]
        bare = _VERSIONS.sub("", name)
        try:
            known = self._candidates.of(Reference(name=bare))
        except NotFoundError as exc:
            near = [Reference.parse(text) for text in exc.nearest]
            found = [(reference, artifact) for reference in near for artifact in self._candidates.of(reference)]
            known = [artifact for reference, artifact in found if reference.language in (None, artifact.language)]
        keys = [str(artifact.key) for artifact in known]
        return sorted(keys, key=lambda key: (-len(commonprefix((key, name))), key))[:_KEYS_SHOWN]

    def _tell(self, phase: str, artifact: Artifact, done_bytes: int = 0, total_bytes: int | None = None) -> None:
        subject = str(artifact.key)
        self._on_progress(Progress(phase=phase, subject=subject, done_bytes=done_bytes, total_bytes=total_bytes))


class _Filling:
    """Fills a staging folder with what lies on this machine, and checks everything that can be checked."""

    def __init__(
        self,
        path: Path,
        artifact: Artifact,
        recorded_sha256: str,
        *,
        bounds: Bounds,
        tell: Callable[..., None],
        note: Callable[[str], None],
    ) -> None:
        self.is_done = False
        self._path = path
        self._artifact = artifact
        self._recorded_sha256 = recorded_sha256
        self._bounds = bounds
        self._tell = tell
        self._note = note

    def __call__(self, staging: Path) -> Manifest:
        try:
            manifest = self._copied(staging) if self._path.is_dir() else self._unpacked(staging)
        except ArchiveError as exc:
            hint = exc.hint if "MODELHUB_" in exc.hint else f"{_ANEW} {self._artifact.key}"
            raise ArchiveError(f"{self._path}: {exc.message}", hint=hint) from exc
        except IntegrityError as exc:
            raise IntegrityError(exc.message, hint=f"{_ANEW} {self._artifact.key}") from exc
        self.is_done = True
        return manifest

    def _copied(self, staging: Path) -> Manifest:
        source = self._path
        with disk_errors(f"{source} cannot be read", hint="Check its permissions."):
            inner = only_folder(source)
            if inner and not _holds_model(source) and _holds_model(inner):
                source = inner
                self._note_depth(inner.name)
        copied_bytes = 0

        def count(size_bytes: int) -> None:
            nonlocal copied_bytes
            copied_bytes += size_bytes
            self._tell("importing", self._artifact, copied_bytes)

        members = copy_folder(source, staging, count)
        read_saved_model(staging)
        self._note_incomparable()
        return self._manifest(members)

    def _unpacked(self, staging: Path) -> Manifest:
        look = Storage().open(self._path.absolute().as_uri()).look()
        assert look.local
        try:
            directory = read_directory(look.local)
            deep = _deep_folder(directory)
            self._bounds.check(directory.unpacked_bytes, archive_bytes=look.size_bytes)
            check_room(staging, directory.unpacked_bytes, len(directory.members))
            # Whoever packs a model anew cannot make the published zip of it, so there is nothing to compare with.
            with Download(look, Expected() if deep else self._expected()) as download:
                content = download.by_position(staging)
                members = unpack_members(
                    content, directory, staging, threads=_THREADS, bounds=self._bounds, on_stop=content.stop
                )
                if deep:
                    members = _lifted(staging, deep, members)
                    self._note_depth(deep)
                read_saved_model(staging)
                self._finish(download, is_published=not deep)
        finally:
            look.close()
        if deep:
            self._note_incomparable()
            return self._manifest(members)
        return self._manifest(members, sha256=download.sha256, zip_bytes=download.size_bytes)

    def _expected(self) -> Expected:
        size_bytes = self._artifact.size_bytes if self._artifact.size_exact else None
        return Expected(size_bytes=size_bytes, md5=self._artifact.checksum)

    def _finish(self, download: Download, *, is_published: bool) -> None:
        download.finish()
        if is_published and self._recorded_sha256 not in ("", download.sha256):
            raise IntegrityError(
                f"{self._path} is not the zip of {self._artifact.key} that was installed here before: "
                f"its SHA-256 is {download.sha256}, not {self._recorded_sha256}."
            )

    def _manifest(self, members: tuple[Member, ...], *, sha256: str = "", zip_bytes: int = 0) -> Manifest:
        return Manifest(
            key=str(self._artifact.key),
            s3_uri=self._artifact.s3_uri,
            sha256=sha256,
            zip_bytes=zip_bytes,
            files=members,
        )

    def _note_depth(self, folder: str) -> None:
        self._note(f"The model lies one level too deep, in {folder}/: that level is left out.")

    def _note_incomparable(self) -> None:
        self._note(
            f"{self._artifact.key} could not be compared with the published zip, which this is not; "
            f"modelhub verify --deep {self._artifact.key} compares its files."
        )


def _key_in(name: str) -> ArtifactKey | None:
    with suppress(UsageError):
        return Reference.parse(name).key
    return None


def _stem(path: Path) -> str:
    name = path.name if path.name not in ("", "..") else path.resolve().name
    return name[:-4] if name.lower().endswith(".zip") and not path.is_dir() else name


def _names_inside(path: Path) -> list[str]:
    """What the one folder is called that holds everything."""
    with disk_errors(f"{path} cannot be read", hint="Check its permissions."):
        if path.is_dir():
            inner = only_folder(path)
            return [inner.name] if inner else []
    look = Storage().open(path.absolute().as_uri()).look()
    assert look.local
    try:
        deep = _deep_folder(read_directory(look.local))
    except ArchiveError as exc:
        raise ArchiveError(
            f"{path}: {exc.message}", hint="Fetch it again: modelhub resolve REF tells its URI."
        ) from exc
    finally:
        look.close()
    return [deep] if deep else []


def _holds_model(folder: Path) -> bool:
    return any(folder.glob("metadata/part-*"))


def _deep_folder(directory: Directory) -> str:
    """The one folder at the top of an archive, where the model lies in that one; else ""."""
    paths = [checked_path(line.name) for line in directory.members]
    tops = {path.partition("/")[0] for path in paths} - {"", *JUNK}
    top = tops.pop() if len(tops) == 1 else ""
    return top if any(path.startswith(f"{top}/metadata/part-") for path in paths) else ""


def _lifted(staging: Path, folder: str, members: tuple[Member, ...]) -> tuple[Member, ...]:
    """Take what lies in a folder of the staging one level up, and drop what is beside it."""
    aside = staging / uuid.uuid4().hex  # for a child may be called as the folder is
    with disk_errors(f"{staging} cannot be written"):
        (staging / folder).rename(aside)
        for junk in staging.iterdir():
            if junk != aside:
                shutil.rmtree(junk) if junk.is_dir() else junk.unlink()
        for child in aside.iterdir():
            child.rename(staging / child.name)
        aside.rmdir()
    inside = (member for member in members if member.path.startswith(f"{folder}/"))
    return tuple(member._replace(path=member.path.removeprefix(f"{folder}/")) for member in inside)
