"""Who is meant: principals of policies and grants, bound to unique ids, which are never given out again.

What is bound to an id stays with who had the name when it was put: a namesake made later gains nothing (IAM User Guide,
"AWS JSON policy elements: Principal").
"""

import re
from typing import Any

import msgspec
from msgspec import Raw

from strongroom.authz.policy import Document
from strongroom.model.errors import MalformedPolicyDocumentException
from strongroom.model.identity import Principal, PrincipalKind
from strongroom.model.policy import BoundPolicy
from strongroom.ports import Reads

INVALID_PRINCIPAL = "Policy contains a statement with one or more invalid principals."

_ACCOUNT = re.compile(r"[0-9]{12}\Z")
_UNIQUE_ID = re.compile(r"A(?:ID|RO)A[A-Z0-9]{12,}\Z")
# partition, service, account, kind, and what follows: path and name, or role and session
_ARN = re.compile(r"arn:([a-z-]+):(iam|sts)::([0-9]{12}):(root|user|role|assumed-role)(?:/(.+))?\Z")
_SESSION = re.compile(r"(?a:[\w+=,.@-]{2,64})\Z")


def token_of(reads: Reads, partition: str, principal: str) -> str | None:
    """Whom a principal means now, as policies and grants bind it.

    Args:
        reads: Rows as of now.
        partition: The caller's; ARNs of another mean nobody.
        principal: 12 digits, a unique id, or the ARN of an account's root, a user, a role or a role's session.

    Returns:
        The account, a unique id or ``ROLE-ID:session-name``; None where there is no such principal. Every account
        counts as one, known here or not.
    """
    if _ACCOUNT.match(principal):
        return principal
    if _UNIQUE_ID.match(principal):
        return _id_of(reads.principal_of_id(principal))
    parts = _ARN.match(principal)
    if parts is None or parts[1] != partition:
        return None
    _, service, account, kind, rest = parts.groups()
    if service == "sts":
        return _session_token(reads, account, rest) if kind == "assumed-role" and rest else None
    if kind == "root":
        return account if rest is None else None
    return _id_at_path(reads, account, kind, rest) if kind != "assumed-role" and rest else None


def account_of(principal: str) -> str | None:
    """The account that a principal belongs to by its form: 12 digits or an ARN; None for another form."""
    if _ACCOUNT.match(principal):
        return principal
    parts = _ARN.match(principal)
    return None if parts is None else parts[3]


def shown_principal(reads: Reads, partition: str, written: str, token: str) -> str:
    """How a bound principal is shown: as written while that means the same, else its ARN now, else its unique id."""
    if token_of(reads, partition, written) == token:
        return written
    unique_id, _, session = token.partition(":")
    found = reads.principal_of_id(unique_id)
    if found is None:
        return token
    if not session:
        return found.arn(partition)
    return f"arn:{partition}:sts::{found.account}:assumed-role/{found.name}/{session}"


def bind(
    reads: Reads, partition: str, document: str, parsed: Document, *, refusal: str = INVALID_PRINCIPAL
) -> BoundPolicy:
    """Bind the principals of a policy to whom they mean now.

    Args:
        reads: Rows as of now.
        partition: The caller's.
        document: JSON text.
        parsed: What ``authz.policy.parse`` made of it.
        refusal: What to say of a principal that does not exist, which may stand in it as ``{}``.

    Raises:
        MalformedPolicyDocumentException: There is such a principal.
    """
    bindings = []
    for principal in sorted(parsed.principals):
        token = token_of(reads, partition, principal)
        if token is None:
            raise MalformedPolicyDocumentException(refusal.format(principal))
        bindings.append((principal, token))
    return BoundPolicy(document, tuple(bindings))


def shown(reads: Reads, partition: str, bound: BoundPolicy) -> str:
    """A policy as it is read back: to the byte as it was put, unless a principal is gone or has another name.

    Then that one is shown as ``shown_principal`` says, and all but the elements that name principals stays as it was.
    """
    names = {written: shown_principal(reads, partition, written, token) for written, token in bound.bindings}
    if all(written == name for written, name in names.items()):
        return bound.document
    policy = msgspec.json.decode(bound.document, type=dict[str, Raw])
    statements = msgspec.json.decode(policy["Statement"], type=dict[str, Raw] | list[dict[str, Raw]])
    for statement in statements if isinstance(statements, list) else (statements,):
        for element in ("Principal", "NotPrincipal"):
            if element in statement:
                statement[element] = _renamed(statement[element], names)
    return msgspec.json.encode({**policy, "Statement": statements}).decode()


def _renamed(element: Raw, names: dict[str, str]) -> Any:
    """A Principal element with some of its AWS principals under other names."""
    principals = msgspec.json.decode(element)
    if not isinstance(principals, dict) or "AWS" not in principals:
        return element
    aws = principals["AWS"]
    renamed = [names.get(each, each) for each in aws] if isinstance(aws, list) else names.get(aws, aws)
    return {**principals, "AWS": renamed}


def _id_of(principal: Principal | None) -> str | None:
    return None if principal is None else principal.unique_id


def _session_token(reads: Reads, account: str, rest: str) -> str | None:
    """The token of a session; it is there as soon as its role is, since anybody may begin it who may be it."""
    role, _, session = rest.partition("/")
    unique_id = _id_of(reads.principal_named(account, PrincipalKind.ROLE, role))
    return f"{unique_id}:{session}" if unique_id is not None and _SESSION.match(session) else None


def _id_at_path(reads: Reads, account: str, kind: str, rest: str) -> str | None:
    """The unique id of a user or a role, if the path before its name is right, too."""
    path, _, name = f"/{rest}".rpartition("/")
    found = reads.principal_named(account, PrincipalKind(kind), name)
    return found.unique_id if found is not None and found.path == f"{path}/" else None
