"""Whether a model will load here, judged before its download: facts in, a verdict out.

Every rule has its source, which a verdict names:

- versions: Spark NLP's own resolver takes nothing newer than itself (``Version.scala``, ``ResourceMetadata.scala``).
  What is named by its key or URI passes it by.
- Scala: features are saved as Java objects, which one Scala cannot always read from another. Issues 940 and 5799 of
  Spark NLP: its models were trained anew for Spark 3 (Scala 2.12), and what was missed fails there (6109, 8448). So
  what was built for Spark 2 before Spark NLP 3.0 is doubtful on Spark 3; later ones were published for both. On Spark 4
  (Scala 2.13) Spark NLP 7.0 reads the objects of Scala 2.12 (``LegacyObjectInputStream.scala``); nobody says so of
  those of 2.11.
- engines: ``project/Dependencies.scala`` and ``build.sbt`` tell which jars bring which engine, and for which machine.
  Without its engine a load ends (issues 13799, 14219, 14540).
- Spark NLP and Spark: :mod:`modelhub.versions_together`.
- licensed classes: :mod:`modelhub.class_homes`.

What no rule covers is not judged: silence is no promise.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from modelhub.artifacts import Artifact
from modelhub.card_words import is_pipeline_class
from modelhub.class_homes import home_of
from modelhub.facts import ModelFacts
from modelhub.findings import OK, PROBLEM, WARNING
from modelhub.public_hub import PUBLIC_REPOSITORY
from modelhub.quick_dataclasses import dataclass
from modelhub.resolver import Runtime, why_refused
from modelhub.saved_classes import told_class
from modelhub.versions import Version
from modelhub.versions_together import jar_of, judge_spark
from modelhub.weights import has_weights

_RESOLVER = "Spark NLP's resolver (ResourceMetadata.scala)"
_BUILD = "Spark NLP's build (build.sbt, Dependencies.scala)"
_FIRST_ON_SPARK_3 = (3,)
_FIRST_WITH_ENGINES = (5,)  # before, all weights were TensorFlow's
_FIRST_FOR_ARM = (4, 4)
_ARM = ("aarch64", "arm64")
_ENGINE_NAMES = {"tensorflow": "TensorFlow", "onnx": "ONNX", "openvino": "OpenVINO", "llamacpp": "llama.cpp"}
LICENSED_PACKAGES = {"sparknlp_jsl": "spark-nlp-jsl", "sparkocr": "spark-ocr"}
_JARS = {
    "tensorflow": re.compile("tensorflow-(cpu|gpu|m1|aarch64)_"),
    "onnx": re.compile("onnxruntime"),
    "openvino": re.compile("openvino"),
    "llamacpp": re.compile("llama"),
}
# The jar with all that Spark NLP needs in it, as its makers offer it for machines without a network.
_ALL_IN_ONE = re.compile(r"spark-nlp(?:-\w+)*-assembly-(.+)\.jar")
_SPARK_NLP = re.compile(r"(?:.*_)?spark-nlp(?:-\w+)*_2\.1\d-(.+)\.jar")


@dataclass(frozen=True, kw_only=True)
class Installation:
    """What is installed where a model is to be loaded.

    Attributes:
        runtime: The versions of Spark NLP and Spark.
        system: ``linux``, ``darwin``, …, as in ``sys.platform``.
        machine: ``x86_64``, ``aarch64``, ``arm64``, ….
        engines: Which engines its jars bring; ``None`` where nobody knows.
        libraries: Which licensed libraries of Python it has; ``None`` where nobody knows.
    """

    runtime: Runtime
    system: str = ""
    machine: str = ""
    engines: frozenset[str] | None = None
    libraries: frozenset[str] | None = None


@dataclass(frozen=True, kw_only=True)
class Concern:
    """One reason why a model does not load, or may not.

    Attributes:
        code: Stable name of the rule.
        state: ``problem`` where it does not load, ``warning`` where it may not.
        text: The reason, a sentence.
        hint: What to do about it.
        source: Where the rule comes from.
    """

    code: str
    state: str
    text: str
    hint: str
    source: str

    def about(self, reference: str) -> str:
        """The concern as a sentence or two about a model."""
        return f"{reference} {'will' if self.state == PROBLEM else 'may'} not load here: {self.text} {self.hint}"

    def to_dict(self) -> dict[str, Any]:
        """The concern as it stands in JSON answers."""
        return {
            "code": self.code,
            "state": self.state,
            "text": self.text,
            "hint": self.hint,
            "source": self.source,
        }


@dataclass(frozen=True, kw_only=True)
class LoadVerdict:
    """What is to be said before a download.

    Attributes:
        concerns: Why the model does not load, or may not; the gravest first. None means that no rule speaks against it.
    """

    concerns: tuple[Concern, ...] = ()

    @property
    def state(self) -> str:
        """``ok`` (nothing speaks against it), ``warning`` or ``problem``."""
        return self.concerns[0].state if self.concerns else OK

    def to_dict(self) -> dict[str, Any]:
        """The verdict as it stands in JSON answers."""
        return {"state": self.state, "concerns": [concern.to_dict() for concern in self.concerns]}


def judge_load(artifact: Artifact, facts: ModelFacts, installation: Installation) -> LoadVerdict:
    """Whether an artifact loads.

    Args:
        artifact: Which one.
        facts: What is known of its model.
        installation: Where it is to be loaded.
    """
    found = [concern for rule in _RULES for concern in rule(artifact, facts, installation)]
    return LoadVerdict(concerns=tuple(sorted(found, key=lambda concern: concern.state != PROBLEM)))


def engine_of(artifact: Artifact, facts: ModelFacts) -> str:
    """The engine that an artifact's weights need; "" where it has none, or nobody knows."""
    if engine := artifact.engine or facts.engine:
        return engine.lower()
    is_older = artifact.repository == PUBLIC_REPOSITORY and artifact.lib_version.parts < _FIRST_WITH_ENGINES
    return "tensorflow" if is_older and any(map(has_weights, _classes_of(artifact, facts))) else ""


