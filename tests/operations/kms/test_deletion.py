"""ScheduleKeyDeletion and CancelKeyDeletion, and the end of keys."""

import json
from typing import Any

import pytest
from msgspec.structs import replace

from strongroom.model.key import Key, Material
from strongroom.model.state import KeyState
from tests.core import Core, key_id_of
from tests.jobs import run_jobs
from tests.operations.kms.regions import FAR, HOME, NEAR, at, places, replicated, state

DAY = 86_400


@pytest.mark.parametrize(("asked", "days"), [(None, 30), (7, 7), (8, 8), (30, 30)])
def test_the_window_is_seven_to_thirty_days(core: Core, key: str, asked: int | None, days: int) -> None:
    """The key goes that many days from now, by default 30; the answer has its ARN, whatever was sent."""
    window: dict[str, Any] = {} if asked is None else {"PendingWindowInDays": asked}
    answer = core.call("ScheduleKeyDeletion", KeyId=key_id_of(key), **window)
    assert json.loads(answer.body) == {
        "KeyId": key,
        "DeletionDate": core.clock.key_life + days * DAY,
        "KeyState": "PendingDeletion",
        "PendingWindowInDays": days,
    }
    stored = core.stored(key).key
    assert (stored.state, stored.deletion_at) == ("PendingDeletion", core.clock.key_life + days * DAY)


@pytest.mark.parametrize("days", [1, 6, 31, 365])
def test_a_window_outside_is_refused(core: Core, key: str, days: int) -> None:
    """AWS's model would let 1 to 365 pass; its documentation says 7 to 30."""
    assert core.refused("ScheduleKeyDeletion", KeyId=key, PendingWindowInDays=days)[0] == "ValidationException"
    assert core.stored(key).key.state == "Enabled"


@pytest.mark.parametrize("days", [0, 366, -1])
def test_a_window_outside_the_model_is_a_broken_constraint(core: Core, key: str, days: int) -> None:
    """What the model itself excludes is worded as a constraint."""
    code, text = core.refused("ScheduleKeyDeletion", KeyId=key, PendingWindowInDays=days)
    assert code == "ValidationException"
    assert f"Value '{days}' at 'pendingWindowInDays' failed to satisfy constraint" in text


def test_a_key_that_is_to_go_may_stay(core: Core, key: str) -> None:
    """Cancelled, it is Disabled, with no date; the answer has its ARN. Enabled, it opens what it sealed before."""
    blob = core.ok("Encrypt", KeyId=key, Plaintext=b"x")["CiphertextBlob"]
    core.ok("ScheduleKeyDeletion", KeyId=key)
    assert core.ok("CancelKeyDeletion", KeyId=key_id_of(key)) == {"KeyId": key}
    stored = core.stored(key).key
    assert (stored.state, stored.deletion_at, stored.pending_window_days) == ("Disabled", None, None)
    assert core.refused("Decrypt", CiphertextBlob=blob)[0] == "DisabledException"
    core.ok("EnableKey", KeyId=key)
    assert core.ok("Decrypt", CiphertextBlob=blob)["Plaintext"] == b"x"


def test_the_date_is_by_the_clock_of_key_life(core: Core, key: str) -> None:
    """Moving that clock moves the date; the machine's clock does not."""
    core.clock.key_life += 5 * DAY
    core.clock.machine -= 5 * DAY
    answer = core.call("ScheduleKeyDeletion", KeyId=key, PendingWindowInDays=7)
    assert json.loads(answer.body)["DeletionDate"] == core.clock.key_life + 7 * DAY


# --- the end of a key ---


def test_a_key_is_gone_when_its_window_has_passed(core: Core, key: str) -> None:
    """Not a millisecond before, and then with all that belonged to it; its ciphertexts open nowhere."""
    core.ok("CreateAlias", AliasName="alias/a", TargetKeyId=key)
    blob = core.ok("Encrypt", KeyId=key, Plaintext=b"x")["CiphertextBlob"]
    other = core.new_key()
    core.ok("ScheduleKeyDeletion", KeyId=key, PendingWindowInDays=7)
    core.clock.key_life += 7 * DAY - 0.001
    assert run_jobs(core) == {}
    assert state(core, key) == "PendingDeletion"
    core.clock.key_life += 0.001
    assert run_jobs(core)["delete", "done"] == 1
    assert core.refused("DescribeKey", KeyId=key) == ("NotFoundException", f"Key '{key}' does not exist")
    assert core.refused("CancelKeyDeletion", KeyId=key)[0] == "NotFoundException"
    assert core.refused("Decrypt", CiphertextBlob=blob)[0] == "AccessDeniedException"
    assert core.refused("Decrypt", CiphertextBlob=blob, KeyId=other)[0] == "IncorrectKeyException"
    assert [entry["KeyArn"] for entry in core.ok("ListKeys")["Keys"]] == [other]
    assert core.ok("ListAliases")["Aliases"] == []


