"""Multi-Region keys and the deletion of keys, over HTTP with boto3."""

import re
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.compat.calls import AUTHENTICATING, MAC, SIGNATURE, SIGNING, Refusal, id_of, new_alias, new_key, refusal
from tests.compat.records import all_records
from tests.guides import DOCS, python_examples, run_python, silent
from tests.support import Server

HOME, NEAR, FAR = "us-east-1", "eu-west-1", "ap-southeast-2"


def at(arn: str, region: str) -> str:
    """The ARN of the related key in another Region."""
    return arn.replace(HOME, region)


def settled(kms: Any, key_id: str, state: str = "Enabled") -> dict[str, Any]:
    """The metadata of a key as soon as it is in a state, which a job brings about within moments."""
    found: dict[str, Any] = until(lambda: _in_state(kms, key_id, state))
    return found


def _in_state(kms: Any, key_id: str, state: str) -> dict[str, Any] | None:
    found: dict[str, Any] = kms.describe_key(KeyId=key_id)["KeyMetadata"]
    return found if found["KeyState"] == state else None


def until(found: Callable[[], Any]) -> Any:
    """What a function finds, asked again and again for at most 20 seconds."""
    end = time.monotonic() + 20
    while True:
        result = found()
        if result is not None:
            return result
        assert time.monotonic() < end
        time.sleep(0.02)


@pytest.fixture
def primary(kms: Any) -> str:
    """The ARN of a fresh multi-Region key."""
    return new_key(kms, MultiRegion=True)


@pytest.fixture(scope="module")
def near(server: Server) -> Any:
    """A client of the other Region."""
    return server.client(NEAR)


def test_a_key_and_its_replica(kms: Any, near: Any, primary: str) -> None:
    """A replica is Creating, then Enabled; both name each other, and a ciphertext of one opens with the other."""
    assert re.fullmatch(r"mrk-[0-9a-f]{32}", id_of(primary))
    made = kms.replicate_key(KeyId=primary, ReplicaRegion=NEAR, Description="in Ireland")
    begun = made["ReplicaKeyMetadata"]
    assert (begun["Arn"], begun["KeyState"], begun["Enabled"]) == (at(primary, NEAR), "Creating", False)
    assert made["ReplicaTags"] == []
    assert made["ReplicaPolicy"] == kms.get_key_policy(KeyId=primary)["Policy"]
    there = settled(near, id_of(primary))
    here = kms.describe_key(KeyId=primary)["KeyMetadata"]
    assert there["MultiRegionConfiguration"] == {
        "MultiRegionKeyType": "REPLICA",
        "PrimaryKey": {"Arn": primary, "Region": HOME},
        "ReplicaKeys": [{"Arn": at(primary, NEAR), "Region": NEAR}],
    }
    assert here["MultiRegionConfiguration"] == there["MultiRegionConfiguration"] | {"MultiRegionKeyType": "PRIMARY"}
    assert (here["Description"], there["Description"]) == ("", "in Ireland")
    blob = kms.encrypt(KeyId=primary, Plaintext=b"x", EncryptionContext={"a": "b"})["CiphertextBlob"]
    opened = near.decrypt(CiphertextBlob=blob, EncryptionContext={"a": "b"})
    assert (opened["Plaintext"], opened["KeyId"]) == (b"x", at(primary, NEAR))
    blob = near.generate_data_key_without_plaintext(KeyId=id_of(primary), KeySpec="AES_256")["CiphertextBlob"]
    assert len(kms.decrypt(CiphertextBlob=blob, KeyId=id_of(primary))["Plaintext"]) == 32
    refused = refusal(near.decrypt, CiphertextBlob=blob, KeyId=primary)
    assert refused == Refusal("NotFoundException", f"Invalid arn {HOME}")


