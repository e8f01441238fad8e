from __future__ import annotations

import socket
import ssl
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
import trustme
from conftest import serving
from hub_server import Server
from proxy_server import Proxy as ProxyServer

from modelhub.errors import NetworkError
from modelhub.probes import Connection, Lookup, connect, look_up, open_tunnel, shake_hands, within
from modelhub.proxies import Proxy

ORGANISATION = "Example Corporation"
on_linux = pytest.mark.skipif(sys.platform != "linux", reason="loopback of Linux: all of 127.0.0.0/8, short queues")


@contextmanager
def listening(answer: Callable[[socket.socket], object] = lambda connection: None) -> Iterator[int]:
    """The port of a server that does one thing with every connection, and closes it at the end of the test."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            with ExitStack() as opened:
                while True:
                    try:
                        connection, _ = server.accept()
                    except OSError:
                        return
                    opened.enter_context(connection)
                    with suppress(OSError):  # whoever asked may have gone
                        answer(connection)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield server.getsockname()[1]
        finally:
            server.shutdown(socket.SHUT_RDWR)
            thread.join()


def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


def dial_to(port: int, timeout_s: float = 5.0) -> Callable[[], Connection]:
    return lambda: connect(Lookup(addresses=("127.0.0.1",), ms=0), port, timeout_s=timeout_s)


# Waiting


def test_a_call_that_is_in_time_gives_its_result() -> None:
    assert within(5, lambda: "done", what="It") == "done"


def test_nobody_waits_for_a_call_that_hangs() -> None:
    started_s = time.perf_counter()

    with pytest.raises(NetworkError, match=r"The name server did not answer within 0\.05 s"):
        within(0.05, lambda: time.sleep(2), what="The name server")

    assert time.perf_counter() - started_s < 1


def test_what_a_call_raises_is_raised() -> None:
    with pytest.raises(ZeroDivisionError):
        within(5, lambda: 1 // 0, what="It")


# Names


def test_a_name_has_addresses_each_of_them_once() -> None:
    lookup = look_up("localhost", 80)

    assert "127.0.0.1" in lookup.addresses
    assert len(set(lookup.addresses)) == len(lookup.addresses)
    assert lookup.ms > 0


@pytest.mark.parametrize("host", ["nothing.invalid", "x" * 80 + ".example", "two..dots"])
def test_a_name_without_an_address_is_told_with_its_reason(host: str) -> None:
    with pytest.raises(NetworkError) as caught:
        look_up(host, 443)

    assert caught.value.message.startswith(f"{host} has no address: ")
    assert "HTTPS_PROXY" in caught.value.hint


# Connections


def test_a_connection_tells_where_it_leads() -> None:
    with listening() as port:
        connection = connect(Lookup(addresses=("127.0.0.1",), ms=0), port)
        connection.socket.close()

    assert (connection.address, connection.failed) == (f"127.0.0.1:{port}", ())


def test_an_address_that_refuses_is_named_when_another_takes_the_connection() -> None:
    with listening() as port:
        connection = connect(Lookup(addresses=("::1", "127.0.0.1"), ms=0), port)
        connection.socket.close()

    assert connection.address == f"127.0.0.1:{port}"
    assert [failure.split()[0] for failure in connection.failed] == [f"[::1]:{port}"]


@on_linux
def test_the_other_family_is_tried_before_the_third_address_of_the_first() -> None:
    addresses = ("127.0.0.2", "127.0.0.3", "127.0.0.4", "::1")

    with pytest.raises(NetworkError) as caught:
        connect(Lookup(addresses=addresses, ms=0), closed_port())

    assert "127.0.0.2" in caught.value.message
    assert "[::1]" in caught.value.message
    assert "127.0.0.4" not in caught.value.message


def test_a_closed_port_is_told_with_its_reason() -> None:
    port = closed_port()

    with pytest.raises(NetworkError, match=rf"No connection: 127\.0\.0\.1:{port} connection refused\."):
        connect(Lookup(addresses=("127.0.0.1",), ms=0), port)


@on_linux
def test_an_address_that_says_nothing_is_given_up() -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen(0)
        port = silent.getsockname()[1]
        fillers = [socket.socket() for _ in range(3)]  # what no longer fits into the queue gets no answer
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex(("127.0.0.1", port))

        with pytest.raises(NetworkError, match="did not answer in time"):
            connect(Lookup(addresses=("127.0.0.1",), ms=0), port, timeout_s=0.1)

        for filler in fillers:
            filler.close()


# Tunnels


def test_a_tunnel_with_the_password_leads_to_the_host(proxy: ProxyServer) -> None:
    with (
        listening(lambda far: far.sendall(b"hello")) as port,
        dial_to(proxy.server_address[1])() as connection,
    ):
        open_tunnel(connection, "hub.example", port, Proxy.parse(proxy.uri()))
        received = connection.socket.recv(5)

    assert received == b"hello"
    assert proxy.asked == [f"CONNECT hub.example:{port}"]


def test_what_comes_behind_the_answer_of_a_proxy_is_left_to_who_uses_the_tunnel() -> None:
    answer = b"HTTP/1.1 200 Connection established\r\n\r\nhello"
    with listening(lambda connection: connection.sendall(answer)) as port, dial_to(port)() as connection:
        open_tunnel(connection, "hub.example", 443, Proxy(host="p", port=1))

        assert connection.socket.recv(5) == b"hello"


def test_an_address_of_version_6_is_put_into_brackets(proxy: ProxyServer) -> None:
    with listening() as port, dial_to(proxy.server_address[1])() as connection:
        open_tunnel(connection, "::1", port, Proxy.parse(proxy.uri()))

    assert proxy.asked == [f"CONNECT [::1]:{port}"]


@pytest.mark.parametrize("credentials", ["", "ada:wrong"])
def test_a_proxy_that_wants_another_password_says_so(proxy: ProxyServer, credentials: str) -> None:
    with dial_to(proxy.server_address[1])() as connection, pytest.raises(NetworkError) as caught:
        open_tunnel(connection, "hub.example", 443, Proxy(host="p", port=1, credentials=credentials))

    assert "The proxy refuses to connect to hub.example: 407" in caught.value.message
    assert "user:password@host:port" in caught.value.hint
    assert "wrong" not in str(caught.value)


@pytest.mark.parametrize(
    ("answer", "message", "hint"),
    [
        (b"HTTP/1.1 502 Bad Gateway\r\n\r\n", "refuses to connect to hub.example: 502 Bad Gateway", "NO_PROXY"),
        (b"HTTP/1.0 403\r\n\r\n", "refuses to connect to hub.example: 403", "NO_PROXY"),
        (b"SSH-2.0-OpenSSH\r\n\r\n", "does not answer in HTTP", "port in HTTPS_PROXY"),
        (b"x" * 70_000, "does not answer in HTTP", "port in HTTPS_PROXY"),
        (b"", "breaks off: did not answer in time", "NO_PROXY"),
    ],
)
def test_a_proxy_that_does_not_connect(answer: bytes, message: str, hint: str) -> None:
    with (
        listening(lambda connection: connection.sendall(answer)) as port,
        dial_to(port, 5 if answer else 0.2)() as connection,
        pytest.raises(NetworkError) as caught,
    ):
        open_tunnel(connection, "hub.example", 443, Proxy(host="p", port=1))

    assert message in caught.value.message
    assert hint in caught.value.hint


# Certificates


@pytest.fixture(scope="module")
def vouching() -> trustme.CA:
    return trustme.CA(organization_name=ORGANISATION)


@contextmanager
def encrypted(vouching: trustme.CA, folder: Path, *names: str, is_expired: bool = False) -> Iterator[int]:
    """The port of a hub that has a certificate for these names."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    until = datetime.now(timezone.utc) - timedelta(days=1) if is_expired else None
    vouching.issue_cert(*names, not_after=until).configure_cert(context)
    with serving(Server(folder, tls=context)) as server:
        yield server.server_port


