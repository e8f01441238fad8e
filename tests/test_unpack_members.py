from __future__ import annotations

import contextlib
import io
import random
import signal
import struct
import tempfile
import threading
import time
import tracemalloc
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_unpack import MODEL, archives, files_in, largest_file, make_zip

from modelhub.bounds import Bounds
from modelhub.errors import ArchiveError, NetworkError, StorageError
from modelhub.unpack import unpack_stream
from modelhub.unpack_members import TAIL_BYTES, Member, read_directory, unpack_members

MIB = 1 << 20


@dataclass
class InMemory:
    """An archive that can be read at any offset, and what was read of it."""

    data: bytes
    reads: list[tuple[int, int]] = field(default_factory=list)

    @property
    def size_bytes(self) -> int:
        return len(self.data)

    def read_at(self, offset: int, length: int) -> bytes:
        self.reads.append((offset, length))
        return self.data[offset : offset + length]


class Arriving(InMemory):
    """An archive of which only the tail arrives from ``from_byte`` on; who waits for more is let go by ``stop``.

    The thread that began with the first member takes its time to end, so that it shows if nobody waits for that.
    """

    def __init__(self, data: bytes, *, from_byte: int, on_wait: Callable[[], None] = lambda: None) -> None:
        super().__init__(data)
        self.stops = 0
        self.has_waiter = threading.Event()
        self._from_byte = from_byte
        self._on_wait = on_wait
        self._has_stopped = threading.Event()
        self._slow_thread = 0

    def read_at(self, offset: int, length: int) -> bytes:
        if self._from_byte <= offset < self.size_bytes - TAIL_BYTES:
            if not self.has_waiter.is_set():
                self.has_waiter.set()
                self._on_wait()
            if not self._has_stopped.wait(20):
                raise AssertionError("nobody let the waiting thread go")
            time.sleep(0.3 if threading.get_ident() == self._slow_thread else 0)
            raise NetworkError("The download was stopped.")
        if offset == 0:
            self._slow_thread = threading.get_ident()
        return super().read_at(offset, length)

    def stop(self) -> None:
        self.stops += 1
        self._has_stopped.set()


def unpack(data: bytes, folder: Path, *, threads: int = 2) -> tuple[Member, ...]:
    archive = InMemory(data)
    return unpack_members(archive, read_directory(archive), folder, threads=threads)


def weights(size_bytes: int, seed: int = 0) -> bytes:
    """Bytes that deflate hardly makes smaller, as weights are."""
    return random.Random(seed).randbytes(size_bytes)


def damaged(data: bytes, member: str) -> bytes:
    """The archive with one other bit in the middle of a member."""
    with zipfile.ZipFile(io.BytesIO(data)) as packed:
        info = packed.getinfo(member)
    position = info.header_offset + 30 + len(member) + info.compress_size // 2
    return data[:position] + bytes([data[position] ^ 1]) + data[position + 1 :]


LARGE = {f"stages/{number}": weights(3 * MIB // 2, number) for number in range(4)}
LARGE_ZIP = make_zip(LARGE)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "staging"
    made.mkdir()
    return made


@pytest.fixture(autouse=True)
def no_thread_is_left() -> Iterator[None]:
    before = set(threading.enumerate())
    yield
    assert set(threading.enumerate()) <= before


@pytest.mark.parametrize("threads", [1, 2, 7])
@pytest.mark.parametrize("piped", [False, True], ids=["sizes-before", "sizes-behind"])
@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED], ids=["stored", "deflated"])
def test_a_model_is_unpacked_as_it_was_packed(method: int, piped: bool, threads: int, folder: Path) -> None:
    files = MODEL | LARGE

    members = unpack(make_zip(files, method=method, piped=piped), folder, threads=threads)

    assert files_in(folder) == files
    assert members == tuple(
        Member(path=path, size_bytes=len(content), crc32=zlib.crc32(content)) for path, content in files.items()
    )


