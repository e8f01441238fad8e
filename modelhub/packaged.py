"""What the package brings along: the snapshot of facts, cards, and the small models of the demo."""

from __future__ import annotations

from pathlib import Path

PACKAGED_URI = "package:cards"
_DATA = Path(__file__).parent / "data"
SNAPSHOT = _DATA / "snapshot.jsonl.xz"
DEMO = _DATA / "demo"


def packaged_folder() -> Path:
    """Where the cards of the package lie: inside it in a wheel, beside it in a checkout."""
    inside = _DATA / "cards"
    return inside if inside.is_dir() else Path(__file__).parents[1] / "cards"
