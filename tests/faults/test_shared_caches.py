"""One cache and several users; no test of permissions means anything to root, so others run the commands."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from faults.users import GROUP, OTHER_GROUP, User, open_folder, why_not
from hub_server import HubFolder, Server, again_bytes
from model_files import files_of, make_model, pack
from serving import wait_for

pytestmark = pytest.mark.skipif(bool(why_not()), reason=why_not())

KEY, OTHER_KEY = (f"shared_pos_{language}_4.0.0_3.0_1657118162458" for language in ("en", "de"))
MODEL = make_model(600_000)
ZIP = pack(MODEL)


@pytest.fixture
def ground(home: Path, hub_folder: HubFolder) -> Iterator[Path]:
    """A folder for caches; the hub has two models."""
    for key in (KEY, OTHER_KEY):
        hub_folder.add(key, ZIP)
    with open_folder() as folder:
        shutil.copytree(home, folder / "home")  # nobody but root may write there, which is no reason not to pull
        subprocess.run(["chmod", "-R", "a+rX", folder / "home"], check=True)
        yield folder


@pytest.fixture
def alice(ground: Path) -> User:
    return make_user(ground, 20_001)


@pytest.fixture
def bob(ground: Path) -> User:
    return make_user(ground, 20_002)


def make_user(ground: Path, uid: int) -> User:
    home = ground / f"home-{uid}"
    home.mkdir()
    os.chown(home, uid, GROUP)
    return User(uid=uid, home=home)


@pytest.fixture
def cache(ground: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of the group, or with the mode that the test asks for; every command finds it."""
    folder = ground / "cache"
    folder.mkdir()
    os.chown(folder, 0, GROUP)
    folder.chmod(getattr(request, "param", 0o2775))
    monkeypatch.setenv("MODELHUB_CACHE", str(folder))
    monkeypatch.setenv("MODELHUB_HOME", str(ground / "home"))
    return folder


def pull(user: User, key: str, server: Server, *faults: str | int) -> None:
    finished = user.run("pull", "-q", key, "--hub", server.uri(*faults))
    assert finished.returncode == 0, finished.stderr


def interrupt(user: User, key: str, server: Server) -> None:
    finished = user.run("pull", key, "--hub", server.uri("gone-after", 300_000), "--timeout", "0.3")
    assert finished.returncode == 7, finished.stderr


def entries_below(folder: Path) -> dict[str, tuple[int, int]]:
    """Size and time of all that lies below a folder."""
    paths = {path.relative_to(folder).as_posix(): path.lstat() for path in folder.rglob("*")}
    return {path: (status.st_size, status.st_mtime_ns) for path, status in paths.items()}


@pytest.mark.parametrize("cache", [0o2775, 0o1777], ids=["group", "sticky"], indirect=True)
@pytest.mark.parametrize("umask", ["002", "022", "077"])
def test_users_of_one_cache_install_side_by_side(
    cache: Path, alice: User, bob: User, server: Server, umask: str
) -> None:
    pull(replace(alice, umask=umask), KEY, server)
    pull(replace(bob, umask=umask), OTHER_KEY, server)
    wanted = 0o666 & ~int(umask, 8)
    modes = {stat.S_IMODE(path.stat().st_mode) for path in (cache / KEY).rglob("*") if path.is_file()}

    assert modes == {wanted}
    assert files_of(cache / KEY) == files_of(cache / OTHER_KEY) == MODEL
    assert (cache / KEY).stat().st_uid == alice.uid


@pytest.mark.parametrize("cache", [0o2775, 0o1777], ids=["group", "sticky"], indirect=True)
def test_what_one_user_installed_another_one_finds_and_verifies(
    cache: Path, alice: User, bob: User, server: Server
) -> None:
    pull(alice, KEY, server)
    asked = len(server.requests)
    pull(bob, KEY, server)
    verified = bob.run("verify", "--deep", KEY, "--hub", server.uri())

    assert len([ask for ask in server.requests[asked:] if ask.sent_bytes > 200_000]) == 0
    assert verified.returncode == 0, verified.stdout + verified.stderr


def test_where_the_umask_allows_it_one_user_removes_what_another_one_installed(
    cache: Path, alice: User, bob: User, server: Server
) -> None:
    pull(replace(alice, umask="002"), KEY, server)
    pull(replace(alice, umask="002"), OTHER_KEY, server)
    removed = bob.run("rm", "--yes", KEY)
    pruned = bob.run("prune", "--keep-bytes", "1KB", "--yes")

    assert (removed.returncode, pruned.returncode) == (0, 0), removed.stderr + pruned.stderr
    assert [path.name for path in cache.iterdir()] == [".modelhub"]
    assert {path.stat().st_gid for path in cache.rglob("*")} == {GROUP}


