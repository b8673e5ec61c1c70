"""What the store keeps of keys' lives: what is due when, destroyed material, tombstones, leases."""

from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from strongroom.model.key import Key
from strongroom.model.state import KeyState
from strongroom.ports import Due, TamperedStoreError
from strongroom.storage.store import SqlStore
from tests.storage.support import (
    ALIAS,
    ALICE,
    G1,
    K1,
    K2,
    K3,
    LATER,
    OTHER_REALM,
    REALM,
    make_alias,
    make_grant,
    make_key,
    make_stored,
    outsider,
)

DELETION = 1_700_500_000.25
PENDING: dict[str, Any] = {"state": KeyState.PENDING_DELETION, "deletion_at": DELETION, "pending_window_days": 7}


def rows(path: Path, table: str, key_id: str) -> int:
    """How many rows of a table name a key, as anybody can count them."""
    with outsider(path) as connection:
        (count,) = connection.execute(f"SELECT count(*) FROM {table} WHERE key_id = ?", (key_id,)).fetchone()  # noqa: S608 - ours
        return int(count)


def every_column() -> Key:
    """A key with a value in each column."""
    return replace(
        make_key(K2),
        state=KeyState.UPDATING,
        settles_as=KeyState.DISABLED,
        deletion_at=1_700_000_001.5,
        pending_window_days=30,
        primary_region="us-east-1",
        replica_regions=("ap-south-1", REALM.region),
        valid_to=1_700_000_002.5,
        rotation_period_days=90,
        next_rotation_at=1_700_000_003.5,
        on_demand_rotations=25,
        on_demand_started_at=1_700_000_004.5,
    )


def test_every_column_of_a_key_is_read_back(full: SqlStore) -> None:
    """Whatever a key's life has left in its row."""
    full.run(lambda tx: tx.update_key(every_column()))
    stored = full.key(REALM, K2)
    assert stored is not None
    assert stored.key == every_column()


def test_what_is_due_comes_in_the_order_of_its_time(full: SqlStore) -> None:
    """Over all realms, up to the time asked for, and no more than asked for; keys that wait for nothing do not come."""
    full.run(lambda tx: tx.update_key(replace(make_key(K1), **PENDING)))
    full.run(lambda tx: tx.update_key(replace(make_key(K3, OTHER_REALM), next_rotation_at=DELETION - 1)))
    first, second = Due(DELETION - 1, OTHER_REALM, K3), Due(DELETION, REALM, K1)
    assert full.due(DELETION, 10) == [first, second]
    assert full.due(DELETION, 1) == [first]
    assert full.due(DELETION - 0.5, 10) == [first]
    assert full.due(DELETION - 2, 10) == []


def test_what_is_due_follows_the_key(full: SqlStore) -> None:
    """A deletion that is cancelled is not due any more."""
    full.run(lambda tx: tx.update_key(replace(make_key(K1), **PENDING)))
    full.run(lambda tx: tx.update_key(make_key(K1)))
    assert full.due(float("inf"), 10) == []


def test_a_moved_time_is_found(full: SqlStore, path: Path) -> None:
    """Who puts a deletion off, or brings it on, in the database, is found by the row's MAC."""
    full.run(lambda tx: tx.update_key(replace(make_key(K1), **PENDING)))
    with outsider(path) as connection:
        connection.execute("UPDATE keys SET due_at = 1 WHERE key_id = ?", (K1,))
    with pytest.raises(TamperedStoreError, match="keys"):
        full.due(10.0, 10)


def test_of_a_deleted_key_there_is_a_tombstone_and_nothing_else(full: SqlStore, path: Path) -> None:
    """Materials, policies, tags, aliases, grants go with the key; other keys keep theirs, and the whole checks."""
    full.run(lambda tx: tx.put_grant(make_grant(G1, key_id=K2)))
    full.run(lambda tx: tx.delete_key(make_key(K1), DELETION))
    assert full.key(REALM, K1) is None
    assert full.alias(REALM, ALIAS) is None
    tables = ("keys", "materials", "policies", "tags", "aliases", "grants", "grant_index")
    assert {table: rows(path, table, K1) for table in tables} == dict.fromkeys(tables, 0)
    with outsider(path) as connection:
        stones = connection.execute("SELECT account, region, key_id, deleted_at FROM tombstones").fetchall()
    assert stones == [(*REALM, K1, DELETION)]
    assert full.key(REALM, K2) is not None
    assert full.grants_of(REALM, K1, ALICE) == ()
    assert full.grants_of(REALM, K2, ALICE) == (make_grant(G1, key_id=K2),)
    full.check()


