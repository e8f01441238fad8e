"""Completion as shells ask for it: by the scripts that are printed, where the shells are there."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from modelhub.completion_commands import SHELLS, completion_script

Run = Callable[..., Any]


@pytest.fixture
def environment(home: Path, tmp_path: Path) -> dict[str, str]:
    """An environment in which a shell finds ``modelhub``."""
    command = tmp_path / "bin" / "modelhub"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m modelhub "$@"\n')
    command.chmod(0o755)
    return os.environ | {"PATH": f"{command.parent}:{os.environ['PATH']}", "PYTHONPATH": os.fspath(Path.cwd())}


def completed(environment: dict[str, str], *words: str) -> list[str]:
    """What Bash would offer in place of the last word."""
    if not shutil.which("bash"):
        pytest.skip("there is no bash")
    script = f"""
{completion_script("bash")}
COMP_WORDS=(modelhub {shlex.join(words)})
COMP_CWORD={len(words)}
_modelhub_completion modelhub
printf '%s\\n' "${{COMPREPLY[@]}}"
"""
    finished = subprocess.run(
        ["bash", "--norc", "-c", script], env=environment, capture_output=True, text=True, check=True
    )
    return finished.stdout.splitlines()


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["comp"], ["compare", "completion"]),
        (["show", "bert_pos_4L"], ["bert_pos_4L_weight_decay"]),
        (["search", "--like", "bert_pos_4l"], ["bert_pos_4L_weight_decay"]),
        (["search", "--lang", "span"], ["es"]),
        (["search", "--task", "named"], [r"Named\ Entity\ Recognition"]),
        (["search", "--sort", "s"], ["size"]),
        (["show", "bert_pos_4L_weight_decay", ""], ["en"]),
        (["completion", "b"], ["bash"]),
        (["rm", "bert_pos_4L"], [""]),
        (["search", "--home", "/nowhere", "--lang", "span"], [""]),
    ],
)
def test_bash_completes_names_and_values(environment: dict[str, str], words: list[str], expected: list[str]) -> None:
    assert completed(environment, *words) == expected


def test_a_language_follows_a_name_in_commands_that_take_several(environment: dict[str, str]) -> None:
    assert completed(environment, "pull", "bert_pos_4L_weight_decay", "e")[0] == "en"


@pytest.mark.parametrize(("words", "kind"), [(["list", "--cache", ""], "dir"), (["lint", ""], "file")])
def test_folders_and_files_are_left_to_the_shell(
    modelhub: Run, environment: dict[str, str], words: list[str], kind: str
) -> None:
    asked = {
        "_MODELHUB_COMPLETE": "bash_complete",
        "COMP_WORDS": "\n".join(["modelhub", *words]),
        "COMP_CWORD": str(len(words)),
    }

    assert modelhub(env=environment | asked).out.strip() == f"{kind},"


def test_a_setting_that_makes_no_sense_completes_nothing(environment: dict[str, str]) -> None:
    assert completed(environment | {"MODELHUB_OFFLINE": "maybe"}, "show", "bert_pos_4L") == [""]


def test_fish_completes(environment: dict[str, str]) -> None:
    if not shutil.which("fish"):
        pytest.skip("there is no fish")
    script = f"{completion_script('fish')}\ncomplete -C'modelhub show bert_pos_4L'"

    finished = subprocess.run(["fish", "--no-config", "-c", script], env=environment, capture_output=True, text=True)

    assert finished.stdout.split() == ["bert_pos_4L_weight_decay"]


def test_zsh_reads_its_script() -> None:
    if not shutil.which("zsh"):
        pytest.skip("there is no zsh")

    subprocess.run(["zsh", "-f", "-n"], input=completion_script("zsh"), text=True, check=True)


@pytest.mark.parametrize("shell", SHELLS)
def test_the_command_prints_the_script(invoke: Run, shell: str) -> None:
    assert invoke("completion", shell).out == completion_script(shell) + "\n"
    assert invoke("completion", shell, "--json").json["data"] == {"shell": shell, "script": completion_script(shell)}


def test_a_shell_that_is_not_known_is_refused(invoke: Run) -> None:
    assert invoke("completion", "tcsh").status == 2
