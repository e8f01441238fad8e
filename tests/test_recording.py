from __future__ import annotations

import pickle
import random
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from modelhub import model_rows, recording, text_rows
from modelhub.artifacts import Artifact, ArtifactKey
from modelhub.descriptions import Description
from modelhub.diagnostics import Diagnostic
from modelhub.documents import Changes, Document, Listing, Source, Unchanged
from modelhub.errors import StorageError
from modelhub.facts import ModelFacts, Score
from modelhub.recording import record, record_failure, record_visit
from modelhub.registry import Registry

KEY = "pos_tiny_en_4.0.0_3.0_1656000000000"
NEWER_KEY = "pos_tiny_en_4.2.0_3.0_1666000000000"
OTHER_KEY = "ner_tiny_de_4.0.0_3.0_1656000000000"

SNAPSHOT = Source(uri="package:snapshot", kind="snapshot")
PACKAGED = Source(uri="package:cards", kind="packaged")
CARDS = Source(uri="/srv/cards", kind="cards")
METADATA = Source(uri="https://hub.example/public/models/metadata.json", kind="metadata", repository="public/models")
KINDS = {"snapshot": SNAPSHOT, "packaged": PACKAGED, "cards": CARDS, "metadata": METADATA}


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Registry]:
    """An empty registry, open for writing."""
    path = tmp_path / "registry.sqlite"
    Registry.create(path, kept=tmp_path / "kept.sqlite", stamp="test").close()
    with Registry.open(path, is_writable=True) as registry:
        yield registry


def document(key: str = KEY, *, path: str = "", repository: str = "public/models", **fields: Any) -> Document:
    """A document; what is no field of it is a fact."""
    names = ("digest", "listing", "preference", "diagnostics")
    own = {name: fields.pop(name) for name in names if name in fields}
    text = fields.pop("text", "")
    return Document(
        path=path or key,
        description=Description.of(ArtifactKey.parse(key), ModelFacts(**fields)),
        repository=repository,
        kept=zlib.compress(text.encode()) if text else b"",
        **({"digest": b"1"} | own),
    )


def changes_of(registry: Registry, source: Source, *documents: Document | Unchanged, **options: bool) -> Changes:
    return record(registry, source, documents, **options)[0]


def found(registry: Registry, name: str = "pos_tiny") -> Artifact:
    (artifact,) = registry.named(name)
    return artifact


def facts_of(registry: Registry) -> ModelFacts:
    return registry.facts(found(registry))


def names_with(registry: Registry, word: str) -> list[str]:
    """Names of the models that the full-text search finds."""
    rows = registry.connection.execute("SELECT name FROM model_text WHERE model_text MATCH ? ORDER BY name", (word,))
    return [row[0] for row in rows]


def content(registry: Registry) -> dict[str, list[Any]]:
    """Everything that a registry and its kept texts hold."""
    tables = (
        "sources",
        "models",
        "artifacts",
        "documents",
        "nlu",
        "labels",
        "facets",
        "vocabulary",
        "endings",
        "model_text",
        "kept.sources",
        "kept.texts",
    )
    return {
        table: registry.connection.execute(f"SELECT *, 0 FROM {table} ORDER BY 1, 2").fetchall() for table in tables
    }


# One artifact, several sources


def test_what_several_sources_describe_is_one_artifact(registry: Registry) -> None:
    for source in KINDS.values():
        record(registry, source, [document()])

    assert registry.total() == 1
    assert [source.kind for source in registry.sources()] == ["snapshot", "packaged", "cards", "metadata"]


@pytest.mark.parametrize("order", [list(KINDS), list(reversed(KINDS))])
def test_the_most_trusted_source_counts_whatever_the_order(registry: Registry, order: list[str]) -> None:
    for kind in order:
        record(registry, KINDS[kind], [document(engine=kind)])

    engines = []
    for kind in ("metadata", "cards", "packaged"):
        engines.append(facts_of(registry).engine)
        record(registry, KINDS[kind], [])
    assert [*engines, facts_of(registry).engine] == ["metadata", "cards", "packaged", "snapshot"]


