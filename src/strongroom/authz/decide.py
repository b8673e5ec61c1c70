"""The decision: may this caller do this action on this resource?

The flow is that of the IAM User Guide ("Policy evaluation logic") with the rules of keys: a key policy alone can allow,
identity policies count where the key policy lets the account decide, and a grant allows like a statement of the key
policy (AWS KMS Developer Guide, "Key policies", "Grants in AWS KMS", "Allowing users in other accounts to use a KMS
key").
"""

from collections.abc import Mapping
from enum import Enum, auto
from typing import NamedTuple

import msgspec

from strongroom.authz.context import Context
from strongroom.authz.grants import Child, matches
from strongroom.authz.policy import Ask, Grip, Policy, Who, WhoKind
from strongroom.model.grant import Grant, GrantOperation

GRANTABLE = {f"kms:{operation}": operation for operation in GrantOperation}


class Reason(Enum):
    """Why something is denied: by an explicit deny in a kind of policy, or since nothing in a kind of policy allows."""

    EXPLICIT_RESOURCE = auto()
    EXPLICIT_IDENTITY = auto()
    EXPLICIT_SESSION = auto()
    IMPLICIT_RESOURCE = auto()
    IMPLICIT_IDENTITY = auto()
    IMPLICIT_SESSION = auto()


class Named(NamedTuple):
    """An identity policy and its name."""

    name: str
    policy: Policy


class Subject(msgspec.Struct, frozen=True):
    """Who asks, and what identity brings with it.

    Attributes:
        policies: The identity policies.
        session: The session policy; None where there is none.
    """

    who: Who
    policies: tuple[Named, ...] = ()
    session: Policy | None = None


class Resource(msgspec.Struct, frozen=True):
    """What is asked for.

    Attributes:
        arn: Or ``*``.
        policy: The key policy, or the trust policy of a role; None where the resource can have none.
        grants: Those for the caller or its account that are in force, or whose token was sent.
    """

    arn: str
    account: str
    policy: Policy | None = None
    grants: tuple[Grant, ...] = ()


class Action(msgspec.Struct, frozen=True):
    """What is to be done with it.

    Attributes:
        name: Such as ``kms:Decrypt``.
        cross_account: Whether it can be done with a resource of another account.
        encryption_context: What is used with the key; None where the operation has none.
        child: What a CreateGrant asks for.
    """

    name: str
    cross_account: bool = False
    encryption_context: Mapping[str, str] | None = None
    child: Child | None = None


class Decision(NamedTuple):
    """Allowed, or denied for a reason; None says allowed."""

    reason: Reason | None

    @property
    def allowed(self) -> bool:
        """Whether it is allowed."""
        return self.reason is None


ALLOWED = Decision(None)


def decide(subject: Subject, resource: Resource, action: Action, context: Context) -> Decision:
    """Decide one action on one resource."""
    ask = Ask(action.name, resource.arn, subject.who, context)
    reason = _explicit_deny(subject, resource, ask)
    if reason is not None:
        return Decision(reason)
    if resource.policy is None:
        return _without_policy(subject, resource, ask)
    stated, granted = resource.policy.allows(ask), granted_grip(subject.who, resource, action, context)
    if subject.who.kind is WhoKind.SERVICE:
        # A service is in no account and has no identity policies.
        return ALLOWED if max(stated, granted) else Decision(Reason.IMPLICIT_RESOURCE)
    if resource.account == subject.who.account:
        return _same_account(subject, ask, max(stated, granted))
    return _other_account(subject, ask, action, stated, granted)


def granted_grip(who: Who, resource: Resource, action: Action, context: Context) -> Grip:
    """The strongest way in which a grant allows the action: as if the key policy named the grantee."""
    operation = GRANTABLE.get(action.name)
    if operation is None:
        return Grip.NONE
    return max(
        (
            _grip_of(who, grant.grantee_token)
            for grant in resource.grants
            if matches(grant, operation, action.encryption_context, context, action.child)
        ),
        default=Grip.NONE,
    )


def _grip_of(who: Who, token: str) -> Grip:
    if token == who.account:
        return Grip.DIRECT if who.kind is WhoKind.ROOT else Grip.ACCOUNT
    if token not in who.ids:
        return Grip.NONE
    if who.kind is not WhoKind.SESSION:
        return Grip.DIRECT
    return Grip.ROLE if token == who.ids[0] else Grip.SESSION


def _explicit_deny(subject: Subject, resource: Resource, ask: Ask) -> Reason | None:
    if resource.policy is not None and resource.policy.denies(ask):
        return Reason.EXPLICIT_RESOURCE
    if any(named.policy.denies(ask) for named in subject.policies):
        return Reason.EXPLICIT_IDENTITY
    if subject.session is not None and subject.session.denies(ask):
        return Reason.EXPLICIT_SESSION
    return None


def _without_policy(subject: Subject, resource: Resource, ask: Ask) -> Decision:
    """Identity policies alone decide, in the caller's own account; its root may do everything there."""
    if resource.account != subject.who.account:
        return Decision(Reason.IMPLICIT_RESOURCE)
    return _by_identity(subject, ask)


def _same_account(subject: Subject, ask: Ask, grip: Grip) -> Decision:
    """What names the user or the session is enough; what names the role is limited by the session policy.

    IAM User Guide, "Policy evaluation for requests within a single account".
    """
    if grip is Grip.NONE:
        return Decision(Reason.IMPLICIT_RESOURCE)
    if grip is Grip.ACCOUNT:
        return _by_identity(subject, ask)
    return _limited(subject, ask) if grip is Grip.ROLE else ALLOWED


def _other_account(subject: Subject, ask: Ask, action: Action, stated: Grip, granted: Grip) -> Decision:
    """Both accounts have to allow it; a grant for the caller itself is enough.

    IAM User Guide, "Cross-account policy evaluation logic". Of grants: Amazon EC2 Auto Scaling User Guide, "Required
    AWS KMS key policy for use with encrypted volumes": its service-linked role has but a grant on another's key.
    """
    if not action.cross_account or max(stated, granted) is Grip.NONE:
        return Decision(Reason.IMPLICIT_RESOURCE)
    if granted > Grip.ACCOUNT:
        return _limited(subject, ask) if granted is Grip.ROLE else ALLOWED
    return _by_identity(subject, ask)


def _by_identity(subject: Subject, ask: Ask) -> Decision:
    if subject.who.kind is WhoKind.ROOT:
        return ALLOWED
    if not any(named.policy.allows(ask) for named in subject.policies):
        return Decision(Reason.IMPLICIT_IDENTITY)
    return _limited(subject, ask)


def _limited(subject: Subject, ask: Ask) -> Decision:
    """Allowed, if the session policy allows it, too."""
    if subject.session is None or subject.session.allows(ask):
        return ALLOWED
    return Decision(Reason.IMPLICIT_SESSION)
