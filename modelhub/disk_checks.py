"""Whether the folders that are written can be, and what may become trouble with them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

from modelhub.amounts import bytes_text
from modelhub.config import Config, are_file_names_utf8
from modelhub.disk_probes import FolderState, look_at_folder, write_rate
from modelhub.errors import StorageError
from modelhub.findings import OK, PROBLEM, WARNING, Finding
from modelhub.spark_paths import unreadable_sign

_LITTLE_BYTES = 2_000_000_000  # a large model, and its zip beside it
_WAY_OUT = (
    "modelhub path NAME gives each model an alias that it can load; better set MODELHUB_CACHE to a path without it, "
    "such as that of a symbolic link to the folder."
)
_WAY_OUT_OF_LOCALE = "Start Spark with LC_ALL=C.UTF-8, or set MODELHUB_CACHE to a folder without such letters."
_found = partial(Finding, section="disk")


def check_disk(config: Config, *, is_measured: bool) -> Iterator[Finding]:
    """One finding for each folder of the settings.

    Args:
        config: Settings.
        is_measured: Whether the rate of writing is found out, of every disk once.
    """
    measured: set[int] = set()
    yield _check_folder("cache", config.cache, is_measured, measured)
    home = _check_folder("home", config.home, is_measured, measured)
    if home.state == PROBLEM:  # whatever only reads goes on without one
        text = f"{home.text}; the registry is built for every run, and cannot be updated"
        home = replace(home, state=WARNING, text=text)
    yield home
    for folder in config.cache_readonly:
        if folder.is_dir():
            yield _found(name="cache_readonly", text=f"{folder} is only looked up", figures={"path": str(folder)})
        else:
            text = f"{folder} is no folder"
            hint = "Mount it, or correct MODELHUB_CACHE_READONLY."
            yield _found(name="cache_readonly", state=WARNING, text=text, hint=hint, figures={"path": str(folder)})


def _check_folder(name: str, folder: Path, is_measured: bool, measured: set[int]) -> Finding:
    rate = None
    try:
        state = look_at_folder(folder, hint=f"Choose another folder with MODELHUB_{name.upper()}.")
        if is_measured and state.device not in measured:
            rate = write_rate(state.place)
            measured.add(state.device)
    except StorageError as exc:
        return Finding.of_error("disk", name, exc, path=str(folder), writable=False)
    there = "" if state.is_there else " (not there yet)"
    speed = "" if rate is None else f", written at {bytes_text(rate)}/s"
    concern, hint = concern_about(name, folder, state)
    return _found(
        name=name,
        state=WARNING if concern else OK,
        text=f"{folder}{there}, {bytes_text(state.free_bytes)} free{speed}{concern}",
        hint=hint,
        figures={
            "path": str(folder),
            "writable": True,
            "exists": state.is_there,
            "free_bytes": state.free_bytes,
            "write_bytes_per_s": None if rate is None else round(rate),
            "has_locks": state.has_exclusion,
        },
    )


def concern_about(name: str, folder: Path, state: FolderState) -> tuple[str, str]:
    """What may become trouble with a folder that can be written, and what to do about it; "" where nothing will.

    Args:
        name: Its setting.
        folder: Its path.
        state: How it was found.
    """
    if not state.has_exclusion:
        return (
            "; its file system has no locks, so that two processes do not wait for each other",
            f"Set MODELHUB_{name.upper()} to a folder on another disk, or let one process at a time pull.",
        )
    path = folder.relative_to(folder.anchor).as_posix()
    sign = unreadable_sign(path, is_utf8=path.isascii() or are_file_names_utf8()) if name == "cache" else ""
    if sign:
        return (
            f"; Spark NLP cannot load from a path with {sign!r}, {_why_unreadable(sign)}",
            _WAY_OUT if sign.isascii() else _WAY_OUT_OF_LOCALE,
        )
    if state.free_bytes < _LITTLE_BYTES:
        return ", which is little", "modelhub list shows what takes how much, modelhub rm makes room."
    return "", ""


def _why_unreadable(sign: str) -> str:
    if sign.isascii():
        return "which it takes for part of a URI or pattern"
    return "which its JVM cannot read in a locale that is not UTF-8"
