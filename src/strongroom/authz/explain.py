"""Why a decision fell as it did, and what would change it."""

from collections.abc import Iterable, Iterator
from functools import cached_property
from typing import NamedTuple

from msgspec.structs import replace

from strongroom.authz.context import Context, Values
from strongroom.authz.decide import GRANTABLE, Action, Reason, Resource, Subject, decide, granted_grip
from strongroom.authz.explanation import Explanation, GrantView, Half, PolicyView, StatementView
from strongroom.authz.grants import matches
from strongroom.authz.policy import Ask, Grip, Policy, Statement, WhoKind
from strongroom.model.grant import Constraints, Grant

MOST_SHOWN = 64
"""Statements of a policy, and grants, that an explanation tells of at most."""

MOST_NEAR = 5
"""Statements and grants that nearly allow it and are named in the advice, of one half at most."""

_MOST_MISSES, _LONGEST_MISS = 8, 400

# Condition keys whose values one account has and the other is not to learn, in lower case.
_OF_RESOURCE = (
    "aws:resourcetag/",
    "iam:resourcetag/",
    "kms:customermasterkey",
    "kms:keyorigin",
    "kms:keyspec",
    "kms:keyusage",
    "kms:multiregion",
    "kms:reencryptonsamekey",
    "kms:resourcealiases",
    "kms:trailingdayswithoutkeyusage",
)
_OF_CALLER = (
    "aws:principalarn",
    "aws:principaltag/",
    "aws:principaltype",
    "aws:sourceidentity",
    "aws:tokenissuetime",
    "aws:userid",
    "aws:username",
    "sts:sourceidentity",
)


# What is said of a resource without a policy.
_HERE = "it has no policy of its own, or does not exist: identity policies decide"
_ELSEWHERE = "it does not exist, or has no policy that could let another account in"
_WITHOUT_POLICY = {
    "kms:RetireGrant": "a grant can be retired by its retiring principal, by its grantee if it permits RetireGrant, by"
    " the account that made it, and by that and the key's account's identities whose policies allow it"
}


def explain(
    subject: Subject,
    resource: Resource,
    action: Action,
    context: Context,
    *,
    caller: str,
    denied: bool = False,
) -> Explanation:
    """Decide as ``decide`` does, and say why.

    Args:
        subject: Who asks.
        resource: What is asked for.
        action: What is to be done with it.
        context: The condition keys of the request.
        caller: The ARN of who asks.
        denied: Whether it was denied although ``decide`` may allow it: who may retire a grant is not for policies
            alone, and a role that does not exist is denied like one that trusts nobody.
    """
    reason = decide(subject, resource, action, context).reason
    if denied and reason is None:
        reason = Reason.IMPLICIT_RESOURCE
    case = _Case(subject, resource, action, context, caller, reason)
    return Explanation(
        allowed=reason is None,
        reason=None if reason is None else reason.name,
        caller=caller,
        action=action.name,
        resource=resource.arn,
        of_resource=_ResourceHalf(case).half(),
        of_identity=_IdentityHalf(case).half(),
    )


class _Case(NamedTuple):
    subject: Subject
    resource: Resource
    action: Action
    context: Context
    caller: str
    reason: Reason | None


class _Side:
    """What both halves are made from.

    Attributes:
        private: Beginnings of condition keys whose values the other account has.
    """

    private: tuple[str, ...]

    def __init__(self, case: _Case) -> None:
        self.subject, self.resource, self.action, self.context, self.caller, self.reason = case
        self.who = case.subject.who
        self.crosses = case.resource.account != self.who.account
        self.ask = Ask(case.action.name, case.resource.arn, self.who, case.context)

    @cached_property
    def grip(self) -> Grip:
        """The strongest way in which the resource's half allows it."""
        if self.resource.policy is None:
            return Grip.NONE
        granted = granted_grip(self.who, self.resource, self.action, self.context)
        return max(self.resource.policy.allows(self.ask), granted)

    def policy(self, title: str, policy: Policy) -> PolicyView:
        """A policy's statements about the action, or any where none is: those that apply, and those that miss least."""
        about = [each for each in policy.statements if each.names(self.action.name)] or policy.statements
        views = [self._statement(each) for each in about]
        places = sorted(range(len(views)), key=lambda place: (not views[place].applies, len(views[place].misses)))
        shown = tuple(views[place] for place in sorted(places[:MOST_SHOWN]))
        return PolicyView(title, shown, len(policy.statements) - len(shown))

    def word(self, text: str) -> str:
        """A text as this half's account may read it, not too long."""
        return text if len(text) <= _LONGEST_MISS else f"{text[:_LONGEST_MISS]}..."

    def _statement(self, statement: Statement) -> StatementView:
        asked: list[str] = []

        def get(key: str) -> Values:
            asked.append(key)
            return self.context.get(key)

        misses = statement.misses(self.ask._replace(context=Context(get)))
        allows = statement.effect == "Allow" and not misses
        name = f"statement {statement.index + 1}"
        return StatementView(
            name=f'{name} ("{statement.sid}")' if statement.sid else name,
            effect=statement.effect,
            applies=not misses,
            delegates=allows and statement.principals.grip(self.who) is Grip.ACCOUNT,
            misses=tuple(map(self.word, misses[:_MOST_MISSES])),
            asks_elsewhere=self.crosses and any(key.startswith(self.private) for key in asked),
        )


