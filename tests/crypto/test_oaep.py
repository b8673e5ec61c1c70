"""RSAES-OAEP against another implementation, both ways, and one answer to all that does not open."""

from collections.abc import Callable
from typing import Any

import pytest
from Crypto.Cipher import PKCS1_OAEP, PKCS1_v1_5
from Crypto.Hash import SHA1, SHA256

from strongroom.crypto import oaep
from strongroom.crypto.errors import DecryptionError
from strongroom.model.spec import EncryptionAlgorithm, KeySpec, max_plaintext
from tests.crypto.support_keys import ENCRYPTING, other, other_key, pair

HASHES: dict[EncryptionAlgorithm, Any] = {
    EncryptionAlgorithm.RSAES_OAEP_SHA_1: SHA1,
    EncryptionAlgorithm.RSAES_OAEP_SHA_256: SHA256,
}
SHA_1, SHA_256 = HASHES
SPEC = KeySpec.RSA_2048


@pytest.mark.parametrize("spec", ENCRYPTING)
@pytest.mark.parametrize("algorithm", HASHES)
def test_another_implementation_decrypts(spec: KeySpec, algorithm: EncryptionAlgorithm) -> None:
    """What we encrypt, from one byte to the longest plaintext, PyCryptodome decrypts, and so do we."""
    for length in (1, 32, max_plaintext(spec, algorithm)):
        plaintext = bytes(range(256)) * 2
        ciphertext = oaep.encrypt(pair(spec), algorithm, plaintext[:length])
        assert len(ciphertext) * 8 == int(spec[-4:])
        assert PKCS1_OAEP.new(other(spec), HASHES[algorithm]).decrypt(ciphertext) == plaintext[:length]
        assert oaep.decrypt(pair(spec), algorithm, ciphertext) == plaintext[:length]


@pytest.mark.parametrize("spec", ENCRYPTING)
@pytest.mark.parametrize("algorithm", HASHES)
def test_another_implementations_ciphertext_decrypts(spec: KeySpec, algorithm: EncryptionAlgorithm) -> None:
    """What PyCryptodome encrypts with our public key, we decrypt; also nothing at all."""
    for length in (0, 1, 32, max_plaintext(spec, algorithm)):
        plaintext = (bytes(range(256)) * 2)[:length]
        ciphertext = PKCS1_OAEP.new(other_key(spec, pair(spec).spki), HASHES[algorithm]).encrypt(plaintext)
        assert oaep.decrypt(pair(spec), algorithm, ciphertext) == plaintext


def test_ciphertexts_differ() -> None:
    """The same plaintext encrypted twice gives two ciphertexts."""
    assert oaep.encrypt(pair(SPEC), SHA_256, b"same") != oaep.encrypt(pair(SPEC), SHA_256, b"same")


# What is decrypted with SHA-256 under the key of SPEC, made from a good ciphertext.
BAD: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda _: b"",
    "truncated": lambda good: good[:-1],
    "a byte behind": lambda good: good + b"\0",
    "a byte before": lambda good: b"\0" + good,
    "first byte changed": lambda good: bytes([good[0] ^ 1]) + good[1:],
    "last byte changed": lambda good: good[:-1] + bytes([good[-1] ^ 1]),
    "zeros": lambda good: bytes(len(good)),
    "one": lambda good: bytes(len(good) - 1) + b"\1",
    "above the modulus": lambda good: b"\xff" * len(good),
    "of the other hash": lambda _: oaep.encrypt(pair(SPEC), SHA_1, b"text"),
    "of another MGF1 hash": lambda _: PKCS1_OAEP.new(
        other(SPEC), SHA256, mgfunc=lambda seed, length: PKCS1_OAEP.new(other(SPEC), SHA1)._mgf(seed, length)
    ).encrypt(b"text"),
    "of another key": lambda _: oaep.encrypt(pair(KeySpec.RSA_3072), SHA_256, b"text"),
    "with a label": lambda _: PKCS1_OAEP.new(other(SPEC), SHA256, label=b"label").encrypt(b"text"),
    "of PKCS #1 v1.5": lambda _: PKCS1_v1_5.new(other(SPEC)).encrypt(b"text"),
}


@pytest.mark.parametrize("name", BAD)
def test_every_failure_is_the_same(name: str) -> None:
    """Whatever is wrong with a ciphertext, the error is one, without text and cause."""
    bad = BAD[name](oaep.encrypt(pair(SPEC), SHA_256, b"text"))
    with pytest.raises(DecryptionError) as caught:
        oaep.decrypt(pair(SPEC), SHA_256, bad)
    assert str(caught.value) == ""
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__
