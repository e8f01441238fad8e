"""Documents over HTTP, read only if they changed; how Storage uses this is in test_storage."""

from __future__ import annotations

import gzip
import ssl
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from hub_server import HubFolder, Server
from proxy_server import Proxy
from scripted_server import reply, scripted

from modelhub.errors import ModelHubError, NetworkError, NotAllowedError, NotFoundError
from modelhub.objects import Text
from modelhub.signing import Address
from modelhub.texts import TextReader

CONTENT = '{"name": "tiny"}\n{"name": "größer"}\n'

Read = Callable[..., "Text | None"]


@pytest.fixture
def file(hub_folder: HubFolder) -> Path:
    hub_folder.folder.mkdir()
    path = hub_folder.folder / "metadata.json"
    path.write_text(CONTENT, encoding="utf-8")
    return path


@pytest.fixture
def read() -> Iterator[Read]:
    """``read(uri or address, validator=…, is_patient=…, **settings of the reader)``."""
    readers: list[TextReader] = []

    def check(url: str) -> None:
        if "elsewhere" in url:
            raise NotAllowedError("That is elsewhere.")

    def read(at: Any, *, validator: str = "", is_patient: bool = True, **settings: Any) -> Text | None:
        settings = {"timeout_s": 5.0, "backoff_s": 0.002, "ca_bundle": None, "check_url": check} | settings
        readers.append(TextReader(**settings))
        address = Address(at, at) if isinstance(at, str) else at
        return readers[-1].read(address, validator=validator, is_patient=is_patient)

    yield read
    for reader in readers:
        reader.close()


class SignedAddress:
    """An address whose URL is another one after each refusal, up to a bound."""

    uri = "s3://bucket/metadata.json"
    is_signed = True

    def __init__(self, urls: Iterable[str]) -> None:
        self._urls = list(urls)
        self.refused: list[tuple[int, bytes]] = []

    def url(self) -> str:
        return self._urls[0]

    def changed_after(self, status: int, headers: Mapping[str, str], body: bytes, *, url: str) -> bool:
        self.refused.append((status, body))
        if len(self._urls) > 1:
            self._urls.pop(0)
        return self.url() != url


@pytest.mark.parametrize(("fault", "kind"), [("", "etag"), ("no-etag", "modified"), ("weak-etag", "etag")])
def test_a_document_comes_with_what_tells_it_from_the_next(
    read: Read, server: Server, file: Path, fault: str, kind: str
) -> None:
    text = read(server.uri(*fault.split(), "metadata.json"))

    assert text is not None
    assert text.content == CONTENT
    assert text.validator.startswith(f"{kind} ")
    assert read(server.uri(*fault.split(), "metadata.json"), validator=text.validator) is None


def test_a_document_that_nothing_tells_from_the_next_is_always_read(read: Read) -> None:
    with scripted(lambda asked: reply(200, b"x")) as (origin, asked):
        assert read(f"{origin}/x", validator="") == Text(content="x", validator="")

    assert not {"if-none-match", "if-modified-since"} & asked[0].headers.keys()


def test_a_document_may_come_compressed(read: Read) -> None:
    packed = gzip.compress(CONTENT.encode())
    with scripted(lambda asked: reply(200, packed, "Content-Encoding: gzip")) as (origin, asked):
        text = read(f"{origin}/x")

    assert text is not None
    assert text.content == CONTENT
    assert asked[0].headers["accept-encoding"] == "gzip"


# Failures


@pytest.mark.parametrize(
    ("fault", "error", "words", "requests"),
    [
        ("404", NotFoundError, "does not exist", 1),
        ("403", NotAllowedError, "refused", 1),
        ("401", NotAllowedError, "refused", 1),
        ("400", NetworkError, "HTTP 400", 1),
        ("429", NetworkError, "HTTP 429", 4),
        ("500", NetworkError, "HTTP 500", 4),
        ("503", NetworkError, "HTTP 503", 4),
        ("silent", NetworkError, "did not answer in time", 4),
        ("stall-at/10", NetworkError, "did not answer in time", 4),
        ("drop-at/10", NetworkError, "broke off before its end", 4),
        ("chunked/drop-at/10", NetworkError, "broke off before its end", 4),
    ],
)
def test_what_stays_is_told_after_a_bounded_number_of_requests(
    read: Read, server: Server, file: Path, fault: str, error: type, words: str, requests: int
) -> None:
    uri = server.uri(fault, "metadata.json")

    with pytest.raises(ModelHubError, match=words) as raised:
        read(uri, timeout_s=0.05)
    assert type(raised.value) is error
    assert raised.value.message.startswith(uri)
    assert raised.value.hint
    assert len(server.requests) <= requests


@pytest.mark.parametrize("fault", ["503-then-200", "first-time/500", "first-time/drop-at/0", "redirect"])
def test_what_passes_is_got_over(read: Read, server: Server, file: Path, fault: str) -> None:
    text = read(server.uri(fault, "metadata.json"))

    assert text is not None
    assert text.content == CONTENT


def test_who_is_impatient_asks_once(read: Read, server: Server, file: Path) -> None:
    with pytest.raises(NetworkError, match="HTTP 503"):
        read(server.uri("503-then-200/metadata.json"), is_patient=False)
    assert len(server.requests) == 1


def test_a_host_without_an_address_is_named(read: Read) -> None:
    with pytest.raises(NetworkError, match="no-such-host.invalid/x cannot be read") as raised:
        read("http://no-such-host.invalid/x", is_patient=False)
    assert "MODELHUB_OFFLINE" in raised.value.hint


