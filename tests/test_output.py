from __future__ import annotations

import io
import json
import os
import pty
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from typing import Any

import pytest

from modelhub.errors import AmbiguousError, IncompatibleError, IntegrityError, ModelHubError, NotFoundError
from modelhub.output import Answer, Output, bytes_text, clean, error_dict
from modelhub.progress import Progress

KEY = "pos_tiny_en_4.0.0_3.0_1656000000000"
ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
HOSTILE = "a\x1b[31mb\x07c\x9b2Jd\u202ee\u2066f\x00g\rh\x7fi\u200fj\u061ck"


def printed(capsys: pytest.CaptureFixture[str], say: Callable[[Output], object], **options: bool) -> tuple[str, str]:
    """What is written to standard output and standard error where neither is a terminal."""
    say(Output(**options))
    captured = capsys.readouterr()
    return captured.out, captured.err


@contextmanager
def terminal() -> Iterator[Callable[[], str]]:
    """Standard output and standard error on a real terminal; asked for its text at the end, it is switched off."""
    ours, theirs = pty.openpty()
    chunks: list[bytes] = []
    reader = threading.Thread(target=lambda: chunks.extend(iter(lambda: read_from(ours), b"")))
    reader.start()
    stream = os.fdopen(theirs, "w", encoding="utf-8")

    def text() -> str:
        stream.close()
        reader.join()
        return b"".join(chunks).decode().replace("\r\n", "\n")

    try:
        with redirect_stdout(stream), redirect_stderr(stream):
            yield text
    finally:
        text()
        os.close(ours)


def read_from(terminal_fd: int) -> bytes:
    """What a terminal was given; nothing once it is switched off."""
    try:
        return os.read(terminal_fd, 4096)
    except OSError:
        return b""


def moment(phase: str, done: int = 0, total: int | None = None, subject: str = KEY) -> Progress:
    return Progress(phase=phase, subject=subject, done_bytes=done, total_bytes=total)


def about(subject: str, error: ModelHubError) -> ModelHubError:
    error.subject = subject
    return error


# Texts


def test_what_a_terminal_would_take_for_a_command_is_shown_as_a_question_mark() -> None:
    assert clean(HOSTILE) == "a?[31mb?c?2Jd?e?f?g?h?i?j?k"


def test_line_breaks_tabs_and_letters_of_every_language_stay() -> None:
    text = "one\n\ttwo caf\u00e9 \u65e5\u672c \u05e9\u05dc\u05d5\u05dd \U0001f3a9"

    assert clean(text) == text


def test_the_line_breaks_of_windows_are_line_breaks() -> None:
    assert clean("one\r\ntwo\r\n") == "one\ntwo\n"


@pytest.mark.parametrize(
    ("size_bytes", "text"),
    [
        (None, ""),
        (0, "0 B"),
        (1, "1 B"),
        (999, "999 B"),
        (1_000, "1.0 kB"),
        (42_900_000, "42.9 MB"),
        (999_949, "999.9 kB"),
        (999_950, "1.0 MB"),
        (1_500_000_000, "1.5 GB"),
        (2 * 10**12, "2.0 TB"),
        (5 * 10**15, "5000.0 TB"),
    ],
)
def test_sizes_are_shown_in_decimal_units(size_bytes: int | None, text: str) -> None:
    assert bytes_text(size_bytes) == text


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (IntegrityError("Broken."), {"code": "integrity", "message": "Broken.", "hint": ""}),
        (
            AmbiguousError("Two.", hint="Name one.", nearest=["a:en", "a:de"]),
            {"code": "ambiguous", "message": "Two.", "hint": "Name one.", "nearest": ["a:en", "a:de"]},
        ),
        (
            IncompatibleError("None.", alternatives=["k: why"]),
            {"code": "incompatible", "message": "None.", "hint": "", "alternatives": ["k: why"]},
        ),
        (
            about("pos_tiny:en", IntegrityError("Broken.")),
            {"code": "integrity", "message": "Broken.", "hint": "", "reference": "pos_tiny:en"},
        ),
    ],
)
def test_an_error_is_plain_json(error: ModelHubError, expected: dict[str, Any]) -> None:
    assert error_dict(error) == expected


# In a pipe


def test_a_line_is_clean(capsys: pytest.CaptureFixture[str]) -> None:
    assert printed(capsys, lambda output: output.line(HOSTILE)) == (f"{clean(HOSTILE)}\n", "")


