"""JSON as the registry stores it: deflated with what most models have in common, to a third of its length."""

from __future__ import annotations

import json
import zlib
from typing import Any, NamedTuple

# The likeliest last, where a reference to it is shortest. Another dictionary is another schema of the registry.
_COMMON = (
    b'"precision":"recall":"accuracy":"macro avg""weighted avg""micro avg""support":"f1":"label":"scores":'
    b'"Image Classification""ViTForImageClassification","image_assembler""Part of Speech Tagging""Legal NLP"'
    b'"RoBertaForQuestionAnswering","answer""licensed","question_answering""XlmRoBertaForTokenClassification"'
    b'"sent_bert_base_cased","classification","ner""class""RoBertaForSequenceClassification","sentence_embeddings"'
    b'"MedicalNerModel""WordEmbeddingsModel","embeddings_clinical","clinical/models""Healthcare NLP"'
    b'"DistilBertForQuestionAnswering","document_question","document_context""best_score":{"metric":"f1","value":0.'
    b'"Licensed","sentence""BertSentenceEmbeddings","BertForSequenceClassification","BertForQuestionAnswering"'
    b'"AudioAssembler","Wav2Vec2ForCTC","audio_assembler""question_answering""wav2vec2","asr","sequence_classification"'
    b'"BertForTokenClassification","token""document","Question Answering""MarianTransformer","seq2seq"'
    b'"DocumentAssembler","Text Classification""multilingual","xx""labels":["PER","ORG","LOC"],"label_count":'
    b'"replaced_by":"compatibility":"references":["https://arxiv.org/abs/","https://huggingface.co/","https://github.com/'
    b'"stages":["nlu":["xx."en.classify."origin":"tasks":["Translation"],"Named Entity Recognition"]"PipelineModel",'
    b'"dependencies":[["SentenceDetectorDLModel","sentence_detector_dl","xx",""]]"Automatic Speech Recognition"],'
    b'"pipeline","size_bytes":000000,"dimension":768,"case_sensitive":true,"max_sentence_length":512,'
    b'"deprecated":true,"recommended":true,"input_labels":["token","document"],"output_labels":["embeddings"],'
    b'"product":"Spark NLP","engine":"tensorflow","annotator":"Bert","license":"Open Source","type":"model",'
    b'"supported":true,"page":"2022-_en_3_0","tags":["en","open_source",'
    b'{"title":"English  Cased model (from ","date":"2022-0'
)
_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
_RAW = -15
_FAST = 1


class Packed(NamedTuple):
    """A JSON value as few bytes, the same for equal values (while the same library deflates).

    Attributes:
        is_exact: Whether it can be read back as it was; an escape in YAML may stand for half a character, which cannot
            be stored.
    """

    content: bytes
    is_exact: bool


def pack(value: object) -> Packed:
    """Pack a JSON value; halves of characters are replaced."""
    from modelhub.deflate import new_deflater  # a search only reads

    text = _encode(value)
    try:
        encoded, is_exact = text.encode(), True
    except UnicodeEncodeError:
        encoded, is_exact = text.encode(errors="replace"), False
    deflate = new_deflater(_FAST, zlib.DEFLATED, _RAW, zdict=_COMMON)
    return Packed(deflate.compress(encoded) + deflate.flush(), is_exact)


def unpack(packed: bytes) -> Any:
    """The JSON value again.

    Raises:
        zlib.error: It is damaged.
    """
    try:
        return json.loads(zlib.decompressobj(_RAW, zdict=_COMMON).decompress(packed))
    except ValueError as exc:  # raw deflate has no check sum: damage may show itself in the text only
        raise zlib.error(f"what is stored is no JSON ({exc})") from exc
