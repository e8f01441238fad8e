"""What the annotators of Spark NLP read and write, and what the labels of cards mean.

Columns are known by kind: ``document``, ``token``, ``word_embeddings``, …. Four kinds stand for another that only a
whole pipeline settles: ``text`` (sentences or the document), ``resolvable``, ``mappable`` and ``relatable`` (what of
NER comes first).
For open annotators the table says what ``inputAnnotatorTypes`` of the library says; for licensed ones, what their
documentation does.
"""

from __future__ import annotations

import re

from modelhub.quick_dataclasses import dataclass


@dataclass(frozen=True)
class Signature:
    """What a class reads and writes, by kind.

    Attributes:
        reads: Kinds in order; with ``?`` one that is given only where a card names it.
        writes: The kind of its output; empty where it is not known.
        setters: Those of ``CaseSensitive`` and ``MaxSentenceLength`` that it takes.
    """

    reads: tuple[str, ...]
    writes: str = ""
    setters: tuple[str, ...] = ()


_CASE = ("CaseSensitive",)
_BOTH = ("CaseSensitive", "MaxSentenceLength")
_SENTENCE_ENCODERS = "(E5|BGE|UAE|MPNet|MiniLM|Mxbai|Nomic|SnowFlake|Instructor)Embeddings"

# The first pattern that fits the class counts.
_TABLE: tuple[tuple[str, str, str, tuple[str, ...]], ...] = (
    (r"SentenceDetector(DLModel)?", "document", "sentence", ()),
    (r"Tokenizer|WordSegmenterModel", "text", "token", ()),
    (r"TableAssembler", "table_document", "table", ()),
    (r"Doc2Chunk", "document", "whole_chunk", ()),
    (r"NerConverter", "text token named_entity", "chunk", ()),
    (r"Chunk2Doc", "chunk", "chunk_document", ()),
    (r"ChunkTokenizer", "chunk", "chunk_token", ()),
    (r"ChunkEmbeddings", "chunk word_embeddings", "chunk_embeddings", ()),
    (r"SentenceEmbeddings", "text word_embeddings", "sentence_embeddings", ()),
    (r"FeaturesAssembler", "sentence_embeddings", "features", ()),
    (r"RENerChunksFilter", "chunk dependency", "related_chunk", ()),
    (r"Resolution2Chunk", "resolution", "resolved_chunk", ()),
    (r"TapasForQuestionAnswering", "table_question table", "answer", _BOTH),
    (r"(BLIP|CLIP)For\w+|\w+ForImageClassification", "image", "class", ()),
    (r"VisionEncoderDecoder\w+|\w+ForMultiModal", "image", "caption", ()),
    (r"\w+For(QuestionAnswering|MultipleChoice)", "question context", "answer", _BOTH),
    (r"\w+ForCTC", "audio", "transcript", ()),
    (r"ZeroShotNerModel|\w+ForTokenClassif(ication|ier)", "text token", "named_entity", _BOTH),
    (r"\w+For(Sequence|ZeroShot)Classification", "text token", "class", _BOTH),
    (r"NerCrfModel", "text token pos word_embeddings", "named_entity", ()),
    (r"(Medical|Legal|Finance)?Ner(DL)?Model", "text token word_embeddings", "named_entity", ()),
    (r"UniversalSentenceEncoder|AutoGGUFEmbeddings", "text", "sentence_embeddings", ()),
    (r"BertSentenceChunkEmbeddings", "text chunk", "sentence_embeddings", _BOTH),
    (rf"\w+SentenceEmbeddings|{_SENTENCE_ENCODERS}", "text", "sentence_embeddings", _BOTH),
    (r"Doc2VecModel", "token", "sentence_embeddings", ()),
    (r"Word2VecModel", "token", "word_embeddings", ()),
    (r"WordEmbeddingsModel|ElmoEmbeddings", "text token", "word_embeddings", _CASE),
    (r"\w+Embeddings", "text token", "word_embeddings", _BOTH),
    (r"\w*ClassifierDLModel|SentimentDLModel", "sentence_embeddings", "class", ()),
    (r"GenericClassifierModel", "features", "class", ()),
    (r"ViveknSentimentModel|SentimentDetectorModel", "text token", "sentiment", ()),
    (r"PerceptronModel", "text token", "pos", ()),
    (r"DependencyParserModel", "text pos token", "dependency", ()),
    (r"TypedDependencyParserModel", "token pos dependency", "labeled_dependency", ()),
    (r"SpanBertCorefModel", "text token", "coreference", _BOTH),
    (r"LemmatizerModel", "token", "lemma", ()),
    (r"StopWordsCleaner", "token", "clean_token", _CASE),
    (r"ContextSpellCheckerModel|NorvigSweetingModel|SymmetricDeleteModel", "token", "corrected", ()),
    (r"LanguageDetectorDL", "text", "language", ()),
    (r"(Big)?TextMatcherModel", "text token", "match", ()),
    (r"EntityRulerModel|RegexMatcherModel", "text", "match", ()),
    (r"\w+Transformer|AutoGGUFModel", "text", "generation", ()),
    (r"AssertionDLModel|AssertionLogRegModel", "text chunk word_embeddings", "assertion", ()),
    (r"RelationExtractionModel", "word_embeddings pos chunk dependency", "relations", ()),
    (r"RelationExtractionDLModel", "relatable text", "relations", ()),
    (r"ZeroShotRelationExtractionModel", "chunk text", "relations", ()),
    (r"SentenceEntityResolverModel", "chunk? resolvable", "resolution", ()),
    (r"ChunkEntityResolverModel", "chunk_token chunk_embeddings", "resolution", ()),
    (r"ChunkMapperModel", "mappable", "mappings", ()),
    (r"DeIdentificationModel", "text token chunk", "deidentified", ()),
)
_SIGNATURES = tuple(
    (re.compile(pattern, re.ASCII), Signature(tuple(reads.split()), writes, setters))
    for pattern, reads, writes, setters in _TABLE
)

