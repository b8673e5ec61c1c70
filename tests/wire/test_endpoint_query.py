"""The endpoint in XML: which service a form is for, whom its signature must be scoped to, and how refusals are said."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from msgspec.structs import replace

from strongroom.operations.iam import IAM
from strongroom.operations.sts import STS
from strongroom.wire.endpoint import _regions_of
from tests.core import ACCOUNT
from tests.wire.rim import Reply, Rim, open_rim, post, post_form

XML = b"text/xml"
CREATE = {"Action": "CreateUser", "Version": "2010-05-08", "UserName": "bob"}


@pytest.fixture
def rim(tmp_path: Path) -> Iterator[Rim]:
    """An endpoint of the test's own."""
    with open_rim(tmp_path) as opened:
        yield opened


def said(answer: Reply) -> tuple[int, str, str]:
    """Status, code and message of a refusal in XML, whose request id must be that of the header."""
    assert answer.content_type == XML
    root = ET.fromstring(re.sub(rb' xmlns="[^"]*"', b"", answer.body))  # noqa: S314 - our own
    assert root.findtext("RequestId") == answer.request_id
    return answer.status, root.findtext("Error/Code") or "", root.findtext("Error/Message") or ""


def test_a_form_is_answered_in_xml(rim: Rim) -> None:
    """Status, content type and request id; the call has its record and its count, in IAM's name."""
    answer = rim.call("iam:CreateUser", UserName="bob")
    assert (answer.status, answer.content_type) == (200, XML)
    assert f"<RequestId>{answer.request_id}</RequestId>".encode() in answer.body
    (record,) = rim.records()
    assert (record["eventSource"], record["eventName"]) == ("iam.amazonaws.com", "CreateUser")
    assert record["requestID"] == answer.request_id
    assert rim.counted() == {("CreateUser", "OK"): 1}


def test_json_goes_on_beside_it(rim: Rim) -> None:
    """A call of KMS on the same endpoint is answered in JSON."""
    assert rim.call("iam:CreateUser", UserName="bob").content_type == XML
    assert rim.call("ListKeys").content_type == b"application/x-amz-json-1.1"


def test_a_proven_refusal(rim: Rim) -> None:
    """It is said in XML, with Query's code and status; its record has the same code."""
    rim.call("iam:CreateUser", UserName="bob")
    answer = rim.call("iam:CreateUser", UserName="bob")
    assert said(answer) == (409, "EntityAlreadyExists", "User with name bob already exists.")
    assert [record.get("errorCode") for record in rim.records()] == [None, "EntityAlreadyExists"]
    assert rim.counted()["CreateUser", "EntityAlreadyExists"] == 1


def test_an_unknown_action_of_a_proven_caller(rim: Rim) -> None:
    """It is refused in XML and leaves a record in the service's name, as an unknown target does."""
    answer = rim.ask(post_form({"Action": "Frobnicate", "Version": "2011-06-15"}, service="sts"))
    assert said(answer) == (400, "InvalidAction", "Could not find operation Frobnicate for version 2011-06-15")
    (record,) = rim.records()
    assert (record["eventSource"], record["eventName"]) == ("sts.amazonaws.com", "Frobnicate")
    assert record["errorCode"] == "InvalidAction"
    assert list(rim.counted()) == [("unknown", "InvalidAction")]


def test_a_form_of_another_service_is_turned_away(rim: Rim) -> None:
    """It is refused in XML before its signature is looked at, and leaves no record."""
    answer = rim.ask(post_form({"Action": "SendMessage", "Version": "2012-11-05"}, service="sqs"))
    assert said(answer) == (400, "InvalidAction", "Could not find operation SendMessage for version 2012-11-05")
    assert (rim.records(), rim.counted()) == ([], {("unproven", "InvalidAction"): 1})


UNPROVEN: dict[str, tuple[dict[str, Any], int, str]] = {
    "a wrong secret": ({"secret": "wrong"}, 403, "SignatureDoesNotMatch"),
    "an unknown key": ({"access_key": "AKIAIOSFODNN7EXAMPLE"}, 403, "InvalidClientTokenId"),
    "KMS's scope": ({"service": "kms"}, 403, "SignatureDoesNotMatch"),
    "the other Query service's scope": ({"service": "sts"}, 403, "SignatureDoesNotMatch"),
    "a Region that is not served": ({"region": "us-west-1"}, 403, "SignatureDoesNotMatch"),
}


@pytest.mark.parametrize("case", UNPROVEN)
def test_a_refusal_before_proof(rim: Rim, case: str) -> None:
    """What is wrong with a signature is said in XML, with Query's code and status; no record."""
    signing, status, code = UNPROVEN[case]
    answer = rim.ask(post_form(CREATE, **({"service": "iam"} | signing)))
    assert said(answer)[:2] == (status, code)
    assert (rim.records(), rim.counted()) == ([], {("unproven", code): 1})


def test_no_signature(rim: Rim) -> None:
    """The same for a request without one."""
    request = post_form(CREATE, service="iam")
    headers = [header for header in request.headers if header[0] != b"authorization"]
    assert said(rim.ask(replace(request, headers=headers)))[:2] == (403, "MissingAuthenticationToken")


def test_a_signature_for_iam_does_not_open_kms(rim: Rim) -> None:
    """Each service's requests are scoped to it alone."""
    answer = rim.ask(post(b"{}", service="iam"))
    assert answer.json["__type"] == "InvalidSignatureException"
    assert "correct service: 'kms'" in answer.json["message"]


def test_a_malformed_form(rim: Rim) -> None:
    """It is the proven caller's fault, on record, in XML."""
    answer = rim.ask(post_form(CREATE | {"UserName.x": "y"}, service="iam"))
    assert said(answer)[:2] == (400, "MalformedInput")
    (record,) = rim.records()
    assert (record["eventName"], record["errorCode"]) == ("CreateUser", "MalformedInput")


def test_a_new_access_key_signs_at_once(rim: Rim) -> None:
    """Its user is who calls, and may do nothing yet."""
    rim.call("iam:CreateUser", UserName="bob")
    made = rim.call("iam:CreateAccessKey", UserName="bob").body.decode()
    access_key, secret = (
        re.findall(f"<{name}>([^<]*)</{name}>", made)[0] for name in ("AccessKeyId", "SecretAccessKey")
    )
    answer = rim.ask(post(b"{}", access_key=access_key, secret=secret))
    assert answer.json["__type"] == "AccessDeniedException"
    assert f"arn:aws:iam::{ACCOUNT}:user/bob is not authorized" in answer.json["message"]


SERVED = {
    frozenset({"eu-west-3"}): {"eu-west-3", "us-east-1"},
    frozenset({"cn-northwest-1"}): {"cn-northwest-1", "cn-north-1"},
    frozenset({"us-gov-east-1", "eu-west-3"}): {"us-gov-east-1", "us-gov-west-1", "eu-west-3", "us-east-1"},
    frozenset({"cellar-1"}): {"cellar-1", "us-east-1"},
}


@pytest.mark.parametrize(("served", "expected"), SERVED.items())
def test_a_service_has_a_home_in_each_partition_served(served: frozenset[str], expected: set[str]) -> None:
    """IAM's signatures may name its home beside the Regions that are served, in their partitions alone."""
    assert _regions_of(IAM, served) == expected
    assert _regions_of(STS, frozenset({"eu-west-3"})) == {"eu-west-3", "us-east-1"}
