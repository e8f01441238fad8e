"""The words of a search: how they are cut, matched, and corrected where no model has them."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

from modelhub.artifacts import ArtifactKey
from modelhub.errors import UsageError
from modelhub.registry import Registry

# A short word is one letter away from too many others, and of a longer one only so much may be wrong.
_MIN_CORRECTED_LETTERS = 5
_LONG_WORD_LETTERS = 8
_LIB_VERSION = re.compile(r"@\d[\d.]*$")


def plain_text(text: str) -> str:
    """The text of a search without what makes a reference of it: ``ner_dl:en@2.4.3`` reads as ``ner_dl en``."""
    return " ".join(_plain_word(word) for word in text.split())


def _plain_word(word: str) -> str:
    try:
        key = ArtifactKey.parse(word)
    except UsageError:
        return _LIB_VERSION.sub("", word).replace(":", " ").rstrip()
    return f"{key.name} {key.language}".rstrip()


def words_of(text: str) -> list[str]:
    """The words of a text as the registry's tokenizer cuts them; macOS types an accent as a sign of its own."""
    return re.findall(r"[^\W_]+", unicodedata.normalize("NFC", text))


def match_all(words: Sequence[str]) -> str:
    """An FTS5 expression: every word, whole or as a beginning.

    Whole words count twice and so come first, and so do the words in their order (English to German).
    """
    each = " AND ".join(_match_word(word) for word in words)
    return f'("{" ".join(words)}") OR ({each})' if len(words) > 1 else each


def match_any(words: Sequence[str]) -> str:
    """An FTS5 expression: at least one of the words."""
    return " OR ".join(_match_word(word) for word in words)


def _match_word(word: str) -> str:
    return f'("{word}" OR "{word}" *)'


def corrected(registry: Registry, text: str) -> str:
    """The text with each word that no model has replaced by one that differs in a letter or two; "" if none does."""
    words = words_of(text.lower())
    better = [word if registry.has_word(word) else _nearest_word(registry, word) for word in words]
    return " ".join(better) if all(better) and better != words else ""


def _nearest_word(registry: Registry, word: str) -> str:
    if len(word) < _MIN_CORRECTED_LETTERS:
        return ""
    from rapidfuzz import process  # only for a search that found nothing
    from rapidfuzz.distance import OSA

    most = 1 if len(word) < _LONG_WORD_LETTERS else 2
    match = process.extractOne(word, registry.vocabulary(), scorer=OSA.distance, score_cutoff=most)
    return match[0] if match else ""
