"""Every form of KeyId, on every operation that takes one: taken exactly where AWS takes it, refused in AWS's words."""

import uuid
from typing import Any

import pytest

from tests.compat.calls import (
    ACCOUNT,
    KEYED,
    KINDS,
    REGION,
    Given,
    Refusal,
    ask,
    ask_refused,
    id_of,
    made_by,
    new_alias,
    new_key,
    operation_of,
    post,
    requests_on,
    rotated,
)
from tests.support import Server

ARN = f"arn:aws:kms:{REGION}:{ACCOUNT}:"

# AWS KMS API Reference, the KeyId parameter of each operation: these take alias names and alias ARNs as well.
TAKES_ALIASES = {
    "Decapsulate",
    "Decrypt",
    "DeriveSharedSecret",
    "DescribeKey",
    "Encapsulate",
    "Encrypt",
    "GenerateDataKey",
    "GenerateDataKeyPair",
    "GenerateDataKeyPairWithoutPlaintext",
    "GenerateDataKeyWithoutPlaintext",
    "GenerateMac",
    "GetPublicKey",
    "ReEncrypt from",
    "ReEncrypt to",
    "Sign",
    "Verify",
    "VerifyMac",
}
IDS_ONLY = sorted(set(KEYED) - TAKES_ALIASES)
TELLS_IDS = {"GetKeyLastUsage", "GetKeyRotationStatus", "RotateKeyOnDemand"}


class Place:
    """A key of the kind that an operation needs, with an alias, and all that its requests need."""

    def __init__(self, kms: Any, name: str) -> None:
        self.kms = kms
        self.arn = new_key(kms, **KINDS.get(name, {}))
        self.alias = new_alias()
        kms.create_alias(AliasName=self.alias, TargetKeyId=self.arn)
        self.blob = made_by(kms, self.arn, name)
        self.other = new_key(kms)
        self.taken = new_alias()
        kms.create_alias(AliasName=self.taken, TargetKeyId=self.other)

    def request(self, name: str, key_id: str) -> dict[str, Any]:
        """A request that names a key in some way."""
        return requests_on(key_id, Given(self.blob, new_alias(), self.taken, self.other))[name]

    def ask(self, name: str, key_id: str) -> dict[str, Any]:
        """Make a call that must succeed."""
        return ask(self.kms, operation_of(name), self.request(name, key_id))

    def refused(self, name: str, key_id: str) -> Refusal:
        """Make a call that must be refused."""
        return ask_refused(self.kms, operation_of(name), self.request(name, key_id))


@pytest.fixture
def place(kms: Any, name: str) -> Place:
    """A key to name in the requests of an operation."""
    return Place(kms, name)


@pytest.mark.parametrize("name", KEYED)
def test_key_id_and_key_arn_are_taken(place: Place, name: str) -> None:
    """Every operation takes the id and the ARN of a key; what it says of the key is the ARN, here and there the id."""
    for form in (id_of(place.arn), place.arn):
        if name == "CancelKeyDeletion":
            place.kms.schedule_key_deletion(KeyId=place.arn)
        answer = place.ask(name, form)
        if name == "ScheduleKeyDeletion":
            place.kms.cancel_key_deletion(KeyId=place.arn)
        if name == "RotateKeyOnDemand":
            rotated(place.kms, place.arn)
        told = id_of(place.arn) if name in TELLS_IDS else place.arn
        assert answer.get("SourceKeyId" if name == "ReEncrypt from" else "KeyId", told) == told


@pytest.mark.parametrize("name", sorted(TAKES_ALIASES))
def test_alias_name_and_alias_arn_are_taken(place: Place, name: str) -> None:
    """Cryptographic operations and DescribeKey take aliases; the answer names the key itself."""
    for form in (place.alias, ARN + place.alias):
        answer = place.ask(name, form)
        found = (
            answer.get("KeyMetadata", {}).get("Arn") or answer["SourceKeyId" if name == "ReEncrypt from" else "KeyId"]
        )
        assert found == place.arn


