"""The rows of a model, computed from its documents: artifacts, searchable text, labels, and the counts of words.

All that a registry says of one model (repository, name, language) is written anew if one of its artifacts has changed;
at best once in an update. What the search knows of it is gathered over all models of an update (``text_rows``).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from hashlib import blake2b
from typing import Any, NamedTuple

from modelhub.artifacts import ArtifactKey
from modelhub.descriptions import ARTIFACT_COLUMNS, Description, model_row
from modelhub.documents import Changes, Listing
from modelhub.facts import merge_facts
from modelhub.registry import Registry, batches
from modelhub.searchable import rank_end
from modelhub.text_rows import TextRows

_HELD = 1_000


class ModelName(NamedTuple):
    """What tells a model from all others."""

    repository: str
    name: str
    language: str


# By model and key, the artifacts of which a document came, changed or went; with what it says, if it came.
Touched = Mapping[ModelName, Mapping[str, Description | None]]
_ArtifactName = tuple[str, str]  # repository and key
_Descriptions = Mapping[_ArtifactName, Sequence[tuple[bytes, str]]]  # as the registry returns them


class _StoredArtifact(NamedTuple):
    """An artifact's row: its number, and a digest of what it was made from."""

    number: int
    digest: bytes


class _Described(NamedTuple):
    """One artifact as its documents describe it now.

    Attributes:
        description: What all documents say together.
        listing: What the most trusted list says, as JSON; "" where there is none.
    """

    description: Description
    listing: str

    @property
    def digest(self) -> bytes:
        """Equal for equal facts and listings, packed alike; in the usual case told without reading any JSON."""
        return blake2b(self.description.packed + self.listing.encode(), digest_size=12).digest()


