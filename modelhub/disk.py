"""What the operating system says about files and folders, as our errors."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager

from modelhub.errors import StorageError

ELSEWHERE = "Choose a folder that you may write to, on a disk that is well, with MODELHUB_CACHE (or --cache)."
_FULL = "Free some space (modelhub list, modelhub rm), or choose a cache on another disk with MODELHUB_CACHE."
_HINTS = {
    errno.ENOSPC: _FULL,
    errno.EDQUOT: _FULL,
    errno.ENAMETOOLONG: "Choose a cache with a shorter path with MODELHUB_CACHE.",
}


@contextmanager
def disk_errors(failure: str, *, hint: str = ELSEWHERE) -> Iterator[None]:
    """Turn what the operating system refuses into an error of ours.

    Args:
        failure: The beginning of the sentence, such as ``Cannot write /models/x``; the reason follows it.
        hint: What to do, unless the reason has an advice of its own (a full disk, a path that is too long).

    Raises:
        StorageError: The operating system refused. A broken pipe passes as it is: it is no disk, but our reader gone.
    """
    try:
        yield
    except BrokenPipeError:
        raise
    except UnicodeEncodeError as exc:
        raise StorageError(f"{failure}: the file system cannot hold such a name.", hint=hint) from exc
    except OSError as exc:
        reason = exc.strerror or str(exc) or type(exc).__name__
        where = f" ({exc.filename})" if exc.filename and str(exc.filename) not in failure else ""
        raise StorageError(f"{failure}: {reason}{where}.", hint=_HINTS.get(exc.errno or 0, hint)) from exc
