"""What a user looks for: words and filters, checked against what there is."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from modelhub.errors import UsageError
from modelhub.registry import Registry
from modelhub.resolver import Runtime

DEFAULT_LIMIT = 25
_SHOWN = 12
_DATE = re.compile(r"\d{4}(-(0[1-9]|1[0-2])(-(0[1-9]|[12]\d|3[01]))?)?")


@dataclass(frozen=True, kw_only=True)
class SearchQuery:
    """What a user looks for; empty fields do not restrict.

    Attributes:
        text: Words, all of which should occur; the beginning of a word is enough.
        task: A task, its beginning or its initials: ``Named Entity Recognition``, ``named``, ``ner``.
        language: Language code.
        annotator: Class, in any case, or its beginning.
        product: ``Spark NLP``, ``healthcare``, ….
        engine: Engine of the weights.
        label: A label that the model predicts.
        is_compatible: Only models with an artifact for the runtime.
        max_size_bytes: Largest size of the zip; models of unknown size are left out.
        since: Day, month or year of publication, ``YYYY[-MM[-DD]]``.
        limit: Number of models; 0 for all.
    """

    text: str = ""
    task: str = ""
    language: str = ""
    annotator: str = ""
    product: str = ""
    engine: str = ""
    label: str = ""
    is_compatible: bool = False
    max_size_bytes: int | None = None
    since: str = ""
    limit: int = DEFAULT_LIMIT


def checked(query: SearchQuery, registry: Registry, runtime: Runtime) -> SearchQuery:
    """The query with every filter spelled as the registry has it.

    Raises:
        UsageError: Nothing is called so, a date is none, or there is no runtime to be compatible with.
    """
    if query.since and not _DATE.fullmatch(query.since):
        raise UsageError(f"{query.since!r} is not a date.", hint="Write 2023, 2023-06 or 2023-06-30.")
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


def _is_part(wanted: str, value: str) -> bool:
    return wanted in value.lower()


_FILTERS: dict[str, Sequence[Test]] = {
    "task": (_is_equal, _is_beginning, _are_initials, _is_part),
    "language": (_is_equal,),
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


def artifact_filters(query: SearchQuery) -> tuple[list[str], list[Any]]:
    """Conditions on the table of artifacts ``a``, and their values."""
    filters: list[tuple[str, Any]] = [
        ("a.tasks LIKE '%|' || ? || '|%'", query.task),
        ("a.annotator = ?", query.annotator),
        ("a.product = ?", query.product),
        ("a.engine = ?", query.engine),
        ("a.size_bytes <= ?", query.max_size_bytes),
        ("a.date >= ?", query.since),
    ]
    given = [(condition, value) for condition, value in filters if value not in ("", None)]
    return [condition for condition, _ in given], [value for _, value in given]
