"""The commands of the cache: pull, list, verify, rm."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from modelhub.commands import NETWORK, RUNTIME, command, status_of
from modelhub.errors import ModelHubError, UsageError

if TYPE_CHECKING:
    from modelhub.cache import Entry
    from modelhub.commands import Outcome
    from modelhub.hub import Hub
    from modelhub.output import Output


@command("pull", "cache", *NETWORK, "no_update", "allow_hub", "wait", *RUNTIME)
@click.argument("words", nargs=-1, required=True, metavar="REF [LANG] …")
@click.option("--dry-run", "is_dry_run", is_flag=True, help="Say what would be downloaded, and do nothing.")
def pull_command(hub: Hub, output: Output, words: Sequence[str], is_dry_run: bool) -> Outcome:
    """Bring models into the cache, whole, or find them there.

    Prints their folders.
    """
    from modelhub.output import Answer
    from modelhub.references import parse_words
    from modelhub.views import view_plan, view_pull

    done, errors = [], []
    references = parse_words(words)
    for reference in references:
        try:
            done.append(hub.plan_pull(reference) if is_dry_run else hub.pull(reference))
        except ModelHubError as exc:
            exc.subject = str(reference) if len(references) > 1 else ""
            errors.append(exc)
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


@command("verify", "cache")
@click.argument("words", nargs=-1, metavar="[REF …]")
@click.option("--deep", "is_deep", is_flag=True, help="Read every byte and compare its CRC-32.")
def verify_command(hub: Hub, output: Output, words: Sequence[str], is_deep: bool) -> Outcome:
    """Look whether the models in the cache are whole.

    Exit status 6 if one is not.
    """
    from modelhub.output import Answer
    from modelhub.references import parse_words
    from modelhub.views import view_verify

    entries = hub.verify(parse_words(words), is_deep=is_deep)
    errors = [entry.damage() for entry in entries if not entry.is_good]
    data = {"entries": [entry.to_dict() for entry in entries]}
    answer = Answer(data=data, errors=errors, exit_status=errors[0].exit_status if errors else 0)
    return answer, lambda output: view_verify(output, entries)


@command("rm", "cache", "wait")
@click.argument("words", nargs=-1, required=True, metavar="REF [LANG] …")
@click.option("--yes", "is_agreed", is_flag=True, help="Do not ask.")
@click.option("--dry-run", "is_dry_run", is_flag=True, help="Say what would be removed, and do nothing.")
def rm_command(hub: Hub, output: Output, words: Sequence[str], is_agreed: bool, is_dry_run: bool) -> Outcome:
    """Remove models from the cache.

    Every build that a reference means.
    """
    from modelhub.output import Answer
    from modelhub.references import parse_words
    from modelhub.views import view_removed

    references = parse_words(words)
    entries = hub.entries_of(references)
    if not (is_dry_run or is_agreed):
        _ask(output, entries)
    if not is_dry_run:
        entries = hub.remove(references)
    data = {"entries": [entry.to_dict() for entry in entries], "removed": not is_dry_run}
    return Answer(data=data), lambda output: view_removed(output, entries, is_dry_run=is_dry_run)


def _ask(output: Output, entries: Sequence[Entry]) -> None:
    """Go on with removing only if somebody at a terminal agrees.

    Raises:
        UsageError: Nobody is there to ask.
        ModelHubError: Somebody is, and does not agree.
    """
    if output.is_json or not sys.stdin.isatty():
        raise UsageError("Nobody can be asked whether to remove.", hint="Add --yes.")
    from modelhub.output import bytes_text, clean

    what = ", ".join(f"{clean(str(entry.key))} ({bytes_text(entry.size_bytes)})" for entry in entries)
    if not click.confirm(f"Remove {what}?", err=True):
        raise ModelHubError("Nothing was removed.")
