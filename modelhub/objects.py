"""What is known of an object of a hub, and what was read of it."""

from __future__ import annotations

from dataclasses import dataclass, field


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
