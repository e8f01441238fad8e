"""The commands that look whether all is well: auth, doctor."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from modelhub.commands import NETWORK, command

if TYPE_CHECKING:
    from modelhub.commands import Outcome
    from modelhub.hub import Hub
    from modelhub.output import Output


@command("auth", *NETWORK)
@click.argument("repositories", nargs=-1, metavar="[REPOSITORY …]")
@click.option("--check/--no-check", "is_checked", default=True, help="Ask the hubs, or do not.")
def auth_command(hub: Hub, output: Output, repositories: Sequence[str], is_checked: bool) -> Outcome:
    """Show whose credentials read which repository.

    No secret is shown. A REPOSITORY may also be the URI of a folder, such as s3://bucket/prefix. Without any: the
    configured ones, and those that take a licence. Exit status 8 if one that was asked for is refused.
    """
    from modelhub.auth import failures, status_of_failures
    from modelhub.checking_views import view_auth
    from modelhub.output import Answer

    accesses = hub.auth(repositories, is_checked=is_checked)
    errors = failures(accesses)
    data = {"repositories": [access.to_dict() for access in accesses]}
    answer = Answer(data=data, errors=errors, exit_status=status_of_failures(errors))
    return answer, lambda output: view_auth(output, accesses, errors)


@command("doctor", "cache", *NETWORK, "connections", "sparknlp", "spark")
@click.option("--no-speed", "is_unmeasured", is_flag=True, help="Do not measure how fast hubs and disks are.")
@click.option("--all", "is_all", is_flag=True, help="Show also the settings that are as they are by default.")
def doctor_command(hub: Hub, output: Output, is_unmeasured: bool, is_all: bool) -> Outcome:
    """Tell what works here and what does not.

    Hubs, disks, cache, versions of Spark NLP, Spark and Java, registry, settings and where each comes from. Exit
    status: 0 without problems; 7 if no hub is reached (4 if none has the list, 8 if it is refused); 10 if the cache
    cannot be written; 6 if an entry is damaged; 5 if versions do not go together; 1 for problems of several kinds.
    """
    from modelhub.checking_views import view_doctor
    from modelhub.findings import problems_of, status_of_problems
    from modelhub.output import Answer

    if output.is_terminal and not is_unmeasured:
        output.note("Measuring takes some seconds; --no-speed does without.")
    findings = hub.doctor(is_measured=not is_unmeasured)
    problems = problems_of(findings)
    data = {"findings": [finding.to_dict() for finding in findings]}
    answer = Answer(data=data, errors=problems, exit_status=status_of_problems(problems))
    return answer, lambda output: view_doctor(output, findings, is_all=is_all)
