from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from hub_server import HubFolder, Server
from serving import wait_for

from modelhub.arriving import Window
from modelhub.errors import (
    ModelHubError,
    NetworkError,
    NotAllowedError,
    NotFoundError,
    StoppedError,
    StorageError,
    UsageError,
)
from modelhub.network import Network
from modelhub.ranges import Missing, Span
from modelhub.storage import Look, Source, Storage, path_of_file_uri

CONTENT = bytes(range(256)) * 64
LARGE = bytes(range(256)) * 4096


@pytest.fixture
def open_storage() -> Iterator[Callable[..., Storage]]:
    """``open_storage(**settings of Network)``."""
    opened: list[Storage] = []

    def open_storage(**settings: Any) -> Storage:
        opened.append(Storage(Network(**({"timeout_s": 5.0, "backoff_s": 0.002} | settings))))
        return opened[-1]

    yield open_storage
    for storage in opened:
        storage.close()


@pytest.fixture
def storage(open_storage: Callable[..., Storage]) -> Storage:
    return open_storage()


@pytest.fixture
def impatient(open_storage: Callable[..., Storage]) -> Storage:
    return open_storage(timeout_s=0.05, connections=1)


@pytest.fixture
def file(hub_folder: HubFolder) -> Path:
    hub_folder.folder.mkdir()
    path = hub_folder.folder / "object.bin"
    path.write_bytes(CONTENT)
    return path


def read_all(source: Source) -> bytes:
    """All bytes of an object, as a download in order reads them."""
    look = source.look()
    if look.local:
        content = look.local.read_at(0, look.size_bytes + 1)
        look.local.close()
        return content
    window = Window()
    stop = source.fetch(Missing([Span(0, look.size_bytes)]) if look.has_ranges else None, window)
    try:
        return b"".join(window.chunks())
    finally:
        stop()


def looked_at(source: Source) -> Look:
    """What is known of an object, which is closed again."""
    look = source.look()
    if look.local:
        look.local.close()
    return look


def open_files() -> int:
    return len(os.listdir("/dev/fd"))  # noqa: PTH208


# Objects


@pytest.mark.parametrize(
    "faults", ["", "no-ranges", "slow", "503-then-200", "redirect", "gzip", "no-suffix", "weak-etag", "no-etag"]
)
def test_an_object_is_read_whole(storage: Storage, server: Server, file: Path, faults: str) -> None:
    source = storage.open(server.uri(*faults.split(), "object.bin"))

    assert source.look().stat.size_bytes == len(CONTENT)
    assert read_all(source) == CONTENT


@pytest.mark.parametrize("fault", ["no-length", "chunked"])
def test_an_object_of_unknown_size_is_read_whole(storage: Storage, server: Server, file: Path, fault: str) -> None:
    source = storage.open(server.uri("no-ranges", fault, "object.bin"))

    assert (source.look().stat.size_bytes, source.look().has_ranges) == (None, False)
    assert read_all(source) == CONTENT


def test_an_object_in_a_folder_is_read_whole(storage: Storage, file: Path) -> None:
    before = open_files()
    source = storage.open(file.as_uri())
    look = looked_at(source)

    assert (look.uri, look.size_bytes, look.has_ranges) == (file.as_uri(), len(CONTENT), True)
    assert read_all(source) == CONTENT
    assert open_files() <= before  # fewer where the server of another test closes its ends only now


@pytest.mark.parametrize("where", ["file", "http", "no-ranges"])
def test_an_empty_object_is_one_too(storage: Storage, server: Server, file: Path, where: str) -> None:
    file.write_bytes(b"")
    uris = {"file": file.as_uri(), "http": server.uri("object.bin"), "no-ranges": server.uri("no-ranges", "object.bin")}
    source = storage.open(uris[where])

    assert looked_at(source).stat.size_bytes == 0
    assert read_all(source) == b""
    assert source.read_at(0, 10) == b""


def test_an_object_is_looked_at_once_by_both_its_ends(storage: Storage, server: Server, file: Path) -> None:
    file.write_bytes(LARGE)
    source = storage.open(server.uri("object.bin"))
    look = source.look()

    assert source.look() is look
    assert len(server.requests) == 2
    assert {request.method for request in server.requests} == {"GET"}
    assert (look.head, look.tail) == (LARGE[: len(look.head)], LARGE[-len(look.tail) :])
    assert len(look.head) >= 1 << 10
    assert len(look.tail) >= 64 << 10


