"""Ranges of an object as values: which bytes are missing, what an answer says that it holds, when to ask again."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from modelhub.quick_dataclasses import dataclass

# What is noted as arrived, and so what an interruption costs at most for each connection.
BLOCK_BYTES = 128 << 10

_CONTENT_RANGE = re.compile(r"bytes (?:(\d{1,18})-(\d{1,18})|\*)/(\d{1,18}|\*)", re.ASCII | re.IGNORECASE)
_MAX_DELAY_S = 30.0


@dataclass(frozen=True, order=True)
class Span:
    """The bytes from ``start`` up to, but without, ``end``."""

    start: int
    end: int

    @property
    def size_bytes(self) -> int:
        """How many they are."""
        return self.end - self.start

    def __str__(self) -> str:
        """As the ``Range`` of a request."""
        return f"bytes={self.start}-{self.end - 1}"


@dataclass(frozen=True, kw_only=True)
class ContentRange:
    """What an answer says of the range that it holds.

    Attributes:
        span: ``None`` where the range could not be satisfied.
        total_bytes: Size of the whole object; ``None`` where the server does not know it.
    """

    span: Span | None
    total_bytes: int | None


def parse_content_range(text: str) -> ContentRange | None:
    """Read a ``Content-Range``; ``None`` where it is none (RFC 9110, 14.4)."""
    match = _CONTENT_RANGE.fullmatch(text.strip())
    if match is None:
        return None
    first, last, total = match.groups()
    span = Span(int(first), int(last) + 1) if first else None
    total_bytes = None if total == "*" else int(total)
    if span and (span.start >= span.end or (total_bytes is not None and span.end > total_bytes)):
        return None
    return ContentRange(span=span, total_bytes=total_bytes)


class Missing:
    """The bytes of an object that nobody has been asked for yet, handed out from the front.

    Args:
        spans: Without overlaps.
    """

    def __init__(self, spans: Iterable[Span]) -> None:
        self._spans = sorted(span for span in spans if span.start < span.end)

    @property
    def size_bytes(self) -> int:
        """How many bytes there are."""
        return sum(span.size_bytes for span in self._spans)

    def take(self, limit_bytes: int, *, before: int | None = None) -> Span | None:
        """Hand out the first bytes.

        Args:
            limit_bytes: At most so many, but always up to the end of a block, or of a gap, at least.
            before: Nothing from there on.
        """
        if not self._spans:
            return None
        first = self._spans[0]
        end = min(first.end, first.start + limit_bytes)
        if end < first.end:
            end = min(first.end, max(end // BLOCK_BYTES, first.start // BLOCK_BYTES + 1) * BLOCK_BYTES)
        if before is not None and end > before:
            return None
        if end < first.end:
            self._spans[0] = Span(end, first.end)
        else:
            self._spans.pop(0)
        return Span(first.start, end)

    def take_out(self, span: Span, *, before: int | None = None) -> bool:
        """Hand out just these bytes; false, and nothing is, where they are not all there, and before that place."""
        around = next((gap for gap in self._spans if gap.start <= span.start and span.end <= gap.end), None)
        if around is None or (before is not None and span.end > before):
            return False
        rest = [Span(around.start, span.start), Span(span.end, around.end)]
        index = self._spans.index(around)
        self._spans[index : index + 1] = [gap for gap in rest if gap.size_bytes]
        return True


def delay_s(attempt: int, base_s: float, chance: float, *, asked_s: float = 0.0) -> float:
    """How long to wait before a request is tried again: exponential, with jitter, and as long as was asked for.

    Args:
        attempt: 1 after the first failure.
        base_s: Upper bound of the first pause.
        chance: From 0 to 1, drawn by the caller.
        asked_s: What the server asked for with ``Retry-After``; granted up to two minutes.
    """
    pause_s = min(_MAX_DELAY_S, base_s * float(2 ** (attempt - 1)))
    return max(pause_s * (0.5 + chance / 2), min(asked_s, 4 * _MAX_DELAY_S))


def retry_after_s(headers: Mapping[str, str]) -> float:
    """The seconds of a ``Retry-After``; 0 where there is none, or a date (S3 sends seconds)."""
    text = headers.get("retry-after", "").strip()
    return float(text) if text.isdecimal() and len(text) < 7 else 0.0
