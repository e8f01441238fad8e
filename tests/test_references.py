from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelhub.artifacts import Artifact, ArtifactKey
from modelhub.errors import UsageError
from modelhub.references import Reference, parse_words

TEXT_OF_KEY = "pos_tiny_en_4.0.0_3.0_1656000000000"
KEY = ArtifactKey.parse(TEXT_OF_KEY)
PAGE = "https://sparknlp.org/2022/07/06/pos_tiny_en_3_0.html"
REPOSITORIES = st.sampled_from(["", "public/models", "clinical/ocr", "@ada", "s3://elsewhere/some/folder"])


def of_key(repository: str = "", uri: str = "") -> Reference:
    return Reference(name="pos_tiny", language="en", repository=repository, key=KEY, uri=uri)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("pos_tiny", Reference(name="pos_tiny")),
        ("pos_tiny:en", Reference(name="pos_tiny", language="en")),
        ("pos_tiny:", Reference(name="pos_tiny", language="")),
        ("pos_tiny:en@4.0.0", Reference(name="pos_tiny", language="en", lib_version="4.0.0")),
        ("pos_tiny@4", Reference(name="pos_tiny", lib_version="4")),
        ("pos_tiny:zh-Hans", Reference(name="pos_tiny", language="zh-Hans")),
        ("clinical/models/ner_jsl:en", Reference(name="ner_jsl", language="en", repository="clinical/models")),
        ("@ada/pos_tiny:en@4.0.0", Reference(name="pos_tiny", language="en", lib_version="4.0.0", repository="@ada")),
        ("models/pos_tiny", Reference(name="pos_tiny", repository="models")),
        (
            "s3://elsewhere/folder/pos_tiny:en",
            Reference(name="pos_tiny", language="en", repository="s3://elsewhere/folder"),
        ),
        ("en.classify.token_bert.hats", Reference(name="en.classify.token_bert.hats")),
        ("de.ner.straw hats 3 ribbons", Reference(name="de.ner.straw hats 3 ribbons")),
        ("de.ner.straw hats:de", Reference(name="de.ner.straw hats", language="de")),
        ("ada/bert-base-uncased", Reference(name="bert-base-uncased", repository="ada")),
        ("m_3.0_2.4", Reference(name="m_3.0_2.4")),
        (TEXT_OF_KEY, of_key()),
        (f"clinical/models/{TEXT_OF_KEY}", of_key("clinical/models")),
        (f"@ada/{TEXT_OF_KEY}", of_key("@ada")),
        (f"s3://elsewhere/folder/{TEXT_OF_KEY}.zip", of_key("s3://elsewhere/folder")),
        (
            f"https://mirror.example/hub/public/models/{TEXT_OF_KEY}.zip",
            of_key(uri=f"https://mirror.example/hub/public/models/{TEXT_OF_KEY}.zip"),
        ),
        (f"file:///srv/hub/{TEXT_OF_KEY}.zip", of_key(uri=f"file:///srv/hub/{TEXT_OF_KEY}.zip")),
        (PAGE, Reference(page="2022-07-06-pos_tiny_en_3_0")),
    ],
)
def test_a_canonical_reference_is_read_and_written_back(text: str, expected: Reference) -> None:
    reference = Reference.parse(text)

    assert reference == expected
    assert str(reference) == text


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("  pos_tiny:en \n", "pos_tiny:en"),
        ("/pos_tiny", "pos_tiny"),
        (f"{TEXT_OF_KEY}.zip", TEXT_OF_KEY),
        (f"s3://auxdata.johnsnowlabs.com/public/models/{TEXT_OF_KEY}.zip", f"public/models/{TEXT_OF_KEY}"),
        (
            f"https://s3.amazonaws.com/auxdata.johnsnowlabs.com/legal/models/{TEXT_OF_KEY}.zip",
            f"legal/models/{TEXT_OF_KEY}",
        ),
        (f"https://s3.amazonaws.com/community.johnsnowlabs.com/ada/{TEXT_OF_KEY}.zip", f"@ada/{TEXT_OF_KEY}"),
        ("http://nlp.johnsnowlabs.com/2022/07/06/pos_tiny_en_3_0.html#download", PAGE),
        ("sparknlp.org/2022/07/06/pos_tiny_en_3_0.html", PAGE),
        ("nlp.johnsnowlabs.com/2022/07/06/pos_tiny_en_3_0.html", PAGE),
        ("https://huggingface.co/ada/bert-base-uncased", "ada/bert-base-uncased"),
        ("https://huggingface.co/ada/bert-base-uncased/", "ada/bert-base-uncased"),
        ("huggingface.co/ada/bert-base-uncased", "ada/bert-base-uncased"),
        ("https://huggingface.co/bert-base-uncased", "bert-base-uncased"),
        ("https://huggingface.co/bert-base-uncased/tree/main", "bert-base-uncased"),
        ("https://huggingface.co/ada/bert-base-uncased/blob/main/config.json", "ada/bert-base-uncased"),
        ("https://www.huggingface.co/ada/bert-base-uncased?library=x#use", "ada/bert-base-uncased"),
        ("https://hf.co/ada/bert-base-uncased", "ada/bert-base-uncased"),
        ("hf.co/ada/bert-base-uncased", "ada/bert-base-uncased"),
        ("www.sparknlp.org/2022/07/06/pos_tiny_en_3_0.html", PAGE),
        ("https://SparkNLP.org/2022/07/06/pos_tiny_en_3_0", PAGE),
    ],
)
def test_every_other_spelling_has_a_canonical_one(text: str, canonical: str) -> None:
    reference = Reference.parse(text)

    assert str(reference) == canonical
    assert Reference.parse(canonical) == reference