@pytest.mark.parametrize(
    ("offset", "length", "is_here"),
    [
        (0, 1000, True),
        (len(LARGE) - 1000, 1000, True),
        (len(LARGE) - 1000, 5000, True),
        (len(LARGE), 100, True),
        (len(LARGE) // 2, 1000, False),
    ],
)
def test_what_came_along_with_a_look_is_not_asked_for_again(
    storage: Storage, server: Server, file: Path, offset: int, length: int, is_here: bool
) -> None:
    file.write_bytes(LARGE)
    look = storage.open(server.uri("object.bin")).look()
    server.requests.clear()

    assert look.read_at(offset, length) == LARGE[offset : offset + length]
    assert (not server.requests) == is_here


def test_what_has_arrived_is_passed_on_long_before_a_megabyte_has(
    impatient: Storage, server: Server, file: Path
) -> None:
    file.write_bytes(LARGE)
    source = impatient.open(server.uri("no-ranges", "stall-at", 100_000, "object.bin"))
    window = Window()
    stop = source.fetch(None, window)

    assert len(next(window.chunks())) >= 1 << 12
    stop()


@pytest.mark.parametrize("where", ["file", "http", "no-ranges", "no-ranges/chunked"])
@pytest.mark.parametrize(
    ("offset", "length"),
    [(0, 1), (5000, 4096), (len(CONTENT) - 3, 3), (len(CONTENT) - 3, 100), (len(CONTENT), 100), (99_999, 7)],
)
def test_an_object_is_read_at_an_offset(
    storage: Storage, server: Server, file: Path, where: str, offset: int, length: int
) -> None:
    uri = file.as_uri() if where == "file" else server.uri(*where.replace("http", "").split(), "object.bin")
    source = storage.open(uri)

    assert source.read_at(offset, length) == CONTENT[offset : offset + length]


def test_a_range_brings_no_more_than_itself(storage: Storage, server: Server, file: Path) -> None:
    storage.open(server.uri("object.bin")).read_at(100, 50)

    assert server.requests[-1].headers["Range"] == "bytes=100-149"


def test_the_etag_changes_with_the_object(storage: Storage, server: Server, file: Path) -> None:
    uris = [file.as_uri(), server.uri("object.bin"), server.uri("no-etag/object.bin")]
    before = [looked_at(storage.open(uri)).stat.etag for uri in uris]
    file.write_bytes(CONTENT[::-1])
    os.utime(file, (1, 1))

    assert all(before)
    assert not set(before) & {looked_at(storage.open(uri)).stat.etag for uri in uris}


def test_objects_share_the_connections(open_storage: Callable[..., Storage], server: Server, file: Path) -> None:
    file.write_bytes(LARGE)
    storage = open_storage(connections=2)
    with ThreadPoolExecutor(6) as threads:
        contents = list(threads.map(lambda _: read_all(storage.open(server.uri("object.bin"))), range(6)))

    assert contents == [LARGE] * 6
    assert server.peak() <= 2


# Failures, each as one of our errors


@pytest.mark.parametrize(
    ("faults", "error", "words"),
    [
        ("drop-at/5000", NetworkError, "broke off"),
        ("no-ranges/drop-at/5000", NetworkError, "broke off"),
        ("no-ranges/chunked/drop-at/5000", NetworkError, "broke off"),
        ("no-ranges/stall-at/5000", NetworkError, "in time"),
        ("stall-at/5000", NetworkError, "in time"),
        ("silent", NetworkError, "in time"),
        ("403", NotAllowedError, "HTTP 403"),
        ("401", NotAllowedError, "HTTP 401"),
        ("404", NotFoundError, "HTTP 404"),
        ("410", NotFoundError, "HTTP 410"),
        ("400", NetworkError, "HTTP 400"),
        ("416", NetworkError, "HTTP 416"),
        ("500", NetworkError, "HTTP 500"),
        ("503", NetworkError, "HTTP 503"),
    ],
)
def test_a_fault_of_the_server_is_an_error_of_ours(
    impatient: Storage, server: Server, file: Path, faults: str, error: type, words: str
) -> None:
    uri = server.uri(faults, "object.bin")

    with pytest.raises(ModelHubError, match=words) as raised:
        read_all(impatient.open(uri))
    assert type(raised.value) is error
    assert uri in raised.value.message
    assert raised.value.hint
    if isinstance(raised.value, NetworkError):
        assert raised.value.uri == uri


def test_what_fails_is_shown_without_password_and_signature(impatient: Storage, server: Server) -> None:
    uri = f"http://user:secret@127.0.0.1:{server.server_port}/404/object.bin?X-Amz-Signature=secret"

    for ask in (impatient.open(uri).look, lambda: impatient.read_text(uri)):
        with pytest.raises(NotFoundError, match="/404/object.bin does not exist") as raised:
            ask()
        assert "secret" not in raised.value.message + raised.value.hint
        assert server.requests[-1].path == "/404/object.bin?X-Amz-Signature=secret"
        assert server.requests[-1].headers["Authorization"].startswith("Basic ")


def test_a_hub_that_listens_no_longer_is_a_network_error(impatient: Storage) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        uri = f"http://127.0.0.1:{unused.getsockname()[1]}/object.bin"

        with pytest.raises(NetworkError, match="cannot be read: .*127.0.0.1"):
            impatient.open(uri).look()
        with pytest.raises(NetworkError, match="refused"):
            impatient.read_text(uri)


def test_a_host_without_an_address_is_a_network_error(impatient: Storage) -> None:
    with pytest.raises(NetworkError, match="no-such-host.invalid"):
        impatient.open("https://no-such-host.invalid/object.bin").look()


def test_only_what_can_get_better_is_asked_for_again(impatient: Storage, server: Server, file: Path) -> None:
    for fault, count in (("404", 1), ("403", 1), ("410", 1), ("416", 1), ("503", 6)):
        server.requests.clear()
        with pytest.raises(ModelHubError):
            impatient.open(server.uri(fault, "object.bin")).look()
        assert len(server.requests) == count


def test_a_server_that_speaks_no_tls_is_a_network_error(storage: Storage, server: Server) -> None:
    with pytest.raises(NetworkError):
        storage.open(server.uri("object.bin").replace("http:", "https:")).look()


def test_a_missing_file_is_not_found(storage: Storage, tmp_path: Path) -> None:
    uri = (tmp_path / "none").as_uri()
    source = storage.open(uri)

    for ask in (source.look, lambda: source.read_at(0, 1), lambda: storage.read_text(uri)):
        with pytest.raises(NotFoundError, match="none does not exist") as raised:
            ask()
        assert "MODELHUB_HUB" in raised.value.hint


def test_a_folder_in_place_of_an_object_is_a_storage_error(storage: Storage, tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="directory"):
        storage.open(tmp_path.as_uri()).read_at(0, 1)


def test_what_lies_in_a_folder_is_not_fetched(storage: Storage, file: Path) -> None:
    with pytest.raises(NotImplementedError):
        storage.open(file.as_uri()).fetch(None, Window())


# The end


def test_nobody_waits_for_a_storage_that_is_closed(storage: Storage, server: Server, file: Path) -> None:
    source = storage.open(server.uri("object.bin"))
    look = source.look()
    storage.close()
    storage.close()

    for ask in (lambda: look.source.read_at(0, 9), lambda: read_all(source), storage.open(server.uri("x")).look):
        with pytest.raises(StoppedError):
            ask()


def test_closing_ends_a_look(storage: Storage, server: Server, file: Path) -> None:
    with ThreadPoolExecutor(1) as threads:
        look = threads.submit(storage.open(server.uri("silent/object.bin")).look)
        wait_for(lambda: server.requests)
        storage.close()

        assert isinstance(look.exception(2), StoppedError)


# What may be asked at all


@pytest.mark.parametrize("uri", ["http://hub.example/x.zip", "http://10.0.0.7:8080/x.zip", "http://localhost.example/"])
def test_unencrypted_hubs_elsewhere_are_refused(storage: Storage, uri: str) -> None:
    with pytest.raises(NotAllowedError, match="not encrypted"):
        storage.open(uri)
    with pytest.raises(NotAllowedError, match="not encrypted"):
        storage.read_text(uri)


def test_unencrypted_hubs_elsewhere_are_taken_where_that_is_allowed(open_storage: Callable[..., Storage]) -> None:
    assert open_storage(allow_http=True).open("http://hub.example/x.zip").uri == "http://hub.example/x.zip"


@pytest.mark.parametrize(
    ("location", "words"), [("http://hub.example/object.bin", "not encrypted"), ("ftp://hub.example/x", "no address")]
)
def test_a_redirect_does_not_lead_out_of_encryption_to_another_machine(
    storage: Storage, server: Server, file: Path, location: str, words: str
) -> None:
    uri = server.uri("redirect", location)

    with pytest.raises(NotAllowedError, match=words):
        storage.open(uri).look()
    with pytest.raises(NotAllowedError, match=words):
        storage.read_text(uri)


@pytest.mark.parametrize("uri", ["ftp://hub.example/x.zip", "x.zip", "", "https://[::1/x.zip"])
def test_other_kinds_of_uri_are_refused(storage: Storage, uri: str) -> None:
    with pytest.raises(UsageError):
        storage.open(uri)
    with pytest.raises(UsageError):
        storage.read_text(uri)


def test_an_object_of_s3_is_opened(storage: Storage) -> None:
    assert storage.open("s3://auxdata.johnsnowlabs.com/public/models/x.zip").uri.endswith("/public/models/x.zip")


def test_the_path_of_a_file_uri_may_hold_any_sign(tmp_path: Path) -> None:
    path = tmp_path / "models of ours, 100 % ü#?.zip"

    assert path_of_file_uri(path.as_uri()) == path


def test_a_folder_needs_no_network_code(file: Path, unmeasured: None) -> None:
    script = (
        "import sys\nfrom modelhub.storage import Storage\nstorage = Storage()\n"
        f"storage.open('{file.as_uri()}').look()\nstorage.read_text('{file.as_uri()}')\n"
        "print(sorted({'pycurl', 'requests', 'boto3'} & sys.modules.keys()))"
    )
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)

    assert ran.stdout == "[]\n"


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
