"""The models that ``pull.py`` downloads: saved models of four sizes, zipped, made from nothing but their names.

Weights are what a model is made of and what a download feels: 32-bit floats that deflate shrinks by 7 %. Every byte
comes from a generator that is seeded with the member's name, so each machine makes the same models.
"""

from __future__ import annotations

import hashlib
import json
import random
import statistics
import struct
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

REPOSITORY = "public/models"
_BUILT_S = 1_700_000_000  # another time for another recipe: what lies in the work folder is then made anew
_NLP = "com.johnsnowlabs.nlp"
_PIECE_BYTES = 1 << 20


@dataclass(frozen=True, kw_only=True)
class Model:
    """One model to pull.

    Attributes:
        letter: What the tables call it.
        name: Its name on the hub; the language is ``en``.
        members: What its zip holds: the content of a file, or how many bytes of weights it has.
    """

    letter: str
    name: str
    members: Mapping[str, bytes | int]

    @property
    def key(self) -> str:
        """Name of its zip, and of its folder in the cache."""
        return f"{self.name}_en_3.0.0_3.0_{_BUILT_S}000"

    def archive_in(self, hub: Path) -> Path:
        """Where its zip lies in the folder of a hub."""
        return hub / REPOSITORY / f"{self.key}.zip"


def make_archives(models: Sequence[Model], hub: Path, *, lists_md5: bool) -> None:
    """Fill the folder of a hub; a zip that is already there stays.

    Args:
        models: What the hub shall offer.
        hub: Its folder.
        lists_md5: Whether ``metadata.json`` has the MD5 of each zip, which some of the real lines have.
    """
    (hub / REPOSITORY).mkdir(parents=True, exist_ok=True)
    missing = [model for model in models if not model.archive_in(hub).is_file()]
    with ProcessPoolExecutor() as processes:
        list(processes.map(_make_archive, missing, [model.archive_in(hub) for model in missing]))
    lines = [_line(model, _md5(model.archive_in(hub)) if lists_md5 else "") for model in models]
    (hub / REPOSITORY / "metadata.json").write_text("".join(lines), encoding="utf-8")


def difference(archive: Path, folder: Path) -> str:
    """What is wrong with an unpacked archive: a sentence, or "" where its files are there and no other."""
    with zipfile.ZipFile(archive) as source:
        expected = {member.filename: (member.file_size, member.CRC) for member in source.infolist()}
    found = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
    if odd := expected.keys() ^ found.keys():
        return f"{len(odd)} files are missing or too many, {min(odd)} among them"
    altered = [name for name, path in found.items() if (path.stat().st_size, _crc32(path)) != expected[name]]
    return f"{min(altered)} has not the right content" if altered else ""


def weights(name: str, size_bytes: int) -> Iterator[bytes]:
    """Floats of a normal distribution, in pieces: sign and exponent are, the mantissa is any."""
    source = random.Random(name)
    for start in range(0, size_bytes, _PIECE_BYTES):
        piece = bytearray(source.randbytes(min(_PIECE_BYTES, size_bytes - start)))
        piece[3::4] = piece[3::4].translate(_HIGH_BYTES)
        yield bytes(piece)


def _high_bytes() -> bytes:
    """Of 256 equally likely weights, the byte that holds sign and exponent."""
    normal = statistics.NormalDist(0, 0.05)
    return bytes(struct.pack("<f", normal.inv_cdf((index + 0.5) / 256))[3] for index in range(256))