def test_a_table_in_a_pipe_is_one_line_a_row(capsys: pytest.CaptureFixture[str]) -> None:
    rows = [["a", "1"], ["b\tc", "2"], ["d\ne\r\nf", "3"], ["", ""], ["x" * 300, "\x1b[1m"]]

    out, _ = printed(capsys, lambda output: output.table(["name", "size"], rows, right=["size"]))

    assert out == f"a\t1\nb c\t2\nd e f\t3\n\t\n{'x' * 300}\t?[1m\n"


def test_fields_in_a_pipe_leave_out_what_has_no_value(capsys: pytest.CaptureFixture[str]) -> None:
    out, _ = printed(capsys, lambda output: output.fields([("name", "a"), ("size", ""), ("title", "b\nc")]))

    assert out == "name\ta\ntitle\tb c\n"


@pytest.mark.parametrize("kind", ["code", "page"])
def test_code_and_pages_in_a_pipe_are_as_they_are(capsys: pytest.CaptureFixture[str], kind: str) -> None:
    def say(output: Output) -> None:
        if kind == "code":
            output.code("x = 1\n\n", "python")
        else:
            output.markdown("x = 1")

    assert printed(capsys, say) == ("x = 1\n", "")


def test_a_pipe_is_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    assert not Output().is_terminal


def test_a_letter_that_the_encoding_lacks_ends_nothing() -> None:
    raw = io.BytesIO()

    with redirect_stdout(io.TextIOWrapper(raw, encoding="ascii")) as stream:
        Output().line("caf\u00e9")
        stream.flush()

    assert raw.getvalue() == b"caf?\n"


# JSON


def envelope(capsys: pytest.CaptureFixture[str], answer: Answer) -> dict[str, Any]:
    out, err = printed(capsys, lambda output: output.envelope("search", answer), is_json=True)
    assert err == ""
    return json.loads(out)


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (Answer(data={"models": []}), "success"),
        (Answer(data={}), "success"),
        (Answer(data={"models": []}, errors=[NotFoundError("Gone.")]), "partial"),
        (Answer(data={}, errors=[NotFoundError("Gone.")]), "error"),
    ],
)
def test_the_status_says_how_much_went_well(capsys: pytest.CaptureFixture[str], answer: Answer, status: str) -> None:
    assert envelope(capsys, answer) == {
        "schema": 1,
        "command": "search",
        "status": status,
        "data": answer.data,
        "errors": [error_dict(error) for error in answer.errors],
    }


def test_json_keeps_every_sign_and_shows_none_that_a_terminal_obeys(capsys: pytest.CaptureFixture[str]) -> None:
    Output(is_json=True).envelope("show", Answer(data={"title": f"{HOSTILE} caf\u00e9"}))

    out = capsys.readouterr().out

    assert json.loads(out)["data"]["title"] == f"{HOSTILE} caf\u00e9"
    assert clean(out) == out
    assert "caf\u00e9" in out


def test_json_is_ascii_where_the_output_is_not_utf_8() -> None:
    raw = io.BytesIO()

    with redirect_stdout(io.TextIOWrapper(raw, encoding="latin-1")) as stream:
        Output(is_json=True).envelope("show", Answer(data={"title": "\u65e5"}))
        stream.flush()

    assert json.loads(raw.getvalue().decode("ascii"))["data"]["title"] == "\u65e5"


# Talk


def test_notes_go_to_standard_error_unless_it_is_to_be_quiet(capsys: pytest.CaptureFixture[str]) -> None:
    assert printed(capsys, lambda output: output.note(HOSTILE)) == ("", f"{clean(HOSTILE)}\n")
    assert printed(capsys, lambda output: output.note("hush"), is_quiet=True) == ("", "")


@pytest.mark.parametrize("is_quiet", [False, True])
def test_a_failure_says_what_and_what_to_do(capsys: pytest.CaptureFixture[str], is_quiet: bool) -> None:
    error = NotFoundError("No model is called \x1b[0mpoz.", hint="Did you mean pos?")

    out, err = printed(capsys, lambda output: output.failure(error), is_quiet=is_quiet)

    assert (out, err) == ("", "error: No model is called ?[0mpoz.\nhint: Did you mean pos?\n")


def test_a_failure_lists_alternatives_where_there_are_several(capsys: pytest.CaptureFixture[str]) -> None:
    several = IncompatibleError("None suits.", alternatives=["a: why", "b: why\x1b[0m"], hint="Update.")
    one = IncompatibleError("It does not suit: why.", alternatives=["a: why"])

    assert printed(capsys, lambda output: output.failure(several))[1] == (
        "error: None suits.\n  a: why\n  b: why?[0m\nhint: Update.\n"
    )
    assert printed(capsys, lambda output: output.failure(one))[1] == "error: It does not suit: why.\n"


