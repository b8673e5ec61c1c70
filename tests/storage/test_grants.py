"""Grants: what is read back, in which order, and how little of the others a use of one reads."""

import hashlib
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from strongroom.model.region import Realm
from strongroom.ports import StoreUnavailableError, TamperedStoreError
from strongroom.storage.buckets import Bucket, bucket_of, pack, unpack
from strongroom.storage.store import SqlStore, open_store
from strongroom.storage.transaction import SqlTransaction
from tests.storage.support import (
    ALICE,
    BOB,
    G1,
    G2,
    G3,
    K1,
    K2,
    K3,
    OTHER_ACCOUNT,
    OTHER_REALM,
    REALM,
    RICH_GRANT,
    HmacSeal,
    make_grant,
    make_key,
    make_stored,
    new_store,
    no_veto,
    outsider,
    populate,
    rows,
)


class CountingSeal(HmacSeal):
    """Counts the rows that were checked or sealed, and the members of sets that were summed up."""

    def __init__(self) -> None:
        self.rows = 0
        self.members = 0

    def mac(self, row: bytes) -> bytes:
        """MAC of a row."""
        self.rows += 1
        return super().mac(row)

    def element(self, row_mac: bytes) -> int:
        """Element of a set hash."""
        self.members += 1
        return super().element(row_mac)

    def spent(self, work: Callable[[], object]) -> tuple[int, int]:
        """Rows and members that a piece of work took."""
        before = self.rows, self.members
        work()
        return self.rows - before[0], self.members - before[1]


def grant_id(number: int) -> str:
    """The id of one of many grants."""
    return hashlib.sha256(number.to_bytes(4, "big")).hexdigest()


def put_many(store: SqlStore, first: int, last: int) -> None:
    """Give K2 many grants, each to somebody else."""

    def work(tx: SqlTransaction) -> None:
        for number in range(first, last):
            tx.put_grant(make_grant(grant_id(number), f"AIDA{number}", key_id=K2))

    store.run(work)


def test_a_grants_members_are_read_back(full: SqlStore) -> None:
    """All members, those that are absent too."""
    assert full.grant(REALM, K1, G3) == RICH_GRANT
    assert full.grant(REALM, K1, G1) == make_grant(G1)
    assert full.grant(REALM, K2, G1) is None
    assert full.grant(OTHER_REALM, K1, G1) is None


def test_a_grantees_grants_come_oldest_first(full: SqlStore) -> None:
    """Only the grantee's, only on the key; of one moment in the order of their ids."""
    full.run(lambda tx: tx.put_grant(make_grant("0" * 64)))
    assert [grant.grant_id for grant in full.grants_of(REALM, K1, ALICE)] == [G2, "0" * 64, G1]
    assert full.grants_of(REALM, K1, BOB) == (RICH_GRANT,)
    assert full.grants_of(REALM, K1, "AIDANOBODY") == ()
    assert full.grants_of(REALM, K2, ALICE) == ()
    assert full.grants_of(REALM, "no key", ALICE) == ()


def test_grantees_of_one_bucket_are_told_apart(full: SqlStore) -> None:
    """Who shares a bucket shares no grants."""
    other = next(token for n in range(10_000) if bucket_of(token := f"AIDA{n}") == bucket_of(ALICE))
    full.run(lambda tx: tx.put_grant(make_grant("9" * 64, other)))
    assert [grant.grant_id for grant in full.grants_of(REALM, K1, other)] == ["9" * 64]
    assert [grant.grant_id for grant in full.grants_of(REALM, K1, ALICE)] == [G2, G1]


def test_pages_of_grants_go_on_after_the_last_id(full: SqlStore) -> None:
    """In the order of the ids, as many as asked for, on the key alone."""
    assert [grant.grant_id for grant in full.grants(REALM, K1, "", 2)] == [G1, G2]
    assert [grant.grant_id for grant in full.grants(REALM, K1, G2, 2)] == [G3]
    assert full.grants(REALM, K2, "", 2) == []


def test_retirable_grants_are_of_all_accounts_in_a_region(full: SqlStore) -> None:
    """Those that name the retiring principal, whichever account's key they are on, page by page."""
    foreign = Realm(OTHER_ACCOUNT, REALM.region)
    own = replace(RICH_GRANT, grant_id="4" * 64, key_id=K2)
    theirs = replace(RICH_GRANT, grant_id="5" * 64, realm=foreign)
    full.run(lambda tx: tx.insert_key(make_stored(K1, foreign)))
    full.run(lambda tx: tx.put_grant(theirs))
    full.run(lambda tx: tx.put_grant(own))
    assert full.retirable_grants(REALM.region, "AIDARETIRING", "", 10) == [RICH_GRANT, own, theirs]
    assert full.retirable_grants(REALM.region, "AIDARETIRING", G3, 1) == [own]
    assert full.retirable_grants(OTHER_REALM.region, "AIDARETIRING", "", 10) == []
    assert full.retirable_grants(REALM.region, ALICE, "", 10) == []


