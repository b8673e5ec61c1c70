"""Access keys: made once, never shown again, switched off and on, deleted."""

import json
import re
import sqlite3

import pytest

from strongroom.model.identity import CREDENTIAL_PURPOSE, PrincipalKind
from tests.actors import policy, statement, user
from tests.core import ACCOUNT, DATABASE, OTHER, Core, secret_box


def make(core: Core, **members: object) -> dict[str, object]:
    """A new access key of alice, unless told."""
    found: dict[str, object] = core.ok("iam:CreateAccessKey", **members)["AccessKey"]
    return found


@pytest.fixture
def alice(core: Core) -> str:
    """A user."""
    core.ok("iam:CreateUser", UserName="alice")
    return "alice"


def test_a_new_key(core: Core, alice: str) -> None:
    """Id and secret have AWS's form; the store has the secret sealed, for this key and account alone."""
    key = make(core, UserName=alice)
    access_key_id, secret = str(key["AccessKeyId"]), str(key["SecretAccessKey"])
    assert re.fullmatch("AKIA[A-Z2-7]{16}", access_key_id)
    assert re.fullmatch("[A-Za-z0-9+/]{40}", secret)
    assert (key["UserName"], key["Status"]) == ("alice", "Active")
    row = core.store.credential(access_key_id)
    assert row is not None
    assert (row.kind, row.name, row.active) == (PrincipalKind.USER, "alice", True)
    opened = secret_box().open(CREDENTIAL_PURPOSE, (access_key_id, ACCOUNT), row.sealed_secret)
    assert opened.decode() == secret


def test_a_secret_is_shown_once(core: Core, alice: str) -> None:
    """It is in no list, no record, no log and no file of the store."""
    answer = core.call("iam:CreateAccessKey", UserName=alice)
    secret = answer.members["AccessKey"]["SecretAccessKey"]
    assert answer.record["responseElements"]["accessKey"]["accessKeyId"] == answer.members["AccessKey"]["AccessKeyId"]
    assert secret not in json.dumps([answer.records, core.outbox(), core.spooled()])
    assert "Secret" not in json.dumps(core.ok("iam:ListAccessKeys", UserName=alice), default=str)
    with sqlite3.connect(core.folder / DATABASE) as connection:
        assert secret not in "".join(connection.iterdump())


def test_two_at_most(core: Core, alice: str) -> None:
    """One that is switched off counts, one that is deleted does not (IAM User Guide, quotas)."""
    first, second = make(core, UserName=alice), make(core, UserName=alice)
    assert first["AccessKeyId"] != second["AccessKeyId"]
    full = ("LimitExceeded", "Cannot exceed quota for AccessKeysPerUser: 2")
    core.ok("iam:UpdateAccessKey", UserName=alice, AccessKeyId=first["AccessKeyId"], Status="Inactive")
    assert core.refused("iam:CreateAccessKey", UserName=alice) == full
    core.ok("iam:DeleteAccessKey", UserName=alice, AccessKeyId=first["AccessKeyId"])
    make(core, UserName=alice)
    assert core.refused("iam:CreateAccessKey", UserName=alice) == full


def test_two_at_most_when_three_are_asked_for_at_once(core: Core, alice: str) -> None:
    """Each counts again in its transaction."""
    make(core, UserName=alice)
    answer = core.call("iam:CreateAccessKey", UserName=alice, between=lambda: make(core, UserName=alice))
    assert answer.code == "LimitExceeded"


def test_keys_are_listed(core: Core, alice: str) -> None:
    """In the order of their ids, in pages, with their state; no key of anybody else."""
    core.ok("iam:CreateUser", UserName="bob")
    make(core, UserName="bob")
    made = sorted(str(make(core, UserName=alice)["AccessKeyId"]) for _ in range(2))
    core.ok("iam:UpdateAccessKey", UserName=alice, AccessKeyId=made[1], Status="Inactive")
    page = core.ok("iam:ListAccessKeys", UserName=alice, MaxItems=1)
    rest = core.ok("iam:ListAccessKeys", UserName=alice, MaxItems=1, Marker=page["Marker"])
    assert (page["IsTruncated"], rest["IsTruncated"]) == (True, False)
    listed = page["AccessKeyMetadata"] + rest["AccessKeyMetadata"]
    assert [(entry["AccessKeyId"], entry["Status"]) for entry in listed] == [
        (made[0], "Active"),
        (made[1], "Inactive"),
    ]


