"""What time does to imported material: it is of no use from its last moment on, and the jobs delete it."""

from typing import Any

import pytest

from strongroom.model.state import KeyState
from tests import wrapping
from tests.core import Core, key_id_of
from tests.jobs import run_jobs
from tests.operations.kms.importing import DAY, known, metadata, parcel, put, state, use_known_wrapping_keys
from tests.operations.kms.regions import HOME, NEAR, at
from tests.operations.kms.rotations import events

FIRST, SECOND = (bytes([number]) * 32 for number in (1, 2))
NEW = "NEW_KEY_MATERIAL"
EVENT = "DeleteExpiredKeyMaterial"


@pytest.fixture(autouse=True)
def _known_wrapping_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    use_known_wrapping_keys(monkeypatch)


@pytest.fixture
def key(core: Core) -> str:
    """A key whose material expires in a day."""
    found = core.new_key(Origin="EXTERNAL")
    put(core, found, FIRST, ValidTo=core.clock.key_life + DAY)
    return found


def details(core: Core) -> list[dict[str, Any]]:
    """What the service events tell."""
    return [each["serviceEventDetails"] for each in events(core, EVENT)]


def test_material_is_deleted_when_its_time_is_over(core: Core, key: str) -> None:
    """Not before; then the key knows it still, awaits import, and a record in AWS's form says so, once."""
    material_id = metadata(core, key)["CurrentKeyMaterialId"]
    core.clock.key_life += DAY - 0.001
    assert not run_jobs(core)
    assert (state(core, key), known(core, key)) == ("Enabled", [(material_id, 1, False, True)])
    core.clock.key_life += 0.001
    assert run_jobs(core)["expire", "done"] == 1
    assert (state(core, key), known(core, key)) == ("PendingImport", [(material_id, 1, False, False)])
    assert core.stored(key).key.valid_to is None
    found = metadata(core, key)
    assert found["CurrentKeyMaterialId"] == material_id
    assert not {"ValidTo", "ExpirationModel"} & found.keys()
    (event,) = events(core, EVENT)
    assert event["serviceEventDetails"] == {"keyId": key_id_of(key), "keyMaterialId": material_id}
    assert event["eventType"] == "AwsServiceEvent"
    assert event["resources"][0]["ARN"] == key
    assert not run_jobs(core)["expire", "done"]


def test_nothing_works_from_the_last_moment_on(core: Core, key: str) -> None:
    """Though the jobs have not come yet: the key is refused as one that awaits import."""
    blob = core.ok("Encrypt", KeyId=key, Plaintext=b"x")["CiphertextBlob"]
    core.clock.key_life += DAY
    assert core.refused("Decrypt", CiphertextBlob=blob) == ("KMSInvalidStateException", f"{key} is pending import.")


@pytest.mark.parametrize("swept", [True, False])
def test_the_same_material_revives_the_key(core: Core, key: str, swept: bool) -> None:  # noqa: FBT001 - a case
    """Whether the jobs came before it or not, what was sealed opens again, and the new end counts."""
    blob = core.ok("Encrypt", KeyId=key, Plaintext=b"x")["CiphertextBlob"]
    core.ok("DisableKey", KeyId=key)
    core.clock.key_life += DAY
    if swept:
        run_jobs(core)
    put(core, key, FIRST, ValidTo=core.clock.key_life + DAY)
    run_jobs(core)
    assert state(core, key) == "Enabled"
    assert core.ok("Decrypt", CiphertextBlob=blob)["Plaintext"] == b"x"
    core.clock.key_life += DAY
    run_jobs(core)
    assert state(core, key) == "PendingImport"


def rotated(core: Core, key: str, **members: Any) -> str:
    """Import another material and make it current; its id."""
    material_id = put(core, key, SECOND, ImportType=NEW, **members)
    core.ok("RotateKeyOnDemand", KeyId=key)
    run_jobs(core)
    return material_id


