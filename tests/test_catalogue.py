from __future__ import annotations

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from hub_server import HubFolder, Server

from modelhub.catalogue import Catalogue
from modelhub.config import load_config
from modelhub.documents import Source
from modelhub.errors import NetworkError, NotFoundError, OfflineError, StorageError, UsageError, WaitTimeoutError
from modelhub.exclusion import exclusively
from modelhub.resolver import Runtime
from modelhub.searching import SearchQuery, search

REPOSITORY = "public/models"
KEY = "tiny_pos_en_4.0.0_3.0_1657118162458"
OTHER_KEY = "tiny_ner_de_4.2.0_3.0_1667118162458"
SNAPSHOT_TOTAL = 13_865
# Changes every row of both files, writes half of that into them, and dies.
KILLED_WRITER = """
import os, signal, sys
from pathlib import Path
from modelhub.registry import Registry

registry = Registry.open(Path(sys.argv[1]), is_writable=True)
for name in ("main", "kept"):
    registry.connection.execute(f"PRAGMA {name}.cache_spill = 1")
    registry.connection.execute(f"PRAGMA {name}.cache_size = 10")
with registry.transaction():
    registry.connection.execute("UPDATE kept.texts SET text = zeroblob(9999)")
    registry.connection.execute("UPDATE artifacts SET origin = 'x', engine = 'broken'")
    os.kill(os.getpid(), signal.SIGKILL)
"""


class Notes(list[str]):
    def __contains__(self, words: object) -> bool:
        return any(str(words) in note for note in self)


@pytest.fixture
def notes() -> Notes:
    return Notes()


@pytest.fixture
def open_catalogue(home: Path, notes: Notes) -> Iterator[Callable[..., Catalogue]]:
    opened = []

    def open_(**settings: Any) -> Catalogue:
        config = load_config({"home": home, "timeout": 0.2, **settings}, environ={})
        opened.append(Catalogue(config, notes.append))
        return opened[-1]

    yield open_
    for catalogue in opened:
        catalogue.close()


def make_older(home: Path, days: float) -> None:
    """Make it that long ago that the lists were asked for."""
    with sqlite3.connect(home / "registry.sqlite") as connection:
        connection.execute("UPDATE sources SET checked_s = checked_s - ?", (days * 86400,))
    connection.close()


def keys_named(catalogue: Catalogue, name: str) -> list[str]:
    return [str(artifact.key) for artifact in catalogue.registry.named(name)]


# Building


def test_of_two_first_starts_at_once_one_builds_and_both_answer(first_starts: tuple[Path, list[Any]]) -> None:
    home, both = first_starts
    built = [started for started in both if "Registry built" in started.err]

    assert [started.status for started in both] == [0, 0]
    assert both[0].out == both[1].out != ""
    assert len(built) == 1
    before, after, *_ = built[0].err.splitlines()
    assert before == "Building the registry from the packaged catalogue, once: some seconds."
    assert after.startswith(f"Registry built: {SNAPSHOT_TOTAL:,} artifacts in ")
    assert sorted(path.name for path in home.iterdir()) == ["kept.sqlite", "registry.lock", "registry.sqlite"]


def test_a_later_start_builds_nothing(open_catalogue: Callable[..., Catalogue], home: Path, notes: Notes) -> None:
    before = (home / "registry.sqlite").stat()

    assert open_catalogue().registry.total() == SNAPSHOT_TOTAL
    assert not notes
    after = (home / "registry.sqlite").stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_a_registry_of_another_version_is_built_anew_and_keeps_what_it_was_told(
    open_catalogue: Callable[..., Catalogue],
    home: Path,
    notes: Notes,
    hub_folder: HubFolder,
    make_card: Callable[..., str],
    tmp_path: Path,
) -> None:
    cards = tmp_path / "cards"
    cards.mkdir()
    (cards / "2022-07-06-tiny_pos_en.md").write_text(make_card(key=KEY, title="A tagger of ours"), encoding="utf-8")
    hub_folder.add(OTHER_KEY, engine="onnx")
    with_news = open_catalogue(hub=hub_folder.uri)
    with_news.update_cards(cards)
    with_news.update_metadata(REPOSITORY)
    with_news.close()
    (cards / "2022-07-06-tiny_pos_en.md").unlink()
    with sqlite3.connect(home / "registry.sqlite") as connection:
        connection.execute("UPDATE meta SET value = 'of another version' WHERE name = 'stamp'")
    connection.close()
    rebuilt = open_catalogue(hub=hub_folder.uri)
    (tagger,), (other,) = rebuilt.registry.named("tiny_pos"), rebuilt.registry.named("tiny_ner")

    assert f"Registry built: {SNAPSHOT_TOTAL + 2:,} artifacts" in notes
    assert rebuilt.registry.facts(tagger).title == "A tagger of ours"
    assert (other.engine, len(other.checksum)) == ("onnx", 32)
    assert "A tagger of ours" in (
        rebuilt.text_of(Source(uri=str(cards), kind="cards"), "2022-07-06-tiny_pos_en.md") or ""
    )
    assert [artifact.is_listed for artifact in rebuilt.mark_listed([tagger, other])] == [False, True]
    assert not rebuilt.update_metadata(REPOSITORY).is_news