def test_folders_and_empty_files_are_made(folder: Path) -> None:
    members = unpack(make_zip({"./": b"", "empty/": b"", "a/b/": b"", "a/b/c": b"", "a/": b""}, piped=True), folder)

    assert [member.path for member in members] == ["a/b/c"]
    assert (folder / "empty").is_dir()
    assert files_in(folder) == {"a/b/c": b""}


def test_an_empty_zip_has_no_files(folder: Path) -> None:
    assert unpack(make_zip({}), folder) == ()


def test_the_directory_tells_all_before_the_download_begins() -> None:
    data = make_zip(MODEL)

    directory = read_directory(InMemory(data))

    assert [line.name for line in directory.members] == list(MODEL)
    assert directory.unpacked_bytes == sum(map(len, MODEL.values()))
    assert data[directory.directory_offset :].startswith(b"PK\1\2")
    assert all(data[line.offset :].startswith(b"PK\3\4") for line in directory.members)


@pytest.mark.parametrize("counted", [False, True], ids=["offsets-without-it", "offsets-with-it"])
def test_offsets_count_from_the_first_byte_whatever_lies_before_the_archive(counted: bool, folder: Path) -> None:
    launcher = b"#!/bin/sh\nexec java -jar $0\n\x00\xff"
    target = io.BytesIO(launcher if counted else b"")
    with zipfile.ZipFile(target, "a" if counted else "w") as packed:
        packed.writestr("a", b"text")
    archive = InMemory(target.getvalue() if counted else launcher + target.getvalue())

    directory = read_directory(archive)
    unpack_members(archive, directory, folder)

    assert [line.offset for line in directory.members] == [len(launcher)]
    assert files_in(folder) == {"a": b"text"}


def test_members_that_are_listed_in_another_order_are_unpacked_as_they_lie(folder: Path) -> None:
    data = make_zip({"a": b"1", "b": b"2"})
    start = struct.unpack("<I", data[-6:-2])[0]
    line_bytes = (len(data) - 22 - start) // 2
    data = data[:start] + data[start + line_bytes : -22] + data[start : start + line_bytes] + data[-22:]

    members = unpack(data, folder)

    assert [member.path for member in members] == ["a", "b"]


def test_a_small_directory_takes_three_reads() -> None:
    archive = InMemory(LARGE_ZIP)

    read_directory(archive)

    assert len(archive.reads) == 3
    assert min(offset for offset, _ in archive.reads[1:]) == len(LARGE_ZIP) - TAIL_BYTES


def test_a_directory_that_is_longer_than_the_tail_is_read_whole(folder: Path) -> None:
    files = {f"{number:03}{'x' * 200}": b"%d" % number for number in range(400)}

    unpack(make_zip(files), folder)

    assert files_in(folder) == files


@pytest.mark.parametrize("before_bytes", [0, 100_000])
@pytest.mark.parametrize("comment_bytes", [TAIL_BYTES - 22, TAIL_BYTES - 21, 0xFFFF])
def test_the_longest_comment_is_no_obstacle(comment_bytes: int, before_bytes: int, folder: Path) -> None:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as packed:
        packed.writestr("a", bytes(before_bytes))
        packed.comment = b"c" * comment_bytes

    unpack(target.getvalue(), folder)

    assert files_in(folder) == {"a": bytes(before_bytes)}


def test_many_small_members_are_read_together(folder: Path) -> None:
    archive = InMemory(make_zip({f"part-{number:05}": b"%d" % number for number in range(1000)}))
    directory = read_directory(archive)
    archive.reads.clear()

    unpack_members(archive, directory, folder)

    assert len(archive.reads) < 5


