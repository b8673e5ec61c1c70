"""An explanation of a decision, and what of it an account may see.

It has two halves: the resource's, which its account may see, and the identity's, for the caller's account. Each is
worded from what that account has, so that one can be shown without the other.
"""

import msgspec
from msgspec.structs import replace

_NOT_YOURS = "whether it applies depends on what the other account has"


class StatementView(msgspec.Struct, frozen=True, omit_defaults=True, rename="camel"):
    """A statement, and whether it applies.

    Attributes:
        name: Its number and, where it has one, its Sid.
        effect: ``Allow`` or ``Deny``.
        applies: None where that is not for the account to know that the explanation is shown to.
        delegates: Whether it names the caller's account alone, so that identity policies decide.
        misses: Why it does not apply.
        asks_elsewhere: Whether it asks for something of the other account.
    """

    name: str
    effect: str
    applies: bool | None
    delegates: bool = False
    misses: tuple[str, ...] = ()
    asks_elsewhere: bool = False


class PolicyView(msgspec.Struct, frozen=True, omit_defaults=True, rename="camel"):
    """A policy.

    Attributes:
        title: Such as ``key policy``.
        statements: Those that are about the action, or any where none is; of many those that miss least.
        left_out: How many others it has.
    """

    title: str
    statements: tuple[StatementView, ...]
    left_out: int = 0


class GrantView(msgspec.Struct, frozen=True, omit_defaults=True, rename="camel"):
    """A grant for the caller, and whether it permits the action."""

    grant_id: str
    operations: tuple[str, ...]
    matches: bool
    misses: tuple[str, ...] = ()


class Half(msgspec.Struct, frozen=True, omit_defaults=True, rename="camel"):
    """What one account has to do with a decision.

    Attributes:
        account: Who may see it.
        verdict: What this half says by itself.
        decided_by: Each Deny that applies, or what allowed it.
        advice: What would have this half allow it.
        grants_left_out: How many more grants there are for the caller.
    """

    account: str
    verdict: str
    policies: tuple[PolicyView, ...] = ()
    grants: tuple[GrantView, ...] = ()
    decided_by: tuple[str, ...] = ()
    advice: tuple[str, ...] = ()
    grants_left_out: int = 0


class Explanation(msgspec.Struct, frozen=True, omit_defaults=True, rename="camel"):
    """A decision, explained.

    Attributes:
        allowed: The decision.
        action: Such as ``kms:Decrypt``.
        reason: The name of a ``Reason`` where it was denied.
        caller: An ARN; the account alone for whom no more is to know.
        resource: An ARN or ``*``; None for whom it is not to know.
        of_resource: The half of the resource's account.
        of_identity: The half of the caller's account.
    """

    allowed: bool
    action: str
    caller: str
    reason: str | None = None
    resource: str | None = None
    of_resource: Half | None = None
    of_identity: Half | None = None


def for_account(explanation: Explanation, account: str) -> Explanation | None:
    """What an account may see of an explanation; None if it has no part in it.

    Of a decision between two accounts the key's sees the key's half and who asked by the account, as in its audit; the
    caller's sees the identity's half, and learns neither why the other half denied nor whether there is a key.
    """
    resource, identity = explanation.of_resource, explanation.of_identity
    own = [half for half in (resource, identity) if half is not None and half.account == account]
    if len(own) != 1:
        return explanation if own else None
    (half,) = own
    shown = replace(explanation, reason=None, of_resource=None, of_identity=None)
    if half is identity:
        return replace(shown, resource=None, of_identity=_alone(half))
    return replace(shown, caller=explanation.caller.split(":")[4], of_resource=_alone(half))


def _alone(half: Half) -> Half:
    """A half as its account may see it by itself: without what it would tell of the other account."""
    if not any(view.asks_elsewhere for policy in half.policies for view in policy.statements):
        return half
    policies = tuple(
        replace(policy, statements=tuple(map(_without_the_other, policy.statements))) for policy in half.policies
    )
    return replace(half, verdict=_NOT_YOURS, policies=policies, decided_by=(), advice=())


def _without_the_other(view: StatementView) -> StatementView:
    return replace(view, applies=None, delegates=False, misses=(_NOT_YOURS,)) if view.asks_elsewhere else view
