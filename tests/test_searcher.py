"""Searching as a hub does it, with the registry of the snapshot, and the command around it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hub_server import HubFolder

from modelhub import Hub
from modelhub.errors import NotFoundError, UsageError
from modelhub.public_hub import PUBLIC_HUB

Run = Callable[..., Any]


@pytest.fixture
def hub(home: Path, hub_folder: HubFolder) -> Any:
    with Hub(home=str(home), hub=hub_folder.uri, offline=True) as hub:
        yield hub


def test_what_is_found_is_located_at_the_hub_in_use(hub: Hub, hub_folder: HubFolder) -> None:
    (model,) = hub.search("bert_pos_4L_weight_decay").models

    assert model.artifact.uri.startswith(f"{hub_folder.uri}/public/models/bert_pos_4L_weight_decay_en")


def test_alternatives_are_located_too_and_take_any_reference(hub: Hub, hub_folder: HubFolder) -> None:
    found = hub.alternatives("kktoto/4L_weight_decay", limit=3)

    assert found.model.artifact.name == "bert_pos_4L_weight_decay"
    assert len(found.others) == 3 < found.total
    assert all(other.model.artifact.uri.startswith(hub_folder.uri) for other in found.others)
    assert all("Part of Speech Tagging" in other.model.facts.tasks for other in found.others)


def test_a_filter_that_there_is_not_is_refused(hub: Hub) -> None:
    with pytest.raises(UsageError, match="no filter 'colour'") as raised:
        hub.search("pos", colour="red")
    with pytest.raises(UsageError, match="no filter"):
        hub.alternatives("bert_pos_4L_weight_decay", colour="red")

    assert "language" in raised.value.hint


def test_there_is_no_alternative_to_a_model_that_there_is_not(hub: Hub) -> None:
    with pytest.raises(NotFoundError):
        hub.alternatives("no_such_model_at_all")


@pytest.mark.parametrize(
    ("words", "first"),
    [
        (["bert_pos_4L_weight_decay"], "bert_pos_4L_weight_decay:en"),
        (["bert_pos_4L_wieght_decay"], "bert_pos_4L_weight_decay:en"),
        (["kktoto/4L_weight_decay"], "bert_pos_4L_weight_decay:en"),
        (["spanish", "pos"], "pos_ancora:es"),
        (["pos", "--lang", "Spanish", "--sort", "size"], "pos_ancora:es"),
    ],
)
def test_the_command_finds_what_is_meant(invoke: Run, home: Path, words: list[str], first: str) -> None:
    found = invoke("search", *words, "-q", "--limit", 5).out.split()

    assert first in found[:5]


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("public/models/bert_pos_4L_weight_decay", "bert_pos_4L_weight_decay:en"),
        ("public/models/bert_pos_4L_weight_decay_en_4.0.0_3.0_1657118162458", "bert_pos_4L_weight_decay:en"),
        (f"{PUBLIC_HUB}/public/models/bert_pos_4L_weight_decay_en_4.0.0_3.0_1.zip", "bert_pos_4L_weight_decay:en"),
        ("https://sparknlp.org/2022/07/06/bert_pos_4L_weight_decay_en_3_0.html", "bert_pos_4L_weight_decay:en"),
        ("https://huggingface.co/kktoto/4L_weight_decay", "bert_pos_4L_weight_decay:en"),
        ("clinical/models/ner_jsl:en", "clinical/models/ner_jsl:en"),
    ],
)
def test_every_reference_finds_its_model_first(hub: Hub, text: str, first: str) -> None:
    result = hub.search(text, limit=1)

    assert result.models[0].artifact.reference == first
    assert (result.corrected, result.is_partial) == ("", False)


def test_references_that_are_printed_find_their_model(hub: Hub) -> None:
    for repository in ("finance/models", "legal/models", "clinical/ocr"):
        printed = [model.artifact.reference for model in hub.search(repository.split("/")[0], limit=5)]
        printed = [reference for reference in printed if "/" in reference]
        assert [hub.search(reference).models[0].artifact.reference for reference in printed] == printed


def test_the_command_tells_versions_facets_and_alternatives(invoke: Run, home: Path) -> None:
    versions = invoke("search", "ner_jsl", "--all-versions", "-q", "--limit", 1).out.split()
    facets = invoke("search", "pos", "--facets", "--json").json["data"]["facets"]
    open_ones = invoke("search", "--like", "ner_jsl", "--open", "--json").json["data"]

    assert len(versions) > 1
    assert all(version.startswith("ner_jsl_en_") for version in versions)
    assert {"task", "language", "product", "annotator", "engine", "license", "year", "size"} == set(facets)
    assert all("open" in model["advantages"] for model in open_ones["models"])


@pytest.mark.parametrize("words", [["bert"], ["--facets"], ["--sort", "size"]])
def test_what_is_like_a_model_is_not_asked_for_by_words(invoke: Run, home: Path, words: list[str]) -> None:
    finished = invoke("search", "--like", "ner_jsl", *words)

    assert finished.status == 2
    assert "--like goes without" in finished.err
