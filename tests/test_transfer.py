from __future__ import annotations

import hashlib
import os
import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from hub_server import HubFolder, Server
from serving import wait_for

from modelhub.errors import IntegrityError, NetworkError, StoppedError, StorageError
from modelhub.network import Network
from modelhub.storage import Look, Storage
from modelhub.transfer import Download, Expected

CONTENT = random.Random(1).randbytes(1_280_000)
SIZE = len(CONTENT)
MD5 = hashlib.md5(CONTENT).hexdigest()
SHA256 = hashlib.sha256(CONTENT).hexdigest()
NOTHING = Expected()

LookAt = Callable[..., Look]
Read = Callable[[Download], bytes]


@pytest.fixture
def file(hub_folder: HubFolder) -> Path:
    hub_folder.folder.mkdir()
    path = hub_folder.folder / "object.bin"
    path.write_bytes(CONTENT)
    return path


@pytest.fixture
def look_at() -> Iterator[LookAt]:
    """``look_at(uri)``."""
    opened: list[Storage] = []

    def look_at(uri: str, *, connections: int = 8) -> Look:
        opened.append(Storage(Network(timeout_s=0.5, backoff_s=0.002, connections=connections)))
        return opened[-1].open(uri).look()

    yield look_at
    for storage in opened:
        storage.close()


@pytest.fixture
def part(tmp_path: Path) -> Path:
    return tmp_path / "partials" / "x.part"


@pytest.fixture(params=["file", "by position", "in order", "no ranges", "no length"])
def way(request: pytest.FixtureRequest, server: Server, file: Path, look_at: LookAt, part: Path) -> tuple[Look, Read]:
    """An object that can be read, and how: by position and in order, from everywhere."""
    faults = {"no ranges": "no-ranges", "no length": "no-ranges/no-length"}.get(request.param, "").split()
    uri = file.as_uri() if request.param == "file" else server.uri(*faults, "object.bin")

    def by_position(download: Download) -> bytes:
        return download.by_position(part).read_at(0, SIZE + 1)

    def in_order(download: Download) -> bytes:
        return b"".join(download.in_order(part))

    return look_at(uri), by_position if request.param in ("file", "by position") else in_order


def is_open(path: Path) -> bool:
    """Whether this process has a file open."""
    found = False
    for number in os.listdir("/dev/fd"):  # noqa: PTH208
        with suppress(OSError):  # that of the list itself
            found |= os.path.samestat(os.fstat(int(number)), path.stat())
    return found


# What arrives


@pytest.mark.parametrize("md5", ["", MD5, MD5.upper()])
def test_a_download_brings_every_byte_and_knows_its_digest(way: tuple[Look, Read], md5: str) -> None:
    look, read = way
    with Download(look, Expected(size_bytes=SIZE, md5=md5)) as download:
        content = read(download)
        download.finish()

    assert content == CONTENT
    assert (download.size_bytes, download.fetched_bytes) == (SIZE, SIZE)
    assert download.sha256 == SHA256


def test_progress_grows_from_nothing_to_all(way: tuple[Look, Read]) -> None:
    look, read = way
    seen: list[tuple[int, int | None]] = []
    with Download(look, NOTHING, lambda *moment: seen.append(moment)) as download:
        read(download)
        download.finish()
    done = [moment for moment, _ in seen]

    assert (done[0], done[-1]) == (0, SIZE)
    assert done == sorted(done)
    assert {total for _, total in seen} == {look.stat.size_bytes}


def test_the_expected_size_is_told_as_the_total_where_the_server_tells_none(
    look_at: LookAt, server: Server, file: Path, part: Path
) -> None:
    seen: list[tuple[int, int | None]] = []
    look = look_at(server.uri("no-ranges/no-length/object.bin"))
    with Download(look, Expected(size_bytes=SIZE), lambda *moment: seen.append(moment)) as download:
        list(download.in_order(part))

    assert (seen[0], seen[-1]) == ((0, SIZE), (SIZE, SIZE))


def test_nobody_needs_to_listen(way: tuple[Look, Read]) -> None:
    look, read = way
    with Download(look, NOTHING) as download:
        assert read(download) == CONTENT
        download.finish()


