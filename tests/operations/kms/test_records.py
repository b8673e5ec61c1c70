"""What CloudTrail sees of each call."""

import base64
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest

from strongroom.operations.table import OPERATIONS
from tests.core import ACCOUNT, OTHER, REGION, Core, key_id_of
from tests.policies import open_policy

ALIAS = f"arn:aws:kms:{REGION}:{ACCOUNT}:alias/app"
POLICY = open_policy()
CONTEXT = {"a": "b"}
PLAINTEXT = b"a plaintext that stays out"


class Scene(NamedTuple):
    """What the calls name: two keys, the first with the alias ``alias/app``, their materials, a ciphertext."""

    key: str
    other: str
    material: str
    other_material: str
    blob: bytes


class Case(NamedTuple):
    """A call, and what its record holds beside what every record holds."""

    members: dict[str, Any]
    parameters: dict[str, Any] | None
    elements: dict[str, Any] | None = None
    additional: dict[str, Any] | None = None
    resources: tuple[str, ...] = ()


# AWS KMS Developer Guide, "Logging AWS KMS API calls with AWS CloudTrail", and its examples for each operation. Key ids
# stand as they were sent; resources are resolved; changing calls have the key's ARN in their response elements.
CASES: dict[str, Callable[[Scene], Case]] = {
    "CancelKeyDeletion": lambda it: Case({"KeyId": it.key}, {"keyId": it.key}, {"keyId": it.key}, resources=(it.key,)),
    "CreateAlias": lambda it: Case(
        {"AliasName": "alias/new", "TargetKeyId": key_id_of(it.key)},
        {"aliasName": "alias/new", "targetKeyId": key_id_of(it.key)},
        resources=(it.key, ALIAS.replace("app", "new")),
    ),
    "Decrypt": lambda it: Case(
        {"CiphertextBlob": it.blob, "EncryptionContext": CONTEXT},
        {"encryptionAlgorithm": "SYMMETRIC_DEFAULT", "encryptionContext": CONTEXT},
        additional={"keyMaterialId": it.material},
        resources=(it.key,),
    ),
    "DeleteAlias": lambda it: Case({"AliasName": "alias/app"}, {"aliasName": "alias/app"}, resources=(it.key, ALIAS)),
    "DescribeKey": lambda it: Case({"KeyId": "alias/app"}, {"keyId": "alias/app"}, resources=(it.key,)),
    "DisableKey": lambda it: Case(
        {"KeyId": key_id_of(it.key)}, {"keyId": key_id_of(it.key)}, {"keyId": it.key}, resources=(it.key,)
    ),
    "DisableKeyRotation": lambda it: Case({"KeyId": it.key}, {"keyId": it.key}, {"keyId": it.key}, resources=(it.key,)),
    "EnableKey": lambda it: Case({"KeyId": it.key}, {"keyId": it.key}, {"keyId": it.key}, resources=(it.key,)),
    "EnableKeyRotation": lambda it: Case(
        {"KeyId": it.key}, {"keyId": it.key, "rotationPeriodInDays": 365}, {"keyId": it.key}, resources=(it.key,)
    ),
    "Encrypt": lambda it: Case(
        {"KeyId": "alias/app", "Plaintext": PLAINTEXT, "EncryptionContext": CONTEXT},
        {"keyId": "alias/app", "encryptionContext": CONTEXT, "encryptionAlgorithm": "SYMMETRIC_DEFAULT"},
        additional={"keyMaterialId": it.material},
        resources=(it.key,),
    ),
    "GenerateDataKey": lambda it: Case(
        {"KeyId": it.key, "KeySpec": "AES_256", "EncryptionContext": CONTEXT},
        {"keyId": it.key, "keySpec": "AES_256", "encryptionContext": CONTEXT},
        additional={"keyMaterialId": it.material},
        resources=(it.key,),
    ),
    "GenerateDataKeyWithoutPlaintext": lambda it: Case(
        {"KeyId": it.key, "NumberOfBytes": 32},
        {"keyId": it.key, "numberOfBytes": 32},
        additional={"keyMaterialId": it.material},
        resources=(it.key,),
    ),
    "GenerateRandom": lambda _: Case({"NumberOfBytes": 32}, {"numberOfBytes": 32}),
    "GetKeyLastUsage": lambda it: Case({"KeyId": it.key}, {"keyId": it.key}, resources=(it.key,)),
    "GetKeyRotationStatus": lambda it: Case({"KeyId": it.key}, {"keyId": it.key}, resources=(it.key,)),
    "GetKeyPolicy": lambda it: Case(
        {"KeyId": it.key, "PolicyName": "default"}, {"keyId": it.key, "policyName": "default"}, resources=(it.key,)
    ),
    "ListAliases": lambda _: Case({"Limit": 7}, {"limit": 7}),
    "ListKeyPolicies": lambda it: Case(
        {"KeyId": it.key, "Limit": 7}, {"keyId": it.key, "limit": 7}, None, None, (it.key,)
    ),
    "ListKeyRotations": lambda it: Case(
        {"KeyId": it.key, "Limit": 7},
        {"keyId": it.key, "includeKeyMaterial": "ROTATIONS_ONLY", "limit": 7},
        resources=(it.key,),
    ),
    "ListKeys": lambda _: Case({"Limit": 7, "ResourceOwners": ["SELF"]}, {"limit": 7, "resourceOwners": ["SELF"]}),
    "ListResourceTags": lambda it: Case({"KeyId": it.key}, {"keyId": it.key}, resources=(it.key,)),
    "PutKeyPolicy": lambda it: Case(
        {"KeyId": it.key, "PolicyName": "default", "Policy": POLICY},
        {"keyId": it.key, "policyName": "default", "policy": POLICY, "bypassPolicyLockoutSafetyCheck": False},
        {"keyId": it.key},
        resources=(it.key,),
    ),
    "ReEncrypt": lambda it: Case(
        {
            "CiphertextBlob": it.blob,
            "SourceEncryptionContext": CONTEXT,
            "DestinationKeyId": it.other,
            "DestinationEncryptionContext": {"c": "d"},
        },
        {
            "sourceEncryptionAlgorithm": "SYMMETRIC_DEFAULT",
            "sourceEncryptionContext": CONTEXT,
            "destinationKeyId": it.other,
            "destinationEncryptionAlgorithm": "SYMMETRIC_DEFAULT",
            "destinationEncryptionContext": {"c": "d"},
        },
        additional={"sourceKeyMaterialId": it.material, "destinationKeyMaterialId": it.other_material},
        resources=(it.key, it.other),
    ),
    "RotateKeyOnDemand": lambda it: Case(
        {"KeyId": it.key}, {"keyId": it.key}, {"keyId": key_id_of(it.key)}, resources=(it.key,)
    ),
    "ScheduleKeyDeletion": lambda it: Case(
        {"KeyId": it.other, "PendingWindowInDays": 7},
        {"keyId": it.other, "pendingWindowInDays": 7},
        # Seven days after 1,790,000,000 seconds.
        {
            "keyId": it.other,
            "keyState": "PendingDeletion",
            "deletionDate": "Sep 28, 2026, 2:13:20 PM",
            "pendingWindowInDays": 7,
        },
        resources=(it.other,),
    ),
    "TagResource": lambda it: Case(
        {"KeyId": it.key, "Tags": [{"TagKey": "a", "TagValue": "b"}]},
        {"keyId": it.key, "tags": [{"tagKey": "a", "tagValue": "b"}]},
        {"keyId": it.key},
        resources=(it.key,),
    ),
    "UntagResource": lambda it: Case(
        {"KeyId": it.key, "TagKeys": ["a", "b"]},
        {"keyId": it.key, "tagKeys": ["a", "b"]},
        {"keyId": it.key},
        resources=(it.key,),
    ),
    "UpdateAlias": lambda it: Case(
        {"AliasName": "alias/app", "TargetKeyId": it.other},
        {"aliasName": "alias/app", "targetKeyId": it.other},
        resources=(it.key, it.other, ALIAS),
    ),
    "UpdateKeyDescription": lambda it: Case(
        {"KeyId": it.key, "Description": "new"},
        {"keyId": it.key, "description": "new"},
        {"keyId": it.key},
        resources=(it.key,),
    ),
}
WRITES = {
    "CancelKeyDeletion", "CreateAlias", "CreateGrant", "CreateKey", "DeleteAlias", "DeleteImportedKeyMaterial",
    "DisableKey", "DisableKeyRotation", "EnableKey", "EnableKeyRotation", "ImportKeyMaterial", "PutKeyPolicy",
    "ReplicateKey", "RetireGrant", "RevokeGrant", "RotateKeyOnDemand", "ScheduleKeyDeletion", "TagResource",
    "UntagResource", "UpdateAlias", "UpdateKeyDescription", "UpdatePrimaryRegion",
}  # fmt: skip


