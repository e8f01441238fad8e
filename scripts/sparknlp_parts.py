"""Where scripts/install_sparknlp.py puts Spark and Spark NLP, and a session of them."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

RELEASES = ("3.2.1", "3.4.4", "5.5.3")
_PYTHON = f"cp{sys.version_info.major}{sys.version_info.minor}"


def parts_folder() -> Path:
    """Where the parts are, or would be."""
    named = os.environ.get("MODELHUB_TEST_SPARKNLP")
    return Path(named) if named else Path.home() / ".cache" / "modelhub-tests" / "sparknlp"


def packages_folder(folder: Path, release: str = "5.5.3") -> Path:
    """The folder for ``sys.path`` with the Python packages of a release, for this version of Python."""
    return folder / f"python-{release}-{_PYTHON}"


def class_path(folder: Path, release: str = "5.5.3") -> str:
    """The jars of a release of Spark NLP, as ``java -cp`` takes them; Spark's are not among them."""
    return os.pathsep.join(map(str, sorted((folder / "jars" / release).glob("*.jar"))))


def spark_class_path(folder: Path) -> str:
    """Spark's own jars."""
    return str(packages_folder(folder) / "pyspark" / "jars" / "*")


def start_session(folder: Path, cache: Path, *, options: Mapping[str, str] | None = None) -> Any:
    """A ``SparkSession`` with Spark NLP 5.5.3; the packages must be importable by now.

    Args:
        folder: Where the parts are.
        cache: What Spark NLP takes for its cache.
        options: More settings of Spark.
    """
    from pyspark.sql import SparkSession

    settings = {
        "spark.driver.extraClassPath": class_path(folder),
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.ui.enabled": "false",
        # Each ONNX model is called model.onnx, and Spark refuses another file of one name.
        "spark.files.overwrite": "true",
        "spark.sql.shuffle.partitions": "1",
        "spark.jsl.settings.pretrained.cache_folder": str(cache),
    }
    builder = SparkSession.builder.master("local[2]").appName("modelhub")
    for name, value in {**settings, **(options or {})}.items():
        builder = builder.config(name, value)
    return builder.getOrCreate()
