"""Where a program keeps what is a user's: the folders that each platform has for that.

As platformdirs has them (XDG Base Directory Specification; Apple's File System Programming Guide), whose import takes
a tenth of what a pull of a cached model may take.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

from modelhub.errors import UsageError


def cache_folder(environ: Mapping[str, str], *, platform: str = sys.platform) -> Path:
    """For what can be made again."""
    if platform == "win32":
        return _folder(environ, "LOCALAPPDATA", "AppData/Local") / "modelhub" / "cache"
    if platform == "darwin":
        return Path.home() / "Library" / "Caches" / "modelhub"
    return _folder(environ, "XDG_CACHE_HOME", ".cache") / "modelhub"


def config_folder(environ: Mapping[str, str], *, platform: str = sys.platform) -> Path:
    """For settings."""
    if platform == "win32":
        return _folder(environ, "LOCALAPPDATA", "AppData/Local") / "modelhub"
    if platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "modelhub"
    return _folder(environ, "XDG_CONFIG_HOME", ".config") / "modelhub"


def expanded(path: str | Path) -> Path:
    """A path in full, with ``~`` and ``~user`` for homes.

    Raises:
        UsageError: There is no such user.
    """
    try:
        return Path(path).expanduser().absolute()
    except RuntimeError as exc:
        raise UsageError(f"{path} names the home of an unknown user.", hint="Write the path out.") from exc


def _folder(environ: Mapping[str, str], variable: str, below_home: str) -> Path:
    """What a variable names, if that is an absolute path (else it is void), or a folder of the user's home."""
    named = Path(environ.get(variable, ""))
    return named if named.is_absolute() else Path.home() / below_home
