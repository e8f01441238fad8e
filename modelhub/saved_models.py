"""What Spark ML writes when it saves a model, as far as it tells a whole model from half of one.

A saved annotator is a folder with ``metadata/part-*`` (one line of JSON: class, uid, paramMap, sparkVersion). A saved
pipeline names its stages there and has each as a saved annotator in ``stages/{index}_{uid}``.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from modelhub.disk import open_regular
from modelhub.errors import ArchiveError
from modelhub.quick_dataclasses import dataclass

_MAX_LINE_BYTES = 4 << 20  # real ones have some hundred bytes, those of long pipelines some thousand


@dataclass(frozen=True, kw_only=True)
class SavedModel:
    """The metadata of a saved annotator or pipeline.

    Attributes:
        class_name: Full name of the class, such as ``com.johnsnowlabs.nlp.annotators.pos.perceptron.PerceptronModel``.
        stage_uids: Of a pipeline's stages, in order.
        engine: That of an annotator's weights; "" where nothing says it.
    """

    class_name: str
    stage_uids: tuple[str, ...] = ()
    engine: str = ""


def read_saved_model(folder: Path) -> SavedModel:
    """Read the metadata of a saved model and look whether a pipeline's stages are there.

    Raises:
        ArchiveError: The folder holds no saved model, or not all of one. The message stands alone; its paths are
            those below the folder.
    """
    return read_stages(folder)[""]


def read_stages(folder: Path) -> dict[str, SavedModel]:
    """Do the same, and return the model and all of its stages.

    Each stands under the place where it lies: "" for the model itself, or a path with a slash at its end.

    Raises:
        ArchiveError: As :func:`read_saved_model`.
    """
    return dict(_read(folder, ""))


def _read(root: Path, prefix: str) -> Iterator[tuple[str, SavedModel]]:
    """Read the model that lies below ``prefix``, and its stages."""
    saved = _read_metadata(root, prefix)
    yield prefix, saved
    # Spark pads the index according to the number of stages: 0_, 00_, ….
    stages = {path.name.partition("_")[2]: path.name for path in (root / prefix).glob("stages/*_*") if path.is_dir()}
    for uid in dict.fromkeys(saved.stage_uids):
        if uid not in stages:
            raise ArchiveError(f"The stage {uid} that {prefix}metadata names is missing.")
        yield from _read(root, f"{prefix}stages/{stages[uid]}/")


def _read_metadata(root: Path, prefix: str) -> SavedModel:
    folder = root / prefix
    parts = sorted((folder / "metadata").glob("part-*"))
    if not parts:
        inside = [path.parent.parent for path in folder.glob("*/metadata/part-*")]
        missing = f"There is no saved model in it: {prefix}metadata/part-* is missing"
        if len(inside) == 1 and not prefix:
            raise ArchiveError(
                f"{missing}; the model lies one level too deep, in {inside[0].name}/.",
                hint="Fetch the zip by hand: modelhub import FILE.zip leaves that level out.",
            )
        raise ArchiveError(f"{missing}.")
    shown = f"{prefix}metadata/{parts[0].name}"
    try:
        with os.fdopen(open_regular(parts[0]), "rb") as file:
            metadata = json.loads(file.readline(_MAX_LINE_BYTES))
    except OSError as exc:
        raise ArchiveError(f"{shown} cannot be read: {exc.strerror or exc}.") from exc
    except (ValueError, RecursionError) as exc:
        raise ArchiveError(f"{shown} is not the metadata of a saved model: its first line is no JSON.") from exc
    return _saved_model_of(metadata, shown)


def _saved_model_of(metadata: object, shown: str) -> SavedModel:
    params = metadata.get("paramMap") or {} if isinstance(metadata, dict) else {}
    uids = params.get("stageUids", []) if isinstance(params, dict) else None
    match metadata:
        case {"class": str(class_name), **others} if isinstance(uids, list) and all(
            isinstance(uid, str) for uid in uids
        ):
            return SavedModel(class_name=class_name, stage_uids=tuple(uids), engine=_engine_of(others))
    raise ArchiveError(f"{shown} is not the metadata of a saved model: it names no class, or no stages.")


def _engine_of(metadata: Mapping[Any, Any]) -> str:
    for params in (metadata.get("paramMap"), metadata.get("defaultParamMap")):
        engine = params.get("engine") if isinstance(params, dict) else None
        if isinstance(engine, str):
            return engine
    return ""
