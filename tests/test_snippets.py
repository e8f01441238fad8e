from __future__ import annotations

import ast
from textwrap import dedent
from typing import Any

import pytest

from modelhub.errors import NotFoundError, UsageError
from modelhub.facts import Dependency, ModelFacts
from modelhub.snippets import SnippetSubject, write_snippet


def subject(
    annotator: str,
    *calls: Dependency,
    language: str = "en",
    repository: str = "public/models",
    path: str = "",
    **facts: Any,
) -> SnippetSubject:
    known = ModelFacts(annotator=annotator, dependencies=calls, **facts)
    return SnippetSubject(name="hats", language=language, repository=repository, facts=known, path=path)


TOKEN_CLASSIFIER = subject(
    "BertForTokenClassification",
    input_labels=("document", "token"),
    output_labels=("label",),
    case_sensitive=True,
    max_sentence_length=256,
)
CLINICAL_NER = subject(
    "MedicalNerModel",
    Dependency("SentenceDetectorDLModel", "cutter", "xx"),
    Dependency("WordEmbeddingsModel", "glove_of_hats", "en", "clinical/models"),
    repository="clinical/models",
    input_labels=("sentence", "token", "embeddings"),
    output_labels=("ner",),
)
IMAGE = subject("ViTForImageClassification", input_labels=("image_assembler",), output_labels=("class",))
AUDIO = subject("HubertForCTC", input_labels=("audio_assembler",), output_labels=("text",))
QUESTIONS = subject("BertForQuestionAnswering", language="de", output_labels=("answer",))
SENTENCES = subject(
    "ClassifierDLModel", Dependency("UniversalSentenceEncoder", "", "en"), input_labels=("sentence_embeddings",)
)
PIPELINE = subject("PipelineModel", repository="finance/models")


def test_python_of_a_token_classifier() -> None:
    assert write_snippet(TOKEN_CLASSIFIER, "python") == dedent("""\
        import sparknlp
        from pyspark.ml import Pipeline
        from sparknlp.annotator import BertForTokenClassification, Tokenizer
        from sparknlp.base import DocumentAssembler

        spark = sparknlp.start()

        document_assembler = DocumentAssembler().setInputCol("text").setOutputCol("document")
        tokenizer = Tokenizer().setInputCols(["document"]).setOutputCol("token")
        bert_for_token_classification = (
            BertForTokenClassification.pretrained("hats", "en")
            .setInputCols(["document", "token"])
            .setOutputCol("label")
            .setCaseSensitive(True)
            .setMaxSentenceLength(256)
        )

        pipeline = Pipeline(stages=[document_assembler, tokenizer, bert_for_token_classification])

        data = spark.createDataFrame([["Ada Lovelace wrote her notes on the Analytical Engine in London."]], ["text"])
        result = pipeline.fit(data).transform(data)
        result.select("label.result").show(truncate=False)
        """)


def test_python_of_a_licensed_ner_model() -> None:
    assert write_snippet(CLINICAL_NER, "python") == dedent("""\
        import os

        import sparknlp_jsl
        from pyspark.ml import Pipeline
        from sparknlp.annotator import NerConverter, SentenceDetectorDLModel, Tokenizer, WordEmbeddingsModel
        from sparknlp.base import DocumentAssembler
        from sparknlp_jsl.annotator import MedicalNerModel

        spark = sparknlp_jsl.start(os.environ["SECRET"])

        document_assembler = DocumentAssembler().setInputCol("text").setOutputCol("document")
        sentence_detector_dl_model = (
            SentenceDetectorDLModel.pretrained("cutter", "xx")
            .setInputCols(["document"])
            .setOutputCol("sentence")
        )
        tokenizer = Tokenizer().setInputCols(["sentence"]).setOutputCol("token")
        word_embeddings_model = (
            WordEmbeddingsModel.pretrained("glove_of_hats", "en", "clinical/models")
            .setInputCols(["sentence", "token"])
            .setOutputCol("embeddings")
        )
        medical_ner_model = (
            MedicalNerModel.pretrained("hats", "en", "clinical/models")
            .setInputCols(["sentence", "token", "embeddings"])
            .setOutputCol("ner")
        )
        ner_converter = NerConverter().setInputCols(["sentence", "token", "ner"]).setOutputCol("ner_chunk")

        pipeline = Pipeline(stages=[
            document_assembler,
            sentence_detector_dl_model,
            tokenizer,
            word_embeddings_model,
            medical_ner_model,
            ner_converter,
        ])

        data = spark.createDataFrame([["The patient took ibuprofen twice a day against the headache."]], ["text"])
        result = pipeline.fit(data).transform(data)
        result.select("ner_chunk.result").show(truncate=False)
        """)


