"""Print cards drawn at random beside the labels that `parse_card` reads, to be read by eye.

Usage: python benchmarks/label_sample.py [NUMBER] [SEED] [FOLDER]

Draws NUMBER (default 200) cards by SEED (default 1) from those of `hub-2024-09.tar.xz` and `odd-cards.tar.xz` in FOLDER
(default ../shared/corpus beside the repository) that have anything to say about labels: a section of them, or labels.
Prints of each its file, what the section says, and the labels.
"""

from __future__ import annotations

import random
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path

from modelhub.cards import ModelCard, parse_card

DEFAULT_FOLDER = Path(__file__).parents[2] / "shared" / "corpus"
_ARCHIVES = ("hub-2024-09.tar.xz", "odd-cards.tar.xz")
_SHOWN_SIGNS = 700


def cards_with_labels(folder: Path) -> Iterator[ModelCard]:
    """The cards of both archives that say anything about labels, in the order of the archives."""
    for name in _ARCHIVES:
        with tarfile.open(folder / name) as archive:
            for member in archive:
                content = archive.extractfile(member) if member.name.endswith(".md") else None
                card = parse_card(content.read().decode("utf-8"), source=member.name) if content else None
                if card and (card.predicted_entities_text or card.facts.labels):
                    yield card


def main() -> None:
    """Print the sample."""
    number, seed = (int(word) for word in [*sys.argv[1:3], *("200", "1")[len(sys.argv[1:3]) :]])
    folder = Path(sys.argv[3]) if len(sys.argv) > 3 else DEFAULT_FOLDER
    cards = list(cards_with_labels(folder))
    print(f"{number} of {len(cards):,} cards, seed {seed}\n")
    for card in random.Random(seed).sample(cards, number):
        text = " ⏎ ".join(card.predicted_entities_text.splitlines())
        print(f"# {Path(card.source).name}\n  says   {text[:_SHOWN_SIGNS]}")
        print(f"  labels {card.facts.label_count}: {' | '.join(card.facts.labels)[:_SHOWN_SIGNS]}\n")


if __name__ == "__main__":
    main()
