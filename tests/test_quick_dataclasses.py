from __future__ import annotations

import copy
import dataclasses
import pickle
from dataclasses import field
from functools import cached_property
from typing import Any

import pytest

from modelhub import quick_dataclasses


@dataclasses.dataclass(frozen=True, kw_only=True)
class Original:
    name: str
    tags: tuple[str, ...] = ()
    secret: str = field(default="", repr=False)
    seen: int = field(default=0, compare=False)
    sizes: dict[str, int] = field(default_factory=dict, hash=False)


@quick_dataclasses.dataclass(frozen=True, kw_only=True)
class Quick:
    name: str
    tags: tuple[str, ...] = ()
    secret: str = field(default="", repr=False)
    seen: int = field(default=0, compare=False)
    sizes: dict[str, int] = field(default_factory=dict, hash=False)

    @cached_property
    def initial(self) -> str:
        return self.name[0]


@quick_dataclasses.dataclass(frozen=True)
class Point:
    x: int
    y: int = 0

    def __repr__(self) -> str:
        return f"<{self.x}, {self.y}>"


@quick_dataclasses.dataclass(frozen=True)
class Point3(Point):
    z: int = 0


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"name": "a"}, {"name": "a"}),
        ({"name": "a"}, {"name": "b"}),
        ({"name": "a", "tags": ("x",)}, {"name": "a"}),
        ({"name": "a", "secret": "s"}, {"name": "a"}),
        ({"name": "a", "sizes": {"x": 1}}, {"name": "a", "sizes": {"x": 1}}),
        ({"name": "a", "seen": 1}, {"name": "a", "seen": 2}),
    ],
)
def test_equality_and_hash_are_those_of_the_original(one: dict[str, Any], other: dict[str, Any]) -> None:
    is_equal = Original(**one) == Original(**other)

    assert (Quick(**one) == Quick(**other)) is is_equal
    assert (hash(Quick(**one)) == hash(Quick(**other))) is is_equal
    assert Quick(**one) != Original(**one)


def test_what_is_shown_is_that_of_the_original() -> None:
    values: dict[str, Any] = {"name": "a", "secret": "s"}

    assert repr(Quick(**values)) == repr(Original(**values)).replace("Original", "Quick")
    assert repr(Point(1)) == "<1, 0>"


@pytest.mark.parametrize("name", ["name", "seen", "unknown"])
def test_nothing_can_be_changed(name: str) -> None:
    value = Quick(name="a")
    with pytest.raises(dataclasses.FrozenInstanceError, match=name):
        setattr(value, name, "b")
    with pytest.raises(dataclasses.FrozenInstanceError, match=name):
        delattr(value, name)

    assert value == Quick(name="a")


def test_dataclasses_know_it() -> None:
    value = Quick(name="a", tags=("x",))

    assert dataclasses.is_dataclass(value)
    assert dataclasses.replace(value, name="b") == Quick(name="b", tags=("x",))
    assert dataclasses.asdict(value) == dataclasses.asdict(Original(name="a", tags=("x",)))
    assert copy.copy(value) == pickle.loads(pickle.dumps(value)) == value
    assert (value.initial, value.__dict__["initial"]) == ("a", "a")


def test_a_class_may_build_on_another() -> None:
    assert Point3(1, 2, 3) == Point3(1, 2, 3) != Point3(1, 2, 4)
    assert Point3(1, 2) != Point(1, 2)


def test_other_kinds_are_left_to_the_original() -> None:
    @quick_dataclasses.dataclass(frozen=True, order=True, slots=True)
    class Ordered:
        x: int

    @quick_dataclasses.dataclass(kw_only=True)
    class Mutable:
        x: int

    mutable = Mutable(x=1)
    mutable.x = 2
    assert Ordered(1) < Ordered(2)
    assert not hasattr(Ordered(1), "__dict__")
    assert mutable == Mutable(x=2)
