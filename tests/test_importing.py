"""Bringing zips and folders of this machine into a real cache; the registry is that of the snapshot."""

from __future__ import annotations

import hashlib
import io
import os
import shutil
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from hub_server import SAVED_MODEL, HubFolder, make_zip

from modelhub.artifacts import ArtifactKey
from modelhub.cache import Cache
from modelhub.candidates import Candidates
from modelhub.catalogue import Catalogue
from modelhub.config import load_config
from modelhub.copying import copy_folder
from modelhub.errors import (
    ArchiveError,
    IncompatibleError,
    IntegrityError,
    ModelHubError,
    NotFoundError,
    StorageError,
    UsageError,
)
from modelhub.hub import Hub
from modelhub.importing import Importer
from modelhub.progress import Progress
from modelhub.references import Reference
from modelhub.resolver import Runtime
from modelhub.results import PulledModel
from modelhub.versions import Version

TAGGER = "bert_pos_4L_weight_decay_en_4.0.0_3.0_1657118162458"
ARABIC = "aner_cc_300d_ar_4.0.2_3.0_1660030385202"
UNKNOWN = "tiny_pos_en_4.0.0_3.0_1657118162458"


class Importing:
    """A cache into which a test imports, and what is said meanwhile."""

    def __init__(self, root: Path, candidates: Candidates, runtime: Runtime) -> None:
        self.cache = Cache(root)
        self.notes: list[str] = []
        self.moments: list[Progress] = []
        self._importer = Importer(
            self.cache, candidates, runtime, on_progress=self.moments.append, on_note=self.notes.append
        )

    def __call__(self, path: Path, named: str = "") -> PulledModel:
        return self._importer.import_model(path, Reference.parse(named) if named else None)

    @property
    def content(self) -> list[str]:
        """What Spark NLP sees in the cache, and our staging."""
        root = self.cache.root
        paths = [*root.glob("*"), *root.glob(".modelhub/staging/*")]
        return sorted(path.name for path in paths if path.name != ".modelhub")


@pytest.fixture(scope="module")
def candidates(first_starts: tuple[Path, list[Any]]) -> Iterator[Candidates]:
    config = load_config({"home": first_starts[0]}, environ={})
    catalogue = Catalogue(config, pytest.fail)
    yield Candidates(catalogue, config)
    catalogue.close()


@pytest.fixture
def importing(tmp_path: Path, candidates: Candidates) -> Importing:
    return Importing(tmp_path / "cache", candidates, Runtime())


def write_zip(path: Path, members: Mapping[str, bytes] | None = None) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(make_zip(members))
    return path


def write_folder(folder: Path, members: Mapping[str, bytes] = SAVED_MODEL) -> Path:
    for name, content in members.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


def below(folder: str, members: Mapping[str, bytes] = SAVED_MODEL) -> dict[str, bytes]:
    return {f"{folder}/{name}": content for name, content in members.items()}


