"""CreateAlias, UpdateAlias, DeleteAlias, ListAliases, and aliases in place of a key id."""

import json
from typing import Any

import pytest

from tests.core import ACCOUNT, ELSEWHERE, MISSING, OTHER, REGION, Core, key_id_of

ARN = f"arn:aws:kms:{REGION}:{ACCOUNT}:alias/app"


def names(page: dict[str, Any]) -> list[str]:
    """The names on a page."""
    return [entry["AliasName"] for entry in page["Aliases"]]


def create(core: Core, name: str, key: str, **place: Any) -> None:
    """Make an alias."""
    assert core.ok("CreateAlias", AliasName=name, TargetKeyId=key, **place) == {}


@pytest.mark.parametrize("name", ["alias/app", "alias/a/b:c_d-E", "alias/aws", "alias/awsome", "alias/" + "x" * 250])
def test_an_alias_stands_for_its_key(core: Core, key: str, name: str) -> None:
    """By its name or its ARN the key is found where AWS takes aliases; an alias is made for a key id or an ARN."""
    create(core, name, key_id_of(key))
    for value in (name, f"arn:aws:kms:{REGION}:{ACCOUNT}:{name}"):
        assert core.ok("DescribeKey", KeyId=value)["KeyMetadata"]["Arn"] == key


BAD_NAMES = {
    "no prefix": ("app", "ValidationException"),
    "another prefix": ("Alias/app", "ValidationException"),
    "nothing after the prefix": ("alias/", "InvalidAliasNameException"),
    "reserved": ("alias/aws/s3", "InvalidAliasNameException"),
    "reserved, empty": ("alias/aws/", "InvalidAliasNameException"),
    "a forbidden character": ("alias/a b", "ValidationException"),
    "too long": ("alias/" + "x" * 251, "ValidationException"),
}


@pytest.mark.parametrize("case", BAD_NAMES)
@pytest.mark.parametrize("operation", ["CreateAlias", "UpdateAlias", "DeleteAlias"])
def test_a_bad_name_is_refused(core: Core, key: str, operation: str, case: str) -> None:
    """A name that no alias can have is refused by all three, before anything is looked up."""
    name, code = BAD_NAMES[case]
    target = {} if operation == "DeleteAlias" else {"TargetKeyId": MISSING}
    assert core.refused(operation, AliasName=name, **target)[0] == code
    assert core.stored(key).aliases == ()


def test_a_name_is_unique(core: Core, key: str) -> None:
    """A second alias of the name is refused, for the same key and for another, and the first stays."""
    create(core, "alias/app", key)
    for target in (key, core.new_key()):
        assert core.refused("CreateAlias", AliasName="alias/app", TargetKeyId=target) == (
            "AlreadyExistsException",
            f"An alias with the name {ARN} already exists",
        )
    assert core.ok("DescribeKey", KeyId="alias/app")["KeyMetadata"]["Arn"] == key


def test_a_name_is_unique_in_its_account_and_region_only(core: Core, key: str) -> None:
    """The same name in another Region or account is another alias."""
    create(core, "alias/app", key)
    for place in ({"region": ELSEWHERE}, {"account": OTHER}):
        twin = core.new_key(**place)
        create(core, "alias/app", twin, **place)
        assert core.ok("DescribeKey", KeyId="alias/app", **place)["KeyMetadata"]["Arn"] == twin
    assert core.ok("DescribeKey", KeyId="alias/app")["KeyMetadata"]["Arn"] == key


def test_names_differ_by_case(core: Core, key: str) -> None:
    """Aliases are case-sensitive."""
    other = core.new_key()
    create(core, "alias/app", key)
    create(core, "alias/App", other)
    assert core.ok("DescribeKey", KeyId="alias/App")["KeyMetadata"]["Arn"] == other


