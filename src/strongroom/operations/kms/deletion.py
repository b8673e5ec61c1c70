"""The waiting period before a key is destroyed, and its end: ScheduleKeyDeletion, CancelKeyDeletion.

The primary key of a multi-Region key goes last: its own period begins when no replica is left (AWS KMS Developer Guide,
"Deleting multi-Region keys").
"""

from msgspec.structs import replace

from strongroom.model.errors import ValidationException
from strongroom.model.key import Key, StoredKey
from strongroom.model.life import Step
from strongroom.model.spec import Origin
from strongroom.model.state import CANCELLABLE, SCHEDULABLE, KeyState
from strongroom.operations import shapes
from strongroom.operations.kms.keys import KeyIdRequest
from strongroom.operations.kms.related import related_keys
from strongroom.operations.life import Life, step
from strongroom.operations.shapes import Request, Response
from strongroom.operations.table import WriteCall, key, operation

SECONDS_PER_DAY = 86_400
SHORTEST_DAYS, LONGEST_DAYS = 7, 30

_ERRORS = "NotFound InvalidArn DependencyTimeout KMSInternal KMSInvalidState"


class ScheduleKeyDeletionRequest(Request, frozen=True, kw_only=True):
    """Members of ScheduleKeyDeletion; the window is 7 to 30 days, by default 30."""

    key_id: shapes.KeyId
    pending_window_in_days: shapes.PendingWindowInDays = LONGEST_DAYS


class ScheduleKeyDeletionResponse(Response, frozen=True, kw_only=True):
    """When the key goes; KeyId is the ARN. A primary key that waits for its replicas has no date yet."""

    key_id: str
    deletion_date: float | None = None
    key_state: KeyState
    pending_window_in_days: int


def _check_window(request: ScheduleKeyDeletionRequest) -> None:
    if not SHORTEST_DAYS <= request.pending_window_in_days <= LONGEST_DAYS:
        raise ValidationException(
            f"PendingWindowInDays must be between {SHORTEST_DAYS} and {LONGEST_DAYS} (inclusive)."
        )


def _pending(key: Key, days: int, now: float) -> Key:
    """The key as it waits for its end; a primary key first for that of its replicas."""
    if key.replica_regions and not key.is_replica:
        return replace(key, state=KeyState.PENDING_REPLICA_DELETION, pending_window_days=days)
    return replace(
        key, state=KeyState.PENDING_DELETION, deletion_at=now + days * SECONDS_PER_DAY, pending_window_days=days
    )


@operation(
    on=key("key_id", "kms:ScheduleKeyDeletion"),
    states=SCHEDULABLE,
    writes=True,
    check=_check_window,
    errors=_ERRORS,
)
def schedule_key_deletion(
    call: WriteCall, request: ScheduleKeyDeletionRequest, stored: StoredKey
) -> ScheduleKeyDeletionResponse:
    """Refuse all use of a key from now on, and set the date of its end."""
    days = request.pending_window_in_days
    pending = _pending(stored.key, days, call.clocks.key_life())
    if pending.settles_as is not None:  # a replica that is still Creating: it gets its material all the same
        pending = replace(pending, settles_as=pending.state)
    call.tx.update_key(pending)
    return ScheduleKeyDeletionResponse(
        key_id=pending.arn,
        deletion_date=pending.deletion_at,
        key_state=pending.state,
        pending_window_in_days=days,
    )


class CancelKeyDeletionResponse(Response, frozen=True, kw_only=True):
    """The key that stays; KeyId is the ARN."""

    key_id: str


@operation(on=key("key_id", "kms:CancelKeyDeletion"), states=CANCELLABLE, writes=True, errors=_ERRORS)
def cancel_key_deletion(
    call: WriteCall,
    request: KeyIdRequest,
    stored: StoredKey,
) -> CancelKeyDeletionResponse:
    """Keep a key that was to be deleted; it becomes Disabled, or PendingImport where it lacks imported material."""
    key = stored.key
    state = KeyState.PENDING_IMPORT if _lacks_material(stored) else KeyState.DISABLED
    kept = replace(key, state=state, deletion_at=None, pending_window_days=None)
    if key.settles_as is not None:
        kept = replace(kept, state=KeyState.CREATING, settles_as=state)
    call.tx.update_key(kept)
    return CancelKeyDeletionResponse(key_id=kept.arn)


def _lacks_material(stored: StoredKey) -> bool:
    """Whether material is still to be imported: the first one, or one that the key has for good and not here."""
    present = [material.present for material in stored.materials.values() if not material.pending]
    return stored.key.origin is Origin.EXTERNAL and not (present and all(present))


@step(Step.DELETE)
def delete(life: Life, stored: StoredKey) -> None:
    """Destroy a key with all that belongs to it; its related keys go on without it."""
    key = stored.key
    life.tx.delete_key(key, life.now)
    for other in related_keys(life.tx, key):
        regions = tuple(region for region in other.key.replica_regions if region != key.realm.region)
        left = replace(other.key, replica_regions=regions)
        if left.state is KeyState.PENDING_REPLICA_DELETION and left.pending_window_days is not None:
            left = _pending(left, left.pending_window_days, life.now)
        life.tx.update_key(left)
    life.record("DeleteKey", key, {"keyId": key.key_id})
