"""What a decision costs: policies as they are found, and one of a thousand statements that are all about the action."""

import json
from collections.abc import Callable
from typing import Any

from bench.service import bare
from strongroom.authz.context import Context, Values
from strongroom.authz.policy import Ask, Policy, PolicyKind, Who, WhoKind, compile_policy
from strongroom.model.policy import BoundPolicy

ACCOUNT = "111122223333"
KEY_ARN = f"arn:aws:kms:us-east-1:{ACCOUNT}:key/1234abcd-12ab-34cd-56ef-1234567890ab"
USE = ["kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:DescribeKey"]
KEYS: dict[str, Values] = {
    "aws:securetransport": ("true",),
    "aws:sourceip": ("203.0.113.7",),
    "aws:username": ("user11",),
    "kms:encryptioncontext:tenant": ("example",),
}
STATEMENTS = 1000


def _statement(effect: str, actions: object, **members: Any) -> dict[str, Any]:
    return {"Effect": effect, "Action": actions, "Resource": "*", **members}


def _user(number: int) -> str:
    return f"arn:aws:iam::{ACCOUNT}:user/user{number}"


def _key_policy() -> list[dict[str, Any]]:
    """The account, ten users with conditions, the caller among them, and two Denies."""
    tenant = {"StringEquals": {"kms:EncryptionContext:tenant": "example"}}
    users = [_statement("Allow", USE, Principal={"AWS": _user(number)}, Condition=tenant) for number in range(2, 12)]
    insecure = {"Bool": {"aws:SecureTransport": "false"}}
    outside = {"NotIpAddress": {"aws:SourceIp": ["203.0.113.0/24", "2001:DB8:1234:5678::/64"]}}
    return [
        _statement("Allow", "kms:*", Principal={"AWS": f"arn:aws:iam::{ACCOUNT}:root"}),
        *users,
        _statement("Deny", "kms:*", Principal="*", Condition=insecure),
        _statement("Deny", USE, Principal="*", Condition=outside),
    ]


def _identity_policy() -> list[dict[str, Any]]:
    own = {"StringLike": {"kms:EncryptionContext:tenant": ["${aws:username}-*", "exam*"]}}
    return [_statement("Allow", ["kms:List*", "kms:CreateKey"]), _statement("Allow", USE, Condition=own)]


def _compiled(statements: list[dict[str, Any]], kind: PolicyKind) -> Policy:
    document = json.dumps({"Version": "2012-10-17", "Statement": statements})
    return compile_policy(BoundPolicy(document, tuple((_user(number), f"AIDA{number}") for number in range(12))), kind)


def _ask() -> Ask:
    """A request as it comes: nothing of it is known yet."""
    return Ask("kms:Decrypt", KEY_ARN, Who(ACCOUNT, WhoKind.USER, ("AIDA11",)), Context(KEYS.get))


def _cases() -> dict[str, Callable[[], object]]:
    key = _compiled(_key_policy(), PolicyKind.KEY)
    identity = _compiled(_identity_policy(), PolicyKind.IDENTITY)
    other = {"StringEquals": {"kms:EncryptionContext:tenant": "another"}}
    denies = _compiled([_statement("Deny", "kms:Decrypt", Condition=other)] * STATEMENTS, PolicyKind.IDENTITY)
    allows = _compiled([_statement("Allow", "kms:*", Condition=other)] * STATEMENTS, PolicyKind.IDENTITY)
    return {
        "the question alone": _ask,
        "key policy allows": lambda: key.allows(_ask()),
        "key policy denies": lambda: key.denies(_ask()),
        "identity policy allows": lambda: identity.allows(_ask()),
        "1000 Allows about the action": lambda: allows.allows(_ask()),
        "1000 Denies about the action": lambda: denies.denies(_ask()),
    }


def report() -> None:
    """Print microseconds of CPU."""
    print("\npolicies: a key policy of 13 statements, an identity policy of 2")
    for name, case in _cases().items():
        print(f"{name:32}{bare(case):9.2f} us")


if __name__ == "__main__":
    report()
