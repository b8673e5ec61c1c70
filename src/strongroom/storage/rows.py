"""Between rows and values: which column is which member."""

import msgspec

from strongroom.model.key import Alias, Key, Material
from strongroom.model.region import Realm
from strongroom.model.spec import KeyManager, KeySpec, KeyUsage, Origin
from strongroom.model.state import KeyState
from strongroom.ports import Credential
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
CHANGE_LOG = SealedTable(schema.change_log)

REGISTRY_NAME = "store"
"""The primary key of the registry's one row."""


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
    """A key's columns, up to those of the set hash."""
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
        key.deletion_at,
        key.pending_window_days,
        key.multi_region,
        key.material_id,
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
        deletion_at=row[10],
        pending_window_days=row[11],
        multi_region=row[12],
        material_id=row[13],
    )


def material_values(key: Key, material: Material) -> Row:
    """The columns of a key's material."""
    return (*key.realm, key.key_id, material.material_id, material.wrapped, material.created_at)


def material_of(row: Row) -> Material:
    """The material of a checked row."""
    return Material(row[3], row[4], row[5])


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
