"""Time passing for keys: which steps are taken, in which order and when, with steps of the test's own."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from strongroom.audit.record import encode
from strongroom.keystores.registry import Registry
from strongroom.keystores.software import SoftwareKeyStore
from strongroom.model.errors import ValidationException
from strongroom.model.key import StoredKey
from strongroom.model.life import Step
from strongroom.model.state import KeyState
from strongroom.operations import life as module
from strongroom.operations.life import STEPS, Life, pass_time
from tests.core import ROOTS, Core, open_core

DAY = 86_400.0


@pytest.fixture
def core(tmp_path: Path) -> Iterator[Core]:
    """A core of the test's own."""
    with open_core(tmp_path) as opened:
        yield opened


@pytest.fixture
def taken(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, Step, float]]:
    """The steps that are taken, as (ARN, step, time): a key rotates each 100 days, material expires once, keys die."""
    steps: list[tuple[str, Step, float]] = []

    def rotate(life: Life, stored: StoredKey) -> None:
        life.record("RotateKey", stored.key, {})
        life.tx.update_key(replace(stored.key, next_rotation_at=life.now + 100 * DAY))
        steps.append((stored.key.arn, Step.ROTATE, life.now))

    def expire(life: Life, stored: StoredKey) -> None:
        life.tx.update_key(replace(stored.key, valid_to=None))
        steps.append((stored.key.arn, Step.EXPIRE, life.now))

    def delete(life: Life, stored: StoredKey) -> None:
        life.tx.delete_key(stored.key, life.now)
        steps.append((stored.key.arn, Step.DELETE, life.now))

    for step, function in ((Step.ROTATE, rotate), (Step.EXPIRE, expire), (Step.DELETE, delete)):
        monkeypatch.setitem(STEPS, step, function)
    return steps


def let_pass(core: Core, seconds: float, offset: float = 0.0) -> None:
    """Let time pass from the core's present in one transaction."""
    now, keystores = core.clock.key_life, Registry(SoftwareKeyStore(ROOTS))

    core.store.run(lambda tx: pass_time(Life(tx, keystores, now, core.clock.machine, encode, offset), now + seconds))


def test_each_step_happens_at_its_own_time(core: Core, taken: list[tuple[str, Step, float]]) -> None:
    """In the order of the times over all keys, those that a step only brings about included, and none after the end."""
    now = core.clock.key_life
    rotating, expiring, dying = core.new_key(), core.new_key(), core.new_key()
    core.put_key(rotating, next_rotation_at=now + 100 * DAY)
    core.put_key(expiring, valid_to=now + 250 * DAY)
    core.put_key(dying, state=KeyState.PENDING_DELETION, deletion_at=now + 7 * DAY)
    let_pass(core, 399 * DAY)
    assert taken == [
        (dying, Step.DELETE, now + 7 * DAY),
        (rotating, Step.ROTATE, now + 100 * DAY),
        (rotating, Step.ROTATE, now + 200 * DAY),
        (expiring, Step.EXPIRE, now + 250 * DAY),
        (rotating, Step.ROTATE, now + 300 * DAY),
    ]
    assert core.stored(rotating).key.next_rotation_at == now + 400 * DAY


def test_the_end_belongs_to_the_time_that_passes(core: Core, taken: list[tuple[str, Step, float]]) -> None:
    """What is due at the very end happens, a millisecond later it does not."""
    now = core.clock.key_life
    first, second = core.new_key(), core.new_key()
    core.put_key(first, valid_to=now + DAY)
    core.put_key(second, valid_to=now + DAY + 0.001)
    let_pass(core, DAY)
    assert [arn for arn, _, _ in taken] == [first]


def test_what_is_overdue_happens_now(core: Core, taken: list[tuple[str, Step, float]]) -> None:
    """Not at its date in the past: what the jobs have not come to yet is done at the present."""
    now = core.clock.key_life
    late = core.new_key()
    core.put_key(late, next_rotation_at=now - 3 * DAY)
    let_pass(core, DAY)
    assert taken == [(late, Step.ROTATE, now)]
    assert core.stored(late).key.next_rotation_at == now + 100 * DAY


@pytest.mark.usefixtures("taken")
def test_records_tell_when_it_was_for_the_key(core: Core) -> None:
    """The record's own time is the machine's; with the offset that it notes it gives the step's."""
    now = core.clock.key_life
    key = core.new_key()
    core.put_key(key, next_rotation_at=now)
    let_pass(core, 150 * DAY)
    let_pass(core, 50 * DAY, offset=12.5)
    events = [record for (record,) in core.outbox().values() if record["eventName"] == "RotateKey"]
    assert {event["eventTime"] for event in events} == {"2026-05-28T20:26:40Z"}  # the core's machine time
    assert [event.get("additionalEventData") for event in events] == [
        None,
        {"keyLifeClockOffsetSeconds": 100 * DAY},
    ]
    core.put_key(key, next_rotation_at=now)
    let_pass(core, DAY, offset=12.5)
    (*_, last) = core.outbox().values()
    assert last[0]["additionalEventData"] == {"keyLifeClockOffsetSeconds": 12.5}


def test_a_step_that_fails_undoes_them_all(
    core: Core, taken: list[tuple[str, Step, float]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever it raises comes out, and nothing of that time happened."""
    now = core.clock.key_life
    dying, bad = core.new_key(), core.new_key()
    core.put_key(dying, state=KeyState.PENDING_DELETION, deletion_at=now + DAY)
    core.put_key(bad, valid_to=now + 2 * DAY)

    def expire(_life: Life, _stored: StoredKey) -> None:
        raise RuntimeError("the sky fell")

    monkeypatch.setitem(STEPS, Step.EXPIRE, expire)
    before = core.stored(dying)
    with pytest.raises(RuntimeError, match="the sky fell"):
        let_pass(core, 3 * DAY)
    assert len(taken) == 1
    assert core.stored(dying) == before


def test_steps_are_bounded(core: Core, taken: list[tuple[str, Step, float]], monkeypatch: pytest.MonkeyPatch) -> None:
    """Too many for one transaction are refused, and so is a step that changes nothing and stays due for ever."""
    monkeypatch.setattr(module, "MAX_STEPS", 3)
    now = core.clock.key_life
    key = core.new_key()
    core.put_key(key, next_rotation_at=now + DAY)
    let_pass(core, 299 * DAY)
    assert len(taken) == 3
    core.put_key(key, next_rotation_at=now + DAY)
    with pytest.raises(ValidationException, match="let less of it pass at once"):
        let_pass(core, 301 * DAY)
    assert core.stored(key).key.next_rotation_at == now + DAY
    monkeypatch.setitem(STEPS, Step.ROTATE, lambda _life, _stored: None)
    with pytest.raises(ValidationException):
        let_pass(core, DAY)
