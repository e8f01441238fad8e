"""First looks at objects, on servers that know more or less."""

from __future__ import annotations

import os
import random
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from hub_server import HubFolder, Server
from proxy_server import Proxy
from scripted_server import Asked, Script, from_afar, part_of, reply, scripted
from serving import wait_for

from modelhub.asking import Address, Policy, may_ask_netrc
from modelhub.connections import Connections
from modelhub.errors import ModelHubError, NetworkError, NotAllowedError, NotFoundError, StoppedError
from modelhub.network import Network
from modelhub.opening import HEAD_BYTES, TAIL_BYTES, Opening
from modelhub.signing import Address as PlainAddress

PUBLIC = "https://s3.amazonaws.com/auxdata.johnsnowlabs.com/public/models/x.zip"
CONTENT = random.Random(1).randbytes(HEAD_BYTES + TAIL_BYTES + 1000)
SIZE = len(CONTENT)

Look = Callable[..., Opening]


@pytest.fixture
def file(hub_folder: HubFolder) -> Path:
    hub_folder.folder.mkdir()
    path = hub_folder.folder / "object.bin"
    path.write_bytes(CONTENT)
    return path


@pytest.fixture
def look() -> Iterator[Look]:
    """``look(uri)``: look at an object, and wait until it is known."""
    opened: list[Connections] = []

    def check(url: str) -> None:
        if not url.startswith("http://127.0.0.1"):
            raise NotAllowedError("That is elsewhere.")

    def look(
        at: str | Address,
        *,
        connections: int = 16,
        timeout_s: float = 5.0,
        backoff_s: float = 0.002,
        wants_all: bool = False,
        **options: Any,
    ) -> Opening:
        opened.append(Connections(Network(connections=connections, timeout_s=timeout_s, **options)))
        address = PlainAddress(at, at) if isinstance(at, str) else at
        policy = Policy(max_connections=connections, backoff_s=backoff_s, check_url=check)
        opening = Opening(address, policy, wants_all=wants_all)
        opened[-1].run(opening)
        opening.wait()
        return opening

    yield look
    for connections in opened:
        connections.close()


def look_at(script: Script, look: Look, **options: float) -> tuple[Opening | ModelHubError, list[Asked]]:
    """What is found at a server that answers as the script says, or why nothing, and what it was asked for."""
    with scripted(script) as (origin, asked):
        try:
            return look(f"{origin}/x", **options), asked
        except ModelHubError as exc:
            return exc, asked


class SignedAddress:
    """An address whose URL is another one after each refusal, up to a bound."""

    uri = "s3://bucket/x"
    is_signed = True

    def __init__(self, urls: Iterable[str]) -> None:
        self._urls = list(urls)
        self.refused: list[int] = []

    def url(self) -> str:
        return self._urls[0]

    def changed_after(self, status: int, headers: Mapping[str, str], body: bytes, *, url: str) -> bool:
        self.refused.append(status)
        if len(self._urls) > 1:
            self._urls.pop(0)
        return self.url() != url


# What is found


@pytest.mark.parametrize("connections", [1, 16])
@pytest.mark.parametrize(
    "size_bytes", [1, 5000, HEAD_BYTES - 1, HEAD_BYTES, HEAD_BYTES + 1, HEAD_BYTES + TAIL_BYTES, SIZE]
)
def test_size_etag_and_both_ends_of_an_object_are_found(
    look: Look, server: Server, file: Path, size_bytes: int, connections: int
) -> None:
    file.write_bytes(CONTENT[:size_bytes])
    found = look(server.uri("object.bin"), connections=connections)

    assert (found.stat.size_bytes, found.has_ranges) == (size_bytes, True)
    assert found.stat.etag == f'"{file.stat().st_mtime_ns:x}"'
    assert found.stat.modified
    assert found.head == CONTENT[:size_bytes][:HEAD_BYTES]
    if size_bytes > HEAD_BYTES:
        assert found.tail == CONTENT[:size_bytes][-TAIL_BYTES:]
    assert len(server.requests) <= 2


def test_an_empty_object_is_found(look: Look, server: Server, file: Path) -> None:
    file.write_bytes(b"")
    found = look(server.uri("object.bin"))

    assert (found.stat.size_bytes, found.has_ranges, found.head, found.tail) == (0, True, b"", b"")


