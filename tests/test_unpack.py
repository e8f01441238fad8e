from __future__ import annotations

import contextlib
import io
import itertools
import resource
import struct
import tempfile
import tracemalloc
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelhub.errors import ArchiveError, StorageError
from modelhub.unpack import Member, unpack_stream

MODEL = {
    "metadata/part-00000": b'{"class":"com.example.Model"}\n' * 40,
    "metadata/_SUCCESS": b"",
    "fields/POS Model/part-00000": bytes(range(256)) * 40,
    "bert_tensorflow": b"weights" * 2000,
}


class Pipe:
    """What a writer cannot seek in, so that ``zipfile`` tells sizes behind the content."""

    def __init__(self) -> None:
        self.data = bytearray()

    def write(self, data: bytes) -> int:
        self.data += data
        return len(data)

    def flush(self) -> None: ...


def make_zip(files: dict[str, bytes], *, method: int = zipfile.ZIP_DEFLATED, piped: bool = False) -> bytes:
    target = Pipe() if piped else io.BytesIO()
    with zipfile.ZipFile(target, "w", method) as packed:  # type: ignore[arg-type]
        for name, content in files.items():
            packed.writestr(name, content)
    return bytes(target.data) if isinstance(target, Pipe) else target.getvalue()


def chunks(data: bytes, size_bytes: int = 1 << 16) -> Iterator[bytes]:
    return (data[start : start + size_bytes] for start in range(0, len(data), size_bytes))


def files_in(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def moved_end(data: bytes, by_bytes: int) -> bytes:
    """The archive with an end record that counts bytes which were put before the table of contents, or taken away."""
    offset = struct.unpack_from("<I", data, len(data) - 6)[0]
    return data[:-6] + struct.pack("<I", offset + by_bytes) + data[-2:]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "staging"
    made.mkdir()
    return made


@pytest.mark.parametrize("size_bytes", [3, 1 << 16, 1 << 30])
@pytest.mark.parametrize("piped", [False, True], ids=["sizes-before", "sizes-behind"])
@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED], ids=["stored", "deflated"])
def test_a_model_is_unpacked_whatever_the_chunks(method: int, piped: bool, size_bytes: int, folder: Path) -> None:
    data = make_zip(MODEL, method=method, piped=piped)

    unpack_stream(chunks(data, size_bytes), folder)

    assert files_in(folder) == MODEL


def test_the_files_are_returned_in_their_order_with_size_and_crc(folder: Path) -> None:
    members = unpack_stream(chunks(make_zip(MODEL)), folder)

    assert members == tuple(
        Member(path=path, size_bytes=len(content), crc32=zlib.crc32(content)) for path, content in MODEL.items()
    )


def test_an_empty_zip_has_no_files(folder: Path) -> None:
    assert unpack_stream([make_zip({})], folder) == ()


def test_empty_chunks_do_not_end_the_stream(folder: Path) -> None:
    data = make_zip(MODEL)

    unpack_stream([b"", data[:50], b"", b"", data[50:], b""], folder)

    assert files_in(folder) == MODEL


def test_the_iterator_is_exhausted_so_that_a_digest_over_it_is_whole(folder: Path) -> None:
    source = iter([*chunks(make_zip(MODEL), 100), b""])

    unpack_stream(source, folder)

    assert next(source, None) is None


@pytest.mark.parametrize("piped", [False, True])
@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_folders_are_made_and_are_no_files(method: int, piped: bool, folder: Path) -> None:
    data = make_zip({"./": b"", "empty/": b"", "a/b/": b"", "a/b/c": b"1", "a/": b""}, method=method, piped=piped)

    members = unpack_stream([data], folder)

    assert [member.path for member in members] == ["a/b/c"]
    assert (folder / "empty").is_dir()


def test_names_lose_dots_and_doubled_slashes(folder: Path) -> None:
    members = unpack_stream([make_zip({"./a/./b//c": b"1"})], folder)

    assert members[0].path == "a/b/c"
    assert files_in(folder) == {"a/b/c": b"1"}


def test_names_are_utf8_or_cp437(folder: Path) -> None:
    data = make_zip({"日本": b"1", "abc": b"2"}).replace(b"abc", b"ab\x82")

    unpack_stream([data], folder)

    assert files_in(folder) == {"日本": b"1", "abé": b"2"}


@pytest.mark.parametrize("wide", [False, True], ids=["32-bit", "64-bit"])
@pytest.mark.parametrize("signed", [False, True], ids=["bare", "signed"])
def test_a_descriptor_has_four_forms(signed: bool, wide: bool, folder: Path) -> None:
    pipe = Pipe()
    with zipfile.ZipFile(pipe, "w", zipfile.ZIP_DEFLATED) as packed:  # type: ignore[arg-type]
        with packed.open("a", "w", force_zip64=wide) as file:
            file.write(b"text")
        packed.comment = b""
    data = bytes(pipe.data)
    if not signed:
        data = moved_end(data.replace(b"PK\x07\x08", b""), -4)

    unpack_stream(chunks(data, 5), folder)

    assert files_in(folder) == {"a": b"text"}


