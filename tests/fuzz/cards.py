"""Model cards: any page gives facts that can be stored, findings, and code that is nothing but what we write."""

from __future__ import annotations

import ast
import pickle
import random
import re
import zlib
from pathlib import Path

from fuzz.fuzzing import mutated

from modelhub.artifacts import ArtifactKey
from modelhub.errors import NotFoundError
from modelhub.facts import ModelFacts
from modelhub.ingest import PageFile, read_document
from modelhub.lint import check_page, gather_problems
from modelhub.snippets import SnippetSubject, write_snippet

SEEDS = [path.read_bytes() for path in sorted((Path(__file__).parents[1] / "data" / "cards").glob("*.md"))]
WORDS = [
    b"---\n", b"```python\n", b"```\n", b"{:.btn}\n", b"{% ", b"|", b"|---|\n", b": ", b"&a *a",
    b"!!python/object/apply:os.system ", b"<div>", b"</div>", b"[[[", b"\x1b[2J", b"\xe2\x80\xae", b"\xff", b"\0",
    b"\r\n", b"\t- ", b'"\\x85"', b'"); boom() #', b".pretrained(", b'.setOutputCol("', b"Model Name:",
    b"Output Labels:", b"https://s3.amazonaws.com/auxdata.johnsnowlabs.com/",
]  # fmt: skip
# All that our own code calls in Python, besides setters and the constructors of stages.
CALLS = {
    *("annotate", "createDataFrame", "fit", "format", "from_disk", "load", "option", "predict", "pretrained", "print"),
    *("select", "show", "start", "transform"),
}
DIGITS = re.compile(rb"\d+")
SETTER_OR_CLASS = re.compile("(set)?[A-Z][A-Za-z0-9]*")


def make(chance: random.Random) -> bytes:
    """A mutated card; in one of four a number has become far longer than any should be."""
    data = mutated(chance, SEEDS, WORDS)
    numbers = list(DIGITS.finditer(data))
    if numbers and not chance.randrange(4):
        number = chance.choice(numbers)
        data = data[: number.end()] + b"9" * chance.choice((3, 9, 18, 400, 5000)) + data[number.end() :]
    return data


def check(data: bytes) -> bool:
    """Read a page in all ways in which pages are read."""
    document = read_document(PageFile("2022-01-01-a_en.md", data))
    text = data.decode(errors="replace")
    problems = list(gather_problems([check_page(text, source="a.md")]))

    assert zlib.decompress(document.kept) == data
    assert all(problem.message for problem in problems)
    if document.description is None:
        return False
    key, facts = document.description.key, document.description.facts
    assert ArtifactKey.parse(str(key)) == key
    assert 0 <= (facts.size_bytes or 0) < 2**63  # what SQLite can store
    assert pickle.loads(pickle.dumps(document.description)).facts == facts
    for path in ("", "/a/cache/b"):
        _check_code(key, document.repository, facts, path)
    return True


def _check_code(key: ArtifactKey, repository: str, facts: ModelFacts, path: str) -> None:
    subject = SnippetSubject(name=key.name, language=key.language, repository=repository, facts=facts, path=path)
    for flavour in ("python", "scala", "nlu"):
        try:
            code = write_snippet(subject, flavour)
        except NotFoundError:
            continue
        if flavour != "scala":
            called = {_name_of(node.func) for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Call)}
            others = {name for name in called if name not in CALLS and not SETTER_OR_CLASS.fullmatch(name)}
            assert not others, others


def _name_of(function: ast.expr) -> str:
    if isinstance(function, ast.Attribute):
        return function.attr
    assert isinstance(function, ast.Name), ast.dump(function)
    return function.id
