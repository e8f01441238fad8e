from __future__ import annotations

from pathlib import Path

import pytest

from modelhub.config import Config
from modelhub.disk_checks import check_disk, concern_about
from modelhub.disk_probes import FolderState
from modelhub.errors import StorageError
from modelhub.findings import Finding


def checked(cache: Path, home: Path, *readonly: Path, is_measured: bool = False) -> dict[str, Finding]:
    config = Config(cache=cache, home=home, cache_readonly=readonly, origins={})
    return {finding.name: finding for finding in check_disk(config, is_measured=is_measured)}


def test_folders_that_can_be_written(tmp_path: Path) -> None:
    findings = checked(tmp_path, tmp_path / "home")

    assert [finding.state for finding in findings.values()] == ["ok", "ok"]
    assert findings["home"].text.startswith(f"{tmp_path / 'home'} (not there yet), ")
    assert findings["cache"].figures["free_bytes"] > 0
    assert findings["cache"].figures["write_bytes_per_s"] is None


def test_the_rate_of_one_disk_is_measured_once(tmp_path: Path) -> None:
    findings = checked(tmp_path / "cache", tmp_path / "home", is_measured=True)

    assert findings["cache"].figures["write_bytes_per_s"] > 0
    assert "written at" in findings["cache"].text
    assert findings["home"].figures["write_bytes_per_s"] is None


def test_a_cache_that_cannot_be_written_is_a_problem(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    finding = checked(tmp_path / "file", tmp_path)["cache"]

    assert (finding.state, finding.error, finding.figures["writable"]) == ("problem", StorageError, False)
    assert "MODELHUB_CACHE" in finding.hint


def test_a_home_that_cannot_be_written_is_a_warning(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    finding = checked(tmp_path, tmp_path / "file")["home"]

    assert finding.state == "warning"
    assert "the registry is built for every run" in finding.text
    assert "MODELHUB_HOME" in finding.hint


def test_caches_that_are_only_looked_up(tmp_path: Path) -> None:
    there = checked(tmp_path, tmp_path, tmp_path)["cache_readonly"]
    missing = checked(tmp_path, tmp_path, tmp_path / "none")["cache_readonly"]

    assert (there.state, missing.state) == ("ok", "warning")


@pytest.mark.parametrize("name", ["a b", "100%", "a:b", "a,b", "[b]", "a*", "a?"])
def test_a_path_from_which_spark_nlp_cannot_load_is_a_warning(tmp_path: Path, name: str) -> None:
    finding = checked(tmp_path / name, tmp_path / name)

    assert (finding["cache"].state, finding["home"].state) == ("warning", "ok")
    assert "Spark NLP cannot load from a path with" in finding["cache"].text


@pytest.mark.parametrize("name", ["a#b", "a+b&c=d@e", "~x'(y);z", "café"])
def test_a_path_from_which_it_can_is_none(tmp_path: Path, name: str) -> None:
    assert checked(tmp_path / name, tmp_path)["cache"].state == "ok"


@pytest.mark.parametrize(
    ("free_bytes", "has_exclusion", "concern", "hint"),
    [
        (2_000_000_000, True, "", ""),
        (1_999_999_999, True, "little", "modelhub rm"),
        (2_000_000_000, False, "no locks", "MODELHUB_CACHE"),
        (0, False, "no locks", "MODELHUB_CACHE"),
    ],
)
def test_what_may_become_trouble(free_bytes: int, has_exclusion: bool, concern: str, hint: str) -> None:
    place = Path("/models")
    state = FolderState(place=place, is_there=True, device=1, free_bytes=free_bytes, has_exclusion=has_exclusion)

    told = concern_about("cache", place, state)

    assert (concern in told[0], hint in told[1]) == (True, True)
    assert bool(told[0]) == bool(concern)
