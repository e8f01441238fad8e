"""The words that models have, how many models have each, and the words that a typing error makes of them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from modelhub.registry import Registry, batches, marks
from modelhub.tokens import deletions, is_near

_LONGEST = 40
_CORRECTABLE = re.compile(r"(?=.*[^\W\d_])\w{2,}")  # with a letter, and more than one sign
LAST_SIGN = "\U0010ffff"  # behind a beginning: where the words with it end
# Of a longer word two letters may be wrong, if it begins as it should.
_LONG_WORD_LETTERS = 8


class Vocabulary:
    """The words of a registry, open for reading or writing."""

    def __init__(self, registry: Registry) -> None:
        self._execute = registry.connection.execute
        self._executemany = registry.connection.executemany

    # Reading

    def count(self, word: str) -> int:
        """Number of models that have a word."""
        row = self._execute("SELECT models FROM vocabulary WHERE word = ?", (word,)).fetchone()
        return row[0] if row else 0

    def beginning_with(self, beginning: str, limit: int) -> list[str]:
        """Longer words that begin so, those of most models first."""
        rows = self._execute(
            "SELECT word FROM vocabulary WHERE word > ? AND word < ? ORDER BY models DESC, word LIMIT ?",
            (beginning, beginning + LAST_SIGN, limit),
        )
        return [row[0] for row in rows]

    def count_beginning_with(self, beginning: str) -> int:
        """Number of models that have such a word; a model counts once for each of them."""
        query = "SELECT total(models) FROM vocabulary WHERE word >= ? AND word < ?"
        return int(self._execute(query, (beginning, beginning + LAST_SIGN)).fetchone()[0])

    def near(self, word: str, limit: int) -> list[str]:
        """Words that one typing error makes of a word, or it of them; those of most models first."""
        if not _CORRECTABLE.fullmatch(word) or len(word) > _LONGEST:
            return []
        shorter = sorted(deletions(word))
        rows = self._execute(
            "SELECT DISTINCT v.word, v.models FROM vocabulary v WHERE v.word IN"
            f" (SELECT d.word FROM deletions d WHERE d.deletion IN (?, {marks(shorter)}))"
            f" OR v.word IN ({marks(shorter)})",
            (word, *shorter, *shorter),
        ).fetchall()
        found = sorted(rows, key=lambda row: (-row[1], row[0]))
        return [other for other, _ in found if other != word and is_near(word, other)][:limit]

    def less_near(self, word: str) -> list[str]:
        """The word that two typing errors make of a long word, or it of them."""
        if len(word) < _LONG_WORD_LETTERS or not _CORRECTABLE.fullmatch(word):
            return []
        from rapidfuzz import process  # only for a word that nothing is near to
        from rapidfuzz.distance import OSA

        rows = self._execute(
            "SELECT word FROM vocabulary WHERE word >= ? AND word < ? AND length(word) BETWEEN ? AND ?",
            (word[0], word[0] + LAST_SIGN, len(word) - 2, len(word) + 2),
        )
        match = process.extractOne(word, [row[0] for row in rows], scorer=OSA.distance, score_cutoff=2)
        return [match[0]] if match else []

    # Writing

    def add(self, changes: Mapping[str, int]) -> None:
        """Count words up and down, by so many models each."""
        rows = [(word, change) for word, change in sorted(changes.items()) if change and len(word) <= _LONGEST]
        known = self._known([word for word, _ in rows])
        self._executemany(
            "INSERT INTO vocabulary VALUES (?, ?) ON CONFLICT(word) DO UPDATE SET models = models + excluded.models",
            rows,
        )
        fresh = [word for word, _ in rows if word not in known and _CORRECTABLE.fullmatch(word)]
        self._executemany(
            "INSERT INTO deletions VALUES (?, ?)",
            sorted((deletion, word) for word in fresh for deletion in deletions(word)),
        )
        self._forget([word for word, change in rows if change < 0])

    def _known(self, words: Sequence[str]) -> set[str]:
        """Those of the words that the registry has; to ask for them one by one would take far longer."""
        found = (
            self._execute(f"SELECT word FROM vocabulary WHERE word IN ({marks(some)})", some) for some in batches(words)
        )
        return {word for rows in found for (word,) in rows}

    def _forget(self, words: Iterable[str]) -> None:
        """Forget those of the words that no model has any more."""
        for word in words:
            if self._execute("DELETE FROM vocabulary WHERE word = ? AND models <= 0 RETURNING 1", (word,)).fetchone():
                self._executemany(
                    "DELETE FROM deletions WHERE deletion = ? AND word = ?",
                    [(deletion, word) for deletion in deletions(word)],
                )