@pytest.mark.parametrize(
    "text",
    [
        "",
        "   ",
        ":en",
        "@4.0.0",
        "@ada",
        "public/models/",
        "two words",
        "pos_tiny:english",
        "pos_tiny:en:de",
        "pos_tiny:e n",
        "pos_tiny@",
        "pos_tiny:en@",
        "pos_tiny@latest",
        "../pos_tiny",
        "public/../clinical/models/pos_tiny:en",
        "@ada/../pos_tiny",
        f"public/../clinical/models/{TEXT_OF_KEY}",
        f"ftp://hub.example/models/{TEXT_OF_KEY}.zip",
        f"gs://bucket/models/{TEXT_OF_KEY}.zip",
        "https://huggingface.co/",
        "https://huggingface.co/datasets/ada/hats",
        "https://huggingface.co/models?search=hats",
        "pos_tiny@4.0.0:en",
        "https://example.org/models",
        "https://sparknlp.org/models",
        "https://sparknlp.org/2022/07/pos_tiny.html",
        "https://example.org/readme.zip",
        "https://[broken/x.zip",
        "s3://elsewhere/folder/",
        "s3://pos_tiny",
        "file:///srv/hub/readme.zip",
    ],
)
def test_what_is_no_reference_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        Reference.parse(text)


def test_the_second_word_is_the_language() -> None:
    assert Reference.parse("pos_tiny", "en") == Reference.parse("pos_tiny:en")
    assert Reference.parse("@ada/pos_tiny@4.0.0", " en ") == Reference.parse("@ada/pos_tiny:en@4.0.0")


@pytest.mark.parametrize("text", ["pos_tiny:en", TEXT_OF_KEY])
def test_a_language_may_be_said_twice_but_not_two_languages(text: str) -> None:
    assert Reference.parse(text, "en") == Reference.parse(text)
    with pytest.raises(UsageError, match="'de' is a second one"):
        Reference.parse(text, "de")


def test_a_second_word_that_is_no_language_is_refused() -> None:
    with pytest.raises(UsageError, match="'english' is not a language code"):
        Reference.parse("pos_tiny", "english")


def test_a_page_says_its_language_itself() -> None:
    assert Reference.parse(PAGE, "en") == Reference.parse(PAGE)


def test_a_signature_is_used_but_never_shown() -> None:
    uri = f"https://mirror.example/{TEXT_OF_KEY}.zip?X-Amz-Signature=5ec4e7"

    reference = Reference.parse(uri)

    assert reference.uri == uri
    assert str(reference) == f"https://mirror.example/{TEXT_OF_KEY}.zip"