def test_an_alias_of_a_deleted_key_can_be_made_anew(core: Core, key: str) -> None:
    """Until the key is gone the name is taken; afterwards it is free."""
    core.ok("CreateAlias", AliasName="alias/a", TargetKeyId=key)
    core.ok("ScheduleKeyDeletion", KeyId=key, PendingWindowInDays=7)
    other = core.new_key()
    assert core.refused("CreateAlias", AliasName="alias/a", TargetKeyId=other)[0] == "AlreadyExistsException"
    core.clock.key_life += 7 * DAY
    run_jobs(core)
    assert core.refused("DescribeKey", KeyId="alias/a")[0] == "NotFoundException"
    core.ok("CreateAlias", AliasName="alias/a", TargetKeyId=other)
    assert core.ok("DescribeKey", KeyId="alias/a")["KeyMetadata"]["Arn"] == other


def test_a_key_that_was_kept_is_not_deleted(core: Core, key: str) -> None:
    """The date of a deletion that was cancelled means nothing any more."""
    core.ok("ScheduleKeyDeletion", KeyId=key, PendingWindowInDays=7)
    core.ok("CancelKeyDeletion", KeyId=key)
    core.clock.key_life += 100 * DAY
    assert run_jobs(core) == {}
    core.ok("EnableKey", KeyId=key)


def test_the_end_of_a_key_is_recorded(core: Core, key: str) -> None:
    """A service event that names the key (AWS KMS Developer Guide, log entry of DeleteKey)."""
    core.ok("ScheduleKeyDeletion", KeyId=key, PendingWindowInDays=7)
    core.clock.key_life += 7 * DAY
    run_jobs(core)
    found = [record for records in core.outbox().values() for record in records]
    (event,) = [record for record in found if record["eventName"] == "DeleteKey"]
    assert event["eventType"] == "AwsServiceEvent"
    assert event["serviceEventDetails"] == {"keyId": key_id_of(key)}
    assert [item["ARN"] for item in event["resources"]] == [key]


# --- imported material ---


def put_material(core: Core, key: Key, material: Material) -> None:
    """Give a key a material past every rule."""
    core.store.run(lambda tx: tx.put_material(key, material))


def test_a_key_without_its_material_awaits_import_again(core: Core) -> None:
    """Cancelled, a key of origin EXTERNAL to which nothing was imported is PendingImport, not Disabled."""
    key = core.new_key(Origin="EXTERNAL")
    core.ok("ScheduleKeyDeletion", KeyId=key)
    core.ok("CancelKeyDeletion", KeyId=key)
    assert state(core, key) == "PendingImport"


@pytest.mark.parametrize(("lacking", "expected"), [((), "Disabled"), ((1,), "PendingImport"), ((3,), "Disabled")])
def test_every_material_that_is_associated_counts(core: Core, lacking: tuple[int, ...], expected: str) -> None:
    """An older material that is missing makes it PendingImport; one that is still to be rotated to does not."""
    arn = core.new_key(Origin="EXTERNAL")
    key = core.stored(arn).key
    for number in (1, 2, 3):
        made = core.dispatcher.keystores.of(key).generate(key)
        wrapped = b"" if number in lacking else made.wrapped
        put_material(core, key, replace(made, number=number, wrapped=wrapped, pending=number == 3))
    core.put_state(arn, KeyState.PENDING_DELETION)
    core.views.refresh()
    core.ok("CancelKeyDeletion", KeyId=arn)
    assert state(core, arn) == expected


# --- multi-Region keys ---