class ModelRows:
    """Writes the rows of models; lives for one transaction, at whose end :meth:`finish` is to be called.

    Args:
        registry: Opened for writing.
    """

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._execute = registry.connection.execute
        self._executemany = registry.connection.executemany
        self._texts = TextRows(registry)
        self._free: dict[int, int] = {}
        (self._free_number,) = self._execute("SELECT coalesce(max(id) + 1, 1) FROM artifacts").fetchone()
        self._had_models = self._execute("SELECT 1 FROM models LIMIT 1").fetchone() is not None
        self._refreshed: set[ModelName] = set()
        self._before: dict[_ArtifactName, bytes | None] = {}
        self._after: dict[_ArtifactName, bytes | None] = {}
        self._models: list[tuple[Any, ...]] = []
        self._artifacts: list[tuple[Any, ...]] = []
        self._references: list[tuple[str, int]] = []

    def has_refreshed(self, model: ModelName) -> bool:
        """Whether the rows of a model were written in this transaction: to do so again costs all of its artifacts."""
        return model in self._refreshed

    def refresh(self, touched: Touched) -> None:
        """Make the rows of models say what their documents say now."""
        for models in batches(sorted(touched)):
            found = self._registry.descriptions([key for model in models for key in touched[model]])
            for model in models:
                self._refresh(model, touched[model], found)

    def finish(self) -> Changes:
        """Write what was gathered over all models, and tell what became of their artifacts."""
        self._write_new()
        self._texts.finish()
        fates = [(key, before, self._after[repository, key]) for (repository, key), before in self._before.items()]
        return Changes(
            added=tuple(sorted(key for key, before, after in fates if after and not before)),
            changed=tuple(sorted(key for key, before, after in fates if after and before and after != before)),
            removed=tuple(sorted(key for key, before, after in fates if before and not after)),
            total=self._registry.total(),
        )

    def _refresh(self, model: ModelName, touched: Mapping[str, Description | None], found: _Descriptions) -> None:
        model_id = self._number_of(model)
        stored = {} if model_id is None else self._stored(model_id)
        described = self._described(model, touched, found)
        before = {key: stored[key].digest if key in stored else None for key in touched}
        after = {key: described[key].digest if key in described else None for key in touched}
        for key in touched:
            self._before.setdefault((model.repository, key), before[key])
            self._after[model.repository, key] = after[key]
        if before == after:
            return
        self._refreshed.add(model)
        if others := dict.fromkeys(stored.keys() - touched.keys()):
            described |= self._described(model, others, self._registry.descriptions(list(others)))
        if model_id is not None:
            self._texts.forget(model_id, self._stored_facets(model, model_id))
        for key in stored.keys() - described.keys():
            self._delete_artifact(stored[key].number)
        if described:
            artifacts = sorted(described.items())
            model_id = self._write_model(model, model_id, [artifact.description for _, artifact in artifacts])
            for key, artifact in artifacts:
                self._write_artifact(artifact, model, model_id, stored.get(key))
        else:
            self._execute("DELETE FROM models WHERE id = ?", (model_id,))

    def _write_new(self) -> None:
        """Write the new rows, all at once: each by itself would take twice as long."""
        self._executemany("INSERT INTO models VALUES (?, ?, ?, ?, ?, ?, ?)", self._models)
        self._executemany(_INSERT_ARTIFACT, self._artifacts)
        self._executemany("INSERT OR IGNORE INTO nlu VALUES (?, ?)", self._references)
        self._models, self._artifacts, self._references = [], [], []

    def _number_of(self, model: ModelName) -> int | None:
        if model in self._refreshed:
            self._write_new()
        elif not self._had_models:
            return None
        query = "SELECT id FROM models WHERE name = ? AND language = ? AND repository = ?"
        row = self._execute(query, (model.name, model.language, model.repository)).fetchone()
        return row[0] if row else None

    def _stored(self, model_id: int) -> dict[str, _StoredArtifact]:
        rows = self._execute("SELECT key, id, digest FROM artifacts WHERE model_id = ?", (model_id,))
        return {key: _StoredArtifact(number, digest) for key, number, digest in rows}

    def _described(
        self, model: ModelName, said: Mapping[str, Description | None], found: _Descriptions
    ) -> dict[str, _Described]:
        """Those of the artifacts that any document describes."""
        documents = {key: found.get((model.repository, key)) for key in said}
        return {key: _join(key, said[key], known) for key, known in documents.items() if known}

    # Models

    def _write_model(self, model: ModelName, old_id: int | None, described: Sequence[Description]) -> int:
        """Write the row of a model and its text; its number changes where its rank does."""
        row = described[0].rows.model if len(described) == 1 else model_row(model.name, model.language, described)
        if old_id is not None and row.rank_base <= old_id < rank_end(row.rank_base):
            model_id = old_id
            self._execute(
                "UPDATE models SET newest = ?, size_bytes = ?, f1 = ? WHERE id = ?", (*row.sorted_by, model_id)
            )
        else:
            model_id = self._free_id(row.rank_base)
            self._models.append((model_id, model.name, model.language, model.repository, *row.sorted_by))
            if old_id is not None:
                self._execute("DELETE FROM models WHERE id = ?", (old_id,))
                self._execute("UPDATE artifacts SET model_id = ? WHERE model_id = ?", (model_id, old_id))
        self._texts.add(model_id, row)
        return model_id

    def _free_id(self, base: int) -> int:
        """A number of this rank that no model has."""
        if base not in self._free:
            query = "SELECT coalesce(max(id) + 1, ?) FROM models WHERE id >= ? AND id < ?"
            (self._free[base],) = self._execute(query, (base, base, rank_end(base))).fetchone()
        self._free[base] += 1
        return self._free[base] - 1

    def _stored_facets(self, model: ModelName, model_id: int) -> set[tuple[str, str]]:
        fields = ("product", "annotator", "engine", "license")
        rows = self._execute(f"SELECT tasks, {', '.join(fields)} FROM artifacts WHERE model_id = ?", (model_id,))
        facets = {("language", model.language)}
        for tasks, *values in rows:
            facets.update(("task", task) for task in tasks.split("|"))
            facets.update(zip(fields, values, strict=True))
        return {(field, value) for field, value in facets if value}

    # Artifacts

    def _write_artifact(
        self, artifact: _Described, model: ModelName, model_id: int, stored: _StoredArtifact | None
    ) -> None:
        digest = artifact.digest
        if stored and stored.digest == digest:
            return
        listing = Listing(*json.loads(artifact.listing)) if artifact.listing else Listing()
        rows = artifact.description.rows
        values = (digest, int(listing.is_ready), listing.checksum, listing.position, *rows.artifact)
        if stored:
            number = stored.number
            self._execute(_UPDATE_ARTIFACT, (*values, number))
            self._execute("DELETE FROM nlu WHERE artifact_id = ?", (number,))
        else:
            key = artifact.description.key
            number = self._free_number
            self._free_number += 1
            named = (number, model_id, str(key), model.repository, key.lib_version, key.spark_version)
            self._artifacts.append((*named, *values))
        self._references += [(text, number) for text in rows.nlu]
        if len(self._artifacts) >= _HELD:
            self._write_new()

    def _delete_artifact(self, number: int) -> None:
        self._execute("DELETE FROM nlu WHERE artifact_id = ?", (number,))
        self._execute("DELETE FROM artifacts WHERE id = ?", (number,))


def _join(key: str, said: Description | None, documents: Sequence[tuple[bytes, str]]) -> _Described:
    """What several documents say of one artifact, the most trusted first; what one has just said is not read again."""
    listing = next((listing for _, listing in documents if listing), "")
    packed = list(dict.fromkeys(packed for packed, _ in documents))
    if said and packed == [said.packed]:
        return _Described(said, listing)
    each = [Description(ArtifactKey.parse(key), facts) for facts in packed]
    if len(each) == 1:
        return _Described(each[0], listing)
    return _Described(Description.of(each[0].key, merge_facts(item.facts for item in each)), listing)


_COLUMNS = ("digest", "ready", "checksum", "position", *ARTIFACT_COLUMNS)

_INSERT_ARTIFACT = (
    f"INSERT INTO artifacts(id, model_id, key, repository, lib_version, spark_version, {', '.join(_COLUMNS)})"
    f" VALUES ({', '.join('?' * (6 + len(_COLUMNS)))})"
)
_UPDATE_ARTIFACT = f"UPDATE artifacts SET {', '.join(f'{name} = ?' for name in _COLUMNS)} WHERE id = ?"
