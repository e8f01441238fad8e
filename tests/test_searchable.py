from __future__ import annotations

from typing import Any

import pytest

from modelhub.facts import ModelFacts
from modelhub.searchable import COLUMNS, SearchableModel, facet_token, merit_of, rank_end, words_in


def model(name: str = "ner_hats", language: str = "es", *others: ModelFacts, **facts: Any) -> SearchableModel:
    return SearchableModel(
        name=name, language=language, newest=facts.get("date", ""), described=[ModelFacts(**facts), *others]
    )


def column(name: str, subject: SearchableModel) -> list[str]:
    return subject.columns()[COLUMNS.index(name)].split()


# Text


def test_the_columns_are_words() -> None:
    subject = model(
        "ner_hats_4L",
        title="Straw Hats (Conll03)",
        tasks=("Named Entity Recognition", "Part of Speech Tagging", "Embeddings"),
        tags=("felt", "straw-hat"),
        labels=("B-HAT",),
        annotator="BertForNer",
        origin="Ada/hat-Bert",
        product="Spark NLP",
        nlu=("es.ner.hats",),
    )

    assert column("name", subject) == ["ner", "hats", "4l"]
    assert column("title", subject) == ["straw", "hats", "conll03"]
    assert column("tasks", subject)[-4:] == ["embeddings", "ner", "post", "pos"]
    assert column("tags", subject) == ["felt", "straw", "hat"]
    assert column("labels", subject) == ["b", "hat"]
    assert column("other", subject) == (
        "es spanish castilian bertforner ada hat bert spark nlp es ner hats".split()  # noqa: SIM905
    )
    assert column("parts", subject) == ["4", "l", "conll", "03", "bert", "for", "ner"]


def test_what_all_versions_say_is_there_once_with_the_newest_title() -> None:
    subject = model("m", "en", ModelFacts(title="Old", tags=("a", "b"), annotator="X"), title="New", tags=("b", "c"))

    assert column("title", subject) == ["new"]
    assert column("tags", subject) == ["b", "c", "a"]
    assert "x" in column("other", subject)


def test_facets_stand_as_words_that_nobody_types() -> None:
    subject = model(tasks=("A", "B"), engine="onnx", license="Licensed")

    assert subject.facets[:3] == [("task", "A"), ("task", "B"), ("language", "es")]
    assert subject.facets[3:] == [("engine", "onnx"), ("license", "Licensed")]
    assert column("facets", subject) == [facet_token(*facet) for facet in subject.facets]
    assert not set(column("facets", subject)) & words_in(subject.columns())


def test_a_facet_s_word_tells_field_and_value() -> None:
    words = [facet_token("task", "A"), facet_token("engine", "A"), facet_token("task", "a"), facet_token("task", "B")]

    assert len(set(words)) == 4
    assert all(len(word) == 16 and word.isalnum() for word in words)


# Rank


@pytest.mark.parametrize(
    ("language", "name", "facts", "merit"),
    [
        ("de", "m", {}, 0.0),
        ("en", "m", {}, 1.0),
        ("xx", "m", {}, 0.5),
        ("de", "m", {"supported": True}, 0.5),
        ("de", "m", {"recommended": True, "supported": True}, 1.0),
        ("de", "m", {"recommended": True, "deprecated": True}, -3.5),
        ("de", "m", {"license": "Licensed"}, -1.0),
        ("de", "a_b_c_d_e_f_g_h", {}, 0.0),
        ("de", "a_b_c_d_e_f_g_h_i", {}, -0.25),
    ],
)
def test_merit_weighs_status_licence_language_and_name(
    language: str, name: str, facts: dict[str, Any], merit: float
) -> None:
    subject = model(name, language, **facts)

    assert subject.merit() == merit
    assert merit_of(subject.rank_base()) == merit_of(rank_end(subject.rank_base()) - 1) == merit


def test_more_merit_comes_first_then_the_later_date() -> None:
    ranked = [
        model(language="en", date="2020-01-01"),
        model(date="2022-10-17"),
        model(date="2022-10-16"),
        model(date="1999-01-01"),
        model(date="2030-01-01", deprecated=True),
    ]
    bases = [subject.rank_base() for subject in ranked]

    assert bases == sorted(bases)
    assert len(set(bases)) == len(bases)
    assert model(date="no day").rank_base() == model().rank_base() == model(date="1999-01-01").rank_base()


@pytest.mark.parametrize("day", ["9999-12-31", "0001-01-01", ""])
def test_any_date_leaves_the_merit_as_it_is(day: str) -> None:
    assert merit_of(model(date=day).rank_base()) == 0.0


def test_many_models_may_have_one_rank() -> None:
    assert rank_end(model().rank_base()) - model().rank_base() > 10_000_000
