"""The AWS Query protocol, judged by botocore's own serializer and parser."""

import contextlib
import datetime as dt
import re
import string
from typing import Annotated, Any
from urllib.parse import quote_plus, urlencode
from xml.etree import ElementTree as ET

import pytest
from botocore.loaders import Loader
from botocore.model import ServiceModel
from botocore.parsers import create_parser
from botocore.serialize import create_serializer
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Meta, field, structs

from strongroom.model import errors
from strongroom.model.errors import Fault, SerializationException, ValidationException
from strongroom.operations.iam import IAM
from strongroom.operations.iam.roles import CreateRoleRequest, ListRolesResponse, Role, RoleResponse
from strongroom.operations.iam.users import CreateUserRequest, ListUsersRequest
from strongroom.operations.query import MAX_FIELDS, MAX_PARTS, decode_form
from strongroom.operations.shapes import Request, Response

MODEL = ServiceModel(Loader().load_service_model("iam", "service-2", "2010-05-08"))
SERIALIZER = create_serializer("query", include_validation=False)
PARSER = create_parser("query")
REQUEST_ID = "6c0a9b4d-5f5f-4f0e-a5f1-0d9d0a1f7a3e"
XMLNS = "https://iam.amazonaws.com/doc/2010-05-08/"

# Text that may stand in a role's description (the model's pattern), hard for forms and for XML alike.
TEXTS = st.text(st.sampled_from(string.printable[:95] + "\t\n\r\u00a1\u00e9\u00ff"), max_size=40)


def form(operation: str, **members: Any) -> bytes:
    """The body that botocore sends."""
    fields = SERIALIZER.serialize_to_request(members, MODEL.operation_model(operation))["body"]
    return urlencode(fields).encode()


def parsed(operation: str, body: bytes, status: int = 200) -> dict[str, Any]:
    """What botocore makes of an answer."""
    response = {"status_code": status, "headers": {}, "body": body}
    found: dict[str, Any] = PARSER.parse(response, MODEL.operation_model(operation).output_shape)
    return found


# --- requests ---


class Inner(Request, frozen=True, kw_only=True):
    """A structure in a list."""

    key: Annotated[str, Meta(min_length=1)]
    value: str = ""


class Sample(Request, frozen=True, kw_only=True):
    """All kinds of members that requests of Query services have."""

    name: str | None = None
    count: Annotated[int, Meta(ge=1)] | None = None
    switch: bool | None = None
    items: tuple[str, ...] | None = None
    tags: tuple[Inner, ...] | None = None
    nested: Inner | None = None
    small: str | None = field(name="arn", default=None)


DECODED = {
    "nothing": (b"", Sample()),
    "only what is not ours": (b"Action=X&Version=2010-05-08&Unknown.member.1=y", Sample()),
    "a text": (b"Name=a%2Bb+c%26%C3%A9", Sample(name="a+b c&é")),
    "an empty text": (b"Name=", Sample(name="")),
    "a number": (b"Count=17", Sample(count=17)),
    "a number with zeros": (b"Count=007", Sample(count=7)),
    "true": (b"Switch=true", Sample(switch=True)),
    "false": (b"Switch=False", Sample(switch=False)),
    "a list": (b"Items.member.2=b&Items.member.10=c&Items.member.1=a", Sample(items=("a", "b", "c"))),
    "a list with gaps": (b"Items.member.9=b&Items.member.3=a", Sample(items=("a", "b"))),
    "an empty list": (b"Items=", Sample(items=())),
    "structures": (
        b"Tags.member.1.Key=k&Tags.member.1.Value=v&Tags.member.2.Key=l",
        Sample(tags=(Inner(key="k", value="v"), Inner(key="l"))),
    ),
    "a structure": (b"Nested.Key=k&Nested.Other=1", Sample(nested=Inner(key="k"))),
    "a name of its own": (b"arn=x", Sample(small="x")),
    "another letter case": (b"name=x", Sample()),
    "names too deep for any member": (b".".join([b"Name"] * (MAX_PARTS + 1)) + b"=x", Sample()),
    "as many fields as may be": (b"&".join(b"X%d=" % n for n in range(MAX_FIELDS)), Sample()),
}


@pytest.mark.parametrize("case", DECODED)
def test_a_form_becomes_a_request(case: str) -> None:
    """Texts, numbers, truth values, lists by their numbers, and structures; what is unknown is passed over."""
    body, expected = DECODED[case]
    assert structs.asdict(decode_form(Sample, body)) == structs.asdict(expected)


