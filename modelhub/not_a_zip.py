"""What came instead of a zip: a proxy's login page, the error of an object store, a note, another kind of archive."""

from __future__ import annotations

import re

from modelhub.errors import ArchiveError
from modelhub.zipformat import shown

_HTML = re.compile(rb"<(!doctype\s+html|html|head|body|script|title)\b", re.IGNORECASE)
_TITLE = re.compile(rb"<title[^>]*>([^<]*)", re.IGNORECASE)
_XML_CODE = re.compile(rb"<(?:Code|Message)>([^<]*)")
_UTF8_MARK = b"\xef\xbb\xbf"
_OTHER_ARCHIVES = {
    b"\x1f\x8b": "gzip",
    b"BZh": "bzip2",
    b"\xfd7zXZ\x00": "xz",
    b"\x28\xb5\x2f\xfd": "Zstandard",
    b"7z\xbc\xaf\x27\x1c": "7-Zip",
    b"Rar!\x1a\x07": "RAR",
}


def check_not_foreign(head: bytes) -> None:
    """Recognise what is surely no zip by its first bytes (1 KiB will do).

    Raises:
        ArchiveError: It is empty, a page, a text, or another kind of archive; the message says which.
    """
    if not head:
        raise ArchiveError("Nothing came: the archive has 0 bytes.", hint="Pull it again, or look at it in the hub.")
    text = head.removeprefix(_UTF8_MARK).lstrip()
    if text.startswith(b"<") and _HTML.search(text):
        raise ArchiveError(
            f"A web page came instead of a zip{_quoted(_TITLE.search(text))}.",
            hint="A proxy's login page, perhaps: open the URI in a browser, or set HTTPS_PROXY.",
        )
    if text.startswith((b"<?xml", b"<Error")):
        raise ArchiveError(
            f"An XML document came instead of a zip{_quoted(_XML_CODE.search(text))}.",
            hint="Object stores answer so when they refuse: look at the URI, and at the credentials.",
        )
    if _is_text(text):
        line = text.splitlines()[0].decode("utf-8", "replace") if text else ""
        raise ArchiveError(f"A text came instead of a zip: {shown(line)}.", hint="Open the URI in a browser.")
    for magic, name in _OTHER_ARCHIVES.items():
        if head.startswith(magic):
            raise ArchiveError(f"A {name} file came instead of a zip.", hint="Models are zips: pack it anew.")


def _quoted(match: re.Match[bytes] | None) -> str:
    words = match[1].decode("utf-8", "replace").split() if match else []
    return f": {shown(' '.join(words))}" if words else ""


def _is_text(head: bytes) -> bool:
    text = head.decode("utf-8", "ignore")  # the cut may go through a character
    is_whole = len(head) - len(text.encode()) < 4
    return is_whole and all(character.isprintable() or character.isspace() for character in text)
