"""Parts of zips on a real disk: what an interruption leaves, and what of it may be believed."""

from __future__ import annotations

import json
import os
import random
import resource
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelhub.errors import StorageError
from modelhub.part_files import delete_part, disk_bytes
from modelhub.partials import Identity, PartFile
from modelhub.ranges import BLOCK_BYTES, Span

BLOCK = BLOCK_BYTES
CONTENT = random.Random(1).randbytes(3 * BLOCK + 1000)
IDENTITY = Identity(size_bytes=len(CONTENT), etag='"1a2b"')
HEADER_BYTES = 512
RECORD_BYTES = 8


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "partials" / "x.part"


@contextmanager
def opened(path: Path, identity: Identity = IDENTITY, *, may_be_copy: bool = False) -> Iterator[PartFile]:
    part = PartFile(path, identity, may_be_copy=may_be_copy)
    try:
        yield part
    finally:
        part.close()


def write(part: PartFile, start: int, end: int, piece_bytes: int = BLOCK) -> list[int]:
    """Write a span of the content in pieces; the sizes of the blocks that this made."""
    blocks: list[int] = []

    def note(offset: int, pieces: list[bytes]) -> None:
        block = b"".join(pieces)
        assert block == CONTENT[offset : offset + len(block)]
        blocks.append(len(block))

    writer = part.writer(Span(start, end), note)
    for offset in range(start, end, piece_bytes):
        assert writer.write(CONTENT[offset : min(offset + piece_bytes, end)])
    return blocks


def resumed(path: Path, identity: Identity = IDENTITY) -> list[Span]:
    """What is missing when the part is opened once more; what is not must be right."""
    with opened(path, identity) as part:
        missing = part.missing()
        for start, end in zip([0, *(gap.end for gap in missing)], [*(gap.start for gap in missing), None], strict=True):
            end = part.size_bytes if end is None else end
            assert part.read_at(start, end - start) == CONTENT[start:end]
        assert part.resumed_bytes == part.size_bytes - sum(gap.size_bytes for gap in missing)
    return missing


def journal_of(path: Path) -> Path:
    return path.with_name("x.journal")


