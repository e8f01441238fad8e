from __future__ import annotations

import fcntl
import os
import pty
import random
import re
import signal
import struct
import subprocess
import sys
import termios
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click
import pytest
from hub_server import SAVED_MODEL, HubFolder, Server, make_zip
from serving import wait_for

from modelhub import __version__
from modelhub.cli import cli

KEY = "tiny_pos_en_4.0.0_3.0_1657118162458"
OTHER_KEY = "tiny_ner_de_4.2.0_3.0_1667118162458"
TAGGER = "bert_pos_4L_weight_decay_en_4.0.0_3.0_1657118162458"
ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
COMMANDS = sorted(cli.commands)

Run = Callable[..., Any]


@pytest.fixture
def hub(hub_folder: HubFolder, home: Path, monkeypatch: pytest.MonkeyPatch) -> HubFolder:
    """A hub in a folder, configured, with two tiny models."""
    hub_folder.add(KEY)
    hub_folder.add(OTHER_KEY)
    monkeypatch.setenv("MODELHUB_HUB", hub_folder.uri)
    return hub_folder


def on_terminal(*words: object, answer: str = "", columns: int = 80) -> tuple[int, str]:
    """Exit status of a command and all that a terminal would have shown."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    command = [sys.executable, "-m", "modelhub", *map(str, words)]
    environment = os.environ | {"TERM": "xterm-256color"}
    process = subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, env=environment)
    os.close(theirs)
    os.write(ours, answer.encode())
    shown = b""
    try:
        while piece := os.read(ours, 65536):
            shown += piece
    except OSError:  # Linux says EIO where the last process has closed the terminal
        pass
    os.close(ours)
    return process.wait(30), shown.decode()


# Words and options


@pytest.mark.parametrize("words", [["--version"], ["pull", "--help"], ["-h"]])
def test_help_and_version_are_answers(invoke: Run, words: list[str]) -> None:
    finished = invoke(*words)

    assert (finished.status, finished.err) == (0, "")
    assert ("modelhub" if "pull" not in words else "modelhub pull") in finished.out


def test_without_a_command_the_help_is_shown_as_it_is(invoke: Run) -> None:
    alone = invoke()

    assert (alone.status, alone.out, alone.err) == (2, "", invoke("--help").out)


def test_the_version_is_that_of_the_package(modelhub: Run) -> None:
    assert modelhub("--version").out == f"modelhub {__version__}\n"


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_and_the_common_options(invoke: Run, command: str) -> None:
    finished = invoke(command, "--help")

    assert finished.status == 0
    assert all(option in finished.out for option in ("--json", "--quiet", "--verbose"))
    assert cli.commands[command].help
    assert max(map(len, finished.out.splitlines())) <= 80


@pytest.mark.parametrize(
    "words",
    [
        ["nonsense"],
        ["pull"],
        ["show"],
        ["search", "--nonsense"],
        ["search", "--limit", "many"],
        ["search", "--limit", "9" * 20],
        ["search", "--max-size", "huge"],
        ["search", "--max-size", "500"],
        ["search", "--since", "2023-13"],
        ["search", "--lang", "klingonish"],
        ["search", "--annotator", "nothing"],
        ["search", "--product", "foo"],
        ["search", "--engine", "foo"],
        ["search", "--compatible"],
        ["search", "--since", "yesterday"],
        ["search", "--task", "cooking"],
        ["show", "two words"],
        ["show", "bert_pos_4L_weight_decay", "english!"],
        ["show", "bert_pos_4L_weight_decay", "--load"],
        ["show", "bert_pos_4L_weight_decay", "--card", "--code", "python"],
        ["show", "bert_pos_4L_weight_decay@"],
        ["show", "public/../models/bert_pos_4L_weight_decay"],
        ["pull", "bert_pos_4L_weight_decay", "en", "de"],
        ["pull", f"ftp://hub.example/{TAGGER}.zip"],
        ["pull", "bert_pos_4L_weight_decay", "--cache", "hdfs://name-node/models"],
        ["pull", "bert_pos_4L_weight_decay", "--hub", "https://ada:secret@hub.example"],
        ["resolve", "bert_pos_4L_weight_decay", "--sparknlp", "5.5"],
        ["resolve", "bert_pos_4L_weight_decay", "--spark", "3"],
        ["show", "bert_pos_4L_weight_decay", "--code", "cobol"],
        ["resolve", "https://elsewhere.example/page.html"],
        ["pull", "bert_pos_4L_weight_decay", "--timeout", "0"],
        ["pull", "bert_pos_4L_weight_decay", "--wait", "never"],
        ["resolve", "bert_pos_4L_weight_decay", "--sparknlp", "newest"],
        ["resolve", "bert_pos_4L_weight_decay:en", "de"],
        ["update", "--hub", "ftp://hub.example"],
    ],
)
def test_words_that_make_no_sense_are_usage_errors(invoke: Run, home: Path, words: list[str]) -> None:
    finished = invoke(*words)

    assert (finished.status, finished.out) == (2, "")
    assert finished.err.startswith("error: ")
    assert "Traceback" not in finished.err
    assert "secret" not in finished.err


def test_a_size_that_nothing_can_have_bounds_nothing(invoke: Run, home: Path) -> None:
    words = ("search", "bert_pos_4L_weight_decay", "--quiet", "--max-size")
    finished = [invoke(*words, size) for size in ("900T", "99999999T", "9" * 400 + "T")]

    assert [(one.status, one.out) for one in finished] == [(0, finished[0].out)] * 3
    assert finished[0].out


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (["nonsense"], "modelhub --help"),
        (["pull"], "modelhub pull --help"),
        (["search", "--limit", "many"], "modelhub search --help"),
        (["list", "--nonsense"], "modelhub list --help"),
    ],
)
def test_words_that_no_command_has_are_told_as_every_other_error(invoke: Run, words: list[str], hint: str) -> None:
    lines = invoke(*words).err.splitlines()

    assert lines[0].startswith("error: ")
    assert lines[-1] == f"hint: {hint}"


def test_the_help_says_every_command_in_a_whole_sentence(modelhub: Run) -> None:
    lines = modelhub("--help").out.partition("Commands:")[2].splitlines()

    assert [line.split()[0] for line in lines if line] == COMMANDS
    assert all(line.endswith(".") and not line.endswith("...") for line in lines if line)


@pytest.fixture
def crash() -> Iterator[str]:
    """A command with a fault."""

    @cli.command("crash")
    def run() -> None:
        raise ZeroDivisionError("by nothing")

    yield "crash"
    del cli.commands["crash"]


def test_a_fault_of_ours_is_said_in_a_line_and_with_vv_in_full(invoke: Run, crash: str) -> None:
    finished = invoke(crash)

    assert (finished.status, finished.out) == (1, "")
    assert finished.err.splitlines() == [
        "error: This is a fault of modelhub: ZeroDivisionError('by nothing').",
        "hint: Run it again with -vv, and report what you see.",
    ]


@pytest.mark.parametrize(("option", "is_told"), [("-vv", True), ("-v", False)])
def test_a_fault_of_ours_is_traced_when_asked(invoke: Run, option: str, is_told: bool) -> None:
    @cli.command("crash")
    @click.option("-v", "verbosity", count=True)
    def run(verbosity: int) -> None:
        raise ZeroDivisionError("by nothing")

    finished = invoke("crash", option)
    del cli.commands["crash"]

    assert finished.status == 1
    assert ("Traceback" in finished.err and 'raise ZeroDivisionError("by nothing")' in finished.err) == is_told


def test_an_error_brings_a_traceback_only_when_asked(invoke: Run, home: Path) -> None:
    words = ["path", "none_such"]

    assert "Traceback" not in invoke(*words, "-v").err
    assert "Traceback" in invoke(*words, "-vv").err


# Exit statuses


def test_a_name_with_a_typo_gets_the_nearest(invoke: Run, home: Path) -> None:
    finished = invoke("show", "bert_pos_4L_weight_dcay")

    assert (finished.status, finished.out) == (4, "")
    assert "error: No model is called bert_pos_4L_weight_dcay.\n" in finished.err
    assert "hint: Did you mean bert_pos_4L_weight_decay" in finished.err


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (["search", "xqzzzzk"], 0, "No model found"),
        (["show", "asr_exp_w2v2t_vp_s878_gpu"], 4, "asr_exp_w2v2t_vp_s878_gpu:it"),
        (["show", "bert_pos_4L_weight_decay", "fr"], 4, "bert_pos_4L_weight_decay:en"),
        (["guide", "cooking"], 4, "Token Classification"),
        (["path", "bert_pos_4L_weight_decay"], 4, "modelhub pull bert_pos_4L_weight_decay"),
        (["rm", "bert_pos_4L_weight_decay"], 4, "modelhub list"),
        (["verify", "bert_pos_4L_weight_decay"], 4, "modelhub list"),
        (["resolve", "aner_cc_300d:ar", "--sparknlp", "2.6.0", "--no-update"], 5, "needs Spark NLP 4.0.2 or later"),
        (["pull", f"https://elsewhere.example/{TAGGER}.zip"], 8, "--allow-hub https://elsewhere.example"),
        (["pull", "bert_pos_4L_weight_decay", "--hub", "http://elsewhere.example", "--no-update"], 8, "not encrypted"),
        (["pull", "bert_pos_4L_weight_decay", "--offline"], 9, "offline"),
        (["update", "--offline"], 9, "Offline"),
        (["update", "--cards", "none"], 4, "does not exist"),
    ],
)
def test_a_status_tells_what_happened(invoke: Run, home: Path, words: list[str], status: int, said: str) -> None:
    finished = invoke(*words)

    assert finished.status == status
    assert finished.out == ""
    assert said in finished.err


def test_a_hub_that_fails_has_the_status_of_the_network(invoke: Run, home: Path, server: Server) -> None:
    finished = invoke("pull", "bert_pos_4L_weight_decay", "--no-update", "--hub", server.uri("400"))

    assert (finished.status, finished.out) == (7, "")
    assert "HTTP 400" in finished.err


def test_several_pulls_of_which_one_fails_are_a_partial_success(invoke: Run, hub: HubFolder, tmp_path: Path) -> None:
    finished = invoke("pull", "-q", "tiny_pos", "none_such", "tiny_ner", "de")

    assert finished.status == 3
    assert finished.out.splitlines() == [str(tmp_path / "cache_pretrained" / key) for key in (KEY, OTHER_KEY)]
    assert "error: none_such: No model is called none_such." in finished.err


def test_one_pull_that_fails_needs_no_prefix(invoke: Run, hub: HubFolder) -> None:
    assert "error: No model is called none_such." in invoke("pull", "none_such").err


def test_several_pulls_that_fail_alike_have_their_own_status(invoke: Run, hub: HubFolder) -> None:
    assert invoke("pull", "none_such", "none_either").status == 4
    (hub.folder / "public" / "models" / f"{KEY}.zip").write_bytes(b"")
    assert invoke("pull", "none_such", "tiny_pos").status == 3


def test_damage_has_the_status_of_integrity(invoke: Run, hub: HubFolder, tmp_path: Path) -> None:
    invoke("pull", "tiny_pos")
    path = tmp_path / "cache_pretrained" / KEY
    (path / "weights").unlink()
    finished = invoke("verify")

    assert finished.status == 6
    assert finished.out == f"{KEY}\taltered\n"
    assert finished.err.splitlines() == [
        "0 good, 1 broken",
        f"error: {path} is altered: weights is missing.",
        f"hint: If nobody meant to change it: modelhub verify --repair {KEY}",
    ]
    assert invoke("verify", "-q").out == f"{KEY}\n"
    assert invoke("path", "tiny_pos").status == invoke("pull", "tiny_pos").status == 6
    invoke("rm", "tiny_pos", "--yes")
    assert invoke("pull", "-q", "tiny_pos").status == invoke("verify").status == 0


def test_a_cache_that_cannot_be_written_has_the_status_of_storage(invoke: Run, hub: HubFolder, tmp_path: Path) -> None:
    (tmp_path / "occupied").write_text("a file", encoding="utf-8")
    finished = invoke("pull", "tiny_pos", "--cache", tmp_path / "occupied")

    assert finished.status == 10
    assert "MODELHUB_CACHE" in finished.err


# Answers in a pipe


def test_a_search_in_a_pipe_is_one_line_of_columns_per_model(modelhub: Run, home: Path) -> None:
    finished = modelhub("search", "pos", "--lang", "en", "--limit", 3)
    lines = finished.out.splitlines()

    assert finished.status == 0
    assert [len(line.split("\t")) for line in lines] == [8, 8, 8]
    assert not ANSI.search(finished.out + finished.err)
    assert re.fullmatch(r"3 of \d+ models; --limit 0 shows all\.\n", finished.err)


def test_quiet_commands_print_only_the_answer(invoke: Run, hub: HubFolder, tmp_path: Path) -> None:
    path = tmp_path / "cache_pretrained" / KEY
    answers = {
        ("search", "4L weight decay"): "bert_pos_4L_weight_decay:en",
        ("show", "bert_pos_4L_weight_decay"): "bert_pos_4L_weight_decay:en",
        ("update",): "13867",
        ("resolve", "tiny_pos", "en"): f"{hub.uri}/public/models/{KEY}.zip",
        ("pull", "--dry-run", "tiny_pos"): str(path),
        ("pull", "tiny_pos", "en"): str(path),
        ("path", "tiny_pos"): str(path),
        ("list",): KEY,
        ("verify",): "",
        ("guide",): "Token Classification",
        ("rm", "tiny_pos", "--yes"): KEY,
    }

    for words, answer in answers.items():
        finished = invoke(*words, "-q")
        assert (words, finished.status, finished.err) == (words, 0, "")
        assert finished.out.rstrip("\n") == answer


def test_a_pull_says_a_line_per_phase_and_prints_the_path(invoke: Run, hub: HubFolder, tmp_path: Path) -> None:
    size = (hub.folder / "public" / "models" / f"{KEY}.zip").stat().st_size
    finished = invoke("pull", "tiny_pos", "en")

    assert finished.out == f"{tmp_path / 'cache_pretrained' / KEY}\n"
    assert finished.err.splitlines() == [
        "resolving tiny_pos:en",
        f"downloading and unpacking {KEY} ({size} B)",
        f"checking {KEY}",
        f"tiny_pos:en: {size} B downloaded",
    ]
    assert "already in the cache, 0 B downloaded" in invoke("pull", "tiny_pos").err


@pytest.mark.parametrize("form", [["tiny_pos", "en"], ["tiny_pos:en"], [KEY], ["public/models/tiny_pos:en@4.0.0"]])
def test_all_forms_of_a_reference_pull_the_same(invoke: Run, hub: HubFolder, form: list[str], tmp_path: Path) -> None:
    assert invoke("pull", "-q", *form).out == f"{tmp_path / 'cache_pretrained' / KEY}\n"


def test_a_dry_run_of_a_pull_names_uri_and_path_and_downloads_nothing(
    invoke: Run, hub: HubFolder, tmp_path: Path
) -> None:
    finished = invoke("pull", "tiny_pos", "--dry-run")

    assert finished.out == f"{tmp_path / 'cache_pretrained' / KEY}\n"
    assert f"would be downloaded (size not known) from {hub.uri}/public/models/{KEY}.zip" in finished.err
    assert not (tmp_path / "cache_pretrained").exists()


def test_every_candidate_is_explained(invoke: Run, home: Path) -> None:
    finished = invoke("resolve", "aner_cc_300d", "ar", "--explain", "--no-update", "--sparknlp", "4.0.1")

    assert finished.out.splitlines() == [
        "aner_cc_300d_ar_4.0.0_3.0_1658869537384\ttaken: first in Spark NLP's order",
        "aner_cc_300d_ar_2.7.0_2.4_1607171178394\tfor Spark 2.4; 3.0 comes before it",
        "aner_cc_300d_ar_4.0.2_3.0_1660030385202\tneeds Spark NLP 4.0.2 or later, here is 4.0.1",
    ]


def test_the_product_is_what_a_licensed_model_needs(invoke: Run, home: Path) -> None:
    assert "\nneeds\tFinance NLP 1.0.0+ on Spark 3.2+\n" in invoke("show", "finner_deid").out
    assert "\nneeds\tSpark NLP 4.0.0+ on Spark 3.0+\n" in invoke("show", "bert_pos_4L_weight_decay").out


@pytest.mark.parametrize("task", [["ner"], ["POS"], ["token"], ["named", "entity"]])
def test_a_guide_is_found_by_its_sub_task(invoke: Run, home: Path, task: list[str]) -> None:
    shown = invoke("guide", *task).out

    assert shown.startswith("## Token Classification\n")
    assert "the text was taken" not in shown


@pytest.mark.parametrize(
    "form", [[KEY], ["tiny_pos:en@4.0.0"], ["public/models/tiny_pos"], ["hub", f"public/models/{KEY}.zip"]]
)
def test_what_is_cached_is_named_in_every_form(invoke: Run, hub: HubFolder, form: list[str], tmp_path: Path) -> None:
    reference = "/".join([hub.uri, *form[1:]]) if form[0] == "hub" else form[0]
    invoke("pull", "tiny_pos")

    assert invoke("path", reference).out == f"{tmp_path / 'cache_pretrained' / KEY}\n"
    assert invoke("verify", reference).out == f"{KEY}\tgood\n"
    assert invoke("rm", reference, "--yes").out == f"{KEY}\n"


def test_a_page_and_code_are_printed_as_they_are(invoke: Run, home: Path) -> None:
    page = invoke("show", "bert_pos_4L_weight_decay", "--card")
    code = invoke("show", "bert_pos_4L_weight_decay", "--code", "python")

    assert page.out.startswith("---\nlayout: model\n")
    assert 'BertForTokenClassification.pretrained("bert_pos_4L_weight_decay", "en")' in code.out
    compile(code.out, "snippet", "exec")


def test_an_update_says_what_changed_and_what_gave_trouble(
    invoke: Run, hub: HubFolder, make_card: Callable[..., str], tmp_path: Path
) -> None:
    (tmp_path / "cards").mkdir()
    (tmp_path / "cards" / "good.md").write_text(make_card(key="x_pos_en_4.0.0_3.0_1657118162458"), encoding="utf-8")
    (tmp_path / "cards" / "bad.md").write_text("nothing\n", encoding="utf-8")
    finished = invoke("update", "--cards", tmp_path / "cards", "public/models")

    assert finished.status == 0
    assert f"{tmp_path / 'cards'}: 1 added, 0 changed, 0 removed" in finished.out
    assert "/public/models/metadata.json: 2 added, 0 changed, 0 removed" in finished.out
    assert "bad.md:" in finished.err


def test_of_several_updates_those_that_fail_say_which(invoke: Run, hub: HubFolder) -> None:
    finished = invoke("update", "public/models", "none/models")

    assert finished.status == 3
    assert finished.out.count("\n") == 1
    assert "error: none/models: " in finished.err
    assert invoke("update", "none/models").status == 4
    assert invoke("update", "none/models", "nor/models").status == 4


@pytest.mark.parametrize("words", [["rm", "tiny_pos"], ["rm", "tiny_pos", "--json"]])
def test_rm_needs_yes_where_nobody_can_be_asked(
    invoke: Run, modelhub: Run, hub: HubFolder, words: list[str], tmp_path: Path
) -> None:
    invoke("pull", "tiny_pos")
    finished = modelhub(*words)

    assert finished.status == 2
    assert "--yes" in finished.err
    assert (tmp_path / "cache_pretrained" / KEY).is_dir()


def test_rm_removes_what_it_names(invoke: Run, hub: HubFolder, tmp_path: Path) -> None:
    invoke("pull", "tiny_pos", "tiny_ner")

    plan = invoke("rm", "tiny_pos", "--dry-run")
    assert (plan.out, plan.err) == (f"{KEY}\n", "would remove 1 model, 1.1 kB\n")
    assert (tmp_path / "cache_pretrained" / KEY).is_dir()
    done = invoke("rm", "tiny_pos", "--yes")
    assert (done.out, done.err) == (f"{KEY}\n", "removed 1 model, 1.1 kB\n")
    assert [path.name for path in (tmp_path / "cache_pretrained").glob("tiny*")] == [OTHER_KEY]


# Processes


@pytest.mark.usefixtures("unmeasured")
def test_forced_colours_are_there_without_a_terminal_and_change_no_table(modelhub: Run, home: Path) -> None:
    environment = dict(os.environ)

    forced = modelhub("search", "4L weight", env=environment | {"FORCE_COLOR": "1"})
    assert forced.out == modelhub("search", "4L weight").out
    assert ANSI.search(modelhub("show", "none_such", env=environment | {"FORCE_COLOR": "1"}).err)
    both = environment | {"FORCE_COLOR": "1", "NO_COLOR": "1"}
    assert not ANSI.search(modelhub("show", "none_such", env=both).err)


@pytest.mark.usefixtures("unmeasured")
def test_letters_that_the_encoding_lacks_do_not_end_a_command(modelhub: Run, home: Path, tmp_path: Path) -> None:
    card = tmp_path / "card.md"
    card.write_text("---\ntitle: na\u00efve \u6f22\u5b57\nname: x\n---\n", encoding="utf-8")
    ascii_only = os.environ | {"LC_ALL": "C", "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    invocations = [["update", "--cards", card], ["search", "\u6f22\u5b57"], ["show", "\u00e9"], ["list"], ["--help"]]
    finished = [modelhub(*words, env=ascii_only) for words in invocations]

    assert [(run.status, "Traceback" in run.err) for run in finished] == [
        (0, False),
        (0, False),
        (2, False),
        (0, False),
        (0, False),
    ]
    assert all(run.out.isascii() and run.err.isascii() for run in finished)


@pytest.mark.parametrize("form", [[], ["--json"], ["-q"]])
def test_a_reader_that_has_seen_enough_ends_a_command_quietly(start: Run, home: Path, form: list[str]) -> None:
    with start("search", "bert", "--limit", 0, *form) as process:
        first = process.stdout.readline()
        process.stdout.close()
        talk = process.stderr.read()

    assert first
    assert (process.wait(30), talk) == (0, "")


@pytest.mark.usefixtures("unmeasured")
@pytest.mark.parametrize(
    ("words", "status"), [(["search", "pos"], 0), (["list", "--json"], 0), (["--help"], 0), (["nonsense", "--json"], 2)]
)
def test_a_closed_or_full_output_ends_no_command_in_a_crash(home: Path, words: list[str], status: int) -> None:
    def ended(redirection: str) -> tuple[int, str]:
        command = f'exec "$@" {redirection}'
        finished = subprocess.run(
            ["sh", "-c", command, "sh", sys.executable, "-m", "modelhub", *words], capture_output=True, text=True
        )
        assert finished.stdout == ""
        return finished.returncode, finished.stderr

    closed, full, deaf = ended(">&-"), ended(">/dev/full"), ended("2>&- >/dev/null")

    assert closed[0] == deaf[0] == status
    # With PYTHONUNBUFFERED it shows before the command's own error is told, else behind it.
    assert full[0] == 10
    assert full[1].splitlines()[-1] == "error: The output cannot be written: No space left on device."
    assert "Traceback" not in closed[1] + full[1]


@pytest.mark.usefixtures("unmeasured")
def test_where_standard_error_is_closed_no_talk_gets_into_the_answer(home: Path) -> None:
    command = ["sh", "-c", 'exec "$@" 2>&-', "sh", sys.executable, "-m", "modelhub"]
    finished = subprocess.run([*command, "pull", "none_such", "--offline"], capture_output=True, text=True)

    assert (finished.returncode, finished.stdout) == (4, "")


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupted_pull_leaves_nothing_half_and_says_so_by_its_status(
    start: Run, server: Server, hub_folder: HubFolder, home: Path, tmp_path: Path, number: int, status: int
) -> None:
    hub_folder.add(TAGGER)
    with start("pull", "bert_pos_4L_weight_decay", "--no-update", "--hub", server.uri("stall-at", 300)) as process:
        wait_for(lambda: "GET" in server.asked(".zip") and (tmp_path / "cache_pretrained/.modelhub/staging").is_dir())
        process.send_signal(number)
        out, err = process.communicate(timeout=30)
    cache = tmp_path / "cache_pretrained"

    assert (process.returncode, out) == (status, "")
    assert "Traceback" not in err
    assert [path.name for path in cache.iterdir()] == [".modelhub"]
    assert not list((cache / ".modelhub" / "staging").iterdir())


def test_an_interrupt_among_the_imports_shows_no_traceback() -> None:
    program = """
