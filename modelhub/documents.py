"""What a registry is told: sources, their documents, and what an update did."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelhub.diagnostics import Diagnostic
from modelhub.facts import ModelFacts
from modelhub.quick_dataclasses import dataclass

if TYPE_CHECKING:
    from modelhub.artifacts import ArtifactKey
    from modelhub.descriptions import Description  # brings what a search is made of: 2 ms that a pull need not pay


@dataclass(frozen=True, kw_only=True)
class Source:
    """Where documents come from.

    Attributes:
        uri: Its name: ``package:snapshot``, the path of a folder of cards, the URI of a ``metadata.json``.
        kind: ``snapshot``, ``packaged``, ``cards`` or ``metadata``.
        repository: Which one a ``metadata.json`` lists; "" for other kinds.
        validator: ETag or date of the last answer, sent with the next conditional request.
        checked_s: When it was last asked for news, seconds since 1970.
    """

    uri: str
    kind: str
    repository: str = ""
    validator: str = ""
    checked_s: float = 0.0


@dataclass(frozen=True)
class Listing:
    """What only a line of ``metadata.json`` says of an artifact."""

    is_ready: bool = True
    checksum: str = ""
    position: int = 0


@dataclass(frozen=True, kw_only=True)
class Document:
    """One document of a source, read: it describes at most one artifact.

    Attributes:
        path: Its name inside the source.
        digest: Of its content; an equal digest means an unchanged document.
        description: What it says of an artifact; ``None`` where it names none.
        repository: That of the artifact.
        preference: Which of several documents of one source describes the artifact better; higher first.
        kept: Its text, compressed by zlib, if it is to be kept.
        guide: Title of the task guide that it is; "" for all others.
    """

    path: str
    digest: bytes
    description: Description | None = None
    repository: str = ""
    listing: Listing | None = None
    preference: int = 0
    diagnostics: tuple[Diagnostic, ...] = ()
    kept: bytes = b""
    guide: str = ""

    @property
    def key(self) -> ArtifactKey | None:
        """The artifact that it describes, if it names one."""
        return self.description.key if self.description else None

    @property
    def facts(self) -> ModelFacts:
        """What it says of the artifact; empty where it names none."""
        return self.description.facts if self.description else ModelFacts()


def storable(text: str) -> str:
    """A text with escapes in place of what UTF-8 cannot hold: the name of a file may be any bytes."""
    return text.encode(errors="backslashreplace").decode()


@dataclass(frozen=True)
class Unchanged:
    """A document that was seen again with the digest that the registry has."""

    path: str


@dataclass(frozen=True, kw_only=True)
class Changes:
    """What an update did to the artifacts of the registry."""

    added: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    total: int = 0

    @property
    def unchanged(self) -> int:
        """How many artifacts are as they were."""
        return self.total - len(self.added) - len(self.changed)
