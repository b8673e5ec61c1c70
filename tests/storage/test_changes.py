"""The change log: what a process learns of others' commits, and of those that are none of this service's."""

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from strongroom.ports import Change, StoreUnavailableError, TamperedStoreError
from strongroom.storage import changes as change_log
from strongroom.storage.sqlite import open_database
from strongroom.storage.store import SqlStore, open_store
from strongroom.storage.transaction import SqlTransaction
from tests.storage.support import (
    ACCOUNT,
    AK1,
    AK2,
    ALIAS,
    ALICE,
    BOB,
    DENY,
    G1,
    K1,
    K2,
    OTHER_REALM,
    REALM,
    HmacSeal,
    disabled,
    make_alias,
    make_credential,
    make_grant,
    make_key,
    make_stored,
    make_user,
    no_veto,
    outsider,
    put_back,
    rows,
)

KEY1, KEY2 = Change("key", *REALM, K1), Change("key", *REALM, K2)
THE_ALIAS = Change("alias", *REALM, ALIAS)
THE_ACCESS_KEY = Change("credential", ACCOUNT, "", AK1)
THE_ROOT, THE_USER = Change("principal", ACCOUNT, "", "root "), Change("principal", ACCOUNT, "", "user alice")

SAID: dict[str, tuple[Callable[[SqlTransaction], Any], set[Change]]] = {
    "insert_key": (lambda tx: tx.insert_key(make_stored("9", OTHER_REALM)), {Change("key", *OTHER_REALM, "9")}),
    "update_key": (lambda tx: tx.update_key(disabled(make_key(K1))), {KEY1}),
    "put_policy": (lambda tx: tx.put_policy(make_key(K1), "default", DENY), {KEY1}),
    "put_tags": (lambda tx: tx.put_tags(make_key(K1), {"a": "b"}), {KEY1}),
    "delete_tags": (lambda tx: tx.delete_tags(make_key(K1), ("env",)), {KEY1}),
    "put_alias, new": (lambda tx: tx.put_alias(make_alias("alias/n", K2)), {KEY2, Change("alias", *REALM, "alias/n")}),
    "put_alias, moved": (lambda tx: tx.put_alias(make_alias(ALIAS, K2)), {KEY1, KEY2, THE_ALIAS}),
    "delete_alias": (lambda tx: tx.delete_alias(make_alias(ALIAS, K1)), {KEY1, THE_ALIAS}),
    "put_credential": (
        lambda tx: tx.put_credential(make_credential(AK1)),
        {THE_ACCESS_KEY, THE_ROOT},
    ),
    "put_credential, moved": (
        lambda tx: tx.put_credential(make_credential(AK1, owner=make_user("alice"))),
        {THE_ACCESS_KEY, THE_ROOT, THE_USER},
    ),
    "delete_credential": (
        lambda tx: tx.delete_credential(make_credential(AK2)),
        {Change("credential", ACCOUNT, "", AK2), THE_USER},
    ),
    "put_principal": (lambda tx: tx.put_principal(make_user("alice")), {THE_USER}),
    "delete_principal": (
        lambda tx: tx.delete_principal(make_user("alice")),
        {Change("credential", ACCOUNT, "", AK2), THE_USER},
    ),
    "put_principal_policy": (lambda tx: tx.put_principal_policy(make_user("alice"), "may", "{}"), {THE_USER}),
    "delete_principal_policy": (lambda tx: tx.delete_principal_policy(make_user("alice"), "may"), {THE_USER}),
    "put_grant": (
        lambda tx: tx.put_grant(make_grant("9" * 64, BOB)),
        {Change("grants", *REALM, f"{K1} {BOB}")},
    ),
    "delete_grant": (lambda tx: tx.delete_grant(make_grant(G1)), {Change("grants", *REALM, f"{K1} {ALICE}")}),
    "add_record": (lambda tx: tx.add_record("event-9", b"x"), set()),
    "put_meta": (lambda tx: tx.put_meta("a", "b"), set()),
    "put_account": (
        lambda tx: tx.put_account("000000000001", 1.0),
        {Change("principal", "000000000001", "", "root ")},
    ),
}


@pytest.fixture
def sibling(full: SqlStore, path: Path) -> Iterator[SqlStore]:
    """Another process's view of the same file, up to date."""
    assert full.changes() == []
    with closing(open_store(path, HmacSeal(), no_veto)) as opened:
        yield opened


@pytest.mark.parametrize("case", SAID.values(), ids=SAID.keys())
def test_every_write_says_what_leaves_the_caches(
    full: SqlStore, sibling: SqlStore, case: tuple[Callable[[SqlTransaction], Any], set[Change]]
) -> None:
    """Both the writing process and another one learn exactly what changed, once."""
    work, expected = case
    full.run(work)
    for store in (full, sibling):
        assert set(store.changes() or []) == expected
        assert store.changes() == []


