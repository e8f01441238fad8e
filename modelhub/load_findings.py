"""For ``doctor``: which engines Spark NLP has here, and which models of the cache will not load."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from modelhub.artifacts import Artifact, ArtifactKey
from modelhub.catalogue import Catalogue
from modelhub.errors import IncompatibleError, StorageError
from modelhub.findings import OK, PROBLEM, SKIPPED, WARNING, Finding
from modelhub.load_checks import LoadChecker
from modelhub.load_verdicts import LoadVerdict, engine_name

_engines_found = partial(Finding, section="versions", name="engines", error=IncompatibleError)
_loading_found = partial(Finding, section="cache", name="loading", error=IncompatibleError)


def find_engines(checker: LoadChecker) -> Finding:
    """Tell which engines the jars of Spark NLP bring."""
    if not checker.is_here:
        return _engines_found(state=SKIPPED, text="not looked for: the Spark NLP of the settings is not installed here")
    if checker.engines is None:
        text = "not known: no jar of Spark NLP is where a Spark of this machine looks by itself"
        return _engines_found(state=SKIPPED, text=text, figures={"engines": None})
    names = ", ".join(sorted(map(engine_name, checker.engines))) or "no engine"
    return _engines_found(text=f"the jars of Spark NLP bring {names}", figures={"engines": sorted(checker.engines)})


def find_unloadable(checker: LoadChecker, catalogue: Catalogue, keys: Sequence[ArtifactKey]) -> Finding:
    """Tell which models of the cache will not load here, or may not.

    Args:
        checker: Judges them.
        catalogue: Knows them.
        keys: What is in the cache.
    """
    try:
        verdicts = _verdicts(checker, catalogue, keys)
    except StorageError as exc:  # which the check of the registry tells as a problem of its own
        return _loading_found(state=SKIPPED, text=exc.message.rstrip("."), figures={"judged": 0, "against": {}})
    against = {key: verdict for key, verdict in verdicts.items() if verdict.concerns}
    figures = {"judged": len(verdicts), "against": {key: verdict.to_dict() for key, verdict in against.items()}}
    if not against:
        text = f"nothing speaks against loading the {len(verdicts)} that are known"
        if verdicts:
            return _loading_found(state=OK, text=text, figures=figures)
        return _loading_found(state=SKIPPED, text="there is nothing that could be judged", figures=figures)
    key = min(against, key=lambda key: against[key].state != PROBLEM)
    others = f" ({len(against) - 1} more have something against them)" if len(against) > 1 else ""
    concern = against[key].concerns[0]
    text = f"{_certainty(against[key])} load: {key}: {concern.text.rstrip('.')}{others}"
    return _loading_found(state=WARNING, text=text, hint=concern.hint, figures=figures)


def _verdicts(checker: LoadChecker, catalogue: Catalogue, keys: Sequence[ArtifactKey]) -> dict[str, LoadVerdict]:
    judged = ((str(key), checker.verdict(artifact)) for key in keys for artifact in _known(key, catalogue))
    return {key: verdict for key, verdict in judged if verdict}


def _known(key: ArtifactKey, catalogue: Catalogue) -> list[Artifact]:
    """The artifact of a key, if the registry has it."""
    return [artifact for artifact in catalogue.registry.named(key.name) if artifact.key == key][:1]


def _certainty(verdict: LoadVerdict) -> str:
    return "will not" if verdict.state == PROBLEM else "may not"
