"""Unwrapping of imported key material: RSAES-OAEP alone, or around an AES key that wraps the material.

The second is PKCS #11's CKM_RSA_AES_KEY_WRAP: the AES-256 key under RSAES-OAEP, then the material under AES key wrap
with padding (RFC 5649; NIST SP 800-38F, KWP).
"""

import os

from cryptography.hazmat.primitives.keywrap import InvalidUnwrap, aes_key_unwrap_with_padding

from strongroom.crypto import oaep
from strongroom.crypto.errors import DecryptionError
from strongroom.crypto.private_keys import KeyPair
from strongroom.model.spec import EncryptionAlgorithm
from strongroom.model.wrapping import AlgorithmSpec

_AES_KEY_BYTES = 32
_DIRECT = {
    AlgorithmSpec.RSAES_OAEP_SHA_1: EncryptionAlgorithm.RSAES_OAEP_SHA_1,
    AlgorithmSpec.RSAES_OAEP_SHA_256: EncryptionAlgorithm.RSAES_OAEP_SHA_256,
}
_BY_AES_KEY = {
    AlgorithmSpec.RSA_AES_KEY_WRAP_SHA_1: EncryptionAlgorithm.RSAES_OAEP_SHA_1,
    AlgorithmSpec.RSA_AES_KEY_WRAP_SHA_256: EncryptionAlgorithm.RSAES_OAEP_SHA_256,
}


def unwrap(pair: KeyPair, algorithm: AlgorithmSpec, wrapped: bytes) -> bytes:
    """The material in the clear, whatever it is.

    Args:
        pair: The RSA wrapping key.
        algorithm: One of those with OAEP.
        wrapped: What the importer sent.

    Raises:
        DecryptionError: It does not open; the same whatever the reason, so that no padding oracle arises.
    """
    direct = _DIRECT.get(algorithm)
    if direct is not None:
        return oaep.decrypt(pair, direct, wrapped)
    modulus = (pair.public.key_size + 7) // 8  # type: ignore[union-attr] # wrapping keys are RSA keys
    aes_key = _aes_key(pair, _BY_AES_KEY[algorithm], wrapped[:modulus])
    try:
        return aes_key_unwrap_with_padding(aes_key, wrapped[modulus:])
    except (InvalidUnwrap, ValueError):
        raise DecryptionError from None


def _aes_key(pair: KeyPair, algorithm: EncryptionAlgorithm, wrapped: bytes) -> bytes:
    """The AES key; where there is none a random one, which opens nothing: so it takes as long, whatever is wrong."""
    try:
        key = oaep.decrypt(pair, algorithm, wrapped)
    except DecryptionError:
        key = b""
    return key if len(key) == _AES_KEY_BYTES else os.urandom(_AES_KEY_BYTES)
