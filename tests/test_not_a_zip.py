from __future__ import annotations

import pytest

from modelhub.errors import ArchiveError
from modelhub.not_a_zip import check_not_foreign


@pytest.mark.parametrize(
    ("head", "words"),
    [
        (b"", "Nothing came"),
        (b"<!DOCTYPE html><html><head><title>Proxy\n login</title>", "web page came instead of a zip: 'Proxy login'"),
        (b"\xef\xbb\xbf\r\n <HTML><body>", r"web page came instead of a zip\."),
        (b'<?xml version="1.0"?>\n<!DOCTYPE html PUBLIC "x">', "web page"),
        (b'<?xml version="1.0"?>\n<Error><Code>AccessDenied</Code>', "XML document came .*: 'AccessDenied'"),
        (b"<Error><Message>slow down</Message>", "XML document came .*: 'slow down'"),
        (b'<?xml version="1.0"?>', r"XML document came instead of a zip\."),
        (b'{"detail": "not found"}', 'A text came instead of a zip: \'{"detail": "not found"}\''),
        ("näher".encode()[:2], "A text came"),
        (b"  \n ", "A text came instead of a zip: ''"),
        (b"\x1f\x8b\x08\x00", "A gzip file"),
        (b"7z\xbc\xaf\x27\x1c\x00", "A 7-Zip file"),
    ],
)
def test_what_is_no_zip_is_named(head: bytes, words: str) -> None:
    with pytest.raises(ArchiveError, match=words) as caught:
        check_not_foreign(head)

    assert caught.value.hint


@pytest.mark.parametrize("head", [b"MZ\x90\x00\x03", b"\x00\x00\x00", b"\x7fELF\x02\x01"])
def test_what_may_still_be_a_zip_is_let_through(head: bytes) -> None:
    check_not_foreign(head)


def test_a_title_cannot_change_what_the_terminal_shows() -> None:
    with pytest.raises(ArchiveError) as caught:
        check_not_foreign("<html><title>\x1b[2J\u202e</title>".encode())

    assert caught.value.message.isprintable()