def test_a_primary_key_waits_for_its_replicas(core: Core) -> None:
    """No date is told, by the answer or of the key, but the window that begins when the last replica is gone."""
    primary = replicated(core, NEAR)
    answer = core.call("ScheduleKeyDeletion", KeyId=primary, PendingWindowInDays=9)
    assert json.loads(answer.body) == {"KeyId": primary, "KeyState": "PendingReplicaDeletion", "PendingWindowInDays": 9}
    told = core.ok("DescribeKey", KeyId=primary)["KeyMetadata"]
    assert (told["KeyState"], told["PendingDeletionWindowInDays"]) == ("PendingReplicaDeletion", 9)
    assert "DeletionDate" not in told
    refused = core.refused("Encrypt", KeyId=primary, Plaintext=b"x")
    assert refused == ("KMSInvalidStateException", f"{primary} is pending replica deletion.")
    assert core.refused("ReplicateKey", KeyId=primary, ReplicaRegion=FAR)[0] == "KMSInvalidStateException"
    core.ok("Encrypt", region=NEAR, KeyId=at(primary, NEAR), Plaintext=b"x")
    core.clock.key_life += 1000 * DAY
    assert run_jobs(core) == {}
    assert state(core, primary) == "PendingReplicaDeletion"


def test_its_window_begins_when_the_last_replica_is_deleted(core: Core) -> None:
    """Two replicas with different windows: 7 days, then 10, and only then the primary's own 8."""
    primary = replicated(core, NEAR, FAR)
    blob = core.ok("Encrypt", KeyId=primary, Plaintext=b"x")["CiphertextBlob"]
    begun = core.clock.key_life
    core.ok("ScheduleKeyDeletion", KeyId=primary, PendingWindowInDays=8)
    for region, days in ((NEAR, 7), (FAR, 10)):
        answer = core.call("ScheduleKeyDeletion", region=region, KeyId=at(primary, region), PendingWindowInDays=days)
        assert json.loads(answer.body)["KeyState"] == "PendingDeletion"
        assert json.loads(answer.body)["DeletionDate"] == begun + days * DAY
    assert state(core, primary) == "PendingReplicaDeletion"
    core.clock.key_life = begun + 7 * DAY
    assert run_jobs(core)["delete", "done"] == 1
    assert places(core, primary) == ("PRIMARY", HOME, [FAR])
    assert places(core, at(primary, FAR)) == ("REPLICA", HOME, [FAR])
    assert state(core, primary) == "PendingReplicaDeletion"
    core.clock.key_life = begun + 10 * DAY + 60  # the job came a minute late
    assert run_jobs(core)["delete", "done"] == 1
    stored = core.stored(primary).key
    assert (stored.state, stored.replica_regions) == ("PendingDeletion", ())
    assert stored.deletion_at == begun + 18 * DAY + 60
    told = core.ok("DescribeKey", KeyId=primary)["KeyMetadata"]
    assert "PendingDeletionWindowInDays" not in told
    assert told["DeletionDate"].timestamp() == begun + 18 * DAY + 60
    core.clock.key_life = begun + 18 * DAY + 60
    assert run_jobs(core)["delete", "done"] == 1
    for region in (HOME, NEAR, FAR):
        assert core.refused("DescribeKey", region=region, KeyId=at(primary, region))[0] == "NotFoundException"
        assert core.refused("Decrypt", region=region, CiphertextBlob=blob)[0] == "AccessDeniedException"


def test_a_replica_goes_alone(core: Core) -> None:
    """The primary stays as it is and opens what the replica made; the replica can be made again, time after time."""
    primary = replicated(core, NEAR)
    replica = at(primary, NEAR)
    for number in range(2):
        core.ok("CreateAlias", region=NEAR, AliasName="alias/a", TargetKeyId=replica)
        blob = core.ok("Encrypt", region=NEAR, KeyId=replica, Plaintext=b"x")["CiphertextBlob"]
        core.ok("ScheduleKeyDeletion", region=NEAR, KeyId=replica, PendingWindowInDays=7)
        core.clock.key_life += 7 * DAY
        assert run_jobs(core)["delete", "done"] == 1
        assert (state(core, primary), places(core, primary)) == ("Enabled", ("PRIMARY", HOME, []))
        assert core.refused("Decrypt", region=NEAR, CiphertextBlob=blob)[0] == "AccessDeniedException"
        assert core.ok("Decrypt", CiphertextBlob=blob)["Plaintext"] == b"x"
        core.ok("ReplicateKey", KeyId=primary, ReplicaRegion=NEAR, Description=str(number))
        run_jobs(core)
        assert core.ok("Decrypt", region=NEAR, CiphertextBlob=blob)["Plaintext"] == b"x"
        again = core.stored(replica)
        assert (again.key.description, again.key.created_at) == (str(number), core.clock.key_life)
        assert again.aliases == ()
    core.store.check()


