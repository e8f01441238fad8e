"""Unpack a zip while it arrives: chunks of any size in, checked files in a folder out.

Each member goes straight into its final file, which is why the folder must be staging: what is wrong with an archive
may show at its last byte, and only a call that returns vouches for the files. One walk over the local headers does the
work, then the table of contents behind them is compared with what was unpacked.

Where a stream cannot be cut into members (a stored one whose size is told behind it, data before the first header) its
rest goes into a temporary file; with the sizes of the table of contents the same walk goes on there.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

from modelhub.bounds import Bounds
from modelhub.disk import disk_errors
from modelhub.members import ArchiveReader, MemberTree, MemberWriter, unlisted
from modelhub.not_a_zip import check_not_foreign
from modelhub.objects import Member
from modelhub.unpack_members import HEAD_BYTES, find_directory
from modelhub.zipformat import (
    CENTRAL_FIXED_BYTES,
    CENTRAL_SIGNATURE,
    END_SIGNATURE,
    LOCAL_FIXED_BYTES,
    LOCAL_SIGNATURE,
    MAX_TAIL_BYTES,
    ZIP64_END_SIGNATURE,
    Header,
    ListedHeader,
    broken,
    check_agreement,
    checked_path,
    listed_header_bytes,
    local_header_bytes,
    read_end_records,
    read_listed_header,
    read_local_header,
    shown,
)

__all__ = ["Member", "unpack_stream"]

_SPOOL_CHUNK_BYTES = 1 << 20
_BOUNDS = Bounds()
_FIRST_SIGNATURES = (LOCAL_SIGNATURE, END_SIGNATURE, ZIP64_END_SIGNATURE)


def unpack_stream(
    chunks: Iterable[bytes],
    folder: Path,
    *,
    spool: Path | None = None,
    bounds: Bounds = _BOUNDS,
    on_unpacked: Callable[[int], None] | None = None,
) -> tuple[Member, ...]:
    """Unpack the zip that arrives as ``chunks`` into ``folder``, and return its files in their order.

    Args:
        chunks: The archive's bytes; a chunk must not change until the next one is asked for. Errors of the iterator
            pass through. It is exhausted unless an error is raised.
        folder: An existing, empty folder. After an error it holds what came before the error.
        spool: Folder for the temporary file of a zip that cannot be streamed; else the parent of ``folder``.
        bounds: On the bytes written, and on their ratio to those that arrived.
        on_unpacked: Called with the number of bytes just unpacked.

    Raises:
        ArchiveError: The bytes are no zip, or one that is broken, hostile, or packed in a way that we cannot read.
        StorageError: The files cannot be written.
    """
    reader = ArchiveReader(chunks)
    meter = _Meter(reader, bounds, on_unpacked)
    walk = _Walk(MemberTree(folder), meter)
    head = reader.peek(HEAD_BYTES)
    if head.startswith(_FIRST_SIGNATURES):
        if walk.go_on(reader):
            return walk.members
    else:
        check_not_foreign(head)
    with _spooled(reader, spool or folder.parent) as spooled:
        walk.go_on_in_file(spooled)
    return walk.members


class _Meter:
    """Counts what is unpacked, stops a bomb, and reports progress."""

    def __init__(self, reader: ArchiveReader, bounds: Bounds, report: Callable[[int], None] | None) -> None:
        self._reader = reader
        self._bounds = bounds
        self._report = report
        self._unpacked_bytes = 0

    def announce(self, header: Header) -> None:
        """Take note of a member that is about to be unpacked, as far as its header tells its size.

        Raises:
            ArchiveError: It would be more than is allowed.
        """
        archive_bytes = self._reader.arrived_bytes + (header.compressed_bytes or 0)
        self._bounds.check(self._unpacked_bytes + (header.size_bytes or 0), archive_bytes=archive_bytes)

    def count(self, size_bytes: int) -> None:
        """Take note of bytes that are about to be written.

        Raises:
            ArchiveError: They are more than is allowed.
        """
        self._unpacked_bytes += size_bytes
        self._bounds.check(self._unpacked_bytes, archive_bytes=self._reader.arrived_bytes)
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
        self, reader: ArchiveReader, *, listed: Mapping[int, ListedHeader] | None = None, prefix_bytes: int = 0
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
        directory = find_directory(spool, start=spool.start)
        first = spool.start
        if spool.read_at(first, 4) != LOCAL_SIGNATURE:  # data before the first header
            first = directory.members[0].offset if directory.members else directory.directory_offset
        if first > directory.directory_offset:
            raise broken("its table of contents names members behind it.")
        reader = ArchiveReader(spool.chunks_from(first), position=first)
        listed = {line.offset: line for line in directory.members}
        if not self.go_on(reader, listed=listed, prefix_bytes=directory.prefix_bytes):
            raise unlisted(reader.position)

    def _unpack(self, reader: ArchiveReader, header: Header, header_bytes: int) -> Header:
        path = checked_path(header.name)
        self._meter.announce(header)
        target = self._tree.claim(path, is_folder=header.is_folder)
        reader.advance(header_bytes)
        with MemberWriter(target, header, self._meter.count) as writer:
            found = writer.take_from(reader)
        if target is not None:
            self._members.append(Member(path=path, size_bytes=writer.size_bytes, crc32=writer.crc32))
        return found

    def _check_directory(self, reader: ArchiveReader, prefix_bytes: int) -> None:
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

    @property
    def size_bytes(self) -> int:
        """Where the archive ends."""
        with disk_errors(f"Cannot use {self._folder}"):
            return self.start + self._file.seek(0, 2)


@contextlib.contextmanager
def _spooled(reader: ArchiveReader, folder: Path) -> Iterator[_Spool]:
    """The rest of the stream as a temporary file, which is gone afterwards, however the process ends."""
    import tempfile  # few streams need one

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
