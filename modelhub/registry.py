"""The registry: our SQLite catalogue of artifacts and of what cards say of them.

Everything in it is derived. ``registry.sqlite`` is built from documents (lines of the snapshot, cards, lines of a
``metadata.json``); what came from outside the package, sources and texts, is kept in ``kept.sqlite`` beside it, so that
another schema version means a rebuild and never a migration (README, "Design").

One artifact that several documents describe is one row: what the most trusted source says comes first, gaps are filled
from the next. A model (repository, name, language) has one row of text for the full-text search; the number of both is
its rank (``searchable``).
"""

from __future__ import annotations

import json
import sqlite3
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from modelhub.artifacts import Artifact, ArtifactKey
from modelhub.errors import StorageError, UsageError
from modelhub.facts import ModelFacts, merge_facts
from modelhub.packing import unpack
from modelhub.schema import KEPT_SCHEMA, SCHEMA

if TYPE_CHECKING:
    from modelhub.diagnostics import Diagnostic
    from modelhub.documents import Source

_KEPT = "kept.sqlite"
_KEPT_REMEDY = "Remove the file, and bring again what it held (modelhub update)."
_BUSY_TIMEOUT_S = 60.0
# Pages of 4 KiB that a transaction may keep in memory: the first that is written early locks readers out until the end.
_UNSPILLED_PAGES = 65_536
# Room for the pages of a large registry while it is written; with 2 MB, the default, they are read again and again.
_ROOMY = "PRAGMA cache_size = -131072;"

