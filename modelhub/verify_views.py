"""What ``verify`` found, and what it mended, as text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from modelhub.entry_states import GOOD, LEFTOVER
from modelhub.output import Output, bytes_text

if TYPE_CHECKING:  # a view needs no more of these than their attributes
    from modelhub.repairing import Repaired
    from modelhub.verifying import Verified

_NAMED = 8


def view_verify(output: Output, found: Sequence[Verified]) -> None:
    """The state of every entry; what is wrong with the broken ones is told as errors."""
    if output.is_quiet:
        for verified in found:
            if not verified.is_whole:
                output.line(verified.label)
        return
    output.table(("ENTRY", "STATE"), [(verified.label, _state(verified)) for verified in found])
    for verified in found:
        if verified.hub == "replaced":
            output.note(f"The hub now has another zip under {verified.label} than the one that lies here.")
        elif verified.hub == "gone":
            output.note(f"The hub has no {verified.label} any more.")
    output.note(_counts(found))


def view_repair(output: Output, repaired: Sequence[Repaired], *, is_dry_run: bool) -> None:
    """What became of every entry that was not good, or would."""
    if output.is_quiet:
        for item in repaired:
            if _has_changed(item):
                output.line(item.verified.label)
        return
    for item in repaired:
        if _has_changed(item):
            output.line(f"{item.verified.label}\t{_outcome(item, is_dry_run=is_dry_run)}")
            if item.lost:
                output.note(f"{_would(is_dry_run)}thrown away, for somebody had added it: {_some(item.lost)}")
    number = sum(map(_has_changed, repaired))
    fetched = bytes_text(sum(item.fetched_bytes for item in repaired))
    untouched = sum(item.verified.is_good and not _has_changed(item) for item in repaired)
    output.note(f"{number} {_would(is_dry_run)}mended with {fetched} downloaded, {untouched} good before")


def _state(verified: Verified) -> str:
    by = f", superseded by {verified.superseded_by}" if verified.superseded_by else ""
    return f"{verified.state}{by}"


def _counts(found: Sequence[Verified]) -> str:
    good = sum(verified.state == GOOD for verified in found)
    left = sum(verified.state == LEFTOVER for verified in found)
    beside = f", {left} with a zip left beside (modelhub verify --repair deletes it)" if left else ""
    superseded = sum(verified.superseded_by is not None for verified in found)
    older = f", {superseded} superseded (modelhub prune --superseded)" if superseded else ""
    return f"{good} good, {len(found) - good - left} broken{beside}{older}"


def _has_changed(item: Repaired) -> bool:
    return item.is_touched and item.error is None


def _outcome(item: Repaired, *, is_dry_run: bool) -> str:
    brought = "to bring" if is_dry_run else "brought"
    if item.is_renewed:
        what = f"all of it {brought} anew"
    elif item.mended:
        what = f"{_some(item.mended)} {brought}"
    else:
        what = f"{'to put' if is_dry_run else 'put'} in order, nothing {brought}"
    return f"{what} ({bytes_text(item.fetched_bytes)})" if item.fetched_bytes else what


def _some(paths: Sequence[str]) -> str:
    more = len(paths) - _NAMED
    return ", ".join(paths[:_NAMED]) + (f" and {more:,} more" if more > 0 else "")


def _would(is_dry_run: bool) -> str:
    return "would be " if is_dry_run else ""