@pytest.fixture
def scene(core: Core, key: str) -> Scene:
    """What the calls name."""
    core.ok("CreateAlias", AliasName="alias/app", TargetKeyId=key)
    other = core.new_key()
    blob = core.ok("Encrypt", KeyId=key, Plaintext=PLAINTEXT, EncryptionContext=CONTEXT)["CiphertextBlob"]
    materials = [core.stored(arn).key.material_id or "" for arn in (key, other)]
    return Scene(key, other, materials[0], materials[1], blob)


@pytest.mark.parametrize("operation", CASES)
def test_a_record_holds_what_awss_do(core: Core, scene: Scene, operation: str) -> None:
    """Parameters, elements, material ids and resources are AWS's of that call, and so is whether it only reads."""
    if operation == "CancelKeyDeletion":
        core.ok("ScheduleKeyDeletion", KeyId=scene.key)
    case = CASES[operation](scene)
    answer = core.call(operation, **case.members)
    assert answer.status == 200, (answer.code, answer.message)
    (record,) = answer.records
    assert record["eventName"] == operation
    assert record["readOnly"] == (operation not in WRITES)
    assert record["requestParameters"] == case.parameters
    assert record["responseElements"] == case.elements
    assert record.get("additionalEventData") == case.additional
    assert [item["ARN"] for item in record["resources"]] == list(case.resources)
    assert {(item["accountId"], item["type"]) for item in record["resources"]} <= {(ACCOUNT, "AWS::KMS::Key")}
    assert not {"errorCode", "errorMessage", "sharedEventID"} & record.keys()


