"""The same choice as Spark NLP's ``.pretrained()``: from a reference and candidates to exactly one artifact.

The rules are those of ``ResourceMetadata.scala`` and ``Version.scala``, in three generations:

* before 3.3 the latest build of the compatible artifacts is taken (of equal times the later line of the file);
* from 3.3 on the highest Spark version, then the highest library version, then the latest build; versions are compared
  as decimal numbers (:attr:`modelhub.versions.Version.number`), and a tie is always "less", so of equal lines the
  first of the file is taken;
* from 7.0 on the artifacts of the annotator's class and of the preferred engine come first (read from its pull
  requests 14689 and 14769; that release cannot be run here).

Without a Spark NLP to be compatible with, the order from 3.3 on holds and nothing is incompatible.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

from modelhub.artifacts import Artifact
from modelhub.errors import AmbiguousError, IncompatibleError, NotFoundError, UsageError
from modelhub.public_hub import PUBLIC_REPOSITORY
from modelhub.quick_dataclasses import dataclass
from modelhub.versions import Version

if TYPE_CHECKING:
    from modelhub.references import Reference

DEFAULT_LANGUAGE = "en"
DEFAULT_ENGINE = "onnx"
_ENGINE_ORDER = ("onnx", "tensorflow", "openvino")
_TIME_ORDER_UNTIL = (3, 3)
_THREE_NUMBERS_FROM = (4,)  # 3.4.4 reads more, 5.5.3 does not; nothing in between could be asked
_ENGINE_ORDER_FROM = (7,)


@dataclass(frozen=True, kw_only=True)
class Runtime:
    """What an artifact must be compatible with.

    Attributes:
        sparknlp: Version of Spark NLP, or ``None`` for any.
        spark: Version of Spark, or ``None`` for any.
        annotator: Class that will load the model; empty for no preference, as Spark NLP does for pipelines.
        engine: Preferred engine of the weights, such as ``onnx`` or ``tensorflow``.
    """

    sparknlp: Version | None = None
    spark: Version | None = None
    annotator: str = ""
    engine: str = ""

    @classmethod
    def of(cls, *, sparknlp: str, spark: str, annotator: str, engine: str) -> Runtime:
        """The runtime that settings tell of, each "" where it is not known.

        Raises:
            UsageError: A version is not whole.
        """
        return cls(
            sparknlp=_running_version("Spark NLP", sparknlp, "5.5.3"),
            spark=_running_version("Spark", spark, "3.5"),
            annotator=annotator,
            engine=engine.lower(),
        )

    def __str__(self) -> str:
        parts = [f"Spark NLP {self.sparknlp}" if self.sparknlp else "", f"Spark {self.spark}" if self.spark else ""]
        return " on ".join(part for part in parts if part) or "any Spark NLP"


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """One candidate and why it was or was not taken."""

    artifact: Artifact
    is_taken: bool
    reason: str


@dataclass(frozen=True, kw_only=True)
class Resolution:
    """The outcome: the artifact, every candidate with its verdict, and what deserves a word.

    Attributes:
        notes: Sentences for standard error: a repository that was not asked for, an order that surprises.
    """

    artifact: Artifact
    verdicts: tuple[Verdict, ...]
    notes: tuple[str, ...] = ()


def resolve(reference: Reference, candidates: Iterable[Artifact], runtime: Runtime) -> Resolution:
    """Choose the artifact of a reference.

    Args:
        reference: What was asked for; its name has been looked up already.
        candidates: All artifacts of that name (any language, any repository), in the order of ``metadata.json``.
        runtime: What to be compatible with.

    Raises:
        NotFoundError: No candidate has the language, repository, key or library version that was asked for.
        AmbiguousError: Several languages or repositories have it and none of them is the default.
        IncompatibleError: Artifacts exist, none of them suits the runtime.
    """
    found = list(candidates)
    if not found:
        raise NotFoundError(f"No model is called {reference.name or reference}.")
    model, notes = _one_model(reference, found)
    if reference.key:
        return _the_key(reference, model)
    if reference.lib_version:
        model = _of_lib_version(reference, model)
    resolution = choose(model, runtime)
    return Resolution(
        artifact=resolution.artifact,
        verdicts=resolution.verdicts,
        notes=(*notes, *resolution.notes),
    )


def choose(candidates: Sequence[Artifact], runtime: Runtime) -> Resolution:
    """Choose among the artifacts of one model, as Spark NLP does, and say why.

    Raises:
        IncompatibleError: None of them suits the runtime.
    """
    refused = {id(artifact): _why_refused(artifact, runtime) for artifact in candidates}
    suitable = [artifact for artifact in candidates if not refused[id(artifact)]]
    if not suitable:
        raise _incompatible(candidates, [refused[id(artifact)] for artifact in candidates], runtime)
    preferred = _prefer_engine(_prefer_class(suitable, runtime), runtime)
    taken = _last_in_order(preferred, runtime)
    verdicts = [
        Verdict(
            artifact=artifact,
            is_taken=artifact is taken,
            reason=refused[id(artifact)] or _why_not_taken(artifact, taken, preferred, runtime),
        )
        for artifact in candidates
    ]
    return Resolution(artifact=taken, verdicts=tuple(verdicts), notes=_surprises(preferred, taken, runtime))


# Which model: language and repository


def _one_model(reference: Reference, found: Sequence[Artifact]) -> tuple[list[Artifact], list[str]]:
    notes = []
    repository = reference.repository
    if not repository:
        repository = _pick_repository(reference, found)
        if repository != PUBLIC_REPOSITORY:
            notes.append(f"{reference.name} is in {repository}.")
    inside = [artifact for artifact in found if artifact.repository == repository]
    if not inside:
        others = _references(found)
        raise NotFoundError(
            f"{reference.name} is not in {repository}.", hint=f"It is there as {_listing(others)}.", nearest=others
        )
    language = reference.language
    if language is None:
        language = pick_language(inside)
    # Spark NLP takes an artifact without a language for a match; one that was asked to have none matches no other.
    model = [artifact for artifact in inside if artifact.language in (language, "")]
    if not model:
        others = _references(inside)
        raise NotFoundError(
            f"{reference.name} does not exist in language {language!r}.",
            hint=f"It is there as {_listing(others)}.",
            nearest=others,
        )
    return model, notes


def _pick_repository(reference: Reference, found: Sequence[Artifact]) -> str:
    if reference.key:
        found = [artifact for artifact in found if artifact.key == reference.key] or found
    elif reference.language is not None:
        found = [artifact for artifact in found if artifact.language in (reference.language, "")] or found
    repositories = list(dict.fromkeys(artifact.repository for artifact in found))
    if PUBLIC_REPOSITORY in repositories:
        return PUBLIC_REPOSITORY
    if len(repositories) > 1:
        raise _ambiguous(reference.name, found, "repositories")
    return repositories[0]


def pick_language(inside: Sequence[Artifact]) -> str:
    """The language that is meant where none was said: ``en`` if it is there, else the only one.

    Raises:
        AmbiguousError: There are several, and none of them is the default.
    """
    languages = list(dict.fromkeys(artifact.language for artifact in inside))
    if DEFAULT_LANGUAGE in languages or "" in languages:  # an artifact without a language answers to the default too
        return DEFAULT_LANGUAGE
    if len(languages) > 1:
        raise _ambiguous(inside[0].name, inside, "languages")
    return languages[0]


def _ambiguous(name: str, found: Sequence[Artifact], of_what: str) -> AmbiguousError:
    references = _references(found)
    return AmbiguousError(
        f"{name} is there in several {of_what}: {_listing(references)}.",
        hint=f"Name one of them, such as {references[0]}.",
        nearest=references,
    )


def _references(artifacts: Iterable[Artifact]) -> list[str]:
    return list(dict.fromkeys(artifact.reference for artifact in artifacts))


def _listing(items: Sequence[str], limit: int = 8) -> str:
    more = f" and {len(items) - limit} more" if len(items) > limit else ""
    return ", ".join(items[:limit]) + more


def _the_key(reference: Reference, model: Sequence[Artifact]) -> Resolution:
    for artifact in model:
        if artifact.key == reference.key:
            return Resolution(
                artifact=artifact, verdicts=(Verdict(artifact=artifact, is_taken=True, reason="asked for by its key"),)
            )
    keys = [str(artifact.key) for artifact in model]
    raise NotFoundError(
        f"{reference.key} is not known.", hint=f"Known builds: {_listing(keys)}. Try modelhub update.", nearest=keys
    )


def _of_lib_version(reference: Reference, model: Sequence[Artifact]) -> list[Artifact]:
    wanted = Version(reference.lib_version).parts
    same = [artifact for artifact in model if artifact.lib_version.parts == wanted]
    if not same:
        versions = sorted({artifact.key.lib_version for artifact in model})
        raise NotFoundError(
            f"{reference.name} was not built for library version {reference.lib_version}.",
            hint=f"There are {_listing(versions)}.",
            nearest=[f"{model[0].reference}@{version}" for version in versions],
        )
    return same


# Which artifact of it: compatibility, class, engine, order


def why_refused(lib_version: Version, spark_version: Version, runtime: Runtime) -> str:
    """Why an artifact of these versions does not suit a runtime; "" where it does."""
    if runtime.sparknlp:
        reason = _why_incompatible("Spark NLP", lib_version, runtime.sparknlp, _three_numbers(runtime.sparknlp))
        if reason:
            return reason
    if runtime.spark:
        return _why_incompatible("Spark", spark_version, runtime.spark, _running_spark(runtime.spark, runtime.sparknlp))
    return ""


def _why_incompatible(product: str, found: Version, here: Version, running: Version) -> str:
    """The reason in words; ``running`` is what Spark NLP makes of the version ``here``."""
    if found.is_compatible(running):
        return ""
    if found.parts[: len(running.parts)] > running.parts:
        return f"needs {product} {found} or later, here is {here}"
    return f"{found} is more exact than {running}, the version of {product} here, and so never suits it"


def _why_refused(artifact: Artifact, runtime: Runtime) -> str:
    if not artifact.is_listed:
        return "not in the hub's metadata.json, which is all that Spark NLP looks at"
    if not artifact.is_ready:
        return "not ready to use (readyToUse is false)"
    return why_refused(artifact.lib_version, artifact.spark_version, runtime)


def _running_spark(spark: Version, sparknlp: Version | None) -> Version:
    """What Spark NLP makes of Spark's version: 2.3 counts as 2.4.4 (``ResourceDownloader.scala``)."""
    if spark.parts[:2] == (2, 3):
        return Version("2.4.4")
    has_all_numbers = sparknlp is not None and sparknlp.parts < _THREE_NUMBERS_FROM
    return spark if has_all_numbers else _three_numbers(spark)


