"""What of an explanation an account may see: nothing of the other account's."""

import secrets

import msgspec
import pytest

from strongroom.authz.explanation import Explanation, for_account
from tests.authz.explaining import explained, halves
from tests.authz.generator import HOME, KEY, THIRD, Maker
from tests.authz.oracle.case import Case
from tests.authz.worked import ALLOWS, AWAY, FAR_USER, ROLE, SILENT, asking, document, far_user, naming, statement, user

CASES = 400


def seen(case: Case, account: str) -> Explanation:
    """What an account sees of the explanation of a case."""
    found = for_account(explained(case), account)
    assert found is not None
    return found


@pytest.mark.parametrize("policies", [(), (naming(FAR_USER),)])
def test_an_account_sees_all_of_what_is_its_own(policies: tuple[object, ...]) -> None:
    """Where key and caller are of one account nothing is held back; who has no part in it sees nothing."""
    case = asking(user, naming(ROLE), *policies, identity=SILENT)
    assert seen(case, HOME) == explained(case)
    assert for_account(explained(case), AWAY) is None
    assert for_account(explained(asking(far_user, naming(ROLE))), THIRD) is None


def test_the_halves_go_to_their_accounts() -> None:
    """The key's account sees the key's half and who asked by the account; the caller's its own half, and no key."""
    case = asking(far_user, naming(ROLE), identity=SILENT)
    resource, identity = halves(explained(case))
    assert seen(case, HOME) == Explanation(
        allowed=False, action="kms:Decrypt", caller=AWAY, resource=KEY, of_resource=resource
    )
    assert seen(case, AWAY) == Explanation(allowed=False, action="kms:Decrypt", caller=FAR_USER, of_identity=identity)


def between_accounts() -> list[Case]:
    """Random questions of one account about a key or a role of another; where a test fails, pytest shows the seed."""
    seed = secrets.token_hex(8)
    print(f"seed {seed}")
    maker = Maker(seed)
    found = [maker.case() for _ in range(CASES)]
    return [case for case in found if case.policy is not None and case.caller.account == AWAY]


def views_of_denials(cases: list[Case], account: str) -> set[bytes]:
    """What an account sees of those cases that are denied."""
    return {msgspec.json.encode(seen(case, account)) for case in cases if not explained(case).allowed}


def test_the_callers_account_learns_nothing_of_the_keys() -> None:
    """Its view is the same bytes whatever key policy and grants say, and whether there is a key, in random cases."""
    for case in (found := between_accounts()):
        like = [other for other in found if other.resource == case.resource][:6]
        others = [case._replace(policy=other.policy, grants=other.grants) for other in like]
        assert len(views_of_denials([case, case._replace(policy=None, grants=()), *others], AWAY)) == 1, case


def test_the_keys_account_learns_nothing_of_the_callers() -> None:
    """Its view is the same bytes whatever the caller's policies say, in random cases."""
    for case in (found := between_accounts()):
        others = [case._replace(identity=other.identity, session=other.session) for other in found[:6]]
        assert len(views_of_denials([case, *others], HOME)) <= 1, case


def test_the_arn_behind_an_alias_is_not_told() -> None:
    """Neither as the resource nor in a reason or an advice, though a statement is about it."""
    about = document(statement(resource="arn:aws:kms:us-east-1:111122223333:alias/*"))
    case = asking(far_user, naming(ROLE), identity=about)
    view = seen(case, AWAY)
    assert KEY.encode() not in msgspec.json.encode(view)
    assert view.of_identity is not None
    assert view.of_identity.advice == (
        f"an Allow of kms:Decrypt on the resource in an identity policy of {FAR_USER}",
        'statement 1 of the identity policy "0" would allow it, but for: the resource is not among its resources',
    )


OF_KEY = (
    "aws:ResourceTag/team",
    "kms:KeySpec",
    "kms:KeyUsage",
    "kms:KeyOrigin",
    "kms:MultiRegion",
    "kms:ResourceAliases",
)
OF_CALLER = ("aws:PrincipalTag/team", "aws:username", "aws:userid", "aws:PrincipalArn", "aws:SourceIdentity")


@pytest.mark.parametrize("key", OF_KEY)
def test_conditions_on_the_key_tell_its_account_alone(key: str) -> None:
    """A caller of another account cannot find out by its own policies what a key is like; the operator sees all."""
    limited = document(statement(Condition={"StringEquals": {key: "payroll"}}), statement("kms:Encrypt"))
    views = set()
    for value in ("payroll", "billing"):
        case = asking(far_user, naming(ROLE), identity=limited, context={key: value})
        view = seen(case, AWAY)
        assert view.of_identity is not None
        assert view.of_identity.policies[0].statements[0].applies is None
        assert view.of_identity.decided_by == view.of_identity.advice == ()
        views.add(msgspec.json.encode(view))
        assert halves(explained(case))[1].policies[0].statements[0].applies == (value == "payroll")
    assert len(views) == 1
    own = asking(user, naming(ROLE), identity=limited, context={key: "billing"})
    assert seen(own, HOME) == explained(own)
    assert not halves(explained(own))[1].policies[0].statements[0].asks_elsewhere


@pytest.mark.parametrize("key", OF_CALLER)
def test_conditions_on_the_caller_tell_its_account_alone(key: str) -> None:
    """The owner of a key cannot find out by its policy who exactly asked; what else it says stays."""
    limited = naming(FAR_USER, Condition={"StringEquals": {key: "payroll"}})
    far_from_it = naming(ROLE)
    views = {
        msgspec.json.encode(seen(asking(far_user, limited, far_from_it, context={key: value}), HOME))
        for value in ("payroll", "billing")
    }
    (view,) = (msgspec.json.decode(each, type=Explanation) for each in views)
    assert view.of_resource is not None
    first, second = view.of_resource.policies[0].statements
    assert first.applies is None
    assert second.misses == ("the caller is not among its principals",)


def test_it_goes_through_json() -> None:
    """What is kept is what was explained."""
    found = explained(
        asking(far_user, naming(ROLE), identity=ALLOWS, grants=({"token": "AIDABOB", "operations": ["Sign"]},))
    )
    assert msgspec.json.decode(msgspec.json.encode(found), type=Explanation) == found
