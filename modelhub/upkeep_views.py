"""Results of the commands that keep a cache in order, as text."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from modelhub.output import Output, bytes_text

if TYPE_CHECKING:  # a view needs no more of these than their attributes
    from modelhub.prune_plan import PruneItem, PrunePlan
    from modelhub.results import PulledModel


def view_plan(output: Output, plan: PrunePlan) -> None:
    """One row for each key that goes."""
    if output.is_quiet:
        for item in plan.items:
            output.line(str(item.key))
        return
    output.table(
        ("KEY", "SIZE", "WHY", "LAST USED"),
        [(str(item.key), bytes_text(item.size_bytes), ", ".join(item.reasons), _date(item)) for item in plan.items],
        right=("SIZE",),
        optional=("LAST USED",),
    )


def view_pruned(output: Output, plan: PrunePlan, *, is_dry_run: bool, is_told: bool, keep_bytes: int | None) -> None:
    """What went or would go, what stays all the same, and how much that is.

    Args:
        output: Where to.
        plan: What went.
        is_dry_run: Whether nothing went yet.
        is_told: Whether the plan was shown before.
        keep_bytes: How much was to be left, where that was asked for.
    """
    if not is_told:
        view_plan(output, plan)
    for item in plan.kept:
        output.note(f"{item.key} stays, though {', '.join(item.reasons)}: {item.obstacle}.")
    if keep_bytes is not None and plan.left_bytes > keep_bytes:
        output.note(f"What is left has {bytes_text(plan.left_bytes)}: no more of it may go.")
    if not plan.items:
        output.note("Nothing is to be removed.")
        return
    number = "1 key" if len(plan.items) == 1 else f"{len(plan.items):,} keys"
    output.note(f"{'would remove' if is_dry_run else 'removed'} {number}, {bytes_text(plan.freed_bytes)}")


def view_imported(output: Output, imported: Sequence[PulledModel]) -> None:
    """The path of every model that is in the cache now."""
    for model in imported:
        output.line(str(model.path))


def _date(item: PruneItem) -> str:
    return datetime.fromtimestamp(item.belongings.used_s, timezone.utc).date().isoformat()
