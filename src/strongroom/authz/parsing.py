"""Reading policy documents (IAM User Guide, "Grammar of the IAM JSON policy language").

What AWS is known to refuse is refused, in its words as they stand in the guides and in public logs. A condition value
that its operator cannot read is refused as well: a Deny must not be void because of a typo. All else is taken, since a
document that works there must work here.
"""

import json
import re
from collections.abc import Iterable
from enum import StrEnum
from typing import Any, NamedTuple

from strongroom.authz.operators import Condition, condition
from strongroom.model.identity import SERVICE_TOKEN

_FEDERATED_TOKEN = "federated:"  # noqa: S105 - how an identity provider is told from a principal, no secret

_SYNTAX = "Syntax errors in policy."
_VENDOR = "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc."
_INVALID_PRINCIPALS = "Policy contains a statement with one or more invalid principals."
# AWS KMS Developer Guide, "Condition keys for AWS KMS"
_PERMISSIVE = (
    "OverlyPermissiveCondition: Using the ForAllValues set operator with a single-valued condition key matches requests"
    " without the specified {0} or with an unspecified {0}. To fix, remove ForAllValues."
)
_SINGLE_VALUED = {"kms:encryptioncontext:": "encryption context", "aws:requesttag/": "tag"}

_OLD_VERSION = "2008-10-17"
_VERSIONS = (_OLD_VERSION, "2012-10-17")
_TOP = {"Version", "Id", "Statement"}
_ELEMENTS = {
    "Sid",
    "Effect",
    "Principal",
    "NotPrincipal",
    "Action",
    "NotAction",
    "Resource",
    "NotResource",
    "Condition",
}
_ACTION = re.compile(r"\*|[A-Za-z0-9-]+:.+", re.DOTALL)
_SID = re.compile("[0-9A-Za-z]*")
_ACCOUNT = re.compile("[0-9]{12}")
_ROOT = re.compile("arn:[a-z-]+:iam::([0-9]{12}):root")
_BOUND = re.compile(
    "arn:[a-z-]+:(?:iam::[0-9]{12}:(?:user|role)/|sts::[0-9]{12}:(?:assumed-role|federated-user)/)[!-)+->@-~]+"
    "|A[A-Z]{3}[A-Z0-9]{12,}(?::[A-Za-z0-9_=,.@-]+)?"
)


class PolicyKind(StrEnum):
    """Where a policy stands, which decides what it may contain."""

    KEY = "key policy"
    TRUST = "trust policy"
    IDENTITY = "identity policy"
    SESSION = "session policy"


_WITH_PRINCIPALS = (PolicyKind.KEY, PolicyKind.TRUST)


class PolicyError(Exception):
    """A document that is no valid policy; the text is that of AWS's MalformedPolicyDocument."""


class Names(NamedTuple):
    """An element and its twin with Not before it.

    Attributes:
        negated: Whether it is the twin.
        values: Never empty.
    """

    negated: bool
    values: tuple[str, ...]


class Parsed(NamedTuple):
    """A statement as read.

    Attributes:
        principals: Tokens, and as written those that must be bound. None where the kind of policy has none.
        actions: None where a key policy leaves them out, and is ineffective.
        resources: As ``actions``; everything in a trust policy, which is about its role alone.
    """

    sid: str | None
    effect: str
    principals: Names | None
    actions: Names | None
    resources: Names | None
    conditions: tuple[Condition, ...]


class Document(NamedTuple):
    """A valid document.

    Attributes:
        variables: Whether its version knows policy variables.
        principals: As written, those that must be bound to a unique id: users, roles, sessions, unique ids as well.
    """

    variables: bool
    statements: tuple[Parsed, ...]
    principals: frozenset[str]


class _Number(str):
    """A number as written: of 1e400 or 0.10 nothing is lost."""

    __slots__ = ()


def must_be_bound(principal: str) -> bool:
    """Whether a principal of a statement is one of ``Document.principals``, and no token."""
    return _BOUND.fullmatch(principal) is not None


