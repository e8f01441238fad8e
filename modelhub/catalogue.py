"""The registry in use: built on first use, kept fresh, updated from cards and from a hub's ``metadata.json``."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from modelhub import __version__
from modelhub.amounts import days_text
from modelhub.artifacts import Artifact, without_secrets
from modelhub.config import Config, proxy_of
from modelhub.errors import (
    ModelHubError,
    NetworkError,
    NotAllowedError,
    NotFoundError,
    OfflineError,
    StorageError,
)
from modelhub.locations import list_uris
from modelhub.packaged import PACKAGED_URI, SNAPSHOT, packaged_folder
from modelhub.public_hub import METADATA_FILE
from modelhub.registry import Registry
from modelhub.schema import SCHEMA_VERSION

if TYPE_CHECKING:
    from modelhub.documents import Document, Source, Unchanged
    from modelhub.results import UpdateResult
    from modelhub.storage import Storage

_FRESH_S = 24 * 3600.0
_FAILURE_COUNTS_S = 600.0


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
        self._said: set[str] = set()

    @property
    def registry(self) -> Registry:
        """The registry, open for reading; built first where there is none of this version.

        Raises:
            StorageError: It can be neither opened nor built.
        """
        if self._registry is None:
            self._registry = self._open_current() or self._build()
        return self._registry

    def current_registry(self) -> Registry | None:
        """The registry, open for reading, if there is one of this version; none is built.

        Raises:
            StorageError: It cannot be opened.
        """
        self._registry = self._registry or self._open_current()
        return self._registry

    @cached_property
    def storage(self) -> Storage:
        """What reads hubs."""
        return self.new_storage(self._config.connections)

    def new_storage(self, connections: int) -> Storage:
        """What reads hubs over at most so many connections; to be closed by whoever asks for it."""
        from modelhub.network import Network
        from modelhub.signing import Signer
        from modelhub.storage import Storage

        config = self._config
        network = Network(
            connections=connections,
            timeout_s=config.timeout,
            rate_bytes_per_s=config.limit_rate,
            ca_bundle=config.ca_bundle,
            proxy_of=proxy_of,
            allow_http=config.allow_http,
        )
        signer = Signer(
            license=config.license,
            profile=config.profile,
            endpoint=config.endpoint,
            allow_http=config.allow_http,
            is_offline=config.offline,
        )
        return Storage(network, signer)

    def hidden_lists(self) -> list[int]:
        """The lists of hubs that are not in use: what only they name is not to be found."""
        lists = self.registry.lists()
        return [number for number, uri, repository in lists if uri not in list_uris(repository, self._config)]

    def used_lists(self) -> dict[str, list[int]]:
        """By repository the lists of hubs in use, the first hub first."""
        lists = self.registry.lists()
        numbers = {uri: number for number, uri, _ in lists}
        uris = {name: list_uris(name, self._config) for _, _, name in lists}
        return {name: [numbers[uri] for uri in of_hubs if uri in numbers] for name, of_hubs in uris.items()}

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
        """The artifacts with what the lists of the configured hubs say, the first hub first, in the order of the list.

        What lists of other hubs say does not count. Where no list is known everything counts as listed and ready.
        """
        lists = self.registry.lists()
        known = {uri for _, uri, _ in lists}
        ours = {name: [uri for uri in list_uris(name, self._config) if uri in known] for _, _, name in lists}

        def mark(artifact: Artifact) -> Artifact:
            uris = ours.get(artifact.repository, [])
            as_listed = (self.registry.as_listed(artifact, uri) for uri in uris)
            unlisted = replace(artifact, is_listed=not uris, is_ready=True, checksum="", position=0)
            return next(filter(None, as_listed), unlisted)

        return sorted(map(mark, artifacts), key=lambda artifact: artifact.position)

    def in_use(self, artifacts: Sequence[Artifact]) -> list[Artifact]:
        """The artifacts that anything but the list of a hub that is not in use names, marked by :meth:`mark_listed`."""
        hidden = self.hidden_lists()
        known = (item for item in artifacts if not hidden or self.registry.is_known_without(item, hidden))
        return self.mark_listed(known)

    # Building

    def _open_current(self) -> Registry | None:
        """The registry file, if it is one of this version."""
        if not self._path.is_file():
            return None
        registry = Registry.open(self._path)
        if registry.stamp == registry_stamp():
            return registry
        registry.close()
        return None

    def _build(self) -> Registry:
        """Mend the registry, or build it; of two processes that do so at once the second takes what the first did."""
        try:
            self._config.home.mkdir(parents=True, exist_ok=True)
            with self._exclusively():
                Registry.roll_back(self._path)
                return self._open_current() or self._build_at(self._path)
        except OSError as exc:  # what is read besides the home has raised an error of ours
            return self._build_aside(exc)

    def _build_aside(self, reason: OSError) -> Registry:
        """A home that cannot be written is no error for reading: the registry then lasts as long as the process."""
        import tempfile

        home = self._config.home
        self._note(f"{home} cannot be written ({reason.strerror}); the registry is built for this run only.")
        try:
            with tempfile.TemporaryDirectory(prefix="modelhub-") as folder:
                return self._build_at(Path(folder) / "registry.sqlite")  # the open file outlives its name
        except OSError as exc:
            raise StorageError(
                f"Neither {home} nor a temporary folder can be written: {exc.strerror}.", hint="Set MODELHUB_HOME."
            ) from exc

    def _build_at(self, path: Path) -> Registry:
        from modelhub.building import build_registry

        once = ", once" if path == self._path else ""
        self._note(f"Building the registry from the packaged catalogue{once}: some seconds.")
        started_s = time.monotonic()
        total = build_registry(path, registry_stamp(), self._note)
        self._note(f"Registry built: {total:,} artifacts in {time.monotonic() - started_s:.1f} s.")
        return Registry.open(path)

    # Updating

    def update_cards(self, path: Path, *, is_dry_run: bool = False) -> UpdateResult:
        """Bring the registry up to what a folder or archive of cards says.

        Raises:
            NotFoundError: There are no cards.
            UsageError: The file is neither a page nor an archive.
            StorageError: The cards cannot be read, the registry cannot be written, or another process has been writing
                it for too long (``WaitTimeoutError``).
        """
        from modelhub.documents import Source, storable
        from modelhub.ingest import archive_digest, read_cards

        path = path.absolute()
        source = Source(uri=storable(str(path)), kind="cards", validator=archive_digest(path), checked_s=time.time())
        if self._is_as_it_was(source):
            return self._record_visit(source, is_dry_run=is_dry_run)
        # A page whose text is lost is read again, whether it changed or not.
        return self._record(
            source, lambda registry: read_cards(path, registry.kept_digests(source.uri)), is_dry_run=is_dry_run
        )

    def _is_as_it_was(self, source: Source) -> bool:
        """Whether an archive holds just what was read from it, and what is kept of it is still there."""
        before = [known for known in self.registry.sources() if known.uri == source.uri]
        if not source.validator or [known.validator for known in before] != [source.validator]:
            return False
        with self._writable() as registry:
            digests = registry.digests(source.uri)
            return b"" not in digests.values() and registry.kept_digests(source.uri) == digests

    def update_metadata(self, repository: str, *, is_dry_run: bool = False, is_patient: bool = True) -> UpdateResult:
        """Bring the registry up to what a repository's ``metadata.json`` says; nothing is downloaded twice.

        Args:
            repository: Its name.
            is_dry_run: Whether only to say what would change.
            is_patient: Whether to try again where a hub does not answer.

        Raises:
            UsageError: No repository can be called so, or no hub can be what is configured.
            OfflineError: Offline was asked for.
            NotFoundError: No hub has such a repository.
            NotAllowedError: The hub refuses it.
            NetworkError: No hub can be reached, or what it answers is no list.
            StorageError: The registry cannot be written, or another process has been writing it for too long
                (``WaitTimeoutError``).
        """
        from modelhub.ingest import read_metadata, whole_metadata

        repository = repository.strip().strip("/")
        if not self._is_writable():
            raise self._unwritable()
        source, text = self._ask_hubs(repository, is_patient=is_patient)
        if text is None:
            return self._record_visit(source, is_dry_run=is_dry_run)

        def documents(registry: Registry) -> Iterator[Document | Unchanged]:
            yield whole_metadata(text)
            yield from read_metadata(text, repository, source=source.uri, known=registry.digests(source.uri))

        return self._record(source, documents, is_dry_run=is_dry_run)

    def freshen(self, repositories: Sequence[str]) -> bool:
        """Bring lists that are older than a day up to date; say so and go on where that cannot be done.

        A hub that fails is asked once, and not again for ten minutes: what we are wanted for works without.

        Returns:
            Whether anything new was learnt.

        Raises:
            UsageError: No repository can be called so, or no hub can be what is configured.
            OfflineError: Offline was asked for.
        """
        return any([self._freshen(repository) for repository in repositories])

    def _freshen(self, repository: str) -> bool:
        age_s = self._age_s(repository)
        if age_s is not None and 0 <= age_s < _FRESH_S:
            return False
        uri = list_uris(repository, self._config)[0]
        reason = self.registry.recent_failure(uri, now_s=time.time(), within_s=_FAILURE_COUNTS_S)
        if not reason:
            try:
                return self.update_metadata(repository, is_patient=False).is_news
            except (NetworkError, NotFoundError, NotAllowedError) as exc:
                reason = _in_short(exc)
                self._record_failure(uri, reason)
            except StorageError as exc:
                reason = _in_short(exc)
        known = "the catalogue of the package" if age_s is None else f"what is known ({days_text(age_s)} old)"
        self._say_once(f"{reason}; going on with {known}.")
        return False

    def _ask_hubs(self, repository: str, *, is_patient: bool) -> tuple[Source, str | None]:
        """The source, and its text (``None`` where it is as it was), of the first hub that has the repository."""
        uris = list_uris(repository, self._config)
        hubs = [
            (hub, uri)
            for hub, uri in zip(self._config.hub, uris, strict=True)
            if uri.startswith("file:") or not self._config.offline
        ]
        if not hubs:
            hint = "Leave out --offline, and unset MODELHUB_OFFLINE."
            raise OfflineError("Offline: no hub is asked for news.", hint=hint)
        failures: list[ModelHubError] = []
        for hub, uri in hubs:
            try:
                return self._ask_hub(uri, repository, is_patient=is_patient)
            except NotFoundError:
                failures.append(self._no_such_repository(hub, repository, uri))
            except (NetworkError, NotAllowedError) as exc:
                failures.append(exc)
        raise failures[0]

    def _ask_hub(self, uri: str, repository: str, *, is_patient: bool) -> tuple[Source, str | None]:
        from modelhub.documents import Source
        from modelhub.ingest import check_is_list

        validator = self._validator_of(uri)
        answer = self.storage.read_text(uri, validator=validator, is_patient=is_patient)
        if answer:
            check_is_list(answer.content, source=without_secrets(uri))
        source = Source(
            uri=uri,
            kind="metadata",
            repository=repository,
            validator=answer.validator if answer else validator,
            checked_s=time.time(),
        )
        return source, answer.content if answer else None

    def _validator_of(self, uri: str) -> str:
        """What to send so that a list comes only if it changed; "" where its text is lost, for it must come then."""
        validator = next((source.validator for source in self.registry.sources() if source.uri == uri), "")
        with suppress(StorageError):  # a text that is damaged is as good as lost
            if validator and self.registry.kept_text(uri, METADATA_FILE) is not None:
                return validator
        return ""

    def _no_such_repository(self, hub: str, repository: str, uri: str) -> NotFoundError:
        return NotFoundError(
            f"The hub {without_secrets(hub)} has no repository {repository} ({without_secrets(uri)}).",
            hint=f"Configured repositories: {', '.join(self._config.repositories)}.",
        )

    def _age_s(self, repository: str) -> float | None:
        """Seconds since a repository's list was last asked for; ``None`` where it never was."""
        uris = list_uris(repository, self._config)
        times = [source.checked_s for source in self.registry.sources() if source.uri in uris]
        return time.time() - max(times) if times else None

    def _say_once(self, sentence: str) -> None:
        if sentence not in self._said:
            self._said.add(sentence)
            self._note(sentence)

    # Recording

    def _record(
        self,
        source: Source,
        read: Callable[[Registry], Iterable[Document | Unchanged]],
        *,
        is_dry_run: bool,
    ) -> UpdateResult:
        from modelhub.recording import record
        from modelhub.results import UpdateResult

        with self._writable() as registry:
            changes, diagnostics = record(registry, source, read(registry), is_dry_run=is_dry_run)
            return UpdateResult(source=source.uri, changes=changes, diagnostics=diagnostics)

    def _record_visit(self, source: Source, *, is_dry_run: bool) -> UpdateResult:
        from modelhub.documents import Changes
        from modelhub.recording import record_visit
        from modelhub.results import UpdateResult

        with self._writable() as registry:
            if not is_dry_run:
                record_visit(registry, source.uri, checked_s=source.checked_s)
            return UpdateResult(
                source=source.uri,
                changes=Changes(total=registry.total()),
                diagnostics=tuple(registry.diagnostics(source.uri)),
                is_news=False,
            )

    def _record_failure(self, uri: str, reason: str) -> None:
        from modelhub.recording import record_failure

        with suppress(StorageError), self._writable() as registry:
            record_failure(registry, uri, reason=reason, failed_s=time.time())

    def _is_writable(self) -> bool:
        """Whether there is any point in asking for news; a registry of this run only cannot be changed."""
        is_lasting = self.registry.path == self._path  # built first where there is none
        return is_lasting and all(os.access(place, os.W_OK) for place in (self._config.home, self._path))

    @contextmanager
    def _writable(self) -> Iterator[Registry]:
        """The registry open for writing; what is read afterwards is read from the changed file."""
        if not self._is_writable():
            raise self._unwritable()
        self._close_registry()
        try:
            with self._exclusively(), Registry.open(self._path, is_writable=True) as registry:
                if registry.stamp != registry_stamp():  # while we did not look
                    raise StorageError(f"{self._path} is another version's by now.", hint="Run it again.")
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

    def _exclusively(self) -> AbstractContextManager[bool]:
        from modelhub.exclusion import exclusively

        return exclusively(self._config.home / "registry.lock", "the registry", wait_s=self._config.wait)


def _in_short(exc: ModelHubError) -> str:
    """The beginning of a sentence: why there is no news."""
    if isinstance(exc, NetworkError):
        why = exc.message.removeprefix(exc.uri).partition(". ")[0]
        return f"The hub cannot be reached ({why.strip(' .')})"
    return exc.message.rstrip(".")


def registry_stamp() -> str:
    """Changes whenever a registry that was built before would be another one if built now.

    Raises:
        StorageError: The snapshot is not there: the installation is broken.
    """
    try:
        snapshot_bytes = SNAPSHOT.stat().st_size
    except OSError as exc:
        raise StorageError(f"{SNAPSHOT} cannot be read: {exc.strerror}.", hint="Install modelhub again.") from exc
    return f"{SCHEMA_VERSION} {__version__} {snapshot_bytes}"