def _three_numbers(version: Version) -> Version:
    """Spark NLP reads three numbers of a version that runs, so that nothing with four is ever compatible."""
    return Version(".".join(str(part) for part in version.parts[:3]))


def _has_engine_preference(runtime: Runtime) -> bool:
    return runtime.sparknlp is None or runtime.sparknlp.parts >= _ENGINE_ORDER_FROM


def _prefer_class(suitable: list[Artifact], runtime: Runtime) -> list[Artifact]:
    classes = {artifact.annotator for artifact in suitable if artifact.annotator}
    if not runtime.annotator or len(classes) < 2 or not _has_engine_preference(runtime):
        return suitable
    return [artifact for artifact in suitable if artifact.annotator == runtime.annotator] or suitable


def _prefer_engine(suitable: list[Artifact], runtime: Runtime) -> list[Artifact]:
    if not _has_engine_preference(runtime) or not (runtime.engine or runtime.annotator):
        return suitable
    wanted = runtime.engine or DEFAULT_ENGINE
    for engine in (wanted, *_ENGINE_ORDER, ""):
        if same := [artifact for artifact in suitable if artifact.engine == engine]:
            return same
    return suitable


def _is_time_order(runtime: Runtime) -> bool:
    return runtime.sparknlp is not None and runtime.sparknlp.parts < _TIME_ORDER_UNTIL


