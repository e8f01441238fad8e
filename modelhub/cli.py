"""The command line: reads words and options, calls ``Hub``, renders the result.

Every command returns an ``Answer`` (its data for ``--json``) and a view (its text). Heavy modules are imported inside
the commands, so that ``--help`` and a search pay only for what they use.
"""

from __future__ import annotations

import functools
import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from modelhub import __version__
from modelhub.errors import ModelHubError, UsageError

if TYPE_CHECKING:
    from modelhub.cache import Entry
    from modelhub.hub import Hub
    from modelhub.output import Answer, Output
    from modelhub.results import UpdateResult

    Outcome = tuple[Answer, Callable[[Output], None]]

_PARTIAL = 3

_COMMON_OPTIONS = (
    click.Option(["--json", "is_json"], is_flag=True, help="Print one JSON object."),
    click.Option(["-q", "--quiet", "is_quiet"], is_flag=True, help="Print only the answer."),
    click.Option(["-v", "--verbose", "verbosity"], count=True, help="-vv adds a traceback to errors."),
)
_SETTING_OPTIONS = {
    "cache": click.Option(["--cache"], metavar="FOLDER", help="The cache that Spark NLP reads."),
    "home": click.Option(["--home"], metavar="FOLDER", help="Where the registry lies."),
    "hub": click.Option(["--hub"], metavar="URI", help="Hub to read from: https:, file:, or a folder."),
    "offline": click.Option(["--offline"], is_flag=True, help="Never ask the network."),
    "no_update": click.Option(["--no-update"], is_flag=True, help="Leave the hub's lists as they are."),
    "sparknlp": click.Option(["--sparknlp"], metavar="VERSION", help="Spark NLP to be compatible with."),
    "spark": click.Option(["--spark"], metavar="VERSION", help="Spark to be compatible with."),
    "annotator": click.Option(["--annotator"], metavar="CLASS", help="Class that will load the model."),
    "engine": click.Option(["--engine"], help="Preferred engine: onnx, tensorflow, openvino, …."),
    "timeout": click.Option(["--timeout"], metavar="SECONDS", help="Give a silent connection up after this long."),
    "wait": click.Option(["--wait"], metavar="SECONDS", help="Wait this long for another process."),
    "allow_hub": click.Option(["--allow-hub"], metavar="URI", multiple=True, help="Also download from there."),
}
_RUNTIME = ("sparknlp", "spark", "annotator", "engine")
_NETWORK = ("hub", "offline", "timeout")


class _Size(click.ParamType[int]):
    """A size such as ``500MB`` or ``1.5G``, in decimal units."""

    name = "size"
    _POWERS = {"": 0, "k": 1, "m": 2, "g": 3, "t": 4}

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(?:([kmgt])b?|b)", str(value).strip().lower())
        if match is None:
            self.fail(f"{value!r} is not a size such as 500MB.", param, ctx)
        return int(float(match[1]) * 1000 ** self._POWERS[match[2] or ""])


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="modelhub", message="%(prog)s %(version)s")
def cli() -> None:
    """Find Spark NLP models, and bring them whole into the cache that Spark NLP reads.

    \b
    modelhub search pos --lang en
    modelhub show bert_pos_4L_weight_decay
    modelhub pull bert_pos_4L_weight_decay en
    """  # noqa: D301 (click wants the backspace itself)


def _command(name: str, *settings: str) -> Callable[[Callable[..., Outcome]], click.Command]:
    """Make a command of a function ``(hub, output, **words and options) -> answer and view``.

    Args:
        name: Of the command.
        settings: Which settings it takes as options; the others come from environment and file.
    """

    def decorate(function: Callable[..., Outcome]) -> click.Command:
        @functools.wraps(function)
        def run(is_json: bool, is_quiet: bool, verbosity: int, **parameters: Any) -> int:
            flags = {setting: parameters.pop(setting) or None for setting in ("home", *settings)}
            return _run(name, functools.partial(function, **parameters), flags, is_json, is_quiet, verbosity)

        command = cli.command(name)(run)
        command.params += [*(_SETTING_OPTIONS[setting] for setting in (*settings, "home")), *_COMMON_OPTIONS]
        return command

    return decorate


def _run(
    name: str,
    function: Callable[[Hub, Output], Outcome],
    flags: dict[str, Any],
    is_json: bool,
    is_quiet: bool,
    verbosity: int,
) -> int:
    from modelhub.hub import Hub
    from modelhub.output import Answer, Output, drop_stdout

    output = Output(is_json=is_json, is_quiet=is_quiet, is_verbose=verbosity > 1)
    try:
        with Hub(on_progress=output.progress, on_note=output.note, **flags) as hub:
            answer, view = function(hub, output)
        output.progress.pause()
        if is_json:
            output.envelope(name, answer)
        else:
            view(output)
    except ModelHubError as exc:
        answer = Answer(data={}, errors=(exc,), exit_status=exc.exit_status)
        if is_json:
            output.envelope(name, answer)
    except BrokenPipeError:  # here, because click makes status 1 of it
        drop_stdout()
        return 0
    finally:
        output.progress.pause()
    for error in answer.errors:
        output.failure(error)
    return answer.exit_status


