"""Downloads into a cache, from hubs in folders and over HTTP, without any registry."""

from __future__ import annotations

import hashlib
import os
import subprocess
import threading
from collections.abc import Callable, Iterator
from itertools import count, pairwise
from pathlib import Path
from typing import Any

import pytest
from hub_server import SAVED_MODEL, HubFolder, Server, again_bytes, make_zip
from model_files import files_of, make_model, pack
from scripted_server import Asked, from_afar, part_of, scripted
from serving import wait_for

from modelhub.artifacts import Artifact, ArtifactKey
from modelhub.cache import Cache
from modelhub.catalogue import Catalogue
from modelhub.config import load_config
from modelhub.errors import (
    ArchiveError,
    IntegrityError,
    ModelHubError,
    NetworkError,
    NotAllowedError,
    NotFoundError,
    ReplacedError,
    StoppedError,
    StorageError,
)
from modelhub.installing import Installer
from modelhub.network import Network
from modelhub.progress import Progress
from modelhub.ranges import BLOCK_BYTES
from modelhub.storage import Storage

TEXT_OF_KEY = "tiny_pos_en_4.0.0_3.0_1657118162458"
KEY = ArtifactKey.parse(TEXT_OF_KEY)
ARTIFACT = Artifact(key=KEY)
MODEL = make_model(2_000_000)
ZIP = pack(MODEL)
LOST_BYTES = 1_200_000  # after which a hub is gone


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(tmp_path / "cache")


@pytest.fixture
def moments() -> list[Progress]:
    return []


@pytest.fixture
def notes() -> list[str]:
    return []


@pytest.fixture
def make_installer(
    cache: Cache, moments: list[Progress], notes: list[str], tmp_path: Path
) -> Iterator[Callable[..., Installer]]:
    """``make_installer(*hubs)``."""
    catalogues = []

    def make(*hubs: str, cache: Cache = cache, timeout_s: float = 0.1, **settings: Any) -> Installer:
        config = load_config({"hub": hubs, "home": tmp_path / "home", **settings}, environ={})
        catalogues.append(Catalogue(config, pytest.fail))
        catalogues[-1].storage = Storage(Network(connections=config.connections, timeout_s=timeout_s, backoff_s=0.002))
        return Installer(config, cache, catalogues[-1], on_progress=moments.append, on_note=notes.append)

    yield make
    for catalogue in catalogues:
        catalogue.close()


def test_an_artifact_is_unpacked_and_recorded(
    make_installer: Callable[..., Installer], cache: Cache, hub_folder: HubFolder, moments: list[Progress]
) -> None:
    content = hub_folder.add(TEXT_OF_KEY).read_bytes()
    pulled = make_installer(hub_folder.uri).install(ARTIFACT)
    manifest = cache.manifest(KEY)

    assert (pulled.path / "weights").read_bytes() == SAVED_MODEL["weights"]
    assert (pulled.downloaded_bytes, pulled.is_cached) == (len(content), False)
    assert manifest is not None
    assert (manifest.s3_uri, manifest.zip_bytes) == (ARTIFACT.s3_uri, len(content))
    assert manifest.sha256 == cache.digest(KEY) == hashlib.sha256(content).hexdigest()
    phases = list(dict.fromkeys(moment.phase for moment in moments))
    assert phases == ["opening", "downloading", "checking", "installed"]
    assert {moment.subject for moment in moments} == {TEXT_OF_KEY}


def test_nobody_needs_to_listen(hub_folder: HubFolder, cache: Cache, tmp_path: Path) -> None:
    hub_folder.add(TEXT_OF_KEY)
    config = load_config({"hub": hub_folder.uri, "home": tmp_path / "home"}, environ={})
    catalogue = Catalogue(config, pytest.fail)

    assert Installer(config, cache, catalogue).install(ARTIFACT).path.is_dir()
    catalogue.close()


