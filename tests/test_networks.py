"""Pulls through networks as companies have them: proxies, authorities of their own, redirects, several hubs."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hub_server import HubFolder, Server
from model_files import files_of, make_model, pack
from proxy_server import PASSWORD, Proxy
from serving import serving, wait_for

KEY = "walled_pos_en_4.0.0_3.0_1657118162458"
MODEL = make_model(1_000_000)

Run = Callable[..., Any]
Authority = tuple[Path, ssl.SSLContext]


@pytest.fixture(autouse=True)
def entry(hub_folder: HubFolder, home: Path, tmp_path: Path) -> Path:
    """Where the model of the hub appears."""
    hub_folder.add(KEY, pack(MODEL))
    return tmp_path / "cache_pretrained" / KEY


@pytest.fixture
def trusted(authority: Authority, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MODELHUB_CA_BUNDLE", str(authority[0]))


def everything_below(folder: Path) -> Iterator[bytes]:
    """Every file of ours, to look for secrets in it; the registry holds nothing of a pull."""
    for path in folder.rglob("*"):
        if path.is_file() and path.suffix != ".sqlite" and path.name not in (".netrc", "weights"):
            yield path.read_bytes()


# Proxies


@pytest.mark.parametrize("variable", ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"])
def test_an_encrypted_hub_is_reached_through_a_proxy_with_a_password(
    invoke: Run,
    tls_server: Server,
    proxy: Proxy,
    trusted: None,
    entry: Path,
    monkeypatch: pytest.MonkeyPatch,
    variable: str,
) -> None:
    monkeypatch.setenv(variable, proxy.uri())
    finished = invoke("pull", KEY, "--hub", f"https://hub.example:{tls_server.server_port}", "--timeout", 2)

    assert finished.status == 0, finished.err
    assert files_of(entry) == MODEL
    assert set(proxy.asked) == {f"CONNECT hub.example:{tls_server.server_port}"}
    assert proxy.passed_bytes > tls_server.sent_bytes() >= 1_000_000
    assert not any("Proxy-Authorization" in ask.headers for ask in tls_server.requests)


@pytest.mark.parametrize("variable", ["HTTP_PROXY", "http_proxy"])
def test_a_plain_hub_is_reached_through_a_proxy_with_a_password(
    invoke: Run, server: Server, proxy: Proxy, entry: Path, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    monkeypatch.setenv(variable, proxy.uri())
    monkeypatch.setenv("MODELHUB_ALLOW_HTTP", "1")
    finished = invoke("pull", KEY, "--hub", f"http://hub.example:{server.server_port}", "--timeout", 2)

    assert finished.status == 0, finished.err
    assert files_of(entry) == MODEL
    assert all(ask.startswith(f"GET http://hub.example:{server.server_port}/public/models/") for ask in proxy.asked)
    assert not any("Proxy-Authorization" in ask.headers for ask in server.requests)


def test_a_proxy_may_be_encrypted_and_vouched_for_by_the_authority_of_the_settings(
    invoke: Run,
    server: Server,
    authority: Authority,
    entry: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with serving(Proxy(tls=authority[1])) as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.uri())
        monkeypatch.setenv("MODELHUB_ALLOW_HTTP", "1")
        words = ["pull", KEY, "--hub", f"http://hub.example:{server.server_port}", "--timeout", 2]
        unknown = invoke(*words)
        finished = invoke(*words, "--ca-bundle", authority[0])

    assert unknown.status == 7
    assert finished.status == 0, finished.err
    assert files_of(entry) == MODEL
    assert proxy.asked


@pytest.mark.parametrize("variable", ["NO_PROXY", "no_proxy"])
@pytest.mark.parametrize("hosts", ["127.0.0.1", "hub.example, 127.0.0.1", "127.0.0.0/8", "*"])
def test_a_host_that_needs_no_proxy_is_asked_without(
    invoke: Run,
    tls_server: Server,
    proxy: Proxy,
    trusted: None,
    entry: Path,
    monkeypatch: pytest.MonkeyPatch,
    variable: str,
    hosts: str,
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", proxy.uri())
    monkeypatch.setenv(variable, hosts)
    finished = invoke("pull", KEY, "--hub", tls_server.uri())

    assert finished.status == 0, finished.err
    assert entry.is_dir()
    assert (proxy.asked, proxy.refused) == ([], 0)


def test_a_host_that_needs_a_proxy_is_asked_through_it_though_others_need_none(
    invoke: Run, tls_server: Server, proxy: Proxy, trusted: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", proxy.uri())
    monkeypatch.setenv("NO_PROXY", "127.0.0.2,localhost,.example.org")

    assert invoke("pull", KEY, "--hub", tls_server.uri()).status == 0
    assert proxy.asked


@pytest.mark.parametrize("is_encrypted", [True, False])
def test_a_proxy_that_refuses_is_told_without_its_password(
    invoke: Run,
    tls_server: Server,
    server: Server,
    proxy: Proxy,
    trusted: None,
    monkeypatch: pytest.MonkeyPatch,
    is_encrypted: bool,
) -> None:
    for variable in ("HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(variable, proxy.uri("wr0ngw0rd"))
    finished = invoke("pull", KEY, "--hub", (tls_server if is_encrypted else server).uri(), "-vv", "--timeout", 2)

    assert finished.status == 7
    assert "proxy" in finished.err.lower()
    assert "HTTPS_PROXY" in finished.err or "HTTP_PROXY" in finished.err
    assert "wr0ngw0rd" not in finished.err + finished.out
    assert 1 <= proxy.refused <= 4
    assert not server.requests + tls_server.requests


def test_a_proxy_that_is_not_there_is_told(invoke: Run, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", f"http://ada:{PASSWORD.replace('&', '%26')}@127.0.0.1:1")
    finished = invoke("pull", KEY, "--hub", server.uri(), "-vv", "--timeout", 1)

    assert finished.status == 7
    assert "proxy" in finished.err.lower()
    assert PASSWORD[:6] not in finished.err
    assert not server.requests


def test_the_password_of_a_proxy_is_kept_nowhere(
    invoke: Run,
    start: Callable[..., Any],
    tls_server: Server,
    proxy: Proxy,
    trusted: None,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", proxy.uri())
    halted = start("pull", KEY, "--hub", tls_server.uri("paced", 1000), "-vv")
    wait_for(lambda: tls_server.sent_bytes() > 500_000)
    halted.terminate()
    first = "".join(halted.communicate(timeout=20))
    found = any(PASSWORD[:6].encode() in content for content in everything_below(tmp_path))
    second = invoke("pull", KEY, "--hub", tls_server.uri(), "-vv")

    assert (halted.returncode, second.status) == (143, 0)
    assert PASSWORD[:6] not in first + second.out + second.err
    assert not found
    assert not any(PASSWORD[:6].encode() in content for content in everything_below(tmp_path))


# Encryption


@pytest.mark.parametrize(
    "variable", ["REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "CURL_CA_BUNDLE", "MODELHUB_CA_BUNDLE", "--ca-bundle"]
)
def test_a_hub_with_an_authority_of_its_own_is_trusted_where_that_is_asked_for(
    invoke: Run,
    tls_server: Server,
    authority: Authority,
    entry: Path,
    monkeypatch: pytest.MonkeyPatch,
    variable: str,
) -> None:
    words = ["--ca-bundle", authority[0]] if variable.startswith("--") else []
    if not words:
        monkeypatch.setenv(variable, str(authority[0]))
    finished = invoke("pull", KEY, "--hub", tls_server.uri(), *words)

    assert finished.status == 0, finished.err
    assert files_of(entry) == MODEL


def test_a_certificate_that_nobody_vouches_for_is_refused_at_once(invoke: Run, tls_server: Server, entry: Path) -> None:
    finished = invoke("pull", KEY, "--hub", tls_server.uri(), "--json")
    (error,) = finished.json["errors"]

    assert finished.status == 7
    assert "certificate" in error["message"]
    assert "--ca-bundle" in error["hint"] or "REQUESTS_CA_BUNDLE" in error["hint"]
    assert (tls_server.requests, entry.exists()) == ([], False)


def test_a_certificate_of_another_host_is_refused(invoke: Run, tls_server: Server, trusted: None, entry: Path) -> None:
    finished = invoke("pull", KEY, "--hub", f"https://localhost:{tls_server.server_port}")

    assert finished.status == 7
    assert "certificate" in finished.err
    assert (tls_server.requests, entry.exists()) == ([], False)


def test_a_file_of_authorities_that_is_not_there_is_told(invoke: Run, tls_server: Server, tmp_path: Path) -> None:
    missing = tmp_path / "none.pem"
    finished = invoke("pull", KEY, "--hub", tls_server.uri(), "--ca-bundle", missing)

    assert finished.status in (2, 7, 10)
    assert str(missing) in finished.err


def test_an_encrypted_hub_does_not_lead_out_of_encryption(
    invoke: Run, tls_server: Server, trusted: None, entry: Path
) -> None:
    finished = invoke("pull", KEY, "--hub", tls_server.uri("redirect", "http://hub.example"))

    assert finished.status == 8
    assert "not encrypted" in finished.err
    assert not entry.exists()


# Addresses, and other hosts


def test_a_hub_is_reached_over_ipv6(invoke: Run, hub_folder: HubFolder, entry: Path) -> None:
    with serving(Server(hub_folder.folder, host="::1")) as server:
        finished = invoke("pull", KEY, "--hub", server.uri())

    assert finished.status == 0, finished.err
    assert files_of(entry) == MODEL


def test_a_redirect_to_another_host_takes_no_secret_along(
    invoke: Run, server: Server, second_server: Server, entry: Path, tmp_path: Path
) -> None:
    netrc = tmp_path / ".netrc"
    netrc.write_text("machine 127.0.0.1 login ada password 5ec4e7\n", encoding="utf-8")
    netrc.chmod(0o600)
    elsewhere = f"http://localhost:{second_server.server_port}"
    finished = invoke("pull", KEY, "--hub", server.uri("redirect", elsewhere))

    assert finished.status == 0, finished.err
    assert files_of(entry) == MODEL
    assert second_server.requests
    for ask in second_server.requests:
        assert not {"Authorization", "Cookie"} & ask.headers.keys()
        assert "5ec4e7" not in str(ask.headers)


@pytest.mark.parametrize("turns", [1, 4])
def test_redirects_are_followed_as_far_as_makes_sense(
    invoke: Run, server: Server, second_server: Server, entry: Path, turns: int
) -> None:
    target = server.uri()
    for _ in range(turns):
        target = second_server.uri("redirect", target)
    finished = invoke("pull", KEY, "--hub", target)

    assert finished.status == 0, finished.err
    assert files_of(entry) == MODEL


def test_a_redirect_in_a_circle_ends(invoke: Run, server: Server) -> None:
    finished = invoke("pull", KEY, "--hub", server.uri("circle"))

    assert finished.status == 7
    assert "redirect" in finished.err
    assert len(server.requests) < 60


# Several hubs in a row


@pytest.mark.parametrize(
    "fault",
    [
        "400",
        "403",
        "404",
        "dead",
        *(
            pytest.param(fault, marks=pytest.mark.slow)
            for fault in ("503", "silent", "drop-at/0", "stall-at/1000", "reset-at/100", "gone-after/300000")
        ),
    ],
)
def test_where_a_hub_fails_the_next_one_brings_the_model(
    invoke: Run, server: Server, second_server: Server, entry: Path, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    first = "http://127.0.0.1:1" if fault == "dead" else server.uri(fault)
    monkeypatch.setenv("MODELHUB_HUB", f"{first} {second_server.uri()}")
    finished = invoke("pull", KEY, "--timeout", 0.5, "--json")

    assert finished.status == 0, finished.err
    assert files_of(entry) == MODEL
    assert second_server.requests


@pytest.mark.slow
@pytest.mark.parametrize("size_bytes", [1_000_000, 1_100_000])
def test_what_two_hubs_call_by_the_same_name_is_never_mixed(
    invoke: Run, server: Server, entry: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size_bytes: int
) -> None:
    other, elsewhere = make_model(size_bytes, seed=2), HubFolder(tmp_path / "elsewhere")
    elsewhere.add(KEY, pack(other))
    with serving(Server(elsewhere.folder)) as second:
        monkeypatch.setenv("MODELHUB_HUB", f"{server.uri('paced', 8000, 'gone-after', 600_000)} {second.uri()}")
        finished = invoke("pull", KEY, "--timeout", 0.5)

    assert finished.status == 0, finished.err
    assert files_of(entry) == other


def test_where_all_hubs_fail_the_first_failure_is_told(
    invoke: Run, server: Server, second_server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MODELHUB_HUB", f"{server.uri('404')} {second_server.uri('403')}")
    finished = invoke("pull", KEY)

    assert finished.status == 4
    assert server.uri("404") in finished.err
