"""Work for several processes: a fork wants a process of one thread, so the forked path runs in one of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from typing import Any

import pytest

from modelhub.batches import Batches

CAN_FORK = sys.platform == "linux" and (os.cpu_count() or 1) > 1
BATCH_ITEMS = 256

SCRIPT = """
import json, os, sys, threading
from modelhub.batches import Batches

def read(item):
    if item == bad:
        raise LookupError(f"no {item}")
    return item * item, os.getpid()

items, bad, is_threaded = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3] == "True"
stop = threading.Event()
if is_threaded:
    threading.Thread(target=stop.wait).start()
early, late, failure = [], [], ""
try:
    with Batches(read) as batches:
        for item in range(items):
            early += batches.take(item)
        late += batches.rest()
except LookupError as exc:
    failure = str(exc)
stop.set()
results = early + late
processes = {process for _, process in results}
print(json.dumps({
    "values": [value for value, _ in results],
    "early": len(early),
    "others": len(processes - {os.getpid()}),
    "failure": failure,
}))
"""


def read_in_batches(items: int, *, bad: int = -1, is_threaded: bool = False) -> dict[str, Any]:
    """What a process of its own makes of so many items; a warning, such as that of an unsafe fork, ends it."""
    command = [sys.executable, "-W", "error", "-c", SCRIPT, str(items), str(bad), str(is_threaded)]
    finished = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    return json.loads(finished.stdout)


def squares(items: int) -> list[int]:
    return [item * item for item in range(items)]


def double(item: int) -> int:
    return 2 * item


@pytest.mark.parametrize("items", [0, 1, BATCH_ITEMS - 1, BATCH_ITEMS, BATCH_ITEMS + 1, 5000])
def test_the_results_are_those_of_one_process_in_order(items: int) -> None:
    assert read_in_batches(items)["values"] == squares(items)


@pytest.mark.skipif(not CAN_FORK, reason="needs Linux and several processors")
def test_other_processes_read_where_there_is_enough_to_do() -> None:
    assert read_in_batches(BATCH_ITEMS - 1)["others"] == 0
    assert read_in_batches(20 * BATCH_ITEMS)["others"] > 0


def test_results_come_back_while_items_are_still_taken() -> None:
    assert read_in_batches(60 * BATCH_ITEMS)["early"] > BATCH_ITEMS


@pytest.mark.parametrize("bad", [3, 5 * BATCH_ITEMS + 3])
def test_an_exception_in_a_reader_arrives(bad: int) -> None:
    outcome = read_in_batches(5 * BATCH_ITEMS + 10, bad=bad)

    assert outcome["failure"] == f"no {bad}"
    assert outcome["values"] == squares(len(outcome["values"]))


def test_a_process_with_threads_does_not_fork() -> None:
    outcome = read_in_batches(4 * BATCH_ITEMS, is_threaded=True)

    assert (outcome["others"], outcome["values"]) == (0, squares(4 * BATCH_ITEMS))


def test_beside_a_thread_the_results_are_the_same_too() -> None:
    stop = threading.Event()
    thread = threading.Thread(target=stop.wait)
    thread.start()
    with Batches(double) as batches:
        results = [result for item in range(2 * BATCH_ITEMS + 1) for result in batches.take(item)]
        rest = list(batches.rest())
    stop.set()
    thread.join()

    assert [*results, *rest] == [2 * item for item in range(2 * BATCH_ITEMS + 1)]
    assert len(rest) == 1