def content_of(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


# What becomes an entry


@pytest.mark.parametrize("suffix", [".zip", ".ZIP"])
def test_a_zip_becomes_the_entry_of_its_name(importing: Importing, tmp_path: Path, suffix: str) -> None:
    path = write_zip(tmp_path / f"{TAGGER}{suffix}")
    imported = importing(path)

    assert imported.path == importing.cache.root / TAGGER
    assert (str(imported.artifact.key), imported.is_cached, imported.downloaded_bytes) == (TAGGER, False, 0)
    assert content_of(imported.path) == SAVED_MODEL
    assert path.is_file()
    assert importing.notes == []


def test_a_zip_leaves_manifest_and_digest_as_a_pull_does(importing: Importing, tmp_path: Path) -> None:
    path = write_zip(tmp_path / f"{TAGGER}.zip")
    importing(path)
    key = ArtifactKey.parse(TAGGER)
    manifest = importing.cache.manifest(key)

    assert manifest
    assert manifest.s3_uri == f"s3://auxdata.johnsnowlabs.com/public/models/{TAGGER}.zip"
    assert (manifest.sha256, manifest.zip_bytes) == (hashlib.sha256(path.read_bytes()).hexdigest(), path.stat().st_size)
    assert importing.cache.digest(key) == manifest.sha256
    assert importing.cache.verify(importing.cache.entries()[0], is_deep=True).is_good


def test_a_folder_is_copied_and_stays(importing: Importing, tmp_path: Path) -> None:
    source = write_folder(tmp_path / TAGGER, {**SAVED_MODEL, ".DS_Store": b"x", "metadata/.part-00000.crc": b"c"})
    (source / "empty").mkdir()
    imported = importing(source)

    assert content_of(imported.path) == {**SAVED_MODEL, "metadata/.part-00000.crc": b"c"}
    assert (imported.path / "empty").is_dir()
    assert (source / "weights").stat().st_nlink == (imported.path / "weights").stat().st_nlink == 1
    assert (imported.path / "weights").stat().st_ino != (source / "weights").stat().st_ino
    assert ".DS_Store" in content_of(source)


def test_of_a_folder_the_files_are_recorded_and_no_digest(importing: Importing, tmp_path: Path) -> None:
    importing(write_folder(tmp_path / TAGGER))
    (entry,) = importing.cache.entries()
    manifest = importing.cache.manifest(entry.key)

    assert manifest
    assert (manifest.sha256, manifest.zip_bytes, importing.cache.digest(entry.key)) == ("", 0, "")
    assert importing.cache.verify(entry, is_deep=True).is_good
    (entry.path / "weights").write_bytes(b"W" * len(SAVED_MODEL["weights"]))
    assert not importing.cache.verify(entry, is_deep=True).is_good


def test_what_could_not_be_compared_is_said(importing: Importing, tmp_path: Path) -> None:
    importing(write_folder(tmp_path / TAGGER))

    assert len(importing.notes) == 1
    assert f"modelhub verify --deep {TAGGER}" in importing.notes[0]


def test_the_folder_in_which_one_stands_has_a_name(
    importing: Importing, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(write_folder(tmp_path / TAGGER))

    assert importing(Path()).path.name == TAGGER
    assert importing(Path("metadata/..")).is_cached


def test_a_broken_entry_gives_way(importing: Importing, tmp_path: Path) -> None:
    write_folder(importing.cache.root / TAGGER, {"weights": b"half"})
    (importing.cache.root / f"{TAGGER}.zip").touch()
    importing.cache.part_path(ArtifactKey.parse(TAGGER)).parent.mkdir(parents=True)
    importing.cache.part_path(ArtifactKey.parse(TAGGER)).touch()
    imported = importing(write_zip(tmp_path / f"{TAGGER}.zip"))

    assert content_of(imported.path) == SAVED_MODEL
    assert importing.content == [TAGGER]
    assert not importing.cache.part_path(ArtifactKey.parse(TAGGER)).exists()
    assert "What is imported takes its place" in importing.notes[0]


@pytest.mark.parametrize("kind", ["zip", "folder"])
def test_a_good_entry_stays(importing: Importing, tmp_path: Path, kind: str) -> None:
    importing(write_zip(tmp_path / f"{TAGGER}.zip"))
    other = {**SAVED_MODEL, "weights": b"others"}
    source = write_zip(tmp_path / "b" / f"{TAGGER}.zip", other) if kind == "zip" else tmp_path / "c" / TAGGER
    write_folder(tmp_path / "c" / TAGGER, other)
    again = importing(source)

    assert again.is_cached
    assert content_of(again.path) == SAVED_MODEL
    assert importing.moments[-1].phase == "cached"


def test_how_far_it_is_is_told(importing: Importing, tmp_path: Path) -> None:
    importing(write_folder(tmp_path / TAGGER))

    assert list(dict.fromkeys(moment.phase for moment in importing.moments)) == ["importing", "installed"]
    assert {moment.subject for moment in importing.moments} == {TAGGER}
    assert importing.moments[-2].done_bytes == sum(map(len, SAVED_MODEL.values()))


# One level too deep


@pytest.mark.parametrize("inner", ["model", TAGGER, "weights"])
def test_a_zip_whose_model_lies_one_level_too_deep_is_lifted(importing: Importing, tmp_path: Path, inner: str) -> None:
    junk = {"__MACOSX/._model": b"x", ".DS_Store": b"x"}
    imported = importing(write_zip(tmp_path / f"{TAGGER}.zip", {**below(inner), **junk}))
    (entry,) = importing.cache.entries()

    assert content_of(imported.path) == SAVED_MODEL
    assert importing.cache.verify(entry, is_deep=True).is_good
    assert importing.cache.digest(entry.key) == ""
    assert importing.notes[0] == f"The model lies one level too deep, in {inner}/: that level is left out."


def test_a_folder_whose_model_lies_one_level_too_deep_is_lifted(importing: Importing, tmp_path: Path) -> None:
    imported = importing(write_folder(tmp_path / TAGGER, {**below("model"), ".DS_Store": b"x"}))

    assert content_of(imported.path) == SAVED_MODEL
    assert "one level too deep, in model/" in importing.notes[0]


@pytest.mark.parametrize("is_zip", [True, False])
def test_the_folder_inside_may_bear_the_key(importing: Importing, tmp_path: Path, is_zip: bool) -> None:
    members = below(TAGGER)
    source = write_zip(tmp_path / "download.zip", members) if is_zip else write_folder(tmp_path / "download", members)

    assert importing(source).path.name == TAGGER


def test_two_levels_too_deep_are_too_much(importing: Importing, tmp_path: Path) -> None:
    for source in (
        write_zip(tmp_path / f"{TAGGER}.zip", below("a/b")),
        write_folder(tmp_path / TAGGER, below("a/b")),
    ):
        with pytest.raises(ArchiveError, match="no saved model"):
            importing(source)
    assert importing.content == []


# Which artifact it is


def test_what_no_list_names_is_imported_and_said(importing: Importing, tmp_path: Path) -> None:
    assert importing(write_zip(tmp_path / f"{UNKNOWN}.zip")).path.name == UNKNOWN
    assert importing.notes == [f"{UNKNOWN} is in no list and on no card that is known here."]


@pytest.mark.parametrize("named", [TAGGER, "bert_pos_4L_weight_decay", "bert_pos_4L_weight_decay:en@4.0.0"])
def test_a_reference_tells_what_a_name_does_not(importing: Importing, tmp_path: Path, named: str) -> None:
    assert importing(write_zip(tmp_path / "download.zip"), named).path.name == TAGGER


def test_a_reference_may_tell_the_repository_of_a_key(importing: Importing, tmp_path: Path) -> None:
    importing(write_zip(tmp_path / f"{UNKNOWN}.zip"), f"clinical/models/{UNKNOWN}")
    manifest = importing.cache.manifest(ArtifactKey.parse(UNKNOWN))

    assert manifest
    assert manifest.s3_uri == f"s3://auxdata.johnsnowlabs.com/clinical/models/{UNKNOWN}.zip"


def test_name_and_reference_must_agree(importing: Importing, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=f"is called {UNKNOWN}, but bert_pos_4L_weight_decay is {TAGGER}"):
        importing(write_zip(tmp_path / f"{UNKNOWN}.zip"), "bert_pos_4L_weight_decay")
    with pytest.raises(UsageError, match=f"is called {UNKNOWN}, not {TAGGER}"):
        importing(write_zip(tmp_path / f"{UNKNOWN}.zip"), TAGGER)
    assert importing.content == []


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        (f"{TAGGER} (1)", f"--as {TAGGER}."),
        (f"{TAGGER}(2)", f"--as {TAGGER}."),
        (f"{TAGGER} copy", f"--as {TAGGER}."),
        ("bert_pos_4L_weight_decay", f"--as {TAGGER}."),
        ("bert_pos_4L_weight_decay_en", f"--as {TAGGER}."),
        ("bert_pos_4L_weight_decay_en_4.0.0_3.0", f"--as {TAGGER}."),
        ("bert_pos_4L_weight_dcay", f"--as {TAGGER}"),
        ("aner_cc_300d_ar_4.0.2_3.0", f"--as {ARABIC} --as aner_cc_300d_ar_4.0.0"),
        ("xqzzzzk", "Say which it is with --as. A key looks like name_language_"),
        ("XQ (9) zzk", "Say which it is with --as."),
    ],
)
def test_where_the_name_is_no_key_the_nearest_are_told(
    importing: Importing, tmp_path: Path, name: str, hint: str
) -> None:
    with pytest.raises(UsageError, match="does not bear the key") as caught:
        importing(write_zip(tmp_path / f"{name}.zip"))

    assert hint.replace(" --as a", " or --as a") in caught.value.hint
    assert importing.content == []


