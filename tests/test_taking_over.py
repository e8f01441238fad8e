"""What a first look asks for besides the ends of an object: whoever fetches the object goes on with it."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from itertools import pairwise

import pytest
from scripted_server import Asked, Script, from_afar, part_of, reply, scripted
from serving import wait_for

from modelhub.arriving import Window
from modelhub.errors import ReplacedError
from modelhub.network import Network
from modelhub.objects import BytesCallback
from modelhub.ranges import BLOCK_BYTES, Missing, Span
from modelhub.storage import Look, Storage

BLOCK = BLOCK_BYTES
CONTENT = random.Random(3).randbytes(20 * BLOCK + 1000)
SIZE = len(CONTENT)
CONNECTIONS = 6
AHEAD = range(BLOCK, BLOCK * (CONNECTIONS - 1), BLOCK)
ETAG = 'ETag: "one"'

LookAt = Callable[..., tuple[Look, list[Asked]]]


@pytest.fixture
def look_at() -> Iterator[LookAt]:
    """``look_at(script)``: look at an object of which all is wanted; what is found, and what was asked for."""
    with ExitStack() as opened:

        def look_at(
            script: Script,
            *,
            connections: int = CONNECTIONS,
            timeout_s: float = 10.0,
            on_bytes: BytesCallback | None = None,
        ) -> tuple[Look, list[Asked]]:
            origin, asked = opened.enter_context(scripted(script))
            storage = Storage(Network(connections=connections, timeout_s=timeout_s, backoff_s=0.002))
            opened.callback(storage.close)
            return storage.open(f"{origin}/x").look(wants_all=True, on_bytes=on_bytes), asked

        yield look_at


class Holding:
    """A far server that holds back the blocks behind the head until it is asked for something else.

    Args:
        share: How much of such an answer it sends at once.
    """

    def __init__(self, share: float) -> None:
        self.released = threading.Event()
        self._share = share

    def __call__(self, asked: Asked) -> Iterator[bytes]:
        [answer] = from_afar(CONTENT, asked, ETAG)
        if asked.span and asked.span.start in AHEAD:
            length = int(self._share * len(answer))
            yield answer[:length]
            self.released.wait(10)
            yield answer[length:]
        else:
            if asked.span and asked.span.start:
                self.released.set()
            yield answer


def fetched(look: Look, limit_bytes: int = SIZE) -> bytes:
    """All behind the head; what nobody brings is not waited for without end."""
    window = Window(limit_bytes, start=BLOCK)
    stop = look.source.fetch(Missing([Span(BLOCK, SIZE)]), window)
    patience = threading.Timer(20, window.stop)
    patience.start()
    try:
        return b"".join(window.chunks())
    finally:
        patience.cancel()
        stop()
        look.close()


def spans_of(asked: Iterable[Asked]) -> list[range]:
    """What was asked for, but for the tail, in order."""
    return sorted((request.span for request in asked if request.span), key=lambda span: span.start)


def wait_for_all(asked: list[Asked]) -> None:
    """Wait until both ends and all blocks were asked for."""
    wait_for(lambda: len(asked) == 2 + len(AHEAD))


@pytest.mark.parametrize("share", [0, 0.001, 0.5, 1])
def test_what_has_come_and_what_is_on_its_way_is_not_asked_for_again(look_at: LookAt, share: float) -> None:
    come = [0]
    look, asked = look_at(Holding(share), on_bytes=lambda done, total: come.append(done))
    wait_for_all(asked)
    # A little less than its share, as some of that is the head of an answer.
    wait_for(lambda: come[-1] >= 2 * BLOCK + len(AHEAD) * (share * BLOCK - 300))

    assert fetched(look) == CONTENT[BLOCK:]
    spans = spans_of(asked)
    assert spans[: 1 + len(AHEAD)] == [range(start, start + BLOCK) for start in (0, *AHEAD)]
    assert all(earlier.stop == later.start for earlier, later in pairwise(spans))


def test_an_object_that_has_come_with_its_look_is_there(look_at: LookAt) -> None:
    come = [0]
    look, asked = look_at(Holding(1), on_bytes=lambda done, total: come.append(done))
    wait_for(lambda: come[-1] == AHEAD.stop + BLOCK)
    window = Window(start=BLOCK)
    look.source.fetch(Missing([Span(BLOCK, AHEAD.stop)]), window)

    assert b"".join(window.chunks()) == CONTENT[BLOCK : AHEAD.stop]
    assert len(asked) == 2 + len(AHEAD)


def test_a_few_bytes_that_are_read_before_leave_them_alone(look_at: LookAt) -> None:
    look, asked = look_at(Holding(0.5))
    wait_for_all(asked)

    assert look.source.read_at(SIZE - BLOCK - 50, 20) == CONTENT[SIZE - BLOCK - 50 :][:20]
    assert fetched(look) == CONTENT[BLOCK:]
    assert sum(span.start in AHEAD for span in spans_of(asked)) == len(AHEAD)


def test_what_there_is_no_room_for_is_asked_for_again(look_at: LookAt) -> None:
    look, asked = look_at(Holding(1))
    wait_for_all(asked)

    assert fetched(look, 2 * BLOCK) == CONTENT[BLOCK:]
    starts = [span.start for span in spans_of(asked)]
    assert [starts.count(start) for start in AHEAD] == [1, 1, 2, 2]


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(lambda asked: reply(503), id="busy"),
        pytest.param(lambda asked: b"", id="closed"),
        pytest.param(lambda asked: part_of(CONTENT, asked, ETAG)[:50_000], id="cut short"),
        pytest.param(lambda asked: reply(200, CONTENT, ETAG), id="without ranges"),
        pytest.param(lambda asked: part_of(CONTENT, Asked("", {"range": "bytes=5-99"}), ETAG), id="another range"),
        pytest.param(lambda asked: stalled(part_of(CONTENT, asked, ETAG)), id="stalled"),
    ],
)
@pytest.mark.parametrize("pause_s", [0, 0.3])
def test_a_block_that_does_not_come_well_comes_later(
    look_at: LookAt, answer: Callable[[Asked], bytes | Iterator[bytes]], pause_s: float
) -> None:
    starts = []

    def script(asked: Asked) -> bytes | Iterable[bytes]:
        starts.append(asked.span.start if asked.span else -1)
        is_bad = starts[-1] == BLOCK and starts.count(BLOCK) == 1
        return answer(asked) if is_bad else from_afar(CONTENT, asked, ETAG)

    look, _ = look_at(script, timeout_s=0.3)
    time.sleep(pause_s)  # with none it is mostly taken over, with one it is over before

    assert fetched(look) == CONTENT[BLOCK:]


def stalled(answer: bytes) -> Iterator[bytes]:
    """Half of an answer, and no more for long."""
    yield answer[: len(answer) // 2]
    time.sleep(2)


def test_a_look_that_is_over_leaves_nothing_that_would_be_waited_for(look_at: LookAt) -> None:
    look, asked = look_at(Holding(0.5))
    wait_for_all(asked)
    look.close()

    assert fetched(look) == CONTENT[BLOCK:]


@pytest.mark.parametrize("pause_s", [0, 0.3])
def test_a_block_of_another_object_is_not_taken_for_one_of_this(look_at: LookAt, pause_s: float) -> None:
    def script(asked: Asked) -> Iterable[bytes]:
        is_other = asked.span is not None and asked.span.start in AHEAD
        return from_afar(CONTENT, asked, 'ETag: "other"' if is_other else ETAG)

    look, _ = look_at(script)
    time.sleep(pause_s)

    with pytest.raises(ReplacedError):
        fetched(look)


def test_what_is_not_missing_is_not_taken(look_at: LookAt) -> None:
    come = [0]
    look, _ = look_at(Holding(1), on_bytes=lambda done, total: come.append(done))
    wait_for(lambda: come[-1] == AHEAD.stop + BLOCK)
    window = Window(start=3 * BLOCK)
    stop = look.source.fetch(Missing([Span(3 * BLOCK, SIZE)]), window)
    content = b"".join(window.chunks())
    stop()

    assert content == CONTENT[3 * BLOCK :]
    assert not window._pieces


def test_blocks_that_come_before_an_end_do_not_end_the_look(look_at: LookAt) -> None:
    def script(asked: Asked) -> Iterator[bytes]:
        time.sleep(0 if asked.span else 0.5)
        yield from from_afar(CONTENT, asked, ETAG)

    look, _ = look_at(script)

    assert look.tail == CONTENT[-BLOCK:]
    assert fetched(look) == CONTENT[BLOCK:]


def test_no_more_is_asked_for_than_an_interruption_may_cost(look_at: LookAt) -> None:
    content = random.Random(4).randbytes(100 * BLOCK)
    look, asked = look_at(lambda asked: from_afar(content, asked, ETAG), connections=90)
    time.sleep(0.3)

    assert 40 * BLOCK < sum(map(len, spans_of(asked))) < (7 << 20)
    look.close()


def test_what_nobody_fetches_comes_to_its_end(look_at: LookAt) -> None:
    ended = threading.Semaphore(0)

    def endless(asked: Asked) -> Iterator[bytes]:
        if not asked.span or asked.span.start not in AHEAD:
            yield from from_afar(CONTENT, asked, ETAG)
            return
        try:
            for byte in part_of(CONTENT, asked, ETAG):
                yield bytes([byte])
                time.sleep(0.01)
        finally:
            ended.release()

    look, asked = look_at(endless)
    wait_for_all(asked)
    look.close()

    assert all(ended.acquire(timeout=5) for _ in AHEAD)
