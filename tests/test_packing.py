from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelhub.packing import pack, unpack

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner),
)


@given(JSON)
def test_what_is_packed_is_unpacked_as_it_was(value: Any) -> None:
    packed = pack(value)

    assert packed.is_exact
    assert unpack(packed.content) == value
    assert pack(value) == packed


@pytest.mark.parametrize("text", ["half \ud800", "\udfff"])
def test_half_a_character_is_replaced_and_that_is_told(text: str) -> None:
    packed = pack([text])

    assert not packed.is_exact
    assert unpack(packed.content) == [text.encode(errors="replace").decode()]


def test_what_most_models_have_takes_little_room() -> None:
    facts = {"product": "Spark NLP", "license": "Open Source", "annotator": "BertEmbeddings", "supported": True}

    assert len(pack(facts).content) < 50