def test_the_record_of_a_new_key(core: Core) -> None:
    """It holds what was asked for, and the metadata of what was made."""
    answer = core.call(
        "CreateKey",
        Description="new",
        KeySpec="SYMMETRIC_DEFAULT",
        KeyUsage="ENCRYPT_DECRYPT",
        Policy=POLICY,
        Tags=[{"TagKey": "a", "TagValue": "b"}],
    )
    made, record = answer.members["KeyMetadata"], answer.record
    parameters = {
        "description": "new",
        "keySpec": "SYMMETRIC_DEFAULT",
        "keyUsage": "ENCRYPT_DECRYPT",
        "origin": "AWS_KMS",
        "policy": POLICY,
        "bypassPolicyLockoutSafetyCheck": False,
        "tags": [{"tagKey": "a", "tagValue": "b"}],
    }
    assert record["requestParameters"] | parameters == record["requestParameters"]
    elements = record["responseElements"]["keyMetadata"]
    assert (
        elements
        | {
            "aWSAccountId": ACCOUNT,
            "arn": made["Arn"],
            "keyId": made["KeyId"],
            "creationDate": "Sep 21, 2026, 2:13:20 PM",
            "enabled": True,
            "keyState": "Enabled",
            "currentKeyMaterialId": made["CurrentKeyMaterialId"],
        }
        == elements
    )
    assert record["resources"] == [{"accountId": ACCOUNT, "type": "AWS::KMS::Key", "ARN": made["Arn"]}]


def test_writing_operations_are_named() -> None:
    """The table of this file names each operation that changes something."""
    assert {name for name, row in OPERATIONS.items() if row.writes} == WRITES


