"""The words of a search, as they were typed: what is a reference, what is a phrase, what is a word."""

from __future__ import annotations

import re
from contextlib import suppress

from modelhub.artifacts import ArtifactKey
from modelhub.errors import UsageError
from modelhub.quick_dataclasses import dataclass
from modelhub.tokens import tokens

_LIB_VERSION = re.compile(r"@\d[\d.]*$")
# What stands before a name in a reference; with one slash, and no "@", it is a user of Hugging Face.
_REPOSITORY = re.compile(r"(@[^/\s]+|[^/\s]+/(?:models|ocr))/(?=[^/])")
_ADDRESS = re.compile(r"[^/\s]*[.:][^/\s]*/")
_PAGE = re.compile(r"\d{4}-\d\d-\d\d-(?P<name>.+?)(?:_(?P<language>[a-z]{2,3}))?(?:_\d+)*")
_PHRASE = re.compile(r'"([^"]*)"')


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What somebody looks for.

    Attributes:
        typed: The text as it was typed.
        text: The text without what makes a reference of it, in small letters: ``ner_dl:en@2.4.3`` is ``ner_dl en``.
        words: All words, those of phrases included, in their order.
        phrases: Words that stand in quotes together, and so must in the text.
        repository: Where the model lies that the whole text names, if it says so.
        page: File stem of the page of the web hub that the whole text is the address of, with its date.
    """

    typed: str
    text: str
    words: tuple[str, ...]
    phrases: tuple[tuple[str, ...], ...] = ()
    repository: str = ""
    page: str = ""


def parse_wanted(text: str) -> Wanted:
    """Read what was typed."""
    phrases = tuple(tuple(tokens(phrase)) for phrase in _PHRASE.findall(text))
    references = [_parse_word(word) for word in text.split()]
    plain = " ".join(reference.plain for reference in references)
    whole = references[0] if len(references) == 1 else _Word(plain="")
    return Wanted(
        typed=text.strip(),
        text=plain.lower(),
        words=tuple(tokens(plain)),
        phrases=tuple(phrase for phrase in phrases if len(phrase) > 1),
        repository=whole.repository,
        page=whole.page,
    )


@dataclass(frozen=True, kw_only=True)
class _Word:
    """One word: its text without what makes a reference of it, and what that says."""

    plain: str
    repository: str = ""
    page: str = ""


def _parse_word(word: str) -> _Word:
    if _ADDRESS.match(word):
        with suppress(UsageError):
            return _parse_address(word)
    match = _REPOSITORY.match(word)
    if match is None:
        return _Word(plain=_plain_word(word))
    return _Word(plain=_plain_word(word[match.end() :]), repository=match[1])


def _parse_address(word: str) -> _Word:
    """What the address of a zip, of a page of the web hub, or of a model of Hugging Face names.

    Raises:
        UsageError: It is none of these.
    """
    from modelhub.references import Reference  # most searches need none

    reference = Reference.parse(word)
    if reference.page:
        match = _PAGE.fullmatch(reference.page)
        name, language = (match["name"], match["language"] or "") if match else (reference.page, "")
        return _Word(plain=f"{name} {language}".rstrip(), page=reference.page)
    if reference.key or "://" in reference.repository:
        plain = f"{reference.name} {reference.language or ''}".rstrip()
        return _Word(plain=plain, repository=reference.repository)
    return _Word(plain=_plain_word(str(reference)))


def _plain_word(word: str) -> str:
    try:
        key = ArtifactKey.parse(word)
    except UsageError:
        return _LIB_VERSION.sub("", word).replace(":", " ").rstrip()
    return f"{key.name} {key.language}".rstrip()
