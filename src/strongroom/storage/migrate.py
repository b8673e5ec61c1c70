"""The schema revision of a database, and bringing it to this program's."""

from contextlib import closing
from pathlib import Path

from sqlalchemy import Column, MetaData, String, Table, inspect, select
from sqlalchemy.exc import SQLAlchemyError

from strongroom.ports import StoreUnavailableError
from strongroom.storage.database import Database
from strongroom.storage.schema import HEAD
from strongroom.storage.sqlite import FileLock, open_database

_MIGRATIONS = Path(__file__).with_name("migrations")
_REVISIONS = Table("alembic_version", MetaData(), Column("version_num", String(32), primary_key=True))


def upgrade(path: Path) -> None:
    """Bring a database to the newest schema revision, in one transaction; nothing is done where it has it.

    Raises:
        StoreUnavailableError: There is no database, its revision is not known here, or the upgrade did not happen.
    """
    with closing(FileLock(path)) as lock, lock, closing(open_database(path, writing=True)) as database:
        if _revision(database) != HEAD:
            _run(database)


def require_current(database: Database) -> None:
    """Refuse a database of another schema revision than this program's.

    Raises:
        StoreUnavailableError: It is another one.
    """
    revision = _revision(database)
    if revision != HEAD:
        raise StoreUnavailableError(f"The database has schema revision {revision}; this program needs {HEAD}")


def _revision(database: Database) -> str | None:
    with database.snapshot():
        try:
            if not inspect(database.connection).has_table(_REVISIONS.name):
                return None
        except SQLAlchemyError as error:
            raise StoreUnavailableError(f"The database cannot be read: {error}") from error
        row = database.first(select(_REVISIONS), {})
    return None if row is None else row[0]


def _run(database: Database) -> None:
    # Alembic takes longer to import than all else here together, and is needed once in the life of a release.
    from alembic import command  # noqa: PLC0415
    from alembic.config import Config  # noqa: PLC0415
    from alembic.util import CommandError  # noqa: PLC0415

    config = Config(attributes={"connection": database.connection})
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    database.begin()
    try:
        command.upgrade(config, "head")
    except (CommandError, SQLAlchemyError) as error:
        database.rollback()
        raise StoreUnavailableError(f"The database's schema cannot be brought to revision {HEAD}: {error}") from error
    database.commit()
