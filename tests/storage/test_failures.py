"""What goes wrong below: it comes out as an error of ours, and does not last longer than its cause."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from strongroom.ports import StoreUnavailableError
from strongroom.storage.schema import keys
from strongroom.storage.sqlite import FileLock, _configure, open_database
from strongroom.storage.store import SqlStore
from tests.storage.support import ALIAS, K1, REALM, disabled, make_key, outsider

READS: dict[str, tuple[str, Callable[[SqlStore], Any]]] = {
    "the key": ("keys", lambda store: store.key(REALM, K1)),
    "its tags": ("tags", lambda store: store.key(REALM, K1)),
    "an alias": ("aliases", lambda store: store.alias(REALM, ALIAS)),
    "the keys in the whole": ("keys", lambda store: store.check()),
    "the change log": ("change_log", lambda store: store.changes()),
    "the outbox, written": ("audit_outbox", lambda store: store.run(lambda tx: tx.add_record("e", b""))),
}


@pytest.mark.parametrize("case", READS.values(), ids=READS.keys())
def test_a_table_that_is_gone_is_unavailable(
    full: SqlStore, path: Path, case: tuple[str, Callable[[SqlStore], Any]]
) -> None:
    """A statement that cannot run raises StoreUnavailableError, each time."""
    table, use = case
    with outsider(path) as connection:
        connection.execute(f"DROP TABLE {table}")
    for _ in range(2):
        with pytest.raises(StoreUnavailableError, match=table):
            use(full)


def test_a_foreign_lock_refuses_writes_while_it_lasts(full: SqlStore, path: Path) -> None:
    """Somebody else's write lock makes writes fail, reads go on, and when it is gone so is the trouble."""

    def work(tx: Any) -> None:
        tx.update_key(disabled(make_key(K1)))

    full.run(lambda tx: tx._database.connection.exec_driver_sql("PRAGMA busy_timeout = 0"))
    with outsider(path) as connection:
        connection.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreUnavailableError, match="locked"):
            full.run(work)
        stored = full.key(REALM, K1)
        assert stored is not None
        assert stored.key == make_key(K1)
    full.run(work)
    stored = full.key(REALM, K1)
    assert stored is not None
    assert stored.key == disabled(make_key(K1))
    full.check()


def test_a_beginning_that_failed_can_be_tried_again(full: SqlStore, path: Path) -> None:
    """A connection that could not begin a transaction is in none, and begins one when it can."""
    with closing(open_database(path, writing=True)) as database:
        database.connection.exec_driver_sql("PRAGMA busy_timeout = 0")
        database.rollback()
        with outsider(path) as connection:
            connection.execute("BEGIN IMMEDIATE")
            with pytest.raises(StoreUnavailableError, match="locked"), database.snapshot():
                pytest.fail("began")
            assert not database.connection.in_transaction()
        with database.snapshot():
            assert database.rows(select(keys.c.key_id), {})
    full.check()


def test_a_closed_connection_is_unavailable(full: SqlStore) -> None:
    """Reads and the probe of a store that is closed raise an error of ours."""
    full.close()
    for use in (lambda: full.key(REALM, K1), full.changes, full.check):
        with pytest.raises(StoreUnavailableError):
            use()


def test_a_place_without_write_ahead_log_is_refused() -> None:
    """A database that stays in another journal mode is not used."""
    connection = sqlite3.connect(":memory:")
    with pytest.raises(StoreUnavailableError, match="write-ahead"):
        _configure(connection, writing=True)
    connection.close()


def test_a_lock_that_cannot_be_had_is_an_error_of_ours(path: Path) -> None:
    """Neither a missing folder nor a closed lock file lets a foreign exception out."""
    with pytest.raises(StoreUnavailableError):
        FileLock(path / "nowhere" / "strongroom.db")
    lock = FileLock(path)
    lock.close()
    with pytest.raises(StoreUnavailableError):
        lock.__enter__()
