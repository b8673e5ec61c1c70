"""Writing operations: decided again on what their transaction reads, done wholly or not at all, recorded once."""

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from strongroom.keystores.registry import Registry
from strongroom.keystores.software import SoftwareKeyStore
from strongroom.model.key import Alias, Key, Material
from strongroom.model.region import Realm
from strongroom.ports import AuditUnavailableError, StoreUnavailableError
from tests.core import ACCOUNT, REGION, ROOTS, Core, key_id_of, open_core


@pytest.fixture
def core(tmp_path: Path) -> Iterator[Core]:
    """A core of the test's own."""
    with open_core(tmp_path) as opened:
        yield opened


@pytest.fixture
def second(core: Core) -> Iterator[Core]:
    """Another process on the same store."""
    with open_core(core.folder, worker=2) as opened:
        yield opened


@pytest.fixture
def key(core: Core) -> str:
    """A key with the alias ``alias/app``, in the first core's cache."""
    arn = core.new_key()
    core.ok("CreateAlias", AliasName="alias/app", TargetKeyId=arn)
    core.ok("DescribeKey", KeyId="alias/app")
    return arn


# What somebody else does between the decision and the transaction, the call, and how it must then be refused.
OVERTAKEN: dict[str, tuple[tuple[str, dict[str, Any]], tuple[str, dict[str, Any]], str]] = {
    "the key is going": (
        ("ScheduleKeyDeletion", {"KeyId": "KEY"}),
        ("UpdateKeyDescription", {"KeyId": "KEY", "Description": "late"}),
        "KMSInvalidStateException",
    ),
    "the key is going already": (
        ("ScheduleKeyDeletion", {"KeyId": "KEY"}),
        ("ScheduleKeyDeletion", {"KeyId": "KEY"}),
        "KMSInvalidStateException",
    ),
    "the alias is gone": (
        ("DeleteAlias", {"AliasName": "alias/app"}),
        ("DeleteAlias", {"AliasName": "alias/app"}),
        "NotFoundException",
    ),
    "the alias to move is gone": (
        ("DeleteAlias", {"AliasName": "alias/app"}),
        ("UpdateAlias", {"AliasName": "alias/app", "TargetKeyId": "OTHER"}),
        "NotFoundException",
    ),
    "the name is taken": (
        ("CreateAlias", {"AliasName": "alias/new", "TargetKeyId": "OTHER"}),
        ("CreateAlias", {"AliasName": "alias/new", "TargetKeyId": "KEY"}),
        "AlreadyExistsException",
    ),
    "the tags are full": (
        ("TagResource", {"KeyId": "KEY", "Tags": [{"TagKey": str(n), "TagValue": ""} for n in range(50)]}),
        ("TagResource", {"KeyId": "KEY", "Tags": [{"TagKey": "late", "TagValue": ""}]}),
        "LimitExceededException",
    ),
}


@pytest.mark.parametrize("case", OVERTAKEN)
def test_the_fresh_state_decides(core: Core, second: Core, key: str, case: str) -> None:
    """What was allowed when the request came is refused if somebody changed it before its transaction began."""
    named = {"KEY": key, "OTHER": core.new_key()}
    (first, first_members), (late, late_members), code = OVERTAKEN[case]

    def fill(members: dict[str, Any]) -> dict[str, Any]:
        return {name: named.get(value, value) if isinstance(value, str) else value for name, value in members.items()}

    answer = core.call(late, between=lambda: second.ok(first, **fill(first_members)), **fill(late_members))
    assert (answer.status, answer.code, answer.in_outbox) == (400, code, False)
    assert core.stored(key) == second.stored(key)
    assert "late" not in str(core.stored(key))


def test_nothing_of_a_concurrent_write_is_lost(core: Core, second: Core, key: str) -> None:
    """A write changes what it names, on the row as it is then."""

    def meanwhile() -> None:
        second.ok("UpdateKeyDescription", KeyId=key, Description="by the other")
        second.ok("CreateAlias", AliasName="alias/too", TargetKeyId=key)

    assert core.call("DisableKey", KeyId=key, between=meanwhile).status == 200
    stored = core.stored(key)
    assert (stored.key.state, stored.key.description) == ("Disabled", "by the other")
    assert [alias.name for alias in stored.aliases] == ["alias/app", "alias/too"]


