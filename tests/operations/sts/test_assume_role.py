"""AssumeRole: who may, what a session gets, and what is refused."""

import json
import math
import re
from typing import Any

import pytest

from strongroom.keystores.session_tokens import SessionTokens
from strongroom.model.identity import Caller, PrincipalKind
from tests.core import ACCOUNT, OTHER, ROOTS
from tests.operations.sts.scenes import Scene, allow

ASSUME = "sts:AssumeRole"
ALL = (ASSUME, "sts:TagSession", "sts:SetSourceIdentity")


@pytest.fixture
def alice(scene: Scene) -> Caller:
    """A user without a policy."""
    return scene.user("alice")


@pytest.fixture
def reader(scene: Scene, alice: Caller) -> str:
    """A role that trusts her in everything."""
    return scene.role("reader", allow(*ALL, principal={"AWS": alice.arn}), Path="/ops/", MaxSessionDuration=7200)


def test_a_session_gets_keys_of_its_own(scene: Scene, alice: Caller, reader: str) -> None:
    """Keys in AWS's forms, an hour, and the names by which policies and records know it; each time other keys."""
    first, second = (scene.assumed(alice, reader, "run=7") for _ in range(2))
    credentials = first["Credentials"]
    assert re.fullmatch("ASIA[A-Z2-7]{16}", credentials["AccessKeyId"])
    assert re.fullmatch("[A-Za-z0-9+/]{40}", credentials["SecretAccessKey"])
    assert credentials["Expiration"].timestamp() == math.floor(scene.core.clock.key_life) + 3600
    role_id = first["AssumedRoleUser"]["AssumedRoleId"].removesuffix(":run=7")
    assert re.fullmatch("AROA[A-Z2-7]{17}", role_id)
    assert first["AssumedRoleUser"]["Arn"] == f"arn:aws:sts::{ACCOUNT}:assumed-role/reader/run=7"
    assert first["SessionTokenSize"] == len(credentials["SessionToken"]) < 700
    assert first["SessionTokenUtilization"] == math.ceil(first["SessionTokenSize"] / 40.96)
    assert not {"PackedPolicySize", "SourceIdentity"} & first.keys()
    for member in ("AccessKeyId", "SecretAccessKey", "SessionToken"):
        assert credentials[member] != second["Credentials"][member]


def test_a_session_is_the_roles_to_the_second(scene: Scene, alice: Caller, reader: str) -> None:
    """Who signs with the keys is the session, with the times that were told."""
    answer = scene.assumed(alice, reader, DurationSeconds=900)
    got = answer["Credentials"]
    caller = scene.prove(got["AccessKeyId"], got["SecretAccessKey"], got["SessionToken"])
    assert (caller.arn, caller.principal_id) == (
        answer["AssumedRoleUser"]["Arn"],
        answer["AssumedRoleUser"]["AssumedRoleId"],
    )
    assert (caller.kind, caller.name, caller.role_arn) == (PrincipalKind.ROLE, "reader", reader)
    assert caller.session is not None
    assert caller.session.expires_at == got["Expiration"].timestamp() == caller.session.issued_at + 900


def test_a_session_is_in_the_partition_of_its_region(scene: Scene) -> None:
    """In China's Regions, ARNs are China's."""
    role = scene.role("reader", allow(ASSUME, principal={"AWS": ACCOUNT}), allow(ASSUME)).replace("aws", "aws-cn")
    boss = scene.user("boss", allow(ASSUME))
    answer = scene.assume(boss, role, region="cn-north-1")
    assert answer.members["AssumedRoleUser"]["Arn"] == f"arn:aws-cn:sts::{ACCOUNT}:assumed-role/reader/run"
    assert scene.assume(boss, role).code == "ValidationError"


def test_trust_in_an_account_is_left_to_its_policies(scene: Scene, alice: Caller) -> None:
    """Where a role trusts an account, a policy has to allow who is there, for roles of every account."""
    for account in (ACCOUNT, OTHER):
        role = scene.role("shared", allow(ASSUME, principal={"AWS": f"arn:aws:iam::{ACCOUNT}:root"}), account=account)
        boss = scene.user(f"boss-{account}", allow(ASSUME, resource=role))
        assert scene.assume(boss, role).status == 200
        denied = scene.assume(alice, role)
        text = f"User: {alice.arn} is not authorized to perform: {ASSUME} on resource: {role}"
        assert (denied.status, denied.code, denied.message) == (403, "AccessDenied", text)


def test_another_account_needs_both_sides(scene: Scene) -> None:
    """A role of another account that names a user is not enough: the user's account has to allow it, too."""
    carol = scene.user("carol")
    dave = scene.user("dave", allow(ASSUME))
    role = scene.role("theirs", allow(ASSUME, principal={"AWS": [carol.arn, dave.arn]}), account=OTHER)
    assert scene.assume(dave, role).status == 200
    assert scene.assume(carol, role).code == "AccessDenied"


