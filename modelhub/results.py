"""What the use cases return, besides artifacts, entries and resolutions."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from modelhub.artifacts import Artifact
from modelhub.diagnostics import Diagnostic
from modelhub.facts import ModelFacts
from modelhub.quick_dataclasses import dataclass

if TYPE_CHECKING:  # where nothing is known of Spark NLP here, nothing is judged
    from modelhub.documents import Changes
    from modelhub.load_verdicts import LoadVerdict


@dataclass(frozen=True, kw_only=True)
class ShownModel:
    """One model in full.

    Attributes:
        artifact: The one that the runtime gets; the newest by the same order where none is compatible.
        facts: What is known of it.
        versions: All artifacts of the model, the newest build first.
        languages: In which others a model of this name is there, in the same repository.
        replaced_by: What takes the place of a deprecated one: as its card says, else its newest build that is not.
        path: Its folder in the cache, if it is there.
        problem: Why the runtime gets none of them; "" where it gets one.
        verdict: Whether it will load here; ``None`` where nobody knows which Spark NLP it should suit.
    """

    artifact: Artifact
    facts: ModelFacts
    versions: tuple[Artifact, ...]
    path: Path | None
    languages: tuple[str, ...] = ()
    replaced_by: str = ""
    problem: str = ""
    verdict: LoadVerdict | None = None

    def to_dict(self) -> dict[str, Any]:
        """The model as it stands in JSON answers."""
        return {
            "artifact": self.artifact.to_dict(),
            "facts": self.facts.to_dict(),
            "versions": [artifact.to_dict() for artifact in self.versions],
            "languages": list(self.languages),
            "replaced_by": self.replaced_by,
            "path": str(self.path) if self.path else None,
            "problem": self.problem,
            "verdict": self.verdict.to_dict() if self.verdict else None,
        }


@dataclass(frozen=True, kw_only=True)
class PulledModel:
    """One model that is in the cache now.

    Attributes:
        downloaded_bytes: Of the zip; 0 where it was there already.
        is_cached: Whether it was there already.
        verdict: Whether it will load here, as told before the download; ``None`` where nobody knows which Spark NLP
            it should suit.
        saved_class: Full name of the class that was saved; "" where it was there already.
    """

    artifact: Artifact
    path: Path
    downloaded_bytes: int
    is_cached: bool
    verdict: LoadVerdict | None = None
    saved_class: str = ""

    def to_dict(self) -> dict[str, Any]:
        """The model as it stands in JSON answers."""
        return {
            "artifact": self.artifact.to_dict(),
            "path": str(self.path),
            "downloaded_bytes": self.downloaded_bytes,
            "cached": self.is_cached,
            "verdict": self.verdict.to_dict() if self.verdict else None,
            "saved_class": self.saved_class,
        }


@dataclass(frozen=True, kw_only=True)
class UpdateResult:
    """What an update changed, and what it had trouble with.

    Attributes:
        source: What was read: the path of the cards, or the URI of the ``metadata.json``.
        is_news: Whether the source was another one than at the last update.
    """

    source: str
    changes: Changes
    diagnostics: tuple[Diagnostic, ...] = ()
    is_news: bool = True

    def to_dict(self) -> dict[str, Any]:
        """The result as it stands in JSON answers."""
        return {
            "source": self.source,
            "added": len(self.changes.added),
            "changed": len(self.changes.changed),
            "removed": len(self.changes.removed),
            "unchanged": self.changes.unchanged,
            "total": self.changes.total,
            "added_keys": list(self.changes.added),
            "changed_keys": list(self.changes.changed),
            "removed_keys": list(self.changes.removed),
            "diagnostics": [item.to_dict() for item in self.diagnostics],
        }
