"""The differential test: what the resolver of Spark NLP's own jars chooses, and what ours does."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import pytest
from candidate_sets import corpus_keys, generated_cases, line_of
from jar_resolver import Asking, Case, Question, compile_asking
from sparknlp_parts import RELEASES

from modelhub.artifacts import Artifact, ArtifactKey
from modelhub.documents import Document
from modelhub.errors import IncompatibleError, NotFoundError
from modelhub.ingest import read_metadata
from modelhub.references import Reference
from modelhub.resolver import Resolution, Runtime, resolve

pytestmark = pytest.mark.spark
CORPUS = Path(__file__).parents[3] / "shared" / "corpus"
# 100,000 sets in all.
GENERATED = {"3.2.1": 33_000, "3.4.4": 33_000, "5.5.3": 34_000}
# Spark NLP and Spark, and the jar that knows the order of that Spark NLP.
RUNTIMES = (
    ("2.7.5", "2.4.8", "3.2.1"),
    ("3.0.3", "3.0.3", "3.2.1"),
    ("3.1.3", "3.1.2", "3.2.1"),
    ("3.2.3", "2.4.4", "3.2.1"),
    ("3.3.4", "3.0.2", "3.4.4"),
    ("3.4.4", "3.2.0", "3.4.4"),
    ("4.2.8", "3.3.1", "5.5.3"),
    ("5.5.3", "3.5.1", "5.5.3"),
    ("6.1.5", "3.4.4", "5.5.3"),
    ("7.0.0", "4.0.0", "5.5.3"),
)
MILLIS_OF_A_TIME = 13
COLUMNS = ("jar", "cases", "chosen", "none", "thrown", "differences", "not explained")
TITLE = f"{'what was asked':<40}" + "".join(f"{column:>15}" for column in COLUMNS)


@dataclass(frozen=True)
class Asked:
    """A question of a case, and both answers: a key, "" for none, or ``!`` and what the jar threw."""

    case: Case
    question: Question
    jar: str
    ours: str

    @property
    def differs(self) -> bool:
        return self.jar != self.ours

    @property
    def is_explained(self) -> bool:
        """Whether ``--explain`` shows why: the README has both reasons.

        Spark NLP 3.4.4 fails at a version of four numbers; of two lines of one key we always read the first. Before 3.3
        Spark NLP reads the second, which shows where the time of that key is also the time of another.
        """
        resolution = our_resolution(artifacts_of(self.case), self.question)
        if resolution is None:
            return False
        if self.jar == "!UnsupportedOperationException":
            return any("itself fails here" in note for note in resolution.notes)
        reasons = {str(verdict.artifact.key): verdict.reason for verdict in resolution.verdicts}
        return has_a_key_twice(self.case) and "listed twice" in reasons.get(self.jar, "")


# Cases of the corpus, and generated ones; the release of a jar, and what was asked of it of the one and the other.
OfBoth = tuple[list[Case], list[Case]]
Answers = tuple[str, list[Asked], list[Asked]]
Record = Callable[[str, object], None]


@pytest.fixture(scope="module")
def cases() -> dict[str, OfBoth]:
    """By release: those of the corpus, and generated ones."""
    keys = corpus_keys(CORPUS) if CORPUS.is_dir() else []
    return {
        release: (list(cases_of_corpus(keys, release)), list(generated_cases(release, count, seed=8)))
        for release, count in GENERATED.items()
    }


@pytest.fixture(scope="module")
def jars(parts: Path, cases: dict[str, OfBoth], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Asking]:
    """A JVM for each release; they all are at work when the first test begins."""
    classes, folder = tmp_path_factory.mktemp("classes"), tmp_path_factory.mktemp("asked")
    compile_asking(parts, classes)
    return {
        release: Asking(parts, release, classes=classes, folder=folder, cases=[*corpus, *generated])
        for release, (corpus, generated) in cases.items()
    }


@pytest.fixture(scope="module", params=RELEASES)
def answers(request: pytest.FixtureRequest, jars: dict[str, Asking], cases: dict[str, OfBoth]) -> Answers:
    """The release, and all that was asked of its jar: of the corpus, and of generated sets."""
    corpus, generated = cases[request.param]
    cases_of_both = [*corpus, *generated]
    ours = [choice for case in cases_of_both for choice in our_choices(case)]
    questions = [(case, question) for case in cases_of_both for question in case.questions]
    answers = zip(questions, jars[request.param].answers(), ours, strict=True)
    asked = [Asked(case, question, jar, choice) for (case, question), jar, choice in answers]
    count = sum(len(case.questions) for case in corpus)
    return request.param, asked[:count], asked[count:]


def cases_of_corpus(keys: Sequence[tuple[str, ArtifactKey]], release: str) -> Iterator[Case]:
    """The lines of each name in each repository, asked for each of its languages in each runtime of a release."""
    usable = [(repository, key) for repository, key in keys if len(key.millis) <= MILLIS_OF_A_TIME]
    runtimes = [(sparknlp, spark) for sparknlp, spark, jar in RUNTIMES if jar == release]

    def model(item: tuple[str, ArtifactKey]) -> tuple[str, str]:
        return item[0], item[1].name

    for (_, name), items in groupby(sorted(usable, key=model), model):
        same_name = [key for _, key in items]
        questions = [
            Question(name=name, language=language, sparknlp=sparknlp, spark=spark)
            for language in dict.fromkeys(key.language for key in same_name)
            for sparknlp, spark in runtimes
        ]
        yield Case(lines=[line_of(key) for key in same_name], questions=questions)


def our_choices(case: Case) -> Iterator[str]:
    """The key that we choose for each question, or ""."""
    artifacts = artifacts_of(case)
    for question in case.questions:
        resolution = our_resolution(artifacts, question)
        yield str(resolution.artifact.key) if resolution else ""


def artifacts_of(case: Case) -> list[Artifact]:
    """The lines of a case, read as ``modelhub update`` reads them."""
    documents = read_metadata("\n".join(case.lines), "public/models", source="a test")
    return [artifact_of(document) for document in documents if isinstance(document, Document) and document.key]


def our_resolution(artifacts: Sequence[Artifact], question: Question) -> Resolution | None:
    candidates = [artifact for artifact in artifacts if artifact.name == question.name]
    runtime = Runtime.of(sparknlp=question.sparknlp, spark=question.spark, annotator="", engine="")
    try:
        return resolve(Reference(name=question.name, language=question.language), candidates, runtime)
    except (IncompatibleError, NotFoundError):
        return None


def has_a_key_twice(case: Case) -> bool:
    """Whether two lines are about one zip."""
    lines = list(map(json.loads, case.lines))
    named = ("name", "language", "libVersion", "sparkVersion", "time")
    return len({str([line.get(name) for name in named]) for line in lines}) < len(lines)


def artifact_of(document: Document) -> Artifact:
    """What the registry says of a line; without its engine, for that is 7.0's."""
    assert document.key
    assert document.listing
    return Artifact(key=document.key, is_ready=document.listing.is_ready, position=document.listing.position)


