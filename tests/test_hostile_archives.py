"""Archives that are broken or meant to harm: each is refused with a sentence, and nothing lands outside the folder."""

from __future__ import annotations

import io
import itertools
import struct
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from hostile_archives import (
    SYMLINK,
    TEXT,
    Raw,
    archive,
    bomb,
    directory_over_members,
    endless,
    overlapping,
    zeros,
    zip64_archive,
)

from modelhub.bounds import Bounds
from modelhub.errors import ArchiveError
from modelhub.unpack import unpack_stream
from modelhub.unpack_members import read_directory, unpack_members

NOT_A_HEADER = b"#!/bin/sh\n\x00\x01\x02\x03"  # what a self-extracting archive begins with


def _names(*pairs: tuple[str, str]) -> dict[str, tuple[bytes, str]]:
    return {f"name {name!r}": (archive(Raw(name)), words) for name, words in pairs}


HEX = struct.pack("<HHQQ", 1, 16, len(TEXT), 15)
ARCHIVES: dict[str, tuple[bytes, str]] = {
    **_names(
        ("../evil.txt", "leads out of its folder"),
        ("a/../../evil.txt", "leads out of its folder"),
        ("a/..", "leads out of its folder"),
        ("a/.. /evil.txt", "leads out of its folder"),
        ("/etc/evil.txt", "is an absolute path"),
        ("//server/share/evil.txt", "is an absolute path"),
        ("C:/evil.txt", "names a drive"),
        ("c:evil.txt", "names a drive"),
        ("a/C:/evil.txt", "names a drive"),
        ("a\\..\\..\\evil.txt", "holds a backslash"),
        ("a.txt\0.png", "holds a control character"),
        ("a\x1b[2J.txt", "holds a control character"),
        ("a\x9b2J.txt", "holds a control character"),
        ("d/" * 100 + "f", "lies 101 levels deep"),
        ("a/NUL", "is the name of a device on Windows"),
        ("con.txt", "is the name of a device on Windows"),
        ("a/Com1 .log/b", "is the name of a device on Windows"),
        ("", "has no name"),
        (".", "has no name"),
    ),
    "name '/'": (archive(Raw("/", b"")), "is an absolute path"),
    "symbolic link": (archive(Raw("link", b"/etc/passwd", attributes=SYMLINK)), "is a symbolic link"),
    "named pipe": (archive(Raw(attributes=0o010644 << 16)), "is a named pipe"),
    "device": (archive(Raw(attributes=0o020644 << 16)), "is a device"),
    "special of no known kind": (archive(Raw(attributes=0o170000 << 16)), "is neither a file nor a folder"),
    "folder under the name of a file": (archive(Raw(attributes=0o040755 << 16)), "is neither a file nor a folder"),
    "twice": (archive(Raw(), Raw()), "holds 'a.txt' twice"),
    "twice but for dots": (archive(Raw("a/b"), Raw("a/.//b")), "holds 'a/b' twice"),
    "folder twice": (archive(Raw("a/", b""), Raw("a/", b"")), "holds 'a' twice"),
    "file as folder": (archive(Raw("a"), Raw("a/b")), "'a' both as a file and as a folder"),
    "folder as file": (archive(Raw("a/b"), Raw("a")), "'a' both as a file and as a folder"),
    "folder with content": (archive(Raw("a/", TEXT)), "folder 'a/' has content"),
    "folder with content that is told late": (
        archive(Raw("a/", TEXT, flags=8, local={"crc": 0, "size": 0, "packed_bytes": 0})),
        "unpacks to more than the 0 bytes|size of 'a/' is 0, its table of contents says 31",
    ),
    "overlapping members": (overlapping(), "names 'inner' where there is no member"),
    "listed twice": (archive(Raw(copies_in_directory=2)), "names 'a.txt' where there is no member"),
    "not listed": (
        archive(Raw(), Raw("b", copies_in_directory=0)),
        "table of contents lacks ('b'|the member at byte)",
    ),
    "listed elsewhere": (
        archive(Raw(central={"offset": 7})),
        "where there is no member|neither a member|lacks the member at byte 0",
    ),
    "not listed and without end": (archive(Raw(), endless(copies_in_directory=0)), "lacks the member at byte"),
    "directory that begins with members": (directory_over_members(), "not where it should be|is damaged"),
    "listed behind the end": (archive(Raw(central={"offset": 5000})), "where there is no member|members behind it"),
    "other name in the directory": (archive(Raw(central={"name": "b.txt"})), "name of 'a.txt' is 'a.txt', .* 'b.txt'"),
    "other CRC in the directory": (archive(Raw(central={"crc": 7})), "CRC-32 of 'a.txt' is 3,236,733,265, .* says 7"),
    "other size in the directory": (archive(Raw(central={"size": 7})), "size of 'a.txt' is 31, .* says 7"),
    "other packed size in the directory": (
        archive(Raw(central={"packed_bytes": 7})),
        "packed size of .* says 7",
    ),
    "other method in the directory": (archive(Raw(central={"method": 0})), "method of 'a.txt' is 8, .* says 0"),
    "other encoding in the directory": (archive(Raw(central={"flags": 0})), "encrypted or spelled otherwise"),
    "encrypted in the directory": (archive(Raw(central={"flags": 1 << 11 | 1})), "encrypted or spelled otherwise"),
    "size too small": (archive(Raw(local={"size": 5}, central={"size": 5})), "more than the 5 bytes"),
    "size too large": (archive(Raw(local={"size": 99}, central={"size": 99})), "has 31 bytes, its header says 99"),
    "packed size too small": (
        archive(Raw(local={"packed_bytes": 5}, central={"packed_bytes": 5})),
        "does not end where its header says",
    ),
    "packed size zero": (
        archive(Raw(local={"packed_bytes": 0}, central={"packed_bytes": 0})),
        "does not end where its header says",
    ),
    "packed size too large": (
        archive(Raw(local={"packed_bytes": 40}, central={"packed_bytes": 40})),
        "does not end where its header says",
    ),
    "packed size too small in the header alone": (
        archive(Raw(local={"packed_bytes": 5})),
        "does not end where its header says|packed size of 'a.txt' is 5, its table of contents says 16",
    ),
    "packed size too large, before another": (
        archive(Raw(local={"packed_bytes": 40}, central={"packed_bytes": 40}), Raw("b")),
        "does not end where its header says|names 'b' where there is no member",
    ),
    "stored with two sizes": (archive(Raw(method=0, local={"size": 7})), "two sizes of 'a.txt' contradict"),
    "wrong CRC": (archive(Raw(local={"crc": 7}, central={"crc": 7})), "content of 'a.txt'"),
    "wrong CRC, stored": (
        archive(Raw(method=0, local={"crc": 7}, central={"crc": 7})),
        "content of 'a.txt'",
    ),
    "no deflate": (
        archive(Raw(local={"packed": b"\xff" * 15, "packed_bytes": 15}, central={"packed_bytes": 15})),
        "content of 'a.txt'",
    ),
    "no descriptor": (archive(Raw(flags=1 << 11 | 8)), "content of 'a.txt'"),
    "encrypted": (archive(Raw(flags=1)), "'a.txt' is encrypted"),
    "strongly encrypted": (archive(Raw(flags=1 << 6)), "'a.txt' is encrypted"),
    "bzip2": (archive(Raw(method=12)), r"bzip2 \(method 12\)"),
    "Deflate64": (archive(Raw(method=9)), r"Deflate64 \(method 9\)"),
    "method from the future": (archive(Raw(method=77)), r"something unknown \(method 77\)"),
    "name that is no UTF-8": (archive(Raw("aaaa")).replace(b"aaaa", b"a\xff\xfea"), "not UTF-8"),
    "disk in the directory": (archive(Raw(central={"disk": 2})), "one part of several"),
    "disk in the end record": (archive(Raw(), disk=1), "one part of several"),
    "members on other disks": (archive(Raw(), count=2), "one part of several"),
    "number of members of which there is none": (archive(count=1, here=1), "its end contradicts"),
    "number of members": (archive(Raw(), count=2, here=2), "its end contradicts"),
    "directory elsewhere": (archive(Raw(), offset=5), "its end contradicts|neither a member|does not end"),
    "directory behind the end": (archive(Raw(), offset=5000), "does not say where"),
    "directory too large": (archive(Raw(), bytes=5000), "does not say where"),
    "something between": (archive(Raw(), gap=b"hidden"), "neither a member nor its table of contents"),
    "something behind": (archive(Raw(), tail=b"hidden"), "something follows it"),
    "64-bit sizes missing": (archive(Raw(local={"size": 0xFFFFFFFF})), "64-bit sizes of 'a.txt' are missing"),
    "64-bit sizes doubled": (archive(Raw(local={"size": 0xFFFFFFFF, "extra": HEX + HEX})), "missing or doubled"),
    "extra field too long": (archive(Raw(local={"size": 0xFFFFFFFF, "extra": b"\1\0\x7f\0"})), "header of 'a.txt'"),
    "64-bit end of other size": (zip64_archive(rest=45), "zip64 end record is damaged"),
    "64-bit end without locator": (zip64_archive(mark=b"PK\6\0"), "is damaged"),
    "64-bit locator elsewhere": (zip64_archive(locator=5), "does not say where"),
    "64-bit end of several disks": (zip64_archive(disks=2), "one part of several"),
    "64-bit end that disagrees": (zip64_archive(bytes=1 << 40), "end records contradict each other"),
}


