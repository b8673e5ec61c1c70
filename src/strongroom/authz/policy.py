"""Policies, compiled: who may do what on which resource, under which conditions.

Sources: IAM User Guide, "IAM JSON policy elements reference"; AWS KMS Developer Guide, "Key policies in AWS KMS".
"""

from collections.abc import Callable
from enum import Enum, IntEnum
from functools import lru_cache
from typing import NamedTuple, TypeAlias

from strongroom.authz.context import Context
from strongroom.authz.match import any_like, pattern
from strongroom.authz.operators import why_not
from strongroom.authz.parsing import Document, Names, Parsed, PolicyError, PolicyKind, must_be_bound, parse
from strongroom.authz.variables import Alternatives
from strongroom.model.policy import BoundPolicy

__all__ = [
    "Ask",
    "Document",
    "Grip",
    "Policy",
    "PolicyError",
    "PolicyKind",
    "Statement",
    "Who",
    "WhoKind",
    "compile_policy",
    "parse",
]

_CACHED_POLICIES = 4096


class WhoKind(Enum):
    """What a caller is to a policy."""

    ROOT = "root"
    USER = "user"
    SESSION = "session"
    SERVICE = "service"


class Who(NamedTuple):
    """Who asks.

    Attributes:
        account: 12 digits. A service that calls as itself is in no account, whatever stands here.
        ids: Tokens of its own: none for a root, ``(AIDA...,)`` for a user, ``(AROA..., AROA...:session-name)`` for the
            session of a role, ``("service:NAME",)`` for a service.
    """

    account: str
    kind: WhoKind
    ids: tuple[str, ...] = ()


class Ask(NamedTuple):
    """What is asked.

    Attributes:
        action: As AWS writes it, such as ``kms:Decrypt``.
        resource: An ARN, or ``*`` where the action is on none.
    """

    action: str
    resource: str
    who: Who
    context: Context


class Grip(IntEnum):
    """How an Allow names its caller. AWS limits what was allowed by it, or not, accordingly; the stronger, the less.

    Attributes:
        NONE: It does not apply.
        ACCOUNT: By its account alone.
        ROLE: A session by its role.
        DIRECT: A user by its name, the root by its account, a service by its name, anybody by ``*`` (IAM User Guide,
            "Principal": session policies do not limit what that permits); in a policy without principals, because it is
            the caller's.
        SESSION: A session by its own ARN.
    """

    NONE = 0
    ACCOUNT = 1
    ROLE = 2
    DIRECT = 3
    SESSION = 4


# Bound once: on Python 3.11 each look at a member of an enumeration costs as much as a call.
_NONE, _ACCOUNT, _ROLE, _DIRECT, _SESSION = Grip
_ROOT_KIND, _SESSION_KIND, _SERVICE_KIND = WhoKind.ROOT, WhoKind.SESSION, WhoKind.SERVICE
_EVERYBODY = "*"
_LeavesOut: TypeAlias = Callable[[tuple[str, ...]], bool]


def _names_of(who: Who) -> tuple[str, ...]:
    """The tokens under which a caller can be named."""
    if who.kind is _SERVICE_KIND:
        return (_EVERYBODY, *who.ids)
    return (_EVERYBODY, who.account, *who.ids)


class _Principals:
    """The Principal or NotPrincipal of a statement, or what stands for it in a policy that has none.

    Attributes:
        leaves_out: Whether the statement is not about a caller, given its names. For a NotPrincipal all of them must be
            listed (IAM User Guide, "NotPrincipal").
    """

    __slots__ = ("_tokens", "leaves_out")

    def __init__(self, names: Names | None, bindings: dict[str, str]) -> None:
        # One that is not bound stands for nobody.
        bound = (bindings.get(name) if must_be_bound(name) else name for name in names.values) if names else ()
        self._tokens = frozenset(token for token in bound if token)
        self.leaves_out: _LeavesOut
        if names is None:
            self.leaves_out = _never
        elif not names.negated:
            self.leaves_out = self._tokens.isdisjoint
        elif _EVERYBODY in self._tokens:
            self.leaves_out = _always
        else:
            self.leaves_out = self._tokens.union((_EVERYBODY,)).issuperset

    def grip(self, who: Who) -> Grip:
        """How an Allow names a caller that it does not leave out."""
        tokens, kind = self._tokens, who.kind
        if not tokens:
            return _DIRECT
        if kind is _SESSION_KIND and who.ids[1] in tokens:
            return _SESSION
        if _EVERYBODY in tokens or kind is _ROOT_KIND:
            return _DIRECT
        if tokens.isdisjoint(who.ids):
            return _ACCOUNT
        return _ROLE if kind is _SESSION_KIND else _DIRECT


def _never(_: object) -> bool:
    return False


def _always(_: object) -> bool:
    return True


