"""The seam: what ``.pretrained()`` is answered with, without a JVM. With one, and the real packages: tests/sparknlp."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hub_server import SAVED_MODEL, HubFolder, Server, make_zip
from spark_stand_ins import write_stand_ins

import modelhub
from modelhub.errors import IncompatibleError, NetworkError, NotFoundError, OfflineError, UsageError

TINY = "tiny_pos_en_5.5.0_3.0_1700000000000"
NEWER = "newer_pos_en_6.1.0_3.0_1700000000000"
PIPELINE = "tiny_pipeline_en_5.5.0_3.0_1700000000000"
ENGINES = {"onnx": "two_pos_en_5.5.0_3.0_1700000000001", "tensorflow": "two_pos_en_5.5.0_3.0_1700000000002"}
PIPELINE_METADATA = b'{"class": "org.apache.spark.ml.PipelineModel", "uid": "P", "paramMap": {"stageUids": []}}\n'


@pytest.fixture
def hub(hub_folder: HubFolder) -> HubFolder:
    hub_folder.add(TINY, annotator="Tiny")
    hub_folder.add(NEWER, annotator="Tiny")
    hub_folder.add(PIPELINE, make_zip(SAVED_MODEL | {"metadata/part-00000": PIPELINE_METADATA}), category="pl")
    for engine, key in ENGINES.items():
        hub_folder.add(key, annotator="Tiny", engine=engine)
    return hub_folder


@pytest.fixture
def install(
    home: Path, hub: HubFolder, server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., None]]:
    """``install(release)``: the stand-ins can be imported from now on."""
    monkeypatch.setenv("MODELHUB_HUB", server.uri())

    def install(release: str = "5.5.3") -> None:
        write_stand_ins(tmp_path / "site", release)
        monkeypatch.syspath_prepend(tmp_path / "site")

    before = dict(sys.modules)
    for name in [name for name in before if name.partition(".")[0] in ("pyspark", "sparknlp")]:
        del sys.modules[name]
    yield install
    if "modelhub.sparknlp" in sys.modules:
        sys.modules["modelhub.sparknlp"].disable()
    for name in [name for name in sys.modules if name.partition(".")[0] in ("pyspark", "sparknlp")]:
        del sys.modules[name]


@pytest.fixture
def seam(install: Callable[..., None]) -> ModuleType:
    """Our module, with the stand-ins of 5.5.3 and a session that runs."""
    install()
    start_session()
    import modelhub.sparknlp

    return modelhub.sparknlp


def start_session(**settings: str) -> None:
    from pyspark import SparkContext
    from pyspark.sql import SparkSession

    SparkContext._active_spark_context = SparkContext()
    SparkSession.settings = {f"spark.jsl.settings.pretrained.{name}": value for name, value in settings.items()}


def annotator(name: str = "Tiny") -> Any:
    import sparknlp.annotator

    return getattr(sparknlp.annotator, name)


def pretrained_pipeline(*words: str) -> Any:
    from sparknlp.pretrained import PretrainedPipeline

    return PretrainedPipeline(*words)


# Answers


def test_a_model_is_pulled_once_and_then_comes_from_the_cache(seam: ModuleType, server: Server, tmp_path: Path) -> None:
    notes: list[str] = []
    seam.enable(on_note=notes.append)
    answers = [annotator().pretrained(*words) for words in (["tiny_pos", "en"], ["tiny_pos"], [])]
    path = tmp_path / "cache_pretrained" / TINY

    assert answers == [("Tiny", str(path))] * 3
    assert notes[-4:] == [
        f"downloading {TINY} (428 B)",
        f"tiny_pos:en: 428 B downloaded into {path}",
        *[f"tiny_pos:en from the cache: {path}"] * 2,
    ]
    assert server.asked(f"{TINY}.zip") != []


def test_nothing_is_asked_of_the_network_for_what_is_in_the_cache(seam: ModuleType, server: Server) -> None:
    seam.enable()
    annotator().pretrained("tiny_pos", "en")
    before = len(server.requests)
    annotator().pretrained("tiny_pos", "en")

    assert len(server.requests) == before


def test_a_pipeline_is_answered_too(seam: ModuleType, tmp_path: Path) -> None:
    seam.enable()

    assert pretrained_pipeline("tiny_pipeline").model == ("pipeline", str(tmp_path / "cache_pretrained" / PIPELINE))


def test_it_is_said_on_standard_error(seam: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    seam.enable()
    for _ in range(2):
        annotator().pretrained("tiny_pos", "en")
    out, err = capsys.readouterr()

    assert out == ""
    assert "tiny_pos:en: 428 B downloaded into" in err
    assert "tiny_pos:en from the cache" in err


def test_load_finds_the_class_itself(seam: ModuleType, tmp_path: Path) -> None:
    cache = tmp_path / "cache_pretrained"

    assert modelhub.load("tiny_pos", "en") == ("Tiny", str(cache / TINY))
    assert modelhub.load("tiny_pipeline") == ("pipeline", str(cache / PIPELINE))


def test_a_cache_that_spark_nlp_cannot_read_is_loaded_by_an_alias(seam: ModuleType, tmp_path: Path) -> None:
    seam.enable(cache=tmp_path / "my cache")
    _, path = annotator().pretrained("tiny_pos", "en")

    assert " " not in path
    assert Path(path).resolve() == tmp_path / "my cache" / TINY


# What is known of the session


def test_the_cache_of_the_session_is_ours(seam: ModuleType, tmp_path: Path) -> None:
    seam.enable()
    for setting in (str(tmp_path / "theirs"), f"file:{tmp_path}/theirs", f"file://{tmp_path}/theirs"):
        start_session(cache_folder=setting)

        assert annotator().pretrained("tiny_pos", "en")[1] == str(tmp_path / "theirs" / TINY)


@pytest.mark.parametrize("setting", ["hdfs:///models", "s3a://bucket/models", ""])
def test_a_cache_that_is_no_local_folder_is_not(seam: ModuleType, tmp_path: Path, setting: str) -> None:
    start_session(cache_folder=setting)
    seam.enable()

    assert annotator().pretrained("tiny_pos", "en")[1] == str(tmp_path / "cache_pretrained" / TINY)


def test_our_setting_comes_before_that_of_the_session(seam: ModuleType, tmp_path: Path) -> None:
    start_session(cache_folder=str(tmp_path / "theirs"))
    seam.enable(cache=tmp_path / "ours")

    assert annotator().pretrained("tiny_pos", "en")[1] == str(tmp_path / "ours" / TINY)


def test_the_spark_that_runs_counts(seam: ModuleType) -> None:
    from pyspark import SparkContext

    SparkContext._active_spark_context.version = "2.4.8"
    seam.enable()

    with pytest.raises(IncompatibleError, match=r"on Spark 2\.4\.8"):
        annotator().pretrained("tiny_pos", "en")


@pytest.mark.parametrize("engine", ["onnx", "tensorflow"])
def test_the_engine_of_release_7_is_preferred(install: Callable[..., None], engine: str) -> None:
    install("7.0.0")
    start_session()
    import modelhub.sparknlp

    with modelhub.sparknlp.enable():
        _, path = annotator().pretrainedEngine("two_pos", "en", engine)

    assert Path(path).name == ENGINES[engine]


def test_before_it_there_is_no_preference(seam: ModuleType) -> None:
    seam.enable()

    assert Path(annotator().pretrained("two_pos", "en")[1]).name == ENGINES["tensorflow"]  # the later one


# Refusals


def test_what_does_not_suit_is_refused_before_anything_is_asked_of_spark(
    install: Callable[..., None], server: Server
) -> None:
    install()  # and no session runs
    import modelhub.sparknlp

    modelhub.sparknlp.enable()
    with pytest.raises(IncompatibleError, match=r"needs Spark NLP 6\.1\.0 or later, here is 5\.5\.3"):
        annotator().pretrained("newer_pos", "en")
    assert server.asked(f"{NEWER}.zip") == []


def test_a_wrong_name_names_the_nearest(seam: ModuleType) -> None:
    seam.enable()

    with pytest.raises(NotFoundError, match="Did you mean tiny_pos"):
        annotator().pretrained("tiny_poss", "en")
    with pytest.raises(NotFoundError, match="Did you mean tiny_pipeline"):
        pretrained_pipeline("tiny_pipelin", "en")


def test_blanks_around_a_name_do_not_count(seam: ModuleType) -> None:
    seam.enable()

    assert annotator().pretrained("tiny_pos ", "en")


def test_another_class_is_refused_before_the_jvm_would_fail_to_cast_it(seam: ModuleType) -> None:
    seam.enable()

    with pytest.raises(IncompatibleError, match=r"is a Tiny, not a Other\. Load it with Tiny\.pretrained"):
        annotator("Other").pretrained("tiny_pos", "en")
    with pytest.raises(IncompatibleError, match="is a Tiny, not a PretrainedPipeline"):
        pretrained_pipeline("tiny_pos", "en")
    with pytest.raises(IncompatibleError, match="is a PipelineModel, not a Tiny. Load it with PretrainedPipeline"):
        annotator().pretrained("tiny_pipeline", "en")


def test_without_a_session_it_is_said_how_to_start_one(install: Callable[..., None]) -> None:
    install()
    import modelhub.sparknlp

    modelhub.sparknlp.enable()
    with pytest.raises(UsageError, match=r"No Spark session runs.*sparknlp\.start\(\)"):
        annotator().pretrained("tiny_pos", "en")
    with pytest.raises(UsageError, match="No Spark session runs"):
        modelhub.load("tiny_pos", "en")


def test_offline_and_absent_says_how_to_get_it(seam: ModuleType) -> None:
    with modelhub.Hub() as hub:
        hub.update()
    seam.enable(offline=True)

    with pytest.raises(OfflineError, match="modelhub pull tiny_pos:en brings it"):
        annotator().pretrained("tiny_pos", "en")


def test_a_hub_that_is_gone_ends_in_our_error(seam: ModuleType, server: Server) -> None:
    with modelhub.Hub() as hub:
        hub.update()
    server.shutdown()
    server.server_close()
    seam.enable(timeout=1)

    with pytest.raises(NetworkError):
        annotator().pretrained("tiny_pos", "en")


def test_load_of_a_class_that_no_library_has(seam: ModuleType, hub: HubFolder) -> None:
    line = b'{"class": "com.johnsnowlabs.nlp.annotators.Unheard", "uid": "U_1", "paramMap": {}}\n'
    hub.add("odd_pos_en_5.5.0_3.0_1700000000000", make_zip(SAVED_MODEL | {"metadata/part-00000": line}))

    with pytest.raises(IncompatibleError, match=r"sparknlp\.annotator has no Unheard"):
        modelhub.load("odd_pos", "en")


@pytest.mark.parametrize("name", ["sparknlp", "pyspark"])
def test_without_the_packages_it_is_said_how_to_get_them(
    install: Callable[..., None], monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    install()
    start_session()
    monkeypatch.setitem(sys.modules, f"{name}.pretrained" if name == "sparknlp" else name, None)
    import modelhub.sparknlp

    with pytest.raises(UsageError, match="pip install 'pyspark"):
        modelhub.sparknlp.enable()
        annotator().pretrained("tiny_pos", "en")


def test_a_wrong_setting_shows_at_once(seam: ModuleType) -> None:
    with pytest.raises(UsageError, match="chache"):
        seam.enable(chache="x")
    with pytest.raises(RuntimeError, match="Spark NLP was asked"):
        annotator().pretrained()


# Undoing


def test_leaving_the_block_undoes_it(seam: ModuleType) -> None:
    from sparknlp.pretrained import ResourceDownloader

    before = dict(vars(ResourceDownloader))
    with seam.enable():
        assert vars(ResourceDownloader) != before
    assert dict(vars(ResourceDownloader)) == before


def test_an_error_undoes_it_too(seam: ModuleType) -> None:
    with pytest.raises(NotFoundError), seam.enable():
        annotator().pretrained("none_such", "en")
    with pytest.raises(RuntimeError, match="Spark NLP was asked to download tiny_pos"):
        annotator().pretrained()


def test_enabled_twice_the_later_settings_count_and_one_disabling_is_enough(seam: ModuleType, tmp_path: Path) -> None:
    seam.enable(cache=tmp_path / "first")
    seam.enable(cache=tmp_path / "second")
    assert annotator().pretrained()[1] == str(tmp_path / "second" / TINY)

    seam.disable()
    seam.disable()
    with pytest.raises(RuntimeError):
        annotator().pretrained()


def test_only_the_two_functions_are_replaced(seam: ModuleType) -> None:
    import sparknlp.annotator
    import sparknlp.pretrained
    from pyspark.ml import PipelineModel

    modules = [sparknlp.pretrained, sparknlp.annotator, sparknlp, sys.modules["pyspark"]]
    before = [dict(vars(item)) for item in (*modules, PipelineModel)]
    seam_before = dict(vars(sparknlp.pretrained.ResourceDownloader))
    seam.enable()
    seam_now = dict(vars(sparknlp.pretrained.ResourceDownloader))

    assert [dict(vars(item)) for item in (*modules, PipelineModel)] == before
    assert {name for name in seam_now if seam_now[name] is not seam_before[name]} == {
        "downloadModel",
        "downloadPipeline",
    }


# python -m modelhub.sparknlp


SCRIPT = """
import sys
from pyspark import SparkContext
SparkContext._active_spark_context = SparkContext()
import beside
from sparknlp.annotator import Tiny
import modelhub.sparknlp
print(__name__, sys.argv, beside.WORD, Tiny.pretrained("tiny_pos", "en")[0])
modelhub.sparknlp.disable()
try:
    Tiny.pretrained("tiny_pos", "en")
