"""Users, roles and sessions for tests, put into a core's store past IAM."""

import json
from typing import Any

from strongroom.model.identity import (
    CREDENTIAL_PURPOSE,
    Caller,
    Credential,
    Principal,
    PrincipalKind,
    Session,
    calling_root,
    calling_session,
    calling_user,
)
from strongroom.model.policy import BoundPolicy
from tests.core import ACCESS_KEY, ACCOUNT, Core, secret_box

NOW = 1_780_000_000.0
FAR = 4_000_000_000.0


def root(account: str = ACCOUNT) -> Caller:
    """The root of an account."""
    return calling_root(account, "aws", ACCESS_KEY)


def statement(effect: str, action: str | list[str], **members: Any) -> dict[str, Any]:
    """A statement of a policy, on ``*`` unless told."""
    place = {} if "NotResource" in members else {"Resource": "*"}
    return {"Effect": effect, "Action": action, **place, **members}


def policy(*statements: dict[str, Any]) -> str:
    """A policy document."""
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


NOBODY = policy({"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "nobody.example.internal"}})
"""A trust policy that nobody is meant by."""


def put_policies(core: Core, kind: PrincipalKind, name: str, account: str, policies: dict[str, str]) -> None:
    """Give a user or a role inline policies."""

    def work(tx: Any) -> None:
        principal = tx.principal(account, kind, name).principal
        for policy_name, document in policies.items():
            tx.put_principal_policy(principal, policy_name, document)

    core.store.run(work)


def remove(core: Core, caller: Caller) -> None:
    """Delete a user, or the role of a session."""

    def work(tx: Any) -> None:
        tx.delete_principal(tx.principal(caller.account, caller.kind, caller.name).principal)

    core.store.run(work)


def user(core: Core, name: str = "alice", *policies: str, account: str = ACCOUNT, path: str = "/") -> Caller:
    """A new user with an access key and inline policies p0, p1, ..."""
    unique_id, access_key_id = f"AIDA{name.upper():X<17}", f"AKIA{name.upper():X<16}"
    principal = Principal(
        account=account, kind=PrincipalKind.USER, name=name, path=path, unique_id=unique_id, created_at=NOW
    )
    sealed = secret_box().seal(CREDENTIAL_PURPOSE, (access_key_id, account), b"secret")
    credential = Credential(
        access_key_id=access_key_id,
        account=account,
        kind=PrincipalKind.USER,
        name=name,
        sealed_secret=sealed,
        active=True,
        created_at=NOW,
    )

    def work(tx: Any) -> None:
        tx.put_account(account, NOW)
        tx.put_principal(principal)
        tx.put_credential(credential)

    core.store.run(work)
    put_policies(core, PrincipalKind.USER, name, account, {f"p{n}": text for n, text in enumerate(policies)})
    return calling_user(principal, "aws", access_key_id)


def role(core: Core, name: str = "worker", *policies: str, account: str = ACCOUNT) -> Principal:
    """A new role that nobody trusts yet."""
    principal = Principal(
        account=account,
        kind=PrincipalKind.ROLE,
        name=name,
        path="/",
        unique_id=f"AROA{name.upper():X<17}",
        created_at=NOW,
        trust=BoundPolicy(NOBODY),
        max_session_seconds=3600,
    )

    def work(tx: Any) -> None:
        tx.put_account(account, NOW)
        tx.put_principal(principal)

    core.store.run(work)
    put_policies(core, PrincipalKind.ROLE, name, account, {f"p{n}": text for n, text in enumerate(policies)})
    return principal


def session_of(principal: Principal, name: str = "job", *, limit: str | None = None, **members: Any) -> Caller:
    """A session of a role."""
    session = Session(name=name, role_id=principal.unique_id, issued_at=NOW, expires_at=FAR, policy=limit, **members)
    return calling_session(principal, session, "aws", "ASIAIOSFODNN7EXAMPLE")
