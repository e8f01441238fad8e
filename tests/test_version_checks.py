from __future__ import annotations

import platform
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from test_java_probe import make_java, says

from modelhub.config import load_config
from modelhub.errors import IncompatibleError
from modelhub.findings import Finding
from modelhub.version_checks import check_versions

Install = Callable[[str, str], None]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """``install(package, version)``: let a package be installed."""
    site = tmp_path / "site"
    site.mkdir()
    others = [entry for entry in sys.path if not _has_spark(entry)]
    monkeypatch.setattr(sys, "path", [str(site), *others])

    def run(package: str, version: str) -> None:
        (site / f"{package.replace('-', '_')}-{version}.dist-info").mkdir()

    return run


def _has_spark(folder: str) -> bool:
    return any(Path(folder or ".").glob("*spark*.dist-info"))


def checked(java_home: object = "", **flags: str) -> dict[str, Finding]:
    return {finding.name: finding for finding in check_versions(load_config(flags), str(java_home))}


def test_what_is_installed_goes_together(install: Install, tmp_path: Path) -> None:
    install("spark-nlp", "5.5.3")
    install("pyspark", "3.5.9")
    make_java(tmp_path / "jdk", says("17.0.15"))

    findings = checked(tmp_path / "jdk")

    assert {finding.state for finding in findings.values()} == {"ok"}
    assert findings["modelhub"].figures["python"] == platform.python_version()
    assert findings["sparknlp"].text == "5.5.3, by installed package spark-nlp"
    assert findings["spark"].text.startswith(
        "3.5.9, by installed package pyspark, goes with Spark NLP 5.5.3 (spark-nlp"
    )
    assert findings["java"].text == f"17.0.15 ({tmp_path / 'jdk/bin/java'}), goes with Spark 3.5"
    assert "PyPI" in findings["spark"].figures["source"]


def test_what_does_not_go_together_is_a_problem(install: Install, tmp_path: Path) -> None:
    install("spark-nlp", "5.5.3")
    install("pyspark", "4.0.1")
    make_java(tmp_path / "jdk", says("11.0.2"))

    findings = checked(tmp_path / "jdk")

    assert [findings[name].state for name in ("sparknlp", "spark", "java")] == ["ok", "problem", "problem"]
    assert findings["spark"].error is IncompatibleError
    assert "does not go with Spark NLP 5.5.3: it is built for Scala 2.13, not 2.12" in findings["spark"].text
    assert findings["java"].hint == "Set JAVA_HOME to a Java 17 or 21."


def test_what_is_set_counts_and_what_is_installed_is_told(install: Install) -> None:
    install("pyspark", "3.5.9")

    findings = checked(spark="3.1.2", sparknlp="3.4.4")

    assert findings["spark"].text.startswith("3.1.2, by flag (installed is 3.5.9), goes with Spark NLP 3.4.4")
    assert findings["sparknlp"].text == "3.4.4, by flag"


def test_nothing_installed_is_nothing_to_complain_of(install: Install, tmp_path: Path) -> None:
    findings = checked(tmp_path / "none")

    assert [findings[name].state for name in ("sparknlp", "spark", "java")] == ["skipped"] * 3
    assert findings["spark"].text == "not installed, and MODELHUB_SPARK is not set"


def test_spark_without_spark_nlp_is_told_as_it_is(install: Install) -> None:
    install("pyspark", "3.5.9")

    assert checked()["spark"].text == "3.5.9, by installed package pyspark"


def test_spark_without_java_is_a_warning(install: Install, tmp_path: Path) -> None:
    install("pyspark", "3.5.9")
    java = checked(tmp_path / "none")["java"]

    assert java.state == "warning"
    assert "has no bin/java" in java.text
    assert "JAVA_HOME" in java.hint


def test_java_without_spark_is_not_judged(install: Install, tmp_path: Path) -> None:
    make_java(tmp_path / "jdk", says("25.0.1"))

    assert checked(tmp_path / "jdk")["java"].text == f"25.0.1 ({tmp_path / 'jdk/bin/java'})"
