"""A catalogue of any size that is like the real one, made from the snapshot in the package.

The snapshot's models are drawn at random, each with all of its versions, so that tasks, languages, labels, sizes, dates
and versions per model are distributed as they really are. What tells models of one family apart is replaced: words of
a name that few real models have (users of Hugging Face, corpora), and numbers. A replacement is an old invention or a
new one; inventions become rarer as words do in the real catalogue, whose vocabulary grows with the power 0.55 of its
size. The first models are the real ones, so that real queries find what they mean.
"""

from __future__ import annotations

import json
import random
import re
import string
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timezone
from typing import Any

from modelhub.descriptions import Description
from modelhub.documents import Document
from modelhub.ingest import read_snapshot
from modelhub.packaged import SNAPSHOT

_SEED = 7
_RARE = 5
_GROWTH = 0.55
_TOKEN = re.compile(r"[^\W_]+")
_SYLLABLES = re.findall(r"\w+", "an ba cor da el fi gra hu in jo ka lin mo na or pe qu ra sto ta um vi wa xo ya ze")

Family = Sequence[Document]


def generate(number: int) -> Iterator[Document]:
    """So many documents, each of one artifact, the real ones first; the same in every run."""
    families = _families(read_snapshot(SNAPSHOT))
    real = [document for family in families for document in family]
    yield from real[:number]
    inventor = _Inventor(real)
    made = len(real)
    while made < number:
        for document in inventor.another(inventor.chance.choice(families))[: number - made]:
            made += 1
            yield document


def metadata_line(document: Document) -> str:
    """The line that a hub's ``metadata.json`` has for an artifact."""
    key = document.key
    assert key is not None
    time = datetime.fromtimestamp(min(key.built_ms / 1000, 4e9), timezone.utc)
    line: dict[str, Any] = {
        "name": key.name,
        "language": key.language,
        "libVersion": {"parts": [int(part) for part in key.lib_version.split(".")]},
        "sparkVersion": {"parts": [int(part) for part in key.spark_version.split(".")]},
        "readyToUse": True,
        "time": time.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "isZipped": True,
        "category": "pl" if document.facts.type == "pipeline" else "ml",
        "checksum": f"{key.built_ms:032X}",
        "annotator": document.facts.annotator,
        "engine": document.facts.engine or "tensorflow",
    }
    return json.dumps(line)


def _families(documents: Iterable[Document]) -> list[Family]:
    """The artifacts of each model."""
    families: dict[tuple[str, str, str], list[Document]] = defaultdict(list)
    for document in documents:
        if document.key:
            families[document.repository, document.key.name, document.key.language].append(document)
    return list(families.values())


class _Inventor:
    """Makes families out of real ones."""

    def __init__(self, real: Sequence[Document]) -> None:
        self.chance = random.Random(_SEED)
        # A key of a document is there: _families has dropped the others.
        self._taken = {(item.repository, item.key.name, item.key.language) for item in real if item.key}
        counts = Counter(word for item in real if item.key for word in set(_TOKEN.findall(item.key.name.lower())))
        self._rare = {word for word, count in counts.items() if count <= _RARE and not word.isdigit()}
        self._words = len({word for item in real for word in _TOKEN.findall(_searchable(item).lower())})
        self._real = self._made = len(real)
        self._used: list[str] = []
        self._inventions: set[str] = set()

    def another(self, family: Family) -> list[Document]:
        """A family like a real one, under a name that no other has."""
        key = family[0].key
        assert key is not None
        words = {word.lower() for word in _TOKEN.findall(key.name)}
        replaced = {word: self._word() for word in sorted(words & self._rare)}
        replaced |= {word: self._number(len(word)) for word in sorted(words) if word.isdigit() and len(word) > 1}
        name = _with(key.name, replaced)
        while (family[0].repository, name, key.language) in self._taken:
            name = f"{name}_{self._word()}"
        self._taken.add((family[0].repository, name, key.language))
        shift_ms = self.chance.randrange(10**9)
        self._made += len(family)
        return [self._like(document, name, replaced, shift_ms) for document in family]

    def _like(self, document: Document, name: str, replaced: dict[str, str], shift_ms: int) -> Document:
        facts = document.facts
        assert document.key is not None
        key = replace(document.key, name=name, millis=str(document.key.built_ms + shift_ms))
        addition = " ".join(name.split("_")[document.key.name.count("_") + 1 :])
        described = replace(
            facts,
            title=f"{_with(facts.title, replaced)} {addition}".rstrip(),
            nlu=tuple(_unlike(nlu, _with(nlu, replaced), addition or name) for nlu in facts.nlu),
            origin=f"{_with(facts.origin, replaced)}{addition and '-'}{addition}".replace(" ", "-")
            if facts.origin
            else "",
            page=facts.page and f"{facts.date}-{name}_{key.language}",
        )
        return replace(document, path=str(key), description=Description.of(key, described))

    def _word(self) -> str:
        """A word that is new, or was used before; the oftener, the likelier."""
        wanted = self._words * ((self._made / self._real) ** _GROWTH - 1)
        word = self._new_word() if len(self._inventions) <= wanted else self.chance.choice(self._used)
        self._inventions.add(word)
        self._used.append(word)
        return word

    def _new_word(self) -> str:
        word = "".join(self.chance.choices(_SYLLABLES, k=self.chance.randint(2, 4)))
        return word if word not in self._inventions else word + self.chance.choice(string.ascii_lowercase)

    def _number(self, digits: int) -> str:
        return str(self.chance.randrange(10 ** (digits - 1), 10**digits))


def _searchable(document: Document) -> str:
    facts = document.facts
    several = (facts.tasks, facts.tags, facts.labels, facts.nlu)
    name = document.key.name if document.key else ""
    return " ".join([name, facts.title, facts.origin, facts.annotator, *(item for items in several for item in items)])


def _unlike(reference: str, replaced: str, addition: str) -> str:
    """An NLU reference that names another model than a real one."""
    return replaced if replaced != reference else f"{reference}.{addition}".replace(" ", "_")


def _with(text: str, replaced: dict[str, str]) -> str:
    return _TOKEN.sub(lambda word: replaced.get(word[0].lower(), word[0]), text) if replaced else text
