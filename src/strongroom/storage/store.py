"""The database as one process sees it."""

from collections.abc import Callable
from contextlib import ExitStack, closing
from pathlib import Path
from queue import SimpleQueue
from typing import Any, TypeVar

from strongroom.ports import Change, RowSeal, StoreUnavailableError, TamperedStoreError
from strongroom.storage import changes
from strongroom.storage.check import check
from strongroom.storage.database import Database
from strongroom.storage.migrate import require_current
from strongroom.storage.reads import SqlReads
from strongroom.storage.sealed import SealedRows
from strongroom.storage.shred import shred
from strongroom.storage.sqlite import FileLock, Probe, WalIndex, open_database
from strongroom.storage.transaction import SqlTransaction
from strongroom.storage.writer import Job, Writer

T = TypeVar("T")


class SqlStore(SqlReads):
    """ports.Store over an SQLite file: reads and ``changes`` for one thread, writes by the writer's.

    Made by ``open_store``.
    """

    def __init__(
        self,
        database: Database,
        writer: Writer,
        seal: RowSeal,
        *,
        index: WalIndex,
        aside: Callable[[], Database],
        shred: Callable[[], bool],
        close: Callable[[], None],
    ) -> None:
        super().__init__(database, seal)
        self._index = index
        self._header: bytes | None = None
        self._writer = writer
        self._aside = aside
        self._shred = shred
        self._unchecked = False
        self._close = close
        self._probe = Probe(database)
        self._fault: str | None = None
        with database.snapshot():
            self._seen = self._probe()
            self._place = changes.head(self._rows)

    def changes(self) -> list[Change] | None:
        """What changed since the last call, own writes included: the list, or None for "anything may have".

        Where somebody committed and the change log says nothing of it, it was none of ours, and the whole is checked. A
        store that did not check stays refused until somebody writes again and then it checks.

        Raises:
            TamperedStoreError: The change log or the whole does not check.
            StoreUnavailableError: The database fails.
        """
        header = self._index.header()
        if header is None or header != self._header:
            # What is committed after this moment changes the header again, so it is remembered only now.
            if self._probe() != self._seen:
                found = self._look()
                self._header = header
                return found
            self._header = header
        if self._fault is not None:
            raise TamperedStoreError(self._fault)
        return []

    def _look(self) -> list[Change] | None:
        with self._database.snapshot():
            seen = self._probe()
            try:
                found = self._catch_up()
            except TamperedStoreError as error:
                self._seen, self._fault = seen, str(error)
                raise
        self._seen = seen
        return found

    def _catch_up(self) -> list[Change] | None:
        place, found = changes.since(self._rows, self._place)
        if self._fault is not None or place == self._place:
            check(self._rows)
            self._fault = found = None
        else:
            self._unchecked = True
        self._place = place
        return found and [change for change in found if change != changes.NOTHING]

    def submit(self, work: Callable[[SqlTransaction], T], done: Callable[[T | BaseException], None]) -> None:
        """Queue ``work`` for the writer thread; ``done`` gets its result once it is on the disk, or what it raised.

        ``work`` runs under the lock between processes, so it must not wait for anything. ``done`` is called on the
        writer's thread.

        Raises:
            StoreUnavailableError: The store is closed.
        """
        self._writer.submit(Job(work, done))

    def run(self, work: Callable[[SqlTransaction], T]) -> T:
        """Do ``work`` by the writer thread, and wait until it is on the disk.

        Raises:
            BaseException: Whatever ``work`` raised.
            AdapterError: It was not committed.
        """
        answers: SimpleQueue[Any] = SimpleQueue()
        self.submit(work, answers.put)
        outcome = answers.get()
        if isinstance(outcome, BaseException):
            raise outcome
        result: T = outcome
        return result

    def check(self) -> None:
        """Require that the whole store is as this service wrote it; for the start of a process.

        Raises:
            TamperedStoreError: It is not; then ``changes`` raises, too, until somebody writes and it checks.
            StoreUnavailableError: The database fails.
        """
        try:
            check(self._rows)
        except TamperedStoreError as error:
            self._fault = str(error)
            raise

    def recheck(self) -> None:
        """Require the whole again if commits of ours were seen since the last time: a foreign one may be among them.

        ``changes`` cannot tell a foreign commit that fell between two looks, in which the service committed, too. May
        be called on any thread, by one at a time: it reads on a connection of its own.

        Raises:
            TamperedStoreError: The whole does not check; then ``changes`` raises, too, as after ``check``.
            StoreUnavailableError: The database fails.
        """
        if not self._unchecked:
            return
        self._unchecked = False
        try:
            with closing(self._aside()) as database:
                check(SealedRows(database, self._rows.seal))
        except TamperedStoreError as error:
            self._fault = str(error)
            raise
        except StoreUnavailableError:
            self._unchecked = True
            raise

    def shred(self) -> bool:
        """Remove what remains of destroyed material from the files of the database; may be called on any thread.

        Returns:
            False where somebody was reading an older state: then it is to be tried again.

        Raises:
            StoreUnavailableError: The database fails.
        """
        return self._shred()

    def close(self) -> None:
        """Finish the queued writes and close everything."""
        self._close()


def open_store(path: Path, seal: RowSeal, before_commit: Callable[[], None]) -> SqlStore:
    """Open a store that ``create_store`` made.

    Args:
        path: The database file.
        seal: For its rows.
        before_commit: Called on the writer's thread before each commit; raises to refuse it.

    Raises:
        StoreUnavailableError: There is no database, or not of this program's schema revision.
        TamperedStoreError: The change log is not as this service wrote it.
    """
    resources = ExitStack()
    try:
        database = open_database(path, writing=False)
        index = WalIndex(path)
        resources.callback(index.close)
        resources.callback(database.close)
        require_current(database)
        lock = FileLock(path)
        resources.callback(lock.close)
        writer = Writer(lambda: open_database(path, writing=True), lock, seal, before_commit)
        resources.callback(writer.close)
        return SqlStore(
            database,
            writer,
            seal,
            index=index,
            aside=lambda: open_database(path, writing=False),
            shred=lambda: shred(path),
            close=resources.close,
        )
    except BaseException:
        resources.close()
        raise