def test_a_key_is_switched_off_and_on(core: Core, alice: str) -> None:
    """The row says so at once; the secret stays what it is."""
    access_key_id = str(make(core, UserName=alice)["AccessKeyId"])
    before = core.store.credential(access_key_id)
    for status, active in (("Inactive", False), ("Inactive", False), ("Active", True)):
        core.ok("iam:UpdateAccessKey", UserName=alice, AccessKeyId=access_key_id, Status=status)
        row = core.store.credential(access_key_id)
        assert row is not None
        assert row.active is active
    assert core.store.credential(access_key_id) == before


def test_no_key_can_be_made_expired(core: Core, alice: str) -> None:
    """The model has the word, and AWS alone sets it."""
    key = make(core, UserName=alice)
    refused = core.refused("iam:UpdateAccessKey", UserName=alice, AccessKeyId=key["AccessKeyId"], Status="Expired")
    assert refused[0] == "InvalidInput"
    assert core.ok("iam:ListAccessKeys", UserName=alice)["AccessKeyMetadata"][0]["Status"] == "Active"


@pytest.mark.parametrize("operation", ["UpdateAccessKey", "DeleteAccessKey"])
def test_somebody_elses_key_is_not_found(core: Core, alice: str, operation: str) -> None:
    """Who may change alice's keys changes no others by naming alice, not of her account nor of another."""
    core.ok("iam:CreateUser", UserName="bob")
    core.ok("iam:CreateUser", UserName="alice", account=OTHER)
    more = {"Status": "Inactive"} if operation == "UpdateAccessKey" else {}
    foreign = [
        make(core, UserName="bob")["AccessKeyId"],
        make(core, UserName="alice", account=OTHER)["AccessKeyId"],
        make(core)["AccessKeyId"],
        "AKIAIOSFODNN7EXAMPLE",
    ]
    for access_key_id in foreign:
        assert core.refused(f"iam:{operation}", UserName=alice, AccessKeyId=access_key_id, **more) == (
            "NoSuchEntity",
            f"The Access Key with id {access_key_id} cannot be found.",
        )


def test_a_user_manages_its_own(core: Core) -> None:
    """Without a name the caller is meant; ``${aws:username}`` in a policy says that it may do no more."""
    own = statement("Allow", "iam:*AccessKey*", Resource=f"arn:aws:iam::{ACCOUNT}:user/${{aws:username}}")
    caller = user(core, "carol", policy(own))
    core.ok("iam:CreateUser", UserName="bob")
    key = make(core, caller=caller)
    assert key["UserName"] == "carol"
    listed = core.ok("iam:ListAccessKeys", caller=caller)["AccessKeyMetadata"]
    assert len(listed) == 2
    core.ok("iam:UpdateAccessKey", AccessKeyId=key["AccessKeyId"], Status="Inactive", caller=caller)
    core.ok("iam:DeleteAccessKey", AccessKeyId=key["AccessKeyId"], caller=caller)
    assert core.refused("iam:CreateAccessKey", UserName="bob", caller=caller)[0] == "AccessDenied"


def test_a_root_has_keys_of_its_own(core: Core) -> None:
    """Without a name a root means itself; such a key has no user's name, and is deleted as others are."""
    key = make(core)
    assert "UserName" not in key
    row = core.store.credential(str(key["AccessKeyId"]))
    assert row is not None
    assert (row.kind, row.name) == (PrincipalKind.ROOT, "")
    (listed,) = core.ok("iam:ListAccessKeys")["AccessKeyMetadata"]
    assert (listed["AccessKeyId"], listed.get("UserName")) == (key["AccessKeyId"], None)
    core.ok("iam:DeleteAccessKey", AccessKeyId=key["AccessKeyId"])
    assert core.ok("iam:ListAccessKeys")["AccessKeyMetadata"] == []


def test_a_root_of_an_account_that_nobody_heard_of(core: Core) -> None:
    """Its account is there with its first key."""
    stranger = "111122223333"
    key = make(core, account=stranger)
    row = core.store.credential(str(key["AccessKeyId"]))
    assert row is not None
    assert row.account == stranger
    core.store.check()
