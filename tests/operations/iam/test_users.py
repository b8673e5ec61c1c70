"""Users: made, shown, listed, renamed, deleted."""

import datetime as dt
import re
import string

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from strongroom.model.identity import PrincipalKind
from strongroom.operations.iam import principals
from tests.actors import policy, session_of, statement, user
from tests.actors import role as new_role
from tests.core import ACCOUNT, OTHER, Core

NOBODY = {
    "GetUser": {},
    "UpdateUser": {"NewPath": "/x/"},
    "DeleteUser": {},
    "CreateAccessKey": {},
    "ListAccessKeys": {},
    "UpdateAccessKey": {"AccessKeyId": "AKIAIOSFODNN7EXAMPLE", "Status": "Inactive"},
    "DeleteAccessKey": {"AccessKeyId": "AKIAIOSFODNN7EXAMPLE"},
    "PutUserPolicy": {"PolicyName": "p", "PolicyDocument": policy(statement("Allow", "kms:*"))},
    "GetUserPolicy": {"PolicyName": "p"},
    "ListUserPolicies": {},
    "DeleteUserPolicy": {"PolicyName": "p"},
    "ListAttachedUserPolicies": {},
    "ListGroupsForUser": {},
    "GetLoginProfile": {},
    "ListMFADevices": {},
    "ListSSHPublicKeys": {},
    "ListServiceSpecificCredentials": {},
    "ListSigningCertificates": {},
}


def names(core: Core, **members: object) -> list[str]:
    """The names of the users of a list."""
    return [found["UserName"] for found in core.ok("iam:ListUsers", **members)["Users"]]


def test_a_new_user(core: Core) -> None:
    """It has an id, an ARN with its path and the machine's time; GetUser tells the same."""
    made = core.ok("iam:CreateUser", UserName="Alice", Path="/eng/kms/")["User"]
    assert re.fullmatch("AIDA[A-Z2-7]{17}", made.pop("UserId"))
    assert made == {
        "Path": "/eng/kms/",
        "UserName": "Alice",
        "Arn": f"arn:aws:iam::{ACCOUNT}:user/eng/kms/Alice",
        "CreateDate": dt.datetime.fromtimestamp(int(core.clock.machine), dt.UTC),
    }
    found = core.ok("iam:GetUser", UserName="Alice")["User"]
    assert found.items() >= made.items()


def test_the_record_of_a_new_user(core: Core) -> None:
    """It names what was asked for and what was made, and lies in the transaction."""
    answer = core.call("iam:CreateUser", UserName="alice")
    assert answer.in_outbox
    assert answer.record["requestParameters"] == {"path": "/", "userName": "alice"}
    assert answer.record["responseElements"]["user"]["arn"] == f"arn:aws:iam::{ACCOUNT}:user/alice"


def test_arns_are_of_the_partition_that_is_asked(core: Core) -> None:
    """Users are the same in all Regions; their ARNs are of the endpoint's partition."""
    core.ok("iam:CreateUser", UserName="alice", region="eu-west-3")
    found = core.ok("iam:GetUser", UserName="alice", region="cn-north-1")["User"]
    assert found["Arn"] == f"arn:aws-cn:iam::{ACCOUNT}:user/alice"


@pytest.mark.parametrize("name", ["alice", "ALICE", "aLiCe"])
def test_names_are_taken_in_any_letter_case(core: Core, name: str) -> None:
    """Names that differ in letter case alone are one; roles have names of their own, and so have other accounts."""
    core.ok("iam:CreateUser", UserName="alice")
    assert core.refused("iam:CreateUser", UserName=name) == (
        "EntityAlreadyExists",
        f"User with name {name} already exists.",
    )
    new_role(core, name)
    core.ok("iam:CreateUser", UserName=name, account=OTHER)


def test_who_calls_is_meant_without_a_name(core: Core) -> None:
    """A user; a root, which has no name; a session has to name somebody."""
    alice = user(core, "alice", policy(statement("Allow", "iam:*")))
    assert core.ok("iam:GetUser", caller=alice)["User"]["UserName"] == "alice"
    root = core.ok("iam:GetUser")["User"]
    assert (root["Arn"], root["UserId"]) == (f"arn:aws:iam::{ACCOUNT}:root", ACCOUNT)
    assert not root.keys() & {"UserName", "Path"}
    session = session_of(new_role(core, "job", policy(statement("Allow", "iam:*"))))
    assert core.refused("iam:GetUser", caller=session) == (
        "ValidationError",
        "Must specify userName when calling with non-User credentials",
    )


