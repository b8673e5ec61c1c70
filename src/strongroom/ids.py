"""Random ids as text, for keys, requests, events, principals and access keys; and secret access keys."""

import os
import secrets
import string
from collections import deque

_VARIANT = "89ab"
_BATCH = 64
_BASE32 = string.ascii_uppercase + "234567"
_SECRET_ALPHABET = string.ascii_letters + string.digits + "+/"
_SECRET_LENGTH = 40

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


def new_access_key_id(prefix: str) -> str:
    """An access key id in AWS's form: 16 characters of base 32 after ``AKIA``, or ``ASIA`` for a session's key."""
    return prefix + "".join(secrets.choice(_BASE32) for _ in range(16))


def new_unique_id(prefix: str) -> str:
    """A principal's unique id in AWS's form: 17 characters after ``AIDA`` for a user, ``AROA`` for a role.

    IAM User Guide, "IAM identifiers"; 85 random bits, so none is given out twice.
    """
    return prefix + "".join(secrets.choice(_BASE32) for _ in range(17))


def new_secret_key() -> str:
    """A secret access key in AWS's form: 40 characters, 240 bits."""
    return "".join(secrets.choice(_SECRET_ALPHABET) for _ in range(_SECRET_LENGTH))


def new_grant_id() -> str:
    """The id of a grant in AWS's form: 64 hexadecimal digits."""
    return secrets.token_hex(32)
