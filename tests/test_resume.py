"""Pulls that are interrupted in every way, and those that go on where they were."""

from __future__ import annotations

import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hub_server import HubFolder, Server, again_bytes
from model_files import files_of, make_model, pack
from serving import wait_for

KEY = "halted_pos_en_4.0.0_3.0_1657118162458"
MODEL = make_model(6_000_000)
ZIP = pack(MODEL)
AGAIN_BYTES = 8 << 20  # at most, per interruption
ENDS_BYTES = 512 << 10  # both ends of a zip may be looked at each time
LOST_BYTES = 2_000_000  # what four connections may have on their way, and the ends
PACE = ("paced", 12_000)

Run = Callable[..., Any]
Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture(autouse=True)
def entry(hub_folder: HubFolder, home: Path, tmp_path: Path, unmeasured: None, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the model of the hub appears."""
    hub_folder.add(KEY, ZIP)
    monkeypatch.setenv("MODELHUB_CONNECTIONS", "4")
    return tmp_path / "cache_pretrained" / KEY


def halt(start: Start, server: Server, number: signal.Signals, *words: object, at_bytes: int = 3_000_000) -> int:
    """Begin a pull, and end it by a signal once the server has sent so much; its exit status."""
    process = start("pull", KEY, "--hub", server.uri(*PACE), *words)
    wait_for(lambda: server.sent_bytes() >= at_bytes)
    process.send_signal(number)
    process.communicate(timeout=20)
    return process.returncode


def go_on(invoke: Run, server: Server, *faults: str | int) -> int:
    """Pull once more, and tell how many of the bytes that were sent before were sent again."""
    earlier = server.bodies()
    finished = invoke("pull", KEY, "--hub", server.uri(*faults))
    assert finished.status == 0, finished.err
    return again_bytes(earlier, server.bodies()[len(earlier) :])


def kept_files(entry: Path) -> list[Path]:
    """All that lies in our part of the cache, the largest first."""
    files = [path for path in (entry.parent / ".modelhub").rglob("*") if path.is_file()]
    return sorted(files, key=lambda path: path.stat().st_size, reverse=True)


# Ways to be interrupted


@pytest.mark.parametrize("connections", [4, pytest.param(1, marks=pytest.mark.slow)])
@pytest.mark.parametrize(
    ("number", "status"),
    [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGKILL, -9), (signal.SIGHUP, -1)],
)
def test_what_had_arrived_before_a_signal_is_not_fetched_again(
    start: Start,
    invoke: Run,
    server: Server,
    entry: Path,
    monkeypatch: pytest.MonkeyPatch,
    number: signal.Signals,
    status: int,
    connections: int,
) -> None:
    monkeypatch.setenv("MODELHUB_CONNECTIONS", str(connections))

    assert halt(start, server, number) == status
    assert not entry.exists()
    assert go_on(invoke, server) < LOST_BYTES
    assert files_of(entry) == MODEL


@pytest.mark.slow
@pytest.mark.parametrize("at_bytes", [10_000, 3_000_000, 5_900_000])
def test_what_had_arrived_before_the_network_was_lost_is_not_fetched_again(
    invoke: Run, server: Server, entry: Path, at_bytes: int
) -> None:
    lost = invoke("pull", KEY, "--hub", server.uri(*PACE, "gone-after", at_bytes), "--timeout", 0.3)
    again = go_on(invoke, server)

    assert lost.status == 7
    assert again < LOST_BYTES
    assert files_of(entry) == MODEL


def test_a_pull_is_taken_up_again_as_often_as_it_is_interrupted(
    start: Start, invoke: Run, server: Server, entry: Path
) -> None:
    costs = []
    for part in range(1, 5):
        earlier = server.bodies()
        halt(start, server, signal.SIGKILL, at_bytes=part * 1_500_000)
        costs.append(again_bytes(earlier, server.bodies()[len(earlier) :]))
    costs.append(go_on(invoke, server))

    assert max(costs) < LOST_BYTES, costs
    assert files_of(entry) == MODEL


def test_a_pull_that_was_interrupted_says_so_and_no_more(start: Start, server: Server) -> None:
    process = start("pull", KEY, "--hub", server.uri(*PACE))
    wait_for(lambda: server.sent_bytes() >= 1_000_000)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=20)

    assert out == ""
    assert err.endswith("interrupted: the same command goes on where it can\n")
    assert "Traceback" not in err


def test_a_pull_that_went_on_counts_what_it_fetched_and_leaves_nothing_over(
    start: Start, invoke: Run, server: Server, entry: Path
) -> None:
    halt(start, server, signal.SIGKILL)
    finished = invoke("pull", KEY, "--hub", server.uri(), "--json")
    (model,) = finished.json["data"]["models"]

    assert not model["cached"]
    assert 0 < model["downloaded_bytes"] < len(ZIP) - 3_000_000 + LOST_BYTES
    assert sum(path.stat().st_size for path in kept_files(entry)) < 20_000
    assert invoke("verify", "--deep").status == 0


def test_a_pull_goes_on_from_another_hub_that_has_the_same(
    start: Start, invoke: Run, server: Server, second_server: Server, entry: Path
) -> None:
    halt(start, server, signal.SIGKILL)
    finished = invoke("pull", KEY, "--hub", second_server.uri())

    assert finished.status == 0, finished.err
    assert again_bytes(server.bodies(), second_server.bodies()) < LOST_BYTES
    assert files_of(entry) == MODEL


@pytest.mark.parametrize("faults", [("no-ranges",), ("no-ranges", "chunked"), ("no-etag",), ("weak-etag",)])
def test_a_pull_is_right_where_a_server_lets_nobody_go_on(
    start: Start, invoke: Run, server: Server, entry: Path, faults: tuple[str, ...]
) -> None:
    process = start("pull", KEY, "--hub", server.uri(*PACE, *faults))
    wait_for(lambda: server.sent_bytes() >= 2_000_000)
    process.kill()
    process.communicate()
    finished = invoke("pull", KEY, "--hub", server.uri(*faults))

    assert finished.status == 0, finished.err
    assert files_of(entry) == MODEL


# What was kept and is of no use


@pytest.mark.parametrize("size_bytes", [6_000_000, 1000, pytest.param(7_000_000, marks=pytest.mark.slow)])
def test_what_was_kept_of_an_object_that_has_been_replaced_is_dropped(
    start: Start, invoke: Run, server: Server, hub_folder: HubFolder, entry: Path, size_bytes: int
) -> None:
    halt(start, server, signal.SIGKILL)
    other = make_model(size_bytes, seed=2)
    hub_folder.add(KEY, pack(other))
    finished = invoke("pull", KEY, "--hub", server.uri())

    assert finished.status == 0, finished.err
    assert files_of(entry) == other
    assert sum(path.stat().st_size for path in kept_files(entry)) < 20_000


def spoil(path: Path) -> None:
    """Other bytes in the same number."""
    path.write_bytes(random.Random(3).randbytes(path.stat().st_size))


def cut(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


@pytest.mark.parametrize("damage", [spoil, cut, Path.unlink])
@pytest.mark.parametrize("is_large", [True, pytest.param(False, marks=pytest.mark.slow)])
def test_what_was_kept_and_then_damaged_never_gets_into_the_cache(
    start: Start, invoke: Run, server: Server, entry: Path, damage: Callable[[Path], None], is_large: bool
) -> None:
    halt(start, server, signal.SIGKILL)
    damaged = [path for path in kept_files(entry) if (path.stat().st_size >= 100_000) == is_large]
    for path in damaged:
        damage(path)
    first = invoke("pull", KEY, "--hub", server.uri())
    second = invoke("pull", KEY, "--hub", server.uri())

    assert damaged
    assert first.status in (0, 6)
    assert second.status == 0, second.err
    assert files_of(entry) == MODEL


def test_two_pulls_of_one_model_bring_it_once(start: Start, server: Server, entry: Path) -> None:
    pulls = [start("pull", KEY, "--hub", server.uri(*PACE), "--json") for _ in range(2)]
    finished = [(process.communicate(timeout=20), process.returncode) for process in pulls]

    assert [status for _, status in finished] == [0, 0], finished
    assert files_of(entry) == MODEL
    assert again_bytes([], server.bodies()) <= ENDS_BYTES


def test_a_pull_goes_on_from_the_next_hub_where_the_first_one_is_lost(
    invoke: Run, server: Server, second_server: Server, entry: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MODELHUB_HUB", f"{server.uri(*PACE, 'gone-after', 3_000_000)} {second_server.uri()}")
    finished = invoke("pull", KEY, "--timeout", 0.5)

    assert finished.status == 0, finished.err
    assert files_of(entry) == MODEL
    assert again_bytes(server.bodies(), second_server.bodies()) < LOST_BYTES


# Little room


@pytest.fixture
def pull_with_room(server: Server, tmp_path: Path) -> Callable[[int], subprocess.CompletedProcess[str]]:
    """``pull_with_room(size_bytes)``: pull into a file system of that size; afterwards its files are in ``kept``."""
    if subprocess.run(["unshare", "-rm", "true"], capture_output=True, check=False).returncode:
        pytest.skip("no file system can be made here without being root")

    def pull(size_bytes: int) -> subprocess.CompletedProcess[str]:
        cache, kept = tmp_path / "small", tmp_path / "kept"
        cache.mkdir()
        kept.mkdir()
        script = (
            'mount -t tmpfs -o size="$1" none "$2" || exit 99; '
            '"$3" -m modelhub pull "$4" --hub "$5" --cache "$2"; status=$?; cp -r "$2/." "$6"; exit $status'
        )
        words = map(str, (size_bytes, cache, sys.executable, KEY, server.uri(), kept))
        return subprocess.run(
            ["unshare", "-rm", "sh", "-c", script, "sh", *words], capture_output=True, text=True, check=False
        )

    return pull


def test_where_there_is_room_for_the_folder_alone_nothing_is_kept_for_later(
    pull_with_room: Callable[[int], subprocess.CompletedProcess[str]], server: Server, tmp_path: Path
) -> None:
    finished = pull_with_room(9_000_000)

    assert finished.returncode == 0, finished.stderr
    assert "room" in finished.stderr
    assert files_of(tmp_path / "kept" / KEY) == MODEL
    assert again_bytes([], server.bodies()) <= ENDS_BYTES


def test_where_there_is_no_room_even_for_the_folder_a_pull_is_refused_with_figures(
    pull_with_room: Callable[[int], subprocess.CompletedProcess[str]], server: Server, tmp_path: Path
) -> None:
    finished = pull_with_room(4_000_000)

    assert finished.returncode == 10
    assert re.search(r"needs 6,0\d\d,\d{3} bytes .* has 3,9\d\d,\d{3} free", finished.stderr), finished.stderr
    assert server.sent_bytes() < 2_000_000
    assert not (tmp_path / "kept" / KEY).exists()


# At any moment


def is_done_after(process: subprocess.Popen[str], seconds: float) -> bool:
    """Whether a process has come to its end by itself; it is killed where it has not."""
    with suppress(subprocess.TimeoutExpired):
        process.wait(seconds)
    is_done = process.poll() is not None
    process.kill()
    _, err = process.communicate()
    assert not is_done or process.returncode == 0, err
    return is_done


@pytest.mark.slow
def test_a_kill_at_any_moment_costs_eight_mebibytes_at_most(
    start: Start,
    server: Server,
    hub_folder: HubFolder,
    entry: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    model = make_model(48_000_000)
    hub_folder.add(KEY, pack(model))
    monkeypatch.setenv("MODELHUB_CONNECTIONS", "16")
    words = ["pull", KEY, "--hub", server.uri("paced", 40_000), "-q"]
    begun_s = time.monotonic()
    assert is_done_after(start(*words), 60)
    whole_s = time.monotonic() - begun_s
    chance, kills, costs = random.Random(50), 0, []

    while kills < 50:
        shutil.rmtree(entry.parent)
        server.requests.clear()
        earlier: list[range] = []
        while not is_done_after(start(*words), chance.uniform(0, whole_s)):
            assert not entry.exists() or files_of(entry) == model
            kills += 1
            costs.append(again_bytes(earlier, server.bodies()[len(earlier) :]))
            earlier = server.bodies()
        costs.append(again_bytes(earlier, server.bodies()[len(earlier) :]))
        assert files_of(entry) == model

    assert max(costs) <= AGAIN_BYTES, sorted(costs)[-5:]