def test_what_every_record_holds(core: Core, key: str) -> None:
    """Who, when, whence, which Region, by which request: from the connection and the proven caller."""
    answer = core.call("DescribeKey", KeyId=key)
    record = answer.record
    assert (
        record
        | {
            "eventVersion": "1.11",
            "userIdentity": {
                "type": "Root",
                "principalId": ACCOUNT,
                "arn": f"arn:aws:iam::{ACCOUNT}:root",
                "accountId": ACCOUNT,
                "accessKeyId": "AKIAIOSFODNN7EXAMPLE",
            },
            "eventTime": "2026-05-28T20:26:40Z",  # 1,780,000,000 seconds, by the machine's clock
            "eventSource": "kms.amazonaws.com",
            "awsRegion": REGION,
            "sourceIPAddress": "192.0.2.7",
            "userAgent": "tests/1.0",
            "requestID": answer.request_id,
            "recipientAccountId": ACCOUNT,
            "tlsDetails": {
                "tlsVersion": "TLSv1.3",
                "cipherSuite": "TLS_AES_256_GCM_SHA384",
                "clientProvidedHostHeader": "kms.example.internal",
            },
        }
        == record
    )


REFUSED: dict[str, tuple[str, dict[str, Any], str]] = {
    "validation": ("Encrypt", {"KeyId": "KEY"}, "ValidationException"),
    "rules beyond the types": ("GenerateDataKey", {"KeyId": "KEY"}, "ValidationException"),
    "not found": ("DescribeKey", {"KeyId": "alias/nobody"}, "NotFoundException"),
    "state": ("EnableKey", {"KeyId": "GOING"}, "KMSInvalidStateException"),
    "dry run": ("Encrypt", {"KeyId": "KEY", "Plaintext": b"x", "DryRun": True}, "DryRunOperationException"),
    "the work": ("Decrypt", {"CiphertextBlob": "BLOB"}, "InvalidCiphertextException"),
    "a write": ("CreateAlias", {"AliasName": "alias/app", "TargetKeyId": "KEY"}, "AlreadyExistsException"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_refused_call_is_recorded(core: Core, scene: Scene, case: str) -> None:
    """The record has the fault and its text, and neither elements nor material ids: nothing was done."""
    core.ok("ScheduleKeyDeletion", KeyId=scene.other)
    operation, members, code = REFUSED[case]
    named: dict[str, Any] = {"KEY": scene.key, "GOING": scene.other, "BLOB": scene.blob}
    filled: dict[str, Any] = {
        name: named.get(value, value) if isinstance(value, str) else value for name, value in members.items()
    }
    answer = core.call(operation, **filled)
    (record,) = answer.records
    assert (answer.status, record["errorCode"], record.get("errorMessage", "")) == (400, code, answer.message)
    assert record["responseElements"] is None
    assert "additionalEventData" not in record
    assert record["readOnly"] == (operation not in WRITES)
    assert not answer.in_outbox


def test_a_body_that_is_no_request_is_recorded(core: Core) -> None:
    """Who sends no JSON leaves a record, too, without parameters."""
    answer = core.send("Encrypt", b"no json")
    assert (answer.code, answer.record["errorCode"]) == ("SerializationException", "SerializationException")
    assert (answer.record["requestParameters"], answer.record["resources"]) == (None, [])
    assert "errorMessage" not in answer.record


@pytest.mark.parametrize("operation", CASES)
def test_no_secret_is_recorded(core: Core, scene: Scene, operation: str) -> None:
    """Neither plaintext nor ciphertext nor data key is in any record, in whatever form."""
    if operation == "CancelKeyDeletion":
        core.ok("ScheduleKeyDeletion", KeyId=scene.key)
    answer = core.call(operation, **CASES[operation](scene).members)
    values = [*CASES[operation](scene).members.values(), *answer.members.values(), PLAINTEXT]
    text = str(core.spooled()) + str(core.outbox())
    for secret in (value for value in values if isinstance(value, bytes)):
        for form in (secret.decode("latin-1"), secret.hex(), base64.b64encode(secret).decode().rstrip("=")):
            assert form not in text


def test_the_owner_does_not_see_who_called(core: Core, key: str) -> None:
    """The record of a key's owner shows the other account's number alone: no ARN, no access key."""
    answer = core.call("Encrypt", KeyId=key, Plaintext=b"x", account=OTHER)
    _, owners = answer.records
    assert owners["userIdentity"] == {"type": "AWSAccount", "principalId": OTHER, "accountId": OTHER}
    assert "AKIA" not in str(owners)
