import pytest

from modelhub.card_labels import labels_in_prose, read_labels


@pytest.mark.parametrize(
    ("text", "labels"),
    [
        ("`PER`, `LOC`, `PER`", ("PER", "LOC")),
        ("`PER` , `LOC` and `ORG`.", ("PER", "LOC", "ORG")),
        ("`PER`\n`LOC`\n", ("PER", "LOC")),
        ("``PER``, ``LOC``.", ("PER", "LOC")),
        (": `PER`, `LOC`", ("PER", "LOC")),
        ("Persons-`PER`, Places (real ones)-`LOC`.", ("PER", "LOC")),
        ("`A` : is one thing, `B`: is another", ("A", "B")),
        ("`A` (not known), `B`", ("A", "B")),
        ("`A`, `B`\n\nDefinitions of both:\n\n- `A`: the first, and best.\n- `B`: the other.", ("A", "B")),
        ("The labels are:\n\n- `A`: first\n- `B`: second", ("A", "B")),
        ("`A, B, C`", ("A", "B", "C")),
        ("`ANAT - Anatomy`, `OBS - Observation`", ("ANAT", "OBS")),
        ("`NN (Noun)`, `UT (Not known)`", ("NN", "UT")),
        ("`NN (Noun)`, `verb`", ("NN (Noun)", "verb")),
        ("`good (4 and 5)`, `bad (1)`", ("good (4 and 5)", "bad (1)")),
        ("`Telecom.`, `.`", ("Telecom.", ".")),
        ("`, `A, `B, `C`", ("A", "B", "C")),
        ("`mixing bowl`, `cockroach, roach`", ("mixing bowl", "cockroach, roach")),
        ("Problem, Test, and Treatment.", ("Problem", "Test", "Treatment")),
        ("Age,Agents_(Virus_and_Bacteria)", ("Age", "Agents_(Virus_and_Bacteria)")),
        ("Chemical (Drugs and the like)", ("Chemical",)),
        ("TrIP (improved), TrWP (worsened)", ("TrIP", "TrWP")),
        ("*TrIP*: improves, or cures, a problem\n\n*TrWP*: makes it worse", ("TrIP", "TrWP")),
        ("- ADJ\n- ADP\n - NOUN: a thing\n", ("ADJ", "ADP", "NOUN")),
        ("* B\\_LOC\n* I\\_LOC", ("B_LOC", "I_LOC")),
        ("| Tag | Meaning |\n|:---:|---|\n| `PER` | person |\n| LOC | place |\n", ("PER", "LOC")),
        ("|   | Tag |\n|---|---|\n| 0 | PER |\n| 1 | LOC |\n", ("PER", "LOC")),
    ],
)
def test_labels_are_read_in_each_of_their_forms(text, labels):
    assert read_labels(text) == labels


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Codes and their normalized definition with `some_embeddings`.",
        "Codes and their normalized definition with ``some_embeddings`` embeddings.",
        "`SNOMED` codes from `Procedures` and `Measurements`",
        "`Predicts the codes of many kinds of drugs`",
        "Personal information in order to hide it.",
        "Breaks text in sentences.",
        "RxNorm codes",
        "Looks for codes. In the result, look for `aux` in the metadata",
        "See https://example.org, or [there], for the list",
        "| Tag |\n",
        "`\n`",
        "- This model tells everything that there is to tell about birds",
    ],
)
def test_prose_does_not_become_labels(text):
    assert read_labels(text) == ()


def test_thousands_of_labels_are_all_counted():
    text = ", ".join(f"`label {number}`" for number in range(20_000))

    assert len(read_labels(text)) == 20_000


@pytest.mark.parametrize(
    ("text", "labels"),
    [
        ("It masks the following entities: `AGE`, `DATE` and `OWL`. Then `more`.", ("AGE", "DATE", "OWL")),
        ("The following labels `A`, `B`.", ("A", "B")),
        ("The following entities: `AGE`.", ()),
        ("It uses `glove` and `bert`.", ()),
        ("", ()),
    ],
)
def test_labels_in_prose_are_those_of_a_list_that_is_announced(text, labels):
    assert labels_in_prose(text) == labels
