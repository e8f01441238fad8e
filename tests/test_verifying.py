from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hub_server import HubFolder, Server
from mending import FILES, KEY, METADATA, PART, WEIGHTS, Damage, Workshop, change, cut, publish, put_files, rot, sums_of
from model_files import make_model, pack

from modelhub.errors import NotFoundError
from modelhub.ranges import BLOCK_BYTES
from modelhub.verifying import Verified, key_of, places_of

OLDER_KEY = "tiny_pos_en_3.4.0_3.0_1647118162458"


@pytest.fixture
def workshop(home: Path, tmp_path: Path) -> Iterator[Workshop]:
    workshop = Workshop(tmp_path / "cache")
    yield workshop
    for hub in workshop.opened:
        hub.close()


@pytest.fixture
def pulled(workshop: Workshop, server: Server, hub_folder: HubFolder) -> Path:
    """An entry that we installed."""
    publish(hub_folder)
    path = workshop(hub=server.uri()).pull(KEY).path
    workshop.notes.clear()
    return path


@pytest.fixture
def unpacked(workshop: Workshop, hub_folder: HubFolder) -> Path:
    """An entry that Spark NLP installed."""
    publish(hub_folder)
    return workshop.put()


def verified(workshop: Workshop, *references: str | Path, is_deep: bool = True, **settings: object) -> Verified:
    (found,) = workshop(**settings).verify(references, is_deep=is_deep)
    return found


# What the hub has now


def test_a_deep_look_compares_with_the_hub(workshop: Workshop, server: Server, pulled: Path) -> None:
    found = verified(workshop, KEY, hub=server.uri())

    assert (found.state, found.hub, found.problems) == ("good", "same", ())
    assert verified(workshop, KEY, hub=server.uri(), is_deep=False).hub == ""


def test_only_the_ends_of_a_zip_are_asked_for(workshop: Workshop, server: Server, pulled: Path) -> None:
    server.requests.clear()

    verified(workshop, KEY, hub=server.uri())

    assert server.sent_bytes() <= 2 * BLOCK_BYTES


@pytest.mark.parametrize("other", [make_model(1 << 20, seed=2), FILES | {"weights": FILES["weights"][::-1]}])
def test_an_object_that_was_replaced_is_no_damage(
    workshop: Workshop, server: Server, hub_folder: HubFolder, pulled: Path, other: dict[str, bytes]
) -> None:
    publish(hub_folder, other)

    found = verified(workshop, KEY, hub=server.uri())

    assert (found.state, found.hub) == ("good", "replaced")


def test_an_object_that_is_gone_is_no_damage(
    workshop: Workshop, server: Server, hub_folder: HubFolder, pulled: Path
) -> None:
    (hub_folder.folder / "public/models" / f"{KEY}.zip").unlink()

    found = verified(workshop, KEY, hub=server.uri())

    assert (found.state, found.hub) == ("good", "gone")


def test_a_hub_that_refuses_is_worth_a_note(workshop: Workshop, server: Server, pulled: Path) -> None:
    found = verified(workshop, KEY, hub=server.uri(403))

    assert (found.state, found.hub) == ("good", "unknown")
    assert [note.startswith("What the hub has now was not compared: ") for note in workshop.notes] == [True]


@pytest.mark.parametrize("fault", ["login-page", "no-ranges"])
def test_what_cannot_be_read_in_parts_is_not_compared(
    workshop: Workshop, server: Server, pulled: Path, fault: str
) -> None:
    found = verified(workshop, KEY, hub=server.uri(fault))

    assert (found.state, found.hub, workshop.notes) == ("good", "unknown", [])


@pytest.mark.slow
def test_once_a_hub_cannot_be_reached_nobody_is_asked_any_more(workshop: Workshop, server: Server) -> None:
    keys = [f"m{number}_en_4.0.0_3.0_1657118162458" for number in range(12)]
    for key in keys:
        workshop.put(key=key)

    found = workshop(hub=server.uri("reset-at", 0), timeout=0.2).verify(is_deep=True)

    assert {entry.state for entry in found} == {"good"}
    assert len(workshop.notes) == 1
    assert len({request.path for request in server.requests}) <= 8


