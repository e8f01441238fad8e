"""The use cases: search, show, resolve, path, pull, list, verify, remove, update, guide.

Wires values and I/O; returns results and prints nothing. What deserves to be said goes to ``on_note``, how far a pull
is to ``on_progress``. What only some of them need is imported by those: a search must answer in 100 ms.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from modelhub.artifacts import Artifact, ArtifactKey
from modelhub.config import Config, load_config
from modelhub.errors import (
    AmbiguousError,
    IncompatibleError,
    ModelHubError,
    NetworkError,
    NotFoundError,
    OfflineError,
)
from modelhub.parts import Parts
from modelhub.public_hub import PUBLIC_REPOSITORY
from modelhub.resolver import Resolution, Runtime

if TYPE_CHECKING:
    from modelhub.alternatives import Alternatives
    from modelhub.auth import Access
    from modelhub.cache import Cache, Entry
    from modelhub.comparing import Comparison
    from modelhub.findings import Finding
    from modelhub.guides import TaskGuide
    from modelhub.progress import ProgressCallback
    from modelhub.prune_plan import Criteria, PrunePlan
    from modelhub.pruning import PruneResult
    from modelhub.references import Reference
    from modelhub.repairing import Repaired
    from modelhub.results import PulledModel, ShownModel, UpdateResult
    from modelhub.searching import SearchResult
    from modelhub.verifying import Verified


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
        self._note = on_note or (lambda sentence: None)
        self._parts = Parts(
            self.config,
            on_progress=on_progress,
            on_note=self._note,
            resolve=self._artifact_of,
        )
        self._catalogue = self._parts.catalogue
        self.runtime = self._parts.runtime

    def close(self) -> None:
        """Close files and connections."""
        self._catalogue.close()

    def __enter__(self) -> Hub:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    @property
    def cache(self) -> Cache:
        """The cache of the settings."""
        return self._parts.cache

    # Finding

    def search(self, text: str = "", **filters: Any) -> SearchResult:
        """Find models; never waits for a network.

        Args:
            text: Words, all of which must occur.
            filters: Any further field of :class:`modelhub.search_query.SearchQuery`.

        Raises:
            UsageError: A filter cannot be understood.
        """
        return self._parts.searcher.search(text, filters)

    def alternatives(self, reference: str | Reference, **filters: Any) -> Alternatives:
        """What could be used instead of a model: of its task and language, the most alike first; filters as in search.

        Raises:
            NotFoundError: There is no such model, or several (``AmbiguousError``).
            UsageError: A filter cannot be understood.
        """
        return self._parts.searcher.alternatives(_parsed(reference, None), filters)

    def show(self, reference: str | Reference, language: str | None = None) -> ShownModel:
        """One model in full.

        Raises:
            NotFoundError: There is no such model, or several (``AmbiguousError``).
        """
        return self._parts.shower.show(_parsed(reference, language))

    def compare(self, references: Sequence[str | Reference]) -> Comparison:
        """Several models next to each other: versions, sizes, languages, labels, scores, dependencies.

        Raises:
            UsageError: There are less than two.
            NotFoundError: There is no such model, or several (``AmbiguousError``).
        """
        return self._parts.shower.compare([_parsed(reference, None) for reference in references])

    def card_text(self, artifact: Artifact) -> str:
        """The Markdown page of an artifact.

        Raises:
            NotFoundError: Only its facts are known.
        """
        return self._parts.shower.card_text(artifact)

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
        return self._parts.shower.snippet(shown, flavour, is_loaded=is_loaded)

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
            resolution = self._parts.candidates.resolve(parsed, runtime)
            if self.cache.find(resolution.artifact.key):
                return resolution
        except (NotFoundError, IncompatibleError) as exc:
            failure = exc
        if self._freshen(parsed):
            return self._parts.candidates.resolve(parsed, runtime)
        if failure:
            raise failure
        return resolution

    def path(self, reference: str | Reference, language: str | None = None) -> Path:
        """The folder of a model that is in the cache, as a path that Spark NLP can load from; asks no network.

        Where it cannot load from the folder's own, that is an alias: a symbolic link with a clean name. Of several
        builds in the cache that one is taken which Spark NLP would take if there were no others.

        Raises:
            NotFoundError: It is not in the cache.
            IncompatibleError: What is in the cache does not suit the runtime.
            IntegrityError: It is broken.
        """
        path = self._parts.cached.path_of(_parsed(reference, language), self.runtime)
        return self._parts.aliases.loadable_if_possible(path)

    def pull_or_find(self, reference: str | Reference, language: str | None = None) -> PulledModel:
        """Pull a model; where that cannot be done now, be content with what of it is in the cache, and say so.

        So a program goes on without a network, and with a model that no list here names.

        Raises:
            ModelHubError: As :meth:`pull`, where nothing in the cache will do.
        """
        from modelhub.results import PulledModel  # what a search need not import

        parsed = _parsed(reference, language)
        try:
            return self.pull(parsed)
        except AmbiguousError:
            raise
        except (NotFoundError, NetworkError, OfflineError) as exc:
            try:
                path = self._parts.cached.path_of(parsed, self.runtime)
            except ModelHubError:
                raise exc from None
            self._note(f"{exc.message} What is in the cache of it is taken: {path.name}.")
        found = Artifact(key=ArtifactKey.parse(path.name), repository=parsed.repository or PUBLIC_REPOSITORY)
        return PulledModel(artifact=found, path=path, downloaded_bytes=0, is_cached=True)

    def loadable_path(self, path: Path) -> Path:
        """A path to a folder that Spark NLP can load from: the same where that will do, else an alias.

        Raises:
            StorageError: There is none; it is said why.
        """
        return self._parts.aliases.loadable(path)

    def load(self, reference: str | Reference, language: str | None = None) -> Any:
        """Pull a model, and load it with the class that was saved: an annotator, or a ``PipelineModel``.

        Needs pyspark and Spark NLP, and a session that runs.

        Raises:
            ModelHubError: Any of its kinds.
            Exception: What Spark NLP raises where it cannot load it.
        """
        from modelhub.loading import load_saved

        pulled = self.pull_or_find(reference, language)
        return load_saved(self.loadable_path(pulled.path), pulled.artifact.repository)

    def plan_pull(self, reference: str | Reference, language: str | None = None) -> PulledModel:
        """What a pull would do: which artifact, into which folder, and whether it is there already.

        Raises:
            ModelHubError: As :meth:`pull`, as far as it can be told before the download.
        """
        return self._parts.puller.plan(_parsed(reference, language))

    def pull(self, reference: str | Reference, language: str | None = None) -> PulledModel:
        """Bring a model into the cache, whole, or find it there.

        Raises:
            ModelHubError: Any of its kinds; ``modelhub.errors`` lists them with their exit status.
        """
        return self._parts.puller.pull(_parsed(reference, language))

    def plan_pulls(self, references: Sequence[str | Reference]) -> list[PulledModel | ModelHubError]:
        """What :meth:`pull_all` would do."""
        return self._parts.puller.plan_all([_parsed(reference, None) for reference in references])

    def pull_all(self, references: Sequence[str | Reference]) -> list[PulledModel | ModelHubError]:
        """Bring several models into the cache, some of them at once; what came of each, in their order.

        An error's ``subject`` tells to which reference it belongs.
        """
        return self._parts.puller.pull_all([_parsed(reference, None) for reference in references])

    # The cache

    def entries(self) -> list[Entry]:
        """What is in the cache, those that Spark NLP wrote included."""
        return self.cache.entries()

    def verify(
        self, references: Sequence[str | Reference | Path] = (), *, is_deep: bool = False, asks_hub: bool = True
    ) -> list[Verified]:
        """Look whether entries, or folders (given as paths), are whole; all entries where none is named.

        Raises:
            NotFoundError: There is no such entry, or folder.
        """
        return self._parts.repairer.verify(references, is_deep=is_deep, asks_hub=asks_hub)

    def repair(
        self, references: Sequence[str | Reference | Path] = (), *, is_dry_run: bool = False, **options: bool
    ) -> list[Repaired]:
        """Mend what :meth:`verify`, with these options, does not find whole: only what is bad is brought.

        Raises:
            NotFoundError: There is no such entry, or folder.
        """
        return self._parts.repairer.repair(references, is_dry_run=is_dry_run, **options)

    def entries_of(self, references: Sequence[str | Reference]) -> list[Entry]:
        """The entries that references mean, every build of them; all entries where none is named.

        Raises:
            NotFoundError: A reference is not in the cache, or means several languages (``AmbiguousError``).
        """
        return self._parts.cached.entries_of([_parsed(reference, None) for reference in references])

    def removable(self, references: Sequence[str | Reference]) -> list[Entry]:
        """What :meth:`remove` would delete; the size of each is that of all that belongs to it.

        Raises:
            NotFoundError: Nothing of a reference is in the cache.
            UsageError: An entry lies in a cache that is only looked up.
        """
        return self._parts.cached.removable([_parsed(reference, None) for reference in references])

    def remove(self, references: Sequence[str | Reference]) -> list[Entry]:
        """Delete entries from the cache, every build that a reference means, and all that belongs to them.

        Raises:
            NotFoundError: Nothing of a reference is in the cache; nothing is deleted then.
            UsageError: An entry lies in a cache that is only looked up; nothing is deleted then.
            StorageError: An entry cannot be deleted.
        """
        entries = self.removable(references)
        for entry in entries:
            self.cache.remove(entry)
        self._parts.aliases.sweep()
        return entries

    def plan_prune(self, criteria: Criteria, *, locks: Sequence[str | Path] = ()) -> PrunePlan:
        """What meets criteria in the cache that is written, but for what lockfiles name.

        Raises:
            UsageError: There is no criterion, or a file is no lockfile.
            NotFoundError: There is no such lockfile.
        """
        return self._parts.pruner.plan(criteria, [Path(lock) for lock in locks])

    def prune(self, plan: PrunePlan) -> PruneResult:
        """Delete what a plan says, but for what is in use, or has changed since; aliases without an entry go too."""
        result = self._parts.pruner.prune(plan)
        self._parts.aliases.sweep()
        return result

    def import_model(self, path: str | Path, reference: str | Reference | None = None) -> PulledModel:
        """Bring a zip or a folder that was fetched by hand into the cache, checked; a good entry stays as it is.

        Args:
            path: The zip, or the folder.
            reference: Which artifact it is, where its name is no key.

        Raises:
            UsageError: Nobody says which artifact it is, or two do who disagree.
            ModelHubError: Any other of its kinds.
        """
        from modelhub.user_folders import expanded

        parsed = _parsed(reference, None) if reference else None
        return self._parts.importer.import_model(expanded(path), parsed)

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

    # Looking after all of it

    def doctor(self, *, is_measured: bool = True) -> list[Finding]:
        """What works here and what does not: hubs, disk, cache, versions, registry, settings.

        Args:
            is_measured: Whether rates are measured, which takes some seconds for each hub.

        Raises:
            UsageError: The first repository of the settings can be none.
        """
        from modelhub.doctor import examine

        return examine(
            self.config, self._catalogue, cache=self.cache, checker=self._parts.checker, is_measured=is_measured
        )

    def auth(self, repositories: Sequence[str] = (), *, is_checked: bool = True) -> list[Access]:
        """Say whose credentials read which repository, and try it unless we are offline.

        Args:
            repositories: Names, or URIs of folders; by default the configured ones, and those that take a licence.
            is_checked: Whether the beginning of each list is read.

        Raises:
            UsageError: No repository can be called so.
        """
        from modelhub.auth import check_access

        storage = self._catalogue.storage
        probe = (lambda uri: storage.open(uri).look().close()) if is_checked and not self.config.offline else None
        return check_access(repositories, self.config, storage.signer, probe)

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


def _parsed(reference: str | Reference, language: str | None) -> Reference:
    from modelhub.references import Reference

    return reference if isinstance(reference, Reference) else Reference.parse(reference, language)