@pytest.fixture
def killed_update(
    open_catalogue: Callable[..., Catalogue], home: Path, make_card: Callable[..., str], tmp_path: Path
) -> Path:
    """A folder of 100 cards, known to a registry whose next update was killed in the middle."""
    cards = tmp_path / "cards"
    cards.mkdir()
    for number in range(100):
        text = make_card(key=f"hat{number}_en_4.0.0_3.0_1657118162458", title=f"Hat {number}")
        (cards / f"{number}.md").write_text(text, encoding="utf-8")
    before = open_catalogue()
    before.update_cards(cards)
    before.close()
    command = [sys.executable, "-c", KILLED_WRITER, home / "registry.sqlite"]
    killed = subprocess.run(command, check=False, cwd=Path(__file__).parents[1])
    assert killed.returncode == -signal.SIGKILL
    assert {"registry.sqlite-journal", "kept.sqlite-journal"} < {path.name for path in home.iterdir()}
    return cards


def check_files(home: Path) -> None:
    """Both files are whole, and nothing else lies beside them."""
    assert sorted(path.name for path in home.iterdir()) == ["kept.sqlite", "registry.lock", "registry.sqlite"]
    for name in ("registry.sqlite", "kept.sqlite"):
        connection = sqlite3.connect(home / name)
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        connection.close()


def test_what_a_killed_update_left_half_done_is_taken_back(
    open_catalogue: Callable[..., Catalogue], home: Path, killed_update: Path, notes: Notes
) -> None:
    catalogue = open_catalogue()
    (hat,) = catalogue.registry.named("hat7")

    assert catalogue.registry.facts(hat).title == "Hat 7"
    assert "Hat 7" in (catalogue.text_of(Source(uri=str(killed_update), kind="cards"), "7.md") or "")
    assert catalogue.registry.total() == catalogue.update_cards(killed_update).changes.unchanged == SNAPSHOT_TOTAL + 100
    assert not notes
    check_files(home)


def archive_of(path: Path, **pages: str) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in pages.items():
            archive.writestr(f"{name}.md", text)
    return path


def test_an_archive_that_is_as_it_was_is_not_read_again(
    open_catalogue: Callable[..., Catalogue], home: Path, make_card: Callable[..., str], tmp_path: Path
) -> None:
    key = "hat_en_4.0.0_3.0_1657118162458"
    archive = archive_of(tmp_path / "cards.zip", hat=make_card(key=key, title="Old", name="cap"))
    catalogue = open_catalogue()

    first, second = (catalogue.update_cards(archive) for _ in range(2))
    archive_of(archive, hat=make_card(key=key, title="New"))
    third = catalogue.update_cards(archive)

    assert (first.changes.added, first.is_news) == ((key,), True)
    assert (second.changes.added, second.changes.changed, second.changes.total) == ((), (), first.changes.total)
    assert not second.is_news
    assert second.diagnostics == first.diagnostics != ()
    assert (third.changes.changed, third.is_news) == ((key,), True)


def test_an_archive_whose_texts_are_lost_is_read_again(
    open_catalogue: Callable[..., Catalogue], home: Path, make_card: Callable[..., str], tmp_path: Path
) -> None:
    archive = archive_of(tmp_path / "cards.zip", hat=make_card(key="hat_en_4.0.0_3.0_1657118162458"))
    catalogue = open_catalogue()
    catalogue.update_cards(archive)
    catalogue.close()
    (home / "kept.sqlite").unlink()

    catalogue.update_cards(archive)

    assert "Tiny tagger" in (catalogue.text_of(Source(uri=str(archive), kind="cards"), "hat.md") or "")


def damage_kept(home: Path, where: str) -> None:
    """Damage kept texts, and have the registry built from what is left."""
    with sqlite3.connect(home / "kept.sqlite") as connection:
        connection.execute(f"UPDATE texts SET text = x'00ff' WHERE {where}")
    connection.close()
    (home / "registry.sqlite").unlink()


@pytest.mark.parametrize("is_archive", [False, True])
def test_a_kept_card_that_is_damaged_costs_itself_until_the_next_update(
    open_catalogue: Callable[..., Catalogue],
    home: Path,
    make_card: Callable[..., str],
    tmp_path: Path,
    notes: Notes,
    is_archive: bool,
) -> None:
    pages = {name: make_card(key=f"{name}_en_4.0.0_3.0_1657118162458") for name in ("hat", "cap")}
    cards = archive_of(tmp_path / "cards.zip", **pages)
    if not is_archive:
        zipfile.ZipFile(cards).extractall(tmp_path / "cards")
        cards = tmp_path / "cards"
    catalogue = open_catalogue()
    catalogue.update_cards(cards)
    catalogue.close()
    damage_kept(home, "path = 'hat.md'")
    catalogue = open_catalogue()

    assert (keys_named(catalogue, "hat"), len(keys_named(catalogue, "cap"))) == ([], 1)
    assert f"hat.md of {cards} is damaged" in notes
    assert catalogue.update_cards(cards).changes.added == ("hat_en_4.0.0_3.0_1657118162458",)
    assert "Tiny tagger" in (catalogue.text_of(Source(uri=str(cards), kind="cards"), "hat.md") or "")


