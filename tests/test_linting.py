"""Where lint finds its pages: files, folders, archives."""

from __future__ import annotations

import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from modelhub.errors import NotFoundError, StorageError, UsageError
from modelhub.linting import LintReport, lint_cards

CLEAN = (Path(__file__).parent / "data" / "cards" / "2023-03-01-bird_finder_en.md").read_text(encoding="utf-8")
BROKEN = CLEAN.replace("bird_finder", "egg_finder").replace("en.ner.birds en.classify.birds", "en.ner.")


@pytest.fixture
def cards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a good card, a bad one below, and pages that are no cards; it is the current one."""
    files = {
        "cards/good.md": CLEAN,
        "cards/README.md": "# Cards\n",
        "cards/_posts/2023-03-01-egg_finder_en.md": BROKEN,
        "cards/notes.txt": "nothing",
        "cards/.git/hidden.md": BROKEN,
        "cards/node_modules/foreign.md": BROKEN,
    }
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path / "cards"


def found(report: LintReport) -> list[tuple[str, str]]:
    return [(problem.source, problem.code) for problem in report.problems]


BAD = ("cards/_posts/2023-03-01-egg_finder_en.md", "nlu-malformed")


def test_a_folder_is_searched_for_cards_and_named_as_it_was_typed(cards: Path):
    report = lint_cards(["cards"])

    assert found(report) == [BAD]
    assert (report.checked, report.left_out) == (2, 1)


@pytest.mark.parametrize("folder", [".", Path()])
def test_the_current_folder_adds_nothing_to_the_names(cards: Path, folder: str | Path):
    assert found(lint_cards([folder])) == [BAD]


def test_a_hidden_folder_is_searched_where_it_is_named(cards: Path):
    assert found(lint_cards(["cards/.git"])) == [("cards/.git/hidden.md", "nlu-malformed")]


def test_a_file_that_is_named_is_checked_whatever_it_is(cards: Path):
    report = lint_cards(["cards/README.md", "cards/good.md"])

    assert (report.checked, report.left_out) == (2, 0)
    assert "front-matter-missing" in [code for _, code in found(report)]


def test_a_file_is_checked_once_however_often_it_is_named(cards: Path):
    (cards / "link.md").symlink_to(cards / "good.md")

    report = lint_cards([cards / "good.md", "cards/good.md", "cards"])

    assert (report.checked, found(report)) == (2, [BAD])


def test_a_link_onto_itself_is_a_page_that_cannot_be_read(cards: Path):
    (cards / "loop.md").symlink_to("loop.md")

    report = lint_cards(["cards"])

    assert sorted(found(report)) == sorted([BAD, ("cards/loop.md", "unreadable")])


def test_cards_of_several_paths_are_compared(cards: Path):
    Path("other.md").write_text(CLEAN, encoding="utf-8")

    assert found(lint_cards(["cards", "other.md"])) == [BAD, ("other.md", "artifact-duplicated")]


def _tar(archive: Path, folder: Path) -> None:
    with tarfile.open(archive, "w:xz") as tar:
        tar.add(folder, "cards")


def _zip(archive: Path, folder: Path) -> None:
    with zipfile.ZipFile(archive, "w") as packed:
        for path in sorted(folder.rglob("*.md")):
            packed.write(path, f"cards/{path.relative_to(folder)}")


@pytest.mark.parametrize(("name", "pack"), [("all.tar.xz", _tar), ("all.zip", _zip)])
def test_archives_are_read_as_folders_are(cards: Path, name: str, pack: Callable[[Path, Path], None]):
    for folder in (".git", "node_modules"):
        (cards / folder).rename(cards.parent / folder.strip("."))
    pack(Path(name), cards)

    report = lint_cards([name])

    assert found(report) == [(f"{name}/{BAD[0]}", BAD[1])]
    assert (report.checked, report.left_out) == (2, 1)


def test_many_cards_are_checked_by_all_processors_in_their_order(cards: Path):
    for number in range(400):
        text = BROKEN.replace("1677628800000", f"{1677628800000 + number}")
        (cards / f"{number:03}.md").write_text(text, encoding="utf-8")

    report = lint_cards(["cards"], select=["nlu-malformed"])

    assert report.checked == 402
    assert [problem.source for problem in report.problems] == [
        *(f"cards/{number:03}.md" for number in range(400)),
        BAD[0],
    ]


def test_rules_are_selected_and_ignored(cards: Path):
    (cards / "good.md").write_text(CLEAN.replace("|Size:|42.9 MB|", "|Size:|big|"), encoding="utf-8")

    assert [code for _, code in found(lint_cards(["cards"]))] == ["size-malformed", "nlu-malformed"]
    assert [code for _, code in found(lint_cards(["cards"], ignore=["nlu-*"]))] == ["size-malformed"]
    assert [code for _, code in found(lint_cards(["cards"], select=["nlu-*"]))] == ["nlu-malformed"]
    assert found(lint_cards(["cards"], select=["error"])) == []


def test_a_page_that_cannot_be_read_is_a_problem_of_its_own(cards: Path):
    (cards / "gone.md").symlink_to("nowhere.md")

    assert found(lint_cards(["cards"])) == [("cards/gone.md", "unreadable"), BAD]


def test_bytes_that_are_not_utf8_are_reported(cards: Path):
    (cards / "good.md").write_bytes(CLEAN.replace("A heron", "Ein Käuzchen").encode("latin-1"))

    assert found(lint_cards(["cards/good.md"])) == [("cards/good.md", "decoding-lost")]


@pytest.mark.parametrize("name", ["cards/empty", "empty.zip"])
def test_a_folder_or_archive_without_pages_does_not_pass(cards: Path, name: str):
    (cards / "empty").mkdir()
    with zipfile.ZipFile("empty.zip", "w") as packed:
        packed.writestr("notes.txt", "nothing")

    with pytest.raises(NotFoundError, match=f"no Markdown page in .*{name}"):
        lint_cards(["cards", name])


def test_pages_that_are_all_no_cards_do_not_pass_unless_they_are_named(cards: Path):
    (cards / "docs").mkdir()
    (cards / "README.md").rename(cards / "docs" / "README.md")

    with pytest.raises(NotFoundError, match="None of 1 pages"):
        lint_cards(["cards/docs"])
    assert lint_cards(["cards/docs/README.md"]).checked == 1
    assert lint_cards([]) == LintReport(problems=(), checked=0, left_out=0)


@pytest.mark.parametrize("path", ["none", "none.md", "none.tar.gz"])
def test_what_does_not_exist_is_refused(cards: Path, path: str):
    with pytest.raises(NotFoundError, match=path):
        lint_cards(["cards", path])


def test_what_is_no_page_is_refused(cards: Path):
    with pytest.raises(UsageError, match=r"notes\.txt"):
        lint_cards(["cards/notes.txt"])


@pytest.mark.parametrize("name", ["bad.tar.xz", "bad.zip"])
def test_a_broken_archive_is_refused(cards: Path, name: str):
    Path(name).write_bytes(b"\xfd7zXZ\x00 nothing")

    with pytest.raises(StorageError, match=name):
        lint_cards([name])


@pytest.mark.parametrize("words", [{"select": ["nonsense"]}, {"ignore": ["nonsense"]}])
def test_a_rule_that_does_not_exist_is_refused(cards: Path, words: dict[str, list[str]]):
    with pytest.raises(UsageError, match="nonsense"):
        lint_cards(["cards"], **words)


@pytest.mark.usefixtures("unmeasured")
def test_nothing_that_lint_does_not_need_is_imported(cards: Path):
    heavy = ("requests", "boto3", "sqlite3", "rich", "multiprocessing")
    program = (
        "import sys; from modelhub.linting import lint_cards; lint_cards(['cards'])\n"
        f"print([name for name in {heavy} if name in sys.modules])"
    )

    finished = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert finished.stdout == "[]\n"
