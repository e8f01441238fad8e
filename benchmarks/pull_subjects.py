"""What ``pull.py`` measures: ``modelhub pull``, and what people do without it. Each is a whole process."""

from __future__ import annotations

import importlib.util
import os
import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from pull_archives import REPOSITORY, Model
from pull_links import Link, Site, UnavailableError, find_tool, run_tool
from pull_sparknlp import real_downloader

OURS = "modelhub"
_REAL = "sparknlp-real"
_REQUESTS = """
import shutil, sys, zipfile, requests
uri, archive, folder = sys.argv[1:4]
with requests.get(uri, stream=True) as answer, open(archive, "wb") as file:
    answer.raise_for_status()
    for piece in answer.iter_content(1 << 20):
        file.write(piece)
zipfile.ZipFile(archive).extractall(folder)
"""
_BOTO3 = """
import sys, zipfile, boto3, botocore, botocore.config
_, archive, folder, hub, bucket, name = sys.argv[1:]
config = botocore.config.Config(signature_version=botocore.UNSIGNED, s3={"addressing_style": "path"})
s3 = boto3.client("s3", endpoint_url=hub, region_name="us-east-1", config=config)
s3.download_file(bucket, name, archive)
zipfile.ZipFile(archive).extractall(folder)
"""
# Pieces of 1 MiB, for with its usual 20 MiB it opens two connections for M.
_ARIA2C = 'aria2c -q -x16 -s16 -k1M -d "${2%/*}" -o "${2##*/}" "$1"'
_S5CMD = 's5cmd --no-sign-request --endpoint-url "$4" cp "s3://$5/$6" "$2" >/dev/null'
_UNZIP = 'unzip -q "$2" -d "$3"'


@dataclass(frozen=True, kw_only=True)
class Job:
    """One model to bring over one link into a folder that is empty."""

    link: Link
    model: Model
    folder: Path

    @property
    def entry(self) -> Path:
        """Where ``modelhub pull`` leaves the model."""
        return self.folder / "cache" / self.model.key

    @property
    def unpacked(self) -> Path:
        """Where a peer leaves it."""
        return self.folder / "unpacked"

    @property
    def arguments(self) -> list[str]:
        """What a peer is told: URI, archive, folder; then, for those that speak S3, hub, bucket and name."""
        bucket, _, folder = REPOSITORY.partition("/")
        uri = f"{self.link.uri}/{REPOSITORY}/{self.model.key}.zip"
        own = [uri, str(self.folder / "model.zip"), str(self.unpacked)]
        return [*own, self.link.uri, bucket, f"{folder}/{self.model.key}.zip"]


@dataclass(frozen=True, kw_only=True)
class Subject:
    """Something that brings a model.

    Attributes:
        name: What the command line and the JSON call it.
        title: What the tables call it.
        command: The process to run for a job.
        result: The folder that then holds the model.
    """

    name: str
    title: str
    command: Callable[[Job], list[str]]
    result: Callable[[Job], Path] = lambda job: job.unpacked


def ours() -> Subject:
    """``modelhub pull`` of the environment that runs the benchmark.

    Raises:
        UnavailableError: It is not installed there.
    """
    program = Path(sys.executable).with_name("modelhub")
    if not program.is_file():
        raise UnavailableError(f"{program} is not there: install the project in this environment")

    def command(job: Job) -> list[str]:
        pull = [str(program), "pull", job.model.name, "en", "--hub", job.link.uri]
        return [*pull, "--cache", str(job.entry.parent)]

    return Subject(name=OURS, title="modelhub pull", command=command, result=lambda job: job.entry)


def update_command(link: Link) -> list[str]:
    """What tells ``modelhub`` of the hub's models, so that a pull finds its registry built."""
    return [str(Path(sys.executable).with_name("modelhub")), "update", "-q", "--hub", link.uri]


def environment(home: Path) -> dict[str, str]:
    """The variables that every subject sees: no setting, credential or proxy of whoever runs this."""
    foreign = ("MODELHUB_", "AWS_", "PYTHON", "XDG_")
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(foreign) and not name.lower().endswith("_proxy")
    }
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
    # A namespace is no loopback: there the hub must be allowed to be http.
    own = {"PATH": path, "HOME": str(home), "MODELHUB_HOME": str(home / "modelhub"), "MODELHUB_ALLOW_HTTP": "1"}
    return kept | own


def peer(name: str, site: Site) -> Subject:
    """A peer, ready to run.

    Raises:
        UnavailableError: This machine lacks something that it needs.
    """
    if name == _REAL:
        command, result = real_downloader(site)
        return Subject(name=name, title=PEER_TITLES[name], command=command, result=result)
    title, make_command = _PEERS[name]
    return Subject(name=name, title=title, command=make_command(site))


_Command = Callable[[Job], list[str]]


def _spark_nlp(site: Site) -> _Command:
    find_tool("java")
    classes = site.work / "classes"
    run_tool("javac", "-d", str(classes), str(site.source("SparkNlpWay.java")))
    return lambda job: ["java", "-cp", str(classes), "SparkNlpWay", job.arguments[0], str(job.unpacked)]


def _shell(script: str) -> Callable[[Site], _Command]:
    """A peer that is a line of shell; ``$1`` and so on are the arguments of the job."""

    def make_command(site: Site) -> _Command:
        for step in re.split(r"&&|\|", script):
            find_tool(step.split()[0])
        return lambda job: ["sh", "-c", script, "sh", *job.arguments]

    return make_command


def _python(script: str, module: str) -> Callable[[Site], _Command]:
    """A peer that is a script for this Python; it is told the arguments of the job."""

    def make_command(site: Site) -> _Command:
        if importlib.util.find_spec(module) is None:
            raise UnavailableError(f"{module} is not installed")
        return lambda job: [sys.executable, "-c", script, *job.arguments]

    return make_command


# Peers that download first keep their zip: to delete it too would cost them time.
_PEERS: Mapping[str, tuple[str, Callable[[Site], _Command]]] = {
    "sparknlp": ("Spark NLP's way (imitation)", _spark_nlp),
    "curl": ("curl, then unzip", _shell(f'curl -sSf -o "$2" "$1" && {_UNZIP}')),
    "bsdtar": ("curl piped to bsdtar", _shell('curl -sSf "$1" | bsdtar -xf - -C "$3"')),
    "aria2c": ("aria2c -x16, then unzip", _shell(f"{_ARIA2C} && {_UNZIP}")),
    "boto3": ("boto3, then zipfile", _python(_BOTO3, "boto3")),
    "requests": ("requests, then zipfile", _python(_REQUESTS, "requests")),
    "s5cmd": ("s5cmd, then unzip", _shell(f"{_S5CMD} && {_UNZIP}")),
}
PEER_TITLES = {name: title for name, (title, _) in _PEERS.items()} | {_REAL: "Spark NLP itself, warm (https)"}
