from __future__ import annotations

import pytest

from modelhub.pretrained_calls import PretrainedCall, find_pretrained_calls


def call(annotator: str, name: str = "", language: str = "", repository: str = "", line: int = 1) -> PretrainedCall:
    return PretrainedCall(annotator=annotator, name=name, language=language, repository=repository, line=line)


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ('Tagger.pretrained("hats", "en", "clinical/models")', call("Tagger", "hats", "en", "clinical/models")),
        ("Tagger.pretrained('hats', 'en')", call("Tagger", "hats", "en")),
        ("Tagger.pretrained(“hats”, ‘en’)", call("Tagger", "hats", "en")),
        ('Tagger.pretrained("""hats""", "en")', call("Tagger", "hats", "en")),
        ('Tagger.pretrained("hats")', call("Tagger", "hats")),
        ('Tagger.pretrained("hats",)', call("Tagger", "hats")),
        ("Tagger.pretrained()", call("Tagger")),
        ('Tagger.pretrained(lang="xx")', call("Tagger", "", "xx")),
        (
            'Tagger.pretrained(name="hats", lang="en", remote_loc="legal/models")',
            call("Tagger", "hats", "en", "legal/models"),
        ),
        ('Tagger.pretrained("hats", remote_loc = "legal/models")', call("Tagger", "hats", "", "legal/models")),
        ('Tagger.pretrained("hats", lang = "en", remoteLoc = "@ada")', call("Tagger", "hats", "en", "@ada")),
        ('Tagger.pretrained("hats", "en", None)', call("Tagger", "hats", "en")),
        ('Tagger.pretrained(" hats ", lang =" en")', call("Tagger", "hats", "en")),
        ('Tagger.pretrained("hats", "en", "clincal/models")', call("Tagger", "hats", "en", "clincal/models")),
        ('Tagger().pretrained("hats", "en")', call("Tagger", "hats", "en")),
        ('val tagger = new Tagger() .pretrained("hats", "en")', call("Tagger", "hats", "en")),
        ('sparknlp.annotators.Tagger.pretrained("hats")', call("Tagger", "hats")),
        ('Tagger.pretrained("hats", verbose=True, lang="en")', call("Tagger", "hats", "en")),
    ],
)
def test_a_call_is_read_in_every_spelling(code: str, expected: PretrainedCall) -> None:
    assert find_pretrained_calls(code) == (expected,)


@pytest.mark.parametrize(
    "code",
    [
        'tagger = Tagger \\\n    .pretrained("hats", "en") \\\n    .setOutputCol("x")',
        'tagger = Tagger\n  .pretrained("hats", "en")\n  .setOutputCol("x")',
        'tagger = Tagger.\npretrained("hats", "en")',
        'tagger = (\n    Tagger.pretrained(\n        "hats",  # the name\n        "en",\n    )\n)',
        'tagger = Tagger.pretrained("hats", \\\n  "en")',
    ],
)
def test_a_call_may_be_cut_over_lines(code: str) -> None:
    assert find_pretrained_calls(code) == (call("Tagger", "hats", "en"),)


@pytest.mark.parametrize(
    ("code", "repository"),
    [
        ('PretrainedPipeline("tour", lang="en")', ""),
        ('new PretrainedPipeline("tour", lang = "en")', ""),
        ("nlp.PretrainedPipeline('tour', 'en', 'legal/models')", "legal/models"),
        ('PretrainedPipeline.downloadPipeline("tour", "en", "public/models")', "public/models"),
    ],
)
def test_a_pipeline_is_a_call_too(code: str, repository: str) -> None:
    assert find_pretrained_calls(code) == (call("PretrainedPipeline", "tour", "en", repository),)


@pytest.mark.parametrize(
    ("written", "annotator"),
    [
        ("legal.NerModel", "LegalNerModel"),
        ("finance.ClassifierDLModel", "FinanceClassifierDLModel"),
        ("medical.NerModel", "MedicalNerModel"),
        ("medical.BertForTokenClassification", "MedicalBertForTokenClassifier"),
        ("legal.RelationExtractionDLModel", "RelationExtractionDLModel"),
        ("medical.AssertionDLModel", "AssertionDLModel"),
        ("nlp.BertForTokenClassification", "BertForTokenClassification"),
    ],
)
def test_a_class_in_a_namespace_gets_the_name_that_the_library_gives_it(written: str, annotator: str) -> None:
    assert find_pretrained_calls(f'{written}.pretrained("hats", "en")') == (call(annotator, "hats", "en"),)


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ('Tagger.pretrained("hats, "en", "legal/models)', call("Tagger", "hats", "en", "legal/models")),
        ('Tagger.pretrained("hats", en")\n.setInputCols(["a", "b"])', call("Tagger", "hats", "en")),
        ('Tagger.pretrained("hats\', lang="en")', call("Tagger", "hats", "en")),
        ('Tagger.pretrained("hats", "en")).setOutputCol("x")', call("Tagger", "hats", "en")),
        ('Tagger.pretrained("hats", "en"\n  .setOutputCol("x")', call("Tagger", "hats", "en")),
        ('Tagger.pretrained("hats", "en"', call("Tagger", "hats", "en")),
        ('Tagger.pretrained("hats", language)', call("Tagger", "hats")),
    ],
)
def test_of_a_broken_call_is_kept_what_can_be_trusted(code: str, expected: PretrainedCall) -> None:
    assert find_pretrained_calls(code) == (expected,)


@pytest.mark.parametrize(
    "code",
    [
        'Tagger.pretrained(name, "en")',
        'Tagger.pretrained(f"hats_{n}", "en")',
        'Tagger.pretrained("hats_" + n, "en")',
        'Tagger.pretrained("hats_%s" % n)',
        'Tagger.pretrained("hats_{}".format(n))',
        "Tagger.pretrained(name=hats)",
        "Tagger.pretrained(**options)",
        'tagger.pretrained("hats", "en")',
        "PretrainedPipeline()",
        "from sparknlp.pretrained import PretrainedPipeline",
        '# Tagger.pretrained("hats", "en")',
        '  // val tagger = Tagger.pretrained("hats", "en")',
        'x = 1  # Tagger.pretrained("hats", "en")',
        "a pretrained model (see above)",
        "",
    ],
)
def test_what_names_nothing_for_sure_is_left_out(code: str) -> None:
    assert find_pretrained_calls(code) == ()


def test_calls_come_in_the_order_of_the_text_with_their_lines() -> None:
    code = '# two\nhats = Tagger.pretrained("hats")\n\ncoats = Tagger \\\n  .pretrained("coats")\n'

    calls = find_pretrained_calls(code)

    assert [(found.name, found.line) for found in calls] == [("hats", 2), ("coats", 5)]


def test_the_same_call_elsewhere_is_equal() -> None:
    assert call("Tagger", "hats", line=1) == call("Tagger", "hats", line=7)


def test_a_uri_is_no_comment() -> None:
    code = 'data = read("https://example.org/x"); Tagger.pretrained("hats", "en")'

    assert find_pretrained_calls(code) == (call("Tagger", "hats", "en"),)
