from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hub_server import HubFolder, Server
from mending import FILES, KEY, METADATA, MIB, PART, WEIGHTS, Damage, Workshop, change, cut, publish, put_files, rot
from mending import sums_of as hadoop_sums
from model_files import files_of, make_model, pack
from serving import wait_for

from modelhub.errors import ArchiveError, IntegrityError, ModelHubError, NetworkError, OfflineError, UsageError
from modelhub.ranges import BLOCK_BYTES
from modelhub.repairing import Repaired

OTHER_KEY = "tiny_ner_de_4.0.0_3.0_1657118162458"
LOOK_BYTES = 2 * BLOCK_BYTES

# A repair that is killed just before its Nth step that changes something on the disk.
KILLED = """
import os, signal, sys
from pathlib import Path

steps = int(sys.argv[4])
WRITES = ("os.mkdir", "os.link", "os.rename", "os.remove", "os.rmdir", "shutil.rmtree", "ctypes.dlsym")

def count(event, args):
    global steps
    if event in WRITES or (event == "open" and sys.argv[1] in str(args[0]) and args[2] & (os.O_WRONLY | os.O_RDWR)):
        steps -= 1
        if steps == 0:
            os.kill(os.getpid(), signal.SIGKILL)

from modelhub.hub import Hub

with Hub(cache=sys.argv[1], hub=sys.argv[2]) as hub:
    hub.verify([sys.argv[3]])  # brings what is imported late
    sys.addaudithook(count)
    hub.repair([sys.argv[3]])
"""


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
    server.requests.clear()
    workshop.notes.clear()
    return path


@pytest.fixture
def half(workshop: Workshop, hub_folder: HubFolder) -> Path:
    """An entry whose unpacking was interrupted: one file is cut, one is not there yet."""
    publish(hub_folder)
    path = workshop.put({name: content for name, content in FILES.items() if name != METADATA})
    cut(path / WEIGHTS)
    return path


def repaired(workshop: Workshop, server: Server, *references: str | Path, **options: bool) -> Repaired:
    (outcome,) = workshop(hub=server.uri()).repair(references, **options)
    return outcome


def staged(workshop: Workshop) -> list[Path]:
    return list((workshop.cache / ".modelhub" / "staging").glob("*"))


def state_of(workshop: Workshop) -> str:
    (found,) = workshop(offline=True).verify([KEY], is_deep=True)
    return found.state


# What is bad is brought, and nothing else


@pytest.mark.parametrize("damage", [Path.unlink, cut, rot, change], ids=["missing", "cut", "rotten", "changed"])
@pytest.mark.parametrize("name", [WEIGHTS, PART, METADATA])
def test_what_is_bad_is_as_it_was_installed(
    workshop: Workshop, server: Server, pulled: Path, damage: Damage, name: str
) -> None:
    damage(pulled / name)

    outcome = repaired(workshop, server, KEY, is_deep=True)

    assert (outcome.error, outcome.mended, outcome.is_renewed) == (None, (name,), False)
    assert files_of(pulled) == FILES
    assert (outcome.verified.state, state_of(workshop)) == ("good", "good")
    assert staged(workshop) == []


def test_one_member_of_a_large_model_costs_little_more_than_itself(
    workshop: Workshop, server: Server, hub_folder: HubFolder
) -> None:
    chance = random.Random(3)
    files = FILES | {"a": chance.randbytes(9 * MIB), "b": chance.randbytes(2 * MIB), "c": chance.randbytes(8 * MIB)}
    publish(hub_folder, files)
    path = workshop(hub=server.uri()).pull(KEY).path
    server.requests.clear()
    (path / "b").unlink()

    outcome = repaired(workshop, server, KEY)

    assert files_of(path) == files
    wait_for(lambda: outcome.fetched_bytes == server.sent_bytes())  # the server counts what has gone out already
    assert outcome.fetched_bytes <= 2 * MIB + LOOK_BYTES + 1000


def test_what_is_right_stays_the_same_file(workshop: Workshop, server: Server, pulled: Path) -> None:
    before = {name: (pulled / name).stat() for name in FILES}
    rot(pulled / PART)

    repaired(workshop, server, KEY, is_deep=True)

    after = {name: (pulled / name).stat() for name in FILES}
    assert {name for name in FILES if after[name].st_ino != before[name].st_ino} == {PART}
    assert {name for name in FILES if after[name].st_mtime_ns != before[name].st_mtime_ns} == {PART}


