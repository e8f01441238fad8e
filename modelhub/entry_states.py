"""In what state an entry of the cache is: from what was seen of it to one word, and a sentence for all that is wrong.

==============  =====================================================================================================
``good``        nothing is wrong with it, as far as was looked
``leftover``    it is whole, but the zip that it was unpacked from lies beside it, which Spark NLP should have deleted
``partial``     an interrupted unpack: something is missing, and nobody can have wanted that
``altered``     files were changed, added or deleted after it was installed: perhaps somebody meant it
``rotten``      a file has other content, though nobody has written to it: the disk has
``foreign``     no saved model, and no beginning of one
==============  =====================================================================================================
"""

from __future__ import annotations

from collections.abc import Sequence

from modelhub.errors import IntegrityError
from modelhub.quick_dataclasses import dataclass

GOOD = "good"
LEFTOVER = "leftover"
PARTIAL = "partial"
ALTERED = "altered"
ROTTEN = "rotten"
FOREIGN = "foreign"
WHOLE = (GOOD, LEFTOVER)  # Spark NLP loads these

MISSING = "missing"
SIZE = "size"
CONTENT = "content"
UNREADABLE = "unreadable"
ADDED = "added"

_SHOWN = 8  # problems in a message; all are in JSON


@dataclass(frozen=True, kw_only=True)
class Difference:
    """What is wrong with one file.

    Attributes:
        path: Below the folder.
        kind: :data:`MISSING`, :data:`SIZE`, :data:`CONTENT`, :data:`UNREADABLE` or :data:`ADDED`.
        text: A sentence.
        is_later: Whether it was written after it was installed.
    """

    path: str
    kind: str
    text: str
    is_later: bool = True


@dataclass(frozen=True, kw_only=True)
class Sight:
    """What was seen of a folder.

    Attributes:
        is_listed: Whether somebody wrote down which files belong there, so that what is missing was deleted.
        differences: From that list; without one, from sums that Hadoop left beside the files.
        gaps: What a saved model lacks, told from its own structure, a sentence each.
        begins_model: Whether it may be the beginning of a saved model.
        zips: Names of the zip, and of its sums, that lie beside it.
        zip_gaps: What of that zip the folder lacks, a sentence each; ``None`` where the zip cannot be read.
    """

    is_listed: bool
    differences: tuple[Difference, ...] = ()
    gaps: tuple[str, ...] = ()
    begins_model: bool = True
    zips: tuple[str, ...] = ()
    zip_gaps: tuple[str, ...] | None = ()


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """The state, and what is wrong, a sentence each."""

    state: str
    problems: tuple[str, ...] = ()


def judge(sight: Sight) -> Verdict:
    """Tell the state of an entry from what was seen of it."""
    beside = tuple(f"{name} beside it is left from an interrupted unpack." for name in sight.zips)
    unreadable = () if sight.zip_gaps is not None else ("That zip is broken, so nobody can tell what is missing.",)
    changes = tuple(difference.text for difference in sight.differences)
    zip_gaps = () if sight.is_listed else sight.zip_gaps or ()
    problems = (
        *beside,
        *(unreadable if not sight.is_listed else ()),
        *dict.fromkeys((*zip_gaps, *sight.gaps)),
        *changes,
    )
    return Verdict(state=_state(sight, has_zip_gaps=bool(zip_gaps) or sight.zip_gaps is None), problems=problems)


def _state(sight: Sight, *, has_zip_gaps: bool) -> str:
    if any(difference.is_later for difference in sight.differences):
        return ALTERED
    if sight.gaps:
        return PARTIAL if sight.begins_model or sight.zips else FOREIGN
    if has_zip_gaps and not sight.is_listed:
        return PARTIAL
    if sight.differences:
        return ROTTEN
    return LEFTOVER if sight.zips else GOOD


def damage_error(path: object, key: object, verdict: Verdict, *, is_deep: bool = False) -> IntegrityError:
    """What to say of an entry that is not whole, and how to mend it.

    Args:
        path: Where it lies.
        key: Its key; "" for a folder outside of the cache, which we cannot mend.
        verdict: What is wrong.
        is_deep: Whether every byte was read: a look at sizes alone may find nothing to mend.
    """
    hint = _hint(str(key), verdict.state, is_deep=is_deep)
    return IntegrityError(f"{path} is {verdict.state}: {_some(verdict.problems)}", hint=hint)


def repair_command(key: object, *, is_deep: bool) -> str:
    """What mends an entry, as deep a look as the one that found it broken."""
    return f"modelhub verify {'--deep ' if is_deep else ''}--repair {key}"


def _hint(key: str, state: str, *, is_deep: bool) -> str:
    if not key:
        return ""
    if state == FOREIGN:
        return f"If nobody needs what is in it: modelhub rm {key}, then modelhub pull {key}"
    if state == ALTERED:
        return f"If nobody meant to change it: {repair_command(key, is_deep=is_deep)}"
    return f"{repair_command(key, is_deep=is_deep)} mends it."


def _some(problems: Sequence[str]) -> str:
    more = len(problems) - _SHOWN
    return " ".join((*problems[:_SHOWN], *([f"And {more:,} more."] if more > 0 else [])))
