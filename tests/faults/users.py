"""Commands that other users than root run: ``setpriv`` drops all that root may do."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

PROJECT = Path(__file__).parents[2]
GROUP, OTHER_GROUP = 30_001, 30_002


@dataclass(frozen=True, kw_only=True)
class User:
    """Somebody who is not root.

    Attributes:
        umask: As the shell takes it.
        home: Where registry and settings are; it need not be there.
    """

    uid: int
    gid: int = GROUP
    umask: str = "022"
    home: Path

    def start(self, *words: object, **variables: str) -> subprocess.Popen[str]:
        """Start a command of modelhub as that user."""
        environment = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}
        environment |= {"HOME": str(self.home), "PYTHONDONTWRITEBYTECODE": "1", **variables}
        command = [*_dropped(self.uid, self.gid, _may_read()), "sh", "-c", 'umask "$0"; exec "$@"', self.umask]
        command += [sys.executable, "-m", "modelhub", *map(str, words)]
        pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        return subprocess.Popen(command, text=True, cwd=PROJECT, env=environment, **pipes)

    def run(self, *words: object, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run a command of modelhub as that user, to its end."""
        with self.start(*words, **variables) as process:
            out, err = process.communicate(timeout=60)
        return subprocess.CompletedProcess(process.args, process.returncode, out, err)


@cache
def why_not() -> str:
    """Why no command can be run as somebody else here; "" where one can."""
    if not hasattr(os, "geteuid") or os.geteuid() != 0:
        return "only root can become somebody else"
    if not shutil.which("setpriv"):
        return "setpriv (util-linux) is not installed"
    return "" if _may_read() is not None else "other users may not read Python, or the project"


@cache
def _may_read() -> bool | None:
    """Whether others may read Python and the project; ``None`` where nothing makes them able to."""
    for may_read in (True, False):
        words = [*_dropped(20_001, GROUP, may_read), sys.executable, "-c", "import modelhub.cli"]
        if not subprocess.run(words, capture_output=True, cwd=PROJECT, check=False).returncode:
            return may_read
    return None


def _dropped(uid: int, gid: int, may_read: bool | None) -> list[str]:
    """What runs a command as somebody else.

    Where Python lies in a folder of root's, they keep the right to read everything, and with it none to write.
    """
    kept = "-all" if may_read else "-all,+dac_read_search"
    words = ["setpriv", "--reuid", str(uid), "--regid", str(gid), "--clear-groups"]
    return [*words, f"--inh-caps={kept}", f"--ambient-caps={kept}", "sh", "-c", 'exec "$@"', "sh"]


@contextmanager
def open_folder() -> Iterator[Path]:
    """A folder that everybody may look into, which those of pytest are not."""
    with tempfile.TemporaryDirectory(prefix="modelhub-users-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder
