"""The registry: our SQLite catalogue of artifacts and of what cards say of them.

Everything in it is derived. ``registry.sqlite`` is built from documents (lines of the snapshot, cards, lines of a
``metadata.json``); what came from outside the package, sources and texts, is kept in ``kept.sqlite`` beside it, so that
another schema version means a rebuild and never a migration (README, "Design").

One artifact that several documents describe is one row: what the most trusted source says comes first, gaps are filled
from the next. A model (repository, name, language) has one row of text for the full-text search.
"""

from __future__ import annotations

import json
import sqlite3
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from modelhub.artifacts import Artifact, ArtifactKey
from modelhub.errors import StorageError, UsageError
from modelhub.facts import ModelFacts

if TYPE_CHECKING:
    from modelhub.diagnostics import Diagnostic
    from modelhub.documents import Source

SCHEMA_VERSION = 3
_BUSY_TIMEOUT_S = 60.0
# Pages of 4 KiB that a transaction may keep in memory: the first that is written early locks readers out until the end.
_UNSPILLED_PAGES = 65_536

_SCHEMA = """
CREATE TABLE meta(name TEXT PRIMARY KEY, value) WITHOUT ROWID;
CREATE TABLE sources(
    id INTEGER PRIMARY KEY, uri TEXT NOT NULL UNIQUE, kind TEXT NOT NULL, trust INTEGER NOT NULL,
    repository TEXT NOT NULL, validator TEXT NOT NULL, checked_s REAL NOT NULL);
CREATE TABLE failures(uri TEXT PRIMARY KEY, reason TEXT NOT NULL, failed_s REAL NOT NULL) WITHOUT ROWID;
CREATE TABLE models(
    id INTEGER PRIMARY KEY, name TEXT NOT NULL, language TEXT NOT NULL, repository TEXT NOT NULL,
    merit REAL NOT NULL, newest TEXT NOT NULL, UNIQUE(name, language, repository));
CREATE TABLE artifacts(
    id INTEGER PRIMARY KEY, model_id INTEGER NOT NULL, key TEXT NOT NULL, repository TEXT NOT NULL,
    lib_version TEXT NOT NULL, spark_version TEXT NOT NULL, engine TEXT NOT NULL, annotator TEXT NOT NULL,
    size_bytes INTEGER, ready INTEGER NOT NULL, checksum TEXT NOT NULL, position INTEGER NOT NULL,
    product TEXT NOT NULL, license TEXT NOT NULL, type TEXT NOT NULL, date TEXT NOT NULL, tasks TEXT NOT NULL,
    page TEXT NOT NULL, origin TEXT NOT NULL, facts TEXT NOT NULL, UNIQUE(key, repository));
CREATE INDEX artifacts_model ON artifacts(model_id);
CREATE INDEX artifacts_page ON artifacts(page) WHERE page != '';
CREATE INDEX artifacts_origin ON artifacts(origin COLLATE NOCASE) WHERE origin != '';
CREATE TABLE documents(
    source_id INTEGER NOT NULL, path TEXT NOT NULL, digest BLOB NOT NULL, key TEXT NOT NULL,
    repository TEXT NOT NULL, preference INTEGER NOT NULL, facts TEXT NOT NULL, listing TEXT NOT NULL,
    diagnostics TEXT NOT NULL, UNIQUE(source_id, path));
CREATE INDEX documents_key ON documents(key);
CREATE TABLE nlu(reference TEXT NOT NULL, artifact_id INTEGER NOT NULL, PRIMARY KEY(reference, artifact_id))
    WITHOUT ROWID;
CREATE TABLE labels(label TEXT NOT NULL COLLATE NOCASE, model_id INTEGER NOT NULL, PRIMARY KEY(label, model_id))
    WITHOUT ROWID;
CREATE INDEX labels_model ON labels(model_id);
CREATE VIRTUAL TABLE model_text USING fts5(
    name, title, tasks, tags, labels, other, tokenize = 'unicode61 remove_diacritics 2');
CREATE VIRTUAL TABLE words USING fts5vocab(model_text, row);
"""
# Nothing can build this file again: every release must read the columns that an earlier one has written.
_KEPT_SCHEMA = """
CREATE TABLE IF NOT EXISTS kept.sources(
    uri TEXT NOT NULL UNIQUE, kind TEXT NOT NULL, repository TEXT NOT NULL, validator TEXT NOT NULL,
    checked_s REAL NOT NULL);
CREATE TABLE IF NOT EXISTS kept.texts(
    source TEXT NOT NULL, path TEXT NOT NULL, text BLOB NOT NULL, UNIQUE(source, path));
"""
_SOURCE_COLUMNS = ("uri", "kind", "repository", "validator", "checked_s")
_ARTIFACT_COLUMNS = "key, repository, engine, annotator, size_bytes, ready, checksum, position"


