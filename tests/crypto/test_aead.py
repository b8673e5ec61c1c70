"""AES-256-GCM against a published case and another implementation, and how it fails."""

from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strongroom.crypto import aead
from tests import support_formats as other

KEYS = st.binary(min_size=32, max_size=32)

# "The Galois/Counter Mode of Operation (GCM)", McGrew and Viega, appendix B, test case 16.
CASE_16 = {
    "key": "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308",
    "nonce": "cafebabefacedbaddecaf888",
    "plaintext": "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
    "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39",
    "aad": "feedfacedeadbeeffeedfacedeadbeefabaddad2",
    "sealed": "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"
    "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f66276fc6ece0f4e1768cddf8853bb2d551b",
}


def test_published_case() -> None:
    """The published AES-256-GCM case comes out, and opens."""
    case = {name: bytes.fromhex(value) for name, value in CASE_16.items()}
    assert aead.seal(case["key"], case["nonce"], case["plaintext"], case["aad"]) == case["sealed"]
    assert aead.unseal(case["key"], case["nonce"], case["sealed"], case["aad"]) == case["plaintext"]


@given(KEYS, st.binary(max_size=200), st.binary(max_size=50))
def test_message_opens_with_another_implementation(key: bytes, plaintext: bytes, aad: bytes) -> None:
    """A sealed message is what the documentation says: the second reader opens it, and we open the second writer's."""
    assert other.open_message(key, aead.seal_message(key, plaintext, aad), aad) == plaintext
    assert aead.unseal_message(key, other.seal_message(key, bytes(range(16)), plaintext, aad), aad) == plaintext


@given(KEYS, st.binary(max_size=80))
def test_no_other_exception_comes_out(key: bytes, rubbish: bytes) -> None:
    """Whatever the bytes, also too few of them, only our exception is raised, with no text and no cause."""
    raw, message = partial(aead.unseal, key, aead.SINGLE_USE_NONCE), partial(aead.unseal_message, key)
    for unseal in (raw, message):
        with pytest.raises(aead.InvalidTagError) as caught:
            unseal(rubbish, b"")
        assert str(caught.value) == ""
        assert caught.value.__cause__ is None
        assert caught.value.__suppress_context__


def test_messages_differ() -> None:
    """The same message sealed twice under one key differs in salt and in ciphertext."""
    first, second = (aead.seal_message(bytes(32), b"same", b"") for _ in range(2))
    assert first[:16] != second[:16]
    assert first[16:] != second[16:]
