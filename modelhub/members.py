"""The members of an archive and their files: read, inflated, counted, checked, and written below one folder.

Both ways of unpacking share this, the walk through a stream (``unpack``) and the threads that go by the table of
contents (``unpack_members``): whoever stands at the content of a member has it unpacked here.
"""

from __future__ import annotations

import contextlib
import errno
import zlib
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

from modelhub.deflate import InflateError, Inflater, crc32_of, new_inflater
from modelhub.direct import OrderedFile, new_file
from modelhub.disk import disk_errors
from modelhub.errors import ArchiveError, StorageError
from modelhub.zipformat import (
    DEFLATED,
    MAX_DESCRIPTOR_BYTES,
    Header,
    broken,
    descriptor_bytes,
    refused,
    shown,
    truncated,
)

_MAX_NAME_BYTES = 255
_SHOWN_CHARACTERS = 300
MAX_MEMBERS = 500_000  # saved models have some hundreds; each costs memory, and a file

# Compressed bytes a step. Where a member's end is unknown the first step is short: what lies behind it is copied.
_FIRST_STEP_BYTES = 1 << 10
_STEP_BYTES = 128 << 10
_OUTPUT_BYTES = 512 << 10


class ArchiveReader:
    """Chunks of an archive, read as one stream that knows where it is.

    Args:
        chunks: The bytes; a chunk must not change until the next one is asked for.
        position: Where in the archive they begin.

    Attributes:
        position: Where in the archive the next byte lies.
        arrived_bytes: How many were taken from ``chunks``.
    """

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


