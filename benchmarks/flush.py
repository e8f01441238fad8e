"""What it costs that ``modelhub pull`` has everything on the disk before it says that it is done.

    python benchmarks/flush.py [--models S,M,L,P,F] [--link a] [--runs 7] [--cache FOLDER]

Whole processes in turn, with and without flushing, which no setting but only this script can leave out. The models are
those of ``pull.py``, and ``F`` of 2,000 small files. ``--cache`` chooses the disk. What others wrote is flushed before
each run, so that nobody pays for that.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from pull_archives import MODELS, Model, make_archives
from pull_links import LETTERS, Link, Site, UnavailableError, open_link
from pull_subjects import environment, update_command

_TOOLS = Path(__file__).parents[2] / "shared" / "perf-tools"
_WORK = Path(tempfile.gettempdir()) / "modelhub-benchmark-pull"
_FILES = {f"fields/features/part-{index:05}": 8_000 for index in range(2000)}
_METADATA = {"metadata/part-00000": b'{"class": "com.johnsnowlabs.nlp.annotators.Files", "uid": "F", "paramMap": {}}\n'}
_MODELS = {model.letter: model for model in MODELS}
_MODELS["F"] = Model(letter="F", name="benchmark_files", members=_METADATA | _FILES)
_WITHOUT = """
import modelhub.flushing
modelhub.flushing.flush = lambda paths: None
from modelhub.__main__ import main
main()
"""
_WITH = """
import sys, time
import modelhub.flushing
flush, spent_s = modelhub.flushing.flush, []

def timed(paths):
    begun_s = time.perf_counter()
    flush(paths)
    spent_s.append(time.perf_counter() - begun_s)

modelhub.flushing.flush = timed
from modelhub.__main__ import main
try:
    main()
finally:
    print(sum(spent_s), file=sys.stderr)
"""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", default=",".join(_MODELS), help="default: all")
    parser.add_argument("--link", choices=LETTERS, default="a", help="as in pull.py; default: a, without any limit")
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--cache", type=Path, help="a folder on the disk to measure; default: one for temporary files")
    parser.add_argument("--work", type=Path, default=_WORK, help=f"what is kept for the next time; {_WORK}")
    options = parser.parse_args()
    models = [_MODELS[letter] for letter in options.models.split(",")]
    site = Site(hub=options.work / "hub", work=options.work, sources=_TOOLS)
    make_archives(models, site.hub, lists_md5=True)
    variables = environment(options.work / "home")
    with open_link(options.link, site) as link, tempfile.TemporaryDirectory(dir=options.cache) as folder:
        shutil.rmtree(variables["MODELHUB_HOME"], ignore_errors=True)
        subprocess.run([*link.prefix, *update_command(link)], env=variables, check=True, stdout=subprocess.DEVNULL)
        for model in models:
            _measure(model, link, Path(folder, "cache"), variables, options.runs)


def _measure(model: Model, link: Link, cache: Path, variables: dict[str, str], runs: int) -> None:
    spent_s: dict[str, list[float]] = {_WITH: [], _WITHOUT: []}
    in_flush_s = []
    for _ in range(runs):
        for script, times_s in spent_s.items():
            shutil.rmtree(cache, ignore_errors=True)
            os.sync()
            words = ["pull", "-q", model.name, "en", "--hub", link.uri, "--cache", str(cache)]
            begun_s = time.perf_counter()
            command = [*link.prefix, sys.executable, "-c", script, *words]
            done = subprocess.run(command, env=variables, check=True, capture_output=True, text=True)
            times_s.append(time.perf_counter() - begun_s)
            if script == _WITH:
                in_flush_s.append(float(done.stderr.split()[-1]))
    flushed_s, unflushed_s = (statistics.median(times_s) for times_s in spent_s.values())
    spent = f"{statistics.median(in_flush_s) * 1000:6.1f} ms spent in flushing"
    times = (
        f"{flushed_s * 1000:6.0f} ms, {unflushed_s * 1000:6.0f} ms without flushing (x {flushed_s / unflushed_s:.3f})"
    )
    print(f"{model.letter} {len(model.members):5} files: {times}; {spent}", flush=True)


if __name__ == "__main__":
    try:
        main()
    except UnavailableError as exc:
        sys.exit(str(exc))
