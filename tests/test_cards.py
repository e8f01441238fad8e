"""What is read from whole cards: own small ones with one oddity each, and our versions of the seeds."""

from pathlib import Path

import pytest

from modelhub.cards import ModelCard, parse_card, parse_document
from modelhub.facts import Dependency, Score
from modelhub.guides import TaskGuide

DATA = Path(__file__).parent / "data" / "cards"
PACKAGED = Path(__file__).parents[1] / "cards"


def read(name: str) -> ModelCard:
    return parse_card((DATA / name).read_text(encoding="utf-8"), source=f"some/folder/{name}")


def codes(card: ModelCard) -> list[str]:
    return [diagnostic.code for diagnostic in card.diagnostics]


def test_a_card_of_todays_hub_is_read_without_complaint():
    card = read("2023-03-01-bird_finder_en.md")

    assert card.diagnostics == ()
    assert card.facts.to_dict() == {
        "title": "Finds birds in English text",
        "date": "2023-03-01",
        "tasks": ["Named Entity Recognition"],
        "tags": ["ner", "en", "open_source"],
        "product": "Spark NLP",
        "annotator": "BertForTokenClassification",
        "license": "Open Source",
        "type": "model",
        "size_bytes": 42_900_000,
        "supported": True,
        "compatibility": "Spark NLP 4.3.0+",
        "labels": ["BIRD", "NEST"],
        "label_count": 2,
        "input_labels": ["document", "token"],
        "output_labels": ["ner"],
        "case_sensitive": True,
        "max_sentence_length": 128,
        "best_score": {"metric": "f1", "value": 0.89},
        "scores": [
            {"label": "BIRD", "precision": 0.91, "recall": 0.93, "f1": 0.92, "support": 120},
            {"label": "NEST", "precision": 0.81, "recall": 0.79, "f1": 0.8, "support": 40},
            {"label": "micro avg", "precision": 0.89, "recall": 0.9, "f1": 0.89, "support": 160},
            {"label": "macro avg", "precision": 0.86, "recall": 0.86, "f1": 0.86, "support": 160},
        ],
        "nlu": ["en.ner.birds", "en.classify.birds"],
        "page": "2023-03-01-bird_finder_en",
        "origin": "ornis/bird-finder",
        "references": ["https://huggingface.co/datasets/birds/eggs"],
        "dependencies": [["SentenceDetectorDLModel", "sentence_detector_dl", "xx", ""]],
    }


def test_the_artifact_comes_from_the_link_and_is_filled_from_the_card():
    artifact = read("2023-03-01-bird_finder_en.md").artifact

    assert artifact is not None
    assert artifact.reference == "bird_finder:en"
    assert artifact.uri.startswith("https://s3.amazonaws.com/auxdata.johnsnowlabs.com/public/models/bird_finder_en_")
    assert (artifact.size_bytes, artifact.size_exact) == (42_900_000, False)
    assert artifact.annotator == "BertForTokenClassification"


def test_sections_are_kept_as_text_and_code_by_language():
    card = read("2023-03-01-bird_finder_en.md")

    assert card.description.startswith("Marks the names of birds.")
    assert "btn-box" not in card.description
    assert [len(card.code[language]) for language in ("python", "scala", "bash")] == [2, 1, 2]
    assert card.code["scala"][0].startswith("val sentences")
    assert card.predicted_entities_text == "`BIRD`, `NEST`, `BIRD`"
    assert card.references[1] == "https://huggingface.co/ornis/bird-finder"
    assert card.benchmark.startswith("       label")
    assert "heron" in card.results
    assert card.model_info["max sentence length"] == "128"


def test_a_stub_gives_what_its_front_matter_says():
    card = read("03-05-2020-owl_stub_en.md")

    assert card.artifact is None
    assert (card.name, card.language) == ("owl_stub", "en")
    assert (card.facts.date, card.facts.page) == ("2020-05-03", "")
    assert (card.facts.annotator, card.facts.product, card.facts.license) == (
        "ClassifierDLModel",
        "Healthcare NLP",
        "Licensed",
    )
    assert codes(card) == ["title-missing", "link-missing", "table-missing"]


def test_a_card_generated_in_2020_has_its_links_on_one_line_and_two_dimensions():
    card = read("2019-04-29-lemma_gull_it.md")

    assert card.s3_uri == "s3://auxdata.johnsnowlabs.com/public/models/lemma_gull_it_2.0.2_2.4_1556531469058.zip"
    assert card.facts.dimension == 300
    assert card.lib_version == "2.0.2"
    assert (card.facts.product, card.facts.license) == ("Spark NLP", "Open Source")
    assert card.facts.case_sensitive is True
    assert card.facts.dependencies == ()
    assert card.data_sources == ("Look [there](https://example.org/lemmas) for more.",)