@pytest.mark.parametrize("is_in_order", [False, True])
def test_an_empty_object_arrives(look_at: LookAt, server: Server, file: Path, part: Path, is_in_order: bool) -> None:
    file.write_bytes(b"")
    for uri in (server.uri("object.bin"), file.as_uri())[: 1 if is_in_order else 2]:
        with Download(look_at(uri), Expected(size_bytes=0)) as download:
            read = b"".join(download.in_order(part)) if is_in_order else download.by_position(part).read_at(0, 9)
            download.finish()
        assert (read, download.size_bytes, download.sha256) == (b"", 0, hashlib.sha256().hexdigest())


def test_bytes_are_there_before_the_check_at_the_end(way: tuple[Look, Read]) -> None:
    look, read = way
    with Download(look, Expected(md5="0" * 32)) as download:
        assert read(download) == CONTENT
        with pytest.raises(IntegrityError, match=f"{MD5}, not {'0' * 32} as metadata.json says") as raised:
            download.finish()
    assert "modelhub update" in raised.value.hint


# Going on


def test_what_was_interrupted_goes_on_where_it_was(look_at: LookAt, server: Server, file: Path, part: Path) -> None:
    with (
        pytest.raises(NetworkError),
        Download(look_at(server.uri("gone-after", 900_000, "object.bin")), NOTHING) as lost,
    ):
        lost.by_position(part)
        lost.finish()
    seen: list[int] = []
    look = look_at(server.uri("object.bin"))
    with Download(look, NOTHING, lambda done, total: seen.append(done)) as download:
        content = download.by_position(part).read_at(0, SIZE)
        download.finish()

    assert content == CONTENT
    assert download.sha256 == SHA256
    assert download.fetched_bytes == SIZE - lost.fetched_bytes
    assert 0 < download.fetched_bytes < SIZE
    assert seen[0] == 0
    assert seen[1] >= lost.fetched_bytes
    assert seen[-1] == SIZE


def test_what_is_all_there_is_not_asked_for(look_at: LookAt, server: Server, file: Path, part: Path) -> None:
    with Download(look_at(server.uri("object.bin")), NOTHING) as first:
        first.by_position(part)
        first.finish()
    look = look_at(server.uri("object.bin"))
    server.requests.clear()
    with Download(look, NOTHING) as second:
        second.by_position(part)
        second.finish()

    assert (second.fetched_bytes, second.sha256) == (0, SHA256)
    assert server.requests == []


@pytest.mark.parametrize(
    ("expected", "is_gone_on_with"), [(NOTHING, False), (Expected(md5=MD5), True), (Expected(sha256=SHA256), True)]
)
def test_what_another_hub_gave_is_of_use_where_a_digest_tells_in_the_end(
    look_at: LookAt,
    server: Server,
    second_server: Server,
    file: Path,
    part: Path,
    expected: Expected,
    is_gone_on_with: bool,
) -> None:
    with Download(look_at(server.uri("no-etag/object.bin")), expected) as first:
        first.by_position(part)
        first.finish()
    with Download(look_at(second_server.uri("object.bin")), expected) as second:
        second.by_position(part)
        second.finish()

    assert (second.fetched_bytes == 0) == is_gone_on_with
    assert second.sha256 == SHA256


def test_what_comes_in_order_takes_the_place_of_a_part(look_at: LookAt, server: Server, file: Path, part: Path) -> None:
    with Download(look_at(server.uri("object.bin")), NOTHING) as first:
        first.by_position(part)
    assert part.exists()
    with Download(look_at(server.uri("object.bin")), NOTHING) as second:
        content = b"".join(second.in_order(part))

    assert content == CONTENT
    assert list(part.parent.iterdir()) == []


def test_what_is_closed_is_kept(look_at: LookAt, server: Server, file: Path, part: Path) -> None:
    with Download(look_at(server.uri("object.bin")), NOTHING) as download:
        download.by_position(part)
        download.finish()

    assert part.read_bytes() == CONTENT


# What is not as it should be


@pytest.mark.parametrize("where", ["file", "http"])
def test_another_size_than_the_list_says_is_an_integrity_error(
    look_at: LookAt, server: Server, file: Path, where: str
) -> None:
    look = look_at(file.as_uri() if where == "file" else server.uri("object.bin"))
    server.requests.clear()

    with pytest.raises(IntegrityError, match=r"1,280,000 bytes, not 1,280,001 as its list says") as raised:
        Download(look, Expected(size_bytes=SIZE + 1))
    assert look.uri in raised.value.message
    assert "modelhub update" in raised.value.hint
    assert server.requests == []


