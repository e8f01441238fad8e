"""The model of Hugging Face that a card's model was made from."""

from __future__ import annotations

import re
from collections.abc import Iterable

# What follows the host and is no user.
_PLACES = (
    "api|blog|chat|collections|course|datasets|docs|inference-api|join|learn|metrics|models|organizations|papers|pricing"
    "|settings|spaces|tasks|transformers"
)
_LINK = re.compile(rf"huggingface\.co/(?!(?:{_PLACES})/)([\w.-]+/[\w.-]*\w)")
_TRAINED_BY = re.compile(r"`([\w.-]+)` is an? [^`\n]{0,80}originally trained by `([\w.-]+)`")


def find_origin(sources: Iterable[str], description: str) -> str:
    """The origin of a model as ``user/name``, or "".

    The sections that name sources are asked first, in order; then the description, where it links exactly one model;
    last its sentence "`name` is a … model originally trained by `user`".
    """
    for text in sources:
        if models := _linked_models(text):
            return models[0]
    models = _linked_models(description)
    if len(models) == 1:
        return models[0]
    trained = _TRAINED_BY.search(description)
    return f"{trained[2]}/{trained[1]}" if trained and not models else ""


def _linked_models(text: str) -> list[str]:
    """The distinct models that a text links, in order."""
    if "huggingface.co/" not in text:
        return []
    return list(dict.fromkeys(_LINK.findall(text)))
