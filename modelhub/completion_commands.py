"""Completion in shells: the command that prints the script, and what completes which word of which command."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import click

from modelhub.commands import command

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    from modelhub.commands import Outcome
    from modelhub.completing import Completer
    from modelhub.hub import Hub
    from modelhub.output import Output

SHELLS = ("bash", "zsh", "fish")
_VARIABLE = "_MODELHUB_COMPLETE"
# Bash puts a completion in as it is, and names of tasks have blanks.
_UNQUOTED = ("COMPREPLY+=($value)", """COMPREPLY+=("$(printf '%q' "$value")")""")
_CACHED = ("rm", "verify", "path")

Completion = Callable[["Completer", click.Context, str], Iterable[str]]


@command("completion")
@click.argument("shell", type=click.Choice(SHELLS))
def completion_command(hub: Hub, output: Output, shell: str) -> Outcome:
    """Print a script that completes names and values.

    \b
    bash   eval "$(modelhub completion bash)"    in ~/.bashrc
    zsh    eval "$(modelhub completion zsh)"     in ~/.zshrc
    fish   modelhub completion fish | source     in ~/.config/fish/config.fish
    """  # noqa: D301 (click wants the backspace itself)
    from modelhub.output import Answer

    script = completion_script(shell)
    return Answer(data={"shell": shell, "script": script}), lambda output: output.line(script)


def completion_script(shell: str) -> str:
    """What a shell is to evaluate."""
    from click.shell_completion import get_completion_class

    made = get_completion_class(shell)
    assert made is not None  # click knows all of SHELLS
    template = made(click.Command("modelhub"), {}, "modelhub", _VARIABLE)
    script = template.source_template % template.source_vars()
    return script.replace(*_UNQUOTED).strip()


class _Completed(click.types.StringParamType):
    """A text that is completed."""

    def __init__(self, completion: Completion) -> None:
        self._completion = completion

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """What the text may become."""
        from click.shell_completion import CompletionItem

        from modelhub.completing import Completer
        from modelhub.config import load_config
        from modelhub.errors import ModelHubError

        flags = {name: ctx.params.get(name) for name in ("home", "cache")}
        try:
            config = load_config(flags)
        except ModelHubError:
            return []
        return [CompletionItem(value) for value in self._completion(Completer(config), ctx, incomplete)]


class _Folder(click.types.StringParamType):
    """A folder, which the shell itself completes."""

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """Tell the shell to look for folders."""
        from click.shell_completion import CompletionItem

        return [CompletionItem(incomplete, type="dir")]


class _File(click.types.StringParamType):
    """A file, which the shell itself completes."""

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """Tell the shell to look for files."""
        from click.shell_completion import CompletionItem

        return [CompletionItem(incomplete, type="file")]


def complete_parameters(group: click.Group) -> None:
    """Give every parameter that is a plain text what completes it."""
    for name, subcommand in group.commands.items():
        for parameter in subcommand.params:
            if parameter.name in _TYPES and type(parameter.type) is click.types.StringParamType:
                parameter.type = _TYPES[parameter.name]
            elif parameter.name in _COMPLETIONS and type(parameter.type) is click.types.StringParamType:
                is_cached = name in _CACHED and parameter.name in ("reference", "words")
                parameter.type = _Completed(_cached if is_cached else _COMPLETIONS[parameter.name])


def _models(completer: Completer, ctx: click.Context, beginning: str) -> Iterable[str]:
    return completer.models(beginning)


def _cached(completer: Completer, ctx: click.Context, beginning: str) -> Iterable[str]:
    return completer.cached(beginning)


def _references(completer: Completer, ctx: click.Context, beginning: str) -> Iterable[str]:
    """Languages of the model that was typed before, then models."""
    before = (ctx.params.get("words") or ("",))[-1]
    languages = completer.languages_of(before) if before else []
    yield from (code for code in languages if code.startswith(beginning))
    yield from completer.models(beginning)


def _language(completer: Completer, ctx: click.Context, beginning: str) -> Iterable[str]:
    """Languages of the model that was typed before; all where none was."""
    reference = ctx.params.get("reference")
    known = completer.languages_of(reference) if reference else completer.languages(beginning)
    return known if not reference else [code for code in known if code.startswith(beginning)]


def _value_of(field: str) -> Completion:
    return lambda completer, ctx, beginning: completer.values(field, beginning)


_COMPLETIONS: dict[str | None, Completion] = {
    "reference": _models,
    "words": _references,
    "like": _models,
    "language": _language,
    "task": _value_of("task"),
    "annotator": _value_of("annotator"),
    "product": _value_of("product"),
    "engine": _value_of("engine"),
    "label": lambda completer, ctx, beginning: completer.labels(beginning),
    "text": lambda completer, ctx, beginning: completer.words(beginning),
}
_TYPES: dict[str | None, Any] = {
    **dict.fromkeys(("cache", "home"), _Folder()),
    **dict.fromkeys(("ca_bundle", "license", "paths"), _File()),
}
