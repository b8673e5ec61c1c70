"""The clocks, and the faults of adapters."""

from collections.abc import Callable

import msgspec


class Clocks(msgspec.Struct, frozen=True):
    """The two clocks, both in epoch seconds.

    Attributes:
        machine: The machine's time: signature freshness, TLS, audit times, leases.
        key_life: The time that keys live by: creation, rotation, expiry, deletion windows. Movable in dev mode.
    """

    machine: Callable[[], float]
    key_life: Callable[[], float]


class AdapterError(Exception):
    """Something behind a wall failed; the caller sees KMSInternalException, the operator this text."""


class AuditUnavailableError(AdapterError):
    """The audit cannot be written, so nothing may be answered or committed."""


class StoreUnavailableError(AdapterError):
    """The database did not do its work; the transaction did not happen."""


class TamperedStoreError(AdapterError):
    """A row, or the set of rows under a parent, is not what this service wrote."""
