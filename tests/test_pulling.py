"""From references to entries: what is there already, what is brought, several at once. Without any registry."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hub_server import SAVED_MODEL, HubFolder, Server
from model_files import files_of, make_model, pack
from serving import wait_for

from modelhub.artifacts import Artifact, ArtifactKey
from modelhub.cache import Cache
from modelhub.catalogue import Catalogue
from modelhub.config import load_config
from modelhub.errors import IntegrityError, ModelHubError, NotFoundError, OfflineError
from modelhub.installing import Installer
from modelhub.progress import Progress
from modelhub.pulling import Puller
from modelhub.references import Reference
from modelhub.results import PulledModel

NAMES = ("alpha", "beta", "gamma", "delta")
KEYS = {name: ArtifactKey.parse(f"{name}_pos_en_4.0.0_3.0_1657118162458") for name in NAMES}
REFERENCES = [Reference.parse(f"{name}_pos") for name in NAMES]

MakePuller = Callable[..., Puller]


def resolve(hub: str) -> Callable[[Reference], Artifact]:
    """The artifact of each name, as a hub has it."""

    def resolve(reference: Reference) -> Artifact:
        key = KEYS.get(str(reference).partition("_")[0])
        if key is None:
            raise NotFoundError(f"There is no {reference}.")
        return Artifact(key=key, uri=f"{hub}/public/models/{key}.zip")

    return resolve


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(tmp_path / "cache", readonly=[tmp_path / "readonly"])


@pytest.fixture
def moments() -> list[Progress]:
    return []


@pytest.fixture
def notes() -> list[str]:
    return []


@pytest.fixture
def make_puller(cache: Cache, moments: list[Progress], notes: list[str], tmp_path: Path) -> Iterator[MakePuller]:
    """``make_puller(hub, **settings)``."""
    catalogues: list[Catalogue] = []

    def make(hub: str, **settings: Any) -> Puller:
        config = load_config({"hub": hub, "home": tmp_path / "home", **settings}, environ={})
        catalogues.append(Catalogue(config, pytest.fail))
        installer = Installer(config, cache, catalogues[-1], on_progress=moments.append, on_note=notes.append)
        return Puller(
            config,
            cache,
            installer=lambda: installer,
            resolve=resolve(hub),
            on_progress=moments.append,
            on_note=notes.append,
        )

    yield make
    for catalogue in catalogues:
        catalogue.close()


@pytest.fixture
def hub(hub_folder: HubFolder) -> HubFolder:
    for key in KEYS.values():
        hub_folder.add(str(key))
    return hub_folder


def make_half(root: Path) -> Path:
    """What Spark NLP leaves where it is interrupted: half a folder, with the zip beside it."""
    half = root / str(KEYS["alpha"])
    half.mkdir(parents=True)
    (half / "weights").write_bytes(b"w")
    half.with_name(f"{half.name}.zip").write_bytes(b"PK")
    return half


# One


def test_what_is_not_there_is_brought_and_then_found(
    make_puller: MakePuller, cache: Cache, hub: HubFolder, moments: list[Progress]
) -> None:
    puller = make_puller(hub.uri)
    first, second = puller.pull(REFERENCES[0]), puller.pull(REFERENCES[0])

    assert files_of(first.path) == SAVED_MODEL
    assert (first.is_cached, second.is_cached) == (False, True)
    assert (second.path, second.downloaded_bytes) == (first.path, 0)
    assert first.path == cache.root / str(KEYS["alpha"])
    phases = [(moment.phase, moment.subject) for moment in moments]
    assert phases[0] == ("resolving", "alpha_pos")
    assert phases[-2:] == [("resolving", "alpha_pos"), ("cached", str(KEYS["alpha"]))]


def test_a_plan_tells_what_a_pull_would_do_and_does_nothing(
    make_puller: MakePuller, cache: Cache, hub: HubFolder
) -> None:
    puller = make_puller(hub.uri)
    before = puller.plan(REFERENCES[0])
    assert (before.path, before.is_cached, before.downloaded_bytes) == (cache.root / str(KEYS["alpha"]), False, 0)
    assert not cache.root.exists()

    puller.pull(REFERENCES[0])
    assert puller.plan(REFERENCES[0]).is_cached


def test_what_cannot_be_resolved_is_told(make_puller: MakePuller, hub: HubFolder) -> None:
    puller = make_puller(hub.uri)

    for ask in (puller.pull, puller.plan):
        with pytest.raises(NotFoundError, match="There is no omega") as raised:
            ask(Reference.parse("omega"))
        assert raised.value.subject == ""


def test_a_half_entry_is_brought_anew_and_that_is_said(
    make_puller: MakePuller, cache: Cache, hub: HubFolder, notes: list[str]
) -> None:
    half = make_half(cache.root)
    pulled = make_puller(hub.uri).pull(REFERENCES[0])

    assert files_of(pulled.path) == SAVED_MODEL
    assert len(notes) == 1
    assert notes[0].startswith(f"{half} is partial: ")
    assert notes[0].endswith("It is brought anew.")


def test_an_entry_that_somebody_has_changed_is_not_thrown_away(
    make_puller: MakePuller, cache: Cache, hub: HubFolder
) -> None:
    puller = make_puller(hub.uri)
    path = puller.pull(REFERENCES[0]).path
    (path / "weights").write_bytes(b"another size")

    with pytest.raises(IntegrityError):
        puller.pull(REFERENCES[0])
    assert (path / "weights").read_bytes() == b"another size"


def test_a_half_entry_of_a_cache_that_is_only_read_stays_as_it_is(
    make_puller: MakePuller, hub: HubFolder, tmp_path: Path
) -> None:
    half = make_half(tmp_path / "readonly")

    with pytest.raises(IntegrityError):
        make_puller(hub.uri).pull(REFERENCES[0])
    assert files_of(half) == {"weights": b"w"}


# Offline


def test_what_is_there_needs_no_network(make_puller: MakePuller, hub: HubFolder) -> None:
    make_puller(hub.uri).pull(REFERENCES[0])

    assert make_puller("https://127.0.0.1:1", offline=True).pull(REFERENCES[0]).is_cached


def test_what_is_not_there_is_told_with_other_builds_that_are(
    make_puller: MakePuller, cache: Cache, hub: HubFolder
) -> None:
    puller = make_puller("https://127.0.0.1:1", offline=True)
    with pytest.raises(OfflineError) as raised:
        puller.pull(REFERENCES[0])
    assert raised.value.message == f"{KEYS['alpha']} is not in the cache {cache.root}, and we are offline."
    assert "modelhub pull alpha_pos" in raised.value.hint

    (cache.root / "alpha_pos_en_3.0.0_3.0_1600000000000").mkdir(parents=True)
    with pytest.raises(OfflineError) as raised:
        puller.pull(REFERENCES[0])
    assert raised.value.message.endswith("offline. Other builds are: alpha_pos_en_3.0.0_3.0_1600000000000.")


def test_a_hub_in_a_folder_is_no_network(make_puller: MakePuller, hub: HubFolder) -> None:
    assert not make_puller(hub.uri, offline=True).pull(REFERENCES[0]).is_cached


# Several


@pytest.mark.parametrize("jobs", [1, 2, 4])
def test_what_came_of_each_is_told_in_their_order(make_puller: MakePuller, hub: HubFolder, jobs: int) -> None:
    puller = make_puller(hub.uri, jobs=jobs)
    puller.pull(REFERENCES[1])
    unknown = Reference.parse("omega")
    results = puller.pull_all([REFERENCES[3], unknown, REFERENCES[1], REFERENCES[0]])
    pulled = [result for result in results if isinstance(result, PulledModel)]

    assert [result.artifact.key for result in pulled] == [KEYS["delta"], KEYS["beta"], KEYS["alpha"]]
    assert [result.is_cached for result in pulled] == [False, True, False]
    assert isinstance(results[1], NotFoundError)
    assert results[1].subject == "omega"
    assert all(files_of(result.path) == SAVED_MODEL for result in pulled)


def test_plans_of_several_are_told_in_their_order(make_puller: MakePuller, hub: HubFolder) -> None:
    results = make_puller(hub.uri).plan_all([REFERENCES[3], Reference.parse("omega")])

    assert isinstance(results[0], PulledModel)
    assert isinstance(results[1], NotFoundError)
    assert results[1].subject == "omega"


def test_the_failure_of_the_only_one_names_no_reference(make_puller: MakePuller, hub: HubFolder) -> None:
    (result,) = make_puller(hub.uri).pull_all([Reference.parse("omega")])

    assert isinstance(result, NotFoundError)
    assert result.subject == ""


def test_nothing_is_pulled_where_nothing_is_asked_for(make_puller: MakePuller, hub: HubFolder) -> None:
    assert make_puller(hub.uri).pull_all([]) == []


def test_the_failure_of_one_is_not_that_of_the_others(make_puller: MakePuller, hub: HubFolder, server: Server) -> None:
    hub.add(str(KEYS["beta"]), b"no zip")
    results = make_puller(server.uri()).pull_all(REFERENCES)

    assert [isinstance(result, ModelHubError) for result in results] == [False, True, False, False]


@pytest.mark.parametrize(("jobs", "at_once"), [(1, 1), (2, 2), (4, 4)])
def test_no_more_are_brought_at_once_than_is_allowed(
    make_puller: MakePuller, hub: HubFolder, moments: list[Progress], jobs: int, at_once: int
) -> None:
    make_puller(hub.uri, jobs=jobs).pull_all(REFERENCES)
    open_now: set[str] = set()
    most = 0
    for moment in moments:
        if moment.phase == "opening":
            open_now.add(moment.subject)
        if moment.phase == "installed":
            open_now.discard(moment.subject)
        most = max(most, len(open_now))

    assert 1 <= most <= at_once


def test_the_same_model_twice_is_brought_once(make_puller: MakePuller, hub: HubFolder, server: Server) -> None:
    results = make_puller(server.uri(), jobs=2).pull_all([REFERENCES[0], REFERENCES[0]])

    assert sorted(result.is_cached for result in results if isinstance(result, PulledModel)) == [False, True]
    assert len([request for request in server.requests if not request.last_asked.isdecimal()]) <= 2


def test_what_no_part_of_us_has_foreseen_ends_all(make_puller: MakePuller, hub: HubFolder, server: Server) -> None:
    threads = threading.active_count()
    puller = make_puller(server.uri("slow"), jobs=3)

    def listen(moment: Progress) -> None:
        if moment.phase == "opening" and moment.subject == str(KEYS["gamma"]):
            raise ZeroDivisionError

    puller._installer()._on_progress = listen
    with pytest.raises(ZeroDivisionError):
        puller.pull_all(REFERENCES)
    assert threading.active_count() <= threads + len(server.requests) + 1

    puller._installer()._on_progress = None
    assert all(isinstance(result, PulledModel) for result in puller.pull_all(REFERENCES))


INTERRUPTED = """
import sys, threading
from pathlib import Path
sys.path.insert(0, {tests!r})
from test_pulling import REFERENCES, resolve
from modelhub.cache import Cache
from modelhub.catalogue import Catalogue
from modelhub.config import load_config
from modelhub.installing import Installer
from modelhub.pulling import Puller

