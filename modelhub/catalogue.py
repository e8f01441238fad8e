"""The registry in use: built on first use, kept fresh, updated from cards and from a hub's ``metadata.json``."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from modelhub import __version__
from modelhub.artifacts import Artifact, join_uri
from modelhub.config import Config
from modelhub.errors import (
    ModelHubError,
    NetworkError,
    NotAllowedError,
    NotFoundError,
    OfflineError,
    StorageError,
    WaitTimeoutError,
)
from modelhub.packaged import PACKAGED_URI, SNAPSHOT, packaged_folder
from modelhub.public_hub import METADATA_FILE
from modelhub.registry import SCHEMA_VERSION, Registry

if TYPE_CHECKING:
    from modelhub.documents import Document, Source, Unchanged
    from modelhub.results import UpdateResult
    from modelhub.storage import Storage, Text

_FRESH_S = 24 * 3600.0


class Catalogue:
    """The registry of one ``MODELHUB_HOME``.

    What builds and updates it is imported only then: a search needs none of it.

    Args:
        config: Settings.
        on_note: Called with each sentence that deserves to be said.
    """

    def __init__(self, config: Config, on_note: Callable[[str], None]) -> None:
        self._config = config
        self._note = on_note
        self._path = config.home / "registry.sqlite"
        self._registry: Registry | None = None

    @property
    def registry(self) -> Registry:
        """The registry, open for reading; built first where there is none of this version.

        Raises:
            StorageError: It can be neither opened nor built.
        """
        if self._registry is None:
            self._registry = self._open_current() or self._build()
        return self._registry

    @cached_property
    def storage(self) -> Storage:
        """What reads hubs."""
        from modelhub.storage import Storage

        return Storage(timeout_s=self._config.timeout, allow_http=self._config.allow_http)

    def close(self) -> None:
        """Close the registry and all connections."""
        if "storage" in self.__dict__:
            self.storage.close()
        self._close_registry()

    def text_of(self, source: Source, path: str) -> str | None:
        """The text of a card or guide, where it is known."""
        if source.uri == PACKAGED_URI:
            return (packaged_folder() / path).read_text(encoding="utf-8")
        return self.registry.kept_text(source.uri, path)

    def mark_listed(self, artifacts: Iterable[Artifact]) -> list[Artifact]:
        """The artifacts, each with whether the ``metadata.json`` of its repository lists it, where one is known."""
        known = {source.uri for source in self.registry.sources() if source.kind == "metadata"}

        def mark(artifact: Artifact) -> Artifact:
            lists = [uri for uri in self._metadata_uris(artifact.repository) if uri in known]
            is_listed = not lists or any(self.registry.is_listed(artifact, uri) for uri in lists)
            return artifact if is_listed else replace(artifact, is_listed=False)

        return [mark(artifact) for artifact in artifacts]

    # Building

    def _open_current(self) -> Registry | None:
        """The registry file, if it is one of this version."""
        if not self._path.is_file():
            return None
        registry = Registry.open(self._path)
        if registry.stamp == _stamp():
            return registry
        registry.close()
        return None

    def _build(self) -> Registry:
        """Build the registry; of two processes that do so at once the second takes what the first has built."""
        try:
            self._config.home.mkdir(parents=True, exist_ok=True)
            with self._exclusively():
                return self._open_current() or self._build_at(self._path)
        except OSError as exc:
            return self._build_aside(exc)

    def _build_aside(self, reason: OSError) -> Registry:
        """A home that cannot be written is no error for reading: the registry then lasts as long as the process."""
        import tempfile

        home = self._config.home
        self._note(f"{home} cannot be written ({reason.strerror}); the registry is built for this run only.")
        with tempfile.TemporaryDirectory(prefix="modelhub-") as folder:
            return self._build_at(Path(folder) / "registry.sqlite")  # the open file outlives its name

    def _build_at(self, path: Path) -> Registry:
        from modelhub.building import build_registry

        started_s = time.monotonic()
        total = build_registry(path, _stamp())
        self._note(f"Registry built: {total:,} artifacts in {time.monotonic() - started_s:.1f} s.")
        return Registry.open(path)

    # Updating

    def update_cards(self, path: Path, *, is_dry_run: bool = False) -> UpdateResult:
        """Bring the registry up to what a folder or archive of cards says.

        Raises:
            NotFoundError: There are no cards.
            StorageError: The cards cannot be read, or the registry cannot be written.
        """
        from modelhub.documents import Source
        from modelhub.ingest import read_cards

        path = path.absolute()
        source = Source(uri=str(path), kind="cards", checked_s=time.time())
        return self._record(source, lambda known: read_cards(path, known), is_dry_run)

    def update_metadata(self, repository: str, *, is_dry_run: bool = False) -> UpdateResult:
        """Bring the registry up to what a repository's ``metadata.json`` says; nothing is downloaded twice.

        Raises:
            OfflineError: Offline was asked for.
            NotFoundError: No hub has such a repository.
            NetworkError: No hub can be reached.
        """
        from modelhub.ingest import read_metadata, whole_metadata

        if self._config.offline and not all(hub.startswith("file:") for hub in self._config.hub):
            raise OfflineError("Offline: metadata.json is not asked for.", hint="Leave out --offline.")
        source, text = self._ask_for_metadata(repository)
        if text is None:
            return self._record_visit(source)

        def documents(known: dict[str, bytes]) -> Iterator[Document | Unchanged]:
            yield whole_metadata(text)
            yield from read_metadata(text, repository, source=source.uri, known=known)

        return self._record(source, documents, is_dry_run)

    def freshen(self, repositories: Sequence[str]) -> bool:
        """Bring lists that are older than a day up to date; say so and go on where the hub cannot be reached.

        Returns:
            Whether anything new was learnt.
        """
        is_news = False
        for repository in repositories:
            age_s = self._age_s(repository)
            if age_s is not None and age_s < _FRESH_S:
                continue
            try:
                is_news |= self.update_metadata(repository).is_news
            except (NetworkError, NotFoundError, NotAllowedError, StorageError) as exc:
                known = "never brought up to date" if age_s is None else f"{age_s / 86400:.0f} days old"
                self._note(f"{exc.message} Going on with what is known ({known}).")
        return is_news

    def _ask_for_metadata(self, repository: str) -> tuple[Source, str | None]:
        """The source, and its text (``None`` where it is as it was), of the first hub that has the repository."""
        from modelhub.documents import Source

        validators = {source.uri: source.validator for source in self.registry.sources()}
        failure: ModelHubError | None = None
        for uri in self._metadata_uris(repository):
            validator = validators.get(uri, "")
            try:
                answer = self.storage.read_text(uri, validator=validator)
                _check_is_list(answer, uri)
            except (NetworkError, NotFoundError, NotAllowedError) as exc:
                failure = failure or exc
                continue
            source = Source(
                uri=uri,
                kind="metadata",
                repository=repository,
                validator=answer.validator if answer else validator,
                checked_s=time.time(),
            )
            return source, answer.content if answer else None
        raise failure or NotFoundError(f"No hub is configured for {repository}.")

    def _metadata_uris(self, repository: str) -> list[str]:
        return [join_uri(hub, repository, METADATA_FILE) for hub in self._config.hub]

    def _age_s(self, repository: str) -> float | None:
        """Seconds since a repository's list was last asked for; ``None`` where it never was."""
        uris = self._metadata_uris(repository)
        times = [source.checked_s for source in self.registry.sources() if source.uri in uris]
        return time.time() - max(times) if times else None

    def _record(
        self,
        source: Source,
        read: Callable[[dict[str, bytes]], Iterable[Document | Unchanged]],
        is_dry_run: bool,
    ) -> UpdateResult:
        from modelhub.recording import record
        from modelhub.results import UpdateResult

        with self._writable() as registry:
            known = registry.digests(source.uri)
            changes, diagnostics = record(registry, source, read(known), is_dry_run=is_dry_run)
            return UpdateResult(source=source.uri, changes=changes, diagnostics=diagnostics)

    def _record_visit(self, source: Source) -> UpdateResult:
        from modelhub.documents import Changes
        from modelhub.recording import record_visit
        from modelhub.results import UpdateResult

        with self._writable() as registry:
            record_visit(registry, source)
            return UpdateResult(
                source=source.uri,
                changes=Changes(total=registry.total()),
                diagnostics=tuple(registry.diagnostics(source.uri)),
                is_news=False,
            )

    @contextmanager
    def _writable(self) -> Iterator[Registry]:
        """The registry open for writing; what is read afterwards is read from the changed file."""
        _ = self.registry  # builds it where there is none
        if not self._path.is_file():
            raise self._unwritable()
        self._close_registry()
        try:
            with self._exclusively(), Registry.open(self._path, is_writable=True) as registry:
                yield registry
        except OSError as exc:
            raise self._unwritable() from exc

    def _unwritable(self) -> StorageError:
        return StorageError(
            f"{self._config.home} cannot be written, so nothing can be updated.",
            hint="Set MODELHUB_HOME to a folder that you may write to.",
        )

    def _close_registry(self) -> None:
        if self._registry:
            self._registry.close()
            self._registry = None

    @contextmanager
    def _exclusively(self) -> Iterator[None]:
        from filelock import FileLock, Timeout

        try:
            with FileLock(self._config.home / "registry.lock", timeout=self._config.wait):
                yield
        except Timeout as exc:
            raise WaitTimeoutError(
                f"Another process has been updating the registry for {self._config.wait:g} s.",
                hint="Wait for it, or raise MODELHUB_WAIT.",
            ) from exc


def _check_is_list(answer: Text | None, uri: str) -> None:
    """A login page in place of the list must not empty the registry."""
    if answer and answer.content.lstrip("\ufeff \t\r\n")[:1] not in ("", "{"):
        raise NetworkError(
            f"{uri} answers with something else than a list of artifacts.",
            hint="Behind a company's proxy or a login page? Check HTTPS_PROXY and MODELHUB_HUB.",
            uri=uri,
        )


def _stamp() -> str:
    """Changes whenever a registry that was built before would be another one if built now."""
    return f"{SCHEMA_VERSION} {__version__} {SNAPSHOT.stat().st_size}"