import importlib.abc, signal, sys
from modelhub.__main__ import main
class Interrupting(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name == "click":
            signal.raise_signal(signal.SIGINT)
sys.meta_path.insert(0, Interrupting())
main(["list"])
"""
    finished = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)

    assert (finished.returncode, finished.stdout, finished.stderr) == (130, "", "interrupted\n")


ODD_MOMENTS = {
    "the end of an object, where nothing can be raised": """
        thing = Thing()
        ref = weakref.ref(thing, end)
        del thing
""",
    "the making of a class, where Python wraps what is raised": """
        class Made:
            noisy = Noisy()
""",
}


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.parametrize("moment", ODD_MOMENTS.values(), ids=ODD_MOMENTS)
@pytest.mark.parametrize("module", ["click.core", "modelhub.building"])
def test_a_signal_ends_a_command_at_odd_moments_too(
    tmp_path: Path, module: str, moment: str, number: int, status: int
) -> None:
    program = f"""
import importlib.abc, signal, sys, weakref
from modelhub.__main__ import run
class Thing: pass
def end(ref):
    signal.raise_signal({int(number)})
    for _ in range(1000): pass
class Noisy:
    def __set_name__(self, owner, name):
        end(None)
class Ending(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name != {module!r}:
            return
        {moment.strip()}
sys.meta_path.insert(0, Ending())
sys.argv[1:] = ["search", "pos", "--home", {str(tmp_path)!r}]
run()
"""
    finished = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)

    assert (finished.returncode, finished.stdout) == (status, "")
    assert "Exception ignored" not in finished.stderr


@pytest.mark.usefixtures("unmeasured")
def test_two_pulls_of_one_model_at_once_make_one_whole_entry(
    start: Run, server: Server, hub_folder: HubFolder, home: Path, tmp_path: Path
) -> None:
    weights = random.Random(1).randbytes(60_000)
    hub_folder.add(KEY, make_zip({**SAVED_MODEL, "weights": weights}))
    both = [start("pull", "-q", KEY, "--hub", server.uri("slow"), "--no-update") for _ in range(2)]
    ended = [(*process.communicate(timeout=30), process.returncode) for process in both]
    path = tmp_path / "cache_pretrained" / KEY

    assert ended == [(f"{path}\n", "", 0)] * 2
    assert (path / "weights").read_bytes() == weights
    assert server.asked(".zip") == ["GET"] * 2  # the head and the tail of one download


# What is imported


def imported(*words: object) -> set[str]:
    """The top-level modules that a command imports, and rich.progress."""
    command = [sys.executable, "-X", "importtime", "-m", "modelhub", *map(str, words)]
    finished = subprocess.run(command, capture_output=True, text=True, check=True, encoding="utf-8")
    return {line.rpartition("|")[2].strip() for line in finished.stderr.splitlines() if line.startswith("import time:")}


@pytest.mark.usefixtures("unmeasured")
@pytest.mark.parametrize(
    ("words", "unwanted"),
    [
        (["search", "pos", "--lang", "en"], {"requests", "boto3", "yaml", "rich", "modelhub.cache", "modelhub.cards"}),
        (["search", "pos", "--json"], {"requests", "boto3", "yaml", "rich"}),
        (["--help"], {"requests", "boto3", "yaml", "rich", "sqlite3", "modelhub.hub"}),
        (["pull", KEY, "--no-update"], {"requests", "boto3", "yaml", "rich", "modelhub.searchable"}),
        (["list"], {"requests", "boto3", "yaml", "rich", "modelhub.ingest"}),
    ],
)
def test_a_command_imports_no_more_than_it_needs(hub: HubFolder, words: list[str], unwanted: set[str]) -> None:
    modules = imported(*words)

    assert "modelhub.cli" in modules
    assert not unwanted & modules


# A terminal


def test_a_search_on_a_terminal_is_a_table_that_fits(home: Path) -> None:
    status, shown = on_terminal("search", "pos", "--lang", "en", "--limit", 5)
    lines = ANSI.sub("", shown).replace("\r", "").splitlines()

    assert status == 0
    assert re.match(r"MODEL +.*SIZE +", lines[0])
    assert len(lines) == 1 + 5 + 1
    assert ANSI.search(shown)
    assert max(map(len, lines)) <= 80
    assert "\t" not in shown


@pytest.mark.usefixtures("unmeasured")
@pytest.mark.parametrize(
    "words",
    [
        ["search", "pos"],
        ["show", "bert_pos_4L_weight_decay", "--code", "python"],
        ["show", "bert_pos_4L_weight_decay", "--card"],
        ["show", "none_such"],
        ["guide", "token"],
    ],
)
def test_no_ansi_on_a_terminal_where_it_is_not_wanted(
    home: Path, monkeypatch: pytest.MonkeyPatch, words: list[str]
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("FORCE_COLOR", "1")
    _, shown = on_terminal(*words)

    assert shown
    assert not ANSI.search(shown)


@pytest.mark.parametrize(("sort", "column"), [("f1", "F1"), ("date", "DATE"), ("size", "SIZE")])
@pytest.mark.parametrize("builds", [[], ["--all-versions"]])
def test_what_a_search_is_sorted_by_is_shown_however_narrow_the_terminal(
    home: Path, sort: str, column: str, builds: list[str]
) -> None:
    status, shown = on_terminal("search", "ner", "--sort", sort, "--limit", 5, *builds, columns=40)
    header = ANSI.sub("", shown).splitlines()[0].split()

    assert status == 0
    assert (column if not (builds and sort == "date") else "BUILT") in header


def test_a_page_is_rendered_on_a_terminal(home: Path) -> None:
    status, shown = on_terminal("show", "bert_pos_4L_weight_decay", "--card", columns=120)
    plain = ANSI.sub("", shown)

    assert status == 0
    assert "Description" in plain
    for sign in ("layout: model", "{%", "{:", "<div", "</button>"):
        assert sign not in plain


def test_who_names_several_models_on_a_terminal_is_asked_which(home: Path) -> None:
    status, shown = on_terminal("resolve", "ar.pos", "--offline", answer="2\n")
    plain = ANSI.sub("", shown)

    assert status == 0
    assert re.search(r"1  pos_padt:ar\s+2  pos_ud_padt:ar\s+Which one: ", plain)
    assert re.search(r"/public/models/pos_ud_padt_ar_[\w.]+\.zip\s*$", plain)


@pytest.mark.parametrize("words", [["show", "ar.pos", "-q"], ["resolve", "ar.pos", "--offline", "--json"]])
def test_nobody_is_asked_who_wants_only_the_answer(home: Path, words: list[str]) -> None:
    status, shown = on_terminal(*words)

    assert status == 4
    assert "Which one" not in shown


def test_who_names_several_models_in_a_pipe_is_told_what_to_type(invoke: Run, home: Path) -> None:
    finished = invoke("resolve", "ar.pos", "--offline")

    assert finished.status == 4
    assert "\n  modelhub resolve pos_padt:ar\n  modelhub resolve pos_ud_padt:ar\nhint: " in finished.err


def test_models_are_compared_on_a_terminal(home: Path) -> None:
    status, shown = on_terminal("compare", "pos_padt", "ar", "pos_ud_padt:ar", columns=100)
    plain = ANSI.sub("", shown)

    assert status == 0
    assert re.search(r"pos_padt:ar +pos_ud_padt:ar", plain)
    assert re.search(r"^ +task +Part of Speech Tagging +Part of Speech Tagging", plain, re.M)


def test_a_pull_on_a_terminal_draws_a_bar(server: Server, hub_folder: HubFolder, home: Path, tmp_path: Path) -> None:
    hub_folder.add(KEY, make_zip({**SAVED_MODEL, "weights": random.Random(1).randbytes(1_000_000)}))
    status, shown = on_terminal("pull", "tiny_pos", "--hub", server.uri("slow"), "--connections", 2)
    plain = ANSI.sub("", shown)

    assert status == 0
    assert "downloading" in plain
    assert re.search(r"\d/\d+(\.\d+)? [kM]B", plain)
    assert re.search(r"tiny_pos:en: 1\.\d MB downloaded", plain)
    assert str(tmp_path / "cache_pretrained" / KEY) in plain.replace("\r\n", "")


@pytest.mark.parametrize(("answer", "status", "is_there"), [("y\n", 0, False), ("n\n", 1, True)])
def test_rm_asks_on_a_terminal(
    invoke: Run, hub: HubFolder, tmp_path: Path, answer: str, status: int, is_there: bool
) -> None:
    invoke("pull", "tiny_pos")
    ended, shown = on_terminal("rm", "tiny_pos", answer=answer)

    assert f"Remove {KEY} (1.1 kB)? [y/N]" in shown.replace("\r\n", "")
    assert ended == status
    assert (tmp_path / "cache_pretrained" / KEY).is_dir() == is_there


@pytest.mark.usefixtures("unmeasured")
def test_commands_on_a_narrow_terminal_with_few_letters_do_not_crash(
    hub: HubFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONIOENCODING", "ascii")
    monkeypatch.setenv("LC_ALL", "C")

    for words in (["show", "bert_pos_4L_weight_decay", "--card"], ["pull", "tiny_pos"], ["guide", "token"]):
        status, shown = on_terminal(*words, columns=24)
        assert (words, status) == (words, 0)
        assert "Traceback" not in shown
