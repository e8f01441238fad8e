"""Where artifacts and lists are read, according to the configured hubs, and what may be read at all."""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import unquote, urlsplit

from modelhub.artifacts import Artifact, folder_uri_of, https_uri_of, join_uri, without_secrets
from modelhub.config import Config
from modelhub.errors import NotAllowedError, UsageError
from modelhub.public_hub import COMMUNITY_BUCKET, METADATA_FILE, PUBLIC_HUB


def artifact_uris(artifact: Artifact, config: Config) -> list[str]:
    """Where each configured hub has an artifact, the first hub first; its own URI where it lies on none of them."""
    if "://" in artifact.repository and not artifact.repository.startswith("s3://"):
        return [artifact.uri]
    return [_object_uri(hub, artifact.repository, f"{artifact.key}.zip") for hub in config.hub]


def located(artifact: Artifact, config: Config) -> Artifact:
    """The artifact with the URI at which the first configured hub has it."""
    return replace(artifact, uri=artifact_uris(artifact, config)[0])


def list_uris(repository: str, config: Config) -> list[str]:
    """Where each configured hub has the list (``metadata.json``) of a repository.

    Raises:
        UsageError: No repository can be called so.
    """
    name = repository.strip().strip("/")
    if not name or any(character.isspace() for character in name) or _climbs(name):
        raise UsageError(f"{repository!r} is not a repository.", hint="Repositories look like public/models or @user.")
    return [_object_uri(hub, name, METADATA_FILE) for hub in config.hub]


def _object_uri(hub: str, repository: str, name: str) -> str:
    """The URI of an object; a hub other than the public one holds community models below ``@user``."""
    if repository.startswith("s3://"):
        return join_uri(repository, name)
    if hub == PUBLIC_HUB:
        return join_uri(https_uri_of(folder_uri_of(repository)), name)
    return join_uri(hub, repository, name)


def adopted(artifact: Artifact, uri: str, config: Config) -> Artifact:
    """An artifact that was named by its URI, with the repository in which it lies.

    Raises:
        NotAllowedError: No hub of the configuration holds it.
    """
    allowed(uri, config)
    hub = next((hub for hub in config.hub if uri.startswith(f"{hub}/")), "")
    folder = without_secrets(uri).rpartition("/")[0]
    repository = unquote(folder.removeprefix(f"{hub}/")) if hub else folder
    return replace(artifact, repository=repository, uri=uri)


def allowed(uri: str, config: Config) -> str:
    """The URI itself, if something that was configured covers it: a card may point anywhere.

    Raises:
        NotAllowedError: No hub of the configuration holds it.
    """
    community = [https_uri_of(f"s3://{COMMUNITY_BUCKET}")] if PUBLIC_HUB in config.hub else []
    hubs = [_https(hub) for hub in (*config.hub, *community, *config.allow_hub)]
    if _climbs(urlsplit(uri).path) or not any(_https(uri).startswith(f"{hub}/") for hub in hubs):
        shown = without_secrets(uri)
        raise NotAllowedError(
            f"{shown} lies on no hub that is configured.",
            hint=f"If you trust it: --allow-hub {shown.rpartition('/')[0]}",
        )
    return uri


def _https(hub: str) -> str:
    return https_uri_of(hub) if hub.startswith("s3://") else hub


def _climbs(path: str) -> bool:
    """Whether a path has dot segments: what begins like a hub's URI would end elsewhere."""
    return any(segment in (".", "..") for segment in unquote(path).split("/"))
