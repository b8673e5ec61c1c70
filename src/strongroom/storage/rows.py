"""Between rows and values: which column is which member."""

import msgspec

from strongroom.model.grant import Constraints, Grant, GrantOperation
from strongroom.model.identity import Credential, Principal, PrincipalKind
from strongroom.model.key import Alias, Key, Material, RotationType
from strongroom.model.life import next_step
from strongroom.model.policy import BoundPolicy
from strongroom.model.region import Realm
from strongroom.model.spec import KeyManager, KeySpec, KeyUsage, Origin
from strongroom.model.state import KeyState
from strongroom.ports import LastUsage
from strongroom.storage import schema
from strongroom.storage.buckets import bucket_of
from strongroom.storage.database import Row
from strongroom.storage.sealed import SealedTable

REGISTRY = SealedTable(schema.registry)
META = SealedTable(schema.meta)
ACCOUNTS = SealedTable(schema.accounts)
REALMS = SealedTable(schema.realms)
AUDIT_HEADS = SealedTable(schema.audit_heads)
PRINCIPALS = SealedTable(schema.principals)
PRINCIPAL_POLICIES = SealedTable(schema.principal_policies)
CREDENTIALS = SealedTable(schema.credentials)
KEYS = SealedTable(schema.keys)
MATERIALS = SealedTable(schema.materials)
POLICIES = SealedTable(schema.policies)
TAGS = SealedTable(schema.tags)
ALIASES = SealedTable(schema.aliases)
GRANT_INDEX = SealedTable(schema.grant_index)
GRANTS = SealedTable(schema.grants)
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


def policy_values(key: Key, name: str, policy: BoundPolicy) -> Row:
    """The columns of a key's policy."""
    return (*key.realm, key.key_id, name, policy.document, _bindings_text(policy))


def policy_of(row: Row) -> BoundPolicy:
    """The policy of a checked row."""
    return BoundPolicy(row[4], _bindings_of(row[5]))


def grant_values(grant: Grant) -> Row:
    """A grant's columns; the last is the bucket that it lies in."""
    return (
        *grant.realm,
        grant.key_id,
        grant.grant_id,
        grant.name,
        grant.created_at,
        grant.grantee,
        grant.grantee_token,
        grant.retiring,
        grant.retiring_token,
        grant.issuing_account,
        " ".join(operation.value for operation in grant.operations),
        msgspec.json.encode(grant.constraints, order="deterministic").decode(),
        bucket_of(grant.grantee_token),
    )


def grant_of(row: Row) -> Grant:
    """The grant of a checked row."""
    return Grant(
        realm=Realm(row[0], row[1]),
        key_id=row[2],
        grant_id=row[3],
        name=row[4],
        created_at=row[5],
        grantee=row[6],
        grantee_token=row[7],
        retiring=row[8],
        retiring_token=row[9],
        issuing_account=row[10],
        operations=tuple(map(GrantOperation, row[11].split())),
        constraints=msgspec.json.decode(row[12], type=Constraints),
    )


def principal_values(principal: Principal) -> Row:
    """A principal's columns, up to those of the set hash."""
    trust = principal.trust
    return (
        principal.account,
        principal.kind.value,
        principal.name,
        principal.path,
        principal.unique_id,
        principal.created_at,
        principal.description,
        None if trust is None else trust.document,
        None if trust is None else _bindings_text(trust),
        principal.max_session_seconds,
    )


def principal_of(row: Row) -> Principal:
    """The principal of a checked row."""
    return Principal(
        account=row[0],
        kind=PrincipalKind(row[1]),
        name=row[2],
        path=row[3],
        unique_id=row[4],
        created_at=row[5],
        description=row[6],
        trust=None if row[7] is None else BoundPolicy(row[7], _bindings_of(row[8])),
        max_session_seconds=row[9],
    )


def credential_values(credential: Credential) -> Row:
    """An access key's columns."""
    return (
        credential.access_key_id,
        credential.account,
        credential.kind.value,
        credential.name,
        credential.sealed_secret,
        credential.active,
        credential.created_at,
    )


def credential_of(row: Row) -> Credential:
    """The access key of a checked row."""
    return Credential(
        access_key_id=row[0],
        account=row[1],
        kind=PrincipalKind(row[2]),
        name=row[3],
        sealed_secret=row[4],
        active=row[5],
        created_at=row[6],
    )


def usage_values(usage: LastUsage) -> Row:
    """The columns of a key's last use."""
    return (*usage.realm, usage.key_id, usage.operation, usage.used_at, usage.event_id, usage.request_id)


def usage_of(row: Row) -> LastUsage:
    """The last use of a checked row."""
    return LastUsage(Realm(row[0], row[1]), row[2], row[3], row[4], row[5], row[6])


def _bindings_text(policy: BoundPolicy) -> str:
    return msgspec.json.encode(policy.bindings).decode()


def _bindings_of(text: str) -> tuple[tuple[str, str], ...]:
    return msgspec.json.decode(text, type=tuple[tuple[str, str], ...])