def test_a_failure_of_one_of_several_says_which(capsys: pytest.CaptureFixture[str]) -> None:
    error = about("pos_tiny:en", IntegrityError("Broken."))

    assert printed(capsys, lambda output: output.failure(error))[1] == "error: pos_tiny:en: Broken.\n"


def test_a_failure_without_advice_has_no_hint(capsys: pytest.CaptureFixture[str]) -> None:
    assert printed(capsys, lambda output: output.failure(IntegrityError("Broken."))) == ("", "error: Broken.\n")


def test_a_traceback_follows_where_it_was_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    def fail(output: Output) -> None:
        try:
            raise IntegrityError("Broken.") from OSError("the reason")
        except IntegrityError as exc:
            output.failure(exc)

    _, err = printed(capsys, fail, is_verbose=True)

    assert err.startswith("error: Broken.\n")
    assert "Traceback (most recent call last)" in err
    assert "OSError: the reason" in err


# Progress


def test_off_a_terminal_a_pull_says_one_line_a_phase(capsys: pytest.CaptureFixture[str]) -> None:
    def pull(output: Output) -> None:
        output.progress(moment("resolving", subject="pos_tiny:en"))
        for done in range(0, 5_000_000, 1_000_000):
            output.progress(moment("downloading", done, 5_000_000))
        output.progress(moment("checking"))

    assert printed(capsys, pull) == (
        "",
        f"resolving pos_tiny:en\ndownloading and unpacking {KEY} (5.0 MB)\nchecking {KEY}\n",
    )


def test_what_is_not_known_or_not_needed_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    def pull(output: Output) -> None:
        output.progress(moment("downloading", 7))
        output.progress(moment("cached"))

    assert printed(capsys, pull)[1] == (
        f"downloading and unpacking {KEY} (size not known)\n{KEY}: already in the cache, 0 B downloaded\n"
    )


@pytest.mark.parametrize("options", [{"is_quiet": True}, {"is_json": True}])
def test_progress_is_not_told_where_nobody_reads_it(
    capsys: pytest.CaptureFixture[str], options: dict[str, bool]
) -> None:
    assert printed(capsys, lambda output: output.progress(moment("checking")), **options) == ("", "")


# On a terminal


def test_a_table_on_a_terminal_has_a_header_and_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")

    with terminal() as text:
        output = Output()
        is_terminal = output.is_terminal
        output.table(["name", "size"], [["a" * 30, "1"], ["[b]x[/b]\x1b[31m", "100"]], right=["size"])
        shown = text()

    assert is_terminal
    lines = [line.rstrip() for line in shown.replace("\x1b[1m", "").replace("\x1b[0m", "").splitlines()]
    assert lines[0].split() == ["name", "size"]
    assert lines[1] == f"{'a' * 30}     1"
    assert lines[2] == f"[b]x[/b]?[31m{' ' * 20}100"


@pytest.mark.parametrize(
    ("columns", "shown"),
    [("60", ["name", "title", "task", "size"]), ("25", ["name", "title", "size"]), ("15", ["name", "size"])],
)
def test_a_narrow_terminal_does_without_optional_columns(
    monkeypatch: pytest.MonkeyPatch, columns: str, shown: list[str]
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    monkeypatch.setenv("TERM", "xterm")
    header = ["name", "title", "task", "size", "empty"]

    with terminal() as text:
        Output().table(header, [["pos_tiny", "Tagger", "Tagging of words", "1", ""]], optional=["task", "title"])
        first_line = text().partition("\n")[0]

    assert [name for name in header if name in first_line] == shown


def test_a_table_without_rows_has_no_header_either() -> None:
    with terminal() as text:
        Output().table(["name", "size"], [])

        assert text() == ""


def test_a_url_runs_over_the_edge_of_a_terminal_and_other_values_are_wrapped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "30")
    monkeypatch.setenv("NO_COLOR", "1")
    url = f"https://example.org/{'a' * 40}"

    with terminal() as text:
        Output().fields([("page", url), ("references", f"{url}\n{url}"), ("text", "a word " * 6)])
        lines = [line.rstrip() for line in ANSI.sub("", text()).splitlines()]

    assert lines[:3] == [f"page        {url}", f"references  {url}", f"            {url}"]
    assert lines[3].startswith("text        a word")
    assert max(map(len, lines[3:])) <= 30


def test_fields_code_and_pages_are_rendered_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    monkeypatch.setenv("TERM", "xterm-256color")

    with terminal() as text:
        output = Output()
        output.fields([("name", "pos_tiny"), ("size", "")])
        output.code("import os\n", "python")
        output.markdown("# Title\n\nSome *words*.\x1b[2J")
        shown = text()

    assert "pos_tiny" in shown
    assert "size" not in shown
    assert "import" in shown
    assert "*words*" not in shown
    assert "\x1b[2J" not in shown
    assert "\x1b[" in shown


