"""Results as text: what each command prints when it is not asked for JSON."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from modelhub.artifacts import Artifact, built_text
from modelhub.facts import Dependency, ModelFacts
from modelhub.findings import PROBLEM
from modelhub.output import Output, bytes_text
from modelhub.public_hub import page_url
from modelhub.score_views import view_scores

if TYPE_CHECKING:  # a view needs no more of these than their attributes
    from modelhub.cache import Entry
    from modelhub.diagnostics import Diagnostic
    from modelhub.guides import TaskGuide
    from modelhub.load_verdicts import LoadVerdict
    from modelhub.resolver import Resolution
    from modelhub.results import PulledModel, ShownModel, UpdateResult

# Front matter, Liquid tags, attribute lines and lists of kramdown, buttons and other HTML of a Jekyll page.
_NOT_FOR_PEOPLE = re.compile(r"\A---\n.*?\n---\n|\{%.*?%\}|\{:[^}]*\}|<button.*?</button>|</?[a-z][^>]*>", re.S)
_LABELS_SHOWN = 24
_REFERENCES_SHOWN = 6


def view_show(output: Output, shown: ShownModel) -> None:
    """All that is known of a model, then its builds."""
    artifact, facts = shown.artifact, shown.facts
    if output.is_quiet:
        output.line(artifact.reference)
        return
    output.fields(
        [
            ("model", artifact.reference),
            ("title", facts.title),
            ("task", ", ".join(facts.tasks)),
            ("class", facts.annotator),
            ("engine", artifact.engine),
            ("product", facts.product),
            ("license", facts.license),
            ("published", facts.date),
            ("needs", f"{facts.product or 'Spark NLP'} {artifact.lib_version}+ on Spark {artifact.spark_version}+"),
            ("loads here", _outlook(shown.verdict)),
            ("size", _size(artifact)),
            ("status", _status(shown)),
            ("labels", _labels(facts)),
            ("reads", ", ".join(facts.input_labels)),
            ("writes", ", ".join(facts.output_labels)),
            ("case sensitive", {True: "yes", False: "no", None: ""}[facts.case_sensitive]),
            ("sentence length", f"at most {facts.max_sentence_length}" if facts.max_sentence_length else ""),
            ("dimension", str(facts.dimension or "")),
            ("best score", f"{facts.best_score.metric} {facts.best_score.value:.4g}" if facts.best_score else ""),
            ("stages", ", ".join(facts.stages)),
            ("needs besides", ", ".join(_dependency(item) for item in facts.dependencies)),
            ("also in", ", ".join(shown.languages)),
            ("NLU", ", ".join(facts.nlu)),
            ("made from", f"https://huggingface.co/{facts.origin}" if facts.origin else ""),
            ("references", "\n".join(facts.references[:_REFERENCES_SHOWN])),
            ("page", page_url(facts.page)),
            ("URI", artifact.uri),
            ("in the cache", str(shown.path) if shown.path else "no"),
        ]
    )
    if shown.problem:
        output.note(shown.problem)
    if facts.scores:
        output.line()
        view_scores(output, facts.scores)
    output.line()
    view_builds(output, shown.versions, artifact, mark="" if shown.problem else "taken")


def view_builds(output: Output, versions: Sequence[Artifact], taken: Artifact, *, mark: str) -> None:
    """Every build of a model; the one that the runtime gets is marked, if it gets one."""
    output.table(
        ("BUILD", "LIB", "SPARK", "BUILT", "ENGINE", ""),
        [
            (
                str(version.key),
                str(version.lib_version),
                str(version.spark_version),
                built_text(version.built_ms),
                version.engine,
                mark if version.key == taken.key else "",
            )
            for version in versions
        ],
        optional=("BUILT", "ENGINE"),
    )


def _outlook(verdict: LoadVerdict | None) -> str:
    """The gravest reason why a model does not load here, or may not; "" where nothing speaks against it."""
    if not (verdict and verdict.concerns):
        return ""
    others = f" (and {len(verdict.concerns) - 1} more)" if len(verdict.concerns) > 1 else ""
    return f"{'no' if verdict.state == PROBLEM else 'perhaps not'}: {verdict.concerns[0].text}{others}"


def _size(artifact: Artifact) -> str:
    if artifact.size_bytes is None:
        return ""
    return f"{'' if artifact.size_exact else 'about '}{bytes_text(artifact.size_bytes)}"


def _status(shown: ShownModel) -> str:
    facts = shown.facts
    words = {"supported": facts.supported, "recommended": facts.recommended, "deprecated": facts.deprecated}
    replaced = [f"replaced by {shown.replaced_by}"] if shown.replaced_by else []
    return ", ".join([*(name for name, is_so in words.items() if is_so), *replaced])


def _labels(facts: ModelFacts) -> str:
    shown = ", ".join(facts.labels[:_LABELS_SHOWN])
    more = facts.label_count - _LABELS_SHOWN
    return f"{shown} and {more} more" if more > 0 else shown


def _dependency(dependency: Dependency) -> str:
    return f"{dependency.reference or 'its default'} ({dependency.annotator})"


def view_resolve(output: Output, resolution: Resolution, *, is_explained: bool) -> None:
    """The URI of the artifact; with ``--explain`` every candidate and its verdict."""
    for note in resolution.notes:
        output.note(note)
    if output.is_quiet or not is_explained:
        output.line(resolution.artifact.uri)
        return
    verdicts = sorted(resolution.verdicts, key=lambda verdict: not verdict.is_taken)
    output.table(("BUILD", "WHY"), [(str(verdict.artifact.key), verdict.reason) for verdict in verdicts])
    output.note(resolution.artifact.uri)


def view_pull(output: Output, pulled: Sequence[PulledModel]) -> None:
    """The path of every model that is in the cache now."""
    for model in pulled:
        if not model.is_cached:
            output.note(f"{model.artifact.reference}: {bytes_text(model.downloaded_bytes)} downloaded")
        output.line(str(model.path))


def view_plan(output: Output, planned: Sequence[PulledModel]) -> None:
    """What a pull would bring."""
    for model in planned:
        size = bytes_text(model.artifact.size_bytes) or "size not known"
        does = "is in the cache" if model.is_cached else f"would be downloaded ({size}) from {model.artifact.uri}"
        output.note(f"{model.artifact.reference} {does}")
        output.line(str(model.path))


def view_entries(output: Output, entries: Sequence[Entry]) -> None:
    """One row per entry of the cache."""
    if output.is_quiet:
        for entry in entries:
            output.line(str(entry.key))
        return
    output.table(
        ("MODEL", "LIB", "SPARK", "SIZE", "BUILT", "BY", "STATE"),
        [
            (
                f"{entry.key.name}:{entry.key.language}",
                entry.key.lib_version,
                entry.key.spark_version,
                bytes_text(entry.size_bytes),
                built_text(entry.key.built_ms),
                "modelhub" if entry.has_manifest else "other",
                "" if entry.state == "good" else entry.state,
            )
            for entry in entries
        ],
        right=("SIZE",),
        optional=("BY", "BUILT", "SPARK"),
    )
    output.note(_total(entries))


def view_removed(output: Output, entries: Sequence[Entry], *, is_dry_run: bool) -> None:
    """What was removed, or would be."""
    for entry in entries:
        output.line(str(entry.key))
    output.note(f"{'would remove' if is_dry_run else 'removed'} {_total(entries)}")


def _total(entries: Sequence[Entry]) -> str:
    models = "1 model" if len(entries) == 1 else f"{len(entries)} models"
    return f"{models}, {bytes_text(sum(entry.size_bytes for entry in entries))}"


def view_update(output: Output, results: Sequence[UpdateResult]) -> None:
    """What changed, then the first of what gave trouble."""
    for result in results:
        changes = result.changes
        if output.is_quiet:
            output.line(str(changes.total))
            continue
        output.line(
            f"{result.source}: {len(changes.added):,} added, {len(changes.changed):,} changed, "
            f"{len(changes.removed):,} removed, {changes.unchanged:,} unchanged, {changes.total:,} in all"
        )
        _note_diagnostics(output, result.diagnostics)


def _note_diagnostics(output: Output, diagnostics: Sequence[Diagnostic]) -> None:
    """Every kind of trouble once, with its number and an example; the rarest kinds first, as the likeliest mistakes."""
    kinds: dict[str, list[Diagnostic]] = {}
    for item in diagnostics:
        kinds.setdefault(item.code, []).append(item)
    for code, items in sorted(kinds.items(), key=lambda kind: len(kind[1])):
        first = items[0]
        number = f" ({len(items):,} times)" if len(items) > 1 else ""
        output.note(f"{first.source}:{first.line}: {code}{number}: {first.message}")
    if len(diagnostics) > len(kinds):
        output.note(f"{len(diagnostics):,} troubles in all; --json has every one.")


def view_guide(output: Output, guide: TaskGuide) -> None:
    """How to choose a model for a task."""
    for heading, text in ((guide.task, guide.introduction), ("How to choose", guide.how_to_choose)):
        output.markdown(f"## {heading}\n\n{text}")
        output.line()
    # What is wrong with a link is told to who writes the page, by lint.
    output.table(("RECOMMENDED", "FOR"), [(item.reference, item.sub_task) for item in guide.recommended])


def view_card(output: Output, text: str) -> None:
    """The page of a model: rendered for a person, as it is for a program."""
    output.markdown(_NOT_FOR_PEOPLE.sub("", text) if output.is_terminal else text)