def test_an_alias_is_no_key_id_for_an_alias(core: Core, key: str) -> None:
    """The target is a key id or key ARN; an alias is taken by neither call."""
    create(core, "alias/app", key)
    for operation, name in (("CreateAlias", "alias/new"), ("UpdateAlias", "alias/app")):
        assert core.refused(operation, AliasName=name, TargetKeyId="alias/app") == (
            "NotFoundException",
            "Invalid keyId 'alias/app'",
        )
        assert core.refused(operation, AliasName=name, TargetKeyId=ARN) == (
            "InvalidArnException",
            f"Invalid arn {ARN}",
        )


def test_a_target_that_is_not_there(core: Core, key: str) -> None:
    """Neither call makes an alias of no key."""
    create(core, "alias/app", key)
    for operation, name in (("CreateAlias", "alias/new"), ("UpdateAlias", "alias/app")):
        assert core.refused(operation, AliasName=name, TargetKeyId=MISSING)[0] == "NotFoundException"


def test_a_key_has_at_most_fifty_aliases(core: Core, key: str) -> None:
    """The fifty-first is refused, made or moved; moving one to where it is already takes no room."""
    for number in range(50):
        create(core, f"alias/{number}", key)
    create(core, "alias/other", core.new_key())
    assert core.refused("CreateAlias", AliasName="alias/50", TargetKeyId=key)[0] == "LimitExceededException"
    assert core.refused("UpdateAlias", AliasName="alias/other", TargetKeyId=key)[0] == "LimitExceededException"
    core.ok("UpdateAlias", AliasName="alias/0", TargetKeyId=key)
    core.ok("DeleteAlias", AliasName="alias/0")
    create(core, "alias/50", key)


def test_an_alias_moves(core: Core, key: str) -> None:
    """It stands for the new key at once, keeps its date of creation, and leaves the old key."""
    other = core.new_key()
    create(core, "alias/app", key)
    core.ok("DescribeKey", KeyId="alias/app")
    made = core.clock.key_life
    core.clock.key_life += 60
    assert core.ok("UpdateAlias", AliasName="alias/app", TargetKeyId=key_id_of(other)) == {}
    assert core.ok("DescribeKey", KeyId="alias/app")["KeyMetadata"]["Arn"] == other
    assert core.stored(key).aliases == ()
    (entry,) = json.loads(core.call("ListAliases").body)["Aliases"]
    assert entry == {
        "AliasName": "alias/app",
        "AliasArn": ARN,
        "TargetKeyId": key_id_of(other),
        "CreationDate": made,
        "LastUpdatedDate": made + 60,
    }


SIGNING = {"KeySpec": "ECC_NIST_P256", "KeyUsage": "SIGN_VERIFY"}
ENCRYPTING = {"KeySpec": "RSA_2048", "KeyUsage": "ENCRYPT_DECRYPT"}

# The key that an alias points at, the one that it shall move to, and whether it may.
MOVES: dict[str, tuple[dict[str, str], dict[str, str], bool]] = {
    "another spec": (SIGNING, {"KeySpec": "ML_DSA_44", "KeyUsage": "SIGN_VERIFY"}, True),
    "another usage": (SIGNING, {"KeySpec": "ECC_NIST_P256", "KeyUsage": "KEY_AGREEMENT"}, False),
    "symmetric to asymmetric": ({}, ENCRYPTING, False),
    "asymmetric to symmetric": (ENCRYPTING, {}, False),
    "symmetric to HMAC": ({}, {"KeySpec": "HMAC_256", "KeyUsage": "GENERATE_VERIFY_MAC"}, False),
}


@pytest.mark.parametrize("case", MOVES)
def test_an_alias_moves_among_keys_of_one_type_and_usage(core: Core, case: str) -> None:
    """A key of another type or usage must not be met by who uses the name; another key spec may be."""
    before, after, moves = MOVES[case]
    old, new = core.new_key(**before), core.new_key(**after)
    create(core, "alias/app", old)
    answer = core.call("UpdateAlias", AliasName="alias/app", TargetKeyId=new)
    assert answer.code == (None if moves else "ValidationException")
    assert core.ok("DescribeKey", KeyId="alias/app")["KeyMetadata"]["Arn"] == (new if moves else old)


