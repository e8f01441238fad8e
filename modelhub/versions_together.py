"""Which Spark NLP goes with which Spark, Scala and Java, as their makers say it.

Sources, by table:

- Spark NLP and Spark: "Apache Spark Support" in the package descriptions of ``spark-nlp`` on PyPI (3.4.4, 4.4.4, 5.5.3,
  6.4.2, 7.0.0; of a pair that two of them judge, the later counts).
- Scala, and the jar that goes with a Spark: "Scala and Python Support" and "Packages" there, and ``sparknlp/_maven.py``
  of 7.0.0.
- Java: the overview page of each release of Apache Spark, and "Requirements" of the same package descriptions.
- ``_TRIED``: Spark NLP 5.5.3 on Spark 3.5.9 and Java 17 ran whatever was asked of it.

What no table covers is unknown: nothing is concluded from "it is close to something that works".
"""

from __future__ import annotations

import re
from typing import TypeVar

from modelhub.findings import OK, PROBLEM, UNKNOWN, WARNING
from modelhub.quick_dataclasses import dataclass
from modelhub.versions import Version

SPARK_NLP_SOURCE = "the package description of spark-nlp on PyPI"
SPARK_SOURCE = "the overview page of Apache Spark's documentation"

_SPARKS = {
    "2.4 2.5 2.6 2.7": "2.3 2.4",
    "3.0 3.1 3.2 3.3": "2.3 2.4 3.0 3.1",
    "3.4": "2.3 2.4 3.0 3.1 3.2",
    "4.0 4.1 4.2 4.3": "3.0 3.1 3.2 3.3",
    "4.4": "3.0 3.1 3.2 3.3 3.4",
    "5.0 5.1 5.2 5.3 5.4 5.5 6": "3.0 3.1 3.2 3.3 3.4 3.5",
    "7.0": "3.0 3.1 3.2 3.3 3.4 3.5 4.0 4.1",
}
_PARTLY = {("2.4", "2.3"), ("3.4", "3.2"), ("5.1", "3.5")}
_NOT_SAID = {("3.4", "3.3")}
# The newest Spark that the table with a release's row has a column for: what is newer was never judged.
_LAST_COLUMN = {2: (3, 4), 3: (3, 4), 4: (3, 4), 5: (3, 5), 6: (3, 5), 7: (4, 1)}
_SCALA_OF_SPARK_NLP = {2: {"2.11"}, 3: {"2.11", "2.12"}, 4: {"2.12"}, 5: {"2.12"}, 6: {"2.12"}, 7: {"2.12", "2.13"}}
_SCALA_OF_SPARK = {2: "2.11", 3: "2.12", 4: "2.13"}
_FIRST_WITH_VARIANTS = (4, 4)
_VARIANTS = {("linux", "aarch64"): "-aarch64", ("darwin", "arm64"): "-silicon"}

_JAVAS = {
    "2.3 2.4": (8,),
    "3.0 3.1 3.2": (8, 11),
    "3.3 3.4 3.5": (8, 11, 17),
    "4.0 4.1": (17, 21),
    "4.2": (17, 21, 25),
}
_JAVAS_OF_SPARK_NLP = {2: (8,), 3: (8, 11), 4: (17,)}
_TRIED = {("3.5", 17)}

Value = TypeVar("Value")
_JAVA_VERSION = re.compile(r'version "([0-9][^"]*)"')


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """Whether two versions go together.

    Attributes:
        state: ``ok``, ``warning``, ``problem`` or ``unknown``.
        text: What is known of them: the end of a sentence that begins with the second, and a comma.
        hint: What to do about it; may be empty.
        source: Where it is said.
    """

    state: str
    text: str
    hint: str = ""
    source: str = ""


def judge_spark(sparknlp: Version, spark: Version, *, system: str = "", machine: str = "") -> Verdict:
    """Whether a Spark NLP goes with a Spark, and by which jar.

    Args:
        sparknlp: Version of Spark NLP.
        spark: Version of Spark.
        system: ``linux``, ``darwin``, …, as in ``sys.platform``; with ``machine`` it chooses the jar.
        machine: ``x86_64``, ``aarch64``, ``arm64``, …
    """
    line, minor = _line(sparknlp), _minor(spark)
    with_ours = f"with Spark NLP {sparknlp}"
    known = _row(_SPARKS, line)
    if known is None:
        return Verdict(state=UNKNOWN, text=f"and no table says which Spark goes {with_ours}")
    hint = _other_spark(known)
    if minor in known.split():
        jar = jar_of(sparknlp, spark, system=system, machine=machine)
        if (line, minor) in _PARTLY:
            text = f"goes only partly {with_ours} ({jar})"
            return Verdict(state=WARNING, text=text, hint=hint, source=SPARK_NLP_SOURCE)
        return Verdict(state=OK, text=f"goes {with_ours} ({jar})", source=SPARK_NLP_SOURCE)
    ours, theirs = _SCALA_OF_SPARK_NLP[sparknlp.parts[0]], _SCALA_OF_SPARK.get(spark.parts[0], "")
    if theirs and theirs not in ours:
        scala = f"it is built for Scala {theirs}, not {' or '.join(sorted(ours))}"
        text = f"does not go {with_ours}: {scala}"
        return Verdict(state=PROBLEM, text=text, hint=hint, source=SPARK_NLP_SOURCE)
    is_judged = (2, 3) <= spark.parts[:2] <= _LAST_COLUMN[sparknlp.parts[0]]
    if is_judged and (line, minor) not in _NOT_SAID:
        return Verdict(state=PROBLEM, text=f"does not go {with_ours}", hint=hint, source=SPARK_NLP_SOURCE)
    return Verdict(state=UNKNOWN, text=f"and no table says whether it goes {with_ours}", hint=hint)


