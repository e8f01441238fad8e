"""Code that uses a model, written by us from its facts, in Python, Scala or NLU.

Nothing of a card's own code goes into it. What comes from a card is quoted as a string or checked to be an identifier,
so that a hostile card cannot put statements into code that a user will paste.
"""

from __future__ import annotations

import json
import re
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence

from modelhub.card_words import is_pipeline_class
from modelhub.class_homes import ClassHome, home_of
from modelhub.errors import NotFoundError, UsageError
from modelhub.facts import Dependency, ModelFacts
from modelhub.public_hub import PUBLIC_REPOSITORY
from modelhub.quick_dataclasses import dataclass
from modelhub.stages import Stage, StagePlan, plan_stages


@dataclass(frozen=True, kw_only=True)
class SnippetSubject:
    """What a snippet is about.

    Attributes:
        path: Of the model's entry in the cache, to load it from there; empty to have Spark NLP download it.
    """

    name: str
    language: str
    repository: str
    facts: ModelFacts
    path: str = ""


_MAX_LINE = 100
_NO_CLASSES = ("NotDefined", "None", "True", "False")
_CLASS_NAME = re.compile(r"[A-Z]\w*", re.ASCII)
_LIBRARIES = ("sparknlp", "sparknlp_jsl", "sparkocr")
_BRAND = re.compile("ViT|RoBerta|DeBerta")
_WORD_START = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")

_SCALA_WHOLE = ("com.johnsnowlabs.nlp.annotator", "com.johnsnowlabs.nlp.base")
_SESSIONS = {
    "sparknlp": "spark = sparknlp.start()",
    "sparknlp_jsl": 'spark = sparknlp_jsl.start(os.environ["SECRET"])',
    "sparkocr": 'spark = sparkocr.start(secret=os.environ["SPARK_OCR_SECRET"])',
}

_PLACEHOLDER = "Put a text of yours here."
_SENTENCES = {
    "clinical": "The patient took ibuprofen twice a day against the headache.",
    "finance": "Acme Corp. raised its dividend by 4 percent in March 2021.",
    "legal": "This Agreement begins on 1 March 2021 and ends after two years.",
    "public": "Ada Lovelace wrote her notes on the Analytical Engine in London.",
}
_QUESTION = "What is this about?"
_TABLE_QUESTION = "Who is the oldest?"
_TABLE = json.dumps({"header": ["name", "age"], "rows": [["Ada", "36"], ["Grace", "85"]]})

# Columns of a data frame to the expression that makes one, in Python and in Scala.
_FRAMES = {
    ("text",): ('spark.createDataFrame([[{text}]], ["text"])', 'Seq({text}).toDF("text")'),
    ("question", "context"): (
        'spark.createDataFrame([[{question}, {text}]], ["question", "context"])',
        'Seq(({question}, {text})).toDF("question", "context")',
    ),
    ("questions", "table_json"): (
        'spark.createDataFrame([[{table_question}, {table}]], ["questions", "table_json"])',
        'Seq(({table_question}, {table})).toDF("questions", "table_json")',
    ),
    ("image",): (
        'spark.read.format("image").option("dropInvalid", True).load("images/")',
        'spark.read.format("image").option("dropInvalid", value = true).load("images/")',
    ),
    ("audio_content",): (
        'spark.createDataFrame([[[0.0] * 16000]], ["audio_content"])  # a second of silence',
        'Seq(Array.fill(16000)(0.0f)).toDF("audio_content")  // a second of silence',
    ),
    (): (
        'spark.read.format("binaryFile").load("documents/")',
        'spark.read.format("binaryFile").load("documents/")',
    ),
}
# The assembler among a pipeline's stages, or the words of its tasks, to the columns that it reads.
_PIPELINE_FRAMES = (
    ("AudioAssembler", "Speech Recognition", ("audio_content",)),
    ("ImageAssembler", "Image Classification", ("image",)),
    ("MultiDocumentAssembler", "Question Answering", ("question", "context")),
)


