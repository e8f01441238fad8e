from __future__ import annotations

import sqlite3
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from modelhub.artifacts import Artifact, ArtifactKey
from modelhub.descriptions import Description
from modelhub.documents import Document, Listing, Source
from modelhub.errors import StorageError, UsageError
from modelhub.facts import ModelFacts
from modelhub.packing import pack
from modelhub.recording import record
from modelhub.registry import Registry

CARDS = Source(uri="/srv/cards", kind="cards")
SNAPSHOT = Source(uri="package:snapshot", kind="snapshot")
METADATA = Source(uri="https://hub.example/public/models/metadata.json", kind="metadata", repository="public/models")

OTHER_LIST = Source(
    uri="https://mirror.example/public/models/metadata.json", kind="metadata", repository="public/models"
)


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Registry]:
    """An empty registry, open for writing."""
    path = tmp_path / "registry.sqlite"
    Registry.create(path, kept=tmp_path / "kept.sqlite", stamp="1 test 42").close()
    with Registry.open(path, is_writable=True) as registry:
        yield registry


def key_of(name: str, language: str = "en", lib: str = "4.0.0") -> ArtifactKey:
    return ArtifactKey(name, language, lib, "3.0", "1656000000000")


def document(key: ArtifactKey, *, listing: Listing | None = None, text: str = "", **facts: Any) -> Document:
    return Document(
        path=str(key),
        digest=b"1",
        description=Description.of(key, ModelFacts(**facts)),
        repository="public/models",
        listing=listing,
        kept=zlib.compress(text.encode()) if text else b"",
    )


def keys(artifacts: list[Artifact]) -> list[str]:
    return [str(artifact.key) for artifact in artifacts]


# Files


def test_a_registry_says_what_it_was_built_by(registry: Registry) -> None:
    assert registry.stamp == "1 test 42"


def test_a_file_that_is_no_database_has_no_stamp_and_cannot_be_used(tmp_path: Path) -> None:
    path = tmp_path / "registry.sqlite"
    path.write_bytes(b"no database at all " * 100)

    with Registry.open(path) as registry:
        assert registry.stamp == ""
        with pytest.raises(StorageError, match="cannot be used") as caught:
            registry.total()

    assert str(path) in caught.value.message
    assert caught.value.exit_status == 10
    assert "MODELHUB_HOME" in caught.value.hint


def test_another_database_has_no_stamp_either(tmp_path: Path) -> None:
    path = tmp_path / "registry.sqlite"
    path.touch()

    with Registry.open(path) as registry:
        assert registry.stamp == ""


def test_a_registry_whose_middle_is_damaged_cannot_be_used(registry: Registry) -> None:
    record(registry, SNAPSHOT, [document(key_of(f"m{number}"), title="x" * 200) for number in range(200)])
    registry.close()
    damaged = bytearray(registry.path.read_bytes())
    damaged[4096:] = b"\xff" * (len(damaged) - 4096)
    registry.path.write_bytes(damaged)

    with Registry.open(registry.path) as reader, pytest.raises(StorageError, match="cannot be used"):
        reader.named("m1")


@pytest.mark.parametrize("is_writable", [False, True])
def test_a_registry_that_is_not_there_cannot_be_opened(tmp_path: Path, is_writable: bool) -> None:
    with pytest.raises(StorageError, match="cannot be used"):
        Registry.open(tmp_path / "registry.sqlite", is_writable=is_writable)


def test_a_registry_cannot_be_made_where_there_is_no_folder(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="cannot be used"):
        Registry.create(tmp_path / "none" / "registry.sqlite", kept=tmp_path / "kept.sqlite", stamp="")


def test_a_path_may_hold_what_a_uri_cannot(tmp_path: Path) -> None:
    folder = tmp_path / "a b#%?é"
    folder.mkdir()
    Registry.create(folder / "registry.sqlite", kept=folder / "kept.sqlite", stamp="here").close()

    with Registry.open(folder / "registry.sqlite") as registry:
        assert registry.stamp == "here"


def test_reading_leaves_no_file_beside_the_registry(registry: Registry) -> None:
    record(registry, CARDS, [document(key_of("m"), text="page")])
    registry.close()

    with Registry.open(registry.path) as reader:
        text = reader.kept_text(CARDS.uri, str(key_of("m")))
        beside = {path.name for path in registry.path.parent.iterdir()}

    assert text == "page"
    assert beside == {"registry.sqlite", "kept.sqlite"}


