"""The writer: batches, savepoints, refusals, and what its connections are set to."""

import logging
import sqlite3
import stat
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import pytest

from strongroom.model.policy import BoundPolicy
from strongroom.ports import AuditUnavailableError, Store, StoreUnavailableError, TamperedStoreError
from strongroom.storage.store import SqlStore
from strongroom.storage.transaction import SqlTransaction
from strongroom.storage.writer import MAX_BATCH
from tests.storage.support import (
    AK1,
    ALIAS,
    DENY,
    G1,
    K1,
    K2,
    LATER,
    OTHER_REALM,
    REALM,
    disabled,
    make_alias,
    make_credential,
    make_grant,
    make_key,
    make_stored,
    make_user,
    new_store,
    outsider,
    populate,
)

Work = Callable[[SqlTransaction], Any]

# Keys that ``populate`` does not make.
A = "aaaaaaaa-0000-4000-8000-000000000000"
B = "bbbbbbbb-0000-4000-8000-000000000000"


def together(store: SqlStore, *works: Work) -> list[Any]:
    """Run works as the writer's next batches: it is held until all are queued. Their outcomes, in order."""
    release, held = threading.Event(), threading.Event()

    def hold(_tx: SqlTransaction) -> None:
        held.set()
        release.wait()

    outcomes: SimpleQueue[tuple[int, Any]] = SimpleQueue()
    store.submit(hold, lambda _outcome: None)
    held.wait()
    for number, work in enumerate(works):
        store.submit(work, lambda outcome, number=number: outcomes.put((number, outcome)))  # type: ignore[misc]
    release.set()
    return [outcome for _, outcome in sorted((outcomes.get() for _ in works), key=lambda pair: pair[0])]


def inserting(key_id: str) -> Work:
    """A job that adds a key."""
    return lambda tx: tx.insert_key(make_stored(key_id))


def failing(tx: SqlTransaction) -> None:
    """A job that writes everywhere, then fails."""
    populate(tx)
    raise LookupError("after all that")


def test_satisfies_the_port(store: SqlStore) -> None:
    """A SqlStore is a ports.Store, in the type checker's eyes too."""
    port: Store = store
    assert port.changes() == []


def test_what_is_written_is_read_back(full: SqlStore) -> None:
    """All that is put comes back equal, sorted as the port says, in its own realm only."""
    stored = full.key(REALM, K1)
    assert stored is not None
    assert stored.key == make_key(K1)
    assert list(stored.tags.items()) == [("env", "prod"), ("team", "red")]
    assert stored.policies == {"default": BoundPolicy(f'{{"Id":"{K1}"}}'), "extra": DENY}
    assert stored.aliases == (make_alias(ALIAS, K1), make_alias("alias/spare", K1))
    first, later = stored.materials.values()
    assert (first.created_at, first.number, first.present) == (1_700_000_000.25, 1, True)
    assert later == LATER
    assert full.key(OTHER_REALM, K1) is None
    assert full.alias(REALM, ALIAS) == make_alias(ALIAS, K1)
    assert full.alias(OTHER_REALM, ALIAS) is None
    assert full.credential(AK1) == make_credential(AK1)
    assert full.credential("AKIANONE") is None
    assert full.read_meta("mode") == "production"
    assert full.outbox(10) == [("event-1", b"payload 1")]
    assert [head.sequence for head in full.audit_heads()] == [10]


def test_pages_go_on_after_the_last_name(full: SqlStore) -> None:
    """Pages of ids and aliases are in order, end where asked, and stay in the realm."""
    assert full.key_ids(REALM, "", 1) == [K1]
    assert full.key_ids(REALM, K1, 10) == [K2]
    assert full.key_ids(REALM, K2, 10) == []
    assert [alias.name for alias in full.aliases(REALM, "", 1)] == [ALIAS]
    assert [alias.name for alias in full.aliases(REALM, ALIAS, 10)] == ["alias/spare"]


def test_a_transaction_sees_its_own_writes(store: SqlStore) -> None:
    """Inside a job, reads give what the job has just written."""

    def work(tx: SqlTransaction) -> tuple[Any, Any]:
        tx.insert_key(make_stored(K1, tags={"a": "1"}))
        tx.update_key(disabled(make_key(K1)))
        tx.put_alias(make_alias(ALIAS, K1))
        return tx.key(REALM, K1), tx.alias(REALM, ALIAS)

    stored, alias = store.run(work)
    assert stored.key == disabled(make_key(K1))
    assert stored.aliases == (alias,)
    assert store.key(REALM, K1) == stored


