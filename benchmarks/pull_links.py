"""The links that ``pull.py`` downloads over: one machine, a server of its own on each.

======  ==============================================================================================
``a``   no limit: nginx on loopback
``b``   25 MiB/s per connection, as S3 behaves: nginx with ``pace.c`` preloaded
``c``   a round trip of 40 ms: nginx in a network namespace of its own, joined to ours by ``tundelay.c``
======  ==============================================================================================
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

PACE_BYTES_PER_S = 25 << 20
ROUND_TRIP_S = 0.04
_READY_S = 10.0
_ASK = "import sys, urllib.request as ask; ask.urlopen(sys.argv[1]).read()"
# Addresses that are set aside for benchmarks (RFC 2544); they are seen in the two namespaces only.
_SERVER, _CLIENT = "198.18.0.1", "198.18.0.2"
_CONFIGURATION = """\
daemon off;
{user}
worker_processes auto;
pid {folder}/nginx.pid;
env PACE_BPS;
events {{ worker_connections 1024; }}
http {{
    access_log {folder}/access.log;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    sendfile on;
    tcp_nopush on;
    server {{ listen {host}:{port}; root {root}; }}
    {encrypted}
}}
"""
# For Spark NLP, which asks an endpoint of digits for /BUCKET/KEY.
_ENCRYPTED = """\
server {{
        listen {host}:{port} ssl;
        ssl_certificate {certificate};
        ssl_certificate_key {key};
        location /bucket/ {{ alias {root}/; }}
    }}"""


class UnavailableError(Exception):
    """This machine lacks what a link or a peer needs; the text says what."""


@dataclass(frozen=True, kw_only=True)
class Link:
    """A link with its server up.

    Attributes:
        letter: ``a``, ``b`` or ``c``.
        title: What it is like.
        uri: The hub, as a client on the link sees it.
        prefix: What a command begins with so that it runs at the client's end.
        access_log: One line a request.
        tls_uri: The same server by https; "" where it has no certificate.
    """

    letter: str
    title: str
    uri: str
    tls_uri: str = ""
    prefix: tuple[str, ...] = ()
    access_log: Path

    def requests(self) -> int:
        """How many requests the server has answered."""
        return len(self.access_log.read_text(encoding="utf-8").splitlines())


@dataclass(frozen=True, kw_only=True)
class Site:
    """Where things lie.

    Attributes:
        hub: The folder that is served.
        work: Where programs are built and servers write.
        sources: The folder of ``pace.c``, ``tundelay.c``, ``warm.c`` and ``SparkNlpWay.java``.
    """

    hub: Path
    work: Path
    sources: Path

    def source(self, name: str) -> Path:
        """The path of one of the sources.

        Raises:
            UnavailableError: It is not there.
        """
        if not (self.sources / name).is_file():
            raise UnavailableError(f"{name} is not in {self.sources} (--tools)")
        return self.sources / name

    def compile(self, name: str, *options: str) -> str:
        """Build one of the C programs, and return its path.

        Raises:
            UnavailableError: There is no source or no compiler, or it fails.
        """
        target = self.work / name.removesuffix(".c")
        run_tool("cc", "-O2", "-o", str(target), str(self.source(name)), *options)
        return str(target)


def find_tool(name: str) -> str:
    """The path of an installed program; those of administrators are not on everybody's PATH.

    Raises:
        UnavailableError: It is not installed.
    """
    folders = [str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"]
    if found := shutil.which(name, path=os.pathsep.join(folders)):
        return found
    raise UnavailableError(f"{name} is not installed")


def run_tool(name: str, *arguments: str) -> None:
    """Run a program to its end.

    Raises:
        UnavailableError: It is not installed, or fails.
    """
    done = subprocess.run([find_tool(name), *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        raise UnavailableError(f"{name} failed: {done.stderr.strip() or done.returncode}")


def open_link(letter: str, site: Site) -> AbstractContextManager[Link]:
    """The link while the context lasts; its server and all that it needs are gone afterwards.

    Raises:
        UnavailableError: On entry: this machine cannot have it.
    """
    return _LINKS[letter](site)


@contextmanager
def _open_plain(site: Site) -> Iterator[Link]:
    with _serve(site) as server:
        yield replace(server, letter="a", title="no limit")


@contextmanager
def _open_paced(site: Site) -> Iterator[Link]:
    # Not by nginx's own limit_rate: that lets small ranges run free.
    pace = site.compile("pace.c", "-shared", "-fPIC", "-ldl")
    with _serve(site, environment={"LD_PRELOAD": pace, "PACE_BPS": str(PACE_BYTES_PER_S)}) as server:
        yield replace(server, letter="b", title=f"{PACE_BYTES_PER_S >> 20} MiB/s per connection")


@contextmanager
def _open_delayed(site: Site) -> Iterator[Link]:
    if os.geteuid() != 0:
        raise UnavailableError("network namespaces need root")
    delay = site.compile("tundelay.c", "-pthread")
    ends = f"pull-server-{os.getpid()}", f"pull-client-{os.getpid()}"
    with ExitStack() as stack:
        for end in ends:
            run_tool("ip", "netns", "add", end)
            stack.callback(_delete_namespace, end)
        relay = stack.enter_context(_running([delay, *ends, str(round(ROUND_TRIP_S / 2 * 1e6))]))
        if relay.stdout is None or not relay.stdout.readline():
            raise UnavailableError("tundelay cannot make its devices")
        for end, device, address, peer in zip(
            ends, ("tuna", "tunb"), (_SERVER, _CLIENT), (_CLIENT, _SERVER), strict=True
        ):
            run_tool("ip", "-n", end, "address", "add", address, "peer", peer, "dev", device)
            run_tool("ip", "-n", end, "link", "set", device, "up")
            run_tool("ip", "-n", end, "link", "set", "lo", "up")
        server_prefix, client_prefix = ((find_tool("ip"), "netns", "exec", end) for end in ends)
        server = stack.enter_context(_serve(site, server_prefix, client_prefix, host=_SERVER))
        yield replace(server, letter="c", title=f"{ROUND_TRIP_S * 1000:.0f} ms round trip")


_LINKS: Mapping[str, Callable[[Site], AbstractContextManager[Link]]]
_LINKS = {"a": _open_plain, "b": _open_paced, "c": _open_delayed}
LETTERS = tuple(_LINKS)


def _delete_namespace(name: str) -> None:
    with suppress(UnavailableError):
        run_tool("ip", "netns", "delete", name)


@contextmanager
def _serve(
    site: Site,
    server_prefix: tuple[str, ...] = (),
    client_prefix: tuple[str, ...] = (),
    *,
    host: str = "127.0.0.1",
    environment: Mapping[str, str] | None = None,
) -> Iterator[Link]:
    """Run nginx; each end of the link has its prefix."""
    folder = site.work / "nginx"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    port = _free_port()
    # Workers of root's nginx would be nobody, who may not read the folder.
    user = "user root;" if os.geteuid() == 0 else ""
    encrypted, tls_uri = _encrypted(folder, host, site.hub)
    text = _CONFIGURATION.format(user=user, folder=folder, host=host, port=port, root=site.hub, encrypted=encrypted)
    (folder / "nginx.conf").write_text(text, encoding="utf-8")
    nginx = [find_tool("nginx"), "-p", str(folder), "-c", "nginx.conf", "-e", "error.log"]
    uri, log = f"http://{host}:{port}", folder / "access.log"
    link = Link(letter="", title="", uri=uri, tls_uri=tls_uri, prefix=client_prefix, access_log=log)
    with _running([*server_prefix, *nginx], env={**os.environ, **(environment or {})}):
        _await_answer(link)
        yield link


def _encrypted(folder: Path, host: str, root: Path) -> tuple[str, str]:
    """What serves by https too, for the configuration, and the URI there; both "" without a certificate."""
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    try:
        new = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=benchmark"]
        run_tool("openssl", *new, "-keyout", str(key), "-out", str(certificate))
    except UnavailableError:
        return "", ""
    port = _free_port()
    encrypted = _ENCRYPTED.format(host=host, port=port, certificate=certificate, key=key, root=root)
    return encrypted, f"https://{host}:{port}"


def _await_answer(link: Link) -> None:
    end_s = time.monotonic() + _READY_S
    ask = [*link.prefix, sys.executable, "-c", _ASK, f"{link.uri}/public/models/metadata.json"]
    while subprocess.run(ask, capture_output=True, check=False).returncode:
        if time.monotonic() > end_s:
            raise UnavailableError(f"nginx does not answer; see {link.access_log.with_name('error.log')}")
        time.sleep(0.05)


@contextmanager
def _running(command: list[str], **options: Any) -> Iterator[subprocess.Popen[str]]:
    """A process that ends with the context; in a session of its own, so that Ctrl-C leaves its end to us."""
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True, **options)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(timeout=10)
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.communicate()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
