"""Lines of ``metadata.json`` for the differential test: of all real artifacts, and sets that hit the corners."""

from __future__ import annotations

import json
import re
import tarfile
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from random import Random
from typing import Any

from jar_resolver import Case, Question

from modelhub.artifacts import ArtifactKey, ArtifactLocation

URI = re.compile(r"(?:s3://|https://s3\.amazonaws\.com/)[^\s)\"'\]<>{}]+?\.zip")
ABSENT = object()
EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)

# By the jar that is asked: each has some that its runtimes can use, and some that they cannot.
LIBRARIES = {
    "3.2.1": "2.4 2.4.0 2.6.2 2.6.10 2.7.1 2.7.5 2.40.0 3 3.0 3.0.1 3.0.10 3.1.3 3.2.1 1 0.1 4.0.0",
    "3.4.4": "2.4 2.4.5 2.40.0 3 3.0.0 3.1.1 3.1.10 3.1.3 3.3 3.3.0 3.3.2 3.4.0 3.14.0 1 0.1 4.0.0",
    "5.5.3": "4 4.0.0 4.2 4.2.1 4.2.2 4.2.10 4.4.1 4.4.4 4.4.10 3.14.0 2.4.5 5.5 5.5.3 6.0.0 10.0.0 1",
}
LONG_LIBRARIES = "3.5.04.2 2.4.0.1"
SPARKS = "2.4 2.4 2.4 3.0 3.0 3.0 3.2 3.4 2.4.4 3.1.1 3.5.0 4.0"
# Different as lists of numbers, one number: the order is none then, and the JVM's sort decides.
TIED_SPARKS = "2 2.0 3 3.0 3.1 3.10 3.0.0 2.4.0 2.40 3.1.0.1"
# What runs: by the jar that knows its order.
LIBRARIES_THAT_RUN = {
    "3.2.1": "2.7.5 2.6.5 3.0.3 3.1.3 3.2.1 3.2.3",
    "3.4.4": "3.3.0 3.3.2 3.3.4 3.4.0 3.4.4",
    "5.5.3": "4.0.0 4.2.2 4.2.10 4.4.10 5.0.2 5.5.3 6.1.5 7.0.0",
}
SPARKS_THAT_RUN = "2.4.4 2.4.8 3.0.2 3.1.2 3.2.0 3.3.2 3.4.4 3.5.1 4.0.0"
# As vendors write them; the older two releases read 3.5.0-amzn-1 as 3.5.
SPARKS_OF_VENDORS = {
    "3.2.1": "3.1.0.1 3.1.1.3.1.7270.0-253",
    "3.4.4": "3.1.0.1 3.1.1.3.1.7270.0-253",
    "5.5.3": "3.5.0-amzn-1 3.3.2.3.3.7190.0-91 3.1.0.1 4.0.0-preview1 3.5.1.5.3",
}


def corpus_keys(corpus: Path) -> list[tuple[str, ArtifactKey]]:
    """Repository and key of every artifact that a card of the corpus links, in the order of the files."""
    found: dict[tuple[str, ArtifactKey], None] = {}
    for archive in ("hub-2024-09.tar.xz", "odd-cards.tar.xz"):
        with tarfile.open(corpus / archive) as pages:
            for page in pages:
                content = pages.extractfile(page) if page.name.endswith(".md") else None
                for uri in URI.findall(content.read().decode("utf-8", "replace") if content else ""):
                    location = ArtifactLocation.parse(uri)
                    found[location.repository, location.key] = None
    return list(found)


def line_of(key: ArtifactKey, **fields: Any) -> str:
    """The line of an artifact, as Spark NLP writes it; ``fields`` come in place of its own, or take them away."""
    built = EPOCH + timedelta(milliseconds=key.built_ms)
    line = {
        "name": key.name,
        "language": key.language or None,
        "libVersion": parts_of(key.lib_version),
        "sparkVersion": parts_of(key.spark_version),
        "readyToUse": True,
        "time": f"{built:%Y-%m-%dT%H:%M:%S}.{key.built_ms % 1000:03d}Z",
        "isZipped": True,
        "category": "ml",
        "checksum": "",
    }
    return json.dumps({name: value for name, value in (line | fields).items() if value is not ABSENT})


def parts_of(version: str) -> dict[str, list[int]]:
    return {"parts": [int(part) for part in version.split(".")]}


def generated_cases(release: str, count: int, *, seed: int) -> Iterator[Case]:
    """Sets of candidates with one question each, for the jar of a release."""
    random = Random(f"{release} {seed}")
    for _ in range(count):
        yield Case(lines=_lines(random, release), questions=[_question(random, release)])


def _lines(random: Random, release: str) -> list[str]:
    size = random.choices((1, 2, 3, 4, 5, 6, 7, 12, 40), (1, 6, 6, 3, 3, 2, 2, 1, 0.3))[0]
    # From 32 candidates on the JVM merges runs, and may find that the order of such a set is none.
    has_ties = size < 32
    libraries = LIBRARIES[release].split() + (LONG_LIBRARIES.split() if random.random() < 0.1 else [])
    sparks = SPARKS.split() + (TIED_SPARKS.split() if has_ties and random.random() < 0.4 else [])
    libraries, sparks = _few(random, libraries), _few(random, sparks)
    times = [1_600_000_000_000 + random.randrange(5) * 777 for _ in range(size)]
    if not has_ties:
        times = random.sample(range(1_600_000_000_000, 1_600_000_009_000), size)
    return [_line(random, release, random.choice(libraries), random.choice(sparks), millis) for millis in times]


def _few(random: Random, versions: list[str]) -> list[str]:
    """Some of them, so that sets have equal ones."""
    return random.sample(versions, random.choice((1, 2, 4, 9)))


def _line(random: Random, release: str, library: str, spark: str, millis: int) -> str:
    language = random.choice(("en", "en", "en", "en", "de", ""))
    key = ArtifactKey(random.choice("mmmmmmn"), language, library, spark, str(millis))
    fields: dict[str, Any] = {"readyToUse": random.random() < 0.85}
    if random.random() < 0.3:
        fields["engine"] = random.choice(("tensorflow", "onnx", "openvino", None))
    if not language and random.random() < 0.5:
        fields["language"] = ABSENT
    if release != "3.2.1" and random.random() < 0.03:  # which takes even those; we cannot: they have no key
        fields[random.choice(("libVersion", "sparkVersion"))] = random.choice((None, ABSENT))
    return line_of(key, **fields)


def _question(random: Random, release: str) -> Question:
    sparks = SPARKS_OF_VENDORS[release] if random.random() < 0.1 else SPARKS_THAT_RUN
    return Question(
        name="m",
        language=random.choice(("en", "en", "en", "de")),
        sparknlp=random.choice(LIBRARIES_THAT_RUN[release].split()),
        spark=random.choice(sparks.split()),
    )
