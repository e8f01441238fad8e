from __future__ import annotations

import pytest

from modelhub.signatures import Signature, class_meant, meaning_of, serves, signature_by_labels, signature_of


@pytest.mark.parametrize(
    ("annotator", "reads", "writes"),
    [
        ("BertForTokenClassification", ("text", "token"), "named_entity"),
        ("MedicalBertForTokenClassifier", ("text", "token"), "named_entity"),
        ("BertEmbeddings", ("text", "token"), "word_embeddings"),
        ("BertSentenceEmbeddings", ("text",), "sentence_embeddings"),
        ("SentenceEmbeddings", ("text", "word_embeddings"), "sentence_embeddings"),
        ("E5Embeddings", ("text",), "sentence_embeddings"),
        ("NerDLModel", ("text", "token", "word_embeddings"), "named_entity"),
        ("ZeroShotNerModel", ("text", "token"), "named_entity"),
        ("TapasForQuestionAnswering", ("table_question", "table"), "answer"),
        ("CLIPForZeroShotClassification", ("image",), "class"),
        ("MarianTransformer", ("text",), "generation"),
    ],
)
def test_the_more_special_pattern_comes_first(annotator: str, reads: tuple[str, ...], writes: str) -> None:
    signature = signature_of(annotator)

    assert signature is not None
    assert (signature.reads, signature.writes) == (reads, writes)


def test_an_unknown_class_has_no_signature() -> None:
    assert signature_of("HatDetector") is None


def test_an_unknown_class_reads_what_its_card_says() -> None:
    assert signature_by_labels(("sentence", "embeddings", "hat")) == Signature(("text", "word_embeddings", "hat"))


@pytest.mark.parametrize(
    ("label", "meaning"),
    [
        ("Sentence", "sentence"),
        ("form", "token"),
        ("document_question", "question"),
        ("sbert_embeddings", "embeddings"),
        ("train_ner_chunks", "chunk"),
        ("pos_tags", "pos"),
        ("icd10_code", "resolution"),
        ("hat", ""),
    ],
)
def test_a_label_means_one_thing(label: str, meaning: str) -> None:
    assert meaning_of(label) == meaning


def test_a_label_serves_for_kinds_without_a_meaning_of_their_own() -> None:
    assert serves("sentence", "text")
    assert serves("embeddings", "sentence_embeddings")
    assert not serves("embeddings", "token")


def test_a_misspelt_class_is_put_right() -> None:
    assert class_meant("SpellCheckModel") == "ContextSpellCheckerModel"
    assert class_meant("BertEmbeddings") == "BertEmbeddings"
