"""Does the search find what people mean? Known-item search over real model cards.

    python benchmarks/relevance.py [../shared/corpus/hub-2024-09.tar.xz] [--queries 400] [--json FILE] [--misses 20]

Queries are made by the rules of ``known_items.py`` from what a person may know of a model. For each the rank of that
model is looked for among the first ten answers of three searches over the same models and the same texts:

- ``modelhub search``;
- FTS5 as SQLite has it: the words of the query, ``bm25``, no weights (all words; and any word, which forgives errors);
- substring: the query occurs, as it stands, in the text of the model; shorter names first.

For "task, language, label" any model that has all three is a good answer, for the others only the one that was meant.
"""

from __future__ import annotations

import argparse
import json
import re
import sqlite3
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from known_items import (
    CORPUS,
    KINDS,
    KnownItemQuery,
    KnownModel,
    build_registry,
    found_by_us,
    models_of,
    queries_of,
    rank_of,
    summary,
)

from modelhub.documents import Document
from modelhub.ingest import read_cards
from modelhub.registry import Registry

_DEPTH = 10
_GOALS = {
    "name": 0.95,
    "name, one typing error": 0.90,
    "title words": 0.80,
    "Hugging Face name": 0.95,
    "NLU reference": 0.95,
}

Searcher = Callable[[str], list[KnownModel]]


def main() -> None:
    """Search, and print a table for each kind of query."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cards", nargs="?", type=Path, default=CORPUS, help="archive of cards")
    parser.add_argument("--queries", type=int, default=400, help="of each kind")
    parser.add_argument("--json", type=Path, help="file for the figures")
    parser.add_argument("--misses", type=int, default=0, help="print so many queries of each kind that found nothing")
    parser.add_argument("--only", action="store_true", help="leave the other searches out")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        documents = [item for item in read_cards(arguments.cards) if isinstance(item, Document)]
        build_registry(Path(folder) / "registry.sqlite", documents)
        models = models_of(documents)
        queries = queries_of(models, arguments.queries)
        with Registry.open(Path(folder) / "registry.sqlite") as registry:
            searchers: dict[str, Searcher] = {"modelhub": lambda text: found_by_us(registry, text, _DEPTH)}
            if not arguments.only:
                plain = _plain_table(models)
                searchers |= {
                    "bm25, all words": _bm25(plain, models, " "),
                    "bm25, any word": _bm25(plain, models, " OR "),
                    "substring": _substring(plain, models),
                }
            ranks = {name: [rank_of(query, find(query.text)) for query in queries] for name, find in searchers.items()}
    figures = _figures(queries, ranks)
    _print_table(figures)
    _print_misses(queries, ranks["modelhub"], arguments.misses)
    if arguments.json:
        arguments.json.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")


def _plain_table(models: Sequence[KnownModel]) -> sqlite3.Connection:
    """One row per model with all that its cards say, in SQLite's own full-text search."""
    connection = sqlite3.connect(":memory:")
    connection.execute("CREATE VIRTUAL TABLE plain USING fts5(name, rest)")
    connection.execute("CREATE TABLE substrings(id INTEGER PRIMARY KEY, name, text)")
    for number, model in enumerate(models):
        facts = model.facts
        several = (facts.tasks, facts.tags, facts.labels, facts.nlu)
        words = [facts.title, model.language, facts.annotator, facts.product, facts.origin]
        rest = "\n".join([*words, *(item for items in several for item in items)])
        connection.execute("INSERT INTO plain(rowid, name, rest) VALUES (?, ?, ?)", (number, model.name, rest))
        connection.execute(
            "INSERT INTO substrings VALUES (?, ?, ?)", (number, model.name, f"{model.name}\n{rest}".lower())
        )
    return connection


def _bm25(connection: sqlite3.Connection, models: Sequence[KnownModel], joined_by: str) -> Searcher:
    def find(text: str) -> list[KnownModel]:
        expression = joined_by.join(f'"{word}"' for word in re.findall(r"[^\W_]+", text))
        query = f"SELECT rowid FROM plain WHERE plain MATCH ? ORDER BY bm25(plain) LIMIT {_DEPTH}"
        return [models[number] for (number,) in connection.execute(query, (expression,))]

    return find


def _substring(connection: sqlite3.Connection, models: Sequence[KnownModel]) -> Searcher:
    def find(text: str) -> list[KnownModel]:
        query = f"SELECT id FROM substrings WHERE instr(text, ?) ORDER BY length(name), name LIMIT {_DEPTH}"
        return [models[number] for (number,) in connection.execute(query, (text.lower(),))]

    return find


def _figures(queries: Sequence[KnownItemQuery], ranks: Mapping[str, Sequence[int]]) -> dict[str, Any]:
    """For each kind of query and each search what :func:`summary` says."""
    return {
        kind: {
            name: summary(rank for query, rank in zip(queries, found, strict=True) if query.kind == kind)
            for name, found in ranks.items()
        }
        for kind in KINDS
    }


def _print_table(figures: Mapping[str, Any]) -> None:
    print(f"| {'query':24} | {'search':16} | queries |   MRR | at 1 | at 5 | at 10 | goal at 5 |")
    print("|---|---|---:|---:|---:|---:|---:|---|")
    for kind, searches in figures.items():
        for name, figure in searches.items():
            goal = _GOALS.get(kind) if name == "modelhub" else None
            verdict = f"≥ {goal:.0%}: {'met' if figure['success_at_5'] >= goal else 'MISSED'}" if goal else ""
            success = (figure[f"success_at_{bound}"] for bound in (1, 5, 10))
            shares = " | ".join(f"{share:.1%}" for share in success)
            print(f"| {kind:24} | {name:16} | {figure['queries']} | {figure['mrr']:.3f} | {shares} | {verdict} |")


def _print_misses(queries: Sequence[KnownItemQuery], ranks: Sequence[int], number: int) -> None:
    for kind in KINDS if number else ():
        missed = [query for query, rank in zip(queries, ranks, strict=True) if query.kind == kind and not 0 < rank <= 5]
        print(f"\n{kind}: {len(missed)} missed")
        for query in missed[:number]:
            print(f"  {query.text!r} meant {'/'.join(query.target.identity)}")


if __name__ == "__main__":
    main()
