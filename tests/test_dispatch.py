"""The pipeline of a request: the order of faults, and what becomes of an error that is not the caller's."""

import json
import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from msgspec.structs import replace

from strongroom.dispatch import Prepared
from strongroom.keystores.registry import Registry
from strongroom.keystores.software import SoftwareKeyStore
from strongroom.model.errors import InvalidCiphertextException, UnknownOperationException
from strongroom.model.grant import Grant
from strongroom.model.identity import PrincipalKind, StoredPrincipal
from strongroom.model.key import Alias, Key, Material, StoredKey
from strongroom.model.region import Realm
from strongroom.model.spec import KeySpec, KeyUsage
from strongroom.model.state import KeyState
from strongroom.operations.protocol import JSON11
from strongroom.operations.table import KMS, OPERATIONS
from strongroom.ports import AdapterError, KeyStore, TamperedStoreError
from tests.core import (
    ACCOUNT,
    DATABASE,
    ELSEWHERE,
    MISSING,
    OTHER,
    REALM,
    ROOTS,
    Core,
    error_of,
    key_id_of,
    make_facts,
    open_core,
)
from tests.storage.support import outsider, put_back, rows

INTERNAL = "The request was rejected because of an internal failure. It can be retried."


@pytest.fixture
def core(tmp_path: Path) -> Iterator[Core]:
    """A core of the test's own."""
    with open_core(tmp_path) as opened:
        yield opened


# --- the order of faults ---


class Scene(NamedTuple):
    """Keys that each have one thing wrong with them, and a ciphertext of the good one."""

    good: str
    disabled: str
    signing: str
    foreign: str
    blob: bytes


@pytest.fixture
def scene(core: Core) -> Scene:
    """The keys; ``disabled`` is for signing as well, so that its state and its usage are both wrong."""
    good, disabled, signing = (core.new_key() for _ in range(3))
    foreign = core.new_key(account=OTHER)
    core.put_key(disabled, state=KeyState.DISABLED, usage=KeyUsage.SIGN_VERIFY)
    core.put_key(signing, usage=KeyUsage.SIGN_VERIFY, spec=KeySpec.RSA_2048)
    core.put_state(foreign, KeyState.DISABLED)
    blob = core.ok("Encrypt", KeyId=good, Plaintext=b"x")["CiphertextBlob"]
    core.ok("CreateAlias", AliasName="alias/taken", TargetKeyId=good)
    return Scene(good, disabled, signing, foreign, blob)


LARGE = {"a": "b" * 9000}
RSA = "RSAES_OAEP_SHA_256"

