"""Licences of John Snow Labs: JSON files that hold keys of AWS for the licensed repositories.

A file is flat: ``AWS_ACCESS_KEY_ID``, ``AWS_SECRET_ACCESS_KEY`` and sometimes ``AWS_SESSION_TOKEN``, beside licence
tokens (``SPARK_NLP_LICENSE``, …), ``SECRET`` and versions. No secret leaves a licence in a ``repr`` or in an error.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import field
from typing import Any

from modelhub.errors import UsageError
from modelhub.quick_dataclasses import dataclass

_KEY_ID, _SECRET, _TOKEN = "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"
_CREDENTIAL = re.compile(r"[\x21-\x7e]+")
_YEAR_9999_S = 253_370_764_800  # what comes later is no date in Python
_RENEW = "Download the licence anew from my.johnsnowlabs.com."


@dataclass(frozen=True, kw_only=True)
class Licence:
    """The keys of one licence.

    Attributes:
        source: Where it was read.
        fields: Names of what else it holds, such as ``SPARK_NLP_LICENSE``.
        expires_s: When the last of its licence tokens ends, in seconds since 1970; ``None`` where none of them tells.
    """

    source: str
    access_key_id: str = field(repr=False)
    secret_access_key: str = field(repr=False)
    session_token: str = field(default="", repr=False)
    fields: tuple[str, ...] = ()
    expires_s: int | None = None

    def is_expired(self, now_s: float) -> bool:
        """Whether all of its licence tokens have ended."""
        return self.expires_s is not None and self.expires_s <= now_s


def parse_licence(text: str, *, source: str) -> Licence:
    """Read a licence; the names of its fields may be in either case.

    Raises:
        UsageError: It is none, or it holds no keys of AWS.
    """
    values = _read_fields(text, source)
    for name in (_KEY_ID, _SECRET):
        if not values.get(name):
            raise UsageError(f"{source} is no licence that can read models: it holds no {name}.", hint=_RENEW)
    for name in (_KEY_ID, _SECRET, _TOKEN):
        if values.get(name) and not _CREDENTIAL.fullmatch(values[name]):
            raise UsageError(f"{source}: {name} holds characters that no key has.", hint=_RENEW)
    others = sorted(values.keys() - {_KEY_ID, _SECRET, _TOKEN})
    return Licence(
        source=source,
        access_key_id=values[_KEY_ID],
        secret_access_key=values[_SECRET],
        session_token=values.get(_TOKEN, ""),
        fields=tuple(others),
        expires_s=_latest_end(values[name] for name in others if name.endswith("LICENSE")),
    )


def _read_fields(text: str, source: str) -> Mapping[str, str]:
    """The fields that hold text, by their names in capitals."""
    try:
        content = json.loads(text.removeprefix("\ufeff"))
    except json.JSONDecodeError as exc:
        # Not "from exc": what could not be read stays out of every traceback.
        raise UsageError(f"{source} is no JSON (line {exc.lineno}: {exc.msg}).", hint=_RENEW) from None
    except RecursionError:
        raise UsageError(f"{source} is no licence: it is nested too deeply.", hint=_RENEW) from None
    except ValueError:
        raise UsageError(f"{source} is no licence: it holds a number of thousands of digits.", hint=_RENEW) from None
    if not isinstance(content, dict):
        raise UsageError(f"{source} is no licence: it holds no names and values.", hint=_RENEW)
    return {name.strip().upper(): value.strip() for name, value in content.items() if isinstance(value, str)}


def _latest_end(tokens: Iterable[str]) -> int | None:
    return max((end for end in map(_end_of, tokens) if end is not None), default=None)


def _end_of(token: str) -> int | None:
    """The time at which a licence token (a JWT, whose signature is not ours to check) ends, if it tells."""
    payload = (token.split(".") + [""])[1]
    try:
        claims: Any = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    except (ValueError, RecursionError):
        return None
    end = claims.get("exp") if isinstance(claims, dict) else None
    return int(end) if isinstance(end, (int, float)) and 0 <= end < _YEAR_9999_S else None
