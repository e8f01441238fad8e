from __future__ import annotations

import pytest

from modelhub.search_words import parse_wanted


@pytest.mark.parametrize(
    ("typed", "text"),
    [
        ("hats", "hats"),
        ("  Straw   hats ", "straw hats"),
        ("ner_dl:en", "ner_dl en"),
        ("ner_dl:en@2.4.3", "ner_dl en"),
        ("ner_dl@2.4.3", "ner_dl"),
        ("ner_dl:", "ner_dl"),
        ("ner_dl_en_2.4.3_2.4_1584624950746", "ner_dl en"),
        ("ner_dl_en_2.4.3_2.4_1584624950746.zip", "ner_dl en"),
        ("ner_dl__2.4.3_2.4_1584624950746", "ner_dl"),
        ("felt ner_dl:en hats", "felt ner_dl en hats"),
        ("ada@hats", "ada@hats"),
        ("public/models/ner_dl", "ner_dl"),
        ("clinical/models/ner_dl:en@2.4.3", "ner_dl en"),
        ("clinical/ocr/ner_dl_en_2.4.3_2.4_1584624950746.zip", "ner_dl en"),
        ("@ada/ner_dl:en", "ner_dl en"),
        ("s3://hats/public/models/ner_dl:en", "ner_dl en"),
        ("https://s3.amazonaws.com/hats/models/ner_dl_en_2.4.3_2.4_1584624950746.zip", "ner_dl en"),
        ("https://sparknlp.org/2022/07/06/Ner_DL_en_3_0.html", "ner_dl en"),
        ("sparknlp.org/2022/07/06/ner-dl.html", "ner-dl"),
        ("https://huggingface.co/Ada/ner-dl", "ada/ner-dl"),
        ("hf.co/bert-base", "bert-base"),
        ("ada/ner-dl", "ada/ner-dl"),
        ("https://hats.example/straw", "https //hats.example/straw"),
        ("straw/felt/hats", "straw/felt/hats"),
        ("", ""),
    ],
)
def test_a_reference_or_a_key_reads_as_its_name_and_language(typed: str, text: str) -> None:
    wanted = parse_wanted(typed)

    assert (wanted.typed, wanted.text) == (typed.strip(), text)


def test_words_are_cut_as_texts_are() -> None:
    assert parse_wanted("Hu\u0308te ner_dl:en").words == ("hute", "ner", "dl", "en")


@pytest.mark.parametrize(
    ("typed", "words", "phrases"),
    [
        ('"straw hats" felt', ("straw", "hats", "felt"), (("straw", "hats"),)),
        ('felt "Straw  Hats" "a b c"', ("felt", "straw", "hats", "a", "b", "c"), (("straw", "hats"), ("a", "b", "c"))),
        ('"straw_hats"', ("straw", "hats"), (("straw", "hats"),)),
        ('"straw"', ("straw",), ()),
        ('"straw hats', ("straw", "hats"), ()),
        ('""', (), ()),
    ],
)
def test_what_stands_in_quotes_is_a_phrase(
    typed: str, words: tuple[str, ...], phrases: tuple[tuple[str, ...], ...]
) -> None:
    wanted = parse_wanted(typed)

    assert (wanted.words, wanted.phrases) == (words, phrases)


@pytest.mark.parametrize(
    ("typed", "repository", "page"),
    [
        ("public/models/ner_dl", "public/models", ""),
        ("@ada/ner_dl:en", "@ada", ""),
        ("https://sparknlp.org/2022/07/06/ner_dl_en_3_0.html", "", "2022-07-06-ner_dl_en_3_0"),
        ("ada/ner-dl", "", ""),
        ("public/models/ner_dl hats", "", ""),
        ("", "", ""),
    ],
)
def test_a_reference_alone_says_where_the_model_lies(typed: str, repository: str, page: str) -> None:
    wanted = parse_wanted(typed)

    assert (wanted.repository, wanted.page) == (repository, page)
