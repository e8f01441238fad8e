"""What lint finds in the facts of a card: front matter, file name, table, sections and links.

Each check takes the opened page and what the parser made of it, and adds what it finds to the findings of the page.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from difflib import get_close_matches
from functools import lru_cache

from modelhub import card_tables, card_words, markdown
from modelhub.cards import ModelCard
from modelhub.lint_code import REPOSITORIES
from modelhub.pages import Page

# Keys of today's template that no card should lack, besides those that the parser asks for.
_REQUIRED = ("layout", "task", "language", "edition", "spark_version", "annotator", "tags", "supported")
_KEYS = (*_REQUIRED, "title", "author", "name", "date", "engine", "recommended", "deprecated", "article_header")
_TASKS = (
    "Assertion Status",
    "Automatic Speech Recognition",
    "Chunk Mapping",
    "De-identification",
    "Dependency Parser",
    "Embeddings",
    "Entity Resolution",
    "Image Classification",
    "Language Detection",
    "Lemmatization",
    "Named Entity Recognition",
    "OCR Document Classification",
    "OCR Object Detection",
    "OCR Text Detection & Recognition",
    "Part of Speech Tagging",
    "Pipeline Healthcare",
    "Pipeline Public",
    "Question Answering",
    "Relation Extraction",
    "Sentence Detection",
    "Sentiment Analysis",
    "Spell Check",
    "Stop Words Removal",
    "Summarization",
    "Table Question Answering",
    "Text Classification",
    "Text Generation",
    "Translation",
    "Word Segmentation",
    "Zero-Shot Classification",
)

_LANGUAGE = re.compile(r"[a-z]{2,3}")
# What Jekyll's YAML takes for true and false (it leaves y and n alone).
_BOOLEAN = re.compile(
    r"^(?:(?:language|name|title):[ \t]*|(?:tags|task):[^\n]*[\[,][ \t]*|[ \t]*-[ \t]+)(yes|no|on|off|true|false)"
    r"[ \t]*(?=$|[,\]])",
    re.M | re.I,
)
_IN_QUOTES = re.compile(r"^(name|language):[ \t]*([\"'])([^\n]*)\2[ \t]*$", re.M)
_MIXED = re.compile(r"[A-Za-z][Ѐ-ӿ]|[Ѐ-ӿ][A-Za-z]")
_POST = re.compile(r"\d{4}-\d{2}-\d{2}-.+")
_TARGET = re.compile(r"\]\(([^()\n]*)\)")
_DEAD = re.compile(
    r"#?|\|.*|https?:/?[^/\s].*|https?:?/*|https?//.*|https?://https?://.*|[\w-]+"
    r"|(?:[a-z\d-]+\.)+(?:com|edu|gov|io|net|org)(?:/.*)?",
    re.I,
)
_MOST_BUTTONS = 4_000
_BUTTONS = ("Download", "Copy S3 URI")


def check_keys(page: Page, card: ModelCard) -> None:
    """Whether the front matter has the keys of the template, under their names."""
    front = page.front
    if not front.block:
        return
    for key in _REQUIRED:
        # Cards of 2020 have the class under another key.
        if not front.values.get(key) and not (key == "annotator" and front.text("class")):
            problem = f"The card has no {key}. Add {key}: … to the front matter."
            _report_value(page, f"{key.replace('_', '-')}-missing", key, problem)
    for key in front.values:
        meant = _meant(key, _KEYS, 0.8)
        if meant and meant not in front.values:
            _report_value(page, "key-misspelt", key, f"The template has no key {key}. Write {meant}.")


def check_values(page: Page, card: ModelCard) -> None:
    """Whether the values of the front matter are what the hub, and the YAML of Jekyll, take them for."""
    front = page.front
    for match in _BOOLEAN.finditer(front.block):
        page.findings.add(
            "value-boolean",
            f'Jekyll reads {match[1]} without quotes as true or false. Write "{match[1]}".',
            line=front.line + front.block.count("\n", 0, match.start()),
        )
    for match in _IN_QUOTES.finditer(front.block):
        if match[3] != match[3].strip():
            _report_value(page, "name-blank", match[1], f"The {match[1]} has a blank beside its quotes. Remove it.")
    language, edition = front.text("language"), front.text("edition")
    if language and not _LANGUAGE.fullmatch(language):
        _report_value(page, "language-malformed", "language", f"{language!r} is no code. Write en, or xx for several.")
    if edition and not (card_words.product_of(edition) and card_words.version_in(edition)):
        problem = f"{edition!r} is not a product and its version. Write Spark NLP 5.5.0."
        _report_value(page, "edition-malformed", "edition", problem)
    for task in front.items("task"):
        if meant := _meant(task, _TASKS, 0.94):
            _report_value(page, "task-misspelt", "task", f"The hub has no task {task}. Write {meant}.")
    for key in ("title", "name"):
        if mixed := _MIXED.search(front.text(key)):
            letters = "".join(sign for sign in mixed[0] if not sign.isascii())
            problem = f"The {letters} in the {key} is not the Latin letter that it looks like. Type the word anew."
            _report_value(page, "title-letters", key, problem)


@lru_cache(maxsize=256)
def _meant(word: str, known: tuple[str, ...], cutoff: float) -> str:
    """The known word that another one is nearly; "" where it is one itself, or like none."""
    near = get_close_matches(word, known, 1, cutoff) if word not in known and len(word) < 60 else []
    return near[0] if near else ""


def _report_value(page: Page, code: str, key: str, problem: str) -> None:
    page.findings.add(code, problem, line=page.front.line_of(key), field=key)


def check_file(page: Page, card: ModelCard) -> None:
    """Compare the name of a post with its day and model: it is the address of the card on the web hub."""
    if not is_post(page.source):
        return
    stem = card_words.file_stem(page.source)
    if not _POST.fullmatch(stem):
        page.findings.add(
            "file-name-malformed",
            "The name of the file does not begin with a day, so that Jekyll makes no page of it. "
            "Name it YYYY-MM-DD-name_language.md.",
        )
        return
    day = card_words.iso_date(page.front.text("date"))
    if not stem.startswith(day):
        problem = f"The front matter says {day}, the name of the file {stem[:10]}. Make both the same."
        _report_value(page, "file-date-differs", "date", problem)
    name = card.artifact.name if card.artifact else card.name
    if not _folded(stem[11:]).startswith(_folded(name)):
        problem = f"The file is named after {stem[11:]}, the model is {name}. Name the file after the model."
        page.findings.add("file-name-differs", problem, field="name")


def _folded(name: str) -> str:
    return name.lower().replace("-", "_")


def check_table(page: Page, card: ModelCard) -> None:
    """Compare the table with the zip, which is the authority, and with the tags."""
    sections = page.outline.sections.get("model information", ())
    rows = card_tables.by_name(
        row for section in sections for row in card_tables.read_rows(section.text, section.position)
    )
    if not rows:
        return
    for name, label in (("license", "License"), ("size", "Size")):
        if name not in rows or not rows[name].value:
            line = page.line_at(sections[0].position)
            problem = f"The table has no {label}. Add a row |{label}:|…|."
            page.findings.add(f"{name}-missing", problem, line=line, field=label)
    for code, label, said, true in _contradictions(card, rows):
        row = rows[label.lower()]
        page.findings.add(
            code,
            f"The table says {label}: {said}, but it is {true}. Correct the row.",
            line=page.line_at(row.position),
            field=row.label,
        )


def _contradictions(card: ModelCard, rows: dict[str, card_tables.Row]) -> Iterator[tuple[str, str, str, str]]:
    """Rule, row, what it says, and what it should say."""

    def said(name: str) -> str:
        return rows[name].value.strip("[]\"' ") if name in rows else ""

    by_tags = card_words.license_by_tags(card.facts.tags)
    by_row = card_words.license_of(said("license"))
    if by_tags and by_row and by_row != by_tags:
        yield "license-differs", "License", said("license"), f"{by_tags} by the tags"
    if card.artifact is None:
        return
    key = card.artifact.key
    # Where the front matter has that name or version, too, the difference between it and the zip is reported instead.
    if said("model name") not in ("", key.name, card.name):
        yield "table-name-differs", "Model Name", said("model name"), f"{key.name} in the key of the zip"
    if said("language") not in ("", key.language) and "," not in said("language"):
        yield "table-language-differs", "Language", said("language"), f"{key.language} in the key of the zip"
    version = card_words.version_in(said("compatibility"))
    if version not in ("", key.lib_version, card_words.version_in(card.edition)):
        yield (
            "compatibility-differs",
            "Compatibility",
            said("compatibility"),
            f"{key.lib_version} in the key of the zip",
        )


def check_sections(page: Page, card: ModelCard) -> None:
    """Whether headings are those of the template, and have something below them."""
    for name, sections in page.outline.sections.items():
        for section in sections:
            line = page.line_at(section.position)
            start = page.text.rfind("\n", 0, section.position) + 1
            heading = page.text[start : section.position].strip(" \t#:*").lower()
            if _is_misspelt(heading, name):
                page.findings.add(
                    "heading-misspelt", f"The heading was read as {name}. Mend its spelling.", line=line, field=name
                )
            if _is_empty(section.text) and name != "model information":  # table-missing tells that
                page.findings.add(
                    "section-empty",
                    f"There is nothing below the heading {heading}. Write it, or remove the heading.",
                    line=line,
                    field=name,
                )


def _is_empty(text: str) -> bool:
    """Whether a section has no sign but buttons and the like, of which there are never many."""
    return len(text) < _MOST_BUTTONS and not markdown.prose(text)


def _is_misspelt(heading: str, name: str) -> bool:
    """Whether a heading is like the template's without being a longer or a shorter form of it."""
    if heading.startswith(name) or name.startswith(heading):
        return False
    return bool(get_close_matches(heading, [name], 1, 0.85))


