"""Pruning real caches: what is found of each key, what a plan takes, and what is left alone while it is carried out."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hub_server import SAVED_MODEL, HubFolder

from modelhub.artifacts import ArtifactKey, s3_uri_of
from modelhub.cache import Cache, Manifest
from modelhub.candidates import Candidates
from modelhub.catalogue import Catalogue
from modelhub.config import load_config
from modelhub.errors import NotFoundError, StorageError, UsageError
from modelhub.hub import Hub
from modelhub.objects import Member
from modelhub.prune_plan import Criteria, PrunePlan
from modelhub.pruning import Pruner
from modelhub.resolver import Runtime

OLD, NEW = "tiny_pos_en_4.0.0_3.0_1657118162458", "tiny_pos_en_4.2.0_3.0_1667118162458"
OTHER = "tiny_ner_de_4.0.0_3.0_1657118162458"
DAY_S = 86_400
PARTIAL = Criteria(is_partial=True)
SUPERSEDED = Criteria(is_superseded=True)
UNUSED = Criteria(unused_for_s=30 * DAY_S)

HOLDER = """
import sys
from pathlib import Path
from modelhub.artifacts import ArtifactKey
from modelhub.cache import Cache

def fill(staging):
    (staging / "half").touch()
    part = Cache(Path(sys.argv[1])).part_path(ArtifactKey.parse(sys.argv[2]))
    part.parent.mkdir(exist_ok=True)
    part.write_bytes(b"half of a zip")
    print("held", flush=True)
    sys.stdin.read()
    raise SystemExit

