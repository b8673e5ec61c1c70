"""Encryption context as unambiguous bytes."""

from collections.abc import Mapping

MAX_CONTEXT_BYTES = 8192


def canonical_context(context: Mapping[str, str]) -> bytes:
    """Encode an encryption context so that no two contexts share an encoding.

    The pair count, then each pair in the order of its key's UTF-8 bytes: length and bytes of the key, length and bytes
    of the value. Every count and length is a 4-byte big-endian integer.
    """
    if not context:
        return b"\0\0\0\0"
    parts = [len(context).to_bytes(4, "big")]
    for key, value in sorted((k.encode(), v.encode()) for k, v in context.items()):
        parts += (len(key).to_bytes(4, "big"), key, len(value).to_bytes(4, "big"), value)
    return b"".join(parts)


def canonical_size(context: Mapping[str, str]) -> int:
    """How many bytes ``canonical_context`` would make."""
    return 4 + sum(8 + len(key.encode()) + len(value.encode()) for key, value in context.items())
