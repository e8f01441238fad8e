"""What is written down of the entries of a cache, beside them: the manifest of each, and the digest of its zip.

``manifests/{key}.json`` lists the files of the entry that bears the name. Before a folder gets that name its manifest
lies in ``{key}.next.json`` and tells which folder it is of: so no crash can leave in doubt which of the two is right,
that of the folder that was there or that of the one that took its place.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from modelhub.artifacts import ArtifactKey
from modelhub.entries import Manifest, newest_ns
from modelhub.flushing import flush
from modelhub.shared_folders import make_folder


class Records:
    """The manifests and digests of one cache.

    Args:
        root: The cache.
        folder: Ours, below it.
    """

    def __init__(self, root: Path, folder: Path) -> None:
        self._root = root
        self._manifests = folder / "manifests"
        self._digests = folder / "digests"

    def manifest(self, key: ArtifactKey) -> Manifest | None:
        """The manifest of an entry that we installed."""
        path = self.manifest_path(key)
        with suppress(OSError, ValueError, KeyError, TypeError):
            if upcoming := self._upcoming(key):
                return upcoming
            manifest = Manifest.from_dict(_read(path))
            # Older ones do not say when that was; they were written right afterwards.
            return manifest if manifest.installed_ns else replace(manifest, installed_ns=path.stat().st_mtime_ns)
        return None

    def digest(self, key: ArtifactKey) -> str:
        """The SHA-256 of the zip as it was first installed here; "" where it never was."""
        try:
            return self._digest_path(key).read_text(encoding="ascii").strip().removeprefix("sha256:")
        except (OSError, ValueError):
            return ""

    def announce(self, manifest: Manifest, folder: Path, *, own: Path | None = None) -> list[Path]:
        """Write down what a folder holds that is about to get the name of an entry.

        Args:
            manifest: What it holds.
            folder: The folder.
            own: A folder of ours alone to write it down in, where others may be at the same work.

        Returns:
            What has to be on the disk before the folder gets it.

        Raises:
            OSError: It cannot be written.
        """
        path = self._next_path(ArtifactKey.parse(manifest.key), own)
        dated = replace(manifest, installed_ns=newest_ns(folder))
        make_folder(path.parent, root=self._root)
        path.write_text(json.dumps({**dated.to_dict(), "folder": _mark_of(folder)}, indent=1), encoding="utf-8")
        return [path, path.parent]

    def settle(self, key: ArtifactKey, scratch: Path, *, own: Path | None = None) -> None:
        """Make what was announced the record, if its folder has got the name; if not, forget it.

        What was copied from a folder has no zip, and so no digest.

        Args:
            key: The entry.
            scratch: A free name for a file, on the same disk; after an error something may bear it.
            own: As in :meth:`announce`.

        Raises:
            OSError: It cannot be written, or not be read.
        """
        manifest, path = self._upcoming(key, own), self._next_path(key, own)
        if manifest is None:
            path.unlink(missing_ok=True)
            return
        if manifest.sha256 and not self.digest(key):
            self._write_digest(key, manifest.sha256, scratch)
        make_folder(self._manifests, root=self._root)
        path.replace(self.manifest_path(key))

    def is_unsettled(self, key: ArtifactKey) -> bool:
        """Whether something was announced, and neither made the record nor forgotten."""
        return self._next_path(key).exists()

    def forget(self, key: ArtifactKey) -> None:
        """Delete the manifest; the digest is kept.

        Raises:
            OSError: It cannot be deleted.
        """
        self.manifest_path(key).unlink(missing_ok=True)

    def manifest_path(self, key: ArtifactKey) -> Path:
        """Where the manifest of an entry lies; it was last written when that was installed."""
        return self._manifests / f"{key}.json"

    def _next_path(self, key: ArtifactKey, own: Path | None = None) -> Path:
        return (own or self._manifests) / f"{key}.next.json"

    def _digest_path(self, key: ArtifactKey) -> Path:
        return self._digests / str(key)

    def _upcoming(self, key: ArtifactKey, own: Path | None = None) -> Manifest | None:
        """What was announced, if its folder has got the name.

        Raises:
            OSError: It cannot be read, so nobody can tell.
        """
        with suppress(FileNotFoundError, ValueError, KeyError, TypeError):
            document = _read(self._next_path(key, own))
            if document["folder"] == _mark_of(self._root / str(key)):
                return Manifest.from_dict(document)
        return None

    def _write_digest(self, key: ArtifactKey, sha256: str, scratch: Path) -> None:
        make_folder(self._digests, root=self._root)
        scratch.write_text(f"sha256:{sha256}\n", encoding="ascii")
        flush([scratch])
        scratch.replace(self._digest_path(key))


def _read(path: Path) -> Mapping[str, Any]:
    content = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(content, dict):
        raise TypeError(path)
    return content


def _mark_of(folder: Path) -> list[int]:
    """What tells a folder from others that bear its name: it keeps that when it is renamed.

    No finer than a second, for some file systems keep no finer times over a restart.
    """
    status = folder.stat()
    return [status.st_ino, int(status.st_mtime)]
