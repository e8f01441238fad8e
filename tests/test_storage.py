from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hub_server import HubFolder, Server

from modelhub.errors import ModelHubError, NetworkError, NotAllowedError, NotFoundError, StorageError, UsageError
from modelhub.storage import CHUNK_BYTES, Storage, path_of_file_uri

CONTENT = bytes(range(256)) * 64


@pytest.fixture
def storage() -> Iterator[Storage]:
    storage = Storage(timeout_s=5, backoff_s=0)
    yield storage
    storage.close()


@pytest.fixture
def impatient() -> Iterator[Storage]:
    storage = Storage(timeout_s=0.1, backoff_s=0)
    yield storage
    storage.close()


@pytest.fixture
def file(hub_folder: HubFolder) -> Path:
    hub_folder.folder.mkdir()
    path = hub_folder.folder / "object.bin"
    path.write_bytes(CONTENT)
    return path


# Objects


@pytest.mark.parametrize("faults", [(), ("no-ranges",), ("slow",), ("503-then-200",), ("redirect",), ("gzip",)])
def test_an_object_is_streamed_whole(storage: Storage, server: Server, file: Path, faults: tuple[str, ...]) -> None:
    source = storage.open(server.uri(*faults, "object.bin"))

    assert b"".join(source.stream()) == CONTENT
    assert source.stream().size_bytes == len(CONTENT)
    assert source.stat().size_bytes == len(CONTENT)


@pytest.mark.parametrize("fault", ["no-length", "chunked"])
def test_an_object_of_unknown_size_is_streamed_whole(storage: Storage, server: Server, file: Path, fault: str) -> None:
    source = storage.open(server.uri("no-ranges", fault, "object.bin"))

    assert source.stat().size_bytes is None
    assert source.stream().size_bytes is None
    assert b"".join(source.stream()) == CONTENT


def test_an_object_in_a_folder_is_streamed_whole(storage: Storage, file: Path) -> None:
    source = storage.open(file.as_uri())

    assert b"".join(source.stream()) == CONTENT
    assert source.stat().size_bytes == len(CONTENT)


def test_a_stream_tells_its_object_and_is_closed_before_its_end(storage: Storage, server: Server, file: Path) -> None:
    for source in (storage.open(file.as_uri()), storage.open(server.uri("object.bin"))):
        with source.stream() as unread, source.stream() as stream:
            next(iter(stream))

        assert (stream.size_bytes, stream.etag) == (unread.size_bytes, unread.etag) == (len(CONTENT), stream.etag)
        assert stream.etag
        assert list(unread) == []


@pytest.mark.parametrize("where", ["file", "http", "no-ranges"])
def test_an_empty_object_is_one_too(storage: Storage, server: Server, file: Path, where: str) -> None:
    file.write_bytes(b"")
    uris = {"file": file.as_uri(), "http": server.uri("object.bin"), "no-ranges": server.uri("no-ranges", "object.bin")}
    source = storage.open(uris[where])

    assert source.stat().size_bytes == 0
    assert list(source.stream()) == []
    assert source.read_at(0, 10) == b""


def test_an_object_is_looked_at_by_its_first_byte(storage: Storage, server: Server, file: Path) -> None:
    storage.open(server.uri("object.bin")).stat()

    assert [(request.method, request.headers["Range"]) for request in server.requests] == [("GET", "bytes=0-0")]


def test_pieces_are_bounded(storage: Storage, server: Server, file: Path) -> None:
    file.write_bytes(bytes(CHUNK_BYTES * 2 + 1))

    for uri in (file.as_uri(), server.uri("object.bin")):
        sizes = [len(piece) for piece in storage.open(uri).stream()]
        assert sum(sizes) == CHUNK_BYTES * 2 + 1
        assert max(sizes) <= CHUNK_BYTES


def test_what_has_arrived_is_passed_on_long_before_a_megabyte_has(
    impatient: Storage, server: Server, file: Path
) -> None:
    file.write_bytes(bytes(CHUNK_BYTES))
    stream = iter(impatient.open(server.uri("stall-at", 100_000, "object.bin")).stream())

    assert len(next(stream)) >= 1 << 12


@pytest.mark.parametrize("where", ["file", "http", "no-ranges"])
@pytest.mark.parametrize(
    ("offset", "length", "expected"),
    [
        (0, 1, CONTENT[:1]),
        (5000, 4096, CONTENT[5000:9096]),
        (len(CONTENT) - 3, 3, CONTENT[-3:]),
        (len(CONTENT) - 3, 100, CONTENT[-3:]),
        (len(CONTENT), 100, b""),
    ],
)
def test_an_object_is_read_at_an_offset(
    storage: Storage, server: Server, file: Path, where: str, offset: int, length: int, expected: bytes
) -> None:
    uris = {"file": file.as_uri(), "http": server.uri("object.bin"), "no-ranges": server.uri("no-ranges", "object.bin")}
    source = storage.open(uris[where])

    assert source.read_at(offset, length) == expected