def test_an_entry_that_another_process_made_is_not_downloaded(
    make_installer: Callable[..., Installer], cache: Cache, hub_folder: HubFolder
) -> None:
    hub_folder.add(TEXT_OF_KEY)
    first = make_installer(hub_folder.uri).install(ARTIFACT)
    second = make_installer("https://127.0.0.1:1").install(ARTIFACT)

    assert (second.path, second.downloaded_bytes, second.is_cached) == (first.path, 0, True)


def test_a_broken_entry_gives_way_only_where_that_is_meant(
    make_installer: Callable[..., Installer], cache: Cache, hub_folder: HubFolder
) -> None:
    hub_folder.add(TEXT_OF_KEY)
    installer = make_installer(hub_folder.uri)
    weights = installer.install(ARTIFACT).path / "weights"
    weights.unlink()

    with pytest.raises(IntegrityError, match="not whole"):
        installer.install(ARTIFACT)
    assert installer.install(ARTIFACT, is_replacing=True).downloaded_bytes
    assert weights.is_file()


def test_an_entry_is_renewed_whatever_its_state(
    make_installer: Callable[..., Installer], cache: Cache, hub_folder: HubFolder
) -> None:
    hub_folder.add(TEXT_OF_KEY)
    installer = make_installer(hub_folder.uri)
    path = installer.install(ARTIFACT).path
    (path / "weights").write_bytes(b"altered")
    (entry,) = cache.entries()
    renewed = installer.renew(ARTIFACT, entry)

    assert (renewed.path, renewed.is_cached) == (path, False)
    assert (path / "weights").read_bytes() == SAVED_MODEL["weights"]


# Several hubs in a row


@pytest.mark.parametrize("fault", ["404", "400", "stall-at/100", "drop-at/100"])
def test_the_next_hub_is_asked_where_one_fails(
    make_installer: Callable[..., Installer], hub_folder: HubFolder, server: Server, fault: str
) -> None:
    hub_folder.add(TEXT_OF_KEY)
    pulled = make_installer(server.uri(fault), hub_folder.uri).install(ARTIFACT)

    assert pulled.artifact.uri == f"{hub_folder.uri}/public/models/{KEY}.zip"
    assert (pulled.path / "weights").read_bytes() == SAVED_MODEL["weights"]


@pytest.mark.parametrize(
    ("hubs", "error", "said"),
    [(("400", "404"), NetworkError, "HTTP 400"), (("404", "400"), NotFoundError, "404")],
)
def test_where_all_hubs_fail_the_first_failure_is_told(
    make_installer: Callable[..., Installer], server: Server, hubs: tuple[str, str], error: type, said: str
) -> None:
    with pytest.raises(ModelHubError, match=said) as raised:
        make_installer(*map(server.uri, hubs)).install(ARTIFACT)
    assert type(raised.value) is error
    assert len(server.asked(".zip")) >= 2


@pytest.mark.parametrize(("content", "error"), [(b"<html>", ArchiveError), (make_zip()[:-30], ArchiveError)])
def test_a_broken_zip_is_no_reason_to_ask_the_next_hub(
    make_installer: Callable[..., Installer],
    cache: Cache,
    hub_folder: HubFolder,
    server: Server,
    content: bytes,
    error: type,
) -> None:
    hub_folder.add(TEXT_OF_KEY, content)

    with pytest.raises(error):
        make_installer(hub_folder.uri, server.uri()).install(ARTIFACT)
    assert not server.requests
    assert cache.entries() == []


# Interruptions


def lose(installer: Installer, artifact: Artifact = ARTIFACT) -> None:
    """Begin with an artifact from a hub that is gone before its end."""
    with pytest.raises(NetworkError):
        installer.install(artifact)


def kept_files(cache: Cache) -> list[str]:
    return sorted(path.name for path in cache.part_path(KEY).parent.glob("*"))


