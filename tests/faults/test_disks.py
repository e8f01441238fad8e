"""Disks that are full, read-only, or know fewer names than others: real file systems, made for the test."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hub_server import SAVED_MODEL, HubFolder, Server
from model_files import files_of, make_model, pack

KEY = "cramped_pos_en_4.0.0_3.0_1657118162458"
MODEL = SAVED_MODEL | {f"fields/part-{part:05}": content for part, content in enumerate([b"x" * 20_000] * 12)}
MODEL |= {"weights": make_model(400_000)["weights"]}
PROJECT = Path(__file__).parents[2]

Run = Callable[..., Any]


@pytest.fixture(autouse=True)
def hub(hub_folder: HubFolder, home: Path, unmeasured: None) -> HubFolder:
    hub_folder.add(KEY, pack(MODEL))
    return hub_folder


@pytest.fixture
def pull_into(server: Server, tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """``pull_into(options, then)``: pull into a tmpfs; what then lies there is in ``kept``, and then comes ``then``."""
    if subprocess.run(["unshare", "-rm", "true"], capture_output=True, check=False).returncode:
        pytest.skip("no file system can be made here without being root")

    def pull(options: str, then: str = "true", before: str = "true") -> subprocess.CompletedProcess[str]:
        cache, kept = tmp_path / "small", tmp_path / "kept"
        for folder in (cache, kept):
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
        script = (
            f'mount -t tmpfs -o "$1" none "$2" && {before} || exit 99; export MODELHUB_CACHE="$2"; '
            f'"$3" -m modelhub pull -q "$4" --hub "$5"; status=$?; cp -r "$2/." "$6"; {then}; exit $status'
        )
        words = map(str, (options, cache, sys.executable, KEY, server.uri(), kept))
        return subprocess.run(
            ["unshare", "-rm", "sh", "-c", script, "sh", *words],
            capture_output=True,
            text=True,
            cwd=PROJECT,
            check=False,
        )

    return pull


def kept_files(tmp_path: Path) -> set[str]:
    """What lies in the cache, but for the notes of who is at work."""
    files = {path.relative_to(tmp_path / "kept") for path in (tmp_path / "kept").rglob("*") if path.is_file()}
    return {path.as_posix() for path in files if "waits" not in path.parts}


@pytest.mark.parametrize(
    "options",
    [*(f"size={kib}k" for kib in (4, 16, 64, 256, 400)), *(f"nr_inodes={count}" for count in (2, 6, 9, 14))],
)
def test_a_disk_without_room_is_told_and_keeps_nothing_but_what_a_resume_needs(
    pull_into: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path, options: str
) -> None:
    finished = pull_into(f"size=100m,{options}" if "inodes" in options else options)

    assert finished.returncode == 10, finished.stderr
    assert "No space left on device" in finished.stderr or "free" in finished.stderr
    assert "modelhub prune --partial" in finished.stderr
    assert kept_files(tmp_path) <= {f".modelhub/partials/{KEY}.{ending}" for ending in ("part", "journal")}


def test_what_a_full_disk_left_is_removed_as_the_message_says(
    pull_into: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path
) -> None:
    prune = '"$3" -m modelhub prune --partial --yes >&2 && find "$2" -type f -name "*.part" >&2'
    finished = pull_into("size=100m,nr_inodes=14", then=prune)

    assert finished.returncode == 10
    assert kept_files(tmp_path)
    assert f"{KEY}.part" not in finished.stderr


def test_a_read_only_file_system_is_told(
    pull_into: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path
) -> None:
    finished = pull_into("size=1m", before='mount -o remount,ro "$2"')

    assert finished.returncode == 10
    assert "Read-only file system" in finished.stderr
    assert "MODELHUB_CACHE" in finished.stderr
    assert kept_files(tmp_path) == set()


def test_a_path_that_is_too_long_is_told(invoke: Run, server: Server, tmp_path: Path) -> None:
    cache = tmp_path.joinpath(*["deep" * 50] * 20)
    finished = invoke("pull", KEY, "--hub", server.uri(), "--cache", cache)

    assert finished.status == 10
    assert "File name too long" in finished.err
    assert "MODELHUB_CACHE" in finished.err


def test_a_name_that_is_too_long_is_told(invoke: Run, server: Server, hub: HubFolder, tmp_path: Path) -> None:
    hub.add(KEY, pack(MODEL | {f"fields/{'x' * 250}-part-00000": b"x"}))
    finished = invoke("pull", KEY, "--hub", server.uri())

    assert finished.status == 10
    assert "255" in finished.err
    assert not (tmp_path / "cache_pretrained" / KEY).exists()
    assert list((tmp_path / "cache_pretrained" / ".modelhub" / "staging").iterdir()) == []


@contextmanager
def mounted_exfat(folder: Path) -> Iterator[Path]:
    """A disk as on a stick: it does not tell upper from lower case."""
    disk, place = folder / "disk", folder / "stick"
    place.mkdir()
    with disk.open("wb") as file:
        file.truncate(32 << 20)
    subprocess.run(["mkfs.exfat", disk], check=True, capture_output=True)
    device = subprocess.run(
        ["losetup", "-f", "--show", disk], check=True, capture_output=True, text=True
    ).stdout.strip()
    try:
        # Its server must not hold our pipes.
        subprocess.run(
            ["mount.exfat-fuse", device, place], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        for _ in range(100):
            if place.is_mount():
                break
            time.sleep(0.02)
        try:
            yield place
        finally:
            subprocess.run(["umount", place], check=True)
    finally:
        subprocess.run(["losetup", "-d", device], check=True)


def _why_no_exfat() -> str:
    missing = [tool for tool in ("mkfs.exfat", "mount.exfat-fuse", "losetup") if not shutil.which(tool)]
    if missing:
        return f"{missing[0]} is not installed"
    if os.geteuid() != 0 or not os.access("/dev/fuse", os.W_OK):
        return "only root can mount a file system, and only where there is FUSE"
    return ""


@pytest.mark.skipif(bool(_why_no_exfat()), reason=_why_no_exfat())
@pytest.mark.parametrize("others", [{"Weights": b"other"}, {"FIELDS/part-00000": b"other"}], ids=["files", "folders"])
def test_names_that_a_file_system_does_not_tell_apart_are_told(
    invoke: Run, server: Server, hub: HubFolder, tmp_path: Path, others: dict[str, bytes]
) -> None:
    with mounted_exfat(tmp_path) as stick:
        fitting = invoke("pull", KEY, "--hub", server.uri(), "--cache", stick / "cache")
        files = files_of(stick / "cache" / KEY)
        other_key = KEY.replace("_en_", "_de_")
        hub.add(other_key, pack(MODEL | others))
        finished = invoke("pull", other_key, "--hub", server.uri(), "--cache", stick / "cache")
        left = [path.name for path in (stick / "cache").iterdir()]
        staged = list((stick / "cache" / ".modelhub" / "staging").iterdir())

    assert fitting.status == 0, fitting.err
    assert files == MODEL
    assert finished.status == 10
    assert "upper" in finished.err
    assert "MODELHUB_CACHE" in finished.err
    assert sorted(left) == [".modelhub", KEY]
    assert staged == []
