"""Reads of checked rows, from a snapshot or from inside a transaction."""

from sqlalchemy import bindparam, select

from strongroom.model.key import Alias, StoredKey
from strongroom.model.region import Realm
from strongroom.ports import Due, LastUsage
from strongroom.storage import schema
from strongroom.storage.grants import GrantReads
from strongroom.storage.principals import PrincipalReads
from strongroom.storage.rows import (
    ALIASES,
    AUDIT_HEADS,
    CLOCK_OFFSET,
    DESTROYED,
    KEY_USAGE,
    KEYS,
    MATERIALS,
    META,
    POLICIES,
    SHREDDED,
    TAGS,
    AuditHead,
    alias_of,
    key_of,
    material_of,
    policy_of,
    usage_of,
)
from strongroom.storage.statements import OF_KEY, here, key_place, page, realm_place

# The rows that a StoredKey is made of, by table.
CHILDREN = tuple(
    (sealed, select(table).where(*here(table, *OF_KEY)))
    for sealed, table in (
        (MATERIALS, schema.materials),
        (POLICIES, schema.policies),
        (TAGS, schema.tags),
        (ALIASES, schema.aliases),
    )
)

_INDEX_MAC = select(schema.grant_index.c.mac).where(*here(schema.grant_index, *OF_KEY))
_REALM = ("account", "region")
_KEYS_AFTER = page(schema.keys, _REALM, "key_id")
_ALIASES_AFTER = page(schema.aliases, _REALM, "name")
_DUE = (
    select(schema.keys)
    .where(schema.keys.c.due_at <= bindparam("until"))
    .order_by(schema.keys.c.due_at)
    .limit(bindparam("limit"))
)
_HEADS = select(schema.audit_heads).order_by(schema.audit_heads.c.worker, schema.audit_heads.c.epoch)
_OUTBOX = (
    select(schema.audit_outbox.c.event_id, schema.audit_outbox.c.payload)
    .order_by(schema.audit_outbox.c.position)
    .limit(bindparam("limit"))
)


class SqlReads(GrantReads, PrincipalReads):
    """ports.Reads over one connection, and the reads that only the service itself does."""

    def key(self, realm: Realm, key_id: str) -> StoredKey | None:
        """A key with all that belongs to it but its grants, or None; the set of what belongs to it is checked."""
        rows = self._rows
        with self._database.snapshot():
            row = rows.find(KEYS, *realm, key_id)
            if row is None:
                return None
            parameters = key_place(realm, key_id)
            materials, policies, tags, aliases = (
                rows.select(table, statement, parameters) for table, statement in CHILDREN
            )
            index = self._database.rows(_INDEX_MAC, parameters)
        macs = (child[-1] for children in (materials, policies, tags, aliases, index) for child in children)
        rows.check_set(KEYS, row, rows.share(macs))
        return StoredKey(
            key=key_of(row),
            materials={child[3]: material_of(child) for child in sorted(materials, key=lambda child: child[6])},
            policies={child[3]: policy_of(child) for child in policies},
            tags={child[3]: child[4] for child in sorted(tags, key=lambda child: child[3])},
            aliases=tuple(alias_of(child) for child in sorted(aliases, key=lambda child: child[2])),
        )

    def alias(self, realm: Realm, name: str) -> Alias | None:
        """An alias by its name, or None.

        An older row of the alias, put back, passes here; it is found by ``key`` of the key that it names, among whose
        aliases it is not (or no longer). So nothing may be done on an alias before its key is read.
        """
        with self._database.snapshot():
            row = self._rows.find(ALIASES, *realm, name)
        return None if row is None else alias_of(row)

    def key_ids(self, realm: Realm, after: str, limit: int) -> list[str]:
        """Ids of the realm's keys greater than ``after``, in order, at most ``limit``.

        Each row is checked, not the set of them: what is missing here is found by ``check``.
        """
        parameters = {**realm_place(realm), "after": after, "limit": limit}
        with self._database.snapshot():
            return [row[2] for row in self._rows.select(KEYS, _KEYS_AFTER, parameters)]

    def aliases(self, realm: Realm, after: str, limit: int) -> list[Alias]:
        """The realm's aliases with names greater than ``after``, in order, at most ``limit``.

        Checked as in ``key_ids``.
        """
        parameters = {**realm_place(realm), "after": after, "limit": limit}
        with self._database.snapshot():
            return [alias_of(row) for row in self._rows.select(ALIASES, _ALIASES_AFTER, parameters)]

    def last_usage(self, realm: Realm, key_id: str) -> LastUsage | None:
        """The last use of a key that was put, or None; an older row, put back, passes here."""
        with self._database.snapshot():
            row = self._rows.find(KEY_USAGE, *realm, key_id)
        return None if row is None else usage_of(row)

    def clock_offset(self) -> float:
        """How many seconds key life is ahead of the machine; 0 where it was never moved."""
        return float(self.read_meta(CLOCK_OFFSET) or 0)

    def due(self, until: float, limit: int) -> list[Due]:
        """The keys of all realms for which a step is due until a time, in the order of their times."""
        with self._database.snapshot():
            rows = self._rows.select(KEYS, _DUE, {"until": until, "limit": limit})
        return [Due(row[21], Realm(row[0], row[1]), row[2]) for row in rows]

    def to_shred(self) -> int | None:
        """How often material was destroyed so far, where bytes of it may remain in the files; else None."""
        with self._database.snapshot():
            destroyed, shredded = (int(self.read_meta(name) or 0) for name in (DESTROYED, SHREDDED))
        return destroyed if destroyed > shredded else None

    def read_meta(self, name: str) -> str | None:
        """A fact about the whole store, or None."""
        with self._database.snapshot():
            row = self._rows.find(META, name)
        return None if row is None else row[1]

    def audit_heads(self) -> list[AuditHead]:
        """The checkpointed heads of all audit chains, by worker and epoch."""
        with self._database.snapshot():
            return [AuditHead(*row[:-2]) for row in self._rows.select(AUDIT_HEADS, _HEADS, {})]

    def outbox(self, limit: int) -> list[tuple[str, bytes]]:
        """The oldest audit payloads in the outbox, each with its event id, in the order of their commits."""
        with self._database.snapshot():
            return [(event_id, payload) for event_id, payload in self._database.rows(_OUTBOX, {"limit": limit})]
