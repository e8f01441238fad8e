"""Where bytes arrive: readers that wait in threads of their own, and what wakes them."""

from __future__ import annotations

import os
import random
import threading
import tracemalloc
from collections.abc import Callable, Iterator
from concurrent.futures import Future, wait
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelhub.arriving import ArrivingZip, LocalZip, Memory, Window
from modelhub.errors import NetworkError, StoppedError, StorageError
from modelhub.partials import Identity, PartFile
from modelhub.ranges import BLOCK_BYTES, Span

BLOCK = BLOCK_BYTES
CONTENT = random.Random(1).randbytes(4 * BLOCK + 1000)
SIZE = len(CONTENT)
LOST = NetworkError("The link is cut.")

Start = Callable[..., "Future[bytes]"]


@pytest.fixture
def start() -> Start:
    """``start(read, *arguments)``: read in a thread that nobody need wait for; what comes of it is a future."""

    def start(read: Callable[..., bytes], *arguments: object) -> Future[bytes]:
        future: Future[bytes] = Future()

        def run() -> None:
            try:
                future.set_result(read(*arguments))
            except BaseException as exc:
                future.set_exception(exc)

        threading.Thread(target=run, daemon=True).start()
        return future

    return start


@pytest.fixture
def part(tmp_path: Path) -> Iterator[PartFile]:
    part = PartFile(tmp_path / "x.part", Identity(size_bytes=SIZE, etag='"1"'))
    yield part
    part.close()


def put(sink: ArrivingZip | Window | Memory, start: int, end: int, content: bytes = CONTENT) -> bool:
    """Let bytes arrive in one piece, as from a connection."""
    return sink.writer(Span(start, end)).write(content[start:end])


def is_waiting(future: Future[bytes]) -> bool:
    """Whether a reader is still at it after a while."""
    return not wait([future], 0.03).done


# In a part file


def test_what_has_arrived_is_read_at_once(part: PartFile) -> None:
    arriving = ArrivingZip(part, lambda done: None)
    put(arriving, 0, 2 * BLOCK)

    assert arriving.read_at(5, BLOCK) == CONTENT[5 : BLOCK + 5]
    assert arriving.read_at(SIZE, 10) == b""
    assert arriving.read_at(SIZE + 10, 10) == b""


def test_who_reads_what_has_not_arrived_waits_for_all_of_it(part: PartFile, start: Start) -> None:
    arriving = ArrivingZip(part, lambda done: None)
    ends = start(arriving.read_at, BLOCK - 5, BLOCK + 10)
    last = start(arriving.read_at, 4 * BLOCK + 990, 100)

    put(arriving, BLOCK, 3 * BLOCK)
    assert is_waiting(ends)
    put(arriving, 0, BLOCK)
    assert ends.result(5) == CONTENT[BLOCK - 5 : 2 * BLOCK + 5]
    assert is_waiting(last)
    put(arriving, 4 * BLOCK, SIZE)
    assert last.result(5) == CONTENT[-10:]


def test_who_waits_is_told_that_the_rest_will_not_come(part: PartFile, start: Start) -> None:
    arriving = ArrivingZip(part, lambda done: None)
    put(arriving, 0, BLOCK)
    readers = [start(arriving.read_at, offset, 2 * BLOCK) for offset in (0, BLOCK, 2 * BLOCK)]
    assert all(map(is_waiting, readers))

    arriving.finish(LOST)

    assert [reader.exception(5) for reader in readers] == [LOST] * 3
    assert arriving.read_at(0, BLOCK) == CONTENT[:BLOCK]


def test_a_stop_wakes_all_and_hides_no_failure(part: PartFile, start: Start) -> None:
    arriving = ArrivingZip(part, lambda done: None)
    reader = start(arriving.read_at, 0, 1)
    assert is_waiting(reader)

    arriving.stop()
    assert isinstance(reader.exception(5), StoppedError)
    arriving.finish(LOST)
    with pytest.raises(StoppedError):
        arriving.read_at(0, 1)