def test_what_was_interrupted_goes_on_where_it_was(
    make_installer: Callable[..., Installer], cache: Cache, hub_folder: HubFolder, server: Server
) -> None:
    hub_folder.add(TEXT_OF_KEY, ZIP)
    lose(make_installer(server.uri("gone-after", LOST_BYTES), connections=2))
    assert kept_files(cache) == [f"{KEY}.journal", f"{KEY}.part"]
    assert cache.entries() == []
    earlier = server.bodies()
    pulled = make_installer(server.uri(), connections=2).install(ARTIFACT)

    assert files_of(pulled.path) == MODEL
    assert 0 < pulled.downloaded_bytes < len(ZIP) - LOST_BYTES // 4
    # Both ends are looked at each time, and what is on its way when a connection breaks is lost.
    assert again_bytes(earlier, server.bodies()[len(earlier) :]) < 900_000
    assert kept_files(cache) == []


@pytest.mark.parametrize(("first", "facts"), [("", {}), ("no-etag", {"checksum": hashlib.md5(ZIP).hexdigest()})])
def test_what_one_hub_has_given_the_next_need_not_give_again(
    make_installer: Callable[..., Installer],
    hub_folder: HubFolder,
    server: Server,
    second_server: Server,
    first: str,
    facts: dict[str, Any],
) -> None:
    hub_folder.add(TEXT_OF_KEY, ZIP)
    hubs = server.uri("gone-after", LOST_BYTES, *first.split()), second_server.uri()
    pulled = make_installer(*hubs, connections=2).install(Artifact(key=KEY, **facts))

    assert files_of(pulled.path) == MODEL
    assert pulled.artifact.uri.startswith(second_server.uri())
    assert 0 < pulled.downloaded_bytes < len(ZIP) - LOST_BYTES // 4
    assert again_bytes(server.bodies(), second_server.bodies()) < 900_000


def test_what_one_hub_has_given_is_of_no_use_where_nothing_tells_that_the_next_has_the_same(
    make_installer: Callable[..., Installer], hub_folder: HubFolder, server: Server, second_server: Server
) -> None:
    hub_folder.add(TEXT_OF_KEY, ZIP)
    hubs = server.uri("gone-after", LOST_BYTES, "no-etag"), second_server.uri()
    pulled = make_installer(*hubs).install(ARTIFACT)

    assert files_of(pulled.path) == MODEL
    assert pulled.downloaded_bytes == len(ZIP)


def test_it_shows_in_the_end_that_two_hubs_had_not_the_same(
    make_installer: Callable[..., Installer], cache: Cache, hub_folder: HubFolder, server: Server, second_server: Server
) -> None:
    path = hub_folder.add(TEXT_OF_KEY, ZIP)
    other = pack(make_model(2_000_000, seed=2))
    artifact = Artifact(key=KEY, checksum=hashlib.md5(other).hexdigest())
    lose(make_installer(server.uri("gone-after", LOST_BYTES)), artifact)
    path.write_bytes(other)

    assert len(other) == len(ZIP)
    with pytest.raises(IntegrityError):
        make_installer(second_server.uri()).install(artifact)
    assert kept_files(cache) == []
    assert make_installer(second_server.uri()).install(artifact).downloaded_bytes == len(other)


def test_from_afar_nothing_is_asked_for_twice(make_installer: Callable[..., Installer], cache: Cache) -> None:
    with scripted(lambda asked: from_afar(ZIP, asked, 'ETag: "one"')) as (origin, asked):
        pulled = make_installer(origin, timeout_s=10).install(ARTIFACT)

    assert pulled.downloaded_bytes == len(ZIP)
    spans = sorted((request.span.start, request.span.stop) for request in asked if request.span)
    assert all(end <= start for (_, end), (start, _) in pairwise(spans))
    assert len(spans) > 3
    assert kept_files(cache) == []


def test_how_much_has_come_is_told_from_the_first_byte_on_and_never_goes_back(
    make_installer: Callable[..., Installer], moments: list[Progress]
) -> None:
    def script(asked: Asked) -> Iterator[bytes]:
        [answer] = from_afar(ZIP, asked, 'ETag: "one"')
        yield answer[:40_000]
        wait_for(lambda: any(moment.done_bytes for moment in moments))
        first_told.append(max(moment.done_bytes for moment in moments))
        yield answer[40_000:]

    first_told: list[int] = []
    with scripted(script) as (origin, _):
        make_installer(origin, timeout_s=10).install(ARTIFACT)
    told = [moment.done_bytes for moment in moments if moment.phase == "downloading"]

    assert 0 < first_told[0] <= 2 * 40_000
    assert told == sorted(told)
    assert told[0] == 0
    assert told[-1] == len(ZIP)
    assert {moment.total_bytes for moment in moments if moment.done_bytes} == {len(ZIP)}


