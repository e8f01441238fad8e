from __future__ import annotations

import subprocess
import sys
import zlib
from pathlib import Path

import pytest

from modelhub.deflate import crc32_of
from modelhub.errors import ArchiveError, StorageError
from modelhub.members import MemberTree, MemberWriter
from modelhub.zipformat import DEFLATED, STORED, Header

TEXT = b"text " * 100_000


def header(packed: bytes, *, method: int = DEFLATED, **told: int | None) -> Header:
    values = {"crc32": zlib.crc32(TEXT), "compressed_bytes": len(packed), "size_bytes": len(TEXT)} | told
    return Header(name="a", flags=0, method=method, **values)


def deflated(content: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(content) + packer.flush()


def fill(writer: MemberWriter, data: bytes) -> int:
    position = 0
    while not writer.is_complete and position < len(data):
        position += writer.write(memoryview(data)[position : position + writer.wanted_bytes])
    return position


@pytest.mark.parametrize("method", [STORED, DEFLATED])
def test_a_writer_takes_compressed_bytes_and_writes_a_checked_file(method: int, tmp_path: Path) -> None:
    packed = TEXT if method == STORED else deflated(TEXT)

    with MemberWriter(tmp_path / "a", header(packed, method=method), lambda _: None) as writer:
        fill(writer, packed)
        found = writer.finish()

    assert (tmp_path / "a").read_bytes() == TEXT
    assert found == header(packed, method=method)


WITHOUT_ISAL = """
import sys
sys.modules["isal"] = None  # as where it is not installed
import zlib
from pathlib import Path
from modelhub.deflate import crc32_of
from modelhub.members import MemberWriter
from modelhub.zipformat import DEFLATED, Header

assert crc32_of is zlib.crc32
packer = zlib.compressobj(wbits=-15)
for content in (packer.compress(b"text" * 1000) + packer.flush(), bytes([255]) * 9):
    header = Header(name="a", flags=0, method=DEFLATED, crc32=None, compressed_bytes=len(content), size_bytes=4000)
    with MemberWriter(Path(f"{content[0]}"), header, print) as writer:
        writer.write(memoryview(content))
        writer.finish()
"""


def test_zlib_does_where_isal_is_missing(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", WITHOUT_ISAL], cwd=tmp_path, capture_output=True, text=True)

    assert done.stdout == "4000\n"
    assert "The archive is broken: the content of 'a' is damaged." in done.stderr
    assert [path.read_bytes() for path in tmp_path.iterdir() if path.stat().st_size] == [b"text" * 1000]


def test_the_check_sum_is_that_of_zlib() -> None:
    assert crc32_of(TEXT, 7) == zlib.crc32(TEXT, 7)


@pytest.mark.parametrize("size_bytes", [100, (5 << 20) + 7])
@pytest.mark.parametrize("method", [STORED, DEFLATED])
def test_the_space_for_a_large_file_is_taken_when_its_size_is_announced(
    method: int, size_bytes: int, tmp_path: Path
) -> None:
    content = b"text" * (size_bytes // 4) + b"." * (size_bytes % 4)
    packed = content if method == STORED else deflated(content)
    told = header(packed, method=method, crc32=zlib.crc32(content), size_bytes=size_bytes)

    with MemberWriter(tmp_path / "a", told, lambda _: None, is_announced=True) as writer:
        taken_bytes = (tmp_path / "a").stat().st_size
        fill(writer, packed)
        writer.finish()

    assert (tmp_path / "a").read_bytes() == content
    assert taken_bytes == (0 if size_bytes == 100 else size_bytes)


def test_a_deflated_member_of_unknown_size_leaves_what_follows_it(tmp_path: Path) -> None:
    packed = deflated(TEXT)
    unknown = header(packed, crc32=None, compressed_bytes=None, size_bytes=None)

    with MemberWriter(tmp_path / "a", unknown, lambda _: None) as writer:
        taken_bytes = fill(writer, packed + b"PK\x03\x04" * 1000)
        found = writer.finish()

    assert taken_bytes == len(packed)
    assert found == header(packed)


def test_several_writers_are_filled_in_turns(tmp_path: Path) -> None:
    packed = deflated(TEXT)
    halves = packed[:500], packed[500:]

    with (
        MemberWriter(tmp_path / "a", header(packed), lambda _: None) as first,
        MemberWriter(tmp_path / "b", header(packed), lambda _: None) as second,
    ):
        for half in halves:
            first.write(memoryview(half))
            second.write(memoryview(half))
        first.finish()
        second.finish()

    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes() == TEXT


def test_a_member_that_is_not_all_there_is_refused(tmp_path: Path) -> None:
    packed = deflated(TEXT)

    with (
        MemberWriter(tmp_path / "a", header(packed), lambda _: None) as writer,
        pytest.raises(ArchiveError, match="'a' does not end"),
    ):
        fill(writer, packed[:-1])
        writer.finish()


def test_a_name_that_the_file_system_cannot_encode_is_a_storage_error(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="cannot hold such a name"):
        MemberWriter(tmp_path / "\ud800", header(b""), lambda _: None)


def test_a_tree_takes_a_bounded_number_of_names(tmp_path: Path) -> None:
    tree = MemberTree(tmp_path, max_names=2)
    tree.claim("a", is_folder=False)
    tree.claim("b", is_folder=True)

    with pytest.raises(ArchiveError, match="holds more than 2 members"):
        tree.claim("c", is_folder=False)


def test_a_tree_makes_a_bounded_number_of_folders(tmp_path: Path) -> None:
    tree = MemberTree(tmp_path, max_names=5)
    tree.claim("a/b/c", is_folder=False)

    with pytest.raises(ArchiveError, match="holds more than 5 members, or folders"):
        tree.claim("d/e/f/g/h", is_folder=False)


def test_an_implied_folder_may_be_named_later_but_once(tmp_path: Path) -> None:
    tree = MemberTree(tmp_path)

    assert tree.claim("a/b/c", is_folder=False) == tmp_path / "a/b/c"
    assert tree.claim("a/b", is_folder=True) is None
    with pytest.raises(ArchiveError, match="twice"):
        tree.claim("a/b", is_folder=True)
