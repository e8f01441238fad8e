"""Keys and artifacts: what a published zip is called, and what is known of it.

Grammar of a key, read from its right end because a name may hold ``_`` anywhere (``name__en``) and a language never
does (it may be empty)::

    key = name "_" language "_" lib_version "_" spark_version "_" millis
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone
from typing import Any
from urllib.parse import quote, unquote, urlsplit, urlunsplit

from modelhub.errors import UsageError
from modelhub.public_hub import COMMUNITY_BUCKET, PUBLIC_BUCKET, PUBLIC_REPOSITORY
from modelhub.quick_dataclasses import dataclass
from modelhub.versions import Version

# A key names a folder of the cache, stands in messages, and a hub's list may say anything. So it has no separator, no
# control character, nothing that turns the direction of a line (Trojan Source) or breaks it, no half of a character.
_FORBIDDEN = r"/\\\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff"
_VERSION = r"[0-9]{1,9}(?:\.[0-9]{1,9})*"
_KEY = re.compile(rf"([^{_FORBIDDEN}]+)_([^_{_FORBIDDEN}]*)_({_VERSION})_({_VERSION})_([0-9]{{1,30}})")
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
USUAL_MILLIS_DIGITS = 13


@dataclass(frozen=True, order=True)
class ArtifactKey:
    """``name_language_libVersion_sparkVersion_millis``: the name of a zip and of its folder in the cache.

    The parts are kept as written, so that ``str(ArtifactKey.parse(text)) == text`` for every key.
    """

    name: str
    language: str
    lib_version: str
    spark_version: str
    millis: str

    @classmethod
    def parse(cls, text: str) -> ArtifactKey:
        """Read a key, with or without ``.zip``.

        Raises:
            UsageError: The text is no key.
        """
        match = _KEY.fullmatch(text.removesuffix(".zip"))
        if match is None:
            raise UsageError(f"{text!r} is not a key: name_language_libVersion_sparkVersion_millis.")
        return cls(*match.groups())

    @property
    def built_ms(self) -> int:
        """When the artifact was built, in milliseconds since 1970 (UTC)."""
        return int(self.millis)

    def __str__(self) -> str:
        return f"{self.name}_{self.language}_{self.lib_version}_{self.spark_version}_{self.millis}"


@dataclass(frozen=True)
class ArtifactLocation:
    """Where a published zip lies: bucket, repository (the prefix) and key."""

    bucket: str
    prefix: str
    key: ArtifactKey

    @classmethod
    def parse(cls, uri: str) -> ArtifactLocation:
        """Read an ``s3:`` or path-style ``https:`` URI of a zip on the public hub.

        Raises:
            UsageError: The URI does not name a zip in a bucket, or the zip's name is no key.
        """
        try:
            parts = urlsplit(uri.strip())
        except ValueError as exc:
            raise UsageError(f"{uri!r} is not a URI: {exc}.") from exc
        path = unquote(parts.path)
        if parts.scheme == "s3" and parts.netloc:
            bucket, path = parts.netloc, path.lstrip("/")
        elif parts.scheme == "https" and parts.netloc == "s3.amazonaws.com":
            bucket, _, path = path.lstrip("/").partition("/")
        else:
            raise UsageError(f"{uri!r} is not a URI of a published zip.")
        prefix, _, file_name = path.rpartition("/")
        if not file_name.endswith(".zip") or not prefix or ".." in prefix.split("/"):
            raise UsageError(f"{uri!r} does not name a zip in a repository.")
        return cls(bucket, prefix, ArtifactKey.parse(file_name))

    @property
    def repository(self) -> str:
        """The repository in our words: a prefix of the public bucket, ``@user``, or another bucket's full prefix."""
        if self.bucket == PUBLIC_BUCKET:
            return self.prefix
        if self.bucket == COMMUNITY_BUCKET:
            return f"@{self.prefix}"
        return f"s3://{self.bucket}/{self.prefix}"


def folder_uri_of(repository: str) -> str:
    """The canonical URI of a repository: ``s3:``, or that of the folder which a foreign zip was named by."""
    if "://" in repository:
        return repository
    bucket = COMMUNITY_BUCKET if repository.startswith("@") else PUBLIC_BUCKET
    return f"s3://{bucket}/{repository.removeprefix('@')}"