def test_what_has_been_replaced_is_brought_afresh(
    make_installer: Callable[..., Installer], cache: Cache, hub_folder: HubFolder, server: Server
) -> None:
    other = make_model(2_000_000, seed=2)
    hub_folder.add(TEXT_OF_KEY, ZIP).with_name(f"{KEY}.zip.next").write_bytes(pack(other))
    installer = make_installer(server.uri("paced", 20_000, "replaced-at", 900_000), connections=2)
    pulled = installer.install(ARTIFACT)

    assert files_of(pulled.path) == other
    assert pulled.downloaded_bytes == len(pack(other))
    assert kept_files(cache) == []


def test_what_is_replaced_again_and_again_is_told(make_installer: Callable[..., Installer], cache: Cache) -> None:
    numbers = count()
    with scripted(lambda asked: part_of(ZIP, asked, f'ETag: "{next(numbers)}"')) as (origin, asked):
        with pytest.raises(ReplacedError, match="was replaced while it was read"):
            make_installer(origin, connections=1).install(ARTIFACT)
        looks = [request for request in asked if request.span and request.span.start == 0]

    assert len(looks) == 3
    assert kept_files(cache) == []


@pytest.mark.parametrize("damage", ["weights", "checksum", "recorded"])
def test_what_turns_out_to_be_wrong_is_not_gone_on_with(
    make_installer: Callable[..., Installer], cache: Cache, hub_folder: HubFolder, server: Server, damage: str
) -> None:
    content = bytearray(ZIP)
    content[len(ZIP) // 2] ^= damage == "weights"
    hub_folder.add(TEXT_OF_KEY, bytes(content))
    if damage == "recorded":
        (cache.root / ".modelhub" / "digests").mkdir(parents=True)
        (cache.root / ".modelhub" / "digests" / TEXT_OF_KEY).write_text(f"sha256:{'0' * 64}\n", encoding="ascii")
    artifact = Artifact(key=KEY, checksum="0" * 32 if damage == "checksum" else "")

    with pytest.raises(IntegrityError):
        make_installer(server.uri()).install(artifact)
    assert kept_files(cache) == []
    assert cache.entries() == []


def test_what_is_stopped_fails_and_keeps_what_has_come(
    make_installer: Callable[..., Installer],
    cache: Cache,
    hub_folder: HubFolder,
    server: Server,
    moments: list[Progress],
) -> None:
    hub_folder.add(TEXT_OF_KEY, ZIP)
    installer = make_installer(server.uri("paced", 4000))
    with pytest.raises(KeyboardInterrupt), installer.crew(1, "pull") as threads:
        installed = threads.submit(installer.install, ARTIFACT)
        wait_for(lambda: bool(kept_files(cache)) and moments[-1].done_bytes > 3 * BLOCK_BYTES)
        raise KeyboardInterrupt

    assert isinstance(installed.exception(2), StoppedError)
    assert kept_files(cache) == [f"{KEY}.journal", f"{KEY}.part"]
    assert make_installer(server.uri()).install(ARTIFACT).downloaded_bytes < len(ZIP)


@pytest.mark.parametrize("phase", ["opening", "checking"])
def test_what_lies_on_this_machine_is_stopped_too(
    make_installer: Callable[..., Installer], cache: Cache, hub_folder: HubFolder, phase: str
) -> None:
    hub_folder.add(TEXT_OF_KEY)
    installer = make_installer(hub_folder.uri)
    is_reached, may_go_on = threading.Event(), threading.Event()

    def listen(progress: Progress) -> None:
        if progress.phase == phase:
            is_reached.set()
            may_go_on.wait(10)

    installer._on_progress = listen
    with pytest.raises(KeyboardInterrupt), installer.crew(1, "pull") as threads:
        installed = threads.submit(installer.install, ARTIFACT)
        assert is_reached.wait(10)
        threading.Timer(0.3, may_go_on.set).start()
        raise KeyboardInterrupt

    assert isinstance(installed.exception(2), StoppedError)
    assert cache.entries() == []


# Little room


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Callable[[int], Path]]:
    """``small_disk(size_bytes)``: a folder on a file system of that size."""
    mounted: list[Path] = []

    def small_disk(size_bytes: int) -> Path:
        folder = tmp_path / "small"
        folder.mkdir()
        words = ["mount", "-t", "tmpfs", "-o", f"size={size_bytes}", "none", str(folder)]
        if os.geteuid() or subprocess.run(words, capture_output=True, check=False).returncode:
            pytest.skip("only root can make a file system of a given size")
        mounted.append(folder)
        return folder

    yield small_disk
    for folder in mounted:
        subprocess.run(["umount", str(folder)], check=True)