@pytest.mark.parametrize("is_rebuilt", [False, True])
def test_a_kept_list_that_is_damaged_is_as_good_as_lost(
    open_catalogue: Callable[..., Catalogue], home: Path, server: Server, hub_folder: HubFolder, is_rebuilt: bool
) -> None:
    hub_folder.add(KEY)
    catalogue = open_catalogue(hub=server.uri())
    catalogue.update_metadata(REPOSITORY)
    catalogue.close()
    built = (home / "registry.sqlite").read_bytes()
    damage_kept(home, "true")
    if not is_rebuilt:
        (home / "registry.sqlite").write_bytes(built)
    catalogue = open_catalogue(hub=server.uri())
    others = catalogue.registry.named("bert_pos_4L_weight_decay")

    assert len(keys_named(catalogue, "tiny_pos")) == int(not is_rebuilt)
    assert all(artifact.is_listed for artifact in catalogue.mark_listed(others)) is is_rebuilt
    assert catalogue.update_metadata(REPOSITORY).is_news
    assert keys_named(catalogue, "tiny_pos") == [KEY]
    assert not catalogue.update_metadata(REPOSITORY).is_news


@pytest.mark.slow
@pytest.mark.parametrize("is_kept", [True, False])
def test_what_a_killed_update_left_does_not_reach_the_next_registry(
    open_catalogue: Callable[..., Catalogue], home: Path, killed_update: Path, notes: Notes, is_kept: bool
) -> None:
    (home / "registry.sqlite").unlink()
    if not is_kept:
        (home / "kept.sqlite").unlink()
    catalogue = open_catalogue()
    known = catalogue.registry.total()

    assert known == SNAPSHOT_TOTAL + (100 if is_kept else 0)
    assert catalogue.update_cards(killed_update).changes.total == SNAPSHOT_TOTAL + 100
    assert f"Registry built: {known:,} artifacts" in notes
    check_files(home)


def test_an_update_that_is_killed_while_it_writes_can_be_repeated(
    open_catalogue: Callable[..., Catalogue],
    start: Callable[..., subprocess.Popen[str]],
    home: Path,
    make_card: Callable[..., str],
    tmp_path: Path,
    unmeasured: None,
) -> None:
    cards = tmp_path / "cards"
    cards.mkdir()
    for number in range(2000):
        text = make_card(key=f"hat{number}_en_4.0.0_3.0_1657118162458", title=f"Hat {number}")
        (cards / f"{number}.md").write_text(text, encoding="utf-8")
    with start("update", "--cards", cards) as process:
        while not (home / "registry.sqlite-journal").exists() and process.poll() is None:
            time.sleep(0.001)
        process.kill()
        process.communicate()
    catalogue = open_catalogue()
    known = catalogue.registry.total()

    assert known in (SNAPSHOT_TOTAL, SNAPSHOT_TOTAL + 2000)
    assert catalogue.update_cards(cards).changes.total == SNAPSHOT_TOTAL + 2000
    check_files(home)


def test_a_registry_that_was_removed_is_built_with_all_that_was_kept(
    open_catalogue: Callable[..., Catalogue], home: Path, hub_folder: HubFolder, notes: Notes
) -> None:
    hub_folder.add(KEY)
    catalogue = open_catalogue(hub=hub_folder.uri)
    catalogue.update_metadata(REPOSITORY)
    catalogue.close()
    (home / "registry.sqlite").unlink()
    rebuilt = open_catalogue(hub=hub_folder.uri)

    assert keys_named(rebuilt, "tiny_pos") == [KEY]
    assert f"Registry built: {SNAPSHOT_TOTAL + 1:,} artifacts" in notes
    assert not rebuilt.update_metadata(REPOSITORY).is_news


def test_a_list_whose_text_is_lost_is_brought_again(
    open_catalogue: Callable[..., Catalogue], home: Path, server: Server, hub_folder: HubFolder
) -> None:
    hub_folder.add(KEY)
    catalogue = open_catalogue(hub=server.uri())
    catalogue.update_metadata(REPOSITORY)
    catalogue.close()
    (home / "kept.sqlite").unlink()

    assert open_catalogue(hub=server.uri()).update_metadata(REPOSITORY).is_news
    assert not open_catalogue(hub=server.uri()).update_metadata(REPOSITORY).is_news