def test_a_folder_without_a_key_is_told_too(importing: Importing, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="does not bear the key"):
        importing(write_folder(tmp_path / "model"))


def test_an_unknown_reference_is_not_found(importing: Importing, tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="none_such"):
        importing(write_zip(tmp_path / "download.zip"), "none_such")


def test_a_reference_is_resolved_for_the_runtime(tmp_path: Path, candidates: Candidates) -> None:
    old = Runtime(sparknlp=Version("3.0.0"), spark=Version("3.0.0"))
    importing = Importing(tmp_path / "cache", candidates, old)

    with pytest.raises(IncompatibleError):
        importing(write_zip(tmp_path / "download.zip"), "bert_pos_4L_weight_decay")
    assert importing(write_zip(tmp_path / f"{TAGGER}.zip")).path.name == TAGGER


# What is refused


HOSTILE = {
    "no saved model": (make_zip({"readme.txt": b"x"}), "no saved model in it"),
    "nothing": (make_zip({}), "no saved model"),
    "a way out": (make_zip({**SAVED_MODEL, "../x": b"x"}), "leads out of its folder"),
    "a web page": (b"<!doctype html><title>Log in</title>", "A web page came instead of a zip"),
    "a text": (b"not here\n", "A text came instead of a zip"),
    "no bytes": (b"", "0 bytes"),
    "half of it": (make_zip()[:-30], "no end record"),
    "a pipeline without a stage": (
        make_zip({"metadata/part-00000": b'{"class": "a.B", "paramMap": {"stageUids": ["T_1"]}}'}),
        "The stage T_1",
    ),
}


