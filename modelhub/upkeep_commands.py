"""The commands that keep a cache in order: prune, import."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from modelhub.cache_commands import ask, check_somebody_is_there
from modelhub.commands import RUNTIME, Size, command, status_of
from modelhub.errors import ModelHubError, UsageError

if TYPE_CHECKING:
    from modelhub.commands import Outcome
    from modelhub.hub import Hub
    from modelhub.output import Output


class Age(click.ParamType[float]):
    """An age such as ``90d``, ``12h`` or ``2w``, in seconds."""

    name = "age"
    _SECONDS = {"h": 3_600, "d": 86_400, "w": 604_800, "y": 31_557_600}

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """The age in seconds."""
        match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([hdwy])", str(value).strip().lower())
        if match is None:
            self.fail(f"{value!r} is not an age such as 90d, 12h, 2w or 1y.", param, ctx)
        return float(match[1]) * self._SECONDS[match[2]]


@command("prune", "cache", *RUNTIME)
@click.option("--superseded", "is_superseded", is_flag=True, help="Builds that Spark NLP would not take any more.")
@click.option("--partial", "is_partial", is_flag=True, help="What interrupted downloads and unpackings left.")
@click.option("--older-than", "unused_for_s", type=Age(), metavar="AGE", help="Not used for so long: 90d, 12h, 2w, 1y.")
@click.option("--keep-bytes", type=Size(), metavar="SIZE", help="The least recently used, until SIZE is left: 50G.")
@click.option(
    "--lock", "locks", multiple=True, metavar="PATH", help="Keep what this lockfile names; several are taken."
)
@click.option("--yes", "is_agreed", is_flag=True, help="Do not ask.")
@click.option("--dry-run", "is_dry_run", is_flag=True, help="Say what would be removed, and do nothing.")
def prune_command(
    hub: Hub, output: Output, locks: Sequence[str], is_agreed: bool, is_dry_run: bool, **criteria: Any
) -> Outcome:
    """Remove from the cache what is not needed.

    What meets one of the criteria goes, with all that belongs to it; first the plan is shown. Kept are what a lockfile
    names, what somebody has changed, what is in use, and whatever lies in read-only caches.

    Spark NLP tells nobody what it loads, so the last use is the latest of: the installation; the last pull, path or
    show --load of it; the last time that a file of it was read, where the file system keeps that (Linux by default
    once a day, with noatime never). --superseded asks which build Spark NLP would take for --sparknlp and --spark.
    """
    from modelhub.output import Answer, bytes_text
    from modelhub.prune_plan import Criteria
    from modelhub.upkeep_views import view_plan, view_pruned

    plan = hub.plan_prune(Criteria(**criteria), locks=locks)
    is_asked = bool(plan.items) and not (is_dry_run or is_agreed)
    if is_asked:
        check_somebody_is_there(output)
        view_plan(output, plan)
        ask(f"Remove {bytes_text(plan.freed_bytes)}?")
    errors: Sequence[ModelHubError] = ()
    if not is_dry_run:
        result = hub.prune(plan)
        plan, errors = result.plan, result.errors
    keep_bytes = criteria["keep_bytes"]
    return (
        Answer(
            data={"plan": plan.to_dict(), "removed": not is_dry_run},
            errors=errors,
            exit_status=status_of(errors, len(plan.items)),
        ),
        lambda output: view_pruned(output, plan, is_dry_run=is_dry_run, is_told=is_asked, keep_bytes=keep_bytes),
    )


@command("import", "cache", "wait", *RUNTIME)
@click.argument("paths", nargs=-1, required=True, metavar="FILE.zip|FOLDER …")
@click.option("--as", "wanted", metavar="REF", help="Which artifact it is, where its name is no key.")
def import_command(hub: Hub, output: Output, paths: Sequence[str], wanted: str | None) -> Outcome:
    """Bring models into the cache that were fetched by hand.

    A zip or a folder, checked as a download is, and copied. Its name is the key of an artifact, or --as tells which one
    it is. It may also lie one level too deep, in a folder alone. A good entry stays as it is, a broken one gives way.
    """
    from modelhub.output import Answer
    from modelhub.upkeep_views import view_imported

    if wanted and len(paths) > 1:
        raise UsageError("--as names one artifact, and there are several paths.", hint="Import them one by one.")
    done, errors = [], []
    for path in paths:
        try:
            done.append(hub.import_model(Path(path), wanted))
        except ModelHubError as exc:
            exc.subject = path if len(paths) > 1 else ""
            errors.append(exc)
    data = {"models": [model.to_dict() for model in done]} if done else {}
    answer = Answer(data=data, errors=errors, exit_status=status_of(errors, len(done)))
    return answer, lambda output: view_imported(output, done)
