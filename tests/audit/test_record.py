"""The CloudTrail record."""

import json
import re
import types
from datetime import UTC, datetime
from enum import Enum, StrEnum
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from strongroom.audit.record import encode
from strongroom.model.identity import Caller, PrincipalKind, Session
from strongroom.ports import AuditEvent

ROOT = Caller("Root", "111122223333", "arn:aws:iam::111122223333:root", "111122223333", "AKIAIOSFODNN7EXAMPLE")
KEY_ARN = "arn:aws:kms:us-west-2:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
MINIMAL = AuditEvent(
    event_id="91235988-eb87-476a-ac2c-0cdc244e6dca",
    request_id="a72b19b5-4b5c-4f5e-9f5a-2d0e1a1c1b1a",
    time=1752102420.9,
    name="GenerateRandom",
    source="kms.amazonaws.com",
    region="us-west-2",
    caller=ROOT,
    source_ip="192.0.2.0",
    user_agent="",
    read_only=True,
    recipient="111122223333",
)
FULL = msgspec.structs.replace(
    MINIMAL,
    name="Encrypt",
    user_agent="aws-cli/2.15",
    error_code="DisabledException",
    error_message="... is disabled.",
    request_parameters={"encryptionContext": {"Department": "IT"}, "keyId": KEY_ARN},
    response_elements={"keyId": KEY_ARN},
    additional_event_data={"keyMaterialId": "ab" * 32},
    service_event_details={"keyId": KEY_ARN},
    resources=(("111122223333", KEY_ARN),),
    shared_event_id="2b2c6e2e-0f3c-4f6e-8f0a-2b3c4d5e6f70",
    tls=("TLSv1.3", "TLS_AES_256_GCM_SHA384"),
    host="kms.us-west-2.amazonaws.com",
)
EXPECTED_MINIMAL: dict[str, Any] = {
    "eventVersion": "1.11",
    "userIdentity": {
        "type": "Root",
        "principalId": "111122223333",
        "arn": "arn:aws:iam::111122223333:root",
        "accountId": "111122223333",
        "accessKeyId": "AKIAIOSFODNN7EXAMPLE",
    },
    "eventTime": "2025-07-09T23:07:00Z",
    "eventSource": "kms.amazonaws.com",
    "eventName": "GenerateRandom",
    "awsRegion": "us-west-2",
    "sourceIPAddress": "192.0.2.0",
    "userAgent": "",
    "requestParameters": None,
    "responseElements": None,
    "requestID": "a72b19b5-4b5c-4f5e-9f5a-2d0e1a1c1b1a",
    "eventID": "91235988-eb87-476a-ac2c-0cdc244e6dca",
    "readOnly": True,
    "resources": [],
    "eventType": "AwsApiCall",
    "managementEvent": True,
    "recipientAccountId": "111122223333",
    "eventCategory": "Management",
}
EXPECTED_FULL = EXPECTED_MINIMAL | {
    "eventName": "Encrypt",
    "userAgent": "aws-cli/2.15",
    "errorCode": "DisabledException",
    "errorMessage": "... is disabled.",
    "requestParameters": {"encryptionContext": {"Department": "IT"}, "keyId": KEY_ARN},
    "responseElements": {"keyId": KEY_ARN},
    "additionalEventData": {"keyMaterialId": "ab" * 32},
    "serviceEventDetails": {"keyId": KEY_ARN},
    "resources": [{"accountId": "111122223333", "type": "AWS::KMS::Key", "ARN": KEY_ARN}],
    "sharedEventID": "2b2c6e2e-0f3c-4f6e-8f0a-2b3c4d5e6f70",
    "tlsDetails": {
        "tlsVersion": "TLSv1.3",
        "cipherSuite": "TLS_AES_256_GCM_SHA384",
        "clientProvidedHostHeader": "kms.us-west-2.amazonaws.com",
    },
}