def test_a_registry_that_is_built_without_the_kept_texts_begins_anew(
    open_catalogue: Callable[..., Catalogue], home: Path, server: Server, hub_folder: HubFolder
) -> None:
    hub_folder.add(KEY)
    catalogue = open_catalogue(hub=server.uri())
    catalogue.update_metadata(REPOSITORY)
    catalogue.close()
    (home / "kept.sqlite").unlink()
    (home / "registry.sqlite").unlink()
    rebuilt = open_catalogue(hub=server.uri())
    others = rebuilt.registry.named("bert_pos_4L_weight_decay")

    assert not keys_named(rebuilt, "tiny_pos")
    assert not rebuilt.registry.lists()
    assert all(artifact.is_listed for artifact in rebuilt.mark_listed(others))
    assert rebuilt.update_metadata(REPOSITORY).changes.added == (KEY,)


def test_a_card_whose_text_is_lost_is_read_again(
    open_catalogue: Callable[..., Catalogue], home: Path, make_card: Callable[..., str], tmp_path: Path
) -> None:
    (tmp_path / "a.md").write_text(make_card(key=KEY), encoding="utf-8")
    catalogue = open_catalogue()
    catalogue.update_cards(tmp_path / "a.md")
    catalogue.close()
    (home / "kept.sqlite").unlink()
    catalogue = open_catalogue()
    source = Source(uri=str(tmp_path / "a.md"), kind="cards")

    assert catalogue.text_of(source, "a.md") is None
    assert not catalogue.update_cards(tmp_path / "a.md").changes.changed
    assert "Tiny tagger" in (catalogue.text_of(source, "a.md") or "")


def test_a_catalogue_may_be_used_from_another_thread(open_catalogue: Callable[..., Catalogue]) -> None:
    catalogue = open_catalogue()
    assert catalogue.registry.total() == SNAPSHOT_TOTAL

    with ThreadPoolExecutor(1) as threads:
        found = threads.submit(search, catalogue.registry, SearchQuery(text="pos"), Runtime())

    assert found.result().total > 100


def test_a_package_without_its_data_is_not_taken_for_a_home_that_cannot_be_written(
    home: Path, tmp_path: Path, unmeasured: None
) -> None:
    package = shutil.copytree(Path(__file__).parents[1] / "modelhub", tmp_path / "broken" / "modelhub")
    next(package.glob("data/snapshot*")).unlink()
    command = [sys.executable, "-m", "modelhub", "search", "pos"]
    finished = subprocess.run(command, check=False, capture_output=True, encoding="utf-8", cwd=package.parent)

    assert finished.returncode == 10
    assert "snapshot.jsonl.xz cannot be read" in finished.stderr
    assert "Install modelhub again" in finished.stderr
    assert "written" not in finished.stderr


def test_a_home_that_cannot_be_written_is_no_error_for_reading(tmp_path: Path, notes: Notes) -> None:
    (tmp_path / "occupied").write_text("a file where the folder should be", encoding="utf-8")
    catalogue = Catalogue(load_config({"home": tmp_path / "occupied", "no_update": True}, environ={}), notes.append)

    assert search(catalogue.registry, SearchQuery(text="pos"), Runtime()).total > 100
    assert "cannot be written (File exists); the registry is built for this run only." in notes
    with pytest.raises(StorageError, match="nothing can be updated"):
        catalogue.update_cards(tmp_path)
    catalogue.close()


# metadata.json


@pytest.mark.parametrize("fault", ["", "no-etag", "gzip", "chunked", "redirect", "503-then-200"])
def test_a_list_is_downloaded_only_if_it_changed(
    open_catalogue: Callable[..., Catalogue], server: Server, hub_folder: HubFolder, fault: str
) -> None:
    hub_folder.add(KEY)
    catalogue = open_catalogue(hub=server.uri(fault) if fault else server.uri())
    first, second = catalogue.update_metadata(REPOSITORY), catalogue.update_metadata(REPOSITORY)

    assert (first.changes.added, first.is_news) == ((KEY,), True)
    assert (second.changes.added, second.is_news) == ((), False)
    assert second.changes.unchanged == SNAPSHOT_TOTAL + 1
    assert {"If-None-Match", "If-Modified-Since"} & server.requests[-1].headers.keys()


def test_a_list_that_changed_says_what_is_new_other_and_gone(
    open_catalogue: Callable[..., Catalogue], hub_folder: HubFolder
) -> None:
    metadata = hub_folder.add(KEY).with_name("metadata.json")
    catalogue = open_catalogue(hub=hub_folder.uri)
    catalogue.update_metadata(REPOSITORY)
    hub_folder.add(OTHER_KEY)
    assert catalogue.update_metadata(REPOSITORY).changes.added == (OTHER_KEY,)

    lines = metadata.read_text(encoding="utf-8").splitlines()
    metadata.write_text(lines[0].replace('"readyToUse": true', '"readyToUse": false') + "\n", encoding="utf-8")
    changes = catalogue.update_metadata(REPOSITORY).changes

    assert (changes.added, changes.changed, changes.removed) == ((), (KEY,), (OTHER_KEY,))
    assert changes.total == SNAPSHOT_TOTAL + 1
    assert not catalogue.registry.named("tiny_pos")[0].is_ready


