"""EnableKeyRotation, DisableKeyRotation, GetKeyRotationStatus, RotateKeyOnDemand: which keys rotate, and when."""

import json
from typing import Any

import pytest

from strongroom.model.spec import Origin
from strongroom.model.state import KeyState
from tests.core import ELSEWHERE, REGION, Core, key_id_of
from tests.jobs import run_jobs
from tests.operations.kms.kinds import KINDS, Zoo
from tests.operations.kms.rotations import events, materials_of, pair, rotate

DAY = 86_400
SCHEDULING = ("EnableKeyRotation", "DisableKeyRotation")
CHANGING = (*SCHEDULING, "RotateKeyOnDemand")
OTHERS = [kind for kind in KINDS if kind != "symmetric"]
# Origins of keys in custom key stores, of which there are none yet.
STORES = (Origin.AWS_CLOUDHSM, Origin.EXTERNAL_KEY_STORE)
UNSUPPORTED = "UnsupportedOperationException"


def status(core: Core, key: str, region: str = REGION) -> dict[str, Any]:
    """The answer of GetKeyRotationStatus as it is on the wire."""
    answer = core.call("GetKeyRotationStatus", KeyId=key_id_of(key), region=region)
    assert answer.status == 200, answer.message
    decoded: dict[str, Any] = json.loads(answer.body)
    return decoded


def at_the_date(core: Core, key: str, late: float = 0.0) -> None:
    """Let the date of the next automatic rotation come, and the jobs run, maybe too late."""
    at = core.stored(key).key.next_rotation_at
    assert at is not None
    core.clock.key_life = at + late
    run_jobs(core)


# --- the schedule ---


@pytest.mark.parametrize(("asked", "days"), [(None, 365), (90, 90), (2560, 2560)])
def test_the_first_rotation_is_a_period_away(core: Core, key: str, asked: int | None, days: int) -> None:
    """The period is 90 to 2560 days, by default 365, and begins with the call."""
    period: dict[str, Any] = {} if asked is None else {"RotationPeriodInDays": asked}
    answer = core.call("EnableKeyRotation", KeyId=key, **period)
    assert (answer.status, answer.body) == (200, b"")
    assert status(core, key) == {
        "KeyRotationEnabled": True,
        "KeyId": key_id_of(key),
        "RotationPeriodInDays": days,
        "NextRotationDate": core.clock.key_life + days * DAY,
    }


@pytest.mark.parametrize("days", [89, 2561, 0])
def test_a_period_outside_is_refused(core: Core, key: str, days: int) -> None:
    """The key stays without rotation."""
    code, text = core.refused("EnableKeyRotation", KeyId=key, RotationPeriodInDays=days)
    assert code == "ValidationException"
    assert f"Value '{days}' at 'rotationPeriodInDays' failed to satisfy constraint" in text
    assert status(core, key) == {"KeyRotationEnabled": False, "KeyId": key_id_of(key)}


def test_a_new_key_is_not_rotated(core: Core, key: str) -> None:
    """Rotation is off, and there is no date."""
    assert status(core, key) == {"KeyRotationEnabled": False, "KeyId": key_id_of(key)}
    core.clock.key_life += 4000 * DAY
    assert not run_jobs(core)
    assert len(materials_of(core, key)) == 1


def test_a_new_period_counts_from_the_call(core: Core, key: str) -> None:
    """Whatever has passed of the old one; without a period in the request it is 365 days again."""
    core.ok("EnableKeyRotation", KeyId=key, RotationPeriodInDays=90)
    core.clock.key_life += 80 * DAY
    core.ok("EnableKeyRotation", KeyId=key, RotationPeriodInDays=100)
    assert status(core, key)["NextRotationDate"] == core.clock.key_life + 100 * DAY
    core.ok("EnableKeyRotation", KeyId=key)
    assert status(core, key)["RotationPeriodInDays"] == 365
    assert status(core, key)["NextRotationDate"] == core.clock.key_life + 365 * DAY


def test_the_same_period_again_does_not_put_the_rotation_off(core: Core, key: str) -> None:
    """A script that enables rotation every day does not prevent it."""
    core.ok("EnableKeyRotation", KeyId=key, RotationPeriodInDays=90)
    date = status(core, key)["NextRotationDate"]
    core.clock.key_life += 80 * DAY
    core.ok("EnableKeyRotation", KeyId=key, RotationPeriodInDays=90)
    assert status(core, key)["NextRotationDate"] == date


