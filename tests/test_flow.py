"""The main job through the command line, over HTTP, and then once more with the network off."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hub_server import HubFolder, Server, make_zip

KEY = "harbour_pos_en_4.0.0_3.0_1657118162458"
NEWER_KEY = "harbour_pos_en_5.5.0_3.4_1727118162458"


def test_from_news_of_the_hub_to_a_model_in_the_cache_and_out_again(
    invoke: Callable[..., Any],
    home: Path,
    server: Server,
    hub_folder: HubFolder,
    make_card: Callable[..., str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for key in (KEY, NEWER_KEY):
        hub_folder.add(key, annotator="PerceptronModel")
    card = tmp_path / "2022-07-06-harbour_pos_en.md"
    card.write_text(make_card(key=KEY, title="Tagger of harbour words"), encoding="utf-8")
    monkeypatch.setenv("MODELHUB_HUB", server.uri())
    monkeypatch.setenv("MODELHUB_SPARKNLP", "4.4.0")
    monkeypatch.setenv("MODELHUB_SPARK", "3.3.1")
    cache = tmp_path / "cache_pretrained"

    def run(*words: object, status: int = 0) -> str:
        finished = invoke(*words)
        assert (words, finished.status, finished.err if finished.status else "") == (
            words,
            status,
            finished.err if status else "",
        )
        return finished.out

    assert "2 added" in run("update")
    assert "0 added" in run("update")
    assert "1 changed" in run("update", "--cards", card)

    assert run("search", "harbour", "-q") == "harbour_pos:en\n"
    assert "Tagger of harbour words" in run("show", "harbour_pos")
    assert run("resolve", "harbour_pos", "en") == f"{server.uri('public', 'models', f'{KEY}.zip')}\n"
    assert run("resolve", "harbour_pos", "--sparknlp", "5.5.3", "--spark", "3.5.1").endswith(f"/{NEWER_KEY}.zip\n")

    assert run("pull", "harbour_pos", "en") == f"{cache / KEY}\n"
    assert run("path", "harbour_pos") == f"{cache / KEY}\n"
    assert run("verify", "--deep").startswith(f"{KEY}\tgood")
    assert run("list").startswith("harbour_pos:en\t4.0.0\t3.0\t")
    assert f'PerceptronModel.load("{cache / KEY}")' in run("show", "harbour_pos", "--code", "python", "--load")
    asked = len(server.requests)

    # The network is off, then the hub is gone altogether.
    monkeypatch.setenv("MODELHUB_OFFLINE", "1")
    assert run("pull", "harbour_pos:en") == f"{cache / KEY}\n"
    assert run("path", "harbour_pos") == f"{cache / KEY}\n"
    assert run("search", "harbour", "-q") == "harbour_pos:en\n"
    assert run("verify").startswith(f"{KEY}\tgood")
    run("pull", NEWER_KEY, status=9)
    assert len(server.requests) == asked
    monkeypatch.delenv("MODELHUB_OFFLINE")
    monkeypatch.setenv("MODELHUB_HUB", "http://127.0.0.1:1")
    assert run("pull", "harbour_pos", "en") == f"{cache / KEY}\n"

    assert run("rm", "harbour_pos", "--yes", "-q") == f"{KEY}\n"
    assert run("list") == ""
    run("path", "harbour_pos", status=4)


def test_a_zip_that_is_broken_on_the_hub_can_be_pulled_once_it_is_mended(
    invoke: Callable[..., Any], home: Path, server: Server, hub_folder: HubFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MODELHUB_HUB", server.uri())
    path = hub_folder.add(KEY, make_zip()[:-40])
    assert invoke("pull", "harbour_pos").status == 6
    assert invoke("list").out == ""

    path.with_name("metadata.json").unlink()
    hub_folder.add(KEY)
    assert json.loads(invoke("update", "--json").out)["data"]["changed"] == 1
    assert invoke("pull", "harbour_pos").status == 0
    assert invoke("verify", "--deep").status == 0
