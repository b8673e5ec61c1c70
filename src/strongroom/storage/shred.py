"""Nothing that was destroyed stays in the files of a database."""

from contextlib import closing
from pathlib import Path

from strongroom.storage.sqlite import open_database


def shred(path: Path) -> bool:
    """Copy the log into the database file and empty it.

    Returns:
        False where somebody was reading an older state: then it is to be tried again.
    """
    with closing(open_database(path, writing=True)) as database:
        busy, _, _ = database.connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").one()
    return not busy
