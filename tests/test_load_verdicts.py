from __future__ import annotations

import pytest

from modelhub.artifacts import Artifact, ArtifactKey
from modelhub.facts import ModelFacts
from modelhub.load_verdicts import Installation, engine_of, engines_in, judge_load
from modelhub.resolver import Runtime

X86 = {"system": "linux", "machine": "x86_64"}
ARM = {"system": "linux", "machine": "aarch64"}
MAC = {"system": "darwin", "machine": "arm64"}


def artifact(
    versions: str = "5.5.0_3.0", annotator: str = "BertEmbeddings", engine: str = "", repository: str = "public/models"
) -> Artifact:
    key = ArtifactKey.parse(f"some_model_en_{versions}_1700000000000")
    return Artifact(key=key, annotator=annotator, engine=engine, repository=repository)


def installed(sparknlp: str = "5.5.3", spark: str = "3.5.1", **more: object) -> Installation:
    runtime = Runtime.of(sparknlp=sparknlp, spark=spark, annotator="", engine="")
    return Installation(runtime=runtime, **more)  # type: ignore[arg-type]


def codes(subject: Artifact, installation: Installation, **facts: object) -> list[tuple[str, str]]:
    verdict = judge_load(subject, ModelFacts(**facts), installation)  # type: ignore[arg-type]
    return [(concern.code, concern.state) for concern in verdict.concerns]


@pytest.mark.parametrize(
    ("versions", "sparknlp", "spark", "expected"),
    [
        ("5.5.0_3.0", "5.5.3", "3.5.1", []),
        ("6.0.0_3.0", "5.5.3", "3.5.1", [("version_too_old", "problem")]),
        ("5.5.0_3.4", "5.5.3", "3.3.0", [("version_too_old", "problem")]),
        ("5.5.0_3.0", "", "", []),
        # Spark NLP and Spark that do not go together load nothing at all.
        ("5.5.0_3.0", "5.5.3", "4.0.1", [("spark_does_not_go", "problem")]),
        # What Scala 2.11 saved.
        ("2.7.0_2.4", "3.4.4", "2.4.8", []),
        ("2.7.0_2.4", "5.5.3", "3.5.1", [("scala", "warning")]),
        ("3.2.0_2.4", "5.5.3", "3.5.1", []),
        ("3.2.0_2.4", "7.0.0", "4.0.1", [("scala", "warning")]),
        ("2.7.0_2.4", "7.0.0", "4.1.0", [("scala", "warning")]),
        ("4.0.0_3.0", "7.0.0", "4.0.1", []),
    ],
)
def test_versions(versions: str, sparknlp: str, spark: str, expected: list[tuple[str, str]]) -> None:
    assert codes(artifact(versions), installed(sparknlp, spark)) == expected


@pytest.mark.parametrize(
    ("annotator", "engine", "engines", "expected"),
    [
        ("BertEmbeddings", "tensorflow", {"onnx"}, [("engine_missing", "problem")]),
        ("BertEmbeddings", "onnx", {"onnx"}, []),
        ("BertEmbeddings", "openvino", {"onnx", "tensorflow"}, [("engine_missing", "problem")]),
        ("BertEmbeddings", "tensorflow", None, []),
        ("BertEmbeddings", "tensorflow", set(), [("engine_missing", "problem")]),
        ("PerceptronModel", "", {"onnx"}, []),
    ],
)
def test_engines_that_jars_bring(
    annotator: str, engine: str, engines: set[str] | None, expected: list[tuple[str, str]]
) -> None:
    there = None if engines is None else frozenset(engines)

    assert codes(artifact(annotator=annotator, engine=engine), installed(engines=there)) == expected


def test_a_pipeline_needs_the_engines_of_its_stages() -> None:
    pipeline, stages = artifact("4.0.0_3.0", "PipelineModel"), ("DocumentAssembler", "BertForTokenClassification")

    assert codes(pipeline, installed(engines=frozenset({"onnx"})), stages=stages) == [("engine_missing", "problem")]
    assert codes(pipeline, installed(engines=frozenset({"onnx"})), stages=stages[:1]) == []


def test_what_is_missing_and_what_is_there_is_said() -> None:
    (concern,) = judge_load(
        artifact(engine="tensorflow"), ModelFacts(), installed(engines=frozenset({"onnx", "llamacpp"}))
    ).concerns

    assert concern.text == "Its weights are TensorFlow's, and the jars of Spark NLP here bring ONNX and llama.cpp."
    assert concern.about("x:en").startswith("x:en will not load here: Its weights")


@pytest.mark.parametrize(
    ("versions", "annotator", "told", "engine"),
    [
        ("5.5.0_3.0", "BertEmbeddings", "ONNX", "onnx"),
        ("5.5.0_3.0", "BertEmbeddings", "", ""),
        ("4.0.0_3.0", "BertEmbeddings", "", "tensorflow"),
        ("4.0.0_3.0", "ZeroShotNerModel", "", "tensorflow"),
        ("4.0.0_3.0", "T5Transformer", "", "tensorflow"),
        ("4.0.0_3.0", "PerceptronModel", "", ""),
    ],
)
def test_before_spark_nlp_5_all_weights_were_tensorflows(versions: str, annotator: str, told: str, engine: str) -> None:
    assert engine_of(artifact(versions, annotator), ModelFacts(engine=told)) == engine


