"""What a reader of cards and of ``metadata.json`` had trouble with."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Diagnostic:
    """One trouble with one document; what could be read is kept all the same.

    Attributes:
        source: Path or URI of the document.
        line: Line in it, from 1; 0 where no line is to blame.
        field: Front matter key, table row, section or JSON field.
        code: Stable name of the trouble, such as ``front-matter-yaml`` or ``link-missing``.
        message: What is wrong, what was made of it, and what to do.
    """

    source: str
    line: int
    field: str
    code: str
    message: str

    def to_dict(self) -> dict[str, Any]:
        """The diagnostic as it stands in JSON answers."""
        return asdict(self)
