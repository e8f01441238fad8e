from __future__ import annotations

import json
from collections.abc import Callable
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from s3_server import ID, SECRET, Key, S3Server

from modelhub.auth import Access, check_access, failures, status_of_failures
from modelhub.checking_views import view_auth
from modelhub.config import Config, load_config
from modelhub.errors import (
    IntegrityError,
    ModelHubError,
    NetworkError,
    NotAllowedError,
    NotFoundError,
    OfflineError,
    UsageError,
)
from modelhub.output import Output
from modelhub.public_hub import PUBLIC_HUB
from modelhub.refusals import explain_refusal
from modelhub.scopes import LICENSED_REPOSITORIES
from modelhub.signing import Signer

TOKEN = "FwoGZXIvYXdzEXAMPLE=="
KEY = "tiny_pos_en_4.0.0_3.0_1657118162458"

Run = Callable[..., Any]


@pytest.fixture
def licence(tmp_path: Path) -> Path:
    """A licence where ``johnsnowlabs`` keeps it."""
    path = tmp_path / ".johnsnowlabs" / "licenses" / "x.json"
    path.parent.mkdir(parents=True)
    fields = {"AWS_ACCESS_KEY_ID": ID, "AWS_SECRET_ACCESS_KEY": SECRET, "AWS_SESSION_TOKEN": TOKEN}
    path.write_text(json.dumps(fields), encoding="utf-8")
    return path


def config_with(**flags: Any) -> Config:
    return load_config(flags, environ={})


class Hubs:
    """Stands for hubs that cannot be reached from here: what each URI answers, and which were asked for."""

    def __init__(self, **answers: ModelHubError) -> None:
        self.answers = answers
        self.asked: list[str] = []

    def __call__(self, uri: str) -> None:
        self.asked.append(uri)
        for word, answer in self.answers.items():
            if word in uri:
                raise answer


def states(accesses: list[Access]) -> dict[str, str]:
    return {access.repository: access.state for access in accesses}


def check(hubs: Hubs | None, *repositories: str, hub: str | list[str] = PUBLIC_HUB, **settings: Any) -> list[Access]:
    return check_access(repositories, config_with(hub=hub), Signer(**settings), hubs)


# What is looked at


def test_by_default_the_configured_and_the_licensed_repositories_are_looked_at(licence: Path) -> None:
    hubs = Hubs()
    accesses = check(hubs)

    assert states(accesses) == dict.fromkeys(["public/models", *LICENSED_REPOSITORIES], "readable")
    assert hubs.asked == [f"{PUBLIC_HUB}/{name}/metadata.json" for name in ["public/models", *LICENSED_REPOSITORIES]]
    assert [access.is_asked for access in accesses] == [True, *[False] * 4]
    assert [access.is_licensed for access in accesses] == [False, *[True] * 4]
    assert [access.origin for access in accesses] == ["anonymous", *["licence ~/.johnsnowlabs/licenses/x.json"] * 4]
    assert [access.is_signed for access in accesses] == [False, *[True] * 4]
    assert failures(accesses) == []


def test_what_is_named_is_looked_at_and_nothing_else(licence: Path) -> None:
    hubs = Hubs()
    accesses = check(hubs, "clinical/ocr", "@user", "https://user:sesame@hub.example/a?b=sesame")

    assert [access.repository for access in accesses] == ["clinical/ocr", "@user", "https://hub.example/a"]
    assert all(access.is_asked for access in accesses)
    assert "sesame" not in repr(accesses)


def test_a_licensed_repository_that_is_configured_is_no_mere_offer(licence: Path) -> None:
    config = config_with(repositories=["clinical/models", "public/models"])
    accesses = check_access((), config, Signer(), Hubs())

    assert [(access.repository, access.is_asked) for access in accesses][:3] == [
        ("clinical/models", True),
        ("public/models", True),
        ("clinical/ocr", False),
    ]
    assert len(accesses) == 5


def test_every_hub_is_looked_at_and_licences_are_on_offer_at_the_public_one_alone(tmp_path: Path) -> None:
    hubs = Hubs()
    accesses = check(hubs, hub=["s3://company.models/hub", tmp_path.as_uri()], endpoint="https://minio.example")

    assert [access.uri for access in accesses] == [
        "s3://company.models/hub/public/models/metadata.json",
        f"{tmp_path.as_uri()}/public/models/metadata.json",
    ]


@pytest.mark.parametrize("name", ["", "two words", "public/../models"])
def test_what_can_be_no_repository_is_refused(name: str) -> None:
    with pytest.raises(UsageError):
        check(None, name)


def test_without_a_probe_nothing_is_asked(licence: Path) -> None:
    accesses = check(None)

    assert set(states(accesses).values()) == {"not checked"}
    assert accesses[1].origin == "licence ~/.johnsnowlabs/licenses/x.json"
    assert failures(accesses) == []


# What comes of it