@pytest.mark.parametrize("operation", NOBODY)
def test_nobody(core: Core, operation: str) -> None:
    """A user who does not exist, or is another account's, is not found."""
    core.ok("iam:CreateUser", UserName="alice", account=OTHER)
    assert core.refused(f"iam:{operation}", UserName="alice", **NOBODY[operation]) == (
        "NoSuchEntity",
        "The user with name alice cannot be found.",
    )


@pytest.mark.parametrize("operation", NOBODY)
def test_who_may_not_does_not_learn_who_there_is(core: Core, operation: str) -> None:
    """Without permission the answer is the same for users who exist and who do not."""
    mallory = user(core, "mallory")
    core.ok("iam:CreateUser", UserName="alice")
    texts = [
        core.refused(f"iam:{operation}", UserName=name, caller=mallory, **NOBODY[operation])
        for name in ("alice", "blice")
    ]
    assert texts[0][0] == "AccessDenied"
    assert f"iam:{operation} on resource: arn:aws:iam::{ACCOUNT}:user/alice because" in texts[0][1]
    assert texts[1] == (texts[0][0], texts[0][1].replace("user/alice", "user/blice"))


def test_a_policy_may_name_users_by_path(core: Core) -> None:
    """The action is needed on the user's ARN, path and all; to make one, on the ARN that it is to have."""
    helper = user(core, "helper", policy(statement("Allow", "iam:*", Resource=f"arn:aws:iam::{ACCOUNT}:user/eng/*")))
    core.ok("iam:CreateUser", UserName="alice", Path="/eng/", caller=helper)
    core.ok("iam:GetUser", UserName="alice", caller=helper)
    core.ok("iam:ListUsers", PathPrefix="/eng/", caller=helper)
    assert core.refused("iam:CreateUser", UserName="bob", caller=helper)[0] == "AccessDenied"
    code, text = core.refused("iam:ListUsers", caller=helper)
    assert code == "AccessDenied"
    assert f"iam:ListUsers on resource: arn:aws:iam::{ACCOUNT}:user/ because" in text


# --- lists ---


def test_lists_are_in_the_order_of_names(core: Core) -> None:
    """Of the account alone, and those under a path alone."""
    for name, path in (("zoe", "/"), ("alice", "/eng/"), ("Bob", "/eng/kms/"), ("carl", "/engine/")):
        core.ok("iam:CreateUser", UserName=name, Path=path)
    core.ok("iam:CreateUser", UserName="other", account=OTHER)
    assert names(core) == ["Bob", "alice", "carl", "zoe"]
    assert names(core, PathPrefix="/eng/") == ["Bob", "alice"]
    assert names(core, PathPrefix="/eng") == ["Bob", "alice", "carl"]
    assert names(core, PathPrefix="/no/") == []


def test_pages(core: Core) -> None:
    """Every page size leads through the whole list, with a path or without, and the last page says so."""
    for number in range(7):
        core.ok("iam:CreateUser", UserName=f"u{number}", Path="/odd/" if number % 2 else "/")
    for prefix, expected in (("/", [f"u{n}" for n in range(7)]), ("/odd/", ["u1", "u3", "u5"])):
        for size in range(1, 9):
            found: list[str] = []
            marker: dict[str, str] = {}
            while True:
                page = core.ok("iam:ListUsers", PathPrefix=prefix, MaxItems=size, **marker)
                assert len(page["Users"]) <= size
                found += [entry["UserName"] for entry in page["Users"]]
                if not page["IsTruncated"]:
                    assert "Marker" not in page
                    break
                marker = {"Marker": page["Marker"]}
            assert found == expected


