"""UpdatePrimaryRegion: primary and replica change places."""

import pytest
from msgspec.structs import replace

from strongroom.model.state import KeyState
from tests.core import Core, key_id_of
from tests.jobs import run_jobs
from tests.operations.kms.regions import FAR, HOME, NEAR, at, places, replicated, state

MISSING = "mrk-1234abcd12ab34cd56ef1234567890ab"


def test_primary_and_replica_change_places(core: Core) -> None:
    """All related keys name the new primary; both are Updating for a while and then what they were."""
    primary = replicated(core, NEAR, FAR)
    core.ok("UpdatePrimaryRegion", KeyId=primary, PrimaryRegion=NEAR)
    arns = [at(primary, region) for region in (HOME, NEAR, FAR)]
    assert [state(core, arn) for arn in arns] == ["Updating", "Updating", "Enabled"]
    assert [places(core, arn) for arn in arns] == [
        (kind, NEAR, [FAR, HOME]) for kind in ("REPLICA", "PRIMARY", "REPLICA")
    ]
    assert run_jobs(core) == {("settle", "done"): 2}
    assert [state(core, arn) for arn in arns] == ["Enabled"] * 3
    assert core.refused("ReplicateKey", KeyId=primary, ReplicaRegion="eu-west-1")[0] == "UnsupportedOperationException"
    core.ok("ReplicateKey", region=NEAR, KeyId=at(primary, NEAR), ReplicaRegion="eu-west-1")
    assert places(core, primary) == ("REPLICA", NEAR, [FAR, "eu-west-1", HOME])


def test_updating_keys_are_usable_but_not_switched(core: Core) -> None:
    """As in AWS's table of key states."""
    primary = replicated(core, NEAR)
    core.ok("UpdatePrimaryRegion", KeyId=primary, PrimaryRegion=NEAR)
    for region in (HOME, NEAR):
        arn = at(primary, region)
        blob = core.ok("Encrypt", region=region, KeyId=arn, Plaintext=b"x")["CiphertextBlob"]
        assert core.ok("Decrypt", region=region, CiphertextBlob=blob)["Plaintext"] == b"x"
        for operation in ("EnableKey", "DisableKey", "ScheduleKeyDeletion"):
            refused = core.refused(operation, region=region, KeyId=arn)
            assert refused == ("KMSInvalidStateException", f"{arn} is updating.")
    refused = core.refused("ReplicateKey", region=NEAR, KeyId=at(primary, NEAR), ReplicaRegion=FAR)
    assert refused == ("KMSInvalidStateException", f"{at(primary, NEAR)} is updating.")


def test_an_updating_key_can_move_on(core: Core) -> None:
    """A second move before the first has settled leaves all Enabled in the end, and the last one the primary."""
    primary = replicated(core, NEAR, FAR)
    core.ok("UpdatePrimaryRegion", KeyId=primary, PrimaryRegion=NEAR)
    core.ok("UpdatePrimaryRegion", region=NEAR, KeyId=at(primary, NEAR), PrimaryRegion=FAR)
    run_jobs(core)
    for region, kind in ((HOME, "REPLICA"), (NEAR, "REPLICA"), (FAR, "PRIMARY")):
        arn = at(primary, region)
        assert state(core, arn) == "Enabled"
        assert places(core, arn) == (kind, FAR, [NEAR, HOME])


def test_a_replica_that_is_creating_gets_its_material_from_the_new_primary(core: Core) -> None:
    """A move while it is Creating does not strand it."""
    primary = replicated(core, NEAR)
    core.ok("ReplicateKey", KeyId=primary, ReplicaRegion=FAR)
    core.ok("UpdatePrimaryRegion", KeyId=primary, PrimaryRegion=NEAR)
    run_jobs(core)
    blob = core.ok("Encrypt", KeyId=primary, Plaintext=b"x")["CiphertextBlob"]
    assert core.ok("Decrypt", region=FAR, CiphertextBlob=blob)["Plaintext"] == b"x"
    assert places(core, at(primary, FAR)) == ("REPLICA", NEAR, [FAR, HOME])


