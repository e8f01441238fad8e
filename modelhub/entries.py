"""Entries of the cache: what was installed as one, and whether that is what lies there."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import field
from pathlib import Path
from typing import Any

from modelhub.artifacts import ArtifactKey
from modelhub.entry_states import (
    ADDED,
    CONTENT,
    GOOD,
    MISSING,
    SIZE,
    UNREADABLE,
    WHOLE,
    Difference,
    Sight,
    Verdict,
    damage_error,
    judge,
)
from modelhub.errors import ArchiveError, IntegrityError, ModelHubError
from modelhub.file_sums import FileSum, by_path_below, hadoop_sums_of, sum_files, summed_by_hadoop
from modelhub.objects import Member
from modelhub.quick_dataclasses import dataclass
from modelhub.saved_models import read_stages
from modelhub.saved_parts import begins_model, missing_parts

_FINDERS = ".DS_Store"  # macOS puts one wherever somebody looks
_SETTLED_NS = 2_000_000_000  # Hadoop writes a file's sums when it closes the file


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """What was installed as an entry.

    Attributes:
        s3_uri: Canonical URI of the zip.
        sha256: Hex digest of the zip; "" where we never had the zip as a whole.
        zip_bytes: Size of the zip.
        files: Every file of the entry.
        installed_ns: When the last of them was written, by the clock of their file system; 0 where nobody noted it.
    """

    key: str
    s3_uri: str
    sha256: str
    zip_bytes: int
    files: tuple[Member, ...]
    installed_ns: int = field(default=0, compare=False)

    @property
    def size_bytes(self) -> int:
        """Bytes of all files."""
        return sum(file.size_bytes for file in self.files)

    def to_dict(self) -> dict[str, Any]:
        """The manifest as JSON values."""
        return {"schema": 1, **vars(self), "files": [file._asdict() for file in self.files]}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Manifest:
        """Inverse of :meth:`to_dict`."""
        return cls(
            key=data["key"],
            s3_uri=data["s3_uri"],
            sha256=data["sha256"],
            zip_bytes=data["zip_bytes"],
            files=tuple(Member(**file) for file in data["files"]),
            installed_ns=data.get("installed_ns", 0),
        )


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One unpacked model of a cache, and its state.

    Attributes:
        state: One of :mod:`modelhub.entry_states`.
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
        return self.state == GOOD

    @property
    def is_whole(self) -> bool:
        """Whether Spark NLP can load it, as far as was looked."""
        return self.state in WHOLE

    def damage(self) -> IntegrityError:
        """What to say of an entry that is not whole, and how to mend it."""
        return damage_error(self.path, self.key, Verdict(state=self.state, problems=self.problems))

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


@dataclass(frozen=True, kw_only=True)
class Tree:
    """What lies below a folder.

    Attributes:
        sizes: The size of every file by its path below the folder, with slashes.
        empty_folders: The folders in which nothing is.
    """

    sizes: Mapping[str, int]
    empty_folders: tuple[str, ...] = ()

    @property
    def size_bytes(self) -> int:
        """Bytes of all files."""
        return sum(self.sizes.values())


def examine(
    key: ArtifactKey,
    path: Path,
    manifest: Manifest | None,
    *,
    is_deep: bool = False,
    sums: Mapping[Path, FileSum] | None = None,
) -> Entry:
    """Find out the state of a folder.

    Args:
        key: What it is called.
        path: The folder.
        manifest: What was installed there, if we know.
        is_deep: Whether every byte is read and its CRC-32 compared, not only names and sizes.
        sums: Of its files, where they have been read already.
    """
    tree = read_tree(path)
    if is_deep and sums is None:
        sums = sum_files(path / name for name in tree.sizes)
    verdict = judge(look(path, tree, manifest, sums=by_path_below(path, tree.sizes, sums or {})))
    return Entry(
        key=key,
        path=path,
        size_bytes=tree.size_bytes,
        state=verdict.state,
        problems=verdict.problems,
        has_manifest=manifest is not None,
    )


def look(folder: Path, tree: Tree, manifest: Manifest | None, *, sums: Mapping[str, FileSum]) -> Sight:
    """See all that tells the state of a folder.

    Args:
        folder: The folder.
        tree: What lies below it.
        manifest: What was installed there, if we know.
        sums: Of its files by path, where they were read.
    """
    zips = zips_beside(folder)
    gaps = list(_gaps(folder, tree, is_listed=manifest is not None))
    if manifest:
        differences = [*differences_from(folder, tree, manifest, sums), *additions(tree, manifest.files)]
    else:
        differences = list(_differences_from_hadoop(folder, sums))
    return Sight(
        is_listed=manifest is not None,
        differences=tuple(differences),
        gaps=tuple(gaps),
        begins_model=begins_model(tree.sizes),
        zips=tuple(path.name for path in zips),
        zip_gaps=_zip_gaps(zips, tree),
    )


def zips_beside(path: Path) -> list[Path]:
    """What Spark NLP leaves beside a folder when its unpacking is interrupted: the zip, and its check sums."""
    candidates = (path.with_name(f"{path.name}.zip"), path.with_name(f".{path.name}.zip.crc"))
    return [candidate for candidate in candidates if candidate.is_file()]


def read_tree(folder: Path) -> Tree:
    """What lies below a folder; somebody else may be removing it meanwhile."""
    sizes: dict[str, int] = {}
    empty: list[str] = []
    for parent, folders, names in os.walk(folder):
        below = Path(parent).relative_to(folder).as_posix()
        if not (folders or names) and below != ".":
            empty.append(below)
        for name in names:
            with suppress(OSError):
                sizes[name if below == "." else f"{below}/{name}"] = Path(parent, name).stat().st_size
    return Tree(sizes=sizes, empty_folders=tuple(empty))


def differences_from(folder: Path, tree: Tree, manifest: Manifest, sums: Mapping[str, FileSum]) -> Iterator[Difference]:
    """What a manifest says otherwise of its files.

    Args:
        folder: The folder.
        tree: What lies below it.
        manifest: What should lie there.
        sums: Of its files by path, where they were read.
    """
    for file in manifest.files:
        size_bytes, found = tree.sizes.get(file.path), sums.get(file.path)
        if size_bytes is None:
            yield _not_there(folder, file.path)
        elif size_bytes != file.size_bytes:
            text = f"{file.path} has {size_bytes:,} bytes, not {file.size_bytes:,}."
            yield Difference(path=file.path, kind=SIZE, text=text)
        elif found and found.crc32 is None:
            text = f"{file.path} cannot be read: {found.error}."
            yield Difference(path=file.path, kind=UNREADABLE, text=text, is_later=False)
        elif found and found.crc32 != file.crc32:
            text = f"{file.path} has other content than was installed."
            is_later = written_ns(folder / file.path) > manifest.installed_ns
            yield Difference(path=file.path, kind=CONTENT, text=text, is_later=is_later)


def additions(tree: Tree, files: Sequence[Member]) -> Iterator[Difference]:
    """Files that nobody has installed. Hadoop writes sums also where a model is only used: these are none."""
    installed = {file.path for file in files}
    for path in sorted(tree.sizes.keys() - installed):
        if path.rpartition("/")[2] != _FINDERS and summed_by_hadoop(path) not in installed:
            yield Difference(path=path, kind=ADDED, text=f"{path} was added.")


def newest_ns(folder: Path) -> int:
    """When something was last written to a file below a folder, in nanoseconds since 1970; 0 where there is none."""
    paths = (Path(parent, name) for parent, _, names in os.walk(folder) for name in names)
    return max(map(written_ns, paths), default=0)


def _not_there(folder: Path, path: str) -> Difference:
    try:
        (folder / path).stat()
    except FileNotFoundError:
        return Difference(path=path, kind=MISSING, text=f"{path} is missing.")
    except OSError as exc:
        return Difference(path=path, kind=UNREADABLE, text=f"{path} cannot be read: {exc.strerror or exc}.")
    return Difference(path=path, kind=UNREADABLE, text=f"{path} is no file.")


def _gaps(folder: Path, tree: Tree, *, is_listed: bool) -> Iterator[str]:
    """What a saved model lacks; where a list tells what was installed, only whether it is one."""
    try:
        stages = read_stages(folder)
    except ArchiveError as exc:
        yield exc.message
        return
    if not is_listed:
        classes = {prefix: (stage.class_name, stage.engine) for prefix, stage in stages.items()}
        yield from missing_parts(classes, tree.sizes, tree.empty_folders)


def _differences_from_hadoop(folder: Path, sums: Mapping[str, FileSum]) -> Iterator[Difference]:
    for path, found in sums.items():
        if found.crc32 is None:
            text = f"{path} cannot be read: {found.error}."
            yield Difference(path=path, kind=UNREADABLE, text=text, is_later=False)
        elif found.is_as_summed is False:
            text = f"{path} has other content than the sums say that lie beside it."
            is_later = written_ns(folder / path) > written_ns(folder / hadoop_sums_of(path)) + _SETTLED_NS
            yield Difference(path=path, kind=CONTENT, text=text, is_later=is_later)


def _zip_gaps(zips: Sequence[Path], tree: Tree) -> tuple[str, ...] | None:
    """What a folder lacks of the zip beside it, by the zip's own table of contents; ``None`` where it has none."""
    packed = next((path for path in zips if path.suffix == ".zip"), None)
    if packed is None:
        return ()
    from modelhub.arriving import LocalZip  # only where Spark NLP was interrupted
    from modelhub.unpack_members import read_directory

    try:
        with closing(LocalZip(packed, packed.name)) as archive:
            files = read_directory(archive).files
    except ModelHubError:
        return None
    return tuple(
        f"{file.path} is missing." if file.path not in tree.sizes else f"{file.path} is cut off."
        for file in files
        if tree.sizes.get(file.path) != file.size_bytes
    )


def written_ns(path: Path) -> int:
    """When a file was last written; 0 where nobody can tell."""
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0