def test_a_small_object_needs_one_request_over_one_connection(look: Look, server: Server, file: Path) -> None:
    file.write_bytes(CONTENT[:5000])
    look(server.uri("object.bin"), connections=1)

    assert [request.headers["Range"] for request in server.requests] == [f"bytes=0-{HEAD_BYTES - 1}"]


@pytest.mark.parametrize("fault", ["no-suffix", "wrong-suffix"])
def test_without_suffix_ranges_only_the_end_is_missing(look: Look, server: Server, file: Path, fault: str) -> None:
    found = look(server.uri(fault, "object.bin"))

    assert (found.stat.size_bytes, found.has_ranges) == (SIZE, True)
    assert (found.head, found.tail) == (CONTENT[:HEAD_BYTES], b"")


@pytest.mark.parametrize(
    ("faults", "size_bytes"),
    [
        ("no-ranges", SIZE),
        ("no-ranges/no-length", None),
        ("no-ranges/chunked", None),
        ("no-content-range", None),
        ("wrong-range", None),
    ],
)
def test_a_server_without_ranges_is_told_from_others(
    look: Look, server: Server, file: Path, faults: str, size_bytes: int | None
) -> None:
    found = look(server.uri(*faults.split(), "object.bin"))

    assert (found.stat.size_bytes, found.has_ranges, found.head, found.tail) == (size_bytes, False, b"", b"")


@pytest.mark.parametrize(("fault", "beginning"), [("weak-etag", 'W/"'), ("no-etag", "Mon, ")])
def test_what_tells_one_object_from_the_next_may_be_weak(
    look: Look, server: Server, file: Path, fault: str, beginning: str
) -> None:
    os.utime(file, (1_000_000_000 + 86_400, 1_000_000_000 + 86_400))
    found = look(server.uri(fault, "object.bin"))

    assert found.stat.etag.startswith(beginning)
    assert len(found.tail) == TAIL_BYTES


# Servers that no decent one resembles


def test_of_two_objects_that_came_only_the_first_counts(look: Look) -> None:
    found, _ = look_at(lambda asked: part_of(CONTENT, asked, f'ETag: "{asked.span is None}"'), look)

    assert isinstance(found, Opening)
    assert (found.stat.etag, found.tail) == ('"False"', b"")


def cut_short(answer: bytes) -> bytes:
    """The answer without its last byte, and with no length that would tell."""
    head, _, body = answer.partition(b"\r\n\r\n")
    lines = [line for line in head.split(b"\r\n") if not line.startswith(b"Content-Length")]
    return b"\r\n".join([*lines, b"", b""]) + body[:-1]


def test_an_end_that_is_shorter_than_it_says_is_none(look: Look) -> None:
    def script(asked: Asked) -> bytes:
        return part_of(CONTENT, asked) if asked.span else cut_short(part_of(CONTENT, asked))

    found, _ = look_at(script, look)

    assert isinstance(found, Opening)
    assert (found.has_ranges, found.tail) == (True, b"")


def test_a_beginning_that_is_shorter_than_it_says_is_asked_for_again(look: Look) -> None:
    found, asked = look_at(lambda asked: cut_short(part_of(CONTENT, asked)), look)

    assert isinstance(found, NetworkError)
    assert "broke off before its end" in found.message
    assert len(asked) == 7


def test_a_server_that_sends_less_than_it_is_asked_for_has_no_ranges(look: Look) -> None:
    found, _ = look_at(lambda asked: reply(206, CONTENT[:1000], f"Content-Range: bytes 0-999/{SIZE}"), look)

    assert isinstance(found, Opening)
    assert not found.has_ranges


def test_a_server_that_sends_more_than_it_says_is_given_up(look: Look) -> None:
    def script(asked: Asked) -> Iterator[bytes]:
        yield f"HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 0-{HEAD_BYTES - 1}/{SIZE}\r\n\r\n".encode()
        while True:
            yield CONTENT

    found, asked = look_at(script, look)

    assert isinstance(found, NetworkError)
    assert "sent more than it said" in found.message
    assert len(asked) == 7


# Blocks behind the head

LARGE = random.Random(2).randbytes(6 * HEAD_BYTES + 1000)


