"""Finding models in the registry: words and filters in, one row per model out, the likeliest first."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from typing import Any

from modelhub.artifacts import Artifact
from modelhub.errors import IncompatibleError
from modelhub.facts import ModelFacts
from modelhub.registry import Registry
from modelhub.resolver import Runtime, choose, why_refused
from modelhub.search_query import SearchQuery, artifact_filters, checked
from modelhub.search_words import corrected, match_all, match_any, plain_text, words_of
from modelhub.versions import Version

# Of name, title, tasks, tags, labels, other: a word in the name says most.
_WEIGHTS = "10.0, 4.0, 4.0, 3.0, 1.0, 2.0"
_SEEN = (
    "EXISTS (SELECT 1 FROM documents d WHERE d.key = a.key AND d.repository = a.repository AND d.source_id NOT IN ({}))"
)


@dataclass(frozen=True, kw_only=True)
class FoundModel:
    """One model.

    Attributes:
        artifact: The one that the runtime would get, or the newest where none is compatible.
        facts: What is known of it.
        versions: Number of its artifacts.
        is_compatible: Whether the runtime can use ``artifact``.
    """

    artifact: Artifact
    facts: ModelFacts
    versions: int
    is_compatible: bool

    def to_dict(self) -> dict[str, Any]:
        """The model as it stands in JSON answers."""
        return {
            "artifact": self.artifact.to_dict(),
            "versions": self.versions,
            "compatible": self.is_compatible,
            "facts": self.facts.to_dict(),
        }


@dataclass(frozen=True, kw_only=True)
class SearchResult:
    """The best models and the number of all; iterate over it for the models.

    Attributes:
        corrected: The words that were looked for instead, where nothing had the words as typed; else "".
        is_partial: Whether no model has all of the words, and these have some.
    """

    models: tuple[FoundModel, ...]
    total: int
    corrected: str = ""
    is_partial: bool = False

    def __iter__(self) -> Iterator[FoundModel]:
        return iter(self.models)

    def __len__(self) -> int:
        return len(self.models)


def search(
    registry: Registry,
    query: SearchQuery,
    runtime: Runtime,
    *,
    hidden: Sequence[int] = (),
    mark_listed: Callable[[Sequence[Artifact]], Sequence[Artifact]] = list,
) -> SearchResult:
    """Find models: with all words as typed, else with the words corrected, else with some of them.

    Args:
        registry: Where to look.
        query: What to look for.
        runtime: What to be compatible with.
        hidden: Numbers of the lists that do not count; what only they name is left out.
        mark_listed: Marks which artifacts the hub in use lists.

    Raises:
        UsageError: A filter cannot be understood.
    """
    query = checked(replace(query, text=plain_text(query.text)), registry, runtime)
    find = partial(_matching, registry, query, runtime, hidden)
    words = words_of(query.text)
    better = ""
    is_partial = False
    total, ids = find(match_all(words) if words else "")
    if not total and (better := corrected(registry, query.text)):
        total, ids = find(match_all(words_of(better)))
    if not total and len(words) > 1:
        total, ids = find(match_any(words))
        better, is_partial = "", bool(total)
    candidates = (mark_listed(registry.of_model(model_id)) for model_id in ids)
    models = tuple(_found(registry, artifacts, query, runtime) for artifacts in candidates)
    return SearchResult(models=models, total=total, corrected=better if total else "", is_partial=is_partial)


def _matching(
    registry: Registry, query: SearchQuery, runtime: Runtime, hidden: Sequence[int], expression: str
) -> tuple[int, list[int]]:
    """Number of all matching models, and the ids of the best."""
    if query.text and not expression:
        return 0, []
    tables, conditions, values = "models m", [], []
    order, order_values = "m.merit DESC, m.newest DESC, m.name", []
    if expression:
        tables += " JOIN model_text ON model_text.rowid = m.id"
        conditions.append("model_text MATCH ?")
        values.append(expression)
        order = f"m.name = ? COLLATE NOCASE DESC, bm25(model_text, {_WEIGHTS}) - m.merit, m.newest DESC, m.name"
        order_values.append(query.text.split()[0])
    filters, filter_values = artifact_filters(query)
    if query.is_compatible:
        registry.connection.create_function("suits", 2, _suits(runtime), deterministic=True)
        filters.append("a.ready AND suits(a.lib_version, a.spark_version)")
    if hidden:
        filters.append(_SEEN.format(", ".join("?" * len(hidden))))
        filter_values += hidden
    if filters:
        conditions.append(f"EXISTS (SELECT 1 FROM artifacts a WHERE a.model_id = m.id AND {' AND '.join(filters)})")
        values += filter_values
    if query.language:
        conditions.append("m.language = ?")
        values.append(query.language)
    if query.label:
        conditions.append("m.id IN (SELECT model_id FROM labels WHERE label = ?)")
        values.append(query.label)
    selection = f"FROM {tables} WHERE {' AND '.join(conditions) or '1'}"
    (total,) = registry.connection.execute(f"SELECT count(*) {selection}", values).fetchone()
    rows = registry.connection.execute(
        f"SELECT m.id {selection} ORDER BY {order} LIMIT ?",
        (*values, *order_values, query.limit or -1),
    )
    return total, [row[0] for row in rows]


def _suits(runtime: Runtime) -> Any:
    @cache
    def suits(lib_version: str, spark_version: str) -> bool:
        return not why_refused(Version(lib_version), Version(spark_version), runtime)

    return suits


def _found(registry: Registry, artifacts: Sequence[Artifact], query: SearchQuery, runtime: Runtime) -> FoundModel:
    shown = _passing(artifacts, query) or artifacts
    try:
        artifact, is_compatible = choose(shown, runtime).artifact, True
    except IncompatibleError:
        ready = [replace(artifact, is_ready=True, is_listed=True) for artifact in shown]
        artifact, is_compatible = choose(ready, Runtime()).artifact, False
    return FoundModel(
        artifact=artifact, facts=registry.facts(artifact), versions=len(artifacts), is_compatible=is_compatible
    )


def _passing(artifacts: Sequence[Artifact], query: SearchQuery) -> list[Artifact]:
    """Those artifacts of a model that themselves pass the filters which tell its artifacts apart."""
    return [
        artifact
        for artifact in artifacts
        if (not query.engine or artifact.engine == query.engine)
        and (query.max_size_bytes is None or _is_at_most(artifact.size_bytes, query.max_size_bytes))
    ]


def _is_at_most(size_bytes: int | None, limit_bytes: int) -> bool:
    return size_bytes is not None and size_bytes <= limit_bytes
