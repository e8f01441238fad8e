from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest
from hub_server import make_zip

from modelhub.artifacts import ArtifactKey
from modelhub.cache import Cache, Entry, Manifest
from modelhub.errors import ArchiveError, IntegrityError, ModelHubError, StorageError, UsageError, WaitTimeoutError
from modelhub.objects import Member

KEY = ArtifactKey.parse("pos_tiny_en_4.0.0_3.0_1656000000000")
OTHER_KEY = ArtifactKey.parse("ner_tiny_de_4.0.0_3.0_1656000000000")
SAVED = json.dumps({"class": "a.b.Tagger", "uid": "T_1", "paramMap": {}}).encode()
FILES = {"metadata/part-00000": SAVED, "metadata/_SUCCESS": b"", "fields/POS Model/part-00000": b"weights"}

INSTALLER = """
import sys, time
from pathlib import Path
from modelhub.artifacts import ArtifactKey
from modelhub.cache import Cache, Manifest
from modelhub.objects import Member

root, key, ready, go = sys.argv[1:5]
filled = []

def fill(staging):
    filled.append(staging)
    (staging / "metadata").mkdir()
    time.sleep(0.2)
    part = Member(path="metadata/part-00000", size_bytes=23, crc32=0)
    (staging / part.path).write_text('{"class": "a.b.Tagger"}')
    return Manifest(key=key, s3_uri="s3://b/r/k.zip", sha256="5e", zip_bytes=1, files=(part,))

Path(ready).touch()
while not Path(go).exists():
    time.sleep(0.005)
path = Cache(Path(root), wait_s=30).install(ArtifactKey.parse(key), fill)
print(path, len(filled))
"""

HOLDER = """
import sys
from pathlib import Path
from modelhub.artifacts import ArtifactKey
from modelhub.cache import Cache

def fill(staging):
    print("held", flush=True)
    sys.stdin.read()
    raise SystemExit

Cache(Path(sys.argv[1])).install(ArtifactKey.parse(sys.argv[2]), fill)
"""

DYING = """
import os, sys
from pathlib import Path
from modelhub.artifacts import ArtifactKey
from modelhub.cache import Cache

def fill(staging):
    (staging / "metadata").mkdir()
    (staging / "metadata" / "part-00000").write_text("half")
    os._exit(9)

Cache(Path(sys.argv[1])).install(ArtifactKey.parse(sys.argv[2]), fill)
"""


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(tmp_path / "cache", wait_s=5)


def write_files(folder: Path, files: Mapping[str, bytes] = FILES) -> None:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def manifest(key: ArtifactKey = KEY, files: Mapping[str, bytes] = FILES, sha256: str = "5ec4e7") -> Manifest:
    members = [Member(path=name, size_bytes=len(content), crc32=zlib.crc32(content)) for name, content in files.items()]
    return Manifest(key=str(key), s3_uri=f"s3://b/r/{key}.zip", sha256=sha256, zip_bytes=99, files=tuple(members))


def filling(key: ArtifactKey = KEY, files: Mapping[str, bytes] = FILES) -> Callable[[Path], Manifest]:
    def fill(staging: Path) -> Manifest:
        write_files(staging, files)
        return manifest(key, files)

    return fill


def install(cache: Cache, key: ArtifactKey = KEY) -> Path:
    return cache.install(key, filling(key))


def only_entry(cache: Cache) -> Entry:
    (entry,) = cache.entries()
    return entry


