"""What a search found, as text: models, counts of what they can be filtered by, alternatives to a model."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelhub.artifacts import built_text, day_of
from modelhub.output import Output, bytes_text

if TYPE_CHECKING:  # a view needs no more of these than their attributes
    from collections.abc import Mapping, Sequence

    from modelhub.alternatives import Alternative, Alternatives
    from modelhub.facets import FacetCount
    from modelhub.facts import ModelFacts
    from modelhub.searching import FoundModel, SearchResult

_VALUES_SHOWN = 12
_SORTED_BY = {"size": "SIZE", "date": "DATE", "f1": "F1"}  # the column that an order is told by
# The option that narrows a search to a value of a facet.
_OPTIONS = {"language": "--lang", "license": "--open", "year": "--since", "size": "--max-size"}
_STYLES = {"recommended": "green", "deprecated": "red", "incompatible": "yellow", "not on this hub": "yellow"}


def view_search(output: Output, result: SearchResult, *, sort: str = "") -> None:
    """One row per model; or how many models have what, where that was asked for.

    Args:
        output: Prints.
        result: What was found.
        sort: What it is sorted by: that column stays, however narrow the terminal.
    """
    if output.is_quiet:
        for model in result.models:
            output.line(model.artifact.reference)
        return
    _note_meaning(output, result)
    if result.facets is not None:
        _view_facets(output, result.facets)
        output.note(f"{_total(result)}; the options in the first column narrow a search.")
        return
    output.table(
        ("MODEL", "TASK", "SIZE", "F1", "LIB", "DATE", "BUILDS", "STATUS"),
        [
            (
                model.artifact.reference,
                ", ".join(model.facts.tasks),
                bytes_text(model.artifact.size_bytes),
                _f1(model.facts),
                str(model.artifact.lib_version),
                day_of(model.facts.date, model.artifact.built_ms),
                str(model.versions),
                _status(model),
            )
            for model in result.models
        ],
        right=("SIZE", "F1", "BUILDS"),
        optional=_without(_SORTED_BY.get(sort, ""), "BUILDS", "F1", "LIB", "DATE", "TASK"),
        styles=_STYLES,
    )
    _note_number(output, result)


def view_versions(output: Output, result: SearchResult, *, sort: str = "") -> None:
    """One row per build of every model; the column that they are sorted by stays, however narrow the terminal."""
    if output.is_quiet:
        for model in result.models:
            output.line(str(model.artifact.key))
        return
    _note_meaning(output, result)
    output.table(
        ("MODEL", "SPARK", "BUILT", "SIZE", "F1", "ENGINE", "STATUS"),
        [
            (
                f"{model.artifact.reference}@{model.artifact.lib_version}",
                str(model.artifact.spark_version),
                built_text(model.artifact.built_ms),
                bytes_text(model.artifact.size_bytes),
                _f1(model.facts),
                model.artifact.engine,
                _status(model),
            )
            for model in result.models
        ],
        right=("SIZE", "F1"),
        optional=_without(_SORTED_BY.get(sort, ""), "F1", "ENGINE", "STATUS", "SIZE"),
        styles=_STYLES,
    )
    _note_number(output, result)


def _without(column: str, *optional: str) -> list[str]:
    return [name for name in optional if name != column]


def _note_meaning(output: Output, result: SearchResult) -> None:
    """What was looked for, where it is not what was typed."""
    if result.corrected:
        output.note(f"Nothing has these words; found with: {result.corrected}")
    if result.is_partial:
        output.note("No model has all of these words; these have some of them.")


def _note_number(output: Output, result: SearchResult) -> None:
    """How many there are besides those that are shown."""
    shown = len({model.artifact.reference for model in result.models})
    if result.total > shown:
        output.note(f"{shown} of {_total(result)}; --limit 0 shows all.")
    elif not result.models:
        output.note("No model found. Fewer words or filters find more; modelhub update brings newer models.")


def _total(result: SearchResult) -> str:
    more = "" if result.is_total_exact else "more than "
    return f"{more}{result.total:,} model{'' if result.total == 1 else 's'}"


def _f1(facts: ModelFacts) -> str:
    score = facts.best_score
    return f"{score.value:.3f}" if score and score.metric == "f1" else ""


def _status(model: FoundModel) -> str:
    is_listed = model.artifact.is_listed
    marks = [
        ("not on this hub", not model.is_compatible and not is_listed),
        ("incompatible", not model.is_compatible and is_listed),
        ("deprecated", model.facts.deprecated),
        ("recommended", model.facts.recommended),
    ]
    return ", ".join(name for name, is_so in marks if is_so)


def _view_facets(output: Output, facets: Mapping[str, Sequence[FacetCount]]) -> None:
    if not output.is_terminal:
        rows = [(field, count.value, str(count.models)) for field, counts in facets.items() for count in counts]
        output.table(("FACET", "VALUE", "MODELS"), rows)
        return
    output.fields([(_OPTIONS.get(field, f"--{field}"), _counts(counts)) for field, counts in facets.items()])


def _counts(counts: Sequence[FacetCount]) -> str:
    shown = ", ".join(f"{count.value} ({count.models:,})" for count in counts[:_VALUES_SHOWN])
    more = len(counts) - _VALUES_SHOWN
    return f"{shown} and {more} more" if more > 0 else shown


def view_alternatives(output: Output, found: Alternatives) -> None:
    """The model, then one row for each that could be used instead, with sizes and scores side by side."""
    if output.is_quiet:
        for other in found.others:
            output.line(other.model.artifact.reference)
        return
    has_labels = bool(found.model.facts.labels)
    labels = f"{len(found.model.facts.labels)}" if has_labels else ""
    rows = [_alternative_row(found.model, labels, "this one")]
    rows += [
        _alternative_row(other.model, _shared(other) if has_labels else "", ", ".join(other.advantages))
        for other in found.others
    ]
    output.table(
        ("MODEL", "SIZE", "F1", "LABELS", "ENGINE", "DATE", "BETTER IN", "STATUS"),
        rows,
        right=("SIZE", "F1", "LABELS"),
        optional=("ENGINE", "STATUS", "DATE", "LABELS"),
        styles=_STYLES,
    )
    if not found.others:
        output.note("No model of this task and language has anything over it.")
    elif found.total > len(found.others):
        output.note(f"{len(found.others)} of {found.total} models; --limit 0 shows all.")


def _shared(other: Alternative) -> str:
    return f"{other.shared_labels} of {len(other.model.facts.labels)}"


def _alternative_row(model: FoundModel, labels: str, advantages: str) -> tuple[str, ...]:
    artifact, facts = model.artifact, model.facts
    return (
        artifact.reference,
        bytes_text(artifact.size_bytes),
        _f1(facts),
        labels,
        artifact.engine,
        facts.date,
        advantages,
        _status(model),
    )