# Classes that cards name and no library has, to those that they mean.
_MEANT = {
    "BertForTokenClassifier": "BertForTokenClassification",
    "MedicalBertForTokenClassification": "MedicalBertForTokenClassifier",
    "SpellCheckModel": "ContextSpellCheckerModel",
    "VisualDocumentClassifierv2": "VisualDocumentClassifierV2",
    "VisualDocumentClassifierv3": "VisualDocumentClassifierV3",
    "VisualDocumentNERv21": "VisualDocumentNerV21",
    "WordEmbeddings": "WordEmbeddingsModel",
    "ZeroShotNER": "ZeroShotNerModel",
}

# What a label of a card means, the first pattern that fits. "form" is how Universal Dependencies calls a token.
_LABELS = (
    (r"sentences?", "sentence"),
    (r"documents?", "document"),
    (r"tokens?|form", "token"),
    (r"\w*question\w*", "question"),
    (r"\w*context\w*", "context"),
    (r"image\w*", "image"),
    (r"audio\w*", "audio"),
    (r"\w*embeddings?\w*|bert\w*|electra", "embeddings"),
    (r"\w*chunks?", "chunk"),
    (r"pos|pos_\w+|tags", "pos"),
    (r"dep_root|dependenc\w+", "dependency"),
    (r"ner|ner_\w+", "named_entity"),
    (r"\w+_code|resolution", "resolution"),
    (r"features?", "features"),
)
# Kinds that labels of another meaning stand for; every other kind has a meaning of its own.
_MEANINGS = {
    "text": ("sentence", "document"),
    "word_embeddings": ("embeddings",),
    "sentence_embeddings": ("embeddings",),
    "chunk_embeddings": ("embeddings",),
    "resolvable": ("embeddings",),
    "mappable": ("chunk", "resolution"),
    "relatable": ("chunk",),
}


def class_meant(annotator: str) -> str:
    """The class that a card means where it misspells one."""
    return _MEANT.get(annotator, annotator)


def signature_of(annotator: str) -> Signature | None:
    """What a class reads and writes; None for one that the table does not have."""
    return next((signature for pattern, signature in _SIGNATURES if pattern.fullmatch(annotator)), None)


def signature_by_labels(labels: tuple[str, ...]) -> Signature:
    """Of a class that the table does not have: it reads what its card says, each label a kind."""
    kinds = (meaning_of(label) or label for label in labels)
    stands_for = {"sentence": "text", "document": "text", "embeddings": "word_embeddings"}
    return Signature(tuple(stands_for.get(kind, kind) for kind in kinds))


def meaning_of(label: str) -> str:
    """What a label of a card means, or ""."""
    return next((meaning for pattern, meaning in _LABELS if re.fullmatch(pattern, label, re.IGNORECASE)), "")


def serves(label: str, kind: str) -> bool:
    """Whether a label of a card names a column of a kind."""
    return meaning_of(label) in _MEANINGS.get(kind, (kind,))
