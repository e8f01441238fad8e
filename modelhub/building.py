"""Building a registry from nothing: the snapshot, the cards of the package, and what earlier updates kept."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from modelhub.artifacts import without_secrets
from modelhub.documents import Document, Source, Unchanged
from modelhub.errors import StorageError
from modelhub.ingest import PageFile, read_cards, read_document, read_metadata, read_snapshot, whole_metadata
from modelhub.packaged import PACKAGED_URI, SNAPSHOT, packaged_folder
from modelhub.public_hub import METADATA_FILE
from modelhub.recording import record
from modelhub.registry import Registry, journal_of


def build_registry(path: Path, stamp: str, on_note: Callable[[str], None]) -> int:
    """Build a registry in a new file, swap it in, and return the number of its artifacts.

    A kept text that is damaged costs only itself, and is brought again when its source is next asked.

    Raises:
        StorageError: It cannot be written, or the installation is damaged.
        OSError: The folder cannot be written.
    """
    with tempfile.TemporaryDirectory(prefix=".building-", dir=path.parent) as folder:
        fresh = Path(folder) / path.name
        with Registry.create(fresh, kept=path.with_name("kept.sqlite"), stamp=stamp) as registry:
            record(registry, Source(uri="package:snapshot", kind="snapshot"), read_snapshot(SNAPSHOT))
            record(registry, Source(uri=PACKAGED_URI, kind="packaged"), _packaged_cards())
            for source in registry.kept_sources():
                if _is_usable(registry, source, on_note):
                    record(registry, source, _kept_documents(registry, source, on_note))
            registry.optimize()
            total = registry.total()
        _swap_in(fresh, path)
    return total


def _swap_in(fresh: Path, path: Path) -> None:
    """Put a new registry in place of one that was damaged, of another version, or not there."""
    journal = journal_of(path)
    if journal.exists():
        # Left by a process that was killed: SQLite would apply it to the new file. The old one is of no use without it.
        path.unlink(missing_ok=True)
        journal.unlink()
    fresh.replace(path)


def _packaged_cards() -> Iterator[Document]:
    for document in read_cards(packaged_folder()):
        if isinstance(document, Document):
            yield replace(document, kept=b"")


def _is_usable(registry: Registry, source: Source, on_note: Callable[[str], None]) -> bool:
    """Whether a source can be recorded: a list without its lines would be one that names nothing."""
    if source.kind == "metadata":
        try:
            registry.kept_text(source.uri, METADATA_FILE)
        except StorageError:
            on_note(_damaged(without_secrets(source.uri)))
            return False
    return True


def _kept_documents(
    registry: Registry, source: Source, on_note: Callable[[str], None]
) -> Iterator[Document | Unchanged]:
    """What a source from outside says, read anew from its kept texts."""
    for path, text in registry.kept_texts(source.uri):
        if text is None:
            on_note(_damaged(f"{path} of {source.uri}"))
            yield Document(path=path, digest=b"")  # no page has this digest, so that it is read again
        elif source.kind == "cards":
            yield replace(read_document(PageFile(path, text.encode())), kept=b"")
        elif path == METADATA_FILE:
            yield replace(whole_metadata(text), kept=b"")
            yield from read_metadata(text, source.repository, source=source.uri)


def _damaged(subject: str) -> str:
    return f"What was kept of {subject} is damaged and was left out; modelhub update brings it again."