def test_a_role_that_is_not_there_is_as_one_that_is_denied(scene: Scene) -> None:
    """Nobody learns which roles there are, in any account."""
    boss = scene.user("boss", allow("sts:*"))
    for account in (ACCOUNT, OTHER):
        there = scene.role("there", allow(ASSUME, principal={"Service": "x.example.internal"}), account=account)
        texts = [
            scene.assume(boss, role).message.replace(role, "ROLE") for role in (there, there.replace("there", "gone"))
        ]
        assert texts == [f"User: {boss.arn} is not authorized to perform: {ASSUME} on resource: ROLE"] * 2


def test_a_root_assumes_no_role(scene: Scene, reader: str) -> None:
    """Not even one of its own account that trusts everybody."""
    role = scene.role("open", allow(ASSUME, principal="*"))
    for arn in (reader, role):
        answer = scene.core.call("sts:AssumeRole", RoleArn=arn, RoleSessionName="run")
        assert (answer.status, answer.code) == (403, "AccessDenied")
        assert answer.message == "Roles may not be assumed by root accounts."


def test_an_external_id_is_the_trust_policys_to_ask_for(scene: Scene, alice: Caller) -> None:
    """A role that asks for one is assumed with just that one."""
    trust = allow(ASSUME, principal={"AWS": alice.arn}, StringEquals={"sts:ExternalId": "tenant:7"})
    role = scene.role("tenant", trust)
    assert scene.assume(alice, role, ExternalId="tenant:7").status == 200
    assert scene.assume(alice, role, ExternalId="tenant:8").code == "AccessDenied"
    assert scene.assume(alice, role).code == "AccessDenied"


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (900, None),
        (7200, None),
        (7201, "exceeds the MaxSessionDuration set for this role"),
        (899, "greater than or equal to 900"),
        (43201, "less than or equal to 43200"),
    ],
)
def test_a_session_lasts_as_long_as_the_role_allows(
    scene: Scene, alice: Caller, reader: str, seconds: int, expected: str | None
) -> None:
    """From 900 seconds to the most that the role allows."""
    answer = scene.assume(alice, reader, DurationSeconds=seconds)
    if expected is None:
        assert (
            answer.members["Credentials"]["Expiration"].timestamp() == math.floor(scene.core.clock.key_life) + seconds
        )
    else:
        assert (answer.status, answer.code) == (400, "ValidationError")
        assert expected in answer.message


def tag(key: str, value: str = "x") -> dict[str, str]:
    """A session tag."""
    return {"Key": key, "Value": value}


