"""Inline policies of users and roles: put as they are, shown as they are, listed, deleted, bounded."""

from typing import Any
from urllib.parse import unquote

import pytest

from tests.actors import policy, statement
from tests.core import Core

TRUST = policy({"Effect": "Allow", "Principal": {"AWS": "123456789012"}, "Action": "sts:AssumeRole"})
# A document with blanks, line ends and characters beyond ASCII, as people write them.
DOCUMENT = """{
\t"Version": "2012-10-17",\r
\t"Statement": [{"Sid": "a", "Effect": "Allow", "Action": "kms:Decrypt", "Resource": "*",
\t\t"Condition": {"StringEquals": {"kms:EncryptionContext:caf\u00e9": "50%+1 & <more/>"}}}]
}"""
KINDS = ("User", "Role")


@pytest.fixture(params=KINDS)
def owner(core: Core, request: pytest.FixtureRequest) -> tuple[str, dict[str, Any]]:
    """User or Role, and what names a new one of that kind."""
    if request.param == "User":
        core.ok("iam:CreateUser", UserName="owner")
        return "User", {"UserName": "owner"}
    core.ok("iam:CreateRole", RoleName="owner", AssumeRolePolicyDocument=TRUST)
    return "Role", {"RoleName": "owner"}


def sized(size: int, blanks: int = 0) -> str:
    """A policy of so many characters that are no white space, with some that are."""
    bare = policy(statement("Allow", "kms:*", Sid="")).replace(" ", "")
    return bare.replace('"Sid":""', f'"Sid":{" " * blanks}"{"s" * (size - len(bare))}"')


def put(core: Core, owner: tuple[str, dict[str, Any]], name: str, document: str) -> None:
    """Put a policy."""
    kind, named = owner
    core.ok(f"iam:Put{kind}Policy", PolicyName=name, PolicyDocument=document, **named)


def test_a_policy_is_shown_as_it_was_put(core: Core, owner: tuple[str, dict[str, Any]]) -> None:
    """Byte for byte, in URL encoding that leaves nothing but RFC 3986's unreserved characters."""
    kind, named = owner
    put(core, owner, "p", DOCUMENT)
    shown = core.ok(f"iam:Get{kind}Policy", PolicyName="p", **named)
    assert {name: shown[name] for name in named} == named
    assert shown["PolicyName"] == "p"
    encoded = shown["PolicyDocument"]
    assert unquote(encoded) == DOCUMENT
    assert not set(encoded.replace("%", "")) & set(" \t\r\n\"+&<>/:*{}[],'é")


def test_a_policy_is_replaced(core: Core, owner: tuple[str, dict[str, Any]]) -> None:
    """Under its name, which tells apart upper and lower case; others stay."""
    kind, named = owner
    for name, action in (("p", "kms:Sign"), ("P", "kms:Verify"), ("p", "kms:Decrypt")):
        put(core, owner, name, policy(statement("Allow", action)))
    shown = {
        name: unquote(core.ok(f"iam:Get{kind}Policy", PolicyName=name, **named)["PolicyDocument"]) for name in "pP"
    }
    assert "kms:Decrypt" in shown["p"]
    assert "kms:Verify" in shown["P"]


def test_policies_are_listed(core: Core, owner: tuple[str, dict[str, Any]]) -> None:
    """Their names, in order, in pages of each size."""
    kind, named = owner
    for name in ("c", "a", "B"):
        put(core, owner, name, policy(statement("Allow", "kms:Sign")))
    for size in (1, 2, 3, 4):
        found: list[str] = []
        marker: dict[str, str] = {}
        while True:
            page = core.ok(f"iam:List{kind}Policies", MaxItems=size, **marker, **named)
            found += page["PolicyNames"]
            if not page["IsTruncated"]:
                break
            marker = {"Marker": page["Marker"]}
        assert found == ["B", "a", "c"]


