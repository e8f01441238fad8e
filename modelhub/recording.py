"""Recording documents in a registry: one transaction that costs what changed.

A document names the artifact that it describes. What all documents of an artifact say is merged into the artifact's
row, the most trusted source first; what all artifacts of a model say goes into the model's row of searchable text.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from enum import Enum, auto
from typing import Any

from modelhub.artifacts import ArtifactKey
from modelhub.diagnostics import Diagnostic
from modelhub.documents import Changes, Document, Listing, Source, Unchanged
from modelhub.facts import ModelFacts, merge_facts
from modelhub.registry import Registry

# The most trusted kind last: a hub's own list beats what cards say of engine, class and readiness.
_TRUST = {"snapshot": 0, "packaged": 1, "cards": 2, "metadata": 3}
_KEPT_KINDS = ("cards", "metadata")


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


_ArtifactName = tuple[str, str]  # key and repository


class _Outcome(Enum):
    """What became of an artifact's row."""

    ADDED = auto()
    CHANGED = auto()
    REMOVED = auto()
    UNCHANGED = auto()


class _Recording:
    """One source being recorded; lives for one transaction."""

    def __init__(self, registry: Registry, source: Source) -> None:
        self._registry = registry
        self._execute = registry.connection.execute
        self._executemany = registry.connection.executemany
        self._source = source
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
        touched: set[_ArtifactName] = set()
        for document in documents:
            vanished.discard(document.path)
            if isinstance(document, Document):
                if document.path in stored:  # from an earlier update, or twice in one archive
                    touched |= self._delete_document(document.path)
                stored.add(document.path)
                touched |= self._insert_document(document)
        for path in vanished:
            touched |= self._delete_document(path)
        return self._refresh(touched)

    def _insert_document(self, document: Document) -> set[_ArtifactName]:
        """Store a document; the artifact that it describes is returned."""
        listing = document.listing
        key = str(document.key or "")
        self._execute(
            "INSERT INTO documents VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                self._source_id,
                document.path,
                document.digest,
                key,
                document.repository,
                document.preference,
                _json(document.facts.to_dict()),
                _json([listing.is_ready, listing.checksum, listing.position]) if listing else "",
                _json([item.to_dict() for item in document.diagnostics]) if document.diagnostics else "",
            ),
        )
        if document.kept:
            self._execute(
                "INSERT OR REPLACE INTO kept.texts VALUES (?, ?, ?)", (self._source.uri, document.path, document.kept)
            )
        return {(key, document.repository)} if key else set()

    def _delete_document(self, path: str) -> set[_ArtifactName]:
        """Forget a document; the artifact that it described is returned."""
        row = self._execute(
            "DELETE FROM documents WHERE source_id = ? AND path = ? RETURNING key, repository", (self._source_id, path)
        ).fetchone()
        if self._source.kind in _KEPT_KINDS:
            self._execute("DELETE FROM kept.texts WHERE source = ? AND path = ?", (self._source.uri, path))
        return {row} if row and row[0] else set()

    def _refresh(self, touched: Iterable[_ArtifactName]) -> Changes:
        """Compute the rows of artifacts, and of their models, anew from their documents."""
        outcomes: dict[_Outcome, list[str]] = {outcome: [] for outcome in _Outcome}
        models: set[tuple[str, str, str]] = set()
        for key, repository in sorted(touched):
            outcome = self._refresh_artifact(ArtifactKey.parse(key), repository)
            outcomes[outcome].append(key)
            if outcome is not _Outcome.UNCHANGED:
                parsed = ArtifactKey.parse(key)
                models.add((parsed.name, parsed.language, repository))
        for model in sorted(models):
            self._refresh_model(*model)
        return Changes(
            added=tuple(outcomes[_Outcome.ADDED]),
            changed=tuple(outcomes[_Outcome.CHANGED]),
            removed=tuple(outcomes[_Outcome.REMOVED]),
            total=self._registry.total(),
        )

    def _refresh_artifact(self, key: ArtifactKey, repository: str) -> _Outcome:
        documents = self._execute(
            "SELECT d.facts, d.listing FROM documents d JOIN sources s ON s.id = d.source_id"
            " WHERE d.key = ? AND d.repository = ? ORDER BY s.trust DESC, s.id DESC, d.preference DESC, d.path",
            (str(key), repository),
        ).fetchall()
        before = self._execute(
            f"SELECT id, {', '.join(_MERGED_COLUMNS)} FROM artifacts WHERE key = ? AND repository = ?",
            (str(key), repository),
        ).fetchone()
        if not documents:
            self._execute("DELETE FROM nlu WHERE artifact_id = ?", before[:1])
            self._execute("DELETE FROM artifacts WHERE id = ?", before[:1])
            return _Outcome.REMOVED
        listing = next((Listing(*json.loads(row[1])) for row in documents if row[1]), Listing())
        texts = dict.fromkeys(row[0] for row in documents)
        if before and list(texts) == [before[-1]] and _listing_values(listing) == before[1:4]:
            return _Outcome.UNCHANGED  # the usual case, told without reading any JSON
        facts = merge_facts(ModelFacts.from_dict(json.loads(text)) for text in texts)
        values = _merged_values(facts, listing)
        if before is None:
            artifact_id = self._insert_artifact(key, repository, values)
        elif before[1:] == values:
            return _Outcome.UNCHANGED
        else:
            artifact_id = before[0]
            assignments = ", ".join(f"{name} = ?" for name in _MERGED_COLUMNS)
            self._execute(f"UPDATE artifacts SET {assignments} WHERE id = ?", (*values, artifact_id))
            self._execute("DELETE FROM nlu WHERE artifact_id = ?", (artifact_id,))
        self._executemany(
            "INSERT OR IGNORE INTO nlu VALUES (?, ?)", [(reference, artifact_id) for reference in facts.nlu]
        )
        return _Outcome.CHANGED if before else _Outcome.ADDED

    def _insert_artifact(self, key: ArtifactKey, repository: str, values: tuple[Any, ...]) -> int:
        model = (key.name, key.language, repository)
        self._execute(
            "INSERT OR IGNORE INTO models(name, language, repository, merit, newest) VALUES (?, ?, ?, 0, '')", model
        )
        cursor = self._execute(
            "INSERT INTO artifacts(model_id, key, repository, lib_version, spark_version,"
            f" {', '.join(_MERGED_COLUMNS)}) VALUES ((SELECT id FROM models WHERE name = ? AND language = ?"
            f" AND repository = ?), {', '.join('?' * (4 + len(_MERGED_COLUMNS)))})",
            (*model, str(key), repository, key.lib_version, key.spark_version, *values),
        )
        return int(cursor.lastrowid or 0)

    def _refresh_model(self, name: str, language: str, repository: str) -> None:
        """Write a model's row of text anew, from what its artifacts say now."""
        (model_id,) = self._execute(
            "SELECT id FROM models WHERE name = ? AND language = ? AND repository = ?", (name, language, repository)
        ).fetchone()
        self._execute("DELETE FROM model_text WHERE rowid = ?", (model_id,))
        self._execute("DELETE FROM labels WHERE model_id = ?", (model_id,))
        rows = self._execute("SELECT facts FROM artifacts WHERE model_id = ? ORDER BY key", (model_id,)).fetchall()
        if not rows:
            self._execute("DELETE FROM models WHERE id = ?", (model_id,))
            return
        described = [ModelFacts.from_dict(json.loads(row[0])) for row in rows]
        described.sort(key=lambda facts: facts.date, reverse=True)
        self._execute(
            "INSERT INTO model_text(rowid, name, title, tasks, tags, labels, other) VALUES (?, ?, ?, ?, ?, ?, ?)",
            (model_id, *_model_text(name, language, described)),
        )
        self._executemany(
            "INSERT OR IGNORE INTO labels VALUES (?, ?)",
            [(label, model_id) for facts in described for label in facts.labels],
        )
        self._execute(
            "UPDATE models SET merit = ?, newest = ? WHERE id = ?",
            (_merit(language, described[0]), described[0].date, model_id),
        )


