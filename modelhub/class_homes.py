"""Where the classes of Spark NLP and of its licensed siblings are imported from, in Python and in Scala."""

from __future__ import annotations

import re

from modelhub.quick_dataclasses import dataclass


@dataclass(frozen=True)
class ClassHome:
    """Where a class lives.

    Attributes:
        library: ``sparknlp``, ``sparknlp_jsl`` or ``sparkocr``.
        module: Python module to import it from.
        package: Scala package; empty where it is not known.
    """

    library: str
    module: str
    package: str


_BASE = (
    "AudioAssembler",
    "Doc2Chunk",
    "DocumentAssembler",
    "ImageAssembler",
    "MultiDocumentAssembler",
    "TableAssembler",
)
# Open classes that the Scala object ``annotator`` of 5.5.3 leaves out, though Python's module has them.
_LEFT_OUT = (
    (re.compile("(CPM|LLAMA3|Mistral|NLLB|Phi2|Phi3|Qwen|StarCoder)Transformer"), "annotators.seq2seq"),
    (re.compile("BertForMultipleChoice|CamemBertForZeroShotClassification"), "annotators.classifier.dl"),
    (re.compile("BLIPForQuestionAnswering"), "annotators.cv"),
    (re.compile("ContextSpellCheckerModel"), "annotators.spell.context"),
    (re.compile("NomicEmbeddings"), "embeddings"),
)
_VISUAL = re.compile(r"(Visual|Image|Ocr|Hocr|Pdf|Table|Binary)\w+")

# Scala package, below that of the library, to classes.
_HEALTHCARE = {
    "assertion.dl": ("AssertionDLModel",),
    "assertion.logreg": ("AssertionLogRegModel",),
    "chunker": ("ChunkMapperModel",),
    "classification": (
        "MedicalBertForSequenceClassification",
        "MedicalBertForTokenClassifier",
        "MedicalDistilBertForSequenceClassification",
    ),
    "deid": ("DeIdentificationModel",),
    "embeddings": ("BertSentenceChunkEmbeddings",),
    "generic_classifier": ("GenericClassifierModel",),
    "ner": ("MedicalNerModel",),
    "re": (
        "RENerChunksFilter",
        "RelationExtractionDLModel",
        "RelationExtractionModel",
        "ZeroShotRelationExtractionModel",
    ),
    "resolution": ("ChunkEntityResolverModel", "SentenceEntityResolverModel"),
}
# Legal NLP and Finance NLP have the same classes; those of the first table bear the name of the domain before theirs.
_DOMAIN_PREFIXED = {
    "token_classification.ner": ("NerModel", "BertForTokenClassification"),
    "sequence_classification": ("ClassifierDLModel", "BertForSequenceClassification"),
}
_DOMAIN = {
    "chunk_classification.assertion": ("AssertionDLModel",),
    "chunk_classification.deid": ("DeIdentificationModel",),
    "chunk_classification.resolution": ("ChunkMapperModel", "SentenceEntityResolverModel"),
    "graph.relation_extraction": ("RelationExtractionDLModel", "ZeroShotRelationExtractionModel"),
}


def _licensed_homes() -> dict[tuple[str, str], ClassHome]:
    """Domain and class to home; the domain is empty where the class alone tells."""
    homes = {
        ("", "Resolution2Chunk"): ClassHome("sparknlp_jsl", "sparknlp_jsl.annotator", ""),
        ("", "FeaturesAssembler"): ClassHome("sparknlp_jsl", "sparknlp_jsl.base", "com.johnsnowlabs.annotator"),
    }
    for package, names in _HEALTHCARE.items():
        home = ClassHome("sparknlp_jsl", "sparknlp_jsl.annotator", f"com.johnsnowlabs.nlp.annotators.{package}")
        homes.update({("", name): home for name in names})
    zero_shot = "ner.zero_shot_ner"
    homes["clinical", "ZeroShotNerModel"] = ClassHome(
        "sparknlp_jsl", f"sparknlp_jsl.annotator.{zero_shot}", "com.johnsnowlabs.nlp.annotators.ner"
    )
    for domain in ("legal", "finance"):
        ner = f"{domain}.token_classification"
        homes[domain, "ZeroShotNerModel"] = ClassHome(
            "sparknlp_jsl", f"sparknlp_jsl.{ner}.{zero_shot}", f"com.johnsnowlabs.{ner}.ner"
        )
        for package, names in (_DOMAIN_PREFIXED | _DOMAIN).items():
            home = ClassHome("sparknlp_jsl", f"sparknlp_jsl.{domain}", f"com.johnsnowlabs.{domain}.{package}")
            for name in names:
                key = ("", f"{domain.capitalize()}{name}") if package in _DOMAIN_PREFIXED else (domain, name)
                homes[key] = home
    return homes


_LICENSED_HOMES = _licensed_homes()


def home_of(annotator: str, repository: str = "") -> ClassHome:
    """Where a class lives.

    Args:
        annotator: The class.
        repository: Of what is loaded into it: Legal and Finance NLP have classes of their own by common names.
    """
    domain = repository.partition("/")[0]
    licensed = _LICENSED_HOMES.get((domain, annotator)) or _LICENSED_HOMES.get(("", annotator))
    if licensed:
        return licensed
    if annotator in _BASE:
        return ClassHome("sparknlp", "sparknlp.base", "com.johnsnowlabs.nlp.base")
    if _VISUAL.fullmatch(annotator):
        return ClassHome("sparkocr", "sparkocr.transformers", "com.johnsnowlabs.ocr.transformers")
    if annotator.startswith(("Medical", "Legal", "Finance")):
        return ClassHome("sparknlp_jsl", "sparknlp_jsl.annotator", "")
    package = next((package for pattern, package in _LEFT_OUT if pattern.fullmatch(annotator)), "annotator")
    return ClassHome("sparknlp", "sparknlp.annotator", f"com.johnsnowlabs.nlp.{package}")
