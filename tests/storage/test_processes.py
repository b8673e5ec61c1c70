"""Several processes on one file, and processes that die."""

import random
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from queue import SimpleQueue
from threading import Thread
from typing import IO

import msgspec
import pytest

from strongroom.model.key import StoredKey
from strongroom.storage.store import SqlStore, open_store
from tests.storage.child import increment
from tests.storage.support import K1, REALM, HmacSeal, make_stored, new_store, no_veto, outsider
from tests.support import SOAK

ROOT = Path(__file__).parents[2]
KILLS = 50 if SOAK else 5


@contextmanager
def child(program: str, path: Path, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """Start a program of ``child.py``; it does not outlive the block."""
    command = [sys.executable, "-m", "tests.storage.child", program, str(path), *arguments]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def output(process: subprocess.Popen[str]) -> IO[str]:
    """What the process prints."""
    assert process.stdout is not None
    return process.stdout


def test_two_processes_lose_nothing_and_see_each_other(tmp_path: Path) -> None:
    """Two processes increment one number: none is lost, and a cache is never older than what the other acknowledged."""
    store = new_store(tmp_path)
    stored = make_stored(K1)
    store.run(lambda tx: tx.insert_key(_numbered(stored, 0)))
    cache: list[StoredKey] = []
    answers: SimpleQueue[object] = SimpleQueue()
    count = 150
    with child("hammer", tmp_path / "strongroom.db", str(count)) as process:
        numbers = []
        for line in output(process):
            store.submit(increment, answers.put)
            numbers.append(int(line))
            changes = store.changes()
            if changes is None or any(change.name == K1 for change in changes):
                cache.clear()
            if not cache:
                found = store.key(REALM, K1)
                assert found is not None
                cache.append(found)
            assert int(cache[0].key.description) >= numbers[-1]
        assert process.wait() == 0
    own = [answers.get() for _ in range(count)]
    assert sorted([*numbers, *map(int, map(str, own))]) == list(range(1, 2 * count + 1))
    store.check()
    store.close()


def _numbered(stored: StoredKey, number: int) -> StoredKey:
    return msgspec.structs.replace(stored, key=msgspec.structs.replace(stored.key, description=str(number)))


@pytest.mark.soak
@pytest.mark.timeout(120 + 10 * KILLS)
def test_a_killed_writer_loses_nothing_it_acknowledged(tmp_path: Path) -> None:
    """SIGKILL at random moments, two processes at a time: what was acknowledged is there whole, and all checks."""
    seed = random.randrange(2**32)  # noqa: S311 - moments, not keys
    print(f"seed {seed}")
    moments = random.Random(seed)  # noqa: S311 - as above
    path = tmp_path / "strongroom.db"
    new_store(tmp_path).close()
    acknowledged: list[str] = []
    for kill in range(KILLS):
        new = _write_until_killed(path, f"{kill:x}", moments.randrange(1, 60))
        acknowledged += new
        with closing(open_store(path, HmacSeal(), no_veto)) as store:
            _require(store, new)
    with closing(open_store(path, HmacSeal(), no_veto)) as store:
        _require(store, acknowledged)


def _write_until_killed(path: Path, prefix: str, count: int) -> list[str]:
    """Let two processes write, and kill both when the first has acknowledged ``count`` keys: all that they did."""
    with (
        child("write_until_killed", path, f"{prefix}a") as first,
        child("write_until_killed", path, f"{prefix}b") as second,
    ):
        others: list[str] = []
        reader = Thread(target=lambda: others.extend(output(second)))
        reader.start()
        lines = [output(first).readline() for _ in range(count)]
        first.kill()
        second.kill()
        lines += output(first)
        reader.join()
    assert lines[0]
    return [line.strip() for line in lines + others if line.endswith("\n")]


def _require(store: SqlStore, key_ids: list[str]) -> None:
    store.check()
    for key_id in key_ids:
        stored = store.key(REALM, key_id)
        assert stored is not None, key_id
        assert len(stored.materials) == 1
        assert stored.policies["default"].document.startswith("policy of ")
    there = store.key_ids(REALM, "", 1_000_000)
    assert set(key_ids) <= set(there)
    assert {event_id for event_id, _ in store.outbox(1_000_000)} == set(there)


def test_a_disk_that_is_full_refuses_and_recovers(tmp_path: Path) -> None:
    """Where the log cannot grow, writes fail as StoreUnavailableError; once it can, the same process writes again."""
    path = tmp_path / "strongroom.db"
    new_store(tmp_path).close()
    with child("fill_the_disk", path, f"{path}-wal") as process:
        assert output(process).read().splitlines() == ["refused", "refused", "after before"]
        assert process.wait() == 0
    with outsider(path) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
