"""What a user types to name a model: understood, or a usage error; written out and read again it means the same."""

from __future__ import annotations

import random
import re

from fuzz.fuzzing import mutated

from modelhub.artifacts import ArtifactKey, ArtifactLocation
from modelhub.errors import UsageError
from modelhub.references import Reference, parse_words

SEEDS = [
    b"ner_dl", b"ner_dl:en", b"ner_dl:en@2.4.3", b"ner_dl en", b"clinical/models/ner_jsl:en", b"@user/ner_bsc:ca",
    b"name:", b"bert_pos_4L_weight_decay_en_4.0.0_3.0_1657118162458", b"public/models/a__4.0.0_3.0_1657118162458.zip",
    b"s3://auxdata.johnsnowlabs.com/public/models/a_en_4.0.0_3.0_1657118162458.zip",
    b"https://s3.amazonaws.com/auxdata.johnsnowlabs.com/public/models/a_en_4.0.0_3.0_1657118162458.zip",
    b"https://example.org/m/a_en_4.0.0_3.0_1657118162458.zip?X-Amz-Signature=5ec4e7", b"s3://bucket/prefix/name:en",
    b"https://sparknlp.org/2022/07/06/bert_pos_4L_weight_decay_en_3_0.html", b"en.classify.token_bert.large conll03",
    b"https://huggingface.co/kktoto/4L_weight_decay", b"file:///models/a_en_4.0.0_3.0_1657118162458.zip",
]  # fmt: skip
WORDS = [
    b"/",
    b"..",
    b"@",
    b":",
    b"_",
    b"%2e%2e",
    b"%2F",
    b"%00",
    b"://",
    b"[",
    b"]",
    b"?",
    b"#",
    b" ",
    b"\xe2\x80\xae",
    b"\0",
    b"9" * 40,
]

ORDINARY = re.compile(r"((public|clinical)/models/|@[a-z]+/)?[a-z][a-z0-9_]*(:[a-z]*)?(@[0-9.]+)?")


def make(chance: random.Random) -> bytes:
    """A mutated reference."""
    return mutated(chance, SEEDS, WORDS)[:2000]


def check(data: bytes) -> bool:
    """Read a reference, a key and a location in every way in which a command does."""
    text = data.decode(errors="surrogateescape")  # as Python gives us the words of a command
    for read in (ArtifactLocation.parse, lambda words: parse_words(words.split())):
        try:
            read(text)
        except UsageError:
            continue
    try:
        reference = Reference.parse(text)
    except UsageError:
        return False
    if reference.key:
        assert ArtifactKey.parse(str(reference.key)) == reference.key
        assert not {"/", "\\", "\0"} & set(str(reference.key))
    assert ".." not in reference.repository.split("/")
    if reference.uri:
        assert "?" not in str(reference)  # behind it may stand a signature
    elif is_canonical(reference):
        assert Reference.parse(str(reference)) == reference, str(reference)
    return True


def is_canonical(reference: Reference) -> bool:
    """Whether its text must mean the same again: what is no name may be spelled with anything."""
    return bool(ORDINARY.fullmatch(str(reference)))
