"""The main job shown without any network: a hub in a temporary folder, a cache and a registry of its own.

The hub holds stand-ins: small folders in the exact layout of a saved annotator or pipeline, under the keys of the
models of ``cards/``, with a few bytes where the weights would be. They can be found, pulled and verified as the real
ones; Spark NLP cannot load them. Each step is the command that a user would type, run as a process of its own.
"""

from __future__ import annotations

import io
import json
import shlex
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Mapping
from hashlib import md5
from pathlib import Path
from typing import Any

from modelhub.artifacts import ArtifactKey
from modelhub.config import child_environment
from modelhub.errors import ModelHubError
from modelhub.output import Output
from modelhub.public_hub import PUBLIC_REPOSITORY

_MODELS = (
    "bert_pos_4L_weight_decay_en_4.0.0_3.0_1657118162458",
    "bert_pos_BERT_finetuned_conll2003_POS_en_4.0.0_3.0_1657288407924",
    "bert_large_token_classifier_conll03_en_3.2.0_2.4_1628171471927",
    "bert_token_classifier_spanish_ner_es_3.2.0_2.4_1628186970366",
)
_PIPELINE = "demo_pos_pipeline_en_4.0.0_3.0_1657118162458"
_CLASS = "com.johnsnowlabs.nlp.annotators.classifier.dl.BertForTokenClassification"
_STAND_IN = b"A stand-in of modelhub demo: there are no weights here, and Spark NLP cannot load it.\n"

_STEPS: tuple[tuple[str, str], ...] = (
    ("Find a model among thousands, without a network:", "search bert pos --lang en --max-size 50MB --limit 6"),
    ("See what it is:", "show bert_pos_4L_weight_decay"),
    (
        "Of several builds see which one Spark NLP 3.4.4 would take, and why:",
        "resolve spellcheck_dl en --sparknlp 3.4.4 --spark 3.0.1 --explain --no-update",
    ),
    ("Learn what the hub has (here a hub in a folder, with stand-ins for five models):", "update"),
    ("Bring it into the cache, whole:", "pull bert_pos_4L_weight_decay en"),
    ("Once more costs nothing:", "pull bert_pos_4L_weight_decay:en"),
    ("A pipeline too:", "pull demo_pos_pipeline"),
    ("Is everything whole, byte by byte?", "verify --deep"),
    ("What is in the cache:", "list"),
    (
        "The code that would load it (a stand-in has no weights, the real one has):",
        "show bert_pos_4L_weight_decay --code python --load",
    ),
)


def run_demo(output: Output) -> list[dict[str, Any]]:
    """Run every step, each printed as it is typed; return the commands and their exit statuses.

    Raises:
        ModelHubError: A step failed.
    """
    done = []
    with tempfile.TemporaryDirectory(prefix="modelhub-demo-") as folder:
        environment = _environment(Path(folder))
        build_demo_hub(Path(folder) / "hub")
        for explanation, command in _STEPS:
            if not output.is_json:
                output.line(f"\n# {explanation}\n$ modelhub {command}")
            status, answer = _run_step(command, environment, output)
            done.append({"command": f"modelhub {command}", "exit_status": status, "output": answer})
            if status:
                raise ModelHubError(f"modelhub {command} ended with {status}.", hint="Please report it.")
    return done


def build_demo_hub(folder: Path) -> None:
    """Make a hub of stand-ins in a folder: zips and their ``metadata.json``."""
    repository = folder / PUBLIC_REPOSITORY
    repository.mkdir(parents=True)
    lines = []
    for text in (*_MODELS, _PIPELINE):
        key = ArtifactKey.parse(text)
        content = _zip_of(_pipeline_files(key) if text == _PIPELINE else _model_files(key))
        (repository / f"{key}.zip").write_bytes(content)
        lines.append(json.dumps(_metadata_line(key, content, is_pipeline=text == _PIPELINE)))
    (repository / "metadata.json").write_text("\n".join(lines) + "\n", encoding="utf-8")


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


def _model_files(key: ArtifactKey, prefix: str = "") -> dict[str, bytes]:
    """The files of a saved BertForTokenClassification, with a stand-in for the weights."""
    metadata = {
        "class": _CLASS,
        "timestamp": key.built_ms,
        "sparkVersion": "3.0.2",
        "uid": f"BERT_FOR_TOKEN_CLASSIFICATION_{key.millis[-12:]}",
        "paramMap": {"caseSensitive": True, "maxSentenceLength": 128, "outputCol": "pos"},
        "defaultParamMap": {"batchSize": 8, "lazyAnnotator": False},
    }
    return {
        f"{prefix}metadata/_SUCCESS": b"",
        f"{prefix}metadata/part-00000": json.dumps(metadata).encode() + b"\n",
        f"{prefix}fields/vocabulary/_SUCCESS": b"",
        f"{prefix}fields/vocabulary/part-00000": _STAND_IN,
        f"{prefix}fields/labels/_SUCCESS": b"",
        f"{prefix}fields/labels/part-00000": _STAND_IN,
        f"{prefix}bert_classification_tensorflow": _STAND_IN * 200,
    }


def _pipeline_files(key: ArtifactKey) -> dict[str, bytes]:
    """The files of a saved pipeline of two stages, the second the stand-in of a tagger."""
    assembler = {
        "class": "com.johnsnowlabs.nlp.DocumentAssembler",
        "timestamp": key.built_ms,
        "sparkVersion": "3.0.2",
        "uid": "document_0c1d2e3f4a5b",
        "paramMap": {"inputCol": "text", "outputCol": "document"},
    }
    tagger = json.loads(_model_files(key)["metadata/part-00000"])
    pipeline = {
        "class": "org.apache.spark.ml.PipelineModel",
        "timestamp": key.built_ms,
        "sparkVersion": "3.0.2",
        "uid": "PIPELINE_0a1b2c3d4e5f",
        "paramMap": {"stageUids": [assembler["uid"], tagger["uid"]]},
    }
    first = f"stages/0_{assembler['uid']}/"
    return {
        "metadata/_SUCCESS": b"",
        "metadata/part-00000": json.dumps(pipeline).encode() + b"\n",
        f"{first}metadata/_SUCCESS": b"",
        f"{first}metadata/part-00000": json.dumps(assembler).encode() + b"\n",
        **_model_files(key, f"stages/1_{tagger['uid']}/"),
    }


def _zip_of(files: Mapping[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, content in files.items():
            archive.writestr(path, content)
    return buffer.getvalue()


def _metadata_line(key: ArtifactKey, content: bytes, *, is_pipeline: bool) -> dict[str, Any]:
    """A line of ``metadata.json`` as Spark NLP writes it (``ResourceMetadata.scala``)."""
    from datetime import datetime, timezone

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
