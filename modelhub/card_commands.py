"""The commands for people who write cards: lint."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from modelhub.commands import command

if TYPE_CHECKING:
    from modelhub.commands import Outcome
    from modelhub.hub import Hub
    from modelhub.output import Output

_FOUND = 11


@command("lint")
@click.argument("paths", nargs=-1, metavar="[PATH …]")
@click.option("--select", multiple=True, metavar="RULE", help="Only this rule, pattern or severity; repeatable.")
@click.option("--ignore", multiple=True, metavar="RULE", help="Not this rule, pattern or severity; repeatable.")
@click.option("--format", "format_", type=click.Choice(["text", "github"]), default="text", help="How to print.")
@click.option("--rules", "is_listing", is_flag=True, help="List the rules, and check nothing.")
def lint_command(
    hub: Hub,
    output: Output,
    paths: Sequence[str],
    select: Sequence[str],
    ignore: Sequence[str],
    format_: str,
    is_listing: bool,
) -> Outcome:
    """Check model cards.

    In files, folders and archives, or - for standard input.
    """
    from modelhub.lint_rules import RULES, choose_rules
    from modelhub.lint_views import view_github, view_problems, view_rules
    from modelhub.linting import lint_cards
    from modelhub.output import Answer

    if is_listing:
        chosen = choose_rules(select, ignore)
        rules = [RULES[code] for code in RULES if code in chosen]
        return Answer(data={"rules": [rule.to_dict() for rule in rules]}), lambda output: view_rules(output, rules)
    report = lint_cards(paths or ["."], select=select, ignore=ignore)
    data = {
        "problems": [problem.to_dict() for problem in report.problems],
        "counts": dict(Counter(problem.code for problem in report.problems)),
        "checked": report.checked,
        "left_out": report.left_out,
    }
    view = view_github if format_ == "github" else view_problems
    return Answer(data=data, exit_status=_FOUND if report.problems else 0), lambda output: view(output, report)
