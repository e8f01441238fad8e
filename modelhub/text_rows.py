"""What the search knows of models: rows of text, labels, words, facets; gathered over an update, written in order.

The full-text search writes out all that it holds in memory whenever a smaller number follows a larger one; in the order
of their numbers rows cost a third.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from modelhub.registry import Registry
from modelhub.searchable import COLUMNS, SearchRow, words_in
from modelhub.vocabulary import Vocabulary

_HELD = 50_000


class TextRows:
    """Gathers rows; lives for one transaction, at whose end :meth:`finish` is to be called."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._execute = registry.connection.execute
        self._executemany = registry.connection.executemany
        self._words: Counter[str] = Counter()
        self._facets: Counter[tuple[str, str]] = Counter()
        self._forgotten: list[tuple[int]] = []
        self._rows: dict[int, SearchRow] = {}

    def add(self, model_id: int, row: SearchRow) -> None:
        """Know a model that is new, or was forgotten."""
        self._rows[model_id] = row
        self._words.update(words_in(row.columns))
        self._facets.update(row.facets)
        if len(self._rows) >= _HELD:
            self._write()

    def forget(self, model_id: int, facets: Iterable[tuple[str, str]]) -> None:
        """Forget a model that the registry knew before, or that was added, with these facets."""
        if row := self._rows.pop(model_id, None):
            columns: Sequence[str] = row.columns
        else:
            query = f"SELECT {', '.join(COLUMNS)} FROM model_text WHERE rowid = ?"
            columns = self._execute(query, (model_id,)).fetchone()
            self._forgotten.append((model_id,))
        self._words.subtract(words_in(columns))
        self._facets.subtract(facets)

    def finish(self) -> None:
        """Write all that was gathered."""
        self._write()
        Vocabulary(self._registry).add(self._words)
        self._executemany(
            "INSERT INTO facets VALUES (?, ?, ?)"
            " ON CONFLICT(field, value) DO UPDATE SET models = models + excluded.models",
            [(*facet, change) for facet, change in sorted(self._facets.items()) if change],
        )
        self._execute("DELETE FROM facets WHERE models <= 0")

    def _write(self) -> None:
        self._executemany("DELETE FROM model_text WHERE rowid = ?", sorted(self._forgotten))
        self._executemany("DELETE FROM labels WHERE model_id = ?", self._forgotten)
        rows = sorted(self._rows.items())
        self._executemany(_INSERT_TEXT, [(model_id, *row.columns) for model_id, row in rows])
        labels = sorted((label, model_id) for model_id, row in rows for label in row.labels)
        self._executemany("INSERT OR IGNORE INTO labels VALUES (?, ?)", labels)
        self._forgotten, self._rows = [], {}


_INSERT_TEXT = f"INSERT INTO model_text(rowid, {', '.join(COLUMNS)}) VALUES ({', '.join('?' * (1 + len(COLUMNS)))})"
