"""Whom we trust with what: each promise of SECURITY.md that belongs to no single module has its test here."""

from __future__ import annotations

import ast
import functools
import json
import os
import re
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hub_server import HubFolder, Server
from test_output import terminal

from modelhub.artifacts import ArtifactKey
from modelhub.ingest import PageFile, read_document, read_metadata

PACKAGE = Path(__file__).parents[1] / "modelhub"
KEY = "wary_pos_en_4.0.0_3.0_1657118162458"
OUR_OWN = re.compile(r"\x1b\[([0-9;]*m|2K|1A|\?25[lh])|\r")  # colours, and what draws a bar
COMMANDING = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
EVIL = "x\x1b[2J\x9b2J\u202eevil\u2066\x07\x00"
REFERENCES = "&#8238; &#x202E; &rlm; &#27;[2J &#x9b;2J"
MARKUP = "[bold red]shout[/bold red] [link=http://evil.example]here[/link] :boom:"

Run = Callable[..., Any]


@functools.cache
def nodes_in_package() -> list[tuple[str, ast.AST]]:
    """All that the package's code consists of, each with the name of its module."""
    paths = sorted(PACKAGE.glob("*.py"))
    return [(path.stem, node) for path in paths for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))]


def calls_in_package() -> Iterator[tuple[str, ast.Call]]:
    return ((module, node) for module, node in nodes_in_package() if isinstance(node, ast.Call))


def name_of(call: ast.Call) -> str:
    return call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")


# Servers


@pytest.mark.parametrize("address", ["file:///etc/passwd", "ftp://hub.example/x", "gopher://hub.example"])
@pytest.mark.parametrize("words", [["pull", KEY, "--no-update"], ["update"]])
def test_no_redirect_leads_out_of_http(
    invoke: Run, home: Path, server: Server, tmp_path: Path, words: list[str], address: str
) -> None:
    finished = invoke(*words, "--hub", server.uri("redirect", address))

    assert finished.status == 8, finished.err
    assert "is no address that a hub may lead to" in finished.err
    assert not (tmp_path / "cache_pretrained" / KEY).exists()


@pytest.mark.parametrize("words", [["pull", KEY, "--no-update"], ["update"]])
def test_no_redirect_leads_out_of_encryption_even_where_plain_hubs_are_allowed(
    invoke: Run,
    home: Path,
    server: Server,
    tls_server: Server,
    authority: tuple[Path, Any],
    monkeypatch: pytest.MonkeyPatch,
    words: list[str],
) -> None:
    monkeypatch.setenv("MODELHUB_ALLOW_HTTP", "1")
    finished = invoke(*words, "--hub", tls_server.uri("redirect", server.uri()), "--ca-bundle", authority[0])

    assert finished.status == 8, finished.err
    assert "which is not encrypted" in finished.err
    assert server.requests == []


@pytest.mark.parametrize("setting", ["HTTP_PROXY", "NO_PROXY", "MODELHUB_CA_BUNDLE"])
def test_a_setting_of_the_network_may_have_any_letters(
    invoke: Run, home: Path, server: Server, monkeypatch: pytest.MonkeyPatch, setting: str
) -> None:
    monkeypatch.setenv(setting, "http://\u00e9\udcff.example:1")
    finished = invoke("pull", KEY, "--no-update", "--hub", server.uri(), "--timeout", "2")

    assert finished.status in (2, 4, 7), finished.err


def test_certificates_are_checked_by_everything_but_the_doctors_look_at_one() -> None:
    lax = {"CERT_NONE", "SSL_VERIFYPEER", "SSL_VERIFYHOST", "_create_unverified_context", "disable_warnings"}
    found = {
        (module, node.attr)
        for module, node in nodes_in_package()
        if isinstance(node, ast.Attribute) and node.attr in lax
    }
    verified = [
        keyword.value.value
        for _, call in calls_in_package()
        for keyword in call.keywords
        if keyword.arg == "verify" and isinstance(keyword.value, ast.Constant)
    ]

    assert found == {("probes", "CERT_NONE")}  # which reads who issued a certificate that was refused, and no more
    assert False not in verified


