"""What the hubs have now of an entry of the cache: its zip, looked at but not brought."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from modelhub.artifacts import Artifact, ArtifactKey, ArtifactLocation, without_secrets
from modelhub.candidates import Candidates
from modelhub.catalogue import Catalogue
from modelhub.config import Config
from modelhub.entries import Manifest
from modelhub.errors import ModelHubError, NetworkError, NotAllowedError, NotFoundError, OfflineError, UsageError
from modelhub.locations import allowed, artifact_uris
from modelhub.objects import Member
from modelhub.quick_dataclasses import dataclass
from modelhub.references import Reference
from modelhub.resolver import Runtime
from modelhub.storage import Look
from modelhub.unpack_members import Directory, read_directory


@dataclass(frozen=True, kw_only=True)
class HubCopy:
    """The zip of an artifact on a hub. Use as a context manager.

    Attributes:
        artifact: With the URI at which it was found.
        directory: Its table of contents; ``None`` where the hub knows no ranges.
    """

    artifact: Artifact
    look: Look
    directory: Directory | None

    def __enter__(self) -> HubCopy:
        return self

    def __exit__(self, *_: object) -> None:
        self.look.close()

    @property
    def uri(self) -> str:
        """Where it lies, for messages."""
        return without_secrets(self.artifact.uri)

    def is_what_was_installed(self, manifest: Manifest) -> bool:
        """Whether it has the size, and every file the name, size and CRC-32, that were installed."""
        if self.look.stat.size_bytes not in (None, manifest.zip_bytes) and manifest.sha256:
            return False
        return self.directory is None or by_path(self.directory.files) == by_path(manifest.files)


class HubCopies:
    """Finds the zips of entries on the hubs.

    Args:
        config: Says which hubs there are, and whether we are offline.
        catalogue: Its storage opens objects.
        candidates: Know the artifact of an entry of which no manifest tells where it came from.
    """

    def __init__(self, config: Config, catalogue: Catalogue, candidates: Candidates) -> None:
        self._config = config
        self._catalogue = catalogue
        self._candidates = candidates

    def artifact(self, key: ArtifactKey, manifest: Manifest | None) -> Artifact:
        """The artifact that an entry was, or should have been, made of.

        Raises:
            ModelHubError: Nobody knows it.
        """
        folder, _, name = manifest.s3_uri.rpartition("/") if manifest else ("", "", "")
        if name != f"{key}.zip":
            reference = Reference(name=key.name, language=key.language, key=key)
            return self._candidates.resolve(reference, Runtime(), is_lenient=True).artifact
        try:
            repository = ArtifactLocation.parse(f"{folder}/{name}").repository
        except UsageError:
            repository = folder
        return Artifact(key=key, repository=repository, uri=f"{folder}/{name}")

    def find(self, key: ArtifactKey, manifest: Manifest | None) -> HubCopy:
        """The zip on the first hub that has it.

        Raises:
            OfflineError: It would have to be asked for over a network.
            NotFoundError: No hub has it.
            NetworkError: No hub can be reached.
            NotAllowedError: It lies on no hub that is configured, or the hub refuses it.
            ArchiveError: It is no zip.
        """
        artifact = self.artifact(key, manifest)
        failure: ModelHubError | None = None
        for uri in artifact_uris(artifact, self._config):
            try:
                return self._at(replace(artifact, uri=allowed(uri, self._config)))
            except (NetworkError, NotFoundError, NotAllowedError) as exc:
                failure = failure or exc
        raise failure or NotFoundError(f"No hub is configured for {key}.")

    def _at(self, artifact: Artifact) -> HubCopy:
        if self._config.offline and not artifact.uri.startswith("file:"):
            raise OfflineError(
                f"What the hub has of {artifact.key} cannot be asked for: we are offline.",
                hint=f"Online, modelhub verify --repair {artifact.key} mends it.",
            )
        look = self._catalogue.storage.open(artifact.uri).look()
        try:
            return HubCopy(artifact=artifact, look=look, directory=read_directory(look) if look.has_ranges else None)
        except BaseException:
            look.close()
            raise


def by_path(files: tuple[Member, ...]) -> Mapping[str, Member]:
    """Files by their paths: two lists that say the same may differ in their order."""
    return {file.path: file for file in files}
