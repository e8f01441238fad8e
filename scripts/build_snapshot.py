"""Build modelhub/data/snapshot.jsonl.xz from an archive or folder of model cards.

    python scripts/build_snapshot.py ../shared/corpus/hub-2024-09.tar.xz

Facts only: no prose and no code of a card is kept. Prints what it wrote, and counts the cards that yielded nothing.
"""

from __future__ import annotations

import argparse
from collections import Counter
from dataclasses import replace
from pathlib import Path

from modelhub.artifacts import ArtifactKey
from modelhub.descriptions import Description
from modelhub.documents import Document
from modelhub.facts import merge_facts
from modelhub.ingest import read_cards, write_snapshot

_TARGET = Path(__file__).parents[1] / "modelhub" / "data" / "snapshot.jsonl.xz"
_LIMIT_BYTES = 2 << 20


def main() -> None:
    """Read the cards, write the snapshot."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("cards", type=Path, help="archive or folder of cards")
    parser.add_argument("--output", type=Path, default=_TARGET)
    arguments = parser.parse_args()
    documents = [document for document in read_cards(arguments.cards) if isinstance(document, Document)]
    described = _merged(documents)
    content = write_snapshot(described)
    if len(content) > _LIMIT_BYTES:
        raise SystemExit(f"{len(content):,} bytes are more than the {_LIMIT_BYTES:,} that the wheel may carry.")
    arguments.output.write_bytes(content)
    codes = Counter(diagnostic.code for document in documents for diagnostic in document.diagnostics)
    without = [document.path for document in documents if document.key is None]
    print(f"{len(documents):,} cards, {len(described):,} artifacts, {len(content):,} bytes: {arguments.output}")
    print(f"{len(without)} without an artifact: {', '.join(without)}")
    for code, count in codes.most_common():
        print(f"{count:7,} {code}")


def _merged(documents: list[Document]) -> list[Document]:
    """One document per artifact, in the order of keys; of several cards the better one first, gaps from the other."""
    groups: dict[tuple[ArtifactKey, str], list[Document]] = {}
    for document in documents:
        if document.key:
            groups.setdefault((document.key, document.repository), []).append(document)
    merged = []
    for (key, _), group in sorted(groups.items(), key=lambda item: item[0]):
        group.sort(key=lambda document: (-document.preference, document.path))
        facts = merge_facts(document.facts for document in group)
        merged.append(replace(group[0], description=Description.of(key, facts)))
    return merged


if __name__ == "__main__":
    main()
