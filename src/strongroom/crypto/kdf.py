"""Key derivation: NIST SP 800-108r1, counter mode (section 4.1), PRF HMAC-SHA-256."""

from strongroom.crypto.macs import MacKey, hmac_sha256

_BLOCK_BYTES = 32
_FIRST = (1).to_bytes(4, "big")


def counter_mode(key: bytes, fixed_input: bytes, length: int) -> bytes:
    """``length`` bytes: blocks of HMAC-SHA-256(key, i || fixed_input), i = 1, 2, ... as 4 bytes big-endian."""
    if length <= _BLOCK_BYTES:
        return hmac_sha256(key, _FIRST + fixed_input)[:length]
    blocks = range(1, -(-length // _BLOCK_BYTES) + 1)
    return b"".join(hmac_sha256(key, i.to_bytes(4, "big") + fixed_input) for i in blocks)[:length]


def derive(key: bytes, label: bytes, context: bytes, length: int = 32) -> bytes:
    """Derive a key for one purpose.

    The fixed input is ``label || 0x00 || context || L``, L the output length in bits as 4 bytes big-endian.

    Args:
        key: The key-derivation key, of full entropy; never a password.
        label: The purpose; holds no zero byte, so that no other (label, context) pair has the same fixed input.
        context: What the derived key is bound to.
        length: Bytes wanted.
    """
    return counter_mode(key, _fixed_input(label, context, length), length)


def derive_block(key: MacKey, label: bytes, context: bytes) -> bytes:
    """Derive 32 bytes as ``derive`` does, from a key that is ready for HMAC-SHA-256."""
    return key.mac(_FIRST + _fixed_input(label, context, _BLOCK_BYTES))


def _fixed_input(label: bytes, context: bytes, length: int) -> bytes:
    return b"%b\0%b%b" % (label, context, (length * 8).to_bytes(4, "big"))
