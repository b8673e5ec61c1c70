"""AdvanceClock and GetClock: time passes for keys, and for nothing else."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from strongroom.model.key import StoredKey
from strongroom.model.life import Step
from strongroom.model.state import KeyState
from strongroom.operations.dev import DEV
from strongroom.operations.kms import KMS
from strongroom.operations.life import STEPS, Life
from tests.core import MISSING
from tests.wire.rim import Reply, Rim, open_rim

DAY = 86_400.0
YEAR = 31_557_600
NOW = 1_780_000_000.25  # the machine's clock of a core


@pytest.fixture
def rim(tmp_path: Path) -> Iterator[Rim]:
    """A worker of dev mode."""
    with open_rim(tmp_path / "dev", dev=True) as opened:
        yield opened


@pytest.fixture
def deletes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keys whose waiting period is over are deleted, and no more."""
    monkeypatch.setitem(STEPS, Step.DELETE, lambda life, stored: life.tx.delete_key(stored.key, life.now))


def ask(rim: Rim, operation: str, **members: Any) -> Reply:
    """One of dev mode's own calls."""
    return rim.post(json.dumps(members).encode(), target=f"StrongroomDev.{operation}")


def ok(rim: Rim, operation: str, **members: Any) -> dict[str, Any]:
    """One that must succeed; its answer."""
    reply = ask(rim, operation, **members)
    assert reply.status == 200, reply.body
    return reply.json


def clock(offset: float) -> dict[str, float]:
    """What both operations answer at an offset."""
    return {"KeyLifeTime": NOW + offset, "MachineTime": NOW, "OffsetSeconds": offset}


def record_of(rim: Rim, reply: Reply) -> dict[str, Any]:
    """The audit record of an answer."""
    (found,) = [record for record in rim.records() if record.get("requestID") == reply.request_id]
    return found


def test_time_adds_up(rim: Rim) -> None:
    """In seconds, fractions of them, and durations; the answer and GetClock say how far it is."""
    assert ok(rim, "GetClock") == clock(0.0)
    assert ok(rim, "AdvanceClock", Duration="7d") == clock(7 * DAY)
    assert ok(rim, "AdvanceClock", Seconds=90) == clock(7 * DAY + 90)
    assert ok(rim, "AdvanceClock", Seconds=0.125) == clock(7 * DAY + 90.125)
    assert ok(rim, "AdvanceClock", Duration="1h30m") == clock(7 * DAY + 5490.125)
    assert ok(rim, "GetClock") == clock(7 * DAY + 5490.125)


def test_offsets_are_whole_milliseconds(rim: Rim) -> None:
    """As the times of keys are."""
    assert ok(rim, "AdvanceClock", Seconds=0.0016)["OffsetSeconds"] == 0.002
    assert ok(rim, "AdvanceClock", Seconds=0.1)["OffsetSeconds"] == 0.102


def test_new_keys_are_of_the_new_time(rim: Rim) -> None:
    """CreationDate, and the waiting period of a deletion, are by the clock of keys."""
    ok(rim, "AdvanceClock", Duration="365d")
    made = rim.call("CreateKey").json["KeyMetadata"]
    assert made["CreationDate"] == NOW + 365 * DAY
    dies = rim.call("ScheduleKeyDeletion", KeyId=made["KeyId"], PendingWindowInDays=7).json
    assert dies["DeletionDate"] == NOW + 372 * DAY


@pytest.mark.usefixtures("deletes")
def test_what_falls_due_has_happened_when_the_answer_comes(rim: Rim) -> None:
    """A key whose waiting period is over is gone for the next call; one that has a second left is not."""
    first, second = (rim.call("CreateKey").json["KeyMetadata"]["KeyId"] for _ in range(2))
    rim.call("ScheduleKeyDeletion", KeyId=first, PendingWindowInDays=7)
    rim.call("ScheduleKeyDeletion", KeyId=second, PendingWindowInDays=8)
    ok(rim, "AdvanceClock", Duration="7d")
    assert rim.call("DescribeKey", KeyId=first).json["__type"] == "NotFoundException"
    assert rim.call("DescribeKey", KeyId=second).json["KeyMetadata"]["KeyState"] == KeyState.PENDING_DELETION.value
    ok(rim, "AdvanceClock", Seconds=DAY - 1)
    assert rim.call("DescribeKey", KeyId=second).status == 200
    ok(rim, "AdvanceClock", Seconds=1)
    assert rim.call("DescribeKey", KeyId=second).json["__type"] == "NotFoundException"


