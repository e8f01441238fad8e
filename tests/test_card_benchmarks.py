import time

import pytest

from modelhub.card_benchmarks import read_benchmark, telling_rows
from modelhub.facts import MAX_SCORES, ScoreRow


def rows(text):
    return [(row.label, dict(row.metrics)) for row in read_benchmark(text)]


REPORT = """
              precision    recall  f1-score   support

        BIRD       0.91      0.93      0.92       120
       a owl       0.81      0.79      0.80        40

    accuracy                           0.88       160
   macro avg       0.86      0.86      0.85       160
weighted avg       0.89      0.90      0.87       160
"""
REPORT_ROWS = [
    ("BIRD", {"precision": 0.91, "recall": 0.93, "f1": 0.92, "support": 120}),
    ("a owl", {"precision": 0.81, "recall": 0.79, "f1": 0.8, "support": 40}),
    ("overall", {"accuracy": 0.88}),
    ("macro avg", {"precision": 0.86, "recall": 0.86, "f1": 0.85, "support": 160}),
    ("weighted avg", {"precision": 0.89, "recall": 0.9, "f1": 0.87, "support": 160}),
]
BARS = """
|    | label         |   tp |  fp |  fn |     prec |      rec |       f1 |
|---:|:--------------|-----:|----:|----:|---------:|---------:|---------:|
|  0 | I-BIRD        | 6492 | 873 |  45 | 0.881466 | 0.817941 | 0.848517 |
|  1 | Macro-average | 6492 | 873 |  45 | 0.895657 |          | nan      |
"""
BOXES = """
+------+----+---+---+-----+---------+------+------+
|entity|  tp| fp| fn|total|precision|recall|    f1|
+------+----+---+---+-----+---------+------+------+
|  BIRD|17.0|1.0|2.0| 19.0|    0.924|0.8995|0.9116|
+------+----+---+---+-----+---------+------+------+

+------------------+
|             macro|
+------------------+
|0.8525141088742945|
+------------------+
"""
CONLL = """
processed 1267 tokens with 134 phrases; found: 132 phrases; correct: 112.
accuracy:  84.14%; (non-O)
accuracy:  96.92%; precision:  85.20%; recall:  83.62%; FB1:  84.40
BIRD: precision:  84.89%; recall:  88.12%; FB1:  86.48  59436
NEST:  822  935  990 precision:  83.03%; recall:  87.91%; FB1:  85.40  990
"""
CONLL_ROWS = [
    ("overall", {"accuracy": 0.9692, "precision": 0.852, "recall": 0.8362, "f1": 0.844}),
    ("BIRD", {"precision": 0.8489, "recall": 0.8812, "f1": 0.8648, "support": 59436}),
    ("NEST", {"precision": 0.8303, "recall": 0.8791, "f1": 0.854, "support": 990}),
]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (REPORT, REPORT_ROWS),
        (
            BARS,
            [("I-BIRD", {"precision": 0.8815, "recall": 0.8179, "f1": 0.8485}), ("macro avg", {"precision": 0.8957})],
        ),
        (
            BOXES,
            [
                ("BIRD", {"support": 19, "precision": 0.924, "recall": 0.8995, "f1": 0.9116}),
                ("macro avg", {"f1": 0.8525}),
            ],
        ),
        (CONLL, CONLL_ROWS),
        (REPORT + CONLL, REPORT_ROWS + CONLL_ROWS),
        (
            '{\n "eval_loss": 0.17,\n "eval_accuracy": 0.951,\n "eval_f1": 0.95,\n "epoch": 3.0\n}',
            [("overall", {"accuracy": 0.951, "f1": 0.95})],
        ),
        (
            "Micro-average:\n\nprec: 0.89, rec: 0.90, f1: 0.8997",
            [("micro avg", {"precision": 0.89, "recall": 0.9, "f1": 0.8997})],
        ),
        (
            "Macro-F1-Score   0.957\nMicro-F1-Score   0.951",
            [("macro avg", {"f1": 0.957}), ("micro avg", {"f1": 0.951})],
        ),
        ("NestNLI Acc: 0.744, STS (cos): 0.695", [("NestNLI", {"accuracy": 0.744})]),
        (
            "| Metric | Value |\n| F1 | **90.17** |\n| Recall | 90.47% |",
            [("overall", {"f1": 0.9017, "recall": 0.9047})],
        ),
        ("language: F1-score:\namh 75.76\nhau 91.75", [("amh", {"f1": 0.7576}), ("hau", {"f1": 0.9175})]),
        ("languages :  F1 Score:\n---   ---\nDanish  0.8744", [("Danish", {"f1": 0.8744})]),
        ("| bird | recall |\n|---|---|\n| el | 0.9 |", []),
        (
            "|src_lang|count|correct|precision|\n|---|---|---|---|\n|el|1000|993|0.993|",
            [("el", {"support": 1000, "precision": 0.993})],
        ),
        ("| [birds](https://example.org/b) | F1 |\n", []),
        (
            "| Dataset | F1 |\n|---|---|\n| [birds](https://example.org/b) | 0.9 |\n| nests | - |",
            [("birds", {"f1": 0.9})],
        ),
        (
            "label prec rec f1 support\nA 99.5 50.0 66.6 3\nmicro-avg 0.95 0.96 0.955 3",
            [
                ("A", {"precision": 0.995, "recall": 0.5, "f1": 0.666, "support": 3}),
                ("micro avg", {"precision": 0.95, "recall": 0.96, "f1": 0.955, "support": 3}),
            ],
        ),
        ("   label  f1  support\n0  a owl  0.9  3", [("a owl", {"f1": 0.9, "support": 3})]),
        ("precision recall f1\n0.5 0.6 0.55", [("overall", {"precision": 0.5, "recall": 0.6, "f1": 0.55})]),
        ("| prec | rec | f1 |\n| 0,5 | 0,6 | 0,55 |", [("overall", {"precision": 0.5, "recall": 0.6, "f1": 0.55})]),
        ("Accuracy: 93.5%", [("overall", {"accuracy": 0.935})]),
        (f"label f1 support\nA 0.9 {'9' * 400}", [("A", {"f1": 0.9})]),
        (f"Accuracy: {'9' * 400}", []),
        ("The best accuracy on these birds: 0.9", []),
        ("The best of all on these birds has accuracy: 0.9", [("overall", {"accuracy": 0.9})]),
    ],
)
def test_rows_are_read_in_every_form(text, expected):
    assert rows(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Scores are excellent.",
        "This model reaches an accuracy of 91.3 on the dev set",
        "loss: 2428.622 - acc: 0.8181 - val_acc: 80.0",
        "| Model | Rouge 2 | Params |\n|---|---|---|\n| ours | 18.31 | 222 |",
        "label tp fp fn support\nfear 0.78 0.67 0.72 2253",
        "label precision recall f1\nA 0.1 0.2 0.3 0.4 0.5",
        "label precision f1\nA 400 -12",
        "MNLI QQP QNLI\n81.5 87.8 88.2",
    ],
)
def test_what_is_no_row_for_sure_gives_none(text):
    assert read_benchmark(text) == ()


