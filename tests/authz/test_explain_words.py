"""What explanations say, in cases that happen."""

import pytest

from strongroom.authz.explain import MOST_NEAR, MOST_SHOWN, explain
from strongroom.authz.explanation import Explanation, Half, PolicyView, StatementView
from tests.authz.explaining import explained, halves
from tests.authz.oracle.case import Json
from tests.authz.oracle.engine import question
from tests.authz.worked import (
    ALLOWS,
    AWAY,
    DENIES,
    FAR_USER,
    HOME,
    KEY,
    ROLE,
    ROOT,
    SESSION,
    SILENT,
    USER,
    asking,
    document,
    far_user,
    naming,
    root,
    session,
    statement,
    user,
)

ENABLE = naming(ROOT, Sid="Enable IAM User Permissions")
ENABLES = 'statement 1 ("Enable IAM User Permissions")'
MISSED = "the action kms:Decrypt is not among its actions"
UNTIL = "until there is one that applies, identity policies cannot allow it"
PAYROLL = {"StringEquals": {"kms:EncryptionContext:app": "payroll"}}


def test_a_key_that_leaves_it_to_the_account() -> None:
    """The usual case: the default key policy, and nothing in IAM."""
    case = asking(user, ENABLE, identity=document(statement("kms:Encrypt")))
    assert explained(case) == Explanation(
        allowed=False,
        action="kms:Decrypt",
        caller=USER,
        reason="IMPLICIT_IDENTITY",
        resource=KEY,
        of_resource=Half(
            HOME,
            f"it is left to the identity policies of account {HOME}",
            policies=(
                PolicyView(
                    "key policy",
                    (
                        StatementView(
                            'statement 1 ("Enable IAM User Permissions")', "Allow", applies=True, delegates=True
                        ),
                    ),
                ),
            ),
            advice=(f"an Allow of kms:Decrypt for {USER} in the key policy: it needs no identity policy",),
        ),
        of_identity=Half(
            HOME,
            "no identity policy allows it",
            policies=(
                PolicyView(
                    'identity policy "0"',
                    (
                        StatementView(
                            "statement 1",
                            "Allow",
                            applies=False,
                            misses=(MISSED,),
                        ),
                    ),
                ),
            ),
            advice=(
                f"an Allow of kms:Decrypt on {KEY} in an identity policy of {USER}",
                f'statement 1 of the identity policy "0" would allow it, but for: {MISSED}',
            ),
        ),
    )


def test_a_key_that_does_not_let_the_account_decide() -> None:
    """It says that identity policies have no effect, what would, and which statement and grant come near."""
    grant = {"token": "AIDAUSER", "operations": ["Decrypt"], "subset": {"app": "payroll"}}
    near = naming(USER, Condition=PAYROLL)
    case = asking(user, naming(FAR_USER), near, identity=ALLOWS, grants=(grant,), pairs={"app": "billing"})
    resource, identity = halves(explained(case))
    assert resource.verdict == "nothing here allows it"
    assert resource.advice[:3] == (
        f"an Allow of kms:Decrypt for {USER} in the key policy",
        f"a grant of Decrypt for {USER}",
        f"an Allow of kms:Decrypt for account {HOME} in the key policy: {UNTIL}",
    )
    first, second, third = resource.advice[3:]
    assert first == "statement 1 of the key policy would allow it, but for: the caller is not among its principals"
    assert second.startswith("statement 2 of the key policy would allow it, but for: ")
    assert "kms:EncryptionContext:app" in second
    assert third == (
        f"grant {'0' * 64} would allow it, but for: the encryption context has not all the pairs that it asks for"
    )
    assert identity.verdict == "it is allowed here"
    assert identity.advice == ()


DENIED = {
    "in the key policy": (
        asking(user, ENABLE, naming("*", effect="Deny", Sid="No")),
        'statement 2 ("No") of the key policy',
    ),
    "in an identity policy": (asking(user, naming(USER), identity=DENIES), 'statement 1 of the identity policy "0"'),
    "in the session policy": (
        asking(session, naming(SESSION), session_policy=DENIES),
        "statement 1 of the session policy",
    ),
}


