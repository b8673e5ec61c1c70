"""Pages of list operations and the markers between them.

A marker is the sort key of the last item shown, behind a MAC over operation, account, Region and that key
(docs/reference/formats.md, "Markers").
"""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from hmac import compare_digest
from typing import TypeVar

from strongroom.model.errors import InvalidMarkerException
from strongroom.model.region import Realm
from strongroom.operations.request import fault, invalid
from strongroom.ports import MarkerSeal

T = TypeVar("T")

_MAC_BYTES = 12  # a multiple of three, so that base64 keeps MAC and sort key apart


def page_size(limit: int | None, *, default: int, largest: int) -> int:
    """How many items a page holds.

    AWS's model allows 1 to 1000 everywhere; the API Reference documents less for some operations. What is over the
    documented range is refused in the wording of a broken constraint.

    Raises:
        ValidationException: More than ``largest``.
    """
    if limit is None:
        return default
    if limit > largest:
        raise invalid(fault("limit", f"Member must have value less than or equal to {largest}", limit))
    return limit


def cut(items: Sequence[T], size: int) -> tuple[Sequence[T], bool]:
    """The first ``size`` of items, and whether there are more; a reader asks its store for ``size + 1``."""
    return items[:size], len(items) > size


def encode_marker(seal: MarkerSeal, operation: str, realm: Realm, after: str) -> str:
    """A marker that goes on after the item with this sort key; at most 756 bytes of UTF-8 make at most 1024 characters.

    Args:
        seal: For the MAC.
        operation: The operation's name; a marker is good for one operation in one account and Region.
        realm: The account and Region of the list.
        after: The sort key of the last item shown.
    """
    key = after.encode()
    scope = f"{operation}\0{realm.account}\0{realm.region}\0".encode()
    return urlsafe_b64encode(seal.mac(scope + key)[:_MAC_BYTES] + key).decode()


def decode_marker(seal: MarkerSeal, marker: str | None, operation: str, realm: Realm) -> str:
    """The sort key to go on after; empty, before every key, where there is no marker.

    Raises:
        InvalidMarkerException: ``encode_marker`` did not make it for this operation, account and Region.
    """
    if marker is None:
        return ""
    try:
        after = urlsafe_b64decode(marker)[_MAC_BYTES:].decode()
    except ValueError:
        after = ""
    if not compare_digest(encode_marker(seal, operation, realm, after).encode(), marker.encode()):
        raise InvalidMarkerException("The marker is not valid.")
    return after
