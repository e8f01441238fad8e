"""What lint finds in the code of a card: what Python or Scala refuse, and calls that load something else.

The code is an example that nobody ever ran, so it is looked at as those who copy it will run it: each check takes the
opened page and what the parser made of it, and adds what it finds to the findings of the page.
"""

from __future__ import annotations

import ast
import re
import textwrap
import warnings
from collections.abc import Iterator
from difflib import SequenceMatcher, get_close_matches

from modelhub import card_words
from modelhub.artifacts import Artifact
from modelhub.cards import ModelCard
from modelhub.class_homes import home_of
from modelhub.markdown import CodeBlock
from modelhub.nlu_calls import find_nlu_calls
from modelhub.pages import Page
from modelhub.pretrained_calls import PretrainedCall, find_pretrained_calls
from modelhub.public_hub import PUBLIC_REPOSITORY
from modelhub.quick_dataclasses import dataclass

REPOSITORIES = (PUBLIC_REPOSITORY, "clinical/models", "clinical/ocr", "finance/models", "legal/models")
# Cards of Visual NLP ask there for what lies in clinical/ocr: another place, but no typing error.
_FORMER_REPOSITORIES = ("public/ocr/models",)
_LANGUAGE_NAMES = {"python": "Python code", "scala": "Scala code", "": "code"}
_PIPELINE = "PretrainedPipeline"

_LONGEST_CODE = 100_000  # the longest real block has 38,000 signs
_LONGEST_NAME = 200
_BACKSLASH_BLANK = re.compile(r"\\[ \t]+$", re.M)
_NOTEBOOK = re.compile(r"^[ \t]*(?:[%!]|>>> |\{%)", re.M)
_CALL = re.compile(r"retrained(?:Pipeline)?\s*\(([^()\n]*)")
_TEXT = re.compile(r"\"([^\"\n]*)\"|'([^'\n]*)'")
_SINGLE_QUOTED = re.compile(r"(?:^|[,=])\s*'[^'\"\n]{2,}'")


@dataclass(frozen=True)
class _Load:
    """A call that loads a pretrained stage, the line of the page it is on, and the language it is written in."""

    call: PretrainedCall
    line: int
    language: str


def check_python(page: Page, card: ModelCard) -> None:
    """Whether Python takes the blocks of Python; of each, the first trouble."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # such as those for "\d", which runs all the same
        for block in _blocks(page, "python"):
            if block.is_closed and len(block.code) <= _LONGEST_CODE and not _NOTEBOOK.search(block.code):
                _check_python_block(page, block)


def _check_python_block(page: Page, block: CodeBlock) -> None:
    code = textwrap.dedent(block.code)
    refused = _refusal_of(code)
    if refused and (blanks := list(_BACKSLASH_BLANK.finditer(code))):
        _report_blanks(page, block, code, blanks)
        refused = _refusal_of(_BACKSLASH_BLANK.sub(r"\\", code))
    if refused:
        page.findings.add(
            "python-malformed",
            f"Python refuses this line: {refused.msg.rstrip('.?')}. Run the code, and mend it.",
            line=page.line_at(block.position) + (refused.lineno or 1),
            field="python",
        )


def _refusal_of(code: str) -> SyntaxError | None:
    try:
        ast.parse(code)
    except SyntaxError as error:
        return error
    except (ValueError, RecursionError, MemoryError):  # a NUL, or nesting that no card needs
        return None
    return None


def _report_blanks(page: Page, block: CodeBlock, code: str, blanks: list[re.Match[str]]) -> None:
    others = f", and of {len(blanks) - 1} more" if len(blanks) > 1 else ""
    page.findings.add(
        "python-backslash",
        f"A blank follows the backslash at the end of this line{others}, which Python refuses. Remove it.",
        line=page.line_at(block.position) + code.count("\n", 0, blanks[0].start()) + 1,
        field="python",
    )


def check_scala(page: Page, card: ModelCard) -> None:
    """Whether the texts in calls that load something stand between double quotes, both of them."""
    for block in _blocks(page, "scala"):
        for call in _CALL.finditer(block.code):
            given = call[1].replace('\\"', "").replace('"""', "")
            if given.count('"') % 2:
                problem = "A double quote is missing in this call"
            elif _SINGLE_QUOTED.search(given):
                problem = "Scala takes no text between single quotes"
            else:
                continue
            page.findings.add(
                "scala-quotes",
                f'{problem}. Write "text".',
                line=_line_in(page, block, call.start()),
                field="scala",
            )


def check_blanks(page: Page, card: ModelCard) -> None:
    """Whether a name, language or repository in a call begins or ends with a blank: Spark NLP finds nothing then."""
    for block in _calling_blocks(page):
        for call in _CALL.finditer(block.code):
            for text in _TEXT.finditer(call[1]):
                given = text[1] if text[1] is not None else text[2]
                if given != given.strip() and "," not in given:
                    page.findings.add(
                        "snippet-name-blank",
                        f"{given!r} has a blank where Spark NLP has none, so that nothing is found. Remove it.",
                        line=_line_in(page, block, call.start()),
                        field=block.language,
                    )


def check_loads(page: Page, card: ModelCard) -> None:
    """Whether the code loads the model of the card, as it is published."""
    loads = list(_loads(page))
    for load in loads:
        _check_spelling(page, load)
    if card.artifact is None:
        return
    own = [load for load in loads if load.call.name == card.artifact.name]
    for load in own:
        _check_language(page, load, card.artifact)
        _check_repository(page, load, card.artifact)
    _check_class(page, own, card_words.annotator_class(page.front.text("annotator")))
    for language in _LANGUAGE_NAMES:
        _check_name(page, [load for load in loads if load.language == language], language, card)