except RuntimeError as exc:
    print(exc)
"""


@pytest.fixture
def run(install: Callable[..., None], tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """``run(*words)``: ``python -m modelhub.sparknlp …`` in a folder of its own."""
    install()
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "script.py").write_text(SCRIPT)
    (tmp_path / "code" / "beside.py").write_text("WORD = 'beside'\n")
    environment = os.environ | {"PYTHONPATH": f"{tmp_path / 'site'}{os.pathsep}{Path(modelhub.__file__).parents[1]}"}

    def run(*words: str, folder: str = "") -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "modelhub.sparknlp", *words]
        return subprocess.run(
            command, cwd=tmp_path / folder, env=environment, capture_output=True, text=True, timeout=60, check=False
        )

    return run


@pytest.mark.parametrize(
    ("words", "folder"), [(["code/script.py", "a", "-b"], ""), (["-m", "script", "a", "-b"], "code")]
)
def test_a_script_runs_as_if_python_had_started_it(run: Callable[..., Any], words: list[str], folder: str) -> None:
    finished = run(*words, folder=folder)
    lines = finished.stdout.splitlines()

    assert finished.stderr.count("tiny_pos:en: 428 B downloaded") == 1, finished.stderr
    assert lines[0].startswith("__main__ [")
    assert lines[0].endswith("script.py', 'a', '-b'] beside Tiny")
    assert lines[1] == "Spark NLP was asked to download tiny_pos"


@pytest.mark.parametrize("words", [[], ["-m"], ["none.py"], ["--help"]])
def test_without_a_script_it_is_said_what_to_write(run: Callable[..., Any], words: list[str]) -> None:
    finished = run(*words)

    assert finished.returncode == 2
    assert finished.stderr.startswith("error: There is no script")
    assert "Traceback" not in finished.stderr
