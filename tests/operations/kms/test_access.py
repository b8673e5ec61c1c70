"""Every operation on a key, denied and allowed in each way that there is; the cases come from the table itself."""

from pathlib import Path
from typing import Any

import pytest

from strongroom.model.grant import GrantOperation
from strongroom.model.identity import Caller, PrincipalKind
from strongroom.operations.table import OPERATIONS
from tests.actors import policy, put_policies, remove, role, root, session_of, statement, user
from tests.core import ACCOUNT, OTHER, Core
from tests.operations.kms.access import (
    CASES,
    DENIED,
    ROOT_STATEMENT,
    end_of,
    keys_in,
    make,
    put_grant,
    put_policy,
    row_of,
    scene_of,
    target_of,
)
from tests.operations.kms.scenes import Scene

EVERYTHING = policy(statement("Allow", "*"))
# What neither a key policy nor a grant can give: actions on aliases, and on keys that are not there yet.
BESIDE_KEYS = policy(
    statement("Allow", ["kms:CreateKey", "kms:TagResource", "kms:*Alias"], NotResource="arn:aws:kms:*:*:key/*")
)
# What a grant of CreateGrant allows depends on the grant that is asked for.
GRANTABLE = [case for case in CASES if row_of(case).grantable and case != "CreateGrant"]
ELSEWHERE_TEXT = (
    "because the resource does not exist in this Region, no resource-based policies allow access, or a resource-based"
    " policy explicitly denies access"
)


def test_every_operation_on_keys_is_a_case() -> None:
    """An operation that is added to the table is added to the cases, or this is red."""
    on_keys = {name for name, row in OPERATIONS.items() if row.key_targets}
    assert on_keys == {case.split()[0] for case in CASES} | {"RetireGrant"}


def names(caller: Caller, effect: str = "Allow", action: str = "kms:*") -> dict[str, Any]:
    """A statement that names a caller."""
    return statement(effect, action, Principal={"AWS": caller.arn})


def open_others(core: Core, scene: Scene, caller: Caller) -> None:
    """Let a caller do everything with the keys that are not in question."""
    for arn in keys_in(core, scene):
        if arn != scene.key:
            put_policy(core, arn, ROOT_STATEMENT, names(caller), callers=(caller,))


@pytest.mark.parametrize("case", CASES)
def test_denials(case: str, tmp_path: Path) -> None:
    """Nobody may anything by omission, against an explicit deny, or by IAM alone; and each is said in AWS's words."""
    action = target_of(case).action
    with scene_of(tmp_path, case) as (core, scene):

        def refusal(caller: Caller) -> str:
            open_others(core, scene, caller)
            answer = make(core, case, scene, caller)
            assert (answer.status, answer.code) == (400, DENIED), answer.message
            start = f"User: {caller.arn} is not authorized to perform: {action} on resource: {scene.key} "
            assert answer.message.startswith(start)
            return answer.message.removeprefix(start)

        omitted = user(core, "omitted", BESIDE_KEYS)
        assert refusal(omitted) == f"because no identity-based policy allows the {action} action"

        forbidden = user(core, "forbidden", EVERYTHING, policy(statement("Deny", action, Resource=scene.key)))
        assert refusal(forbidden) == "with an explicit deny in an identity-based policy"

        able = user(core, "able", EVERYTHING)
        put_policy(core, scene.key, ROOT_STATEMENT, names(able, "Deny", action), callers=(able,))
        assert refusal(able) == "with an explicit deny in a resource-based policy"

        put_policy(core, scene.key, names(omitted), callers=(omitted,))
        assert refusal(able) == f"because no resource-based policy allows the {action} action"

        limited = session_of(role(core, "limited", EVERYTHING), limit=BESIDE_KEYS)
        put_policy(core, scene.key, ROOT_STATEMENT)
        open_others(core, scene, limited)
        assert f"because no session policy allows the {action} action" in make(core, case, scene, limited).message


@pytest.mark.parametrize("case", CASES)
def test_allowed_by_key_policy_alone(case: str, tmp_path: Path) -> None:
    """Who is named in the key policies needs no IAM policy on keys."""
    with scene_of(tmp_path, case) as (core, scene):
        caller = user(core, "named", BESIDE_KEYS)
        open_others(core, scene, caller)
        put_policy(core, scene.key, names(caller, action=target_of(case).action), callers=(caller,))
        assert make(core, case, scene, caller).code == end_of(case)