def test_a_bad_line_of_a_list_is_reported_each_time_and_the_others_are_kept(
    open_catalogue: Callable[..., Catalogue], server: Server, hub_folder: HubFolder
) -> None:
    metadata = hub_folder.add(KEY).with_name("metadata.json")
    metadata.write_text(metadata.read_text(encoding="utf-8") + '{"name": "half", "la\n', encoding="utf-8")
    hub_folder.add(OTHER_KEY)
    catalogue = open_catalogue(hub=server.uri())
    results = [catalogue.update_metadata(REPOSITORY), catalogue.update_metadata(REPOSITORY)]

    assert set(results[0].changes.added) == {KEY, OTHER_KEY}
    assert [[(item.code, item.line) for item in result.diagnostics] for result in results] == [
        [("metadata-line", 2)]
    ] * 2


def test_a_dry_run_changes_nothing(open_catalogue: Callable[..., Catalogue], hub_folder: HubFolder) -> None:
    hub_folder.add(KEY)
    catalogue = open_catalogue(hub=hub_folder.uri)

    assert catalogue.update_metadata(REPOSITORY, is_dry_run=True).changes.added == (KEY,)
    assert not keys_named(catalogue, "tiny_pos")
    assert catalogue.update_metadata(REPOSITORY).changes.added == (KEY,)


def test_a_dry_run_without_news_changes_nothing_either(
    open_catalogue: Callable[..., Catalogue],
    home: Path,
    hub_folder: HubFolder,
    make_card: Callable[..., str],
    tmp_path: Path,
) -> None:
    hub_folder.add(KEY)
    archive = archive_of(tmp_path / "cards.zip", hat=make_card(key=OTHER_KEY))
    catalogue = open_catalogue(hub=hub_folder.uri)
    catalogue.update_metadata(REPOSITORY)
    catalogue.update_cards(archive)
    before = {path.name: path.read_bytes() for path in home.iterdir()}

    assert not catalogue.update_metadata(REPOSITORY, is_dry_run=True).is_news
    assert not catalogue.update_cards(archive, is_dry_run=True).is_news
    assert {path.name: path.read_bytes() for path in home.iterdir()} == before


def test_the_first_hub_that_has_the_repository_is_asked(
    open_catalogue: Callable[..., Catalogue], server: Server, hub_folder: HubFolder
) -> None:
    hub_folder.add(KEY)
    hubs = [server.uri("404"), server.uri("403"), server.uri()]

    assert open_catalogue(hub=hubs).update_metadata(REPOSITORY).source == server.uri(REPOSITORY, "metadata.json")


def test_a_repository_that_no_hub_has_is_not_found(
    open_catalogue: Callable[..., Catalogue], server: Server, hub_folder: HubFolder
) -> None:
    with pytest.raises(NotFoundError, match=r"none/models/metadata\.json"):
        open_catalogue(hub=[server.uri(), hub_folder.uri]).update_metadata("none/models")


def test_a_repository_that_no_hub_has_is_told_with_those_that_there_are(
    open_catalogue: Callable[..., Catalogue], server: Server
) -> None:
    with pytest.raises(NotFoundError) as caught:
        open_catalogue(hub=server.uri()).update_metadata("none/models")

    uri = server.uri("none/models/metadata.json")
    assert caught.value.message == f"The hub {server.uri()} has no repository none/models ({uri})."
    assert caught.value.hint == "Configured repositories: public/models."


def test_a_repository_is_the_same_with_slashes_around_it(
    open_catalogue: Callable[..., Catalogue], hub_folder: HubFolder
) -> None:
    hub_folder.add(KEY)
    catalogue = open_catalogue(hub=hub_folder.uri)
    catalogue.update_metadata("/public/models/")

    assert [(uri, repository) for _, uri, repository in catalogue.registry.lists()] == [
        (f"{hub_folder.uri}/public/models/metadata.json", REPOSITORY)
    ]
    assert not catalogue.update_metadata(REPOSITORY).is_news


@pytest.mark.parametrize("word", ["", " ", "/", "public/../secret", "public models"])
def test_what_can_be_no_repository_is_refused(open_catalogue: Callable[..., Catalogue], word: str) -> None:
    with pytest.raises(UsageError, match="is not a repository"):
        open_catalogue().update_metadata(word)


def test_a_login_page_in_place_of_a_list_is_refused_and_takes_nothing_away(
    open_catalogue: Callable[..., Catalogue], server: Server, hub_folder: HubFolder
) -> None:
    metadata = hub_folder.add(KEY).with_name("metadata.json")
    catalogue = open_catalogue(hub=server.uri())
    catalogue.update_metadata(REPOSITORY)
    metadata.write_text("<html>Please log in.</html>", encoding="utf-8")

    with pytest.raises(NetworkError, match="something else than a list"):
        catalogue.update_metadata(REPOSITORY)
    assert keys_named(catalogue, "tiny_pos") == [KEY]


