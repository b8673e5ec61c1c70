"""Random UUIDs as text, for key ids, request ids and event ids."""

import os
from collections import deque

_VARIANT = "89ab"
_BATCH = 64

# Random hexadecimal digits in store, 32 for each id. Each call of the kernel's generator lets other threads take the
# interpreter; a call for each id cost a fifteenth of a request. Ids are no secrets, and no process here forks.
_store: deque[str] = deque()


def new_uuid() -> str:
    """A version 4 UUID (RFC 9562, section 5.4) in its usual form; for any thread.

    Every request takes two. Made without the objects of the ``uuid`` module it costs a third.
    """
    try:
        digits = _store.popleft()
    except IndexError:
        fresh = os.urandom(16 * _BATCH).hex()
        _store.extend(fresh[place : place + 32] for place in range(32, len(fresh), 32))
        digits = fresh[:32]
    variant = _VARIANT[int(digits[16], 16) & 3]
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:]}"
