from __future__ import annotations

from typing import Any

import pytest

from modelhub.facts import Dependency, ModelFacts
from modelhub.stages import StagePlan, plan_stages

GLOVE = Dependency("WordEmbeddingsModel", "glove_of_hats", "en")
NER = Dependency("MedicalNerModel", "ner_of_hats", "en", "clinical/models")
SENTENCE_BERT = Dependency("BertSentenceEmbeddings", "sent_hats", "en")


def plan(annotator: str, *calls: Dependency, language: str = "en", **facts: Any) -> StagePlan:
    return plan_stages(
        Dependency(annotator, "hats", language), ModelFacts(annotator=annotator, dependencies=calls, **facts)
    )


def columns(made: StagePlan) -> list[tuple[str, tuple[str, ...], str]]:
    return [(stage.annotator, stage.inputs, stage.outputs[0]) for stage in made.stages]


@pytest.mark.parametrize(
    ("label", "text"), [("sentence", "sentence"), ("document", "document"), ("documents", "documents")]
)
def test_the_card_says_whether_the_model_reads_sentences(label: str, text: str) -> None:
    made = plan("BertForSequenceClassification", input_labels=(label, "token"))

    assert made.stages[made.model].inputs == (text, "token")
    assert (len(made.stages) == 4) is (label == "sentence")


def test_a_sentence_detector_reads_the_document() -> None:
    made = plan("SentenceDetectorDLModel", Dependency("SentenceDetectorDLModel", "cutter", "xx"))

    assert columns(made)[1:] == [("SentenceDetectorDLModel", ("document",), "sentence")]


def test_the_class_decides_what_is_read_and_the_card_only_names_it() -> None:
    made = plan("PerceptronModel", input_labels=("form",))

    assert columns(made)[1:] == [
        ("Tokenizer", ("document",), "form"),
        ("PerceptronModel", ("document", "form"), "pos"),
    ]


def test_the_first_stage_of_the_code_that_writes_a_kind_is_taken() -> None:
    made = plan(
        "NerDLModel",
        Dependency("SentenceDetectorDLModel", "cutter", "xx"),
        Dependency("WordSegmenterModel", "segmenter", "ja"),
        GLOVE,
        Dependency("BertEmbeddings", "bert_of_hats", "en"),
        input_labels=("sentence", "token", "embeddings"),
    )

    assert [stage.pretrained.name for stage in made.stages if stage.pretrained] == [
        "cutter",
        "segmenter",
        "glove_of_hats",
        "hats",
    ]


def test_embeddings_are_never_guessed() -> None:
    made = plan("NerDLModel")

    assert made.stages[made.model].unknown == ("embeddings",)


def test_an_unknown_column_is_told_once() -> None:
    made = plan("ChunkEntityResolverModel")

    assert [column for stage in made.stages for column in stage.unknown] == ["ner", "embeddings"]


@pytest.mark.parametrize(("language", "unknown"), [("en", ()), ("de", ("pos",))])
def test_a_default_stage_for_english_is_not_given_to_other_languages(language: str, unknown: tuple[str, ...]) -> None:
    made = plan("DependencyParserModel", language=language)

    assert made.stages[made.model].unknown == unknown


@pytest.mark.parametrize(
    ("annotator", "tasks", "is_joined"),
    [
        ("NerDLModel", (), True),
        ("BertForTokenClassification", ("Named Entity Recognition",), True),
        ("BertForTokenClassification", ("Part of Speech Tagging",), False),
    ],
)
def test_labels_of_tokens_are_joined_to_entities(annotator: str, tasks: tuple[str, ...], is_joined: bool) -> None:
    made = plan(annotator, GLOVE, tasks=tasks)

    assert (made.stages[-1].annotator == "NerConverter") is is_joined
    assert made.shown == ("ner_chunk" if is_joined else "ner")


def test_word_embeddings_are_averaged_for_a_classifier_of_sentences() -> None:
    assert columns(plan("ClassifierDLModel", GLOVE, input_labels=("sentence_embeddings",)))[2:] == [
        ("WordEmbeddingsModel", ("document", "token"), "embeddings"),
        ("SentenceEmbeddings", ("document", "embeddings"), "sentence_embeddings"),
        ("ClassifierDLModel", ("sentence_embeddings",), "class"),
    ]


def test_a_classifier_without_any_embeddings_says_so() -> None:
    made = plan("ClassifierDLModel")

    assert made.stages == (made.stages[0],)
    assert (made.stages[0].unknown, made.frame) == (("sentence_embeddings",), ())


