"""Amounts for people: bytes, and how long ago something was."""

from __future__ import annotations

_UNITS = ("B", "kB", "MB", "GB", "TB")
_SPANS = (("day", 86_400), ("hour", 3_600), ("minute", 60))


def bytes_text(size_bytes: float | None) -> str:
    """A size for people, in decimal units as the cards have them; "" where it is not known."""
    if size_bytes is None:
        return ""
    value = float(size_bytes)
    unit = 0
    while value >= 999.95 and unit < len(_UNITS) - 1:
        value /= 1000
        unit += 1
    return f"{value:.1f} {_UNITS[unit]}" if unit else f"{size_bytes:.0f} B"


def ago_text(age_s: float) -> str:
    """How long ago something was, in the largest unit that it fills."""
    for name, span_s in _SPANS:
        if age_s >= span_s:
            number = int(age_s // span_s)
            return f"{number:,} {name}{'s' if number > 1 else ''} ago"
    return "just now"


def days_text(age_s: float) -> str:
    """A time in whole days: ``1 day``, ``3 days``."""
    days = round(age_s / 86400)
    return "1 day" if days == 1 else f"{days} days"
