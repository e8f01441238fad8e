"""Whose credentials boto3 finds: real files, real processes, and small real servers for what gives them on clusters."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from modelhub.credentials import Reader, newest_licence, read_licence, reader_of_chain, reader_of_licence
from modelhub.errors import ModelHubError, NetworkError, NotAllowedError, StorageError, UsageError
from modelhub.licences import Licence

ID, SECRET, TOKEN = "AKIAEXAMPLE", "wJalrXUtnFEMI7MDENG", "FwoGZXIvYXdzEXAMPLE"
URL = "https://s3.amazonaws.com/bucket/key"
END = "2999-01-01T00:00:00Z"


class GiverServer(ThreadingHTTPServer):
    """Gives credentials as AWS does: to an instance, to a container, and for a token (STS)."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Giver)
        self.status = 200
        self.asked: list[str] = []

    @property
    def uri(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Giver(BaseHTTPRequestHandler):
    server: GiverServer

    def log_message(self, *args: Any) -> None: ...

    def do_PUT(self) -> None:
        self._answer("token-of-the-instance")

    def do_GET(self) -> None:
        keys = {"AccessKeyId": ID, "SecretAccessKey": SECRET, "Token": TOKEN, "Expiration": END, "Code": "Success"}
        self._answer("a-role" if self.path.endswith("security-credentials/") else json.dumps(keys))

    def do_POST(self) -> None:
        body = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        action = body["Action"][0]
        keys = f"<AccessKeyId>{ID}</AccessKeyId><SecretAccessKey>{SECRET}</SecretAccessKey>"
        keys += f"<SessionToken>{TOKEN}</SessionToken><Expiration>{END}</Expiration>"
        given = (
            f"<{action}Response><{action}Result><Credentials>{keys}</Credentials></{action}Result></{action}Response>"
        )
        refused = f"<Error><Code>InvalidIdentityToken</Code><Message>{SECRET}</Message></Error>"
        self._answer(given if self.server.status == 200 else f"<ErrorResponse>{refused}</ErrorResponse>")

    def _answer(self, text: str) -> None:
        self.server.asked.append(self.path)
        self.send_response(self.server.status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())


@pytest.fixture
def giver() -> Iterator[GiverServer]:
    with GiverServer() as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture
def aws_file(tmp_path: Path) -> Path:
    """A configuration of AWS with a profile of each kind."""
    path = tmp_path / ".aws" / "config"
    path.parent.mkdir()
    keys = f"aws_access_key_id = {ID}\naws_secret_access_key = {SECRET}\n"
    script = tmp_path / "give"
    answer = {"Version": 1, "AccessKeyId": ID, "SecretAccessKey": SECRET}
    script.write_text(f"#!/bin/sh\necho '{json.dumps(answer)}'\n", encoding="utf-8")
    script.chmod(0o700)
    path.write_text(
        f"[default]\nregion = eu-west-1\n{keys}\n"
        f"[profile work]\nregion = eu-central-1\nendpoint_url = https://minio.example:9000/\n{keys}\n"
        f"[profile role]\nrole_arn = arn:aws:iam::1:role/x\nsource_profile = work\n\n"
        f"[profile program]\ncredential_process = {script}\n\n"
        f"[profile broken-program]\ncredential_process = sh -c 'echo {SECRET} >&2; exit 1'\n\n"
        f"[profile talking-program]\ncredential_process = echo {SECRET}\n\n"
        f"[profile no-program]\ncredential_process = {tmp_path}/none\n\n"
        f"[profile half]\naws_access_key_id = {ID}\n\n"
        f"[profile sso]\nsso_start_url = https://x.example\nsso_region = eu-west-1\nsso_account_id = 1\n"
        f"sso_role_name = x\n\n"
        f"[profile odd-region]\nregion = eu west\n{keys}\n"
        f"[profile empty]\nregion = eu-west-3\n",
        encoding="utf-8",
    )
    return path


def shows_nothing(*shown: object) -> bool:
    """Whether no secret can be read in things as a person or a traceback would print them."""
    return not [secret for secret in (ID, SECRET, TOKEN) if secret in " ".join(f"{thing} {thing!r}" for thing in shown)]


def keys_of(reader: Reader) -> tuple[str, str | None]:
    """Access key and session token that sign."""
    query = {name: values[0] for name, values in parse_qs(urlsplit(reader.signed(URL, "us-east-1", 60)).query).items()}
    return query["X-Amz-Credential"].partition("/")[0], query.get("X-Amz-Security-Token")


# Who is found


def test_the_environment_comes_first(monkeypatch: pytest.MonkeyPatch, aws_file: Path) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAENVIRONMENT")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    reader = reader_of_chain()

    assert reader.origin == "environment (AWS_ACCESS_KEY_ID)"
    assert keys_of(reader) == ("AKIAENVIRONMENT", None)


def test_a_profile_that_is_named_comes_before_the_environment(monkeypatch: pytest.MonkeyPatch, aws_file: Path) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAENVIRONMENT")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    reader = reader_of_chain("work")

    assert reader.origin == "profile work"
    assert keys_of(reader) == (ID, None)


@pytest.mark.parametrize(
    ("profile", "origin", "region"),
    [
        ("", "profile default", "eu-west-1"),
        ("work", "profile work", "eu-central-1"),
        ("program", "profile program (process)", "us-east-1"),
    ],
)
def test_profiles_are_read(aws_file: Path, profile: str, origin: str, region: str) -> None:
    reader = reader_of_chain(profile)

    assert (reader.origin, reader.region, reader.is_anonymous) == (origin, region, False)
    assert keys_of(reader) == (ID, None)
    assert shows_nothing(reader, vars(reader))


def test_aws_profile_chooses_one(monkeypatch: pytest.MonkeyPatch, aws_file: Path) -> None:
    monkeypatch.setenv("AWS_PROFILE", "work")

    assert reader_of_chain().origin == "profile work"


def test_a_profile_may_stand_for_a_role(monkeypatch: pytest.MonkeyPatch, aws_file: Path, giver: GiverServer) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", giver.uri)
    reader = reader_of_chain("role")

    assert reader.origin == "profile role (role)"
    assert keys_of(reader) == (ID, TOKEN)


@pytest.fixture
def web_identity(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, giver: GiverServer) -> Path:
    """The file of a token, as a pod of Kubernetes has it."""
    path = tmp_path / "token"
    path.write_text("eyJhbGci", encoding="utf-8")
    monkeypatch.setenv("AWS_WEB_IDENTITY_TOKEN_FILE", str(path))
    monkeypatch.setenv("AWS_ROLE_ARN", "arn:aws:iam::1:role/x")
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", giver.uri)
    return path


def test_a_web_identity_is_found(web_identity: Path) -> None:
    reader = reader_of_chain()

    assert reader.origin == "web identity"
    assert keys_of(reader) == (ID, TOKEN)


def test_the_role_of_a_container_is_found(monkeypatch: pytest.MonkeyPatch, giver: GiverServer) -> None:
    monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", f"{giver.uri}/keys")
    reader = reader_of_chain()

    assert reader.origin == "container role"
    assert keys_of(reader) == (ID, TOKEN)


def test_the_role_of_an_instance_is_found_last(
    monkeypatch: pytest.MonkeyPatch, giver: GiverServer, aws_file: Path
) -> None:
    monkeypatch.delenv("AWS_EC2_METADATA_DISABLED")
    monkeypatch.setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", giver.uri)

    assert reader_of_chain().origin == "profile default"
    assert giver.asked == []

    aws_file.unlink()
    reader = reader_of_chain()
    assert reader.origin == "instance role"
    assert keys_of(reader) == (ID, TOKEN)
    assert shows_nothing(reader, vars(reader))


@pytest.mark.parametrize("variable", ["AWS_EC2_METADATA_SERVICE_ENDPOINT", "AWS_CONTAINER_CREDENTIALS_FULL_URI"])
def test_offline_nobody_is_asked(monkeypatch: pytest.MonkeyPatch, giver: GiverServer, variable: str) -> None:
    monkeypatch.delenv("AWS_EC2_METADATA_DISABLED")
    monkeypatch.setenv(variable, giver.uri)

    assert reader_of_chain(is_offline=True).is_anonymous
    assert giver.asked == []


@pytest.mark.slow
def test_an_instance_that_does_not_answer_is_waited_for_two_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_EC2_METADATA_DISABLED")
    with ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as silent:  # takes connections, says nothing
        monkeypatch.setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", f"http://127.0.0.1:{silent.server_port}")
        started = time.monotonic()
        reader = reader_of_chain()

    assert reader.is_anonymous
    assert time.monotonic() - started < 3


def test_where_nobody_is_found_reading_is_anonymous() -> None:
    reader = reader_of_chain()

    assert (reader.origin, reader.is_anonymous, reader.region) == ("anonymous", True, "us-east-1")
    assert reader.signed(URL, "us-east-1", 60) == URL


# Where the buckets are


@pytest.mark.parametrize(
    ("variables", "profile", "endpoint"),
    [
        ({}, "", "https://s3.amazonaws.com"),
        ({"AWS_ENDPOINT_URL": "http://127.0.0.1:9000/"}, "", "http://127.0.0.1:9000"),
        ({"AWS_ENDPOINT_URL": "http://other", "AWS_ENDPOINT_URL_S3": "https://s3.example"}, "", "https://s3.example"),
        ({}, "work", "https://minio.example:9000"),
    ],
)
def test_endpoints_are_those_of_boto3(
    monkeypatch: pytest.MonkeyPatch, aws_file: Path, variables: dict[str, str], profile: str, endpoint: str
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    reader = reader_of_chain(profile)

    assert reader.endpoint_in("us-east-1") == endpoint
    assert reader.endpoint_in("us-east-1") is reader.endpoint_in("us-east-1")


@pytest.mark.parametrize(
    ("region", "endpoint"),
    [
        ("eu-west-1", "https://s3.eu-west-1.amazonaws.com"),
        ("cn-north-1", "https://s3.cn-north-1.amazonaws.com.cn"),
    ],
)
def test_every_region_of_aws_has_its_endpoint(region: str, endpoint: str) -> None:
    assert reader_of_chain().endpoint_in(region) == endpoint


# What goes wrong


@pytest.mark.parametrize(
    ("profile", "error", "words"),
    [
        ("none", UsageError, "There is no profile none of AWS"),
        ("half", NotAllowedError, "not whole: aws_secret_access_key is missing"),
        ("sso", NotAllowedError, "The single sign-on of AWS has ended"),
        ("broken-program", NotAllowedError, "cannot be had (CredentialRetrievalError)"),
        ("talking-program", NotAllowedError, "cannot be had ("),
        ("no-program", NotAllowedError, "none: No such file"),
        ("empty", NotAllowedError, "The profile empty holds no credentials"),
    ],
)
def test_a_profile_that_gives_nothing_is_an_error_of_ours(
    aws_file: Path, profile: str, error: type, words: str
) -> None:
    with pytest.raises(ModelHubError) as raised:
        reader = reader_of_chain(profile)
        reader.signed(URL, "us-east-1", 60)

    check(raised.value, error, words)


def check(raised: ModelHubError, error: type, words: str) -> None:
    """The error says what, and neither it nor its traceback tells a secret."""
    assert type(raised) is error
    assert words in raised.message
    assert raised.hint
    assert raised.__cause__ is None
    assert raised.__suppress_context__ or raised.__context__ is None
    assert shows_nothing(raised, raised.hint)


def test_a_region_that_is_none_is_an_error_of_ours(aws_file: Path) -> None:
    reader = reader_of_chain("odd-region")

    with pytest.raises(UsageError) as raised:
        reader.endpoint_in(reader.region)
    check(raised.value, UsageError, "'eu west' is no region of AWS")


def test_a_file_that_is_none_is_an_error_of_ours(aws_file: Path) -> None:
    aws_file.write_text(f"[default\n{SECRET}", encoding="utf-8")

    with pytest.raises(UsageError) as raised:
        reader_of_chain()
    check(raised.value, UsageError, f"{aws_file} is no configuration of AWS")


def test_half_of_a_pair_in_the_environment_is_an_error_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", ID)

    with pytest.raises(NotAllowedError) as raised:
        reader_of_chain()
    check(raised.value, NotAllowedError, "AWS_SECRET_ACCESS_KEY is missing (env)")


def test_who_refuses_to_give_credentials_is_named_by_the_code(web_identity: Path, giver: GiverServer) -> None:
    giver.status = 400

    with pytest.raises(NotAllowedError) as raised:
        keys_of(reader_of_chain())
    check(raised.value, NotAllowedError, "cannot be had (InvalidIdentityToken)")


def test_a_token_that_is_not_there_is_an_error_of_ours(web_identity: Path) -> None:
    web_identity.unlink()

    with pytest.raises(NotAllowedError) as raised:
        keys_of(reader_of_chain())
    check(raised.value, NotAllowedError, f"{web_identity}: No such file")


def test_who_gives_credentials_and_cannot_be_reached_is_a_network_error(
    monkeypatch: pytest.MonkeyPatch, web_identity: Path, giver: GiverServer
) -> None:
    giver.server_close()
    started = time.monotonic()

    with pytest.raises(NetworkError) as raised:
        keys_of(reader_of_chain())
    check(raised.value, NetworkError, "cannot be reached (EndpointConnectionError)")
    assert time.monotonic() - started < 5


# Licences


def write_licence(path: Path, age_days: float = 0, **fields: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    keys = {"AWS_ACCESS_KEY_ID": ID, "AWS_SECRET_ACCESS_KEY": SECRET} | fields
    path.write_text(json.dumps(keys), encoding="utf-8")
    os.utime(path, (time.time() - age_days * 86400,) * 2)
    return path


def expired_token() -> str:
    return "a.eyJleHAiOiAxNzAwMDAwMDAwfQ.c"  # {"exp": 1700000000}, 2023-11-14


def test_a_licence_reads_with_its_keys_and_its_token(tmp_path: Path) -> None:
    licence = read_licence(write_licence(tmp_path / "x.json", AWS_SESSION_TOKEN=TOKEN))
    reader = reader_of_licence(licence)
    query = parse_qs(urlsplit(reader.signed(URL, "us-east-1", 60)).query)

    assert reader.origin == "licence ~/x.json"
    assert keys_of(reader) == (ID, TOKEN)
    assert reader.region == "us-east-1"
    assert query["X-Amz-Security-Token"] == [TOKEN]
    assert query["X-Amz-Credential"][0].startswith(f"{ID}/")
    assert shows_nothing(reader, vars(reader), licence)


def test_a_licence_that_has_expired_says_so(tmp_path: Path) -> None:
    licence = read_licence(write_licence(tmp_path / "x.json", SPARK_NLP_LICENSE=expired_token()))

    assert reader_of_licence(licence).origin == "licence ~/x.json, which expired on 2023-11-14"


def test_the_newest_licence_that_can_be_used_is_taken(tmp_path: Path) -> None:
    folder = tmp_path / "licenses"
    write_licence(folder / "oldest.json", age_days=3)
    write_licence(folder / "newer.json", age_days=2)
    write_licence(folder / "expired.json", age_days=1, HC_LICENSE=expired_token())
    (folder / "info.json").write_text("{}", encoding="utf-8")
    (folder / "notes.txt").write_text("", encoding="utf-8")
    (folder / "folder.json").mkdir()
    licence, problem = newest_licence(folder)

    assert licence is not None
    assert (licence.source, problem) == ("~/licenses/newer.json", "")


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"HC_LICENSE": expired_token()}, "The licence ~/licenses/x.json expired on 2023-11-14."),
        (
            {"AWS_ACCESS_KEY_ID": ""},
            "~/licenses/x.json is no licence that can read models: it holds no AWS_ACCESS_KEY_ID.",
        ),
    ],
)
def test_where_none_can_be_used_the_newest_tells_why(tmp_path: Path, fields: dict[str, str], problem: str) -> None:
    write_licence(tmp_path / "licenses" / "x.json", **fields)
    write_licence(tmp_path / "licenses" / "older.json", age_days=1, AWS_ACCESS_KEY_ID="")

    (tmp_path / "licenses" / "gone.json").symlink_to(tmp_path / "nowhere")
    assert newest_licence(tmp_path / "licenses") == (None, problem)


