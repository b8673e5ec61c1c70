"""Requests from JSON: what is accepted, and how refusals are worded."""

import json
from enum import StrEnum
from typing import Annotated, Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import Meta

from strongroom.model.errors import Fault, SerializationException, ValidationException
from strongroom.operations import shapes
from strongroom.operations.request import decode
from strongroom.operations.shapes import Request, Tag


class Colour(StrEnum):
    """Values whose declared order is not the alphabet's."""

    RED = "RED"
    BLUE = "BLUE"


class Part(Request, frozen=True, kw_only=True):
    """A nested structure."""

    secret: shapes.Plaintext | None = None
    colour: Colour


class SampleRequest(Request, frozen=True, kw_only=True):
    """A request with a member of every type that requests have."""

    key_id: shapes.KeyId
    alias_name: shapes.AliasName | None = None
    policy_name: shapes.PolicyName = "default"
    plaintext: shapes.Plaintext = b"-"
    password: Annotated[str, Meta(min_length=7, max_length=32, extra=shapes.SECRET)] | None = None
    colour: Colour = Colour.RED
    colours: tuple[Colour, ...] = ()
    days: Annotated[int, Meta(ge=7, le=30)] = 30
    dry_run: bool = False
    grant_tokens: shapes.GrantTokens = ()
    names: Annotated[tuple[Annotated[str, Meta(min_length=1, max_length=3)], ...], Meta(min_length=1)] | None = None
    tags: tuple[Tag, ...] = ()
    parts: tuple[Part, ...] = ()
    part: Part | None = None
    sealed_part: Annotated[Part, Meta(extra=shapes.SECRET)] | None = None
    encryption_context: shapes.EncryptionContext = {}  # noqa: RUF012 - msgspec copies an empty default


def sample(**members: Any) -> bytes:
    """A body that is right but for the members given."""
    return json.dumps({"KeyId": "k"} | members).encode()


def refusal(body: bytes, request_type: type[Request] = SampleRequest) -> Fault:
    """How a body is refused."""
    with pytest.raises(Fault) as caught:
        decode(request_type, body)
    return caught.value


# --- one fault at a time ---

LONG = "x" * 5000
AT_LEAST_ONE = "Member must have length greater than or equal to 1"
AT_MOST = "Member must have length less than or equal to {}"
BROKEN = {
    "missing": (b"{}", "Value null at 'keyId'", "Member must not be null"),
    "null": (b'{"KeyId":null}', "Value null at 'keyId'", "Member must not be null"),
    "too short": (sample(KeyId=""), "Value '' at 'keyId'", AT_LEAST_ONE),
    "too long": (
        sample(KeyId=LONG),
        f"Value '{LONG[:256]}...' at 'keyId'",
        AT_MOST.format(2048),
    ),
    "pattern": (
        sample(AliasName="a b"),
        "Value 'a b' at 'aliasName'",
        "Member must satisfy regular expression pattern: ^[a-zA-Z0-9:/_-]+$",
    ),
    "pattern, newline at the end": (
        sample(AliasName="ab\n"),
        "Value 'ab\n' at 'aliasName'",
        "Member must satisfy regular expression pattern: ^[a-zA-Z0-9:/_-]+$",
    ),
    "pattern, word characters beyond ASCII": (
        sample(PolicyName="défaut"),
        "Value 'défaut' at 'policyName'",
        r"Member must satisfy regular expression pattern: [\w]+",
    ),
    "enum": (
        sample(Colour="red"),
        "Value 'red' at 'colour'",
        "Member must satisfy enum value set: [RED, BLUE]",
    ),
    "list of enums": (
        sample(Colours=["RED", "green"]),
        "Value '[RED, green]' at 'colours'",
        "Member must satisfy constraint: [Member must satisfy enum value set: [RED, BLUE]]",
    ),
    "list of limited texts": (
        sample(Names=["abc", "abcd"]),
        "Value '[abc, abcd]' at 'names'",
        f"Member must satisfy constraint: [{AT_MOST.format(3)}, {AT_LEAST_ONE}]",
    ),
    "list too short": (
        sample(Names=[]),
        "Value '[]' at 'names'",
        AT_LEAST_ONE,
    ),
    "null in a list": (sample(Names=["a", None]), "Value null at 'names.2.member'", "Member must not be null"),
    "number too small": (sample(Days=6), "Value '6' at 'days'", "Member must have value greater than or equal to 7"),
    "number too large": (sample(Days=31), "Value '31' at 'days'", "Member must have value less than or equal to 30"),
    "number beyond 64 bits": (
        sample(Days=2**70),
        f"Value '{2**70}' at 'days'",
        "Member must have value less than or equal to 30",
    ),
    "blob empty": (sample(Plaintext=""), "Value at 'plaintext'", AT_LEAST_ONE),
    "blob too long": (
        sample(Plaintext="AAAA" * 1366),
        "Value at 'plaintext'",
        AT_MOST.format(4096),
    ),
    "secret text": (
        sample(Password="hunter"),
        "Value at 'password'",
        "Member must have length greater than or equal to 7",
    ),
    "list too long, unlogged": (
        sample(GrantTokens=["t"] * 11),
        "Value at 'grantTokens'",
        AT_MOST.format(10),
    ),
    "item of an unlogged list": (
        sample(GrantTokens=["t", ""]),
        "Value at 'grantTokens'",
        f"Member must satisfy constraint: [{AT_MOST.format(8192)}, {AT_LEAST_ONE}]",
    ),
    "list of structures": (
        sample(Tags=[{"TagKey": "a", "TagValue": ""}, {"TagKey": "", "TagValue": ""}]),
        "Value '' at 'tags.2.member.tagKey'",
        AT_LEAST_ONE,
    ),
    "missing in a list of structures": (
        sample(Tags=[{"TagKey": "a", "TagValue": None}]),
        "Value null at 'tags.1.member.tagValue'",
        "Member must not be null",
    ),
    "null for a structure in a list": (sample(Tags=[None]), "Value null at 'tags.1.member'", "Member must not be null"),
    "nested blob": (
        sample(Part={"Secret": "", "Colour": "RED"}),
        "Value at 'part.secret'",
        AT_LEAST_ONE,
    ),
    "below a secret structure": (
        sample(SealedPart={"Colour": "red"}),
        "Value at 'sealedPart.colour'",
        "Member must satisfy enum value set: [RED, BLUE]",
    ),
    "missing in a structure": (sample(Part={}), "Value null at 'part.colour'", "Member must not be null"),
    "null in a map": (
        sample(EncryptionContext={"a": "b", "c": None}),
        "Value null at 'encryptionContext.c.member'",
        "Member must not be null",
    ),
    "null in a map under a long key": (
        sample(EncryptionContext={LONG: None}),
        f"Value null at 'encryptionContext.{LONG[:256]}....member'",
        "Member must not be null",
    ),
}


