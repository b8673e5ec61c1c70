"""The decision at the edges that no worked case of AWS's documentation has; the oracle holds all the rest."""

import json
from typing import Any

import pytest

from strongroom.authz.context import Context
from strongroom.authz.decide import ALLOWED, Action, Decision, Named, Reason, Resource, Subject, decide
from strongroom.authz.policy import Policy, PolicyKind, Who, WhoKind, compile_policy
from strongroom.model.policy import BoundPolicy

OWN, FOREIGN = "111122223333", "444455556666"
KEY = f"arn:aws:kms:us-east-1:{OWN}:key/1234abcd-12ab-34cd-56ef-1234567890ab"
NOTHING = Context(lambda _: None)
ROOT = Subject(Who(OWN, WhoKind.ROOT))


def compiled(kind: PolicyKind, *statements: dict[str, Any]) -> Policy:
    """A policy of statements."""
    return compile_policy(BoundPolicy(json.dumps({"Version": "2012-10-17", "Statement": statements})), kind)


def allow(**members: Any) -> dict[str, Any]:
    """An Allow of everything."""
    return {"Effect": "Allow", "Action": "*", "Resource": "*", **members}


def test_what_has_no_policy_is_its_accounts_alone() -> None:
    """The root of the account may do all with it, no other account anything, whatever its IAM policies say."""
    stranger = Subject(Who(FOREIGN, WhoKind.USER, ("AIDA",)), (Named("all", compiled(PolicyKind.IDENTITY, allow())),))
    alias = Resource(f"arn:aws:kms:us-east-1:{OWN}:alias/a", OWN)
    action = Action("kms:CreateAlias", cross_account=True)
    assert decide(ROOT, alias, action, NOTHING) == ALLOWED
    assert decide(stranger, alias, action, NOTHING) == Decision(Reason.IMPLICIT_RESOURCE)


@pytest.mark.parametrize("account", [OWN, FOREIGN])
@pytest.mark.parametrize("cross_account", [True, False])
def test_a_service_needs_the_key_policy_alone(account: str, *, cross_account: bool) -> None:
    """A service is in no account: what the key policy says of it is enough, for keys of any account."""
    service = Subject(Who("", WhoKind.SERVICE, ("service:backup.example.internal",)))
    named = compiled(PolicyKind.KEY, allow(Principal={"Service": "backup.example.internal"}))
    other = compiled(PolicyKind.KEY, allow(Principal={"Service": "mail.example.internal"}))
    action = Action("kms:Decrypt", cross_account=cross_account)
    assert decide(service, Resource(KEY, account, named), action, NOTHING) == ALLOWED
    assert decide(service, Resource(KEY, account, other), action, NOTHING).reason is Reason.IMPLICIT_RESOURCE


def test_a_deny_in_the_session_policy_is_found_last() -> None:
    """Where several deny, the reason is the key policy's, then that of the identity, then that of the session."""
    deny = allow() | {"Effect": "Deny"}
    who = Who(OWN, WhoKind.SESSION, ("AROA", "AROA:job"))
    named, session = Named("no", compiled(PolicyKind.IDENTITY, deny)), compiled(PolicyKind.SESSION, deny)
    policy = compiled(PolicyKind.KEY, deny | {"Principal": "*"})
    open_policy = compiled(PolicyKind.KEY, allow(Principal="*"))
    cases = {
        Reason.EXPLICIT_RESOURCE: (Subject(who, (named,), session), policy),
        Reason.EXPLICIT_IDENTITY: (Subject(who, (named,), session), open_policy),
        Reason.EXPLICIT_SESSION: (Subject(who, (), session), open_policy),
    }
    for reason, (subject, key_policy) in cases.items():
        assert decide(subject, Resource(KEY, OWN, key_policy), Action("kms:Decrypt"), NOTHING).reason is reason