def test_versions_of_licensed_libraries_do_not_tell_the_engine() -> None:
    assert engine_of(artifact("1.0.0_3.0", "BertEmbeddings", repository="legal/models"), ModelFacts()) == ""


@pytest.mark.parametrize(
    ("machine", "sparknlp", "engine", "hint"),
    [
        (ARM, "5.5.3", "tensorflow", "spark-nlp-aarch64_2.12: sparknlp.start(aarch64=True)"),
        (MAC, "5.5.3", "tensorflow", "spark-nlp-silicon_2.12: sparknlp.start(apple_silicon=True)"),
        (ARM, "4.2.0", "tensorflow", "Spark NLP 4.4 and newer has jars"),
        (ARM, "5.5.3", "onnx", ""),
        (X86, "5.5.3", "tensorflow", ""),
    ],
)
def test_tensorflow_on_arm_needs_a_jar_of_its_own(
    machine: dict[str, str], sparknlp: str, engine: str, hint: str
) -> None:
    verdict = judge_load(artifact("4.0.0_3.0", engine=engine), ModelFacts(), installed(sparknlp, "3.3.1", **machine))

    assert [concern.code for concern in verdict.concerns] == (["machine"] if hint else [])
    assert hint in "".join(concern.hint for concern in verdict.concerns)


def test_where_the_jar_is_not_known_it_is_not_named() -> None:
    verdict = judge_load(artifact(engine="tensorflow"), ModelFacts(), installed(spark="", **ARM))

    assert "Start Spark with its jar for this machine" in verdict.concerns[0].hint


@pytest.mark.parametrize(
    ("annotator", "repository", "stages", "libraries", "expected"),
    [
        ("MedicalNerModel", "clinical/models", (), set(), [("library_missing", "problem")]),
        ("MedicalNerModel", "clinical/models", (), {"sparknlp_jsl"}, []),
        ("MedicalNerModel", "clinical/models", (), None, []),
        ("WordEmbeddingsModel", "clinical/models", (), set(), []),
        ("VisualDocumentNERv21", "clinical/ocr", (), {"sparknlp_jsl"}, [("library_missing", "problem")]),
        (
            "PipelineModel",
            "clinical/models",
            ("DocumentAssembler", "MedicalNerModel", "MedicalNerModel"),
            set(),
            [("library_missing", "problem")],
        ),
        ("PipelineModel", "public/models", ("DocumentAssembler", "PerceptronModel"), set(), []),
        ("", "public/models", (), set(), []),
    ],
)
def test_licensed_classes_need_their_library(
    annotator: str,
    repository: str,
    stages: tuple[str, ...],
    libraries: set[str] | None,
    expected: list[tuple[str, str]],
) -> None:
    subject = artifact(annotator=annotator, repository=repository)
    there = None if libraries is None else frozenset(libraries)

    assert codes(subject, installed(libraries=there), stages=stages) == expected


def test_the_gravest_reason_comes_first_and_each_names_its_source() -> None:
    verdict = judge_load(
        artifact("2.7.0_2.4", engine="tensorflow"), ModelFacts(), installed(engines=frozenset({"onnx"}))
    )

    assert [concern.code for concern in verdict.concerns] == ["engine_missing", "scala"]
    assert all(concern.source and concern.hint for concern in verdict.concerns)
    assert verdict.state == "problem"
    assert [item["code"] for item in verdict.to_dict()["concerns"]] == ["engine_missing", "scala"]


def test_where_nothing_speaks_against_it_all_is_well() -> None:
    assert judge_load(artifact(), ModelFacts(), installed()).to_dict() == {"state": "ok", "concerns": []}


@pytest.mark.parametrize(
    ("jars", "engines"),
    [
        (["spark-core_2.12-3.5.1.jar", "onnxruntime-1.19.2.jar"], None),
        (["spark-nlp_2.12-4.4.4.jar", "spark-nlp-assembly-5.5.2.jar", "tensorflow-cpu_2.12-0.4.4.jar"], None),
        (["spark-nlp_2.12-5.5.3.jar", "onnxruntime-1.19.2.jar"], {"onnx"}),
        # Only the classes that others link to: no TensorFlow runs with them.
        (["spark-nlp_2.12-5.5.3.jar", "tensorflow-core-api-0.5.0.jar"], set()),
        (
            [
                "com.johnsnowlabs.nlp_spark-nlp-gpu_2.12-5.5.3.jar",
                "com.johnsnowlabs.nlp_tensorflow-gpu_2.12-0.4.4.jar",
                "com.johnsnowlabs.nlp_jsl-llamacpp-gpu_2.12-0.1.4.jar",
                "com.johnsnowlabs.nlp_jsl-openvino-gpu_2.12-0.2.0.jar",
            ],
            {"tensorflow", "llamacpp", "openvino"},
        ),
        (["spark-nlp-aarch64-assembly-5.5.3.jar"], {"tensorflow", "onnx", "openvino", "llamacpp"}),
    ],
)
def test_jars_tell_their_engines(jars: list[str], engines: set[str] | None) -> None:
    assert engines_in(jars, "5.5.3") == engines
