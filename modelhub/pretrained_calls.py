"""Calls of pretrained stages, found in Python and Scala source.

The code of a card is an example that nobody ever ran, so it is searched, not parsed: a call may be cut over lines,
lack a quote or a parenthesis, or stand in a block of the other language. What is read is
``Class.pretrained("name", "lang", "repository")``, also of an instance, with keywords or with the namespaces of the
``johnsnowlabs`` library, and ``PretrainedPipeline("name", …)``. A value that is no plain text (a variable, an
f-string) is never guessed: without a name the call is left out, without another value that value is empty.
"""

from __future__ import annotations

import re
from dataclasses import field

from modelhub.quick_dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class PretrainedCall:
    """One call that loads a pretrained stage or pipeline.

    Attributes:
        annotator: The class; ``PretrainedPipeline`` for a pipeline.
        name: As given, without blanks around; empty for ``.pretrained()``, the default of the class.
        language: As given; empty where the call has none.
        repository: The ``remote_loc`` as written, typos included; empty where the call has none.
        line: Where the word ``pretrained`` stands, from 1; calls that differ in nothing else are equal.
    """

    annotator: str
    name: str
    language: str
    repository: str
    line: int = field(compare=False)


_PIPELINE = "PretrainedPipeline"
_COMMENT = re.compile(r"(?<!\S)(?:#|//)[^\n]*")
# Searching for the verb and then looking back for the class is seven times as fast as searching for the class.
_VERB = re.compile(r"retrained (?P<pipeline> Pipeline (?: \s*\.\s* downloadPipeline )? )? \s* \(", re.VERBOSE)
_CLASS = re.compile(
    r"""
    (?: \b (?P<namespace> legal | finance | medical ) \s*\.\s* )?
    \b (?P<annotator> [A-Z]\w* ) (?: \s*\(\s*\) )? [\s\\]* \.\s* p \Z
    """,
    re.VERBOSE,
)
_LONGEST_CLASS = 120

_QUOTE = "[\"'“”‘’]"
_TEXT = "[^\"'“”‘’(),\n]*"
# One quote of the two is enough: many calls have lost the other. The line may end where a parenthesis is missing.
_ARGUMENT = re.compile(
    rf"""
    [\s\\]* (?: (?P<keyword> \w+ ) \s*=\s* )?
    (?: {_QUOTE}{{1,3}} (?P<text> {_TEXT} ) {_QUOTE}{{0,3}}
      | (?P<unopened> {_TEXT} ) {_QUOTE}
      | (?P<variable> [\w.]+ ) )
    (?: [\s\\]* (?: (?P<more> , ) | \) | \Z ) | [ \t\\]* \n \s* (?= [.\w] ) )
    """,
    re.VERBOSE,
)
_NO_ARGUMENT = re.compile(r"[\s\\]*\)")

_POSITIONS = ("name", "language", "repository")
_KEYWORDS = {"name": "name", "lang": "language", "remote_loc": "repository", "remoteLoc": "repository"}

# The classes that the johnsnowlabs library renames in its namespaces; it passes on all others as they are.
_DOMAIN_CLASSES = ("BertForSequenceClassification", "BertForTokenClassification", "ClassifierDLModel", "NerModel")
_MEDICAL_CLASSES = {
    "BertForSequenceClassification": "MedicalBertForSequenceClassification",
    "BertForTokenClassification": "MedicalBertForTokenClassifier",
    "DistilBertForSequenceClassification": "MedicalDistilBertForSequenceClassification",
    "NerModel": "MedicalNerModel",
}
_RENAMED = {
    "legal": {name: f"Legal{name}" for name in _DOMAIN_CLASSES},
    "finance": {name: f"Finance{name}" for name in _DOMAIN_CLASSES},
    "medical": _MEDICAL_CLASSES,
}


def find_pretrained_calls(code: str) -> tuple[PretrainedCall, ...]:
    """The calls in a block of code, in the order of the text; those in comments are not calls."""
    if "retrained" not in code:
        return ()
    if "#" in code or "//" in code:
        code = _COMMENT.sub("", code)
    calls = []
    line, counted = 1, 0
    for verb in _VERB.finditer(code):
        annotator = _PIPELINE if verb["pipeline"] else _class_before(code, verb.start())
        values = _read_arguments(code, verb.end()) if annotator else None
        if values is None or (annotator == _PIPELINE and not values.get("name")):
            continue
        line += code.count("\n", counted, verb.start())
        counted = verb.start()
        calls.append(
            PretrainedCall(
                annotator=annotator,
                name=values.get("name", ""),
                language=values.get("language", ""),
                repository=values.get("repository", ""),
                line=line,
            )
        )
    return tuple(calls)


def _class_before(code: str, end: int) -> str:
    """The class whose method is called at ``end``, or "" where a variable stands there."""
    start = max(0, end - _LONGEST_CLASS)
    # A call is assigned more often than not, and no class begins before that.
    match = _CLASS.search(code, max(start, code.rfind("=", start, end)), end)
    if match is None:
        return ""
    annotator = match["annotator"]
    return _RENAMED[match["namespace"]].get(annotator, annotator) if match["namespace"] else annotator


def _read_arguments(code: str, start: int) -> dict[str, str] | None:
    """The values given from ``start`` on, or None where the name is given but cannot be read."""
    values: dict[str, str] = {}
    position = 0
    while argument := _ARGUMENT.match(code, start):
        keyword = argument["keyword"]
        slot = _KEYWORDS.get(keyword, "") if keyword else "".join(_POSITIONS[position : position + 1])
        position += not keyword
        text = argument["text"] if argument["text"] is not None else argument["unopened"]
        if text is not None:
            values[slot] = text.strip()
        elif slot == "name":
            return None
        if not argument["more"]:
            return values
        start = argument.end()
    return values if position or values or _NO_ARGUMENT.match(code, start) else None
