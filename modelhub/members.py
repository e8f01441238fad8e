"""The files of an archive below one folder: which may be made, and how each is written and checked.

Both ways of unpacking share this, the stream that goes through an archive from its first byte and whoever holds
members by the table of contents: a writer takes the compressed bytes of one member, wherever they come from.
"""

from __future__ import annotations

import contextlib
import io
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

from modelhub.disk import disk_errors
from modelhub.errors import ArchiveError, StorageError
from modelhub.zipformat import DEFLATED, Header, broken, refused, shown

# Compressed bytes a step. Where a member's end is unknown the first step is short: what lies behind it is copied.
_FIRST_STEP_BYTES = 1 << 10
_STEP_BYTES = 128 << 10
_OUTPUT_BYTES = 512 << 10


@dataclass(frozen=True, kw_only=True, slots=True)
class Member:
    """One file that was unpacked.

    Attributes:
        path: Relative to the folder, with slashes.
        size_bytes: Its size.
        crc32: Its CRC-32.
    """

    path: str
    size_bytes: int
    crc32: int


class MemberTree:
    """The folder to unpack into, and which names in it are taken.

    Args:
        root: An existing, empty folder.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._files: set[str] = set()
        self._folders = {""}
        self._named: set[str] = set()

    def claim(self, path: str, *, is_folder: bool) -> Path | None:
        """Take a name and make the folders that it needs; return the file to write, or ``None`` for a folder.

        Args:
            path: As :func:`~modelhub.zipformat.checked_path` returns it.
            is_folder: Whether it is to be a folder itself.

        Raises:
            ArchiveError: The name is taken.
            StorageError: A folder cannot be made.
        """
        if path in self._named:
            raise refused(f"it holds {shown(path)} twice.")
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
            with _writing(self._root / folder):
                (self._root / folder).mkdir()
            self._folders.add(folder)


class MemberWriter:
    """Writes one member: takes its compressed bytes in order, checks them, and closes its file.

    Args:
        target: The file, which must not exist; ``None`` for a folder, which has no content.
        header: What its header says; what is ``None`` there is not checked.
        on_bytes: Called with the number of unpacked bytes before they are written; may raise.

    Attributes:
        compressed_bytes: How much was taken.
        size_bytes: How much came out.
        crc32: CRC-32 of what came out.
    """

    def __init__(self, target: Path | None, header: Header, on_bytes: Callable[[int], None]) -> None:
        self._path = target or Path()
        self._header = header
        self._on_bytes = on_bytes
        self._inflater = zlib.decompressobj(-zlib.MAX_WBITS) if header.method == DEFLATED else None
        self.compressed_bytes = 0
        self.size_bytes = 0
        self.crc32 = 0
        self._file: BinaryIO = io.BytesIO()  # stays empty: a folder's header allows 0 bytes
        if target is not None:
            with _writing(target):
                self._file = target.open("xb")

    def __enter__(self) -> MemberWriter:
        return self

    def __exit__(self, *_: object) -> None:
        """Close the file, however the member ended; what matters was raised before."""
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
        header, name = self._header, shown(self._header.name)
        if not self.is_complete or header.compressed_bytes not in (None, self.compressed_bytes):
            raise broken(f"{name} does not end where its header says.")
        if header.size_bytes not in (None, self.size_bytes):
            raise broken(f"{name} has {self.size_bytes:,} bytes, its header says {header.size_bytes:,}.")
        if header.crc32 not in (None, self.crc32):
            raise damaged(header)
        with _writing(self._path):
            self._file.close()
        return replace(header, crc32=self.crc32, compressed_bytes=self.compressed_bytes, size_bytes=self.size_bytes)

    def _inflate(self, inflater: zlib._Decompress, piece: memoryview) -> None:
        data: bytes | memoryview = piece
        is_drained = False
        while not is_drained:
            try:
                output = inflater.decompress(data, _OUTPUT_BYTES)
            except zlib.error as exc:
                raise damaged(self._header) from exc
            self._emit(output)
            data = inflater.unconsumed_tail
            is_drained = inflater.eof or (not data and len(output) < _OUTPUT_BYTES)

    def _emit(self, data: bytes | memoryview) -> None:
        self.size_bytes += len(data)
        if self._header.size_bytes is not None and self.size_bytes > self._header.size_bytes:
            name = shown(self._header.name)
            raise broken(f"{name} unpacks to more than the {self._header.size_bytes:,} bytes that its header says.")
        self._on_bytes(len(data))
        self.crc32 = zlib.crc32(data, self.crc32)
        with _writing(self._path):
            self._file.write(data)


@contextlib.contextmanager
def _writing(path: Path) -> Iterator[None]:
    with disk_errors(f"Cannot write {path}"):
        try:
            yield
        except FileExistsError as exc:
            raise StorageError(
                f"{path} exists already, perhaps because the file system does not tell upper from lower case.",
                hint="Choose a cache on another file system with MODELHUB_CACHE.",
            ) from exc


def damaged(header: Header) -> ArchiveError:
    """The error for content that cannot be inflated, or has another check sum."""
    return broken(f"the content of {shown(header.name)} is damaged.")


def _both(path: str) -> ArchiveError:
    return refused(f"it holds {shown(path)} both as a file and as a folder.")
