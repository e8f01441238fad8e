"""The Java that Spark would start."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from modelhub.quick_dataclasses import dataclass
from modelhub.versions_together import java_version

_TIMEOUT_S = 10.0  # a cold start on a slow disk takes seconds


@dataclass(frozen=True, kw_only=True)
class Java:
    """A Java that was found, or why there is none.

    Attributes:
        path: The program; ``None`` where none was found.
        version: As Java writes it; "" where it does not say.
        trouble: Why there is no version; "" where there is one.
    """

    path: Path | None = None
    version: str = ""
    trouble: str = ""


def find_java(java_home: str, *, timeout_s: float = _TIMEOUT_S) -> Java:
    """Ask Java for its version: that of ``JAVA_HOME`` where it is set, as Spark does, else that of the path.

    Args:
        java_home: Value of ``JAVA_HOME``; "" where it is not set.
        timeout_s: How long it may take.
    """
    found = shutil.which("java", path=str(Path(java_home, "bin"))) if java_home else shutil.which("java")
    if not found:
        return Java(trouble=f"JAVA_HOME is {java_home}, and has no bin/java" if java_home else "none in the path")
    path = Path(found)
    try:
        finished = subprocess.run(
            [path, "-version"], stdin=subprocess.DEVNULL, capture_output=True, timeout=timeout_s, check=False
        )
    except subprocess.TimeoutExpired:
        return Java(path=path, trouble=f"{path} did not tell its version within {timeout_s:g} s")
    except OSError as exc:
        return Java(path=path, trouble=f"{path} cannot be started: {exc.strerror}")
    version = java_version((finished.stderr + finished.stdout).decode(errors="replace"))
    return Java(path=path, version=version, trouble="" if version else f"{path} does not tell its version")
