"""Lint of code: what is reported, and, as important, what is not."""

from __future__ import annotations

import pytest

from modelhub.diagnostics import Diagnostic
from modelhub.lint import check_page

KEY = "bird_finder_en_4.3.0_3.0_1677628800000"
CARD = """---
layout: model
name: bird_finder
annotator: {annotator}
---

[Download](https://s3.amazonaws.com/{bucket}.johnsnowlabs.com/{repository}/{key}.zip)

```{language}
{code}
```
"""


def card(code: str, **fields: str) -> str:
    values = {"language": "python", "repository": "public/models", "annotator": "PerceptronModel", "key": KEY} | fields
    values["bucket"] = "community" if values["repository"].startswith("@") else "auxdata"
    values["repository"] = values["repository"].removeprefix("@")
    return CARD.format(code=code, **values)


def found_in(text: str) -> list[Diagnostic]:
    found = check_page(text, source="x.md").found
    return [item for item in found if item.code.startswith(("python", "scala", "snippet", "nlu"))]


def lint(code: str, **fields: str) -> list[tuple[str, int]]:
    """The rules that the code of a card breaks, with the lines, counted from the first line of the code."""
    return [(item.code, item.line - 9) for item in found_in(card(code, **fields))]


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("x = 1\ny = [", [("python-malformed", 2)]),
        ("x = 1\n  y = 2", [("python-malformed", 2)]),
        ("x = foo()\\ \n  .a()\n\ny = foo() \\\t\n  .a()", [("python-backslash", 1)]),
        ("x = foo()\\ \n  .a()\ny = (", [("python-backslash", 1), ("python-malformed", 3)]),
        ("    x = 1\n    y = 2", []),
        ("x = ...", []),
        ('"""\nends in \\ \n"""', []),
        (r'print("\d")', []),
        ("!pip install birds\nx = [", []),
        (">>> x\n1 2", []),
    ],
)
def test_python_is_refused_as_python_does(code, expected):
    assert lint(code) == expected


@pytest.mark.parametrize(
    ("blanks", "message"),
    [
        (1, "A blank follows the backslash at the end of this line, which Python refuses."),
        (2, "A blank follows the backslash at the end of this line, and of 1 more, which Python refuses."),
    ],
)
def test_blanks_after_a_backslash_are_counted(blanks, message):
    (found,) = found_in(card("x = foo()" + "\\ \n.bar()" * blanks))

    assert found.message == f"{message} Remove it."


def test_a_block_that_is_never_closed_or_endless_is_not_read_as_python():
    assert found_in(card("x = [").rpartition("```")[0]) == []
    assert lint("x = [" + "\n" * 100_000) == []


def test_code_in_another_language_is_not_read_as_python():
    assert lint("x = [", language="bash") == []


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ('A.pretrained("bird_finder, "en")', [("scala-quotes", 1)]),
        ("\nA.pretrained('bird_finder', \"en\")", [("scala-quotes", 2)]),
        ("A.pretrained(\"bird_finder\", lang='en')", [("scala-quotes", 1)]),
        ('A.pretrained("bird_finder", "en")', []),
        ('A.pretrained("""bird_finder""")', []),
        ("A.setDelimiter('x').setText('it')\nA.pretrained(\"bird_finder\")", []),
    ],
)
def test_scala_wants_two_double_quotes(code, expected):
    assert [found for found in lint(code, language="scala", annotator="") if found[0] == "scala-quotes"] == expected


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ('PerceptronModel.pretrained("egg_finder")', [("snippet-name-differs", 1)]),
        ('A.pretrained("x")\nPerceptronModel.pretrained("egg")\nA.pretrained("bird_f")', [("snippet-name-differs", 2)]),
        ('PretrainedPipeline("bird_finder")', []),
        ("PerceptronModel.pretrained()", []),
        ("OtherModel.pretrained()", [("snippet-name-differs", 1)]),
        ('A.pretrained("bird_f")\nPretrainedPipeline("egg")', [("snippet-name-differs", 2)]),
        ('A.pretrained("x")\nPerceptronModel.pretrained("bird_finder")', []),
        ('A.pretrained("x")\nPerceptronModel.load("bird_finder")', []),
        ('A.pretrained("x")\nPerceptronModel.load("bird_finder_2")', [("snippet-name-differs", 1)]),
        ("x = 1", []),
    ],
)
def test_code_should_load_the_model_of_the_card(code, expected):
    assert lint(code) == expected


@pytest.mark.parametrize(
    ("call", "language", "message"),
    [
        ('PerceptronModel.pretrained("egg")', "python", "The Python code loads egg, but never bird_finder, "),
        ("OtherModel.pretrained()", "scala", "The Scala code loads OtherModel, but never bird_finder, "),
        ('PerceptronModel.pretrained("egg")', "", "The code loads egg, but never bird_finder, "),
    ],
)
def test_what_is_loaded_instead_is_named(call, language, message):
    (found,) = found_in(card(call, language=language))

    assert found.message.startswith(message)


def test_calls_in_other_languages_count_for_nothing():
    assert lint('PerceptronModel.pretrained("egg")', language="bash") == []