def parse(document: str, kind: PolicyKind) -> Document:
    """Read a document.

    Raises:
        PolicyError: It is no valid policy of that kind.
    """
    tree = _load(document, kind)
    if not isinstance(tree, dict) or tree.keys() - _TOP or not _is_text(tree.get("Id", "")):
        raise PolicyError(_SYNTAX)
    version = tree.get("Version", _OLD_VERSION)
    if version not in _VERSIONS:
        raise PolicyError("Policy document must be version 2012-10-17 or greater.")
    variables = version != _OLD_VERSION
    found = tree.get("Statement")
    statements = tuple(
        _statement(statement, kind, variables=variables)
        for statement in (found if isinstance(found, list) else [found])
    )
    if not statements:
        raise PolicyError(_SYNTAX)
    if kind is not PolicyKind.KEY:
        _check_sids([statement.sid for statement in statements if statement.sid])
    names = (name for statement in statements if statement.principals for name in statement.principals.values)
    return Document(variables, statements, frozenset(filter(must_be_bound, names)))


def _load(document: str, kind: PolicyKind) -> Any:
    try:
        tree = json.loads(
            document, object_pairs_hook=_members, parse_int=_Number, parse_float=_Number, parse_constant=_no_constant
        )
        json.dumps(tree, ensure_ascii=False).encode()  # half a surrogate pair is no text
    except (ValueError, RecursionError):
        raise PolicyError("This policy contains invalid Json" if kind is PolicyKind.TRUST else _SYNTAX) from None
    return tree


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        raise ValueError
    return members


def _no_constant(_: str) -> Any:
    raise ValueError


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and not isinstance(value, _Number)


def _check_sids(sids: list[str]) -> None:
    """Key policies take any; the others as IAM does."""
    invalid = [sid for sid in sids if not _SID.fullmatch(sid)]
    if invalid:
        raise PolicyError(f"The following Statement Ids are invalid: {', '.join(invalid)}")
    if len(set(sids)) < len(sids):
        raise PolicyError("Statement IDs (SID) in a single policy must be unique.")


def _statement(statement: Any, kind: PolicyKind, *, variables: bool) -> Parsed:
    if not isinstance(statement, dict) or statement.keys() - _ELEMENTS:
        raise PolicyError(_SYNTAX)
    sid, effect = statement.get("Sid"), statement.get("Effect")
    if not (sid is None or _is_text(sid)) or effect not in ("Allow", "Deny"):
        raise PolicyError(_SYNTAX)
    return Parsed(
        sid,
        effect,
        _principals(statement, kind),
        _actions(statement, kind),
        _resources(statement, kind),
        _conditions(statement.get("Condition", {}), kind, deny=effect == "Deny", variables=variables),
    )


def _element(statement: dict[str, Any], name: str) -> tuple[bool, Any]:
    """Whether an element is there as its twin with Not, and its value; None where it is not there."""
    twin = f"Not{name}"
    if name in statement and twin in statement:
        raise PolicyError(_SYNTAX)
    return twin in statement, statement.get(name, statement.get(twin))


def _texts(value: Any) -> tuple[str, ...]:
    """One text or a list of them."""
    values = value if isinstance(value, list) else [value]
    if not all(map(_is_text, values)):
        raise PolicyError(_SYNTAX)
    return tuple(values)


def _names(statement: dict[str, Any], name: str) -> Names | None:
    negated, value = _element(statement, name)
    values = () if value is None else _texts(value)
    return Names(negated, values) if values else None


def _actions(statement: dict[str, Any], kind: PolicyKind) -> Names | None:
    actions = _names(statement, "Action")
    if actions is None:
        if kind is PolicyKind.KEY:
            return None
        raise PolicyError("Policy statement must contain actions.")
    if not all(map(_ACTION.fullmatch, actions.values)):
        raise PolicyError(_VENDOR)
    if kind is PolicyKind.TRUST and not all(action.lower().startswith("sts:") for action in actions.values):
        raise PolicyError("AssumeRole policy may only specify STS AssumeRole actions.")
    return actions


