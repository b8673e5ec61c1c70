"""Unwrapping of imported material: what others wrapped opens, and all that is damaged fails alike."""

import pytest
from cryptography.hazmat.primitives.keywrap import aes_key_unwrap_with_padding

from strongroom.crypto import unwrapping
from strongroom.crypto.errors import DecryptionError
from strongroom.crypto.private_keys import KeyPair
from strongroom.model.spec import KeySpec
from strongroom.model.wrapping import AlgorithmSpec
from tests import wrapping
from tests.crypto.support_keys import pair
from tests.crypto.support_vectors import wycheproof

MATERIAL = bytes(range(37))
BY_AES_KEY = [name for name in wrapping.ALGORITHMS if "AES" in name]


def refused(key: KeyPair, algorithm: str, wrapped: bytes) -> None:
    """It does not open, and the error has nothing in it."""
    with pytest.raises(DecryptionError) as caught:
        unwrapping.unwrap(key, AlgorithmSpec(algorithm), wrapped)
    assert caught.value.args == ()
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


@pytest.mark.parametrize("way", wrapping.WAYS)
@pytest.mark.parametrize("algorithm", wrapping.ALGORITHMS)
@pytest.mark.parametrize("spec", wrapping.WRAPPING_SPECS)
def test_what_others_wrapped_opens(spec: str, algorithm: str, way: str) -> None:
    """Each algorithm with each size of wrapping key, wrapped by two other implementations."""
    key = pair(KeySpec(spec))
    wrapped = wrapping.WAYS[way](key.spki, algorithm, MATERIAL)
    assert unwrapping.unwrap(key, AlgorithmSpec(algorithm), wrapped) == MATERIAL


@pytest.mark.parametrize("algorithm", wrapping.ALGORITHMS)
def test_what_is_damaged_fails_alike(algorithm: str) -> None:
    """A flipped bit, a byte more or less, nothing at all, another key's wrap, another algorithm: one empty error."""
    key = pair(KeySpec.RSA_2048)
    good = wrapping.by_pycryptodome(key.spki, algorithm, MATERIAL)
    places = {0, 1, 100, 255, len(good) // 2, len(good) - 9, len(good) - 1}
    for place in sorted(places):
        refused(key, algorithm, good[:place] + bytes([good[place] ^ 1]) + good[place + 1 :])
    for bad in (b"", b"\0", good[:-1], good + b"\0", good[:256] + good[256:-8], good[1:], bytes(len(good))):
        if bad != good:
            refused(key, algorithm, bad)
    refused(pair(KeySpec.RSA_3072), algorithm, good)
    for other in wrapping.ALGORITHMS:
        if other != algorithm:
            refused(key, other, good)


@pytest.mark.parametrize("algorithm", BY_AES_KEY)
@pytest.mark.parametrize("size", [0, 16, 24, 31, 33, 64])
def test_the_aes_key_has_256_bits(algorithm: str, size: int) -> None:
    """A wrap by an AES key of another size does not open, even one that AES has."""
    key, aes_key = pair(KeySpec.RSA_2048), bytes(size)
    body = wrapping.kwp(aes_key if size in {16, 24} else bytes(32), MATERIAL)
    refused(key, algorithm, wrapping.pycryptodome_oaep(key.spki, algorithm, aes_key) + body)


@pytest.mark.parametrize("damage", ["AES key", "material", "nothing"])
def test_it_takes_the_same_steps_whatever_is_damaged(damage: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the AES key does not open, the material is tried all the same, with a key of the right size."""
    key, algorithm = pair(KeySpec.RSA_2048), "RSA_AES_KEY_WRAP_SHA_256"
    wrapped = bytearray(wrapping.by_pycryptodome(key.spki, algorithm, MATERIAL))
    if damage != "nothing":
        wrapped[10 if damage == "AES key" else 270] ^= 1
    tried = []

    def watched(aes_key: bytes, body: bytes) -> bytes:
        tried.append((len(aes_key), body))
        return aes_key_unwrap_with_padding(aes_key, body)

    monkeypatch.setattr(unwrapping, "aes_key_unwrap_with_padding", watched)
    if damage == "nothing":
        assert unwrapping.unwrap(key, AlgorithmSpec(algorithm), bytes(wrapped)) == MATERIAL
    else:
        refused(key, algorithm, bytes(wrapped))
    assert tried == [(32, bytes(wrapped[256:]))]


def test_key_wrap_vectors() -> None:
    """Wycheproof's vectors of AES key wrap with padding for 256-bit keys, each key under the wrapping key."""
    key, algorithm = pair(KeySpec.RSA_2048), "RSA_AES_KEY_WRAP_SHA_256"
    answers = {"valid": 0, "acceptable": 0, "invalid": 0}
    wrong = []
    for group, test in wycheproof("Cipher/wycheproof/aes_kwp_test.json"):
        if group["keySize"] != 256:
            continue
        head = wrapping.pycryptodome_oaep(key.spki, algorithm, bytes.fromhex(test["key"]))
        try:
            opened = unwrapping.unwrap(key, AlgorithmSpec(algorithm), head + bytes.fromhex(test["ct"])).hex()
        except DecryptionError:
            opened = "refused"
        answers[test["result"]] += 1
        # "Acceptable" are wraps of keys so short that some libraries refuse them.
        if opened not in ({test["msg"]} if test["result"] == "valid" else {"refused", test["msg"]}):
            wrong.append((test["tcId"], test["comment"]))
        if test["result"] == "invalid" and opened != "refused":
            wrong.append((test["tcId"], test["comment"]))
    assert wrong == []
    assert answers["valid"]
    assert answers["invalid"]
