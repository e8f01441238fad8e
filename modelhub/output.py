"""The terminal: the only module that prints, and the only one that uses rich.

Standard output is data, standard error is talk. Without a terminal there is no ANSI, no wrapping and no import of rich:
tables are tab-separated lines. Whatever comes from a card or a hub passes ``clean`` first, so that control characters
and bidirectional overrides in it cannot change what the terminal shows.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field
from typing import TYPE_CHECKING, Any, TextIO

from modelhub.amounts import bytes_text
from modelhub.errors import ModelHubError
from modelhub.quick_dataclasses import dataclass

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress as Bar
    from rich.progress import TaskID

    from modelhub.progress import Progress

__all__ = ["Answer", "Output", "bytes_text", "clean", "drop_stdout", "error_dict", "tell"]

JSON_SCHEMA = 1
_UNSAFE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_REFERENCE = re.compile(r"&(?:#[0-9]{1,9}|#[xX][0-9a-fA-F]{1,9}|[A-Za-z]{2,31});")  # of HTML, to a character
_URL = re.compile(r"[a-z0-9]+://\S+")
_BREAKS = re.compile(r"[\t\r\n]+")
_UNSAID = ("opening", "installed")  # phases that need no line


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What a command has to say, as data; a view turns it into text.

    Attributes:
        data: The ``data`` of the JSON envelope.
        errors: What failed, where other things went well.
        exit_status: Of the process.
    """

    data: dict[str, Any]
    errors: Sequence[ModelHubError] = field(default=())
    exit_status: int = 0


class Output:
    """Where a command prints.

    Args:
        is_json: Whether standard output is one JSON object and nothing else.
        is_quiet: Whether only the answer is printed.
        is_verbose: Whether a traceback follows an error.
    """

    def __init__(self, *, is_json: bool = False, is_quiet: bool = False, is_verbose: bool = False) -> None:
        self.is_json = is_json
        self.is_quiet = is_quiet
        self.is_verbose = is_verbose
        for stream in (sys.stdout, sys.stderr):
            # A letter that the terminal's encoding lacks must not end the program (Spark NLP issue 6565).
            if hasattr(stream, "reconfigure"):
                stream.reconfigure(errors="replace")
        self.progress = _PullProgress(self)

    @property
    def is_terminal(self) -> bool:
        """Whether a person reads standard output. Colours that are forced change no shape."""
        return not self.is_json and _is_terminal(sys.stdout)

    # Data

    def line(self, text: str = "") -> None:
        """One line of the answer."""
        print(clean(text), flush=True)

    def table(
        self,
        header: Sequence[str],
        rows: Iterable[Sequence[str]],
        *,
        right: Sequence[str] = (),
        optional: Sequence[str] = (),
        styles: Mapping[str, str] | None = None,
    ) -> None:
        """A table: aligned on a terminal, tab-separated without a header elsewhere; without rows nothing at all.

        Args:
            header: Names of the columns.
            rows: Cells.
            right: Names of the columns that are aligned to the right.
            optional: Names of the columns that a narrow terminal does without, the first to go first.
            styles: Colours of cells that hold just this word.
        """
        cells = [[clean(_one_line(cell)) for cell in row] for row in rows]
        if not self.is_terminal:
            for row in cells:
                self.line("\t".join(row))
            return
        if not cells:  # a header alone would look as if something were missing
            return
        from rich.table import Table
        from rich.text import Text

        console = _console(sys.stdout)
        table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
        columns = _fitting_columns(header, cells, optional, console.width)
        for column in columns:
            table.add_column(header[column], justify="right" if header[column] in right else "left", overflow="fold")
        for row in cells:
            table.add_row(*(Text(row[column], (styles or {}).get(row[column], "")) for column in columns))
        console.print(table)

    def fields(self, pairs: Iterable[tuple[str, str]]) -> None:
        """Names and values, one a line; those without a value are left out. A URL is never broken."""
        kept = [(name, value) for name, value in pairs if value]
        if not self.is_terminal:
            for name, value in kept:
                self.line(f"{name}\t{_one_line(value)}")
            return
        from rich.table import Table
        from rich.text import Text

        console, width = _console(sys.stdout), max((len(name) for name, _ in kept), default=0)
        for name, value in kept:
            lines = clean(value).split("\n")
            if all(_URL.fullmatch(line) for line in lines):  # one that is broken cannot be clicked or copied
                for number, line in enumerate(lines):
                    title = "" if number else name
                    console.print(Text.assemble((f"{title:{width}}", "bold"), "  ", line), soft_wrap=True)
                continue
            table = Table(box=None, pad_edge=False, show_header=False, padding=(0, 2, 0, 0))
            table.add_column(style="bold", no_wrap=True, min_width=width)
            table.add_column(overflow="fold")
            table.add_row(Text(name), Text(clean(value)))
            console.print(table)

    def code(self, text: str, language: str) -> None:
        """Source code, coloured where colours are wanted."""
        if not _has_colours(sys.stdout):
            self.line(text.rstrip("\n"))
            return
        from rich.syntax import Syntax

        code = clean(text.rstrip("\n"))
        highlighted = Syntax(code, language, background_color="default").highlight(code)
        highlighted.rstrip()
        _console(sys.stdout).print(highlighted, soft_wrap=True)  # a line that were cut, or broken, would be other code

    def markdown(self, text: str) -> None:
        """A page of Markdown, rendered on a terminal."""
        if not self.is_terminal:
            self.line(text.rstrip("\n"))
            return
        from rich.markdown import Markdown

        _console(sys.stdout).print(Markdown(_clean_markdown(text), hyperlinks=False))

    def envelope(self, command: str, answer: Answer) -> None:
        """The whole answer as one JSON object."""
        status = "success" if not answer.errors else "partial" if answer.data else "error"
        envelope = {
            "schema": JSON_SCHEMA,
            "command": command,
            "status": status,
            "data": answer.data,
            "errors": [error_dict(error) for error in answer.errors],
        }
        text = json.dumps(envelope, ensure_ascii=not _is_utf8(sys.stdout), indent=2)
        # What a terminal would obey can only stand in a string, where JSON has a spelling for it that is harmless.
        print(_UNSAFE.sub(lambda sign: f"\\u{ord(sign[0]):04x}", text))

    # Talk

    def note(self, text: str) -> None:
        """A sentence on standard error."""
        if not self.is_quiet:
            self.progress.pause()
            _say(clean(text))

    def failure(self, error: ModelHubError) -> None:
        """What went wrong, why, and what to do next, on standard error."""
        self.progress.pause()
        subject = f"{error.subject}: " if error.subject else ""
        word = "\x1b[1;31merror:\x1b[0m" if _has_colours(sys.stderr) else "error:"
        _say(word, clean(f"{subject}{error.message}"))
        alternatives: Sequence[str] = getattr(error, "alternatives", ())
        for alternative in alternatives if len(alternatives) > 1 else ():
            _say(clean(f"  {alternative}"))
        if error.hint:
            _say(clean(f"hint: {error.hint}"))
        if self.is_verbose:
            import traceback

            _say(clean("".join(traceback.format_exception(error)).rstrip()))


