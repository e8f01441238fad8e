from __future__ import annotations

from pathlib import Path

import pytest

from modelhub.user_folders import cache_folder, config_folder


@pytest.fixture(autouse=True)
def home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/ada")


@pytest.mark.parametrize(
    ("platform", "environ", "cache", "config"),
    [
        ("linux", {}, "/home/ada/.cache/modelhub", "/home/ada/.config/modelhub"),
        ("linux", {"XDG_CACHE_HOME": "/c", "XDG_CONFIG_HOME": "/d"}, "/c/modelhub", "/d/modelhub"),
        (
            "linux",
            {"XDG_CACHE_HOME": "c", "XDG_CONFIG_HOME": ""},
            "/home/ada/.cache/modelhub",
            "/home/ada/.config/modelhub",
        ),
        ("darwin", {}, "/home/ada/Library/Caches/modelhub", "/home/ada/Library/Application Support/modelhub"),
        ("win32", {"LOCALAPPDATA": "/local"}, "/local/modelhub/cache", "/local/modelhub"),
        ("win32", {}, "/home/ada/AppData/Local/modelhub/cache", "/home/ada/AppData/Local/modelhub"),
    ],
)
def test_every_platform_has_its_folders(platform: str, environ: dict[str, str], cache: str, config: str) -> None:
    found = cache_folder(environ, platform=platform), config_folder(environ, platform=platform)

    assert found == (Path(cache), Path(config))
