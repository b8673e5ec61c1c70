"""Keys of other accounts: nobody learns whether there is one, and its owner learns who asked for it."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from strongroom.model.policy import BoundPolicy
from strongroom.model.state import KeyState
from tests.actors import policy, put_policies, role, session_of, statement, user
from tests.core import ACCOUNT, DATABASE, MISSING, OTHER, Answer, Core, key_id_of, open_core
from tests.policies import open_policy
from tests.storage.support import outsider

HIDDEN = {"eventID", "requestID", "sharedEventID"}  # of each record its own


class Scene(NamedTuple):
    """What the other account asks for: the key's ARN, its alias's, and a ciphertext; the caller's own key."""

    key: str
    alias: str
    blob: bytes
    own: str
    own_blob: bytes

    def missing(self) -> "Scene":
        """The same, of a key and an alias that do not exist."""
        gone = bytes.fromhex(MISSING.replace("-", ""))
        return self._replace(
            key=self.key.replace(key_id_of(self.key), MISSING),
            alias=self.alias.replace("alias/app", "alias/bbb"),
            blob=self.blob[:9] + gone + self.blob[25:],
        )


@pytest.fixture
def core(tmp_path: Path) -> Iterator[Core]:
    """A core of the test's own."""
    with open_core(tmp_path) as opened:
        yield opened


@pytest.fixture
def scene(core: Core) -> Scene:
    """A key of ACCOUNT, and one of OTHER, who calls."""
    key, own = core.new_key(), core.new_key(account=OTHER)
    core.ok("CreateAlias", AliasName="alias/app", TargetKeyId=key)
    core.ok("CreateAlias", AliasName="alias/own", TargetKeyId=own, account=OTHER)
    blob = core.ok("Encrypt", KeyId=key, Plaintext=b"x")["CiphertextBlob"]
    own_blob = core.ok("Encrypt", KeyId=own, Plaintext=b"x", account=OTHER)["CiphertextBlob"]
    alias = key.replace(f"key/{key_id_of(key)}", "alias/app")
    return Scene(key, alias, blob, own, own_blob)


Request = Callable[[Scene], dict[str, Any]]
REQUESTS: dict[str, Request] = {
    "CancelKeyDeletion": lambda it: {"KeyId": it.key},
    "CreateAlias": lambda it: {"AliasName": "alias/new", "TargetKeyId": it.key},
    "Decrypt": lambda it: {"CiphertextBlob": it.blob, "KeyId": it.key},
    "Decrypt by alias": lambda it: {"CiphertextBlob": it.blob, "KeyId": it.alias},
    "Decrypt by ciphertext": lambda it: {"CiphertextBlob": it.blob},
    "DescribeKey": lambda it: {"KeyId": it.key},
    "DescribeKey by alias": lambda it: {"KeyId": it.alias},
    "DisableKey": lambda it: {"KeyId": it.key},
    "DisableKeyRotation": lambda it: {"KeyId": it.key},
    "EnableKey": lambda it: {"KeyId": it.key},
    "EnableKeyRotation": lambda it: {"KeyId": it.key},
    "Encrypt": lambda it: {"KeyId": it.key, "Plaintext": b"x"},
    "Encrypt by alias": lambda it: {"KeyId": it.alias, "Plaintext": b"x"},
    "Encrypt without doing it": lambda it: {"KeyId": it.key, "Plaintext": b"x", "DryRun": True},
    "Encrypt by another algorithm": lambda it: {"KeyId": it.key, "Plaintext": b"x", "EncryptionAlgorithm": "SM2PKE"},
    "GenerateDataKey": lambda it: {"KeyId": it.key, "KeySpec": "AES_256"},
    "GenerateDataKeyWithoutPlaintext": lambda it: {"KeyId": it.alias, "KeySpec": "AES_256"},
    "GetKeyLastUsage": lambda it: {"KeyId": it.key},
    "GetKeyPolicy": lambda it: {"KeyId": it.key},
    "GetKeyRotationStatus": lambda it: {"KeyId": it.key},
    "ListKeyPolicies": lambda it: {"KeyId": it.key},
    "ListKeyRotations": lambda it: {"KeyId": it.key},
    "ListResourceTags": lambda it: {"KeyId": it.key},
    "PutKeyPolicy": lambda it: {"KeyId": it.key, "Policy": open_policy()},
    "ReEncrypt from it": lambda it: {"CiphertextBlob": it.blob, "DestinationKeyId": it.own},
    "ReEncrypt from it by name": lambda it: {
        "CiphertextBlob": it.own_blob,
        "SourceKeyId": it.key,
        "DestinationKeyId": it.own,
    },
    "ReEncrypt to it": lambda it: {"CiphertextBlob": it.own_blob, "DestinationKeyId": it.key},
    "RotateKeyOnDemand": lambda it: {"KeyId": it.key},
    "ScheduleKeyDeletion": lambda it: {"KeyId": it.key},
    "TagResource": lambda it: {"KeyId": it.key, "Tags": [{"TagKey": "a", "TagValue": "b"}]},
    "UntagResource": lambda it: {"KeyId": it.key, "TagKeys": ["a"]},
    "UpdateAlias": lambda it: {"AliasName": "alias/own", "TargetKeyId": it.key},
    "UpdateKeyDescription": lambda it: {"KeyId": it.key, "Description": "mine"},
}


