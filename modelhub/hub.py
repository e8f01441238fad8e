"""The use cases: search, show, resolve, path, pull, list, verify, remove, update, guide.

Wires values and I/O; returns results and prints nothing. What deserves to be said goes to ``on_note``, how far a pull
is to ``on_progress``. What only some of them need is imported by those: a search must answer in 100 ms.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import fields, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from modelhub.artifacts import Artifact
from modelhub.catalogue import Catalogue
from modelhub.config import Config, load_config
from modelhub.errors import (
    IncompatibleError,
    ModelHubError,
    NotFoundError,
    OfflineError,
    UsageError,
)
from modelhub.locations import list_uris, located
from modelhub.public_hub import PUBLIC_REPOSITORY
from modelhub.resolver import Resolution, Runtime, resolve
from modelhub.search_query import SearchQuery
from modelhub.searching import SearchResult, search
from modelhub.versions import Version

if TYPE_CHECKING:
    from modelhub.cache import Cache, Entry
    from modelhub.cached_models import CachedModels
    from modelhub.candidates import Candidates
    from modelhub.guides import TaskGuide
    from modelhub.installing import Installer
    from modelhub.progress import ProgressCallback
    from modelhub.references import Reference
    from modelhub.results import PulledModel, ShownModel, UpdateResult


class Hub:
    """Everything that modelhub can do, for one set of settings. Use as a context manager, or call :meth:`close`.

    Args:
        config: Settings; by default those of flags given by name, environment and configuration file.
        on_progress: Called while a pull goes on.
        on_note: Called with each sentence that deserves to be said.
        settings: Any field of :class:`modelhub.config.Config`, such as ``cache="models"`` or ``offline=True``.

    Raises:
        UsageError: A setting cannot be understood.
    """

    def __init__(
        self,
        config: Config | None = None,
        *,
        on_progress: ProgressCallback | None = None,
        on_note: Callable[[str], None] | None = None,
        **settings: Any,
    ) -> None:
        self.config = config or load_config(settings)
        self._on_progress = on_progress
        self._note = on_note or (lambda sentence: None)
        self._catalogue = Catalogue(self.config, self._note)
        self.runtime = Runtime(
            sparknlp=_running_version("Spark NLP", self.config.sparknlp, "5.5.3"),
            spark=_running_version("Spark", self.config.spark, "3.5"),
            annotator=self.config.annotator,
            engine=self.config.engine.lower(),
        )

    def close(self) -> None:
        """Close files and connections."""
        self._catalogue.close()

    def __enter__(self) -> Hub:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    @cached_property
    def _candidates(self) -> Candidates:
        from modelhub.candidates import Candidates

        return Candidates(self._catalogue, self.config)

    @cached_property
    def cache(self) -> Cache:
        """The cache of the settings."""
        from modelhub.cache import Cache

        return Cache(
            self.config.cache, readonly=self.config.cache_readonly, wait_s=self.config.wait, on_wait=self._note
        )

    @cached_property
    def _cached(self) -> CachedModels:
        from modelhub.cached_models import CachedModels

        return CachedModels(self.cache, self._candidates)

    @cached_property
    def _installer(self) -> Installer:
        from modelhub.installing import Installer

        return Installer(self.config, self.cache, self._catalogue, self._on_progress)

    # Finding

    def search(self, text: str = "", **filters: Any) -> SearchResult:
        """Find models; never waits for a network.

        Args:
            text: Words, all of which must occur.
            filters: Any further field of :class:`modelhub.search_query.SearchQuery`.

        Raises:
            UsageError: A filter cannot be understood.
        """
        unknown = sorted(filters.keys() - {field.name for field in fields(SearchQuery)})
        if unknown:
            known = ", ".join(field.name for field in fields(SearchQuery))
            raise UsageError(f"There is no filter {unknown[0]!r}.", hint=f"There are {known}.")
        result = search(
            self._catalogue.registry,
            SearchQuery(text=text, **filters),
            self.runtime,
            hidden=self._hidden_lists(),
            mark_listed=self._catalogue.mark_listed,
        )
        models = (replace(model, artifact=located(model.artifact, self.config)) for model in result.models)
        return replace(result, models=tuple(models))

    def show(self, reference: str | Reference, language: str | None = None) -> ShownModel:
        """One model in full.

        Raises:
            NotFoundError: There is no such model, or several (``AmbiguousError``).
        """
        from modelhub.results import ShownModel

        parsed = _parsed(reference, language)
        problem = ""
        try:
            resolution = self._candidates.resolve(parsed, self.runtime)
        except IncompatibleError as exc:
            problem = exc.message
            resolution = self._candidates.resolve(parsed, Runtime(), is_lenient=True)
        artifact = resolution.artifact
        registry = self._catalogue.registry
        if parsed.key and not self._candidates.knows(parsed.key):
            raise self._candidates.not_found(parsed)
        versions = [
            located(other, self.config)
            for other in self._catalogue.mark_listed(registry.named(artifact.name))
            if (other.language, other.repository) == (artifact.language, artifact.repository)
        ]
        return ShownModel(
            artifact=artifact,
            facts=registry.facts(artifact),
            versions=tuple(sorted(versions, key=lambda other: other.built_ms, reverse=True)) or (artifact,),
            path=self.cache.find(artifact.key),
            problem=problem,
        )

    def card_text(self, artifact: Artifact) -> str:
        """The Markdown page of an artifact.

        Raises:
            NotFoundError: Only its facts are known.
        """
        found = self._catalogue.registry.card_source(artifact)
        text = self._catalogue.text_of(*found) if found else None
        if text is None:
            raise NotFoundError(
                f"The page of {artifact.reference} is not here, only its facts.",
                hint="modelhub update --cards PATH reads the pages of a checkout or an archive.",
            )
        return text

    def snippet(self, shown: ShownModel, flavour: str, *, is_loaded: bool = False) -> str:
        """Code that uses a model, written from its facts.

        Args:
            shown: The model.
            flavour: ``python``, ``scala`` or ``nlu``.
            is_loaded: Whether it loads the model from the cache instead of asking the hub.

        Raises:
            NotFoundError: It is to be loaded and is not in the cache, or it has no NLU reference.
            UsageError: No such flavour.
        """
        from modelhub.snippets import SnippetSubject, write_snippet

        artifact = shown.artifact
        if is_loaded and not shown.path:
            raise NotFoundError(
                f"{artifact.key} is not in the cache {self.cache.root}.",
                hint=f"modelhub pull {artifact.reference} brings it.",
            )
        subject = SnippetSubject(
            name=artifact.name,
            language=artifact.language,
            repository=artifact.repository,
            facts=shown.facts,
            path=str(shown.path) if is_loaded else "",
        )
        return write_snippet(subject, flavour)

    def guides(self) -> list[str]:
        """The tasks for which there is a guide."""
        return [title for _, _, title in self._catalogue.registry.guides()]

    def guide(self, task: str) -> TaskGuide:
        """The guide to a task, by the beginning of its title or by a sub-task (``ner``).

        Raises:
            NotFoundError: There is none.
        """
        from modelhub.guides import parse_guide  # brings yaml

        wanted = task.strip().lower()
        for source, path, _ in self._catalogue.registry.guides():
            if text := self._catalogue.text_of(source, path):
                guide = parse_guide(text, source=path)
                if guide.task.lower().startswith(wanted) or guide.is_about(wanted):
                    return guide
        raise NotFoundError(f"There is no guide to {task!r}.", hint=f"Guides: {', '.join(self.guides()) or 'none'}.")

    # Resolving

    def resolve(
        self, reference: str | Reference, language: str | None = None, *, runtime: Runtime | None = None
    ) -> Resolution:
        """The one artifact that Spark NLP itself would take.

        What is not in the cache is resolved with a list of the hub that is at most a day old, if it can be had.

        Raises:
            NotFoundError: There is no such model, or several (``AmbiguousError``).
            IncompatibleError: It exists, but not for the runtime.
        """
        parsed = _parsed(reference, language)
        runtime = runtime or self.runtime
        failure: ModelHubError | None = None
        try:
            resolution = self._candidates.resolve(parsed, runtime)
            if self.cache.find(resolution.artifact.key):
                return resolution
        except (NotFoundError, IncompatibleError) as exc:
            failure = exc
        if self._freshen(parsed):
            return self._candidates.resolve(parsed, runtime)
        if failure:
            raise failure
        return resolution

    def path(self, reference: str | Reference, language: str | None = None) -> Path:
        """The folder of a model that is in the cache; asks no network.

        Of several builds in the cache that one is taken which Spark NLP would take if there were no others.

        Raises:
            NotFoundError: It is not in the cache.
            IncompatibleError: What is in the cache does not suit the runtime.
        """
        parsed = _parsed(reference, language)
        cached = [Artifact(key=key) for key in self._cached.keys_of(parsed)]
        if not cached:
            raise NotFoundError(
                f"{parsed} is not in the cache {self.cache.root}.", hint=f"modelhub pull {parsed} brings it."
            )
        # The name of a folder tells no repository, so all of them count as lying in the default one.
        meant = replace(parsed, repository=PUBLIC_REPOSITORY, name=cached[0].name, page="", uri="")
        entry = self.cache.state_of(resolve(meant, cached, self.runtime).artifact.key)
        if entry is None:  # removed by somebody this very moment
            raise NotFoundError(f"{parsed} is not in the cache {self.cache.root}.", hint=f"modelhub pull {parsed}")
        if not entry.is_good:
            raise entry.damage()
        return entry.path

    def plan_pull(self, reference: str | Reference, language: str | None = None) -> PulledModel:
        """What a pull would do: which artifact, into which folder, and whether it is there already.

        Raises:
            ModelHubError: As :meth:`pull`, as far as it can be told before the download.
        """
        from modelhub.results import PulledModel

        artifact = self._artifact_of(_parsed(reference, language))
        path = self.cache.find(artifact.key)
        return PulledModel(
            artifact=artifact,
            path=path or self.cache.root / str(artifact.key),
            downloaded_bytes=0,
            is_cached=path is not None,
        )

    def pull(self, reference: str | Reference, language: str | None = None) -> PulledModel:
        """Bring a model into the cache, whole, or find it there.

        Raises:
            ModelHubError: Any of its kinds; ``modelhub.errors`` lists them with their exit status.
        """
        from modelhub.results import PulledModel

        parsed = _parsed(reference, language)
        self._installer.tell("resolving", str(parsed))
        artifact = self._artifact_of(parsed)
        entry = self.cache.state_of(artifact.key)
        if entry and entry.is_good:
            self._installer.tell("cached", str(artifact.key))
            return PulledModel(artifact=artifact, path=entry.path, downloaded_bytes=0, is_cached=True)
        if entry and (entry.state != "partial" or not self.cache.is_writable(entry)):
            raise entry.damage()  # what somebody has changed is not ours to throw away
        if entry:
            self._note(f"{entry.path} is {entry.state}: {entry.problems[0]} It is brought anew.")
        if self.config.offline and not artifact.uri.startswith("file:"):
            raise self._offline_error(artifact)
        return self._installer.install(artifact, is_replacing=entry is not None)

    # The cache

    def entries(self) -> list[Entry]:
        """What is in the cache, those that Spark NLP wrote included."""
        return self.cache.entries()

    def verify(self, references: Sequence[str | Reference] = (), *, is_deep: bool = False) -> list[Entry]:
        """Look whether entries of the cache are whole; all of them where none is named.

        Raises:
            NotFoundError: A reference is not in the cache.
        """
        return [self.cache.verify(entry, is_deep=is_deep) for entry in self.entries_of(references)]

    def entries_of(self, references: Sequence[str | Reference]) -> list[Entry]:
        """The entries that references mean, every build of them; all entries where none is named.

        Raises:
            NotFoundError: A reference is not in the cache, or means several languages (``AmbiguousError``).
        """
        return self._cached.entries_of([_parsed(reference, None) for reference in references])

    def remove(self, references: Sequence[str | Reference]) -> list[Entry]:
        """Delete entries from the cache, every build that a reference means.

        Raises:
            NotFoundError: A reference is not in the cache; nothing is deleted then.
            UsageError: An entry lies in a cache that is only looked up; nothing is deleted then.
            StorageError: An entry cannot be deleted.
        """
        entries = self.entries_of(references) if references else []
        for entry in entries:
            if not self.cache.is_writable(entry):
                raise UsageError(f"{entry.path} lies in a read-only cache.", hint="Remove it where it is managed.")
        for entry in entries:
            self.cache.remove(entry)
        return entries

    # The registry

    def update(self, repository: str = PUBLIC_REPOSITORY, *, is_dry_run: bool = False) -> UpdateResult:
        """Ask the hub for news of a repository.

        Raises:
            UsageError: No repository can be called so.
            NotAllowedError: The hub refuses its list.
            StorageError: The registry cannot be written.
            OfflineError: Offline was asked for.
            NotFoundError: No hub has such a repository.
            NetworkError: No hub can be reached.
        """
        return self._catalogue.update_metadata(repository, is_dry_run=is_dry_run)

    def update_cards(self, path: str | Path, *, is_dry_run: bool = False) -> UpdateResult:
        """Read a folder, a ``.tar.*`` or a ``.zip`` of model cards.

        Raises:
            NotFoundError: There are no cards.
            StorageError: They cannot be read, or the registry cannot be written.
        """
        return self._catalogue.update_cards(Path(path), is_dry_run=is_dry_run)

    # Inside

    def _hidden_lists(self) -> list[int]:
        """The lists of hubs that are not in use: what only they name is not to be found."""
        lists = self._catalogue.registry.lists()
        return [number for number, uri, repository in lists if uri not in list_uris(repository, self.config)]

    def _artifact_of(self, reference: Reference) -> Artifact:
        resolution = self.resolve(reference)
        for note in resolution.notes:
            self._note(note)
        return resolution.artifact

    def _freshen(self, reference: Reference) -> bool:
        if self.config.offline or self.config.no_update or reference.key:
            return False
        asked = reference.repository or PUBLIC_REPOSITORY
        return self._catalogue.freshen([asked] if asked in (PUBLIC_REPOSITORY, *self.config.repositories) else [])

    def _offline_error(self, artifact: Artifact) -> OfflineError:
        others = [str(key) for key, _ in self.cache.folders() if key.name == artifact.name]
        message = f"{artifact.key} is not in the cache {self.cache.root}, and we are offline."
        if others:
            message += f" Other builds are: {', '.join(others)}."
        return OfflineError(message, hint=f"Online, modelhub pull {artifact.reference} brings it.")


def _parsed(reference: str | Reference, language: str | None) -> Reference:
    from modelhub.references import Reference

    return reference if isinstance(reference, Reference) else Reference.parse(reference, language)


def _running_version(what: str, text: str, example: str) -> Version | None:
    """The version of something that runs, with at least as many numbers as the example.

    Raises:
        UsageError: It has fewer: Spark NLP takes an artifact that is more exact than that for incompatible.
    """
    if not text:
        return None
    version = Version.parse(text)
    if len(version.parts) < len(Version(example).parts):
        raise UsageError(f"{text} is no whole version of {what}.", hint=f"Write it as exactly as {example}.")
    return version
