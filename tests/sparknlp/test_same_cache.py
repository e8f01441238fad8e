"""One cache for both: Spark NLP loads what we pulled, and we understand what Spark NLP downloaded."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from hub_server import HubFolder
from model_files import files_of
from saved_by_spark import TAGGED, VECTORS, SavedModel, save_models
from serving import wait_for
from spark_hub import SparkHub

pytestmark = pytest.mark.spark
READ_VECTORS = Path(__file__).with_name("read_vectors.py")
KINDS = ("perceptron", "pipeline", "lemmatizer", "embeddings", "bert")
# The bytes of ``wide`` that were sent when the pull is killed.
KILLED_AT_BYTES = 5_000_000
CUT_KEY = "saved_cut_en_5.5.3_3.0_1730000001000"
HURT_KEY = "saved_hurt_en_5.5.3_3.0_1730000001001"

Run = Callable[..., Any]


@pytest.fixture(scope="module")
def models(spark: Any, spark_hub: SparkHub, tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, SavedModel]:
    """What Spark NLP saved, zipped and published; beside it one that is cut short, and one for a bad disk."""
    hub = HubFolder(spark_hub.folder)
    models = save_models(spark, tmp_path_factory.mktemp("saving") / "models", hub)
    whole = zip_of(hub, models["pipeline"].key)
    hub.add(CUT_KEY, whole.read_bytes()[: middle_of_weights(whole)], checksum="")
    hub.add(HURT_KEY, whole.read_bytes())
    return models


@pytest.fixture
def pull(invoke: Run, home: Path, spark_hub: SparkHub, authority: tuple[Path, Any]) -> Run:
    """``pull(name, *faults)``: pull from the hub of Spark NLP; the folder."""

    def run(name: str, *faults: str | int) -> Path:
        finished = invoke("pull", name, "en", "-q", "--hub", spark_hub.uri(*faults), "--ca-bundle", authority[0])
        assert finished.status == 0, finished.err
        return Path(finished.out.strip())

    return run


@pytest.fixture
def download(spark: Any, models: Mapping[str, SavedModel]) -> Callable[[str], Path]:
    """``download(name)``: let Spark NLP's own downloader bring a model into its cache; the folder."""

    def run(name: str) -> Path:
        jvm = spark._jvm
        downloader = getattr(getattr(jvm, "com.johnsnowlabs.nlp.pretrained.ResourceDownloader$"), "MODULE$")
        language = getattr(jvm, "scala.Option").apply("en")
        return Path(downloader.downloadResource(name, language, "public/models").removeprefix("file:"))

    return run


def zip_of(hub: HubFolder, key: str) -> Path:
    """Where an object of the hub lies."""
    return hub.folder / "public" / "models" / f"{key}.zip"


def middle_of_weights(archive: Path) -> int:
    """Where the largest member is half; cut between two members, a zip is whole for Spark NLP."""
    with zipfile.ZipFile(archive) as opened:
        largest = max(opened.infolist(), key=lambda member: member.compress_size)
    return largest.header_offset + largest.compress_size // 2


@pytest.mark.parametrize("kind", KINDS)
def test_spark_nlp_loads_what_we_pulled(models: Mapping[str, SavedModel], pull: Run, kind: str) -> None:
    model = models[kind]

    folder = pull(model.name)

    assert folder.name == model.key
    assert files_of(folder) == files_of(model.folder)
    assert model.use(model.load(str(folder))) == model.answer


def test_a_fresh_session_reads_the_vectors_that_we_pulled(
    models: Mapping[str, SavedModel], pull: Run, parts: Path, tmp_path: Path
) -> None:
    folder = pull(models["embeddings"].name)

    finished = subprocess.run(
        [sys.executable, READ_VECTORS, parts, folder, tmp_path], check=True, capture_output=True, timeout=120
    )

    assert json.loads(finished.stdout) == VECTORS


@pytest.mark.parametrize("faults", [(), ("no-ranges",)], ids=["ranges", "streaming"])
def test_a_large_model_is_the_same_in_ranges_and_as_a_stream(
    models: Mapping[str, SavedModel], spark_hub: SparkHub, pull: Run, faults: tuple[str, ...]
) -> None:
    model, earlier = models["wide"], len(spark_hub.requests)

    folder = pull(model.name, *faults)
    answers = [request.status for request in spark_hub.requests[earlier:] if request.path.endswith(f"{model.key}.zip")]

    assert (answers.count(206) > 1) is (not faults)
    assert files_of(folder) == files_of(model.folder)
    assert model.use(model.load(str(folder))) == model.answer


