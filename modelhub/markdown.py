"""What our pages are made of: sections, code blocks, links, lists and prose, by position in the text.

Not a Markdown parser: it knows what the hub's template writes and the ways in which people have bent it. A heading
inside a code block is none; code between three back-ticks at the start of a line is no block; a block that nobody
closed ends where the page plainly goes on.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from functools import lru_cache
from typing import NamedTuple

from modelhub.quick_dataclasses import dataclass

# The line break that all begin with lets the regex engine skip from line to line: four times as fast as ^.
_MARK = re.compile(r"\n {0,3}(?=[`~#])(?:(`{3,}|~{3,})([^`\n]*)(?=\n|\Z)|#{1,3}[ \t]*([^#\s][^\n]*))")
_RESUMES = re.compile(r"\n(?:\{:\.|</div>|#{1,3}[ \t]*(?=(?P<heading>[^\n]*)))")
# No two neighbours match the same sign, here and below: whoever writes a card must not decide how long it is read.
_LINK = re.compile(
    r"\[([^\[\]\n]*(?:\[[^\[\]\n]*\][^\[\]\n]*)?)\]"
    r"\(\s*(?=\S)<?([^()\s<>]*(?:\([^()\s]*\)[^()\s<>]*)*)(?:(?=[\s<>])[^()\n]*)?\)"
)
_BARE_LINK = re.compile(r"(?<![(\[<\"'=])https?://[^\s<>()\[\]\"'`|]+")
_BUTTONS = re.compile(r"\{:\.btn-box\}|<button\b|\[(?:Live Demo|Open in Colab|Download|Copy S3 URI)\]\(")
_NOT_PROSE = re.compile(
    r"\n[ \t]*(?:\{:[^}\n]*\}|\{%[^\n]*%\}|</?(?:div|button|br|iframe|center|p)\b[^\n]*>)[ \t]*(?=\n|\Z)"
)
_FENCE_LINE = re.compile(r"\n {0,3}(?:`{3,}|~{3,})[^`\n]*(?=\n|\Z)")
_BULLET = re.compile(r"\n[ \t]*(?:[-*+]|\d{1,3}[.)])[ \t]+(?![ \t])([^\n]*\S)")
_SELF_LINK = re.compile(r"\[(https?://[^\[\]\s]+)\]\(\1/?\)")
_COMMENT = re.compile(r"<!--.*?(?:-->|\Z)", re.S)

# A fence with one of these inside an open block means that the open one was never closed.
_LANGUAGES = frozenset({"python", "scala", "bash", "java", "nlu"})

_ALIASES = {
    "predicted labels": "predicted entities",
    "predicted relations": "predicted entities",
    "included entities": "predicted entities",
    "included assertions": "predicted entities",
    "included relations": "predicted entities",
    "result": "results",
    "model parameters": "model information",
    "source": "data source",
    "data sources": "data source",
    "dataset used for training": "data source",
    "reference": "references",
    "benchmark": "benchmarking",
    "benchmarks": "benchmarking",
}
_SECTIONS = (
    "description",
    "predicted entities",
    "how to use",
    "results",
    "model information",
    "included models",
    "data source",
    "references",
    "benchmarking",
)


class Section(NamedTuple):
    """A section of the template: its name in lower case, its text, and where that begins, at the end of the heading."""

    name: str
    text: str
    position: int


class CodeBlock(NamedTuple):
    """A fenced block: its language (may be empty), its code, and where it begins."""

    language: str
    code: str
    position: int
    is_closed: bool = True


class Link(NamedTuple):
    """A link: its text (the target itself where it is bare), and its target."""

    text: str
    target: str
    position: int


@dataclass(frozen=True)
class Outline:
    """The sections and code blocks of a page, in its order."""

    sections: Mapping[str, tuple[Section, ...]]
    blocks: tuple[CodeBlock, ...]

    def text(self, name: str) -> str:
        """The text of the first section of that name that has any, else ""."""
        return next((section.text for section in self.sections.get(name, ()) if section.text.strip()), "")


def read_outline(text: str, start: int = 0) -> Outline:
    """Cut a page into sections and code blocks.

    Args:
        text: The whole page, so that positions are those of the file.
        start: Where the body begins, at the line break before it.
    """
    scan = _Scan(text, start)
    scan.run()
    ends = [heading.start() for heading in scan.headings[1:]] + [len(text)]
    sections: dict[str, tuple[Section, ...]] = {}
    for heading, end in zip(scan.headings, ends, strict=False):
        name = section_name(heading[3])
        section = Section(name, text[heading.end() : end], heading.end())
        sections[name] = (*sections.get(name, ()), section)
    return Outline(sections, tuple(scan.blocks))


@lru_cache(maxsize=256)
def section_name(heading: str) -> str:
    """The template's name of a section, also of a misspelt one; "" for any other heading, which opens no section."""
    name = heading.strip(" \t#:*").lower()
    if name in _SECTIONS:
        return name
    if name in _ALIASES:
        return _ALIASES[name]
    near = get_close_matches(name, _SECTIONS, 1, 0.85) if len(name) < 40 else []
    return near[0] if near else ""