def test_the_new_primary_must_be_there(core: Core) -> None:
    """Where there is no replica: NotFoundException."""
    primary = replicated(core, NEAR)
    refused = core.refused("UpdatePrimaryRegion", KeyId=primary, PrimaryRegion=FAR)
    assert refused == ("NotFoundException", f"Key '{at(primary, FAR)}' does not exist")
    refused = core.refused("UpdatePrimaryRegion", KeyId=MISSING, PrimaryRegion=FAR)
    assert refused == (
        "NotFoundException",
        f"Key '{at(primary, HOME).rpartition('/')[0]}/{MISSING}' does not exist",
    )


def test_only_a_primary_key_gives_its_place_away(core: Core, key: str) -> None:
    """Neither a replica nor a single-Region key does, whatever Region is named; the primary not to itself."""
    primary = replicated(core, NEAR, FAR)
    replica = at(primary, NEAR)
    for region, arn, to in ((NEAR, replica, FAR), (NEAR, replica, HOME), (HOME, key, NEAR), (HOME, key, HOME)):
        refused = core.refused("UpdatePrimaryRegion", region=region, KeyId=arn, PrimaryRegion=to)
        assert refused == ("UnsupportedOperationException", f"{arn} is not a multi-Region primary key.")
    assert core.refused("UpdatePrimaryRegion", KeyId=primary, PrimaryRegion=HOME)[0] == "UnsupportedOperationException"
    assert [state(core, arn) for arn in (primary, replica)] == ["Enabled"] * 2


STATES = {
    KeyState.DISABLED: "DisabledException",
    KeyState.PENDING_DELETION: "KMSInvalidStateException",
    KeyState.PENDING_REPLICA_DELETION: "KMSInvalidStateException",
    KeyState.PENDING_IMPORT: "KMSInvalidStateException",
    KeyState.CREATING: "KMSInvalidStateException",
}


@pytest.mark.parametrize("given", STATES)
@pytest.mark.parametrize("region", [HOME, NEAR])
def test_both_keys_must_be_usable(core: Core, given: KeyState, region: str) -> None:
    """A disabled or a dying replica does not become the primary, and nothing is changed."""
    primary = replicated(core, NEAR)
    core.put_state(at(primary, region), given)
    assert core.refused("UpdatePrimaryRegion", KeyId=primary, PrimaryRegion=NEAR)[0] == STATES[given]
    assert places(core, primary) == ("PRIMARY", HOME, [NEAR])


def test_a_primary_does_not_move_where_nobody_serves(core: Core) -> None:
    """A replica of a Region that is not served any more keeps its place: the primary key would be out of reach."""
    primary = core.new_key(MultiRegion=True)
    stored = core.stored(primary)
    related = {"primary_region": HOME, "replica_regions": ("us-west-1",)}
    unserved = replace(stored.key, realm=stored.key.realm._replace(region="us-west-1"), **related)
    core.store.run(lambda tx: tx.insert_key(replace(stored, key=unserved, materials={})))
    core.put_key(primary, **related)
    core.views.refresh()
    refused = core.refused("UpdatePrimaryRegion", KeyId=primary, PrimaryRegion="us-west-1")
    assert refused[0] == "UnsupportedOperationException"
    assert places(core, primary) == ("PRIMARY", HOME, ["us-west-1"])


def test_an_update_is_recorded_in_both_regions(core: Core) -> None:
    """With the same name in both, each with its own key, and the ARN of that as what was changed (AWS's example)."""
    primary = replicated(core, NEAR)
    answer = core.call("UpdatePrimaryRegion", KeyId=key_id_of(primary), PrimaryRegion=NEAR)
    assert answer.body == b""
    for record, region in zip(answer.records, (HOME, NEAR), strict=True):
        assert (record["eventName"], record["awsRegion"]) == ("UpdatePrimaryRegion", region)
        assert [item["ARN"] for item in record["resources"]] == [at(primary, region)]
        assert record["responseElements"] == {"keyId": at(primary, region)}
        assert record["requestParameters"]["primaryRegion"] == NEAR
