"""NLU references, as code gives them to ``nlu.load("…")``.

Hundreds of references have blanks and parentheses of their own (``xx.Tonga (Zambezi).translate_to.English``), so
neither of them ends one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

_LOAD = re.compile(r"nlu\.load\(\s*(?:\"{3}|'{3}|[\"'“”])([^\"'“”\n]*)")
# NLU takes several references in one text, parted by blanks; what begins with a language is another one.
_NEXT = re.compile(r"\s+(?=[a-z]{2,3}\.)")


class NluCall(NamedTuple):
    """What one call is given, without blanks around, and where the call stands in the text."""

    given: str
    position: int

    @property
    def references(self) -> tuple[str, ...]:
        """The references in what is given."""
        return tuple(_NEXT.split(self.given)) if self.given else ()


def find_nlu_calls(text: str) -> Iterator[NluCall]:
    """The calls in a page, in its order."""
    for match in _LOAD.finditer(text):
        yield NluCall(match[1].strip(), match.start())