@pytest.mark.skipif(not CORPUS.is_dir(), reason=f"the real cards are not here ({CORPUS})")
def test_of_all_real_artifacts_we_choose_what_the_jar_chooses(answers: Answers, record_property: Record) -> None:
    release, corpus, _ = answers
    for (sparknlp, spark), of_runtime in groupby(
        sorted(corpus, key=lambda asked: (asked.question.sparknlp, asked.question.spark)),
        lambda asked: (asked.question.sparknlp, asked.question.spark),
    ):
        report(record_property, f"corpus on Spark NLP {sparknlp}, Spark {spark}", release, list(of_runtime))

    assert [asked for asked in corpus if asked.differs] == []


def test_of_generated_candidates_we_choose_what_the_jar_chooses(answers: Answers, record_property: Record) -> None:
    release, _, generated = answers
    report(record_property, "generated sets", release, generated)
    different = [asked for asked in generated if asked.differs]

    assert [asked for asked in different if not asked.is_explained] == []
    assert len(different) < len(generated) / 500


def report(record_property: Record, what: str, release: str, asked: Sequence[Asked]) -> None:
    """Add a row to the table that is printed after the tests."""
    counts = Counter("thrown" if one.jar.startswith("!") else "chosen" if one.jar else "none" for one in asked)
    different = [one for one in asked if one.differs]
    numbers = [len(asked), counts["chosen"], counts["none"], counts["thrown"], len(different)]
    numbers.append(sum(not one.is_explained for one in different))
    record_property(TITLE, f"{what:<40}{release:>15}" + "".join(f"{number:>15,}" for number in numbers))
