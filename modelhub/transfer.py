"""One zip on its way: brought by ranges into a part file or through a window, digested while it arrives.

By position: from a part file that survives an interruption, or from where the zip lies on this machine. In order:
through memory, where the server knows no ranges or the disk has no room for zip and folder at once.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

from modelhub.arriving import MEMORY_BYTES, WAIT_S, ArrivingZip, Content, Window
from modelhub.errors import IntegrityError
from modelhub.objects import BytesCallback
from modelhub.part_files import delete_part
from modelhub.partials import Identity, PartFile
from modelhub.quick_dataclasses import dataclass
from modelhub.ranges import Missing, Span
from modelhub.storage import Look


@dataclass(frozen=True, kw_only=True)
class Expected:
    """What a zip must be, as far as somebody has said it.

    Attributes:
        size_bytes: Its exact size.
        md5: Hex of either case, of ``metadata.json``; "" for none.
        sha256: Hex, as it was recorded when the artifact was first installed; "" for none.
    """

    size_bytes: int | None = None
    md5: str = ""
    sha256: str = ""


class Download:
    """One zip, brought once. Use as a context manager.

    Args:
        look: The object, as its source found it.
        expected: What it must be.
        on_bytes: Called with the number of bytes so far and in all (``None`` where unknown).
        memory_bytes: How much of what arrives may be in memory at once.

    Attributes:
        size_bytes: How many bytes have passed: the size of the zip once it is finished.
        fetched_bytes: How many were brought for it this time.

    Raises:
        IntegrityError: The object has not the size that it should have.
    """

    def __init__(
        self,
        look: Look,
        expected: Expected,
        on_bytes: BytesCallback | None = None,
        *,
        memory_bytes: int = MEMORY_BYTES,
    ) -> None:
        self.size_bytes = 0
        self.fetched_bytes = 0
        self._look = look
        self._memory_bytes = memory_bytes
        self._expected = expected
        self._on_bytes = on_bytes or (lambda done, total: None)
        self._sha256 = hashlib.sha256()
        # Only for comparison with metadata.json; usedforsecurity=False keeps it working on FIPS systems.
        self._md5 = hashlib.md5(usedforsecurity=False) if expected.md5 else None
        self._content: Content | Window | None = None
        self._part: PartFile | None = None
        self._digesting: threading.Event | None = None
        self._digest_error: BaseException | None = None
        self._stop_fetching: Callable[[], None] = lambda: None
        self._is_stopped = False
        try:
            if look.stat.size_bytes is not None:
                self._check_size(look.stat.size_bytes)
        except IntegrityError:
            self.close()
            raise
        self._total_bytes = expected.size_bytes if look.stat.size_bytes is None else look.stat.size_bytes
        self._on_bytes(0, self._total_bytes)  # on a slow link the first piece is long in coming

    def __enter__(self) -> Download:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def sha256(self) -> str:
        """Hex digest of what has passed."""
        return self._sha256.hexdigest()

    def by_position(self, part: Path) -> Content:
        """The zip by position; what is read before it has arrived is waited for.

        Args:
            part: The part file through which it comes; what an earlier download left there is gone on with.

        Raises:
            StorageError: The disk has no room for the zip.
        """
        if self._look.local:
            content: Content = self._look.local
            self.fetched_bytes = content.size_bytes
            self._on_bytes(content.size_bytes, content.size_bytes)
        else:
            content = self._begin_part(part)
        self._content = content
        # An event, for an interrupted join takes a thread for ended that is not (CPython 3.10 to 3.12).
        is_digested = threading.Event()
        threading.Thread(target=self._digest, args=(content, is_digested), name="digest", daemon=True).start()
        self._digesting = is_digested  # not before: of a thread that cannot be started nobody must wait for the end
        return content

    def in_order(self, part: Path) -> Iterator[bytes]:
        """The zip from its first byte to its last, through memory.

        Args:
            part: A part file that an earlier download may have left; it is in the way, and deleted.

        Raises:
            ModelHubError: It cannot be read.
        """
        delete_part(part)
        window = self._content = Window(self._memory_bytes)
        missing = Missing([Span(0, self._look.size_bytes)]) if self._look.has_ranges else None
        self._stop_fetching = self._look.source.fetch(missing, window)
        for chunk in window.chunks():
            self._take(chunk)
            self._arrived(self.size_bytes, 0)
            yield chunk

    def finish(self) -> None:
        """Wait until all has passed, and compare size and digest with what they should be.

        Raises:
            IntegrityError: They differ.
            ModelHubError: The rest cannot be read.
        """
        self._wait_for_digest()
        if self._digest_error:
            raise self._digest_error
        self._check_size(self.size_bytes)
        if self._look.stat.size_bytes not in (None, self.size_bytes):
            raise IntegrityError(
                f"{self._look.uri} had {self._look.size_bytes:,} bytes when its reading began, "
                f"{self.size_bytes:,} came.",
                hint="It was replaced meanwhile: pull again.",
            )
        if self._md5 and self._md5.hexdigest() != self._expected.md5.lower():
            raise IntegrityError(
                f"{self._look.uri} has the MD5 {self._md5.hexdigest()}, "
                f"not {self._expected.md5.lower()} as metadata.json says.",
                hint="Run modelhub update and pull again; if it stays so, tell those who run the hub.",
            )

    def close(self) -> None:
        """Stop; what has arrived in a part file is kept for the next time."""
        self._is_stopped = True
        self._stop_fetching()
        if self._content:
            self._content.stop()
        self._wait_for_digest()
        if self._part:
            self._part.close()
        self._look.close()

    def _wait_for_digest(self) -> None:
        while self._digesting and not self._digesting.wait(WAIT_S):
            pass

    def _begin_part(self, path: Path) -> ArrivingZip:
        identity = Identity(size_bytes=self._look.size_bytes, etag=self._look.stat.etag)
        part = self._part = PartFile(path, identity, may_be_copy=bool(self._expected.md5 or self._expected.sha256))
        resumed_bytes = part.resumed_bytes
        content = ArrivingZip(part, lambda done: self._arrived(done, resumed_bytes), memory_bytes=self._memory_bytes)
        content.put(0, self._look.head)
        content.put(self._look.size_bytes - len(self._look.tail), self._look.tail)
        self._arrived(content.arrived_bytes, resumed_bytes)
        self._stop_fetching = self._look.source.fetch(Missing(part.missing()), content)
        return content

    def _arrived(self, done_bytes: int, resumed_bytes: int) -> None:
        self.fetched_bytes = done_bytes - resumed_bytes
        self._on_bytes(done_bytes, self._total_bytes)

    def _digest(self, content: Content, is_digested: threading.Event) -> None:
        try:
            for piece in content.in_order():
                if self._is_stopped:
                    return
                self._take(piece)
        except BaseException as exc:
            self._digest_error = exc
        finally:
            is_digested.set()

    def _take(self, data: bytes) -> None:
        self._sha256.update(data)
        if self._md5:
            self._md5.update(data)
        self.size_bytes += len(data)

    def _check_size(self, size_bytes: int) -> None:
        if self._expected.size_bytes not in (None, size_bytes):
            raise IntegrityError(
                f"{self._look.uri} has {size_bytes:,} bytes, not {self._expected.size_bytes:,} as its list says.",
                hint="The object was replaced: run modelhub update and pull again.",
            )
