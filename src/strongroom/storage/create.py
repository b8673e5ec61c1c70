"""Making a store, and reading what stands in it before there is a key for its rows."""

from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from sqlalchemy import select

from strongroom.ports import RowSeal, StoreUnavailableError
from strongroom.storage import changes, schema
from strongroom.storage.migrate import require_current, upgrade
from strongroom.storage.rows import REGISTRY, REGISTRY_NAME, RootKeyRow
from strongroom.storage.sealed import SealedRows
from strongroom.storage.sqlite import FileLock, create_file, open_database
from strongroom.storage.transaction import SqlTransaction

_ROOT_KEYS = select(schema.root_keys).order_by(schema.root_keys.c.version)


def create_store(path: Path, seal: RowSeal, fill: Callable[[SqlTransaction], None]) -> None:
    """Make a store: folder, file, tables, and in one transaction what ``fill`` writes.

    What an earlier call left that was cut off is taken over.

    Args:
        path: The database file to make.
        seal: For its rows.
        fill: Writes the first rows: root key, meta, accounts.

    Raises:
        StoreUnavailableError: There is a store, or none can be made.
    """
    create_file(path)
    upgrade(path)
    with closing(FileLock(path)) as lock, lock, closing(open_database(path, writing=True)) as database:
        database.begin()
        rows = SealedRows(database, seal)
        if database.first(REGISTRY.get, REGISTRY.where((REGISTRY_NAME,))) is not None:
            raise StoreUnavailableError(f"{path} holds a store already")
        rows.write(REGISTRY, None, (REGISTRY_NAME, *rows.set_hash(0)))
        changes.append(rows, changes.BEGINNING, (changes.NOTHING,))
        transaction = SqlTransaction(database, seal)
        fill(transaction)
        transaction.pending.settle(rows)
        database.commit()


def root_keys(path: Path) -> list[RootKeyRow]:
    """All versions of the root key, oldest first.

    Raises:
        StoreUnavailableError: There is no database, or not of this program's schema revision.
    """
    with closing(open_database(path, writing=False)) as database:
        require_current(database)
        return [RootKeyRow(*row) for row in database.rows(_ROOT_KEYS, {})]
