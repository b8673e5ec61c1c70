"""Keys through boto3: CreateKey, DescribeKey, ListKeys, EnableKey, DisableKey, UpdateKeyDescription, deletion."""

import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.compat.calls import ACCOUNT, REGION, account, id_of, members, new_key, post, refusal
from tests.support import Server

UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}\Z")
DAY = timedelta(days=1)


def described(kms: Any, key: str) -> dict[str, Any]:
    """The KeyMetadata of a key."""
    answer = members(kms.describe_key(KeyId=key))
    assert list(answer) == ["KeyMetadata"]
    metadata: dict[str, Any] = answer["KeyMetadata"]
    return metadata


def test_create_key_answers_the_metadata_of_a_symmetric_key(kms: Any) -> None:
    """CreateKey without arguments answers exactly AWS's members, with AWS's defaults."""
    before = datetime.now(UTC)
    answer = members(kms.create_key())
    assert list(answer) == ["KeyMetadata"]
    metadata = answer["KeyMetadata"]
    key_id, created = metadata.pop("KeyId"), metadata.pop("CreationDate")
    material_id = metadata.pop("CurrentKeyMaterialId")
    assert UUID.match(key_id)
    assert re.fullmatch("[0-9a-f]{64}", material_id)
    assert before - timedelta(seconds=2) <= created <= datetime.now(UTC) + timedelta(seconds=2)
    assert metadata == {
        "AWSAccountId": ACCOUNT,
        "Arn": f"arn:aws:kms:{REGION}:{ACCOUNT}:key/{key_id}",
        "CustomerMasterKeySpec": "SYMMETRIC_DEFAULT",
        "Description": "",
        "Enabled": True,
        "EncryptionAlgorithms": ["SYMMETRIC_DEFAULT"],
        "KeyManager": "CUSTOMER",
        "KeySpec": "SYMMETRIC_DEFAULT",
        "KeyState": "Enabled",
        "KeyUsage": "ENCRYPT_DECRYPT",
        "MultiRegion": False,
        "Origin": "AWS_KMS",
    }


def test_describe_key_shows_what_create_key_answered(kms: Any) -> None:
    """DescribeKey answers the metadata that CreateKey answered."""
    created = kms.create_key(Description="for letters: é ü 漢 🔑")["KeyMetadata"]
    assert described(kms, created["KeyId"]) == created
    assert created["Description"] == "for letters: é ü 漢 🔑"


@pytest.mark.parametrize("name", ["KeySpec", "CustomerMasterKeySpec"])
def test_both_names_of_the_spec_are_taken(kms: Any, name: str) -> None:
    """KeySpec and its old name mean the same."""
    metadata = kms.create_key(**{name: "SYMMETRIC_DEFAULT"}, KeyUsage="ENCRYPT_DECRYPT")["KeyMetadata"]
    assert (metadata["KeySpec"], metadata["CustomerMasterKeySpec"]) == ("SYMMETRIC_DEFAULT", "SYMMETRIC_DEFAULT")


CREATE_REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "both specs": ({"KeySpec": "SYMMETRIC_DEFAULT", "CustomerMasterKeySpec": "SYMMETRIC_DEFAULT"}, "Validation"),
    "a usage that the spec has not": ({"KeyUsage": "SIGN_VERIFY"}, "Validation"),
    "no such spec": ({"KeySpec": "AES_256"}, "Validation"),
    "no such usage": ({"KeyUsage": "ENCRYPT"}, "Validation"),
    "no such origin": ({"Origin": "HERE"}, "Validation"),
    "description over 8192": ({"Description": "d" * 8193}, "Validation"),
    "policy that is no JSON": ({"Policy": "allow me"}, "MalformedPolicyDocument"),
    "policy over 32768 bytes": ({"Policy": '{"Id":"' + "i" * 32768 + '"}'}, "LimitExceeded"),
    "tag twice": ({"Tags": [{"TagKey": "a", "TagValue": str(value)} for value in range(2)]}, "Tag"),
    "51 tags": ({"Tags": [{"TagKey": str(key), "TagValue": ""} for key in range(51)]}, "Tag"),
    "a tag of AWS's": ({"Tags": [{"TagKey": "aws:x", "TagValue": ""}]}, "Tag"),
}


@pytest.mark.parametrize("name", CREATE_REFUSED)
def test_create_key_refuses(lonely: Any, name: str) -> None:
    """What CreateKey cannot do is refused by AWS's name, and makes no key."""
    wanted, code = CREATE_REFUSED[name]
    assert refusal(lonely.create_key, **wanted).code == f"{code}Exception"
    assert lonely.list_keys()["Keys"] == []