_MERGED_COLUMNS = (
    *("ready", "checksum", "position", "engine", "annotator", "size_bytes", "product", "license"),
    *("type", "date", "tasks", "page", "origin", "facts"),
)


def _merged_values(facts: ModelFacts, listing: Listing) -> tuple[Any, ...]:
    """The values of ``_MERGED_COLUMNS``."""
    return (
        *_listing_values(listing),
        *(facts.engine, facts.annotator, facts.size_bytes, facts.product, facts.license),
        *(facts.type, facts.date, f"|{'|'.join(facts.tasks)}|" if facts.tasks else ""),
        *(facts.page, facts.origin, _json(facts.to_dict())),
    )


def _listing_values(listing: Listing) -> tuple[Any, ...]:
    return int(listing.is_ready), listing.checksum, listing.position


def _model_text(name: str, language: str, described: Sequence[ModelFacts]) -> tuple[str, ...]:
    """The columns of the full-text search: what all versions of a model say, each phrase once, the newest first."""

    def union(field: str) -> str:
        return " ".join(dict.fromkeys(item for facts in described for item in getattr(facts, field)))

    other = [language, *(value for facts in described for value in (facts.annotator, facts.origin, facts.product))]
    return (
        name,
        described[0].title,
        union("tasks"),
        union("tags"),
        union("labels"),
        " ".join(dict.fromkeys((*other, union("nlu")))),
    )


def _merit(language: str, facts: ModelFacts) -> float:
    """How much a model deserves to stand before its equals, on the scale of ``bm25`` (a good match has about 10).

    Recommended and supported ones first, then those that anybody may use, in the language that most ask for; deprecated
    ones last.
    """
    return (
        0.5 * bool(facts.recommended)
        + 0.5 * bool(facts.supported)
        - 4.0 * bool(facts.deprecated)
        - 1.0 * (facts.license == "Licensed")
        + {"en": 1.0, "xx": 0.5}.get(language, 0.0)
    )


def _json(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    # An escape in YAML may stand for half a character, which cannot be stored.
    return text.encode(errors="replace").decode()
