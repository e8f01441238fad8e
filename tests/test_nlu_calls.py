import pytest

from modelhub.nlu_calls import find_nlu_calls


@pytest.mark.parametrize(
    ("code", "references"),
    [
        ('nlu.load("en.ner.birds")', ("en.ner.birds",)),
        ("nlu.load( 'en.ner.birds' ).predict('x')", ("en.ner.birds",)),
        ('nlu.load("""en.ner.birds""")', ("en.ner.birds",)),
        ("nlu.load(“en.ner.birds”)", ("en.ner.birds",)),
        ('nlu.load(" en.ner.birds  de.ner.birds ")', ("en.ner.birds", "de.ner.birds")),
        ("nlu.load('xx.Tonga (Zambezi).translate_to.English')", ("xx.Tonga (Zambezi).translate_to.English",)),
        ("nlu.load('xx.Uralic languages.translate_to.English')", ("xx.Uralic languages.translate_to.English",)),
        ("nlu.load('en.ner.birds.')", ("en.ner.birds.",)),
        ("nlu.load('birds')", ("birds",)),
        ('nlu.load("")', ()),
    ],
)
def test_references_are_told_from_what_is_given(code, references):
    (call,) = find_nlu_calls(f"import nlu\n{code}\n")

    assert call.references == references
    assert call.position == len("import nlu\n")


@pytest.mark.parametrize("code", ["nlu.load(name)", "nlu.to_df()", "spark.load('en.ner.birds')", ""])
def test_what_gives_no_text_is_no_call(code):
    assert list(find_nlu_calls(code)) == []
