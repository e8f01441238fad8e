"""The whole of ``doctor``: what it says of hubs, disk, cache, versions, registry and settings, and how it ends."""

from __future__ import annotations

import os
import pty
import re
import sqlite3
import ssl
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hub_server import HubFolder, Server
from proxy_server import PASSWORD, Proxy
from test_java_probe import make_java, says

from modelhub import Hub
from modelhub.findings import Finding

KEY = "tiny_pos_en_4.0.0_3.0_1657118162458"
ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")

Run = Callable[..., Any]


@pytest.fixture(autouse=True)
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine with a Java and nothing else; its home has no registry yet."""
    make_java(tmp_path / "jdk", says("17.0.15"))
    monkeypatch.setenv("JAVA_HOME", str(tmp_path / "jdk"))
    monkeypatch.setenv("MODELHUB_HOME", str(tmp_path / "home"))


@pytest.fixture
def hub(hub_folder: HubFolder, monkeypatch: pytest.MonkeyPatch) -> HubFolder:
    """A hub in a folder, configured."""
    hub_folder.add(KEY)
    monkeypatch.setenv("MODELHUB_HUB", hub_folder.uri)
    return hub_folder


def examined(**settings: Any) -> dict[tuple[str, str], Finding]:
    """The findings by section and name, without rates."""
    with Hub(**settings) as hub:
        return {(finding.section, finding.name): finding for finding in hub.doctor(is_measured=False)}


def states(findings: dict[tuple[str, str], Finding], section: str) -> dict[str, str]:
    return {name: finding.state for (where, name), finding in findings.items() if where == section}


# How it ends


def test_where_all_is_well_the_status_is_zero(invoke: Run, hub: HubFolder) -> None:
    finished = invoke("doctor", "--no-speed")

    assert finished.status == 0, finished.err
    assert "hub\tok\tlist\tpublic/models/metadata.json: " in finished.out
    assert not any(state in finished.out for state in ("\tproblem\t", "\twarning\t"))


@pytest.mark.parametrize(
    ("words", "status"),
    [
        (["--hub", "http://nothing.invalid"], 7),
        (["--hub", "http://127.0.0.1:9"], 7),
        (["--hub", "/nowhere"], 4),
        (["--cache", "/dev/null"], 10),
        (["--sparknlp", "5.5.3", "--spark", "4.0.1"], 5),
        (["--cache", "/dev/null", "--hub", "/nowhere"], 1),
    ],
)
def test_the_status_is_that_of_the_kind_of_problem(invoke: Run, hub: HubFolder, words: list[str], status: int) -> None:
    finished = invoke("doctor", "--no-speed", *words)

    assert finished.status == status
    assert finished.err.count("error: ") == finished.out.count("\tproblem\t") == (2 if status == 1 else 1)
    assert "hint: " in finished.err


def test_a_broken_entry_of_the_cache_ends_as_verify_does(
    invoke: Run, hub: HubFolder, home: Path, tmp_path: Path
) -> None:
    assert invoke("pull", KEY).status == 0
    (tmp_path / "cache_pretrained" / KEY / "weights").unlink()
    finished = invoke("doctor", "--no-speed")

    assert finished.status == invoke("verify").status == 6
    assert f"1 altered, such as {KEY}" in finished.out


def test_the_answer_alone_is_what_does_not_work(invoke: Run, hub: HubFolder) -> None:
    assert invoke("doctor", "-q", "--no-speed").out == ""
    assert invoke("doctor", "-q", "--no-speed", "--cache", "/dev/null").out.startswith("disk cache: /dev/null")


def test_a_configuration_file_that_is_broken_is_a_usage_error(invoke: Run, tmp_path: Path) -> None:
    (tmp_path / ".config" / "modelhub").mkdir(parents=True)
    (tmp_path / ".config" / "modelhub" / "config.toml").write_text("hub = [")

    assert invoke("doctor").status == 2


def test_figures_are_numbers(invoke: Run, server: Server, hub_folder: HubFolder) -> None:
    hub_folder.add(KEY, os.urandom(1 << 20))
    finished = invoke("doctor", "--hub", server.uri(), "--json")
    figures = {(item["section"], item["name"]): item["figures"] for item in finished.json["data"]["findings"]}

    assert finished.status == 0, finished.err
    assert figures["hub", "rate"]["rate_bytes_per_s"] > 0
    assert figures["hub", "rate"]["one_connection_bytes_per_s"] > 0
    assert figures["hub", "dns"]["ms"] >= 0
    assert figures["disk", "cache"]["free_bytes"] > 0
    assert figures["disk", "cache"]["write_bytes_per_s"] > 0
    assert figures["cache", "entries"] == {"entries": 0, "size_bytes": 0, "states": {}}


# Hubs


def test_offline_no_hub_is_asked_and_a_folder_is_read(hub: HubFolder, server: Server) -> None:
    findings = examined(hub=[server.uri(), hub.uri], offline=True)

    assert states(findings, "hub")["list"] == "ok"
    assert server.requests == []


def test_offline_without_a_folder_all_of_it_is_skipped(server: Server) -> None:
    findings = examined(hub=server.uri(), offline=True)

    assert states(findings, "hub") == {"address": "skipped"}
    assert "offline, by flag" in findings["hub", "address"].text


def test_a_hub_that_fails_is_a_warning_where_another_works(
    invoke: Run, hub: HubFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MODELHUB_HUB", f"http://nothing.invalid {hub.uri}")
    finished = invoke("doctor", "--no-speed")

    assert finished.status == 0
    assert re.search(r"hub\twarning\tdns\tnothing.invalid has no address: .*; another hub works\t", finished.out)


def test_the_repository_that_is_configured_first_is_looked_for(hub: HubFolder) -> None:
    hub.add(KEY, repository="our/models")
    findings = examined(repositories=["our/models", "public/models"])

    assert findings["hub", "list"].text.startswith("our/models/metadata.json: ")


def test_without_any_repository_the_public_one_is_looked_for(hub: HubFolder) -> None:
    assert examined(repositories=[])["hub", "list"].state == "ok"


def test_the_authorities_and_the_proxy_are_those_of_a_pull(
    hub_folder: HubFolder,
    tls_server: Server,
    proxy: Proxy,
    authority: tuple[Path, ssl.SSLContext],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    hub_folder.add(KEY)
    monkeypatch.setenv("HTTPS_PROXY", proxy.uri())
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(authority[0]))
    findings = examined(hub=f"https://hub.example:{tls_server.server_port}")

    assert set(states(findings, "hub").values()) == {"ok"}
    assert proxy.asked


# Disk and cache


def test_nothing_is_left_of_what_was_tried(invoke: Run, hub: HubFolder, tmp_path: Path) -> None:
    before = set(tmp_path.rglob("*"))
    invoke("doctor")

    assert set(tmp_path.rglob("*")) == before


def test_without_a_home_all_else_is_examined(hub: HubFolder, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    findings = examined(home=tmp_path / "file")

    assert findings["disk", "home"].state == "warning"
    assert states(findings, "hub")["list"] == "ok"
    assert states(findings, "registry") == {"artifacts": "ok"}


def test_what_is_in_the_cache_is_counted(invoke: Run, hub: HubFolder, home: Path, tmp_path: Path) -> None:
    invoke("pull", KEY)
    left = tmp_path / "cache_pretrained" / ".modelhub" / "partials" / "x.part"
    left.parent.mkdir(exist_ok=True)
    left.write_bytes(b"x" * 1500)
    findings = examined()

    assert re.fullmatch(r"1 model, [0-9.]+ kB", findings["cache", "entries"].text)
    assert findings["cache", "entries"].figures["states"] == {"good": 1}
    assert findings["cache", "leftovers"].figures == {"size_bytes": 1500}
    assert "1.5 kB" in findings["cache", "leftovers"].text


# Registry


def test_a_registry_that_is_not_there_is_not_built(hub: HubFolder, tmp_path: Path) -> None:
    assert examined()["registry", "artifacts"].text == "not built yet; the first search does that"
    assert not (tmp_path / "home").exists()


def test_lists_are_told_with_their_age(invoke: Run, hub: HubFolder, home: Path) -> None:
    before = examined()
    assert invoke("update").status == 0
    after = examined()

    assert before["registry", "artifacts"].figures["total"] > 10_000
    assert before["registry", "list"].figures["age_s"] is None
    assert "modelhub update" in before["registry", "list"].text
    assert after["registry", "list"].figures["age_s"] < 60
    assert after["registry", "list"].text == "the list of public/models was asked for just now"


def test_a_registry_that_is_damaged_is_a_problem(hub: HubFolder, home: Path) -> None:
    with closing(sqlite3.connect(home / "registry.sqlite")) as connection:
        connection.execute("DROP TABLE artifacts")
    findings = examined()

    assert states(findings, "registry") == {"artifacts": "problem"}
    assert findings["registry", "artifacts"].hint


@pytest.mark.slow
def test_a_registry_that_can_be_neither_read_nor_written_is_a_warning(hub: HubFolder, tmp_path: Path) -> None:
    (tmp_path / "home" / "registry.lock").mkdir(parents=True)
    (tmp_path / "home" / "registry.sqlite").write_bytes(b"no database" * 1000)
    findings = examined()

    assert states(findings, "registry") == {"artifacts": "warning", "list": "ok"}
    assert "for this run only" in findings["registry", "artifacts"].text


# Settings


def test_settings_that_are_not_as_by_default_are_shown_with_their_origin(invoke: Run, hub: HubFolder) -> None:
    lines = invoke("doctor", "--no-speed", "--timeout", 5).out.splitlines()
    settings = [line for line in lines if line.startswith("settings")]

    assert "settings\tok\ttimeout\t5, by flag" in settings
    assert f"settings\tok\thub\t{hub.uri}, by environment (MODELHUB_HUB)" in settings
    assert not any("\twait\t" in line for line in settings)


def test_all_settings_are_shown_where_that_is_asked_for(invoke: Run, hub: HubFolder) -> None:
    out = invoke("doctor", "--no-speed", "--all").out

    assert "settings\tok\twait\t3600, by default\n" in out
    assert "settings\tok\toffline\tno, by default\n" in out
    assert "settings\tok\tcache_readonly\t(none), by default\n" in out


def test_no_secret_is_shown(invoke: Run, hub: HubFolder, proxy: Proxy, monkeypatch: pytest.MonkeyPatch) -> None:
    secrets = {
        "AWS_ACCESS_KEY_ID": "AKIA5ECRET",
        "AWS_SECRET_ACCESS_KEY": "5ecretkey",
        "AWS_SESSION_TOKEN": "5ecrett0ken",
        "HTTPS_PROXY": "http://ada:5ec/ret@proxy.example:3128",
        "http_proxy": proxy.uri(),
        "MODELHUB_ALLOW_HUB": "https://ada:5ecret@other.example/models?signature=5ecret https://[5ecret",
    }
    for name, value in secrets.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_PROFILE", "research")
    monkeypatch.setenv("NO_PROXY", "localhost,.example.org")
    runs = [invoke("doctor", "--no-speed", "-vv", *words) for words in ([], ["--json", "--all"])]

    assert not any(secret in run.out + run.err for run in runs for secret in ("5ec", "AKIA", PASSWORD[:6]))
    assert "settings\tok\tHTTPS_PROXY\thttp://proxy.example:3128, by environment\n" in runs[0].out
    assert "settings\tok\tAWS_ACCESS_KEY_ID\tset, by environment\n" in runs[0].out
    assert "settings\tok\tAWS_PROFILE\tresearch, by environment\n" in runs[0].out
    assert "settings\tok\tNO_PROXY\tlocalhost,.example.org, by environment\n" in runs[0].out
    assert "https://other.example/models (not a URI), by environment" in runs[0].out


# On a terminal


def test_it_fits_one_screen(start: Run, hub: HubFolder, unmeasured: None) -> None:
    ours, theirs = pty.openpty()
    environment = os.environ | {"COLUMNS": "80", "TERM": "xterm-256color"}
    with start("doctor", stdout=theirs, stderr=theirs, env=environment) as process:
        os.close(theirs)
        chunks = list(iter(lambda: _read(ours), b""))
    os.close(ours)
    lines = ANSI.sub("", b"".join(chunks).decode()).splitlines()

    assert process.returncode == 0
    assert lines[0] == "Measuring takes some seconds; --no-speed does without."
    assert lines[1].split() == ["SECTION", "STATE", "CHECK", "FOUND"]
    assert len(lines) <= 40


def _read(file: int) -> bytes:
    try:
        return os.read(file, 4096)
    except OSError:
        return b""