def test_a_resolver_reads_the_entities_of_ner() -> None:
    made = plan(
        "SentenceEntityResolverModel", GLOVE, NER, SENTENCE_BERT, input_labels=("ner_chunk", "sbert_embeddings")
    )

    assert columns(made)[4:] == [
        ("MedicalNerModel", ("sentence", "token", "embeddings"), "ner"),
        ("NerConverter", ("sentence", "token", "ner"), "ner_chunk"),
        ("Chunk2Doc", ("ner_chunk",), "ner_chunk_doc"),
        ("BertSentenceEmbeddings", ("ner_chunk_doc",), "sbert_embeddings"),
        ("SentenceEntityResolverModel", ("ner_chunk", "sbert_embeddings"), "resolution"),
    ]


def test_a_resolver_without_ner_takes_the_text_for_the_entity() -> None:
    made = plan("SentenceEntityResolverModel", SENTENCE_BERT, input_labels=("ner_chunk", "sbert_embeddings"))

    assert columns(made)[1:] == [
        ("BertSentenceEmbeddings", ("document",), "sbert_embeddings"),
        ("SentenceEntityResolverModel", ("sbert_embeddings",), "resolution"),
    ]


def test_embeddings_of_chunks_in_sentences_read_both() -> None:
    encoder = Dependency("BertSentenceChunkEmbeddings", "sent_hats", "en")

    made = plan("SentenceEntityResolverModel", GLOVE, NER, encoder)

    assert made.stages[-2].inputs == ("sentence", "ner_chunk")


@pytest.mark.parametrize(
    ("calls", "before"),
    [
        ((), ["DocumentAssembler", "Doc2Chunk"]),
        (
            (SENTENCE_BERT, Dependency("SentenceEntityResolverModel", "codes", "en")),
            ["DocumentAssembler", "BertSentenceEmbeddings", "SentenceEntityResolverModel", "Resolution2Chunk"],
        ),
        (
            (GLOVE, NER),
            [
                "DocumentAssembler",
                "SentenceDetector",
                "Tokenizer",
                "WordEmbeddingsModel",
                "MedicalNerModel",
                "NerConverter",
            ],
        ),
    ],
)
def test_a_mapper_reads_codes_or_entities_or_the_text(calls: tuple[Dependency, ...], before: list[str]) -> None:
    made = plan("ChunkMapperModel", *calls)

    assert [stage.annotator for stage in made.stages[:-1]] == before


@pytest.mark.parametrize(
    ("parser", "reads"), [((), "ner_chunk"), ((Dependency("DependencyParserModel"),), "related_chunk")]
)
def test_relations_are_sought_among_near_entities_where_the_card_parses(
    parser: tuple[Dependency, ...], reads: str
) -> None:
    made = plan("RelationExtractionDLModel", GLOVE, NER, *parser)

    assert made.stages[made.model].inputs == (reads, "sentence")


def test_the_output_keeps_the_name_of_the_card() -> None:
    assert plan("BertForSequenceClassification", output_labels=("mood",)).shown == "mood"


@pytest.mark.parametrize(
    ("annotator", "label", "shown"),
    [
        ("BertForQuestionAnswering", "embeddings", "answer"),
        ("LemmatizerModel", "token", "lemma"),
        ("BertForSequenceClassification", "no name", "class"),
    ],
)
def test_the_output_does_not_keep_a_name_that_belongs_to_another(annotator: str, label: str, shown: str) -> None:
    assert plan(annotator, output_labels=(label,)).shown == shown


def test_a_name_of_the_data_frame_is_not_used_again() -> None:
    made = plan("BertForQuestionAnswering", input_labels=("question", "context"))

    assert made.stages[0].outputs == ("document_question", "document_context")


def test_a_name_that_is_taken_gets_a_number() -> None:
    made = plan("HatDetector", input_labels=("output", "output_2"))

    assert made.shown == "output_3"


def test_an_unknown_class_reads_what_its_card_names() -> None:
    made = plan("HatDetector", input_labels=("document", "hat", "no name"))

    assert made.stages[made.model].inputs == ("document", "hat")
    assert made.stages[made.model].unknown == ("hat",)


def test_a_pipeline_reads_one_data_frame() -> None:
    made = plan("HatDetector", input_labels=("image_assembler", "document"))

    assert made.frame == ("image",)
    assert made.stages[made.model].unknown == ("document",)


def test_settings_are_those_that_the_class_takes_and_the_card_knows() -> None:
    known = {"case_sensitive": False, "max_sentence_length": 128}

    bert, glove, vit = (
        plan(name, **known) for name in ("BertEmbeddings", "WordEmbeddingsModel", "ViTForImageClassification")
    )

    assert bert.stages[-1].settings == (("CaseSensitive", False), ("MaxSentenceLength", 128))
    assert glove.stages[-1].settings == (("CaseSensitive", False),)
    assert vit.stages[-1].settings == ()


def test_embeddings_are_shown_as_numbers() -> None:
    assert plan("BertEmbeddings").shown_field == "embeddings"
    assert plan("MarianTransformer").shown_field == "result"
