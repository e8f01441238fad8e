"""Task guides: pages that say how to choose a model for a task, and which ones the hub recommends.

A recommendation is a link to the page of a model. The file stem of that page tells the reference to type:
``name_lang`` and ``name_lang_3_0`` give ``name:lang``, a stem without a language gives ``name``. Guides are written by
hand and their links are not checked by anyone: one that goes to another model than its text names is reported, and the
text counts.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from modelhub.diagnostics import Diagnostic
from modelhub.errors import UsageError
from modelhub.markdown import Link, find_links
from modelhub.pages import Page, open_page
from modelhub.quick_dataclasses import dataclass
from modelhub.references import Reference

_HEADING = re.compile(r"\n#{1,6}[ \t]+([^\n]*)")
_CHOOSING = re.compile(r"\b(?:pick|choos|select)", re.I)
_RECOMMENDED = re.compile(r"\brecommend", re.I)
_ITEM = re.compile(r"^[ \t]*[-*+][ \t]+(.*(?:\n[ \t]+\S.*)*)", re.M)
_SUB_TASK = re.compile(r"\*\*(.+?)\*\*:?")
_MARKUP = re.compile(r"\[([^\[\]\n]*)\]\([^()\n]*\)(?:\{:[^}\n]*\})?|\{:[^}\n]*\}|</?[a-z][^<>\n]*>|\*\*|`")

_NAME = re.compile(r"\w+")
# Three letters at the end of a stem are a language only if the hub has models of it: pos_anc is no model for "anc".
_LANGUAGES = (
    "[a-z]{2}|bcl|bem|bpy|ceb|ckb|cop|diq|eml|fon|fro|frr|gam|gom|got|grc|hif|hsb|hyw|ilo|kab|kin|lij|lmo|lou|luo|lwt|lzh"
    "|mai|mhr|mrj|mwl|myv|mzn|nah|nap|nds|nso|orv|pam|pcm|pfl|pms|pnb|qhe|qtd|sae|sah|scn|sco|sme|swa|vec|vls|war|xmf|yue"
)
_STEM = re.compile(rf"(?P<name>.+?)(?:_(?P<language>{_LANGUAGES}))?(?:_\d_\d)?")


@dataclass(frozen=True, kw_only=True)
class Recommendation:
    """One model that a guide recommends.

    Attributes:
        sub_task: What it is recommended for.
        text: What the guide says there, without markup.
        name: The model as the link calls it: its name in the hub, or at Hugging Face.
        reference: What to type to get it; empty where the link does not tell.
        url: The page that the guide links.
        problem: What is wrong with the link, or "".
    """

    sub_task: str
    text: str
    name: str
    reference: str
    url: str
    problem: str = ""


@dataclass(frozen=True, kw_only=True)
class TaskGuide:
    """How to choose a model for one task.

    Attributes:
        task: What the guide is about, its title.
        permalink: Its address on the web hub, without the host.
        modify_date: As written.
        introduction: What the task is, in paragraphs, without markup.
        how_to_choose: Advice, in paragraphs, without markup.
    """

    source: str
    front_matter: Mapping[str, Any]
    task: str
    permalink: str
    modify_date: str
    introduction: str
    how_to_choose: str
    recommended: tuple[Recommendation, ...]
    diagnostics: tuple[Diagnostic, ...]

    def is_about(self, task: str) -> bool:
        """Whether one of the sub-tasks has these words, in small letters, such as ``ner`` or ``part-of-speech``."""
        words = set(re.findall(r"[\w-]+", task))
        return any(words <= set(re.findall(r"[\w-]+", item.sub_task.lower())) for item in self.recommended)


def is_guide(front_matter: Mapping[str, Any]) -> bool:
    """Whether a page with this front matter is a task guide; everything else is taken for a card."""
    layout = front_matter.get("layout")
    return isinstance(layout, str) and layout.strip() == "docs"


def parse_guide(text: str, *, source: str = "") -> TaskGuide:
    """Read a task guide; any text gives one, with diagnostics for what is wrong with it."""
    return guide_of(open_page(text, source))


def guide_of(page: Page) -> TaskGuide:
    """The guide on an opened page."""
    front = page.front
    parts = list(_parts(page))
    task = front.text("title")
    if not task:
        page.findings.add(
            "title-missing", "The guide has no title. Add title: … to the front matter.", line=front.line_of("title")
        )
    recommended = tuple(_recommendations(page, parts))
    if not recommended:
        page.findings.add(
            "recommendation-missing",
            "The guide recommends no model. List links to the pages of models below a heading Recommended Models.",
        )
    return TaskGuide(
        source=page.source,
        front_matter=front.values,
        task=task,
        permalink=front.text("permalink"),
        modify_date=front.text("modify_date"),
        introduction=next((_plain(text) for heading, _, text in parts if not heading), ""),
        how_to_choose=next((_plain(text) for heading, _, text in parts if _CHOOSING.search(heading)), ""),
        recommended=recommended,
        diagnostics=page.findings.sorted(),
    )


def _parts(page: Page) -> Iterator[tuple[str, int, str]]:
    """Heading, position and text of each part of the page; the part before the first heading has none."""
    blocks = [(block.position, block.position + len(block.code)) for block in page.outline.blocks]
    heading, start = "", page.front.end
    for match in _HEADING.finditer(page.text, page.front.end):
        if any(begin < match.start() < end for begin, end in blocks):
            continue
        yield heading, start, page.text[start : match.start()]
        heading, start = match[1].strip(" #"), match.end()
    yield heading, start, page.text[start:]


def _plain(text: str) -> str:
    """Text without markup, its paragraphs and list items kept."""
    return re.sub(r"\n{3,}", "\n\n", _MARKUP.sub(lambda match: (match[1] or "").strip("`*"), text)).strip()


def _recommendations(page: Page, parts: list[tuple[str, int, str]]) -> Iterator[Recommendation]:
    """The models linked in the lists below headings that speak of recommending."""
    for heading, start, text in parts:
        if not _RECOMMENDED.search(heading):
            continue
        for item in _ITEM.finditer(text):
            bold = _SUB_TASK.match(item[1])
            sub_task = bold[1].strip(" :") if bold else ""
            said = _plain(item[1][bold.end() :] if bold else item[1])
            for link in filter(_is_meant, find_links(item[1])):
                line = page.line_at(start + item.start(1) + link.position)
                yield _recommendation(page, link, line, sub_task, said)


def _is_meant(link: Link) -> bool:
    """Whether a link recommends a model: it goes to a page of one, or its text is the name of one, in back-ticks."""
    return link.text.startswith("`") or bool(_page_of(link.target))


def _page_of(url: str) -> str:
    """The file stem of the model's page at a URL, with its day; "" where there is none."""
    try:
        return Reference.parse(url).page
    except (UsageError, ValueError):  # urlsplit refuses brackets that are no IPv6 address.
        return ""


