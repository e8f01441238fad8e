"""The words that models have, how many models have each, and the words that a typing error makes of them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from modelhub.registry import Registry, batches, marks
from modelhub.tokens import is_near

_LONGEST = 40
_CORRECTABLE = re.compile(r"(?=.*[^\W\d_])\w{2,}")  # with a letter, and more than one sign
LAST_SIGN = "\U0010ffff"  # behind a beginning: where the words with it end
# Of a longer word two letters may be wrong, if it begins as it should.
_LONG_WORD_LETTERS = 8

_BEGINNING_ALIKE = "SELECT word FROM vocabulary WHERE word >= ? AND word < ? AND length(word) BETWEEN ? AND ?"
_ENDING_ALIKE = "SELECT ending FROM endings WHERE ending >= ? AND ending < ? AND length(ending) BETWEEN ? AND ?"


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
        near = [other for other in self._half_alike(word) if other != word and is_near(word, other)]
        # A number, or a single sign, is meant only where something was typed besides it.
        likely = [other for other in near if len(other) < len(word) or _CORRECTABLE.fullmatch(other)]
        found = sorted((-models, other) for other, models in self._counts(likely).items())
        return [other for _, other in found[:limit]]

    def _half_alike(self, word: str) -> set[str]:
        """Words of like length of which one half is that of a word: one error leaves the other half as it was.

        Two letters exchanged just where the halves meet leave neither.
        """
        half = len(word) // 2
        first, last = word[:half], word[half:]
        lengths = len(word) - 1, len(word) + 1
        beginnings = self._execute(_BEGINNING_ALIKE, (first, first + LAST_SIGN, *lengths))
        endings = self._execute(_ENDING_ALIKE, (last[::-1], last[::-1] + LAST_SIGN, *lengths))
        exchanged = first[:-1] + last[:1] + first[-1:] + last[1:]
        return {*(other for (other,) in beginnings), *(other[::-1] for (other,) in endings), exchanged}

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
        known = self._counts([word for word, _ in rows])
        self._executemany(
            "INSERT INTO vocabulary VALUES (?, ?) ON CONFLICT(word) DO UPDATE SET models = models + excluded.models",
            rows,
        )
        endings = sorted((word[::-1],) for word, _ in rows if word not in known)
        self._executemany("INSERT INTO endings VALUES (?)", endings)
        self._forget([word for word, change in rows if change < 0])

    def _counts(self, words: Sequence[str]) -> dict[str, int]:
        """Number of models that have each, of those that any has; to ask for one by one would take far longer."""
        query = "SELECT word, models FROM vocabulary WHERE word IN ({})"
        found = (self._execute(query.format(marks(some)), some) for some in batches(words))
        return {word: models for rows in found for word, models in rows}

    def _forget(self, words: Iterable[str]) -> None:
        """Forget those of the words that no model has any more."""
        for word in words:
            if self._execute("DELETE FROM vocabulary WHERE word = ? AND models <= 0 RETURNING 1", (word,)).fetchone():
                self._execute("DELETE FROM endings WHERE ending = ?", (word[::-1],))
