"""Roles: made, shown, listed, changed, deleted, and whom their trust policies name."""

import json
import re
from typing import Any
from urllib.parse import unquote

import pytest

from strongroom.model.identity import PrincipalKind
from tests.actors import policy, statement, user
from tests.core import ACCOUNT, OTHER, Core

ROOT = f"arn:aws:iam::{ACCOUNT}:root"


def trust(*principals: str, **members: Any) -> str:
    """A trust policy for AWS principals."""
    allow = {"Effect": "Allow", "Principal": {"AWS": list(principals)}, "Action": "sts:AssumeRole"}
    return policy(allow | members)


def make(core: Core, name: str = "worker", **members: Any) -> dict[str, Any]:
    """A new role that the account trusts, unless told."""
    found: dict[str, Any] = core.ok(
        "iam:CreateRole", RoleName=name, **({"AssumeRolePolicyDocument": trust(ROOT)} | members)
    )["Role"]
    return found


def bindings(core: Core, name: str = "worker") -> dict[str, str]:
    """What the principals of a role's trust policy are bound to."""
    stored = core.store.principal(ACCOUNT, PrincipalKind.ROLE, name)
    assert stored is not None
    assert stored.principal.trust is not None
    return dict(stored.principal.trust.bindings)


NOBODY: dict[str, dict[str, Any]] = {
    "GetRole": {},
    "UpdateRole": {},
    "UpdateRoleDescription": {"Description": ""},
    "UpdateAssumeRolePolicy": {"PolicyDocument": trust(ROOT)},
    "DeleteRole": {},
    "PutRolePolicy": {"PolicyName": "p", "PolicyDocument": policy(statement("Allow", "kms:*"))},
    "GetRolePolicy": {"PolicyName": "p"},
    "ListRolePolicies": {},
    "DeleteRolePolicy": {"PolicyName": "p"},
    "ListAttachedRolePolicies": {},
    "ListInstanceProfilesForRole": {},
}


def test_a_new_role(core: Core) -> None:
    """It has an id, an ARN with its path, an hour's sessions unless told; GetRole tells the same."""
    made = make(core, Path="/apps/", Description="Payroll's.", MaxSessionDuration=7200)
    assert re.fullmatch("AROA[A-Z2-7]{17}", made["RoleId"])
    assert made["Arn"] == f"arn:aws:iam::{ACCOUNT}:role/apps/worker"
    assert (made["Path"], made["Description"], made["MaxSessionDuration"]) == ("/apps/", "Payroll's.", 7200)
    assert unquote(made["AssumeRolePolicyDocument"]) == trust(ROOT)
    assert core.ok("iam:GetRole", RoleName="worker")["Role"] == made
    plain = make(core, "plain")
    assert (plain["Path"], plain["MaxSessionDuration"]) == ("/", 3600)
    assert "Description" not in plain


@pytest.mark.parametrize("operation", NOBODY)
def test_nobody(core: Core, operation: str) -> None:
    """A role that does not exist, or is another account's, is not found."""
    make(core, account=OTHER)
    assert core.refused(f"iam:{operation}", RoleName="worker", **NOBODY[operation]) == (
        "NoSuchEntity",
        "The role with name worker cannot be found.",
    )


@pytest.mark.parametrize("operation", NOBODY)
def test_a_role_is_for_whom_a_policy_allows(core: Core, operation: str) -> None:
    """The action is needed on the role's ARN, path and all."""
    make(core, Path="/apps/")
    one = statement("Allow", f"iam:{operation}", Resource=f"arn:aws:iam::{ACCOUNT}:role/apps/worker")
    denied = core.refused(f"iam:{operation}", RoleName="worker", caller=user(core, "eve"), **NOBODY[operation])
    assert denied[0] == "AccessDenied"
    assert f"iam:{operation} on resource: arn:aws:iam::{ACCOUNT}:role/apps/worker because" in denied[1]
    answer = core.call(
        f"iam:{operation}", RoleName="worker", caller=user(core, "bob", policy(one)), **NOBODY[operation]
    )
    assert answer.code in {None, "NoSuchEntity"}  # the policy that some name is not there


