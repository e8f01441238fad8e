from __future__ import annotations

from typing import Any

import pytest

from modelhub.artifacts import Artifact, ArtifactKey
from modelhub.prune_plan import Belongings, Criteria, PrunePlan, keys_in, plan_prune, superseding
from modelhub.resolver import Runtime
from modelhub.versions import Version

DAY_S = 86_400.0
NOW_S = 1_700_000_000.0
OLD, NEW = "tiny_pos_en_4.0.0_3.0_1657118162458", "tiny_pos_en_4.2.0_3.0_1667118162458"
GERMAN, OTHER = "tiny_pos_de_4.0.0_3.0_1657118162458", "tiny_ner_en_4.0.0_3.0_1657118162458"


def held(text: str = OLD, *, days: float = 1.0, **facts: Any) -> Belongings:
    """What belongs to a key; the entry is good and was used some days ago unless it is said otherwise."""
    facts = {"state": "good", "entry_bytes": 100, "used_s": NOW_S - days * DAY_S, **facts}
    return Belongings(key=ArtifactKey.parse(text), path=f"/cache/{text}", **facts)


def plan(*belongings: Belongings, protected: tuple[str, ...] = (), **criteria: Any) -> PrunePlan:
    keys = {ArtifactKey.parse(text) for text in protected}
    return plan_prune(belongings, Criteria(**criteria), now_s=NOW_S, protected=keys)


def gone(plan: PrunePlan) -> list[str]:
    return [str(item.key) for item in plan.items]


def kept(plan: PrunePlan) -> dict[str, str]:
    return {str(item.key): item.obstacle for item in plan.kept}


def superseded(*belongings: Belongings, runtime: Runtime | None = None, **repositories: str) -> dict[str, str]:
    artifacts = {
        entry.key: Artifact(key=entry.key, repository=repositories.get(entry.key.lib_version, "public/models"))
        for entry in belongings
    }
    states = {entry.key: entry.state for entry in belongings}
    found = superseding(states, artifacts, runtime or Runtime())
    return {str(key): str(by) for key, by in found.items()}


# Criteria


def test_without_a_criterion_nothing_could_ever_go() -> None:
    assert Criteria().is_empty
    assert not Criteria(keep_bytes=0).is_empty
    assert not Criteria(unused_for_s=0.0).is_empty


@pytest.mark.parametrize("criteria", [{"is_superseded": True}, {"is_partial": True}, {"keep_bytes": 100}])
def test_what_meets_no_criterion_stays(criteria: dict[str, Any]) -> None:
    assert plan(held(days=1000), **criteria) == PrunePlan(cache_bytes=100)


@pytest.mark.parametrize(("days", "goes"), [(89.9, False), (90.1, True)])
def test_what_was_not_used_for_so_long_goes(days: float, goes: bool) -> None:
    result = plan(held(days=days), unused_for_s=90 * DAY_S)

    assert gone(result) == ([OLD] if goes else [])
    assert [item.reasons for item in result.items] == ([("last used 90 days ago",)] if goes else [])


def test_what_spark_nlp_would_not_take_any_more_goes() -> None:
    by = {ArtifactKey.parse(OLD): ArtifactKey.parse(NEW)}
    result = plan_prune([held(OLD), held(NEW)], Criteria(is_superseded=True), now_s=NOW_S, superseded_by=by)

    assert gone(result) == [OLD]
    assert result.items[0].reasons == (f"superseded by {NEW}",)


def test_a_half_unpacked_entry_goes_with_all_that_belongs_to_it() -> None:
    result = plan(held(state="partial", leftover_bytes=7, leftovers=("zip",)), is_partial=True)

    (item,) = result.items
    assert (item.takes_entry, item.size_bytes) == (True, 107)
    assert item.reasons == ("half unpacked", "zip")