def test_a_former_primary_is_deleted_like_a_replica(core: Core) -> None:
    """So a primary key leaves its Region while the others stay."""
    primary = replicated(core, NEAR)
    core.ok("UpdatePrimaryRegion", KeyId=primary, PrimaryRegion=NEAR)
    run_jobs(core)
    core.ok("ScheduleKeyDeletion", KeyId=primary, PendingWindowInDays=7)
    assert state(core, primary) == "PendingDeletion"
    core.clock.key_life += 7 * DAY
    run_jobs(core)
    assert places(core, at(primary, NEAR)) == ("PRIMARY", NEAR, [])


def test_a_waiting_primary_may_stay(core: Core) -> None:
    """Cancelled, it is Disabled and has no window; the end of the last replica does not begin one."""
    primary = replicated(core, NEAR)
    core.ok("ScheduleKeyDeletion", KeyId=primary, PendingWindowInDays=7)
    core.ok("ScheduleKeyDeletion", region=NEAR, KeyId=at(primary, NEAR), PendingWindowInDays=7)
    assert core.ok("CancelKeyDeletion", KeyId=primary) == {"KeyId": primary}
    stored = core.stored(primary).key
    assert (stored.state, stored.deletion_at, stored.pending_window_days) == ("Disabled", None, None)
    core.clock.key_life += 7 * DAY
    run_jobs(core)
    assert state(core, primary) == "Disabled"
    assert places(core, primary) == ("PRIMARY", HOME, [])


def test_a_replica_that_stays_keeps_its_primary_waiting(core: Core) -> None:
    """A cancelled replica is Disabled; the primary does not go before it."""
    primary = replicated(core, NEAR)
    replica = at(primary, NEAR)
    core.ok("ScheduleKeyDeletion", KeyId=primary, PendingWindowInDays=7)
    core.ok("ScheduleKeyDeletion", region=NEAR, KeyId=replica, PendingWindowInDays=7)
    core.ok("CancelKeyDeletion", region=NEAR, KeyId=replica)
    core.clock.key_life += 100 * DAY
    assert run_jobs(core) == {}
    assert (state(core, primary), state(core, replica)) == ("PendingReplicaDeletion", "Disabled")


@pytest.mark.parametrize("cancelled_first", [True, False])
def test_a_replica_may_be_scheduled_and_kept_before_it_has_its_material(core: Core, *, cancelled_first: bool) -> None:
    """Whatever comes first, the end of Creating or the cancellation: kept and enabled, it is a whole key."""
    primary = core.new_key(MultiRegion=True)
    blob = core.ok("Encrypt", KeyId=primary, Plaintext=b"x")["CiphertextBlob"]
    core.ok("ReplicateKey", KeyId=primary, ReplicaRegion=NEAR)
    replica = {"region": NEAR, "KeyId": at(primary, NEAR)}
    assert core.ok("ScheduleKeyDeletion", **replica)["KeyState"] == "PendingDeletion"
    if cancelled_first:
        core.ok("CancelKeyDeletion", **replica)
        assert core.refused("EnableKey", **replica)[0] == "KMSInvalidStateException"
        run_jobs(core)
    else:
        run_jobs(core)
        assert state(core, at(primary, NEAR)) == "PendingDeletion"
        core.ok("CancelKeyDeletion", **replica)
    assert state(core, at(primary, NEAR)) == "Disabled"
    core.ok("EnableKey", **replica)
    assert core.ok("Decrypt", region=NEAR, CiphertextBlob=blob)["Plaintext"] == b"x"


def test_a_replica_that_was_never_finished_can_be_deleted(core: Core) -> None:
    """When its window passes while no job ran, it is finished and then deleted."""
    primary = core.new_key(MultiRegion=True)
    core.ok("ReplicateKey", KeyId=primary, ReplicaRegion=NEAR)
    core.ok("ScheduleKeyDeletion", region=NEAR, KeyId=at(primary, NEAR), PendingWindowInDays=7)
    core.clock.key_life += 7 * DAY
    done = run_jobs(core)
    assert (done["settle", "done"], done["delete", "done"]) == (1, 1)
    assert places(core, primary) == ("PRIMARY", HOME, [])
