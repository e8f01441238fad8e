"""The benchmark of a card as rows: a label, and what was measured for it.

A benchmark is whatever somebody pasted: a report of scikit-learn or of CoNLL, a table with or without bars, boxes that
Spark printed, a dictionary of the Trainer, lines of names and values. Rows of averages get one name each, whatever
their author called them. What is no row for sure is left out; the text itself stays with the card.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from modelhub.facts import MAX_SCORES, ScoreRow

OVERALL = "overall"
MICRO = "micro avg"
MACRO = "macro avg"
WEIGHTED = "weighted avg"
# What speaks for the whole model, the most telling first: a micro average weighs labels by how often they occur, a
# macro average takes a rare label as seriously as a common one.
AVERAGES = (OVERALL, MICRO, WEIGHTED, MACRO)

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
    "f1-measure": "f1",
    "f-score": "f1",
    "accuracy": "accuracy",
    "acc": "accuracy",
    "exact-match": "exact_match",
    "em": "exact_match",
    "auroc": "auroc",
    "bleu": "bleu",
    "wer": "wer",
    "cer": "cer",
    "support": "support",
    "total": "support",
    "count": "support",
    "tp": "tp",
    "fp": "fp",
    "fn": "fn",
}
# What says nothing that precision and recall do not.
_COUNTS = frozenset({"tp", "fp", "fn"})
_NO_MEASURE = _COUNTS | {"support"}
# What heads the column of labels in a table that has one metric only.
_LABEL_HEADING = re.compile(
    r"class|dataset|entity|entities|labels?|languages?|model|relations?|src_lang|tags?|task", re.I
)
_TWO_WORDS = re.compile(r"\b(f1|f|exact)[ _](score|measure|match)\b", re.I)

_AVERAGE_WORDS = {
    "micro": MICRO,
    "macro": MACRO,
    "weighted": WEIGHTED,
    "avg": MACRO,
    "average": MACRO,
    "overall": OVERALL,
    "total": OVERALL,
}
_AVERAGE_NAME = re.compile(
    r"(micro|macro|weighted)[\s_-]*(?:avg|average|averaging)?\.?:?|(avg|average|overall|total)\.?:?", re.I
)
_AVERAGE_WITHIN = re.compile(r"micro|macro|weighted", re.I)

_NUMBER = re.compile(r"[*_`]*(-?\d{1,15}(?:[.,]\d+)?)\s*(%?)[*_`]*")  # a longer one is no score, nor a count
_BLANKS = frozenset({"-", "--", "nan", "none", ""})
# No two neighbours match the same sign: whoever writes a card must not decide how long it is read.
_CONLL = re.compile(
    r"(?:(?!accuracy)([^\s:;]+):[ \t]*)?(?:accuracy:[ \t]*([\d.]+)%;[ \t]*)?(?:\d[\d \t]*)?"
    r"precision:[ \t]*([\d.]+)%;[ \t]*recall:[ \t]*([\d.]+)%;[ \t]*FB1:[ \t]*([\d.]+)(?:[ \t]+(\d+))?",
    re.I,
)
_CONLL_METRICS = ("accuracy", "precision", "recall", "f1", "support")
_PAIR = re.compile(
    r"(?<!\w)(?:eval_|test_)?(f1|f-score|accuracy|acc|precision|prec|recall|rec|exact-match|bleu|wer|cer)"
    r"(?:[\s_-]{0,2}(?:score|measure))?(?:[ \t\"']*[:=|]\s*[\"*`]*|[ \t]+(?=[\d.,]+[ \t]*%?[ \t]*$))"
    r"(\d+(?:[.,]\d+)?\s*%?)",
    re.I,
)
# Lines of a training, whose numbers are those of one step.
_TRAINING = re.compile(r"\bloss\b.*\bacc|\(non-O\)", re.I)
_LONGEST_NAME = 40
_LONGEST_LABEL = 80
_LINK = re.compile(r"\[([^\[\]]*)\]\([^()]*\)")
_PART = re.compile(
    r"^[^\w\n]*(?:(test|evaluation|eval)|dev|development|valid|validation|train|training)"
    r"(?:[ _-]*(?:set|data|dataset|results?|metrics?|benchmark))?[^\w\n]*$",
    re.I | re.M,
)


def read_benchmark(text: str) -> tuple[ScoreRow, ...]:
    """The rows of a benchmark, in its order; those of the test where it has several parts.

    Args:
        text: The benchmark section, without its fences.
    """
    if not text:
        return ()
    reading = _Reading()
    for line in _test_part(_TWO_WORDS.sub(r"\1-\2", text)).splitlines():
        reading.take(line)
    reading.end_table()
    return tuple(reading.rows)


def telling_rows(rows: Sequence[ScoreRow]) -> tuple[ScoreRow, ...]:
    """At most ``MAX_SCORES`` rows, each label once, and all averages among them.

    Of several rows with one label the first counts: the others are of other parts, languages or models.
    """
    first: dict[str, ScoreRow] = {}
    for row in rows:
        first.setdefault(row.label, row)
    averages = first.keys() & set(AVERAGES)
    others = [label for label in first if label not in averages][: MAX_SCORES - len(averages)]
    kept = averages.union(others)
    return tuple(row for label, row in first.items() if label in kept)


def _test_part(text: str) -> str:
    """The part under the heading Test where the benchmark has several parts, else all of it."""
    headings = list(_PART.finditer(text))
    for index, heading in enumerate(headings):
        if heading[1]:
            end = headings[index + 1].start() if index + 1 < len(headings) else len(text)
            return text[heading.end() : end]
    return text


@dataclass
class _Table:
    """A table while it is read.

    Attributes:
        columns: What each column is from the first that is measured on; "" for what has no name here.
        labels: Number of columns before that.
    """

    columns: Sequence[str]
    labels: int
    rows: list[tuple[str, dict[str, float]]] = field(default_factory=list)


class _Reading:
    """A benchmark while it is read, line by line."""

    def __init__(self) -> None:
        self.rows: list[ScoreRow] = []
        self._table: _Table | None = None
        self._average = ""  # named by the line before, alone

    def take(self, line: str) -> None:
        """Read one line: a row of the table that is open, of CoNLL, a heading, or names and values."""
        average, self._average = self._average, ""
        cells = _cells(line)
        if not cells:
            self._average = average
        elif self._table and (row := _table_row(self._table, cells, has_bars="|" in line)):
            self._table.rows.append(row)
        elif "FB1:" in line and (conll := _CONLL.fullmatch(line.strip())):
            self.end_table()
            values = map(_value_of, conll.groups()[1:])
            self._add(conll[1] or OVERALL, _scaled(zip(_CONLL_METRICS, values, strict=True)))
        elif table := _heading(cells, has_bars="|" in line):
            self.end_table()
            self._table = table
        elif len(cells) == 1 and _AVERAGE_NAME.fullmatch(cells[0]):
            self._average = _average(cells[0])
        elif average and len(cells) == 1 and (value := _value_of(cells[0])) is not None:
            self.end_table()
            self._add(average, _scaled([("f1", value)]))
        elif not _TRAINING.search(line):
            self._take_pairs(line, average)

    def end_table(self) -> None:
        """Take the rows of the table that is open."""
        for label, values in self._table.rows if self._table else ():
            self._add(label, _scaled(values.items()))
        self._table = None

    def _take_pairs(self, line: str, average: str) -> None:
        """Read ``f1: 0.9, recall: 0.8``, also as lines of JSON; one row for as long as nothing is said twice."""
        pairs = list(_PAIR.finditer(line))
        if not pairs:
            return
        before = line[: pairs[0].start()]
        label = average or _pair_label(before)
        values = _scaled((_COLUMNS.get(pair[1].lower(), ""), _value_of(pair[2])) for pair in pairs)
        last = self.rows[-1] if self.rows else None
        if last and last.label == label and not last.metrics.keys() & values.keys():
            self.rows[-1] = ScoreRow(label, {**last.metrics, **values})
        else:
            self._add(label, values)

    def _add(self, label: str, values: Mapping[str, float]) -> None:
        if values.keys() - _NO_MEASURE:
            self.rows.append(ScoreRow(label, values))


def _cells(line: str) -> list[str]:
    """The cells of a line: between bars where it has any, else between blanks; none of a ruler."""
    line = line.strip()
    if "|" in line:
        return [cell.strip() for cell in line.strip("|").split("|")] if line.strip("|-:+ ") else []
    return line.split() if line.strip("-+= ") else []


def _heading(cells: Sequence[str], *, has_bars: bool) -> _Table | None:
    """The table that a line of headings opens, or None for any other line.

    Without bars every word from the first metric on must be one, as cells are told by counting.
    """
    if any(_NUMBER.fullmatch(cell) for cell in cells):
        return None
    names = [_COLUMNS.get(cell.strip("*_` :#").lower(), "") for cell in cells]
    first = next((index for index, name in enumerate(names) if name), len(names))
    columns = names[first:]
    measured = [name for name in columns if name and name not in _NO_MEASURE]
    is_headed = any(_LABEL_HEADING.fullmatch(cell.strip("*_` :#")) for cell in cells[:first])
    is_heading = measured and (len([name for name in columns if name]) > 1 or is_headed)
    return _Table(columns, first) if is_heading and (has_bars or all(columns)) else None


def _table_row(table: _Table, cells: Sequence[str], *, has_bars: bool) -> tuple[str, dict[str, float]] | None:
    """Label and values of a row, or None for a line that is none."""
    if has_bars and len(cells) == table.labels + len(table.columns) and not all(map(_is_value, cells[: table.labels])):
        label = _without_number(cells[: table.labels])
        values = list(cells[table.labels :])
    else:
        label, values = _split_row(table, cells)
    if label.lower().rstrip(":") in ("accuracy", "acc") and "accuracy" not in table.columns:
        known = [value for cell in values if (value := _value_of(cell)) is not None]
        return (OVERALL, {"accuracy": known[0]}) if known else None
    is_short = len(values) == len(table.columns) - 1 and table.columns[-1] == "support"
    if len(values) != len(table.columns) and not is_short:
        return None
    read = {
        name: value
        for name, cell in zip(table.columns, values, strict=False)
        if name and name not in _COUNTS and (value := _value_of(cell)) is not None
    }
    return (_row_label(label), read) if read else None


def _split_row(table: _Table, cells: Sequence[str]) -> tuple[str, list[str]]:
    """Label and values of a row whose cells were parted at blanks; some tables have no labels."""
    if len(cells) == len(table.columns) and all(map(_is_value, cells)):
        return "", list(cells)
    if len(cells) > 1 and cells[0].isdigit() and not _is_value(cells[1]):
        cells = cells[1:]
    first = next((index for index, cell in enumerate(cells) if _is_value(cell) and index), len(cells))
    return " ".join(cell for cell in cells[:first] if cell), list(cells[first:])


def _without_number(cells: Sequence[str]) -> str:
    """The cells before the first value as one label, without the running number of the row."""
    words = [cell for cell in cells if cell]
    return " ".join(words[1:] if len(words) > 1 and words[0].isdigit() else words)


def _row_label(text: str) -> str:
    """The label of a row; averages, and rows without any, by the one name that they have here."""
    text = _LINK.sub(r"\1", text).strip("*` :")[:_LONGEST_LABEL]
    return (_average(text) or text) if text else OVERALL


def _pair_label(before: str) -> str:
    """What a line of names and values is about: an average, something short, else the whole model."""
    if within := _AVERAGE_WITHIN.search(before):
        return _AVERAGE_WORDS[within[0].lower()]
    name = before.strip(" \t*_`|,:;-{\"'")
    return _row_label(name) if len(name) <= _LONGEST_NAME and len(name.split()) <= 2 else OVERALL


def _average(text: str) -> str:
    """The name of an average, or "" for another label."""
    match = _AVERAGE_NAME.fullmatch(text)
    return _AVERAGE_WORDS[(match[1] or match[2]).lower()] if match else ""


def _is_value(cell: str) -> bool:
    return cell.lower() in _BLANKS or _NUMBER.fullmatch(cell) is not None


def _value_of(cell: str | None) -> float | None:
    """The number in a cell, a percentage as a fraction; None where there is none."""
    match = _NUMBER.fullmatch(cell.strip()) if cell else None
    if match is None:
        return None
    value = float(match[1].replace(",", "."))
    return value / 100 if match[2] else value


def _scaled(values: Iterable[tuple[str, float | None]]) -> dict[str, float]:
    """The values of a row that can be true: what is measured lies between 0 and 1, or all of it between 0 and 100."""
    known = {name: value for name, value in values if value is not None and name}
    counted = {name: int(value) for name, value in known.items() if name in _NO_MEASURE}
    unit = 100 if any(value > 1 for name, value in known.items() if name not in counted) else 1
    measured = {name: round(value / unit, 4) for name, value in known.items() if name not in counted}
    return {name: value for name, value in measured.items() if 0 <= value <= 1} | counted
