from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from modelhub.errors import UsageError
from modelhub.licences import Licence, parse_licence

ID, SECRET, TOKEN = "AKIAEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCY=", "FwoGZXIvYXdzEXAMPLE=="
KEYS = {"AWS_ACCESS_KEY_ID": ID, "AWS_SECRET_ACCESS_KEY": SECRET}


def read(**fields: Any) -> Licence:
    return parse_licence(json.dumps(fields), source="x.json")


def token(**claims: Any) -> str:
    """A licence token, as a JWT."""
    payload = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    return f"eyJhbGciOiJSUzI1NiJ9.{payload}.c2lnbmF0dXJl"


def test_a_licence_is_read() -> None:
    licence = read(
        **KEYS,
        AWS_SESSION_TOKEN=TOKEN,
        SECRET="5.5.0-abc",
        SPARK_NLP_LICENSE=token(exp=1_700_000_000),
        JSL_VERSION="5.5.0",
    )

    assert licence == Licence(
        source="x.json",
        access_key_id=ID,
        secret_access_key=SECRET,
        session_token=TOKEN,
        fields=("JSL_VERSION", "SECRET", "SPARK_NLP_LICENSE"),
        expires_s=1_700_000_000,
    )


@pytest.mark.parametrize(
    "text",
    [
        json.dumps({name.lower(): value for name, value in KEYS.items()}),
        json.dumps({f" {name.title()} ": f" {value}\n" for name, value in KEYS.items()}),
        "\ufeff" + json.dumps(KEYS, indent=4),
        json.dumps(KEYS | {"AWS_SESSION_TOKEN": "", "OCR_VERSION": None, "number": 3, "nested": {"a": [1]}}),
    ],
)
def test_small_letters_blanks_and_other_fields_do_no_harm(text: str) -> None:
    assert parse_licence(text, source="x.json") == Licence(source="x.json", access_key_id=ID, secret_access_key=SECRET)


def test_no_secret_is_shown() -> None:
    licence = read(**KEYS, AWS_SESSION_TOKEN=TOKEN, SPARK_NLP_LICENSE=token(exp=1))

    shown = f"{licence!r} {licence} {[licence]}"

    assert not [secret for secret in (ID, SECRET, TOKEN, "eyJ") if secret in shown]
    assert "x.json" in shown


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "is no JSON (line 1: Expecting value)"),
        (f'{{"AWS_ACCESS_KEY_ID": "{ID}", "AWS_SECRET_ACCESS_KEY": "{SECRET}"', "is no JSON (line 1:"),
        (f'["{ID}", "{SECRET}"]', "holds no names and values"),
        (f'"{SECRET}"', "holds no names and values"),
        (json.dumps({"SPARK_NLP_LICENSE": SECRET}), "it holds no AWS_ACCESS_KEY_ID"),
        (json.dumps({"infos": {"x.json": {"jsl_secrets": KEYS}}}), "it holds no AWS_ACCESS_KEY_ID"),
        (json.dumps({"AWS_ACCESS_KEY_ID": ID}), "it holds no AWS_SECRET_ACCESS_KEY"),
        (json.dumps(KEYS | {"AWS_SECRET_ACCESS_KEY": " "}), "it holds no AWS_SECRET_ACCESS_KEY"),
        (json.dumps(KEYS | {"AWS_SECRET_ACCESS_KEY": 5}), "it holds no AWS_SECRET_ACCESS_KEY"),
        (json.dumps(KEYS | {"AWS_SECRET_ACCESS_KEY": f"{SECRET}\n{SECRET}"}), "AWS_SECRET_ACCESS_KEY holds characters"),
        (json.dumps(KEYS | {"AWS_ACCESS_KEY_ID": f"{ID}ü"}), "AWS_ACCESS_KEY_ID holds characters"),
        (json.dumps(KEYS | {"AWS_SESSION_TOKEN": f"{TOKEN}\x00"}), "AWS_SESSION_TOKEN holds characters"),
        ("[" * 100_000, "nested too deeply"),
        (f'{{"x": {"9" * 5000}}}', "a number of thousands of digits"),
    ],
)
def test_what_is_no_licence_is_told_without_quoting_it(text: str, words: str) -> None:
    with pytest.raises(UsageError) as raised:
        parse_licence(text, source="x.json")

    shown = f"{raised.value} {raised.value.__cause__!r} {raised.value.__suppress_context__}"
    assert raised.value.message.startswith("x.json")
    assert words in raised.value.message
    assert raised.value.hint
    assert not [secret for secret in (ID, SECRET, TOKEN) if secret in shown]


@pytest.mark.parametrize(
    ("tokens", "expires_s"),
    [
        ({}, None),
        ({"SPARK_NLP_LICENSE": token(exp=100)}, 100),
        ({"SPARK_NLP_LICENSE": token(exp=100), "ocr_license": token(exp=300.7), "HC_LICENSE": token(exp=200)}, 300),
        ({"SPARK_NLP_LICENSE": token(iat=100)}, None),
        ({"SPARK_NLP_LICENSE": token(exp="soon")}, None),
        ({"SPARK_NLP_LICENSE": token(exp=1e300)}, None),
        ({"SPARK_NLP_LICENSE": "no token"}, None),
        ({"SPARK_NLP_LICENSE": "a.b.c"}, None),
        ({"SPARK_NLP_LICENSE": "a.WzFd.c"}, None),
        ({"SPARK_NLP_LICENSE": "a.ü.c"}, None),
        ({"SECRET": token(exp=100)}, None),
    ],
)
def test_the_end_of_a_licence_is_the_latest_of_its_tokens(tokens: dict[str, str], expires_s: int | None) -> None:
    assert read(**KEYS, **tokens).expires_s == expires_s


def test_a_licence_is_expired_once_its_end_has_come() -> None:
    licence = read(**KEYS, SPARK_NLP_LICENSE=token(exp=100))

    assert [licence.is_expired(now_s) for now_s in (99.9, 100, 1e12)] == [False, True, True]
    assert not read(**KEYS).is_expired(1e12)
