"""The software key store: material wrapped in the database, unwrapped in this process.

Loaded keys are kept as objects for as long as their keys do not change: private keys, and the HMAC objects of symmetric
and HMAC keys. To unwrap for each call would cost a tenth of an Encrypt and hide nothing: what unwraps is there, too.
"""

import contextlib
import os
from collections.abc import Mapping
from hmac import compare_digest

from msgspec.structs import replace

from strongroom.crypto import aead, agreement, kem, oaep, private_keys, signatures, unwrapping
from strongroom.crypto.errors import DecryptionError, InvalidKeyError, InvalidPublicKeyError
from strongroom.crypto.kdf import derive, derive_block
from strongroom.crypto.macs import MacKey
from strongroom.crypto.private_keys import KeyPair
from strongroom.keystores.imports import ImportTokens
from strongroom.keystores.loaded import LoadedKeys
from strongroom.keystores.root import KeyHolder, RootKeys
from strongroom.keystores.sealed import RecordKind, Sealer
from strongroom.model.ciphertext import BODY_OFFSET, HEADER_BYTES, SALT_BYTES, Header, pack_header
from strongroom.model.context import canonical_context
from strongroom.model.errors import IncorrectKeyMaterialException, InvalidCiphertextException, ValidationException
from strongroom.model.key import Key, Material
from strongroom.model.spec import (
    SPECS,
    EncryptionAlgorithm,
    KeySpec,
    MacAlgorithm,
    MessageType,
    SigningAlgorithm,
)
from strongroom.model.wrapping import AlgorithmSpec, WrappingKeySpec

# Labels of the keys derived from material.
_MATERIAL_ID = b"strongroom/material-id"
_ENCRYPTION = b"strongroom/symmetric/encryption"
_COMMITMENT = b"strongroom/symmetric/commitment"


