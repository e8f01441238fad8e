"""The command that searches."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from modelhub.commands import Size, command
from modelhub.errors import UsageError

if TYPE_CHECKING:
    from modelhub.commands import Outcome
    from modelhub.hub import Hub
    from modelhub.output import Output


@command("search", "cache", "sparknlp", "spark")
@click.argument("text", nargs=-1, metavar="[WORDS]…")
@click.option("--task", default="", help="Task: its name, beginning or initials (ner, pos, asr).")
@click.option("--lang", "language", default="", help="Language: its code, or its English name.")
@click.option("--annotator", default="", help="Class, such as BertForTokenClassification.")
@click.option("--product", default="", help="Spark NLP, healthcare, legal, finance, visual.")
@click.option("--engine", default="", help="Engine of the weights.")
@click.option("--label", default="", help="A label that the model predicts, such as DRUG.")
@click.option("--open", "is_open", is_flag=True, help="Only what needs no licence.")
@click.option("--compatible", "is_compatible", is_flag=True, help="Only what suits the installed Spark NLP and Spark.")
@click.option("--max-size", "max_size_bytes", type=Size(), help="Largest zip, such as 500MB.")
@click.option("--since", default="", help="Published then or later: YYYY[-MM[-DD]].")
@click.option("--like", metavar="REF", help="Instead of words: what could be used in place of this model.")
@click.option(
    "--sort",
    type=click.Choice(["relevance", "size", "date", "f1"]),
    default="relevance",
    show_default=True,
    help="The best first, the smallest, the latest, or the highest F1 of a card.",
)
@click.option("--limit", type=click.IntRange(0, 2**31), default=25, show_default=True, help="Number of models; 0: all.")
@click.option("--all-versions", "has_all_versions", is_flag=True, help="Every build of a model in a row of its own.")
@click.option("--facets", "has_facets", is_flag=True, help="Count what was found by task, language, class, ….")
def search_command(hub: Hub, output: Output, text: Sequence[str], like: str | None, **filters: Any) -> Outcome:
    """Find models by words and filters.

    Never waits for a network. All words should occur, in name, title, task, tags, labels, class, language, or the name
    of the original model; the beginning of a word is enough, and a typing error does no harm. '"Words in quotes"' stand
    next to each other.
    """
    from modelhub.output import Answer
    from modelhub.search_views import view_alternatives, view_search, view_versions

    if like:
        if text or filters["has_facets"] or filters["sort"] != "relevance":
            hint = f"modelhub search --like {like}"
            raise UsageError("--like goes without words, --sort and --facets.", hint=hint)
        found = hub.alternatives(like, **filters)
        return Answer(data=found.to_dict()), lambda output: view_alternatives(output, found)
    result = hub.search(" ".join(text), **filters)
    view = view_versions if filters["has_all_versions"] and not filters["has_facets"] else view_search
    return Answer(data=result.to_dict()), lambda output: view(output, result, sort=filters["sort"])
