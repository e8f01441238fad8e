from __future__ import annotations

import json
import os
import ssl
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from hub_server import HubFolder, Server
from proxy_server import PASSWORD, Proxy

from modelhub.errors import NetworkError
from modelhub.findings import Finding
from modelhub.hub_checks import HubCheck, Route
from modelhub.network import Network
from modelhub.probes import Lookup
from modelhub.storage import Storage

KEY = "tiny_pos_en_4.0.0_3.0_1657118162458"
NEWER = "tiny_pos_en_4.0.0_3.0_1657118162459"
LIST = "public/models/metadata.json"


class Measured:
    """Stands in for measuring: remembers what was asked; the answer is a megabyte for each connection."""

    def __init__(self, failure: NetworkError | None = None) -> None:
        self.asked: list[tuple[str, int]] = []
        self._failure = failure

    def __call__(self, uri: str, connections: int, seconds: float, max_bytes: int) -> float:
        self.asked.append((uri, connections))
        if self._failure:
            raise self._failure
        return connections * 1e6


DIRECT = Route(ca_bundle=None, proxy_of=lambda uri: ("", ""), connections=16, measure=None)

Authority = tuple[Path, ssl.SSLContext]
Check = Callable[..., list[Finding]]


@pytest.fixture
def check() -> Iterator[Check]:
    """``check(hub, route=…)``: the findings of a hub."""
    opened: list[Storage] = []

    def run(hub: str, route: Route = DIRECT, **options: Any) -> list[Finding]:
        network = Network(
            timeout_s=1, backoff_s=0.01, ca_bundle=route.ca_bundle, proxy_of=route.proxy_of, allow_http=True
        )
        opened.append(Storage(network))
        return list(HubCheck(hub, f"{hub}/{LIST}", opened[-1], route, **options).findings())

    yield run
    for storage in opened:
        storage.close()


@pytest.fixture
def published(hub_folder: HubFolder) -> HubFolder:
    hub_folder.add(KEY)
    return hub_folder


def states(findings: list[Finding]) -> dict[str, str]:
    return {finding.name: finding.state for finding in findings}


# A hub that works


def test_every_step_to_a_hub_is_told(check: Check, published: HubFolder, server: Server) -> None:
    findings = {finding.name: finding for finding in check(server.uri())}
    size_bytes = (published.folder / LIST).stat().st_size

    assert states(list(findings.values())) == dict.fromkeys(["address", "dns", "connection", "list"], "ok")
    assert findings["dns"].text == "127.0.0.1 is an address"
    assert findings["list"].text.startswith(f"{LIST}: {size_bytes} B, changed just now (")
    assert findings["list"].figures["size_bytes"] == size_bytes
    assert findings["list"].figures["age_s"] <= 60
    assert {finding.figures["hub"] for finding in findings.values()} == {server.uri()}


class Undated(BaseHTTPRequestHandler):
    """Answers every request with a list, and says nothing of it."""

    def log_message(self, *args: Any) -> None: ...

    def do_GET(self) -> None:
        content = json.dumps(HubFolder.line(KEY, b"")).encode()
        self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(content), content))


def test_the_age_of_a_list_may_be_unknown(check: Check) -> None:
    with HTTPServer(("127.0.0.1", 0), Undated) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        found = check(f"http://127.0.0.1:{server.server_port}")[-1]
        server.shutdown()

    assert (found.name, found.state, found.figures["age_s"]) == ("list", "ok", None)
    assert "changed" not in found.text


def test_a_name_is_told_with_its_addresses(check: Check, published: HubFolder, server: Server) -> None:
    (dns,) = [item for item in check(f"http://localhost:{server.server_port}") if item.name == "dns"]

    assert dns.text.startswith("localhost is ")
    assert "127.0.0.1" in dns.figures["addresses"]
    assert dns.figures["ms"] >= 0


def test_an_address_that_fails_while_another_works_is_a_warning(
    check: Check, published: HubFolder, server: Server
) -> None:
    two = Lookup(addresses=("::1", "127.0.0.1"), ms=1)
    connection = check(server.uri(), look_up=lambda host, port: two)[2]

    assert (connection.name, connection.state) == ("connection", "warning")
    assert f", but [::1]:{server.server_port} " in connection.text
    assert connection.hint


def test_only_the_first_of_many_addresses_are_shown(check: Check, published: HubFolder, server: Server) -> None:
    many = Lookup(addresses=("127.0.0.1", "127.0.0.2", "127.0.0.3", "127.0.0.4"), ms=1)
    dns = check(f"http://localhost:{server.server_port}", look_up=lambda host, port: many)[1]

    assert dns.text == "localhost is 127.0.0.1, 127.0.0.2 and 2 more (1 ms)"