def ask(core: Core, case: str, scene: Scene) -> Answer:
    """Make the call as the other account."""
    return core.call(case.split(maxsplit=1)[0], account=OTHER, **REQUESTS[case](scene))


def shown(answer: Answer, scene: Scene) -> str:
    """The caller's record, as it was for a missing key, and without what each record has of its own."""
    missing = scene.missing()
    record = {name: value for name, value in answer.record.items() if name not in HIDDEN}
    return str(record).replace(scene.key, missing.key).replace(scene.alias, missing.alias)


@pytest.mark.parametrize("case", REQUESTS)
def test_nobody_learns_whether_a_foreign_key_exists(core: Core, scene: Scene, case: str) -> None:
    """Status, body and the caller's record are the same for a key that exists and for one that does not."""
    there, nowhere = ask(core, case, scene), ask(core, case, scene.missing())
    assert (there.status, there.body) == (nowhere.status, nowhere.body)
    assert (there.status, there.code) == (400, "AccessDeniedException")
    assert shown(there, scene) == shown(nowhere, scene)
    assert there.record.keys() == nowhere.record.keys() >= HIDDEN
    assert there.record["resources"] == []
    assert not there.in_outbox


@pytest.mark.parametrize("case", REQUESTS)
def test_the_owner_hears_of_a_key_that_exists(core: Core, scene: Scene, case: str) -> None:
    """Its owner gets a record that shares one id with the caller's; of a key that does not exist there is none."""
    caller, owner = ask(core, case, scene).records
    assert (caller["recipientAccountId"], owner["recipientAccountId"]) == (OTHER, ACCOUNT)
    assert caller["sharedEventID"] == owner["sharedEventID"]
    assert caller["requestID"] == owner["requestID"]
    assert caller["eventID"] != owner["eventID"]
    assert owner["resources"] == [{"accountId": ACCOUNT, "type": "AWS::KMS::Key", "ARN": scene.key}]
    assert owner["userIdentity"] == {"type": "AWSAccount", "principalId": OTHER, "accountId": OTHER}
    assert owner["errorCode"] == "AccessDeniedException"
    assert len(ask(core, case, scene.missing()).records) == 1


@pytest.mark.parametrize("state", sorted(KeyState))
def test_no_state_of_a_foreign_key_is_told(core: Core, scene: Scene, state: KeyState) -> None:
    """A key that is disabled or going looks like one that does not exist."""
    core.put_state(scene.key, state)
    for case in ("Encrypt", "Decrypt by ciphertext", "EnableKey"):
        there, nowhere = ask(core, case, scene), ask(core, case, scene.missing())
        assert (there.body, shown(there, scene)) == (nowhere.body, shown(nowhere, scene))


