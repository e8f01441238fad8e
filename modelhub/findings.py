"""The diagnostics of one document, gathered while it is read."""

from __future__ import annotations

from modelhub.diagnostics import Diagnostic


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
