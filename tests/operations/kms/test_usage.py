"""GetKeyLastUsage: what counts as a use, what is told of it, and how it gets from memory into the database."""

import asyncio
import json
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from strongroom.bootstrap import flush, flush_for_ever
from strongroom.dispatch.records import for_owners, make_event
from strongroom.dispatch.usage import MANY, Usages, usages_of
from strongroom.operations.table import KMS
from strongroom.ports import AuditUnavailableError, LastUsage
from tests.core import ACCOUNT, MISSING, MODEL, OTHER, REALM, Answer, Core, key_id_of, make_facts, open_core
from tests.jobs import run_jobs
from tests.operations.kms.kinds import KINDS, MEMBERS, Zoo
from tests.operations.kms.regions import FAR, HOME, NEAR, at, replicated
from tests.storage.support import K1, OTHER_REALM, make_stored, outsider, rows

TRACKED = set(MODEL.shape_for("KeyLastUsageTrackingOperation").enum)
KIND_OF = {
    "Sign": "signing",
    "Verify": "signing",
    "GenerateMac": "HMAC",
    "VerifyMac": "HMAC",
    "DeriveSharedSecret": "agreement",
    "Encapsulate": "encapsulation",
    "Decapsulate": "encapsulation",
}  # else symmetric
DAY = 86_400


def told(core: Core, arn: str) -> dict[str, Any]:
    """The answer about a key, as it is on the wire."""
    account, region = arn.split(":")[4], arn.split(":")[3]
    answer = core.call("GetKeyLastUsage", KeyId=arn, account=account, region=region)
    assert answer.status == 200, (answer.code, answer.message)
    found: dict[str, Any] = json.loads(answer.body)
    return found


def last(core: Core, arn: str) -> dict[str, Any]:
    """What is told of the last use of a key; empty where there was none."""
    usage: dict[str, Any] = told(core, arn)["KeyLastUsage"]
    return usage


def use(core: Core, arn: str, **members: Any) -> dict[str, Any]:
    """Use a key a second later than before; what is to be told of that."""
    core.clock.key_life += 1
    answer = core.call("Encrypt", region=arn.split(":")[3], KeyId=arn, Plaintext=b"x", **members)
    assert answer.status == 200, answer.code
    return usage_in(answer, "Encrypt", core.clock.key_life)


def usage_in(answer: Answer, operation: str, at: float) -> dict[str, Any]:
    """What is to be told of the use that a call made."""
    return {
        "Operation": operation,
        "Timestamp": at,
        "CloudTrailEventId": answer.record["eventID"],
        "KmsRequestId": answer.request_id,
    }


def flush_now(core: Core) -> None:
    """Write down what is noted."""
    asyncio.run(flush(core.usages, core.store))


def stored(core: Core) -> list[tuple[Any, ...]]:
    """The rows in the database."""
    with outsider(core.folder / "strongroom.db") as connection:
        return rows(connection, "key_usage")


# --- what is told ---


def test_a_key_that_was_never_used(core: Core, key: str) -> None:
    """The usage is there and empty; uses are known from the day on which the key was made."""
    made = core.clock.key_life
    core.clock.key_life += 5
    assert told(core, key) == {
        "KeyId": key_id_of(key),
        "KeyLastUsage": {},
        "TrackingStartDate": made,
        "KeyCreationDate": made,
    }


@pytest.mark.parametrize("case", sorted(set(MEMBERS) - {"GetPublicKey"}))
def test_every_cryptographic_operation_is_a_use(zoo: Zoo, case: str) -> None:
    """Operation, time on the clock of key life, and the ids of the record and the request that it was."""
    operation = case.split(maxsplit=1)[0]
    kind = KIND_OF.get(operation, "symmetric")
    members = zoo.members(case, kind)
    zoo.core.clock.key_life += 1
    answer = zoo.core.call(operation, **members)
    assert answer.record["requestID"] == answer.request_id
    assert last(zoo.core, zoo.keys[kind]) == usage_in(answer, operation, zoo.core.clock.key_life)


