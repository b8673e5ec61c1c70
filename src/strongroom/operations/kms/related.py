"""The keys of one multi-Region key, and what they share (AWS KMS Developer Guide, "Multi-Region keys")."""

from typing import Any

from msgspec.structs import replace

from strongroom.model.key import Key, StoredKey
from strongroom.ports import Reads, Transaction


def related_keys(reads: Reads, key: Key) -> list[StoredKey]:
    """The other keys of a multi-Region key, the primary first; none of a single-Region key."""
    found = (reads.key(realm, key.key_id) for realm in key.related)
    return [stored for stored in found if stored is not None]


def update_shared(tx: Transaction, key: Key, **changes: Any) -> Key:
    """Change what all keys of a multi-Region key share, in the key and in those related to it; the changed key."""
    for stored in related_keys(tx, key):
        tx.update_key(replace(stored.key, **changes))
    changed = replace(key, **changes)
    tx.update_key(changed)
    return changed
