"""The zip format as values: headers read from bytes, and what a member may be called.

An archive, as far as we accept it (APPNOTE 6.3.10)::

    { local header, content, [descriptor] }   members, without gaps
    { listed header }                          the table of contents
    [ zip64 end, zip64 locator ] end [comment]

Accepted names are those that stay in their folder and that Windows can tell from a device: no ``..`` (nor what Windows
takes for it, such as ``.. ``), no absolute path, no drive (``C:``), no backslash, no control character (NUL is one),
no device name (``CON``, ``nul.txt``), no more than 100 folders in each other. Blanks, colons further on and trailing
dots are in real models and stay allowed: they are harmless here, and on Windows the file system itself refuses them or
two that collide.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from dataclasses import fields, replace

from modelhub.errors import ArchiveError
from modelhub.quick_dataclasses import dataclass

LOCAL_SIGNATURE = b"PK\x03\x04"
CENTRAL_SIGNATURE = b"PK\x01\x02"
END_SIGNATURE = b"PK\x05\x06"
ZIP64_END_SIGNATURE = b"PK\x06\x06"
_LOCATOR_SIGNATURE = b"PK\x06\x07"
_DESCRIPTOR_SIGNATURE = b"PK\x07\x08"

_LOCAL = struct.Struct("<4s5H3I2H")
_CENTRAL = struct.Struct("<4s6H3I5H2I")
_END = struct.Struct("<4s4H2IH")
_ZIP64_END = struct.Struct("<4sQ2H2I4Q")
_LOCATOR = struct.Struct("<4sIQI")
LOCAL_FIXED_BYTES = _LOCAL.size
CENTRAL_FIXED_BYTES = _CENTRAL.size
MAX_DESCRIPTOR_BYTES = 24
MAX_TAIL_BYTES = _ZIP64_END.size + _LOCATOR.size + _END.size + 0xFFFF

STORED = 0
DEFLATED = 8
_METHOD_NAMES = {
    1: "Shrink", 6: "Implode", 9: "Deflate64", 12: "bzip2", 14: "LZMA", 93: "Zstandard", 95: "xz", 98: "PPMd",
}  # fmt: skip

_FLAG_DESCRIPTOR = 1 << 3
_FLAG_UTF8 = 1 << 11
_FLAGS_ENCRYPTED = 1 << 0 | 1 << 6 | 1 << 13
# The others (level of compression, descriptor) do not change what a reader gets out of a member.
_FLAGS_THAT_AGREE = _FLAGS_ENCRYPTED | _FLAG_UTF8

_ZIP64_EXTRA = 0x0001
_MAX_16 = 0xFFFF
_MAX_32 = 0xFFFFFFFF

_FIELD_WORDS = {"crc32": "CRC-32", "compressed_bytes": "packed size", "size_bytes": "size"}

_TYPE_MASK = 0o170000
_FOLDER_TYPE = 0o040000
_PLAIN_TYPES = frozenset({0, 0o100000})
_SPECIAL_TYPES = {
    0o010000: "a named pipe",
    0o020000: "a device",
    0o060000: "a device",
    0o120000: "a symbolic link",
    0o140000: "a socket",
}

_MAX_DEPTH = 100  # saved models need a dozen; with a thousand many programs, ours too, cannot delete them any more
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_DRIVE = re.compile(r"[A-Za-z]:")
_DEVICE = re.compile(r"(CON|PRN|AUX|NUL|CONIN\$|CONOUT\$|(COM|LPT)[0-9¹²³])[ ]*([.:].*)?", re.IGNORECASE)

_HINT_BROKEN = "Pull it again; if that fails too, the archive in the hub is damaged."
_HINT_REFUSED = "Nothing of it is kept. Tell whoever published it: a saved model needs no such thing."


@dataclass(frozen=True, kw_only=True, slots=True)
class Header:
    """What a header says of one member; ``None`` where a streaming writer says it only behind the content."""

    name: str
    flags: int
    method: int
    crc32: int | None
    compressed_bytes: int | None
    size_bytes: int | None

    @property
    def is_folder(self) -> bool:
        """Whether the member is a folder: its name ends in a slash."""
        return self.name.endswith("/")

    @property
    def has_descriptor(self) -> bool:
        """Whether check sum and sizes follow the content."""
        return bool(self.flags & _FLAG_DESCRIPTOR)

    @property
    def is_complete(self) -> bool:
        """Whether check sum and sizes are known."""
        return None not in (self.crc32, self.compressed_bytes, self.size_bytes)

    @property
    def is_endless(self) -> bool:
        """Whether nothing in the stream tells where the content ends (deflate tells it by itself)."""
        return self.method == STORED and self.compressed_bytes is None


_HEADER_FIELDS = fields(Header)


@dataclass(frozen=True, kw_only=True, slots=True)
class ListedHeader(Header):
    """One line of the table of contents."""

    offset: int
    external_attributes: int


@dataclass(frozen=True, kw_only=True)
class EndRecords:
    """Where the table of contents lies.

    Attributes:
        members: How many there are.
        directory_bytes: Size of the table of contents.
        directory_offset: Where it begins in the archive.
        prefix_bytes: Bytes before the archive that its offsets do not count.
    """

    members: int
    directory_bytes: int
    directory_offset: int
    prefix_bytes: int


def local_header_bytes(fixed: bytes) -> int:
    """Size of the local header that begins with ``fixed`` (``LOCAL_FIXED_BYTES`` of it)."""
    *_, name_bytes, extra_bytes = _LOCAL.unpack(fixed)
    return LOCAL_FIXED_BYTES + int(name_bytes) + int(extra_bytes)


def read_local_header(buffer: bytes) -> Header:
    """Read a whole local header.

    Raises:
        ArchiveError: It contradicts itself, or the member is encrypted or compressed in a way that we cannot read.
    """
    _, _, flags, method, _, _, crc32, compressed_bytes, size_bytes, name_bytes, _ = _LOCAL.unpack_from(buffer)
    name_end = LOCAL_FIXED_BYTES + name_bytes
    name = _decoded(buffer[LOCAL_FIXED_BYTES:name_end], flags)
    size_bytes, compressed_bytes = _widened(name, buffer[name_end:], size_bytes, compressed_bytes)
    header = Header(
        name=name, flags=flags, method=method, crc32=crc32, compressed_bytes=compressed_bytes, size_bytes=size_bytes
    )
    _check_supported(header)
    if not header.has_descriptor or (header.is_folder and method == STORED):
        return header
    return replace(
        header,
        crc32=crc32 or None,
        compressed_bytes=compressed_bytes or None,
        size_bytes=0 if header.is_folder else size_bytes or None,
    )


def listed_header_bytes(fixed: bytes) -> int:
    """Size of the listed header that begins with ``fixed`` (``CENTRAL_FIXED_BYTES`` of it)."""
    return CENTRAL_FIXED_BYTES + sum(map(int, _CENTRAL.unpack(fixed)[10:13]))


def read_listed_header(buffer: bytes) -> ListedHeader:
    """Read one line of the table of contents.

    Raises:
        ArchiveError: It contradicts itself, or names something that is neither file nor folder.
    """
    values = _CENTRAL.unpack_from(buffer)
    flags, method, crc32, compressed_bytes, size_bytes = (values[index] for index in (3, 4, 7, 8, 9))
    name_bytes, extra_bytes, _, disk, _, external_attributes, offset = values[10:]
    name_end = CENTRAL_FIXED_BYTES + name_bytes
    name = _decoded(buffer[CENTRAL_FIXED_BYTES:name_end], flags)
    extra = buffer[name_end : name_end + extra_bytes]
    size_bytes, compressed_bytes, offset = _widened(name, extra, size_bytes, compressed_bytes, offset)
    if disk not in (0, _MAX_16):
        raise _several_disks()
    header = ListedHeader(
        name=name,
        flags=flags,
        method=method,
        crc32=crc32,
        compressed_bytes=compressed_bytes,
        size_bytes=size_bytes,
        offset=offset,
        external_attributes=external_attributes,
    )
    _check_plain(header)
    return header


def read_central_directory(buffer: bytes) -> Iterator[ListedHeader]:
    """Read a whole table of contents, line by line.

    Raises:
        ArchiveError: Something in it is broken or refused.
    """
    start = 0
    while start < len(buffer):
        fixed = buffer[start : start + CENTRAL_FIXED_BYTES]
        if len(fixed) < CENTRAL_FIXED_BYTES or not fixed.startswith(CENTRAL_SIGNATURE):
            raise broken("its table of contents is damaged.")
        end = start + listed_header_bytes(fixed)
        if end > len(buffer):
            raise broken("its table of contents is cut off.")
        yield read_listed_header(buffer[start:end])
        start = end


def find_end_records(tail: bytes) -> int | None:
    """Where in the last ``MAX_TAIL_BYTES`` of an archive its end records begin; ``None`` where there are none."""
    start = tail.rfind(END_SIGNATURE)
    candidate = start
    while candidate >= 0:  # the signature may also be part of the comment: take the one whose comment ends the archive
        if candidate + _END.size <= len(tail) and _end_bytes(tail, candidate) == len(tail) - candidate:
            start = candidate
            break
        candidate = tail.rfind(END_SIGNATURE, 0, candidate)
    if start < 0:
        return None
    wide = start - _LOCATOR.size - _ZIP64_END.size
    has_zip64 = wide >= 0 and tail.startswith(ZIP64_END_SIGNATURE, wide)
    return wide if has_zip64 and tail.startswith(_LOCATOR_SIGNATURE, start - _LOCATOR.size) else start


def read_end_records(buffer: bytes, *, offset: int) -> EndRecords:
    """Read what follows the table of contents, to the archive's last byte.

    Args:
        buffer: From there to the end of the archive, or at least ``MAX_TAIL_BYTES`` + 1 of it.
        offset: Where in the archive the buffer begins.

    Raises:
        ArchiveError: It is cut off, followed by something, contradicts itself, or tells of several disks.
    """
    has_zip64 = buffer.startswith(ZIP64_END_SIGNATURE)
    start = _ZIP64_END.size + _LOCATOR.size if has_zip64 else 0
    if len(buffer) < start + _END.size:
        raise truncated(offset + len(buffer), within="its end record")
    if not buffer.startswith(END_SIGNATURE, start):
        raise no_header_at(offset + start)
    end = start + _end_bytes(buffer, start)
    if len(buffer) < end:
        raise truncated(offset + len(buffer), within="its comment")
    if len(buffer) > end:
        raise broken(f"something follows it, from byte {offset + end:,} on.")
    _, disk, directory_disk, disk_members, members, size_bytes, directory_offset, _ = _END.unpack_from(buffer, start)
    values: tuple[int, ...] = (disk, directory_disk, disk_members, members, size_bytes, directory_offset)
    record_offset = offset
    if has_zip64:
        values, record_offset = _read_zip64_end(buffer, narrow=values)
    if values[0] or values[1] or values[2] != values[3]:
        raise _several_disks()
    prefix_bytes = offset - values[4] - values[5]
    if prefix_bytes < 0 or record_offset + (prefix_bytes if has_zip64 else 0) != offset:
        raise broken("its end does not say where its table of contents is.")
    return EndRecords(
        members=values[3], directory_bytes=values[4], directory_offset=values[5], prefix_bytes=prefix_bytes
    )


def descriptor_bytes(buffer: bytes, *, crc32: int, compressed_bytes: int, size_bytes: int) -> int | None:
    """Size of the descriptor that ``buffer`` begins with; ``None`` where it does not tell these values.

    Its signature is optional and its sizes have 32 or 64 bits; nothing says which. The longest form that fits is the
    right one: what follows a shorter one begins with ``PK``, which is never the upper half of a size.
    """
    fits_32 = max(compressed_bytes, size_bytes) <= _MAX_32
    for layout in ("<IQQ", "<III") if fits_32 else ("<IQQ",):
        values = struct.pack(layout, crc32, compressed_bytes, size_bytes)
        for form in (_DESCRIPTOR_SIGNATURE + values, values):
            if buffer.startswith(form):
                return len(form)
    return None


def completed(header: Header, listed: ListedHeader) -> Header:
    """A local header, with what it leaves for later as the table of contents tells it."""
    if header.is_complete:
        return header
    return replace(
        header,
        crc32=listed.crc32 if header.crc32 is None else header.crc32,
        compressed_bytes=listed.compressed_bytes if header.compressed_bytes is None else header.compressed_bytes,
        size_bytes=listed.size_bytes if header.size_bytes is None else header.size_bytes,
    )


def check_agreement(unpacked: Header, listed: ListedHeader) -> None:
    """Compare a member as it was unpacked with the table of contents.

    Raises:
        ArchiveError: They differ, so that programs which believe the one or the other get different files.
    """
    for field in _HEADER_FIELDS:
        ours, theirs = getattr(unpacked, field.name), getattr(listed, field.name)
        if field.name == "flags" and (ours ^ theirs) & _FLAGS_THAT_AGREE:
            raise broken(f"{shown(unpacked.name)} is encrypted or spelled otherwise than its table of contents says.")
        if field.name != "flags" and ours != theirs:
            what = _FIELD_WORDS.get(field.name, field.name)
            is_so, told = (shown(value) if isinstance(value, str) else f"{value:,}" for value in (ours, theirs))
            raise broken(f"the {what} of {shown(unpacked.name)} is {is_so}, its table of contents says {told}.")


def checked_path(name: str) -> str:
    """The path of a member below its folder, with slashes; "" for the folder itself (``./``).

    Raises:
        ArchiveError: The name leads elsewhere, or cannot be a file's name on Windows (see the module's docstring).
    """
    parts = [part for part in name.split("/") if part not in ("", ".")]
    reason = _reason_against(name, parts)
    if reason:
        raise refused(f"its member {shown(name)} {reason}.")
    return "/".join(parts)


def broken(message: str) -> ArchiveError:
    """The error for an archive that a fault may have spoilt on its way."""
    return ArchiveError(f"The archive is broken: {message}", hint=_HINT_BROKEN)


def refused(message: str) -> ArchiveError:
    """The error for an archive that somebody made so, and that we do not unpack."""
    return ArchiveError(f"The archive is refused: {message}", hint=_HINT_REFUSED)


def no_header_at(at_bytes: int) -> ArchiveError:
    """The error for a place where a member should begin, or the table of contents."""
    return broken(f"at byte {at_bytes:,} it holds neither a member nor its table of contents.")


def truncated(at_bytes: int, *, within: str) -> ArchiveError:
    """The error for an archive that ends too early."""
    where = f"it ends after {at_bytes:,} bytes, within {within}"
    return ArchiveError(f"The archive is cut off: {where}.", hint=_HINT_BROKEN)


def shown(text: str) -> str:
    """A text from an archive, quoted for a message: bounded, and without effect on a terminal."""
    return repr(text if len(text) <= 80 else f"{text[:50]}…{text[-25:]}")


def _decoded(name: bytes, flags: int) -> str:
    try:
        # Most names are ASCII; the table of cp437 takes 2 ms to import.
        return name.decode("utf-8" if flags & _FLAG_UTF8 or name.isascii() else "cp437")
    except UnicodeDecodeError:
        raise broken(f"the name {name[:80]!r} is not UTF-8.") from None


def _widened(name: str, extra: bytes, *values: int) -> tuple[int, ...]:
    """The values with those that did not fit into 32 bits taken from the zip64 field, which holds just these."""
    if _MAX_32 not in values:
        return values
    wide = [data for tag, data in _extra_fields(name, extra) if tag == _ZIP64_EXTRA]
    missing = values.count(_MAX_32)
    if len(wide) != 1 or len(wide[0]) < 8 * missing:
        raise broken(f"the 64-bit sizes of {shown(name)} are missing or doubled.")
    supply = iter(struct.unpack_from(f"<{missing}Q", wide[0]))
    return tuple(next(supply) if value == _MAX_32 else value for value in values)


def _extra_fields(name: str, extra: bytes) -> Iterator[tuple[int, bytes]]:
    start = 0
    while start + 4 <= len(extra):  # up to three bytes of padding at the end are usual
        tag, size_bytes = struct.unpack_from("<HH", extra, start)
        start += 4
        if start + size_bytes > len(extra):
            raise broken(f"the header of {shown(name)} is damaged.")
        yield tag, extra[start : start + size_bytes]
        start += size_bytes


def _check_supported(header: Header) -> None:
    if header.flags & _FLAGS_ENCRYPTED:
        raise refused(f"its member {shown(header.name)} is encrypted.")
    if header.method not in (STORED, DEFLATED):
        method = _METHOD_NAMES.get(header.method, "something unknown")
        raise ArchiveError(
            f"The archive cannot be read: {shown(header.name)} is packed with {method} (method {header.method}).",
            hint="Pack the model again with plain zip: Spark NLP, too, reads stored and deflated members only.",
        )
    if header.is_folder and header.size_bytes:
        raise refused(f"its folder {shown(header.name)} has content.")
    if header.method == STORED and header.size_bytes != header.compressed_bytes:
        raise broken(f"the two sizes of {shown(header.name)} contradict each other.")


def _check_plain(header: ListedHeader) -> None:
    kind = header.external_attributes >> 16 & _TYPE_MASK
    if kind in _PLAIN_TYPES or (kind == _FOLDER_TYPE and header.is_folder):
        return
    what = _SPECIAL_TYPES.get(kind, "neither a file nor a folder")
    raise refused(f"its member {shown(header.name)} is {what}.")


def _read_zip64_end(buffer: bytes, *, narrow: tuple[int, ...]) -> tuple[tuple[int, ...], int]:
    """The wide values, and where in the archive the locator says that they are."""
    _, rest_bytes, _, _, *values = _ZIP64_END.unpack_from(buffer)
    signature, locator_disk, record_offset, disks = _LOCATOR.unpack_from(buffer, _ZIP64_END.size)
    if signature != _LOCATOR_SIGNATURE or rest_bytes != _ZIP64_END.size - 12:
        raise broken("its zip64 end record is damaged.")
    if locator_disk or disks > 1:
        raise _several_disks()
    limits = (_MAX_16, _MAX_16, _MAX_16, _MAX_16, _MAX_32, _MAX_32)
    if any(short not in (limit, wide) for short, limit, wide in zip(narrow, limits, values, strict=True)):
        raise broken("its two end records contradict each other.")
    return tuple(values), record_offset


def _end_bytes(buffer: bytes, start: int) -> int:
    """Size of the end record at ``start``, comment included."""
    return _END.size + int.from_bytes(buffer[start + _END.size - 2 : start + _END.size], "little")


def _several_disks() -> ArchiveError:
    return refused("it is one part of several (multi-disk).")


def _reason_against(name: str, parts: list[str]) -> str:
    if not parts and not name.endswith("/"):
        return "has no name"
    if _CONTROL.search(name):
        return "holds a control character"
    if "\\" in name:
        return "holds a backslash"
    if name.startswith("/"):
        return "is an absolute path"
    if any(not part.rstrip(". ") for part in parts):
        return "leads out of its folder"
    if any(_DRIVE.match(part) for part in parts):
        return "names a drive"
    if any(_DEVICE.fullmatch(part) for part in parts):
        return "is the name of a device on Windows"
    return f"lies {len(parts):,} levels deep" if len(parts) > _MAX_DEPTH else ""
