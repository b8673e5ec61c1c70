"""The runner of the jobs, over a real store, with steps of the test's own."""

import asyncio
import contextlib
import logging
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from strongroom import jobs
from strongroom.audit.record import encode
from strongroom.jobs import LEASE_SECONDS, PERIOD, RETRY_SECONDS, LeaseTakenError, Runner
from strongroom.keystores.registry import Registry
from strongroom.keystores.rowseal import RowSeal
from strongroom.keystores.software import SoftwareKeyStore
from strongroom.model.key import StoredKey
from strongroom.model.life import Step
from strongroom.model.state import KeyState
from strongroom.operations.life import STEPS, Life
from strongroom.ports import StoreUnavailableError
from strongroom.storage.store import SqlStore, open_store
from tests.core import DATABASE, ROOTS, Core, open_core
from tests.jobs import Counted

DELETED = (Step.DELETE.value, "done")


@pytest.fixture
def core(tmp_path: Path) -> Iterator[Core]:
    """A core whose keys are to die at the test's time."""
    with open_core(tmp_path) as opened:
        yield opened


@pytest.fixture
def store(core: Core) -> Iterator[SqlStore]:
    """The runner's own store."""
    with closing(open_store(core.folder / DATABASE, RowSeal(ROOTS, 1), lambda: None)) as opened:
        yield opened