def test_all_faults_of_a_request_come_in_one_message(kms: Any) -> None:
    """Several broken constraints are named together, in AWS's wording."""
    code, message = refusal(kms.create_key, KeySpec="X", KeyUsage="Y", Description="d" * 8193)
    assert code == "ValidationException"
    assert message.startswith("3 validation errors detected: ")
    for member, value in (("keySpec", "X"), ("keyUsage", "Y")):
        assert f"Value '{value}' at '{member}' failed to satisfy constraint: Member must satisfy enum value set:" in (
            message
        )
    assert "' at 'description' failed to satisfy constraint: Member must have length less than or equal to 8192" in (
        message
    )


def test_list_keys_pages_through_all_keys_once(lonely: Any) -> None:
    """The paginator meets each key once, whatever the page size; other accounts' keys never."""
    arns = sorted(new_key(lonely) for _ in range(7))
    for size, pages in ((1, 7), (3, 3), (7, 1), (1000, 1)):
        found = [
            members(page) for page in lonely.get_paginator("list_keys").paginate(PaginationConfig={"PageSize": size})
        ]
        assert len(found) == pages
        assert sorted(entry["KeyArn"] for page in found for entry in page["Keys"]) == arns
        assert [page["Truncated"] for page in found] == [True] * (pages - 1) + [False]
        assert all(("NextMarker" in page) == page["Truncated"] for page in found)
        assert all(set(entry) == {"KeyId", "KeyArn"} for page in found for entry in page["Keys"])
        assert all(id_of(entry["KeyArn"]) == entry["KeyId"] for page in found for entry in page["Keys"])


def test_list_keys_of_an_empty_account(lonely: Any) -> None:
    """An account without keys has an empty list that is not truncated."""
    assert members(lonely.list_keys()) == {"Keys": [], "Truncated": False}


def test_list_keys_answers_100_keys_by_default(lonely: Any) -> None:
    """The page of ListKeys without Limit has 100 keys."""
    for _ in range(101):
        new_key(lonely)
    first = lonely.list_keys()
    second = lonely.list_keys(Marker=first["NextMarker"])
    assert (len(first["Keys"]), first["Truncated"]) == (100, True)
    assert (len(second["Keys"]), second["Truncated"]) == (1, False)


def test_list_keys_by_owner(lonely: Any) -> None:
    """Own keys come under SELF; none is shared from other accounts."""
    arn = new_key(lonely)
    assert [entry["KeyArn"] for entry in lonely.list_keys(ResourceOwners=["SELF"])["Keys"]] == [arn]
    shared = members(lonely.list_keys(ResourceOwners=["OTHER_ACCOUNTS_VIA_RAM"]))
    assert shared == {"Keys": [], "Truncated": False}


@pytest.mark.parametrize("limit", [0, 1001])
def test_list_keys_refuses_a_limit_out_of_range(server: Server, limit: int) -> None:
    """Limit is 1 to 1000."""
    assert post(server, "ListKeys", {"Limit": limit}).fault == "ValidationException"


@pytest.mark.parametrize("marker", ["x", "AAAAAAAAAAAAAAAA", "é" * 10])
def test_list_keys_refuses_a_marker_that_is_none(kms: Any, marker: str) -> None:
    """A marker that no list made is InvalidMarkerException."""
    assert refusal(kms.list_keys, Marker=marker).code == "InvalidMarkerException"


def test_a_marker_is_good_for_its_own_list_only(lonely: Any) -> None:
    """A marker of ListKeys is refused by ListAliases."""
    for _ in range(2):
        new_key(lonely)
    marker = lonely.list_keys(Limit=1)["NextMarker"]
    assert refusal(lonely.list_aliases, Marker=marker).code == "InvalidMarkerException"


def test_disable_and_enable(kms: Any, key: str) -> None:
    """DisableKey and EnableKey have empty answers and switch state and Enabled, again and again."""
    for call, state in ((kms.disable_key, "Disabled"), (kms.enable_key, "Enabled")):
        for _ in range(2):
            assert members(call(KeyId=key)) == {}
            metadata = described(kms, key)
            assert (metadata["KeyState"], metadata["Enabled"]) == (state, state == "Enabled")


@pytest.mark.parametrize("text", ["", "new", "d" * 8192, "漢字"])
def test_update_key_description(kms: Any, text: str) -> None:
    """The description is replaced, the rest stays."""
    created = kms.create_key(Description="old")["KeyMetadata"]
    assert members(kms.update_key_description(KeyId=created["Arn"], Description=text)) == {}
    assert described(kms, created["Arn"]) == created | {"Description": text}