def test_another_size_is_seen_at_the_end_where_the_server_does_not_tell_it(
    look_at: LookAt, server: Server, file: Path, part: Path
) -> None:
    with Download(look_at(server.uri("no-ranges/no-length/object.bin")), Expected(size_bytes=SIZE + 1)) as download:
        assert b"".join(download.in_order(part)) == CONTENT
        with pytest.raises(IntegrityError, match=r"1,280,000 bytes, not 1,280,001"):
            download.finish()


@pytest.mark.parametrize("content", [CONTENT[:-1], CONTENT + b"x"])
def test_a_file_that_changes_its_size_while_it_is_read_is_an_integrity_error(
    look_at: LookAt, file: Path, part: Path, content: bytes
) -> None:
    look = look_at(file.as_uri())
    file.write_bytes(content)

    with Download(look, NOTHING) as download:
        download.by_position(part)
        with pytest.raises(IntegrityError, match=f"had 1,280,000 bytes when its reading began, {len(content):,} came"):
            download.finish()


@pytest.mark.parametrize("is_in_order", [False, True])
def test_a_connection_that_breaks_is_a_network_error_and_no_wrong_digest(
    look_at: LookAt, server: Server, file: Path, part: Path, is_in_order: bool
) -> None:
    look = look_at(server.uri("gone-after", 700_000, "object.bin"))

    with pytest.raises(NetworkError, match="broke off|cannot be read"), Download(look, Expected(md5=MD5)) as download:
        if is_in_order:
            list(download.in_order(part))
        else:
            download.by_position(part)
        download.finish()


def test_a_disk_without_room_is_a_storage_error(look_at: LookAt, server: Server, file: Path, part: Path) -> None:
    part.parent.write_bytes(b"")

    with Download(look_at(server.uri("object.bin")), NOTHING) as download, pytest.raises(StorageError):
        download.by_position(part)


# The end


def test_a_download_leaves_no_file_open(look_at: LookAt, server: Server, file: Path, part: Path) -> None:
    with Download(look_at(server.uri("object.bin")), NOTHING) as remote:
        remote.by_position(part)
        assert is_open(part)
    with Download(look_at(file.as_uri()), NOTHING) as local:
        local.by_position(part)
        assert is_open(file)

    assert not is_open(part)
    wait_for(lambda: not is_open(file))  # the server may still have been sending it


def test_a_download_that_is_refused_leaves_no_file_open(look_at: LookAt, file: Path) -> None:
    with pytest.raises(IntegrityError):
        Download(look_at(file.as_uri()), Expected(size_bytes=1))

    assert not is_open(file)


def test_who_waits_for_bytes_is_woken_when_a_download_is_closed(
    look_at: LookAt, server: Server, file: Path, part: Path
) -> None:
    look = look_at(server.uri("nth/3/stall-at", 10, "nth/4/silent", "object.bin"), connections=1)
    download = Download(look, NOTHING)
    content = download.by_position(part)
    threading.Timer(0.1, download.close).start()

    with pytest.raises(StoppedError):
        content.read_at(0, SIZE)
    with pytest.raises(StoppedError):
        download.finish()


def test_closing_does_not_wait_for_a_digest_that_nobody_wants(look_at: LookAt, file: Path, part: Path) -> None:
    os.truncate(file, 4 << 30)
    download = Download(look_at(file.as_uri()), NOTHING)
    download.by_position(part)
    started_s = time.monotonic()
    download.close()

    assert time.monotonic() - started_s < 0.5


def test_a_thread_that_cannot_be_started_is_an_error_and_nothing_to_wait_for(
    look_at: LookAt, file: Path, part: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def start(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    download = Download(look_at(file.as_uri()), NOTHING)
    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", start)
        with pytest.raises(RuntimeError):
            download.by_position(part)
    closing = threading.Thread(target=download.close, daemon=True)
    closing.start()
    closing.join(5)

    assert not closing.is_alive()
    assert not is_open(file)
