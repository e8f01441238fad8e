"""The commands that tell of models: show, compare, guide, resolve, path."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from modelhub.commands import NETWORK, RUNTIME, command, settled
from modelhub.errors import UsageError

if TYPE_CHECKING:
    from modelhub.commands import Outcome
    from modelhub.hub import Hub
    from modelhub.output import Output


@command("show", "cache", "hub", *RUNTIME)
@click.argument("reference")
@click.argument("language", required=False)
@click.option("--card", "is_card", is_flag=True, help="The model's page, where its text is known.")
@click.option("--code", "flavour", type=click.Choice(["python", "scala", "nlu"]), help="A snippet that uses it.")
@click.option("--load", "is_loaded", is_flag=True, help="With --code: load it from the cache, without a network.")
def show_command(
    hub: Hub, output: Output, reference: str, language: str | None, is_card: bool, flavour: str | None, is_loaded: bool
) -> Outcome:
    """Show all that is known of a model, or code that uses it."""
    from modelhub.output import Answer
    from modelhub.views import view_card, view_show

    if is_loaded and not flavour:
        raise UsageError("--load goes with --code.", hint=f"modelhub show {reference} --code python --load")
    if is_card and flavour:
        raise UsageError("--card and --code are two questions.", hint="Ask one after the other.")
    shown = settled(output, lambda text: hub.show(text, language), reference)
    if is_card:
        text = hub.card_text(shown.artifact)
        return Answer(data={**shown.to_dict(), "card": text}), lambda output: view_card(output, text)
    if flavour:
        code = hub.snippet(shown, flavour, is_loaded=is_loaded)
        highlighted = {"nlu": "python"}.get(flavour, flavour)
        return Answer(data={**shown.to_dict(), "code": code}), lambda output: output.code(code, highlighted)
    return Answer(data=shown.to_dict()), lambda output: view_show(output, shown)


@command("compare", "cache", "hub", *RUNTIME)
@click.argument("words", nargs=-1, required=True, metavar="REF [LANG] REF [LANG] …")
def compare_command(hub: Hub, output: Output, words: Sequence[str]) -> Outcome:
    """Show models next to each other.

    Versions, size, languages, labels, scores, dependencies; a mark before everything in which they differ.
    """
    from modelhub.compare_views import view_compare
    from modelhub.output import Answer
    from modelhub.references import parse_words

    comparison = hub.compare(parse_words(words))
    return Answer(data=comparison.to_dict()), lambda output: view_compare(output, comparison)


@command("guide")
@click.argument("task", nargs=-1)
def guide_command(hub: Hub, output: Output, task: Sequence[str]) -> Outcome:
    """Tell how to choose a model for a task.

    Without a task: which guides there are.
    """
    from modelhub.output import Answer
    from modelhub.views import view_guide

    if not task:
        titles = hub.guides()
        return Answer(data={"guides": titles}), lambda output: output.table(["GUIDE"], [[title] for title in titles])
    from dataclasses import asdict

    guide = hub.guide(" ".join(task))
    data = {
        "task": guide.task,
        "introduction": guide.introduction,
        "how_to_choose": guide.how_to_choose,
        "recommended": [asdict(item) for item in guide.recommended],
        "diagnostics": [item.to_dict() for item in guide.diagnostics],
    }
    return Answer(data={"guide": data}), lambda output: view_guide(output, guide)


@command("resolve", "cache", *NETWORK, "no_update", *RUNTIME)
@click.argument("reference")
@click.argument("language", required=False)
@click.option("--explain", "is_explained", is_flag=True, help="Show every candidate and why it was (not) taken.")
def resolve_command(hub: Hub, output: Output, reference: str, language: str | None, is_explained: bool) -> Outcome:
    """Print the URI that Spark NLP itself would take."""
    from modelhub.output import Answer
    from modelhub.views import view_resolve

    resolution = settled(output, lambda text: hub.resolve(text, language), reference)
    data = {
        "artifact": resolution.artifact.to_dict(),
        "runtime": str(hub.runtime),
        "candidates": [
            {"artifact": verdict.artifact.to_dict(), "taken": verdict.is_taken, "reason": verdict.reason}
            for verdict in resolution.verdicts
        ],
        "notes": list(resolution.notes),
    }
    return Answer(data=data), lambda output: view_resolve(output, resolution, is_explained=is_explained)


@command("path", "cache", *RUNTIME)
@click.argument("reference")
@click.argument("language", required=False)
def path_command(hub: Hub, output: Output, reference: str, language: str | None) -> Outcome:
    """Print the folder of a model in the cache; no network."""
    from modelhub.output import Answer

    path = hub.path(reference, language)
    return Answer(data={"path": str(path)}), lambda output: output.line(str(path))
