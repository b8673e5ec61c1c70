"""CMS EnvelopedData for one RSA recipient (RFC 5652, section 6), as AWS KMS answers in ``CiphertextForRecipient``.

The encoding is AWS's to the byte, and not DER: the outer structures have indefinite lengths (BER), and AWS's own
reader, in the Nitro Enclaves SDK for C, takes nothing else. `cryptography` writes DER, and for owners of certificates.
"""

import hashlib
import os

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.padding import PKCS7
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_der_public_key

MIN_KEY_BITS = 2048
MAX_KEY_BITS = 4096
_MIN_EXPONENT = 65537  # NIST SP 800-56B, section 6.2

_KEY_BYTES = 32
_BLOCK_BYTES = 16

_SEQUENCE, _SET, _OCTET_STRING, _SUBJECT_KEY_ID = 0x30, 0x31, 0x04, 0x80
_VERSION_2 = bytes.fromhex("020102")
_ENVELOPED_DATA = bytes.fromhex("06092a864886f70d010703")
_DATA = bytes.fromhex("06092a864886f70d010701")
_AES_256_CBC = bytes.fromhex("060960864801650304012a")
# id-RSAES-OAEP with SHA-256, MGF1 with SHA-256, and the empty label (RFC 4055, section 4.1).
_OAEP = bytes.fromhex(
    "303c06092a864886f70d010107302fa00f300d06096086480165030402010500"
    "a11c301a06092a864886f70d010108300d06096086480165030402010500"
)
_OPEN_SEQUENCE, _OPEN_EXPLICIT_0, _END = b"\x30\x80", b"\xa0\x80", b"\0\0"

_PADDING = padding.OAEP(padding.MGF1(hashes.SHA256()), hashes.SHA256(), label=None)


class RecipientKeyError(Exception):
    """A public key that no answer is encrypted to."""


def recipient_key(spki: bytes) -> rsa.RSAPublicKey:
    """The RSA key of a DER SubjectPublicKeyInfo, of 2048 to 4096 bits and with a sound exponent.

    Raises:
        RecipientKeyError: It is another key, or not exactly the DER of one.
    """
    try:
        key = load_der_public_key(spki)
    except (ValueError, UnsupportedAlgorithm):
        raise RecipientKeyError from None
    if not isinstance(key, rsa.RSAPublicKey) or not MIN_KEY_BITS <= key.key_size <= MAX_KEY_BITS:
        raise RecipientKeyError
    numbers = key.public_numbers()
    # `cryptography` refuses even exponents, but takes small ones, and even numbers, which are no RSA modulus.
    if numbers.n % 2 == 0 or numbers.e < _MIN_EXPONENT:
        raise RecipientKeyError
    # One key has one encoding, so that the key identifier over it is one, too.
    if key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo) != spki:
        raise RecipientKeyError
    return key


def envelop(plaintext: bytes, spki: bytes) -> bytes:
    """Encrypt for the holder of an RSA key: a fresh AES-256-CBC key and IV, the key under RSAES-OAEP with SHA-256.

    CBC has no tag: who can change the answer on its way can change the plaintext. That is AWS's format; TLS guards it.

    Args:
        plaintext: Any length.
        spki: The recipient's key, DER SubjectPublicKeyInfo.

    Returns:
        A ContentInfo of type EnvelopedData, in BER. The recipient is named by the SHA-256 of ``spki``.

    Raises:
        RecipientKeyError: As for ``recipient_key``.
    """
    key = recipient_key(spki)
    content_key, iv = os.urandom(_KEY_BYTES), os.urandom(_BLOCK_BYTES)
    recipient = _tlv(
        _SEQUENCE,
        _VERSION_2,
        _tlv(_SUBJECT_KEY_ID, hashlib.sha256(spki).digest()),
        _OAEP,
        _tlv(_OCTET_STRING, key.encrypt(content_key, _PADDING)),
    )
    content = (
        _OPEN_SEQUENCE
        + _DATA
        + _tlv(_SEQUENCE, _AES_256_CBC, _tlv(_OCTET_STRING, iv))
        + _OPEN_EXPLICIT_0
        + _tlv(_OCTET_STRING, _aes_cbc(content_key, iv, plaintext))
        + _END * 2
    )
    data = _OPEN_SEQUENCE + _VERSION_2 + _tlv(_SET, recipient) + content + _END
    return _OPEN_SEQUENCE + _ENVELOPED_DATA + _OPEN_EXPLICIT_0 + data + _END * 2


def _aes_cbc(key: bytes, iv: bytes, plaintext: bytes) -> bytes:
    """AES-CBC with the padding of RFC 5652, section 6.3."""
    padder = PKCS7(_BLOCK_BYTES * 8).padder()
    encryptor = Cipher(algorithms.AES(key), modes.CBC(iv)).encryptor()
    return encryptor.update(padder.update(plaintext) + padder.finalize()) + encryptor.finalize()


def _tlv(tag: int, *parts: bytes) -> bytes:
    """One value with its tag and definite length (X.690, section 8.1.3)."""
    content = b"".join(parts)
    size = len(content)
    if size < 0x80:  # noqa: PLR2004 - above it the length has a length
        return bytes((tag, size)) + content
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(length))) + length + content
