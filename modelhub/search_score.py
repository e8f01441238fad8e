"""How well a model answers a search: its score, from its name, its title and its rank."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import NamedTuple

from modelhub.searchable import merit_of

# What a match is worth, if all words are found there, and if nothing else stands there.
_IN_NAME, _ALL_OF_NAME = 5.0, 5.0
_IN_TITLE, _ALL_OF_TITLE = 2.0, 4.0
_IN_REST = 4.0
_NAME_IN_ORDER, _TITLE_IN_ORDER = 2.0, 1.5
_EXACT = 20.0
_OF_ITS_LANGUAGE = 1.0
_ONLY_BEGINNING = 0.5
_ERROR = 2.0
_MANY_ERRORS = 8
_SELDOM = 10.0


class Candidate(NamedTuple):
    """A model that may be meant: the number of its row, and its words: of the name, the title, tasks and labels."""

    number: int
    name: str
    title: str
    rest: str
    language: str


class Yardstick:
    """What candidates are measured by.

    Args:
        words: The words that were typed.
        exact: Numbers of the models that the whole text names.
        weights: How much it says that a word is found, where not all of them need to be; else empty.
        others: For a word those that may have been meant instead; what is spelled most like the text then comes first.
    """

    def __init__(
        self,
        words: Sequence[str],
        *,
        exact: Collection[int] = (),
        weights: Mapping[str, float] | None = None,
        others: Mapping[str, Iterable[str]] | None = None,
    ) -> None:
        self._words = words
        self._text = " ".join(words)
        self._exact = exact
        self._has_errors = others is not None
        # Between blanks a word is found much faster than in a list of words.
        self._signs = [
            (
                f" {word} ",
                f" {word}",
                (weights or {}).get(word, 0.0),
                [f" {other} " for other in (others or {}).get(word, ())],
            )
            for word in words
        ]

    def sorted(self, candidates: Iterable[Candidate]) -> list[int]:
        """The numbers of the candidates, the best first; of equals those of the better rank."""
        distinct = {candidate.number: candidate for candidate in candidates}
        scored = sorted([(-self.score(candidate), number) for number, candidate in distinct.items()])
        return [number for _, number in scored]

    def score(self, candidate: Candidate) -> float:
        """Higher is better; one point is about what a good name is worth before a bad one."""
        name, title, rest = f" {candidate.name} ", f" {candidate.title} ", f" {candidate.rest} "
        in_name = in_title = in_rest = seldom = 0.0
        for word, beginning, weight, others in self._signs:
            found = _found(word, beginning, others, name)
            in_name += found
            if in_this := _found(word, beginning, others, title):
                in_title += in_this
            if not (found or in_this) and word in rest:
                in_rest += 1.0
            seldom += weight * max(found, in_this)
        number = len(self._words)
        score = (
            _IN_NAME * in_name / number
            + _ALL_OF_NAME * min(1.0, in_name / (name.count(" ") - 1))
            + _IN_TITLE * in_title / number
            + _ALL_OF_TITLE * min(1.0, in_title / (title.count(" ") - 1))
            + _IN_REST * in_rest / number
            + _SELDOM * seldom
            + _OF_ITS_LANGUAGE * (candidate.language in self._words)
            + _EXACT * (candidate.number in self._exact)
            + merit_of(candidate.number)
        )
        if number > 1:
            in_order = f" {self._text} "
            score += _NAME_IN_ORDER * (in_order in f"{name}{candidate.language} ")
            score += _TITLE_IN_ORDER * (in_order in title)
        return score - (_ERROR * self._errors(candidate) if self._has_errors else 0.0)

    def _errors(self, candidate: Candidate) -> int:
        """Number of typing errors that make the text of a name, of a name and its language, or of a title."""
        from rapidfuzz.distance import OSA  # only where nothing has the words as they were typed

        spellings = (candidate.name, f"{candidate.name} {candidate.language}", candidate.title)
        return min(OSA.distance(self._text, spelling, score_cutoff=_MANY_ERRORS) for spelling in spellings)


def _found(word: str, beginning: str, others: Sequence[str], text: str) -> float:
    """1 where a word is in a text, less where only a longer one begins so, 0 where none does."""
    if word in text:
        return 1.0
    for other in others:
        if other in text:
            return 1.0
    return _ONLY_BEGINNING if beginning in text else 0.0
