"""The look at the index of the write-ahead log: it sees every commit, and costs SQLite none of its locks."""

import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from strongroom.storage import sqlite
from strongroom.storage.sqlite import Probe, WalIndex
from strongroom.storage.store import SqlStore, open_store
from tests.storage.support import K1, HmacSeal, make_key, no_veto, outsider

# SQLite's "WAL-mode File Format", section 2.3.1: held, shared, by every process that is connected.
DEAD_MAN_SWITCH = 128


def index_of(path: Path) -> Path:
    """The index's file."""
    return path.with_name(f"{path.name}-shm")


def reopen(path: Path) -> SqlStore:
    """Another store on the same database, in this process."""
    return open_store(path, HmacSeal(), no_veto)


def blind(store: SqlStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """From now on the store must not ask SQLite whether anybody has committed."""
    monkeypatch.setattr(store, "_probe", lambda: pytest.fail("asked by a statement"))


def test_no_statement_runs_when_nobody_wrote(full: SqlStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """The bytes are as they were, and that is the answer."""
    blind(full, monkeypatch)
    assert [full.changes() for _ in range(3)] == [[], [], []]


def test_every_commit_changes_the_header(full: SqlStore, path: Path) -> None:
    """Own commits, those of another store and those of strangers, each of them."""
    headers = {full._index.header()}
    with closing(reopen(path)) as sibling:
        for number in range(20):
            for store in (full, sibling):
                store.run(lambda tx: tx.update_key(make_key(K1)))
                headers.add(full._index.header())
            with outsider(path) as connection:
                connection.execute(f"CREATE TABLE t{number} (a)")
            headers.add(full._index.header())
    assert None not in headers
    assert len(headers) == 61


def test_a_commit_after_a_checkpoint_is_seen(full: SqlStore, path: Path) -> None:
    """The log begins anew where all of it was moved into the database; the next commit is seen all the same."""
    for number in range(3):
        with outsider(path) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        full.changes()
        with outsider(path) as connection:
            connection.execute(f"CREATE TABLE t{number} (a)")
        assert full.changes() is None


def test_bytes_read_half_written_are_looked_at_again(full: SqlStore) -> None:
    """Whatever differs from the last look is asked about, and what was read is remembered only if nothing is new."""
    full._header = b"half" * 12
    assert full.changes() == []
    assert full._header == full._index.header()


@pytest.mark.parametrize("case", ["another version", "no index"])
def test_without_an_index_that_is_known_each_look_is_a_statement(
    full: SqlStore, path: Path, monkeypatch: pytest.MonkeyPatch, case: str
) -> None:
    """A future SQLite, or a database without shared memory, costs speed and nothing else."""
    if case == "another version":
        monkeypatch.setattr(sqlite, "_INDEX_VERSION", b"????")
    else:
        monkeypatch.setattr(full, "_index", WalIndex(path.with_name("elsewhere")))
    asked: list[int] = []
    probe = full._probe

    def counted() -> int:
        asked.append(probe())
        return asked[-1]

    monkeypatch.setattr(full, "_probe", counted)
    assert (full.changes(), full.changes(), len(asked)) == ([], [], 2)
    with outsider(path) as connection:
        connection.execute("CREATE TABLE t (a)")
    assert full.changes() is None


def is_locked(path: Path) -> bool:
    """Whether a process holds the dead man's switch of an index, as another process finds it."""
    code = (
        "import fcntl, sys\n"
        "with open(sys.argv[1], 'r+b') as file:\n"
        "    try:\n"
        f"        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, {DEAD_MAN_SWITCH})\n"
        "    except OSError:\n"
        "        sys.exit(1)\n"
    )
    return subprocess.run([sys.executable, "-c", code, index_of(path)], check=False).returncode == 1


def test_closing_a_store_takes_no_lock_from_another(full: SqlStore, path: Path) -> None:
    """Two stores of one process on one database: SQLite's locks last as long as either is open."""
    second = reopen(path)
    assert is_locked(path)
    second.close()
    assert is_locked(path)
    with closing(reopen(path)) as third:
        third.run(lambda tx: tx.update_key(make_key(K1)))
        assert full.changes()
    assert is_locked(path)
    full.close()
    assert not index_of(path).exists() or not is_locked(path)
    assert index_of(path) not in WalIndex._shared


def test_the_header_is_what_sqlite_itself_compares(full: SqlStore, path: Path) -> None:
    """Header and ``PRAGMA data_version`` change together: neither sees a commit that the other does not."""
    probe = Probe(full._database)
    seen = probe(), full._index.header()
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for statement in ("CREATE TABLE t (a)", "SELECT * FROM t", "INSERT INTO t VALUES (1)", "BEGIN", "ROLLBACK"):
            connection.execute(statement).fetchall()
            now = probe(), full._index.header()
            assert (now[0] == seen[0]) == (now[1] == seen[1]), statement
            seen = now


def test_an_index_that_is_too_short_is_not_opened(path: Path) -> None:
    """Nothing is mapped, and no descriptor is opened that must not be closed."""
    index_of(path).write_bytes(b"short")
    index = WalIndex(path)
    assert index.header() is None
    assert index_of(path) not in WalIndex._shared
    index.close()