def engines_in(jars: Iterable[str], sparknlp: str) -> frozenset[str] | None:
    """Which engines jars bring, by their names; ``None`` where the Spark NLP that runs is not among them.

    Args:
        jars: Names of files. Of another release that was once downloaded they say nothing.
        sparknlp: Its version.
    """
    names = list(jars)
    if any(match[1] == sparknlp for match in map(_ALL_IN_ONE.fullmatch, names) if match):
        return frozenset(_JARS)
    if not any(match[1] == sparknlp for match in map(_SPARK_NLP.fullmatch, names) if match):
        return None
    return frozenset(engine for engine, pattern in _JARS.items() if any(map(pattern.search, names)))


def engine_name(engine: str) -> str:
    """An engine as its makers spell it."""
    return _ENGINE_NAMES.get(engine, engine)


def _classes_of(artifact: Artifact, facts: ModelFacts) -> tuple[str, ...]:
    """The classes that are loaded: the model's own, or those of a pipeline's stages, as far as they are known."""
    told = told_class(artifact, facts)
    return facts.stages if is_pipeline_class(told) else (told,) if told else ()


# The rules


def _judge_versions(artifact: Artifact, facts: ModelFacts, installation: Installation) -> Iterator[Concern]:
    if reason := why_refused(artifact.lib_version, artifact.spark_version, installation.runtime):
        yield Concern(
            code="version_too_old",
            state=PROBLEM,
            text=f"Spark NLP would not take it: {reason}.",
            hint=f"modelhub show {artifact.reference} lists its builds.",
            source=_RESOLVER,
        )


def _judge_runtime(artifact: Artifact, facts: ModelFacts, installation: Installation) -> Iterator[Concern]:
    sparknlp, spark = installation.runtime.sparknlp, installation.runtime.spark
    verdict = judge_spark(sparknlp, spark) if sparknlp and spark else None
    if verdict and verdict.state == PROBLEM:
        yield Concern(
            code="spark_does_not_go",
            state=PROBLEM,
            text=f"Spark {spark} {verdict.text}.",
            hint=verdict.hint,
            source=verdict.source,
        )