def _last_in_order(suitable: Sequence[Artifact], runtime: Runtime) -> Artifact:
    if _is_time_order(runtime):
        return sorted(suitable, key=lambda artifact: artifact.built_ms)[-1]
    return _jvm_sorted(suitable, _compare)[-1]


def _compare(one: Artifact, other: Artifact) -> int:
    """``ResourceMetadata.compare`` of 3.4.4 and 5.5.3, which never answers 0."""
    if one.spark_version.parts != other.spark_version.parts:
        return 1 if one.spark_version.number > other.spark_version.number else -1
    if one.lib_version.number != other.lib_version.number:
        return 1 if one.lib_version.number > other.lib_version.number else -1
    return 1 if one.built_ms > other.built_ms else -1


def _jvm_sorted(items: Sequence[Artifact], compare: Callable[[Artifact, Artifact], int]) -> list[Artifact]:
    """Sort as the JVM does below 32 items: one run, then binary insertion (``TimSort.java``).

    Written out because ``_compare`` is no order where versions differ but have one number (2 and 2.0): what comes
    last depends on the algorithm. For a proper order any stable sort gives the same.
    """
    ordered = list(items)
    run = _leading_run(ordered, compare)
    for start in range(run, len(ordered)):
        pivot = ordered.pop(start)
        left, right = 0, start
        while left < right:
            middle = (left + right) // 2
            if compare(pivot, ordered[middle]) < 0:
                right = middle
            else:
                left = middle + 1
        ordered.insert(left, pivot)
    return ordered