def test_a_handmade_card_of_2020_is_read_with_its_malformed_link():
    card = read("2020--03-25-ner_storks_en.md")

    assert card.artifact is not None
    assert card.artifact.reference == "clinical/models/ner_storks:en"
    assert card.facts.date == "2020-03-25"
    assert card.facts.labels == ("Stork", "Nest")
    assert card.facts.input_labels == ("sentence", "token", "embeddings")
    assert card.model_info["edition"] == "Healthcare"
    assert card.model_info["dependencies"] == "embeddings_clinical"
    assert card.language == "en"
    assert card.facts.license == "Licensed"
    assert card.facts.dependencies == (
        Dependency("WordEmbeddingsModel", "embeddings_clinical", "en", "clinical/models"),
    )
    assert codes(card) == ["name-differs", "link-malformed"]


def test_front_matter_that_yaml_refuses_is_read_all_the_same():
    card = read("unquoted-colon.md")

    assert card.facts.title == "BirdJE: A Dutch bird model"
    assert card.facts.tags == ("bird", "nl")
    assert (card.name, card.language, card.edition) == ("birdje", "nl", "Spark NLP 4.3.0")
    complaint = next(found for found in card.diagnostics if found.code == "front-matter-yaml")
    assert (complaint.source, complaint.line) == ("some/folder/unquoted-colon.md", 3)


def test_yaml_makes_no_booleans_and_no_numbers_of_strings():
    card = read("language-no.md")

    assert card.language == "no"
    assert card.facts.tags == ("no", "fugl")
    assert (card.edition, card.lib_version) == ("Spark NLP 3.10", "3.10")


def test_lists_of_spark_versions_and_tasks_are_kept():
    card = read("spark-versions.md")

    assert card.spark_versions == ("3.0", "3.2")
    assert card.facts.tasks == ("Translation", "Pipeline Public")
    assert card.facts.product == "Visual NLP"
    assert "spark-version-differs" in codes(card)


def test_the_sign_that_parts_tasks_in_a_row_is_in_none(make_card):
    card = parse_card(make_card(task="[Named Entity Recognition | Clinical, NER|POS]"), source="a.md")

    assert card.facts.tasks == ("Named Entity Recognition / Clinical", "NER/POS")


def test_damage_by_a_wrong_decoding_is_repaired():
    card = read("wrong-decoding.md")

    assert card.facts.title == "Vögel — für alle 🚀"
    assert card.description == ("Works “well” with birds 🦉 — and eggs. The Straße („Spaß“) is fine, and so is MAÇÃ”.")
    assert (card.diagnostics[0].code, card.diagnostics[0].line) == ("decoding-repaired", 3)


def test_a_block_that_nobody_closed_swallows_nothing():
    card = read("unclosed-fence.md")

    assert card.facts.size_bytes == 42_900_000
    assert card.facts.dependencies == (Dependency("NerDLModel", "nest_finder", "en"),)
    assert [(found.code, found.line) for found in card.diagnostics if found.code == "fence-unclosed"] == [
        ("fence-unclosed", 30),
        ("fence-unclosed", 32),
    ]


def test_inline_code_at_the_start_of_a_line_opens_no_block():
    card = read("inline-ticks.md")

    assert card.code == {}
    assert card.facts.max_sentence_length == 128


def test_one_link_is_enough_and_gives_both_spellings():
    card = read("only-s3.md")

    assert card.artifact is not None
    assert card.artifact.repository == "@ornis"
    assert card.artifact.uri == (
        "https://s3.amazonaws.com/community.johnsnowlabs.com/ornis/bird_finder_en_4.3.0_3.0_1677628800000.zip"
    )
    assert card.facts.license == "Open Source"


def test_the_download_button_counts_where_the_links_differ():
    card = read("links-differ.md")

    assert card.artifact is not None
    assert card.artifact.key.millis == "1677628800000"
    assert codes(card)[0] == "links-differ"


def test_misspelt_rows_are_read_and_what_cannot_be_read_is_reported():
    card = read("misspelt-table.md")

    assert card.facts.max_sentence_length == 512
    assert card.model_info["dependencies"] == "glove_100d"
    assert card.facts.size_bytes is None
    assert card.facts.license == "Open Source"
    assert card.facts.annotator == "AlbertEmbeddings"
    assert codes(card) == [
        "annotator-misspelt",
        "table-row-misspelt",
        "table-row-misspelt",
        "table-row-unknown",
        "size-malformed",
        "license-unknown",
    ]
    assert [found.field for found in card.diagnostics[1:3]] == ["Max sentense length", "Dpendencies"]


