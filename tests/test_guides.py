from pathlib import Path

import pytest

from modelhub.guides import is_guide, parse_guide

DATA = Path(__file__).parent / "data" / "cards"
PACKAGED = Path(__file__).parents[1] / "cards" / "token_classification.md"


def test_a_guide_is_read_with_its_advice():
    guide = parse_guide((DATA / "choosing_birds.md").read_text(encoding="utf-8"), source="choosing_birds.md")

    assert (guide.task, guide.permalink, guide.modify_date) == (
        "Choosing Birds",
        "docs/en/tasks/choosing_birds",
        "2024-09-26",
    )
    assert guide.introduction == "Choosing birds is easy."
    assert guide.how_to_choose == "Take a small one first; see all models."
    assert guide.front_matter["sidebar"] == {"nav": "sparknlp"}


def test_recommendations_name_what_to_type():
    guide = parse_guide((DATA / "choosing_birds.md").read_text(encoding="utf-8"), source="choosing_birds.md")

    assert [(found.sub_task, found.name, found.reference) for found in guide.recommended] == [
        ("Names of birds", "bird-finder", "bert_ner_bird_finder:en"),
        ("Names of birds", "pos_anc", "pos_anc"),
        ("Songs", "pos_songs", "pos_songs:en"),
        ("Songs", "Songs of Birds", ""),
        ("Else", "broken", "broken"),
    ]
    assert guide.recommended[0].text == "bird-finder is\n  for all birds, and pos_anc for words."


def test_links_to_other_pages_than_their_text_names_are_reported_with_their_lines():
    guide = parse_guide((DATA / "choosing_birds.md").read_text(encoding="utf-8"), source="choosing_birds.md")

    assert [bool(found.problem) for found in guide.recommended] == [False, False, True, True, True]
    assert guide.recommended[2].problem == "The link of pos_songs goes to the page of ner_eggs; the text was taken."
    assert [(found.code, found.line, found.field) for found in guide.diagnostics] == [
        ("recommendation-link", 23, "Songs"),
        ("recommendation-link", 23, "Songs"),
        ("recommendation-link", 24, "Else"),
    ]


def test_our_own_guide_recommends_five_models_and_one_link_is_wrong():
    guide = parse_guide(PACKAGED.read_text(encoding="utf-8"), source=str(PACKAGED))

    assert [found.reference for found in guide.recommended] == [
        "bert_ner_bert_base_NER:en",
        "xlmroberta_ner_large_finetuned_conll03_english:xx",
        "pos_anc",
        "ner_jsl:en",
        "pos_clinical:en",
    ]
    assert [found.name for found in guide.recommended if found.problem] == ["pos_clinical"]
    assert guide.how_to_choose.startswith("First decide")


@pytest.mark.parametrize(
    ("task", "is_about"),
    [
        ("ner", True),
        ("pos", True),
        ("named entity recognition", True),
        ("entity", True),
        ("part-of-speech", True),
        ("speech", False),
        ("knitting", False),
    ],
)
def test_a_guide_is_about_its_sub_tasks(task, is_about):
    guide = parse_guide(PACKAGED.read_text(encoding="utf-8"))

    assert guide.is_about(task) is is_about


@pytest.mark.parametrize("text", ["", "---\nlayout: docs\n---\n", "---\nlayout: docs\n---\n## Recommended\n- **a\n"])
def test_any_text_gives_a_guide(text):
    guide = parse_guide(text)

    assert guide.recommended == ()
    assert {"title-missing", "recommendation-missing"} <= {found.code for found in guide.diagnostics}


@pytest.mark.parametrize(
    ("front_matter", "expected"),
    [({"layout": "docs"}, True), ({"layout": "model"}, False), ({"layout": ["docs"]}, False), ({}, False)],
)
def test_guides_are_told_by_their_layout(front_matter, expected):
    assert is_guide(front_matter) is expected