def s3_uri_of(repository: str, key: ArtifactKey) -> str:
    """The canonical URI of an artifact; inverse of :meth:`ArtifactLocation.parse`."""
    return f"{folder_uri_of(repository)}/{key}.zip"


def https_uri_of(s3_uri: str) -> str:
    """The anonymous path-style ``https:`` spelling of an ``s3:`` URI (a bucket with dots needs path style)."""
    return f"https://s3.amazonaws.com/{s3_uri.removeprefix('s3://')}"


def join_uri(hub: str, *parts: str) -> str:
    """A URI below a hub; the parts are quoted as a path needs it."""
    return "/".join([hub.rstrip("/"), *(quote(part, safe="/@:+,;=!$&'()*~") for part in parts)])


def without_secrets(uri: str) -> str:
    """A URI as it may be shown: without user, password and query string, which may be a signature."""
    parts = urlsplit(uri)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


@dataclass(frozen=True, kw_only=True)
class Artifact:
    """One published zip and what is known of it. Its ``to_dict`` is the artifact of every JSON answer.

    Attributes:
        key: Its key; name, language, versions and time come from it, never from a card (README, "Design").
        repository: ``public/models``, ``clinical/models``, ``@user`` for community models, or a foreign prefix.
        uri: Where it is read; set by the hub that reads it.
        size_bytes: Size of the zip; exact only if ``size_exact``, else what the card says.
        is_ready: ``readyToUse`` of ``metadata.json``.
        is_listed: Whether the hub's ``metadata.json`` lists it; true where no such list is known.
        checksum: MD5 in hex of ``metadata.json``, or "".
        position: Line in ``metadata.json``, or 0; decides between equal candidates as in Spark NLP.
    """

    key: ArtifactKey
    repository: str = PUBLIC_REPOSITORY
    uri: str = ""
    size_bytes: int | None = None
    size_exact: bool = False
    engine: str = ""
    annotator: str = ""
    is_ready: bool = True
    is_listed: bool = True
    checksum: str = ""
    position: int = 0

    @property
    def name(self) -> str:
        """The model's name."""
        return self.key.name

    @property
    def language(self) -> str:
        """The language code, or ""."""
        return self.key.language

    @property
    def lib_version(self) -> Version:
        """The version of Spark NLP that it was built with."""
        return Version(self.key.lib_version)

    @property
    def spark_version(self) -> Version:
        """The version of Spark that it was built with."""
        return Version(self.key.spark_version)

    @property
    def built_ms(self) -> int:
        """When it was built, in milliseconds since 1970 (UTC)."""
        return self.key.built_ms

    @property
    def s3_uri(self) -> str:
        """Its canonical URI, whatever hub it is read from."""
        return s3_uri_of(self.repository, self.key)

    @property
    def reference(self) -> str:
        """The canonical text that names its model: ``name:lang``, with the repository where it is not the default."""
        prefix = "" if self.repository == PUBLIC_REPOSITORY else f"{self.repository}/"
        return f"{prefix}{self.name}:{self.language}"

    def to_dict(self) -> dict[str, Any]:
        """The artifact as it stands in every JSON answer."""
        return {
            "key": str(self.key),
            "name": self.name,
            "language": self.language,
            "lib_version": self.key.lib_version,
            "spark_version": self.key.spark_version,
            "built_ms": json_int(self.built_ms),
            "built": built_text(self.built_ms),
            "repository": self.repository,
            "uri": self.uri,
            "s3_uri": self.s3_uri,
            "size_bytes": self.size_bytes,
            "size_exact": self.size_exact,
            "engine": self.engine,
            "annotator": self.annotator,
            "ready": self.is_ready,
            "checksum": self.checksum,
        }


def json_int(value: int) -> int | str:
    """The number itself, or its text where a JSON reader with 64-bit numbers would lose digits."""
    return value if value < 2**53 else str(value)


def day_of(date: str, built_ms: int) -> str:
    """The day of an artifact, ``YYYY-MM-DD``: its card's, or that of its build where no card tells one."""
    return date or built_text(built_ms)


def built_text(built_ms: int) -> str:
    """The date of a build as ``YYYY-MM-DD``, or "" where the millis are no real time (one real key has 23 digits)."""
    try:
        return (_EPOCH + timedelta(milliseconds=built_ms)).date().isoformat()
    except OverflowError:
        return ""
