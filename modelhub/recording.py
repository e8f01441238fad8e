"""Recording documents in a registry: one transaction that costs what changed.

A document names the artifact that it describes. What all documents of an artifact say is merged into the artifact's
row, the most trusted source first; what all artifacts of a model say goes into the model's row of searchable text
(``model_rows``).
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable

from modelhub.artifacts import ArtifactKey
from modelhub.descriptions import Description
from modelhub.diagnostics import Diagnostic
from modelhub.documents import Changes, Document, Source, Unchanged
from modelhub.model_rows import ModelName, ModelRows
from modelhub.registry import Registry

# The most trusted kind last: a hub's own list beats what cards say of engine, class and readiness.
_TRUST = {"snapshot": 0, "packaged": 1, "cards": 2, "metadata": 3}
_KEPT_KINDS = ("cards", "metadata")
_HELD = 500

_Touched = defaultdict[ModelName, dict[str, Description | None]]


def record(
    registry: Registry, source: Source, documents: Iterable[Document | Unchanged], *, is_dry_run: bool = False
) -> tuple[Changes, tuple[Diagnostic, ...]]:
    """Make the registry say what a source says now.

    Args:
        registry: Opened for writing.
        source: The source; its earlier documents that are not among ``documents`` are removed.
        documents: All documents of the source, those that did not change as ``Unchanged``.
        is_dry_run: Whether all is taken back at the end.

    Returns:
        What changed, and what the reader of the source has trouble with now.

    Raises:
        StorageError: The registry cannot be written.
    """
    with registry.transaction(is_dry_run=is_dry_run):
        changes = _Recording(registry, source).run(documents)
        return changes, tuple(registry.diagnostics(source.uri))


def record_visit(registry: Registry, source_uri: str, *, checked_s: float) -> None:
    """Note that a source was asked and has no news.

    Raises:
        StorageError: The registry cannot be written.
    """
    with registry.transaction():
        for table in ("sources", "kept.sources"):
            registry.connection.execute(f"UPDATE {table} SET checked_s = ? WHERE uri = ?", (checked_s, source_uri))


def record_failure(registry: Registry, uri: str, *, reason: str, failed_s: float) -> None:
    """Note that a list could not be had.

    Raises:
        StorageError: The registry cannot be written.
    """
    with registry.transaction():
        registry.connection.execute("INSERT OR REPLACE INTO failures VALUES (?, ?, ?)", (uri, reason, failed_s))


class _Recording:
    """One source being recorded; lives for one transaction."""

    def __init__(self, registry: Registry, source: Source) -> None:
        self._registry = registry
        self._execute = registry.connection.execute
        self._executemany = registry.connection.executemany
        self._source = source
        self._models = ModelRows(registry)
        self._touched: _Touched = defaultdict(dict)
        self._touched_again: _Touched = defaultdict(dict)
        self._unrefreshed = 0
        self._rows: list[tuple[object, ...]] = []
        self._texts: list[tuple[str, str, bytes]] = []
        values = (source.uri, source.kind, source.repository, source.validator, source.checked_s)
        seen_again = "ON CONFLICT(uri) DO UPDATE SET validator = excluded.validator, checked_s = excluded.checked_s"
        (self._source_id,) = self._execute(
            "INSERT INTO sources(uri, kind, repository, validator, checked_s, trust) VALUES (?, ?, ?, ?, ?, ?)"
            f" {seen_again} RETURNING id",
            (*values, _TRUST[source.kind]),
        ).fetchone()
        if source.kind in _KEPT_KINDS:
            self._execute(f"INSERT INTO kept.sources VALUES (?, ?, ?, ?, ?) {seen_again}", values)

    def run(self, documents: Iterable[Document | Unchanged]) -> Changes:
        stored = set(self._registry.digests(self._source.uri))
        vanished = set(stored)
        for document in documents:
            vanished.discard(document.path)
            if isinstance(document, Document):
                if document.path in stored:  # from an earlier update, or twice in one archive
                    self._delete_document(document.path)
                stored.add(document.path)
                self._insert_document(document)
        for path in vanished:
            self._delete_document(path)
        self._refresh()
        self._models.refresh(self._touched_again)
        return self._models.finish()

    def _insert_document(self, document: Document) -> None:
        """Store a document, soon, and note what it describes."""
        listing, description = document.listing, document.description
        key = str(description.key) if description else ""
        self._rows.append(
            (
                self._source_id,
                document.path,
                document.digest,
                key,
                document.repository,
                document.preference,
                description.packed if description else b"",
                _json([listing.is_ready, listing.checksum, listing.position]) if listing else "",
                document.guide,
                _json([vars(item) for item in document.diagnostics]) if document.diagnostics else "",
            )
        )
        if document.kept:
            self._texts.append((self._source.uri, document.path, document.kept))
        if description:
            self._touch(description.key, document.repository, description)
        self._unrefreshed += 1
        if self._unrefreshed == _HELD:  # while other processes read the next ones
            self._refresh()

    def _write_documents(self) -> None:
        """Write the documents that were inserted, all at once: each by itself would take twice as long."""
        self._executemany("INSERT INTO documents VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", self._rows)
        self._executemany("INSERT OR REPLACE INTO kept.texts VALUES (?, ?, ?)", self._texts)
        self._rows, self._texts = [], []

    def _delete_document(self, path: str) -> None:
        """Forget a document, and note that what it described may be another now."""
        self._write_documents()  # it may be one of these
        row = self._execute(
            "DELETE FROM documents WHERE source_id = ? AND path = ? RETURNING key, repository", (self._source_id, path)
        ).fetchone()
        if self._source.kind in _KEPT_KINDS:
            self._execute("DELETE FROM kept.texts WHERE source = ? AND path = ?", (self._source.uri, path))
        if row and row[0]:
            self._touch(ArtifactKey.parse(row[0]), row[1], None)

    def _touch(self, key: ArtifactKey, repository: str, said: Description | None) -> None:
        """Note that the rows of a model are to be computed: soon, or, if they were already, at the end."""
        model = ModelName(repository, key.name, key.language)
        if self._models.has_refreshed(model):
            self._touched_again[model][str(key)] = None
        else:
            self._touched[model][str(key)] = said

    def _refresh(self) -> None:
        """Compute the rows of models anew from the documents of their artifacts."""
        self._write_documents()
        self._models.refresh(self._touched)
        self._touched.clear()
        self._unrefreshed = 0


def _json(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    # An escape in YAML may stand for half a character, which cannot be stored.
    return text.encode(errors="replace").decode()
