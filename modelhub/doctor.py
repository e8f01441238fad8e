"""What works here and what does not: hubs, disk, cache, versions, registry, settings.

Every check yields findings. Nothing that is tried out is left behind, and no check waits for longer than some seconds.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from modelhub.amounts import ago_text, bytes_text
from modelhub.artifacts import without_secrets
from modelhub.cache import Cache
from modelhub.catalogue import Catalogue
from modelhub.config import SETTINGS, Config, honoured_variables, proxy_of
from modelhub.disk_checks import check_disk
from modelhub.disk_probes import bytes_below
from modelhub.errors import IntegrityError, StorageError
from modelhub.findings import OK, PROBLEM, SKIPPED, WARNING, Finding
from modelhub.hub_checks import HubCheck, Route
from modelhub.load_checks import LoadChecker
from modelhub.load_findings import find_engines, find_unloadable
from modelhub.locations import list_uris
from modelhub.proxies import shown_proxy
from modelhub.public_hub import PUBLIC_REPOSITORY
from modelhub.rates import Rates
from modelhub.version_checks import check_versions

_REGISTRY = "registry.sqlite"
# Only these values of AWS_… are shown: what AWS will call its next secret nobody knows.
_OPEN_AWS = {"CA_BUNDLE", "CONFIG_FILE", "DEFAULT_REGION", "ENDPOINT_URL", "ENDPOINT_URL_S3", "PROFILE", "REGION"}
_PROXIES = ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY")
_COMPUTED = ("default", "installed package")
_found = partial(Finding, section="settings")


def examine(
    config: Config, catalogue: Catalogue, *, cache: Cache, checker: LoadChecker, is_measured: bool
) -> list[Finding]:
    """Look at everything.

    Args:
        config: Settings.
        catalogue: Of these settings.
        cache: Of these settings.
        checker: Judges whether models will load here.
        is_measured: Whether rates are measured, which takes some seconds.

    Raises:
        UsageError: The first repository that is configured can be none.
    """
    route = Route(
        ca_bundle=config.ca_bundle,
        proxy_of=proxy_of,
        connections=config.connections,
        measure=Rates(catalogue.new_storage) if is_measured else None,
    )
    variables = honoured_variables()
    return [
        *_check_hubs(config, catalogue, route),
        *check_disk(config, is_measured=is_measured),
        *_check_cache(cache),
        find_unloadable(checker, catalogue, [key for key, _ in cache.folders()] if _has_registry(config) else []),
        *check_versions(config, variables.get("JAVA_HOME", "")),
        find_engines(checker),
        *_check_registry(config, catalogue),
        *_tell_settings(config),
        *_tell_variables(variables),
    ]


def _check_hubs(config: Config, catalogue: Catalogue, route: Route) -> list[Finding]:
    findings: list[Finding] = []
    repository = config.repositories[0] if config.repositories else PUBLIC_REPOSITORY
    for hub, list_uri in zip(config.hub, list_uris(repository, config), strict=True):
        if config.offline and not list_uri.startswith("file:"):
            shown = without_secrets(hub)
            text = f"{shown} is not asked: offline, by {config.origins['offline']}"
            findings.append(_found(section="hub", name="address", state=SKIPPED, text=text, figures={"hub": shown}))
        else:
            findings += HubCheck(hub, list_uri, catalogue.storage, route).findings()
    if any(finding.name == "list" and finding.state == OK for finding in findings):
        # A pull goes on with the next hub.
        return [_as_warning(finding) if finding.state == PROBLEM else finding for finding in findings]
    return findings


def _as_warning(finding: Finding) -> Finding:
    return replace(finding, state=WARNING, text=f"{finding.text}; another hub works")


def _check_cache(cache: Cache) -> Iterator[Finding]:
    entries = cache.entries()
    size_bytes = sum(entry.size_bytes for entry in entries)
    states = Counter(entry.state for entry in entries)
    models = "1 model" if len(entries) == 1 else f"{len(entries):,} models"
    text = f"{models}, {bytes_text(size_bytes)}" if entries else "empty"
    finding = _found(
        section="cache",
        name="entries",
        text=text,
        figures={"entries": len(entries), "size_bytes": size_bytes, "states": dict(states)},
        error=IntegrityError,
    )
    if broken := [entry for entry in entries if not entry.is_good]:
        counts = ", ".join(f"{number} {state}" for state, number in sorted(states.items()) if state != "good")
        text = f"{text}; {counts}, such as {broken[0].key}"
        hint = "modelhub verify tells what is wrong with each, and how to mend it."
        finding = replace(finding, state=PROBLEM, text=text, hint=hint)
    yield finding
    left_bytes = sum(map(bytes_below, cache.leftover_folders()))
    text = f"{bytes_text(left_bytes)} of pulls that go on or were interrupted" if left_bytes else "none"
    yield _found(section="cache", name="leftovers", text=text, figures={"size_bytes": left_bytes})


def _has_registry(config: Config) -> bool:
    """Whether one is there: a look at what works builds none."""
    return (config.home / _REGISTRY).is_file()


def _check_registry(config: Config, catalogue: Catalogue) -> Iterator[Finding]:
    found = partial(Finding, section="registry")
    if not _has_registry(config):
        yield found(name="artifacts", text="not built yet; the first search does that", figures={"total": None})
        return
    try:
        registry = catalogue.registry
        total = registry.total()
        text = f"{total:,} artifacts"
        if registry.path == config.home / _REGISTRY:
            yield found(name="artifacts", text=text, figures={"total": total})
        else:
            text = f"{text}, but in a registry that lasts for this run only"
            hint = f"Remove {config.home / _REGISTRY}, or let it be written: it is built anew."
            yield found(name="artifacts", state=WARNING, text=text, hint=hint, figures={"total": total})
        asked_s = {source.uri: source.checked_s for source in registry.sources() if source.kind == "metadata"}
    except StorageError as exc:
        yield Finding.of_error("registry", "artifacts", exc)
        return
    for repository in config.repositories:
        times = [asked_s[uri] for uri in list_uris(repository, config) if uri in asked_s]
        age_s = max(0.0, time.time() - max(times)) if times else None
        asked = "never asked for; modelhub update brings it" if age_s is None else f"asked for {ago_text(age_s)}"
        text = f"the list of {repository} was {asked}"
        figures = {"repository": repository, "age_s": None if age_s is None else round(age_s)}
        yield found(name="list", text=text, figures=figures)


# Settings


def _tell_settings(config: Config) -> Iterator[Finding]:
    for name in SETTINGS:
        origin = config.origins[name]
        value = _shown(getattr(config, name))
        figures = {"value": value, "origin": origin, "is_default": origin.startswith(_COMPUTED)}
        yield _found(name=name, text=f"{value or '(none)'}, by {origin}", figures=figures)


def _tell_variables(variables: Mapping[str, str]) -> Iterator[Finding]:
    for name, value in sorted(variables.items()):
        shown = _shown_variable(name, value)
        figures = {"value": shown, "origin": "environment", "is_default": False}
        yield _found(name=name, text=f"{shown}, by environment", figures=figures)


def _shown(value: Any) -> str:
    """A value of a setting without what is secret in it."""
    if isinstance(value, tuple):
        return " ".join(map(_shown, value))
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:g}"
    text = "" if value is None else str(value)
    return _without_secrets(text) if "://" in text else text


def _shown_variable(name: str, value: str) -> str:
    if name.upper().startswith("AWS_") and name.upper().removeprefix("AWS_") not in _OPEN_AWS:
        return "set"
    if name.upper() in _PROXIES:
        return shown_proxy(value)
    return _shown(value)


def _without_secrets(uri: str) -> str:
    try:
        return without_secrets(uri)
    except ValueError:
        return "(not a URI)"
