"""Lint: what people who write cards should mend, card by card and across cards.

Every diagnostic of the parser counts, and so does what ``lint_facts`` and ``lint_code`` find: where a card contradicts
itself, lacks what the template has, or holds code that does not run. Here cards are compared with each other, and
comments in a card silence rules. ``lint_rules`` names all rules.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace

from modelhub import lint_code, lint_facts
from modelhub.cards import ModelCard, parse_document
from modelhub.diagnostics import Diagnostic, Findings
from modelhub.guides import TaskGuide
from modelhub.lint_rules import RULES
from modelhub.pages import Page, open_page
from modelhub.quick_dataclasses import dataclass

_SILENCE = re.compile(r"<!--\s*modelhub:\s*ignore\b([^>\n]*)-->")


@dataclass(frozen=True, kw_only=True)
class Problem(Diagnostic):
    """A diagnostic with what its rule says: ``severity`` (``error``, ``warning``, ``note``), and how to mend it."""

    severity: str
    fix: str

    @classmethod
    def of(cls, found: Diagnostic) -> Problem:
        """The problem that a diagnostic is."""
        rule = RULES[found.code]
        return cls(**vars(found), severity=rule.severity, fix=rule.fix)


@dataclass(frozen=True, kw_only=True)
class CheckedPage:
    """What lint keeps of one page.

    Attributes:
        source: Its path, as diagnostics name it.
        is_of_the_hub: Whether it is plainly meant as a card or a guide; a README beside the cards is not.
        silenced: The rules that its comments silence.
        found: What is wrong with the page itself.
        s3_uri: The zip that the card publishes; "" where it has none.
        link_line: Where it is linked.
        reference: The model, ``name:lang``; "" where the card has no zip.
        names_its_zip: Whether the card and its zip have one name.
        nlu: What it gives to ``nlu.load``, with the lines.
    """

    source: str
    is_of_the_hub: bool
    silenced: frozenset[str] = frozenset()
    found: tuple[Diagnostic, ...] = ()
    s3_uri: str = ""
    link_line: int = 0
    reference: str = ""
    names_its_zip: bool = False
    nlu: tuple[tuple[str, int], ...] = ()


# One page


def check_page(text: str, *, source: str) -> CheckedPage:
    """Check a page by itself; any text can be checked."""
    document = parse_document(text, source=source)
    page = replace(open_page(text, source), findings=Findings(source))  # the parser has reported what opening finds
    checked = CheckedPage(source=source, is_of_the_hub=_is_of_the_hub(document), silenced=_silenced(page))
    if isinstance(document, ModelCard):
        for check in _CHECKS:
            check(page, document)
        checked = replace(checked, nlu=tuple(lint_code.nlu_loads(page)))
        if document.artifact:
            checked = replace(
                checked,
                s3_uri=document.artifact.s3_uri,
                link_line=lint_facts.line_of_link(page),
                reference=document.artifact.reference,
                names_its_zip=document.name == document.artifact.name,
            )
    return replace(checked, found=(*document.diagnostics, *page.findings.sorted()))


def _is_of_the_hub(document: ModelCard | TaskGuide) -> bool:
    if isinstance(document, TaskGuide):  # Jekyll has the same layout for many a page that is no guide
        return bool(document.recommended or document.how_to_choose)
    layout = document.front_matter.get("layout")
    says_something = document.artifact or document.model_info or document.front_matter.get("name")
    return bool(layout == "model" if layout else says_something or lint_facts.is_post(document.source))


def _silenced(page: Page) -> frozenset[str]:
    """The rules that comments silence: ``<!-- modelhub: ignore RULE, RULE -->``."""
    if "modelhub:" not in page.text:
        return frozenset()
    silenced: set[str] = set()
    for comment in _SILENCE.finditer(page.text):
        words = set(re.findall(r"[\w-]+", comment[1]))
        silenced |= words
        if not words or words - RULES.keys():
            unknown = ", ".join(sorted(words - RULES.keys())) or "nothing"
            page.findings.add(
                "ignore-unknown",
                f"The comment names {unknown}, which is no rule. "
                "Write <!-- modelhub: ignore RULE -->; modelhub lint --rules lists them.",
                line=page.line_at(comment.start()),
            )
    return frozenset(silenced)


_CHECKS: Sequence[Callable[[Page, ModelCard], None]] = (
    lint_facts.check_keys,
    lint_facts.check_values,
    lint_facts.check_file,
    lint_facts.check_table,
    lint_facts.check_sections,
    lint_facts.check_links,
    lint_code.check_python,
    lint_code.check_scala,
    lint_code.check_blanks,
    lint_code.check_loads,
    lint_code.check_nlu,
)


# Several pages


def gather_problems(pages: Sequence[CheckedPage]) -> Iterator[Problem]:
    """All problems of pages, page by page, but for what the pages silence."""
    across = defaultdict(list)
    for found in (*_find_duplicates(pages), *_find_ambiguous_nlu(pages)):
        across[found.source].append(found)
    for page in pages:
        found_here = sorted((*page.found, *across[page.source]), key=lambda found: found.line)
        yield from (Problem.of(found) for found in found_here if found.code not in page.silenced)


def _find_duplicates(pages: Iterable[CheckedPage]) -> Iterator[Diagnostic]:
    """Cards that link a zip which another card describes better: one with the zip's own name, else an earlier one."""
    cards: dict[str, list[CheckedPage]] = defaultdict(list)
    for page in pages:
        cards[page.s3_uri].append(page)
    cards.pop("", None)
    for same in cards.values():
        owner = max(same, key=lambda page: page.names_its_zip)
        for page in same:
            if page is not owner:
                yield Diagnostic(
                    source=page.source,
                    line=page.link_line,
                    field="Download",
                    code="artifact-duplicated",
                    message=f"{owner.source} links the same zip. Link the zip of this card, or remove one of the two.",
                )


def _find_ambiguous_nlu(pages: Iterable[CheckedPage]) -> Iterator[Diagnostic]:
    """Cards whose NLU reference another model has, too; builds of one model share theirs."""
    models: dict[str, dict[str, CheckedPage]] = defaultdict(dict)
    users = [page for page in pages if page.reference]
    for page in users:
        for reference, _ in page.nlu:
            models[reference].setdefault(page.reference, page)
    for page in users:
        for reference, line in dict(page.nlu).items():
            others = [other for model, other in models[reference].items() if model != page.reference]
            if not others:
                continue
            yield Diagnostic(
                source=page.source,
                line=line,
                field="nlu",
                code="nlu-ambiguous",
                message=f"{others[0].reference} has the reference {reference}, too ({others[0].source}). "
                "Give each model one of its own.",
            )