class _Writing:
    """What the operating system says about one file or folder, as our errors; costs next to nothing if it is silent."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> None: ...

    def __exit__(self, _: object, exc: BaseException | None, __: object) -> None:
        if isinstance(exc, FileExistsError):
            raise StorageError(
                f"{self._shown} exists already: the file system does not tell apart two names of the archive, which "
                "differ in upper and lower case, or in how an accent is written.",
                hint="Choose a cache on another file system with MODELHUB_CACHE.",
            ) from exc
        if isinstance(exc, OSError) and exc.errno == errno.ENAMETOOLONG and self._longest_name_bytes > _MAX_NAME_BYTES:
            raise StorageError(
                f"Cannot write {self._shown}: a name in it has {self._longest_name_bytes:,} bytes.",
                hint=f"File systems take {_MAX_NAME_BYTES} at most. Tell whoever published it.",
            ) from exc
        if isinstance(exc, OSError):
            with disk_errors(f"Cannot write {self._shown}"):
                raise type(exc)(exc.errno, exc.strerror) from exc  # without the path, which is named already
        if isinstance(exc, UnicodeEncodeError):
            with disk_errors(f"Cannot write {self._shown}"):
                raise exc

    @property
    def _shown(self) -> str:
        """The path, whose end was chosen by whoever made the archive."""
        name, text = self._path.name, str(self._path)
        if text.isprintable() and len(text) <= _SHOWN_CHARACTERS:
            return text
        return shown(name if len(name) > len(text) / 2 else text)

    @property
    def _longest_name_bytes(self) -> int:
        return max((len(part.encode(errors="replace")) for part in self._path.parts), default=0)


class MemberTree:
    """The folder to unpack into, and which names in it are taken.

    Args:
        root: An existing, empty folder.
        max_names: How many may be taken, and how many folders may be made for them.
    """

    def __init__(self, root: Path, *, max_names: int = MAX_MEMBERS) -> None:
        self._root = root
        self._max_names = max_names
        self._files: set[str] = set()
        self._folders = {""}
        self._named: set[str] = set()

    def claim(self, path: str, *, is_folder: bool) -> Path | None:
        """Take a name and make the folders that it needs; return the file to write, or ``None`` for a folder.

        Args:
            path: As :func:`~modelhub.zipformat.checked_path` returns it.
            is_folder: Whether it is to be a folder itself.

        Raises:
            ArchiveError: The name is taken, or there are too many.
            StorageError: A folder cannot be made.
        """
        if path in self._named:
            raise refused(f"it holds {shown(path)} twice.")
        if len(self._named) == self._max_names:
            raise too_many_members(self._max_names)
        self._named.add(path)
        if is_folder:
            self._make_folders(path)
            return None
        if path in self._folders:
            raise _both(path)
        self._make_folders(path.rpartition("/")[0])
        self._files.add(path)
        return self._root / path

    def _make_folders(self, path: str) -> None:
        if path in self._folders:
            return
        end = 0
        while end >= 0:  # from the top, so that the file system stops a path that is too long
            end = path.find("/", end + 1)
            folder = path if end < 0 else path[:end]
            if folder in self._folders:
                continue
            if folder in self._files:
                raise _both(folder)
            if len(self._folders) > self._max_names:
                raise too_many_members(self._max_names)
            with _Writing(self._root / folder):
                (self._root / folder).mkdir()
            self._folders.add(folder)


class MemberWriter:
    """Writes one member: takes its compressed bytes in order, checks them, and closes its file.

    Args:
        target: The file, which must not exist; ``None`` for a folder, which has no content.
        header: What its header says; what is ``None`` there is not checked.
        on_bytes: Called with the number of unpacked bytes before they are written; may raise.
        is_announced: Whether the header's size was checked against what is allowed, so that its space may be taken.

    Attributes:
        compressed_bytes: How much was taken.
        size_bytes: How much came out.
        crc32: CRC-32 of what came out.
    """

    def __init__(
        self, target: Path | None, header: Header, on_bytes: Callable[[int], None], *, is_announced: bool = False
    ) -> None:
        self._writing = _Writing(target or Path())
        self._header = header
        self._on_bytes = on_bytes
        self._inflater = new_inflater(-zlib.MAX_WBITS) if header.method == DEFLATED else None
        self.compressed_bytes = 0
        self.size_bytes = 0
        self.crc32 = 0
        self._file: OrderedFile | None = None
        if target is not None:
            with self._writing:
                self._file = new_file(target, header.size_bytes if is_announced else None)

    def __enter__(self) -> MemberWriter:
        return self

    def __exit__(self, *_: object) -> None:
        """Close the file, however the member ended; what matters was raised before."""
        if self._file is not None:
            with contextlib.suppress(OSError):
                self._file.close()

    @property
    def is_complete(self) -> bool:
        """Whether all of the content has arrived."""
        if self._inflater is not None:
            return self._inflater.eof
        return self.compressed_bytes == self._header.compressed_bytes

    @property
    def wanted_bytes(self) -> int:
        """How many compressed bytes to give at most; 0 where the header allows no more."""
        if self._header.compressed_bytes is None:
            return min(max(_FIRST_STEP_BYTES, self.compressed_bytes), _STEP_BYTES)
        return min(self._header.compressed_bytes - self.compressed_bytes, _STEP_BYTES)

    def take_from(self, reader: ArchiveReader) -> Header:
        """Take the whole member from a reader that stands at its content, and leave it behind the descriptor.

        Returns:
            The header with everything in it known.

        Raises:
            ArchiveError: The content is not what the header says.
            StorageError: The file cannot be written.
        """
        while not self.is_complete and self.wanted_bytes:
            piece = reader.piece(self.wanted_bytes)
            if not piece:
                raise truncated(reader.position, within=shown(self._header.name))
            reader.advance(self.write(piece))
        found = self.finish()
        if found.has_descriptor:
            self._skip_descriptor(reader)
        return found

    def write(self, piece: memoryview) -> int:
        """Take the next compressed bytes, ``wanted_bytes`` at most; return how many of them belong to the member.

        Raises:
            ArchiveError: They cannot be inflated, or there is more content than the header says.
            StorageError: The file cannot be written.
        """
        taken_bytes = len(piece)
        if self._inflater is None:
            self._emit(piece)
        else:
            self._inflate(self._inflater, piece)
            taken_bytes -= len(self._inflater.unused_data)
        self.compressed_bytes += taken_bytes
        return taken_bytes

    def finish(self) -> Header:
        """Close the file and return the header with everything in it known.

        Raises:
            ArchiveError: The content is not what the header says.
            StorageError: The file cannot be written.
        """
        header = self._header
        if not self.is_complete or header.compressed_bytes not in (None, self.compressed_bytes):
            raise ends_elsewhere(header)
        if header.size_bytes not in (None, self.size_bytes):
            told = f"has {self.size_bytes:,} bytes, its header says {header.size_bytes:,}"
            raise broken(f"{shown(header.name)} {told}.")
        if header.crc32 not in (None, self.crc32):
            raise _damaged(header)
        if self._file is not None:
            with self._writing:
                self._file.finish()
                self._file.close()
        if header.is_complete:
            return header
        return replace(header, crc32=self.crc32, compressed_bytes=self.compressed_bytes, size_bytes=self.size_bytes)

    def _inflate(self, inflater: Inflater, piece: memoryview) -> None:
        data: bytes | memoryview = piece
        is_drained = False
        while not is_drained:
            try:
                output = inflater.decompress(data, _OUTPUT_BYTES)
            except InflateError as exc:
                raise _damaged(self._header) from exc
            self._emit(output)
            data = inflater.unconsumed_tail
            is_drained = inflater.eof or (not data and len(output) < _OUTPUT_BYTES)

    def _emit(self, data: bytes | memoryview) -> None:
        self.size_bytes += len(data)
        if self._header.size_bytes is not None and self.size_bytes > self._header.size_bytes:
            name = shown(self._header.name)
            raise broken(f"{name} unpacks to more than the {self._header.size_bytes:,} bytes that its header says.")
        self._on_bytes(len(data))
        self.crc32 = crc32_of(data, self.crc32)
        if self._file is not None:  # a folder's header allows 0 bytes
            with self._writing:
                self._file.write(data)

    def _skip_descriptor(self, reader: ArchiveReader) -> None:
        buffer = reader.peek(MAX_DESCRIPTOR_BYTES)
        size_bytes = descriptor_bytes(
            buffer, crc32=self.crc32, compressed_bytes=self.compressed_bytes, size_bytes=self.size_bytes
        )
        if size_bytes is None and len(buffer) < MAX_DESCRIPTOR_BYTES:
            raise truncated(reader.position + len(buffer), within=shown(self._header.name))
        if size_bytes is None:
            raise _damaged(self._header)
        reader.advance(size_bytes)


def ends_elsewhere(header: Header) -> ArchiveError:
    """The error for content that is shorter or longer than its header says."""
    return broken(f"{shown(header.name)} does not end where its header says.")


def unlisted(at_bytes: int) -> ArchiveError:
    """The error for a member that only one who walks through the archive gets to see."""
    return broken(f"its table of contents lacks the member at byte {at_bytes:,}.")


def too_many_members(allowed: int = MAX_MEMBERS) -> ArchiveError:
    """The error for an archive that would fill memory, and the disk with files."""
    return refused(f"it holds more than {allowed:,} members, or folders.")


def _damaged(header: Header) -> ArchiveError:
    return broken(f"the content of {shown(header.name)} is damaged.")


def _both(path: str) -> ArchiveError:
    return refused(f"it holds {shown(path)} both as a file and as a folder.")
