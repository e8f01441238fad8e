"""Compare what `parse_card` reads with what an independent extractor read, field by field.

Usage: python benchmarks/card_agreement.py [FOLDER]

FOLDER (default ../shared/corpus beside the repository) holds `odd-cards.tar.xz`, 745 real cards chosen for their
oddities, and `odd-cards-facts.jsonl.xz`, one line of facts for each. Prints a Markdown table of the agreement, and
every disagreement below it. The extractor has mistakes of its own: each disagreement was looked at by eye, and
`card_disagreements.md` lists those in which it is wrong; the column "settled" counts these as agreement.
"""

from __future__ import annotations

import json
import lzma
import re
import sys
import tarfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from modelhub.card_words import annotator_class, size_in_bytes
from modelhub.cards import ModelCard, parse_card
from modelhub.default_models import default_model
from modelhub.public_hub import PUBLIC_REPOSITORY

DEFAULT_FOLDER = Path(__file__).parents[2] / "shared" / "corpus"
_VERDICTS = Path(__file__).with_name("card_disagreements.md")
_VERDICT = re.compile(r"\| `([^`]+)` \| (\w+) \|")

# Fields in which an empty answer of theirs means that they did not look.
_FIELDS_THEY_SKIP = frozenset({"annotator", "has_labels_text", "license", "product"})


class Disagreement(NamedTuple):
    """One field of one card that the two read differently."""

    path: str
    field: str
    ours: Any
    theirs: Any


class Comparison(NamedTuple):
    """How often the two agree, in shares of the cards from 0 to 1."""

    cards: int
    disagreements: list[Disagreement]

    def agreement(self, field: str, settled: frozenset[tuple[str, str]] = frozenset()) -> float:
        """Share of the cards on which the two agree, or on which the extractor is known to be wrong."""
        open_ones = (found for found in self.disagreements if (found.path, found.field) not in settled)
        return 1 - sum(found.field == field for found in open_ones) / self.cards


def read_verdicts() -> frozenset[tuple[str, str]]:
    """Path and field of every disagreement in which the extractor is wrong."""
    return frozenset(_VERDICT.findall(_VERDICTS.read_text(encoding="utf-8")))


def read_odd_cards(folder: Path) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """Path, text and facts of each odd card, straight from the two archives."""
    with lzma.open(folder / "odd-cards-facts.jsonl.xz", "rt", encoding="utf-8") as lines:
        facts = {entry["path"].removeprefix("dev/"): entry for entry in map(json.loads, lines)}
    with tarfile.open(folder / "odd-cards.tar.xz") as archive:
        for member in archive:
            name = member.name.removeprefix("./").removeprefix("dev/")
            content = archive.extractfile(member)
            if content and name in facts and not facts[name].get("not_a_card"):
                yield name, content.read().decode("utf-8"), facts[name]


def compare(folder: Path) -> Comparison:
    """Read every odd card and compare it with its line of facts."""
    cards, disagreements = 0, []
    for path, text, facts in read_odd_cards(folder):
        card = parse_card(text, source=path)
        cards += 1
        for field, (ours, theirs) in FIELDS.items():
            mine, other = ours(card), theirs(facts)
            if mine != other and not (other is None and field in _FIELDS_THEY_SKIP):
                disagreements.append(Disagreement(path, field, mine, other))
    return Comparison(cards, disagreements)


def _text(field: str) -> Callable[[Mapping[str, Any]], str]:
    return lambda facts: str(facts[field] or "").strip()


def _list(field: str) -> Callable[[Mapping[str, Any]], list[str]]:
    def entries(facts: Mapping[str, Any]) -> list[str]:
        value = facts[field]
        return [str(entry) for entry in value] if isinstance(value, list) else [str(value)] if value else []

    return entries


def _flag(field: str) -> Callable[[Mapping[str, Any]], bool | None]:
    def flag(facts: Mapping[str, Any]) -> bool | None:
        value = facts[field]
        return value.lower() == "true" if isinstance(value, str) else value

    return flag


def _number(field: str) -> Callable[[Mapping[str, Any]], int | None]:
    def number(facts: Mapping[str, Any]) -> int | None:
        value = str(facts[field] or "").split("|")[0]
        return int(float(value)) if value else None

    return number


def _their_product(facts: Mapping[str, Any]) -> str | None:
    """Their product in our words; not known where no edition names one, where ours is told by the repository."""
    if facts["edition"] is None:
        return None
    product = str(facts["product"])
    renamed = {
        "Spark NLP for Healthcare": "Healthcare NLP",
        "Spark NLP JSL": "Healthcare NLP",
        "Spark OCR": "Visual NLP",
        "Spark NLP for Legal": "Legal NLP",
        "Spark NLP for Finance": "Finance NLP",
    }
    return renamed.get(product, product)


def _their_license(facts: Mapping[str, Any]) -> str | None:
    """Their licence in our words; not known where no row of the table says it."""
    stated: str | None = facts["license"]
    return {"open source": "Open Source", "Licenced": "Licensed", "Enterprise": "Licensed"}.get(stated or "", stated)


def _their_stages(facts: Mapping[str, Any]) -> list[str]:
    """Their stages without namespaces and descriptions."""
    stages = facts["included_models"] or []
    return [re.sub(r"^nlp\.(?=[A-Z])", "", stage.partition(" - ")[0]).strip("`* ") for stage in stages]