def check_links(page: Page, card: ModelCard) -> None:
    """Whether links lead anywhere at all, and that to the zip into a repository of the hub."""
    blocks = [(block.position, block.position + len(block.code)) for block in page.outline.blocks]
    for link in _TARGET.finditer(page.text, page.front.end):
        target = link[1].strip()
        if not _DEAD.fullmatch(target) or any(start < link.start() < end for start, end in blocks):
            continue
        opening = max(page.text.rfind(sign, 0, link.start()) for sign in "[\n")
        text = page.text[opening + 1 : link.start()]
        if text in _BUTTONS:
            continue
        page.findings.add(
            "link-dead",
            f"The link [{text}]({target}) leads nowhere. Write a whole address, or no link.",
            line=page.line_at(link.start()),
            field=text,
        )
    artifact = card.artifact
    if artifact and not (artifact.repository in REPOSITORIES or artifact.repository.startswith("@")):
        page.findings.add(
            "repository-unknown",
            f"The zip lies in {artifact.repository}, which is no repository of the hub. Link where it was published.",
            line=line_of_link(page),
            field="Download",
        )


def line_of_link(page: Page) -> int:
    """The line of the link to the zip: that of a button, else of the first link to any zip."""
    positions = (page.text.find(sign, page.front.end) for sign in (*(f"[{text}](" for text in _BUTTONS), ".zip)"))
    return page.line_at(next((position for position in positions if position >= 0), 0))


def is_post(source: str) -> bool:
    """Whether a page lies where Jekyll looks for posts."""
    return "_posts" in re.split(r"[\\/]", source)[:-1]
