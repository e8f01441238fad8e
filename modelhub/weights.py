"""What a saved annotator's class reads beside its metadata, as far as Spark NLP's public sources tell.

Taken from its readers of 5.5.3 (``ReadTensorflowModel``, ``ReadOnnxModel``, ``ReadOpenvinoModel``,
``ReadSentencePieceModel``). Of a class that is not here, or of an engine whose weights lie in several files, nothing is
known and nothing is said. A release may name a file otherwise, so a file that looks like it will do.
"""

from __future__ import annotations

from collections.abc import Collection

from modelhub.quick_dataclasses import dataclass

_PACKAGE = "com.johnsnowlabs.nlp."
_DEFAULT_ENGINE = "tensorflow"  # what has been saved before there were others says nothing of it
_LIKE_ENGINE = {"tensorflow": ("tensorflow", "saved_model"), "onnx": ("onnx", "onxx"), "openvino": ("openvino", "_ov")}

_TASKS = {
    "QA": "QuestionAnswering",
    "Sequence": "SequenceClassification",
    "Token": "TokenClassification",
    "ZeroShot": "ZeroShotClassification",
}
# The weights of a class are called STEM_ENGINE; several classes that differ in their ends are written as in a shell.
_STEMS = {
    "albert": "AlbertEmbeddings",
    "albert_classification": "AlbertFor{QA,Sequence,Token,ZeroShot}",
    "bart_classification": "BartForZeroShotClassification",
    "bert": "BertEmbeddings",
    "bert_classification": "BertFor{QA,Sequence,Token,ZeroShot}",
    "bert_mc_classification": "BertForMultipleChoice",
    "bert_sentence": "BertSentenceEmbeddings",
    "bge": "BGEEmbeddings",
    "camembert": "CamemBertEmbeddings",
    "camembert_classification": "CamemBertFor{QA,Sequence,Token,ZeroShot}",
    "classifierdl": "ClassifierDLModel",
    "clip_classification": "CLIPForZeroShotClassification",
    "deberta": "DeBertaEmbeddings",
    "deberta_classification": "DeBertaFor{QA,Sequence,Token,ZeroShot}",
    "distilbert": "DistilBertEmbeddings",
    "distilbert_classification": "DistilBertFor{QA,Sequence,Token,ZeroShot}",
    "e5": "E5Embeddings",
    "elmo": "ElmoEmbeddings",
    "generic_classifier": "SentenceDetectorDLModel",
    "gpt2": "GPT2Transformer",
    "hubert_ctc": "HubertForCTC",
    "image_classification": "ViTForImageClassification",
    "image_classification_convnext": "ConvNextForImageClassification",
    "image_classification_swin": "SwinForImageClassification",
    "instructor": "InstructorEmbeddings",
    "ld": "LanguageDetectorDL",
    "longformer": "LongformerEmbeddings",
    "longformer_classification": "LongformerFor{QA,Sequence,Token}",
    "mpnet": "MPNetEmbeddings",
    "mpnet_classification": "MPNetFor{Sequence,Token}",
    "mpnet_question_answering": "MPNetForQuestionAnswering",
    "multiclassifierdl": "MultiClassifierDLModel",
    "Mxbai": "MxbaiEmbeddings",
    "nomic": "NomicEmbeddings",
    "roberta": "RoBerta{Embeddings,SentenceEmbeddings}",
    "roberta_classification": "RoBertaFor{QA,Sequence,Token,ZeroShot}",
    "sentimentdl": "SentimentDLModel",
    "SnowFlake": "SnowFlakeEmbeddings",
    "spanbert": "SpanBertCorefModel",
    "UAE": "UAEEmbeddings",
    "use": "UniversalSentenceEncoder",
    "wav_ctc": "Wav2Vec2ForCTC",
    "xlm_roberta_classification": "XlmRoBertaFor{QA,Sequence,Token}",
    "xlmroberta": "XlmRoBerta{Embeddings,SentenceEmbeddings}",
    "xlmroberta_classification": "XlmRoBertaForZeroShotClassification",
    "xlnet": "XlnetEmbeddings",
    "xlnet_classification": "XlnetFor{Sequence,Token}",
}
# Classes whose weights of other engines lie in several files.
_ONE_FILE_OF_TENSORFLOW = {
    "bart": "BartTransformer",
    "bert_classification": "TapasForQuestionAnswering",
    "blip_vqa": "BLIPForQuestionAnswering",
    "marian": "MarianTransformer",
    "t5": "T5Transformer",
    "vision_encoder_decoder": "VisionEncoderDecoderForImageCaptioning",
    "whisper_ctc": "WhisperForCTC",
}
_IRREGULAR = {
    ("BertSentenceEmbeddings", "openvino"): "bert_sentence_ov",
    ("DeBertaForQuestionAnswering", "onnx"): "camembert_classification_onnx",
    ("NerDLModel", "tensorflow"): "tensorflow",
    ("SnowFlakeEmbeddings", "openvino"): "snowFlake_openvino",
    ("XlmRoBertaSentenceEmbeddings", "onnx"): "xlmroberta_sentence_onnx",
    ("ZeroShotNerModel", "tensorflow"): "roberta_classification_tensorflow",
    ("ZeroShotNerModel", "onnx"): "roberta_classification_onnx",
}
# Classes, by how their names begin, that have a model of SentencePiece beside their weights.
_SENTENCE_PIECE = {
    "Albert": "albert_spp",
    "CamemBert": "camembert_spp",
    "DeBerta": "deberta_spp",
    "Instructor": "instructor_spp",
    "Marian": "marian_spp",
    "T5": "t5_spp",
    "XlmRoBerta": "xlmroberta_spp",
    "Xlnet": "xlnet_spp",
}


