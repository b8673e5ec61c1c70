"""The audit of a whole service: one record for each answered call of a proven caller, its members, and no secret."""

import base64
import json
import re
import uuid
from collections import Counter
from typing import Any

from tests.compat.calls import ACCOUNT, REGION
from tests.compat.records import all_records
from tests.compat.story import AGENT, Story


def test_one_record_for_each_answer(story: Story, frames: list[list[dict[str, Any]]]) -> None:
    """Each answered call has one frame; unproven callers have none; no event id comes twice."""
    counted = Counter(frame[0]["requestID"] for frame in frames)
    expected = [call.request_id for call in story.history.calls] + list(story.raw.values())
    assert len(set(expected)) == len(expected)
    assert {request_id: counted[request_id] for request_id in expected} == dict.fromkeys(expected, 1)
    assert not set(story.unproven) & set(counted)
    known = {*expected}
    extra = [frame[0]["eventName"] for frame in frames if frame[0]["requestID"] not in known]
    assert sorted(extra) == ["CreateKey", "init", "serve"]  # the stranger's, and the operator's
    events = [record["eventID"] for record in all_records(story.data)]
    assert len(set(events)) == len(events)


def test_every_operation_was_asked(story: Story) -> None:
    """The story leaves no built operation out."""
    assert len({call.name for call in story.history.calls}) == 45


READ_ONLY = {
    "Decapsulate", "Decrypt", "DeriveSharedSecret", "DescribeKey", "Encapsulate", "Encrypt", "GenerateDataKey",
    "GenerateDataKeyPair", "GenerateDataKeyPairWithoutPlaintext", "GenerateDataKeyWithoutPlaintext", "GenerateMac",
    "GenerateRandom", "GetKeyLastUsage", "GetKeyPolicy", "GetKeyRotationStatus", "GetParametersForImport",
    "GetPublicKey", "ListAliases", "ListKeyPolicies", "ListKeyRotations", "ListKeys", "ListResourceTags", "ReEncrypt",
    "Sign", "Verify", "VerifyMac",
}  # fmt: skip
ALWAYS = {
    "eventVersion", "userIdentity", "eventTime", "eventSource", "eventName", "awsRegion", "sourceIPAddress",
    "userAgent", "requestParameters", "responseElements", "requestID", "eventID", "readOnly", "resources", "eventType",
    "managementEvent", "recipientAccountId", "eventCategory",
}  # fmt: skip
SOMETIMES = {"errorCode", "errorMessage", "additionalEventData", "sharedEventID"}
IDENTITY = {
    "type": "Root",
    "principalId": ACCOUNT,
    "arn": f"arn:aws:iam::{ACCOUNT}:root",
    "accountId": ACCOUNT,
    "accessKeyId": "test",
}


def test_the_members_of_every_record(story: Story, by_request: dict[str, dict[str, Any]]) -> None:
    """The record has CloudTrail's members: who, what, when, where from, and the error as it was answered."""
    assert by_request[story.raw["user agent"]]["userAgent"] == AGENT
    for call in story.history.calls:
        record = by_request[call.request_id]
        assert set(record) >= ALWAYS
        assert set(record) <= ALWAYS | SOMETIMES
        fixed = {
            "eventVersion": "1.11",
            "userIdentity": IDENTITY,
            "eventSource": "kms.amazonaws.com",
            "eventName": call.name,
            "awsRegion": REGION,
            "sourceIPAddress": "127.0.0.1",
            "eventType": "AwsApiCall",
            "managementEvent": True,
            "recipientAccountId": ACCOUNT,
            "eventCategory": "Management",
            "readOnly": call.name in READ_ONLY,
        }
        assert {name: record[name] for name in fixed} == fixed
        assert record["userAgent"].startswith("Boto3/")
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", record["eventTime"])
        assert str(uuid.UUID(record["eventID"])) == record["eventID"]
        assert (record.get("errorCode"), record.get("errorMessage")) == (call.fault, call.message or None)
        if call.fault is not None or call.name in READ_ONLY:
            assert record["responseElements"] is None


CRYPTOGRAPHIC = {
    "Decrypt", "Encrypt", "GenerateDataKey", "GenerateDataKeyPair", "GenerateDataKeyPairWithoutPlaintext",
    "GenerateDataKeyWithoutPlaintext",
}  # fmt: skip


