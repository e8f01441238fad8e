from __future__ import annotations

import pytest

from modelhub.weights import needs_of

PACKAGE = "com.johnsnowlabs.nlp."


def names_of(class_name: str, engine: str = "") -> list[str]:
    return [need.name for need in needs_of(f"{PACKAGE}{class_name}", engine)]


@pytest.mark.parametrize(
    ("class_name", "engine", "names"),
    [
        ("embeddings.BertSentenceEmbeddings", "", ["bert_sentence_tensorflow"]),
        ("embeddings.BertSentenceEmbeddings", "onnx", ["bert_sentence_onnx"]),
        ("embeddings.BertSentenceEmbeddings", "openvino", ["bert_sentence_ov"]),
        ("annotators.classifier.dl.BertForTokenClassification", "ONNX", ["bert_classification_onnx"]),
        ("annotators.classifier.dl.MPNetForSequenceClassification", "onnx", ["mpnet_classification_onnx"]),
        ("annotators.ner.dl.NerDLModel", "", ["tensorflow"]),
        ("embeddings.XlmRoBertaEmbeddings", "", ["xlmroberta_tensorflow", "xlmroberta_spp"]),
        ("embeddings.WordEmbeddingsModel", "", ["storage"]),
        ("annotators.seq2seq.T5Transformer", "tensorflow", ["t5_tensorflow", "t5_spp"]),
    ],
)
def test_what_a_class_reads_is_known(class_name: str, engine: str, names: list[str]) -> None:
    assert names_of(class_name, engine) == names


@pytest.mark.parametrize(
    ("class_name", "engine"),
    [
        ("annotators.pos.perceptron.PerceptronModel", ""),
        ("annotators.seq2seq.T5Transformer", "onnx"),
        ("embeddings.BertEmbeddings", "engine_of_tomorrow"),
        ("annotators.seq2seq.AutoGGUFModel", ""),
    ],
)
def test_where_nothing_is_known_nothing_is_said(class_name: str, engine: str) -> None:
    assert names_of(class_name, engine) == []


@pytest.mark.parametrize("package", ["com.johnsnowlabs.legal.", "org.apache.spark.ml.", ""])
def test_a_class_of_others_is_not_known(package: str) -> None:
    assert needs_of(f"{package}BertEmbeddings") == []


def test_a_file_that_looks_like_it_will_do() -> None:
    (need,) = needs_of(f"{PACKAGE}embeddings.BertEmbeddings")

    assert need.is_met({"metadata", "bert_tensorflow"})
    assert need.is_met({"metadata", "old_bert_tensorflow"})
    assert need.is_met({"metadata", "saved_model.pb"})
    assert not need.is_met({"metadata", "fields", "bert_onnx"})