def _their_annotator(facts: Mapping[str, Any]) -> str | None:
    """Their class: stated, else that of the call that loads the model; not known where there is neither."""
    stated = facts["annotator"] or facts["class_"]
    if not stated and facts["self_calls"]:
        stated = facts["self_calls"][0][0]
    return _folded_class(annotator_class(stated)) if stated else None


def _their_size(facts: Mapping[str, Any]) -> int | None:
    return size_in_bytes(facts["size"]) if facts["size"] else None


def _our_key(card: ModelCard) -> dict[str, str]:
    key = card.artifact.key if card.artifact else None
    if key is None:
        return {}
    return {
        "name": key.name,
        "lang": key.language,
        "lib": key.lib_version,
        "spark": key.spark_version,
        "ts": key.millis,
    }


def _folded_class(name: str) -> str:
    """A class without what one extractor knows and the other does not: the namespace that the code gives it."""
    return re.sub(r"^(Legal|Finance|Medical)(?=[A-Z])", "", name).replace("AlBert", "Albert")


def _folded_call(annotator: str, name: str | None, language: str | None, repository: str | None) -> tuple[str, ...]:
    """A call as both can know it: with the default of its class where it has no name."""
    default = None if name else default_model(annotator)
    if default:
        name, language = default.name, language or default.language
    place = repository or ""
    folded = "" if place == PUBLIC_REPOSITORY else place
    return _folded_class(annotator), (name or "").strip(), language or "", folded


def _our_dependencies(card: ModelCard) -> set[tuple[str, ...]]:
    return {_folded_call(call.annotator, call.name, call.language, call.repository) for call in card.facts.dependencies}


def _their_dependencies(facts: Mapping[str, Any]) -> set[tuple[str, ...]]:
    return {_folded_call(*call) for call in facts["deps"]}


FIELDS: dict[str, tuple[Callable[[ModelCard], Any], Callable[[Mapping[str, Any]], Any]]] = {
    "name": (lambda card: card.name, _text("name")),
    "language": (lambda card: card.language, _text("language")),
    "key": (_our_key, lambda facts: facts["zip_key"] or {}),
    "lib_version": (lambda card: card.lib_version, _text("lib_version")),
    "spark_version": (lambda card: list(card.spark_versions), _list("spark_version")),
    "date": (lambda card: card.facts.date, _text("date_iso")),
    "task": (lambda card: list(card.facts.tasks), _list("task")),
    "annotator": (lambda card: _folded_class(card.facts.annotator), _their_annotator),
    "engine": (lambda card: card.facts.engine, _text("engine")),
    "size": (lambda card: card.facts.size_bytes, _their_size),
    "license": (lambda card: card.facts.license, _their_license),
    "nlu": (lambda card: list(card.facts.nlu), _list("nlu_refs")),
    "dependencies": (_our_dependencies, _their_dependencies),
    "title": (lambda card: card.facts.title, _text("title")),
    "tags": (lambda card: list(card.facts.tags), _list("tags")),
    "edition": (lambda card: card.edition, _text("edition")),
    "product": (lambda card: card.facts.product, _their_product),
    "supported": (lambda card: card.facts.supported, _flag("supported")),
    "deprecated": (lambda card: card.facts.deprecated, _flag("deprecated")),
    "recommended": (lambda card: card.facts.recommended, _flag("recommended")),
    "s3_uri": (lambda card: card.s3_uri, _text("s3_uri")),
    "https_uri": (lambda card: card.https_uri, _text("https_url")),
    "compatibility": (lambda card: card.facts.compatibility, _text("compatibility")),
    "type": (lambda card: card.model_info.get("type", ""), _text("type")),
    "case_sensitive": (lambda card: card.facts.case_sensitive, _flag("case_sensitive")),
    "max_sentence_length": (lambda card: card.facts.max_sentence_length, _number("max_sentence_length")),
    "dimension": (lambda card: card.facts.dimension, _number("dimension")),
    "stages": (lambda card: list(card.facts.stages), _their_stages),
    "has_benchmark": (lambda card: bool(card.benchmark), lambda facts: facts["has_benchmark"]),
    "has_labels_text": (
        lambda card: bool(card.predicted_entities_text),
        lambda facts: bool(facts["predicted_entities_raw"]) or None,
    ),
}


def main() -> None:
    """Print the agreement and the disagreements."""
    comparison = compare(Path(sys.argv[1]) if len(sys.argv) > 1 else DEFAULT_FOLDER)
    verdicts = read_verdicts()
    print("| field | agree | settled | of | disagreements |\n|---|---:|---:|---:|---:|")
    for field in FIELDS:
        different = sum(found.field == field for found in comparison.disagreements)
        shares = f"{comparison.agreement(field):.2%} | {comparison.agreement(field, verdicts):.2%}"
        print(f"| {field} | {shares} | {comparison.cards} | {different} |")
    print()
    for found in comparison.disagreements:
        verdict = "settled" if (found.path, found.field) in verdicts else "OPEN"
        print(f"- {verdict}: `{found.field}` of `{found.path}`: ours {found.ours!r}, theirs {found.theirs!r}")


if __name__ == "__main__":
    main()
