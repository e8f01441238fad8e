"""Whose credentials read from S3: those of a licence, or those that boto3 finds. The only door to boto3.

boto3's own chain is ``AWS_*``, profiles, single sign-on, web identity, and the roles of containers and instances. What
it fails with leaves here as our errors, and without the words of whoever gives credentials: they may hold some.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

from modelhub.disk import disk_errors
from modelhub.errors import ModelHubError, NetworkError, NotAllowedError, UsageError
from modelhub.licences import Licence, parse_licence

if TYPE_CHECKING:
    import boto3

USUAL_REGION = "us-east-1"
_ORIGINS = {
    "env": "environment (AWS_ACCESS_KEY_ID)",
    "assume-role-with-web-identity": "web identity",
    "container-role": "container role",
    "iam-role": "instance role",
}
_PROFILE_KINDS = {
    "shared-credentials-file": "",
    "config-file": "",
    "assume-role": " (role)",
    "custom-process": " (process)",
}
_ASKING_PROVIDERS = ("container-role", "iam-role")


class Reader:
    """Somebody who reads from S3. Holds secrets, and shows none.

    Args:
        origin: Where the credentials come from, for people.
        credentials: Those of botocore; ``None`` for whoever reads anonymously.
        session: Of boto3, which knows about regions and endpoints; none for a licence.
    """

    def __init__(self, origin: str, credentials: Any, session: boto3.Session | None = None) -> None:
        self.origin = origin
        self.is_anonymous = credentials is None
        self._credentials = credentials
        self._session = session
        self._endpoints: dict[str, str] = {}

    @property
    def region(self) -> str:
        """Where a bucket lies as long as nothing else is known."""
        return str(self._session.region_name) if self._session else USUAL_REGION

    def endpoint_in(self, region: str) -> str:
        """Where ``AWS_ENDPOINT_URL_S3``, ``AWS_ENDPOINT_URL`` or a profile have the buckets of a region, or AWS has."""
        assert self._session is not None
        if region not in self._endpoints:
            from botocore import UNSIGNED
            from botocore.config import Config

            with boto_errors():
                client = self._session.client("s3", region_name=region, config=Config(signature_version=UNSIGNED))
            self._endpoints[region] = str(client.meta.endpoint_url).rstrip("/")
        return self._endpoints[region]

    def signed(self, url: str, region: str, lifetime_s: int) -> str:
        """The URL with a signature for GET (SigV4); as it is where there is nobody to sign."""
        if self._credentials is None:
            return url
        from botocore.auth import S3SigV4QueryAuth
        from botocore.awsrequest import AWSRequest

        request = AWSRequest(method="GET", url=url)
        with boto_errors():
            frozen = self._credentials.get_frozen_credentials()
            S3SigV4QueryAuth(frozen, "s3", region, expires=lifetime_s).add_auth(request)
        return str(request.url)


def reader_of_licence(licence: Licence) -> Reader:
    """Whoever holds a licence."""
    from botocore.credentials import Credentials

    keys = Credentials(licence.access_key_id, licence.secret_access_key, licence.session_token or None)
    end = f", which expired on {_end_of(licence)}" if licence.is_expired(time.time()) else ""
    return Reader(f"licence {licence.source}{end}", keys)


def reader_of_chain(profile: str = "", *, is_offline: bool = False) -> Reader:
    """Whoever boto3 finds, in a profile or in its own chain; anonymous where it finds nobody.

    It asks for the role of an instance last, and waits for it two seconds at most.

    Args:
        profile: Of AWS; "" for the chain.
        is_offline: Whether nobody is asked over a network, not even for such a role.

    Raises:
        UsageError: There is no such profile, or a file of AWS cannot be read.
        NotAllowedError: The profile holds no credentials, or whoever gives them refuses.
        NetworkError: Whoever gives them cannot be reached.
    """
    import boto3
    import botocore.session
    from botocore.config import Config

    core = botocore.session.Session(profile=profile or None)
    # For the services that exchange a token for credentials, where botocore would wait for minutes.
    core.set_default_client_config(Config(connect_timeout=5, read_timeout=10, retries={"total_max_attempts": 2}))
    with boto_errors():
        for provider in _ASKING_PROVIDERS if is_offline else ():
            core.get_component("credential_provider").remove(provider)
        # Without a region no token can be exchanged, and some have none: any will do.
        region = core.get_config_variable("region") or USUAL_REGION
        session = boto3.Session(botocore_session=core, region_name=region)
        credentials = session.get_credentials()
    if profile and credentials is None:
        raise NotAllowedError(f"The profile {profile} holds no credentials.", hint=f"aws configure --profile {profile}")
    origin = _origin_of(credentials.method, session.profile_name) if credentials else "anonymous"
    return Reader(origin, credentials, session)


def _origin_of(method: str, profile: str) -> str:
    return _ORIGINS.get(method) or f"profile {profile}{_PROFILE_KINDS.get(method, f' ({method})')}"


def read_licence(path: Path) -> Licence:
    """The licence in a file.

    Raises:
        UsageError: There is no such file, or it is no licence.
        StorageError: It cannot be read.
    """
    if not path.is_file():
        raise UsageError(f"There is no licence {_shown(path)}.", hint="Check --license and MODELHUB_LICENSE.")
    with disk_errors(f"The licence {_shown(path)} cannot be read", hint="Check its permissions."):
        text = path.read_text(encoding="utf-8", errors="replace")
    return parse_licence(text, source=_shown(path))


def _changed_s(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:  # a link that leads nowhere
        return 0.0


def newest_licence(folder: Path) -> tuple[Licence | None, str]:
    """The newest licence of a folder that can be used; where there is none, what is wrong with the newest."""
    problems = []
    for path in sorted(folder.glob("*.json"), key=_changed_s, reverse=True):
        try:
            licence = read_licence(path)
        except ModelHubError as exc:
            problems.append(exc.message)
            continue
        if not licence.is_expired(time.time()):
            return licence, ""
        problems.append(f"The licence {licence.source} expired on {_end_of(licence)}.")
    return None, problems[0] if problems else ""


def _shown(path: Path) -> str:
    return f"~/{path.relative_to(Path.home())}" if path.is_relative_to(Path.home()) else str(path)


def _end_of(licence: Licence) -> str:
    return datetime.fromtimestamp(licence.expires_s or 0, timezone.utc).date().isoformat()


@contextmanager
def boto_errors() -> Iterator[None]:
    """The one door through which failures of boto3 leave as ours.

    Raises:
        UsageError: A setting of AWS makes no sense.
        NotAllowedError: There are no credentials where there should be some.
        NetworkError: Whoever gives them cannot be reached.
    """
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except (BotoCoreError, ClientError, OSError, ValueError) as exc:
        raise _explained(exc) from None  # the words of a program that gives credentials stay out of tracebacks, too


def _explained(exc: Exception) -> ModelHubError:
    """What is wrong with the credentials or the settings of AWS, and what to do about it."""
    from botocore import exceptions

    told: Mapping[str, Any] = getattr(exc, "kwargs", {})
    if isinstance(exc, exceptions.ProfileNotFound):
        hint = "aws configure list-profiles names those that there are; --profile and AWS_PROFILE choose one."
        return UsageError(f"There is no profile {told.get('profile')} of AWS.", hint=hint)
    if isinstance(exc, exceptions.ConfigParseError):
        return UsageError(f"{told.get('path')} is no configuration of AWS that can be read.", hint="Correct it.")
    if isinstance(exc, exceptions.InvalidRegionError):
        return UsageError(
            f"{told.get('region_name')!r} is no region of AWS.", hint="Check AWS_DEFAULT_REGION and the profile."
        )
    if isinstance(exc, exceptions.PartialCredentialsError):
        missing = f"{told.get('cred_var')} is missing ({told.get('provider')})"
        return NotAllowedError(f"The credentials of AWS are not whole: {missing}.", hint="Set it, or unset the others.")
    if isinstance(exc, (exceptions.SSOError, exceptions.TokenRetrievalError)):
        return NotAllowedError("The single sign-on of AWS has ended, or never was.", hint="aws sso login")
    if isinstance(exc, (exceptions.ConnectionError, exceptions.HTTPClientError)):
        what = f"Who gives the credentials of AWS cannot be reached ({type(exc).__name__})."
        return NetworkError(what, hint="Check the network, or name other credentials with --profile.")
    reason = type(exc).__name__
    if isinstance(exc, exceptions.ClientError):
        reason = str(exc.response.get("Error", {}).get("Code", reason))
    elif isinstance(exc, OSError) and exc.filename:
        reason = f"{exc.filename}: {exc.strerror}"
    return NotAllowedError(
        f"The credentials of AWS cannot be had ({reason}).", hint="aws sts get-caller-identity tells more about them."
    )
