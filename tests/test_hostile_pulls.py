"""Hostile and broken archives through the command line, each on every way in: one sentence, and nothing installed."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hostile_archives import ABSOLUTE, ATTACKS, GOOD, TEXT, Attack, Raw, archive
from hub_server import HubFolder, Server
from model_files import files_of
from serving import serving

KEY = "hostile_pos_en_4.0.0_3.0_1657118162458"
MODEL = {str(member.name): member.content for member in GOOD}
WAYS = ["ranges", "stream", "import"]
FAST = {name: attack for name, attack in ATTACKS.items() if not attack.is_slow}
REFUSED = {name: attack for name, attack in FAST.items() if attack.status}
HARMLESS = [name for name, attack in ATTACKS.items() if not attack.status]

Run = Callable[..., Any]
Bring = Callable[[bytes, str], Any]


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[HubFolder, Server]]:
    """A hub for all tests: with some hundreds of them a server each would cost more than they do."""
    folder = HubFolder(tmp_path_factory.mktemp("hub"))
    folder.folder.joinpath("public", "models").mkdir(parents=True)
    with serving(Server(folder.folder)) as server:
        yield folder, server


@pytest.fixture
def bring(
    hub: tuple[HubFolder, Server],
    first_starts: tuple[Path, list[Any]],
    invoke: Run,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Bring:
    """``bring(content, way)``: publish a zip and pull it, or import it as a file."""
    folder, server = hub
    monkeypatch.setenv("MODELHUB_NO_UPDATE", "1")
    monkeypatch.setenv("MODELHUB_HOME", str(first_starts[0]))  # read only, so that it need not be copied

    def run(content: bytes, way: str) -> Any:
        path = folder.add(KEY, content, is_listed=False)
        if way == "import":
            return invoke("import", path)
        hubs = {"ranges": server.uri(), "stream": server.uri("no-ranges")}
        return invoke("pull", KEY, "--hub", hubs[way])

    monkeypatch.chdir(tmp_path)
    return run


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache_pretrained"


def left_behind(root: Path, cache: Path, *, may_go_on: bool = False) -> list[Path]:
    """All that a failed pull must not leave: entries, staging, files elsewhere, what nobody can go on with."""
    ours = cache / ".modelhub"
    found = [path for path in root.rglob("*") if path not in (cache, ours) and ours not in path.parents]
    names = ["staging"] if may_go_on else ["staging", "partials"]
    return found + [path for name in names for path in (ours / name).rglob("*")]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("attack", REFUSED.values(), ids=REFUSED)
def test_an_attack_ends_with_a_sentence_and_installs_nothing(
    attack: Attack, way: str, bring: Bring, cache: Path, tmp_path: Path
) -> None:
    if way == "import" and "one level too deep" in attack.words:
        pytest.skip("an import leaves that level out")
    finished = bring(attack.make(), way)
    error, hint = finished.err.partition("error: ")[2].splitlines()

    assert finished.status == attack.status, finished.err
    assert finished.out == ""
    assert re.search(attack.words, error)
    assert error.endswith(".")
    assert hint.startswith("hint: ")
    assert error.isprintable()
    assert left_behind(tmp_path, cache, may_go_on=attack.status == 10) == []
    assert not Path(ABSOLUTE).exists()


@pytest.mark.slow
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", [name for name, attack in ATTACKS.items() if attack.is_slow])
def test_a_large_bomb_is_refused_before_it_is_written(
    name: str, way: str, bring: Bring, cache: Path, tmp_path: Path
) -> None:
    finished = bring(ATTACKS[name].make(), way)

    assert finished.status == 6, finished.err
    assert "zip bomb" in finished.err or "where there is no member" in finished.err
    assert left_behind(tmp_path, cache) == []


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", HARMLESS)
def test_what_only_looks_strange_is_installed_whole(name: str, way: str, bring: Bring, cache: Path) -> None:
    finished = bring(ATTACKS[name].make(), way)
    files = files_of(cache / KEY)

    assert finished.status == 0, finished.err
    assert files.items() >= MODEL.items()
    assert all(content == TEXT for path, content in files.items() if path not in MODEL)


@pytest.mark.parametrize("way", WAYS)
def test_an_archive_gives_no_permissions(way: str, bring: Bring, cache: Path) -> None:
    modes = {"run": 0o104777, "locked": 0o100000, "group": 0o102770}
    assert bring(archive(*GOOD, *(Raw(name, attributes=mode << 16) for name, mode in modes.items())), way).status == 0

    umask = os.umask(0)
    os.umask(umask)
    assert {stat.S_IMODE((cache / KEY / name).stat().st_mode) for name in modes} == {0o666 & ~umask}


def test_a_model_one_level_too_deep_is_imported_without_that_level(bring: Bring, cache: Path) -> None:
    finished = bring(ATTACKS["a model one level too deep"].make(), "import")

    assert finished.status == 0, finished.err
    assert files_of(cache / KEY) == MODEL


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    ("name", "bound", "status"),
    [
        ("MODELHUB_MAX_UNPACKED", "1K", 6),
        ("MODELHUB_MAX_UNPACKED", "1M", 0),
        ("MODELHUB_MAX_UNPACKED", "0", 0),
        ("MODELHUB_MAX_RATIO", "100", 0),
    ],
)
def test_what_an_archive_may_unpack_to_is_a_setting(
    name: str, bound: str, status: int, way: str, bring: Bring, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, bound)
    finished = bring(archive(*GOOD), way)

    assert finished.status == status, finished.err
    assert not status or f"raise {name}" in finished.err


@pytest.mark.parametrize("way", WAYS)
def test_a_bomb_is_unpacked_where_somebody_asks_for_it(way: str, bring: Bring, monkeypatch: pytest.MonkeyPatch) -> None:
    content = ATTACKS["300 MB in 300 kB"].make()
    monkeypatch.setenv("MODELHUB_MAX_RATIO", "2000")

    assert bring(content, way).status == 0
