"""What a command is: words and options in, ``Hub`` called, an answer and its view out.

Every command returns an ``Answer`` (its data for ``--json``) and a view (its text). Heavy modules are imported inside
the commands, so that ``--help`` and a search pay only for what they use. The commands themselves are in
``finding_commands``, ``cache_commands``, …; ``cli`` gathers them.
"""

from __future__ import annotations

import functools
import re
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import click

from modelhub import __version__
from modelhub.errors import AmbiguousError, ModelHubError

if TYPE_CHECKING:
    from modelhub.hub import Hub
    from modelhub.output import Answer, Output

    Outcome = tuple[Answer, Callable[[Output], None]]

T = TypeVar("T")

_PARTIAL = 3
# Commands that a single reference completes.
_TAKE_ONE = ("path", "pull", "resolve", "show")
_CHOICES = 20
_COMPARED = 3

_COMMON_OPTIONS = (
    click.Option(["--json", "is_json"], is_flag=True, help="Print one JSON object."),
    click.Option(["-q", "--quiet", "is_quiet"], is_flag=True, help="Print only the answer."),
    click.Option(["-v", "--verbose", "verbosity"], count=True, help="-vv adds a traceback to errors."),
)
_SETTING_OPTIONS = {
    "cache": click.Option(["--cache"], metavar="FOLDER", help="The cache that Spark NLP reads."),
    "home": click.Option(["--home"], metavar="FOLDER", help="Where the registry lies."),
    "hub": click.Option(["--hub"], metavar="URI", help="Hub to read from: https:, s3:, file:, or a folder."),
    "offline": click.Option(["--offline"], is_flag=True, help="Never ask the network."),
    "no_update": click.Option(["--no-update"], is_flag=True, help="Leave the hub's lists as they are."),
    "sparknlp": click.Option(["--sparknlp"], metavar="VERSION", help="Spark NLP to be compatible with."),
    "spark": click.Option(["--spark"], metavar="VERSION", help="Spark to be compatible with."),
    "annotator": click.Option(["--annotator"], metavar="CLASS", help="Class that will load the model."),
    "engine": click.Option(["--engine"], help="Preferred engine: onnx, tensorflow, openvino, …."),
    "connections": click.Option(["--connections"], metavar="NUMBER", help="At most so many connections at once."),
    "jobs": click.Option(["--jobs"], metavar="NUMBER", help="At most so many models at once."),
    "limit_rate": click.Option(["--limit-rate"], metavar="RATE", help="Bytes per second in all, such as 5M."),
    "license": click.Option(["--license"], metavar="FILE", help="Licence of John Snow Labs, for licensed models."),
    "profile": click.Option(["--profile"], metavar="NAME", help="Profile of AWS, for s3: hubs and licensed models."),
    "ca_bundle": click.Option(["--ca-bundle"], metavar="FILE", help="Certificate authorities to trust."),
    "timeout": click.Option(["--timeout"], metavar="SECONDS", help="Give a silent connection up after this long."),
    "wait": click.Option(["--wait"], metavar="SECONDS", help="Wait this long for another process."),
    "strict": click.Option(["--strict"], is_flag=True, help="Refuse what may not load here."),
    "allow_hub": click.Option(["--allow-hub"], metavar="URI", multiple=True, help="Also download from there."),
}
RUNTIME = ("sparknlp", "spark", "annotator", "engine")
NETWORK = ("hub", "offline", "timeout", "ca_bundle", "license", "profile")


class Size(click.ParamType[int]):
    """A size such as ``500MB`` or ``1.5G``, in decimal units."""

    name = "size"
    _POWERS = {"": 0, "k": 1, "m": 2, "g": 3, "t": 4}
    _LARGEST = 2**63 - 1  # what SQLite can compare, and more than any disk can hold

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """The size in bytes; of one that nothing can have, the largest."""
        match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(?:([kmgt])b?|b)", str(value).strip().lower())
        if match is None:
            self.fail(f"{value!r} is not a size such as 500MB.", param, ctx)
        return int(min(float(match[1]) * 1000 ** self._POWERS[match[2] or ""], self._LARGEST))


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="modelhub", message="%(prog)s %(version)s")
def cli() -> None:
    """Find Spark NLP models, and bring them whole into the cache that Spark NLP reads.

    \b
    modelhub search pos --lang en
    modelhub show bert_pos_4L_weight_decay
    modelhub pull bert_pos_4L_weight_decay en
    """  # noqa: D301 (click wants the backspace itself)


def command(name: str, *settings: str) -> Callable[[Callable[..., Outcome]], click.Command]:
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
        _name_commands(answer.errors, name)
        output.progress.pause()
        if is_json:
            output.envelope(name, answer)
        else:
            view(output)
    except ModelHubError as exc:
        answer = Answer(data={}, errors=(exc,), exit_status=exc.exit_status)
        _name_commands(answer.errors, name)
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


def status_of(errors: Sequence[ModelHubError], done: int) -> int:
    """0 where nothing failed; the failures' own status where all failed alike; else "some of several failed"."""
    statuses = {error.exit_status for error in errors}
    if not statuses:
        return 0
    return statuses.pop() if len(statuses) == 1 and not done else _PARTIAL


def _name_commands(errors: Sequence[ModelHubError], name: str) -> None:
    """Say of every reference that stands for several models what to type for each, and what tells them apart."""
    for error in errors:
        if isinstance(error, AmbiguousError) and name in _TAKE_ONE:
            error.alternatives = [f"modelhub {name} {reference}" for reference in error.nearest[:_CHOICES]]
            error.hint = f"modelhub compare {' '.join(error.nearest[:_COMPARED])} shows what tells them apart."


def settled(output: Output, ask: Callable[[str], T], reference: str) -> T:
    """The answer for a reference; where it stands for several models, a person at a terminal says which one is meant.

    Raises:
        AmbiguousError: It stands for several, and nobody can be asked.
    """
    try:
        return ask(reference)
    except AmbiguousError as error:
        if output.is_json or output.is_quiet or not (sys.stdin.isatty() and sys.stderr.isatty()):
            raise
        choices = error.nearest[:_CHOICES]
        output.note(f"{reference} stands for several models:")
        for number, choice in enumerate(choices, start=1):
            output.note(f"{number:4}  {choice}")
        number = click.prompt("Which one", type=click.IntRange(1, len(choices)), err=True)
        return ask(choices[number - 1])
