"""``.pretrained()``, ``PretrainedPipeline(…)`` and ``modelhub.load`` with Spark NLP itself, and without a network."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hub_server import HubFolder
from small_models import text_frame, token_classifier, zip_saved
from spark_hub import SparkHub
from sparknlp_parts import packages_folder

import modelhub
from modelhub.errors import IncompatibleError, NotFoundError

pytestmark = pytest.mark.spark
PROJECT = Path(__file__).parents[2]
SENTENCE = "Emmy eats good cheese ."
TAGS = {"Emmy": "NNP", "eats": "VBZ", "good": "JJ", "cheese": "NN", ".": "."}
TAGGED = list(TAGS.items())
BERT = "offline_bert_en_5.5.3_3.0_1740000000001"
PIPELINE = "offline_pipeline_en_5.5.3_3.0_1740000000002"
NEWER = "offline_newer_en_6.0.0_3.0_1740000000003"


def pipeline_of(spark: Any, tagger: Any) -> Any:
    """A fitted pipeline from text to what a tagger makes of its tokens."""
    from pyspark.ml import Pipeline
    from sparknlp.annotator import Tokenizer
    from sparknlp.base import DocumentAssembler

    assembler = DocumentAssembler().setInputCol("text").setOutputCol("document")
    tokenizer = Tokenizer().setInputCols("document").setOutputCol("token")
    return Pipeline(stages=[assembler, tokenizer, tagger]).fit(text_frame(spark, "A word."))


def tag(spark: Any, tagger: Any) -> list[tuple[str, str]]:
    """What a tagger makes of the sentence."""
    row = pipeline_of(spark, tagger).transform(text_frame(spark, SENTENCE)).select("token.result", "tag.result").first()
    return list(zip(*row, strict=True))


@pytest.fixture(scope="module")
def published(spark: Any, tmp_path_factory: pytest.TempPathFactory) -> HubFolder:
    """A hub of our own with a real tagger and a pipeline of it."""
    work = tmp_path_factory.mktemp("published")
    hub = HubFolder(work / "hub")
    bert = token_classifier(spark, work / "source", TAGS, other="X", output="tag")
    for key, model, annotator in (
        (BERT, bert, "BertForTokenClassification"),
        (PIPELINE, pipeline_of(spark, bert), "PipelineModel"),
        (NEWER, bert, "BertForTokenClassification"),
    ):
        model.write().overwrite().save(str(work / key))
        zip_saved(spark, work / key, work / f"{key}.zip")
        hub.add(key, (work / f"{key}.zip").read_bytes(), annotator=annotator, engine="onnx")
    return hub


@pytest.fixture
def ours(home: Path, published: HubFolder, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    """Our cache, with Spark NLP answered from it."""
    import modelhub.sparknlp

    monkeypatch.setenv("MODELHUB_HUB", published.uri)
    monkeypatch.setenv("MODELHUB_CACHE", str(tmp_path / "ours"))
    with modelhub.sparknlp.enable():
        yield tmp_path / "ours"


def test_pretrained_tags_a_sentence_from_our_cache(
    spark: Any, ours: Path, spark_hub: SparkHub, capfd: pytest.CaptureFixture[str]
) -> None:
    from sparknlp.annotator import BertForTokenClassification

    asked_before = len(spark_hub.requests)
    answers = [tag(spark, BertForTokenClassification.pretrained("offline_bert", "en")) for _ in (1, 2)]
    out, err = capfd.readouterr()

    assert answers == [TAGGED, TAGGED]
    assert f"offline_bert:en from the cache: {ours / BERT}" in err
    assert "download started" not in out
    assert len(spark_hub.requests) == asked_before


def test_a_pretrained_pipeline_annotates(spark: Any, ours: Path) -> None:
    from sparknlp.pretrained import PretrainedPipeline

    annotated = PretrainedPipeline("offline_pipeline", "en").annotate(SENTENCE)

    assert list(zip(annotated["token"], annotated["tag"], strict=True)) == TAGGED


def test_load_gives_what_was_saved(spark: Any, ours: Path) -> None:
    from pyspark.ml import PipelineModel
    from sparknlp.annotator import BertForTokenClassification

    tagger, pipeline = (modelhub.load(name, "en") for name in ("offline_bert", "offline_pipeline"))

    assert type(tagger) is BertForTokenClassification
    assert type(pipeline) is PipelineModel
    assert tag(spark, tagger) == TAGGED


def test_errors_are_ours(spark: Any, ours: Path) -> None:
    from sparknlp.annotator import BertEmbeddings, BertForTokenClassification
    from sparknlp.pretrained import PretrainedPipeline

    with pytest.raises(NotFoundError, match="Did you mean offline_bert"):
        BertForTokenClassification.pretrained("offline_brt", "en")
    with pytest.raises(NotFoundError, match="Did you mean offline_pipeline"):
        PretrainedPipeline("offline_pipelin", "en")
    with pytest.raises(IncompatibleError, match=r"needs Spark NLP 6\.0\.0 or later, here is 5\.5\.3\."):
        BertForTokenClassification.pretrained("offline_newer", "en")
    with pytest.raises(IncompatibleError, match="is a BertForTokenClassification, not a BertEmbeddings"):
        BertEmbeddings.pretrained("offline_bert", "en")


def test_disabled_spark_nlp_asks_its_own_hub_again(spark: Any, ours: Path, spark_hub: SparkHub) -> None:
    from sparknlp.annotator import BertForTokenClassification

    import modelhub.sparknlp

    (spark_hub.folder / "public" / "models").mkdir(parents=True, exist_ok=True)
    (spark_hub.folder / "public" / "models" / "metadata.json").touch()
    modelhub.sparknlp.disable()
    asked_before = len(spark_hub.requests)

    assert BertForTokenClassification.pretrained("offline_bert", "en") is None
    assert len(spark_hub.requests) > asked_before


# Fresh processes: another locale, another Python package, and no network at all


SCRIPT = """
import sys
from pathlib import Path
from sparknlp_parts import start_session

