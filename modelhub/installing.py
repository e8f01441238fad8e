"""Bringing an artifact into the cache: from the first hub that has it, unpacked while it arrives, checked, whole."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

from modelhub.artifacts import Artifact, without_secrets
from modelhub.cache import Cache, Manifest
from modelhub.catalogue import Catalogue
from modelhub.config import Config
from modelhub.errors import ArchiveError, IntegrityError, ModelHubError, NetworkError, NotAllowedError, NotFoundError
from modelhub.locations import allowed, artifact_uris
from modelhub.progress import Progress, ProgressCallback
from modelhub.results import PulledModel
from modelhub.saved_models import read_saved_model
from modelhub.transfer import Download
from modelhub.unpack import unpack_stream


class Installer:
    """Downloads, unpacks and checks.

    Args:
        config: Says which hubs there are.
        cache: Where entries appear.
        catalogue: Its storage opens objects.
        on_progress: Called while it goes on.
    """

    def __init__(
        self, config: Config, cache: Cache, catalogue: Catalogue, on_progress: ProgressCallback | None
    ) -> None:
        self._config = config
        self._cache = cache
        self._catalogue = catalogue
        self._on_progress = on_progress

    def tell(self, phase: str, subject: str, done_bytes: int = 0, total_bytes: int | None = None) -> None:
        """Say how far a pull is, if anybody listens."""
        if self._on_progress:
            self._on_progress(Progress(phase=phase, subject=subject, done_bytes=done_bytes, total_bytes=total_bytes))

    def install(self, artifact: Artifact, *, is_replacing: bool = False) -> PulledModel:
        """Bring an artifact from the first hub that has it.

        Args:
            artifact: Which one.
            is_replacing: Whether a broken entry of its key is exchanged.

        Raises:
            ModelHubError: Any of its kinds; the first hub's where none has it.
        """
        failure: ModelHubError | None = None
        for uri in artifact_uris(artifact, self._config):
            try:
                return self._install_from(replace(artifact, uri=uri), is_replacing=is_replacing)
            except (NetworkError, NotFoundError, NotAllowedError) as exc:  # S3 refuses what it does not have, too
                failure = failure or exc
        raise failure or NotFoundError(f"No hub is configured for {artifact.key}.")

    def _install_from(self, artifact: Artifact, *, is_replacing: bool) -> PulledModel:
        download = Download(
            self._catalogue.storage.open(allowed(artifact.uri, self._config)),
            expected_bytes=artifact.size_bytes if artifact.size_exact else None,
            expected_md5=artifact.checksum,
            on_bytes=partial(self.tell, "downloading", str(artifact.key)),
        )
        fill = partial(self._fill, artifact=artifact, download=download)
        path = self._cache.install(artifact.key, fill, is_replacing=is_replacing)
        return PulledModel(
            artifact=artifact, path=path, downloaded_bytes=download.size_bytes, is_cached=not download.size_bytes
        )

    def _fill(self, staging: Path, *, artifact: Artifact, download: Download) -> Manifest:
        """Unpack the download into a staging folder and check everything that can be checked."""
        uri = without_secrets(artifact.uri)
        try:
            members = unpack_stream(download, staging)
            self.tell("checking", str(artifact.key))
            read_saved_model(staging)
        except ArchiveError as exc:
            hint = exc.hint or "Pull again; if it stays so, tell those who run the hub."
            raise ArchiveError(f"{uri}: {exc.message}", hint=hint) from exc
        recorded = self._cache.digest(artifact.key)
        if recorded and recorded != download.sha256:
            raise IntegrityError(
                f"{uri} is not the zip that was installed here before: its SHA-256 is {download.sha256}, "
                f"not {recorded}.",
                hint=f"If it was meant to be replaced, remove {self._cache.root}/.modelhub/digests/{artifact.key}.",
            )
        return Manifest(
            key=str(artifact.key),
            s3_uri=artifact.s3_uri,
            sha256=download.sha256,
            zip_bytes=download.size_bytes,
            files=members,
        )
