"""Who reads what, and URLs that S3 takes: from a server that recomputes every signature."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import boto3
import pytest
from s3_server import ID, SECRET, Key, S3Server

from modelhub.errors import ModelHubError, NotAllowedError, UsageError
from modelhub.network import Network
from modelhub.refusals import explain_refusal
from modelhub.scopes import LICENSED_REPOSITORIES
from modelhub.signing import Address, Signer
from modelhub.storage import Storage

HUB = "https://s3.amazonaws.com/auxdata.johnsnowlabs.com"
CLINICAL = f"{HUB}/clinical/models/ner_jsl_en_4.0.0_3.0_1657118162458.zip"
TOKEN = "FwoGZXIvYXdzEXAMPLE//token=="
CONTENT = bytes(range(256)) * 20


def write_licence(path: Path, **fields: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"AWS_ACCESS_KEY_ID": ID, "AWS_SECRET_ACCESS_KEY": SECRET} | fields), encoding="utf-8")
    return path


def write_profiles(folder: Path, **access_keys: str) -> Path:
    """Profiles of AWS, by name with their access keys."""
    path = folder / ".aws" / "credentials"
    path.parent.mkdir(exist_ok=True)
    lines = [
        f"[{name}]\naws_access_key_id={key}\naws_secret_access_key={SECRET}\n" for name, key in access_keys.items()
    ]
    path.write_text("".join(lines), encoding="utf-8")
    return path


def ask(url: str, method: str = "GET", **headers: str) -> tuple[int, Mapping[str, str], bytes]:
    parts = urlsplit(url)
    connection = HTTPConnection(parts.netloc, timeout=10)
    connection.request(method, f"{parts.path}?{parts.query}".rstrip("?"), headers=headers)
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    return answer.status, dict(answer.headers), body


def ask_until_settled(address: Address) -> tuple[int, bytes, int]:
    """Status and body of an object that is asked for as long as its address changes, and how often that was."""
    for times in range(1, 20):
        url = address.url()
        status, headers, body = ask(url)
        if status == 200 or not address.changed_after(status, headers, body, url=url):
            return status, body, times
    raise AssertionError("It goes on for ever.")


def query_of(url: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}


def key_of(address: Address) -> str:
    """The access key that signed."""
    return query_of(address.url())["X-Amz-Credential"].partition("/")[0]


# Anonymous


@pytest.mark.parametrize(
    ("uri", "url"),
    [
        (f"{HUB}/public/models/x.zip", f"{HUB}/public/models/x.zip"),
        ("s3://auxdata.johnsnowlabs.com/public/models/x%20y.zip", f"{HUB}/public/models/x%20y.zip"),
        (
            "s3://community.johnsnowlabs.com/user/x.zip",
            "https://s3.amazonaws.com/community.johnsnowlabs.com/user/x.zip",
        ),
        ("https://hub.example/clinical/models/x.zip?a=b", "https://hub.example/clinical/models/x.zip?a=b"),
        ("http://user:pass@127.0.0.1/x.zip", "http://user:pass@127.0.0.1/x.zip"),
        (f"{CLINICAL}?X-Amz-Signature=abc", f"{CLINICAL}?X-Amz-Signature=abc"),
    ],
)
def test_public_objects_are_read_anonymously_whatever_credentials_are_set(
    tmp_path: Path, keys: None, uri: str, url: str
) -> None:
    licence = write_licence(tmp_path / "x.json")
    address = Signer(license=licence, profile="work", endpoint="https://minio.example").address(uri)

    assert (address.url(), address.is_signed, address.origin) == (url, False, "anonymous")
    assert not address.changed_after(403, {}, b"<Code>ExpiredToken</Code>", url=url)
    assert not [word for word in ("pass", "Signature") if word in address.uri]


def test_a_public_object_costs_no_import_of_boto3() -> None:
    code = (
        "import sys; from modelhub.signing import Signer; address = Signer().address(sys.argv[1]); address.url();"
        "address.is_signed; address.origin; address.changed_after(403, {}, b'', url='');"
        "print(sorted({'boto3', 'botocore', 'requests', 'urllib3', 'modelhub.credentials'} & set(sys.modules)))"
    )
    finished = subprocess.run(
        [sys.executable, "-c", code, f"{HUB}/public/models/x.zip"], capture_output=True, text=True, check=True
    )

    assert finished.stdout.strip() == "[]"


# Licensed


@pytest.mark.parametrize("repository", LICENSED_REPOSITORIES)
@pytest.mark.parametrize("hub", [HUB, "s3://auxdata.johnsnowlabs.com"])
def test_a_licensed_object_is_asked_of_aws_with_a_signature_for_it_alone(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, hub: str, repository: str
) -> None:
    for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    signer = Signer(license=write_licence(tmp_path / "x.json"), endpoint="https://minio.example")
    address = signer.address(f"{hub}/{repository}/ner_jsl_en_4.0.0_3.0_1657118162458.zip")
    url, query = urlsplit(address.url()), query_of(address.url())

    assert (url.scheme, url.netloc) == ("https", "s3.amazonaws.com")
    assert url.path == f"/auxdata.johnsnowlabs.com/{repository}/ner_jsl_en_4.0.0_3.0_1657118162458.zip"
    assert query["X-Amz-Algorithm"] == "AWS4-HMAC-SHA256"
    assert query["X-Amz-Credential"] == f"{ID}/{time.strftime('%Y%m%d', time.gmtime())}/us-east-1/s3/aws4_request"
    assert (query["X-Amz-Expires"], query["X-Amz-SignedHeaders"]) == ("3600", "host")
    assert len(query["X-Amz-Signature"]) == 64
    assert "X-Amz-Security-Token" not in query
    assert (address.is_signed, address.origin) == (True, "licence ~/x.json")


def test_of_all_that_may_read_licensed_objects_the_first_that_is_there_does(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    write_profiles(tmp_path, default="AKIACHAIN", work="AKIAPROFILE")
    write_licence(tmp_path / ".johnsnowlabs" / "licenses" / "y.json", AWS_ACCESS_KEY_ID="AKIAHOME")
    named = write_licence(tmp_path / "x.json", AWS_ACCESS_KEY_ID="AKIANAMED")

    named_key = key_of(Signer(license=named, profile="work").address(CLINICAL))
    profile = Signer(profile="work").address(CLINICAL)
    home = Signer().address(CLINICAL)
    found = [named_key, key_of(profile), profile.origin, key_of(home), home.origin]
    (tmp_path / ".johnsnowlabs" / "licenses" / "y.json").unlink()
    chain = Signer().address(CLINICAL)
    found += [key_of(chain), chain.origin]

    assert found[0] == "AKIANAMED"
    assert found[1:3] == ["AKIAPROFILE", "profile work"]
    assert found[3:5] == ["AKIAHOME", "licence ~/.johnsnowlabs/licenses/y.json"]
    assert found[5:] == ["AKIACHAIN", "profile default"]


def test_a_licensed_object_is_in_the_region_where_it_is_whatever_a_profile_says(
    monkeypatch: pytest.MonkeyPatch, keys: None
) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")

    assert "/us-east-1/s3/" in query_of(Signer().address(CLINICAL).url())["X-Amz-Credential"]


def test_without_any_credentials_a_licensed_object_is_not_even_asked_for(tmp_path: Path) -> None:
    token = "a.eyJleHAiOiAxNzAwMDAwMDAwfQ.c"  # {"exp": 1700000000}
    write_licence(tmp_path / ".johnsnowlabs" / "licenses" / "y.json", SPARK_NLP_LICENSE=token)
    address = Signer().address(CLINICAL)

    for question in (address.url, lambda: address.is_signed, lambda: address.origin):
        with pytest.raises(
            NotAllowedError, match="need credentials.* y.json expired on 2023-11-14|y.json expired"
        ) as raised:
            question()
        assert "--license" in raised.value.hint


@pytest.mark.parametrize(
    ("content", "words"), [(None, "There is no licence"), ("{}", "holds no AWS_ACCESS_KEY_ID"), ("x", "is no JSON")]
)
def test_a_licence_that_is_named_and_is_none_is_not_replaced_by_another(
    tmp_path: Path, keys: None, content: str | None, words: str
) -> None:
    path = tmp_path / "x.json"
    if content is not None:
        path.write_text(content, encoding="utf-8")

    with pytest.raises(UsageError, match=words):
        Signer(license=path).address(CLINICAL).url()


def test_a_licensed_bucket_does_not_move(tmp_path: Path) -> None:
    address = Signer(license=write_licence(tmp_path / "x.json")).address(CLINICAL)
    url = address.url()

    assert not address.changed_after(301, {"x-amz-bucket-region": "eu-west-1"}, b"", url=url)
    assert urlsplit(address.url()).netloc == "s3.amazonaws.com"


# Buckets


@pytest.mark.parametrize(
    "key",
    ["x_en_4.0.0_3.0_1657118162458.zip", "public/models/x.zip", "@user/a b+c~(1)=ü%.zip", "a//b.zip", "clinical/x"],
)
def test_an_object_in_a_bucket_is_read_with_a_signature_that_s3_takes(
    s3_server: S3Server, keys: None, key: str
) -> None:
    s3_server.put(f"company.models/{key}", CONTENT)
    quoted = key.replace("%", "%25").replace(" ", "%20").replace("+", "%2B")
    address = Signer(endpoint=s3_server.endpoint).address(f"s3://company.models/{quoted}")

    assert ask(address.url())[::2] == (200, CONTENT)
    assert address.origin == "environment (AWS_ACCESS_KEY_ID)"
    assert address.uri == f"s3://company.models/{quoted}"


def test_ranges_and_conditions_need_no_signature_of_their_own(s3_server: S3Server, keys: None) -> None:
    address = Signer(endpoint=s3_server.endpoint).address(s3_server.put("models/x.zip", CONTENT))
    etag = ask(address.url())[1]["ETag"]

    assert ask(address.url(), Range="bytes=5-9")[::2] == (206, CONTENT[5:10])
    assert ask(address.url(), Range="bytes=-3")[::2] == (206, CONTENT[-3:])
    assert ask(address.url(), **{"If-Match": etag})[0] == 200
    assert ask(address.url(), **{"If-Match": '"other"'})[0] == 412


def test_a_session_token_is_shown(s3_server: S3Server, keys: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SESSION_TOKEN", TOKEN)
    s3_server.keys[ID] = Key(secret=SECRET, token=TOKEN)
    address = Signer(endpoint=s3_server.endpoint).address(s3_server.put("models/x.zip", CONTENT))

    assert ask(address.url())[0] == 200


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda url: url.replace("x.zip", "y.zip"), "SignatureDoesNotMatch"),
        (lambda url: url.replace("127.0.0.1", "localhost"), "SignatureDoesNotMatch"),
        (lambda url: url.replace("Expires=3600", "Expires=7200"), "SignatureDoesNotMatch"),
        (lambda url: url.replace("Expires=3600", "Expires=9999999"), "AuthorizationQueryParametersError"),
        (lambda url: url.replace(f"={ID}", "=AKIAOTHER"), "InvalidAccessKeyId"),
        (lambda url: url.replace("us-east-1", "eu-west-1"), "AuthorizationQueryParametersError"),
        (lambda url: url.replace("%2Fs3%2F", "%2Fsqs%2F"), "SignatureDoesNotMatch"),
        (lambda url: url + "&X-Amz-Security-Token=abc", "SignatureDoesNotMatch"),
        (lambda url: url.partition("&X-Amz-Signature")[0], "InvalidRequest"),
        (lambda url: url.partition("?")[0], "AccessDenied"),
    ],
)
def test_the_server_of_these_tests_takes_no_other_signature(
    s3_server: S3Server, keys: None, change: object, code: str
) -> None:
    s3_server.put("models/y.zip", CONTENT)
    address = Signer(endpoint=s3_server.endpoint).address(s3_server.put("models/x.zip", CONTENT))

    status, _, body = ask(change(address.url()))  # type: ignore[operator]
    assert status in (400, 403)
    assert f"<Code>{code}</Code>" in body.decode()


def test_the_server_of_these_tests_knows_that_a_url_is_for_get_and_public_objects_for_nobody_in_particular(
    s3_server: S3Server, keys: None
) -> None:
    uri = s3_server.put("models/x.zip", CONTENT)
    url = Signer(endpoint=s3_server.endpoint).address(uri).url()

    assert ask(url, "HEAD")[0] == 403
    s3_server.public.add("models/")
    assert ask(url)[0] == 400
    assert ask(url.partition("?")[0], Authorization="AWS4-HMAC-SHA256 x")[0] == 400
    assert ask(url.partition("?")[0])[0] == 200


def test_without_credentials_a_bucket_is_read_anonymously(s3_server: S3Server) -> None:
    s3_server.public.add("models/")
    address = Signer(endpoint=f"{s3_server.endpoint}/").address(s3_server.put("models/a b.zip", CONTENT))

    assert address.url() == f"{s3_server.endpoint}/models/a%20b.zip"
    assert (address.is_signed, address.origin) == (False, "anonymous")
    assert ask(address.url())[0] == 200


def test_a_profile_that_is_named_reads_buckets(s3_server: S3Server, tmp_path: Path) -> None:
    write_profiles(tmp_path, default="AKIAOTHER", work=ID)
    address = Signer(profile="work", endpoint=s3_server.endpoint).address(s3_server.put("models/x.zip", CONTENT))

    assert address.origin == "profile work"
    assert ask(address.url())[0] == 200


def test_a_licence_reads_no_buckets_of_others(s3_server: S3Server, tmp_path: Path) -> None:
    write_licence(tmp_path / ".johnsnowlabs" / "licenses" / "y.json")
    signer = Signer(license=write_licence(tmp_path / "x.json"), endpoint=s3_server.endpoint)

    assert not signer.address("s3://models/x.zip").is_signed


@pytest.mark.parametrize("name", ["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"])
def test_the_endpoint_of_the_environment_is_taken_where_none_is_set(
    monkeypatch: pytest.MonkeyPatch, s3_server: S3Server, keys: None, name: str
) -> None:
    monkeypatch.setenv(name, s3_server.endpoint)
    uri = s3_server.put("company.models/x.zip", CONTENT)

    assert ask(Signer().address(uri).url())[0] == 200
    assert urlsplit(Signer(endpoint="https://other.example/s3").address(uri).url()).netloc == "other.example"


@pytest.mark.parametrize("setting", [True, False])
def test_an_endpoint_elsewhere_has_to_be_encrypted(monkeypatch: pytest.MonkeyPatch, keys: None, setting: bool) -> None:
    endpoint = "http://minio.example:9000"
    if not setting:
        monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
    settings = {"endpoint": endpoint if setting else ""}

    assert (
        Signer(**settings, allow_http=True).address("s3://models/x.zip").url().startswith(f"{endpoint}/models/x.zip?")
    )
    with pytest.raises(NotAllowedError, match="http://minio.example:9000 is not encrypted") as raised:
        Signer(**settings).address("s3://models/x.zip").url()
    assert "MODELHUB_ALLOW_HTTP" in raised.value.hint


@pytest.mark.parametrize(
    "endpoint",
    [
        "minio.example",
        "minio.example:9000",
        "ftp://minio.example",
        "https://",
        "https://[::1",
        "https://a:sesame@b",
        "https://b?sesame",
    ],
)
def test_an_endpoint_that_is_none_is_refused_and_not_quoted(keys: None, endpoint: str) -> None:
    with pytest.raises(UsageError, match="The endpoint is no URL of a server") as raised:
        Signer(endpoint=endpoint).address("s3://models/x.zip").url()

    assert "sesame" not in str(raised.value)


# Regions


@pytest.mark.parametrize("status", [400, 301])
def test_a_bucket_in_another_region_is_asked_there(s3_server: S3Server, keys: None, status: int) -> None:
    s3_server.regions["models"], s3_server.says_region = "eu-west-1", status
    signer = Signer(endpoint=s3_server.endpoint)
    uri = s3_server.put("models/x.zip", CONTENT)

    assert ask_until_settled(signer.address(uri))[::2] == (200, 2)
    assert ask_until_settled(signer.address(uri))[::2] == (200, 1)
    assert "/eu-west-1/s3/" in query_of(signer.address(uri).url())["X-Amz-Credential"]


def test_a_region_that_is_known_is_asked_at_once(
    monkeypatch: pytest.MonkeyPatch, s3_server: S3Server, keys: None
) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    s3_server.regions["models"] = "eu-west-1"
    address = Signer(endpoint=s3_server.endpoint).address(s3_server.put("models/x.zip", CONTENT))

    assert ask_until_settled(address)[::2] == (200, 1)


def test_of_many_requests_that_went_to_the_wrong_region_every_one_is_sent_again(
    s3_server: S3Server, keys: None
) -> None:
    s3_server.regions["models"] = "eu-west-1"
    signer = Signer(endpoint=s3_server.endpoint)
    addresses = [signer.address(s3_server.put(f"models/{number}.zip", CONTENT)) for number in range(3)]
    urls = [(address, address.url()) for address in addresses for _ in range(3)]
    refused = [(address, url, *ask(url)) for address, url in urls]

    assert all(address.changed_after(status, headers, body, url=url) for address, url, status, headers, body in refused)
    assert not any(
        address.changed_after(status, headers, body, url=address.url()) for address, _, status, headers, body in refused
    )
    assert all(ask(address.url())[0] == 200 for address in addresses)


def test_two_servers_cannot_play_ball_with_us(s3_server: S3Server, keys: None) -> None:
    address = Signer(endpoint=s3_server.endpoint).address("s3://models/x.zip")
    changes = 0
    for number in range(50):
        region = f"<Region>eu-west-{number}</Region>".encode()
        changes += address.changed_after(400, {}, region, url=address.url())

    assert changes == 1


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        ({"x-amz-bucket-region": "eu-west-1"}, b""),
        ({}, b"<Error><Code>PermanentRedirect</Code><Endpoint>models.s3-eu-west-1.amazonaws.com</Endpoint></Error>"),
        ({"X-Amz-Bucket-Region": "eu-west-1"}, b"<Error><Endpoint>evil.example</Endpoint></Error>"),
    ],
)
@pytest.mark.parametrize("is_signed", [True, False])
def test_at_aws_another_region_is_another_host(
    monkeypatch: pytest.MonkeyPatch, headers: dict[str, str], body: bytes, is_signed: bool
) -> None:
    if is_signed:
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", ID)
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    address = Signer().address("s3://models/x.zip")
    before = address.url()

    assert urlsplit(before).netloc == "s3.amazonaws.com"
    assert address.changed_after(301, headers, body, url=before)
    assert urlsplit(address.url()).netloc == "s3.eu-west-1.amazonaws.com"
    assert address.url().startswith("https://s3.eu-west-1.amazonaws.com/models/x.zip")


@pytest.mark.parametrize("body", [b"<Endpoint>evil.example</Endpoint>", b"<Region>evil.example/</Region>", b""])
def test_no_answer_sends_us_to_a_host_that_it_names(keys: None, body: bytes) -> None:
    address = Signer().address("s3://models/x.zip")
    before = address.url()

    assert not address.changed_after(301, {"location": "https://evil.example/"}, body, url=before)
    assert address.url() == before


# Time


def test_a_url_is_the_same_for_a_while_and_another_long_before_it_expires(s3_server: S3Server, keys: None) -> None:
    uri = s3_server.put("models/x.zip", CONTENT)
    lasting = Signer(endpoint=s3_server.endpoint).address(uri)
    passing = Signer(endpoint=s3_server.endpoint, lifetime_s=5).address(uri)
    before = lasting.url(), passing.url()
    time.sleep(1.1)  # the time in a signature has no fractions

    assert lasting.url() == before[0]
    assert passing.url() != before[1]
    assert query_of(passing.url())["X-Amz-Expires"] == "5"
    assert [ask(url)[0] for url in (*before, passing.url())] == [200, 200, 200]


def test_a_url_that_expired_on_its_way_is_asked_for_anew(s3_server: S3Server, keys: None) -> None:
    address = Signer(endpoint=s3_server.endpoint, lifetime_s=5).address(s3_server.put("models/x.zip", CONTENT))
    url = address.url()
    s3_server.ahead_s = 6
    status, headers, body = ask(url)
    s3_server.ahead_s = 0
    time.sleep(1.1)

    assert status == 403
    assert address.changed_after(status, headers, body, url=url)
    assert ask(address.url())[0] == 200


@pytest.mark.slow
def test_a_download_may_take_longer_than_its_signatures_last(s3_server: S3Server, keys: None) -> None:
    content = bytes(range(256)) * (8 << 10)
    uri = s3_server.put("models/x.zip", content)
    storage = Storage(Network(connections=1), Signer(endpoint=s3_server.endpoint, lifetime_s=2))
    s3_server.delay_s = 0.3
    started = time.monotonic()
    source = storage.open(uri)
    pieces = [source.read_at(start, 128 << 10) for start in range(0, len(content), 128 << 10)]
    storage.close()

    assert time.monotonic() - started > 4
    assert b"".join(pieces) == content
    assert s3_server.refusals == []
    assert len({query_of(request.path)["X-Amz-Date"] for request in s3_server.requests}) > 3


@pytest.mark.parametrize(
    ("ahead_s", "words"), [(2 * 3600, "2 h 0 min behind the server's"), (-3600, "60 min ahead of the server's")]
)
def test_with_a_wrong_clock_nothing_is_tried_for_ever(
    s3_server: S3Server, keys: None, ahead_s: int, words: str
) -> None:
    s3_server.ahead_s = ahead_s
    address = Signer(endpoint=s3_server.endpoint).address(s3_server.put("models/x.zip", CONTENT))
    status, body, times = ask_until_settled(address)

    assert (status, times) == (403, 1)
    assert words in explain_refusal(address.uri, status, body, {}, is_signed=address.is_signed).message


def test_credentials_that_expired_are_looked_for_anew(s3_server: S3Server, tmp_path: Path) -> None:
    path = write_profiles(tmp_path, default=ID)
    path.write_text(f"{path.read_text(encoding='utf-8')}aws_session_token={TOKEN}\n", encoding="utf-8")
    s3_server.keys |= {ID: Key(secret=SECRET, token=TOKEN), "AKIANEW": Key(secret=SECRET)}
    s3_server.expired_tokens.add(TOKEN)
    address = Signer(endpoint=s3_server.endpoint, lifetime_s=5).address(s3_server.put("models/x.zip", CONTENT))
    address.url()
    time.sleep(0.5)
    write_profiles(tmp_path, default="AKIANEW")

    assert ask_until_settled(address)[::2] == (200, 2)


def test_credentials_are_not_looked_for_at_every_refusal(tmp_path: Path) -> None:
    asked, script, answer = tmp_path / "asked", tmp_path / "give", {"Version": 1, "AccessKeyId": ID}
    script.write_text(
        f"#!/bin/sh\necho once more >> {asked}\necho '{json.dumps(answer | {'SecretAccessKey': SECRET})}'\n",
        encoding="utf-8",
    )
    script.chmod(0o700)
    write_profiles(tmp_path)
    (tmp_path / ".aws" / "config").write_text(f"[profile work]\ncredential_process={script}\n", encoding="utf-8")
    signer = Signer(profile="work", endpoint="https://minio.example", lifetime_s=5)
    for pause_s in (0, 0.5):
        time.sleep(pause_s)
        for number in range(10):
            address = signer.address(f"s3://models/{number}.zip")
            address.changed_after(400, {}, b"<Code>ExpiredToken</Code>", url=address.url())

    assert len(asked.read_text(encoding="utf-8").splitlines()) == 2


@pytest.mark.parametrize(("lifetime_s", "pause_s", "most"), [(3600, 0, 1), (5, 0.5, 2)])
def test_credentials_that_expired_and_are_all_there_are_end_the_matter(
    s3_server: S3Server, keys: None, monkeypatch: pytest.MonkeyPatch, lifetime_s: int, pause_s: float, most: int
) -> None:
    monkeypatch.setenv("AWS_SESSION_TOKEN", TOKEN)
    s3_server.keys[ID] = Key(secret=SECRET, token=TOKEN)
    s3_server.expired_tokens.add(TOKEN)
    signer = Signer(endpoint=s3_server.endpoint, lifetime_s=lifetime_s)
    address = signer.address(s3_server.put("models/x.zip", CONTENT))
    address.url()
    time.sleep(pause_s)
    status, body, times = ask_until_settled(address)

    assert status == 400
    assert times <= most
    assert b"ExpiredToken" in body


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (403, b"<Code>AccessDenied</Code><Message>Access Denied</Message>"),
        (403, b"<Code>InvalidAccessKeyId</Code>"),
        (403, b"<Code>RequestTimeTooSkewed</Code>"),
        (403, b"<html>no</html>"),
        (404, b"<Code>NoSuchKey</Code><Region>eu-west-1</Region>"),
        (403, b""),
    ],
)
def test_what_no_other_url_would_change_is_not_tried_again(keys: None, status: int, body: bytes) -> None:
    address = Signer(endpoint="https://minio.example", lifetime_s=1).address("s3://models/x.zip")
    url = address.url()
    time.sleep(0.1)

    assert not address.changed_after(status, {}, body, url=url)


# Another S3


@pytest.fixture(scope="module")
def moto() -> Iterator[str]:
    """The endpoint of moto's server: it knows buckets and refuses who shows no credentials, but takes any signature."""
    from moto.server import ThreadedMotoServer  # 0.7 s

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    yield "http://{}:{}".format(*server.get_host_and_port())
    server.stop()


