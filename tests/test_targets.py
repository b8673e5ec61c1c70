"""What a request touches: what it needs beside a key's own policy, and what is told of what is not there."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from strongroom.model.identity import Caller
from strongroom.model.policy import BoundPolicy
from tests.actors import policy, put_policies, remove, role, session_of, statement, user
from tests.core import ACCOUNT, ELSEWHERE, MISSING, OTHER, REGION, Answer, Core, key_id_of, open_core
from tests.operations.kms.access import DENIED

ANYTHING = statement("Allow", "*")
EVERYTHING = policy(ANYTHING)
TAGS = [{"TagKey": "Team", "TagValue": "payroll"}, {"TagKey": "Stage", "TagValue": "test"}]
GONE = "UnrecognizedClientException"


@pytest.fixture
def core(tmp_path: Path) -> Iterator[Core]:
    """A core of the test's own."""
    with open_core(tmp_path) as opened:
        yield opened


def if_(action: str | list[str], operator: str, key: str, value: Any) -> dict[str, Any]:
    """A statement that allows an action on a condition."""
    return statement("Allow", action, Condition={operator: {key: value}})


# --- what is needed beside a key ---

REPLICATE = statement("Allow", "kms:ReplicateKey", Resource="arn:aws:kms:*:*:key/*")
CREATE = statement("Allow", "kms:CreateKey")
TAG = statement("Allow", "kms:TagResource")
# What a replica takes: the policies of the caller, whether tags are asked for, and the action that is missing.
REPLICA_NEEDS: dict[str, tuple[list[dict[str, Any]], bool, str | None]] = {
    "all that it takes": ([REPLICATE, CREATE], False, None),
    "all, with tags": ([REPLICATE, CREATE, TAG], True, None),
    "no tags are needed for none": ([REPLICATE, CREATE], True, "kms:TagResource"),
    "no creation": ([REPLICATE, TAG], True, "kms:CreateKey"),
    "no replication": ([CREATE, TAG], True, "kms:ReplicateKey"),
    "creation in the replica's Region": (
        [REPLICATE, if_("kms:CreateKey", "StringEquals", "aws:RequestedRegion", ELSEWHERE)], False, None,
    ),
    "creation in the primary key's Region": (
        [REPLICATE, if_("kms:CreateKey", "StringEquals", "aws:RequestedRegion", REGION)], False, "kms:CreateKey",
    ),
    "replication in the primary key's Region": (
        [if_("kms:ReplicateKey", "StringEquals", "aws:RequestedRegion", REGION), CREATE], False, None,
    ),
    "replication in the replica's Region": (
        [if_("kms:ReplicateKey", "StringEquals", "aws:RequestedRegion", ELSEWHERE), CREATE], False, "kms:ReplicateKey",
    ),
    "tags in the replica's Region": (
        [REPLICATE, CREATE, if_("kms:TagResource", "StringEquals", "aws:RequestedRegion", ELSEWHERE)], True, None,
    ),
    "tags in the primary key's Region": (
        [REPLICATE, CREATE, if_("kms:TagResource", "StringEquals", "aws:RequestedRegion", REGION)],
        True, "kms:TagResource",
    ),
    "the tags that are asked for": (
        [REPLICATE, CREATE, if_("kms:TagResource", "StringEquals", "aws:RequestTag/Team", "payroll")], True, None,
    ),
    "other tags": (
        [REPLICATE, CREATE, if_("kms:TagResource", "StringEquals", "aws:RequestTag/Team", "billing")],
        True, "kms:TagResource",
    ),
    "names of tags": (
        [REPLICATE, CREATE, if_("kms:TagResource", "ForAllValues:StringEquals", "aws:TagKeys", ["Team", "Stage"])],
        True, None,
    ),
    "keys like the primary": (
        [REPLICATE, if_("kms:CreateKey", "StringEquals", "kms:KeySpec", "SYMMETRIC_DEFAULT")], False, None,
    ),
    "keys unlike the primary": (
        [REPLICATE, if_("kms:CreateKey", "StringEquals", "kms:KeySpec", "RSA_2048")], False, "kms:CreateKey",
    ),
    "replicas": ([REPLICATE, if_("kms:CreateKey", "StringEquals", "kms:MultiRegionKeyType", "REPLICA")], False, None),
    "primary keys": (
        [REPLICATE, if_("kms:CreateKey", "StringEquals", "kms:MultiRegionKeyType", "PRIMARY")], False, "kms:CreateKey",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", REPLICA_NEEDS)
def test_what_a_replica_takes(core: Core, case: str) -> None:
    """The primary key's Region allows the replication, the replica's the creation, and the tags where there are any.

    AWS KMS Developer Guide, "Controlling access to multi-Region keys".
    """
    statements, tagged, missing = REPLICA_NEEDS[case]
    key, caller = core.new_key(MultiRegion=True), user(core, "alice", policy(*statements))
    members: dict[str, Any] = {"Tags": TAGS} if tagged else {}
    answer = core.call("ReplicateKey", caller=caller, KeyId=key, ReplicaRegion=ELSEWHERE, **members)
    assert answer.code == (DENIED if missing else None), answer.message
    if missing:
        where = f" on resource: {key}" if missing == "kms:ReplicateKey" else ""
        text = f"is not authorized to perform: {missing}{where} because no identity-based policy allows the {missing} a"
        assert text in answer.message
        assert core.store.key(core.stored(key).key.realm._replace(region=ELSEWHERE), key_id_of(key)) is None


@pytest.mark.parametrize(
    ("extra", "code"), [(statement("Deny", "kms:TagResource"), DENIED), (TAG, None)], ids=["denied", "allowed"]
)
def test_a_new_key_with_tags_takes_both_actions(core: Core, extra: dict[str, Any], code: str | None) -> None:
    """And one without tags one of them."""
    caller = user(core, "alice", policy(CREATE, extra))
    assert core.call("CreateKey", caller=caller, Tags=TAGS).code == code
    core.ok("CreateKey", caller=caller)


def on_alias(name: str) -> str:
    """The ARN of an alias."""
    return f"arn:aws:kms:{REGION}:{ACCOUNT}:alias/{name}"


# Requests that change an alias: what they need, in the order in which it is missed.
ALIAS_CALLS: dict[str, tuple[dict[str, Any], list[str]]] = {
    "CreateAlias": ({"AliasName": "alias/new", "TargetKeyId": "two"}, ["two", "new"]),
    "UpdateAlias": ({"AliasName": "alias/app", "TargetKeyId": "two"}, ["one", "two", "app"]),
    "DeleteAlias": ({"AliasName": "alias/app"}, ["one", "app"]),
}


@pytest.mark.parametrize("operation", ALIAS_CALLS)
def test_an_alias_takes_permission_on_itself_and_on_its_keys(core: Core, operation: str) -> None:
    """Each one is missed, and named, alone (AWS KMS Developer Guide, "Controlling access to aliases")."""
    keys = {"one": core.new_key(), "two": core.new_key()}
    core.ok("CreateAlias", AliasName="alias/app", TargetKeyId=keys["one"])
    resources = keys | {name: on_alias(name) for name in ("app", "new")}
    caller, (members, needs) = user(core), ALIAS_CALLS[operation]
    call = {name: keys.get(value, value) for name, value in members.items()}
    for missing in needs:
        others = [resources[need] for need in needs if need != missing]
        put_policies(
            core, caller.kind, caller.name, ACCOUNT,
            {"p": policy(statement("Allow", f"kms:{operation}", Resource=others))},
        )  # fmt: skip
        answer = core.call(operation, caller=caller, **call)
        assert answer.code == DENIED
        assert f"perform: kms:{operation} on resource: {resources[missing]} because" in answer.message
    everything = [resources[need] for need in needs]
    put_policies(
        core, caller.kind, caller.name, ACCOUNT,
        {"p": policy(statement("Allow", f"kms:{operation}", Resource=everything))},
    )  # fmt: skip
    core.ok(operation, caller=caller, **call)


# --- ReEncrypt ---


@pytest.mark.parametrize("same", [True, False])
@pytest.mark.parametrize("side", ["kms:ReEncryptFrom", "kms:ReEncryptTo"])
def test_a_condition_can_ask_for_the_same_key(core: Core, side: str, *, same: bool) -> None:
    """Whether by name, by alias or by ciphertext alone; and a key that is not there is not the same."""
    one, two = core.new_key(), core.new_key()
    core.ok("CreateAlias", AliasName="alias/one", TargetKeyId=one)
    core.ok("CreateAlias", AliasName="alias/two", TargetKeyId=two)
    blob = core.ok("Encrypt", KeyId=one, Plaintext=b"x")["CiphertextBlob"]
    wanted = if_(side, "Bool", "kms:ReEncryptOnSameKey", "true" if same else "false")
    other = ({"kms:ReEncryptFrom", "kms:ReEncryptTo"} - {side}).pop()
    caller = user(core, "alice", policy(wanted, statement("Allow", other)))
    for source in ({}, {"SourceKeyId": one}, {"SourceKeyId": "alias/one"}):
        for destination in (one, "alias/one", two, "alias/two"):
            request = {"CiphertextBlob": blob, "DestinationKeyId": destination, **source}
            answer = core.call("ReEncrypt", caller=caller, **request)
            assert (answer.code is None) is ((destination in {one, "alias/one"}) is same)
    missing = core.call("ReEncrypt", caller=caller, CiphertextBlob=blob, DestinationKeyId=MISSING)
    assert missing.code == (DENIED if same else "NotFoundException")


def test_each_side_has_its_own_encryption_context(core: Core) -> None:
    """What is allowed for one of them does not count for the other."""
    key = core.new_key()
    blob = core.ok("Encrypt", KeyId=key, Plaintext=b"x", EncryptionContext={"app": "old"})["CiphertextBlob"]
    caller = user(
        core,
        "alice",
        policy(
            if_("kms:ReEncryptFrom", "StringEquals", "kms:EncryptionContext:app", "old"),
            if_("kms:ReEncryptTo", "StringEquals", "kms:EncryptionContext:app", "new"),
        ),
    )

    def code(source: str, destination: str) -> str | None:
        contexts: dict[str, Any] = {
            "SourceEncryptionContext": {"app": source},
            "DestinationEncryptionContext": {"app": destination},
        }
        return core.call("ReEncrypt", caller=caller, CiphertextBlob=blob, DestinationKeyId=key, **contexts).code

    assert (code("old", "new"), code("new", "old"), code("old", "old"), code("new", "new")) == (
        None, DENIED, DENIED, DENIED,
    )  # fmt: skip


# --- what is not there ---


def test_who_may_not_does_not_learn_that_a_key_is_not_there(core: Core) -> None:
    """In its own account, too: only whom policies would let is told, by id as by alias."""
    alice, able = user(core), user(core, "able", EVERYTHING)
    for named, arn in ((MISSING, f"arn:aws:kms:{REGION}:{ACCOUNT}:key/{MISSING}"), ("alias/no", on_alias("no"))):
        code, text = core.refused("DescribeKey", caller=alice, KeyId=named)
        assert (code, f"on resource: {arn} because" in text) == (DENIED, True)
        assert core.refused("DescribeKey", caller=able, KeyId=named)[0] == "NotFoundException"


def test_a_ciphertext_of_a_key_that_is_gone_tells_nothing(core: Core) -> None:
    """Neither who may everything learns from it that there is no such key (observed at AWS), nor who may nothing."""
    key, alice = core.new_key(), user(core)
    blob = core.ok("Encrypt", KeyId=key, Plaintext=b"x")["CiphertextBlob"]
    of_nobody = blob[:9] + bytes.fromhex(MISSING.replace("-", "")) + blob[25:]
    action = "is not authorized to perform: kms:Decrypt on the resource associated with this ciphertext because"
    code, text = core.refused("Decrypt", CiphertextBlob=of_nobody)
    assert (code, f"{action} the resource does not exist in this Region" in text) == (DENIED, True)
    for each in (blob, of_nobody):
        code, text = core.refused("Decrypt", caller=alice, CiphertextBlob=each)
        assert (code, text) == (
            DENIED,
            f"User: {alice.arn} {action} no identity-based policy allows the kms:Decrypt action",
        )


def test_a_ciphertext_that_is_none_names_no_key(core: Core) -> None:
    """It is refused before anybody is asked for permission, and by name it is the key's policy that is asked first."""
    alice, key = user(core), core.new_key()
    assert core.refused("Decrypt", caller=alice, CiphertextBlob=b"x")[0] == "InvalidCiphertextException"
    assert core.refused("Decrypt", caller=alice, KeyId=key, CiphertextBlob=b"x")[0] == DENIED


def test_a_related_key_that_is_not_there(core: Core) -> None:
    """Of a single-Region key there can be none; of a multi-Region one there may be one some day."""
    single, multi = core.new_key(), core.new_key(MultiRegion=True)
    code, text = core.refused("UpdatePrimaryRegion", KeyId=single, PrimaryRegion=ELSEWHERE)
    assert (code, text) == ("UnsupportedOperationException", f"{single} is not a multi-Region primary key.")
    code, text = core.refused("UpdatePrimaryRegion", KeyId=multi, PrimaryRegion=ELSEWHERE)
    assert (code, text) == ("NotFoundException", f"Key '{multi.replace(REGION, ELSEWHERE)}' does not exist")


def test_a_related_key_is_asked_for_itself(core: Core) -> None:
    """UpdatePrimaryRegion needs its action on both keys, each in its Region."""
    key = core.new_key(MultiRegion=True)
    core.ok("ReplicateKey", KeyId=key, ReplicaRegion=ELSEWHERE)
    replica = key.replace(REGION, ELSEWHERE)
    for resource, region, missed in ((key, REGION, replica), (replica, ELSEWHERE, key)):
        one = statement("Allow", "kms:UpdatePrimaryRegion", Resource=resource)
        there = if_("kms:UpdatePrimaryRegion", "StringEquals", "aws:RequestedRegion", region)
        for number, only in enumerate((one, there)):
            caller = user(core, f"{region[:2]}{number}", policy(only))
            answer = core.call("UpdatePrimaryRegion", caller=caller, KeyId=key, PrimaryRegion=ELSEWHERE)
            assert (answer.code, f"on resource: {missed} " in answer.message) == (DENIED, True)


# --- who asks ---


def namesake(core: Core, caller: Caller) -> None:
    """Put another user or role in the place of one."""
    stored = core.store.principal(caller.account, caller.kind, caller.name)
    assert stored is not None
    second = replace(stored.principal, unique_id=stored.principal.unique_id[:4] + "SECONDXXXXXXXXXXX")
    core.store.run(lambda tx: tx.put_principal(second))


def inactive(core: Core, caller: Caller) -> None:
    """Deactivate a user's access key."""
    core.ok("iam:UpdateAccessKey", UserName=caller.name, AccessKeyId=caller.access_key_id, Status="Inactive")


def other_key(core: Core, caller: Caller) -> None:
    """Delete a user's access key; it has another one."""
    core.ok("iam:CreateAccessKey", UserName=caller.name)
    core.ok("iam:DeleteAccessKey", UserName=caller.name, AccessKeyId=caller.access_key_id)


ENDS: dict[str, tuple[str, Callable[[Core, Caller], None]]] = {
    "a user who is gone": ("user", remove),
    "a user whose name another one has": ("user", namesake),
    "an access key that is not active": ("user", inactive),
    "an access key that is gone": ("user", other_key),
    "a role that is gone": ("session", remove),
    "a role whose name another one has": ("session", namesake),
}


@pytest.mark.parametrize("case", ENDS)
def test_who_is_gone_is_nobody(core: Core, case: str) -> None:
    """Between proof and decision, and between decision and transaction; other keys and sessions are as good as ever."""
    kind, end = ENDS[case]
    caller = user(core, "alice", EVERYTHING) if kind == "user" else session_of(role(core, "worker", EVERYTHING))
    key = core.new_key()
    core.ok("DescribeKey", caller=caller, KeyId=key)
    answer = core.call("DisableKey", caller=caller, KeyId=key, between=lambda: end(core, caller))
    assert (answer.code, answer.in_outbox) == (GONE, False)
    for operation in ("DescribeKey", "iam:ListUsers", "sts:GetCallerIdentity"):
        members: dict[str, Any] = {"KeyId": key} if operation == "DescribeKey" else {}
        answer = core.call(operation, caller=caller, **members)
        code = GONE if operation == "DescribeKey" else "InvalidClientTokenId"
        assert (answer.code, answer.message) == (code, "The security token included in the request is invalid.")
    assert core.stored(key).key.state == "Enabled"


# --- roles ---

TRUSTING = policy({"Effect": "Allow", "Principal": {"AWS": [ACCOUNT, OTHER]}, "Action": "sts:AssumeRole"})


def assume(core: Core, caller: Caller, arn: str) -> Answer:
    """Assume a role."""
    return core.call("sts:AssumeRole", caller=caller, RoleArn=arn, RoleSessionName="job")


def test_a_role_of_another_account_is_as_one_that_is_not_there(core: Core) -> None:
    """Unless both sides allow it, the answer is one text; the owner of a role that exists gets a record of its own."""
    made = role(core, "worker")
    arn, able, unable = made.arn("aws"), user(core, "able", EVERYTHING, account=OTHER), user(core, "no", account=OTHER)
    closed = [assume(core, able, each) for each in (arn, arn.replace("worker", "walker"))]
    core.store.run(lambda tx: tx.put_principal(replace(made, trust=BoundPolicy(TRUSTING))))
    closed += [assume(core, unable, arn), assume(core, able, arn.replace("role/", "role/team/"))]
    for answer in closed:
        caller = able.arn if answer is not closed[2] else unable.arn
        assert (answer.status, answer.code) == (403, "AccessDenied")
        assert answer.message.startswith(f"User: {caller} is not authorized to perform: sts:AssumeRole on resource: ")
    assert [len(answer.records) for answer in closed] == [2, 1, 2, 1]
    assert assume(core, able, arn).code is None
