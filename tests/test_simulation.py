"""A simulation says what a request gets: random policies and grants, each asked about both ways."""

from collections.abc import Callable, Iterator
from operator import methodcaller
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from strongroom.authz.explanation import Explanation
from strongroom.dispatch.simulation import SimulationError, simulate
from strongroom.model.grant import Constraints, Grant, GrantOperation
from strongroom.model.identity import Caller, PrincipalKind
from strongroom.ports import TamperedStoreError
from tests.actors import policy as document
from tests.actors import put_policies, role, root, session_of, statement, user
from tests.core import ACCOUNT, DATABASE, ELSEWHERE, MISSING, OTHER, REGION, Core, open_core
from tests.operations.kms.access import DENIED, put_grant, put_policy
from tests.storage.support import outsider

CONTEXT = {"app": "payroll"}
# The action of each request, whether the request has an encryption context, and its other members.
REQUESTS: dict[str, tuple[str, bool, dict[str, Any]]] = {
    "DescribeKey": ("kms:DescribeKey", False, {}),
    "Encrypt": ("kms:Encrypt", True, {"Plaintext": b"x"}),
    "GenerateDataKeyWithoutPlaintext": ("kms:GenerateDataKeyWithoutPlaintext", True, {"KeySpec": "AES_256"}),
    "GetKeyPolicy": ("kms:GetKeyPolicy", False, {}),
    "ListGrants": ("kms:ListGrants", False, {}),
}
NAMES_BY_ALIAS = {"DescribeKey", "Encrypt", "GenerateDataKeyWithoutPlaintext"}
BROUGHT = {"aws:sourceip": "192.0.2.7", "aws:useragent": "tests/1.0"}
"""What every request of the tests brings, and a simulation is told."""


class World(NamedTuple):
    """A key with an alias and a tag, and everybody who may be asked about."""

    core: Core
    key: str
    alias: str
    callers: dict[str, Caller]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Callers of the key's account and of another one."""
    with open_core(tmp_path_factory.mktemp("world")) as core:
        key = core.new_key(Tags=[{"TagKey": "Team", "TagValue": "payroll"}])
        core.ok("CreateAlias", AliasName="alias/app", TargetKeyId=key)
        near, far = role(core, "worker"), role(core, "worker", account=OTHER)
        callers = {
            "root": root(),
            "user": user(core, "alice", path="/team/"),
            "session": session_of(near),
            "other session": session_of(near, "night"),
            "root elsewhere": root(OTHER),
            "user elsewhere": user(core, "bob", account=OTHER),
            "session elsewhere": session_of(far),
        }
        yield World(core, key, f"arn:aws:kms:{REGION}:{ACCOUNT}:alias/app", callers)


def simulated(world: World, caller: Caller, action: str, **changes: Any) -> Explanation:
    """Ask for a simulation of a request as the core's tests make them."""
    clock = world.core.clock
    asked: dict[str, Any] = {
        "principal": caller.arn, "action": action, "key": world.key, "context": {}, "conditions": BROUGHT,
        "region": REGION, "clocks": clock.clocks(), "grant_delay": 0.0, "tls": True, **changes,
    }  # fmt: skip
    return simulate(world.core.store, **asked)


def requested(world: World, caller: Caller, operation: str, key: str, context: dict[str, str] | None) -> bool:
    """Whether a request is allowed."""
    members = REQUESTS[operation][2] | ({} if context is None else {"EncryptionContext": context})
    answer = world.core.call(operation, caller=caller, KeyId=key, **members)
    assert answer.code in {None, DENIED}, answer.message
    return answer.code is None


# --- random worlds ---

