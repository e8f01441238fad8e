"""How far a pull is: what the callable for progress is given."""

from __future__ import annotations

from collections.abc import Callable

from modelhub.quick_dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Progress:
    """One moment of a pull.

    Attributes:
        phase: ``resolving``, ``opening``, ``downloading`` (and unpacking, which keeps step), ``checking``,
            ``installed`` or ``cached``; ``verifying`` while files are read. Of several models in one pull each has its
            own.
        subject: The key of the artifact, or the reference while it is resolved.
        done_bytes: Of the zip.
        total_bytes: Of the zip; ``None`` where it is not known.
    """

    phase: str
    subject: str
    done_bytes: int = 0
    total_bytes: int | None = None


ProgressCallback = Callable[[Progress], None]
