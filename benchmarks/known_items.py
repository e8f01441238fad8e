"""Queries for models that somebody has in mind, made by rule from what a person may know of them.

A kind of query is a rule that turns one model into a text, or says that this model has none. No rule looks at what a
search finds, how often a word occurs, or what other models are called (but for one question that a person would ask
too: is the name alone enough, or does it exist in several languages?).
"""

from __future__ import annotations

import random
import re
import string
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from modelhub.documents import Document, Source
from modelhub.facts import ModelFacts
from modelhub.languages import language_names
from modelhub.recording import record
from modelhub.registry import Registry
from modelhub.resolver import Runtime
from modelhub.search_query import SearchQuery
from modelhub.searching import search

CORPUS = Path(__file__).parents[2] / "shared" / "corpus" / "hub-2024-09.tar.xz"
SEED = 20_260_101
_STOP_WORDS = frozenset(re.findall(r"\w+", "a an and by for from in of on or the to with"))
_REMEMBERED_WORDS = 5


@dataclass(frozen=True, kw_only=True)
class KnownModel:
    """One model: repository, name and language, and what its cards say.

    Attributes:
        is_only: Whether no other language has a model of this name.
    """

    name: str
    language: str
    repository: str
    facts: ModelFacts
    is_only: bool

    @property
    def identity(self) -> tuple[str, str, str]:
        """What tells it from all others."""
        return self.repository, self.name, self.language


Relevance = Callable[[KnownModel], bool]


@dataclass(frozen=True, kw_only=True)
class KnownItemQuery:
    """A text that somebody types, and what would satisfy them.

    Attributes:
        kind: The rule that made it.
        text: What is typed.
        target: The model that it was made from.
        satisfies: Which models are good answers; usually the target alone.
    """

    kind: str
    text: str
    target: KnownModel
    satisfies: Relevance = field(repr=False)


def models_of(documents: Iterable[Document]) -> list[KnownModel]:
    """The models that documents describe, each with what the latest says of it."""
    latest: dict[tuple[str, str, str], ModelFacts] = {}
    for document in documents:
        if document.key:
            identity = document.repository, document.key.name, document.key.language
            known = latest.setdefault(identity, document.facts)
            latest[identity] = max(document.facts, known, key=lambda facts: facts.date)
    names = Counter(name for _, name, _ in latest)
    return [
        KnownModel(name=name, language=language, repository=repository, facts=facts, is_only=names[name] == 1)
        for (repository, name, language), facts in sorted(latest.items())
    ]


def build_registry(path: Path, documents: Iterable[Document], stamp: str = "") -> None:
    """A registry file that knows just these documents."""
    with Registry.create(path, kept=path.with_name("kept.sqlite"), stamp=stamp) as registry:
        record(registry, Source(uri="benchmark", kind="snapshot"), documents)
        registry.optimize()


def queries_of(models: Iterable[KnownModel], per_kind: int) -> list[KnownItemQuery]:
    """At most so many queries of each kind, for models drawn at random, the same in every run."""
    models = list(models)
    queries: list[KnownItemQuery] = []
    for kind, rule in KINDS.items():
        chance = random.Random(f"{SEED} {kind}")
        made: list[KnownItemQuery] = []
        for model in chance.sample(models, len(models)):
            if len(made) == per_kind:
                break
            if text := rule(model, chance):
                made.append(
                    KnownItemQuery(kind=kind, text=text, target=model, satisfies=_satisfying(kind, model, text))
                )
        queries += made
    return queries


def _name(model: KnownModel, chance: random.Random) -> str:
    """The name, and the language's code where the name exists in several."""
    return model.name if model.is_only else f"{model.name} {model.language}"


def _misspelt_name(model: KnownModel, chance: random.Random) -> str:
    """The same with one letter of the name wrong, missing, too much, or exchanged with the next."""
    letters = [place for place, sign in enumerate(model.name) if sign.isascii() and sign.isalpha()]
    if not letters:
        return ""
    misspelt = _with_an_error(model.name, chance.choice(letters), chance)
    return misspelt if model.is_only else f"{misspelt} {model.language}"


