"""References looked up in the registry of the snapshot, in each of their forms."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from modelhub.artifacts import ArtifactKey
from modelhub.candidates import Candidates
from modelhub.catalogue import Catalogue
from modelhub.config import load_config
from modelhub.errors import AmbiguousError, IncompatibleError, NotAllowedError, NotFoundError
from modelhub.references import Reference
from modelhub.resolver import Runtime
from modelhub.versions import Version

TAGGER = "bert_pos_4L_weight_decay_en_4.0.0_3.0_1657118162458"
CLINICAL = "ner_jsl_en_4.2.0_3.0_1666181370373"
COMMUNITY = "albert_base_token_classifier_conll03_pipeline_en_4.0.0_3.0_1655219065531"
NEWS_TAGGER = "bert_large_token_classifier_conll03_en_3.2.0_2.4_1628171471927"
PUBLIC_URI = "https://s3.amazonaws.com/auxdata.johnsnowlabs.com/public/models"


@pytest.fixture(scope="module")
def candidates(first_starts: tuple[Path, list[Any]]) -> Iterator[Candidates]:
    config = load_config({"home": first_starts[0]}, environ={})
    catalogue = Catalogue(config, pytest.fail)
    yield Candidates(catalogue, config)
    catalogue.close()


def key_of(candidates: Candidates, text: str, language: str | None = None, runtime: Runtime | None = None) -> str:
    return str(candidates.resolve(Reference.parse(text, language), runtime or Runtime()).artifact.key)


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("bert_pos_4L_weight_decay", TAGGER),
        ("  bert_pos_4L_weight_decay ", TAGGER),
        ("bert_pos_4L_weight_decay:en", TAGGER),
        ("bert_pos_4L_weight_decay:en@4.0.0", TAGGER),
        ("bert_pos_4L_weight_decay@4.0.0", TAGGER),
        ("public/models/bert_pos_4L_weight_decay:en", TAGGER),
        (TAGGER, TAGGER),
        (f"{TAGGER}.zip", TAGGER),
        (f"public/models/{TAGGER}", TAGGER),
        (f"{PUBLIC_URI}/{TAGGER}.zip", TAGGER),
        (f"s3://auxdata.johnsnowlabs.com/public/models/{TAGGER}.zip", TAGGER),
        ("https://sparknlp.org/2022/07/06/bert_pos_4L_weight_decay_en_3_0.html", TAGGER),
        ("https://nlp.johnsnowlabs.com/2022/07/06/bert_pos_4L_weight_decay_en_3_0.html", TAGGER),
        ("sparknlp.org/2022/07/06/bert_pos_4L_weight_decay_en_3_0.html", TAGGER),
        ("https://sparknlp.org/2022/07/06/bert_pos_4L_weight_decay_en.html", TAGGER),
        ("https://sparknlp.org/2099/01/01/bert_pos_4L_weight_decay_en_3_4.html", TAGGER),
        ("kktoto/4L_weight_decay", TAGGER),
        ("https://huggingface.co/kktoto/4L_weight_decay/tree/main", TAGGER),
        ("https://huggingface.co/kktoto/4L_weight_decay", TAGGER),
        ("huggingface.co/kktoto/4L_weight_decay", TAGGER),
        ("KKTOTO/4l_weight_decay", TAGGER),
        ("en.classify.token_bert.large_conll03", NEWS_TAGGER),
        ("en.classify.token_bert.large_conll03:en", NEWS_TAGGER),
        ("ner_jsl", CLINICAL),
        ("clinical/models/ner_jsl:en", CLINICAL),
        ("@ahmedlone127/albert_base_token_classifier_conll03_pipeline", COMMUNITY),
        ("aner_cc_300d:ar@4.0.0", "aner_cc_300d_ar_4.0.0_3.0_1658869537384"),
        ("af.pos.afribooms", "pos_afribooms_af_3.0.0_3.0_1617749039095"),
    ],
)
def test_a_reference_of_any_form_means_its_artifact(candidates: Candidates, text: str, key: str) -> None:
    assert key_of(candidates, text) == key


def test_a_second_word_is_the_language(candidates: Candidates) -> None:
    assert key_of(candidates, "bert_pos_4L_weight_decay", "en") == TAGGER


def test_public_models_come_before_those_of_the_same_name_elsewhere(candidates: Candidates) -> None:
    reference = Reference.parse("albert_base_token_classifier_conll03_pipeline")

    assert candidates.resolve(reference, Runtime()).artifact.repository == "public/models"
    assert {artifact.repository for artifact in candidates.of(reference)} == {"public/models", "@ahmedlone127"}


def test_a_repository_that_was_not_asked_for_is_said(candidates: Candidates) -> None:
    resolution = candidates.resolve(Reference.parse("ner_jsl"), Runtime())

    assert resolution.notes == ("ner_jsl is in clinical/models.",)


def test_a_page_that_no_card_has_means_the_build_of_its_day(candidates: Candidates) -> None:
    pages = [f"https://sparknlp.org/{day}/pos_afribooms_af_9_9.html" for day in ("2021/03/16", "2021/04/06")]

    keys = [key_of(candidates, page) for page in pages]

    assert keys == ["pos_afribooms_af_2.7.5_2.4_1615903333785", "pos_afribooms_af_3.0.0_3.0_1617749039095"]


def test_an_nlu_reference_resolves_for_the_runtime(candidates: Candidates) -> None:
    old = Runtime(sparknlp=Version.parse("2.7.5"), spark=Version.parse("2.4.4"))

    assert key_of(candidates, "af.pos.afribooms", runtime=old) == "pos_afribooms_af_2.7.5_2.4_1615903333785"


@pytest.mark.parametrize(
    ("text", "uri"),
    [
        (TAGGER, f"{PUBLIC_URI}/{TAGGER}.zip"),
        ("ner_jsl", f"https://s3.amazonaws.com/auxdata.johnsnowlabs.com/clinical/models/{CLINICAL}.zip"),
        (
            "@ahmedlone127/albert_base_token_classifier_conll03_pipeline",
            f"https://s3.amazonaws.com/community.johnsnowlabs.com/ahmedlone127/{COMMUNITY}.zip",
        ),
    ],
)
def test_every_candidate_says_where_it_is_read(candidates: Candidates, text: str, uri: str) -> None:
    assert candidates.resolve(Reference.parse(text), Runtime()).artifact.uri == uri


@pytest.mark.parametrize("repository", ["public/models", "clinical/models"])
def test_a_key_that_nobody_lists_can_be_pulled_all_the_same(candidates: Candidates, repository: str) -> None:
    key = "brand_new_en_6.0.0_3.4_1757118162458"
    resolution = candidates.resolve(Reference.parse(f"{repository}/{key}"), Runtime())
    artifact = resolution.artifact

    assert (str(artifact.key), artifact.repository) == (key, repository)
    assert artifact.uri.endswith(f"/{repository}/{key}.zip")
    assert resolution.notes == (f"{key} is in no list and on no card that is known here.",)
    assert [verdict.reason for verdict in resolution.verdicts] == ["taken as it is written"]
    assert not candidates.knows(artifact.key)


def test_a_key_that_is_known_needs_no_word(candidates: Candidates) -> None:
    assert candidates.resolve(Reference.parse(TAGGER), Runtime()).notes == ()
    assert candidates.knows(ArtifactKey.parse(TAGGER))


def test_a_zip_that_is_named_by_its_uri_is_taken_where_it_lies(first_starts: tuple[Path, list[Any]]) -> None:
    config = load_config({"home": first_starts[0], "hub": "https://mirror.example/hub"}, environ={})
    catalogue = Catalogue(config, pytest.fail)
    uri = f"https://mirror.example/hub/our/models/{TAGGER}.zip"
    resolution = Candidates(catalogue, config).resolve(Reference.parse(uri), Runtime())
    catalogue.close()

    assert (resolution.artifact.uri, resolution.artifact.repository) == (uri, "our/models")
    assert resolution.notes == ()


def test_a_zip_on_no_hub_is_not_taken(candidates: Candidates) -> None:
    with pytest.raises(NotAllowedError):
        key_of(candidates, f"https://elsewhere.example/{TAGGER}.zip")


def test_an_unknown_key_has_the_known_builds_as_its_nearest(candidates: Candidates) -> None:
    reference = Reference.parse(TAGGER.replace("1657118162458", "1757118162458"))
    error = candidates.not_found(reference)

    assert error.nearest == (TAGGER,)
    assert error.hint == f"Known builds: {TAGGER}."
    for unknown in ("none_en_4.0.0_3.0_1657118162458", "xqzzzzk"):
        hint = candidates.not_found(Reference.parse(unknown)).hint
        assert hint == "modelhub search WORDS finds models; modelhub update brings newer ones."


# Nothing, or too much


@pytest.mark.parametrize(
    ("text", "nearest"),
    [
        ("bert_pos_4L_weight_dcay", "bert_pos_4L_weight_decay"),
        ("bert_pos_4l_weight_decay", "bert_pos_4L_weight_decay"),
        ("bert_pos_4L_weight_decay_en", "bert_pos_4L_weight_decay:en"),
        ("bert_token_classifier_spanish_ner_es", "bert_token_classifier_spanish_ner:es"),
        ("ner_jls", "ner_jsl"),
        ("bert_pos_4L_weight_decay:fr", "bert_pos_4L_weight_decay:en"),
        ("legal/models/bert_pos_4L_weight_decay", "bert_pos_4L_weight_decay:en"),
        ("https://sparknlp.org/2022/07/06/bert_pos_4L_weight_dcay_en_3_0.html", "bert_pos_4L_weight_decay"),
        (
            "jonatasgrosman/wav2vec2-large-xlsr-53-english",
            "asr_wav2vec2_large_xlsr_53_english_by_jonatasgrosman",
        ),
        ("bert_pos_4L_weight_decay@3.9", "bert_pos_4L_weight_decay:en@4.0.0"),
    ],
)
def test_what_does_not_exist_gets_the_nearest_that_does(candidates: Candidates, text: str, nearest: str) -> None:
    with pytest.raises(NotFoundError) as raised:
        key_of(candidates, text)

    assert raised.value.nearest[0] == nearest
    assert raised.value.exit_status == 4
    assert nearest.split("@")[-1] in raised.value.hint


@pytest.mark.parametrize("text", ["xqzzzzzzzzk", "@nobody/xqzzzzzzzzk", "https://sparknlp.org/2099/01/01/none_en.html"])
def test_what_resembles_nothing_gets_no_names(candidates: Candidates, text: str) -> None:
    with pytest.raises(NotFoundError) as raised:
        key_of(candidates, text)

    assert not raised.value.nearest
    assert "modelhub" in raised.value.hint


def test_the_nearest_names_can_be_resolved(candidates: Candidates) -> None:
    with pytest.raises(NotFoundError) as raised:
        key_of(candidates, "bert_pos_4L_weight_decay_en")

    assert key_of(candidates, raised.value.nearest[0]) == TAGGER


def test_a_name_in_several_languages_without_english_is_ambiguous(candidates: Candidates) -> None:
    with pytest.raises(AmbiguousError) as raised:
        key_of(candidates, "asr_exp_w2v2t_vp_s878_gpu")

    assert raised.value.nearest == ("asr_exp_w2v2t_vp_s878_gpu:fr", "asr_exp_w2v2t_vp_s878_gpu:it")
    assert key_of(candidates, "asr_exp_w2v2t_vp_s878_gpu", "fr").startswith("asr_exp_w2v2t_vp_s878_gpu_fr_")


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("ar.pos", {"pos_padt:ar", "pos_ud_padt:ar"}),
        ("ar.pos:ar", {"pos_padt:ar", "pos_ud_padt:ar"}),
        (
            "Adrian/distilbert-base-uncased-finetuned-squad",
            {
                "distilbert_qa_Adrian_base_uncased_finetuned_squad:en",
                "distilbert_qa_adrian_base_uncased_finetuned_squad:en",
            },
        ),
    ],
)
def test_a_reference_that_stands_for_several_models_is_ambiguous(
    candidates: Candidates, text: str, meant: set[str]
) -> None:
    with pytest.raises(AmbiguousError, match="stands for 2 models") as raised:
        key_of(candidates, text)

    assert set(raised.value.nearest) == meant


def test_an_incompatible_model_names_what_would_do(candidates: Candidates) -> None:
    with pytest.raises(IncompatibleError) as raised:
        key_of(candidates, "bert_pos_4L_weight_decay", runtime=Runtime(sparknlp=Version.parse("3.4.4")))

    assert raised.value.alternatives == (f"{TAGGER}: needs Spark NLP 4.0.0 or later, here is 3.4.4",)
    assert "Spark NLP 4.0.0" in raised.value.hint
