"""Paths that Spark NLP can load from, for entries whose own path it cannot: symbolic links with clean names.

An alias is ``{folder}/{digest of the entry's folder}/{key}``. It holds nothing, and is made anew whenever it is wanted;
whose entry is gone is swept away by ``prune`` and ``rm``.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from modelhub.errors import StorageError
from modelhub.spark_paths import readable_name, unreadable_letter, unreadable_sign

_DIGITS = 12
_HINT = "Set MODELHUB_CACHE to a path without it; a symbolic link that leads to the folder will do."


class Aliases:
    """Gives entries clean paths.

    Args:
        home: Where our own files lie; aliases are there if that can be loaded from.
        is_utf8: Tells whether the JVM would take file names for UTF-8.
        on_note: Called with each sentence that deserves to be said.
        fallback: Where they are otherwise; by default a folder of this user among the temporary files.
    """

    def __init__(
        self,
        home: Path,
        *,
        is_utf8: Callable[[], bool],
        on_note: Callable[[str], None] = lambda sentence: None,
        fallback: Path | None = None,
    ) -> None:
        self._home = home
        self._is_utf8 = is_utf8
        self._note = on_note
        self._fallback = fallback

    def sign_against(self, path: Path) -> str:
        """The sign because of which Spark NLP cannot load from a path; "" where there is none."""
        text = path.relative_to(path.anchor).as_posix()  # a drive and what Windows separates by are no such signs
        return unreadable_sign(text, is_utf8=self._reads(text)) or self._letter_against(path)

    def loadable_if_possible(self, path: Path) -> Path:
        """The same as :meth:`loadable`; where there is no such path it is said why, and the folder's own is given."""
        try:
            return self.loadable(path)
        except StorageError as exc:
            self._note(str(exc))
            return path

    def loadable(self, path: Path) -> Path:
        """A path to a folder that Spark NLP can load from: the folder's own where that will do.

        Raises:
            StorageError: There is none, because no alias can be made.
        """
        sign = self.sign_against(path)
        if not sign:
            return path
        if letter := self._letter_against(path):
            raise StorageError(
                f"Spark NLP cannot load from {path}, not even by an alias: this locale cannot read {letter!r}.",
                hint="Start Spark with LC_ALL=C.UTF-8, or set MODELHUB_CACHE to a folder without such letters.",
            )
        reason = "no folder for aliases has a path without such signs"
        for folder in self._folders():
            if self.sign_against(folder):
                continue
            try:
                return _link(_alias_of(path, folder), path)
            except OSError as exc:
                reason = f"{folder} takes no symbolic link: {exc.strerror or exc}"
        raise StorageError(
            f"Spark NLP cannot load from a path with {sign!r} ({path}), and there is no alias for it: {reason}.",
            hint=_HINT,
        )

    def sweep(self) -> None:
        """Remove the aliases whose folders are gone."""
        for folder in self._folders():
            for alias in list(folder.glob("*/*")):
                if alias.is_symlink() and not alias.exists():
                    with suppress(OSError):
                        alias.unlink()
                        alias.parent.rmdir()

    def _letter_against(self, path: Path) -> str:
        """A letter of where a path leads that the JVM cannot read; "" where there is none."""
        real = os.path.realpath(path)
        return unreadable_letter(real, is_utf8=self._reads(real))

    def _reads(self, text: str) -> bool:
        """Whether the JVM reads the letters of a text; only where it has any need the locale be asked."""
        return text.isascii() or self._is_utf8()

    def _folders(self) -> list[Path]:
        fallback = self._fallback or _own_temporary_folder()
        return [self._home / "aliases", *([fallback] if fallback else [])]


def _alias_of(path: Path, folder: Path) -> Path:
    from hashlib import sha256  # 3 ms that only few paths need

    digest = sha256(os.fsencode(path)).hexdigest()[:_DIGITS]
    return folder / digest / readable_name(path.name)


def _link(alias: Path, path: Path) -> Path:
    """Let an alias lead to a path, in one step.

    Raises:
        OSError: It cannot be made, or its folder belongs to somebody else, who could let it lead elsewhere.
    """
    _make_private(alias.parent.parent)
    alias.parent.mkdir(exist_ok=True)
    with suppress(OSError):
        if alias.readlink() == path:
            return alias
    temporary = alias.with_name(f".{os.getpid()}.{os.urandom(4).hex()}")
    temporary.symlink_to(path, target_is_directory=True)
    temporary.replace(alias)
    return alias


def _make_private(folder: Path) -> None:
    """Make a folder into which nobody else may write, or see that it is one.

    Raises:
        OSError: It is not.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    status = folder.lstat()
    if hasattr(os, "getuid") and (folder.is_symlink() or status.st_uid != os.getuid() or status.st_mode & 0o022):
        raise PermissionError(0, "others may write to it")


def _own_temporary_folder() -> Path | None:
    import tempfile  # 5 ms that only few need

    user = os.getuid() if hasattr(os, "getuid") else "aliases"
    try:
        return Path(tempfile.gettempdir()) / f"modelhub-{user}"
    except FileNotFoundError:  # nowhere may anything be written
        return None
