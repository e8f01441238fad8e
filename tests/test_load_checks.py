"""What is found out here and put before the rules; with a real registry, and packages that are only named."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hub_server import SAVED_MODEL, HubFolder, Server, make_zip

from modelhub import Hub
from modelhub.aliases import Aliases
from modelhub.catalogue import Catalogue
from modelhub.errors import AmbiguousError, IncompatibleError, NotFoundError
from modelhub.load_checks import LoadChecker

BERT = "com.johnsnowlabs.nlp.embeddings.BertEmbeddings"
KEY = "tiny_bert_en_4.0.0_3.0_1657118162458"
OLD = "tiny_old_en_2.7.0_2.4_1607118162458"
METADATA = f'{{"class": "{BERT}", "uid": "BERT_1", "paramMap": {{}}}}\n'.encode()

MakeHub = Callable[..., Hub]


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of packages: Spark NLP 5.5.3 and pyspark 3.5.1 seem to be installed there."""
    folder = tmp_path / "site"
    for name in ("spark_nlp-5.5.3", "pyspark-3.5.1"):
        (folder / f"{name}.dist-info").mkdir(parents=True)
    (folder / "pyspark" / "jars").mkdir(parents=True)
    (folder / "pyspark" / "__init__.py").touch()
    monkeypatch.syspath_prepend(folder)
    return folder


@pytest.fixture
def notes() -> list[str]:
    return []


@pytest.fixture
def make_hub(home: Path, hub_folder: HubFolder, notes: list[str]) -> Iterator[MakeHub]:
    """``make_hub(**settings)``: a hub with two models."""
    hub_folder.add(KEY, make_zip(SAVED_MODEL | {"metadata/part-00000": METADATA}), annotator="BertEmbeddings")
    hub_folder.add(OLD, annotator="PerceptronModel")
    with Hub(hub=hub_folder.uri) as hub:
        hub.update()
    hubs = []

    def make(**settings: Any) -> Hub:
        hubs.append(Hub(**{"hub": hub_folder.uri, "on_note": notes.append} | settings))
        return hubs[-1]

    yield make
    for hub in hubs:
        hub.close()


def add_jars(site: Path, *names: str) -> None:
    for name in names:
        (site / "pyspark" / "jars" / name).touch()


def test_without_a_spark_nlp_nothing_is_judged(make_hub: MakeHub, notes: list[str]) -> None:
    hub = make_hub()

    assert hub.show("tiny_old").verdict is None
    assert hub.pull("tiny_old").to_dict()["verdict"] is None


def test_a_pull_says_what_speaks_against_a_model(make_hub: MakeHub, notes: list[str]) -> None:
    pulled = make_hub(sparknlp="5.5.3", spark="3.5.1").pull("tiny_old")

    assert [note for note in notes if "may not load here" in note] == [
        "tiny_old:en may not load here: It was saved with Spark NLP 2.7.0, before that ran on Spark 3 (Scala 2.12). "
        "Some of these fail with InvalidClassException; try it before you count on it."
    ]
    assert pulled.verdict
    assert pulled.verdict.state == "warning"


def test_strictness_refuses_before_the_download_and_what_is_there_too(make_hub: MakeHub) -> None:
    settings = {"sparknlp": "5.5.3", "spark": "3.5.1"}
    strict = make_hub(strict=True, **settings)
    for act in (strict.pull, strict.plan_pull):
        with pytest.raises(IncompatibleError, match="InvalidClassException"):
            act("tiny_old")
    assert strict.entries() == []

    make_hub(**settings).pull("tiny_old")
    with pytest.raises(IncompatibleError):
        strict.pull("tiny_old")
    assert strict.pull("tiny_bert").verdict


def test_engines_are_those_of_the_jars_here(make_hub: MakeHub, site: Path) -> None:
    add_jars(site, "spark-nlp_2.12-5.5.3.jar", "onnxruntime-1.19.2.jar")
    verdict = make_hub().show("tiny_bert").verdict

    assert verdict
    assert [concern.code for concern in verdict.concerns] == ["engine_missing"]


def test_jars_that_are_not_here_speak_against_nothing(make_hub: MakeHub, site: Path) -> None:
    verdict = make_hub().show("tiny_bert").verdict

    assert verdict
    assert verdict.state == "ok"


def test_for_a_cluster_elsewhere_only_the_versions_count(make_hub: MakeHub, site: Path) -> None:
    add_jars(site, "spark-nlp_2.12-5.5.3.jar")
    hub = make_hub(sparknlp="5.5.2")
    verdicts = [hub.show(name).verdict for name in ("tiny_bert", "clinical/models/ner_jsl:en")]

    codes = [concern.code for verdict in verdicts if verdict for concern in verdict.concerns]
    assert not {"engine_missing", "library_missing", "machine"} & set(codes)


