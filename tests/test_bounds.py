from __future__ import annotations

import pytest

from modelhub.bounds import Bounds
from modelhub.config import load_config
from modelhub.errors import ArchiveError, UsageError

MIB = 1 << 20


@pytest.mark.parametrize(
    ("bounds", "unpacked_bytes", "archive_bytes"),
    [
        (Bounds(), 256 * MIB, 1),
        (Bounds(), 10**12, 5 * 10**9),
        (Bounds(max_ratio=1000), 10**10, 10**7),
        (Bounds(max_unpacked_bytes=1000), 1000, 1000),
        (Bounds(max_unpacked_bytes=0), 10**15, 10**14),
        (Bounds(max_ratio=0), 10**12, 1),
    ],
)
def test_what_is_within_the_bounds_passes(bounds: Bounds, unpacked_bytes: int, archive_bytes: int) -> None:
    bounds.check(unpacked_bytes, archive_bytes=archive_bytes)


@pytest.mark.parametrize(
    ("bounds", "unpacked_bytes", "archive_bytes", "words", "setting"),
    [
        (Bounds(), 256 * MIB + 1, MIB, "1,048,576 bytes of it unpack to 268,435,457 and more", "MODELHUB_MAX_RATIO"),
        (Bounds(), 10**10, 10**7, "as in a zip bomb", "MODELHUB_MAX_RATIO"),
        (Bounds(), 10**12 + 1, 10**12, "it unpacks to more than 1,000,000,000,000 bytes", "MODELHUB_MAX_UNPACKED"),
        (Bounds(max_unpacked_bytes=1000), 1001, 1000, "more than 1,000 bytes", "MODELHUB_MAX_UNPACKED"),
    ],
)
def test_what_is_more_is_refused_and_the_setting_named(
    bounds: Bounds, unpacked_bytes: int, archive_bytes: int, words: str, setting: str
) -> None:
    with pytest.raises(ArchiveError, match=words) as caught:
        bounds.check(unpacked_bytes, archive_bytes=archive_bytes)

    assert setting in caught.value.hint


def test_the_settings_have_the_bounds_as_their_defaults() -> None:
    config = load_config(environ={})

    assert Bounds(max_unpacked_bytes=config.max_unpacked, max_ratio=config.max_ratio) == Bounds()


@pytest.mark.parametrize(
    ("text", "size_bytes"), [("0", 0), ("1000", 1000), ("500G", 500 * 10**9), ("1.5 TB", 15 * 10**11), ("1KiB", 1024)]
)
def test_how_much_may_be_unpacked_is_a_setting(text: str, size_bytes: int) -> None:
    assert load_config(environ={"MODELHUB_MAX_UNPACKED": text}).max_unpacked == size_bytes


@pytest.mark.parametrize(("text", "ratio"), [("0", 0), ("1", 1), ("1032.5", 1032.5)])
def test_the_ratio_is_a_setting(text: str, ratio: float) -> None:
    assert load_config(environ={"MODELHUB_MAX_RATIO": text}).max_ratio == ratio


@pytest.mark.parametrize(
    ("name", "text"),
    [
        *(("MODELHUB_MAX_UNPACKED", text) for text in ("-1", "much", "5G/s", "1e9", "5X")),
        *(("MODELHUB_MAX_RATIO", text) for text in ("-1", "0.5", "nan", "inf", "200:1")),
    ],
)
def test_a_bound_that_is_none_is_a_usage_error(name: str, text: str) -> None:
    with pytest.raises(UsageError, match=name) as caught:
        load_config(environ={name: text})

    assert caught.value.hint
