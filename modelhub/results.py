"""What the use cases return, besides artifacts, entries and resolutions."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from modelhub.artifacts import Artifact
from modelhub.diagnostics import Diagnostic
from modelhub.documents import Changes
from modelhub.facts import ModelFacts


@dataclass(frozen=True, kw_only=True)
class ShownModel:
    """One model in full.

    Attributes:
        artifact: The one that the runtime gets; the newest by the same order where none is compatible.
        facts: What is known of it.
        versions: All artifacts of the model, the newest build first.
        path: Its folder in the cache, if it is there.
        problem: Why the runtime gets none of them; "" where it gets one.
    """

    artifact: Artifact
    facts: ModelFacts
    versions: tuple[Artifact, ...]
    path: Path | None
    problem: str = ""

    def to_dict(self) -> dict[str, Any]:
        """The model as it stands in JSON answers."""
        return {
            "artifact": self.artifact.to_dict(),
            "facts": self.facts.to_dict(),
            "versions": [artifact.to_dict() for artifact in self.versions],
            "path": str(self.path) if self.path else None,
            "problem": self.problem,
        }


@dataclass(frozen=True, kw_only=True)
class PulledModel:
    """One model that is in the cache now.

    Attributes:
        downloaded_bytes: Of the zip; 0 where it was there already.
        is_cached: Whether it was there already.
    """

    artifact: Artifact
    path: Path
    downloaded_bytes: int
    is_cached: bool

    def to_dict(self) -> dict[str, Any]:
        """The model as it stands in JSON answers."""
        return {
            "artifact": self.artifact.to_dict(),
            "path": str(self.path),
            "downloaded_bytes": self.downloaded_bytes,
            "cached": self.is_cached,
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