def test_a_hub_whose_certificate_is_trusted(
    check: Check, published: HubFolder, tls_server: Server, authority: Authority
) -> None:
    findings = check(tls_server.uri(), replace(DIRECT, ca_bundle=authority[0]))

    assert states(findings) == dict.fromkeys(["address", "dns", "connection", "tls", "list"], "ok")
    assert findings[3].figures["issuer"]
    assert f"certificate by {findings[3].figures['issuer']}" in findings[3].text


def test_a_hub_in_a_folder(check: Check, published: HubFolder) -> None:
    findings = check(published.uri, replace(DIRECT, measure=Measured()))

    assert states(findings) == {"address": "ok", "list": "ok"}


# A hub that does not


def test_an_authority_that_nobody_knows_is_named(check: Check, published: HubFolder, tls_server: Server) -> None:
    findings = check(tls_server.uri())

    assert states(findings) == {"address": "ok", "dns": "ok", "connection": "ok", "tls": "problem"}
    assert "(issued by " in findings[-1].text
    assert findings[-1].error is NetworkError
    assert tls_server.requests == []


@pytest.mark.parametrize(
    ("hub", "last"),
    [
        ("http://nothing.invalid", "dns"),
        ("http://127.0.0.1:9", "connection"),
        ("file:///nowhere/at/all", "address"),
        ("ftp://hub.example", "list"),
        ("http://127.0.0.1:99999", "dns"),
    ],
)
def test_the_step_that_fails_is_the_last(check: Check, hub: str, last: str) -> None:
    findings = check(hub)

    assert (findings[-1].name, findings[-1].state) == (last, "problem")
    assert [finding.state for finding in findings[:-1]] == ["ok"] * (len(findings) - 1)
    assert findings[-1].hint


@pytest.mark.parametrize(
    ("faults", "status"), [(("404",), 4), (("403",), 8), (("503",), 7), (("drop-at", 100, "no-ranges"), 7)]
)
def test_a_list_that_does_not_come(
    check: Check, published: HubFolder, server: Server, faults: tuple[str | int, ...], status: int
) -> None:
    last = check(server.uri(*faults))[-1]

    assert (last.name, last.state, last.error.exit_status) == ("list", "problem", status)


def test_a_page_that_is_no_list_is_no_hub(check: Check, published: HubFolder, server: Server) -> None:
    (published.folder / LIST).write_text("<html>Please log in to this network.</html>\n")
    last = check(server.uri())[-1]

    assert (last.name, last.state) == ("list", "problem")


def test_a_folder_without_a_list(check: Check, tmp_path: Path) -> None:
    assert states(check(tmp_path.as_uri())) == {"address": "ok", "list": "problem"}


# Through a proxy


def through(uri: str, no_proxy: str = "") -> Route:
    return replace(DIRECT, proxy_of=lambda asked: (uri, no_proxy))


def test_a_hub_behind_a_proxy_is_looked_up_by_the_proxy(
    check: Check, published: HubFolder, tls_server: Server, proxy: Proxy, authority: Authority
) -> None:
    hub = f"https://hub.example:{tls_server.server_port}"
    findings = check(hub, replace(through(proxy.uri()), ca_bundle=authority[0]))

    assert states(findings) == dict.fromkeys(["address", "dns", "connection", "tls", "list"], "ok")
    assert findings[0].text == f"{hub} through the proxy http://127.0.0.1:{proxy.server_address[1]}"
    assert findings[2].text.startswith("to the proxy 127.0.0.1:")
    assert PASSWORD not in str([finding.to_dict() for finding in findings])


def test_a_plain_hub_behind_a_proxy(check: Check, published: HubFolder, server: Server, proxy: Proxy) -> None:
    findings = check(f"http://hub.example:{server.server_port}", through(proxy.uri()))

    assert states(findings) == dict.fromkeys(["address", "dns", "connection", "list"], "ok")


def test_a_proxy_that_wants_another_password_is_a_problem(check: Check, proxy: Proxy) -> None:
    findings = check("https://hub.example:9", through(proxy.uri("wr0ngw0rd")))

    assert states(findings) == {"address": "ok", "dns": "ok", "connection": "problem"}
    assert "407" in findings[-1].text
    assert "wr0ngw0rd" not in str([finding.to_dict() for finding in findings])


