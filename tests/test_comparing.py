"""What differs between models, as data."""

from __future__ import annotations

from typing import Any

import pytest

from modelhub.artifacts import Artifact, ArtifactKey
from modelhub.comparing import ComparedField, compare
from modelhub.errors import UsageError
from modelhub.facts import Dependency, ModelFacts, Score, ScoreRow
from modelhub.results import ShownModel


def shown(name: str = "owls", size_bytes: int | None = None, **facts: Any) -> ShownModel:
    artifact = Artifact(key=ArtifactKey.parse(f"{name}_en_4.0.0_3.0_1657118162458"), size_bytes=size_bytes)
    return ShownModel(artifact=artifact, facts=ModelFacts(**facts), versions=(artifact,), path=None)


def fields_of(*models: ShownModel) -> dict[str, ComparedField]:
    return {field.name: field for field in compare(models).fields}


def test_fields_stand_next_to_each_other_in_the_order_of_the_models() -> None:
    fields = fields_of(shown("owls", 300, license="Licensed"), shown("storks", 200, license="Licensed"))

    assert (fields["size_bytes"].values, fields["size_bytes"].differs) == ((300, 200), True)
    assert (fields["license"].values, fields["license"].differs) == (("Licensed", "Licensed"), False)
    assert fields["lib_version"].values == ("4.0.0", "4.0.0")
    assert fields["builds"].values == (1, 1)


def test_what_is_known_of_no_model_is_left_out_and_what_is_known_of_one_is_not() -> None:
    fields = fields_of(shown(dimension=768), shown())

    assert fields["dimension"].values == (768, None)
    assert not {"engine", "status", "nlu", "path", "size_bytes", "label_count"} & fields.keys()


def test_dependencies_and_scores_are_plain_data() -> None:
    known = shown(
        dependencies=(Dependency("NerModel", "ner", "en", "clinical/models"), Dependency("Tagger")),
        best_score=Score(metric="f1", value=0.9),
        deprecated=True,
    )
    fields = fields_of(known, shown())

    assert fields["dependencies"].values == (["clinical/models/ner:en (NerModel)", "its default (Tagger)"], [])
    assert fields["best_score"].values == ({"metric": "f1", "value": 0.9}, None)
    assert fields["status"].values == (["deprecated"], [])


def test_labels_have_their_scores_averages_first() -> None:
    rows = (
        ScoreRow("OWL", {"precision": 0.7, "f1": 0.8}),
        ScoreRow("NEST", {"precision": 0.6}),
        ScoreRow("EGG", {"support": 3}),
        ScoreRow("micro avg", {"f1": 0.75}),
    )
    labels = compare([shown(labels=("OWL", "STORK"), scores=rows), shown(labels=("OWL",))]).labels

    assert [(label.name, label.differs) for label in labels] == [
        ("micro avg", True),
        ("OWL", True),
        ("NEST", True),
        ("STORK", True),
    ]
    assert labels[1].values == ({"predicted": True, "score": 0.8}, {"predicted": True, "score": None})
    assert labels[2].values == ({"predicted": False, "score": 0.6}, {"predicted": False, "score": None})


def test_equal_labels_do_not_differ() -> None:
    (label,) = compare([shown(labels=("OWL",)), shown(labels=("OWL",))]).labels

    assert not label.differs


def test_the_json_has_models_fields_and_labels() -> None:
    data = compare([shown("owls", 3, labels=("OWL",)), shown("storks", 3)]).to_dict()

    assert [model["artifact"]["name"] for model in data["models"]] == ["owls", "storks"]
    assert {"name": "size_bytes", "values": [3, 3], "differs": False} in data["fields"]
    assert data["labels"][0]["differs"] is True


@pytest.mark.parametrize(("models", "named"), [([], "A"), ([shown()], "owls:en")])
def test_a_comparison_takes_two(models: list[ShownModel], named: str) -> None:
    with pytest.raises(UsageError, match="two models") as raised:
        compare(models)

    assert raised.value.hint == f"modelhub compare {named} B"