class _PullProgress:
    """How far pulls are: a bar for each on a terminal, at most a line per phase elsewhere. A callable for ``Hub``."""

    def __init__(self, output: Output) -> None:
        self._output = output
        self._bars: Bar | None = None
        self._tasks: dict[str, TaskID] = {}
        self._told: set[tuple[str, str]] = set()

    def __call__(self, progress: Progress) -> None:
        if self._output.is_quiet or (self._output.is_json and not _is_terminal(sys.stderr)):
            return
        is_terminal = _is_terminal(sys.stderr)
        if is_terminal and progress.phase != "cached":
            self._draw(progress)
        elif progress.phase not in _UNSAID and (is_terminal or (progress.phase, progress.subject) not in self._told):
            self._told.add((progress.phase, progress.subject))
            self._output.note(_phase_line(progress))

    def pause(self) -> None:
        """Take the bars away, because something else is to be printed or all is done."""
        if self._bars:
            self._bars.stop()
            self._bars = None
            self._tasks.clear()

    def _draw(self, progress: Progress) -> None:
        if self._bars is None:
            self._bars = _new_bars()
            self._bars.start()
        # Only one is resolved at a time, under the name that was typed; what follows bears its key.
        name = "" if progress.phase == "resolving" else progress.subject
        if progress.phase == "installed" or (name and "" in self._tasks):
            self._remove(name if progress.phase == "installed" else "")
        if progress.phase == "installed":
            return
        if name not in self._tasks:
            self._tasks[name] = self._bars.add_task(progress.phase, total=None)
        task, description = self._tasks[name], f"{progress.phase} {clean(progress.subject)}"
        if progress.phase in ("downloading", "verifying"):
            self._bars.update(task, description=description, completed=progress.done_bytes, total=progress.total_bytes)
        else:
            self._bars.update(task, description=description)

    def _remove(self, name: str) -> None:
        if self._bars and name in self._tasks:
            self._bars.remove_task(self._tasks.pop(name))


