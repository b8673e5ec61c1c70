"""One question to an authorizer, in plain dicts and strings."""

from typing import Any, NamedTuple, TypeAlias

Json: TypeAlias = Any
"""What ``json.loads`` makes."""

ContextKeys: TypeAlias = tuple[tuple[str, tuple[str, ...]], ...]
"""Condition keys as the request has them, written in any case, each with its values. Two that differ only in case are
ambiguous."""


class Caller(NamedTuple):
    """Who asks.

    Attributes:
        kind: ``root``, ``user``, ``session`` or ``service``.
        account: 12 digits; a service has none.
        ids: Unique ids: the user's; the role's and then the session's; ``service:NAME``; none for a root.
    """

    kind: str
    account: str
    ids: tuple[str, ...] = ()


class Case(NamedTuple):
    """A question and all that the answer depends on.

    Attributes:
        resource: ARN, or ``*``.
        owner: The account of the resource.
        context: Condition keys.
        policy: The resource's policy as JSON text; None for a resource that has none.
        bindings: Principals in that policy that are users, roles or sessions, each with the unique id it was bound to.
        identity: Identity policies of the caller as JSON text.
        session: Its session policy as JSON text.
        grants: In force on the key: ``token``, ``operations``, and optionally ``equals``, ``subset``, ``source_arn``.
        cross_account: Whether the operation can be called from other accounts.
        encryption_context: None for operations that have no such parameter.
        child: Of a CreateGrant, the grant to be made, in the form of ``grants``, without a token.
    """

    caller: Caller
    action: str
    resource: str
    owner: str
    context: ContextKeys = ()
    policy: str | None = None
    bindings: tuple[tuple[str, str], ...] = ()
    identity: tuple[str, ...] = ()
    session: str | None = None
    grants: tuple[dict[str, Json], ...] = ()
    cross_account: bool = True
    encryption_context: dict[str, str] | None = None
    child: dict[str, Json] | None = None


class Verdict(NamedTuple):
    """An answer.

    Attributes:
        reasons: Where the denial comes from, by the names of ``Reason``; several where AWS does not say which of them
            it tells. Empty when allowed.
    """

    allowed: bool
    reasons: frozenset[str] = frozenset()
