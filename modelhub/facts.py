"""What is known of a model besides its artifact: the facts of a card, as a value and as JSON.

The same value travels everywhere: a card is read into it, the snapshot and the registry store it, ``show`` prints it,
a snippet is written from it. Empty fields are left out of the JSON, so that a line of the snapshot stays short.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import MISSING, field, fields, replace
from typing import Any

from modelhub.public_hub import PUBLIC_REPOSITORY
from modelhub.quick_dataclasses import dataclass

MAX_LABELS = 200
MAX_SCORES = 50
MAX_REFERENCES = 20


@dataclass(frozen=True)
class Dependency:
    """A pretrained stage that the code of a card loads besides the model itself.

    Attributes:
        annotator: Its class, such as ``WordEmbeddingsModel``.
        name: Its name; empty where the call has none and the default of the class is meant.
        language: Its language; empty where the call has none.
        repository: The ``remote_loc`` of the call, empty for ``public/models``.
    """

    annotator: str
    name: str = ""
    language: str = ""
    repository: str = ""

    @property
    def reference(self) -> str:
        """The text that names it, as far as the call does; "" for the default of its class."""
        prefix = f"{self.repository}/" if self.repository not in ("", PUBLIC_REPOSITORY) else ""
        language = f":{self.language}" if self.language else ""
        return f"{prefix}{self.name}{language}" if self.name else ""


@dataclass(frozen=True, kw_only=True)
class Score:
    """The best score that a card's benchmark gives for the whole model.

    Attributes:
        metric: ``f1``, ``accuracy``, ``precision``, ``recall``, ``bleu``, ….
        value: As a fraction, 0 to 1, for those that are percentages; else as the card has it.
    """

    metric: str
    value: float


@dataclass(frozen=True)
class ScoreRow:
    """One row of a card's benchmark.

    Attributes:
        label: What was measured: a label, ``micro avg``, ``macro avg``, ``weighted avg``, or ``overall``.
        metrics: ``precision``, ``recall``, ``f1``, ``accuracy``, … as fractions, and ``support``.
    """

    label: str
    metrics: Mapping[str, float] = field(hash=False)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> ScoreRow:
        """Read what :meth:`to_dict` wrote."""
        metrics = {**data}
        return cls(metrics.pop("label"), metrics)

    def to_dict(self) -> dict[str, Any]:
        """The row as one flat JSON object."""
        return {"label": self.label, **self.metrics}


@dataclass(frozen=True, kw_only=True)
class ModelFacts:
    """The facts of one model card.

    Attributes:
        date: Day of publication, ``YYYY-MM-DD``.
        product: ``Spark NLP``, ``Healthcare NLP``, ``Legal NLP``, ``Finance NLP`` or ``Visual NLP``.
        license: ``Open Source`` or ``Licensed``.
        type: ``model`` or ``pipeline``.
        size_bytes: Of the zip, as the card rounds it.
        replaced_by: The model that a deprecated card names for its place.
        compatibility: The library and version that the card's table names, such as ``Spark NLP 4.0.0+``.
        labels: What the model predicts, at most ``MAX_LABELS``; ``label_count`` is their true number.
        input_labels: Columns (annotations) that the model reads.
        output_labels: Columns that it writes.
        scores: Rows of the benchmark, at most ``MAX_SCORES``, those of averages among them.
        nlu: NLU references that load it.
        page: File stem of its page on the web hub, with the date: ``2022-07-06-bert_pos_…_en_3_0``.
        origin: The model of Hugging Face that it was made from, ``user/name`` (the oldest have no user).
        references: Links to data, papers and code that the card names, at most ``MAX_REFERENCES``.
        dependencies: Pretrained stages that the card's code loads besides.
        stages: Classes of the stages of a pipeline, in order.
    """

    title: str = ""
    date: str = ""
    tasks: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    product: str = ""
    annotator: str = ""
    engine: str = ""
    license: str = ""
    type: str = ""
    size_bytes: int | None = None
    supported: bool | None = None
    recommended: bool | None = None
    deprecated: bool | None = None
    replaced_by: str = ""
    compatibility: str = ""
    labels: tuple[str, ...] = ()
    label_count: int = 0
    input_labels: tuple[str, ...] = ()
    output_labels: tuple[str, ...] = ()
    case_sensitive: bool | None = None
    max_sentence_length: int | None = None
    dimension: int | None = None
    best_score: Score | None = None
    scores: tuple[ScoreRow, ...] = ()
    nlu: tuple[str, ...] = ()
    page: str = ""
    origin: str = ""
    references: tuple[str, ...] = ()
    dependencies: tuple[Dependency, ...] = ()
    stages: tuple[str, ...] = ()

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> ModelFacts:
        """Read what :meth:`to_dict` wrote; unknown keys are ignored, so that older readers take newer facts."""
        known: dict[str, Any] = {name: data[name] for name in _NAMES & data.keys()}
        for name, value in known.items():
            if isinstance(value, list):
                known[name] = tuple(value)
        if "dependencies" in known:
            known["dependencies"] = tuple(Dependency(*call) for call in known["dependencies"])
        if "scores" in known:
            known["scores"] = tuple(ScoreRow.from_dict(row) for row in known["scores"])
        if "best_score" in known:
            known["best_score"] = Score(**known["best_score"])
        return cls(**known)

    def to_dict(self) -> dict[str, Any]:
        """The facts as JSON values, without the empty ones."""
        stated = ((name, value) for name, value in vars(self).items() if value != _DEFAULTS[name])
        data = {name: list(value) if isinstance(value, tuple) else value for name, value in stated}
        if self.dependencies:
            data["dependencies"] = [list(vars(call).values()) for call in self.dependencies]
        if self.scores:
            data["scores"] = [row.to_dict() for row in self.scores]
        if self.best_score:
            data["best_score"] = dict(vars(self.best_score))
        return data

    def merged_over(self, older: ModelFacts) -> ModelFacts:
        """These facts, with what they leave empty taken from ``older``."""
        gaps = {name: getattr(older, name) for name, default in _DEFAULTS.items() if getattr(self, name) == default}
        return replace(self, **gaps)


_DEFAULTS = {field.name: field.default for field in fields(ModelFacts) if field.default is not MISSING}
_NAMES = frozenset(_DEFAULTS)


def merge_facts(descriptions: Iterable[ModelFacts]) -> ModelFacts:
    """One set of facts from several descriptions of one artifact, the most trusted first."""
    merged, *older = descriptions
    for facts in older:
        merged = merged.merged_over(facts)
    return merged
