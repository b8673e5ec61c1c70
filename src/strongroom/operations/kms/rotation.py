"""Rotation: when and how a key gets new key material.

EnableKeyRotation, DisableKeyRotation, GetKeyRotationStatus, RotateKeyOnDemand, and the step that rotates (AWS KMS
Developer Guide, "Rotate AWS KMS keys").
"""

from typing import Annotated

from msgspec import Meta
from msgspec.structs import replace

from strongroom.model.errors import (
    ConflictException,
    KMSInvalidStateException,
    LimitExceededException,
    UnsupportedOperationException,
)
from strongroom.model.key import Key, Material, RotationType, StoredKey
from strongroom.model.life import Step, state_at
from strongroom.model.spec import Origin
from strongroom.model.state import NOT_PENDING_DELETION, ROTATABLE, SCHEDULES_ROTATION, KeyState
from strongroom.operations import shapes
from strongroom.operations.kms.deletion import SECONDS_PER_DAY
from strongroom.operations.kms.key_materials import ROTATED_ORIGINS, is_everywhere, require_kind, require_origin
from strongroom.operations.kms.keys import KeyIdRequest
from strongroom.operations.kms.related import related_keys, update_shared
from strongroom.operations.life import Life, step
from strongroom.operations.shapes import Request, Response
from strongroom.operations.table import Call, WriteCall, key, operation

DEFAULT_DAYS = 365
MAX_ON_DEMAND = 25
"""On-demand rotations of one key in all its life."""

CONFLICT_SECONDS = 20 * 60
"""How long before an automatic rotation none is begun on demand."""

RotationPeriodInDays = Annotated[int, Meta(ge=90, le=2560)]

_AUTOMATIC = frozenset({Origin.AWS_KMS})


def _require_own(found: Key, origins: frozenset[Origin]) -> None:
    """Refuse a key that cannot be rotated, or only with its primary key.

    Raises:
        UnsupportedOperationException: As said.
    """
    require_kind(found, origins)
    if found.is_replica:
        raise UnsupportedOperationException(f"{found.arn} is a replica key. Use its primary key for this operation.")


class EnableKeyRotationRequest(Request, frozen=True, kw_only=True):
    """Members of EnableKeyRotation."""

    key_id: shapes.KeyId
    rotation_period_in_days: RotationPeriodInDays = DEFAULT_DAYS


_SCHEDULE_ERRORS = "NotFound Disabled InvalidArn DependencyTimeout KMSInternal KMSInvalidState UnsupportedOperation"


@operation(
    on=key("key_id", "kms:EnableKeyRotation"),
    states=SCHEDULES_ROTATION,
    writes=True,
    fit=lambda _, stored: _require_own(stored.key, _AUTOMATIC),
    errors=_SCHEDULE_ERRORS,
)
def enable_key_rotation(call: WriteCall, request: EnableKeyRotationRequest, stored: StoredKey) -> None:
    """Rotate a key after each period from now on.

    A key that has this period already keeps its date: whoever enables rotation again and again must not put it off.
    """
    days = request.rotation_period_in_days
    if stored.key.rotation_period_days != days:
        at = call.clocks.key_life() + days * SECONDS_PER_DAY
        update_shared(call.tx, stored.key, rotation_period_days=days, next_rotation_at=at)


@operation(
    on=key("key_id", "kms:DisableKeyRotation"),
    states=SCHEDULES_ROTATION,
    writes=True,
    fit=lambda _, stored: _require_own(stored.key, _AUTOMATIC),
    errors=_SCHEDULE_ERRORS,
)
def disable_key_rotation(call: WriteCall, request: KeyIdRequest, stored: StoredKey) -> None:
    """Rotate a key no more by itself; a rotation that was asked for on demand goes on."""
    update_shared(call.tx, stored.key, rotation_period_days=None, next_rotation_at=None)


class GetKeyRotationStatusResponse(Response, frozen=True, kw_only=True):
    """Whether and when a key rotates; KeyId is the key id, as in AWS's examples."""

    key_rotation_enabled: bool
    key_id: str
    rotation_period_in_days: int | None = None
    next_rotation_date: float | None = None
    on_demand_rotation_start_date: float | None = None


@operation(
    on=key("key_id", "kms:GetKeyRotationStatus"),
    cross_account=True,
    errors="NotFound InvalidArn DependencyTimeout KMSInternal KMSInvalidState UnsupportedOperation",
)
def get_key_rotation_status(call: Call, request: KeyIdRequest, stored: StoredKey) -> GetKeyRotationStatusResponse:
    """Tell whether a key rotates by itself; one that is pending deletion does not, and one that cannot does not."""
    found = stored.key
    awaits_import = state_at(stored, call.clocks.key_life()) is KeyState.PENDING_IMPORT
    require_origin(found, _AUTOMATIC if awaits_import else ROTATED_ORIGINS)
    enabled = found.next_rotation_at is not None and found.state in NOT_PENDING_DELETION
    return GetKeyRotationStatusResponse(
        key_rotation_enabled=enabled,
        key_id=found.key_id,
        rotation_period_in_days=found.rotation_period_days if enabled else None,
        next_rotation_date=found.next_rotation_at if enabled else None,
        on_demand_rotation_start_date=found.on_demand_started_at,
    )


