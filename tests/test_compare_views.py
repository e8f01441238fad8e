"""A comparison, and the rows of a benchmark, as text."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import pytest

from modelhub.artifacts import Artifact, ArtifactKey
from modelhub.compare_views import view_compare
from modelhub.comparing import compare
from modelhub.facts import Dependency, ModelFacts, Score, ScoreRow
from modelhub.output import Output
from modelhub.results import ShownModel
from modelhub.score_views import view_scores

OLD, NEW = "owls_en_4.0.0_3.0_1657118162458", "owls_en_4.2.0_3.0_1667118162458"
STORKS = "storks_en_4.0.0_3.0_1657118162458"


class Terminal(io.StringIO):
    """A stream that says that a person reads it."""

    encoding = "utf-8"  # type: ignore[assignment]

    def isatty(self) -> bool:
        return True


@pytest.fixture
def on_terminal(monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[str, str]]:
    """``on_terminal(width, view, *values)``: what a terminal of a width shows, without colours."""

    def show(width: int, view: Callable[..., None], *values: Any) -> tuple[str, str]:
        out, err = Terminal(), io.StringIO()
        monkeypatch.setenv("NO_COLOR", "1")
        monkeypatch.setenv("COLUMNS", str(width))
        with redirect_stdout(out), redirect_stderr(err):
            view(Output(), *values)
        return re.sub(r"\x1b\[[\d;]*m", "", out.getvalue()), err.getvalue()

    return show


def shown(key: str = OLD, path: Path | None = None, **facts: Any) -> ShownModel:
    artifact = Artifact(key=ArtifactKey.parse(key), size_bytes=1_500)
    return ShownModel(artifact=artifact, facts=ModelFacts(**facts), versions=(artifact,), path=path)


OWLS = {
    "tasks": ("Named Entity Recognition",),
    "case_sensitive": True,
    "best_score": Score(metric="f1", value=0.9),
    "labels": ("OWL",),
    "label_count": 1,
    "scores": (ScoreRow("OWL", {"f1": 0.91234}),),
    "dependencies": (Dependency("WordEmbeddingsModel", "glove_100d", "en"),),
}


def rows_of(text: str) -> dict[str, list[str]]:
    return {line.split("\t")[1]: line.split("\t") for line in text.splitlines() if line}


def test_in_a_pipe_every_row_begins_with_its_mark(capsys: pytest.CaptureFixture[str]) -> None:
    storks = shown(STORKS, Path("/cache/storks"), tasks=("Named Entity Recognition",), labels=("OWL",), label_count=1)
    view_compare(Output(), compare([shown(**OWLS), storks]))
    out, err = capsys.readouterr()
    rows = rows_of(out)

    assert rows["task"] == ["", "task", "Named Entity Recognition", "Named Entity Recognition"]
    assert rows["size"] == ["", "size", "1.5 kB", "1.5 kB"]
    assert rows["builds"] == ["", "builds", "1", "1"]
    assert rows["case sensitive"] == ["*", "case sensitive", "yes", ""]
    assert rows["best score"] == ["*", "best score", "f1 0.900", ""]
    assert rows["needs besides"] == ["*", "needs besides", "glove_100d:en (WordEmbeddingsModel)", ""]
    assert rows["in the cache"] == ["*", "in the cache", "no", "yes"]
    assert rows["OWL"] == ["*", "OWL", "0.912", "yes"]
    assert err == "* marks what differs.\n"


def test_quietly_only_what_differs_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    view_compare(Output(is_quiet=True), compare([shown(title="Owls"), shown(title="Storks")]))

    assert capsys.readouterr().out == "title\n"


@pytest.mark.parametrize("width", [80, 160])
def test_a_terminal_shows_one_column_a_model(on_terminal: Callable[..., tuple[str, str]], width: int) -> None:
    out, _ = on_terminal(width, view_compare, compare([shown(**OWLS), shown(STORKS), shown("clinical_" + STORKS)]))

    assert max(map(len, out.splitlines())) <= width
    assert re.search(r"^ +owls:en +storks:en +clinical_storks:en *$", out, re.M)
    assert re.search(r"^\* +best score +f1 0\.900 *$", out, re.M)


def test_builds_of_one_model_are_told_apart_by_their_keys(on_terminal: Callable[..., tuple[str, str]]) -> None:
    out, _ = on_terminal(160, view_compare, compare([shown(OLD), shown(NEW)]))

    assert re.search(rf"{OLD} +{NEW}", out)


def test_of_many_labels_those_that_differ_are_shown(on_terminal: Callable[..., tuple[str, str]]) -> None:
    labels = tuple(f"L{number}" for number in range(40))
    out, err = on_terminal(80, view_compare, compare([shown(labels=labels), shown(labels=(*labels, "OWL"))]))

    assert re.search(r"^\* +OWL +yes *$", out, re.M)
    assert "24 of 41 labels; --json has all." in err


# Scores


ROWS = (
    ScoreRow("OWL", {"precision": 0.5, "f1": 0.91234, "exact_match": 0.25, "support": 1234}),
    ScoreRow("micro avg", {"f1": 0.8}),
)


def test_scores_in_a_pipe_have_a_row_a_label(capsys: pytest.CaptureFixture[str]) -> None:
    view_scores(Output(), ROWS)

    assert capsys.readouterr().out == "OWL\t0.500\t0.912\t0.250\t1,234\nmicro avg\t\t0.800\t\t\n"


def test_scores_on_a_terminal_keep_f1_where_there_is_little_room(
    on_terminal: Callable[..., tuple[str, str]],
) -> None:
    wide, _ = on_terminal(80, view_scores, ROWS)
    narrow, _ = on_terminal(20, view_scores, ROWS)

    assert wide.splitlines()[0].split() == ["SCORES", "PRECISION", "F1", "EXACT", "MATCH", "SUPPORT"]
    assert "F1" in narrow
    assert "PRECISION" not in narrow


def test_of_many_scores_a_terminal_shows_the_first(on_terminal: Callable[..., tuple[str, str]]) -> None:
    out, err = on_terminal(80, view_scores, [ScoreRow(f"L{number}", {"f1": 0.5}) for number in range(30)])

    assert len(out.splitlines()) == 17
    assert err == "16 of 30 rows; --json has all.\n"