def test_a_marker_is_good_for_its_list_in_all_regions(core: Core) -> None:
    """Not for another list, another account, or when somebody changed it."""
    for name in ("a", "b"):
        core.ok("iam:CreateUser", UserName=name)
    marker = core.ok("iam:ListUsers", MaxItems=1)["Marker"]
    assert names(core, Marker=marker, region="eu-west-3") == ["b"]
    invalid = ("ValidationError", "Invalid Marker.")
    assert core.refused("iam:ListRoles", Marker=marker) == invalid
    assert core.refused("iam:ListUsers", Marker=marker, account=OTHER) == invalid
    assert core.refused("iam:ListUsers", Marker=f"x{marker[1:]}") == invalid


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(st.text(string.ascii_letters + "+=,.@-_0", min_size=1, max_size=64), max_size=6, unique_by=str.lower))
def test_a_list_holds_just_who_was_made(core: Core, made: list[str]) -> None:
    """Whatever the names are: they are listed once each, and gone when they are deleted."""
    for name in made:
        core.ok("iam:CreateUser", UserName=name)
    assert names(core) == sorted(made)
    for name in made:
        core.ok("iam:DeleteUser", UserName=name)
    assert names(core) == []


# --- changes ---


def test_a_renamed_user_is_the_same(core: Core) -> None:
    """Its id, access keys and policies stay, the old name is free, and its keys sign for the new name."""
    old = core.ok("iam:CreateUser", UserName="alice", Path="/eng/")["User"]
    key = core.ok("iam:CreateAccessKey", UserName="alice")["AccessKey"]
    document = policy(statement("Allow", "kms:ListKeys"))
    core.ok("iam:PutUserPolicy", UserName="alice", PolicyName="p", PolicyDocument=document)
    core.ok("iam:UpdateUser", UserName="alice", NewUserName="Alice", NewPath="/ops/")
    new = core.ok("iam:GetUser", UserName="Alice")["User"]
    assert new == old | {"UserName": "Alice", "Path": "/ops/", "Arn": f"arn:aws:iam::{ACCOUNT}:user/ops/Alice"}
    assert core.refused("iam:GetUser", UserName="alice")[0] == "NoSuchEntity"
    (listed,) = core.ok("iam:ListAccessKeys", UserName="Alice")["AccessKeyMetadata"]
    assert (listed["AccessKeyId"], listed["UserName"]) == (key["AccessKeyId"], "Alice")
    assert core.ok("iam:ListUserPolicies", UserName="Alice")["PolicyNames"] == ["p"]
    credential = core.store.credential(key["AccessKeyId"])
    assert credential is not None
    assert (credential.kind, credential.name) == (PrincipalKind.USER, "Alice")
    core.store.check()


def test_a_user_moves_to_another_path(core: Core) -> None:
    """Its name, keys and policies stay; with nothing new, everything does."""
    core.ok("iam:CreateUser", UserName="alice")
    core.ok("iam:CreateAccessKey", UserName="alice")
    core.ok("iam:UpdateUser", UserName="alice", NewPath="/ops/")
    core.ok("iam:UpdateUser", UserName="alice")
    assert core.ok("iam:GetUser", UserName="alice")["User"]["Path"] == "/ops/"
    assert len(core.ok("iam:ListAccessKeys", UserName="alice")["AccessKeyMetadata"]) == 1


def test_nobody_is_renamed_to_somebody(core: Core) -> None:
    """A name that is taken in any letter case stays whose it is."""
    for name in ("alice", "bob"):
        core.ok("iam:CreateUser", UserName=name)
    assert core.refused("iam:UpdateUser", UserName="alice", NewUserName="BOB") == (
        "EntityAlreadyExists",
        "User with name BOB already exists.",
    )


def test_to_rename_is_allowed_on_both_names(core: Core) -> None:
    """UpdateUser is needed on what the user is called, and on what it is going to be called (IAM User Guide)."""
    core.ok("iam:CreateUser", UserName="alice", Path="/eng/")
    both = [f"arn:aws:iam::{ACCOUNT}:user/eng/alice", f"arn:aws:iam::{ACCOUNT}:user/eng/bob"]
    for number, resources in enumerate((both[:1], both[1:])):
        helper = user(core, f"h{number}", policy(statement("Allow", "iam:UpdateUser", Resource=resources)))
        code, text = core.refused("iam:UpdateUser", UserName="alice", NewUserName="bob", caller=helper)
        assert code == "AccessDenied"
        assert f"on resource: {both[1 - number]} because" in text
    helper = user(core, "h2", policy(statement("Allow", "iam:UpdateUser", Resource=both)))
    core.ok("iam:UpdateUser", UserName="alice", NewUserName="bob", caller=helper)


