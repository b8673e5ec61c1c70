"""What grants permit, and who may retire them (AWS KMS Developer Guide, "Grants in AWS KMS")."""

from collections.abc import Mapping
from functools import lru_cache

from strongroom.authz.context import Context
from strongroom.authz.match import any_arn
from strongroom.authz.policy import Who, WhoKind
from strongroom.authz.variables import Alternatives
from strongroom.model.grant import Constraints, Grant, GrantOperation

Child = tuple[tuple[GrantOperation, ...], Constraints]
"""Operations and constraints of a grant that a CreateGrant asks for."""

# Operations without an encryption context that a constraint on it leaves as they are.
_CONTEXT_FREE = frozenset({GrantOperation.DESCRIBE_KEY, GrantOperation.RETIRE_GRANT})


def matches(
    grant: Grant,
    operation: GrantOperation,
    encryption_context: Mapping[str, str] | None,
    context: Context,
    child: Child | None,
) -> bool:
    """Whether a grant permits its grantee an operation on its key.

    Args:
        grant: One whose grantee asks.
        operation: What is asked for.
        encryption_context: The request's, empty where it has none; None for an operation that takes none.
        context: For ``aws:SourceArn``.
        child: Of a CreateGrant, what it asks for; else None.
    """
    if operation not in grant.operations:
        return False
    limits = grant.constraints
    if not _source_holds(limits.source_arn, operation, context):
        return False
    if child is not None:
        operations, constraints = child
        return set(operations) <= set(grant.operations) and _as_strict(constraints, limits)
    return operation in _CONTEXT_FREE or _context_holds(limits, encryption_context)


def may_retire(grant: Grant, who: Who, *, identity_allows: bool, session_allows: bool) -> bool:
    """Whether a caller may retire a grant, where no policy denies it (same guide, "Retiring and revoking grants").

    Args:
        grant: The grant.
        who: The caller.
        identity_allows: Whether its identity policies allow kms:RetireGrant on the key; a root needs none.
        session_allows: Whether its session policy allows that, too, or it has none.
    """
    named = {grant.retiring_token}
    if GrantOperation.RETIRE_GRANT in grant.operations:
        named.add(grant.grantee_token)
    *roles, own = who.ids or (who.account,)
    if own in named:
        return True
    if not session_allows:
        return False
    delegates = named | {grant.issuing_account, grant.realm.account}
    return not named.isdisjoint(roles) or (who.account in delegates and (identity_allows or who.kind is WhoKind.ROOT))


def _source_holds(wanted: str | None, operation: GrantOperation, context: Context) -> bool:
    """Whether the request is made for the resource that a constraint names; it does not bind RetireGrant."""
    if wanted is None or operation is GrantOperation.RETIRE_GRANT:
        return True
    sources = context.get("aws:sourcearn")
    return isinstance(sources, tuple) and _source(wanted).hold(sources, context)


@lru_cache(maxsize=4096)
def _source(wanted: str) -> Alternatives:
    """As in a condition ArnLike (AWS KMS API Reference, "GrantConstraints")."""
    return Alternatives([wanted], any_arn, wildcards=True, variables=False, negated=False, deny=False)


def _context_holds(limits: Constraints, encryption_context: Mapping[str, str] | None) -> bool:
    if limits.equals is None and limits.subset is None:
        return True
    if encryption_context is None:
        return False
    if limits.equals is not None and limits.equals != encryption_context:
        return False
    return limits.subset is None or limits.subset.items() <= encryption_context.items()


def _as_strict(child: Constraints, parent: Constraints) -> bool:
    """Whether whatever the child's constraints let pass, the parent's would, too."""
    if parent.source_arn is not None and child.source_arn != parent.source_arn:
        return False
    if parent.equals is not None:
        return child.equals == parent.equals
    if parent.subset is None:
        return True
    pairs = child.subset if child.equals is None else child.equals
    return pairs is not None and parent.subset.items() <= pairs.items()