@dataclass
class InMemory:
    """An archive that can be read at any offset."""

    data: bytes

    @property
    def size_bytes(self) -> int:
        return len(self.data)

    def read_at(self, offset: int, length: int) -> bytes:
        return self.data[offset : offset + length]


def streamed(data: bytes, folder: Path) -> None:
    unpack_stream([data], folder)


def streamed_bytewise(data: bytes, folder: Path) -> None:
    unpack_stream((data[start : start + 1] for start in range(len(data))), folder)


def by_members(data: bytes, folder: Path) -> None:
    unpack_members(InMemory(data), read_directory(InMemory(data)), folder)


WAYS = [streamed, streamed_bytewise, by_members]
Way = Callable[[bytes, Path], None]


def unpack(data: bytes, folder: Path, way: Way) -> dict[str, bytes]:
    """Unpack into a new folder, and return what is there."""
    folder.mkdir(parents=True)
    way(data, folder)
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def outside(root: Path, folder: Path) -> list[Path]:
    return [path for path in root.rglob("*") if folder != path and folder not in path.parents]


@pytest.mark.parametrize("before", [b"", NOT_A_HEADER], ids=["plain", "behind-something"])
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(("data", "words"), ARCHIVES.values(), ids=ARCHIVES)
def test_a_hostile_archive_is_refused_and_stays_in_its_folder(
    data: bytes, words: str, way: Way, before: bytes, tmp_path: Path
) -> None:
    folder = tmp_path / "staging"

    with pytest.raises(ArchiveError, match=words) as caught:
        unpack(before + data, folder, way)

    assert caught.value.exit_status == 6
    assert caught.value.message.endswith(".")
    assert caught.value.hint
    assert caught.value.message.isprintable()
    assert outside(tmp_path, folder) == []
    assert not any(path.is_symlink() for path in folder.rglob("*"))


