"""Make a virtual environment and install this project into it; needs nothing but Python.

    python3 scripts/make_venv.py .venv ".[test]" --editable

A fresh Debian or Ubuntu has a Python without ``ensurepip`` (it lies in the package python3-venv). Then pip itself is
fetched from the package index first, into the new environment; the system's Python is not touched. Where even the
certificates for that are missing (package ca-certificates), apt is asked for both packages if it may be.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import tempfile
import urllib.error
import urllib.parse
import urllib.request
import venv
from hashlib import sha256
from pathlib import Path

_PIP_RELEASE = "https://pypi.org/pypi/pip/json"


def main() -> None:
    """Make the environment if it is not there, and install."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("requirement")
    parser.add_argument("--editable", action="store_true")
    arguments = parser.parse_args()
    if sys.version_info < (3, 10):  # noqa: UP036 (the system's Python may be older than the project's)
        raise SystemExit(f"Python 3.10 or newer is needed, this is {sys.version.split()[0]} ({sys.executable}).")
    stamp = arguments.folder / ".installed"
    wanted = f"{arguments.requirement} {_digest(Path('pyproject.toml'))}"
    if arguments.editable and stamp.is_file() and stamp.read_text() == wanted:
        return
    python = arguments.folder / "bin" / "python"
    if not python.with_name("pip").exists():
        print(f"making {arguments.folder}", flush=True)
        _make(arguments.folder, python)
    print(f"installing {arguments.requirement}", flush=True)
    editable = ["--editable"] if arguments.editable else []
    _pip([str(python), "-m", "pip"], *editable, arguments.requirement)
    stamp.write_text(wanted)


def _make(folder: Path, python: Path) -> None:
    has_pip = importlib.util.find_spec("ensurepip") is not None
    venv.create(folder, with_pip=has_pip)
    if has_pip:
        return
    try:
        _fetch_pip(python)
    except urllib.error.URLError as exc:
        print(f"pip cannot be fetched ({exc.reason}); asking apt for it", flush=True)
        _ask_apt()
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(folder)], check=True)


def _fetch_pip(python: Path) -> None:
    """Install pip into an environment without it, from the wheel of its newest release (a wheel of pip can run)."""
    with urllib.request.urlopen(_PIP_RELEASE) as answer:
        release = json.load(answer)
    wheel = next(file for file in release["urls"] if file["packagetype"] == "bdist_wheel")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / wheel["filename"]
        with urllib.request.urlopen(urllib.parse.urljoin(_PIP_RELEASE, wheel["url"])) as answer:
            path.write_bytes(answer.read())
        if _digest(path) != wheel["digests"]["sha256"]:
            raise SystemExit(f"{wheel['filename']} is not what the index says. Run the command again.")
        _pip([str(python), str(path / "pip")], str(path))


def _ask_apt() -> None:
    """Install what ``python3 -m venv`` needs, where we may."""
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        raise SystemExit("Please install it (sudo apt-get install python3-venv ca-certificates), and run this again.")
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for words in (["update"], ["install", "--yes", "--no-install-recommends", "python3-venv", "ca-certificates"]):
        subprocess.run(["apt-get", "-qq", *words], check=True, env=quiet, stdout=subprocess.DEVNULL)


def _pip(pip: list[str], *words: str) -> None:
    quiet = ["--quiet", "--disable-pip-version-check"]
    finished = subprocess.run(
        [*pip, "install", *quiet, *words], check=False, env={**os.environ, "PYTHONNOUSERSITE": "1"}
    )
    if finished.returncode:
        raise SystemExit(finished.returncode)


def _digest(path: Path) -> str:
    return sha256(path.read_bytes()).hexdigest()


if __name__ == "__main__":
    main()
