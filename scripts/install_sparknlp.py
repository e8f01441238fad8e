"""Install what the tests of tests/sparknlp need: Spark, three releases of Spark NLP, and numpy and onnx beside them.

    python3 scripts/install_sparknlp.py [FOLDER]

The folder is that of ``MODELHUB_TEST_SPARKNLP``, else ``~/.cache/modelhub-tests/sparknlp``: 830 MB, of which nothing is
installed into this Python. What is there already stays, so that a second run takes no time. Afterwards it holds::

    jars/5.5.3/, jars/3.4.4/, jars/3.2.1/   the class path of each release, but for Spark's own jars
    python-5.5.3-cp311/                     pyspark, spark-nlp, numpy and onnx for this version of Python
    python-7.0.0-cp311/                     spark-nlp 7.0.0 alone

Jars come from Maven Central by ``mvn``, packages from PyPI by ``pip``; each file is compared with the SHA-256 of
tests/sparknlp/pins. Prints the folder.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from xml.sax.saxutils import escape

from sparknlp_parts import packages_folder, parts_folder

_PINS = Path(__file__).parents[1] / "tests" / "sparknlp" / "pins"
_POM = """<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
<groupId>modelhub</groupId><artifactId>jars</artifactId><version>1</version>
<build><plugins><plugin><groupId>org.apache.maven.plugins</groupId><artifactId>maven-dependency-plugin</artifactId>
<version>3.6.1</version><configuration><artifactItems>
{items}
</artifactItems></configuration></plugin></plugins></build></project>
"""
_ITEM = """<artifactItem><groupId>{group}</groupId><artifactId>{artifact}</artifactId><version>{version}</version>
<outputDirectory>{folder}</outputDirectory></artifactItem>"""


def main() -> None:
    """Install every part that is not there."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, nargs="?", default=parts_folder())
    folder = parser.parse_args().folder
    folder.mkdir(parents=True, exist_ok=True)
    _install(folder / "jars", _PINS / "jars.txt", _bring_jars)
    for release in ("5.5.3", "7.0.0"):
        _install(packages_folder(folder, release), _PINS / f"python-{release}.txt", _bring_packages)
    print(folder)


def _install(part: Path, pins: Path, bring: Callable[[Path, Path], None]) -> None:
    """Make a part of the folder whole, in one step, unless it is there as its pins have it."""
    stamp = part / ".pins"
    if stamp.is_file() and stamp.read_bytes() == pins.read_bytes():
        return
    print(f"installing {part}", file=sys.stderr, flush=True)
    staging = Path(tempfile.mkdtemp(prefix=f".{part.name}-", dir=part.parent))
    try:
        bring(pins, staging)
        shutil.copyfile(pins, staging / stamp.name)
        shutil.rmtree(part, ignore_errors=True)
        staging.rename(part)
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def _bring_jars(pins: Path, folder: Path) -> None:
    _need_maven()
    rows = [line.split() for line in pins.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    items = []
    for release, coordinates, _ in rows:
        group, artifact, version = coordinates.split(":")
        place = escape(str(folder / release))
        items.append(_ITEM.format(group=group, artifact=artifact, version=version, folder=place))
    pom = folder / "pom.xml"
    pom.write_text(_POM.format(items="\n".join(items)), encoding="utf-8")
    # A repository of its own, for Maven would keep every jar a second time.
    own = f"-Dmaven.repo.local={folder / 'repository'}"
    subprocess.run(["mvn", "-q", "-B", own, "-f", str(pom), "dependency:copy"], check=True, stdout=sys.stderr)
    shutil.rmtree(folder / "repository")
    pom.unlink()
    for release, coordinates, digest in rows:
        _, artifact, version = coordinates.split(":")
        jar = folder / release / f"{artifact}-{version}.jar"
        if sha256(jar.read_bytes()).hexdigest() != digest:
            raise SystemExit(f"{jar.name} is not the one that {pins} names.")


def _bring_packages(pins: Path, folder: Path) -> None:
    options = ["--quiet", "--disable-pip-version-check", "--no-deps", "--require-hashes"]
    subprocess.run(
        [sys.executable, "-m", "pip", "install", *options, "--target", str(folder), "-r", str(pins)],
        check=True,
        stdout=sys.stderr,
    )


def _need_maven() -> None:
    """Have ``mvn`` and ``java``, from apt where we may.

    Raises:
        SystemExit: They are not there, and we may not.
    """
    if shutil.which("mvn") and shutil.which("javac"):
        return
    packages = ["maven", "default-jdk-headless"]
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        raise SystemExit(f"Please install them (sudo apt-get install {' '.join(packages)}), and run this again.")
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for words in (["update"], ["install", "--yes", "--no-install-recommends", *packages]):
        subprocess.run(["apt-get", "-qq", *words], check=True, env=quiet, stdout=sys.stderr)


if __name__ == "__main__":
    main()
