"""The wall to the database."""

from collections.abc import Callable, Mapping
from typing import Protocol, TypeVar

import msgspec

from strongroom.model.grant import Grant
from strongroom.model.identity import Credential, Principal, PrincipalKind, StoredPrincipal
from strongroom.model.key import Alias, Key, Material, StoredKey
from strongroom.model.policy import BoundPolicy
from strongroom.model.region import Realm

T = TypeVar("T")


class Change(msgspec.Struct, frozen=True):
    """One entry of the change log: what has to leave the caches.

    Attributes:
        kind: ``key`` (with all that belongs to it but its grants), ``grants``, ``alias``, ``principal`` (with all that
            belongs to it), ``credential``, ``clock`` (the offset of key life) or ``none`` (housekeeping).
        name: The key id, alias name or access key id; for ``grants`` the key id, a space and the grantee's token, or
            the key id alone for all of them; for ``principal`` its kind, a space and its name; empty for the others.
    """

    kind: str
    account: str
    region: str
    name: str


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

    def grants_of(self, realm: Realm, key_id: str, grantee_token: str) -> tuple[Grant, ...]:
        """The grants on a key for one grantee, oldest first; fast however many others the key has."""

    def grant(self, realm: Realm, key_id: str, grant_id: str) -> Grant | None:
        """A grant, or None."""

    def grants(self, realm: Realm, key_id: str, after: str, limit: int) -> list[Grant]:
        """The grants on a key with ids greater than ``after``, in order, at most ``limit``."""

    def retirable_grants(self, region: str, retiring_token: str, after: str, limit: int) -> list[Grant]:
        """A Region's grants, of all accounts, that name a retiring principal: as ``grants``."""

    def grant_count(self, realm: Realm, key_id: str) -> int:
        """How many grants a key has."""

    def account_names(self, after: str, limit: int) -> list[str]:
        """The accounts known here greater than ``after``, in order, at most ``limit``."""

    def principal(self, account: str, kind: PrincipalKind, name: str) -> StoredPrincipal | None:
        """The root (whose name is empty), a user or a role of an account, or None."""

    def principal_named(self, account: str, kind: PrincipalKind, name: str) -> Principal | None:
        """The own row of a principal, or None; it alone is checked, so that many can be read at once."""

    def principal_of_id(self, unique_id: str) -> Principal | None:
        """The user or role that has a unique id, or None: as ``principal_named``."""

    def principals(self, account: str, kind: PrincipalKind, after: str, limit: int) -> list[Principal]:
        """An account's users or roles with names greater than ``after``, in order, at most ``limit``."""

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

    def put_policy(self, key: Key, name: str, policy: BoundPolicy) -> None:
        """Add or replace a policy of a key."""

    def put_tags(self, key: Key, tags: Mapping[str, str]) -> None:
        """Add or replace tags of a key."""

    def delete_tags(self, key: Key, tag_keys: tuple[str, ...]) -> None:
        """Remove tags of a key; those that it does not have are passed over."""

    def put_alias(self, alias: Alias) -> None:
        """Add an alias, or replace it (and take it from the key that it pointed at)."""

    def delete_alias(self, alias: Alias) -> None:
        """Remove an alias."""

    def put_grant(self, grant: Grant) -> None:
        """Add a grant."""

    def delete_grant(self, grant: Grant) -> None:
        """Remove a grant."""

    def put_account(self, account: str, created_at: float) -> None:
        """Add an account with its root, or leave it as it is where it is known."""

    def put_principal(self, principal: Principal) -> None:
        """Add a user or a role, or replace its own row."""

    def delete_principal(self, principal: Principal) -> None:
        """Remove a user or a role with all that belongs to it."""

    def put_principal_policy(self, principal: Principal, name: str, document: str) -> None:
        """Add or replace an inline policy of a user or a role."""

    def delete_principal_policy(self, principal: Principal, name: str) -> None:
        """Remove an inline policy of a user or a role."""

    def put_credential(self, credential: Credential) -> None:
        """Add or replace an access key of a principal."""

    def delete_credential(self, credential: Credential) -> None:
        """Remove an access key."""

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
