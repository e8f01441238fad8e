"""Where an artifact is read, according to the configured hubs, and what may be read at all."""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import unquote, urlsplit

from modelhub.artifacts import Artifact, https_uri_of, join_uri, without_secrets
from modelhub.config import Config
from modelhub.errors import NotAllowedError
from modelhub.public_hub import COMMUNITY_BUCKET, PUBLIC_HUB


def located(artifact: Artifact, config: Config) -> Artifact:
    """The artifact with the URI at which the first configured hub has it."""
    hub = config.hub[0]
    if hub == PUBLIC_HUB or artifact.repository.startswith("s3://"):
        return replace(artifact, uri=https_uri_of(artifact.s3_uri))
    return replace(artifact, uri=join_uri(hub, artifact.repository, f"{artifact.key}.zip"))


def allowed(uri: str, config: Config) -> str:
    """The URI itself, if something that was configured covers it (DESIGN, decision 7).

    Raises:
        NotAllowedError: No hub of the configuration holds it.
    """
    community = [https_uri_of(f"s3://{COMMUNITY_BUCKET}")] if PUBLIC_HUB in config.hub else []
    hubs = (*config.hub, *community, *config.allow_hub)
    if _has_dot_segments(uri) or not any(uri.startswith(f"{hub}/") for hub in hubs):
        shown = without_secrets(uri)
        raise NotAllowedError(
            f"{shown} lies on no hub that is configured.",
            hint=f"If you trust it: --allow-hub {shown.rpartition('/')[0]}",
        )
    return uri


def _has_dot_segments(uri: str) -> bool:
    """Whether the path climbs: what begins like a hub's URI would end elsewhere."""
    return any(segment in (".", "..") for segment in unquote(urlsplit(uri).path).split("/"))