@pytest.fixture
def deleted(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The ARNs of the keys that a plain DELETE step was taken for, in order."""
    taken: list[str] = []

    def delete(life: Life, stored: StoredKey) -> None:
        life.record("DeleteKey", stored.key, {"keyId": stored.key.arn})
        life.tx.delete_key(stored.key, life.now)
        taken.append(stored.key.arn)

    monkeypatch.setitem(STEPS, Step.DELETE, delete)
    return taken


def make_runner(core: Core, store: SqlStore, holder: str = "a", counter: Counted | None = None) -> Runner:
    """A runner over a store, by the core's clocks."""
    return Runner(
        store=store,
        keystores=Registry(SoftwareKeyStore(ROOTS)),
        clocks=core.clock.clocks(),
        encode=encode,
        holder=holder,
        counter=counter or Counted(),
    )


def doomed(core: Core, after: float = 0.0) -> str:
    """A key that is to be deleted so many seconds from now."""
    arn = core.new_key()
    core.put_key(arn, state=KeyState.PENDING_DELETION, deletion_at=core.clock.key_life + after)
    return arn


def exists(core: Core, arn: str) -> bool:
    """Whether ListKeys has a key."""
    return arn in {key["KeyArn"] for key in core.ok("ListKeys")["Keys"]}


def test_what_is_due_is_done_once_and_audited(core: Core, store: SqlStore, deleted: list[str]) -> None:
    """In the order of its time, with a service event in the same transaction; what is not due stays."""
    second, first, later = doomed(core, -1), doomed(core, -2), doomed(core, 10)
    counted = Counted()
    runner = make_runner(core, store, counter=counted)
    asyncio.run(runner.run())
    asyncio.run(runner.run())
    assert deleted == [first, second]
    assert exists(core, later)
    assert counted.jobs[DELETED] == 2
    events = [record for (record,) in core.outbox().values() if record["eventType"] == "AwsServiceEvent"]
    assert [event["resources"][0]["ARN"] for event in events] == [first, second]
    assert events[0]["userIdentity"] == {"accountId": first.split(":")[4], "invokedBy": "AWS Internal"}
    assert events[0]["eventName"] == "DeleteKey"
    core.clock.key_life += 10
    asyncio.run(runner.run())
    assert deleted == [first, second, later]


def test_a_look_at_nothing_new_reads_no_row(
    core: Core, store: SqlStore, deleted: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Until somebody commits, or the next thing is due."""
    arn = doomed(core, 10)
    runner = make_runner(core, store)
    asyncio.run(runner.run())
    looks: list[float] = []
    due = store.due

    def counted(until: float, limit: int) -> Any:
        looks.append(until)
        return due(until, limit)

    monkeypatch.setattr(store, "due", counted)
    for _ in range(5):
        asyncio.run(runner.run())
    assert looks == []
    core.new_key()
    asyncio.run(runner.run())
    assert looks
    core.clock.key_life += 10
    asyncio.run(runner.run())
    assert deleted == [arn]


def test_a_step_that_fails_did_nothing_and_harms_no_other(
    core: Core, store: SqlStore, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Its writes are gone with it; the others are taken; it is left alone for a minute and then tried again."""
    bad, good = doomed(core, -2), doomed(core, -1)
    broken = [True]

    def delete(life: Life, stored: StoredKey) -> None:
        life.record("DeleteKey", stored.key, {"keyId": stored.key.arn})
        life.tx.delete_key(stored.key, life.now)
        if broken and stored.key.arn == bad:
            raise RuntimeError("the sky fell")

    monkeypatch.setitem(STEPS, Step.DELETE, delete)
    counted = Counted()
    runner = make_runner(core, store, counter=counted)
    with caplog.at_level(logging.ERROR):
        asyncio.run(runner.run())
        asyncio.run(runner.run())
    assert (exists(core, bad), exists(core, good)) == (True, False)
    assert counted.jobs[DELETED] == 1
    assert counted.jobs["step", "failed"] == 1
    assert caplog.text.count("the sky fell") == 1
    assert len([1 for (record,) in core.outbox().values() if record["eventName"] == "DeleteKey"]) == 1
    broken.clear()
    core.clock.machine += RETRY_SECONDS - 1
    asyncio.run(runner.run())
    assert exists(core, bad)
    core.clock.machine += 2
    asyncio.run(runner.run())
    assert not exists(core, bad)


def test_many_failing_steps_do_not_hide_the_rest(core: Core, store: SqlStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """More of them than are read at once stand before a step that works."""
    monkeypatch.setattr(jobs, "_BATCH", 2)
    bad = {doomed(core, -10) for _ in range(5)}
    good = doomed(core, -1)

    def delete(life: Life, stored: StoredKey) -> None:
        if stored.key.arn in bad:
            raise RuntimeError
        life.tx.delete_key(stored.key, life.now)

    monkeypatch.setitem(STEPS, Step.DELETE, delete)
    asyncio.run(make_runner(core, store).run())
    assert not exists(core, good)


def test_a_second_runner_waits_for_the_lease(core: Core, store: SqlStore, deleted: list[str]) -> None:
    """While one has it, another does nothing; once it is not renewed any more, the other goes on with what is due."""
    first, second = make_runner(core, store, "a"), make_runner(core, store, "b")
    one = doomed(core, -1)
    asyncio.run(first.run())
    assert deleted == [one]
    two = doomed(core, -1)
    core.clock.machine += LEASE_SECONDS - 1
    with pytest.raises(LeaseTakenError):
        asyncio.run(second.run())
    assert deleted == [one]
    core.clock.machine += 2
    asyncio.run(second.run())
    assert deleted == [one, two]
    assert not exists(core, two)


def test_a_runner_that_lost_its_lease_commits_nothing(core: Core, store: SqlStore, deleted: list[str]) -> None:
    """However long it slept between its look and its transaction: the lease is asked for in there."""
    arn = doomed(core, -1)
    sleeper = make_runner(core, store, "a")
    due = sleeper._due()
    assert store.run(lambda tx: tx.take_lease(jobs.LEASE, "b", core.clock.machine, core.clock.machine + 30))
    with pytest.raises(LeaseTakenError):
        asyncio.run(sleeper._take(due[0]))
    assert exists(core, arn)
    assert deleted == []


def test_a_step_that_somebody_took_before_is_not_taken_again(core: Core, store: SqlStore, deleted: list[str]) -> None:
    """A runner that looked before another one worked finds nothing to do on the fresh rows."""
    arn = doomed(core, -1)
    slow = make_runner(core, store)
    (due,) = slow._due()
    asyncio.run(make_runner(core, store).run())
    asyncio.run(slow._take(due))
    assert deleted == [arn]
    saved = doomed(core, -1)
    (due,) = slow._due()
    core.ok("CancelKeyDeletion", KeyId=saved)
    asyncio.run(slow._take(due))
    assert exists(core, saved)


@pytest.mark.usefixtures("deleted")
def test_destroyed_material_is_shredded_until_it_is_gone(
    core: Core, store: SqlStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Tried again while a reader is in the way or the disk full; noted when it is done, and then not done again."""
    doomed(core, -1)
    answers: list[bool | Exception] = [False, StoreUnavailableError("no room"), False, True]
    tries: list[object] = []

    def shred() -> bool:
        tries.append(answers.pop(0))
        if isinstance(tries[-1], Exception):
            raise tries[-1]
        return bool(tries[-1])

    monkeypatch.setattr(store, "shred", shred)
    monkeypatch.setattr(jobs, "SHRED_REST", 0)
    counted = Counted()
    runner = make_runner(core, store, counter=counted)
    for _ in range(6):
        with contextlib.suppress(StoreUnavailableError):
            asyncio.run(runner.run())
    assert answers == []
    assert store.to_shred() is None
    assert {outcome: count for (job, outcome), count in counted.jobs.items() if job == "shred"} == {
        "put off": 2, "failed": 1, "done": 1,
    }  # fmt: skip


@pytest.mark.usefixtures("deleted")
def test_shredding_goes_on_after_a_crash(core: Core, store: SqlStore) -> None:
    """A runner that died between the deletion and the shredding leaves it to the next one."""
    doomed(core, -1)
    dying = make_runner(core, store)
    (due,) = dying._due()
    asyncio.run(dying._take(due))
    assert store.to_shred() == 1
    asyncio.run(make_runner(core, store).run())
    assert store.to_shred() is None


def looking(runner: Runner, monkeypatch: pytest.MonkeyPatch, until: Callable[[list[float]], bool]) -> list[float]:
    """Run for ever until a condition on the pauses so far; the pauses. No time passes."""
    pauses: list[float] = []
    real = asyncio.sleep

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)
        if until(pauses):
            raise asyncio.CancelledError
        await real(0)

    monkeypatch.setattr(asyncio, "sleep", sleep)
    with pytest.raises(asyncio.CancelledError):
        asyncio.run(runner.run_for_ever())
    return pauses


def test_a_store_that_fails_does_not_end_the_runner(
    core: Core, store: SqlStore, deleted: list[str], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Nor does anything else: it says so, waits a while, and works again when that is over."""
    arn = doomed(core, -1)
    changes = store.changes
    failures = [OSError("nothing left to count in"), StoreUnavailableError("the disk is gone")]

    def failing() -> Any:
        if failures:
            raise failures.pop()
        return changes()

    monkeypatch.setattr(store, "changes", failing)
    with caplog.at_level(logging.ERROR):
        pauses = looking(make_runner(core, store), monkeypatch, lambda pauses: len(pauses) == 5)
    assert pauses == [RETRY_SECONDS / 10, PERIOD] * 2 + [PERIOD]
    assert "the disk is gone" in caplog.text
    assert "nothing left to count in" in caplog.text
    assert deleted == [arn]


def test_a_runner_without_the_lease_asks_now_and_then(
    core: Core, store: SqlStore, deleted: list[str], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Without a word in the log: that is the normal state of all runners but one."""
    doomed(core, -1)
    store.run(lambda tx: tx.take_lease(jobs.LEASE, "b", core.clock.machine, core.clock.machine + 30))
    with caplog.at_level(logging.DEBUG, logger="strongroom.jobs"):
        pauses = looking(make_runner(core, store), monkeypatch, lambda pauses: len(pauses) == 3)
    assert pauses == [LEASE_SECONDS / 3, PERIOD, LEASE_SECONDS / 3]
    assert caplog.text == ""
    assert deleted == []


def test_a_key_that_does_not_check_stops_nobody_elses_life(core: Core, store: SqlStore, deleted: list[str]) -> None:
    """A row under it was edited: its step fails, the other key is deleted."""
    bad, good = doomed(core, -2), doomed(core, -1)
    stored = core.stored(bad)
    core.store.run(lambda tx: tx.put_tags(stored.key, {"a": "b"}))
    with closing(sqlite3.connect(core.folder / DATABASE)) as connection:
        connection.execute("UPDATE tags SET tag_value = 'c'")
        connection.commit()
    counted = Counted()
    asyncio.run(make_runner(core, store, counter=counted).run())
    assert deleted == [good]
    assert counted.jobs["step", "failed"] == 1


@pytest.mark.usefixtures("deleted")
def test_shredding_rests_longer_than_it_works(core: Core, store: SqlStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who destroys material again and again does not keep the database rewriting itself; nothing is forgotten."""
    shreds: list[float] = []

    def shred() -> bool:
        shreds.append(now[0])
        now[0] += 2.0
        return True

    now = [1000.0]
    monkeypatch.setattr(store, "shred", shred)
    monkeypatch.setattr("strongroom.jobs.time.perf_counter", lambda: now[0])
    runner = make_runner(core, store)
    for _ in range(100):
        doomed(core, -1)
        asyncio.run(runner.run())
        now[0] += 1.0
    assert len(shreds) == 3
    now[0] += 2.0 * jobs.SHRED_REST
    asyncio.run(runner.run())
    assert store.to_shred() is None
