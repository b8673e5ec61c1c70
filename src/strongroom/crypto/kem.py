"""ML-KEM, the key encapsulation mechanism of FIPS 203."""

from typing import Any

from strongroom.crypto.errors import DecryptionError
from strongroom.crypto.private_keys import KeyPair


def encapsulate(pair: KeyPair) -> tuple[bytes, bytes]:
    """A fresh shared secret of 32 bytes, and the ciphertext that gives it to the holder of the private key.

    The ciphertext is 1088 bytes (ML-KEM-768) or 1568 bytes (ML-KEM-1024).
    """
    public: Any = pair.public
    answer: tuple[bytes, bytes] = public.encapsulate()
    return answer


def decapsulate(pair: KeyPair, ciphertext: bytes) -> bytes:
    """The shared secret of a ciphertext, 32 bytes.

    A ciphertext of the right length always gives a secret: a wrong one gives bytes that nobody else can know (implicit
    rejection, FIPS 203, section 6.3).

    Raises:
        DecryptionError: The ciphertext has not the length of the key's parameter set.
    """
    private: Any = pair.private
    try:
        secret: bytes = private.decapsulate(ciphertext)
    except ValueError:
        raise DecryptionError from None
    return secret
