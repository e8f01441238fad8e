"""Registries for tests of the search: a few models, each with one oddity, recorded in a real file."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from modelhub.artifacts import ArtifactKey
from modelhub.descriptions import Description
from modelhub.documents import Document, Listing, Source
from modelhub.facts import ModelFacts
from modelhub.recording import record
from modelhub.registry import Registry

SNAPSHOT = Source(uri="package:snapshot", kind="snapshot")


def document(
    name: str, language: str = "en", lib: str = "4.0.0", *, spark: str = "3.0", is_ready: bool = True, **facts: Any
) -> Document:
    """What a source says of an artifact."""
    key = ArtifactKey(name, language, lib, spark, "1656000000000")
    return Document(
        path=str(key),
        digest=b"1",
        description=Description.of(key, ModelFacts(**facts)),
        repository="public/models",
        listing=Listing(is_ready=is_ready),
    )


MODELS = (
    document(
        "pos_tiny",
        title="Part of speech, tiny",
        tasks=("Part of Speech Tagging",),
        annotator="PerceptronModel",
        engine="onnx",
        product="Spark NLP",
        size_bytes=1_000,
        date="2022-06-23",
        labels=("NOUN", "VERB"),
    ),
    document(
        "ner_hats",
        title="Hats of all kinds",
        tasks=("Named Entity Recognition",),
        tags=("felt", "straw"),
        annotator="BertForTokenClassification",
        engine="tensorflow",
        product="Healthcare NLP",
        size_bytes=500_000,
        date="2021-02-03",
        labels=("HAT", "CAP"),
        supported=True,
    ),
    document("ner_hats", "de", title="H\u00fcte", tasks=("Named Entity Recognition",), date="2023-01-01"),
    document(
        "ner_caps",
        title="Caps, formerly hats",
        tasks=("Named Entity Recognition", "Token Classification"),
        date="2020-05-05",
        deprecated=True,
    ),
    document("embed_2048", title="Embeddings", tasks=("Embeddings",), recommended=True, date="2020-01-01"),
)


def make_registry(path: Path, documents: Iterable[Document] = MODELS) -> Path:
    """A registry file with documents of the snapshot in it."""
    Registry.create(path, kept=path.with_name("kept.sqlite"), stamp="").close()
    with Registry.open(path, is_writable=True) as registry:
        record(registry, SNAPSHOT, documents)
    return path
