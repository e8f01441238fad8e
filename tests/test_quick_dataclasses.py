from __future__ import annotations

import copy
import dataclasses
import itertools
import pickle
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import field
from functools import cached_property
from typing import Any

import pytest

from modelhub import quick_dataclasses
from modelhub.ranges import Span


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


@quick_dataclasses.dataclass(frozen=True, order=True)
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


def test_order_is_that_of_the_fields() -> None:
    assert sorted([Point(2, 1), Point(1, 3), Point(1, 2)]) == [Point(1, 2), Point(1, 3), Point(2, 1)]
    assert Point(1) <= Point(1) >= Point(1)
    assert Point(2) > Point(1)
    with pytest.raises(TypeError, match="'<' not supported"):
        assert Point(1) < Point3(2)


def test_values_that_come_from_elsewhere_need_no_instance_before() -> None:
    script = """
import pickle, sys
from modelhub.ranges import Span
one, other = pickle.loads(sys.stdin.buffer.read())
print(one == other, one < other, hash(one) == hash(Span(1, 2)), one)
"""
    values = pickle.dumps((Span(1, 2), Span(1, 3)))

    told = subprocess.run([sys.executable, "-c", script], input=values, capture_output=True, check=True).stdout

    assert told == b"False True True bytes=1-1\n"


def test_threads_may_make_the_first_instances_at_once() -> None:
    barrier = threading.Barrier(8)
    for _ in range(50):

        @quick_dataclasses.dataclass(frozen=True)
        class Fresh:
            x: int
            tags: list[str] = field(default_factory=list)
            seen: int = field(default=0, compare=False)

        def make(x: int, kind: type[Any] = Fresh) -> Any:
            barrier.wait()
            return kind(x, seen=x)

        with ThreadPoolExecutor(8) as threads:
            made = list(threads.map(make, range(8)))

        assert [value.x for value in made] == list(range(8))
        assert all(value.tags == [] for value in made)
        assert made[1] == Fresh(1, seen=5)


class Counting(Point):
    def __init__(self, text: str) -> None:
        super().__init__(int(text), 7)


def test_a_method_of_a_subclass_finds_the_first_init_too() -> None:
    assert (Counting("3").x, Counting("4").x) == (3, 4)


def test_a_class_whose_making_was_interrupted_is_made_as_if_it_was_not() -> None:
    for stop in range(1, 400):

        @quick_dataclasses.dataclass(frozen=True)
        class Fresh:
            x: int
            tags: list[str] = field(default_factory=list)
            seen: int = field(default=0, compare=False)

        lines = itertools.count(1)

        def interrupt(frame: Any, event: str, _arg: object, stop: int = stop, lines: Iterator[int] = lines) -> Any:
            if frame.f_code.co_filename.endswith("dataclasses.py") and event == "line" and next(lines) == stop:
                raise KeyboardInterrupt
            return interrupt

        tracer = sys.gettrace()
        sys.settrace(interrupt)
        with suppress(KeyboardInterrupt):
            Fresh(1)
        sys.settrace(tracer)

        assert Fresh(1, seen=1) == Fresh(1, seen=2), stop
        assert Fresh(1).tags == []


def test_other_kinds_are_left_to_the_original() -> None:
    @quick_dataclasses.dataclass(frozen=True, order=True, slots=True)
    class Ordered:
        x: int

    assert Ordered(1) < Ordered(2)
    assert not hasattr(Ordered(1), "__dict__")


def test_a_mutable_one_can_be_changed_and_so_has_no_hash() -> None:
    @quick_dataclasses.dataclass(kw_only=True)
    class Mutable:
        x: int
        seen: list[int] = field(default_factory=list)

    mutable = Mutable(x=1)
    mutable.x = 2
    mutable.seen.append(1)
    assert mutable == Mutable(x=2, seen=[1])
    with pytest.raises(TypeError, match="unhashable"):
        hash(mutable)