def test_gaps_are_filled_by_less_trusted_sources(registry: Registry) -> None:
    record(registry, SNAPSHOT, [document(title="Old", size_bytes=5, engine="tensorflow")])
    record(registry, CARDS, [document(title="New")])
    record(registry, METADATA, [document(engine="onnx", listing=Listing(True, "AB12", 3))])

    assert facts_of(registry) == ModelFacts(title="New", size_bytes=5, engine="onnx")
    assert found(registry) == Artifact(
        key=ArtifactKey.parse(KEY), engine="onnx", size_bytes=5, checksum="AB12", position=3
    )


def test_of_several_cards_of_one_source_the_preferred_one_counts(registry: Registry) -> None:
    preferences = {"a.md": 0, "b.md": 1, "c.md": 0}

    record(registry, CARDS, [document(path=path, title=path, preference=preferences[path]) for path in preferences])

    assert facts_of(registry).title == "b.md"
    assert registry.total() == 1


def test_of_two_sources_of_one_kind_the_later_one_counts(registry: Registry) -> None:
    record(registry, CARDS, [document(title="First")])
    record(registry, Source(uri="/srv/other", kind="cards"), [document(title="Second")])

    assert facts_of(registry).title == "Second"


def test_one_key_in_two_repositories_is_two_artifacts(registry: Registry) -> None:
    record(registry, SNAPSHOT, [document(path="a"), document(path="b", repository="clinical/models")])

    assert {artifact.repository for artifact in registry.named("pos_tiny")} == {"public/models", "clinical/models"}


def test_only_a_list_says_what_is_not_ready(registry: Registry) -> None:
    record(registry, METADATA, [document(listing=Listing(is_ready=False))])
    record(registry, CARDS, [document(title="A")])

    assert not found(registry).is_ready


# What changed


def test_the_first_recording_adds(registry: Registry) -> None:
    changes = changes_of(registry, SNAPSHOT, document(), document(OTHER_KEY))

    assert (sorted(changes.added), changes.total, changes.unchanged) == ([OTHER_KEY, KEY], 2, 0)


def test_the_same_documents_again_change_nothing(registry: Registry) -> None:
    record(registry, CARDS, [document(title="A", text="A")])
    before = content(registry)

    changes = changes_of(registry, CARDS, document(title="A", text="A"))

    assert (changes, changes.unchanged) == (Changes(total=1), 1)
    assert content(registry) == before


def test_added_changed_removed_and_unchanged_are_told_apart(registry: Registry) -> None:
    gone_key = "old_en_2.4.0_2.4_1556000000000"
    record(registry, CARDS, [document(title="A"), document(OTHER_KEY, title="B"), document(gone_key)])

    changes = changes_of(registry, CARDS, document(title="A2", digest=b"2"), Unchanged(OTHER_KEY), document(NEWER_KEY))

    assert changes == Changes(added=(NEWER_KEY,), changed=(KEY,), removed=(gone_key,), total=3)
    assert changes.unchanged == 1


def test_another_text_with_the_same_facts_is_no_change_of_the_artifact(registry: Registry) -> None:
    record(registry, CARDS, [document(title="A", text="prose")])

    changes = changes_of(registry, CARDS, document(title="A", text="better prose", digest=b"2"))

    assert changes == Changes(total=1)
    assert registry.kept_text(CARDS.uri, KEY) == "better prose"
    assert registry.digests(CARDS.uri) == {KEY: b"2"}


def test_what_a_more_trusted_source_overrules_is_no_change(registry: Registry) -> None:
    record(registry, CARDS, [document(title="Card")])

    assert changes_of(registry, SNAPSHOT, document(title="Snapshot")) == Changes(total=1)


def test_a_document_that_vanishes_leaves_what_others_say(registry: Registry) -> None:
    record(registry, SNAPSHOT, [document(title="Snapshot", engine="tensorflow", nlu=("old.nlu",))])
    record(registry, CARDS, [document(title="Card", nlu=("new.nlu",))])

    changes = changes_of(registry, CARDS)

    assert changes == Changes(changed=(KEY,), total=1)
    assert facts_of(registry) == ModelFacts(title="Snapshot", engine="tensorflow", nlu=("old.nlu",))
    assert registry.with_nlu("new.nlu") == []
    assert registry.with_nlu("old.nlu") == [found(registry)]