def test_a_failing_job_leaves_no_trace_and_harms_no_other(tmp_path: Path) -> None:
    """Of three jobs in one commit the middle one fails: it gets its own exception, the others are there."""
    commits: list[int] = []
    store = new_store(tmp_path, lambda: commits.append(1))
    outcomes = together(store, inserting(A), failing, inserting(B))
    assert outcomes[0] is None
    assert isinstance(outcomes[1], LookupError)
    assert outcomes[2] is None
    assert len(commits) == 1
    assert store.key_ids(REALM, "", 10) == [A, B]
    assert store.key_ids(OTHER_REALM, "", 10) == []
    assert store.aliases(REALM, "", 10) == []
    assert store.credential(AK1) is None
    assert store.outbox(10) == []
    assert {change.name for change in store.changes() or []} == {A, B}
    store.check()
    store.close()


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, MemoryError])
def test_no_exception_of_a_job_ends_the_writer(store: SqlStore, error: type[BaseException]) -> None:
    """Even what would end a program only reaches the one who asked."""

    def work(_tx: SqlTransaction) -> None:
        raise error

    with pytest.raises(error):
        store.run(work)
    store.run(inserting(K1))
    assert store.key_ids(REALM, "", 10) == [K1]


def test_a_failing_listener_harms_nobody(store: SqlStore, caplog: pytest.LogCaptureFixture) -> None:
    """A ``done`` that raises is logged, and the writer goes on."""

    def bad(_outcome: object) -> None:
        raise ZeroDivisionError

    store.submit(inserting(K1), bad)
    with caplog.at_level(logging.CRITICAL):
        store.run(inserting(K2))
    assert store.key_ids(REALM, "", 10) == [K1, K2]


def test_a_veto_undoes_the_whole_batch(tmp_path: Path) -> None:
    """Where ``before_commit`` raises, every job of the batch gets that, nothing is written, and later jobs work."""
    veto = [AuditUnavailableError("no spool")]

    def before_commit() -> None:
        if veto:
            raise veto[0]

    store = new_store(tmp_path, before_commit)
    assert together(store, inserting(A), failing, inserting(B)) == [veto[0]] * 3
    assert store.key_ids(REALM, "", 10) == []
    assert store.changes() == []
    veto.clear()
    store.run(inserting(A))
    assert store.key_ids(REALM, "", 10) == [A]
    store.check()
    store.close()


def test_reading_jobs_ask_nobody_and_commit_nothing(tmp_path: Path) -> None:
    """A batch that wrote nothing needs no audit, and is no change."""
    store = new_store(tmp_path, lambda: pytest.fail("asked"))
    assert store.run(lambda tx: tx.key(REALM, K1)) is None
    assert store.changes() == []
    store.close()


def test_a_batch_is_bounded(tmp_path: Path) -> None:
    """However many jobs wait, a commit takes no more than the bound."""
    commits: list[int] = []
    store = new_store(tmp_path, lambda: commits.append(1))
    works = [lambda tx, n=n: tx.put_meta(f"n{n}", "x") for n in range(2 * MAX_BATCH + 1)]
    assert together(store, *works) == [None] * len(works)
    assert len(commits) == 3
    store.close()


def test_each_job_reads_what_the_one_before_wrote(store: SqlStore) -> None:
    """Jobs of one batch see each other's writes in the order in which they were queued."""

    def add(tx: SqlTransaction) -> int:
        number = int(tx.read_meta("n") or "0") + 1
        tx.put_meta("n", str(number))
        return number

    assert together(store, *[add] * 100) == list(range(1, 101))
    store.check()


def test_closing_finishes_the_queue(tmp_path: Path) -> None:
    """What was queued before ``close`` is on the disk after it; what comes later is refused."""
    store = new_store(tmp_path)
    answers: list[object] = []
    for number in range(150):
        store.submit(lambda tx, n=number: tx.put_meta(f"n{n}", "x"), answers.append)  # type: ignore[misc]
    store.close()
    assert answers == [None] * 150
    with pytest.raises(StoreUnavailableError):
        store.submit(inserting(K1), answers.append)
    with outsider(tmp_path / "strongroom.db") as connection:
        assert connection.execute("SELECT count(*) FROM meta WHERE name LIKE 'n%'").fetchone() == (150,)


def test_a_key_that_exists_is_not_made_again(full: SqlStore) -> None:
    """Inserting an existing key fails as an error of ours that shows no values, and the key stays as it is."""
    before = full.key(REALM, K1)
    with pytest.raises(StoreUnavailableError) as caught:
        full.run(inserting(K1))
    assert "sealed" not in str(caught.value)
    assert K1 not in str(caught.value)
    assert full.key(REALM, K1) == before
    full.check()


