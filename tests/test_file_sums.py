from __future__ import annotations

import os
import random
import struct
import zlib
from pathlib import Path

import pytest

from modelhub.file_sums import FileSum, by_path_below, hadoop_sums_of, sum_file, sum_files, summed_by_hadoop

CHUNK_BYTES = 512
CONTENT = random.Random(5).randbytes(3 * (1 << 20) + 700)  # more than is read at once, and no whole number of chunks


def put(path: Path, content: bytes = CONTENT, *, summed: bytes | None = None) -> Path:
    """Write a file, and the sums that Hadoop would write beside it, of other content if that is given."""
    path.write_bytes(content)
    chunks = [CONTENT[start : start + CHUNK_BYTES] for start in range(0, len(CONTENT), CHUNK_BYTES)]
    sums = b"".join(zlib.crc32(chunk).to_bytes(4, "big") for chunk in chunks) if summed is None else summed
    path.with_name(f".{path.name}.crc").write_bytes(struct.pack(">4si", b"crc\0", CHUNK_BYTES) + sums)
    return path


def test_a_file_has_the_sum_of_its_bytes(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(CONTENT)

    assert sum_file(tmp_path / "file") == FileSum(crc32=zlib.crc32(CONTENT))


def test_hadoops_sums_agree(tmp_path: Path) -> None:
    assert sum_file(put(tmp_path / "file")).is_as_summed is True
    assert sum_file(put(tmp_path / "empty", b"", summed=b"")).is_as_summed is True


@pytest.mark.parametrize(
    "content",
    [CONTENT[:-1], CONTENT + b"x", b"x" + CONTENT[1:], CONTENT[:-1] + bytes([CONTENT[-1] ^ 1]), b""],
    ids=["cut", "longer", "first", "last", "empty"],
)
def test_hadoops_sums_disagree(tmp_path: Path, content: bytes) -> None:
    assert sum_file(put(tmp_path / "file", content)).is_as_summed is False


@pytest.mark.parametrize("sums", [b"", b"crc", b"CRC\0\0\0\2\0", b"crc\0\0\0\0\0", b"crc\0\xff\xff\xff\xff"])
def test_sums_that_are_none_tell_nothing(tmp_path: Path, sums: bytes) -> None:
    path = put(tmp_path / "file")
    (tmp_path / ".file.crc").write_bytes(sums)

    assert sum_file(path).is_as_summed is None


def test_a_file_that_is_gone_says_so(tmp_path: Path) -> None:
    assert sum_file(tmp_path / "none") == FileSum(crc32=None, error="No such file or directory")


@pytest.mark.parametrize("number", [1, 5])
def test_several_files_are_read_with_a_count_of_their_bytes(tmp_path: Path, number: int) -> None:
    paths = [tmp_path / str(index) for index in range(number)]
    counts: list[int] = []
    for path in paths:
        path.write_bytes(CONTENT[: 1000 * int(path.name) + 1])

    sums = sum_files([*paths, tmp_path / "none"], counts.append)

    assert {path: sums[path].crc32 for path in paths} == {path: zlib.crc32(path.read_bytes()) for path in paths}
    assert sums[tmp_path / "none"].crc32 is None
    assert sum(counts) == sum(path.stat().st_size for path in paths)


def test_who_listens_may_end_it(tmp_path: Path) -> None:
    for index in range(9):
        (tmp_path / str(index)).write_bytes(CONTENT)

    def interrupt(size_bytes: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        sum_files(sorted(tmp_path.iterdir()), interrupt)


@pytest.mark.skipif(not hasattr(os, "O_NOATIME"), reason="only Linux reads without leaving a trace")
def test_reading_is_no_use(tmp_path: Path) -> None:
    path = put(tmp_path / "file")
    os.utime(path, ns=(1, path.stat().st_mtime_ns))

    sum_file(path)

    assert path.stat().st_atime_ns == 1


def test_paths_below_a_folder(tmp_path: Path) -> None:
    found = FileSum(crc32=1)
    sums = {tmp_path / "a" / "b": found, Path("/elsewhere/c"): found}

    assert by_path_below(tmp_path, ["a/b", "not read"], sums) == {"a/b": found}


@pytest.mark.parametrize(("path", "sums"), [("a", ".a.crc"), ("a b/c.txt", "a b/.c.txt.crc")])
def test_where_hadoop_keeps_sums(path: str, sums: str) -> None:
    assert hadoop_sums_of(path) == sums
    assert summed_by_hadoop(sums) == path
    assert summed_by_hadoop(path) == ""
