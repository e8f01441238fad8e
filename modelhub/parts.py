"""The parts of a hub, each made when it is first asked for: a search must answer in 100 ms, and most are for others."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING

from modelhub.catalogue import Catalogue
from modelhub.config import Config, are_file_names_utf8
from modelhub.resolver import Runtime

if TYPE_CHECKING:
    from modelhub.aliases import Aliases
    from modelhub.artifacts import Artifact
    from modelhub.cache import Cache
    from modelhub.cached_models import CachedModels
    from modelhub.candidates import Candidates
    from modelhub.importing import Importer
    from modelhub.installing import Installer
    from modelhub.load_checks import LoadChecker
    from modelhub.progress import ProgressCallback
    from modelhub.pruning import Pruner
    from modelhub.pulling import Puller
    from modelhub.references import Reference
    from modelhub.repairing import Repairer
    from modelhub.searcher import Searcher
    from modelhub.showing import Shower


class Parts:
    """Wires the use cases of one :class:`~modelhub.hub.Hub`.

    Args:
        config: Settings.
        on_progress: Called while a pull goes on.
        on_note: Called with each sentence that deserves to be said.
        resolve: Which artifact a reference means.

    Attributes:
        catalogue: The registry in use.
        runtime: What models should suit.
    """

    def __init__(
        self,
        config: Config,
        *,
        on_progress: ProgressCallback | None,
        on_note: Callable[[str], None],
        resolve: Callable[[Reference], Artifact],
    ) -> None:
        self.config = config
        self._on_progress = on_progress
        self._note = on_note
        self._resolve = resolve
        self.catalogue = Catalogue(config, on_note)
        self.runtime = Runtime.of(
            sparknlp=config.sparknlp, spark=config.spark, annotator=config.annotator, engine=config.engine
        )

    @cached_property
    def candidates(self) -> Candidates:
        """What a reference may mean."""
        from modelhub.candidates import Candidates

        return Candidates(self.catalogue, self.config)

    @cached_property
    def cache(self) -> Cache:
        """The cache of the settings."""
        from modelhub.cache import Cache

        return Cache(
            self.config.cache, readonly=self.config.cache_readonly, wait_s=self.config.wait, on_wait=self._note
        )

    @cached_property
    def cached(self) -> CachedModels:
        """What a reference means in the cache."""
        from modelhub.cached_models import CachedModels

        return CachedModels(self.cache, self.candidates)

    @cached_property
    def installer(self) -> Installer:
        """Brings one artifact."""
        from modelhub.installing import Installer

        return Installer(self.config, self.cache, self.catalogue, on_progress=self._on_progress, on_note=self._note)

    @cached_property
    def puller(self) -> Puller:
        """Brings models."""
        from modelhub.pulling import Puller

        return Puller(
            self.config,
            self.cache,
            installer=lambda: self.installer,
            resolve=self._resolve,
            checker=self.checker,
            on_progress=self._on_progress,
            on_note=self._note,
        )

    @cached_property
    def aliases(self) -> Aliases:
        """Paths that Spark NLP can load from."""
        from modelhub.aliases import Aliases

        return Aliases(self.config.home, is_utf8=are_file_names_utf8, on_note=self._note)

    @cached_property
    def checker(self) -> LoadChecker:
        """Judges whether models will load here."""
        from modelhub.load_checks import LoadChecker

        return LoadChecker(self.config, self.catalogue, self.aliases)

    @cached_property
    def searcher(self) -> Searcher:
        """Searches."""
        from modelhub.searcher import Searcher

        return Searcher(self.config, self.catalogue, runtime=self.runtime, candidates=lambda: self.candidates)

    @cached_property
    def shower(self) -> Shower:
        """Shows models."""
        from modelhub.showing import Shower

        return Shower(
            self.config,
            self.cache,
            self.catalogue,
            candidates=self.candidates,
            runtime=self.runtime,
            checker=self.checker,
            aliases=self.aliases,
        )

    @cached_property
    def pruner(self) -> Pruner:
        """Deletes what is not needed."""
        from modelhub.pruning import Pruner

        return Pruner(self.config, self.candidates, self.runtime, on_note=self._note)

    @cached_property
    def repairer(self) -> Repairer:
        """Verifies and mends."""
        from modelhub.hub_copies import HubCopies
        from modelhub.repairing import Repairer
        from modelhub.verifying import Verifier

        copies = HubCopies(self.config, self.catalogue, self.candidates)
        verifier = Verifier(
            self.cache,
            copies,
            self.pruner,
            crew=self.installer.crew,
            on_progress=self._on_progress,
            on_note=self._note,
        )
        return Repairer(self.cached, verifier, self.installer, on_note=self._note, jobs=self.config.jobs)

    @cached_property
    def importer(self) -> Importer:
        """Takes what was fetched by hand."""
        from modelhub.bounds import Bounds
        from modelhub.importing import Importer

        bounds = Bounds(max_unpacked_bytes=self.config.max_unpacked, max_ratio=self.config.max_ratio)
        return Importer(
            self.cache,
            self.candidates,
            self.runtime,
            bounds=bounds,
            on_progress=self._on_progress,
            on_note=self._note,
        )
