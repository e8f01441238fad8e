"""Addresses of Hugging Face: which of them are those of a model."""

from __future__ import annotations

HOSTS = ("huggingface.co", "hf.co")
# What follows the host and is no user.
PLACES = (
    *("api", "blog", "chat", "collections", "course", "datasets", "docs", "inference-api", "join", "learn", "metrics"),
    *("models", "organizations", "papers", "pricing", "settings", "spaces", "tasks", "transformers"),
)
_PAGES_OF_A_MODEL = ("blob", "commit", "commits", "discussions", "raw", "resolve", "tree")


def model_at(path: str) -> str:
    """The model of an address, as ``user/name``; the oldest have no user. "" for any other page."""
    user, *rest = path.strip("/").split("/")
    if not user or user in PLACES:
        return ""
    name = rest[0] if rest and rest[0] not in _PAGES_OF_A_MODEL else ""
    return f"{user}/{name}" if name else user
