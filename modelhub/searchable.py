"""What of a model can be searched for, and its place among equals: the columns of its row of text, and its rank.

The number of a model's row is its rank: the best models have the smallest numbers, so that the full-text search, which
finds rows in the order of their numbers, can stop when it has found enough (README, "Design").
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from functools import cached_property, lru_cache
from typing import NamedTuple
from zlib import crc32

from modelhub.facts import ModelFacts
from modelhub.languages import language_names
from modelhub.quick_dataclasses import dataclass
from modelhub.tokens import parts, tokens

TEXT_COLUMNS = ("name", "title", "tasks", "tags", "labels", "other", "parts")
COLUMNS = (*TEXT_COLUMNS, "facets")
FIELDS = ("task", "language", "product", "annotator", "engine", "license")

_MERIT_STEPS = 4
_MOST_MERIT = 8.0
_LAST_DAY = 36_525  # days from the year 2000 on; a card may bear any date
_DAY_BITS = 16
_SERIAL_BITS = 24
_MANY_WORDS = 8


class SearchRow(NamedTuple):
    """What the search knows of a model.

    Attributes:
        rank_base: The smallest number that it can have.
        sorted_by: Day of its newest artifact, size of its newest card's artifact in bytes, and that card's F1.
        columns: The texts of ``COLUMNS``.
        facets: Field and value of all that it can be filtered by.
        labels: What it predicts.
    """

    rank_base: int
    sorted_by: tuple[str, int | None, float | None]
    columns: tuple[str, ...]
    facets: list[tuple[str, str]]
    labels: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class SearchableModel:
    """One model as the search sees it.

    Attributes:
        newest: Day of its newest artifact, or "".
        described: What is known of each of its artifacts, the newest card first.
    """

    name: str
    language: str
    newest: str
    described: Sequence[ModelFacts]

    def row(self) -> SearchRow:
        """All that the registry keeps of it for the search."""
        facts = self.described[0]
        f1 = facts.best_score.value if facts.best_score and facts.best_score.metric == "f1" else None
        return SearchRow(
            rank_base=self.rank_base(),
            sorted_by=(self.newest, facts.size_bytes, f1),
            columns=self.columns(),
            facets=self.facets,
            labels=self._all("labels"),
        )

    def columns(self) -> tuple[str, ...]:
        """The texts of ``COLUMNS``, cut into words; each phrase once, the newest first."""
        title, tasks = self.described[0].title, self._all("tasks")
        other = [self.language, *language_names(self.language), *self._each("annotator"), *self._each("origin")]
        split = dict.fromkeys(parts(" ".join([self.name, title, *other])))
        return (
            " ".join(tokens(self.name)),
            " ".join(tokens(title)),
            _words((*tasks, *map(_initials, tasks))),
            _words(self._all("tags")),
            _words(self._all("labels")),
            " ".join(tokens(" ".join([*other, *self._each("product"), *self._all("nlu")]))),
            " ".join(split),
            " ".join([facet_token(field, value) for field, value in self.facets]),
        )

    @cached_property
    def facets(self) -> list[tuple[str, str]]:
        """Field and value of all that the model can be filtered by, each once."""
        several = ((field, self._each(field)) for field in FIELDS[2:])
        fields = (("task", self._all("tasks")), ("language", [self.language]), *several)
        return [(field, value) for field, values in fields for value in values if value]

    def rank_base(self) -> int:
        """The smallest number that a model of this rank can have; the numbers below the next base are its equals'.

        Merit counts first, then the date.
        """
        bucket = round((_MOST_MERIT - self.merit()) * _MERIT_STEPS)
        return (bucket << _DAY_BITS | _days_before_the_last(self.newest)) << _SERIAL_BITS

    def merit(self) -> float:
        """How much the model deserves to stand before its equals.

        Recommended and supported ones first, then those that anybody may use, in the language that most ask for, with
        a short name, as the plain model of its kind has one; deprecated ones last.
        """
        facts = self.described[0]
        return (
            0.5 * bool(facts.recommended)
            + 0.5 * bool(facts.supported)
            - 4.0 * bool(facts.deprecated)
            - 1.0 * (facts.license == "Licensed")
            + {"en": 1.0, "xx": 0.5}.get(self.language, 0.0)
            - 0.25 * (len(tokens(self.name)) > _MANY_WORDS)
        )

    def _all(self, field: str) -> tuple[str, ...]:
        """The items of a field of all artifacts; nine models of ten have only one."""
        first, *others = self.described
        items: tuple[str, ...] = getattr(first, field)
        if not others and len(items) < 2:
            return items
        return tuple(dict.fromkeys((*items, *(item for facts in others for item in getattr(facts, field)))))

    def _each(self, field: str) -> list[str]:
        """The values of a field of all artifacts."""
        if len(self.described) == 1:
            return [getattr(self.described[0], field)]
        return list(dict.fromkeys(getattr(facts, field) for facts in self.described))


def rank_end(base: int) -> int:
    """The first number after those of the models that have the rank of ``base``."""
    return base + (1 << _SERIAL_BITS)


def merit_of(model_id: int) -> float:
    """The merit that the number of a model's row was made from."""
    return _MOST_MERIT - (model_id >> (_DAY_BITS + _SERIAL_BITS)) / _MERIT_STEPS


@lru_cache(maxsize=4096)
def facet_token(field: str, value: str) -> str:
    """The word that stands for a value of a field in the full-text search; nobody types such a word."""
    text = f"{field}\n{value}".encode(errors="replace")
    return f"{crc32(text):08x}{crc32(text[::-1]):08x}"  # hashlib takes as long to import as a search


def words_in(columns: Sequence[str]) -> set[str]:
    """Every word of the columns of text."""
    return set(" ".join(columns[: len(TEXT_COLUMNS)]).split())


@lru_cache(maxsize=4096)
def _words(phrases: tuple[str, ...]) -> str:
    return " ".join(tokens(" ".join(phrases)))


@lru_cache(maxsize=4096)
def _initials(task: str) -> str:
    """``ner`` for Named Entity Recognition; people write ``pos`` for Part of Speech Tagging."""
    words = task.split()
    initials = "".join(word[0] for word in words)
    return f"{initials} {initials[:-1]}" if len(words) > 3 else initials if len(words) > 1 else ""


def _days_before_the_last(day: str) -> int:
    """Smaller for later days; a model without a date counts as the oldest."""
    try:
        days = (date.fromisoformat(day) - date(2000, 1, 1)).days
    except ValueError:
        days = 0
    return _LAST_DAY - max(0, min(days, _LAST_DAY))