def test_related_keys_sign_and_authenticate_as_one(kms: Any, near: Any) -> None:
    """Signatures verify, and MACs are the same, in both Regions."""
    signer, authenticator = (id_of(new_key(kms, MultiRegion=True, **kind)) for kind in (SIGNING, AUTHENTICATING))
    for key_id in (signer, authenticator):
        kms.replicate_key(KeyId=key_id, ReplicaRegion=NEAR)
        settled(near, key_id)
    signature = kms.sign(KeyId=signer, **SIGNATURE)["Signature"]
    assert near.verify(KeyId=signer, **SIGNATURE, Signature=signature)["SignatureValid"]
    assert kms.get_public_key(KeyId=signer)["PublicKey"] == near.get_public_key(KeyId=signer)["PublicKey"]
    assert kms.generate_mac(KeyId=authenticator, **MAC)["Mac"] == near.generate_mac(KeyId=authenticator, **MAC)["Mac"]


def test_the_primary_moves(kms: Any, near: Any, primary: str) -> None:
    """Old and new primary change places, with no output, and are Enabled again soon."""
    kms.replicate_key(KeyId=primary, ReplicaRegion=NEAR)
    settled(near, id_of(primary))
    assert set(kms.update_primary_region(KeyId=primary, PrimaryRegion=NEAR)) == {"ResponseMetadata"}
    for client, kind in ((kms, "REPLICA"), (near, "PRIMARY")):
        found = settled(client, id_of(primary))["MultiRegionConfiguration"]
        assert (found["MultiRegionKeyType"], found["PrimaryKey"]["Region"]) == (kind, NEAR)
        assert [item["Region"] for item in found["ReplicaKeys"]] == [HOME]
    refused = refusal(kms.replicate_key, KeyId=primary, ReplicaRegion=FAR)
    assert refused == Refusal("UnsupportedOperationException", f"{primary} is not a multi-Region primary key.")
    near.replicate_key(KeyId=id_of(primary), ReplicaRegion=FAR)


def test_what_cannot_be_replicated(kms: Any, key: str, primary: str) -> None:
    """A single-Region key; into the Region of the primary, of a replica, or of another partition."""
    assert refusal(kms.replicate_key, KeyId=key, ReplicaRegion=NEAR).code == "UnsupportedOperationException"
    assert refusal(kms.replicate_key, KeyId=primary, ReplicaRegion=HOME).code == "AlreadyExistsException"
    assert refusal(kms.replicate_key, KeyId=primary, ReplicaRegion="cn-north-1").code == "UnsupportedOperationException"
    kms.replicate_key(KeyId=primary, ReplicaRegion=FAR)
    assert refusal(kms.replicate_key, KeyId=primary, ReplicaRegion=FAR).code == "AlreadyExistsException"
    assert refusal(kms.update_primary_region, KeyId=primary, PrimaryRegion=NEAR).code == "NotFoundException"


def test_a_region_that_is_not_served(tmp_path: Path) -> None:
    """A service of two Regions replicates between them and nowhere else."""
    with Server(tmp_path / "data", "--region", HOME, "--region", NEAR) as server:
        kms = server.client()
        primary = new_key(kms, MultiRegion=True)
        assert refusal(kms.replicate_key, KeyId=primary, ReplicaRegion=FAR).code == "UnsupportedOperationException"
        kms.replicate_key(KeyId=primary, ReplicaRegion=NEAR)
        settled(server.client(NEAR), id_of(primary))


