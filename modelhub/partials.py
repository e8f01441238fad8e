"""Downloads that may be interrupted: the zip as far as it has come, and a journal of what of it has arrived.

``{key}.part`` has the size of the zip from the beginning. ``{key}.journal`` holds a line that tells whose part it is,
then eight bytes for each block: that it has arrived, and its CRC-32. A block is never taken for arrived without its
CRC-32: after a loss of power the journal may know of blocks that the disk does not have.
"""

from __future__ import annotations

import json
import os
import struct
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

from modelhub.deflate import crc32_of
from modelhub.direct import DirectBlocks
from modelhub.disk import disk_errors, preallocate
from modelhub.part_files import delete_part, journal_of
from modelhub.quick_dataclasses import dataclass
from modelhub.ranges import BLOCK_BYTES, Span

_FORMAT = 1
_HEADER_BYTES = 512
_RECORD = struct.Struct("<II")
_ARRIVED = 0x0B10C4A5  # neither 0 nor all ones, which a disk may make up
BlockCallback = Callable[[int, list[bytes]], None]
_OPEN_FLAGS = os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0)


@dataclass(frozen=True, kw_only=True)
class Identity:
    """What tells an object from one that replaces it.

    Attributes:
        size_bytes: Its size.
        etag: Its ETag, or what stands in for it.
    """

    size_bytes: int
    etag: str


