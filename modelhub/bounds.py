"""How much an archive may unpack to, so that none fills the disk or keeps the processor busy for hours."""

from __future__ import annotations

from modelhub.errors import ArchiveError
from modelhub.quick_dataclasses import dataclass

# Below it no ratio is a bomb: small files of zeros are in real models.
_HARMLESS_BYTES = 256 << 20


@dataclass(frozen=True, kw_only=True)
class Bounds:
    """Bounds on what comes out of one archive.

    Attributes:
        max_unpacked_bytes: How much may come out; 0 for any amount. The largest models have some 50 GB.
        max_ratio: How many bytes may come out of one, once they are more than 256 MiB; 0 for any number. Deflate
            reaches 1032; weights reach 1.1, texts 10.
    """

    max_unpacked_bytes: int = 10**12
    max_ratio: float = 200.0

    def check(self, unpacked_bytes: int, *, archive_bytes: int) -> None:
        """Stop what unpacks to too much.

        Args:
            unpacked_bytes: How much it unpacks to, as far as that is known or announced.
            archive_bytes: Out of how many.

        Raises:
            ArchiveError: It is more than is allowed.
        """
        if self.max_unpacked_bytes and unpacked_bytes > self.max_unpacked_bytes:
            raise _refused(f"it unpacks to more than {self.max_unpacked_bytes:,} bytes", "MODELHUB_MAX_UNPACKED")
        if self.max_ratio and unpacked_bytes > max(_HARMLESS_BYTES, self.max_ratio * archive_bytes):
            raise _refused(
                f"{archive_bytes:,} bytes of it unpack to {unpacked_bytes:,} and more, as in a zip bomb",
                "MODELHUB_MAX_RATIO",
            )


def _refused(why: str, setting: str) -> ArchiveError:
    return ArchiveError(
        f"The archive is refused: {why}.",
        hint=f"Nothing of it is kept. If you trust whoever published it, raise {setting}.",
    )