# What is said to a terminal


@pytest.fixture
def hostile_hub(hub_folder: HubFolder, make_card: Callable[..., str], tmp_path: Path) -> Path:
    """A hub of one model, and its card, full of what a terminal would obey; the card's folder."""
    hub_folder.add(KEY, annotator=f"Perceptron{EVIL}Model", engine=EVIL)
    folder = tmp_path / "cards"
    folder.mkdir()
    said = {"title": f'"{yaml_text(EVIL)} {MARKUP}"', "tags": f'["{yaml_text(EVIL)}"]', "task": f'"{yaml_text(EVIL)}"'}
    card = make_card(key=KEY, annotator=f'"{yaml_text(EVIL)}"', article_header=f'\n  type: "{yaml_text(EVIL)}"', **said)
    page = folder / "2022-07-06-wary_pos_en.md"
    page.write_text(
        card.replace("Tags words.", f"{EVIL} {MARKUP} {REFERENCES}")
        + f"|Output Labels:|[{EVIL}]|\n|Source:|{EVIL}|\n## Predicted Entities\n\n`{EVIL}`, `{MARKUP}`\n"
        + f'```python\nPerceptronModel.pretrained("{EVIL}", "en").setOutputCol("{EVIL}")\n```\n',
        encoding="utf-8",
    )
    return folder


def yaml_text(text: str) -> str:
    return "".join(f"\\x{ord(sign):02x}" if ord(sign) < 256 and not sign.isprintable() else sign for sign in text)


COMMANDS = [
    ["search", "wary"],
    ["search", "shout", "--json"],
    ["show", "wary_pos"],
    ["show", "wary_pos", "--card"],
    ["show", "wary_pos", "-vv", "--card"],
    ["pull", f"https://{EVIL}", "-vv"],
    ["pull", "-vv", f"file:///{EVIL}/{KEY}.zip"],
    ["show", "wary_pos", "--code", "python"],
    ["show", "wary_pos", "--code", "scala"],
    ["show", "wary_pos", "--json"],
    ["resolve", "wary_pos", "--explain"],
    ["resolve", EVIL],
    ["pull", "wary_pos", "--dry-run"],
    ["lint", "cards"],
    ["lint", "cards", "--format", "github"],
    ["update", "--cards", "cards", "--json"],
    ["guide"],
    ["auth", EVIL],
    ["path", f"wary_pos_{EVIL}"],
    [EVIL],
    ["pull", "--no-such-option", EVIL],
]


@pytest.mark.parametrize("is_on_terminal", [True, False], ids=["terminal", "pipe"])
def test_nothing_that_a_hub_or_a_card_says_commands_the_terminal(
    invoke: Run,
    home: Path,
    hostile_hub: Path,
    server: Server,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    is_on_terminal: bool,
) -> None:
    monkeypatch.setenv("MODELHUB_HUB", server.uri())
    monkeypatch.chdir(tmp_path)
    assert invoke("update").status == 0
    assert invoke("update", "--cards", "cards").status == 0

    def shown(*words: str) -> str:
        return on_terminal(*words) if is_on_terminal else said(invoke(*words))

    for words in COMMANDS:
        assert not COMMANDING.findall(OUR_OWN.sub("", shown(*words))), words
    assert "[bold red]shout[/bold red]" in shown("show", "wary_pos")


def said(finished: Any) -> str:
    return finished.out + finished.err


def on_terminal(*words: str) -> str:
    """What a command writes to a real terminal."""
    from modelhub.__main__ import main

    with terminal() as text:
        with pytest.raises(SystemExit):
            main(words)
        return text()


# Cards, lists and code


def test_a_card_is_data_and_never_runs(tmp_path: Path) -> None:
    trap = tmp_path / "trap"
    front = f"title: !!python/object/apply:pathlib.Path.touch [!!python/object/apply:pathlib.Path ['{trap}']]\n"
    page = f"---\n{front}tags: !!python/name:os.system ''\n---\n\n{{% include {trap} %}}\n"
    document = read_document(PageFile("a.md", page.encode()))

    assert document.path == "a.md"
    assert not trap.exists()


