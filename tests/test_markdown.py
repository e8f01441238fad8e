import time

import pytest

from modelhub.markdown import (
    Link,
    before_buttons,
    bullets,
    entries,
    find_links,
    prose,
    read_outline,
    section_name,
    unfenced,
)


@pytest.mark.parametrize(
    ("heading", "name"),
    [
        ("Description ", "description"),
        ("Predicted Entities:", "predicted entities"),
        ("Included Relations", "predicted entities"),
        ("Model Parameters", "model information"),
        ("Banchmarking", "benchmarking"),
        ("Dataset used for training", "data source"),
        ("RoBERTa for birds", ""),
        ("x" * 50, ""),
    ],
)
def test_headings_are_known_by_the_templates_names(heading, name):
    assert section_name(heading) == name


def test_sections_end_at_the_next_known_heading():
    outline = read_outline("\n## Description\nOne\n# Of the authors\nTwo\n## Results\nThree")

    assert outline.text("description") == "\nOne\n# Of the authors\nTwo"
    assert outline.text("results") == "\nThree"
    assert outline.text("references") == ""


def test_the_first_of_equal_sections_that_has_text_counts():
    outline = read_outline("\n## Included Entities\n\n## Predicted Labels\nA, B\n")

    assert outline.text("predicted entities").strip() == "A, B"


def test_headings_in_code_are_none():
    outline = read_outline("\n## Results\n```bash\n## Description\n```\nafter")

    assert list(outline.sections) == ["results"]
    assert outline.blocks[0].code == "## Description\n"[:-1]


@pytest.mark.parametrize("fence", ["```", "````", "~~~"])
def test_fences_of_each_kind_hold_code(fence):
    (block,) = read_outline(f"\n{fence}Python title\ncode\n``\n{fence}\n").blocks

    assert (block.language, block.code, block.is_closed) == ("python", "code\n``", True)


def test_a_longer_fence_is_not_closed_by_a_shorter_one():
    (block,) = read_outline("\n````\na\n```\nb\n````\n").blocks

    assert block.code == "a\n```\nb"


def test_code_in_backticks_at_the_start_of_a_line_is_no_block():
    assert read_outline("\n```name``` is a model\n## Results\n").blocks == ()


@pytest.mark.parametrize("resumes", ["{:.model-param}", "</div>", "## Model Information"])
def test_an_unclosed_block_ends_where_the_page_goes_on(resumes):
    outline = read_outline(f"\n```python\n# comment\ncode\n{resumes}\n## Data Source\ntext")

    assert outline.blocks[0].code == "# comment\ncode"
    assert not outline.blocks[0].is_closed
    assert outline.text("data source") == "\ntext"


def test_a_block_of_another_language_ends_an_unclosed_one():
    first, second = read_outline("\n```python\na\n```scala\nb\n```\n").blocks

    assert (first.code, first.is_closed) == ("a", False)
    assert (second.language, second.code, second.is_closed) == ("scala", "b", True)


def test_blocks_that_nobody_closed_follow_each_other():
    outline = read_outline("\n````x\na\n</div>\n```y\nb\n```\n```z\nc\n## Results\n```scala\nd\n")

    assert [(block.language, block.code, block.is_closed) for block in outline.blocks] == [
        ("x", "a", False),
        ("y", "b", True),
        ("z", "c", False),
        ("scala", "d\n", False),
    ]
    assert list(outline.sections) == ["results"]


@pytest.mark.parametrize("line", ["```x\n{:.\n", "~~~x\n</div>\n", "```x\n## Results\n", "```\n", "## Results\n"])
def test_a_page_of_nothing_but_fences_is_read_at_once(line):
    started = time.monotonic()
    read_outline("\n" + line * (100_000 // len(line)))

    assert time.monotonic() - started < 1


def test_links_are_found_with_their_text():
    text = "[a `b`](https://x/1){:.c}, <https://x/2>, https://x/3. [![img](i.png)](https://x/4) (https://x/5)"

    found = list(find_links(text))

    assert found[0] == Link("a `b`", "https://x/1", 0)
    assert [link.target for link in found] == ["https://x/1", "https://x/4", "https://x/3"]


def test_prose_stops_at_the_buttons_and_has_no_attributes():
    text = "One\n{:.h2_title}\n<div class='x'>\nTwo\n</div>\n{:.btn-box}\n[Download](x)"

    assert prose(text) == "One\nTwo"
    assert before_buttons("a\n<button>b") == "a\n"
    assert before_buttons("plain") == "plain"


def test_unfenced_keeps_the_code_and_drops_comments():
    assert unfenced("\n```bash\n  a  b\n```\n<!-- x\ny -->\n") == "  a  b"


def test_list_items_and_lines_are_told_without_their_bullets():
    assert bullets("- a\n* b\n 1. c\ntext\n") == ("a", "b", "c")
    assert entries("- a\n\nb\n- [https://x](https://x)\n") == ("a", "b", "https://x")


@pytest.mark.parametrize(
    "text",
    [
        "[" * 100_000,
        "[a](b) http://c " * 10_000,
        "a[b" * 33_000,
        "[](" + "x" * 100_000,
        "[](" + " " * 100_000,
        "[a](b" + "(c)" * 33_000,
        "[https://a" * 10_000,
        "- " + " \t" * 50_000,
        "1. " + " " * 100_000,
        "{%" + "%}" * 50_000 + "x",
    ],
    ids=lambda text: repr(text[:12]),
)
def test_whoever_writes_a_card_does_not_decide_how_long_it_is_read(text):
    started = time.monotonic()
    for read in (find_links, bullets, entries, prose, unfenced):
        list(read(text))

    assert time.monotonic() - started < 1