@pytest.mark.parametrize("threads", [1, 2])
def test_members_are_begun_in_the_order_in_which_they_lie(threads: int, folder: Path) -> None:
    archive = InMemory(LARGE_ZIP)
    directory = read_directory(archive)
    archive.reads.clear()

    unpack_members(archive, directory, folder, threads=threads)

    starts = {line.offset for line in directory.members}
    assert [offset for offset, length in archive.reads if offset in starts and length > 1000] == sorted(starts)


@pytest.mark.parametrize(
    ("files", "threads", "crew"),
    [(LARGE, 2, 2), (LARGE, 3, 3), (LARGE, 1, 1), ({"weights": weights(4 * MIB), "small": b""}, 2, 1)],
    ids=["two", "three", "one", "one-large-member"],
)
def test_as_many_threads_as_have_something_to_do(
    files: dict[str, bytes], threads: int, crew: int, folder: Path
) -> None:
    archive, meet = InMemory(make_zip(files)), threading.Barrier(crew)
    seen: set[int] = set()
    read_at = archive.read_at

    def read_together(offset: int, length: int) -> bytes:
        if length > MIB // 4 and threading.get_ident() not in seen:
            seen.add(threading.get_ident())
            meet.wait(10)
        return read_at(offset, length)

    directory = read_directory(archive)
    archive.read_at = read_together  # type: ignore[method-assign]
    unpack_members(archive, directory, folder, threads=threads)

    assert len(seen) == crew
    assert (threading.get_ident() in seen) == (crew == 1)


def test_progress_tells_every_byte_and_never_two_at_once(folder: Path) -> None:
    counted: list[int] = []
    turn = threading.Lock()

    def count(size_bytes: int) -> None:
        assert turn.acquire(blocking=False)
        counted.append(size_bytes)
        time.sleep(0.001)
        turn.release()

    archive = InMemory(LARGE_ZIP)
    unpack_members(archive, read_directory(archive), folder, on_unpacked=count)

    assert sum(counted) == sum(map(len, LARGE.values()))


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_memory_stays_small_whatever_the_size(method: int, folder: Path) -> None:
    data = make_zip({"one": bytes(30 * MIB), "two": bytes(30 * MIB)}, method=method)
    archive = InMemory(data)
    archive.read_at = lambda offset, length: bytes(memoryview(data)[offset : offset + length])  # type: ignore[method-assign]

    tracemalloc.start()
    unpack_members(archive, read_directory(archive), folder)
    peak_bytes = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert peak_bytes < 6 * MIB


def test_a_page_that_came_instead_of_a_zip_is_named() -> None:
    with pytest.raises(ArchiveError, match="web page came instead of a zip: 'Sign in'"):
        read_directory(InMemory(b"<!DOCTYPE html><html><title>Sign in</title>" + b"x" * 100_000))


@pytest.mark.parametrize("data", [b"\x00\x01\x02", b"\x00" * 100_000, b"PK\3\4" * 100], ids=["short", "long", "like"])
def test_bytes_without_an_end_record_are_refused(data: bytes) -> None:
    with pytest.raises(ArchiveError, match=f"its {len(data):,} bytes hold no end record"):
        read_directory(InMemory(data))


def test_an_archive_that_is_shorter_than_it_says_is_cut_off(folder: Path) -> None:
    archive = InMemory(LARGE_ZIP)
    directory = read_directory(archive)
    archive.data = LARGE_ZIP[: 2 * MIB]

    with pytest.raises(ArchiveError, match=r"cut off: it ends after 2,097,152 bytes, within 'stages/1'\."):
        unpack_members(archive, directory, folder, threads=1)


def test_a_bomb_is_told_by_its_directory_before_anything_is_written(folder: Path) -> None:
    data = bytearray(make_zip({"a": b"text", "zeros": bytes(1000)}))
    line = data.rindex(b"PK\1\2")
    data[line + 24 : line + 28] = struct.pack("<I", 300 * MIB)
    archive = InMemory(bytes(data))

    with pytest.raises(ArchiveError, match="bytes of it unpack to 314,572,804 and more, as in a zip bomb"):
        unpack_members(archive, read_directory(archive), folder)

    assert list(folder.iterdir()) == []