def test_a_certificate_that_is_not_trusted_is_seen_through_the_proxy(
    check: Check, published: HubFolder, tls_server: Server, proxy: Proxy
) -> None:
    findings = check(f"https://hub.example:{tls_server.server_port}", through(proxy.uri()))

    assert (findings[-1].name, findings[-1].state) == ("tls", "problem")
    assert "(issued by " in findings[-1].text


def test_a_host_that_needs_no_proxy_is_connected_to_itself(
    check: Check, published: HubFolder, server: Server, proxy: Proxy
) -> None:
    findings = check(server.uri(), through(proxy.uri(), "127.0.0.0/8"))

    assert {finding.state for finding in findings} == {"ok"}
    assert findings[0].figures["proxy"] == ""
    assert proxy.asked == []


def test_a_proxy_of_another_kind_is_left_to_the_reading_of_the_list(check: Check) -> None:
    findings = check("https://hub.example", through("socks5://user:secret@127.0.0.1:9"))

    assert states(findings) == {"address": "ok", "list": "problem"}
    assert findings[0].figures["proxy"] == "socks5://127.0.0.1:9"
    assert "secret" not in str([finding.to_dict() for finding in findings])


# Rates


def test_a_short_list_is_no_measure_so_an_artifact_is_read(check: Check, published: HubFolder, server: Server) -> None:
    published.add(NEWER, os.urandom(300 << 10))
    measured = Measured()

    rate = check(server.uri(), replace(DIRECT, measure=measured))[-1]

    uri = server.uri(f"public/models/{NEWER}.zip")
    assert measured.asked == [(uri, 1), (uri, 16)]
    assert rate.text == "1.0 MB/s over one connection, 16.0 MB/s over 16"
    assert (rate.figures["one_connection_bytes_per_s"], rate.figures["rate_bytes_per_s"]) == (1_000_000, 16_000_000)


def test_a_hub_whose_zips_are_silent_is_asked_for_one_of_them(
    check: Check, published: HubFolder, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("modelhub.hub_checks._ANSWER_TIMEOUT_S", 0.3)
    silent = [server.uri("silent", f"public/models/{number}.zip") for number in range(3)]
    monkeypatch.setattr(HubCheck, "_some_artifacts", lambda check: silent)

    assert check(server.uri(), replace(DIRECT, measure=Measured()))[-1].name == "rate"
    assert len({request.path for request in server.requests if "silent" in request.path}) == 1


def test_a_long_list_is_measured_itself(check: Check, published: HubFolder, server: Server) -> None:
    with (published.folder / LIST).open("ab") as file:
        file.write(b"\n" * (4 << 20))
    measured = Measured()

    check(server.uri(), replace(DIRECT, measure=measured))

    assert {uri for uri, _ in measured.asked} == {server.uri(LIST)}
    assert server.asked(".zip") == []


def test_a_list_may_end_without_a_line_break(check: Check, published: HubFolder, server: Server) -> None:
    published.add(NEWER, os.urandom(300 << 10))
    (published.folder / LIST).write_text((published.folder / LIST).read_text().rstrip("\n"))
    measured = Measured()

    check(server.uri(), replace(DIRECT, measure=measured))

    assert {uri for uri, _ in measured.asked} == {server.uri(f"public/models/{NEWER}.zip")}


def test_a_list_may_name_what_is_not_there(check: Check, published: HubFolder, server: Server) -> None:
    published.add(NEWER).unlink()

    assert check(server.uri(), replace(DIRECT, measure=Measured()))[-1].name == "rate"


def test_a_hub_with_nothing_large_is_not_measured(check: Check, published: HubFolder, server: Server) -> None:
    measured = Measured()

    rate = check(server.uri(), replace(DIRECT, measure=measured))[-1]

    assert (rate.state, measured.asked) == ("skipped", [])
    assert "the largest object that was found has" in rate.text


def test_a_rate_that_cannot_be_measured_is_a_warning(check: Check, published: HubFolder, server: Server) -> None:
    published.add(NEWER, os.urandom(300 << 10))
    failing = Measured(NetworkError("Not one byte came.", hint="Try again."))

    rate = check(server.uri(), replace(DIRECT, measure=failing))[-1]

    assert (rate.state, rate.text, rate.hint) == ("warning", "Not one byte came", "Try again.")


def test_the_size_of_an_object_may_be_unknown(check: Check, published: HubFolder, server: Server) -> None:
    measured = Measured()

    findings = check(server.uri("no-ranges", "chunked"), replace(DIRECT, measure=measured))

    assert "size not known" in findings[-2].text
    assert len(measured.asked) == 2