def test_an_s3_that_others_wrote_takes_our_urls(moto: str, keys: None) -> None:
    s3 = boto3.client("s3", endpoint_url=moto, region_name="us-east-1")
    s3.create_bucket(Bucket="company.models")
    s3.put_object(Bucket="company.models", Key="public/models/a b+c.zip", Body=CONTENT)
    signer = Signer(endpoint=moto)
    address = signer.address("s3://company.models/public/models/a%20b%2Bc.zip")
    absent = signer.address("s3://company.models/public/models/none.zip")
    nowhere = signer.address("s3://no.such.bucket/none.zip")

    assert ask(address.url())[::2] == (200, CONTENT)
    assert ask(address.url(), Range="bytes=100-199")[::2] == (206, CONTENT[100:200])
    assert refusal(absent).message.endswith("none.zip does not exist (HTTP 404).")
    assert "no such bucket" in refusal(nowhere).message


def test_an_s3_that_others_wrote_denies_what_it_does_not_show_everybody(
    moto: str, monkeypatch: pytest.MonkeyPatch, keys: None
) -> None:
    s3 = boto3.client("s3", endpoint_url=moto, region_name="us-east-1")
    s3.create_bucket(Bucket="closed.models")
    s3.put_object(Bucket="closed.models", Key="x.zip", Body=CONTENT)
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    error = refusal(Signer(endpoint=moto).address("s3://closed.models/x.zip"))

    assert type(error) is NotAllowedError
    assert "or it does not exist" in error.message