@pytest.mark.parametrize(
    ("error", "state", "exit_status"),
    [
        (NotAllowedError("no"), "refused", 8),
        (NotFoundError("none"), "no list", 4),
        (NetworkError("away"), "unreachable", 7),
        (IntegrityError("odd"), "failed", 6),
    ],
)
def test_what_was_asked_for_and_cannot_be_read_is_a_failure(
    licence: Path, error: ModelHubError, state: str, exit_status: int
) -> None:
    accesses = check(Hubs(clinical=error), "clinical/models")
    errors = failures(accesses)

    assert states(accesses) == {"clinical/models": state}
    assert (errors, status_of_failures(errors)) == ([error], exit_status)
    assert error.subject == ""


def test_a_refusal_decides_the_exit_status(licence: Path) -> None:
    hubs = Hubs(ocr=NotFoundError("none"), legal=NotAllowedError("no"))
    errors = failures(check(hubs, "clinical/ocr", "legal/models", "public/models"))

    assert [error.subject for error in errors] == ["clinical/ocr", "legal/models"]
    assert status_of_failures(errors) == 8
    assert status_of_failures(errors[:1]) == 4
    assert status_of_failures([]) == 0


def test_without_a_licence_licensed_repositories_are_shown_and_are_no_failure() -> None:
    hubs = Hubs()
    accesses = check(hubs)

    assert states(accesses) == {"public/models": "readable"} | dict.fromkeys(LICENSED_REPOSITORIES, "no credentials")
    assert hubs.asked == [f"{PUBLIC_HUB}/public/models/metadata.json"]
    assert failures(accesses) == []


def test_without_a_licence_a_licensed_repository_that_is_asked_for_is_a_failure() -> None:
    accesses = check(Hubs(), "clinical/models")
    (error,) = failures(accesses)

    assert states(accesses) == {"clinical/models": "no credentials"}
    assert error.exit_status == 8


def test_a_licence_that_opens_some_of_what_is_on_offer_is_well(licence: Path) -> None:
    hubs = Hubs(finance=NotAllowedError("no"), legal=NotAllowedError("no"), ocr=NotAllowedError("no"))

    assert failures(check(hubs)) == []


def test_a_licence_that_opens_nothing_is_a_failure_that_is_told_once(licence: Path) -> None:
    refused = [NotAllowedError(f"{number}") for number in range(4)]
    hubs = Hubs(**dict(zip(["clinical/models", "ocr", "finance", "legal"], refused, strict=True)))
    errors = failures(check(hubs))

    assert errors == refused[:1]
    assert errors[0].subject == "clinical/models"


def test_a_licence_that_is_none_is_a_failure_that_is_told_once(tmp_path: Path) -> None:
    accesses = check(Hubs(), license=tmp_path / "none.json")
    errors = failures(accesses)

    assert set(states(accesses).values()) == {"readable", "failed"}
    assert [type(error) for error in errors] == [UsageError]


def test_a_host_that_cannot_be_reached_is_asked_once_and_told_once(licence: Path) -> None:
    hubs = Hubs(amazonaws=NetworkError("away"))
    accesses = check(hubs)

    assert set(states(accesses).values()) == {"unreachable"}
    assert len(hubs.asked) == 1
    assert len(failures(accesses)) == 1
    assert status_of_failures(failures(accesses)) == 7


def test_one_of_several_hubs_may_lack_a_repository(tmp_path: Path) -> None:
    hubs = Hubs(second=NotFoundError("none"))
    accesses = check(hubs, hub=[f"{tmp_path.as_uri()}/first", f"{tmp_path.as_uri()}/second"])

    assert [access.state for access in accesses] == ["readable", "no list"]
    assert failures(accesses) == []


# With a real S3


def probe_with(signer: Signer) -> Callable[[str], None]:
    """Read the first byte of an object."""

    def probe(uri: str) -> None:
        address = signer.address(uri)
        parts = urlsplit(address.url())
        connection = HTTPConnection(parts.netloc, timeout=10)
        connection.request("GET", f"{parts.path}?{parts.query}".rstrip("?"), headers={"Range": "bytes=0-0"})
        answer = connection.getresponse()
        body = answer.read()
        connection.close()
        if answer.status != 206:
            raise explain_refusal(uri, answer.status, body, answer.headers, is_signed=address.is_signed)  # type: ignore[arg-type]

    return probe


@pytest.mark.parametrize(
    ("key", "is_listable", "state"),
    [
        (Key(secret=SECRET), False, "readable"),
        (Key(secret="other"), False, "refused"),
        (Key(secret=SECRET, readable=("company.models/other/",)), False, "refused"),
        (None, False, "refused"),
    ],
)
def test_a_bucket_is_tried(s3_server: S3Server, keys: None, key: Key | None, is_listable: bool, state: str) -> None:
    s3_server.bucket("company.models").add(KEY)
    s3_server.keys = {ID: key} if key else {}
    signer = Signer(endpoint=s3_server.endpoint)
    (access,) = check_access((), config_with(hub="s3://company.models"), signer, probe_with(signer))

    assert (access.state, access.origin) == (state, "environment (AWS_ACCESS_KEY_ID)")
    assert [error.exit_status for error in failures([access])] == ([] if state == "readable" else [8])
    assert not [secret for secret in (ID, SECRET) if secret in f"{access!r} {access.to_dict()} {access.error}"]


