"""The clock that keys live by: it follows what is stored, in every process, and production has none that moves."""

import asyncio
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from msgspec.structs import replace

from strongroom.audit.record import encode
from strongroom.bootstrap import clocks_of
from strongroom.clock import MovableClock, machine_clocks
from strongroom.jobs import Runner
from strongroom.keystores.registry import Registry
from strongroom.keystores.rowseal import RowSeal
from strongroom.keystores.software import SoftwareKeyStore
from strongroom.keyview import KeyViews
from strongroom.model.key import StoredKey
from strongroom.model.life import Step
from strongroom.operations.life import STEPS, Life
from strongroom.ports import Change, StoreUnavailableError
from strongroom.settings import Settings
from strongroom.storage.store import open_store
from tests.core import DATABASE, ROOTS, Core, open_core
from tests.jobs import Counted

CLOCK = Change("clock", "", "", "")
DAY = 86_400.0


@pytest.fixture
def core(tmp_path: Path) -> Iterator[Core]:
    """A core of dev mode."""
    with open_core(tmp_path, dev=True) as opened:
        yield opened


def put_offset(core: Core, seconds: float) -> None:
    """Move the clock, past every rule."""
    core.store.run(lambda tx: tx.put_clock_offset(seconds))


def test_productions_clock_is_the_machines() -> None:
    """In milliseconds, and whatever changes are told: it follows nothing."""
    clocks = machine_clocks(lambda: 1_780_000_000.12345)
    clocks.follow([CLOCK])
    clocks.follow(None)
    assert (clocks.machine(), clocks.key_life(), clocks.offset()) == (1_780_000_000.12345, 1_780_000_000.123, 0.0)


def test_the_clock_reads_the_offset_when_it_may_have_changed() -> None:
    """At first, when a change says so, and when nobody can say; else it is not read."""
    stored, reads = [0.0], [0]

    def read() -> float:
        reads[0] += 1
        return stored[0]

    clocks = MovableClock(lambda: 100.00049, read).clocks()
    told: list[list[Change] | None] = [[], [CLOCK], [], [Change("key", "a", "r", "k")], None]
    seen = []
    for number, changes in enumerate(told):
        stored[0] = 1000.0 * number
        clocks.follow(changes)
        seen.append((reads[0], clocks.offset(), clocks.key_life(), clocks.machine()))
    assert seen == [
        (1, 0.0, 100.0, 100.00049),
        (2, 1000.0, 1100.0, 100.00049),
        (2, 1000.0, 1100.0, 100.00049),
        (2, 1000.0, 1100.0, 100.00049),
        (3, 4000.0, 4100.0, 100.00049),
    ]


def test_an_offset_that_could_not_be_read_is_read_at_the_next_call() -> None:
    """The change was told once; it is not forgotten because the database failed just then."""
    answers: list[float | None] = [5.0, None, 7.0]

    def read() -> float:
        answer = answers.pop(0)
        if answer is None:
            raise StoreUnavailableError("the disk")
        return answer

    clocks = MovableClock(lambda: 0.0, read).clocks()
    clocks.follow([])
    with pytest.raises(StoreUnavailableError):
        clocks.follow([CLOCK])
    clocks.follow([])
    assert clocks.offset() == 7.0


def test_every_process_sees_the_offset_at_its_next_look(core: Core) -> None:
    """The one that moved it and another; one that starts later begins with it."""
    with open_core(core.folder, worker=2, dev=True) as second:
        for offset in (7 * DAY, 7 * DAY + 0.125):
            put_offset(core, offset)
            for process in (core, second):
                process.views.refresh()
                assert process.dispatcher.clocks.offset() == offset
                assert process.dispatcher.clocks.key_life() == round(core.clock.machine + offset, 3)
    with open_core(core.folder, worker=3, dev=True) as third:
        third.views.refresh()
        assert third.dispatcher.clocks.offset() == 7 * DAY + 0.125


@pytest.mark.parametrize("dev", [True, False])
def test_an_offset_moves_dev_mode_alone(core: Core, *, dev: bool) -> None:
    """A process in production goes by its machine, whatever is stored."""
    put_offset(core, DAY)
    clocks = clocks_of(Settings(dev=dev), core.store)
    clocks.follow(None)
    began = time.time()
    ahead = clocks.key_life() - began
    assert clocks.offset() == (DAY if dev else 0.0)
    assert round(ahead / DAY) == (1 if dev else 0)


def test_other_changes_are_told_though_the_offset_cannot_be_read(core: Core) -> None:
    """Keys that changed in the same breath leave the cache all the same."""

    def fail() -> float:
        raise StoreUnavailableError("the disk")

    key = core.stored(core.new_key()).key
    views = KeyViews(core.store, MovableClock(lambda: 0.0, fail).follow)
    core.store.changes()
    views.key(key.realm, key.key_id)
    core.put_key(key.arn, description="new")
    with pytest.raises(StoreUnavailableError):
        views.refresh()
    found = views.key(key.realm, key.key_id)
    assert found is not None
    assert found.key.description == "new"


def test_the_jobs_follow_the_clock(core: Core, monkeypatch: pytest.MonkeyPatch) -> None:
    """What falls due by a move of the clock is done at the next look; so it is where the offset was read late."""
    taken: list[tuple[str, float, float]] = []

    def expire(life: Life, stored: StoredKey) -> None:
        life.tx.update_key(replace(stored.key, valid_to=None))
        taken.append((stored.key.arn, life.now, life.offset))

    monkeypatch.setitem(STEPS, Step.EXPIRE, expire)
    first, second = core.new_key(), core.new_key()
    core.put_key(first, valid_to=core.clock.machine + DAY)
    with closing(open_store(core.folder / DATABASE, RowSeal(ROOTS, 1), lambda: None)) as store:
        broken = [False]

        def read() -> float:
            if broken[0]:
                raise StoreUnavailableError("the disk")
            return store.clock_offset()

        runner = Runner(
            store=store,
            keystores=Registry(SoftwareKeyStore(ROOTS)),
            clocks=MovableClock(lambda: core.clock.machine, read).clocks(),
            encode=encode,
            holder="a",
            counter=Counted(),
        )
        asyncio.run(runner.run())
        put_offset(core, DAY)
        asyncio.run(runner.run())
        assert taken == [(first, core.clock.machine + DAY, DAY)]
        core.put_key(second, valid_to=core.clock.machine + 2 * DAY)
        put_offset(core, 3 * DAY)
        broken[0] = True
        with pytest.raises(StoreUnavailableError):
            asyncio.run(runner.run())
        broken[0] = False
        asyncio.run(runner.run())
    assert taken[1:] == [(second, core.clock.machine + 3 * DAY, 3 * DAY)]