def test_where_no_file_can_be_linked_it_is_copied(
    workshop: Workshop, server: Server, pulled: Path, tmp_path: Path
) -> None:
    shm = Path("/dev/shm")
    if not shm.is_dir() or shm.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("there is only one file system")
    elsewhere = shm / f"repair-{os.getpid()}"
    try:
        shutil.copytree(pulled, elsewhere)
        shutil.rmtree(pulled)
        pulled.symlink_to(elsewhere)
        (elsewhere / PART).unlink()

        repaired(workshop, server, KEY)

        assert files_of(pulled) == FILES
        assert not pulled.is_symlink()
        assert not (elsewhere / PART).exists()
    finally:
        shutil.rmtree(elsewhere)
    assert staged(workshop) == []


def test_a_second_repair_fetches_nothing(workshop: Workshop, server: Server, pulled: Path) -> None:
    (pulled / PART).unlink()
    repaired(workshop, server, KEY)
    server.requests.clear()

    outcome = repaired(workshop, server, KEY)

    assert (outcome.is_touched, outcome.fetched_bytes, server.requests) == (False, 0, [])


def test_the_record_of_the_installation_stays(workshop: Workshop, server: Server, pulled: Path) -> None:
    cache = workshop().cache
    key = cache.folders()[0][0]
    before = cache.manifest(key), cache.digest(key)
    (pulled / PART).unlink()

    repaired(workshop, server, KEY)

    assert (cache.manifest(key), cache.digest(key)) == before
    assert before[1]


def test_several_are_mended_at_once(workshop: Workshop, server: Server, hub_folder: HubFolder) -> None:
    keys = [f"tiny{number}_en_4.0.0_3.0_1657118162458" for number in range(5)]
    for key in keys:
        publish(hub_folder, key=key)
        (workshop.put(key=key) / METADATA).unlink()

    outcomes = workshop(hub=server.uri(), jobs=3).repair()

    assert [outcome.error for outcome in outcomes] == [None] * 5
    assert {outcome.verified.state for outcome in outcomes} == {"good"}
    assert all(files_of(workshop.cache / key) == FILES for key in keys)


# Entries of Spark NLP


def test_half_an_entry_of_spark_nlp_is_completed(workshop: Workshop, server: Server, half: Path) -> None:
    outcome = repaired(workshop, server)

    assert set(outcome.mended) == {WEIGHTS, METADATA}
    assert files_of(half) == FILES
    assert outcome.verified.has_manifest
    assert state_of(workshop) == "good"


def test_what_lay_there_and_was_right_is_not_brought(workshop: Workshop, server: Server, half: Path) -> None:
    put_files(half, {WEIGHTS: FILES[WEIGHTS]})

    outcome = repaired(workshop, server)

    assert outcome.mended == (METADATA,)
    assert outcome.fetched_bytes <= LOOK_BYTES + 1000


def test_sums_of_hadoop_stay_where_they_are_right(workshop: Workshop, server: Server, half: Path) -> None:
    right, stale = f"storage/.{Path(PART).name}.crc", f".{WEIGHTS}.crc"
    put_files(half, {right: hadoop_sums(FILES[PART]), stale: hadoop_sums(FILES[WEIGHTS][:-1]), ".DS_Store": b"mac"})

    outcome = repaired(workshop, server)

    assert outcome.error is None
    assert files_of(half) == FILES | {right: hadoop_sums(FILES[PART])}


def test_the_zip_that_lay_beside_is_gone(workshop: Workshop, server: Server, half: Path) -> None:
    (workshop.cache / f"{KEY}.zip").write_bytes(pack(FILES)[:-99])

    outcome = repaired(workshop, server, KEY)

    assert outcome.verified.state == "good"
    assert [path.name for path in workshop.cache.iterdir() if path.name != ".modelhub"] == [KEY]


def test_what_spark_nlp_may_be_unpacking_is_left_to_it(workshop: Workshop, server: Server, half: Path) -> None:
    before = files_of(half)
    (workshop.cache / f"{KEY}.zip").write_bytes(pack(FILES))

    outcome = repaired(workshop, server)
    for path in [half, *half.rglob("*")]:
        os.utime(path, (time.time() - 3600,) * 2)

    assert isinstance(outcome.error, IntegrityError)
    assert "another program may be unpacking it" in outcome.error.message
    assert files_of(half) == before
    assert repaired(workshop, server).verified.state == "good"


