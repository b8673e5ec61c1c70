"""When keys were last used, as the store keeps it."""

import functools
from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec.structs import replace

from strongroom.ports import LastUsage, TamperedStoreError
from strongroom.storage.store import SqlStore
from strongroom.storage.transaction import SqlTransaction
from tests.storage.support import K1, K3, OTHER_REALM, REALM, make_key, make_stored, outsider, put_back, rows

MADE = make_key(K1).created_at
FIRST = LastUsage(REALM, K1, "Encrypt", MADE + 10, "event-a", "request-a")
LATER = LastUsage(REALM, K1, "Decrypt", MADE + 20, "event-b", "request-b")


def put(store: SqlStore, *usages: LastUsage) -> None:
    """Put usages, each in a transaction of its own."""
    for usage in usages:
        store.run(functools.partial(SqlTransaction.put_usage, usage=usage))


def test_a_usage_is_read_back(full: SqlStore) -> None:
    """All of it, inside and outside of transactions; a key in another realm has its own."""
    assert full.last_usage(REALM, K1) is None
    other = LastUsage(OTHER_REALM, K3, "Sign", MADE + 0.5, "event-c", "request-c")
    put(full, FIRST, other)
    assert full.last_usage(REALM, K1) == full.run(lambda tx: tx.last_usage(REALM, K1)) == FIRST
    assert full.last_usage(OTHER_REALM, K3) == other
    assert full.last_usage(OTHER_REALM, K1) is None


@pytest.mark.parametrize("order", [(FIRST, LATER), (LATER, FIRST)])
def test_the_later_usage_stays(full: SqlStore, order: tuple[LastUsage, ...]) -> None:
    """Whichever worker writes first, an older usage never replaces a newer one."""
    put(full, *order)
    assert full.last_usage(REALM, K1) == LATER


def test_of_two_at_the_same_moment_the_one_written_last_stays(full: SqlStore) -> None:
    """Times count milliseconds: within one, the order of writing decides."""
    same = replace(LATER, used_at=FIRST.used_at)
    put(full, FIRST, same)
    assert full.last_usage(REALM, K1) == same


@pytest.mark.parametrize(
    "usage",
    [
        replace(FIRST, key_id="99999999-0000-4000-8000-000000000000"),
        replace(FIRST, realm=OTHER_REALM),
        replace(FIRST, used_at=MADE - 0.001),
    ],
    ids=["no such key", "no such key in the realm", "before the key was made"],
)
def test_a_usage_of_no_key_leaves_no_row(full: SqlStore, path: Path, usage: LastUsage) -> None:
    """A key that is gone meanwhile, or that is another one under the same id, has not been used."""
    put(full, usage)
    with outsider(path) as connection:
        assert rows(connection, "key_usage") == []


def test_the_usage_goes_with_its_key(full: SqlStore, path: Path) -> None:
    """A deleted key leaves no row, and a new key of the same id begins without one."""
    put(full, FIRST)
    full.run(lambda tx: tx.delete_key(make_key(K1), MADE + 30))
    put(full, LATER)
    with outsider(path) as connection:
        assert rows(connection, "key_usage") == []
    again = make_stored(K1)
    full.run(lambda tx: tx.insert_key(replace(again, key=replace(again.key, created_at=MADE + 40))))
    put(full, LATER)
    assert full.last_usage(REALM, K1) is None


def test_a_usage_drops_nothing_from_caches(full: SqlStore, path: Path) -> None:
    """A flush does not make every worker read its keys again, and does not touch the key's own row."""
    with outsider(path) as connection:
        before = rows(connection, "keys")
    put(full, FIRST, LATER)
    assert full.changes() == []
    with outsider(path) as connection:
        assert rows(connection, "keys") == before


EDITS: dict[str, Callable[[SqlStore, Path], object]] = {
    "last_usage": lambda store, _: store.last_usage(REALM, K1),
    "put_usage": lambda store, _: put(store, replace(LATER, used_at=MADE + 50)),
}


@pytest.mark.parametrize("deed", EDITS)
def test_an_edited_row_is_found(full: SqlStore, path: Path, deed: str) -> None:
    """A row that somebody else wrote is neither told nor written over."""
    put(full, FIRST)
    with outsider(path) as connection:
        connection.execute("UPDATE key_usage SET used_at = used_at + 1")
    with pytest.raises(TamperedStoreError, match="key_usage"):
        EDITS[deed](full, path)


def test_an_older_row_put_back_is_believed(full: SqlStore, path: Path) -> None:
    """What ADR 3 gives up: such a row is under no set hash, since it decides nothing."""
    put(full, FIRST)
    with outsider(path) as connection:
        old = rows(connection, "key_usage")
    put(full, LATER)
    with outsider(path) as connection:
        put_back(connection, "key_usage", old)
    assert full.last_usage(REALM, K1) == FIRST