class Registry:
    """A registry file, open. Use as a context manager; for reading from any thread, by one at a time."""

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        self.connection = connection
        self.path = path

    @classmethod
    def open(cls, path: Path, *, is_writable: bool = False) -> Registry:
        """Open an existing registry.

        Raises:
            StorageError: It cannot be opened, or cannot be written though that is wanted.
        """
        mode = "rw" if is_writable else "ro"
        with _sqlite_errors(path):
            factory = sqlite3.Connection if is_writable else _ReadConnection
            connection = _connect(f"{path.absolute().as_uri()}?mode={mode}", uri=True, factory=factory)
            if isinstance(connection, _ReadConnection):
                connection.path = path
            registry = cls(connection, path)
            if is_writable:
                try:
                    registry._prepare_for_writing()
                except Exception:
                    registry.close()
                    raise
        return registry

    @classmethod
    def roll_back(cls, path: Path) -> None:
        """Take back what a killed process left half written; to be called only while no other process can be writing.

        Who only reads cannot do that: to them the file is no registry until somebody did. The kept texts must be at
        hand, as they are in the same transaction.
        """
        if journal_of(path).exists():
            with suppress(StorageError), cls.open(path, is_writable=True) as registry:
                _ = registry.stamp  # reading is what makes SQLite look at the journal

    @classmethod
    def create(cls, path: Path, *, kept: Path, stamp: str) -> Registry:
        """Create an empty registry in a new file; ``kept`` is the file of texts to go with it.

        Raises:
            StorageError: The file cannot be written.
        """
        with _sqlite_errors(path):
            connection = _connect(str(path))
            # The file is swapped in when it is whole; until then losing it to a crash costs nothing.
            connection.executescript(f"PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; {_SCHEMA}")
            connection.execute("INSERT INTO meta VALUES ('stamp', ?)", (stamp,))
            registry = cls(connection, path)
            registry._attach_kept(kept)
        return registry

    def close(self) -> None:
        """Close the file."""
        self.connection.close()

    def __enter__(self) -> Registry:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    # Reading

    @property
    def stamp(self) -> str:
        """What the registry was built by: schema version and snapshot; "" for a file that is no registry of ours."""
        try:
            row = self.connection.execute("SELECT value FROM meta WHERE name = 'stamp'").fetchone()
        except (StorageError, sqlite3.DatabaseError):
            return ""
        return row[0] if row else ""

    def total(self) -> int:
        """Number of artifacts."""
        count: int = self.connection.execute("SELECT count(*) FROM artifacts").fetchone()[0]
        return count

    def named(self, name: str) -> list[Artifact]:
        """All artifacts of a name, in the order of their lists."""
        return self._artifacts("model_id IN (SELECT id FROM models WHERE name = ?)", name)

    def of_model(self, model_id: int) -> list[Artifact]:
        """All artifacts of a model, in the order of their lists."""
        return self._artifacts("model_id = ?", model_id)

    def with_page(self, page: str) -> list[Artifact]:
        """The artifacts whose page on the web hub has this file stem."""
        return self._artifacts("page = ?", page)

    def with_origin(self, origin: str) -> list[Artifact]:
        """The artifacts made from a model of Hugging Face, ``user/name``."""
        return self._artifacts("origin = ? COLLATE NOCASE AND origin != ''", origin)

    def with_nlu(self, reference: str) -> list[Artifact]:
        """The artifacts that an NLU reference loads."""
        return self._artifacts("id IN (SELECT artifact_id FROM nlu WHERE reference = ?)", reference)

    def facts(self, artifact: Artifact) -> ModelFacts:
        """What is known of an artifact's model; empty facts for an unknown artifact."""
        row = self.connection.execute(
            "SELECT facts FROM artifacts WHERE key = ? AND repository = ?", (str(artifact.key), artifact.repository)
        ).fetchone()
        return ModelFacts.from_dict(json.loads(row[0])) if row else ModelFacts()

    def has_value(self, field: str, value: str) -> bool:
        """Whether some model has exactly this value; far cheaper than :meth:`values_of` where it has."""
        column, table = _column_of(field)
        query = f"SELECT 1 FROM {table} WHERE {column} IN (?, ?) LIMIT 1"
        return self.connection.execute(query, (value, f"|{value}|")).fetchone() is not None

    def values_of(self, field: str) -> list[str]:
        """Every value of ``task``, ``language``, ``annotator``, ``product`` or ``engine``, the most frequent first."""
        column, table = _column_of(field)
        rows = self.connection.execute(f"SELECT {column}, count(*) FROM {table} WHERE {column} != '' GROUP BY 1")
        counts: Counter[str] = Counter()
        for value, count in rows:
            for item in value.strip("|").split("|"):
                counts[item] += count
        return [value for value, _ in counts.most_common()]

    def lists(self) -> list[tuple[int, str, str]]:
        """Number, URI and repository of every ``metadata.json`` that was read."""
        return self.connection.execute("SELECT id, uri, repository FROM sources WHERE kind = 'metadata'").fetchall()

    def vocabulary(self) -> list[str]:
        """Every word of the full-text search that some model has, without mere numbers and single letters."""
        return [row[0] for row in self.connection.execute("SELECT term FROM words WHERE term GLOB '[a-z]?*'")]

    def has_word(self, word: str) -> bool:
        """Whether some model has a word that begins so."""
        query = "SELECT 1 FROM model_text WHERE model_text MATCH ? LIMIT 1"
        return self.connection.execute(query, (f'"{word}" *',)).fetchone() is not None

    def as_listed(self, artifact: Artifact, source_uri: str) -> Artifact | None:
        """An artifact with what one ``metadata.json`` says of it; ``None`` where it is not listed there."""
        query = "SELECT listing FROM documents d JOIN sources s ON s.id = d.source_id WHERE s.uri = ? AND d.path = ?"
        row = self.connection.execute(query, (source_uri, str(artifact.key))).fetchone()
        if row is None:
            return None
        is_ready, checksum, position = json.loads(row[0])
        return replace(artifact, is_listed=True, is_ready=is_ready, checksum=checksum, position=position)

    def is_known_without(self, artifact: Artifact, lists: Sequence[str]) -> bool:
        """Whether anything but these lists (URIs) describes an artifact."""
        query = (
            "SELECT 1 FROM documents d JOIN sources s ON s.id = d.source_id WHERE d.key = ? AND d.repository = ?"
            f" AND s.uri NOT IN ({', '.join('?' * len(lists))})"
        )
        values = (str(artifact.key), artifact.repository, *lists)
        return self.connection.execute(query, values).fetchone() is not None

    def guides(self) -> list[tuple[Source, str, str]]:
        """Source, path and title of every task guide."""
        rows = self.connection.execute(
            "SELECT s.uri, s.kind, d.path, json_extract(d.facts, '$.title') FROM documents d"
            " JOIN sources s ON s.id = d.source_id WHERE d.key = ''"
            " AND json_extract(d.facts, '$.type') = 'guide' ORDER BY s.trust DESC, s.id DESC, d.path"
        )
        return [(_source(uri=uri, kind=kind), path, title) for uri, kind, path, title in rows]

    def names(self) -> list[str]:
        """Every name of a model, once."""
        return [row[0] for row in self.connection.execute("SELECT DISTINCT name FROM models")]

    def card_source(self, artifact: Artifact) -> tuple[Source, str] | None:
        """The source and path of the card that describes an artifact best and whose text is kept or packaged."""
        row = self.connection.execute(
            "SELECT s.uri, s.kind, d.path FROM documents d JOIN sources s ON s.id = d.source_id"
            " WHERE d.key = ? AND d.repository = ? AND s.kind IN ('cards', 'packaged')"
            " ORDER BY s.trust DESC, s.id DESC, d.preference DESC, d.path",
            (str(artifact.key), artifact.repository),
        ).fetchone()
        return (_source(uri=row[0], kind=row[1]), row[2]) if row else None

    def sources(self) -> list[Source]:
        """All sources, the least trusted first."""
        return self._sources("FROM sources ORDER BY trust, id")

    def recent_failure(self, uri: str, *, now_s: float, within_s: float) -> str:
        """Why a list could not be had when it was last asked for; "" where that is longer ago, or did not happen."""
        row = self.connection.execute(
            "SELECT reason FROM failures WHERE uri = ? AND failed_s BETWEEN ? AND ?", (uri, now_s - within_s, now_s)
        ).fetchone()
        return row[0] if row else ""

    def digests(self, source_uri: str) -> dict[str, bytes]:
        """The digest of every document of a source, by path."""
        rows = self.connection.execute(
            "SELECT path, digest FROM documents WHERE source_id = (SELECT id FROM sources WHERE uri = ?)", (source_uri,)
        )
        return dict(rows.fetchall())

    def diagnostics(self, source_uri: str) -> list[Diagnostic]:
        """What the reader of a source had trouble with."""
        rows = self.connection.execute(
            "SELECT diagnostics FROM documents WHERE diagnostics != ''"
            " AND source_id = (SELECT id FROM sources WHERE uri = ?) ORDER BY path",
            (source_uri,),
        )
        from modelhub.diagnostics import Diagnostic

        return [Diagnostic(**item) for row in rows for item in json.loads(row[0])]

    def _artifacts(self, where: str, value: str | int) -> list[Artifact]:
        rows = self.connection.execute(
            f"SELECT {_ARTIFACT_COLUMNS} FROM artifacts WHERE {where} ORDER BY position, id", (value,)
        )
        return [artifact_from_row(row) for row in rows]

    def _sources(self, selection: str) -> list[Source]:
        rows = self.connection.execute(f"SELECT {', '.join(_SOURCE_COLUMNS)} {selection}")
        return [_source(**dict(zip(_SOURCE_COLUMNS, row, strict=True))) for row in rows]

    # What is kept

    def kept_sources(self) -> list[Source]:
        """The sources from outside of which any text is kept, in the order in which they became known."""
        return self._sources(
            "FROM kept.sources WHERE EXISTS (SELECT 1 FROM kept.texts WHERE source = uri) ORDER BY rowid"
        )

    def kept_digests(self, source_uri: str) -> dict[str, bytes]:
        """The digest of every document of a source whose text is kept, by path."""
        rows = self.connection.execute(
            "SELECT d.path, d.digest FROM documents d JOIN kept.texts t ON t.source = ? AND t.path = d.path"
            " WHERE d.source_id = (SELECT id FROM sources WHERE uri = ?)",
            (source_uri, source_uri),
        )
        return dict(rows.fetchall())

    def kept_text(self, source_uri: str, path: str) -> str | None:
        """The text of a kept document."""
        self._attach_kept()
        row = self.connection.execute(
            "SELECT text FROM kept.texts WHERE source = ? AND path = ?", (source_uri, path)
        ).fetchone()
        return zlib.decompress(row[0]).decode(errors="replace") if row else None

    def kept_texts(self, source_uri: str) -> Iterator[tuple[str, str]]:
        """Path and text of every kept document of a source."""
        for path, text in self.connection.execute("SELECT path, text FROM kept.texts WHERE source = ?", (source_uri,)):
            yield path, zlib.decompress(text).decode(errors="replace")

    def _attach_kept(self, kept: Path | None = None) -> None:
        attached = {row[1] for row in self.connection.execute("PRAGMA database_list")}
        if "kept" not in attached:
            path = kept or self.path.with_name("kept.sqlite")
            with _sqlite_errors(path, "Remove the file, and bring again what it held (modelhub update)."):
                cursor = self.connection.cursor()  # a connection that reads would name its own file
                cursor.execute("ATTACH ? AS kept", (str(path),))
                cursor.executescript(_KEPT_SCHEMA)

    # Writing

    def _prepare_for_writing(self) -> None:
        self._attach_kept()
        for name in ("main", "kept"):
            self.connection.execute(f"PRAGMA {name}.cache_spill = {_UNSPILLED_PAGES}")

    @contextmanager
    def transaction(self, *, is_dry_run: bool = False) -> Iterator[None]:
        """One transaction: all of it, or nothing; nothing as well where it is a dry run.

        Raises:
            StorageError: The registry cannot be written.
        """
        with _sqlite_errors(self.path):
            self.connection.execute("BEGIN IMMEDIATE")
            try:
                yield
                self.connection.execute("ROLLBACK" if is_dry_run else "COMMIT")
            finally:
                if self.connection.in_transaction:
                    self.connection.execute("ROLLBACK")


