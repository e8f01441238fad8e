"""Repair of text that was UTF-8, was read as Windows-1252, and was saved again.

An emoji of four bytes then stands there as four letters and signs, a dash as three. Such a run of signs is turned back
into the bytes that it was, and these are read as UTF-8; what does not become valid UTF-8 was no damage and is kept.
"""

from __future__ import annotations

import re

from modelhub.quick_dataclasses import dataclass

_LOST = "\ufffd"


def _sign_of(byte: int) -> str:
    """The sign that a byte shows in Windows-1252; its five holes are read as Latin-1, as browsers do."""
    try:
        return bytes([byte]).decode("cp1252")
    except UnicodeDecodeError:
        return chr(byte)


_BYTE_OF = {_sign_of(byte): byte for byte in range(0x80, 0x100)}


def _class_of(first: int, last: int) -> str:
    """The signs of a range of bytes as a character class."""
    return "[" + re.escape("".join(_sign_of(byte) for byte in range(first, last + 1))) + "]"


_TRAIL = _class_of(0x80, 0xBF)
_LONG = f"{_class_of(0xE0, 0xEF)}{_TRAIL}{{2}}|{_class_of(0xF0, 0xF4)}{_TRAIL}{{3}}"
_PAIR = f"{_class_of(0xC2, 0xC3)}(?:{_TRAIL}(?=[^\\W\\d_])|(?![‘’“”«»]){_TRAIL})"
# A pair whose first sign is neither Â nor Ã may be the end of a word and a quote, such as Spaß“, and even Ã” ends a
# word in capitals, such as MAÇÃ”. These count only in a row of two or more.
_DAMAGE = re.compile(f"(?:{_LONG}|{_class_of(0xC2, 0xDF)}{_TRAIL}){{2,}}|{_LONG}|{_PAIR}")
# What the first sign of any damage is in UTF-8, before one that is not ASCII either. Most texts hold none, and this
# finds out forty times as fast.
_SUSPECT = re.compile(rb"\xc3[\x82-\xb4][\x80-\xff]")


@dataclass(frozen=True, kw_only=True)
class Repair:
    """A text after the repair.

    Attributes:
        text: The repaired text; it has as many lines as before.
        places: Number of runs that were repaired.
        first: Position of the first of them in the damaged text, -1 where there is none.
    """

    text: str
    places: int = 0
    first: int = -1


def repair(text: str) -> Repair:
    """Turn signs that are UTF-8 in disguise back into what they were."""
    if not _SUSPECT.search(text.encode(errors="replace")):
        return Repair(text=text)
    positions: list[int] = []

    def mended(match: re.Match[str]) -> str:
        try:
            meant = bytes(_BYTE_OF[sign] for sign in match[0]).decode("utf-8")
        except UnicodeDecodeError:
            return match[0]
        positions.append(match.start())
        return meant

    repaired = _DAMAGE.sub(mended, text)
    if not positions:
        return Repair(text=text)
    return Repair(text=repaired, places=len(positions), first=positions[0])


def find_lost(text: str) -> int:
    """Position of the first sign that decoding has lost for good, or -1."""
    return text.find(_LOST)
