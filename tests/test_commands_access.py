"""What operators ask of accounts and decisions: a new account's first key, why something was denied, what would be."""

import asyncio
import getpass
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from strongroom.admin import AdminRequest, Command, CommandError, operator_event
from strongroom.audit.record import encode
from strongroom.authz.explanation import Explanation, Half
from strongroom.commands import AccountCommands, DecisionCommands
from strongroom.denials import DenialLog
from strongroom.identity.access_keys import KnownKey, StoredAccessKeys
from strongroom.ports import StoreUnavailableError
from tests.actors import policy, statement, user
from tests.core import ACCOUNT, ELSEWHERE, MISSING, OTHER, REGIONS, Core, open_core, secret_box

NEW = "333344445555"
DENIALS = "denials"


@pytest.fixture
def core(tmp_path: Path) -> Iterator[Core]:
    """A core."""
    with open_core(tmp_path) as opened:
        yield opened


def ask(
    core: Core, name: str, arguments: dict[str, str], regions: frozenset[str] = REGIONS, delay: float = 0.0
) -> dict[str, Any]:
    """Give a command as the admin socket does; its answer."""
    folder = core.folder / DENIALS
    commands: dict[str, Command] = (
        AccountCommands(core.store, secret_box(), lambda: core.clock.machine, encode).by_name()
        | DecisionCommands(core.store, folder, regions, core.clock.clocks(), delay, tls=True).by_name()
    )
    event = operator_event(AdminRequest(name, arguments), os.getuid())

    async def run() -> dict[str, Any]:
        return await commands[name].run(arguments, event)

    return asyncio.run(run())


def refused(core: Core, name: str, **arguments: str) -> tuple[str, str]:
    """Give one that must be refused; code and text."""
    with pytest.raises(CommandError) as caught:
        ask(core, name, arguments)
    return caught.value.code, str(caught.value)


def fail(*_: object, **__: object) -> None:
    """A store that does not work."""
    raise StoreUnavailableError("the disk")


# --- accounts ---


def test_a_new_account_has_a_root_that_can_sign(core: Core) -> None:
    """What is answered is an access key of the account's root; the secret is in no record, the operator is."""
    made = ask(core, "account-create", {"account": NEW})
    keys = StoredAccessKeys(core.store.credential, secret_box())
    assert made["account"] == NEW
    assert keys.find(made["accessKeyId"]) == KnownKey(NEW, made["secretAccessKey"].encode())
    credential = core.store.credential(made["accessKeyId"])
    assert credential is not None
    assert credential.created_at == core.clock.machine
    ((record,),) = core.outbox().values()
    assert (record["eventName"], record["requestParameters"]) == ("account-create", {"account": NEW})
    assert record["userIdentity"]["principalId"] == getpass.getuser()
    assert made["secretAccessKey"] not in json.dumps(record)
    assert ask(core, "account-list", {}) == {"accounts": sorted([ACCOUNT, OTHER, NEW])}


def test_an_account_is_made_once(core: Core) -> None:
    """One that is known gets no second key this way, and no record of a change is left."""
    assert refused(core, "account-create", account=OTHER) == (
        "EntityAlreadyExists",
        f"account {OTHER} is there already",
    )
    assert core.outbox() == {}


@pytest.mark.parametrize(
    "account", ["", "12345678901", "1234567890123", "12345678901x", "12345678901\u0662", f"{NEW}\n"]
)
def test_an_account_has_12_digits(core: Core, account: str) -> None:
    """Anything else is refused."""
    assert refused(core, "account-create", account=account) == ("ValidationException", "an account has 12 digits")