def _with_an_error(text: str, place: int, chance: random.Random) -> str:
    before, sign, after = text[:place], text[place], text[place + 1 :]
    another = chance.choice([letter for letter in string.ascii_lowercase if letter != sign.lower()])
    errors = {
        "wrong": before + another + after,
        "missing": before + after,
        "too much": before + sign + another + after,
        "exchanged": before + after[:1] + sign + after[1:],
    }
    error = errors[chance.choice(sorted(errors))]
    return error if error != text else errors["wrong"]


def _title_words(model: KnownModel, chance: random.Random) -> str:
    """All words of the title that mean something, in their order."""
    return " ".join(_words(model.facts.title))


def _remembered_title(model: KnownModel, chance: random.Random) -> str:
    """Five of the title's words, drawn at random, in their order."""
    words = _words(model.facts.title)
    if len(words) <= _REMEMBERED_WORDS:
        return ""  # the same as all of them
    return " ".join(words[place] for place in sorted(chance.sample(range(len(words)), _REMEMBERED_WORDS)))


def _words(text: str) -> list[str]:
    return [word for word in re.findall(r"[^\W_]+", text.lower()) if word not in _STOP_WORDS]


def _task_language_label(model: KnownModel, chance: random.Random) -> str:
    """A task, the language's English name and one of the labels: ``part of speech tagging spanish noun``."""
    facts, names = model.facts, language_names(model.language)
    labels = [label for label in facts.labels if label.isascii() and label.isalpha() and len(label) > 1]
    if not (facts.tasks and names and labels):
        return ""
    return f"{chance.choice(facts.tasks)} {names[0]} {chance.choice(labels)}".lower()


def _hugging_face_name(model: KnownModel, chance: random.Random) -> str:
    """The model of Hugging Face that it was made from, ``user/name``."""
    return model.facts.origin


def _nlu_reference(model: KnownModel, chance: random.Random) -> str:
    """A reference that the library NLU loads it by."""
    return chance.choice(model.facts.nlu) if model.facts.nlu else ""


Rule = Callable[[KnownModel, random.Random], str]

KINDS: Mapping[str, Rule] = {
    "name": _name,
    "name, one typing error": _misspelt_name,
    "title words": _title_words,
    "five title words": _remembered_title,
    "task, language, label": _task_language_label,
    "Hugging Face name": _hugging_face_name,
    "NLU reference": _nlu_reference,
}


def _satisfying(kind: str, target: KnownModel, text: str) -> Relevance:
    if kind != "task, language, label":
        return lambda model: model.identity == target.identity
    # Hundreds of models have the same: whoever asks so wants one that has all three.
    task, label = text.split(f" {language_names(target.language)[0].lower()} ")

    def has_all(model: KnownModel) -> bool:
        facts = model.facts
        return (
            model.language == target.language
            and task in [known.lower() for known in facts.tasks]
            and label in [known.lower() for known in facts.labels]
        )

    return has_all


def rank_of(query: KnownItemQuery, found: Iterable[KnownModel]) -> int:
    """The rank of the first good answer among models that were found, 0 where none is good."""
    return next((rank for rank, model in enumerate(found, start=1) if query.satisfies(model)), 0)


def found_by_us(registry: Registry, text: str, limit: int) -> list[KnownModel]:
    """What our search finds."""
    found = search(registry, SearchQuery(text=text, limit=limit), Runtime())
    return [
        KnownModel(
            name=model.artifact.name,
            language=model.artifact.language,
            repository=model.artifact.repository,
            facts=model.facts,
            is_only=False,
        )
        for model in found
    ]


def summary(ranks: Iterable[int]) -> dict[str, Any]:
    """Mean reciprocal rank and success, from the rank of the first good answer of each query; 0 where there is none."""
    ranks = list(ranks)
    number = max(len(ranks), 1)
    success = {f"success_at_{bound}": sum(0 < rank <= bound for rank in ranks) / number for bound in (1, 5, 10)}
    return {"queries": len(ranks), "mrr": sum(1 / rank for rank in ranks if rank) / number, **success}