def test_a_large_model_is_the_same_after_a_kill(
    models: Mapping[str, SavedModel],
    spark_hub: SparkHub,
    authority: tuple[Path, Any],
    pull: Run,
    start: Run,
) -> None:
    model, sent_before = models["wide"], spark_hub.sent_bytes()
    words = ["pull", model.name, "en", "--hub", spark_hub.uri("paced", 4000), "--ca-bundle", authority[0]]
    process = start(*words)
    wait_for(lambda: spark_hub.sent_bytes() - sent_before > KILLED_AT_BYTES)
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=20)
    earlier = spark_hub.sent_bytes()

    folder = pull(model.name)

    assert spark_hub.sent_bytes() - earlier < zip_of(HubFolder(spark_hub.folder), model.key).stat().st_size
    assert files_of(folder) == files_of(model.folder)
    assert model.use(model.load(str(folder))) == model.answer


@pytest.mark.parametrize("kind", [*KINDS, "wide"])
def test_both_programs_leave_the_same_folder_but_for_hadoops_sums(
    models: Mapping[str, SavedModel], pull: Run, download: Callable[[str], Path], kind: str
) -> None:
    model = models[kind]

    ours, theirs = files_of(pull(model.name)), download(model.name)
    added = files_of(theirs).keys() - ours.keys()

    assert {name: content for name, content in files_of(theirs).items() if name in ours} == ours
    assert all(Path(name).name.startswith(".") and name.endswith(".crc") for name in added)
    assert model.use(model.load(str(theirs))) == model.answer
    for name in added:
        (theirs / name).unlink()
    assert model.use(model.load(str(theirs))) == model.answer


# What Spark NLP's own downloader left, in our eyes


@pytest.fixture
def ask(invoke: Run, home: Path, spark_hub: SparkHub, spark_cache: Path, authority: tuple[Path, Any]) -> Run:
    """``ask(command, *words)``: the data that a command tells of the cache of Spark NLP."""

    def run(command: str, *words: object) -> Any:
        network = () if command == "list" else ("--hub", spark_hub.uri(), "--ca-bundle", authority[0])
        return invoke(command, *words, "--cache", spark_cache, *network, "--json").json["data"]

    return run


def entry_of(data: Any, key: str) -> Any:
    """What was told of one entry."""
    return next(entry for entry in data["entries"] if entry["key"] == key)


@pytest.mark.parametrize("kind", KINDS)
def test_what_spark_nlp_downloaded_is_listed_and_verified(
    models: Mapping[str, SavedModel], download: Run, ask: Run, kind: str
) -> None:
    key = models[kind].key
    folder = download(models[kind].name)

    listed, verified = entry_of(ask("list"), key), entry_of(ask("verify", key), key)

    assert (listed["path"], listed["state"]) == (str(folder), "good")
    assert (verified["path"], verified["state"]) == (str(folder), "good")


def test_what_befell_a_model_that_spark_nlp_downloaded_is_repaired(
    models: Mapping[str, SavedModel], download: Run, ask: Run
) -> None:
    folder = download(HURT_KEY.partition("_en_")[0])
    model = models["pipeline"]
    hurt = next(path for path in folder.rglob("part-00000") if "POS Model" in str(path))
    hurt.write_bytes(b"?" * hurt.stat().st_size)

    found = entry_of(ask("verify", HURT_KEY, "--deep"), HURT_KEY)
    ask("verify", HURT_KEY, "--deep", "--repair")

    assert found["state"] == "rotten"  # against the sums that Hadoop left beside the files
    assert model.use(model.load(str(folder))) == TAGGED


def test_a_folder_that_spark_nlp_left_half_is_found_and_mended(
    models: Mapping[str, SavedModel], spark_hub: SparkHub, spark_cache: Path, download: Run, ask: Run
) -> None:
    model, hub = models["pipeline"], HubFolder(spark_hub.folder)
    with pytest.raises(Exception, match="Was not found appropriate resource"):
        download(CUT_KEY.partition("_en_")[0])
    folder = spark_cache / CUT_KEY
    zip_of(hub, CUT_KEY).write_bytes(zip_of(hub, HURT_KEY).read_bytes())

    assert download(CUT_KEY.partition("_en_")[0]) == folder
    # Which of its files is missing depends on the order in which the folder was zipped.
    with pytest.raises(Exception, match="does not exist|empty collection|is not set"):
        model.use(model.load(str(folder)))
    assert entry_of(ask("verify", CUT_KEY), CUT_KEY)["state"] == "partial"
    ask("verify", CUT_KEY, "--repair")
    assert model.use(model.load(str(folder))) == TAGGED
