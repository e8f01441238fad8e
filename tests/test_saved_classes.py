from __future__ import annotations

import pytest

from modelhub.artifacts import Artifact, ArtifactKey
from modelhub.facts import ModelFacts
from modelhub.saved_classes import class_difference

KEY = ArtifactKey.parse("some_model_en_5.5.0_3.0_1700000000000")
BERT = "com.johnsnowlabs.nlp.embeddings.BertEmbeddings"


@pytest.mark.parametrize(
    ("listed", "on_card", "saved"),
    [
        ("BertEmbeddings", "", BERT),
        ("", "BertEmbeddings", BERT),
        ("BERTEmbeddings", "", BERT),  # cards are written by people
        ("BertEmbeddings", "RoBertaEmbeddings", BERT),  # the hub's list counts
        ("Pipeline", "", "org.apache.spark.ml.PipelineModel"),
        ("NotDefined", "", BERT),
        ("", "", BERT),
        ("BertEmbeddings", "", ""),
    ],
)
def test_what_agrees_or_is_not_known_is_no_difference(listed: str, on_card: str, saved: str) -> None:
    assert class_difference(Artifact(key=KEY, annotator=listed), ModelFacts(annotator=on_card), saved) == ""


@pytest.mark.parametrize("told", ["RoBertaEmbeddings", "PipelineModel"])
def test_another_class_is_said(told: str) -> None:
    difference = class_difference(Artifact(key=KEY, annotator=told), ModelFacts(), BERT)

    assert (
        difference == f"{KEY} is said to be a {told}, but what was saved is a BertEmbeddings: load it with that class."
    )