def test_the_last_document_takes_its_artifact_along(registry: Registry) -> None:
    record(registry, CARDS, [document(labels=("HAT",), nlu=("en.hat",), page="2022-01-01-hat_en", text="A")])

    changes = changes_of(registry, CARDS)

    left = content(registry)
    assert changes == Changes(removed=(KEY,), total=0)
    assert {table for table, rows in left.items() if rows} == {"sources", "kept.sources"}


def test_a_document_may_turn_to_another_artifact(registry: Registry) -> None:
    record(registry, CARDS, [document(path="a.md", title="A")])

    changes = changes_of(registry, CARDS, document(NEWER_KEY, path="a.md", title="A", digest=b"2"))

    assert changes == Changes(added=(NEWER_KEY,), removed=(KEY,), total=1)
    assert str(found(registry).key) == NEWER_KEY


def test_a_document_without_an_artifact_adds_none(registry: Registry) -> None:
    guide = Document(path="guide.md", digest=b"1", guide="Hats")

    changes = changes_of(registry, CARDS, guide)

    assert changes == Changes(total=0)
    assert registry.guides() == [(Source(uri=CARDS.uri, kind="cards"), "guide.md", "Hats")]


def test_unchanged_documents_are_kept_and_not_written(registry: Registry) -> None:
    record(registry, CARDS, [document(title="A", text="A"), document(OTHER_KEY, text="B")])
    before = content(registry)
    writes_before = registry.connection.total_changes

    changes = changes_of(registry, CARDS, Unchanged(KEY), Unchanged(OTHER_KEY))

    assert (changes, changes.unchanged) == (Changes(total=2), 2)
    assert content(registry) == before
    assert registry.connection.total_changes - writes_before == 2  # the source's row, here and kept: when it was asked


def test_of_two_documents_at_one_path_the_later_counts(registry: Registry) -> None:
    sooner, later = document(path="a.md", title="A"), document(path="a.md", title="B", digest=b"2")

    changes = changes_of(registry, CARDS, sooner, later)

    assert changes == Changes(added=(KEY,), total=1)
    assert facts_of(registry).title == "B"


def test_the_cost_is_that_of_what_changed(registry: Registry) -> None:
    keys = [f"m{number}_en_4.0.0_3.0_1656000000000" for number in range(50)]
    record(registry, CARDS, [document(key) for key in keys])
    writes_before = registry.connection.total_changes

    changes_of(registry, CARDS, document(keys[0], title="New", digest=b"2"), *map(Unchanged, keys[1:]))

    assert registry.connection.total_changes - writes_before < 20


# Full text and labels


def test_the_search_finds_what_is_said_now_and_not_what_was(registry: Registry) -> None:
    record(registry, CARDS, [document(title="Bowler hats", tasks=("Named Entity Recognition",), tags=("felt",))])
    record(registry, CARDS, [document(title="Straw hats", tasks=("Named Entity Recognition",), digest=b"2")])

    assert names_with(registry, "straw") == names_with(registry, "entity") == ["pos tiny"]
    assert names_with(registry, "bowler") == names_with(registry, "felt") == []
    record(registry, CARDS, [])
    assert names_with(registry, "straw") == []


def test_a_model_is_found_by_what_any_of_its_versions_says(registry: Registry) -> None:
    newer = document(NEWER_KEY, title="New", date="2022-10-17")

    record(registry, CARDS, [document(title="Old", tags=("felt",)), newer])

    assert names_with(registry, "felt") == ["pos tiny"]
    assert names_with(registry, "title: new") == ["pos tiny"]
    assert names_with(registry, "title: old") == []


@pytest.mark.parametrize("word", ["pos", "hat", "en", "PerceptronModel", "ada", "healthcare", "cafe", "english"])
def test_the_words_of_every_fact_are_found(registry: Registry, word: str) -> None:
    facts = {"annotator": "PerceptronModel", "origin": "ada/tiny", "product": "Healthcare NLP", "nlu": ("en.hat",)}
    record(registry, CARDS, [document(title="Caf\u00e9", **facts), document(OTHER_KEY)])

    assert names_with(registry, word) == ["pos tiny"]