DOCUMENTED = re.findall(
    r"^\| `(\w+)` \| (optional)? ?\|",
    (Path(__file__).parents[2] / "docs/reference/audit.md").read_text().partition("## What is never")[0],
    re.MULTILINE,
)


def one(event: AuditEvent) -> dict[str, Any]:
    """The only record of an event."""
    (record,) = json.loads(encode(event))
    assert isinstance(record, dict)
    return record


@pytest.mark.parametrize(
    ("event", "expected"), [(MINIMAL, EXPECTED_MINIMAL), (FULL, EXPECTED_FULL)], ids=["minimal", "full"]
)
def test_record_is_cloudtrails(event: AuditEvent, expected: dict[str, Any]) -> None:
    """A record has exactly the members of CloudTrail's examples, with their values."""
    assert one(event) == expected


def test_service_event_is_cloudtrails() -> None:
    """What the service does by itself has no caller and no request (CloudTrail User Guide, "AWS service events")."""
    event = msgspec.structs.replace(MINIMAL, request_id=None, caller=None, service_event_details={"keyId": KEY_ARN})
    expected = EXPECTED_MINIMAL | {
        "userIdentity": {"accountId": "111122223333", "invokedBy": "AWS Internal"},
        "eventType": "AwsServiceEvent",
        "serviceEventDetails": {"keyId": KEY_ARN},
    }
    assert one(event) == {name: value for name, value in expected.items() if name != "requestID"}


def test_full_record_has_every_documented_member_in_order() -> None:
    """The documentation lists what a record can hold, in the order in which it is written."""
    assert list(one(FULL)) == [name for name, _ in DOCUMENTED]


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
OBJECTS = st.dictionaries(st.text(), JSON_VALUES, max_size=4)
SESSIONS = st.builds(
    Session,
    issued_at=st.floats(0, 253402300799, exclude_max=True),
    expires_at=st.floats(0, 1e9),
    policy=st.none(),
    tags=st.just({}),
    transitive_tags=st.just(()),
)
EVENTS = st.builds(
    AuditEvent,
    request_id=st.none() | st.uuids().map(str),
    time=st.floats(0, 253402300799, exclude_max=True),
    caller=st.none() | st.builds(Caller, session=st.none() | SESSIONS),
    user_agent=st.text(st.characters(), max_size=20),
    error_code=st.none() | st.text(),
    error_message=st.none() | st.text(st.characters()),
    request_parameters=st.none() | OBJECTS,
    response_elements=st.none() | OBJECTS,
    additional_event_data=st.none() | OBJECTS,
    service_event_details=st.none() | OBJECTS,
    resources=st.lists(st.tuples(st.text(), st.text()), max_size=3).map(tuple),
    shared_event_id=st.none() | st.uuids().map(str),
    tls=st.none() | st.tuples(st.text(), st.text()),
    host=st.text(st.characters()),
)
WHEN_PRESENT = {
    "errorCode": "error_code",
    "errorMessage": "error_message",
    "additionalEventData": "additional_event_data",
    "requestID": "request_id",
    "serviceEventDetails": "service_event_details",
    "sharedEventID": "shared_event_id",
    "tlsDetails": "tls",
}


