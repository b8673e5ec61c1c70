"""A second reader of the rows, with nothing but the docs, sqlite3 and hmac; and what it must find."""

import hmac
import sqlite3
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from strongroom.storage.store import SqlStore
from tests.storage.support import K1, K2, LATER, MAC_KEY, REALM, SET_KEY, disabled, make_key, outsider

# docs/reference/storage.md: the columns of each table in order, the primary key first, and their kinds.
COLUMNS: dict[str, str] = {
    "registry": "name:text set_nonce:bytes set_sum:bytes version:int",
    "meta": "name:text value:text version:int",
    "accounts": "account:text created_at:float set_nonce:bytes set_sum:bytes version:int",
    "realms": "account:text region:text set_nonce:bytes set_sum:bytes version:int",
    "audit_heads": "worker:int epoch:int sequence:int chain_mac:bytes created_at:float version:int",
    "credentials": "access_key_id:text account:text sealed_secret:bytes active:bool created_at:float version:int",
    "keys": "account:text region:text key_id:text spec:text usage:text origin:text manager:text state:text "
    "description:text created_at:float settles_as:text deletion_at:float pending_window_days:int primary_region:text "
    "replica_regions:text material_id:text valid_to:float rotation_period_days:int next_rotation_at:float "
    "on_demand_rotations:int on_demand_started_at:float due_at:float set_nonce:bytes set_sum:bytes version:int",
    "tombstones": "account:text region:text key_id:text deleted_at:float version:int",
    "materials": "account:text region:text key_id:text material_id:text wrapped:bytes created_at:float number:int "
    "pending:bool rotated_at:float rotation_type:text description:text valid_to:float version:int",
    "policies": "account:text region:text key_id:text name:text document:text version:int",
    "tags": "account:text region:text key_id:text tag_key:text tag_value:text version:int",
    "aliases": "account:text region:text name:text key_id:text created_at:float updated_at:float version:int",
    "leases": "name:text holder:text valid_to:float version:int",
    "change_log": "seq:int kind:text account:text region:text name:text previous:bytes",
}

# Child tables of each parent, and the columns of the child that hold the parent's key.
CHILDREN: dict[str, dict[str, tuple[str, ...]]] = {
    "keys": dict.fromkeys(("materials", "policies", "tags", "aliases"), ("account", "region", "key_id")),
    "realms": dict.fromkeys(("keys", "tombstones"), ("account", "region")),
    "accounts": {"credentials": ("account",)},
    "registry": dict.fromkeys(("meta", "accounts", "realms", "audit_heads"), ()),
}


def typed(kind: str, value: Any) -> bytes:
    """One value with its type byte."""
    if value is None:
        return b"\0"
    encoders: dict[str, tuple[bytes, Callable[[Any], bytes]]] = {
        "int": (b"\1", lambda number: struct.pack(">q", number)),
        "text": (b"\2", str.encode),
        "bytes": (b"\3", bytes),
        "float": (b"\4", lambda number: struct.pack(">d", number)),
        "bool": (b"\5", lambda flag: bytes([flag])),
    }
    type_byte, encode = encoders[kind]
    return type_byte + encode(value)


def expected_mac(table: str, row: sqlite3.Row) -> bytes:
    """The MAC that a row should have."""
    parts = [table.encode()]
    for column in COLUMNS[table].split():
        name, kind = column.split(":")
        parts.append(typed(kind, row[name]))
    encoding = b"".join(len(part).to_bytes(4, "big") + part for part in parts)
    return hmac.new(MAC_KEY, encoding, "sha256").digest()


def number(prefix: bytes, data: bytes) -> int:
    """A share of a set hash."""
    return int(hmac.new(SET_KEY, prefix + data, "sha256").hexdigest(), 16)


def read_all(path: Path) -> dict[str, list[sqlite3.Row]]:
    """Every row of every table under a MAC."""
    with outsider(path) as connection:
        connection.row_factory = sqlite3.Row
        return {table: connection.execute(f"SELECT * FROM {table}").fetchall() for table in COLUMNS}  # noqa: S608 - ours


def change_something(store: SqlStore) -> None:
    """Replace and remove rows, so that versions and sums have moved."""
    store.run(lambda tx: tx.update_key(disabled(make_key(K1))))
    store.run(lambda tx: tx.put_tags(make_key(K1), {"team": "blue", "ünï": "", "": "\U0001f511"}))
    store.run(lambda tx: tx.delete_tags(make_key(K1), ("env",)))
    store.run(lambda tx: tx.put_policy(make_key(K1), "extra", "{}"))
    store.run(lambda tx: tx.put_material(make_key(K1), replace(LATER, wrapped=b"once more")))
    store.run(lambda tx: tx.delete_key(make_key(K2), 1_700_000_060.5))
    store.run(lambda tx: tx.take_lease("jobs", "tests", 1_700_000_000.0, 1_700_000_030.5))


def test_the_second_reader_agrees_on_every_mac(full: SqlStore, path: Path) -> None:
    """Each stored MAC is the documented function of the row."""
    change_something(full)
    tables = read_all(path)
    for table, rows in tables.items():
        assert rows, table
        for row in rows:
            assert row["mac"] == expected_mac(table, row), (table, tuple(row)[:4])


def test_the_second_reader_agrees_on_every_set_hash(full: SqlStore, path: Path) -> None:
    """Each stored set hash is the documented function of nonce and child rows."""
    change_something(full)
    tables = read_all(path)
    for table, children in CHILDREN.items():
        for parent in tables[table]:
            total = number(b"\0", parent["set_nonce"])
            for child, columns in children.items():
                for row in tables[child]:
                    if all(row[column] == parent[column] for column in columns):
                        total += number(b"\1", row["mac"])
            assert parent["set_sum"] == (total % 2**256).to_bytes(32, "big"), (table, tuple(parent)[:3])


def test_the_second_reader_agrees_on_the_chain(full: SqlStore, path: Path) -> None:
    """Change log entries are numbered from 1 and each names the MAC of the one before."""
    change_something(full)
    log = sorted(read_all(path)["change_log"], key=lambda entry: entry["seq"])
    assert [entry["seq"] for entry in log] == list(range(1, len(log) + 1))
    assert [entry["previous"] for entry in log] == [b"", *(entry["mac"] for entry in log[:-1])]


def test_nonces_and_versions_move_with_each_write(full: SqlStore, path: Path) -> None:
    """A replaced row has the next version, and every parent above it a fresh nonce."""

    def look() -> dict[str, tuple[int, bytes]]:
        tables = read_all(path)
        mine = {
            "keys": [row for row in tables["keys"] if row["key_id"] == K1],
            "realms": [row for row in tables["realms"] if row["region"] == REALM.region],
            "registry": tables["registry"],
        }
        return {table: (row["version"], row["set_nonce"]) for table, (row,) in mine.items()}

    before = look()
    full.run(lambda tx: tx.update_key(make_key(K1)))
    after = look()
    for table in before:
        assert after[table][0] == before[table][0] + 1
        assert after[table][1] != before[table][1]
        assert len(after[table][1]) == 16