def test_a_description_over_8192_is_refused(kms: Any, key: str) -> None:
    """A description of 8193 characters breaks its constraint, and nothing changes."""
    long = "d" * 8193
    assert refusal(kms.update_key_description, KeyId=key, Description=long).code == "ValidationException"
    assert described(kms, key)["Description"] == ""


@pytest.mark.parametrize(
    ("wanted", "days"), [({}, 30), ({"PendingWindowInDays": 7}, 7), ({"PendingWindowInDays": 30}, 30)]
)
def test_schedule_key_deletion(kms: Any, key: str, wanted: dict[str, int], days: int) -> None:
    """The answer names the key by its ARN, its state and the date; DescribeKey shows the date."""
    before = datetime.now(UTC)
    answer = members(kms.schedule_key_deletion(KeyId=id_of(key), **wanted))
    at = answer.pop("DeletionDate")
    assert answer == {"KeyId": key, "KeyState": "PendingDeletion", "PendingWindowInDays": days}
    assert before + days * DAY - timedelta(seconds=2) <= at <= datetime.now(UTC) + days * DAY + timedelta(seconds=2)
    metadata = described(kms, key)
    assert (metadata["KeyState"], metadata["Enabled"], metadata["DeletionDate"]) == ("PendingDeletion", False, at)
    assert "PendingDeletionWindowInDays" not in metadata


@pytest.mark.parametrize("days", [0, 1, 6, 31, 365, 366])
def test_a_window_out_of_7_to_30_days_is_refused(server: Server, kms: Any, key: str, days: int) -> None:
    """PendingWindowInDays is 7 to 30."""
    answer = post(server, "ScheduleKeyDeletion", {"KeyId": key, "PendingWindowInDays": days})
    assert (answer.status, answer.fault) == (400, "ValidationException")
    assert described(kms, key)["KeyState"] == "Enabled"


def test_cancel_key_deletion(kms: Any, key: str) -> None:
    """A key that is kept is Disabled, has no deletion date, and can be enabled and used again."""
    blob = kms.encrypt(KeyId=key, Plaintext=b"kept")["CiphertextBlob"]
    kms.schedule_key_deletion(KeyId=key)
    assert members(kms.cancel_key_deletion(KeyId=id_of(key))) == {"KeyId": key}
    metadata = described(kms, key)
    assert (metadata["KeyState"], metadata["Enabled"], "DeletionDate" in metadata) == ("Disabled", False, False)
    kms.enable_key(KeyId=key)
    assert kms.decrypt(CiphertextBlob=blob)["Plaintext"] == b"kept"


@pytest.mark.parametrize(
    ("region", "partition"), [("eu-west-1", "aws"), ("cn-north-1", "aws-cn"), ("us-gov-west-1", "aws-us-gov")]
)
def test_a_key_lives_in_the_region_of_the_signature(server: Server, region: str, partition: str) -> None:
    """The ARN has the Region of the credential scope, its partition and the caller's account."""
    caller = account()
    metadata = server.client(region, caller).create_key()["KeyMetadata"]
    assert metadata["Arn"] == f"arn:{partition}:kms:{region}:{caller}:key/{metadata['KeyId']}"
    assert metadata["AWSAccountId"] == caller


@pytest.mark.parametrize(
    ("operation", "body", "content"),
    [("DisableKey", None, b""), ("EnableKey", None, b""), ("ListKeys", {"Limit": 1}, None), ("CreateKey", {}, None)],
)
def test_the_wire_answer(
    server: Server, key: str, operation: str, body: dict[str, Any] | None, content: bytes | None
) -> None:
    """Success is HTTP 200 with AWS's content type and a request id; an operation without output has no body."""
    answer = post(server, operation, {"KeyId": key} if body is None else body)
    assert answer.status == 200
    assert answer.headers["content-type"] == "application/x-amz-json-1.1"
    assert UUID.match(answer.headers["x-amzn-requestid"])
    if content is not None:
        assert (answer.body, answer.headers["content-length"]) == (content, "0")


def test_the_wire_refusal(server: Server) -> None:
    """A refusal is HTTP 400 with AWS's content type, a request id, and a body of type and message."""
    answer = post(server, "DescribeKey", {"KeyId": "foo"})
    assert answer.status == 400
    assert answer.headers["content-type"] == "application/x-amz-json-1.1"
    assert UUID.match(answer.headers["x-amzn-requestid"])
    assert json.loads(answer.body) == {"__type": "NotFoundException", "message": "Invalid keyId 'foo'"}
