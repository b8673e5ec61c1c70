"""One connection to the database; what goes wrong in it becomes an error of ours."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TypeAlias

from sqlalchemy import Connection, Executable
from sqlalchemy.exc import SQLAlchemyError

from strongroom.ports import StoreUnavailableError

Row: TypeAlias = Sequence[Any]
"""The values of a row in the order of the columns."""

_STREAM_ROWS = 5_000


class Database:
    """A held SQLAlchemy connection, for one thread at a time.

    Args:
        connection: The connection; its driver begins no transaction by itself.
        begin: The statement that begins one. (An event listener that did it would slow every statement down.)

    Every method raises StoreUnavailableError where the database fails. The text of that error says what failed, and
    holds no values (the engine is made with ``hide_parameters``).
    """

    __slots__ = ("_begin", "connection")

    def __init__(self, connection: Connection, begin: str) -> None:
        self.connection = connection
        self._begin = begin

    def first(self, statement: Executable, parameters: Mapping[str, Any]) -> Row | None:
        """The first row that a statement gives, or None."""
        try:
            return self.connection.execute(statement, parameters).first()
        except SQLAlchemyError as error:
            raise _unavailable(error) from error

    def rows(self, statement: Executable, parameters: Mapping[str, Any]) -> Sequence[Row]:
        """All rows that a statement gives."""
        try:
            return self.connection.execute(statement, parameters).all()
        except SQLAlchemyError as error:
            raise _unavailable(error) from error

    def stream(self, statement: Executable) -> Iterator[Row]:
        """The rows of a long answer, some at a time."""
        try:
            for part in self.connection.execute(statement).partitions(_STREAM_ROWS):
                yield from part
        except SQLAlchemyError as error:
            raise _unavailable(error) from error

    def run(self, statement: Executable, parameters: Mapping[str, Any] | Sequence[Mapping[str, Any]]) -> None:
        """Run a statement that gives no rows, once or with many sets of parameters."""
        try:
            self.connection.execute(statement, parameters)
        except SQLAlchemyError as error:
            raise _unavailable(error) from error

    def begin(self) -> None:
        """Begin a transaction; on a connection for writing it takes the write lock at once."""
        try:
            self.connection.exec_driver_sql(self._begin)
        except SQLAlchemyError as error:
            self.connection.rollback()  # to SQLAlchemy it has begun all the same
            raise _unavailable(error) from error

    def commit(self) -> None:
        """Make the transaction durable."""
        try:
            self.connection.commit()
        except SQLAlchemyError as error:
            raise _unavailable(error) from error

    def rollback(self) -> None:
        """End the transaction without a trace."""
        try:
            self.connection.rollback()
        except SQLAlchemyError as error:
            raise _unavailable(error) from error

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """See one state of the database; inside a transaction, its own."""
        if self.connection.in_transaction():
            yield
            return
        self.begin()
        try:
            yield
        finally:
            self.rollback()

    def savepoint(self) -> None:
        """Set the transaction's one savepoint."""
        self._plain("SAVEPOINT job")

    def keep_savepoint(self) -> None:
        """Make what was done since the savepoint a part of the transaction."""
        self._plain("RELEASE SAVEPOINT job")

    def undo_savepoint(self) -> None:
        """Undo what was done since the savepoint."""
        self._plain("ROLLBACK TO SAVEPOINT job")
        self._plain("RELEASE SAVEPOINT job")

    def close(self) -> None:
        """Close the connection for good; an open transaction is rolled back."""
        try:
            self.connection.close()
            self.connection.engine.dispose()
        except SQLAlchemyError as error:
            raise _unavailable(error) from error

    def _plain(self, sql: str) -> None:
        try:
            self.connection.exec_driver_sql(sql)
        except SQLAlchemyError as error:
            raise _unavailable(error) from error


def _unavailable(error: SQLAlchemyError) -> StoreUnavailableError:
    cause = getattr(error, "orig", None) or error
    return StoreUnavailableError(f"The database failed: {type(cause).__name__}: {cause}")