def test_rotation_can_be_turned_off_and_on(core: Core, key: str) -> None:
    """Off, nothing happens at the date; on again, the period counts from then. Off twice is as good as once."""
    core.ok("EnableKeyRotation", KeyId=key, RotationPeriodInDays=90)
    for _ in range(2):
        answer = core.call("DisableKeyRotation", KeyId=key)
        assert (answer.status, answer.body) == (200, b"")
    assert status(core, key) == {"KeyRotationEnabled": False, "KeyId": key_id_of(key)}
    core.clock.key_life += 91 * DAY
    assert not run_jobs(core)
    core.ok("EnableKeyRotation", KeyId=key, RotationPeriodInDays=90)
    assert status(core, key)["NextRotationDate"] == core.clock.key_life + 90 * DAY
    assert len(materials_of(core, key)) == 1


def test_a_key_rotates_at_its_date_and_not_before(core: Core, key: str) -> None:
    """The new material is the current one from then on; the next date is a period later."""
    core.ok("EnableKeyRotation", KeyId=key, RotationPeriodInDays=90)
    start = core.clock.key_life
    at_the_date(core, key, late=-0.001)
    (first,) = materials_of(core, key)
    at_the_date(core, key)
    old, new = materials_of(core, key)
    assert old == first
    assert new.number == 2
    assert (new.created_at, new.rotated_at, new.rotation_type) == (*(2 * [start + 90 * DAY]), "AUTOMATIC")
    assert core.ok("DescribeKey", KeyId=key)["KeyMetadata"]["CurrentKeyMaterialId"] == new.material_id
    assert status(core, key)["NextRotationDate"] == start + 180 * DAY


@pytest.mark.parametrize(("late", "following"), [(5.0, 180.0), (89.9, 180.0), (90.0, 270.0), (1000.0, 1180.0)])
def test_a_late_rotation_keeps_the_schedule_while_it_can(core: Core, key: str, late: float, following: float) -> None:
    """Late by days, the dates stay as they were; late by a period or more, they count from the rotation, of one."""
    core.ok("EnableKeyRotation", KeyId=key, RotationPeriodInDays=90)
    start = core.clock.key_life
    at_the_date(core, key, late=late * DAY)
    assert len(materials_of(core, key)) == 2
    assert status(core, key)["NextRotationDate"] == pytest.approx(start + following * DAY)


def test_the_record_of_an_automatic_rotation(core: Core, key: str) -> None:
    """One service event in the key's Region, with what changed."""
    core.ok("EnableKeyRotation", KeyId=key, RotationPeriodInDays=90)
    at_the_date(core, key)
    old, new = materials_of(core, key)
    (record,) = events(core, "RotateKey")
    assert record["serviceEventDetails"] == {
        "rotationType": "AUTOMATIC",
        "keyOrigin": "AWS_KMS",
        "previousKeyMaterialId": old.material_id,
        "currentKeyMaterialId": new.material_id,
        "keyId": key_id_of(key),
    }
    assert (record["awsRegion"], record["eventType"]) == (REGION, "AwsServiceEvent")
    assert [item["ARN"] for item in record["resources"]] == [key]


# --- keys that are not enabled ---


def test_a_disabled_key_rotates_when_it_is_enabled(core: Core, key: str) -> None:
    """Its status stays, its date passes; enabled again it rotates at once, and then after each period."""
    core.ok("EnableKeyRotation", KeyId=key, RotationPeriodInDays=90)
    core.ok("DisableKey", KeyId=key)
    at_the_date(core, key, late=10 * DAY)
    assert len(materials_of(core, key)) == 1
    assert status(core, key)["KeyRotationEnabled"] is True
    core.ok("EnableKey", KeyId=key)
    run_jobs(core)
    assert [each.rotated_at for each in materials_of(core, key)] == [None, core.clock.key_life]
    assert status(core, key)["NextRotationDate"] == core.clock.key_life + 90 * DAY


def test_a_key_that_missed_nothing_keeps_its_schedule(core: Core, key: str) -> None:
    """Disabled and enabled again before its date, it rotates at that date."""
    core.ok("EnableKeyRotation", KeyId=key, RotationPeriodInDays=90)
    before = status(core, key)
    core.ok("DisableKey", KeyId=key)
    core.clock.key_life += 89 * DAY
    core.ok("EnableKey", KeyId=key)
    assert not run_jobs(core)
    assert status(core, key) == before