MALFORMED = {
    "no form": b"just text",
    "JSON": b'{"Name": "x"}',
    "no UTF-8": b"Name=\xff",
    "no UTF-8, encoded": b"Name=%FF",
    "too many fields": b"&".join(b"X%d=" % n for n in range(MAX_FIELDS + 1)),
    "a repeated member": b"Name=a&Name=b",
    "a repeated member that is not ours": b"Action=a&Action=b",
    "a text and a structure": b"Name=a&Name.x=b",
    "a structure and a text": b"Name.x=b&Name=a",
    "a structure for a text": b"Name.x=a",
    "a structure for a number": b"Count.member.1=4",
    "a text for a structure": b"Nested=a",
    "a text for a list": b"Items=a",
    "a text for the items of a list": b"Items.member=a",
    "a list that is named otherwise": b"Items.entry.1=a",
    "a list from zero": b"Items.member.0=a",
    "a list by names": b"Items.member.x=a",
    "a list with a huge number": b"Items.member.99999=a",
    "a list with a number in another script": "Items.member.\u0661=a".encode(),
    "texts for structures": b"Tags.member.1=a",
    "no number": b"Count=abc",
    "half a number": b"Count=1.5",
    "an empty number": b"Count=",
    "a number that is too long": b"Count=" + b"9" * 5000,
    "neither true nor false": b"Switch=yes",
    "an empty truth value": b"Switch=",
}


@pytest.mark.parametrize("case", MALFORMED)
def test_a_malformed_form_is_refused(case: str) -> None:
    """One fault, whatever it is; the text holds nothing of the body, and no other exception drags it along."""
    with pytest.raises(SerializationException) as caught:
        decode_form(Sample, MALFORMED[case])
    assert caught.value.__context__ is None
    assert "abc" not in caught.value.message


def test_broken_constraints_are_worded_as_for_json() -> None:
    """All of them in one message, at the members' paths."""
    with pytest.raises(ValidationException) as caught:
        decode_form(Sample, b"Count=0&Tags.member.1.Key=")
    assert caught.value.message == (
        "2 validation errors detected: Value '0' at 'count' failed to satisfy constraint: Member must have value "
        "greater than or equal to 1; Value '' at 'tags.1.member.key' failed to satisfy constraint: Member must have "
        "length greater than or equal to 1"
    )


def test_a_required_member_is_asked_for() -> None:
    """As AWS words it."""
    with pytest.raises(ValidationException, match="Value null at 'userName' failed to satisfy constraint"):
        decode_form(CreateUserRequest, b"Action=CreateUser")


@given(
    name=st.text("abcXYZ019+=,.@-_", min_size=1, max_size=64),
    description=TEXTS,
    seconds=st.integers(3600, 43200),
    tags=st.lists(st.tuples(st.text("ab /é", min_size=1, max_size=5), st.text("ab:@é ", max_size=5)), max_size=12),
)
def test_what_botocore_writes_is_read(name: str, description: str, seconds: int, tags: list[tuple[str, str]]) -> None:
    """A form that botocore makes of members becomes a request with these members."""
    body = form(
        "CreateRole",
        RoleName=name,
        AssumeRolePolicyDocument="{}",
        Description=description,
        MaxSessionDuration=seconds,
        Tags=[{"Key": key, "Value": value} for key, value in tags],
    )
    request = decode_form(CreateRoleRequest, body)
    assert (request.role_name, request.description, request.max_session_duration) == (name, description, seconds)
    assert [(tag.key, tag.value) for tag in request.tags] == tags


@given(st.lists(st.tuples(st.text("NameTgs.mbr1207", max_size=24), st.text(max_size=8)), max_size=12))
def test_no_form_breaks_the_reader(fields: list[tuple[str, str]]) -> None:
    """Whatever is sent, it is a request or one of AWS's faults."""
    body = "&".join(f"{quote_plus(name)}={quote_plus(value)}" for name, value in fields).encode()
    with contextlib.suppress(SerializationException, ValidationException):
        assert isinstance(decode_form(Sample, body), Sample)


@given(st.binary(max_size=64))
def test_no_bytes_break_the_reader(body: bytes) -> None:
    """The same for what is no form."""
    with contextlib.suppress(SerializationException, ValidationException):
        assert isinstance(decode_form(Sample, body), Sample)


def test_a_deep_name_takes_no_stack() -> None:
    """A megabyte of dots is passed over."""
    assert decode_form(ListUsersRequest, b"." * 1_000_000 + b"=x") == ListUsersRequest()


# --- answers ---


def role(**changes: Any) -> Role:
    """A role in an answer."""
    members: dict[str, Any] = {
        "path": "/",
        "role_name": "r",
        "role_id": "AROA1",
        "arn": "arn:aws:iam::1:role/r",
        "create_date": 1_795_860_000.9,
        "assume_role_policy_document": "%7B%7D",
        "max_session_duration": 3600,
    }
    return Role(**(members | changes))


def answer(operation: str, response: Response | None) -> bytes:
    """The body of an answer of IAM."""
    return IAM.protocol.answer(operation, response, REQUEST_ID)


def test_an_answer_byte_for_byte() -> None:
    """Elements, wrapper and namespace are as the IAM API Reference shows them; what is left out is not there."""
    body = answer("GetRole", RoleResponse(role=role()))
    assert body.decode() == (
        f'<GetRoleResponse xmlns="{XMLNS}"><GetRoleResult><Role><Path>/</Path><RoleName>r</RoleName>'
        "<RoleId>AROA1</RoleId><Arn>arn:aws:iam::1:role/r</Arn><CreateDate>2026-11-28T10:00:00Z</CreateDate>"
        "<AssumeRolePolicyDocument>%7B%7D</AssumeRolePolicyDocument><MaxSessionDuration>3600</MaxSessionDuration>"
        f"</Role></GetRoleResult><ResponseMetadata><RequestId>{REQUEST_ID}</RequestId></ResponseMetadata>"
        "</GetRoleResponse>"
    )