def refusal(address: Address) -> ModelHubError:
    """What is said of an answer that brings nothing."""
    status, headers, body = ask(address.url())
    return explain_refusal(address.uri, status, body, headers, is_signed=address.is_signed)


# Many at once, and nothing that shows


def test_many_threads_may_ask(s3_server: S3Server, keys: None) -> None:
    s3_server.regions["models"] = "eu-west-1"
    signer = Signer(endpoint=s3_server.endpoint, lifetime_s=5)
    uris = [s3_server.put(f"models/{number}.zip", bytes([number])) for number in range(4)]

    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda number: ask_until_settled(signer.address(uris[number % 4])), range(64)))
    assert [(status, body) for status, body, _ in answers] == [(200, bytes([number % 4])) for number in range(64)]


def test_no_secret_shows_in_anything_of_ours(
    monkeypatch: pytest.MonkeyPatch, s3_server: S3Server, tmp_path: Path, keys: None
) -> None:
    monkeypatch.setenv("AWS_SESSION_TOKEN", TOKEN)
    signer = Signer(license=write_licence(tmp_path / "x.json", AWS_SESSION_TOKEN=TOKEN), endpoint=s3_server.endpoint)
    addresses = [signer.address(CLINICAL), signer.address("s3://models/x.zip"), signer.address(f"{CLINICAL}?{SECRET}")]
    urls = [address.url() for address in addresses]
    things = [signer, *vars(signer).values(), *addresses]
    things += [thing for address in addresses for thing in vars(address).values() if thing not in urls]
    shown = " ".join(f"{thing!r} {thing}" for thing in things)

    assert not [secret for secret in (ID, SECRET, TOKEN, "Signature=") if secret in shown]