def test_a_role_is_made_by_whom_a_policy_allows(core: Core) -> None:
    """CreateRole is needed on the ARN that it is to have, ListRoles on the path."""
    maker = user(core, "maker", policy(statement("Allow", "iam:*", Resource=f"arn:aws:iam::{ACCOUNT}:role/apps/*")))
    make(core, "a", Path="/apps/", caller=maker)
    assert core.ok("iam:ListRoles", PathPrefix="/apps/", caller=maker)["Roles"][0]["RoleName"] == "a"
    members = {"RoleName": "b", "AssumeRolePolicyDocument": trust(ROOT), "caller": maker}
    assert core.refused("iam:CreateRole", **members)[0] == "AccessDenied"
    assert core.refused("iam:ListRoles", caller=maker)[0] == "AccessDenied"


def test_names_are_taken_in_any_letter_case(core: Core) -> None:
    """As those of users are."""
    make(core)
    members = {"RoleName": "Worker", "AssumeRolePolicyDocument": trust(ROOT)}
    assert core.refused("iam:CreateRole", **members) == (
        "EntityAlreadyExists",
        "Role with name Worker already exists.",
    )


def test_roles_are_listed(core: Core) -> None:
    """In the order of their names, under a path, in pages."""
    for name, path in (("c", "/"), ("a", "/apps/"), ("b", "/apps/")):
        make(core, name, Path=path)
    page = core.ok("iam:ListRoles", MaxItems=1, PathPrefix="/apps/")
    rest = core.ok("iam:ListRoles", MaxItems=1, PathPrefix="/apps/", Marker=page["Marker"])
    assert [found["RoleName"] for found in page["Roles"] + rest["Roles"]] == ["a", "b"]
    assert (page["IsTruncated"], rest["IsTruncated"]) == (True, False)
    assert [found["RoleName"] for found in core.ok("iam:ListRoles")["Roles"]] == ["a", "b", "c"]


def test_a_role_is_changed(core: Core) -> None:
    """What is left out stays; an empty description takes it away."""
    before = make(core, Description="old", MaxSessionDuration=7200)
    core.ok("iam:UpdateRole", RoleName="worker", Description="new")
    core.ok("iam:UpdateRole", RoleName="worker", MaxSessionDuration=43200)
    core.ok("iam:UpdateRole", RoleName="worker")
    now = core.ok("iam:GetRole", RoleName="worker")["Role"]
    assert now == before | {"Description": "new", "MaxSessionDuration": 43200}
    shown = core.ok("iam:UpdateRoleDescription", RoleName="worker", Description="newer")["Role"]
    assert shown["Description"] == "newer"
    core.ok("iam:UpdateRole", RoleName="worker", Description="")
    assert "Description" not in core.ok("iam:GetRole", RoleName="worker")["Role"]


@pytest.mark.parametrize("operation", ["CreateRole", "UpdateRole"])
def test_there_are_no_sign_in_sessions(core: Core, operation: str) -> None:
    """Their length is refused, not passed over."""
    more = {"AssumeRolePolicyDocument": trust(ROOT)} if operation == "CreateRole" else {}
    refused = core.refused(f"iam:{operation}", RoleName="r", MaxSigninSessionDuration=3600, **more)
    assert refused[0] == "InvalidInput"


def test_a_role_with_policies_is_not_deleted(core: Core) -> None:
    """They have to go first; then the name is free, for a role with another id."""
    first = make(core)
    document = policy(statement("Allow", "kms:*"))
    core.ok("iam:PutRolePolicy", RoleName="worker", PolicyName="p", PolicyDocument=document)
    assert core.refused("iam:DeleteRole", RoleName="worker") == (
        "DeleteConflict",
        "Cannot delete entity, must delete policies first.",
    )
    core.ok("iam:DeleteRolePolicy", RoleName="worker", PolicyName="p")
    core.ok("iam:DeleteRole", RoleName="worker")
    assert make(core)["RoleId"] != first["RoleId"]


# --- trust ---