def test_a_zip_that_is_left_over_is_deleted_and_nothing_is_brought(
    workshop: Workshop, server: Server, hub_folder: HubFolder
) -> None:
    workshop.put()
    (workshop.cache / f"{KEY}.zip").write_bytes(pack(FILES))

    outcome = repaired(workshop, server)

    assert (outcome.verified.state, outcome.fetched_bytes, server.requests) == ("good", 0, [])
    assert not (workshop.cache / f"{KEY}.zip").exists()


# What somebody meant to change


@pytest.mark.parametrize("damage", [Path.unlink, cut, change], ids=["missing", "cut", "changed"])
def test_what_somebody_changed_is_mended_only_by_name(
    workshop: Workshop, server: Server, pulled: Path, damage: Damage
) -> None:
    damage(pulled / PART)
    before = files_of(pulled)

    outcome = repaired(workshop, server, is_deep=True, asks_hub=False)

    assert isinstance(outcome.error, IntegrityError)
    assert outcome.error.hint == f"If nobody meant to change it: modelhub verify --deep --repair {KEY}"
    assert (files_of(pulled), server.requests) == (before, [])


def test_what_rots_is_mended_without_a_name(workshop: Workshop, server: Server, pulled: Path) -> None:
    rot(pulled / PART)

    outcome = repaired(workshop, server, is_deep=True)

    assert (outcome.error, outcome.mended) == (None, (PART,))


def test_a_file_that_was_added_is_lost_only_by_name_and_nothing_is_brought(
    workshop: Workshop, server: Server, pulled: Path
) -> None:
    put_files(pulled, {"notes.txt": b"mine"})

    unnamed = repaired(workshop, server)
    (planned,) = workshop(offline=True).repair([KEY], is_dry_run=True)
    kept = files_of(pulled)
    (outcome,) = workshop(offline=True).repair([KEY])

    assert unnamed.error
    assert kept == FILES | {"notes.txt": b"mine"}
    assert planned.lost == outcome.lost == ("notes.txt",)
    assert (outcome.fetched_bytes, files_of(pulled), server.requests) == (0, FILES, [])


def test_a_file_that_was_added_to_half_an_entry_is_not_lost_silently(
    workshop: Workshop, server: Server, half: Path
) -> None:
    put_files(half, {"notes.txt": b"mine"})

    unnamed = repaired(workshop, server)
    outcome = repaired(workshop, server, KEY)

    assert isinstance(unnamed.error, IntegrityError)
    assert "would throw away what no hub can give back: notes.txt" in unnamed.error.message
    assert (outcome.lost, files_of(half)) == (("notes.txt",), FILES)


def test_what_is_foreign_is_never_touched(workshop: Workshop, server: Server) -> None:
    path = workshop.put({"notes.txt": b"mine"})

    outcome = repaired(workshop, server, KEY)

    assert outcome.error
    assert outcome.error.hint.endswith(f"modelhub rm {KEY}, then modelhub pull {KEY}")
    assert (files_of(path), server.requests) == ({"notes.txt": b"mine"}, [])


# What the hub has is another object


def test_an_object_that_was_replaced_is_not_mixed_with_what_was_installed(
    workshop: Workshop, server: Server, hub_folder: HubFolder, pulled: Path
) -> None:
    publish(hub_folder, make_model(MIB, seed=2))
    cut(pulled / PART)
    before = files_of(pulled)

    outcome = repaired(workshop, server, KEY)

    assert isinstance(outcome.error, IntegrityError)
    assert "is not the zip that was installed here before" in outcome.error.message
    assert files_of(pulled) == before
    assert staged(workshop) == []


def test_an_object_that_was_replaced_is_brought_whole_where_no_digest_forbids_it(
    workshop: Workshop, server: Server, hub_folder: HubFolder, pulled: Path
) -> None:
    other = make_model(MIB, seed=2)
    publish(hub_folder, other)
    (workshop.cache / ".modelhub" / "digests" / KEY).unlink()
    rot(pulled / PART)

    outcome = repaired(workshop, server, KEY, is_deep=True)

    assert (outcome.error, outcome.is_renewed, outcome.verified.state) == (None, True, "good")
    assert files_of(pulled) == other
    assert "was replaced since it was installed. It is brought whole." in workshop.notes[-1]
    assert outcome.fetched_bytes > MIB


def test_what_has_nothing_in_common_with_the_hub_is_brought_whole(
    workshop: Workshop, server: Server, hub_folder: HubFolder
) -> None:
    publish(hub_folder)
    path = workshop.put({"fields/a/part-00000": b"x"})

    outcome = repaired(workshop, server, KEY)

    assert (outcome.error, outcome.is_renewed) == (None, True)
    assert files_of(path) == FILES


