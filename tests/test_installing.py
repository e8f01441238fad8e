"""Downloads into a cache, from hubs in folders and over HTTP, without any registry."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hub_server import SAVED_MODEL, HubFolder, Server, make_zip

from modelhub.artifacts import Artifact, ArtifactKey
from modelhub.cache import Cache
from modelhub.catalogue import Catalogue
from modelhub.config import load_config
from modelhub.errors import ArchiveError, IntegrityError, ModelHubError, NetworkError, NotAllowedError, NotFoundError
from modelhub.installing import Installer
from modelhub.progress import Progress

TEXT_OF_KEY = "tiny_pos_en_4.0.0_3.0_1657118162458"
KEY = ArtifactKey.parse(TEXT_OF_KEY)
ARTIFACT = Artifact(key=KEY)


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(tmp_path / "cache")


@pytest.fixture
def moments() -> list[Progress]:
    return []


@pytest.fixture
def make_installer(cache: Cache, moments: list[Progress], tmp_path: Path) -> Iterator[Callable[..., Installer]]:
    """``make_installer(*hubs)``."""
    catalogues = []

    def make(*hubs: str, **settings: Any) -> Installer:
        config = load_config({"hub": hubs, "home": tmp_path / "home", "timeout": 0.5, **settings}, environ={})
        catalogues.append(Catalogue(config, pytest.fail))
        return Installer(config, cache, catalogues[-1], moments.append)

    yield make
    for catalogue in catalogues:
        catalogue.close()


def test_an_artifact_is_unpacked_and_recorded(
    make_installer: Callable[..., Installer], cache: Cache, hub_folder: HubFolder, moments: list[Progress]
) -> None:
    content = hub_folder.add(TEXT_OF_KEY).read_bytes()
    pulled = make_installer(hub_folder.uri).install(ARTIFACT)
    manifest = cache.manifest(KEY)

    assert (pulled.path / "weights").read_bytes() == SAVED_MODEL["weights"]
    assert (pulled.downloaded_bytes, pulled.is_cached) == (len(content), False)
    assert manifest is not None
    assert (manifest.s3_uri, manifest.zip_bytes) == (ARTIFACT.s3_uri, len(content))
    assert manifest.sha256 == cache.digest(KEY) == hashlib.sha256(content).hexdigest()
    assert [moment.phase for moment in moments][-1] == "checking"


def test_nobody_needs_to_listen(hub_folder: HubFolder, cache: Cache, tmp_path: Path) -> None:
    hub_folder.add(TEXT_OF_KEY)
    config = load_config({"hub": hub_folder.uri, "home": tmp_path / "home"}, environ={})
    catalogue = Catalogue(config, pytest.fail)

    assert Installer(config, cache, catalogue, None).install(ARTIFACT).path.is_dir()


def test_an_entry_that_another_process_made_is_not_downloaded(
    make_installer: Callable[..., Installer], cache: Cache, hub_folder: HubFolder
) -> None:
    hub_folder.add(TEXT_OF_KEY)
    first = make_installer(hub_folder.uri).install(ARTIFACT)
    second = make_installer("https://127.0.0.1:1").install(ARTIFACT)

    assert (second.path, second.downloaded_bytes, second.is_cached) == (first.path, 0, True)


def test_a_broken_entry_gives_way_only_where_that_is_meant(
    make_installer: Callable[..., Installer], cache: Cache, hub_folder: HubFolder
) -> None:
    hub_folder.add(TEXT_OF_KEY)
    installer = make_installer(hub_folder.uri)
    weights = installer.install(ARTIFACT).path / "weights"
    weights.unlink()

    with pytest.raises(IntegrityError, match="not whole"):
        installer.install(ARTIFACT)
    assert installer.install(ARTIFACT, is_replacing=True).downloaded_bytes
    assert weights.is_file()


# Several hubs in a row


@pytest.mark.parametrize("fault", ["404", "400", "stall-at/100", "drop-at/100"])
def test_the_next_hub_is_asked_where_one_fails(
    make_installer: Callable[..., Installer], hub_folder: HubFolder, server: Server, fault: str
) -> None:
    hub_folder.add(TEXT_OF_KEY)
    pulled = make_installer(server.uri(fault), hub_folder.uri).install(ARTIFACT)

    assert pulled.artifact.uri == f"{hub_folder.uri}/public/models/{KEY}.zip"
    assert (pulled.path / "weights").read_bytes() == SAVED_MODEL["weights"]


@pytest.mark.parametrize(
    ("hubs", "error", "said"),
    [(("400", "404"), NetworkError, "HTTP 400"), (("404", "400"), NotFoundError, "404")],
)
def test_where_all_hubs_fail_the_first_failure_is_told(
    make_installer: Callable[..., Installer], server: Server, hubs: tuple[str, str], error: type, said: str
) -> None:
    with pytest.raises(ModelHubError, match=said) as raised:
        make_installer(*map(server.uri, hubs)).install(ARTIFACT)
    assert type(raised.value) is error
    assert len(server.asked(".zip")) >= 2


@pytest.mark.parametrize(("content", "error"), [(b"<html>", ArchiveError), (make_zip()[:-30], ArchiveError)])
def test_a_broken_zip_is_no_reason_to_ask_the_next_hub(
    make_installer: Callable[..., Installer],
    cache: Cache,
    hub_folder: HubFolder,
    server: Server,
    content: bytes,
    error: type,
) -> None:
    hub_folder.add(TEXT_OF_KEY, content)

    with pytest.raises(error):
        make_installer(hub_folder.uri, server.uri()).install(ARTIFACT)
    assert not server.requests
    assert cache.entries() == []


# What is refused


@pytest.mark.parametrize(
    "content", [b"", b"<html>Log in</html>", make_zip()[:-30], make_zip({"weights": b""}), make_zip({"../x": b""})]
)
def test_an_archive_error_names_the_uri_and_what_to_do(
    make_installer: Callable[..., Installer], cache: Cache, hub_folder: HubFolder, content: bytes
) -> None:
    hub_folder.add(TEXT_OF_KEY, content)

    with pytest.raises(ArchiveError) as raised:
        make_installer(hub_folder.uri).install(ARTIFACT)
    assert raised.value.message.startswith(f"{hub_folder.uri}/public/models/{KEY}.zip: ")
    assert raised.value.hint
    assert cache.digest(KEY) == ""


def test_an_error_repeats_no_signature(
    make_installer: Callable[..., Installer], hub_folder: HubFolder, server: Server
) -> None:
    hub_folder.add(TEXT_OF_KEY, b"no zip")
    uri = f"{server.uri('public/models', TEXT_OF_KEY)}.zip?X-Amz-Signature=5ec4e7"
    foreign = Artifact(key=KEY, repository=server.uri("public/models"), uri=uri)

    with pytest.raises(ArchiveError) as raised:
        make_installer(server.uri()).install(foreign)
    assert "5ec4e7" not in str(raised.value)
    assert "?" in server.requests[-1].path


def test_a_foreign_zip_is_read_only_where_that_is_allowed(
    make_installer: Callable[..., Installer], cache: Cache, hub_folder: HubFolder
) -> None:
    hub_folder.add(TEXT_OF_KEY, repository="elsewhere")
    folder = f"{hub_folder.uri}/elsewhere"
    foreign = Artifact(key=KEY, repository=folder, uri=f"{folder}/{KEY}.zip")

    with pytest.raises(NotAllowedError):
        make_installer("https://127.0.0.1:1").install(foreign)
    make_installer("https://127.0.0.1:1", allow_hub=folder).install(foreign)
    manifest = cache.manifest(KEY)
    assert manifest is not None
    assert manifest.s3_uri == f"{folder}/{KEY}.zip"


def test_another_zip_under_a_known_key_is_refused(
    make_installer: Callable[..., Installer], cache: Cache, hub_folder: HubFolder
) -> None:
    hub_folder.add(TEXT_OF_KEY)
    installer = make_installer(hub_folder.uri)
    installer.install(ARTIFACT)
    (entry,) = cache.entries()
    cache.remove(entry)
    hub_folder.add(TEXT_OF_KEY, make_zip({**SAVED_MODEL, "weights": b"other"}))

    with pytest.raises(IntegrityError, match="not the zip that was installed here before") as raised:
        installer.install(ARTIFACT)
    assert str(cache.root / ".modelhub" / "digests" / TEXT_OF_KEY) in raised.value.hint


@pytest.mark.parametrize("facts", [{"checksum": "0" * 32}, {"size_bytes": 7, "size_exact": True}])
def test_what_the_list_says_must_hold(
    make_installer: Callable[..., Installer], cache: Cache, hub_folder: HubFolder, facts: dict[str, Any]
) -> None:
    hub_folder.add(TEXT_OF_KEY)

    with pytest.raises(IntegrityError):
        make_installer(hub_folder.uri).install(Artifact(key=KEY, **facts))
    assert cache.entries() == []