REFUSED: dict[str, tuple[dict[str, Any], str, str]] = {
    "two tags that differ in case": (
        {"Tags": [tag("Team"), tag("team")]},
        "ValidationError",
        "Duplicate tag keys found. Please note that Tag keys are case insensitive.",
    ),
    "a reserved tag": ({"Tags": [tag("AWS:x")]}, "ValidationError", "Tag keys that begin with aws: are reserved."),
    "51 tags": (
        {"Tags": [tag(f"k{number}") for number in range(51)]},
        "ValidationError",
        "Member must have length less than or equal to 50",
    ),
    "a character that tags cannot have": (
        {"Tags": [tag("a*")]},
        "ValidationError",
        r"Member must satisfy regular expression pattern: [\p{L}\p{Z}\p{N}_.:/=+\-@]+",
    ),
    "a transitive key without its tag": (
        {"Tags": [tag("a")], "TransitiveTagKeys": ["b"]},
        "ValidationError",
        "The specified transitive tag key must be included in the requested tags.",
    ),
    "managed policies": (
        {"PolicyArns": [{"arn": "arn:aws:iam::aws:policy/ReadOnlyAccess"}]},
        "ValidationError",
        "PolicyArns cannot be used: there are no managed policies here.",
    ),
    "contexts": (
        {"ProvidedContexts": [{"ProviderArn": "arn:aws:iam::aws:contextProvider/IdentityCenter"}]},
        "ValidationError",
        "ProvidedContexts cannot be used: there are no context providers here.",
    ),
    "a device": ({"SerialNumber": "GAHT12345678"}, "AccessDenied", "MultiFactorAuthentication failed"),
    "a code": ({"TokenCode": "123456"}, "AccessDenied", "MultiFactorAuthentication failed"),
    "a session name of one character": ({"RoleSessionName": "r"}, "ValidationError", "'roleSessionName'"),
    "a session name with a space": ({"RoleSessionName": "r x"}, "ValidationError", "'roleSessionName'"),
    "no role": ({"RoleArn": f"arn:aws:iam::{ACCOUNT}:user/alice"}, "ValidationError", "is invalid"),
    "a policy that is no policy": ({"Policy": "{}"}, "MalformedPolicyDocument", ""),
    "a policy that names somebody": (
        {"Policy": json.dumps(allow("kms:*", principal="*"))},
        "MalformedPolicyDocument",
        "",
    ),
    "a policy of over 2,048 characters": (
        {"Policy": json.dumps(allow("kms:*")).ljust(2049)},
        "ValidationError",
        "at 'policy' failed to satisfy constraint: Member must have length less than or equal to 2048",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_is_refused(scene: Scene, alice: Caller, reader: str, case: str) -> None:
    """In AWS's words where they are known, and before anybody is looked up."""
    changed, code, text = REFUSED[case]
    members = {"RoleArn": reader, "RoleSessionName": "run"} | changed
    answer = scene.core.call("sts:AssumeRole", caller=alice, **members)
    assert answer.code == code
    assert text in answer.message


def test_a_policy_and_tags_have_to_fit_into_a_token(scene: Scene, alice: Caller, reader: str) -> None:
    """What fits tells its share of the room; what does not is refused with it, in AWS's words."""
    policy = json.dumps(allow("kms:*"))
    fits = scene.assumed(alice, reader, Policy=policy.ljust(2048), Tags=[tag("a")])
    assert fits["PackedPolicySize"] == fits["SessionTokenUtilization"] == math.ceil(fits["SessionTokenSize"] / 40.96)
    many = [tag(f"k{number}", "x" * 256) for number in range(12)]
    large = scene.assume(alice, reader, Tags=many)
    assert (large.status, large.code) == (400, "PackedPolicyTooLarge")
    assert re.fullmatch(r"Packed size of session tags consumes 1\d\d% of allotted space\.", large.message)
    large = scene.assume(alice, reader, Policy=policy, Tags=many)
    assert re.fullmatch(r"Packed policy consumes 1\d\d% of allotted space, please use smaller policy\.", large.message)


def test_a_token_can_be_asked_to_be_longer(scene: Scene, alice: Caller, reader: str) -> None:
    """For clients that want to know whether they can carry one; the longest is AWS's."""
    for size in (0, 1000, 4096):
        answer = scene.assumed(alice, reader, MinimumSessionTokenSize=size)
        assert len(answer["Credentials"]["SessionToken"]) == answer["SessionTokenSize"] >= size
    assert (answer["SessionTokenSize"], answer["SessionTokenUtilization"]) == (4096, 100)
    assert scene.assume(alice, reader, MinimumSessionTokenSize=4097).code == "ValidationError"


def test_the_record_has_no_secret(scene: Scene, alice: Caller, reader: str) -> None:
    """Who assumed what is recorded, as read-only as at AWS; secret and token are in no part of it."""
    answer = scene.assume(alice, reader, ExternalId="tenant:7", Tags=[tag("a")])
    record = answer.record
    assert (record["eventSource"], record["eventName"], record["readOnly"]) == ("sts.amazonaws.com", "AssumeRole", True)
    assert record["userIdentity"]["userName"] == "alice"
    assert record["requestParameters"] == {
        "roleArn": reader,
        "roleSessionName": "run",
        "externalId": "tenant:7",
        "tags": [{"key": "a", "value": "x"}],
    }
    credentials, elements = answer.members["Credentials"], record["responseElements"]
    assert elements["credentials"].keys() == {"accessKeyId", "expiration"}
    assert elements["credentials"]["accessKeyId"] == credentials["AccessKeyId"]
    assert elements["assumedRoleUser"] == {
        "assumedRoleId": answer.members["AssumedRoleUser"]["AssumedRoleId"],
        "arn": answer.members["AssumedRoleUser"]["Arn"],
    }
    for secret in (credentials["SecretAccessKey"], credentials["SessionToken"]):
        assert secret not in json.dumps(answer.records)


def test_the_owner_of_a_role_gets_a_record(scene: Scene) -> None:
    """Who assumes a role of another account is in both audits; in the owner's as an id, without a name."""
    dave = scene.user("dave", allow(ASSUME))
    role = scene.role("theirs", allow(ASSUME, principal={"AWS": dave.arn}), account=OTHER)
    mine, theirs = scene.assume(dave, role).records
    assert (mine["userIdentity"]["arn"], mine["recipientAccountId"]) == (dave.arn, ACCOUNT)
    assert (theirs["recipientAccountId"], theirs["sharedEventID"]) == (OTHER, mine["sharedEventID"])
    assert theirs["userIdentity"] == {"type": "AWSAccount", "principalId": dave.principal_id, "accountId": ACCOUNT}
    assert theirs["resources"] == [{"accountId": OTHER, "type": "AWS::IAM::Role", "ARN": role}]
    assert len(scene.assume(dave, f"{role}x").records) == 1


def test_nothing_of_a_session_is_stored(scene: Scene, alice: Caller, reader: str) -> None:
    """No row, no change: its token alone has the session, and it is bound to the role's unique id."""
    scene.core.store.changes()
    token = scene.assumed(alice, reader)["Credentials"]["SessionToken"]
    assert scene.core.store.changes() == []
    opened = SessionTokens(ROOTS).open(token)
    role = scene.core.store.principal(ACCOUNT, PrincipalKind.ROLE, "reader")
    assert opened is not None
    assert role is not None
    assert (opened.role_name, opened.session.role_id) == ("reader", role.principal.unique_id)