def test_a_range_brings_no_more_than_itself(storage: Storage, server: Server, file: Path) -> None:
    storage.open(server.uri("object.bin")).read_at(100, 50)

    assert server.requests[-1].headers["Range"] == "bytes=100-149"


def test_the_etag_changes_with_the_object(storage: Storage, server: Server, file: Path) -> None:
    sources = [storage.open(file.as_uri()), storage.open(server.uri("object.bin"))]
    before = [source.stat().etag for source in sources]
    file.write_bytes(CONTENT[::-1])
    os.utime(file, (1, 1))

    assert all(before)
    assert not set(before) & {source.stat().etag for source in sources}


# Failures, each as one of our errors


@pytest.mark.parametrize(
    ("faults", "error", "words"),
    [
        (("drop-at", 5000), NetworkError, "broke off"),
        (("chunked", "drop-at", 5000), NetworkError, "broke off"),
        (("stall-at", 5000), NetworkError, "in time"),
        (("silent",), NetworkError, "in time"),
        (("403",), NotAllowedError, "HTTP 403"),
        (("401",), NotAllowedError, "HTTP 401"),
        (("404",), NotFoundError, "HTTP 404"),
        (("410",), NotFoundError, "HTTP 410"),
        (("400",), NetworkError, "HTTP 400"),
        (("416",), NetworkError, "HTTP 416"),
        (("500",), NetworkError, "HTTP 500"),
        (("503",), NetworkError, "HTTP 503"),
    ],
)
def test_a_fault_of_the_server_is_an_error_of_ours(
    impatient: Storage, server: Server, file: Path, faults: tuple[str | int, ...], error: type, words: str
) -> None:
    uri = server.uri(*faults, "object.bin")

    with pytest.raises(ModelHubError, match=words) as raised:
        list(impatient.open(uri).stream())
    assert type(raised.value) is error
    assert uri in raised.value.message
    assert raised.value.hint
    if isinstance(raised.value, NetworkError):
        assert raised.value.uri == uri


def test_what_fails_is_shown_without_password_and_signature(impatient: Storage, server: Server) -> None:
    uri = f"http://user:secret@127.0.0.1:{server.server_port}/404/object.bin?X-Amz-Signature=secret"

    for ask in (impatient.open(uri).stat, lambda: impatient.read_text(uri)):
        with pytest.raises(NotFoundError, match="/404/object.bin does not exist") as raised:
            ask()
        assert "secret" not in raised.value.message + raised.value.hint
        assert server.requests[-1].path == "/404/object.bin?X-Amz-Signature=secret"
        assert server.requests[-1].headers["Authorization"].startswith("Basic ")


def test_a_hub_that_listens_no_longer_is_a_network_error(impatient: Storage) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        uri = f"http://127.0.0.1:{unused.getsockname()[1]}/object.bin"

        with pytest.raises(NetworkError, match="refused"):
            impatient.open(uri).stat()


def test_a_host_without_an_address_is_a_network_error(impatient: Storage) -> None:
    with pytest.raises(NetworkError, match="no-such-host.invalid"):
        impatient.open("https://no-such-host.invalid/object.bin").stat()


def test_only_what_can_get_better_is_asked_for_again(storage: Storage, server: Server, file: Path) -> None:
    for fault, count in (("404", 1), ("403", 1), ("503", 4)):
        server.requests.clear()
        with pytest.raises(ModelHubError):
            storage.open(server.uri(fault, "object.bin")).stat()
        assert len(server.requests) == count


def test_a_server_that_speaks_no_tls_is_a_network_error(storage: Storage, server: Server) -> None:
    with pytest.raises(NetworkError):
        storage.open(server.uri("object.bin").replace("http:", "https:")).stat()


def test_a_missing_file_is_not_found(storage: Storage, tmp_path: Path) -> None:
    source = storage.open((tmp_path / "none").as_uri())

    for ask in (source.stat, lambda: list(source.stream()), lambda: source.read_at(0, 1)):
        with pytest.raises(NotFoundError, match="none"):
            ask()


def test_a_folder_in_place_of_an_object_is_a_storage_error(storage: Storage, tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="directory"):
        list(storage.open(tmp_path.as_uri()).stream())


