"""Ground for tests that need files, a hub, a registry or a process: real zips, real sockets, real processes."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import ssl
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import hub_server
import pytest
from hub_server import HubFolder, Server
from proxy_server import Proxy
from s3_server import ID, SECRET, Key, S3Server
from serving import serving

from modelhub.artifacts import ArtifactKey

PROJECT = Path(__file__).parents[1]
NOT_OURS = re.compile(
    r"AWS_.*|MODELHUB_.*|XDG_.*|.*_proxy|.*_CA_BUNDLE|SSL_CERT_.*|NETRC|NO_COLOR|FORCE_COLOR|TTY_.*|COLUMNS|LINES",
    re.IGNORECASE,
)


@pytest.fixture(autouse=True)
def clean_environ(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No setting of the machine reaches a test, and none of a test reaches the machine."""
    for name in filter(NOT_OURS.fullmatch, list(os.environ)):
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")  # else whoever has no credentials waits for an instance's


@pytest.fixture
def make_zip() -> Callable[..., bytes]:
    """``make_zip(members)``: the bytes of a zip; without members those of a tiny saved annotator."""
    return hub_server.make_zip


@pytest.fixture
def make_card() -> Callable[..., str]:
    """``make_card(key=…, repository=…, **front_matter)``: the text of a card in the hub's template."""

    def make(
        *, key: str = "tiny_pos_en_4.0.0_3.0_1657118162458", repository: str = "public/models", **front: Any
    ) -> str:
        parsed = ArtifactKey.parse(key)
        front = {"title": "Tiny tagger", "name": parsed.name, "date": "2022-07-06", "language": parsed.language} | front
        front = {"layout": "model", "task": "Part of Speech Tagging", "annotator": "PerceptronModel"} | front
        link = f"s3.amazonaws.com/auxdata.johnsnowlabs.com/{repository}/{key}.zip"
        lines = [f"{name}: {value}" for name, value in front.items() if value is not None]
        return "\n".join(
            ["---", *lines, "---", "", "## Description", "", "Tags words.", "", f"[Download](https://{link})", ""]
            + ["## Model Information", "", "|---|---|", f"|Model Name:|{parsed.name}|", "|Size:|1.2 MB|", ""]
        )

    return make


@pytest.fixture
def hub_folder(tmp_path: Path) -> HubFolder:
    """An empty hub; ``hub_folder.add(key)`` publishes a zip there."""
    return HubFolder(tmp_path / "hub")


@pytest.fixture
def server(hub_folder: HubFolder) -> Iterator[Server]:
    """The hub of ``hub_folder``, over HTTP."""
    with serving(Server(hub_folder.folder)) as server:
        yield server


@pytest.fixture
def second_server(hub_folder: HubFolder) -> Iterator[Server]:
    """The same hub once more, elsewhere."""
    with serving(Server(hub_folder.folder)) as server:
        yield server


@pytest.fixture
def s3_server(tmp_path: Path) -> Iterator[S3Server]:
    """S3 with one key."""
    with serving(S3Server(tmp_path / "buckets")) as server:
        server.keys[ID] = Key(secret=SECRET)
        yield server


@pytest.fixture
def keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """The key of the server, in the environment."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", ID)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, ssl.SSLContext]:
    """A certificate authority that no system knows, and the encryption of a server that it vouches for."""
    import trustme  # 50 ms that only the tests of networks pay

    vouching, encryption = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    vouching.issue_cert("127.0.0.1", "hub.example").configure_cert(encryption)
    path = tmp_path_factory.mktemp("authority") / "ca.pem"
    vouching.cert_pem.write_to_path(str(path))
    return path, encryption


@pytest.fixture
def tls_server(hub_folder: HubFolder, authority: tuple[Path, ssl.SSLContext]) -> Iterator[Server]:
    """The hub of ``hub_folder``, encrypted, as ``127.0.0.1`` and as ``hub.example`` (which has no address)."""
    with serving(Server(hub_folder.folder, tls=authority[1])) as server:
        yield server


@pytest.fixture
def proxy() -> Iterator[Proxy]:
    """A proxy that asks for a password."""
    with serving(Proxy()) as proxy:
        yield proxy


@dataclass(frozen=True)
class Finished:
    """A command that has come to its end."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        """The envelope, and nothing else, that is on standard output."""
        return json.loads(self.out)


@pytest.fixture
def unmeasured(monkeypatch: pytest.MonkeyPatch) -> None:
    """Processes of the test are not measured by coverage: it brings modules of its own, and halves the speed."""
    for name in [name for name in os.environ if name.startswith("COVERAGE_")]:
        monkeypatch.delenv(name)


def start(*words: object, **options: Any) -> subprocess.Popen[str]:
    """Start the command line as a process of its own; ``options`` are those of ``Popen``."""
    pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    settings = {"text": True, "encoding": "utf-8", "cwd": PROJECT} | pipes | options
    return subprocess.Popen([sys.executable, "-m", "modelhub", *map(str, words)], **settings)


@pytest.fixture(name="start")
def start_fixture() -> Callable[..., subprocess.Popen[str]]:
    """``start(*words, **options)``: the command line as a process that goes on while the test does."""
    return start


@pytest.fixture
def modelhub() -> Callable[..., Finished]:
    """``modelhub(*words, **options of Popen)``: run the command line as a process of its own, to its end."""

    def run(*words: object, **options: Any) -> Finished:
        with start(*words, **options) as process:
            out, err = process.communicate(timeout=60)
        return Finished(process.returncode, out, err)

    return run


@pytest.fixture
def invoke(capsys: pytest.CaptureFixture[str]) -> Callable[..., Finished]:
    """``invoke(*words)``: the same in this process, ten times faster."""
    from modelhub.__main__ import main  # a face that is broken fails its own tests, not all of them

    def run(*words: object) -> Finished:
        capsys.readouterr()
        on_sigterm = signal.getsignal(signal.SIGTERM)
        with pytest.raises(SystemExit) as ended:
            main([str(word) for word in words])
        signal.signal(signal.SIGTERM, on_sigterm)
        return Finished(int(ended.value.code or 0), *capsys.readouterr())

    return run


@pytest.fixture(scope="session")
def first_starts(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Finished]]:
    """A home with the registry of the snapshot, built by the first of two searches that started at once."""
    home = tmp_path_factory.mktemp("built") / "home"
    dropped = re.compile(f"{NOT_OURS.pattern}|COVERAGE_.*", re.IGNORECASE)  # measured, a build takes twice as long
    environment = {name: value for name, value in os.environ.items() if not dropped.fullmatch(name)}
    environment["HOME"] = str(home.parent)
    both = [start("search", "pos", "--home", home, "--limit", 3, env=environment) for _ in range(2)]
    return home, [Finished(process.wait(60), *process.communicate()) for process in both]


@pytest.fixture
def home(first_starts: tuple[Path, list[Finished]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A home of the test's own, with the registry of the snapshot in it, so that nothing has to be built."""
    folder = tmp_path / "home"
    shutil.copytree(first_starts[0], folder)
    monkeypatch.setenv("MODELHUB_HOME", str(folder))
    yield folder
    shutil.rmtree(folder)  # 40 MB that pytest would keep for three runs