def test_only_yaml_that_makes_texts_is_loaded() -> None:
    loads = [
        (module, ast.unparse(call)) for module, call in calls_in_package() if ast.unparse(call.func) == "yaml.load"
    ]

    assert loads == [("frontmatter", "yaml.load(block, yaml.BaseLoader)")]


def test_nothing_evaluates_or_unpickles() -> None:
    forbidden = {"eval", "exec", "pickle", "marshal", "shelve", "system", "popen"}
    # As in the standard library's dataclasses: names of fields that Python itself has read in a class of ours.
    called = {name_of(call) for module, call in calls_in_package() if module != "quick_dataclasses"}
    imported = {
        alias.name.split(".")[0]
        for _, node in nodes_in_package()
        if isinstance(node, (ast.Import, ast.ImportFrom))
        for alias in node.names
    }
    shells = [call for _, call in calls_in_package() for keyword in call.keywords if keyword.arg == "shell"]

    assert not forbidden & (called | imported)
    assert not shells


@pytest.mark.parametrize(
    "line",
    [
        "[" * 100_000,
        '{"a":' * 100_000,
        '{"name": "' + "n" * 1_000_000 + '"}',
        '{"name": "a", "language": "en", "libVersion": {"parts": [' + "9" * 5000 + "]}}",
        '{"name": "a", "language": "en", "libVersion": {"parts": [1e999]},'
        ' "sparkVersion": {"parts": [3]}, "time": "2022-07-06T14:36:02.458Z"}',
        '{"name": "../../x", "language": "en", "libVersion": {"parts": [4]}, "sparkVersion": {"parts": [3]},'
        ' "time": "2022-07-06T14:36:02.458Z"}',
        '{"name": "\\ud800", "language": "en", "libVersion": {"parts": [4]}, "sparkVersion": {"parts": [3]},'
        ' "time": "2022-07-06T14:36:02.458Z"}',
    ],
    ids=["deep list", "deep object", "long name", "long number", "infinite number", "path as a name", "half a sign"],
)
def test_a_hostile_line_of_a_list_costs_no_other_line(line: str) -> None:
    good = HubFolder.line(KEY, b"")
    found = list(read_metadata(f"{line}\n{json.dumps(good)}\n", "public/models", source="list"))

    assert [document.key for document in found if getattr(document, "key", None)] == [ArtifactKey.parse(KEY)]
    assert len(found) == 2


@pytest.mark.parametrize(
    "content",
    [
        b"cache = " + b"[" * 100_000,
        b'cache = "\x1b[2J"',
        b"\xff\xfe",
        b"timeout = " + b"9" * 5000,
        b"[" * 100_000,
        b"a" * 10**6,
    ],
    ids=["deep", "escape", "no text", "long number", "tables", "long"],
)
@pytest.mark.parametrize("kind", ["config", "lockfile"])
def test_a_hostile_file_of_settings_is_a_usage_error(
    invoke: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, content: bytes
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "settings"))
    path = tmp_path / "settings" / "modelhub" / "config.toml" if kind == "config" else tmp_path / "modelhub.lock"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    finished = invoke("list") if kind == "config" else invoke("prune", "--partial", "--lock", path)

    assert finished.status == 2, finished.err
    assert finished.err.startswith("error: ")
    assert not COMMANDING.search(finished.err)


@pytest.mark.parametrize("value", ["\x1b[2J", "x\u202ey", "\x9b", "http://\x1b[2J", "/\x07/\u2066", "\udcff"])
@pytest.mark.parametrize(
    "setting", ["CACHE", "HUB", "SPARKNLP", "TIMEOUT", "LIMIT_RATE", "MAX_RATIO", "LICENSE", "ENDPOINT"]
)
def test_no_setting_commands_the_terminal(
    invoke: Run, monkeypatch: pytest.MonkeyPatch, setting: str, value: str
) -> None:
    monkeypatch.setenv(f"MODELHUB_{setting}", value)
    finished = invoke("list")

    assert finished.status in (0, 2, 10)
    assert not COMMANDING.search(said(finished))


# Files