@pytest.mark.parametrize("place", DENIED)
def test_a_deny_is_named(place: str) -> None:
    """It decides, and the advice is to remove or narrow it; the half that it is in says so."""
    case, name = DENIED[place]
    resource, identity = halves(explained(case))
    half = resource if place == "in the key policy" else identity
    assert (half.verdict, half.decided_by) == ("a Deny applies", (name,))
    assert half.advice[0] == f"remove or narrow the Deny in {name}"


def test_a_session_policy_that_limits() -> None:
    """What the role may do and the session may not is told apart."""
    case = asking(session, ENABLE, identity=ALLOWS, session_policy=SILENT)
    _, identity = halves(explained(case))
    assert identity.verdict == "an identity policy allows it, the session policy does not"
    assert identity.advice[0] == (
        f"an Allow of kms:Decrypt on {KEY} in the session policy, which is given when the role is assumed"
    )
    _, identity = halves(explained(asking(session, ENABLE)))
    assert identity.advice == (f"an Allow of kms:Decrypt on {KEY} in an identity policy of the role of {SESSION}",)


BOTH = ("statement 1 of the key policy", "statement 2 of the key policy")
ALLOWED = {
    "by name": (
        asking(user, naming(USER), naming(ROOT), identity=ALLOWS),
        BOTH,
        (),
    ),
    "by an identity policy": (
        asking(user, ENABLE, identity=ALLOWS),
        (f"{ENABLES} of the key policy",),
        ('statement 1 of the identity policy "0"',),
    ),
    "as the root": (asking(root, ENABLE), (f"{ENABLES} of the key policy",), ()),
}


@pytest.mark.parametrize("how", ALLOWED)
def test_what_allowed_it_is_named(how: str) -> None:
    """Statements of the key policy, and those of identity policies where they were needed."""
    case, of_resource, of_identity = ALLOWED[how]
    found = explained(case)
    resource, identity = halves(found)
    assert found.allowed
    assert resource.decided_by == of_resource
    assert identity.decided_by == of_identity


GRANT = {"token": "AIDAUSER", "operations": ["Decrypt", "CreateGrant"]}
ARN = "arn:aws:s3:::payroll"
LACKING: dict[str, tuple[dict[str, Json], dict[str, Json], tuple[str, ...]]] = {
    "nothing": (GRANT, {}, ()),
    "the operation": (GRANT | {"operations": ["Encrypt", "Sign"]}, {}, ("it does not permit Decrypt",)),
    "the same context": (
        GRANT | {"equals": {"app": "payroll"}},
        {"pairs": {}},
        ("the encryption context is not the one that it asks for",),
    ),
    "some of the context": (
        GRANT | {"subset": {"app": "payroll"}},
        {"pairs": {}},
        ("the encryption context has not all the pairs that it asks for",),
    ),
    "the source": (GRANT | {"source_arn": ARN}, {}, (f"the request is not made for {ARN}",)),
    "two things": (
        GRANT | {"source_arn": ARN, "equals": {"app": "payroll"}},
        {"pairs": {}},
        ("the encryption context is not the one that it asks for", f"the request is not made for {ARN}"),
    ),
    "room for the new grant": (
        GRANT,
        {"action": "kms:CreateGrant", "child": {"operations": ["Encrypt"]}},
        ("it permits less than the new grant would",),
    ),
    "lighter constraints": (
        GRANT | {"subset": {"app": "payroll"}},
        {"action": "kms:CreateGrant", "child": {"operations": ["Decrypt"]}},
        ("its constraints are stricter than the new grant's, or the request is not made for its source",),
    ),
    "nothing for a new grant": (GRANT, {"action": "kms:CreateGrant", "child": {"operations": ["Decrypt"]}}, ()),
}


@pytest.mark.parametrize("what", LACKING)
def test_what_a_grant_lacks(what: str) -> None:
    """Each part of a grant that does not fit is told, and no other."""
    grant, more, misses = LACKING[what]
    resource, _ = halves(explained(asking(user, naming(FAR_USER), grants=(grant,), **more)))
    assert [view.misses for view in resource.grants] == [misses]