def test_scala_of_a_licensed_ner_model() -> None:
    assert write_snippet(CLINICAL_NER, "scala") == dedent("""\
        import com.johnsnowlabs.nlp.annotator._
        import com.johnsnowlabs.nlp.annotators.ner.MedicalNerModel
        import com.johnsnowlabs.nlp.base._
        import org.apache.spark.ml.Pipeline
        import spark.implicits._

        val documentAssembler = new DocumentAssembler().setInputCol("text").setOutputCol("document")
        val sentenceDetectorDLModel = SentenceDetectorDLModel.pretrained("cutter", "xx")
          .setInputCols(Array("document"))
          .setOutputCol("sentence")
        val tokenizer = new Tokenizer().setInputCols(Array("sentence")).setOutputCol("token")
        val wordEmbeddingsModel = WordEmbeddingsModel.pretrained("glove_of_hats", "en", "clinical/models")
          .setInputCols(Array("sentence", "token"))
          .setOutputCol("embeddings")
        val medicalNerModel = MedicalNerModel.pretrained("hats", "en", "clinical/models")
          .setInputCols(Array("sentence", "token", "embeddings"))
          .setOutputCol("ner")
        val nerConverter = new NerConverter()
          .setInputCols(Array("sentence", "token", "ner"))
          .setOutputCol("ner_chunk")

        val pipeline = new Pipeline().setStages(Array(
          documentAssembler,
          sentenceDetectorDLModel,
          tokenizer,
          wordEmbeddingsModel,
          medicalNerModel,
          nerConverter
        ))

        val data = Seq("The patient took ibuprofen twice a day against the headache.").toDF("text")
        val result = pipeline.fit(data).transform(data)
        result.select("ner_chunk.result").show(false)
        """)


def test_python_of_an_image_classifier() -> None:
    assert write_snippet(IMAGE, "python") == dedent("""\
        import sparknlp
        from pyspark.ml import Pipeline
        from sparknlp.annotator import ViTForImageClassification
        from sparknlp.base import ImageAssembler

        spark = sparknlp.start()

        image_assembler = ImageAssembler().setInputCol("image").setOutputCol("image_assembler")
        vit_for_image_classification = (
            ViTForImageClassification.pretrained("hats", "en")
            .setInputCols(["image_assembler"])
            .setOutputCol("class")
        )

        pipeline = Pipeline(stages=[image_assembler, vit_for_image_classification])

        data = spark.read.format("image").option("dropInvalid", True).load("images/")
        result = pipeline.fit(data).transform(data)
        result.select("class.result").show(truncate=False)
        """)


def test_scala_of_speech_recognition() -> None:
    assert write_snippet(AUDIO, "scala") == dedent("""\
        import com.johnsnowlabs.nlp.annotator._
        import com.johnsnowlabs.nlp.base._
        import org.apache.spark.ml.Pipeline
        import spark.implicits._

        val audioAssembler = new AudioAssembler()
          .setInputCol("audio_content")
          .setOutputCol("audio_assembler")
        val hubertForCTC = HubertForCTC.pretrained("hats", "en")
          .setInputCols(Array("audio_assembler"))
          .setOutputCol("text")

        val pipeline = new Pipeline().setStages(Array(audioAssembler, hubertForCTC))

        val data = Seq(Array.fill(16000)(0.0f)).toDF("audio_content")  // a second of silence
        val result = pipeline.fit(data).transform(data)
        result.select("text.result").show(false)
        """)


def test_python_of_question_answering_in_another_language() -> None:
    assert write_snippet(QUESTIONS, "python") == dedent("""\
        import sparknlp
        from pyspark.ml import Pipeline
        from sparknlp.annotator import BertForQuestionAnswering
        from sparknlp.base import MultiDocumentAssembler

        spark = sparknlp.start()

        multi_document_assembler = (
            MultiDocumentAssembler()
            .setInputCols(["question", "context"])
            .setOutputCols(["document_question", "document_context"])
        )
        bert_for_question_answering = (
            BertForQuestionAnswering.pretrained("hats", "de")
            .setInputCols(["document_question", "document_context"])
            .setOutputCol("answer")
        )

        pipeline = Pipeline(stages=[multi_document_assembler, bert_for_question_answering])

        data = spark.createDataFrame([["What is this about?", "Put a text of yours here."]], ["question", "context"])
        result = pipeline.fit(data).transform(data)
        result.select("answer.result").show(truncate=False)
        """)