# Each request has two things wrong; the first in AWS's order is the one that is answered.
ORDER: dict[str, tuple[str, Callable[[Scene], dict[str, Any]], str]] = {
    "constraint, key": ("Encrypt", lambda _: {"KeyId": MISSING, "Plaintext": b""}, "ValidationException"),
    "constraint, rule": (
        "Encrypt",
        lambda it: {"KeyId": it.good, "Plaintext": b"", "EncryptionContext": LARGE, "EncryptionAlgorithm": "ROT13"},
        "ValidationException",
    ),
    "rule, key": (
        "Encrypt",
        lambda _: {"KeyId": MISSING, "Plaintext": b"x", "EncryptionContext": LARGE},
        "ValidationException",
    ),
    "rule, authorization": ("GenerateDataKey", lambda it: {"KeyId": it.foreign}, "ValidationException"),
    "grant token, key": (
        "Encrypt",
        lambda _: {"KeyId": MISSING, "Plaintext": b"x", "GrantTokens": ["AQpA"]},
        "InvalidGrantTokenException",
    ),
    "form of the key id, authorization": (
        "DescribeKey",
        lambda it: {"KeyId": it.foreign.replace(":key/", ":grant/")},
        "InvalidArnException",
    ),
    "Region of the ARN, authorization": (
        "DescribeKey",
        lambda it: {"KeyId": it.foreign.replace("us-east-1", ELSEWHERE)},
        "NotFoundException",
    ),
    "authorization, state": ("Encrypt", lambda it: {"KeyId": it.foreign, "Plaintext": b"x"}, "AccessDeniedException"),
    "authorization of the second key, state of the first": (
        "ReEncrypt",
        lambda it: {"CiphertextBlob": it.blob, "SourceKeyId": it.disabled, "DestinationKeyId": it.foreign},
        "AccessDeniedException",
    ),
    "look-up of the second key, state of the first": (
        "ReEncrypt",
        lambda it: {"CiphertextBlob": it.blob, "SourceKeyId": it.disabled, "DestinationKeyId": MISSING},
        "NotFoundException",
    ),
    "state, right key": ("Decrypt", lambda it: {"CiphertextBlob": it.blob, "KeyId": it.disabled}, "DisabledException"),
    "state, usage": ("Encrypt", lambda it: {"KeyId": it.disabled, "Plaintext": b"x"}, "DisabledException"),
    "state, algorithm": (
        "Encrypt",
        lambda it: {"KeyId": it.disabled, "Plaintext": b"x", "EncryptionAlgorithm": RSA},
        "DisabledException",
    ),
    "right key, usage": (
        "Decrypt",
        lambda it: {"CiphertextBlob": it.blob, "KeyId": it.signing},
        "IncorrectKeyException",
    ),
    "algorithm, ciphertext": (
        "Decrypt",
        lambda it: {"CiphertextBlob": b"no blob of ours", "KeyId": it.good, "EncryptionAlgorithm": RSA},
        "InvalidKeyUsageException",
    ),
    "usage, ciphertext": (
        "Decrypt",
        lambda it: {"CiphertextBlob": b"no blob of ours", "KeyId": it.signing},
        "InvalidKeyUsageException",
    ),
    "state, dry run": (
        "Encrypt",
        lambda it: {"KeyId": it.disabled, "Plaintext": b"x", "DryRun": True},
        "DisabledException",
    ),
    "usage, dry run": (
        "Encrypt",
        lambda it: {"KeyId": it.signing, "Plaintext": b"x", "DryRun": True},
        "InvalidKeyUsageException",
    ),
    "key, dry run": (
        "Encrypt",
        lambda _: {"KeyId": MISSING, "Plaintext": b"x", "DryRun": True},
        "NotFoundException",
    ),
    "constraint, dry run": ("Encrypt", lambda _: {"KeyId": MISSING, "DryRun": True}, "ValidationException"),
    "name, target": (
        "CreateAlias",
        lambda it: {"AliasName": "alias/aws/x", "TargetKeyId": it.foreign},
        "InvalidAliasNameException",
    ),
    "authorization, the name that is taken": (
        "CreateAlias",
        lambda it: {"AliasName": "alias/taken", "TargetKeyId": it.foreign},
        "AccessDeniedException",
    ),
    "target, the name that is taken": (
        "CreateAlias",
        lambda _: {"AliasName": "alias/taken", "TargetKeyId": MISSING},
        "NotFoundException",
    ),
}


@pytest.mark.parametrize("case", ORDER)
def test_the_first_fault_is_answered(core: Core, scene: Scene, case: str) -> None:
    """Of two faults, the one that AWS looks for first; nothing is told of the other."""
    operation, members, code = ORDER[case]
    assert core.refused(operation, **members(scene))[0] == code


def test_the_state_comes_before_the_work_of_a_write(core: Core, scene: Scene) -> None:
    """A key that is going is named so, before it is found out that its alias is taken or it has too many tags."""
    core.ok("ScheduleKeyDeletion", KeyId=scene.good)
    assert core.refused("CreateAlias", AliasName="alias/taken", TargetKeyId=scene.good)[0] == "KMSInvalidStateException"
    tags = [{"TagKey": str(number), "TagValue": ""} for number in range(51)]
    assert core.refused("TagResource", KeyId=scene.good, Tags=tags)[0] == "KMSInvalidStateException"


