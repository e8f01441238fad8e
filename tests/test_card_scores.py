import pytest

from modelhub.card_benchmarks import read_benchmark
from modelhub.card_scores import best_score
from modelhub.facts import Score

REPORT = """
              precision    recall  f1-score   support
        BIRD       0.91      0.93      0.92       120
    accuracy                           0.88       160
   macro avg       0.86      0.86      0.85       160
weighted avg       0.89      0.90      0.87       160
"""
CONLL = "accuracy:  92.01%; (non-O)\naccuracy:  98.09%; precision:  89.83%; recall:  90.37%; FB1:  90.10\n"
COUNTS = """
label          tp   fp  fn  prec  rec   f1
B-BIRD         65   8   14  0.88  0.81  0.84
Macro-average  65   8   14  0.85  0.81  0.83
Micro-average  65   8   14  0.88  0.86  0.87
"""
BOX = """
+----+-------------+------+-------+
|    | label       | prec |    f1 |
|---:|:------------|-----:|------:|
|  0 | BIRD        | 0.80 | 0.81  |
|  1 | NEST        | 0.70 | 0.71  |
|  2 | macro_avg   | 0.75 | 0.76  |
"""
BOXES = "entity tp fp fn total precision recall f1\nA 1 1 1 1 0.9 0.8 0.85\nB 1 1 1 1 0.9 0.8 0.85\n\nmicro\n0.87251"


@pytest.mark.parametrize(
    ("text", "metric", "value"),
    [
        (REPORT, "f1", 0.87),
        (REPORT.replace("weighted avg", "   micro-avg"), "f1", 0.87),
        (CONLL, "f1", 0.901),
        (REPORT + CONLL, "f1", 0.901),
        (f"Dev:\n{CONLL.replace('90.10', '92.72')}\nTest:\n{CONLL}", "f1", 0.901),
        (f"Test set\n{CONLL}\nDev set\n{CONLL.replace('90.10', '92.72')}", "f1", 0.901),
        (COUNTS, "f1", 0.87),
        (
            "label tp fp fn total prec rec f1\nA 1 2 3 4 0.5 0.5 0.5\nB 1 2 3 4 0.5 0.5 0.7\nmicro - - - - - - 0.8704",
            "f1",
            0.8704,
        ),
        (BOX, "f1", 0.76),
        (
            "Relation Recall Precision F1 Support\nA 0.1 0.2 0.3 1\nB 0.1 0.2 0.4 1\nAvg. 0.635 0.803 0.691 -",
            "f1",
            0.691,
        ),
        ("label recall precision f1 support\nA 0.1 0.2 0.3 9\nB 0.1 0.2 0.4 9\nmacro-avg 0.86 0.87 0.86", "f1", 0.86),
        ("label  Accuracy  Recall  Prec  F1\n0  0.98  1.00  0.96  0.98", "f1", 0.98),
        ("| precision | recall | f1-score |\n|---|---|---|\n| 0,7392 | 0,7754 | 0,7569 |", "f1", 0.7569),
        ("| Metric | # score |\n| F1        | **90.17** |\n| Recall | **90.47** |", "f1", 0.9017),
        ('{\n"eval_accuracy": 0.95,\n"eval_f1": 0.94,\n"epoch": 3.0\n}', "f1", 0.94),
        ("Micro-average:\nprec: 0.89, rec: 0.90, f1: 0.8997", "f1", 0.8997),
        ("Macro-average prec: 0.8, rec: 0.8, f1: 0.82\nMicro-average prec: 0.8, rec: 0.8, f1: 0.84", "f1", 0.84),
        (BOXES, "f1", 0.8725),
        ("F1 measure = 0.756\nMicro F1 measure = 0.775", "f1", 0.756),
        ("Precision=0.81, Recall=0.78, F1-score=0.79", "f1", 0.79),
        ("label    score\nloss     0.0006\nf1       0.9997", "f1", 0.9997),
        ("Accuracy: 93.5%", "accuracy", 0.935),
        ("precision recall f1-score support\nA 0.1 0.2 0.3 9\nB 0.1 0.2 0.4 9\naccuracy 0.81 2095", "accuracy", 0.81),
    ],
)
def test_the_row_of_the_whole_model_gives_the_score(text, metric, value):
    assert best_score(read_benchmark(text)) == Score(metric=metric, value=value)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Scores are excellent.",
        "loss: 2428.622 - acc: 0.8181 - val_acc: 80.0",
        "| Model | precision | f1 |\n|---|---|---|\n| ONE | 0.6 | 0.7 |\n| TWO | 0.5 | 0.6 |",
        f"{CONLL}\n{CONLL.replace('90.10', '88.00')}",
        "label precision recall f1\nA 0.1 0.2 0.3\nB 0.1 0.2 0.4\nmicro-avg nan nan nan",
        "label precision recall f1\nA 0.1 0.2 0.3\nB 0.1 0.2 0.4\nmicro-avg 0.1",
        "label precision recall f1\nA 0.1 0.2 0.3\nB 0.1 0.2 0.4\nmicro-avg 0.1 0.2 400",
        "label precision f1\nONE 0.1 -\n",
        "language: F1-score:\namh 75.76\nhau 91.75",
    ],
)
def test_an_unclear_benchmark_has_no_score(text):
    assert best_score(read_benchmark(text)) is None
