"""From files to documents: cards in folders and archives, lines of ``metadata.json``, the snapshot in the wheel."""

from __future__ import annotations

import contextlib
import json
import lzma
import os
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from hashlib import blake2b
from pathlib import Path
from typing import Any

from modelhub.artifacts import ArtifactKey
from modelhub.batches import Batches
from modelhub.deflate import compress
from modelhub.descriptions import Description
from modelhub.diagnostics import Diagnostic
from modelhub.documents import Document, Listing, Unchanged, storable
from modelhub.errors import NetworkError, NotFoundError, StorageError, UsageError
from modelhub.facts import ModelFacts
from modelhub.public_hub import METADATA_FILE
from modelhub.quick_dataclasses import dataclass

_ARCHIVE_SUFFIXES = (".tar", ".tar.gz", ".tgz", ".tar.xz", ".txz", ".tar.bz2", ".zip")
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_MILLISECOND = timedelta(milliseconds=1)
_CATEGORIES = {"ml": "model", "pl": "pipeline"}
_SNAPSHOT_SCHEMA = 1
# What reading a line of JSON that may hold anything at all can raise.
_UNUSABLE = (ValueError, LookupError, TypeError, AttributeError, ArithmeticError, RecursionError, UsageError)


# Cards


@dataclass(frozen=True)
class PageFile:
    """A Markdown file, its bytes read already or not.

    Attributes:
        name: Its path inside the folder or archive.
        content: Its bytes, where they are not at ``place``.
        place: The path where it is still to be read, by whichever process takes it; "" where that was done.
    """

    name: str
    content: bytes = b""
    place: str = ""

    def read(self) -> bytes:
        """Its bytes.

        Raises:
            OSError: It cannot be read.
        """
        if not self.place:
            return self.content
        with open(self.place, "rb", buffering=0) as file:  # noqa: PTH123  by a Path it takes 1.7 times as long
            return file.read()


def read_cards(path: Path, known: Mapping[str, bytes] | None = None) -> Iterator[Document | Unchanged]:
    """Read every Markdown page of a folder, an archive (``.tar``, ``.tar.*``, ``.zip``), or one file.

    Args:
        path: The folder, archive or file.
        known: Digests of pages that the registry has; a page with an equal digest is not parsed again.

    Raises:
        NotFoundError: There is no such folder or file.
        UsageError: The file is neither a page nor an archive.
        StorageError: It cannot be read.
    """
    known = known or {}
    seen = False
    try:
        with Batches(read_document) as batches:
            for file in pages_of(path):
                seen = True
                page = file if file.name.isascii() else replace(file, name=storable(file.name))
                if page.name in known and known[page.name] == _digest_of(page):
                    yield Unchanged(page.name)
                else:
                    yield from batches.take(page)
            yield from batches.rest()
    except (OSError, EOFError, lzma.LZMAError) as exc:
        raise StorageError(f"{path} cannot be read: {exc}.", hint="Check the path and its permissions.") from exc
    if not seen:
        raise NotFoundError(f"{path} holds no Markdown page.", hint="Name a folder or archive of *.md cards.")


def archive_digest(path: Path) -> str:
    """A digest of an archive's bytes, equal for equal archives; "" for a folder, or a file that cannot be read."""
    try:
        return _digest(path.read_bytes()).hex()
    except OSError:
        return ""


def read_document(file: PageFile) -> Document:
    """Read one page, a card or a guide, whatever is in it."""
    from modelhub.cards import ModelCard, parse_document  # brings yaml, which a search does not need

    try:
        content = file.read()
    except OSError as exc:  # it must not stop the others
        message = f"The page cannot be read ({exc.strerror or exc}); it is left out. Check its permissions."
        return _document(file.name, b"", diagnostics=(_diagnostic(file.name, 0, "", "unreadable", message),))
    text = content.decode("utf-8", errors="replace")
    page = parse_document(text, source=file.name)
    if not isinstance(page, ModelCard):
        return _document(file.name, content, guide=storable(page.task), diagnostics=page.diagnostics)
    artifact = page.artifact
    return _document(
        file.name,
        content,
        description=Description.of(artifact.key, page.facts) if artifact else None,
        repository=artifact.repository if artifact else "",
        # Of two cards with one URI the one that names its model as the URI does describes it.
        preference=int(artifact is not None and page.name == artifact.name),
        diagnostics=page.diagnostics,
    )


def _document(path: str, content: bytes, **values: Any) -> Document:
    return Document(path=path, digest=_digest(content), kept=compress(content, 1), **values)


def pages_of(path: Path) -> Iterator[PageFile]:
    """Every Markdown page in a folder or an archive, or the one page.

    Raises:
        NotFoundError: There is no such path.
        StorageError: It cannot be read.
    """
    if path.is_dir():
        for name, place in _pages_below(path):
            yield PageFile(name, place=place)
    elif not path.exists():
        raise NotFoundError(f"{path} does not exist.", hint="Name a folder, an archive or a page of cards.")
    elif path.name.endswith(".zip"):
        yield from _zipped_pages(path)
    elif path.name.endswith(_ARCHIVE_SUFFIXES):
        yield from _tarred_pages(path)
    elif path.suffix == ".md":
        yield PageFile(path.name, path.read_bytes())
    else:
        raise UsageError(f"{path} is neither a Markdown page nor an archive of them.", hint="Archives: .tar.*, .zip.")


