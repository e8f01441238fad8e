from __future__ import annotations

from typing import Any

import pytest

from modelhub.artifacts import Artifact, ArtifactKey
from modelhub.config import Config, load_config
from modelhub.errors import NotAllowedError, UsageError
from modelhub.locations import adopted, allowed, artifact_uris, list_uris, located

TEXT_OF_KEY = "pos_tiny_en_4.0.0_3.0_1656000000000"
KEY = ArtifactKey.parse(TEXT_OF_KEY)
PUBLIC = "https://s3.amazonaws.com/auxdata.johnsnowlabs.com"
COMMUNITY = "https://s3.amazonaws.com/community.johnsnowlabs.com"
MIRROR = "https://mirror.example/hub"


def config(*hubs: str, **settings: Any) -> Config:
    return load_config({"hub": list(hubs) or None, **settings}, environ={})


@pytest.mark.parametrize(
    ("repository", "hubs", "uris"),
    [
        ("public/models", [], [f"{PUBLIC}/public/models/{KEY}.zip"]),
        ("clinical/models", [], [f"{PUBLIC}/clinical/models/{KEY}.zip"]),
        ("@ada", [], [f"{COMMUNITY}/ada/{KEY}.zip"]),
        ("s3://bucket/folder", [], [f"s3://bucket/folder/{KEY}.zip"]),
        ("public/models", [MIRROR], [f"{MIRROR}/public/models/{KEY}.zip"]),
        ("@ada", [MIRROR], [f"{MIRROR}/@ada/{KEY}.zip"]),
        ("s3://bucket/folder", [MIRROR], [f"s3://bucket/folder/{KEY}.zip"]),
        ("@ada", [MIRROR, PUBLIC], [f"{MIRROR}/@ada/{KEY}.zip", f"{COMMUNITY}/ada/{KEY}.zip"]),
    ],
)
def test_each_hub_has_an_artifact_at_its_uri(repository: str, hubs: list[str], uris: list[str]) -> None:
    artifact = Artifact(key=KEY, repository=repository)

    assert artifact_uris(artifact, config(*hubs)) == uris
    assert located(artifact, config(*hubs)).uri == uris[0]


def test_a_foreign_artifact_is_read_where_it_was_found() -> None:
    uri = f"file:///srv/else where/{KEY}.zip"
    artifact = Artifact(key=KEY, repository="file:///srv/else where", uri=uri)

    assert artifact_uris(artifact, config(MIRROR, PUBLIC)) == [uri]


@pytest.mark.parametrize(
    ("repository", "uri"),
    [
        ("public/models", f"{PUBLIC}/public/models/metadata.json"),
        (" /public/models/ ", f"{PUBLIC}/public/models/metadata.json"),
        ("@ada", f"{COMMUNITY}/ada/metadata.json"),
    ],
)
def test_a_list_lies_beside_the_artifacts(repository: str, uri: str) -> None:
    assert list_uris(repository, config()) == [uri]


def test_every_hub_has_a_list() -> None:
    assert list_uris("a/b", config(MIRROR, PUBLIC)) == [f"{MIRROR}/a/b/metadata.json", f"{PUBLIC}/a/b/metadata.json"]


@pytest.mark.parametrize("repository", ["", "/", "two words", "..", "public/../clinical", "a/./b", "a/%2e%2e/b"])
def test_what_no_repository_can_be_called_is_refused(repository: str) -> None:
    with pytest.raises(UsageError, match="is not a repository"):
        list_uris(repository, config())


# Zips that are named by their URI


@pytest.mark.parametrize(
    ("uri", "hubs", "repository"),
    [
        (f"{MIRROR}/public/models/{KEY}.zip", [MIRROR], "public/models"),
        (f"{MIRROR}/our%20models/{KEY}.zip", [PUBLIC, MIRROR], "our models"),
        (f"file:///srv/hub/our/models/{KEY}.zip", ["file:///srv/hub"], "our/models"),
        (f"https://else.example/models/{KEY}.zip", [PUBLIC], "https://else.example/models"),
        (f"https://else.example/models/{KEY}.zip?X-Amz-Signature=5ec4e7", [PUBLIC], "https://else.example/models"),
    ],
)
def test_a_zip_that_is_named_by_its_uri_gets_the_repository_in_which_it_lies(
    uri: str, hubs: list[str], repository: str
) -> None:
    artifact = adopted(Artifact(key=KEY), uri, config(*hubs, allow_hub="https://else.example/models"))

    assert (artifact.uri, artifact.repository) == (uri, repository)
    if "://" in repository:
        assert artifact.s3_uri == uri.partition("?")[0]


def test_a_zip_on_no_configured_hub_is_not_adopted() -> None:
    with pytest.raises(NotAllowedError):
        adopted(Artifact(key=KEY), f"https://else.example/models/{KEY}.zip", config())


@pytest.mark.parametrize(
    ("uri", "settings"),
    [
        (f"{PUBLIC}/public/models/x.zip", {}),
        (f"{COMMUNITY}/ada/x.zip", {}),
        ("https://else.example/models/x.zip", {"allow_hub": "https://else.example"}),
        ("https://s3.amazonaws.com/bucket/x.zip", {"allow_hub": "s3://bucket"}),
        ("file:///srv/hub/x.zip", {"allow_hub": "/srv/hub"}),
    ],
)
def test_what_a_setting_covers_may_be_read(uri: str, settings: dict[str, str]) -> None:
    assert allowed(uri, config(**settings)) == uri


@pytest.mark.parametrize(
    ("uri", "hubs"),
    [
        ("https://else.example/models/x.zip", []),
        (f"{MIRROR}-too/x.zip", [MIRROR]),
        ("https://mirror.example/x.zip", [MIRROR]),
        (f"{MIRROR}/../x.zip", [MIRROR]),
        (f"{MIRROR}/a/%2e%2e/%2E%2e/x.zip", [MIRROR]),
        (f"{MIRROR}/./x.zip", [MIRROR]),
        (f"{COMMUNITY}/ada/x.zip", [MIRROR]),
        ("file:///etc/x.zip", ["file:///srv/hub"]),
    ],
)
def test_what_no_setting_covers_is_refused(uri: str, hubs: list[str]) -> None:
    with pytest.raises(NotAllowedError, match="lies on no hub that is configured") as raised:
        allowed(uri, config(*hubs))

    assert "--allow-hub" in raised.value.hint


def test_a_signature_is_not_repeated_in_the_refusal() -> None:
    with pytest.raises(NotAllowedError) as raised:
        allowed("https://ada:secret@else.example/models/x.zip?X-Amz-Signature=secret", config())

    assert "secret" not in f"{raised.value.message} {raised.value.hint}"
    assert raised.value.hint.endswith("--allow-hub https://else.example/models")
