"""RetireGrant and RevokeGrant, grant tokens, dry runs, other accounts, and what the audit shows of all that."""

import json
from typing import Any

import pytest
from msgspec.structs import replace

from strongroom.model.identity import Caller, PrincipalKind
from tests.actors import policy, role, root, session_of, statement, user
from tests.core import ACCOUNT, ELSEWHERE, OTHER, Core, key_id_of, open_core

IAM = f"arn:aws:iam::{ACCOUNT}"
ROOT = f"{IAM}:root"
DENIED, INVALID_TOKEN = "AccessDeniedException", "InvalidGrantTokenException"
MISSING = "ab" * 32
RETIRE = policy(statement("Allow", "kms:RetireGrant"))
ENDS = ["RetireGrant by id", "RetireGrant by token", "RevokeGrant"]


def grant_to(core: Core, key: str, principal: str, *operations: str, **members: Any) -> dict[str, Any]:
    """Create a grant; its token and id."""
    return core.ok("CreateGrant", KeyId=key, GranteePrincipal=principal, Operations=operations, **members)


def end(case: str, key: str, grant: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """Operation and members of a request that ends a grant."""
    if case == "RetireGrant by token":
        return "RetireGrant", {"GrantToken": grant["GrantToken"]}
    return case.split(maxsplit=1)[0], {"KeyId": key, "GrantId": grant["GrantId"]}


def ids(core: Core, key: str) -> list[str]:
    """The ids of the grants on a key."""
    return [grant["GrantId"] for grant in core.ok("ListGrants", KeyId=key)["Grants"]]


# --- the end of a grant ---


@pytest.mark.parametrize("case", ENDS)
def test_a_grant_ends(core: Core, key: str, case: str) -> None:
    """The answer is empty; the grantee may nothing any more, with the token neither; the other grants stay."""
    alice = user(core)
    stays = grant_to(core, key, ROOT, "Decrypt")
    grant = grant_to(core, key, alice.arn, "Encrypt")
    call: dict[str, Any] = {"KeyId": key, "Plaintext": b"x", "GrantTokens": [grant["GrantToken"]]}
    core.ok("Encrypt", caller=alice, **call)
    operation, members = end(case, key, grant)
    answer = core.call(operation, **members)
    assert (answer.status, answer.body) == (200, b"")
    assert ids(core, key) == [stays["GrantId"]]
    assert core.call("Encrypt", caller=alice, **call).code == DENIED
    again = core.call(operation, **members)
    assert (again.code, again.message) == ("NotFoundException", f"Grant ID {grant['GrantId']} not found")


@pytest.mark.parametrize("operation", ["RetireGrant", "RevokeGrant"])
def test_a_grant_that_is_not_there(core: Core, key: str, operation: str) -> None:
    """On this key, though it is on another, and an id of any form."""
    grant = grant_to(core, key, ROOT, "Decrypt")
    for members in (
        {"KeyId": key, "GrantId": MISSING},
        {"KeyId": key, "GrantId": "x"},
        {"KeyId": core.new_key(), "GrantId": grant["GrantId"]},
        {"KeyId": MISSING, "GrantId": grant["GrantId"]},
    ):
        assert core.refused(operation, **members)[0] == "NotFoundException"
    assert ids(core, key) == [grant["GrantId"]]


def test_how_a_grant_is_named(core: Core, key: str) -> None:
    """RetireGrant takes the token alone, or both ids; RevokeGrant takes no token."""
    grant = grant_to(core, key, ROOT, "Decrypt")
    token, by_id = {"GrantToken": grant["GrantToken"]}, {"KeyId": key, "GrantId": grant["GrantId"]}
    one_short: list[dict[str, Any]] = [{}, {"KeyId": key}, {"GrantId": grant["GrantId"]}]
    for members in (*one_short, token | by_id, token | {"KeyId": key}, token | {"GrantId": grant["GrantId"]}):
        code, text = core.refused("RetireGrant", **members)
        assert (code, text) == (
            "ValidationException",
            "You must specify either GrantToken, or both KeyId and GrantId.",
        )
    assert core.send("RevokeGrant", json.dumps(token).encode()).code == "ValidationException"
    assert core.refused("RetireGrant", GrantToken="token") == (INVALID_TOKEN, "Invalid grant token")
    assert core.refused("RetireGrant", GrantToken=grant["GrantToken"][:-4])[0] == INVALID_TOKEN


def test_deleting_the_key_ends_its_grants(core: Core) -> None:
    """A key that is pending deletion keeps them; its tokens are of no use when it is gone."""
    key = core.new_key()
    grant = grant_to(core, key, ROOT, "Decrypt")
    core.ok("ScheduleKeyDeletion", KeyId=key, PendingWindowInDays=7)
    assert ids(core, key) == [grant["GrantId"]]
    stored = core.stored(key).key
    core.store.run(lambda tx: tx.delete_key(stored, core.clock.key_life))
    assert core.refused("RetireGrant", GrantToken=grant["GrantToken"])[0] == "NotFoundException"
    assert core.ok("ListRetirableGrants", RetiringPrincipal=ROOT)["Grants"] == []


# --- who may ---


def test_the_retiring_principal_needs_no_policy(core: Core, key: str) -> None:
    """It retires the grant, by token as by id, and can do nothing else with it."""
    alice = user(core)
    for case in ENDS:
        grant = grant_to(core, key, ROOT, "Decrypt", RetiringPrincipal=alice.arn)
        operation, members = end(case, key, grant)
        assert core.call(operation, caller=alice, **members).code == (DENIED if operation == "RevokeGrant" else None)
    assert core.refused("ListGrants", caller=alice, KeyId=key)[0] == DENIED


def test_the_grantee_needs_the_operation(core: Core, key: str) -> None:
    """RetireGrant among the operations, with or without constraints on the encryption context."""
    worker = session_of(role(core))
    arn = f"{IAM}:role/worker"
    limits = {"EncryptionContextEquals": {"a": "b"}}
    for operations, code in ((["Decrypt"], DENIED), (["Decrypt", "RetireGrant"], None)):
        for constraints in ({}, limits):
            grant = grant_to(core, key, arn, *operations, Constraints=constraints)
            for case in ("RetireGrant by id", "RetireGrant by token"):
                operation, members = end(case, key, grant)
                answer = core.call(operation, caller=worker, **members, DryRun=True)
                assert answer.code == (code or "DryRunOperationException")


def test_accounts_delegate_by_iam_alone(core: Core, key: str) -> None:
    """A user to whom the account gave kms:RetireGrant; the key policy gives it nobody, and IAM can deny it."""
    delegate = user(core, "delegate", RETIRE)
    named = user(core, "named")
    denied = user(core, "denied", RETIRE, policy(statement("Deny", "kms:RetireGrant")))
    open_to_all = policy(
        statement("Allow", "kms:*", Principal={"AWS": ACCOUNT}),
        statement("Allow", "kms:RetireGrant", Principal={"AWS": named.arn}),
        statement("Deny", "kms:RetireGrant", Principal={"AWS": delegate.arn}),
    )
    core.ok("PutKeyPolicy", KeyId=key, Policy=open_to_all)
    grant = grant_to(core, key, ROOT, "Decrypt", RetiringPrincipal=denied.arn)
    members = {"KeyId": key, "GrantId": grant["GrantId"]}
    for caller in (named, denied):
        assert core.refused("RetireGrant", caller=caller, **members)[0] == DENIED
    core.ok("RetireGrant", caller=delegate, **members)


# --- tokens ---


@pytest.fixture
def slow(tmp_path: Any) -> Any:
    """A core where a grant counts by itself after five minutes."""
    with open_core(tmp_path, grant_delay=300.0) as opened:
        yield opened


def test_a_token_makes_a_grant_count_at_once(slow: Core) -> None:
    """Until it counts by itself the grantee must send the token; tokens of other grants are of no use."""
    core = slow
    alice, key, spare = user(core), core.new_key(), core.new_key()
    grant = grant_to(core, key, alice.arn, "Encrypt")
    elsewhere = grant_to(core, spare, alice.arn, "Encrypt")
    for_bob = grant_to(core, key, user(core, "bob").arn, "Encrypt")

    def encrypt(caller: Caller, *grants: dict[str, Any]) -> str | None:
        tokens = [each["GrantToken"] for each in grants]
        return core.call("Encrypt", caller=caller, KeyId=key, Plaintext=b"x", GrantTokens=tokens).code

    assert encrypt(alice) == DENIED
    assert encrypt(alice, elsewhere, for_bob) == DENIED
    assert encrypt(user(core, "carol"), grant) == DENIED
    assert encrypt(alice, for_bob, grant) is None
    core.clock.key_life += 300.0
    assert encrypt(alice) is None
    core.ok("RevokeGrant", KeyId=key, GrantId=grant["GrantId"])
    assert encrypt(alice) == DENIED
    assert encrypt(alice, grant) == DENIED


def test_tokens_of_a_grant_are_interchangeable(slow: Core) -> None:
    """Each retry gets another, and all point at the one grant."""
    alice, key = user(slow), slow.new_key()
    tokens = [grant_to(slow, key, alice.arn, "Encrypt", Name="mine")["GrantToken"] for _ in range(3)]
    for token in tokens:
        slow.ok("Encrypt", caller=alice, KeyId=key, Plaintext=b"x", GrantTokens=[token])


# --- dry runs ---


def test_dry_runs_change_nothing(core: Core, key: str) -> None:
    """All three answer DryRunOperationException where they would succeed, and a denial where not."""
    alice = user(core)
    grant = grant_to(core, key, ROOT, "Decrypt")
    create = ("CreateGrant", {"KeyId": key, "GranteePrincipal": ROOT, "Operations": ["Decrypt"]})
    for operation, members in (create, *(end(case, key, grant) for case in ENDS)):
        assert core.call(operation, DryRun=True, **members).code == "DryRunOperationException"
        assert core.call(operation, caller=alice, DryRun=True, **members).code == DENIED
    assert ids(core, key) == [grant["GrantId"]]


# --- other accounts ---


def test_a_grant_for_another_account(core: Core, key: str) -> None:
    """Its root may what the grant says, its users if their policies let them; a user that is named needs none."""
    bob = user(core, "bob", account=OTHER)
    allowed = user(core, "allowed", policy(statement("Allow", "kms:Encrypt")), account=OTHER)
    grant_to(core, key, f"arn:aws:iam::{OTHER}:root", "Encrypt")
    call = {"KeyId": key, "Plaintext": b"x"}
    core.ok("Encrypt", caller=root(OTHER), **call)
    core.ok("Encrypt", caller=allowed, **call)
    assert core.refused("Encrypt", caller=bob, **call)[0] == DENIED
    grant_to(core, key, bob.arn, "Encrypt")
    core.ok("Encrypt", caller=bob, **call)


def test_another_account_makes_lists_and_ends_grants(core: Core, key: str) -> None:
    """Where the key policy lets it; what it made is its own to retire, and has its account as the issuing one."""
    far = root(OTHER)
    far_arn = f"arn:aws:iam::{OTHER}:root"
    create = {"KeyId": key, "GranteePrincipal": far_arn, "Operations": ["Encrypt"]}
    assert core.refused("CreateGrant", caller=far, **create)[0] == DENIED
    document = policy(statement("Allow", "kms:*", Principal={"AWS": [ACCOUNT, OTHER]}))
    core.ok("PutKeyPolicy", KeyId=key, Policy=document)
    first, second = (core.ok("CreateGrant", caller=far, **create) for _ in range(2))
    shown = core.ok("ListGrants", caller=far, KeyId=key)["Grants"]
    assert [grant["IssuingAccount"] for grant in shown] == [far_arn] * 2
    core.ok("RevokeGrant", caller=far, KeyId=key, GrantId=first["GrantId"])
    core.ok("PutKeyPolicy", KeyId=key, Policy=policy(statement("Allow", "kms:*", Principal={"AWS": ACCOUNT})))
    assert core.refused("ListGrants", caller=far, KeyId=key)[0] == DENIED
    core.ok("RetireGrant", caller=far, GrantToken=second["GrantToken"])
    assert ids(core, key) == []


def test_a_stranger_learns_nothing(core: Core, key: str) -> None:
    """Whether key or grant are there: another account gets one and the same answer."""
    grant = grant_to(core, key, ROOT, "Decrypt")
    missing_key = key.replace(key_id_of(key), "1234abcd-12ab-34cd-56ef-1234567890ab")
    answers = {
        core.refused("RetireGrant", caller=root(OTHER), KeyId=each, GrantId=grant_id)
        for each in (key, missing_key)
        for grant_id in (grant["GrantId"], MISSING)
    }
    assert len(answers) == 1
    assert answers.pop()[0] == DENIED


def test_a_region_is_another_place(core: Core, key: str) -> None:
    """A token is of no use in another Region."""
    grant = grant_to(core, key, ROOT, "Decrypt")
    code, _ = core.refused("RetireGrant", region=ELSEWHERE, GrantToken=grant["GrantToken"])
    assert code == INVALID_TOKEN
    assert ids(core, key) == [grant["GrantId"]]


# --- namesakes ---


def test_a_namesake_gains_nothing(core: Core, key: str) -> None:
    """The grant stays with the user who had the name; who is made under it later can neither use nor retire it."""
    alice = user(core)
    grant = grant_to(core, key, alice.arn, "Encrypt", "RetireGrant", RetiringPrincipal=alice.arn)

    def work(tx: Any) -> None:
        principal = tx.principal(ACCOUNT, PrincipalKind.USER, "alice").principal
        tx.put_principal(replace(principal, unique_id="AIDASECONDXXXXXXXXXXX"))

    core.store.run(work)
    second = replace(alice, principal_id="AIDASECONDXXXXXXXXXXX")
    assert core.refused("Encrypt", caller=second, KeyId=key, Plaintext=b"x")[0] == DENIED
    assert core.refused("RetireGrant", caller=second, GrantToken=grant["GrantToken"])[0] == DENIED
    (shown,) = core.ok("ListGrants", KeyId=key)["Grants"]
    assert (shown["GranteePrincipal"], shown["RetiringPrincipal"]) == (alice.principal_id, alice.principal_id)


# --- the audit ---


def test_the_audit_of_grants(core: Core, key: str) -> None:
    """All parameters, the id and the key; never a token (AWS KMS Developer Guide, log entries of these operations)."""
    created = core.call(
        "CreateGrant",
        KeyId=key_id_of(key),
        GranteePrincipal=ROOT,
        RetiringPrincipal=ROOT,
        Operations=["Encrypt", "RetireGrant"],
        Constraints={"EncryptionContextSubset": {"ContextKey1": "Value1"}},
        Name="mine",
    )
    record, grant_id = created.record, created.members["GrantId"]
    assert record["requestParameters"] == {
        "keyId": key_id_of(key),
        "granteePrincipal": ROOT,
        "retiringPrincipal": ROOT,
        "operations": ["Encrypt", "RetireGrant"],
        "constraints": {"encryptionContextSubset": {"ContextKey1": "Value1"}},
        "name": "mine",
    }
    assert record["responseElements"] == {"grantId": grant_id, "keyId": key}
    assert (record["readOnly"], created.in_outbox) == (False, True)
    listing = core.call("ListGrants", KeyId=key, GranteePrincipal=ROOT).record
    assert listing["requestParameters"] == {"keyId": key, "granteePrincipal": ROOT}
    assert (listing["responseElements"], listing["readOnly"]) == (None, True)
    retired = core.call("RetireGrant", GrantToken=created.members["GrantToken"]).record
    assert retired["requestParameters"] is None
    assert [resource["ARN"] for resource in retired["resources"]] == [key]
    other = core.ok("CreateGrant", KeyId=key, GranteePrincipal=ROOT, Operations=["Decrypt"])["GrantId"]
    revoked = core.call("RevokeGrant", KeyId=key, GrantId=other).record
    assert revoked["requestParameters"] == {"keyId": key, "grantId": other}
    assert revoked["responseElements"] == {"keyId": key}
    token = created.members["GrantToken"]
    assert all(token not in str(each) for each in (record, listing, retired, revoked, *core.outbox().values()))
