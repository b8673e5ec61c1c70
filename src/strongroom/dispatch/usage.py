"""When keys were last used: noted in memory, since no cryptographic call writes to the database, and flushed later."""

import logging
from collections.abc import Callable, Sequence

from strongroom.model.key import StoredKey
from strongroom.model.region import Realm
from strongroom.ports import AuditEvent, LastUsage, Reads, TamperedStoreError, Transaction

MANY = 5_000
"""After notes of so many more keys a flush is asked for, so that memory and the flush at the end stay small."""

_log = logging.getLogger("strongroom.dispatch")


class Usages:
    """The last usage of each key since it was flushed, for the event loop's thread alone.

    Args:
        reads: The rows of what was flushed.
        many: Called when there is so much that it should not wait for its time.
    """

    def __init__(self, reads: Reads, many: Callable[[], None]) -> None:
        self._reads = reads
        self._many = many
        self._notes: dict[tuple[Realm, str], LastUsage] = {}

    def note(self, usages: tuple[LastUsage, ...]) -> None:
        """Take note of what a call used, in memory alone."""
        for usage in usages:
            place = (usage.realm, usage.key_id)
            before = self._notes.get(place)
            if before is None or before.used_at <= usage.used_at:
                self._notes[place] = usage
                if before is None and len(self._notes) % MANY == 0:
                    self._many()

    def last(self, realm: Realm, key_id: str) -> LastUsage | None:
        """The last usage of a key that was flushed anywhere or noted here; None where none is known.

        Raises:
            AdapterError: The row cannot be read, or is not as it was written.
        """
        stored, noted = self._reads.last_usage(realm, key_id), self._notes.get((realm, key_id))
        if stored is None or noted is None:
            return stored or noted
        return noted if stored.used_at <= noted.used_at else stored

    def waiting(self) -> list[LastUsage]:
        """What is to be flushed."""
        return list(self._notes.values())

    def forget(self, flushed: Sequence[LastUsage]) -> None:
        """Drop what is durable; where a key was used again meanwhile, that note stays."""
        for usage in flushed:
            place = (usage.realm, usage.key_id)
            if self._notes.get(place) is usage:
                del self._notes[place]


def usages_of(
    request_id: str, events: Sequence[AuditEvent], keys: Sequence[StoredKey], used_at: float
) -> tuple[LastUsage, ...]:
    """What a successful cryptographic operation means for its keys: each has the event id of its owner's record.

    Args:
        request_id: The call's.
        events: The records of the call, the caller's first.
        keys: The keys that it used.
        used_at: The time on the key-life clock.
    """
    call, found = events[0], []
    for stored in keys:
        key = stored.key
        account = key.realm.account
        # The first comparison is the usual case, and faster than a search.
        owned = account == call.recipient
        record = call if owned else next((event for event in events if event.recipient == account), call)
        found.append(LastUsage(key.realm, key.key_id, call.name, used_at, record.event_id, request_id))
    return tuple(found)


def put_usages(usages: Sequence[LastUsage], tx: Transaction) -> None:
    """Write usages down; one whose row is not as it was written is lost, and keeps none of the others back."""
    for usage in usages:
        try:
            tx.put_usage(usage)
        except TamperedStoreError as error:
            _log.error("the last usage of %s cannot be written: %s", usage.key_id, error)
