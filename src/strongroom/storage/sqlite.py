"""All that is SQLite's own: opening connections, the probe for foreign commits, the lock between processes."""

import fcntl
import mmap
import os
import sqlite3
import sys
from pathlib import Path
from types import TracebackType
from typing import ClassVar, Self, cast

from sqlalchemy import create_engine
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import NullPool

from strongroom.ports import StoreUnavailableError
from strongroom.storage.database import Database

FILE_MODE = 0o600
FOLDER_MODE = 0o700

BUSY_SECONDS = 10.0
"""How long a statement waits for a lock of somebody who is not one of ours, such as a backup tool."""

_HEADER_BYTES = 48
_INDEX_VERSION = (3_007_000).to_bytes(4, sys.byteorder)

# synchronous: a commit is on the disk before it returns. trusted_schema, cell_size_check: the file may have been
# written by anybody (SQLite, "Defense Against The Dark Arts"). temp_store: nothing of it gets into other files.
# secure_delete: little of what is deleted stays in the file until it is shredded.
_PRAGMAS = ("synchronous=FULL", "trusted_schema=OFF", "cell_size_check=ON", "temp_store=MEMORY", "secure_delete=ON")


def create_file(path: Path) -> None:
    """Make an empty database file, mode 0600, and its folder, mode 0700, where they do not exist.

    SQLite gives the files that it makes beside the database the database's mode.

    Raises:
        StoreUnavailableError: The file cannot be made.
    """
    try:
        path.parent.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
        os.close(os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, FILE_MODE))
    except OSError as error:
        raise StoreUnavailableError(f"{path} cannot be made: {error.strerror}") from error


def open_database(path: Path, *, writing: bool) -> Database:
    """Open a connection to an existing database file.

    Args:
        path: The database file.
        writing: Whether transactions write: they begin with the write lock. Else writing is refused.

    Raises:
        StoreUnavailableError: There is no such file, it is not a database, or its file system cannot share it.
    """

    def connect() -> sqlite3.Connection:
        return _connect(path, writing=writing)

    engine = create_engine("sqlite://", creator=connect, poolclass=NullPool, hide_parameters=True)
    try:
        return Database(engine.connect(), "BEGIN IMMEDIATE" if writing else "BEGIN")
    except (SQLAlchemyError, sqlite3.Error) as error:
        cause = getattr(error, "orig", None) or error
        raise StoreUnavailableError(f"{path} cannot be opened: {cause}") from error


def _connect(path: Path, *, writing: bool) -> sqlite3.Connection:
    # isolation_level=None switches the driver's own handling of transactions off; Database begins them.
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode=rw",
        uri=True,
        isolation_level=None,
        check_same_thread=False,
        timeout=BUSY_SECONDS,
    )
    try:
        _configure(connection, writing=writing)
    except BaseException:
        connection.close()
        raise
    return connection


def _configure(connection: sqlite3.Connection, *, writing: bool) -> None:
    # With a write-ahead log readers and the writer do not wait for each other.
    (mode,) = connection.execute("PRAGMA journal_mode=WAL").fetchone()
    if mode != "wal":
        raise StoreUnavailableError("The database cannot have a write-ahead log; is it on a local file system?")
    for pragma in _PRAGMAS:
        connection.execute(f"PRAGMA {pragma}")
    if not writing:
        connection.execute("PRAGMA query_only=ON")


class Probe:
    """Tells that somebody committed: one cheap statement on the driver, past SQLAlchemy.

    The number that it gives changes when any other connection, of any process, has committed; inside a snapshot it is
    the number of that snapshot (SQLite, "PRAGMA data_version").
    """

    __slots__ = ("_cursor",)

    def __init__(self, database: Database) -> None:
        self._cursor = cast("sqlite3.Connection", database.connection.connection.dbapi_connection).cursor()

    def __call__(self) -> int:
        """The number at this moment.

        Raises:
            StoreUnavailableError: The database fails.
        """
        try:
            number: int = self._cursor.execute("PRAGMA data_version").fetchone()[0]
        except sqlite3.Error as error:
            raise StoreUnavailableError(f"The database failed: {type(error).__name__}: {error}") from error
        return number


class WalIndex:
    """The first bytes of the index of the write-ahead log, which every commit changes: a look costs a copy of 48 bytes.

    SQLite's own connections compare these bytes to know whether anybody has committed (SQLite, "WAL-mode File Format",
    section 2.1); ``PRAGMA data_version`` does it too, behind two locks and a statement. The index is shared memory, a
    file beside the database that is mapped here as well. What is read may be half written: it then differs, and is
    looked at again.

    Closing any descriptor of a file drops all POSIX locks that a process has on it, SQLite's included. So a process has
    one descriptor for each index, closed after the last store that uses it has closed its connections.
    """

    __slots__ = ("_map", "_path")

    _shared: ClassVar[dict[Path, tuple[int, mmap.mmap, int]]] = {}

    def __init__(self, database: Path) -> None:
        self._path = Path(f"{database.resolve()}-shm")
        self._map = self._open()

    def header(self) -> bytes | None:
        """The bytes at this moment; None where the index is not there, or in a form that is not known."""
        if self._map is None:
            return None
        found = self._map[:_HEADER_BYTES]
        return found if found[:4] == _INDEX_VERSION else None

    def close(self) -> None:
        """Let go of the index; SQLite's connections of this store are closed before."""
        if self._map is None:
            return
        self._map = None
        descriptor, mapped, users = self._shared.pop(self._path)
        if users > 1:
            self._shared[self._path] = descriptor, mapped, users - 1
        else:
            mapped.close()
            os.close(descriptor)

    def _open(self) -> mmap.mmap | None:
        if self._path in self._shared:
            descriptor, mapped, users = self._shared[self._path]
        else:
            try:
                if self._path.stat().st_size < _HEADER_BYTES:  # asked before: what is opened must not be closed again
                    return None
                descriptor = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC)
                mapped, users = mmap.mmap(descriptor, _HEADER_BYTES, access=mmap.ACCESS_READ), 0
            except OSError:
                return None
        self._shared[self._path] = descriptor, mapped, users + 1
        return mapped


class FileLock:
    """The lock that a writer holds for a batch: one holder among all processes on the database, each in its turn.

    Two files beside the database: who waits for ``-lock`` holds ``-turn``, so that a process that lets go cannot take
    the lock again before the one that waits. The kernel lets go of both when a process dies.
    """

    __slots__ = ("_lock", "_turn")

    def __init__(self, path: Path) -> None:
        self._turn = _open_lock(path, "-turn")
        self._lock = _open_lock(path, "-lock")

    def __enter__(self) -> Self:
        try:
            fcntl.flock(self._turn, fcntl.LOCK_EX)
            try:
                fcntl.flock(self._lock, fcntl.LOCK_EX)
            finally:
                fcntl.flock(self._turn, fcntl.LOCK_UN)
        except OSError as error:
            raise StoreUnavailableError(f"The database cannot be locked: {error.strerror}") from error
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        fcntl.flock(self._lock, fcntl.LOCK_UN)

    def close(self) -> None:
        """Close both files."""
        os.close(self._turn)
        os.close(self._lock)


def _open_lock(path: Path, suffix: str) -> int:
    name = f"{path}{suffix}"
    try:
        return os.open(name, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, FILE_MODE)
    except OSError as error:
        raise StoreUnavailableError(f"{name} cannot be opened: {error.strerror}") from error
