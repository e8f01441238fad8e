"""Which credentials read which repository, and whether the hub takes them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any, Literal
from urllib.parse import urlsplit

from modelhub.artifacts import join_uri, without_secrets
from modelhub.config import Config
from modelhub.errors import ModelHubError, NetworkError, NotAllowedError, NotFoundError
from modelhub.locations import list_uris
from modelhub.public_hub import METADATA_FILE, PUBLIC_HUB
from modelhub.quick_dataclasses import dataclass
from modelhub.scopes import LICENSED_REPOSITORIES, place_of
from modelhub.signing import Signer

State = Literal["readable", "no list", "refused", "no credentials", "unreachable", "failed", "not checked"]
Probe = Callable[[str], object]


@dataclass(frozen=True, kw_only=True)
class Access:
    """How one repository of one hub is read.

    Attributes:
        repository: Its name, or the URI that was asked for.
        uri: Of its list (``metadata.json``), which was read to check.
        origin: Whose credentials are shown: ``anonymous``, ``licence FILE``, ``profile NAME``, …; "" for none that
            could be found.
        is_signed: Whether credentials are shown at all.
        is_licensed: Whether it takes a licence.
        is_asked: Whether it was named or is configured; else it is only on offer.
        state: What came of it.
        error: Why it cannot be read.
    """

    repository: str
    uri: str
    origin: str = ""
    is_signed: bool = False
    is_licensed: bool = False
    is_asked: bool = True
    state: State = "not checked"
    error: ModelHubError | None = None

    def to_dict(self) -> dict[str, Any]:
        """The access as it stands in JSON answers."""
        return {
            "repository": self.repository,
            "uri": self.uri,
            "origin": self.origin,
            "signed": self.is_signed,
            "licensed": self.is_licensed,
            "state": self.state,
            "message": self.error.message if self.error else "",
            "hint": self.error.hint if self.error else "",
        }


def check_access(
    repositories: Sequence[str], config: Config, signer: Signer, probe: Probe | None = None
) -> list[Access]:
    """Say who reads repositories; try it where a probe is given.

    Args:
        repositories: Names, or URIs of folders; by default the configured ones, and those that take a licence.
        config: Settings.
        signer: Knows who reads what.
        probe: Reads a bit of the object at a URI; raises what keeps it from that.

    Raises:
        UsageError: No repository can be called so.
    """
    check = _Check(signer, probe)
    asked = [check.access(name, uri, is_asked=True) for name, uri in _lists(repositories, config)]
    known = {access.uri for access in asked}
    offered = [(name, join_uri(PUBLIC_HUB, name, METADATA_FILE)) for name in LICENSED_REPOSITORIES]
    if repositories or PUBLIC_HUB not in config.hub:
        offered = []
    return asked + [check.access(name, uri, is_asked=False) for name, uri in offered if uri not in known]


def failures(accesses: Sequence[Access]) -> list[ModelHubError]:
    """What is wrong: with what was asked for, and with credentials that open nothing of what is on offer.

    A licence is for some products: that one of the licensed repositories is refused is no failure, that all are is one.
    Nor is it a failure that nobody has a licence, unless a licensed repository was asked for; or that one of several
    hubs has no such list.
    """
    readable = {access.repository for access in accesses if access.state == "readable"}
    wrong = [
        access
        for access in accesses
        if access.error and access.is_asked and not (access.state == "no list" and access.repository in readable)
    ]
    tried = [access for access in accesses if not access.is_asked and access.state != "no credentials"]
    if all(access.error and access.state != "no list" for access in tried):
        wrong += tried[:1]
    errors: list[ModelHubError] = []
    for access in wrong:
        if access.error and access.error not in errors:
            access.error.subject = access.repository if len(accesses) > 1 else ""
            errors.append(access.error)
    return errors


def status_of_failures(errors: Sequence[ModelHubError]) -> int:
    """The exit status: that of a refusal if there is one."""
    statuses = [error.exit_status for error in errors]
    return NotAllowedError.exit_status if NotAllowedError.exit_status in statuses else next(iter(statuses), 0)


def _lists(repositories: Sequence[str], config: Config) -> Iterator[tuple[str, str]]:
    """The names of repositories with the URIs of their lists, one for each hub."""
    for name in repositories or config.repositories:
        if "://" in name:
            yield without_secrets(name), join_uri(name, METADATA_FILE)
        else:
            for uri in list_uris(name, config):
                yield name, uri


class _Check:
    """Looks at one repository after the other; a host that cannot be reached is not asked twice."""

    def __init__(self, signer: Signer, probe: Probe | None) -> None:
        self._signer = signer
        self._probe = probe
        self._unreachable: dict[str, NetworkError] = {}

    def access(self, name: str, uri: str, *, is_asked: bool) -> Access:
        """Who reads the list at a URI, and what comes of it."""
        access = Access(
            repository=name,
            uri=without_secrets(uri),
            is_licensed=place_of(uri).scope == "licensed",
            is_asked=is_asked,
        )
        try:
            address = self._signer.address(uri)
            access = replace(access, origin=address.origin, is_signed=address.is_signed)
        except ModelHubError as exc:
            return replace(access, state="no credentials" if isinstance(exc, NotAllowedError) else "failed", error=exc)
        state, error = self._try(uri)
        return replace(access, state=state, error=error)

    def _try(self, uri: str) -> tuple[State, ModelHubError | None]:
        if self._probe is None:
            return "not checked", None
        host = urlsplit(uri).netloc
        if host in self._unreachable:
            return "unreachable", self._unreachable[host]
        try:
            self._probe(uri)
        except NotFoundError as exc:
            return "no list", exc
        except NotAllowedError as exc:
            return "refused", exc
        except NetworkError as exc:
            self._unreachable[host] = exc
            return "unreachable", exc
        except ModelHubError as exc:
            return "failed", exc
        return "readable", None
