"""The Spark of this process: the only module that uses pyspark, which is optional and imported late."""

from __future__ import annotations

from typing import Any

from modelhub.errors import UsageError

PIPELINE_CLASS = "org.apache.spark.ml.PipelineModel"
INSTALL = "pip install 'pyspark>=3.0' 'spark-nlp>=3.0' 'numpy>=1.21'"  # our extra; on PyPI our name is another's
_NO_PYSPARK = f"{INSTALL} brings what is missing."
_NO_SESSION = "Start one first: spark = sparknlp.start()"


def running_version() -> str:
    """The version of the Spark that runs in this process; "" where none runs."""
    context = _context()
    return str(context.version) if context else ""


def setting(name: str) -> str:
    """A setting of the session that runs; "" where none runs, or it has none of that name."""
    if _context() is None:
        return ""
    from pyspark.sql import SparkSession

    return str(SparkSession.builder.getOrCreate().conf.get(name, "") or "")


def check_session() -> None:
    """See that a session runs which can load a model.

    Raises:
        UsageError: pyspark is not installed, or no session runs.
    """
    try:
        from pyspark import SparkContext  # noqa: F401
    except ImportError as exc:
        raise UsageError("pyspark is not installed.", hint=_NO_PYSPARK) from exc
    if _context() is None:
        raise UsageError("No Spark session runs in this process.", hint=_NO_SESSION)


def load_pipeline(path: str) -> Any:
    """Load a saved pipeline; a session runs."""
    from pyspark.ml import PipelineModel

    return PipelineModel.load(path)


def _context() -> Any:
    """The context of the session that runs, or ``None``; asking for it starts no JVM."""
    try:
        from pyspark import SparkContext
    except ImportError:
        return None
    return SparkContext._active_spark_context