@pytest.mark.parametrize("way", WAYS)
def test_two_archives_in_a_row_are_refused(way: Way, tmp_path: Path) -> None:
    with pytest.raises(ArchiveError, match="something follows it, from byte 124 on|its end contradicts"):
        unpack(archive(Raw()) + archive(Raw()), tmp_path / "staging", way)


@pytest.mark.parametrize("way", WAYS)
def test_an_empty_archive_and_another_in_a_row_are_refused(way: Way, tmp_path: Path) -> None:
    with pytest.raises(ArchiveError, match="something follows it, from byte 22 on"):
        unpack(archive() + archive(Raw()), tmp_path / "staging", way)


@pytest.mark.parametrize("way", WAYS)
def test_the_writer_of_this_table_writes_good_archives_too(way: Way, tmp_path: Path) -> None:
    assert unpack(archive(Raw(), endless("b/c")), tmp_path / "plain", way) == {"a.txt": TEXT, "b/c": TEXT}
    assert unpack(zip64_archive(), tmp_path / "wide", way) == {"a.txt": TEXT}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    "name",
    [
        "fields/POS Model/part-00000",
        "stage:b",
        "trailing. ",
        "...a",
        "console",
        "nullable.txt",
        "com10",
        ".part.crc",
        "d/" * 99 + "f",
        "é日",
    ],
)
def test_odd_names_of_real_models_are_not_refused(name: str, way: Way, tmp_path: Path) -> None:
    assert unpack(archive(Raw(name)), tmp_path / "staging", way) == {name: TEXT}


MIB = 1 << 20
SMALL_BOUND = Bounds(max_unpacked_bytes=MIB)