def test_a_line_of_code_is_neither_cut_nor_broken_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    path = "/cache_pretrained/" + "a_long_name_" * 8

    with terminal() as text:
        Output().code(f'load("{path}")\n', "python")
        shown = re.sub(r"\x1b\[[\d;]*m", "", text())

    assert shown == f'load("{path}")\n'


def test_json_is_json_on_a_terminal_too() -> None:
    with terminal() as text:
        output = Output(is_json=True)
        is_terminal = output.is_terminal
        output.envelope("list", Answer(data={"entries": []}))
        shown = text()

    assert not is_terminal
    assert json.loads(shown)["data"] == {"entries": []}


def test_a_pull_on_a_terminal_shows_a_bar_which_a_note_interrupts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setenv("TERM", "xterm")

    with terminal() as text:
        output = Output()
        output.progress(moment("resolving", subject="pos_tiny:en"))
        output.progress(moment("downloading", 2_500_000, 5_000_000))
        output.progress(moment("checking"))
        output.note("a word")
        output.progress(moment("cached"))
        output.progress.pause()
        shown = text()

    assert "a word\n" in shown
    assert "already in the cache, 0 B downloaded\n" in shown
    assert "checking" in shown
    assert "\x1b[" in shown


def say_everything(output: Output) -> None:
    output.table(["name", "size"], [["pos_tiny", "1"]])
    output.fields([("name", "pos_tiny")])
    output.markdown("# Title\n\nSome *words*.")
    output.code("import os\n", "python")
    output.failure(IntegrityError("Broken.", hint="Pull it again."))


def test_forced_colours_change_no_shape(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    plain_out, plain_err = printed(capsys, say_everything)
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")

    out, err = printed(capsys, say_everything)

    assert plain_out.splitlines() == ["pos_tiny\t1", "name\tpos_tiny", "# Title", "", "Some *words*.", "import os"]
    assert [line.rstrip() for line in ANSI.sub("", out).splitlines()] == plain_out.splitlines()
    assert ANSI.search(out.splitlines()[-1])
    assert not ANSI.search("".join(out.splitlines()[:-1]))
    assert ANSI.sub("", err) == plain_err
    assert err.startswith("\x1b[1;31merror:\x1b[0m ")


def test_without_colours_a_terminal_sees_no_ansi_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("FORCE_COLOR", "1")

    with terminal() as text:
        say_everything(Output())
        shown = text()

    assert "pos_tiny" in shown
    assert "error: Broken." in shown
    assert "\t" not in shown
    assert not ANSI.search(shown)


def test_on_a_terminal_a_failure_is_coloured() -> None:
    with terminal() as text:
        Output().failure(IntegrityError("Broken."))

        assert text() == "\x1b[1;31merror:\x1b[0m Broken.\n"


def test_one_long_name_costs_no_column(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.setenv("TERM", "xterm")
    short, long = ["pos_tiny", "Tagging", "1"], ["n" * 60, "Tagging", "1"]

    def first_line(rows: list[list[str]]) -> str:
        with terminal() as text:
            Output().table(["name", "task", "size"], rows, optional=["task"])
            return text().partition("\n")[0]

    assert "task" in first_line([short] * 9 + [long])
    assert "task" not in first_line([short] * 8 + [long] * 2)
    assert "task" not in first_line([long])


def test_nothing_at_all_can_be_written_to() -> None:
    with redirect_stdout(None), redirect_stderr(None):
        output = Output()

        assert not output.is_terminal
        output.progress(moment("checking"))


@pytest.mark.parametrize("reference", ["&#8238;", "&#x202E;", "&#x0000202e;", "&rlm;", "&lrm;"])
def test_what_markdown_spells_for_a_terminal_is_shown_as_a_question_mark(reference: str) -> None:
    with terminal() as shown:
        Output().markdown(f"a{reference}b `{reference}` &lt;&amp;&eacute;&#233;&nosuch;")

        text = shown()
    assert "a?b ?" in ANSI.sub("", text)
    assert "<&éé&nosuch;" in text
    assert not re.search("[\x9b\u200e\u200f\u202e]|\x1b\\[2J", text)


def test_a_traceback_is_clean() -> None:
    with terminal() as shown:
        Output(is_verbose=True).failure(IntegrityError(HOSTILE))

        text = shown()
    assert "Traceback" in text or "IntegrityError" in text
    assert not re.search("[\x07\x9b\x00\u202e\u2066]|\x1b\\[31mb", text)
