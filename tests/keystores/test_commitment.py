"""One blob must not open under two materials, though AES-GCM by itself would let it.

The attack: who knows two GCM keys can choose one ciphertext block such that one tag fits under both (Dodis, Grubbs,
Ristenpart, Woodage: "Fast Message Franking: From Invisible Salamanders to Encryptment", CRYPTO 2018).
"""

import pytest
from Crypto.Cipher import AES

from strongroom.keystores.software import SoftwareKeyStore
from strongroom.model.ciphertext import parse_header
from strongroom.model.errors import InvalidCiphertextException
from strongroom.model.key import Material
from tests import support_formats as other
from tests.keystores.samples import ACCOUNT, REGION, ROOT, ROOTS, UUID, make_key

STORE = SoftwareKeyStore(ROOTS)
KEY = make_key()
FIRST, SECOND = bytes(32), bytes([1] * 32)
MATERIAL_ID = other.material_id(FIRST, UUID)
HEADER = other.encode_header(ACCOUNT, UUID, MATERIAL_ID, bytes(range(16)))
AAD = HEADER + other.encode_context({})


def times(x: int, y: int) -> int:
    """Multiply in GCM's field (NIST SP 800-38D, algorithm 1)."""
    product = 0
    for bit in range(127, -1, -1):
        if y >> bit & 1:
            product ^= x
        x = x >> 1 ^ (0xE1 << 120 if x & 1 else 0)
    return product


def inverse(x: int) -> int:
    """The inverse in that field: x to the power of 2^128 - 2."""
    result = 1 << 127  # the field's one
    for bit in range(127, -1, -1):
        result = times(result, result)
        if bit:
            result = times(result, x)
    return result


def tag(key: bytes, ciphertext: bytes) -> tuple[int, int]:
    """The tag over AAD and ciphertext, and the hash key."""
    block = AES.new(key, AES.MODE_ECB)
    hash_key = int.from_bytes(block.encrypt(bytes(16)), "big")
    lengths = (len(AAD) * 8).to_bytes(8, "big") + (len(ciphertext) * 8).to_bytes(8, "big")
    padded = AAD + bytes(-len(AAD) % 16) + ciphertext + lengths
    total = 0
    for at in range(0, len(padded), 16):
        total = times(total ^ int.from_bytes(padded[at : at + 16], "big"), hash_key)
    return total ^ int.from_bytes(block.encrypt(bytes(15) + b"\1"), "big"), hash_key


def two_faced_body() -> bytes:
    """A ciphertext of two blocks and a tag that AES-GCM opens under the encryption keys of both materials."""
    keys = [other.encryption_key(material, HEADER) for material in (FIRST, SECOND)]
    (tag_1, hash_1), (tag_2, hash_2) = (tag(key, bytes(32)) for key in keys)
    # The second block enters the tag times the hash key's square: choose it to make up for the difference.
    factor = times(hash_1, hash_1) ^ times(hash_2, hash_2)
    block = times(tag_1 ^ tag_2, inverse(factor)).to_bytes(16, "big")
    ciphertext = bytes(16) + block
    return ciphertext + tag(keys[0], ciphertext)[0].to_bytes(16, "big")


def stored(raw: bytes) -> Material:
    """Material wrapped under the one id, as two databases might hold it."""
    facts = other.wrap_facts(ACCOUNT, REGION, UUID, MATERIAL_ID)
    return Material(MATERIAL_ID, other.seal_record(raw, ROOT, 1, facts, bytes(16)), 0.0)


def test_a_body_that_opens_under_two_keys_is_accepted_under_one() -> None:
    """AES-GCM opens the crafted body under both keys; with the commitment to one, the other refuses."""
    body = two_faced_body()
    plaintexts = {raw: other.gcm_open(other.encryption_key(raw, HEADER), body, AAD) for raw in (FIRST, SECOND)}
    assert plaintexts[FIRST] != plaintexts[SECOND]
    for owner, stranger in ((FIRST, SECOND), (SECOND, FIRST)):
        blob = HEADER + other.commitment(owner, HEADER) + body
        assert STORE.decrypt(KEY, stored(owner), parse_header(blob), blob, {}) == plaintexts[owner]
        with pytest.raises(InvalidCiphertextException):
            STORE.decrypt(KEY, stored(stranger), parse_header(blob), blob, {})


def test_a_valid_body_with_a_wrong_commitment_is_refused() -> None:
    """A body whose tag fits is not enough: the commitment has to be that of its key and header."""
    blob = other.make_ciphertext(HEADER, FIRST, b"text", {})
    assert STORE.decrypt(KEY, stored(FIRST), parse_header(blob), blob, {}) == b"text"
    other_salt = other.encode_header(ACCOUNT, UUID, MATERIAL_ID, bytes(16))
    for wrong in (bytes(32), other.commitment(SECOND, HEADER), other.commitment(FIRST, other_salt)):
        with pytest.raises(InvalidCiphertextException):
            STORE.decrypt(KEY, stored(FIRST), parse_header(blob), HEADER + wrong + blob[105:], {})
