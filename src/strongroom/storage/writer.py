"""The writer thread: queued jobs in batches, a savepoint each, one durable commit for all (docs: adr 5)."""

import logging
from collections.abc import Callable
from queue import Empty, SimpleQueue
from threading import Lock, Thread
from typing import Any, NamedTuple

from strongroom.ports import RowSeal, StoreUnavailableError
from strongroom.storage.database import Database
from strongroom.storage.sealed import SealedRows
from strongroom.storage.sqlite import FileLock
from strongroom.storage.transaction import SqlTransaction
from strongroom.storage.writes import Pending

MAX_BATCH = 64
"""Jobs a commit. It bounds how long others wait for the lock, and is enough to hide the cost of the sync."""

_log = logging.getLogger(__name__)


class Job(NamedTuple):
    """A piece of work, and who wants to know."""

    work: Callable[[SqlTransaction], Any]
    done: Callable[[Any], None]


class Writer:
    """Runs jobs on a thread of its own, which nothing that a job does can end.

    Args:
        connect: Opens the connection for writing; called again after a transaction failed.
        lock: The lock between the writers of all processes.
        seal: For the rows.
        before_commit: May refuse a commit by raising; then nothing of the batch happened.
    """

    def __init__(
        self, connect: Callable[[], Database], lock: FileLock, seal: RowSeal, before_commit: Callable[[], None]
    ) -> None:
        self._connect = connect
        self._lock = lock
        self._seal = seal
        self._before_commit = before_commit
        self._database: Database | None = connect()
        self._queue: SimpleQueue[Job | None] = SimpleQueue()
        self._gate = Lock()  # nothing is queued behind the end
        self._closed = False
        self._thread = Thread(target=self._run, name="strongroom-writer", daemon=True)
        self._thread.start()

    def submit(self, job: Job) -> None:
        """Queue a job.

        Raises:
            StoreUnavailableError: The writer is closed.
        """
        with self._gate:
            if self._closed:
                raise StoreUnavailableError("The store is closed")
            self._queue.put(job)

    def close(self) -> None:
        """Finish what is queued, then end the thread and close the connection."""
        with self._gate:
            if not self._closed:
                self._closed = True
                self._queue.put(None)
        self._thread.join()

    def _run(self) -> None:
        more = True
        while more:
            jobs, more = self._take()
            if jobs:
                self._answer(jobs)
        self._disconnect()

    def _take(self) -> tuple[list[Job], bool]:
        """Wait for jobs, and take those that are there; False with the last ones."""
        jobs: list[Job] = []
        job = self._queue.get()
        while job is not None:
            jobs.append(job)
            if len(jobs) == MAX_BATCH:
                return jobs, True
            try:
                job = self._queue.get_nowait()
            except Empty:
                return jobs, True
        return jobs, False

    def _answer(self, jobs: list[Job]) -> None:
        outcomes: list[Any]
        try:
            with self._lock:
                outcomes = self._batch(jobs)
        except BaseException as error:  # noqa: BLE001 - whatever it is, the callers must be told and the thread lives on
            outcomes = [error] * len(jobs)
        for job, outcome in zip(jobs, outcomes, strict=True):
            try:
                job.done(outcome)
            except BaseException:  # noqa: BLE001 - a bad listener harms nobody else
                _log.exception("A listener of the writer failed")

    def _batch(self, jobs: list[Job]) -> list[Any]:
        try:
            database = self._database = self._database or self._connect()
            database.begin()
            pending = Pending()
            outcomes = [self._attempt(job, database, pending) for job in jobs]
            if pending.changes:
                pending.settle(SealedRows(database, self._seal))
                self._before_commit()
                database.commit()
            else:
                database.rollback()
        except BaseException:
            self._disconnect()  # the transaction ends with it
            raise
        return outcomes

    def _attempt(self, job: Job, database: Database, pending: Pending) -> Any:
        """Run one job; its result, or what it raised."""
        database.savepoint()
        transaction = SqlTransaction(database, self._seal)
        try:
            outcome = job.work(transaction)
        except BaseException as error:  # noqa: BLE001 - it belongs to the caller
            database.undo_savepoint()
            return error
        database.keep_savepoint()
        pending.merge(transaction.pending)
        return outcome

    def _disconnect(self) -> None:
        database, self._database = self._database, None
        if database is not None:
            try:
                database.close()
            except StoreUnavailableError:
                _log.exception("The writer's connection could not be closed")
