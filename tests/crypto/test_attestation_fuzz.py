"""No bytes get past the checks on attestation documents, make them raise anything else, or keep them busy."""

import time

import cbor2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from strongroom.crypto.attestation import MAX_DOCUMENT_BYTES, AttestationError, load_roots, verify
from tests.attestations import Enclave, sign1

NOW = 1_700_000_000.0
ENCLAVE = Enclave(NOW)
ROOTS = load_roots(ENCLAVE.roots)
DOCUMENT = ENCLAVE.document()

# What a document may hold in any place: all that CBOR has, tags and floats and values without a name among it.
ITEMS = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats()
    | st.text(max_size=9)
    | st.binary(max_size=99),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(max_size=9) | st.integers(-9, 40), inner, max_size=4)
        | st.builds(cbor2.CBORTag, st.integers(0, 300), inner)
    ),
    max_leaves=12,
)
# Whatever cryptography has to say about a strange certificate is a warning to its developers, not ours to raise.
pytestmark = pytest.mark.filterwarnings("ignore::cryptography.utils.CryptographyDeprecationWarning")


def refused(document: bytes) -> bool:
    """Whether a document is refused; any other exception fails the test."""
    try:
        verify(document, ROOTS, NOW, 300.0)
    except AttestationError:
        return True
    return False


def test_the_document_is_good() -> None:
    """What the others here break holds before it is broken."""
    assert not refused(DOCUMENT)


def test_every_part_of_a_document_is_refused() -> None:
    """A document that was cut off, at whatever byte, does not hold."""
    assert all(refused(DOCUMENT[:length]) for length in range(len(DOCUMENT)))


def test_every_byte_of_a_document_counts() -> None:
    """A document with one bit turned over does not hold: each byte around the payload, every ninth within it."""
    for place in {*range(12), *range(0, len(DOCUMENT), 9), *range(len(DOCUMENT) - 100, len(DOCUMENT))}:
        turned = bytes([DOCUMENT[place] ^ 1 << place % 8])
        assert refused(DOCUMENT[:place] + turned + DOCUMENT[place + 1 :]), place


@given(st.integers(0, len(DOCUMENT) - 1), st.integers(1, 255))
def test_no_byte_can_be_another(place: int, offset: int) -> None:
    """Nor does one with any byte replaced by any other."""
    other = bytes([(DOCUMENT[place] + offset) % 256])
    assert refused(DOCUMENT[:place] + other + DOCUMENT[place + 1 :])


@given(st.binary(max_size=300))
def test_bytes_are_no_document(rubbish: bytes) -> None:
    """Whatever bytes come, they are refused, and nothing else happens."""
    assert refused(rubbish)


@given(ITEMS)
def test_cbor_is_no_document(item: object) -> None:
    """Neither is whatever CBOR, as a document or as its signed payload."""
    encoded = cbor2.dumps(item)
    assert refused(encoded)
    assert refused(sign1(encoded, ENCLAVE.signer.key))


@given(st.sampled_from(sorted(ENCLAVE.members())), ITEMS)
def test_a_member_is_not_just_anything(name: str, item: object) -> None:
    """A strange value in a signed document is refused or, where it fits, taken as it is; nothing else happens."""
    if not refused(ENCLAVE.document(**{name: item})):
        assert item is None or isinstance(item, bytes | str | dict | int)


@given(st.binary(min_size=1, max_size=1024), st.integers(0, 4))
def test_a_certificate_is_not_just_anything(rubbish: bytes, place: int) -> None:
    """Rubbish in the place of a certificate is refused, and so is a certificate with some of it overwritten."""
    ders = [*(holder.der for holder in ENCLAVE.chain), ENCLAVE.signer.der]
    for broken in (rubbish, rubbish[:40] + ders[place][40:], ders[place][:200] + rubbish[:50] + ders[place][250:]):
        *bundle, leaf = [broken if at == place else der for at, der in enumerate(ders)]
        assert refused(ENCLAVE.document(cabundle=bundle, certificate=leaf))


def nested(opening: bytes, size: int) -> bytes:
    """Containers within containers, so many bytes of them."""
    return (opening * size)[:size]


def colliding(size: int) -> bytes:
    """A map whose keys all have the same hash: big numbers that differ by multiples of Python's modulus."""
    modulus = (1 << 61) - 1
    entries = [b"\xc2\x4a" + ((1 << 70) // modulus * modulus + modulus * number).to_bytes(10, "big") + b"\0"
               for number in range(size // 13)]  # fmt: skip
    return b"\xb9" + len(entries).to_bytes(2, "big") + b"".join(entries)


@pytest.mark.parametrize("size", [MAX_DOCUMENT_BYTES - 300, 262_144])
def test_refusing_is_quick(size: int) -> None:
    """The longest documents that a request can carry, and the longest that are looked at, cost next to nothing."""
    hostile = [
        nested(b"\x81", size),
        nested(b"\xa1\x00", size),
        nested(b"\xa1", size),
        nested(b"\x9f", size),
        nested(b"\xbf", size),
        nested(b"\xd2", size),
        nested(b"\xd8\x1c", size),
        b"\x9b" + b"\x7f" * 8 + bytes(size),
        b"\x5b" + b"\x7f" * 8 + bytes(size),
        b"\xc5\x82\x1a\x7f\xff\xff\xff\x01" + bytes(size),
        b"\xd8\x23\x79\x3f\xff" + b"(a*)*" * (size // 5),
        colliding(size),
        cbor2.dumps({f"member {number}": number for number in range(size // 20)}),
    ]
    started = time.process_time()
    for document in (*hostile, *(sign1(payload, ENCLAVE.signer.key) for payload in hostile)):
        assert refused(document)
    assert time.process_time() - started < 0.5


@settings(max_examples=20)
@given(st.integers(1, 60))
def test_many_certificates_are_no_burden(count: int) -> None:
    """A bundle full of a good chain's certificates is refused without trying every path through them."""
    ders = [holder.der for holder in ENCLAVE.chain]
    bundle = [ders[0], *(ders[1 + number % 3] for number in range(count))]
    started = time.process_time()
    if count != 3:
        assert refused(ENCLAVE.document(cabundle=bundle))
    assert time.process_time() - started < 0.5
