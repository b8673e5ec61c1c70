"""The change log: what each commit of ours says to the caches of all processes (docs: storage, "Change log")."""

from collections.abc import Iterable
from typing import NamedTuple

from sqlalchemy import bindparam, delete, select

from strongroom.ports import Change, TamperedStoreError
from strongroom.storage.database import Row
from strongroom.storage.rows import CHANGE_LOG
from strongroom.storage.schema import change_log
from strongroom.storage.sealed import SealedRows

KEPT_ENTRIES = 10_000
"""So many of the newest entries are never pruned."""

PRUNE_EVERY = 1_000
MAX_BEHIND = 1_000
"""A reader that is further behind forgets everything instead of reading on; far fewer than are kept."""

NOTHING = Change("none", "", "", "")
"""The entry of a commit that concerns no cache."""

_HEAD = select(change_log).order_by(change_log.c.seq.desc()).limit(1)
_FROM = select(change_log).where(change_log.c.seq >= bindparam("seq")).order_by(change_log.c.seq).limit(MAX_BEHIND)
_PRUNE = delete(change_log).where(change_log.c.seq <= bindparam("seq"))


class Place(NamedTuple):
    """An entry: its number, and its MAC, which chains it to all entries before."""

    seq: int
    mac: bytes


BEGINNING = Place(0, b"")
"""Where the first entry of a new log is appended."""


def head(rows: SealedRows) -> Place:
    """The place of the newest entry.

    Raises:
        TamperedStoreError: The log is empty, or its newest entry is not ours.
    """
    newest = rows.select(CHANGE_LOG, _HEAD, {})
    if not newest:
        raise TamperedStoreError("change_log: it is empty")
    return _place(newest[0])


def append(rows: SealedRows, place: Place, changes: Iterable[Change]) -> None:
    """Add entries after the newest one, and prune."""
    entries = []
    seq, mac = place
    for change in changes:
        values = (seq + 1, change.kind, change.account, change.region, change.name, mac)
        seq, mac = seq + 1, rows.seal.mac(CHANGE_LOG.encode(values))
        entries.append(CHANGE_LOG.put((*values, mac)))
    rows.database.run(CHANGE_LOG.insert, entries)
    if seq // PRUNE_EVERY != place.seq // PRUNE_EVERY:
        rows.database.run(_PRUNE, {"seq": seq - KEPT_ENTRIES})


def since(rows: SealedRows, place: Place) -> tuple[Place, list[Change] | None]:
    """What was appended after a place, and the new place; None for "more than can be told", [] where nothing was.

    Raises:
        TamperedStoreError: An entry is not ours, or what was read up to the place is no longer the log's past.
    """
    entries = rows.select(CHANGE_LOG, _FROM, {"seq": place.seq})
    if not entries:
        raise TamperedStoreError(f"change_log: entry {place.seq} and all after it are gone")
    if entries[0][0] != place.seq:
        newest = head(rows)
        if newest.seq - place.seq < KEPT_ENTRIES:
            raise TamperedStoreError(f"change_log: entry {place.seq} is gone")
        return newest, None
    if _place(entries[0]) != place:
        raise TamperedStoreError(f"change_log: entry {place.seq} is not the one that was there")
    return _walk(place, entries) if len(entries) < MAX_BEHIND else (head(rows), None)


def _walk(place: Place, entries: list[Row]) -> tuple[Place, list[Change]]:
    for entry in entries[1:]:
        if entry[5] != place.mac:
            raise TamperedStoreError(f"change_log: entry {entry[0]} does not follow entry {place.seq}")
        place = _place(entry)
    return place, [Change(*entry[1:5]) for entry in entries[1:]]


def _place(entry: Row) -> Place:
    return Place(entry[0], entry[-1])