class _ResourceHalf(_Side):
    """What the key policy (or the trust policy of a role) and grants say."""

    private = _OF_CALLER

    def half(self) -> Half:
        """The half."""
        policy = self.resource.policy
        if policy is None:
            return Half(
                self.resource.account, _WITHOUT_POLICY.get(self.action.name, _ELSEWHERE if self.crosses else _HERE)
            )
        title = "trust policy" if self.resource.arn.split(":")[2] == "iam" else "key policy"
        view = self.policy(title, policy)
        grants = self._grants()
        return Half(
            account=self.resource.account,
            verdict=self._verdict(policy),
            policies=(view,),
            grants=grants,
            grants_left_out=len(self.resource.grants) - len(grants),
            decided_by=tuple(self._decided_by(view, grants)),
            advice=() if self.reason is None else tuple(self._advice(view, grants)),
        )

    def _verdict(self, policy: Policy) -> str:
        if policy.denies(self.ask):
            return "a Deny applies"
        if self.grip is Grip.NONE:
            return "nothing here allows it"
        if self.grip is Grip.ACCOUNT:
            return f"it is left to the identity policies of account {self.who.account}"
        return "it is allowed here"

    def _decided_by(self, view: PolicyView, grants: tuple[GrantView, ...]) -> Iterator[str]:
        if self.reason is not None:
            yield from _applying([view], "Deny")
        else:
            yield from _applying([view], "Allow")
            yield from (f"grant {grant.grant_id}" for grant in grants if grant.matches)

    def _advice(self, view: PolicyView, grants: tuple[GrantView, ...]) -> Iterator[str]:
        yield from _denies([view])
        if self.crosses and not self.action.cross_account:
            yield f"{self.action.name} cannot be done with a resource of another account, whatever policies say"
        elif self.grip is Grip.NONE:
            yield from self._ways_in(view.title)
            yield from _nearest([*_near([view]), *((f"grant {grant.grant_id}", grant.misses) for grant in grants)])
        elif self.grip is Grip.ACCOUNT and not self.crosses:
            yield f"an Allow of {self.action.name} for {self.caller} in the {view.title}: it needs no identity policy"

    def _ways_in(self, title: str) -> Iterator[str]:
        name, account = self.action.name, self.who.account
        who = f"account {account}" if self.crosses else self.caller
        yield f"an Allow of {name} for {who} in the {title}"
        if name in GRANTABLE:
            yield f"a grant of {GRANTABLE[name]} for {who}"
        if not self.crosses:
            yield (
                f"an Allow of {name} for account {account} in the {title}: until there is one that applies, identity"
                " policies cannot allow it"
            )

    def _grants(self) -> tuple[GrantView, ...]:
        operation = GRANTABLE.get(self.action.name)
        grants = sorted(self.resource.grants, key=lambda grant: operation not in grant.operations)
        return tuple(map(self._grant, grants[:MOST_SHOWN]))

    def _grant(self, grant: Grant) -> GrantView:
        misses = tuple(self._lacks(grant))
        return GrantView(grant.grant_id, grant.operations, not misses, misses)

    def _lacks(self, grant: Grant) -> Iterator[str]:
        """What of a grant does not fit, found by asking about each part alone."""
        limits = grant.constraints
        if GRANTABLE.get(self.action.name) not in grant.operations:
            yield f"it does not permit {self.action.name.removeprefix('kms:')}"
        elif not self._fits(grant, Constraints()):
            yield "it permits less than the new grant would"
        elif self.action.child is not None:
            if not self._fits(grant, limits):
                yield "its constraints are stricter than the new grant's, or the request is not made for its source"
        else:
            if not self._fits(grant, Constraints(equals=limits.equals)):
                yield "the encryption context is not the one that it asks for"
            if not self._fits(grant, Constraints(subset=limits.subset)):
                yield "the encryption context has not all the pairs that it asks for"
            if not self._fits(grant, Constraints(source_arn=limits.source_arn)):
                yield f"the request is not made for {limits.source_arn}"

    def _fits(self, grant: Grant, part: Constraints) -> bool:
        operation, asked = GRANTABLE[self.action.name], self.action
        return matches(replace(grant, constraints=part), operation, asked.encryption_context, self.context, asked.child)


