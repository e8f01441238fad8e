"""Spark NLP's own resolver, asked in a JVM of its own: ``tests/sparknlp/AskResolver.java`` on the jars of a release."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from sparknlp_parts import class_path, spark_class_path

SOURCE = Path(__file__).parent / "sparknlp" / "AskResolver.java"
CLASS = SOURCE.stem


@dataclass(frozen=True, kw_only=True)
class Question:
    """What ``.pretrained(name, language)`` asks in a runtime; ``None`` is a language that is not said."""

    name: str
    language: str | None
    sparknlp: str
    spark: str


@dataclass(frozen=True, kw_only=True)
class Case:
    """The lines of a ``metadata.json``, and what is asked of them."""

    lines: Sequence[str]
    questions: Sequence[Question]


def compile_asking(parts: Path, classes: Path) -> None:
    """Compile ``AskResolver``; what it calls is the same in every release."""
    words = ["javac", "-proc:none", "-d", str(classes), "-cp", f"{class_path(parts)}:{spark_class_path(parts)}"]
    subprocess.run([*words, str(SOURCE)], check=True)


class Asking:
    """Questions on their way through the jar of a release; it works while we do.

    Args:
        parts: Where Spark NLP is.
        release: Which one is asked.
        classes: Where ``AskResolver`` was compiled to.
        folder: For what is asked and answered.
        cases: The questions.
    """

    def __init__(self, parts: Path, release: str, *, classes: Path, folder: Path, cases: Iterable[Case]) -> None:
        asked, self._answered = folder / f"asked-{release}", folder / f"answered-{release}"
        with asked.open("w", encoding="utf-8") as file:
            for case in cases:
                file.writelines(["new\n", *(f"{line}\n" for line in case.lines)])
                file.writelines(f"{_ask(question)}\n" for question in case.questions)
        places = f"{class_path(parts, release)}:{spark_class_path(parts)}:{classes}"
        # One collector thread and one compiler: others want the machine's two cores too.
        words = ["java", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xmx1g", "-cp", places, CLASS]
        with asked.open("rb") as questions, self._answered.open("wb") as answers:
            self._process = subprocess.Popen(words, stdin=questions, stdout=answers)

    def answers(self) -> list[str]:
        """Wait for the key of each answer: "" for none, ``!`` and the class of what was thrown."""
        if status := self._process.wait(300):
            raise AssertionError(f"the JVM ended with {status}")
        lines = self._answered.read_text(encoding="utf-8").splitlines()
        return ["" if line == "-" else line.removesuffix(".zip") for line in lines]


def _ask(question: Question) -> str:
    language = "-" if question.language is None else question.language
    return "\t".join(["ask", question.name, language, question.sparknlp, question.spark])
