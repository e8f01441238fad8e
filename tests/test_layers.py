"""The house: a lower layer never imports a higher one, and some things have only one door."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "modelhub"
MODULES = sorted(path.stem for path in PACKAGE.glob("*.py") if path.stem not in ("__init__", "__main__"))
LAYERS = {
    "ground": "bounds config errors packaged public_hub quick_dataclasses user_folders versions",
    "values": (
        "amounts artifacts card_benchmarks card_checks card_labels card_links card_origins card_scores card_tables "
        "card_words cards certificates class_homes decoding default_models deflate descriptions diagnostics documents "
        "entry_states facts findings frontmatter guides hugging_face languages licences lint lint_code lint_facts "
        "lint_rules load_verdicts markdown nlu_calls not_a_zip objects packing pages pretrained_calls progress proxies "
        "prune_plan ranges references refusals resolver saved_classes saved_parts schema scopes search_score "
        "search_words searchable signatures snippets spark_paths stages tokens versions_together weights zipformat"
    ),
    "input and output": (
        "aliases alternatives arriving asking batches cache connections copying credentials direct disk "
        "disk_probes entries exchange exclusion facets fetching file_sums flushing ingest jar_probe java_probe "
        "leftovers members model_rows network opening part_files partials probes ranged_zips rates recording "
        "records registry saved_models search_expressions search_index search_query searching shared_folders "
        "signing storage text_rows texts transfer unpack unpack_members uses vocabulary"
    ),
    "use cases": (
        "auth building cached_models candidates catalogue comparing completing disk_checks doctor hub hub_checks "
        "hub_copies importing installing linting load_checks load_findings loading locations parts pruning pulling "
        "repairing results searcher shortcuts showing spark verifying version_checks"
    ),
    "faces": (
        "cache_commands card_commands checking_commands checking_views cli commands compare_views "
        "completion_commands demo finding_commands lint_views output registry_commands score_views search_commands "
        "search_views sparknlp upkeep_commands upkeep_views verify_views views"
    ),
}
LAYER_OF = {module: number for number, names in enumerate(LAYERS.values()) for module in names.split()}
ONLY_DOOR = {
    "sqlite3": {"registry"},
    "rich": {"output"},
    "pycurl": {"connections"},
    "requests": {"texts"},
    "boto3": {"credentials"},
    "botocore": {"credentials"},
    "yaml": {"frontmatter"},
    "click": {
        "cache_commands",
        "card_commands",
        "checking_commands",
        "commands",
        "completion_commands",
        "finding_commands",
        "registry_commands",
        "search_commands",
        "upkeep_commands",
    },
    "pyspark": {"spark"},
    "sparknlp": {"sparknlp"},
    "socket": {"probes"},
    "ssl": {"probes"},
}
NOT_FOR_VALUES = {"io", "os", "pathlib", "shutil", "socket", "subprocess", "tempfile", "time", "urllib.request"}


def _tree(module: str) -> ast.Module:
    return ast.parse((PACKAGE / f"{module}.py").read_text(encoding="utf-8"))


def _imports(module: str) -> Iterator[str]:
    """Full names of all that a module imports, those inside functions and for type checking included."""
    for node in ast.walk(_tree(module)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _own_imports(module: str) -> set[str]:
    names = {name.split(".")[1] for name in _imports(module) if name.startswith("modelhub.")}
    return names & set(MODULES)


def test_every_module_has_a_layer() -> None:
    assert sorted(LAYER_OF) == MODULES


@pytest.mark.parametrize("module", MODULES)
def test_no_module_imports_a_higher_layer(module: str) -> None:
    higher = {name for name in _own_imports(module) if LAYER_OF[name] > LAYER_OF[module]}

    assert not higher


def test_modules_of_one_layer_import_each_other_in_one_direction() -> None:
    graph = {module: _own_imports(module) for module in MODULES}
    done: set[str] = set()

    while ready := [module for module in graph if module not in done and graph[module] <= done]:
        done.update(ready)

    assert done == set(MODULES)


@pytest.mark.parametrize(("package", "doors"), ONLY_DOOR.items())
def test_a_resource_has_only_one_door(package: str, doors: set[str]) -> None:
    users = {module for module in MODULES if any(name.split(".")[0] == package for name in _imports(module))}

    assert users <= doors


@pytest.mark.parametrize("module", LAYERS["values"].split())
def test_values_touch_no_file_and_no_clock(module: str) -> None:
    assert not NOT_FOR_VALUES & set(_imports(module))


def test_only_config_reads_the_environment() -> None:
    readers = {
        module
        for module in MODULES
        for node in ast.walk(_tree(module))
        if isinstance(node, ast.Attribute) and node.attr in ("environ", "getenv", "environb")
    }

    assert readers == {"config"}


def test_only_output_prints() -> None:
    printers = {
        module
        for module in MODULES
        for node in ast.walk(_tree(module))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print"
    }

    assert printers == {"output"}


def test_the_readme_names_a_module_once_and_in_its_own_layer() -> None:
    readme = (PACKAGE.parent / "README.md").read_text(encoding="utf-8")
    table = readme.split("**Layers.**")[1].split("|---|---|\n")[1].split("\n\n")[0]
    named = [(row, word) for row, line in enumerate(table.splitlines()) for word in re.findall(r"`(\w+)`", line)]
    modules = [(row, word) for row, word in named if word in LAYER_OF]

    assert len({row for row, _ in modules}) == len(LAYERS)
    assert [word for row, word in modules if LAYER_OF[word] != row] == []
    assert [word for word, count in Counter(word for _, word in modules).items() if count > 1] == []
