"""Deflating, inflating, and CRC-32: by ISA-L where there is one, else by zlib. The same content, in less time."""

from __future__ import annotations

import contextlib
import zlib
from collections.abc import Callable
from typing import Protocol, cast


class Inflater(Protocol):
    """What takes the compressed bytes of one member."""

    @property
    def eof(self) -> bool:
        """Whether the content has come to its end."""

    @property
    def unconsumed_tail(self) -> bytes:
        """What was not looked at, as there was enough to put out."""

    @property
    def unused_data(self) -> bytes:
        """What follows the end of the content."""

    def decompress(self, data: bytes | memoryview, max_length: int, /) -> bytes:
        """Put out as much as asked for, or as there is."""


class Deflater(Protocol):
    """What takes the bytes to be compressed."""

    def compress(self, data: bytes, /) -> bytes:
        """Put out what is ready."""

    def flush(self) -> bytes:
        """Put out the rest."""


compress: Callable[[bytes, int], bytes] = zlib.compress
new_deflater: Callable[..., Deflater] = zlib.compressobj
crc32_of: Callable[[bytes | memoryview, int], int] = zlib.crc32
new_inflater: Callable[[int], Inflater] = zlib.decompressobj
InflateError: type[Exception] = zlib.error
with contextlib.suppress(ImportError):  # takes two thirds of zlib's time
    from isal import isal_zlib

    compress = isal_zlib.compress
    new_deflater = isal_zlib.compressobj
    crc32_of = isal_zlib.crc32
    new_inflater = isal_zlib.decompressobj
    InflateError = cast("type[Exception]", isal_zlib.error)  # its stubs take it for an instance