def test_texts_that_were_deleted_are_not_known(registry: Registry) -> None:
    record(registry, CARDS, [document(key_of("m"), text="page")])
    registry.close()
    registry.path.with_name("kept.sqlite").unlink()

    with Registry.open(registry.path) as reader:
        assert reader.kept_text(CARDS.uri, str(key_of("m"))) is None


def test_texts_that_cannot_be_read_are_named_with_what_to_do(registry: Registry) -> None:
    registry.close()
    kept = registry.path.with_name("kept.sqlite")
    kept.write_bytes(b"no database at all " * 100)

    with Registry.open(registry.path) as reader, pytest.raises(StorageError, match=str(kept)) as caught:
        reader.kept_text(CARDS.uri, "a.md")

    assert "bring again what it held" in caught.value.hint


def damage(path: Path, statement: str) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute(statement)
    connection.close()


def test_a_kept_text_that_is_damaged_is_named_with_what_to_do(registry: Registry) -> None:
    record(registry, CARDS, [document(key_of("m"), text="page"), document(key_of("n"), text="other")])
    registry.close()
    kept = registry.path.with_name("kept.sqlite")
    damage(kept, f"UPDATE texts SET text = x'00ff' WHERE path = '{key_of('m')}'")

    with Registry.open(registry.path, is_writable=True) as reader:
        assert dict(reader.kept_texts(CARDS.uri)) == {str(key_of("m")): None, str(key_of("n")): "other"}
        with pytest.raises(StorageError, match=str(kept)) as caught:
            reader.kept_text(CARDS.uri, str(key_of("m")))

    assert "bring again what it held" in caught.value.hint


@pytest.mark.parametrize("facts", [b"\x00\xff", b"", pack("x").content[:-2]])
def test_facts_that_are_damaged_are_an_error_of_storage(registry: Registry, facts: bytes) -> None:
    record(registry, SNAPSHOT, [document(key_of("m"), title="owl")])
    (artifact,) = registry.named("m")
    damage(registry.path, f"UPDATE documents SET facts = x'{facts.hex()}'")

    with pytest.raises(StorageError, match=str(registry.path)) as caught:
        registry.facts(artifact)
    with pytest.raises(StorageError, match=str(registry.path)):
        record(registry, CARDS, [document(key_of("m"), title="bird")])

    assert "remove the file: it is built anew" in caught.value.hint


def test_a_registry_may_be_read_from_another_thread(registry: Registry) -> None:
    record(registry, CARDS, [document(key_of("m"), text="page")])

    with Registry.open(registry.path) as reader, ThreadPoolExecutor(1) as threads:
        assert threads.submit(reader.total).result() == 1
        assert threads.submit(reader.kept_text, CARDS.uri, str(key_of("m"))).result() == "page"
        assert reader.kept_text(CARDS.uri, str(key_of("m"))) == "page"


# Artifacts


def test_a_name_has_artifacts_of_every_language_and_version(registry: Registry) -> None:
    mine = [key_of("m"), key_of("m", "de"), key_of("m", "en", "4.2.0")]
    record(registry, SNAPSHOT, [document(key) for key in (*mine, key_of("m2"), key_of("M"))])

    assert sorted(keys(registry.named("m"))) == sorted(str(key) for key in mine)
    assert registry.named("nobody") == []


def test_artifacts_come_in_the_order_of_their_list(registry: Registry) -> None:
    later, sooner = key_of("m", "en", "4.0.0"), key_of("m", "en", "4.2.0")
    record(
        registry,
        METADATA,
        [document(later, listing=Listing(position=2)), document(sooner, listing=Listing(position=1))],
    )

    assert keys(registry.named("m")) == [str(sooner), str(later)]


def test_an_artifact_is_found_by_page_origin_and_nlu_reference(registry: Registry) -> None:
    facts = {"page": "2022-07-06-m_en", "origin": "Ada/Tiny", "nlu": ("en.pos", "en.pos.tiny")}
    record(registry, SNAPSHOT, [document(key_of("m"), **facts), document(key_of("plain"))])

    for artifacts in (
        registry.with_page("2022-07-06-m_en"),
        registry.with_origin("ada/tiny"),
        registry.with_nlu("en.pos"),
        registry.with_nlu("en.pos.tiny"),
    ):
        assert keys(artifacts) == [str(key_of("m"))]
    assert registry.with_origin("") == []


def test_a_name_that_the_locale_could_not_read_is_refused(registry: Registry) -> None:
    with Registry.open(registry.path) as reader, pytest.raises(UsageError, match="is no text"):
        reader.named("m\udcff")


def test_the_facts_of_an_unknown_artifact_are_empty(registry: Registry) -> None:
    assert registry.facts(Artifact(key=key_of("m"))) == ModelFacts()


