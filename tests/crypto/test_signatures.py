"""Signatures against another implementation, both ways, and every bad signature refused."""

import hashlib
import os
from collections.abc import Callable

import pytest
from Crypto.Signature import pss
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from hypothesis import given as given_by
from hypothesis import strategies as st

from strongroom.crypto import private_keys, signatures
from strongroom.model.spec import SPECS, KeySpec, Kind, MessageType, SigningAlgorithm
from tests.crypto.support_keys import (
    SIGNING,
    from_seed,
    given,
    other,
    other_hash,
    other_input,
    other_key,
    other_scheme,
    other_verifies,
    pair,
)

MESSAGES = {"empty": b"", "short": b"Hello, world", "longest": bytes(range(256)) * 16}
ECDSA = [case for case in SIGNING if SPECS[case[0]].kind is Kind.ECC]
ED25519 = KeySpec.ECC_NIST_EDWARDS25519
PURE, PREHASHED = SigningAlgorithm.ED25519_SHA_512, SigningAlgorithm.ED25519_PH_SHA_512
RAW, DIGEST, EXTERNAL_MU = MessageType.RAW, MessageType.DIGEST, MessageType.EXTERNAL_MU

# RFC 8032, section 7.3: Ed25519ph with an empty context, message "abc".
ED25519PH_SEED = "833fe62409237b9d62ec77587520911e9a759cec1d19755b7da901b96dca3d42"
ED25519PH_SIGNATURE = (
    "98a70222f0b8121aa9d30f813d683f809e462b469c7ff87639499bb94e6dae41"
    "31f85042463c2a355a2003d062adf5aaa10b8c61e636062aaad11c2a26083406"
)
ED25519_ORDER = 2**252 + 27742317777372353535851937790883648493

DAMAGE: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda _: b"",
    "one byte": lambda _: b"\x00",
    "truncated": lambda good: good[:-1],
    "half": lambda good: good[: len(good) // 2],
    "a byte behind": lambda good: good + b"\x00",
    "a byte before": lambda good: b"\x00" + good,
    "twice": lambda good: good + good,
    "first byte changed": lambda good: bytes([good[0] ^ 1]) + good[1:],
    "last byte changed": lambda good: good[:-1] + bytes([good[-1] ^ 1]),
    "zeros": lambda good: bytes(len(good)),
    "ones": lambda good: b"\xff" * len(good),
    "random": lambda good: os.urandom(len(good)),
}


@pytest.mark.parametrize(("spec", "algorithm", "message_type"), SIGNING)
@pytest.mark.parametrize("name", MESSAGES)
def test_another_implementation_verifies(
    spec: KeySpec, algorithm: SigningAlgorithm, message_type: MessageType, name: str
) -> None:
    """What we sign, PyCryptodome verifies with our public key, and so do we; no other message goes with it."""
    message = MESSAGES[name]
    signed = given(spec, algorithm, message_type, message)
    signature = signatures.sign(pair(spec), algorithm, message_type, signed)
    public = other_key(spec, pair(spec).spki)
    assert other_verifies(algorithm, public, message, signature)
    assert not other_verifies(algorithm, public, message + b".", signature)
    assert signatures.verify(pair(spec), algorithm, message_type, signed, signature)
    another = given(spec, algorithm, message_type, message + b".")
    assert not signatures.verify(pair(spec), algorithm, message_type, another, signature)


@pytest.mark.parametrize(("spec", "algorithm", "message_type"), SIGNING)
@pytest.mark.parametrize("name", MESSAGES)
def test_another_implementations_signature_verifies(
    spec: KeySpec, algorithm: SigningAlgorithm, message_type: MessageType, name: str
) -> None:
    """What PyCryptodome signs with our private key, we verify."""
    message = MESSAGES[name]
    signature = other_scheme(algorithm, other(spec)).sign(other_input(algorithm, message))
    signed = given(spec, algorithm, message_type, message)
    assert signatures.verify(pair(spec), algorithm, message_type, signed, signature)