def jar_of(sparknlp: Version, spark: Version, *, system: str = "", machine: str = "") -> str:
    """The Maven artifact of a Spark NLP for a Spark that it goes with, such as ``spark-nlp_2.12``."""
    minor = _minor(spark)
    profile = ""
    if spark.parts[:3] == (4, 0, 0):  # its class Param is not binary compatible with that of 4.0.1
        profile = "-spark400"
    elif (sparknlp.parts[0], minor) in {(2, "2.3"), (3, "2.3"), (3, "2.4"), (3, "3.2")}:
        profile = f"-spark{minor.replace('.', '')}"
    is_varied = sparknlp.parts[:2] >= _FIRST_WITH_VARIANTS
    variant = _VARIANTS.get((system, machine), "") if is_varied else ""
    return f"spark-nlp{variant}{profile}_{_SCALA_OF_SPARK[spark.parts[0]]}"


def judge_java(spark: Version, java: str) -> Verdict:
    """Whether a Spark with Spark NLP runs on a Java.

    Args:
        spark: Version of Spark.
        java: Version of Java, as Java writes it (``1.8.0_392``, ``17.0.15``).
    """
    number, minor = java_number(java), _minor(spark)
    javas = _row(_JAVAS, minor)
    if not number or javas is None:
        return Verdict(state=UNKNOWN, text=f"and no table says whether Spark {minor} runs on it")
    if number in _JAVAS_OF_SPARK_NLP[spark.parts[0]] or (minor, number) in _TRIED:
        return Verdict(state=OK, text=f"goes with Spark {minor}", source=f"{SPARK_SOURCE}; {SPARK_NLP_SOURCE}")
    if number in javas:
        text = f"on which Spark {minor} runs; no table says whether Spark NLP does"
        ours = _listed(_JAVAS_OF_SPARK_NLP[spark.parts[0]])
        return Verdict(state=UNKNOWN, text=text, hint=f"Spark NLP names Java {ours}.", source=SPARK_SOURCE)
    names = _listed(javas)
    hint = f"Set JAVA_HOME to a Java {names}."
    if number < min(javas) or spark.parts[0] == 2:  # "Java 11 is only supported … with Spark 3.x and above"
        return Verdict(state=PROBLEM, text=f"on which Spark {minor} does not run", hint=hint, source=SPARK_SOURCE)
    text = f"while Spark {minor} is documented for Java {names}"
    return Verdict(state=WARNING, text=text, hint=hint, source=SPARK_SOURCE)


def java_version(printed: str) -> str:
    """The version in what ``java -version`` prints; "" where there is none."""
    match = _JAVA_VERSION.search(printed)
    return match[1] if match else ""


def java_number(version: str) -> int:
    """The number by which a Java is called: 8 for ``1.8.0_392``, 17 for ``17.0.15``; 0 where there is none."""
    numbers = [int(number) for number in re.findall(r"[0-9]+", version)[:2]]
    if len(numbers) > 1 and numbers[0] == 1:
        return numbers[1]
    return numbers[0] if numbers else 0


def _other_spark(known: str) -> str:
    first, *_, last = known.split()
    return f"It goes with Spark {first} to {last}: pip install 'pyspark=={last}.*', or correct MODELHUB_SPARK."


def _line(sparknlp: Version) -> str:
    """The row of the tables: ``5.5``, or ``6``, which has one row for all."""
    major = str(sparknlp.parts[0]) if sparknlp.parts else ""
    return major if major == "6" else _minor(sparknlp)


def _minor(version: Version) -> str:
    return ".".join(str(part) for part in version.parts[:2])


def _row(table: dict[str, Value], name: str) -> Value | None:
    return next((value for names, value in table.items() if name in names.split()), None)


def _listed(numbers: tuple[int, ...]) -> str:
    *others, last = map(str, numbers)
    return f"{', '.join(others)} or {last}" if others else last
