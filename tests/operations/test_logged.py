"""What records show of requests and answers."""

import json
from enum import StrEnum
from typing import Annotated, Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import Meta, inspect

import strongroom.operations.kms  # noqa: F401 - fills the table
from strongroom.operations import shapes
from strongroom.operations.logged import request_parameters, response_elements, timestamp
from strongroom.operations.shapes import Request, Response, Tag
from strongroom.operations.table import OPERATIONS

HIDDEN = "hidden-value"


class Colour(StrEnum):
    """A StrEnum whose value is not its name."""

    RED = "Red"


class Part(Response, frozen=True, kw_only=True):
    """A nested structure with a secret."""

    password: Annotated[str, Meta(extra=shapes.SECRET)] | None = None
    colour: Colour | None = None
    raw_id: bytes = b""


class SampleRequest(Request, frozen=True, kw_only=True):
    """A member of every kind."""

    key_id: str = ""
    aws_account_id: str = msgspec.field(default="", name="AWSAccountId")
    plaintext: shapes.Plaintext | None = None
    unmarked: bytes = b""
    blobs: tuple[bytes, ...] = ()
    blob_map: dict[str, bytes] | None = None
    password: Annotated[str, Meta(extra=shapes.SECRET)] = ""
    secret_only: Annotated[str, Meta(extra={"secret": True})] = ""
    grant_tokens: shapes.GrantTokens = ()
    secret_items: tuple[Annotated[str, Meta(extra=shapes.SECRET)], ...] = ()
    colour: Colour | None = None
    colours: tuple[Colour, ...] = ()
    names: tuple[str, ...] = ()
    tags: tuple[Tag, ...] = ()
    part: Part | None = None
    limit: int | None = None
    enabled: bool | None = None
    dry_run: bool = False
    valid_to: float | None = None
    encryption_context: dict[str, str] | None = None


SHOWN: dict[str, tuple[SampleRequest, dict[str, Any] | None]] = {
    "nothing": (SampleRequest(), None),
    "text": (SampleRequest(key_id="alias/a"), {"keyId": "alias/a"}),
    "name that starts with an acronym": (SampleRequest(aws_account_id="1"), {"aWSAccountId": "1"}),
    "secrets": (
        SampleRequest(
            key_id="k",
            plaintext=HIDDEN.encode(),
            unmarked=HIDDEN.encode(),
            blobs=(HIDDEN.encode(),),
            blob_map={HIDDEN: b""},
            password=HIDDEN,
            secret_only=HIDDEN,
            grant_tokens=(HIDDEN,),
            secret_items=(HIDDEN,),
        ),
        {"keyId": "k"},
    ),
    "enum": (SampleRequest(colour=Colour.RED), {"colour": "Red"}),
    "list of enums": (SampleRequest(colours=(Colour.RED,)), {"colours": ["Red"]}),
    "list of texts": (SampleRequest(names=("a", "b")), {"names": ["a", "b"]}),
    "list of structures": (SampleRequest(tags=(Tag("a", "b"),)), {"tags": [{"tagKey": "a", "tagValue": "b"}]}),
    "structure": (
        SampleRequest(part=Part(password=HIDDEN, colour=Colour.RED, raw_id=HIDDEN.encode())),
        {"part": {"colour": "Red"}},
    ),
    "structure of secrets only": (SampleRequest(part=Part(password=HIDDEN)), None),
    "numbers and booleans, zero and false too": (
        SampleRequest(limit=0, enabled=False),
        {"limit": 0, "enabled": False},
    ),
    "DryRun that is set": (SampleRequest(dry_run=True), {"dryRun": True}),
    "time": (SampleRequest(valid_to=1747806465.9), {"validTo": "May 21, 2025, 5:47:45 AM"}),
    "encryption context": (SampleRequest(encryption_context={"a": ""}), {"encryptionContext": {"a": ""}}),
}


@pytest.mark.parametrize("case", SHOWN)
def test_members_shown(case: str) -> None:
    """Members have CloudTrail's names and plain values; secrets, bytes and what is absent or empty are left out."""
    request, expected = SHOWN[case]
    shown = request_parameters(request)
    assert shown == expected
    # Plain data only: no enum, tuple or structure is left for the encoder to guess about.
    assert (None if shown is None else json.loads(json.dumps(shown))) == expected
    assert not [item for item in _leaves(shown) if type(item) not in (str, int, bool)]


