"""What commands print, from results to text in a pipe; ``test_output`` and ``test_cli`` look at a terminal."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from modelhub.artifacts import Artifact, ArtifactKey
from modelhub.cache import Entry
from modelhub.diagnostics import Diagnostic
from modelhub.documents import Changes
from modelhub.facts import Dependency, ModelFacts, Score, ScoreRow
from modelhub.load_verdicts import Concern, LoadVerdict
from modelhub.output import Output
from modelhub.resolver import Resolution, Verdict
from modelhub.results import PulledModel, ShownModel, UpdateResult
from modelhub.views import (
    view_card,
    view_entries,
    view_plan,
    view_pull,
    view_removed,
    view_resolve,
    view_show,
    view_update,
)

OLD = ArtifactKey.parse("pos_tiny_en_4.0.0_3.0_1657118162458")
NEW = ArtifactKey.parse("pos_tiny_en_4.2.0_3.2_1667118162458")
URI = "https://mirror.example/public/models"

Print = Callable[..., tuple[str, str]]


@pytest.fixture
def shown(capsys: pytest.CaptureFixture[str]) -> Print:
    """``shown(view, *values, is_quiet=…)``: what a view writes to standard output and to standard error."""

    def show(view: Callable[..., None], *values: Any, is_quiet: bool = False, **options: Any) -> tuple[str, str]:
        view(Output(is_quiet=is_quiet), *values, **options)
        captured = capsys.readouterr()
        return captured.out, captured.err

    return show


def artifact(key: ArtifactKey = OLD, **fields: Any) -> Artifact:
    return Artifact(key=key, uri=f"{URI}/{key}.zip", **fields)


def entry(key: ArtifactKey = OLD, state: str = "good", **fields: Any) -> Entry:
    return Entry(key=key, path=Path("/cache") / str(key), size_bytes=1_500, state=state, **fields)


# Show


def show_fields(shown: Print, facts: ModelFacts, taken: Artifact | None = None, **fields: Any) -> dict[str, str]:
    taken = taken or artifact()
    out, _ = shown(view_show, ShownModel(artifact=taken, facts=facts, versions=(taken,), path=None, **fields))
    return dict(line.split("\t") for line in out.partition("\n\n")[0].splitlines())


def test_all_that_is_known_of_a_model_is_shown(shown: Print) -> None:
    facts = ModelFacts(
        title="Tiny",
        tasks=("Part of Speech Tagging",),
        annotator="PerceptronModel",
        product="Legal NLP",
        license="Licensed",
        date="2022-06-23",
        supported=True,
        deprecated=True,
        labels=tuple(f"L{number}" for number in range(30)),
        label_count=60,
        input_labels=("document", "token"),
        output_labels=("pos",),
        case_sensitive=False,
        max_sentence_length=128,
        dimension=768,
        best_score=Score(metric="f1", value=0.93456),
        stages=("Tokenizer", "PerceptronModel"),
        dependencies=(
            Dependency("WordEmbeddingsModel", "glove_100d", "en"),
            Dependency("BertEmbeddings", "bio", "", "clinical/models"),
            Dependency("SentenceDetector"),
        ),
        references=("https://example.org/a", "https://example.org/b"),
        nlu=("en.pos.tiny", "pos.tiny"),
        page="2022-06-23-pos_tiny_en_3_0",
        origin="ada/pos-tiny",
    )
    taken = artifact(engine="onnx", size_bytes=1_500, size_exact=True)
    fields = show_fields(shown, facts, taken, languages=("de", "fr"), replaced_by="pos_small:en")

    assert fields.pop("labels").endswith(", L23 and 36 more")
    assert fields == {
        "model": "pos_tiny:en",
        "title": "Tiny",
        "task": "Part of Speech Tagging",
        "class": "PerceptronModel",
        "engine": "onnx",
        "product": "Legal NLP",
        "license": "Licensed",
        "published": "2022-06-23",
        "needs": "Legal NLP 4.0.0+ on Spark 3.0+",
        "size": "1.5 kB",
        "status": "supported, deprecated, replaced by pos_small:en",
        "reads": "document, token",
        "writes": "pos",
        "case sensitive": "no",
        "sentence length": "at most 128",
        "dimension": "768",
        "best score": "f1 0.9346",
        "stages": "Tokenizer, PerceptronModel",
        "needs besides": (
            "glove_100d:en (WordEmbeddingsModel), clinical/models/bio (BertEmbeddings), its default (SentenceDetector)"
        ),
        "also in": "de, fr",
        "NLU": "en.pos.tiny, pos.tiny",
        "made from": "https://huggingface.co/ada/pos-tiny",
        "references": "https://example.org/a https://example.org/b",
        "page": "https://sparknlp.org/2022/06/23/pos_tiny_en_3_0.html",
        "URI": f"{URI}/{OLD}.zip",
        "in the cache": "no",
    }


def test_what_is_not_known_is_left_out(shown: Print) -> None:
    assert show_fields(shown, ModelFacts()) == {
        "model": "pos_tiny:en",
        "needs": "Spark NLP 4.0.0+ on Spark 3.0+",
        "URI": f"{URI}/{OLD}.zip",
        "in the cache": "no",
    }


def test_a_size_that_a_card_says_is_about_so(shown: Print) -> None:
    assert show_fields(shown, ModelFacts(), artifact(size_bytes=1_500))["size"] == "about 1.5 kB"


@pytest.mark.parametrize(
    ("states", "said"),
    [
        ([], ""),
        (["warning"], "perhaps not: Reason 0."),
        (["problem", "warning"], "no: Reason 0. (and 1 more)"),
    ],
)
def test_whether_it_will_load_here_is_told_where_something_speaks_against_it(
    shown: Print, states: list[str], said: str
) -> None:
    concerns = tuple(
        Concern(code="code", state=state, text=f"Reason {number}.", hint="", source="")
        for number, state in enumerate(states)
    )

    fields = show_fields(shown, ModelFacts(), verdict=LoadVerdict(concerns=concerns))

    assert fields.get("loads here", "") == said


def test_the_builds_of_a_model_follow_and_a_problem_is_said(shown: Print) -> None:
    model = ShownModel(
        artifact=artifact(OLD),
        facts=ModelFacts(),
        versions=(artifact(NEW), artifact(OLD)),
        path=Path("/cache/x"),
        problem="None suits.",
    )
    out, err = shown(view_show, model)

    assert out.splitlines()[-2:] == [
        f"{NEW}\t4.2.0\t3.2\t2022-10-30\t\t",
        f"{OLD}\t4.0.0\t3.0\t2022-07-06\t\t",
    ]
    assert "in the cache\t/cache/x\n" in out
    assert err == "None suits.\n"
    assert shown(view_show, model, is_quiet=True) == ("pos_tiny:en\n", "")


def test_the_rows_of_a_benchmark_stand_between_facts_and_builds(shown: Print) -> None:
    facts = ModelFacts(scores=(ScoreRow("NOUN", {"precision": 0.5, "f1": 0.75, "support": 1200}),))
    out, _ = shown(view_show, ShownModel(artifact=artifact(), facts=facts, versions=(artifact(),), path=None))

    assert out.split("\n\n")[1:] == ["NOUN\t0.500\t0.750\t1,200", f"{OLD}\t4.0.0\t3.0\t2022-07-06\t\ttaken\n"]


def test_a_page_in_a_pipe_is_as_it_is(shown: Print) -> None:
    page = "---\nlayout: model\n---\n\n## Description\n{:.btn-box}\n<div>x</div>\n"

    assert shown(view_card, page) == (page, "")


# Resolve and pull


def test_the_taken_one_is_explained_first(shown: Print) -> None:
    resolution = Resolution(
        artifact=artifact(NEW),
        verdicts=(
            Verdict(artifact=artifact(OLD), is_taken=False, reason="built earlier"),
            Verdict(artifact=artifact(NEW), is_taken=True, reason="taken"),
        ),
        notes=("A word.",),
    )

    assert shown(view_resolve, resolution, is_explained=True) == (
        f"{NEW}\ttaken\n{OLD}\tbuilt earlier\n",
        f"A word.\n{URI}/{NEW}.zip\n",
    )
    assert shown(view_resolve, resolution, is_explained=False) == (f"{URI}/{NEW}.zip\n", "A word.\n")
    assert shown(view_resolve, resolution, is_explained=True, is_quiet=True) == (f"{URI}/{NEW}.zip\n", "")


def pulled(*, is_cached: bool, **fields: Any) -> PulledModel:
    downloaded_bytes = 0 if is_cached else 1_500
    return PulledModel(
        artifact=artifact(**fields), path=Path("/cache/x"), downloaded_bytes=downloaded_bytes, is_cached=is_cached
    )


def test_a_pull_prints_paths_and_says_what_was_downloaded(shown: Print) -> None:
    models = [pulled(is_cached=True), pulled(is_cached=False)]

    assert shown(view_pull, models) == ("/cache/x\n/cache/x\n", "pos_tiny:en: 1.5 kB downloaded\n")


def test_a_plan_says_what_would_be_downloaded(shown: Print) -> None:
    models = [pulled(is_cached=True), pulled(is_cached=False), pulled(is_cached=False, size_bytes=2_000)]

    assert shown(view_plan, models)[1].splitlines() == [
        "pos_tiny:en is in the cache",
        f"pos_tiny:en would be downloaded (size not known) from {URI}/{OLD}.zip",
        f"pos_tiny:en would be downloaded (2.0 kB) from {URI}/{OLD}.zip",
    ]


# The cache


def test_an_entry_is_a_row_and_only_a_state_that_is_not_good_is_said(shown: Print) -> None:
    entries = [entry(has_manifest=True), entry(NEW, "partial")]

    assert shown(view_entries, entries) == (
        "pos_tiny:en\t4.0.0\t3.0\t1.5 kB\t2022-07-06\tmodelhub\t\n"
        "pos_tiny:en\t4.2.0\t3.2\t1.5 kB\t2022-10-30\tother\tpartial\n",
        "2 models, 3.0 kB\n",
    )
    assert shown(view_entries, entries, is_quiet=True) == (f"{OLD}\n{NEW}\n", "")


@pytest.mark.parametrize(("is_dry_run", "said"), [(True, "would remove"), (False, "removed")])
def test_what_is_removed_is_named_by_its_key(shown: Print, is_dry_run: bool, said: str) -> None:
    assert shown(view_removed, [entry()], is_dry_run=is_dry_run) == (f"{OLD}\n", f"{said} 1 model, 1.5 kB\n")


# The registry


def test_an_update_counts_what_changed_and_names_each_kind_of_trouble_the_rarest_first(shown: Print) -> None:
    often = [Diagnostic(source="a.md", line=line, field="", code="odd", message="Odd.") for line in range(1, 13)]
    once = Diagnostic(source="b.md", line=7, field="", code="lost", message="Lost.")
    changes = Changes(added=("a",) * 1_200, changed=("b",), removed=(), total=13_000)
    result = UpdateResult(source="cards", changes=changes, diagnostics=(*often, once))

    assert shown(view_update, [result]) == (
        "cards: 1,200 added, 1 changed, 0 removed, 11,799 unchanged, 13,000 in all\n",
        "b.md:7: lost: Lost.\na.md:1: odd (12 times): Odd.\n13 troubles in all; --json has every one.\n",
    )
    assert shown(view_update, [result], is_quiet=True) == ("13000\n", "")


def test_a_single_trouble_needs_no_sum(shown: Print) -> None:
    trouble = Diagnostic(source="b.md", line=7, field="", code="lost", message="Lost.")
    result = UpdateResult(source="cards", changes=Changes(total=1), diagnostics=(trouble,))

    assert shown(view_update, [result])[1] == "b.md:7: lost: Lost.\n"
