"""The programs that the process tests start: ``python -m tests.storage.child PROGRAM DATABASE ...``."""

import resource
import sys
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import msgspec

from strongroom.model.policy import BoundPolicy
from strongroom.ports import StoreUnavailableError
from strongroom.storage.store import SqlStore, open_store
from strongroom.storage.transaction import SqlTransaction
from tests.storage.support import AK1, K1, REALM, HmacSeal, make_alias, make_credential, make_key, make_stored, no_veto

IN_FLIGHT = 8


def increment(tx: SqlTransaction) -> int:
    """Add one to the number in the description of K1."""
    stored = tx.key(REALM, K1)
    if stored is None:
        raise LookupError(K1)
    number = int(stored.key.description) + 1
    tx.update_key(msgspec.structs.replace(stored.key, description=str(number)))
    return number


def hammer(store: SqlStore, count: str) -> None:
    """Increment ``count`` times, some at once; print each number once it is acknowledged."""
    answers: SimpleQueue[Any] = SimpleQueue()
    for started in range(int(count) + IN_FLIGHT):
        if started >= IN_FLIGHT:
            print(answers.get(), flush=True)
        if started < int(count):
            store.submit(increment, answers.put)


def write_until_killed(store: SqlStore, prefix: str) -> None:
    """Make keys with all that belongs to them, many at once; print the number of each that is acknowledged."""
    answers: SimpleQueue[Any] = SimpleQueue()

    def submit(number: int) -> None:
        key_id = f"{prefix}{number:07}-0000-4000-8000-000000000000"

        def work(tx: SqlTransaction) -> str:
            tx.insert_key(make_stored(key_id, tags={"number": str(number)}))
            tx.put_alias(make_alias(f"alias/{prefix}", key_id))
            tx.put_policy(make_key(key_id), "default", BoundPolicy(f"policy of {number}"))
            tx.put_credential(make_credential(AK1, active=number % 2 == 0))
            tx.add_record(key_id, b"payload")
            return key_id

        store.submit(work, answers.put)

    number = 0
    while True:
        number += 1
        submit(number)
        if number > IN_FLIGHT:
            print(answers.get(), flush=True)


def fill_the_disk(store: SqlStore, wal: str) -> None:
    """Write while the write-ahead log cannot grow, then when it can again; print what became of it."""
    store.run(lambda tx: tx.insert_key(make_stored("before")))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (Path(wal).stat().st_size, hard))
    for key_id in ("during-1", "during-2"):
        try:
            store.run(lambda tx, key_id=key_id: tx.insert_key(make_stored(key_id)))  # type: ignore[misc]
            print("written", flush=True)
        except StoreUnavailableError:
            print("refused", flush=True)
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    store.run(lambda tx: tx.insert_key(make_stored("after")))
    store.check()
    print(*store.key_ids(REALM, "", 10), flush=True)


PROGRAMS = {"hammer": hammer, "write_until_killed": write_until_killed, "fill_the_disk": fill_the_disk}

if __name__ == "__main__":
    _, program, database, *arguments = sys.argv
    opened = open_store(Path(database), HmacSeal(), no_veto)
    PROGRAMS[program](opened, *arguments)
    opened.close()
