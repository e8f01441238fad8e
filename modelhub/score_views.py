"""The rows of a benchmark as a table."""

from __future__ import annotations

from collections.abc import Sequence

from modelhub.facts import ScoreRow
from modelhub.output import Output

_FIRST = ("precision", "recall", "f1", "accuracy")
_COUNTED = "support"
_ROWS_SHOWN = 16


def view_scores(output: Output, rows: Sequence[ScoreRow]) -> None:
    """One row a label; on a terminal only the first of many."""
    metrics = _metrics_of(rows)
    shown = rows[:_ROWS_SHOWN] if output.is_terminal else rows
    titles = [metric.replace("_", " ").upper() for metric in metrics]
    output.table(
        ("SCORES", *titles),
        [(row.label, *(score_text(row.metrics.get(metric), metric) for metric in metrics)) for row in shown],
        right=titles,
        optional=[title for title in titles if title != "F1"],
    )
    if len(rows) > len(shown):
        output.note(f"{len(shown)} of {len(rows)} rows; --json has all.")


def score_text(value: float | None, metric: str) -> str:
    """A score with three digits, a count with none; "" where there is none."""
    if value is None:
        return ""
    return f"{value:,.0f}" if metric == _COUNTED else f"{value:.3f}"


def _metrics_of(rows: Sequence[ScoreRow]) -> list[str]:
    """The metrics that rows have: the usual ones first, in their usual order, what was counted last."""
    known = dict.fromkeys(metric for row in rows for metric in row.metrics)
    others = [metric for metric in known if metric not in (*_FIRST, _COUNTED)]
    return [metric for metric in (*_FIRST, *others, _COUNTED) if metric in known]