@given(EVENTS)
def test_any_event_is_valid_json_with_the_documented_members(event: AuditEvent) -> None:
    """Whatever a call held, its record is JSON, and has each documented member that applies and no other."""
    record = one(event)
    expected = [name for name, optional in DOCUMENTED if not optional or getattr(event, WHEN_PRESENT[name]) is not None]
    assert list(record) == expected
    assert record["requestParameters"] == event.request_parameters
    assert record["responseElements"] == event.response_elements
    assert record["eventTime"] == datetime.fromtimestamp(int(event.time), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def test_cross_account_pair_is_one_payload() -> None:
    """Each account gets its own record; the key's owner learns neither ARN nor access key of the caller."""
    owners = msgspec.structs.replace(FULL, event_id="other", recipient="444455556666")
    mine, theirs = json.loads(encode(FULL, owners))
    assert mine == EXPECTED_FULL
    assert theirs == EXPECTED_FULL | {
        "eventID": "other",
        "recipientAccountId": "444455556666",
        "userIdentity": {"type": "AWSAccount", "principalId": "111122223333", "accountId": "111122223333"},
    }


USER = Caller(
    "IAMUser",
    "111122223333",
    "arn:aws:iam::111122223333:user/ops/alice",
    "AIDACKCEVSQ6C2EXAMPLE",
    "AKIAIOSFODNN7EXAMPLE",
    PrincipalKind.USER,
    "alice",
)
SESSION = Session(name="run7", role_id="AROACKCEVSQ6C2EXAMPLE", issued_at=1752102000.0, expires_at=1752105600.0)
ASSUMED = Caller(
    "AssumedRole",
    "111122223333",
    "arn:aws:sts::111122223333:assumed-role/reader/run7",
    "AROACKCEVSQ6C2EXAMPLE:run7",
    "ASIAIOSFODNN7EXAMPLE",
    PrincipalKind.ROLE,
    "reader",
    SESSION,
    "arn:aws:iam::111122223333:role/ops/reader",
)
# The examples of CloudTrail User Guide, "CloudTrail userIdentity element", with our names.
EXPECTED_USER = {
    "type": "IAMUser",
    "principalId": "AIDACKCEVSQ6C2EXAMPLE",
    "arn": "arn:aws:iam::111122223333:user/ops/alice",
    "accountId": "111122223333",
    "accessKeyId": "AKIAIOSFODNN7EXAMPLE",
    "userName": "alice",
}
EXPECTED_ASSUMED = {
    "type": "AssumedRole",
    "principalId": "AROACKCEVSQ6C2EXAMPLE:run7",
    "arn": "arn:aws:sts::111122223333:assumed-role/reader/run7",
    "accountId": "111122223333",
    "accessKeyId": "ASIAIOSFODNN7EXAMPLE",
    "sessionContext": {
        "sessionIssuer": {
            "type": "Role",
            "principalId": "AROACKCEVSQ6C2EXAMPLE",
            "arn": "arn:aws:iam::111122223333:role/ops/reader",
            "accountId": "111122223333",
            "userName": "reader",
        },
        "attributes": {"creationDate": "2025-07-09T23:00:00Z", "mfaAuthenticated": "false"},
    },
}


@pytest.mark.parametrize(
    ("caller", "expected"), [(USER, EXPECTED_USER), (ASSUMED, EXPECTED_ASSUMED)], ids=["user", "session"]
)
def test_who_called_is_told_as_cloudtrail_does(caller: Caller, expected: dict[str, Any]) -> None:
    """A user has its name; a session the role that it is of and its begin; in CloudTrail's order."""
    identity = one(msgspec.structs.replace(MINIMAL, caller=caller))["userIdentity"]
    assert (identity, list(identity)) == (expected, list(expected))


@pytest.mark.parametrize(
    ("arn", "expected"),
    [
        (KEY_ARN, "AWS::KMS::Key"),
        ("arn:aws:kms:us-west-2:111122223333:alias/iam:role/x", "AWS::KMS::Key"),
        ("arn:aws-cn:iam::111122223333:role/ops/reader", "AWS::IAM::Role"),
    ],
    ids=["key", "alias", "role"],
)
def test_resources_have_their_types(arn: str, expected: str) -> None:
    """Keys and aliases have one type, as in AWS's records; the role of an AssumeRole has its own."""
    event = msgspec.structs.replace(MINIMAL, resources=(("111122223333", arn),))
    assert one(event)["resources"] == [{"accountId": "111122223333", "type": expected, "ARN": arn}]


def test_who_is_behind_a_session_is_told() -> None:
    """A source identity is in the context of its session."""
    caller = msgspec.structs.replace(ASSUMED, session=msgspec.structs.replace(SESSION, source_identity="alice"))
    context = one(msgspec.structs.replace(MINIMAL, caller=caller))["userIdentity"]["sessionContext"]
    assert context == EXPECTED_ASSUMED["sessionContext"] | {"sourceIdentity": "alice"}  # type: ignore[operator]


@pytest.mark.parametrize("caller", [USER, ASSUMED], ids=["user", "session"])
def test_another_account_learns_an_id_and_no_name(caller: Caller) -> None:
    """In the record of the key's owner a user or a session is its unique id and its account."""
    owners = msgspec.structs.replace(FULL, caller=caller, recipient="444455556666")
    assert one(owners)["userIdentity"] == {
        "type": "AWSAccount",
        "principalId": caller.principal_id,
        "accountId": "111122223333",
    }


@pytest.mark.parametrize(
    ("sent", "logged"),
    {
        "at the limit": ("a" * 1024, "a" * 1024),
        "over": ("a" * 1025, "a" * 1024),
        "cut between characters": ("ab" + "\u20ac" * 400, "ab" + "\u20ac" * 340),
        "not UTF-8": ("a\udce4b", "a?b"),
    }.values(),
)
def test_texts_are_cut_to_their_limit(sent: str, logged: str) -> None:
    """User agent, error message and Host take 1 KB at most, and stay valid text."""
    record = one(msgspec.structs.replace(FULL, user_agent=sent, error_message=sent, host=sent))
    assert record["userAgent"] == record["errorMessage"] == logged
    assert record["tlsDetails"]["clientProvidedHostHeader"] == logged


@pytest.mark.parametrize(
    ("field", "member", "limit"),
    [
        ("request_parameters", "requestParameters", 102_400),
        ("response_elements", "responseElements", 102_400),
        ("additional_event_data", "additionalEventData", 28_672),
    ],
)
def test_large_objects_are_left_out_with_a_note(field: str, member: str, limit: int) -> None:
    """An object at its limit is kept; one byte more, and the record says what was left out and how large it was."""
    fits = {"a": "x" * (limit - len('{"a":""}'))}
    over = {"a": fits["a"] + "x"}
    assert one(msgspec.structs.replace(FULL, **{field: fits}))[member] == fits
    note = {"reason": f"{member} too large", "omitted": True, "originalSize": limit + 1}
    assert one(msgspec.structs.replace(FULL, **{field: over})) == EXPECTED_FULL | {member: note}


@pytest.mark.parametrize("field", ["request_parameters", "response_elements", "additional_event_data"])
@pytest.mark.parametrize(
    "members",
    {
        "plain": {"plaintext": b"secret"},
        "nested": {"keyId": "k", "tags": [{"tagKey": b"secret"}]},
        "in a tuple": {"grantTokens": ("a", bytearray(b"secret"))},
        "as a name": {b"secret": "a"},
        "an object of ours": {"caller": ROOT},
        "enumeration of bytes": {"purpose": Enum("Purpose", {"WRAP": b"secret"}).WRAP},  # type: ignore[attr-defined]
    }.values(),
)
def test_bytes_are_never_logged(field: str, members: dict[Any, Any]) -> None:
    """No member may hold raw bytes, at any depth, or an object that might; the encoder would write them as base64."""
    with pytest.raises(TypeError, match="JSON values only"):
        encode(msgspec.structs.replace(FULL, **{field: members}))


class Usage(StrEnum):
    """An enumeration as the core has them."""

    SIGN = "SIGN_VERIFY"


def test_values_of_the_core_become_json() -> None:
    """Read-only views, tuples and enumerations, as the core holds them, are written as objects, lists and texts."""
    context = types.MappingProxyType({"a": ("b", Usage.SIGN)})
    record = one(msgspec.structs.replace(FULL, request_parameters=types.MappingProxyType({"c": context})))
    assert record["requestParameters"] == {"c": {"a": ["b", "SIGN_VERIFY"]}}