def _check_spelling(page: Page, load: _Load) -> None:
    given = load.call.repository
    if given in (*REPOSITORIES, *_FORMER_REPOSITORIES) or given.startswith("@"):
        return
    if near := get_close_matches(given, REPOSITORIES, 1, 0.8):
        page.findings.add(
            "snippet-repository-misspelt",
            f"The hub has no repository {given}. Write {near[0]}.",
            line=load.line,
            field=load.language,
        )


def _check_language(page: Page, load: _Load, artifact: Artifact) -> None:
    given = load.call.language
    if given and artifact.language and given != artifact.language:
        page.findings.add(
            "snippet-language-differs",
            f"The code asks for {artifact.name} in {given}, the zip is for {artifact.language}. Correct the language.",
            line=load.line,
            field=load.language,
        )


def _check_repository(page: Page, load: _Load, artifact: Artifact) -> None:
    """Compare where the code looks with where the zip lies; licensed classes know their own repository."""
    given = load.call.repository
    is_known = artifact.repository in REPOSITORIES or artifact.repository.startswith("@")
    is_default = not given and home_of(load.call.annotator, artifact.repository).library != "sparknlp"
    is_misspelt = given and given not in (*REPOSITORIES, *_FORMER_REPOSITORIES) and not given.startswith("@")
    if not is_known or is_default or is_misspelt or (given or PUBLIC_REPOSITORY) == artifact.repository:
        return
    page.findings.add(
        "snippet-repository-differs",
        f"The code asks {given or f'{PUBLIC_REPOSITORY}, which is the default'}, the zip lies in "
        f'{artifact.repository}. Give "{artifact.repository}" after the language.',
        line=load.line,
        field=load.language,
    )


def _check_class(page: Page, own: list[_Load], stated: str) -> None:
    """Compare the class in the front matter with those that load the model; any pipeline is loaded alike."""
    told = {stated, _PIPELINE, ""}
    for load in own:
        if stated and load.call.annotator not in told and not _is_pipeline_of(stated, load):
            told.add(load.call.annotator)
            page.findings.add(
                "snippet-class-differs",
                f"The code loads the model by {load.call.annotator}, the front matter says annotator: {stated}. "
                "Correct the one that is wrong.",
                line=load.line,
                field="annotator",
            )


def _is_pipeline_of(stated: str, load: _Load) -> bool:
    return card_words.is_pipeline_class(stated) and card_words.is_pipeline_class(load.call.annotator)


def _check_name(page: Page, loads: list[_Load], language: str, card: ModelCard) -> None:
    """Whether the code in one language loads other models only; where card and zip differ, either name will do."""
    assert card.artifact is not None
    name = card.artifact.name
    if not loads or any(load.call.name in (name, card.name) or _is_default_of(card, load) for load in loads):
        return
    if any(re.search(rf"(?<!\w){re.escape(name)}(?!\w)", block.code) for block in _blocks(page, language)):
        return  # in some way that cannot be read
    suspect = max(loads, key=lambda load: _suspicion(load, name, card.facts.annotator))
    page.findings.add(
        "snippet-name-differs",
        f"The {_LANGUAGE_NAMES[language]} loads {suspect.call.name or suspect.call.annotator}, "
        f"but never {name}, which the card publishes. Load that one.",
        line=suspect.line,
        field=language,
    )


def _is_default_of(card: ModelCard, load: _Load) -> bool:
    """Whether a call without a name may mean the model: its class has it, or may have it, for a default."""
    return not load.call.name and load.call.annotator == card.facts.annotator


def _suspicion(load: _Load, name: str, annotator: str) -> tuple[bool, float]:
    """How likely a call was meant to load the model: by its class, then by likeness of the names."""
    is_of_class = load.call.annotator == annotator or load.call.annotator == _PIPELINE
    return is_of_class, SequenceMatcher(None, load.call.name[:_LONGEST_NAME], name).ratio()


def check_nlu(page: Page, card: ModelCard) -> None:
    """Whether every NLU reference is whole."""
    for given, line in nlu_loads(page):
        if not given or ".." in given or given != given.strip("."):
            page.findings.add(
                "nlu-malformed",
                f"nlu.load knows no {given!r}. Write the whole reference, such as en.ner.bert.",
                line=line,
                field="nlu",
            )


def nlu_loads(page: Page) -> Iterator[tuple[str, int]]:
    """The references that the page gives to ``nlu.load``, "" where it gives none, and the lines of the calls."""
    for call in find_nlu_calls(page.text):
        for reference in call.references or ("",):
            yield reference, page.line_at(call.position)


def _blocks(page: Page, language: str) -> Iterator[CodeBlock]:
    return (block for block in page.outline.blocks if block.language == language)


def _calling_blocks(page: Page) -> Iterator[CodeBlock]:
    """The blocks in which stages are loaded."""
    return (block for block in page.outline.blocks if block.language in _LANGUAGE_NAMES and "retrained" in block.code)


def _loads(page: Page) -> Iterator[_Load]:
    for block in _calling_blocks(page):
        start = page.line_at(block.position)
        for call in find_pretrained_calls(block.code):
            yield _Load(call, start + call.line, block.language)


def _line_in(page: Page, block: CodeBlock, position: int) -> int:
    """The line of the page at a position of a block's code."""
    return page.line_at(block.position) + block.code.count("\n", 0, position) + 1