def test_the_probe_alone_answers_when_nobody_wrote(full: SqlStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """With nothing new, no snapshot is taken and no statement of SQLAlchemy runs."""
    full.key(REALM, K1)
    monkeypatch.setattr(full._database, "connection", None, raising=True)
    assert full.changes() == []


def test_a_commit_between_probe_and_reading_is_no_stranger(full: SqlStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """A commit of ours that falls between the probe and the reading of the log does not look foreign afterwards."""
    inner = full._probe

    class Racing:
        """Lets another commit in right after the first probe."""

        raced = False

        def __call__(self) -> int:
            number = inner()
            if not self.raced:
                self.raced = True
                full.run(lambda tx: tx.update_key(make_key(K2)))
            return number

    full.run(lambda tx: tx.update_key(make_key(K1)))
    monkeypatch.setattr(full, "_probe", Racing())
    monkeypatch.setattr("strongroom.storage.store.check", lambda _rows: pytest.fail("took it for a foreign commit"))
    assert full.changes() == [KEY1, KEY2]
    assert full.changes() == []


def test_harmless_foreign_writes_empty_the_caches(full: SqlStore, path: Path) -> None:
    """A foreign commit that changed no row is told as "anything may have changed", once."""
    with outsider(path) as connection:
        connection.execute("CREATE TABLE notes (text)")
    assert full.changes() is None
    assert full.changes() == []


def test_a_checkpoint_by_another_connection_is_no_change(full: SqlStore, path: Path) -> None:
    """Moving the write-ahead log into the database, as our writers do, costs no check."""
    with outsider(path) as connection:
        busy, frames, moved = connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
    assert (busy, frames) == (0, moved)
    assert full.changes() == []


def test_a_store_that_does_not_check_stays_refused(full: SqlStore, path: Path) -> None:
    """After a foreign edit every ``changes`` raises, own writes do not hide it, and putting it right ends it."""
    with outsider(path) as connection:
        old = rows(connection, "realms")
        connection.execute("DELETE FROM realms WHERE account = ?", (OTHER_REALM.account,))
    for _ in range(2):
        with pytest.raises(TamperedStoreError, match=r"^registry\b"):
            full.changes()
    full.run(lambda tx: tx.add_record("event-9", b"x"))
    for _ in range(2):
        with pytest.raises(TamperedStoreError, match=r"^registry\b"):
            full.changes()
    with outsider(path) as connection:
        put_back(connection, "realms", old)
    assert full.changes() is None
    assert full.changes() == []


LOG_EDITS: dict[str, str] = {
    "an entry made up": (
        "INSERT INTO change_log SELECT seq + 1, kind, account, region, name, mac, mac FROM change_log "
        "ORDER BY seq DESC LIMIT 1"
    ),
    "an entry made harmless": (
        "UPDATE change_log SET kind = 'none', name = '' WHERE seq = (SELECT max(seq) FROM change_log)"
    ),
    "an entry taken out": "DELETE FROM change_log WHERE seq = (SELECT max(seq) - 1 FROM change_log)",
    "the last one seen taken out": "DELETE FROM change_log WHERE seq = (SELECT max(seq) - 2 FROM change_log)",
    "entries that were seen, and later ones, deleted": "DELETE FROM change_log WHERE seq > 1",
    "an entry moved": "UPDATE change_log SET seq = seq + 1 WHERE seq = (SELECT max(seq) FROM change_log)",
}


@pytest.mark.parametrize("sql", LOG_EDITS.values(), ids=LOG_EDITS.keys())
def test_an_edit_of_the_log_is_found(full: SqlStore, path: Path, sql: str) -> None:
    """Who edits entries that have not been read yet cannot hide a change from a running process."""
    full.run(lambda tx: tx.update_key(disabled(make_key(K1))))
    full.run(lambda tx: tx.update_key(disabled(make_key(K2))))
    with outsider(path) as connection:
        connection.execute(sql)
    for _ in range(2):
        with pytest.raises(TamperedStoreError, match=r"^change_log\b"):
            full.changes()


def test_unread_entries_at_the_end_deleted_are_no_hiding_place(full: SqlStore, path: Path) -> None:
    """Where all that is new was deleted, a process forgets everything, and so serves nothing stale."""
    full.run(lambda tx: tx.update_key(disabled(make_key(K1))))
    with outsider(path) as connection:
        connection.execute("DELETE FROM change_log WHERE seq = (SELECT max(seq) FROM change_log)")
    assert full.changes() is None


def test_a_rewritten_past_is_found(full: SqlStore, sibling: SqlStore, path: Path) -> None:
    """Entries that the service itself made after its log was cut do not pass for those that had the same numbers."""
    full.run(lambda tx: tx.update_key(disabled(make_key(K1))))
    assert full.changes() == [KEY1]
    with outsider(path) as connection:
        connection.execute("DELETE FROM change_log WHERE seq = (SELECT max(seq) FROM change_log)")
    sibling.run(lambda tx: tx.update_key(disabled(make_key(K2))))
    with pytest.raises(TamperedStoreError, match=r"^change_log\b"):
        full.changes()


def test_a_forgotten_entry_in_another_ones_place_is_found(full: SqlStore, sibling: SqlStore, path: Path) -> None:
    """An entry of a past that was cut off does not fit before what was written instead."""
    full.run(lambda tx: tx.update_key(disabled(make_key(K2))))
    with outsider(path) as connection:
        old = rows(connection, "change_log")
        connection.execute("DELETE FROM change_log WHERE seq = (SELECT max(seq) FROM change_log)")
    for _ in range(2):
        sibling.run(lambda tx: tx.update_key(disabled(make_key(K1))))
    with outsider(path) as connection:
        put_back(connection, "change_log", [*old, rows(connection, "change_log")[-1]])
    with pytest.raises(TamperedStoreError, match=r"^change_log\b"):
        full.changes()


def test_the_whole_database_put_back_is_noticed_while_it_is_open(full: SqlStore, path: Path) -> None:
    """All rows as they were earlier check in themselves; but a running process remembers where the log was."""
    with outsider(path) as connection:
        tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        old = {table: rows(connection, table) for table in tables}
    full.run(lambda tx: tx.update_key(disabled(make_key(K1))))
    assert full.changes() == [KEY1]
    with outsider(path) as connection:
        for table in tables:
            put_back(connection, table, old[table])
    full.check()
    with pytest.raises(TamperedStoreError, match=r"^change_log\b"):
        full.changes()


def test_who_is_far_behind_forgets_everything(full: SqlStore, sibling: SqlStore) -> None:
    """More entries than are read at once are told as "anything may have changed"; then the log is followed again."""

    def many(tx: SqlTransaction) -> None:
        for number in range(change_log.MAX_BEHIND):
            tx.insert_key(make_stored(f"{number:08}"))

    full.run(many)
    assert sibling.changes() is None
    full.run(lambda tx: tx.update_key(make_key(K1)))
    assert sibling.changes() == [KEY1]


def test_the_log_is_pruned_and_who_lost_their_place_forgets_everything(
    full: SqlStore, sibling: SqlStore, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The oldest entries go, the newest stay; a process whose place is gone is told so without a false alarm."""
    monkeypatch.setattr(change_log, "KEPT_ENTRIES", 40)
    monkeypatch.setattr(change_log, "PRUNE_EVERY", 10)
    for _ in range(60):
        full.run(lambda tx: tx.update_key(make_key(K1)))
    with outsider(path) as connection:
        assert connection.execute("SELECT count(*) BETWEEN 40 AND 50 FROM change_log").fetchone() == (1,)
    assert sibling.changes() is None
    full.run(lambda tx: tx.update_key(make_key(K2)))
    assert sibling.changes() == [KEY2]
    sibling.check()


def test_a_store_whose_log_is_forged_does_not_open(full: SqlStore, path: Path) -> None:
    """The place to begin from is checked before anything is served."""
    with outsider(path) as connection:
        connection.execute("UPDATE change_log SET mac = zeroblob(32)")
    with pytest.raises(TamperedStoreError, match=r"^change_log\b"):
        open_store(path, HmacSeal(), no_veto)
    assert full.key(REALM, K1) is not None


def test_an_edit_between_two_commits_of_ours_is_found_by_the_recheck(full: SqlStore, path: Path) -> None:
    """The log explains why the number moved, so a look finds nothing; the recheck does, and then every look says so."""
    full.recheck()
    with outsider(path) as connection:
        before = rows(connection, "keys")
    full.run(lambda tx: tx.update_key(disabled(make_key(K1))))
    with outsider(path) as connection:
        now = rows(connection, "keys")
        put_back(connection, "keys", before)
    assert full.changes() == [KEY1]
    with pytest.raises(TamperedStoreError, match="realms"):
        full.recheck()
    with pytest.raises(TamperedStoreError, match="realms"):
        full.changes()
    with outsider(path) as connection:
        put_back(connection, "keys", now)
    assert full.changes() is None
    full.recheck()
    assert full.changes() == []


def test_a_recheck_that_cannot_be_done_is_done_later(
    full: SqlStore, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is not forgotten, and nobody who saw no commit pays for one."""
    with outsider(path) as connection:
        before = rows(connection, "keys")
    full.run(lambda tx: tx.update_key(disabled(make_key(K1))))
    with outsider(path) as connection:
        put_back(connection, "keys", before)
    assert full.changes() == [KEY1]
    with monkeypatch.context() as broken:
        broken.setattr(full, "_aside", lambda: open_database(path.with_name("nowhere"), writing=False))
        with pytest.raises(StoreUnavailableError):
            full.recheck()
    with pytest.raises(TamperedStoreError):
        full.recheck()
    monkeypatch.setattr(full, "_aside", None)
    full.recheck()