def test_from_a_hub_without_ranges_all_is_brought(workshop: Workshop, server: Server, pulled: Path) -> None:
    cut(pulled / PART)

    (outcome,) = workshop(hub=server.uri("no-ranges")).repair([KEY])

    assert (outcome.error, outcome.is_renewed) == (None, True)
    assert files_of(pulled) == FILES


def test_half_an_entry_from_a_hub_without_ranges_is_brought_whole(
    workshop: Workshop, server: Server, half: Path
) -> None:
    (outcome,) = workshop(hub=server.uri("no-ranges")).repair([KEY])

    assert (outcome.error, outcome.is_renewed, files_of(half)) == (None, True, FILES)


def test_another_object_in_a_folder_is_brought_whole_too(
    workshop: Workshop, hub_folder: HubFolder, pulled: Path
) -> None:
    other = make_model(MIB, seed=2)
    publish(hub_folder, other)
    (workshop.cache / ".modelhub" / "digests" / KEY).unlink()
    cut(pulled / PART)

    (outcome,) = workshop(hub=hub_folder.uri, offline=True).repair([KEY])

    assert (outcome.error, outcome.is_renewed, files_of(pulled)) == (None, True, other)


def test_a_model_that_was_named_by_its_uri_is_mended_from_there(workshop: Workshop, tmp_path: Path) -> None:
    uri = tmp_path.joinpath("else", f"{KEY}.zip").as_uri()
    put_files(tmp_path / "else", {f"{KEY}.zip": pack(FILES)})
    settings = {"allow_hub": uri.rpartition("/")[0], "offline": True}
    path = workshop(**settings).pull(uri).path
    cut(path / PART)

    (refused,) = workshop(offline=True).repair([KEY])
    (outcome,) = workshop(**settings).repair([KEY])

    assert refused.error
    assert refused.error.code == "not_allowed"
    assert (outcome.error, outcome.mended, files_of(path)) == (None, (PART,), FILES)


@pytest.mark.parametrize("content", [b"<html>Log in</html>", pack(FILES)[:-30]])
def test_what_is_no_whole_zip_mends_nothing(
    workshop: Workshop, hub_folder: HubFolder, pulled: Path, content: bytes
) -> None:
    hub_folder.add(KEY, content)
    cut(pulled / PART)
    before = files_of(pulled)

    (outcome,) = workshop(hub=hub_folder.uri).repair([KEY])

    assert isinstance(outcome.error, IntegrityError)
    assert files_of(pulled) == before


def test_the_bounds_of_the_settings_hold_for_a_repair(workshop: Workshop, server: Server, pulled: Path) -> None:
    (pulled / WEIGHTS).unlink()
    (outcome,) = workshop(hub=server.uri(), max_unpacked=1000).repair([KEY])

    assert isinstance(outcome.error, ArchiveError)
    assert "MODELHUB_MAX_UNPACKED" in outcome.error.hint
    assert not (pulled / WEIGHTS).exists()
    assert repaired(workshop, server, KEY).mended == (WEIGHTS,)


def test_a_symbolic_link_in_an_entry_becomes_the_file(
    workshop: Workshop, server: Server, pulled: Path, tmp_path: Path
) -> None:
    (pulled / PART).rename(tmp_path / "part")
    (pulled / PART).symlink_to(tmp_path / "part")
    (pulled / METADATA).unlink()

    repaired(workshop, server, KEY)

    assert files_of(pulled) == FILES
    assert not any(path.is_symlink() for path in pulled.rglob("*"))


@pytest.mark.slow
def test_an_interrupt_ends_all_repairs_and_leaves_the_entries_as_they_were(
    workshop: Workshop, server: Server, hub_folder: HubFolder, start: Callable[..., subprocess.Popen[str]]
) -> None:
    for key in (KEY, OTHER_KEY):
        publish(hub_folder, key=key)
        cut(workshop.put(key=key) / WEIGHTS)
    before = files_of(workshop.cache)
    words = ["verify", "--deep", "--repair", "--cache", workshop.cache, "--hub", server.uri("nth", 5, "stall-at", 9)]
    with start(*words) as process:
        wait_for(lambda: sum("stall-at" in request.path for request in server.requests) >= 8)
        time.sleep(0.3)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=20)

    assert process.returncode == 130
    assert {name: content for name, content in files_of(workshop.cache).items() if name in before} == before


