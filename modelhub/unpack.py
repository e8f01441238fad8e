"""Unpack a zip while it arrives: chunks of any size in, checked files in a folder out.

Each member goes straight into its final file, which is why the folder must be staging: what is wrong with an archive
may show at its last byte, and only a call that returns vouches for the files. One walk over the local headers does the
work, then the table of contents behind them is compared with what was unpacked.

Where a stream cannot be cut into members (a stored one whose size is told behind it, data before the first header) its
rest goes into a temporary file; with the sizes of the table of contents the same walk goes on there.
"""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

from modelhub.disk import disk_errors
from modelhub.members import Member, MemberTree, MemberWriter, damaged
from modelhub.not_a_zip import check_not_foreign
from modelhub.zipformat import (
    CENTRAL_FIXED_BYTES,
    CENTRAL_SIGNATURE,
    END_SIGNATURE,
    LOCAL_FIXED_BYTES,
    LOCAL_SIGNATURE,
    MAX_DESCRIPTOR_BYTES,
    MAX_TAIL_BYTES,
    ZIP64_END_SIGNATURE,
    EndRecords,
    Header,
    ListedHeader,
    broken,
    check_agreement,
    checked_path,
    descriptor_bytes,
    find_end_records,
    listed_header_bytes,
    local_header_bytes,
    read_central_directory,
    read_end_records,
    read_listed_header,
    read_local_header,
    refused,
    shown,
    truncated,
)

__all__ = ["Member", "unpack_stream"]

# Deflate cannot pack tighter than 1:1032; weights reach 1.1, texts 10. Below the harmless size no ratio is a bomb.
MAX_RATIO = 200
_HARMLESS_BYTES = 256 << 20
_SPOOL_CHUNK_BYTES = 1 << 20
_MAX_DIRECTORY_BYTES = 256 << 20
_SNIFF_BYTES = 1 << 10
_FIRST_SIGNATURES = (LOCAL_SIGNATURE, END_SIGNATURE, ZIP64_END_SIGNATURE)


def unpack_stream(
    chunks: Iterable[bytes],
    folder: Path,
    *,
    spool: Path | None = None,
    max_unpacked_bytes: int | None = None,
    max_ratio: float = MAX_RATIO,
    on_unpacked: Callable[[int], None] | None = None,
) -> tuple[Member, ...]:
    """Unpack the zip that arrives as ``chunks`` into ``folder``, and return its files in their order.

    Args:
        chunks: The archive's bytes; a chunk must not change until the next one is asked for. Errors of the iterator
            pass through. It is exhausted unless an error is raised.
        folder: An existing, empty folder. After an error it holds what came before the error.
        spool: Folder for the temporary file of a zip that cannot be streamed; else the parent of ``folder``.
        max_unpacked_bytes: Bound on the bytes written.
        max_ratio: Bound on the bytes written to the bytes that arrived, once more than 256 MiB are written.
        on_unpacked: Called with the number of bytes just unpacked.

    Raises:
        ArchiveError: The bytes are no zip, or one that is broken, hostile, or packed in a way that we cannot read.
        StorageError: The files cannot be written.
    """
    reader = _Reader(chunks)
    meter = _Meter(reader, max_unpacked_bytes, max_ratio, on_unpacked)
    walk = _Walk(MemberTree(folder), meter)
    head = reader.peek(_SNIFF_BYTES)
    if head.startswith(_FIRST_SIGNATURES):
        if walk.go_on(reader):
            return walk.members
    else:
        check_not_foreign(head)
    with _spooled(reader, spool or folder.parent) as spooled:
        walk.go_on_in_file(spooled)
    return walk.members


class _Reader:
    """Chunks, read as one stream that knows where it is."""

    def __init__(self, chunks: Iterable[bytes], *, position: int = 0) -> None:
        self.position = position
        self.arrived_bytes = 0
        self._chunks = iter(chunks)
        self._rest = memoryview(b"")

    def piece(self, limit: int) -> memoryview:
        """The next bytes that are there, ``limit`` at most; empty only at the end."""
        self._gather(1)
        return self._rest[:limit]

    def peek(self, size_bytes: int) -> bytes:
        """The next ``size_bytes`` bytes; fewer only at the end."""
        self._gather(size_bytes)
        return bytes(self._rest[:size_bytes])

    def look(self, size_bytes: int, *, within: str) -> bytes:
        """The next ``size_bytes`` bytes.

        Raises:
            ArchiveError: The archive ends before.
        """
        data = self.peek(size_bytes)
        if len(data) < size_bytes:
            raise truncated(self.position + len(data), within=within)
        return data

    def advance(self, size_bytes: int) -> None:
        """Go on behind bytes that were looked at."""
        self._rest = self._rest[size_bytes:]
        self.position += size_bytes

    def _gather(self, size_bytes: int) -> None:
        """Make ``size_bytes`` bytes lie in one piece, where the stream has so many; a large chunk is not copied."""
        if len(self._rest) >= size_bytes:
            return
        gathered = bytearray(self._rest)
        for chunk in self._chunks:
            self.arrived_bytes += len(chunk)
            if not gathered and len(chunk) >= size_bytes:
                self._rest = memoryview(chunk)
                return
            gathered += chunk
            if len(gathered) >= size_bytes:
                break
        self._rest = memoryview(gathered)


