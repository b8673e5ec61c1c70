"""The software key store: material wrapped in the database, unwrapped for one operation, AES-256-GCM in this process.

Material is not cached: to unwrap it costs less than a tenth of a request, and so a disabled or deleted key leaves
nothing behind in memory.
"""

import os
from collections.abc import Mapping
from hmac import compare_digest

from strongroom.crypto import aead
from strongroom.crypto.kdf import derive
from strongroom.keystores.root import KeyHolder, RootKeys
from strongroom.keystores.sealed import RecordKind, Sealer
from strongroom.model.ciphertext import BODY_OFFSET, HEADER_BYTES, SALT_BYTES, Header, pack_header
from strongroom.model.context import canonical_context
from strongroom.model.errors import InvalidCiphertextException
from strongroom.model.key import Key, Material
from strongroom.model.spec import SPECS

# Labels of the keys derived from material.
_MATERIAL_ID = b"strongroom/material-id"
_ENCRYPTION = b"strongroom/symmetric/encryption"
_COMMITMENT = b"strongroom/symmetric/commitment"


class SoftwareKeyStore(KeyHolder):
    """A ports.KeyStore for keys of origin AWS_KMS (docs: formats, "Key material" and "Ciphertext")."""

    __slots__ = ("_wraps",)

    def __init__(self, roots: RootKeys) -> None:
        self._wraps = Sealer(roots, RecordKind.KEY_MATERIAL)

    def generate(self, key: Key) -> Material:
        """Make random material for a key, dated as the key is.

        The material id is a KDF output of material and key id: it says nothing of the material, and the same material
        in two keys has two ids.
        """
        raw = os.urandom(SPECS[key.spec].material_bytes)
        material_id = derive(raw, _MATERIAL_ID, key.key_id.encode()).hex()
        return Material(material_id, self._wraps.seal(_facts(key, material_id), raw), key.created_at)

    def encrypt(self, key: Key, material: Material, plaintext: bytes, context: Mapping[str, str]) -> bytes:
        """Encrypt under a key of this one message; two calls never give the same blob.

        Raises:
            TamperedStoreError: The wrapped material is not this key's.
        """
        header = _header(key, material, os.urandom(SALT_BYTES))
        message_key, commitment = self._message_keys(key, material, header)
        body = aead.seal(message_key, aead.SINGLE_USE_NONCE, plaintext, header + canonical_context(context))
        return header + commitment + body

    def decrypt(self, key: Key, material: Material, header: Header, blob: bytes, context: Mapping[str, str]) -> bytes:
        """Open a blob made by ``encrypt``: the key commitment is compared first, then the tag is verified.

        Raises:
            InvalidCiphertextException: Blob, key, material or context do not fit; nothing more is said.
            TamperedStoreError: The wrapped material is not this key's.
        """
        expected = _header(key, material, header.salt)
        if blob[:HEADER_BYTES] != expected:
            raise InvalidCiphertextException
        message_key, commitment = self._message_keys(key, material, expected)
        if not compare_digest(commitment, blob[HEADER_BYTES:BODY_OFFSET]):
            raise InvalidCiphertextException
        aad = expected + canonical_context(context)
        try:
            return aead.unseal(message_key, aead.SINGLE_USE_NONCE, blob[BODY_OFFSET:], aad)
        except aead.InvalidTagError:
            raise InvalidCiphertextException from None

    def random(self, count: int) -> bytes:
        """``count`` bytes from the kernel's generator.

        It is seeded from hardware, reseeds itself, and has no state in this process that a fork could copy or a memory
        disclosure could show; a generator of our own would add all three.
        """
        return os.urandom(count)

    def _message_keys(self, key: Key, material: Material, header: bytes) -> tuple[bytes, bytes]:
        """The encryption key and the key commitment of one message; the header is the KDF context of both."""
        raw = self._wraps.unseal(_facts(key, material.material_id), material.wrapped)
        return derive(raw, _ENCRYPTION, header), derive(raw, _COMMITMENT, header)


def _header(key: Key, material: Material, salt: bytes) -> bytes:
    return pack_header(Header(key.realm.account, key.key_id, material.material_id, salt))


def _facts(key: Key, material_id: str) -> tuple[str, ...]:
    """What a wrap is bound to, beside format version, record kind and root version."""
    return (*key.realm, key.key_id, material_id, key.spec, key.usage, key.origin)