def test_python_of_a_sentence_classifier_from_the_cache() -> None:
    cached = subject(
        "ClassifierDLModel",
        Dependency("UniversalSentenceEncoder", "", "en"),
        input_labels=("sentence_embeddings",),
        path="C:\\cache\\hats",
    )

    assert write_snippet(cached, "python") == dedent("""\
        import sparknlp
        from pyspark.ml import Pipeline
        from sparknlp.annotator import ClassifierDLModel, UniversalSentenceEncoder
        from sparknlp.base import DocumentAssembler

        spark = sparknlp.start()

        document_assembler = DocumentAssembler().setInputCol("text").setOutputCol("document")
        universal_sentence_encoder = (
            UniversalSentenceEncoder.pretrained()
            .setInputCols(["document"])
            .setOutputCol("sentence_embeddings")
        )
        classifier_dl_model = (
            ClassifierDLModel.load("C:\\\\cache\\\\hats")
            .setInputCols(["sentence_embeddings"])
            .setOutputCol("class")
        )

        pipeline = Pipeline(stages=[document_assembler, universal_sentence_encoder, classifier_dl_model])

        data = spark.createDataFrame([["Ada Lovelace wrote her notes on the Analytical Engine in London."]], ["text"])
        result = pipeline.fit(data).transform(data)
        result.select("class.result").show(truncate=False)
        """)


def test_python_of_a_pipeline() -> None:
    assert write_snippet(PIPELINE, "python") == dedent("""\
        import os

        import sparknlp_jsl
        from sparknlp.pretrained import PretrainedPipeline

        spark = sparknlp_jsl.start(os.environ["SECRET"])

        pipeline = PretrainedPipeline("hats", lang="en", remote_loc="finance/models")

        print(pipeline.annotate("Acme Corp. raised its dividend by 4 percent in March 2021."))
        """)


def test_scala_of_a_pipeline() -> None:
    assert write_snippet(PIPELINE, "scala") == dedent("""\
        import com.johnsnowlabs.nlp.pretrained.PretrainedPipeline
        import spark.implicits._

        val pipeline = new PretrainedPipeline("hats", "en", "finance/models")

        println(pipeline.annotate("Acme Corp. raised its dividend by 4 percent in March 2021."))
        """)


def test_nlu_of_a_model() -> None:
    snippet = write_snippet(subject("BertEmbeddings", nlu=("en.hats", "en.hats.small")), "nlu")

    assert snippet == dedent("""\
        import nlu

        print(nlu.load("en.hats").predict("Ada Lovelace wrote her notes on the Analytical Engine in London."))
        """)


@pytest.mark.parametrize(
    ("flavour", "loading"),
    [
        ("python", 'PretrainedPipeline.from_disk("/cache/hats")'),
        ("scala", 'PretrainedPipeline.fromDisk("/cache/hats")'),
    ],
)
def test_a_pipeline_in_the_cache_is_read_from_there(flavour: str, loading: str) -> None:
    snippet = write_snippet(subject("", type="pipeline", path="/cache/hats"), flavour)

    assert f"pipeline = {loading}\n" in snippet


@pytest.mark.parametrize("flavour", ["python", "scala"])
@pytest.mark.parametrize(
    ("pipeline", "data"),
    [
        (subject("PipelineModel", tasks=("Automatic Speech Recognition",)), "audio_content"),
        (subject("PipelineModel", stages=("ImageAssembler",)), "images/"),
        (subject("PipelineModel", stages=("MultiDocumentAssembler",)), '"context"'),
        (subject("PipelineModel", repository="clinical/ocr"), "documents/"),
    ],
)
def test_a_pipeline_of_other_data_than_text_gets_a_data_frame(
    pipeline: SnippetSubject, data: str, flavour: str
) -> None:
    snippet = write_snippet(pipeline, flavour)

    assert data in snippet
    assert snippet.endswith("pipeline.transform(data).show()\n")


@pytest.mark.parametrize(
    ("language", "repository", "arguments"),
    [
        ("en", "public/models", '("hats", "en")'),
        ("", "public/models", '("hats")'),
        ("", "@ada", '("hats", "en", "@ada")'),
        ("de", "@ada", '("hats", "de", "@ada")'),
    ],
)
def test_a_call_says_no_more_than_is_needed(language: str, repository: str, arguments: str) -> None:
    model = subject("BertSentenceEmbeddings", language=language, repository=repository)

    assert f"BertSentenceEmbeddings.pretrained{arguments}" in write_snippet(model, "python")


def test_a_pipeline_without_a_language_names_none() -> None:
    assert 'PretrainedPipeline("hats")' in write_snippet(subject("PipelineModel", language=""), "python")


@pytest.mark.parametrize(("flavour", "comment"), [("python", "#"), ("scala", "//")])
def test_a_column_that_nothing_writes_is_named_before_the_stage_that_reads_it(flavour: str, comment: str) -> None:
    lines = write_snippet(subject("NerDLModel"), flavour).splitlines()

    said = lines.index(f'{comment} "embeddings": the column that NerDLModel reads must come from a stage of yours.')
    assert "ner" in lines[said + 1].lower()


def test_a_model_whose_first_stages_are_unknown_gets_text() -> None:
    snippet = write_snippet(subject("ClassifierDLModel"), "scala")

    assert 'val data = Seq("Ada Lovelace wrote her notes on the Analytical Engine in London.").toDF("text")' in snippet


