"""What a document says of an artifact: its facts, and the rows that the registry makes of them."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from typing import Any, NamedTuple

from modelhub.artifacts import ArtifactKey, day_of
from modelhub.facts import ModelFacts
from modelhub.packing import pack, unpack
from modelhub.quick_dataclasses import dataclass
from modelhub.searchable import SearchableModel, SearchRow

# What the row of an artifact takes from its facts.
ARTIFACT_COLUMNS = ("engine", "annotator", "size_bytes", "product", "license", "date", "tasks", "page", "origin")


class Rows(NamedTuple):
    """The rows that facts become.

    Attributes:
        artifact: The values of ``ARTIFACT_COLUMNS``.
        nlu: The NLU references that load the artifact.
        model: Of the model, where it has no other artifact.
    """

    artifact: tuple[Any, ...]
    nlu: tuple[str, ...]
    model: SearchRow


@dataclass(frozen=True)
class Description:
    """What is said of an artifact.

    Attributes:
        key: The artifact.
        packed: The facts as the registry stores them.
    """

    key: ArtifactKey
    packed: bytes

    @classmethod
    def of(cls, key: ArtifactKey, facts: ModelFacts) -> Description:
        """Pack facts; those that cannot be stored as they are become what is stored."""
        content, is_exact = pack(facts.to_dict())
        description = cls(key, content)
        if is_exact:
            vars(description)["facts"] = facts
        return description

    def __getstate__(self) -> dict[str, Any]:
        """For another process the rows, made in this one, and not the facts, which would be sent besides."""
        return {"key": self.key, "packed": self.packed, "rows": self.rows}

    @cached_property
    def facts(self) -> ModelFacts:
        """The facts."""
        return ModelFacts.from_dict(unpack(self.packed))

    @property
    def day(self) -> str:
        """Its day: what only a list names has no date."""
        return day_of(self.facts.date, self.key.built_ms)

    @cached_property
    def rows(self) -> Rows:
        """The rows of the artifact, and of its model if it has no other."""
        facts = self.facts
        tasks = f"|{'|'.join(facts.tasks)}|" if facts.tasks else ""
        return Rows(
            artifact=(
                *(facts.engine, facts.annotator, facts.size_bytes, facts.product, facts.license),
                *(self.day, tasks, facts.page, facts.origin),
            ),
            nlu=facts.nlu,
            model=model_row(self.key.name, self.key.language, [self]),
        )


def model_row(name: str, language: str, descriptions: Iterable[Description]) -> SearchRow:
    """The row of a model, from what is said of each of its artifacts."""
    # Those that have a card come first: others have neither a title nor anything that gives merit.
    ordered = sorted(descriptions, key=lambda item: (item.facts.date, item.day), reverse=True)
    return SearchableModel(
        name=name,
        language=language,
        newest=max(item.day for item in ordered),
        described=[item.facts for item in ordered],
    ).row()
