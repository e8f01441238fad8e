"""The main job shown without any network: a hub in a temporary folder, a cache and a registry of its own.

The hub holds five small models that Spark NLP itself saved (scripts/save_demo_models.py): under the key of each model
of ``cards/`` a genuine ``BertForTokenClassification`` with ONNX weights, which knows some dozens of words, and a
pipeline. They can be found, pulled and verified as the real ones, and Spark NLP loads and runs them; they have the
labels of the real ones, and nothing of their skill. Each step is the command that a user would type, run as a process
of its own.
"""

from __future__ import annotations

import json
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from hashlib import md5
from pathlib import Path
from typing import Any

from modelhub.artifacts import ArtifactKey
from modelhub.config import child_environment
from modelhub.errors import IncompatibleError, ModelHubError
from modelhub.output import Output
from modelhub.packaged import DEMO
from modelhub.public_hub import PUBLIC_REPOSITORY
from modelhub.spark import INSTALL

_SENTENCE = "The old cat saw a bird, and a small bird saw the cat."
_LOAD_EXPLANATION = "Let Spark NLP load it from the cache, by .pretrained() and without a network, and tag a sentence:"
_LOAD_COMMAND = f"python -m modelhub.sparknlp tag.py {shlex.quote(_SENTENCE)}"
# What ends a script without Spark NLP in Python, and without its classes in Java.
_MISSING_PACKAGES = ("No module named", "is not installed")
_MISSING_JAR = ("'JavaPackage' object is not callable", "ClassNotFoundException: com.johnsnowlabs")
_INSTALL_PACKAGES = f"{INSTALL} brings what is missing; it needs Java 8, 11 or 17."
_INSTALL_JAR = (
    "Bring it with PYSPARK_SUBMIT_ARGS='--packages com.johnsnowlabs.nlp:spark-nlp_2.12:VERSION pyspark-shell' in the "
    "environment, VERSION as pip show spark-nlp tells it (_2.13 for Spark 4)."
)

_STEPS: tuple[tuple[str, str], ...] = (
    ("Find a model among thousands, without a network:", "search bert pos --lang en --max-size 50MB --limit 6"),
    ("See what it is:", "show bert_pos_4L_weight_decay"),
    (
        "Of several builds see which one Spark NLP 3.4.4 would take, and why:",
        "resolve spellcheck_dl en --sparknlp 3.4.4 --spark 3.0.1 --explain --no-update",
    ),
    ("Learn what the hub has (here a hub in a folder, with five small models that know a few words):", "update"),
    ("Bring it into the cache, whole:", "pull bert_pos_4L_weight_decay en"),
    ("Once more costs nothing:", "pull bert_pos_4L_weight_decay:en"),
    ("A pipeline too:", "pull demo_pos_pipeline"),
    ("Is everything whole, byte by byte?", "verify --deep"),
    ("What is in the cache:", "list"),
    (
        "The code that loads it (this small one knows some dozens of words; the real one, 42.9 MB, knows English):",
        "show bert_pos_4L_weight_decay --code python --load",
    ),
)


def run_demo(output: Output, *, is_loading: bool = False) -> list[dict[str, Any]]:
    """Run every step, each printed as it is typed; return the commands and their exit statuses.

    Args:
        output: Prints the steps; those that are commands print by themselves.
        is_loading: Whether Spark NLP shall run one of the models in the end.

    Raises:
        IncompatibleError: Spark NLP shall run one, and is not here.
        ModelHubError: A step failed.
    """
    done = []
    with tempfile.TemporaryDirectory(prefix="modelhub-demo-") as folder:
        environment = _environment(Path(folder))
        build_demo_hub(Path(folder) / "hub")
        for explanation, command in _STEPS:
            _announce(explanation, f"modelhub {command}", output)
            status, answer = _run_step(command, environment, output)
            done.append({"command": f"modelhub {command}", "exit_status": status, "output": answer})
            if status:
                raise ModelHubError(f"modelhub {command} ended with {status}.", hint="Please report it.")
        if is_loading:
            _announce(_LOAD_EXPLANATION, _LOAD_COMMAND, output)
            tagged = _run_in_spark(environment)
            if not output.is_json:
                output.line(tagged)
            done.append({"command": _LOAD_COMMAND, "exit_status": 0, "output": tagged})
    return done


