"""Mutual exclusion between real processes, some of which are killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from modelhub.errors import StoppedError, WaitTimeoutError
from modelhub.exclusion import exclusively

HOLD = """
import sys
from pathlib import Path
from modelhub.exclusion import exclusively

with exclusively(Path(sys.argv[1]), "a model", wait_s=float(sys.argv[2])):
    print("held", flush=True)
    sys.stdin.read()
"""

Hold = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "waits" / "x.lock"


@pytest.fixture
def hold(path: Path, unmeasured: None) -> Iterator[Hold]:
    """``hold(wait_s)``: a process that holds the exclusion, or waits for it, until its input is closed."""
    processes: list[subprocess.Popen[str]] = []

    def hold(wait_s: float = 0.0, *, is_waiting: bool = False) -> subprocess.Popen[str]:
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        words = [sys.executable, "-c", HOLD, str(path), str(wait_s)]
        process = subprocess.Popen(words, text=True, **pipes)
        processes.append(process)
        assert process.stdout
        if not is_waiting:
            assert process.stdout.readline() == "held\n"
        return process

    yield hold
    for process in processes:
        with process:
            process.kill()


def note_of(path: Path) -> Path:
    return path.with_name("x.lock.holder")


def test_what_nobody_holds_is_had_at_once(path: Path) -> None:
    with exclusively(path, "a model", wait_s=0, on_wait=pytest.fail) as is_kept:
        note = json.loads(note_of(path).read_text(encoding="utf-8"))

    assert (note["process"], note["host"]) == (os.getpid(), os.uname().nodename)
    assert abs(note["since"] - time.time()) < 5
    assert not note_of(path).exists()
    assert is_kept


def test_it_may_be_had_again_and_after_a_failure_too(path: Path) -> None:
    with pytest.raises(KeyError), exclusively(path, "a model", wait_s=0):
        raise KeyError

    for _ in range(2):
        with exclusively(path, "a model", wait_s=0, on_wait=pytest.fail):
            pass


def test_who_waits_in_vain_is_told_who_holds_it_and_for_how_long(path: Path, hold: Hold) -> None:
    holder = hold()
    note = json.loads(note_of(path).read_text(encoding="utf-8"))
    note_of(path).write_text(json.dumps(note | {"since": note["since"] - 75}), encoding="utf-8")
    said: list[str] = []
    started_s = time.monotonic()

    with (
        pytest.raises(WaitTimeoutError) as raised,
        exclusively(path, "a model", wait_s=0.2, on_wait=said.append),
    ):
        pytest.fail("two hold it")
    who = f"rocess {holder.pid} on {os.uname().nodename} (for 7"
    assert raised.value.message.startswith(f"P{who}")
    assert raised.value.message.endswith(" s) kept us waiting for 0.2 s: it is busy with a model.")
    assert "MODELHUB_WAIT" in raised.value.hint
    assert len(said) == 1
    assert said[0].startswith(f"Waiting for p{who}")
    assert said[0].endswith(" s), busy with a model; at most 0.2 s.")
    assert 0.2 <= time.monotonic() - started_s < 2


@pytest.mark.parametrize("note", ["", "[" * 100_000, '{"since": "then"}', "[]"])
def test_a_note_that_says_nothing_names_nobody(path: Path, hold: Hold, note: str) -> None:
    hold()
    note_of(path).write_text(note, encoding="utf-8")

    with pytest.raises(WaitTimeoutError, match=r"^Another process"), exclusively(path, "a model", wait_s=0):
        pass


def test_who_would_not_wait_is_told_at_once(path: Path, hold: Hold) -> None:
    hold()
    started_s = time.monotonic()

    with pytest.raises(WaitTimeoutError), exclusively(path, "a model", wait_s=0):
        pass
    assert time.monotonic() - started_s < 0.2


def test_a_wait_ends_when_the_holder_is_done(path: Path, hold: Hold) -> None:
    holder = hold()
    assert holder.stdin
    threading.Timer(0.1, holder.stdin.close).start()
    said: list[str] = []

    with exclusively(path, "a model", wait_s=10, on_wait=said.append):
        assert json.loads(note_of(path).read_text(encoding="utf-8"))["process"] == os.getpid()
    assert len(said) == 1


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_who_dies_holds_it_no_longer(path: Path, hold: Hold, number: signal.Signals) -> None:
    holder = hold()
    holder.send_signal(number)
    holder.wait()

    with exclusively(path, "a model", wait_s=0, on_wait=pytest.fail):
        pass


def test_a_wait_ends_when_the_holder_is_killed(path: Path, hold: Hold) -> None:
    holder = hold()
    threading.Timer(0.1, holder.kill).start()

    with exclusively(path, "a model", wait_s=10):
        pass


def test_only_one_of_many_has_it_at_a_time(path: Path, hold: Hold) -> None:
    first = hold()
    others = [hold(10.0, is_waiting=True) for _ in range(3)]
    for process in (first, *others):
        process.stdin.close()  # type: ignore[union-attr]
    ends = [process.wait(10) for process in (first, *others)]

    assert ends == [0, 0, 0, 0]
    assert not note_of(path).exists()


def test_who_waits_can_be_interrupted(path: Path, hold: Hold) -> None:
    hold()
    waiting = hold(60.0, is_waiting=True)
    time.sleep(0.3)  # until it has begun to wait; sooner, it is interrupted just as well
    waiting.send_signal(signal.SIGINT)

    assert waiting.wait(2) != 0


def test_a_wait_ends_where_it_is_wanted_no_more(path: Path, hold: Hold) -> None:
    hold()
    ended = threading.Event()
    threading.Timer(0.1, ended.set).start()

    with (
        pytest.raises(StoppedError, match="a model"),
        exclusively(path, "a model", wait_s=10, is_wanted=lambda: not ended.is_set()),
    ):
        pass


def test_threads_of_one_process_exclude_each_other(path: Path) -> None:
    at_once: list[int] = []
    inside = [0]

    def work() -> None:
        with exclusively(path, "a model", wait_s=10):
            inside[0] += 1
            at_once.append(inside[0])
            time.sleep(0.005)
            inside[0] -= 1

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert at_once == [1, 1, 1, 1]


@pytest.mark.parametrize(
    "note", ["", "{", "[]", "7", '{"process": 5}', '{"process": "x", "host": "h", "since": 0}', "\udcff"]
)
def test_a_note_that_cannot_be_read_only_makes_a_poorer_sentence(path: Path, hold: Hold, note: str) -> None:
    hold()
    note_of(path).write_bytes(note.encode("utf-8", "surrogateescape"))

    with (
        pytest.raises(WaitTimeoutError, match="Another process kept us waiting"),
        exclusively(path, "a model", wait_s=0),
    ):
        pass


def test_where_no_note_can_be_left_the_exclusion_holds_all_the_same(path: Path) -> None:
    note_of(path).mkdir(parents=True)

    with (
        exclusively(path, "a model", wait_s=0),
        pytest.raises(WaitTimeoutError),
        exclusively(path, "a model", wait_s=0),
    ):
        pass


def test_what_cannot_be_made_is_an_error_of_the_operating_system(path: Path) -> None:
    path.mkdir(parents=True)
    before = len(os.listdir("/dev/fd"))  # noqa: PTH208

    with pytest.raises(OSError, match="directory"), exclusively(path, "a model", wait_s=0):
        pass
    assert len(os.listdir("/dev/fd")) == before  # noqa: PTH208
