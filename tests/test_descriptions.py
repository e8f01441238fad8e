from __future__ import annotations

import pickle
from typing import Any

import pytest

from modelhub.artifacts import ArtifactKey
from modelhub.descriptions import ARTIFACT_COLUMNS, Description, model_row
from modelhub.facts import ModelFacts, Score
from modelhub.searchable import COLUMNS

KEY = ArtifactKey("ner_hats", "de", "4.0.0", "3.0", "1656000000000")
FACTS = ModelFacts(
    title="Straw hats",
    date="2022-07-01",
    tasks=("Named Entity Recognition", "Embeddings"),
    engine="onnx",
    annotator="BertForNer",
    size_bytes=1_000,
    labels=("HAT", "CAP", "HAT"),
    nlu=("de.ner.hats",),
    best_score=Score(metric="f1", value=0.9),
)


def described(**facts: Any) -> Description:
    return Description.of(KEY, ModelFacts(**facts))


def test_an_artifact_s_row_has_what_its_card_says() -> None:
    rows = Description.of(KEY, FACTS).rows

    row = dict(zip(ARTIFACT_COLUMNS, rows.artifact, strict=True))
    assert (row["engine"], row["size_bytes"], row["date"]) == ("onnx", 1_000, "2022-07-01")
    assert row["tasks"] == "|Named Entity Recognition|Embeddings|"
    assert rows.nlu == ("de.ner.hats",)


def test_an_artifact_that_only_a_list_names_has_the_day_of_its_build_and_no_tasks() -> None:
    row = dict(zip(ARTIFACT_COLUMNS, described().rows.artifact, strict=True))

    assert (row["date"], row["tasks"]) == ("2022-06-23", "")


def test_a_model_s_row_has_what_the_search_sorts_and_finds_by() -> None:
    row = Description.of(KEY, FACTS).rows.model

    assert row.sorted_by == ("2022-07-01", 1_000, 0.9)
    assert ("engine", "onnx") in row.facets
    assert set(row.labels) == {"HAT", "CAP"}
    assert dict(zip(COLUMNS, row.columns, strict=True))["title"] == "straw hats"


def test_another_measure_than_f1_is_not_sorted_by() -> None:
    assert described(best_score=Score(metric="wer", value=0.2)).rows.model.sorted_by[2] is None


def test_a_model_s_newest_card_comes_first_and_its_newest_artifact_dates_it() -> None:
    old, new = described(title="Old", date="2020-01-01", size_bytes=1), described(title="New", date="2021-01-01")
    listed = described(engine="onnx")  # built in 2022

    row = model_row("ner_hats", "de", [old, listed, new])

    assert row.sorted_by == ("2022-06-23", None, None)
    assert dict(zip(COLUMNS, row.columns, strict=True))["title"] == "new"
    assert ("engine", "onnx") in row.facets


@pytest.mark.parametrize("facts", [FACTS, ModelFacts(), ModelFacts(title="half \ud800 of it", tags=("\udfff",))])
def test_another_process_gets_the_same(facts: ModelFacts) -> None:
    here = Description.of(KEY, facts)

    there = pickle.loads(pickle.dumps(here))

    assert "facts" not in vars(there)  # they would be sent besides what is made of them
    assert there == here
    assert there.rows == here.rows
    assert there.facts == here.facts


def test_half_a_character_becomes_what_is_stored() -> None:
    description = described(title="half \ud800")

    assert description.facts.title == "half ?"
    assert dict(zip(COLUMNS, description.rows.model.columns, strict=True))["title"] == "half"
