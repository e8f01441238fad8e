from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import pytest

from modelhub.facts import ModelFacts
from modelhub.search_score import Candidate, Yardstick
from modelhub.searchable import SearchableModel


def candidate(name: str, title: str = "", rest: str = "", language: str = "de", place: int = 0) -> Candidate:
    facts = ModelFacts(date="2022-01-01")
    base = SearchableModel(name="m", language="de", newest="", described=[facts]).rank_base()
    return Candidate(base + place, name, title, rest, language)


def order(
    text: str,
    candidates: Sequence[Candidate],
    *,
    exact: Iterable[int] = (),
    weights: Mapping[str, float] | None = None,
    others: Mapping[str, Sequence[str]] | None = None,
) -> list[str]:
    """The names of the candidates, the best first; a later one has a worse rank."""
    placed = [item._replace(number=item.number + place) for place, item in enumerate(candidates)]
    names = {item.number: item.name for item in placed}
    yardstick = Yardstick(text.split(), exact=set(exact), weights=weights, others=others)
    return [names[number] for number in yardstick.sorted(placed)]


@pytest.mark.parametrize(
    ("text", "worse", "better"),
    [
        ("hat", candidate("x", "hat"), candidate("hat", "x")),
        ("hat", candidate("a hat of straw"), candidate("hat")),
        ("hat", candidate("x", "a hat of straw"), candidate("y", "hat")),
        ("hat", candidate("hats"), candidate("hat")),
        ("hat", candidate("x y"), candidate("hats y")),
        ("straw hat", candidate("hat straw"), candidate("straw hat")),
        ("straw hat", candidate("x", "hat straw"), candidate("y", "straw hat")),
        ("straw hat", candidate("hat x"), candidate("straw hat x y z")),
        ("hat drug", candidate("hat x"), candidate("hat y", rest="drug")),
        ("hat drug", candidate("hat x", rest="drugs"), candidate("hat y", rest="drug")),
        ("hat es", candidate("hat", language="en"), candidate("hat", language="es")),
    ],
)
def test_the_better_answer_comes_first(text: str, worse: Candidate, better: Candidate) -> None:
    worse, better = worse._replace(name=f"{worse.name} worse"), better._replace(name=f"{better.name} better")

    assert order(text, [worse, better]) == [better.name, worse.name]


def test_of_equals_the_better_rank_comes_first() -> None:
    assert order("hat", [candidate("hat a"), candidate("hat b"), candidate("hat c")]) == ["hat a", "hat b", "hat c"]


def test_merit_counts() -> None:
    poor = SearchableModel(name="m", language="de", newest="", described=[ModelFacts(deprecated=True)]).rank_base()
    good, bad = candidate("hat x y"), candidate("hat x")._replace(number=poor)

    assert Yardstick(["hat"]).sorted([bad, good]) == [good.number, bad.number]


def test_what_the_text_names_comes_before_all() -> None:
    candidates = [candidate("straw hat", "straw hat"), candidate("x")]

    assert order("straw hat", candidates, exact=[candidates[1].number + 1]) == ["x", "straw hat"]


def test_what_is_spelled_most_like_the_text_comes_first_if_there_are_errors() -> None:
    candidates = [candidate("opus mt de fr"), candidate("opus mt fr de"), candidate("opus nt fr")]

    assert order("opus mt er fr", candidates, others={})[0] == "opus mt de fr"
    assert order("opus mt fr dd", candidates, others={"dd": ["de"]})[0] == "opus mt fr de"


def test_a_language_belongs_to_a_spelling() -> None:
    candidates = [candidate("lemma gsd", language="en"), candidate("lemma gsd", language="fr")]

    yardstick = Yardstick("lemna gsd fr".split(), others={})  # noqa: SIM905

    assert yardstick.score(candidates[1]) > yardstick.score(candidates[0]) + 2


def test_a_rare_word_weighs_more_where_not_all_are_needed() -> None:
    candidates = [candidate("bert x"), candidate("sombrero x")]
    weights = {"bert": 0.1, "sombrero": 0.9}

    assert order("bert sombrero", candidates) == ["bert x", "sombrero x"]
    assert order("bert sombrero", candidates, weights=weights) == ["sombrero x", "bert x"]


def test_a_candidate_counts_once() -> None:
    assert len(Yardstick(["hat"]).sorted([candidate("hat"), candidate("hat")])) == 1
