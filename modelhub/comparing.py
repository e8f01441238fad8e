"""Several models next to each other: what is known of each, field by field and label by label."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

from modelhub.card_benchmarks import AVERAGES
from modelhub.errors import UsageError
from modelhub.quick_dataclasses import dataclass
from modelhub.results import ShownModel

# Of a row of a benchmark the first of these that it has speaks for it.
_TELLING_METRICS = ("f1", "accuracy", "precision", "recall")


@dataclass(frozen=True, kw_only=True)
class ComparedField:
    """One thing that is known of each model.

    Attributes:
        name: Of the field, or the label.
        values: As in JSON, one a model; ``None`` where it is not known.
    """

    name: str
    values: tuple[Any, ...]

    @property
    def differs(self) -> bool:
        """Whether the models differ in it."""
        return any(value != self.values[0] for value in self.values)

    def to_dict(self) -> dict[str, Any]:
        """The field as it stands in JSON answers."""
        return {"name": self.name, "values": list(self.values), "differs": self.differs}


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Models next to each other.

    Attributes:
        models: In the order in which they were asked for.
        fields: What is known of them; those in which nothing is known of any are left out.
        labels: What they predict, and what their benchmarks measured: of each label ``predicted`` and ``score``.
    """

    models: tuple[ShownModel, ...]
    fields: tuple[ComparedField, ...]
    labels: tuple[ComparedField, ...]

    def to_dict(self) -> dict[str, Any]:
        """The comparison as it stands in JSON answers."""
        return {
            "models": [model.to_dict() for model in self.models],
            "fields": [field.to_dict() for field in self.fields],
            "labels": [label.to_dict() for label in self.labels],
        }


def compare(models: Sequence[ShownModel]) -> Comparison:
    """Put models next to each other.

    Raises:
        UsageError: There are less than two.
    """
    if len(models) < 2:
        hint = f"modelhub compare {models[0].artifact.reference if models else 'A'} B"
        raise UsageError("A comparison takes two models or more.", hint=hint)
    fields = (ComparedField(name=name, values=tuple(map(value_of, models))) for name, value_of in _FIELDS.items())
    return Comparison(
        models=tuple(models),
        fields=tuple(field for field in fields if any(value not in (None, [], "") for value in field.values)),
        labels=_labels(models),
    )


def _labels(models: Sequence[ShownModel]) -> tuple[ComparedField, ...]:
    """Every row of the benchmarks and every label, each once: averages, what else has scores, then the others."""
    scores = [_scores(model) for model in models]
    predicted = [frozenset(model.facts.labels) for model in models]
    measured = dict.fromkeys(name for known in scores for name in known)
    names = dict.fromkeys(name for name in AVERAGES if name in measured) | measured
    names |= dict.fromkeys(label for model in models for label in model.facts.labels)
    return tuple(
        ComparedField(
            name=name,
            values=tuple(
                {"predicted": name in labels, "score": known.get(name)}
                for labels, known in zip(predicted, scores, strict=True)
            ),
        )
        for name in names
    )


def _scores(model: ShownModel) -> dict[str, float]:
    """Label to the score that tells most of it."""
    scores = {}
    for row in model.facts.scores:
        metric = next((name for name in _TELLING_METRICS if name in row.metrics), "")
        if metric:
            scores[row.label] = row.metrics[metric]
    return scores


def _dependencies(model: ShownModel) -> list[str]:
    return [f"{item.reference or 'its default'} ({item.annotator})" for item in model.facts.dependencies]


def _status(model: ShownModel) -> list[str]:
    return [name for name in ("supported", "recommended", "deprecated") if getattr(model.facts, name)]


_FIELDS: dict[str, Callable[[ShownModel], Any]] = {
    "title": lambda model: model.facts.title,
    "tasks": lambda model: list(model.facts.tasks),
    "annotator": lambda model: model.facts.annotator,
    "engine": lambda model: model.artifact.engine,
    "product": lambda model: model.facts.product,
    "license": lambda model: model.facts.license,
    "date": lambda model: model.facts.date,
    "lib_version": lambda model: str(model.artifact.lib_version),
    "spark_version": lambda model: str(model.artifact.spark_version),
    "builds": lambda model: len(model.versions),
    "language": lambda model: model.artifact.language,
    "languages": lambda model: list(model.languages),
    "size_bytes": lambda model: model.artifact.size_bytes,
    "status": _status,
    "replaced_by": lambda model: model.replaced_by,
    "problem": lambda model: model.problem,
    "label_count": lambda model: model.facts.label_count or None,
    "best_score": lambda model: asdict(model.facts.best_score) if model.facts.best_score else None,
    "input_labels": lambda model: list(model.facts.input_labels),
    "output_labels": lambda model: list(model.facts.output_labels),
    "case_sensitive": lambda model: model.facts.case_sensitive,
    "max_sentence_length": lambda model: model.facts.max_sentence_length,
    "dimension": lambda model: model.facts.dimension,
    "stages": lambda model: list(model.facts.stages),
    "dependencies": _dependencies,
    "nlu": lambda model: list(model.facts.nlu),
    "origin": lambda model: model.facts.origin,
    "path": lambda model: str(model.path) if model.path else None,
}