def build_demo_hub(folder: Path) -> None:
    """Make a hub of the small models in a folder: zips and their ``metadata.json``."""
    repository = folder / PUBLIC_REPOSITORY
    repository.mkdir(parents=True)
    lines = []
    for archive in sorted(DEMO.glob("*.zip")):
        shutil.copyfile(archive, repository / archive.name)
        lines.append(json.dumps(_metadata_line(ArtifactKey.parse(archive.name), archive.read_bytes())))
    (repository / "metadata.json").write_text("\n".join(lines) + "\n", encoding="utf-8")


def _announce(explanation: str, command: str, output: Output) -> None:
    if not output.is_json:
        output.line(f"\n# {explanation}\n$ {command}")


def _environment(folder: Path) -> dict[str, str]:
    return child_environment(
        cache=folder / "cache_pretrained",
        home=folder / "home",
        hub=(folder / "hub").as_uri(),
        repositories=PUBLIC_REPOSITORY,
        sparknlp="5.5.3",
        spark="3.5.1",
    )


def _run_step(command: str, environment: Mapping[str, str], output: Output) -> tuple[int, Any]:
    """Exit status of a command, and its data where JSON is wanted; else it prints where we print."""
    words = [sys.executable, "-m", "modelhub", *shlex.split(command)]
    if not output.is_json:
        return subprocess.run(words, env=dict(environment), check=False).returncode, None
    finished = subprocess.run([*words, "--json"], env=dict(environment), check=False, capture_output=True)
    return finished.returncode, json.loads(finished.stdout)["data"] if finished.stdout else None


def _run_in_spark(environment: Mapping[str, str]) -> str:
    """What a script for Spark NLP prints, run with our cache.

    Raises:
        IncompatibleError: Spark NLP is not here, or not whole.
        ModelHubError: The script failed.
    """
    words = [sys.executable, "-m", "modelhub.sparknlp", str(DEMO / "tag.py"), _SENTENCE]
    finished = subprocess.run(words, env=dict(environment), check=False, capture_output=True, text=True)
    if not finished.returncode:
        return finished.stdout.strip().splitlines()[-1]
    said = finished.stderr
    if any(sign in said for sign in _MISSING_PACKAGES):
        raise IncompatibleError("Spark NLP is not installed in this Python.", hint=_INSTALL_PACKAGES)
    if any(sign in said for sign in _MISSING_JAR):
        raise IncompatibleError("Spark does not find the jar of Spark NLP.", hint=_INSTALL_JAR)
    last = said.strip().rpartition("\n")[2]
    raise ModelHubError(f"Spark NLP could not run the model: {last}", hint="modelhub doctor tells what is here.")


def _metadata_line(key: ArtifactKey, content: bytes) -> dict[str, Any]:
    """A line of ``metadata.json`` as Spark NLP writes it (``ResourceMetadata.scala``)."""
    from datetime import datetime, timezone

    is_pipeline = key.name.endswith("_pipeline")
    built = datetime.fromtimestamp(key.built_ms // 1000, tz=timezone.utc)
    return {
        "name": key.name,
        "language": key.language,
        "libVersion": {"parts": [int(part) for part in key.lib_version.split(".")]},
        "sparkVersion": {"parts": [int(part) for part in key.spark_version.split(".")]},
        "readyToUse": True,
        "time": f"{built:%Y-%m-%dT%H:%M:%S}.{key.built_ms % 1000:03d}Z",
        "isZipped": True,
        "category": "pl" if is_pipeline else "ml",
        "checksum": md5(content, usedforsecurity=False).hexdigest().upper(),
        "annotator": "PipelineModel" if is_pipeline else "BertForTokenClassification",
    }
