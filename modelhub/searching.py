"""Finding models in the registry: words and filters in, one row per model out, the likeliest first."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from modelhub.artifacts import Artifact
from modelhub.errors import IncompatibleError
from modelhub.facts import ModelFacts
from modelhub.quick_dataclasses import dataclass
from modelhub.registry import Registry
from modelhub.resolver import Runtime, choose, why_refused
from modelhub.search_expressions import Expressions
from modelhub.search_index import SCORED, SearchIndex
from modelhub.search_query import ORDERS, SearchQuery, checked, selection_of
from modelhub.search_score import Candidate, Yardstick
from modelhub.search_words import parse_wanted
from modelhub.vocabulary import Vocabulary

if TYPE_CHECKING:
    from modelhub.facets import FacetCount

# So many are counted; of words that are all common fewer, for it takes long to see what they have in common.
_COUNTED = 1_000_000
_COUNTED_COMMON = 1_000
_RARE = 10_000
_LOOKED_THROUGH = 20_000  # so many rows cost a millisecond or two

InUse = Callable[[Sequence[Artifact]], Sequence[Artifact]]


@dataclass(frozen=True, kw_only=True)
class FoundModel:
    """One model.

    Attributes:
        artifact: Of those that pass the filters the one that the runtime would get, or the newest where none is
            compatible.
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
        total: Number of all models that match; where there are very many, a number that they exceed.
        is_total_exact: Whether ``total`` is their number.
        corrected: The words that were looked for instead, where nothing had the words as typed; else "".
        is_partial: Whether no model has all of the words, and these have some.
        facets: By field, how many of all these models have which value; ``None`` where that was not asked for.
    """

    models: tuple[FoundModel, ...]
    total: int
    is_total_exact: bool = True
    corrected: str = ""
    is_partial: bool = False
    facets: Mapping[str, Sequence[FacetCount]] | None = None

    def __iter__(self) -> Iterator[FoundModel]:
        return iter(self.models)

    def __len__(self) -> int:
        return len(self.models)

    def to_dict(self) -> dict[str, Any]:
        """The result as it stands in JSON answers."""
        facets = {field: [count.to_dict() for count in counts] for field, counts in (self.facets or {}).items()}
        return {
            "models": [model.to_dict() for model in self.models],
            "total": self.total,
            "total_exact": self.is_total_exact,
            "corrected": self.corrected,
            "partial": self.is_partial,
            **({"facets": facets} if self.facets is not None else {}),
        }


@dataclass(frozen=True, kw_only=True)
class _Matches:
    """Models that match: an expression that selects them all, and the numbers of the best."""

    expression: str
    numbers: Sequence[int]
    total: int
    is_total_exact: bool = True
    corrected: str = ""
    is_partial: bool = False


def search(
    registry: Registry,
    query: SearchQuery,
    runtime: Runtime,
    *,
    hidden: Sequence[int] = (),
    used: Mapping[str, Sequence[int]] | None = None,
    in_use: InUse = list,
) -> SearchResult:
    """Find models: with all words as typed, else with the words corrected, else with some of them.

    Args:
        registry: Where to look.
        query: What to look for.
        runtime: What to be compatible with.
        hidden: Numbers of the lists that do not count; what only they name is left out.
        used: By repository the numbers of the lists that say what is offered; by default all of them do.
        in_use: Of artifacts those that count, marked by what the hub in use lists.

    Raises:
        UsageError: A filter cannot be understood.
    """
    query = checked(query, registry, runtime)
    index = SearchIndex(registry, selection_of(query, registry, runtime, hidden, used))
    matches = _Finder(registry, index, query).find()
    facets = None
    if query.has_facets:
        from modelhub.facets import count_facets  # most searches need none

        numbers = index.numbers(matches.expression, 0) if matches.numbers else []
        facets = count_facets(registry, numbers, hidden)
    return SearchResult(
        models=tuple(found_models(registry, index, matches.numbers, query, runtime, in_use=in_use)),
        total=matches.total,
        is_total_exact=matches.is_total_exact,
        corrected=matches.corrected,
        is_partial=matches.is_partial,
        facets=facets,
    )


class _Finder:
    """Looks for the words of one query, and for less and less if nothing has them."""

    def __init__(self, registry: Registry, index: SearchIndex, query: SearchQuery) -> None:
        self._index = index
        self._query = query
        self._wanted = parse_wanted(query.text)
        self._vocabulary = Vocabulary(registry)
        self._expressions = Expressions(self._vocabulary)

    def find(self) -> _Matches:
        """The models that match."""
        wanted, expressions = self._wanted, self._expressions
        if not wanted.words:
            return _NOTHING if self._query.text.strip() else self._in_order("")
        named = self._index.named(wanted)
        exact = {candidate.number for candidate in named}
        matches = self._best(expressions.all_of(wanted), Yardstick(wanted.words, exact=exact), named)
        if matches.numbers:
            return matches
        for expression in expressions.with_errors(wanted):
            others = {word: expressions.near(word) for word in wanted.words}
            matches = self._best(expression, Yardstick(wanted.words, others=others), names_count=True)
            if matches.numbers:
                return replace(matches, corrected=self._corrected(matches.numbers[0]))
        for expression in expressions.with_some(wanted):
            matches = self._best(expression, Yardstick(wanted.words, weights=self._weights()))
            if matches.numbers:
                return replace(matches, is_partial=True)
        return _NOTHING

    def _in_order(self, expression: str) -> _Matches:
        """All that match, in the order that is wanted; without words that of their rank is the most relevant."""
        limit = self._query.limit
        numbers = self._index.numbers(expression, limit, ORDERS[self._query.sort])
        if not 0 < limit <= len(numbers):
            return _Matches(expression=expression, numbers=numbers, total=len(numbers))
        return self._counted(expression, numbers)

    def _best(
        self, expression: str, yardstick: Yardstick, named: Sequence[Candidate] = (), *, names_count: bool = False
    ) -> _Matches:
        """The best of those that match, and of those that the text names.

        Args:
            expression: What to match.
            yardstick: What is best.
            named: Models that the text names.
            names_count: Whether, of more than can be looked at, those that match by their name must be among them.
        """
        candidates = self._index.candidates(expression)
        is_all = len(candidates) < SCORED
        if not is_all and (names_count or len(self._wanted.words) == 1):
            candidates += self._index.candidates_by_name(expression)
            candidates += self._named_after_it()
        candidates += named
        if not candidates or self._query.sort != "relevance":
            return self._in_order(expression) if candidates else _NOTHING
        best = yardstick.sorted(candidates)
        limit = self._query.limit
        if is_all:
            return _Matches(expression=expression, numbers=best[: limit or None], total=len(best))
        if not 0 < limit <= len(best):
            known = set(best)
            best += [number for number in self._index.numbers(expression, limit) if number not in known]
        return self._counted(expression, best[: limit or None])

    def _named_after_it(self) -> list[Candidate]:
        """Models whose name begins with the only word, as that of the plain model of a kind often does."""
        word, *others = self._wanted.words
        is_too_common = self._vocabulary.count(word) > _LOOKED_THROUGH
        return [] if others or is_too_common else self._index.candidates_that_begin(word)

    def _counted(self, expression: str, numbers: Sequence[int]) -> _Matches:
        """The models with these numbers, and how many match, if that can be told soon."""
        if self._index.has_all and (known := self._expressions.known_total(expression, self._wanted)):
            return _Matches(expression=expression, numbers=numbers, total=known)
        bound = _COUNTED
        if self._wanted.words and self._expressions.rarest(self._wanted) > _RARE:
            bound = _COUNTED_COMMON
        total = self._index.count(expression, bound + 1)
        return _Matches(expression=expression, numbers=numbers, total=min(total, bound), is_total_exact=total <= bound)

    def _corrected(self, number: int) -> str:
        """The words as the model that was found spells them; those that it has as typed stay."""
        spelled = self._index.words_of(number)
        return " ".join(self._spelled(word, spelled) for word in self._wanted.words)

    def _spelled(self, word: str, spelled: set[str]) -> str:
        if any(known.startswith(word) for known in spelled):
            return word
        cuts = (f"{word[:place]} {word[place:]}" for place in range(1, len(word)))
        meant = [*self._expressions.near(word), *cuts]
        return next((other for other in meant if spelled.issuperset(other.split())), word)

    def _weights(self) -> dict[str, float]:
        """How much each word tells; seldom ones tell more."""
        seldom = {word: 1 / math.log(2 + self._vocabulary.count(word)) for word in self._wanted.words}
        return {word: weight / sum(seldom.values()) for word, weight in seldom.items()}


_NOTHING = _Matches(expression="", numbers=(), total=0)


def found_models(
    registry: Registry,
    index: SearchIndex,
    numbers: Sequence[int],
    query: SearchQuery,
    runtime: Runtime,
    *,
    in_use: InUse,
) -> list[FoundModel]:
    """The models with these numbers; several of each, the latest first, where all versions are wanted."""
    answers: list[tuple[Artifact, bool, int]] = []
    passing = index.passing(numbers)
    for artifacts in _artifacts(registry, numbers, in_use):
        shown = artifacts
        if passing is not None:
            shown = [item for item in artifacts if (item.repository, str(item.key)) in passing] or artifacts
        if query.has_all_versions:
            latest_first = sorted(shown, key=lambda artifact: artifact.built_ms, reverse=True)
            taken = [_taken([artifact], runtime) for artifact in latest_first]
        else:
            taken = [_taken(shown, runtime)]
        answers += [(artifact, suits, len(artifacts)) for artifact, suits in taken]
    facts = registry.facts_of([artifact for artifact, _, _ in answers])
    return [
        FoundModel(artifact=artifact, facts=known, versions=versions, is_compatible=suits)
        for (artifact, suits, versions), known in zip(answers, facts, strict=True)
    ]


def _artifacts(registry: Registry, numbers: Sequence[int], in_use: InUse) -> list[list[Artifact]]:
    """The artifacts of each model, in the order of the models."""
    found = registry.of_models(numbers)
    number_of = {(item.repository, item.key): number for number, items in found.items() for item in items}
    marked: dict[int, list[Artifact]] = {number: [] for number in numbers}
    for artifact in in_use([item for items in found.values() for item in items]):
        marked[number_of[artifact.repository, artifact.key]].append(artifact)
    return list(marked.values())


def is_usable(artifact: Artifact, runtime: Runtime) -> bool:
    """Whether a hub in use offers an artifact, and the runtime can use it."""
    is_there = artifact.is_listed and artifact.is_ready
    return is_there and not why_refused(artifact.lib_version, artifact.spark_version, runtime)


def _taken(artifacts: Sequence[Artifact], runtime: Runtime) -> tuple[Artifact, bool]:
    """The artifact that the runtime would get; the newest, and false, where none is compatible."""
    if len(artifacts) == 1:  # there is nothing to choose, as with nine models of ten
        (artifact,) = artifacts
        return artifact, is_usable(artifact, runtime)
    try:
        return choose(artifacts, runtime).artifact, True
    except IncompatibleError:
        listed = [artifact for artifact in artifacts if artifact.is_listed] or artifacts
        ready = [replace(artifact, is_ready=True, is_listed=True) for artifact in listed]
        newest = choose(ready, Runtime()).artifact
        return replace(newest, is_listed=listed is not artifacts), False
