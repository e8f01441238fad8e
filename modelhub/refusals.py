"""Why a hub refuses an object, and what to do about it.

S3 answers 403 for what does not exist where listing is forbidden, a proxy answers with a page of its own, and a wrong
clock looks like a wrong key. The status, the body and the headers of an answer tell more than the status alone. What
comes from outside is quoted only where it cannot hold a credential: never a URL, a message or a string to sign.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from urllib.parse import urlsplit

from modelhub.errors import ModelHubError, NetworkError, NotAllowedError, NotFoundError
from modelhub.quick_dataclasses import dataclass
from modelhub.scopes import AWS, Place, place_of

_READ_BYTES = 64 << 10
_TITLE_CHARACTERS = 80
_AUTH = "modelhub auth shows which credentials are used for what."
_LICENCE = "Name your licence with --license FILE, or download it anew from my.johnsnowlabs.com. " + _AUTH
_OWNER = f"Ask the bucket's owner. {_AUTH}"
_CLOCK = "Set this machine's clock (timedatectl set-ntp true), and run the same command again."
_AS_S3 = "Credentials are shown to s3: hubs only: name this one as s3://bucket/prefix, with --endpoint."
_UPDATE = "modelhub update brings the newest list."
_ALIKE = "S3 does not tell them apart where listing is forbidden"
_REDIRECTING = ("PermanentRedirect", "TemporaryRedirect", "AuthorizationHeaderMalformed")
_REDIRECTING_WITH_REGION = ("AuthorizationQueryParametersError", "IllegalLocationConstraintException")
# What S3, MinIO and Ceph call the faults that are plain; the rest of the sentence and the hint are ours.
_BY_CODE = {
    "InvalidAccessKeyId": "its server does not know the access key",
    "SignatureDoesNotMatch": "the secret key does not belong to the access key, or something on the way changes URLs",
    "ExpiredToken": "the credentials have expired",
    "InvalidToken": "the session token is not valid, or belongs to another access key",
    "TokenRefreshRequired": "the session token has to be renewed",
    "InvalidObjectState": "it lies in an archive (Glacier), from which its owner has to restore it first",
    "AllAccessDisabled": "its owner has closed the bucket",
    "AccountProblem": "something is wrong with the account of AWS",
    "RequestTimeTooSkewed": "this machine's clock is wrong",
}


@dataclass(frozen=True, kw_only=True)
class S3Error:
    """What the XML of an S3 error says.

    Attributes:
        code: Its name, such as ``AccessDenied``; "" where the body is no such XML.
        message: For deciding, never for showing: it may quote a key or a policy.
        region: Where the bucket lies, if the answer tells.
    """

    code: str = ""
    message: str = ""
    region: str = ""

    @classmethod
    def parse(cls, body: bytes, headers: Mapping[str, str]) -> S3Error:
        """Read an answer's body and headers."""
        region = _header(headers, "x-amz-bucket-region") or _element(body, "Region")
        # Of an endpoint only its region counts: what an answer names as a host gets no credentials of ours.
        of_endpoint = re.search(r"\bs3[.-]([a-z0-9-]+)\.amazonaws\.com", _element(body, "Endpoint"))
        region = region or (of_endpoint[1] if of_endpoint else "")
        return cls(
            code=_element(body, "Code") if re.fullmatch(r"[A-Za-z0-9.]{1,80}", _element(body, "Code")) else "",
            message=_element(body, "Message"),
            region=region if re.fullmatch(r"[a-z0-9-]{1,40}", region) else "",
        )

    @property
    def is_elsewhere(self) -> bool:
        """Whether the bucket lies in another region than the one that was asked."""
        return self.code in _REDIRECTING or (bool(self.region) and self.code in _REDIRECTING_WITH_REGION)

    @property
    def is_expired_token(self) -> bool:
        """Whether newer credentials would help."""
        return self.code in ("ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired")

    @property
    def is_expired_signature(self) -> bool:
        """Whether a newer signature would help, or a clock that is right."""
        return self.code == "AccessDenied" and "has expired" in self.message

    @property
    def is_wrong_clock(self) -> bool:
        """Whether only a clock that is right would help."""
        is_early = self.code == "AccessDenied" and bool(re.search("not (yet )?valid", self.message))
        return self.code == "RequestTimeTooSkewed" or is_early


