"""Lint as a use case: pages from files, folders, archives or standard input, checked by all processors.

Nothing else is opened: no registry, no network. In folders and archives only what is meant as a card or a guide is
checked, so that a README beside the cards is left in peace; a file that is named itself is always checked.
"""

from __future__ import annotations

import lzma
import os
import sys
from collections.abc import Iterable, Iterator
from itertools import chain, islice
from pathlib import Path

from modelhub.diagnostics import Diagnostic
from modelhub.documents import storable
from modelhub.errors import NotFoundError, StorageError, UsageError
from modelhub.lint import CheckedPage, Problem, check_page, gather_problems
from modelhub.lint_rules import choose_rules
from modelhub.quick_dataclasses import dataclass

STDIN = "-"
_STDIN_NAME = "<stdin>"
# Folders in which no card of ours lies; those whose names begin with a dot are left out, too.
_FOREIGN_FOLDERS = frozenset({"node_modules", "site-packages", "_site"})
_FEW = 64
_HINT = "Name a folder, an archive or a page of cards."


@dataclass(frozen=True, kw_only=True)
class LintReport:
    """What lint found.

    Attributes:
        problems: File by file, by line.
        checked: Number of pages that were checked.
        left_out: Number of pages that are neither cards nor guides.
    """

    problems: tuple[Problem, ...]
    checked: int
    left_out: int


@dataclass(frozen=True, kw_only=True)
class _File:
    """A page as bytes, or why it cannot be read, and whether it was named itself."""

    name: str
    content: bytes = b""
    trouble: str = ""
    is_named: bool


def lint_cards(paths: Iterable[str | Path], *, select: Iterable[str] = (), ignore: Iterable[str] = ()) -> LintReport:
    """Check cards, each by itself and all with each other.

    Args:
        paths: Files, folders (with all below them), archives, or ``-`` for standard input.
        select: Rules, patterns such as ``snippet-*``, or severities; all rules where nothing is given.
        ignore: The same, for what is not wanted.

    Raises:
        NotFoundError: There is no such file, or no page in a folder or archive: a wrong path must not pass for ever.
        UsageError: A file is neither a page nor an archive, or there is no such rule.
        StorageError: A folder or archive cannot be read.
    """
    rules = choose_rules(select, ignore)
    results = list(_check_all(_files(paths)))
    pages = [page for page, is_named in results if is_named or page.is_of_the_hub]
    if results and not pages:
        raise NotFoundError(f"None of {len(results):,} pages is a model card or a guide.", hint=_HINT)
    problems = (problem for problem in gather_problems(pages) if problem.code in rules)
    return LintReport(problems=tuple(problems), checked=len(pages), left_out=len(results) - len(pages))


def _check_all(files: Iterator[_File]) -> Iterator[tuple[CheckedPage, bool]]:
    few = list(islice(files, _FEW))
    if len(few) < _FEW:
        yield from map(_check, few)
        return
    from modelhub.batches import Batches  # brings multiprocessing, which a hook that checks one file does not need

    with Batches(_check) as batches:
        for file in chain(few, files):
            yield from batches.take(file)
        yield from batches.rest()


def _check(file: _File) -> tuple[CheckedPage, bool]:
    """Check a page, and say whether it was named itself."""
    name = storable(file.name)
    if not file.trouble:
        return check_page(file.content.decode("utf-8", errors="replace"), source=name), file.is_named
    trouble = Diagnostic(
        source=name,
        line=0,
        field="",
        code="unreadable",
        message=f"The page cannot be read ({file.trouble}). Check its permissions.",
    )
    return CheckedPage(source=name, is_of_the_hub=True, found=(trouble,)), file.is_named


def _files(paths: Iterable[str | Path]) -> Iterator[_File]:
    """The pages at all paths, each once, however often it is named."""
    seen: set[str] = set()
    for path in paths:
        if str(path) == STDIN:
            yield _File(name=_STDIN_NAME, content=_read_stdin(), is_named=True)
            continue
        for file in _found(Path(path)):
            whole = os.path.realpath(file)  # Path.resolve raises for a link onto itself
            if whole in seen:
                continue
            seen.add(whole)
            if file.suffix == ".md":
                yield _read(file, is_named=file == Path(path))
            else:
                yield from _read_archive(file)


def _read_stdin() -> bytes:
    if sys.stdin is None:
        raise UsageError("There is no standard input to be read.")
    return sys.stdin.buffer.read()


def _found(path: Path) -> Iterator[Path]:
    """The path itself, or the Markdown files of a folder and of those below it, by name."""
    if not path.exists():
        raise NotFoundError(f"{path} does not exist.", hint=_HINT)
    if not path.is_dir():
        yield path
        return
    has_pages = False
    for root, folders, names in os.walk(path, onerror=_refuse):
        folders[:] = sorted(name for name in folders if not name.startswith(".") and name not in _FOREIGN_FOLDERS)
        pages = sorted(name for name in names if name.endswith(".md"))
        has_pages = has_pages or bool(pages)
        yield from (Path(root, name) for name in pages)
    if not has_pages:
        raise _no_page_in(path)


def _no_page_in(path: Path) -> NotFoundError:
    return NotFoundError(f"There is no Markdown page in {path.absolute()}.", hint=_HINT)


def _refuse(error: OSError) -> None:
    raise StorageError(f"{error.filename} cannot be read: {error.strerror}.", hint="Check its permissions.") from error


def _read(file: Path, *, is_named: bool) -> _File:
    """A page; one that cannot be read must not stop the others."""
    try:
        return _File(name=str(file), content=file.read_bytes(), is_named=is_named)
    except OSError as exc:
        return _File(name=str(file), trouble=exc.strerror or str(exc), is_named=is_named)


def _read_archive(path: Path) -> Iterator[_File]:
    from modelhub.ingest import pages_of

    has_pages = False
    try:
        for page in pages_of(path):
            has_pages = True
            yield _File(name=f"{path}/{page.name}", content=page.read(), is_named=False)
    except (OSError, EOFError, lzma.LZMAError) as exc:
        raise StorageError(f"{path} cannot be read: {exc}.", hint="Check the path and its permissions.") from exc
    if not has_pages:
        raise _no_page_in(path)
