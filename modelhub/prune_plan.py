"""What a prune takes out of the cache: criteria and facts in, a plan out.

Nothing is ever taken that a lockfile names, or that somebody has changed: what a hub cannot give back is not ours to
throw away.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import field, replace
from datetime import datetime, timezone
from typing import Any

from modelhub.amounts import ago_text, bytes_text
from modelhub.artifacts import Artifact, ArtifactKey
from modelhub.entry_states import ALTERED, FOREIGN, PARTIAL, WHOLE
from modelhub.errors import IncompatibleError, UsageError
from modelhub.quick_dataclasses import dataclass
from modelhub.resolver import Runtime, choose

_NOT_OURS = (ALTERED, FOREIGN)
# Spark NLP tells nobody that it unpacks, so what has just been written may be in its hands.
_SETTLED_S = 600.0


@dataclass(frozen=True, kw_only=True)
class Criteria:
    """What is to be removed; what meets one of them goes.

    Attributes:
        is_superseded: Entries instead of which Spark NLP would take another one.
        is_partial: What interrupted programs left.
        unused_for_s: What was not used for so long.
        keep_bytes: The least recently used, until so much is left.
    """

    is_superseded: bool = False
    is_partial: bool = False
    unused_for_s: float | None = None
    keep_bytes: int | None = None

    @property
    def is_empty(self) -> bool:
        """Whether nothing could ever be removed."""
        return self == Criteria()


@dataclass(frozen=True, kw_only=True)
class Belongings:
    """What a cache holds of one key.

    Attributes:
        state: Of the entry; "" where only leftovers are there.
        path: Where the entry is, or would be.
        entry_bytes: Size of the entry.
        leftover_bytes: What its leftovers take.
        leftovers: What they are, in words.
        used_s: When it was last used, in seconds since 1970.
        changed_s: When something was last written to what Spark NLP left half, or is unpacking; 0 where nothing is.
    """

    key: ArtifactKey
    path: str
    state: str = ""
    entry_bytes: int = 0
    leftover_bytes: int = 0
    leftovers: tuple[str, ...] = ()
    used_s: float = 0.0
    changed_s: float = 0.0

    @property
    def size_bytes(self) -> int:
        """All of it."""
        return self.entry_bytes + self.leftover_bytes


@dataclass(frozen=True, kw_only=True)
class PruneItem:
    """What of one key is removed, and why.

    Attributes:
        takes_entry: Whether all that belongs to the key goes, not only its leftovers.
        reasons: Which criteria it meets, in words.
        obstacle: Why it stays all the same; "" where it goes.
    """

    belongings: Belongings
    takes_entry: bool
    reasons: tuple[str, ...]
    obstacle: str = ""

    @property
    def key(self) -> ArtifactKey:
        """Whose it is."""
        return self.belongings.key

    @property
    def size_bytes(self) -> int:
        """How much removing it frees."""
        return self.belongings.size_bytes if self.takes_entry else self.belongings.leftover_bytes

    def to_dict(self) -> dict[str, Any]:
        """The item as it stands in JSON answers."""
        used = datetime.fromtimestamp(self.belongings.used_s, timezone.utc)
        obstacle = {"obstacle": self.obstacle} if self.obstacle else {}
        return {
            "key": str(self.key),
            "path": self.belongings.path,
            "size_bytes": self.size_bytes,
            "state": self.belongings.state,
            "what": "entry" if self.takes_entry and self.belongings.state else "leftovers",
            "reasons": list(self.reasons),
            "last_used": used.isoformat(timespec="seconds").replace("+00:00", "Z"),
            **obstacle,
        }


@dataclass(frozen=True, kw_only=True)
class PrunePlan:
    """What would be removed, or was.

    Attributes:
        items: What goes.
        kept: What meets a criterion and stays, with the obstacle.
        cache_bytes: What the cache holds before.
    """

    items: tuple[PruneItem, ...] = ()
    kept: tuple[PruneItem, ...] = ()
    cache_bytes: int = 0

    @property
    def freed_bytes(self) -> int:
        """How much the items free."""
        return sum(item.size_bytes for item in self.items)

    @property
    def left_bytes(self) -> int:
        """What the cache holds afterwards."""
        return self.cache_bytes - self.freed_bytes

    def without(self, obstacles: Mapping[ArtifactKey, str]) -> PrunePlan:
        """The plan, but some items stay; why is said for each."""
        kept = (replace(item, obstacle=obstacles[item.key]) for item in self.items if item.key in obstacles)
        items = tuple(item for item in self.items if item.key not in obstacles)
        return replace(self, items=items, kept=(*self.kept, *kept))

    def to_dict(self) -> dict[str, Any]:
        """The plan as it stands in JSON answers."""
        return {
            "items": [item.to_dict() for item in self.items],
            "kept": [item.to_dict() for item in self.kept],
            "freed_bytes": self.freed_bytes,
            "cache_bytes": self.cache_bytes,
        }


def plan_prune(
    belongings: Iterable[Belongings],
    criteria: Criteria,
    *,
    now_s: float,
    superseded_by: Mapping[ArtifactKey, ArtifactKey] | None = None,
    protected: Collection[ArtifactKey] = (),
) -> PrunePlan:
    """Decide what goes; the least recently used first.

    Args:
        belongings: What the cache holds.
        criteria: What is to be removed.
        now_s: The time, in seconds since 1970.
        superseded_by: What Spark NLP would take instead, as :func:`superseding` tells it.
        protected: What lockfiles name.
    """
    planning = _Planning(criteria, now_s, superseded_by or {}, protected)
    oldest_first = sorted(belongings, key=lambda held: (held.used_s, held.key))
    items = [item for held in oldest_first if (item := planning.item(held))]
    plan = PrunePlan(
        items=tuple(item for item in items if not item.obstacle),
        kept=tuple(item for item in items if item.obstacle),
        cache_bytes=sum(held.size_bytes for held in oldest_first),
    )
    if criteria.keep_bytes is None:
        return plan
    return _down_to(plan, oldest_first, planning, criteria.keep_bytes)


def superseding(
    states: Mapping[ArtifactKey, str], artifacts: Mapping[ArtifactKey, Artifact], runtime: Runtime
) -> dict[ArtifactKey, ArtifactKey]:
    """Which entries have one of the same model beside them that Spark NLP can load, and would take instead.

    Args:
        states: What the cache holds, and in what state.
        artifacts: What is known of each; one that is missing supersedes nothing and is not superseded.
        runtime: What Spark NLP runs there.
    """
    models: dict[tuple[str, str, str], list[Artifact]] = {}
    for key in states.keys() & artifacts.keys():
        artifact = artifacts[key]
        models.setdefault((artifact.repository, artifact.name, artifact.language), []).append(artifact)
    found: dict[ArtifactKey, ArtifactKey] = {}
    for model in models.values():
        for artifact in model:
            rivals = [other for other in model if other is artifact or states[other.key] in WHOLE]
            taken = _taken(sorted(rivals, key=_list_order), runtime)
            if taken and taken.key != artifact.key:
                found[artifact.key] = taken.key
    return found


def keys_in(document: object) -> Iterator[ArtifactKey]:
    """Every ``key`` in a document that is the key of an artifact, however deep it lies.

    Args:
        document: A lockfile, as JSON values.
    """
    children: Iterable[object] = document if isinstance(document, list) else ()
    if isinstance(document, Mapping):
        with suppress(UsageError):
            yield ArtifactKey.parse(str(document.get("key")))
        children = document.values()
    for child in children:
        yield from keys_in(child)


@dataclass(frozen=True)
class _Planning:
    """Says of what belongs to a key whether it goes, and why."""

    criteria: Criteria
    now_s: float
    superseded_by: Mapping[ArtifactKey, ArtifactKey] = field(default_factory=dict)
    protected: Collection[ArtifactKey] = ()

    def item(self, held: Belongings) -> PruneItem | None:
        """What of it goes; ``None`` where it meets no criterion."""
        whole = tuple(self._reasons_for_all(held))
        partial = tuple(self._reasons_for_leftovers(held)) if self.criteria.is_partial else ()
        if not (whole or partial):
            return None
        item = PruneItem(belongings=held, takes_entry=bool(whole), reasons=(*whole, *partial))
        return replace(item, obstacle=self.obstacle(item))

    def obstacle(self, item: PruneItem) -> str:
        """Why it must stay; "" where nothing is in the way."""
        held = item.belongings
        if held.key in self.protected:
            return "a lockfile names it"
        if item.takes_entry and held.state in _NOT_OURS:
            return f"it is {held.state}: whatever somebody changed there would be lost"
        age_s = self.now_s - held.changed_s
        if held.changed_s and age_s < _SETTLED_S:
            return f"written {ago_text(max(0.0, age_s))}: a program may be at it"
        return ""

    def _reasons_for_all(self, held: Belongings) -> Iterator[str]:
        if held.key in self.superseded_by:
            yield f"superseded by {self.superseded_by[held.key]}"
        if self.criteria.is_partial and held.state == PARTIAL:
            yield "half unpacked"
        unused_s = self.now_s - held.used_s
        if self.criteria.unused_for_s is not None and unused_s > self.criteria.unused_for_s:
            yield f"last used {ago_text(unused_s)}"

    def _reasons_for_leftovers(self, held: Belongings) -> Iterator[str]:
        yield from dict.fromkeys(held.leftovers)


def _down_to(plan: PrunePlan, oldest_first: Sequence[Belongings], planning: _Planning, keep_bytes: int) -> PrunePlan:
    """The plan with what is least recently used besides, until no more than so much is left."""
    items = {item.key: item for item in plan.items}
    left_bytes = plan.left_bytes
    reason = f"over the {bytes_text(keep_bytes)} to keep"
    for held in oldest_first:
        if left_bytes <= keep_bytes:
            break
        before = items.get(held.key)
        if before and before.takes_entry:
            continue
        reasons = (*before.reasons, reason) if before else (reason,)
        item = PruneItem(belongings=held, takes_entry=True, reasons=reasons)
        if not planning.obstacle(item):
            items[held.key] = item
            left_bytes -= item.size_bytes - (before.size_bytes if before else 0)
    in_order = tuple(items[held.key] for held in oldest_first if held.key in items)
    return replace(plan, items=in_order)


def _taken(candidates: Sequence[Artifact], runtime: Runtime) -> Artifact | None:
    try:
        return choose(candidates, runtime).artifact
    except IncompatibleError:
        return None


def _list_order(artifact: Artifact) -> tuple[int, ArtifactKey]:
    """The order of ``metadata.json``, which decides between equals; what it does not list comes last."""
    return artifact.position or 1 << 62, artifact.key