def test_all_caches_forget_a_deleted_key(full: SqlStore) -> None:
    """The change log names the key and each alias that it had."""
    full.run(lambda tx: tx.delete_key(make_key(K1), DELETION))
    found = full.changes()
    assert found is not None
    assert {(change.kind, change.name) for change in found} >= {("key", K1), ("alias", ALIAS), ("alias", "alias/spare")}


def test_a_name_of_a_deleted_key_is_free(full: SqlStore) -> None:
    """Its alias can point at another key; a replica can be made again where one was deleted, and deleted again."""
    full.run(lambda tx: tx.delete_key(make_key(K1), DELETION))
    full.run(lambda tx: tx.put_alias(make_alias(ALIAS, K2)))
    full.run(lambda tx: tx.insert_key(make_stored(K1)))
    full.check()
    full.run(lambda tx: tx.delete_key(make_key(K1), DELETION + 1))
    full.check()


def test_a_tombstone_that_is_taken_away_is_found(full: SqlStore, path: Path) -> None:
    """Or else a deleted key could come back from a backup unseen."""
    full.run(lambda tx: tx.delete_key(make_key(K1), DELETION))
    with outsider(path) as connection:
        connection.execute("DELETE FROM tombstones")
    with pytest.raises(TamperedStoreError, match="realms"):
        full.check()


def test_what_destroys_material_asks_for_shredding(full: SqlStore) -> None:
    """A material that is replaced by other bytes or removed, and a deleted key; other changes of it do not."""
    key = make_key(K1)
    full.run(lambda tx: tx.put_material(key, replace(LATER, pending=False)))
    full.run(lambda tx: tx.update_key(replace(key, **PENDING)))
    assert full.to_shred() is None
    full.run(lambda tx: tx.put_material(key, replace(LATER, wrapped=b"")))
    assert full.to_shred() == 1
    full.run(lambda tx: tx.delete_material(key, LATER.material_id))
    full.run(lambda tx: tx.delete_key(key, DELETION))
    assert full.to_shred() == 3


def test_shredding_is_asked_for_until_it_is_done(full: SqlStore) -> None:
    """What is destroyed while it runs asks again."""
    full.run(lambda tx: tx.delete_material(make_key(K1), LATER.material_id))
    number = full.to_shred()
    assert number == 1
    full.run(lambda tx: tx.delete_key(make_key(K1), DELETION))
    full.run(lambda tx: tx.note_shredded(1))
    assert full.to_shred() == 2
    full.run(lambda tx: tx.note_shredded(2))
    assert full.to_shred() is None


def test_a_removed_material_is_not_known_any_more(full: SqlStore) -> None:
    """The others stay; one that is not there cannot be removed."""
    full.run(lambda tx: tx.delete_material(make_key(K1), LATER.material_id))
    stored = full.key(REALM, K1)
    assert stored is not None
    assert list(stored.materials) == [stored.key.material_id]
    with pytest.raises(TamperedStoreError):
        full.run(lambda tx: tx.delete_material(make_key(K1), LATER.material_id))


def test_a_lease_has_one_holder(full: SqlStore) -> None:
    """Who has it may have it longer; another gets it from the moment on that it ends, not before."""
    assert full.run(lambda tx: tx.take_lease("jobs", "a", 100.0, 130.0))
    assert not full.run(lambda tx: tx.take_lease("jobs", "b", 129.5, 160.0))
    assert full.run(lambda tx: tx.take_lease("jobs", "a", 120.0, 150.0))
    assert not full.run(lambda tx: tx.take_lease("jobs", "b", 149.5, 180.0))
    assert full.run(lambda tx: tx.take_lease("jobs", "b", 150.0, 180.0))
    assert not full.run(lambda tx: tx.take_lease("jobs", "a", 150.0, 180.0))
    assert full.run(lambda tx: tx.take_lease("others", "a", 150.0, 180.0))
