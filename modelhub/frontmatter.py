"""Jekyll front matter as strings: what stands between two lines of ``---`` at the top of a page.

YAML 1.1 would read the language ``no`` as false, the version ``3.10`` as 3.1 and a day as a date; here every scalar
stays the text that a person wrote. What YAML refuses is read line by line, so that one unquoted colon loses nothing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import yaml

from modelhub.diagnostics import Findings
from modelhub.quick_dataclasses import dataclass

_OPENING = re.compile(r"\s*---[ \t]*\n")
_CLOSING = re.compile(r"\n(?:---|\.\.\.)[ \t]*(?=\n|\Z)")
_KEY = re.compile(r"^([^\s#\-\[{&!*|>'\"%@`?][^:\n]*):(?:[ \t]+(.*))?$", re.M)
# What nearly every line of nearly every card is, in signs that YAML reads in one way only: a plain or quoted string, a
# list of plain strings, or a key with one indented pair below. Empty lines may follow.
_SIGNS = r"[ !$%&()*+,./0-9;<=>?@A-Z\[\\\]^_`a-z{|}~-]*"
_PLAIN_LINE = re.compile(
    rf"""(\w+):(?:
        [ ]+ (?: (\w{_SIGNS} (?: :(?=\w){_SIGNS} )*)
               | "([ !#-\[\]-~]*)"
               | \[ ((?:\w[\w .+/-]*|"[\w .+/-]*") (?:,[ ]* (?:\w[\w .+/-]*|"[\w .+/-]*"))*) \][ ]* )
        | [ ]*\n[ ]+ (\w+):[ ]+ (\w+)[ ]*
        | [ ]*
    )(?:\n+|\Z)""",
    re.VERBOSE | re.ASCII,
)
_ITEM = re.compile(r"[ \t]*-[ \t]+(.*)")
_PAIR = re.compile(r"[ \t]+([\w.-][\w \t.-]*):[ \t]+(.*)")
_MAX_YAML_SIGNS = 20_000  # real cards have 700 at most; PyYAML takes a second for five times as many


@dataclass(frozen=True, kw_only=True)
class FrontMatter:
    """The front matter of a page, and where the page goes on.

    Attributes:
        values: Key to string, list of strings, or mapping of strings (``article_header``).
        block: The lines between the two ``---``.
        line: The line of the file on which ``block`` begins.
        end: Position in the text of the line break before the body.
    """

    values: Mapping[str, Any]
    block: str = ""
    line: int = 1
    end: int = 0

    def text(self, key: str) -> str:
        """The value of a key where it is a string, else ""."""
        value = self.values.get(key, "")
        return value if isinstance(value, str) else ""

    def items(self, key: str) -> tuple[str, ...]:
        """The value of a key as a list; a single string counts as a list of one."""
        value = self.values.get(key)
        if isinstance(value, list):
            return tuple(entry for entry in value if entry)
        return (value,) if isinstance(value, str) and value else ()

    def line_of(self, key: str) -> int:
        """The line of the file on which a key stands; that of the first line where it does not."""
        match = re.search(rf"^{re.escape(key)}[ \t]*:", self.block, re.M)
        return self.line + self.block.count("\n", 0, match.start()) if match else 1


def read_front_matter(text: str, findings: Findings) -> FrontMatter:
    """Read the front matter of a page whose line breaks are plain; trouble goes to ``findings``."""
    opening = _OPENING.match(text)
    if opening is None:
        findings.add(
            "front-matter-missing",
            "The page does not begin with front matter; what the text below says was read. "
            "Put the keys between two lines of --- at the top.",
            line=1,
        )
        return FrontMatter(values={})
    line = text.count("\n", 0, opening.end()) + 1
    closing = _CLOSING.search(text, opening.end() - 1)
    if closing:
        start, end = closing.start() + 1, closing.end()
    else:
        start = end = _end_of_keys(text, opening.end())
        findings.add(
            "front-matter-unclosed",
            "The front matter has no closing line of ---; the lines that look like keys were read. Add the line.",
            line=line,
        )
    block = text[opening.end() : start]
    return FrontMatter(values=_read_block(block, line, findings), block=block, line=line, end=end)


def _end_of_keys(text: str, start: int) -> int:
    """Where an unclosed front matter ends: at its first empty line."""
    blank = text.find("\n\n", start - 1)
    return blank if blank >= 0 else len(text)


def _read_block(block: str, line: int, findings: Findings) -> Mapping[str, Any]:
    """The keys and values of a block: plain lines at once, others by YAML, and what YAML refuses line by line."""
    values = _read_plain_lines(block)
    if values is not None:
        return values
    if len(block) > _MAX_YAML_SIGNS:
        findings.add("front-matter-yaml", "The front matter is very long; it was read line by line.", line=line)
        return _read_lines(block)
    try:
        # Not libyaml's loader: it recurses in C, so that a card with some thousand brackets would end the process.
        loaded = yaml.load(block, yaml.BaseLoader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        problem = getattr(error, "problem", None) or "it holds a sign that YAML forbids"
        findings.add(
            "front-matter-yaml",
            f"YAML refuses the front matter ({problem}); it was read line by line. "
            "Put quotes around values with a colon, and write no tabs.",
            line=line + mark.line if mark else line,
        )
        return _read_lines(block)
    except (RecursionError, ValueError):
        findings.add("front-matter-yaml", "The front matter is nested too deeply; it was read line by line.", line=line)
        return _read_lines(block)
    if not isinstance(loaded, dict):
        if loaded:
            findings.add(
                "front-matter-yaml",
                f"The front matter is a {type(loaded).__name__}, not keys with values, and was left out. "
                "Write one key: value a line.",
                line=line,
            )
        return {}
    _report_duplicates(block, line, findings)
    return {str(key): _plain(value) for key, value in loaded.items()}


def _read_plain_lines(block: str) -> dict[str, Any] | None:
    """Read a block of plain lines, as YAML would in five times the time; None where any line is another."""
    values: dict[str, Any] = {}
    position = len(block) - len(block.lstrip("\n"))
    while position < len(block):
        match = _PLAIN_LINE.match(block, position)
        if match is None or match[1] in values:
            return None
        key, plain, quoted, entries, inner_key, inner_value = match.groups()
        if plain is not None:
            values[key] = plain.rstrip()
        elif entries is not None:
            values[key] = [entry.strip(' "') for entry in entries.split(",")]
        elif inner_key:
            values[key] = {inner_key: inner_value}
        else:
            values[key] = quoted.strip() if quoted else ""
        position = match.end()
    return values


def _plain(value: Any) -> Any:
    """A value one level deep; deeper ones are no front matter of ours (and could be a bomb of aliases)."""
    if isinstance(value, list):
        return [entry.strip() for entry in value if isinstance(entry, str)]
    if isinstance(value, dict):
        return {str(key): entry.strip() for key, entry in value.items() if isinstance(entry, str)}
    return value.strip() if isinstance(value, str) else ""


def _report_duplicates(block: str, line: int, findings: Findings) -> None:
    lines: dict[str, list[int]] = {}
    for number, text in enumerate(block.split("\n"), line):
        if match := _KEY.match(text):
            lines.setdefault(match[1].rstrip(), []).append(number)
    for key, numbers in lines.items():
        if len(numbers) > 1:
            findings.add(
                "key-duplicated",
                f"The key {key} is there more than once; the last one counts. Remove the others.",
                line=numbers[-1],
                field=key,
            )


def _read_lines(block: str) -> dict[str, Any]:
    """Read ``key: value`` lines that YAML refuses as a whole; lists and pairs may follow a key that has no value."""
    values: dict[str, Any] = {}
    key = ""
    for line in block.replace("\x00", "").splitlines():
        if match := _KEY.match(line):
            key = match[1].rstrip()
            values[key] = _read_scalar(match[2] or "")
        elif not key:
            continue
        elif (item := _ITEM.fullmatch(line)) and (values[key] == "" or isinstance(values[key], list)):
            values[key] = values[key] or []
            values[key].append(_unquoted(item[1]))
        elif (pair := _PAIR.fullmatch(line)) and values[key] == "":
            values[key] = {pair[1].rstrip(): _unquoted(pair[2])}
    return values


def _read_scalar(text: str) -> Any:
    text = text.strip()
    if text.startswith("[") and text.endswith("]"):
        return [_unquoted(entry) for entry in text[1:-1].split(",") if entry.strip()]
    return _unquoted(text)


def _unquoted(text: str) -> str:
    text = text.strip()
    if len(text) > 1 and text[0] == text[-1] and text[0] in "'\"":
        return text[1:-1]
    return text