def test_all_accounts_are_listed(core: Core, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many there are."""
    monkeypatch.setattr("strongroom.commands._PAGE", 2)
    for number in range(3):
        ask(core, "account-create", {"account": f"00000000000{number}"})
    assert len(ask(core, "account-list", {})["accounts"]) == 5


def test_a_store_that_fails_is_told(core: Core, monkeypatch: pytest.MonkeyPatch) -> None:
    """The operator gets the reason, not a broken connection."""
    key = core.new_key()
    monkeypatch.setattr(core.store, "account_names", fail)
    monkeypatch.setattr(core.store, "key", fail)
    monkeypatch.setattr("strongroom.commands.transact", fail)
    failure = ("InternalFailure", "the disk")
    assert refused(core, "account-list") == failure
    assert refused(core, "account-create", account=NEW) == failure
    root = f"arn:aws:iam::{ACCOUNT}:root"
    assert refused(core, "simulate", principal=root, action="kms:Decrypt", key=key) == failure


# --- explain ---

OF_KEY = Half(ACCOUNT, "nothing here allows it")
OF_CALLER = Half(OTHER, "it is allowed here")
DENIED = Explanation(
    allowed=False,
    action="kms:Decrypt",
    caller=f"arn:aws:iam::{OTHER}:user/bob",
    reason="IMPLICIT_RESOURCE",
    resource="arn:aws:kms:us-east-1:123456789012:key/1",
    of_resource=OF_KEY,
    of_identity=OF_CALLER,
)


def keep(core: Core, *explanations: Explanation) -> None:
    """Have a worker keep denials of one request."""
    log = DenialLog(core.folder / DENIALS, 1, 3600.0)
    for place, explanation in enumerate(explanations):
        log.keep(MISSING, 1.0 + place, msgspec.json.encode(explanation))
    log.close()


def test_a_denial_is_explained(core: Core) -> None:
    """All denials of the request, as the worker kept them, in their order."""
    second = msgspec.structs.replace(DENIED, action="kms:Encrypt")
    keep(core, DENIED, second)
    found = ask(core, "explain", {"requestId": MISSING})["explanations"]
    assert [msgspec.convert(each, Explanation) for each in found] == [DENIED, second]


def test_an_account_is_told_its_half(core: Core) -> None:
    """The key's account the key's, the caller's the identity's, and a third one nothing."""
    keep(core, DENIED)
    (of_key,) = ask(core, "explain", {"requestId": MISSING, "account": ACCOUNT})["explanations"]
    assert msgspec.convert(of_key, Explanation) == msgspec.structs.replace(
        DENIED, reason=None, caller=OTHER, of_identity=None
    )
    (of_caller,) = ask(core, "explain", {"requestId": MISSING, "account": OTHER})["explanations"]
    assert msgspec.convert(of_caller, Explanation) == msgspec.structs.replace(
        DENIED, reason=None, resource=None, of_resource=None
    )
    assert refused(core, "explain", requestId=MISSING, account=NEW) == (
        "NotFound",
        f"no denial of request {MISSING} that account {NEW} has a part in is kept",
    )


def test_a_request_that_was_not_denied(core: Core) -> None:
    """Or whose time is over: it is told that nothing is kept."""
    assert refused(core, "explain", requestId=MISSING) == ("NotFound", f"no denial of request {MISSING} is kept")
    assert refused(core, "explain")[0] == "NotFound"


def test_denials_that_cannot_be_read(core: Core, monkeypatch: pytest.MonkeyPatch) -> None:
    """The operator learns why."""

    def broken(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("strongroom.denials.find", broken)
    assert refused(core, "explain", requestId=MISSING) == (
        "InternalFailure",
        "denials cannot be read: Permission denied",
    )


# --- simulate ---


def simulated(core: Core, **arguments: str) -> Explanation:
    """The answer of a simulation of a Decrypt."""
    return msgspec.convert(ask(core, "simulate", {"action": "kms:Decrypt"} | arguments), Explanation)


def test_a_simulation_says_what_would_be(core: Core) -> None:
    """A user without a policy is denied, one with one is allowed; the answer says by what."""
    key = core.new_key()
    alice, bob = user(core, "alice", policy(statement("Allow", "kms:Decrypt"))), user(core, "bob")
    allowed, denied = simulated(core, principal=alice.arn, key=key), simulated(core, principal=bob.arn, key=key)
    assert (allowed.allowed, denied.allowed, denied.reason) == (True, False, "IMPLICIT_IDENTITY")
    assert allowed.of_identity is not None
    assert allowed.of_identity.decided_by == ('statement 1 of the identity policy "p0"',)
    assert core.call("Decrypt", caller=bob, CiphertextBlob=b"", KeyId=key).status == 400


def test_a_simulation_takes_pairs_and_conditions(core: Core) -> None:
    """The encryption context and other condition keys count as they would in a request."""
    wanted = {"StringEquals": {"kms:EncryptionContext:app": "payroll"}, "Bool": {"aws:SecureTransport": "true"}}
    alice = user(core, "alice", policy(statement("Allow", "kms:Decrypt", Condition=wanted)))
    asked = {"principal": alice.arn, "key": core.new_key()}
    good = {"context": '{"app":"payroll"}', "conditions": '{"aws:securetransport":"true"}'}
    assert simulated(core, **asked, **good).allowed
    assert not simulated(core, **asked, **good | {"context": '{"app":"billing"}'}).allowed
    assert not simulated(core, **asked, **good | {"conditions": '{"aws:SecureTransport":"false"}'}).allowed
    assert not simulated(core, **asked).allowed


def test_the_region_of_a_simulation(core: Core) -> None:
    """That of the key's ARN; else the one asked for; else us-east-1 if it is served, or the first that is."""
    here, there = core.new_key(), core.new_key(region=ELSEWHERE)
    root = f"arn:aws:iam::{ACCOUNT}:root"
    bare = there.rpartition("/")[2]
    for arguments in ({"key": here}, {"key": there}, {"key": bare, "region": ELSEWHERE}):
        assert simulated(core, principal=root, **arguments).allowed
    assert simulated(core, principal=root, key=here.rpartition("/")[2]).resource == here
    assert refused(core, "simulate", principal=root, action="kms:Decrypt", key=bare)[0] == "ValidationException"
    question = {"principal": root, "action": "kms:Decrypt", "key": bare}
    found = ask(core, "simulate", question, frozenset({ELSEWHERE, "sa-east-1"}))
    assert found["resource"] == there


def test_a_young_grant_does_not_count_without_its_token(core: Core) -> None:
    """While it is younger than the setting says; and then it does."""
    key, alice = core.new_key(), user(core, "alice")
    core.ok("CreateGrant", KeyId=key, GranteePrincipal=alice.arn, Operations=["Decrypt"])
    question = {"principal": alice.arn, "action": "kms:Decrypt", "key": key}
    assert ask(core, "simulate", question)["allowed"]
    assert not ask(core, "simulate", question, delay=300.0)["allowed"]
    core.clock.key_life += 300
    assert ask(core, "simulate", question, delay=300.0)["allowed"]


WRONG = {
    "no principal": ({"principal": "alice"}, "alice is not the ARN of"),
    "no argument": ({"principal": ""}, " is not the ARN of"),
    "an unknown user": ({"principal": f"arn:aws:iam::{ACCOUNT}:user/nobody"}, "there is no "),
    "an unknown action": ({"action": "kms:Frobnicate"}, "kms:Frobnicate is no action on a key"),
    "an unknown key": ({"key": MISSING}, "there is no key "),
    "pairs that are none": ({"context": "[]"}, "context is no JSON object of texts"),
    "conditions that are none": ({"conditions": '{"a":1}'}, "conditions is no JSON object of texts"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_cannot_be_simulated(core: Core, case: str) -> None:
    """It is told what in the question is not known."""
    changes, text = WRONG[case]
    asked = {"principal": f"arn:aws:iam::{ACCOUNT}:root", "action": "kms:Decrypt", "key": core.new_key()}
    code, found = refused(core, "simulate", **asked | changes)
    assert code == "ValidationException"
    assert found.startswith(text)
