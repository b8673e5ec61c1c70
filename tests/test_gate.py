"""The decisions of requests: who may retire a grant, what grants and session policies do, what is said of a refusal."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from strongroom.model.grant import Grant
from strongroom.model.identity import Caller
from strongroom.model.region import Realm
from tests.actors import policy, role, root, session_of, statement, user
from tests.core import ACCOUNT, MISSING, OTHER, Answer, Core, key_id_of, open_core
from tests.operations.kms.access import DENIED, ROOT_STATEMENT, put_policy

IAM = f"arn:aws:iam::{ACCOUNT}"
FAR_ROOT = f"arn:aws:iam::{OTHER}:root"
MAY_RETIRE = policy(statement("Allow", "kms:RetireGrant"))
MUST_NOT = policy(statement("Deny", "kms:RetireGrant"))
EVERYTHING = policy(statement("Allow", "*"))
NOTHING = policy(statement("Allow", "s3:*"))
DRY = "DryRunOperationException"


@pytest.fixture
def core(tmp_path: Path) -> Iterator[Core]:
    """A core of the test's own."""
    with open_core(tmp_path) as opened:
        yield opened


# --- RetireGrant ---


class Scene(NamedTuple):
    """A key, and grants on it by name."""

    core: Core
    key: str
    callers: dict[str, Caller]
    grants: dict[str, dict[str, Any]]


# Who is named in each grant; "issued elsewhere" is made by the other account's root.
GRANTS: dict[str, dict[str, Any]] = {
    "names nobody": {},
    "retired by a user": {"RetiringPrincipal": f"{IAM}:user/alice"},
    "retired by a role": {"RetiringPrincipal": f"{IAM}:role/worker"},
    "retired by a session": {"RetiringPrincipal": f"arn:aws:sts::{ACCOUNT}:assumed-role/worker/job"},
    "retired by another account": {"RetiringPrincipal": FAR_ROOT},
    "the grantee, a user": {"GranteePrincipal": f"{IAM}:user/alice", "Operations": ["Encrypt", "RetireGrant"]},
    "the grantee, a role": {"GranteePrincipal": f"{IAM}:role/worker", "Operations": ["Encrypt", "RetireGrant"]},
    "the grantee, another account": {"GranteePrincipal": FAR_ROOT, "Operations": ["Encrypt", "RetireGrant"]},
    "a grantee without it": {"GranteePrincipal": f"{IAM}:user/alice"},
    "issued elsewhere": {},
}
# The account of the key, and who has kms:RetireGrant there by IAM, may retire every grant.
ALWAYS = {"root", "able", "able session"}
WHO_MAY: dict[str, set[str]] = {
    "names nobody": set(),
    "retired by a user": {"alice"},
    "retired by a role": {"job", "night"},
    "retired by a session": {"job", "limited job"},
    "retired by another account": {"far root", "far able"},
    "the grantee, a user": {"alice"},
    "the grantee, a role": {"job", "night"},
    "the grantee, another account": {"far root", "far able"},
    "a grantee without it": set(),
    "issued elsewhere": {"far root", "far able"},
}


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """A key whose policy gives kms:RetireGrant to everybody, which means nothing, and denies it to who may."""
    with open_core(tmp_path_factory.mktemp("grants")) as core:
        worker, delegate = role(core, "worker"), role(core, "delegate", MAY_RETIRE)
        forbidden = role(core, "forbidden", MAY_RETIRE, MUST_NOT)
        callers = {
            "root": root(),
            "alice": user(core, "alice"),
            "able": user(core, "able", MAY_RETIRE),
            "unable": user(core, "unable", policy(statement("Allow", "kms:RevokeGrant"))),
            "elsewhere able": user(
                core,
                "elsewhere",
                policy(statement("Allow", "kms:RetireGrant", Resource=f"arn:aws:kms:*:*:key/{MISSING}")),
            ),
            "denied": user(core, "denied", EVERYTHING, MUST_NOT),
            "job": session_of(worker),
            "night": session_of(worker, "night"),
            "limited job": session_of(worker, limit=NOTHING),
            "denied job": session_of(worker, limit=MUST_NOT),
            "able session": session_of(delegate),
            "able session, limited": session_of(delegate, limit=NOTHING),
            "denied session": session_of(forbidden),
            "far root": root(OTHER),
            "far able": user(core, "farable", MAY_RETIRE, account=OTHER),
            "far unable": user(core, "farunable", account=OTHER),
            "far denied": user(core, "fardenied", EVERYTHING, MUST_NOT, account=OTHER),
        }
        key = core.new_key()
        put_policy(
            core, key,
            statement("Allow", "kms:*", Principal={"AWS": [ACCOUNT, OTHER]}),
            statement("Deny", "kms:RetireGrant", Principal="*"),
        )  # fmt: skip
        grants = {}
        for name, members in GRANTS.items():
            wanted = {"GranteePrincipal": f"{IAM}:root", "Operations": ["Encrypt"], **members}
            caller = root(OTHER) if name == "issued elsewhere" else None
            grants[name] = core.ok("CreateGrant", KeyId=key, caller=caller, **wanted)
        yield Scene(core, key, callers, grants)


