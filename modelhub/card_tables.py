"""The table "Model Information" of a card: its rows under one name each, whatever the template called them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from difflib import get_close_matches
from functools import lru_cache
from typing import NamedTuple

_ROW = re.compile(r"\n[ \t]*\|([^|\n]*)\|?([^|\n]*)")
_DECORATION = " \t:*-+"

_NAMES = {
    "model name": "model name",
    "name": "model name",
    "model class": "model class",
    "type": "type",
    "compatibility": "compatibility",
    "spark nlp compatibility": "compatibility",
    "spark compatibility": "spark compatibility",
    "license": "license",
    "licence": "license",
    "edition": "edition",
    "inputs": "input labels",
    "input labels": "input labels",
    "spark inputs": "input labels",
    "output": "output labels",
    "outputs": "output labels",
    "output labels": "output labels",
    "spark outputs": "output labels",
    "language": "language",
    "size": "size",
    "case sensitive": "case sensitive",
    "max sentence length": "max sentence length",
    "dimension": "dimension",
    "dependencies": "dependencies",
    "upstream dependencies": "dependencies",
    "dependency": "dependencies",
}


class Row(NamedTuple):
    """One row of the table.

    Attributes:
        label: The first cell as written, without its colon.
        name: What the row is called here; "" for a row that no template has.
        value: The second cell.
        position: Where the row begins in the text.
    """

    label: str
    name: str
    value: str
    position: int

    @property
    def is_misspelt(self) -> bool:
        """Whether the name was only guessed from a similar one."""
        return bool(self.name) and self.label.lower() not in _NAMES


def read_rows(text: str, offset: int = 0) -> Iterator[Row]:
    """The rows of the tables in a section that begins at ``offset`` of the page; rulers are left out."""
    for match in _ROW.finditer(text):
        label, value = match[1].strip(_DECORATION), match[2].strip()
        if not label:
            continue
        # "Dependency:embeddings_clinical" puts the pair into one cell.
        if not value and ":" in label:
            label, _, value = label.partition(":")
        yield Row(label, row_name(label), value, offset + match.start() + 1)


def by_name(rows: Iterable[Row]) -> dict[str, Row]:
    """Rows by their name. Of several, the last that is not empty counts: the first of two ``Dimension`` is none."""
    named: dict[str, Row] = {}
    for row in rows:
        if row.name and (row.value or row.name not in named):
            named[row.name] = row
    return named


@lru_cache(maxsize=256)
def row_name(label: str) -> str:
    """The name of a row, also of a misspelt one; "" where no row is meant."""
    folded = label.lower()
    if folded in _NAMES:
        return _NAMES[folded]
    near = get_close_matches(folded, _NAMES, 1, 0.8) if len(folded) < 40 else []
    return _NAMES[near[0]] if near else ""


def columns(value: str) -> tuple[str, ...]:
    """The columns in a cell such as ``[document, token]``, also of ``[sentence. token]`` and ``sentence,token``."""
    return tuple(re.findall(r"[\w@/-]+", value))
