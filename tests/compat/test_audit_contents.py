"""What the records of the operations say: their parameters, their answers, their keys."""

import re
from typing import Any

import pytest

from tests.compat.calls import ACCOUNT, id_of
from tests.compat.story import CONTEXT, POLICY, Story, first, resource

# Operation: requestParameters of its first call; {arn}, {id} and so on stand for what the story made, {key} for the
# KeyId that was sent.
PARAMETERS: dict[str, Any] = {
    "CreateAlias": {"aliasName": "{alias}", "targetKeyId": "{id}"},
    "Encrypt": {"keyId": "{alias}", "encryptionContext": CONTEXT, "encryptionAlgorithm": "SYMMETRIC_DEFAULT"},
    "Decrypt": {"encryptionContext": CONTEXT, "encryptionAlgorithm": "SYMMETRIC_DEFAULT"},
    "ReEncrypt": {
        "sourceEncryptionContext": CONTEXT,
        "sourceEncryptionAlgorithm": "SYMMETRIC_DEFAULT",
        "destinationKeyId": "{other}",
        "destinationEncryptionAlgorithm": "SYMMETRIC_DEFAULT",
    },
    "GenerateDataKey": {"keyId": "{arn}", "keySpec": "AES_256", "encryptionContext": CONTEXT},
    "GenerateDataKeyWithoutPlaintext": {"keyId": "{arn}", "numberOfBytes": 48},
    "GenerateDataKeyPair": {"keyId": "{arn}", "keyPairSpec": "ECC_NIST_P384", "encryptionContext": CONTEXT},
    "GenerateDataKeyPairWithoutPlaintext": {"keyId": "{arn}", "keyPairSpec": "ML_KEM_768"},
    "Sign": {"keyId": "{key}", "messageType": "RAW", "signingAlgorithm": "ECDSA_SHA_256"},
    "Verify": {"keyId": "{key}", "messageType": "RAW", "signingAlgorithm": "ECDSA_SHA_256"},
    "GenerateMac": {"keyId": "{key}", "macAlgorithm": "HMAC_SHA_512"},
    "VerifyMac": {"keyId": "{key}", "macAlgorithm": "HMAC_SHA_512"},
    "DeriveSharedSecret": {"keyId": "{key}", "keyAgreementAlgorithm": "ECDH"},
    "Encapsulate": {"keyId": "{key}", "encapsulationAlgorithm": "ML_KEM"},
    "Decapsulate": {"keyId": "{key}", "encapsulationAlgorithm": "ML_KEM"},
    "GetPublicKey": {"keyId": "{key}"},
    "DescribeKey": {"keyId": "{alias}"},
    "UpdateKeyDescription": {"keyId": "{arn}", "description": "changed"},
    "TagResource": {"keyId": "{arn}", "tags": [{"tagKey": "team", "tagValue": "blue"}]},
    "UntagResource": {"keyId": "{arn}", "tagKeys": ["team"]},
    "ListResourceTags": {"keyId": "{arn}"},
    "PutKeyPolicy": {
        "keyId": "{arn}",
        "policyName": "default",
        "policy": POLICY,
        "bypassPolicyLockoutSafetyCheck": False,
    },
    "GetKeyPolicy": {"keyId": "{arn}", "policyName": "default"},
    "ListKeyPolicies": {"keyId": "{arn}"},
    "GetKeyLastUsage": {"keyId": "{arn}"},
    "ListKeys": {"limit": 1},
    "EnableKeyRotation": {"keyId": "{arn}", "rotationPeriodInDays": 90},
    "GetKeyRotationStatus": {"keyId": "{arn}"},
    "ListKeyRotations": {"keyId": "{arn}", "includeKeyMaterial": "ALL_KEY_MATERIAL"},
    "DisableKeyRotation": {"keyId": "{arn}"},
    "RotateKeyOnDemand": {"keyId": "{arn}"},
    "UpdateAlias": {"aliasName": "{alias}", "targetKeyId": "{other}"},
    "DeleteAlias": {"aliasName": "{alias}"},
    "DisableKey": {"keyId": "{arn}"},
    "EnableKey": {"keyId": "{arn}"},
    "ScheduleKeyDeletion": {"keyId": "{arn}", "pendingWindowInDays": 7},
    "CancelKeyDeletion": {"keyId": "{arn}"},
}


