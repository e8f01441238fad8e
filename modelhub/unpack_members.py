"""Unpack a zip that can be read at any offset: several members at once, by the table of contents at its end.

The archive may still be on its way (:meth:`Archive.read_at` waits for what has not arrived), so members are taken in
the order in which they lie. What ``unpack`` refuses is refused here, too, much of it before a byte is written: all
names and sizes are announced. The folder must be staging all the same, for only a call that returns vouches for it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from itertools import islice, pairwise, zip_longest
from pathlib import Path
from typing import NamedTuple, Protocol, runtime_checkable

from modelhub.bounds import Bounds
from modelhub.errors import ArchiveError
from modelhub.members import (
    MAX_MEMBERS,
    ArchiveReader,
    MemberTree,
    MemberWriter,
    ends_elsewhere,
    too_many_members,
    unlisted,
)
from modelhub.not_a_zip import check_not_foreign
from modelhub.objects import Member
from modelhub.quick_dataclasses import dataclass
from modelhub.zipformat import (
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
    completed,
    find_end_records,
    local_header_bytes,
    no_header_at,
    read_central_directory,
    read_end_records,
    read_local_header,
    shown,
)

__all__ = ["HEAD_BYTES", "TAIL_BYTES", "Archive", "Directory", "Member", "read_directory", "unpack_members"]

HEAD_BYTES = 1 << 10  # read to tell what is no zip
TAIL_BYTES = 64 << 10  # holds the whole table of contents, unless it has more than some 500 lines
_MAX_DIRECTORY_BYTES = 256 << 20
_END_SIGNATURES = (END_SIGNATURE, ZIP64_END_SIGNATURE)

# Members in a row go to a thread together up to so many bytes: 100,000 small ones are a dozen pieces of work.
_BATCH_BYTES = 1 << 20
_LARGE_BYTES = 64 << 10
_PIECE_BYTES = 512 << 10
_WAIT_S = 0.5
_HEADER = "the header of a member"
_BOUNDS = Bounds()


class Archive(Protocol):
    """A zip that can be read at any offset, by several threads at once."""

    @property
    def size_bytes(self) -> int:
        """Its size."""

    def read_at(self, offset: int, length: int, /) -> bytes:
        """``length`` bytes from ``offset`` on, fewer only at the end; waits until they have arrived.

        Raises:
            ModelHubError: They cannot be had.
        """


@runtime_checkable
class StreamedArchive(Archive, Protocol):
    """One that brings many bytes in a row faster than piece by piece."""

    def stream(self, start: int, end: int, /) -> Iterator[bytes]:
        """The bytes from ``start`` up to ``end``, fewer only where the archive ends before.

        Raises:
            ModelHubError: They cannot be had.
        """


@dataclass(frozen=True, kw_only=True)
class Directory:
    """The table of contents of an archive.

    Attributes:
        members: Its lines in the order in which the members lie; their offsets count from the archive's first byte.
        directory_offset: Where it begins, and the last member ends.
        prefix_bytes: Bytes before the archive that its own offsets do not count.
        wanted: The paths of the files to unpack; ``None`` for all. Every name is checked, and every folder made, all
            the same.
    """

    members: tuple[ListedHeader, ...]
    directory_offset: int
    prefix_bytes: int
    wanted: frozenset[str] | None = None

    @property
    def files(self) -> tuple[Member, ...]:
        """All files as they are once they are unpacked, wanted or not.

        Raises:
            ArchiveError: The name of a member is refused.
        """
        return tuple(
            Member(path=checked_path(line.name), size_bytes=line.size_bytes or 0, crc32=line.crc32 or 0)
            for line in self.members
            if not line.is_folder
        )

    @property
    def unpacked_bytes(self) -> int:
        """Size of what is wanted, unpacked."""
        return sum(line.size_bytes or 0 for line in self.members if self.wants(line))

    @property
    def packed_bytes(self) -> int:
        """How much of the archive has to be read for what is wanted, headers included."""
        ends = [*(line.offset for line in self.members[1:]), self.directory_offset]
        return sum(end - line.offset for line, end in zip(self.members, ends, strict=False) if self.wants(line))

    def wants(self, line: ListedHeader) -> bool:
        """Whether a member is to be unpacked."""
        return self.wanted is None or (not line.is_folder and checked_path(line.name) in self.wanted)

    def only(self, paths: Iterable[str]) -> Directory:
        """The table of contents of which only some files are wanted."""
        return replace(self, wanted=frozenset(paths))


def read_directory(archive: Archive) -> Directory:
    """Read the table of contents, out of the archive's first KiB and its end.

    Raises:
        ArchiveError: It is no zip, or its table of contents is broken or hostile.
        ModelHubError: What :meth:`Archive.read_at` raises.
    """
    head = archive.read_at(0, HEAD_BYTES)
    if head.startswith(_END_SIGNATURES):
        return _empty_directory(archive)
    is_plain = head.startswith(LOCAL_SIGNATURE)
    if not is_plain:
        check_not_foreign(head)
    directory = find_directory(archive)
    if directory.members and directory.members[-1].offset >= directory.directory_offset:
        raise broken("its table of contents names members behind it.")
    if is_plain and directory.prefix_bytes:
        raise _contradiction()
    if is_plain and (not directory.members or directory.members[0].offset):
        raise unlisted(0)
    for line, follower in pairwise(directory.members):
        if line.offset == follower.offset:
            raise _no_member(follower)
    return directory


def find_directory(archive: Archive, *, start: int = 0) -> Directory:
    """Read the table of contents, whatever lies before it.

    Args:
        archive: The archive.
        start: From where on it can be read.

    Raises:
        ArchiveError: There is none, or it is broken or hostile.
        ModelHubError: What :meth:`Archive.read_at` raises.
    """
    end, end_offset = _find_end(archive, start)
    directory_offset = end_offset - end.directory_bytes
    if directory_offset < start or end.directory_bytes > _MAX_DIRECTORY_BYTES:
        raise broken("its table of contents is not where it should be.")
    if end.members > MAX_MEMBERS:
        raise too_many_members()
    buffer = archive.read_at(directory_offset, end.directory_bytes)
    lines = list(islice(read_central_directory(buffer), end.members + 1))
    if len(lines) != end.members:
        raise _contradiction()
    if end.prefix_bytes:
        lines = [replace(line, offset=line.offset + end.prefix_bytes) for line in lines]
    lines.sort(key=lambda line: line.offset)
    return Directory(members=tuple(lines), directory_offset=directory_offset, prefix_bytes=end.prefix_bytes)


def unpack_members(
    archive: Archive,
    directory: Directory,
    folder: Path,
    *,
    threads: int = 2,
    bounds: Bounds = _BOUNDS,
    on_unpacked: Callable[[int], None] | None = None,
    on_stop: Callable[[], None] | None = None,
) -> tuple[Member, ...]:
    """Unpack an archive into ``folder``, and return its files in their order.

    Args:
        archive: The archive.
        directory: What :func:`read_directory` returned for it.
        folder: An existing, empty folder. After an error it holds what came before the error. Of a directory that
            wants only some files it holds those, and all folders.
        threads: How many members are unpacked at once, at most; 1 for the calling thread alone.
        bounds: On what is announced; more than that no member may hold.
        on_unpacked: Called with the number of bytes just unpacked: by any thread, but never by two at once.
        on_stop: Called once where unpacking fails or is interrupted while other threads of it may wait in
            :meth:`Archive.read_at`; has to make them raise, for all threads have ended when this function ends.

    Raises:
        ArchiveError: The archive is broken, hostile, or packed in a way that we cannot read.
        StorageError: The files cannot be written.
        ModelHubError: What :meth:`Archive.read_at` raises.
    """
    bounds.check(directory.unpacked_bytes, archive_bytes=archive.size_bytes)
    lines, wanted = directory.members, directory.wanted
    paths = [checked_path(line.name) for line in lines]
    tree = MemberTree(folder)
    targets = [tree.claim(path, is_folder=line.is_folder) for path, line in zip(paths, lines, strict=True)]
    places = _places(directory, targets)
    if wanted is not None:
        places = [place for place, path in zip(places, paths, strict=True) if place.target and path in wanted]
    _Unpacking(archive, on_unpacked, on_stop).run(places, threads)
    return tuple(
        Member(path=path, size_bytes=line.size_bytes or 0, crc32=line.crc32 or 0)
        for path, line in zip(paths, lines, strict=True)
        if not line.is_folder and (wanted is None or path in wanted)
    )


class _Place(NamedTuple):
    """One member, and the bytes that it has to fill.

    Attributes:
        target: Its file; ``None`` for a folder.
        end: Where the next member begins, or the table of contents.
        follower: The next member.
    """

    listed: ListedHeader
    target: Path | None
    end: int
    follower: ListedHeader | None

    def overflow(self) -> ArchiveError:
        """The error for a member that does not end there."""
        return _no_member(self.follower) if self.follower else ends_elsewhere(self.listed)


class _Unpacking:
    """Unpacks members, in turns by several threads; the first failure ends the work of all."""

    def __init__(
        self, archive: Archive, on_unpacked: Callable[[int], None] | None, on_stop: Callable[[], None] | None
    ) -> None:
        self._archive = archive
        self._on_unpacked = on_unpacked
        self._on_stop = on_stop
        self._turn = threading.Lock()
        self._ended = threading.Semaphore(0)
        self._failure: BaseException | None = None

    def run(self, places: Sequence[_Place], threads: int) -> None:
        """Unpack all members.

        Raises:
            BaseException: What went wrong first.
        """
        batches = _batches(places)
        threads = min(threads, len(batches))
        if threads < 2 or not _has_work_for_two(places):
            for batch in batches:
                self._unpack_batch(batch)
            return
        turns = iter(batches)
        crew = [threading.Thread(target=self._take_turns, args=(turns,), daemon=True) for _ in range(threads)]
        try:
            for thread in crew:
                thread.start()
            for _ in crew:  # not by join(): up to Python 3.12 a thread counts as ended when that is interrupted
                while not self._ended.acquire(timeout=_WAIT_S):
                    pass  # on some systems an interrupt arrives only here
        except BaseException as exc:  # an interrupt, above all
            self._stop(exc)
            raise
        finally:
            for thread in filter(threading.Thread.is_alive, crew):
                thread.join()
        if self._failure is not None:
            raise self._failure

    def _take_turns(self, turns: Iterator[Sequence[_Place]]) -> None:
        try:
            while batch := self._next(turns):
                self._unpack_batch(batch)
        except BaseException as exc:
            self._stop(exc)
        finally:
            self._ended.release()

    def _next(self, turns: Iterator[Sequence[_Place]]) -> Sequence[_Place]:
        with self._turn:
            return next(turns, ()) if self._failure is None else ()

    def _stop(self, failure: BaseException) -> None:
        with self._turn:
            is_first = self._failure is None
            self._failure = failure if is_first else self._failure
        if is_first and self._on_stop:
            self._on_stop()

    def _unpack_batch(self, batch: Sequence[_Place]) -> None:
        start = batch[0].listed.offset
        with closing(self._pieces(start, batch[-1].end)) as pieces:  # a traceback would keep what brings them at work
            reader = ArchiveReader(pieces, position=start)
            for place in batch:
                header = _read_header(reader, place)
                with MemberWriter(place.target, header, self._count, is_announced=True) as writer:
                    writer.take_from(reader)
                _check_end(reader, place)

    def _pieces(self, start: int, end: int) -> Generator[bytes, None, None]:
        """What members in a row consist of, and a little more, for a descriptor is told from what follows it."""
        if isinstance(self._archive, StreamedArchive):
            yield from self._archive.stream(start, end + MAX_DESCRIPTOR_BYTES)
            return
        for offset in range(start, end, _PIECE_BYTES):
            piece_bytes = min(_PIECE_BYTES, end - offset)
            piece = self._archive.read_at(offset, piece_bytes)
            yield piece
            if len(piece) < piece_bytes:  # the archive is shorter than it said
                return
        yield self._archive.read_at(end, MAX_DESCRIPTOR_BYTES)

    def _count(self, size_bytes: int) -> None:
        if self._failure is not None:
            raise _StoppedError
        if self._on_unpacked:
            with self._turn:
                self._on_unpacked(size_bytes)


class _StoppedError(Exception):
    """Another thread has failed."""


def _places(directory: Directory, targets: Sequence[Path | None]) -> list[_Place]:
    lines = directory.members
    ends = [*(line.offset for line in lines[1:]), directory.directory_offset]
    return [
        _Place(listed=line, target=target, end=end, follower=follower)
        for line, target, end, follower in zip_longest(lines, targets, ends[: len(lines)], lines[1:])
    ]


def _batches(places: Sequence[_Place]) -> list[Sequence[_Place]]:
    """The members in their order: small ones in a row together, a large one alone."""
    batches = []
    first = 0
    for index, place in enumerate(places):
        is_in_row = place.listed.offset == places[index - 1].end
        if index > first and (not is_in_row or place.end - places[first].listed.offset > _BATCH_BYTES):
            batches.append(places[first:index])
            first = index
    return [*batches, places[first:]] if places else []


def _has_work_for_two(places: Sequence[_Place]) -> bool:
    """Whether a second thread would inflate something: with small members most time goes into making files."""
    sizes = [size for place in places if (size := place.end - place.listed.offset) >= _LARGE_BYTES]
    return sum(sizes) - max(sizes, default=0) >= _BATCH_BYTES


def _read_header(reader: ArchiveReader, place: _Place) -> Header:
    """The local header of a member, compared with the table of contents; the reader goes on behind it."""
    start, listed = reader.position, place.listed
    if start + LOCAL_FIXED_BYTES > place.end:
        raise place.overflow()
    fixed = reader.look(LOCAL_FIXED_BYTES, within=_HEADER)
    if not fixed.startswith(LOCAL_SIGNATURE):
        raise no_header_at(start)
    header_bytes = local_header_bytes(fixed)
    if start + header_bytes + (listed.compressed_bytes or 0) > place.end:
        raise place.overflow()
    header = completed(read_local_header(reader.look(header_bytes, within=_HEADER)), listed)
    check_agreement(header, listed)
    reader.advance(header_bytes)
    return header


def _check_end(reader: ArchiveReader, place: _Place) -> None:
    if reader.position > place.end:
        raise place.overflow()
    if reader.position < place.end:
        hides_member = reader.peek(len(LOCAL_SIGNATURE)) == LOCAL_SIGNATURE
        raise unlisted(reader.position) if hides_member else no_header_at(reader.position)


def _find_end(archive: Archive, start: int) -> tuple[EndRecords, int]:
    """The end records, and where they begin."""
    try:
        return _find_end_from(archive, max(start, archive.size_bytes - TAIL_BYTES))
    except ArchiveError:
        if archive.size_bytes - start <= TAIL_BYTES:
            raise
    return _find_end_from(archive, max(start, archive.size_bytes - MAX_TAIL_BYTES))  # behind them a very long comment


def _find_end_from(archive: Archive, tail_start: int) -> tuple[EndRecords, int]:
    tail = archive.read_at(tail_start, archive.size_bytes - tail_start)
    index = find_end_records(tail)
    if index is None:
        size = f"{archive.size_bytes:,}"
        raise broken(f"its {size} bytes hold no end record, so it is cut off, or no zip at all.")
    return read_end_records(tail[index:], offset=tail_start + index), tail_start + index


def _empty_directory(archive: Archive) -> Directory:
    """The table of contents of an archive that begins with its end records."""
    end = read_end_records(archive.read_at(0, MAX_TAIL_BYTES + 1), offset=0)
    if end.members:
        raise _contradiction()
    return Directory(members=(), directory_offset=0, prefix_bytes=0)


def _contradiction() -> ArchiveError:
    return broken("its end contradicts its table of contents.")


def _no_member(listed: ListedHeader) -> ArchiveError:
    return broken(f"its table of contents names {shown(listed.name)} where there is no member.")