def test_labels_belong_to_the_model_and_go_with_the_card(registry: Registry) -> None:
    query = "SELECT m.name FROM labels l JOIN models m ON m.id = l.model_id WHERE l.label = ?"

    record(registry, CARDS, [document(labels=("HAT", "hat")), document(NEWER_KEY, labels=("CAP",))])
    with_labels = [registry.connection.execute(query, (label,)).fetchall() for label in ("Hat", "cap")]
    record(registry, CARDS, [document(digest=b"2"), Unchanged(NEWER_KEY)])
    without = [registry.connection.execute(query, (label,)).fetchall() for label in ("hat", "cap")]

    assert with_labels == [[("pos_tiny",)], [("pos_tiny",)]]
    assert without == [[], [("pos_tiny",)]]


def test_a_model_says_of_its_newest_artifact_what_it_is_sorted_by(registry: Registry) -> None:
    newer = document(NEWER_KEY, date="2022-10-17", size_bytes=5, best_score=Score(metric="f1", value=0.9))

    record(registry, CARDS, [document(date="2022-06-23", size_bytes=9), newer])

    assert registry.connection.execute("SELECT newest, size_bytes, f1 FROM models").fetchall() == [
        ("2022-10-17", 5, 0.9)
    ]


def test_a_score_that_is_no_f1_sorts_nothing(registry: Registry) -> None:
    record(registry, CARDS, [document(best_score=Score(metric="accuracy", value=0.9))])

    assert registry.connection.execute("SELECT f1 FROM models").fetchall() == [(None,)]


def test_the_better_rank_has_the_smaller_number_and_moves_with_the_facts(registry: Registry) -> None:
    def names() -> list[str]:
        return [row[0] for row in registry.connection.execute("SELECT name FROM models ORDER BY id")]

    record(registry, CARDS, [document(labels=("HAT",)), document(OTHER_KEY)])
    before = names()
    record(registry, CARDS, [document(deprecated=True, labels=("HAT",), digest=b"2"), Unchanged(OTHER_KEY)])

    assert (before, names()) == (["pos_tiny", "ner_tiny"], ["ner_tiny", "pos_tiny"])
    assert names_with(registry, "pos") == ["pos tiny"]
    assert facts_of(registry).deprecated
    ids = "SELECT (SELECT id FROM models WHERE name = 'pos_tiny'), model_id FROM {}"
    for table in ("artifacts WHERE key LIKE 'pos%'", "labels"):
        (number, used) = registry.connection.execute(ids.format(table)).fetchone()
        assert number == used


def test_models_of_one_rank_have_numbers_of_their_own(registry: Registry) -> None:
    record(registry, CARDS, [document(f"m{number}_en_4.0.0_3.0_1656000000000") for number in range(3)])
    record(registry, PACKAGED, [document("n_en_4.0.0_3.0_1656000000000")])

    assert registry.connection.execute("SELECT count(DISTINCT id) FROM models").fetchone() == (4,)


def test_a_number_that_a_model_keeps_is_given_to_no_other(registry: Registry) -> None:
    record(registry, CARDS, [document(title="Old")])
    record(registry, CARDS, [document(title="New", digest=b"2"), document("z_en_4.0.0_3.0_1656000000000")])

    rows = registry.connection.execute("SELECT m.name, t.name FROM models m JOIN model_text t ON t.rowid = m.id")
    assert sorted(rows) == [("pos_tiny", "pos tiny"), ("z", "z")]


def test_the_number_of_a_model_that_is_gone_may_be_given_to_another(registry: Registry) -> None:
    record(registry, CARDS, [document(title="Hats", labels=("HAT",))])
    record(registry, CARDS, [document("z_en_4.0.0_3.0_1656000000000", labels=("CAP",))])

    assert names_with(registry, "hats") == []
    rows = registry.connection.execute("SELECT l.label, t.name FROM labels l, model_text t").fetchall()
    assert rows == [("CAP", "z")]


def test_words_and_facets_are_counted_by_model_and_go_with_them(registry: Registry) -> None:
    def counts() -> tuple[dict[str, int], list[str], list[str]]:
        words = dict(registry.connection.execute("SELECT word, models FROM vocabulary WHERE word LIKE 'hat%'"))
        endings = registry.connection.execute("SELECT ending FROM endings WHERE ending LIKE '%ah'").fetchall()
        return words, [row[0] for row in endings], registry.values_of("task")

    record(registry, CARDS, [document(title="Hats, hats", tasks=("Hatting",)), document(OTHER_KEY, title="Hats")])
    both = counts()
    record(registry, CARDS, [document(digest=b"2"), Unchanged(OTHER_KEY)])
    one = counts()
    record(registry, CARDS, [])

    assert both == ({"hats": 2, "hatting": 1}, ["gnittah", "stah"], ["Hatting"])
    assert one == ({"hats": 1}, ["stah"], [])
    assert counts() == ({}, [], [])