def test_the_absolute_bound_is_met_before_anything_is_written(folder: Path) -> None:
    archive = InMemory(make_zip(MODEL))

    with pytest.raises(ArchiveError, match="more than 1,000 bytes"):
        unpack_members(archive, read_directory(archive), folder, bounds=Bounds(max_unpacked_bytes=1000))

    assert list(folder.iterdir()) == []


def test_a_member_that_unpacks_to_more_than_is_announced_is_stopped(folder: Path) -> None:
    data = bytearray(make_zip({"zeros": bytes(20 * MIB)}, piped=True))
    line = data.rindex(b"PK\1\2")
    data[line + 24 : line + 28] = struct.pack("<I", 1000)

    with pytest.raises(ArchiveError, match="'zeros' unpacks to more than the 1,000 bytes that its header says"):
        unpack(bytes(data), folder)

    assert (folder / "zeros").stat().st_size == 0


def test_a_hostile_name_is_refused_before_anything_is_written(folder: Path) -> None:
    with pytest.raises(ArchiveError, match="leads out of its folder"):
        unpack(make_zip({"a/b": b"1", "../evil": b"2"}), folder)

    assert list(folder.iterdir()) == []


def test_a_directory_of_too_many_members_is_refused_before_it_is_read() -> None:
    data = make_zip(MODEL)
    record = struct.pack("<4sQ2H2I4Q", b"PK\6\6", 44, 45, 45, 0, 0, 600_000, 600_000, 7, len(data) - 29)
    locator = struct.pack("<4sIQI", b"PK\6\7", 0, len(data) - 22, 1)
    end = struct.pack("<4s4H2IH", b"PK\5\6", 0, 0, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0)

    with pytest.raises(ArchiveError, match="holds more than 500,000 members"):
        read_directory(InMemory(data[:-22] + record + locator + end))


@pytest.mark.parametrize("threads", [1, 2])
def test_errors_of_the_download_pass_through_unchanged(threads: int, folder: Path) -> None:
    archive = Arriving(LARGE_ZIP, from_byte=4 * MIB)
    archive.stop()

    with pytest.raises(NetworkError, match=r"^The download was stopped\.$"):
        unpack_members(archive, read_directory(archive), folder, threads=threads)


def test_the_first_failure_lets_go_those_who_wait_for_bytes(folder: Path) -> None:
    archive = Arriving(damaged(LARGE_ZIP, "stages/0"), from_byte=2 * MIB)
    directory = read_directory(archive)
    read_at = archive.read_at

    def read_late(offset: int, length: int) -> bytes:
        if offset == 0:
            assert archive.has_waiter.wait(10)
        return read_at(offset, length)

    archive.read_at = read_late  # type: ignore[method-assign]
    with pytest.raises(ArchiveError, match="'stages/0'"):
        unpack_members(archive, directory, folder, on_stop=archive.stop)

    assert archive.stops == 1


def test_after_a_failure_no_other_member_is_begun(folder: Path) -> None:
    archive = InMemory(damaged(LARGE_ZIP, "stages/0"))
    directory = read_directory(archive)
    has_failed = threading.Event()
    read_at = archive.read_at

    def read_late(offset: int, length: int) -> bytes:
        assert offset < directory.members[1].offset or has_failed.wait(10)
        return read_at(offset, length)

    archive.read_at = read_late  # type: ignore[method-assign]
    with pytest.raises(ArchiveError, match="content of 'stages/0' is damaged"):
        unpack_members(archive, directory, folder, on_stop=has_failed.set)

    assert set(files_in(folder)) <= {"stages/0", "stages/1"}


