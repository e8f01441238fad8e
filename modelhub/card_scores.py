"""The best score that the benchmark of a card gives for the whole model.

A benchmark is whatever somebody pasted: a report of scikit-learn or of CoNLL, a table, a dictionary of the Trainer.
Only rows that are plainly about the whole model count. Where those contradict each other, there is no score: none is
better than a wrong one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from modelhub.facts import Score

_COLUMNS = {
    "precision": "precision",
    "prec": "precision",
    "prec.": "precision",
    "recall": "recall",
    "rec": "recall",
    "rec.": "recall",
    "f1": "f1",
    "f1-score": "f1",
    "f1_score": "f1",
    "f1score": "f1",
    "f-score": "f1",
    "accuracy": "accuracy",
    "acc": "accuracy",
    "tp": "tp",
    "fp": "fp",
    "fn": "fn",
    "total": "total",
    "support": "support",
}
# The kinds of rows that speak for the whole model, the most telling first. The score of CoNLL counts whole entities, a
# micro average weighs labels by how often they occur, a macro average takes a rare label as seriously as a common one.
_KINDS = ("conll", "micro", "weighted", "overall", "macro", "accuracy")
_AVERAGES = {
    "micro": "micro",
    "weighted": "weighted",
    "macro": "macro",
    "avg": "macro",
    "average": "macro",
    "overall": "overall",
    "total": "overall",
}

_NUMBER = re.compile(r"[*_`]*(-?\d+(?:[.,]\d+)?)\s*(%?)[*_`]*")
_BLANKS = frozenset({"-", "--", "nan", "none", ""})
_CONLL = re.compile(r"^[ \t]*accuracy:.*\bFB1:\s*(\d+(?:\.\d+)?)", re.M | re.I)
_AVERAGE_NAME = re.compile(
    r"(micro|macro|weighted)[\s_-]*(?:avg|average|averaging)?\.?:?|(avg|average|overall|total)\.?:?", re.I
)
_METRIC = r"\b(?:eval_|test_)?(?P<metric>f1|accuracy)(?:[\s_-]{0,2}(?:score|measure))?"
_NAMED = re.compile(_METRIC + r"[ \t\"']*[:=|]\s*[\"*`]*(?P<value>\d+(?:[.,]\d+)?)\s*(?P<percent>%?)", re.I)
_NAMED_LINE = re.compile(
    r"^[ \t]*" + _METRIC + r"[ \t]+(?P<value>\d+(?:[.,]\d+)?)[ \t]*(?P<percent>%?)[ \t]*$", re.I | re.M
)
_HEADER = re.compile(r"f1|acc|f-score", re.I)
_TELLING = re.compile(r"avg|average|micro|macro|weighted|overall|total|accuracy", re.I)
_KIND = re.compile(r"micro|macro|weighted", re.I)
_PART = re.compile(
    r"^[^\w\n]*(?:(test|evaluation|eval)|dev|development|valid|validation|train|training)"
    r"(?:[ _-]*(?:set|data|dataset|results?|metrics?|benchmark))?[^\w\n]*$",
    re.I | re.M,
)


@dataclass(frozen=True)
class _Candidate:
    """One row that may speak for the whole model."""

    kind: str
    metric: str
    value: float


def best_score(text: str) -> Score | None:
    """The F1 score, or else the accuracy, of the whole model as a fraction; None where the text is not clear.

    Args:
        text: The benchmark section, without its fences.
    """
    candidates = list(_candidates(_test_part(text)))
    for kind in _KINDS:
        for metric in ("f1", "accuracy"):
            values = {
                candidate.value for candidate in candidates if (candidate.kind, candidate.metric) == (kind, metric)
            }
            if len(values) == 1:
                return Score(metric=metric, value=values.pop())
            if values:
                return None
    return None


def _test_part(text: str) -> str:
    """The part under the heading Test where the benchmark has several parts, else all of it."""
    headings = list(_PART.finditer(text))
    for index, heading in enumerate(headings):
        if heading[1]:
            end = headings[index + 1].start() if index + 1 < len(headings) else len(text)
            return text[heading.end() : end]
    return text


def _candidates(text: str) -> Iterator[_Candidate]:
    """Every row that may speak for the whole model."""
    for match in _CONLL.finditer(text):
        yield from _candidate("conll", "f1", match[1], is_percent=True)
    yield from _rows(text)
    yield from _named_values(text)


def _rows(text: str) -> Iterator[_Candidate]:
    """The candidates in the tables of a text."""
    header: Sequence[str] = ()
    rows: list[Sequence[str]] = []
    for line in text.splitlines():
        columns = _columns(_cells(line)) if _HEADER.search(line) else None
        if columns:
            yield from _lone_row(header, rows)
            header, rows = columns, []
        elif header and (cells := _cells(line)):
            rows.append(cells)
            if _TELLING.search(line):
                yield from _average_row(header, cells)
    yield from _lone_row(header, rows)


def _cells(line: str) -> list[str]:
    """The cells of a line: between bars where it has any, else between blanks."""
    line = line.strip()
    if "|" in line:
        return [] if set(line) <= set("|-:+ ") else [cell.strip() for cell in line.strip("|").split("|")]
    return [] if set(line) <= set("-+= ") else line.split()


def _columns(cells: Sequence[str]) -> list[str]:
    """The columns of a header row: its last cells that name metrics, if F1 or accuracy is among them."""
    names = [_COLUMNS.get(cell.strip("*_` :#").lower().removeprefix("# "), "") for cell in cells]
    while names and not names[0]:
        names.pop(0)
    is_header = len(names) > 1 and all(names) and ("f1" in names or "accuracy" in names)
    return names if is_header else []


def _average_row(header: Sequence[str], cells: Sequence[str]) -> Iterator[_Candidate]:
    """The candidates in a row of averages, or in the row of the accuracy that scikit-learn puts among them."""
    label, values = _split_row(header, cells)
    name = _AVERAGE_NAME.fullmatch(label)
    if name:
        kind = _AVERAGES[(name[1] or name[2]).lower()]
        if "f1" in header and (value := _value_at(header, values, "f1")):
            yield from _candidate(kind, "f1", value)
    elif label.lower().rstrip(":") == "accuracy" and "accuracy" not in header:
        known = [value for value in values if value.lower() not in _BLANKS]
        if known:
            yield from _candidate("accuracy", "accuracy", known[0])


def _split_row(header: Sequence[str], cells: Sequence[str]) -> tuple[str, list[str]]:
    """The label of a row, without a running number before it, and its values; some tables have no labels."""
    cells = list(cells)
    if len(cells) == len(header) and all(map(_is_value, cells)):
        return "", cells
    if len(cells) > 1 and cells[0].isdigit() and not _is_value(cells[1]):
        cells.pop(0)
    first = next((index for index, cell in enumerate(cells) if _is_value(cell) and index), len(cells))
    return " ".join(cell for cell in cells[:first] if cell), cells[first:]


def _is_value(cell: str) -> bool:
    return cell.lower() in _BLANKS or _NUMBER.fullmatch(cell) is not None


def _value_at(header: Sequence[str], values: Sequence[str], metric: str) -> str:
    """The value below a column; a row may lack the support, no other value."""
    if len(values) == len(header) or (len(values) == len(header) - 1 and header[-1] == "support"):
        value = values[header.index(metric)]
        return "" if value.lower() in _BLANKS else value
    return ""


def _lone_row(header: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[_Candidate]:
    """The candidates of a table that has one row only: it speaks for the whole model."""
    if len(rows) != 1:
        return
    _, values = _split_row(header, rows[0])
    for metric in ("f1", "accuracy"):
        if metric in header and (value := _value_at(header, values, metric)):
            yield from _candidate("overall", metric, value)


def _named_values(text: str) -> Iterator[_Candidate]:
    """The candidates that are named: ``"eval_f1": 0.94``, ``Micro-average: prec: …, f1: 0.9``, ``| F1 | 90.17 |``."""
    for match in (*_NAMED.finditer(text), *_NAMED_LINE.finditer(text)):
        before = text[text.rfind("\n", 0, match.start()) + 1 : match.start()]
        metric = match["metric"].lower()
        kind = _KIND.search(before)
        usual = "overall" if metric == "f1" else "accuracy"
        yield from _candidate(
            kind[0].lower() if kind else usual, metric, match["value"], is_percent=bool(match["percent"])
        )


def _candidate(kind: str, metric: str, text: str, *, is_percent: bool = False) -> Iterator[_Candidate]:
    """One candidate with its value as a fraction; none where that is not between 0 and 1."""
    match = _NUMBER.fullmatch(text)
    if match is None:
        return
    value = float(match[1].replace(",", "."))
    if is_percent or match[2] or value > 1:
        value = round(value / 100, 6)
    if 0 <= value <= 1:
        yield _Candidate(kind, metric, value)
