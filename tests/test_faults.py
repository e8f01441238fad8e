"""Pulls from servers that fail in every way that servers do: whole models, or a sentence that says why not."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hub_server import HubFolder, Request, Server, again_bytes
from model_files import files_of, make_model, pack

from modelhub.hub import Hub
from modelhub.progress import Progress

KEY = "faulty_pos_en_4.0.0_3.0_1657118162458"
OTHER_KEYS = [f"faulty_ner_{language}_4.0.0_3.0_1657118162458" for language in ("de", "fr", "sv")]
MODEL = make_model(3_000_000)
ZIP = pack(MODEL)
OTHER_MODEL = make_model(3_000_000, seed=2)
MOST_REQUESTS = 60
SLOW = pytest.mark.slow

Run = Callable[..., Any]


@pytest.fixture
def hub(hub_folder: HubFolder, home: Path) -> HubFolder:
    """A hub with a model of 3 MB: enough for several ranges."""
    hub_folder.add(KEY, ZIP)
    return hub_folder


@pytest.fixture
def entry(tmp_path: Path) -> Path:
    return tmp_path / "cache_pretrained" / KEY


def replace(hub: HubFolder, members: dict[str, bytes]) -> None:
    """What the server has in place of the model from some moment on."""
    (hub.folder / "public" / "models" / f"{KEY}.zip.next").write_bytes(pack(members))


def asked_at(server: Server) -> list[Request]:
    """The requests for zips, in order."""
    return sorted((ask for ask in server.requests if ask.path.endswith(".zip")), key=lambda ask: ask.asked_s)


# What is got over


def pull_whole(invoke: Run, server: Server, entry: Path, faults: str) -> None:
    """Pull in spite of faults: everything arrives, and nothing is said of them."""
    finished = invoke("pull", KEY, "--hub", server.uri(*faults.split()), "--timeout", 0.5, "--json")

    assert finished.status == 0, finished.err
    assert finished.json["data"]["models"][0]["downloaded_bytes"] == len(ZIP)
    assert files_of(entry) == MODEL
    assert len(server.requests) <= MOST_REQUESTS


@pytest.mark.parametrize("connections", [1, 8])
@pytest.mark.parametrize(
    "faults",
    [
        "",
        "no-keep-alive",
        "no-ranges",
        "no-ranges/no-length",
        "no-ranges/chunked",
        "no-suffix",
        "wrong-suffix",
        "wrong-range",
        "no-content-range",
        "no-length",
        "chunked",
        "no-etag",
        "weak-etag",
        "no-if-match",
        "gzip",
        "redirect",
        "first-time/redirect",
        "first-time/no-ranges",
    ],
)
def test_a_server_that_knows_little_is_read_all_the_same(
    invoke: Run,
    server: Server,
    hub: HubFolder,
    entry: Path,
    monkeypatch: pytest.MonkeyPatch,
    faults: str,
    connections: int,
) -> None:
    monkeypatch.setenv("MODELHUB_CONNECTIONS", str(connections))
    pull_whole(invoke, server, entry, faults)


@pytest.mark.parametrize("connections", [pytest.param(1, marks=SLOW), 8])
@pytest.mark.parametrize(
    "faults",
    [
        "503-then-200",
        "429-then-200/1",
        "nth/1/silent",
        "nth/2/silent",
        "nth/1/stall-at/1000",
        "nth/2/stall-at/1000",
        "nth/3/stall-at/100000",
        "nth/2/reset-at/0",
        "nth/2/no-content-range",
        "nth/2/wrong-range",
        "nth/2/login-page",
        "first-time/429",
        pytest.param("first-time/500", marks=SLOW),
        pytest.param("first-time/502", marks=SLOW),
        "first-time/503",
        pytest.param("first-time/504", marks=SLOW),
        pytest.param("first-time/drop-at/0", marks=SLOW),
        "first-time/drop-at/1000",
        "first-time/reset-at/0",
        pytest.param("first-time/reset-at/1000", marks=SLOW),
        "max-connections/1",
        "max-connections/3",
        pytest.param("max-connections/3/no-keep-alive", marks=SLOW),
    ],
)
def test_a_fault_that_passes_leaves_no_trace(
    invoke: Run,
    server: Server,
    hub: HubFolder,
    entry: Path,
    monkeypatch: pytest.MonkeyPatch,
    faults: str,
    connections: int,
) -> None:
    monkeypatch.setenv("MODELHUB_CONNECTIONS", str(connections))
    pull_whole(invoke, server, entry, faults)


@pytest.mark.parametrize(
    ("fault", "most_bytes"),
    [
        ("", 262_144),  # the table of contents at the end, once by itself
        ("no-etag", 262_144),
        ("first-time/503", 70_000),
        ("no-suffix", 1_000_000),
        ("no-ranges", 1_000_000),
        ("wrong-suffix", 140_000),
        ("no-content-range", 1_000_000),
        ("wrong-range", 1_000_000),
    ],
)
def test_hardly_anything_is_sent_twice(
    invoke: Run, server: Server, hub: HubFolder, fault: str, most_bytes: int
) -> None:
    finished = invoke("pull", KEY, "--hub", server.uri("paced", 6000, *fault.split()))

    assert finished.status == 0, finished.err
    assert again_bytes([], server.bodies()) <= most_bytes


# What is not


@pytest.mark.parametrize(
    ("faults", "status", "said", "most_requests"),
    [
        ("400", 7, "HTTP 400", 2),
        ("401", 8, "HTTP 401", 2),
        ("403", 8, "HTTP 403", 2),
        ("404", 4, "does not exist", 2),
        ("410", 4, "does not exist", 2),
        ("416", 7, "HTTP 416", 2),
        pytest.param("500", 7, "HTTP 500", 12, marks=SLOW),
        pytest.param("drop-at/0", 7, "broke off", 12, marks=SLOW),
        pytest.param("reset-at/0", 7, "reset|broke off", 12, marks=SLOW),
        pytest.param("silent", 7, "in time", 12, marks=SLOW),
        pytest.param("stall-at/0", 7, "in time", 12, marks=SLOW),
        ("login-page", 6, "not a zip|HTML|web page", 4),
    ],
)
def test_a_fault_that_stays_is_told(
    invoke: Run, server: Server, hub: HubFolder, entry: Path, faults: str, status: int, said: str, most_requests: int
) -> None:
    finished = invoke("pull", KEY, "--hub", server.uri(faults), "--timeout", 0.3, "--json")
    (error,) = finished.json["errors"]

    assert finished.status == status
    assert re.search(said, error["message"])
    assert f"{server.uri(faults)}/public/models/{KEY}.zip" in error["message"]
    assert error["hint"]
    assert len(server.requests) <= most_requests
    assert not entry.exists()


def test_retries_come_later_and_later_and_end(invoke: Run, server: Server, hub: HubFolder) -> None:
    finished = invoke("pull", KEY, "--hub", server.uri("503"))
    moments = [ask.asked_s for ask in asked_at(server) if ask.headers["Range"].startswith("bytes=0-")]
    pauses = [later - earlier for earlier, later in zip(moments, moments[1:], strict=False)]

    assert finished.status == 7
    assert "HTTP 503" in finished.err
    assert 3 <= len(pauses) <= 8
    assert pauses[-1] > 2 * pauses[0]
    assert sum(pauses) < 30


def test_several_that_fail_are_told_each(invoke: Run, server: Server, hub: HubFolder) -> None:
    hub.add(OTHER_KEYS[0])
    finished = invoke("pull", KEY, OTHER_KEYS[0], "--hub", server.uri("404"), "--json")

    assert finished.status == 4
    assert {error["code"] for error in finished.json["errors"]} == {"not_found"}
    assert len(finished.json["errors"]) == 2


# An object that is replaced while it is read


@pytest.mark.parametrize("sent_bytes", [500_000, pytest.param(1, marks=SLOW), pytest.param(2_000_000, marks=SLOW)])
@pytest.mark.parametrize("fault", ["", "no-if-match", "no-suffix", "weak-etag"])
def test_an_object_that_is_replaced_is_brought_afresh(
    invoke: Run,
    server: Server,
    hub: HubFolder,
    entry: Path,
    monkeypatch: pytest.MonkeyPatch,
    fault: str,
    sent_bytes: int,
) -> None:
    replace(hub, OTHER_MODEL)
    monkeypatch.setenv("MODELHUB_CONNECTIONS", "2")  # with more of them all ranges would be asked for at once
    uri = server.uri("paced", 12_000, "replaced-at", sent_bytes, *fault.split())
    finished = invoke("pull", KEY, "--hub", uri)

    assert finished.status == 0, finished.err
    assert files_of(entry) == OTHER_MODEL
    assert len(server.requests) <= MOST_REQUESTS


@pytest.mark.parametrize("is_longer", [False, True])
def test_an_object_without_etag_that_is_replaced_is_never_half_of_each(
    invoke: Run, server: Server, hub: HubFolder, entry: Path, monkeypatch: pytest.MonkeyPatch, is_longer: bool
) -> None:
    replacement = OTHER_MODEL | ({"more": bytes(range(256))} if is_longer else {})
    replace(hub, replacement)
    monkeypatch.setenv("MODELHUB_CONNECTIONS", "2")
    finished = invoke("pull", KEY, "--hub", server.uri("paced", 12_000, "no-etag", "replaced-at", 1_000_000))

    assert finished.status in (0, 6)
    assert entry.exists() == (finished.status == 0)
    assert files_of(entry) in ({}, MODEL, replacement)


# Manners


def test_retry_after_is_obeyed(invoke: Run, server: Server, hub: HubFolder) -> None:
    finished = invoke("pull", KEY, "--hub", server.uri("429-then-200", 2), "--timeout", 0.5)
    refused = [ask for ask in asked_at(server) if ask.status == 429]
    served = [ask for ask in asked_at(server) if ask.status != 429]

    assert finished.status == 0
    assert len(refused) <= 16
    assert served[0].asked_s - refused[0].asked_s >= 2
    assert len({ask.headers.get("Range") for ask in refused}) == len(refused), "a range was asked for again too early"


def test_a_connection_that_stalls_is_replaced_while_the_others_go_on(
    invoke: Run, server: Server, hub: HubFolder
) -> None:
    started_s = time.monotonic()
    finished = invoke("pull", KEY, "--hub", server.uri("paced", 3000, "nth", 3, "stall-at", 1000), "--timeout", 1)
    stalled = asked_at(server)[2]
    meanwhile = [ask for ask in asked_at(server) if stalled.asked_s < ask.ended_s < stalled.asked_s + 1]

    assert finished.status == 0
    assert time.monotonic() - started_s < 5
    assert sum(ask.sent_bytes for ask in meanwhile) > 500_000


@pytest.mark.parametrize("connections", [1, 2, 5])
def test_no_more_connections_are_used_than_are_allowed(
    invoke: Run, server: Server, hub: HubFolder, connections: int
) -> None:
    finished = invoke("pull", KEY, "--hub", server.uri("paced", 8000), "--connections", connections)

    assert finished.status == 0
    assert server.peak() == connections


def test_models_of_one_pull_share_the_connections(invoke: Run, server: Server, hub: HubFolder, tmp_path: Path) -> None:
    for key in OTHER_KEYS:
        hub.add(key, ZIP)
    finished = invoke(
        "pull", KEY, *OTHER_KEYS, "--hub", server.uri("paced", 16_000), "--connections", 4, "--jobs", 2, "--json"
    )
    spans = [
        (min(ask.asked_s for ask in asks), max(ask.ended_s for ask in asks))
        for key in (KEY, *OTHER_KEYS)
        if (asks := [ask for ask in server.requests if key in ask.path])
    ]
    at_once = max(sum(begun <= moment < ended for begun, ended in spans) for moment, _ in spans)

    assert finished.status == 0
    assert [model["artifact"]["key"] for model in finished.json["data"]["models"]] == [KEY, *OTHER_KEYS]
    assert all(files_of(tmp_path / "cache_pretrained" / key) == MODEL for key in OTHER_KEYS)
    assert server.peak() <= 4
    assert at_once == 2


@pytest.mark.parametrize(
    ("connections", "keys"), [(8, 2), pytest.param(1, 1, marks=SLOW), pytest.param(8, 1, marks=SLOW)]
)
def test_a_limit_of_the_rate_holds_over_all_connections(
    invoke: Run, server: Server, hub: HubFolder, monkeypatch: pytest.MonkeyPatch, connections: int, keys: int
) -> None:
    monkeypatch.setenv("MODELHUB_CONNECTIONS", str(connections))
    for key in OTHER_KEYS:
        hub.add(key, ZIP)
    started_s = time.monotonic()
    finished = invoke("pull", *[KEY, *OTHER_KEYS][:keys], "--hub", server.uri(), "--limit-rate", f"{2 * keys}M")

    assert finished.status == 0
    assert 1.0 < time.monotonic() - started_s < 4.0


@pytest.mark.parametrize("fault", ["", "first-time/drop-at/1000", "no-ranges", "chunked", "no-suffix"])
def test_progress_grows_to_the_size_of_the_zip(server: Server, hub: HubFolder, fault: str) -> None:
    moments: list[Progress] = []
    with Hub(hub=server.uri(*fault.split()), on_progress=moments.append) as ours:
        ours.pull(KEY)
    done = [moment.done_bytes for moment in moments if moment.phase == "downloading"]

    assert done == sorted(done)
    assert done[-1] == len(ZIP)
    assert {moment.total_bytes for moment in moments if moment.phase == "downloading"} <= {None, len(ZIP)}


def test_a_public_pull_pays_for_no_module_that_it_does_not_need(
    server: Server, hub: HubFolder, unmeasured: None
) -> None:
    heavy = {"requests", "urllib3", "boto3", "botocore", "yaml", "rich.progress", "asyncio"}
    script = (
        "import sys\nfrom modelhub.__main__ import main\n"
        "try:\n    main(sys.argv[1:])\n"
        f"finally:\n    print(*sorted({heavy} & sys.modules.keys()), file=sys.stderr)"
    )
    words = ["pull", "-q", KEY, "--hub", server.uri()]
    ran = subprocess.run([sys.executable, "-c", script, *words], capture_output=True, text=True, check=True)

    assert ran.stdout.strip().endswith(KEY)
    assert ran.stderr.split() == []
