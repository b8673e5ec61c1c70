"""ReplicateKey: what may be replicated where, how a replica comes to be, and how it is recorded."""

import json
import re
from typing import Any

import pytest
from msgspec.structs import replace

from strongroom.model.policy import BoundPolicy
from strongroom.model.state import KeyState
from tests.core import OTHER, REGIONS, Core, key_id_of
from tests.jobs import run_jobs
from tests.operations.kms.kinds import KINDS
from tests.operations.kms.regions import FAR, HOME, NEAR, at, places, replicated
from tests.policies import open_policy

DEFAULT_POLICY_PRINCIPAL = "arn:aws:iam::123456789012:root"


# --- CreateKey makes primary keys ---


@pytest.mark.parametrize("kind", KINDS)
def test_a_primary_key_has_an_id_of_its_own_form(core: Core, kind: str) -> None:
    """Its id is ``mrk-`` and 32 hexadecimal digits; it is a primary key without replicas."""
    found = core.ok("CreateKey", MultiRegion=True, **KINDS[kind])["KeyMetadata"]
    assert re.fullmatch(r"mrk-[0-9a-f]{32}", found["KeyId"])
    assert found["Arn"] == f"arn:aws:kms:us-east-1:123456789012:key/{found['KeyId']}"
    assert found["MultiRegion"] is True
    assert found["MultiRegionConfiguration"] == {
        "MultiRegionKeyType": "PRIMARY",
        "PrimaryKey": {"Arn": found["Arn"], "Region": HOME},
        "ReplicaKeys": [],
    }
    assert found["KeyState"] == "Enabled"


def test_a_single_region_key_has_no_configuration(core: Core, key: str) -> None:
    """The member is there for multi-Region keys alone."""
    found = core.ok("DescribeKey", KeyId=key)["KeyMetadata"]
    assert found["MultiRegion"] is False
    assert "MultiRegionConfiguration" not in found


# --- ReplicateKey ---


def test_a_replica_is_creating_and_then_enabled(core: Core) -> None:
    """The answer shows a key in state Creating, without material; the jobs make it Enabled, with the primary's."""
    primary = core.new_key(MultiRegion=True, Description="the primary's")
    core.clock.key_life += 100
    answer = core.call("ReplicateKey", KeyId=key_id_of(primary), ReplicaRegion=NEAR)
    body = json.loads(answer.body)
    found = body["ReplicaKeyMetadata"]
    replica = at(primary, NEAR)
    assert (found["Arn"], found["KeyId"], found["KeyState"]) == (replica, key_id_of(primary), "Creating")
    assert (found["Enabled"], found["Description"], found["CreationDate"]) == (False, "", core.clock.key_life)
    assert "CurrentKeyMaterialId" not in found
    assert body["ReplicaTags"] == []
    assert json.loads(body["ReplicaPolicy"])["Statement"][0]["Principal"] == {"AWS": DEFAULT_POLICY_PRINCIPAL}
    assert core.refused("Encrypt", region=NEAR, KeyId=replica, Plaintext=b"x") == (
        "KMSInvalidStateException", f"{replica} is creating.",
    )  # fmt: skip
    assert run_jobs(core) == {("settle", "done"): 1}
    told = core.ok("DescribeKey", region=NEAR, KeyId=replica)["KeyMetadata"]
    own = core.ok("DescribeKey", KeyId=primary)["KeyMetadata"]
    assert told["KeyState"] == "Enabled"
    assert told["CurrentKeyMaterialId"] == own["CurrentKeyMaterialId"]
    assert run_jobs(core) == {}


def test_a_replica_has_its_own_policy_description_and_tags(core: Core) -> None:
    """What is given is the replica's alone, and comes back in the answer."""
    primary = core.new_key(MultiRegion=True, Tags=[{"TagKey": "a", "TagValue": "1"}])
    own: dict[str, Any] = {
        "Policy": open_policy("own"), "Description": "own", "Tags": [{"TagKey": "b", "TagValue": "2"}],
    }  # fmt: skip
    answer = core.ok("ReplicateKey", KeyId=primary, ReplicaRegion=NEAR, **own)
    assert (answer["ReplicaPolicy"], answer["ReplicaTags"]) == (own["Policy"], own["Tags"])
    assert answer["ReplicaKeyMetadata"]["Description"] == "own"
    replica = core.stored(at(primary, NEAR))
    assert (replica.policies, replica.tags) == ({"default": BoundPolicy(open_policy("own"))}, {"b": "2"})
    assert core.stored(primary).tags == {"a": "1"}


