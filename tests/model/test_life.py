"""What time does to a key: which step is due, and the state that a key really has."""

from typing import Any

import pytest
from msgspec.structs import replace

from strongroom.model.key import ExpirationModelType, Key, Material, StoredKey
from strongroom.model.life import AT_ONCE, Step, next_step, state_at
from strongroom.model.state import KeyState
from tests.model.test_key import KEY

T = 1_800_000_000.0
REPLICA: dict[str, Any] = {"primary_region": "cn-northwest-1", "replica_regions": ("cn-north-1",)}
SCHEDULED: dict[str, Any] = {"rotation_period_days": 365, "next_rotation_at": T}
DOOMED: dict[str, Any] = {"state": KeyState.PENDING_DELETION, "deletion_at": T}

# What a key's row says, and the step that follows.
STEPS: dict[str, tuple[dict[str, Any], tuple[float, Step] | None]] = {
    "nothing": ({}, None),
    "a new replica": ({"state": KeyState.CREATING, "settles_as": KeyState.ENABLED}, (AT_ONCE, Step.SETTLE)),
    "a new primary": ({"state": KeyState.UPDATING, "settles_as": KeyState.ENABLED}, (AT_ONCE, Step.SETTLE)),
    "pending deletion": (DOOMED, (T, Step.DELETE)),
    "pending replica deletion": ({"state": KeyState.PENDING_REPLICA_DELETION, "pending_window_days": 7}, None),
    "expiring material": ({"valid_to": T}, (T, Step.EXPIRE)),
    "expiring material of a disabled key": ({"valid_to": T, "state": KeyState.DISABLED}, (T, Step.EXPIRE)),
    "expiring material of a doomed key": (DOOMED | {"valid_to": T - 1}, (T - 1, Step.EXPIRE)),
    "automatic rotation": (SCHEDULED, (T, Step.ROTATE)),
    "automatic rotation of a disabled key": (SCHEDULED | {"state": KeyState.DISABLED}, None),
    "automatic rotation of a doomed key": (SCHEDULED | DOOMED | {"deletion_at": T + 9}, (T + 9, Step.DELETE)),
    "automatic rotation of a replica": (SCHEDULED | REPLICA, None),
    "on-demand rotation": ({"on_demand_started_at": T}, (T, Step.ROTATE)),
    "on-demand before automatic rotation": (SCHEDULED | {"on_demand_started_at": T - 9}, (T - 9, Step.ROTATE)),
    "on-demand rotation of a replica": ({"on_demand_started_at": T} | REPLICA, None),
    "expiry before deletion at the same time": (DOOMED | {"valid_to": T}, (T, Step.EXPIRE)),
}


@pytest.mark.parametrize("case", STEPS)
def test_the_next_step_of_a_key(case: str) -> None:
    """The earliest; rotation waits while a key is not enabled, and is the primary's."""
    columns, expected = STEPS[case]
    assert next_step(replace(KEY, **columns)) == expected


def stored(key: Key, *materials: Material) -> StoredKey:
    """A key with materials."""
    return StoredKey(key, {material.material_id: material for material in materials}, {}, {}, ())


EXPIRING = Material("aa" * 32, b"wrapped", 0.0, valid_to=T)
LASTING = Material("bb" * 32, b"wrapped", 0.0, number=2)
PENDING = replace(EXPIRING, material_id="cc" * 32, number=3, pending=True)


@pytest.mark.parametrize("state", [KeyState.ENABLED, KeyState.DISABLED, KeyState.UPDATING])
def test_a_key_is_not_used_from_the_moment_that_its_material_expires(state: KeyState) -> None:
    """Whether or not a job has deleted it by then; before, the state is the one written."""
    key = stored(replace(KEY, state=state, valid_to=T), EXPIRING, LASTING)
    assert state_at(key, T - 0.001) is state
    assert state_at(key, T) is KeyState.PENDING_IMPORT


@pytest.mark.parametrize("state", [KeyState.PENDING_DELETION, KeyState.PENDING_IMPORT, KeyState.CREATING])
def test_expiry_changes_no_state_that_allows_no_use_anyway(state: KeyState) -> None:
    """A key that is pending deletion stays so."""
    assert state_at(stored(replace(KEY, state=state, valid_to=T), EXPIRING), T) is state


def test_material_that_was_never_current_expires_without_harm() -> None:
    """It is not associated with the key for good."""
    assert state_at(stored(replace(KEY, valid_to=T), LASTING, PENDING), T) is KeyState.ENABLED


def test_the_expiration_model_of_a_material() -> None:
    """It says whether material that is present expires; of material that is not there nothing is said."""
    assert EXPIRING.expiration_model is ExpirationModelType.KEY_MATERIAL_EXPIRES
    assert LASTING.expiration_model is ExpirationModelType.KEY_MATERIAL_DOES_NOT_EXPIRE
    assert replace(LASTING, wrapped=b"").expiration_model is None