@pytest.mark.parametrize("case", ["Encrypt", "Encrypt by alias", "Decrypt by ciphertext", "DisableKey"])
def test_not_even_a_foreign_key_that_was_tampered_with(core: Core, scene: Scene, case: str) -> None:
    """That a row of it does not check is told to the operator, not to a caller who may not know that it is there."""
    nowhere = ask(core, case, scene.missing())
    with outsider(core.folder / DATABASE) as connection:
        connection.execute("UPDATE keys SET description = 'mine' WHERE account = ?", (ACCOUNT,))
    there = ask(core, case, scene)
    assert (there.status, there.body) == (nowhere.status, nowhere.body)


def test_nothing_was_done(core: Core, scene: Scene) -> None:
    """After all these calls the key, its alias, policy and tags are what they were."""
    before = core.stored(scene.key)
    for case in REQUESTS:
        ask(core, case, scene)
    assert core.stored(scene.key) == before
    assert core.ok("ListAliases", account=OTHER)["Aliases"][0]["TargetKeyId"] == key_id_of(scene.own)


def test_a_call_within_an_account_has_one_record(core: Core, scene: Scene) -> None:
    """Only a call that crosses accounts has a shared id."""
    for account, key in ((ACCOUNT, scene.key), (OTHER, scene.own)):
        (record,) = core.call("DescribeKey", KeyId=key, account=account).records
        assert "sharedEventID" not in record


def test_the_names_of_an_account_are_its_own(core: Core, scene: Scene) -> None:
    """An alias name or a bare key id means the caller's; those of another account are simply not there."""
    assert core.refused("DescribeKey", KeyId="alias/app", account=OTHER)[0] == "NotFoundException"
    assert core.refused("DeleteAlias", AliasName="alias/app", account=OTHER)[0] == "NotFoundException"
    code, text = core.refused("DescribeKey", KeyId=key_id_of(scene.key), account=OTHER)
    assert (code, text) == ("NotFoundException", f"Key '{scene.key.replace(ACCOUNT, OTHER)}' does not exist")


REASONS: dict[str, tuple[dict[str, Any] | None, bool]] = {
    "the key policy names nobody else": (None, True),
    "the key policy denies it": (statement("Deny", "kms:*", Principal={"AWS": OTHER}), True),
    "the caller's own account does not allow it": (statement("Allow", "kms:*", Principal={"AWS": OTHER}), False),
}


@pytest.mark.parametrize("reason", REASONS)
@pytest.mark.parametrize("who", ["user", "session"])
@pytest.mark.parametrize("case", ["Encrypt", "DescribeKey by alias", "Decrypt by ciphertext", "PutKeyPolicy"])
def test_why_it_is_refused_is_not_told(core: Core, scene: Scene, case: str, who: str, reason: str) -> None:
    """For users and sessions, too, each denial looks like a key that does not exist."""
    said, able = REASONS[reason]
    stored = core.stored(scene.key)
    own = statement("Allow", "kms:*", Principal={"AWS": ACCOUNT})
    changed = BoundPolicy(policy(own, *([] if said is None else [said])))
    core.store.run(lambda tx: tx.put_policy(stored.key, "default", changed))
    texts = [policy(statement("Allow", "*"))] if able else []
    if who == "user":
        caller = user(core, "curious", *texts, account=OTHER)
    else:
        caller = session_of(role(core, "curious", *texts, account=OTHER))
    name = case.split(maxsplit=1)[0]
    there, nowhere = (core.call(name, caller=caller, **REQUESTS[case](it)) for it in (scene, scene.missing()))
    assert (there.status, there.code, there.body) == (400, "AccessDeniedException", nowhere.body)
    assert shown(there, scene) == shown(nowhere, scene)
    if reason == "the caller's own account does not allow it":
        put_policies(core, caller.kind, caller.name, OTHER, {"more": policy(statement("Allow", "*"))})
        allowed = core.call(name, caller=caller, **REQUESTS[case](scene))
        assert (allowed.code is None) is (case != "PutKeyPolicy")
