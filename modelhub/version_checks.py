"""Which Spark NLP, Spark, Java and Python there are, and whether they go together."""

from __future__ import annotations

import platform
import sys
from collections.abc import Iterator
from functools import partial

from modelhub import __version__
from modelhub.config import Config, installed_version
from modelhub.errors import IncompatibleError
from modelhub.findings import SKIPPED, WARNING, Finding
from modelhub.java_probe import find_java
from modelhub.versions import Version
from modelhub.versions_together import Verdict, judge_java, judge_spark

_PACKAGES = {"sparknlp": "spark-nlp", "spark": "pyspark"}
_found = partial(Finding, section="versions", error=IncompatibleError)


def check_versions(config: Config, java_home: str) -> Iterator[Finding]:
    """One finding for each program that takes part.

    Args:
        config: Settings; say for which Spark NLP and Spark models are chosen.
        java_home: Value of ``JAVA_HOME``; "" where it is not set.
    """
    python = platform.python_version()
    figures = {"version": __version__, "python": python, "system": sys.platform, "machine": platform.machine()}
    yield _found(name="modelhub", text=f"{__version__} on Python {python}", figures=figures)
    yield _check_package("sparknlp", config.sparknlp, config)
    yield _check_package("spark", config.spark, config)
    yield _check_java(java_home, installed_version("pyspark"))


def _check_package(name: str, version: str, config: Config) -> Finding:
    installed = installed_version(_PACKAGES[name])
    figures = {"version": version, "installed": installed, "origin": config.origins[name]}
    if not version:
        text = f"not installed, and MODELHUB_{name.upper()} is not set"
        return _found(name=name, state=SKIPPED, text=text, figures=figures)
    text = f"{version}, by {config.origins[name]}"
    if installed not in ("", version):
        text += f" (installed is {installed})"
    if name == "spark" and config.sparknlp:
        verdict = judge_spark(
            Version(config.sparknlp), Version(version), system=sys.platform, machine=platform.machine()
        )
        return _judged(name, text, verdict, figures)
    return _found(name=name, text=text, figures=figures)


def _check_java(java_home: str, pyspark: str) -> Finding:
    java = find_java(java_home)
    figures = {"version": java.version, "path": str(java.path or ""), "java_home": java_home}
    if java.trouble:
        if not pyspark:
            text = f"{java.trouble}; modelhub needs none"
            return _found(name="java", state=SKIPPED, text=text, figures=figures)
        hint = "Spark does not start without one: install a Java, or set JAVA_HOME to the folder of one."
        return _found(name="java", state=WARNING, text=java.trouble, hint=hint, figures=figures)
    text = f"{java.version} ({java.path})"
    if not pyspark:
        return _found(name="java", text=text, figures=figures)
    return _judged("java", text, judge_java(Version(pyspark), java.version), figures)


def _judged(name: str, text: str, verdict: Verdict, figures: dict[str, str]) -> Finding:
    return _found(
        name=name,
        state=verdict.state,
        text=f"{text}, {verdict.text}",
        hint=verdict.hint,
        figures={**figures, "source": verdict.source},
    )