def test_from_afar_blocks_behind_the_head_are_asked_for_and_neither_waited_for_nor_needed(look: Look) -> None:
    released = threading.Event()

    def script(asked: Asked) -> Iterator[bytes]:
        if asked.span and asked.span.start:
            released.wait(10)
        yield from from_afar(LARGE, asked)

    try:
        with scripted(script) as (origin, asked):
            found = look(f"{origin}/x", wants_all=True)
            wait_for(lambda: len(asked) == 7)
            found.fail(OSError("a signature that cannot be made"))
            found.wait()  # known is known
    finally:
        released.set()

    assert (found.head, found.tail) == (LARGE[:HEAD_BYTES], LARGE[-TAIL_BYTES:])
    starts = sorted(request.span.start for request in asked if request.span)
    assert starts == list(range(0, len(LARGE) - TAIL_BYTES, HEAD_BYTES))


@pytest.mark.parametrize(
    ("far_s", "options"),
    [
        pytest.param(60.0, {"wants_all": True}, id="near"),
        pytest.param(0.0, {"wants_all": False}, id="not wanted"),
        pytest.param(0.0, {"wants_all": True, "connections": 1}, id="one connection"),
        pytest.param(0.0, {"wants_all": True, "connections": 2}, id="no further connection"),
    ],
)
def test_else_only_both_ends_are_asked_for(
    look: Look, monkeypatch: pytest.MonkeyPatch, far_s: float, options: dict[str, Any]
) -> None:
    monkeypatch.setattr("modelhub.opening._FAR_S", far_s)  # however slow the machine is
    with scripted(lambda asked: part_of(LARGE, asked)) as (origin, asked):
        wait_for_end(look(f"{origin}/x", **options))

    assert len(asked) == 2


@pytest.mark.parametrize("wants_all", [False, True])
def test_a_look_comes_to_its_end_by_itself(look: Look, wants_all: bool) -> None:
    with scripted(lambda asked: from_afar(LARGE, asked)) as (origin, _):
        wait_for_end(look(f"{origin}/x", wants_all=wants_all))


def wait_for_end(found: Opening) -> None:
    """Wait until nothing of a look is on its way, or still to be asked for."""
    wait_for(lambda: found.is_finished)


@pytest.mark.parametrize("total", ["*", "9" * 5000])
def test_a_total_that_is_no_number_is_none(look: Look, total: str) -> None:
    line = f"Content-Range: bytes 0-{HEAD_BYTES - 1}/{total}"
    found, _ = look_at(lambda asked: reply(206, CONTENT[:HEAD_BYTES], line), look)

    assert isinstance(found, Opening)
    assert (found.has_ranges, found.stat.size_bytes) == (False, None)


@pytest.mark.parametrize("digits", [19, 5000])
def test_a_length_that_no_object_has_is_none(look: Look, digits: int) -> None:
    answer = f"HTTP/1.1 200 OK\r\nContent-Length: {'9' * digits}\r\nConnection: close\r\n\r\n".encode() + CONTENT
    found, _ = look_at(lambda asked: answer, look)

    assert isinstance(found, Opening)
    assert (found.has_ranges, found.stat.size_bytes) == (False, None)


def test_what_goes_wrong_in_python_leaves_as_an_error_of_ours() -> None:
    class Cursed(PlainAddress):
        def url(self) -> str:
            raise ValueError("https://hub.example/x?X-Amz-Signature=5ec4e7")

    uri = "https://hub.example/x"
    opening = Opening(Cursed(uri, uri), Policy(max_connections=1, backoff_s=0.002, check_url=lambda url: None))
    connections = Connections(Network())
    connections.run(opening)
    with pytest.raises(NetworkError, match=r"https://hub.example/x cannot be read \(ValueError\)") as raised:
        opening.wait()
    connections.close()

    assert isinstance(raised.value.__cause__, ValueError)
    assert "5ec4e7" not in str(raised.value)


def test_what_is_compressed_on_the_way_tells_no_size(look: Look) -> None:
    found, _ = look_at(lambda asked: reply(200, CONTENT, "Content-Encoding: gzip"), look)

    assert isinstance(found, Opening)
    assert (found.has_ranges, found.stat.size_bytes) == (False, None)


# Faults that pass


