"""A comparison as text: one column a model, a mark before every row in which they differ."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from modelhub.comparing import ComparedField, Comparison
from modelhub.output import Output, bytes_text
from modelhub.results import ShownModel
from modelhub.score_views import score_text

_DIFFERS = "*"
_STYLES = {_DIFFERS: "bold magenta"}
_LABELS_SHOWN = 24
_TITLES = {
    "tasks": "task",
    "annotator": "class",
    "date": "published",
    "lib_version": "library",
    "spark_version": "Spark",
    "languages": "also in",
    "size_bytes": "size",
    "replaced_by": "replaced by",
    "label_count": "labels",
    "best_score": "best score",
    "input_labels": "reads",
    "output_labels": "writes",
    "case_sensitive": "case sensitive",
    "max_sentence_length": "sentence length",
    "dependencies": "needs besides",
    "nlu": "NLU",
    "origin": "made from",
    "path": "in the cache",
}


def view_compare(output: Output, comparison: Comparison) -> None:
    """What is known of each model, then its labels with their scores."""
    names = _names(comparison.models)
    if output.is_quiet:
        for field in comparison.fields:
            if field.differs:
                output.line(field.name)
        return
    output.table(
        ("", "", *names),
        [
            _row(_TITLES.get(field.name, field.name), field, _TEXT_OF.get(field.name, _plain_text))
            for field in comparison.fields
        ],
        styles=_STYLES,
    )
    if comparison.labels:
        output.line()
        _view_labels(output, comparison.labels, names)
    output.note(f"{_DIFFERS} marks what differs.")


def _view_labels(output: Output, labels: Sequence[ComparedField], names: Sequence[str]) -> None:
    """On a terminal only the first of many labels, those that differ before the others."""
    shown = labels
    if output.is_terminal and len(labels) > _LABELS_SHOWN:
        shown = sorted(labels, key=lambda label: not label.differs)[:_LABELS_SHOWN]
    output.table(("", "LABEL", *names), [_row(label.name, label, _label_text) for label in shown], styles=_STYLES)
    if len(labels) > len(shown):
        output.note(f"{len(shown)} of {len(labels)} labels; --json has all.")


def _names(models: Sequence[ShownModel]) -> list[str]:
    """What heads the columns: references, or keys where a model is there twice."""
    counts = Counter(model.artifact.reference for model in models)
    return [
        model.artifact.reference if counts[model.artifact.reference] == 1 else str(model.artifact.key)
        for model in models
    ]


def _row(title: str, field: ComparedField, text_of: Callable[[Any], str]) -> tuple[str, ...]:
    return (_DIFFERS if field.differs else "", title, *map(text_of, field.values))


def _plain_text(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(value)
    return "" if value is None else str(value)


def _best_score_text(score: dict[str, Any] | None) -> str:
    return f"{score['metric']} {score_text(score['value'], score['metric'])}" if score else ""


def _cache_text(path: str | None) -> str:
    return "yes" if path else "no"


def _label_text(value: dict[str, Any]) -> str:
    """The score of a label; where there is none, whether it is predicted."""
    return score_text(value["score"], "") or ("yes" if value["predicted"] else "")


_TEXT_OF: dict[str, Callable[[Any], str]] = {
    "size_bytes": bytes_text,
    "best_score": _best_score_text,
    "path": _cache_text,
}
