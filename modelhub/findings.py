"""What ``doctor`` finds: one finding for each check, and the exit status that all of them mean together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field
from typing import Any

from modelhub.errors import ModelHubError
from modelhub.quick_dataclasses import dataclass

OK = "ok"
WARNING = "warning"
PROBLEM = "problem"
UNKNOWN = "unknown"
SKIPPED = "skipped"
_SEVERAL_KINDS = 1


@dataclass(frozen=True, kw_only=True)
class Finding:
    """What one check found.

    Attributes:
        section: ``hub``, ``disk``, ``cache``, ``versions``, ``registry`` or ``settings``.
        name: Of the check. Of several hubs, folders or lists each has its own finding; the figures tell them apart.
        state: ``ok``, ``warning`` (works, but look at it), ``problem`` (does not work), ``unknown`` (nobody says
            whether it works) or ``skipped``.
        text: What was found, for people.
        hint: What to do about it; may be empty.
        figures: What was found, for programs: numbers in the units that their names say.
        error: The kind of failure that a problem is.
    """

    section: str
    name: str
    state: str = OK
    text: str
    hint: str = ""
    figures: Mapping[str, Any] = field(default_factory=dict)
    error: type[ModelHubError] = ModelHubError

    @classmethod
    def of_error(cls, section: str, name: str, error: ModelHubError, **figures: Any) -> Finding:
        """The problem that a failed check is."""
        return cls(
            section=section,
            name=name,
            state=PROBLEM,
            text=error.message.rstrip("."),
            hint=error.hint,
            figures=figures,
            error=type(error),
        )

    def to_error(self) -> ModelHubError:
        """The problem as an error; inverse of :meth:`of_error` but for the names in front of its message."""
        return self.error(f"{self.section}, {self.name}: {self.text}.", hint=self.hint)

    def to_dict(self) -> dict[str, Any]:
        """The finding as it stands in JSON answers."""
        return {
            "section": self.section,
            "name": self.name,
            "state": self.state,
            "text": self.text,
            "hint": self.hint,
            "figures": dict(self.figures),
        }


def problems_of(findings: Sequence[Finding]) -> list[ModelHubError]:
    """The problems among the findings, as errors."""
    return [finding.to_error() for finding in findings if finding.state == PROBLEM]


def status_of_problems(problems: Sequence[ModelHubError]) -> int:
    """0 without problems; the status of their kind where all are of one; else "other failure"."""
    statuses = {problem.exit_status for problem in problems}
    if not statuses:
        return 0
    return statuses.pop() if len(statuses) == 1 else _SEVERAL_KINDS
