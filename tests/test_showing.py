"""What a shown model says of others: languages, builds, what takes its place, and how models compare."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from modelhub.errors import NotFoundError, UsageError
from modelhub.hub import Hub

OLD, NEW = "tiny_owls_en_4.0.0_3.0_1657118162458", "tiny_owls_en_4.2.0_3.0_1667118162458"
GERMAN, CLINICAL = "tiny_owls_de_4.0.0_3.0_1657118162458", "tiny_owls_fr_4.0.0_3.0_1657118162458"


@pytest.fixture
def hub_of(home: Path, tmp_path: Path, make_card: Callable[..., str]) -> Iterator[Callable[..., Hub]]:
    """``hub_of((key, front matter), …)``: a hub that knows these cards, too."""
    hubs = []

    def open_hub(*cards: tuple[str, dict[str, str]]) -> Hub:
        folder = tmp_path / "cards"
        folder.mkdir()
        for number, (key, front) in enumerate(cards):
            (folder / f"2022-07-0{number + 1}-x_en.md").write_text(make_card(key=key, **front), encoding="utf-8")
        hubs.append(Hub(home=home, offline=True, cache=tmp_path / "cache"))
        hubs[-1].update_cards(folder)
        return hubs[-1]

    yield open_hub
    for hub in hubs:
        hub.close()


def test_other_languages_of_the_repository_are_named(hub_of: Callable[..., Hub]) -> None:
    hub = hub_of((OLD, {}), (GERMAN, {}), (CLINICAL, {"repository": "clinical/models"}))

    assert hub.show("tiny_owls").languages == ("de",)
    assert hub.show("tiny_owls", "de").languages == ("en",)
    assert [version.language for version in hub.show("tiny_owls").versions] == ["en"]


@pytest.mark.parametrize(
    ("old", "new", "replaced_by"),
    [
        ({"deprecated": "true"}, {}, "tiny_owls:en@4.2.0"),
        ({"deprecated": "true", "replaced_by": "storks"}, {}, "storks"),
        ({"deprecated": "true"}, {"deprecated": "true"}, ""),
        ({}, {}, ""),
    ],
)
def test_what_takes_the_place_of_a_deprecated_build_is_named(
    hub_of: Callable[..., Hub], old: dict[str, str], new: dict[str, str], replaced_by: str
) -> None:
    shown = hub_of((OLD, old), (NEW, new)).show(OLD)

    assert shown.replaced_by == replaced_by
    assert shown.to_dict()["replaced_by"] == replaced_by


def test_models_are_compared_by_any_of_their_references(hub_of: Callable[..., Hub]) -> None:
    hub = hub_of((OLD, {}), (NEW, {}), (GERMAN, {"title": "Eulen"}))
    comparison = hub.compare([OLD, NEW, "tiny_owls:de"])
    fields = {field.name: field for field in comparison.fields}

    assert [str(model.artifact.key) for model in comparison.models] == [OLD, NEW, GERMAN]
    assert fields["lib_version"].values == ("4.0.0", "4.2.0", "4.0.0")
    assert fields["title"].values == ("Tiny tagger", "Tiny tagger", "Eulen")


def test_a_comparison_with_what_does_not_exist_is_refused(hub_of: Callable[..., Hub]) -> None:
    hub = hub_of((OLD, {}))

    with pytest.raises(NotFoundError, match="storks"):
        hub.compare(["tiny_owls", "no_such_storks"])
    with pytest.raises(UsageError, match="two models"):
        hub.compare(["tiny_owls"])
