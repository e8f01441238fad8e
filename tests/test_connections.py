"""Many GETs at once: real sockets on loopback, and jobs that only say what to get and what came."""

from __future__ import annotations

import gc
import os
import socket
import ssl
import subprocess
import threading
import time
import weakref
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pycurl
import pytest
from hub_server import HubFolder, Server
from proxy_server import Proxy
from serving import wait_for

from modelhub.connections import Connections, Exchange, Failure
from modelhub.errors import NetworkError, StoppedError
from modelhub.network import Network

CONTENT = bytes(range(256)) * 4000
SIZE = len(CONTENT)

Connect = Callable[..., Connections]


class Get(Exchange):
    """One GET that remembers everything.

    Args:
        url: What to get.
        room: As long as it is not set there is no room for the body.
        error: What the head, or the body, is answered with.
    """

    def __init__(self, url: str, *lines: str, room: threading.Event | None = None, error: str = "") -> None:
        super().__init__(url, list(lines), has_netrc=True)
        self.body = bytearray()
        self.heads = 0
        self.refused = 0
        self.failure: Failure | None = None
        self.ended_s = 0.0
        self.ended = threading.Event()
        self.room = room
        self.raising = error

    def on_head(self) -> None:
        self.heads += 1
        if self.raising == "head":
            raise KeyError("head")

    def on_body(self, data: bytes) -> bool:
        if self.raising == "body":
            raise KeyError("body")
        if self.room and not self.room.is_set():
            self.refused += 1
            return False
        self.body += data
        return True

    def on_end(self, failure: Failure | None) -> None:
        self.failure = failure
        self.ended_s = time.monotonic()
        self.ended.set()
        if self.raising == "end":
            raise KeyError("end")


class Gets:
    """A job of several GETs, as many of them at once as may be.

    Attributes:
        error: What the job failed with.
    """

    def __init__(self, exchanges: Iterable[Exchange], *, at_once: int = 100) -> None:
        self.is_finished = False
        self.error: BaseException | None = None
        self.failed = threading.Event()
        self._exchanges = iter(exchanges)
        self._at_once = at_once

    def next_exchange(self, active: int, now: float) -> Exchange | None:
        return next(self._exchanges, None) if active < self._at_once else None

    def has_room(self) -> bool:
        return True

    def fail(self, error: BaseException) -> None:
        self.is_finished = True
        self.error = error
        self.failed.set()


@pytest.fixture
def connect() -> Iterator[Connect]:
    """``connect(**options)``: connections that are closed when the test has ended."""
    opened: list[Connections] = []

    def connect(**options: Any) -> Connections:
        opened.append(Connections(Network(**({"timeout_s": 5.0} | options))))
        return opened[-1]

    yield connect
    for connections in opened:
        connections.close()


@pytest.fixture(autouse=True)
def file(hub_folder: HubFolder) -> Path:
    hub_folder.folder.mkdir()
    path = hub_folder.folder / "object.bin"
    path.write_bytes(CONTENT)
    return path


def got(connections: Connections, *exchanges: Get) -> Get:
    """Run exchanges as one job, wait for all, and return the last."""
    job = Gets(exchanges)
    connections.run(job)
    for exchange in exchanges:
        assert exchange.ended.wait(10)
    connections.stop(job)
    return exchanges[-1]


def open_files() -> int:
    return len(os.listdir("/dev/fd"))  # noqa: PTH208


@pytest.fixture
def answering() -> Iterator[Callable[..., str]]:
    """``answering(*answers)``: URL of a server that answers each connection with the next of these bytes."""
    listeners: list[socket.socket] = []

    def start(*answers: bytes | Iterable[bytes]) -> str:
        listener = socket.create_server(("127.0.0.1", 0))
        listeners.append(listener)

        def serve() -> None:
            for answer in answers:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                with connection:
                    connection.recv(65536)
                    try:
                        for piece in [answer] if isinstance(answer, bytes) else answer:
                            connection.sendall(piece)
                    except OSError:
                        continue

        threading.Thread(target=serve, daemon=True).start()
        return f"http://127.0.0.1:{listener.getsockname()[1]}/x"

    yield start
    for listener in listeners:
        listener.close()