def explain_refusal(
    uri: str, status: int, body: bytes, headers: Mapping[str, str], *, is_signed: bool
) -> ModelHubError:
    """The error for an answer that brings no object.

    Args:
        uri: What was asked for, without secrets.
        status: Of the answer.
        body: Of the answer, or its beginning.
        headers: Of the answer; their names may be in any case.
        is_signed: Whether credentials were shown.
    """
    error = S3Error.parse(body, headers)
    if status in (404, 410):
        return _absent(uri, status, error)
    named = f", {error.code}" if error.code else ""
    refused = f"{uri} is refused (HTTP {status}{named}): "
    if error.code:
        what, hint = _reason(place_of(uri), error, body, headers, is_signed=is_signed)
        return NotAllowedError(f"{refused}{what}.", hint=hint)
    if status not in (401, 403):
        return NetworkError(f"{uri} answered HTTP {status}.", hint="Try again later.", uri=uri, status=status)
    if _is_page(body, headers):
        what, hint = _reason_of_page(uri, status, body)
    else:
        what, hint = _reason_without_words(place_of(uri), status, is_signed=is_signed)
    return NotAllowedError(f"{refused}{what}.", hint=hint)


def _absent(uri: str, status: int, error: S3Error) -> NotFoundError:
    if error.code == "NoSuchBucket":
        return NotFoundError(
            f"{uri} does not exist (HTTP {status}): there is no such bucket.",
            hint="Check MODELHUB_HUB, and MODELHUB_ENDPOINT where the bucket is not one of AWS.",
        )
    return NotFoundError(f"{uri} does not exist (HTTP {status}).", hint=_UPDATE)


def _reason(
    place: Place, error: S3Error, body: bytes, headers: Mapping[str, str], *, is_signed: bool
) -> tuple[str, str]:
    """Why S3, or what speaks like it, refuses, and what to do."""
    if error.is_elsewhere:
        where = f"the region {error.region}" if error.region else "another region"
        hint = f"Set AWS_DEFAULT_REGION={error.region}." if error.region else "Set AWS_DEFAULT_REGION to it."
        return f"its bucket lies in {where}", hint
    if error.is_expired_signature or error.is_wrong_clock:
        return _reason_of_clock(error, body, headers, is_signed=is_signed)
    code = error.code.removesuffix("Exception")
    if code in _BY_CODE:
        return _BY_CODE[code], _hint_to(code, place)
    if error.code == "AccessDenied":
        return _reason_of_denial(place, error, is_signed=is_signed)
    return "its server gives no other reason", _AUTH


def _hint_to(code: str, place: Place) -> str:
    if code in ("InvalidObjectState", "AllAccessDisabled"):
        return _OWNER
    if place.scope == "licensed":
        return _LICENCE
    if "Token" in code:
        return f"Renew the credentials (aws sso login, …). {_AUTH}"
    return f"Check the access key, its secret, and MODELHUB_ENDPOINT. {_AUTH}"


def _reason_of_denial(place: Place, error: S3Error, *, is_signed: bool) -> tuple[str, str]:
    """Why somebody whom S3 knows, or nobody in particular, may not read an object."""
    if place.scope == "anonymous" and place.bucket:
        return "most likely it does not exist (S3 says the same of what it does not show)", _UPDATE
    # S3 asks for the right to list only after it has not found an object.
    if "s3:ListBucket" in error.message:
        return "most likely it does not exist (the credentials may read it, but not list the bucket)", _UPDATE
    if "explicit deny" in error.message:
        return "a policy forbids it to these credentials", _OWNER
    if not is_signed:
        hint = {"licensed": _LICENCE, "bucket": f"Name a profile with --profile NAME. {_AUTH}"}.get(place.scope, _AS_S3)
        return "it needs credentials, or it does not exist (S3 does not tell them apart)", hint
    if place.scope == "licensed":
        return "the licence does not cover it, or it does not exist (S3 does not tell them apart)", _LICENCE
    return f"the credentials may not read it, or it does not exist ({_ALIKE})", _OWNER


