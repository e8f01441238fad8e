"""When an entry was last used, as far as anybody can know.

Spark NLP tells nobody what it loads. So the latest of these counts: when the entry was installed; when one of our
commands last handed out its path (recorded beside the entries); and when a file of it was last read, where the file
system keeps that (Linux by default writes it once a day, ``relatime``; some mounts, never). The files in ``metadata``
folders do not count: ``list`` and ``verify`` read them, too.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path


def note_use(record: Path) -> None:
    """Note that something is used now. Where that cannot be written, nobody is held up: it is only a note."""
    with suppress(OSError):
        record.parent.mkdir(parents=True, exist_ok=True)
        record.touch()


def last_use_s(folder: Path, records: Iterable[Path]) -> float:
    """When a folder was last used, in seconds since 1970.

    Args:
        folder: The entry.
        records: Files that were written when it was installed, or used.
    """
    return max(_times_of(folder, records), default=0.0)


def _times_of(folder: Path, records: Iterable[Path]) -> Iterator[float]:
    for path in (folder, *records):
        with suppress(OSError):
            yield path.stat().st_mtime
    for parent, _, names in os.walk(folder):
        if Path(parent).name == "metadata":
            continue
        for name in names:
            with suppress(OSError):
                yield Path(parent, name).stat().st_atime