def test_a_member_is_given_up_when_another_one_fails(folder: Path) -> None:
    archive = InMemory(make_zip({"first": weights(2 * MIB), "second": weights(2 * MIB)}, method=zipfile.ZIP_STORED))
    directory = read_directory(archive)
    has_begun, has_failed = threading.Event(), threading.Event()
    read_at = archive.read_at
    counted: list[int] = []

    def fail_in_the_second(offset: int, length: int) -> bytes:
        if offset >= directory.members[1].offset:
            assert has_begun.wait(10)
            raise NetworkError("gone")
        if offset:
            has_begun.set()
            assert has_failed.wait(10)
        return read_at(offset, length)

    archive.read_at = fail_in_the_second  # type: ignore[method-assign]
    with pytest.raises(NetworkError, match="gone"):
        unpack_members(archive, directory, folder, on_unpacked=counted.append, on_stop=has_failed.set)

    assert 0 < sum(counted) < MIB


def interrupt() -> None:
    """As Ctrl-C does it: the main thread is waiting somewhere in the system."""
    time.sleep(0.1)
    signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)


@pytest.mark.parametrize("threads", [1, 2])
def test_an_interrupt_ends_the_waiting_and_all_threads(threads: int, folder: Path) -> None:
    archive = Arriving(LARGE_ZIP, from_byte=2 * MIB, on_wait=interrupt)
    directory = read_directory(archive)
    began = time.monotonic()

    with pytest.raises(KeyboardInterrupt):
        unpack_members(archive, directory, folder, threads=threads, on_stop=archive.stop)

    assert time.monotonic() - began < 5


class Streamed(InMemory):
    """An archive that brings bytes in a row in pieces of its own."""

    def stream(self, start: int, end: int) -> Iterator[bytes]:
        return (self.data[at : min(at + 99_999, end)] for at in range(start, min(end, self.size_bytes), 99_999))


@pytest.mark.parametrize("piped", [False, True], ids=["sizes-before", "sizes-behind"])
def test_an_archive_that_can_stream_is_streamed_from(piped: bool, folder: Path) -> None:
    archive = Streamed(make_zip(MODEL | LARGE, piped=piped))
    directory = read_directory(archive)
    archive.reads.clear()

    unpack_members(archive, directory, folder)

    assert files_in(folder) == MODEL | LARGE
    assert archive.reads == []


@pytest.mark.parametrize("threads", [1, 2])
def test_a_stretch_in_which_something_is_wrong_is_closed_though_its_error_is_kept(folder: Path, threads: int) -> None:
    opened, closed = [], []

    class Watched(Streamed):
        def stream(self, start: int, end: int) -> Iterator[bytes]:
            opened.append(start)
            try:
                yield from super().stream(start, end)
            finally:
                closed.append(start)

    archive = Watched(damaged(LARGE_ZIP, "stages/1"))
    directory = read_directory(archive)

    with pytest.raises(ArchiveError) as raised:
        unpack_members(archive, directory, folder, threads=threads)
    assert raised.tb is not None
    assert sorted(closed) == sorted(opened)


def test_only_what_is_wanted_is_unpacked(folder: Path) -> None:
    archive = InMemory(make_zip(MODEL | LARGE))
    whole = read_directory(archive)
    directory = whole.only({"bert_tensorflow", "stages/2"})

    members = unpack_members(archive, directory, folder)

    assert files_in(folder) == {"bert_tensorflow": MODEL["bert_tensorflow"], "stages/2": LARGE["stages/2"]}
    assert [member.path for member in members] == ["bert_tensorflow", "stages/2"]
    assert [file.path for file in directory.files] == list(MODEL | LARGE)
    assert directory.unpacked_bytes == sum(member.size_bytes for member in members)
    assert 3 * MIB // 2 < directory.packed_bytes < 2 * MIB
    assert whole.packed_bytes == whole.directory_offset