def test_a_page_that_stands_twice_in_an_archive_counts_once(registry: Registry) -> None:
    changes = changes_of(registry, CARDS, document(path="a.md"), document(OTHER_KEY, path="a.md"))

    assert changes == Changes(added=(OTHER_KEY,), total=1)


# Texts


def test_texts_from_outside_are_kept(registry: Registry) -> None:
    record(registry, CARDS, [document(path="a.md", text="# Caf\u00e9\r\n"), document(OTHER_KEY, path="b.md")])

    assert registry.kept_text(CARDS.uri, "a.md") == "# Caf\u00e9\r\n"
    assert registry.kept_text(CARDS.uri, "b.md") is None
    assert list(registry.kept_texts(CARDS.uri)) == [("a.md", "# Caf\u00e9\r\n")]


def test_a_text_that_is_not_utf_8_can_be_shown_all_the_same(registry: Registry) -> None:
    record(registry, CARDS, [replace(document(), kept=zlib.compress("Caf\u00e9".encode("latin-1")))])

    assert registry.kept_text(CARDS.uri, KEY) == "Caf\ufffd"
    assert list(registry.kept_texts(CARDS.uri)) == [(KEY, "Caf\ufffd")]


def test_a_kept_text_is_replaced_and_goes_with_its_document(registry: Registry) -> None:
    record(registry, CARDS, [document(text="old")])
    record(registry, CARDS, [document(text="new", digest=b"2")])

    assert list(registry.kept_texts(CARDS.uri)) == [(KEY, "new")]
    record(registry, CARDS, [])
    assert list(registry.kept_texts(CARDS.uri)) == []


def test_sources_from_outside_are_kept_while_a_text_of_theirs_is(registry: Registry) -> None:
    asked = replace(METADATA, validator="etag 1", checked_s=1.5)
    record(registry, asked, [document(text="list")])
    record(registry, CARDS, [document(text="card")])
    record(registry, Source(uri="/srv/bare", kind="cards"), [document()])
    record(registry, SNAPSHOT, [document()])
    record(registry, replace(asked, checked_s=2.5), [Unchanged(KEY)])

    assert registry.kept_sources() == [replace(asked, checked_s=2.5), CARDS]


def test_only_documents_whose_text_is_kept_count_as_known(registry: Registry) -> None:
    record(registry, CARDS, [document(text="card"), document(OTHER_KEY, text="lost", digest=b"2")])
    registry.connection.execute("DELETE FROM kept.texts WHERE path = ?", (OTHER_KEY,))

    assert registry.digests(CARDS.uri) == {KEY: b"1", OTHER_KEY: b"2"}
    assert registry.kept_digests(CARDS.uri) == {KEY: b"1"}


def test_half_a_character_is_replaced_and_the_rest_is_stored(registry: Registry) -> None:
    trouble = Diagnostic(source="a.md", line=1, field="title", code="odd", message="\ud800 is odd.")

    _, diagnostics = record(
        registry, CARDS, [document(title="Straw \ud800 hats", labels=("\udfff",), diagnostics=(trouble,))]
    )

    assert facts_of(registry) == ModelFacts(title="Straw ? hats", labels=("?",))
    assert diagnostics == (replace(trouble, message="? is odd."),)
    assert names_with(registry, "hats") == ["pos tiny"]


def test_sources_keep_their_texts_apart(registry: Registry) -> None:
    record(registry, CARDS, [document(text="cards")])
    record(registry, METADATA, [document(text="list")])
    record(registry, METADATA, [])

    assert registry.kept_text(CARDS.uri, KEY) == "cards"
    assert registry.kept_text(METADATA.uri, KEY) is None


# Diagnostics


