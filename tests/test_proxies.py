from __future__ import annotations

import pytest

from modelhub.errors import NetworkError
from modelhub.proxies import Proxy, is_exempt, is_http_proxy, shown_proxy


@pytest.mark.parametrize(
    ("uri", "host", "port", "credentials"),
    [
        ("http://proxy.example:3128", "proxy.example", 3128, ""),
        ("http://proxy.example", "proxy.example", 1080, ""),
        ("proxy.example:8080", "proxy.example", 8080, ""),
        ("http://user:pass%40word@proxy.example:1", "proxy.example", 1, "user:pass@word"),
        ("http://user@[::1]:1/", "::1", 1, "user:"),
    ],
)
def test_the_uri_of_a_proxy(uri: str, host: str, port: int, credentials: str) -> None:
    parsed = Proxy.parse(uri)

    assert (parsed.host, parsed.port, parsed.credentials) == (host, port, credentials)


@pytest.mark.parametrize("uri", ["http://user:secret@proxy:port", "http://user:secret@", "http://user:secret@[::1"])
def test_what_is_no_proxy_is_told_without_the_password(uri: str) -> None:
    with pytest.raises(NetworkError) as caught:
        Proxy.parse(uri)

    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("uri", "shown"),
    [
        ("http://user:secret@proxy:3128", "http://proxy:3128"),
        ("http://user:sec/ret@proxy:3128", "http://proxy:3128"),
        ("http://user:sec@ret@proxy:3128", "http://proxy:3128"),
        ("http://user:sec://ret@proxy:3128", "http://proxy:3128"),
        ("user:sec://ret@proxy:3128", "proxy:3128"),
        ("user:secret@proxy:3128", "proxy:3128"),
        ("http://proxy:3128", "http://proxy:3128"),
        ("", ""),
    ],
)
def test_a_proxy_is_shown_without_user_and_password(uri: str, shown: str) -> None:
    assert shown_proxy(uri) == shown


def test_nothing_that_is_printed_of_a_proxy_holds_its_password() -> None:
    assert "secret" not in repr(Proxy.parse("http://user:secret@proxy"))


@pytest.mark.parametrize(
    ("uri", "is_one"),
    [
        ("http://p:1", True),
        ("HTTP://p:1", True),
        ("p:1", True),
        ("", True),
        ("https://p:1", False),
        ("socks5://p", False),
    ],
)
def test_only_proxies_that_are_asked_in_http_are_looked_into(uri: str, is_one: bool) -> None:
    assert is_http_proxy(uri) is is_one


@pytest.mark.parametrize(
    ("host", "no_proxy", "is_one"),
    [
        ("hub.example", "", False),
        ("hub.example", "*", True),
        ("hub.example", " * ", True),
        ("hub.example", "example", True),
        ("hub.example", ".example", True),
        ("hub.example", "other, Hub.Example.", True),
        ("hub.example", "other hub.example", True),
        ("hub.example", "b.example", False),
        ("hub.example", "hub.example.org", False),
        ("hub.example", ".", False),
        ("127.0.0.1", "127.0.0.1", True),
        ("127.0.0.1", "127.0.0.0/8", True),
        ("127.0.0.1", "127.0.0.5/8", True),
        ("127.0.0.1", "10.0.0.0/8,localhost", False),
        ("127.0.0.1", "0.0.1", False),
        ("::1", "[::1]", True),
        ("::1", "::/64", True),
        ("::1", "127.0.0.0/8", False),
    ],
)
def test_which_hosts_need_no_proxy(host: str, no_proxy: str, is_one: bool) -> None:
    assert is_exempt(host, no_proxy) is is_one
