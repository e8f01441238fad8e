"""What is known of an object of a hub, what was read of it, and the files that came out of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import field
from typing import NamedTuple

from modelhub.quick_dataclasses import dataclass

# Called with the number of bytes so far and in all, ``None`` where that is unknown.
BytesCallback = Callable[[int, "int | None"], None]


@dataclass(frozen=True, kw_only=True)
class ObjectStat:
    """What is known of an object before it is read.

    Attributes:
        size_bytes: ``None`` where the server does not say.
        etag: Changes when the object is replaced; the time of the last change where there is none, or "".
        modified: ``Last-Modified`` as it came, or "". For people: two servers of one hub may disagree.
    """

    size_bytes: int | None
    etag: str = ""
    modified: str = field(default="", compare=False)


@dataclass(frozen=True, kw_only=True)
class Text:
    """A document that was read, and what to send next time to get it only if it changed."""

    content: str
    validator: str


class Member(NamedTuple):
    """One file that was unpacked; an archive may have 100,000, and a command makes a tuple's class in no time.

    Attributes:
        path: Relative to the folder, with slashes.
        size_bytes: Its size.
        crc32: Its CRC-32.
    """

    path: str
    size_bytes: int
    crc32: int