def test_material_ids_of_cryptographic_calls(story: Story, by_request: dict[str, dict[str, Any]]) -> None:
    """A cryptographic call that succeeded names the materials of symmetric keys that did it; others have no id."""
    hex64 = re.compile("[0-9a-f]{64}")
    for call in story.history.calls:
        data: Any = by_request[call.request_id].get("additionalEventData")
        asymmetric = call.request.get("EncryptionAlgorithm", "SYMMETRIC_DEFAULT") != "SYMMETRIC_DEFAULT"
        if call.fault is None and call.name in CRYPTOGRAPHIC and not asymmetric:
            assert hex64.fullmatch(data["keyMaterialId"])
        elif call.name == "ReEncrypt":
            assert set(data) == {"sourceKeyMaterialId", "destinationKeyMaterialId"}
            assert all(map(hex64.fullmatch, data.values()))
        else:
            assert data is None


def test_refused_calls_are_recorded(story: Story, by_request: dict[str, dict[str, Any]]) -> None:
    """Refusals of every kind have records: bad JSON, unknown operation, several faults, dry run."""
    faults = {
        "not JSON": ("Encrypt", "SerializationException"),
        "unknown operation": ("NoSuchOperation", "UnknownOperationException"),
        "two faults": ("CreateKey", "ValidationException"),
    }
    for case, expected in faults.items():
        record = by_request[story.raw[case]]
        assert (record["eventName"], record["errorCode"]) == expected
        assert record["userIdentity"] == IDENTITY
    found = {call.fault for call in story.history.calls}
    assert found >= {
        "AccessDeniedException", "DisabledException", "DryRunOperationException", "IncorrectKeyException",
        "InvalidCiphertextException", "InvalidGrantTokenException", "KMSInvalidMacException",
        "KMSInvalidSignatureException", "KMSInvalidStateException", "NotFoundException", "TagException",
    }  # fmt: skip


def test_a_call_on_a_foreign_key(story: Story, frames: list[list[dict[str, Any]]]) -> None:
    """The caller's record resolves nothing, and is the same for a key that is not there.

    The owner of one that is there gets a record of its own in the same frame, without the caller's names.
    """
    there, missing = [call for call in story.history.calls if call.fault == "AccessDeniedException"]
    found = {frame[0]["requestID"]: frame for frame in frames}
    mine, theirs = found[there.request_id]
    owner = story.foreign.split(":")[4]
    assert (mine["recipientAccountId"], theirs["recipientAccountId"]) == (ACCOUNT, owner)
    assert mine["resources"] == []
    assert theirs["resources"] == [{"accountId": owner, "type": "AWS::KMS::Key", "ARN": story.foreign}]
    assert theirs["userIdentity"] == {"type": "AWSAccount", "principalId": ACCOUNT, "accountId": ACCOUNT}
    assert mine["sharedEventID"] == theirs["sharedEventID"]
    assert mine["eventID"] != theirs["eventID"]
    assert mine["errorCode"] == theirs["errorCode"] == "AccessDeniedException"
    (alone,) = found[missing.request_id]
    differs = {"eventID", "eventTime", "requestID", "requestParameters", "sharedEventID"}
    assert set(alone) == set(mine)
    assert {name: alone[name] for name in alone if name not in differs} == {
        name: mine[name] for name in mine if name not in differs
    }


def test_no_secret_is_on_the_disk(story: Story) -> None:
    """No plaintext, data key, ciphertext or token is in any file of the service or in its log, in any spelling."""
    spellings = []
    for secret in story.secrets:
        spellings += [secret, secret.hex().encode(), json.dumps(secret.decode("latin-1")).encode()[1:-1]]
        # The middle of the base64 text, which is the same wherever the secret may begin in a larger one.
        for shift in range(3):
            spellings.append(base64.b64encode(bytes(shift) + secret)[4 * bool(shift) :].rstrip(b"=")[:-2])
    files = [path for path in story.data.rglob("*") if path.is_file()]
    assert len(files) > 4
    for content in [story.log, *(path.read_bytes() for path in files)]:
        assert not [text for text in spellings if text in content]