# One exchange


def test_an_answer_comes_with_its_status_its_headers_and_its_body(connect: Connect, server: Server) -> None:
    get = got(connect(), Get(server.uri("object.bin"), "Range: bytes=5-9"))

    assert (get.status, bytes(get.body), get.failure, get.heads) == (206, CONTENT[5:10], None, 1)
    assert get.answer_headers["content-range"] == f"bytes 5-9/{SIZE}"
    assert server.requests[0].headers["User-Agent"] == "modelhub"
    assert server.requests[0].headers["Range"] == "bytes=5-9"


def test_a_job_that_another_one_has_ended_asks_for_nothing_more(connect: Connect, server: Server) -> None:
    class Ending(Gets):
        def next_exchange(self, active: int, now: float) -> Exchange | None:
            ended.is_finished = True
            return super().next_exchange(active, now)

    connections = connect()
    get = Get(server.uri("object.bin"))
    left = [Get(server.uri("object.bin"))]
    ended = Gets(left.pop() for _ in range(1))
    ending = Ending([get])
    with connections._wake:  # so that both are seen at once, the one that ends first
        connections.run(ending)
        connections.run(ended)
    assert get.ended.wait(10)
    connections.stop(ending)

    assert len(left) == len(server.requests) == 1


def test_what_one_request_says_the_next_one_does_not(connect: Connect, server: Server) -> None:
    connections = connect()
    got(connections, Get(server.uri("object.bin"), "Range: bytes=5-9"))
    get = got(connections, Get(server.uri("object.bin")))

    assert (get.status, bytes(get.body)) == (200, CONTENT)
    assert "Range" not in server.requests[1].headers


def test_an_answer_without_a_body_has_a_head_too(connect: Connect, server: Server, file: Path) -> None:
    file.write_bytes(b"")
    get = got(connect(), Get(server.uri("object.bin")))

    assert (get.status, bytes(get.body), get.heads) == (200, b"", 1)


def test_what_a_refusal_says_is_kept_apart_from_a_body(connect: Connect, server: Server) -> None:
    get = got(connect(), Get(server.uri("403/object.bin")))

    assert (get.status, bytes(get.error_body), bytes(get.body), get.heads) == (403, b"no", b"", 0)


def test_a_refusal_that_never_ends_is_read_only_so_far(connect: Connect, answering: Callable[..., str]) -> None:
    def endless() -> Iterator[bytes]:
        yield b"HTTP/1.1 403 Forbidden\r\n\r\n"
        while True:
            yield b"no" * 1000

    get = got(connect(), Get(answering(endless())))

    assert (get.status, len(get.error_body), get.failure) == (403, 64 << 10, None)


def test_connections_are_used_again(connect: Connect, server: Server) -> None:
    connections = connect(connections=1)
    ports = {got(connections, Get(server.uri("object.bin"))).status for _ in range(5)}
    server.shutdown()

    assert ports == {200}
    assert len(server.requests) == 5


def test_a_connection_that_is_idle_keeps_nothing_of_what_it_brought(connect: Connect, server: Server) -> None:
    connections = connect()
    get = weakref.ref(got(connections, Get(server.uri("object.bin"))))
    gc.collect()

    assert get() is None


@pytest.mark.parametrize("name", ["a b.bin", "modèle.bin", "100%25.bin", 'a"<>{}|^`.bin', "a,b;c=d@e$f&g'(h)*!.bin"])
def test_any_sign_may_stand_in_a_url(connect: Connect, server: Server, file: Path, name: str) -> None:
    file.rename(file.with_name(name.replace("%25", "%")))
    get = got(connect(), Get(server.uri(name)))

    assert (get.status, len(get.body)) == (200, SIZE)


def test_a_header_may_hold_what_a_server_had_sent(connect: Connect, server: Server) -> None:
    get = got(connect(), Get(server.uri("object.bin"), 'If-Match: "é"'))

    assert get.status == 412