# Redirects


def test_a_redirect_leads_only_to_where_one_might_have_gone_at_once(read: Read) -> None:
    with (
        scripted(lambda asked: reply(302, b"", "Location: http://elsewhere.example/x")) as (origin, asked),
        pytest.raises(NotAllowedError, match="elsewhere"),
    ):
        read(f"{origin}/x")

    assert len(asked) == 1


@pytest.mark.parametrize("location", ["http://[::1/x", "http://*:x/", "nonsense://127.0.0.1/x", "http://"])
def test_a_redirect_to_what_is_no_url_is_told(read: Read, location: str) -> None:
    with (
        scripted(lambda asked: reply(302, b"", f"Location: {location}")) as (origin, _),
        pytest.raises(NetworkError, match=f"{origin}/x"),
    ):
        read(f"{origin}/x")


def test_a_redirect_without_a_place_is_a_refusal(read: Read) -> None:
    with scripted(lambda asked: reply(302)) as (origin, _), pytest.raises(NetworkError, match="HTTP 302"):
        read(f"{origin}/x")


def test_a_circle_of_redirects_is_told(read: Read, server: Server) -> None:
    with pytest.raises(NetworkError, match="circle"):
        read(server.uri("circle/x"))


# Encryption, proxies and credentials


def test_a_certificate_that_nobody_vouches_for_is_told(
    read: Read, tls_server: Server, file: Path, authority: tuple[Path, ssl.SSLContext]
) -> None:
    uri = tls_server.uri("metadata.json")

    with pytest.raises(NetworkError, match="certificate that is not trusted") as raised:
        read(uri, is_patient=False)
    assert "ca-bundle" in raised.value.hint
    assert read(uri, ca_bundle=authority[0]) is not None


def test_our_authorities_win_over_those_of_requests(
    read: Read, tls_server: Server, file: Path, authority: tuple[Path, ssl.SSLContext], monkeypatch: pytest.MonkeyPatch
) -> None:
    import certifi

    monkeypatch.setenv("REQUESTS_CA_BUNDLE", certifi.where())

    assert read(tls_server.uri("metadata.json"), ca_bundle=authority[0]) is not None


def test_a_proxy_that_refuses_is_told(
    read: Read, tls_server: Server, proxy: Proxy, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", proxy.uri("wrong"))

    with pytest.raises(NetworkError, match="the proxy fails .*407") as raised:
        read(tls_server.uri("metadata.json"), is_patient=False)
    assert "HTTPS_PROXY" in raised.value.hint


def test_who_has_a_password_shows_it_unless_the_url_is_signed(
    read: Read, server: Server, file: Path, tmp_path: Path
) -> None:
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login ada password 5ec4e7\n", encoding="utf-8")
    (tmp_path / ".netrc").chmod(0o600)
    uri = server.uri("metadata.json")
    read(uri)
    assert server.requests[-1].headers["Authorization"].startswith("Basic ")

    read(SignedAddress([f"{uri}?X-Amz-Signature=5"]))
    assert "Authorization" not in server.requests[-1].headers


@pytest.mark.parametrize("is_signed", [False, True])
def test_what_lies_in_a_bucket_is_asked_for_without_a_password(
    read: Read, server: Server, second_server: Server, file: Path, tmp_path: Path, is_signed: bool
) -> None:
    (tmp_path / ".netrc").write_text("default login anonymous password ada@example.org\n", encoding="utf-8")
    uri = server.uri("redirect", f"http://localhost:{second_server.server_port}", "metadata.json")
    public = "https://s3.amazonaws.com/auxdata.johnsnowlabs.com/public/models/metadata.json"

    assert read(SignedAddress([uri]) if is_signed else Address(public, uri)) is not None
    assert second_server.requests
    assert not any("Authorization" in ask.headers for ask in (*server.requests, *second_server.requests))


def test_a_signed_url_that_is_refused_is_renewed_as_long_as_it_changes(read: Read, server: Server, file: Path) -> None:
    address = SignedAddress([server.uri("403/a"), server.uri("400/b"), server.uri("metadata.json")])
    text = read(address)

    assert text is not None
    assert text.content == CONTENT
    assert address.refused == [(403, b"no"), (400, b"no")]
    with pytest.raises(NotAllowedError, match="s3://bucket/metadata.json"):
        read(SignedAddress([server.uri("403/a"), server.uri("403/b")]))


def test_a_refusal_is_explained_by_what_it_says(read: Read) -> None:
    body = b"<Error><Code>InvalidAccessKeyId</Code></Error>"
    with scripted(lambda asked: reply(403, body)) as (origin, _):
        address = SignedAddress([f"{origin}/x"])
        with pytest.raises(NotAllowedError, match="does not know the access key"):
            read(address)


def test_a_reader_that_was_never_used_can_be_closed() -> None:
    TextReader(timeout_s=1, backoff_s=0, ca_bundle=None, check_url=lambda url: None).close()


def test_a_list_without_end_is_read_up_to_a_bound(
    read: Read, server: Server, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("modelhub.texts._MAX_BYTES", 100_000)
    file.write_bytes(bytes(100_000))
    assert read(server.uri("gzip", "metadata.json")).content == "\0" * 100_000

    file.write_bytes(bytes(50_000_000))
    with pytest.raises(NetworkError, match="has more than 100,000 bytes"):
        read(server.uri("gzip", "metadata.json"))
