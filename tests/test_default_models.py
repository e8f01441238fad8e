import pytest

from modelhub.default_models import DefaultModel, default_model


@pytest.mark.parametrize(
    ("annotator", "expected"),
    [
        ("PerceptronModel", DefaultModel("pos_anc", "en")),
        ("CamemBertEmbeddings", DefaultModel("camembert_base", "fr")),
        ("TextMatcherModel", None),
        ("MedicalNerModel", None),
        ("", None),
    ],
)
def test_the_default_is_that_of_the_library(annotator, expected):
    assert default_model(annotator) == expected
