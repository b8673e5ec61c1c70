"""The wall to the database."""

from collections.abc import Callable, Mapping
from typing import Protocol, TypeVar

import msgspec

from strongroom.model.key import Alias, Key, Material, StoredKey
from strongroom.model.region import Realm

T = TypeVar("T")


class Change(msgspec.Struct, frozen=True):
    """One entry of the change log: what has to leave the caches.

    Attributes:
        kind: ``key`` (with all that belongs to it), ``alias``, ``credential``, ``clock`` (the offset of key life) or
            ``none`` (housekeeping).
        name: The key id, alias name or access key id; empty for the others.
    """

    kind: str
    account: str
    region: str
    name: str


class Credential(msgspec.Struct, frozen=True):
    """An access key as stored; ``sealed_secret`` is bound to the access key id and account."""

    access_key_id: str
    account: str
    sealed_secret: bytes
    active: bool
    created_at: float


class LastUsage(msgspec.Struct, frozen=True):
    """The last successful cryptographic operation with a key.

    Attributes:
        operation: Its name, such as ``Encrypt``.
        used_at: Epoch seconds on the key-life clock.
        event_id: The CloudTrail record of the key's owner.
    """

    realm: Realm
    key_id: str
    operation: str
    used_at: float
    event_id: str
    request_id: str


class Due(msgspec.Struct, frozen=True):
    """A key that time changes at a moment: epoch seconds on the key-life clock."""

    at: float
    realm: Realm
    key_id: str


class Reads(Protocol):
    """Reads of checked rows; one call is one snapshot.

    Every method raises TamperedStoreError where a row, or the set of rows under a parent, is not as it was written, and
    StoreUnavailableError where the database fails.
    """

    def key(self, realm: Realm, key_id: str) -> StoredKey | None:
        """A key with all that belongs to it, or None."""

    def alias(self, realm: Realm, name: str) -> Alias | None:
        """An alias by its name (``alias/...``), or None."""

    def key_ids(self, realm: Realm, after: str, limit: int) -> list[str]:
        """Ids of the realm's keys greater than ``after``, in order, at most ``limit``."""

    def aliases(self, realm: Realm, after: str, limit: int) -> list[Alias]:
        """The realm's aliases with names greater than ``after``, in order, at most ``limit``."""

    def credential(self, access_key_id: str) -> Credential | None:
        """An access key, or None."""

    def last_usage(self, realm: Realm, key_id: str) -> LastUsage | None:
        """The last use of a key that was put, or None."""

    def clock_offset(self) -> float:
        """How many seconds key life is ahead of the machine; 0 where it was never moved."""

    def due(self, until: float, limit: int) -> list[Due]:
        """The keys of all realms for which a step is due until a time, in the order of their times."""


class Transaction(Reads, Protocol):
    """Reads and writes of one savepoint; what it does happens wholly and durably, or not at all."""

    def insert_key(self, stored: StoredKey) -> None:
        """Add a key with its materials, policies and tags."""

    def update_key(self, key: Key) -> None:
        """Replace a key's own row."""

    def delete_key(self, key: Key, at: float) -> None:
        """Destroy a key with all that belongs to it, its aliases too; what stays is a tombstone."""

    def put_material(self, key: Key, material: Material) -> None:
        """Add or replace a material of a key."""

    def delete_material(self, key: Key, material_id: str) -> None:
        """Remove a material of a key, so that the key does not know it any more."""

    def put_policy(self, key: Key, name: str, document: str) -> None:
        """Add or replace a policy of a key."""

    def put_tags(self, key: Key, tags: Mapping[str, str]) -> None:
        """Add or replace tags of a key."""

    def delete_tags(self, key: Key, tag_keys: tuple[str, ...]) -> None:
        """Remove tags of a key; those that it does not have are passed over."""

    def put_alias(self, alias: Alias) -> None:
        """Add an alias, or replace it (and take it from the key that it pointed at)."""

    def delete_alias(self, alias: Alias) -> None:
        """Remove an alias."""

    def put_credential(self, credential: Credential) -> None:
        """Add or replace an access key."""

    def put_usage(self, usage: LastUsage) -> None:
        """Take note of the last use of a key, unless a later one was put, or the key is gone or younger than it."""

    def put_clock_offset(self, seconds: float) -> None:
        """Say how far key life is ahead of the machine, to all processes."""

    def take_lease(self, name: str, holder: str, now: float, until: float) -> bool:
        """Have a lease until a time of the machine's clock, if nobody else has it now."""

    def note_shredded(self, number: int) -> None:
        """Take note that of all that was destroyed up to ``Store.to_shred`` nothing remains."""

    def add_record(self, event_id: str, payload: bytes) -> None:
        """Put an audit payload into the outbox of this transaction."""


class Store(Reads, Protocol):
    """The database as one process sees it. Reads are for the event loop's thread."""

    def changes(self) -> list[Change] | None:
        """What changed since the last call: the list (mostly empty), or None for "anything may have".

        One cheap probe when nobody wrote.

        Raises:
            TamperedStoreError: Somebody other than this service wrote, and the whole does not check.
        """

    def to_shred(self) -> int | None:
        """How often material was destroyed so far, where bytes of it may remain in the files; else None."""

    def shred(self) -> bool:
        """Remove what remains of destroyed material from the files of the database; may be called on any thread.

        Returns:
            False where somebody was reading an older state: then it is to be tried again.
        """

    def submit(self, work: Callable[[Transaction], T], done: Callable[[T | BaseException], None]) -> None:
        """Queue ``work`` for the writer thread; ``done`` gets its result once it is on the disk, or what it raised.

        ``done`` is called on the writer's thread.
        """
