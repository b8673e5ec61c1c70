"""The same question to Strongroom's own engine."""

from strongroom.authz.context import AMBIGUOUS, Context, Values
from strongroom.authz.decide import Action, Named, Resource, Subject, decide
from strongroom.authz.policy import PolicyKind, Who, WhoKind, compile_policy
from strongroom.model.grant import Constraints, Grant, GrantOperation
from strongroom.model.policy import BoundPolicy
from strongroom.model.region import Realm
from tests.authz.oracle.case import Case, ContextKeys, Json, Verdict

KINDS = {
    "root": WhoKind.ROOT,
    "user": WhoKind.USER,
    "session": WhoKind.SESSION,
    "service": WhoKind.SERVICE,
}


def context_of(keys: ContextKeys) -> Context:
    """Condition keys as the engine asks for them: in lower case."""
    known: dict[str, Values] = {}
    for name, values in keys:
        known[name.lower()] = AMBIGUOUS if name.lower() in known else values
    return Context(known.get)


def child_of(child: dict[str, Json] | None) -> tuple[tuple[GrantOperation, ...], Constraints] | None:
    """What a CreateGrant asks for."""
    if child is None:
        return None
    limits = {name: child[name] for name in ("equals", "subset", "source_arn") if name in child}
    return tuple(map(GrantOperation, child["operations"])), Constraints(**limits)


def grant_of(grant: dict[str, Json], owner: str) -> Grant:
    """A grant; what does not matter to decisions is the same in all."""
    asked = child_of(grant)
    assert asked is not None
    return Grant(
        realm=Realm(owner, "us-east-1"),
        key_id="1234abcd-12ab-34cd-56ef-1234567890ab",
        grant_id="0" * 64,
        name="",
        created_at=0.0,
        grantee=grant["token"],
        grantee_token=grant["token"],
        retiring=None,
        retiring_token=None,
        issuing_account=owner,
        operations=asked[0],
        constraints=asked[1],
    )


def question(case: Case) -> tuple[Subject, Resource, Action, Context]:
    """A case in the engine's own terms."""
    kind = PolicyKind.TRUST if case.action.startswith("sts:") else PolicyKind.KEY
    policy = None if case.policy is None else compile_policy(BoundPolicy(case.policy, case.bindings), kind)
    identity = [compile_policy(BoundPolicy(document), PolicyKind.IDENTITY) for document in case.identity]
    session = None if case.session is None else compile_policy(BoundPolicy(case.session), PolicyKind.SESSION)
    who = Who(case.caller.account, KINDS[case.caller.kind], case.caller.ids)
    return (
        Subject(who, tuple(Named(str(index), one) for index, one in enumerate(identity)), session),
        Resource(case.resource, case.owner, policy, tuple(grant_of(grant, case.owner) for grant in case.grants)),
        Action(case.action, case.cross_account, case.encryption_context, child_of(case.child)),
        context_of(case.context),
    )


def ask(case: Case) -> Verdict:
    """Strongroom's answer."""
    decision = decide(*question(case))
    return Verdict(decision.allowed, frozenset() if decision.reason is None else frozenset({decision.reason.name}))
