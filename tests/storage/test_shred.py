"""Nothing of destroyed material is in the files of a database afterwards, and nothing else is lost."""

import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import IO

import msgspec
import pytest

from strongroom.model.key import Material, StoredKey
from strongroom.ports import StoreUnavailableError
from strongroom.storage import shred as module
from strongroom.storage.shred import shred
from strongroom.storage.sqlite import BUSY_SECONDS, FileLock, open_database
from strongroom.storage.store import SqlStore, open_store
from strongroom.storage.transaction import SqlTransaction
from tests.storage.support import K1, REALM, HmacSeal, make_stored, new_store, no_veto, outsider, rows
from tests.storage.test_locks import _held
from tests.support import SOAK

ROOT = Path(__file__).parents[2]
PROGRAM = [sys.executable, "-m", "tests.storage.shred_child"]
SEEDS = range(40 if SOAK else 3)
NOW = 1_700_000_000.0


@contextmanager
def child(program: str, path: Path) -> Iterator[subprocess.Popen[str]]:
    """Start a program of ``shred_child.py``; it is killed with SIGKILL at the end of the block."""
    command = [*PROGRAM, program, str(path)]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def output(process: subprocess.Popen[str]) -> IO[str]:
    """What the process prints."""
    assert process.stdout is not None
    return process.stdout


def count_of(path: Path, needles: list[bytes]) -> int:
    """Of how many needles any 16 bytes are in the files of a database, as another process reads them."""
    listed = path.with_name("needles.txt")
    listed.write_text("\n".join(needle.hex() for needle in needles))
    command = [*PROGRAM, "search", str(path), str(listed)]
    return int(subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout)


def contents(path: Path) -> dict[str, list[tuple[object, ...]]]:
    """All rows of all tables."""
    with outsider(path) as connection:
        tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
        return {table: sorted(rows(connection, table)) for table in tables}


def material_of(store: SqlStore, key_id: str) -> Material:
    """The one material of a key."""
    stored = store.key(REALM, key_id)
    assert stored is not None
    return next(iter(stored.materials.values()))


class Undone(Exception):  # noqa: N818 - no error: a job that changes its mind
    """Raised by a job, so that its savepoint is rolled back."""


class Life:
    """A random life of a store: material of many sizes is made, replaced and destroyed, and some jobs are undone.

    Attributes:
        kept: The one material of each key that there is.
    """

    def __init__(self, seed: int) -> None:
        self.kept: dict[str, Material] = {}
        self._made: list[bytes] = []
        self._chance = random.Random(seed)  # noqa: S311 - a life, not keys

    def live(self, store: SqlStore, jobs: int) -> None:
        """Run jobs on a store."""
        for _ in range(jobs):
            before = dict(self.kept)
            try:
                store.run(self._job)
            except Undone:
                self.kept = before

    def destroyed(self) -> list[bytes]:
        """All that was ever written as material and belongs to no key now."""
        kept = {material.wrapped for material in self.kept.values()}
        return [wrapped for wrapped in self._made if wrapped not in kept]

    def _job(self, tx: SqlTransaction) -> None:
        for _ in range(self._chance.randrange(1, 20)):
            self._step(tx)
        if self._chance.random() < 0.15:
            raise Undone

    def _step(self, tx: SqlTransaction) -> None:
        action = self._chance.choice(("make", "make", "make", "replace", "delete", "empty"))
        if action == "make" or not self.kept:
            stored = make_stored(f"{self._chance.getrandbits(128):032x}")
            material = self._material(stored)
            tx.insert_key(msgspec.structs.replace(stored, materials={material.material_id: material}))
            self.kept[stored.key.key_id] = material
            return
        stored = make_stored(self._chance.choice(list(self.kept)))
        if action == "delete":
            tx.delete_key(stored.key, NOW)
            del self.kept[stored.key.key_id]
            return
        material = self._material(stored)
        if action == "empty":
            material = msgspec.structs.replace(material, wrapped=b"")
        tx.put_material(stored.key, material)
        self.kept[stored.key.key_id] = material

    def _material(self, stored: StoredKey) -> Material:
        size = self._chance.choice((60, 92, 121, 167, 1217, 2375, self._chance.randrange(60, 2600)))
        self._made.append(self._chance.randbytes(size))
        return Material(stored.key.material_id or "", self._made[-1], NOW)