def test_steps_go_by_the_stored_offset(rim: Rim, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not by what this process knew when it began the call: another one may have moved the clock since."""
    times: list[float] = []

    def expire(life: Life, stored: StoredKey) -> None:
        life.tx.update_key(replace(stored.key, valid_to=None))
        times.append(life.now)

    monkeypatch.setitem(STEPS, Step.EXPIRE, expire)
    key = rim.call("CreateKey").json["KeyMetadata"]["Arn"]
    submit = rim.core.store.submit

    def after_another(work: Any, done: Any) -> None:
        submit(lambda tx: tx.put_clock_offset(10 * DAY), lambda _: None)
        submit(work, done)

    rim.core.put_key(key, valid_to=NOW + 9 * DAY)
    monkeypatch.setattr(rim.core.store, "submit", after_another)
    assert ok(rim, "AdvanceClock", Duration="1d") == clock(11 * DAY)
    assert times == [NOW + 10 * DAY]


def test_a_step_that_fails_fails_the_call(rim: Rim, monkeypatch: pytest.MonkeyPatch) -> None:
    """The clock stays where it was, the caller gets an internal fault, and the record says so."""

    def delete(_life: Life, _stored: StoredKey) -> None:
        raise RuntimeError("the sky fell")

    monkeypatch.setitem(STEPS, Step.DELETE, delete)
    key = rim.call("CreateKey").json["KeyMetadata"]["KeyId"]
    rim.call("ScheduleKeyDeletion", KeyId=key, PendingWindowInDays=7)
    reply = ask(rim, "AdvanceClock", Duration="30d")
    assert (reply.status, reply.json["__type"]) == (500, "KMSInternalException")
    assert record_of(rim, reply)["errorCode"] == "KMSInternalException"
    assert ok(rim, "GetClock") == clock(0.0)
    assert ok(rim, "AdvanceClock", Duration="6d") == clock(6 * DAY)


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "nothing": ({}, "Exactly one of Seconds and Duration"),
    "both": ({"Seconds": 1, "Duration": "1s"}, "Exactly one of Seconds and Duration"),
    "back": ({"Seconds": -1}, "'seconds' failed to satisfy constraint: Member must have value greater than or equal"),
    "no time": ({"Seconds": 0}, "Member must have value greater than or equal to 0.001"),
    "no time in words": ({"Duration": "0d"}, "The clock goes forward only"),
    "over 100 years": ({"Seconds": 100 * YEAR + 1}, "Member must have value less than or equal to 3155760000"),
    "over 100 years in words": ({"Duration": "36526d"}, "by 100 years at most"),
    "another unit": ({"Duration": "1w"}, "such as 7d"),
    "back in words": ({"Duration": "-7d"}, "such as 7d"),
    "an empty duration": ({"Duration": ""}, "Member must have length greater than or equal to 1"),
    "a long one": ({"Duration": "1" * 65}, "Member must have length less than or equal to 64"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_no_time_is_refused(rim: Rim, case: str) -> None:
    """Nonsense, nothing, the past, and more than 100 years; each says what is wrong, and moves nothing."""
    members, text = REFUSED[case]
    reply = ask(rim, "AdvanceClock", **members)
    assert (reply.status, reply.json["__type"]) == (400, "ValidationException")
    assert text in reply.json["message"]
    assert ok(rim, "GetClock") == clock(0.0)


@pytest.mark.parametrize("body", ['{"Seconds":"7"}', '{"Seconds":true}', '{"Seconds":NaN}', '{"Seconds":1e999}', "7d"])
def test_what_is_no_number_is_refused(rim: Rim, body: str) -> None:
    """As a member of another type is in every call."""
    reply = rim.post(body.encode(), target="StrongroomDev.AdvanceClock")
    assert (reply.status, reply.json["__type"]) == (400, "SerializationException")


def test_the_years_ahead_are_bounded(rim: Rim) -> None:
    """Many jumps do not lead where clients cannot read dates any more."""
    for _ in range(10):
        ok(rim, "AdvanceClock", Seconds=100 * YEAR)
    reply = ask(rim, "AdvanceClock", Seconds=0.001)
    assert (reply.status, reply.json["__type"]) == (400, "ValidationException")
    assert "1000 years" in reply.json["message"]
    assert rim.call("CreateKey").status == 200


def test_an_advance_is_audited(rim: Rim) -> None:
    """Who, how much, and what the clocks told then; in the transaction of the move."""
    reply = ask(rim, "AdvanceClock", Duration="7d")
    record = record_of(rim, reply)
    assert record["eventID"] in rim.core.outbox()
    assert (record["eventSource"], record["eventName"], record["readOnly"]) == ("strongroom.dev", "AdvanceClock", False)
    assert record["userIdentity"]["arn"] == "arn:aws:iam::123456789012:root"
    assert record["requestParameters"] == {"duration": "7d"}
    assert record["responseElements"] == {
        "keyLifeTime": "Jun 4, 2026, 8:26:40 PM",
        "machineTime": "May 28, 2026, 8:26:40 PM",
        "offsetSeconds": 604_800.0,
    }
    assert record_of(rim, ask(rim, "AdvanceClock", Seconds=1.5))["requestParameters"] == {"seconds": 1.5}
    shown = record_of(rim, ask(rim, "GetClock"))
    assert (shown["eventSource"], shown["eventName"], shown["readOnly"]) == ("strongroom.dev", "GetClock", True)


def test_records_note_the_offset_and_keep_the_machines_time(rim: Rim) -> None:
    """Every one from then on, refused calls and unknown targets included, beside what else they note; none before."""
    key = rim.call("CreateKey").json["KeyMetadata"]["KeyId"]
    before = rim.call("Encrypt", KeyId=key, Plaintext=b"x")
    ok(rim, "AdvanceClock", Duration="7d")
    after = rim.call("Encrypt", KeyId=key, Plaintext=b"x")
    refused = rim.call("DescribeKey", KeyId=MISSING)
    unknown = rim.post(b"{}", target="TrentService.MakeTea")
    written = rim.call("DisableKey", KeyId=key)
    note = {"keyLifeClockOffsetSeconds": 604_800.0}
    material = record_of(rim, before)["additionalEventData"]
    assert material.keys() == {"keyMaterialId"}
    assert record_of(rim, after)["additionalEventData"] == {**material, **note}
    for reply in (refused, unknown, written):
        assert record_of(rim, reply)["additionalEventData"] == note
    assert {record["eventTime"] for record in rim.records()} == {"2026-05-28T20:26:40Z"}


def test_requests_stay_fresh(rim: Rim) -> None:
    """Clients sign by their own clock, which nobody moved, however far keys are ahead."""
    ok(rim, "AdvanceClock", Seconds=100 * YEAR)
    assert rim.call("CreateKey").status == 200


def test_production_does_not_know_these_calls(tmp_path: Path) -> None:
    """Their targets are as unknown as any other, and their names stay out of the audit."""
    with open_rim(tmp_path / "production") as production:
        for name in ("AdvanceClock", "GetClock"):
            reply = ask(production, name, Seconds=1)
            assert (reply.status, reply.json["__type"]) == (400, "UnknownOperationException")
            assert record_of(production, reply)["eventName"] == "unknown"
        assert production.core.store.clock_offset() == 0.0


def test_the_caller_must_be_proven(rim: Rim) -> None:
    """A wrong secret moves nothing."""
    reply = rim.post(b'{"Duration":"7d"}', target="StrongroomDev.AdvanceClock", secret="guess")
    assert reply.json["__type"] == "InvalidSignatureException"
    assert ok(rim, "GetClock") == clock(0.0)


def test_the_tables_are_apart() -> None:
    """Dev mode's rows are none of AWS's."""
    assert DEV.operations.keys() == {"AdvanceClock", "GetClock"}
    assert not DEV.operations.keys() & KMS.operations.keys()
    assert all(row.service is KMS for row in KMS.operations.values())