def filled(story: Story, value: Any, key: str) -> Any:
    """A pattern with what the story made in it, and the KeyId of the call."""
    if isinstance(value, dict):
        return {name: filled(story, inner, key) for name, inner in value.items()}
    names = {"{key}": key, "{arn}": story.arn, "{id}": id_of(story.arn), "{other}": story.other, "{alias}": story.alias}
    return names.get(value, value) if isinstance(value, str) else value


@pytest.mark.parametrize("name", PARAMETERS)
def test_request_parameters(story: Story, by_request: dict[str, dict[str, Any]], name: str) -> None:
    """The request stands in the record as it was sent, defaults filled in, secrets left out."""
    found = dict(first(story, by_request, name)["requestParameters"])
    call = next(call for call in story.history.calls if call.name == name)
    expected = filled(story, PARAMETERS[name], call.request.get("KeyId", ""))
    if name == "ListKeys":
        found.pop("resourceOwners", None)  # newer than CloudTrail's examples
    assert found == expected


def test_the_record_of_create_key(story: Story, by_request: dict[str, dict[str, Any]]) -> None:
    """CreateKey shows its request, the new key's metadata in CloudTrail's spelling, and the key as resource."""
    record = first(story, by_request, "CreateKey")
    shown = record["requestParameters"]
    assert shown["tags"] == [{"tagKey": "team", "tagValue": "blue"}]
    assert (shown["description"], shown["policy"], shown["origin"]) == ("audited", POLICY, "AWS_KMS")
    assert shown["bypassPolicyLockoutSafetyCheck"] is False
    metadata = record["responseElements"]["keyMetadata"]
    assert (metadata["aWSAccountId"], metadata["arn"], metadata["keyId"]) == (ACCOUNT, story.arn, id_of(story.arn))
    assert re.fullmatch(r"[A-Z][a-z]{2} \d{1,2}, \d{4}, \d{1,2}:\d\d:\d\d [AP]M", metadata["creationDate"])
    assert (metadata["keyState"], metadata["enabled"], metadata["description"]) == ("Enabled", True, "audited")
    assert re.fullmatch("[0-9a-f]{64}", metadata["currentKeyMaterialId"])
    assert record["resources"] == [resource(story.arn)]


def test_resources(story: Story, by_request: dict[str, dict[str, Any]]) -> None:
    """Resources are the keys themselves, whatever named them; alias operations list key and alias, lists none."""
    key, other, alias = (
        resource(story.arn),
        resource(story.other),
        resource(story.arn[: -len("key/") - 36] + story.alias),
    )
    for name in ("Encrypt", "Decrypt", "GenerateDataKey", "DescribeKey", "DisableKey", "PutKeyPolicy", "TagResource"):
        assert first(story, by_request, name)["resources"] == [key]
    assert first(story, by_request, "ReEncrypt")["resources"] == [key, other]
    assert first(story, by_request, "GenerateRandom")["resources"] == []
    assert first(story, by_request, "ListKeys")["resources"] == []
    for name, wanted in (
        ("CreateAlias", [key, alias]),
        ("DeleteAlias", [other, alias]),
        ("UpdateAlias", [key, other, alias]),
    ):
        found = first(story, by_request, name)["resources"]
        assert sorted(found, key=str) == sorted(wanted, key=str)


CHANGING = ("DisableKey", "EnableKey", "PutKeyPolicy", "TagResource", "UntagResource", "UpdateKeyDescription")


def test_response_elements_of_changing_calls(story: Story, by_request: dict[str, dict[str, Any]]) -> None:
    """Changing calls name the key's ARN even where the API's answer is empty; deletion shows its date."""
    for name in (*CHANGING, "CancelKeyDeletion"):
        assert first(story, by_request, name)["responseElements"] == {"keyId": story.arn}
    scheduled = first(story, by_request, "ScheduleKeyDeletion")["responseElements"]
    assert re.fullmatch(r"[A-Z][a-z]{2} \d{1,2}, \d{4}, \d{1,2}:\d\d:\d\d [AP]M", scheduled.pop("deletionDate"))
    assert scheduled == {"keyId": story.arn, "keyState": "PendingDeletion", "pendingWindowInDays": 7}
    for name in ("CreateAlias", "UpdateAlias", "DeleteAlias"):
        assert first(story, by_request, name)["responseElements"] is None