class RotateKeyOnDemandResponse(Response, frozen=True, kw_only=True):
    """The key that will be rotated; KeyId is the key id, as in AWS's examples of answer and record."""

    key_id: str


@operation(
    on=key("key_id", "kms:RotateKeyOnDemand"),
    states=ROTATABLE,
    writes=True,
    fit=lambda _, stored: _require_own(stored.key, ROTATED_ORIGINS),
    errors=f"{_SCHEDULE_ERRORS} LimitExceeded Conflict",
)
def rotate_key_on_demand(call: WriteCall, request: KeyIdRequest, stored: StoredKey) -> RotateKeyOnDemandResponse:
    """Ask for a rotation, which follows at once (``rotate``)."""
    found, now = stored.key, call.clocks.key_life()
    if found.on_demand_rotations >= MAX_ON_DEMAND:
        raise LimitExceededException(f"{found.arn} has been rotated on demand {MAX_ON_DEMAND} times already.")
    if found.on_demand_started_at is not None:
        raise ConflictException(f"An on-demand rotation of {found.arn} is in progress.")
    if found.next_rotation_at is not None and found.next_rotation_at - now <= CONFLICT_SECONDS:
        raise ConflictException(
            f"An automatic rotation of {found.arn} is in progress or begins within the next 20 minutes."
        )
    if found.origin is Origin.EXTERNAL and not _imported([stored, *related_keys(call.tx, found)]):
        raise KMSInvalidStateException(f"{found.arn} has no imported key material in state PENDING_ROTATION.")
    update_shared(call.tx, found, on_demand_started_at=now, on_demand_rotations=found.on_demand_rotations + 1)
    return RotateKeyOnDemandResponse(key_id=found.key_id)


@step(Step.ROTATE)
def rotate(life: Life, stored: StoredKey) -> None:
    """Make another material the current one of a key and of all keys related to it.

    Where a rotation on demand and one by the schedule are due, it does the former; the latter is the next step. Where
    the imported material has vanished since it was asked for, there is nothing to rotate to.
    """
    on_demand = stored.key.on_demand_started_at is not None
    done = {"on_demand_started_at": None} if on_demand else {"next_rotation_at": _following(stored.key, life.now)}
    found = update_shared(life.tx, stored.key, **done)
    keys = [replace(stored, key=found), *related_keys(life.tx, found)]
    rotation_type = RotationType.ON_DEMAND if on_demand else RotationType.AUTOMATIC
    for each, material in _imported(keys) if found.origin is Origin.EXTERNAL else _generated(life, keys):
        life.tx.put_material(each, replace(material, pending=False, rotated_at=life.now, rotation_type=rotation_type))
        life.tx.update_key(replace(each, material_id=material.material_id))
        if each.realm != found.realm:
            life.record("SynchronizeMultiRegionKey", each, {"keyId": each.key_id})
            continue
        details = {
            "rotationType": rotation_type,
            "keyOrigin": found.origin,
            "previousKeyMaterialId": found.material_id,
            "currentKeyMaterialId": material.material_id,
            "keyId": found.key_id,
        }
        life.record("RotateKey", found, details)


def _following(found: Key, now: float) -> float:
    """When a key rotates after its schedule's next date: a period later, or where that has passed, from now on."""
    period = (found.rotation_period_days or 0) * SECONDS_PER_DAY
    scheduled = (found.next_rotation_at or now) + period
    return scheduled if scheduled > now else now + period


def _generated(life: Life, keys: list[StoredKey]) -> list[tuple[Key, Material]]:
    """New material for a key, the first one, and for those related to it.

    A replica that has no material yet is left out: it gets all of them when it is settled.
    """
    stored, *others = keys
    found, keystore = stored.key, life.keystores.of(stored.key)
    number = max(material.number for material in stored.materials.values()) + 1
    fresh = replace(keystore.generate(found), created_at=life.now, number=number)
    settled = [other.key for other in others if other.key.material_id is not None]
    return [(found, fresh), *((other, keystore.copy(found, fresh, other)) for other in settled)]


def _imported(keys: list[StoredKey]) -> list[tuple[Key, Material]]:
    """What was imported for a rotation of a key, the first one, and of those related to it.

    Nothing where it is missing in one of them.
    """
    for pending in keys[0].materials.values():
        if pending.pending and is_everywhere(pending, keys):
            return [(stored.key, stored.materials[pending.material_id]) for stored in keys]
    return []