@pytest.mark.parametrize("is_offline", [True, False])
def test_nobody_is_asked_where_that_is_not_wanted(
    workshop: Workshop, server: Server, pulled: Path, is_offline: bool
) -> None:
    server.requests.clear()
    hub = workshop(hub=server.uri(), offline=is_offline)

    (found,) = hub.verify([KEY], is_deep=True, asks_hub=is_offline)

    assert (found.state, found.hub) == ("good", "")
    assert (server.requests, workshop.notes) == ([], [])


def test_a_hub_in_a_folder_is_compared_offline(workshop: Workshop, hub_folder: HubFolder, unpacked: Path) -> None:
    assert verified(workshop, KEY, hub=hub_folder.uri, offline=True).hub == "same"


# Entries without a manifest


@pytest.mark.parametrize(
    ("damage", "state", "problem"),
    [
        (Path.unlink, "partial", f"{WEIGHTS} is missing."),
        (cut, "partial", f"{WEIGHTS} is cut off."),
        (rot, "rotten", f"{WEIGHTS} has other content than in the hub."),
        (change, "altered", f"{WEIGHTS} has other content than in the hub."),
        (
            lambda path: path.write_bytes(b"x" * (1 << 20)),
            "altered",
            f"{WEIGHTS} has 1,048,576 bytes, in the hub 838,864.",
        ),
    ],
)
def test_what_spark_nlp_unpacked_is_compared_with_the_hub(
    workshop: Workshop, hub_folder: HubFolder, unpacked: Path, damage: Damage, state: str, problem: str
) -> None:
    damage(unpacked / WEIGHTS)

    shallow = verified(workshop, KEY, hub=hub_folder.uri, is_deep=False)
    deep = verified(workshop, KEY, hub=hub_folder.uri)

    assert shallow.state == "good"
    assert (deep.state, deep.problems, deep.hub) == (state, (problem,), "same")


def test_what_has_nothing_in_common_with_the_hub_is_another_object(
    workshop: Workshop, hub_folder: HubFolder, unpacked: Path
) -> None:
    publish(hub_folder, {METADATA: b'{"class": "a.B", "uid": "B_1", "paramMap": {}}', WEIGHTS: b"other"})

    assert (verified(workshop, KEY, hub=hub_folder.uri).hub) == "replaced"
    assert verified(workshop, KEY, hub=hub_folder.uri).state == "good"


@pytest.mark.parametrize(("damage", "state"), [(rot, "rotten"), (change, "altered"), (cut, "altered")])
def test_without_a_network_the_sums_of_hadoop_tell(workshop: Workshop, damage: Damage, state: str) -> None:
    path = workshop.put(FILES | {f".{WEIGHTS}.crc": sums_of(FILES[WEIGHTS])})
    good = verified(workshop, KEY, offline=True)
    damage(path / WEIGHTS)
    if damage is cut:
        change(path / WEIGHTS)

    found = verified(workshop, KEY, offline=True)

    assert good.state == "good"
    assert (found.state, found.problems) == (
        state,
        (f"{WEIGHTS} has other content than the sums say that lie beside it.",),
    )


# What belongs together


def test_what_a_newer_build_supersedes_is_marked(workshop: Workshop) -> None:
    workshop.put()
    workshop.put(key=OLDER_KEY)
    hub = workshop(offline=True)

    marks = {str(found.key): found.superseded_by and str(found.superseded_by) for found in hub.verify()}
    (older,) = hub.verify([OLDER_KEY])

    assert marks == {KEY: None, OLDER_KEY: KEY}
    assert older.to_dict()["superseded_by"] == KEY