def _status_of(errors: Sequence[ModelHubError], done: int) -> int:
    """0 where nothing failed; the failures' own status where all failed alike; else "some of several failed"."""
    statuses = {error.exit_status for error in errors}
    if not statuses:
        return 0
    return statuses.pop() if len(statuses) == 1 and not done else _PARTIAL


# Finding


@_command("search", "cache", "sparknlp", "spark")
@click.argument("text", nargs=-1)
@click.option("--task", default="", help="Task: its name, beginning or initials (ner, pos, asr).")
@click.option("--lang", "language", default="", help="Language code.")
@click.option("--annotator", default="", help="Class, such as BertForTokenClassification.")
@click.option("--product", default="", help="Spark NLP, healthcare, legal, finance, visual.")
@click.option("--engine", default="", help="Engine of the weights.")
@click.option("--label", default="", help="A label that the model predicts, such as DRUG.")
@click.option("--compatible", "is_compatible", is_flag=True, help="Only what suits the installed Spark NLP and Spark.")
@click.option("--max-size", "max_size_bytes", type=_Size(), help="Largest zip, such as 500MB.")
@click.option("--since", default="", help="Published then or later: YYYY[-MM[-DD]].")
@click.option("--limit", type=click.IntRange(min=0), default=25, show_default=True, help="Number of models; 0: all.")
def search_command(hub: Hub, output: Output, text: Sequence[str], **filters: Any) -> Outcome:
    """Find models by words and filters.

    Never waits for a network. All words should occur, in name, title, task, tags, labels or class; the beginning of a
    word is enough.
    """
    from modelhub.output import Answer
    from modelhub.views import view_search

    result = hub.search(" ".join(text), **filters)
    data = {
        "models": [model.to_dict() for model in result.models],
        "total": result.total,
        "corrected": result.corrected,
    }
    return Answer(data=data), lambda output: view_search(output, result)


@_command("show", "cache", "hub", *_RUNTIME)
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
    shown = hub.show(reference, language)
    if is_card:
        text = hub.card_text(shown.artifact)
        return Answer(data={**shown.to_dict(), "card": text}), lambda output: view_card(output, text)
    if flavour:
        code = hub.snippet(shown, flavour, is_loaded=is_loaded)
        highlighted = {"nlu": "python"}.get(flavour, flavour)
        return Answer(data={**shown.to_dict(), "code": code}), lambda output: output.code(code, highlighted)
    return Answer(data=shown.to_dict()), lambda output: view_show(output, shown)


@_command("guide")
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


# Resolving


@_command("resolve", "cache", *_NETWORK, "no_update", *_RUNTIME)
@click.argument("reference")
@click.argument("language", required=False)
@click.option("--explain", "is_explained", is_flag=True, help="Show every candidate and why it was (not) taken.")
def resolve_command(hub: Hub, output: Output, reference: str, language: str | None, is_explained: bool) -> Outcome:
    """Print the URI that Spark NLP itself would take."""
    from modelhub.output import Answer
    from modelhub.views import view_resolve

    resolution = hub.resolve(reference, language)
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


@_command("path", "cache", *_RUNTIME)
@click.argument("reference")
@click.argument("language", required=False)
def path_command(hub: Hub, output: Output, reference: str, language: str | None) -> Outcome:
    """Print the folder of a model in the cache; no network."""
    from modelhub.output import Answer

    path = hub.path(reference, language)
    return Answer(data={"path": str(path)}), lambda output: output.line(str(path))


# The cache


@_command("pull", "cache", *_NETWORK, "no_update", "allow_hub", "wait", *_RUNTIME)
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
        Answer(data=data, errors=errors, exit_status=_status_of(errors, len(done))),
        lambda output: view(output, done),
    )


@_command("list", "cache")
def list_command(hub: Hub, output: Output) -> Outcome:
    """List what is in the cache.

    Also what Spark NLP itself put there.
    """
    from modelhub.output import Answer
    from modelhub.views import view_entries

    entries = hub.entries()
    data = {"entries": [entry.to_dict() for entry in entries], "cache": str(hub.cache.root)}
    return Answer(data=data), lambda output: view_entries(output, entries)


@_command("verify", "cache")
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


@_command("rm", "cache", "wait")
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


# The registry


@_command("update", *_NETWORK)
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
    answer = Answer(data=_sum(results), errors=errors, exit_status=_status_of(errors, len(results)))
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


@_command("demo")
def demo_command(hub: Hub, output: Output) -> Outcome:
    """Show the main job without any network."""
    from modelhub.demo import run_demo
    from modelhub.output import Answer

    steps = run_demo(output)
    return Answer(data={"steps": steps}), lambda output: None
