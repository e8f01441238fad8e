"""Checks of a card against itself: what it lacks, what nobody can read, and where it contradicts its own artifact."""

from __future__ import annotations

from collections.abc import Sequence

from modelhub import card_words
from modelhub.artifacts import ArtifactKey, ArtifactLocation
from modelhub.card_tables import Row
from modelhub.pages import Page


def report_trouble(page: Page, rows: Sequence[Row], location: ArtifactLocation | None) -> None:
    """Add what is wrong with the front matter and the table of a card to the findings of its page."""
    if page.front.block:
        _report_front_matter(page)
    _report_rows(page, rows)
    if location:
        _report_differences(page, location.key)


def _report_front_matter(page: Page) -> None:
    front, findings = page.front, page.findings
    for key in ("title", "name"):
        if not front.text(key):
            findings.add(
                f"{key}-missing",
                f"The card has no {key}. Add {key}: … to the front matter.",
                line=front.line_of(key),
                field=key,
            )
    day = front.text("date")
    if not card_words.iso_date(day):
        problem = f"The date {day!r} is no day of the calendar" if day else "The card has no date"
        findings.add(
            "date-malformed" if day else "date-missing",
            f"{problem}; the one in the file name was taken, if it has any. Write date: YYYY-MM-DD.",
            line=front.line_of("date"),
            field="date",
        )
    if front.values.get("article_header") == "" and front.text("type") == "cover":
        findings.add(
            "article-header-unindented",
            "type: cover stands beside article_header instead of below it; it was left out. Indent it by two blanks.",
            line=front.line_of("type"),
            field="article_header",
        )
    annotator = front.text("annotator")
    if annotator != card_words.annotator_class(annotator):
        findings.add(
            "annotator-misspelt",
            f"Spark NLP has no class {annotator}; {card_words.annotator_class(annotator)} was read. Write it so.",
            line=front.line_of("annotator"),
            field="annotator",
        )


def _report_rows(page: Page, rows: Sequence[Row]) -> None:
    if not rows:
        page.findings.add(
            "table-missing",
            "The card has no table of Model Information, so its licence, size and labels are not known. "
            "Add it below a heading ## Model Information.",
            field="Model Information",
        )
    for row in rows:
        if problem := _problem_of(row):
            code, message = problem
            page.findings.add(code, message, line=page.line_at(row.position), field=row.label)


def _problem_of(row: Row) -> tuple[str, str] | None:
    """Code and message of what is wrong with a row."""
    if not row.name:
        return "table-row-unknown", f"No template has a row {row.label}; it was left out. Remove it or mend its name."
    if row.is_misspelt:
        return "table-row-misspelt", f"The row {row.label} was read as {row.name}. Mend its name."
    if row.name == "size" and row.value and card_words.size_in_bytes(row.value) is None:
        return "size-malformed", f"{row.value!r} is no size and was left out. Write a number and a unit: 42.9 MB."
    if row.name == "license" and row.value and not card_words.license_of(row.value):
        return "license-unknown", f"{row.value!r} is no licence of the hub. Write Open Source or Licensed."
    return None


def _report_differences(page: Page, key: ArtifactKey) -> None:
    """Where the front matter contradicts the key of the artifact, which is the authority."""
    front = page.front
    spark_versions = front.items("spark_version")
    stated = (
        ("name", "name", front.text("name"), key.name),
        ("language", "language", front.text("language"), key.language),
        ("edition", "lib-version", card_words.version_in(front.text("edition")), key.lib_version),
        ("spark_version", "spark-version", ", ".join(spark_versions), key.spark_version),
    )
    for field, code, said, true in stated:
        if not said or said == true or (field == "spark_version" and _names_spark(spark_versions, true)):
            continue
        page.findings.add(
            f"{code}-differs",
            f"The card says {said}, the key of its zip {true}; the key counts. Correct {field}, or link the right zip.",
            line=front.line_of(field),
            field=field,
        )


def _names_spark(versions: Sequence[str], true: str) -> bool:
    """Whether one of the versions is the true one or a more exact one of its line (3.2.1 for 3.2)."""
    return any(version == true or version.startswith(f"{true}.") for version in versions)
