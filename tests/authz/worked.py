"""What the tables of hand-worked cases are made of."""

import json
from collections.abc import Callable
from typing import NamedTuple

from tests.authz.oracle.case import Caller, Case, ContextKeys, Json, Verdict

HOME, AWAY = "111122223333", "444455556666"
KEY = f"arn:aws:kms:us-east-1:{HOME}:key/1234abcd-12ab-34cd-56ef-1234567890ab"
OTHER_KEY = f"arn:aws:kms:us-east-1:{HOME}:key/0987dcba-09fe-87dc-65ba-ab0987654321"

USER, ROLE = f"arn:aws:iam::{HOME}:user/ExampleUser", f"arn:aws:iam::{HOME}:role/ExampleRole"
SESSION = f"arn:aws:sts::{HOME}:assumed-role/ExampleRole/example"
FAR_USER, FAR_ROLE = f"arn:aws:iam::{AWAY}:user/Bob", f"arn:aws:iam::{AWAY}:role/audit"
FAR_SESSION = f"arn:aws:sts::{AWAY}:assumed-role/audit/app"
ROOT, FAR_ROOT = f"arn:aws:iam::{HOME}:root", f"arn:aws:iam::{AWAY}:root"
BINDINGS = {
    USER: "AIDAUSER",
    ROLE: "AROAROLE",
    SESSION: "AROAROLE:example",
    FAR_USER: "AIDABOB",
    FAR_ROLE: "AROAAUDIT",
    FAR_SESSION: "AROAAUDIT:app",
}

user = Caller("user", HOME, ("AIDAUSER",))
session = Caller("session", HOME, ("AROAROLE", "AROAROLE:example"))
root = Caller("root", HOME)
far_user = Caller("user", AWAY, ("AIDABOB",))
far_session = Caller("session", AWAY, ("AROAAUDIT", "AROAAUDIT:app"))
far_root = Caller("root", AWAY)
service = Caller("service", "", ("service:backup.example.internal",))

Judge = Callable[[Case], Verdict]


class Worked(NamedTuple):
    """A case whose answer AWS documents.

    Attributes:
        name: What it shows.
        source: The document and its section.
    """

    name: str
    source: str
    case: Case
    allowed: bool


def document(*statements: Json, version: str = "2012-10-17") -> str:
    """A policy."""
    return json.dumps({"Version": version, "Statement": list(statements)})


def statement(action: Json = "kms:*", resource: Json = "*", effect: str = "Allow", **more: Json) -> dict[str, Json]:
    """A statement without a principal."""
    return {"Effect": effect, "Action": action, "Resource": resource, **more}


def naming(*principals: str, effect: str = "Allow", action: Json = "kms:*", **more: Json) -> dict[str, Json]:
    """A statement of a key policy."""
    return statement(action, effect=effect, Principal={"AWS": list(principals)}, **more)


ALLOWED, DENIED = True, False

ALLOWS = document(statement())
SILENT = document(statement("s3:*"))
DENIES = document(statement(effect="Deny"))


def asking(
    caller: Caller,
    *key_policy: Json,
    action: str = "kms:Decrypt",
    identity: str | None = None,
    session_policy: str | None = None,
    context: dict[str, str | list[str]] | None = None,
    grants: tuple[dict[str, Json], ...] = (),
    pairs: dict[str, str] | None = None,
    child: dict[str, Json] | None = None,
    version: str = "2012-10-17",
) -> Case:
    """A question about a key with these statements in its policy; ``pairs`` are the encryption context."""
    keys: ContextKeys = tuple(
        (name, (value,) if isinstance(value, str) else tuple(value)) for name, value in (context or {}).items()
    )
    return Case(
        caller=caller,
        action=action,
        resource=KEY,
        owner=HOME,
        context=keys,
        policy=document(*key_policy, version=version),
        bindings=tuple(BINDINGS.items()),
        identity=() if identity is None else (identity,),
        session=session_policy,
        grants=grants,
        encryption_context=pairs,
        child=child,
    )


def under(caller: Caller, condition: Json, context: dict[str, str | list[str]], **more: Json) -> Case:
    """A question to a key whose policy allows everybody everything under one condition."""
    return asking(caller, naming("*", Condition=condition), context=context, **more)


def about(table: tuple[Worked, ...]) -> list[str]:
    """The names of a table's tests."""
    return [worked.name for worked in table]


def check(worked: Worked, judge: Judge) -> None:
    """Ask a judge, which must say what AWS's documentation says."""
    assert judge(worked.case).allowed == worked.allowed, f"{worked.name} ({worked.source})"
