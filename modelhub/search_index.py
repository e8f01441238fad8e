"""The models that match an expression, within a selection: their number, and the candidates among them.

Rows come in the order of their numbers, which is that of their rank (``searchable``), and of many only the first are
looked at. ``bm25`` would look at all of them: that takes 0.4 s for ``bert`` among a million models.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from modelhub.quick_dataclasses import dataclass
from modelhub.registry import Registry, batches, marks
from modelhub.search_score import Candidate
from modelhub.search_words import Wanted
from modelhub.searchable import TEXT_COLUMNS, words_in

SCORED = 150
_NAMED = 25
_COLUMNS = "m.id, model_text.name, model_text.title, model_text.tasks || ' ' || model_text.labels, m.language"
_JOINED = "model_text CROSS JOIN models m ON m.id = model_text.rowid"


@dataclass(frozen=True, kw_only=True)
class Selection:
    """What must hold of a model besides its words.

    Attributes:
        facets: Words of the column of facets, all of which it must have.
        conditions: Conditions on a model ``m``, and their values.
        passing: Condition on an artifact ``a``, which one of the model must meet, and its values; "" for none.
    """

    facets: tuple[str, ...] = ()
    conditions: tuple[str, ...] = ()
    values: tuple[Any, ...] = ()
    passing: str = ""
    passing_values: tuple[Any, ...] = ()


class SearchIndex:
    """The full-text search of a registry within one selection."""

    def __init__(self, registry: Registry, selection: Selection) -> None:
        self._execute = registry.connection.execute
        self._selection = selection

    @property
    def has_all(self) -> bool:
        """Whether every model of the registry is in the selection."""
        return self._selection == Selection()

    def count(self, expression: str, bound: int) -> int:
        """Number of models that match, at most so many."""
        tables, where, values = self._query(expression)
        query = f"SELECT count(*) FROM (SELECT 1 FROM {tables} WHERE {where} LIMIT ?)"
        (count,) = self._execute(query, (*values, bound)).fetchone()
        return int(count)

    def numbers(self, expression: str, limit: int, order: str = "") -> list[int]:
        """The numbers of models that match, in the order of their rank or in another."""
        tables, where, values = self._query(expression)
        ordered = order or ("model_text.rowid" if "model_text" in tables else "m.id")
        query = f"SELECT m.id FROM {tables} WHERE {where} ORDER BY {ordered} LIMIT ?"
        return [row[0] for row in self._execute(query, (*values, limit or -1))]

    def candidates(self, expression: str) -> list[Candidate]:
        """The best ranked of those that match; fewer than ``SCORED`` are all."""
        return self._candidates(expression, SCORED)

    def candidates_by_name(self, expression: str) -> list[Candidate]:
        """The best ranked of those whose name matches."""
        return self._candidates(f"name : ({expression})", 2 * SCORED)

    def candidates_that_begin(self, word: str) -> list[Candidate]:
        """The best ranked of those whose name begins with a word; looks through all that have it anywhere."""
        return self._candidates(f'name : ^ "{word}"', SCORED)

    def _candidates(self, expression: str, limit: int) -> list[Candidate]:
        tables, where, values = self._query(expression)
        query = f"SELECT {_COLUMNS} FROM {tables} WHERE {where} ORDER BY model_text.rowid LIMIT ?"
        return [Candidate(*row) for row in self._execute(query, (*values, limit))]

    def named(self, wanted: Wanted) -> list[Candidate]:
        """Models that the whole text names: by name, name and language, NLU reference, page, or in Hugging Face.

        Where it says a repository that has any of them, only those.
        """
        name, _, language = wanted.text.partition(" ")
        named = (
            "SELECT id FROM models WHERE name = ? COLLATE NOCASE AND ? IN ('', language)"
            " UNION SELECT model_id FROM artifacts WHERE origin = ? COLLATE NOCASE AND origin != ''"
            " UNION SELECT model_id FROM artifacts WHERE page = ? AND page != ''"
            " UNION SELECT a.model_id FROM nlu JOIN artifacts a ON a.id = nlu.artifact_id WHERE nlu.reference = ?"
        )
        found = self._execute(
            f"SELECT id, repository FROM models WHERE id IN ({named})",
            (name, language, wanted.text, wanted.page, wanted.typed),
        ).fetchall()
        inside = [number for number, repository in found if repository == wanted.repository]
        numbers = sorted(inside or [number for number, _ in found])[:_NAMED]
        _, where, values = self._query("")
        query = f"SELECT {_COLUMNS} FROM {_JOINED} WHERE model_text.rowid = ? AND {where}"
        rows = (self._execute(query, (number, *values)).fetchone() for number in numbers)
        return [Candidate(*row) for row in rows if row]

    def passing(self, numbers: Sequence[int]) -> set[tuple[str, str]] | None:
        """Repository and key of those artifacts of models that pass the filters themselves; ``None`` for all."""
        if not self._selection.passing:
            return None
        found: set[tuple[str, str]] = set()
        for some in batches(numbers):
            query = (
                f"SELECT a.repository, a.key FROM artifacts a WHERE a.model_id IN ({marks(some)})"
                f" AND {self._selection.passing}"
            )
            found.update(self._execute(query, (*some, *self._selection.passing_values)))
        return found

    def words_of(self, number: int) -> set[str]:
        """All words of a model."""
        query = f"SELECT {', '.join(TEXT_COLUMNS)} FROM model_text WHERE rowid = ?"
        return words_in(self._execute(query, (number,)).fetchone())

    def _query(self, expression: str) -> tuple[str, str, list[Any]]:
        """Tables, condition and values that select the models which match an expression, or all where it is empty."""
        expressions = [f"- facets : ({expression})"] if expression else []
        expressions += [f'facets : "{facet}"' for facet in self._selection.facets]
        conditions, values = list(self._selection.conditions), list(self._selection.values)
        if not expressions:
            return "models m", " AND ".join(conditions) or "1", values
        matching = " AND ".join(f"({part})" for part in expressions)
        return _JOINED, " AND ".join(["model_text MATCH ?", *conditions]), [matching, *values]