def test_what_is_stopped_lets_the_memory_go(part: PartFile) -> None:
    for sink in (ArrivingZip(part, lambda done: None), Window()):
        tracemalloc.start()
        put(sink, 0, BLOCK)
        held_bytes = tracemalloc.get_traced_memory()[0]
        sink.stop()
        left_bytes = tracemalloc.get_traced_memory()[0]
        tracemalloc.stop()

        assert held_bytes >= BLOCK
        assert left_bytes < BLOCK // 2


def test_the_end_without_a_failure_harms_nobody(part: PartFile) -> None:
    arriving = ArrivingZip(part, lambda done: None)
    put(arriving, 0, SIZE)
    arriving.finish(None)

    assert arriving.read_at(0, SIZE) == CONTENT


def test_an_end_that_leaves_a_gap_is_told_to_who_waits_for_it(part: PartFile, start: Start) -> None:
    arriving = ArrivingZip(part, lambda done: None)
    put(arriving, 0, BLOCK)
    put(arriving, 2 * BLOCK, SIZE)
    readers = [start(arriving.read_at, BLOCK, 10), start(lambda: b"".join(arriving.in_order()))]
    assert all(map(is_waiting, readers))

    arriving.finish(None)

    assert [type(reader.exception(5)) for reader in readers] == [NetworkError] * 2
    assert "without the bytes from 131,072 to 131,082" in str(readers[0].exception(5))
    assert arriving.read_at(2 * BLOCK, SIZE) == CONTENT[2 * BLOCK :]


def test_who_waits_sees_what_nobody_wakes_him_for(part: PartFile, start: Start) -> None:
    arriving = ArrivingZip(part, lambda done: None)
    reader = start(arriving.read_at, 0, BLOCK)
    assert is_waiting(reader)

    part.writer(Span(0, BLOCK), lambda start, pieces: None).write(CONTENT[:BLOCK])

    assert reader.result(5) == CONTENT[:BLOCK]


def test_every_block_is_told_with_those_of_earlier_downloads(part: PartFile) -> None:
    put(ArrivingZip(part, lambda done: None), BLOCK, 2 * BLOCK)
    part.close()
    seen: list[int] = []
    again = PartFile(part.path, Identity(size_bytes=SIZE, etag='"1"'))
    arriving = ArrivingZip(again, seen.append)

    assert arriving.arrived_bytes == BLOCK
    put(arriving, 2 * BLOCK, SIZE)
    assert seen == [2 * BLOCK, 3 * BLOCK, 3 * BLOCK + 1000]
    assert (arriving.horizon(), arriving.has_room()) == (None, True)
    again.close()


@pytest.mark.parametrize(
    ("offset", "length", "taken"),
    [
        (0, 0, []),
        (0, BLOCK - 1, []),
        (0, BLOCK, [0]),
        (0, 2 * BLOCK + 500, [0, 1]),
        (BLOCK - 1, BLOCK, []),
        (BLOCK - 1, BLOCK + 1, [1]),
        (SIZE - BLOCK, BLOCK, [4]),
        (SIZE - 999, 999, []),
        (0, SIZE, [0, 1, 2, 3, 4]),
    ],
)
def test_of_what_came_along_with_the_first_look_whole_blocks_are_taken(
    part: PartFile, offset: int, length: int, taken: list[int]
) -> None:
    arriving = ArrivingZip(part, pytest.fail)
    arriving.put(offset, CONTENT[offset : offset + length])

    assert [index for index in range(5) if part.has(index * BLOCK, min((index + 1) * BLOCK, SIZE))] == taken
    assert arriving.arrived_bytes == SIZE - sum(gap.size_bytes for gap in part.missing())
    for index in taken:
        assert arriving.read_at(index * BLOCK, BLOCK) == CONTENT[index * BLOCK : (index + 1) * BLOCK]


