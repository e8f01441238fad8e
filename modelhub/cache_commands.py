"""The commands of the cache: pull, list, verify, rm."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from modelhub.commands import NETWORK, RUNTIME, command, status_of
from modelhub.errors import ModelHubError, UsageError

if TYPE_CHECKING:
    from modelhub.commands import Outcome
    from modelhub.hub import Hub
    from modelhub.output import Answer, Output
    from modelhub.references import Reference
    from modelhub.repairing import Repaired


@command(
    "pull",
    *("cache", *NETWORK, "connections", "jobs", "limit_rate", "no_update", "allow_hub", "wait", *RUNTIME, "strict"),
)
@click.argument("words", nargs=-1, required=True, metavar="REF [LANG] …")
@click.option("--dry-run", "is_dry_run", is_flag=True, help="Say what would be downloaded, and do nothing.")
def pull_command(hub: Hub, output: Output, words: Sequence[str], is_dry_run: bool) -> Outcome:
    """Bring models into the cache, whole, or find them there.

    Prints their folders. Interrupted, the same command goes on where it can.
    """
    from modelhub.output import Answer
    from modelhub.references import parse_words
    from modelhub.views import view_plan, view_pull

    references = parse_words(words)
    results = hub.plan_pulls(references) if is_dry_run else hub.pull_all(references)
    done = [result for result in results if not isinstance(result, ModelHubError)]
    errors = [result for result in results if isinstance(result, ModelHubError)]
    view = view_plan if is_dry_run else view_pull
    data = {"models": [model.to_dict() for model in done]} if done else {}
    return (
        Answer(data=data, errors=errors, exit_status=status_of(errors, len(done))),
        lambda output: view(output, done),
    )


@command("list", "cache")
def list_command(hub: Hub, output: Output) -> Outcome:
    """List what is in the cache.

    Also what Spark NLP itself put there.
    """
    from modelhub.output import Answer
    from modelhub.views import view_entries

    entries = hub.entries()
    data = {"entries": [entry.to_dict() for entry in entries], "cache": str(hub.cache.root)}
    return Answer(data=data), lambda output: view_entries(output, entries)


@command("verify", "cache", *NETWORK, "connections", "jobs", "limit_rate", "allow_hub", "wait", *RUNTIME)
@click.argument("words", nargs=-1, metavar="[REF|PATH …]")
@click.option("--deep", "is_deep", is_flag=True, help="Read every byte; ask what the hub has now.")
@click.option("--repair", "is_repair", is_flag=True, help="Bring what is bad, and only that.")
@click.option("--no-hub", "is_hubless", is_flag=True, help="With --deep: do not ask the hub.")
@click.option("--dry-run", "is_dry_run", is_flag=True, help="With --repair: say what would be brought.")
def verify_command(
    hub: Hub,
    output: Output,
    words: Sequence[str],
    is_deep: bool,
    is_repair: bool,
    is_hubless: bool,
    is_dry_run: bool,
) -> Outcome:
    """Look whether models are whole, and mend them.

    Those of the cache, or folders elsewhere. Exit status 6 if one is not whole. --repair leaves alone what somebody
    has changed or added, unless the model is named.
    """
    from modelhub.output import Answer
    from modelhub.references import parse_words
    from modelhub.verify_views import view_repair, view_verify
    from modelhub.verifying import places_of

    texts, paths = places_of(words)
    meant: list[str | Reference | Path] = [*parse_words(texts), *paths]
    if is_repair:
        repaired = hub.repair(meant, is_dry_run=is_dry_run, is_deep=is_deep, asks_hub=not is_hubless)
        return _repair_answer(repaired, is_dry_run), lambda output: view_repair(output, repaired, is_dry_run=is_dry_run)
    found = hub.verify(meant, is_deep=is_deep, asks_hub=not is_hubless)
    errors = [verified.damage() for verified in found if not verified.is_whole]
    data = {"entries": [verified.to_dict() for verified in found]}
    answer = Answer(data=data, errors=errors, exit_status=errors[0].exit_status if errors else 0)
    return answer, lambda output: view_verify(output, found)


def _repair_answer(repaired: Sequence[Repaired], is_dry_run: bool) -> Answer:
    from modelhub.output import Answer

    errors = [item.error for item in repaired if item.error]
    if not is_dry_run:
        errors += [item.verified.damage() for item in repaired if not (item.error or item.verified.is_whole)]
    data = {"entries": [item.to_dict() for item in repaired], "repaired": not is_dry_run}
    done = sum(item.is_touched for item in repaired)
    return Answer(data=data, errors=errors, exit_status=status_of(errors, done))


@command("rm", "cache", "wait")
@click.argument("words", nargs=-1, required=True, metavar="REF [LANG] …")
@click.option("--yes", "is_agreed", is_flag=True, help="Do not ask.")
@click.option("--dry-run", "is_dry_run", is_flag=True, help="Say what would be removed, and do nothing.")
def rm_command(hub: Hub, output: Output, words: Sequence[str], is_agreed: bool, is_dry_run: bool) -> Outcome:
    """Remove models from the cache.

    Every build that a reference means, and all that belongs to it: its folder, zips beside it, an interrupted download,
    what killed processes left. Only the SHA-256 of its zip is kept, so that another zip under the same key is noticed.
    """
    from modelhub.output import Answer, bytes_text, clean
    from modelhub.references import parse_words
    from modelhub.views import view_removed

    references = parse_words(words)
    entries = hub.removable(references)
    if not (is_dry_run or is_agreed):
        check_somebody_is_there(output)
        what = ", ".join(f"{clean(str(entry.key))} ({bytes_text(entry.size_bytes)})" for entry in entries)
        ask(f"Remove {what}?")
    if not is_dry_run:
        entries = hub.remove(references)
    data = {"entries": [entry.to_dict() for entry in entries], "removed": not is_dry_run}
    return Answer(data=data), lambda output: view_removed(output, entries, is_dry_run=is_dry_run)


def check_somebody_is_there(output: Output) -> None:
    """See that somebody can be asked.

    Raises:
        UsageError: Nobody is at a terminal.
    """
    if output.is_json or not sys.stdin.isatty():
        raise UsageError("Nobody can be asked whether to remove.", hint="Add --yes.")


def ask(question: str) -> None:
    """Go on with removing only if somebody at the terminal agrees.

    Raises:
        ModelHubError: Nobody does.
    """
    if not click.confirm(question, err=True):
        raise ModelHubError("Nothing was removed.")
