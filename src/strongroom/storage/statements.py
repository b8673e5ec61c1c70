"""Statements that several kinds of rows share, and their parameters."""

from typing import Any

from sqlalchemy import ColumnElement, Select, Table, bindparam, select

from strongroom.model.region import Realm


def here(table: Table, *columns: str) -> list[ColumnElement[bool]]:
    """The conditions that columns are the parameters of the same names."""
    return [table.c[name] == bindparam(name) for name in columns]


def page(table: Table, place: tuple[str, ...], column: str) -> Select[*tuple[Any, ...]]:
    """The first ``limit`` rows of a place whose ``column`` is greater than ``after``, in the order of it."""
    conditions = [*here(table, *place), table.c[column] > bindparam("after")]
    return select(table).where(*conditions).order_by(table.c[column]).limit(bindparam("limit"))


OF_KEY = ("account", "region", "key_id")
"""The columns that say which key a row is of."""

OF_PRINCIPAL = ("account", "kind", "name")
"""The columns that say which principal a row is of."""


def realm_place(realm: Realm) -> dict[str, Any]:
    """The parameters that say which realm."""
    return {"account": realm.account, "region": realm.region}


def key_place(realm: Realm, key_id: str) -> dict[str, Any]:
    """The parameters that say which key."""
    return {**realm_place(realm), "key_id": key_id}
