"""The symmetric ciphertext blob, format only (docs/reference/formats.md, "Ciphertext").

Version 1, suite 1::

    offset  bytes
         0      1  format version, 1
         1      1  suite, 1: SP 800-108 counter KDF with HMAC-SHA-256, key commitment, AES-256-GCM
         2      1  form of the key id: 0 UUID, 1 multi-Region (``mrk-``)
         3      6  account, 12 decimal digits as a big-endian integer
         9     16  key id, its 32 hex digits as bytes
        25     32  key material id
        57     16  salt, random
        73     32  key commitment
       105      n  AES-256-GCM ciphertext, as long as the plaintext
     105+n     16  AES-256-GCM tag

The header (the first 73 bytes) and the commitment are in the clear; both are authenticated.
"""

from typing import NamedTuple

from strongroom.model.errors import InvalidCiphertextException

VERSION = 1
SUITE = 1
SALT_BYTES = 16
COMMITMENT_BYTES = 32
TAG_BYTES = 16
HEADER_BYTES = 73
BODY_OFFSET = HEADER_BYTES + COMMITMENT_BYTES
OVERHEAD = BODY_OFFSET + TAG_BYTES

_UUID, _MRK = 0, 1
_LAST_ACCOUNT = 999_999_999_999


class Header(NamedTuple):
    """What a blob says about itself: whose key, which key and material, and the salt of its message key."""

    account: str
    key_id: str
    material_id: str
    salt: bytes


def pack_header(header: Header) -> bytes:
    """The 73 header bytes."""
    multi_region = header.key_id.startswith("mrk-")
    digits = header.key_id[4:] if multi_region else header.key_id.replace("-", "")
    return b"".join((
        bytes((VERSION, SUITE, _MRK if multi_region else _UUID)),
        int(header.account).to_bytes(6, "big"),
        bytes.fromhex(digits),
        bytes.fromhex(header.material_id),
        header.salt,
    ))  # fmt: skip


def parse_header(blob: bytes) -> Header:
    """Read the header of a blob.

    Raises:
        InvalidCiphertextException: The blob is too short to hold one byte of ciphertext, or is not of this format.
    """
    if len(blob) <= OVERHEAD or blob[0] != VERSION or blob[1] != SUITE or blob[2] not in {_UUID, _MRK}:
        raise InvalidCiphertextException
    account = int.from_bytes(blob[3:9], "big")
    if account > _LAST_ACCOUNT:
        raise InvalidCiphertextException
    digits = blob[9:25].hex()
    uuid = f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"
    return Header(
        account=f"{account:012d}",
        key_id=f"mrk-{digits}" if blob[2] == _MRK else uuid,
        material_id=blob[25:57].hex(),
        salt=blob[57:73],
    )
