"""The waiting period before a key is destroyed: ScheduleKeyDeletion, CancelKeyDeletion."""

from msgspec.structs import replace

from strongroom.model.errors import ValidationException
from strongroom.model.key import StoredKey
from strongroom.model.state import CANCELLABLE, SCHEDULABLE, KeyState
from strongroom.operations import shapes
from strongroom.operations.kms.keys import KeyIdRequest
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
    """When the key goes; KeyId is the ARN."""

    key_id: str
    deletion_date: float
    key_state: KeyState
    pending_window_in_days: int


def _check_window(request: ScheduleKeyDeletionRequest) -> None:
    if not SHORTEST_DAYS <= request.pending_window_in_days <= LONGEST_DAYS:
        raise ValidationException(
            f"PendingWindowInDays must be between {SHORTEST_DAYS} and {LONGEST_DAYS} (inclusive)."
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
    deletion_at = call.clocks.key_life() + days * SECONDS_PER_DAY
    pending = replace(stored.key, state=KeyState.PENDING_DELETION, deletion_at=deletion_at, pending_window_days=days)
    call.tx.update_key(pending)
    return ScheduleKeyDeletionResponse(
        key_id=pending.arn,
        deletion_date=deletion_at,
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
    """Keep a key that was to be deleted; it becomes Disabled."""
    kept = replace(stored.key, state=KeyState.DISABLED, deletion_at=None, pending_window_days=None)
    call.tx.update_key(kept)
    return CancelKeyDeletionResponse(key_id=kept.arn)
