"""The URLs to GET objects with, signed where an object needs it.

:mod:`modelhub.scopes` tells who may read an object. Whose credentials that needs is decided once for all objects of a
scope, and only when the first of their URLs is asked for:

============  ==========================================================================================================
``licensed``  the licence of the settings, the profile of the settings, the newest valid licence in
              ``~/.johnsnowlabs/licenses``, then boto3's own chain
``bucket``    the profile of the settings, then boto3's own chain; anonymously where that finds nothing
============  ==========================================================================================================

A signed URL is path style, for GET alone, and leads to AWS or to the endpoint of the settings, never to a host that an
answer names. Those of other objects cost nothing: boto3 is not even imported.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from dataclasses import field
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from modelhub.artifacts import without_secrets
from modelhub.errors import NotAllowedError, UsageError
from modelhub.quick_dataclasses import dataclass
from modelhub.scopes import AWS, Place, Scope, check_encrypted, place_of

if TYPE_CHECKING:
    from modelhub.credentials import Reader

_LIFETIME_S = 3600
# boto3 renews a role's credentials 10 to 15 minutes before they end. A URL that is never older than 5 minutes when it
# is asked for ends neither with them nor by itself.
_FRESH_PART = 1 / 12
_ELSEWHERE = (301, 307, 308, 400)


class Address:
    """One object, and how it is asked for; several threads may use it at once. This kind anybody may read.

    Attributes:
        uri: The object for people, without secrets.
    """

    def __init__(self, uri: str, url: str) -> None:
        self.uri = without_secrets(uri)
        self._url = url

    @property
    def is_signed(self) -> bool:
        """Whether credentials are shown.

        Raises:
            ModelHubError: As :meth:`url`.
        """
        return False

    @property
    def origin(self) -> str:
        """Which credentials: ``anonymous``, ``licence FILE``, ``profile NAME``, ``instance role``, ….

        Raises:
            ModelHubError: As :meth:`url`.
        """
        return "anonymous"

    def url(self) -> str:
        """What to GET now.

        Raises:
            NotAllowedError: It needs credentials, and there are none, or they cannot be had.
            UsageError: A licence, a profile or an endpoint of the settings is none.
            NetworkError: Whoever gives the credentials cannot be reached.
            StorageError: A licence cannot be read.
        """
        return self._url

    def changed_after(self, status: int, headers: Mapping[str, str], body: bytes, *, url: str) -> bool:
        """Whether :meth:`url` is another one after a refusal, and so worth one more try; never yes for ever.

        Args:
            status: Of the answer.
            headers: Of the answer.
            body: Of the answer, or its beginning.
            url: What was refused. Another request may have changed it since that was asked for.

        Raises:
            ModelHubError: As :meth:`url`.
        """
        return False


class Signer:
    """Knows who reads what, and signs.

    Args:
        license: Licence file of the settings.
        profile: Profile of AWS of the settings, or "".
        endpoint: Where ``s3:`` hubs are; "" for AWS, or where boto3's own settings say.
        allow_http: Whether ``http:`` is taken from other hosts than this machine.
        is_offline: Whether nobody is asked over a network for credentials.
        lifetime_s: How long a signature is good.
    """

    def __init__(
        self,
        *,
        license: Path | None = None,
        profile: str = "",
        endpoint: str = "",
        allow_http: bool = False,
        is_offline: bool = False,
        lifetime_s: int = _LIFETIME_S,
    ) -> None:
        self._license = license
        self._profile = profile
        self._endpoint = endpoint
        self._allow_http = allow_http
        self._is_offline = is_offline
        self._lifetime_s = lifetime_s
        self._fresh_s = lifetime_s * _FRESH_PART
        self._lock = threading.RLock()
        self._readers: dict[Scope, Reader] = {}
        self._searched_s: dict[Scope, float] = {}
        self._regions: dict[str, str] = {}
        self._licence_problem = ""

    def address(self, uri: str) -> Address:
        """The address of an object; nothing is asked yet.

        Raises:
            UsageError: An ``s3:`` URI without a bucket.
        """
        place = place_of(uri)
        if place.scope != "anonymous":
            return _SignedAddress(uri, place, self)
        return Address(uri, place.url_at(AWS) if uri.startswith("s3:") else uri)

    def reader(self, scope: Scope) -> Reader:
        """Who reads the objects of a scope.

        Raises:
            ModelHubError: As :meth:`Address.url`.
        """
        with self._lock:
            if scope not in self._readers:
                self._searched_s[scope] = time.time()
                self._readers[scope] = self._find_reader(scope)
            reader = self._readers[scope]
        if scope == "licensed" and reader.is_anonymous:
            raise NotAllowedError(
                f"The licensed repositories need credentials, and there are none. {self._licence_problem}".rstrip(),
                hint="Name your licence with --license FILE, or put it into ~/.johnsnowlabs/licenses.",
            )
        return reader

    def renewed(self, place: Place, url: SignedUrl | None) -> SignedUrl:
        """The URL of an object: the one that was there before, as long as it is fresh and nothing better is known.

        Raises:
            ModelHubError: As :meth:`Address.url`.
        """
        with self._lock:
            reader = self.reader(place.scope)
            region = self._region_of(place, reader)
            now_s = time.time()
            # The clock of the wall, either way: a laptop that slept has an old signature.
            is_fresh = url is not None and abs(now_s - url.signed_s) <= self._fresh_s
            if url and is_fresh and (url.reader, url.region) == (reader, region):
                return url
            plain = place.url_at(self._endpoint_of(place, reader, region))
            return SignedUrl(
                text=reader.signed(plain, region, self._lifetime_s), reader=reader, region=region, signed_s=now_s
            )

    def renew_reader(self, scope: Scope) -> None:
        """Look for credentials anew, because those in use have expired, unless that was done just now.

        Raises:
            ModelHubError: As :meth:`Address.url`.
        """
        with self._lock:
            if time.time() - self._searched_s.get(scope, 0.0) > self._fresh_s:
                self._readers.pop(scope, None)
                self.reader(scope)

    def learn_region(self, place: Place, region: str) -> None:
        """Remember where a bucket lies. It moves only once, so that no two servers can play ball with us."""
        with self._lock:
            self._regions.setdefault(place.bucket, region)

    def _region_of(self, place: Place, reader: Reader) -> str:
        from modelhub.credentials import USUAL_REGION

        if place.scope == "licensed":
            return USUAL_REGION
        return self._regions.get(place.bucket) or reader.region

    def _endpoint_of(self, place: Place, reader: Reader, region: str) -> str:
        if place.scope == "licensed":
            return AWS
        endpoint = _checked_endpoint(self._endpoint) if self._endpoint else reader.endpoint_in(region)
        check_encrypted(endpoint, allow_http=self._allow_http)
        return endpoint

    def _find_reader(self, scope: Scope) -> Reader:
        # boto3 takes 0.2 s and more to import, and a public hub needs none of it.
        from modelhub.credentials import newest_licence, read_licence, reader_of_chain, reader_of_licence

        if scope == "licensed" and self._license:
            return reader_of_licence(read_licence(self._license))
        if scope == "licensed" and not self._profile:
            licence, self._licence_problem = newest_licence(Path.home() / ".johnsnowlabs" / "licenses")
            if licence:
                return reader_of_licence(licence)
        return reader_of_chain(self._profile, is_offline=self._is_offline)


@dataclass(frozen=True, kw_only=True)
class SignedUrl:
    """A URL, and what it was made of."""

    text: str = field(repr=False)
    reader: Reader
    region: str
    signed_s: float


class _SignedAddress(Address):
    """An object that is read with credentials, if there are some."""

    def __init__(self, uri: str, place: Place, signer: Signer) -> None:
        super().__init__(uri, "")
        self._place = place
        self._signer = signer
        self._lock = threading.Lock()
        self._signed: SignedUrl | None = None

    @property
    def is_signed(self) -> bool:
        return not self._signer.reader(self._place.scope).is_anonymous

    @property
    def origin(self) -> str:
        return self._signer.reader(self._place.scope).origin

    def url(self) -> str:
        with self._lock:
            self._signed = self._signer.renewed(self._place, self._signed)
            return self._signed.text

    def changed_after(self, status: int, headers: Mapping[str, str], body: bytes, *, url: str) -> bool:
        from modelhub.refusals import S3Error  # only where something was refused

        error = S3Error.parse(body, headers)
        if status in _ELSEWHERE and error.region:
            self._signer.learn_region(self._place, error.region)
        elif error.is_expired_token:
            self._signer.renew_reader(self._place.scope)
        elif not error.is_expired_signature:
            return False
        return self.url() != url


def _checked_endpoint(endpoint: str) -> str:
    """The endpoint of the settings, if it is one. What is none is not quoted: it may hold a password."""
    try:
        parts = urlsplit(endpoint)
        is_one = parts.scheme in ("http", "https") and parts.hostname and not (parts.query or parts.fragment)
    except ValueError:
        is_one = False
    if not is_one or "@" in endpoint:
        raise UsageError("The endpoint is no URL of a server.", hint="Write https://host:port, without a user.")
    return endpoint.rstrip("/")
