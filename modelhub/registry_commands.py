"""The commands of the registry, and the demonstration: update, demo."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from modelhub.commands import NETWORK, command, status_of
from modelhub.errors import ModelHubError

if TYPE_CHECKING:
    from modelhub.commands import Outcome
    from modelhub.hub import Hub
    from modelhub.output import Output
    from modelhub.results import UpdateResult


@command("update", *NETWORK)
@click.argument("repositories", nargs=-1, metavar="[REPOSITORY …]")
@click.option("--cards", "cards", multiple=True, type=click.Path(path_type=Path), help="Folder or archive of cards.")
@click.option("--dry-run", "is_dry_run", is_flag=True, help="Say what would change, and change nothing.")
def update_command(
    hub: Hub, output: Output, repositories: Sequence[str], cards: Sequence[Path], is_dry_run: bool
) -> Outcome:
    """Learn of newer models from the hub, or from cards."""
    from modelhub.output import Answer
    from modelhub.views import view_update

    steps = [functools.partial(hub.update_cards, path) for path in cards]
    if repositories or not cards:
        steps += [functools.partial(hub.update, name) for name in repositories or hub.config.repositories]
    results, errors = [], []
    for step in steps:
        try:
            results.append(step(is_dry_run=is_dry_run))
        except ModelHubError as exc:
            exc.subject = str(step.args[0]) if len(steps) > 1 else ""
            errors.append(exc)
    answer = Answer(data=_sum(results), errors=errors, exit_status=status_of(errors, len(results)))
    return answer, lambda output: view_update(output, results)


def _sum(results: Sequence[UpdateResult]) -> dict[str, Any]:
    """The data of several updates as one; counts of the whole registry are those after the last."""
    if not results:
        return {}
    parts = [result.to_dict() for result in results]
    summed = {
        name: sum((part[name] for part in parts), start=type(value)())
        for name, value in parts[0].items()
        if name not in ("source", "unchanged", "total")
    }
    last = parts[-1]
    return {**summed, "unchanged": last["unchanged"], "total": last["total"], "sources": [p["source"] for p in parts]}


@command("demo")
@click.option("--load", "is_loading", is_flag=True, help="Let Spark NLP run a model in the end; it must be installed.")
def demo_command(hub: Hub, output: Output, is_loading: bool) -> Outcome:
    """Show the main job without any network."""
    from modelhub.demo import run_demo
    from modelhub.output import Answer

    steps = run_demo(output, is_loading=is_loading)
    return Answer(data={"steps": steps}), lambda output: None