def test_trusted_principals_are_bound(core: Core) -> None:
    """Users and roles to their unique ids; accounts need no binding, known here or not."""
    alice = user(core, "alice")
    other = make(core, "other")
    make(core, AssumeRolePolicyDocument=trust(alice.arn, other["Arn"], ROOT, "999999999999", OTHER))
    assert bindings(core) == {alice.arn: alice.principal_id, other["Arn"]: other["RoleId"]}


def test_a_principal_that_is_gone_is_shown_by_its_id(core: Core) -> None:
    """A namesake made later is not who was trusted."""
    alice = core.ok("iam:CreateUser", UserName="alice")["User"]
    make(core, AssumeRolePolicyDocument=trust(alice["Arn"]))
    core.ok("iam:DeleteUser", UserName="alice")
    core.ok("iam:CreateUser", UserName="alice")
    shown = json.loads(unquote(core.ok("iam:GetRole", RoleName="worker")["Role"]["AssumeRolePolicyDocument"]))
    assert shown["Statement"][0]["Principal"] == {"AWS": [alice["UserId"]]}


def test_a_trust_policy_is_replaced(core: Core) -> None:
    """With its bindings; a description does not touch it."""
    alice = user(core, "alice")
    make(core)
    core.ok("iam:UpdateAssumeRolePolicy", RoleName="worker", PolicyDocument=trust(alice.arn))
    core.ok("iam:UpdateRole", RoleName="worker", Description="x")
    assert bindings(core) == {alice.arn: alice.principal_id}
    shown = core.ok("iam:GetRole", RoleName="worker")["Role"]["AssumeRolePolicyDocument"]
    assert unquote(shown) == trust(alice.arn)


STRANGERS = (
    f"arn:aws:iam::{ACCOUNT}:user/nobody",
    f"arn:aws:iam::{ACCOUNT}:role/nobody",
    "arn:aws:iam::999999999999:user/alice",
    f"arn:aws-cn:iam::{ACCOUNT}:user/alice",
    f"arn:aws:iam::{ACCOUNT}:user/path/alice",
)


@pytest.mark.parametrize("stranger", STRANGERS)
def test_nobody_is_trusted_who_does_not_exist(core: Core, stranger: str) -> None:
    """The text names the principal, as AWS's does, wherever a trust policy is put."""
    user(core, "alice")
    make(core)
    refusal = ("MalformedPolicyDocument", f'Invalid principal in policy: "AWS":"{stranger}"')
    document = trust(ROOT, stranger)
    assert core.refused("iam:CreateRole", RoleName="r", AssumeRolePolicyDocument=document) == refusal
    assert core.refused("iam:UpdateAssumeRolePolicy", RoleName="worker", PolicyDocument=document) == refusal
    assert bindings(core) == {}


MALFORMED = {
    "no JSON": "nonsense",
    "nobody": policy({"Effect": "Allow", "Action": "sts:AssumeRole"}),
    "a resource": trust(ROOT, Resource="*"),
}


@pytest.mark.parametrize("case", MALFORMED)
def test_no_trust_policy(core: Core, case: str) -> None:
    """What is none is refused as AWS refuses it, and nothing is put."""
    make(core)
    document = MALFORMED[case]
    for refused in (
        core.refused("iam:CreateRole", RoleName="r", AssumeRolePolicyDocument=document),
        core.refused("iam:UpdateAssumeRolePolicy", RoleName="worker", PolicyDocument=document),
    ):
        assert refused[0] == "MalformedPolicyDocument"
        assert refused[1]
    assert [found["RoleName"] for found in core.ok("iam:ListRoles")["Roles"]] == ["worker"]


def test_a_trust_policy_has_a_size(core: Core) -> None:
    """2,048 characters that are no white space (IAM User Guide, quotas)."""
    bare = trust(ROOT, Sid="").replace(" ", "")
    largest = bare.replace('"Sid":""', f'"Sid":{" " * 500}"{"s" * (2048 - len(bare))}"')
    make(core, AssumeRolePolicyDocument=largest)
    assert core.refused(
        "iam:UpdateAssumeRolePolicy", RoleName="worker", PolicyDocument=largest.replace('"s', '"ss')
    ) == ("LimitExceeded", "Cannot exceed quota for ACLSizePerRole: 2048")