def test_diagnostics_are_those_of_the_documents_that_are_there_now(registry: Registry) -> None:
    trouble = Diagnostic(source="a.md", line=3, field="date", code="date-malformed", message="No day.")

    _, first = record(registry, CARDS, [document(diagnostics=(trouble,)), document(OTHER_KEY)])
    _, unchanged = record(registry, CARDS, [Unchanged(KEY), Unchanged(OTHER_KEY)])
    _, mended = record(registry, CARDS, [document(digest=b"2"), Unchanged(OTHER_KEY)])

    assert (first, unchanged, mended) == ((trouble,), (trouble,), ())


# Transactions


def test_a_dry_run_tells_and_changes_nothing(registry: Registry) -> None:
    record(registry, CARDS, [document(title="A", text="A"), document(OTHER_KEY)])
    before = content(registry)

    changes = changes_of(
        registry, CARDS, document(title="B", text="B", digest=b"2"), document(NEWER_KEY), is_dry_run=True
    )

    assert changes == Changes(added=(NEWER_KEY,), changed=(KEY,), removed=(OTHER_KEY,), total=2)
    assert content(registry) == before


@pytest.mark.parametrize("problem", [StorageError("cut off"), RuntimeError("a bug"), KeyboardInterrupt()])
def test_a_failure_in_the_middle_leaves_the_registry_as_it_was(registry: Registry, problem: BaseException) -> None:
    record(registry, CARDS, [document(title="A", text="A"), document(OTHER_KEY)])
    before = content(registry)

    def documents() -> Iterator[Document]:
        yield document(title="B", text="B", digest=b"2")
        yield document(NEWER_KEY)
        raise problem

    with pytest.raises(type(problem)):
        record(registry, CARDS, documents())

    assert content(registry) == before
    assert changes_of(registry, CARDS, document(title="B", digest=b"2")).changed == (KEY,)


def test_whoever_reads_sees_the_old_until_all_of_the_new_is_there(registry: Registry) -> None:
    record(registry, CARDS, [document(title="Old")])

    with Registry.open(registry.path) as reader:

        def documents() -> Iterator[Document]:
            yield document(title="New", digest=b"2")
            titles.append(facts_of(reader).title)

        titles: list[str] = []
        record(registry, CARDS, documents())
        titles.append(facts_of(reader).title)

    assert titles == ["Old", "New"]


def test_readers_wait_for_no_writer_however_much_it_writes(registry: Registry) -> None:
    keys = [f"m{number}_en_4.0.0_3.0_1656000000000" for number in range(200)]
    record(registry, CARDS, [document(key, title="Old", text="old") for key in keys])

    with Registry.open(registry.path) as reader:
        reader.connection.execute("PRAGMA busy_timeout = 0")

        def documents() -> Iterator[Document]:
            for key in keys:
                yield document(key, title="x" * 50_000, text="new" * 9_999, digest=b"2")
            totals.append(reader.total())
            totals.append(len(reader.kept_text(CARDS.uri, keys[0]) or ""))

        totals: list[int] = []
        record(registry, CARDS, documents())

    assert totals == [200, 3]


def test_two_writers_take_turns(registry: Registry) -> None:
    with Registry.open(registry.path, is_writable=True) as other:
        record(registry, CARDS, [document(title="A")])
        changes = changes_of(other, METADATA, document(engine="onnx"), document(OTHER_KEY))

    assert changes == Changes(added=(OTHER_KEY,), changed=(KEY,), total=2)
    assert facts_of(registry) == ModelFacts(title="A", engine="onnx")


def test_a_registry_that_may_not_be_written_says_so(registry: Registry) -> None:
    with Registry.open(registry.path) as reader, pytest.raises(StorageError, match="cannot be used"):
        record(reader, CARDS, [document()])


# Visits


def test_a_visit_without_news_notes_the_time_and_changes_nothing_else(registry: Registry) -> None:
    record(registry, METADATA, [document(listing=Listing())])
    before = content(registry)

    record_visit(registry, METADATA.uri, checked_s=1_700_000_000.5)

    assert registry.sources() == [replace(METADATA, checked_s=1_700_000_000.5)]
    assert {table for table, rows in content(registry).items() if rows != before[table]} == {"sources", "kept.sources"}


def test_a_failure_is_remembered_for_a_while(registry: Registry) -> None:
    record_failure(registry, METADATA.uri, reason="No answer", failed_s=1000.0)
    reasons = [registry.recent_failure(METADATA.uri, now_s=now_s, within_s=60.0) for now_s in (999, 1001, 1059, 1061)]

    assert reasons == ["", "No answer", "No answer", ""]
    assert registry.recent_failure(CARDS.uri, now_s=1001, within_s=60.0) == ""


