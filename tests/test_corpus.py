"""The card parser on real cards, where the folder of them is there: `../shared/corpus` beside the repository."""

import sys
import tarfile
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

from modelhub.candidates import Candidates
from modelhub.cards import ModelCard, parse_card
from modelhub.catalogue import Catalogue
from modelhub.config import load_config
from modelhub.errors import ModelHubError
from modelhub.references import Reference
from modelhub.resolver import Runtime

ROOT = Path(__file__).parents[1]
CORPUS = ROOT.parent / "shared" / "corpus"

pytestmark = pytest.mark.skipif(not CORPUS.is_dir(), reason=f"the real cards are not here ({CORPUS})")


def read_hub() -> Iterator[ModelCard]:
    with tarfile.open(CORPUS / "hub-2024-09.tar.xz") as archive:
        for member in archive:
            if member.name.endswith(".md") and (content := archive.extractfile(member)):
                yield parse_card(content.read().decode("utf-8"), source=member.name)


@pytest.mark.slow
def test_the_hub_of_2024_gives_its_artifacts():
    cards = list(read_hub())
    found = [card.artifact for card in cards if card.artifact]
    codes = [diagnostic.code for card in cards for diagnostic in card.diagnostics]

    assert len(cards) == 13_875
    assert (len(found), len({artifact.s3_uri for artifact in found})) == (13_873, 13_865)
    assert codes.count("link-missing") == 2
    assert codes.count("key-millis") == 1
    assert all(card.facts.date and card.facts.page and card.facts.license and card.facts.product for card in cards)
    measured = [bool(card.facts.scores) for card in cards if card.benchmark]
    assert sum(measured) / len(measured) > 0.96


@pytest.mark.slow
def test_pages_nlu_references_and_models_of_hugging_face_mean_the_models_of_their_cards(tmp_path):
    config = load_config({"home": tmp_path, "offline": True}, environ={})
    catalogue = Catalogue(config, lambda sentence: None)
    catalogue.update_cards(CORPUS / "hub-2024-09.tar.xz")
    candidates = Candidates(catalogue, config)
    published = [card for card in read_hub() if card.artifact]
    of_nlu, of_origin = defaultdict(set), defaultdict(set)
    for card in published:
        for reference in card.facts.nlu:
            of_nlu[reference].add(card.artifact.reference)
        if card.facts.origin:
            of_origin[card.facts.origin.lower()].add(card.artifact.reference)
    expected = [(address_of(card), {card.artifact.reference}) for card in published]
    for references in (of_nlu, of_origin):
        expected += [(text, models) for text, models in references.items() if len(models) == 1]

    wrong = {text for text, models in expected[::_EVERY] if means(candidates, text) not in models}
    catalogue.close()

    assert len(expected) > 20_000
    assert wrong == set()


_EVERY = 40  # all of them take minutes


def address_of(card: ModelCard) -> str:
    year, month, day, stem = card.facts.page.split("-", 3)
    return f"https://nlp.johnsnowlabs.com/{year}/{month}/{day}/{stem}.html"


def means(candidates: Candidates, text: str) -> str:
    try:
        return candidates.resolve(Reference.parse(text), Runtime()).artifact.reference
    except ModelHubError as error:
        return error.code


@pytest.fixture(scope="module")
def card_agreement():
    sys.path.insert(0, str(ROOT / "benchmarks"))
    try:
        import card_agreement
    finally:
        sys.path.pop(0)
    return card_agreement


def test_odd_cards_are_read_as_an_independent_extractor_reads_them_where_it_is_right(card_agreement):
    comparison = card_agreement.compare(CORPUS)

    assert comparison.cards == 745
    assert {(found.path, found.field) for found in comparison.disagreements} == card_agreement.read_verdicts()
    assert min(comparison.agreement(field) for field in card_agreement.FIELDS if field != "dependencies") >= 0.995
