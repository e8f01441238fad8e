"""From references to entries of the cache: what is there already, what has to be brought, several at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from modelhub.artifacts import Artifact
from modelhub.cache import Cache
from modelhub.config import Config
from modelhub.errors import ModelHubError, OfflineError
from modelhub.load_checks import LoadChecker
from modelhub.progress import Progress, ProgressCallback
from modelhub.quick_dataclasses import dataclass
from modelhub.references import Reference
from modelhub.results import PulledModel

if TYPE_CHECKING:
    from modelhub.installing import Installer
    from modelhub.load_verdicts import LoadVerdict

_Given = TypeVar("_Given")
_Got = TypeVar("_Got")
_Result = TypeVar("_Result", bound=object)


@dataclass(frozen=True, kw_only=True)
class _Plan:
    """What one reference needs.

    Attributes:
        verdict: Whether it will load here, where it can be judged.
        found: The model, where it is in the cache.
        is_replacing: Whether a broken entry gives way to what is brought.
    """

    artifact: Artifact
    verdict: LoadVerdict | None
    found: PulledModel | None = None
    is_replacing: bool = False


class Puller:
    """Pulls models.

    Args:
        config: Whether we are offline, and how many models at once.
        cache: Where entries appear.
        installer: Gives who brings what is not there; not asked for what is.
        resolve: The artifact that a reference means.
        checker: Judges whether it will load here; without one nobody does.
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
        checker: LoadChecker | None = None,
        on_progress: ProgressCallback | None = None,
        on_note: Callable[[str], None],
    ) -> None:
        self._config = config
        self._cache = cache
        self._installer = installer
        self._resolve = resolve
        self._checker = checker
        self._on_progress = on_progress
        self._note = on_note

    def plan(self, reference: Reference) -> PulledModel:
        """What a pull would do: which artifact, into which folder, and whether it is there already.

        Raises:
            ModelHubError: As a pull, as far as it can be told before the download.
        """
        artifact, verdict = self._judged(reference)
        path = self._cache.find(artifact.key)
        return PulledModel(
            artifact=artifact,
            path=path or self._cache.root / str(artifact.key),
            downloaded_bytes=0,
            is_cached=path is not None,
            verdict=verdict,
        )

    def plan_all(self, references: Sequence[Reference]) -> list[PulledModel | ModelHubError]:
        """What a pull of several would do, in their order."""
        return _named([_outcome(self.plan, reference) for reference in references], references)

    def pull(self, reference: Reference) -> PulledModel:
        """Bring a model into the cache, or find it there.

        Raises:
            ModelHubError: Any of its kinds.
        """
        plan = self._plan(reference)
        return self._examined([plan], [self._carry_out(plan)])[0]

    def pull_all(self, references: Sequence[Reference]) -> list[PulledModel | ModelHubError]:
        """Do so with several, some of them at once; what came of each, in their order."""
        plans: list[_Plan | ModelHubError] = [_outcome(self._plan, reference) for reference in references]
        jobs = min(self._config.jobs, sum(1 for plan in plans if isinstance(plan, _Plan) and not plan.found))
        if jobs < 2:
            results = [_outcome(self._carry_out, plan) for plan in plans]
        else:
            results = self._carry_out_at_once(plans, jobs)
        return _named(self._examined(plans, results), references)

    def _carry_out_at_once(
        self, plans: Sequence[_Plan | ModelHubError], jobs: int
    ) -> list[PulledModel | ModelHubError]:
        with self._installer().crew(jobs, "pull") as threads:
            futures = [threads.submit(_outcome, self._carry_out, plan) for plan in plans]
            return [future.result() for future in futures]

    def _plan(self, reference: Reference) -> _Plan:
        self._tell("resolving", str(reference))
        artifact, verdict = self._judged(reference)
        entry = self._cache.state_of(artifact.key)
        if entry and entry.is_whole:
            self._tell("cached", str(artifact.key))
            self._cache.note_use(artifact.key)
            found = PulledModel(artifact=artifact, path=entry.path, downloaded_bytes=0, is_cached=True, verdict=verdict)
            return _Plan(artifact=artifact, verdict=verdict, found=found)
        if entry and (entry.state != "partial" or not self._cache.is_writable(entry)):
            raise entry.damage()  # what somebody has changed is not ours to throw away
        if entry:
            self._note(f"{entry.path} is {entry.state}: {entry.problems[0]} It is brought anew.")
        if self._config.offline and not artifact.uri.startswith("file:"):
            raise self._offline_error(artifact)
        return _Plan(artifact=artifact, verdict=verdict, is_replacing=entry is not None)

    def _judged(self, reference: Reference) -> tuple[Artifact, LoadVerdict | None]:
        """The artifact of a reference, and whether it will load; what speaks against that is said.

        Raises:
            ModelHubError: There is none, or it may not load and strictness was asked for.
        """
        artifact = self._resolve(reference)
        verdict = self._checker.check(artifact) if self._checker else None
        for concern in verdict.concerns if verdict else ():
            self._note(concern.about(artifact.reference))
        return artifact, verdict

    def _tell(self, phase: str, subject: str) -> None:
        if self._on_progress:
            self._on_progress(Progress(phase=phase, subject=subject))

    def _carry_out(self, plan: _Plan) -> PulledModel:
        return plan.found or self._installer().install(plan.artifact, is_replacing=plan.is_replacing)

    def _examined(self, plans: Sequence[_Plan | ModelHubError], results: Sequence[_Result]) -> list[_Result]:
        """The results with what only those who have a model can tell: its class, and whether its path will do."""
        if self._checker is None:
            return list(results)
        examined: list[_Result] = []
        for plan, result in zip(plans, results, strict=True):
            if isinstance(plan, _Plan) and isinstance(result, PulledModel) and not plan.found:
                saved_class = self._checker.saved_class(result.path)
                if difference := self._checker.difference(result.artifact, saved_class):
                    self._note(difference)
                result = replace(result, verdict=plan.verdict, saved_class=saved_class)
            examined.append(result)
        paths = (result.path for result in examined if isinstance(result, PulledModel))
        if note := next(filter(None, map(self._checker.path_note, paths)), ""):
            self._note(note)
        return examined

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
