"""modelhub: the package manager for Spark NLP models.

::

    from modelhub import pull

    path = pull("bert_pos_4L_weight_decay", "en")
    BertForTokenClassification.load(str(path))

The functions are those of :class:`Hub` for one call; a program that asks more than once keeps a ``Hub``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from modelhub.errors import ModelHubError
    from modelhub.hub import Hub
    from modelhub.shortcuts import load, pull, resolve, search, show

__all__ = ["Hub", "ModelHubError", "__version__", "load", "pull", "resolve", "search", "show"]

_HOMES = {
    "Hub": "modelhub.hub",
    "ModelHubError": "modelhub.errors",
    "load": "modelhub.shortcuts",
    "pull": "modelhub.shortcuts",
    "resolve": "modelhub.shortcuts",
    "search": "modelhub.shortcuts",
    "show": "modelhub.shortcuts",
}


def __getattr__(name: str) -> Any:
    """Import what is asked for only then: ``modelhub --help`` needs none of it."""
    if name not in _HOMES:
        raise AttributeError(f"module 'modelhub' has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
