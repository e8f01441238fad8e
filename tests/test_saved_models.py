from __future__ import annotations

import json
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
    assert saved.short_class_name == "PerceptronModel"
    assert saved.stage_uids == ()


def test_a_class_without_a_package_is_its_own_short_name(tmp_path: Path) -> None:
    assert read_saved_model(save(tmp_path, "Tagger")).short_class_name == "Tagger"


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

    with pytest.raises(ArchiveError, match="lacks the stage POS_2"):
        read_saved_model(tmp_path)


def test_a_pipeline_without_any_stage_folder_is_not_whole(tmp_path: Path) -> None:
    save(tmp_path, PIPELINE, ["POS_1"])

    with pytest.raises(ArchiveError, match="lacks the stage POS_1"):
        read_saved_model(tmp_path)


def test_a_stage_of_a_longer_name_is_another_stage(tmp_path: Path) -> None:
    save(tmp_path, PIPELINE, ["POS_1"])
    save(tmp_path / "stages" / "0_MY_POS_1")

    with pytest.raises(ArchiveError, match="lacks the stage POS_1"):
        read_saved_model(tmp_path)


def test_a_file_in_place_of_a_stage_is_no_stage(tmp_path: Path) -> None:
    save(tmp_path, PIPELINE, ["POS_1"])
    (tmp_path / "stages").mkdir()
    (tmp_path / "stages" / "0_POS_1").touch()

    with pytest.raises(ArchiveError, match="lacks the stage"):
        read_saved_model(tmp_path)


def test_a_stage_without_metadata_is_not_whole(tmp_path: Path) -> None:
    save(tmp_path, PIPELINE, ["POS_1"])
    (tmp_path / "stages" / "0_POS_1" / "fields").mkdir(parents=True)

    with pytest.raises(ArchiveError, match=r"0_POS_1 holds no saved model"):
        read_saved_model(tmp_path)


def test_a_pipeline_inside_a_pipeline_must_be_whole_too(tmp_path: Path) -> None:
    save(tmp_path, PIPELINE, ["INNER_1"])
    save(tmp_path / "stages" / "0_INNER_1", PIPELINE, ["POS_1"])

    with pytest.raises(ArchiveError, match="lacks the stage POS_1"):
        read_saved_model(tmp_path)


@pytest.mark.parametrize("uid", ["a[b", "**", "*", "x**y", "../../metadata"])
def test_a_strange_stage_is_looked_for_by_its_very_name(tmp_path: Path, uid: str) -> None:
    save(tmp_path, PIPELINE, [uid])
    save(tmp_path / "stages" / "0_POS_1")

    with pytest.raises(ArchiveError, match="lacks the stage"):
        read_saved_model(tmp_path)


def test_an_empty_folder_holds_no_model(tmp_path: Path) -> None:
    with pytest.raises(ArchiveError, match=r"holds no saved model: metadata/part-\* is missing\.") as caught:
        read_saved_model(tmp_path)

    assert str(tmp_path) in caught.value.message


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
        b'{"class": "A", "paramMap": {"stageUids": null}}',
        b'{"class": null}',
    ],
)
def test_metadata_that_is_damaged_is_named(tmp_path: Path, content: bytes) -> None:
    save(tmp_path)
    (tmp_path / "metadata" / "part-00000").write_bytes(content)

    with pytest.raises(ArchiveError, match="part-00000 is not the metadata of a saved model"):
        read_saved_model(tmp_path)


def test_metadata_without_parameters_is_enough(tmp_path: Path) -> None:
    save(tmp_path)
    (tmp_path / "metadata" / "part-00000").write_text('{"class": "a.B", "paramMap": null}', encoding="utf-8")

    assert read_saved_model(tmp_path).short_class_name == "B"


def test_metadata_that_is_a_folder_is_damaged(tmp_path: Path) -> None:
    (tmp_path / "metadata" / "part-00000").mkdir(parents=True)

    with pytest.raises(ArchiveError, match="is not the metadata"):
        read_saved_model(tmp_path)