def test_a_deleted_policy_is_gone(core: Core, owner: tuple[str, dict[str, Any]]) -> None:
    """It is shown and listed no more, and cannot be deleted twice."""
    kind, named = owner
    put(core, owner, "p", DOCUMENT)
    core.ok(f"iam:Delete{kind}Policy", PolicyName="p", **named)
    assert core.ok(f"iam:List{kind}Policies", **named)["PolicyNames"] == []
    missing = ("NoSuchEntity", f"The {kind.lower()} policy with name p cannot be found.")
    assert core.refused(f"iam:Get{kind}Policy", PolicyName="p", **named) == missing
    assert core.refused(f"iam:Delete{kind}Policy", PolicyName="p", **named) == missing


MALFORMED = {
    "no JSON": "nonsense",
    "an empty object": "{}",
    "a member twice": '{"Version":"2012-10-17","Version":"2012-10-17","Statement":[]}',
    "a principal": policy(statement("Allow", "kms:*", Principal="*")),
    "no resource": policy({"Effect": "Allow", "Action": "kms:*"}),
    "no action": policy({"Effect": "Allow", "Resource": "*"}),
}


@pytest.mark.parametrize("case", MALFORMED)
def test_no_policy_of_an_identity(core: Core, owner: tuple[str, dict[str, Any]], case: str) -> None:
    """What is no such policy is refused as AWS refuses it, and nothing is put."""
    kind, named = owner
    refused = core.refused(f"iam:Put{kind}Policy", PolicyName="p", PolicyDocument=MALFORMED[case], **named)
    assert refused[0] == "MalformedPolicyDocument"
    assert refused[1]
    assert core.ok(f"iam:List{kind}Policies", **named)["PolicyNames"] == []


def test_policies_fit_together(core: Core, owner: tuple[str, dict[str, Any]]) -> None:
    """2,048 characters for a user and 10,240 for a role, white space not counted, all inline policies together."""
    kind, named = owner
    most = {"User": 2048, "Role": 10_240}[kind]
    put(core, owner, "a", sized(most - 500, blanks=3000))
    put(core, owner, "b", sized(500))
    put(core, owner, "b", sized(499))
    put(core, owner, "b", sized(500, blanks=10))
    full = ("LimitExceeded", f"Maximum policy size of {most} bytes exceeded for {kind.lower()} owner")
    assert core.refused(f"iam:Put{kind}Policy", PolicyName="b", PolicyDocument=sized(501), **named) == full
    assert core.refused(f"iam:Put{kind}Policy", PolicyName="c", PolicyDocument=sized(100), **named) == full
    core.ok(f"iam:Delete{kind}Policy", PolicyName="b", **named)
    put(core, owner, "c", sized(100))


def test_the_record_of_a_policy(core: Core, owner: tuple[str, dict[str, Any]]) -> None:
    """It holds the document as it was sent."""
    kind, named = owner
    answer = core.call(f"iam:Put{kind}Policy", PolicyName="p", PolicyDocument=DOCUMENT, **named)
    assert answer.record["requestParameters"]["policyDocument"] == DOCUMENT
    assert answer.record["eventName"] == f"Put{kind}Policy"


def test_nothing_is_attached(core: Core, owner: tuple[str, dict[str, Any]]) -> None:
    """There are no managed policies, groups, instance profiles and other credentials, and the lists say so."""
    kind, named = owner
    lists = {
        "User": {
            "ListAttachedUserPolicies": "AttachedPolicies",
            "ListGroupsForUser": "Groups",
            "ListMFADevices": "MFADevices",
            "ListSSHPublicKeys": "SSHPublicKeys",
            "ListServiceSpecificCredentials": "ServiceSpecificCredentials",
            "ListSigningCertificates": "Certificates",
        },
        "Role": {"ListAttachedRolePolicies": "AttachedPolicies", "ListInstanceProfilesForRole": "InstanceProfiles"},
    }
    for operation, member in lists[kind].items():
        assert core.ok(f"iam:{operation}", **named) == {member: [], "IsTruncated": False}


def test_nobody_has_a_password(core: Core) -> None:
    """A user who is there is told to have none, as at AWS."""
    core.ok("iam:CreateUser", UserName="alice")
    told = core.refused("iam:GetLoginProfile", UserName="alice")
    assert told == ("NoSuchEntity", "Login Profile for User alice cannot be found.")
