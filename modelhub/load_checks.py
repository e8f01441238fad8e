"""Whether models will load here: what the registry knows and what is installed, put before the rules."""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from modelhub.aliases import Aliases
from modelhub.artifacts import Artifact
from modelhub.catalogue import Catalogue
from modelhub.config import Config, honoured_variables, installed_version
from modelhub.errors import ArchiveError, IncompatibleError
from modelhub.resolver import Runtime
from modelhub.saved_classes import class_difference
from modelhub.saved_models import read_saved_model

if TYPE_CHECKING:  # only where a Spark NLP is known is there anything to judge
    from modelhub.load_verdicts import Installation, LoadVerdict


class LoadChecker:
    """Judges models by what is installed here.

    Args:
        config: Says which Spark NLP and Spark there are.
        catalogue: Knows the facts of models.
        aliases: Knows from which paths Spark NLP can load.
    """

    def __init__(self, config: Config, catalogue: Catalogue, aliases: Aliases) -> None:
        self._config = config
        self._catalogue = catalogue
        self._aliases = aliases

    def verdict(self, artifact: Artifact) -> LoadVerdict | None:
        """Whether an artifact will load; ``None`` where nobody knows which Spark NLP and Spark it should suit."""
        if not (self._config.sparknlp or self._config.spark):
            return None
        from modelhub.load_verdicts import engine_of, judge_load

        facts, installation = self._catalogue.registry.facts(artifact), self._installation
        if engine_of(artifact, facts):
            installation = replace(installation, engines=self.engines)
        return judge_load(artifact, facts, installation)

    def check(self, artifact: Artifact) -> LoadVerdict | None:
        """The verdict, unless strictness was asked for and something speaks against the artifact.

        Raises:
            IncompatibleError: It was, and something does.
        """
        verdict = self.verdict(artifact)
        if verdict and verdict.concerns and self._config.strict:
            raise IncompatibleError(
                verdict.concerns[0].about(artifact.reference), hint="Without --strict it is pulled all the same."
            )
        return verdict

    def saved_class(self, path: Path) -> str:
        """Full name of the class that a saved model names; "" where it names none."""
        try:
            return read_saved_model(path).class_name
        except ArchiveError:
            return ""

    def difference(self, artifact: Artifact, saved_class: str) -> str:
        """What to say where the saved model has another class than it is said to have; "" where it has not."""
        return class_difference(artifact, self._catalogue.registry.facts(artifact), saved_class)

    def path_note(self, path: Path) -> str:
        """What to say of an entry whose path Spark NLP cannot load from; "" where it can."""
        sign = self._aliases.sign_against(path)
        if not sign:
            return ""
        way_out = "prints one that it can load from" if sign.isascii() else "tells what to do"
        return f"Spark NLP cannot load from a path with {sign!r}: modelhub path NAME {way_out}."

    @cached_property
    def is_here(self) -> bool:
        """Whether the Spark NLP of the settings is the one that is installed; they may tell of a cluster elsewhere."""
        return bool(self._config.sparknlp) and self._config.sparknlp == installed_version("spark-nlp")

    @cached_property
    def engines(self) -> frozenset[str] | None:
        """Which engines the jars of Spark NLP bring here; ``None`` where nobody knows."""
        if not self.is_here:
            return None
        from modelhub.jar_probe import find_jars
        from modelhub.load_verdicts import engines_in

        variables = honoured_variables()
        jars = find_jars(variables.get("SPARK_HOME", ""), variables.get("SPARK_CONF_DIR", ""))
        return engines_in(jars, self._config.sparknlp)

    @cached_property
    def _installation(self) -> Installation:
        from modelhub.load_verdicts import LICENSED_PACKAGES, Installation

        config = self._config
        runtime = Runtime.of(sparknlp=config.sparknlp, spark=config.spark, annotator="", engine="")
        if not self.is_here:
            return Installation(runtime=runtime)
        libraries = frozenset(name for name, package in LICENSED_PACKAGES.items() if installed_version(package))
        return Installation(runtime=runtime, system=sys.platform, machine=_machine(), libraries=libraries)


def _machine() -> str:
    """The kind of processor: ``platform.machine()`` would cost 5 ms of imports."""
    return os.uname().machine if hasattr(os, "uname") else ""
