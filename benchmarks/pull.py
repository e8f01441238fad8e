"""How long ``modelhub pull`` takes, beside what people do without it.

    python benchmarks/pull.py [--links a,b,c] [--models S,M,L,P] [--peers …] [--runs 5] [--json FILE]

Sets up nginx and the archives, then runs everything in turn, each as a whole process: start-up, digest and manifest
count. Memory is warmed before each run, for memory that lay idle is slow to touch on virtual machines. Only Spark NLP's
own downloader (``sparknlp-real``) runs in a JVM that was up before: its processor time and memory are not seen. A table
for each link and model, then the goals. What this machine lacks is left out, and said.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import NoReturn

from pull_archives import MODELS, Model, difference, make_archives
from pull_floor import Machine
from pull_links import LETTERS, Link, Site, UnavailableError, open_link
from pull_report import (
    CACHED,
    RSS_BYTES,
    Result,
    Run,
    Table,
    Verdict,
    judge,
    print_own_peak,
    print_table,
    print_verdicts,
)
from pull_subjects import PEER_TITLES, Job, Subject, environment, ours, peer, update_command

_TOOLS = Path(__file__).parents[2] / "shared" / "perf-tools"
_WORK = Path(tempfile.gettempdir()) / "modelhub-benchmark-pull"
_WARM_MB = "1200"
_GIVE_UP_S = 600


class FailedError(Exception):
    """A run that did not bring the model; the text says why."""


@dataclass(frozen=True, kw_only=True)
class Bench:
    """What all runs share.

    Attributes:
        warm: What to run before each run; nothing where there is no program for it.
        log: The file that takes what a run says; no terminal, so nobody draws a bar.
    """

    site: Site
    environment: dict[str, str]
    subjects: Sequence[Subject]
    warm: Sequence[str]
    runs: int
    log: Path

    def run(self, command: Sequence[str]) -> Run:
        """Run a process and measure it.

        Raises:
            FailedError: It fails, or does not end.
        """
        if self.warm:
            subprocess.run(self.warm, check=True)
        with self.log.open("wb") as log:
            started_s = time.perf_counter()
            process = subprocess.Popen(
                command, env=self.environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )
            try:
                signal.alarm(_GIVE_UP_S)
                # What its children used counts with it.
                _, status, usage = os.wait4(process.pid, 0)
                wall_s = time.perf_counter() - started_s
                process.returncode = os.waitstatus_to_exitcode(status)
            finally:
                signal.alarm(0)
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        if process.returncode:
            said = self.log.read_text(encoding="utf-8", errors="replace").strip()
            raise FailedError(f"exit status {process.returncode}: {said[-600:]}")
        processor_s = usage.ru_utime + usage.ru_stime
        return Run(wall_s=wall_s, processor_s=processor_s, peak_bytes=usage.ru_maxrss * RSS_BYTES)


def main() -> None:
    """Measure and print."""
    options = _options()
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]  # so that tables stand where they were made
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    signal.signal(signal.SIGALRM, _give_up)
    options.work.mkdir(parents=True, exist_ok=True)
    site = Site(hub=options.work / "hub", work=options.work, sources=options.tools)
    _say("making the archives, where they are not there yet")
    make_archives(options.models, site.hub, lists_md5=not options.no_md5)
    left_out: dict[str, str] = {}
    bench = Bench(
        site=site,
        environment=environment(options.work / "home"),
        subjects=[ours(), *_available_peers(options.peers, site, left_out)],
        warm=_warm_command(site, left_out),
        runs=options.runs,
        log=options.work / "run.log",
    )
    machine = _measure_machine(site)
    print(machine)
    tables = _measure(bench, options, machine, left_out)
    verdicts = judge(tables)
    print_own_peak()
    print_verdicts(verdicts)
    for name, reason in left_out.items():
        print(f"left out: {name}: {reason}")
    if options.json:
        _write_json(options.json, machine, tables, verdicts, left_out)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    models = {model.letter: model for model in MODELS}
    parser.add_argument("--links", type=_subset(LETTERS), default=LETTERS, help="default: a,b,c")
    parser.add_argument("--models", type=_subset(models), default=tuple(models), help="default: S,M,L,P")
    parser.add_argument("--peers", type=_subset(PEER_TITLES), default=tuple(PEER_TITLES), help=",".join(PEER_TITLES))
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--no-md5", action="store_true", help="metadata.json has no MD5 to check, as many real lines")
    parser.add_argument("--work", type=Path, default=_WORK, help=f"what is kept for the next time; {_WORK}")
    parser.add_argument("--tools", type=Path, default=_TOOLS, help="SparkNlpWay.java, pace.c, tundelay.c, warm.c")
    parser.add_argument("--json", type=Path, help="write all figures there")
    options = parser.parse_args()
    options.models = [models[letter] for letter in options.models]
    options.work = options.work.resolve()
    return options


def _subset(names: Iterable[str]) -> Callable[[str], tuple[str, ...]]:
    """What reads a list such as ``a,b``."""

    def parse(text: str) -> tuple[str, ...]:
        chosen = tuple(filter(None, text.split(",")))
        if unknown := set(chosen) - set(names):
            raise argparse.ArgumentTypeError(f"{min(unknown)} is none of {', '.join(names)}")
        return chosen

    return parse


def _available_peers(names: Iterable[str], site: Site, left_out: dict[str, str]) -> Iterator[Subject]:
    for name in names:
        try:
            yield peer(name, site)
        except UnavailableError as exc:
            left_out[name] = str(exc)


def _warm_command(site: Site, left_out: dict[str, str]) -> list[str]:
    try:
        return [site.compile("warm.c"), _WARM_MB]
    except UnavailableError as exc:
        left_out["warming of memory"] = str(exc)
        return []


def _measure_machine(site: Site) -> Machine:
    # Apart, for the peak memory of a process begins with that of the one that starts it.
    with open_link("a", site) as link, ProcessPoolExecutor(1) as apart:
        return apart.submit(Machine.measured, link.uri, site.hub).result()


def _measure(bench: Bench, options: argparse.Namespace, machine: Machine, left_out: dict[str, str]) -> list[Table]:
    tables = []
    for letter in options.links:
        try:
            with open_link(letter, bench.site) as link:
                _update(bench, link)
                for model in options.models:
                    tables.append(_measure_model(bench, link, model, machine))
                    print_table(tables[-1])
        except UnavailableError as exc:
            left_out[f"link {letter}"] = str(exc)
    return tables


def _update(bench: Bench, link: Link) -> None:
    """Give ``modelhub`` a registry that knows this hub and no other."""
    shutil.rmtree(bench.environment["MODELHUB_HOME"], ignore_errors=True)
    command = [*link.prefix, *update_command(link)]
    subprocess.run(command, env=bench.environment, check=True, stdout=subprocess.DEVNULL)


def _measure_model(bench: Bench, link: Link, model: Model, machine: Machine) -> Table:
    archive, job = model.archive_in(bench.site.hub), Job(link=link, model=model, folder=bench.site.work / "run")
    try:
        results = _measure_all(bench, job)
        cached, requests = _measure_cached(bench, job) if link.letter == "a" else ([], None)
    finally:
        shutil.rmtree(job.folder, ignore_errors=True)
    return Table(
        link=link.letter,
        model=model.letter,
        heading=f"({link.letter}) {link.title}, {model.letter}: {archive.stat().st_size / 1e6:.1f} MB",
        results=results + cached,
        floor_s=machine.floor_s(archive, link.letter),
        cached_requests=requests,
    )


def _measure_all(bench: Bench, job: Job) -> list[Result]:
    """Every subject in turn; one that fails is not tried again."""
    runs: dict[str, list[Run]] = {subject.name: [] for subject in bench.subjects}
    for number in range(bench.runs):
        for subject in [subject for subject in bench.subjects if subject.name in runs]:
            _say(f"({job.link.letter}) {job.model.letter}, run {number + 1} of {bench.runs}: {subject.title}")
            try:
                runs[subject.name].append(_run_anew(bench, job, subject))
                if number == 0:
                    _check(job.model.archive_in(bench.site.hub), subject.result(job))
            except FailedError as exc:
                print(f"{subject.title} fails: {exc}")
                del runs[subject.name]
    measured = [subject for subject in bench.subjects if subject.name in runs]
    return [Result(name=subject.name, title=subject.title, runs=runs[subject.name]) for subject in measured]


def _measure_cached(bench: Bench, job: Job) -> tuple[list[Result], int | None]:
    """A pull of what is there already, beside a Python that does nothing; and how many requests it sent."""
    pull, nothing = bench.subjects[0].command(job), [sys.executable, "-c", "pass"]
    try:
        _run_anew(bench, job, bench.subjects[0])
        before = job.link.requests()
        pulls, nothings = zip(*[(bench.run(pull), bench.run(nothing)) for _ in range(bench.runs)], strict=True)
    except FailedError as exc:
        print(f"modelhub pull, cached, fails: {exc}")
        return [], None
    cached = Result(name=CACHED, title="modelhub pull, cached", runs=pulls)
    return [cached, Result(name="pass", title="python -c pass", runs=nothings)], job.link.requests() - before


def _run_anew(bench: Bench, job: Job, subject: Subject) -> Run:
    """Run in an empty folder, on a disk that has taken what others wrote: nobody pays for that."""
    shutil.rmtree(job.folder, ignore_errors=True)
    job.unpacked.mkdir(parents=True)
    os.sync()
    return bench.run([*job.link.prefix, *subject.command(job)])


def _check(archive: Path, folder: Path) -> None:
    if wrong := difference(archive, folder):
        raise FailedError(wrong)


def _write_json(
    path: Path, machine: Machine, tables: Sequence[Table], verdicts: Sequence[Verdict], left_out: dict[str, str]
) -> None:
    document = {
        "schema": 1,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "machine": asdict(machine),
        "left_out": left_out,
        "tables": [table.to_dict() for table in tables],
        "goals": [asdict(verdict) for verdict in verdicts],
    }
    path.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def _give_up(*_: object) -> NoReturn:
    raise FailedError(f"no end after {_GIVE_UP_S} s")


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
    except UnavailableError as exc:
        sys.exit(str(exc))
