"""Finding models in the registry: words and filters in, one row per model out, the likeliest first."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from modelhub.artifacts import Artifact
from modelhub.errors import IncompatibleError, UsageError
from modelhub.facts import ModelFacts
from modelhub.registry import Registry
from modelhub.resolver import Runtime, choose, why_refused
from modelhub.versions import Version

DEFAULT_LIMIT = 25
# Of name, title, tasks, tags, labels, other: a word in the name says most.
_WEIGHTS = "10.0, 4.0, 4.0, 3.0, 1.0, 2.0"
_LIKENESS_PERCENT = 70
_DATE = re.compile(r"\d{4}(-\d{2}(-\d{2})?)?")


@dataclass(frozen=True, kw_only=True)
class SearchQuery:
    """What a user looks for; empty fields do not restrict.

    Attributes:
        text: Words, all of which must occur; the beginning of a word is enough.
        task: A task, its beginning or its initials: ``Named Entity Recognition``, ``named``, ``ner``.
        language: Language code.
        annotator: Class, in any case.
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
    """The best models and the number of all.

    Attributes:
        corrected: The words that were looked for instead, where nothing had the words as typed; else "".
    """

    models: tuple[FoundModel, ...]
    total: int
    corrected: str = ""


def search(registry: Registry, query: SearchQuery, runtime: Runtime) -> SearchResult:
    """Find models.

    Raises:
        UsageError: No task is called so, or a date is none.
    """
    if query.since and not _DATE.fullmatch(query.since):
        raise UsageError(f"{query.since!r} is not a date.", hint="Write 2023, 2023-06 or 2023-06-30.")
    if query.task:
        query = replace(query, task=_task_named(registry, query.task))
    total, ids = _matching(registry, query, runtime)
    corrected = ""
    if not total and (corrected := _corrected(registry, query.text)):
        total, ids = _matching(registry, replace(query, text=corrected), runtime)
    models = tuple(_found(registry, model_id, query, runtime) for model_id in ids)
    return SearchResult(models=models, total=total, corrected=corrected if total else "")


def _words(text: str) -> list[str]:
    """The words of a text as the registry's tokenizer cuts them; macOS types an accent as a sign of its own."""
    return re.findall(r"[^\W_]+", unicodedata.normalize("NFC", text))


def _match_expression(words: Sequence[str]) -> str:
    """An FTS5 expression: every word, whole or as a beginning; whole words count twice and so come first."""
    return " AND ".join(f'("{word}" OR "{word}" *)' for word in words)


def _matching(registry: Registry, query: SearchQuery, runtime: Runtime) -> tuple[int, list[int]]:
    """Number of all matching models, and the ids of the best."""
    words = _words(query.text)
    if query.text.strip() and not words:
        return 0, []
    tables, conditions, values = "models m", [], []
    order = "m.merit DESC, m.newest DESC, m.name"
    if words:
        tables += " JOIN model_text ON model_text.rowid = m.id"
        conditions.append("model_text MATCH ?")
        values.append(_match_expression(words))
        order = f"m.name = ? COLLATE NOCASE DESC, bm25(model_text, {_WEIGHTS}) - m.merit, m.newest DESC, m.name"
    filters, filter_values = _artifact_filters(query)
    if query.is_compatible:
        registry.connection.create_function("suits", 2, _suits(runtime), deterministic=True)
        filters.append("a.ready AND suits(a.lib_version, a.spark_version)")
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
        (*values, *([query.text.strip()] if words else []), query.limit or -1),
    )
    return total, [row[0] for row in rows]


def _artifact_filters(query: SearchQuery) -> tuple[list[str], list[Any]]:
    filters: list[tuple[str, Any]] = [
        ("a.tasks LIKE '%|' || ? || '|%'", query.task),
        ("a.annotator = ? COLLATE NOCASE", query.annotator),
        ("a.product LIKE ? || '%'", query.product),
        ("a.engine = ? COLLATE NOCASE", query.engine),
        ("a.size_bytes <= ?", query.max_size_bytes),
        ("a.date >= ?", query.since),
    ]
    given = [(condition, value) for condition, value in filters if value not in ("", None)]
    return [condition for condition, _ in given], [value for _, value in given]


def _suits(runtime: Runtime) -> Any:
    @cache
    def suits(lib_version: str, spark_version: str) -> bool:
        return not why_refused(Version(lib_version), Version(spark_version), runtime)

    return suits


def _found(registry: Registry, model_id: int, query: SearchQuery, runtime: Runtime) -> FoundModel:
    artifacts = registry.of_model(model_id)
    shown = _passing(artifacts, query) or artifacts
    try:
        artifact, is_compatible = choose(shown, runtime).artifact, True
    except IncompatibleError:
        ready = [replace(artifact, is_ready=True) for artifact in shown]
        artifact, is_compatible = choose(ready, Runtime()).artifact, False
    return FoundModel(
        artifact=artifact, facts=registry.facts(artifact), versions=len(artifacts), is_compatible=is_compatible
    )


def _passing(artifacts: Sequence[Artifact], query: SearchQuery) -> list[Artifact]:
    """Those artifacts of a model that themselves pass the filters which tell its artifacts apart."""
    return [
        artifact
        for artifact in artifacts
        if (not query.engine or artifact.engine.lower() == query.engine.lower())
        and (query.max_size_bytes is None or _is_at_most(artifact.size_bytes, query.max_size_bytes))
    ]


def _is_at_most(size_bytes: int | None, limit_bytes: int) -> bool:
    return size_bytes is not None and size_bytes <= limit_bytes


def _task_named(registry: Registry, text: str) -> str:
    """The task that a user means: by name, beginning, part or initials.

    Raises:
        UsageError: There is none.
    """
    tasks = registry.tasks()
    wanted = text.lower().strip()
    tests = (
        lambda task: task.lower() == wanted,
        lambda task: task.lower().startswith(wanted),
        lambda task: "".join(word[0] for word in task.lower().split()).startswith(wanted),
        lambda task: wanted in task.lower(),
    )
    for test in tests:
        if matches := [task for task in tasks if test(task)]:
            return matches[0]
    raise UsageError(f"No task is called {text!r}.", hint=f"Tasks: {', '.join(sorted(tasks))}.")


def _corrected(registry: Registry, text: str) -> str:
    """The text with each word that no model has replaced by the most similar one; "" where there is none."""
    words = _words(text.lower())
    if not words:
        return ""
    from rapidfuzz import fuzz, process  # only for a search that found nothing

    vocabulary = registry.vocabulary()
    better = []
    for word in words:
        if registry.has_word(word):
            better.append(word)
        elif match := process.extractOne(word, vocabulary, scorer=fuzz.ratio, score_cutoff=_LIKENESS_PERCENT):
            better.append(match[0])
        else:
            return ""
    return " ".join(better) if better != words else ""
