"""The stages of a Spark NLP pipeline around one model: what it must read, and which stages write that.

A card rarely says all of it, so a plan is made from three sources: what the class reads (``signatures``), what the
columns are called (the labels of the card), and which pretrained stages write them (the calls in the card's code). A
column that none of them explains is marked as unknown, never guessed: a model that is given other embeddings than those
of its training runs, and predicts nonsense.
"""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import chain, count

from modelhub.facts import Dependency, ModelFacts
from modelhub.quick_dataclasses import dataclass
from modelhub.signatures import Signature, class_meant, meaning_of, serves, signature_by_labels, signature_of


@dataclass(frozen=True, kw_only=True)
class Stage:
    """One stage, with all of its columns.

    Attributes:
        annotator: Its class.
        inputs: Columns that it reads.
        outputs: Columns that it writes; more than one for the assembler of several documents only.
        pretrained: What to load; None for a stage that is merely made.
        settings: Further setters (without ``set``) and their values.
        unknown: Those of ``inputs`` that nothing before writes.
    """

    annotator: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    pretrained: Dependency | None = None
    settings: tuple[tuple[str, bool | int], ...] = ()
    unknown: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class StagePlan:
    """Stages in the order of their data.

    Attributes:
        stages: All of them; that of the model is ``stages[model]``.
        frame: Columns of the data frame that the first stage reads; empty where it is not known which.
        shown: The column to look at in the end.
        shown_field: The field of its annotations that says most: ``result`` or ``embeddings``.
    """

    stages: tuple[Stage, ...]
    model: int
    frame: tuple[str, ...]
    shown: str
    shown_field: str


@dataclass(frozen=True)
class _Assembler:
    """A stage that turns columns of a data frame into annotations of as many kinds."""

    annotator: str
    frame: tuple[str, ...]
    kinds: tuple[str, ...]


_ASSEMBLERS = (
    _Assembler("DocumentAssembler", ("text",), ("document",)),
    _Assembler("ImageAssembler", ("image",), ("image",)),
    _Assembler("AudioAssembler", ("audio_content",), ("audio",)),
    _Assembler("MultiDocumentAssembler", ("question", "context"), ("question", "context")),
    _Assembler("MultiDocumentAssembler", ("questions", "table_json"), ("table_question", "table_document")),
)
# Stages that need no training; SentenceEmbeddings is an average, so it needs word embeddings that are known.
_MAKERS = (
    "SentenceDetector",
    "Tokenizer",
    "TableAssembler",
    "Doc2Chunk",
    "NerConverter",
    "Chunk2Doc",
    "ChunkTokenizer",
    "ChunkEmbeddings",
    "SentenceEmbeddings",
    "FeaturesAssembler",
    "Resolution2Chunk",
    "RENerChunksFilter",
)
# Their defaults are for English, and good for any text in English.
_ENGLISH = (Dependency("PerceptronModel"), Dependency("DependencyParserModel"))

# What a kind of column is called where the card does not say; every other kind by its own name.
_COLUMNS = {
    "question": "document_question",
    "context": "document_context",
    "table_question": "document_question",
    "table_document": "document_table",
    "image": "image_assembler",
    "audio": "audio_assembler",
    "word_embeddings": "embeddings",
    "named_entity": "ner",
    "chunk": "ner_chunk",
    "chunk_document": "ner_chunk_doc",
    "chunk_sentence_embeddings": "ner_chunk_embeddings",
    "whole_chunk": "text_chunk",
    "": "output",
}
_COLUMN_NAME = re.compile(r"[A-Za-z]\w{0,62}", re.ASCII)
_NER_CLASS = re.compile(r"\w*Ner(DL|Crf)?Model")
_NER_TASK = "Named Entity Recognition"


def plan_stages(model: Dependency, facts: ModelFacts) -> StagePlan:
    """The stages that bring raw data to a model and through it.

    Args:
        model: The model's class, name, language and repository.
        facts: What is known of it.
    """
    return _Planner(model, facts).plan()


