"""The wall to raw key material."""

from collections.abc import Mapping
from typing import Protocol

from strongroom.model.ciphertext import Header
from strongroom.model.key import Key, Material
from strongroom.model.spec import EncryptionAlgorithm, KeySpec, MacAlgorithm, MessageType, SigningAlgorithm
from strongroom.model.wrapping import AlgorithmSpec, WrappingKeySpec


class KeyStore(Protocol):
    """Where raw key material lives; nothing else ever holds it.

    An implementer promises: material leaves only wrapped; a failed decryption says only InvalidCiphertextException, a
    failed verification only that it failed. Every method may be called on any thread.
    """

    def generate(self, key: Key) -> Material:
        """Make new material for a key; the material id depends on key id and material."""

    def copy(self, key: Key, material: Material, to: Key) -> Material:
        """The same material for another key of the same multi-Region key."""

    def import_parameters(
        self, key: Key, algorithm: AlgorithmSpec, wrapping_spec: WrappingKeySpec, valid_to: float
    ) -> tuple[bytes, bytes]:
        """A fresh public key to wrap material for a key with, DER SubjectPublicKeyInfo, and the token to send with it.

        Algorithm and spec are a pair that ``model.wrapping.can_wrap``; ``valid_to`` is on the key-life clock.
        """

    def import_material(self, key: Key, token: bytes, encrypted: bytes, now: float) -> Material:
        """The material that somebody wrapped for a key; the same material always has the same id.

        Raises:
            InvalidImportTokenException: The token was not made for this key.
            ExpiredImportTokenException: Its time is over.
            InvalidCiphertextException: The material does not unwrap; nothing more is said.
            IncorrectKeyMaterialException: It is not material of the key's spec.
        """

    def encrypt(self, key: Key, material: Material, plaintext: bytes, context: Mapping[str, str]) -> bytes:
        """Encrypt under a symmetric key; the blob names key and material, the context is bound to it."""

    def decrypt(self, key: Key, material: Material, header: Header, blob: bytes, context: Mapping[str, str]) -> bytes:
        """Open a blob made by ``encrypt``.

        Raises:
            InvalidCiphertextException: Anything does not fit; nothing more is said.
        """

    def public_key(self, key: Key, material: Material) -> bytes:
        """The public key of an asymmetric key, as DER SubjectPublicKeyInfo (RFC 5280)."""

    def encrypt_to(self, key: Key, material: Material, algorithm: EncryptionAlgorithm, plaintext: bytes) -> bytes:
        """Encrypt to the public key of an asymmetric key; the plaintext is within ``model.spec.max_plaintext``."""

    def decrypt_with(self, key: Key, material: Material, algorithm: EncryptionAlgorithm, ciphertext: bytes) -> bytes:
        """Decrypt with the private key of an asymmetric key.

        Raises:
            InvalidCiphertextException: Anything does not fit; nothing more is said.
        """

    def sign(
        self, key: Key, material: Material, algorithm: SigningAlgorithm, message_type: MessageType, message: bytes
    ) -> bytes:
        """Sign a message that is of its type's length (``model.spec.MESSAGE_BYTES``)."""

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
        """Whether a signature is good; any other bytes are just not good."""

    def mac(self, key: Key, material: Material, algorithm: MacAlgorithm, message: bytes) -> bytes:
        """The HMAC of a message (RFC 2104)."""

    def agree(self, key: Key, material: Material, peer: bytes) -> bytes:
        """The raw ECDH secret with a peer's public key, as long as the curve's field (NIST SP 800-56A).

        Raises:
            ValidationException: The peer's key is not DER SubjectPublicKeyInfo of a point on the key's curve.
        """

    def encapsulate(self, key: Key, material: Material) -> tuple[bytes, bytes]:
        """A fresh shared secret of 32 bytes, and its ciphertext (FIPS 203)."""

    def decapsulate(self, key: Key, material: Material, ciphertext: bytes) -> bytes:
        """The shared secret of a ciphertext; one that was not made for this key gives another secret (FIPS 203).

        Raises:
            InvalidCiphertextException: The length is not that of the key's spec.
        """

    def key_pair(self, spec: KeySpec) -> tuple[bytes, bytes]:
        """A fresh data key pair for use outside: DER SubjectPublicKeyInfo and DER PKCS#8 (RFC 5958)."""

    def random(self, count: int) -> bytes:
        """``count`` random bytes."""


class KeyStores(Protocol):
    """Which key store holds a key's material."""

    def of(self, key: Key) -> KeyStore:
        """The key store of a key."""

    @property
    def default(self) -> KeyStore:
        """The key store of keys in no custom key store."""
