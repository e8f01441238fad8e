"""Our own folders in a cache that several users may share: as open to them as the cache itself.

What is installed follows the umask of who installs it. But whoever may install into a cache must be able to wait for
others, to stage and to take notes there, too, whatever the umask of who came first.
"""

from __future__ import annotations

import stat
from contextlib import suppress
from pathlib import Path

from modelhub.flushing import flush

_OPENNESS = 0o777 | stat.S_ISVTX  # with the bit that keeps users from each other's files; groups pass on by themselves


def make_folder(folder: Path, *, root: Path) -> None:
    """Make a folder, and those above it that are missing; a loss of power finds them.

    Args:
        folder: The root, or one below it.
        root: Of the cache: those below it are as open as it is.

    Raises:
        OSError: It cannot be made.
    """
    if folder.is_dir():
        return
    if folder != folder.parent:
        make_folder(folder.parent, root=root)
    try:
        folder.mkdir()
    except FileExistsError:
        if folder.is_dir():  # another process was faster
            return
        raise
    if root in folder.parents:
        _open_like(folder, root)
    with suppress(PermissionError):  # whoever may write into a folder need not be allowed to read it
        flush([folder.parent])


def _open_like(folder: Path, root: Path) -> None:
    mode = stat.S_IMODE(folder.stat().st_mode)
    wanted = mode | stat.S_IMODE(root.stat().st_mode) & _OPENNESS
    if wanted != mode:
        folder.chmod(wanted)