def retire(scene: Scene, caller: Caller, grant: dict[str, Any], *, by_token: bool) -> Answer:
    """Try to retire a grant."""
    named = {"GrantToken": grant["GrantToken"]} if by_token else {"KeyId": scene.key, "GrantId": grant["GrantId"]}
    return scene.core.call("RetireGrant", caller=caller, DryRun=True, **named)


@pytest.mark.parametrize("by_token", [True, False], ids=["by token", "by id"])
@pytest.mark.parametrize("name", GRANTS)
def test_who_may_retire_a_grant(scene: Scene, name: str, *, by_token: bool) -> None:
    """Those whom the grant or an account lets, whatever the key policy says, and nobody else; a deny in IAM counts."""
    answers = {
        who: retire(scene, caller, scene.grants[name], by_token=by_token) for who, caller in scene.callers.items()
    }
    assert {answer.code for answer in answers.values()} == {DRY, DENIED}
    assert {who for who, answer in answers.items() if answer.code == DRY} == ALWAYS | WHO_MAY[name]


REASONS = {
    "unable": "because no identity-based policy allows the kms:RetireGrant action",
    "elsewhere able": "because no identity-based policy allows the kms:RetireGrant action",
    "denied": "with an explicit deny in an identity-based policy",
    "denied session": "with an explicit deny in an identity-based policy",
    "able session, limited": "because no session policy allows the kms:RetireGrant action",
    "denied job": "with an explicit deny in a session policy",
}


@pytest.mark.parametrize("who", REASONS)
def test_a_refused_retirement_says_why(scene: Scene, who: str) -> None:
    """In the key's account; a grant that is not there is refused in the same words."""
    caller, named = scene.callers[who], scene.grants["names nobody"]
    text = f"User: {caller.arn} is not authorized to perform: kms:RetireGrant on resource: {scene.key} {REASONS[who]}"
    answer = retire(scene, caller, named, by_token=False)
    assert answer.message == text
    kept = scene.core.denials.kept[answer.request_id]
    assert (kept["action"], kept["resource"], kept["allowed"]) == ("kms:RetireGrant", scene.key, False)
    assert retire(scene, caller, named | {"GrantId": "ab" * 32}, by_token=False).message == text


@pytest.mark.parametrize("who", ["far root", "far able", "far unable", "far denied"])
def test_another_account_learns_nothing_of_a_grant(scene: Scene, who: str) -> None:
    """One that it may not retire, one that is not there, and one on no key: the answers are the same."""
    caller, grant = scene.callers[who], scene.grants["names nobody"]
    gone = scene._replace(key=scene.key.replace(key_id_of(scene.key), MISSING))
    answers = [
        retire(scene, caller, grant, by_token=True),
        retire(scene, caller, grant, by_token=False),
        retire(scene, caller, grant | {"GrantId": "ab" * 32}, by_token=False),
        retire(gone, caller, grant, by_token=False),
    ]
    assert len({(answer.status, answer.body) for answer in answers}) == 1
    assert answers[0].message.startswith(
        f"User: {caller.arn} is not authorized to perform: kms:RetireGrant on this res"
    )
    # The owner of a key that exists hears of it.
    assert [len(answer.records) for answer in answers] == [2, 2, 2, 1]


