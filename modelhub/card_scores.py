"""The best score that the benchmark of a card gives for the whole model.

Only rows that are plainly about the whole model count. Where those contradict each other, there is no score: none is
better than a wrong one.
"""

from __future__ import annotations

from collections.abc import Sequence

from modelhub.card_benchmarks import AVERAGES
from modelhub.facts import Score, ScoreRow


def best_score(rows: Sequence[ScoreRow]) -> Score | None:
    """The F1 score, or else the accuracy, of the whole model as a fraction; None where the rows are not clear.

    Args:
        rows: All rows of the benchmark; the only one speaks for the whole model.
    """
    labels = (rows[0].label,) if len(rows) == 1 else AVERAGES
    for metric in ("f1", "accuracy"):
        for label in labels:
            values = {row.metrics[metric] for row in rows if row.label == label and metric in row.metrics}
            if values:
                return Score(metric=metric, value=values.pop()) if len(values) == 1 else None
    return None