@pytest.mark.parametrize(
    "text",
    [
        f"Dev:\n{BARS}\nTest:\n{CONLL}",
        f"Test set\n{CONLL}\nDev set\n{BARS}",
        f"# Training\n{BARS}\n# Evaluation results\n{CONLL}",
    ],
)
def test_of_several_parts_that_of_the_test_counts(text):
    assert rows(text) == CONLL_ROWS


def test_a_second_table_does_not_speak_for_the_same_label():
    text = "label f1 support\nBIRD 0.9 3\nNEST 0.8 3\n\nlabel f1 support\nBIRD 0.5 2\nOWL 0.6 2"

    assert [(row.label, row.metrics["f1"]) for row in telling_rows(read_benchmark(text))] == [
        ("BIRD", 0.9),
        ("NEST", 0.8),
        ("OWL", 0.6),
    ]


def test_of_too_many_rows_the_averages_stay():
    labels = [*(f"L{number}" for number in range(100)), "micro avg", "overall"]
    kept = [row.label for row in telling_rows([ScoreRow(label, {"f1": 0.5}) for label in labels])]

    assert len(kept) == MAX_SCORES
    assert kept[-3:] == ["L47", "micro avg", "overall"]


@pytest.mark.parametrize(
    "line",
    [
        " " * 40_000 + "FB1:",
        "1 " * 20_000 + "FB1:",
        "f1 " * 20_000,
        "f1 " + "%" * 40_000 + "x",
        "f1" + " " * 40_000 + "x",
        "|" * 40_000,
        "label f1\n" + "[" * 40_000 + " 0.5",
        "test" + " -" * 20_000,
    ],
)
def test_no_line_takes_long(line):
    started_s = time.process_time()
    read_benchmark(line)

    assert time.process_time() - started_s < 1
