"""Looking whether entries of the cache, or folders elsewhere, are whole: by names and sizes, or byte by byte.

A deep look also asks what the hubs have now. Where they cannot be asked, that is worth a note and no damage.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from modelhub.artifacts import ArtifactKey
from modelhub.cache import Cache
from modelhub.entries import Manifest, Tree, look, read_tree, written_ns
from modelhub.entry_states import CONTENT, GOOD, MISSING, SIZE, WHOLE, Difference, Sight, Verdict, damage_error, judge
from modelhub.errors import IntegrityError, ModelHubError, NetworkError, NotFoundError, OfflineError, UsageError
from modelhub.file_sums import FileSum, by_path_below, sum_files
from modelhub.hub_copies import HubCopies, HubCopy
from modelhub.objects import Member
from modelhub.progress import Progress, ProgressCallback
from modelhub.pruning import Pruner
from modelhub.quick_dataclasses import dataclass
from modelhub.user_folders import expanded

if TYPE_CHECKING:
    from concurrent.futures import Executor

SAME, REPLACED, GONE, UNKNOWN = "same", "replaced", "gone", "unknown"
_ASKS_AT_ONCE = 8


@dataclass(frozen=True, kw_only=True)
class Verified:
    """A folder, and what is wrong with it.

    Attributes:
        key: Its key; ``None`` where its name is none.
        is_ours: Whether it lies in a cache, so that we may be able to mend it.
        has_manifest: Whether we installed it.
        is_deep: Whether every byte was read.
        superseded_by: A good entry of the same model that Spark NLP takes instead.
        hub: What a hub has now: :data:`SAME`, :data:`REPLACED`, :data:`GONE`, :data:`UNKNOWN` where it could not be
            asked; "" where it was not.
    """

    key: ArtifactKey | None
    path: Path
    size_bytes: int
    verdict: Verdict
    is_ours: bool = True
    has_manifest: bool = False
    is_deep: bool = False
    superseded_by: ArtifactKey | None = None
    hub: str = ""

    @property
    def state(self) -> str:
        """One of :mod:`modelhub.entry_states`."""
        return self.verdict.state

    @property
    def problems(self) -> tuple[str, ...]:
        """What is wrong, a sentence each."""
        return self.verdict.problems

    @property
    def label(self) -> str:
        """What to call it."""
        return str(self.key) if self.key and self.is_ours else str(self.path)

    @property
    def is_good(self) -> bool:
        """Whether nothing is wrong with it, as far as was looked."""
        return self.state == GOOD

    @property
    def is_whole(self) -> bool:
        """Whether Spark NLP can load it, as far as was looked."""
        return self.state in WHOLE

    def damage(self) -> IntegrityError:
        """What to say of it if it is not whole, and how to mend it."""
        return damage_error(self.path, self.key if self.is_ours else "", self.verdict, is_deep=self.is_deep)

    def to_dict(self) -> dict[str, Any]:
        """The folder as it stands in JSON answers."""
        return {
            "key": str(self.key) if self.key else "",
            "name": self.key.name if self.key else self.path.name,
            "language": self.key.language if self.key else "",
            "path": str(self.path),
            "size_bytes": self.size_bytes,
            "state": self.state,
            "problems": list(self.problems),
            "installed_by": "modelhub" if self.has_manifest else "other",
            "superseded_by": str(self.superseded_by) if self.superseded_by else None,
            "hub": self.hub,
        }


@dataclass(frozen=True, kw_only=True)
class _Subject:
    """A folder that is looked at."""

    key: ArtifactKey | None
    path: Path
    is_ours: bool
    manifest: Manifest | None
    tree: Tree

    def sums_among(self, sums: Mapping[Path, FileSum]) -> dict[str, FileSum]:
        """The sums of its own files, by their paths."""
        return by_path_below(self.path, self.tree.sizes, sums)


class Verifier:
    """Looks at entries.

    Args:
        cache: Knows what was installed.
        copies: Know what the hubs have.
        pruner: Knows which entries have a good one beside them that Spark NLP takes instead.
        crew: Gives threads by their number and name; an interrupt ends what they wait for.
        on_progress: Called while files are read.
        on_note: Called with each sentence that deserves to be said.
    """

    def __init__(
        self,
        cache: Cache,
        copies: HubCopies,
        pruner: Pruner,
        *,
        crew: Callable[[int, str], AbstractContextManager[Executor]],
        on_progress: ProgressCallback | None,
        on_note: Callable[[str], None],
    ) -> None:
        self.cache = cache
        self.copies = copies
        self._pruner = pruner
        self._crew = crew
        self._on_progress = on_progress or (lambda progress: None)
        self._note = on_note

    def verify(
        self, places: Sequence[tuple[ArtifactKey | None, Path]], *, is_deep: bool = False, asks_hub: bool = True
    ) -> list[Verified]:
        """Look at folders.

        Args:
            places: The key of each, if it has one, and where it lies.
            is_deep: Whether every byte is read.
            asks_hub: Whether a deep look asks what the hubs have now.

        Raises:
            NotFoundError: There is no such folder.
        """
        subjects = [self._subject(key, path) for key, path in places]
        sums = self._sums(subjects) if is_deep else {}
        copies = self._hub_states(subjects, sums) if is_deep and asks_hub else [("", ())] * len(subjects)
        found = [
            replace(_verified(subject, subject.sums_among(sums), hub, differences), is_deep=is_deep)
            for subject, (hub, differences) in zip(subjects, copies, strict=True)
        ]
        return self._marked(found)

    def _subject(self, key: ArtifactKey | None, path: Path) -> _Subject:
        if not path.is_dir():
            raise NotFoundError(f"There is no folder {path}.", hint="modelhub list shows what is in the cache.")
        return _Subject(
            key=key,
            path=path,
            is_ours=key is not None and self.cache.holds(key, path),
            manifest=self.cache.manifest_at(key, path) if key else None,
            tree=read_tree(path),
        )

    def _sums(self, subjects: Sequence[_Subject]) -> dict[Path, FileSum]:
        """Read every byte, with a progress over all of them."""
        total_bytes = sum(subject.tree.size_bytes for subject in subjects)
        what = str(subjects[0].key or subjects[0].path) if len(subjects) == 1 else f"{len(subjects)} models"
        done_bytes, counting = 0, threading.Lock()

        def count(size_bytes: int) -> None:
            nonlocal done_bytes
            with counting:
                done_bytes += size_bytes
                self._on_progress(
                    Progress(phase="verifying", subject=what, done_bytes=done_bytes, total_bytes=total_bytes)
                )

        return sum_files((subject.path / name for subject in subjects for name in subject.tree.sizes), count)

    def _hub_states(
        self, subjects: Sequence[_Subject], sums: Mapping[Path, FileSum]
    ) -> list[tuple[str, tuple[Difference, ...]]]:
        asking = _Asking(self.copies, self._note)
        with self._crew(_ASKS_AT_ONCE, "ask") as threads:
            return list(threads.map(lambda subject: asking.compare(subject, subject.sums_among(sums)), subjects))

    def _marked(self, found: Sequence[Verified]) -> list[Verified]:
        """The same, those marked that another entry supersedes, according to what was just found out."""
        states = {verified.path: verified.verdict for verified in found}
        entries = [
            replace(entry, state=states[entry.path].state) if entry.path in states else entry
            for entry in self.cache.entries()
        ]
        superseded = self._pruner.superseded_among(entries)
        return [
            replace(verified, superseded_by=superseded.get(verified.key) if verified.key and verified.is_ours else None)
            for verified in found
        ]


class _Asking:
    """Asks hubs what they have; once one cannot be reached, nobody is asked any more."""

    def __init__(self, copies: HubCopies, note: Callable[[str], None]) -> None:
        self._copies = copies
        self._note = note
        self._telling = threading.Lock()
        self._is_unreachable = False

    def compare(self, subject: _Subject, sums: Mapping[str, FileSum]) -> tuple[str, tuple[Difference, ...]]:
        """What the hub has of an entry; of one without a manifest, what is different there."""
        if subject.key is None or self._is_unreachable:
            return "", ()
        try:
            with self._copies.find(subject.key, subject.manifest) as copy:
                return self._compared(copy, subject, sums)
        except OfflineError:
            return "", ()
        except NotFoundError:
            return GONE, ()
        except ModelHubError as exc:
            self._tell(exc)
            return UNKNOWN, ()

    def _tell(self, exc: ModelHubError) -> None:
        with self._telling:
            if not self._is_unreachable:
                self._note(f"What the hub has now was not compared: {exc.message}")
            self._is_unreachable = self._is_unreachable or isinstance(exc, NetworkError)

    def _compared(
        self, copy: HubCopy, subject: _Subject, sums: Mapping[str, FileSum]
    ) -> tuple[str, tuple[Difference, ...]]:
        if copy.directory is None:
            return UNKNOWN, ()
        if subject.manifest:
            return SAME if copy.is_what_was_installed(subject.manifest) else REPLACED, ()
        files = copy.directory.files
        right = {file.path: file for file in files if is_right(file, subject.tree, sums)}
        if not any(file.size_bytes for file in right.values()):
            return REPLACED, ()
        settled_ns = max(written_ns(subject.path / path) for path in right)
        wrong = (file for file in files if file.path not in right)
        return SAME, tuple(_difference(file, subject, settled_ns) for file in wrong)


def is_right(file: Member, tree: Tree, sums: Mapping[str, FileSum]) -> bool:
    """Whether a file is there and is what it should be."""
    found = sums.get(file.path)
    return tree.sizes.get(file.path) == file.size_bytes and found is not None and found.crc32 == file.crc32


def places_of(words: Sequence[str]) -> tuple[list[str], list[Path]]:
    """Tell references from paths: a path begins with ``/``, ``.`` or ``~``, or names a folder that is there."""
    references, paths = [], []
    for word in words:
        path = Path(word)
        if word.startswith(("/", ".", "~", "\\")) or (len(path.parts) > 1 and path.is_dir()):
            paths.append(expanded(path))
        else:
            references.append(word)
    return references, paths


def key_of(path: Path) -> ArtifactKey | None:
    """The key that a folder bears as its name."""
    try:
        key = ArtifactKey.parse(path.name)
    except UsageError:
        return None
    return key if str(key) == path.name else None


def _verified(subject: _Subject, sums: Mapping[str, FileSum], hub: str, differences: Sequence[Difference]) -> Verified:
    sight = look(subject.path, subject.tree, subject.manifest, sums=sums)
    return Verified(
        key=subject.key,
        path=subject.path,
        size_bytes=subject.tree.size_bytes,
        verdict=judge(_with_differences(sight, differences)),
        is_ours=subject.is_ours,
        has_manifest=subject.manifest is not None,
        hub=hub,
    )


def _with_differences(sight: Sight, differences: Sequence[Difference]) -> Sight:
    """What was seen, and what a hub has otherwise; one file is told of once."""
    told = {difference.path for difference in sight.differences}
    changes = [difference for difference in differences if difference.kind in (CONTENT, SIZE)]
    gaps = [difference.text for difference in differences if difference not in changes]
    return replace(
        sight,
        gaps=(*sight.gaps, *(text for text in gaps if text not in sight.gaps)),
        differences=(*sight.differences, *(change for change in changes if change.path not in told)),
    )


def _difference(file: Member, subject: _Subject, settled_ns: int) -> Difference:
    """What is wrong with a file, by what a hub has; what is shorter was not written to its end."""
    path, size_bytes = file.path, subject.tree.sizes.get(file.path)
    if size_bytes is None:
        return Difference(path=path, kind=MISSING, text=f"{path} is missing.")
    if size_bytes < file.size_bytes:
        return Difference(path=path, kind=MISSING, text=f"{path} is cut off.")
    if size_bytes > file.size_bytes:
        text = f"{path} has {size_bytes:,} bytes, in the hub {file.size_bytes:,}."
        return Difference(path=path, kind=SIZE, text=text)
    is_later = written_ns(subject.path / path) > settled_ns
    return Difference(path=path, kind=CONTENT, text=f"{path} has other content than in the hub.", is_later=is_later)