class Statement:
    """One statement, ready to be asked.

    Attributes:
        index: Its place in the document, from 0.
        sid: As written; None where it has none.
        effect: ``Allow`` or ``Deny``.
        principals: Whom it is about.
    """

    __slots__ = ("_acts", "_parsed", "_resources", "_tests", "effect", "index", "principals", "sid")

    def __init__(self, index: int, parsed: Parsed, bindings: dict[str, str], *, variables: bool) -> None:
        self._parsed = parsed
        self.index, self.sid, self.effect = index, parsed.sid, parsed.effect
        self.principals = _Principals(parsed.principals, bindings)
        self._acts = any_like([pattern(name.lower()) for name in parsed.actions.values] if parsed.actions else [])
        self._resources = _resources(parsed, variables=variables)
        self._tests = tuple(condition.holds for condition in parsed.conditions)

    def names(self, action: str) -> bool:
        """Whether it is about an action, in any case of letters. Without actions or resources it is about none."""
        actions = self._parsed.actions
        if actions is None or self._parsed.resources is None:
            return False
        return self._acts(action.lower()) != actions.negated

    def meets(self, ask: Ask) -> bool:
        """Whether it is about the resource and its conditions hold."""
        context = ask.context
        if self._resources and not self._resources.hold((ask.resource,), context):
            return False
        for holds in self._tests:  # noqa: SIM110 - all() over a generator takes twice the time, in every call
            if not holds(context):
                return False
        return True

    def misses(self, ask: Ask) -> list[str]:
        """Why it does not apply, in plain English and part by part; empty where it applies."""
        parsed, context = self._parsed, ask.context
        reasons = [f"it has no {part}" for part in ("actions", "resources") if getattr(parsed, part) is None]
        if not reasons and not self.names(ask.action):
            reasons.append(_missed(f"the action {ask.action}", parsed.actions, "actions"))
        if self.principals.leaves_out(_names_of(ask.who)):
            reasons.append(_missed("the caller", parsed.principals, "principals"))
        if self._resources and not self._resources.hold((ask.resource,), context):
            reasons.append(_missed(f"the resource {ask.resource}", parsed.resources, "resources"))
        return reasons + [why_not(each, context) for each in parsed.conditions if not each.holds(context)]


def _resources(parsed: Parsed, *, variables: bool) -> Alternatives | None:
    """What a statement's resources match; None where that is everything, or there are none."""
    names = parsed.resources
    if names is None or (not names.negated and "*" in names.values):
        return None
    return Alternatives(
        names.values,
        any_like,
        wildcards=True,
        variables=variables,
        negated=names.negated,
        deny=parsed.effect == "Deny",
    )


def _missed(what: str, names: Names | None, element: str) -> str:
    excepted = names is not None and names.negated
    return f"{what} is among the {element} that it excepts" if excepted else f"{what} is not among its {element}"


_Reached: TypeAlias = tuple[tuple[_LeavesOut, Statement], ...]


class _Naming(NamedTuple):
    """The statements that are about one action, each with whom it leaves out."""

    allows: _Reached
    denies: _Reached


class Policy:
    """A policy, ready to be asked.

    Attributes:
        statements: In the order of the document.
    """

    __slots__ = ("_naming", "statements")

    def __init__(self, statements: tuple[Statement, ...]) -> None:
        self.statements = statements
        self._naming: dict[str, _Naming] = {}

    def allows(self, ask: Ask) -> Grip:
        """The strongest way in which an Allow applies; ``Grip.NONE`` where none does."""
        best = _NONE
        names = _names_of(ask.who)
        for leaves_out, statement in self._about(ask.action).allows:
            if not leaves_out(names):
                grip = statement.principals.grip(ask.who)
                if grip > best and statement.meets(ask):
                    best = grip
        return best

    def denies(self, ask: Ask) -> bool:
        """Whether a Deny applies."""
        names = _names_of(ask.who)
        for leaves_out, statement in self._about(ask.action).denies:
            if not leaves_out(names) and statement.meets(ask):
                return True
        return False

    def _about(self, action: str) -> _Naming:
        """The statements about an action, found once. There are as many actions as AWS has, not as callers make up."""
        try:
            return self._naming[action]
        except KeyError:
            about = [each for each in self.statements if each.names(action)]
            allows, denies = (
                tuple((each.principals.leaves_out, each) for each in about if each.effect == effect)
                for effect in ("Allow", "Deny")
            )
            naming = self._naming[action] = _Naming(allows, denies)
            return naming


@lru_cache(maxsize=_CACHED_POLICIES)
def compile_policy(bound: BoundPolicy, kind: PolicyKind) -> Policy:
    """The policy of a document, ready to be asked.

    Raises:
        PolicyError: The document is no valid policy of that kind; those in the store are.
    """
    document = parse(bound.document, kind)
    bindings = dict(bound.bindings)
    return Policy(
        tuple(
            Statement(index, parsed, bindings, variables=document.variables)
            for index, parsed in enumerate(document.statements)
        )
    )