def test_a_small_zip_came_along_whole(tmp_path: Path) -> None:
    part = PartFile(tmp_path / "small.part", Identity(size_bytes=700, etag='"1"'))
    arriving = ArrivingZip(part, pytest.fail)
    arriving.put(0, CONTENT[:700])
    arriving.put(0, b"x" * 700)

    assert arriving.read_at(0, 1000) == CONTENT[:700]
    assert arriving.arrived_bytes == 700
    part.close()


def test_all_bytes_are_given_in_order_as_they_arrive(part: PartFile, start: Start) -> None:
    arriving = ArrivingZip(part, lambda done: None)
    digested = start(lambda: b"".join(arriving.in_order()))
    for first, end in ((2 * BLOCK, SIZE), (0, BLOCK)):
        put(arriving, first, end)
    assert is_waiting(digested)
    put(arriving, BLOCK, 2 * BLOCK)

    assert digested.result(5) == CONTENT


def test_who_takes_all_bytes_in_order_is_told_that_the_rest_will_not_come(part: PartFile, start: Start) -> None:
    arriving = ArrivingZip(part, lambda done: None)
    digested = start(lambda: b"".join(arriving.in_order()))
    put(arriving, 0, BLOCK)
    assert is_waiting(digested)

    arriving.finish(LOST)
    assert digested.exception(5) is LOST


@pytest.mark.parametrize("memory_blocks", [0, 1, 3, 100])
def test_what_memory_does_not_hold_is_read_from_the_disk(part: PartFile, memory_blocks: int) -> None:
    arriving = ArrivingZip(part, lambda done: None, memory_bytes=memory_blocks * BLOCK)
    for first in (0, 3 * BLOCK, BLOCK, 4 * BLOCK, 2 * BLOCK):
        put(arriving, first, min(first + BLOCK, SIZE))

    for offset, length in ((0, SIZE), (BLOCK - 5, 10), (2 * BLOCK, BLOCK), (5, 2 * BLOCK), (SIZE - 5, 100)):
        assert arriving.read_at(offset, length) == CONTENT[offset : offset + length]
    assert b"".join(arriving.in_order()) == CONTENT


@pytest.mark.parametrize("is_digested_first", [True, False])
def test_what_was_unpacked_and_digested_is_held_no_longer(part: PartFile, is_digested_first: bool) -> None:
    arriving = ArrivingZip(part, lambda done: None)
    tracemalloc.start()
    put(arriving, 0, SIZE)
    readings = [arriving.stream(0, SIZE), arriving.in_order()]
    for reading in reversed(readings) if is_digested_first else readings:
        held_bytes = tracemalloc.get_traced_memory()[0]
        assert sum(map(len, reading)) == SIZE
    left_bytes = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()

    assert held_bytes >= 4 * BLOCK
    assert left_bytes < BLOCK
    assert arriving.read_at(0, SIZE) == CONTENT


@pytest.mark.parametrize(("start", "end"), [(0, SIZE), (5, SIZE + 100), (BLOCK - 1, 2 * BLOCK + 1), (SIZE, SIZE + 1)])
def test_a_stream_goes_by_blocks_and_waits_for_them(part: PartFile, start: int, end: int) -> None:
    arriving = ArrivingZip(part, lambda done: None)
    late = threading.Timer(0.05, put, (arriving, 0, SIZE))
    late.start()
    pieces = list(arriving.stream(start, end))
    late.join()

    assert b"".join(pieces) == CONTENT[start:end]
    assert all(len(piece) == BLOCK for piece in pieces[1:-1])


def test_a_stream_of_a_part_that_somebody_has_cut_ends(part: PartFile) -> None:
    arriving = ArrivingZip(part, lambda done: None, memory_bytes=BLOCK)
    put(arriving, 0, SIZE)
    os.truncate(part.path, BLOCK)

    assert b"".join(arriving.stream(0, 3 * BLOCK)) == CONTENT[:BLOCK]


