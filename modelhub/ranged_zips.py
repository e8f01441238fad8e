"""A zip of which only some parts are brought: each stretch over several connections, through memory."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

from modelhub.arriving import Window
from modelhub.ranges import Missing, Span
from modelhub.storage import Look

_AHEAD_BYTES = 8 << 20  # of each stretch, and there is one for each thread that unpacks
_PIECE_BYTES = 512 << 10


class RangedZip:
    """Reads a zip by position without bringing the rest. May be used by several threads at once.

    Args:
        look: The object, as its source found it; it must know ranges.
        on_bytes: Called with how many bytes have come so far: by any thread, but never by two at once.

    Attributes:
        size_bytes: Its size.
        fetched_bytes: How many bytes of it were brought, those of the first look included.
    """

    def __init__(self, look: Look, on_bytes: Callable[[int], None] = lambda fetched_bytes: None) -> None:
        self.size_bytes = look.size_bytes
        self.fetched_bytes = 0 if look.local else len(look.head) + len(look.tail)
        self._look = look
        self._on_bytes = on_bytes
        self._counting = threading.Lock()
        self._windows: dict[Window, Callable[[], None]] = {}  # and what stops the bytes that come into it
        self._is_stopped = False

    def read_at(self, offset: int, length: int) -> bytes:
        """Bytes from there on, fewer only at the end.

        Raises:
            ModelHubError: They cannot be read.
        """
        data = self._look.read_at(offset, length)
        if not self._has(offset, offset + length):
            self._count(len(data))
        return data

    def stream(self, start: int, end: int) -> Iterator[bytes]:
        """The bytes of a stretch, fewer only where the zip ends before.

        Raises:
            ModelHubError: They cannot be read.
        """
        end = min(end, self.size_bytes)
        if self._look.local or self._has(start, end):
            for offset in range(start, end, _PIECE_BYTES):
                yield self.read_at(offset, min(_PIECE_BYTES, end - offset))
            return
        window = Window(_AHEAD_BYTES, start=start)
        stop_fetching = self._look.source.fetch(Missing([Span(start, end)]), window)
        try:
            self._note(window, stop_fetching)
            for chunk in window.chunks():
                self._count(len(chunk))
                yield chunk
        finally:
            stop_fetching()
            with self._counting:
                self._windows.pop(window, None)

    def stop(self) -> None:
        """Let nobody wait any longer, and nothing more come: whoever read may not be at the end of a stretch."""
        with self._counting:
            self._is_stopped = True
            windows = list(self._windows.items())
        for window, stop_fetching in windows:
            window.stop()
            stop_fetching()

    def _note(self, window: Window, stop_fetching: Callable[[], None]) -> None:
        with self._counting:
            self._windows[window] = stop_fetching
            is_stopped = self._is_stopped
        if is_stopped:
            window.stop()

    def _has(self, start: int, end: int) -> bool:
        """Whether these bytes came with the first look, or lie on this machine."""
        look = self._look
        is_in_tail = bool(look.tail) and start >= look.size_bytes - len(look.tail)
        return look.local is not None or min(end, look.size_bytes) <= len(look.head) or is_in_tail

    def _count(self, size_bytes: int) -> None:
        with self._counting:
            self.fetched_bytes += size_bytes
            self._on_bytes(self.fetched_bytes)
