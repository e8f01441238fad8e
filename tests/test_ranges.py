from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelhub.ranges import (
    BLOCK_BYTES,
    ContentRange,
    Missing,
    Span,
    delay_s,
    parse_content_range,
    retry_after_s,
)

BLOCK = BLOCK_BYTES

gaps = st.lists(st.integers(0, 20 * BLOCK), max_size=12).map(
    lambda ends: [Span(start, end) for start, end in zip(sorted(ends)[::2], sorted(ends)[1::2], strict=False)]
)


def taken(missing: Missing, limit_bytes: int) -> list[Span]:
    """All that is handed out, in its order."""
    spans = []
    while span := missing.take(limit_bytes):
        spans.append(span)
    return spans


# Spans


def test_a_span_is_asked_for_by_its_first_and_last_byte() -> None:
    assert str(Span(5, 9)) == "bytes=5-8"
    assert Span(5, 9).size_bytes == 4


# Content-Range


@pytest.mark.parametrize(
    ("text", "span", "total_bytes"),
    [
        ("bytes 0-0/1", Span(0, 1), 1),
        ("bytes 5-8/100", Span(5, 9), 100),
        (" bytes 5-8/100 ", Span(5, 9), 100),
        ("Bytes 5-8/100", Span(5, 9), 100),
        ("bytes 5-8/*", Span(5, 9), None),
        ("bytes */100", None, 100),
        ("bytes */0", None, 0),
    ],
)
def test_a_content_range_tells_what_an_answer_holds(text: str, span: Span | None, total_bytes: int | None) -> None:
    assert parse_content_range(text) == ContentRange(span=span, total_bytes=total_bytes)


@pytest.mark.parametrize(
    "text",
    ["", "bytes", "bytes 5-8", "bytes -8/100", "bytes 5-/100", "5-8/100", "lines 5-8/9", "bytes 5-8/100, 10-12/100"]
    + ["bytes 8-5/100", "bytes 5-100/100", "bytes ٣-٨/100", f"bytes 0-1/{'9' * 5000}"],
)
def test_what_is_no_content_range_is_none(text: str) -> None:
    assert parse_content_range(text) is None


# What is missing


@given(gaps, st.integers(0, 5 * BLOCK))
def test_every_missing_byte_is_handed_out_once_and_in_order(spans: list[Span], limit_bytes: int) -> None:
    missing = Missing(reversed(spans))
    size_bytes = missing.size_bytes
    handed_out = taken(missing, limit_bytes)
    joined = [number for span in handed_out for number in (span.start, span.end)]

    assert sum(span.size_bytes for span in handed_out) == size_bytes == sum(span.size_bytes for span in spans)
    assert joined == sorted(joined)
    assert all(any(gap.start <= span.start < span.end <= gap.end for gap in spans) for span in handed_out)
    assert missing.size_bytes == 0


@given(gaps, st.integers(0, 5 * BLOCK))
def test_what_is_handed_out_ends_with_a_block_or_with_a_gap(spans: list[Span], limit_bytes: int) -> None:
    gap_ends = {span.end for span in spans}

    for span in taken(Missing(spans), limit_bytes):
        assert span.end % BLOCK == 0 or span.end in gap_ends
        assert span.size_bytes <= max(limit_bytes, BLOCK)


@given(gaps, st.integers(0, 25 * BLOCK))
def test_nothing_is_handed_out_that_ends_behind_a_bound(spans: list[Span], bound: int) -> None:
    missing = Missing(spans)

    while span := missing.take(BLOCK, before=bound):
        assert span.end <= bound
    following = missing.take(BLOCK)
    assert following is None or following.end > bound


@given(gaps, st.data())
def test_a_span_that_is_missing_is_handed_out_by_itself(spans: list[Span], data: st.DataObject) -> None:
    last = max((span.end for span in spans), default=0) + 1
    span = Span(*sorted(data.draw(st.lists(st.integers(0, last), min_size=2, max_size=2, unique=True))))
    bound = data.draw(st.none() | st.integers(0, last))
    missing = Missing(spans)
    is_there = any(gap.start <= span.start and span.end <= gap.end for gap in spans)
    is_taken = missing.take_out(span, before=bound)
    left = taken(missing, BLOCK)

    assert is_taken == (is_there and (bound is None or span.end <= bound))
    assert sum(rest.size_bytes for rest in left) == sum(gap.size_bytes for gap in spans) - is_taken * span.size_bytes
    assert not any(rest.start < span.end and span.start < rest.end for rest in left) or not is_taken


@pytest.mark.parametrize("span", [Span(5, 5), Span(9, 5)])
def test_what_is_empty_is_not_missing(span: Span) -> None:
    missing = Missing([span])

    assert missing.size_bytes == 0
    assert missing.take(BLOCK) is None


# When to ask again


def test_pauses_double_up_to_a_bound() -> None:
    assert [delay_s(attempt, 0.5, 1.0) for attempt in (1, 2, 3, 4, 50)] == [0.5, 1.0, 2.0, 4.0, 30.0]


@given(st.floats(0, 1), st.integers(1, 100))
def test_chance_shortens_a_pause_to_its_half_at_most(chance: float, attempt: int) -> None:
    longest_s = delay_s(attempt, 0.2, 1.0)

    assert longest_s / 2 <= delay_s(attempt, 0.2, chance) <= longest_s


@pytest.mark.parametrize(("asked_s", "pause_s"), [(0.0, 1.0), (0.5, 1.0), (7.0, 7.0), (120.0, 120.0), (9e9, 120.0)])
def test_a_server_gets_the_pause_that_it_asks_for_within_reason(asked_s: float, pause_s: float) -> None:
    assert delay_s(1, 1.0, 1.0, asked_s=asked_s) == pause_s


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, 0.0),
        ({"retry-after": "3"}, 3.0),
        ({"retry-after": " 120 "}, 120.0),
        ({"retry-after": "-3"}, 0.0),
        ({"retry-after": "soon"}, 0.0),
        ({"retry-after": "9999999"}, 0.0),
        ({"retry-after": "Fri, 21 Nov 2025 07:28:00 GMT"}, 0.0),
    ],
)
def test_retry_after_is_read_in_seconds(headers: dict[str, str], seconds: float) -> None:
    assert retry_after_s(headers) == seconds