def write_snippet(subject: SnippetSubject, flavour: str) -> str:
    """A whole program that runs a model, or a pipeline, on an example.

    Args:
        subject: The model.
        flavour: ``python``, ``scala`` or ``nlu``; NLU always downloads.

    Raises:
        UsageError: There is no such flavour.
        NotFoundError: The model's class is not known, or NLU is asked for and the model has no NLU reference.
    """
    if flavour == "nlu":
        return _write_nlu(subject)
    if flavour not in _WRITERS:
        raise UsageError(f"There is no code in {flavour!r}.", hint="Choose one of python, scala, nlu.")
    writer = _WRITERS[flavour](subject)
    parts = writer.pipeline_program() if _is_pipeline(subject.facts) else writer.model_program()
    return "\n\n".join(part for part in parts if part) + "\n"


def _write_nlu(subject: SnippetSubject) -> str:
    if not subject.facts.nlu:
        raise NotFoundError(f"{subject.name} has no NLU reference.", hint="Use --code python.")
    reference, text = _quoted(subject.facts.nlu[0]), _quoted(_example_text(subject))
    return f"import nlu\n\nprint(nlu.load({reference}).predict({text}))\n"


class _Writer(ABC):
    """Writes one program; the subclasses know how a language says things."""

    comment: str
    new: str
    true: str
    false: str
    frame_column: int

    def __init__(self, subject: SnippetSubject) -> None:
        self.subject = subject

    def model_program(self) -> Iterator[str]:
        """The parts of a program that builds the pipeline which a model needs.

        Raises:
            NotFoundError: The model's class is not known.
        """
        plan = _plan(self.subject)
        yield from self.head(plan.stages)
        yield "\n".join(self._statement(stage, plan) for stage in plan.stages)
        yield self.pipeline_of([self.name_of(stage.annotator) for stage in plan.stages])
        yield "\n".join(
            self.run(self.data(plan.frame or _usual_frame(self.subject)), f"{plan.shown}.{plan.shown_field}")
        )

    @abstractmethod
    def pipeline_program(self) -> Iterator[str]:
        """The parts of a program that uses a whole pretrained pipeline."""

    @abstractmethod
    def head(self, stages: Sequence[Stage]) -> Iterator[str]:
        """The imports of the stages' classes, and the session."""

    @abstractmethod
    def name_of(self, annotator: str) -> str:
        """The variable of a stage."""

    @abstractmethod
    def assign(self, name: str, calls: Sequence[str]) -> str:
        """A statement that gives a name to a chain of calls."""

    @abstractmethod
    def list_of(self, values: Iterable[str]) -> str:
        """A list of expressions."""

    @abstractmethod
    def pipeline_of(self, names: Sequence[str]) -> str:
        """The statement that makes the pipeline."""

    @abstractmethod
    def run(self, data: str, shown: str) -> Iterator[str]:
        """The lines that run ``pipeline`` on data and show a column."""

    def data(self, frame: tuple[str, ...]) -> str:
        """The expression of an example data frame."""
        return _FRAMES[frame][self.frame_column].format(
            text=_quoted(_example_text(self.subject)),
            question=_quoted(_QUESTION),
            table_question=_quoted(_TABLE_QUESTION),
            table=_quoted(_TABLE),
        )

    def home_of(self, stage: Stage) -> ClassHome:
        """Where a stage's class is imported from."""
        return home_of(stage.annotator, stage.pretrained.repository if stage.pretrained else self.subject.repository)

    def _statement(self, stage: Stage, plan: StagePlan) -> str:
        """The statement of a stage, after a comment for each column that no stage before it writes."""
        lines = [
            f'{self.comment} "{column}": the column that {stage.annotator} reads must come from a stage of yours.'
            for column in stage.unknown
        ]
        if not stage.inputs:
            lines.append(f"{self.comment} What {stage.annotator} reads is not known: set its input columns.")
        is_model = stage is plan.stages[plan.model]
        begin = self._beginning(stage, self.subject.path if is_model else "")
        name = self.name_of(stage.annotator)
        return "\n".join([*lines, self.assign(name, [begin, *self._setters(stage, plan.frame)])])

    def _beginning(self, stage: Stage, path: str) -> str:
        if path:
            return f"{stage.annotator}.load({_quoted(path)})"
        if stage.pretrained is None:
            return f"{self.new}{stage.annotator}()"
        return f"{stage.annotator}.pretrained({', '.join(_pretrained_arguments(stage.pretrained))})"

    def _setters(self, stage: Stage, frame: tuple[str, ...]) -> Iterator[str]:
        inputs = [_quoted(column) for column in stage.inputs]
        outputs = [_quoted(column) for column in stage.outputs]
        if stage.inputs == frame and len(inputs) == 1:
            yield f".setInputCol({inputs[0]})"
        elif inputs:
            yield f".setInputCols({self.list_of(inputs)})"
        yield f".setOutputCol({outputs[0]})" if len(outputs) == 1 else f".setOutputCols({self.list_of(outputs)})"
        for setter, value in stage.settings:
            literal = (self.true if value else self.false) if isinstance(value, bool) else str(value)
            yield f".set{setter}({literal})"


