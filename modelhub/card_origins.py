"""What a card's model was made from, and what takes its place."""

from __future__ import annotations

import re
from collections.abc import Iterable

from modelhub.hugging_face import PLACES
from modelhub.markdown import find_links

_PLACES = "|".join(PLACES)
_LINK = re.compile(rf"huggingface\.co/(?!(?:{_PLACES})/)([\w.-]+/[\w.-]*\w)")
# The oldest models of Hugging Face have no user: https://huggingface.co/roberta-base
_LINK_WITHOUT_USER = re.compile(rf"huggingface\.co/(?!(?:{_PLACES})\b)([\w.-]*\w)/?(?![\w/?#-]|\.\w)")
_TRAINED_BY = re.compile(r"`([\w./-]+)` is an? [^`\n]{0,80}or\w{3,6}ally trained by `([\w.-]+)`")
_REPLACED = re.compile(
    r"\b(?:replaced|superseded) (?:by|with)\b"
    r"|\b(?:deprecated|outdated|no longer)\b[^\n]{0,200}?\b(?:use|see|switch to)\b",
    re.I,
)
_NAMED = re.compile(r"[^\n`\[]{0,60}(?:`([\w.:/-]+)`|\[`?([\w.:/-]+)`?\]\()")


def find_origin(sources: Iterable[str], description: str) -> str:
    """The model of Hugging Face that a model was made from, as ``user/name``, or "".

    The sections that name sources are asked first, in order; then the description, where it links exactly one model;
    last its sentence "`name` is a … model originally trained by `user`".
    """
    for text in sources:
        if models := _linked_models(text) or _LINK_WITHOUT_USER.findall(text):
            return models[0]
    models = _linked_models(description)
    if len(models) == 1:
        return models[0]
    trained = _TRAINED_BY.search(description)
    if trained is None or models:
        return ""
    return trained[1] if "/" in trained[1] else f"{trained[2]}/{trained[1]}"


def find_references(sources: Iterable[str], origin: str) -> tuple[str, ...]:
    """What the sections that name sources link, each once, but for the origin."""
    own = f"huggingface.co/{origin}"
    targets = (link.target for text in sources if "://" in text for link in find_links(text))
    return tuple(dict.fromkeys(target for target in targets if not (origin and target.rstrip("/").endswith(own))))


def find_replacement(description: str) -> str:
    """The model that the description of a deprecated one names for its place, or ""."""
    replaced = _REPLACED.search(description)
    named = _NAMED.match(description, replaced.end()) if replaced else None
    return (named[1] or named[2]) if named else ""


def _linked_models(text: str) -> list[str]:
    """The distinct models that a text links, in order."""
    if "huggingface.co/" not in text:
        return []
    return list(dict.fromkeys(_LINK.findall(text)))