# What may be asked at all


@pytest.mark.parametrize("uri", ["http://hub.example/x.zip", "http://10.0.0.7:8080/x.zip", "http://localhost.example/"])
def test_unencrypted_hubs_elsewhere_are_refused(storage: Storage, uri: str) -> None:
    with pytest.raises(NotAllowedError, match="not encrypted"):
        storage.open(uri)
    with pytest.raises(NotAllowedError, match="not encrypted"):
        storage.read_text(uri)


def test_unencrypted_hubs_elsewhere_are_taken_where_that_is_allowed() -> None:
    storage = Storage(timeout_s=5, allow_http=True)

    assert storage.open("http://hub.example/x.zip").uri == "http://hub.example/x.zip"


def test_a_redirect_does_not_lead_out_of_encryption_to_another_machine(
    storage: Storage, server: Server, file: Path
) -> None:
    with pytest.raises(NotAllowedError, match="not encrypted"):
        list(storage.open(server.uri("redirect", "http://hub.example/object.bin")).stream())


@pytest.mark.parametrize("uri", ["ftp://hub.example/x.zip", "s3://bucket/x.zip", "x.zip", "", "https://[::1/x.zip"])
def test_other_kinds_of_uri_are_refused(storage: Storage, uri: str) -> None:
    with pytest.raises(UsageError):
        storage.open(uri)


def test_the_path_of_a_file_uri_may_hold_any_sign(tmp_path: Path) -> None:
    path = tmp_path / "models of ours, 100 % ü#?.zip"

    assert path_of_file_uri(path.as_uri()) == path


# Documents


@pytest.mark.parametrize("fault", ["", "no-etag", "gzip", "no-length", "chunked", "redirect", "503-then-200"])
def test_a_document_is_read_again_only_if_it_changed(storage: Storage, server: Server, file: Path, fault: str) -> None:
    file.write_text("{}\n", encoding="utf-8")
    uri = server.uri(fault, "object.bin") if fault else server.uri("object.bin")

    first = storage.read_text(uri)
    assert first is not None
    assert first.content == "{}\n"
    assert storage.read_text(uri, validator=first.validator) is None

    file.write_text("{1}\n", encoding="utf-8")
    os.utime(file, (1_000_000_000, 1_000_000_000))
    second = storage.read_text(uri, validator=first.validator)
    assert second is not None
    assert second.content == "{1}\n"


def test_a_document_in_a_folder_is_read_again_only_if_it_changed(storage: Storage, file: Path) -> None:
    file.write_text("one", encoding="utf-8")

    first = storage.read_text(file.as_uri())
    assert first is not None
    assert storage.read_text(file.as_uri(), validator=first.validator) is None

    file.write_text("other", encoding="utf-8")
    second = storage.read_text(file.as_uri(), validator=first.validator)
    assert second is not None
    assert second.content == "other"


def test_a_document_that_is_not_utf8_is_read_with_replacements(storage: Storage, server: Server, file: Path) -> None:
    file.write_bytes(b"caf\xe9")

    for uri in (file.as_uri(), server.uri("object.bin")):
        text = storage.read_text(uri)
        assert text is not None
        assert text.content == "caf\ufffd"


@pytest.mark.parametrize(
    ("faults", "error"),
    [
        (("404",), NotFoundError),
        (("403",), NotAllowedError),
        (("500",), NetworkError),
        (("silent",), NetworkError),
        (("drop-at", 100), NetworkError),
        (("stall-at", 100), NetworkError),
    ],
)
def test_a_document_that_does_not_come_is_an_error_of_ours(
    impatient: Storage, server: Server, file: Path, faults: tuple[str | int, ...], error: type
) -> None:
    with pytest.raises(error, match="object.bin"):
        impatient.read_text(server.uri(*faults, "object.bin"))


@pytest.mark.parametrize(("is_patient", "count"), [(True, 4), (False, 1)])
def test_a_mere_look_for_news_is_tried_once(
    storage: Storage, server: Server, file: Path, is_patient: bool, count: int
) -> None:
    with pytest.raises(NetworkError, match="HTTP 503"):
        storage.read_text(server.uri("503", "object.bin"), is_patient=is_patient)

    assert len(server.requests) == count


def test_a_mere_look_for_news_waits_no_longer_than_anything_else(impatient: Storage, server: Server) -> None:
    started = time.monotonic()

    with pytest.raises(NetworkError, match="in time"):
        impatient.read_text(server.uri("silent", "object.bin"), is_patient=False)

    assert time.monotonic() - started < 2