def test_an_interim_answer_is_none(connect: Connect, answering: Callable[..., str]) -> None:
    final = b"HTTP/1.1 200 OK\r\nETag: b\r\nContent-Length: 2\r\n\r\nok"
    get = got(connect(), Get(answering(b"HTTP/1.1 103 Early Hints\r\nX: a\r\nETag: a\r\n\r\n" + final)))

    assert (get.status, bytes(get.body), get.answer_headers) == (200, b"ok", {"etag": "b", "content-length": "2"})


# Failures


@pytest.mark.parametrize(
    ("faults", "kind"),
    [
        ("drop-at/5000", "broken off"),
        ("chunked/drop-at/5000", "broken off"),
        ("reset-at/5000", "broken off"),
        ("stall-at/5000", "timeout"),
        ("silent", "timeout"),
    ],
)
def test_what_goes_wrong_below_http_is_told_by_its_kind(
    connect: Connect, server: Server, faults: str, kind: str
) -> None:
    get = got(connect(timeout_s=0.2), Get(server.uri(faults, "object.bin")))

    assert get.failure is not None
    assert (get.failure.kind, get.error) == (kind, None)
    assert get.failure.text


def test_who_does_not_listen_is_not_reached(connect: Connect) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        refused = got(connect(), Get(f"http://127.0.0.1:{unused.getsockname()[1]}/x"))
    nameless = got(connect(), Get("http://no-such-host.invalid/x"))

    assert [get.failure and get.failure.kind for get in (refused, nameless)] == ["unreached", "unreached"]
    assert nameless.failure is not None
    assert "no-such-host.invalid" in nameless.failure.text


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 \r\n\r\n", b"SSH-2.0-OpenSSH_9.6\r\n", b"HTTP/ugly: 5\r\n\r\n"])
def test_what_is_no_http_is_a_failure(
    connect: Connect, answering: Callable[..., str], answer: bytes, capfd: pytest.CaptureFixture[str]
) -> None:
    get = got(connect(), Get(answering(answer)))

    assert get.failure is not None
    assert get.failure.kind in ("other", "broken off")
    assert capfd.readouterr().err == ""


def test_a_header_that_looks_like_a_first_line_is_only_a_header(
    connect: Connect, answering: Callable[..., str], capfd: pytest.CaptureFixture[str]
) -> None:
    get = got(connect(), Get(answering(b"HTTP/1.1 200 OK\r\nHTTP/odd: yes\r\nContent-Length: 0\r\n\r\n")))

    assert (get.status, get.failure, get.answer_headers["http/odd"]) == (200, None, "yes")
    assert capfd.readouterr().err == ""


def test_what_is_no_url_is_a_failure(connect: Connect) -> None:
    get = got(connect(), Get("nonsense://127.0.0.1/x"))

    assert get.failure is not None
    assert get.failure.kind == "other"


@pytest.mark.parametrize("error", ["head", "body"])
def test_who_raises_is_given_up_and_told_what_he_raised(connect: Connect, server: Server, error: str) -> None:
    connections = connect()
    get = got(connections, Get(server.uri("object.bin"), error=error))

    assert isinstance(get.error, KeyError)
    assert bytes(get.body) == b""
    assert got(connections, Get(server.uri("object.bin"))).status == 200


def test_who_raises_at_a_head_without_a_body_is_told_too(connect: Connect, server: Server, file: Path) -> None:
    file.write_bytes(b"")
    get = got(connect(), Get(server.uri("object.bin"), error="head"))

    assert isinstance(get.error, KeyError)


# Encryption and proxies


def test_a_server_is_trusted_by_its_authority(
    connect: Connect, tls_server: Server, authority: tuple[Path, ssl.SSLContext], tmp_path: Path
) -> None:
    url = tls_server.uri("object.bin")
    unknown = got(connect(), Get(url))
    known = got(connect(ca_bundle=authority[0]), Get(url))
    missing = got(connect(ca_bundle=tmp_path / "none.pem"), Get(url))

    assert [get.failure and get.failure.kind for get in (unknown, known, missing)] == ["untrusted", None, "untrusted"]
    assert known.status == 200