@pytest.mark.parametrize("case", CASES)
def test_allowed_by_iam_through_delegation(case: str, tmp_path: Path) -> None:
    """Where the key policy leaves it to the account, an IAM policy is enough, of a user and of a session's role."""
    allowed = policy(statement("Allow", ["kms:CreateKey", "kms:TagResource", *map(_action, row_of(case).key_targets)]))
    with scene_of(tmp_path, case) as (core, scene):
        put_policy(core, scene.key, ROOT_STATEMENT)
        assert make(core, case, scene, session_of(role(core, "delegate", allowed))).code == end_of(case)


@pytest.mark.parametrize("case", GRANTABLE)
def test_allowed_by_grant(case: str, tmp_path: Path) -> None:
    """A grant of the operation is enough, one of all others is not."""
    wanted = GrantOperation(target_of(case).action.removeprefix("kms:"))
    with scene_of(tmp_path, case) as (core, scene):
        caller, other = user(core, "grantee"), user(core, "other")
        open_others(core, scene, caller)
        put_policy(core, scene.key, names(other), callers=(other,))
        put_grant(core, scene.key, caller, *(set(GrantOperation) - {wanted}), grant_id="00" * 32)
        assert make(core, case, scene, caller).code == DENIED
        put_grant(core, scene.key, other, wanted, grant_id="11" * 32)
        assert make(core, case, scene, caller).code == DENIED
        put_grant(core, scene.key, caller, wanted, grant_id="22" * 32)
        assert make(core, case, scene, caller).code == end_of(case)


@pytest.mark.parametrize("case", [case for case in CASES if "Alias" not in case])
def test_from_another_account(case: str, tmp_path: Path) -> None:
    """Only the operations that AWS lists work with a key of another account, and both accounts have to allow them."""
    row, action = row_of(case), target_of(case).action
    with scene_of(tmp_path, case) as (core, scene):
        able, unable = (user(core, name, *texts, account=OTHER) for name, texts in
                        (("able", (EVERYTHING,)), ("unable", ())))  # fmt: skip
        elsewhere = root(OTHER)
        callers = (able, unable)

        def refusal(caller: Caller) -> str:
            answer = make(core, case, scene, caller)
            assert (answer.status, answer.code) == (400, DENIED), answer.message
            return answer.message

        for arn in keys_in(core, scene):
            put_policy(core, arn, ROOT_STATEMENT)
        assert refusal(able).endswith(ELSEWHERE_TEXT)
        for arn in keys_in(core, scene):
            put_policy(core, arn, *map(names, callers), callers=callers)
        assert refusal(unable).endswith(ELSEWHERE_TEXT)
        assert refusal(elsewhere).endswith(ELSEWHERE_TEXT)
        if row.cross_account:
            assert make(core, case, scene, able).code == end_of(case)
        else:
            assert f"perform: {action} on this resource {ELSEWHERE_TEXT}" in refusal(able)


@pytest.mark.parametrize("case", [case for case in CASES if row_of(case).writes and case != "CancelKeyDeletion"])
def test_a_writing_operation_is_decided_again_on_the_rows_that_it_reads(case: str, tmp_path: Path) -> None:
    """What was taken away after the first decision is gone: key policy, IAM policy, access key, user and role."""
    with scene_of(tmp_path, case) as (core, scene):
        delegate = user(core, "delegate", EVERYTHING)
        session = session_of(role(core, "delegate", EVERYTHING))

        def closes() -> None:
            put_policy(core, scene.key, names(delegate, "Deny", target_of(case).action), callers=(delegate,))

        def without_policy() -> None:
            put_policies(core, PrincipalKind.USER, "delegate", ACCOUNT, {"p0": BESIDE_KEYS})

        before = core.stored(scene.key)
        answer = make(core, case, scene, delegate, between=closes)
        assert (answer.code, answer.in_outbox) == (DENIED, False)
        put_policy(core, scene.key, ROOT_STATEMENT)
        assert (
            make(core, case, scene, session, between=lambda: remove(core, session)).code
            == "UnrecognizedClientException"
        )
        assert make(core, case, scene, delegate, between=without_policy).code == DENIED
        put_policies(core, PrincipalKind.USER, "delegate", ACCOUNT, {"p0": EVERYTHING})
        assert (
            make(core, case, scene, delegate, between=lambda: remove(core, delegate)).code
            == "UnrecognizedClientException"
        )
        assert core.stored(scene.key).key == before.key


def _action(target: Any) -> str:
    return str(target.action)
