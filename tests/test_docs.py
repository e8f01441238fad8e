"""What the documents say is so: commands, settings, exit statuses, and the README's session."""

from __future__ import annotations

import ast
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from modelhub import errors
from modelhub.cli import cli
from modelhub.config import SETTINGS, child_environment
from modelhub.demo import build_demo_hub

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
SESSION = re.search(r"```console\n(\$ modelhub search.*?)```", README, re.S)


@pytest.mark.parametrize("name", sorted(cli.commands))
def test_every_command_has_help_and_is_in_the_readme(name: str) -> None:
    command = cli.commands[name]

    assert command.help
    assert f"`modelhub {name}" in README


@pytest.mark.parametrize("name", sorted(cli.commands))
def test_every_option_has_help(name: str) -> None:
    options = [parameter for parameter in cli.commands[name].params if parameter.param_type_name == "option"]

    assert all(option.help for option in options)  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", SETTINGS)
def test_every_setting_is_in_the_readme(name: str) -> None:
    assert f"MODELHUB_{name.upper()}`" in README


def test_every_exit_status_is_in_the_readme() -> None:
    kinds = [value for value in vars(errors).values() if isinstance(value, type) and issubclass(value, Exception)]
    section = README.split("### Exit status")[1].split("###")[0]

    assert all(re.search(rf"\b{kind.exit_status} \w", section) for kind in kinds)


def test_the_first_screen_names_the_two_commands_before_anything_else() -> None:
    first_block = README.split("```")[1]

    assert [line.split("#")[0].strip() for line in first_block.splitlines()[1:]] == ["$ make demo", "$ make test"]


@pytest.mark.parametrize("block", re.findall(r"```python\n(.*?)```", README, re.S))
def test_python_in_the_readme_is_python_and_its_names_exist(block: str) -> None:
    tree = ast.parse(block)
    imported = [alias.name for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) for alias in node.names]

    module = __import__("modelhub", fromlist=imported)

    assert imported
    assert all(hasattr(module, name) for name in imported)


def test_the_session_of_the_readme_runs_and_prints_what_it_shows(tmp_path: Path) -> None:
    assert SESSION is not None
    build_demo_hub(tmp_path / "hub")
    environment = child_environment(
        hub=(tmp_path / "hub").as_uri(), home=tmp_path / "home", cache=tmp_path / "cache_pretrained"
    )

    for step in SESSION[1].split("$ ")[1:]:
        command, _, shown = step.partition("\n")
        words = [sys.executable, "-m", *shlex.split(command)]
        finished = subprocess.run(words, env=environment, capture_output=True, text=True, check=True)
        printed = finished.stdout.replace(str(tmp_path), "~")

        assert _rows(printed) == [row for row in _rows(shown) if not row[0].isupper()]


def _rows(text: str) -> list[list[str]]:
    """Lines as their words: a table in a pipe has tabs where a terminal has blanks, and no header."""
    return [line.split() for line in text.splitlines() if line.strip()]
