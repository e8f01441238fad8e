"""What a model predicts: the section "Predicted Entities" in each of the forms that cards have given it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

from modelhub.markdown import bullets

_MAX_WORDS = 6
_MAX_PLAIN_WORDS = 4
_MAX_LENGTH = 80

_TICKED = re.compile(r"`([^`\n]*)`")
_SEPARATORS = re.compile(r"[\s,;.&|/]*(?:(?:and|or)\b)?[\s,;.&|/:]*")
_DESCRIPTION_SIGNS = (":", "(", "-", "–", "—")
_LONGEST_CAPTION = 60
_TABLE_ROW = re.compile(r"^[ \t]*\|(.*)$", re.M)
_RULE = frozenset("|-:+ \t")
_DESCRIBED = re.compile(r":\s|\s[-–]\s|\s\(")
_DEFINITION = re.compile(r"[*_ ]*([\w-]+)[*_]*\s?:[*_]*\s")
_NO_LABEL = re.compile(r"[\[\]<>{}]|https?:|\.\s")
_ENDS = " \t\n.,;:*\"'"
_ENDS_WITHIN_TICKS = " \t\n,;*\"'"
_CODE_WITH_MEANING = re.compile(r"([A-Z][A-Z\d_]*)(?: [-–] \w.*| \(.+\))")
_LISTED = re.compile(
    r"\bfollowing (?:entit\w+|labels?|class\w*|tags?)(?: types)?:?\s*((?:`[^`\n]+`(?:[\s,.&]|and\b|or\b)*){2,})", re.I
)


@lru_cache(maxsize=256)  # many models were trained on the same data
def read_labels(text: str) -> tuple[str, ...]:
    """The labels of a section, in its order, each once; none where the section is prose.

    Forms: `` `A`, `B` ``, ``` ``A`` ```, `` Persons-`PER`, Locations-`LOC` ``, ``A, B``, lists with or without
    descriptions, the first column of a table.
    """
    text = text.replace("``", "`").replace("\\", "").strip()
    if not text:
        return ()
    if text.startswith("|"):
        return _distinct(_from_table(text))
    if "`" in text:
        return _distinct(_from_ticks(text), ends=_ENDS_WITHIN_TICKS)
    items = bullets(text)
    if items:
        return _distinct(_name_of(item) for item in items)
    return _distinct(_from_plain(text))


def labels_in_prose(text: str) -> tuple[str, ...]:
    """The labels that a description lists: "… the following entities: `A`, `B`"."""
    listed = _LISTED.search(text) if "following " in text else None
    return _distinct(_TICKED.findall(listed[1])) if listed else ()


def _distinct(labels: Iterable[str], ends: str = _ENDS) -> tuple[str, ...]:
    cleaned = dict.fromkeys(label.strip(ends) for label in labels)
    cleaned.pop("", None)
    return tuple(cleaned)


def _from_table(text: str) -> list[str]:
    """The first column that is not a running number, without its heading."""
    rows = [
        [cell.strip(" `") for cell in row.strip().rstrip("|").split("|")]
        for row in _TABLE_ROW.findall(text)
        if not _RULE.issuperset(row)
    ]
    if len(rows) < 2:
        return []
    column = 1 if not rows[0][0] and len(rows[0]) > 1 else 0
    return [row[column] for row in rows[1:] if len(row) > column]


def _from_ticks(text: str) -> list[str]:
    """Labels between back-ticks: all of them, or none where they are words of a sentence."""
    parts = _TICKED.split(text)
    labels, gaps = parts[1::2], parts[::2]
    is_shifted = all(_SEPARATORS.fullmatch(label) for label in labels)
    if text.count("`") % 2 or is_shifted:
        return _from_plain(text.replace("`", ""))
    if len(labels) == 1 and ("," in labels[0] or len(labels[0].split()) > _MAX_WORDS):
        return _from_plain(labels[0])
    is_list = _introduces(gaps[0]) and _ends_label(gaps[-1]) and all(_parts(gap) for gap in set(gaps[1:-1]))
    return _without_meanings(labels) if is_list else []


def _without_meanings(labels: list[str]) -> list[str]:
    """The codes alone where each of several labels is one with its meaning: ``ANAT - Anatomy``, ``NN (Noun)``."""
    if len(labels) < 2 or not all(_CODE_WITH_MEANING.fullmatch(label) for label in labels):
        return labels
    return [code[1] for label in labels if (code := _CODE_WITH_MEANING.fullmatch(label))]


def _introduces(gap: str) -> bool:
    """Whether what stands before the first label leaves it a label: nothing, a caption, or lines of their own."""
    before, caption = _split_caption(gap)
    return _is_caption(caption) and (not before.strip() or before.endswith("\n"))


def _parts(gap: str) -> bool:
    """Whether two labels with this between them are items of a list."""
    if _SEPARATORS.fullmatch(gap):
        return True
    before, caption = _split_caption(gap)
    return _is_caption(caption) and _ends_label(before)


def _ends_label(gap: str) -> bool:
    """Whether what follows a label on its line is a separator or the label's description."""
    rest = gap.partition("\n")[0].strip()
    return rest.startswith(_DESCRIPTION_SIGNS) or _SEPARATORS.fullmatch(rest) is not None


def _split_caption(gap: str) -> tuple[str, str]:
    """A gap cut behind its last separator: what belongs to the label before it, and to the label after it."""
    cut = max(gap.rfind(sign) for sign in ",;.\n") + 1
    return gap[:cut], gap[cut:].strip("-*+ \t") if gap[:cut].endswith("\n") else gap[cut:].strip()


def _is_caption(text: str) -> bool:
    """Whether a text before a label is none, or names it, as ``Persons-`` does."""
    return not text or (text.endswith(("-", ":")) and len(text) <= _LONGEST_CAPTION)


def _name_of(item: str) -> str:
    """The label of an item, without its description; "" for an item that is a sentence."""
    name = _DESCRIBED.split(item, maxsplit=1)[0]
    return name if len(name.split()) <= _MAX_WORDS and len(name) <= _MAX_LENGTH else ""


def _from_plain(text: str) -> list[str]:
    """Labels of a bare list ``A, B``, or of lines ``A: what it is``; a single one counts if it is one word."""
    defined = [_DEFINITION.match(line) for line in text.splitlines() if line.strip()]
    if len(defined) > 1 and all(defined):
        return [line[1] for line in defined if line]
    items = [_DESCRIBED.split(item, maxsplit=1)[0].strip(_ENDS) for item in re.split(r"[,;\n]", text)]
    items = [item.removeprefix("and ") for item in items if item]
    longest = max((len(item.split()) for item in items), default=0)
    limit = _MAX_PLAIN_WORDS if len(items) > 1 else 1
    if longest > limit or any(_NO_LABEL.search(item) or len(item) > _MAX_LENGTH for item in items):
        return []
    return items