@pytest.mark.parametrize("state", ["good", "leftover", "altered", "rotten", "foreign", ""])
def test_leftovers_of_any_other_entry_go_alone(state: str) -> None:
    result = plan(held(state=state, leftover_bytes=7, leftovers=("zip", "zip")), is_partial=True)

    (item,) = result.items
    assert (item.takes_entry, item.size_bytes, item.reasons) == (False, 7, ("zip",))
    assert item.to_dict()["what"] == "leftovers"


def test_leftovers_stay_where_they_were_not_asked_for() -> None:
    assert gone(plan(held(leftover_bytes=7, leftovers=("zip",)), is_superseded=True)) == []


def test_several_criteria_add_up_and_the_oldest_comes_first() -> None:
    half = held(OTHER, state="partial", days=3)
    result = plan(held(OLD, days=200), half, held(NEW, days=300), is_partial=True, unused_for_s=DAY_S)

    assert gone(result) == [NEW, OLD, OTHER]
    assert result.items[2].reasons == ("half unpacked", "last used 3 days ago")
    assert (result.freed_bytes, result.left_bytes) == (300, 0)


# How much is to be kept


@pytest.mark.parametrize(
    ("keep_bytes", "goes"), [(300, []), (299, [NEW]), (200, [NEW]), (199, [NEW, OLD]), (0, [NEW, OLD, GERMAN])]
)
def test_the_least_recently_used_go_until_so_much_is_left(keep_bytes: int, goes: list[str]) -> None:
    cache = [held(GERMAN, days=1), held(OLD, days=2), held(NEW, days=3)]

    assert gone(plan(*cache, keep_bytes=keep_bytes)) == goes


def test_what_goes_anyway_counts_as_gone() -> None:
    cache = [held(GERMAN, days=5, state="partial"), held(OLD, days=2), held(NEW, days=3)]
    result = plan(*cache, is_partial=True, keep_bytes=100)

    assert gone(result) == [GERMAN, NEW]
    assert [item.reasons for item in result.items] == [("half unpacked",), ("over the 100 B to keep",)]


def test_an_entry_may_follow_its_leftovers() -> None:
    cache = [held(OLD, leftover_bytes=7, leftovers=("zip",))]
    result = plan(*cache, is_partial=True, keep_bytes=50)

    (item,) = result.items
    assert (item.takes_entry, item.size_bytes) == (True, 107)
    assert item.reasons == ("zip", "over the 50 B to keep")


def test_a_bound_that_cannot_be_kept_is_no_failure() -> None:
    result = plan(held(OLD), held(NEW, state="altered"), protected=(OLD,), keep_bytes=50)

    assert (gone(result), result.left_bytes) == ([], 200)


# What stays


def test_what_a_lockfile_names_is_never_taken() -> None:
    half = held(state="partial", days=1000, leftover_bytes=5, leftovers=("zip",))
    result = plan(half, protected=(OLD,), is_partial=True, unused_for_s=1.0, keep_bytes=0)

    assert gone(result) == []
    assert kept(result) == {OLD: "a lockfile names it"}


@pytest.mark.parametrize("state", ["altered", "foreign"])
def test_what_somebody_has_changed_is_not_ours_to_throw_away(state: str) -> None:
    result = plan(held(state=state, days=1000), unused_for_s=1.0, keep_bytes=0)

    assert gone(result) == []
    assert f"it is {state}" in kept(result)[OLD]


@pytest.mark.parametrize(("minutes", "goes"), [(-5, False), (0, False), (9, False), (11, True)])
def test_what_has_just_been_written_may_be_in_use(minutes: float, goes: bool) -> None:
    half = held(state="partial", changed_s=NOW_S - minutes * 60)
    result = plan(half, is_partial=True)

    assert gone(result) == ([OLD] if goes else [])
    assert ("a program may be at it" in kept(result).get(OLD, "")) == (not goes)


def test_items_that_meet_an_obstacle_later_are_kept_with_it() -> None:
    result = plan(held(OLD), held(NEW), unused_for_s=1.0).without({ArtifactKey.parse(OLD): "busy"})

    assert (gone(result), kept(result), result.freed_bytes) == ([NEW], {OLD: "busy"}, 100)