@pytest.mark.parametrize(
    ("words", "references"),
    [
        ([], []),
        (["pos_tiny"], ["pos_tiny"]),
        (["pos_tiny", "en"], ["pos_tiny:en"]),
        (["pos_tiny", "en", "pos_big", "de"], ["pos_tiny:en", "pos_big:de"]),
        (["pos_tiny", "pos_big", "de"], ["pos_tiny", "pos_big:de"]),
        (["pos_tiny:en", "en"], ["pos_tiny:en"]),
        (["ner", "en"], ["ner:en"]),
        (["en", "de"], ["en:de"]),
        (["pos_tiny", "DE"], ["pos_tiny", "DE"]),
        (["@ada/pos_tiny@4.0.0", "pcm"], ["@ada/pos_tiny:pcm@4.0.0"]),
        ([TEXT_OF_KEY, "en"], [TEXT_OF_KEY]),
        ([PAGE, "en"], [PAGE]),
    ],
)
def test_words_are_references_with_their_languages(words: Sequence[str], references: Sequence[str]) -> None:
    assert [str(reference) for reference in parse_words(words)] == references


@pytest.mark.parametrize(
    ("words", "both"),
    [
        (["pos_tiny", "en", "de"], "pos_tiny:en pos_tiny:de"),
        (["pos_tiny:en", "de"], "pos_tiny:en pos_tiny:de"),
        (["@ada/pos_tiny:en@4.0.0", "pcm"], "@ada/pos_tiny:en@4.0.0 @ada/pos_tiny:pcm@4.0.0"),
    ],
)
def test_a_second_language_is_refused_with_what_to_write_for_both(words: Sequence[str], both: str) -> None:
    with pytest.raises(UsageError, match="is a second language") as raised:
        parse_words(words)

    assert raised.value.hint == f"For both write {both}."
    assert [str(reference) for reference in parse_words(both.split())] == both.split()


def test_the_language_of_a_key_cannot_be_another() -> None:
    with pytest.raises(UsageError, match="'de' is a second one"):
        parse_words([TEXT_OF_KEY, "de"])


def test_what_stands_for_a_language_and_is_none_is_said() -> None:
    with pytest.raises(UsageError, match="'english' in 'pos_tiny:english' is not a language code") as raised:
        Reference.parse("pos_tiny:english")

    assert "en, de or xx" in raised.value.hint


def test_an_unknown_scheme_names_the_known_ones() -> None:
    with pytest.raises(UsageError, match="cannot be read") as raised:
        Reference.parse(f"ftp://hub.example/{TEXT_OF_KEY}.zip")

    assert "s3:, https:, http:, file:" in raised.value.hint


def test_a_file_uri_may_have_one_slash() -> None:
    assert Reference.parse(f"file:/srv/hub/{TEXT_OF_KEY}.zip").key == KEY


def test_one_bad_word_is_refused_with_all() -> None:
    with pytest.raises(UsageError, match="'a b'"):
        parse_words(["pos_tiny", "a b"])


@given(
    name=st.text("abcdXYZ_.-é", min_size=1, max_size=20),
    language=st.none() | st.text("abcdefgh", max_size=3),
    lib_version=st.sampled_from(["", "4", "4.0", "4.2.10"]),
    repository=REPOSITORIES,
)
def test_every_reference_by_name_is_read_back(
    name: str, language: str | None, lib_version: str, repository: str
) -> None:
    reference = Reference(name=name, language=language, lib_version=lib_version, repository=repository)

    assert Reference.parse(str(reference)) == reference


@given(
    name=st.text("abcXYZ019_.-", min_size=1, max_size=20),
    language=st.text("abcdefgh", max_size=3),
    millis=st.integers(10**12, 10**23),
    repository=REPOSITORIES,
)
def test_every_reference_by_key_is_read_back(name: str, language: str, millis: int, repository: str) -> None:
    key = ArtifactKey(name, language, "4.2.10", "3.0", str(millis))
    reference = Reference(name=name, language=language, repository=repository, key=key)

    assert Reference.parse(str(reference)) == reference


@given(repository=REPOSITORIES.filter(bool), language=st.text("abcdefgh", max_size=3))
def test_the_reference_of_an_artifact_names_its_model(repository: str, language: str) -> None:
    key = ArtifactKey("pos_tiny", language, "4.0.0", "3.0", "1656000000000")

    reference = Reference.parse(Artifact(key=key, repository=repository).reference)

    assert (reference.name, reference.language) == ("pos_tiny", language)
    assert reference.repository == ("" if repository == "public/models" else repository)