WORKER = f"arn:aws:iam::{ACCOUNT}:role/worker"
ACTIONS = st.sampled_from([*["kms:*"] * 5, "kms:Encrypt", "kms:Describe*", "kms:GenerateDataKey*", "kms:?et*", "s3:*"])
Block = dict[str, dict[str, Any]]
# Conditions that some of the callers meet, with some encryption contexts or names of the key.
VARYING: list[Block] = [
    {"StringEquals": {"kms:EncryptionContext:app": "payroll"}},
    {"ForAllValues:StringEquals": {"kms:EncryptionContextKeys": "app"}},
    {"Null": {"kms:EncryptionContext:app": "true"}},
    {"StringEquals": {"kms:CallerAccount": ACCOUNT}},
    {"StringEquals": {"aws:PrincipalAccount": "${aws:ResourceAccount}"}},
    {"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/*"}},
    {"StringEquals": {"aws:PrincipalType": "User"}},
    {"StringLike": {"aws:userid": "*:job"}},
    {"StringEqualsIfExists": {"aws:username": "alice"}},
    {"StringEquals": {"kms:RequestAlias": "alias/app"}},
    {"Bool": {"aws:MultiFactorAuthPresent": "false"}},
]
ALWAYS: list[Block] = [
    {"StringEquals": {"aws:RequestedRegion": REGION}},
    {"ForAnyValue:StringLike": {"kms:ResourceAliases": "alias/a*"}},
    {"StringEquals": {"aws:ResourceTag/Team": "payroll"}},
    {"StringEquals": {"kms:KeySpec": "SYMMETRIC_DEFAULT"}},
    {"Bool": {"aws:SecureTransport": "true"}},
    {"DateLessThan": {"aws:CurrentTime": "2026-06-01T00:00:00Z"}},  # between the machine's clock and that of key life
]
NEVER: list[Block] = [
    {"NotIpAddress": {"aws:SourceIp": "192.0.2.0/24"}},
    {"DateLessThan": {"aws:TokenIssueTime": "2020-01-01T00:00:00Z"}},
    {"StringEquals": {"kms:GrantIsForAWSResource": "false"}},
]
BLOCKS = [*VARYING, *ALWAYS, *NEVER]
CONDITIONS = st.one_of(st.just({}), st.just({}), st.sampled_from(BLOCKS).map(lambda block: {"Condition": block}))


class Random(NamedTuple):
    """Policies and grants, and a question."""

    caller: Caller
    operation: str
    by_alias: bool
    context: dict[str, str]
    key_policy: list[dict[str, Any]]
    identity_policy: list[dict[str, Any]]
    grants: list[tuple[str, tuple[GrantOperation, ...], Constraints]]


def listed(*choices: Any) -> st.SearchStrategy[Any]:
    """One of several; what stands there twice comes twice as often."""
    return st.sampled_from(choices)


EFFECTS = listed(*["Allow"] * 5, "Deny")
ENCRYPTION_CONTEXTS = listed({}, CONTEXT, CONTEXT | {"more": "x"}, {"app": "billing"})
OPERATIONS = st.lists(listed(GrantOperation.DESCRIBE_KEY, GrantOperation.ENCRYPT), min_size=1, max_size=2).map(tuple)
CONSTRAINTS = listed(Constraints(), Constraints(equals=CONTEXT), Constraints(subset={}), Constraints(subset=CONTEXT))


@st.composite
def statements(draw: st.DrawFn, principals: st.SearchStrategy[str] | None) -> dict[str, Any]:
    """A statement; of a key policy with a principal."""
    made = statement(draw(EFFECTS), draw(ACTIONS), **draw(CONDITIONS))
    if principals is not None:
        named = draw(principals)
        made["Principal"] = "*" if named == "*" else {"AWS": named}
    return made


@st.composite
def randoms(draw: st.DrawFn, callers: dict[str, Caller]) -> Random:
    """A world, and a question to it; what is written in it is about the caller more often than about others."""
    name, operation = draw(st.sampled_from(sorted(callers))), draw(st.sampled_from(sorted(REQUESTS)))
    caller, others = callers[name], callers.values()
    principals = listed(*[caller.arn, caller.account] * 4, *(other.arn for other in others), WORKER, "*")
    grantees = listed(*[caller.principal_id] * 4, *(other.principal_id for other in others))
    grants = st.tuples(grantees, OPERATIONS, CONSTRAINTS)
    return Random(
        caller=caller,
        operation=operation,
        by_alias=operation in NAMES_BY_ALIAS and draw(st.booleans()),
        context=draw(ENCRYPTION_CONTEXTS) if REQUESTS[operation][1] else {},
        key_policy=draw(st.lists(statements(principals), min_size=1, max_size=4)),
        identity_policy=draw(st.lists(statements(None), min_size=1, max_size=3)),
        grants=draw(st.lists(grants, max_size=2)),
    )


