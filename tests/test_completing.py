from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from registries import document, make_registry

from modelhub.catalogue import registry_stamp
from modelhub.completing import Completer
from modelhub.config import Config, load_config
from modelhub.documents import Source
from modelhub.recording import record
from modelhub.registry import Registry

MODELS = (
    document("ner_Hats", tasks=("Named Entity Recognition",), labels=("HAT", "CAP"), title="Straw"),
    document("ner_hats_small", tasks=("Named Entity Recognition",), engine="onnx"),
    document("ner_hats_small", "de", tasks=("Embeddings",)),
    document("pos_hats", "es"),
)


@pytest.fixture
def config(tmp_path: Path) -> Config:
    home = tmp_path / "home"
    home.mkdir()
    with Registry.create(home / "registry.sqlite", kept=home / "kept.sqlite", stamp=registry_stamp()) as registry:
        record(registry, Source(uri="test", kind="snapshot"), MODELS)
    return load_config({"home": str(home), "cache": str(tmp_path / "cache")}, environ={})


@pytest.fixture
def completer(config: Config) -> Completer:
    return Completer(config)


@pytest.mark.parametrize(
    ("beginning", "models"),
    [
        ("ner_", ["ner_Hats", "ner_hats_small"]),
        ("NER_HATS_", ["ner_hats_small"]),
        ("", ["ner_Hats", "ner_hats_small", "pos_hats"]),
        ("public/models/pos", ["public/models/pos_hats"]),
        ("clinical/models/pos", []),
        ("xyzzy", []),
        ("%", []),
    ],
)
def test_names_are_completed_in_any_case(completer: Completer, beginning: str, models: list[str]) -> None:
    assert completer.models(beginning) == models


def test_a_name_has_languages(completer: Completer) -> None:
    assert completer.languages_of("ner_hats_small") == ["de", "en"]
    assert completer.languages_of("public/models/POS_HATS") == ["es"]
    assert completer.languages_of("xyzzy") == []


def test_values_are_completed_the_most_frequent_first(completer: Completer) -> None:
    assert completer.values("task", "") == ["Named Entity Recognition", "Embeddings"]
    assert completer.values("task", "emb") == ["Embeddings"]
    assert completer.values("engine", "O") == ["onnx"]


def test_a_language_is_completed_by_its_code_or_its_name(completer: Completer) -> None:
    assert completer.languages("e") == ["en", "es"]
    assert completer.languages("Span") == ["es"]


def test_labels_and_words_are_completed(completer: Completer) -> None:
    assert completer.labels("h") == ["HAT"]
    assert completer.words("St") == ["straw"]
    assert completer.words("s") == []


def test_entries_of_the_cache_are_completed(completer: Completer, config: Config) -> None:
    assert completer.cached("") == []
    for name in ("pos_hats_es_4.0.0_3.0_1656000000000", "pos_hats_es_4.1.0_3.0_1656000000001", ".modelhub", "x.zip"):
        (config.cache / name).mkdir(parents=True)
    assert completer.cached("POS") == ["pos_hats"]
    assert completer.cached("ner") == []


def test_without_a_registry_nothing_is_known_and_nothing_is_built(tmp_path: Path) -> None:
    completer = Completer(load_config({"home": str(tmp_path / "none")}, environ={}))

    assert completer.models("ner") == completer.values("task", "") == completer.languages_of("ner_Hats") == []
    assert not (tmp_path / "none").exists()


def test_a_damaged_registry_is_no_reason_to_complain(config: Config) -> None:
    path = config.home / "registry.sqlite"
    content = path.read_bytes()
    path.write_bytes(content[:8192] + b"\xff" * (len(content) - 8192))

    assert Completer(config).models("ner") == []


def test_a_registry_of_another_version_is_left_alone(tmp_path: Path) -> None:
    make_registry(tmp_path / "registry.sqlite", MODELS)

    assert Completer(load_config({"home": str(tmp_path)}, environ={})).models("ner") == []


def test_models_of_hubs_that_are_not_in_use_are_left_out(config: Config) -> None:
    uri = "https://other.example/public/models/metadata.json"
    source = Source(uri=uri, kind="metadata", repository="public/models")
    with Registry.open(config.home / "registry.sqlite", is_writable=True) as registry:
        record(registry, source, [document("ner_hats_small", "fr"), document("ner_helmets")])
    here, there = Completer(config), Completer(replace(config, hub=("https://other.example",)))

    assert (here.models("ner_h"), here.languages_of("ner_hats_small")) == (["ner_Hats", "ner_hats_small"], ["de", "en"])
    assert there.models("ner_h") == ["ner_Hats", "ner_hats_small", "ner_helmets"]
    assert there.languages_of("ner_hats_small") == ["de", "en", "fr"]
