"""``modelhub lint`` as people, editors, GitHub and pre-commit use it."""

from __future__ import annotations

import contextlib
import os
import pty
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from modelhub.lint import Problem
from modelhub.lint_rules import RULES
from modelhub.lint_views import view_github, view_problems
from modelhub.linting import LintReport
from modelhub.output import Output

ROOT = Path(__file__).parents[1]
CLEAN = (ROOT / "tests" / "data" / "cards" / "2023-03-01-bird_finder_en.md").read_text(encoding="utf-8")

ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")

Run = Callable[..., Any]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with a clean card and one that lacks a size and names an unknown licence."""
    broken = CLEAN.replace("|Size:|42.9 MB|\n", "").replace("Open Source", "Secret")
    (tmp_path / "good.md").write_text(CLEAN, encoding="utf-8")
    (tmp_path / "bad.md").write_text(broken.replace("16776", "16777"), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_problems_are_lines_that_editors_understand(invoke: Run, folder: Path) -> None:
    finished = invoke("lint", "good.md", "bad.md")

    assert finished.status == 11
    assert finished.out.splitlines() == [
        "bad.md:67: note: size-missing: The table has no Size. Add a row |Size:|…|.",
        "bad.md:73: warning: license-unknown: 'Secret' is no licence of the hub. Write Open Source or Licensed.",
    ]
    assert finished.err == "1 warning, 1 note in 1 of 2 pages.\n"


def test_clean_cards_end_well(invoke: Run, folder: Path) -> None:
    finished = invoke("lint", "good.md")

    assert (finished.status, finished.out, finished.err) == (0, "", "No problem in 1 page.\n")


def test_the_current_folder_is_checked_where_nothing_is_named(invoke: Run, folder: Path) -> None:
    (folder / "README.md").write_text("# Birds\n", encoding="utf-8")

    finished = invoke("lint")

    assert finished.status == 11
    assert finished.err == "1 warning, 1 note in 1 of 2 pages; 1 page without a card left out.\n"


def test_quietly_only_problems_are_printed(invoke: Run, folder: Path) -> None:
    finished = invoke("lint", "-q")

    assert (len(finished.out.splitlines()), finished.err) == (2, "")


@pytest.mark.parametrize(
    ("options", "status", "lines"),
    [
        (["--ignore", "size-missing"], 11, 1),
        (["--ignore", "size-*", "--ignore", "license-unknown"], 0, 0),
        (["--select", "warning"], 11, 1),
        (["--select", "error"], 0, 0),
    ],
)
def test_rules_are_selected_and_ignored(invoke: Run, folder: Path, options: list[str], status: int, lines: int) -> None:
    finished = invoke("lint", *options)

    assert (finished.status, len(finished.out.splitlines())) == (status, lines)


def test_an_unknown_rule_is_a_mistake_of_use(invoke: Run, folder: Path) -> None:
    finished = invoke("lint", "--ignore", "size-mising")

    assert (finished.status, finished.out) == (2, "")
    assert "Did you mean size-missing?" in finished.err


def test_what_is_not_there_is_not_found(invoke: Run, folder: Path) -> None:
    assert invoke("lint", "none.md").status == 4


def test_json_has_every_problem_in_full(invoke: Run, folder: Path) -> None:
    finished = invoke("lint", "--json")
    envelope = finished.json

    assert (finished.status, envelope["status"], envelope["errors"]) == (11, "success", [])
    assert envelope["data"]["counts"] == {"size-missing": 1, "license-unknown": 1}
    assert (envelope["data"]["checked"], envelope["data"]["left_out"]) == (2, 0)
    assert envelope["data"]["problems"][0] == {
        "source": "bad.md",
        "line": 67,
        "field": "Size",
        "code": "size-missing",
        "message": "The table has no Size. Add a row |Size:|…|.",
        "severity": "note",
        "fix": "Add the row |Size:|42.9 MB|.",
    }


def test_github_gets_annotations(invoke: Run, folder: Path) -> None:
    finished = invoke("lint", "--format", "github")

    assert finished.status == 11
    assert finished.out.splitlines()[1] == (
        "::warning file=bad.md,line=73,title=license-unknown::"
        "'Secret' is no licence of the hub. Write Open Source or Licensed."
    )
    assert finished.out.startswith("::notice file=bad.md,line=67,title=size-missing::")


def problem(**fields: Any) -> Problem:
    values = {"source": "a.md", "line": 3, "field": "", "code": "link-dead", "message": "m", "severity": "error"}
    return Problem(**values | {"fix": "f"} | fields)


def report(*problems: Problem) -> LintReport:
    return LintReport(problems=problems, checked=2_000, left_out=0)


@pytest.mark.parametrize(
    ("fields", "line"),
    [
        ({}, "::error file=a.md,line=3,title=link-dead::m"),
        ({"line": 0}, "::error file=a.md,title=link-dead::m"),
        ({"message": "100%: a, b\r\nc"}, "::error file=a.md,line=3,title=link-dead::100%25: a, b%0D%0Ac"),
        ({"source": "a,b:c%\n.md"}, "::error file=a%2Cb%3Ac%25%0A.md,line=3,title=link-dead::m"),
    ],
)
def test_annotations_are_escaped_as_github_wants(
    capsys: pytest.CaptureFixture[str], fields: dict[str, Any], line: str
) -> None:
    view_github(Output(), report(problem(**fields)))

    assert capsys.readouterr().out == f"{line}\n"


def test_a_problem_is_one_line_whatever_the_card_says(capsys: pytest.CaptureFixture[str]) -> None:
    view_problems(Output(), report(problem(message="a\nb\tc\x1b[31m", line=0)))

    assert capsys.readouterr().out == "a.md:1: error: link-dead: a b c?[31m\n"


def test_many_problems_are_summed_up_by_rule(capsys: pytest.CaptureFixture[str]) -> None:
    problems = [problem(line=line) for line in range(1, 1_002)] + [problem(code="size-missing", severity="note")]

    view_problems(Output(), report(*problems))

    assert capsys.readouterr().err == "1,001 errors, 1 note in 1 of 2,000 pages.\n1,001 link-dead, 1 size-missing\n"


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        (120, ["'Secret' is no licence of the hub. Write Open Source or Licensed."]),
        (80, ["'Secret' is no licence of the hub. Write Open", "Source or Licensed."]),
    ],
)
def test_on_a_terminal_problems_are_grouped_by_file(folder: Path, columns: int, message: list[str]) -> None:
    lines = on_terminal("lint", "-q", cwd=folder, columns=columns).splitlines()

    assert lines[0] == "bad.md"
    assert lines[1].split(maxsplit=3)[:3] == ["67", "note", "size-missing"]
    assert lines[2].split(maxsplit=3) == ["73", "warning", "license-unknown", message[0]]
    assert [line.strip() for line in lines[3:]] == [*message[1:], ""]
    assert all(len(line) <= columns for line in lines)


def on_terminal(*words: str, cwd: Path, columns: int) -> str:
    """What a terminal without colours shows of a command."""
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "modelhub", *words]
    environment = os.environ | {"COLUMNS": str(columns), "TERM": "xterm", "NO_COLOR": "1"}
    process = subprocess.Popen(command, stdin=theirs, stdout=theirs, cwd=cwd, env=environment)
    os.close(theirs)
    shown = b""
    with contextlib.suppress(OSError):  # Linux says EIO where the process has closed the terminal
        while piece := os.read(ours, 65536):
            shown += piece
    os.close(ours)
    process.wait(30)
    return re.sub(r" *\r\n", "\n", ANSI.sub("", shown.decode()))


def test_the_rules_are_listed(invoke: Run) -> None:
    finished = invoke("lint", "--rules")
    chosen = invoke("lint", "--rules", "--select", "python-*", "--json").json["data"]["rules"]

    assert [line.split("\t")[0] for line in finished.out.splitlines()] == list(RULES)
    assert [rule["code"] for rule in chosen] == ["python-malformed", "python-backslash"]
    assert set(chosen[0]) == {"code", "severity", "finds", "fix"}


def test_standard_input_is_a_page(modelhub: Run, folder: Path) -> None:
    with (folder / "bad.md").open("rb") as page:
        finished = modelhub("lint", "-", stdin=page, cwd=folder)

    assert finished.status == 11
    assert finished.out.startswith("<stdin>:67: note: size-missing: ")


def test_a_process_without_standard_input_says_so(modelhub: Run, folder: Path) -> None:
    finished = modelhub("lint", "-", stdin=None, preexec_fn=_close_stdin, cwd=folder)

    assert (finished.status, finished.out) == (2, "")
    assert "no standard input" in finished.err


def _close_stdin() -> None:
    os.close(0)


def test_the_hook_of_pre_commit_names_a_command_that_runs(invoke: Run, folder: Path) -> None:
    (hook,) = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))
    program, *words = hook["entry"].split()

    finished = invoke(*words, "bad.md")

    assert (program, finished.status) == ("modelhub", 11)
    assert re.search(hook["files"], "docs/_posts/ornis/2023-03-01-bird_finder_en.md")
    assert not re.search(hook["files"], "README.md")


def test_no_registry_is_built(invoke: Run, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MODELHUB_HOME", str(folder / "home"))

    invoke("lint")

    assert not (folder / "home").exists()
