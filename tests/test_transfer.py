from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from hub_server import HubFolder, Server

from modelhub.errors import IntegrityError, NetworkError
from modelhub.storage import Storage
from modelhub.transfer import Download

CONTENT = bytes(range(256)) * 5000
MD5 = hashlib.md5(CONTENT).hexdigest()


@pytest.fixture
def storage() -> Iterator[Storage]:
    storage = Storage(timeout_s=5, backoff_s=0)
    yield storage
    storage.close()


@pytest.fixture
def file(hub_folder: HubFolder) -> Path:
    hub_folder.folder.mkdir()
    path = hub_folder.folder / "object.bin"
    path.write_bytes(CONTENT)
    return path


@pytest.mark.parametrize("md5", ["", MD5, MD5.upper()])
def test_a_download_yields_every_byte_and_knows_its_digest(storage: Storage, file: Path, md5: str) -> None:
    download = Download(storage.open(file.as_uri()), expected_bytes=len(CONTENT), expected_md5=md5)

    assert b"".join(download) == CONTENT
    assert download.size_bytes == len(CONTENT)
    assert download.sha256 == hashlib.sha256(CONTENT).hexdigest()


@pytest.mark.parametrize(("fault", "total"), [("slow", 10_000), ("no-length", None)])
def test_progress_is_told_with_every_piece(
    storage: Storage, server: Server, file: Path, fault: str, total: int | None
) -> None:
    file.write_bytes(CONTENT[:10_000])
    seen: list[tuple[int, int | None]] = []
    list(Download(storage.open(server.uri(fault, "object.bin")), on_bytes=lambda *moment: seen.append(moment)))

    assert seen == [(0, total), (10_000, total)]


def test_the_expected_size_is_told_as_the_total_without_asking_for_it(
    storage: Storage, server: Server, file: Path
) -> None:
    seen: list[tuple[int, int | None]] = []
    download = Download(
        storage.open(server.uri("no-length", "object.bin")),
        expected_bytes=len(CONTENT),
        on_bytes=lambda *moment: seen.append(moment),
    )
    list(download)

    assert seen[-1] == (len(CONTENT), len(CONTENT))
    assert server.asked("object.bin") == ["GET"]


def test_another_size_than_the_list_says_is_an_integrity_error(storage: Storage, file: Path) -> None:
    download = Download(storage.open(file.as_uri()), expected_bytes=len(CONTENT) + 1)

    with pytest.raises(IntegrityError, match=r"1,280,000 bytes, not 1,280,001"):
        next(iter(download))
    assert download.size_bytes == 0


def test_another_size_is_seen_at_the_end_where_the_server_does_not_tell_it(
    storage: Storage, server: Server, file: Path
) -> None:
    download = Download(storage.open(server.uri("no-length", "object.bin")), expected_bytes=len(CONTENT) + 1)

    with pytest.raises(IntegrityError, match=r"1,280,000 bytes, not 1,280,001"):
        list(download)
    assert download.size_bytes == len(CONTENT)


def test_an_object_that_changes_its_size_while_it_is_read_is_an_integrity_error(storage: Storage, file: Path) -> None:
    download = iter(Download(storage.open(file.as_uri())))
    next(download)
    file.write_bytes(CONTENT[:-1])

    with pytest.raises(IntegrityError, match=r"had 1,280,000 bytes when its reading began, 1,279,999 came"):
        list(download)


def test_one_request_tells_the_size_and_brings_the_bytes(storage: Storage, server: Server, file: Path) -> None:
    seen: list[tuple[int, int | None]] = []
    list(Download(storage.open(server.uri("object.bin")), on_bytes=lambda *moment: seen.append(moment)))

    assert (seen[0], seen[-1]) == ((0, len(CONTENT)), (len(CONTENT), len(CONTENT)))
    assert server.asked("object.bin") == ["GET"]


def test_another_md5_than_the_list_says_is_an_integrity_error(storage: Storage, file: Path) -> None:
    download = Download(storage.open(file.as_uri()), expected_md5="0" * 32)

    with pytest.raises(IntegrityError, match=f"{MD5}, not {'0' * 32}"):
        list(download)


def test_bytes_are_passed_on_before_the_check_at_the_end(storage: Storage, file: Path) -> None:
    download = iter(Download(storage.open(file.as_uri()), expected_md5="0" * 32))

    assert next(download) == CONTENT[: 1 << 20]
    assert next(download) == CONTENT[1 << 20 :]
    with pytest.raises(IntegrityError):
        next(download)


def test_a_connection_that_breaks_is_a_network_error_and_no_wrong_digest(
    storage: Storage, server: Server, file: Path
) -> None:
    download = Download(storage.open(server.uri("drop-at", 300_000, "object.bin")), expected_md5=MD5)

    with pytest.raises(NetworkError, match="broke off"):
        list(download)
