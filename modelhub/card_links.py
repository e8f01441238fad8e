"""The two links of a card that say where its zip lies."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from modelhub.artifacts import USUAL_MILLIS_DIGITS, ArtifactLocation, https_uri_of
from modelhub.diagnostics import Findings
from modelhub.errors import UsageError
from modelhub.quick_dataclasses import dataclass

_BUTTONS = ("Download", "Copy S3 URI")
_ANY_ZIP = re.compile(r"\]\(((?:https://|s3://)[^()\s]+\.zip)\)")
_END = re.compile(r"[)\n]")
_LONGEST_URI = 2048
_JUNK = " \t|<>\"'"


@dataclass(frozen=True, kw_only=True)
class ZipLinks:
    """Where a card says that its zip lies.

    Attributes:
        https_uri: Target of the Download button, mended; "" where the card has none.
        s3_uri: Target of the button for the S3 URI, mended; "" where the card has none.
        location: What they name, or None where neither names a published zip.
    """

    https_uri: str = ""
    s3_uri: str = ""
    location: ArtifactLocation | None = None

    @property
    def uri(self) -> str:
        """The ``https:`` URI of the zip: the card's own, else made from the other spelling; "" without a location."""
        if self.location is None:
            return ""
        return self.https_uri or https_uri_of(self.s3_uri)


class _Target(NamedTuple):
    """Where one button leads, and where it stands."""

    uri: str
    line: int
    button: str


def find_zip_links(text: str, start: int, findings: Findings) -> ZipLinks:
    """Read the Download button and the S3 URI of a page whose body begins at ``start``.

    Where both are there and name different zips, the Download button counts: it is what people have been clicking.
    """
    targets = _targets(text, start, findings)
    if not targets:
        findings.add(
            "link-missing",
            "The card has no Download link, so no artifact can be pulled from it. "
            "Add [Download](https://s3.amazonaws.com/…/KEY.zip).",
            field="Download",
        )
    https_uri = next((target.uri for target in targets if not target.uri.startswith("s3:")), "")
    s3_uri = next((target.uri for target in targets if target.uri.startswith("s3:")), "")
    return ZipLinks(https_uri=https_uri, s3_uri=s3_uri, location=_location(targets, findings))


def _targets(text: str, start: int, findings: Findings) -> list[_Target]:
    """The targets of the buttons, mended, the Download button first; else the first link to any zip."""
    targets = []
    for button in _BUTTONS:
        opening = f"[{button}]("
        position = text.find(opening, start)
        if position < 0:
            continue
        begin = position + len(opening)
        end = _END.search(text, begin, begin + _LONGEST_URI)
        given = text[begin : end.start() if end else begin + _LONGEST_URI]
        target = _Target(given.strip(_JUNK), text.count("\n", 0, position) + 1, button)
        if target.uri != given:
            _report_junk(target, given, findings)
        if target.uri:
            targets.append(target)
    if targets:
        return targets
    link = _ANY_ZIP.search(text, start)
    return [_Target(link[1], text.count("\n", 0, link.start()) + 1, "Download")] if link else []


def _report_junk(target: _Target, given: str, findings: Findings) -> None:
    findings.add(
        "link-malformed",
        f"The target ({given}) holds signs that do not belong to a URI; {target.uri or 'nothing'} was read. "
        "Write the bare URI between the parentheses.",
        line=target.line,
        field=target.button,
    )


def _location(targets: Sequence[_Target], findings: Findings) -> ArtifactLocation | None:
    """What the first usable target names; the others are only compared with it."""
    known: list[tuple[ArtifactLocation, _Target]] = []
    for target in targets:
        if known and _is_spelling(target.uri, known[0][1].uri):
            continue
        location = _locate(target, findings)
        if location:
            known.append((location, target))
    if not known:
        return None
    location, target = known[0]
    for other, other_target in known[1:]:
        if other != location:
            findings.add(
                "links-differ",
                f"This link names {other.key}, the one before {location.key}, which is used. Make both name the same.",
                line=other_target.line,
                field=other_target.button,
            )
    if len(location.key.millis) != USUAL_MILLIS_DIGITS:
        findings.add(
            "key-millis",
            f"The time in the key has {len(location.key.millis)} digits ({location.key.millis}) instead of "
            f"{USUAL_MILLIS_DIGITS}; it is kept as written. "
            "Publish the zip under a key with the milliseconds since 1970.",
            line=target.line,
            field=target.button,
        )
    return location


def _is_spelling(uri: str, other: str) -> bool:
    """Whether two URIs are the two spellings of one object, so that reading one of them is enough."""
    return uri.startswith("s3:") and https_uri_of(uri) == other


def _locate(target: _Target, findings: Findings) -> ArtifactLocation | None:
    """What a target names; None, with a diagnostic, where that is no published zip."""
    try:
        return ArtifactLocation.parse(target.uri)
    except UsageError as error:
        is_zip = target.uri.startswith(("https://s3.amazonaws.com/", "s3://")) and target.uri.endswith(".zip")
        findings.add(
            "key-malformed" if is_zip else "link-malformed",
            f"{error.message.rstrip('.')}; the link was left out. "
            "Link https://s3.amazonaws.com/BUCKET/REPOSITORY/name_language_libVersion_sparkVersion_millis.zip.",
            line=target.line,
            field=target.button,
        )
        return None