@pytest.mark.parametrize(("spec", "algorithm", "message_type"), SIGNING)
def test_a_bad_signature_is_refused(spec: KeySpec, algorithm: SigningAlgorithm, message_type: MessageType) -> None:
    """A signature that is cut, longer, changed or made up does not verify, and raises nothing."""
    signed = given(spec, algorithm, message_type, b"message")
    good = signatures.sign(pair(spec), algorithm, message_type, signed)
    answers = {
        name: signatures.verify(pair(spec), algorithm, message_type, signed, damage(good))
        for name, damage in DAMAGE.items()
    }
    assert answers == dict.fromkeys(DAMAGE, False)


@given_by(case=st.sampled_from(SIGNING), signature=st.binary(max_size=600))
def test_no_bytes_raise(case: tuple[KeySpec, SigningAlgorithm, MessageType], signature: bytes) -> None:
    """Whatever the bytes, the answer is no."""
    spec, algorithm, message_type = case
    signed = given(spec, algorithm, message_type, b"message")
    assert signatures.verify(pair(spec), algorithm, message_type, signed, signature) is False


@pytest.mark.parametrize(("spec", "algorithm", "message_type"), SIGNING)
def test_another_key_does_not_verify(spec: KeySpec, algorithm: SigningAlgorithm, message_type: MessageType) -> None:
    """A signature is not good under another key, of its own spec or of another that has the algorithm."""
    signed = given(spec, algorithm, message_type, b"message")
    signature = signatures.sign(pair(spec), algorithm, message_type, signed)
    others = [pair(a) for a, b, _ in SIGNING if b is algorithm and a is not spec]
    if SPECS[spec].kind is not Kind.RSA:
        others.append(private_keys.generate(spec))
    assert others
    assert not any(signatures.verify(key, algorithm, message_type, signed, signature) for key in others)


