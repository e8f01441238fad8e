from __future__ import annotations

import pytest

from modelhub.saved_parts import begins_model, missing_parts

BERT = ("com.johnsnowlabs.nlp.embeddings.BertEmbeddings", "")
PIPELINE = ("org.apache.spark.ml.PipelineModel", "")
TAGGER = ("com.johnsnowlabs.nlp.annotators.pos.perceptron.PerceptronModel", "")
METADATA = ["metadata/part-00000", "metadata/_SUCCESS"]


def missing(*paths: str, model: tuple[str, str] = TAGGER, empty: tuple[str, ...] = ()) -> list[str]:
    return list(missing_parts({"": model}, [*METADATA, *paths], empty))


def test_a_whole_model_lacks_nothing() -> None:
    fields = ["fields/vocabulary/part-00000", "fields/vocabulary/part-00001", "fields/vocabulary/_SUCCESS"]

    assert missing("bert_tensorflow", *fields, model=BERT) == []


def test_weights_are_missed() -> None:
    assert missing(model=BERT) == ["bert_tensorflow, from which BertEmbeddings reads its data, is missing."]
    assert missing(".bert_tensorflow.crc", model=BERT)
    assert missing("bert_tensorflow/saved_model.pb", model=BERT) == []


def test_the_weights_of_a_stage_are_looked_for_in_the_stage() -> None:
    stages = {"": PIPELINE, "stages/0_BERT_1/": BERT}

    assert list(missing_parts(stages, [*METADATA, "bert_tensorflow"])) == [
        "stages/0_BERT_1/bert_tensorflow, from which BertEmbeddings reads its data, is missing."
    ]
    assert not list(missing_parts(stages, [*METADATA, "stages/0_BERT_1/bert_tensorflow"]))


def test_a_part_between_others_is_missed() -> None:
    assert missing("fields/a/part-00000", "fields/a/part-00003") == [
        "fields/a/part-00001 is missing.",
        "fields/a/part-00002 is missing.",
    ]


def test_a_part_of_a_parquet_file_has_a_number_that_tells_nothing() -> None:
    assert missing("fields/a/part-00007-8f1c.snappy.parquet") == []


def test_the_sign_that_all_is_written_is_missed_where_another_field_has_it() -> None:
    fields = ["fields/a/part-00000", "fields/a/_SUCCESS", "fields/b/part-00000"]

    assert missing(*fields) == ["fields/b/_SUCCESS is missing, so not all of fields/b may be there."]
    assert missing(*(path for path in fields if "_SUCCESS" not in path)) == []


@pytest.mark.parametrize(
    ("folder", "is_missed"), [("fields/a", True), ("stages/0_A/fields/a", True), ("assets", False)]
)
def test_an_empty_field_is_missed(folder: str, is_missed: bool) -> None:
    assert missing(empty=(folder,)) == ([f"{folder} is empty."] if is_missed else [])


def test_a_database_is_missed_by_what_every_one_has() -> None:
    words = ("com.johnsnowlabs.nlp.embeddings.WordEmbeddingsModel", "")
    base = "storage/EMBEDDINGS_glove"

    assert missing(model=words) == ["storage, from which WordEmbeddingsModel reads its data, is missing."]
    assert missing(f"{base}/CURRENT", f"{base}/MANIFEST-000004", f"{base}/000003.sst", model=words) == []
    assert missing(f"{base}/000003.sst", model=words) == [
        f"{base}/CURRENT is missing.",
        f"{base}/MANIFEST-* is missing.",
    ]


@pytest.mark.parametrize(
    ("paths", "begins"),
    [
        ([], True),
        (["fields/a/part-00000"], True),
        (["stages/0_A/metadata/part-00000"], True),
        (["bert_sentence_tensorflow"], True),
        (["notes.txt"], False),
        (["wrapped/metadata/part-00000"], False),
    ],
)
def test_the_beginning_of_a_model_is_told_from_something_else(paths: list[str], begins: bool) -> None:
    assert begins_model(paths) == begins
