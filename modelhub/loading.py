"""From the folder of a saved model to the annotator, or the pipeline, that was saved there."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

from modelhub import spark
from modelhub.class_homes import home_of
from modelhub.errors import IncompatibleError
from modelhub.saved_models import read_saved_model

_HINTS = {"sparknlp": f"{spark.INSTALL} brings spark-nlp; another release may have the class."}


def load_saved(path: Path, repository: str = "") -> Any:
    """Load a model with the class that its own metadata names.

    Args:
        path: Its folder, as a path that Spark NLP can load from.
        repository: Where it is from: Legal and Finance NLP have classes of their own by common names.

    Raises:
        ArchiveError: The folder holds no saved model.
        IncompatibleError: Its class is in no library that is installed.
        UsageError: No Spark session runs, or pyspark is not installed.
        Exception: What Spark NLP raises where it cannot load it.
    """
    class_name = read_saved_model(path).class_name
    spark.check_session()
    if class_name == spark.PIPELINE_CLASS:
        return spark.load_pipeline(str(path))
    return _reader(class_name, repository).load(str(path))


def _reader(class_name: str, repository: str) -> Any:
    """The class of Python that stands for one of Scala.

    Raises:
        IncompatibleError: No library that is installed has it.
    """
    name = class_name.rpartition(".")[2]
    home = home_of(name, repository)
    try:
        return getattr(import_module(home.module), name)
    except (ImportError, AttributeError) as exc:
        raise IncompatibleError(
            f"What was saved is a {class_name}, and {home.module} has no {name} here: {exc}.",
            hint=_HINTS.get(home.library, "Install the licensed library with your licence of John Snow Labs."),
        ) from exc