def test_authorities_may_lie_in_a_folder(
    connect: Connect, tls_server: Server, authority: tuple[Path, ssl.SSLContext], tmp_path: Path
) -> None:
    asked = ["openssl", "x509", "-noout", "-subject_hash", "-in", str(authority[0])]
    try:
        name = subprocess.run(asked, capture_output=True, text=True, check=True).stdout.strip()
    except FileNotFoundError:
        pytest.skip("there is no openssl to name the file")
    (tmp_path / "authorities").mkdir()
    (tmp_path / "authorities" / f"{name}.0").write_bytes(authority[0].read_bytes())
    get = got(connect(ca_bundle=tmp_path / "authorities"), Get(tls_server.uri("object.bin")))

    assert (get.status, get.failure) == (200, None)


def test_a_proxy_is_asked_unless_a_host_needs_none(
    connect: Connect, server: Server, tls_server: Server, proxy: Proxy, authority: tuple[Path, ssl.SSLContext]
) -> None:
    proxied = connect(ca_bundle=authority[0], proxy_of=lambda url: (proxy.uri(), ""))
    direct = connect(proxy_of=lambda url: (proxy.uri(), "127.0.0.1"))

    assert [got(proxied, Get(hub.uri("object.bin"))).status for hub in (server, tls_server)] == [200, 200]
    assert len(proxy.asked) == 2
    assert got(direct, Get(server.uri("object.bin"))).status == 200
    assert len(proxy.asked) == 2


def test_a_proxy_that_refuses_is_named(connect: Connect, server: Server, tls_server: Server, proxy: Proxy) -> None:
    connections = connect(proxy_of=lambda url: (proxy.uri("wrong"), ""))
    tunnel = got(connections, Get(tls_server.uri("object.bin")))

    assert tunnel.failure is not None
    assert tunnel.failure.kind == "proxy"
    assert got(connections, Get(server.uri("object.bin"))).status == 407


def test_a_proxy_that_is_not_there_is_named(connect: Connect, server: Server) -> None:
    get = got(connect(proxy_of=lambda url: ("http://no-such-proxy.invalid:3128", "")), Get(server.uri("object.bin")))

    assert get.failure is not None
    assert get.failure.kind == "proxy"


# Many at once


@pytest.mark.parametrize("limit", [1, 3])
def test_no_more_connections_are_made_than_are_allowed_over_all_jobs(
    connect: Connect, server: Server, limit: int
) -> None:
    connections = connect(connections=limit)
    exchanges = [[Get(server.uri("slow/object.bin"), "Range: bytes=0-8000") for _ in range(4)] for _ in range(2)]
    jobs = [Gets(several) for several in exchanges]
    for job in jobs:
        connections.run(job)
    for get in (get for several in exchanges for get in several):
        assert get.ended.wait(10)

    assert server.peak() == limit


def test_a_job_gets_no_more_connections_than_it_wants(connect: Connect, server: Server) -> None:
    exchanges = [Get(server.uri("slow/object.bin"), "Range: bytes=0-8000") for _ in range(4)]
    connections = connect(connections=8)
    connections.run(Gets(exchanges, at_once=2))
    for get in exchanges:
        assert get.ended.wait(10)

    assert server.peak() == 2


def test_a_job_that_comes_late_waits_for_a_connection_and_not_for_a_job(connect: Connect, server: Server) -> None:
    def endless() -> Iterator[Get]:
        while True:
            yield Get(server.uri("slow/object.bin"), "Range: bytes=0-9999")

    connections = connect(connections=2)
    busy = Gets(endless())
    connections.run(busy)
    late = [Get(server.uri("object.bin"), "Range: bytes=0-9") for _ in range(3)]
    connections.run(Gets(late))

    assert all(get.ended.wait(5) for get in late)
    assert not busy.is_finished


def test_a_limit_of_the_rate_holds_over_all_jobs(connect: Connect, server: Server) -> None:
    connections = connect(connections=4, rate_bytes_per_s=2_000_000)
    exchanges = [Get(server.uri("object.bin"), f"Range: bytes={start}-{start + 99_999}") for start in range(6)]
    started_s = time.monotonic()
    for get in exchanges:
        connections.run(Gets([get]))
    for get in exchanges:
        assert get.ended.wait(10)

    assert 0.2 < time.monotonic() - started_s < 2
    assert all(len(get.body) == 100_000 for get in exchanges)