@pytest.mark.parametrize("answer", ["", '{"error": "AccessDenied"}', '{"name": "half"}\n{"name": "a\\ud800"}'])
def test_an_answer_without_any_artifact_takes_nothing_away(
    open_catalogue: Callable[..., Catalogue], server: Server, hub_folder: HubFolder, answer: str
) -> None:
    metadata = hub_folder.add(KEY).with_name("metadata.json")
    catalogue = open_catalogue(hub=server.uri())
    catalogue.update_metadata(REPOSITORY)
    metadata.write_text(answer, encoding="utf-8")

    for _ in range(2):
        with pytest.raises(NetworkError, match="something else than a list"):
            catalogue.update_metadata(REPOSITORY)
    assert keys_named(catalogue, "tiny_pos") == [KEY]


def test_the_next_hub_is_asked_where_the_first_answers_nonsense(
    open_catalogue: Callable[..., Catalogue], server: Server, hub_folder: HubFolder, tmp_path: Path
) -> None:
    hub_folder.add(KEY)
    other = HubFolder(tmp_path / "other")
    other.add(KEY).with_name("metadata.json").write_text("{}", encoding="utf-8")

    assert open_catalogue(hub=[other.uri, server.uri()]).update_metadata(REPOSITORY).changes.added == (KEY,)


def test_what_cannot_be_stored_in_a_list_costs_only_itself(
    open_catalogue: Callable[..., Catalogue], hub_folder: HubFolder
) -> None:
    hub_folder.add(KEY, annotator="Half \ud800")
    hub_folder.add(OTHER_KEY)
    catalogue = open_catalogue(hub=hub_folder.uri)

    assert set(catalogue.update_metadata(REPOSITORY).changes.added) == {KEY, OTHER_KEY}
    assert catalogue.registry.named("tiny_pos")[0].annotator == "Half ?"


def test_the_list_of_the_hub_in_use_counts_whatever_other_hubs_say(
    open_catalogue: Callable[..., Catalogue], hub_folder: HubFolder, tmp_path: Path
) -> None:
    hub_folder.add(KEY, checksum="A" * 32)
    other = HubFolder(tmp_path / "other")
    other.add("tiny_pos_en_3.0.0_3.0_1657118162458")
    other.add(KEY, checksum="B" * 32, readyToUse=False)
    hubs = {"first": [hub_folder.uri], "other": [other.uri], "both": [other.uri, hub_folder.uri], "new": ["file:/new"]}
    for name in ("first", "other"):
        open_catalogue(hub=hubs[name]).update_metadata(REPOSITORY)

    seen = {}
    for name, uris in hubs.items():
        catalogue = open_catalogue(hub=uris)
        marked = catalogue.mark_listed(catalogue.registry.named("tiny_pos"))
        seen[name] = {
            artifact.key.lib_version: (artifact.is_listed, artifact.is_ready, artifact.checksum[:1], artifact.position)
            for artifact in marked
        }
    assert seen["first"] == {"4.0.0": (True, True, "A", 1), "3.0.0": (False, True, "", 0)}
    assert seen["other"] == {"4.0.0": (True, False, "B", 2), "3.0.0": (True, True, seen["other"]["3.0.0"][2], 1)}
    assert seen["both"] == seen["other"]
    assert seen["new"] == {"4.0.0": (True, True, "", 0), "3.0.0": (True, True, "", 0)}


def test_artifacts_come_in_the_order_of_the_list_in_use(
    open_catalogue: Callable[..., Catalogue], hub_folder: HubFolder, tmp_path: Path
) -> None:
    newer = "tiny_pos_en_4.2.0_3.0_1657118162458"
    other = HubFolder(tmp_path / "other")
    for hub, keys in ((hub_folder, (KEY, newer)), (other, (newer, KEY))):
        for key in keys:
            hub.add(key)
        open_catalogue(hub=hub.uri).update_metadata(REPOSITORY)

    catalogue = open_catalogue(hub=hub_folder.uri)
    marked = catalogue.mark_listed(catalogue.registry.named("tiny_pos"))

    assert [str(artifact.key) for artifact in marked] == [KEY, newer]


def test_offline_no_list_is_asked_for(open_catalogue: Callable[..., Catalogue], server: Server) -> None:
    with pytest.raises(OfflineError) as caught:
        open_catalogue(hub=server.uri(), offline=True).update_metadata(REPOSITORY)
    assert not server.requests
    assert "--offline" in caught.value.hint
    assert "MODELHUB_OFFLINE" in caught.value.hint


def test_offline_a_list_in_a_folder_is_read(open_catalogue: Callable[..., Catalogue], hub_folder: HubFolder) -> None:
    hub_folder.add(KEY)

    hubs = ["https://nowhere.example", hub_folder.uri]
    assert open_catalogue(hub=hubs, offline=True).update_metadata(REPOSITORY).changes.added == (KEY,)


def test_another_process_that_updates_for_too_long_is_said(
    open_catalogue: Callable[..., Catalogue], home: Path, hub_folder: HubFolder
) -> None:
    hub_folder.add(KEY)
    catalogue = open_catalogue(hub=hub_folder.uri, wait=0.1)

    with (
        exclusively(home / "registry.lock", "it", wait_s=0),
        pytest.raises(WaitTimeoutError, match="waiting for 0.1 s"),
    ):
        catalogue.update_metadata(REPOSITORY)


