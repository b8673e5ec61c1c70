"""GetKeyPolicy, PutKeyPolicy, ListKeyPolicies, and the policy of a key that was made without one."""

import json
from typing import Any

import pytest
from msgspec.structs import replace

from strongroom.model.identity import PrincipalKind
from strongroom.model.policy import BoundPolicy
from tests.actors import policy, role, root, session_of, statement, user
from tests.core import ACCOUNT, ELSEWHERE, OTHER, REGION, Core

IAM = f"arn:aws:iam::{ACCOUNT}"
ROOT_MAY = statement("Allow", "kms:*", Principal={"AWS": f"{IAM}:root"})
DOCUMENT = policy(ROOT_MAY)
STATEMENT = json.dumps(ROOT_MAY)
MALFORMED = "MalformedPolicyDocumentException"
LOCKED_OUT = (MALFORMED, "The new key policy will not allow you to update the key policy in the future.")
NOBODY = (MALFORMED, "Policy contains a statement with one or more invalid principals.")
SYNTAX = (MALFORMED, "Syntax errors in policy.")


def filled(length: int, letter: str = "x") -> str:
    """A policy of so many bytes."""
    head = f'{{"Statement":{STATEMENT},"Id":"'
    return head + letter * ((length - len(head) - 2) // len(letter.encode())) + '"}'


ROUND_TRIPS = {
    "AWS's form": DOCUMENT,
    "with blanks and line ends": f'{{\r\n\t"Version" : "2012-10-17",\n"Statement" : [ {STATEMENT} ] }}\n',
    "with Latin letters": f'{{"Id":"\u00fc\u00ff","Statement":{STATEMENT}}}',
    "with escapes": DOCUMENT.replace("/", "\\/").replace("kms", "\\u006bms"),
    "as long as it may be": filled(32_768),
    "with a Sid that has spaces": policy(ROOT_MAY | {"Sid": "Allow use of the key"}),
    "with statements of no effect": policy(
        ROOT_MAY,
        {"Effect": "Allow", "Principal": "*", "Action": "kms:*"},
        {"Effect": "Deny", "Principal": "*", "Resource": "*"},
    ),
}
BAD = {
    "no JSON": ("allow all", SYNTAX),
    "cut short": ('{"Version":', SYNTAX),
    "two documents": (f"{DOCUMENT} {{}}", SYNTAX),
    "a list": (f"[{DOCUMENT}]", SYNTAX),
    "no statement": ("{}", SYNTAX),
    "a member twice": (DOCUMENT.replace('"Version":', '"Version": "2008-10-17", "Version":'), SYNTAX),
    "a member twice, deep inside": (DOCUMENT.replace('"Effect":', '"Effect": "Deny", "Effect":'), SYNTAX),
    "an unknown member": (DOCUMENT.replace('"Effect":', '"Affect": "Deny", "Effect":'), SYNTAX),
    "no principal": (policy(ROOT_MAY, statement("Allow", "kms:*")), (MALFORMED, None)),
    "a text": (json.dumps(DOCUMENT), SYNTAX),
    "one byte too long": (filled(32_769), ("LimitExceededException", None)),
    "too long in bytes": (filled(32_770, "\u00fc"), ("LimitExceededException", None)),
    "empty": ("", ("ValidationException", None)),
    "a character outside the model": (DOCUMENT.replace("kms:*", "kms:\u0100"), ("ValidationException", None)),
    "nobody": (policy(ROOT_MAY, statement("Allow", "kms:*", Principal={"AWS": f"{IAM}:user/nobody"})), NOBODY),
    "somebody of an unknown account": (
        policy(ROOT_MAY, statement("Deny", "kms:*", Principal={"AWS": "arn:aws:iam::999999999999:role/worker"})),
        NOBODY,
    ),
    "a unique id that nobody has": (
        policy(ROOT_MAY, statement("Deny", "kms:*", Principal={"AWS": "AIDANOBODYXXXXXXXXXXX"})),
        NOBODY,
    ),
}


@pytest.mark.parametrize(
    ("region", "partition"), [("us-east-1", "aws"), ("cn-north-1", "aws-cn"), ("us-gov-west-1", "aws-us-gov")]
)
def test_the_default_policy_gives_the_key_to_its_account(core: Core, region: str, partition: str) -> None:
    """It is AWS's: one statement, that lets the account's root do everything, in the partition of the Region."""
    key = core.new_key(region=region)
    found = core.ok("GetKeyPolicy", KeyId=key, region=region)
    assert found["PolicyName"] == "default"
    assert json.loads(found["Policy"]) == {
        "Version": "2012-10-17",
        "Id": "key-default-1",
        "Statement": [
            {
                "Sid": "Enable IAM User Permissions",
                "Effect": "Allow",
                "Principal": {"AWS": f"arn:{partition}:iam::{ACCOUNT}:root"},
                "Action": "kms:*",
                "Resource": "*",
            }
        ],
    }


@pytest.mark.parametrize("case", ROUND_TRIPS)
def test_a_policy_comes_back_as_it_was_put(core: Core, key: str, case: str) -> None:
    """To the byte, whether the policy's name is given or not."""
    document = ROUND_TRIPS[case]
    answer = core.call("PutKeyPolicy", KeyId=key, Policy=document)
    assert (answer.status, answer.body) == (200, b"")
    assert core.ok("GetKeyPolicy", KeyId=key) == {"Policy": document, "PolicyName": "default"}
    core.ok("PutKeyPolicy", KeyId=key, Policy=DOCUMENT, PolicyName="default")
    assert core.ok("GetKeyPolicy", KeyId=key, PolicyName="default")["Policy"] == DOCUMENT


@pytest.mark.parametrize("case", BAD)
def test_a_bad_policy_is_refused(core: Core, case: str) -> None:
    """Put, or given to a new key or a replica, it has the same fault, also where no lockout is asked about."""
    document, (code, text) = BAD[case]
    key = core.new_key(MultiRegion=True)
    before = core.ok("GetKeyPolicy", KeyId=key)
    for bypass in (False, True):
        members = {"Policy": document, "BypassPolicyLockoutSafetyCheck": bypass}
        faults = {
            core.refused("PutKeyPolicy", KeyId=key, **members),
            core.refused("CreateKey", **members),
            core.refused("ReplicateKey", KeyId=key, ReplicaRegion=ELSEWHERE, **members),
        }
        assert {fault[0] for fault in faults} == {code}
        assert text is None or {fault[1] for fault in faults} == {text}
    assert core.ok("GetKeyPolicy", KeyId=key) == before
    assert len(core.ok("ListKeys")["Keys"]) == 1


NAMES = {
    "RAM's": ("AWS_RAM", "The AWS_RAM policy can only be managed by the RAM service"),
    "another": ("spare", None),
}


@pytest.mark.parametrize("case", NAMES)
def test_only_the_default_policy_is_put(core: Core, key: str, case: str) -> None:
    """Another name is refused; AWS has words for its own."""
    name, text = NAMES[case]
    code, message = core.refused("PutKeyPolicy", KeyId=key, Policy=DOCUMENT, PolicyName=name)
    assert code == "ValidationException"
    assert text is None or message == text
    assert core.refused("GetKeyPolicy", KeyId=key, PolicyName=name)[0] == "NotFoundException"


def test_the_names_of_policies(core: Core, key: str) -> None:
    """There is one, on one page, and AWS allows pages of up to 1000."""
    assert core.ok("ListKeyPolicies", KeyId=key) == {"PolicyNames": ["default"], "Truncated": False}
    assert core.ok("ListKeyPolicies", KeyId=key, Limit=1000)["Truncated"] is False
    assert core.refused("ListKeyPolicies", KeyId=key, Limit=1001)[0] == "ValidationException"
    assert core.refused("ListKeyPolicies", KeyId=key, Marker="bad")[0] == "InvalidMarkerException"


def test_policies_are_listed_by_pages(core: Core, key: str) -> None:
    """A key with a second policy, such as one that RAM manages, shows both, in the order of their names."""
    stored = core.stored(key)
    core.store.run(lambda tx: tx.put_policy(stored.key, "AWS_RAM", BoundPolicy('{"Id":"shared"}')))
    first = core.ok("ListKeyPolicies", KeyId=key, Limit=1)
    last = core.ok("ListKeyPolicies", KeyId=key, Limit=1, Marker=first["NextMarker"])
    assert (first["PolicyNames"], first["Truncated"]) == (["AWS_RAM"], True)
    assert (last["PolicyNames"], last["Truncated"]) == (["default"], False)
    assert core.ok("GetKeyPolicy", KeyId=key, PolicyName="AWS_RAM")["Policy"] == '{"Id":"shared"}'


# --- nobody locks himself out ---

MAY_PUT = statement("Allow", "kms:PutKeyPolicy", Principal={"AWS": "WHO"})
EVERYTHING = policy(statement("Allow", "kms:*"))
LOCKOUTS: dict[str, tuple[str, list[dict[str, Any]], bool]] = {
    # who puts it, the statements, whether the caller could put another one later
    "root by name": ("root", [MAY_PUT], True),
    "root as an account": ("root", [statement("Allow", "kms:*", Principal={"AWS": ACCOUNT})], True),
    "root without PutKeyPolicy": ("root", [statement("Allow", "kms:Encrypt", Principal={"AWS": ACCOUNT})], False),
    "root of another account": ("root", [statement("Allow", "kms:*", Principal={"AWS": OTHER})], False),
    "everybody": ("root", [statement("Allow", "kms:*", Principal="*")], True),
    "everybody but the caller": ("root", [ROOT_MAY, statement("Deny", "kms:Put*", Principal="*")], False),
    "an allow without a resource": ("root", [{"Effect": "Allow", "Action": "kms:*", "Principal": "*"}], False),
    "of another key": ("root", [{**ROOT_MAY, "Resource": "arn:aws:kms:*:*:key/1234abcd*"}], False),
    "on a condition that the caller meets": (
        "root", [{**ROOT_MAY, "Condition": {"StringEquals": {"kms:PolicyName": "default"}}}], True,
    ),
    "on a condition that nobody meets": (
        "root", [{**ROOT_MAY, "Condition": {"StringEquals": {"kms:PolicyName": "other"}}}], False,
    ),
    "a user by name": ("alice", [MAY_PUT], True),
    "a user through IAM": ("alice", [ROOT_MAY], True),
    "a user whose IAM policies do not allow it": ("creator", [ROOT_MAY], False),
    "a user who names another": ("alice", [{**MAY_PUT, "Principal": {"AWS": f"{IAM}:user/creator"}}], False),
    "a user who denies himself": ("alice", [MAY_PUT, {**MAY_PUT, "Effect": "Deny"}], False),
    "a user of a Deny for all others": (
        "alice",
        [ROOT_MAY, {"Effect": "Deny", "NotPrincipal": {"AWS": ["WHO", ACCOUNT]}, "Action": "*", "Resource": "*"}],
        True,
    ),
    "a session by its role": ("session", [statement("Allow", "kms:*", Principal={"AWS": f"{IAM}:role/worker"})], True),
    "a session by name": ("session", [MAY_PUT], True),
    "another session": (
        "session",
        [statement("Allow", "kms:*", Principal={"AWS": f"arn:aws:sts::{ACCOUNT}:assumed-role/worker/other"})],
        False,
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", LOCKOUTS)
def test_nobody_locks_himself_out(core: Core, case: str) -> None:
    """A policy under which its caller could not put another is refused, unless the caller insists; then it holds."""
    name, statements, may = LOCKOUTS[case]
    caller = {
        "root": root(),
        "alice": user(core, "alice", EVERYTHING),
        "creator": user(core, "creator", policy(statement("Allow", ["kms:CreateKey", "kms:ReplicateKey"]))),
        "session": session_of(role(core, "worker", EVERYTHING)),
    }[name]
    document = policy(*statements).replace("WHO", caller.arn)
    open_to_all = policy(statement("Allow", "kms:*", Principal="*"))
    key = core.new_key(MultiRegion=True, Policy=open_to_all)
    calls: list[tuple[str, dict[str, Any]]] = [
        ("CreateKey", {}),
        ("ReplicateKey", {"KeyId": key, "ReplicaRegion": ELSEWHERE}),
        ("PutKeyPolicy", {"KeyId": key}),
    ]
    for operation, members in calls:
        answer = core.call(operation, caller=caller, Policy=document, **members)
        assert (answer.code, answer.message) == ((None, "") if may else LOCKED_OUT), operation
        if not may:
            core.ok(operation, caller=caller, Policy=document, BypassPolicyLockoutSafetyCheck=True, **members)
    again = core.call("PutKeyPolicy", caller=caller, KeyId=key, Policy=open_to_all)
    assert again.code == (None if may else "AccessDeniedException")


# --- principals are who they were ---


def test_a_namesake_gains_nothing(core: Core, key: str) -> None:
    """A user who is gone stays in the policy under the unique id, and who is made under the name has no part in it."""
    alice = user(core)
    document = policy(ROOT_MAY, statement("Allow", "kms:GetKeyPolicy", Principal={"AWS": alice.arn}))
    core.ok("PutKeyPolicy", KeyId=key, Policy=document)
    assert core.ok("GetKeyPolicy", KeyId=key, caller=alice)["Policy"] == document

    def work(tx: Any) -> None:
        principal = tx.principal(ACCOUNT, PrincipalKind.USER, "alice").principal
        tx.delete_principal(principal)

    core.store.run(work)
    second = replace(user(core), principal_id="AIDASECONDXXXXXXXXXXX")

    def rename(tx: Any) -> None:
        stored = tx.principal(ACCOUNT, PrincipalKind.USER, "alice")
        tx.put_principal(replace(stored.principal, unique_id=second.principal_id))

    core.store.run(rename)
    assert core.refused("GetKeyPolicy", KeyId=key, caller=second)[0] == "AccessDeniedException"
    shown = core.ok("GetKeyPolicy", KeyId=key)["Policy"]
    assert json.loads(shown) == json.loads(document.replace(alice.arn, alice.principal_id))
    assert core.refused("PutKeyPolicy", KeyId=key, Policy=shown) == NOBODY
    core.ok("PutKeyPolicy", KeyId=key, Policy=document)
    assert core.ok("GetKeyPolicy", KeyId=key, caller=second)["Policy"] == document


def test_a_replica_has_a_policy_of_its_own(core: Core) -> None:
    """The answer shows it as it was sent, and so does GetKeyPolicy in its Region; without one, it is the default."""
    key = core.new_key(MultiRegion=True)
    document = policy(ROOT_MAY, statement("Allow", "kms:Decrypt", Principal={"AWS": user(core).arn}))
    answer = core.ok("ReplicateKey", KeyId=key, ReplicaRegion=ELSEWHERE, Policy=document)
    assert answer["ReplicaPolicy"] == document
    replica = answer["ReplicaKeyMetadata"]["Arn"]
    assert core.ok("GetKeyPolicy", region=ELSEWHERE, KeyId=replica)["Policy"] == document
    default = core.ok("ReplicateKey", KeyId=key, ReplicaRegion="eu-west-1")["ReplicaPolicy"]
    assert default == core.ok("GetKeyPolicy", region=REGION, KeyId=key)["Policy"]


def test_the_audit_shows_the_policy_as_it_was_sent(core: Core, key: str) -> None:
    """Name, text and whether the caller insisted, and the key's ARN as what was changed."""
    record = core.call("PutKeyPolicy", KeyId=key, Policy=DOCUMENT, BypassPolicyLockoutSafetyCheck=True).record
    assert record["requestParameters"] == {
        "keyId": key,
        "policyName": "default",
        "policy": DOCUMENT,
        "bypassPolicyLockoutSafetyCheck": True,
    }
    assert record["responseElements"] == {"keyId": key}
