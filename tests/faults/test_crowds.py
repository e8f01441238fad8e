"""Many processes at once: they share one download, do not wait without need, and take over from those that die."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from faults.strace import why_not
from hub_server import HubFolder, Server, again_bytes
from model_files import files_of, make_model, pack
from serving import wait_for

KEYS = [f"crowded_pos_{language}_4.0.0_3.0_1657118162458" for language in "abcdefghijklmnop"]
KEY = KEYS[0]
MODEL = make_model(1_000_000)
ZIP = pack(MODEL)
ENDS_BYTES = 512 << 10  # both ends of a zip may be looked at twice

Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture(autouse=True)
def cache(hub_folder: HubFolder, home: Path, tmp_path: Path, unmeasured: None, monkeypatch: pytest.MonkeyPatch) -> Path:
    for key in KEYS:
        hub_folder.add(key, ZIP)
    monkeypatch.setenv("MODELHUB_CONNECTIONS", "2")
    return tmp_path / "cache_pretrained"


def ends(processes: list[subprocess.Popen[str]], timeout_s: float = 60) -> list[tuple[int, str, str]]:
    """Exit status, standard output and standard error of each, when it has come to its end."""
    return [(process.wait(timeout_s), *process.communicate()) for process in processes]


def test_sixteen_that_want_one_model_bring_it_once(start: Start, server: Server, cache: Path) -> None:
    finished = ends([start("pull", "-q", KEY, "--hub", server.uri("paced", 2000)) for _ in range(16)])

    assert {(status, out) for status, out, _ in finished} == {(0, f"{cache / KEY}\n")}, finished
    assert files_of(cache / KEY) == MODEL
    assert again_bytes([], server.bodies()) <= ENDS_BYTES


def test_those_that_want_different_models_do_not_wait_for_each_other(start: Start, server: Server, cache: Path) -> None:
    stuck = start("pull", "-q", KEY, "--hub", server.uri("stall-at", 1000), "--timeout", 60)
    wait_for(lambda: server.sent_bytes() > 0)
    finished = ends([start("pull", "-q", key, "--hub", server.uri()) for key in KEYS[1:]])
    is_stuck = stuck.poll() is None
    stuck.kill()
    stuck.communicate()

    assert {(status, err) for status, _, err in finished} == {(0, "")}, finished
    assert all(files_of(cache / key) == MODEL for key in KEYS[1:])
    assert is_stuck


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_whoever_waits_goes_on_at_once_where_the_holder_died(
    start: Start, server: Server, cache: Path, number: signal.Signals
) -> None:
    holder = start("pull", "-q", KEY, "--hub", server.uri("paced", 100))
    wait_for(lambda: server.sent_bytes() > 300_000)
    waiting = start("pull", KEY, "--hub", server.uri())
    assert waiting.stderr
    said = next(line for line in waiting.stderr if line.startswith("Waiting"))
    earlier = server.bodies()
    holder.send_signal(number)
    died_s = time.monotonic()
    (status, _, err), _ = ends([waiting, holder])

    assert status == 0, err
    assert time.monotonic() - died_s < 5
    assert said.startswith(f"Waiting for process {holder.pid} on {os.uname().nodename}")
    assert files_of(cache / KEY) == MODEL
    assert again_bytes(earlier, server.bodies()[len(earlier) :]) < len(ZIP)


def test_who_has_waited_long_enough_says_for_whom(
    start: Start, modelhub: Callable[..., Any], server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    holder = start("pull", "-q", KEY, "--hub", server.uri("stall-at", 1000), "--timeout", 60)
    wait_for(lambda: server.sent_bytes() > 0)
    monkeypatch.setenv("MODELHUB_WAIT", "0.3")
    finished = modelhub("pull", KEY, "--hub", server.uri(), "--json")
    (error,) = finished.json["errors"]
    holder.kill()
    holder.communicate()

    assert (finished.status, error["code"]) == (10, "wait_timeout")
    host = re.escape(os.uname().nodename)
    said = rf"Process {holder.pid} on {host} \(for \d+ s\) kept us waiting for 0\.3 s: it is busy with {KEY}\."
    assert re.fullmatch(said, error["message"])
    assert "MODELHUB_WAIT" in error["hint"]


# File systems that keep no exclusion

lockless = pytest.mark.skipif(bool(why_not()), reason=why_not())
NO_LOCKS = ("strace", "-f", "--seccomp-bpf", "-qq", "-o", "/dev/null", "-e", "inject=flock:error=ENOLCK")


def start_without_locks(server: Server, *faults: str | int) -> subprocess.Popen[str]:
    words = [*NO_LOCKS, sys.executable, "-m", "modelhub", "pull", "-q", KEY, "--hub", server.uri(*faults)]
    pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen(words, text=True, cwd=Path(__file__).parents[2], **pipes)


def staged(cache: Path) -> list[Path]:
    return list((cache / ".modelhub" / "staging").iterdir())


@lockless
def test_where_nobody_can_wait_each_brings_it_and_the_first_one_stays(server: Server, cache: Path) -> None:
    finished = ends([start_without_locks(server, "paced", 600) for _ in range(3)])

    assert {(status, out) for status, out, _ in finished} == {(0, f"{cache / KEY}\n")}, finished
    assert files_of(cache / KEY) == MODEL
    assert len(ZIP) // 2 < again_bytes([], server.bodies()) <= 2 * len(ZIP) + 3 * ENDS_BYTES
    assert staged(cache) == []


@lockless
def test_where_nobody_can_wait_nobody_deletes_what_another_may_be_at_until_it_is_old(
    server: Server, cache: Path
) -> None:
    killed = start_without_locks(server, "stall-at", 1000)
    wait_for(lambda: server.sent_bytes() > 0)
    wait_for(lambda: len(staged(cache)) > 0)
    subprocess.run(["pkill", "-KILL", "-P", str(killed.pid)], check=True)
    killed.communicate()
    left = staged(cache)
    ends([start_without_locks(server)])
    kept = staged(cache)
    shutil.rmtree(cache / KEY)
    for path in (cache / ".modelhub" / "staging").rglob("*"):
        os.utime(path, (1, 1))
    ends([start_without_locks(server)])

    assert left
    assert kept == left
    assert staged(cache) == []
    assert files_of(cache / KEY) == MODEL
