"""Aliases through boto3: CreateAlias, UpdateAlias, DeleteAlias, ListAliases."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.compat.calls import ACCOUNT, REGION, Refusal, account, id_of, members, new_alias, new_key, refusal
from tests.support import Server

ALIAS_ARN = f"arn:aws:kms:{REGION}:{ACCOUNT}:"


def listed(kms: Any, **wanted: Any) -> dict[str, dict[str, Any]]:
    """All aliases of an account, or of one of its keys, by name."""
    pages = kms.get_paginator("list_aliases").paginate(**wanted)
    return {entry["AliasName"]: entry for page in pages for entry in page["Aliases"]}


def test_the_life_of_an_alias(kms: Any, key: str) -> None:
    """An alias is made, shown, moved and removed; the answers are empty."""
    name, other, before = new_alias(), new_key(kms), datetime.now(UTC) - timedelta(seconds=2)
    assert members(kms.create_alias(AliasName=name, TargetKeyId=key)) == {}
    made = listed(kms, KeyId=key)[name]
    assert set(made) == {"AliasName", "AliasArn", "TargetKeyId", "CreationDate", "LastUpdatedDate"}
    assert (made["AliasName"], made["AliasArn"], made["TargetKeyId"]) == (name, ALIAS_ARN + name, id_of(key))
    assert before <= made["CreationDate"] == made["LastUpdatedDate"] <= datetime.now(UTC) + timedelta(seconds=2)
    assert members(kms.update_alias(AliasName=name, TargetKeyId=other)) == {}
    moved = listed(kms, KeyId=other)[name]
    assert moved["CreationDate"] == made["CreationDate"] <= moved["LastUpdatedDate"]
    assert listed(kms, KeyId=key) == {}
    assert members(kms.delete_alias(AliasName=name)) == {}
    assert listed(kms, KeyId=other) == {}
    assert refusal(kms.describe_key, KeyId=name) == Refusal(
        "NotFoundException", f"Alias {ALIAS_ARN}{name} is not found."
    )


def test_a_moved_alias_encrypts_under_the_new_key(kms: Any, key: str) -> None:
    """What the alias made before the move still opens; what it makes afterwards is the new key's."""
    name, other = new_alias(), new_key(kms)
    kms.create_alias(AliasName=name, TargetKeyId=key)
    old = kms.encrypt(KeyId=name, Plaintext=b"old")
    kms.update_alias(AliasName=name, TargetKeyId=other)
    new = kms.encrypt(KeyId=name, Plaintext=b"new")
    assert (old["KeyId"], new["KeyId"]) == (key, other)
    assert kms.decrypt(CiphertextBlob=old["CiphertextBlob"])["Plaintext"] == b"old"
    assert refusal(kms.decrypt, CiphertextBlob=old["CiphertextBlob"], KeyId=name).code == "IncorrectKeyException"


def test_an_alias_can_be_moved_to_the_key_that_it_has(kms: Any, key: str) -> None:
    """Moving an alias to its own key changes nothing but the date."""
    name = new_alias()
    kms.create_alias(AliasName=name, TargetKeyId=key)
    kms.update_alias(AliasName=name, TargetKeyId=key)
    assert listed(kms, KeyId=key)[name]["TargetKeyId"] == id_of(key)


def test_an_alias_name_is_taken_once(kms: Any, key: str) -> None:
    """A second alias of one name is refused, until the first is gone; case counts."""
    name = new_alias()
    kms.create_alias(AliasName=name, TargetKeyId=key)
    for target in (key, new_key(kms)):
        code, message = refusal(kms.create_alias, AliasName=name, TargetKeyId=target)
        assert (code, message) == ("AlreadyExistsException", f"An alias with the name {ALIAS_ARN}{name} already exists")
    kms.create_alias(AliasName="alias/" + name.removeprefix("alias/").upper() + "X", TargetKeyId=key)
    kms.delete_alias(AliasName=name)
    kms.create_alias(AliasName=name, TargetKeyId=key)


def test_alias_names_are_those_of_their_account_and_region(server: Server) -> None:
    """One name in two Regions and two accounts means four keys."""
    name = new_alias()
    found = set()
    for caller in (account(), account()):
        for region in ("us-east-1", "eu-west-1"):
            kms = server.client(region, caller)
            arn = new_key(kms)
            kms.create_alias(AliasName=name, TargetKeyId=arn)
            assert kms.describe_key(KeyId=name)["KeyMetadata"]["Arn"] == arn
            found.add(arn)
    assert len(found) == 4


