"""``modelhub demo --load``: Spark NLP runs one of the packaged models, in a process of its own."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sparknlp_parts import class_path, packages_folder

pytestmark = [pytest.mark.spark, pytest.mark.usefixtures("unmeasured")]
TAGGED = "The/DT old/JJ cat/NN saw/VBD a/DT bird/NN ,/, and/CC a/DT small/JJ bird/NN saw/VBD the/DT cat/NN ./."


@pytest.fixture
def environment(parts: Path, tmp_path: Path) -> dict[str, str]:
    """That of somebody who has installed pyspark and spark-nlp, and no jar."""
    java = f"-Djava.io.tmpdir={tmp_path} -Duser.home={tmp_path}"
    packages = {"PYTHONPATH": str(packages_folder(parts)), "JAVA_TOOL_OPTIONS": java}
    return {**os.environ, **packages}


def run_demo(start: Callable[..., Any], environment: dict[str, str]) -> tuple[int, Any]:
    """The exit status of ``modelhub demo --load``, and the envelope that it prints."""
    with start("demo", "--load", "--json", env=environment) as process:
        out, _ = process.communicate(timeout=300)
    return process.returncode, json.loads(out)


def test_with_spark_nlp_and_its_jar_a_model_runs(
    start: Callable[..., Any], parts: Path, environment: dict[str, str]
) -> None:
    jar = {"PYSPARK_SUBMIT_ARGS": f"--driver-class-path {class_path(parts)} pyspark-shell"}

    status, answer = run_demo(start, {**environment, **jar})

    assert (status, answer["errors"]) == (0, [])
    assert answer["data"]["steps"][-1]["output"] == TAGGED


def test_without_the_jar_it_says_what_to_install(start: Callable[..., Any], environment: dict[str, str]) -> None:
    status, answer = run_demo(start, environment)

    assert status == 5
    assert "com.johnsnowlabs.nlp:spark-nlp_2.12" in answer["errors"][0]["hint"]