@pytest.mark.parametrize(
    ("faults", "connections"),
    [
        ("503-then-200", 1),
        ("first-time/429", 16),
        ("first-time/500", 1),
        ("first-time/502", 16),
        ("first-time/504", 1),
        ("first-time/drop-at/0", 16),
        ("first-time/drop-at/1000", 1),
        ("first-time/reset-at/0", 16),
        ("nth/1/silent", 1),
        ("nth/1/stall-at/1000", 16),
        ("redirect", 1),
        ("first-time/redirect", 16),
        ("redirect/redirect", 16),
    ],
)
def test_what_passes_is_got_over(look: Look, server: Server, file: Path, faults: str, connections: int) -> None:
    found = look(server.uri(*faults.split(), "object.bin"), connections=connections, timeout_s=0.1)

    assert (found.stat.size_bytes, found.has_ranges, found.head) == (SIZE, True, CONTENT[:HEAD_BYTES])
    assert found.tail in (b"", CONTENT[-TAIL_BYTES:])
    assert len(server.requests) <= 6


def test_a_server_is_left_alone_for_as_long_as_it_asks(look: Look) -> None:
    times: list[float] = []

    def script(asked: Asked) -> bytes:
        if not times:
            time.sleep(0.3)
            times.append(time.monotonic())
            return reply(429, b"", "Retry-After: 1")
        times.append(time.monotonic())
        return part_of(CONTENT, asked)

    found, _ = look_at(script, look, connections=1)

    assert isinstance(found, Opening)
    assert found.head
    assert times[-1] - times[0] >= 1.0


# Faults that stay


@pytest.mark.parametrize(
    ("faults", "error", "words", "requests"),
    [
        ("400", NetworkError, "HTTP 400", 2),
        ("401", NotAllowedError, "HTTP 401", 2),
        ("403", NotAllowedError, "HTTP 403", 2),
        ("404", NotFoundError, "does not exist", 2),
        ("410", NotFoundError, "does not exist", 2),
        ("412", NetworkError, "was replaced", 2),
        ("416", NetworkError, "HTTP 416", 2),
        ("500", NetworkError, "HTTP 500", 7),
        ("503", NetworkError, "HTTP 503", 7),
        ("drop-at/1000", NetworkError, "broke off before its end", 7),
        ("silent", NetworkError, "did not answer in time", 7),
        ("circle", NetworkError, "redirected again and again", 7),
    ],
)
def test_what_stays_is_told_after_a_bounded_number_of_requests(
    look: Look, server: Server, file: Path, faults: str, error: type, words: str, requests: int
) -> None:
    uri = server.uri(faults, "object.bin")

    with pytest.raises(ModelHubError, match=words) as raised:
        look(uri, timeout_s=0.05)
    assert type(raised.value) in (error, *error.__subclasses__())
    assert raised.value.message.startswith(uri)
    assert raised.value.hint
    assert len(server.requests) <= requests


def test_what_is_not_reached_is_told_sooner(look: Look) -> None:
    started_s = time.monotonic()

    with pytest.raises(NetworkError, match="no-such-host.invalid") as raised:
        look("http://no-such-host.invalid/x", backoff_s=0.1)
    assert "MODELHUB_OFFLINE" in raised.value.hint
    assert 0.35 < time.monotonic() - started_s < 1.5


def test_a_certificate_that_nobody_vouches_for_is_told_at_once(look: Look, tls_server: Server, file: Path) -> None:
    with pytest.raises(NetworkError, match="certificate that is not trusted") as raised:
        look(tls_server.uri("object.bin"))
    assert "--ca-bundle" in raised.value.hint


@pytest.mark.parametrize("is_encrypted", [False, True])
def test_a_proxy_that_refuses_is_told_at_once(
    look: Look, server: Server, tls_server: Server, proxy: Proxy, file: Path, is_encrypted: bool
) -> None:
    uri = (tls_server if is_encrypted else server).uri("object.bin")

    with pytest.raises(NetworkError, match="the proxy fails .*407") as raised:
        look(uri, proxy_of=lambda url: (proxy.uri("wrong"), ""))
    assert "HTTPS_PROXY" in raised.value.hint
    assert proxy.refused <= 4


def test_a_look_that_is_stopped_ends(server: Server, file: Path) -> None:
    connections = Connections(Network())
    uri = server.uri("silent/object.bin")
    opening = Opening(PlainAddress(uri, uri), Policy(max_connections=1, backoff_s=0.002, check_url=lambda url: None))
    connections.run(opening)
    connections.close()

    with pytest.raises(StoppedError):
        opening.wait()