@pytest.mark.parametrize(("size_bytes", "is_enough"), [(5_000_000, True), (3_000_000, False)])
def test_where_there_is_no_room_for_zip_and_folder_nothing_is_kept_for_later(
    make_installer: Callable[..., Installer],
    hub_folder: HubFolder,
    server: Server,
    notes: list[str],
    small_disk: Callable[[int], Path],
    size_bytes: int,
    is_enough: bool,
) -> None:
    hub_folder.add(TEXT_OF_KEY, ZIP)
    cache = Cache(small_disk(size_bytes))
    pulled = make_installer(server.uri(), cache=cache).install(ARTIFACT)

    assert files_of(pulled.path) == MODEL
    assert pulled.downloaded_bytes == len(ZIP)
    assert kept_files(cache) == []
    said = f"The disk has no room for {KEY} and its zip: an interrupted download will begin anew."
    assert notes == ([] if is_enough else [said])


@pytest.mark.parametrize("faults", ["", "no-ranges"])
def test_where_there_is_no_room_for_the_folder_a_pull_is_refused_with_figures(
    make_installer: Callable[..., Installer],
    hub_folder: HubFolder,
    server: Server,
    small_disk: Callable[[int], Path],
    faults: str,
) -> None:
    hub_folder.add(TEXT_OF_KEY, ZIP)
    cache = Cache(small_disk(1_000_000))

    with pytest.raises(
        StorageError, match=r"needs 2,\d\d\d,\d\d\d bytes in .*, whose disk has 9\d\d,\d\d\d free"
    ) as raised:
        make_installer(server.uri(*faults.split()), cache=cache).install(ARTIFACT)
    assert str(cache.root) in raised.value.message
    assert "modelhub rm" in raised.value.hint
    assert cache.entries() == []


def test_a_folder_needs_no_room_for_its_zips(
    make_installer: Callable[..., Installer],
    hub_folder: HubFolder,
    notes: list[str],
    small_disk: Callable[[int], Path],
) -> None:
    hub_folder.add(TEXT_OF_KEY, ZIP)
    pulled = make_installer(hub_folder.uri, cache=Cache(small_disk(3_000_000))).install(ARTIFACT)

    assert files_of(pulled.path) == MODEL
    assert notes == []


def test_what_was_kept_counts_as_room(
    make_installer: Callable[..., Installer],
    hub_folder: HubFolder,
    server: Server,
    notes: list[str],
    small_disk: Callable[[int], Path],
) -> None:
    hub_folder.add(TEXT_OF_KEY, ZIP)
    cache = Cache(small_disk(5_000_000))
    lose(make_installer(server.uri("gone-after", LOST_BYTES), cache=cache))
    pulled = make_installer(server.uri(), cache=cache).install(ARTIFACT)

    assert 0 < pulled.downloaded_bytes < len(ZIP) - LOST_BYTES // 4
    assert notes == []


# Servers


