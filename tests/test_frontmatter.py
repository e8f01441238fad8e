import time
from typing import Any

import pytest
import yaml

from modelhub.diagnostics import Findings
from modelhub.frontmatter import FrontMatter, read_front_matter


def read(text: str) -> tuple[FrontMatter, list[tuple[str, int]]]:
    findings = Findings("x.md")
    front = read_front_matter(text, findings)
    return front, [(found.code, found.line) for found in findings.sorted()]


PLAIN_BLOCKS = [
    "title: A plain title (really)\nname: a_b\n",
    'language: "no"\ntags: ["no", open_source, x y]\n',
    "spark_version: 3.10\ndate: 2020-01-01\nsupported: true\n",
    'empty:\nother: \nquoted: ""\n',
    "title: ClinicalBERT (``emb`` 12:30), `x`\ndate: 2020-07-14 19:03:00 +0800\n",
    "\nlayout: model\n\ntitle: x\n\n\nname: y\n\n",
    "article_header:\n  type: cover\nlast: x   \n",
    "article_header:\ntype: cover\n",
]
YAML_BLOCKS = [
    "tags:\n- one\n- two\n",
    "title: 'quoted: with a colon'\n",
    "title: a # comment\n",
    "long: one\n  two\n",
    "nested:\n  a: x\n  b: y\n",
    "tags: []\n",
    "title:\n\n  below\n",
    "title: Enawené\n",
    "a: [x, [y]]\n",
]


@pytest.mark.parametrize("block", PLAIN_BLOCKS)
def test_plain_lines_are_read_as_yaml_reads_them(block):
    front, complaints = read(f"---\n{block}---\nbody")

    assert front.values == yaml.load(block, yaml.BaseLoader)
    assert complaints == []


@pytest.mark.parametrize(
    ("block", "expected"),
    list(
        zip(
            YAML_BLOCKS,
            [
                {"tags": ["one", "two"]},
                {"title": "quoted: with a colon"},
                {"title": "a"},
                {"long": "one two"},
                {"nested": {"a": "x", "b": "y"}},
                {"tags": []},
                {"title": "below"},
                {"title": "Enawené"},
                {"a": ["x"]},
            ],
            strict=True,
        )
    ),
)
def test_other_lines_are_read_by_yaml(block, expected):
    assert read(f"---\n{block}---\n")[0].values == expected


@pytest.mark.parametrize(
    ("block", "expected"),
    [
        ("title: Birds: a study\nname: x", {"title": "Birds: a study", "name": "x"}),
        ("title: a: b\ntags: [x, 'y', \"z\"]", {"title": "a: b", "tags": ["x", "y", "z"]}),
        ("title: a: b\ntags:\n- x\n- y", {"title": "a: b", "tags": ["x", "y"]}),
        ("title: a: b\narticle_header:\n  type: cover", {"title": "a: b", "article_header": {"type": "cover"}}),
        ("title: a: b\n- stray\n  stray: pair\nname:\tx", {"title": "a: b", "name": "x"}),
        ("  - stray\ntitle: a: b", {"title": "a: b"}),
        ("title: x\x00y", {"title": "xy"}),
        ("title: 'never closed\nname: x", {"title": "'never closed", "name": "x"}),
    ],
)
def test_what_yaml_refuses_is_read_line_by_line(block, expected):
    front, complaints = read(f"---\n{block}\n---\n")

    assert front.values == expected
    assert [code for code, _ in complaints] == ["front-matter-yaml"]


def test_the_line_that_yaml_refuses_is_named():
    assert read("\n---\nname: x\ntitle: a: b\n---\n")[1] == [("front-matter-yaml", 4)]


def test_a_list_is_no_front_matter():
    front, complaints = read("---\n- a\n- b\n---\n")

    assert front.values == {}
    assert complaints == [("front-matter-yaml", 2)]


def test_nesting_without_end_ends_nothing():
    front, complaints = read("---\nname: x\ntitle: " + "[" * 2_000 + "]" * 2_000 + "\n---\n")

    assert front.text("name") == "x"
    assert complaints == [("front-matter-yaml", 2)]


def test_a_bomb_of_aliases_is_not_unfolded():
    block = "a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n"

    assert read(f"---\n{block}---\n")[0].values == {"a": ["x", "x"], "b": [], "c": []}


def test_missing_and_unclosed_front_matter_is_reported():
    assert read("no front matter")[1] == [("front-matter-missing", 1)]

    front, complaints = read("---\nname: x\n\n## Description\n")

    assert front.values == {"name": "x"}
    assert complaints == [("front-matter-unclosed", 2)]
    assert read("---\nname: x")[0].values == {"name": "x"}


def test_an_empty_front_matter_is_none_to_complain_about():
    front, complaints = read("---\n---\nbody")

    assert (front.values, complaints) == ({}, [])


def test_a_repeated_key_is_reported_and_the_last_counts():
    front, complaints = read("---\nname: x\ntitle: X\nname: y\n---\n")

    assert front.values == {"name": "y", "title": "X"}
    assert complaints == [("key-duplicated", 4)]


def test_a_key_that_is_there_often_is_reported_once():
    assert read("---\nname: x\nname: y\nname : z\n---\n")[1] == [("key-duplicated", 4)]


def test_a_very_long_front_matter_is_read_line_by_line():
    front, complaints = read("---\nname: x\n" + "tags:\n- y\n" * 5_000 + "---\n")

    assert front.values == {"name": "x", "tags": ["y"]}
    assert complaints == [("front-matter-yaml", 2)]


@pytest.mark.parametrize(
    "block",
    [
        "a:\n" * 33_000,
        "a:\n  b: c\n" * 10_000,
        "- a\n" * 25_000,
        "k:\n" + "- a\n" * 25_000,
        "[" * 100_000,
        "q: a: b\na" + " " * 100_000 + "b",
        "q: a: b\nk:\n  a" + " " * 100_000 + "b",
        "q: a: b\n" + " \t" * 50_000,
        "a: [" + "x ," * 33_000 + "!",
        "a: \u00e9" + "x" * 100_000,
        "a: b" + "\n" * 100_000 + " x",
    ],
    ids=lambda block: repr(block[:12]),
)
def test_whoever_writes_a_card_does_not_decide_how_long_it_is_read(block):
    started = time.monotonic()
    read(f"---\n{block}\n---\n")

    assert time.monotonic() - started < 1


def test_front_matter_of_empty_lines_only_is_empty():
    assert read("---\n" + "\n" * 30_000 + "---\n")[0].values == {}


def test_lists_of_equal_lines_are_no_list_in_common():
    first, second = (read("---\ntags: [a, b]\n---\n")[0] for _ in range(2))
    first.values["tags"].append("c")

    assert second.values["tags"] == ["a", "b"]


def test_lines_of_keys_count_from_the_top_of_the_file():
    front, _ = read("\n\n---\nname: x\ntags: [a]\n---\nbody")

    assert (front.line_of("name"), front.line_of("tags"), front.line_of("absent")) == (4, 5, 1)
    assert front.end == 27


@pytest.mark.parametrize(
    ("values", "text", "items"),
    [({"k": "v"}, "v", ("v",)), ({"k": ["a", ""]}, "", ("a",)), ({"k": {"a": "b"}}, "", ()), ({}, "", ())],
)
def test_values_are_asked_for_by_kind(values: dict[str, Any], text, items):
    front = FrontMatter(values=values)

    assert (front.text("k"), front.items("k")) == (text, items)