# How far may be asked


def test_no_more_is_asked_for_as_long_as_readers_are_behind(part: PartFile) -> None:
    arriving = ArrivingZip(part, lambda done: None, memory_bytes=4 * BLOCK)
    digested = arriving.in_order()

    assert arriving.horizon() is None
    put(arriving, 0, 3 * BLOCK)
    assert arriving.horizon() == 0
    arriving.read_at(0, 3 * BLOCK)
    assert arriving.horizon() == 0
    for _ in range(3):
        next(digested)
    assert arriving.horizon() is None


def test_more_is_asked_for_where_a_reader_waits_for_it(part: PartFile, start: Start) -> None:
    arriving = ArrivingZip(part, lambda done: None, memory_bytes=4 * BLOCK)
    put(arriving, 0, 3 * BLOCK)
    assert arriving.horizon() == 0
    reader = start(arriving.read_at, 3 * BLOCK, 10)
    assert is_waiting(reader)

    assert arriving.horizon() is None
    put(arriving, 3 * BLOCK, SIZE)
    assert reader.result(5) == CONTENT[3 * BLOCK : 3 * BLOCK + 10]
    assert arriving.horizon() == 0


def test_who_reads_no_more_is_not_behind(part: PartFile) -> None:
    arriving = ArrivingZip(part, lambda done: None, memory_bytes=4 * BLOCK)
    put(arriving, 0, 3 * BLOCK)
    digested = arriving.in_order()
    for _ in range(3):
        next(digested)
    assert arriving.horizon() == 0

    arriving.stop_reading()
    assert arriving.horizon() is None


def test_a_gap_that_only_the_digest_waits_for_is_asked_for(part: PartFile, start: Start) -> None:
    """Readers have all that they need, as where what is missing lies before the first member."""
    arriving = ArrivingZip(part, lambda done: None, memory_bytes=2 * BLOCK)
    put(arriving, 0, BLOCK)
    put(arriving, 2 * BLOCK, SIZE)
    arriving.stop_reading()
    digested = start(lambda: b"".join(arriving.in_order()))
    assert is_waiting(digested)

    assert arriving.horizon() is None
    put(arriving, BLOCK, 2 * BLOCK)
    assert digested.result(5) == CONTENT


# In a folder of this machine


def test_a_zip_that_lies_here_has_arrived(tmp_path: Path) -> None:
    path = tmp_path / "x.zip"
    path.write_bytes(CONTENT)
    local = LocalZip(path, path.as_uri())

    assert (local.size_bytes, local.arrived_bytes) == (SIZE, SIZE)
    assert local.read_at(SIZE - 5, 10) == CONTENT[-5:]
    assert b"".join(local.in_order()) == CONTENT
    local.stop_reading()
    local.stop()
    assert local.read_at(0, 5) == CONTENT[:5]
    local.close()
    local.close()


def test_a_zip_that_cannot_be_read_is_a_storage_error(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="file:///x cannot be read: No such file"):
        LocalZip(tmp_path / "none", "file:///x")
    with pytest.raises(StorageError, match="file:///x cannot be read: Is a directory") as raised:
        LocalZip(tmp_path, "file:///x")
    assert "permissions" in raised.value.hint


# Through a window


