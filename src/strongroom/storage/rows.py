"""Between rows and values: which column is which member."""

import msgspec

from strongroom.model.key import Alias, Key, Material, RotationType
from strongroom.model.life import next_step
from strongroom.model.region import Realm
from strongroom.model.spec import KeyManager, KeySpec, KeyUsage, Origin
from strongroom.model.state import KeyState
from strongroom.ports import Credential, LastUsage
from strongroom.storage import schema
from strongroom.storage.database import Row
from strongroom.storage.sealed import SealedTable

REGISTRY = SealedTable(schema.registry)
META = SealedTable(schema.meta)
ACCOUNTS = SealedTable(schema.accounts)
REALMS = SealedTable(schema.realms)
AUDIT_HEADS = SealedTable(schema.audit_heads)
CREDENTIALS = SealedTable(schema.credentials)
KEYS = SealedTable(schema.keys)
MATERIALS = SealedTable(schema.materials)
POLICIES = SealedTable(schema.policies)
TAGS = SealedTable(schema.tags)
ALIASES = SealedTable(schema.aliases)
TOMBSTONES = SealedTable(schema.tombstones)
LEASES = SealedTable(schema.leases)
KEY_USAGE = SealedTable(schema.key_usage)
CHANGE_LOG = SealedTable(schema.change_log)

REGISTRY_NAME = "store"
"""The primary key of the registry's one row."""

CLOCK_OFFSET = "clock_offset"
"""A row of meta: how many seconds key life is ahead of the machine."""

DESTROYED, SHREDDED = "destroyed", "shredded"
"""Rows of meta: how often transactions destroyed material, and of how many of them nothing remains in the files."""


class AuditHead(msgspec.Struct, frozen=True):
    """How far one worker's audit had come: the sequence number and chained MAC of a frame (docs: audit)."""

    worker: int
    epoch: int
    sequence: int
    chain_mac: bytes
    created_at: float


class RootKeyRow(msgspec.Struct, frozen=True):
    """A version of the root key as stored; ``sealed`` authenticates itself."""

    version: int
    sealed: bytes
    created_at: float


def key_values(key: Key) -> Row:
    """A key's columns, up to those of the set hash; the last says when time changes the key next."""
    step = next_step(key)
    return (
        key.realm.account,
        key.realm.region,
        key.key_id,
        key.spec.value,
        key.usage.value,
        key.origin.value,
        key.manager.value,
        key.state.value,
        key.description,
        key.created_at,
        None if key.settles_as is None else key.settles_as.value,
        key.deletion_at,
        key.pending_window_days,
        key.primary_region,
        " ".join(key.replica_regions),
        key.material_id,
        key.valid_to,
        key.rotation_period_days,
        key.next_rotation_at,
        key.on_demand_rotations,
        key.on_demand_started_at,
        None if step is None else step[0],
    )


def key_of(row: Row) -> Key:
    """The key of a checked row."""
    return Key(
        realm=Realm(row[0], row[1]),
        key_id=row[2],
        spec=KeySpec(row[3]),
        usage=KeyUsage(row[4]),
        origin=Origin(row[5]),
        manager=KeyManager(row[6]),
        state=KeyState(row[7]),
        description=row[8],
        created_at=row[9],
        settles_as=None if row[10] is None else KeyState(row[10]),
        deletion_at=row[11],
        pending_window_days=row[12],
        primary_region=row[13],
        replica_regions=tuple(row[14].split()),
        material_id=row[15],
        valid_to=row[16],
        rotation_period_days=row[17],
        next_rotation_at=row[18],
        on_demand_rotations=row[19],
        on_demand_started_at=row[20],
    )


def material_values(key: Key, material: Material) -> Row:
    """The columns of a key's material."""
    rotation_type = None if material.rotation_type is None else material.rotation_type.value
    return (
        *key.realm,
        key.key_id,
        material.material_id,
        material.wrapped,
        material.created_at,
        material.number,
        material.pending,
        material.rotated_at,
        rotation_type,
        material.description,
        material.valid_to,
    )


def material_of(row: Row) -> Material:
    """The material of a checked row."""
    rotation_type = None if row[9] is None else RotationType(row[9])
    return Material(row[3], row[4], row[5], row[6], row[7], row[8], rotation_type, row[10], row[11])


def alias_values(alias: Alias) -> Row:
    """An alias's columns."""
    return (*alias.realm, alias.name, alias.key_id, alias.created_at, alias.updated_at)


def alias_of(row: Row) -> Alias:
    """The alias of a checked row."""
    return Alias(Realm(row[0], row[1]), row[2], row[3], row[4], row[5])


def credential_values(credential: Credential) -> Row:
    """An access key's columns."""
    return (
        credential.access_key_id,
        credential.account,
        credential.sealed_secret,
        credential.active,
        credential.created_at,
    )


def credential_of(row: Row) -> Credential:
    """The access key of a checked row."""
    return Credential(row[0], row[1], row[2], row[3], row[4])


def usage_values(usage: LastUsage) -> Row:
    """The columns of a key's last use."""
    return (*usage.realm, usage.key_id, usage.operation, usage.used_at, usage.event_id, usage.request_id)


def usage_of(row: Row) -> LastUsage:
    """The last use of a checked row."""
    return LastUsage(Realm(row[0], row[1]), row[2], row[3], row[4], row[5], row[6])
