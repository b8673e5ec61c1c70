"""The encryption context as bytes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strongroom.model.context import canonical_context, canonical_size
from tests import support_formats as other

# Few letters, so that contexts that only look alike are likely.
CONTEXTS = st.dictionaries(st.text("ab\0\u00e9", max_size=3), st.text("ab\0\u00e9", max_size=3), max_size=3)
ENCODED = {
    "empty": ({}, "00000000"),
    "one pair": ({"a": "bc"}, "00000001 00000001 61 00000002 6263"),
    "sorted by bytes": (
        {"b": "", "a": "1", "B": "2", "\u00e9": "3"},
        "00000004 00000001 42 00000001 32 00000001 61 00000001 31 00000001 62 00000000 00000002 c3a9 00000001 33",
    ),
}


@pytest.mark.parametrize("name", ENCODED)
def test_known_encodings(name: str) -> None:
    """The encoding is the documented one, byte by byte."""
    context, expected = ENCODED[name]
    assert canonical_context(context) == bytes.fromhex(expected)


@given(st.dictionaries(st.text(), st.text()))
def test_second_writer_agrees(context: dict[str, str]) -> None:
    """The second writer encodes any context to the same bytes."""
    assert canonical_context(context) == other.encode_context(context)


@given(CONTEXTS, CONTEXTS)
def test_encoding_is_injective(first: dict[str, str], second: dict[str, str]) -> None:
    """Two contexts have one encoding exactly if they are equal; order does not count."""
    assert canonical_context(dict(reversed(first.items()))) == canonical_context(first)
    assert (canonical_context(first) == canonical_context(second)) == (first == second)


@given(st.dictionaries(st.text(), st.text()))
def test_size_is_that_of_the_encoding(context: dict[str, str]) -> None:
    """The size that is checked against AWS's limit is the encoding's."""
    assert canonical_size(context) == len(canonical_context(context))
