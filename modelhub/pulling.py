"""From references to entries of the cache: what is there already, what has to be brought, several at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from modelhub.artifacts import Artifact
from modelhub.cache import Cache
from modelhub.config import Config
from modelhub.errors import ModelHubError, OfflineError
from modelhub.progress import Progress, ProgressCallback
from modelhub.references import Reference
from modelhub.results import PulledModel

if TYPE_CHECKING:
    from modelhub.installing import Installer

_Given = TypeVar("_Given")
_Got = TypeVar("_Got")


@dataclass(frozen=True, kw_only=True)
class _Plan:
    """What one reference needs.

    Attributes:
        found: The model, where it is in the cache.
        is_replacing: Whether a broken entry gives way to what is brought.
    """

    artifact: Artifact
    found: PulledModel | None = None
    is_replacing: bool = False


class Puller:
    """Pulls models.

    Args:
        config: Whether we are offline, and how many models at once.
        cache: Where entries appear.
        installer: Gives who brings what is not there; not asked for what is.
        resolve: The artifact that a reference means.
        on_progress: Called while it goes on.
        on_note: Called with each sentence that deserves to be said.
    """

    def __init__(
        self,
        config: Config,
        cache: Cache,
        *,
        installer: Callable[[], Installer],
        resolve: Callable[[Reference], Artifact],
        on_progress: ProgressCallback | None = None,
        on_note: Callable[[str], None],
    ) -> None:
        self._config = config
        self._cache = cache
        self._installer = installer
        self._resolve = resolve
        self._on_progress = on_progress
        self._note = on_note

    def plan(self, reference: Reference) -> PulledModel:
        """What a pull would do: which artifact, into which folder, and whether it is there already.

        Raises:
            ModelHubError: As a pull, as far as it can be told before the download.
        """
        artifact = self._resolve(reference)
        path = self._cache.find(artifact.key)
        return PulledModel(
            artifact=artifact,
            path=path or self._cache.root / str(artifact.key),
            downloaded_bytes=0,
            is_cached=path is not None,
        )

    def plan_all(self, references: Sequence[Reference]) -> list[PulledModel | ModelHubError]:
        """What a pull of several would do, in their order."""
        return _named([_outcome(self.plan, reference) for reference in references], references)

    def pull(self, reference: Reference) -> PulledModel:
        """Bring a model into the cache, or find it there.

        Raises:
            ModelHubError: Any of its kinds.
        """
        return self._carry_out(self._plan(reference))

    def pull_all(self, references: Sequence[Reference]) -> list[PulledModel | ModelHubError]:
        """Do so with several, some of them at once; what came of each, in their order."""
        plans: list[_Plan | ModelHubError] = [_outcome(self._plan, reference) for reference in references]
        jobs = min(self._config.jobs, sum(1 for plan in plans if isinstance(plan, _Plan) and not plan.found))
        if jobs < 2:
            results = [_outcome(self._carry_out, plan) for plan in plans]
        else:
            results = self._carry_out_at_once(plans, jobs)
        return _named(results, references)

    def _carry_out_at_once(
        self, plans: Sequence[_Plan | ModelHubError], jobs: int
    ) -> list[PulledModel | ModelHubError]:
        from concurrent.futures import ThreadPoolExecutor  # 10 ms that one model need not pay

        installer = self._installer()  # one for all
        installer.at_once = jobs
        is_stopped = False
        try:
            with ThreadPoolExecutor(jobs, thread_name_prefix="pull") as threads:
                futures = [threads.submit(_outcome, self._carry_out, plan) for plan in plans]
                try:
                    return [future.result() for future in futures]
                except BaseException:  # interrupted: those who wait for bytes need not wait any longer
                    is_stopped = True
                    threads.shutdown(wait=False, cancel_futures=True)
                    installer.stop()
                    raise
        finally:
            installer.at_once = 1
            if is_stopped:
                installer.go_on()

    def _plan(self, reference: Reference) -> _Plan:
        self._tell("resolving", str(reference))
        artifact = self._resolve(reference)
        entry = self._cache.state_of(artifact.key)
        if entry and entry.is_whole:
            self._tell("cached", str(artifact.key))
            self._cache.note_use(artifact.key)
            found = PulledModel(artifact=artifact, path=entry.path, downloaded_bytes=0, is_cached=True)
            return _Plan(artifact=artifact, found=found)
        if entry and (entry.state != "partial" or not self._cache.is_writable(entry)):
            raise entry.damage()  # what somebody has changed is not ours to throw away
        if entry:
            self._note(f"{entry.path} is {entry.state}: {entry.problems[0]} It is brought anew.")
        if self._config.offline and not artifact.uri.startswith("file:"):
            raise self._offline_error(artifact)
        return _Plan(artifact=artifact, is_replacing=entry is not None)

    def _tell(self, phase: str, subject: str) -> None:
        if self._on_progress:
            self._on_progress(Progress(phase=phase, subject=subject))

    def _carry_out(self, plan: _Plan) -> PulledModel:
        return plan.found or self._installer().install(plan.artifact, is_replacing=plan.is_replacing)

    def _offline_error(self, artifact: Artifact) -> OfflineError:
        others = [str(key) for key, _ in self._cache.folders() if key.name == artifact.name]
        message = f"{artifact.key} is not in the cache {self._cache.root}, and we are offline."
        if others:
            message += f" Other builds are: {', '.join(others)}."
        return OfflineError(message, hint=f"Online, modelhub pull {artifact.reference} brings it.")


def _named(
    results: list[PulledModel | ModelHubError], references: Sequence[Reference]
) -> list[PulledModel | ModelHubError]:
    """The results, where each failure of several names its reference."""
    for reference, result in zip(references, results, strict=True):
        if isinstance(result, ModelHubError) and len(references) > 1:
            result.subject = str(reference)
    return results


def _outcome(step: Callable[[_Given], _Got], given: _Given | ModelHubError) -> _Got | ModelHubError:
    """What a step makes of what an earlier one has made, or the failure of either."""
    if isinstance(given, ModelHubError):
        return given
    try:
        return step(given)
    except ModelHubError as exc:
        return exc