class _Planner:
    """A plan while it is made: each kind of column is made when a stage first asks for it."""

    def __init__(self, model: Dependency, facts: ModelFacts) -> None:
        self.model = replace(model, annotator=class_meant(model.annotator))
        self.facts = facts
        self.labels = tuple(label for label in facts.input_labels if _COLUMN_NAME.fullmatch(label))
        self.signature = signature_of(self.model.annotator) or signature_by_labels(self.labels)
        calls = (replace(call, annotator=class_meant(call.annotator)) for call in facts.dependencies)
        self.dependencies: tuple[Dependency, ...] = (*calls, *(_ENGLISH if model.language == "en" else ()))
        self.stages: list[Stage] = []
        self.frame: tuple[str, ...] = ()
        self.columns: dict[str, str] = {}
        self.unknown: set[str] = set()
        self.has_ner = self._pretrained_for("named_entity") is not None
        self.text = "sentence" if self._is_in_sentences() else "document"
        self.names = self._names_of_inputs()

    def plan(self) -> StagePlan:
        """The whole plan."""
        reads = [kind.rstrip("?") for kind in self.signature.reads if not kind.endswith("?") or self._takes(kind)]
        inputs = tuple(self._column(kind) for kind in reads)
        output = self._output_name()
        model = len(self.stages)
        self._add(self.model.annotator, inputs, output, pretrained=self.model, settings=self._settings())
        if self._is_ner():
            # The labels of tokens (B-PER, I-PER) are joined to entities.
            self.columns["named_entity"] = output
            output = self._column("chunk")
        return StagePlan(
            stages=tuple(self.stages),
            model=model,
            frame=self.frame,
            shown=output,
            shown_field="embeddings" if self.signature.writes.endswith("embeddings") else "result",
        )

    # What the card says

    def _is_in_sentences(self) -> bool:
        """Whether the text is cut into sentences: as the labels say, else where the code does so or NER comes first."""
        if self.signature.writes == "sentence":
            return False
        meanings = {meaning_of(label) for label in self.labels}
        if "text" in self.signature.reads and not meanings.isdisjoint({"sentence", "document"}):
            return "sentence" in meanings
        return self.has_ner or self._pretrained_for("sentence") is not None

    def _names_of_inputs(self) -> dict[str, str]:
        """The card's names of the columns that the model reads, by kind."""
        names = {}
        for kind in (kind.rstrip("?") for kind in self.signature.reads):
            fitting = (label for label in self.labels if serves(label, self.text if kind == "text" else kind))
            if label := next(fitting, ""):
                names[self._settle(kind)] = label
        return names

    def _takes(self, kind: str) -> bool:
        """Whether an optional kind is given: where the card names it and NER makes it."""
        return self.has_ner and any(serves(label, kind.rstrip("?")) for label in self.labels)

    def _output_name(self) -> str:
        """The card's name of the output, unless it belongs to another kind, as where cards were copied."""
        kind = self.signature.writes
        labels = (label for label in self.facts.output_labels if _COLUMN_NAME.fullmatch(label))
        own = next((label for label in labels if not meaning_of(label) or not kind or serves(label, kind)), "")
        return self._free_name(own, _COLUMNS.get(kind, kind))

    def _settings(self) -> tuple[tuple[str, bool | int], ...]:
        known = {"CaseSensitive": self.facts.case_sensitive, "MaxSentenceLength": self.facts.max_sentence_length}
        return tuple((setter, value) for setter in self.signature.setters if (value := known[setter]) is not None)

    def _is_ner(self) -> bool:
        """Whether the labels of tokens make entities; those of parts of speech do not."""
        if self.signature.writes != "named_entity":
            return False
        return bool(_NER_CLASS.fullmatch(self.model.annotator)) or _NER_TASK in self.facts.tasks

    def _pretrained_for(self, kind: str) -> Dependency | None:
        """The first pretrained stage in the card's code that writes a kind."""
        for dependency in self.dependencies:
            signature = signature_of(dependency.annotator)
            if signature and signature.writes == kind:
                return dependency
        return None

    # Making columns

    def _settle(self, kind: str) -> str:
        """What a kind that stands for another means in this pipeline."""
        if kind == "text":
            return self.text
        if kind == "resolvable":
            return "chunk_sentence_embeddings" if self.has_ner else "sentence_embeddings"
        if kind == "mappable" and self._pretrained_for("resolution"):
            return "resolved_chunk"
        if kind == "mappable":
            return "chunk" if self.has_ner else "whole_chunk"
        if kind == "relatable":
            # The card parses the sentence to compare only entities that are near each other in its tree.
            parses = any(call.annotator == "DependencyParserModel" for call in self.facts.dependencies)
            return "related_chunk" if parses else "chunk"
        return kind

    def _column(self, kind: str) -> str:
        """The column of a kind, made with all that it needs if it is not there yet."""
        kind = self._settle(kind)
        if kind not in self.columns:
            self._make(kind)
        return self.columns[kind]

    def _make(self, kind: str) -> None:
        assembler = next((assembler for assembler in _ASSEMBLERS if kind in assembler.kinds), None)
        pretrained = self._pretrained_for("sentence_embeddings" if kind == "chunk_sentence_embeddings" else kind)
        annotator = pretrained.annotator if pretrained else _maker_of(kind)
        if assembler and not self.frame:
            self._assemble(assembler)
        elif not annotator or (annotator == "SentenceEmbeddings" and not self._pretrained_for("word_embeddings")):
            self.columns[kind] = self._name(kind)
            self.unknown.add(self.columns[kind])
        else:
            inputs = tuple(self._column(read) for read in self._reads_of(annotator, kind))
            self.columns[kind] = self._name(kind)
            self._add(annotator, inputs, self.columns[kind], pretrained=pretrained)

    def _reads_of(self, annotator: str, kind: str) -> tuple[str, ...]:
        """What a stage before the model reads: of sentence embeddings for chunks, the chunks in place of the text."""
        signature = signature_of(annotator) or Signature(())
        reads = tuple(read for read in signature.reads if not read.endswith("?"))
        if kind == "chunk_sentence_embeddings" and "chunk" not in reads:
            return tuple("chunk_document" if read == "text" else read for read in reads)
        return reads

    def _assemble(self, assembler: _Assembler) -> None:
        self.frame = assembler.frame
        for kind in assembler.kinds:
            self.columns[kind] = self._name(kind)
        outputs = tuple(self.columns[kind] for kind in assembler.kinds)
        self.stages.append(Stage(annotator=assembler.annotator, inputs=assembler.frame, outputs=outputs))

    def _add(
        self,
        annotator: str,
        inputs: tuple[str, ...],
        output: str,
        *,
        pretrained: Dependency | None,
        settings: tuple[tuple[str, bool | int], ...] = (),
    ) -> None:
        unknown = tuple(column for column in inputs if column in self.unknown)
        self.unknown.difference_update(unknown)
        self.stages.append(
            Stage(
                annotator=annotator,
                inputs=inputs,
                outputs=(output,),
                pretrained=pretrained,
                settings=settings,
                unknown=unknown,
            )
        )

    def _name(self, kind: str) -> str:
        return self._free_name(self.names.get(kind, ""), _COLUMNS.get(kind, kind))

    def _free_name(self, preferred: str, default: str) -> str:
        """A name that no column bears yet, of the data frame or of a stage."""
        taken = {*self.frame, *self.columns.values(), ""}
        names = chain((preferred, default), (f"{default}_{number}" for number in count(2)))
        return next(name for name in names if name not in taken)


def _maker_of(kind: str) -> str:
    """The class that writes a kind without training, or ""."""
    return next((maker for maker in _MAKERS if (signature := signature_of(maker)) and signature.writes == kind), "")