def _pages_below(path: Path) -> Iterator[tuple[str, str]]:
    """Name and path of every Markdown page in a folder and below.

    A folder that is gone, or may not be looked into, is left out. The system's own listing knows what is a file:
    ``Path.rglob`` takes as long as an eighth of the reading.
    """
    folders = [("", str(path))]
    while folders:
        prefix, folder = folders.pop()
        with contextlib.suppress(PermissionError, FileNotFoundError, NotADirectoryError), os.scandir(folder) as found:
            entries = sorted(found, key=_by_model)
            inner = [entry for entry in entries if entry.is_dir(follow_symlinks=False)]
            folders += [(f"{prefix}{entry.name}/", entry.path) for entry in reversed(inner)]
            for entry in entries:
                if entry.name.endswith(".md") and _is_file(entry):
                    yield f"{prefix}{entry.name}", entry.path


def _by_model(entry: os.DirEntry[str]) -> tuple[str, str]:
    """Pages of one model, whose names begin with different dates, one after another: its rows are made at once."""
    return entry.name.lstrip("0123456789-"), entry.name


def _is_file(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_file()
    except OSError:  # a link that leads to itself
        return False


def _tarred_pages(path: Path) -> Iterator[PageFile]:
    import tarfile

    try:
        with tarfile.open(path, "r|*") as archive:
            for member in archive:
                if member.isfile() and member.name.endswith(".md") and (stream := archive.extractfile(member)):
                    yield PageFile(member.name.removeprefix("./"), stream.read())
    except tarfile.TarError as exc:
        raise StorageError(f"{path} is not a whole tar archive: {exc}.", hint="Fetch it again.") from exc


def _zipped_pages(path: Path) -> Iterator[PageFile]:
    import zipfile

    try:
        with zipfile.ZipFile(path) as archive:
            for member in archive.infolist():
                if member.filename.endswith(".md"):
                    yield PageFile(member.filename, archive.read(member))
    # The third for passwords and unknown methods, the last for names.
    except (zipfile.BadZipFile, zlib.error, RuntimeError, UnicodeDecodeError) as exc:
        raise StorageError(f"{path} is not a whole zip archive: {exc}.", hint="Fetch it again.") from exc


# metadata.json


def read_metadata(
    text: str, repository: str, *, source: str, known: Mapping[str, bytes] | None = None
) -> Iterator[Document | Unchanged]:
    """Read the lines of a ``metadata.json``, one artifact a line.

    A bad line becomes a diagnostic and the others are kept, where Spark NLP refuses the whole file. Of several lines
    with one key the first counts, or the first that is ready if that comes later: Spark NLP looks at no other. The
    position that is recorded is that among the lines of one name, so that a line put in front changes no other.

    Args:
        text: JSON Lines.
        repository: The repository that the file lies in.
        source: URI of the file, for diagnostics.
        known: Digests of lines that the registry has.
    """
    known = known or {}
    positions: dict[str, int] = {}
    is_ready: dict[str, bool] = {}
    for number, line in _lines(text):
        try:
            entry = json.loads(line)
            key = _metadata_key(entry)
        except _UNUSABLE as exc:
            yield _bad_line(source, number, line, exc)
            continue
        position = positions[key.name] = positions.get(key.name, 0) + 1
        path = str(key)
        is_first = path not in is_ready
        if not is_first and (is_ready[path] or not entry.get("readyToUse")):
            continue
        is_ready[path] = bool(entry.get("readyToUse"))
        digest = _digest(f"{position}\n{line}".encode())
        if is_first and known.get(path) == digest:
            yield Unchanged(path)
        else:
            yield _listed(path, digest, key, repository, entry, position)


def check_is_list(text: str, *, source: str) -> None:
    """Refuse what is no ``metadata.json`` at all, such as a login page, an error written in JSON, or nothing.

    Raises:
        NetworkError: No line describes an artifact.
    """
    trouble = ""
    for number, line in _lines(text):
        try:
            _metadata_key(json.loads(line))
        except _UNUSABLE as exc:
            trouble = trouble or f"Line {number} {_trouble(line, exc)}."
        else:
            return
    raise NetworkError(
        f"{source} answers with something else than a list of artifacts. {trouble or 'It is empty.'}",
        hint="Behind a company's proxy or a login page? Check HTTPS_PROXY and MODELHUB_HUB.",
        uri=source,
    )


def _lines(text: str) -> Iterator[tuple[int, str]]:
    """Number and text of every line that is not blank."""
    for number, line in enumerate(text.removeprefix("\ufeff").split("\n"), start=1):
        if line.strip():
            yield number, line


def whole_metadata(text: str) -> Document:
    """The whole file as a document, kept so that the registry can be built again without a network."""
    return Document(path=METADATA_FILE, digest=b"", kept=compress(text.encode(), 1))


def _metadata_key(entry: Mapping[str, Any]) -> ArtifactKey:
    for name in ("name", "libVersion", "sparkVersion", "time"):
        if entry.get(name) is None:
            raise KeyError(name)
    built = datetime.fromisoformat(entry["time"].replace("Z", "+00:00"))
    key = ArtifactKey(
        name=entry["name"],
        language=entry.get("language") or "",
        lib_version=_dotted(entry["libVersion"]),
        spark_version=_dotted(entry["sparkVersion"]),
        millis=str((built - _EPOCH) // _MILLISECOND),
    )
    # Written as a key and read again it must be the same: it will name a zip, and a folder of the cache.
    name = str(key)
    if ArtifactKey.parse(name) != key:
        raise ValueError(f"{name!r} reads as another key")
    name.encode()  # raises where an escape stands for half a character
    return key


def _dotted(version: Mapping[str, Any]) -> str:
    return ".".join(str(int(part)) for part in version["parts"])


def _listed(
    path: str, digest: bytes, key: ArtifactKey, repository: str, entry: Mapping[str, Any], position: int
) -> Document:
    facts = ModelFacts(
        annotator=_word(entry, "annotator"),
        engine=_word(entry, "engine").lower(),
        type=_CATEGORIES.get(_word(entry, "category"), ""),
    )
    listing = Listing(bool(entry.get("readyToUse")), _word(entry, "checksum"), position)
    description = Description.of(key, facts)
    return Document(path=path, digest=digest, description=description, repository=repository, listing=listing)


def _word(entry: Mapping[str, Any], name: str) -> str:
    value = entry.get(name)
    return value if isinstance(value, str) else ""


def _trouble(line: str, exc: Exception) -> str:
    what = f"has no {exc}" if isinstance(exc, KeyError) else f"is not understood ({exc})"
    return f"{what}: {line[:80]!r}"


def _bad_line(source: str, number: int, line: str, exc: Exception) -> Document:
    message = f"The line {_trouble(line, exc)}. It is left out; Spark NLP may refuse the whole file for it."
    diagnostic = _diagnostic(source, number, "", "metadata-line", message)
    return Document(path=f"line {number}", digest=_digest(line.encode()), diagnostics=(diagnostic,))


def _digest_of(page: PageFile) -> bytes:
    try:
        return _digest(page.read())
    except OSError:  # who reads it tells
        return b""


def _digest(content: bytes) -> bytes:
    return blake2b(content, digest_size=16).digest()


def _diagnostic(source: str, line: int, field: str, code: str, message: str) -> Diagnostic:
    return Diagnostic(source=source, line=line, field=field, code=code, message=message)


# The snapshot: one line of JSON an artifact, the first line holds what many lines share


def read_snapshot(path: Path) -> Iterator[Document]:
    """Read the snapshot of facts that is shipped in the wheel.

    Raises:
        StorageError: The file is damaged or of another schema: the installation is broken.
    """
    try:
        lines = lzma.decompress(path.read_bytes()).splitlines()
        header = json.loads(lines[0])
        if header["schema"] != _SNAPSHOT_SCHEMA:
            raise ValueError(f"schema {header['schema']}")
        label_lists = header["labels"]
        for line in lines[1:]:
            data = json.loads(line)
            if "labels" in data:
                data["labels"] = label_lists[data["labels"]]
            key = ArtifactKey.parse(data["key"])
            yield Document(
                path=data["key"],
                digest=b"",
                description=Description.of(key, ModelFacts.from_dict(data)),
                repository=data["repository"],
            )
    except (OSError, ValueError, LookupError, TypeError, lzma.LZMAError, UsageError) as exc:
        raise StorageError(f"The snapshot {path} is damaged: {exc}.", hint="Install modelhub again.") from exc


def write_snapshot(documents: Iterable[Document]) -> bytes:
    """The snapshot of documents that describe an artifact; equal lists of labels are stored once."""
    label_lists: dict[tuple[str, ...], int] = {}
    lines = []
    for document in documents:
        if document.key is None:
            continue
        facts = document.facts
        data = {"key": str(document.key), "repository": document.repository, **facts.to_dict()}
        if facts.labels:
            data["labels"] = label_lists.setdefault(facts.labels, len(label_lists))
        lines.append(_line(data))
    header = {"schema": _SNAPSHOT_SCHEMA, "artifacts": len(lines), "labels": [list(labels) for labels in label_lists]}
    content = "\n".join([_line(header), *lines]).encode()
    return lzma.compress(content, preset=9 | lzma.PRESET_EXTREME)


def _line(data: Mapping[str, Any]) -> str:
    return json.dumps(data, ensure_ascii=False, separators=(",", ":"))
