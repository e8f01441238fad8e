"""Searching with the settings of a hub: which lists count, what models should suit, where artifacts are read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any

from modelhub.artifacts import Artifact
from modelhub.catalogue import Catalogue
from modelhub.config import Config
from modelhub.errors import UsageError
from modelhub.locations import located
from modelhub.resolver import Runtime
from modelhub.search_query import SearchQuery
from modelhub.searching import FoundModel, SearchResult, search

if TYPE_CHECKING:
    from modelhub.alternatives import Alternatives
    from modelhub.candidates import Candidates
    from modelhub.references import Reference


class Searcher:
    """Finds models in the registry in use.

    Args:
        config: Settings.
        catalogue: The registry in use.
        runtime: What models should suit.
        candidates: What references mean; made only where one is given.
    """

    def __init__(
        self, config: Config, catalogue: Catalogue, *, runtime: Runtime, candidates: Callable[[], Candidates]
    ) -> None:
        self._config = config
        self._catalogue = catalogue
        self._runtime = runtime
        self._candidates = candidates

    def search(self, text: str, filters: Mapping[str, Any]) -> SearchResult:
        """Find models by words and filters.

        Raises:
            UsageError: A filter cannot be understood.
        """
        result = search(
            self._catalogue.registry,
            _query(text, filters),
            self._runtime,
            hidden=self._catalogue.hidden_lists(),
            used=self._catalogue.used_lists(),
            in_use=self._catalogue.in_use,
        )
        return replace(result, models=tuple(map(self._located, result.models)))

    def alternatives(self, reference: Reference, filters: Mapping[str, Any]) -> Alternatives:
        """Find what could be used instead of a model.

        Raises:
            NotFoundError: There is no such model, or several (``AmbiguousError``).
            UsageError: A filter cannot be understood.
        """
        from modelhub.alternatives import find_alternatives  # most searches need none

        meant: Artifact = self._candidates().resolve(reference, Runtime(), is_lenient=True).artifact
        found = find_alternatives(
            self._catalogue.registry,
            meant,
            _query("", filters),
            self._runtime,
            hidden=self._catalogue.hidden_lists(),
            used=self._catalogue.used_lists(),
            in_use=self._catalogue.in_use,
        )
        others = (replace(other, model=self._located(other.model)) for other in found.others)
        return replace(found, others=tuple(others))

    def _located(self, model: FoundModel) -> FoundModel:
        return replace(model, artifact=located(model.artifact, self._config))


def _query(text: str, filters: Mapping[str, Any]) -> SearchQuery:
    known = [field.name for field in fields(SearchQuery)]
    if unknown := sorted(filters.keys() - set(known)):
        raise UsageError(f"There is no filter {unknown[0]!r}.", hint=f"There are {', '.join(known)}.")
    return SearchQuery(text=text, **filters)
