from __future__ import annotations

import io
import struct
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelhub.errors import ArchiveError
from modelhub.zipformat import (
    MAX_TAIL_BYTES,
    Header,
    ListedHeader,
    checked_path,
    completed,
    descriptor_bytes,
    find_end_records,
    local_header_bytes,
    read_central_directory,
    read_end_records,
    read_local_header,
    shown,
)


def make_zip(*names: str) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as packed:
        for name in names:
            packed.writestr(name, name * 50)
        packed.comment = b"comment"
    return target.getvalue()


def test_an_archive_is_read_from_its_end() -> None:
    data = make_zip("a", "b/c")
    tail = data[-MAX_TAIL_BYTES:]

    index = find_end_records(tail)
    assert index is not None
    end = read_end_records(tail[index:], offset=len(data) - len(tail) + index)
    start = end.prefix_bytes + end.directory_offset
    listed = list(read_central_directory(data[start : start + end.directory_bytes]))

    assert [line.name for line in listed] == ["a", "b/c"]
    assert end.members == 2
    for line in listed:
        header_bytes = local_header_bytes(data[line.offset : line.offset + 30])
        header = read_local_header(data[line.offset : line.offset + header_bytes])
        assert (header.name, header.size_bytes, header.crc32) == (line.name, line.size_bytes, line.crc32)


def test_64_bit_values_stand_in_the_order_size_packed_size_offset() -> None:
    wide = (5 << 32, 6 << 32, 7 << 32)
    extra = struct.pack("<HHHHQQQ", 0xCAFE, 0, 1, 24, *wide)
    header = struct.pack(
        "<4s6H3I5H2I", b"PK\1\2", 45, 45, 0, 8, 0, 0, 1, *[0xFFFFFFFF] * 2, 1, len(extra), 0, 0, 0, 0, 0xFFFFFFFF
    )

    (line,) = read_central_directory(header + b"a" + extra)

    assert (line.size_bytes, line.compressed_bytes, line.offset) == wide


@pytest.mark.parametrize("cut", [1, 40, 60])
def test_a_table_of_contents_that_is_cut_off_is_refused(cut: int) -> None:
    with zipfile.ZipFile(io.BytesIO(make_zip("a", "b"))) as packed:
        start = packed.start_dir
    directory = make_zip("a", "b")[start:-29]

    with pytest.raises(ArchiveError, match="table of contents is"):
        list(read_central_directory(directory[:-cut]))


@given(
    crc32=st.integers(0, 2**32 - 1),
    sizes=st.tuples(*[st.one_of(st.integers(0, 9), st.integers(0, 2**32 - 1))] * 2),
    layout=st.sampled_from(["<III", "<IQQ"]),
    signature=st.sampled_from([b"", b"PK\7\x08"]),
    behind=st.sampled_from([b"PK\1\2", b"PK\3\4"]),
)
def test_every_form_of_descriptor_is_told_from_what_follows(
    crc32: int, sizes: tuple[int, int], layout: str, signature: bytes, behind: bytes
) -> None:
    descriptor = signature + struct.pack(layout, crc32, *sizes)

    found = descriptor_bytes(
        descriptor + behind + bytes(20), crc32=crc32, compressed_bytes=sizes[0], size_bytes=sizes[1]
    )

    assert found == len(descriptor)


LISTED = ListedHeader(
    name="a", flags=8, method=8, crc32=1, compressed_bytes=2, size_bytes=3, offset=0, external_attributes=0
)


@pytest.mark.parametrize(
    ("told", "known"), [((None, None, None), (1, 2, 3)), ((7, None, None), (7, 2, 3)), ((7, 8, 9), (7, 8, 9))]
)
def test_a_header_is_completed_by_what_it_does_not_tell_itself(
    told: tuple[int | None, ...], known: tuple[int, ...]
) -> None:
    crc32, compressed_bytes, size_bytes = told
    header = Header(name="a", flags=8, method=8, crc32=crc32, compressed_bytes=compressed_bytes, size_bytes=size_bytes)

    found = completed(header, LISTED)

    assert (found.crc32, found.compressed_bytes, found.size_bytes) == known
    assert found.is_complete


def test_a_descriptor_beyond_4_gib_has_64_bits() -> None:
    told = struct.pack("<IQQ", 1, 5 << 32, 6 << 32)

    assert descriptor_bytes(told, crc32=1, compressed_bytes=5 << 32, size_bytes=6 << 32) == 20
    assert descriptor_bytes(told, crc32=1, compressed_bytes=5, size_bytes=6) is None


@given(name=st.text(alphabet="ab./\\: CONul1\0é", max_size=12))
def test_an_accepted_path_stays_below_its_folder(name: str) -> None:
    try:
        parts = checked_path(name).split("/")
    except ArchiveError:
        return

    assert not {".", ".."} & set(parts)
    assert "" not in parts or (parts == [""] and name.endswith("/"))
    assert not name.startswith("/")
    assert "\\" not in name


def test_a_long_name_is_shown_short() -> None:
    assert len(shown("n" * 60_000)) < 100
