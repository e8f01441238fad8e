"""What Spark ML writes when it saves a model, as far as it tells a whole model from half of one.

A saved annotator is a folder with ``metadata/part-*`` (one line of JSON: class, uid, paramMap, sparkVersion). A saved
pipeline names its stages there and has each as a saved annotator in ``stages/{index}_{uid}``.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from modelhub.errors import ArchiveError


@dataclass(frozen=True, kw_only=True)
class SavedModel:
    """The metadata of a saved annotator or pipeline.

    Attributes:
        class_name: Full name of the class, such as ``com.johnsnowlabs.nlp.annotators.pos.perceptron.PerceptronModel``.
        stage_uids: Of a pipeline's stages, in order.
    """

    class_name: str
    stage_uids: tuple[str, ...] = ()

    @property
    def short_class_name(self) -> str:
        """The class without its package."""
        return self.class_name.rpartition(".")[2]


def read_saved_model(folder: Path) -> SavedModel:
    """Read the metadata of a saved model and look whether a pipeline's stages are there.

    Raises:
        ArchiveError: The folder holds no saved model, or not all of one.
    """
    saved = _read_metadata(folder)
    stages = folder / "stages"
    for uid in saved.stage_uids:
        # Spark pads the index according to the number of stages: 0_, 00_, ….
        matches = [path for path in stages.glob("*_*") if path.name.partition("_")[2] == uid and path.is_dir()]
        if not matches:
            raise ArchiveError(f"{folder} lacks the stage {uid} that its metadata names.")
        read_saved_model(matches[0])
    return saved


def _read_metadata(folder: Path) -> SavedModel:
    parts = sorted((folder / "metadata").glob("part-*"))
    if not parts:
        inside = [path.parent.parent for path in folder.glob("*/metadata/part-*")]
        where = f"; the model lies one level too deep, in {inside[0].name}/" if len(inside) == 1 else ""
        raise ArchiveError(f"{folder} holds no saved model: metadata/part-* is missing{where}.")
    try:
        metadata: dict[str, Any] = json.loads(parts[0].read_text(encoding="utf-8").partition("\n")[0])
        class_name = metadata["class"]
        if not isinstance(class_name, str):
            raise TypeError(class_name)
        return SavedModel(
            class_name=class_name,
            stage_uids=tuple((metadata.get("paramMap") or {}).get("stageUids", ())),
        )
    except (OSError, ValueError, KeyError, AttributeError, TypeError) as exc:
        raise ArchiveError(f"{parts[0]} is not the metadata of a saved model ({exc!r}).") from exc
