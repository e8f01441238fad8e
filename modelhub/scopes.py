"""Who may read an object, as its URI tells: anybody, the holder of a licence, or whoever has keys to its bucket.

==============  ========================================================  =============================================
scope           objects                                                   read
==============  ========================================================  =============================================
``anonymous``   ``public/…`` of the public hub, community models, and     without credentials, also where some are set
                every other ``https:`` or ``http:`` URI
``licensed``    all else in the public hub's bucket (``clinical/…``, …)   with a licence, or with credentials of AWS
``bucket``      ``s3://bucket/…``                                         with credentials of AWS, anonymously without
==============  ========================================================  =============================================
"""

from __future__ import annotations

import re
from typing import Literal
from urllib.parse import quote, unquote, urlsplit

from modelhub.artifacts import without_secrets
from modelhub.config import is_on_loopback
from modelhub.errors import NotAllowedError, UsageError
from modelhub.public_hub import COMMUNITY_BUCKET, PUBLIC_BUCKET, PUBLIC_HUB
from modelhub.quick_dataclasses import dataclass

Scope = Literal["anonymous", "licensed", "bucket"]
AWS = PUBLIC_HUB.removesuffix(f"/{PUBLIC_BUCKET}")
LICENSED_REPOSITORIES = ("clinical/models", "clinical/ocr", "finance/models", "legal/models")
_OPEN_PREFIX = "public/"
_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,254}")


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where an object lies in S3, and who may read it.

    Attributes:
        bucket: "" for what lies in no bucket that we know of.
        key: Name of the object in its bucket, without percent signs.
    """

    scope: Scope
    bucket: str = ""
    key: str = ""

    def url_at(self, endpoint: str) -> str:
        """The path-style URL of the object: a bucket with dots needs it, and every look-alike of S3 knows it.

        The path is quoted as SigV4 quotes it; whatever stood there otherwise would have another signature.
        """
        return f"{endpoint}/{self.bucket}/{quote(self.key, safe='/~')}"


def place_of(uri: str) -> Place:
    """Where an ``s3:``, ``https:`` or ``http:`` URI leads, and who reads it.

    Raises:
        UsageError: An ``s3:`` URI without a bucket.
    """
    parts = urlsplit(uri)
    path = unquote(parts.path).lstrip("/")
    if parts.scheme == "s3":
        bucket, key = parts.netloc, path
        if not _BUCKET.fullmatch(bucket):
            raise UsageError("An s3: URI begins with a bucket, and holds no user.", hint="Write s3://bucket/prefix.")
    else:
        bucket, _, key = path.partition("/")
        # A query string is a signature of the user's own, or makes it another resource; neither gets one of ours.
        is_of_hub = uri.startswith(f"{AWS}/") and bucket in (PUBLIC_BUCKET, COMMUNITY_BUCKET) and not parts.query
        if not is_of_hub:
            return Place(scope="anonymous")
    if bucket == COMMUNITY_BUCKET or (bucket == PUBLIC_BUCKET and key.startswith(_OPEN_PREFIX)):
        return Place(scope="anonymous", bucket=bucket, key=key)
    return Place(scope="licensed" if bucket == PUBLIC_BUCKET else "bucket", bucket=bucket, key=key)


def check_still_encrypted(url: str, target: str) -> None:
    """See that a redirect does not lead out of encryption: not even to this machine, nor where plain hubs are allowed.

    Raises:
        NotAllowedError: From ``https:`` to ``http:``.
    """
    if urlsplit(url).scheme == "https" and urlsplit(target).scheme == "http":
        raise NotAllowedError(
            f"{without_secrets(url)} is redirected to {without_secrets(target)}, which is not encrypted.",
            hint="Tell those who run the hub, or name the other place with --hub if you trust it.",
        )


def check_encrypted(url: str, *, allow_http: bool) -> None:
    """See that a URL is encrypted, or may be plain.

    Raises:
        NotAllowedError: ``http:`` to another machine.
    """
    parts = urlsplit(url)
    if parts.scheme == "http" and not (allow_http or is_on_loopback(parts.hostname)):
        raise NotAllowedError(
            f"{without_secrets(url)} is not encrypted, and {parts.hostname} is another machine.",
            hint="Use https:, or set allow_http (MODELHUB_ALLOW_HTTP=1) for a network that you trust.",
        )