def test_a_stage_of_visual_nlp_is_honest_about_its_input() -> None:
    snippet = write_snippet(subject("VisualHatDetector", repository="clinical/ocr"), "python")

    assert "# What VisualHatDetector reads is not known: set its input columns." in snippet
    assert "sparkocr.start(" in snippet
    assert "setInputCol" not in snippet


def test_scala_says_which_class_it_cannot_import() -> None:
    snippet = write_snippet(subject("MedicalHatModel", repository="clinical/models", input_labels=("token",)), "scala")

    assert "// MedicalHatModel: import it from the licensed library.\n" in snippet


def test_an_unknown_flavour_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match="cobol"):
        write_snippet(TOKEN_CLASSIFIER, "cobol")


def test_a_model_without_an_nlu_reference_is_not_found() -> None:
    with pytest.raises(NotFoundError) as caught:
        write_snippet(TOKEN_CLASSIFIER, "nlu")

    assert caught.value.hint == "Use --code python."


@pytest.mark.parametrize("annotator", ["", "NotDefined", "None", "Hat; import os", "os.system"])
def test_without_a_class_no_code_is_written(annotator: str) -> None:
    with pytest.raises(NotFoundError, match="hats"):
        write_snippet(subject(annotator), "python")


@pytest.mark.parametrize("flavour", ["python", "scala"])
def test_a_hostile_card_writes_no_code(flavour: str) -> None:
    evil = '"); boom() #\n\\'
    facts = ModelFacts(
        annotator="BertForSequenceClassification",
        input_labels=(evil, "token"),
        output_labels=(evil,),
        dependencies=(Dependency("SentenceDetectorDLModel", evil, evil, evil),),
    )

    snippet = write_snippet(SnippetSubject(name=evil, language=evil, repository="public/models", facts=facts), flavour)

    assert '"\\"); boom() #\\n\\\\"' in snippet
    if flavour == "python":
        calls = [node.func for node in ast.walk(ast.parse(snippet)) if isinstance(node, ast.Call)]
        assert not [call for call in calls if isinstance(call, ast.Name) and call.id == "boom"]


CLASSES = (
    "AlbertEmbeddings",
    "AssertionDLModel",
    "BertForMultipleChoice",
    "BertForZeroShotClassification",
    "ChunkEntityResolverModel",
    "ChunkMapperModel",
    "ContextSpellCheckerModel",
    "DeIdentificationModel",
    "Doc2VecModel",
    "GPT2Transformer",
    "GenericClassifierModel",
    "LanguageDetectorDL",
    "LemmatizerModel",
    "MarianTransformer",
    "NerCrfModel",
    "PerceptronModel",
    "RelationExtractionDLModel",
    "RelationExtractionModel",
    "SentenceDetectorDLModel",
    "SentenceEntityResolverModel",
    "SentimentDLModel",
    "SpanBertCorefModel",
    "TapasForQuestionAnswering",
    "TypedDependencyParserModel",
    "VisionEncoderDecoderForImageCaptioning",
    "ViveknSentimentModel",
    "WordSegmenterModel",
    "XlnetForTokenClassification",
    "HatDetector",
)
CALLS = (
    Dependency("WordEmbeddingsModel", "glove_of_hats", "en"),
    Dependency("NerDLModel", "ner_of_hats", "en"),
    Dependency("BertSentenceEmbeddings", "sent_hats", "en"),
)


@pytest.mark.parametrize("calls", [(), CALLS])
@pytest.mark.parametrize("annotator", CLASSES)
def test_every_column_is_written_before_it_is_read_or_is_named_as_unknown(
    annotator: str, calls: tuple[Dependency, ...]
) -> None:
    snippet = write_snippet(subject(annotator, *calls), "python")

    ast.parse(snippet)
    body, _, run = snippet.partition("\ndata = ")
    # What assemblers read are columns of the data frame, which stands at the end.
    known = {node.value for node in ast.walk(ast.parse(f"data = {run}")) if _is_text(node)}
    known |= {"image"} | {line.split('"')[1] for line in body.splitlines() if line.startswith('# "')}
    for reads, writes in _stages(body):
        assert reads <= known
        known |= writes


def _is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def _stages(code: str) -> list[tuple[set[str], set[str]]]:
    """What each statement that makes a stage reads and writes, by its setters."""
    stages = []
    for statement in ast.parse(code).body:
        columns: dict[str, set[str]] = {"setInput": set(), "setOutput": set()}
        for node in ast.walk(statement):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                setter = node.func.attr.partition("Col")[0]
                if setter in columns:
                    columns[setter] = {inner.value for inner in ast.walk(node.args[0]) if _is_text(inner)}
        stages.append((columns["setInput"], columns["setOutput"]))
    return stages