def test_who_waits_for_the_rate_is_not_stalled(connect: Connect, server: Server) -> None:
    connections = connect(connections=4, rate_bytes_per_s=20_000, timeout_s=0.15)
    exchanges = [Get(server.uri("object.bin"), "Range: bytes=0-3999") for _ in range(4)]
    got(connections, *exchanges)

    assert [get.failure for get in exchanges] == [None] * 4


def test_a_connection_that_stalls_is_given_up_while_others_go_on(connect: Connect, server: Server) -> None:
    stalled = Get(server.uri("stall-at/5000/object.bin"))
    slow = Get(server.uri("slow/object.bin"), "Range: bytes=0-80000")
    got(connect(timeout_s=0.2), stalled, slow)

    assert stalled.failure is not None
    assert stalled.failure.kind == "timeout"
    assert stalled.ended_s < slow.ended_s
    assert (len(slow.body), slow.failure) == (80_001, None)


def test_who_has_no_room_is_asked_again_and_loses_nothing(connect: Connect, server: Server) -> None:
    room = threading.Event()

    class Full(Gets):
        def has_room(self) -> bool:
            return room.is_set()

    get = Get(server.uri("object.bin"), room=room)
    connections = connect(timeout_s=0.1)
    connections.run(Full([get]))
    assert not get.ended.wait(0.3)
    assert get.refused == 1
    room.set()

    assert get.ended.wait(5)
    assert (get.failure, bytes(get.body)) == (None, CONTENT)


def test_who_has_no_room_costs_little(connect: Connect, server: Server) -> None:
    class Full(Gets):
        def has_room(self) -> bool:
            return False

    get = Get(server.uri("object.bin"), room=threading.Event())
    job = Full([get])
    connections = connect()
    connections.run(job)
    wait_for(lambda: get.refused)
    before_s = time.process_time()
    time.sleep(0.2)

    assert time.process_time() - before_s < 0.1


# The end


def test_a_job_that_is_stopped_is_called_no_more(connect: Connect, server: Server) -> None:
    get = Get(server.uri("slow/object.bin"))
    connections = connect()
    job = Gets([get])
    connections.run(job)
    wait_for(lambda: get.body)
    connections.stop(job)
    had = len(get.body)
    time.sleep(0.1)

    assert len(get.body) == had < SIZE
    assert not get.ended.is_set()
    assert got(connections, Get(server.uri("object.bin"))).status == 200


def test_a_job_that_was_never_run_can_be_stopped(connect: Connect) -> None:
    connections = connect()
    job = Gets([])
    connections.stop(job)

    assert job.is_finished


def test_closing_fails_all_jobs_and_closes_all_files(server: Server) -> None:
    before = open_files()
    connections = Connections(Network())
    exchanges = [Get(server.uri("silent/object.bin")), Get(server.uri("slow/object.bin"))]
    jobs = [Gets([get]) for get in exchanges]
    for job in jobs:
        connections.run(job)
    wait_for(lambda: len(server.requests) == 2)
    started_s = time.monotonic()
    connections.close()
    connections.close()

    assert time.monotonic() - started_s < 0.5
    assert [type(job.error) for job in jobs] == [StoppedError] * 2
    wait_for(lambda: open_files() <= before)  # the server closes its ends when it sees that ours are


def test_closing_what_was_never_used_is_no_work() -> None:
    Connections(Network()).close()


def test_who_comes_after_the_end_is_told_at_once(connect: Connect, server: Server) -> None:
    connections = connect()
    got(connections, Get(server.uri("object.bin")))
    connections.close()
    job = Gets([Get(server.uri("object.bin"))])
    connections.run(job)

    assert isinstance(job.error, StoppedError)