spark = start_session(Path(sys.argv[1]), Path("none"))
from pyspark.ml import Pipeline
from sparknlp.annotator import BertForTokenClassification, Tokenizer
from sparknlp.base import DocumentAssembler
from sparknlp.pretrained import PretrainedPipeline

assembler = DocumentAssembler().setInputCol("text").setOutputCol("document")
tokenizer = Tokenizer().setInputCols(["document"]).setOutputCol("token")
tagger = BertForTokenClassification.pretrained("offline_bert", "en")
data = spark.createDataFrame([["Emmy eats"]], ["text"])
result = Pipeline(stages=[assembler, tokenizer, tagger]).fit(data).transform(data)
print('>', spark._jvm.java.lang.System.getProperty("sun.jnu.encoding"))
print('>', *result.select("tag.result").first()[0])
try:
    print('>', *PretrainedPipeline("offline_pipeline", "en").annotate("good cheese")["tag"])
except Exception as exc:
    print('>', type(exc).__name__, "LightPipeline" in str(exc))
import modelhub
print('>', *modelhub.load("offline_pipeline").transform(data).select("tag.result").first()[0])
"""


@pytest.fixture
def run_script(home: Path, published: HubFolder, parts: Path, tmp_path: Path) -> Callable[..., list[str]]:
    """``run_script(release, cache, **environment)``: what the script prints, run by ``python -m modelhub.sparknlp``.

    Both models are in the cache. As root the process has no network but loopback.
    """

    def run(release: str, cache: Path, **environment: str) -> list[str]:
        with modelhub.Hub(hub=published.uri, cache=cache) as hub:
            hub.pull_all([BERT, PIPELINE])
        (tmp_path / "script.py").write_text(SCRIPT, encoding="utf-8")
        paths = [packages_folder(parts, release), packages_folder(parts), PROJECT / "scripts", PROJECT]
        finished = subprocess.run(
            [*_without_network(), sys.executable, "-m", "modelhub.sparknlp", str(tmp_path / "script.py"), str(parts)],
            env=os.environ
            | {"PYTHONPATH": os.pathsep.join(map(str, paths)), "MODELHUB_CACHE": str(cache), "MODELHUB_HUB": GONE}
            | environment,
            capture_output=True,
            encoding="utf-8",
            timeout=120,
            check=False,
        )
        assert finished.returncode == 0, finished.stderr
        assert "from the cache" in finished.stderr
        return [line.removeprefix("> ") for line in finished.stdout.splitlines() if line.startswith("> ")]

    return run


GONE = "http://127.0.0.1:9/nobody"


def _without_network() -> list[str]:
    """What takes the network away from a command, where that is allowed."""
    words = ["unshare", "--net", "sh", "-c", 'ip link set lo up && exec "$@"', "sh"]
    can = shutil.which("unshare") and shutil.which("ip")
    return words if can and subprocess.run([*words, "true"], capture_output=True, check=False).returncode == 0 else []


def test_a_script_runs_unchanged_without_a_network_from_a_path_that_spark_nlp_cannot_read(
    run_script: Callable[..., list[str]], tmp_path: Path
) -> None:
    lines = run_script("5.5.3", tmp_path / "my models", LC_ALL="C")

    assert lines == ["ANSI_X3.4-1968", "NNP VBZ", "JJ NN", "NNP VBZ"]


def test_the_python_package_7_works_as_far_as_it_goes_on_the_jar_of_5(
    run_script: Callable[..., list[str]], tmp_path: Path
) -> None:
    lines = run_script("7.0.0", tmp_path / "cache")

    # The package and the jar do not fit where a LightPipeline is made, and so nowhere in PretrainedPipeline.
    assert lines[1:] == ["NNP VBZ", "Py4JError True", "NNP VBZ"]