GOOD = ("alias/a", "alias/a/b:c_d-e", "alias/" + "n" * 250, "alias/awsome", "alias/aws-mine", "alias/ALIAS", "alias//")


@pytest.mark.parametrize("name", GOOD)
def test_good_names(lonely: Any, name: str) -> None:
    """Names are 1 to 256 characters of AWS's alphabet; only alias/aws/ is reserved."""
    lonely.create_alias(AliasName=name, TargetKeyId=new_key(lonely))
    assert list(listed(lonely)) == [name]


BAD: dict[str, tuple[str, set[str]]] = {
    "without its prefix": ("mine", {"ValidationException"}),
    "prefix in capitals": ("Alias/mine", {"ValidationException"}),
    "257 characters": ("alias/" + "n" * 251, {"ValidationException"}),
    "a space": ("alias/my key", {"ValidationException"}),
    "a letter that is not ASCII": ("alias/schlüssel", {"ValidationException"}),
    "a line feed at its end": ("alias/mine\n", {"ValidationException"}),
    "nothing after the prefix": ("alias/", {"InvalidAliasNameException", "ValidationException"}),
    "reserved": ("alias/aws/s3", {"InvalidAliasNameException", "NotAuthorizedException", "ValidationException"}),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_names(lonely: Any, case: str) -> None:
    """Other names are refused, and nothing is made."""
    name, codes = BAD[case]
    assert refusal(lonely.create_alias, AliasName=name, TargetKeyId=new_key(lonely)).code in codes
    assert refusal(lonely.delete_alias, AliasName=name).code in codes | {"NotFoundException"}
    assert listed(lonely) == {}


def test_an_alias_that_is_not_there(kms: Any, key: str) -> None:
    """UpdateAlias and DeleteAlias of a name that nobody made answer NotFoundException with the alias's ARN."""
    name = new_alias()
    missing = Refusal("NotFoundException", f"Alias {ALIAS_ARN}{name} is not found.")
    assert refusal(kms.update_alias, AliasName=name, TargetKeyId=key) == missing
    assert refusal(kms.delete_alias, AliasName=name) == missing


def test_a_key_has_at_most_50_aliases(kms: Any, key: str) -> None:
    """The 51st alias is over the quota, made or moved; the key goes on with its 50."""
    for _ in range(50):
        kms.create_alias(AliasName=new_alias(), TargetKeyId=key)
    assert refusal(kms.create_alias, AliasName=new_alias(), TargetKeyId=key).code == "LimitExceededException"
    elsewhere = new_alias()
    kms.create_alias(AliasName=elsewhere, TargetKeyId=new_key(kms))
    assert refusal(kms.update_alias, AliasName=elsewhere, TargetKeyId=key).code == "LimitExceededException"
    assert len(listed(kms, KeyId=key)) == 50


def test_list_aliases_pages_through_all_once(lonely: Any) -> None:
    """The paginator meets each alias once, for the account and for a key; 50 come by default."""
    names = {arn: {new_alias() for _ in range(count)} for arn, count in ((new_key(lonely), 50), (new_key(lonely), 3))}
    for arn, own in names.items():
        for name in own:
            lonely.create_alias(AliasName=name, TargetKeyId=arn)
    everything = set().union(*names.values())
    for size, pages in ((7, 8), (53, 1), (100, 1)):
        found = list(lonely.get_paginator("list_aliases").paginate(PaginationConfig={"PageSize": size}))
        assert len(found) == pages
        assert sorted(entry["AliasName"] for page in found for entry in page["Aliases"]) == sorted(everything)
        assert [page["Truncated"] for page in found] == [True] * (pages - 1) + [False]
        assert all(("NextMarker" in page) == page["Truncated"] for page in found)
    first = lonely.list_aliases()
    assert (len(first["Aliases"]), first["Truncated"]) == (50, True)
    for arn, own in names.items():
        assert set(listed(lonely, KeyId=arn, PaginationConfig={"PageSize": 2})) == own


def test_list_aliases_takes_at_most_100_a_page(kms: Any) -> None:
    """AWS documents 1 to 100 for the Limit of ListAliases."""
    assert refusal(kms.list_aliases, Limit=101).code == "ValidationException"


def test_an_account_without_aliases(lonely: Any) -> None:
    """No alias is there before one is made."""
    assert members(lonely.list_aliases()) == {"Aliases": [], "Truncated": False}
