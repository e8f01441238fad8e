"""What lint prints: for people, for editors and pipes, for GitHub."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import groupby

from modelhub.lint import Problem
from modelhub.lint_rules import ERROR, NOTE, SEVERITIES, WARNING, Rule
from modelhub.linting import LintReport
from modelhub.output import Output

_GITHUB_COMMANDS = {ERROR: "error", WARNING: "warning", NOTE: "notice"}
_ONE_LINE = str.maketrans("\r\n\t", "   ")


def view_problems(output: Output, report: LintReport) -> None:
    """File by file on a terminal; elsewhere one line a problem, as editors and ``grep`` take it."""
    if output.is_terminal:
        for source, problems in groupby(report.problems, key=lambda problem: problem.source):
            output.line(source)
            output.fields((_place_of(problem), problem.message.translate(_ONE_LINE)) for problem in problems)
            output.line()
    else:
        for problem in report.problems:
            text = f"{problem.severity}: {problem.code}: {problem.message}"
            output.line(f"{problem.source}:{problem.line or 1}: {text}".translate(_ONE_LINE))
    note_summary(output, report)


def _place_of(problem: Problem) -> str:
    return f"{problem.line or '':>5} {problem.severity:7} {problem.code}"


def view_github(output: Output, report: LintReport) -> None:
    """The commands by which a workflow of GitHub annotates files."""
    for problem in report.problems:
        line = f",line={problem.line}" if problem.line else ""
        output.line(
            f"::{_GITHUB_COMMANDS[problem.severity]} file={_property(problem.source)}{line},"
            f"title={_property(problem.code)}::{_escaped(problem.message)}"
        )
    note_summary(output, report)


def _escaped(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _escaped(text).replace(":", "%3A").replace(",", "%2C")


def note_summary(output: Output, report: LintReport) -> None:
    """How many problems there are, and of which rules where that is not seen at a glance."""
    output.note(f"{_counted(report.problems)} in {_files(report)}{_left_out(report)}.")
    by_rule = Counter(problem.code for problem in report.problems)
    if len(report.problems) > 2 * len(by_rule):
        output.note(", ".join(f"{number:,} {code}" for code, number in by_rule.most_common()))


def _counted(problems: Sequence[Problem]) -> str:
    by_severity = Counter(problem.severity for problem in problems)
    counted = [_number(by_severity[severity], severity) for severity in SEVERITIES if by_severity[severity]]
    return ", ".join(counted) or "No problem"


def _files(report: LintReport) -> str:
    bad = len({problem.source for problem in report.problems})
    pages = _number(report.checked, "page")
    return f"{bad:,} of {pages}" if bad else pages


def _left_out(report: LintReport) -> str:
    if not report.left_out:
        return ""
    return f"; {_number(report.left_out, 'page')} without a card left out"


def _number(number: int, word: str) -> str:
    return f"{number:,} {word}{'' if number == 1 else 's'}"


def view_rules(output: Output, rules: Iterable[Rule]) -> None:
    """All rules, and how to mend what they find."""
    output.table(("RULE", "SEVERITY", "WHAT IT FINDS"), [_row(rule) for rule in rules])


def _row(rule: Rule) -> tuple[str, str, str]:
    return rule.code, rule.severity, f"{rule.finds} {rule.fix}"