def test_64_bit_sizes_in_the_local_header_are_read(folder: Path) -> None:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as packed, packed.open("a", "w", force_zip64=True) as file:
        file.write(b"text")

    unpack_stream([target.getvalue()], folder)

    assert files_in(folder) == {"a": b"text"}


@pytest.mark.parametrize("before", [b"", b"#!/bin/sh\n\x00\xff"], ids=["streamed", "spooled"])
def test_64_bit_end_records_are_read(before: bytes, folder: Path) -> None:
    data = make_zip(MODEL)
    count, directory_bytes, offset = struct.unpack_from("<HII", data, len(data) - 12)
    record = struct.pack("<4sQ2H2I4Q", b"PK\6\6", 44, 45, 45, 0, 0, count, count, directory_bytes, offset)
    locator = struct.pack("<4sIQI", b"PK\6\7", 0, len(data) - 22, 1)
    end = struct.pack("<4s4H2IH", b"PK\5\6", 0, 0, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0)

    unpack_stream([before + data[:-22] + record + locator + end], folder)

    assert files_in(folder) == MODEL


@pytest.mark.parametrize("counted", [False, True], ids=["offsets-without-it", "offsets-with-it"])
def test_data_before_the_first_header_are_skipped(counted: bool, folder: Path, tmp_path: Path) -> None:
    launcher = b"#!/bin/sh\nexec java -jar $0\n\x00\xff"
    target = io.BytesIO(launcher if counted else b"")
    with zipfile.ZipFile(target, "a" if counted else "w") as packed:
        packed.writestr("a", b"text")
    data = target.getvalue() if counted else launcher + target.getvalue()

    unpack_stream(chunks(data, 10), folder)

    assert files_in(folder) == {"a": b"text"}
    assert list(tmp_path.iterdir()) == [folder]


def test_what_was_streamed_before_a_member_without_end_is_not_unpacked_twice(folder: Path) -> None:
    pipe = Pipe()
    with zipfile.ZipFile(pipe, "w") as packed:  # type: ignore[arg-type]
        packed.writestr("first", b"1" * 1000, zipfile.ZIP_DEFLATED)
        packed.writestr("second", b"2" * 1000, zipfile.ZIP_STORED)
        packed.writestr("third", b"3" * 1000, zipfile.ZIP_DEFLATED)
    counted: list[int] = []

    unpack_stream(chunks(bytes(pipe.data), 11), folder, on_unpacked=counted.append)

    assert files_in(folder) == {"first": b"1" * 1000, "second": b"2" * 1000, "third": b"3" * 1000}
    assert sum(counted) == 3000


def test_the_end_record_is_found_behind_a_comment_that_looks_like_one(folder: Path) -> None:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as packed:
        packed.writestr("a", b"text")
        packed.comment = b"PK\x05\x06" + b"x" * 40

    unpack_stream([b"\x00" + target.getvalue()], folder)

    assert files_in(folder) == {"a": b"text"}


def test_progress_tells_every_unpacked_byte(folder: Path) -> None:
    counted: list[int] = []

    unpack_stream(chunks(make_zip(MODEL)), folder, on_unpacked=counted.append)

    assert sum(counted) == sum(map(len, MODEL.values()))


def test_thousands_of_small_members_are_unpacked(folder: Path) -> None:
    files = {f"fields/{number % 50}/part-{number:05}": b"%d" % number for number in range(2000)}

    members = unpack_stream([make_zip(files, piped=True)], folder)

    assert len(members) == 2000
    assert files_in(folder) == files


@pytest.mark.slow
def test_a_hundred_thousand_members_are_unpacked(folder: Path) -> None:
    data = make_zip({f"{number % 100}/{number}": b"" for number in range(100_000)})

    assert len(unpack_stream(chunks(data), folder)) == 100_000


@pytest.mark.parametrize("piped", [False, True])
def test_memory_stays_small_whatever_the_size(piped: bool, folder: Path) -> None:
    data = make_zip({"zeros": bytes(50 << 20)}, piped=piped)

    tracemalloc.start()
    unpack_stream(chunks(data, 1 << 20), folder)
    peak_bytes = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert peak_bytes < 4 << 20