# Freshness


def test_nothing_is_written_into_what_another_version_built_meanwhile(
    open_catalogue: Callable[..., Catalogue], home: Path, hub_folder: HubFolder
) -> None:
    hub_folder.add(KEY)
    catalogue = open_catalogue(hub=hub_folder.uri)
    assert not keys_named(catalogue, "tiny_pos")
    with sqlite3.connect(home / "registry.sqlite") as connection:
        connection.execute("UPDATE meta SET value = 'of another version' WHERE name = 'stamp'")
    connection.close()
    before = (home / "registry.sqlite").read_bytes()

    with pytest.raises(StorageError, match="another version's by now") as caught:
        catalogue.update_metadata(REPOSITORY)

    assert caught.value.hint == "Run it again."
    assert (home / "registry.sqlite").read_bytes() == before
    assert catalogue.update_metadata(REPOSITORY).changes.added == (KEY,)


def test_a_list_is_asked_for_once_a_day(
    open_catalogue: Callable[..., Catalogue], server: Server, hub_folder: HubFolder, home: Path
) -> None:
    hub_folder.add(KEY)

    assert open_catalogue(hub=server.uri()).freshen([REPOSITORY])
    assert not open_catalogue(hub=server.uri()).freshen([REPOSITORY])
    assert len(server.requests) == 1

    make_older(home, days=0.9)
    assert not open_catalogue(hub=server.uri()).freshen([REPOSITORY])
    assert len(server.requests) == 1

    make_older(home, days=0.2)
    assert not open_catalogue(hub=server.uri()).freshen([REPOSITORY])
    assert not open_catalogue(hub=server.uri()).freshen([REPOSITORY])
    assert len(server.requests) == 2
    assert "If-None-Match" in server.requests[1].headers

    hub_folder.add(OTHER_KEY)
    make_older(home, days=2)
    latest = open_catalogue(hub=server.uri())
    assert latest.freshen([REPOSITORY])
    assert keys_named(latest, "tiny_ner") == [OTHER_KEY]


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("403", "is refused (HTTP 403)"),
        ("404", "has no repository public/models"),
        ("500", "The hub cannot be reached (answered HTTP 500"),
        ("400", "The hub cannot be reached (answered HTTP 400"),
        ("stall-at/9", "The hub cannot be reached (did not answer in time)"),
        ("drop-at/9", "The hub cannot be reached (broke off"),
    ],
)
def test_a_hub_that_fails_is_said_and_what_is_known_goes_on(
    open_catalogue: Callable[..., Catalogue],
    server: Server,
    hub_folder: HubFolder,
    notes: Notes,
    fault: str,
    words: str,
) -> None:
    hub_folder.add(KEY)
    catalogue = open_catalogue(hub=server.uri(fault))

    assert not catalogue.freshen([REPOSITORY])
    (note,) = notes
    assert words in note
    assert note.endswith("; going on with the catalogue of the package.")
    assert catalogue.registry.total() == SNAPSHOT_TOTAL
    assert len(server.requests) == 1


def test_a_hub_that_failed_is_not_asked_again_for_ten_minutes(
    open_catalogue: Callable[..., Catalogue], server: Server, hub_folder: HubFolder, home: Path, notes: Notes
) -> None:
    hub_folder.add(KEY)
    for _ in range(2):
        catalogue = open_catalogue(hub=server.uri("500"))
        assert not catalogue.freshen([REPOSITORY])
        assert not catalogue.freshen([REPOSITORY])
    assert len(server.requests) == 1
    assert len(notes) == 2
    assert notes[0] == notes[1]

    with sqlite3.connect(home / "registry.sqlite") as connection:
        connection.execute("UPDATE failures SET failed_s = failed_s - 601")
    connection.close()
    open_catalogue(hub=server.uri("500")).freshen([REPOSITORY])
    assert len(server.requests) == 2
    assert open_catalogue(hub=server.uri()).freshen([REPOSITORY])


def test_who_asks_for_an_update_does_not_care_for_failures_before(
    open_catalogue: Callable[..., Catalogue], server: Server, hub_folder: HubFolder
) -> None:
    metadata = hub_folder.add(KEY).with_name("metadata.json")
    metadata.rename(metadata.with_suffix(".away"))
    catalogue = open_catalogue(hub=server.uri())
    catalogue.freshen([REPOSITORY])
    metadata.with_suffix(".away").rename(metadata)

    assert catalogue.update_metadata(REPOSITORY).changes.added == (KEY,)
    assert not catalogue.freshen([REPOSITORY])


