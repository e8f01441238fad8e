from __future__ import annotations

import pytest
from test_output import ANSI, terminal

from modelhub.checking_views import view_doctor
from modelhub.findings import Finding
from modelhub.output import Output

FINDINGS = [
    Finding(section="hub", name="address", text="https://one.example"),
    Finding(section="hub", name="dns", state="problem", text="one.example has no address", hint="Check it."),
    Finding(section="hub", name="address", text="https://two.example"),
    Finding(section="disk", name="home", state="warning", text="little", hint="Make room."),
    Finding(section="versions", name="java", state="unknown", text="Java 99", hint="Ask."),
    Finding(section="versions", name="spark", state="skipped", text="not installed"),
    Finding(section="settings", name="wait", text="3600, by default", figures={"is_default": True}),
    Finding(section="settings", name="hub", text="x, by flag", figures={"is_default": False}),
]


def shown_on_a_terminal(**options: bool) -> list[str]:
    with terminal() as text:
        view_doctor(Output(), FINDINGS, **options)
    return ANSI.sub("", text()).splitlines()


def test_a_pipe_gets_a_line_for_each_finding(capsys: pytest.CaptureFixture[str]) -> None:
    view_doctor(Output(), FINDINGS, is_all=False)
    out, err = capsys.readouterr()

    assert out.splitlines() == [
        "hub\tok\taddress\thttps://one.example",
        "hub\tproblem\tdns\tone.example has no address",
        "hub\tok\taddress\thttps://two.example",
        "disk\twarning\thome\tlittle\tMake room.",
        "versions\tunknown\tjava\tJava 99\tAsk.",
        "versions\tskipped\tspark\tnot installed",
        "settings\tok\thub\tx, by flag",
    ]
    assert err == "3 ok, 1 warning, 1 problem, 1 unknown, 1 skipped\n"


def test_settings_that_are_as_they_are_by_default_are_shown_where_all_are_wanted(
    capsys: pytest.CaptureFixture[str],
) -> None:
    view_doctor(Output(), FINDINGS, is_all=True)

    assert "settings\tok\twait\t3600, by default\n" in capsys.readouterr().out


def test_the_answer_alone_is_what_does_not_work(capsys: pytest.CaptureFixture[str]) -> None:
    view_doctor(Output(is_quiet=True), FINDINGS, is_all=True)

    assert capsys.readouterr() == ("hub dns: one.example has no address\n", "")


def test_a_terminal_names_each_section_once_and_each_hub() -> None:
    lines = shown_on_a_terminal(is_all=False)

    assert [line.split()[0] for line in lines if line[:1].strip()][:6] == [
        "SECTION",
        "hub",
        "hub",
        "disk",
        "versions",
        "settings",
    ]


def test_a_terminal_has_what_to_do_below_what_was_found() -> None:
    lines = [line.strip() for line in shown_on_a_terminal(is_all=False)]

    assert lines[lines.index("hint: Make room.") - 1].endswith("little")
    assert "hint: Check it." not in lines


def test_states_have_colours_where_colours_are_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    with terminal() as text:
        view_doctor(Output(), FINDINGS, is_all=False)
    coloured = text()
    monkeypatch.setenv("NO_COLOR", "1")
    with terminal() as text:
        view_doctor(Output(), FINDINGS, is_all=False)

    assert "\x1b[32mok" in coloured
    assert "\x1b[32m" not in text()