def test_a_key_knows_how_many_grants_it_has(full: SqlStore, path: Path) -> None:
    """Each that comes or goes counts; with the last one the index goes, too."""
    assert (full.grant_count(REALM, K1), full.grant_count(REALM, K2)) == (3, 0)
    for left, grant in enumerate((RICH_GRANT, make_grant(G1), make_grant(G2))):
        full.run(lambda tx, grant=grant: tx.delete_grant(grant))  # type: ignore[misc]
        assert full.grant_count(REALM, K1) == 2 - left
    with outsider(path) as connection:
        assert rows(connection, "grant_index") == []
    assert full.grants_of(REALM, K1, ALICE) == ()
    assert full.key(REALM, K1) is not None
    full.check()


def test_a_revoked_grant_can_be_given_again(full: SqlStore) -> None:
    """After the last grant of a key went, another comes as the first did."""
    full.run(lambda tx: tx.put_grant(make_grant("9" * 64, key_id=K2)))
    full.run(lambda tx: tx.delete_grant(make_grant("9" * 64, key_id=K2)))
    full.run(lambda tx: tx.put_grant(make_grant("9" * 64, key_id=K2)))
    assert full.grants_of(REALM, K2, ALICE) == (make_grant("9" * 64, key_id=K2),)


def test_a_grant_is_given_once(full: SqlStore) -> None:
    """An id that is taken is refused, and one that is not there cannot be removed."""
    with pytest.raises(StoreUnavailableError):
        full.run(lambda tx: tx.put_grant(make_grant(G1)))
    with pytest.raises(TamperedStoreError, match="missing"):
        full.run(lambda tx: tx.delete_grant(make_grant("9" * 64)))
    assert len(full.grants_of(REALM, K1, ALICE)) == 2


def test_grants_leave_the_cached_key_as_it_is(full: SqlStore) -> None:
    """A key that was read before a grant came is equal to the one read after it: caches need not drop it."""
    before = full.key(REALM, K1)
    full.run(lambda tx: tx.put_grant(make_grant("9" * 64)))
    assert full.key(REALM, K1) == before


def test_a_use_of_one_grant_reads_its_bucket_alone(tmp_path: Path) -> None:
    """Of 2,000 grants on a key: the key's row, the index, and the grants of one bucket; a key's own load reads none."""
    new_store(tmp_path).close()
    seal = CountingSeal()
    with closing(open_store(tmp_path / "strongroom.db", seal, no_veto)) as store:
        store.run(populate)
        bare = seal.spent(lambda: store.key(REALM, K2))
        put_many(store, 0, 2_000)
        size = sum(bucket_of(f"AIDA{number}") == bucket_of("AIDA7") for number in range(2_000))
        assert seal.spent(lambda: store.grants_of(REALM, K2, "AIDA7")) == (2 + size, 3 + size)
        assert seal.spent(lambda: store.grant(REALM, K2, grant_id(7))) == (3 + size, 3 + size)
        assert seal.spent(lambda: store.key(REALM, K2)) == (bare[0], bare[1] + 1)


def test_writes_of_grants_cost_the_same_however_many_there_are(tmp_path: Path) -> None:
    """The tenth grant of a key and the thousandth: as many rows and members, to give and to revoke."""
    new_store(tmp_path).close()
    seal = CountingSeal()
    with closing(open_store(tmp_path / "strongroom.db", seal, no_veto)) as store:
        store.run(populate)

        def revoke(number: int) -> None:
            store.run(lambda tx: tx.delete_grant(make_grant(grant_id(number), f"AIDA{number}", key_id=K2)))

        put_many(store, 0, 10)
        few = seal.spent(lambda: put_many(store, 10, 11)), seal.spent(lambda: revoke(3))
        put_many(store, 11, 1_000)
        assert (seal.spent(lambda: put_many(store, 1_000, 1_001)), seal.spent(lambda: revoke(4))) == few


def test_the_end_of_a_key_does_not_go_grant_by_grant(tmp_path: Path) -> None:
    """Deleting a key checks and seals as many rows with 1,000 grants as with none."""
    new_store(tmp_path).close()
    seal = CountingSeal()
    with closing(open_store(tmp_path / "strongroom.db", seal, no_veto)) as store:
        for key_id in (K1, K2, K3):
            store.run(lambda tx, key_id=key_id: tx.insert_key(make_stored(key_id)))  # type: ignore[misc]
        put_many(store, 0, 1_000)
        store.run(lambda tx: tx.delete_key(make_key(K1), 1.0))  # the first of all costs a row more
        without = seal.spent(lambda: store.run(lambda tx: tx.delete_key(make_key(K3), 1.0)))
        assert seal.spent(lambda: store.run(lambda tx: tx.delete_key(make_key(K2), 1.0))) == without
        assert store.grants(REALM, K2, "", 10) == []
        store.check()


@given(
    st.dictionaries(st.integers(0, 65_535), st.tuples(st.integers(1, 2**32 - 1), st.binary(min_size=48, max_size=48)))
)
def test_an_index_is_read_back(entries: dict[int, tuple[int, bytes]]) -> None:
    """What is packed is unpacked, and equal indexes are equal bytes."""
    buckets = {number: Bucket(size, (data[:16], data[16:])) for number, (size, data) in entries.items()}
    assert unpack(pack(buckets)) == buckets
    assert pack(dict(reversed(buckets.items()))) == pack(buckets)