def test_only_who_may_retire_learns_that_a_grant_is_not_there(scene: Scene) -> None:
    """In the key's account."""
    gone = {"GrantId": "ab" * 32}
    for who, caller in scene.callers.items():
        if caller.account == ACCOUNT:
            answer = retire(scene, caller, gone, by_token=False)
            assert answer.code == ("NotFoundException" if who in ALWAYS else DENIED)


# --- grants ---


def grant_to(core: Core, key: str, principal: str, *operations: str, **members: Any) -> str:
    """Make a grant; its token."""
    made = core.ok("CreateGrant", KeyId=key, GranteePrincipal=principal, Operations=operations, **members)
    return str(made["GrantToken"])


def test_a_session_policy_limits_what_a_roles_grant_allows(core: Core) -> None:
    """And not what the session's own does (IAM User Guide, "Session policies")."""
    key, worker = core.new_key(), role(core, "worker")
    free, limited = session_of(worker, "free"), session_of(worker, "limited", limit=NOTHING)
    grant_to(core, key, f"{IAM}:role/worker", "DescribeKey")
    core.ok("DescribeKey", KeyId=key, caller=free)
    answer = core.call("DescribeKey", KeyId=key, caller=limited)
    assert answer.message.endswith("because no session policy allows the kms:DescribeKey action")
    grant_to(core, key, limited.arn, "DescribeKey")
    core.ok("DescribeKey", KeyId=key, caller=limited)


def test_a_sessions_own_grant_helps_where_only_its_policy_lacks(core: Core) -> None:
    """What its role may is cut by the session policy; what a grant gives to the session itself is not."""
    key, limited = core.new_key(), session_of(role(core, "worker", EVERYTHING), limit=NOTHING)
    answer = core.call("DescribeKey", KeyId=key, caller=limited)
    assert answer.message.endswith("because no session policy allows the kms:DescribeKey action")
    grant_to(core, key, limited.arn, "DescribeKey")
    core.ok("DescribeKey", KeyId=key, caller=limited)


def test_no_grant_helps_against_a_deny(core: Core) -> None:
    """Of the key policy, of IAM and of a session policy, each said as such."""
    key, worker = core.new_key(), role(core, "worker")
    named = user(core, "named")
    put_policy(
        core, key, ROOT_STATEMENT, statement("Deny", "kms:Encrypt", Principal={"AWS": named.arn}), callers=(named,)
    )
    denied = policy(statement("Deny", "kms:Encrypt"))
    cases = (
        (named, "a resource-based policy"),
        (user(core, "denied", denied), "an identity-based policy"),
        (session_of(worker, limit=denied), "a session policy"),
    )
    for caller, kind in cases:
        grant_to(core, key, caller.arn, "Encrypt")
        answer = core.call("Encrypt", KeyId=key, Plaintext=b"x", caller=caller)
        assert answer.code == DENIED
        assert answer.message.endswith(f"with an explicit deny in {kind}")


@pytest.mark.parametrize("delay", [0.0, 300.0])
def test_a_grant_counts_from_its_time_on(tmp_path: Path, delay: float) -> None:
    """To the second: at once where there is no delay, else when it has passed; its token does not wait."""
    with open_core(tmp_path, grant_delay=delay) as core:
        alice, key = user(core), core.new_key()
        token = grant_to(core, key, alice.arn, "DescribeKey")
        core.ok("DescribeKey", KeyId=key, caller=alice, GrantTokens=[token])
        for passed in range(0, int(delay), 100):
            core.clock.key_life += 100.0 if passed else 99.5
            assert core.call("DescribeKey", KeyId=key, caller=alice).code == DENIED
        core.clock.key_life += 0.5 if delay else 0.0
        core.ok("DescribeKey", KeyId=key, caller=alice)


