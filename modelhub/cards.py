"""Model cards: a page of the hub, read into facts and an artifact.

Cards of every generation are read, from the stubs of 2019 to the hub's template of today. A bad card stops nothing:
what could be read is kept, and what could not becomes a diagnostic with file, line, field and what to do. The URI of
the zip is the authority for name, language and versions (README, "Design"); the front matter describes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from modelhub import card_tables, card_words, markdown
from modelhub.artifacts import Artifact
from modelhub.card_benchmarks import read_benchmark, telling_rows
from modelhub.card_checks import report_trouble
from modelhub.card_labels import labels_in_prose, read_labels
from modelhub.card_links import ZipLinks, find_zip_links
from modelhub.card_origins import find_origin, find_references, find_replacement
from modelhub.card_scores import best_score
from modelhub.default_models import default_model
from modelhub.diagnostics import Diagnostic
from modelhub.facts import MAX_LABELS, MAX_REFERENCES, Dependency, ModelFacts
from modelhub.guides import TaskGuide, guide_of, is_guide
from modelhub.nlu_calls import find_nlu_calls
from modelhub.pages import Page, open_page
from modelhub.pretrained_calls import PretrainedCall, find_pretrained_calls
from modelhub.public_hub import PUBLIC_REPOSITORY
from modelhub.quick_dataclasses import dataclass

_NAMESPACE = re.compile(r"(?:nlp|visual)\.(?=[A-Z])")
# Blocks without a language are Python more often than not.
_CALLING_LANGUAGES = ("python", "scala", "")


@dataclass(frozen=True, kw_only=True)
class ModelCard:
    """What one card says.

    Attributes:
        source: The path as the user gave it.
        outline: Its sections, as written.
        front_matter: Strings and lists of strings, as written.
        artifact: The zip that the card publishes; None where it has no usable link.
        https_uri: Target of the Download button; it counts where the other names another zip.
        s3_uri: Target of the button for the S3 URI.
        name: The card's own; the artifact's may differ.
        language: The card's own, else that of its table, else the artifact's.
        edition: As written, such as ``Spark NLP 4.0.0``.
        lib_version: Version in the edition, else in the compatibility.
        spark_versions: As written; several where the front matter has a list.
        description: Prose of the description.
        code: Language of the block (``python``, ``scala``, ``""`` …) to the blocks of code.
        model_info: Rows of the table "Model Information", under one name each (``max sentence length``).
    """

    source: str
    outline: markdown.Outline
    front_matter: Mapping[str, Any]
    artifact: Artifact | None
    https_uri: str
    s3_uri: str
    facts: ModelFacts
    name: str
    language: str
    author: str
    edition: str
    lib_version: str
    spark_versions: tuple[str, ...]
    compatibility: str
    description: str
    code: Mapping[str, tuple[str, ...]]
    predicted_entities_text: str
    benchmark: str
    model_info: Mapping[str, str]
    diagnostics: tuple[Diagnostic, ...]

    # What the registry does not keep is read when it is asked for.

    @property
    def references(self) -> tuple[str, ...]:
        """The items and lines of the section "References"."""
        return markdown.entries(self.outline.text("references"))

    @property
    def data_sources(self) -> tuple[str, ...]:
        """The items and lines of the section "Data Source"."""
        return markdown.entries(self.outline.text("data source"))

    @property
    def results(self) -> str:
        """What the example prints, without fences."""
        return markdown.unfenced(self.outline.text("results"))


def parse_card(text: str, *, source: str = "") -> ModelCard:
    """Read a card; any text gives one, with diagnostics for what is wrong with it.

    Args:
        text: The page.
        source: Its path, as diagnostics name it; its last part tells the page on the web hub.
    """
    return _card_of(open_page(text, source))


def parse_document(text: str, *, source: str = "") -> ModelCard | TaskGuide:
    """Read a page of either kind: a task guide has ``layout: docs``, everything else is taken for a card."""
    page = open_page(text, source)
    return guide_of(page) if is_guide(page.front.values) else _card_of(page)


def _card_of(page: Page) -> ModelCard:
    reading = _Reading(page)
    facts, artifact = reading.facts(), reading.artifact()
    report_trouble(page, reading.rows, reading.location)
    return ModelCard(
        source=page.source,
        outline=page.outline,
        front_matter=page.front.values,
        artifact=artifact,
        https_uri=reading.links.https_uri,
        s3_uri=reading.links.s3_uri,
        facts=facts,
        name=reading.name,
        language=reading.language,
        author=page.front.text("author"),
        edition=page.front.text("edition"),
        lib_version=card_words.version_in(reading.edition),
        spark_versions=page.front.items("spark_version"),
        compatibility=reading.row("compatibility"),
        description=reading.description,
        code=reading.code,
        predicted_entities_text=reading.predicted_entities,
        benchmark=reading.benchmark,
        model_info={name: row.value for name, row in reading.table.items()},
        diagnostics=page.findings.sorted(),
    )


class _Reading:
    """One card while it is read: each fact has one method or line that says where it comes from."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.front = page.front
        self.outline = page.outline
        self.links: ZipLinks = find_zip_links(page.text, page.front.end, page.findings)
        self.location = self.links.location
        self.rows = _rows(page)
        self.table = card_tables.by_name(self.rows)
        self.name = self._name()
        self.language = self._language()
        self.edition = self.front.text("edition") or self.row("compatibility")
        self.repository = self.location.repository if self.location else self.front.text("repository")
        self.description = markdown.prose(self.outline.text("description"))
        self.predicted_entities = self._predicted_entities()
        self.benchmark = markdown.unfenced(self.outline.text("benchmarking"))
        self.scores = read_benchmark(self.benchmark)
        self.code = _code(page)
        self.calls = self._calls()
        self.own_names = self._own_names()
        self.annotator = self._annotator()
        self.size_bytes = card_words.size_in_bytes(self.row("size"))

    def row(self, name: str) -> str:
        """The value of a row, or ""."""
        row = self.table.get(name)
        return row.value if row else ""

    def artifact(self) -> Artifact | None:
        """The zip that the links name, with what the card knows of it."""
        if self.location is None:
            return None
        return Artifact(
            key=self.location.key,
            repository=self.location.repository,
            uri=self.links.uri,
            size_bytes=self.size_bytes,
            engine=self.front.text("engine").lower(),
            annotator=self.annotator,
        )

    def facts(self) -> ModelFacts:
        """Everything that the registry keeps of the card."""
        front, tags = self.front, self.front.items("tags")
        labels = read_labels(self.predicted_entities) or labels_in_prose(self.description)
        sources = (self.outline.text("references"), self.outline.text("data source"))
        origin = find_origin(sources, self.description)
        deprecated = card_words.flag(front.text("deprecated"))
        stem = card_words.file_stem(self.page.source)
        return ModelFacts(
            title=front.text("title"),
            date=card_words.iso_date(front.text("date")) or card_words.iso_date(stem),
            tasks=tuple(task.replace("|", "/") for task in front.items("task")),  # in a row "|" parts one from the next
            tags=tags,
            product=self._product(),
            annotator=self.annotator,
            engine=front.text("engine").lower(),
            license=self._license(tags),
            type=self._type(),
            size_bytes=self.size_bytes,
            supported=card_words.flag(front.text("supported")),
            recommended=card_words.flag(front.text("recommended")),
            deprecated=deprecated,
            replaced_by=front.text("replaced_by") or (find_replacement(self.description) if deprecated else ""),
            compatibility=self.row("compatibility"),
            labels=labels[:MAX_LABELS],
            label_count=len(labels),
            input_labels=card_tables.columns(self.row("input labels")),
            output_labels=card_tables.columns(self.row("output labels")),
            case_sensitive=card_words.flag(self.row("case sensitive")),
            max_sentence_length=card_words.whole_number(self.row("max sentence length")),
            dimension=card_words.whole_number(self.row("dimension")),
            best_score=best_score(self.scores),
            scores=telling_rows(self.scores),
            nlu=self._nlu(),
            page=card_words.page_of(stem),
            origin=origin,
            references=find_references(sources, origin)[:MAX_REFERENCES],
            dependencies=self._dependencies(),
            stages=self._stages(),
        )

    def _name(self) -> str:
        """The name as the card has it, else as the key has it."""
        return self.front.text("name") or self.row("model name") or (self.location.key.name if self.location else "")

    def _language(self) -> str:
        """The language as the card has it, else as the key has it."""
        row = self.row("language").strip("[] ")
        return self.front.text("language") or row or (self.location.key.language if self.location else "")

    def _predicted_entities(self) -> str:
        """The first section of that kind that has any prose."""
        sections = self.outline.sections.get("predicted entities", ())
        return next((text for section in sections if (text := markdown.prose(section.text))), "")

    def _calls(self) -> tuple[PretrainedCall, ...]:
        """The pretrained stages that the Python and Scala code loads, the model itself included."""
        blocks = (code for language in _CALLING_LANGUAGES for code in self.code.get(language, ()))
        found = tuple(call for code in blocks for call in find_pretrained_calls(code))
        return found or find_pretrained_calls(self.outline.text("how to use"))  # where nobody fenced the code

    def _own_names(self) -> frozenset[str]:
        """The names under which code loads the model itself."""
        names = {self.name, self.row("model name")}
        if self.location:
            names.add(self.location.key.name)
        return frozenset(names | {name.removesuffix(f"_{self.language}") for name in names}) - {""}

    def _annotator(self) -> str:
        """The class: ``annotator``, else ``class``, else the row Model Class, else that of the call that loads it."""
        stated = self.front.text("annotator") or self.front.text("class") or self.row("model class")
        own_call = next((call.annotator for call in self.calls if call.name in self.own_names), "")
        return card_words.annotator_class(stated or own_call)

    def _type(self) -> str:
        """``pipeline`` where the class, the table or the code says so, else ``model``."""
        says_so = (
            card_words.is_pipeline_class(self.annotator)
            or self.row("type").lower() == "pipeline"
            or any(call.annotator == "PretrainedPipeline" and call.name in self.own_names for call in self.calls)
        )
        return "pipeline" if says_so else "model"

    def _product(self) -> str:
        """By the edition; a card that has none is told by its repository."""
        stated = self.front.text("edition") or self.repository or self.edition
        return card_words.product_of(stated)

    def _license(self, tags: tuple[str, ...]) -> str:
        """By the table, else by the tags, else by where the artifact lies."""
        return (
            card_words.license_of(self.row("license"))
            or card_words.license_by_tags(tags)
            or card_words.license_by_repository(self.repository)
        )

    def _nlu(self) -> tuple[str, ...]:
        """The references in ``nlu.load("…")``, each once."""
        found = (reference for call in find_nlu_calls(self.page.text) for reference in call.references)
        return tuple(dict.fromkeys(found))

    def _dependencies(self) -> tuple[Dependency, ...]:
        """The stages that the code loads besides the model; its own class without a name is the model, too."""
        others = (call for call in self.calls if call.name or call.annotator != self.annotator)
        found = (_dependency(call) for call in others)
        return tuple(dict.fromkeys(dependency for dependency in found if dependency.name not in self.own_names))

    def _stages(self) -> tuple[str, ...]:
        """The classes in the list "Included Models", without descriptions; ``legal.NerModel`` keeps its namespace."""
        items = markdown.bullets(self.outline.text("included models"))
        names = (_NAMESPACE.sub("", item.partition(" - ")[0].strip("`* ")) for item in items)
        return tuple(name for name in names if name)


def _rows(page: Page) -> tuple[card_tables.Row, ...]:
    """The rows of the table "Model Information"."""
    sections = page.outline.sections.get("model information", ())
    return tuple(row for section in sections for row in card_tables.read_rows(section.text, section.position))


def _code(page: Page) -> Mapping[str, tuple[str, ...]]:
    """The blocks of code by language."""
    blocks: dict[str, list[str]] = {}
    for block in page.outline.blocks:
        blocks.setdefault(block.language, []).append(block.code)
    return {language: tuple(codes) for language, codes in blocks.items()}


def _dependency(call: PretrainedCall) -> Dependency:
    """What a call loads; without a name it is the default of the class, where that is known."""
    default = None if call.name else default_model(call.annotator)
    return Dependency(
        call.annotator,
        default.name if default else call.name,
        call.language or (default.language if default else ""),
        "" if call.repository == PUBLIC_REPOSITORY else call.repository,
    )