@pytest.mark.parametrize("name", IDS_ONLY)
def test_aliases_are_refused_elsewhere(place: Place, name: str) -> None:
    """Operations on the key itself take no alias."""
    assert place.refused(name, place.alias) == Refusal("NotFoundException", f"Invalid keyId '{place.alias}'")
    alias_arn = ARN + place.alias
    assert place.refused(name, alias_arn) == Refusal("InvalidArnException", f"Invalid arn {alias_arn}")


@pytest.mark.parametrize("name", KEYED)
def test_what_is_no_key_id_is_not_found(place: Place, name: str) -> None:
    """A value of none of the forms, such as an alias without its prefix, is an invalid key id."""
    for value in ("foo", place.alias.removeprefix("alias/") + "0", "key/" + id_of(place.arn), id_of(place.arn) + "\n"):
        assert place.refused(name, value) == Refusal("NotFoundException", f"Invalid keyId '{value}'")


@pytest.mark.parametrize("name", KEYED)
@pytest.mark.parametrize("kind", ["single-Region", "multi-Region"])
def test_a_key_that_is_not_there(place: Place, name: str, kind: str) -> None:
    """An id or ARN of the own account that names no key is answered with the ARN."""
    missing = str(uuid.uuid4()) if kind == "single-Region" else f"mrk-{uuid.uuid4().hex}"
    arn = f"{ARN}key/{missing}"
    for value in (missing, arn):
        assert place.refused(name, value) == Refusal("NotFoundException", f"Key '{arn}' does not exist")


@pytest.mark.parametrize("name", sorted(TAKES_ALIASES))
def test_an_alias_that_is_not_there(place: Place, name: str) -> None:
    """An alias of the own account that does not exist is answered with its ARN."""
    missing = new_alias()
    for value in (missing, ARN + missing):
        assert place.refused(name, value) == Refusal("NotFoundException", f"Alias {ARN}{missing} is not found.")


@pytest.mark.parametrize("name", KEYED)
def test_an_arn_of_another_region(place: Place, name: str) -> None:
    """An ARN of another Region is not looked up."""
    value = place.arn.replace(REGION, "eu-west-1")
    assert place.refused(name, value) == Refusal("NotFoundException", "Invalid arn eu-west-1")


MALFORMED = (
    "arn:",
    "arn:aws:kms",
    f"arn:aws:kms:{REGION}:{ACCOUNT}",
    f"arn:aws:s3:{REGION}:{ACCOUNT}:key/1234abcd-12ab-34cd-56ef-1234567890ab",
    f"arn:aws:kms:{REGION}:12345:key/1234abcd-12ab-34cd-56ef-1234567890ab",
    f"arn:aws:kms:{REGION}::key/1234abcd-12ab-34cd-56ef-1234567890ab",
    f"arn:aws:kms:{REGION}:{ACCOUNT}:key/foo",
    f"arn:aws:kms:{REGION}:{ACCOUNT}:key:1234abcd-12ab-34cd-56ef-1234567890ab",
    f"arn:aws:kms:{REGION}:{ACCOUNT}:1234abcd-12ab-34cd-56ef-1234567890ab",
    f"arn:aws:kms:{REGION}:{ACCOUNT}:",
)


@pytest.mark.parametrize("name", KEYED)
def test_malformed_arns(place: Place, name: str) -> None:
    """An ARN that cannot be one of KMS's is InvalidArnException."""
    for value in MALFORMED:
        assert place.refused(name, value) == Refusal("InvalidArnException", f"Invalid arn {value}")


@pytest.mark.parametrize(
    ("value", "limit"), [("", "greater than or equal to 1"), ("k" * 2049, "less than or equal to 2048")]
)
@pytest.mark.parametrize("name", ["DescribeKey", "ScheduleKeyDeletion", "ListAliases"])
def test_the_length_of_a_key_id(server: Server, name: str, value: str, limit: str) -> None:
    """A KeyId has 1 to 2048 characters."""
    answer = post(server, name, {"KeyId": value})
    assert answer.fault == "ValidationException"
    assert f"at 'keyId' failed to satisfy constraint: Member must have length {limit}" in answer.body.decode()