def _leading_run(ordered: list[Artifact], compare: Callable[[Artifact, Artifact], int]) -> int:
    """Length of the run that the list begins with; a descending one is turned round in place."""
    if len(ordered) < 2:
        return len(ordered)
    is_descending = compare(ordered[1], ordered[0]) < 0
    end = 2
    while end < len(ordered) and (compare(ordered[end], ordered[end - 1]) < 0) == is_descending:
        end += 1
    if is_descending:
        ordered[:end] = ordered[:end][::-1]
    return end


# Why: sentences for people


def _why_not_taken(artifact: Artifact, taken: Artifact, preferred: Sequence[Artifact], runtime: Runtime) -> str:
    if artifact is taken:
        return "taken" if len(preferred) == 1 else "taken: first in Spark NLP's order"
    if not any(artifact is other for other in preferred):
        if runtime.annotator and artifact.annotator not in ("", runtime.annotator, taken.annotator):
            return f"of class {artifact.annotator}, not {runtime.annotator}"
        return f"engine {artifact.engine or 'not known'}; {taken.engine or 'the other'} is preferred"
    if _is_time_order(runtime):
        if artifact.built_ms < taken.built_ms:
            return "built earlier (before Spark NLP 3.3 the time alone decides)"
        return "listed earlier, at the same time (of a build that is listed twice the first line counts here)"
    if artifact.spark_version.parts != taken.spark_version.parts:
        return f"for Spark {artifact.spark_version}; {taken.spark_version} comes before it"
    if artifact.lib_version.number != taken.lib_version.number:
        return f"for Spark NLP {artifact.lib_version}; {taken.lib_version} comes before it"
    if artifact.built_ms != taken.built_ms:
        return "built earlier" if artifact.built_ms < taken.built_ms else "loses a tie that Spark NLP's sort decides"
    return "equal, but later in metadata.json"


def _surprises(preferred: Sequence[Artifact], taken: Artifact, runtime: Runtime) -> tuple[str, ...]:
    """A word where lists of numbers would choose otherwise (4.2.10 against 4.2.2), or Spark NLP not at all."""
    if _is_time_order(runtime):
        return ()
    long = [artifact for artifact in preferred if len(artifact.spark_version.parts) > 3]
    if long and len({artifact.spark_version.parts for artifact in preferred}) > 1:
        return (f"Spark NLP {runtime.sparknlp} itself fails here: it cannot compare Spark {long[0].spark_version}.",)
    by_numbers = max(preferred, key=lambda item: (item.spark_version.parts, item.lib_version.parts, item.built_ms))
    if by_numbers.key == taken.key or by_numbers.lib_version.parts == taken.lib_version.parts:
        return ()
    return (
        f"Spark NLP reads {by_numbers.lib_version} as a decimal number, not above {taken.lib_version}, "
        f"and so takes {taken.key}; {by_numbers.key} is the higher version.",
    )


def _incompatible(candidates: Sequence[Artifact], reasons: Sequence[str], runtime: Runtime) -> IncompatibleError:
    reference = candidates[0].reference
    usable = [artifact for artifact in candidates if artifact.is_ready and artifact.is_listed]
    if not usable:
        message, hint = f"{reference} is known, but {reasons[0]}.", "modelhub update asks the hub again."
    else:
        message = f"{reference} has {len(candidates)} builds, none of them for {runtime}."
        if len(candidates) == 1:
            message = f"{reference} exists, but not for {runtime}: {reasons[0]}."
        oldest = min(usable, key=lambda item: (item.lib_version.parts, item.spark_version.parts))
        needs = f"Spark NLP {oldest.lib_version} and Spark {oldest.spark_version}"
        hint = f"{oldest.key} suits {needs} or later; --sparknlp and --spark say which versions you have."
    return IncompatibleError(
        message,
        hint=hint,
        alternatives=[f"{artifact.key}: {reason}" for artifact, reason in zip(candidates, reasons, strict=True)],
    )


def _running_version(what: str, text: str, example: str) -> Version | None:
    """The version of something that runs, with at least as many numbers as the example.

    Raises:
        UsageError: It has fewer: Spark NLP takes an artifact that is more exact than that for incompatible.
    """
    if not text:
        return None
    version = Version.parse(text)
    if len(version.parts) < len(Version(example).parts):
        raise UsageError(f"{text} is no whole version of {what}.", hint=f"Write it as exactly as {example}.")
    return version