def test_a_pipeline_has_stages_and_an_origin_in_its_prose():
    card = read("2022-09-24-pipeline_bird_songs_en.md")

    assert card.facts.type == "pipeline"
    assert card.facts.stages == ("AudioAssembler", "Wav2Vec2ForCTC")
    assert card.facts.origin == "ornis/bird-songs"
    assert card.facts.size_bytes == 1_200_000_000
    assert (card.facts.product, card.facts.license) == ("Healthcare NLP", "Licensed")
    assert card.facts.dependencies == ()


def test_a_key_with_many_digits_is_kept_and_reported():
    card = read("long-millis.md")

    assert card.artifact is not None
    assert card.artifact.key.millis == "16488194861909098646707"
    assert codes(card) == ["lib-version-differs", "spark-version-differs", "key-millis", "table-missing"]


def test_engines_are_known_by_one_spelling():
    text = (DATA / "2023-03-01-bird_finder_en.md").read_text(encoding="utf-8")

    card = parse_card(text.replace("supported: true", "supported: true\nengine: ONNX"))

    assert card.artifact is not None
    assert (card.artifact.engine, card.facts.engine) == ("onnx", "onnx")


def test_differences_from_the_key_are_reported_with_their_lines():
    card = read("article-header.md")

    assert card.artifact is not None
    assert card.artifact.language == "de"
    assert [(found.code, found.line, found.field) for found in card.diagnostics if found.line] == [
        ("language-differs", 9, "language"),
        ("lib-version-differs", 10, "edition"),
        ("key-duplicated", 13, "supported"),
        ("article-header-unindented", 16, "article_header"),
    ]


@pytest.mark.parametrize(
    ("front_matter", "code", "line"),
    [
        ("name: x\ntitle: X\ndate: 31/02/2020", "date-malformed", 4),
        ("name: x\ntitle: X", "date-missing", 1),
        ("title: X\ndate: 2020-01-01", "name-missing", 1),
    ],
)
def test_a_card_that_lacks_a_key_says_so(front_matter, code, line):
    card = parse_card(f"---\n{front_matter}\n---\n")

    assert (code, line) in [(found.code, found.line) for found in card.diagnostics]


@pytest.mark.parametrize(
    ("date", "message"),
    [
        ("", "The card has no date; the one"),
        ("date: 31/02/2020", "The date '31/02/2020' is no day of the calendar; the"),
    ],
)
def test_a_date_that_is_missing_is_not_called_a_wrong_one(date, message):
    card = parse_card(f"---\nname: x\ntitle: X\n{date}\n---\n")

    assert [found.message for found in card.diagnostics if found.field == "date"][0].startswith(message)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("en.ner.birds", ("en.ner.birds",)),
        ("en.ner.birds en.pos", ("en.ner.birds", "en.pos")),
        ("xx.Sranan Tongo.translate_to.French", ("xx.Sranan Tongo.translate_to.French",)),
        ("xx.Tonga (Zambezi).translate_to.English", ("xx.Tonga (Zambezi).translate_to.English",)),
        ("xx.Finnic languages.translate_to.English", ("xx.Finnic languages.translate_to.English",)),
        ("en.spell.by_uploaded by a friend", ("en.spell.by_uploaded by a friend",)),
        ("", ()),
    ],
)
def test_nlu_references_in_one_string_are_parted(given, expected):
    card = parse_card(f'```python\nnlu.load("{given}").predict("x")\n```\n')

    assert card.facts.nlu == expected


def test_a_default_call_of_the_models_own_class_is_no_dependency():
    code = "NerCrfModel.pretrained()\nPerceptronModel.pretrained()"
    card = parse_card(f"---\nname: ner_crf\nannotator: NerCrfModel\n---\n\n```python\n{code}\n```\n")

    assert card.facts.dependencies == (Dependency("PerceptronModel", "pos_anc", "en"),)


@pytest.mark.parametrize(
    ("call", "dependency"),
    [
        ("CamemBertEmbeddings.pretrained()", Dependency("CamemBertEmbeddings", "camembert_base", "fr")),
        ('UniversalSentenceEncoder.pretrained(lang="xx")', Dependency("UniversalSentenceEncoder", "tfhub_use", "xx")),
        ("MedicalNerModel.pretrained()", Dependency("MedicalNerModel")),
        ('NerDLModel.pretrained("nests")', Dependency("NerDLModel", "nests")),
    ],
)
def test_a_call_without_a_name_means_the_default_of_its_class(call, dependency):
    card = parse_card(f"---\nname: owls\n---\n\n```python\nx = {call}\n```\n")

    assert card.facts.dependencies == (dependency,)


def test_a_default_that_is_the_model_itself_is_no_dependency():
    card = parse_card("---\nname: pos_anc\n---\n\n```python\nPerceptronModel.pretrained()\n```\n")

    assert card.facts.dependencies == ()