@pytest.mark.parametrize("case", BROKEN)
def test_broken_constraint_is_named_in_aws_words(case: str) -> None:
    """One broken constraint gives AWS's sentence with the member's path; secrets and blobs are not shown."""
    body, value, constraint = BROKEN[case]
    fault = refusal(body)
    assert isinstance(fault, ValidationException)
    assert fault.message == f"1 validation error detected: {value} failed to satisfy constraint: {constraint}"


def test_all_faults_stand_in_one_message() -> None:
    """Faults of several members, and several of one member, come together in the order of the members."""
    fault = refusal(b'{"AliasName":"","Days":0,"Parts":[{"Colour":""}]}')
    assert fault.message == (
        "5 validation errors detected: "
        "Value null at 'keyId' failed to satisfy constraint: Member must not be null; "
        "Value '' at 'aliasName' failed to satisfy constraint: Member must have length greater than or equal to 1; "
        "Value '' at 'aliasName' failed to satisfy constraint: "
        "Member must satisfy regular expression pattern: ^[a-zA-Z0-9:/_-]+$; "
        "Value '0' at 'days' failed to satisfy constraint: Member must have value greater than or equal to 7; "
        "Value '' at 'parts.1.member.colour' failed to satisfy constraint: "
        "Member must satisfy enum value set: [RED, BLUE]"
    )


def test_no_more_than_ten_faults_are_named() -> None:
    """A list of many broken items makes a short message, as in AWS's framework."""
    fault = refusal(sample(Tags=[{}] * 500))
    assert fault.message.startswith("10 validation errors detected: Value null at 'tags.1.member.tagKey' ")
    assert fault.message.count("Member must not be null") == 10
    assert "tags.6" not in fault.message


def test_endless_lists_and_maps_are_not_read_item_by_item() -> None:
    """Over 1,000 entries, only their number is named; up to there each is read."""
    text = "1 validation error detected: Value at '{}' failed to satisfy constraint: " + AT_MOST.format(1000)
    assert refusal(sample(Tags=[{}] * 1001)).message == text.format("tags")
    assert refusal(sample(EncryptionContext=dict.fromkeys(map(str, range(1001))))).message == text.format(
        "encryptionContext"
    )
    assert "Member must satisfy enum value set" in refusal(sample(Colours=["RED"] * 999 + ["x"])).message


# --- wrong JSON ---