def _recommendation(page: Page, link: Link, line: int, sub_task: str, text: str) -> Recommendation:
    name = link.text.strip("`* ")
    reference, problem = _reference_of(name, link.target)
    if problem:
        page.findings.add(
            "recommendation-link", f"{problem} Link the page of the model that is meant.", line=line, field=sub_task
        )
    return Recommendation(
        sub_task=sub_task, text=text, name=name, reference=reference, url=link.target, problem=problem
    )


def _reference_of(name: str, url: str) -> tuple[str, str]:
    """What to type for a link, and what is wrong with it."""
    page = _page_of(url)
    meant = name if _NAME.fullmatch(name) else ""
    if not page:
        return meant, f"The link of {name} ({url}) goes to no page of a model."
    stem = page.split("-", 3)[3]
    found, language = _split_stem(stem, name)
    suffix = f":{language}" if language else ""
    if _is_other_model(name, found):
        taken = "the text was taken" if meant else "nothing was taken"
        return meant and meant + suffix, f"The link of {name} goes to the page of {found}; {taken}."
    return found + suffix, ""


def _split_stem(stem: str, text: str) -> tuple[str, str]:
    """Name and language in the stem of a page, without its day; the link's text helps where they could be confused."""
    match = _STEM.fullmatch(stem)
    if match is None or stem == text:
        return stem, ""
    return match["name"], match["language"] or ""


def _is_other_model(text: str, name: str) -> bool:
    """Whether a link's text names another model than its page: fewer than half of its words are in the page's name.

    The words need not be all there, because the hub renames models: ``xlm-roberta-large`` is ``xlmroberta_ner_large``.
    """
    words = re.findall(r"[a-z0-9]+", text.rpartition("/")[2].lower())
    squashed = re.sub(r"[^a-z0-9]", "", name.lower())
    return 2 * sum(word in squashed for word in words) < len(words)
