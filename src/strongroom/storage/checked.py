"""What reads and writes of all kinds of rows share."""

from strongroom.ports import RowSeal
from strongroom.storage.database import Database
from strongroom.storage.sealed import SealedRows


class CheckedRows:
    """Somebody who reads checked rows over one connection."""

    def __init__(self, database: Database, seal: RowSeal) -> None:
        self._database = database
        self._rows = SealedRows(database, seal)
