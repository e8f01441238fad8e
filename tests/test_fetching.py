"""The bytes of objects over one and many connections, whatever goes wrong on the way."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from hub_server import HubFolder, Server, again_bytes
from scripted_server import Asked, Script, part_of, reply, scripted

from modelhub import config
from modelhub.arriving import MEMORY_BYTES, ArrivingZip, Memory, Window
from modelhub.asking import Policy
from modelhub.connections import Connections
from modelhub.errors import (
    ModelHubError,
    NetworkError,
    NotAllowedError,
    NotFoundError,
    ReplacedError,
    StoppedError,
    StorageError,
)
from modelhub.fetching import Fetch, Sink
from modelhub.network import Network
from modelhub.objects import ObjectStat
from modelhub.opening import Opening
from modelhub.partials import Identity, PartFile
from modelhub.ranges import BLOCK_BYTES, Missing, Span
from modelhub.signing import Address

BLOCK = BLOCK_BYTES
CONTENT = random.Random(1).randbytes(2_000_000)
SIZE = len(CONTENT)
OTHER = random.Random(2).randbytes(SIZE)


@pytest.fixture
def file(hub_folder: HubFolder) -> Path:
    hub_folder.folder.mkdir()
    path = hub_folder.folder / "object.bin"
    path.write_bytes(CONTENT)
    return path


class Hub:
    """Objects at one URI, looked at and fetched as a download does it."""

    def __init__(self, uri: str, connections: int, timeout_s: float) -> None:
        self.connections = Connections(Network(connections=connections, timeout_s=timeout_s))
        self.address = Address(uri, uri)
        self.policy = Policy(max_connections=connections, backoff_s=0.002, check_url=lambda url: None)
        opening = Opening(self.address, self.policy)
        self.connections.run(opening)
        opening.wait()
        self.stat = opening.stat
        self.has_ranges = opening.has_ranges

    def begin(self, sink: Sink, missing: list[Span] | None = None) -> Fetch:
        """Begin to bring spans, or all of the object."""
        spans = [Span(0, self.stat.size_bytes or 0)] if missing is None else missing
        fetch = Fetch(self.address, self.stat, Missing(spans) if self.has_ranges else None, sink, self.policy)
        self.connections.run(fetch)
        return fetch

    def fetch(self) -> bytes:
        """All of the object, through a window."""
        window = Window()
        self.begin(window)
        return b"".join(window.chunks())


@pytest.fixture
def open_hub() -> Iterator[Callable[..., Hub]]:
    """``open_hub(uri)``: look at the object there."""
    hubs: list[Hub] = []

    def open_hub(uri: str, *, connections: int = 16, timeout_s: float = 5.0) -> Hub:
        hubs.append(Hub(uri, connections, timeout_s))
        return hubs[-1]

    yield open_hub
    for hub in hubs:
        hub.connections.close()


OpenHub = Callable[..., Hub]


def sent_spans(server: Server, size_bytes: int, first: int = 0) -> list[range]:
    """What was sent for the requests from the first one on, in order, once it is at least so much.

    The server counts what it has sent a little after it has arrived. Requests for a suffix belong to the look.
    """
    deadline_s = time.monotonic() + 1
    while True:
        asked = [request for request in server.requests[first:] if "=-" not in request.headers.get("Range", "")]
        spans = sorted((request.body for request in asked), key=lambda span: span.start)
        if sum(map(len, spans)) >= size_bytes or time.monotonic() > deadline_s:
            return spans
        time.sleep(0.001)


# All of it


@pytest.mark.parametrize("size_bytes", [0, 1, 5000, BLOCK, 2 * BLOCK, 2 * BLOCK + 1, SIZE])
@pytest.mark.parametrize(
    ("faults", "connections"), [("", 1), ("", 16), ("no-ranges", 1), ("no-ranges/no-length", 16), ("no-etag", 16)]
)
def test_every_byte_comes_once(
    open_hub: OpenHub, server: Server, file: Path, size_bytes: int, faults: str, connections: int
) -> None:
    file.write_bytes(CONTENT[:size_bytes])
    hub = open_hub(server.uri(*faults.split(), "object.bin"), connections=connections)
    looks = len(server.requests)
    content = hub.fetch()
    spans = sent_spans(server, size_bytes, looks)

    assert content == CONTENT[:size_bytes]
    assert sum(map(len, spans)) == size_bytes
    assert all(earlier.stop == later.start for earlier, later in pairwise(spans))


def test_only_what_is_missing_is_asked_for(open_hub: OpenHub, server: Server, file: Path, tmp_path: Path) -> None:
    hub = open_hub(server.uri("object.bin"))
    part = PartFile(tmp_path / "x.part", Identity(size_bytes=SIZE, etag=hub.stat.etag))
    arriving = ArrivingZip(part, lambda done: None)
    arriving.put(2 * BLOCK, CONTENT[2 * BLOCK : 5 * BLOCK])
    server.requests.clear()
    hub.begin(arriving, part.missing())
    content = arriving.read_at(0, SIZE)
    part.close()

    assert content == CONTENT
    spans = sent_spans(server, SIZE - 3 * BLOCK)
    assert sum(map(len, spans)) == SIZE - 3 * BLOCK
    assert not any(byte in span for span in spans for byte in (2 * BLOCK, 5 * BLOCK - 1))


def test_a_few_bytes_are_asked_for_alone(open_hub: OpenHub, server: Server, file: Path) -> None:
    hub = open_hub(server.uri("object.bin"))
    server.requests.clear()
    memory = Memory(Span(1000, 1050))
    hub.begin(memory, [Span(1000, 1050)])

    assert memory.wait() == CONTENT[1000:1050]
    assert [request.headers["Range"] for request in server.requests] == ["bytes=1000-1049"]


def test_first_pieces_are_small_and_no_piece_is_large(open_hub: OpenHub, server: Server, file: Path) -> None:
    file.write_bytes(CONTENT * 4)
    hub = open_hub(server.uri("object.bin"), connections=2)
    server.requests.clear()
    hub.fetch()
    sizes = [len(span) for span in sent_spans(server, 4 * SIZE)]

    assert max(sizes[:2]) <= 256 << 10
    assert max(sizes) == 768 << 10
    assert sizes[-1] <= 256 << 10


@pytest.mark.parametrize("connections", [1, 16, 30])
def test_what_is_asked_for_and_not_kept_has_a_bound(connections: int) -> None:
    size = 100_000_000
    policy = Policy(max_connections=connections, backoff_s=0, check_url=lambda url: None)
    stat = ObjectStat(size_bytes=size, etag='"1"', modified="")
    fetch = Fetch(Address("http://hub", "http://hub"), stat, Missing([Span(0, size)]), Window(size), policy)
    asks = list(iter(fetch.next_ask, None))

    assert 6 << 20 < sum(ask.span.size_bytes for ask in asks if ask.span) <= 7 << 20


def test_the_largest_piece_fits_the_smallest_window() -> None:
    """Else nobody would ever ask for it: as many models at once as a setting allows share the memory."""
    size = 100_000_000
    window = Window(MEMORY_BYTES // config._MAX_COUNT)
    chunks = window.chunks()
    policy = Policy(max_connections=1, backoff_s=0, check_url=lambda url: None)
    stat = ObjectStat(size_bytes=size, etag='"1"', modified="")
    fetch = Fetch(Address("http://hub", "http://hub"), stat, Missing([Span(0, size)]), window, policy)
    pieces = []
    for _ in range(4):
        ask = fetch.next_ask()
        assert ask is not None
        assert ask.span is not None
        pieces.append(ask.span.size_bytes)
        window.writer(ask.span).write(bytes(ask.span.size_bytes))
        next(chunks)

    assert pieces == [BLOCK, 768 << 10, 768 << 10, 768 << 10]


@pytest.mark.parametrize(("fault", "is_sent"), [("", True), ("weak-etag", False), ("no-etag", False)])
def test_a_piece_is_asked_for_only_of_the_object_that_was_looked_at(
    open_hub: OpenHub, server: Server, file: Path, fault: str, is_sent: bool
) -> None:
    hub = open_hub(server.uri(*fault.split(), "object.bin"))
    server.requests.clear()
    hub.fetch()

    assert {request.headers.get("If-Match") for request in server.requests} == {hub.stat.etag if is_sent else None}


def test_no_more_is_asked_for_than_the_window_has_room_for(open_hub: OpenHub, server: Server, file: Path) -> None:
    hub = open_hub(server.uri("object.bin"))
    server.requests.clear()
    window = Window(limit_bytes=4 * BLOCK)
    hub.begin(window)
    chunks = window.chunks()
    first = next(chunks)
    time.sleep(0.1)
    asked_bytes = max(span.stop for span in sent_spans(server, 0))

    assert asked_bytes <= 4 * BLOCK + len(first)
    assert first + b"".join(chunks) == CONTENT


def test_a_server_without_ranges_waits_for_a_slow_reader(open_hub: OpenHub, server: Server, file: Path) -> None:
    file.write_bytes(CONTENT * 10)
    hub = open_hub(server.uri("no-ranges/object.bin"))
    server.requests.clear()
    window = Window(limit_bytes=1 << 20)
    hub.begin(window)
    chunks = window.chunks()
    first = next(chunks)
    time.sleep(0.1)
    sent_bytes = server.sent_bytes()

    assert sent_bytes < 20_000_000  # what fits into the buffers of two sockets, beside the window
    assert first + b"".join(chunks) == CONTENT * 10


# What is got over


@pytest.mark.parametrize(
    ("faults", "connections"),
    [
        ("first-time/429", 16),
        ("first-time/503", 1),
        ("first-time/drop-at/0", 16),
        ("first-time/drop-at/100000", 1),
        ("first-time/reset-at/1000", 16),
        ("first-time/no-ranges", 16),
        ("first-time/redirect", 16),
        ("redirect", 1),
        ("nth/3/silent", 1),
        ("nth/3/silent", 16),
        ("nth/3/stall-at/1000", 16),
        ("nth/3/wrong-range", 1),
        ("nth/3/no-content-range", 16),
        ("nth/3/login-page", 1),
        ("nth/3/500", 16),
        ("max-connections/2", 16),
    ],
)
def test_a_fault_that_passes_costs_little(
    open_hub: OpenHub, server: Server, file: Path, faults: str, connections: int
) -> None:
    hub = open_hub(server.uri(*faults.split(), "object.bin"), connections=connections, timeout_s=0.1)

    assert hub.fetch() == CONTENT
    assert len(server.requests) < 100
    # Whoever sends all where a part was asked for sends as much as the buffers between hold.
    assert again_bytes([], server.bodies()) < SIZE or "no-ranges" in faults


def test_what_has_come_of_a_piece_is_not_asked_for_again(
    open_hub: OpenHub, server: Server, file: Path, tmp_path: Path
) -> None:
    hub = open_hub(server.uri("drop-at", BLOCK + 10_000, "object.bin"), connections=1)
    part = PartFile(tmp_path / "x.part", Identity(size_bytes=SIZE, etag=hub.stat.etag))
    arriving = ArrivingZip(part, lambda done: None)
    server.requests.clear()
    hub.begin(arriving, part.missing())
    content = arriving.read_at(0, SIZE)
    part.close()

    assert content == CONTENT
    assert again_bytes([], server.bodies()) <= 10_000 * len(server.requests)


@pytest.mark.parametrize("faults", ["no-ranges", "no-ranges/chunked", "no-ranges/no-etag"])
def test_a_server_without_ranges_begins_anew_and_nothing_comes_twice(
    open_hub: OpenHub, server: Server, file: Path, faults: str
) -> None:
    hub = open_hub(server.uri(*faults.split(), "nth/3/drop-at", 700_000, "object.bin"))

    assert hub.fetch() == CONTENT


def test_a_server_that_is_busy_is_asked_by_fewer_connections(open_hub: OpenHub, server: Server, file: Path) -> None:
    file.write_bytes(CONTENT * 3)
    hub = open_hub(server.uri("paced", 20_000, "max-connections", 2, "object.bin"))
    content = hub.fetch()
    refused = [request.status for request in server.requests].count(503)

    assert content == CONTENT * 3
    assert refused < 40


# What is not


@pytest.mark.parametrize(
    ("fault", "error", "words", "requests"),
    [
        ("403", NotAllowedError, "HTTP 403", 2),
        ("404", NotFoundError, "does not exist", 2),
        ("416", NetworkError, "HTTP 416", 2),
        ("500", NetworkError, "HTTP 500", 12),
        ("drop-at/0", NetworkError, "broke off before its end", 12),
        ("wrong-range", NetworkError, "sent another part of itself than was asked for", 12),
        ("no-ranges", NetworkError, "sent another part of itself than was asked for", 12),
        ("login-page", NetworkError, "sent another part of itself than was asked for", 12),
    ],
)
def test_a_fault_that_stays_is_told_after_a_bounded_number_of_requests(
    open_hub: OpenHub, server: Server, file: Path, fault: str, error: type, words: str, requests: int
) -> None:
    hub = open_hub(server.uri("object.bin"), connections=2)
    hub.address = Address(server.uri("object.bin"), server.uri(fault, "object.bin"))
    server.requests.clear()

    with pytest.raises(ModelHubError, match=words) as raised:
        hub.fetch()
    assert type(raised.value) is error
    assert server.uri("object.bin") in raised.value.message
    assert len(server.requests) <= requests


@pytest.mark.parametrize("faults", ["no-ranges", "no-ranges/no-length", "no-ranges/chunked"])
@pytest.mark.parametrize("fault", ["404", "reset-at/0"])
def test_a_fault_that_stays_is_told_without_ranges_too(
    open_hub: OpenHub, server: Server, file: Path, faults: str, fault: str
) -> None:
    hub = open_hub(server.uri(*faults.split(), "object.bin"))
    hub.address = Address(server.uri("object.bin"), server.uri(*faults.split(), fault, "object.bin"))

    with pytest.raises((NotFoundError, NetworkError)):
        hub.fetch()
    assert len(server.requests) <= 9


def test_a_disk_that_fails_ends_the_download(open_hub: OpenHub, server: Server, file: Path, tmp_path: Path) -> None:
    hub = open_hub(server.uri("object.bin"))
    part = PartFile(tmp_path / "x.part", Identity(size_bytes=SIZE, etag=hub.stat.etag))
    arriving = ArrivingZip(part, lambda done: None)
    part.close()
    hub.begin(arriving, part.missing())

    with pytest.raises(StorageError, match="x.part cannot be written"):
        arriving.read_at(0, SIZE)


def test_what_goes_wrong_in_python_is_told_as_an_error_of_ours(open_hub: OpenHub, server: Server, file: Path) -> None:
    class Cursed(Window):
        def put(self, offset: int, data: bytes) -> bool:
            raise MemoryError

    window = Cursed()
    open_hub(server.uri("object.bin")).begin(window)

    with pytest.raises(NetworkError, match=r"object.bin cannot be read \(MemoryError\)") as raised:
        list(window.chunks())
    assert isinstance(raised.value.__cause__, MemoryError)


def test_a_download_that_is_stopped_asks_no_more(open_hub: OpenHub, server: Server, file: Path) -> None:
    hub = open_hub(server.uri("object.bin"))
    hub.address = Address(server.uri("object.bin"), server.uri("slow/object.bin"))
    fetch = hub.begin(Window())
    hub.connections.stop(fetch)
    count = len(server.requests)
    time.sleep(0.1)

    assert fetch.is_finished
    assert len(server.requests) == count


def test_a_download_that_is_closed_wakes_its_reader(open_hub: OpenHub, server: Server, file: Path) -> None:
    hub = open_hub(server.uri("object.bin"))
    hub.address = Address(server.uri("object.bin"), server.uri("slow/object.bin"))
    window = Window()
    hub.begin(window)
    threading.Timer(0.1, hub.connections.close).start()

    with pytest.raises(StoppedError):
        list(window.chunks())


# Objects that are replaced


@pytest.mark.parametrize(
    ("faults", "other"),
    [
        ("", OTHER),
        ("", b""),
        ("no-if-match", OTHER),
        ("no-if-match", OTHER[:1_000_000]),
        ("weak-etag", OTHER),
        ("weak-etag", OTHER[:-1]),
        ("weak-etag", OTHER + b"more"),
        ("weak-etag", b""),
        ("no-ranges", OTHER),
        ("no-ranges", OTHER[:-1]),
        ("no-ranges/chunked", OTHER),
    ],
)
def test_an_object_that_was_replaced_is_never_taken_for_the_one_that_was_looked_at(
    open_hub: OpenHub, server: Server, file: Path, faults: str, other: bytes
) -> None:
    hub = open_hub(server.uri(*faults.split(), "object.bin"), connections=4)
    file.write_bytes(other)

    with pytest.raises(ReplacedError, match="was replaced while it was read"):
        hub.fetch()


@pytest.mark.parametrize("faults", ["", "no-if-match", "weak-etag"])
@pytest.mark.parametrize("other", [OTHER, OTHER[:1_000_000]])
def test_an_object_that_is_replaced_on_the_way_is_noticed(
    open_hub: OpenHub, server: Server, file: Path, faults: str, other: bytes
) -> None:
    file.with_name("object.bin.next").write_bytes(other)
    hub = open_hub(server.uri("replaced-at", 1_000_000, *faults.split(), "object.bin"), connections=2)

    with pytest.raises(ReplacedError):
        hub.fetch()


def test_an_object_that_nothing_tells_apart_is_not_gone_on_with(open_hub: OpenHub, server: Server, file: Path) -> None:
    with scripted(lambda asked: reply(200, CONTENT[:1_000_000], length=SIZE)) as (origin, asked):
        hub = open_hub(f"{origin}/x")
        with pytest.raises(ReplacedError):
            hub.fetch()


# Servers that no decent one resembles


def fetched(script: Script, open_hub: OpenHub, **options: float) -> tuple[bytes | ModelHubError, list[Asked]]:
    """What a server brings that answers as the script says, or why nothing, and what it was asked for."""
    with scripted(script) as (origin, asked):
        hub = open_hub(f"{origin}/x", **options)
        asked.clear()
        try:
            return hub.fetch(), asked
        except ModelHubError as exc:
            return exc, asked


def test_a_server_that_seems_to_know_no_ranges_is_asked_for_all(open_hub: OpenHub) -> None:
    def script(asked: Asked) -> bytes:
        return reply(200, CONTENT) if asked.span and asked.span.start == 0 else part_of(CONTENT, asked)

    content, asked = fetched(script, open_hub, connections=1)

    assert content == CONTENT
    assert "range" not in asked[-1].headers


def test_a_part_is_not_taken_for_all(open_hub: OpenHub) -> None:
    part = reply(206, CONTENT[1000:], f"Content-Range: bytes 1000-{SIZE - 1}/{SIZE}")
    content, _ = fetched(lambda asked: reply(200, CONTENT) if "range" in asked.headers else part, open_hub)

    assert isinstance(content, NetworkError)
    assert "another part of itself" in content.message


def test_more_than_an_answer_says_is_not_taken(open_hub: OpenHub) -> None:
    def script(asked: Asked) -> bytes:
        if not asked.span or asked.span.start == 0:
            return part_of(CONTENT, asked)
        head, _, body = part_of(CONTENT, asked).partition(b"\r\n\r\n")
        lines = [line for line in head.split(b"\r\n") if not line.startswith(b"Content-Length")]
        return b"\r\n".join([*lines, b"", b""]) + body + b"more"

    content, asked = fetched(script, open_hub, connections=2)

    assert isinstance(content, NetworkError)
    assert "another part of itself" in content.message
    assert len(asked) < 30


def test_a_redirect_that_expires_is_asked_for_anew_by_all_who_followed_it(open_hub: OpenHub) -> None:
    """As a hub does it that redirects to signed URLs: all that are being read are refused at once."""
    lock, current, answered = threading.Lock(), [0], [0]

    def script(asked: Asked) -> bytes:
        with lock:
            if asked.path == "/x":
                return reply(302, b"", f"Location: /signed/{current[0]}")
            answered[0] += 1
            if answered[0] == 4:
                current[0] += 1
            is_good = asked.path == f"/signed/{current[0]}"
        return part_of(CONTENT, asked, 'ETag: "1"') if is_good else reply(403)

    content, _ = fetched(script, open_hub, connections=8)

    assert content == CONTENT
    assert current[0] > 0


def test_a_place_that_refuses_for_ever_is_told_as_a_refusal(open_hub: OpenHub) -> None:
    moved = threading.Event()

    def script(asked: Asked) -> bytes:
        if not moved.is_set():
            return part_of(CONTENT, asked)
        return reply(403) if asked.path == "/there" else reply(302, b"", "Location: /there")

    with scripted(script) as (origin, asked):
        hub = open_hub(f"{origin}/x", connections=4)
        moved.set()
        with pytest.raises(NotAllowedError, match="HTTP 403"):
            hub.fetch()
    assert len(asked) < 30


def test_an_object_of_which_only_the_size_is_known_is_compared_by_it(open_hub: OpenHub) -> None:
    hub_stat = ObjectStat(size_bytes=SIZE)

    def script(asked: Asked) -> bytes:
        return part_of(CONTENT, asked)

    with scripted(script) as (origin, _):
        hub = open_hub(f"{origin}/x")
        assert hub.stat == hub_stat
        assert hub.fetch() == CONTENT
