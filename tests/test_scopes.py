from __future__ import annotations

import pytest

from modelhub.errors import NotAllowedError, UsageError
from modelhub.scopes import Place, check_encrypted, place_of

AWS = "https://s3.amazonaws.com"
OURS = "auxdata.johnsnowlabs.com"


@pytest.mark.parametrize("hub", [f"{AWS}/{OURS}", f"s3://{OURS}"])
@pytest.mark.parametrize(
    "repository", ["clinical/models", "clinical/ocr", "finance/models", "legal/models", "publicity"]
)
def test_all_but_the_public_folder_of_the_public_hub_is_licensed(hub: str, repository: str) -> None:
    key = f"{repository}/metadata.json"

    assert place_of(f"{hub}/{key}") == Place(scope="licensed", bucket=OURS, key=key)


@pytest.mark.parametrize(
    ("uri", "bucket", "key"),
    [
        (f"{AWS}/{OURS}/public/models/x.zip", OURS, "public/models/x.zip"),
        (f"{AWS}/{OURS}/%70ublic/models/x.zip", OURS, "public/models/x.zip"),
        (f"s3://{OURS}/public/models/x.zip", OURS, "public/models/x.zip"),
        (f"{AWS}/community.johnsnowlabs.com/user/x.zip", "community.johnsnowlabs.com", "user/x.zip"),
        ("s3://community.johnsnowlabs.com/user/x.zip", "community.johnsnowlabs.com", "user/x.zip"),
    ],
)
def test_what_is_open_to_all_is_read_anonymously(uri: str, bucket: str, key: str) -> None:
    assert place_of(uri) == Place(scope="anonymous", bucket=bucket, key=key)


@pytest.mark.parametrize(
    "uri",
    [
        "https://hub.example/public/models/x.zip",
        f"https://hub.example/{OURS}/clinical/models/x.zip",
        f"http://s3.amazonaws.com/{OURS}/clinical/models/x.zip",
        f"https://s3.amazonaws.com.example/{OURS}/clinical/models/x.zip",
        f"https://s3.amazonaws.com:8443/{OURS}/clinical/models/x.zip",
        f"https://user@s3.amazonaws.com/{OURS}/clinical/models/x.zip",
        f"{AWS}/{OURS}.example/clinical/models/x.zip",
        f"{AWS}/other-bucket/clinical/models/x.zip",
        f"{AWS}/{OURS}/clinical/models/x.zip?X-Amz-Signature=abc",
        "file:///models/x.zip",
    ],
)
def test_every_other_host_spelling_and_signed_uri_gets_no_credentials(uri: str) -> None:
    assert place_of(uri) == Place(scope="anonymous")


@pytest.mark.parametrize(
    ("uri", "bucket", "key"),
    [
        ("s3://models/x.zip", "models", "x.zip"),
        ("s3://company.models/a/b/x.zip", "company.models", "a/b/x.zip"),
        ("s3://models/public%20ones/x%2B.zip", "models", "public ones/x+.zip"),
        ("s3://models", "models", ""),
    ],
)
def test_other_buckets_are_read_by_whoever_has_keys(uri: str, bucket: str, key: str) -> None:
    assert place_of(uri) == Place(scope="bucket", bucket=bucket, key=key)


@pytest.mark.parametrize(
    "uri", ["s3:///x.zip", "s3://user:secret@models/x.zip", "s3://mo dels/x.zip", "s3:models/x.zip"]
)
def test_a_uri_without_a_bucket_is_refused_and_not_quoted(uri: str) -> None:
    with pytest.raises(UsageError, match="begins with a bucket") as raised:
        place_of(uri)

    assert "secret" not in str(raised.value)


@pytest.mark.parametrize(
    ("key", "path"),
    [
        ("public/models/x_en_4.0.0_3.0_1.zip", "public/models/x_en_4.0.0_3.0_1.zip"),
        ("@user/a b+c~d.zip", "%40user/a%20b%2Bc~d.zip"),
        ("für/100%.zip", "f%C3%BCr/100%25.zip"),
    ],
)
def test_a_url_is_path_style_and_quoted_as_signatures_quote(key: str, path: str) -> None:
    place = Place(scope="bucket", bucket="company.models", key=key)

    assert place.url_at("https://minio.example:9000/s3") == f"https://minio.example:9000/s3/company.models/{path}"


@pytest.mark.parametrize(
    "url", ["https://s3.example", "http://127.0.0.1:9000", "http://localhost", "http://[::1]:9000"]
)
def test_what_is_encrypted_or_stays_on_this_machine_is_taken(url: str) -> None:
    check_encrypted(url, allow_http=False)


def test_what_is_not_encrypted_is_taken_from_elsewhere_only_where_that_is_allowed() -> None:
    check_encrypted("http://minio.example:9000", allow_http=True)

    with pytest.raises(NotAllowedError, match=r"http://minio.example:9000 is not encrypted, and minio.example is"):
        check_encrypted("http://user:secret@minio.example:9000?secret", allow_http=False)
