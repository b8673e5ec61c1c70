"""RSAES-OAEP (RFC 8017, section 7.1): label empty, MGF1 with the hash of the label."""

from typing import Any

from cryptography.hazmat.primitives.asymmetric.padding import MGF1, OAEP
from cryptography.hazmat.primitives.hashes import SHA1, SHA256, HashAlgorithm

from strongroom.crypto.errors import DecryptionError
from strongroom.crypto.private_keys import KeyPair
from strongroom.model.spec import EncryptionAlgorithm


def _oaep(algorithm: HashAlgorithm) -> OAEP:
    return OAEP(MGF1(algorithm), algorithm, None)


_PADDINGS = {
    EncryptionAlgorithm.RSAES_OAEP_SHA_1: _oaep(SHA1()),  # noqa: S303 - AWS has it; OAEP needs no collision resistance
    EncryptionAlgorithm.RSAES_OAEP_SHA_256: _oaep(SHA256()),
}


def encrypt(pair: KeyPair, algorithm: EncryptionAlgorithm, plaintext: bytes) -> bytes:
    """Encrypt; the answer is as long as the modulus.

    Args:
        pair: An RSA key.
        algorithm: One of the RSAES_OAEP algorithms.
        plaintext: No longer than ``model.spec.max_plaintext`` gives.
    """
    public: Any = pair.public
    ciphertext: bytes = public.encrypt(plaintext, _PADDINGS[algorithm])
    return ciphertext


def decrypt(pair: KeyPair, algorithm: EncryptionAlgorithm, ciphertext: bytes) -> bytes:
    """Decrypt what ``encrypt`` or another implementation made.

    Raises:
        DecryptionError: It does not open; the same whatever the reason, so that no padding oracle arises.
    """
    private: Any = pair.private
    try:
        plaintext: bytes = private.decrypt(ciphertext, _PADDINGS[algorithm])
    except ValueError:
        raise DecryptionError from None
    return plaintext