def test_the_tracked_operations_are_the_cryptographic_ones() -> None:
    """The operations whose rows have a usage are those of AWS's enum, all and only."""
    assert {name for name, row in KMS.operations.items() if row.usage is not None} == TRACKED


@pytest.mark.parametrize("kind", ["symmetric", "RSA encryption"])
def test_re_encrypt_uses_both_keys(zoo: Zoo, kind: str) -> None:
    """Each of the two keys was used by the one call."""
    answer = zoo.core.call("ReEncrypt", **zoo.members("ReEncrypt from", kind))
    expected = usage_in(answer, "ReEncrypt", zoo.core.clock.key_life)
    assert last(zoo.core, zoo.keys[kind]) == last(zoo.core, zoo.other) == expected


def test_the_last_use_is_told(core: Core, key: str) -> None:
    """A later use takes the place of an earlier one; another key is not touched."""
    other = core.new_key()
    first = use(core, key)
    assert last(core, key) == first
    second = use(core, key)
    assert last(core, key) == second != first
    assert last(core, other) == {}


def test_of_two_calls_that_end_in_another_order_the_later_is_told(core: Core, key: str) -> None:
    """What was decided earlier is the earlier use, however long its record took."""
    place = (REALM, key_id_of(key))
    newer = LastUsage(*place, "Sign", core.clock.key_life + 2, "event-b", "request-b")
    core.usages.note((newer,))
    core.usages.note((replace(newer, used_at=newer.used_at - 1, event_id="event-a"),))
    assert core.usages.last(*place) == newer


def _disabled(core: Core, key: str, _: bytes) -> Answer:
    core.ok("DisableKey", KeyId=key)
    return core.call("Encrypt", KeyId=key, Plaintext=b"x")