def test_a_token_serves_its_grantee_on_its_key_alone(tmp_path: Path) -> None:
    """Another caller, another key, and the same key id in another account gain nothing by it."""
    with open_core(tmp_path, grant_delay=300.0) as core:
        alice, bob, key, other = user(core), user(core, "bob"), core.new_key(), core.new_key()
        token = grant_to(core, key, alice.arn, "DescribeKey")
        for caller, arn in ((bob, key), (alice, other), (alice, key.replace(ACCOUNT, OTHER))):
            answer = core.call("DescribeKey", KeyId=arn, caller=caller, GrantTokens=[token])
            assert answer.code == DENIED
            assert "grants" not in core.denials.kept[answer.request_id]["ofResource"]  # nor is it told of
        core.ok("DescribeKey", KeyId=key, caller=alice, GrantTokens=[token])


def test_a_token_does_not_make_a_grant_count_for_its_key_in_another_region(tmp_path: Path) -> None:
    """Related keys have one id; a grant is on one of them."""
    with open_core(tmp_path, grant_delay=300.0) as core:
        key = core.new_key(MultiRegion=True)
        replica = core.ok("ReplicateKey", KeyId=key, ReplicaRegion="eu-west-1")["ReplicaKeyMetadata"]["Arn"]
        alice = user(core)
        token = grant_to(core, key, alice.arn, "DescribeKey")
        core.ok("DescribeKey", KeyId=key, caller=alice, GrantTokens=[token])
        answer = core.call("DescribeKey", KeyId=replica, region="eu-west-1", caller=alice, GrantTokens=[token])
        assert answer.code == DENIED


