"""What a card's model was made from, and what takes its place."""

from __future__ import annotations

import re
from collections.abc import Iterable

from modelhub.hugging_face import HOSTS, model_at
from modelhub.markdown import find_links

# A point or a hyphen before the host makes another host of it: models.huggingface.co.
_LINK = re.compile(rf"(?<![\w.-])(?:www\.)?(?:{'|'.join(map(re.escape, HOSTS))})/([\w.-]*\w(?:/[\w.-]*\w)*)")
_TRAINED_BY = re.compile(r"`([\w./-]+)` is an? [^`\n]{0,80}or\w{3,6}ally trained by `([\w.-]+)`")
_REPLACED = re.compile(
    r"\b(?:replaced|superseded) (?:by|with)\b"
    r"|\b(?:deprecated|outdated|no longer)\b[^\n]{0,200}?\b(?:use|see|switch to)\b",
    re.I,
)
_NAMED = re.compile(r"[^\n`\[]{0,60}(?:`([\w.:/-]+)`|\[`?([\w.:/-]+)`?\]\()")


def find_origin(sources: Iterable[str], description: str) -> str:
    """The model of Hugging Face that a model was made from, as ``user/name``, or "".

    The sections that name sources are asked first, in order; then the description, where it links exactly one model of
    a user (the oldest, which have none, are named for comparison there); last its sentence "`name` is a … model
    originally trained by `user`".
    """
    for text in sources:
        if models := _linked_models(text):
            return next(filter(_has_user, models), models[0])
    models = list(filter(_has_user, _linked_models(description)))
    if len(models) == 1:
        return models[0]
    trained = _TRAINED_BY.search(description)
    if trained is None or models:
        return ""
    return trained[1] if "/" in trained[1] else f"{trained[2]}/{trained[1]}"


def find_references(sources: Iterable[str], origin: str) -> tuple[str, ...]:
    """What the sections that name sources link, each once, but for the origin."""
    targets = (link.target for text in sources if "://" in text for link in find_links(text))
    return tuple(dict.fromkeys(target for target in targets if not origin or _linked_models(target) != [origin]))


def find_replacement(description: str) -> str:
    """The model that the description of a deprecated one names for its place, or ""."""
    replaced = _REPLACED.search(description)
    named = _NAMED.match(description, replaced.end()) if replaced else None
    return (named[1] or named[2]) if named else ""


def _linked_models(text: str) -> list[str]:
    """The distinct models that a text links, in order."""
    if ".co/" not in text:
        return []
    return list(dict.fromkeys(filter(None, map(model_at, _LINK.findall(text)))))


def _has_user(model: str) -> bool:
    return "/" in model