# Each gets a key and a ciphertext of it.
REFUSED: dict[str, Callable[[Core, str, bytes], Answer]] = {
    "a dry run": lambda core, key, _: core.call("Encrypt", KeyId=key, Plaintext=b"x", DryRun=True),
    "a dry run that opens": lambda core, _, blob: core.call("Decrypt", CiphertextBlob=blob, DryRun=True),
    "what does not open": lambda core, _, blob: core.call(
        "Decrypt", CiphertextBlob=blob, EncryptionContext={"another": "context"}
    ),
    "a move to a key that is not there": lambda core, _, blob: core.call(
        "ReEncrypt", CiphertextBlob=blob, DestinationKeyId=MISSING
    ),
    "another account's call": lambda core, key, _: core.call("Encrypt", account=OTHER, KeyId=key, Plaintext=b"x"),
    "a wrong usage": lambda core, key, _: core.call(
        "GenerateMac", KeyId=key, Message=b"x", MacAlgorithm="HMAC_SHA_256"
    ),
    "a disabled key": _disabled,
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_refused_call_is_no_use(core: Core, key: str, case: str) -> None:
    """The use before it stays the last one."""
    blob = core.ok("Encrypt", KeyId=key, Plaintext=b"x")["CiphertextBlob"]
    before = last(core, key)
    core.clock.key_life += 1
    assert REFUSED[case](core, key, blob).status == 400
    assert last(core, key) == before


@pytest.mark.parametrize(
    ("operation", "kind", "member"), [("Verify", "signing", "Signature"), ("VerifyMac", "HMAC", "Mac")]
)
def test_a_failed_verification_is_no_use(zoo: Zoo, operation: str, kind: str, member: str) -> None:
    """The key worked, but the call did not succeed."""
    members = zoo.members(operation, kind)
    before = last(zoo.core, zoo.keys[kind])
    zoo.core.clock.key_life += 1
    zoo.core.refused(operation, **members | {member: bytes(members[member])[:-1] + b"!"})
    assert last(zoo.core, zoo.keys[kind]) == before


@pytest.mark.parametrize("operation", ["DescribeKey", "GetPublicKey", "GetKeyLastUsage", "GetKeyPolicy", "EnableKey"])
def test_what_uses_no_material_is_no_use(core: Core, operation: str) -> None:
    """Looking at a key, at its public half or at its last use, and changing it, are none."""
    key = core.new_key(**KINDS["signing"])
    core.ok(operation, KeyId=key)
    assert last(core, key) == {}


def test_each_owner_has_the_id_of_its_own_record(core: Core) -> None:
    """Of a call that uses a key of the caller and one of another account, both keys tell a record of their account."""
    own, foreign = make_stored(K1, REALM), make_stored(K1, OTHER_REALM)
    event = make_event(make_facts(), "ReEncrypt", core.clock.clocks(), fault=None, source="kms.amazonaws.com")
    pair = (event, *for_owners(event, {OTHER: foreign.key.arn}))
    found = usages_of("request", pair, (own, foreign), 5.0)
    assert [usage.realm.account for usage in found] == [ACCOUNT, OTHER]
    assert [usage.event_id for usage in found] == [record.event_id for record in pair]
    assert pair[1].recipient == OTHER
    assert len({record.event_id for record in pair}) == 2


# --- multi-Region keys ---


def test_related_keys_are_used_each_by_itself(core: Core) -> None:
    """Primary and replicas have one key id, and each its own last use and its own beginning."""
    began = core.clock.key_life
    primary = core.new_key(MultiRegion=True)
    core.clock.key_life += 10
    for region in (NEAR, FAR):
        core.ok("ReplicateKey", KeyId=primary, ReplicaRegion=region)
    run_jobs(core)
    near = use(core, at(primary, NEAR))
    home = use(core, primary)
    assert [last(core, at(primary, region)) for region in (HOME, NEAR, FAR)] == [home, near, {}]
    flush_now(core)
    assert [last(core, at(primary, region)) for region in (HOME, NEAR, FAR)] == [home, near, {}]
    assert told(core, primary)["TrackingStartDate"] == began
    assert told(core, at(primary, NEAR))["TrackingStartDate"] == began + 10


@pytest.mark.parametrize("flushed", [True, False])
def test_a_new_replica_begins_unused(core: Core, *, flushed: bool) -> None:
    """A replica that was deleted and made again has not been used, whatever is still known of the one before."""
    primary = replicated(core, NEAR)
    replica = at(primary, NEAR)
    use(core, replica)
    if flushed:
        flush_now(core)
    core.ok("ScheduleKeyDeletion", region=NEAR, KeyId=replica, PendingWindowInDays=7)
    core.clock.key_life += 7 * DAY
    run_jobs(core)
    assert stored(core) == []
    core.ok("ReplicateKey", KeyId=primary, ReplicaRegion=NEAR)
    run_jobs(core)
    assert last(core, replica) == {}
    flush_now(core)
    assert last(core, replica) == {}
    assert stored(core) == []


# --- from memory into the database ---


def test_a_use_is_in_memory_until_it_is_flushed(core: Core, key: str) -> None:
    """A cryptographic call writes nothing to the database; the flush writes all, and once."""
    other = core.new_key()
    with outsider(core.folder / "strongroom.db") as connection:
        version = connection.execute("PRAGMA data_version").fetchone()
        use(core, key)
        use(core, other)
        newest = use(core, key)
        assert connection.execute("PRAGMA data_version").fetchone() == version
    assert stored(core) == []
    flush_now(core)
    found = {row[2]: row for row in stored(core)}
    assert found.keys() == {key_id_of(key), key_id_of(other)}
    assert found[key_id_of(key)][3:7] == tuple(
        newest[name] for name in ("Operation", "Timestamp", "CloudTrailEventId", "KmsRequestId")
    )
    flush_now(core)
    assert sorted(stored(core)) == sorted(found.values())
    assert last(core, key) == newest


def test_more_keys_than_one_transaction_takes(core: Core) -> None:
    """The flush goes on until everything is written."""
    keys = [core.new_key() for _ in range(3)]
    core.usages.note(
        tuple(LastUsage(REALM, f"{number:08d}", "Encrypt", core.clock.key_life, "e", "r") for number in range(250))
    )
    uses = [use(core, key) for key in keys]
    flush_now(core)
    assert len(stored(core)) == 3
    assert [last(core, key) for key in keys] == uses
    assert core.usages.waiting() == []


def test_a_use_during_the_flush_waits_for_the_next(core: Core, key: str) -> None:
    """What is durable is dropped, not what came after it."""
    use(core, key)
    written = core.usages.waiting()
    newest = use(core, key)
    core.usages.forget(written)
    assert last(core, key) == newest
    flush_now(core)
    assert stored(core)[0][5] == newest["CloudTrailEventId"]


def test_another_worker_knows_after_the_flush(tmp_path: Path) -> None:
    """Before it, only the worker that was asked knows; each tells the newer of what it noted and what is written."""
    with open_core(tmp_path) as one, open_core(tmp_path, worker=2) as two:
        key = one.new_key()
        first = use(one, key)
        assert last(two, key) == {}
        flush_now(one)
        assert last(two, key) == first
        two.clock.key_life += 10
        newer = use(two, key)
        assert (last(one, key), last(two, key)) == (first, newer)
        older = use(one, key)
        assert (last(one, key), last(two, key)) == (older, newer)
        flush_now(two)
        assert last(one, key) == newer
        flush_now(one)
        assert last(one, key) == last(two, key) == newer


def test_a_failed_flush_is_tried_again(tmp_path: Path) -> None:
    """While nothing can be committed the uses stay known; with the next flush they are written."""
    failing = False

    def veto() -> None:
        if failing:
            raise AuditUnavailableError("no room")

    with open_core(tmp_path, before_commit=veto) as core:
        key = core.new_key()
        used = use(core, key)
        failing = True
        flush_now(core)
        assert (stored(core), last(core, key)) == ([], used)
        failing = False
        flush_now(core)
        assert len(stored(core)) == 1
        assert (core.usages.waiting(), last(core, key)) == ([], used)


def test_an_edited_row_keeps_no_other_back(core: Core, key: str) -> None:
    """The key whose row somebody else wrote tells nothing any more; the uses of the others are written."""
    other = core.new_key()
    use(core, key)
    flush_now(core)
    with outsider(core.folder / "strongroom.db") as connection:
        connection.execute("UPDATE key_usage SET operation = 'Sign'")
    edited = stored(core)
    use(core, key)
    used = use(core, other)
    flush_now(core)
    (kept,) = (row for row in stored(core) if row[2] == key_id_of(key))
    (written,) = (row for row in stored(core) if row[2] == key_id_of(other))
    assert (kept, written[5]) == (edited[0], used["CloudTrailEventId"])
    assert core.usages.waiting() == []
    answer = core.call("GetKeyLastUsage", KeyId=key)
    assert (answer.status, answer.code) == (500, "KMSInternalException")


class Told(Usages):
    """Tells when something was flushed."""

    def __init__(self, core: Core) -> None:
        super().__init__(core.store, lambda: None)
        self.flushed = asyncio.Event()

    def forget(self, flushed: Sequence[LastUsage]) -> None:
        """As it is, and tell."""
        super().forget(flushed)
        self.flushed.set()


@pytest.mark.parametrize("much", [True, False])
def test_the_routine_flushes_in_time_and_when_there_is_much(core: Core, key: str, *, much: bool) -> None:
    """Each period, and before its end where so much is noted that it is asked for."""

    async def run() -> None:
        usages, many = Told(core), asyncio.Event()
        usages.note((LastUsage(REALM, key_id_of(key), "Encrypt", core.clock.key_life, "e", "r"),))
        if much:
            many.set()
        routine = asyncio.create_task(flush_for_ever(usages, core.store, many=many, seconds=3600 if much else 0.001))
        await asyncio.wait_for(usages.flushed.wait(), 30)
        assert not many.is_set()
        routine.cancel()
        with suppress(asyncio.CancelledError):
            await routine

    asyncio.run(run())
    assert len(stored(core)) == 1


def test_much_asks_for_a_flush_once(core: Core) -> None:
    """Not again with each call while the flush is under way or fails, but when there is as much again."""
    asked: list[int] = []
    usages = Usages(core.store, lambda: asked.append(len(usages.waiting())))
    for number in range(2 * MANY + 5):
        for _ in range(2):
            usages.note((LastUsage(REALM, str(number), "Encrypt", 1.0, "e", "r"),))
    assert asked == [MANY, 2 * MANY]
