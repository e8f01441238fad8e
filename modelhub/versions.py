"""Versions as Spark NLP reads and compares them.

Its rules are not those of PEP 440 or SemVer: a version is a list of numbers, *compatible* means "not more specific
than ours and, cut to the same length, not greater", and the order among compatible artifacts turns a version into a
decimal number (``Version.scala``, ``ResourceMetadata.scala``).
"""

from __future__ import annotations

import re
import struct
from functools import cached_property

from modelhub.errors import UsageError
from modelhub.quick_dataclasses import dataclass

# No component is cut off: one of ten digits is no number of a version, and int() refuses thousands of them.
_LEADING = re.compile(r"\s*v?([0-9]{1,9}(?:\.[0-9]{1,9})*)(?!\.?[0-9])")


@dataclass(frozen=True)
class Version:
    """A version: its text as written, compared by its numbers.

    Args:
        text: As it stands in a key or setting. ``3.5.0-amzn-1`` counts as 3.5.0, as Spark NLP 5.5.3 reads it.
    """

    text: str

    @classmethod
    def parse(cls, text: str) -> Version:
        """Read a version.

        Raises:
            UsageError: The text does not begin with a number, or a number has ten digits or more.
        """
        if not _LEADING.match(text):
            raise UsageError(f"{text!r} is not a version.", hint="Write numbers joined by dots, such as 5.5.3.")
        return cls(text.strip())

    @cached_property
    def parts(self) -> tuple[int, ...]:
        """The numbers, most significant first; empty for a text that has none."""
        match = _LEADING.match(self.text)
        return tuple(int(part) for part in match[1].split(".")) if match else ()

    @cached_property
    def number(self) -> float:
        """The decimal number that Spark NLP compares, as a 32-bit float.

        The second and third component run together: 4.2.10 becomes 4.210, which is below 4.2.2, 4.22
        (``Version.toFloat``). Components after the third are left out.
        """
        whole, *rest = self.parts or (0,)
        digits = "".join(str(part) for part in rest[:2])
        value: float = struct.unpack("f", struct.pack("f", float(f"{whole}.{digits or 0}")))[0]
        return value

    def is_compatible(self, running: Version) -> bool:
        """Whether an artifact of this version suits a running library or Spark of version ``running``."""
        return len(self.parts) <= len(running.parts) and self.parts <= running.parts[: len(self.parts)]

    def __str__(self) -> str:
        return self.text