class PartFile:
    """A zip on its way to the disk, which an interruption does not lose. One thread writes, any reads.

    Args:
        path: Of the part; its journal lies beside it. What lies there already is gone on with if it is of this object,
            and dropped if it is not.
        identity: Of the object.
        may_be_copy: Whether an object of the same size and another ETag is taken for the same, as on another hub:
            right where its digest is known, so that the end tells.

    Attributes:
        resumed_bytes: How much an earlier download had brought.

    Raises:
        StorageError: The files cannot be written, or the disk has no room for the zip.
    """

    def __init__(self, path: Path, identity: Identity, *, may_be_copy: bool = False) -> None:
        self.path = path
        self.size_bytes = identity.size_bytes
        self._has = bytearray(-(-identity.size_bytes // BLOCK_BYTES))
        self._file = self._journal = -1
        self._direct: DirectBlocks | None = None
        try:
            with self._disk_errors():
                path.parent.mkdir(parents=True, exist_ok=True)
                self._file = os.open(path, _OPEN_FLAGS, 0o666)
                self._journal = os.open(journal_of(path), _OPEN_FLAGS, 0o666)
                if self._is_of(identity, may_be_copy):
                    self._read_journal()
                else:
                    self._begin(identity)
                self._direct = DirectBlocks(path, BLOCK_BYTES)
        except BaseException:
            self.close()
            raise
        self.resumed_bytes = sum(self._block(index).size_bytes for index, has in enumerate(self._has) if has)

    def missing(self) -> list[Span]:
        """What has not arrived."""
        spans: list[Span] = []
        for index in (index for index, has in enumerate(self._has) if not has):
            block = self._block(index)
            if spans and spans[-1].end == block.start:
                block = Span(spans.pop().start, block.end)
            spans.append(block)
        return spans

    def has(self, start: int, end: int) -> bool:
        """Whether all bytes from ``start`` up to ``end`` have arrived."""
        return start >= end or 0 not in self._has[start // BLOCK_BYTES : -(-end // BLOCK_BYTES)]

    def read_at(self, offset: int, length: int) -> bytes:
        """Bytes that have arrived.

        Raises:
            StorageError: The disk fails.
        """
        pieces: list[bytes] = []
        with self._disk_errors():
            while length > 0 and (piece := os.pread(self._file, length, offset)):
                pieces.append(piece)
                offset, length = offset + len(piece), length - len(piece)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def writer(self, span: Span, on_block: BlockCallback) -> BlockWriter:
        """Somebody who writes a span that begins with a block.

        Args:
            span: What is to be written.
            on_block: Called with each block that has been written: where it begins, and its bytes in pieces.
        """
        return BlockWriter(self, span, on_block)

    def write_block(self, start: int, pieces: list[bytes]) -> None:
        """Write a block and note it as arrived.

        Raises:
            StorageError: The disk is full, or fails, or the part is closed.
        """
        crc = 0
        for piece in pieces:
            crc = crc32_of(piece, crc)
        index = start // BLOCK_BYTES
        with self._disk_errors():
            if not (self._direct and self._direct.write(start, pieces)):
                self._write_all(start, b"".join(pieces))
            os.pwrite(self._journal, _RECORD.pack(_ARRIVED, crc), _HEADER_BYTES + index * _RECORD.size)
        self._has[index] = 1

    def close(self) -> None:
        """Close the files; what has arrived stays for the next time."""
        if self._direct:
            self._direct.close()
        for file in (self._file, self._journal):
            if file >= 0:
                os.close(file)
        self._file = self._journal = -1

    def _is_of(self, identity: Identity, may_be_copy: bool) -> bool:
        try:
            header = json.loads(os.pread(self._journal, _HEADER_BYTES, 0))
            is_same = header["etag"] == identity.etag and bool(identity.etag)
            has_size = header["size_bytes"] == identity.size_bytes == os.fstat(self._file).st_size
            return header["format"] == _FORMAT and has_size and (is_same or may_be_copy)
        except (ValueError, KeyError, TypeError):
            return False

    def _begin(self, identity: Identity) -> None:
        header = {"format": _FORMAT, "size_bytes": identity.size_bytes, "etag": identity.etag}
        text = json.dumps(header).encode()
        if len(text) > _HEADER_BYTES:  # an ETag that long is no ETag; the part will not be gone on with
            text = b"{}"
        for file in (self._journal, self._file):
            os.ftruncate(file, 0)
        try:
            preallocate(self._file, identity.size_bytes)
        except OSError:
            delete_part(self.path)  # what there was of room has been taken
            raise
        os.pwrite(self._journal, text.ljust(_HEADER_BYTES), 0)

    def _read_journal(self) -> None:
        records = os.pread(self._journal, _RECORD.size * len(self._has), _HEADER_BYTES)
        for index, (mark, crc) in enumerate(_RECORD.iter_unpack(records[: len(records) // 8 * 8])):
            block = self._block(index)
            if mark == _ARRIVED and crc32_of(self.read_at(block.start, block.size_bytes), 0) == crc:
                self._has[index] = 1

    def _write_all(self, offset: int, data: bytes) -> None:
        view = memoryview(data)
        while view:
            written = os.pwrite(self._file, view, offset)
            view, offset = view[written:], offset + written

    def _block(self, index: int) -> Span:
        return Span(index * BLOCK_BYTES, min((index + 1) * BLOCK_BYTES, self.size_bytes))

    def _disk_errors(self) -> AbstractContextManager[None]:
        return disk_errors(f"The download {self.path} cannot be written")


class BlockWriter:
    """Writes one span of a part, block by block: libcurl brings 16 KiB at a time, too little to write each by itself.

    Attributes:
        kept_end: Up to there nothing need be asked for again.
    """

    def __init__(self, part: PartFile, span: Span, on_block: BlockCallback) -> None:
        self.kept_end = span.start
        self._part = part
        self._end = span.end
        self._on_block = on_block
        self._pieces: list[bytes] = []
        self._lacking_bytes = self._next_bytes()

    def write(self, data: bytes) -> bool:
        """Take bytes; there is always room.

        Raises:
            StorageError: The disk is full, or fails.
        """
        while len(data) >= self._lacking_bytes:
            rest = data[self._lacking_bytes :]
            self._pieces.append(data[: self._lacking_bytes] if rest else data)
            self._write_block()
            data = rest
            if not data:
                return True
        self._pieces.append(data)
        self._lacking_bytes -= len(data)
        return True

    def _write_block(self) -> None:
        start, pieces = self.kept_end, self._pieces
        self._part.write_block(start, pieces)
        self.kept_end += self._next_bytes()
        self._pieces = []
        self._lacking_bytes = self._next_bytes()
        self._on_block(start, pieces)

    def _next_bytes(self) -> int:
        """Size of the block that comes next; more than will ever come behind the last one."""
        return min(BLOCK_BYTES, self._end - self.kept_end) or 1 << 62