def _judge_scala(artifact: Artifact, facts: ModelFacts, installation: Installation) -> Iterator[Concern]:
    spark = installation.runtime.spark
    if not spark or artifact.spark_version.parts[0] != 2:
        return
    if spark.parts[0] >= 4:
        yield Concern(
            code="scala",
            state=WARNING,
            text=f"It was saved for Spark {artifact.spark_version} (Scala 2.11), and here is Spark {spark}.",
            hint="Spark NLP reads there what Scala 2.12 saved (Spark 3); try this one before you count on it.",
            source="Spark NLP, LegacyObjectInputStream.scala",
        )
    elif spark.parts[0] == 3 and artifact.lib_version.parts < _FIRST_ON_SPARK_3:
        yield Concern(
            code="scala",
            state=WARNING,
            text=f"It was saved with Spark NLP {artifact.lib_version}, before that ran on Spark 3 (Scala 2.12).",
            hint="Some of these fail with InvalidClassException; try it before you count on it.",
            source="Spark NLP, issues 940, 5799, 6109",
        )


def _judge_engine(artifact: Artifact, facts: ModelFacts, installation: Installation) -> Iterator[Concern]:
    engine = engine_of(artifact, facts)
    if not engine or installation.engines is None or engine in installation.engines:
        return
    there = " and ".join(sorted(engine_name(name) for name in installation.engines)) or "no engine"
    yield Concern(
        code="engine_missing",
        state=PROBLEM,
        text=f"Its weights are {engine_name(engine)}'s, and the jars of Spark NLP here bring {there}.",
        hint=f"Add the jar of {engine_name(engine)} to Spark's class path, or choose a model of another engine.",
        source=_BUILD,
    )


def _judge_machine(artifact: Artifact, facts: ModelFacts, installation: Installation) -> Iterator[Concern]:
    engine, sparknlp = engine_of(artifact, facts), installation.runtime.sparknlp
    if installation.machine not in _ARM or engine != "tensorflow" or not sparknlp:
        return
    machine = f"{installation.system} on {installation.machine}"
    if sparknlp.parts[:2] < _FIRST_FOR_ARM:
        text = f"Its weights are TensorFlow's, and no jar of Spark NLP {sparknlp} is documented for {machine}."
        hint = "Spark NLP 4.4 and newer has jars for this machine."
    else:
        text = f"Its weights are TensorFlow's, which {machine} has only in a jar of its own, called experimental."
        word = "apple_silicon" if installation.system == "darwin" else "aarch64"
        hint = f"Start Spark with {_arm_jar(sparknlp, installation)}: sparknlp.start({word}=True)."
    yield Concern(code="machine", state=WARNING, text=text, hint=hint, source=_BUILD)


def _judge_library(artifact: Artifact, facts: ModelFacts, installation: Installation) -> Iterator[Concern]:
    if installation.libraries is None:
        return
    for name in _classes_of(artifact, facts):
        library = home_of(name, artifact.repository).library
        if library in LICENSED_PACKAGES and library not in installation.libraries:
            yield Concern(
                code="library_missing",
                state=PROBLEM,
                text=f"{name} is a licensed class of {library}, which is not installed here.",
                hint=f"Install {LICENSED_PACKAGES[library]} with your licence of John Snow Labs.",
                source="the licensed libraries' documentation",
            )
            return


_Rule = Callable[[Artifact, ModelFacts, Installation], Iterator[Concern]]
_RULES: tuple[_Rule, ...] = (
    _judge_versions,
    _judge_runtime,
    _judge_library,
    _judge_engine,
    _judge_machine,
    _judge_scala,
)


def _arm_jar(sparknlp: Version, installation: Installation) -> str:
    spark = installation.runtime.spark
    if not spark or judge_spark(sparknlp, spark).state == PROBLEM:
        return "its jar for this machine"
    return jar_of(sparknlp, spark, system=installation.system, machine=installation.machine)
