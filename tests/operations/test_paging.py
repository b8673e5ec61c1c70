"""Pages and markers of list operations."""

import base64
import hmac

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import convert

from strongroom.model.errors import InvalidMarkerException, ValidationException
from strongroom.model.region import Realm
from strongroom.operations import shapes
from strongroom.operations.paging import cut, decode_marker, encode_marker, page_size

HERE = Realm("111122223333", "eu-west-1")


class _Seal:
    """A ports.MarkerSeal."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def mac(self, text: bytes) -> bytes:
        """HMAC-SHA-256."""
        return hmac.digest(self._key, text, "sha256")


SEAL = _Seal(b"key")


def test_page_size_is_the_default_or_what_was_asked() -> None:
    """Without a limit a page has the default size; up to the documented maximum the limit counts."""
    assert [page_size(limit, default=50, largest=100) for limit in (None, 1, 100)] == [50, 1, 100]


def test_limit_over_the_documented_range_is_a_broken_constraint() -> None:
    """A limit that the model allows but the API Reference does not is refused in AWS's wording."""
    with pytest.raises(ValidationException) as caught:
        page_size(101, default=50, largest=100)
    assert caught.value.message == (
        "1 validation error detected: Value '101' at 'limit' failed to satisfy constraint: "
        "Member must have value less than or equal to 100"
    )


CUTS = {
    "none": ([], ([], False)),
    "fewer": (["a"], (["a"], False)),
    "just as many": (["a", "b"], (["a", "b"], False)),
    "more": (["a", "b", "c"], (["a", "b"], True)),
}


@pytest.mark.parametrize("case", CUTS)
def test_cut(case: str) -> None:
    """A page is the first items, and says whether more follow."""
    items, expected = CUTS[case]
    assert cut(items, 2) == expected


def test_no_marker_starts_before_every_key() -> None:
    """A list without a marker starts at its beginning."""
    assert decode_marker(SEAL, None, "ListKeys", HERE) == ""


@settings(deadline=None)
@given(after=st.text(max_size=174))
def test_marker_survives_the_way_to_the_caller_and_back(after: str) -> None:
    """Any sort key comes back, in a marker that AWS's model accepts as one."""
    marker = encode_marker(SEAL, "ListResourceTags", HERE, after)
    assert convert(marker, shapes.Marker) == marker
    assert decode_marker(SEAL, marker, "ListResourceTags", HERE) == after


def test_longest_sort_keys_fit() -> None:
    """A tag key of 128 characters outside the basic plane and an alias name of 256 make valid markers."""
    for after in ("\U0001f511" * 128, "alias/" + "x" * 250, "\U0001f511" * 174):
        convert(encode_marker(SEAL, "ListResourceTags", HERE, after), shapes.Marker)


MARKER = encode_marker(SEAL, "ListAliases", HERE, "alias/a")
NOT_OURS = {
    "another operation's": encode_marker(SEAL, "ListKeys", HERE, "alias/a"),
    "another account's": encode_marker(SEAL, "ListAliases", HERE._replace(account="444455556666"), "alias/a"),
    "another Region's": encode_marker(SEAL, "ListAliases", HERE._replace(region="eu-west-2"), "alias/a"),
    "account and Region that join to the same text": encode_marker(
        SEAL, "ListAliases", Realm("1111222233", "33eu-west-1"), "alias/a"
    ),
    "a sort key alone": base64.urlsafe_b64encode(b"alias/a").decode(),
    "cut off": MARKER[:-1],
    "with padding too much": MARKER + "====",
    "with a space": MARKER[:4] + " " + MARKER[4:],
    "with another sort key": MARKER[:16] + base64.urlsafe_b64encode(b"alias/b").decode(),
    "MAC over nothing": base64.urlsafe_b64encode(bytes(12)).decode(),
    "under another key": encode_marker(_Seal(b"other"), "ListAliases", HERE, "alias/a"),
    "not UTF-8": base64.urlsafe_b64encode(b"\xff" * 20).decode(),
    "not ASCII": "ÿ" * 8,
    "one character": "x",
    "empty": "",
}


@pytest.mark.parametrize("case", NOT_OURS)
def test_marker_of_another_list_is_refused(case: str) -> None:
    """A marker that was not made for this operation, account and Region is refused, and says nothing more."""
    with pytest.raises(InvalidMarkerException, match=r"^The marker is not valid\.$"):
        decode_marker(SEAL, NOT_OURS[case], "ListAliases", HERE)


@settings(deadline=None)
@given(marker=st.text(st.characters(max_codepoint=0xFF), max_size=64))
def test_any_text_is_refused_cleanly(marker: str) -> None:
    """Whatever AWS's model accepts as a marker either is ours or is refused with InvalidMarkerException."""
    with pytest.raises(InvalidMarkerException):
        decode_marker(SEAL, marker, "ListAliases", HERE)
