"""Pulls from hubs that want credentials, as a user types them; and no secret in anything that they leave."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hub_server import SAVED_MODEL, make_zip
from model_files import files_of
from s3_server import ID, SECRET, Key, S3Server

KEY = "tiny_pos_en_4.0.0_3.0_1657118162458"
MODEL = {**SAVED_MODEL, "weights": random.Random(1).randbytes(3_000_000)}

Run = Callable[..., Any]


@pytest.fixture(autouse=True)
def hub(s3_server: S3Server, keys: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """A hub in a bucket."""
    s3_server.bucket("company.models").add(KEY, make_zip(MODEL))
    monkeypatch.setenv("MODELHUB_ENDPOINT", s3_server.endpoint)


def leaks(finished: Any, folder: Path) -> list[str]:
    """Where a part of the credentials or of a signature stands: in the output, or in a file below a folder."""
    texts = {"out": finished.out.encode(), "err": finished.err.encode()}
    texts |= {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    secrets = (ID.encode(), SECRET.encode(), b"X-Amz-Signature", b"X-Amz-Credential")
    return [name for name, text in texts.items() if any(secret in text for secret in secrets)]


@pytest.mark.usefixtures("home")
def test_a_model_of_a_bucket_is_found_and_pulled_with_signed_ranges(
    invoke: Run, s3_server: S3Server, tmp_path: Path
) -> None:
    updated = invoke("update", "--hub", "s3://company.models", "-vv")
    pulled = invoke("pull", "tiny_pos", "en", "--hub", "s3://company.models", "--no-update", "-vv")

    assert (updated.status, pulled.status) == (0, 0), pulled.err
    assert files_of(tmp_path / "cache_pretrained" / KEY) == MODEL
    assert leaks(updated, tmp_path / "home") == []
    assert leaks(pulled, tmp_path / "cache_pretrained") == []


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize("secret", ["wrong", ""])
def test_a_pull_that_is_refused_says_why_and_shows_no_secret(
    invoke: Run, s3_server: S3Server, tmp_path: Path, secret: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if secret:
        s3_server.keys[ID] = Key(secret=secret)
    else:
        s3_server.keys.clear()
    refused = invoke("pull", KEY, "--hub", "s3://company.models", "--no-update", "-vv")

    assert refused.status == 8
    assert ("SignatureDoesNotMatch" if secret else "InvalidAccessKeyId") in refused.err
    assert "modelhub auth" in refused.err
    assert leaks(refused, tmp_path / "home") == []


@pytest.mark.usefixtures("home")
def test_an_interrupted_pull_keeps_no_signature_in_what_it_leaves(
    start: Callable[..., Any], s3_server: S3Server, tmp_path: Path
) -> None:
    process = start("pull", KEY, "--hub", "s3://company.models", "--no-update", "--limit-rate", "200K", "-vv")
    partials = tmp_path / "cache_pretrained" / ".modelhub" / "partials"
    while not list(partials.glob("*.journal")) and process.poll() is None:
        pass
    process.kill()
    out, err = process.communicate(timeout=20)

    assert list(partials.glob("*.part"))
    finished = type("Finished", (), {"out": out, "err": err})
    assert leaks(finished, tmp_path / "cache_pretrained") == []
