from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from registries import MODELS, document, make_registry

from modelhub.facets import count_facets, size_class
from modelhub.registry import Registry


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Registry]:
    models = (*MODELS, document("ner_hats", lib="4.2.0", engine="onnx", date="2023-06-01", size_bytes=20_000_000))
    with Registry.open(make_registry(tmp_path / "registry.sqlite", models)) as registry:
        yield registry


def counts(registry: Registry, field: str) -> list[tuple[str, int]]:
    numbers = [row[0] for row in registry.connection.execute("SELECT id FROM models")]
    return [(count.value, count.models) for count in count_facets(registry, numbers)[field]]


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        ("language", [("en", 4), ("de", 1)]),
        ("engine", [("not known", 3), ("onnx", 2), ("tensorflow", 1)]),
        ("year", [("2023", 2), ("2022", 1), ("2021", 1), ("2020", 2)]),
        ("size", [("to 10 MB", 2), ("10 to 100 MB", 1), ("not known", 3)]),
        ("license", [("not known", 5)]),
    ],
)
def test_a_model_counts_for_what_any_of_its_versions_has(
    registry: Registry, field: str, expected: list[tuple[str, int]]
) -> None:
    assert counts(registry, field) == expected


def test_a_model_may_have_several_tasks_or_none(tmp_path: Path) -> None:
    models = [document("a", tasks=("B", "A")), document("b", tasks=("B",)), document("c")]
    with Registry.open(make_registry(tmp_path / "registry.sqlite", models)) as registry:
        assert counts(registry, "task") == [("B", 2), ("A", 1), ("not known", 1)]


def test_many_models_are_counted_too(tmp_path: Path) -> None:
    models = [document(f"m{number}", engine="onnx") for number in range(1_000)]
    with Registry.open(make_registry(tmp_path / "registry.sqlite", models)) as registry:
        assert counts(registry, "engine") == [("onnx", 1_000)]


def test_nothing_counts_nothing(registry: Registry) -> None:
    assert set(map(tuple, count_facets(registry, []).values())) == {()}


@pytest.mark.parametrize(
    ("size_bytes", "label"),
    [
        (None, "not known"),
        (0, "to 10 MB"),
        (9_999_999, "to 10 MB"),
        (10_000_000, "10 to 100 MB"),
        (100_000_000, "100 MB to 1 GB"),
        (10**9, "1 GB or more"),
    ],
)
def test_sizes_fall_into_classes(size_bytes: int | None, label: str) -> None:
    assert size_class(size_bytes) == label
