"""The programs that the tests of shredding start: ``python -m tests.storage.shred_child PROGRAM DATABASE ...``."""

import os
import signal
import sqlite3
import sys
from pathlib import Path
from typing import cast

from strongroom.storage import shred as module
from strongroom.storage.database import Database
from strongroom.storage.shred import shred
from strongroom.storage.sqlite import open_database
from strongroom.storage.store import open_store
from tests.storage.support import K1, REALM, HmacSeal, make_key, no_veto

PIECE = 8
"""Any 16 bytes of a needle hold one of its pieces of 8 bytes whole, so the pieces are what is looked for."""


def search(path: Path, needles: str) -> None:
    """Read the files as bytes; print how many needles, given in hexadecimal in a file, have a piece there."""
    pieces: dict[bytes, int] = {}
    for number, line in enumerate(Path(needles).read_text().split()):
        needle = bytes.fromhex(line)
        pieces.update((needle[at : at + PIECE], number) for at in range(0, len(needle) - PIECE + 1, PIECE))
    found: set[int] = set()
    for suffix in ("", "-wal", "-shm"):
        file = Path(f"{path}{suffix}")
        data = file.read_bytes() if file.exists() else b""
        windows = (data[at : at + PIECE] for at in range(len(data) - PIECE + 1))
        found.update(pieces[window] for window in windows if window in pieces)
    print(len(found))


def delete(path: Path) -> None:
    """Delete K1 through a store, say so, and live on."""
    store = open_store(path, HmacSeal(), no_veto)
    store.run(lambda tx: tx.delete_key(make_key(K1), 1_700_000_000.0))
    print("deleted", flush=True)
    sys.stdin.read()


def read_for_ever(path: Path) -> None:
    """Read all keys through a store, again and again, and say so each time."""
    store = open_store(path, HmacSeal(), no_veto)
    while True:
        store.changes()
        for key_id in store.key_ids(REALM, "", 1_000):
            store.key(REALM, key_id)
        print("read", flush=True)


def shred_for_ever(path: Path) -> None:
    """Shred again and again, and print each answer."""
    while True:
        print(shred(path), flush=True)


def shred_and_die(path: Path, moment: str) -> None:
    """Shred; die of SIGKILL when SQLite has done so many times 50 instructions, else print the answer."""
    left = int(moment)

    def step() -> int:
        nonlocal left
        left -= 1
        if left < 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return 0

    def opened(path: Path, *, writing: bool) -> Database:
        database = open_database(path, writing=writing)
        driver = cast("sqlite3.Connection", database.connection.connection.dbapi_connection)
        driver.set_progress_handler(step, 50)
        return database

    module.open_database = opened  # type: ignore[attr-defined]
    print(shred(path))


PROGRAMS = {
    "search": search,
    "delete": delete,
    "read_for_ever": read_for_ever,
    "shred_for_ever": shred_for_ever,
    "shred_and_die": shred_and_die,
}

if __name__ == "__main__":
    _, program, database, *arguments = sys.argv
    PROGRAMS[program](Path(database), *arguments)  # type: ignore[operator]
