"""The words of a search, as they were typed: what is a reference, what is a phrase, what is a word."""

from __future__ import annotations

import re

from modelhub.artifacts import ArtifactKey
from modelhub.errors import UsageError
from modelhub.quick_dataclasses import dataclass
from modelhub.tokens import tokens

_LIB_VERSION = re.compile(r"@\d[\d.]*$")
_PHRASE = re.compile(r'"([^"]*)"')


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What somebody looks for.

    Attributes:
        typed: The text as it was typed.
        text: The text without what makes a reference of it, in small letters: ``ner_dl:en@2.4.3`` is ``ner_dl en``.
        words: All words, those of phrases included, in their order.
        phrases: Words that stand in quotes together, and so must in the text.
    """

    typed: str
    text: str
    words: tuple[str, ...]
    phrases: tuple[tuple[str, ...], ...] = ()


def parse_wanted(text: str) -> Wanted:
    """Read what was typed."""
    phrases = tuple(tuple(tokens(phrase)) for phrase in _PHRASE.findall(text))
    plain = " ".join(map(_plain_word, text.split()))
    return Wanted(
        typed=text.strip(),
        text=plain.lower(),
        words=tuple(tokens(plain)),
        phrases=tuple(phrase for phrase in phrases if len(phrase) > 1),
    )


def _plain_word(word: str) -> str:
    try:
        key = ArtifactKey.parse(word)
    except UsageError:
        return _LIB_VERSION.sub("", word).replace(":", " ").rstrip()
    return f"{key.name} {key.language}".rstrip()