def _make_archive(model: Model, path: Path) -> None:
    unfinished = path.with_suffix(".part")
    with zipfile.ZipFile(unfinished, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in model.members.items():
            member = zipfile.ZipInfo(name)  # bears the first day of 1980, and no clock's time
            member.compress_type = zipfile.ZIP_DEFLATED
            with archive.open(member, "w") as file:
                for piece in [content] if isinstance(content, bytes) else weights(name, content):
                    file.write(piece)
    unfinished.replace(path)


def _line(model: Model, md5: str) -> str:
    """The model's line in ``metadata.json``."""
    line: dict[str, Any] = {"name": model.name, "language": "en"}
    line |= {"libVersion": {"parts": [3, 0, 0]}, "sparkVersion": {"parts": [3, 0]}, "readyToUse": True}
    line |= {"time": f"{datetime.fromtimestamp(_BUILT_S, timezone.utc):%Y-%m-%dT%H:%M:%S}.000Z", "isZipped": True}
    return json.dumps(line | {"category": "ml", "checksum": md5.upper()}) + "\n"


def _md5(path: Path) -> str:
    digest = hashlib.md5(usedforsecurity=False)
    for piece in _pieces(path):
        digest.update(piece)
    return digest.hexdigest()


def _crc32(path: Path) -> int:
    crc = 0
    for piece in _pieces(path):
        crc = zlib.crc32(piece, crc)
    return crc


def _pieces(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while piece := file.read(_PIECE_BYTES):
            yield piece


def _annotator(class_name: str, uid: str, weight_bytes: Mapping[str, int], folder: str = "") -> dict[str, bytes | int]:
    """The members of a saved annotator."""
    metadata = _metadata(f"{_NLP}.{class_name}", uid, {})
    sizes = {f"{folder}{name}": size_bytes for name, size_bytes in weight_bytes.items()}
    return {f"{folder}metadata/part-00000": metadata, f"{folder}metadata/_SUCCESS": b""} | sizes


def _pipeline(stage_bytes: Mapping[str, int]) -> dict[str, bytes | int]:
    """The members of a saved pipeline: of each stage its class and the size of its weights, 0 for none."""
    uids = [f"{class_name.rpartition('.')[2]}_{index:012x}" for index, class_name in enumerate(stage_bytes)]
    metadata = _metadata("org.apache.spark.ml.PipelineModel", "RECURSIVE_PIPELINE_0", {"stageUids": uids})
    members: dict[str, bytes | int] = {"metadata/part-00000": metadata, "metadata/_SUCCESS": b""}
    for index, (uid, (class_name, size_bytes)) in enumerate(zip(uids, stage_bytes.items(), strict=True)):
        own = {"fields/weights/part-00000": size_bytes} if size_bytes else {}
        members |= _annotator(class_name, uid, own, f"stages/{index}_{uid}/")
    return members


def _metadata(class_name: str, uid: str, params: Mapping[str, Any]) -> bytes:
    saved = {"class": class_name, "timestamp": _BUILT_S * 1000, "sparkVersion": "3.0.2", "uid": uid, "paramMap": params}
    return json.dumps(saved).encode() + b"\n"


_HIGH_BYTES = _high_bytes()
_STAGES = {
    "DocumentAssembler": 0,
    "annotators.sbd.pragmatic.SentenceDetector": 300_000,
    "annotators.TokenizerModel": 100_000,
    "annotators.pos.perceptron.PerceptronModel": 6_600_000,
    "annotators.LemmatizerModel": 20_000_000,
    "annotators.parser.dep.DependencyParserModel": 92_000_000,
    "embeddings.WordEmbeddingsModel": 150_000_000,
    "annotators.ner.dl.NerDLModel": 130_000_000,
}
_PARTS = {f"fields/features/part-{index:05}": 70_400 for index in range(23)}
_SMALL = _annotator("annotators.pos.perceptron.PerceptronModel", "POS_0", _PARTS)
_MIDDLE = _annotator("annotators.classifier.dl.ClassifierDLModel", "CLASSIFIER_DL_0", {"classifierdl": 46_400_000})
_LARGE = _annotator("embeddings.BertEmbeddings", "BERT_EMBEDDINGS_0", {"bert_onnx": 430_000_000})
MODELS = (
    Model(letter="S", name="benchmark_small", members=_SMALL),
    Model(letter="M", name="benchmark_middle", members=_MIDDLE),
    Model(letter="L", name="benchmark_large", members=_LARGE),
    Model(letter="P", name="benchmark_pipeline", members=_pipeline(_STAGES)),
)