DEEP = b"[" * 100_000 + b"]" * 100_000
OBJECT = "Start of structure or map found where not expected."
LIST = "Start of list found where not expected"
UNREADABLE = {
    "empty": (b"", ""),
    "spaces": (b"  ", ""),
    "no JSON": (b"hello", ""),
    "cut off": (b'{"KeyId":"k"', ""),
    "text after the end": (b'{"KeyId":"k"} x', ""),
    "trailing comma": (b'{"KeyId":"k",}', ""),
    "NaN": (b'{"KeyId":"k","Days":NaN}', ""),
    "control character in a string": (b'{"KeyId":"a\nb"}', ""),
    "byte order mark": (b'\xef\xbb\xbf{"KeyId":"k"}', ""),
    "bad UTF-8": (b'{"KeyId":"\xff"}', ""),
    "bad UTF-8 in an unknown member": (b'{"KeyId":"k","X":"\xff"}', ""),
    "encoded surrogate": (b'{"KeyId":"\xed\xa0\x80"}', ""),
    "lone surrogate": (b'{"KeyId":"\\ud800"}', ""),
    "lone surrogate in an unknown member": (b'{"KeyId":"k","X":"\\udc00"}', ""),
    "too deep": (b'{"KeyId":"k","X":' + DEEP + b"}", ""),
    "too deep, a list": (DEEP, ""),
    "null": (b"null", ""),
    "a list": (b"[]", LIST),
    "a string": (b'"x"', "Expected null"),
    "a number": (b" 5 ", "Expected null"),
    "number for a string": (sample(KeyId=5), "NUMBER_VALUE can not be converted to a String"),
    "true for a string": (sample(KeyId=True), "TRUE_VALUE can not be converted to a String"),
    "list for a string": (sample(KeyId=[]), LIST),
    "object for a string": (sample(KeyId={}), OBJECT),
    "number for an enum": (sample(Colour=1), "NUMBER_VALUE can not be converted to a String"),
    "string for a number": (sample(Days="8"), "STRING_VALUE can not be converted to an Integer"),
    "false for a number": (sample(Days=False), "FALSE_VALUE can not be converted to an Integer"),
    "fraction": (sample(Days=8.5), "NUMBER_VALUE can not be converted to an Integer"),
    "number beyond floats": (b'{"KeyId":"k","Days":1e999}', "NUMBER_VALUE can not be converted to an Integer"),
    "endless number": (b'{"KeyId":"k","Days":%s}' % (b"9" * 9999), "NUMBER_VALUE can not be converted to an Integer"),
    "string for a boolean": (sample(DryRun="true"), "STRING_VALUE can not be converted to a Boolean"),
    "number for a boolean": (sample(DryRun=1), "NUMBER_VALUE can not be converted to a Boolean"),
    "number for a blob": (sample(Plaintext=-1), "NUMBER_VALUE can not be converted to a Blob"),
    "not base64": (sample(Plaintext="hunter2!"), "STRING_VALUE can not be converted to a Blob"),
    "base64 without padding": (sample(Plaintext="YQ"), "STRING_VALUE can not be converted to a Blob"),
    "base64 of URLs": (sample(Plaintext="-_-_"), "STRING_VALUE can not be converted to a Blob"),
    "string for a list": (sample(Tags="x"), "Expected list or null"),
    "object for a list": (sample(Tags={}), OBJECT),
    "string for a structure": (sample(Part="x"), "Expected null"),
    "list for a structure": (sample(Part=[]), LIST),
    "string for a structure in a list": (sample(Tags=["x"]), "Expected null"),
    "string for a map": (sample(EncryptionContext="x"), "Expected map or null"),
    "list for a map": (sample(EncryptionContext=[]), LIST),
    "number in a map": (sample(EncryptionContext={"a": 1}), "NUMBER_VALUE can not be converted to a String"),
    "wrong type beside a broken constraint": (
        b'{"Days":1,"DryRun":1}',
        "NUMBER_VALUE can not be converted to a Boolean",
    ),
}


@pytest.mark.parametrize("case", UNREADABLE)
def test_unreadable_body_is_a_serialization_exception(case: str) -> None:
    """What is not JSON in UTF-8, or of another JSON type than its member, is refused without showing any value."""
    body, message = UNREADABLE[case]
    fault = refusal(body)
    assert isinstance(fault, SerializationException)
    assert fault.message == message


def test_every_depth_is_accepted_or_refused_cleanly() -> None:
    """No nesting depth, whatever of the stack is already used, lets a foreign exception out."""
    for depth in range(1, 1200):
        with pytest.raises((SerializationException, ValidationException)):
            decode(SampleRequest, b'{"KeyId":null,"X":' + b"[" * depth + b"]" * depth + b"}")


