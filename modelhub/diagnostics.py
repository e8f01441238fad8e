"""What a reader of cards and of ``metadata.json`` had trouble with."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from modelhub.quick_dataclasses import dataclass


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


class Findings:
    """What a parser had trouble with, in the order in which it was met.

    Args:
        source: Path or URI of the document, as every diagnostic names it.
    """

    def __init__(self, source: str) -> None:
        self.source = source
        self._found: list[Diagnostic] = []

    def add(self, code: str, message: str, *, line: int = 0, field: str = "") -> None:
        """Note one trouble (see :class:`~modelhub.diagnostics.Diagnostic` for what the words mean)."""
        self._found.append(Diagnostic(source=self.source, line=line, field=field, code=code, message=message))

    def sorted(self) -> tuple[Diagnostic, ...]:
        """All of them, by line; those of the whole document (line 0) last."""
        return tuple(sorted(self._found, key=lambda finding: finding.line or float("inf")))
