"""The tables of a registry, in SQL.

``models.id`` and the row of ``model_text`` are a model's rank (``searchable``); ``facts`` are packed (``packing``);
``endings`` has the words of ``vocabulary`` backwards, for typing errors.
"""

from __future__ import annotations

# To be raised with whatever changes what stands in the rows: another version is built anew.
SCHEMA_VERSION = 6

SCHEMA = """
CREATE TABLE meta(name TEXT PRIMARY KEY, value) WITHOUT ROWID;
CREATE TABLE sources(
    id INTEGER PRIMARY KEY, uri TEXT NOT NULL UNIQUE, kind TEXT NOT NULL, trust INTEGER NOT NULL,
    repository TEXT NOT NULL, validator TEXT NOT NULL, checked_s REAL NOT NULL);
CREATE TABLE failures(uri TEXT PRIMARY KEY, reason TEXT NOT NULL, failed_s REAL NOT NULL) WITHOUT ROWID;
CREATE TABLE models(
    id INTEGER PRIMARY KEY, name TEXT NOT NULL, language TEXT NOT NULL, repository TEXT NOT NULL,
    newest TEXT NOT NULL, size_bytes INTEGER, f1 REAL, UNIQUE(name, language, repository));
CREATE INDEX models_name ON models(name COLLATE NOCASE);
CREATE TABLE artifacts(
    id INTEGER PRIMARY KEY, model_id INTEGER NOT NULL, key TEXT NOT NULL, repository TEXT NOT NULL,
    lib_version TEXT NOT NULL, spark_version TEXT NOT NULL, digest BLOB NOT NULL,
    ready INTEGER NOT NULL, checksum TEXT NOT NULL, position INTEGER NOT NULL, engine TEXT NOT NULL,
    annotator TEXT NOT NULL, size_bytes INTEGER, product TEXT NOT NULL, license TEXT NOT NULL, date TEXT NOT NULL,
    tasks TEXT NOT NULL, page TEXT NOT NULL, origin TEXT NOT NULL, UNIQUE(key, repository));
CREATE INDEX artifacts_model ON artifacts(model_id);
CREATE INDEX artifacts_page ON artifacts(page) WHERE page != '';
CREATE INDEX artifacts_origin ON artifacts(origin COLLATE NOCASE) WHERE origin != '';
CREATE TABLE documents(
    source_id INTEGER NOT NULL, path TEXT NOT NULL, digest BLOB NOT NULL, key TEXT NOT NULL,
    repository TEXT NOT NULL, preference INTEGER NOT NULL, facts BLOB NOT NULL, listing TEXT NOT NULL,
    guide TEXT NOT NULL, diagnostics TEXT NOT NULL, UNIQUE(source_id, path));
CREATE INDEX documents_key ON documents(key);
CREATE INDEX documents_guide ON documents(guide) WHERE guide != '';
CREATE TABLE nlu(reference TEXT NOT NULL, artifact_id INTEGER NOT NULL, PRIMARY KEY(reference, artifact_id))
    WITHOUT ROWID;
CREATE INDEX nlu_artifact ON nlu(artifact_id);
CREATE TABLE labels(label TEXT NOT NULL COLLATE NOCASE, model_id INTEGER NOT NULL, PRIMARY KEY(label, model_id))
    WITHOUT ROWID;
CREATE INDEX labels_model ON labels(model_id);
CREATE TABLE facets(field TEXT NOT NULL, value TEXT NOT NULL, models INTEGER NOT NULL, PRIMARY KEY(field, value))
    WITHOUT ROWID;
CREATE TABLE vocabulary(word TEXT PRIMARY KEY, models INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE endings(ending TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE VIRTUAL TABLE model_text USING fts5(
    name, title, tasks, tags, labels, other, parts, facets, columnsize = 0, tokenize = 'unicode61 remove_diacritics 0');
"""
# Nothing can build this file again: every release must read the columns that an earlier one has written.
KEPT_SCHEMA = """
CREATE TABLE IF NOT EXISTS kept.sources(
    uri TEXT NOT NULL UNIQUE, kind TEXT NOT NULL, repository TEXT NOT NULL, validator TEXT NOT NULL,
    checked_s REAL NOT NULL);
CREATE TABLE IF NOT EXISTS kept.texts(
    source TEXT NOT NULL, path TEXT NOT NULL, text BLOB NOT NULL, UNIQUE(source, path));
"""