def test_only_what_grants_can_allow_asks_for_them(core: Core, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where policies allow or forbid it, or no grant could allow it, none is read."""
    key, alice, bob = core.new_key(), user(core), user(core, "bob", EVERYTHING)
    denied = user(core, "denied", policy(statement("Deny", "*")))
    core.views.refresh()
    read: list[str] = []
    real = core.store.grants_of

    def counted(realm: Realm, key_id: str, token: str) -> tuple[Grant, ...]:
        read.append(token)
        return real(realm, key_id, token)

    monkeypatch.setattr(core.store, "grants_of", counted)
    core.ok("DescribeKey", KeyId=key, caller=bob)
    assert core.call("GetKeyPolicy", KeyId=key, caller=alice).code == DENIED
    assert core.call("DescribeKey", KeyId=key, caller=denied).code == DENIED
    assert read == []
    assert core.call("DescribeKey", KeyId=key, caller=alice).code == DENIED
    assert read == [ACCOUNT, alice.principal_id]


# --- the check for lock-outs ---

BYPASS = {"Null": {"kms:BypassPolicyLockoutSafetyCheck": "true"}}


def test_the_lockout_check_asks_about_a_plain_call(core: Core) -> None:
    """Not about one that bypasses the check, nor about the one that is made, and in the Region of the key."""
    elsewhere = {"StringEquals": {"aws:RequestedRegion": "eu-west-1"}}
    key = core.new_key(MultiRegion=True)
    for condition, here in ((BYPASS, True), (elsewhere, False)):
        document = policy(ROOT_STATEMENT | {"Condition": condition})
        answer = core.call("PutKeyPolicy", KeyId=core.new_key(), Policy=document)
        assert answer.code == (None if here else "MalformedPolicyDocumentException")
        core.ok(
            "ReplicateKey",
            KeyId=key,
            ReplicaRegion="eu-west-1" if condition is elsewhere else "eu-west-2",
            Policy=document,
        )


def test_the_lockout_check_heeds_the_session_policy(core: Core) -> None:
    """A session that could not put another policy, though its role could, is refused."""
    worker = role(core, "worker", EVERYTHING)
    limit = policy(statement("Allow", "kms:CreateKey"))
    document = policy(ROOT_STATEMENT)
    core.ok("CreateKey", Policy=document, caller=session_of(worker))
    answer = core.call("CreateKey", Policy=document, caller=session_of(worker, limit=limit))
    assert answer.code == "MalformedPolicyDocumentException"
    core.ok("CreateKey", Policy=document, BypassPolicyLockoutSafetyCheck=True, caller=session_of(worker, limit=limit))


def test_the_lockout_check_sees_the_key_as_it_will_be(core: Core) -> None:
    """With its tags, and where it has some its aliases; a new key with those that it is given."""
    tags = [{"TagKey": "Team", "TagValue": "payroll"}]
    tagged, plain = core.new_key(Tags=tags, MultiRegion=True), core.new_key(MultiRegion=True)
    core.ok("CreateAlias", AliasName="alias/app", TargetKeyId=tagged)
    by_tag = policy(ROOT_STATEMENT | {"Condition": {"StringEquals": {"aws:ResourceTag/Team": "payroll"}}})
    by_alias = policy(
        ROOT_STATEMENT | {"Condition": {"ForAnyValue:StringEquals": {"kms:ResourceAliases": "alias/app"}}}
    )
    calls: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
        ("PutKeyPolicy", {"KeyId": tagged, "Policy": by_tag}, {"KeyId": plain}),
        ("PutKeyPolicy", {"KeyId": tagged, "Policy": by_alias}, {"KeyId": plain}),
        ("CreateKey", {"Tags": tags, "Policy": by_tag}, {"Tags": []}),
        ("ReplicateKey", {"KeyId": plain, "ReplicaRegion": "eu-west-1", "Tags": tags, "Policy": by_tag}, {"Tags": []}),
    ]
    for operation, allowed, changes in calls:
        code, _ = core.refused(operation, **allowed | changes)
        assert code == "MalformedPolicyDocumentException"
        core.ok(operation, **allowed)


# --- why ---


def test_a_refusal_is_kept_for_who_asks_why(core: Core) -> None:
    """The action that was denied, on what and to whom, under the request's id; of what is allowed there is none."""
    alice = user(core, "alice", policy(statement("Allow", ["kms:ReplicateKey", "kms:DescribeKey"])))
    key = core.new_key()
    core.ok("DescribeKey", KeyId=key, caller=alice)
    assert core.refused("DescribeKey", KeyId=MISSING, caller=alice)[0] == "NotFoundException"
    assert core.denials.kept == {}
    related = core.new_key(MultiRegion=True)
    calls: list[tuple[str, str, str, dict[str, Any]]] = [
        ("Encrypt", "kms:Encrypt", key, {"KeyId": key, "Plaintext": b"x"}),
        ("ReplicateKey", "kms:CreateKey", "*", {"KeyId": related, "ReplicaRegion": "eu-west-1"}),
        ("iam:GetUser", "iam:GetUser", f"{IAM}:user/alice", {}),
    ]
    for operation, action, resource, members in calls:
        answer = core.call(operation, caller=alice, **members)
        kept = core.denials.kept.pop(answer.request_id)
        assert (kept["action"], kept["resource"], kept["caller"]) == (action, resource, alice.arn)
        assert (kept["allowed"], kept["reason"]) == (False, "IMPLICIT_IDENTITY")


def test_a_denial_that_cannot_be_explained_is_recorded_all_the_same(
    core: Core, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever goes wrong with the explanation, caller, audit and operator get theirs."""

    def failing(*_: object, **__: object) -> None:
        raise RuntimeError("broken")

    monkeypatch.setattr("strongroom.dispatch.pipeline.explain", failing)
    answer = core.call("Encrypt", caller=user(core, "nobody"), KeyId=core.new_key(), Plaintext=b"x")
    assert (answer.code, answer.record["errorCode"]) == (DENIED, DENIED)
    assert core.denials.kept == {}
    assert "the denial is not explained" in caplog.text
