"""The words that cards use for products, licences, classes, days and sizes, each turned into one of ours."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date
from functools import lru_cache

OPEN_SOURCE = "Open Source"
LICENSED = "Licensed"

_PIPELINE_CLASSES = frozenset({"PipelineModel", "Pipeline"})
_PRODUCTS = (
    ("visual", "Visual NLP"),
    ("ocr", "Visual NLP"),
    ("health", "Healthcare NLP"),
    ("clinical", "Healthcare NLP"),
    ("jsl", "Healthcare NLP"),
    ("legal", "Legal NLP"),
    ("finance", "Finance NLP"),
    ("spark nlp", "Spark NLP"),
    ("public", "Spark NLP"),
)
_UNITS = {"B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}

_VERSION = re.compile(r"\d+(?:\.\d+)+")
_YEAR_FIRST = re.compile(r"(\d{4})-{1,2}(\d{1,2})-(\d{1,2})(?!\d)")
_DAY_FIRST = re.compile(r"(\d{1,2})[/-](\d{1,2})[/-](\d{4})(?!\d)")
_SIZE = re.compile(r"(\d{1,18}(?:\.\d{1,18})?)\s*([KMGT]?B)", re.I)
_LARGEST = 2**63 - 1  # what SQLite can store, and more than any disk can hold
_WHOLE_NUMBER = re.compile(r"(\d+)(?:\.0+)?")
_PAGE = re.compile(r"\d{4}-\d{2}-\d{2}-.+")


@lru_cache(maxsize=64)
def product_of(text: str) -> str:
    """The product that an edition (``Spark OCR 3.0.0``) or a repository (``clinical/ocr``) names, or ""."""
    folded = text.lower()
    return next((product for word, product in _PRODUCTS if word in folded), "")


@lru_cache(maxsize=64)
def version_in(text: str) -> str:
    """The version in an edition or a compatibility, such as 4.0.0 in ``Spark NLP 4.0.0+``, or ""."""
    match = _VERSION.search(text)
    return match[0] if match else ""


@lru_cache(maxsize=64)
def license_of(text: str) -> str:
    """``Open Source`` or ``Licensed``, whatever a card calls it; "" for other words."""
    folded = text.lower()
    if "open" in folded:
        return OPEN_SOURCE
    return LICENSED if "licen" in folded or "enterprise" in folded else ""


def license_by_repository(repository: str) -> str:
    """The licence that goes with where an artifact lies; "" for an unknown repository."""
    if not repository:
        return ""
    return OPEN_SOURCE if repository.startswith("@") or repository.endswith("public/models") else LICENSED


def license_by_tags(tags: Iterable[str]) -> str:
    """The licence that the tags name, or ""."""
    return next((license_of(tag) for tag in tags if tag in {"open_source", "licensed"}), "")


@lru_cache(maxsize=64)
def annotator_class(name: str) -> str:
    """The class that a card means: cards write ``AlBertEmbeddings``, Spark NLP ``AlbertEmbeddings``.

    ``PretrainedPipeline`` is what loads a pipeline; the pipeline itself is a ``PipelineModel``.
    """
    return "PipelineModel" if name == "PretrainedPipeline" else name.strip().replace("AlBert", "Albert")


def is_pipeline_class(name: str) -> bool:
    """Whether a class is one of those that pipelines have."""
    return name in _PIPELINE_CLASSES


@lru_cache(maxsize=64)
def iso_date(text: str) -> str:
    """The day that a text begins with, as ``YYYY-MM-DD``; "" where it is no day of the calendar.

    Takes ``2022-07-06``, the same with a time and zone (the day counts as written), ``06/07/2022``, and the
    beginnings of file names: ``06-07-2022-…``, ``2022--07-06-…``.
    """
    if match := _YEAR_FIRST.match(text):
        year, month, day = match.groups()
    elif match := _DAY_FIRST.match(text):
        day, month, year = match.groups()
    else:
        return ""
    try:
        return date(int(year), int(month), int(day)).isoformat()
    except ValueError:
        return ""


def file_stem(source: str) -> str:
    """The file name in a path or URI, without ``.md``."""
    return source.replace("\\", "/").rpartition("/")[2].removesuffix(".md")


def page_of(stem: str) -> str:
    """The stem itself where the web hub has a page for it: it begins with a day; else ""."""
    return stem if _PAGE.fullmatch(stem) else ""


@lru_cache(maxsize=64)
def size_in_bytes(text: str) -> int | None:
    """The bytes of a size such as ``42.9 MB``, decimal units; None where it is none, or none that a zip can have."""
    match = _SIZE.fullmatch(text.strip())
    size = round(float(match[1]) * _UNITS[match[2].upper()]) if match else None
    return None if size is None or size > _LARGEST else size


def whole_number(text: str) -> int | None:
    """The number in ``512`` and ``300.0``; None for anything else, such as the Spark version in a row Dimension."""
    match = _WHOLE_NUMBER.fullmatch(text)
    return int(match[1]) if match and len(match[1]) < 10 else None


def flag(text: str) -> bool | None:
    """True and false in any case; None for anything else."""
    return {"true": True, "yes": True, "false": False, "no": False}.get(text.lower())
