from __future__ import annotations

import pytest

from modelhub.class_homes import ClassHome, home_of

OPEN = "com.johnsnowlabs.nlp"


@pytest.mark.parametrize(
    ("annotator", "repository", "home"),
    [
        ("BertEmbeddings", "", ClassHome("sparknlp", "sparknlp.annotator", f"{OPEN}.annotator")),
        ("BertEmbeddings", "legal/models", ClassHome("sparknlp", "sparknlp.annotator", f"{OPEN}.annotator")),
        ("DocumentAssembler", "", ClassHome("sparknlp", "sparknlp.base", f"{OPEN}.base")),
        ("TableAssembler", "", ClassHome("sparknlp", "sparknlp.base", f"{OPEN}.base")),
        (
            "ContextSpellCheckerModel",
            "",
            ClassHome("sparknlp", "sparknlp.annotator", f"{OPEN}.annotators.spell.context"),
        ),
        (
            "MedicalNerModel",
            "clinical/models",
            ClassHome("sparknlp_jsl", "sparknlp_jsl.annotator", f"{OPEN}.annotators.ner"),
        ),
        (
            "LegalNerModel",
            "legal/models",
            ClassHome("sparknlp_jsl", "sparknlp_jsl.legal", "com.johnsnowlabs.legal.token_classification.ner"),
        ),
        (
            "ChunkMapperModel",
            "finance/models",
            ClassHome(
                "sparknlp_jsl", "sparknlp_jsl.finance", "com.johnsnowlabs.finance.chunk_classification.resolution"
            ),
        ),
        (
            "ChunkMapperModel",
            "clinical/models",
            ClassHome("sparknlp_jsl", "sparknlp_jsl.annotator", f"{OPEN}.annotators.chunker"),
        ),
        ("ZeroShotNerModel", "", ClassHome("sparknlp", "sparknlp.annotator", f"{OPEN}.annotator")),
        (
            "ZeroShotNerModel",
            "clinical/models",
            ClassHome("sparknlp_jsl", "sparknlp_jsl.annotator.ner.zero_shot_ner", f"{OPEN}.annotators.ner"),
        ),
        ("MedicalHatModel", "clinical/models", ClassHome("sparknlp_jsl", "sparknlp_jsl.annotator", "")),
        (
            "ImageToTextv2",
            "clinical/ocr",
            ClassHome("sparkocr", "sparkocr.transformers", "com.johnsnowlabs.ocr.transformers"),
        ),
        ("ImageAssembler", "clinical/ocr", ClassHome("sparknlp", "sparknlp.base", f"{OPEN}.base")),
    ],
)
def test_a_class_is_imported_from_its_library(annotator: str, repository: str, home: ClassHome) -> None:
    assert home_of(annotator, repository) == home