def test_a_fault_holds_no_part_of_the_body() -> None:
    """The exceptions that a refusal comes from, which may hold the body, do not travel with it."""
    for body in (b'{"KeyId":"\xff"}', sample(Plaintext="hunter2!"), sample(Plaintext="")):
        fault = refusal(body)
        assert (fault.__context__, fault.__cause__) == (None, None)


# --- what is accepted ---

ACCEPTED: dict[str, tuple[bytes, dict[str, Any]]] = {
    "as sent": (sample(Days=8, Colour="BLUE"), {"days": 8, "colour": Colour.BLUE}),
    "null for a default": (sample(Days=None, Tags=None, EncryptionContext=None, Colour=None), {"days": 30, "tags": ()}),
    "null in a structure": (sample(Part={"Secret": None, "Colour": "RED"}), {"part": Part(colour=Colour.RED)}),
    "whole number as a float": (sample(Days=8.0), {"days": 8}),
    "whole number with an exponent": (b'{"KeyId":"k","Days":1.2e1}', {"days": 12}),
    "blob beside a null": (sample(Plaintext="/+8=", Days=None), {"plaintext": b"\xff\xef"}),
    "lists and maps beside a null": (
        sample(Days=None, DryRun=True, Tags=[{"TagKey": "a", "TagValue": ""}], EncryptionContext={"ä": ""}),
        {"tags": (Tag("a", ""),), "encryption_context": {"ä": ""}, "dry_run": True},
    ),
    "unknown members": (sample(keyId=5, X=[{"KeyId": None}]), {"key_id": "k"}),
    "unknown member beside a null": (b'{"KeyId":"k","Days":null,"X":1e999}', {"days": 30}),
    "repeated, the last counts": (b'{"KeyId":"a","KeyId":"b"}', {"key_id": "b"}),
    "repeated, the first wrong": (b'{"KeyId":5,"KeyId":"b"}', {"key_id": "b"}),
    "repeated in a map": (b'{"KeyId":"k","EncryptionContext":{"a":"1","a":"2"}}', {"encryption_context": {"a": "2"}}),
    "surrogate pair": (b'{"KeyId":"\\ud83d\\ude00"}', {"key_id": "😀"}),
    "length in code points": (sample(Names=["😀😀😀"]), {"names": ("😀😀😀",)}),
    "spaces": (b' \n{ "KeyId" : "k" } ', {"key_id": "k"}),
}


@pytest.mark.parametrize("case", ACCEPTED)
def test_accepted(case: str) -> None:
    """Nulls are as absent, unknown members are passed over, the last of repeated members counts, 8.0 is 8."""
    body, members = ACCEPTED[case]
    request = decode(SampleRequest, body)
    assert members == {name: getattr(request, name) for name in members}


def test_repeated_member_is_judged_by_its_last_value() -> None:
    """A right value before a null does not stand in for it."""
    fault = refusal(b'{"KeyId":"a","KeyId":null}')
    assert fault.message.startswith("1 validation error detected: Value null at 'keyId' ")


# --- any bytes ---

JUNK = st.one_of(st.none(), st.booleans(), st.integers(), st.just(8.0), st.text(max_size=3), st.just([]), st.just({}))


def encoded(value: Any) -> bytes:
    """JSON in UTF-8."""
    return json.dumps(value).encode()


@settings(deadline=None)
@given(body=st.binary() | st.text().map(str.encode) | st.recursive(JUNK, st.lists).map(encoded))
def test_any_bytes_are_a_request_or_one_of_two_faults(body: bytes) -> None:
    """Whatever the bytes are, nothing but the two faults comes out."""
    with pytest.raises((SerializationException, ValidationException)):
        decode(SampleRequest, body)


@settings(deadline=None)
@given(
    known=st.dictionaries(st.sampled_from(["KeyId", "Days", "DryRun"]), st.sampled_from([None, "k", 8, True])),
    noise=st.sampled_from(['"X":null', '"X":{"KeyId":null}', '"x":[[]]']),
)
def test_unknown_members_change_nothing(known: dict[str, Any], noise: str) -> None:
    """A body with and without unknown members is accepted, or refused, alike."""
    body = json.dumps(known)
    noisy = f"{{{noise}}}" if body == "{}" else f"{{{noise},{body[1:]}"
    assert outcome(body) == outcome(noisy)


def outcome(body: str) -> Any:
    """The request as plain data, or the refusal's text."""
    try:
        return msgspec.to_builtins(decode(SampleRequest, body.encode()))
    except Fault as fault:
        return (fault.type, fault.message)