@pytest.mark.parametrize("way", [streamed, by_members])
def test_a_bomb_is_stopped_before_a_byte_of_it_is_written(way: Way, tmp_path: Path) -> None:
    with pytest.raises(ArchiveError, match="unpack to 314,572,[0-9]{3} and more, as in a zip bomb") as caught:
        unpack(archive(zeros("zeros", 300 * MIB)), tmp_path / "staging", way)

    assert "MODELHUB_MAX_RATIO" in caught.value.hint
    assert not list((tmp_path / "staging").iterdir())


@pytest.mark.parametrize("way", [streamed, by_members])
def test_a_bomb_of_many_members_is_stopped_where_it_becomes_one(way: Way, tmp_path: Path) -> None:
    with pytest.raises(ArchiveError, match="as in a zip bomb"):
        unpack(bomb(3, 150 * MIB), tmp_path / "staging", way)


def test_a_bomb_that_does_not_tell_its_size_is_stopped_by_its_ratio(tmp_path: Path) -> None:
    member = zeros("zeros", 300 * MIB)
    untold = {"size": 0, "packed_bytes": 0, "crc": 0}
    data = archive(Raw("zeros", b"", flags=8, local=member.local | untold, central=member.central))

    with pytest.raises(ArchiveError, match="as in a zip bomb"):
        unpack_stream([data], tmp_path)

    assert (tmp_path / "zeros").stat().st_size <= 256 * MIB


def test_the_absolute_bound_holds_where_sizes_are_told_late(tmp_path: Path) -> None:
    member = zeros("zeros", 8 * MIB)
    untold = {"size": 0, "packed_bytes": 0, "crc": 0}
    data = archive(Raw("zeros", b"", flags=8, local=member.local | untold, central=member.central))

    with pytest.raises(ArchiveError, match="more than 1,048,576 bytes") as caught:
        unpack_stream([data], tmp_path, bounds=SMALL_BOUND)

    assert "MODELHUB_MAX_UNPACKED" in caught.value.hint
    assert (tmp_path / "zeros").stat().st_size <= MIB


def small_archives() -> dict[str, bytes]:
    """A streamable archive with everything in it, and one that has to be spooled."""

    class Pipe:
        def __init__(self) -> None:
            self.data = b""

        def write(self, data: bytes) -> int:
            self.data += data
            return len(data)

        def flush(self) -> None: ...

    streamed, spooled = io.BytesIO(), Pipe()
    for file, method in ((streamed, zipfile.ZIP_DEFLATED), (spooled, zipfile.ZIP_STORED)):
        with zipfile.ZipFile(file, "w", method) as packed:  # type: ignore[arg-type]
            packed.writestr("metadata/part-00000", TEXT * 3)
            packed.writestr("metadata/_SUCCESS", b"")
            packed.writestr("empty/", b"")
            packed.comment = b"comment"
    return {"streamed": streamed.getvalue(), "spooled": spooled.data}


SMALL = small_archives()


@pytest.mark.parametrize("way", [streamed, by_members])
@pytest.mark.parametrize("data", SMALL.values(), ids=SMALL)
def test_an_archive_that_is_cut_anywhere_is_refused(data: bytes, way: Way, tmp_path: Path) -> None:
    for size_bytes in range(len(data)):
        with pytest.raises(ArchiveError):
            unpack(data[:size_bytes], tmp_path / str(size_bytes), way)


@pytest.mark.parametrize(
    ("way", "words"),
    [
        (streamed, r"cut off: it ends after 60 bytes, within 'metadata/part-00000'\."),
        (by_members, r"its 60 bytes hold no end record, so it is cut off"),
    ],
)
def test_a_cut_archive_says_after_how_many_bytes(way: Way, words: str, tmp_path: Path) -> None:
    with pytest.raises(ArchiveError, match=words):
        unpack(SMALL["streamed"][:60], tmp_path / "staging", way)


@pytest.mark.parametrize("way", [streamed, by_members])
@pytest.mark.parametrize("data", SMALL.values(), ids=SMALL)
def test_a_flipped_byte_never_gives_other_content(data: bytes, way: Way, tmp_path: Path) -> None:
    right = {"metadata/part-00000": TEXT * 3, "metadata/_SUCCESS": b""}
    numbers = itertools.count()
    for position, flip in itertools.product(range(len(data)), (0x01, 0x08, 0xFF)):
        folder = tmp_path / f"{next(numbers)}" / "staging"
        changed = bytearray(data)
        changed[position] ^= flip

        try:
            files = unpack(bytes(changed), folder, way)
        except ArchiveError:
            files = right

        assert files == right, (position, flip)
        assert outside(folder.parent, folder) == []