class SoftwareKeyStore(KeyHolder):
    """A ports.KeyStore for keys of origin AWS_KMS and EXTERNAL (docs: formats, "Key material" and "Ciphertext")."""

    __slots__ = ("_mac_keys", "_pairs", "_tokens", "_wraps")

    def __init__(self, roots: RootKeys) -> None:
        self._wraps = Sealer(roots, RecordKind.KEY_MATERIAL)
        self._tokens = ImportTokens(roots)
        self._mac_keys: LoadedKeys[MacKey] = LoadedKeys()
        self._pairs: LoadedKeys[KeyPair] = LoadedKeys()

    def generate(self, key: Key) -> Material:
        """Make new material for a key, dated as the key is: random bytes, or a private key as PKCS#8.

        The material id is a KDF output of material and key id: it says nothing of the material, and the same material
        in two keys has two ids.
        """
        row = SPECS[key.spec]
        raw = private_keys.to_pkcs8(private_keys.generate(key.spec)) if row.asymmetric else os.urandom(row.size)
        return self._wrapped(key, raw, key.created_at)

    def copy(self, key: Key, material: Material, to: Key) -> Material:
        """The same material for another key of the same multi-Region key: its wrap is bound to account and Region.

        Raises:
            TamperedStoreError: The wrapped material is not this key's.
        """
        raw = self._wraps.unseal(_facts(key, material.material_id), material.wrapped)
        return replace(material, wrapped=self._wraps.seal(_facts(to, material.material_id), raw))

    def import_parameters(
        self, key: Key, algorithm: AlgorithmSpec, wrapping_spec: WrappingKeySpec, valid_to: float
    ) -> tuple[bytes, bytes]:
        """A fresh RSA key to wrap material with, and a token that holds its private half, sealed."""
        return self._tokens.issue(key, algorithm, wrapping_spec, valid_to)

    def import_material(self, key: Key, token: bytes, encrypted: bytes, now: float) -> Material:
        """Unwrap material with the wrapping key of a token, look whether it fits the key, and wrap it as our own.

        Raises:
            InvalidImportTokenException: The token was not made for this key.
            ExpiredImportTokenException: Its time is over.
            InvalidCiphertextException: The material does not unwrap; nothing more is said.
            IncorrectKeyMaterialException: It is not material of the key's spec.
        """
        algorithm, pair = self._tokens.open(key, token, now)
        try:
            raw = unwrapping.unwrap(pair, algorithm, encrypted)
        except DecryptionError:
            raise InvalidCiphertextException from None
        return self._wrapped(key, _validated(key.spec, raw), now)

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

    def public_key(self, key: Key, material: Material) -> bytes:
        """The public key of an asymmetric key, as DER SubjectPublicKeyInfo."""
        return self._pair(key, material).spki

    def encrypt_to(self, key: Key, material: Material, algorithm: EncryptionAlgorithm, plaintext: bytes) -> bytes:
        """Encrypt to the public key of an RSA key; the plaintext is within ``model.spec.max_plaintext``."""
        return oaep.encrypt(self._pair(key, material), algorithm, plaintext)

    def decrypt_with(self, key: Key, material: Material, algorithm: EncryptionAlgorithm, ciphertext: bytes) -> bytes:
        """Decrypt with the private key of an RSA key.

        Raises:
            InvalidCiphertextException: Anything does not fit; nothing more is said.
        """
        try:
            return oaep.decrypt(self._pair(key, material), algorithm, ciphertext)
        except DecryptionError:
            raise InvalidCiphertextException from None

    def sign(
        self, key: Key, material: Material, algorithm: SigningAlgorithm, message_type: MessageType, message: bytes
    ) -> bytes:
        """Sign a message that is of its type's length."""
        return signatures.sign(self._pair(key, material), algorithm, message_type, message)

    def verify(
        self,
        key: Key,
        material: Material,
        algorithm: SigningAlgorithm,
        message_type: MessageType,
        message: bytes,
        *,
        signature: bytes,
    ) -> bool:
        """Whether a signature is good."""
        return signatures.verify(self._pair(key, material), algorithm, message_type, message, signature)

    def mac(self, key: Key, material: Material, algorithm: MacAlgorithm, message: bytes) -> bytes:
        """The HMAC of a message."""
        return self._mac_key(key, material, algorithm).mac(message)

    def agree(self, key: Key, material: Material, peer: bytes) -> bytes:
        """The raw ECDH secret with a peer's public key.

        Raises:
            ValidationException: The peer's key is not DER SubjectPublicKeyInfo of a point on the key's curve.
        """
        try:
            return agreement.agree(self._pair(key, material), peer)
        except InvalidPublicKeyError:
            raise ValidationException(f"The public key is not a valid public key of the key spec {key.spec}.") from None

    def encapsulate(self, key: Key, material: Material) -> tuple[bytes, bytes]:
        """A fresh shared secret, and its ciphertext."""
        return kem.encapsulate(self._pair(key, material))

    def decapsulate(self, key: Key, material: Material, ciphertext: bytes) -> bytes:
        """The shared secret of a ciphertext; one that was not made for this key gives another secret.

        Raises:
            InvalidCiphertextException: The length is not that of the key's spec.
        """
        try:
            return kem.decapsulate(self._pair(key, material), ciphertext)
        except DecryptionError:
            raise InvalidCiphertextException from None

    def key_pair(self, spec: KeySpec) -> tuple[bytes, bytes]:
        """A fresh data key pair for use outside: DER SubjectPublicKeyInfo and DER PKCS#8."""
        pair = private_keys.generate(spec)
        return pair.spki, private_keys.to_pkcs8(pair)

    def random(self, count: int) -> bytes:
        """``count`` bytes from the kernel's generator.

        It is seeded from hardware, reseeds itself, and has no state in this process that a fork could copy or a memory
        disclosure could show; a generator of our own would add all three.
        """
        return os.urandom(count)

    def _wrapped(self, key: Key, raw: bytes, created_at: float) -> Material:
        """Raw material of a key, wrapped and named."""
        material_id = derive(raw, _MATERIAL_ID, key.key_id.encode()).hex()
        return Material(material_id, self._wraps.seal(_facts(key, material_id), raw), created_at)

    def _message_keys(self, key: Key, material: Material, header: bytes) -> tuple[bytes, bytes]:
        """The encryption key and the key commitment of one message; the header is the KDF context of both."""
        loaded = self._mac_key(key, material, MacAlgorithm.HMAC_SHA_256)
        return derive_block(loaded, _ENCRYPTION, header), derive_block(loaded, _COMMITMENT, header)

    def _mac_key(self, key: Key, material: Material, algorithm: MacAlgorithm) -> MacKey:
        """The material ready for HMAC; of a key there is but one algorithm."""
        facts = _facts(key, material.material_id)
        return self._mac_keys.get(
            material, facts, lambda: MacKey(self._wraps.unseal(facts, material.wrapped), algorithm)
        )

    def _pair(self, key: Key, material: Material) -> KeyPair:
        facts = _facts(key, material.material_id)
        return self._pairs.get(
            material, facts, lambda: private_keys.load(key.spec, self._wraps.unseal(facts, material.wrapped))
        )


def _validated(spec: KeySpec, raw: bytes) -> bytes:
    """Imported material in the form in which it is stored, so that the same key has the same id each time."""
    row = SPECS[spec]
    if not row.asymmetric and len(raw) == row.size:
        return raw
    if row.asymmetric:
        with contextlib.suppress(InvalidKeyError):
            return private_keys.to_pkcs8(private_keys.load_untrusted(spec, raw))
    raise IncorrectKeyMaterialException(f"The key material is not valid for the key spec {spec}.")


def _header(key: Key, material: Material, salt: bytes) -> bytes:
    return pack_header(Header(key.realm.account, key.key_id, material.material_id, salt))


def _facts(key: Key, material_id: str) -> tuple[str, ...]:
    """What a wrap is bound to, beside format version, record kind and root version."""
    return (*key.realm, key.key_id, material_id, key.spec, key.usage, key.origin)