@pytest.mark.parametrize("name", [TAGGER, "download"])
@pytest.mark.parametrize(("content", "problem"), HOSTILE.values(), ids=HOSTILE)
def test_what_holds_no_saved_model_is_refused(
    importing: Importing, tmp_path: Path, name: str, content: bytes, problem: str
) -> None:
    path = tmp_path / f"{name}.zip"
    path.write_bytes(content)
    with pytest.raises(ArchiveError, match=problem) as caught:
        importing(path, "bert_pos_4L_weight_decay" if name == "download" else "")

    assert caught.value.exit_status == 6
    assert str(path) in caught.value.message
    assert f"modelhub pull {TAGGER}" in caught.value.hint
    assert importing.content == []
    assert importing.cache.digest(ArtifactKey.parse(TAGGER)) == ""


def test_a_page_without_a_key_is_no_zip_either(importing: Importing, tmp_path: Path) -> None:
    (tmp_path / "download.zip").write_bytes(b"<html><title>Log in</title>")

    with pytest.raises(ArchiveError, match="A web page came instead of a zip"):
        importing(tmp_path / "download.zip")


@pytest.mark.parametrize("target", ["../secret", "../secret/file", ".", "none"])
def test_links_in_a_folder_are_refused(importing: Importing, tmp_path: Path, target: str) -> None:
    write_folder(tmp_path / "secret", {"file": b"x"})
    source = write_folder(tmp_path / TAGGER)
    (source / "link").symlink_to(target)

    with pytest.raises(ArchiveError, match="'link' in it is a link or a special file"):
        importing(source)
    assert importing.content == []