def test_an_error_of_the_callback_passes_through(folder: Path) -> None:
    def fail(_: int) -> None:
        raise ZeroDivisionError

    archive = InMemory(LARGE_ZIP)
    with pytest.raises(ZeroDivisionError):
        unpack_members(archive, read_directory(archive), folder, on_unpacked=fail)


def test_a_disk_without_room_for_a_member_shows_before_it_is_unpacked(folder: Path) -> None:
    counted: list[int] = []
    archive = InMemory(make_zip({"weights": bytes(5 * MIB)}))

    with largest_file(2 * MIB), pytest.raises(StorageError, match="Cannot write .*weights: File too large") as caught:
        unpack_members(archive, read_directory(archive), folder, on_unpacked=counted.append)

    assert caught.value.exit_status == 10
    assert counted == []


@contextlib.contextmanager
def new_folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as made:
        yield Path(made)


def outcome(way: Callable[[bytes, Path], object], data: bytes) -> dict[str, bytes] | None:
    """The files that a way of unpacking makes of an archive; ``None`` if it refuses it."""
    with new_folder() as folder:
        try:
            way(data, folder)
        except ArchiveError:
            return None
        return files_in(folder) | {f"{path.relative_to(folder)}/": b"" for path in folder.rglob("*") if path.is_dir()}


@st.composite
def broken_archives(draw: st.DrawFn) -> bytes:
    """An archive with a few bytes exchanged, cut out, doubled or put in, mostly in its headers."""
    data = bytearray(draw(archives()))
    marks = [index for index in range(len(data)) if data.startswith(b"PK", index)]
    for _ in range(draw(st.integers(0, 3))):
        near = draw(st.sampled_from(marks)) + draw(st.integers(0, 60))
        at = min(draw(st.one_of(st.just(near), st.integers(0, len(data)))), len(data))
        cut = draw(st.sampled_from([0, 1, 1, 1, 2, 30]))
        data[at : at + cut] = draw(st.one_of(st.binary(min_size=cut, max_size=cut), st.binary(max_size=3)))
    return draw(st.sampled_from([b"", b"", b"\x00\x01"])) + bytes(data)


def in_order(data: bytes, folder: Path) -> object:
    return unpack_stream([data], folder)


@settings(max_examples=60, deadline=None)
@given(data=st.one_of(archives(), broken_archives()))
def test_both_ways_of_unpacking_agree_on_any_archive(data: bytes) -> None:
    assert outcome(unpack, data) == outcome(in_order, data)


def test_only_what_is_wanted_is_read(folder: Path) -> None:
    archive = InMemory(LARGE_ZIP)
    directory = read_directory(archive).only(["stages/1", "stages/3"])
    archive.reads.clear()

    unpack_members(archive, directory, folder)

    assert sum(length for _, length in archive.reads) < directory.packed_bytes + 100
    assert directory.packed_bytes < 2 * max(map(len, LARGE.values())) + 2000


def test_what_is_not_wanted_is_still_looked_at(folder: Path) -> None:
    archive = InMemory(make_zip({"a": b"1", "../evil": b"2"}))

    with pytest.raises(ArchiveError, match="leads out of its folder"):
        unpack_members(archive, replace(read_directory(archive), wanted=frozenset(["a"])), folder)
    assert list(folder.iterdir()) == []


def test_damage_beside_what_is_wanted_is_not_seen(folder: Path) -> None:
    archive = InMemory(damaged(LARGE_ZIP, "stages/2"))
    directory = read_directory(archive)

    assert len(unpack_members(archive, directory.only(["stages/1"]), folder)) == 1
    with pytest.raises(ArchiveError, match="'stages/2' is damaged"):
        unpack_members(archive, directory.only(["stages/2"]), folder / "stages")


def test_the_files_of_a_directory_are_those_that_are_unpacked(folder: Path) -> None:
    archive = InMemory(make_zip({"folder/": b"", "./a": b"text", "b": b""}))
    directory = read_directory(archive)

    assert directory.files == unpack_members(archive, directory, folder)
