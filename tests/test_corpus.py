"""The card parser on real cards, where the folder of them is there: `../shared/corpus` beside the repository."""

import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from modelhub.cards import ModelCard, parse_card

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


@pytest.fixture(scope="module")
def card_agreement():
    sys.path.insert(0, str(ROOT / "benchmarks"))
    try:
        import card_agreement
    finally:
        sys.path.pop(0)
    return card_agreement


def test_odd_cards_are_read_as_an_independent_extractor_reads_them(card_agreement):
    comparison = card_agreement.compare(CORPUS)
    # Where these fields differ, the extractor is wrong or looks at less (benchmarks/card_agreement.py shows each case).
    left_out = {"deps", "predicted_entities"}

    below = {
        field: comparison.agreement(field)
        for field in card_agreement.FIELDS
        if field not in left_out and comparison.agreement(field) < 0.995
    }

    assert comparison.cards == 745
    assert below == {}