def test_an_artifact_is_listed_as_one_list_says_whatever_others_say(registry: Registry) -> None:
    record(registry, SNAPSHOT, [document(key_of("m")), document(key_of("unlisted"))])
    record(registry, METADATA, [document(key_of("m"), listing=Listing(True, "AB", 3))])
    record(registry, OTHER_LIST, [document(key_of("m"), listing=Listing(False, "CD", 4))])
    subject = Artifact(key=key_of("m"), is_listed=False, engine="onnx")

    assert registry.as_listed(subject, METADATA.uri) == Artifact(
        key=key_of("m"), engine="onnx", is_ready=True, checksum="AB", position=3
    )
    assert registry.as_listed(subject, OTHER_LIST.uri) == Artifact(
        key=key_of("m"), engine="onnx", is_ready=False, checksum="CD", position=4
    )
    assert registry.as_listed(Artifact(key=key_of("unlisted")), METADATA.uri) is None
    assert registry.as_listed(subject, "https://elsewhere.example/metadata.json") is None


def test_what_only_some_lists_name_is_known_without_the_others(registry: Registry) -> None:
    record(registry, METADATA, [document(key_of("m"), listing=Listing())])
    record(registry, OTHER_LIST, [document(key_of("m"), listing=Listing()), document(key_of("o"), listing=Listing())])

    assert registry.lists() == [(1, METADATA.uri, "public/models"), (2, OTHER_LIST.uri, "public/models")]
    assert registry.is_known_without(Artifact(key=key_of("m")), [2])
    assert not registry.is_known_without(Artifact(key=key_of("o")), [2])
    assert not registry.is_known_without(Artifact(key=key_of("m")), [1, 2])


# Words and names


def test_tasks_come_with_the_most_frequent_first(registry: Registry) -> None:
    record(
        registry,
        SNAPSHOT,
        [
            document(key_of("a"), tasks=("Rare",)),
            document(key_of("b"), tasks=("Frequent",)),
            document(key_of("c"), tasks=("Frequent", "Middling")),
            document(key_of("d"), tasks=("Frequent",)),
            document(key_of("e"), tasks=("Middling",)),
            document(key_of("f")),
        ],
    )

    assert registry.values_of("task") == ["Frequent", "Middling", "Rare"]


@pytest.mark.parametrize(("field", "values"), [("language", ["en", "de"]), ("engine", ["onnx"])])
def test_values_come_with_the_most_frequent_first(registry: Registry, field: str, values: list[str]) -> None:
    record(
        registry, SNAPSHOT, [document(key_of("a"), engine="onnx"), document(key_of("b")), document(key_of("c", "de"))]
    )

    assert registry.values_of(field) == values


@pytest.mark.parametrize(
    ("field", "value", "expected"),
    [
        ("engine", "onnx", True),
        ("engine", "ONNX", False),
        ("engine", "on%", False),
        ("language", "de", True),
        ("language", "d", False),
        ("task", "Frequent", True),
        ("task", "Freq", False),
    ],
)
def test_only_the_value_itself_is_had(registry: Registry, field: str, value: str, expected: bool) -> None:
    record(registry, SNAPSHOT, [document(key_of("a"), engine="onnx", tasks=("Frequent",)), document(key_of("c", "de"))])

    assert registry.has_value(field, value) is expected


def test_every_name_is_there_once(registry: Registry) -> None:
    record(registry, SNAPSHOT, [document(key_of("a")), document(key_of("a", "de")), document(key_of("b"))])

    assert sorted(registry.names()) == ["a", "b"]


# Cards


def test_the_card_of_an_artifact_is_that_of_the_most_trusted_source(registry: Registry) -> None:
    packaged = Source(uri="package:cards", kind="packaged")
    subject = Artifact(key=key_of("m"))
    answers = [registry.card_source(subject)]
    for source in (SNAPSHOT, METADATA, packaged, CARDS):
        record(registry, source, [document(key_of("m"))])
        answers.append(registry.card_source(subject))

    path = str(key_of("m"))
    assert answers == [
        None,
        None,
        None,
        (Source(uri="package:cards", kind="packaged"), path),
        (Source(uri="/srv/cards", kind="cards"), path),
    ]


def test_a_source_that_nobody_recorded_has_nothing(registry: Registry) -> None:
    assert registry.digests("/nowhere") == {}
    assert registry.diagnostics("/nowhere") == []
    assert registry.sources() == []
    assert registry.guides() == []
    assert list(registry.kept_texts("/nowhere")) == []