def _fitting_columns(
    header: Sequence[str], cells: Sequence[Sequence[str]], optional: Sequence[str], width: int
) -> list[int]:
    """Indexes of the columns to show: those that say something, without optional ones until most rows fit.

    The longest tenth of the first column does not count: one long name is folded and costs no other row a column.
    """
    widths = [max([len(name), *(len(row[column]) for row in cells)]) for column, name in enumerate(header)]
    firsts = sorted(len(row[0]) for row in cells)
    widths[0] = max(len(header[0]), firsts[len(firsts) * 9 // 10 - 1]) if len(firsts) > 1 else widths[0]
    columns = [column for column in range(len(header)) if any(row[column] for row in cells) or not column]
    for name in optional:
        if sum(widths[column] + 2 for column in columns) - 2 <= width:
            break
        columns = [column for column in columns if header[column] != name]
    return columns


def _phase_line(progress: Progress) -> str:
    if progress.phase == "cached":
        return f"{progress.subject}: already in the cache, 0 B downloaded"
    if progress.phase == "downloading":
        size = bytes_text(progress.total_bytes) or "size not known"
        return f"downloading and unpacking {progress.subject} ({size})"
    if progress.phase == "verifying":
        return f"verifying {progress.subject} ({bytes_text(progress.total_bytes)})"
    return f"{progress.phase} {progress.subject}"


def _new_bars() -> Bar:
    from rich.progress import BarColumn, DownloadColumn, TextColumn, TimeRemainingColumn, TransferSpeedColumn
    from rich.progress import Progress as RichProgress
    from rich.table import Column

    return RichProgress(
        TextColumn("{task.description}", markup=False, table_column=Column(ratio=1, no_wrap=True, overflow="ellipsis")),
        BarColumn(bar_width=24),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
        console=_console(sys.stderr),
        transient=True,
        expand=True,
    )


def _say(*words: str) -> None:
    """A line on standard error, for whoever hears it: one that is closed or full ends no command.

    Where it is closed, ``print`` would take standard output in its place.
    """
    if sys.stderr:
        with contextlib.suppress(OSError):
            print(*words, file=sys.stderr, flush=True)


def tell(sentence: str) -> None:
    """A sentence on standard error, from what runs in a program of somebody else and changes none of its streams."""
    _say(clean(sentence))


def drop_stdout() -> None:
    """Nobody can read standard output any more; Python must not complain about it at exit either."""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def clean(text: str) -> str:
    """The text without what a terminal would take for a command."""
    return _UNSAFE.sub("?", text.replace("\r\n", "\n"))


def _clean_markdown(text: str) -> str:
    """The same of Markdown, in which ``&#8238;`` or ``&rlm;`` stand for what a terminal would obey."""
    from html import unescape

    return _REFERENCE.sub(lambda match: "?" if _UNSAFE.search(unescape(match[0])) else match[0], clean(text))


def _one_line(text: str) -> str:
    return _BREAKS.sub(" ", text)


def error_dict(error: ModelHubError) -> dict[str, Any]:
    """An error as it stands in JSON answers."""
    extra = {name: list(getattr(error, name)) for name in ("nearest", "alternatives") if getattr(error, name, ())}
    reference = {"reference": error.subject} if error.subject else {}
    return {"code": error.code, "message": error.message, "hint": error.hint, **reference, **extra}


def _has_colours(stream: TextIO | None) -> bool:
    from modelhub.config import colour_wish

    wish = colour_wish()
    return _is_terminal(stream) if wish is None else wish


def _is_terminal(stream: TextIO | None) -> bool:
    """Whether a person reads a stream; a process may be started with none at all."""
    return stream is not None and stream.isatty()


def _console(stream: TextIO) -> Console:
    from rich.console import Console

    is_coloured = _has_colours(stream)
    return Console(
        file=stream,
        force_terminal=is_coloured or None,
        color_system="auto" if is_coloured else None,
        highlight=False,
        emoji=False,
        markup=False,
    )


def _is_utf8(stream: TextIO | None) -> bool:
    return stream is not None and (stream.encoding or "").lower().replace("-", "") == "utf8"