@dataclass(frozen=True, kw_only=True)
class Need:
    """A file, or a folder, that a class reads.

    Attributes:
        name: What it is called beside ``metadata``.
        likes: Parts of other names that it may have.
    """

    name: str
    likes: tuple[str, ...]

    def is_met(self, names: Collection[str]) -> bool:
        """Whether one of the names beside ``metadata`` is it, or looks like it."""
        return self.name in names or any(like in name for like in self.likes for name in names)


def needs_of(class_name: str, engine: str = "") -> list[Need]:
    """What a class is known to read beside its metadata.

    Args:
        class_name: Full name of the class.
        engine: That of its weights; "" where its metadata names none.
    """
    if not class_name.startswith(_PACKAGE):
        return []
    name, engine = class_name.rpartition(".")[2], engine.lower() or _DEFAULT_ENGINE
    needs = []
    if weights := _weights_of(name, engine):
        needs.append(Need(name=weights, likes=_LIKE_ENGINE[engine]))
        needs += [
            Need(name=spp, likes=("_spp",)) for beginning, spp in _SENTENCE_PIECE.items() if name.startswith(beginning)
        ]
    if name == "WordEmbeddingsModel":
        needs.append(Need(name="storage", likes=("embeddings",)))  # older ones have it beside metadata
    return needs


def has_weights(name: str) -> bool:
    """Whether a class, by its name without the package, is known to read weights of an engine."""
    return name in _STEM_OF or name in _TENSORFLOW_STEM_OF or any(name == known for known, _ in _IRREGULAR)


def _weights_of(name: str, engine: str) -> str:
    if (name, engine) in _IRREGULAR:
        return _IRREGULAR[name, engine]
    stem = _STEM_OF.get(name) or (_TENSORFLOW_STEM_OF.get(name) if engine == "tensorflow" else None)
    return f"{stem}_{engine}" if stem and engine in _LIKE_ENGINE else ""


def _by_class(stems: dict[str, str]) -> dict[str, str]:
    classes: dict[str, str] = {}
    for stem, pattern in stems.items():
        beginning, _, endings = pattern.rstrip("}").partition("{")
        classes.update((f"{beginning}{_TASKS.get(ending, ending)}", stem) for ending in endings.split(","))
    return classes


_STEM_OF = _by_class(_STEMS)
_TENSORFLOW_STEM_OF = _by_class(_ONE_FILE_OF_TENSORFLOW)
