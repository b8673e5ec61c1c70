"""Rows under a MAC, and set hashes over the rows of a parent (docs: formats, "Rows")."""

import os
import struct
from collections.abc import Callable, Iterable, Mapping
from hmac import compare_digest
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Double,
    Executable,
    LargeBinary,
    Table,
    Text,
    and_,
    bindparam,
    delete,
    insert,
    select,
    update,
)

from strongroom.ports import RowSeal, TamperedStoreError
from strongroom.storage.database import Database, Row

NONCE_BYTES = 16
MODULUS = 1 << 256

SET_HASH = slice(-4, -2)
"""Where a parent's row has its nonce and set hash."""

_LENGTH_TYPE = struct.Struct(">IB")
_INTEGER = struct.Struct(">IBq")
_FLOAT = struct.Struct(">IBd")
_NULL = _LENGTH_TYPE.pack(1, 0)
_BOOLEANS = {False: _LENGTH_TYPE.pack(2, 5) + b"\0", True: _LENGTH_TYPE.pack(2, 5) + b"\1"}


def _integer(value: int) -> bytes:
    return _INTEGER.pack(9, 1, value)


def _text(value: str) -> bytes:
    data = value.encode()
    return _LENGTH_TYPE.pack(len(data) + 1, 2) + data


def _binary(value: bytes) -> bytes:
    return _LENGTH_TYPE.pack(len(value) + 1, 3) + value


def _float(value: float) -> bytes:
    return _FLOAT.pack(9, 4, value)


_CODERS: dict[type, Callable[[Any], bytes]] = {
    BigInteger: _integer,
    Text: _text,
    LargeBinary: _binary,
    Double: _float,
    Boolean: _BOOLEANS.__getitem__,
}


class SealedTable:
    """A table whose last column is the row's MAC: the encoding of its rows, and its statements, built once.

    Attributes:
        get: The row of a primary key; the parameters are the columns of the key.
    """

    def __init__(self, table: Table) -> None:
        names = table.columns.keys()
        keys = table.primary_key.columns.keys()
        if names[: len(keys)] != keys or names[-1] != "mac":
            raise ValueError(f"{table.name}: the primary key comes first and the MAC last")
        here = and_(*(table.c[name] == bindparam(name) for name in keys))
        there = and_(*(table.c[name] == bindparam(f"old_{name}") for name in keys))
        self.name = table.name
        self.names = names
        self.keys = keys
        self.get = select(table).where(here)
        self.insert = insert(table)
        self.replace = update(table).where(there)
        self.remove = delete(table).where(here)
        self._old_keys = [f"old_{name}" for name in keys]
        self._coders = tuple(_CODERS[type(column.type)] for column in list(table.columns)[:-1])
        self._head = len(table.name).to_bytes(4, "big") + table.name.encode()

    def encode(self, values: Row) -> bytes:
        """The canonical encoding of a row without its MAC; values after those of the columns are passed over."""
        parts = [_NULL if value is None else coder(value) for coder, value in zip(self._coders, values, strict=False)]
        return self._head + b"".join(parts)

    def where(self, key: Row) -> dict[str, Any]:
        """A primary key, or a row that begins with it, as the parameters of ``get`` and ``remove``."""
        return dict(zip(self.keys, key, strict=False))

    def put(self, values: Row) -> dict[str, Any]:
        """A whole row as the parameters of ``insert``."""
        return dict(zip(self.names, values, strict=True))

    def put_over(self, values: Row) -> dict[str, Any]:
        """A whole row as the parameters of ``replace``."""
        count = len(self.keys)
        return dict(zip([*self._old_keys, *self.names[count:]], values, strict=True))

    def place(self, key: Row) -> str:
        """Where a row is, for the operator: the table and the primary key, which hold no secret."""
        return f"{self.name} ({', '.join(map(repr, key[: len(self.keys)]))})"


class SealedRows:
    """Checked reads, and writes that seal, over one connection.

    Every method that reads raises TamperedStoreError, naming table and primary key, where a row's MAC does not fit.
    """

    __slots__ = ("database", "seal")

    def __init__(self, database: Database, seal: RowSeal) -> None:
        self.database = database
        self.seal = seal

    def find(self, table: SealedTable, *key: Any) -> Row | None:
        """The row of a primary key, or None."""
        row = self.database.first(table.get, table.where(key))
        if row is not None:
            self._check(table, row)
        return row

    def require(self, table: SealedTable, *key: Any) -> Row:
        """The row of a primary key that must be there, since something else hangs on it."""
        row = self.find(table, *key)
        if row is None:
            raise TamperedStoreError(f"{table.place(key)}: the row is missing")
        return row

    def select(self, table: SealedTable, statement: Executable, parameters: Mapping[str, Any]) -> list[Row]:
        """All rows that a statement over a whole table gives."""
        rows = list(self.database.rows(statement, parameters))
        for row in rows:
            self._check(table, row)
        return rows

    def write(self, table: SealedTable, old: Row | None, values: Row) -> int:
        """Insert a row, or replace the checked row ``old`` of the same key.

        Args:
            table: The table.
            old: What ``find`` gave.
            values: The new row without version and MAC.

        Returns:
            What has to be added to the sum of the parent's elements.
        """
        version = 1 if old is None else old[-2] + 1
        mac = self.seal.mac(table.encode((*values, version)))
        row = (*values, version, mac)
        if old is None:
            self.database.run(table.insert, table.put(row))
            return self.seal.element(mac)
        self.database.run(table.replace, table.put_over(row))
        return self.seal.element(mac) - self.seal.element(old[-1])

    def remove(self, table: SealedTable, old: Row) -> int:
        """Delete a checked row; returns what has to be added to the sum of the parent's elements."""
        self.database.run(table.remove, table.where(old))
        return -self.seal.element(old[-1])

    def set_hash(self, share: int) -> tuple[bytes, bytes]:
        """Nonce and set hash of a new parent whose elements sum up to ``share``."""
        nonce = os.urandom(NONCE_BYTES)
        return nonce, ((self.seal.mask(nonce) + share) % MODULUS).to_bytes(32, "big")

    def shifted(self, hashes: Row, share: int) -> tuple[bytes, bytes]:
        """Nonce and set hash, checked, after ``share`` is added to the sum of the elements."""
        nonce, total = hashes
        return self.set_hash(int.from_bytes(total, "big") - self.seal.mask(nonce) + share)

    def check_set(self, table: SealedTable, parent: Row, share: int) -> None:
        """Require that a checked parent's elements sum up to ``share``."""
        self.check_sum(table, parent, parent[SET_HASH], share)

    def check_sum(self, table: SealedTable, parent: Row, hashes: Row, share: int) -> None:
        """Require that the elements under a nonce and set hash, which a checked parent holds, sum up to ``share``."""
        nonce, total = hashes
        found = ((self.seal.mask(nonce) + share) % MODULUS).to_bytes(32, "big")
        if not compare_digest(found, total):
            raise TamperedStoreError(f"{table.place(parent)}: the set of rows under it is not the one written")

    def share(self, macs: Iterable[bytes]) -> int:
        """The sum of the elements of rows, given by their MACs."""
        return sum(map(self.seal.element, macs))

    def _check(self, table: SealedTable, row: Row) -> None:
        """Require that a row's MAC fits; a value of another type than its column's is no row of ours either."""
        try:
            fits = compare_digest(self.seal.mac(table.encode(row)), row[-1])
        except (TypeError, ValueError, KeyError, AttributeError, struct.error):
            fits = False
        if not fits:
            raise TamperedStoreError(f"{table.place(row)}: the row is not as it was written")