@pytest.mark.slow
def test_an_interrupt_ends_a_deep_look_though_a_hub_is_silent(
    workshop: Workshop, start: Callable[..., subprocess.Popen[str]], server: Server, hub_folder: HubFolder
) -> None:
    for key in (KEY, OTHER_KEY):
        publish(hub_folder, key=key)
        workshop.put(key=key)
    words = ["verify", "--deep", "--cache", workshop.cache, "--hub", server.uri("silent"), "--timeout", 20]
    with start(*words) as process:
        wait_for(lambda: len(server.requests) >= 2)
        interrupted_s = time.monotonic()
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=20)

    assert process.returncode == 130
    assert time.monotonic() - interrupted_s < 10


def test_who_interrupts_a_repair_of_several_can_pull_afterwards(
    workshop: Workshop, server: Server, hub_folder: HubFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub = workshop(hub=server.uri(), jobs=2)
    for key in (KEY, OTHER_KEY):
        publish(hub_folder, key=key)
        (hub.pull(key).path / WEIGHTS).unlink()

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(hub.cache, "mend", interrupt)
        hub.repair([KEY, OTHER_KEY])
    assert hub.repair([KEY, OTHER_KEY])[0].mended


def test_a_zip_that_holds_no_saved_model_mends_nothing(
    workshop: Workshop, server: Server, hub_folder: HubFolder, half: Path
) -> None:
    publish(hub_folder, {name: content for name, content in FILES.items() if name != METADATA})
    before = files_of(half)

    outcome = repaired(workshop, server, KEY)

    assert isinstance(outcome.error, IntegrityError)
    assert files_of(half) == before


# What goes wrong


def test_offline_nothing_can_be_brought(workshop: Workshop, server: Server, pulled: Path) -> None:
    cut(pulled / PART)

    (outcome,) = workshop(hub=server.uri(), offline=True).repair([KEY])

    assert isinstance(outcome.error, OfflineError)
    assert outcome.error.exit_status == 9
    assert server.requests == []


def test_a_hub_in_a_folder_mends_offline(workshop: Workshop, hub_folder: HubFolder, half: Path) -> None:
    (outcome,) = workshop(hub=hub_folder.uri, offline=True).repair()

    assert (outcome.error, outcome.fetched_bytes, files_of(half)) == (None, 0, FILES)


@pytest.mark.slow
def test_a_hub_that_breaks_off_leaves_the_entry_as_it_was(workshop: Workshop, server: Server, pulled: Path) -> None:
    cut(pulled / WEIGHTS)
    before = files_of(pulled)

    (outcome,) = workshop(hub=server.uri("gone-after", LOOK_BYTES + 1000), timeout=0.2).repair([KEY])

    assert isinstance(outcome.error, NetworkError)
    assert files_of(pulled) == before
    assert staged(workshop) == []


def test_where_the_first_hub_fails_the_next_one_mends(workshop: Workshop, server: Server, pulled: Path) -> None:
    cut(pulled / PART)

    (outcome,) = workshop(hub=[server.uri(404), server.uri()]).repair([KEY])

    assert (outcome.error, files_of(pulled)) == (None, FILES)


def test_a_member_that_is_damaged_in_the_hub_mends_nothing(
    workshop: Workshop, server: Server, hub_folder: HubFolder, pulled: Path
) -> None:
    content = bytearray(pack(FILES))
    content[content.find(FILES[PART][:100]) + 5] ^= 1
    (hub_folder.folder / "public/models" / f"{KEY}.zip").write_bytes(content)
    cut(pulled / PART)
    before = files_of(pulled)

    outcome = repaired(workshop, server, KEY)

    assert isinstance(outcome.error, IntegrityError)
    assert files_of(pulled) == before


def test_what_lies_in_a_read_only_cache_is_mended_there(workshop: Workshop, server: Server, tmp_path: Path) -> None:
    path = put_files(tmp_path / "shared" / KEY, {METADATA: b"half"})

    (outcome,) = workshop(hub=server.uri(), cache_readonly=[tmp_path / "shared"]).repair([KEY])
    elsewhere = repaired(workshop, server, put_files(tmp_path / "else", {METADATA: b"half"}))

    for error in (outcome.error, elsewhere.error):
        assert isinstance(error, UsageError)
    assert files_of(path) == {METADATA: b"half"}


def test_the_path_of_an_entry_names_it(workshop: Workshop, server: Server, pulled: Path) -> None:
    cut(pulled / PART)

    assert repaired(workshop, server, pulled).mended == (PART,)


def test_a_repair_waits_for_whoever_is_busy_with_the_entry(workshop: Workshop, server: Server, pulled: Path) -> None:
    cut(pulled / PART)
    holder = (
        "import sys; from pathlib import Path; from modelhub.exclusion import exclusively\n"
        "with exclusively(Path(sys.argv[1]), 'x', wait_s=1): print('held', flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", holder, str(workshop.cache / ".modelhub" / "waits" / f"{KEY}.lock")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout
        assert process.stdout.readline() == b"held\n"
        (outcome,) = workshop(hub=server.uri(), wait=0.1).repair([KEY])
        process.communicate()

    assert isinstance(outcome.error, ModelHubError)
    assert outcome.error.code == "wait_timeout"
    assert (pulled / PART).stat().st_size < len(FILES[PART])


# Plans


def test_a_plan_says_what_would_be_brought_and_changes_nothing(
    workshop: Workshop, server: Server, pulled: Path
) -> None:
    cut(pulled / PART)
    before = files_of(pulled)

    planned = repaired(workshop, server, KEY, is_dry_run=True)

    assert (planned.mended, planned.verified.state) == ((PART,), "altered")
    assert len(FILES[PART]) < planned.fetched_bytes < len(FILES[PART]) + 1000
    assert files_of(pulled) == before
    assert planned.to_dict()["repair"]["mended"] == [PART]


def test_a_plan_says_where_all_would_be_brought(
    workshop: Workshop, server: Server, hub_folder: HubFolder, pulled: Path
) -> None:
    content = publish(hub_folder, make_model(MIB, seed=2))
    cut(pulled / PART)
    workshop.put(key=OTHER_KEY)
    (workshop.cache / f"{OTHER_KEY}.zip").write_bytes(pack(FILES))

    planned = {
        plan.verified.label: plan for plan in workshop(hub=server.uri()).repair([KEY, OTHER_KEY], is_dry_run=True)
    }

    assert (planned[KEY].is_renewed, planned[KEY].fetched_bytes) == (True, len(content))
    assert (planned[OTHER_KEY].is_touched, planned[OTHER_KEY].fetched_bytes) == (True, 0)
    assert (workshop.cache / f"{OTHER_KEY}.zip").exists()


# Kills


def kill(workshop: Workshop, hub: HubFolder, steps: int, *, has_manifest: bool) -> bool:
    """Kill a repair before one of its steps; false where it has fewer."""
    shutil.rmtree(workshop.cache, ignore_errors=True)
    path = workshop(hub=hub.uri).pull(KEY).path if has_manifest else workshop.put()
    (path / METADATA).unlink()
    command = [sys.executable, "-c", KILLED, str(workshop.cache), hub.uri, KEY, str(steps)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode in (0, -signal.SIGKILL), done.stderr
    return done.returncode != 0


def check_old_or_new(workshop: Workshop, hub: HubFolder) -> str:
    """See that the entry is whole as it was or whole as it should be, and that the next repair mends it."""
    path = workshop.cache / KEY
    found = files_of(path)
    old = {name: content for name, content in FILES.items() if name != METADATA}
    assert found in (FILES, old)
    (outcome,) = workshop(hub=hub.uri).repair([KEY])
    assert (outcome.error, files_of(path)) == (None, FILES)
    assert outcome.verified.state == "good"
    return "new" if found == FILES else "old"


@pytest.mark.parametrize("steps", [5, 9])
def test_a_repair_that_is_killed_leaves_the_old_or_the_new(
    workshop: Workshop, hub_folder: HubFolder, unmeasured: None, steps: int
) -> None:
    publish(hub_folder)
    kill(workshop, hub_folder, steps, has_manifest=False)

    check_old_or_new(workshop, hub_folder)


@pytest.mark.slow
@pytest.mark.parametrize("has_manifest", [True, False])
def test_a_repair_may_be_killed_at_every_step(
    workshop: Workshop, hub_folder: HubFolder, unmeasured: None, has_manifest: bool
) -> None:
    publish(hub_folder)
    found, steps = [], 0
    is_killed = True
    while is_killed:
        steps += 1
        is_killed = kill(workshop, hub_folder, steps, has_manifest=has_manifest)
        found.append(check_old_or_new(workshop, hub_folder))

    assert found == sorted(found, reverse=True)
    assert found.count("old") > 5
    assert found.count("new") > 5
