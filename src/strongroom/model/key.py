"""A KMS key and what belongs to it, as values."""

import msgspec

from strongroom.model.arn import key_arn
from strongroom.model.region import Realm
from strongroom.model.spec import KeyManager, KeySpec, KeyUsage, Origin
from strongroom.model.state import KeyState

DEFAULT_POLICY_NAME = "default"


class Key(msgspec.Struct, frozen=True, kw_only=True):
    """A KMS key's own row: no material, no policy.

    Attributes:
        realm: The account and Region of the key.
        created_at: Epoch seconds on the key-life clock, as all times here.
        deletion_at: When the material is destroyed, in state PendingDeletion only.
        pending_window_days: The waiting period that was asked for, while deletion is pending.
        material_id: The current key material, 64 lower-case hex digits; None before the first import.
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
    deletion_at: float | None = None
    pending_window_days: int | None = None
    multi_region: bool = False
    material_id: str | None = None

    @property
    def arn(self) -> str:
        """The key's ARN."""
        return key_arn(self.realm, self.key_id)


class Material(msgspec.Struct, frozen=True, weakref=True):
    """One version of a key's material, wrapped; ``wrapped`` is bound to key and material id (docs: formats).

    It can be referred to weakly: what a key store remembers of a material must not outlive it.
    """

    material_id: str
    wrapped: bytes
    created_at: float


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
        materials: By material id.
        policies: Documents by policy name, as put.
        tags: Values by tag key, in the order of the tag keys.
        aliases: The aliases that point at the key, in the order of their names.
    """

    key: Key
    materials: dict[str, Material]
    policies: dict[str, str]
    tags: dict[str, str]
    aliases: tuple[Alias, ...]