config = load_config({{"hub": {hub!r}, "home": {home!r}, "jobs": 3}}, environ={{}})
cache = Cache(Path({cache!r}))
catalogue = Catalogue(config, print)
installer = Installer(config, cache, catalogue)
try:
    Puller(config, cache, installer=lambda: installer, resolve=resolve({hub!r}), on_note=print).pull_all(REFERENCES)
except KeyboardInterrupt:
    catalogue.close()
    print("interrupted")
"""


def test_who_interrupts_a_pull_of_several_need_not_wait(
    hub: HubFolder, server: Server, cache: Cache, tmp_path: Path, unmeasured: None
) -> None:
    for key in KEYS.values():
        hub.add(str(key), pack(make_model(500_000)))
    tests, home = str(Path(__file__).parent), str(tmp_path / "home")
    script = INTERRUPTED.format(tests=tests, hub=server.uri("paced", 100), home=home, cache=str(cache.root))
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as process:
        try:
            wait_for(lambda: server.sent_bytes() >= 50_000)
            interrupted_s = time.monotonic()
            process.send_signal(signal.SIGINT)
            out, _ = process.communicate(timeout=10)
        finally:
            process.kill()

    assert out == "interrupted\n"
    assert time.monotonic() - interrupted_s < 2
    assert list((cache.root / ".modelhub" / "staging").iterdir()) == []
    assert cache.entries() == []