def test_each_language_should_load_the_model_of_the_card():
    code = 'PerceptronModel.pretrained("bird_finder")\n```\n```scala\nPerceptronModel.pretrained("egg_finder")'

    assert lint(code) == [("snippet-name-differs", 4)]


def test_code_that_loads_what_the_front_matter_names_is_right_where_the_link_is_wrong():
    assert lint('PerceptronModel.pretrained("bird_finder")', key=KEY.replace("bird", "egg")) == []


@pytest.mark.parametrize(
    ("call", "repository", "expected"),
    [
        ('PerceptronModel.pretrained("bird_finder", "en", "clinical/models")', "public/models", True),
        ('PerceptronModel.pretrained("bird_finder", "en")', "clinical/models", True),
        ('PerceptronModel.pretrained("bird_finder", "en", "public/ocr/models")', "clinical/ocr", True),
        ('PerceptronModel.pretrained("bird_finder", "en")', "@ornis", True),
        ('MedicalNerModel.pretrained("bird_finder", "en", "public/models")', "clinical/models", True),
        ('PerceptronModel.pretrained("bird_finder", "en", "@ornis")', "@ornis", False),
        ('PerceptronModel.pretrained("bird_finder", "en", "clinical/models")', "clinical/models", False),
        ('MedicalNerModel.pretrained("bird_finder", "en")', "clinical/models", False),
        ('PerceptronModel.pretrained("bird_finder", "en", "own/models")', "own/models", False),
        ('PerceptronModel.pretrained("bird_finder", "en")', "own/models", False),
    ],
)
def test_code_should_ask_the_repository_of_the_zip(call, repository, expected):
    found = lint(call, repository=repository, annotator="")

    assert found == ([("snippet-repository-differs", 1)] if expected else [])


@pytest.mark.parametrize(
    ("given", "asked"),
    [("", "public/models, which is the default"), (', "en", "clinical/models"', "clinical/models")],
)
def test_the_repository_that_is_asked_is_named(given, asked):
    (found,) = found_in(card(f'PerceptronModel.pretrained("bird_finder"{given})', repository="finance/models"))

    assert found.message.startswith(f"The code asks {asked}, the zip lies in finance/models.")


def test_a_zip_without_a_language_is_for_every_language():
    key = KEY.replace("_en_", "__")

    assert lint('PerceptronModel.pretrained("bird_finder", "en")', key=key) == []


@pytest.mark.parametrize("given", ["clincal/models", "finance/model", "public/model"])
def test_a_misspelt_repository_is_reported_once(given):
    assert lint(f'PerceptronModel.pretrained("bird_finder", "en", "{given}")') == [("snippet-repository-misspelt", 1)]


@pytest.mark.parametrize("given", ["@ornis", "@clinical/models", "birds/own", "public/ocr/models"])
def test_a_repository_that_is_like_none_of_the_hub_is_no_typing_error(given):
    assert lint(f'A.pretrained("eggs", "en", "{given}")\nPerceptronModel.pretrained("bird_finder")') == []


@pytest.mark.parametrize(
    ("annotator", "call", "expected"),
    [
        ("PerceptronModel", 'NerDLModel.pretrained("bird_finder")', True),
        ("PipelineModel", 'NerDLModel.pretrained("bird_finder")', True),
        ("NerDLModel", 'PipelineModel.pretrained("bird_finder")', True),
        ("NerDLModel", 'PretrainedPipeline("bird_finder")', False),
        ("PipelineModel", 'PipelineModel.pretrained("bird_finder")', False),
        ("Pipeline", 'PipelineModel.pretrained("bird_finder")', False),
        ("AlBertEmbeddings", 'AlbertEmbeddings.pretrained("bird_finder")', False),
        ("LegalNerModel", 'legal.NerModel.pretrained("bird_finder", "en", "public/models")', False),
        ("", 'NerDLModel.pretrained("bird_finder")', False),
    ],
)
def test_the_class_of_the_call_should_be_that_of_the_front_matter(annotator, call, expected):
    assert lint(call, annotator=annotator) == ([("snippet-class-differs", 1)] if expected else [])


def test_a_wrong_class_is_reported_once():
    code = 'NerDLModel.pretrained("bird_finder")\nNerDLModel.pretrained("bird_finder")'

    assert lint(code) == [("snippet-class-differs", 1)]


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ('PerceptronModel.pretrained("bird_finder ", "en")', [("snippet-name-blank", 1)]),
        ("PerceptronModel.pretrained('bird_finder', lang=' en')", [("snippet-name-blank", 1)]),
        ('PerceptronModel.pretrained( "bird_finder" , "en" )', []),
    ],
)
def test_blanks_in_quotes_are_reported(code, expected):
    assert lint(code) == expected


@pytest.mark.parametrize(
    ("given", "is_malformed"),
    [
        ('"en.ner."', True),
        ("''", True),
        ('"en..ner"', True),
        ('"en.ner. en.classify.birds"', True),
        ('"en.ner en.classify.birds"', False),
        ('"elmo"', False),
        ('"""en.ner"""', False),
    ],
)
def test_nlu_references_are_whole(given, is_malformed):
    assert lint(f"nlu.load({given})") == ([("nlu-malformed", 1)] if is_malformed else [])
