"""Removing from the cache by criteria: the facts are gathered, a plan is made of them, and it is carried out.

Only the cache that is written is looked at. Each key is removed with its exclusion held, and only if all that was known
of it when the plan was made is still so: what somebody pulled or used meanwhile stays.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from modelhub.artifacts import Artifact, ArtifactKey, ArtifactLocation
from modelhub.cache import Cache, Entry
from modelhub.candidates import Candidates
from modelhub.config import Config
from modelhub.disk import disk_errors
from modelhub.entry_states import PARTIAL
from modelhub.errors import ModelHubError, NotFoundError, UsageError, WaitTimeoutError
from modelhub.leftovers import ZIP, changed_s
from modelhub.prune_plan import Belongings, Criteria, PruneItem, PrunePlan, keys_in, plan_prune, superseding
from modelhub.quick_dataclasses import dataclass
from modelhub.references import Reference
from modelhub.resolver import Runtime

_CRITERIA = "Say what: --superseded, --partial, --older-than 90d, --keep-bytes 50G, or several of them."
_BUSY = "another process is at work on it"
_CHANGED = "it was changed or used meanwhile"


@dataclass(frozen=True, kw_only=True)
class PruneResult:
    """What a prune did.

    Attributes:
        plan: What went, and what stayed.
        errors: What could not be removed; such items stand in neither.
    """

    plan: PrunePlan
    errors: tuple[ModelHubError, ...] = ()


class Pruner:
    """Plans what to remove, and removes it.

    Args:
        config: Says where the cache is.
        candidates: Know of artifacts what Spark NLP chooses by.
        runtime: What Spark NLP runs here.
        on_note: Called with each sentence that deserves to be said.
    """

    def __init__(
        self, config: Config, candidates: Candidates, runtime: Runtime, *, on_note: Callable[[str], None]
    ) -> None:
        self._cache = Cache(config.cache, wait_s=0.0)  # what is in use is left alone
        self._candidates = candidates
        self._runtime = runtime
        self._note = on_note

    def plan(self, criteria: Criteria, locks: Sequence[Path]) -> PrunePlan:
        """What meets the criteria, but for what lockfiles name.

        Raises:
            UsageError: There is no criterion, or a file is no lockfile.
            NotFoundError: There is no such lockfile.
            StorageError: A lockfile cannot be read.
        """
        if criteria.is_empty:
            raise UsageError("Nothing says what is to be removed.", hint=_CRITERIA)
        protected = {key for lock in locks for key in self._keys_of_lock(lock)}
        belongings = [self._belongings(key) for key in self._cache.held_keys()]
        states = {held.key: held.state for held in belongings if held.state}
        superseded_by = self._superseded_by(states) if criteria.is_superseded else {}
        plan = plan_prune(belongings, criteria, now_s=time.time(), superseded_by=superseded_by, protected=protected)
        return plan.without({item.key: _BUSY for item in plan.items if self._cache.is_busy(item.key)})

    def prune(self, plan: PrunePlan) -> PruneResult:
        """Remove what a plan says, but for what is in use, or was changed or used since the plan was made."""
        gone: list[PruneItem] = []
        obstacles: dict[ArtifactKey, str] = {}
        errors: list[ModelHubError] = []
        for item in plan.items:
            try:
                self._remove(item)
                gone.append(item)
            except WaitTimeoutError:
                obstacles[item.key] = _BUSY
            except _ChangedError:
                obstacles[item.key] = _CHANGED
            except ModelHubError as exc:
                exc.subject = str(item.key)
                errors.append(exc)
        done = replace(plan.without(obstacles), items=tuple(gone))
        return PruneResult(plan=done, errors=tuple(errors))

    def superseded_among(self, entries: Iterable[Entry]) -> dict[ArtifactKey, ArtifactKey]:
        """Which entries of the cache that is written have one beside them that Spark NLP would take instead."""
        return self._superseded_by({entry.key: entry.state for entry in entries if self._cache.is_writable(entry)})

    def _remove(self, item: PruneItem) -> None:
        def check() -> None:
            if self._belongings(item.key) != item.belongings:
                raise _ChangedError

        entry = self._cache.state_of(item.key)
        if item.takes_entry and entry:
            self._cache.remove(entry, check=check)
        else:
            self._cache.remove_leftovers(item.key, check=check)

    def _belongings(self, key: ArtifactKey) -> Belongings:
        entry = self._cache.state_of(key)
        leftovers = self._cache.leftovers(key)
        # Our own programs exclude each other; of Spark NLP only the time of writing tells whether it is at work.
        changes = [leftover.changed_s for leftover in leftovers if leftover.kind == ZIP]
        if entry and entry.state == PARTIAL:
            changes.append(changed_s(entry.path))
        return Belongings(
            key=key,
            path=str(self._cache.root / str(key)),
            state=entry.state if entry else "",
            entry_bytes=entry.size_bytes if entry else 0,
            leftover_bytes=sum(leftover.size_bytes for leftover in leftovers),
            leftovers=tuple(leftover.kind for leftover in leftovers),
            used_s=self._cache.last_use_s(entry) if entry else max((left.changed_s for left in leftovers), default=0.0),
            changed_s=max(changes, default=0.0),
        )

    def _superseded_by(self, states: Mapping[ArtifactKey, str]) -> dict[ArtifactKey, ArtifactKey]:
        builds = Counter((key.name, key.language) for key in states)
        artifacts = (self._artifact(key) for key in states if builds[key.name, key.language] > 1)
        known = {artifact.key: artifact for artifact in artifacts if artifact}
        return superseding(states, known, self._runtime)

    def _artifact(self, key: ArtifactKey) -> Artifact | None:
        """What is known of an entry; ``None`` where it may have come from several repositories."""
        manifest = self._cache.manifest(key)
        known = self._known(key)
        if not manifest:
            return Artifact(key=key) if not known else known[0] if len(known) == 1 else None
        for artifact in known:
            if artifact.s3_uri == manifest.s3_uri:
                return artifact
        return Artifact(key=key, repository=_repository_of(manifest.s3_uri))

    def _known(self, key: ArtifactKey) -> list[Artifact]:
        if not self._candidates.knows(key):  # a name that nobody knows would be looked for among all that are like it
            return []
        return [artifact for artifact in self._candidates.of(Reference(name=key.name)) if artifact.key == key]

    def _keys_of_lock(self, path: Path) -> set[ArtifactKey]:
        """The keys that a lockfile names.

        Raises:
            NotFoundError: There is no such file.
            StorageError: It cannot be read.
            UsageError: It is no JSON.
        """
        with disk_errors(f"The lockfile {path} cannot be read", hint="Check its permissions."):
            try:
                keys = set(keys_in(json.loads(path.read_bytes())))
            except FileNotFoundError as exc:
                raise NotFoundError(f"There is no lockfile {path}.", hint="Check the path after --lock.") from exc
            except (ValueError, RecursionError) as exc:
                raise UsageError(f"{path} is not a lockfile: it is no JSON.", hint="Check --lock.") from exc
        if not keys:
            self._note(f"{path} names no artifact, so it protects nothing.")
        return keys


class _ChangedError(Exception):
    """What is to be removed is not what the plan was made of."""


def _repository_of(s3_uri: str) -> str:
    try:
        return ArtifactLocation.parse(s3_uri).repository
    except UsageError:
        return s3_uri.rpartition("/")[0]
