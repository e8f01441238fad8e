from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from modelhub.facts import Dependency, ModelFacts, Score, ScoreRow, merge_facts

TEXTS = st.text(max_size=8)
TUPLES = st.lists(TEXTS, max_size=3).map(tuple)
FLAGS = st.none() | st.booleans()
NUMBERS = st.none() | st.integers(0, 10**12)
FACTS = st.builds(
    ModelFacts,
    title=TEXTS,
    date=TEXTS,
    tasks=TUPLES,
    annotator=TEXTS,
    size_bytes=NUMBERS,
    deprecated=FLAGS,
    labels=TUPLES,
    label_count=st.integers(0, 900),
    case_sensitive=FLAGS,
    best_score=st.none() | st.builds(Score, metric=TEXTS, value=st.floats(0, 1)),
    scores=st.lists(
        st.builds(ScoreRow, TEXTS, st.dictionaries(st.sampled_from(["f1", "recall"]), st.floats(0, 1))), max_size=2
    ).map(tuple),
    dependencies=st.lists(st.builds(Dependency, TEXTS, TEXTS, TEXTS, TEXTS), max_size=2).map(tuple),
)


@given(FACTS)
def test_facts_are_read_back_from_their_json(facts: ModelFacts) -> None:
    assert ModelFacts.from_dict(json.loads(json.dumps(facts.to_dict()))) == facts


def test_empty_facts_have_empty_json() -> None:
    assert ModelFacts().to_dict() == {}


def test_what_is_false_or_zero_is_kept_where_it_is_no_default() -> None:
    assert ModelFacts(supported=False, size_bytes=0).to_dict() == {"supported": False, "size_bytes": 0}


def test_facts_with_scores_can_be_told_apart_by_their_hash() -> None:
    facts = ModelFacts(scores=(ScoreRow("Hat", {"f1": 0.8}),))

    assert len({facts, ModelFacts(scores=(ScoreRow("Hat", {"f1": 0.8}),)), ModelFacts()}) == 2


def test_keys_of_newer_facts_are_ignored() -> None:
    assert ModelFacts.from_dict({"title": "Hats", "colour": "red"}) == ModelFacts(title="Hats")


def test_the_json_of_structures_is_plain() -> None:
    facts = ModelFacts(
        best_score=Score(metric="f1", value=0.9),
        scores=(ScoreRow("Hat", {"f1": 0.8, "support": 3}),),
        dependencies=(Dependency("Hats", "hats", "en", "legal/models"),),
    )

    assert facts.to_dict() == {
        "best_score": {"metric": "f1", "value": 0.9},
        "scores": [{"label": "Hat", "f1": 0.8, "support": 3}],
        "dependencies": [["Hats", "hats", "en", "legal/models"]],
    }


def test_merging_fills_only_gaps() -> None:
    newer = ModelFacts(engine="onnx", supported=False, labels=("A",))
    older = ModelFacts(engine="tensorflow", title="Hats", supported=True, labels=("B", "C"), size_bytes=7)

    assert newer.merged_over(older) == ModelFacts(
        engine="onnx", title="Hats", supported=False, labels=("A",), size_bytes=7
    )


def test_the_first_of_several_descriptions_counts_most() -> None:
    merged = merge_facts(
        [
            ModelFacts(engine="onnx"),
            ModelFacts(engine="tensorflow", title="B"),
            ModelFacts(title="C", date="2022-01-01"),
        ]
    )

    assert merged == ModelFacts(engine="onnx", title="B", date="2022-01-01")


@given(FACTS)
def test_merging_facts_with_themselves_or_with_nothing_changes_nothing(facts: ModelFacts) -> None:
    assert facts.merged_over(facts) == facts
    assert facts.merged_over(ModelFacts()) == facts
    assert ModelFacts().merged_over(facts) == facts
