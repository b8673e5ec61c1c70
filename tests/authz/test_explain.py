"""Explanations: they say what was decided and by what, and their advice helps."""

import secrets
from collections.abc import Iterator

from strongroom.authz.decide import decide
from strongroom.authz.explanation import PolicyView
from tests.authz.explaining import explained, follow, halves, hopeless
from tests.authz.generator import Maker
from tests.authz.oracle.case import Case
from tests.authz.oracle.engine import question
from tests.authz.oracle.evaluator import evaluate
from tests.authz.oracle.grants import permits
from tests.authz.oracle.statements import Policy, applying

CASES = 500


def cases() -> Iterator[Case]:
    """Random questions; where a test fails, pytest shows the seed."""
    seed = secrets.token_hex(8)
    print(f"seed {seed}")
    maker = Maker(seed)
    found = (maker.case() for _ in range(CASES))
    return (case for case in found if case.caller.kind != "service")  # services do not call as themselves


def applied(view: PolicyView, effect: str) -> int:
    """How many statements of an effect apply, as an explanation has it."""
    return sum(statement.effect == effect and statement.applies is True for statement in view.statements)


def test_it_decides_as_the_decision() -> None:
    """Allowed or denied, with the same reason, in random cases; a denial has advice, and nothing else has."""
    for case in cases():
        reason, found = decide(*question(case)).reason, explained(case)
        assert found.allowed == (reason is None)
        assert found.reason == (reason.name if reason else None)
        resource, identity = halves(found)
        if found.allowed:
            assert resource.advice == identity.advice == ()
        elif not hopeless(found):
            assert resource.advice + identity.advice


def test_statements_and_grants_are_judged_as_the_oracle_does() -> None:
    """As many apply of each policy as an independent evaluator says, and each that does not says why."""
    for case in cases():
        resource, identity = halves(explained(case))
        for view, policy in zip(
            (*resource.policies, *identity.policies),
            (
                *([] if case.policy is None else [Policy(case.policy, dict(case.bindings))]),
                *map(Policy, case.identity),
                *([] if case.session is None else [Policy(case.session)]),
            ),
            strict=True,
        ):
            for effect in ("Allow", "Deny"):
                assert applied(view, effect) == len(applying(policy, effect, case)), (case, view)
            assert all(statement.applies == (not statement.misses) for statement in view.statements)
        assert sum(grant.matches for grant in resource.grants) == sum(permits(grant, case) for grant in case.grants)
        assert all(grant.matches == (not grant.misses) for grant in resource.grants)


def test_its_advice_helps() -> None:
    """What was denied is allowed, says an independent evaluator, once all that is advised is done."""
    followed = 0
    for case in cases():
        found = explained(case)
        resource, identity = halves(found)
        if not found.allowed and not hopeless(found):
            after = follow(case, resource.advice + identity.advice)
            assert evaluate(after).allowed, (case, resource.advice, identity.advice, after)
            followed += 1
    assert followed > CASES / 10


def test_what_decided_is_named() -> None:
    """Each Deny that applies, or what allowed it, in the half that it belongs to."""
    for case in cases():
        found = explained(case)
        resource, identity = halves(found)
        if found.reason and found.reason.startswith("EXPLICIT"):
            assert (resource if found.reason == "EXPLICIT_RESOURCE" else identity).decided_by
        elif found.reason:
            assert resource.decided_by == identity.decided_by == ()
        elif case.caller.kind != "root" or case.policy is not None:
            assert resource.decided_by or identity.decided_by
