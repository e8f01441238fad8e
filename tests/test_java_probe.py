from __future__ import annotations

from pathlib import Path

import pytest

from modelhub.java_probe import find_java


def make_java(home: Path, script: str) -> Path:
    """A program called ``java`` in ``{home}/bin``."""
    program = home / "bin" / "java"
    program.parent.mkdir(parents=True)
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    return program


def says(version: str) -> str:
    return f"""[ "$1" = -version ] && echo 'openjdk version "{version}"' >&2"""


def test_the_java_of_the_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = make_java(tmp_path, says("17.0.1"))
    monkeypatch.setenv("PATH", f"{program.parent}:/bin:/usr/bin")

    java = find_java("")

    assert (java.path, java.version, java.trouble) == (program, "17.0.1", "")


def test_the_java_of_java_home_comes_before_that_of_the_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", f"{make_java(tmp_path / 'path', says('17.0.1')).parent}:/bin")

    java = find_java(str(make_java(tmp_path / "home", says("1.8.0_392")).parents[1]))

    assert java.version == "1.8.0_392"


def test_a_java_home_without_java_is_not_helped_by_the_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", f"{make_java(tmp_path, says('17.0.1')).parent}:/bin")

    java = find_java(str(tmp_path / "empty"))

    assert (java.path, java.trouble) == (None, f"JAVA_HOME is {tmp_path / 'empty'}, and has no bin/java")


def test_no_java_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    assert find_java("").trouble == "none in the path"


@pytest.mark.parametrize(
    ("script", "trouble"),
    [
        ("exec sleep 5", "did not tell its version within 0.2 s"),
        ("echo 'Unable to locate a Java Runtime.' >&2; exit 1", "does not tell its version"),
    ],
)
def test_a_java_that_does_not_tell_its_version(tmp_path: Path, script: str, trouble: str) -> None:
    program = make_java(tmp_path, script)

    java = find_java(str(tmp_path), timeout_s=0.2)

    assert (java.path, java.version, java.trouble) == (program, "", f"{program} {trouble}")


def test_a_java_that_cannot_be_started(tmp_path: Path) -> None:
    program = make_java(tmp_path, "")
    program.write_bytes(b"\x7fELF, cut off")

    assert find_java(str(tmp_path)).trouble.startswith(f"{program} cannot be started: ")