@pytest.mark.parametrize(
    "work",
    {
        "policy": lambda tx: tx.put_policy(make_key(K1), "default", DENY),
        "tag": lambda tx: tx.put_tags(make_key(K1), {"a": "b"}),
        "key": lambda tx: tx.update_key(make_key(K1)),
        "alias": lambda tx: tx.put_alias(make_alias(ALIAS, K1)),
        "credential of an account": lambda tx: tx.put_credential(make_credential(AK1, account="000000000000")),
        "credential of a user": lambda tx: tx.put_credential(make_credential(AK1, owner=make_user("none"))),
        "user": lambda tx: tx.put_principal(make_user("alice", "000000000000")),
        "user's policy": lambda tx: tx.put_principal_policy(make_user("none"), "may", "{}"),
        "grant": lambda tx: tx.put_grant(make_grant(G1)),
    }.items(),
    ids=lambda case: case[0],
)
def test_nothing_hangs_on_a_missing_parent(store: SqlStore, work: tuple[str, Work]) -> None:
    """A child of a key, an account or a principal that is not there is refused."""
    with pytest.raises(TamperedStoreError, match="missing"):
        store.run(work[1])
    store.check()


def test_deleting_what_is_not_there_is_no_change(full: SqlStore) -> None:
    """Removing absent tags or aliases, and putting no tags, writes nothing."""
    full.run(lambda tx: tx.delete_tags(make_key(K2), ("none", "none")))
    full.run(lambda tx: tx.delete_alias(make_alias("alias/none", K2)))
    full.run(lambda tx: tx.put_tags(make_key(K2), {}))
    full.run(lambda tx: tx.put_account(REALM.account, 5.0))
    assert full.changes() == []


def test_an_alias_leaves_the_key_that_it_is_on(full: SqlStore) -> None:
    """Removing an alias counts for the key that the row names, whatever the caller believes."""
    full.run(lambda tx: tx.delete_alias(make_alias(ALIAS, K2)))
    stored = full.key(REALM, K1)
    assert stored is not None
    assert [alias.name for alias in stored.aliases] == ["alias/spare"]
    assert full.key(REALM, K2) is not None


def test_a_tag_named_twice_is_removed_once(full: SqlStore) -> None:
    """A repeated tag key in one removal takes nothing more away."""
    full.run(lambda tx: tx.delete_tags(make_key(K1), ("env", "env")))
    stored = full.key(REALM, K1)
    assert stored is not None
    assert stored.tags == {"team": "red"}


def test_nobody_writes_between_a_jobs_reads_and_writes(full: SqlStore, path: Path) -> None:
    """From its first read on, a job's transaction keeps everybody else from writing."""

    def work(tx: SqlTransaction) -> None:
        tx.key(REALM, K1)
        with closing(sqlite3.connect(path, timeout=0)) as connection:
            connection.execute("DELETE FROM policies")

    with pytest.raises(sqlite3.OperationalError, match="locked"):
        full.run(work)


def pragmas(database: Any) -> dict[str, Any]:
    """Settings of a connection."""
    driver = database.connection.connection.dbapi_connection
    names = ("journal_mode", "synchronous", "trusted_schema", "cell_size_check", "query_only")
    return {name: driver.execute(f"PRAGMA {name}").fetchone()[0] for name in names}


def test_the_writer_syncs_every_commit(tmp_path: Path) -> None:
    """The writer's connection has WAL and synchronous=FULL, and so has the one that follows a failure."""
    refuse = [False]

    def before_commit() -> None:
        if refuse.pop():
            raise AuditUnavailableError

    store = new_store(tmp_path, before_commit)
    expected = {"journal_mode": "wal", "synchronous": 2, "trusted_schema": 0, "cell_size_check": 1, "query_only": 0}
    assert store.run(lambda tx: pragmas(tx._database)) == expected
    refuse.append(True)
    with pytest.raises(AuditUnavailableError):
        store.run(inserting(K1))
    assert store.run(lambda tx: pragmas(tx._database)) == expected
    assert pragmas(store._database) == expected | {"query_only": 1}
    store.close()


def test_files_are_the_owners_alone(tmp_path: Path) -> None:
    """Database, log, index and lock files have mode 0600, their folder 0700."""
    folder = tmp_path / "data"
    store = new_store(folder)
    store.run(inserting(K1))
    files = {file.name: stat.S_IMODE(file.stat().st_mode) for file in folder.iterdir()}
    assert files == {f"strongroom.db{end}": 0o600 for end in ("", "-wal", "-shm", "-lock", "-turn")}
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    store.close()