@pytest.mark.parametrize("operation", ["UpdateAlias", "DeleteAlias", "DescribeKey", "Encrypt"])
def test_an_alias_that_is_not_there(core: Core, key: str, operation: str) -> None:
    """It is named by its ARN."""
    members: dict[str, dict[str, Any]] = {
        "UpdateAlias": {"AliasName": "alias/app", "TargetKeyId": key},
        "DeleteAlias": {"AliasName": "alias/app"},
        "DescribeKey": {"KeyId": "alias/app"},
        "Encrypt": {"KeyId": ARN, "Plaintext": b"x"},
    }
    assert core.refused(operation, **members[operation]) == ("NotFoundException", f"Alias {ARN} is not found.")


def test_a_deleted_alias_is_gone_and_its_key_is_not(core: Core, key: str) -> None:
    """The name is free again, other aliases of the key stay."""
    create(core, "alias/app", key)
    create(core, "alias/stays", key)
    core.ok("DescribeKey", KeyId="alias/app")
    answer = core.call("DeleteAlias", AliasName="alias/app")
    assert (answer.status, answer.body) == (200, b"")
    assert core.refused("DescribeKey", KeyId="alias/app")[0] == "NotFoundException"
    assert core.refused("DeleteAlias", AliasName="alias/app")[0] == "NotFoundException"
    assert names(core.ok("ListAliases")) == ["alias/stays"]
    create(core, "alias/app", core.new_key())


def test_aliases_are_listed_by_pages(core: Core, key: str) -> None:
    """Every alias is on one page, in the order of the names, fifty at a time unless it is said."""
    made = sorted(f"alias/{number}" for number in range(50))
    for name in made:
        create(core, name, key)
    assert core.ok("ListAliases")["Truncated"] is False
    create(core, "alias/A", core.new_key())
    made = sorted([*made, "alias/A"])
    first = core.ok("ListAliases")
    last = core.ok("ListAliases", Marker=first["NextMarker"])
    assert (names(first), first["Truncated"]) == (made[:50], True)
    assert (names(last), last["Truncated"]) == (made[50:], False)
    assert names(core.ok("ListAliases", Limit=100)) == made
    assert core.refused("ListAliases", Limit=101)[0] == "ValidationException"


def test_aliases_of_one_key(core: Core, key: str) -> None:
    """With a key id or ARN the list is that key's, and pages as well; other keys' aliases are left out."""
    for name in ("alias/c", "alias/a", "alias/b"):
        create(core, name, key)
    create(core, "alias/aa", core.new_key())
    for value in (key, key_id_of(key)):
        first = core.ok("ListAliases", KeyId=value, Limit=2)
        last = core.ok("ListAliases", KeyId=value, Limit=2, Marker=first["NextMarker"])
        assert (names(first), names(last), last["Truncated"]) == (["alias/a", "alias/b"], ["alias/c"], False)


def test_aliases_of_no_key_of_the_callers(core: Core, key: str) -> None:
    """A key that is missing, another account's, or named by an alias has no list."""
    create(core, "alias/app", key)
    foreign = core.new_key(account=OTHER)
    missing = foreign.replace(key_id_of(foreign), MISSING)
    assert core.refused("ListAliases", KeyId=MISSING)[0] == "NotFoundException"
    assert core.refused("ListAliases", KeyId="alias/app") == ("NotFoundException", "Invalid keyId 'alias/app'")
    there, nowhere = (core.refused("ListAliases", KeyId=value) for value in (foreign, missing))
    assert there == tuple(text.replace(MISSING, key_id_of(foreign)) for text in nowhere)


def test_a_marker_is_of_its_list(core: Core) -> None:
    """What another list gave out is refused."""
    core.new_key()
    core.new_key()
    marker = core.ok("ListKeys", Limit=1)["NextMarker"]
    for wrong in (marker, "bad", marker[:-1]):
        assert core.refused("ListAliases", Marker=wrong)[0] == "InvalidMarkerException"
