"""Results of the commands that look whether all is well, as text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from modelhub.findings import OK, PROBLEM, SKIPPED, UNKNOWN, WARNING
from modelhub.output import Output

if TYPE_CHECKING:  # a view needs no more of these than their attributes
    from modelhub.auth import Access
    from modelhub.errors import ModelHubError
    from modelhub.findings import Finding

_STYLES = {OK: "green", WARNING: "yellow", PROBLEM: "bold red", UNKNOWN: "cyan", SKIPPED: "dim"}


def view_auth(output: Output, accesses: Sequence[Access], failures: Sequence[ModelHubError]) -> None:
    """One row per repository and hub, then why some cannot be read; what is told as a failure is not told twice."""
    if output.is_quiet:
        for access in accesses:
            if access.state in ("readable", "not checked"):
                output.line(access.repository)
        return
    output.table(
        ("REPOSITORY", "READ WITH", "STATE", "LIST"),
        [(access.repository, access.origin or "nothing", access.state, access.uri) for access in accesses],
        optional=("LIST",),
    )
    reasons: dict[str, list[Access]] = {}
    for access in accesses:
        if access.error and access.error not in failures:
            reasons.setdefault(access.error.message, []).append(access)
    for message, alike in reasons.items():
        names = ", ".join(dict.fromkeys(access.repository for access in alike))
        hint = alike[0].error.hint if alike[0].error else ""
        output.note(f"{names}: {message} {hint}".rstrip())


def view_doctor(output: Output, findings: Sequence[Finding], *, is_all: bool) -> None:
    """One row per finding; settings that are as they are by default only where all are wanted.

    What to do about a problem is told as an error, like that of every other command.
    """
    if output.is_quiet:
        for finding in findings:
            if finding.state == PROBLEM:
                output.line(f"{finding.section} {finding.name}: {finding.text}")
        return
    shown = [finding for finding in findings if is_all or not finding.figures.get("is_default")]
    rows = _terminal_rows(shown) if output.is_terminal else map(_finding_row, shown)
    output.table(("SECTION", "STATE", "CHECK", "FOUND"), rows, styles=_STYLES)
    counts = Counter(finding.state for finding in shown)
    output.note(", ".join(f"{counts[state]} {state}" for state in _STYLES if counts[state]))


def _finding_row(finding: Finding) -> tuple[str, ...]:
    row = finding.section, finding.state, finding.name, finding.text
    return row if finding.state in (OK, PROBLEM) or not finding.hint else (*row, finding.hint)


def _terminal_rows(findings: Sequence[Finding]) -> Iterator[tuple[str, ...]]:
    """Each section is named once, and what to do stands below what was found."""
    last = ""
    for finding in findings:
        section, state, name, text, *hint = _finding_row(finding)
        # The address is the first that is told of a hub, and there may be several.
        is_new = section != last or (section, name) == ("hub", "address")
        yield section if is_new else "", state, name, text
        if hint:
            yield "", "", "", f"hint: {hint[0]}"
        last = section