Cache(Path(sys.argv[1])).install(ArtifactKey.parse(sys.argv[2]), fill)
"""


class PrunedCache:
    """A cache that a test fills and prunes."""

    def __init__(self, root: Path, candidates: Candidates, **settings: Any) -> None:
        self.root = root
        self.notes: list[str] = []
        self.cache = Cache(root)
        config = load_config({"cache": root, **settings}, environ={})
        self.pruner = Pruner(config, candidates, Runtime(), on_note=self.notes.append)

    def put(self, *keys: str, files: Mapping[str, bytes] = SAVED_MODEL) -> Path:
        """Entries as Spark NLP leaves them."""
        for key in keys:
            for name, content in files.items():
                (self.root / key / name).parent.mkdir(parents=True, exist_ok=True)
                (self.root / key / name).write_bytes(content)
        return self.root / keys[-1]

    def install(self, text: str, repository: str = "public/models") -> Path:
        """An entry of ours."""
        key = ArtifactKey.parse(text)

        def fill(staging: Path) -> Manifest:
            members = []
            for name, content in SAVED_MODEL.items():
                (staging / name).parent.mkdir(parents=True, exist_ok=True)
                (staging / name).write_bytes(content)
                members.append(Member(path=name, size_bytes=len(content), crc32=zlib.crc32(content)))
            uri = s3_uri_of(repository, key)
            return Manifest(key=text, s3_uri=uri, sha256="5e", zip_bytes=1, files=tuple(members))

        return self.cache.install(key, fill)

    def part(self, text: str, size_bytes: int = 100_000) -> Path:
        """An interrupted download."""
        path = self.cache.part_path(ArtifactKey.parse(text))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"p" * size_bytes)
        path.with_suffix(".journal").write_bytes(b"journal")
        return path

    def stage(self, text: str, process: int) -> Path:
        """A folder in which a process was building an entry."""
        folder = self.root / ".modelhub" / "staging" / f"{text}.{process}.0a1b2c3d"
        folder.mkdir(parents=True)
        (folder / "weights").write_bytes(b"w" * 5000)
        return folder

    def plan(self, criteria: Criteria, *locks: Path) -> PrunePlan:
        return self.pruner.plan(criteria, locks)

    def prune(self, criteria: Criteria, *locks: Path) -> list[str]:
        result = self.pruner.prune(self.plan(criteria, *locks))
        assert result.errors == ()
        return [str(item.key) for item in result.plan.items]

    def left(self) -> list[str]:
        """All that is there, but for digests, folders, and what excludes processes."""
        ours = self.root / ".modelhub"
        dull = (ours / "waits", ours / "digests")
        files = (path for path in self.root.rglob("*") if path.is_file() and path.parent not in dull)
        names = {path.relative_to(self.root).as_posix() for path in files}
        return sorted({name if name.startswith(".modelhub") else name.split("/")[0] for name in names})


@pytest.fixture(scope="module")
def candidates(first_starts: tuple[Path, list[Any]]) -> Iterator[Candidates]:
    config = load_config({"home": first_starts[0]}, environ={})
    catalogue = Catalogue(config, pytest.fail)
    yield Candidates(catalogue, config)
    catalogue.close()


@pytest.fixture
def pruned(tmp_path: Path, candidates: Candidates) -> PrunedCache:
    return PrunedCache(tmp_path / "cache", candidates)


def age(path: Path, days: float = 100, *, is_read: bool = True) -> Path:
    """Let a folder or file be so old, and not read since."""
    then = time.time() - days * DAY_S
    for below in (path, *path.rglob("*"), *path.parent.glob(f"{path.stem}.journal")):
        os.utime(below, (then if is_read else below.stat().st_atime, then))
    return path


@contextmanager
def pulling(root: Path, key: str) -> Iterator[None]:
    """Another process that pulls a model and does not come to an end."""
    command = [sys.executable, "-c", HOLDER, str(root), key]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout
        assert process.stdout.readline() == b"held\n"
        yield
        process.communicate()


def kept(plan: PrunePlan) -> dict[str, str]:
    return {str(item.key): item.obstacle for item in plan.kept}


# Planning


def test_without_a_criterion_the_options_are_told(pruned: PrunedCache) -> None:
    with pytest.raises(UsageError) as caught:
        pruned.plan(Criteria())

    assert "--superseded, --partial, --older-than 90d, --keep-bytes 50G" in caught.value.hint


def test_a_cache_that_is_not_there_needs_no_pruning(pruned: PrunedCache) -> None:
    assert pruned.plan(PARTIAL) == PrunePlan()
    assert not pruned.root.exists()


def test_a_plan_changes_nothing(pruned: PrunedCache) -> None:
    age(pruned.put(OLD))
    age(pruned.part(OTHER))
    before = pruned.left()
    plan = pruned.plan(Criteria(is_partial=True, unused_for_s=DAY_S))

    assert len(plan.items) == 2
    assert pruned.left() == before


def test_a_readonly_cache_is_neither_planned_nor_touched(tmp_path: Path, candidates: Candidates) -> None:
    shared = PrunedCache(tmp_path / "shared", candidates)
    age(shared.put(OLD, NEW))
    pruned = PrunedCache(tmp_path / "cache", candidates, cache_readonly=str(shared.root))
    pruned.put(OLD)

    assert pruned.prune(Criteria(is_superseded=True, unused_for_s=DAY_S, keep_bytes=10_000)) == []
    assert shared.left() == [OLD, NEW]


def test_leftovers_of_what_a_readonly_cache_holds_are_ours(tmp_path: Path, candidates: Candidates) -> None:
    shared = PrunedCache(tmp_path / "shared", candidates)
    age(shared.put(OLD))
    pruned = PrunedCache(tmp_path / "cache", candidates, cache_readonly=str(shared.root))
    age(pruned.part(OLD))

    assert pruned.prune(UNUSED) == [OLD]
    assert (pruned.left(), shared.left()) == ([], [OLD])


# What is superseded


def test_an_older_build_is_removed_with_its_manifest(pruned: PrunedCache) -> None:
    pruned.install(OLD)
    pruned.install(NEW)

    assert pruned.prune(SUPERSEDED) == [OLD]
    assert pruned.left() == [f".modelhub/manifests/{NEW}.json", NEW]


@pytest.mark.parametrize("repository", ["clinical/models", "@user", "s3://company/models", "https://hub.example/m"])
def test_a_build_of_another_repository_is_another_model(pruned: PrunedCache, repository: str) -> None:
    pruned.install(OLD, repository)
    pruned.install(NEW)

    assert pruned.prune(SUPERSEDED) == []


def test_what_the_registry_knows_of_an_entry_counts(pruned: PrunedCache) -> None:
    first, last = "aner_cc_300d_ar_2.7.0_2.4_1607168354606", "aner_cc_300d_ar_4.0.2_3.0_1660030385202"
    pruned.put(first, last)
    pruned.install("aner_cc_300d_ar_4.0.0_3.0_1656000000000", "s3://company/models")

    assert pruned.prune(SUPERSEDED) == [first]


def test_a_name_that_lies_in_two_repositories_is_left_alone(home: Path, hub_folder: HubFolder, tmp_path: Path) -> None:
    for repository in ("public/models", "clinical/models"):
        hub_folder.add(OLD, repository=repository)
    hub_folder.add(NEW)
    with Hub(hub=hub_folder.uri, cache=tmp_path / "cache", repositories="public/models clinical/models") as hub:
        hub.update("public/models")
        hub.update("clinical/models")
        hub.pull(OLD)
        hub.pull(NEW)
        with_manifests = hub.plan_prune(SUPERSEDED)
        (tmp_path / "cache" / ".modelhub" / "manifests" / f"{OLD}.json").unlink()
        without = hub.plan_prune(SUPERSEDED)
        hub.remove([OLD])
        hub.pull(f"clinical/models/{OLD}")
        of_the_other = hub.plan_prune(SUPERSEDED)

    assert [str(item.key) for item in with_manifests.items] == [OLD]
    assert without.items == of_the_other.items == ()


# What interrupted programs left


def test_what_killed_pulls_left_is_removed(pruned: PrunedCache) -> None:
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    age(pruned.part(OLD))
    age(pruned.stage(NEW, dead.pid))
    age(pruned.put(OTHER))

    plan = pruned.plan(PARTIAL)

    assert {str(item.key): item.reasons for item in plan.items} == {
        OLD: ("interrupted download",),
        NEW: ("staging of a process that is gone",),
    }
    assert plan.freed_bytes > 100_000
    assert sorted(pruned.prune(PARTIAL)) == [OLD, NEW]
    assert pruned.left() == [OTHER]


def test_what_spark_nlp_left_half_is_removed(pruned: PrunedCache) -> None:
    age(pruned.put(OLD, files={"fields/part-00000": b"half"}))
    for name in (f"{OLD}.zip", f".{OLD}.zip.crc", f"{NEW}.zip"):
        (pruned.root / name).write_bytes(b"PK")
        age(pruned.root / name)
    age(pruned.put(OTHER))

    assert sorted(pruned.prune(PARTIAL)) == [OLD, NEW]
    assert pruned.left() == [OTHER]


def test_leftovers_of_a_good_entry_go_without_it(pruned: PrunedCache) -> None:
    pruned.install(OLD)
    age(pruned.part(OLD))

    assert pruned.prune(PARTIAL) == [OLD]
    assert pruned.left() == [f".modelhub/manifests/{OLD}.json", OLD]


def test_what_spark_nlp_may_be_unpacking_right_now_stays(pruned: PrunedCache) -> None:
    pruned.put(OLD, files={"fields/part-00000": b"half"})

    plan = pruned.plan(PARTIAL)

    assert plan.items == ()
    assert "a program may be at it" in kept(plan)[OLD]


def test_what_was_interrupted_just_now_need_not_settle(pruned: PrunedCache) -> None:
    pruned.part(OLD)

    assert pruned.prune(PARTIAL) == [OLD]


def test_staging_of_a_living_process_and_files_of_others_are_not_ours(pruned: PrunedCache) -> None:
    age(pruned.stage(OLD, 1))
    age(pruned.stage("my_folder", 999_999_999))
    pruned.put("my_own_model")
    for name in ("notes.zip", "notes.part"):
        (pruned.root / name).touch()

    assert pruned.plan(PARTIAL) == PrunePlan()


# How old something is


def test_an_entry_that_nobody_has_read_or_asked_for_is_old(pruned: PrunedCache) -> None:
    age(pruned.install(OLD))
    age(pruned.root / ".modelhub" / "manifests" / f"{OLD}.json")
    pruned.install(NEW)

    assert pruned.prune(UNUSED) == [OLD]
    assert pruned.left() == [f".modelhub/manifests/{NEW}.json", NEW]


def read_weights(pruned: PrunedCache, path: Path) -> None:
    weights = path / "weights"
    os.utime(weights, (time.time(), weights.stat().st_mtime))  # as the file system does; a mount may not


def ask_for(pruned: PrunedCache, path: Path) -> None:
    pruned.cache.note_use(ArtifactKey.parse(OLD))


def install_anew(pruned: PrunedCache, path: Path) -> None:
    (pruned.root / ".modelhub" / "manifests" / f"{OLD}.json").touch()


@pytest.mark.parametrize("use", [read_weights, ask_for, install_anew])
def test_any_trace_of_a_use_makes_an_entry_young(pruned: PrunedCache, use: Callable[[PrunedCache, Path], None]) -> None:
    path = age(pruned.install(OLD))
    age(pruned.root / ".modelhub" / "manifests" / f"{OLD}.json")
    assert len(pruned.plan(UNUSED).items) == 1

    use(pruned, path)

    assert pruned.prune(UNUSED) == []


def test_looking_at_entries_does_not_use_them(pruned: PrunedCache) -> None:
    path = age(pruned.put(OLD))
    os.utime(path / "metadata" / "part-00000")  # what reading does where the file system keeps it
    pruned.cache.entries()

    assert pruned.prune(UNUSED) == [OLD]


def test_an_old_download_is_old_too(pruned: PrunedCache) -> None:
    age(pruned.part(OLD))
    pruned.part(NEW)

    assert pruned.prune(UNUSED) == [OLD]


def test_the_record_of_the_last_use_goes_with_the_entry(pruned: PrunedCache) -> None:
    age(pruned.put(OLD))
    pruned.cache.note_use(ArtifactKey.parse(OLD))
    age(pruned.root / ".modelhub" / "uses" / OLD)
    pruned.prune(UNUSED)

    assert pruned.left() == []


def test_the_least_recently_used_go_first(pruned: PrunedCache) -> None:
    size_bytes = sum(map(len, SAVED_MODEL.values()))
    for days, key in ((1, OLD), (3, NEW), (2, OTHER)):
        age(pruned.put(key), days)

    assert pruned.prune(Criteria(keep_bytes=2 * size_bytes)) == [NEW]
    assert pruned.prune(Criteria(keep_bytes=2 * size_bytes - 1)) == [OTHER]
    assert pruned.left() == [OLD]


# Lockfiles


def test_what_lockfiles_name_stays(pruned: PrunedCache, tmp_path: Path) -> None:
    locks = [tmp_path / "a.lock", tmp_path / "b.lock"]
    for lock, key in zip(locks, (OLD, OTHER), strict=True):
        lock.write_text(json.dumps({"schema": 1, "models": [{"key": key}]}), encoding="utf-8")
    for key in (OLD, NEW, OTHER):
        age(pruned.put(key))

    plan = pruned.plan(UNUSED, *locks)

    assert sorted(kept(plan)) == [OTHER, OLD]
    assert pruned.prune(UNUSED, *locks) == [NEW]
    assert pruned.left() == [OTHER, OLD]


@pytest.mark.parametrize(
    ("content", "error"),
    [(None, NotFoundError), ("no json", UsageError), ("[" * 100_000, UsageError), (b"\xff\xfe\x00", UsageError)],
)
def test_a_lockfile_that_cannot_be_read_is_refused(
    pruned: PrunedCache, tmp_path: Path, content: str | bytes | None, error: type[Exception]
) -> None:
    lock = tmp_path / "models.lock"
    if content is not None:
        lock.write_bytes(content.encode() if isinstance(content, str) else content)

    with pytest.raises(error, match=r"models\.lock"):
        pruned.plan(UNUSED, lock)


def test_a_folder_is_no_lockfile(pruned: PrunedCache, tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="cannot be read"):
        pruned.plan(UNUSED, tmp_path)


def test_a_lockfile_that_names_nothing_is_told(pruned: PrunedCache, tmp_path: Path) -> None:
    (tmp_path / "empty.lock").write_text("{}", encoding="utf-8")
    pruned.plan(UNUSED, tmp_path / "empty.lock")

    assert pruned.notes == [f"{tmp_path / 'empty.lock'} names no artifact, so it protects nothing."]


# What others are at


def test_what_a_running_pull_is_at_is_skipped_and_said(pruned: PrunedCache) -> None:
    everything = Criteria(is_partial=True, keep_bytes=0)
    age(pruned.put(OTHER))
    with pulling(pruned.root, OLD):
        age(pruned.cache.part_path(ArtifactKey.parse(OLD)))
        plan = pruned.plan(everything)
        done = pruned.prune(everything)
        part = pruned.cache.part_path(ArtifactKey.parse(OLD)).exists()

    assert kept(plan) == {OLD: "another process is at work on it"}
    assert (done, part) == ([OTHER], True)


def test_what_begins_to_be_pulled_after_the_plan_is_skipped_and_said(pruned: PrunedCache) -> None:
    age(pruned.part(OLD))
    plan = pruned.plan(PARTIAL)
    assert len(plan.items) == 1

    with pulling(pruned.root, OLD):
        result = pruned.pruner.prune(plan)

    assert result.plan.items == ()
    assert kept(result.plan) == {OLD: "another process is at work on it"}


def test_what_was_mended_after_the_plan_stays(pruned: PrunedCache) -> None:
    age(pruned.put(OLD, files={"fields/part-00000": b"half"}))
    age(pruned.part(NEW))
    plan = pruned.plan(PARTIAL)
    pruned.put(OLD)
    pruned.part(NEW, 100_001)

    result = pruned.pruner.prune(plan)

    assert kept(result.plan) == dict.fromkeys([OLD, NEW], "it was changed or used meanwhile")
    assert (pruned.root / OLD).is_dir()
    assert pruned.cache.part_path(ArtifactKey.parse(NEW)).exists()


def test_what_was_used_after_the_plan_stays(pruned: PrunedCache) -> None:
    age(pruned.put(OLD))
    plan = pruned.plan(UNUSED)
    pruned.cache.note_use(ArtifactKey.parse(OLD))

    assert kept(pruned.pruner.prune(plan).plan) == {OLD: "it was changed or used meanwhile"}


def test_what_was_removed_after_the_plan_is_no_failure(pruned: PrunedCache) -> None:
    age(pruned.put(OLD))
    plan = pruned.plan(UNUSED)
    pruned.cache.remove(pruned.cache.entries()[0])

    result = pruned.pruner.prune(plan)

    assert (result.errors, list(kept(result.plan))) == ((), [OLD])


def test_what_cannot_be_removed_is_told_and_the_rest_goes_on(pruned: PrunedCache) -> None:
    for key in (OLD, OTHER):
        age(pruned.put(key))
    plan = pruned.plan(UNUSED)
    (pruned.root / ".modelhub" / "waits" / f"{OLD}.lock").mkdir(parents=True)

    result = pruned.pruner.prune(plan)

    assert [(error.subject, type(error)) for error in result.errors] == [(OLD, StorageError)]
    assert [str(item.key) for item in result.plan.items] == [OTHER]
    assert pruned.left() == [OLD]