def test_code_that_nobody_fenced_is_read_where_there_is_no_other():
    call = 'NerDLModel.pretrained("nests", "en")'
    fenced = "```python\nx = WordEmbeddingsModel.pretrained('eggs', 'en')\n```\n"

    bare = parse_card(f"---\nname: owls\n---\n## How to use\n\nx = {call}\n")
    both = parse_card(f"---\nname: owls\n---\n## How to use\n\nx = {call}\n\n{fenced}")

    assert bare.facts.dependencies == (Dependency("NerDLModel", "nests", "en"),)
    assert both.facts.dependencies == (Dependency("WordEmbeddingsModel", "eggs", "en"),)


@pytest.mark.parametrize(
    ("front_matter", "description", "replaced_by"),
    [
        ("deprecated: true", "It was replaced by `owls_v2`.", "owls_v2"),
        ("deprecated: true\nreplaced_by: owls_v3", "It was replaced by `owls_v2`.", "owls_v3"),
        ("deprecated: false", "Blanks were replaced by `_`.", ""),
    ],
)
def test_a_deprecated_card_says_what_replaces_it(front_matter, description, replaced_by):
    card = parse_card(f"---\nname: owls\n{front_matter}\n---\n## Description\n\n{description}\n")

    assert card.facts.replaced_by == replaced_by


def test_labels_that_only_the_description_lists_are_read():
    card = parse_card(
        "---\nname: owls\n---\n## Description\n\nMasks the following entities: `OWL`, `NEST` and `EGG`.\n"
    )

    assert card.facts.labels == ("OWL", "NEST", "EGG")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "---",
        "---\n- a\n- list\n---\n",
        "---\n" + "[" * 10_000 + "\n---\n",
        "\ufeff---\r\ntitle: x\r\n---\r\n## Description\r\n```",
        "\x00\x00---\ttitle",
        "## Predicted Entities\n`\n`",
        "## Model Information\n|{0.x}|{|",
        "[Download](https://[)",
        "[Download]()\n[Copy S3 URI](s3://)",
        b"\xff\xfe\x80 ## Benchmarking \xc3".decode("utf-8", "replace"),
    ],
)
def test_any_text_gives_a_card(text):
    card = parse_card(text, source="x.md")

    assert isinstance(card, ModelCard)
    assert all(0 <= found.line <= text.count("\n") + 1 for found in card.diagnostics)


def test_every_cut_of_a_card_gives_a_card():
    text = (DATA / "2023-03-01-bird_finder_en.md").read_text(encoding="utf-8")

    cards = [parse_card(text[:length]) for length in range(0, len(text), 7)]

    assert all(isinstance(card, ModelCard) for card in cards)


def test_line_breaks_and_a_byte_order_mark_change_nothing_but_the_text():
    text = (DATA / "2023-03-01-bird_finder_en.md").read_text(encoding="utf-8")

    strange = parse_card("\ufeff" + text.replace("\n", "\r\n"))

    assert strange.facts == parse_card(text).facts


def test_documents_are_told_apart_by_their_layout():
    guide = (DATA / "choosing_birds.md").read_text(encoding="utf-8")
    card = (DATA / "only-s3.md").read_text(encoding="utf-8")

    assert isinstance(parse_document(guide), TaskGuide)
    assert isinstance(parse_document(card), ModelCard)


@pytest.mark.parametrize(
    ("page", "reference", "origin", "labels", "score"),
    [
        (
            "2022-07-06-bert_pos_4L_weight_decay_en_3_0",
            "bert_pos_4L_weight_decay:en",
            "kktoto/4L_weight_decay",
            0,
            None,
        ),
        (
            "2022-07-08-bert_pos_BERT_finetuned_conll2003_POS_en_3_0",
            "bert_pos_BERT_finetuned_conll2003_POS:en",
            "Tahsin/BERT-finetuned-conll2003-POS",
            0,
            None,
        ),
        (
            "2021-08-05-bert_large_token_classifier_conll03_en",
            "bert_large_token_classifier_conll03:en",
            "",
            4,
            Score(metric="f1", value=0.901),
        ),
        (
            "2021-08-05-bert_token_classifier_spanish_ner_es",
            "bert_token_classifier_spanish_ner:es",
            "mrm8488/bert-spanish-cased-finetuned-ner",
            9,
            Score(metric="f1", value=0.9017),
        ),
    ],
)
def test_our_own_cards_are_read_in_full(page, reference, origin, labels, score):
    path = PACKAGED / f"{page}.md"
    card = parse_card(path.read_text(encoding="utf-8"), source=str(path))

    assert card.artifact is not None
    assert card.artifact.reference == reference
    assert (card.facts.page, card.facts.origin, card.facts.label_count) == (page, origin, labels)
    assert card.facts.best_score == score
    assert card.diagnostics == ()
