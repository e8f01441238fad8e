from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from registries import SNAPSHOT, document, make_registry

from modelhub.alternatives import Alternatives, find_alternatives
from modelhub.documents import Document
from modelhub.errors import UsageError
from modelhub.facts import Score
from modelhub.recording import record
from modelhub.registry import Registry
from modelhub.resolver import Runtime
from modelhub.search_query import SearchQuery
from modelhub.versions import Version

HAT_FACTS: dict[str, Any] = {
    "title": "Hats",
    "tasks": ("Named Entity Recognition",),
    "labels": ("HAT", "CAP", "HELMET"),
    "license": "Licensed",
    "engine": "tensorflow",
    "size_bytes": 100,
    "date": "2022-01-01",
    "best_score": Score(metric="f1", value=0.8),
}


def hats(name: str, **facts: Any) -> Document:
    language = facts.pop("language", "en")
    return document(name, language, **(HAT_FACTS | facts))


MODELS = (
    hats("ner_hats"),
    hats("ner_hats_small", size_bytes=80, labels=("HAT", "Cap")),
    hats("ner_hats_old", date="2020-01-01"),
    hats("ner_hats_large", size_bytes=900, best_score=Score(metric="f1", value=0.95), labels=("HAT",)),
    hats("ner_hats_open", license="Open Source", labels=(), engine="onnx", date="2023-01-01", recommended=True),
    hats("ner_hats_dead", license="Open Source", engine="onnx", date="2023-01-01", deprecated=True),
    hats("pos_hats", tasks=("Part of Speech Tagging",), date="2023-01-01"),
    hats("ner_hats", language="de", date="2023-01-01"),
    document("ner_shoes", title="Shoes", tasks=HAT_FACTS["tasks"], date="2023-01-01"),
)


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Registry]:
    with Registry.open(make_registry(tmp_path / "registry.sqlite", MODELS), is_writable=True) as registry:
        yield registry


def like(registry: Registry, name: str = "ner_hats", **filters: Any) -> Alternatives:
    artifact = next(item for item in registry.named(name) if item.language == "en")
    return find_alternatives(registry, artifact, SearchQuery(**filters), Runtime())


def names(found: Alternatives) -> list[str]:
    return [other.model.artifact.name for other in found.others]


def test_alternatives_have_the_task_and_the_language_and_some_advantage(registry: Registry) -> None:
    found = like(registry)

    assert found.model.artifact.name == "ner_hats"
    assert {other.model.artifact.name: other.advantages for other in found.others} == {
        "ner_hats_small": ("smaller",),
        "ner_hats_large": ("higher F1",),
        "ner_hats_open": ("newer", "open", "other engine", "recommended"),
        "ner_hats_dead": ("newer", "open", "other engine"),
        "ner_shoes": ("newer",),
    }
    assert found.total == 5


def test_the_most_alike_come_first_and_the_deprecated_last(registry: Registry) -> None:
    assert names(like(registry)) == ["ner_hats_small", "ner_hats_large", "ner_hats_open", "ner_shoes", "ner_hats_dead"]


def test_labels_that_both_predict_are_counted_in_any_case(registry: Registry) -> None:
    shared = {other.model.artifact.name: other.shared_labels for other in like(registry).others}

    assert shared == {
        "ner_hats_small": 2,
        "ner_hats_large": 1,
        "ner_hats_open": 0,
        "ner_hats_dead": 3,
        "ner_shoes": 0,
    }


def test_filters_restrict_and_may_ask_for_another_language(registry: Registry) -> None:
    assert names(like(registry, engine="onnx")) == ["ner_hats_open", "ner_hats_dead"]
    assert names(like(registry, max_size_bytes=80)) == ["ner_hats_small"]
    assert names(like(registry, language="de")) == ["ner_hats"]
    assert names(like(registry, task="pos")) == ["pos_hats"]
    with pytest.raises(UsageError):
        like(registry, task="knitting")


def test_a_limit_cuts_the_models_and_not_their_number(registry: Registry) -> None:
    found = like(registry, limit=2)

    assert (len(found.others), found.total) == (2, 5)


def test_a_model_that_is_alone_has_none(tmp_path: Path) -> None:
    with Registry.open(make_registry(tmp_path / "registry.sqlite", [hats("ner_hats")])) as registry:
        assert like(registry).others == ()


def test_a_model_without_a_task_is_compared_with_all_of_its_language(tmp_path: Path) -> None:
    models = [document("hats_a", date="2020-01-01"), document("hats_b", date="2021-01-01", tasks=("X",))]
    with Registry.open(make_registry(tmp_path / "registry.sqlite", models)) as registry:
        assert names(like(registry, "hats_a")) == ["hats_b"]


def test_the_answer_is_plain_json(registry: Registry) -> None:
    found = like(registry, limit=1)
    (other,) = found.others

    assert found.to_dict() == {
        "like": found.model.to_dict(),
        "models": [{**other.model.to_dict(), "advantages": ["smaller"], "shared_labels": 2}],
        "total": 5,
    }


def test_a_model_without_a_card_is_as_old_as_its_build(tmp_path: Path) -> None:
    listed = hats("ner_hats_listed", date="")  # built in June 2022
    models = [hats("ner_hats"), listed, hats("ner_hats_new", date="2022-07-01")]
    with Registry.open(make_registry(tmp_path / "listed.sqlite", models)) as registry:
        older, newer = like(registry), like(registry, "ner_hats_listed")

    assert {other.model.artifact.name: other.advantages for other in older.others}["ner_hats_listed"] == ("newer",)
    assert names(newer) == ["ner_hats_new"]


def test_the_model_itself_is_shown_as_a_search_shows_it(registry: Registry) -> None:
    record(registry, SNAPSHOT, [*MODELS, hats("ner_hats", lib="3.0.0"), hats("ner_caps", is_ready=False)])
    (artifact,) = (item for item in registry.named("ner_hats") if str(item.key).startswith("ner_hats_en_4"))
    old, new = Runtime(sparknlp=Version("3.4.0")), Runtime(sparknlp=Version("4.0.0"))

    shown = [find_alternatives(registry, artifact, SearchQuery(), runtime).model for runtime in (old, new)]
    hidden = like(registry, "ner_caps").model

    assert [(model.versions, model.is_compatible) for model in shown] == [(2, False), (2, True)]
    assert (hidden.versions, hidden.is_compatible) == (1, False)


def test_models_are_counted_and_limited_whatever_the_number_of_their_builds(registry: Registry) -> None:
    record(registry, SNAPSHOT, [*MODELS, hats("ner_hats_small", lib="3.0.0", size_bytes=70)])

    found = like(registry, has_all_versions=True, limit=2)

    assert sorted(names(found)) == ["ner_hats_large", "ner_hats_small", "ner_hats_small"]
    assert found.total == like(registry).total == 5
