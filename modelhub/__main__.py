"""``python -m modelhub`` and the console script: one command as a process, which ends with its exit status."""

from __future__ import annotations

import atexit
import gc
import os
import signal
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from typing import NoReturn

from modelhub.errors import ModelHubError, StorageError, UsageError

_INTERRUPTED = 130
_TERMINATED = 143
_SOON_S = 0.01


def run() -> NoReturn:
    """The command line as a process of its own, which ends as soon as all is said.

    Python would take down every module and object one by one: 10 ms of the 100 that a search may take.
    """
    sys.unraisablehook = _come_again
    try:
        main()
    except SystemExit as exc:
        main_thread = threading.main_thread()
        if isinstance(exc.code, int) and all(one.daemon or one is main_thread for one in threading.enumerate()):
            _leave(exc.code)
        raise


def _come_again(lost: sys.UnraisableHookArgs) -> None:
    """Send a signal once more that came where Python can raise nothing, such as the end of a lock for an import."""
    number = {KeyboardInterrupt: signal.SIGINT, SystemExit: signal.SIGTERM}.get(lost.exc_type)
    if number and hasattr(signal, "setitimer") and threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGALRM, lambda *_: signal.raise_signal(number))
        signal.setitimer(signal.ITIMER_REAL, _SOON_S)  # here and now it would be lost again
    else:
        sys.__unraisablehook__(lost)


def _leave(status: int) -> NoReturn:
    atexit._run_exitfuncs()  # noqa: SLF001 (as multiprocessing does before such an end)
    for stream in filter(None, (sys.stdout, sys.stderr)):
        with suppress(OSError, ValueError):  # nobody reads it any more, or it is closed
            stream.flush()
    os._exit(status)


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line, and leave with its exit status."""
    # Importing a command line makes many objects and no garbage: looking for some would cost a search 5 ms of its 100.
    gc.set_threshold(100_000)
    # A pull's threads mostly inflate, digest and write, and need Python for moments: 5 ms would be long to wait for it.
    sys.setswitchinterval(0.0005)
    words = list(sys.argv[1:] if arguments is None else arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(_TERMINATED))
    try:
        try:
            status = _run(words)
        except RuntimeError as exc:
            raise _meant_by(exc) from None
    except KeyboardInterrupt:  # while something was imported, or an error told
        sys.stderr.write("interrupted\n")
        status = _INTERRUPTED
    sys.exit(status)


def _meant_by(exc: Exception) -> BaseException:
    """What a signal raised: Python before 3.12 wraps it where a class is just being made."""
    cause = exc.__cause__ if isinstance(exc, RuntimeError) else None
    return cause if isinstance(cause, (KeyboardInterrupt, SystemExit)) else exc


def _run(words: Sequence[str]) -> int:
    import click

    try:
        return _answer(words)
    except click.exceptions.Exit as exc:
        return exc.exit_code
    except (click.Abort, KeyboardInterrupt):
        goes_on = ": the same command goes on where it can" if _command_in(words) == "pull" else ""
        click.echo(f"interrupted{goes_on}", err=True)
        return _INTERRUPTED
    except Exception as exc:
        if _meant_by(exc) is not exc:
            raise
        return _tell_failure(exc, words)


def _answer(words: Sequence[str]) -> int:
    import click

    from modelhub.cli import cli

    try:
        status = cli.main(list(words), prog_name="modelhub", standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as exc:  # its message is the whole help
        click.echo(exc.format_message(), err=True)
        status = exc.exit_code
    except click.ClickException as exc:
        name = _command_in(words)
        hint = f"modelhub {name + ' ' if name else ''}--help"
        status = _tell(UsageError(exc.format_message(), hint=hint), words)
    if sys.stdout:
        sys.stdout.flush()
    return int(status or 0)


def _command_in(words: Sequence[str]) -> str:
    from modelhub.cli import cli

    return next((word for word in words if word in cli.commands), "")


def _tell(error: ModelHubError, words: Sequence[str]) -> int:
    """An error that ended no command of ours, told as those of the commands are."""
    from modelhub.output import Answer, Output

    output = Output(is_json="--json" in words, is_verbose="-vv" in words)
    if output.is_json:
        output.envelope(_command_in(words), Answer(data={}, errors=(error,)))
    output.failure(error)
    return error.exit_status


def _tell_failure(exc: Exception, words: Sequence[str]) -> int:
    """What no part of us has foreseen: standard output that cannot be written, or a fault of ours."""
    from modelhub.output import drop_stdout

    if isinstance(exc, BrokenPipeError):
        drop_stdout()
        return 0
    error: ModelHubError
    if isinstance(exc, OSError) and exc.filename is None:  # no path: it was a stream
        drop_stdout()
        error = StorageError(f"The output cannot be written: {exc.strerror or exc}.")
    elif isinstance(exc, OSError):
        error = StorageError(f"{exc.filename}: {exc.strerror or exc}.")
    else:
        hint = "Run it again with -vv, and report what you see."
        error = ModelHubError(f"This is a fault of modelhub: {exc!r}.", hint=hint)
    error.__cause__ = exc
    return _tell(error, words)


if __name__ == "__main__":
    run()