@pytest.mark.parametrize("cache", [0o2775, 0o1777], ids=["group", "sticky"], indirect=True)
def test_what_may_not_be_removed_stays_whole(cache: Path, alice: User, bob: User, server: Server) -> None:
    pull(alice, KEY, server)
    removed = bob.run("rm", "--yes", KEY)
    pruned = bob.run("prune", "--keep-bytes", "1KB", "--yes")

    for finished in (removed, pruned):
        assert finished.returncode == 10
        assert "ermi" in finished.stderr  # permission denied, operation not permitted
        assert "Traceback" not in finished.stderr
    assert files_of(cache / KEY) == MODEL
    assert alice.run("verify", "--deep", KEY, "--hub", server.uri()).returncode == 0


@pytest.mark.parametrize("cache", [0o2775, 0o1777], ids=["group", "sticky"], indirect=True)
def test_what_another_user_left_halfway_is_in_nobodys_way(cache: Path, alice: User, bob: User, server: Server) -> None:
    interrupt(alice, KEY, server)
    left = entries_below(cache / ".modelhub" / "partials")
    pull(bob, KEY, server)
    earlier = server.bodies()
    pull(alice, KEY, server)

    assert any(name.endswith(".part") for name in left)
    assert files_of(cache / KEY) == MODEL
    assert again_bytes(earlier, server.bodies()[len(earlier) :]) == 0
    assert list((cache / ".modelhub" / "staging").iterdir()) == []
    assert list((cache / ".modelhub" / "partials").iterdir()) == []


@pytest.mark.parametrize("cache", [0o2775, 0o1777], ids=["group", "sticky"], indirect=True)
def test_one_user_waits_for_another(cache: Path, alice: User, bob: User, server: Server) -> None:
    holder = alice.start("pull", "-q", KEY, "--hub", server.uri("stall-at", 1000), "--timeout", "60")
    wait_for(lambda: server.sent_bytes() > 0)
    finished = bob.run("pull", KEY, "--hub", server.uri(), MODELHUB_WAIT="0.2")
    holder.kill()
    holder.communicate()
    pull(bob, KEY, server)

    assert finished.returncode == 10
    assert f"process {holder.pid} on {os.uname().nodename}" in finished.stderr
    assert files_of(cache / KEY) == MODEL


@pytest.mark.parametrize("cache", [0o755], indirect=True)
def test_a_cache_that_may_not_be_written_is_told_with_what_to_do(cache: Path, alice: User, server: Server) -> None:
    finished = alice.run("pull", KEY, "--hub", server.uri())

    assert finished.returncode == 10
    assert "Permission denied" in finished.stderr
    assert "MODELHUB_CACHE" in finished.stderr
    assert entries_below(cache) == {}


def test_a_read_only_cache_is_looked_up_and_never_written(
    cache: Path, ground: Path, alice: User, bob: User, server: Server
) -> None:
    pull(alice, KEY, server)
    for path in (cache, *cache.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)
    own = ground / "own"
    own.mkdir()
    os.chown(own, bob.uid, GROUP)
    before = entries_below(cache)
    two = {"MODELHUB_CACHE": str(own), "MODELHUB_CACHE_READONLY": str(cache)}
    found = bob.run("pull", "-q", KEY, "--hub", server.uri(), **two)
    brought = bob.run("pull", "-q", OTHER_KEY, "--hub", server.uri(), **two)
    shown = bob.run("list", **two)
    refused = bob.run("rm", "--yes", KEY, **two)

    assert (found.returncode, found.stdout) == (0, f"{cache / KEY}\n"), found.stderr
    assert (brought.returncode, brought.stdout) == (0, f"{own / OTHER_KEY}\n"), brought.stderr
    assert "shared_pos:en" in shown.stdout
    assert refused.returncode == 2
    assert entries_below(cache) == before
    assert not (own / KEY).exists()


def test_a_home_that_cannot_be_made_is_no_reason_not_to_pull(
    cache: Path, ground: Path, alice: User, server: Server
) -> None:
    homeless = replace(alice, gid=OTHER_GROUP)
    cache.chmod(0o777)
    finished = homeless.run("pull", "-q", KEY, "--hub", server.uri(), MODELHUB_HOME=str(ground / "none" / "alice"))

    assert finished.returncode == 0, finished.stderr
    assert files_of(cache / KEY) == MODEL
