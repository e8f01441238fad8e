from __future__ import annotations

import pytest

from modelhub.amounts import ago_text, bytes_text


@pytest.mark.parametrize(
    ("age_s", "text"),
    [
        (0, "just now"),
        (59.9, "just now"),
        (60, "1 minute ago"),
        (7199, "1 hour ago"),
        (7200, "2 hours ago"),
        (86_400, "1 day ago"),
        (1_999 * 86_400, "1,999 days ago"),
    ],
)
def test_how_long_ago(age_s: float, text: str) -> None:
    assert ago_text(age_s) == text


@pytest.mark.parametrize(("rate", "text"), [(12.4, "12 B"), (14_249_999.9, "14.2 MB"), (None, "")])
def test_a_rate_may_be_a_broken_number(rate: float | None, text: str) -> None:
    assert bytes_text(rate) == text
