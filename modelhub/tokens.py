"""Words: how texts and queries are cut alike, and which words are one typing error apart."""

from __future__ import annotations

import re
from functools import lru_cache

_TOKEN = re.compile(r"[^\W_]+")
# Capitals up to the last one before a small letter, a capitalized or small word, digits, letters without case.
_SMALL_OR_BLANK = {code: chr(code).lower() if chr(code).isalnum() else " " for code in range(128)}
_PART = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+|[^\W\d_a-zA-Z]+")


def tokens(text: str) -> list[str]:
    """The words of a text: letters and digits, without case and accents.

    macOS types an accent as a sign of its own, which makes no other word.
    """
    if text.isascii():
        return text.translate(_SMALL_OR_BLANK).split()  # in half of the time
    return _TOKEN.findall(_folded(text))


def parts(text: str) -> list[str]:
    """The parts of those words that have some: ``BertForNer``, ``conll03`` and ``4L`` are two or three each."""
    return [part for token in _TOKEN.findall(text) for part in _parts_of(token)]


@lru_cache(maxsize=16_384)
def _parts_of(token: str) -> tuple[str, ...]:
    found = _PART.findall(token)
    return tuple(map(_folded, found)) if len(found) > 1 else ()


def _folded(text: str) -> str:
    if text.isascii():
        return text.lower()
    import unicodedata  # most texts are ASCII

    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return "".join(sign for sign in decomposed if not unicodedata.combining(sign))


def is_near(word: str, other: str) -> bool:
    """Whether at most one letter is wrong, missing, too much, or exchanged with the next."""
    if abs(len(word) - len(other)) > 1:
        return False
    start = 0
    while start < min(len(word), len(other)) and word[start] == other[start]:
        start += 1
    rest, others = word[start:], other[start:]
    return (
        rest[1:] == others[1:]
        or rest[1:] == others
        or rest == others[1:]
        or (rest[1::-1] == others[:2] and rest[2:] == others[2:])
    )
