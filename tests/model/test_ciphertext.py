"""The ciphertext header: packing, reading, and what is not a blob."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strongroom.model.ciphertext import HEADER_BYTES, OVERHEAD, SALT_BYTES, Header, pack_header, parse_header
from strongroom.model.errors import InvalidCiphertextException
from tests import support_formats as other

REST = bytes(OVERHEAD - HEADER_BYTES + 1)  # commitment, one byte of ciphertext, tag
HEADERS = st.builds(
    Header,
    st.integers(0, 999_999_999_999).map("{:012d}".format),
    st.uuids().map(str) | st.uuids().map(lambda uuid: f"mrk-{uuid.hex}"),
    st.binary(min_size=32, max_size=32).map(bytes.hex),
    st.binary(min_size=SALT_BYTES, max_size=SALT_BYTES),
)
SAMPLE = pack_header(Header("123456789012", "1234abcd-12ab-34cd-56ef-1234567890ab", "ab" * 32, bytes(16)))


@given(HEADERS)
def test_header_is_the_documented_one(header: Header) -> None:
    """The second writer packs the same bytes."""
    assert pack_header(header) == other.encode_header(*header)


@given(HEADERS)
def test_header_round_trip(header: Header) -> None:
    """A header comes back as it was, leading zeros of the account and both forms of key id included."""
    assert parse_header(pack_header(header) + REST) == header


@given(st.binary(max_size=300) | st.binary(max_size=200).map(lambda tail: b"\1\1" + tail))
def test_arbitrary_bytes(blob: bytes) -> None:
    """Any bytes are either read as a header that packs to the same bytes, or refused without a word."""
    try:
        header = parse_header(blob)
    except InvalidCiphertextException as fault:
        text = fault.message
    else:
        text = ""
        assert pack_header(header) == blob[:HEADER_BYTES]
    assert text == ""


@pytest.mark.parametrize(
    "blob",
    [
        b"",
        SAMPLE + REST[1:],
        b"\0" + SAMPLE[1:] + REST,
        b"\2" + SAMPLE[1:] + REST,
        SAMPLE[:1] + b"\2" + SAMPLE[2:] + REST,
        SAMPLE[:2] + b"\2" + SAMPLE[3:] + REST,
        SAMPLE[:3] + (10**12).to_bytes(6, "big") + SAMPLE[9:] + REST,
    ],
    ids=["empty", "no ciphertext", "version 0", "version 2", "suite 2", "key id form 2", "account of 13 digits"],
)
def test_other_blobs_are_refused(blob: bytes) -> None:
    """A blob without ciphertext, or of another version, suite, form or account, is refused."""
    assert parse_header(SAMPLE + REST).account == "123456789012"
    with pytest.raises(InvalidCiphertextException):
        parse_header(blob)
