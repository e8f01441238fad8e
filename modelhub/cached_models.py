"""Which entries of the cache a reference means."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from modelhub.artifacts import Artifact, ArtifactKey, s3_uri_of
from modelhub.cache import Cache, Entry
from modelhub.candidates import Candidates
from modelhub.errors import NotFoundError
from modelhub.references import Reference
from modelhub.resolver import pick_language
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
                raise NotFoundError(
                    f"{reference} is not in the cache {self._cache.root}.", hint="modelhub list shows what is."
                )
            chosen.update((entry.path, entry) for entry in entries if entry.key in keys)
        return list(chosen.values())

    def keys_of(self, reference: Reference) -> set[ArtifactKey]:
        """The keys in the cache that a reference means: all builds, in the language that a pull would take.

        Raises:
            AmbiguousError: There are several languages, none of them is the default, and none was said.
        """
        keys = {key for key, _ in self._cache.folders()}
        meant = {key for key in keys if _is_meant(key, reference) and self._may_lie_in(key, reference.repository)}
        if not (meant or reference.key or any(key.name == reference.name for key in keys)):
            meant = keys & self._known_keys(reference)
        if reference.language is None and len({key.language for key in meant}) > 1:
            language = pick_language([Artifact(key=key) for key in sorted(meant)])
            meant = {key for key in meant if key.language in (language, "")}
        return meant

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
