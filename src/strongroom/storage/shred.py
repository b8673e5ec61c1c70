"""Nothing that was destroyed stays in the files of a database (docs: adr 11)."""

import shutil
from contextlib import closing
from pathlib import Path

from sqlalchemy import text

from strongroom.ports import StoreUnavailableError
from strongroom.storage.database import Database
from strongroom.storage.sqlite import FileLock, open_database

PATIENCE_SECONDS = 0.5
"""How long the emptying of the log waits for readers; writers wait meanwhile, readers do not."""

_ROOM = 2
"""Free space that is needed, in sizes of the database: one for the copy in the log, one for all who write meanwhile."""

_PATIENCE = text(f"PRAGMA busy_timeout={PATIENCE_SECONDS * 1000:.0f}")
_EMPTY_LOG = text("PRAGMA wal_checkpoint(TRUNCATE)")
_REWRITE = text("VACUUM")


def shred(path: Path) -> bool:
    """Rewrite a database from the rows that it has, so that nothing of deleted and replaced ones stays in its files.

    ``secure_delete`` alone does not do that: balancing a b-tree moves cells to other pages and leaves copies behind,
    which nobody zeroes when the row is deleted later. VACUUM "will clean the database of all traces of deleted content"
    (SQLite, "VACUUM"). It writes a copy of the database into the log, so the log is emptied afterwards; and before, so
    that a reader who is in the way is found before the work is done.

    May run on any thread, in many processes. Readers go on; writers wait (1.7 s for 180 MB). The rows are copied in
    memory. On a file system whose ``fsync`` of a file makes its length durable, too, what is gone stays gone after a
    power failure once a later commit is durable: so commit the note that it is done after this.

    Returns:
        False where somebody was reading an older state, or somebody other than the service writing: nothing is lost,
        deleted bytes may remain, and it is to be tried again.

    Raises:
        StoreUnavailableError: The database fails, or there is too little room on the disk.
    """
    with closing(open_database(path, writing=True)) as database, closing(FileLock(path)) as lock, lock:
        database.first(_PATIENCE, {})
        if not _empty_log(database):
            return False
        _require_room(path)
        database.run(_REWRITE, {})
        return _empty_log(database)


def _empty_log(database: Database) -> bool:
    """Copy the log into the database file, and cut it to nothing; False where somebody needs it."""
    row = database.first(_EMPTY_LOG, {})
    return row is not None and row[0] == 0


def _require_room(path: Path) -> None:
    """Require that the rewriting cannot fill the disk, which would stop the audit and so the service."""
    try:
        needed, free = path.stat().st_size * _ROOM, shutil.disk_usage(path.parent).free
    except OSError as error:
        raise StoreUnavailableError(f"The room beside {path} is not known: {error.strerror}") from error
    if free < needed:
        raise StoreUnavailableError(f"Destroyed material stays in {path}: {needed} bytes must be free, and {free} are")
