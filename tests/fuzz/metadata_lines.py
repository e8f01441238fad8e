"""Lines of ``metadata.json``: a bad one is a diagnostic, a good one has a key that can name a folder."""

from __future__ import annotations

import json
import random

from fuzz.fuzzing import mutated
from hub_server import HubFolder

from modelhub.artifacts import ArtifactKey
from modelhub.documents import Document
from modelhub.errors import NetworkError
from modelhub.ingest import check_is_list, read_metadata

KEYS = ["tiny_pos_en_4.0.0_3.0_1657118162458", "b_c__xx_5.5.0_3.4_1727118162458", "n__2.4_2.4_1580000000000"]
SEEDS = [
    "\n".join(json.dumps(HubFolder.line(key, b"") | more) for key in KEYS).encode() for more in ({}, {"engine": "onnx"})
]
WORDS = [
    b"null", b"true", b"1e999", b"NaN", b"-1", b"9" * 5000, b"[" * 3000, b'{"a":' * 3000, b'"../../x"', b'"/etc"',
    b'"\\u0000"', b'"\\ud800"', b'"\\u202e"', b'{"parts": [1, "2", null]}', b'{"parts": []}', b'"parts"', b"\n",
    b"\xef\xbb\xbf", b"\xff", b'"0001-01-01T00:00:00Z"', b'"2022-07-06T14:36:02.458+23:59"', b"\\", b'"', b"{", b"}",
    b",", b":",
]  # fmt: skip


def make(chance: random.Random) -> bytes:
    """Mutated lines, or lines of which a value is another."""
    if chance.random() < 0.7:
        return mutated(chance, SEEDS, WORDS)
    line = HubFolder.line(chance.choice(KEYS), b"")
    line[chance.choice(list(line))] = chance.choice(
        [None, True, -1, 1e308, "", "..", "a/b", "CON", "x" * 300, [], {}, {"parts": [10**30]}, {"parts": [1.5, True]}]
    )
    return json.dumps(line).encode()


def check(data: bytes) -> bool:
    """Read the lines as an update does."""
    text = data.decode(errors="replace")
    found = [item for item in read_metadata(text, "public/models", source="list") if isinstance(item, Document)]
    keys = [item.key for item in found if item.key]
    try:
        check_is_list(text, source="list")
        assert keys
    except NetworkError:
        assert not keys
    for key in keys:
        assert ArtifactKey.parse(str(key)) == key
        assert str(key).isprintable() or not any(sign < " " for sign in str(key))
        assert not {"/", "\\", "\0", "\n"} & set(str(key))
        assert str(key) not in (".", "..")
    assert all(item.key or item.diagnostics for item in found)
    return bool(keys)