class _PythonWriter(_Writer):
    comment, new, true, false, frame_column = "#", "", "True", "False", 0

    def pipeline_program(self) -> Iterator[str]:
        name, frame = self.subject.name, _usual_frame(self.subject)
        arguments = [_quoted(name), f"lang={_quoted(self.subject.language)}" if self.subject.language else ""]
        if repository := _repository_argument(self.subject.repository):
            arguments.append(f"remote_loc={_quoted(repository)}")
        loading = f"PretrainedPipeline({', '.join(filter(None, arguments))})"
        if self.subject.path:
            loading = f"PretrainedPipeline.from_disk({_quoted(self.subject.path)})"
        library = _library_of_repository(self.subject.repository)
        yield from self._session(library, ["from sparknlp.pretrained import PretrainedPipeline"])
        yield f"pipeline = {loading}"
        if frame == ("text",):
            yield f"print(pipeline.annotate({_quoted(_example_text(self.subject))}))"
        else:
            yield f"data = {self.data(frame)}\npipeline.transform(data).show()"

    def head(self, stages: Sequence[Stage]) -> Iterator[str]:
        modules: dict[str, set[str]] = {"pyspark.ml": {"Pipeline"}}
        libraries = {_library_of_repository(self.subject.repository)}
        for stage in stages:
            home = self.home_of(stage)
            modules.setdefault(home.module, set()).add(stage.annotator)
            libraries.add(home.library)
        imports = [f"from {module} import {', '.join(sorted(names))}" for module, names in sorted(modules.items())]
        yield from self._session(max(libraries, key=_LIBRARIES.index), imports)

    def _session(self, library: str, imports: Sequence[str]) -> Iterator[str]:
        if library != "sparknlp":
            yield "import os"
        yield "\n".join([f"import {library}", *imports])
        yield _SESSIONS[library]

    def name_of(self, annotator: str) -> str:
        return "_".join(_words_of(annotator)).lower()

    def assign(self, name: str, calls: Sequence[str]) -> str:
        line = f"{name} = {''.join(calls)}"
        return line if len(line) <= _MAX_LINE else "\n    ".join([f"{name} = (", *calls]) + "\n)"

    def list_of(self, values: Iterable[str]) -> str:
        return f"[{', '.join(values)}]"

    def pipeline_of(self, names: Sequence[str]) -> str:
        line = f"pipeline = Pipeline(stages={self.list_of(names)})"
        listed = "".join(f"    {name},\n" for name in names)
        return line if len(line) <= _MAX_LINE else f"pipeline = Pipeline(stages=[\n{listed}])"

    def run(self, data: str, shown: str) -> Iterator[str]:
        yield f"data = {data}"
        yield "result = pipeline.fit(data).transform(data)"
        yield f'result.select("{shown}").show(truncate=False)'


