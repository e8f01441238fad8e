"""Which class a saved model has, beside the one that its card, or the hub's list, says."""

from __future__ import annotations

from modelhub.artifacts import Artifact
from modelhub.card_words import is_pipeline_class
from modelhub.facts import ModelFacts

_SAYS_NOTHING = ("", "NotDefined")


def told_class(artifact: Artifact, facts: ModelFacts) -> str:
    """The class that an artifact is said to have; "" where nobody says it."""
    annotator = artifact.annotator or facts.annotator
    return "" if annotator in _SAYS_NOTHING else annotator


def class_difference(artifact: Artifact, facts: ModelFacts, saved_class: str) -> str:
    """What to say where the saved model has another class than it is said to have; "" where it has not.

    Args:
        artifact: What was pulled.
        facts: What is known of its model.
        saved_class: Full name of the class in the metadata that was saved; "" where there is none.
    """
    told, saved = told_class(artifact, facts), saved_class.rpartition(".")[2]
    if not (told and saved) or told.lower() == saved.lower() or (is_pipeline_class(told) and is_pipeline_class(saved)):
        return ""
    return f"{artifact.key} is said to be a {told}, but what was saved is a {saved}: load it with that class."
