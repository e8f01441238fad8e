from __future__ import annotations

import json
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from modelhub.errors import ArchiveError
from modelhub.saved_models import read_saved_model

TAGGER = "com.johnsnowlabs.nlp.annotators.pos.perceptron.PerceptronModel"
PIPELINE = "org.apache.spark.ml.PipelineModel"


def save(folder: Path, class_name: str = TAGGER, stage_uids: Sequence[str] = ()) -> Path:
    """Write the metadata of a saved model as Spark ML does."""
    metadata = folder / "metadata"
    metadata.mkdir(parents=True)
    params = {"stageUids": list(stage_uids)} if stage_uids else {}
    content = {"class": class_name, "timestamp": 1, "sparkVersion": "3.4.1", "uid": "POS_1", "paramMap": params}
    (metadata / "part-00000").write_text(f"{json.dumps(content)}\n", encoding="utf-8")
    (metadata / "_SUCCESS").touch()
    (metadata / ".part-00000.crc").write_bytes(b"crc\0")
    return folder


def test_a_saved_annotator_tells_its_class(tmp_path: Path) -> None:
    saved = read_saved_model(save(tmp_path))

    assert saved.class_name == TAGGER
    assert saved.stage_uids == ()


@pytest.mark.parametrize("padding", ["", "0", "00"])
def test_a_pipeline_names_its_stages_in_order(tmp_path: Path, padding: str) -> None:
    uids = ["DocumentAssembler_b1", "POS_a2"]
    save(tmp_path, PIPELINE, uids)
    for index, uid in enumerate(uids):
        save(tmp_path / "stages" / f"{padding}{index}_{uid}")

    assert read_saved_model(tmp_path).stage_uids == tuple(uids)


def test_a_stage_that_is_missing_is_named(tmp_path: Path) -> None:
    save(tmp_path, PIPELINE, ["POS_1", "POS_2"])
    save(tmp_path / "stages" / "0_POS_1")

    with pytest.raises(ArchiveError, match=r"^The stage POS_2 that metadata names is missing\.$"):
        read_saved_model(tmp_path)


def test_a_pipeline_without_any_stage_folder_is_not_whole(tmp_path: Path) -> None:
    save(tmp_path, PIPELINE, ["POS_1"])

    with pytest.raises(ArchiveError, match="stage POS_1 that metadata names"):
        read_saved_model(tmp_path)


def test_a_stage_of_a_longer_name_is_another_stage(tmp_path: Path) -> None:
    save(tmp_path, PIPELINE, ["POS_1"])
    save(tmp_path / "stages" / "0_MY_POS_1")

    with pytest.raises(ArchiveError, match="stage POS_1 that metadata names"):
        read_saved_model(tmp_path)


def test_a_file_in_place_of_a_stage_is_no_stage(tmp_path: Path) -> None:
    save(tmp_path, PIPELINE, ["POS_1"])
    (tmp_path / "stages").mkdir()
    (tmp_path / "stages" / "0_POS_1").touch()

    with pytest.raises(ArchiveError, match=r"The stage .* is missing"):
        read_saved_model(tmp_path)


def test_a_stage_without_metadata_is_not_whole(tmp_path: Path) -> None:
    save(tmp_path, PIPELINE, ["POS_1"])
    (tmp_path / "stages" / "0_POS_1" / "fields").mkdir(parents=True)

    with pytest.raises(ArchiveError, match=r"in it: stages/0_POS_1/metadata/part-\* is missing"):
        read_saved_model(tmp_path)


def test_a_pipeline_inside_a_pipeline_must_be_whole_too(tmp_path: Path) -> None:
    save(tmp_path, PIPELINE, ["INNER_1"])
    save(tmp_path / "stages" / "0_INNER_1", PIPELINE, ["POS_1"])

    with pytest.raises(ArchiveError, match="stage POS_1 that stages/0_INNER_1/metadata names"):
        read_saved_model(tmp_path)


@pytest.mark.parametrize("uid", ["a[b", "**", "*", "x**y", "../../metadata"])
def test_a_strange_stage_is_looked_for_by_its_very_name(tmp_path: Path, uid: str) -> None:
    save(tmp_path, PIPELINE, [uid])
    save(tmp_path / "stages" / "0_POS_1")

    with pytest.raises(ArchiveError, match=r"The stage .* is missing"):
        read_saved_model(tmp_path)


def test_an_empty_folder_holds_no_model(tmp_path: Path) -> None:
    with pytest.raises(ArchiveError) as caught:
        read_saved_model(tmp_path)

    assert caught.value.message == "There is no saved model in it: metadata/part-* is missing."


def test_a_model_that_lies_one_level_too_deep_is_found(tmp_path: Path) -> None:
    save(tmp_path / "wrapped")

    with pytest.raises(ArchiveError, match="one level too deep, in wrapped/"):
        read_saved_model(tmp_path)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"not json",
        b"\xff\xfe",
        b"[]",
        b"[1]",
        b"5",
        b'"class"',
        b"{}",
        b'{"class": "A", "paramMap": {}}, x',
        b'{"class": "A", "paramMap": "x"}',
        b'{"class": "A", "paramMap": {"stageUids": 5}}',
        b'{"class": "A", "paramMap": {"stageUids": "POS_1"}}',
        b'{"class": "A", "paramMap": {"stageUids": [5]}}',
        b"[" * 200_000,
        b'{"class": "A", "more": "%s"}' % (b"x" * (4 << 20)),
        b'{"class": "A", "paramMap": {"stageUids": null}}',
        b'{"class": null}',
    ],
)
def test_metadata_that_is_damaged_is_named(tmp_path: Path, content: bytes) -> None:
    save(tmp_path)
    (tmp_path / "metadata" / "part-00000").write_bytes(content)

    with pytest.raises(ArchiveError, match=r"^metadata/part-00000 is not the metadata of a saved model: it") as caught:
        read_saved_model(tmp_path)

    assert len(caught.value.message) < 150


def test_metadata_without_parameters_is_enough(tmp_path: Path) -> None:
    save(tmp_path)
    (tmp_path / "metadata" / "part-00000").write_text('{"class": "a.B", "paramMap": null}', encoding="utf-8")

    assert read_saved_model(tmp_path).class_name == "a.B"


def test_metadata_that_is_a_folder_is_damaged(tmp_path: Path) -> None:
    (tmp_path / "metadata" / "part-00000").mkdir(parents=True)

    with pytest.raises(ArchiveError, match=r"^metadata/part-00000 cannot be read: Is a directory\.$"):
        read_saved_model(tmp_path)


def test_a_stage_that_is_named_a_million_times_is_read_once(tmp_path: Path) -> None:
    save(tmp_path, PIPELINE, ["P"] * 300_000)
    save(tmp_path / "stages" / "0_P")

    started = time.monotonic()
    read_saved_model(tmp_path)

    assert time.monotonic() - started < 1