@pytest.mark.parametrize("words", [["pull", KEY, "--hub"], ["import"], ["verify", "--deep"], ["verify"]])
def test_nobody_waits_for_a_pipe_that_bears_the_name_of_a_file(
    modelhub: Run, home: Path, tmp_path: Path, words: list[str]
) -> None:
    folder = tmp_path / "hub" / "public" / "models"
    place = {"pull": folder / f"{KEY}.zip", "import": folder / f"{KEY}.zip"}.get(
        words[0], folder / "metadata/part-00000"
    )
    place.parent.mkdir(parents=True)
    os.mkfifo(place)
    named = tmp_path / "hub" if words[0] == "pull" else place if words[0] == "import" else folder
    finished = modelhub(*words, named, "--no-update" if words[0] == "pull" else "-q")

    assert finished.status in (6, 10), finished.err
    assert "it is no regular file" in finished.err


# SQL


# What is written into a statement, and not bound: names of columns and tables, conditions, placeholders, all ours.
OURS_IN_SQL = {
    "facets": {"seen"},
    "model_rows": {"', '.join(fields)"},
    "recording": {"assignments", "seen_again", "table"},
    "registry": {"column", "name", "selection", "table", "where"},
    "search_index": {"named"},
    "searching": {"order", "selection"},
}
CONSTANT_IN_SQL = re.compile(r"[A-Z_]+|', '\.join\((_?[A-Z_]+|'\?' \* .+)\)|marks\(\w+\)|_[A-Z_]+\.format\(.*\)")


def test_no_value_is_written_into_sql() -> None:
    statements = {"execute", "executemany", "executescript", "_execute", "_executemany", "_artifacts", "_sources"}
    written = {
        (module, ast.unparse(part.value))
        for module, call in calls_in_package()
        if name_of(call) in statements and call.args
        for part in ast.walk(call.args[0])
        if isinstance(part, ast.FormattedValue)
    }

    assert not {
        (module, text)
        for module, text in written
        if not CONSTANT_IN_SQL.fullmatch(text) and text not in OURS_IN_SQL.get(module, ())
    }


@pytest.mark.parametrize(
    "text", ["x' OR '1'='1", 'x" OR ""="', "x'; DROP TABLE models; --", "NEAR(", "x*", "\0", "%", "?"]
)
def test_no_word_of_a_search_is_sql(invoke: Run, home: Path, text: str) -> None:
    for words in (
        ["search", text],
        ["search", "x", "--label", text],
        ["resolve", f"{text[:3]}"],
        ["show", "x", text[:2]],
    ):
        assert invoke(*words, "--offline").status in (0, 2, 4)

    assert "pos_anc" in invoke("search", "pos_anc").out


# Files


@pytest.mark.parametrize(("umask", "file_mode", "folder_mode"), [(0o077, 0o600, 0o700), (0o002, 0o664, 0o775)])
def test_files_of_a_pull_have_the_permissions_that_the_umask_leaves(
    modelhub: Run,
    home: Path,
    server: Server,
    hub_folder: HubFolder,
    tmp_path: Path,
    umask: int,
    file_mode: int,
    folder_mode: int,
) -> None:
    hub_folder.add(KEY, is_listed=False)
    finished = modelhub("pull", KEY, "--hub", server.uri(), "--no-update", umask=umask)

    assert finished.status == 0, finished.err
    assert modes_below(tmp_path / "cache_pretrained") == ({file_mode}, {folder_mode})


@pytest.mark.slow
def test_files_of_the_registry_have_the_permissions_that_the_umask_leaves(modelhub: Run, tmp_path: Path) -> None:
    assert modelhub("search", "pos", "--home", tmp_path / "own", umask=0o027).status == 0

    assert modes_below(tmp_path / "own") == ({0o640}, {0o750})


def modes_below(folder: Path) -> tuple[set[int], set[int]]:
    """The permissions of all files, and of all folders, the folder itself included."""
    found = [folder, *folder.rglob("*")]
    files, folders = (
        {stat.S_IMODE(path.stat().st_mode) for path in found if path.is_dir() == is_folder}
        for is_folder in (False, True)
    )
    return files, folders