@pytest.mark.soak
@pytest.mark.parametrize("seed", SEEDS)
def test_of_destroyed_material_nothing_is_left_and_of_all_else_everything(tmp_path: Path, seed: int) -> None:
    """After a random life, with readers in this and another process: no 16 bytes of it; rows and form as before."""
    path = tmp_path / "strongroom.db"
    with closing(new_store(tmp_path)) as store:
        life = Life(seed)
        life.live(store, 80)
        needles = life.destroyed()
        assert count_of(path, needles)
        before = contents(path)
        with child("read_for_ever", path) as reader:
            assert output(reader).readline() == "read\n"
            while not shred(path):
                pass
        assert count_of(path, needles) == 0
        assert contents(path) == before
        for key_id, material in life.kept.items():
            assert material_of(store, key_id) == material
        store.check()
    with outsider(path) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert connection.execute("PRAGMA page_size").fetchone() == (4096,)


def test_what_a_connection_without_secure_delete_left_goes_too(full: SqlStore, path: Path) -> None:
    """Bytes that stand in free pages and gaps of the database file, as another program would leave them, are gone."""
    needles = [os.urandom(1000) for _ in range(100)]
    with outsider(path) as connection:
        connection.execute("PRAGMA secure_delete=OFF")
        connection.execute("CREATE TABLE other (a)")
        connection.executemany("INSERT INTO other VALUES (?)", [(needle,) for needle in needles])
        connection.commit()
        connection.execute("DELETE FROM other")
        connection.commit()
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    assert count_of(path, needles) == 100
    assert shred(path)
    assert count_of(path, needles) == 0
    full.check()