def _resources(statement: dict[str, Any], kind: PolicyKind) -> Names | None:
    resources = _names(statement, "Resource")
    if kind is PolicyKind.TRUST:
        for name in ("Resource", "NotResource"):
            if name in statement:
                raise PolicyError(f"Has prohibited field {name}")
        return Names(negated=False, values=("*",))
    if kind is PolicyKind.KEY:
        return resources
    if resources is None:
        raise PolicyError("Policy statement must contain resources.")
    for resource in resources.values:
        if resource != "*" and not resource.startswith("arn:"):
            raise PolicyError(f'Resource {resource} must be in ARN format or "*".')
    return resources


def _principals(statement: dict[str, Any], kind: PolicyKind) -> Names | None:
    negated, value = _element(statement, "Principal")
    if kind not in _WITH_PRINCIPALS:
        if value is None:
            return None
        raise PolicyError("Policy document should not specify a principal.")
    if negated and kind is PolicyKind.TRUST:
        raise PolicyError("Has prohibited field NotPrincipal")
    if negated and statement["Effect"] == "Allow":
        raise PolicyError("Allow with NotPrincipal is not allowed.")
    names = [(of, name) for of, found in _principal_map(value).items() for name in _texts(found)]
    if not names:
        raise PolicyError(
            "Policy contains a statement with no principal."
            if kind is PolicyKind.KEY
            else "Missing required field Principal"
        )
    return Names(negated, tuple(_principal(of, name, kind) for of, name in names))


def _principal_map(value: Any) -> dict[str, Any]:
    if value is None:
        return {}
    if value == "*":
        return {"AWS": "*"}
    if not isinstance(value, dict):
        raise PolicyError(_SYNTAX)
    return value


def _principal(of: str, name: str, kind: PolicyKind) -> str:
    """A principal's token, or the principal as written where it must be bound."""
    token = None
    if of == "AWS":
        token = _aws_principal(name)
    elif of in ("Service", "Federated") and name and "*" not in name:
        token = (SERVICE_TOKEN if of == "Service" else _FEDERATED_TOKEN) + name
    if token is None:
        raise PolicyError(
            _INVALID_PRINCIPALS if kind is PolicyKind.KEY else f'Invalid principal in policy: "{of}":"{name}"'
        )
    return token


def _aws_principal(name: str) -> str | None:
    if name == "*" or _ACCOUNT.fullmatch(name) or must_be_bound(name):
        return name
    root = _ROOT.fullmatch(name)
    return root[1] if root else None


def _conditions(block: Any, kind: PolicyKind, *, deny: bool, variables: bool) -> tuple[Condition, ...]:
    conditions = []
    for operator, keys in _mapping(block):
        for key, value in _mapping(keys):
            values = _values(value)
            if not key.partition(":")[1]:
                raise PolicyError(_VENDOR)
            if kind is PolicyKind.KEY and operator.startswith("ForAllValues:"):
                _refuse_single_valued(key)
            try:
                conditions.append(condition(operator, key, values, deny=deny, variables=variables))
            except ValueError:
                raise PolicyError(_SYNTAX) from None
    return tuple(conditions)


def _mapping(value: Any) -> Iterable[tuple[str, Any]]:
    if not isinstance(value, dict):
        raise PolicyError(_SYNTAX)
    return value.items()


def _values(value: Any) -> tuple[str, ...]:
    values = value if isinstance(value, list) else [value]
    if not all(isinstance(each, (str, bool)) for each in values):
        raise PolicyError(_SYNTAX)
    return tuple(str(each) if isinstance(each, str) else str(each).lower() for each in values)


def _refuse_single_valued(key: str) -> None:
    for prefix, what in _SINGLE_VALUED.items():
        if key.lower().startswith(prefix):
            raise PolicyError(_PERMISSIVE.format(what))