@pytest.mark.parametrize(
    "code", ["InvalidAccessKeyId", "SignatureDoesNotMatch", "InvalidToken", "ExpiredToken", "AccessDenied"]
)
def test_no_secret_shows_in_what_is_said_of_a_refusal(
    monkeypatch: pytest.MonkeyPatch, s3_server: S3Server, keys: None, code: str
) -> None:
    monkeypatch.setenv("AWS_SESSION_TOKEN", TOKEN)
    s3_server.keys = {
        "InvalidAccessKeyId": {},
        "SignatureDoesNotMatch": {ID: Key(secret="other", token=TOKEN)},
        "InvalidToken": {ID: Key(secret=SECRET, token="other")},
        "ExpiredToken": {ID: Key(secret=SECRET, token=TOKEN)},
        "AccessDenied": {ID: Key(secret=SECRET, token=TOKEN, readable=("other/",))},
    }[code]
    s3_server.expired_tokens = {TOKEN} if code == "ExpiredToken" else set()
    address = Signer(endpoint=s3_server.endpoint).address(s3_server.put("models/x.zip", CONTENT))
    body = ask(address.url())[2]
    error = refusal(address)

    assert s3_server.refusals == [code, code]
    assert ID in body.decode() or TOKEN in body.decode()
    assert isinstance(error, ModelHubError)
    assert code in error.message
    assert not [secret for secret in (ID, SECRET, TOKEN, "AWS4") if secret in str(error)]
