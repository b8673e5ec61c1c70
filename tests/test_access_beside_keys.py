"""Operations on no key, and those of IAM and STS: by omission, deny and allow; the cases come from the tables."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from strongroom.model.identity import PrincipalKind, StoredPrincipal
from strongroom.model.policy import BoundPolicy
from strongroom.operations.table import Operation
from tests.actors import policy, put_policies, role, root, session_of, statement, user
from tests.core import ACCOUNT, MODELS, OTHER, SERVICES, Core, open_core

DENIED = {"AccessDeniedException", "AccessDenied"}
FREE = {"sts:GetCallerIdentity"}
TRUST = policy({"Effect": "Allow", "Principal": {"AWS": ACCOUNT}, "Action": "sts:AssumeRole"})
PROPERTY = policy(statement("Allow", "kms:ListKeys"))

# What the requests name: a user with an access key and a policy, and a role with one; and what is new.
MEMBERS: dict[str, Any] = {
    "UserName": "alice", "RoleName": "worker", "PolicyName": "p0", "PolicyDocument": PROPERTY,
    "AccessKeyId": f"AKIA{'ALICE':X<16}", "Status": "Inactive", "AssumeRolePolicyDocument": TRUST,
    "RoleArn": f"arn:aws:iam::{ACCOUNT}:role/worker", "RoleSessionName": "job", "Description": "new",
    "RetiringPrincipal": f"arn:aws:iam::{ACCOUNT}:user/alice", "NumberOfBytes": 8,
}  # fmt: skip
NEW = {"iam:CreateUser": {"UserName": "new"}, "iam:CreateRole": {"RoleName": "new"}}
NEW["iam:UpdateAssumeRolePolicy"] = {"PolicyDocument": TRUST}


def rows() -> Iterator[tuple[str, Operation]]:
    """Every operation that is decided on something else than a key."""
    for scope, service in SERVICES.items():
        for name, row in service.operations.items():
            if not row.key_targets and f"{scope}:{name}" not in FREE:
                yield f"{scope}:{name}", row


ROWS = dict(rows())


def request_of(case: str) -> dict[str, Any]:
    """The members that a request needs, and those that name something."""
    scope, _, name = case.partition(":")
    shape = MODELS[scope].operation_model(name).input_shape
    known = set(shape.members) if shape else set()
    wanted = {*(shape.required_members if shape else ()), "UserName", "RetiringPrincipal", "NumberOfBytes"} & known
    return {member: MEMBERS[member] for member in wanted} | NEW.get(case, {})


@pytest.fixture
def core(tmp_path: Path) -> Iterator[Core]:
    """A core with a user and a role to be asked for."""
    with open_core(tmp_path) as opened:
        user(opened, "alice", PROPERTY)
        found = role(opened, "worker", PROPERTY)
        trusting = replace(found, trust=BoundPolicy(TRUST))
        opened.store.run(lambda tx: tx.put_principal(trusting))
        yield opened


def here(core: Core) -> list[StoredPrincipal | None]:
    """The user and the role of this account."""
    places = ((PrincipalKind.USER, "alice"), (PrincipalKind.ROLE, "worker"))
    return core.store.run(lambda tx: [tx.principal(ACCOUNT, kind, name) for kind, name in places])


@pytest.mark.parametrize("case", ROWS)
def test_identity_policies_decide(core: Core, case: str) -> None:
    """Nobody may by omission, nor by another allowance, nor against a deny; an allow is enough; and so for sessions."""
    request = request_of(case)
    caller = user(core, "caller", policy(statement("Allow", "*", NotResource="arn:aws:iam::*:nothing/*")))
    put_policies(core, PrincipalKind.USER, "caller", ACCOUNT, {"p0": policy(statement("Allow", "kms:Encrypt"))})
    refused = core.call(case, caller=caller, **request)
    assert refused.code in DENIED, refused.members
    assert f"User: {caller.arn} is not authorized to perform: {case}" in refused.message
    assert refused.record["errorCode"] == refused.code

    put_policies(core, PrincipalKind.USER, "caller", ACCOUNT, {"p1": policy(statement("Allow", case))})
    put_policies(core, PrincipalKind.USER, "caller", ACCOUNT, {"p2": policy(statement("Deny", case))})
    assert core.call(case, caller=caller, **request).code in DENIED

    session = session_of(
        role(core, "delegate", policy(statement("Allow", case))), limit=policy(statement("Allow", "s3:*"))
    )
    assert core.call(case, caller=session, **request).code in DENIED

    able = session_of(role(core, "able", policy(statement("Allow", case))))
    answer = core.call(case, caller=able, **request)
    assert answer.code not in DENIED, answer.message


@pytest.mark.parametrize("case", [case for case in ROWS if case.startswith("iam:")])
def test_nobody_acts_in_another_account(core: Core, case: str) -> None:
    """The root of another account asks for its own users and roles, whatever their names, and not for those here."""
    before = here(core)
    answer = core.call(case, caller=root(OTHER), **request_of(case))
    if ROWS[case].targets:
        assert answer.code == "NoSuchEntity"
    assert here(core) == before


def test_what_is_free_needs_nothing(core: Core) -> None:
    """GetCallerIdentity works against every deny (AWS STS API Reference)."""
    caller = user(core, "caller", policy(statement("Deny", "*")))
    assert core.ok("sts:GetCallerIdentity", caller=caller)["Arn"] == caller.arn