class _ScalaWriter(_Writer):
    comment, new, true, false, frame_column = "//", "new ", "true", "false", 1

    def pipeline_program(self) -> Iterator[str]:
        frame = _usual_frame(self.subject)
        call = Dependency("", self.subject.name, self.subject.language, self.subject.repository)
        loading = f"new PretrainedPipeline({', '.join(_pretrained_arguments(call))})"
        if self.subject.path:
            loading = f"PretrainedPipeline.fromDisk({_quoted(self.subject.path)})"
        yield "import com.johnsnowlabs.nlp.pretrained.PretrainedPipeline\nimport spark.implicits._"
        yield f"val pipeline = {loading}"
        if frame == ("text",):
            yield f"println(pipeline.annotate({_quoted(_example_text(self.subject))}))"
        else:
            yield f"val data = {self.data(frame)}\npipeline.transform(data).show()"

    def head(self, stages: Sequence[Stage]) -> Iterator[str]:
        imports = {f"import {package}._" for package in _SCALA_WHOLE}
        unknown = []
        for stage in stages:
            package = self.home_of(stage).package
            if not package:
                unknown.append(f"// {stage.annotator}: import it from the licensed library.")
            elif package not in _SCALA_WHOLE:
                imports.add(f"import {package}.{stage.annotator}")
        yield "\n".join([*sorted(imports), "import org.apache.spark.ml.Pipeline", "import spark.implicits._", *unknown])

    def name_of(self, annotator: str) -> str:
        first, *rest = _words_of(annotator)
        return first.lower() + "".join(rest)

    def assign(self, name: str, calls: Sequence[str]) -> str:
        line = f"val {name} = {''.join(calls)}"
        return line if len(line) <= _MAX_LINE else "\n  ".join([f"val {name} = {calls[0]}", *calls[1:]])

    def list_of(self, values: Iterable[str]) -> str:
        return f"Array({', '.join(values)})"

    def pipeline_of(self, names: Sequence[str]) -> str:
        line = f"val pipeline = new Pipeline().setStages({self.list_of(names)})"
        if len(line) <= _MAX_LINE:
            return line
        listed = ",\n".join(f"  {name}" for name in names)
        return f"val pipeline = new Pipeline().setStages(Array(\n{listed}\n))"

    def run(self, data: str, shown: str) -> Iterator[str]:
        yield f"val data = {data}"
        yield "val result = pipeline.fit(data).transform(data)"
        yield f'result.select("{shown}").show(false)'


_WRITERS: dict[str, type[_Writer]] = {"python": _PythonWriter, "scala": _ScalaWriter}


def _plan(subject: SnippetSubject) -> StagePlan:
    annotator = subject.facts.annotator
    if annotator in _NO_CLASSES or not _CLASS_NAME.fullmatch(annotator):
        raise NotFoundError(
            f"The annotator class of {subject.name} is not known, so no code can be written for it.",
            hint=f"Read its card: modelhub show {subject.name}.",
        )
    return plan_stages(Dependency(annotator, subject.name, subject.language, subject.repository), subject.facts)


def _is_pipeline(facts: ModelFacts) -> bool:
    return facts.type == "pipeline" or is_pipeline_class(facts.annotator)


def _usual_frame(subject: SnippetSubject) -> tuple[str, ...]:
    """What data is read where no plan tells: files for Visual NLP, else as stages or tasks say, else text."""
    if _library_of_repository(subject.repository) == "sparkocr":
        return ()
    tasks = " ".join(subject.facts.tasks)
    fitting = (frame for stage, words, frame in _PIPELINE_FRAMES if stage in subject.facts.stages or words in tasks)
    return next(fitting, ("text",))


def _library_of_repository(repository: str) -> str:
    if "ocr" in repository.split("/"):
        return "sparkocr"
    is_open = repository in ("", PUBLIC_REPOSITORY) or repository.startswith(("@", "s3://"))
    return "sparknlp" if is_open else "sparknlp_jsl"


def _repository_argument(repository: str) -> str:
    return "" if repository == PUBLIC_REPOSITORY else repository


def _pretrained_arguments(call: Dependency) -> list[str]:
    """Name, language and repository, as far as they differ from the defaults; each needs those before it.

    Without a name the default of the class is meant, which Scala takes without a language only.
    """
    repository = _repository_argument(call.repository)
    values = [call.name, call.language or ("en" if repository else ""), repository]
    while values and not values[-1]:
        values.pop()
    return [_quoted(value) for value in values] if call.name else []


def _words_of(annotator: str) -> list[str]:
    """The words of a class name, those of brands not cut."""
    return _WORD_START.split(_BRAND.sub(lambda brand: brand[0].capitalize(), annotator))


def _example_text(subject: SnippetSubject) -> str:
    """A sentence of the model's field in English; no more than a request for one in other languages."""
    field = subject.repository.partition("/")[0]
    return _SENTENCES.get(field, _SENTENCES["public"]) if subject.language in ("en", "xx", "") else _PLACEHOLDER


def _quoted(text: str) -> str:
    """A string literal, the same in Python and Scala."""
    return json.dumps(text, ensure_ascii=False)