def test_a_key_pending_deletion_is_not_rotated(core: Core, key: str) -> None:
    """Its status reads false. Kept, it has its date back; enabled, it rotates at once."""
    core.ok("EnableKeyRotation", KeyId=key, RotationPeriodInDays=90)
    before = status(core, key)
    core.clock.key_life = before["NextRotationDate"] - DAY
    core.ok("ScheduleKeyDeletion", KeyId=key)
    assert status(core, key) == {"KeyRotationEnabled": False, "KeyId": key_id_of(key)}
    core.clock.key_life += 2 * DAY
    assert not run_jobs(core)
    core.ok("CancelKeyDeletion", KeyId=key)
    assert status(core, key) == before
    assert not run_jobs(core)
    core.ok("EnableKey", KeyId=key)
    run_jobs(core)
    assert len(materials_of(core, key)) == 2


# --- on demand ---


def test_a_rotation_on_demand_follows_at_once(core: Core, key: str) -> None:
    """The answer and the record have the key id; the status tells of it until it is done."""
    asked = core.clock.key_life
    answer = core.call("RotateKeyOnDemand", KeyId=key)
    assert json.loads(answer.body) == {"KeyId": key_id_of(key)}
    assert answer.record["requestParameters"] == {"keyId": key}
    assert answer.record["responseElements"] == {"keyId": key_id_of(key)}
    core.clock.key_life += 0.5
    assert status(core, key) == {
        "KeyRotationEnabled": False,
        "KeyId": key_id_of(key),
        "OnDemandRotationStartDate": asked,
    }
    run_jobs(core)
    assert status(core, key) == {"KeyRotationEnabled": False, "KeyId": key_id_of(key)}
    old, new = materials_of(core, key)
    assert (new.rotated_at, new.rotation_type) == (asked + 0.5, "ON_DEMAND")
    (record,) = events(core, "RotateKey")
    assert record["serviceEventDetails"]["rotationType"] == "ON_DEMAND"
    assert record["serviceEventDetails"]["previousKeyMaterialId"] == old.material_id


def test_a_rotation_on_demand_leaves_the_schedule(core: Core, key: str) -> None:
    """Both kinds of rotation go on side by side; turning the schedule off does not take back what was asked for."""
    core.ok("EnableKeyRotation", KeyId=key, RotationPeriodInDays=90)
    before = status(core, key)
    rotate(core, key)
    assert status(core, key) == before
    core.ok("RotateKeyOnDemand", KeyId=key)
    core.ok("DisableKeyRotation", KeyId=key)
    run_jobs(core)
    assert [each.rotation_type for each in materials_of(core, key)] == [None, "ON_DEMAND", "ON_DEMAND"]


def test_both_rotations_can_be_due(core: Core, key: str) -> None:
    """Each happens once, the one on demand first; each has its record."""
    core.ok("EnableKeyRotation", KeyId=key, RotationPeriodInDays=90)
    core.ok("RotateKeyOnDemand", KeyId=key)
    core.clock.key_life += 90 * DAY
    run_jobs(core)
    assert [each.rotation_type for each in materials_of(core, key)] == [None, "ON_DEMAND", "AUTOMATIC"]
    assert [each.number for each in materials_of(core, key)] == [1, 2, 3]
    ids = [each.material_id for each in materials_of(core, key)]
    assert [
        (record["serviceEventDetails"]["previousKeyMaterialId"], record["serviceEventDetails"]["currentKeyMaterialId"])
        for record in events(core, "RotateKey")
    ] == [(ids[0], ids[1]), (ids[1], ids[2])]


def test_a_disabled_key_waits_with_its_rotation_on_demand(core: Core, key: str) -> None:
    """It is done when the key is enabled again."""
    core.ok("RotateKeyOnDemand", KeyId=key)
    core.ok("DisableKey", KeyId=key)
    assert not run_jobs(core)
    assert "OnDemandRotationStartDate" in status(core, key)
    core.ok("EnableKey", KeyId=key)
    run_jobs(core)
    assert len(materials_of(core, key)) == 2


def test_a_key_rotates_on_demand_25_times(core: Core, key: str) -> None:
    """Not once more, in all its life; automatic rotations do not count."""
    core.put_key(key, on_demand_rotations=23)
    core.ok("EnableKeyRotation", KeyId=key, RotationPeriodInDays=90)
    at_the_date(core, key)
    rotate(core, key)
    rotate(core, key)
    assert core.refused("RotateKeyOnDemand", KeyId=key)[0] == "LimitExceededException"
    at_the_date(core, key)
    assert len(materials_of(core, key)) == 5