def _leaves(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return [leaf for item in value.values() for leaf in _leaves(item)]
    if isinstance(value, list):
        return [leaf for item in value for leaf in _leaves(item)]
    return [] if value is None else [value]


def test_answer_elements() -> None:
    """An answer is shown like a request; no answer, or one of bytes only, shows nothing."""
    assert response_elements(None) is None
    assert response_elements(Part(raw_id=b"x")) is None
    assert response_elements(Part(colour=Colour.RED, raw_id=b"x")) == {"colour": "Red"}


TIMES = {
    "afternoon": (1660171107, "Aug 10, 2022, 10:38:27 PM"),
    "morning, day of one digit": (1635837925, "Nov 2, 2021, 7:25:25 AM"),
    "midnight": (0, "Jan 1, 1970, 12:00:00 AM"),
    "noon": (43200.5, "Jan 1, 1970, 12:00:00 PM"),
    "last second of a year": (1767225599, "Dec 31, 2025, 11:59:59 PM"),
}


@pytest.mark.parametrize("case", TIMES)
def test_timestamp(case: str) -> None:
    """Times are UTC on a twelve-hour clock, day and hour without a leading zero, in whole seconds."""
    seconds, expected = TIMES[case]
    assert timestamp(seconds) == expected


@settings(deadline=None)
@given(key_id=st.text(min_size=1, max_size=9), context=st.dictionaries(st.text(), st.text(), min_size=1, max_size=3))
def test_texts_are_shown_as_they_came(key_id: str, context: dict[str, str]) -> None:
    """Nothing of a text or of an encryption context is changed on its way into a record."""
    shown = request_parameters(SampleRequest(key_id=key_id, encryption_context=context))
    assert shown == {"keyId": key_id, "encryptionContext": context}


# Members that no record may show, in any operation (AWS KMS Developer Guide, "Logging AWS KMS API calls").
KEPT_OUT = {
    "Plaintext", "CiphertextBlob", "GrantToken", "GrantTokens", "Recipient", "AttestationDocument",
    "CiphertextForRecipient", "Message", "Signature", "Mac", "PublicKey", "SharedSecret", "SharedSecretCiphertextBlob",
    "PrivateKeyPlaintext", "PrivateKeyCiphertextBlob", "ImportToken", "EncryptedKeyMaterial",
}  # fmt: skip


def filled(info: Any, text: str) -> Any:
    """A value of a type in which everything is set, kept-out members to HIDDEN."""
    if isinstance(info, inspect.UnionType):
        return filled(info.types[0], text)
    if isinstance(info, inspect.Metadata):
        return filled(info.type, text)
    if isinstance(info, inspect.VarTupleType):
        return (filled(info.item_type, text),)
    if isinstance(info, inspect.StructType):
        members = {it.name: (it.type, HIDDEN if it.encode_name in KEPT_OUT else text) for it in info.fields}
        return info.cls(**{name: filled(*member) for name, member in members.items()})
    if isinstance(info, inspect.EnumType):
        return next(iter(info.cls))
    plain: dict[Any, Any] = {inspect.StrType: text, inspect.BytesType: text.encode(), inspect.IntType: 1}
    plain |= {inspect.FloatType: 1.0, inspect.BoolType: True, inspect.DictType: {text: text}}
    return plain[type(info)]


@pytest.mark.parametrize("name", sorted(OPERATIONS))
def test_every_operation_can_be_shown(name: str) -> None:
    """Of every request and answer of the table, a record shows each member but those that no record may show."""
    operation = OPERATIONS[name]
    for struct in (operation.request, operation.response or Part):
        info: Any = inspect.type_info(struct)
        shown = response_elements(filled(info, "x")) or {}
        assert HIDDEN not in json.dumps(shown)
        wire_names = {field.encode_name for field in info.fields} - KEPT_OUT - {"Password", "RawId"}
        assert shown.keys() == {wire_name[0].lower() + wire_name[1:] for wire_name in wire_names}