def test_what_has_no_policy() -> None:
    """Identity policies decide; what another account has none of may not be there at all."""
    case = asking(user, identity=SILENT)._replace(policy=None)
    resource, _ = halves(explained(case))
    assert resource == Half(HOME, "it has no policy of its own, or does not exist: identity policies decide")
    resource, _ = halves(explained(case._replace(owner=AWAY)))
    assert resource == Half(AWAY, "it does not exist, or has no policy that could let another account in")


def test_what_no_policy_can_allow() -> None:
    """An action that stays within an account says so to another one."""
    case = asking(far_user, naming(FAR_USER), action="kms:PutKeyPolicy", identity=ALLOWS)._replace(cross_account=False)
    resource, _ = halves(explained(case))
    assert resource.advice == (
        "kms:PutKeyPolicy cannot be done with a resource of another account, whatever policies say",
    )


def test_who_may_retire_a_grant() -> None:
    """Policies alone do not decide it: where they allow, it was denied all the same."""
    subject, resource, action, context = question(asking(root, action="kms:RetireGrant")._replace(policy=None))
    found = explain(subject, resource, action, context, caller=ROOT, denied=True)
    assert (found.allowed, found.reason) == (False, "IMPLICIT_RESOURCE")
    assert halves(found)[0].verdict.startswith("a grant can be retired by its retiring principal")


def test_a_trust_policy_is_called_so() -> None:
    """A role has one in the place of a key policy."""
    trust = document({"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": FAR_USER}})
    case = asking(user, action="sts:AssumeRole")._replace(policy=trust, resource=ROLE)
    resource, _ = halves(explained(case))
    assert [view.title for view in resource.policies] == ["trust policy"]
    assert resource.advice[0] == f"an Allow of sts:AssumeRole for {USER} in the trust policy"


# --- how much ---


def test_what_is_about_other_actions_is_left_out() -> None:
    """Unless there is nothing else to tell."""
    other, about = naming(USER, action="kms:Encrypt"), naming(USER, Condition=PAYROLL)
    (view,) = halves(explained(asking(user, other, about, other)))[0].policies
    assert [statement.name for statement in view.statements] == ["statement 2"]
    assert view.left_out == 2
    (view,) = halves(explained(asking(user, other, other)))[0].policies
    assert (len(view.statements), view.left_out) == (2, 0)


def test_a_long_policy_is_cut_and_what_matters_stays() -> None:
    """Of many statements those are told that apply, and then those that miss least, in their order."""
    far = naming(FAR_USER, Condition=PAYROLL)
    case = asking(user, *[far] * 200, naming(FAR_USER), *[far] * 100, naming(USER, effect="Deny"))
    resource, _ = halves(explained(case))
    (view,) = resource.policies
    names = [statement.name for statement in view.statements]
    assert (len(names), view.left_out) == (MOST_SHOWN, 302 - MOST_SHOWN)
    assert {"statement 201", "statement 302"} <= set(names)
    assert names == sorted(names, key=lambda name: int(name.split()[1]))
    assert resource.decided_by == ("statement 302 of the key policy",)
    assert len([line for line in resource.advice if "would allow it" in line]) == MOST_NEAR


def test_many_grants_are_cut_and_what_fits_stays() -> None:
    """Those for the operation come first; each is worked out only if it is shown."""
    other = GRANT | {"operations": ["Encrypt"]}
    resource, _ = halves(explained(asking(user, naming(FAR_USER), grants=(*[other] * 100, GRANT | {"equals": {}}))))
    assert (len(resource.grants), resource.grants_left_out) == (MOST_SHOWN, 101 - MOST_SHOWN)
    assert resource.grants[0].misses != resource.grants[1].misses == ("it does not permit Decrypt",)


def test_a_long_reason_is_cut() -> None:
    """A condition with a thousand values does not fill the disk."""
    values = {"StringEquals": {"kms:ViaService": [f"service-{number}" for number in range(1000)]}}
    many = {"StringEquals": {f"aws:RequestTag/{number}": "x" for number in range(100)}}
    case = asking(user, naming(USER, Condition=values), naming(USER, Condition=many))
    first, second = halves(explained(case))[0].policies[0].statements
    assert len(first.misses[0]) <= 403
    assert len(second.misses) == 8