# The documents that meet a condition, those that are believed first.
_TRUSTED_FIRST = (
    "FROM documents d JOIN sources s ON s.id = d.source_id WHERE {}"
    " ORDER BY s.trust DESC, s.id DESC, d.preference DESC, d.path"
)
# So many values may be bound in one statement of every SQLite.
_BOUND = 900
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
        with _storage_errors(path):
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
        with _storage_errors(path):
            connection = _connect(str(path))
            # The file is swapped in when it is whole; until then losing it to a crash costs nothing.
            connection.executescript(f"PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; {_ROOMY} {SCHEMA}")
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

    def of_models(self, numbers: Sequence[int]) -> dict[int, list[Artifact]]:
        """By model, all artifacts of models with these numbers, each in the order of their lists."""
        found: dict[int, list[Artifact]] = {number: [] for number in numbers}
        for some in batches(numbers):
            rows = self.connection.execute(
                f"SELECT model_id, {_ARTIFACT_COLUMNS} FROM artifacts WHERE model_id IN ({marks(some)})"
                " ORDER BY position, id",
                some,
            )
            for number, *row in rows:
                found[number].append(artifact_from_row(row))
        return found

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
        (facts,) = self.facts_of([artifact])
        return facts

    def facts_of(self, artifacts: Sequence[Artifact]) -> list[ModelFacts]:
        """What is known of each artifact's model, in their order; empty facts for an unknown artifact."""
        names = [(item.repository, str(item.key)) for item in artifacts]
        described = self.descriptions([key for _, key in names])
        with _storage_errors(self.path):
            facts_of = {
                name: merge_facts(ModelFacts.from_dict(unpack(facts)) for facts, _ in described[name])
                for name in dict.fromkeys(names)
                if name in described
            }
        return [facts_of.get(name, ModelFacts()) for name in names]

    def descriptions(self, keys: Sequence[str]) -> dict[tuple[str, str], list[tuple[bytes, str]]]:
        """By repository and key, the packed facts and the listing of every document, the most trusted first."""
        found: dict[tuple[str, str], list[tuple[bytes, str]]] = {}
        for some in batches(keys):
            for key, repository, facts, listing in self.connection.execute(
                f"SELECT d.key, d.repository, d.facts, d.listing {_TRUSTED_FIRST.format(f'd.key IN ({marks(some)})')}",
                some,
            ):
                found.setdefault((repository, key), []).append((facts, listing))
        return found

    def has_value(self, field: str, value: str) -> bool:
        """Whether some model has exactly this value."""
        query = "SELECT 1 FROM facets WHERE field = ? AND value = ?"
        return self.connection.execute(query, (field, value)).fetchone() is not None

    def values_of(self, field: str) -> list[str]:
        """Every value of one of ``searchable.FIELDS``, the most frequent first."""
        query = "SELECT value FROM facets WHERE field = ? ORDER BY models DESC, value"
        return [row[0] for row in self.connection.execute(query, (field,))]

    def lists(self) -> list[tuple[int, str, str]]:
        """Number, URI and repository of every ``metadata.json`` that was read."""
        return self.connection.execute("SELECT id, uri, repository FROM sources WHERE kind = 'metadata'").fetchall()

    def as_listed(self, artifact: Artifact, source_uri: str) -> Artifact | None:
        """An artifact with what one ``metadata.json`` says of it; ``None`` where it is not listed there."""
        query = "SELECT listing FROM documents d JOIN sources s ON s.id = d.source_id WHERE s.uri = ? AND d.path = ?"
        row = self.connection.execute(query, (source_uri, str(artifact.key))).fetchone()
        if row is None:
            return None
        is_ready, checksum, position = json.loads(row[0])
        return replace(artifact, is_listed=True, is_ready=is_ready, checksum=checksum, position=position)

    def is_known_without(self, artifact: Artifact, lists: Sequence[int]) -> bool:
        """Whether anything but the lists with these numbers describes an artifact."""
        query = f"SELECT 1 FROM documents WHERE key = ? AND repository = ? AND source_id NOT IN ({marks(lists)})"
        values = (str(artifact.key), artifact.repository, *lists)
        return self.connection.execute(query, values).fetchone() is not None

    def guides(self) -> list[tuple[Source, str, str]]:
        """Source, path and title of every task guide."""
        rows = self.connection.execute(
            "SELECT s.uri, s.kind, d.path, d.guide FROM documents d JOIN sources s ON s.id = d.source_id"
            " WHERE d.guide != '' ORDER BY s.trust DESC, s.id DESC, d.path"
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
        """The text of a kept document.

        Raises:
            StorageError: It is damaged.
        """
        self._attach_kept()
        row = self.connection.execute(
            "SELECT text FROM kept.texts WHERE source = ? AND path = ?", (source_uri, path)
        ).fetchone()
        with _storage_errors(self.path.with_name(_KEPT), _KEPT_REMEDY):
            return zlib.decompress(row[0]).decode(errors="replace") if row else None

    def kept_texts(self, source_uri: str) -> Iterator[tuple[str, str | None]]:
        """Path and text of every kept document of a source; ``None`` for a text that is damaged."""
        for path, text in self.connection.execute("SELECT path, text FROM kept.texts WHERE source = ?", (source_uri,)):
            try:
                yield path, zlib.decompress(text).decode(errors="replace")
            except zlib.error:
                yield path, None

    def _attach_kept(self, kept: Path | None = None) -> None:
        attached = {row[1] for row in self.connection.execute("PRAGMA database_list")}
        if "kept" not in attached:
            path = kept or self.path.with_name(_KEPT)
            with _storage_errors(path, _KEPT_REMEDY):
                cursor = self.connection.cursor()  # a connection that reads would name its own file
                cursor.execute("ATTACH ? AS kept", (str(path),))
                cursor.executescript(KEPT_SCHEMA)

    # Writing

    def _prepare_for_writing(self) -> None:
        self._attach_kept()
        self.connection.execute(_ROOMY)
        for name in ("main", "kept"):
            self.connection.execute(f"PRAGMA {name}.cache_spill = {_UNSPILLED_PAGES}")

    def optimize(self) -> None:
        """Merge what the full-text search has written in pieces; for a new registry, as it costs what there is."""
        self.connection.execute("INSERT INTO model_text(model_text) VALUES ('optimize')")

    @contextmanager
    def transaction(self, *, is_dry_run: bool = False) -> Iterator[None]:
        """One transaction: all of it, or nothing; nothing as well where it is a dry run.

        Raises:
            StorageError: The registry cannot be written.
        """
        with _storage_errors(self.path):
            self.connection.execute("BEGIN IMMEDIATE")
            try:
                yield
                self.connection.execute("ROLLBACK" if is_dry_run else "COMMIT")
            finally:
                if self.connection.in_transaction:
                    self.connection.execute("ROLLBACK")


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


def batches(values: Sequence[Any]) -> Iterator[Sequence[Any]]:
    """The values, as many at once as one statement takes."""
    return (values[start : start + _BOUND] for start in range(0, len(values), _BOUND))


def marks(values: Sequence[Any]) -> str:
    """The places of values in a statement."""
    return ", ".join("?" * len(values))


def seen_without(hidden: Sequence[int]) -> str:
    """The condition that not only hidden lists, whose numbers are to be bound, name an artifact ``a``."""
    documents = "SELECT 1 FROM documents d WHERE d.key = a.key AND d.repository = a.repository"
    return f"EXISTS ({documents} AND d.source_id NOT IN ({marks(hidden)}))"


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
        with _storage_errors(self.path):
            return super().execute(sql, parameters)


def _connect(
    database: str, *, uri: bool = False, factory: type[sqlite3.Connection] = sqlite3.Connection
) -> sqlite3.Connection:
    return sqlite3.connect(
        database, uri=uri, timeout=_BUSY_TIMEOUT_S, isolation_level=None, factory=factory, check_same_thread=False
    )


@contextmanager
def _storage_errors(path: Path, remedy: str = "Or remove the file: it is built anew.") -> Iterator[None]:
    try:
        yield
    except (sqlite3.Error, zlib.error) as exc:  # the file is damaged, or what it holds
        raise StorageError(
            f"The registry {path} cannot be used: {exc}.",
            hint=f"Check the folder, or set MODELHUB_HOME to another one. {remedy}",
        ) from exc
    except UnicodeEncodeError as exc:
        # A word of the command line whose bytes the locale's encoding does not know.
        raise UsageError(f"{exc.object!r} is no text.", hint="Check the terminal's encoding (LC_ALL).") from exc