def _der(number: int) -> bytes:
    """A DER INTEGER."""
    content = number.to_bytes(number.bit_length() // 8 + 1, "big", signed=True)
    return bytes([2, len(content)]) + content


def _sequence(content: bytes) -> bytes:
    """A DER SEQUENCE."""
    head = bytes([0x30, len(content)]) if len(content) < 0x80 else bytes([0x30, 0x81, len(content)])
    return head + content


# From r, s and the order of the curve to what is not their DER encoding, or not a signature at all.
ECDSA_SHAPES: dict[str, Callable[[int, int, int], bytes]] = {
    "r is zero": lambda _r, s, _n: encode_dss_signature(0, s),
    "s is zero": lambda r, _s, _n: encode_dss_signature(r, 0),
    "both are zero": lambda _r, _s, _n: encode_dss_signature(0, 0),
    "both are one": lambda _r, _s, _n: encode_dss_signature(1, 1),
    "r is the order": lambda _r, s, n: encode_dss_signature(n, s),
    "r plus the order": lambda r, s, n: encode_dss_signature(r + n, s),
    "s plus the order": lambda r, s, n: encode_dss_signature(r, s + n),
    "r is negative": lambda r, s, _n: _sequence(_der(-r) + _der(s)),
    "s is negative": lambda r, s, _n: _sequence(_der(r) + _der(-s)),
    "r minus the order": lambda r, s, n: _sequence(_der(r - n) + _der(s)),
    "a zero before r": lambda r, s, _n: _sequence(b"\x02" + bytes([len(_der(r)) - 1]) + b"\0" + _der(r)[2:] + _der(s)),
    "a length too long": lambda r, s, _n: b"\x30\x82\x00" + bytes([len(_der(r) + _der(s))]) + _der(r) + _der(s),
    "indefinite length": lambda r, s, _n: b"\x30\x80" + _der(r) + _der(s) + b"\0\0",
    "a third number": lambda r, s, _n: _sequence(_der(r) + _der(s) + _der(0)),
    "r alone": lambda r, _s, _n: _sequence(_der(r)),
    "a set": lambda r, s, _n: b"\x31" + _sequence(_der(r) + _der(s))[1:],
    "r and s bare": lambda r, s, n: b"".join(x.to_bytes((n.bit_length() + 7) // 8, "big") for x in (r, s)),
}


@pytest.mark.parametrize(("spec", "algorithm", "message_type"), ECDSA)
def test_an_ecdsa_signature_has_one_encoding(
    spec: KeySpec, algorithm: SigningAlgorithm, message_type: MessageType
) -> None:
    """Numbers out of range, and the right numbers in anything but DER, do not verify."""
    signed = given(spec, algorithm, message_type, b"message")
    order = int(other(spec)._curve.order)
    good = signatures.sign(pair(spec), algorithm, message_type, signed)
    r, s = decode_dss_signature(good)
    assert _sequence(_der(r) + _der(s)) == good
    answers = {
        name: signatures.verify(pair(spec), algorithm, message_type, signed, shape(r, s, order))
        for name, shape in ECDSA_SHAPES.items()
    }
    assert answers == dict.fromkeys(ECDSA_SHAPES, False)


@pytest.mark.parametrize("salt_bytes", [0, 20, 31, 33, 64])
def test_a_pss_salt_is_as_long_as_the_hash(salt_bytes: int) -> None:
    """A PSS signature with a salt of another length does not verify."""
    spec, algorithm = KeySpec.RSA_2048, SigningAlgorithm.RSASSA_PSS_SHA_256
    signature = pss.new(other(spec), salt_bytes=salt_bytes).sign(other_hash(algorithm, b"message"))
    assert not signatures.verify(pair(spec), algorithm, RAW, b"message", signature)


@pytest.mark.parametrize(("algorithm", "message_type"), [(PURE, RAW), (PREHASHED, DIGEST)])
def test_an_ed25519_signature_has_one_s(algorithm: SigningAlgorithm, message_type: MessageType) -> None:
    """S plus the order of the group, which is the same S to a careless verifier, does not verify (RFC 8032, 5.1.7)."""
    signed = given(ED25519, algorithm, message_type, b"message")
    good = signatures.sign(pair(ED25519), algorithm, message_type, signed)
    bad = good[:32] + (int.from_bytes(good[32:], "little") + ED25519_ORDER).to_bytes(32, "little")
    assert not signatures.verify(pair(ED25519), algorithm, message_type, signed, bad)


def test_ed25519ph_as_published() -> None:
    """The Ed25519ph signature of RFC 8032 comes out and verifies: what we are given is hashed once more."""
    key = from_seed(ED25519, bytes.fromhex(ED25519PH_SEED))
    signature = signatures.sign(key, PREHASHED, DIGEST, b"abc")
    assert signature.hex() == ED25519PH_SIGNATURE
    assert signatures.verify(key, PREHASHED, DIGEST, b"abc", signature)


def test_the_two_of_ed25519_are_apart() -> None:
    """A pure signature over a digest is none of Ed25519ph, and the other way round, with or without hashing."""
    digest = hashlib.sha512(b"message").digest()
    pure = signatures.sign(pair(ED25519), PURE, RAW, digest)
    prehashed = signatures.sign(pair(ED25519), PREHASHED, DIGEST, digest)
    assert not signatures.verify(pair(ED25519), PREHASHED, DIGEST, digest, pure)
    for message in (digest, b"message", hashlib.sha512(digest).digest()):
        assert not signatures.verify(pair(ED25519), PURE, RAW, message, prehashed)


@pytest.mark.parametrize(
    ("spec", "algorithm", "message_type"), [case for case in SIGNING if case[2] is not RAW and case[1] is not PREHASHED]
)
def test_message_types_go_together(spec: KeySpec, algorithm: SigningAlgorithm, message_type: MessageType) -> None:
    """What is signed as a digest or a mu verifies as the raw message, and the other way round."""
    message = b"message"
    signed = given(spec, algorithm, message_type, message)
    signature = signatures.sign(pair(spec), algorithm, message_type, signed)
    assert signatures.verify(pair(spec), algorithm, RAW, message, signature)
    assert not signatures.verify(pair(spec), algorithm, RAW, signed, signature)
    signature = signatures.sign(pair(spec), algorithm, RAW, message)
    assert signatures.verify(pair(spec), algorithm, message_type, signed, signature)
