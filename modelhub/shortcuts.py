"""One call each: a :class:`modelhub.Hub` is made for it and closed again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from modelhub.config import SETTINGS
from modelhub.hub import Hub
from modelhub.resolver import Resolution
from modelhub.results import ShownModel
from modelhub.searching import SearchResult


def search(text: str = "", **filters_and_settings: Any) -> SearchResult:
    """Find models, without a network.

    Args:
        text: Words, all of which must occur.
        filters_and_settings: Fields of :class:`modelhub.searching.SearchQuery` (``language="en"``, ``task="ner"``, …)
            and of :class:`modelhub.config.Config`. ``engine`` and ``annotator`` are taken as filters.

    Raises:
        ModelHubError: A filter or setting cannot be understood, or the registry cannot be built.
    """
    filters = dict(filters_and_settings)
    settings = {name: filters.pop(name) for name in SETTINGS if name in filters and name not in ("engine", "annotator")}
    with Hub(**settings) as hub:
        return hub.search(text, **filters)


def show(reference: str, language: str | None = None, **settings: Any) -> ShownModel:
    """One model in full.

    Raises:
        ModelHubError: There is no such model, or several.
    """
    with Hub(**settings) as hub:
        return hub.show(reference, language)


def resolve(reference: str, language: str | None = None, **settings: Any) -> Resolution:
    """The one artifact that Spark NLP itself would take, with every candidate and its verdict.

    Raises:
        ModelHubError: There is no such model, several, or none for the runtime.
    """
    with Hub(**settings) as hub:
        return hub.resolve(reference, language)


def load(reference: str, language: str | None = None, **settings: Any) -> Any:
    """Bring a model into the cache, or find it there, and load it into the Spark session that runs.

    Returns:
        The annotator, or the ``PipelineModel``, that was saved.

    Raises:
        ModelHubError: Any of its kinds; ``modelhub.errors`` lists them.
        Exception: What Spark NLP raises where it cannot load the model.
    """
    with Hub(**settings) as hub:
        return hub.load(reference, language)


def pull(reference: str, language: str | None = None, **settings: Any) -> Path:
    """Bring a model into the cache, whole, or find it there.

    Returns:
        The folder, which ``Annotator.load(str(path))`` or ``PipelineModel.load(str(path))`` takes.

    Raises:
        ModelHubError: Any of its kinds; ``modelhub.errors`` lists them.
    """
    with Hub(**settings) as hub:
        return hub.pull(reference, language).path