def content_of(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def staged(cache: Cache) -> list[Path]:
    return list((cache.root / ".modelhub" / "staging").glob("*"))


@contextmanager
def holding(cache: Cache, key: ArtifactKey = KEY) -> Iterator[None]:
    """Another process that installs an entry and does not come to an end."""
    command = [sys.executable, "-c", HOLDER, str(cache.root), str(key)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout
        assert process.stdout.readline() == b"held\n"
        yield
        process.communicate()


# Installing


def test_an_installed_entry_is_the_folder_that_spark_nlp_looks_for(cache: Cache) -> None:
    path = install(cache)

    assert path == cache.root / str(KEY)
    assert content_of(path) == FILES


def test_beside_entries_there_is_only_what_is_ours(cache: Cache) -> None:
    install(cache)

    assert {path.name for path in cache.root.iterdir()} == {str(KEY), ".modelhub"}
    assert staged(cache) == []


def test_what_was_installed_is_recorded(cache: Cache) -> None:
    install(cache)

    assert cache.manifest(KEY) == manifest()
    assert cache.digest(KEY) == "5ec4e7"
    assert manifest().size_bytes == sum(map(len, FILES.values()))


def test_an_entry_is_not_there_while_it_is_filled(cache: Cache) -> None:
    seen = []

    def fill(staging: Path) -> Manifest:
        write_files(staging)
        seen.append((cache.find(KEY), cache.entries(), list(staging.parent.parent.glob("manifests/*"))))
        return manifest()

    cache.install(KEY, fill)

    assert seen == [(None, [], [])]


def test_an_entry_that_is_there_is_not_filled_again(cache: Cache) -> None:
    install(cache)

    def fill(staging: Path) -> Manifest:
        raise AssertionError("filled again")

    assert cache.install(KEY, fill) == cache.root / str(KEY)


@pytest.mark.parametrize("files_before", range(len(FILES) + 1))
@pytest.mark.parametrize(
    ("problem", "expected"),
    [
        (ArchiveError("broken"), ArchiveError),
        (IntegrityError("other digest"), IntegrityError),
        (OSError(28, "No space left on device"), StorageError),
        (RuntimeError("a bug"), RuntimeError),
        (KeyboardInterrupt(), KeyboardInterrupt),
        (SystemExit(143), SystemExit),
    ],
)
def test_a_failure_at_any_point_leaves_nothing(
    cache: Cache, files_before: int, problem: BaseException, expected: type[BaseException]
) -> None:
    def fill(staging: Path) -> Manifest:
        write_files(staging, dict(list(FILES.items())[:files_before]))
        raise problem

    with pytest.raises(expected):
        cache.install(KEY, fill)

    assert (cache.find(KEY), cache.entries(), staged(cache)) == (None, [], [])
    assert (cache.manifest(KEY), cache.digest(KEY)) == (None, "")


def test_after_a_failure_the_entry_can_be_installed(cache: Cache) -> None:
    def fill(staging: Path) -> Manifest:
        raise ArchiveError("broken")

    with pytest.raises(ArchiveError):
        cache.install(KEY, fill)

    assert content_of(install(cache)) == FILES


def test_a_process_that_dies_leaves_no_entry_and_holds_nobody_up(cache: Cache) -> None:
    died = subprocess.run([sys.executable, "-c", DYING, cache.root, str(KEY)], check=False)

    assert died.returncode == 9
    assert cache.find(KEY) is None
    assert content_of(install(cache)) == FILES


def test_an_entry_that_somebody_else_made_meanwhile_stays_theirs(cache: Cache) -> None:
    theirs = FILES | {"fields/POS Model/part-00000": b"WEIGHTS"}

    def fill(staging: Path) -> Manifest:
        write_files(staging)
        write_files(cache.root / str(KEY), theirs)
        return manifest()

    path = cache.install(KEY, fill)

    assert content_of(path) == theirs
    assert staged(cache) == []


def test_half_an_entry_that_somebody_else_made_meanwhile_is_not_passed_on(cache: Cache) -> None:
    half = {"metadata/part-00000": SAVED}

    def fill(staging: Path) -> Manifest:
        write_files(staging)
        write_files(cache.root / str(KEY), half)
        return manifest()

    with pytest.raises(IntegrityError, match="is not whole: another program is writing it") as caught:
        cache.install(KEY, fill)

    assert f"modelhub verify {KEY}" in caught.value.hint
    assert content_of(cache.root / str(KEY)) == half
    assert staged(cache) == []


def test_a_broken_entry_is_not_passed_on_where_it_is_not_to_be_replaced(cache: Cache) -> None:
    write_files(cache.root / str(KEY), {"fields/part-00000": b"half"})

    with pytest.raises(IntegrityError, match=r"is not whole.*metadata/part-\* is missing"):
        install(cache)


# Replacing what is broken


@pytest.mark.parametrize("leftover", [f"{KEY}.zip", f".{KEY}.zip.crc"])
def test_what_an_interrupted_unpack_left_is_replaced(cache: Cache, leftover: str) -> None:
    write_files(cache.root / str(KEY), {"fields/part-00000": b"half"})
    (cache.root / leftover).touch()

    path = cache.install(KEY, filling(), is_replacing=True)

    assert content_of(path) == FILES
    assert {path.name for path in cache.root.iterdir()} == {str(KEY), ".modelhub"}
    assert staged(cache) == []
    assert only_entry(cache).is_good


def test_an_altered_entry_is_replaced(cache: Cache) -> None:
    (install(cache) / "fields/POS Model/part-00000").unlink()

    assert content_of(cache.install(KEY, filling(), is_replacing=True)) == FILES


def test_a_good_entry_is_not_replaced(cache: Cache) -> None:
    install(cache)

    def fill(staging: Path) -> Manifest:
        raise AssertionError("filled again")

    assert cache.install(KEY, fill, is_replacing=True) == cache.root / str(KEY)


def test_a_broken_link_target_is_replaced_without_touching_it(cache: Cache, tmp_path: Path) -> None:
    write_files(tmp_path / "elsewhere", {"half": b"half"})
    cache.root.mkdir()
    (cache.root / str(KEY)).symlink_to(tmp_path / "elsewhere")

    path = cache.install(KEY, filling(), is_replacing=True)

    assert not path.is_symlink()
    assert content_of(path) == FILES
    assert content_of(tmp_path / "elsewhere") == {"half": b"half"}


@pytest.mark.parametrize("problem", [ArchiveError("broken"), KeyboardInterrupt()])
def test_a_failure_to_replace_leaves_what_was_there(cache: Cache, problem: BaseException) -> None:
    half = {"fields/part-00000": b"half"}
    write_files(cache.root / str(KEY), half)

    def fill(staging: Path) -> Manifest:
        write_files(staging)
        raise problem

    with pytest.raises(type(problem)):
        cache.install(KEY, fill, is_replacing=True)

    assert content_of(cache.root / str(KEY)) == half
    assert staged(cache) == []


def test_a_swap_that_fails_puts_back_what_was_there(cache: Cache) -> None:
    half = {"fields/part-00000": b"half"}
    write_files(cache.root / str(KEY), half)

    def fill(staging: Path) -> Manifest:
        staging.rmdir()  # so that the rename of the new folder fails after that of the old one
        return manifest()

    with pytest.raises(StorageError):
        cache.install(KEY, fill, is_replacing=True)

    assert content_of(cache.root / str(KEY)) == half


def test_a_zip_that_lies_beside_is_gone_after_an_install(cache: Cache) -> None:
    cache.root.mkdir()
    (cache.root / f"{KEY}.zip").touch()

    install(cache)

    assert only_entry(cache).is_good


# What killed processes leave, and waiting


def test_what_a_killed_process_left_in_staging_is_swept(cache: Cache) -> None:
    subprocess.run([sys.executable, "-c", DYING, cache.root, str(KEY)], check=False)
    left = staged(cache)

    install(cache, OTHER_KEY)
    kept = staged(cache)
    install(cache)

    assert len(left) == 1
    assert kept == left
    assert staged(cache) == []


def test_staging_of_this_very_process_id_is_swept_and_that_of_another_living_one_is_not(cache: Cache) -> None:
    staging = cache.root / ".modelhub" / "staging"
    own, parents, foreign = (staging / f"{KEY}.{rest}" for rest in (f"{os.getpid()}.0a1b2c3d", "1.0a1b2c3d", "notes"))
    for folder in (own, parents, foreign):
        folder.mkdir(parents=True)

    install(cache)

    assert sorted(staged(cache)) == sorted([parents, foreign])


def test_a_wait_is_told_once_when_it_begins(cache: Cache) -> None:
    told: list[str] = []
    impatient = Cache(cache.root, wait_s=0.1, on_wait=told.append)

    with holding(cache), pytest.raises(WaitTimeoutError):
        install(impatient)
    install(impatient)

    assert len(told) == 1
    assert re.fullmatch(rf"Waiting for process \d+ on .+, busy with {KEY}; at most 0.1 s\.", told[0])


def test_a_progress_bar_whose_reader_went_away_is_no_failure_of_the_disk(cache: Cache) -> None:
    def fill(staging: Path) -> Manifest:
        raise BrokenPipeError(32, "Broken pipe")

    with pytest.raises(BrokenPipeError):
        cache.install(KEY, fill)


def test_the_digest_of_the_first_install_is_kept(cache: Cache) -> None:
    install(cache)
    cache.remove(only_entry(cache))

    def fill(staging: Path) -> Manifest:
        write_files(staging)
        return manifest(sha256="07e4")

    cache.install(KEY, fill)

    assert cache.digest(KEY) == "5ec4e7"


def test_a_file_in_the_place_of_an_entry_is_an_error_and_stays(cache: Cache) -> None:
    cache.root.mkdir()
    (cache.root / str(KEY)).write_bytes(b"mine")

    with pytest.raises(StorageError):
        install(cache)

    assert (cache.root / str(KEY)).read_bytes() == b"mine"
    assert staged(cache) == []


def test_a_full_disk_has_its_own_advice(cache: Cache) -> None:
    def fill(staging: Path) -> Manifest:
        raise OSError(28, "No space left on device", str(staging))

    with pytest.raises(StorageError, match="No space left on device") as caught:
        cache.install(KEY, fill)

    assert "modelhub prune" in caught.value.hint


def test_a_root_that_cannot_be_made_is_an_error_of_storage(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(StorageError, match="cannot be written") as caught:
        install(Cache(tmp_path / "file" / "cache"))

    assert caught.value.exit_status == 10
    assert "MODELHUB_CACHE" in caught.value.hint


def test_two_processes_make_one_entry_and_both_get_its_path(cache: Cache, tmp_path: Path) -> None:
    go, ready = tmp_path / "go", [tmp_path / "ready-1", tmp_path / "ready-2"]
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", INSTALLER, cache.root, str(KEY), flag, go], stdout=subprocess.PIPE, text=True
        )
        for flag in ready
    ]
    while not all(flag.exists() for flag in ready):
        assert all(process.poll() is None for process in processes)
    go.touch()

    answers = sorted(process.communicate(timeout=30)[0].split() for process in processes)

    assert answers == [[str(cache.root / str(KEY)), "0"], [str(cache.root / str(KEY)), "1"]]
    assert only_entry(cache).key == KEY
    assert staged(cache) == []


def test_waiting_for_another_process_comes_to_an_end(cache: Cache) -> None:
    impatient = Cache(cache.root, wait_s=0.1)

    with holding(cache):
        with pytest.raises(WaitTimeoutError, match=f"waiting for 0.1 s: it is busy with {KEY}") as caught:
            install(impatient)
        install(impatient, OTHER_KEY)

    assert caught.value.exit_status == 10
    assert "MODELHUB_WAIT" in caught.value.hint
    assert impatient.find(OTHER_KEY)
    assert impatient.find(KEY) is None


# Finding and listing


def test_nothing_is_found_where_nothing_is(cache: Cache) -> None:
    assert cache.find(KEY) is None
    assert cache.entries() == []
    assert not cache.root.exists()


def test_a_key_that_is_too_long_for_a_folder_is_not_found_and_cannot_be_installed(cache: Cache) -> None:
    key = ArtifactKey.parse(f"{'x' * 300}_{KEY}")

    with pytest.raises(StorageError, match="File name too long"):
        install(cache, key)

    assert cache.find(key) is None


def test_entries_are_listed_with_their_size_by_name(cache: Cache) -> None:
    install(cache)
    install(cache, OTHER_KEY)

    entries = cache.entries()

    assert [entry.key for entry in entries] == [OTHER_KEY, KEY]
    assert {entry.size_bytes for entry in entries} == {sum(map(len, FILES.values()))}
    assert {entry.state for entry in entries} == {"good"}


def test_entries_are_listed_with_their_state(cache: Cache) -> None:
    install(cache)
    write_files(cache.root / str(OTHER_KEY), {"fields/part-00000": b"half"})

    assert [entry.state for entry in cache.entries()] == ["partial", "good"]


def test_the_state_of_one_entry_is_asked_for_by_its_key(cache: Cache) -> None:
    path = install(cache)
    good = cache.state_of(KEY)
    (path / "metadata/part-00000").unlink()
    bad = cache.state_of(KEY)

    assert cache.state_of(OTHER_KEY) is None
    assert good is not None
    assert (good.path, good.is_good, good.size_bytes) == (path, True, sum(map(len, FILES.values())))
    assert bad is not None
    assert (bad.is_good, bad.state) == (False, "altered")


def test_what_spark_nlp_wrote_is_an_entry_too(cache: Cache) -> None:
    write_files(cache.root / str(KEY))

    entry = only_entry(cache)

    assert not entry.has_manifest
    assert entry.to_dict() == {
        "key": str(KEY),
        "name": "pos_tiny",
        "language": "en",
        "path": str(cache.root / str(KEY)),
        "size_bytes": sum(map(len, FILES.values())),
        "state": "good",
        "problems": [],
        "installed_by": "other",
    }


def test_our_entries_say_so(cache: Cache) -> None:
    install(cache)

    assert only_entry(cache).to_dict()["installed_by"] == "modelhub"


def test_folders_that_bear_no_key_and_files_are_no_entries(cache: Cache) -> None:
    install(cache)
    (cache.root / "my_own_model").mkdir()
    (cache.root / f"{OTHER_KEY}.zip").mkdir()
    (cache.root / str(OTHER_KEY)).touch()
    (cache.root / f"{OTHER_KEY}1").symlink_to(f"{OTHER_KEY}1")

    assert [entry.key for entry in cache.entries()] == [KEY]


def test_read_only_caches_are_looked_up_and_never_written(tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    write_files(shared / str(KEY))
    before = sorted(shared.rglob("*"))
    cache = Cache(tmp_path / "cache", readonly=[tmp_path / "missing", shared])

    entry = only_entry(cache)
    verified = cache.verify(entry)
    with pytest.raises(UsageError, match="read-only cache"):
        cache.remove(entry)
    install(cache, OTHER_KEY)

    assert cache.find(KEY) == shared / str(KEY)
    assert verified.state == "good"
    assert not entry.has_manifest
    assert sorted(shared.rglob("*")) == before


def test_the_own_cache_comes_before_a_read_only_one(tmp_path: Path) -> None:
    write_files(tmp_path / "shared" / str(KEY))
    cache = Cache(tmp_path / "cache", readonly=[tmp_path / "shared"])
    install(cache)

    assert cache.find(KEY) == cache.root / str(KEY)
    assert cache.folders() == [(KEY, cache.root / str(KEY))]
    assert [entry.has_manifest for entry in cache.entries()] == [True, False]
    assert [cache.is_writable(entry) for entry in cache.entries()] == [True, False]


# Verifying


def test_a_whole_entry_is_good(cache: Cache) -> None:
    install(cache)

    for is_deep in (False, True):
        verified = cache.verify(only_entry(cache), is_deep=is_deep)
        assert (verified.state, verified.problems, verified.has_manifest) == ("good", (), True)


@pytest.mark.parametrize(
    ("damage", "problem"),
    [
        (lambda path: path.unlink(), "fields/POS Model/part-00000 is missing."),
        (lambda path: path.write_bytes(b"weigh"), "fields/POS Model/part-00000 has 5 bytes, not 7."),
    ],
)
def test_a_file_that_is_missing_or_cut_makes_an_entry_altered(
    cache: Cache, damage: Callable[[Path], object], problem: str
) -> None:
    damage(install(cache) / "fields/POS Model/part-00000")

    verified = cache.verify(only_entry(cache))

    assert (verified.state, verified.problems) == ("altered", (problem,))


def test_a_file_that_was_added_makes_an_entry_altered(cache: Cache) -> None:
    write_files(install(cache), {"fields/extra": b"x", ".fields.crc": b"x", "notes.crc": b"x"})

    verified = cache.verify(only_entry(cache))

    assert verified.state == "altered"
    assert verified.problems == (".fields.crc was added.", "fields/extra was added.", "notes.crc was added.")


def test_check_sums_of_hadoop_and_notes_of_the_finder_are_no_additions(cache: Cache) -> None:
    write_files(install(cache), {"metadata/.part-00000.crc": b"x", "metadata/._SUCCESS.crc": b"", ".DS_Store": b"x"})

    assert cache.verify(only_entry(cache)).is_good


def test_a_file_in_place_of_a_folder_is_a_missing_file(cache: Cache) -> None:
    path = install(cache)
    (path / "fields/POS Model/part-00000").unlink()
    (path / "fields/POS Model").rmdir()
    (path / "fields/POS Model").touch()

    verified = cache.verify(only_entry(cache))

    assert verified.state == "altered"
    assert "fields/POS Model/part-00000 cannot be read" in verified.problems[0]


def test_other_content_of_the_same_size_is_seen_by_a_deep_look_only(cache: Cache) -> None:
    (install(cache) / "fields/POS Model/part-00000").write_bytes(b"Weights")

    shallow = cache.verify(only_entry(cache))
    deep = cache.verify(only_entry(cache), is_deep=True)

    assert shallow.state == "good"
    assert (deep.state, deep.problems) == (
        "altered",
        ("fields/POS Model/part-00000 has other content than was installed.",),
    )


def test_half_an_entry_of_spark_nlp_is_partial(cache: Cache) -> None:
    write_files(cache.root / str(KEY), {"fields/part-00000": b"half"})

    verified = cache.verify(only_entry(cache))

    assert verified.state == "partial"
    assert "metadata/part-* is missing" in verified.problems[0]


@pytest.mark.parametrize(
    ("packed", "state", "problems"),
    [
        (FILES, "leftover", []),
        (FILES | {"weights": b"w"}, "partial", ["weights is missing."]),
        (FILES | {"metadata/part-00000": SAVED + b"x"}, "partial", ["metadata/part-00000 is cut off."]),
        (None, "partial", ["That zip is broken, so nobody can tell what is missing."]),
    ],
)
def test_a_zip_left_beside_an_entry_tells_what_is_missing(
    cache: Cache, packed: dict[str, bytes] | None, state: str, problems: list[str]
) -> None:
    write_files(cache.root / str(KEY))
    (cache.root / f"{KEY}.zip").write_bytes(b"PK" if packed is None else make_zip(packed))

    verified = cache.verify(only_entry(cache))

    assert (verified.state, verified.problems) == (
        state,
        (f"{KEY}.zip beside it is left from an interrupted unpack.", *problems),
    )
    assert verified.is_whole == (state == "leftover")


def test_sums_of_a_zip_that_is_gone_are_left_over(cache: Cache) -> None:
    write_files(cache.root / str(KEY))
    (cache.root / f".{KEY}.zip.crc").touch()

    assert cache.verify(only_entry(cache)).state == "leftover"


def test_what_holds_no_saved_model_is_foreign(cache: Cache) -> None:
    write_files(cache.root / str(KEY), {"notes.txt": b"mine"})

    assert only_entry(cache).state == "foreign"


@pytest.mark.parametrize(("seconds", "state"), [(-60, "rotten"), (60, "altered")])
def test_a_file_that_nobody_has_written_to_is_rotten(cache: Cache, seconds: int, state: str) -> None:
    weights = install(cache) / "fields/POS Model/part-00000"
    installed_ns = weights.stat().st_mtime_ns
    weights.write_bytes(b"Weights")
    os.utime(weights, ns=(installed_ns, installed_ns + seconds * 10**9))

    assert cache.verify(only_entry(cache), is_deep=True).state == state


def test_a_folder_in_place_of_a_file_is_told(cache: Cache) -> None:
    weights = install(cache) / "fields/POS Model/part-00000"
    weights.unlink()
    weights.mkdir()

    assert only_entry(cache).problems == ("fields/POS Model/part-00000 is no file.",)


@pytest.mark.skipif(not Path("/proc/self/mem").exists(), reason="there is no file here that a disk fails to read")
def test_a_file_that_the_disk_does_not_give_is_rotten(cache: Cache) -> None:
    success = install(cache) / "metadata/_SUCCESS"
    success.unlink()
    success.symlink_to("/proc/self/mem")

    verified = cache.verify(only_entry(cache), is_deep=True)

    assert verified.state == "rotten"
    assert verified.problems == ("metadata/_SUCCESS cannot be read: Input/output error.",)


def test_a_manifest_that_does_not_say_when_was_written_right_afterwards(cache: Cache) -> None:
    weights = install(cache) / "fields/POS Model/part-00000"
    path = cache.root / ".modelhub" / "manifests" / f"{KEY}.json"
    document = json.loads(path.read_text(encoding="utf-8"))
    del document["installed_ns"]
    path.write_text(json.dumps(document), encoding="utf-8")
    weights.write_bytes(b"Weights")
    os.utime(weights, (1, 1))

    assert cache.verify(only_entry(cache), is_deep=True).state == "rotten"
    os.utime(weights, (1, weights.stat().st_mtime + 2 * 10**9))
    assert cache.verify(only_entry(cache), is_deep=True).state == "altered"


@pytest.mark.parametrize("text", ["", "not json", "[]", "{}", '{"key": 1, "files": [1]}'])
def test_a_manifest_that_cannot_be_read_counts_as_none(cache: Cache, text: str) -> None:
    install(cache)
    (cache.root / ".modelhub" / "manifests" / f"{KEY}.json").write_text(text, encoding="utf-8")

    assert cache.manifest(KEY) is None
    assert cache.verify(only_entry(cache)).state == "good"


def test_a_digest_that_cannot_be_read_counts_as_none(cache: Cache) -> None:
    install(cache)
    (cache.root / ".modelhub" / "digests" / str(KEY)).write_bytes(b"\xff")

    assert cache.digest(KEY) == ""


# Removing


def test_removing_takes_entry_manifest_and_leftovers_and_keeps_the_digest(cache: Cache) -> None:
    install(cache)
    install(cache, OTHER_KEY)
    for leftover in (f"{KEY}.zip", f".{KEY}.zip.crc"):
        (cache.root / leftover).touch()

    cache.remove(next(entry for entry in cache.entries() if entry.key == KEY))

    assert {path.name for path in cache.root.iterdir()} == {str(OTHER_KEY), ".modelhub"}
    assert (cache.manifest(KEY), cache.digest(KEY)) == (None, "5ec4e7")
    assert staged(cache) == []


def test_what_spark_nlp_wrote_can_be_removed(cache: Cache) -> None:
    write_files(cache.root / str(KEY))

    cache.remove(only_entry(cache))

    assert cache.entries() == []


def test_removing_a_link_leaves_what_it_leads_to(cache: Cache, tmp_path: Path) -> None:
    write_files(tmp_path / "elsewhere")
    cache.root.mkdir()
    (cache.root / str(KEY)).symlink_to(tmp_path / "elsewhere")

    cache.remove(only_entry(cache))

    assert cache.entries() == []
    assert content_of(tmp_path / "elsewhere") == FILES
    assert staged(cache) == []


def test_removing_waits_for_whoever_is_busy_with_the_entry(cache: Cache) -> None:
    with holding(cache):
        write_files(cache.root / str(KEY))
        with pytest.raises(WaitTimeoutError):
            Cache(cache.root, wait_s=0.1).remove(only_entry(cache))

    assert cache.find(KEY)


def test_removing_what_is_gone_already_is_an_error_of_storage(cache: Cache) -> None:
    install(cache)
    entry = only_entry(cache)
    cache.remove(entry)

    with pytest.raises(ModelHubError):
        cache.remove(entry)


def put_leftovers(cache: Cache, key: ArtifactKey = KEY) -> list[Path]:
    """An interrupted download, staging of a process that is gone, and a zip of Spark NLP."""
    staging = cache.root / ".modelhub" / "staging" / f"{key}.999999999.0a1b2c3d" / "half"
    part = cache.part_path(key)
    files = [part, part.with_suffix(".journal"), staging, cache.root / f"{key}.zip"]
    for file in files:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(b"left")
    return files


def test_removing_takes_leftovers_and_the_record_of_use(cache: Cache) -> None:
    install(cache)
    cache.note_use(KEY)
    put_leftovers(cache)
    others = put_leftovers(cache, OTHER_KEY)

    cache.remove(only_entry(cache))

    dull = [cache.root / ".modelhub" / "waits", cache.root / ".modelhub" / "digests"]
    left = {path for path in cache.root.rglob("*") if path.is_file() and path.parent not in dull}
    assert left == set(others)


def test_leftovers_are_found_and_removed_and_the_entry_stays(cache: Cache) -> None:
    install(cache)
    put_leftovers(cache)
    put_leftovers(cache, OTHER_KEY)
    held, left = cache.held_keys(), len(cache.leftovers(KEY))

    cache.remove_leftovers(KEY)
    cache.remove_leftovers(OTHER_KEY)

    assert (held, left) == ([OTHER_KEY, KEY], 4)
    assert (cache.held_keys(), cache.leftovers(KEY)) == ([KEY], [])
    assert only_entry(cache).is_good


def test_what_a_check_refuses_stays(cache: Cache) -> None:
    install(cache)
    put_leftovers(cache)

    def refuse() -> None:
        raise RuntimeError("not any more")

    for remove in (
        lambda: cache.remove(only_entry(cache), check=refuse),
        lambda: cache.remove_leftovers(KEY, check=refuse),
    ):
        with pytest.raises(RuntimeError):
            remove()
    assert len(cache.leftovers(KEY)) == 4
    assert cache.find(KEY)


def test_a_key_is_busy_while_somebody_is_at_work_on_it(cache: Cache) -> None:
    before = cache.is_busy(KEY)
    with holding(cache):
        during = (cache.is_busy(KEY), cache.is_busy(OTHER_KEY))

    assert (before, during, cache.is_busy(KEY)) == (False, (True, False), False)


def test_whether_a_key_is_busy_is_no_failure_where_nobody_can_tell(cache: Cache) -> None:
    (cache.root / ".modelhub" / "waits" / f"{KEY}.lock").mkdir(parents=True)

    assert not cache.is_busy(KEY)


def test_an_entry_was_last_used_when_its_path_was_handed_out(cache: Cache) -> None:
    path = install(cache)
    records = [*path.rglob("*"), path, cache.root / ".modelhub" / "manifests" / f"{KEY}.json"]
    for record in records:
        os.utime(record, (1_600_000_000, 1_600_000_000))
    before = cache.last_use_s(only_entry(cache))
    cache.note_use(KEY)
    cache.note_use(OTHER_KEY)

    assert before == 1_600_000_000 < cache.last_use_s(only_entry(cache))
    assert [path.name for path in (cache.root / ".modelhub" / "uses").iterdir()] == [str(KEY)]


DYING_AT_THE_END = """
import os, sys
from pathlib import Path
import modelhub.cache
from modelhub.artifacts import ArtifactKey
from modelhub.flushing import flush

def die(paths):
    if (root / str(key)).exists():
        os._exit(9)
    flush(paths)

root, key = Path(sys.argv[1]), ArtifactKey.parse(sys.argv[2])
modelhub.cache.flush = die
sys.path.insert(0, sys.argv[3])
from test_cache import filling, put_leftovers
cache = modelhub.cache.Cache(root)
put_leftovers(cache, key)[-1].unlink()
cache.install(key, filling(key))
"""


def test_whoever_asks_for_an_entry_cleans_up_behind_whoever_died_when_it_was_there(cache: Cache) -> None:
    words = [sys.executable, "-c", DYING_AT_THE_END, cache.root, str(KEY), Path(__file__).parent]
    died = subprocess.run(words, check=False)
    before = (only_entry(cache), cache.digest(KEY), len(cache.leftovers(KEY)))
    cache.note_use(KEY)

    assert died.returncode == 9
    assert (before[0].is_good, before[0].has_manifest, *before[1:]) == (True, True, "", 2)
    assert (only_entry(cache), cache.digest(KEY), cache.leftovers(KEY)) == (before[0], "5ec4e7", [])


def test_a_download_that_may_be_gone_on_with_is_kept(cache: Cache) -> None:
    (install(cache) / "metadata/part-00000").unlink()
    left = len(put_leftovers(cache))
    cache.note_use(KEY)

    assert len(cache.leftovers(KEY)) == left


def test_while_another_process_is_at_work_nothing_is_cleaned_up(cache: Cache) -> None:
    with holding(cache):
        write_files(cache.root / str(KEY))
        part = put_leftovers(cache)[0]
        cache.note_use(KEY)

        assert part.exists()


def test_what_has_no_zip_leaves_no_digest(cache: Cache) -> None:
    def fill(staging: Path) -> Manifest:
        write_files(staging)
        return manifest(sha256="")

    cache.install(KEY, fill)

    assert cache.digest(KEY) == ""
    assert not (cache.root / ".modelhub" / "digests").exists()