@pytest.fixture
def bundle(vouching: trustme.CA, tmp_path: Path) -> Path:
    path = tmp_path / "authority.pem"
    vouching.cert_pem.write_to_path(str(path))
    return path


def test_a_certificate_of_an_authority_that_is_trusted(vouching: trustme.CA, bundle: Path, tmp_path: Path) -> None:
    with encrypted(vouching, tmp_path, "localhost") as port:
        handshake = shake_hands(dial_to(port), "localhost", ca_bundle=bundle)

    assert handshake.version.startswith("TLSv1.")
    assert handshake.issuer == ORGANISATION
    assert handshake.ms > 0


def test_an_authority_below_another_may_be_trusted_by_itself(vouching: trustme.CA, tmp_path: Path) -> None:
    below = vouching.create_child_ca()
    below.cert_pem.write_to_path(str(tmp_path / "below.pem"))
    with encrypted(below, tmp_path, "localhost") as port:
        handshake = shake_hands(dial_to(port), "localhost", ca_bundle=tmp_path / "below.pem")

    assert handshake.version


@pytest.mark.parametrize(
    ("name", "is_expired", "is_known", "words", "hint"),
    [
        ("localhost", False, False, f"(issued by {ORGANISATION})", "--ca-bundle"),
        ("other.example", False, True, "Hostname mismatch", "the host that its certificate is for"),
        ("localhost", True, True, "certificate has expired", "clock"),
    ],
)
def test_a_certificate_that_is_not_trusted(
    vouching: trustme.CA,
    bundle: Path,
    tmp_path: Path,
    name: str,
    is_expired: bool,
    is_known: bool,
    words: str,
    hint: str,
) -> None:
    with (
        encrypted(vouching, tmp_path, name, is_expired=is_expired) as port,
        pytest.raises(NetworkError) as caught,
    ):
        shake_hands(dial_to(port), "localhost", ca_bundle=bundle if is_known else None)

    assert words in caught.value.message
    assert hint in caught.value.hint