def test_a_model_of_many_versions_is_refreshed_again_only_once(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recording, "_HELD", 2)
    read: list[int] = []
    descriptions = registry.descriptions

    def counted(keys: Sequence[str]) -> dict[tuple[str, str], list[tuple[bytes, str]]]:
        read.append(len(keys))
        return descriptions(keys)

    monkeypatch.setattr(registry, "descriptions", counted)

    versions = [document(f"pos_tiny_en_4.0.0_3.0_{1656000000000 + number}") for number in range(40)]
    changes = changes_of(registry, CARDS, *versions)

    assert (len(changes.added), changes.total) == (40, 40)
    assert sum(read) == 42  # the first two were read, then the others, then these two again


# All together

SAID = (
    "SELECT name, language, newest, size_bytes, f1 FROM models ORDER BY 1, 2",
    "SELECT key, digest, engine, date, tasks, m.name FROM artifacts a JOIN models m ON m.id = a.model_id ORDER BY 1",
    "SELECT m.name, t.* FROM models m JOIN model_text t ON t.rowid = m.id ORDER BY 1, 2, 3",
    "SELECT label, m.name, m.language FROM labels l JOIN models m ON m.id = l.model_id ORDER BY 1, 2, 3",
    "SELECT reference, a.key FROM nlu JOIN artifacts a ON a.id = artifact_id ORDER BY 1, 2",
    "SELECT * FROM vocabulary ORDER BY 1",
    "SELECT * FROM endings ORDER BY 1",
    "SELECT * FROM facets ORDER BY 1, 2",
    "SELECT count(*) FROM models UNION ALL SELECT count(*) FROM model_text UNION ALL SELECT count(*) FROM labels",
)


def digests_of(registry: Registry) -> dict[str, bytes]:
    return dict(registry.connection.execute("SELECT key, digest FROM artifacts").fetchall())


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("held", [1, 3, 500])
def test_after_any_updates_a_registry_says_what_a_new_one_would(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int, held: int
) -> None:
    for module in (recording, model_rows, text_rows):
        monkeypatch.setattr(module, "_HELD", held)
    chance = random.Random(seed)
    keys = [KEY, NEWER_KEY, OTHER_KEY, "x_en_4.0.0_3.0_1656000000000", "x_en_4.1.0_3.0_1657000000000"]
    words = ["Hat", "Cap", "Straw felt", "Hats4L"]

    def any_document(key: str) -> Document:
        some = tuple(chance.sample(words, chance.randint(0, 3)))
        made = document(
            key,
            path=chance.choice(["a.md", "b.md", key]),
            digest=chance.randbytes(4),
            title=chance.choice(words),
            date=chance.choice(["", "2021-01-01", "2022-01-01"]),
            tasks=some,
            labels=some,
            nlu=some,
            engine=chance.choice(["", "onnx"]),
            deprecated=chance.choice([None, True]),
            listing=chance.choice([None, Listing(True, "AB", 1)]),
        )
        return chance.choice([made, pickle.loads(pickle.dumps(made))])  # it may come from another process

    last: dict[Source, list[Document]] = {}
    paths = [tmp_path / name / "registry.sqlite" for name in ("old", "new")]
    for path in paths:
        path.parent.mkdir()
        Registry.create(path, kept=path.with_name("kept.sqlite"), stamp="test").close()
    with Registry.open(paths[0], is_writable=True) as old, Registry.open(paths[1], is_writable=True) as new:
        for source in (SNAPSHOT, CARDS) * 6:
            said = [any_document(chance.choice(keys)) for _ in range(chance.randint(0, 2 * len(keys)))]
            last[source] = list({item.path: item for item in said}.values())
            before = digests_of(old)
            changes = changes_of(old, source, *said)
            after = digests_of(old)
            assert set(changes.added) == after.keys() - before.keys()
            assert set(changes.removed) == before.keys() - after.keys()
            assert set(changes.changed) == {key for key in after.keys() & before.keys() if after[key] != before[key]}
        for source, documents in last.items():
            record(new, source, reversed(documents))

        for query in SAID:
            assert old.connection.execute(query).fetchall() == new.connection.execute(query).fetchall()