def test_the_default_policy_is_that_of_the_partition(core: Core) -> None:
    """A replica in a China Region names its root in the form of that partition."""
    china = core.ok("CreateKey", region="cn-north-1", MultiRegion=True)["KeyMetadata"]["Arn"]
    answer = core.ok("ReplicateKey", region="cn-north-1", KeyId=china, ReplicaRegion="cn-northwest-1")
    policy = json.loads(answer["ReplicaPolicy"])
    assert policy["Statement"][0]["Principal"] == {"AWS": "arn:aws-cn:iam::123456789012:root"}
    assert answer["ReplicaKeyMetadata"]["Arn"] == at(china, "cn-northwest-1")


def test_all_related_keys_name_all_others(core: Core) -> None:
    """Each shows the primary key and the replicas in the order of their Regions, whichever came first."""
    primary = replicated(core, NEAR, FAR)
    assert places(core, primary) == ("PRIMARY", HOME, [FAR, NEAR])
    for region in (NEAR, FAR):
        assert places(core, at(primary, region)) == ("REPLICA", HOME, [FAR, NEAR])


@pytest.mark.parametrize("region", [HOME, NEAR])
def test_one_related_key_in_a_region(core: Core, region: str) -> None:
    """Neither where the primary is nor where a replica is, of whatever state, can another one be."""
    primary = replicated(core, NEAR)
    for _ in range(2):
        code, text = core.refused("ReplicateKey", KeyId=primary, ReplicaRegion=region)
        assert (code, text) == ("AlreadyExistsException", f"{at(primary, region)} already exists.")
        core.put_state(at(primary, NEAR), KeyState.PENDING_DELETION)
    assert places(core, primary) == ("PRIMARY", HOME, [NEAR])


@pytest.mark.parametrize("region", ["cn-north-1", "us-gov-west-1", "us-west-1", "mars-north-1"])
def test_a_replica_is_in_a_region_that_is_served_of_the_same_partition(core: Core, region: str) -> None:
    """Elsewhere it is refused, and nothing is changed."""
    assert "us-west-1" not in REGIONS
    primary = core.new_key(MultiRegion=True)
    code, text = core.refused("ReplicateKey", KeyId=primary, ReplicaRegion=region)
    assert code == "UnsupportedOperationException"
    assert region in text
    assert places(core, primary) == ("PRIMARY", HOME, [])


@pytest.mark.parametrize("region", ["", "us", "US-EAST-2", "us-east-2\n", "us-east-x", "a-" * 16 + "1"])
def test_a_region_has_the_form_of_one(core: Core, region: str) -> None:
    """What the model's pattern or length excludes is a broken constraint, of either operation."""
    primary = core.new_key(MultiRegion=True)
    for operation, member in (("ReplicateKey", "ReplicaRegion"), ("UpdatePrimaryRegion", "PrimaryRegion")):
        code, text = core.refused(operation, KeyId=primary, **{member: region})
        assert code == "ValidationException"
        assert f"at '{member[0].lower()}{member[1:]}' failed to satisfy constraint" in text