def test_an_alias_moves_from_where_it_is(core: Core, second: Core, key: str) -> None:
    """A key that had it when the request came is not touched, nor named in the record."""
    between, target = core.new_key(), core.new_key()
    answer = core.call(
        "UpdateAlias",
        AliasName="alias/app",
        TargetKeyId=target,
        between=lambda: second.ok("UpdateAlias", AliasName="alias/app", TargetKeyId=between),
    )
    alias = f"arn:aws:kms:{REGION}:{ACCOUNT}:alias/app"
    assert [item["ARN"] for item in answer.record["resources"]] == [between, target, alias]
    assert [core.stored(arn).aliases for arn in (key, between)] == [(), ()]
    assert second.ok("DescribeKey", KeyId="alias/app")["KeyMetadata"]["Arn"] == target


def test_an_alias_that_moves_between_two_reads(
    core: Core, second: Core, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An alias read before another process's commit and a key read after it are no tampering: both are read again."""
    other = core.new_key()
    core.views.refresh()
    find = core.views.alias
    moves = [other, key]

    def overtaken(realm: Realm, name: str) -> Alias | None:
        found = find(realm, name)
        if moves:
            second.ok("UpdateAlias", AliasName="alias/app", TargetKeyId=moves.pop(0))
            core.views._keys.clear()
        return found

    monkeypatch.setattr(core.views, "alias", overtaken)
    assert core.ok("DescribeKey", KeyId="alias/app")["KeyMetadata"]["Arn"] == key
    assert moves == []


def test_what_others_write_is_seen_at_once(core: Core, second: Core, key: str) -> None:
    """A change acknowledged by one process holds for the next request of another."""
    second.ok("DescribeKey", KeyId=key)
    core.ok("DisableKey", KeyId=key)
    assert second.refused("Encrypt", KeyId="alias/app", Plaintext=b"x")[0] == "DisabledException"
    second.ok("EnableKey", KeyId=key)
    core.ok("Encrypt", KeyId="alias/app", Plaintext=b"x")


# --- one record, in one place ---


def test_a_committed_writes_record_is_in_the_outbox_alone(core: Core) -> None:
    """It is where the write is, and not in the spool as well."""
    answer = core.call("CreateKey")
    assert core.outbox() == {answer.record["eventID"]: answer.records}
    assert core.spooled() == []


def test_a_refused_writes_record_is_in_the_spool_alone(core: Core, key: str) -> None:
    """Its transaction was rolled back, and with it whatever it would have left."""
    before = core.outbox()
    answer = core.call("CreateAlias", AliasName="alias/app", TargetKeyId=key)
    assert answer.code == "AlreadyExistsException"
    assert core.outbox() == before
    assert core.spooled()[-1] == answer.records


def test_every_call_makes_one_record(core: Core, key: str) -> None:
    """Read or write, answered or refused: as many event ids as calls, and no two alike."""
    answers = [
        core.call("Encrypt", KeyId=key, Plaintext=b"x"),
        core.call("Encrypt", KeyId=key, Plaintext=b"x", DryRun=True),
        core.call("DisableKey", KeyId=key),
        core.call("Encrypt", KeyId=key, Plaintext=b"x"),
        core.call("DisableKey", KeyId="alias/app"),
        core.call("CreateAlias", AliasName="alias/app", TargetKeyId=key),
        core.call("TagResource", KeyId=key, Tags=[]),
    ]
    made = {answer.record["eventID"] for answer in answers}
    kept = [records[0]["eventID"] for records in (*core.outbox().values(), *core.spooled())]
    assert len(made) == len(answers)
    assert len(kept) == len(set(kept))
    assert made <= set(kept)
    assert {answer.record["requestID"] for answer in answers} == {answer.request_id for answer in answers}


FAILURES = {
    "the audit": AuditUnavailableError("the disk of the audit is full"),
    "the database": StoreUnavailableError("the disk is full"),
    "a bug": ZeroDivisionError("division by zero"),
}


@pytest.mark.parametrize("case", FAILURES)
def test_a_write_that_cannot_be_committed_did_not_happen(tmp_path: Path, case: str) -> None:
    """The caller gets an internal fault without its reason, nothing is left, and the record says that it failed."""
    fail = False

    def veto() -> None:
        if fail:
            raise FAILURES[case]

    with open_core(tmp_path, before_commit=veto) as core:
        key = core.new_key(Description="before")
        fail = True
        before = (core.outbox(), core.ok("ListKeys")["Keys"])
        calls: list[tuple[str, dict[str, Any]]] = [
            ("CreateKey", {}),
            ("UpdateKeyDescription", {"KeyId": key, "Description": "after"}),
            ("CreateAlias", {"AliasName": "alias/app", "TargetKeyId": key}),
        ]
        for operation, members in calls:
            answer = core.call(operation, **members)
            assert (answer.status, answer.code, answer.in_outbox) == (500, "KMSInternalException", False)
            assert str(FAILURES[case]) not in answer.body.decode() + str(answer.records)
            assert core.spooled()[-1] == answer.records
        fail = False
        assert before == (core.outbox(), core.ok("ListKeys")["Keys"])
        assert core.ok("DescribeKey", KeyId=key)["KeyMetadata"]["Description"] == "before"
        assert core.refused("DescribeKey", KeyId="alias/app")[0] == "NotFoundException"
        core.ok("CreateAlias", AliasName="alias/app", TargetKeyId=key_id_of(key))


# --- keys are generated for a request, and before its transaction ---


class CountedStore(SoftwareKeyStore):
    """A key store that notes what it generates, and on which thread."""

    def __init__(self) -> None:
        super().__init__(ROOTS)
        self.generated: list[tuple[str, str]] = []

    def generate(self, key: Key) -> Material:
        """As the software key store."""
        self.generated.append((key.spec, threading.current_thread().name))
        return super().generate(key)


@pytest.fixture
def counted(tmp_path: Path) -> Iterator[tuple[Core, CountedStore]]:
    """A core whose key store counts."""
    store = CountedStore()
    with open_core(tmp_path, keystores=Registry(store)) as opened:
        yield opened, store


SIGNING = {"KeySpec": "ECC_NIST_P256", "KeyUsage": "SIGN_VERIFY"}

# Calls of CreateKey that are refused, with what is wrong.
REFUSED_KEYS: dict[str, dict[str, Any]] = {
    "no usage": {"KeySpec": "RSA_2048"},
    "a usage that does not fit": {"KeySpec": "RSA_2048", "KeyUsage": "KEY_AGREEMENT"},
    "a spec that is not there": {"KeySpec": "SM2", "KeyUsage": "SIGN_VERIFY"},
    "a tag twice": SIGNING | {"Tags": [{"TagKey": "a", "TagValue": "1"}] * 2},
    "a bad policy": SIGNING | {"Policy": "no JSON"},
}


def test_no_key_is_made_in_advance(counted: tuple[Core, CountedStore]) -> None:
    """One is generated for each key that is created, and none at the start, for other calls or for refused ones."""
    core, store = counted
    assert store.generated == []
    arn = core.new_key(**SIGNING)
    core.ok("Sign", KeyId=arn, Message=b"m", SigningAlgorithm="ECDSA_SHA_256")
    core.ok("ListKeys")
    for members in REFUSED_KEYS.values():
        core.refused("CreateKey", **members)
    core.new_key(KeySpec="HMAC_256", KeyUsage="GENERATE_VERIFY_MAC")
    assert [spec for spec, _ in store.generated] == ["ECC_NIST_P256", "HMAC_256"]


def test_a_key_is_generated_before_its_transaction(counted: tuple[Core, CountedStore]) -> None:
    """The one writer of all processes never waits for a key: it is made on the caller's thread or lane."""
    core, store = counted
    core.new_key(**SIGNING)
    assert [thread for _, thread in store.generated] == [threading.current_thread().name]