NAMES = st.sampled_from(["a", "b", "part-00000", "POS Model", ".crc", "_SUCCESS", "é日"])
PATHS = st.lists(NAMES, min_size=1, max_size=3).map("/".join)
CONTENTS = st.one_of(st.binary(max_size=300), st.integers(0, 100_000).map(lambda size: b"weights " * (size // 8)))

# zipfile takes the last signature of an end record for its beginning, even within the comment; we do not.
COMMENTS = st.binary(max_size=30).filter(lambda comment: b"PK\x05\x06" not in comment)


@st.composite
def archives(draw: st.DrawFn) -> bytes:
    """An archive with any mix of methods, folders and ways to tell the sizes."""
    target = draw(st.sampled_from([Pipe, io.BytesIO]))()
    paths = draw(st.lists(PATHS, unique=True, max_size=6))
    parents = {parent.as_posix() for path in paths for parent in PurePosixPath(path).parents}
    with zipfile.ZipFile(target, "w") as packed:
        for path in paths:
            method = draw(st.sampled_from([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED]))
            is_folder = path in parents
            packed.writestr(f"{path}/" if is_folder else path, b"" if is_folder else draw(CONTENTS), method)
        packed.comment = draw(COMMENTS)
    return bytes(target.data) if isinstance(target, Pipe) else target.getvalue()


@settings(max_examples=150, deadline=None)
@given(data=archives(), cuts=st.lists(st.integers(1, 5000), max_size=20))
def test_the_result_equals_that_of_zipfile_for_any_archive_and_chunks(data: bytes, cuts: list[int]) -> None:
    bounds = [0, *itertools.takewhile(lambda bound: bound < len(data), itertools.accumulate(cuts)), len(data)]
    with tempfile.TemporaryDirectory() as ours, tempfile.TemporaryDirectory() as theirs:
        unpack_stream((data[start:end] for start, end in itertools.pairwise(bounds)), Path(ours))
        with zipfile.ZipFile(io.BytesIO(data)) as packed:
            packed.extractall(theirs)

        assert files_in(Path(ours)) == files_in(Path(theirs))
        assert sorted(path.relative_to(ours) for path in Path(ours).rglob("*")) == sorted(
            path.relative_to(theirs) for path in Path(theirs).rglob("*")
        )


@pytest.mark.parametrize("data", [b"\x00\x01\x02", b"\x00" * 100_000], ids=["short", "long"])
def test_bytes_that_are_nothing_known_are_refused(data: bytes, folder: Path) -> None:
    with pytest.raises(ArchiveError, match=f"its {len(data):,} bytes hold no end record"):
        unpack_stream([data], folder)


def test_a_login_page_is_named_before_all_of_it_has_arrived(folder: Path) -> None:
    source = itertools.repeat(b"<!DOCTYPE html><html><title>Sign in</title>")

    with pytest.raises(ArchiveError, match="web page came instead of a zip: 'Sign in'"):
        unpack_stream(source, folder)


def test_errors_of_the_stream_pass_through(folder: Path) -> None:
    def broken_stream() -> Iterator[bytes]:
        yield make_zip(MODEL)[:1000]
        raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        unpack_stream(broken_stream(), folder)


@contextlib.contextmanager
def largest_file(size_bytes: int) -> Iterator[None]:
    """A disk that takes no larger files."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED], ids=["spool", "file"])
def test_a_disk_that_takes_no_more_is_a_storage_error(method: int, folder: Path) -> None:
    data = make_zip({"weights": b"x" * 200_000}, method=method, piped=True)

    with largest_file(4096), pytest.raises(StorageError, match="Cannot write .*: File too large") as caught:
        unpack_stream([data], folder)

    assert caught.value.exit_status == 10
    assert "MODELHUB_CACHE" in caught.value.hint


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("n" * 300, "Cannot write 'n+…n+': a name in it has 300 bytes"),
        ((("n" * 99 + "/") * 50)[:-1], "Cannot write '.*n+': File name too long"),
        ("\u202e" + "n" * 253, r"Cannot write '\\u202en"),
        ("there", "exists already"),
        ("there/too", "exists already"),
    ],
)
def test_a_name_that_the_file_system_does_not_take_is_a_storage_error(name: str, words: str, folder: Path) -> None:
    (folder / "there").touch()

    with pytest.raises(StorageError, match=words) as caught:
        unpack_stream([make_zip({name: b""})], folder)

    assert caught.value.message.isprintable()
    assert len(caught.value.message) < 500


def test_a_folder_that_is_not_there_is_a_storage_error(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="No such file or directory"):
        unpack_stream([make_zip(MODEL)], tmp_path / "absent")


def test_a_folder_for_the_spool_that_is_not_there_is_a_storage_error(folder: Path, tmp_path: Path) -> None:
    data = make_zip(MODEL, method=zipfile.ZIP_STORED, piped=True)

    with pytest.raises(StorageError, match="absent: No such file or directory"):
        unpack_stream([data], folder, spool=tmp_path / "absent")