def test_without_a_folder_of_licences_there_is_none(tmp_path: Path) -> None:
    assert newest_licence(tmp_path / "licenses") == (None, "")


def test_a_licence_that_is_not_there_is_an_error_of_ours(tmp_path: Path) -> None:
    for path, shown in ((tmp_path / "none.json", "~/none.json"), (Path("/none.json"), "/none.json")):
        with pytest.raises(UsageError, match=f"There is no licence {shown}"):
            read_licence(path)


def test_a_licence_that_may_not_be_read_is_a_storage_error(tmp_path: Path) -> None:
    path = write_licence(tmp_path / "x.json")
    path.chmod(0)
    if os.access(path, os.R_OK):
        pytest.skip("root may read everything")

    with pytest.raises(StorageError, match="cannot be read"):
        read_licence(path)


def test_a_licence_in_another_encoding_is_read_as_far_as_it_goes(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    keys = f'"AWS_ACCESS_KEY_ID": "{ID}", "AWS_SECRET_ACCESS_KEY": "{SECRET}"'
    path.write_bytes(f'{{"owner": "Zoë", {keys}}}'.encode("latin-1"))

    assert read_licence(path) == Licence(
        source="~/x.json", access_key_id=ID, secret_access_key=SECRET, fields=("OWNER",)
    )