@pytest.mark.parametrize("connections", [1, 8])
@pytest.mark.parametrize("faults", ["", "no-ranges", "no-ranges/no-length", "no-suffix", "weak-etag", "redirect"])
def test_a_model_comes_whole_from_servers_that_know_more_or_less(
    make_installer: Callable[..., Installer], hub_folder: HubFolder, server: Server, faults: str, connections: int
) -> None:
    hub_folder.add(TEXT_OF_KEY, ZIP)
    pulled = make_installer(server.uri(*faults.split()), connections=connections).install(ARTIFACT)

    assert files_of(pulled.path) == MODEL
    assert pulled.downloaded_bytes == len(ZIP)


# What is refused


@pytest.mark.parametrize(
    "content", [b"", b"<html>Log in</html>", make_zip()[:-30], make_zip({"weights": b""}), make_zip({"../x": b""})]
)
def test_an_archive_error_names_the_uri_and_what_to_do(
    make_installer: Callable[..., Installer], cache: Cache, hub_folder: HubFolder, content: bytes
) -> None:
    hub_folder.add(TEXT_OF_KEY, content)

    with pytest.raises(ArchiveError) as raised:
        make_installer(hub_folder.uri).install(ARTIFACT)
    assert raised.value.message.startswith(f"{hub_folder.uri}/public/models/{KEY}.zip: ")
    assert raised.value.hint
    assert cache.digest(KEY) == ""


def test_an_error_repeats_no_signature(
    make_installer: Callable[..., Installer], hub_folder: HubFolder, server: Server
) -> None:
    hub_folder.add(TEXT_OF_KEY, b"no zip")
    uri = f"{server.uri('public/models', TEXT_OF_KEY)}.zip?X-Amz-Signature=5ec4e7"
    foreign = Artifact(key=KEY, repository=server.uri("public/models"), uri=uri)

    with pytest.raises(ArchiveError) as raised:
        make_installer(server.uri()).install(foreign)
    assert "5ec4e7" not in str(raised.value)
    assert "?" in server.requests[-1].path


def test_a_foreign_zip_is_read_only_where_that_is_allowed(
    make_installer: Callable[..., Installer], cache: Cache, hub_folder: HubFolder
) -> None:
    hub_folder.add(TEXT_OF_KEY, repository="elsewhere")
    folder = f"{hub_folder.uri}/elsewhere"
    foreign = Artifact(key=KEY, repository=folder, uri=f"{folder}/{KEY}.zip")

    with pytest.raises(NotAllowedError):
        make_installer("https://127.0.0.1:1").install(foreign)
    make_installer("https://127.0.0.1:1", allow_hub=folder).install(foreign)
    manifest = cache.manifest(KEY)
    assert manifest is not None
    assert manifest.s3_uri == f"{folder}/{KEY}.zip"


def test_another_zip_under_a_known_key_is_refused(
    make_installer: Callable[..., Installer], cache: Cache, hub_folder: HubFolder
) -> None:
    hub_folder.add(TEXT_OF_KEY)
    installer = make_installer(hub_folder.uri)
    installer.install(ARTIFACT)
    (entry,) = cache.entries()
    cache.remove(entry)
    hub_folder.add(TEXT_OF_KEY, make_zip({**SAVED_MODEL, "weights": b"other"}))

    with pytest.raises(IntegrityError, match="not the zip that was installed here before") as raised:
        installer.install(ARTIFACT)
    assert str(cache.root / ".modelhub" / "digests" / TEXT_OF_KEY) in raised.value.hint


@pytest.mark.parametrize("facts", [{"checksum": "0" * 32}, {"size_bytes": 7, "size_exact": True}])
def test_what_the_list_says_must_hold(
    make_installer: Callable[..., Installer], cache: Cache, hub_folder: HubFolder, facts: dict[str, Any]
) -> None:
    hub_folder.add(TEXT_OF_KEY)

    with pytest.raises(IntegrityError):
        make_installer(hub_folder.uri).install(Artifact(key=KEY, **facts))
    assert cache.entries() == []
