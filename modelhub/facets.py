"""How many of the models that were found have which task, language, product, …."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

from modelhub.quick_dataclasses import dataclass
from modelhub.registry import Registry, batches, marks, seen_without

FIELDS = ("task", "language", "product", "annotator", "engine", "license", "year", "size")
_SIZES = ((10**7, "to 10 MB"), (10**8, "10 to 100 MB"), (10**9, "100 MB to 1 GB"))
_LARGEST = "1 GB or more"
_NOT_KNOWN = "not known"


@dataclass(frozen=True)
class FacetCount:
    """A value of a field, and how many models have it."""

    value: str
    models: int

    def to_dict(self) -> dict[str, Any]:
        """The count as it stands in JSON answers."""
        return asdict(self)


def count_facets(registry: Registry, numbers: Sequence[int], hidden: Sequence[int] = ()) -> dict[str, list[FacetCount]]:
    """By field, how many of the models with these numbers have which value, the most frequent first.

    A model whose artifacts differ counts for each value that one of them has; those that only the hidden lists (their
    numbers) name have none.
    """
    counts: dict[str, Counter[str]] = {field: Counter() for field in FIELDS}
    for some in batches(numbers):
        for facets in _facets(registry, some, hidden):
            for field, values in zip(FIELDS, facets, strict=True):
                counts[field].update(values)
    order = {label: place for place, label in enumerate([*(label for _, label in _SIZES), _LARGEST, _NOT_KNOWN])}
    sorted_by = {
        "year": lambda item: (item[0] == _NOT_KNOWN, [-int(digit) for digit in item[0] if digit.isdigit()]),
        "size": lambda item: order[item[0]],
    }
    return {
        field: [
            FacetCount(value, models)
            for value, models in sorted(counted.items(), key=sorted_by.get(field, lambda item: (-item[1], item[0])))
        ]
        for field, counted in counts.items()
    }


def _facets(registry: Registry, numbers: Sequence[int], hidden: Sequence[int]) -> Iterator[tuple[set[str], ...]]:
    """For each model the values of ``FIELDS``."""
    seen = f" AND {seen_without(hidden)}" if hidden else ""
    rows = registry.connection.execute(
        "SELECT a.model_id, a.tasks, m.language, a.product, a.annotator, a.engine, a.license, a.date, a.size_bytes"
        " FROM artifacts a JOIN models m ON m.id = a.model_id"
        f" WHERE a.model_id IN ({marks(numbers)}){seen}",
        (*numbers, *hidden),
    )
    models: dict[int, tuple[set[str], ...]] = {}
    for number, tasks, *values, date, size_bytes in rows:
        facets = models.setdefault(number, tuple(set() for _ in FIELDS))
        facets[0].update(tasks.strip("|").split("|") if tasks else [_NOT_KNOWN])
        for facet, value in zip(facets[1:], [*values, date[:4], size_class(size_bytes)], strict=True):
            facet.add(value or _NOT_KNOWN)
    yield from models.values()


def size_class(size_bytes: int | None) -> str:
    """The class of a size: ``to 10 MB``, ``10 to 100 MB``, …."""
    if size_bytes is None:
        return _NOT_KNOWN
    return next((label for bound, label in _SIZES if size_bytes < bound), _LARGEST)
