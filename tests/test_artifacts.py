from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelhub.artifacts import Artifact, ArtifactKey, ArtifactLocation, built_text, https_uri_of, join_uri, s3_uri_of
from modelhub.errors import UsageError

KEY = "pos_tiny_en_4.0.0_3.0_1656000000000"

NAMES = st.text("abcXYZ019_-.", min_size=1, max_size=20)
LANGUAGES = st.text("abcdefghijklmnopqrstuvwxyz", max_size=3)
VERSIONS = st.lists(st.integers(0, 99), min_size=1, max_size=4).map(lambda parts: ".".join(map(str, parts)))
MILLIS = st.integers(0, 10**23).map(str)
KEYS = st.builds(ArtifactKey, NAMES, LANGUAGES, VERSIONS, VERSIONS, MILLIS)


def artifact(key: str = KEY, **fields: Any) -> Artifact:
    return Artifact(key=ArtifactKey.parse(key), **fields)


# Keys


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        (KEY, ("pos_tiny", "en", "4.0.0", "3.0", "1656000000000")),
        ("explain_document_sm__2.0.2_2.4_1556530585689", ("explain_document_sm", "", "2.0.2", "2.4", "1556530585689")),
        ("name__en_3.0.0_3.0_1556530585689", ("name_", "en", "3.0.0", "3.0", "1556530585689")),
        ("a_b_c_xx_3.5.04.2_2.4_1", ("a_b_c", "xx", "3.5.04.2", "2.4", "1")),
        ("m_3.0_2.4_en_3_3_7", ("m_3.0_2.4", "en", "3", "3", "7")),
        ("ner_en_3.0.0_3.0_16000000000001600000000000", ("ner", "en", "3.0.0", "3.0", "16000000000001600000000000")),
    ],
)
def test_a_key_is_read_from_its_right_end(text: str, parts: tuple[str, ...]) -> None:
    key = ArtifactKey.parse(text)

    assert (key.name, key.language, key.lib_version, key.spark_version, key.millis) == parts
    assert str(key) == text


def test_a_key_is_read_with_its_zip_too() -> None:
    assert str(ArtifactKey.parse(f"{KEY}.zip")) == KEY


@pytest.mark.parametrize(
    "text",
    [
        "",
        "pos_tiny",
        "pos_tiny_en_4.0.0_3.0",
        "pos_tiny_en_4.0.0_3.0_",
        "pos_tiny_en_4.0.0_3.0_12x",
        "pos_tiny_en_latest_3.0_1656000000000",
        "_en_4.0.0_3.0_1656000000000",
        f"public/models/{KEY}",
        f"../{KEY}",
        f"..\\{KEY}",
        f"a\0{KEY}",
        f"a\n{KEY}",
        f"{KEY}\n",
        "pos_a\\b_4.0.0_3.0_1656000000000",
        *(f"a{sign}{KEY}" for sign in "\x7f\x85\u061c\u200e\u200f\u2028\u202a\u202e\u2066\u2069\ud800"),
        "pos_e\u202en_4.0.0_3.0_1656000000000",
        f"pos_tiny_en_4.0.0_3.0_{'9' * 31}",
        f"pos_tiny_en_4.0.0_3.0_{'9' * 5000}",
        "pos_tiny_en_4.0.0_1234567890.0_1656000000000",
        f"pos_tiny_en_{'9' * 5000}_3.0_1656000000000",
        "pos_tiny_en_4.0.0_3.0_١٦٥٦",
    ],
)
def test_what_cannot_name_a_folder_of_the_cache_is_no_key(text: str) -> None:
    with pytest.raises(UsageError, match="not a key"):
        ArtifactKey.parse(text)


@given(KEYS)
def test_every_key_is_read_back_from_its_text(key: ArtifactKey) -> None:
    assert ArtifactKey.parse(str(key)) == key


def test_the_time_of_a_key_is_a_number() -> None:
    assert ArtifactKey.parse(KEY).built_ms == 1_656_000_000_000


# Locations


@pytest.mark.parametrize(
    ("uri", "repository"),
    [
        (f"s3://auxdata.johnsnowlabs.com/public/models/{KEY}.zip", "public/models"),
        (f"s3://auxdata.johnsnowlabs.com//public/models/{KEY}.zip", "public/models"),
        (f"https://s3.amazonaws.com/auxdata.johnsnowlabs.com/clinical/models/{KEY}.zip", "clinical/models"),
        (f" https://s3.amazonaws.com/auxdata.johnsnowlabs.com/clinical/ocr/{KEY}.zip\n", "clinical/ocr"),
        (f"s3://community.johnsnowlabs.com/ada/{KEY}.zip", "@ada"),
        (f"https://s3.amazonaws.com/community.johnsnowlabs.com/ada/{KEY}.zip", "@ada"),
        (f"s3://elsewhere/some/folder/{KEY}.zip", "s3://elsewhere/some/folder"),
    ],
)
def test_a_uri_tells_repository_and_key(uri: str, repository: str) -> None:
    location = ArtifactLocation.parse(uri)

    assert (location.repository, str(location.key)) == (repository, KEY)