def test_the_issuer_is_left_out_where_the_server_is_gone_meanwhile(vouching: trustme.CA, tmp_path: Path) -> None:
    with encrypted(vouching, tmp_path, "localhost") as port:
        connections = iter([dial_to(port)])

        def dial() -> Connection:
            for connect_once in connections:
                return connect_once()
            raise ConnectionRefusedError

        with pytest.raises(NetworkError) as caught:
            shake_hands(dial, "localhost")

    assert isinstance(caught.value.__cause__, ssl.SSLCertVerificationError)
    assert "issued by" not in caught.value.message


def test_a_server_that_does_not_encrypt() -> None:
    def answer(connection: socket.socket) -> None:
        connection.recv(100)
        connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    with listening(answer) as port, pytest.raises(NetworkError, match="localhost does not encrypt: "):
        shake_hands(dial_to(port), "localhost")


def test_a_server_that_breaks_off_when_encryption_begins() -> None:
    with listening() as port, pytest.raises(NetworkError, match="breaks off when encryption begins"):
        shake_hands(dial_to(port, 0.1), "localhost")


@pytest.mark.parametrize("content", [None, "no certificate at all"])
def test_a_file_of_authorities_that_cannot_be_used(tmp_path: Path, content: str | None) -> None:
    bundle = tmp_path / "bundle.pem"
    if content:
        bundle.write_text(content)

    with pytest.raises(NetworkError, match=r"bundle\.pem cannot be used: ") as caught:
        shake_hands(dial_to(closed_port()), "localhost", ca_bundle=bundle)

    assert "SSL_CERT_FILE" in caught.value.hint
