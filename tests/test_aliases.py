from __future__ import annotations

import os
from pathlib import Path

import pytest

from modelhub.aliases import Aliases
from modelhub.errors import StorageError

KEY = "tiny_pos_en_4.0.0_3.0_1657118162458"


def make_aliases(tmp_path: Path, home: str = "home", *, is_utf8: bool = True) -> Aliases:
    return Aliases(tmp_path / home, is_utf8=lambda: is_utf8, fallback=tmp_path / "temporary")


def make_entry(tmp_path: Path, cache: str, key: str = KEY) -> Path:
    path = tmp_path / cache / key
    path.mkdir(parents=True)
    (path / "weights").write_text("w")
    return path


def test_a_path_that_can_be_loaded_from_is_its_own(tmp_path: Path) -> None:
    path = make_entry(tmp_path, "cache")

    assert make_aliases(tmp_path).loadable(path) == path
    assert not (tmp_path / "home").exists()


def test_an_alias_leads_to_the_entry_and_bears_its_key(tmp_path: Path) -> None:
    path = make_entry(tmp_path, "my cache")
    alias = make_aliases(tmp_path).loadable(path)

    assert alias.resolve() == path
    assert alias.name == KEY
    assert alias.is_relative_to(tmp_path / "home" / "aliases")
    assert " " not in str(alias)


def test_the_same_entry_has_the_same_alias_and_another_has_another(tmp_path: Path) -> None:
    aliases = make_aliases(tmp_path)
    first, second = (make_entry(tmp_path, name) for name in ("my cache", "your cache"))

    assert aliases.loadable(first) == aliases.loadable(first) != aliases.loadable(second)
    assert len(list((tmp_path / "home" / "aliases").glob("*/*"))) == 2


def test_an_alias_that_leads_elsewhere_is_mended(tmp_path: Path) -> None:
    aliases, path = make_aliases(tmp_path), make_entry(tmp_path, "my cache")
    alias = aliases.loadable(path)
    alias.unlink()
    alias.symlink_to(tmp_path)

    assert aliases.loadable(path).resolve() == path


def test_a_key_with_such_a_sign_gets_another_name(tmp_path: Path) -> None:
    path = make_entry(tmp_path, "cache", "a,b_en_4.0.0_3.0_1657118162458")

    assert make_aliases(tmp_path).loadable(path).name == "a_b_en_4.0.0_3.0_1657118162458"


def test_letters_count_by_the_locale(tmp_path: Path) -> None:
    path = make_entry(tmp_path, "modèles")

    assert make_aliases(tmp_path, is_utf8=True).loadable(path) == path
    assert make_aliases(tmp_path, is_utf8=False).sign_against(path) == "è"


@pytest.mark.parametrize("cache", ["modèles", "my modèles"])
def test_no_link_helps_where_the_locale_cannot_read_what_it_leads_to(tmp_path: Path, cache: str) -> None:
    path = make_entry(tmp_path, cache)
    (tmp_path / "link").symlink_to(path.parent)

    for entry in (path, tmp_path / "link" / KEY):
        with pytest.raises(StorageError, match=r"not even by an alias.*LC_ALL=C\.UTF-8"):
            make_aliases(tmp_path, is_utf8=False).loadable(entry)


def test_a_home_that_cannot_be_loaded_from_gives_way_to_temporary_files(tmp_path: Path) -> None:
    path = make_entry(tmp_path, "my cache")
    alias = make_aliases(tmp_path, "my home").loadable(path)

    assert alias.is_relative_to(tmp_path / "temporary")
    assert (tmp_path / "temporary").stat().st_mode & 0o077 == 0


def test_a_folder_that_others_may_write_to_is_not_trusted(tmp_path: Path) -> None:
    path = make_entry(tmp_path, "my cache")
    (tmp_path / "temporary").mkdir()
    (tmp_path / "temporary").chmod(0o777)

    with pytest.raises(StorageError, match="others may write to it"):
        make_aliases(tmp_path, "my home").loadable(path)


def test_a_folder_that_is_a_link_is_not_trusted(tmp_path: Path) -> None:
    path = make_entry(tmp_path, "my cache")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "temporary").symlink_to(tmp_path / "elsewhere")

    with pytest.raises(StorageError):
        make_aliases(tmp_path, "my home").loadable(path)


def test_where_no_folder_will_do_it_is_said_why(tmp_path: Path) -> None:
    path = make_entry(tmp_path, "my cache")
    notes: list[str] = []
    aliases = Aliases(
        tmp_path / "my home", is_utf8=lambda: True, on_note=notes.append, fallback=tmp_path / "my temporary files"
    )

    assert aliases.loadable_if_possible(path) == path
    assert "no folder for aliases has a path without such signs" in notes[0]
    assert "MODELHUB_CACHE" in notes[0]
    assert "' '" in notes[0]


def test_a_file_in_the_way_is_a_reason_too(tmp_path: Path) -> None:
    path = make_entry(tmp_path, "my cache")
    for name in ("home", "temporary"):
        (tmp_path / name).write_text("a file")

    with pytest.raises(StorageError, match="takes no symbolic link"):
        make_aliases(tmp_path).loadable(path)


def test_sweeping_takes_only_what_leads_nowhere(tmp_path: Path) -> None:
    aliases = make_aliases(tmp_path)
    gone, there = (aliases.loadable(make_entry(tmp_path, name)) for name in ("old cache", "new cache"))
    target = gone.resolve()
    (target / "weights").unlink()
    target.rmdir()
    aliases.sweep()

    assert not gone.is_symlink()
    assert not gone.parent.exists()
    assert there.exists()


def test_sweeping_where_nothing_is_does_nothing(tmp_path: Path) -> None:
    make_aliases(tmp_path).sweep()

    assert list(tmp_path.iterdir()) == []


def test_by_default_temporary_files_of_the_user_are_the_way_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import tempfile

    path = make_entry(tmp_path, "my cache")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    alias = Aliases(tmp_path / "my home", is_utf8=lambda: True).loadable(path)

    assert alias.is_relative_to(tmp_path / "tmp" / f"modelhub-{os.getuid()}")


def test_where_no_folder_takes_temporary_files_there_is_no_way_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import tempfile

    path = make_entry(tmp_path, "my cache")
    monkeypatch.setattr(tempfile, "tempdir", None)
    monkeypatch.setattr(tempfile, "_candidate_tempdir_list", lambda: [str(tmp_path / "none")])
    aliases = Aliases(tmp_path / "my home", is_utf8=lambda: True)

    with pytest.raises(StorageError, match="there is no alias for it"):
        aliases.loadable(path)
    aliases.sweep()