@pytest.mark.parametrize("package", ["", "spark_nlp_jsl-5.5.3"])
def test_licensed_libraries_are_looked_for(make_hub: MakeHub, site: Path, package: str) -> None:
    if package:
        (site / f"{package}.dist-info").mkdir()
    verdict = make_hub().show("clinical/models/ner_jsl:en").verdict

    assert verdict
    codes = [concern.code for concern in verdict.concerns]
    assert ("library_missing" in codes) == (not package)


def test_the_class_that_was_saved_is_told(make_hub: MakeHub, notes: list[str]) -> None:
    pulled = make_hub().pull("tiny_bert")

    assert pulled.saved_class == BERT
    assert not any("is said to be" in note for note in notes)


def test_a_folder_that_holds_no_model_names_no_class(make_hub: MakeHub, tmp_path: Path) -> None:
    hub = make_hub()
    checker = LoadChecker(hub.config, Catalogue(hub.config, print), Aliases(tmp_path, is_utf8=lambda: True))

    assert checker.saved_class(tmp_path) == ""


def test_another_class_than_the_list_says_is_a_note(make_hub: MakeHub, notes: list[str]) -> None:
    make_hub().pull_all(["tiny_old", "tiny_bert"])

    assert [note for note in notes if "is said to be" in note] == [
        f"{OLD} is said to be a PerceptronModel, but what was saved is a Tiny: load it with that class."
    ]


def test_a_cache_whose_path_spark_nlp_cannot_read_is_said_once(
    make_hub: MakeHub, notes: list[str], tmp_path: Path
) -> None:
    make_hub(cache=tmp_path / "my cache").pull_all(["tiny_old", "tiny_bert"])

    assert [note for note in notes if "cannot load" in note] == [
        "Spark NLP cannot load from a path with ' ': modelhub path NAME prints one that it can load from."
    ]


def test_paths_of_such_a_cache_are_aliases_until_the_model_goes(make_hub: MakeHub, tmp_path: Path) -> None:
    hub = make_hub(cache=tmp_path / "my cache")
    folder = hub.pull("tiny_bert").path
    path = hub.path("tiny_bert")
    code = hub.snippet(hub.show("tiny_bert"), "python", is_loaded=True)

    assert path != folder == path.resolve()
    assert f'BertEmbeddings.load("{path}")' in code
    assert hub.loadable_path(folder) == path

    hub.remove(["tiny_bert"])
    assert not path.is_symlink()


def test_a_prune_sweeps_aliases(make_hub: MakeHub, tmp_path: Path) -> None:
    from modelhub.prune_plan import Criteria

    hub = make_hub(cache=tmp_path / "my cache")
    hub.pull("tiny_bert")
    path = hub.path("tiny_bert")
    hub.prune(hub.plan_prune(Criteria(keep_bytes=0)))

    assert not path.is_symlink()


def test_an_entry_can_be_read_by_the_group_where_the_umask_allows_it(
    modelhub: Callable[..., Any], make_hub: MakeHub, hub_folder: HubFolder, tmp_path: Path
) -> None:
    for umask, allowed in ((0o002, 0o775), (0o027, 0o750)):
        cache = tmp_path / f"cache{umask}"
        finished = modelhub("pull", "-q", KEY, "--hub", hub_folder.uri, "--cache", cache, umask=umask)
        modes = {path.stat().st_mode & 0o777 for path in (cache, *cache.rglob("*"))}

        assert finished.status == 0
        assert modes == {allowed, allowed & 0o666}


def test_what_cannot_be_pulled_is_found_in_the_cache(
    make_hub: MakeHub, hub_folder: HubFolder, server: Server, notes: list[str]
) -> None:
    online = make_hub(hub=server.uri())
    pulled = online.pull("tiny_bert")
    hub_folder.add(KEY.replace("1657118162458", "1700000000000"), annotator="BertEmbeddings")
    online.update()
    found = make_hub(hub=server.uri(), offline=True).pull_or_find("tiny_bert", "en")

    assert found.path == pulled.path
    assert f"What is in the cache of it is taken: {KEY}." in notes[-1]


def test_what_no_list_names_is_found_in_the_cache(make_hub: MakeHub, tmp_path: Path) -> None:
    hub = make_hub(offline=True)
    folder = tmp_path / "cache_pretrained" / "brought_along_en_5.5.0_3.0_1700000000000"
    (folder / "metadata").mkdir(parents=True)
    (folder / "metadata" / "part-00000").write_bytes(SAVED_MODEL["metadata/part-00000"])

    assert hub.pull_or_find("brought_along", "en").path == folder


def test_what_is_nowhere_is_the_error_of_the_pull(make_hub: MakeHub) -> None:
    with pytest.raises(IncompatibleError):
        make_hub(sparknlp="3.0.0").pull_or_find("tiny_bert")
    with pytest.raises(AmbiguousError):
        make_hub().pull_or_find("asr_exp_w2v2t_vp_s878_gpu")
    with pytest.raises(NotFoundError, match="Did you mean tiny_bert"):
        make_hub().pull_or_find("tiny_bart")
