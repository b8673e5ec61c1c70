"""AES-256-GCM (NIST SP 800-38D), and messages each sealed under a key of its own."""

import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from strongroom.crypto.kdf import derive

# For a key that encrypts one message and no more: a nonce has to be unique under its key, and here it always is.
SINGLE_USE_NONCE = bytes(12)
SALT_BYTES = 16
TAG_BYTES = 16
MESSAGE_OVERHEAD = SALT_BYTES + TAG_BYTES
MESSAGE_LABEL = b"strongroom/message"


class InvalidTagError(Exception):
    """Key, nonce, ciphertext and additional data do not belong together; which of them is wrong cannot be told."""


def seal(key: bytes, nonce: bytes, plaintext: bytes, aad: bytes) -> bytes:
    """Encrypt; the answer is the ciphertext, as long as the plaintext, and a 16-byte tag.

    Args:
        key: 32 bytes.
        nonce: 12 bytes that this key never saw before; ``SINGLE_USE_NONCE`` for a key of one message.
        plaintext: What to encrypt.
        aad: Authenticated with it, not part of the answer.
    """
    return AESGCM(key).encrypt(nonce, plaintext, aad)


def unseal(key: bytes, nonce: bytes, sealed: bytes, aad: bytes) -> bytes:
    """Open what ``seal`` made.

    Raises:
        InvalidTagError: It does not open.
    """
    try:
        return AESGCM(key).decrypt(nonce, sealed, aad)
    except InvalidTag:
        raise InvalidTagError from None


def seal_message(key: bytes, plaintext: bytes, aad: bytes) -> bytes:
    """Seal under a fresh key derived from ``key`` and a random salt: salt, ciphertext, tag; 32 bytes longer.

    So ``key`` itself has no limit on messages that matters: after 2^48 of them, two share a salt with a chance below
    2^-32.
    """
    salt = os.urandom(SALT_BYTES)
    return salt + seal(derive(key, MESSAGE_LABEL, salt), SINGLE_USE_NONCE, plaintext, aad)


def unseal_message(key: bytes, sealed: bytes, aad: bytes) -> bytes:
    """Open what ``seal_message`` made.

    Raises:
        InvalidTagError: It does not open.
    """
    salt, body = sealed[:SALT_BYTES], sealed[SALT_BYTES:]
    return unseal(derive(key, MESSAGE_LABEL, salt), SINGLE_USE_NONCE, body, aad)