# Superseding


def test_of_several_builds_the_one_that_spark_nlp_takes_supersedes_the_others() -> None:
    assert superseded(held(NEW), held(OLD)) == {OLD: NEW}


def test_the_runtime_decides() -> None:
    old = Runtime(sparknlp=Version("4.1.0"), spark=Version("3.3.0"))
    older = Runtime(sparknlp=Version("3.0.0"), spark=Version("3.3.0"))

    assert superseded(held(NEW), held(OLD), runtime=old) == {NEW: OLD}
    assert superseded(held(NEW), held(OLD), runtime=older) == {}


def test_versions_count_as_spark_nlp_counts_them() -> None:
    ten, two = "tiny_pos_en_4.2.10_3.0_1657118162458", "tiny_pos_en_4.2.2_3.0_1657118162458"

    assert superseded(held(ten), held(two)) == {ten: two}


def test_what_spark_nlp_can_load_all_the_same_supersedes_too() -> None:
    assert superseded(held(NEW, state="leftover"), held(OLD)) == {OLD: NEW}


@pytest.mark.parametrize("state", ["partial", "altered", "rotten", "foreign"])
def test_what_is_not_good_supersedes_nothing(state: str) -> None:
    assert superseded(held(NEW, state=state), held(OLD)) == {}


def test_what_is_not_good_may_be_superseded() -> None:
    assert superseded(held(NEW), held(OLD, state="rotten")) == {OLD: NEW}


def test_other_languages_names_and_repositories_are_other_models() -> None:
    assert superseded(held(NEW), held(GERMAN), held(OTHER)) == {}
    assert superseded(held(NEW), held(OLD), **{"4.2.0": "clinical/models"}) == {}


def test_an_entry_of_which_nobody_knows_the_repository_is_left_alone() -> None:
    assert superseding({ArtifactKey.parse(key): "good" for key in (NEW, OLD)}, {}, Runtime()) == {}


def test_the_list_decides_between_equals() -> None:
    first, second = "a_b_en_2_3.0_1657118162458", "a_b_en_2.0_3.0_1657118162458"
    states = {ArtifactKey.parse(key): "good" for key in (first, second)}

    def artifacts(*texts: str) -> dict[ArtifactKey, Artifact]:
        keys = [ArtifactKey.parse(text) for text in texts]
        return {key: Artifact(key=key, position=number) for number, key in enumerate(keys, 1)}

    one = superseding(states, artifacts(first, second), Runtime())
    other = superseding(states, artifacts(second, first), Runtime())

    assert [len(one), len(other)] == [1, 1]
    assert one != other


# Lockfiles and JSON


@pytest.mark.parametrize(
    ("document", "keys"),
    [
        ({"models": [{"key": OLD}, {"key": NEW, "sha256": "5e"}]}, [OLD, NEW]),
        ({"key": OLD, "of": {"deep": [[{"key": f"{NEW}.zip"}]]}}, [OLD, NEW]),
        ({"key": "no key"}, []),
        ({"key": None, "name": OLD}, []),
        ([1, "text", None, {"key": {"key": OLD}}], [OLD]),
        (OLD, []),
    ],
)
def test_the_keys_of_a_lockfile_are_found_wherever_they_are(document: object, keys: list[str]) -> None:
    assert [str(key) for key in keys_in(document)] == keys


def test_a_plan_is_data_for_programs() -> None:
    result = plan(held(OLD), held(NEW, days=2), protected=(NEW,), unused_for_s=1.0).to_dict()

    assert result["items"] == [
        {
            "key": OLD,
            "path": f"/cache/{OLD}",
            "size_bytes": 100,
            "state": "good",
            "what": "entry",
            "reasons": ["last used 1 day ago"],
            "last_used": "2023-11-13T22:13:20Z",
        }
    ]
    assert [(item["key"], item["obstacle"]) for item in result["kept"]] == [(NEW, "a lockfile names it")]
    assert (result["freed_bytes"], result["cache_bytes"]) == (100, 200)