@pytest.fixture
def written(world: World) -> Iterator[Callable[[Random], None]]:
    """Puts what a random world says into the store, in place of what the last one said."""
    core, callers = world.core, world.callers
    worker = replace(callers["session"], arn=WORKER, principal_id=callers["session"].principal_id.partition(":")[0])
    made: list[Grant] = []

    def write(case: Random) -> None:
        put_policy(core, world.key, *case.key_policy, callers=(*callers.values(), worker))
        caller = case.caller
        if caller.kind is not PrincipalKind.ROOT:
            put_policies(core, caller.kind, caller.name, caller.account, {"p": document(*case.identity_policy)})
        clean()
        for number, (token, operations, limits) in enumerate(case.grants):
            details: dict[str, Any] = {"grantee_token": token, "constraints": limits, "grant_id": f"{number:064}"}
            made.append(put_grant(core, world.key, caller, *operations, **details))

    def clean() -> None:
        while made:
            core.store.run(methodcaller("delete_grant", made.pop()))

    yield write
    clean()


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_simulation_says_what_a_request_gets(
    world: World, written: Callable[[Random], None], data: st.DataObject
) -> None:
    """The same verdict for whatever policies and grants there are, whoever asks, however the key is named."""
    case = data.draw(randoms(world.callers))
    written(case)
    key = world.alias if case.by_alias else world.key
    action, takes_context, _ = REQUESTS[case.operation]
    allowed = requested(world, case.caller, case.operation, key, case.context if takes_context else None)
    assert simulated(world, case.caller, action, key=key, context=case.context).allowed is allowed


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: next(iter(next(iter(block.values())))))
def test_each_condition_key_says_what_it_says_in_a_request(
    world: World, written: Callable[[Random], None], block: Block
) -> None:
    """For everybody, by key ARN as by alias, and there is somebody whom it lets and somebody whom it does not."""
    allows = [statement("Allow", "kms:*", Principal="*", Condition=block)]
    plain = Random(
        root(),
        "Encrypt",
        by_alias=False,
        context={},
        key_policy=allows,
        identity_policy=[statement("Allow", "*")],
        grants=[],
    )
    verdicts: set[bool] = set()
    for caller in world.callers.values():
        written(plain._replace(caller=caller))
        for key, context in ((world.key, {}), (world.alias, CONTEXT), (world.key, {"other": "x"})):
            allowed = requested(world, caller, "Encrypt", key, context)
            assert simulated(world, caller, "kms:Encrypt", key=key, context=context).allowed is allowed
            verdicts.add(allowed)
    assert verdicts == {block not in NEVER, block in ALWAYS}


# --- what is known without a request ---


def allowed_if(operator: str, key: str, value: Any) -> str:
    """An IAM policy that allows everything under a condition."""
    return document(statement("Allow", "*", Condition={operator: {key: value}}))


@pytest.fixture
def core(tmp_path: Path) -> Iterator[Core]:
    """A core of the test's own."""
    with open_core(tmp_path) as opened:
        yield opened


def world_of(core: Core, **members: Any) -> World:
    """A key of the account alone."""
    return World(core, core.new_key(**members), "", {})


def test_a_session_begins_now(core: Core) -> None:
    """So a policy that ends old sessions does not end it; and a role is asked about as a session of it."""
    revoked = statement("Deny", "*", Condition={"DateLessThan": {"aws:TokenIssueTime": "2026-09-01T00:00:00Z"}})
    worker = role(core, "worker", document(statement("Allow", "*"), revoked))
    world = world_of(core)
    old = session_of(worker)
    assert core.refused("DescribeKey", caller=old, KeyId=world.key)[0] == DENIED
    for arn in (worker.arn("aws"), old.arn):
        found = simulated(world, replace(old, arn=arn), "kms:DescribeKey")
        assert (found.allowed, found.caller) == (True, arn)


@pytest.mark.parametrize("tls", [True, False])
def test_a_request_comes_over_tls_where_the_service_has_it(core: Core, *, tls: bool) -> None:
    """Policies that refuse plain HTTP count as they do for requests."""
    alice = user(core, "alice", allowed_if("Bool", "aws:SecureTransport", "true"))
    assert simulated(world_of(core), alice, "kms:DescribeKey", tls=tls).allowed is tls


def test_conditions_go_by_the_machines_clock_and_grants_by_that_of_keys(core: Core) -> None:
    """Which is ahead where dev mode's was moved."""
    world = world_of(core)
    early = user(core, "early", allowed_if("DateLessThan", "aws:CurrentTime", "2026-06-01T00:00:00Z"))
    assert simulated(world, early, "kms:DescribeKey").allowed
    grantee = user(core, "grantee")
    put_grant(core, world.key, grantee, GrantOperation.DESCRIBE_KEY)  # made at 1780000000, now is 1790000000 for keys
    assert simulated(world, grantee, "kms:DescribeKey", grant_delay=10_000_000.0).allowed
    assert not simulated(world, grantee, "kms:DescribeKey", grant_delay=10_000_001.0).allowed