def test_a_home_that_cannot_be_written_is_a_reason_to_ask_nothing(
    server: Server, hub_folder: HubFolder, tmp_path: Path, notes: Notes
) -> None:
    hub_folder.add(KEY)
    (tmp_path / "occupied").write_text("a file where the folder should be", encoding="utf-8")
    config = load_config({"home": tmp_path / "occupied", "hub": server.uri()}, environ={})
    catalogue = Catalogue(config, notes.append)

    assert not catalogue.freshen([REPOSITORY])
    assert not catalogue.freshen([REPOSITORY])
    with pytest.raises(StorageError, match="nothing can be updated"):
        catalogue.update_metadata(REPOSITORY)
    assert not server.requests
    (note,) = (note for note in notes if "going on with" in note)
    assert note.startswith(f"{tmp_path / 'occupied'} cannot be written")
    catalogue.close()


def test_a_list_from_the_future_is_asked_for(
    open_catalogue: Callable[..., Catalogue], server: Server, hub_folder: HubFolder, home: Path
) -> None:
    hub_folder.add(KEY)
    open_catalogue(hub=server.uri()).freshen([REPOSITORY])
    make_older(home, days=-400)

    open_catalogue(hub=server.uri()).freshen([REPOSITORY])
    assert len(server.requests) == 2


def test_the_age_of_what_is_known_is_said(
    open_catalogue: Callable[..., Catalogue], server: Server, hub_folder: HubFolder, home: Path, notes: Notes
) -> None:
    metadata = hub_folder.add(KEY).with_name("metadata.json")
    catalogue = open_catalogue(hub=server.uri())
    catalogue.freshen([REPOSITORY])
    metadata.unlink()
    make_older(home, days=1.1)
    assert not catalogue.freshen([REPOSITORY])
    make_older(home, days=2)
    assert not catalogue.freshen([REPOSITORY])

    assert [note.rpartition("; ")[2] for note in notes] == [
        "going on with what is known (1 day old).",
        "going on with what is known (3 days old).",
    ]
    assert keys_named(catalogue, "tiny_pos") == [KEY]


def test_a_registry_that_cannot_be_locked_does_not_stop_what_only_wants_to_be_fresh(
    open_catalogue: Callable[..., Catalogue], hub_folder: HubFolder, home: Path, notes: Notes
) -> None:
    hub_folder.add(KEY)
    (home / "registry.lock").unlink(missing_ok=True)
    (home / "registry.lock").mkdir()

    assert not open_catalogue(hub=hub_folder.uri).freshen([REPOSITORY])
    assert "cannot be written" in notes


# Cards


def test_cards_are_read_again_only_if_they_changed(
    open_catalogue: Callable[..., Catalogue], make_card: Callable[..., str], tmp_path: Path
) -> None:
    cards = tmp_path / "cards"
    cards.mkdir()
    (cards / "a.md").write_text(make_card(key=KEY), encoding="utf-8")
    (cards / "b.md").write_text("no front matter\n", encoding="utf-8")
    catalogue = open_catalogue()
    first, second = catalogue.update_cards(cards), catalogue.update_cards(cards)

    assert (first.changes.added, second.changes.added) == ((KEY,), ())
    assert first.diagnostics == second.diagnostics != ()

    (cards / "a.md").write_text(make_card(key=KEY, title="Another title"), encoding="utf-8")
    assert catalogue.update_cards(cards, is_dry_run=True).changes.changed == (KEY,)
    assert catalogue.update_cards(cards).changes.changed == (KEY,)

    (cards / "a.md").unlink()
    assert catalogue.update_cards(cards).changes.removed == (KEY,)


def test_a_folder_without_cards_is_not_found(open_catalogue: Callable[..., Catalogue], tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()

    with pytest.raises(NotFoundError, match="holds no Markdown page"):
        open_catalogue().update_cards(tmp_path / "empty")


def test_what_does_not_exist_is_not_found(open_catalogue: Callable[..., Catalogue], tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="none does not exist"):
        open_catalogue().update_cards(tmp_path / "none")


def test_odd_names_and_characters_cost_only_themselves(
    open_catalogue: Callable[..., Catalogue], make_card: Callable[..., str], tmp_path: Path
) -> None:
    cards = tmp_path / os.fsdecode(b"cards\xff")
    cards.mkdir()
    (cards / os.fsdecode(b"\xff.md")).write_text(make_card(key=KEY), encoding="utf-8")
    (cards / "half.md").write_text(make_card(key=OTHER_KEY, title='"Half \\ud800"'), encoding="utf-8")
    catalogue = open_catalogue()

    assert set(catalogue.update_cards(cards).changes.added) == {KEY, OTHER_KEY}
    assert catalogue.registry.facts(catalogue.registry.named("tiny_ner")[0]).title == "Half ?"
    assert catalogue.update_cards(cards).changes.unchanged == SNAPSHOT_TOTAL + 2


def test_a_result_names_every_key(
    open_catalogue: Callable[..., Catalogue], make_card: Callable[..., str], tmp_path: Path
) -> None:
    (tmp_path / "a.md").write_text(make_card(key=KEY), encoding="utf-8")
    result = json.loads(json.dumps(open_catalogue().update_cards(tmp_path / "a.md").to_dict()))

    assert (result["added"], result["added_keys"]) == (1, [KEY])
    assert (result["changed"], result["changed_keys"], result["removed"], result["removed_keys"]) == (0, [], 0, [])
