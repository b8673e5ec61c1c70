"""What happens by itself: the steps of keys' lives that are due, and the shredding of what they destroyed.

One runner works for a store, whoever has the lease; each step is one transaction, which takes the lease and asks again
whether the step is due. So a crash loses nothing and repeats nothing: what was not committed is still due.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Protocol, TypeVar

import strongroom.operations.kms  # noqa: F401 - fills the table of steps
from strongroom.model.life import AT_ONCE, Step
from strongroom.model.region import Realm
from strongroom.operations.life import Life, take_step
from strongroom.ports import AdapterError, AuditEvent, Clocks, Due, KeyStores, Store, Transaction

LEASE = "jobs"
LEASE_SECONDS = 30.0
PERIOD = 0.1
"""Seconds between two looks; a look with nothing to do costs microseconds."""

RETRY_SECONDS = 60.0
"""How long a step that failed is left alone; the others go on."""

SHRED_REST = 20
"""Shredding rewrites the whole database: another begins no earlier than so many times as long as the last one took."""

_BATCH = 100
_SHRED = "shred"

_log = logging.getLogger("strongroom.jobs")
T = TypeVar("T")


class LeaseTakenError(AdapterError):
    """Another runner works for this store."""


class JobCounter(Protocol):
    """Who counts jobs."""

    def count(self, job: str, outcome: str, seconds: float) -> None:
        """Take note of one job, which was ``done``, ``failed`` or ``put off``."""


class Runner:
    """Runs the jobs of a store on an event loop's thread.

    Args:
        store: The store; its reads are this runner's alone.
        keystores: For new key material.
        clocks: The machine's clock for the lease and the audit, the key-life clock for what is due.
        encode: Makes the payload of audit records.
        holder: Whose the lease is; a runner started again in the same place has the same name.
        counter: Who counts.
    """

    def __init__(
        self,
        *,
        store: Store,
        keystores: KeyStores,
        clocks: Clocks,
        encode: Callable[[AuditEvent], bytes],
        holder: str,
        counter: JobCounter,
    ) -> None:
        self._store = store
        self._keystores = keystores
        self._clocks = clocks
        self._encode = encode
        self._holder = holder
        self._counter = counter
        self._next: float | None = AT_ONCE
        self._shred_after = 0.0
        self._failed: dict[tuple[Realm, str], float] = {}

    async def run_for_ever(self) -> None:
        """Look again and again; what fails is logged and tried again later."""
        while True:
            try:
                await self.run()
            except LeaseTakenError:
                await asyncio.sleep(LEASE_SECONDS / 3)
            except Exception:  # noqa: BLE001 - whatever it is, keys must not stop rotating, expiring and being deleted
                _log.exception("the jobs cannot run")
                await asyncio.sleep(RETRY_SECONDS / 10)
            await asyncio.sleep(PERIOD)

    async def run(self) -> None:
        """Do all that is due now.

        Raises:
            LeaseTakenError: It is another runner's to do.
            AdapterError: The store fails, or is not as it was written.
        """
        changes = self._store.changes()
        if changes != []:
            self._next = AT_ONCE
        self._clocks.follow(changes)
        if self._next is None or self._next > self._clocks.key_life():
            return
        self._next = AT_ONCE  # whatever ends this look before its time, the next one begins anew
        while due := self._due():
            for each in due:
                await self._take(each)
        if await self._shred() and not self._failed:
            later = self._store.due(float("inf"), 1)
            self._next = later[0].at if later else None

    def _due(self) -> list[Due]:
        """Some of the keys for which a step is due now, but for those that are left alone."""
        machine_now = self._clocks.machine()
        self._failed = {place: until for place, until in self._failed.items() if until > machine_now}
        found = self._store.due(self._clocks.key_life(), _BATCH + len(self._failed))
        return [due for due in found if (due.realm, due.key_id) not in self._failed]

    async def _take(self, due: Due) -> None:
        started = time.perf_counter()
        try:
            step = await transact(self._store, lambda tx: self._step(tx, due))
        except LeaseTakenError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever is wrong with one key, the others go on
            _log.error("%s of %s: a step failed: %s", due.key_id, due.realm, error)
            self._failed[due.realm, due.key_id] = self._clocks.machine() + RETRY_SECONDS
            self._counter.count("step", "failed", time.perf_counter() - started)
        else:
            if step is not None:
                self._counter.count(step.value, "done", time.perf_counter() - started)

    def _step(self, tx: Transaction, due: Due) -> Step | None:
        self._hold(tx)
        clocks = self._clocks
        life = Life(tx, self._keystores, clocks.key_life(), clocks.machine(), self._encode, clocks.offset())
        return take_step(life, due.realm, due.key_id)

    def _hold(self, tx: Transaction) -> None:
        """Have the lease, inside the transaction that it is for: a runner that lost it commits nothing.

        Raises:
            LeaseTakenError: Somebody else has it.
        """
        now = self._clocks.machine()
        if not tx.take_lease(LEASE, self._holder, now, now + LEASE_SECONDS):
            raise LeaseTakenError("another runner has the lease of the jobs")

    async def _shred(self) -> bool:
        """Remove destroyed material from the files, too; False where it is too early for that, or a reader is there.

        Raises:
            AdapterError: The database cannot be rewritten, for want of room, say.
        """
        number = self._store.to_shred()
        if number is None:
            return True
        started = time.perf_counter()
        if started < self._shred_after:
            return False
        outcome = "failed"
        try:
            if await asyncio.to_thread(self._store.shred):
                await transact(self._store, lambda tx: self._note_shredded(tx, number))
                outcome = "done"
            else:
                outcome = "put off"
        finally:
            took = time.perf_counter() - started
            self._shred_after = started + took * SHRED_REST
            self._counter.count(_SHRED, outcome, took)
        return outcome == "done"

    def _note_shredded(self, tx: Transaction, number: int) -> None:
        self._hold(tx)
        tx.note_shredded(number)


async def transact(store: Store, work: Callable[[Transaction], T]) -> T:
    """Run a transaction on the writer's thread, and wait until it is durable.

    Raises:
        Exception: Whatever ``work`` raised; or AdapterError where it was not committed.
    """
    loop = asyncio.get_running_loop()
    done: asyncio.Future[T] = loop.create_future()

    def finish(result: T | BaseException) -> None:
        loop.call_soon_threadsafe(_settle, done, result)

    store.submit(work, finish)
    return await done


def _settle(done: "asyncio.Future[T]", result: T | BaseException) -> None:
    if done.cancelled():
        return
    if isinstance(result, BaseException):
        done.set_exception(result)
    else:
        done.set_result(result)