def test_a_primary_waits_for_its_replica(kms: Any, near: Any, primary: str) -> None:
    """It has a window and no date; cancelled, it is Disabled. The replica has a date, and works until it has one."""
    kms.replicate_key(KeyId=primary, ReplicaRegion=NEAR)
    settled(near, id_of(primary))
    scheduled = kms.schedule_key_deletion(KeyId=primary, PendingWindowInDays=9)
    assert (scheduled["KeyState"], scheduled["PendingWindowInDays"]) == ("PendingReplicaDeletion", 9)
    assert "DeletionDate" not in scheduled
    told = kms.describe_key(KeyId=primary)["KeyMetadata"]
    assert (told["KeyState"], told["PendingDeletionWindowInDays"]) == ("PendingReplicaDeletion", 9)
    assert "DeletionDate" not in told
    refused = refusal(kms.encrypt, KeyId=primary, Plaintext=b"x")
    assert refused == Refusal("KMSInvalidStateException", f"{primary} is pending replica deletion.")
    near.encrypt(KeyId=id_of(primary), Plaintext=b"x")
    replica = near.schedule_key_deletion(KeyId=id_of(primary), PendingWindowInDays=7)
    assert replica["KeyState"] == "PendingDeletion"
    created = near.describe_key(KeyId=id_of(primary))["KeyMetadata"]["CreationDate"]
    assert timedelta(days=7) <= replica["DeletionDate"] - created < timedelta(days=7, minutes=5)
    assert kms.cancel_key_deletion(KeyId=primary)["KeyId"] == primary
    told = kms.describe_key(KeyId=primary)["KeyMetadata"]
    assert told["KeyState"] == "Disabled"
    assert "PendingDeletionWindowInDays" not in told


def test_a_key_that_awaits_import_still_does_after_a_cancelled_deletion(kms: Any) -> None:
    """There is no material that it could be enabled with."""
    key = new_key(kms, Origin="EXTERNAL")
    kms.schedule_key_deletion(KeyId=key)
    kms.cancel_key_deletion(KeyId=key)
    assert kms.describe_key(KeyId=key)["KeyMetadata"]["KeyState"] == "PendingImport"


def test_names_and_switches_are_each_keys_own(kms: Any, near: Any, primary: str) -> None:
    """The same alias names either key in its Region; disabling one leaves the other enabled."""
    kms.replicate_key(KeyId=primary, ReplicaRegion=NEAR, Tags=[{"TagKey": "a", "TagValue": "b"}])
    settled(near, id_of(primary))
    name = new_alias()
    kms.create_alias(AliasName=name, TargetKeyId=primary)
    assert refusal(near.describe_key, KeyId=name).code == "NotFoundException"
    near.create_alias(AliasName=name, TargetKeyId=id_of(primary))
    kms.disable_key(KeyId=primary)
    near.encrypt(KeyId=name, Plaintext=b"x")
    assert kms.list_resource_tags(KeyId=primary)["Tags"] == []
    assert near.list_resource_tags(KeyId=id_of(primary))["Tags"] == [{"TagKey": "a", "TagValue": "b"}]


def test_two_regions_keep_records(tmp_path: Path) -> None:
    """What a call does in another Region is recorded there, too, and so is what the service does by itself."""
    with Server(tmp_path / "data") as server:
        kms, near = server.client(), server.client(NEAR)
        primary = new_key(kms, MultiRegion=True)
        kms.replicate_key(KeyId=primary, ReplicaRegion=NEAR)
        settled(near, id_of(primary))
        kms.update_primary_region(KeyId=primary, PrimaryRegion=NEAR)
        settled(near, id_of(primary))
        assert server.stop() == 0
    found = [
        (record["eventName"], record["awsRegion"], [item["ARN"] for item in record["resources"]])
        for record in all_records(tmp_path / "data")
        if record["eventName"] not in {"DescribeKey", "init", "serve"}
    ]
    expected = [
        ("CreateKey", HOME, [primary]),
        ("CreateKey", NEAR, [at(primary, NEAR)]),
        ("ReplicateKey", HOME, [primary]),
        ("SynchronizeMultiRegionKey", NEAR, [at(primary, NEAR)]),
        ("UpdatePrimaryRegion", HOME, [primary]),
        ("UpdatePrimaryRegion", NEAR, [at(primary, NEAR)]),
    ]
    assert sorted(found) == sorted(expected)


def test_the_guide_works_as_written(server: Server, tmp_path: Path) -> None:
    """Its one example runs without a word."""
    (code,) = python_examples((DOCS / "guide" / "multi-region.md").read_text())
    assert silent(run_python(code, server, tmp_path))
