from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock
from hub_server import HubFolder, Server

from modelhub.catalogue import Catalogue
from modelhub.config import load_config
from modelhub.documents import Source
from modelhub.errors import NetworkError, NotFoundError, OfflineError, StorageError, WaitTimeoutError
from modelhub.resolver import Runtime
from modelhub.searching import SearchQuery, search

REPOSITORY = "public/models"
KEY = "tiny_pos_en_4.0.0_3.0_1657118162458"
OTHER_KEY = "tiny_ner_de_4.2.0_3.0_1667118162458"
SNAPSHOT_TOTAL = 13_865


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
    assert f"Registry built: {SNAPSHOT_TOTAL:,} artifacts in " in built[0].err
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


def test_offline_no_list_is_asked_for(open_catalogue: Callable[..., Catalogue], server: Server) -> None:
    with pytest.raises(OfflineError):
        open_catalogue(hub=server.uri(), offline=True).update_metadata(REPOSITORY)
    assert not server.requests


def test_offline_a_list_in_a_folder_is_read(open_catalogue: Callable[..., Catalogue], hub_folder: HubFolder) -> None:
    hub_folder.add(KEY)

    assert open_catalogue(hub=hub_folder.uri, offline=True).update_metadata(REPOSITORY).changes.added == (KEY,)


def test_another_process_that_updates_for_too_long_is_said(
    open_catalogue: Callable[..., Catalogue], home: Path, hub_folder: HubFolder
) -> None:
    hub_folder.add(KEY)
    catalogue = open_catalogue(hub=hub_folder.uri, wait=0.1)

    with FileLock(home / "registry.lock"), pytest.raises(WaitTimeoutError, match="for 0.1 s"):
        catalogue.update_metadata(REPOSITORY)


# Freshness


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
        ("403", "HTTP 403"),
        ("404", "HTTP 404"),
        ("400", "HTTP 400"),
        ("stall-at/9", "in time"),
        ("drop-at/9", "broke off"),
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
    assert words in notes
    assert "Going on with what is known (never brought up to date)." in notes
    assert catalogue.registry.total() == SNAPSHOT_TOTAL


def test_the_age_of_what_is_known_is_said(
    open_catalogue: Callable[..., Catalogue], server: Server, hub_folder: HubFolder, home: Path, notes: Notes
) -> None:
    metadata = hub_folder.add(KEY).with_name("metadata.json")
    catalogue = open_catalogue(hub=server.uri())
    catalogue.freshen([REPOSITORY])
    metadata.unlink()
    make_older(home, days=3)

    assert not catalogue.freshen([REPOSITORY])
    assert "Going on with what is known (3 days old)." in notes
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

    for path in (tmp_path / "empty", tmp_path / "none"):
        with pytest.raises(NotFoundError):
            open_catalogue().update_cards(path)
