"""What could be used instead of a model: models of its task and language, and what each has over it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from rapidfuzz import fuzz

from modelhub.artifacts import Artifact, day_of
from modelhub.facts import ModelFacts
from modelhub.quick_dataclasses import dataclass
from modelhub.registry import Registry
from modelhub.resolver import Runtime
from modelhub.search_index import SearchIndex
from modelhub.search_query import SearchQuery, checked, selection_of
from modelhub.searching import FoundModel, InUse, found_models, is_usable
from modelhub.tokens import tokens
from modelhub.vocabulary import Vocabulary

SMALLER, NEWER, BETTER = "smaller", "newer", "higher F1"
OPEN, OTHER_ENGINE, RECOMMENDED = "open", "other engine", "recommended"
_MUCH_SMALLER = 0.8
_MUCH_BETTER = 0.005
# Words by which candidates are found: the rarest that the model has, for the others say little of what it is for.
_TELLING_WORDS = 12
_COMPARED = 400
_PARTNERLESS = 1
_SPELLING_WEIGHS = 0.2


@dataclass(frozen=True, kw_only=True)
class Alternative:
    """A model that could be used instead of another.

    Attributes:
        model: The model.
        advantages: What it has over the other: ``smaller``, ``newer``, ``open``, ….
        shared_labels: Number of the other's labels that it predicts too.
    """

    model: FoundModel
    advantages: tuple[str, ...]
    shared_labels: int

    def to_dict(self) -> dict[str, Any]:
        """The model as it stands in JSON answers."""
        return {
            **self.model.to_dict(),
            "advantages": list(self.advantages),
            "shared_labels": self.shared_labels,
        }


@dataclass(frozen=True, kw_only=True)
class Alternatives:
    """A model and what could be used instead, the most alike first.

    Attributes:
        total: Number of the models that were found to have an advantage.
    """

    model: FoundModel
    others: tuple[Alternative, ...]
    total: int

    def to_dict(self) -> dict[str, Any]:
        """The answer as it stands in JSON."""
        return {
            "like": self.model.to_dict(),
            "models": [other.to_dict() for other in self.others],
            "total": self.total,
        }


def find_alternatives(
    registry: Registry,
    artifact: Artifact,
    query: SearchQuery,
    runtime: Runtime,
    *,
    hidden: Sequence[int] = (),
    used: Mapping[str, Sequence[int]] | None = None,
    in_use: InUse = list,
) -> Alternatives:
    """Find models that do the same as another: of its first task and its language, unless the query says others.

    Args:
        registry: Where to look.
        artifact: Of the model.
        query: Filters; its words do not count.
        runtime: What to be compatible with.
        hidden: Numbers of the lists that do not count.
        used: By repository the numbers of the lists that say what is offered; by default all of them do.
        in_use: Of artifacts those that count, marked by what the hub in use lists.

    Raises:
        UsageError: A filter cannot be understood.
    """
    facts = registry.facts(artifact)
    wanted = replace(
        query, task=query.task or next(iter(facts.tasks), ""), language=query.language or artifact.language
    )
    wanted = checked(wanted, registry, runtime)
    index = SearchIndex(registry, selection_of(wanted, registry, runtime, hidden, used))
    expression, weights = _likeness(registry, artifact, facts)
    numbers = index.numbers(expression, _COMPARED) if expression else []
    every = found_models(registry, index, numbers, wanted, runtime, in_use=in_use)
    found = [model for model in every if _model_of(model.artifact) != _model_of(artifact)]
    alternatives = [_compared(model, artifact, facts) for model in found]
    ranked = sorted(
        (alternative for alternative in alternatives if alternative.advantages),
        key=lambda item: (bool(item.model.facts.deprecated), -_alikeness(item, artifact.name, facts, weights)),
    )
    models = list(dict.fromkeys(_model_of(alternative.model.artifact) for alternative in ranked))
    shown = set(models[: query.limit or None])
    return Alternatives(
        model=_itself(registry, artifact, facts, runtime, in_use),
        others=tuple(alternative for alternative in ranked if _model_of(alternative.model.artifact) in shown),
        total=len(models),
    )


def _itself(registry: Registry, artifact: Artifact, facts: ModelFacts, runtime: Runtime, in_use: InUse) -> FoundModel:
    """The model that the others are like, as a search would show it."""
    builds = [item for item in in_use(registry.named(artifact.name)) if _model_of(item) == _model_of(artifact)]
    marked = next((item for item in builds if item.key == artifact.key), artifact)
    return FoundModel(
        artifact=artifact, facts=facts, versions=len(builds) or 1, is_compatible=is_usable(marked, runtime)
    )


def _likeness(registry: Registry, artifact: Artifact, facts: ModelFacts) -> tuple[str, Mapping[str, float]]:
    """An expression that finds what is like a model, and how much each of its words tells."""
    vocabulary = Vocabulary(registry)
    counts = {word: vocabulary.count(word) for word in _words(artifact.name, facts)}
    weights = {word: 1 / math.log(2 + count) for word, count in counts.items() if count > _PARTNERLESS}
    telling = sorted(weights, key=lambda word: -weights[word])[:_TELLING_WORDS]
    return " OR ".join(f'"{word}"' for word in telling), weights


def _words(name: str, facts: ModelFacts) -> set[str]:
    return set(tokens(" ".join([name, facts.title, *facts.tags, *facts.labels])))


def _alikeness(alternative: Alternative, name: str, facts: ModelFacts, weights: Mapping[str, float]) -> float:
    """0 for nothing in common; 1 more for all words, and for all labels."""
    model = alternative.model
    shared = _words(model.artifact.name, model.facts) & weights.keys()
    labels = len(facts.labels) + len(model.facts.labels) - alternative.shared_labels
    return (
        sum(weights[word] for word in shared) / sum(weights.values())
        + alternative.shared_labels / max(labels, 1)
        + _SPELLING_WEIGHS * fuzz.ratio(name, model.artifact.name) / 100
    )


def _model_of(artifact: Artifact) -> tuple[str, str, str]:
    return artifact.repository, artifact.name, artifact.language


def _compared(model: FoundModel, artifact: Artifact, facts: ModelFacts) -> Alternative:
    mine = {label.lower() for label in facts.labels}
    theirs = {label.lower() for label in model.facts.labels}
    return Alternative(
        model=model, advantages=tuple(_advantages(model, artifact, facts)), shared_labels=len(mine & theirs)
    )


def _advantages(model: FoundModel, artifact: Artifact, facts: ModelFacts) -> Iterable[str]:
    """What a model has over another, as far as both are known."""
    size, other_size = model.artifact.size_bytes, artifact.size_bytes
    score, other_score = f1_of(model.facts), f1_of(facts)
    engine, other_engine = model.artifact.engine, artifact.engine
    if size and other_size and size <= _MUCH_SMALLER * other_size:
        yield SMALLER
    if day_of(model.facts.date, model.artifact.built_ms) > day_of(facts.date, artifact.built_ms) > "":
        yield NEWER
    if score is not None and other_score is not None and score >= other_score + _MUCH_BETTER:
        yield BETTER
    if facts.license == "Licensed" and model.facts.license == "Open Source":
        yield OPEN
    if engine and other_engine and engine != other_engine:
        yield OTHER_ENGINE
    if model.facts.recommended and not facts.recommended:
        yield RECOMMENDED


def f1_of(facts: ModelFacts) -> float | None:
    """The F1 of a model, where its card has one."""
    score = facts.best_score
    return score.value if score and score.metric == "f1" else None
