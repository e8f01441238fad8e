"""What a saved model lacks, told from its own structure: from the names of its files and its stages' metadata.

For entries that somebody else wrote, who left no list of their files. Nobody can see so that the last of several files
is missing, so nothing that is said here is all that is missing.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping

from modelhub.weights import needs_of

_PART = re.compile(r"part-(\d{5})")
_SUCCESS = "_SUCCESS"
# What lies at the top of a saved model: one of these is the beginning of one.
_BEGINNINGS = ("metadata", "fields", "stages", "storage")
_WEIGHTS = re.compile(r".*(_(tensorflow|onnx|openvino|spp)|\.onnx|\.gguf)")


def begins_model(paths: Collection[str]) -> bool:
    """Whether the files of a folder, or their absence, may be what an interrupted unpack of a saved model left."""
    tops = {path.partition("/")[0] for path in paths}
    return not tops or not tops.isdisjoint(_BEGINNINGS) or any(map(_WEIGHTS.fullmatch, tops))


def missing_parts(
    stages: Mapping[str, tuple[str, str]], paths: Collection[str], empty_folders: Collection[str] = ()
) -> Iterator[str]:
    """What is missing, a sentence each.

    Args:
        stages: Class and engine of the model, and of each of its stages, by where it lies: "" or a path that ends in a
            slash.
        paths: All files below the model.
        empty_folders: All folders in which nothing is.
    """
    folders = _by_folder(paths)
    for prefix, (class_name, engine) in stages.items():
        beside = _names_beside(prefix, paths)
        for need in needs_of(class_name, engine):
            if not need.is_met(beside):
                yield f"{prefix}{need.name}, from which {class_name.rpartition('.')[2]} reads its data, is missing."
    for folder in sorted(empty_folders):
        if _is_field(folder):
            yield f"{folder} is empty."
    yield from _gaps(folders)
    for folder in sorted(folders):
        if re.search(r"(^|/)storage/[^/]+$", folder):
            yield from _missing_of_rocksdb(folder, folders[folder])


def _is_field(folder: str) -> bool:
    return "/fields/" in f"/{folder}"


def _by_folder(paths: Collection[str]) -> dict[str, set[str]]:
    folders: dict[str, set[str]] = defaultdict(set)
    for path in paths:
        folder, _, name = path.rpartition("/")
        folders[folder].add(name)
    return folders


def _names_beside(prefix: str, paths: Collection[str]) -> set[str]:
    names = {path[len(prefix) :].partition("/")[0] for path in paths if path.startswith(prefix)}
    return {name for name in names if not name.startswith(".")}


def _gaps(folders: Mapping[str, set[str]]) -> Iterator[str]:
    """Parts that are missing between others, and the sign that all were written, where the others have one.

    Databricks writes no such sign, so that only its absence from some fields tells something.
    """
    numbers = {
        folder: {int(match[1]) for name in names if (match := _PART.fullmatch(name))}
        for folder, names in folders.items()
    }
    parted = [folder for folder in sorted(numbers) if numbers[folder]]
    has_signs = any(_SUCCESS in folders[folder] for folder in parted if _is_field(folder))
    for folder in parted:
        for number in sorted(set(range(max(numbers[folder]))) - numbers[folder]):
            yield f"{folder}/part-{number:05} is missing."
        if has_signs and _is_field(folder) and _SUCCESS not in folders[folder]:
            yield f"{folder}/{_SUCCESS} is missing, so not all of {folder} may be there."


def _missing_of_rocksdb(folder: str, names: Collection[str]) -> Iterator[str]:
    if "CURRENT" not in names:
        yield f"{folder}/CURRENT is missing."
    if not any(name.startswith("MANIFEST-") for name in names):
        yield f"{folder}/MANIFEST-* is missing."
