"""Which entries of the cache a reference means."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from modelhub.artifacts import Artifact, ArtifactKey, s3_uri_of
from modelhub.cache import Cache, Entry
from modelhub.candidates import Candidates
from modelhub.errors import NotFoundError, UsageError
from modelhub.public_hub import PUBLIC_REPOSITORY
from modelhub.references import Reference
from modelhub.resolver import Runtime, pick_language, resolve
from modelhub.versions import Version


class CachedModels:
    """Finds entries by reference; the registry is asked only where a name alone does not tell (a page, …)."""

    def __init__(self, cache: Cache, candidates: Candidates) -> None:
        self._cache = cache
        self._candidates = candidates

    def entries_of(self, references: Sequence[Reference]) -> list[Entry]:
        """The entries that references mean, every build of them; all entries where none is named.

        Raises:
            NotFoundError: A reference is not in the cache, or means several languages (``AmbiguousError``).
        """
        entries = self._cache.entries()
        if not references:
            return entries
        chosen: dict[Path, Entry] = {}
        for reference in references:
            keys = self.keys_of(reference)
            if not keys:
                raise self._nothing_of(reference)
            chosen.update((entry.path, entry) for entry in entries if entry.key in keys)
        return list(chosen.values())

    def path_of(self, reference: Reference, runtime: Runtime) -> Path:
        """The folder of the build in the cache that a runtime would take if there were no others; notes the use.

        Raises:
            NotFoundError: It is not in the cache.
            IncompatibleError: What is in the cache does not suit the runtime.
            IntegrityError: It is broken.
        """
        cached = [Artifact(key=key) for key in self.keys_of(reference)]
        entry = None
        if cached:
            # The name of a folder tells no repository, so all of them count as lying in the default one.
            meant = replace(reference, repository=PUBLIC_REPOSITORY, name=cached[0].name, page="", uri="")
            entry = self._cache.state_of(resolve(meant, cached, runtime).artifact.key)
        if entry is None:  # or removed by somebody this very moment
            raise NotFoundError(
                f"{reference} is not in the cache {self._cache.root}.", hint=f"modelhub pull {reference} brings it."
            )
        if not entry.is_whole:
            raise entry.damage()
        self._cache.note_use(entry.key)
        return entry.path

    def removable(self, references: Sequence[Reference]) -> list[Entry]:
        """What removing references would delete, each with the bytes of all that belongs to it.

        A key of which there are only leftovers (a partial download) stands among them as an entry that is not good.

        Raises:
            NotFoundError: Nothing of a reference is in the cache, or it means several languages (``AmbiguousError``).
            UsageError: One lies in a cache that is only looked up.
        """
        root = self._cache.root  # what was there a moment ago and is not held may have been removed by somebody
        elsewhere = {key: path for key, path in self._cache.folders() if path.parent != root}
        held = set(self._cache.held_keys())
        chosen: dict[ArtifactKey, Entry] = {}
        for reference in references:
            keys = self.keys_of(reference, {*held, *elsewhere})
            if not keys:
                raise self._nothing_of(reference)
            for key in sorted(keys):
                if key not in held:
                    raise UsageError(
                        f"{elsewhere[key]} lies in a read-only cache.", hint="Remove it where it is managed."
                    )
                chosen[key] = self._all_of(key)
        return list(chosen.values())

    def keys_of(self, reference: Reference, keys: Iterable[ArtifactKey] | None = None) -> set[ArtifactKey]:
        """The keys in the cache that a reference means: all builds, in the language that a pull would take.

        Args:
            reference: What is meant.
            keys: Among which; by default those that have an entry.

        Raises:
            AmbiguousError: There are several languages, none of them is the default, and none was said.
        """
        keys = {key for key, _ in self._cache.folders()} if keys is None else set(keys)
        meant = {key for key in keys if _is_meant(key, reference) and self._may_lie_in(key, reference.repository)}
        if not (meant or reference.key or any(key.name == reference.name for key in keys)):
            meant = keys & self._known_keys(reference)
        if reference.language is None and len({key.language for key in meant}) > 1:
            language = pick_language([Artifact(key=key) for key in sorted(meant)])
            meant = {key for key in meant if key.language in (language, "")}
        return meant

    def _nothing_of(self, reference: Reference) -> NotFoundError:
        return NotFoundError(
            f"{reference} is not in the cache {self._cache.root}.", hint="modelhub list shows what is."
        )

    def _all_of(self, key: ArtifactKey) -> Entry:
        """What the cache that is written holds of a key, leftovers included."""
        leftovers = self._cache.leftovers(key)
        left_bytes = sum(leftover.size_bytes for leftover in leftovers)
        entry = self._cache.state_of(key)
        if entry and self._cache.is_writable(entry):
            return replace(entry, size_bytes=entry.size_bytes + left_bytes)
        kinds = ", ".join(dict.fromkeys(leftover.kind for leftover in leftovers))
        return Entry(
            key=key,
            path=self._cache.root / str(key),
            size_bytes=left_bytes,
            state="partial",
            problems=(f"There is nothing of it but: {kinds}.",),
        )

    def _known_keys(self, reference: Reference) -> set[ArtifactKey]:
        """The keys that the registry knows for a page, an NLU reference or a Hugging Face name."""
        try:
            found = self._candidates.of(reference)
        except NotFoundError:
            return set()
        return {artifact.key for artifact in found if reference.language in (None, artifact.language)}

    def _may_lie_in(self, key: ArtifactKey, repository: str) -> bool:
        """Whether an entry was pulled from a repository, if one is named; of one without a manifest nobody knows."""
        manifest = self._cache.manifest(key) if repository else None
        return manifest is None or manifest.s3_uri == s3_uri_of(repository, key)


def _is_meant(key: ArtifactKey, reference: Reference) -> bool:
    if reference.key:
        return key == reference.key
    return (
        key.name == reference.name
        and reference.language in (None, key.language)
        and (not reference.lib_version or Version(key.lib_version).parts == Version(reference.lib_version).parts)
    )