def _reason_of_clock(error: S3Error, body: bytes, headers: Mapping[str, str], *, is_signed: bool) -> tuple[str, str]:
    """By how much this machine's clock is wrong, as far as it can be told from when the request was signed."""
    theirs = _time_of(_element(body, "ServerTime")) or _time_of(_header(headers, "date"))
    ours = _time_of(_element(body, "RequestTime")) or _time_of_signing(body)
    if error.is_expired_signature and not is_signed:
        return "the signature in the URI has expired", "Ask for a new URI where you had this one from."
    if not ours or not theirs:
        return "this machine's clock is wrong", _CLOCK
    way = "behind" if ours < theirs else "ahead of"
    return f"this machine's clock is {_duration(abs(theirs - ours))} {way} the server's", _CLOCK


def _time_of_signing(body: bytes) -> datetime | None:
    """When a signature was made that has expired."""
    end, lifetime_s = _time_of(_element(body, "Expires")), _element(body, "X-Amz-Expires")
    try:
        return end - timedelta(seconds=int(lifetime_s)) if end else None
    except (ValueError, OverflowError):
        return None


def _reason_of_page(uri: str, status: int, body: bytes) -> tuple[str, str]:
    """What a page of HTML means where an object was asked for."""
    title = " ".join(_element(body, "title").split())[:_TITLE_CHARACTERS]
    # A page may repeat the URL, signature and all.
    quoted = f' ("{title}")' if title and not re.search(r"://|X-Amz|[?&]\w+=", title, re.IGNORECASE) else ""
    if uri.startswith(f"{AWS}/"):
        host = urlsplit(uri).hostname
        hint = f"Ask your network's administrators to let {host} pass, or use a mirror with --hub URI."
        return f"the answer is a web page{quoted}, which S3 never sends: a proxy or a firewall stands between", hint
    if status == 401:
        return f"its server asks for a user and a password{quoted}", "Put them into ~/.netrc."
    return f"the answer is a web page{quoted}, of its server or of a proxy between", "Check MODELHUB_HUB and ~/.netrc."


def _reason_without_words(place: Place, status: int, *, is_signed: bool) -> tuple[str, str]:
    """What a bare status means."""
    if status == 401:
        return "its server asks for a user and a password", "Put them into ~/.netrc."
    if place.bucket:
        return _reason_of_denial(place, S3Error(), is_signed=is_signed)
    return (
        "it is licensed, or it does not exist (S3 does not tell them apart)",
        "Open models lie in public/models; licensed ones need the credentials of your licence.",
    )


def _is_page(body: bytes, headers: Mapping[str, str]) -> bool:
    text = body[:_READ_BYTES].strip().lower()
    is_called_so = bool(text) and "html" in _header(headers, "content-type").lower()
    return is_called_so or text.startswith((b"<!doctype html", b"<html"))


def _element(body: bytes, name: str) -> str:
    """The text of the first element of that name; no parser, which untrusted XML could keep busy.

    Attributes end before the next tag, and soon: else a body of nothing but beginnings would be read once for each.
    """
    match = re.search(rf"<{name}(?: [^<>]{{0,200}})?>([^<]*)</{name}>".encode(), body[:_READ_BYTES])
    return match[1].decode("utf-8", errors="replace").strip() if match else ""


def _header(headers: Mapping[str, str], name: str) -> str:
    return next((value for key, value in headers.items() if key.lower() == name), "")


def _time_of(text: str) -> datetime | None:
    """A time as S3's XML has it, or a ``Date`` header."""
    for form in ("%Y-%m-%dT%H:%M:%SZ", "%Y%m%dT%H%M%SZ", "%Y-%m-%dT%H:%M:%S.%fZ"):
        try:
            return datetime.strptime(text, form).replace(tzinfo=timezone.utc)
        except ValueError:
            continue
    from email.utils import parsedate_to_datetime  # 10 ms that only a wrong clock pays

    try:
        time = parsedate_to_datetime(text)
    except (TypeError, ValueError, OverflowError):
        return None
    return time if time.tzinfo else time.replace(tzinfo=timezone.utc)


def _duration(difference: timedelta) -> str:
    minutes = round(difference.total_seconds() / 60)
    if minutes < 2:
        return f"{difference.total_seconds():.0f} s"
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h {minutes % 60} min"