@pytest.mark.parametrize("swept", [True, False])
def test_each_material_has_its_own_end(core: Core, key: str, swept: bool) -> None:  # noqa: FBT001 - a case
    """The earliest ends the use of the key; with it back the next one counts, and meanwhile both are missing."""
    first = metadata(core, key)["CurrentKeyMaterialId"]
    second = rotated(core, key, ValidTo=core.clock.key_life + 2 * DAY)
    assert metadata(core, key)["ValidTo"].timestamp() == core.stored(key).key.valid_to
    core.clock.key_life += DAY
    run_jobs(core)
    assert details(core) == [{"keyId": key_id_of(key), "keyMaterialId": first}]
    assert core.stored(key).key.valid_to == core.clock.key_life + DAY
    core.clock.key_life += DAY
    if swept:
        run_jobs(core)
    put(core, key, FIRST)
    assert state(core, key) == "PendingImport"
    put(core, key, SECOND)
    assert state(core, key) == "Enabled"
    run_jobs(core)
    assert details(core)[1:] == ([{"keyId": key_id_of(key), "keyMaterialId": second}] if swept else [])
    assert state(core, key) == "Enabled"


def test_two_that_end_together_are_two_events(core: Core, key: str) -> None:
    """One for each material."""
    first = metadata(core, key)["CurrentKeyMaterialId"]
    second = rotated(core, key, ValidTo=core.clock.key_life + DAY)
    core.clock.key_life += 2 * DAY
    assert run_jobs(core)["expire", "done"] == 1
    assert sorted(each["keyMaterialId"] for each in details(core)) == sorted([first, second])
    assert [present for *_, present in known(core, key)] == [False, False]


def test_a_pending_material_just_disappears(core: Core) -> None:
    """The key works on, and DescribeKey never told of that end."""
    key = core.new_key(Origin="EXTERNAL")
    first = put(core, key, FIRST)
    second = put(core, key, SECOND, ImportType=NEW, ValidTo=core.clock.key_life + DAY)
    assert "ValidTo" not in metadata(core, key)
    core.clock.key_life += DAY
    core.ok("Encrypt", KeyId=key, Plaintext=b"x")
    run_jobs(core)
    assert (state(core, key), known(core, key)) == ("Enabled", [(first, 1, False, True)])
    assert details(core) == [{"keyId": key_id_of(key), "keyMaterialId": second}]


@pytest.mark.parametrize("way", ["DisableKey", "ScheduleKeyDeletion"])
def test_other_states(core: Core, key: str, way: str) -> None:
    """A disabled key awaits import afterwards; one that is to go still goes."""
    core.ok(way, KeyId=key)
    core.clock.key_life += DAY
    run_jobs(core)
    assert state(core, key) == ("PendingImport" if way == "DisableKey" else "PendingDeletion")
    assert [present for *_, present in known(core, key)] == [False]


def test_a_key_that_is_updated(core: Core, key: str) -> None:
    """It settles as one that awaits import, though another state was meant to follow."""
    core.put_key(key, state=KeyState.UPDATING, settles_as=KeyState.ENABLED)
    core.clock.key_life += DAY
    run_jobs(core)
    assert state(core, key) == "PendingImport"


def test_the_event_of_other_kinds_names_no_material(core: Core) -> None:
    """Ids of materials are told of symmetric keys alone."""
    key = core.new_key(**wrapping.external("ECC_NIST_P256"))
    request = parcel(core, key, wrapping.fresh_material("ECC_NIST_P256"))
    core.ok("ImportKeyMaterial", **request, ValidTo=core.clock.key_life + DAY)
    core.clock.key_life += DAY
    run_jobs(core)
    assert details(core) == [{"keyId": key_id_of(key)}]
    assert state(core, key) == "PendingImport"


def test_replicas_expire_for_themselves(core: Core) -> None:
    """Material that ends in a replica is missing there alone; pending material of the primary goes for all."""
    primary = core.new_key(MultiRegion=True, Origin="EXTERNAL")
    put(core, primary, FIRST)
    core.ok("ReplicateKey", KeyId=primary, ReplicaRegion=NEAR)
    run_jobs(core)
    replica = at(primary, NEAR)
    put(core, replica, FIRST, ValidTo=core.clock.key_life + DAY)
    second = put(core, primary, SECOND, ImportType=NEW, ValidTo=core.clock.key_life + 2 * DAY)
    put(core, replica, SECOND)
    core.clock.key_life += DAY
    run_jobs(core)
    assert (state(core, primary), state(core, replica)) == ("Enabled", "PendingImport")
    assert [event["awsRegion"] for event in events(core, EVENT)] == [NEAR]
    core.clock.key_life += DAY
    run_jobs(core)
    assert [[each[1] for each in known(core, at(primary, region))] for region in (HOME, NEAR)] == [[1], [1]]
    assert details(core)[1:] == [{"keyId": key_id_of(primary), "keyMaterialId": second}]
