"""Where an interrupted download lies: its part, and the journal beside it. :mod:`modelhub.partials` fills them."""

from __future__ import annotations

import os
from pathlib import Path

from modelhub.disk import disk_errors


def disk_bytes(part: Path) -> int:
    """How much of the disk a part takes; 0 where there is none."""
    try:
        status = part.stat()
    except OSError:
        return 0
    # Less than its size where the file system can set nothing apart; Windows does not tell.
    return min(status.st_size, 512 * getattr(status, "st_blocks", status.st_size))


def is_writable(part: Path) -> bool:
    """Whether a part may be written, if there is one: another user's often may not."""
    return all(not path.exists() or os.access(path, os.W_OK) for path in (part, journal_of(part)))


def delete_part(path: Path) -> None:
    """Delete a part and its journal, if they are there; the part last, which others see by."""
    with disk_errors(f"The download {path} cannot be deleted"):
        for leftover in (journal_of(path), path):
            leftover.unlink(missing_ok=True)


def journal_of(path: Path) -> Path:
    """Where the journal of a part lies."""
    return path.with_suffix(".journal")