class _Scan:
    """One walk over the fences and headings of a page."""

    def __init__(self, text: str, start: int) -> None:
        self.headings: list[re.Match[str]] = []
        self.blocks: list[CodeBlock] = []
        self._text = text
        self._marks = list(_MARK.finditer(text, start))
        self._unclosed: dict[str, tuple[int, int]] = {}

    def run(self) -> None:
        """Collect headings and blocks."""
        index = 0
        while index < len(self._marks):
            mark = self._marks[index]
            if mark[1]:
                index = self._read_block(index)
                continue
            if section_name(mark[3]):
                self.headings.append(mark)
            index += 1

    def _read_block(self, index: int) -> int:
        """Take the block that a mark opens, and return the mark at which to go on."""
        opening = self._marks[index]
        stop = self._stop_of_block(index)
        limit = self._marks[stop].start() if stop < len(self._marks) else len(self._text)
        if stop < len(self._marks) and _closes(self._marks[stop], opening):
            self._add_block(opening, limit, is_closed=True)
            return stop + 1
        end = _end_of_unclosed(self._text, opening.end(), limit)
        self._add_block(opening, end, is_closed=False)
        return bisect_left(self._marks, end, index + 1, stop, key=lambda mark: mark.start())

    def _stop_of_block(self, index: int) -> int:
        """The mark that closes a block, or else the first that plainly opens another one."""
        opening = self._marks[index]
        sign, size = opening[1][0], len(opening[1])
        known_size, known_stop = self._unclosed.get(sign, (0, 0))
        if index < known_stop and size >= known_size:  # what does not close a shorter fence does not close this one
            return known_stop
        for stop in range(index + 1, len(self._marks)):
            mark = self._marks[stop]
            if _closes(mark, opening):
                return stop
            if mark[1] and mark[2].strip().lower() in _LANGUAGES:
                break
        else:
            stop = len(self._marks)
        self._unclosed[sign] = (size, stop)
        return stop

    def _add_block(self, opening: re.Match[str], end: int, *, is_closed: bool) -> None:
        language = opening[2].strip().partition(" ")[0].lower()
        code = self._text[opening.end() + 1 : end]
        self.blocks.append(CodeBlock(language, code, opening.start() + 1, is_closed))


def _closes(mark: re.Match[str], opening: re.Match[str]) -> bool:
    return bool(mark[1]) and not mark[2].strip() and mark[1].startswith(opening[1])


def _end_of_unclosed(text: str, start: int, limit: int) -> int:
    """Where a block that nobody closed ends: at the first line that is plainly the page's own."""
    for match in _RESUMES.finditer(text, start, limit):
        if match["heading"] is None or section_name(match["heading"]):
            return match.start()
    return limit


def find_links(text: str) -> Iterator[Link]:
    """The links of a text, Markdown ones first, then bare ones."""
    others, end = [], 0
    for match in _LINK.finditer(text):
        yield Link(match[1], match[2], match.start())
        others += [text[end : match.start()], " " * len(match[0])]
        end = match.end()
    for match in _BARE_LINK.finditer("".join([*others, text[end:]])):
        target = match[0].rstrip(".,;:!?")
        yield Link(target, target, match.start())


def before_buttons(text: str) -> str:
    """The part of a section above its row of buttons (demo, notebook, download)."""
    match = _BUTTONS.search(text)
    return text[: match.start()] if match else text


def prose(text: str) -> str:
    """A section as a reader sees it: above the buttons, without attribute lines, includes and boxes."""
    return _NOT_PROSE.sub("", before_buttons(f"\n{text}")).strip()


def unfenced(text: str) -> str:
    """A section with the content of its code blocks, but without their fences."""
    return _COMMENT.sub("", _NOT_PROSE.sub("", _FENCE_LINE.sub("", f"\n{text}"))).strip("\n").rstrip()


def bullets(text: str) -> tuple[str, ...]:
    """The items of the lists in a text."""
    return tuple(_BULLET.findall(f"\n{text}"))


def entries(text: str) -> tuple[str, ...]:
    """A section of sources as its list items and lines, without bullets."""
    lines = (_BULLET.sub(r"\1", f"\n{line}").strip() for line in prose(text).splitlines())
    return tuple(_SELF_LINK.sub(r"\1", line) for line in lines if line)