def test_a_condition_that_is_given_stands_in_for_the_requests(core: Core) -> None:
    """In any case of letters, also where a request would have something else."""
    world = world_of(core, Tags=[{"TagKey": "Team", "TagValue": "payroll"}])
    alice = user(core, "alice", allowed_if("StringEquals", "aws:ResourceTag/Team", "payroll"))
    assert simulated(world, alice, "kms:DescribeKey").allowed
    assert not simulated(world, alice, "kms:DescribeKey", conditions={"AWS:resourcetag/TEAM": "billing"}).allowed


def test_days_without_usage_are_those_of_the_store(core: Core) -> None:
    """A condition on them is answered as of now."""
    world = world_of(core)
    alice = user(core, "alice", allowed_if("NumericGreaterThanEquals", "kms:TrailingDaysWithoutKeyUsage", 90))
    assert not simulated(world, alice, "kms:DisableKey").allowed
    core.clock.key_life += 91 * 86_400
    assert simulated(world, alice, "kms:DisableKey").allowed


def test_grants_count_for_the_actions_that_they_can_allow(core: Core) -> None:
    """Which no policy can change; and a grant token can never be used."""
    world = world_of(core)
    alice = user(core, "alice")
    put_grant(core, world.key, alice, *GrantOperation)
    assert simulated(world, alice, "kms:Decrypt").allowed
    assert simulated(world, alice, "kms:ReEncryptTo", context=CONTEXT).allowed
    denied = simulated(world, alice, "kms:EnableKey")
    assert (denied.allowed, denied.of_resource and denied.of_resource.grants) == (False, ())


def test_an_encryption_context_without_pairs_is_one(core: Core) -> None:
    """A constraint that asks for none is met by a request that has none."""
    world = world_of(core)
    alice = user(core, "alice")
    put_grant(core, world.key, alice, GrantOperation.ENCRYPT, constraints=Constraints(equals={}))
    assert requested(world, alice, "Encrypt", world.key, None)
    assert simulated(world, alice, "kms:Encrypt").allowed
    assert not simulated(world, alice, "kms:Encrypt", context=CONTEXT).allowed


# --- what cannot be asked ---

WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "another path": ({"principal": f"arn:aws:iam::{ACCOUNT}:user/alice"}, "there is no arn:aws:iam"),
    "another partition": ({"principal": f"arn:aws-cn:iam::{ACCOUNT}:root"}, "there is no arn:aws-cn:"),
    "another service": ({"principal": f"arn:aws:sts::{ACCOUNT}:user/team/alice"}, "there is no arn:aws:sts"),
    "a root with a name": ({"principal": f"arn:aws:iam::{ACCOUNT}:root/x"}, "there is no arn:aws:iam"),
    "a session without a name": ({"principal": f"arn:aws:sts::{ACCOUNT}:assumed-role/worker/"}, "there is no arn:aws:"),
    "a session of nobody": ({"principal": f"arn:aws:sts::{ACCOUNT}:assumed-role/no/x"}, "there is no arn:aws:sts"),
    "a user as a role": ({"principal": f"arn:aws:iam::{ACCOUNT}:role/alice"}, "there is no arn:aws:iam"),
    "no ARN": ({"principal": "AIDAALICEXXXXXXXXXXXX"}, "AIDAALICEXXXXXXXXXXXX is not the ARN of a root, a user"),
    "an action on no key": ({"action": "kms:CreateKey"}, "kms:CreateKey is no action on a key"),
    "an action that no policy decides": ({"action": "kms:RetireGrant"}, "kms:RetireGrant is no action on a key"),
    "pairs for an action without": ({"context": CONTEXT}, "kms:DescribeKey takes no encryption context"),
    "a key that is none": ({"key": "no key"}, "Invalid keyId 'no key'"),
    "a key that is not there": ({"key": MISSING}, f"there is no key arn:aws:kms:{REGION}:{ACCOUNT}:key/{MISSING}"),
    "an alias that is not there": ({"key": "alias/no"}, f"there is no key arn:aws:kms:{REGION}:{ACCOUNT}:alias/no"),
    "a key of another Region": ({"region": ELSEWHERE}, f"Invalid arn {REGION}"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_not_known_is_told(world: World, case: str) -> None:
    """And nothing is decided."""
    changes, text = WRONG[case]
    with pytest.raises(SimulationError) as caught:
        simulated(world, world.callers["user"], **{"action": "kms:DescribeKey"} | changes)
    assert str(caught.value).startswith(text)


def test_a_key_that_was_tampered_with_is_not_decided_on(core: Core) -> None:
    """The operator is told."""
    world = world_of(core)
    with outsider(core.folder / DATABASE) as connection:
        connection.execute("UPDATE policies SET document = '{}'")
    with pytest.raises(TamperedStoreError):
        simulated(world, root(), "kms:DescribeKey")