@pytest.mark.parametrize(("is_listable", "state"), [(True, "no list"), (False, "refused")])
def test_a_bucket_without_a_list_is_told_as_far_as_s3_tells(
    s3_server: S3Server, keys: None, is_listable: bool, state: str
) -> None:
    s3_server.bucket("models")
    s3_server.is_listable = is_listable
    signer = Signer(endpoint=s3_server.endpoint)
    (access,) = check_access(["s3://models/nothing"], config_with(), signer, probe_with(signer))

    assert (access.repository, access.uri) == ("s3://models/nothing", "s3://models/nothing/metadata.json")
    assert access.state == state


# What is shown


def test_an_access_as_data() -> None:
    error = NotAllowedError("It is refused.", hint="Ask.")
    access = Access(repository="a", uri="s3://b/a/metadata.json", origin="profile x", state="refused", error=error)

    assert access.to_dict() == {
        "repository": "a",
        "uri": "s3://b/a/metadata.json",
        "origin": "profile x",
        "signed": False,
        "licensed": False,
        "state": "refused",
        "message": "It is refused.",
        "hint": "Ask.",
    }
    assert Access(repository="a", uri="u").to_dict()["message"] == ""


def test_accesses_as_text(capsys: pytest.CaptureFixture[str]) -> None:
    told = NetworkError("It is away.", hint="Wait.")
    alike = [OfflineError("None are there.", hint="Get some."), OfflineError("None are there.", hint="Get some.")]
    accesses = [
        Access(repository="a", uri="u/a", origin="anonymous", state="readable"),
        Access(repository="b", uri="u/b", state="no credentials", error=alike[0]),
        Access(repository="c", uri="u/c", state="no credentials", error=alike[1]),
        Access(repository="d", uri="u/d", origin="profile x", state="unreachable", error=told),
    ]
    view_auth(Output(), accesses, [told])
    shown = capsys.readouterr()

    assert shown.out.splitlines() == [
        "a\tanonymous\treadable\tu/a",
        "b\tnothing\tno credentials\tu/b",
        "c\tnothing\tno credentials\tu/c",
        "d\tprofile x\tunreachable\tu/d",
    ]
    assert shown.err.splitlines() == ["b, c: None are there. Get some."]


def test_quietly_only_those_that_can_be_read_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    accesses = [
        Access(repository=state, uri="u", state=state)  # type: ignore[arg-type]
        for state in ("readable", "refused", "not checked", "no credentials", "no list", "unreachable", "failed")
    ]
    view_auth(Output(is_quiet=True), accesses, [])

    assert capsys.readouterr() == ("readable\nnot checked\n", "")


# The command


def test_the_command_shows_who_reads_and_no_secret(
    invoke: Run, s3_server: S3Server, keys: None, licence: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    s3_server.bucket("company.models").add(KEY)
    monkeypatch.setenv("MODELHUB_ENDPOINT", s3_server.endpoint)
    finished = invoke("auth", "--hub", "s3://company.models", "-vv")

    assert finished.status == 0
    assert finished.out.split("\t")[:3] == ["public/models", "environment (AWS_ACCESS_KEY_ID)", "readable"]
    assert not [secret for secret in (ID, SECRET, TOKEN) if secret in finished.out + finished.err]


@pytest.mark.parametrize("options", [[], ["--json"], ["-vv"]])
def test_the_command_fails_with_8_where_it_is_refused(
    invoke: Run, s3_server: S3Server, keys: None, monkeypatch: pytest.MonkeyPatch, options: list[str]
) -> None:
    s3_server.bucket("company.models").add(KEY)
    s3_server.keys = {ID: Key(secret="other")}
    monkeypatch.setenv("MODELHUB_ENDPOINT", s3_server.endpoint)
    finished = invoke("auth", "s3://company.models/public/models", *options)

    assert finished.status == 8
    assert "SignatureDoesNotMatch" in finished.out + finished.err
    assert not [secret for secret in (ID, SECRET, "AWS4") if secret in finished.out + finished.err]


@pytest.mark.parametrize("option", ["--offline", "--no-check"])
def test_the_command_asks_nothing_where_it_may_not(
    invoke: Run, s3_server: S3Server, licence: Path, option: str
) -> None:
    finished = invoke("auth", option, "--json")
    rows = finished.json["data"]["repositories"]

    assert finished.status == 0
    assert [(row["repository"], row["state"], row["licensed"]) for row in rows] == [
        ("public/models", "not checked", False),
        *((name, "not checked", True) for name in LICENSED_REPOSITORIES),
    ]
    assert rows[1]["origin"] == "licence ~/.johnsnowlabs/licenses/x.json"


def test_the_command_tells_in_short_that_there_is_no_licence(invoke: Run) -> None:
    finished = invoke("auth", "--offline")

    assert finished.status == 0
    assert finished.err.count("need credentials, and there are none") == 1
    assert invoke("auth", "--offline", "clinical/models").status == 8