def test_only_a_primary_key_is_replicated(core: Core, key: str) -> None:
    """Neither a single-Region key nor a replica is."""
    replica = at(replicated(core, NEAR), NEAR)
    for region, arn in ((HOME, key), (NEAR, replica)):
        refused = core.refused("ReplicateKey", region=region, KeyId=arn, ReplicaRegion=FAR)
        assert refused == ("UnsupportedOperationException", f"{arn} is not a multi-Region primary key.")


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "no JSON as policy": ({"Policy": "allow all"}, "MalformedPolicyDocumentException"),
    "a policy over the limit": ({"Policy": '{"a":"' + "b" * 32_768 + '"}'}, "LimitExceededException"),
    "a tag twice": ({"Tags": [{"TagKey": "a", "TagValue": "1"}] * 2}, "TagException"),
    "51 tags": ({"Tags": [{"TagKey": str(number), "TagValue": ""} for number in range(51)]}, "TagException"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_refused_of_a_new_key_is_refused_of_a_replica(core: Core, case: str) -> None:
    """Policies and tags as in CreateKey; no replica is begun."""
    members, code = REFUSED[case]
    primary = core.new_key(MultiRegion=True)
    assert core.refused("ReplicateKey", KeyId=primary, ReplicaRegion=NEAR, **members)[0] == code
    assert places(core, primary) == ("PRIMARY", HOME, [])


STATES = {
    KeyState.DISABLED: "DisabledException",
    KeyState.PENDING_DELETION: "KMSInvalidStateException",
    KeyState.PENDING_REPLICA_DELETION: "KMSInvalidStateException",
    KeyState.PENDING_IMPORT: "KMSInvalidStateException",
    KeyState.CREATING: "KMSInvalidStateException",
    KeyState.UPDATING: "KMSInvalidStateException",
}


@pytest.mark.parametrize("given", STATES)
def test_a_primary_key_must_be_enabled_to_be_replicated(core: Core, given: KeyState) -> None:
    """As in AWS's table of key states."""
    primary = core.new_key(MultiRegion=True)
    core.put_state(primary, given)
    assert core.refused("ReplicateKey", KeyId=primary, ReplicaRegion=NEAR)[0] == STATES[given]


def test_of_two_replications_at_once_one_is_refused(core: Core) -> None:
    """A transaction decides on what it reads: a replica that was begun in between is seen."""
    primary = core.new_key(MultiRegion=True)

    def begin() -> None:
        core.ok("ReplicateKey", KeyId=primary, ReplicaRegion=NEAR, Description="first")

    answer = core.call("ReplicateKey", KeyId=primary, ReplicaRegion=NEAR, Description="second", between=begin)
    assert answer.code == "AlreadyExistsException"
    assert core.stored(at(primary, NEAR)).key.description == "first"


def test_a_key_of_another_account_is_not_replicated(core: Core) -> None:
    """Not even a record is made in the other Region, and nothing is told."""
    primary = core.new_key(MultiRegion=True)
    answer = core.call("ReplicateKey", account=OTHER, KeyId=primary, ReplicaRegion=NEAR)
    assert answer.code == "AccessDeniedException"
    assert {record["awsRegion"] for record in answer.records} == {HOME}
    assert places(core, primary) == ("PRIMARY", HOME, [])


# --- the end of Creating ---


def test_all_materials_are_copied(core: Core) -> None:
    """Old ones as well, and wrapped for the replica: nothing of the primary's row would open there."""
    primary = core.new_key(MultiRegion=True)
    key = core.stored(primary).key
    blob = core.ok("Encrypt", KeyId=primary, Plaintext=b"old")["CiphertextBlob"]
    newer = replace(core.dispatcher.keystores.of(key).generate(key), number=2, rotated_at=7.5)
    core.store.run(lambda tx: tx.put_material(key, newer))
    core.put_key(primary, material_id=newer.material_id)
    core.ok("ReplicateKey", KeyId=primary, ReplicaRegion=NEAR)
    run_jobs(core)
    own, copies = core.stored(primary).materials, core.stored(at(primary, NEAR)).materials
    assert list(copies) == list(own) == [key.material_id, newer.material_id]
    for material_id, copy in copies.items():
        assert copy.wrapped != own[material_id].wrapped
        assert replace(copy, wrapped=b"") == replace(own[material_id], wrapped=b"")
    opened = core.ok("Decrypt", region=NEAR, CiphertextBlob=blob)
    assert (opened["Plaintext"], opened["KeyMaterialId"]) == (b"old", key.material_id)
    assert core.stored(at(primary, NEAR)).key.material_id == newer.material_id


def test_of_imported_material_a_replica_learns_the_id_alone(core: Core) -> None:
    """It becomes PendingImport, and can hold the same material only."""
    primary = core.new_key(MultiRegion=True, Origin="EXTERNAL")
    key = core.stored(primary).key
    made = core.dispatcher.keystores.of(key).generate(key)
    imported = replace(made, description="mine", valid_to=core.clock.key_life + 99)
    core.store.run(lambda tx: tx.put_material(key, imported))
    core.put_key(primary, state=KeyState.ENABLED, material_id=imported.material_id, valid_to=imported.valid_to)
    core.views.refresh()
    answer = core.ok("ReplicateKey", KeyId=primary, ReplicaRegion=NEAR)
    assert answer["ReplicaKeyMetadata"]["KeyState"] == "Creating"
    run_jobs(core)
    replica = core.stored(at(primary, NEAR))
    assert replica.key.state == "PendingImport"
    assert (replica.key.valid_to, replica.key.material_id) == (None, imported.material_id)
    (copy,) = replica.materials.values()
    assert (copy.wrapped, copy.valid_to, copy.description) == (b"", None, "mine")
    assert core.stored(primary).materials == {imported.material_id: imported}


def test_a_replica_whose_primary_is_gone_stays_creating(core: Core) -> None:
    """Nothing of ours removes a primary key that has replicas: the job fails, and the key is not usable."""
    primary = core.new_key(MultiRegion=True)
    core.ok("ReplicateKey", KeyId=primary, ReplicaRegion=NEAR)
    key = core.stored(primary).key
    core.store.run(lambda tx: tx.delete_key(key, 1.0))
    assert run_jobs(core)["step", "failed"] == 1
    assert core.stored(at(primary, NEAR)).key.state == "Creating"


def test_what_happens_while_a_replica_is_creating(core: Core) -> None:
    """Management works as in AWS's table, and is kept."""
    primary = core.new_key(MultiRegion=True)
    core.ok("ReplicateKey", KeyId=primary, ReplicaRegion=NEAR)
    replica = at(primary, NEAR)
    core.ok("UpdateKeyDescription", region=NEAR, KeyId=replica, Description="changed")
    core.ok("TagResource", region=NEAR, KeyId=replica, Tags=[{"TagKey": "a", "TagValue": "1"}])
    core.ok("CreateAlias", region=NEAR, AliasName="alias/own", TargetKeyId=replica)
    core.ok("PutKeyPolicy", region=NEAR, KeyId=replica, Policy=open_policy("later"))
    for operation in ("EnableKey", "DisableKey"):
        assert core.refused(operation, region=NEAR, KeyId=replica)[0] == "KMSInvalidStateException"
    run_jobs(core)
    stored = core.stored(replica)
    assert (stored.key.state, stored.key.description, stored.tags) == ("Enabled", "changed", {"a": "1"})
    assert ([alias.name for alias in stored.aliases], stored.policies) == (
        ["alias/own"],
        {"default": BoundPolicy(open_policy("later"))},
    )


# --- records ---


def test_a_replication_is_recorded_in_both_regions(core: Core) -> None:
    """ReplicateKey at home, CreateKey in the replica's Region, each with the key of its own Region (AWS's example)."""
    primary = core.new_key(MultiRegion=True)
    answer = core.call("ReplicateKey", KeyId=primary, ReplicaRegion=NEAR, Policy=open_policy())
    here, there = answer.records
    assert [(record["eventName"], record["awsRegion"]) for record in (here, there)] == [
        ("ReplicateKey", HOME), ("CreateKey", NEAR),
    ]  # fmt: skip
    assert [[item["ARN"] for item in record["resources"]] for record in (here, there)] == [
        [primary], [at(primary, NEAR)],
    ]  # fmt: skip
    assert here["eventID"] != there["eventID"]
    assert here["requestID"] == there["requestID"] == answer.request_id
    assert here["requestParameters"]["replicaRegion"] == NEAR
    elements = here["responseElements"]
    assert elements["replicaPolicy"] == open_policy()
    assert elements["replicaKeyMetadata"]["keyState"] == "Creating"
    assert elements["replicaKeyMetadata"]["multiRegionConfiguration"]["multiRegionKeyType"] == "REPLICA"
    assert not here["readOnly"]
    assert answer.in_outbox


def test_a_refused_replication_is_recorded_at_home_alone(core: Core) -> None:
    """Nothing happened in the other Region."""
    primary = core.new_key(MultiRegion=True)
    (record,) = core.call("ReplicateKey", KeyId=primary, ReplicaRegion=HOME).records
    assert (record["eventName"], record["errorCode"]) == ("ReplicateKey", "AlreadyExistsException")
    assert [item["ARN"] for item in record["resources"]] == [primary]


def test_the_synchronization_is_recorded_in_the_replicas_region(core: Core) -> None:
    """A service event about the replica."""
    primary = replicated(core, NEAR)
    found = [record for records in core.outbox().values() for record in records]
    (event,) = [record for record in found if record["eventName"] == "SynchronizeMultiRegionKey"]
    assert (event["awsRegion"], event["eventType"]) == (NEAR, "AwsServiceEvent")
    assert [item["ARN"] for item in event["resources"]] == [at(primary, NEAR)]
    assert event["userIdentity"] == {"accountId": "123456789012", "invokedBy": "AWS Internal"}
