from __future__ import annotations

import errno
import os
import random
import threading
from pathlib import Path

import pytest

from modelhub.direct import DirectBlocks, DirectFile, new_file

MIB = 1 << 20


def chunks_of(content: bytes, *sizes: int) -> list[bytes]:
    chunks, start = [], 0
    while start < len(content):
        size = sizes[len(chunks) % len(sizes)]
        chunks.append(content[start : start + size])
        start += size
    return chunks


@pytest.mark.parametrize("size_bytes", [1, 4095, 4096, MIB, 4 * MIB, 5 * MIB + 1234])
@pytest.mark.parametrize("sizes", [(65_537,), (3 * MIB, 1), (4096,)])
def test_a_large_file_holds_what_was_written_in_any_pieces(
    tmp_path: Path, size_bytes: int, sizes: tuple[int, ...]
) -> None:
    content = random.Random(size_bytes).randbytes(size_bytes)
    file = DirectFile(tmp_path / "weights", size_bytes)
    for chunk in chunks_of(content, *sizes):
        file.write(chunk)
    file.finish()
    file.close()

    assert (tmp_path / "weights").read_bytes() == content


def test_its_space_is_taken_before_anything_is_written(tmp_path: Path) -> None:
    file = DirectFile(tmp_path / "weights", 5 * MIB)
    size_bytes = (tmp_path / "weights").stat().st_size
    file.close()
    file.close()

    assert size_bytes == 5 * MIB


@pytest.mark.parametrize("size_bytes", [None, 10, 8 * MIB])
def test_a_file_that_is_there_is_never_written_over(tmp_path: Path, size_bytes: int | None) -> None:
    (tmp_path / "weights").write_text("somebody's")

    with pytest.raises(FileExistsError):
        new_file(tmp_path / "weights", size_bytes)
    assert (tmp_path / "weights").read_text() == "somebody's"


@pytest.mark.parametrize("size_bytes", [None, 10, 8 * MIB])
def test_any_new_file_is_written_in_order(tmp_path: Path, size_bytes: int | None) -> None:
    content = random.Random(1).randbytes(size_bytes or 70_000)
    file = new_file(tmp_path / "weights", size_bytes)
    for chunk in chunks_of(content, 50_000):
        file.write(chunk)
    file.finish()
    file.close()

    assert (tmp_path / "weights").read_bytes() == content


def test_a_file_system_that_cannot_write_directly_is_written_to_all_the_same() -> None:
    folder = Path("/dev/shm")
    if not folder.is_dir():
        pytest.skip("no file system in memory here")
    path = folder / f"modelhub-test-{os.getpid()}"
    try:
        file = DirectFile(path, 5 * MIB)
        file.write(b"w" * (5 * MIB))
        file.finish()
        file.close()

        assert path.read_bytes() == b"w" * (5 * MIB)
    finally:
        path.unlink(missing_ok=True)


def test_a_full_disk_is_no_reason_to_try_otherwise(tmp_path: Path) -> None:
    path = tmp_path / "weights"
    path.symlink_to("/dev/full")
    blocks = DirectBlocks(path, MIB)

    assert not blocks.write(0, [b"w" * MIB])  # whoever writes it otherwise is told why
    blocks.close()


def test_whatever_goes_wrong_while_it_is_written_is_told(tmp_path: Path) -> None:
    class NoMemory(DirectFile):
        def _write_buffer(self, buffer: memoryview) -> None:
            raise MemoryError

    def write() -> None:
        with pytest.raises(MemoryError):
            for _ in range(10):
                file.write(b"w" * MIB)
        with pytest.raises(MemoryError):
            file.finish()
        file.close()
        told.set()

    file, told = NoMemory(tmp_path / "weights", 10 * MIB), threading.Event()
    threading.Thread(target=write, daemon=True).start()

    assert told.wait(5)


def test_a_file_whose_thread_cannot_be_started_is_not_left_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def start(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    before = len(os.listdir("/dev/fd"))  # noqa: PTH208
    with monkeypatch.context() as patched, pytest.raises(RuntimeError):
        patched.setattr(threading.Thread, "start", start)
        DirectFile(tmp_path / "weights", 10)

    assert len(os.listdir("/dev/fd")) == before  # noqa: PTH208


def test_blocks_are_written_where_they_belong(tmp_path: Path) -> None:
    path = tmp_path / "part"
    path.write_bytes(bytes(3 * MIB))
    blocks = DirectBlocks(path, MIB)
    is_written = blocks.write(MIB, [b"a" * 4096, b"b" * (MIB - 4096)])
    blocks.close()

    expected = b"a" * 4096 + b"b" * (MIB - 4096) if is_written else bytes(MIB)
    assert path.read_bytes() == bytes(MIB) + expected + bytes(MIB)


def test_the_end_of_a_file_that_fills_no_sector_is_left_to_others(tmp_path: Path) -> None:
    path = tmp_path / "part"
    path.write_bytes(bytes(5000))
    blocks = DirectBlocks(path, MIB)

    assert not blocks.write(0, [b"x" * 5000])
    blocks.close()
    assert not blocks.write(0, [b"x" * 4096])


def test_a_file_that_is_not_there_is_none_to_write_into(tmp_path: Path) -> None:
    blocks = DirectBlocks(tmp_path / "none", MIB)

    assert not blocks.write(0, [b"x" * 4096])


def test_a_disk_without_room_says_so_at_once(tmp_path: Path) -> None:
    with pytest.raises(OSError) as raised:
        DirectFile(tmp_path / "weights", 1 << 60)

    assert raised.value.errno in (errno.ENOSPC, errno.EFBIG)
