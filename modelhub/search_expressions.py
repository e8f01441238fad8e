"""Expressions for the full-text search: from the words that were typed to what models may have instead."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache

from modelhub.search_words import Wanted
from modelhub.tokens import parts
from modelhub.vocabulary import Vocabulary

# A word that so many models have is taken as it stands; the beginning of another may be that of many.
_ENOUGH = 100
_BEGINNINGS = 30
_NEAR = 20
_SPLITS = 3
_SHORTEST_BEGINNING = 2
# Beyond these the expressions that allow for one mistake anywhere become too long.
_MOST_WORDS = 10
# SQLite merges all words that begin alike before it answers: only for so many rows.
_MERGED = 20_000


class Expressions:
    """Expressions of FTS5, made with the words of one vocabulary. Whatever is typed stands in quotes."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._vocabulary = vocabulary
        self._word = lru_cache(maxsize=None)(self._any_form)
        self.near = lru_cache(maxsize=None)(self._near)

    def all_of(self, wanted: Wanted) -> str:
        """Every word, whole or as a beginning, and every phrase."""
        return _all([*map(self._word, wanted.words), *map(_phrase, wanted.phrases)])

    def known_total(self, expression: str, wanted: Wanted) -> int | None:
        """How many models match, where that is counted already: for a single word that only stands for itself."""
        is_plain = len(wanted.words) == 1 and expression == _all([_any([_phrase(wanted.words)])])
        return self._vocabulary.count(wanted.words[0]) or None if is_plain else None

    def rarest(self, wanted: Wanted) -> int:
        """How many models have that word which the fewest have."""
        return min(map(self._vocabulary.count, wanted.words))

    def with_errors(self, wanted: Wanted) -> Iterator[str]:
        """Every word, or what may have been meant by it: first for words that no model has, then for any one word."""
        unknown = self._unknown(wanted)
        forms = [self._meant(word) if word in unknown else self._word(word) for word in wanted.words]
        if unknown:
            yield _all([*forms, *map(_phrase, wanted.phrases)])
        if len(wanted.words) <= _MOST_WORDS:
            forms = [self._meant(word) if word in unknown else _phrase([word]) for word in wanted.words]
            variants = list(self._variants(wanted, forms))
            if variants:
                yield _any(_all([*variant, *map(_phrase, wanted.phrases)]) for variant in variants)

    def with_some(self, wanted: Wanted) -> Iterator[str]:
        """Not every word: first those that any model has, then all but any one of them, then any."""
        known = [word for word in dict.fromkeys(wanted.words) if self._is_known(word)]
        forms = [self._word(word) for word in known]
        if known and len(known) < len(wanted.words):
            yield _all(forms)
        if 2 < len(known) <= _MOST_WORDS:
            yield _any(_all(forms[:place] + forms[place + 1 :]) for place in range(len(forms)))
        if len(known) > 1:
            yield _any(forms)

    def _any_form(self, word: str) -> str:
        """The word, longer words that begin so, and its parts where it has some."""
        forms = [_phrase([word])]
        if len(word) >= _SHORTEST_BEGINNING and self._vocabulary.count(word) < _ENOUGH:
            longer = self._vocabulary.beginning_with(word, _BEGINNINGS + 1)
            if len(longer) > _BEGINNINGS and self._vocabulary.count_beginning_with(word) <= _MERGED:
                forms = [f"{_phrase([word])} *"]
            else:
                forms += [_phrase([other]) for other in longer[:_BEGINNINGS]]
        if len(split := parts(word)) > 1:
            forms.append(_phrase(split))
        return _any(forms)

    def _near(self, word: str) -> list[str]:
        return self._vocabulary.near(word, _NEAR) or self._vocabulary.less_near(word)

    def _is_known(self, word: str) -> bool:
        return bool(self._vocabulary.count(word) or self._vocabulary.beginning_with(word, 1) or len(parts(word)) > 1)

    def _unknown(self, wanted: Wanted) -> set[str]:
        in_phrases = {word for phrase in wanted.phrases for word in phrase}
        return {word for word in wanted.words if word not in in_phrases and not self._vocabulary.count(word)}

    def _meant(self, word: str) -> str:
        """What may be meant by a word: itself, what is near to it, or two words without the blank between them."""
        cuts = [(word[:place], word[place:]) for place in range(1, len(word))]
        counted = [
            (min(self._vocabulary.count(first), self._vocabulary.count(last)), first, last) for first, last in cuts
        ]
        split = [[first, last] for count, first, last in sorted(counted, reverse=True)[:_SPLITS] if count]
        return _any([self._word(word), *(_phrase([other]) for other in self.near(word)), *map(_phrase, split)])

    def _variants(self, wanted: Wanted, forms: Sequence[str]) -> Iterator[list[str]]:
        """The forms with those of one word, or of two neighbours, replaced by what may be meant by them."""
        words = wanted.words
        for place, word in enumerate(words):
            if near := self.near(word):
                yield [*forms[:place], _any(_phrase([other]) for other in near), *forms[place + 1 :]]
        for place, (word, following) in enumerate(zip(words, words[1:], strict=False)):
            for recut in _recut(word, following):
                if all(self._vocabulary.count(part) for part in recut):
                    yield [*forms[:place], _phrase(recut), *forms[place + 2 :]]


def _recut(word: str, following: str) -> Iterator[list[str]]:
    """Two words, cut at another place or at none."""
    yield [word + following]
    if len(word) > 1:
        yield [word[:-1], word[-1] + following]
    if len(following) > 1:
        yield [word + following[0], following[1:]]


def _phrase(words: Iterable[str]) -> str:
    return f'"{" ".join(words)}"'


def _all(expressions: Iterable[str]) -> str:
    return " AND ".join(f"({expression})" for expression in expressions)


def _any(expressions: Iterable[str]) -> str:
    return " OR ".join(f"({expression})" for expression in expressions)
