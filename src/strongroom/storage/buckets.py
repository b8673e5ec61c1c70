"""The index of a key's grants: a set hash for each bucket of them (docs: formats, "Index of grants").

A key may have 50,000 grants. Were they all children of the key, using one would mean reading all. So they lie in
buckets by their grantees, each with a set hash of its own; all of these lie in one row, which is a child of the key.
"""

import struct
from hashlib import sha256
from typing import NamedTuple

_ENTRY = struct.Struct(">HI16s32s")


class Bucket(NamedTuple):
    """How many grants a bucket has, and nonce and set hash of them."""

    size: int
    hashes: tuple[bytes, bytes]


def bucket_of(grantee_token: str) -> int:
    """The number of the bucket of a grantee's grants, 0 to 255."""
    return sha256(grantee_token.encode()).digest()[0]


def pack(buckets: dict[int, Bucket]) -> bytes:
    """The entries of all buckets that have grants, in the order of their numbers."""
    return b"".join(_ENTRY.pack(number, bucket.size, *bucket.hashes) for number, bucket in sorted(buckets.items()))


def unpack(packed: bytes) -> dict[int, Bucket]:
    """What ``pack`` packed."""
    return {number: Bucket(size, (nonce, total)) for number, size, nonce, total in _ENTRY.iter_unpack(packed)}
