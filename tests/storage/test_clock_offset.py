"""How far key life is ahead: kept, told to all processes, and under a MAC like every fact."""

from contextlib import closing
from operator import methodcaller
from pathlib import Path

import pytest

from strongroom.ports import Change, TamperedStoreError
from strongroom.storage.store import SqlStore, open_store
from strongroom.storage.transaction import SqlTransaction
from tests.storage.support import HmacSeal, no_veto, outsider


def test_the_offset_is_kept_and_told(store: SqlStore, path: Path) -> None:
    """It is 0 at first; each process learns of a change, and reads it as it was put; so does one that starts later."""
    with closing(open_store(path, HmacSeal(), no_veto)) as other:
        assert (store.clock_offset(), other.clock_offset()) == (0.0, 0.0)
        for offset in (604_800.0, 604_800.125):
            store.run(methodcaller("put_clock_offset", offset))
            for process in (store, other):
                assert process.changes() == [Change("clock", "", "", "")]
                assert process.clock_offset() == offset
    with closing(open_store(path, HmacSeal(), no_veto)) as later:
        assert later.clock_offset() == 604_800.125


def test_a_transaction_reads_what_it_put(store: SqlStore) -> None:
    """And nothing is told where it is undone."""

    def work(tx: SqlTransaction) -> float:
        tx.put_clock_offset(5.0)
        return tx.clock_offset()

    def undone(tx: SqlTransaction) -> None:
        tx.put_clock_offset(6.0)
        raise RuntimeError

    assert store.run(work) == 5.0
    store.changes()
    with pytest.raises(RuntimeError):
        store.run(undone)
    assert (store.changes(), store.clock_offset()) == ([], 5.0)


def test_an_offset_that_somebody_edited_is_not_used(store: SqlStore, path: Path) -> None:
    """Time would pass for all keys at once."""
    store.run(lambda tx: tx.put_clock_offset(5.0))
    with outsider(path) as connection:
        connection.execute("UPDATE meta SET value = '1e9' WHERE name = 'clock_offset'")
    with pytest.raises(TamperedStoreError):
        store.clock_offset()