@contextmanager
def files_up_to(size_bytes: int) -> Iterator[None]:
    """No file can be longer, as on a disk that is full."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


def open_files() -> int:
    return len(os.listdir("/dev/fd"))  # noqa: PTH208


# Writing


@pytest.mark.parametrize("piece_bytes", [100, 16_384, BLOCK - 1, BLOCK, BLOCK + 1, 2 * BLOCK, len(CONTENT)])
def test_pieces_of_any_size_become_blocks(path: Path, piece_bytes: int) -> None:
    with opened(path) as part:
        blocks = write(part, 0, len(CONTENT), piece_bytes)

        assert blocks == [BLOCK, BLOCK, BLOCK, 1000]
        assert part.missing() == []
        assert part.read_at(0, len(CONTENT)) == CONTENT
    assert path.read_bytes() == CONTENT


@settings(deadline=None, max_examples=30)
@given(st.lists(st.integers(1, 2 * BLOCK), max_size=12))
def test_a_writer_keeps_whole_blocks_and_knows_how_far_it_came(sizes: list[int]) -> None:
    with TemporaryDirectory() as folder, opened(Path(folder) / "x.part") as part:
        writer, given_bytes = part.writer(Span(0, len(CONTENT)), lambda start, pieces: None), 0
        for size_bytes in sizes:
            writer.write(CONTENT[given_bytes : given_bytes + size_bytes])
            given_bytes = min(len(CONTENT), given_bytes + size_bytes)
        whole = given_bytes if given_bytes == len(CONTENT) else given_bytes // BLOCK * BLOCK

        assert writer.kept_end == whole
        assert part.missing() == ([Span(whole, len(CONTENT))] if whole < len(CONTENT) else [])
        assert part.read_at(0, whole) == CONTENT[:whole]


def test_spans_may_come_in_any_order(path: Path) -> None:
    with opened(path) as part:
        write(part, 3 * BLOCK, len(CONTENT))
        write(part, BLOCK, 2 * BLOCK)

        assert part.missing() == [Span(0, BLOCK), Span(2 * BLOCK, 3 * BLOCK)]
        assert part.has(BLOCK, 2 * BLOCK)
        assert part.has(BLOCK + 5, BLOCK + 6)
        assert not part.has(BLOCK, 2 * BLOCK + 1)
        assert part.has(5, 5)


@pytest.mark.parametrize(
    ("offset", "length"), [(0, 10), (BLOCK - 5, 10), (len(CONTENT) - 5, 10), (len(CONTENT), 10), (5, 0)]
)
def test_bytes_are_read_at_any_offset_up_to_the_end(path: Path, offset: int, length: int) -> None:
    with opened(path) as part:
        write(part, 0, len(CONTENT))

        assert part.read_at(offset, length) == CONTENT[offset : offset + length]


def test_a_part_is_read_while_it_is_written(path: Path) -> None:
    wrong: list[Span] = []
    with opened(path) as part:

        def read() -> None:
            while part.missing():
                for start in range(0, len(CONTENT), BLOCK):
                    end = min(start + BLOCK, len(CONTENT))
                    if part.has(start, end) and part.read_at(start, end - start) != CONTENT[start:end]:
                        wrong.append(Span(start, end))

        reader = threading.Thread(target=read)
        reader.start()
        for _ in range(20):
            for start in (2 * BLOCK, 0, BLOCK):
                write(part, start, start + BLOCK, 10_000)
        write(part, 3 * BLOCK, len(CONTENT))
        reader.join()

    assert wrong == []


def test_an_empty_zip_is_whole_from_the_beginning(path: Path) -> None:
    with opened(path, Identity(size_bytes=0, etag='"0"')) as part:
        assert part.missing() == []
        assert part.has(0, 0)
        assert part.read_at(0, 10) == b""
    assert path.read_bytes() == b""


def test_a_part_has_its_size_and_its_place_from_the_beginning(path: Path) -> None:
    with opened(path):
        assert path.stat().st_size == len(CONTENT)
        assert disk_bytes(path) == len(CONTENT)


# Going on


def test_what_had_arrived_is_there_the_next_time(path: Path) -> None:
    with opened(path) as part:
        write(part, BLOCK, 2 * BLOCK)
        write(part, 3 * BLOCK, len(CONTENT))
        assert part.resumed_bytes == 0

    with opened(path) as part:
        assert part.resumed_bytes == BLOCK + 1000
        write(part, 0, BLOCK)
    assert resumed(path) == [Span(2 * BLOCK, 3 * BLOCK)]


def test_a_block_that_came_halfway_is_asked_for_again(path: Path) -> None:
    with opened(path) as part:
        write(part, 0, BLOCK + 5000, 1000)

    assert resumed(path) == [Span(BLOCK, len(CONTENT))]


@pytest.mark.parametrize(
    "other",
    [
        Identity(size_bytes=len(CONTENT), etag='"other"'),
        Identity(size_bytes=len(CONTENT) - 1, etag=IDENTITY.etag),
        Identity(size_bytes=len(CONTENT) + 1, etag=IDENTITY.etag),
        Identity(size_bytes=5, etag=IDENTITY.etag),
        Identity(size_bytes=len(CONTENT), etag=""),
    ],
)
def test_what_is_of_another_object_is_dropped(path: Path, other: Identity) -> None:
    with opened(path) as part:
        write(part, 0, len(CONTENT))

    with opened(path, other) as part:
        assert part.resumed_bytes == 0
        assert part.missing() == [Span(0, other.size_bytes)]
    assert path.read_bytes() == bytes(other.size_bytes)
    assert resumed(path, other) == [Span(0, other.size_bytes)]


def test_what_has_no_etag_is_not_gone_on_with(path: Path) -> None:
    nameless = Identity(size_bytes=len(CONTENT), etag="")
    with opened(path, nameless) as part:
        write(part, 0, len(CONTENT))

    assert resumed(path, nameless) == [Span(0, len(CONTENT))]


@pytest.mark.parametrize("etag", ['"other"', ""])
def test_what_may_be_a_copy_is_gone_on_with_whatever_its_etag(path: Path, etag: str) -> None:
    with opened(path) as part:
        write(part, 0, BLOCK)

    with opened(path, Identity(size_bytes=len(CONTENT), etag=etag), may_be_copy=True) as part:
        assert part.resumed_bytes == BLOCK
    with opened(path, Identity(size_bytes=len(CONTENT) - 1, etag=IDENTITY.etag), may_be_copy=True) as part:
        assert part.resumed_bytes == 0


def test_an_etag_that_is_too_long_to_be_kept_is_none(path: Path) -> None:
    long = Identity(size_bytes=len(CONTENT), etag=f'"{"e" * 5000}"')
    with opened(path, long) as part:
        write(part, 0, len(CONTENT))
        assert part.read_at(0, len(CONTENT)) == CONTENT

    assert resumed(path, long) == [Span(0, len(CONTENT))]


def test_an_etag_may_hold_any_sign(path: Path) -> None:
    odd = Identity(size_bytes=len(CONTENT), etag='W/"é\\"ü\x7f"')
    with opened(path, odd) as part:
        write(part, 0, BLOCK)

    assert resumed(path, odd) == [Span(BLOCK, len(CONTENT))]


# What may not be believed


@settings(deadline=None, max_examples=40)
@given(st.integers(0, HEADER_BYTES + 4 * RECORD_BYTES))
def test_a_journal_that_is_cut_anywhere_costs_no_more_than_what_it_lost(kept_bytes: int) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "x.part"
        with opened(path) as part:
            write(part, 0, len(CONTENT))
        os.truncate(journal_of(path), kept_bytes)
        blocks = max(0, kept_bytes - HEADER_BYTES) // RECORD_BYTES

        assert resumed(path) == ([Span(blocks * BLOCK, len(CONTENT))] if blocks < 4 else [])


@pytest.mark.parametrize("lost", [b"\0", b"\xff"])
@pytest.mark.parametrize("block", [0, 3])
def test_a_block_that_the_disk_lost_is_brought_again(path: Path, block: int, lost: bytes) -> None:
    with opened(path) as part:
        write(part, 0, len(CONTENT))
    with path.open("r+b") as file:
        file.seek(block * BLOCK)
        file.write(lost * 900)

    assert resumed(path) == [Span(block * BLOCK, min((block + 1) * BLOCK, len(CONTENT)))]


@pytest.mark.parametrize("invented", [b"\0", b"\xff", b"junk"])
def test_a_journal_that_the_disk_made_up_is_not_believed(path: Path, invented: bytes) -> None:
    with opened(path):
        pass
    with journal_of(path).open("r+b") as file:
        file.seek(HEADER_BYTES)
        file.write(invented * 32)

    assert resumed(path) == [Span(0, len(CONTENT))]


@pytest.mark.parametrize(
    "header",
    [b"", b"\xff" * 512, b"{}", b"[]", b"7", b'"text"', b"null", b"[" * 512, b"\0" * 512]
    + [json.dumps({"format": 2, "size_bytes": len(CONTENT), "etag": IDENTITY.etag}).encode()],
)
def test_a_journal_with_another_header_is_dropped(path: Path, header: bytes) -> None:
    with opened(path) as part:
        write(part, 0, len(CONTENT))
    with journal_of(path).open("r+b") as file:
        file.write(header.ljust(HEADER_BYTES))

    assert resumed(path) == [Span(0, len(CONTENT))]


@pytest.mark.parametrize("size_bytes", [0, 1, BLOCK, len(CONTENT) - 1, len(CONTENT) + 1])
def test_a_part_of_another_size_is_dropped(path: Path, size_bytes: int) -> None:
    with opened(path) as part:
        write(part, 0, len(CONTENT))
    os.truncate(path, size_bytes)

    assert resumed(path) == [Span(0, len(CONTENT))]


@pytest.mark.parametrize("name", ["x.part", "x.journal"])
def test_one_file_without_the_other_is_dropped(path: Path, name: str) -> None:
    with opened(path) as part:
        write(part, 0, len(CONTENT))
    path.with_name(name).unlink()

    assert resumed(path) == [Span(0, len(CONTENT))]


# Failures of the disk


def test_a_folder_that_cannot_be_made_is_a_storage_error(tmp_path: Path) -> None:
    (tmp_path / "partials").write_bytes(b"")

    with pytest.raises(StorageError, match="x.part cannot be written"):
        PartFile(tmp_path / "partials" / "x.part", IDENTITY)


def test_a_journal_that_cannot_be_opened_leaves_no_file_open(path: Path) -> None:
    journal_of(path).mkdir(parents=True)
    before = open_files()

    with pytest.raises(StorageError, match="directory"):
        PartFile(path, IDENTITY)
    assert open_files() == before


def test_a_zip_without_room_is_refused_and_takes_none(path: Path) -> None:
    before = open_files()

    with files_up_to(1000), pytest.raises(StorageError, match="x.part cannot be written: File too large"):
        PartFile(path, IDENTITY)
    assert list(path.parent.iterdir()) == []
    assert open_files() == before


def test_a_block_that_the_disk_takes_only_half_of_has_not_arrived(path: Path) -> None:
    with opened(path) as part:
        with files_up_to(BLOCK + 1000), pytest.raises(StorageError, match="too large"):
            write(part, 0, 2 * BLOCK)

        assert part.missing() == [Span(BLOCK, len(CONTENT))]


def test_a_part_that_is_closed_is_written_no_more(path: Path) -> None:
    with opened(path) as part:
        part.close()

        with pytest.raises(StorageError, match="Bad file"):
            write(part, 0, BLOCK)
        with pytest.raises(StorageError, match="Bad file"):
            part.read_at(0, 1)
    assert resumed(path) == [Span(0, len(CONTENT))]


# Deleting


def test_a_part_is_deleted_with_its_journal_and_twice_if_need_be(path: Path) -> None:
    PartFile(path, IDENTITY).close()
    delete_part(path)
    delete_part(path)

    assert list(path.parent.iterdir()) == []
    assert disk_bytes(path) == 0


def test_a_part_that_cannot_be_deleted_is_a_storage_error(path: Path) -> None:
    path.mkdir(parents=True)

    with pytest.raises(StorageError, match="cannot be deleted"):
        delete_part(path)


def test_a_part_takes_only_what_was_set_apart_for_it(tmp_path: Path) -> None:
    sparse = tmp_path / "sparse.part"
    sparse.touch()
    os.truncate(sparse, 10 * BLOCK)

    assert disk_bytes(sparse) < BLOCK
