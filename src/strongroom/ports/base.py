"""The clocks, and the faults of adapters."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from strongroom.ports.storage import Change


def clock_note(offset: float) -> Mapping[str, Any] | None:
    """What a record notes in additionalEventData while key life is ahead of the machine; None while it is not."""
    return {"keyLifeClockOffsetSeconds": offset} if offset else None


class Clocks(msgspec.Struct, frozen=True):
    """The two clocks, both in epoch seconds.

    Attributes:
        machine: The machine's time: signature freshness, TLS, audit times, leases.
        key_life: The time that keys live by: creation, rotation, expiry, deletion windows. Movable in dev mode.
        offset: How many seconds key life is ahead of the machine; 0 unless it was moved.
        follow: Takes what ``Store.changes`` said, so that the offset is the stored one; for the event loop's thread.
            Raises AdapterError where that cannot be read, and reads it at the next call.
    """

    machine: Callable[[], float]
    key_life: Callable[[], float]
    offset: Callable[[], float] = lambda: 0.0
    follow: Callable[[Sequence[Change] | None], None] = lambda _: None


class AdapterError(Exception):
    """Something behind a wall failed; the caller sees KMSInternalException, the operator this text."""


class AuditUnavailableError(AdapterError):
    """The audit cannot be written, so nothing may be answered or committed."""


class StoreUnavailableError(AdapterError):
    """The database did not do its work; the transaction did not happen."""


class TamperedStoreError(AdapterError):
    """A row, or the set of rows under a parent, is not what this service wrote."""