def test_usage_comes_before_algorithm(core: Core, scene: Scene) -> None:
    """A key for something else is told by its usage, whatever the algorithm."""
    _, text = core.refused("Encrypt", KeyId=scene.signing, Plaintext=b"x", EncryptionAlgorithm="SM2PKE")
    assert text == f"{scene.signing} key usage is SIGN_VERIFY which is not valid for Encrypt."


@pytest.mark.parametrize("body", [b"", b"[]", b"null", b'{"KeyId":', b'{"KeyId":1}', b'\xff{"KeyId":"x"}'])
def test_what_is_no_request_comes_before_all(core: Core, body: bytes) -> None:
    """A body of the wrong form says nothing of keys, whoever sends it."""
    for account in (ACCOUNT, OTHER):
        assert core.send("DescribeKey", body, account=account).code == "SerializationException"


# --- errors that are not the caller's ---


class BrokenKeyStore(SoftwareKeyStore):
    """A key store whose work fails."""

    __slots__ = ("_error",)

    def __init__(self, error: Exception) -> None:
        super().__init__(ROOTS)
        self._error = error

    def generate(self, _key: Key) -> Material:
        """Fail."""
        raise self._error

    def random(self, _count: int) -> bytes:
        """Fail."""
        raise self._error


def broken(error: Exception) -> Registry:
    """Key stores that fail."""
    store: KeyStore = BrokenKeyStore(error)
    return Registry(store)


ERRORS = {
    "an adapter's": AdapterError("the HSM at 10.1.2.3 is gone"),
    "a bug": KeyError("a secret of the program"),
}


@pytest.mark.parametrize("case", ERRORS)
def test_what_fails_behind_a_wall_is_ours(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, case: str, core: Core
) -> None:
    """The caller learns that it was not their fault, and no more; the log has the reason, under the request id."""
    key = core.new_key()
    with open_core(tmp_path, worker=2, keystores=broken(ERRORS[case])) as failing:
        for operation, members in (
            ("GenerateDataKey", {"KeyId": key, "KeySpec": "AES_256"}),
            ("GenerateRandom", {"NumberOfBytes": 9}),
            ("CreateKey", {}),
        ):
            caplog.clear()
            answer = failing.call(operation, **members)
            assert json.loads(answer.body) == {"__type": "KMSInternalException", "message": INTERNAL}
            assert (answer.status, answer.record["errorCode"]) == (500, "KMSInternalException")
            assert answer.record["errorMessage"] == INTERNAL
            assert str(ERRORS[case]) not in str(answer.records)
            (entry,) = [entry for entry in caplog.records if entry.name == "strongroom.dispatch"]
            assert entry.levelno == logging.ERROR
            assert answer.request_id in entry.getMessage()
            assert str(ERRORS[case]) in entry.getMessage() or entry.exc_info is not None
        assert len(failing.ok("ListKeys")["Keys"]) == 1


def test_a_dry_run_does_not_do_the_work(tmp_path: Path, core: Core) -> None:
    """It answers before the key store is asked for anything."""
    key = core.new_key()
    with open_core(tmp_path, worker=2, keystores=broken(AdapterError("asked"))) as failing:
        code, text = failing.refused("GenerateDataKey", KeyId=key, KeySpec="AES_256", DryRun=True)
    assert (code, text) == (
        "DryRunOperationException",
        "The request would have succeeded, but the DryRun option is set.",
    )


def test_a_key_that_was_tampered_with_is_not_used(core: Core, caplog: pytest.LogCaptureFixture) -> None:
    """Neither to read nor to write: the caller sees an internal fault, the log names the row."""
    key = core.new_key()
    core.ok("DescribeKey", KeyId=key)
    with outsider(core.folder / DATABASE) as connection:
        connection.execute("UPDATE keys SET description = 'mine'")
    calls: list[tuple[str, dict[str, Any]]] = [("DescribeKey", {}), ("UpdateKeyDescription", {"Description": "x"})]
    for operation, members in calls:
        caplog.clear()
        answer = core.call(operation, KeyId=key, **members)
        assert (answer.status, answer.code, answer.message) == (500, "KMSInternalException", INTERNAL)
        assert "keys" in caplog.text