class _Meter:
    """Counts what is unpacked, stops a bomb, and reports progress."""

    def __init__(
        self, reader: _Reader, max_bytes: int | None, max_ratio: float, report: Callable[[int], None] | None
    ) -> None:
        self._reader = reader
        self._max_bytes = max_bytes
        self._max_ratio = max_ratio
        self._report = report
        self._unpacked_bytes = 0

    def count(self, size_bytes: int) -> None:
        """Take note of bytes that are about to be written.

        Raises:
            ArchiveError: They are more than is allowed.
        """
        self._unpacked_bytes += size_bytes
        if self._max_bytes is not None and self._unpacked_bytes > self._max_bytes:
            raise refused(f"it unpacks to more than {self._max_bytes:,} bytes.")
        if self._unpacked_bytes > max(_HARMLESS_BYTES, self._max_ratio * self._reader.arrived_bytes):
            arrived = f"{self._reader.arrived_bytes:,}"
            raise refused(f"{arrived} bytes of it unpack to {self._unpacked_bytes:,} and more, as in a zip bomb.")
        if self._report is not None:
            self._report(size_bytes)


class _Walk:
    """One walk over the members of an archive, which may begin in a stream and end in a file."""

    def __init__(self, tree: MemberTree, meter: _Meter) -> None:
        self._tree = tree
        self._meter = meter
        self._unpacked: dict[int, Header] = {}
        self._members: list[Member] = []

    @property
    def members(self) -> tuple[Member, ...]:
        """The files, in the archive's order."""
        return tuple(self._members)

    def go_on(
        self, reader: _Reader, *, listed: Mapping[int, ListedHeader] | None = None, prefix_bytes: int = 0
    ) -> bool:
        """Unpack all members and check them against the table of contents behind them.

        Args:
            reader: Stands at a local header, or at the table of contents.
            listed: The lines of the table of contents by position, where it is known already.
            prefix_bytes: What to add to the archive's offsets.

        Returns:
            Whether it is done; if not, the reader stands at a member whose end cannot be told.

        Raises:
            ArchiveError: The archive is broken or refused.
            StorageError: The files cannot be written.
        """
        while reader.peek(4) == LOCAL_SIGNATURE:
            header_bytes = local_header_bytes(reader.look(LOCAL_FIXED_BYTES, within="the header of a member"))
            header = read_local_header(reader.look(header_bytes, within="the header of a member"))
            if header.is_endless:
                known = (listed or {}).get(reader.position)
                if known is None:
                    return False
                header = replace(header, compressed_bytes=known.compressed_bytes)
            offset = reader.position
            self._unpacked[offset] = self._unpack(reader, header, header_bytes)
        self._check_directory(reader, prefix_bytes)
        return True

    def go_on_in_file(self, spool: _Spool) -> None:
        """Do the same in a file, with the sizes that its table of contents tells.

        Raises:
            ArchiveError: The archive is broken or refused.
            StorageError: The files cannot be written.
        """
        end, directory_end = spool.end_records()
        directory_start = directory_end - end.directory_bytes
        if directory_start < spool.start or end.directory_bytes > _MAX_DIRECTORY_BYTES:
            raise broken("its table of contents is not where it should be.")
        directory = spool.read_at(directory_start, end.directory_bytes)
        listed = {line.offset + end.prefix_bytes: line for line in read_central_directory(directory)}
        first = spool.start
        if spool.read_at(first, 4) != LOCAL_SIGNATURE:  # data before the first header
            first = min(listed, default=directory_start)
        if first > directory_start:
            raise broken("its table of contents names members behind it.")
        reader = _Reader(spool.chunks_from(first), position=first)
        if not self.go_on(reader, listed=listed, prefix_bytes=end.prefix_bytes):
            raise broken(f"its table of contents lacks the member at byte {reader.position:,}.")

    def _unpack(self, reader: _Reader, header: Header, header_bytes: int) -> Header:
        path = checked_path(header.name)
        target = self._tree.claim(path, is_folder=header.is_folder)
        reader.advance(header_bytes)
        with MemberWriter(target, header, self._meter.count) as writer:
            while not writer.is_complete and writer.wanted_bytes:
                piece = reader.piece(writer.wanted_bytes)
                if not piece:
                    raise truncated(reader.position, within=shown(header.name))
                reader.advance(writer.write(piece))
            found = writer.finish()
        if header.has_descriptor:
            self._skip_descriptor(reader, writer, header)
        if target is not None:
            self._members.append(Member(path=path, size_bytes=writer.size_bytes, crc32=writer.crc32))
        return found

    def _skip_descriptor(self, reader: _Reader, writer: MemberWriter, header: Header) -> None:
        buffer = reader.peek(MAX_DESCRIPTOR_BYTES)
        size_bytes = descriptor_bytes(
            buffer, crc32=writer.crc32, compressed_bytes=writer.compressed_bytes, size_bytes=writer.size_bytes
        )
        if size_bytes is None and len(buffer) < MAX_DESCRIPTOR_BYTES:
            raise truncated(reader.position + len(buffer), within=shown(header.name))
        if size_bytes is None:
            raise damaged(header)
        reader.advance(size_bytes)

    def _check_directory(self, reader: _Reader, prefix_bytes: int) -> None:
        """Compare the table of contents with what was unpacked, and see that nothing follows it."""
        start = reader.position
        members = 0
        unlisted = self._unpacked
        while reader.peek(4) == CENTRAL_SIGNATURE:
            header_bytes = listed_header_bytes(reader.look(CENTRAL_FIXED_BYTES, within="its table of contents"))
            listed = read_listed_header(reader.look(header_bytes, within="its table of contents"))
            unpacked = unlisted.pop(listed.offset + prefix_bytes, None)
            if unpacked is None:
                raise broken(f"its table of contents names {shown(listed.name)} where there is no member.")
            check_agreement(unpacked, listed)
            reader.advance(header_bytes)
            members += 1
        end = read_end_records(reader.peek(MAX_TAIL_BYTES + 1), offset=reader.position)
        if unlisted:
            name = next(iter(unlisted.values())).name
            raise broken(f"its table of contents lacks {shown(name)}.")
        if (end.members, end.directory_offset + prefix_bytes) != (members, start) or end.prefix_bytes != prefix_bytes:
            raise broken("its end contradicts its table of contents.")


