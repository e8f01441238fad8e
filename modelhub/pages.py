"""One page of the hub, opened: its text repaired, its front matter read, its body cut into sections."""

from __future__ import annotations

from modelhub.decoding import find_lost, repair
from modelhub.diagnostics import Findings
from modelhub.frontmatter import FrontMatter, read_front_matter
from modelhub.markdown import Outline, read_outline
from modelhub.quick_dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Page:
    """A page and what was found wrong with it so far.

    Attributes:
        source: The path as the user gave it.
        text: The whole text, repaired, with plain line breaks and as many lines as the file.
        findings: Takes further diagnostics while more of the page is read.
    """

    source: str
    text: str
    front: FrontMatter
    outline: Outline
    findings: Findings

    def line_at(self, position: int) -> int:
        """The line of the file at a position of the text, from 1."""
        return self.text.count("\n", 0, position) + 1


def open_page(text: str, source: str) -> Page:
    """Open a page. Takes any text: a byte order mark, any line breaks, damage by a wrong decoding."""
    findings = Findings(source)
    text = _repaired(_with_plain_breaks(text), findings)
    front = read_front_matter(text, findings)
    outline = read_outline(text, front.end)
    page = Page(source=source, text=text, front=front, outline=outline, findings=findings)
    for block in outline.blocks:
        if not block.is_closed:
            findings.add(
                "fence-unclosed",
                "The code block that begins here is never closed; it was ended where the page plainly goes on. "
                "Add a closing line of ```.",
                line=page.line_at(block.position),
            )
    return page


def _with_plain_breaks(text: str) -> str:
    text = text.removeprefix("\ufeff")
    return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text


def _repaired(text: str, findings: Findings) -> str:
    """The text without the damage of a wrong decoding."""
    if text.isascii():
        return text
    repaired = repair(text)
    if repaired.places:
        findings.add(
            "decoding-repaired",
            f"UTF-8 was once read as Windows-1252 here ({repaired.places} places in the page); it was turned back. "
            "Save the page as UTF-8 with the signs that were meant.",
            line=text.count("\n", 0, repaired.first) + 1,
        )
    lost = find_lost(repaired.text)
    if lost >= 0:
        findings.add(
            "decoding-lost",
            "Bytes that are not UTF-8 were lost here; the rest was read. Save the page as UTF-8.",
            line=repaired.text.count("\n", 0, lost) + 1,
        )
    return repaired.text
