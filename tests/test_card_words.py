import pytest

from modelhub import card_words


@pytest.mark.parametrize(
    ("text", "product"),
    [
        ("Spark NLP 4.0.0", "Spark NLP"),
        ("Spark NLP for Healthcare 2.7.1", "Healthcare NLP"),
        ("Spark NLP JSL2.5.0", "Healthcare NLP"),
        ("Spark OCR 3.0.0", "Visual NLP"),
        ("Visual NLP 4.2.4", "Visual NLP"),
        ("Spark NLP for Legal 1.0.0", "Legal NLP"),
        ("Finance NLP 1.0.0", "Finance NLP"),
        ("public/models", "Spark NLP"),
        ("clinical/models", "Healthcare NLP"),
        ("clinical/ocr", "Visual NLP"),
        ("", ""),
    ],
)
def test_products_are_told_by_edition_or_repository(text, product):
    assert card_words.product_of(text) == product


@pytest.mark.parametrize(
    ("text", "version"), [("Spark NLP 4.0.0+", "4.0.0"), ("Spark NLP JSL2.5.0", "2.5.0"), ("new", "")]
)
def test_versions_are_found(text, version):
    assert card_words.version_in(text) == version


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("open source", "Open Source"),
        ("Open Sources", "Open Source"),
        ("Licenced", "Licensed"),
        ("Enterprise", "Licensed"),
        ("", ""),
    ],
)
def test_licences_have_two_names(text, expected):
    assert card_words.license_of(text) == expected


def test_a_licence_is_told_by_tags_or_by_repository():
    assert card_words.license_by_tags(["en", "open_source"]) == "Open Source"
    assert card_words.license_by_tags(["licensed"]) == "Licensed"
    assert card_words.license_by_tags(["en"]) == ""
    assert card_words.license_by_repository("@user") == "Open Source"
    assert card_words.license_by_repository("public/models") == "Open Source"
    assert card_words.license_by_repository("legal/models") == "Licensed"
    assert card_words.license_by_repository("") == ""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2022-07-06", "2022-07-06"),
        ("2020-03-19 00:00:00 +0800", "2020-03-19"),
        ("25/08/2020", "2020-08-25"),
        ("25-08-2020-x_en", "2020-08-25"),
        ("2020--03-25-x_en", "2020-03-25"),
        ("2020-11-05_x_en", "2020-11-05"),
        ("31/02/2020", ""),
        ("yesterday", ""),
    ],
)
def test_days_are_read_in_each_of_their_forms(text, expected):
    assert card_words.iso_date(text) == expected


@pytest.mark.parametrize(
    ("source", "stem", "page"),
    [
        ("a/b/2022-07-06-x_en_3_0.md", "2022-07-06-x_en_3_0", "2022-07-06-x_en_3_0"),
        ("C:\\cards\\06-07-2022-x_en.md", "06-07-2022-x_en", ""),
        ("000_abc.txt", "000_abc.txt", ""),
        ("", "", ""),
    ],
)
def test_the_page_is_told_by_the_file_name(source, stem, page):
    assert card_words.file_stem(source) == stem
    assert card_words.page_of(stem) == page


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("42.9 MB", 42_900_000),
        ("1.2GB", 1_200_000_000),
        ("463.4 kb", 463_400),
        ("7 B", 7),
        ("9223372 TB", 9_223_372_000_000_000_000),
        ("9223373 TB", None),
        ("9" * 400 + " MB", None),
        ("big", None),
    ],
)
def test_sizes_are_decimal(text, size):
    assert card_words.size_in_bytes(text) == size


@pytest.mark.parametrize(
    ("text", "number"), [("512", 512), ("300.0", 300), ("2.4", None), ("", None), ("9" * 30, None)]
)
def test_whole_numbers_are_told_from_others(text, number):
    assert card_words.whole_number(text) == number


@pytest.mark.parametrize(("text", "expected"), [("True", True), ("false", False), ("maybe", None), ("", None)])
def test_flags_are_read_in_any_case(text, expected):
    assert card_words.flag(text) is expected


def test_classes_have_their_real_names():
    assert card_words.annotator_class("AlBertEmbeddings") == "AlbertEmbeddings"
    assert card_words.annotator_class("PretrainedPipeline") == "PipelineModel"
    assert card_words.is_pipeline_class("Pipeline")
    assert not card_words.is_pipeline_class("BertEmbeddings")
