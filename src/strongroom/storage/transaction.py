"""One job's transaction: the writes of a savepoint."""

from collections.abc import Mapping

import msgspec
from sqlalchemy import insert

from strongroom.model.key import Alias, Key, Material, StoredKey
from strongroom.model.policy import BoundPolicy
from strongroom.model.region import Realm
from strongroom.ports import LastUsage
from strongroom.storage import changes, schema
from strongroom.storage.grants import GrantWrites
from strongroom.storage.principals import PrincipalWrites
from strongroom.storage.reads import CHILDREN, SqlReads
from strongroom.storage.rows import (
    ALIASES,
    AUDIT_HEADS,
    CLOCK_OFFSET,
    KEY_USAGE,
    KEYS,
    LEASES,
    MATERIALS,
    META,
    POLICIES,
    SHREDDED,
    TAGS,
    TOMBSTONES,
    AuditHead,
    RootKeyRow,
    alias_values,
    key_of,
    key_values,
    material_values,
    policy_values,
    usage_of,
    usage_values,
)
from strongroom.storage.statements import key_place

_ADD_RECORD = insert(schema.audit_outbox)
_ADD_ROOT_KEY = insert(schema.root_keys)


class SqlTransaction(SqlReads, GrantWrites, PrincipalWrites):
    """ports.Transaction, and the writes that only the service itself does.

    A write of something that hangs on a missing parent (a policy of a key that is not there) raises TamperedStoreError.
    """

    # --- keys and what belongs to them ---

    def insert_key(self, stored: StoredKey) -> None:
        """Add a key with its materials, policies and tags; its aliases are put by ``put_alias``.

        Raises:
            StoreUnavailableError: The key, or something under it, exists.
        """
        key, rows = stored.key, self._rows
        share = 0
        for material in stored.materials.values():
            share += rows.write(MATERIALS, None, material_values(key, material))
        for name, policy in stored.policies.items():
            share += rows.write(POLICIES, None, policy_values(key, name, policy))
        for tag_key, tag_value in stored.tags.items():
            share += rows.write(TAGS, None, (*key.realm, key.key_id, tag_key, tag_value))
        self.pending.realms[key.realm] += rows.write(KEYS, None, (*key_values(key), *rows.set_hash(share)))
        self._changed("key", key.realm, key.key_id)

    def update_key(self, key: Key) -> None:
        """Replace a key's own row."""
        self._rewrite_key(key.realm, key.key_id, 0, key_values(key))

    def delete_key(self, key: Key, at: float) -> None:
        """Destroy a key with all that belongs to it, its aliases and grants too; what stays is a tombstone."""
        rows, place = self._rows, (*key.realm, key.key_id)
        for table, statement in CHILDREN:
            for child in rows.select(table, statement, key_place(key.realm, key.key_id)):
                rows.remove(table, child)
                if table is ALIASES:
                    self._changed("alias", key.realm, child[2])
        self._delete_grants(key.realm, key.key_id)
        usage = rows.find(KEY_USAGE, *place)
        if usage is not None:
            rows.remove(KEY_USAGE, usage)
        self.pending.realms[key.realm] += rows.remove(KEYS, rows.require(KEYS, *place))
        self.pending.realms[key.realm] += self._put(TOMBSTONES, (*place, at))
        self.pending.destroys = True
        self._changed("key", key.realm, key.key_id)
        self._changed("grants", key.realm, key.key_id)

    def put_material(self, key: Key, material: Material) -> None:
        """Add or replace a material of a key."""
        values = material_values(key, material)
        old = self._rows.find(MATERIALS, *values[:4])
        self.pending.destroys |= old is not None and old[4] != material.wrapped
        self._rewrite_key(key.realm, key.key_id, self._rows.write(MATERIALS, old, values))

    def delete_material(self, key: Key, material_id: str) -> None:
        """Remove a material of a key, so that the key does not know it any more."""
        old = self._rows.require(MATERIALS, *key.realm, key.key_id, material_id)
        self.pending.destroys = True
        self._rewrite_key(key.realm, key.key_id, self._rows.remove(MATERIALS, old))

    def put_policy(self, key: Key, name: str, policy: BoundPolicy) -> None:
        """Add or replace a policy of a key."""
        self._rewrite_key(key.realm, key.key_id, self._put(POLICIES, policy_values(key, name, policy)))

    def put_tags(self, key: Key, tags: Mapping[str, str]) -> None:
        """Add or replace tags of a key."""
        if tags:
            share = sum(self._put(TAGS, (*key.realm, key.key_id, name, value)) for name, value in tags.items())
            self._rewrite_key(key.realm, key.key_id, share)

    def delete_tags(self, key: Key, tag_keys: tuple[str, ...]) -> None:
        """Remove tags of a key; those that it does not have are passed over."""
        share = 0
        for tag_key in tag_keys:
            old = self._rows.find(TAGS, *key.realm, key.key_id, tag_key)
            if old is not None:
                share += self._rows.remove(TAGS, old)
        if share:
            self._rewrite_key(key.realm, key.key_id, share)

    def put_alias(self, alias: Alias) -> None:
        """Add an alias, or replace it (and take it from the key that it pointed at)."""
        values = alias_values(alias)
        old = self._rows.find(ALIASES, *values[:3])
        share = self._rows.write(ALIASES, old, values)
        for key_id, part in self._parts(share, alias.key_id, old, None if old is None else old[3]).items():
            self._rewrite_key(alias.realm, key_id, part)
        self._changed("alias", alias.realm, alias.name)

    def delete_alias(self, alias: Alias) -> None:
        """Remove an alias, if it is there."""
        old = self._rows.find(ALIASES, *alias.realm, alias.name)
        if old is not None:
            self._rewrite_key(alias.realm, old[3], self._rows.remove(ALIASES, old))
            self._changed("alias", alias.realm, alias.name)

    def put_usage(self, usage: LastUsage) -> None:
        """Take note of the last use of a key, unless a later one was put, or the key is gone or younger than it.

        The row hangs under no parent: it decides nothing, and the key's own row is not to change with each flush.
        """
        rows, place = self._rows, (*usage.realm, usage.key_id)
        old = rows.find(KEY_USAGE, *place)
        if old is None:
            row = rows.find(KEYS, *place)
            known_from = None if row is None else key_of(row).created_at
        else:
            known_from = usage_of(old).used_at
        if known_from is not None and known_from <= usage.used_at:
            rows.write(KEY_USAGE, old, usage_values(usage))
            self.pending.changes[changes.NOTHING] = None

    # --- the whole store, and the audit ---

    def put_meta(self, name: str, value: str) -> None:
        """Add or replace a fact about the whole store."""
        self._hang(self._put(META, (name, value)))

    def put_clock_offset(self, seconds: float) -> None:
        """Say how far key life is ahead of the machine, to all processes."""
        self.put_meta(CLOCK_OFFSET, str(seconds))
        self._changed("clock", Realm("", ""), "")

    def put_root_key(self, root_key: RootKeyRow) -> None:
        """Add a version of the root key.

        Raises:
            StoreUnavailableError: The version exists.
        """
        self._database.run(_ADD_ROOT_KEY, msgspec.structs.asdict(root_key))
        self.pending.changes[changes.NOTHING] = None

    def take_lease(self, name: str, holder: str, now: float, until: float) -> bool:
        """Have a lease until a time of the machine's clock, if nobody else has it now."""
        old = self._rows.find(LEASES, name)
        if old is not None and old[1] != holder and old[2] > now:
            return False
        self._rows.write(LEASES, old, (name, holder, until))
        self.pending.changes[changes.NOTHING] = None
        return True

    def note_shredded(self, number: int) -> None:
        """Take note that of all that was destroyed up to ``to_shred`` nothing remains."""
        self.put_meta(SHREDDED, str(number))

    def checkpoint_head(self, head: AuditHead) -> None:
        """Keep how far a worker's audit has come."""
        self._hang(self._put(AUDIT_HEADS, msgspec.structs.astuple(head)))

    def add_record(self, event_id: str, payload: bytes) -> None:
        """Put an audit payload into the outbox of this transaction."""
        self._database.run(_ADD_RECORD, {"event_id": event_id, "payload": payload})
        self.pending.changes[changes.NOTHING] = None
