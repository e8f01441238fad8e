from __future__ import annotations

import pytest

from modelhub.versions import Version
from modelhub.versions_together import jar_of, java_number, java_version, judge_java, judge_spark

OPENJDK_8 = 'openjdk version "1.8.0_392"\nOpenJDK Runtime Environment (build 1.8.0_392-b08)\n'
OPENJDK_17 = (
    "Picked up JAVA_TOOL_OPTIONS: -Dversion=1\n"
    'openjdk version "17.0.1" 2021-10-19\nOpenJDK 64-Bit Server VM (build 17.0.1+12, mixed mode)\n'
)


@pytest.mark.parametrize(
    ("sparknlp", "spark", "state", "words"),
    [
        ("5.5.3", "3.5.9", "ok", "spark-nlp_2.12"),
        ("5.5.3", "3.5.0-amzn-1", "ok", "spark-nlp_2.12"),
        ("6.4.2", "3.0.3", "ok", "spark-nlp_2.12"),
        ("7.0.0", "3.5.1", "ok", "spark-nlp_2.12"),
        ("7.0.0", "4.0.0", "ok", "spark-nlp-spark400_2.13"),
        ("7.0.0", "4.1.2", "ok", "spark-nlp_2.13"),
        ("4.4.4", "3.4.1", "ok", "spark-nlp_2.12"),
        ("3.4.4", "3.1.2", "ok", "spark-nlp_2.12"),
        ("3.4.4", "2.4.8", "ok", "spark-nlp-spark24_2.11"),
        ("2.6.0", "2.4.4", "ok", "spark-nlp_2.11"),
        ("2.6.0", "2.3.4", "ok", "spark-nlp-spark23_2.11"),
        ("5.1.4", "3.5.0", "warning", "goes only partly"),
        ("3.4.4", "3.2.0", "warning", "spark-nlp-spark32_2.12"),
        ("2.4.5", "2.3.0", "warning", "goes only partly"),
        ("5.5.3", "4.0.1", "problem", "built for Scala 2.13, not 2.12"),
        ("6.4.2", "4.1.0", "problem", "built for Scala 2.13, not 2.12"),
        ("2.7.5", "3.3.0", "problem", "built for Scala 2.12, not 2.11"),
        ("3.4.4", "4.0.0", "problem", "built for Scala 2.13, not 2.11 or 2.12"),
        ("5.5.3", "2.4.8", "problem", "built for Scala 2.11, not 2.12"),
        ("4.3.2", "3.4.0", "problem", "does not go with Spark NLP"),
        ("3.3.4", "3.2.0", "problem", "does not go with Spark NLP"),
        ("4.4.4", "3.5.0", "unknown", "no table says whether"),
        ("3.4.4", "3.3.0", "unknown", "no table says whether"),
        ("7.0.0", "4.2.0", "unknown", "no table says whether"),
        ("7.0.0", "5.0.0", "unknown", "no table says whether"),
        ("7.1.0", "4.1.0", "unknown", "which Spark goes with Spark NLP 7.1.0"),
        ("8.0.0", "3.5.0", "unknown", "which Spark goes with Spark NLP 8.0.0"),
        ("1.8.3", "2.4.0", "unknown", "which Spark goes with Spark NLP 1.8.3"),
        ("6.0.0", "2.2.0", "problem", "built for Scala 2.11, not 2.12"),
        ("2.7.0", "2.2.0", "unknown", "no table says whether"),
    ],
)
def test_which_spark_goes_with_a_spark_nlp(sparknlp: str, spark: str, state: str, words: str) -> None:
    verdict = judge_spark(Version(sparknlp), Version(spark))

    assert (verdict.state, words in verdict.text) == (state, True), verdict


def test_a_verdict_names_its_source_and_one_that_has_none_is_unknown() -> None:
    pairs = [(lib, spark) for lib in ("2.7.0", "4.4.4", "7.0.0", "9.0.0") for spark in ("2.4.8", "3.5.9", "4.2.0")]
    verdicts = [judge_spark(Version(lib), Version(spark)) for lib, spark in pairs]

    assert all(bool(verdict.source) == (verdict.state != "unknown") for verdict in verdicts)


def test_a_problem_tells_which_spark_would_do() -> None:
    assert "'pyspark==3.5.*'" in judge_spark(Version("5.5.3"), Version("4.0.1")).hint


@pytest.mark.parametrize(
    ("sparknlp", "spark", "system", "machine", "jar"),
    [
        ("5.5.3", "3.5.9", "linux", "x86_64", "spark-nlp_2.12"),
        ("5.5.3", "3.5.9", "linux", "aarch64", "spark-nlp-aarch64_2.12"),
        ("5.5.3", "3.5.9", "darwin", "arm64", "spark-nlp-silicon_2.12"),
        ("7.0.0", "4.0.0", "darwin", "arm64", "spark-nlp-silicon-spark400_2.13"),
        ("4.3.0", "3.2.0", "linux", "aarch64", "spark-nlp_2.12"),
    ],
)
def test_the_jar_of_a_machine(sparknlp: str, spark: str, system: str, machine: str, jar: str) -> None:
    assert jar_of(Version(sparknlp), Version(spark), system=system, machine=machine) == jar


@pytest.mark.parametrize(
    ("spark", "java", "state", "words"),
    [
        ("3.5.9", "17.0.15", "ok", "goes with Spark 3.5"),
        ("3.5.9", "1.8.0_392", "ok", "goes with Spark 3.5"),
        ("3.1.2", "11.0.2", "ok", "goes with Spark 3.1"),
        ("4.0.1", "17.0.1", "ok", "goes with Spark 4.0"),
        ("2.4.8", "1.8.0_392", "ok", "goes with Spark 2.4"),
        ("4.0.1", "21.0.1", "unknown", "no table says whether Spark NLP does"),
        ("3.4.0", "17.0.1", "unknown", "no table says whether Spark NLP does"),
        ("3.5.9", "21.0.2", "warning", "documented for Java 8, 11 or 17"),
        ("3.5.9", "16", "warning", "documented for Java"),
        ("4.0.1", "11.0.2", "problem", "does not run"),
        ("3.5.9", "1.7.0_80", "problem", "does not run"),
        ("2.4.8", "11.0.2", "problem", "does not run"),
        ("5.0.0", "21", "unknown", "no table says whether Spark"),
        ("3.5.9", "", "unknown", "no table says whether Spark"),
    ],
)
def test_which_java_a_spark_runs_on(spark: str, java: str, state: str, words: str) -> None:
    verdict = judge_java(Version(spark), java)

    assert (verdict.state, words in verdict.text) == (state, True), verdict


@pytest.mark.parametrize(
    ("printed", "version", "number"),
    [
        (OPENJDK_8, "1.8.0_392", 8),
        (OPENJDK_17, "17.0.1", 17),
        ('java version "9"', "9", 9),
        ('openjdk version "24-ea" 2025-03-18', "24-ea", 24),
        ("Unable to locate a Java Runtime.", "", 0),
        ('version "none"', "", 0),
    ],
)
def test_the_version_in_what_java_prints(printed: str, version: str, number: int) -> None:
    assert java_version(printed) == version
    assert java_number(version) == number