@settings(deadline=None, max_examples=50)
@given(st.permutations(range(12)))
def test_pieces_come_out_in_order_whatever_order_they_came_in(order: list[int]) -> None:
    window = Window()
    bounds = [SIZE * number // 12 for number in range(13)]
    for number in order:
        assert put(window, bounds[number], bounds[number + 1])
    window.finish(None)

    assert b"".join(window.chunks()) == CONTENT


def test_a_reader_of_the_window_gets_what_is_there_and_waits_for_the_rest(start: Start) -> None:
    window = Window()
    chunks = window.chunks()
    put(window, 0, 100)
    put(window, 200, 300)

    assert next(chunks) == CONTENT[:100]
    reader = start(next, chunks)
    assert is_waiting(reader)
    put(window, 100, 200)
    assert reader.result(5) == CONTENT[100:200]
    assert next(chunks) == CONTENT[200:300]


def test_what_the_window_has_is_given_out_before_a_failure(start: Start) -> None:
    window = Window()
    put(window, 0, 100)
    put(window, 200, 300)
    window.finish(LOST)
    chunks = window.chunks()

    assert next(chunks) == CONTENT[:100]
    with pytest.raises(NetworkError, match="cut"):
        next(chunks)


def test_a_stop_wakes_the_reader_of_the_window(start: Start) -> None:
    window = Window()
    reader = start(next, window.chunks())
    assert is_waiting(reader)

    window.stop()
    assert isinstance(reader.exception(5), StoppedError)


def test_what_comes_after_a_stop_is_taken_and_kept_by_nobody() -> None:
    window = Window(limit_bytes=1000)
    put(window, 0, 900)
    window.stop()

    assert all(put(window, start, start + 100) for start in range(900, 2000, 100))
    with pytest.raises(StoppedError):
        next(window.chunks())


def test_the_window_takes_nothing_that_is_too_far_ahead_of_the_reader() -> None:
    window = Window(limit_bytes=1000)
    chunks = window.chunks()

    assert window.horizon() == 1000
    assert put(window, 0, 400)
    assert put(window, 400, 1000)
    assert not put(window, 1000, 1001)
    next(chunks)
    assert window.horizon() == 1400
    assert put(window, 1000, 1400)
    assert not put(window, 1400, 1401)
    assert [next(chunks) for _ in range(2)] == [CONTENT[400:1000], CONTENT[1000:1400]]


def test_an_empty_window_takes_a_piece_of_any_size() -> None:
    window = Window(limit_bytes=1000)

    assert put(window, 0, 5000)
    assert next(window.chunks()) == CONTENT[:5000]


def test_a_connection_that_had_to_wait_goes_on_when_the_reader_is_near() -> None:
    window = Window(limit_bytes=1000)
    chunks = window.chunks()

    assert window.has_room()
    for start in range(0, 1000, 100):
        put(window, start, start + 100)
    assert not window.has_room()
    for _ in range(4):
        next(chunks)
    assert not window.has_room()
    next(chunks)
    assert window.has_room()


# In memory


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 0, 1), (1, 2, 0)])
def test_a_few_bytes_are_kept_and_put_together(order: tuple[int, ...], start: Start) -> None:
    memory = Memory(Span(100, 400))
    reader = start(memory.wait)
    assert is_waiting(reader)
    for number in order:
        put(memory, 100 + 100 * number, 200 + 100 * number)

    assert reader.result(5) == CONTENT[100:400]
    assert (memory.horizon(), memory.has_room()) == (None, True)


@pytest.mark.parametrize("piece_bytes", [1, 7, 90, 100, 350, 1000])
def test_of_a_whole_object_only_what_is_wanted_is_kept(piece_bytes: int) -> None:
    memory = Memory(Span(100, 400))
    writer = memory.writer(Span(0, 1 << 62))
    for offset in range(0, 1000, piece_bytes):
        assert writer.write(CONTENT[offset : min(1000, offset + piece_bytes)])

    assert memory.wait() == CONTENT[100:400]
    assert writer.kept_end == 1000


def test_at_the_end_there_may_be_less_than_was_wanted() -> None:
    memory = Memory(Span(100, 400))
    put(memory, 0, 150)
    memory.finish(None)

    assert memory.wait() == CONTENT[100:150]


def test_who_waits_for_a_few_bytes_is_told_that_they_will_not_come(start: Start) -> None:
    memory = Memory(Span(100, 400))
    reader = start(memory.wait)
    assert is_waiting(reader)

    memory.finish(LOST)
    assert reader.exception(5) is LOST