def test_a_user_with_something_is_not_deleted(core: Core) -> None:
    """Policies and access keys have to go first; then the name is free, for somebody with another id."""
    first = core.ok("iam:CreateUser", UserName="alice")["User"]
    document = policy(statement("Allow", "kms:ListKeys"))
    core.ok("iam:PutUserPolicy", UserName="alice", PolicyName="p", PolicyDocument=document)
    key = core.ok("iam:CreateAccessKey", UserName="alice")["AccessKey"]["AccessKeyId"]
    conflict = "DeleteConflict"
    assert core.refused("iam:DeleteUser", UserName="alice") == (
        conflict,
        "Cannot delete entity, must delete policies first.",
    )
    core.ok("iam:DeleteUserPolicy", UserName="alice", PolicyName="p")
    assert core.refused("iam:DeleteUser", UserName="alice") == (
        conflict,
        "Cannot delete entity, must delete access keys first.",
    )
    core.ok("iam:DeleteAccessKey", UserName="alice", AccessKeyId=key)
    core.ok("iam:DeleteUser", UserName="alice")
    assert core.refused("iam:GetUser", UserName="alice")[0] == "NoSuchEntity"
    assert core.ok("iam:CreateUser", UserName="alice")["User"]["UserId"] != first["UserId"]


# --- what is not here, and how much there may be ---


@pytest.mark.parametrize("operation", ["CreateUser", "CreateRole"])
@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("PermissionsBoundary", "arn:aws:iam::aws:policy/ReadOnlyAccess"),
        ("Tags", [{"Key": "team", "Value": "kms"}]),
    ],
)
def test_what_would_be_no_limit_is_refused(core: Core, operation: str, member: str, value: object) -> None:
    """A boundary or a tag that was passed over in silence would be taken for a limit."""
    own = {"UserName": "a"} if operation == "CreateUser" else {"RoleName": "a", "AssumeRolePolicyDocument": "{}"}
    assert core.refused(f"iam:{operation}", **own, **{member: value})[0] == "InvalidInput"
    core.ok("iam:CreateUser", UserName="b", Tags=[])


@pytest.mark.parametrize(
    ("kind", "quota", "most"), [("user", "UsersPerAccount", 5000), ("role", "RolesPerAccount", 1000)]
)
def test_quotas_are_those_of_aws(kind: str, quota: str, most: int) -> None:
    """5,000 users and 1,000 roles an account (IAM User Guide, "IAM and AWS STS quotas")."""
    assert principals._QUOTAS[PrincipalKind(kind)] == (quota, most)


def test_no_more_than_the_quota(core: Core, monkeypatch: pytest.MonkeyPatch) -> None:
    """The last that fits is made, the next is not; one that goes makes room."""
    monkeypatch.setitem(principals._QUOTAS, PrincipalKind.USER, ("UsersPerAccount", 3))
    for name in "abc":
        core.ok("iam:CreateUser", UserName=name)
    assert core.refused("iam:CreateUser", UserName="d") == (
        "LimitExceeded",
        "Cannot exceed quota for UsersPerAccount: 3",
    )
    core.ok("iam:DeleteUser", UserName="a")
    core.ok("iam:CreateUser", UserName="d")


def test_an_account_that_nobody_heard_of(core: Core) -> None:
    """In dev mode its root signs before the store knows it; with its first user the account is there."""
    stranger = "111122223333"
    assert core.ok("iam:ListUsers", account=stranger)["Users"] == []
    core.ok("iam:CreateUser", UserName="alice", account=stranger)
    assert core.store.account_names("", 10) == [stranger, ACCOUNT, OTHER]
    core.store.check()


def test_two_make_the_same_user(core: Core) -> None:
    """Who comes second while the first commits is refused: the name is looked at again in the transaction."""
    answer = core.call("iam:CreateUser", UserName="alice", between=lambda: core.ok("iam:CreateUser", UserName="Alice"))
    assert answer.code == "EntityAlreadyExists"
    assert names(core) == ["Alice"]
