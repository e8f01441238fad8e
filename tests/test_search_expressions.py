from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from registries import document, make_registry

from modelhub.registry import Registry
from modelhub.search_expressions import Expressions
from modelhub.search_words import parse_wanted
from modelhub.vocabulary import Vocabulary

MODELS = (
    document("straw_hat", title="Hats of straw"),
    document("xlmroberta_ner", title="XLM Roberta"),
    document("conll_03", title="Conll"),
    *(document(f"common_{number}") for number in range(101)),
    document("commonest"),
)


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    path: Path = tmp_path_factory.mktemp("registry") / "registry.sqlite"
    with Registry.open(make_registry(path, MODELS)) as registry:
        yield registry


@pytest.fixture
def expressions(registry: Registry) -> Expressions:
    return Expressions(Vocabulary(registry))


def names(registry: Registry, expression: str) -> set[str]:
    rows = registry.connection.execute("SELECT name FROM model_text WHERE model_text MATCH ?", (expression,))
    return {row[0] for row in rows if not row[0].startswith("common ")}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("straw", {"straw hat"}),
        ("stra ha", {"straw hat"}),
        ("hat straw", {"straw hat"}),
        ("straw ner", set()),
        ('"straw hat"', {"straw hat"}),
        ('"hat straw"', set()),
        ('"hats of" stra', {"straw hat"}),
        ("conll03", {"conll 03"}),
        ("s", set()),
        ("commones", {"commonest"}),
        ("common", set()),
    ],
)
def test_all_words_are_asked_for(registry: Registry, expressions: Expressions, text: str, found: set[str]) -> None:
    assert names(registry, expressions.all_of(parse_wanted(text))) == found


def test_of_a_beginning_of_many_words_all_are_asked_for(tmp_path: Path) -> None:
    models = [document(f"m{number}", title=f"ab{chr(97 + number)}") for number in range(26)]
    models += [document(f"n{number}", title=f"abc{chr(97 + number)}") for number in range(26)]
    with Registry.open(make_registry(tmp_path / "registry.sqlite", models)) as registry:
        expressions = Expressions(Vocabulary(registry))

        assert len(names(registry, expressions.all_of(parse_wanted("ab")))) == 52
        assert len(names(registry, expressions.all_of(parse_wanted("abc")))) == 27


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("stray hat", {"straw hat"}),
        ("strawhat", {"straw hat"}),
        ("straw hta", {"straw hat"}),
        ("stra what", {"straw hat"}),
        ("strawh at", {"straw hat"}),
        ("xlm roberta nen", {"xlmroberta ner"}),
        ("xlmrob erta ner", {"xlmroberta ner"}),
        ("xyzzy hat", set()),
        ('"straw hat" strwa', {"straw hat"}),
        ('"stray hat"', set()),
    ],
)
def test_one_mistake_anywhere_does_no_harm(
    registry: Registry, expressions: Expressions, text: str, found: set[str]
) -> None:
    wanted = parse_wanted(text)
    rounds = [names(registry, expression) for expression in expressions.with_errors(wanted) if expression]

    assert next(filter(None, rounds), set()) == found


def test_many_words_are_corrected_only_where_no_model_has_them(expressions: Expressions) -> None:
    wanted = parse_wanted("straw hat of straw hat of straw hat of hats hat")

    assert list(expressions.with_errors(wanted)) == []


@pytest.mark.parametrize(
    ("text", "rounds"),
    [
        ("straw xyzzy", [{"straw hat"}]),
        ("straw ner", [{"straw hat", "xlmroberta ner"}]),
        ("straw hat ner", [{"straw hat"}, {"straw hat", "xlmroberta ner"}]),
        ("xyzzy plugh", []),
        ("straw", []),
    ],
)
def test_where_not_all_words_are_had_as_many_as_possible_are_asked_for(
    registry: Registry, expressions: Expressions, text: str, rounds: list[set[str]]
) -> None:
    found = [names(registry, expression) for expression in expressions.with_some(parse_wanted(text))]

    assert found == rounds


@pytest.mark.parametrize(("text", "rarest"), [("common", 101), ("common straw", 1), ("common xyzzy", 0)])
def test_the_rarest_word_tells_how_many_can_match(expressions: Expressions, text: str, rarest: int) -> None:
    assert expressions.rarest(parse_wanted(text)) == rarest