def test_a_quoted_uri_names_the_key_that_it_quotes() -> None:
    location = ArtifactLocation.parse(
        f"https://s3.amazonaws.com/auxdata.johnsnowlabs.com/public/models/caf%C3%A9_{KEY}.zip"
    )

    assert location.key.name == "café_pos_tiny"


@pytest.mark.parametrize(
    "uri",
    [
        "",
        KEY,
        f"ftp://s3.amazonaws.com/b/public/models/{KEY}.zip",
        f"http://s3.amazonaws.com/b/public/models/{KEY}.zip",
        f"https://example.org/b/public/models/{KEY}.zip",
        "https://[broken/x.zip",
        f"s3:///public/models/{KEY}.zip",
        f"s3://bucket/{KEY}.zip",
        f"s3://bucket/public/models/{KEY}.tar",
        "s3://bucket/public/models/readme.zip",
        f"s3://auxdata.johnsnowlabs.com/public/../../etc/{KEY}.zip",
        f"https://s3.amazonaws.com/auxdata.johnsnowlabs.com/%2E%2E/{KEY}.zip",
    ],
)
def test_what_is_no_published_zip_has_no_location(uri: str) -> None:
    with pytest.raises(UsageError):
        ArtifactLocation.parse(uri)


@pytest.mark.parametrize("repository", ["public/models", "legal/models", "@ada", "s3://elsewhere/some/folder"])
def test_the_canonical_uri_is_the_inverse_of_reading_it(repository: str) -> None:
    s3_uri = s3_uri_of(repository, KEY)

    for uri in (s3_uri, https_uri_of(s3_uri)):
        location = ArtifactLocation.parse(uri)
        assert (location.repository, str(location.key)) == (repository, KEY)


def test_the_public_spelling_is_path_style() -> None:
    assert https_uri_of("s3://with.dots/a/b.zip") == "https://s3.amazonaws.com/with.dots/a/b.zip"


def test_a_uri_below_a_hub_quotes_what_a_path_cannot_hold() -> None:
    assert join_uri("file:///srv/hub/", "public/models", "a b#%é?.zip") == (
        "file:///srv/hub/public/models/a%20b%23%25%C3%A9%3F.zip"
    )


# Artifacts


def test_the_json_of_an_artifact_has_what_users_may_rely_on() -> None:
    shown = artifact(
        uri=f"https://mirror.example/public/models/{KEY}.zip",
        size_bytes=12,
        size_exact=True,
        engine="onnx",
        annotator="PerceptronModel",
    ).to_dict()

    assert (
        shown.items()
        >= {
            "key": KEY,
            "name": "pos_tiny",
            "language": "en",
            "lib_version": "4.0.0",
            "spark_version": "3.0",
            "built_ms": 1_656_000_000_000,
            "built": "2022-06-23",
            "repository": "public/models",
            "uri": f"https://mirror.example/public/models/{KEY}.zip",
            "s3_uri": f"s3://auxdata.johnsnowlabs.com/public/models/{KEY}.zip",
            "size_bytes": 12,
            "size_exact": True,
            "engine": "onnx",
            "annotator": "PerceptronModel",
        }.items()
    )
    assert json.loads(json.dumps(shown)) == shown


@pytest.mark.parametrize(("millis", "expected"), [(2**53 - 1, 2**53 - 1), (2**53, str(2**53))])
def test_a_time_that_a_json_reader_would_round_is_text(millis: int, expected: int | str) -> None:
    assert artifact(f"ner_en_3.0.0_3.0_{millis}").to_dict()["built_ms"] == expected


@pytest.mark.parametrize(("built_ms", "text"), [(0, "1970-01-01"), (1_656_000_000_000, "2022-06-23"), (10**23, "")])
def test_the_day_of_a_build_is_shown_where_it_is_one(built_ms: int, text: str) -> None:
    assert built_text(built_ms) == text


@pytest.mark.parametrize(
    ("repository", "reference"),
    [("public/models", "pos_tiny:en"), ("legal/models", "legal/models/pos_tiny:en"), ("@ada", "@ada/pos_tiny:en")],
)
def test_a_reference_names_the_repository_that_is_not_the_default(repository: str, reference: str) -> None:
    assert artifact(repository=repository).reference == reference


def test_versions_and_time_are_those_of_the_key() -> None:
    subject = artifact("ner_de_4.2.10_3.2_17")

    assert (subject.lib_version.parts, subject.spark_version.parts, subject.built_ms) == ((4, 2, 10), (3, 2), 17)
