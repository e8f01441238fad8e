"""Which entries of a cache a reference means; where the name does not tell, the registry of the snapshot does."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hub_server import SAVED_MODEL

from modelhub.artifacts import ArtifactKey, s3_uri_of
from modelhub.cache import Cache, Manifest
from modelhub.cached_models import CachedModels
from modelhub.candidates import Candidates
from modelhub.catalogue import Catalogue
from modelhub.config import load_config
from modelhub.errors import AmbiguousError, IntegrityError, NotFoundError, UsageError
from modelhub.references import Reference
from modelhub.resolver import Runtime
from modelhub.versions import Version

TAGGER = "bert_pos_4L_weight_decay_en_4.0.0_3.0_1657118162458"
NEWS_TAGGER = "bert_large_token_classifier_conll03_en_3.2.0_2.4_1628171471927"
OLD, NEW = "tiny_pos_en_4.0.0_3.0_1657118162458", "tiny_pos_en_4.2.0_3.0_1667118162458"
GERMAN, FRENCH = "tiny_pos_de_4.0.0_3.0_1657118162458", "tiny_pos_fr_4.0.0_3.0_1657118162458"
SPEECHLESS = "tiny_pos__4.0.0_3.0_1657118162458"


@pytest.fixture(scope="module")
def candidates(first_starts: tuple[Path, list[Any]]) -> Iterator[Candidates]:
    config = load_config({"home": first_starts[0]}, environ={})
    catalogue = Catalogue(config, pytest.fail)
    yield Candidates(catalogue, config)
    catalogue.close()


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(tmp_path / "cache", readonly=[tmp_path / "shared"])


@pytest.fixture
def cached(cache: Cache, candidates: Candidates) -> CachedModels:
    return CachedModels(cache, candidates)


@pytest.fixture
def put(cache: Cache) -> Callable[..., None]:
    """``put(*keys)``: entries without manifests; ``put(key, repository=…)``: one that was pulled from there."""

    def put_files(folder: Path) -> None:
        for name, content in SAVED_MODEL.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(content)

    def put_entries(*keys: str, repository: str = "", root: Path | None = None) -> None:
        for text in keys:
            if not repository:
                put_files((root or cache.root) / text)
                continue
            key = ArtifactKey.parse(text)

            def fill(folder: Path, key: ArtifactKey = key) -> Manifest:
                put_files(folder)
                uri = s3_uri_of(repository, key)
                return Manifest(key=str(key), s3_uri=uri, sha256="0" * 64, zip_bytes=1, files=())

            cache.install(key, fill)

    return put_entries


def keys_of(cached: CachedModels, text: str, language: str | None = None) -> set[str]:
    return {str(key) for key in cached.keys_of(Reference.parse(text, language))}


# Forms of a reference


@pytest.mark.parametrize(
    "text",
    [
        "bert_pos_4L_weight_decay",
        "bert_pos_4L_weight_decay:en",
        "bert_pos_4L_weight_decay@4.0.0",
        TAGGER,
        f"{TAGGER}.zip",
        f"https://s3.amazonaws.com/auxdata.johnsnowlabs.com/public/models/{TAGGER}.zip",
        f"https://elsewhere.example/models/{TAGGER}.zip",
        f"file:///srv/{TAGGER}.zip",
        "https://sparknlp.org/2022/07/06/bert_pos_4L_weight_decay_en_3_0.html",
        "kktoto/4L_weight_decay",
        "https://huggingface.co/kktoto/4L_weight_decay",
    ],
)
@pytest.mark.parametrize("repository", ["", "public/models"])
def test_every_form_means_the_entry(cached: CachedModels, put: Callable[..., None], text: str, repository: str) -> None:
    put(NEWS_TAGGER)
    put(TAGGER, repository=repository)

    assert keys_of(cached, text) == {TAGGER}


def test_an_nlu_reference_means_the_entry(cached: CachedModels, put: Callable[..., None]) -> None:
    put(TAGGER, NEWS_TAGGER)

    assert keys_of(cached, "en.classify.token_bert.large_conll03") == {NEWS_TAGGER}


@pytest.mark.parametrize(
    "text",
    [
        "bert_pos_4L_weight_decay:de",
        "bert_pos_4L_weight_decay@4.2.0",
        "none_such",
        "aner_cc_300d:ar",
        OLD,
        f"https://elsewhere.example/models/{OLD}.zip",
        "https://sparknlp.org/2099/01/01/none_en.html",
    ],
)
def test_what_is_not_there_is_not_meant(cached: CachedModels, put: Callable[..., None], text: str) -> None:
    put(TAGGER)

    assert keys_of(cached, text) == set()


# Languages, builds, repositories


def test_all_builds_of_a_model_are_meant(cached: CachedModels, put: Callable[..., None]) -> None:
    put(OLD, NEW)

    assert keys_of(cached, "tiny_pos") == {OLD, NEW}
    assert keys_of(cached, "tiny_pos@4.2") == set()
    assert keys_of(cached, "tiny_pos@4.2.0") == {NEW}


@pytest.mark.parametrize(
    ("keys", "meant"),
    [
        ([OLD, GERMAN, FRENCH], {OLD}),
        ([GERMAN], {GERMAN}),
        ([OLD, SPEECHLESS, GERMAN], {OLD, SPEECHLESS}),
        ([SPEECHLESS, GERMAN], {SPEECHLESS}),
    ],
)
def test_without_a_language_english_is_meant_or_the_only_one(
    cached: CachedModels, put: Callable[..., None], keys: list[str], meant: set[str]
) -> None:
    put(*keys)

    assert keys_of(cached, "tiny_pos") == meant


def test_several_languages_without_english_are_ambiguous(cached: CachedModels, put: Callable[..., None]) -> None:
    put(GERMAN, FRENCH)

    with pytest.raises(AmbiguousError, match="several languages"):
        keys_of(cached, "tiny_pos")
    assert keys_of(cached, "tiny_pos", "fr") == {FRENCH}


def test_a_repository_counts_where_the_manifest_tells_one(cached: CachedModels, put: Callable[..., None]) -> None:
    put(OLD, repository="clinical/models")
    put(NEW)

    assert keys_of(cached, "tiny_pos") == keys_of(cached, "clinical/models/tiny_pos") == {OLD, NEW}
    assert keys_of(cached, "public/models/tiny_pos") == {NEW}
    assert keys_of(cached, f"public/models/{OLD}") == set()


# Entries


def test_without_a_reference_all_entries_are_meant(
    cached: CachedModels, put: Callable[..., None], tmp_path: Path
) -> None:
    put(OLD)
    put(TAGGER, root=tmp_path / "shared")

    assert {entry.path.parent.name for entry in cached.entries_of([])} == {"cache", "shared"}


def test_an_entry_that_is_named_twice_is_meant_once(cached: CachedModels, put: Callable[..., None]) -> None:
    put(OLD, NEW)
    references = [Reference.parse(text) for text in ("tiny_pos@4.2.0", "tiny_pos", NEW)]

    assert [str(entry.key) for entry in cached.entries_of(references)] == [NEW, OLD]


def test_one_reference_that_is_not_there_fails_all(cached: CachedModels, put: Callable[..., None]) -> None:
    put(OLD)
    references = [Reference.parse(text) for text in ("tiny_pos", "none_such")]

    with pytest.raises(NotFoundError, match="none_such is not in the cache") as raised:
        cached.entries_of(references)
    assert "modelhub list" in raised.value.hint


# The path of one


def test_the_path_is_that_of_the_build_that_the_runtime_would_take(
    cached: CachedModels, put: Callable[..., None], cache: Cache
) -> None:
    put(OLD, NEW)
    reference = Reference.parse("tiny_pos")

    assert cached.path_of(reference, Runtime()) == cache.root / NEW
    assert cached.path_of(reference, Runtime(sparknlp=Version("4.1.0"))) == cache.root / OLD


def test_whoever_asks_for_a_path_uses_the_entry(cached: CachedModels, put: Callable[..., None], cache: Cache) -> None:
    put(OLD, NEW)
    cached.path_of(Reference.parse("tiny_pos"), Runtime())

    assert [path.name for path in (cache.root / ".modelhub" / "uses").iterdir()] == [NEW]


def test_there_is_no_path_to_what_is_not_there_or_broken(
    cached: CachedModels, put: Callable[..., None], cache: Cache
) -> None:
    with pytest.raises(NotFoundError, match="tiny_pos is not in the cache"):
        cached.path_of(Reference.parse("tiny_pos"), Runtime())
    put(OLD)
    (cache.root / OLD / "metadata" / "part-00000").unlink()
    with pytest.raises(IntegrityError, match="is partial"):
        cached.path_of(Reference.parse("tiny_pos"), Runtime())
    assert not (cache.root / ".modelhub" / "uses").exists()


# What can be removed


def part(cache: Cache, key: str) -> Path:
    path = cache.part_path(ArtifactKey.parse(key))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"p" * 10_000)
    return path


def test_what_is_removed_has_the_size_of_all_that_belongs_to_it(
    cached: CachedModels, put: Callable[..., None], cache: Cache
) -> None:
    put(OLD)
    part(cache, OLD)
    part(cache, NEW)
    entries = cached.removable([Reference.parse("tiny_pos"), Reference.parse(OLD)])

    own_bytes = sum(map(len, SAVED_MODEL.values()))
    assert [(str(entry.key), entry.state, entry.size_bytes) for entry in entries] == [
        (OLD, "good", own_bytes + 10_000),
        (NEW, "partial", 10_000),
    ]


def test_of_a_key_in_two_caches_the_own_one_is_removed(
    cached: CachedModels, put: Callable[..., None], cache: Cache, tmp_path: Path
) -> None:
    put(OLD)
    put(OLD, root=tmp_path / "shared")

    assert [entry.path for entry in cached.removable([Reference.parse(OLD)])] == [cache.root / OLD]


def test_what_only_a_readonly_cache_holds_is_refused(
    cached: CachedModels, put: Callable[..., None], cache: Cache, tmp_path: Path
) -> None:
    put(OLD, root=tmp_path / "shared")
    with pytest.raises(UsageError, match="read-only cache"):
        cached.removable([Reference.parse(OLD)])
    part(cache, OLD)

    (entry,) = cached.removable([Reference.parse(OLD)])
    assert (entry.path, entry.state) == (cache.root / OLD, "partial")


def test_what_is_not_there_cannot_be_removed(cached: CachedModels) -> None:
    with pytest.raises(NotFoundError) as raised:
        cached.removable([Reference.parse("tiny_pos")])
    assert "modelhub list" in raised.value.hint


def test_what_somebody_removes_meanwhile_is_not_there(
    cache: Cache, candidates: Candidates, put: Callable[..., None]
) -> None:
    class Crowded(Cache):
        def held_keys(self) -> list[ArtifactKey]:
            shutil.rmtree(self.root / OLD)
            return super().held_keys()

    put(OLD)
    with pytest.raises(NotFoundError, match="is not in the cache"):
        CachedModels(Crowded(cache.root), candidates).removable([Reference.parse(OLD)])
