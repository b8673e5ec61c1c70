"""Random UUIDs as text, for key ids, request ids and event ids."""

import os

_VARIANT = "89ab"


def new_uuid() -> str:
    """A version 4 UUID (RFC 9562, section 5.4) in its usual form.

    Every request takes two. Made without the objects of the ``uuid`` module it costs a third.
    """
    digits = os.urandom(16).hex()
    variant = _VARIANT[int(digits[16], 16) & 3]
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:]}"