# Redirects


@pytest.mark.parametrize("location", ["https://hub.example/x", "file:///etc/passwd", "gopher://127.0.0.1/x"])
def test_a_redirect_leads_only_to_where_one_might_have_gone_at_once(look: Look, location: str) -> None:
    found, _ = look_at(lambda asked: reply(302, b"", f"Location: {location}"), look)

    assert isinstance(found, NotAllowedError)
    assert "elsewhere" in found.message


def test_a_redirect_to_what_is_no_url_is_told(look: Look) -> None:
    found, _ = look_at(lambda asked: reply(302, b"", "Location: http://[::1/x"), look)

    assert isinstance(found, NetworkError)
    assert "redirected to what is no URL" in found.message


def test_a_redirect_without_a_place_is_a_refusal(look: Look) -> None:
    found, asked = look_at(lambda asked: reply(302), look)

    assert isinstance(found, NetworkError)
    assert "HTTP 302" in found.message
    assert len(asked) <= 2


def test_a_redirect_to_a_place_that_refuses_is_followed_twice(look: Look) -> None:
    def script(asked: Asked) -> bytes:
        return reply(403) if asked.path == "/there" else reply(302, b"", "Location: /there")

    found, asked = look_at(script, look, connections=1)

    assert isinstance(found, NotAllowedError)
    assert [request.path for request in asked] == ["/x", "/there", "/x", "/there"]


# Credentials


@pytest.fixture
def netrc(tmp_path: Path) -> None:
    """The user has a password for this machine."""
    path = tmp_path / ".netrc"
    path.write_text("machine 127.0.0.1 login ada password 5ec4e7\n", encoding="utf-8")
    path.chmod(0o600)


def test_who_has_a_password_shows_it_unless_the_url_is_signed(
    look: Look, server: Server, file: Path, netrc: None
) -> None:
    uri = server.uri("object.bin")
    look(uri)
    assert server.requests[-1].headers["Authorization"].startswith("Basic ")

    look(SignedAddress([f"{uri}?X-Amz-Signature=5"]))
    assert "Authorization" not in server.requests[-1].headers


@pytest.mark.parametrize("uri", [PUBLIC, "s3://community.johnsnowlabs.com/ada/x.zip", "s3://bucket/x.zip"])
def test_what_lies_in_a_bucket_is_asked_for_without_a_password(
    look: Look, server: Server, file: Path, tmp_path: Path, uri: str
) -> None:
    (tmp_path / ".netrc").write_text("default login anonymous password ada@example.org\n", encoding="utf-8")
    look(server.uri("object.bin"))
    assert all(request.headers["Authorization"].startswith("Basic ") for request in server.requests)

    server.requests.clear()
    look(PlainAddress(uri, server.uri("redirect", server.uri(), "object.bin")))
    assert len(server.requests) > 2
    assert not any("Authorization" in request.headers for request in server.requests)


def test_a_password_is_not_taken_along_to_s3() -> None:
    assert may_ask_netrc("https://hub.example/x.zip", "https://hub.example/x.zip")
    assert not may_ask_netrc("https://hub.example/x.zip", f"{PUBLIC}?X-Amz-Signature=5")


def test_a_signed_url_that_is_refused_is_renewed_as_long_as_it_changes(look: Look, server: Server, file: Path) -> None:
    address = SignedAddress([server.uri("403/a"), server.uri("403/b"), server.uri("object.bin")])
    assert look(address, connections=1).head == CONTENT[:HEAD_BYTES]
    assert address.refused[:2] == [403, 403]

    with pytest.raises(NotAllowedError, match="s3://bucket/x"):
        look(SignedAddress([server.uri("403/a"), server.uri("403/b")]))


def test_what_a_redirect_leads_to_is_not_signed_anew(look: Look) -> None:
    def script(asked: Asked) -> bytes:
        return reply(403) if asked.path == "/there" else reply(307, b"", "Location: /there")

    with scripted(script) as (origin, asked):
        address = SignedAddress([f"{origin}/x"])
        with pytest.raises(NotAllowedError):
            look(address)

    assert 403 not in address.refused
    assert len(asked) <= 8
