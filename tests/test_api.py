from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hub_server import HubFolder

import modelhub

KEY = "tiny_pos_en_4.0.0_3.0_1657118162458"


def test_the_public_list_is_sorted_and_complete() -> None:
    names = {"Hub", "ModelHubError", "__version__", "load", "pull", "resolve", "search", "show"}

    assert modelhub.__all__ == sorted(modelhub.__all__)
    assert set(modelhub.__all__) == names == set(dir(modelhub))


@pytest.mark.parametrize("name", modelhub.__all__)
def test_every_public_name_can_be_imported_and_is_documented(name: str) -> None:
    assert getattr(modelhub, name).__doc__


def test_other_names_are_no_attributes() -> None:
    with pytest.raises(AttributeError, match="nonsense"):
        _ = modelhub.nonsense


@pytest.mark.usefixtures("unmeasured")
def test_the_import_brings_nothing_heavy() -> None:
    code = "import modelhub, sys; print(*sys.modules)"
    finished = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert not {"requests", "boto3", "yaml", "rich", "sqlite3", "click", "modelhub.hub"} & set(finished.stdout.split())


def test_no_module_takes_the_place_of_a_public_name() -> None:
    """Importing a module of that name would bind it in the package, over the function."""
    modules = {path.stem for path in Path(modelhub.__file__).parent.glob("*.py")}

    assert not modules & set(modelhub.__all__)


def test_the_package_is_typed() -> None:
    assert (Path(modelhub.__file__).parent / "py.typed").is_file()


def test_the_functions_do_what_the_hub_does(home: Path, hub_folder: HubFolder, tmp_path: Path) -> None:
    from modelhub import Hub, pull, resolve, search, show

    hub_folder.add(KEY)
    path = pull("tiny_pos", "en", hub=hub_folder.uri)

    assert path == tmp_path / "cache_pretrained" / KEY
    assert show("tiny_pos", hub=hub_folder.uri).path == path
    assert str(resolve("tiny_pos:en", hub=hub_folder.uri).artifact.key) == KEY
    assert "tiny_pos" in [model.artifact.name for model in search("tiny pos", language="en", hub=hub_folder.uri)]
    with Hub() as hub:
        assert hub.path("tiny_pos") == path


def test_a_search_takes_settings_and_filters(home: Path) -> None:
    found = modelhub.search("ner", engine="tensorflow", home=home, sparknlp="5.2.0", is_compatible=True, limit=3)

    assert len(found) == 3
    assert {model.artifact.engine for model in found} == {"tensorflow"}
    assert all(model.is_compatible for model in found)


@pytest.mark.parametrize("call", [modelhub.pull, modelhub.show, modelhub.resolve, modelhub.search])
def test_a_setting_or_filter_that_does_not_exist_is_an_error_of_ours(home: Path, call: Callable[..., object]) -> None:
    with pytest.raises(modelhub.ModelHubError, match="no (setting|filter) 'chache'"):
        call("tiny_pos", chache="here")


def test_every_error_of_a_call_is_one_of_ours(home: Path) -> None:
    for call in (modelhub.show, modelhub.resolve, modelhub.pull):
        with pytest.raises(modelhub.ModelHubError):
            call("none_such", offline=True)