@pytest.mark.parametrize("began", ["before the log was emptied", "after"])
def test_a_reader_of_an_older_state_makes_it_wait(full: SqlStore, path: Path, began: str) -> None:
    """It keeps what it sees, nothing is lost, the answer is False and soon there; once it ends, the answer is True."""
    needle = material_of(full, K1).wrapped
    if began == "after":
        with outsider(path) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    with closing(sqlite3.connect(path, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        seen = rows(reader, "materials")
        full.run(lambda tx: tx.delete_key(make_stored(K1).key, NOW))
        started = time.monotonic()
        assert not shred(path)
        assert time.monotonic() - started < BUSY_SECONDS
        assert rows(reader, "materials") == seen
        assert count_of(path, [needle])
        full.check()
        reader.execute("COMMIT")
        assert shred(path)
        assert count_of(path, [needle]) == 0
    assert full.key(REALM, K1) is None
    full.check()


def test_a_reader_who_comes_after_the_log_was_emptied_makes_it_wait(
    full: SqlStore, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the two looks at the log somebody begins to read: the copy stays in the log, and the answer is False."""
    needle = material_of(full, K1).wrapped
    full.run(lambda tx: tx.delete_key(make_stored(K1).key, NOW))
    with closing(sqlite3.connect(path, isolation_level=None)) as reader:

        def come(_: Path) -> None:
            reader.execute("BEGIN")
            rows(reader, "keys")

        with monkeypatch.context() as patch:
            patch.setattr(module, "_require_room", come)
            assert not shred(path)
        full.check()
        reader.execute("COMMIT")
    assert shred(path)
    assert count_of(path, [needle]) == 0
    full.check()


def test_somebody_elses_transaction_makes_it_wait(full: SqlStore, path: Path) -> None:
    """A tool that writes, past our locks, is no failure either."""
    with outsider(path) as tool:
        tool.execute("BEGIN IMMEDIATE")
        assert not shred(path)
    assert shred(path)
    full.check()


def test_it_takes_its_turn_among_the_writers(full: SqlStore, path: Path) -> None:
    """While a writer of ours is in its transaction, the shredding sleeps on the lock and then does its work."""
    answers: list[bool] = []
    waiting = threading.Thread(target=lambda: answers.append(shred(path)))
    with closing(FileLock(path)) as lock, closing(open_database(path, writing=True)) as database:
        turn = os.open(f"{path}-turn", os.O_RDWR)
        with lock:
            database.begin()
            waiting.start()
            while not _held(turn):
                assert waiting.is_alive()
            assert answers == []
            database.rollback()
        waiting.join()
        os.close(turn)
    assert answers == [True]
    full.check()


def test_a_crash_before_it_leaves_it_to_the_next_process(tmp_path: Path) -> None:
    """SIGKILL between the deletion and the shredding: whoever comes next needs to know no needles."""
    path = tmp_path / "strongroom.db"
    with closing(new_store(tmp_path)) as store:
        for stored in (make_stored(K1), *(make_stored(f"{number:032}") for number in range(50))):
            store.run(lambda tx, stored=stored: tx.insert_key(stored))  # type: ignore[misc]
        needle = material_of(store, K1).wrapped
    with child("delete", path) as deleter:
        assert output(deleter).readline() == "deleted\n"
    assert count_of(path, [needle])
    before = contents(path)
    assert shred(path)
    assert count_of(path, [needle]) == 0
    assert contents(path) == before
    assert len(before["materials"]) == 50


def test_one_that_is_cut_off_loses_nothing(tmp_path: Path) -> None:
    """SIGKILL in the middle of it, later each time: all rows are there, and the one that gets through does the work."""
    path = tmp_path / "strongroom.db"
    life = Life(7)
    with closing(new_store(tmp_path)) as store:
        life.live(store, 60)
    before = contents(path)
    codes: list[int] = []
    while not codes or codes[-1]:
        command = [*PROGRAM, "shred_and_die", str(path), str(4 ** len(codes))]
        codes.append(subprocess.run(command, cwd=ROOT, check=False, capture_output=True).returncode)
        assert contents(path) == before
    assert codes[:3] == [-signal.SIGKILL] * 3
    assert count_of(path, life.destroyed()) == 0
    with closing(open_store(path, HmacSeal(), no_veto)) as store:
        store.check()


def test_stores_read_and_write_meanwhile(tmp_path: Path) -> None:
    """Two processes write while a third shreds: no write is lost or refused, and no look at the changes raises."""
    path = tmp_path / "strongroom.db"
    store = new_store(tmp_path)
    stored = make_stored(K1)
    numbered = msgspec.structs.replace(stored, key=msgspec.structs.replace(stored.key, description="0"))
    store.run(lambda tx: tx.insert_key(numbered))
    count = 60
    command = [sys.executable, "-m", "tests.storage.child", "hammer", str(path), str(count)]
    with (
        child("shred_for_ever", path) as shredder,
        subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as writer,
    ):
        assert output(shredder).readline()
        for _ in output(writer):
            store.changes()
            found = store.key(REALM, K1)
            assert found is not None
            store.run(lambda tx: tx.put_tags(make_stored(K1).key, {"team": "red"}))
        assert writer.wait() == 0
        assert output(shredder).readline()
    last = store.key(REALM, K1)
    assert last is not None
    assert last.key.description == str(count)
    store.check()
    store.close()


def test_processes_that_look_afterwards_check_the_whole_once_and_go_on(full: SqlStore, path: Path) -> None:
    """The rewriting is a commit that the change log knows nothing of: it is looked at as such, and found right."""
    assert shred(path)
    assert full.changes() is None
    assert full.changes() == []
    full.run(lambda tx: tx.put_tags(make_stored(K1).key, {"team": "blue"}))
    assert [change.name for change in full.changes() or ()] == [K1]


def test_it_takes_no_lock_from_the_stores_of_its_process(full: SqlStore, path: Path) -> None:
    """Another program that comes and goes does not take itself for the last one, and leaves the log alone."""
    assert shred(path)
    full.run(lambda tx: tx.delete_key(make_stored(K1).key, NOW))
    code = (
        "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); c.execute('SELECT * FROM keys').fetchall(); c.close()"
    )
    subprocess.run([sys.executable, "-c", code, str(path)], check=True)
    assert Path(f"{path}-wal").stat().st_size
    assert full.changes()
    full.check()


def test_doing_it_again_changes_nothing(full: SqlStore, path: Path) -> None:
    """Nothing has to be destroyed for it."""
    before = contents(path)
    assert shred(path)
    assert shred(path)
    assert contents(path) == before
    full.check()


def test_too_little_room_is_an_error_before_anything_is_written(
    full: SqlStore, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A copy that filled the disk would stop the audit, and so the service."""
    assert shred(path)
    size = path.stat().st_size
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(size * 9, size * 8, size))
    with pytest.raises(StoreUnavailableError, match="must be free"):
        shred(path)
    assert Path(f"{path}-wal").stat().st_size == 0
    full.check()


def test_a_database_that_fails_is_an_error_of_ours(path: Path) -> None:
    """No database, or none that can be read: no foreign exception comes out, and no database is made."""
    with pytest.raises(StoreUnavailableError):
        shred(path)
    assert not path.exists()
    path.write_bytes(b"no database at all" * 1000)
    with pytest.raises(StoreUnavailableError):
        shred(path)
