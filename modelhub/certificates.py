"""Who issued a certificate: as much of X.509 as that takes.

Python tells the names in a certificate only of one that it trusts, and it is the others whose issuer one wants to know:
it names the company's proxy that has put itself in between.
"""

from __future__ import annotations

from collections.abc import Iterator

_COMMON_NAME = bytes.fromhex("550403")
_ORGANISATION = bytes.fromhex("55040a")
_VERSION_TAG = 0xA0
_UTF_16_TAG = 0x1E


def issuer_of(certificate: bytes) -> str:
    """The common name and the organisation that issued a certificate (DER); "" where it cannot be read."""
    try:
        _, whole = next(_elements(certificate))
        _, signed = next(_elements(whole))
        fields = [content for tag, content in _elements(signed) if tag != _VERSION_TAG]
        names = dict(_names(fields[2]))  # behind the serial number and the algorithm
    except (IndexError, StopIteration, ValueError):
        return ""
    parts = [names.get(_COMMON_NAME, ""), names.get(_ORGANISATION, "")]
    return ", ".join(dict.fromkeys(part for part in parts if part))


def _names(issuer: bytes) -> Iterator[tuple[bytes, str]]:
    for _, alternatives in _elements(issuer):
        for _, attribute in _elements(alternatives):
            (_, kind), (tag, value) = _elements(attribute)
            yield kind, value.decode("utf-16-be" if tag == _UTF_16_TAG else "utf-8", errors="replace")


def _elements(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Tag and content of each element that stands in ``data`` (X.690, definite lengths).

    Raises:
        IndexError: The data end too early.
    """
    position = 0
    while position < len(data):
        tag, length = data[position], data[position + 1]
        position += 2
        if length & 0x80:
            digits = length & 0x7F
            length = int.from_bytes(data[position : position + digits], "big")
            position += digits
        if position + length > len(data):
            raise IndexError(position)
        yield tag, data[position : position + length]
        position += length