def test_one_rotation_at_a_time(core: Core, key: str) -> None:
    """Another is refused until the first is done, and is not counted."""
    core.ok("RotateKeyOnDemand", KeyId=key)
    assert core.refused("RotateKeyOnDemand", KeyId=key)[0] == "ConflictException"
    run_jobs(core)
    assert core.stored(key).key.on_demand_rotations == 1
    rotate(core, key)


@pytest.mark.parametrize(("ahead", "refused"), [(1200.0, True), (1200.001, False), (0.0, True), (-5.0, True)])
def test_none_on_demand_shortly_before_an_automatic_one(core: Core, key: str, ahead: float, *, refused: bool) -> None:
    """In the last 20 minutes before its date, and until the rotation that is due is done."""
    core.ok("EnableKeyRotation", KeyId=key)
    core.clock.key_life = status(core, key)["NextRotationDate"] - ahead
    assert core.call("RotateKeyOnDemand", KeyId=key).code == ("ConflictException" if refused else None)


# --- which keys ---


@pytest.mark.parametrize("operation", CHANGING)
@pytest.mark.parametrize("kind", OTHERS)
def test_only_symmetric_keys_rotate(zoo: Zoo, operation: str, kind: str) -> None:
    """Every other kind is refused, and named by its spec."""
    key = zoo.keys[kind]
    spec = zoo.core.stored(key).key.spec
    text = f"{key} key spec is {spec} which is not valid for this operation."
    assert zoo.core.refused(operation, KeyId=key) == (UNSUPPORTED, text)


@pytest.mark.parametrize("kind", OTHERS)
def test_a_key_that_never_rotates_has_a_status(zoo: Zoo, kind: str) -> None:
    """Rotation is off."""
    assert status(zoo.core, zoo.keys[kind]) == {"KeyRotationEnabled": False, "KeyId": key_id_of(zoo.keys[kind])}


@pytest.mark.parametrize("operation", [*CHANGING, "GetKeyRotationStatus"])
@pytest.mark.parametrize("origin", STORES)
def test_a_key_in_a_custom_key_store_does_not_rotate(core: Core, key: str, operation: str, origin: Origin) -> None:
    """Not even its status is told (footnote 7)."""
    core.put_key(key, origin=origin)
    text = f"{key} origin is {origin} which is not valid for this operation."
    assert core.refused(operation, KeyId=key) == (UNSUPPORTED, text)


@pytest.mark.parametrize("operation", CHANGING)
@pytest.mark.parametrize(
    ("state", "fault"),
    [
        (KeyState.DISABLED, "DisabledException"),
        (KeyState.PENDING_DELETION, "KMSInvalidStateException"),
        (KeyState.PENDING_REPLICA_DELETION, "KMSInvalidStateException"),
        (KeyState.CREATING, "KMSInvalidStateException"),
    ],
)
@pytest.mark.parametrize("kind", ["signing", "HMAC"])
def test_the_state_is_looked_at_before_the_kind(
    core: Core, operation: str, state: KeyState, fault: str, kind: str
) -> None:
    """Where the key has the wrong state and is of the wrong kind, the state is told."""
    key = core.new_key(**KINDS[kind])
    core.put_state(key, state)
    assert core.refused(operation, KeyId=key)[0] == fault


def test_the_status_of_another_accounts_key_is_denied(core: Core, key: str) -> None:
    """The key can be meant, by its ARN; nobody else may ask so far."""
    answer = core.call("GetKeyRotationStatus", KeyId=key, account="210987654321")
    assert answer.code == "AccessDeniedException"
    assert [record["recipientAccountId"] for record in answer.records] == ["210987654321", "123456789012"]


# --- multi-Region keys ---


@pytest.mark.parametrize("operation", CHANGING)
def test_a_replica_rotates_with_its_primary_key_alone(core: Core, operation: str) -> None:
    """The call is refused on a replica, and changes nothing; the status is shared."""
    primary, replica = pair(core)
    core.ok("EnableKeyRotation", KeyId=primary, RotationPeriodInDays=90)
    assert core.refused(operation, KeyId=replica, region=ELSEWHERE)[0] == UNSUPPORTED
    assert status(core, primary)["RotationPeriodInDays"] == 90
    assert status(core, replica, ELSEWHERE) == status(core, primary)
    core.ok("RotateKeyOnDemand", KeyId=primary)
    assert status(core, replica, ELSEWHERE)["OnDemandRotationStartDate"] == core.clock.key_life
    core.ok("DisableKeyRotation", KeyId=primary)
    run_jobs(core)
    assert status(core, replica, ELSEWHERE) == {"KeyRotationEnabled": False, "KeyId": key_id_of(replica)}