def test_an_answer_without_output() -> None:
    """It holds the request id alone."""
    assert answer("DeleteRole", None).decode() == (
        f'<DeleteRoleResponse xmlns="{XMLNS}"><ResponseMetadata><RequestId>{REQUEST_ID}</RequestId>'
        "</ResponseMetadata></DeleteRoleResponse>"
    )


@given(st.lists(TEXTS, max_size=4), st.booleans(), st.one_of(st.none(), TEXTS.filter(bool)))
def test_what_is_written_botocore_reads(descriptions: list[str], truncated: bool, marker: str | None) -> None:  # noqa: FBT001
    """Texts arrive whole, markup and line ends included; lists, numbers, truth values and times as their types."""
    body = answer(
        "ListRoles",
        ListRolesResponse(
            roles=tuple(role(description=text) for text in descriptions), is_truncated=truncated, marker=marker
        ),
    )
    found = parsed("ListRoles", body)
    assert found["ResponseMetadata"]["RequestId"] == REQUEST_ID
    assert (found["IsTruncated"], found.get("Marker")) == (truncated, marker)
    assert [item.get("Description", "") for item in found["Roles"]] == descriptions
    for item in found["Roles"]:
        assert item["MaxSessionDuration"] == 3600
        assert item["CreateDate"] == dt.datetime(2026, 11, 28, 10, tzinfo=dt.UTC)


# --- faults ---

# AWS's "Common Errors" of IAM and STS, and what AWS's services are seen to answer.
COMMON = {
    "AccessDeniedException": ("AccessDenied", 403),
    "ExpiredTokenException": ("ExpiredToken", 403),
    "IncompleteSignatureException": ("IncompleteSignature", 400),
    "InvalidSignatureException": ("SignatureDoesNotMatch", 403),
    "KMSInternalException": ("ServiceFailure", 500),
    "MissingAuthenticationTokenException": ("MissingAuthenticationToken", 403),
    "SerializationException": ("MalformedInput", 400),
    "ThrottlingException": ("Throttling", 400),
    "UnknownOperationException": ("InvalidAction", 400),
    "UnrecognizedClientException": ("InvalidClientTokenId", 403),
    "ValidationException": ("ValidationError", 400),
}


def fault_of(name: str) -> Fault:
    """A fault by its class's name."""
    cls = getattr(errors, name)
    assert issubclass(cls, Fault)
    made: Fault = cls("Something <&> is wrong.")
    return made


@pytest.mark.parametrize("name", COMMON)
def test_a_common_fault(name: str) -> None:
    """Code and status are those of AWS's Query services, and botocore reads code, message and request id."""
    code, status = COMMON[name]
    said = IAM.protocol.fault(fault_of(name), REQUEST_ID)
    assert (said.status, said.code) == (status, code)
    found = parsed("GetUser", said.body, said.status)
    assert (found["Error"]["Code"], found["Error"]["Message"]) == (code, "Something <&> is wrong.")
    assert found["Error"]["Type"] == ("Receiver" if status == 500 else "Sender")
    assert found["ResponseMetadata"]["RequestId"] == REQUEST_ID


def modelled() -> dict[str, tuple[str, int]]:
    """Code and status of each fault of ours that the models of IAM and STS declare."""
    found = {}
    for service, version in (("iam", "2010-05-08"), ("sts", "2011-06-15")):
        shapes = Loader().load_service_model(service, "service-2", version)["shapes"]
        for name, shape in shapes.items():
            error = shape.get("error")
            if shape.get("exception") and error and hasattr(errors, name) and name not in COMMON:
                found[name] = (error["code"], error["httpStatusCode"])
    return found


@pytest.mark.parametrize(("name", "expected"), sorted(modelled().items()))
def test_a_fault_of_the_models(name: str, expected: tuple[str, int]) -> None:
    """Code and status of what the services' models declare are theirs."""
    said = IAM.protocol.fault(fault_of(name), REQUEST_ID)
    assert (said.code, said.status) == expected


def test_a_fault_of_another_service_keeps_its_name() -> None:
    """What no table names is said as in JSON."""
    said = IAM.protocol.fault(fault_of("NotFoundException"), REQUEST_ID)
    assert (said.code, said.status) == ("NotFoundException", 400)


@given(st.text(max_size=60))
def test_any_text_makes_well_formed_xml(text: str) -> None:
    """Whatever a message echoes, the answer is XML; what XML cannot hold is replaced, all else arrives."""
    body = IAM.protocol.fault(ValidationException(text), REQUEST_ID).body
    found = ET.fromstring(body).findtext(f".//{{{XMLNS}}}Message")  # noqa: S314 - our own
    expected = "".join(
        c if re.fullmatch("[\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", c) else "\ufffd" for c in text
    )
    assert (found or "") == expected