def test_special_files_in_a_folder_are_refused(importing: Importing, tmp_path: Path) -> None:
    os.mkfifo(write_folder(tmp_path / TAGGER) / "pipe")

    with pytest.raises(ArchiveError, match="'pipe' in it is a link or a special file"):
        importing(tmp_path / TAGGER)


def test_names_that_no_archive_may_have_no_folder_may_have(importing: Importing, tmp_path: Path) -> None:
    write_folder(tmp_path / TAGGER, {**SAVED_MODEL, "back\\slash": b"x"})

    with pytest.raises(ArchiveError, match="holds a backslash"):
        importing(tmp_path / TAGGER)


def test_far_too_many_files_are_refused(tmp_path: Path) -> None:
    source, target = write_folder(tmp_path / "source"), tmp_path / "target"
    target.mkdir()

    with pytest.raises(ArchiveError, match="more than 3 members"):
        copy_folder(source, target, lambda size_bytes: None, max_files=3)
    assert list(target.iterdir()) == []


def test_what_is_not_there_is_not_found(importing: Importing, tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="There is no"):
        importing(tmp_path / f"{TAGGER}.zip")


def test_a_full_disk_is_seen_before_anything_is_copied(importing: Importing, tmp_path: Path) -> None:
    source = write_folder(tmp_path / TAGGER)
    os.truncate(source / "weights", 8 << 40)  # takes no room itself

    with pytest.raises(StorageError, match="free") as caught:
        importing(source)
    assert caught.value.exit_status == 10
    assert importing.content == []


# Compared with what is known of the zip


@pytest.fixture
def hub(home: Path, hub_folder: HubFolder, tmp_path: Path) -> Iterator[Hub]:
    """A hub that lists one model with its MD5."""
    hub_folder.add(UNKNOWN)
    with Hub(hub=hub_folder.uri, cache=tmp_path / "cache") as hub:
        hub.update()
        yield hub


def packed_otherwise() -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as archive:
        for name, content in SAVED_MODEL.items():
            archive.writestr(name, content)
    return packed.getvalue()


def test_the_published_zip_has_the_md5_of_the_list(hub: Hub, hub_folder: HubFolder, tmp_path: Path) -> None:
    path = Path(shutil.copy(hub_folder.folder / "public/models" / f"{UNKNOWN}.zip", tmp_path))

    assert hub.import_model(path).path.is_dir()


def test_another_zip_than_the_published_one_is_refused(hub: Hub, tmp_path: Path) -> None:
    path = tmp_path / f"{UNKNOWN}.zip"
    path.write_bytes(packed_otherwise())

    with pytest.raises(IntegrityError, match="has the MD5") as caught:
        hub.import_model(path)
    assert f"modelhub pull {UNKNOWN}" in caught.value.hint
    assert hub.entries() == []


@pytest.mark.parametrize("form", ["folder", "deep zip"])
def test_what_was_packed_anew_has_no_md5_to_compare(hub: Hub, tmp_path: Path, form: str) -> None:
    if form == "folder":
        source = write_folder(tmp_path / UNKNOWN)
    else:
        source = write_zip(tmp_path / f"{UNKNOWN}.zip", below("model"))

    assert hub.import_model(str(source), "tiny_pos").path.is_dir()


def test_another_zip_than_the_one_that_was_installed_before_is_refused(importing: Importing, tmp_path: Path) -> None:
    importing(write_zip(tmp_path / f"{TAGGER}.zip"))
    importing.cache.remove(importing.cache.entries()[0])
    (tmp_path / f"{TAGGER}.zip").write_bytes(packed_otherwise())

    with pytest.raises(IntegrityError, match="is not the zip of .* that was installed here before"):
        importing(tmp_path / f"{TAGGER}.zip")
    assert importing.content == []


def test_the_home_of_the_user_is_known(hub: Hub, hub_folder: HubFolder, tmp_path: Path) -> None:
    shutil.copy(hub_folder.folder / "public/models" / f"{UNKNOWN}.zip", tmp_path)  # which is the home of tests

    assert hub.import_model(f"~/{UNKNOWN}.zip").path.is_dir()
    with pytest.raises(ModelHubError):
        hub.import_model("~/none.zip")