def _column_of(field: str) -> tuple[str, str]:
    """Column and table of a field that can be filtered by."""
    return {"task": ("tasks", "artifacts"), "language": ("language", "models")}.get(field, (field, "artifacts"))


def artifact_from_row(row: Sequence[Any]) -> Artifact:
    """An artifact from the columns ``_ARTIFACT_COLUMNS``; where it is read is for the hub to say."""
    key, repository, engine, annotator, size_bytes, ready, checksum, position = row
    return Artifact(
        key=ArtifactKey.parse(key),
        repository=repository,
        engine=engine,
        annotator=annotator,
        size_bytes=size_bytes,
        is_ready=bool(ready),
        checksum=checksum,
        position=position,
    )


def journal_of(path: Path) -> Path:
    """The file in which SQLite notes how to take back what is being written."""
    return path.with_name(f"{path.name}-journal")


def _source(**values: Any) -> Source:
    from modelhub.documents import Source  # a search needs none

    return Source(**values)


class _ReadConnection(sqlite3.Connection):
    """Raises errors of ours, wherever it is asked: a damaged file shows itself only when its bad part is read."""

    path = Path()

    def execute(self, sql: str, parameters: Any = (), /) -> sqlite3.Cursor:
        with _sqlite_errors(self.path):
            return super().execute(sql, parameters)


def _connect(
    database: str, *, uri: bool = False, factory: type[sqlite3.Connection] = sqlite3.Connection
) -> sqlite3.Connection:
    return sqlite3.connect(
        database, uri=uri, timeout=_BUSY_TIMEOUT_S, isolation_level=None, factory=factory, check_same_thread=False
    )


@contextmanager
def _sqlite_errors(path: Path, remedy: str = "Or remove the file: it is built anew.") -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as exc:
        raise StorageError(
            f"The registry {path} cannot be used: {exc}.",
            hint=f"Check the folder, or set MODELHUB_HOME to another one. {remedy}",
        ) from exc
    except UnicodeEncodeError as exc:
        # A word of the command line whose bytes the locale's encoding does not know.
        raise UsageError(f"{exc.object!r} is no text.", hint="Check the terminal's encoding (LC_ALL).") from exc