class _Spool:
    """The rest of an archive in a temporary file, addressed by position in the archive."""

    def __init__(self, file: BinaryIO, folder: Path, start: int) -> None:
        self.start = start
        self._file = file
        self._folder = folder

    def read_at(self, offset: int, size_bytes: int) -> bytes:
        """The bytes from ``offset`` on, fewer at the end.

        Raises:
            StorageError: They cannot be read.
        """
        with disk_errors(f"Cannot use {self._folder}"):
            self._file.seek(offset - self.start)
            return self._file.read(size_bytes)

    def chunks_from(self, offset: int) -> Iterator[bytes]:
        """All from ``offset`` on, in chunks."""
        while chunk := self.read_at(offset, _SPOOL_CHUNK_BYTES):
            yield chunk
            offset += len(chunk)

    def end_records(self) -> tuple[EndRecords, int]:
        """The end records of the archive, and where they begin.

        Raises:
            ArchiveError: There are none, or they contradict themselves.
        """
        with disk_errors(f"Cannot use {self._folder}"):
            end = self.start + self._file.seek(0, 2)
        tail_start = max(self.start, end - MAX_TAIL_BYTES)
        tail = self.read_at(tail_start, MAX_TAIL_BYTES)
        index = find_end_records(tail)
        if index is None:
            raise broken(f"its {end:,} bytes hold no end record, so it is cut off, or no zip at all.")
        return read_end_records(tail[index:], offset=tail_start + index), tail_start + index


@contextlib.contextmanager
def _spooled(reader: _Reader, folder: Path) -> Iterator[_Spool]:
    """The rest of the stream as a temporary file, which is gone afterwards, however the process ends."""
    with disk_errors(f"Cannot write into {folder}"):
        file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 (closed below, where its own errors are dropped)
    start = reader.position
    try:
        while piece := reader.piece(_SPOOL_CHUNK_BYTES):
            with disk_errors(f"Cannot write into {folder}"):
                file.write(piece)
            reader.advance(len(piece))
        with disk_errors(f"Cannot write into {folder}"):
            file.flush()
        yield _Spool(file, folder, start)
    finally:
        with contextlib.suppress(OSError):
            file.close()
