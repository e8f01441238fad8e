"""What a user looks for: words and filters, checked against what there is, and as a selection of models."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import Any

from modelhub.errors import UsageError
from modelhub.languages import language_codes
from modelhub.quick_dataclasses import dataclass
from modelhub.registry import Registry, seen_without
from modelhub.resolver import Runtime, why_refused
from modelhub.search_index import Selection
from modelhub.searchable import facet_token
from modelhub.versions import Version

DEFAULT_LIMIT = 25
ORDERS = {
    "relevance": "",
    "size": "m.size_bytes IS NULL, m.size_bytes, m.id",
    "date": "m.newest DESC, m.id",
    "f1": "m.f1 IS NULL, m.f1 DESC, m.id",
}
_SHOWN = 12
_DATE = re.compile(r"\d{4}(-(0[1-9]|1[0-2])(-(0[1-9]|[12]\d|3[01]))?)?")


@dataclass(frozen=True, kw_only=True)
class SearchQuery:
    """What a user looks for; empty fields do not restrict.

    Attributes:
        text: Words, all of which should occur, the beginning of a word is enough; phrases in quotes.
        task: A task, its beginning or its initials: ``Named Entity Recognition``, ``named``, ``ner``.
        language: Code of a language, or its English name.
        annotator: Class, in any case, or its beginning.
        product: ``Spark NLP``, ``healthcare``, ….
        engine: Engine of the weights.
        label: A label that the model predicts.
        is_open: Only models that need no licence.
        is_compatible: Only models with an artifact for the runtime.
        max_size_bytes: Largest size of the zip; models of unknown size are left out.
        since: Day, month or year of publication, ``YYYY[-MM[-DD]]``.
        sort: One of ``ORDERS``: the best first, or the smallest, the latest, the one with the highest F1.
        limit: Number of models; 0 for all.
        has_all_versions: Whether every artifact of a model is an answer of its own.
        has_facets: Whether the models that match are counted by what they can be filtered by.
    """

    text: str = ""
    task: str = ""
    language: str = ""
    annotator: str = ""
    product: str = ""
    engine: str = ""
    label: str = ""
    is_open: bool = False
    is_compatible: bool = False
    max_size_bytes: int | None = None
    since: str = ""
    sort: str = "relevance"
    limit: int = DEFAULT_LIMIT
    has_all_versions: bool = False
    has_facets: bool = False


def checked(query: SearchQuery, registry: Registry, runtime: Runtime) -> SearchQuery:
    """The query with every filter spelled as the registry has it.

    Raises:
        UsageError: Nothing is called so, a date or a limit is none, or there is no runtime to be compatible with.
    """
    if query.limit < 0:
        raise UsageError(f"{query.limit} is not a number of models.", hint="Write 0 for all.")
    if blank := next((name for name in (*_FILTERS, "label") if getattr(query, name).isspace()), ""):
        raise UsageError(f"The {blank} is blank.", hint="Say which one, or leave it out.")
    if query.since and not _DATE.fullmatch(query.since):
        raise UsageError(f"{query.since!r} is not a date.", hint="Write 2023, 2023-06 or 2023-06-30.")
    if query.sort not in ORDERS:
        raise UsageError(f"Models are not sorted by {query.sort!r}.", hint=f"Sort them by {', '.join(ORDERS)}.")
    if query.is_compatible and not (runtime.sparknlp or runtime.spark):
        raise UsageError(
            "There is no Spark NLP here to be compatible with.", hint="Say which one you have: --sparknlp 5.5.3"
        )
    meant: dict[str, Any] = {
        name: _meant(getattr(query, name), tests, [*registry.values_of(name), *_ALWAYS_KNOWN.get(name, ())], name)
        for name, tests in _FILTERS.items()
        if getattr(query, name) and not registry.has_value(name, getattr(query, name))
    }
    return replace(query, **meant)


Test = Callable[[str, str], bool]


def _is_equal(wanted: str, value: str) -> bool:
    return value.lower() == wanted


def _is_beginning(wanted: str, value: str) -> bool:
    return value.lower().startswith(wanted)


def _are_initials(wanted: str, value: str) -> bool:
    return "".join(word[0] for word in value.lower().split()).startswith(wanted)


def _is_name_of(wanted: str, value: str) -> bool:
    return value in language_codes(wanted)


def _is_part(wanted: str, value: str) -> bool:
    return wanted in value.lower()


_FILTERS: dict[str, Sequence[Test]] = {
    "task": (_is_equal, _is_beginning, _are_initials, _is_part),
    "language": (_is_equal, _is_name_of),
    "annotator": (_is_equal, _is_beginning),
    "product": (_is_equal, _is_beginning, _is_part),
    "engine": (_is_equal,),
}


# Engines that a registry without a hub's list may never have met: to ask for them is no mistake.
_ALWAYS_KNOWN = {"engine": ("onnx", "tensorflow", "openvino", "llamacpp")}


def _meant(text: str, tests: Sequence[Test], values: Sequence[str], name: str) -> str:
    """The value that a user means; of several the most frequent."""
    wanted = text.lower().strip()
    for test in tests:
        if matches := [value for value in values if test(wanted, value)]:
            return matches[0]
    raise UsageError(f"No {name} is called {text!r}.", hint=f"There are {_listing(values)}.")


def _listing(values: Iterable[str]) -> str:
    known = list(dict.fromkeys(values))
    more = f" and {len(known) - _SHOWN} more" if len(known) > _SHOWN else ""
    return ", ".join(known[:_SHOWN]) + more


def selection_of(
    query: SearchQuery,
    registry: Registry,
    runtime: Runtime,
    hidden: Sequence[int],
    used: Mapping[str, Sequence[int]] | None = None,
) -> Selection:
    """The models that pass the filters of a query, which has been checked.

    Args:
        query: The query.
        registry: Where it is to be asked.
        runtime: What to be compatible with.
        hidden: Numbers of the lists that do not count; what only they name is left out.
        used: By repository the numbers of the lists that say what is offered, the first hub first; by default all do.
    """
    facets = {
        "task": query.task,
        "annotator": query.annotator,
        "product": query.product,
        "engine": query.engine,
        "license": "Open Source" if query.is_open else "",
    }
    given = [(field, value) for field, value in facets.items() if value]
    filters, values = _artifact_filters(query, hidden)
    if query.is_compatible:
        registry.connection.create_function("suits", 2, _suits(runtime), deterministic=True)
        offered, numbers = _offered(used)
        filters.append(f"{offered} AND suits(a.lib_version, a.spark_version)")
        values += numbers
    # The column of facets knows what any artifact of a model has; several filters must hold for one and the same.
    is_told_by_facets = not filters and len(given) <= 1
    passing = " AND ".join([*filters, *(_FACET_CONDITIONS[field] for field, _ in given)])
    passing_values = (*values, *(value for _, value in given))
    conditions = (
        [] if is_told_by_facets else [f"EXISTS (SELECT 1 FROM artifacts a WHERE a.model_id = m.id AND {passing})"]
    )
    values = [] if is_told_by_facets else [*passing_values]
    if query.label:
        conditions.append("m.id IN (SELECT model_id FROM labels WHERE label = ?)")
        values.append(query.label)
    if query.language:
        given.append(("language", query.language))
    return Selection(
        facets=tuple(facet_token(*facet) for facet in given),
        conditions=tuple(conditions),
        values=tuple(values),
        passing=passing,
        passing_values=passing_values,
    )


_FACET_CONDITIONS = {
    "task": "a.tasks LIKE '%|' || ? || '|%'",
    **{field: f"a.{field} = ?" for field in ("annotator", "product", "engine", "license")},
}


def _artifact_filters(query: SearchQuery, hidden: Sequence[int]) -> tuple[list[str], list[Any]]:
    """Conditions on an artifact ``a`` that no facet stands for, and their values."""
    filters: list[str] = []
    values: list[Any] = []
    if query.max_size_bytes is not None:
        filters.append("a.size_bytes <= ?")
        values.append(query.max_size_bytes)
    if query.since:
        filters.append("a.date >= ?")
        values.append(query.since)
    if hidden:
        filters.append(seen_without(hidden))
        values += hidden
    return filters, values


def _offered(used: Mapping[str, Sequence[int]] | None) -> tuple[str, list[Any]]:
    """The condition that a hub in use offers an artifact ``a``, as ``Catalogue.mark_listed`` has it, and its values."""
    if used is None:
        return "a.ready", []
    cases, values = [], []
    for repository, lists in used.items():
        if lists:
            cases.append(f"WHEN ? THEN coalesce({f'({_IS_READY}), ' * len(lists)}0)")
            values += [repository, *lists]
    return (f"CASE a.repository {' '.join(cases)} ELSE 1 END" if cases else "1"), values


_IS_READY = "SELECT d.listing LIKE '[true%' FROM documents d WHERE d.source_id = ? AND d.path = a.key"


def _suits(runtime: Runtime) -> Callable[[str, str], bool]:
    @cache
    def suits(lib_version: str, spark_version: str) -> bool:
        return not why_refused(Version(lib_version), Version(spark_version), runtime)

    return suits
