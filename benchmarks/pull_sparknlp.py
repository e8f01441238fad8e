"""Spark NLP's own downloader as a peer of ``pull.py``: unmodified, in a JVM that is up and warm before the clock runs.

A run is one ``downloadResource``, asked for by a shell through two named pipes, so that neither the start of the JVM
nor that of Spark counts; its processor time and memory are the JVM's, and are not seen. It speaks https alone: nginx
encrypts for it, as the real hub does, and for nobody else.
"""

from __future__ import annotations

import atexit
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from pull_links import Link, Site, UnavailableError, find_tool

if TYPE_CHECKING:
    from pull_subjects import Job

sys.path.append(str(Path(__file__).parents[1] / "scripts"))
from sparknlp_parts import class_path, parts_folder, spark_class_path  # noqa: E402 (its folder comes with the line above)

_SOURCE = Path(__file__).with_name("SparkNlpReal.java")
_ASK = (
    'printf %s "$2" >"$1/ask" && read -r said <"$1/answer" && { test "$said" = ok || { echo "$said" >&2; exit 1; }; }'
)
# Downloads before the clock runs, for each link and model: the JVM compiles what runs often.
_WARM_UPS = 2
_START_S = 120
_REGIONS = """<XML><Regions><Region><Name>us-east-1</Name><Domain>amazonaws.com</Domain><Endpoint>
<ServiceName>s3</ServiceName><Http>false</Http><Https>true</Https><Hostname>{host}</Hostname>
</Endpoint></Region></Regions></XML>"""
# What Spark's own launcher opens for it on Java 17.
_OPENED = (
    "java.lang java.lang.invoke java.lang.reflect java.io java.net java.nio java.util java.util.concurrent"
    " java.util.concurrent.atomic sun.nio.ch sun.nio.cs sun.security.action sun.util.calendar"
)


class RealDownloader:
    """Starts a JVM for each link, and makes the command that asks it for a model.

    Args:
        site: Where it may build and write.

    Raises:
        UnavailableError: Spark NLP, or Java, is not here.
    """

    def __init__(self, site: Site) -> None:
        if not (parts_folder() / "jars").is_dir():
            raise UnavailableError("Spark NLP is not here: python3 scripts/install_sparknlp.py brings it")
        self._hub, self._work = site.hub, site.work / "sparknlp-real"
        self._java = find_tool("java")
        shutil.rmtree(self._work, ignore_errors=True)
        classes = self._work / "classes"
        self._class_path = f"{class_path(parts_folder())}:{spark_class_path(parts_folder())}:{classes}"
        words = [find_tool("javac"), "-proc:none", "-d", str(classes), "-cp", self._class_path, str(_SOURCE)]
        subprocess.run(words, check=True)
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._warmed: set[tuple[str, str]] = set()
        atexit.register(self.close)

    def command(self, job: Job) -> list[str]:
        """What asks for the model of a job; the cache is empty, and the JVM warm, when this returns."""
        cache = self._folder(job.link) / "cache"
        words = ["sh", "-c", _ASK, "sh", str(self._folder(job.link)), job.model.name]
        self._start(job.link)
        if (job.link.letter, job.model.name) not in self._warmed:
            self._warmed.add((job.link.letter, job.model.name))
            for _ in range(_WARM_UPS):
                shutil.rmtree(cache, ignore_errors=True)
                subprocess.run(words, check=False, timeout=_START_S)
        shutil.rmtree(cache, ignore_errors=True)
        return words

    def result(self, job: Job) -> Path:
        """Where it left the model; the sums that Hadoop adds are taken away."""
        folder = self._folder(job.link) / "cache" / job.model.key
        with zipfile.ZipFile(job.model.archive_in(self._hub)) as archive:
            own = {str(folder / name) for name in archive.namelist()}
        for path in folder.rglob(".*.crc"):
            if str(path) not in own:
                path.unlink()
        return folder

    def close(self) -> None:
        """End the JVMs."""
        while self._processes:
            _, process = self._processes.popitem()
            process.kill()
            process.wait()

    def _folder(self, link: Link) -> Path:
        return self._work / link.letter

    def _start(self, link: Link) -> None:
        if link.letter in self._processes:
            return
        self.close()  # the server of another link is gone, and memory is short
        if not link.tls_uri:
            raise UnavailableError("Spark NLP asks by https alone, and openssl is not here to make a certificate")
        folder = self._folder(link)
        (folder / "temporary").mkdir(parents=True)
        for pipe in ("ask", "answer"):
            os.mkfifo(folder / pipe)
        regions = folder / "regions.xml"
        regions.write_text(_REGIONS.format(host=link.tls_uri.removeprefix("https://")), encoding="utf-8")
        properties = {
            "com.amazonaws.regions.RegionUtils.fileOverride": str(regions),
            "com.amazonaws.sdk.disableCertChecking": "true",
            "java.io.tmpdir": str(folder / "temporary"),
        }
        words = [*link.prefix, self._java, *(f"-D{name}={value}" for name, value in properties.items())]
        words += [f"--add-opens=java.base/{package}=ALL-UNNAMED" for package in _OPENED.split()]
        words += ["-cp", self._class_path, _SOURCE.stem, str(folder / "cache"), str(folder)]
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self._processes[link.letter] = process


def real_downloader(site: Site) -> tuple[Callable[[Job], list[str]], Callable[[Job], Path]]:
    """The command and the result of the peer.

    Raises:
        UnavailableError: This machine lacks something that it needs.
    """
    real = RealDownloader(site)
    return real.command, real.result
