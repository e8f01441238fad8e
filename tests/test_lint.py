"""Lint: an example for every rule, each made from one clean card by one change, and what is compared across cards."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from modelhub.errors import UsageError
from modelhub.lint import CheckedPage, check_page, gather_problems
from modelhub.lint_rules import RULES, SEVERITIES, choose_rules

PACKAGE = Path(__file__).parents[1] / "modelhub"
DATA = Path(__file__).parent / "data" / "cards"
POST = "docs/_posts/ornis/2023-03-01-bird_finder_en.md"
CLEAN = (DATA / "2023-03-01-bird_finder_en.md").read_text(encoding="utf-8")
GUIDE = (DATA / "choosing_birds.md").read_text(encoding="utf-8")
KEY = "bird_finder_en_4.3.0_3.0_1677628800000"
OWN_CALL = 'BertForTokenClassification.pretrained("bird_finder", "en")'
CLOSING = "  type: cover\n"
SCALA = "val birds = BertForTokenClassification"

# The rule, what is replaced in the clean card, by what, and the words at whose line the problem is reported.
EXAMPLES = (
    ("decoding-lost", "A heron", "A her\ufffdn", "nlu.load"),
    ("decoding-repaired", "Finds birds", "Finds VÃ¶gel", "title:"),
    ("fence-unclosed", '"token"])\n```\n', '"token"])\n', "```python"),
    ("heading-misspelt", "## Benchmarking", "## Banchmarking", "## Banch"),
    ("section-empty", "`BIRD`, `NEST`, `BIRD`\n", "", "## Predicted"),
    ("link-dead", "(https://example.org/birds)", "(www.example.org/birds)", "www.example"),
    ("link-dead", "(https://example.org/birds)", "()", "Marks"),
    ("link-dead", "(https://example.org/birds)", "(||https://example.org)", "Marks"),
    ("link-dead", "(https://example.org/birds)", "(FILLUP)", "Marks"),
    ("link-dead", "(https://example.org/birds)", "(https:/example.org)", "Marks"),
    ("ignore-unknown", "## Results", "<!-- modelhub: ignore nonsense -->\n## Results", "<!--"),
    ("ignore-unknown", "## Results", "<!-- modelhub: ignore -->\n## Results", "<!--"),
    ("file-date-differs", "date: 2023-03-01", "date: 2023-03-02", "date:"),
    ("front-matter-yaml", "title: Finds", "title: Birds: Finds", "title:"),
    ("key-duplicated", "supported: true\n", "supported: true\nsupported: false\n", "supported: false"),
    ("key-misspelt", "author: John", "autor: John", "autor:"),
    ("title-missing", "title: Finds birds in English text\n", "", "---"),
    ("name-missing", "name: bird_finder\n", "", "---"),
    ("date-missing", "date: 2023-03-01\n", "", "---"),
    ("date-malformed", "date: 2023-03-01", "date: 2023-02-31", "date:"),
    ("layout-missing", "layout: model\n", "", "---"),
    ("task-missing", "task: Named Entity Recognition", "task:", "task:"),
    ("language-missing", "language: en\n", "", "---"),
    ("edition-missing", "edition: Spark NLP 4.3.0\n", "", "---"),
    ("spark-version-missing", "spark_version: 3.0\n", "", "---"),
    ("annotator-missing", "annotator: BertForTokenClassification\n", "", "---"),
    ("tags-missing", "tags: [ner, en, open_source]\n", "", "---"),
    ("supported-missing", "supported: true\n", "", "---"),
    ("article-header-unindented", "  type: cover", "type: cover", "type:"),
    ("value-boolean", "tags: [ner, en, open_source]", "tags: [ner, no, open_source]", "tags:"),
    ("value-boolean", "tags: [ner, en, open_source]", "tags:\n- ner\n- No\n- open_source", "- No"),
    ("name-blank", "name: bird_finder\n", 'name: "bird_finder "\n', "name:"),
    ("edition-malformed", "edition: Spark NLP 4.3.0", "edition: Spark NLP", "edition:"),
    ("edition-malformed", "edition: Spark NLP 4.3.0", "edition: Bird NLP 4.3.0", "edition:"),
    ("task-misspelt", "task: Named Entity Recognition", "task: Named Entity Recogniton", "task:"),
    ("title-letters", "Finds birds", "Finds bi\u0433ds", "title:"),
    ("repository-unknown", "com/public/models/", "com/public/model/", "[Download]"),
    ("links-differ", "s3://auxdata.johnsnowlabs.com/public", "s3://auxdata.johnsnowlabs.com/clinical", "[Copy S3"),
    ("language-differs", "language: en", "language: de", "language:"),
    ("lib-version-differs", "edition: Spark NLP 4.3.0", "edition: Spark NLP 4.2.0", "edition:"),
    ("spark-version-differs", "spark_version: 3.0", "spark_version: 3.2", "spark_version:"),
    ("table-row-unknown", "|Edition:|", "|Colour:|", "|Colour:|"),
    ("table-row-misspelt", "|Max sentence length:|", "|Max sentense length:|", "|Max sent"),
    ("table-name-differs", "|Model Name:|bird_finder|", "|Model Name:|egg_finder|", "|Model Name:|"),
    ("table-language-differs", "|Language:|en|", "|Language:|[de]|", "|Language:|"),
    ("compatibility-differs", "Spark NLP 4.3.0+", "Spark NLP 4.2.0+", "|Compatibility:|"),
    ("license-missing", "|License:|Open Source|\n", "", "## Model Information"),
    ("license-unknown", "|License:|Open Source|", "|License:|Secret|", "|License:|"),
    ("license-differs", "|License:|Open Source|", "|License:|Licensed|", "|License:|"),
    ("size-missing", "|Size:|42.9 MB|", "|Size:||", "## Model Information"),
    ("size-malformed", "|Size:|42.9 MB|", "|Size:|big|", "|Size:|"),
    ("python-malformed", '    .setInputCols(["document"])\n', '    .setInputCols(["document")\n', "    .setInput"),
    ("python-backslash", '"en") \\\n', '"en") \\ \n', "birds = Bert"),
    ("scala-quotes", f'{SCALA}.pretrained("bird_finder"', f'{SCALA}.pretrained("bird_finder', SCALA),
    ("scala-quotes", f'{SCALA}.pretrained("bird_finder"', f"{SCALA}.pretrained('bird_finder'", SCALA),
    ("snippet-name-differs", f"val birds = {OWN_CALL}", OWN_CALL.replace("bird_f", "egg_f"), OWN_CALL[:20] + ".*egg"),
    ("snippet-language-differs", f"val birds = {OWN_CALL}", f'{SCALA}.pretrained("bird_finder", "de")', SCALA),
    ("snippet-class-differs", SCALA, "val birds = BertForSequenceClassification", "val birds"),
    ("snippet-repository-differs", f"{SCALA}.pretrained(", f'{SCALA}.pretrained(remoteLoc = "@ornis", ', SCALA),
    ("snippet-repository-misspelt", '"xx")\nval', '"xx", "clincal/models")\nval', "val sent"),
    ("snippet-name-blank", '"sentence_detector_dl", "xx")\nval', '"sentence_detector_dl ", "xx")\nval', "val sent"),
    ("nlu-malformed", "en.ner.birds en.classify.birds", "en.ner.birds.", "nlu.load"),
    ("nlu-malformed", "en.ner.birds en.classify.birds", "", "nlu.load"),
)
# Rules whose examples break more than one thing, or need another page.
LARGER_EXAMPLES = {
    "front-matter-missing": CLEAN.partition("\n---\n")[2],
    "front-matter-unclosed": CLEAN.replace('Java"\n---\n', 'Java"\n'),
    "annotator-misspelt": CLEAN.replace("annotator: BertFor", "annotator: AlBertFor"),
    "language-malformed": CLEAN.replace("language: en", "language: English"),
    "link-missing": re.sub(r"\[(Download|Copy S3 URI)\]\(.*", "", CLEAN),
    "link-malformed": CLEAN.replace("(https://s3.", "(||https://s3."),
    "key-malformed": CLEAN.replace(KEY, "bird_finder"),
    "key-millis": CLEAN.replace(KEY, f"{KEY}000"),
    "name-differs": CLEAN.replace("name: bird_finder", "name: egg_finder"),
    "table-missing": CLEAN.partition("## Model Information")[0],
    "recommendation-link": GUIDE,
    "recommendation-missing": GUIDE.partition("#### Recommended")[0],
}
ELSEWHERE = {"unreadable", "file-name-malformed", "file-name-differs", "artifact-duplicated", "nlu-ambiguous"}


def codes_of(*pages: CheckedPage) -> list[str]:
    return [problem.code for problem in gather_problems(pages)]


def check(text: str, source: str = POST) -> list[str]:
    return codes_of(check_page(text, source=source))


def line_of(words: str, text: str) -> int:
    """The first line that the words, a regular expression, are found in or begin with."""
    pattern = re.compile(words if ".*" in words else re.escape(words))
    return next(number for number, line in enumerate(text.splitlines(), 1) if pattern.search(line))


# Rules


def test_a_clean_card_has_no_problem():
    assert check(CLEAN) == []


@pytest.mark.parametrize(("code", "old", "new", "place"), EXAMPLES)
def test_one_change_makes_one_problem(code, old, new, place):
    assert CLEAN.count(old) >= 1
    text = CLEAN.replace(old, new)

    found = list(gather_problems([check_page(text, source=POST)]))

    assert [(problem.code, problem.line) for problem in found if problem.code == code] == [(code, line_of(place, text))]
    assert {problem.code for problem in found} - _followers(code) == {code}


def _followers(code: str) -> set[str]:
    """What comes along with a problem, rightly."""
    return {
        "date-malformed": {"file-date-differs"},
        "fence-unclosed": {"python-malformed"},
        "python-malformed": {"snippet-name-differs"},
        "language-differs": set(),
        "links-differ": {"snippet-repository-differs"},
        "repository-unknown": set(),
    }.get(code, set())


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("name: bird_finder\n", 'name: "bird_finder"\n'),
        ("tags: [ner, en, open_source]", 'tags: [ner, "no", open_source]'),
        ("tags: [ner, en, open_source]", "tags: [ner, nose, open_source]"),
        ("tags: [ner, en, open_source]", "tags:\n- ner\n- open_source"),
        ("title: Finds", "title: Yes and no"),
        ("title: Finds", "title: TNF\u03b1 and \u0432\u043e\u0434\u0430"),
        ("task: Named Entity Recognition", "task: Bird Recognition"),
        ("task: Named Entity Recognition", "task: [Named Entity Recognition, Embeddings]"),
        ("spark_version: 3.0", "spark_version: [3.0, 3.2]"),
        ("supported: true", "supported: true\nrecommended: true\nnav_key: models\nengine: onnx"),
        ("article_header:\n  type: cover\n", ""),
        ("annotator:", "class:"),
        ("author: John", "autor: Jane\nauthor: John"),
        ("## Description", "## Descriptions"),
        ("(https://example.org/birds)", "(https://web.archive.org/web/2020/https://example.org)"),
        ("(https://example.org/birds)", "(/docs/en/birds)"),
        ("(https://example.org/birds)", "(birds.html)"),
        ("# a comment with one mark", "x = birds[0](nest)"),
        ("## References", "## Reference"),
        ("## References", "## Dataset used for training"),
        ("|Language:|en|", "|Language:|[en, de]|"),
        ("|Compatibility:|Spark NLP 4.3.0+|", "|Compatibility:|Spark NLP|"),
        ("|License:|Open Source|", "|License:|Open Sources|"),
    ],
)
def test_what_is_right_or_only_unusual_is_not_reported(old, new):
    assert CLEAN.count(old) == 1
    assert check(CLEAN.replace(old, new)) == []


@pytest.mark.parametrize(("code", "text"), LARGER_EXAMPLES.items())
def test_a_larger_change_makes_the_problem_too(code, text):
    assert code in check(text)


def test_every_rule_has_an_example_here():
    assert {code for code, *_ in EXAMPLES} | LARGER_EXAMPLES.keys() | ELSEWHERE == RULES.keys()


@pytest.mark.parametrize("rule", RULES.values(), ids=list(RULES))
def test_a_rule_says_what_it_finds_and_how_to_mend_it(rule):
    assert rule.severity in SEVERITIES
    assert all(re.fullmatch(r"[A-Z`m].*[.…\"]", sentence) for sentence in (rule.finds, rule.fix))
    assert rule.to_dict() == {
        "code": rule.code,
        "severity": rule.severity,
        "finds": rule.finds,
        "fix": rule.fix,
    }


def _codes_in(module: Path) -> Iterator[str]:
    """The words in a module that look like the code of a diagnostic, or are one, and are passed on to one."""
    for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            if re.fullmatch(r"[a-z]+(-[a-z0-9]+)+", node.value):
                yield node.value
        elif isinstance(node, ast.JoinedStr):
            parts = [part.value if isinstance(part, ast.Constant) else "*" for part in node.values]
            if re.fullmatch(r"\*-[a-z-]+", text := "".join(map(str, parts))):
                yield text
        elif isinstance(node, ast.keyword) and node.arg == "code" and isinstance(node.value, ast.Constant):
            yield node.value.value


# The modules of parser and lint that emit diagnostics; ``ingest`` has some of its own for lists, ``metadata-line``.
EMITTERS = [
    module
    for module in sorted(PACKAGE.glob("*.py"))
    if re.search(r"findings\.add\(|\bDiagnostic\(\n", module.read_text(encoding="utf-8"))
]


def test_the_modules_that_emit_codes_are_found():
    assert {"card_checks", "lint", "lint_code", "lint_facts", "linting", "pages"} <= {path.stem for path in EMITTERS}


@pytest.mark.parametrize("module", EMITTERS, ids=lambda path: path.stem)
def test_every_code_that_the_parser_and_lint_emit_has_a_rule(module):
    no_codes = {"lib-version", "spark-version", "utf-8", "site-packages"}

    emitted = set(_codes_in(module)) - no_codes
    unknown = {code for code in emitted if not any(re.fullmatch(code.replace("*", ".+"), rule) for rule in RULES)}

    assert emitted
    assert unknown == set()


@pytest.mark.parametrize(
    ("select", "ignore", "chosen"),
    [
        (["link-dead"], [], {"link-dead"}),
        (["link-*"], ["link-missing"], {"link-dead", "link-malformed"}),
        (["error"], ["snippet-*", "*-m*", "scala-*", "python-*", "*-differs"], None),
        (["link-dead", "title-missing"], ["title-missing"], {"link-dead"}),
    ],
)
def test_rules_are_chosen_by_name_by_pattern_and_by_severity(select, ignore, chosen):
    rules = choose_rules(select, ignore)

    assert rules == chosen or (chosen is None and {RULES[code].severity for code in rules} == {"error"})


def test_all_rules_count_where_none_is_chosen():
    assert choose_rules() == RULES.keys()


@pytest.mark.parametrize("words", [(["link-ded"], []), ([], ["link-ded"])])
def test_a_rule_that_does_not_exist_is_refused_with_the_nearest(words):
    with pytest.raises(UsageError, match="Did you mean link-dead"):
        choose_rules(*words)


# One card


@pytest.mark.parametrize(
    "text",
    [
        "",
        "---",
        "\x00",
        "```python\n\x00\n```",
        "---\nname: [\n---\n",
        "\n```python\n" + "-" * 50_000 + "1\n```",
        "](" * 99,
    ],
)
def test_any_text_can_be_checked(text):
    assert isinstance(check_page(text, source="x.md"), CheckedPage)


def test_every_cut_of_a_card_can_be_checked():
    assert all(isinstance(check_page(CLEAN[:end], source=POST), CheckedPage) for end in range(0, len(CLEAN), 41))


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("bird_finder_en.md", "file-name-malformed"),
        ("01-03-2023-bird_finder_en.md", "file-name-malformed"),
        ("2023-03-01_bird_finder_en.md", "file-name-malformed"),
        ("2023-03-01-egg_finder_en.md", "file-name-differs"),
        ("2023-03-02-bird_finder_en.md", "file-date-differs"),
    ],
)
def test_the_name_of_a_post_is_its_address(name, code):
    assert check(CLEAN, f"docs/_posts/{name}") == [code]


@pytest.mark.parametrize(
    "source",
    ["cards/bird_finder.md", "docs/_posts/2023-03-01-Bird-Finder_en_3_0.md", "<stdin>"],
)
def test_the_name_of_a_file_is_free_elsewhere_and_in_case_and_dashes(source):
    assert check(CLEAN, source) == []


@pytest.mark.parametrize(
    ("code", "old", "new", "message"),
    [
        (
            "file-date-differs",
            "date: 2023-03-01",
            "date: 2023-03-02",
            "The front matter says 2023-03-02, the name of the file 2023-03-01. Make both the same.",
        ),
        (
            "file-name-differs",
            KEY,
            KEY.replace("bird", "egg"),
            "The file is named after bird_finder_en, the model is egg_finder. Name the file after the model.",
        ),
        (
            "link-dead",
            "(https://example.org/birds)",
            "(www.example.org)",
            "The link [the paper](www.example.org) leads nowhere. Write a whole address, or no link.",
        ),
        ("table-name-differs", "|bird_finder|", "|egg_finder|", "The table says Model Name: egg_finder, but it is "),
    ],
)
def test_a_problem_says_what_it_found(code, old, new, message):
    problems = gather_problems([check_page(CLEAN.replace(old, new), source=POST)])

    assert [problem.message for problem in problems if problem.code == code][0].startswith(message)


def test_a_card_of_2020_lacks_what_it_lacks():
    text = CLEAN.replace("annotator:", "class:").replace("task: Named Entity Recognition\n", "")

    assert check(text) == ["task-missing"]


def test_an_empty_table_is_reported_once():
    text = CLEAN.partition("## Model Information")[0] + "## Model Information\n\n{:.table-model}\n"

    assert check(text) == ["table-missing"]


def test_the_repository_of_a_community_user_is_known():
    text = (DATA / "only-s3.md").read_text(encoding="utf-8")

    assert "repository-unknown" not in check(text)


def test_a_comment_silences_rules_in_its_card_alone():
    text = CLEAN.replace("## Results", "<!-- modelhub: ignore size-missing, table-row-unknown -->\n\n## Results")
    broken = text.replace("|Size:|42.9 MB|", "|Colour:|red|")
    other = CLEAN.replace("|Size:|42.9 MB|\n", "").replace(KEY, KEY.replace("16", "17"))

    assert check(broken) == []
    assert codes_of(check_page(broken, source="a.md"), check_page(other, source="b.md")) == ["size-missing"]


@pytest.mark.parametrize(
    ("comment", "named"),
    [
        ("ignore nonsense, size-missing, folly", "folly, nonsense"),
        ("ignore", "nothing"),
    ],
)
def test_a_comment_that_names_no_rule_is_told_so(comment, named):
    (problem,) = gather_problems([check_page(f"{CLEAN}\n<!-- modelhub: {comment} -->\n", source=POST)])

    assert problem.message.startswith(f"The comment names {named}, which is no rule.")


def test_the_problems_of_a_card_come_by_line():
    text = CLEAN.replace("|Size:|42.9 MB|", "|Size:|big|").replace("language: en", "language: de")
    text = text.replace("## Benchmarking", "## Banchmarking").replace("title: Finds birds in English text\n", "")

    lines = [problem.line for problem in gather_problems([check_page(text, source=POST)])]

    assert lines == sorted(lines)
    assert len(lines) == 4


def test_a_problem_is_a_diagnostic_with_severity_and_fix():
    (problem,) = gather_problems([check_page(CLEAN.replace("supported: true\n", ""), source=POST)])

    assert problem.to_dict() == {
        "source": POST,
        "line": 1,
        "field": "supported",
        "code": "supported-missing",
        "message": "The card has no supported. Add supported: … to the front matter.",
        "severity": "note",
        "fix": "Add supported: true.",
    }


@pytest.mark.parametrize(
    ("text", "is_of_the_hub"),
    [
        (CLEAN, True),
        (GUIDE, True),
        (GUIDE.replace("## Picking a Model", "## A Model"), True),
        (GUIDE.partition("#### Recommended")[0], True),
        ("\n# Birds\n\n[Download](https://s3.amazonaws.com/b/public/models/x_en_4.0.0_3.0_1677628800000.zip)\n", True),
        ("# modelhub\n\nA tool.\n", False),
        ("---\nlayout: docs\ntitle: Install\n---\n\nType this.\n", False),
        ("---\nlayout: article\nname: x\n---\n", False),
        ("---\nname: x\n---\n", True),
        ("No heading.\n\n## Model Information\n\n|Size:|1 MB|\n", True),
    ],
)
def test_a_card_is_told_from_other_pages(text, is_of_the_hub):
    assert check_page(text, source="docs/page.md").is_of_the_hub == is_of_the_hub


def test_every_post_without_a_layout_is_taken_for_a_card():
    assert check_page("Nothing.\n", source="docs/_posts/x.md").is_of_the_hub


# Several cards


def test_a_zip_that_two_cards_link_is_reported_at_the_one_that_it_is_not_named_after():
    other = CLEAN.replace("name: bird_finder", "name: egg_finder")
    pages = [check_page(other, source="a.md"), check_page(CLEAN, source="b.md")]

    (problem,) = [problem for problem in gather_problems(pages) if problem.code == "artifact-duplicated"]

    assert (problem.source, problem.line) == ("a.md", line_of("[Download]", other))
    assert "b.md" in problem.message


def test_of_equal_cards_the_later_ones_are_reported():
    pages = [check_page(CLEAN, source=f"{name}.md") for name in "abc"]

    assert [problem.source for problem in gather_problems(pages)] == ["b.md", "c.md"]


def test_cards_without_a_zip_share_none():
    text = LARGER_EXAMPLES["link-missing"]

    assert "artifact-duplicated" not in codes_of(check_page(text, source="a.md"), check_page(text, source="b.md"))


def test_an_nlu_reference_of_two_models_is_reported_at_both():
    other = CLEAN.replace("bird_finder", "egg_finder")
    pages = [check_page(CLEAN, source="a.md"), check_page(other, source="b.md")]

    problems = list(gather_problems(pages))

    assert [(problem.source, problem.code, problem.line) for problem in problems] == [
        (name, "nlu-ambiguous", line_of("nlu.load", CLEAN)) for name in ("a.md", "a.md", "b.md", "b.md")
    ]
    assert "egg_finder:en has the reference en.ner.birds" in problems[0].message
    assert "egg_finder:en has the reference en.classify.birds" in problems[1].message


def test_one_of_several_nlu_references_in_a_call_may_be_that_of_another_model():
    other = CLEAN.replace("bird_finder", "egg_finder").replace("en.ner.birds en.classify.birds", "en.ner.birds")

    assert codes_of(check_page(CLEAN, source="a.md"), check_page(other, source="b.md")) == ["nlu-ambiguous"] * 2


def test_builds_of_one_model_share_their_nlu_reference():
    later = CLEAN.replace("1677628800000", "1687628800000")

    assert codes_of(check_page(CLEAN, source="a.md"), check_page(later, source="b.md")) == []
