"""An object on its way: counted, digested and checked while it streams past."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator

from modelhub.errors import IntegrityError
from modelhub.storage import Source


class Download:
    """One object being downloaded; iterate over it for the bytes, then ask for the digests.

    Args:
        source: The object.
        expected_bytes: Its exact size where a list or a lockfile says it.
        expected_md5: Hex of either case where ``metadata.json`` has one; "" for none.
        on_bytes: Called with the number of bytes so far and in all (``None`` where unknown).
    """

    def __init__(
        self,
        source: Source,
        *,
        expected_bytes: int | None = None,
        expected_md5: str = "",
        on_bytes: Callable[[int, int | None], None] | None = None,
    ) -> None:
        self._source = source
        self._expected_bytes = expected_bytes
        self._expected_md5 = expected_md5.lower()
        self._on_bytes = on_bytes or (lambda done, total: None)
        self._sha256 = hashlib.sha256()
        # Only for comparison with metadata.json; usedforsecurity=False keeps it working on FIPS systems.
        self._md5 = hashlib.md5(usedforsecurity=False) if expected_md5 else None
        self.size_bytes = 0

    @property
    def sha256(self) -> str:
        """Hex digest of what has arrived."""
        return self._sha256.hexdigest()

    def __iter__(self) -> Iterator[bytes]:
        """The bytes in order.

        Raises:
            IntegrityError: Size or MD5 are not what they should be; the size is compared at the beginning where the
                object tells its own, the rest at the end.
            NotFoundError: There is no such object.
            NotAllowedError: The hub refuses it.
            NetworkError: The hub cannot be reached, or the connection broke.
            StorageError: A file cannot be read.
        """
        with self._source.stream() as stream:
            if stream.size_bytes is not None:
                self._check_size(stream.size_bytes)
            total = self._expected_bytes if self._expected_bytes is not None else stream.size_bytes
            self._on_bytes(0, total)  # on a slow link the first piece is long in coming
            for chunk in stream:
                self.size_bytes += len(chunk)
                self._sha256.update(chunk)
                if self._md5:
                    self._md5.update(chunk)
                self._on_bytes(self.size_bytes, total)
                yield chunk
        self._check_size(self.size_bytes)
        if stream.size_bytes not in (None, self.size_bytes):
            raise IntegrityError(
                f"{self._source.uri} had {stream.size_bytes:,} bytes when its reading began, {self.size_bytes:,} came.",
                hint="It was replaced meanwhile: pull again.",
            )
        self._check_md5()

    def _check_size(self, size_bytes: int) -> None:
        if self._expected_bytes not in (None, size_bytes):
            raise IntegrityError(
                f"{self._source.uri} has {size_bytes:,} bytes, not {self._expected_bytes:,} as its list says.",
                hint="The object was replaced: run modelhub update and pull again.",
            )

    def _check_md5(self) -> None:
        md5 = self._md5.hexdigest() if self._md5 else ""
        if md5 != self._expected_md5:
            raise IntegrityError(
                f"{self._source.uri} has the MD5 {md5}, not {self._expected_md5} as metadata.json says.",
                hint="Run modelhub update and pull again; if it stays so, tell those who run the hub.",
            )