def test_what_a_broken_build_would_supersede_is_not_marked(workshop: Workshop) -> None:
    cut(workshop.put(FILES | {f".{WEIGHTS}.crc": sums_of(FILES[WEIGHTS])}) / WEIGHTS)
    workshop.put(key=OLDER_KEY)
    hub = workshop(offline=True)

    assert [found.superseded_by is None for found in hub.verify(is_deep=True)] == [True, True]


def test_a_zip_that_is_left_over_is_no_damage(workshop: Workshop) -> None:
    workshop.put()
    (workshop.cache / f"{KEY}.zip").write_bytes(pack(FILES))

    found = verified(workshop, KEY, offline=True)

    assert (found.state, found.is_whole, found.is_good) == ("leftover", True, False)


# Folders elsewhere


@pytest.mark.parametrize("name", ["my model", KEY])
def test_a_folder_elsewhere_is_looked_at(workshop: Workshop, tmp_path: Path, name: str) -> None:
    path = put_files(tmp_path / "else" / name, FILES)
    found = verified(workshop, path, offline=True)

    assert (found.state, found.label) == ("good", str(path))
    assert found.to_dict() == {
        "key": KEY if name == KEY else "",
        "name": "tiny_pos" if name == KEY else "my model",
        "language": "en" if name == KEY else "",
        "path": str(path),
        "size_bytes": sum(map(len, FILES.values())),
        "state": "good",
        "problems": [],
        "installed_by": "other",
        "superseded_by": None,
        "hub": "",
    }


def test_a_broken_folder_elsewhere_is_not_ours_to_mend(workshop: Workshop, tmp_path: Path) -> None:
    path = put_files(tmp_path / KEY, {"fields/a/part-00000": b"x"})

    damage = verified(workshop, path).damage()

    assert damage.message.startswith(f"{path} is partial: There is no saved model in it")
    assert damage.hint == ""


def test_the_path_of_an_entry_means_the_entry(workshop: Workshop, server: Server, pulled: Path) -> None:
    (pulled / PART).unlink()

    found = verified(workshop, pulled, is_deep=False)

    assert (found.state, found.label, found.has_manifest) == ("altered", KEY, True)
    assert found.damage().hint.endswith(f"modelhub verify --repair {KEY}")


def test_a_folder_that_is_not_there_is_an_error(workshop: Workshop, tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="There is no folder"):
        workshop().verify([tmp_path / "none"])


def test_a_folder_alone_does_not_mean_all_entries(workshop: Workshop, tmp_path: Path) -> None:
    workshop.put()
    path = put_files(tmp_path / "else", FILES)

    assert [found.path for found in workshop(offline=True).verify([path])] == [path]
    assert [found.label for found in workshop(offline=True).verify([KEY, path])] == [KEY, str(path)]


# How far it is


def test_a_deep_look_tells_how_far_it_is(workshop: Workshop) -> None:
    size_bytes = sum(map(len, FILES.values()))
    workshop.put()
    verified(workshop, offline=True)
    last = workshop.moments[-1]
    workshop.put(key=OLDER_KEY)
    workshop(offline=True).verify(is_deep=True)

    assert (last.phase, last.subject, last.done_bytes, last.total_bytes) == ("verifying", KEY, size_bytes, size_bytes)
    assert (workshop.moments[-1].subject, workshop.moments[-1].total_bytes) == ("2 models", 2 * size_bytes)


# Words of a command


def test_paths_are_told_from_references(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "models" / "mine").mkdir(parents=True)
    words = ["ner_dl", "clinical/models/ner_jsl", "en", "./mine", "/srv/mine", "~/mine", "models/mine", "models"]

    references, paths = places_of(words)

    assert references == ["ner_dl", "clinical/models/ner_jsl", "en", "models"]
    assert paths == [tmp_path / "mine", Path("/srv/mine"), tmp_path / "mine", tmp_path / "models" / "mine"]


@pytest.mark.parametrize(("name", "is_key"), [(KEY, True), (f"{KEY}.zip", False), ("mine", False)])
def test_a_folder_may_bear_a_key(name: str, is_key: bool) -> None:
    assert (key_of(Path("/x", name)) is not None) == is_key