def test_an_alias_that_was_put_back_is_not_followed(core: Core, caplog: pytest.LogCaptureFixture) -> None:
    """A deleted alias row that somebody puts back, whose MAC is right, does not lead to its key."""
    key = core.new_key()
    core.ok("CreateAlias", AliasName="alias/app", TargetKeyId=key)
    with outsider(core.folder / DATABASE) as connection:
        old = rows(connection, "aliases")
    core.ok("DeleteAlias", AliasName="alias/app")
    with outsider(core.folder / DATABASE) as connection:
        put_back(connection, "aliases", old)
    for operation, members in (
        ("Encrypt", {"KeyId": "alias/app", "Plaintext": b"x"}),
        ("DeleteAlias", {"AliasName": "alias/app"}),
    ):
        caplog.clear()
        assert core.call(operation, **members).code == "KMSInternalException"
        assert caplog.text


class OneAlias(NamedTuple):
    """A look-up that finds an alias, and the key that it is given."""

    entry: Alias
    stored: StoredKey | None

    def key(self, _realm: Realm, _key_id: str) -> StoredKey | None:
        """The key."""
        return self.stored

    def alias(self, _realm: Realm, _name: str) -> Alias:
        """The alias."""
        return self.entry

    def principal(self, _account: str, _kind: PrincipalKind, _name: str) -> StoredPrincipal | None:
        """Nobody."""
        return None

    def grants_of(self, _realm: Realm, _key_id: str, _grantee_token: str) -> tuple[Grant, ...]:
        """None."""
        return ()

    def grant(self, _realm: Realm, _key_id: str, _grant_id: str) -> Grant | None:
        """None."""
        return None


@pytest.mark.parametrize("case", ["no key", "a key without it", "a key with another of the name"])
def test_an_alias_that_its_key_does_not_know(core: Core, case: str) -> None:
    """The key's own list of aliases decides: an alias that is not in it, as it is, was put there by somebody else."""
    key = core.new_key()
    core.ok("CreateAlias", AliasName="alias/app", TargetKeyId=key)
    stored = core.stored(key)
    (entry,) = stored.aliases
    found = {
        "no key": None,
        "a key without it": replace(stored, aliases=()),
        "a key with another of the name": replace(stored, aliases=(replace(entry, updated_at=0.0),)),
    }[case]
    prepared = Prepared(core.dispatcher, make_facts(), OPERATIONS["DescribeKey"])
    prepared.read(b'{"KeyId":"alias/app"}')
    prepared.decide(OneAlias(entry, stored))
    with pytest.raises(TamperedStoreError, match=f"alias/app does not belong to key {key_id_of(key)}"):
        prepared.decide(OneAlias(entry, found))


# --- bodies ---


def test_a_fault_without_a_message_has_none() -> None:
    """AWS's body has then but its type."""
    silent, telling = (JSON11.fault(InvalidCiphertextException(text), "id").body for text in ("", "text"))
    assert silent == b'{"__type":"InvalidCiphertextException"}'
    assert error_of(telling) == ("InvalidCiphertextException", "text")


def test_an_operation_that_is_not_there_is_recorded(core: Core) -> None:
    """The record has the name that was asked for, and the fault."""
    facts = make_facts()
    outcome = core.dispatcher.unknown(facts, KMS, "CreateGrant", UnknownOperationException())
    (record,) = json.loads(outcome.payload)
    assert (outcome.status, outcome.fault, outcome.body) == (
        400,
        "UnknownOperationException",
        b'{"__type":"UnknownOperationException"}',
    )
    assert (record["eventName"], record["errorCode"], record["eventID"], record["requestID"]) == (
        "CreateGrant",
        "UnknownOperationException",
        outcome.event_id,
        facts.request_id,
    )
    assert (record["requestParameters"], record["resources"]) == (None, [])
    assert record["awsRegion"] == REALM.region
