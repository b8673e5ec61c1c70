"""What time does to a key: which step is due, and when (AWS KMS Developer Guide, "Key states", "Rotate keys")."""

from enum import StrEnum

from strongroom.model.key import Key, StoredKey
from strongroom.model.state import KeyState

AT_ONCE = 0.0
"""The time of what is due from the moment that it was asked for."""


class Step(StrEnum):
    """What may be due for a key; of steps that are due at the same time, the one that stands first here comes first."""

    SETTLE = "settle"  # Creating and Updating end
    EXPIRE = "expire"  # imported material is deleted
    DELETE = "delete"  # the key is deleted
    ROTATE = "rotate"  # new material becomes the current one


def _times(key: Key) -> dict[Step, float | None]:
    rotates = key.state is KeyState.ENABLED and not key.is_replica
    rotations = (key.on_demand_started_at, key.next_rotation_at) if rotates else ()
    return {
        Step.SETTLE: None if key.settles_as is None else AT_ONCE,
        Step.EXPIRE: key.valid_to,
        Step.DELETE: key.deletion_at if key.state is KeyState.PENDING_DELETION else None,
        Step.ROTATE: min((time for time in rotations if time is not None), default=None),
    }


def next_step(key: Key) -> tuple[float, Step] | None:
    """The next step of a key and when it is due, in seconds on the key-life clock; None where time changes nothing."""
    order = list(Step)
    times = [(time, order.index(step)) for step, time in _times(key).items() if time is not None]
    if not times:
        return None
    time, place = min(times)
    return time, order[place]


def state_at(stored: StoredKey, now: float) -> KeyState:
    """The state of a key at a time: from the moment that imported material expires, whoever deletes it when.

    Pending deletion stays what it is, and so does a key whose expired material is not associated with it for good.
    """
    key = stored.key
    if key.valid_to is None or key.valid_to > now or key.state not in _IN_USE:
        return key.state
    expired = any(
        material.valid_to is not None and material.valid_to <= now and not material.pending
        for material in stored.materials.values()
    )
    return KeyState.PENDING_IMPORT if expired else key.state


_IN_USE = frozenset({KeyState.ENABLED, KeyState.DISABLED, KeyState.UPDATING})
