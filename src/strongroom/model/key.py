"""A KMS key and what belongs to it, as values."""

from enum import StrEnum

import msgspec

from strongroom.model.arn import key_arn
from strongroom.model.policy import BoundPolicy
from strongroom.model.region import Realm
from strongroom.model.spec import KeyManager, KeySpec, KeyUsage, Origin
from strongroom.model.state import KeyState

DEFAULT_POLICY_NAME = "default"


class RotationType(StrEnum):
    """What made a new key material the current one."""

    AUTOMATIC = "AUTOMATIC"
    ON_DEMAND = "ON_DEMAND"


class ExpirationModelType(StrEnum):
    """Whether imported key material expires."""

    KEY_MATERIAL_EXPIRES = "KEY_MATERIAL_EXPIRES"
    KEY_MATERIAL_DOES_NOT_EXPIRE = "KEY_MATERIAL_DOES_NOT_EXPIRE"


class Key(msgspec.Struct, frozen=True, kw_only=True):
    """A KMS key's own row: no material, no policy.

    Attributes:
        realm: The account and Region of the key.
        created_at: Epoch seconds on the key-life clock, as all times here.
        settles_as: Until Creating or Updating has come to its end, the state that follows; else None. A new replica's
            deletion may be scheduled before that.
        deletion_at: When the key is deleted, in state PendingDeletion only.
        pending_window_days: The waiting period that was asked for, while deletion is pending.
        primary_region: The Region of the primary key of a multi-Region key; None for a single-Region key.
        replica_regions: The Regions of its replica keys, in order.
        material_id: The current key material, 64 lower-case hex digits; None before there is any.
        valid_to: The earliest time at which a key material that is present expires.
        rotation_period_days: The period of automatic rotation; None where it is off.
        next_rotation_at: When the next automatic rotation is due, whatever the state; None where it is off.
        on_demand_rotations: How many on-demand rotations were asked for so far.
        on_demand_started_at: When the on-demand rotation was asked for that is not done yet.
    """

    realm: Realm
    key_id: str
    spec: KeySpec
    usage: KeyUsage
    origin: Origin
    manager: KeyManager
    state: KeyState
    description: str
    created_at: float
    settles_as: KeyState | None = None
    deletion_at: float | None = None
    pending_window_days: int | None = None
    primary_region: str | None = None
    replica_regions: tuple[str, ...] = ()
    material_id: str | None = None
    valid_to: float | None = None
    rotation_period_days: int | None = None
    next_rotation_at: float | None = None
    on_demand_rotations: int = 0
    on_demand_started_at: float | None = None

    @property
    def arn(self) -> str:
        """The key's ARN."""
        return key_arn(self.realm, self.key_id)

    @property
    def multi_region(self) -> bool:
        """Whether it is a multi-Region key, primary or replica."""
        return self.primary_region is not None

    @property
    def is_replica(self) -> bool:
        """Whether it is a replica of a multi-Region key."""
        return self.primary_region not in {None, self.realm.region}

    @property
    def related(self) -> tuple[Realm, ...]:
        """The realms of the other keys of its multi-Region key: the primary first, then the replicas in order."""
        if self.primary_region is None:
            return ()
        regions = (self.primary_region, *self.replica_regions)
        return tuple(Realm(self.realm.account, region) for region in regions if region != self.realm.region)


class Material(msgspec.Struct, frozen=True, weakref=True):
    """One version of a key's material, wrapped.

    It can be referred to weakly: what a key store remembers of a material must not outlive it.

    Attributes:
        wrapped: Bound to key and material id (docs: formats); empty while imported material is deleted or expired, or
            not yet imported in this Region.
        number: Its place among the key's materials, from 1, in the order in which they came.
        pending: It was imported for a rotation that is still to come, and is not associated with the key for good.
        rotated_at: When it became the current material; None for the first one and for a pending one.
        rotation_type: What made it current; None as ``rotated_at``.
        description: The user's own, of imported material.
        valid_to: When imported material expires; None where it does not, or is not present.
    """

    material_id: str
    wrapped: bytes
    created_at: float
    number: int = 1
    pending: bool = False
    rotated_at: float | None = None
    rotation_type: RotationType | None = None
    description: str | None = None
    valid_to: float | None = None

    @property
    def present(self) -> bool:
        """Whether the material is here and not just known."""
        return bool(self.wrapped)

    @property
    def expiration_model(self) -> ExpirationModelType | None:
        """Whether imported material expires; None while it is not present."""
        if not self.present:
            return None
        expires = self.valid_to is not None
        return ExpirationModelType.KEY_MATERIAL_EXPIRES if expires else ExpirationModelType.KEY_MATERIAL_DOES_NOT_EXPIRE


class Alias(msgspec.Struct, frozen=True):
    """An alias: a name (``alias/...``) that points at a key of its realm."""

    realm: Realm
    name: str
    key_id: str
    created_at: float
    updated_at: float


class StoredKey(msgspec.Struct, frozen=True):
    """A key with all that belongs to it, read in one snapshot and checked.

    Attributes:
        materials: By material id, in the order in which they came.
        policies: By policy name.
        tags: Values by tag key, in the order of the tag keys.
        aliases: The aliases that point at the key, in the order of their names.
    """

    key: Key
    materials: dict[str, Material]
    policies: dict[str, BoundPolicy]
    tags: dict[str, str]
    aliases: tuple[Alias, ...]