def test_closing_waits_for_no_rate(connect: Connect, server: Server) -> None:
    connections = connect(rate_bytes_per_s=1000)
    get = Get(server.uri("object.bin"))
    connections.run(Gets([get]))
    wait_for(lambda: get.body)
    started_s = time.monotonic()
    connections.close()

    assert time.monotonic() - started_s < 1


# Jobs that fail


class Broken(Gets):
    """A job that cannot even say what it wants, or how it ended."""

    def next_exchange(self, active: int, now: float) -> Exchange | None:
        raise ValueError("no signature")


def test_a_job_that_raises_fails_alone(connect: Connect, server: Server) -> None:
    connections = connect()
    broken, good = Broken([]), Get(server.uri("object.bin"))
    connections.run(broken)

    assert got(connections, good).status == 200
    assert isinstance(broken.error, ValueError)


def test_a_job_whose_end_raises_fails_alone(connect: Connect, server: Server) -> None:
    connections = connect()
    job = Gets([Get(server.uri("object.bin"), error="end")])
    connections.run(job)

    assert job.failed.wait(5)
    assert isinstance(job.error, KeyError)
    assert got(connections, Get(server.uri("object.bin"))).status == 200


def test_an_exchange_that_cannot_be_begun_fails_its_job_alone(connect: Connect, server: Server) -> None:
    connections = connect()
    job = Gets([Get(server.uri("object.bin"), "X: \N{SNOWMAN}")])
    connections.run(job)

    assert job.failed.wait(5)
    assert isinstance(job.error, UnicodeEncodeError)
    assert got(connections, Get(server.uri("object.bin"))).status == 200


def test_an_exchange_that_cannot_go_on_after_a_pause_fails_alone(connect: Connect, server: Server) -> None:
    connections = connect()
    other = Get(server.uri("silent/object.bin"))
    waiting = Gets([other])
    connections.run(waiting)
    get = Get(server.uri("object.bin"), room=threading.Event())
    connections.run(Gets([get]))
    wait_for(lambda: get.refused > 0)

    get.raising = "body"

    assert get.ended.wait(5)
    assert isinstance(get.error, KeyError)
    assert not waiting.failed.is_set()
    assert got(connections, Get(server.uri("object.bin"))).status == 200


def test_where_nothing_can_go_on_every_job_is_told(connect: Connect, server: Server) -> None:
    class Poisoned(Gets):
        def has_room(self) -> bool:
            raise MemoryError

    connections = connect()
    waiting = Gets([Get(server.uri("silent/object.bin"))])
    connections.run(waiting)
    poisoned = Poisoned([Get(server.uri("object.bin"), room=threading.Event())])
    connections.run(poisoned)

    assert waiting.failed.wait(5)
    assert isinstance(waiting.error, MemoryError)
    late = Gets([])
    connections.run(late)
    assert isinstance(late.error, StoppedError)


def test_a_thread_that_cannot_be_started_fails_its_job_and_no_later_one(
    connect: Connect, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    def start(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    connections = connect()
    job = Gets([])
    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", start)
        connections.run(job)

    assert isinstance(job.error, NetworkError)
    assert "threads" in job.error.message
    assert got(connections, Get(server.uri("object.bin"))).status == 200


def test_connections_whose_thread_was_never_started_can_be_closed(
    connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    def start(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    connections = connect()
    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", start)
        connections.run(Gets([]))
        connections.close()


def test_where_an_interrupt_comes_while_the_thread_is_started_the_next_job_is_done(
    connect: Connect, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    start = threading.Thread.start

    def start_and_interrupt(thread: threading.Thread) -> None:
        start(thread)
        raise KeyboardInterrupt

    connections = connect()
    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(threading.Thread, "start", start_and_interrupt)
        connections.run(Gets([]))

    assert got(connections, Get(server.uri("object.bin"))).status == 200
    assert sum(thread.name == "connections" for thread in threading.enumerate()) == 1


def test_where_libcurl_has_no_memory_every_job_is_told(connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise MemoryError

    connections = connect()
    monkeypatch.setattr(pycurl, "CurlMulti", fail)
    job = Gets([])
    connections.run(job)

    assert job.failed.wait(5)
    assert isinstance(job.error, MemoryError)