class _IdentityHalf(_Side):
    """What identity policies and the session policy say; a resource of another account is not named."""

    private = _OF_RESOURCE

    def half(self) -> Half:
        """The half."""
        session = self.subject.session
        views = [self.policy(f'identity policy "{name}"', each) for name, each in self.subject.policies]
        limits = [] if session is None else [self.policy("session policy", session)]
        return Half(
            account=self.who.account,
            verdict=self._verdict(),
            policies=(*views, *limits),
            decided_by=tuple(self._decided_by([*views, *limits])),
            advice=() if self.reason is None else tuple(self._advice(views, limits)),
        )

    def word(self, text: str) -> str:
        """Another account's ARN may have been found behind an alias."""
        if self.crosses:
            arn = self.resource.arn
            text = text.replace(f"the resource {arn}", "the resource").replace(arn, "the resource")
        return super().word(text)

    @property
    def _allowed(self) -> bool:
        is_root = self.who.kind is WhoKind.ROOT
        return is_root or any(named.policy.allows(self.ask) for named in self.subject.policies)

    @property
    def _limited(self) -> bool:
        session = self.subject.session
        return session is not None and not session.allows(self.ask)

    def _verdict(self) -> str:
        policies = [named.policy for named in self.subject.policies]
        if self.subject.session is not None:
            policies.append(self.subject.session)
        if any(policy.denies(self.ask) for policy in policies):
            return "a Deny applies"
        if self.who.kind is WhoKind.ROOT:
            return "the root of an account needs no identity policy"
        if not self._allowed:
            return "no identity policy allows it"
        return "an identity policy allows it, the session policy does not" if self._limited else "it is allowed here"

    def _decided_by(self, views: list[PolicyView]) -> Iterator[str]:
        if self.reason is not None:
            yield from _applying(views, "Deny")
        else:
            without = replace(self.subject, policies=())
            if decide(without, self.resource, self.action, self.context).reason is not None:
                yield from _applying(views, "Allow")

    def _advice(self, views: list[PolicyView], limits: list[PolicyView]) -> Iterator[str]:
        yield from _denies([*views, *limits])
        allow = self.word(f"an Allow of {self.action.name} on {self.resource.arn}")
        if not self._allowed and (self.crosses or self.grip < Grip.ROLE):
            owner = "the role of " if self.who.kind is WhoKind.SESSION else ""
            yield f"{allow} in an identity policy of {owner}{self.caller}"
            yield from _nearest(_near(views))
        if self._limited:
            yield f"{allow} in the session policy, which is given when the role is assumed"
            yield from _nearest(_near(limits))


def _applying(policies: Iterable[PolicyView], effect: str) -> Iterator[str]:
    """The statements of an effect that apply, by name."""
    for policy in policies:
        for view in policy.statements:
            if view.effect == effect and view.applies:
                yield f"{view.name} of the {policy.title}"


def _denies(policies: Iterable[PolicyView]) -> Iterator[str]:
    return (f"remove or narrow the Deny in {name}" for name in _applying(policies, "Deny"))


def _near(policies: Iterable[PolicyView]) -> list[tuple[str, tuple[str, ...]]]:
    """The Allow statements that do not apply, each with the reasons."""
    return [
        (f"{view.name} of the {policy.title}", view.misses)
        for policy in policies
        for view in policy.statements
        if view.effect == "Allow" and not view.applies
    ]


def _nearest(near: list[tuple[str, tuple[str, ...]]]) -> Iterator[str]:
    """What lacks least, worded."""
    for name, misses in sorted(near, key=lambda each: len(each[1]))[:MOST_NEAR]:
        yield f"{name} would allow it, but for: {'; '.join(misses)}"
